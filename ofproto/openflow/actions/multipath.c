// SPDX-License-Identifier: Apache-2.0
// multipath: a hash chooses one of a number of links and writes its number into a field.
#include "ofproto/openflow/actions/hash-private.h"

enum { NX_MULTIPATH = 10, MAX_LINKS = UINT16_MAX + 1 };

enum ofperr multipath_decode(struct act_in *in, struct strbuf *out)
{
	uint16_t fields = rd_be16(&in->body), basis = rd_be16(&in->body), algorithm, max_link;
	struct subfield dst;
	struct act *a;
	uint32_t arg;
	enum ofperr e;

	rd_skip(&in->body, 2);
	algorithm = rd_be16(&in->body);
	max_link = rd_be16(&in->body);
	arg = rd_be32(&in->body);
	rd_skip(&in->body, 2);
	e = act_get_range(in, &dst);
	if (e)
		return e;
	if (fields >= HASH_FIELDS_MAX || algorithm >= hash_count(multipath_algorithms) ||
	    (dst.n_bits < 16 && max_link >> dst.n_bits))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	a = act_put(out, ACT_MULTIPATH);
	a->multipath.fields = fields;
	a->multipath.algorithm = algorithm;
	a->multipath.basis = basis;
	a->multipath.max_link = max_link;
	a->multipath.arg = arg;
	a->multipath.dst = dst;
	return OFPERR_NONE;
}

void multipath_encode(const struct act *a, struct act_out *o)
{
	const struct subfield *dst = &a->multipath.dst;
	size_t start = act_begin_nx(o, NX_MULTIPATH);

	wr_be16(o->out, a->multipath.fields);
	wr_be16(o->out, a->multipath.basis);
	wr_be16(o->out, 0);
	wr_be16(o->out, a->multipath.algorithm);
	wr_be16(o->out, a->multipath.max_link);
	wr_be32(o->out, a->multipath.arg);
	wr_be16(o->out, 0);
	wr_be16(o->out, act_range(dst));
	act_put_field(o, dst->field);
	act_end(o, start);
}

void multipath_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "multipath(%s,%u,%s,%u,%u,", hash_fields[a->multipath.fields],
		      a->multipath.basis, multipath_algorithms[a->multipath.algorithm],
		      a->multipath.max_link + 1u, a->multipath.arg);
	subfield_format(&a->multipath.dst, t->out);
	strbuf_putc(t->out, ')');
}

static int parse_links(const char *whole, const char *word, const struct subfield *dst,
		       uint16_t *ret_max, struct error *err)
{
	uint64_t n;

	if (!parse_u64(word, 0, &n) || !n || n > MAX_LINKS)
		return error_set(err, -EINVAL, "%s: n_links %s is not in valid range 1 to %d",
				 whole, word, MAX_LINKS);
	if (dst->n_bits < 16 && (n - 1) >> dst->n_bits)
		return error_set(err, -EINVAL,
				 "%s: %u-bit destination field has %u possible values, less than "
				 "specified n_links %llu",
				 whole, dst->n_bits, 1u << dst->n_bits, (unsigned long long)n);
	*ret_max = n - 1;
	return 0;
}

int multipath_parse(char *arg, const struct act_text *t)
{
	AUTO_FREE char *whole = xstrdup(arg);
	struct hash_args hash;
	struct act made, *a;
	char *words[6];
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		words[i] = hash_next(&arg);
		if (!words[i])
			return error_set(t->err, -EINVAL,
					 "%s: not enough arguments to multipath action", whole);
	}
	if (*arg)
		return error_set(t->err, -EINVAL, "%s: too many arguments to multipath action",
				 whole);
	act_clear(&made);
	if (hash_parse(whole, words, multipath_algorithms, &hash, t->err) ||
	    act_parse_subfield(words[5], whole, &made.multipath.dst, t->err) ||
	    parse_links(whole, words[3], &made.multipath.dst, &made.multipath.max_link, t->err) ||
	    act_parse_number(words[4], UINT32_MAX, "arg", &n, t->err))
		return -EINVAL;
	a = act_put(t->out, ACT_MULTIPATH);
	a->multipath = made.multipath;
	a->multipath.fields = hash.fields;
	a->multipath.algorithm = hash.algorithm;
	a->multipath.basis = hash.basis;
	a->multipath.arg = n;
	return 0;
}
