// SPDX-License-Identifier: Apache-2.0
// What a tunnel's header has beyond addresses and id: the policy of VXLAN-GBP and the options of Geneve. Matched, read back
// and written by the same three attributes, whose names differ.
#include <linux/tc_act/tc_tunnel_key.h>

#include "offload/tc/action-private.h"
#include "offload/tc/match-private.h"

// Geneve's options in their nest, one after the other; 'mask' NULL: the values themselves.
static void put_geneve(struct strbuf *b, uint16_t one, uint16_t class, uint16_t type, uint16_t data,
		       const struct flow_tunnel *t, const uint8_t *mask)
{
	for (size_t at = 0; at + 4 <= t->opt_len;) {
		const uint8_t *from = mask ? mask + at : t->metadata + at;
		size_t n = MIN(4u * (t->metadata[at + 3] & 0x1f), t->opt_len - at - 4u),
		       nest = nl_nest_begin(b, one);

		nl_put(b, class, from, 2);
		nl_put(b, type, from + 2, 1);
		nl_put(b, data, from + 4, n);
		nl_nest_end(b, nest);
		at += 4 + n;
	}
}

static uint32_t gbp_of(const struct flow_tunnel *t)
{
	return be16toh(t->gbp_id) | (uint32_t)t->gbp_flags << 16;
}

// ---- Matching ----

static void match_gbp_half(struct matching *m, uint16_t type, uint32_t gbp)
{
	struct strbuf *b = &m->rule->options;
	size_t opts = nl_nest_begin(b, type),
	       vxlan = nl_nest_begin(b, TCA_FLOWER_KEY_ENC_OPTS_VXLAN);

	nl_put_u32(b, TCA_FLOWER_KEY_ENC_OPT_VXLAN_GBP, gbp);
	nl_nest_end(b, vxlan);
	nl_nest_end(b, opts);
	m->rule->shape = hash_u64(type, m->rule->shape);
}

static void match_gbp(struct matching *m)
{
	struct flow_tunnel *left = &m->left.m.tunnel;
	uint32_t mask = gbp_of(left);

	if (!mask)
		return;
	match_gbp_half(m, TCA_FLOWER_KEY_ENC_OPTS, gbp_of(&m->key->tunnel) & mask);
	match_gbp_half(m, TCA_FLOWER_KEY_ENC_OPTS_MASK, mask);
	left->gbp_id = left->gbp_flags = 0;
}

static void match_geneve_half(struct matching *m, uint16_t type, const uint8_t *mask)
{
	struct strbuf *b = &m->rule->options;
	size_t opts = nl_nest_begin(b, type);

	put_geneve(b, TCA_FLOWER_KEY_ENC_OPTS_GENEVE, TCA_FLOWER_KEY_ENC_OPT_GENEVE_CLASS,
		   TCA_FLOWER_KEY_ENC_OPT_GENEVE_TYPE, TCA_FLOWER_KEY_ENC_OPT_GENEVE_DATA,
		   &m->key->tunnel, mask);
	nl_nest_end(b, opts);
	m->rule->shape = hash_u64(type, m->rule->shape);
}

bool tc_match_tunnel_opts(struct matching *m)
{
	struct flow_tunnel *left = &m->left.m.tunnel;

	match_gbp(m);
	if (!left->opt_len)
		return true;
	// Flower has no word for "no options".
	if (!m->key->tunnel.opt_len)
		return tc_refuse_mask(m, "no Geneve options");
	match_geneve_half(m, TCA_FLOWER_KEY_ENC_OPTS, NULL);
	match_geneve_half(m, TCA_FLOWER_KEY_ENC_OPTS_MASK, left->metadata);
	m->rule->shape = hash_bytes(left->metadata, m->key->tunnel.opt_len, m->rule->shape);
	left->opt_len = 0;
	memset(left->metadata, 0, sizeof(left->metadata));
	return true;
}

// ---- Reading back ----

static bool read_gbp(const struct nlattr *vxlan, struct flow_tunnel *t)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, vxlan)
	{
		if (mnl_attr_get_type(a) != TCA_FLOWER_KEY_ENC_OPT_VXLAN_GBP || nl_len(a) != 4)
			return false;
		t->gbp_id = htobe16(nl_u32(a));
		t->gbp_flags = nl_u32(a) >> 16;
	}
	return true;
}

// Appends one option as on the wire; a mask's length is all ones there.
static bool read_geneve(const struct nlattr *one, bool is_mask, struct flow_tunnel *t)
{
	uint8_t *at = t->metadata + t->opt_len;
	const struct nlattr *a;
	size_t n = 0;

	mnl_attr_for_each_nested(a, one)
	{
		size_t len = nl_len(a);

		if (t->opt_len + 4 > TUN_METADATA_LEN - 4)
			return false;
		if (mnl_attr_get_type(a) == TCA_FLOWER_KEY_ENC_OPT_GENEVE_CLASS && len == 2) {
			memcpy(at, mnl_attr_get_payload(a), 2);
		} else if (mnl_attr_get_type(a) == TCA_FLOWER_KEY_ENC_OPT_GENEVE_TYPE && len == 1) {
			at[2] = nl_u8(a);
		} else if (mnl_attr_get_type(a) == TCA_FLOWER_KEY_ENC_OPT_GENEVE_DATA) {
			n = len;
			if (n % 4 || n > 124 || t->opt_len + 4 + n > TUN_METADATA_LEN - 4)
				return false;
			memcpy(at + 4, mnl_attr_get_payload(a), n);
		} else {
			return false;
		}
	}
	at[3] = is_mask ? UINT8_MAX : n / 4;
	t->opt_len += 4 + n;
	return true;
}

static bool read_half(const struct nlattr *nest, bool is_mask, struct flow_tunnel *t)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
	{
		switch (mnl_attr_get_type(a)) {
		case TCA_FLOWER_KEY_ENC_OPTS_VXLAN:
			if (!read_gbp(a, t))
				return false;
			break;
		case TCA_FLOWER_KEY_ENC_OPTS_GENEVE:
			if (!read_geneve(a, is_mask, t))
				return false;
			break;
		default:
			return false;
		}
	}
	return true;
}

bool tc_read_tunnel_opts(const struct nlattr *opts, const struct nlattr *mask_opts,
			 struct flow_tunnel *key, struct flow_tunnel *mask)
{
	if (!read_half(opts, false, key) || !mask_opts || !read_half(mask_opts, true, mask) ||
	    mask->opt_len != key->opt_len)
		return false;
	if (mask->opt_len)
		mask->opt_len = UINT8_MAX;
	key->gbp_id &= mask->gbp_id;
	key->gbp_flags &= mask->gbp_flags;
	for (size_t i = 0; i < key->opt_len; i++)
		key->metadata[i] &= mask->metadata[i];
	return true;
}

// ---- Writing ----

void tc_put_tunnel_opts(struct strbuf *b, const struct flow_tunnel *t)
{
	size_t opts, vxlan;

	if (!t->opt_len && !t->gbp_id && !t->gbp_flags)
		return;
	opts = nl_nest_begin(b, TCA_TUNNEL_KEY_ENC_OPTS);
	if (t->opt_len) {
		put_geneve(b, TCA_TUNNEL_KEY_ENC_OPTS_GENEVE, TCA_TUNNEL_KEY_ENC_OPT_GENEVE_CLASS,
			   TCA_TUNNEL_KEY_ENC_OPT_GENEVE_TYPE, TCA_TUNNEL_KEY_ENC_OPT_GENEVE_DATA,
			   t, NULL);
	} else {
		vxlan = nl_nest_begin(b, TCA_TUNNEL_KEY_ENC_OPTS_VXLAN);
		nl_put_u32(b, TCA_TUNNEL_KEY_ENC_OPT_VXLAN_GBP, gbp_of(t));
		nl_nest_end(b, vxlan);
	}
	nl_nest_end(b, opts);
}
