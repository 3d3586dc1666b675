// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdio.h>

#include "core/base/counters.h"
#include "ofproto/pipeline/decided.h"
#include "ofproto/pipeline/group-private.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/table.h"
#include "ofproto/pipeline/xlate-private.h"

void ctx_depend(struct xlate_ctx *ctx, struct xlate_dep dep)
{
	struct xlate_dep *d;

	VEC_FOR_EACH (d, &ctx->ret->basis.deps)
		if (d->kind == dep.kind && d->sw == dep.sw && d->table == dep.table &&
		    d->vlan == dep.vlan && d->group == dep.group && eth_addr_equal(d->mac, dep.mac))
			return;
	VEC_PUSH(&ctx->ret->basis.deps, dep);
}

void ctx_credit(struct xlate_ctx *ctx, struct xlate_credit c)
{
	// A rule that has just been removed counts nothing any more; the switch's version says that this answer is outdated.
	if ((c.kind == CREDIT_RULE || c.kind == CREDIT_FIN_TIMEOUT) && !rule_ref(c.rule))
		return;
	if (c.kind == CREDIT_GROUP && !group_ref(c.group))
		return;
	VEC_PUSH(&ctx->ret->basis.credits, c);
}

// 'told': a controller hears that there is none.
static void report_rule(struct xlate_ctx *ctx, uint8_t table, const struct rule *r,
			enum fragments fragments, bool told)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct port_names names;
	struct match m;

	if (!ctx_traced(ctx))
		return;
	strbuf_printf(&text, "%2d. ", table);
	if (fragments == FRAGMENTS_DROP) {
		strbuf_puts(&text, "Packets are IP fragments and the fragment handling mode is "
				   "\"drop\".");
	} else if (!r) {
		strbuf_puts(&text,
			    told ? "No match, and a \"packet-in\" is called for." : "No match.");
	} else {
		size_t start = text.len;

		cls_rule_get_match(&r->cls, &m);
		match_format(&m, ctx_names(ctx, &names), &text);
		strbuf_printf(&text, "%spriority %d", text.len > start ? ", " : "",
			      r->cls.priority);
		if (r->cookie)
			strbuf_printf(&text, ", cookie 0x%llx", (unsigned long long)r->cookie);
	}
	ctx_step(ctx, STEP_TABLE, "%s", text.s);
}

#define WORD_OF(MEMBER) (offsetof(struct flow_key, MEMBER) / 8)

// What is known of the packets at this point: bits that the megaflow matches, and bits that the pipeline has set.
static void depend_on_table(struct xlate_ctx *ctx, uint8_t table,
			    const struct cls_decision *decision)
{
	uint32_t conj_id = ctx->known.m.conj_id;

	if (decision->by_conjunction)
		ctx->known.m.conj_id = 0;
	ctx_touch(ctx, WORD_OF(conj_id));
	seen_put(&ctx->seen, &ctx->flow, &ctx->ret->mask, &ctx->known,
		 ctx->touched_all ? NULL : &ctx->touched, &ctx->ret->basis.seen);
	ctx->known.m.conj_id = conj_id;
	ctx->touched_all = false;
	ctx->touched = (struct flowmap){ 0 };
	ctx_touch(ctx, WORD_OF(conj_id));
	VEC_PUSH(&ctx->ret->basis.lookups,
		 ((struct xlate_lookup){ decision->least, ctx->passed, table }));
}

static void swap_bytes(void *a, void *b, size_t n)
{
	uint8_t tmp[sizeof(struct ipv6_addr)];

	memcpy(tmp, a, n);
	memcpy(a, b, n);
	memcpy(b, tmp, n);
}

// The packet's addresses and ports against those of its connection's first packet, in a key or mask.
static void swap_tuple(struct flow_key *k)
{
	swap_bytes(&k->nw_proto, &k->ct_nw_proto, sizeof(k->nw_proto));
	swap_bytes(&k->nw_src, &k->ct_nw_src, sizeof(k->nw_src));
	swap_bytes(&k->nw_dst, &k->ct_nw_dst, sizeof(k->nw_dst));
	swap_bytes(&k->ipv6_src, &k->ct_ipv6_src, sizeof(k->ipv6_src));
	swap_bytes(&k->ipv6_dst, &k->ct_ipv6_dst, sizeof(k->ipv6_dst));
	swap_bytes(&k->tp_src, &k->ct_tp_src, sizeof(k->tp_src));
	swap_bytes(&k->tp_dst, &k->ct_tp_dst, sizeof(k->tp_dst));
}

// All that a look-up sees and marks, so that the members stand for each other in all of it.
static void swap_views(struct xlate_ctx *ctx)
{
	ctx->touched_all = true;
	swap_tuple(&ctx->flow);
	swap_tuple(&ctx->known.m);
	swap_tuple(&ctx->ret->mask.m);
}

static bool has_tuple(struct xlate_ctx *ctx)
{
	ctx_look_at_field(ctx, field_get(FIELD_CT_NW_PROTO));
	if (flow_is_ip(&ctx->flow) && ctx->flow.ct_nw_proto)
		return true;
	ctx_report(ctx, ">>>> resubmit(ct) with non-tracked or non-IP packet! <<<<");
	return false;
}

static struct cls_rule *decide(struct xlate_ctx *ctx, const struct classifier *cls,
			       struct cls_decision *ret)
{
	uint64_t changed = classifier_version(cls);
	struct flow_mask m = { 0 };
	struct cls_rule *r = classifier_decide(cls, ctx->version, &ctx->flow, &m, ret);

	ctx_look_at(ctx, &m);
	// What nobody else sees yet is not published.
	if (!ctx->in->version)
		decided_keep(cls, ctx->version, changed, &ctx->flow, &m, r, ret);
	return r;
}

// The same where a packet that is alike for this table may have been there before.
static struct cls_rule *decide_again(struct xlate_ctx *ctx, const struct classifier *cls,
				     struct cls_decision *ret)
{
	const struct decided *d =
		ctx->in->version ? NULL : decided_find(cls, ctx->version, &ctx->flow);

	if (!d)
		return decide(ctx, cls, ret);
	for (size_t i = 0; i < d->n; i++)
		ctx_look_at_word(ctx, d->words[i], d->bits[i]);
	*ret = d->how;
	return d->rule;
}

static struct rule *look_up(struct xlate_ctx *ctx, uint8_t table)
{
	struct table *t = &ctx->sw->tables[table];
	struct cls_decision how;
	struct cls_rule *cr;
	struct rule *r;

	cr = decide_again(ctx, t->cls, &how);
	r = cr ? CONTAINER_OF(cr, struct rule, cls) : NULL;
	depend_on_table(ctx, table, &how);
	if (r)
		ctx_credit(ctx, (struct xlate_credit){
					.kind = CREDIT_RULE,
					.rule = r,
					.acts_number = rule_acts_at(r, ctx->version)->number });
	else
		ctx_credit(ctx, (struct xlate_credit){ .kind = CREDIT_TABLE_MISS, .table = t });
	return r;
}

// What is to be done with a packet that is a fragment; others are matched by all that they have.
static enum fragments fragments_of(struct xlate_ctx *ctx)
{
	if (!flow_is_ip(&ctx->flow) || !(ctx->flow.nw_frag & FLOW_FRAG_ANY))
		return FRAGMENTS_MATCH;
	ctx_depend(ctx, (struct xlate_dep){ .kind = DEP_PORTS,
					    .sw = ctx->sw,
					    .version = switch_ports_version(ctx->sw) });
	return switch_fragments(ctx->sw);
}

// The ports of all fragments are 0, whatever the first one says: that is known, and no bit of the packet's own decides.
static void hide_ports(struct xlate_ctx *ctx)
{
	ctx->touched_all = true;
	ctx->flow.tp_src = ctx->flow.tp_dst = 0;
	ctx->known.m.tp_src = ctx->known.m.tp_dst = UINT16_MAX;
}

// A table without a rule for the packet may leave it to the next one. *ret_miss: what is to become of the packet where there is
// no rule.
static struct rule *look_up_from(struct xlate_ctx *ctx, uint8_t *table, enum table_miss *ret_miss)
{
	struct rule *r;

	while (!(r = look_up(ctx, *table))) {
		*ret_miss = switch_table_miss(ctx->sw, *table);
		if (*ret_miss != TABLE_MISS_CONTINUE || *table == SWITCH_N_TABLES - 1)
			break;
		++*table;
	}
	return r;
}

static struct rule *look_up_fragment(struct xlate_ctx *ctx, uint8_t *table,
				     enum table_miss *ret_miss)
{
	be16 src = ctx->flow.tp_src, dst = ctx->flow.tp_dst;
	be16 known_src = ctx->known.m.tp_src, known_dst = ctx->known.m.tp_dst;
	struct rule *r;

	hide_ports(ctx);
	r = look_up_from(ctx, table, ret_miss);
	ctx->touched_all = true;
	ctx->flow.tp_src = src;
	ctx->flow.tp_dst = dst;
	ctx->known.m.tp_src = known_src;
	ctx->known.m.tp_dst = known_dst;
	return r;
}

// *ret_miss stays where the packet is dropped, for what it is.
static struct rule *find_rule(struct xlate_ctx *ctx, uint8_t *table, enum fragments fragments,
			      enum table_miss *ret_miss)
{
	switch (fragments) {
	case FRAGMENTS_NORMAL:
		return look_up_fragment(ctx, table, ret_miss);
	case FRAGMENTS_DROP:
		return NULL;
	case FRAGMENTS_MATCH:
		break;
	}
	return look_up_from(ctx, table, ret_miss);
}

static bool wants_packet_in(const struct xlate_ctx *ctx)
{
	const struct of_port *p = switch_port_find(ctx->sw, OF_PORT(ctx->flow.in_port));

	return !p || !(atomic_load(&p->config) & PORT_CONFIG_NO_PACKET_IN);
}

bool xlate_fail(struct xlate_ctx *ctx, enum xlate_error e)
{
	if (ctx->ret->error == XLATE_OK)
		ctx->ret->error = e;
	ctx->exit = true;
	return false;
}

bool xlate_may_nest(struct xlate_ctx *ctx)
{
	if (ctx->depth <= MAX_DEPTH)
		return true;
	ctx_report(ctx, ">>>> over max translation depth %d <<<<", MAX_DEPTH);
	return xlate_fail(ctx, XLATE_TOO_DEEP);
}

bool xlate_may_go_deeper(struct xlate_ctx *ctx)
{
	if (!xlate_may_nest(ctx))
		return false;
	if (++ctx->resubmits > MAX_RESUBMITS) {
		ctx_report(ctx, ">>>> over %d resubmit actions <<<<", MAX_RESUBMITS);
		return xlate_fail(ctx, XLATE_TOO_MANY_RESUBMITS);
	}
	return xlate_stack_fits(ctx);
}

void xlate_table(struct xlate_ctx *ctx, of_port_t in_port, uint8_t table, enum xlate_entry entry)
{
	bool ct = entry == XLATE_RESUBMIT_CT, told;
	const uint8_t asked = table;
	enum table_miss miss = TABLE_MISS_DROP;
	uint32_t old_port = ctx->flow.in_port;
	const struct rule *old_rule = ctx->rule;
	uint8_t old_table = ctx->table;
	// Tables that follow each other come to an end by themselves.
	bool deeper = !ctx->rule || table <= old_table;
	bool in_group = ctx->in_group;
	const struct rule_acts *acts;
	enum fragments fragments;
	struct rule *r;

	if (table >= SWITCH_N_TABLES || (ct && !has_tuple(ctx)) || !xlate_may_go_deeper(ctx))
		return;
	ctx->depth += deeper;
	ctx->table = table;
	ctx->flow.in_port = in_port.n;
	ctx_touch(ctx, WORD_OF(in_port));
	if (ct)
		swap_views(ctx);
	fragments = fragments_of(ctx);
	r = find_rule(ctx, &table, fragments, &miss);
	if (ct)
		swap_views(ctx);
	ctx->flow.in_port = old_port;
	ctx_touch(ctx, WORD_OF(in_port));
	ctx->table = table;
	// Behind the last table is the controller.
	told = !r && miss != TABLE_MISS_DROP && entry == XLATE_GOTO && wants_packet_in(ctx);
	// Who is sent to a table reads of that one.
	report_rule(ctx, old_rule ? asked : table, r, fragments, told);
	ctx->level++;
	if (r) {
		ctx->rule = r;
		if (!ctx->first_rule)
			ctx->first_rule = r;
		ctx->in_group = false;
		acts = rule_acts_at(r, ctx->version);
		xlate_actions(ctx, (struct acts){ acts->list, acts->size });
		ctx->in_group = in_group;
	} else if (told) {
		ctx_step(ctx, STEP_ACTION, "controller(reason=)");
		xlate_tell_miss(ctx);
	} else {
		ctx_step(ctx, STEP_ACTION, "drop");
	}
	ctx->level--;
	ctx->rule = old_rule;
	ctx->table = old_table;
	ctx->depth -= deeper;
}

// What every megaflow pins down, whatever the tables say: where the packet came from and what kind it is.
static void initial_mask(struct flow_mask *m, const struct flow_key *key)
{
	memset(m, 0, sizeof(*m));
	memset(&m->m.in_port, 0xff, sizeof(m->m.in_port));
	memset(&m->m.recirc_id, 0xff, sizeof(m->m.recirc_id));
	memset(&m->m.packet_type, 0xff, sizeof(m->m.packet_type));
	memset(&m->m.eth_type, 0xff, sizeof(m->m.eth_type));
	if (flow_is_ip(key))
		m->m.nw_frag = FLOW_FRAG_ANY | FLOW_FRAG_LATER;
	if (key->packet_type)
		return;
	// The type stands behind the tags, so how many tags there are belongs to it.
	for (int i = 0; i < FLOW_MAX_VLANS; i++) {
		m->m.vlans[i].tci = htobe16(VLAN_PRESENT);
		if (!(key->vlans[i].tci & htobe16(VLAN_PRESENT)))
			break;
		m->m.vlans[i].tpid = 0xffff;
	}
}

// Appends those of a kind; false: there are none.
static bool take_from_set(struct acts set, enum act_type type, struct strbuf *out)
{
	bool all = type == ACT_SET_FIELD || type == ACT_MOVE;
	const struct act *a, *last = NULL;

	OFPACT_FOR_EACH (a, set) {
		if (a->type != type)
			continue;
		if (all)
			strbuf_put(out, a, a->size);
		last = a;
	}
	if (last && !all)
		strbuf_put(out, last, last->size);
	return last;
}

void acts_in_set_order(struct acts set, struct strbuf *out)
{
	static const enum act_type changes[] = {
		ACT_STRIP_VLAN,	 ACT_POP_MPLS,	     ACT_DECAP,	       ACT_ENCAP,
		ACT_PUSH_MPLS,	 ACT_PUSH_VLAN,	     ACT_DEC_TTL,      ACT_DEC_MPLS_TTL,
		ACT_DEC_NSH_TTL, ACT_SET_MPLS_LABEL, ACT_SET_MPLS_TC,  ACT_SET_MPLS_TTL,
		ACT_SET_TUNNEL,	 ACT_SET_VLAN_VID,   ACT_SET_VLAN_PCP, ACT_SET_FIELD,
		ACT_MOVE,	 ACT_METER,	     ACT_SET_QUEUE
	};
	static const enum act_type outputs[] = { ACT_OUTPUT, ACT_OUTPUT_REG, ACT_CONTROLLER };
	// Of these one, and only where there is no output.
	static const enum act_type instead[] = { ACT_RESUBMIT, ACT_CT_CLEAR, ACT_CT };
	bool sent;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		take_from_set(set, changes[i], out);
	// A group comes before all outputs, and in place of them.
	sent = take_from_set(set, ACT_GROUP, out);
	for (size_t i = 0; !sent && i < ARRAY_SIZE(outputs); i++)
		sent = take_from_set(set, outputs[i], out);
	for (size_t i = 0; !sent && i < ARRAY_SIZE(instead); i++)
		sent = take_from_set(set, instead[i], out);
}

void action_set_in_order(const struct xlate_ctx *ctx, struct strbuf *out)
{
	acts_in_set_order(acts_of(&ctx->action_set), out);
}

void xlate_action_set(struct xlate_ctx *ctx)
{
	AUTO(strbuf) set = STRBUF_INIT;
	const struct rule *rule = ctx->rule;
	uint8_t table = ctx->table;

	if (!ctx->action_set.len || ctx->exit || ctx->in_action_set)
		return;
	action_set_in_order(ctx, &set);
	if (!set.len)
		return;
	ctx->in_action_set = true;
	if (ctx->first_rule) {
		ctx->rule = ctx->first_rule;
		ctx->table = ctx->rule->table;
	}
	// In the trace it follows the actions of the first table.
	ctx->level++;
	ctx_step(ctx, STEP_TABLE, "--. Executing action set:");
	ctx->level++;
	xlate_actions(ctx, acts_of(&set));
	ctx->level -= 2;
	ctx->rule = rule;
	ctx->table = table;
	ctx->in_action_set = false;
}

// Bits of headers that no packet of this Ethernet type has (the type is always matched): the classifier's prefix search looks
// at addresses before types. They are zero in every such packet and would only trouble hardware.
static void drop_absent_headers(struct flow_mask *m, const struct flow_key *key)
{
	uint64_t *bits = flow_words(&m->m);
	struct flow_mask possible;

	flow_mask_exact_for(&possible, key);
	if (flow_is_ip(key)) {
		// Which transport headers there can be depends on the protocol, which need not be matched.
		size_t l4 = offsetof(struct flow_key, nd_target) / 8;

		memset(flow_words(&possible.m) + l4, 0xff, (FLOW_WORDS - l4) * 8);
		// And another packet may have been tracked.
		flow_fill_ct(&possible.m, 0xff);
	}
	for (size_t i = key->packet_type ? FLOW_SEGMENT_L2 : FLOW_SEGMENT_L3; i < FLOW_WORDS; i++)
		bits[i] &= flow_words(&possible.m)[i];
}

static void depend_on_ports(struct xlate_ctx *ctx)
{
	ctx_depend(ctx, (struct xlate_dep){ .kind = DEP_PORTS,
					    .sw = ctx->sw,
					    .version = switch_ports_version(ctx->sw) });
}

static bool may_receive(struct xlate_ctx *ctx)
{
	struct of_port *p = switch_port_find(ctx->sw, OF_PORT(ctx->flow.in_port));

	depend_on_ports(ctx);
	if (p && atomic_load(&p->config) & PORT_CONFIG_NO_RECV) {
		ctx_report(ctx, "port is configured not to receive");
		return false;
	}
	return true;
}

static void begin_bridge(struct xlate_ctx *ctx)
{
	ctx_step(ctx, STEP_BRIDGE, "bridge(\"%s\")", ctx->sw->name);
	ctx->level++;
}

// A packet may come through a switch more than once, and sees one version of it.
static void enter_switch(struct xlate_ctx *ctx, struct of_switch *sw)
{
	struct xlate_passed *p;

	ctx->sw = sw;
	ctx->passed = 0;
	VEC_FOR_EACH (p, &ctx->ret->basis.passed) {
		ctx->version = p->version;
		if (p->sw == sw)
			return;
		ctx->passed++;
	}
	ctx->version = !ctx->passed && ctx->in->version ? ctx->in->version : switch_version(sw);
	VEC_PUSH(&ctx->ret->basis.passed, ((struct xlate_passed){ sw, ctx->version }));
}

static void start(struct xlate_ctx *ctx)
{
	enter_switch(ctx, ctx->sw);
	begin_bridge(ctx);
	if (!may_receive(ctx) || !xlate_tunnel_receive(ctx))
		return;
	xlate_sample_input(ctx);
	if (ctx->in->acts)
		xlate_actions(ctx, *ctx->in->acts);
	else
		xlate_table(ctx, OF_PORT(ctx->in->key->in_port), 0, XLATE_GOTO);
	xlate_action_set(ctx);
}

// The basis holds what is in the registry.
static const struct recirc_state *state_to_resume(struct xlate_ctx *ctx)
{
	uint32_t id = ctx->in->key->recirc_id;
	struct recirc_state *s;

	if (ctx->in->resume)
		return ctx->in->resume;
	s = recirc_find(id);
	if (s && recirc_ref(s)) {
		VEC_PUSH(&ctx->ret->basis.recircs, s);
		return s;
	}
	begin_bridge(ctx);
	ctx_report(ctx, ">>>> Recirculation context not found for ID %x <<<<", id);
	xlate_fail(ctx, XLATE_NO_RECIRCULATION_CONTEXT);
	return NULL;
}

// A packet that comes back goes on where it stopped.
static void resume(struct xlate_ctx *ctx)
{
	const struct recirc_state *s = state_to_resume(ctx);

	if (!s)
		return;
	enter_switch(ctx, s->sw);
	ctx->entry = s->sw;
	ctx->passes = s->passes;
	recirc_thaw(s, &ctx->flow, &ctx->known);
	ctx->tunnel_set.m.tunnel = ctx->known.m.tunnel;
	xlate_tunnel_resume(ctx);
	if (s->action_set)
		strbuf_put(&ctx->action_set, s->action_set->list, s->action_set->size);
	if (s->stack_len)
		strbuf_put(&ctx->stack, s->stack, s->stack_len);
	begin_bridge(ctx);
	depend_on_ports(ctx);
	if (xlate_resume_actions(ctx, s))
		return;
	ctx_step(ctx, STEP_ACTION, "thaw\n        Resuming from table %u", s->table);
	xlate_table(ctx, s->in_port, s->table, XLATE_GOTO);
	xlate_action_set(ctx);
}

// Nothing comes behind the last action: what it does to its copy of the packet it may do to the packet.
static void unwrap_last_clone(struct strbuf *list)
{
	const struct dp_action *a, *last = NULL;

	DP_ACTION_FOR_EACH (a, dp_actions_of(list))
		last = a;
	while (last && last->type == DP_ACTION_CLONE) {
		size_t at = (const char *)last - list->s, header = last->nested;

		memmove(list->s + at, list->s + at + header, list->len - at - header);
		strbuf_truncate(list, list->len - header);
		last = NULL;
		DP_ACTION_FOR_EACH (a, dp_actions_of(list))
			last = a;
	}
}

// Into a result without references; memory that it has is used.
static void translate(const struct xlate_input *in, struct xlate_result *ret)
{
	struct xlate_ctx ctx = { .in = in,
				 .ret = ret,
				 .sw = in->sw,
				 .entry = in->sw,
				 .flow = *in->key,
				 .base = *in->key,
				 .touched_all = true };

	// The packet has the header that it came with no more when it goes into a tunnel.
	memset(&ctx.base.tunnel, 0, sizeof(ctx.base.tunnel));
	ctx.n_base_labels = ctx.n_kept_labels = mpls_count(&ctx.base);
	ctx.cookie = UINT64_MAX;

	counter_inc(COUNTER_XLATE);
	ret->error = XLATE_OK;
	ret->slow = 0;
	memset(&ret->mask, 0, sizeof(ret->mask));
	initial_mask(&ret->mask, in->key);
	seen_pipeline_state(&ctx.known);
	seen_begin(&ctx.seen);
	xlate_know_bare(&ctx);
	if (in->resume || in->key->recirc_id)
		resume(&ctx);
	else
		start(&ctx);
	drop_absent_headers(&ret->mask, in->key);
	unwrap_last_clone(&ret->actions);
	xlate_note_dropped(&ctx);
	if (ret->error != XLATE_OK) {
		strbuf_clear(&ret->actions);
		ret->slow = 0;
	}
	ret->final = ctx.flow;
	strbuf_uninit(&ctx.action_set);
	strbuf_uninit(&ctx.stack);
	if (in->trace)
		trace_finish(&ctx.steps, in->trace);
}

void xlate(const struct xlate_input *in, struct xlate_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	translate(in, ret);
}

void xlate_again(const struct xlate_input *in, struct xlate_result *ret)
{
	translate(in, ret);
}

void xlate_result_clear(struct xlate_result *r)
{
	xlate_basis_clear(&r->basis);
	strbuf_clear(&r->actions);
	VEC_CLEAR(&r->branches);
}

// The packet goes on in the switch at the other end of a patch; what the pipeline had noted on it stays behind.
static void cross_patch(struct xlate_ctx *ctx, struct of_port *peer)
{
	struct of_switch *sw = ctx->sw;
	const struct rule *rule = ctx->rule;
	const struct rule *first_rule = ctx->first_rule;
	bool in_set = ctx->in_action_set, in_clone = ctx->in_clone, in_group = ctx->in_group;
	uint8_t table = ctx->table;
	struct isolation iso;

	isolate_begin(ctx, &iso);
	ctx->in_action_set = ctx->in_clone = ctx->in_group = false;
	strbuf_clear(&ctx->action_set);
	strbuf_clear(&ctx->stack);
	enter_switch(ctx, peer->sw);
	memset(ctx->flow.regs, 0, sizeof(ctx->flow.regs));
	ctx->flow.metadata = 0;
	ctx->flow.actset_output = 0;
	ctx->flow.in_port = peer->number.n;
	memset(&ctx->known.m.in_port, 0xff, sizeof(ctx->known.m.in_port));
	ctx_hide_connection(ctx);
	xlate_tunnel_hide(ctx);
	ctx->touched_all = true;
	ctx->rule = ctx->first_rule = NULL;
	ctx_credit(ctx, (struct xlate_credit){
				.kind = CREDIT_PORT_RX, .sw = peer->sw, .port = peer->number });
	begin_bridge(ctx);
	if (may_receive(ctx)) {
		xlate_sample_input(ctx);
		xlate_table(ctx, peer->number, 0, XLATE_GOTO);
		xlate_action_set(ctx);
	}
	ctx->level--;
	isolate_end(ctx, &iso);
	enter_switch(ctx, sw);
	ctx->rule = rule;
	ctx->first_rule = first_rule;
	ctx->table = table;
	ctx->in_action_set = in_set;
	ctx->in_group = in_group;
	ctx->in_clone = in_clone;
	ctx->exit =
		ctx->ret->error != XLATE_OK; // exit ends the other switch's pipeline, not this one
}

void xlate_output_port(struct xlate_ctx *ctx, struct of_port *p, uint32_t trunc)
{
	struct of_port *peer = atomic_load(&p->peer);
	uint32_t mark = ctx->flow.pkt_mark;
	be32 packet_type = ctx->flow.packet_type;
	uint8_t dscp;
	bool marked;

	if (atomic_load(&p->config) & (PORT_CONFIG_NO_FWD | PORT_CONFIG_DOWN)) {
		ctx_report(ctx, ">> output port %s is down or configured not to forward, dropped",
			   p->name);
		return;
	}
	if (dp_port_equal(p->dp_port, DP_PORT_NONE)) {
		if (!peer) {
			ctx_report(ctx, ">> patch port %s has no peer, dropped", p->name);
			return;
		}
		ctx_credit(ctx, (struct xlate_credit){
					.kind = CREDIT_PORT_TX, .sw = p->sw, .port = p->number });
		if (xlate_may_go_deeper(ctx)) {
			ctx->depth++;
			cross_patch(ctx, peer);
			ctx->depth--;
		}
		return;
	}
	if ((packet_type && !xlate_takes_bare(ctx, p)) || !xlate_tunnel_send(ctx, p))
		return;
	marked = xlate_mark_begin(ctx, p, &dscp);
	ctx_commit(ctx);
	xlate_sample_output(ctx, p);
	if (trunc)
		dp_put(&ctx->ret->actions, DP_ACTION_TRUNC)->trunc.max_len = trunc;
	dp_put_output(&ctx->ret->actions, p->dp_port);
	if (marked)
		xlate_mark_end(ctx, dscp);
	xlate_tunnel_sent(ctx, mark, packet_type);
}

const char *xlate_error_text(enum xlate_error e)
{
	static const char *const texts[] = {
		[XLATE_OK] = "OK",
		[XLATE_TOO_DEEP] = "Recursion too deep",
		[XLATE_TOO_MANY_RESUBMITS] = "Too many resubmits",
		[XLATE_NO_INPUT_PORT] = "the input port belongs to no bridge",
		[XLATE_NO_RECIRCULATION_CONTEXT] = "No recirculation context",
		[XLATE_TOO_MANY_RECIRCULATIONS] = "Recirculated too often",
		[XLATE_TOO_MANY_CONTEXTS] = "Too many recirculation contexts",
		[XLATE_STACK_TOO_DEEP] = "Stack too deep",
		[XLATE_TOO_MANY_LABELS] = "Too many MPLS labels",
		[XLATE_UNSUPPORTED_PACKET_TYPE] = "Unsupported packet type",
	};

	return texts[e];
}

bool xlate_error_passes(enum xlate_error e)
{
	return e == XLATE_NO_RECIRCULATION_CONTEXT || e == XLATE_TOO_MANY_CONTEXTS;
}
