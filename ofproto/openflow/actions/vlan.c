// SPDX-License-Identifier: Apache-2.0
// VLAN tags. What 1.0 says in one action, 1.2 and later say as push_vlan and set_field.
#include "ofproto/openflow/act-private.h"

static bool is_vlan_type(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8;
}

static void put_push(struct act_out *o, uint16_t type)
{
	size_t start = act_begin_of(o, 17);

	wr_be16(o->out, type);
	wr_be16(o->out, 0);
	act_end(o, start);
	o->has_vlan = true;
}

static void put_oxm(struct act_out *o, enum field_id id, uint64_t v)
{
	union field_value value;

	field_value_from_u64(field_get(id), v, &value);
	act_encode_set_field(o, field_get(id), &value);
}

// ---- mod_vlan_vid ----

enum ofperr set_vlan_vid_decode(struct act_in *in, struct strbuf *out)
{
	uint16_t vid = rd_be16(&in->body);
	struct act *a;

	rd_skip(&in->body, 2);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (vid > VLAN_VID_MASK)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	a = act_put(out, ACT_SET_VLAN_VID);
	a->set_vlan_vid.vid = vid;
	a->set_vlan_vid.only_if_tagged = in->version > OFP10;
	return OFPERR_NONE;
}

void set_vlan_vid_encode(const struct act *a, struct act_out *o)
{
	size_t start;

	if (o->version >= OFP11 && !o->has_vlan && !a->set_vlan_vid.only_if_tagged) {
		put_push(o, 0x8100);
		o->has_vlan = true;
	}
	if (o->version >= OFP12) {
		put_oxm(o, FIELD_VLAN_VID, a->set_vlan_vid.vid | VLAN_PRESENT);
		return;
	}
	start = act_begin_of(o, 1);
	wr_be16(o->out, a->set_vlan_vid.vid);
	act_end(o, start);
}

void set_vlan_vid_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "%s_vlan_vid:%u", a->set_vlan_vid.only_if_tagged ? "set" : "mod",
		      a->set_vlan_vid.vid);
}

static int parse_vid(char *arg, const struct act_text *t, bool only_if_tagged)
{
	struct act *a;
	uint64_t n;

	if (!parse_u64(arg, 0, &n) || n > VLAN_VID_MASK)
		return error_set(t->err, -EINVAL, "%s: not a valid VLAN VID", arg);
	a = act_put(t->out, ACT_SET_VLAN_VID);
	a->set_vlan_vid.vid = n;
	a->set_vlan_vid.only_if_tagged = only_if_tagged;
	return 0;
}

int mod_vlan_vid_parse(char *arg, const struct act_text *t)
{
	return parse_vid(arg, t, false);
}

int set_vlan_vid_parse(char *arg, const struct act_text *t)
{
	return parse_vid(arg, t, true);
}

// ---- mod_vlan_pcp ----

enum ofperr set_vlan_pcp_decode(struct act_in *in, struct strbuf *out)
{
	uint8_t pcp = rd_u8(&in->body);
	struct act *a;

	rd_skip(&in->body, 3);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (pcp > 7)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	a = act_put(out, ACT_SET_VLAN_PCP);
	a->set_vlan_pcp.pcp = pcp;
	a->set_vlan_pcp.only_if_tagged = in->version > OFP10;
	return OFPERR_NONE;
}

void set_vlan_pcp_encode(const struct act *a, struct act_out *o)
{
	size_t start;

	if (o->version >= OFP11 && !o->has_vlan && !a->set_vlan_pcp.only_if_tagged) {
		put_push(o, 0x8100);
		o->has_vlan = true;
	}
	if (o->version >= OFP12) {
		put_oxm(o, FIELD_VLAN_PCP, a->set_vlan_pcp.pcp);
		return;
	}
	start = act_begin_of(o, 2);
	wr_u8(o->out, a->set_vlan_pcp.pcp);
	act_end(o, start);
}

void set_vlan_pcp_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "%s_vlan_pcp:%u", a->set_vlan_pcp.only_if_tagged ? "set" : "mod",
		      a->set_vlan_pcp.pcp);
}

static int parse_pcp(char *arg, const struct act_text *t, bool only_if_tagged)
{
	struct act *a;
	uint64_t n;

	if (!parse_u64(arg, 0, &n) || n > 7)
		return error_set(t->err, -EINVAL, "%s: not a valid VLAN PCP", arg);
	a = act_put(t->out, ACT_SET_VLAN_PCP);
	a->set_vlan_pcp.pcp = n;
	a->set_vlan_pcp.only_if_tagged = only_if_tagged;
	return 0;
}

int mod_vlan_pcp_parse(char *arg, const struct act_text *t)
{
	return parse_pcp(arg, t, false);
}

int set_vlan_pcp_parse(char *arg, const struct act_text *t)
{
	return parse_pcp(arg, t, true);
}

// ---- strip_vlan, push_vlan ----

enum ofperr strip_vlan_decode(struct act_in *in, struct strbuf *out)
{
	rd_skip(&in->body, 4);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	act_put(out, ACT_STRIP_VLAN)->strip_vlan.pop = in->version > OFP10;
	return OFPERR_NONE;
}

void strip_vlan_encode(const struct act *a, struct act_out *o)
{
	act_end(o, act_begin_of(o, o->version == OFP10 ? 3 : 18));
	o->has_vlan = false;
}

void strip_vlan_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, a->strip_vlan.pop ? "pop_vlan" : "strip_vlan");
}

int strip_vlan_parse(char *arg, const struct act_text *t)
{
	act_put(t->out, ACT_STRIP_VLAN);
	return 0;
}

int pop_vlan_parse(char *arg, const struct act_text *t)
{
	act_put(t->out, ACT_STRIP_VLAN)->strip_vlan.pop = true;
	return 0;
}

enum ofperr push_vlan_decode(struct act_in *in, struct strbuf *out)
{
	uint16_t type = rd_be16(&in->body);

	rd_skip(&in->body, 2);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (!is_vlan_type(type))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	act_put(out, ACT_PUSH_VLAN)->push_vlan.ethertype = htobe16(type);
	return OFPERR_NONE;
}

void push_vlan_encode(const struct act *a, struct act_out *o)
{
	// 1.0 has no such action; it tags by mod_vlan_vid.
	if (o->version == OFP10)
		return;
	put_push(o, be16toh(a->push_vlan.ethertype));
}

void push_vlan_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "push_vlan:0x%x", be16toh(a->push_vlan.ethertype));
}

int push_vlan_parse(char *arg, const struct act_text *t)
{
	uint64_t n;

	if (!parse_u64(arg, 0, &n) || n > UINT16_MAX || !is_vlan_type(n))
		return error_set(t->err, -EINVAL, "%s: not a valid VLAN ethertype", arg);
	act_put(t->out, ACT_PUSH_VLAN)->push_vlan.ethertype = htobe16(n);
	return 0;
}
