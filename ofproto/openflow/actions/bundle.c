// SPDX-License-Identifier: Apache-2.0
// bundle and bundle_load: a hash, or who is alive, chooses one of a list of ports; the packet goes there, or the number into
// a field.
#include <strings.h>

#include "core/base/vec.h"
#include "ofproto/openflow/actions/hash-private.h"

enum { NX_BUNDLE = 12, NX_BUNDLE_LOAD = 13, MAX_MEMBERS = 2048 };
// The only kind of member: ports, as the header of in_port says.
#define MEMBER_TYPE 0x00000002

typedef VEC(of_port_t) port_vec;

static void put_members(struct strbuf *out, size_t start, const port_vec *members)
{
	((struct act *)(out->s + start))->bundle.n_members = members->n;
	act_put_nested_bytes(out, start, members->v, members->n * sizeof(*members->v));
}

// ---- Wire ----

// The ten bytes that stand before the members.
static enum ofperr decode_dst(struct act_in *in, bool load, struct subfield *ret)
{
	struct act_in dst = *in;
	enum ofperr e;

	if (!load && !is_all_zeros(in->body.p, MIN(rd_left(&in->body), 10u)))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	rd_skip(&in->body, 10);
	if (!load || rd_status(&in->body))
		return OFPERR_NONE;
	e = act_get_range(&dst, ret);
	return !e && ret->n_bits < 16 ? OFPERR_OFPBAC_BAD_ARGUMENT : e;
}

static enum ofperr decode_bundle(struct act_in *in, bool load, struct strbuf *out)
{
	uint16_t algorithm = rd_be16(&in->body), fields = rd_be16(&in->body),
		 basis = rd_be16(&in->body), n;
	uint32_t type = rd_be32(&in->body);
	struct subfield dst = { 0 };
	size_t start = out->len;
	port_vec members = { 0 };
	struct act *a;
	enum ofperr e;

	n = rd_be16(&in->body);
	if (fields >= HASH_FIELDS_MAX || algorithm >= hash_count(bundle_algorithms) ||
	    type != MEMBER_TYPE || n > MAX_MEMBERS)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	e = decode_dst(in, load, &dst);
	if (e)
		return e;
	if (rd_left(&in->body) < 2u * n)
		return OFPERR_OFPBAC_BAD_LEN;
	a = act_put(out, load ? ACT_BUNDLE_LOAD : ACT_BUNDLE);
	a->bundle.algorithm = algorithm;
	a->bundle.fields = fields;
	a->bundle.basis = basis;
	a->bundle.dst = dst;
	while (members.n < n)
		VEC_PUSH(&members, port_from_10(rd_be16(&in->body)));
	put_members(out, start, &members);
	VEC_FREE(&members);
	return OFPERR_NONE;
}

static void encode_bundle(const struct act *a, uint16_t subtype, struct act_out *o)
{
	const of_port_t *members = act_nested(a);
	const struct subfield *dst = &a->bundle.dst;
	size_t start = act_begin_nx(o, subtype);

	wr_be16(o->out, a->bundle.algorithm);
	wr_be16(o->out, a->bundle.fields);
	wr_be16(o->out, a->bundle.basis);
	wr_be32(o->out, MEMBER_TYPE);
	wr_be16(o->out, a->bundle.n_members);
	wr_be16(o->out, dst->field ? act_range(dst) : 0);
	if (dst->field)
		act_put_field(o, dst->field);
	strbuf_put_zeros(o->out, start + 32 - o->out->len);
	for (size_t i = 0; i < a->bundle.n_members; i++)
		wr_be16(o->out, port_to_10(members[i]));
	act_end(o, start);
}

enum ofperr bundle_decode(struct act_in *in, struct strbuf *out)
{
	return decode_bundle(in, false, out);
}

void bundle_encode(const struct act *a, struct act_out *o)
{
	encode_bundle(a, NX_BUNDLE, o);
}

enum ofperr bundle_load_decode(struct act_in *in, struct strbuf *out)
{
	return decode_bundle(in, true, out);
}

void bundle_load_encode(const struct act *a, struct act_out *o)
{
	encode_bundle(a, NX_BUNDLE_LOAD, o);
}

// ---- Text ----

static void format_bundle(const struct act *a, const struct act_text *t)
{
	const of_port_t *members = act_nested(a);

	strbuf_printf(t->out, "%s(%s,%u,%s,ofport,", act_name(a->type),
		      hash_fields[a->bundle.fields], a->bundle.basis,
		      bundle_algorithms[a->bundle.algorithm]);
	if (a->bundle.dst.field) {
		subfield_format(&a->bundle.dst, t->out);
		strbuf_putc(t->out, ',');
	}
	strbuf_puts(t->out, "members:");
	for (size_t i = 0; i < a->bundle.n_members; i++) {
		if (i)
			strbuf_putc(t->out, ',');
		of_port_format(members[i], t->ports, t->out);
	}
	strbuf_putc(t->out, ')');
}

void bundle_format(const struct act *a, const struct act_text *t)
{
	format_bundle(a, t);
}

void bundle_load_format(const struct act *a, const struct act_text *t)
{
	format_bundle(a, t);
}

static int parse_members(char *list, const struct port_names *ports, port_vec *members,
			 struct error *err)
{
	for (char *word; (word = hash_next(&list));) {
		of_port_t port;

		if (!of_port_parse(word, ports, &port))
			return error_set(err, -EINVAL, "%s: bad port number", word);
		if (members->n == MAX_MEMBERS)
			return error_set(err, -EINVAL, "too many members");
		VEC_PUSH(members, port);
	}
	return 0;
}

// All that stands before the members; '*rest' is what is left.
static int parse_head(char **rest, const char *whole, bool load, struct act *a, struct error *err)
{
	size_t n_words = load ? 6 : 5;
	char *words[6] = { NULL }, *last;
	struct hash_args hash;

	for (size_t i = 0; i < n_words; i++) {
		words[i] = hash_next(rest);
		if (!words[i])
			return error_set(err, -EINVAL, "%s: not enough arguments to bundle action",
					 whole);
	}
	last = words[n_words - 1];
	if (strcasecmp(last, "members") && strcasecmp(last, "slaves"))
		return error_set(err, -EINVAL,
				 "%s: missing member delimiter, expected `members', got `%s'",
				 whole, last);
	if (hash_parse(whole, words, bundle_algorithms, &hash, err))
		return -EINVAL;
	if (strcasecmp(words[3], "ofport"))
		return error_set(err, -EINVAL, "%s: unknown member_type `%s'", whole, words[3]);
	a->bundle.fields = hash.fields;
	a->bundle.algorithm = hash.algorithm;
	a->bundle.basis = hash.basis;
	if (!load)
		return 0;
	if (act_parse_subfield(words[4], whole, &a->bundle.dst, err))
		return -EINVAL;
	if (a->bundle.dst.n_bits < 16)
		return error_set(err, -EINVAL, "%s: a port number needs 16 bits, %s has %u", whole,
				 words[4], a->bundle.dst.n_bits);
	return 0;
}

static int parse_bundle(char *arg, enum act_type type, const struct act_text *t)
{
	AUTO_FREE char *whole = xstrdup(arg);
	port_vec members = { 0 };
	size_t start = t->out->len;
	struct act made;
	int error;

	act_clear(&made);
	error = parse_head(&arg, whole, type == ACT_BUNDLE_LOAD, &made, t->err);
	if (!error)
		error = parse_members(arg, t->ports, &members, t->err);
	if (!error) {
		act_put(t->out, type)->bundle = made.bundle;
		put_members(t->out, start, &members);
	}
	VEC_FREE(&members);
	return error;
}

int bundle_parse(char *arg, const struct act_text *t)
{
	return parse_bundle(arg, ACT_BUNDLE, t);
}

int bundle_load_parse(char *arg, const struct act_text *t)
{
	return parse_bundle(arg, ACT_BUNDLE_LOAD, t);
}
