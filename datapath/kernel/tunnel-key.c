// SPDX-License-Identifier: Apache-2.0
// The outer header as the kernel's openvswitch module writes it (OVS_KEY_ATTR_TUNNEL), in keys, masks and set actions.
//
// Flags and the id are there or not: in a mask their being there says that the packet's having them or not is looked at.
#include <linux/erspan.h>
#include <linux/openvswitch.h>

#include "datapath/kernel/key.h"

// Numbers and addresses that stand as they are.
static const struct row {
	uint16_t attr, offset, size;
	bool always; // the kernel asks for it in every key
} rows[] = {
#define ROW(ATTR, MEMBER, ALWAYS) \
	{ \
		OVS_TUNNEL_KEY_ATTR_##ATTR, offsetof(struct flow_tunnel, MEMBER), \
			sizeof(((struct flow_tunnel *)NULL)->MEMBER), ALWAYS \
	}
	ROW(IPV4_SRC, ip_src, false),	ROW(IPV4_DST, ip_dst, false),
	ROW(IPV6_SRC, ipv6_src, false), ROW(IPV6_DST, ipv6_dst, false),
	ROW(TOS, tos, false),		ROW(TTL, ttl, true),
	ROW(TP_SRC, tp_src, false),	ROW(TP_DST, tp_dst, false),
#undef ROW
};

static const struct {
	uint16_t attr, flag;
} flags[] = {
	{ OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT, FLOW_TNL_DONT_FRAGMENT },
	{ OVS_TUNNEL_KEY_ATTR_CSUM, FLOW_TNL_CSUM },
	{ OVS_TUNNEL_KEY_ATTR_OAM, FLOW_TNL_OAM },
};

static bool has_gbp(const struct flow_tunnel *t)
{
	return t->gbp_id || t->gbp_flags;
}

static bool has_erspan(const struct flow_tunnel *t)
{
	return t->erspan_ver || t->erspan_idx || t->erspan_dir || t->erspan_hwid;
}

// ---- Writing ----

static void put_gbp(struct strbuf *b, const struct flow_tunnel *t)
{
	size_t nest = nl_nest_begin(b, OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS);

	nl_put_u32(b, OVS_VXLAN_EXT_GBP, be16toh(t->gbp_id) | (uint32_t)t->gbp_flags << 16);
	nl_nest_end(b, nest);
}

// 'version': of the packets, where 't' is a mask.
static void put_erspan(struct strbuf *b, const struct flow_tunnel *t, uint8_t version, bool is_mask)
{
	struct erspan_metadata m = { .version = is_mask && t->erspan_ver ? -1 : t->erspan_ver };

	if (version == 1) {
		m.u.index = htobe32(t->erspan_idx);
	} else if (version == 2) {
		m.u.md2.dir = t->erspan_dir;
		m.u.md2.hwid = t->erspan_hwid;
		m.u.md2.hwid_upper = t->erspan_hwid >> 4;
	}
	nl_put(b, OVS_TUNNEL_KEY_ATTR_ERSPAN_OPTS, &m, sizeof(m));
}

static void put_options(struct strbuf *b, const struct kernel_tunnel *k)
{
	const struct flow_tunnel *t = k->values;

	if (has_gbp(t))
		put_gbp(b, t);
	if (has_erspan(t))
		put_erspan(b, t, k->key->erspan_ver, k->is_mask);
	// A mask has as many bytes as the key; that there are no options is said by an empty attribute in both.
	if (k->is_mask ? t->opt_len : k->key->opt_len || k->looks_at_options)
		nl_put(b, OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS, t->metadata, k->key->opt_len);
}

void kernel_put_tunnel(struct strbuf *b, const struct kernel_tunnel *k)
{
	const struct flow_tunnel *t = k->values;
	size_t nest;

	if (!flow_tunnel_is_set(k->key) || (k->is_mask && is_all_zeros(t, sizeof(*t))))
		return;
	nest = nl_nest_begin(b, OVS_KEY_ATTR_TUNNEL);
	if (t->tun_id || t->flags & FLOW_TNL_KEY)
		nl_put_be64(b, OVS_TUNNEL_KEY_ATTR_ID, t->tun_id);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint8_t *p = (const uint8_t *)t + rows[i].offset;

		if (!is_all_zeros(p, rows[i].size) || (rows[i].always && !k->is_mask))
			nl_put(b, rows[i].attr, p, rows[i].size);
	}
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (t->flags & flags[i].flag)
			nl_put_flag(b, flags[i].attr);
	put_options(b, k);
	nl_nest_end(b, nest);
}

// ---- Reading ----

static const struct nl_policy policy[OVS_TUNNEL_KEY_ATTR_ERSPAN_OPTS + 1] = {
	[OVS_TUNNEL_KEY_ATTR_ID] = { .type = MNL_TYPE_U64 },
	[OVS_TUNNEL_KEY_ATTR_IPV4_SRC] = { .type = MNL_TYPE_U32 },
	[OVS_TUNNEL_KEY_ATTR_IPV4_DST] = { .type = MNL_TYPE_U32 },
	[OVS_TUNNEL_KEY_ATTR_TOS] = { .type = MNL_TYPE_U8 },
	[OVS_TUNNEL_KEY_ATTR_TTL] = { .type = MNL_TYPE_U8 },
	[OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT] = { .type = MNL_TYPE_FLAG },
	[OVS_TUNNEL_KEY_ATTR_CSUM] = { .type = MNL_TYPE_FLAG },
	[OVS_TUNNEL_KEY_ATTR_OAM] = { .type = MNL_TYPE_FLAG },
	[OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS] = { .type = MNL_TYPE_UNSPEC },
	[OVS_TUNNEL_KEY_ATTR_TP_SRC] = { .type = MNL_TYPE_U16 },
	[OVS_TUNNEL_KEY_ATTR_TP_DST] = { .type = MNL_TYPE_U16 },
	[OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS] = { .type = MNL_TYPE_NESTED },
	[OVS_TUNNEL_KEY_ATTR_IPV6_SRC] = { .min = 16, .max = 16 },
	[OVS_TUNNEL_KEY_ATTR_IPV6_DST] = { .min = 16, .max = 16 },
	[OVS_TUNNEL_KEY_ATTR_ERSPAN_OPTS] = { .min = sizeof(struct erspan_metadata) },
};

static const struct nl_policy vxlan_policy[OVS_VXLAN_EXT_GBP + 1] = {
	[OVS_VXLAN_EXT_GBP] = { .type = MNL_TYPE_U32 },
};

static int get_gbp(const struct nlattr *nest, struct flow_tunnel *t, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(vxlan_policy)];
	int error = nl_parse_nested(nest, vxlan_policy, ARRAY_SIZE(vxlan_policy), a,
				    "VXLAN options", err);

	if (error)
		return error;
	t->gbp_id = htobe16(nl_u32(a[OVS_VXLAN_EXT_GBP]));
	t->gbp_flags = nl_u32(a[OVS_VXLAN_EXT_GBP]) >> 16;
	return 0;
}

static void get_erspan(const struct nlattr *a, uint8_t version, bool is_mask, struct flow_tunnel *t)
{
	struct erspan_metadata m;

	memcpy(&m, mnl_attr_get_payload(a), sizeof(m));
	t->erspan_ver = is_mask ? (m.version ? 0xf : 0) : m.version & 0xf;
	if (!is_mask)
		version = t->erspan_ver;
	if (version == 1) {
		t->erspan_idx = be32toh(m.u.index) & 0xfffff;
	} else if (version == 2) {
		t->erspan_dir = m.u.md2.dir;
		t->erspan_hwid = m.u.md2.hwid | m.u.md2.hwid_upper << 4;
	}
}

// Options follow each other to the end, each with its length.
static int get_options(const struct nlattr *a, const struct flow_tunnel *key, struct flow_tunnel *t,
		       struct error *err)
{
	const uint8_t *p = mnl_attr_get_payload(a);
	size_t n = nl_len(a), at = 0;

	if (n > UINT8_MAX || n % 4 || (key && n != key->opt_len))
		return error_set(err, -EPROTO, "tunnel: options have %zu bytes", n);
	while (!key && at < n)
		at += 4 + 4 * (p[at + 3] & 0x1f);
	if (!key && at != n)
		return error_set(err, -EPROTO, "tunnel: the last option is cut short");
	memcpy(t->metadata, p, n);
	t->opt_len = key ? UINT8_MAX : n;
	return 0;
}

int kernel_get_tunnel(const struct nlattr *nest, const struct flow_tunnel *key,
		      struct flow_tunnel *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(policy)];
	struct flow_tunnel t = { 0 };
	int error = nl_parse_nested(nest, policy, ARRAY_SIZE(policy), a, "tunnel", err);

	if (error)
		return error;
	if (a[OVS_TUNNEL_KEY_ATTR_ID]) {
		t.tun_id = nl_be64(a[OVS_TUNNEL_KEY_ATTR_ID]);
		t.flags = FLOW_TNL_KEY;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (a[rows[i].attr])
			memcpy((uint8_t *)&t + rows[i].offset,
			       mnl_attr_get_payload(a[rows[i].attr]), rows[i].size);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (a[flags[i].attr])
			t.flags |= flags[i].flag;
	if (a[OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS])
		error = get_gbp(a[OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS], &t, err);
	if (a[OVS_TUNNEL_KEY_ATTR_ERSPAN_OPTS])
		get_erspan(a[OVS_TUNNEL_KEY_ATTR_ERSPAN_OPTS], key ? key->erspan_ver : 0, key, &t);
	if (!error && a[OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS])
		error = get_options(a[OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS], key, &t, err);
	if (!error)
		*ret = t;
	return error;
}
