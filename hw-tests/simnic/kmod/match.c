// SPDX-License-Identifier: GPL-2.0
// What rules look at: from flower's match to our key and mask, and from a packet to a key.
#include "hw-tests/simnic/kmod/simnic.h"

#define L2 DEVLINK_ESWITCH_INLINE_MODE_LINK
#define L3 DEVLINK_ESWITCH_INLINE_MODE_NETWORK
#define L4 DEVLINK_ESWITCH_INLINE_MODE_TRANSPORT

struct key_type {
	const char *name;
	const char *refusal, *injected;
	size_t offset, size;
	u8 level; // headers that the NIC must be given inline for it
	bool tunnel;
};

#define KEY(ID, MEMBER, NAME, LEVEL, TUNNEL) \
	[FLOW_DISSECTOR_KEY_##ID] = { \
		.name = NAME, \
		.refusal = "simnic: match on " NAME " is not supported by this device", \
		.injected = "simnic: match on " NAME " is refused (fault injection)", \
		.offset = offsetof(struct sn_key, MEMBER), \
		.size = sizeof_field(struct sn_key, MEMBER), \
		.level = LEVEL, \
		.tunnel = TUNNEL, \
	}

static const struct key_type keys[FLOW_DISSECTOR_KEY_MAX] = {
	KEY(CONTROL, control, "frag", L3, false),
	KEY(BASIC, basic, "eth_type", L2, false),
	KEY(ETH_ADDRS, eth, "eth_addrs", L2, false),
	KEY(VLAN, vlan, "vlan", L2, false),
	KEY(CVLAN, cvlan, "cvlan", L2, false),
	KEY(NUM_OF_VLANS, num_of_vlans, "num_of_vlans", L2, false),
	KEY(PPPOE, pppoe, "pppoe", L2, false),
	KEY(MPLS, mpls, "mpls", L3, false),
	KEY(ARP, arp, "arp", L3, false),
	KEY(IPV4_ADDRS, ipv4, "ipv4_addrs", L3, false),
	KEY(IPV6_ADDRS, ipv6, "ipv6_addrs", L3, false),
	KEY(IP, ip, "tos_ttl", L3, false),
	KEY(PORTS, ports, "ports", L4, false),
	KEY(TCP, tcp, "tcp_flags", L4, false),
	KEY(ICMP, icmp, "icmp", L4, false),
	KEY(L2TPV3, l2tpv3, "l2tpv3", L4, false),
	KEY(CT, ct, "ct", L2, false),
	KEY(ENC_CONTROL, enc_control, "enc_control", L2, true),
	KEY(ENC_KEYID, enc_key_id, "enc_key_id", L2, true),
	KEY(ENC_IPV4_ADDRS, enc_ipv4, "enc_ipv4_addrs", L2, true),
	KEY(ENC_IPV6_ADDRS, enc_ipv6, "enc_ipv6_addrs", L2, true),
	KEY(ENC_PORTS, enc_ports, "enc_ports", L2, true),
	KEY(ENC_IP, enc_ip, "enc_tos_ttl", L2, true),
	KEY(ENC_OPTS, enc_opts, "enc_opts", L2, true),
};

// What flower can ask for and this NIC knows nothing of.
static const char *const unknown[FLOW_DISSECTOR_KEY_MAX] = {
	[FLOW_DISSECTOR_KEY_META] = "simnic: match on indev is not supported",
	[FLOW_DISSECTOR_KEY_PORTS_RANGE] = "simnic: match on a range of ports is not supported",
	[FLOW_DISSECTOR_KEY_HASH] = "simnic: match on the packet's hash is not supported",
};

static struct flow_dissector dissector;

void sn_match_init(void)
{
	struct flow_dissector_key list[FLOW_DISSECTOR_KEY_MAX];
	unsigned int id, n = 0;

	for (id = 0; id < FLOW_DISSECTOR_KEY_MAX; id++)
		if (keys[id].name && id != FLOW_DISSECTOR_KEY_CT)
			list[n++] = (struct flow_dissector_key){ id, keys[id].offset };
	skb_flow_dissector_init(&dissector, list, n);
}

int sn_match_key_by_name(const char *name)
{
	int id;

	for (id = 0; id < FLOW_DISSECTOR_KEY_MAX; id++)
		if (keys[id].name && !strcmp(keys[id].name, name))
			return id;
	return -ENOENT;
}

// Flower lists both families, whose addresses share their room; the control key says which it is.
static bool other_family(const struct flow_rule *rule, unsigned int id)
{
	struct flow_match_control control;

	switch (id) {
	case FLOW_DISSECTOR_KEY_IPV4_ADDRS:
	case FLOW_DISSECTOR_KEY_IPV6_ADDRS:
		flow_rule_match_control(rule, &control);
		return control.key->addr_type != id;
	case FLOW_DISSECTOR_KEY_ENC_IPV4_ADDRS:
	case FLOW_DISSECTOR_KEY_ENC_IPV6_ADDRS:
		flow_rule_match_enc_control(rule, &control);
		return control.key->addr_type != (id == FLOW_DISSECTOR_KEY_ENC_IPV4_ADDRS
							  ? FLOW_DISSECTOR_KEY_IPV4_ADDRS
							  : FLOW_DISSECTOR_KEY_IPV6_ADDRS);
	default:
		return false;
	}
}

static bool is_masked(const struct sn_key *mask, const struct key_type *t)
{
	return memchr_inv((const u8 *)mask + t->offset, 0, t->size);
}

static int check_key(const struct sn_binding *at, unsigned int id, struct netlink_ext_ack *extack)
{
	const struct sn_nic *nic = at->nic;
	const struct key_type *t = &keys[id];

	if (t->tunnel && !at->tunnel)
		return sn_refuse(extack, "simnic: match on a tunnel at a device that is none",
				 EOPNOTSUPP);
	if (nic->faults.refuse_keys & BIT_ULL(id))
		return sn_refuse(extack, t->injected, EOPNOTSUPP);
	if (nic->profile->no_keys & BIT_ULL(id))
		return sn_refuse(extack, t->refusal, EOPNOTSUPP);
	if (nic->inline_mode != DEVLINK_ESWITCH_INLINE_MODE_NONE && t->level > nic->inline_mode)
		return sn_refuse(extack, "simnic: the match needs headers beyond the inline mode",
				 EOPNOTSUPP);
	return 0;
}

// Only by its port a tunnel's packet is known from other UDP.
static int check_tunnel(const struct sn_binding *at, const struct flow_cls_offload *cls,
			const struct sn_key *mask, struct netlink_ext_ack *extack)
{
	if (!at->tunnel)
		return 0;
	if (at->nic->encap_mode == DEVLINK_ESWITCH_ENCAP_MODE_NONE)
		return sn_refuse(extack, "simnic: tunnels need encap-mode basic", EOPNOTSUPP);
	if (at->tunnel != SN_GRETAP && !cls->common.chain_index && mask->enc_ports.dst != 0xffff)
		return sn_refuse(extack, "simnic: a rule at a tunnel must match enc_dst_port",
				 EOPNOTSUPP);
	return 0;
}

int sn_match_parse(const struct sn_binding *at, struct flow_cls_offload *cls, struct sn_key *key,
		   struct sn_key *mask)
{
	struct flow_rule *rule = flow_cls_offload_flow_rule(cls);
	struct flow_dissector *d = rule->match.dissector;
	struct netlink_ext_ack *extack = cls->common.extack;
	unsigned int id, i;
	int err;

	memset(key, 0, sizeof(*key));
	memset(mask, 0, sizeof(*mask));
	for (id = 0; id < FLOW_DISSECTOR_KEY_MAX; id++) {
		const struct key_type *t = &keys[id];

		if (!dissector_uses_key(d, id) || other_family(rule, id))
			continue;
		// A connection is the same wherever its packets come in.
		if (at->zone && id == FLOW_DISSECTOR_KEY_META)
			continue;
		if (!t->name)
			return sn_refuse(extack, unknown[id] ?: "simnic: unknown match",
					 EOPNOTSUPP);
		memcpy((u8 *)key + t->offset, (u8 *)rule->match.key + d->offset[id], t->size);
		memcpy((u8 *)mask + t->offset, (u8 *)rule->match.mask + d->offset[id], t->size);
		if (id == FLOW_DISSECTOR_KEY_CONTROL)
			mask->control.thoff = 0;
		if (!is_masked(mask, t))
			continue;
		// The family alone is no match on fragments.
		if (id == FLOW_DISSECTOR_KEY_CONTROL && !mask->control.flags)
			continue;
		err = check_key(at, id, extack);
		if (err)
			return err;
	}
	for (i = 0; i < SN_KEY_WORDS; i++)
		((long *)key)[i] &= ((long *)mask)[i];
	return check_tunnel(at, cls, mask, extack);
}

void sn_match_dissect(struct sn_packet *p)
{
	struct sk_buff *skb = p->skb;
	struct sn_key *key = &p->key;

	memset(key, 0, sizeof(*key));
	skb_flow_dissect_tunnel_info(skb, &dissector, key);
	skb_flow_dissect(skb, &dissector, key, FLOW_DISSECTOR_F_STOP_BEFORE_ENCAP);
	if (key->control.thoff)
		skb_set_transport_header(skb, key->control.thoff);
	key->control.thoff = 0;
	key->ct = p->ct;
}
