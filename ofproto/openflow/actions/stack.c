// SPDX-License-Identifier: Apache-2.0
// push and pop, which keep bits of fields on a stack; and delete_field, which takes an option of a tunnel away.
#include "ofproto/openflow/act-private.h"

enum { NX_PUSH = 27, NX_POP = 28, NX_DELETE_FIELD = 50 };

// ---- push, pop ----

static enum ofperr decode_stack(struct act_in *in, enum act_type type, struct strbuf *out)
{
	struct subfield bits = { .ofs = rd_be16(&in->body) };
	enum ofperr e = act_get_field(in, &bits.field);

	if (e)
		return e;
	bits.n_bits = act_bits_from_wire(bits.field, rd_be16(&in->body));
	e = act_check_bits(&bits);
	if (!e)
		e = act_get_zeros(in, rd_left(&in->body));
	if (!e)
		act_put(out, type)->stack.bits = bits;
	return e;
}

static void encode_stack(const struct act *a, uint16_t subtype, struct act_out *o)
{
	const struct subfield *bits = &a->stack.bits;
	size_t start = act_begin_nx(o, subtype);

	wr_be16(o->out, bits->ofs);
	act_put_field(o, bits->field);
	wr_be16(o->out, act_bits_to_wire(bits));
	strbuf_put_zeros(o->out, start + 24 - o->out->len);
	act_end(o, start);
}

static int parse_stack(const char *arg, enum act_type type, const struct act_text *t)
{
	struct subfield bits;

	if (subfield_parse(&arg, &bits, t->err))
		return -EINVAL;
	if (*arg)
		return error_set(t->err, -EINVAL, "%s: trailing garbage following push or pop",
				 arg);
	if (!bits.field->oxm[0].name)
		return act_not_openflow(bits.field, t->err);
	act_put(t->out, type)->stack.bits = bits;
	return 0;
}

enum ofperr stack_push_decode(struct act_in *in, struct strbuf *out)
{
	return decode_stack(in, ACT_STACK_PUSH, out);
}

void stack_push_encode(const struct act *a, struct act_out *o)
{
	encode_stack(a, NX_PUSH, o);
}

void stack_push_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "push:");
	subfield_format(&a->stack.bits, t->out);
}

int stack_push_parse(char *arg, const struct act_text *t)
{
	return parse_stack(arg, ACT_STACK_PUSH, t);
}

enum ofperr stack_pop_decode(struct act_in *in, struct strbuf *out)
{
	return decode_stack(in, ACT_STACK_POP, out);
}

void stack_pop_encode(const struct act *a, struct act_out *o)
{
	encode_stack(a, NX_POP, o);
}

void stack_pop_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "pop:");
	subfield_format(&a->stack.bits, t->out);
}

int stack_pop_parse(char *arg, const struct act_text *t)
{
	return parse_stack(arg, ACT_STACK_POP, t);
}

// ---- delete_field ----

enum ofperr delete_field_decode(struct act_in *in, struct strbuf *out)
{
	const struct field *f;
	enum ofperr e = act_get_field(in, &f);

	if (!e)
		act_put(out, ACT_DELETE_FIELD)->delete_field.field = f;
	return e;
}

void delete_field_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, NX_DELETE_FIELD);

	act_put_field(o, a->delete_field.field);
	strbuf_put_zeros(o->out, start + 24 - o->out->len);
	act_end(o, start);
}

void delete_field_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "delete_field:%s", a->delete_field.field->name);
}

int delete_field_parse(char *arg, const struct act_text *t)
{
	const struct field *f = field_by_name(arg);

	if (!f)
		return error_set(t->err, -EINVAL, "unknown field `%s'", arg);
	if (!f->oxm[0].name)
		return act_not_openflow(f, t->err);
	act_put(t->out, ACT_DELETE_FIELD)->delete_field.field = f;
	return 0;
}
