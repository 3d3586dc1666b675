// SPDX-License-Identifier: Apache-2.0
// ct: sends the packet through connection tracking; and ct_clear, which makes it a packet that has not been there.
#include "ofproto/openflow/act-private.h"

enum { NX_CT = 35, NX_CT_CLEAR = 43, NO_TABLE = 255, ZONE_BITS = 16 };

static const struct {
	const char *name;
	uint16_t port;
} helpers[] = { { "ftp", 21 }, { "tftp", 69 } };

const char *act_ct_helper(const struct act *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (helpers[i].port == a->ct.alg)
			return helpers[i].name;
	return NULL;
}

// The bits of a field that has a short header: longer ones have no room in the action.
static bool can_be_zone(const struct subfield *sf)
{
	return sf->field->oxm[0].name && sf->field->oxm[0].class != 0xffff;
}

// What a connection keeps can be asked for only where it is committed.
static bool needs_commit(const struct act *ct)
{
	const struct act *a;

	OFPACT_FOR_EACH (a, act_nested_list(ct))
		if (a->type != ACT_NAT || a->nat.flags)
			return true;
	return false;
}

#define COMMIT_TEXT \
	"CT action requires commit flag if actions other than NAT without arguments are " \
	"specified."

// ---- Wire ----

static enum ofperr decode_zone(struct act_in *in, struct act *a)
{
	struct reader head = rd_sub(&in->body, 4);
	uint16_t imm = rd_be16(&in->body);
	const struct field *f;

	if (rd_status(&head))
		return OFPERR_OFPBAC_BAD_LEN;
	if (is_all_zeros(head.p, 4)) {
		a->ct.zone = imm;
		return OFPERR_NONE;
	}
	head.parent = NULL;
	if (field_get_oxm_header(&head, &f, NULL) || !f)
		return OFPERR_OFPBAC_BAD_SET_TYPE;
	a->ct.zone_src = act_range_of(imm);
	a->ct.zone_src.field = f;
	return a->ct.zone_src.n_bits != ZONE_BITS || act_check_bits(&a->ct.zone_src)
		       ? OFPERR_OFPBAC_BAD_SET_LEN
		       : OFPERR_NONE;
}

static enum ofperr decode_head(struct act_in *in, struct act *a)
{
	uint16_t flags = rd_be16(&in->body);
	enum ofperr e = decode_zone(in, a);

	a->ct.flags = flags;
	a->ct.table = rd_u8(&in->body);
	rd_skip(&in->body, 3);
	a->ct.alg = rd_be16(&in->body);
	if (e || rd_status(&in->body))
		return e ? e : OFPERR_OFPBAC_BAD_LEN;
	if (flags & ~(ACT_CT_COMMIT | ACT_CT_FORCE) || flags == ACT_CT_FORCE ||
	    (a->ct.alg && !act_ct_helper(a)))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	return OFPERR_NONE;
}

enum ofperr ct_decode(struct act_in *in, struct strbuf *out)
{
	size_t begin = act_nested_begin(out, ACT_CT);
	enum ofperr e = decode_head(in, (struct act *)(out->s + begin));
	const struct act *a;

	if (!e)
		e = act_decode_list(&in->body, in->version, out);
	if (e)
		return e;
	act_nested_end(out, begin);
	a = (const struct act *)(out->s + begin);
	return !(a->ct.flags & ACT_CT_COMMIT) && needs_commit(a) ? OFPERR_OFPBAC_BAD_ARGUMENT
								 : OFPERR_NONE;
}

void ct_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, NX_CT);
	const struct subfield *src = &a->ct.zone_src;
	bool has_vlan = o->has_vlan;

	wr_be16(o->out, a->ct.flags);
	if (src->field) {
		field_put_oxm_header(src->field, OFP10, o->out);
		wr_be16(o->out, act_range(src));
	} else {
		wr_be32(o->out, 0);
		wr_be16(o->out, a->ct.zone);
	}
	wr_u8(o->out, a->ct.table);
	strbuf_put_zeros(o->out, 3);
	wr_be16(o->out, a->ct.alg);
	act_encode_list(act_nested_list(a), o);
	o->has_vlan = has_vlan;
	act_end(o, start);
}

// ---- Text ----

static void format_nested(struct acts list, const struct act_text *t)
{
	struct act_text inner = *t;

	if (!list.size)
		return;
	// One that comes first needs no exec() around it.
	if (list.first->type == ACT_NAT) {
		nat_action_format(list.first, t);
		strbuf_putc(t->out, ',');
		list.size -= list.first->size;
		list.first = (const struct act *)((const uint8_t *)list.first + list.first->size);
		if (!list.size)
			return;
	}
	inner.depth++;
	strbuf_puts(t->out, "exec(");
	act_format_list(list, &inner);
	strbuf_puts(t->out, "),");
}

void ct_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "ct(");
	if (a->ct.flags & ACT_CT_COMMIT)
		strbuf_puts(t->out, "commit,");
	if (a->ct.flags & ACT_CT_FORCE)
		strbuf_puts(t->out, "force,");
	if (a->ct.table != NO_TABLE) {
		strbuf_puts(t->out, "table=");
		of_table_format(a->ct.table, t->ports, t->out);
		strbuf_putc(t->out, ',');
	}
	if (a->ct.zone_src.field) {
		strbuf_puts(t->out, "zone=");
		subfield_format(&a->ct.zone_src, t->out);
		strbuf_putc(t->out, ',');
	} else if (a->ct.zone) {
		strbuf_printf(t->out, "zone=%u,", a->ct.zone);
	}
	format_nested(act_nested_list(a), t);
	if (a->ct.alg)
		strbuf_printf(t->out, "alg=%s,", act_ct_helper(a));
	strbuf_chomp(t->out, ',');
	strbuf_putc(t->out, ')');
}

static int parse_zone(const char *s, struct act *ct, struct error *err)
{
	const char *p = s;
	uint64_t n;

	if (parse_u64(s, 0, &n) && n <= UINT16_MAX) {
		ct->ct.zone = n;
		return 0;
	}
	if (subfield_parse(&p, &ct->ct.zone_src, err))
		return -EINVAL;
	if (*p)
		return error_set(err, -EINVAL, "unexpected input following field syntax");
	if (!can_be_zone(&ct->ct.zone_src))
		return error_set(err, -EINVAL, "%s: this field cannot be a zone", s);
	if (ct->ct.zone_src.n_bits != ZONE_BITS)
		return error_set(err, -EINVAL, "zone n_bits %u not within valid range [%d..%d]",
				 ct->ct.zone_src.n_bits, ZONE_BITS, ZONE_BITS);
	return 0;
}

static int parse_table(const char *s, struct act *ct, const struct act_text *t)
{
	uint8_t n;

	if (!of_table_parse(s, t->ports, &n))
		return error_set(t->err, -EINVAL, "unknown table %s", s);
	if (n == NO_TABLE)
		return error_set(t->err, -EINVAL, "invalid table 0xff");
	ct->ct.table = n;
	return 0;
}

static int parse_helper(const char *s, struct act *ct, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (!strcmp(helpers[i].name, s)) {
			ct->ct.alg = helpers[i].port;
			return 0;
		}
	return error_set(err, -EINVAL, "invalid conntrack helper \"%s\"", s);
}

static int parse_exec(char *s, const struct act_text *t)
{
	struct act_text inner = *t;

	inner.depth++;
	return act_parse_list(s, &inner);
}

// 'ct' collects what is in the head; the nested list goes to the text's output.
static int parse_argument(const char *key, char *value, struct act *ct, const struct act_text *t)
{
	if (!strcmp(key, "commit")) {
		ct->ct.flags |= ACT_CT_COMMIT;
		return 0;
	}
	if (!strcmp(key, "force")) {
		ct->ct.flags |= ACT_CT_FORCE;
		return 0;
	}
	if (!strcmp(key, "table"))
		return parse_table(value, ct, t);
	if (!strcmp(key, "zone"))
		return parse_zone(value, ct, t->err);
	if (!strcmp(key, "alg"))
		return parse_helper(value, ct, t->err);
	if (!strcmp(key, "nat"))
		return nat_action_parse(value, t);
	if (!strcmp(key, "exec"))
		return parse_exec(value, t);
	return error_set(t->err, -EINVAL, "invalid argument to \"ct\" action: `%s'", key);
}

int ct_parse(char *arg, const struct act_text *t)
{
	size_t begin = act_nested_begin(t->out, ACT_CT);
	char *key, *value;
	struct act head, *a;

	act_clear(&head);
	head.ct.table = NO_TABLE;
	if (t->depth > ACT_MAX_DEPTH)
		return error_set(t->err, -EINVAL, "actions are nested too deeply");
	while (act_next_word(&arg, &key, &value)) {
		int error = parse_argument(key, value, &head, t);

		if (error)
			return error;
	}
	act_nested_end(t->out, begin);
	a = (struct act *)(t->out->s + begin);
	a->ct = head.ct;
	if (a->ct.flags == ACT_CT_FORCE)
		return error_set(t->err, -EINVAL, "\"force\" flag requires \"commit\" flag.");
	if (!(a->ct.flags & ACT_CT_COMMIT) && needs_commit(a))
		return error_set(t->err, -EINVAL, COMMIT_TEXT);
	return 0;
}

// ---- ct_clear ----

enum ofperr ct_clear_decode(struct act_in *in, struct strbuf *out)
{
	rd_skip(&in->body, 6);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	act_put(out, ACT_CT_CLEAR);
	return OFPERR_NONE;
}

void ct_clear_encode(const struct act *a, struct act_out *o)
{
	act_end(o, act_begin_nx(o, NX_CT_CLEAR));
}

void ct_clear_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "ct_clear");
}

int ct_clear_parse(char *arg, const struct act_text *t)
{
	act_put(t->out, ACT_CT_CLEAR);
	return 0;
}
