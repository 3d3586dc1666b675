// SPDX-License-Identifier: Apache-2.0
// learn and fin_timeout: what packets ask of the tables. Translation notes it; learn.h carries it out.
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/xlate-private.h"

// ---- The rule ----

// A part's bits, right-aligned in as many bytes as 'to' has.
static void take_value(const struct xlate_ctx *ctx, const struct learn_spec *s,
		       const struct field *to, union field_value *ret)
{
	uint8_t wide[LEARN_VALUE_BYTES] = { 0 };
	union field_value v = { { 0 } };
	size_t n;

	if (s->src.field) {
		n = s->src.field->n_bytes;
		subfield_read(&s->src, &ctx->flow, &v);
		if (n > sizeof(wide))
			memcpy(wide, v.b + n - sizeof(wide), sizeof(wide));
		else
			memcpy(wide + sizeof(wide) - n, v.b, n);
	} else {
		memcpy(wide, s->value, sizeof(wide));
	}
	memset(ret, 0, sizeof(*ret));
	n = MIN((size_t)to->n_bytes, sizeof(wide));
	memcpy(ret->b + to->n_bytes - n, wide + sizeof(wide) - n, n);
}

static void add_match(const struct xlate_ctx *ctx, const struct learn_spec *s, struct match *m)
{
	union field_value v, all;

	take_value(ctx, s, s->dst.field, &v);
	memset(&all, 0xff, sizeof(all));
	subfield_write(&s->dst, &v, &m->key);
	subfield_write(&s->dst, &all, &m->mask.m);
}

static void add_load(const struct xlate_ctx *ctx, const struct learn_spec *s, struct strbuf *acts)
{
	const struct field *f = s->dst.field;
	struct flow_key key = { 0 }, bits = { 0 };
	union field_value v, all;

	take_value(ctx, s, f, &v);
	memset(&all, 0xff, sizeof(all));
	subfield_write(&s->dst, &v, &key);
	subfield_write(&s->dst, &all, &bits);
	field_read(f, &key, &v);
	field_read(f, &bits, &all);
	act_put_set_field(acts, f, SET_FORM_LOAD, &v, &all);
}

// Fields hold OpenFlow 1.0's numbers.
static bool can_be_learned(uint64_t port)
{
	return port < OFPP10_MAX || port == (OFPP_IN_PORT & UINT16_MAX) ||
	       port == (OFPP_FLOOD & UINT16_MAX) || port == (OFPP_ALL & UINT16_MAX) ||
	       port == (OFPP_LOCAL & UINT16_MAX);
}

static void add_output(const struct xlate_ctx *ctx, const struct learn_spec *s, struct strbuf *acts)
{
	uint64_t port = subfield_get(&s->src, &ctx->flow);

	if (!can_be_learned(port))
		return;
	if (port >= OFPP10_MAX)
		port |= 0xffff0000u;
	act_put(acts, ACT_OUTPUT)->output.port = OF_PORT(port);
}

static void add_fin_timeout(const struct act *a, struct strbuf *acts)
{
	struct act *fin;

	if (!a->learn.fin_idle_timeout && !a->learn.fin_hard_timeout)
		return;
	fin = act_put(acts, ACT_FIN_TIMEOUT);
	fin->fin_timeout.idle_timeout = a->learn.fin_idle_timeout;
	fin->fin_timeout.hard_timeout = a->learn.fin_hard_timeout;
}

static struct learn *make_rule(const struct xlate_ctx *ctx, const struct act *a, struct match *m)
{
	const struct learn_spec *s = act_nested(a);
	AUTO(strbuf) acts = STRBUF_INIT;
	struct learn *l;

	match_init_any(m);
	add_fin_timeout(a, &acts);
	for (size_t i = 0; i < a->learn.n_specs; i++, s++)
		if (s->kind == LEARN_MATCH)
			add_match(ctx, s, m);
		else if (s->kind == LEARN_LOAD)
			add_load(ctx, s, &acts);
		else
			add_output(ctx, s, &acts);
	l = learn_create(ctx->sw, m, acts_of(&acts));
	l->cookie = a->learn.cookie;
	l->limit = a->learn.limit;
	l->priority = a->learn.priority;
	l->idle_timeout = a->learn.idle_timeout;
	l->hard_timeout = a->learn.hard_timeout;
	l->table = a->learn.table;
	l->send_flow_rem = a->learn.flags & ACT_LEARN_SEND_FLOW_REM;
	return l;
}

static void report_rule(struct xlate_ctx *ctx, const struct learn *l, const struct match *m)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct port_names names;
	size_t start;

	if (!ctx_traced(ctx))
		return;
	strbuf_printf(&text, "table=%u ", l->table);
	start = text.len;
	match_format(m, ctx_names(ctx, &names), &text);
	strbuf_printf(&text, "%spriority=%u", text.len > start ? " " : "", l->priority);
	if (l->cookie)
		strbuf_printf(&text, " cookie=0x%llx", (unsigned long long)l->cookie);
	if (l->idle_timeout)
		strbuf_printf(&text, " idle=%u", l->idle_timeout);
	if (l->hard_timeout)
		strbuf_printf(&text, " hard=%u", l->hard_timeout);
	if (l->send_flow_rem)
		strbuf_puts(&text, " send_flow_rem");
	strbuf_puts(&text, " actions=");
	acts_format((struct acts){ l->acts->list, l->acts->size }, ctx_names(ctx, &names), &text);
	ctx_report(ctx, "-> %s", text.s);
}

// ---- The limit ----

struct wanted {
	const struct match *match;
	int priority;
	bool found;
};

static bool is_wanted(struct cls_rule *r, void *aux)
{
	struct wanted *w = aux;
	struct match m;

	cls_rule_get_match(r, &m);
	w->found = r->priority == w->priority && match_equal(&m, w->match);
	return !w->found;
}

static bool has_rule(const struct learn *l, const struct match *m)
{
	struct wanted w = { .match = m, .priority = l->priority };

	if (l->table < SWITCH_N_TABLES)
		classifier_for_each(l->sw->tables[l->table].cls, m, is_wanted, &w);
	return w.found;
}

// Whether there is room for the rule, or it is there. The answer rests on how many others there are.
static bool has_room(struct xlate_ctx *ctx, const struct learn *l, const struct match *m)
{
	struct learned there;
	bool full;

	if (!l->limit)
		return true;
	there = switch_learned(ctx->sw, l->table, l->cookie);
	full = there.n >= l->limit;
	VEC_PUSH(&ctx->ret->basis.deps,
		 ((struct xlate_dep){ .kind = DEP_LEARNED,
				      .sw = ctx->sw,
				      .table = l->table,
				      .cookie = l->cookie,
				      .limit = l->limit,
				      .version = full ? there.version : LEARNED_HAS_ROOM }));
	return !full || has_rule(l, m);
}

bool xlate_learned_is_current(const struct xlate_dep *d)
{
	struct learned there = switch_learned(d->sw, d->table, d->cookie);

	return there.n >= d->limit ? there.version == d->version : d->version == LEARNED_HAS_ROOM;
}

static void tell_result(struct xlate_ctx *ctx, const struct act *a, bool learned)
{
	const struct subfield *dst = &a->learn.result;
	struct flow_key bits = { 0 }, key = { 0 };
	union field_value v, mask;

	if (!dst->field || !ctx_has_field(ctx, dst->field))
		return;
	subfield_set(dst, learned, &key);
	subfield_set(dst, 1, &bits);
	field_read(dst->field, &key, &v);
	field_read(dst->field, &bits, &mask);
	ctx_write_field(ctx, dst->field, v.b, mask.b);
	ctx_report_value(ctx, dst, &ctx->flow);
}

// ---- The actions ----

static bool look_at_sources(struct xlate_ctx *ctx, const struct act *a)
{
	const struct learn_spec *s = act_nested(a);

	for (size_t i = 0; i < a->learn.n_specs; i++)
		if (s[i].src.field && !ctx_has_field(ctx, s[i].src.field))
			return false;
	for (size_t i = 0; i < a->learn.n_specs; i++)
		if (s[i].src.field)
			ctx_look_at_bits(ctx, &s[i].src);
	return true;
}

void xlate_learn(struct xlate_ctx *ctx, const struct act *a)
{
	bool learned;
	struct learn *l;
	struct match m;

	if (!look_at_sources(ctx, a))
		return;
	if (ctx_traced(ctx) && !ctx->in->will_apply) {
		ctx_report(ctx, ">> suppressing side effects, so learn action ignored");
		return;
	}
	l = make_rule(ctx, a, &m);
	report_rule(ctx, l, &m);
	learned = has_room(ctx, l, &m);
	tell_result(ctx, a, learned);
	if (!learned)
		ctx_report(ctx, "-> Limit exceeded, learn failed");
	// Also where there is no room: there may be when the next packet comes, and who learns looks again.
	VEC_PUSH(&ctx->ret->basis.effects,
		 ((struct xlate_effect){ .kind = EFFECT_LEARN_RULE, .learn = l }));
}

void xlate_fin_timeout(struct xlate_ctx *ctx, const struct act *a)
{
	// Which packets end a connection the datapath tells when it counts them.
	if (ctx_has_field(ctx, field_get(FIELD_TCP_SRC)) && ctx->rule)
		ctx_credit(ctx,
			   (struct xlate_credit){ .kind = CREDIT_FIN_TIMEOUT,
						  .rule = (struct rule *)ctx->rule,
						  .idle_timeout = a->fin_timeout.idle_timeout,
						  .hard_timeout = a->fin_timeout.hard_timeout });
}
