// SPDX-License-Identifier: Apache-2.0
// sample: a share of packets is told to collectors. Each of the four messages says what the one before could not.
//
// The first three are compared with another implementation (tests/integration/switch/test_peer_actions.py). The fourth, for ids
// from fields, is not: no peer that has it was at hand. It is the third form with each id replaced by 4 bytes of a field's
// header (zero: a number) and 4 of the number, or of offset and width as other actions of this vendor pack them.
#include <ctype.h>

#include "core/flow/dp-action.h"
#include "ofproto/openflow/act-private.h"

enum { NX_SAMPLE = 29, NX_SAMPLE2 = 38, NX_SAMPLE3 = 41, NX_SAMPLE4 = 51, ID_BITS = 32 };

// ---- Wire ----

// An id, or the bits of a field that have it.
static enum ofperr decode_id(struct act_in *in, struct subfield *src, uint32_t *id)
{
	struct act_in head = *in;
	const void *header = rd_bytes(&in->body, 4);
	uint32_t value = rd_be32(&in->body);
	enum ofperr e;

	if (rd_status(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (is_all_zeros(header, 4)) {
		*id = value;
		return OFPERR_NONE;
	}
	*src = act_range_of(value >> 16);
	e = act_get_short_field(&head, &src->field);
	if (!e)
		e = act_check_bits(src);
	return !e && src->n_bits > ID_BITS ? OFPERR_OFPBAC_BAD_SET_LEN : e;
}

static enum ofperr decode_ids(struct act_in *in, struct act *a)
{
	enum ofperr e;

	if (in->number == NX_SAMPLE4) {
		e = decode_id(in, &a->sample.domain_src, &a->sample.domain);
		return e ? e : decode_id(in, &a->sample.point_src, &a->sample.point);
	}
	a->sample.domain = rd_be32(&in->body);
	a->sample.point = rd_be32(&in->body);
	return OFPERR_NONE;
}

enum ofperr sample_decode(struct act_in *in, struct strbuf *out)
{
	struct act *a = act_put(out, ACT_SAMPLE);
	enum ofperr e;

	a->sample.probability = rd_be16(&in->body);
	a->sample.collector_set = rd_be32(&in->body);
	a->sample.port = OF_PORT(OFPP_ANY);
	e = decode_ids(in, a);
	if (e)
		return e;
	if (!a->sample.probability)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (in->number == NX_SAMPLE)
		return OFPERR_NONE;
	a->sample.port = port_from_10(rd_be16(&in->body));
	if (in->number != NX_SAMPLE2)
		a->sample.direction = rd_u8(&in->body);
	if (a->sample.direction > SAMPLE_EGRESS)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	return in->number == NX_SAMPLE2 ? OFPERR_NONE : act_get_zeros(in, rd_left(&in->body));
}

static uint16_t form_of(const struct act *a)
{
	if (a->sample.domain_src.field || a->sample.point_src.field)
		return NX_SAMPLE4;
	if (a->sample.direction != SAMPLE_EITHER)
		return NX_SAMPLE3;
	return a->sample.port.n != OFPP_ANY ? NX_SAMPLE2 : NX_SAMPLE;
}

static void put_id(struct act_out *o, uint16_t form, const struct subfield *src, uint32_t id)
{
	if (form != NX_SAMPLE4) {
		wr_be32(o->out, id);
	} else if (src->field) {
		act_put_field(o, src->field);
		wr_be16(o->out, act_range(src));
		wr_be16(o->out, 0);
	} else {
		wr_be32(o->out, 0);
		wr_be32(o->out, id);
	}
}

void sample_encode(const struct act *a, struct act_out *o)
{
	uint16_t form = form_of(a);
	size_t start = act_begin_nx(o, form);

	wr_be16(o->out, a->sample.probability);
	wr_be32(o->out, a->sample.collector_set);
	put_id(o, form, &a->sample.domain_src, a->sample.domain);
	put_id(o, form, &a->sample.point_src, a->sample.point);
	if (form != NX_SAMPLE) {
		wr_be16(o->out, port_to_10(a->sample.port));
		wr_u8(o->out, a->sample.direction);
	}
	act_end(o, start);
}

// ---- Text ----

static const char *const directions[] = {
	[SAMPLE_INGRESS] = "ingress", [SAMPLE_EGRESS] = "egress"
};

static void format_id(const char *name, const struct subfield *src, uint32_t id, struct strbuf *out)
{
	strbuf_printf(out, ",%s=", name);
	if (src->field)
		subfield_format(src, out);
	else
		strbuf_printf(out, "%u", id);
}

void sample_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "sample(probability=%u,collector_set_id=%u", a->sample.probability,
		      a->sample.collector_set);
	format_id("obs_domain_id", &a->sample.domain_src, a->sample.domain, t->out);
	format_id("obs_point_id", &a->sample.point_src, a->sample.point, t->out);
	if (a->sample.port.n != OFPP_ANY) {
		strbuf_puts(t->out, ",sampling_port=");
		of_port_format(a->sample.port, t->ports, t->out);
	}
	if (a->sample.direction != SAMPLE_EITHER)
		strbuf_printf(t->out, ",%s", directions[a->sample.direction]);
	strbuf_putc(t->out, ')');
}

static int parse_probability(const char *value, struct act *a, struct error *err)
{
	uint64_t n;

	if (act_parse_number(value, UINT16_MAX, "probability", &n, err))
		return -EINVAL;
	if (!n)
		return error_set(err, -EINVAL, "invalid probability value \"%s\"", value);
	a->sample.probability = n;
	return 0;
}

static int parse_id(const char *value, struct subfield *src, uint32_t *id, struct error *err)
{
	if (!isalpha((unsigned char)*value) || !field_by_name_n(value, strcspn(value, "[")))
		return act_parse_u32(value, id, err);
	if (act_parse_subfield(value, value, src, err))
		return -EINVAL;
	return src->n_bits <= ID_BITS
		       ? 0
		       : error_set(err, -EINVAL, "%s: an id has at most %d bits, not %u", value,
				   ID_BITS, src->n_bits);
}

static int parse_argument(const char *key, const char *value, struct act *a,
			  const struct act_text *t)
{
	for (int i = SAMPLE_INGRESS; i <= SAMPLE_EGRESS; i++)
		if (!strcmp(key, directions[i])) {
			a->sample.direction = i;
			return 0;
		}
	if (!strcmp(key, "probability"))
		return parse_probability(value, a, t->err);
	if (!strcmp(key, "collector_set_id"))
		return act_parse_u32(value, &a->sample.collector_set, t->err);
	if (!strcmp(key, "obs_domain_id"))
		return parse_id(value, &a->sample.domain_src, &a->sample.domain, t->err);
	if (!strcmp(key, "obs_point_id"))
		return parse_id(value, &a->sample.point_src, &a->sample.point, t->err);
	if (strcmp(key, "sampling_port"))
		return error_set(t->err, -EINVAL, "invalid key \"%s\" in \"sample\" argument", key);
	return of_port_parse(value, t->ports, &a->sample.port)
		       ? 0
		       : error_set(t->err, -EINVAL, "%s: unknown port", value);
}

int sample_parse(char *arg, const struct act_text *t)
{
	char *key, *value;
	struct act made;

	act_clear(&made);
	made.sample.port = OF_PORT(OFPP_ANY);
	while (act_next_word(&arg, &key, &value))
		if (parse_argument(key, value, &made, t))
			return -EINVAL;
	if (!made.sample.probability)
		return error_set(t->err, -EINVAL,
				 "non-zero \"probability\" must be specified on sample");
	act_put(t->out, ACT_SAMPLE)->sample = made.sample;
	return 0;
}
