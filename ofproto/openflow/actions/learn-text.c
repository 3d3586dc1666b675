// SPDX-License-Identifier: Apache-2.0
// learn as text.
#include "ofproto/openflow/actions/learn-private.h"

enum { DEFAULT_TABLE = 1, DEFAULT_PRIORITY = 32768 };

// ---- Printing ----

static bool same_bits(const struct subfield *a, const struct subfield *b)
{
	return a->field == b->field && a->ofs == b->ofs && a->n_bits == b->n_bits;
}

static const uint8_t *value_of(const struct learn_spec *s, size_t n_bytes)
{
	return s->value + LEARN_VALUE_BYTES - n_bytes;
}

static void format_match(const struct learn_spec *s, struct strbuf *out)
{
	union field_value v;

	if (!s->src.field && subfield_is_whole(&s->dst)) {
		memcpy(v.b, value_of(s, s->dst.field->n_bytes), s->dst.field->n_bytes);
		strbuf_printf(out, "%s=", s->dst.field->name);
		field_format(s->dst.field, &v, NULL, out);
		return;
	}
	subfield_format(&s->dst, out);
	if (!s->src.field) {
		strbuf_putc(out, '=');
		wide_hex_format(s->value, sizeof(s->value), out);
	} else if (!same_bits(&s->src, &s->dst)) {
		strbuf_putc(out, '=');
		subfield_format(&s->src, out);
	}
}

// Zero stands there as a number: "0x0" is what others write.
static void format_load(const struct learn_spec *s, struct strbuf *out)
{
	strbuf_puts(out, "load:");
	if (s->src.field)
		subfield_format(&s->src, out);
	else
		wide_hex_format(s->value, sizeof(s->value), out);
	strbuf_puts(out, "->");
	subfield_format(&s->dst, out);
}

static void format_output(const struct learn_spec *s, struct strbuf *out)
{
	strbuf_puts(out, "output:");
	subfield_format(&s->src, out);
}

static void format_limit(const struct act *a, struct strbuf *out)
{
	if (a->learn.limit)
		strbuf_printf(out, ",limit=%u", a->learn.limit);
	if (!a->learn.result.field)
		return;
	strbuf_puts(out, ",result_dst=");
	subfield_format(&a->learn.result, out);
}

void learn_format(const struct act *a, const struct act_text *t)
{
	static void (*const kinds[])(const struct learn_spec *, struct strbuf *) = {
		[LEARN_MATCH] = format_match,
		[LEARN_LOAD] = format_load,
		[LEARN_OUTPUT] = format_output,
	};
	const struct learn_spec *s = act_nested(a);

	strbuf_puts(t->out, "learn(table=");
	of_table_format(a->learn.table, t->ports, t->out);
	if (a->learn.idle_timeout)
		strbuf_printf(t->out, ",idle_timeout=%u", a->learn.idle_timeout);
	if (a->learn.hard_timeout)
		strbuf_printf(t->out, ",hard_timeout=%u", a->learn.hard_timeout);
	if (a->learn.fin_idle_timeout)
		strbuf_printf(t->out, ",fin_idle_timeout=%u", a->learn.fin_idle_timeout);
	if (a->learn.fin_hard_timeout)
		strbuf_printf(t->out, ",fin_hard_timeout=%u", a->learn.fin_hard_timeout);
	if (a->learn.priority != DEFAULT_PRIORITY)
		strbuf_printf(t->out, ",priority=%u", a->learn.priority);
	if (a->learn.flags & ACT_LEARN_SEND_FLOW_REM)
		strbuf_puts(t->out, ",send_flow_rem");
	if (a->learn.flags & ACT_LEARN_DELETE_LEARNED)
		strbuf_puts(t->out, ",delete_learned");
	if (a->learn.cookie)
		strbuf_printf(t->out, ",cookie=0x%llx", (unsigned long long)a->learn.cookie);
	format_limit(a, t->out);
	for (size_t i = 0; i < a->learn.n_specs; i++) {
		strbuf_putc(t->out, ',');
		kinds[s[i].kind](&s[i], t->out);
	}
	strbuf_putc(t->out, ')');
}

// ---- Parsing ----

struct learning {
	const char *whole; // the text as it was, for errors
	struct act *a;
	learn_spec_vec *specs;
	const struct port_names *ports;
	struct error *err;
};

// Fields whose headers are too long, or that OpenFlow does not have, have no room in a spec.
static int parse_bits(const struct learning *l, const char **s, struct subfield *ret)
{
	return subfield_parse(s, ret, l->err) ||
			       act_check_short_header(ret->field, l->whole, l->err)
		       ? -EINVAL
		       : 0;
}

static int match_value(const struct learning *l, const char *text, struct learn_spec *s)
{
	const struct field *f = s->dst.field;
	union field_value v;
	uint8_t *to = s->value + LEARN_VALUE_BYTES - f->n_bytes;
	of_port_t port;

	if (f->format == FMT_OF_PORT) {
		if (!of_port_parse(text, l->ports, &port))
			return error_set(l->err, -EINVAL, "%s: invalid or unknown port for %s",
					 text, f->name);
		field_value_from_u64(f, f->n_bytes == 2 ? port.n & 0xffff : port.n, &v);
	} else if (act_parse_whole(f, text, &v, l->err)) {
		return -EINVAL;
	}
	memcpy(to, v.b, f->n_bytes);
	return learn_value_fits(s)
		       ? 0
		       : error_set(l->err, -EINVAL, "%s: value %s does not fit into %u bits",
				   l->whole, text, s->dst.n_bits);
}

// "field=value", "field=field", "field".
static int parse_match(const struct learning *l, const char *key, const char *text)
{
	struct error as_bits = ERROR_INIT, as_value = ERROR_INIT;
	struct learning quiet = *l;
	struct learn_spec s = { .kind = LEARN_MATCH };
	const char *p = key;

	if (!field_by_name_n(key, strcspn(key, "[")))
		return error_set(l->err, -EINVAL, "%s: unknown keyword %s", l->whole, key);
	if (parse_bits(l, &p, &s.dst))
		return -EINVAL;
	if (*p)
		return error_set(l->err, -EINVAL, "%s: unexpected input following field syntax",
				 key);
	if (!*text) {
		s.src = s.dst;
		VEC_PUSH(l->specs, s);
		return 0;
	}
	p = text;
	if (!subfield_parse(&p, &s.src, &as_bits) && !*p) {
		if (act_check_short_header(s.src.field, l->whole, l->err))
			return -EINVAL;
		if (s.src.n_bits != s.dst.n_bits)
			return error_set(l->err, -EINVAL,
					 "%s: bit widths of %s (%u) and %s (%u) differ", l->whole,
					 key, s.dst.n_bits, text, s.src.n_bits);
		VEC_PUSH(l->specs, s);
		return 0;
	}
	s.src = (struct subfield){ 0 };
	quiet.err = &as_value;
	if (match_value(&quiet, text, &s))
		return error_set(l->err, -EINVAL,
				 "%s: %s value %s cannot be parsed as a subfield (%s) or an "
				 "immediate value (%s)",
				 l->whole, key, text, as_bits.text, as_value.text);
	VEC_PUSH(l->specs, s);
	return 0;
}

static int load_value(const struct learning *l, const char *text, const char *number,
		      struct learn_spec *s)
{
	if (!wide_number_parse(number, strlen(number), s->value, sizeof(s->value)))
		return error_set(l->err, -EINVAL, "load: garbage before `->' in `%s'", text);
	return learn_value_fits(s)
		       ? 0
		       : error_set(l->err, -EINVAL, "%s: value does not fit into %u bits", text,
				   s->dst.n_bits);
}

static int load_bits(const struct learning *l, const char *text, struct learn_spec *s)
{
	const char *p = text;

	if (parse_bits(l, &p, &s->src))
		return -EINVAL;
	if (strncmp(p, "->", 2))
		return error_set(l->err, -EINVAL, "%s: missing `->' following source", text);
	if (s->src.n_bits != s->dst.n_bits)
		return error_set(l->err, -EINVAL,
				 "%s: source field is %u bits wide but destination is %u bits wide",
				 text, s->src.n_bits, s->dst.n_bits);
	return 0;
}

static int parse_load(const struct learning *l, const char *key, const char *text)
{
	AUTO_FREE char *number = xstrdup(text);
	struct learn_spec s = { .kind = LEARN_LOAD };
	char *arrow = strstr(number, "->");
	const char *p;

	if (!arrow)
		return error_set(l->err, -EINVAL, "load: missing `->' in `%s'", text);
	*arrow = '\0';
	p = arrow + 2;
	if (parse_bits(l, &p, &s.dst))
		return -EINVAL;
	if (*p)
		return error_set(l->err, -EINVAL, "%s: trailing garbage following destination",
				 text);
	if (*number >= '0' && *number <= '9' ? load_value(l, text, number, &s)
					     : load_bits(l, text, &s))
		return -EINVAL;
	VEC_PUSH(l->specs, s);
	return 0;
}

static int parse_output(const struct learning *l, const char *key, const char *text)
{
	struct learn_spec s = { .kind = LEARN_OUTPUT };
	const char *p = text;

	if (parse_bits(l, &p, &s.src))
		return -EINVAL;
	if (*p)
		return error_set(l->err, -EINVAL, "%s: unexpected input following field syntax",
				 text);
	VEC_PUSH(l->specs, s);
	return 0;
}

static int parse_table(const struct learning *l, const char *key, const char *text)
{
	uint8_t n;

	if (!of_table_parse(text, l->ports, &n))
		return error_set(l->err, -EINVAL, "unknown table \"%s\"", text);
	if (n == UINT8_MAX)
		return error_set(l->err, -EINVAL, "%s: table id 255 not valid for `learn' action",
				 l->whole);
	l->a->learn.table = n;
	return 0;
}

static int parse_cookie(const struct learning *l, const char *key, const char *text)
{
	return act_parse_number(text, UINT64_MAX, key, &l->a->learn.cookie, l->err);
}

static int parse_limit(const struct learning *l, const char *key, const char *text)
{
	return act_parse_u32(text, &l->a->learn.limit, l->err);
}

static int parse_result(const struct learning *l, const char *key, const char *text)
{
	struct subfield *result = &l->a->learn.result;
	const char *p = text;

	if (subfield_parse(&p, result, l->err))
		return -EINVAL;
	if (*p)
		return error_set(l->err, -EINVAL, "unexpected input following field syntax");
	if (!result->field->writable || !result->field->oxm[0].name)
		return error_set(l->err, -EINVAL, "%s is read-only", text);
	if (result->n_bits != 1)
		return error_set(l->err, -EINVAL,
				 "result_dst in 'learn' action must be a single bit");
	return 0;
}

static int parse_send_flow_rem(const struct learning *l, const char *key, const char *text)
{
	l->a->learn.flags |= ACT_LEARN_SEND_FLOW_REM;
	return 0;
}

static int parse_delete_learned(const struct learning *l, const char *key, const char *text)
{
	l->a->learn.flags |= ACT_LEARN_DELETE_LEARNED;
	return 0;
}

// Arguments; NULL: 16 bits at 'offset'.
static const struct argument {
	const char *name;
	int (*parse)(const struct learning *l, const char *key, const char *text);
	size_t offset;
} arguments[] = {
	{ "table", parse_table, 0 },
	{ "idle_timeout", NULL, offsetof(struct act, learn.idle_timeout) },
	{ "hard_timeout", NULL, offsetof(struct act, learn.hard_timeout) },
	{ "fin_idle_timeout", NULL, offsetof(struct act, learn.fin_idle_timeout) },
	{ "fin_hard_timeout", NULL, offsetof(struct act, learn.fin_hard_timeout) },
	{ "priority", NULL, offsetof(struct act, learn.priority) },
	{ "cookie", parse_cookie, 0 },
	{ "send_flow_rem", parse_send_flow_rem, 0 },
	{ "delete_learned", parse_delete_learned, 0 },
	{ "limit", parse_limit, 0 },
	{ "result_dst", parse_result, 0 },
	{ "load", parse_load, 0 },
	{ "output", parse_output, 0 },
};

static int parse_argument(const struct learning *l, const char *key, const char *text)
{
	for (const struct argument *g = arguments; g < &arguments[ARRAY_SIZE(arguments)]; g++) {
		uint64_t n;

		if (strcmp(g->name, key))
			continue;
		if (g->parse)
			return g->parse(l, key, text);
		if (act_parse_number(text, UINT16_MAX, key, &n, l->err))
			return -EINVAL;
		*(uint16_t *)((char *)l->a + g->offset) = n;
		return 0;
	}
	return parse_match(l, key, text);
}

int learn_parse(char *arg, const struct act_text *t)
{
	AUTO_FREE char *whole = xstrdup(arg);
	struct act made;
	learn_spec_vec specs = { 0 };
	struct learning l = { whole, &made, &specs, t->ports, t->err };
	size_t start = t->out->len;
	char *key, *value;
	int error = 0;

	act_clear(&made);
	made.learn.table = DEFAULT_TABLE;
	made.learn.priority = DEFAULT_PRIORITY;
	while (!error && act_next_word(&arg, &key, &value))
		error = parse_argument(&l, key, value);
	if (!error) {
		act_put(t->out, ACT_LEARN)->learn = made.learn;
		learn_put_specs(t->out, start, &specs);
	}
	VEC_FREE(&specs);
	return error;
}
