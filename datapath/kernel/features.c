// SPDX-License-Identifier: Apache-2.0
// What this kernel's module can: asked by flows that it takes or not, marked as probes so that it does not complain.
#include <linux/if_ether.h>

#include "core/packet/packet.h"
#include "datapath/kernel/action-private.h"
#include "datapath/kernel/kernel.h"
#include "datapath/kernel/key.h"

// ---- A probe ----

static const struct uuid probe_ufid = { { 0x6f657377, 0x70726f62, 0x65000000, 1 } };

static void begin(const struct kernel_datapath *dp, struct strbuf *b, uint8_t cmd, size_t *ret)
{
	*ret = kernel_begin(dp, b, &dp->families.flow, cmd, 0);
	nl_put(b, OVS_FLOW_ATTR_UFID, &probe_ufid, sizeof(probe_ufid));
	nl_put_flag(b, OVS_FLOW_ATTR_PROBE);
}

// Whether the kernel takes a flow of this key and mask (NULL: exact), with these actions ('actions' holds attributes).
static bool takes(struct kernel_datapath *dp, const struct flow_key *key,
		  const struct flow_mask *mask, const struct strbuf *actions)
{
	AUTO(strbuf) add = STRBUF_INIT, del = STRBUF_INIT;
	size_t m, nest;
	bool taken;

	begin(dp, &add, OVS_FLOW_CMD_NEW, &m);
	nest = nl_nest_begin(&add, OVS_FLOW_ATTR_KEY);
	kernel_put_key(&add, key, NULL);
	nl_nest_end(&add, nest);
	if (mask) {
		nest = nl_nest_begin(&add, OVS_FLOW_ATTR_MASK);
		kernel_put_mask(&add, key, mask);
		nl_nest_end(&add, nest);
	}
	nest = nl_nest_begin(&add, OVS_FLOW_ATTR_ACTIONS);
	if (actions && actions->len)
		strbuf_put(&add, actions->s, actions->len);
	nl_nest_end(&add, nest);
	nl_msg_end(&add, m);
	taken = !kernel_request(dp, &add, NULL, NULL);
	begin(dp, &del, OVS_FLOW_CMD_DEL, &m);
	nl_msg_end(&del, m);
	if (taken)
		(void)kernel_request(dp, &del, NULL, NULL);
	return taken;
}

// An IPv4 packet of UDP, which most actions can be done to.
static void udp_key(struct flow_key *k)
{
	memset(k, 0, sizeof(*k));
	k->eth_type = htobe16(ETH_P_IP);
	k->nw_proto = 17;
	k->nw_ttl = 64;
	k->nw_src = k->nw_dst = htobe32(0x7f000001);
	k->tp_src = k->tp_dst = htobe16(1);
}

static bool takes_actions(struct kernel_datapath *dp, const struct strbuf *actions)
{
	struct flow_key key;

	udp_key(&key);
	return takes(dp, &key, NULL, actions);
}

static bool takes_key(struct kernel_datapath *dp, void (*fill)(struct flow_key *k))
{
	struct flow_key key;

	udp_key(&key);
	fill(&key);
	return takes(dp, &key, NULL, NULL);
}

// ---- Fields ----

static void fill_recirc(struct flow_key *k)
{
	k->recirc_id = 1;
}

static void fill_ct_state(struct flow_key *k)
{
	k->ct_state = CS_TRK | CS_NEW;
}

static void fill_ct_nat(struct flow_key *k)
{
	k->ct_state = CS_TRK | CS_SNAT;
}

static void fill_ct_zone(struct flow_key *k)
{
	k->ct_zone = 1;
}

static void fill_ct_mark(struct flow_key *k)
{
	k->ct_mark = 1;
}

static void fill_ct_label(struct flow_key *k)
{
	k->ct_label[15] = 1;
}

static void fill_tuple(struct flow_key *k)
{
	// The original direction is known of tracked packets only.
	k->ct_state = CS_TRK;
	k->ct_nw_proto = 17;
}

static void fill_tuple6(struct flow_key *k)
{
	fill_tuple(k);
	k->eth_type = htobe16(ETH_P_IPV6);
}

#define KEY_PROBE(NAME) \
	static bool can_##NAME(struct kernel_datapath *dp) \
	{ \
		return takes_key(dp, fill_##NAME); \
	}
KEY_PROBE(recirc)
KEY_PROBE(ct_state)
KEY_PROBE(ct_nat)
KEY_PROBE(ct_zone)
KEY_PROBE(ct_mark)
KEY_PROBE(ct_label)
KEY_PROBE(tuple)
KEY_PROBE(tuple6)
#undef KEY_PROBE

// ---- Actions ----

static bool can_set_masked(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;
	uint8_t both[2 * sizeof(struct ovs_key_ethernet)] = { 0 };
	size_t nest = nl_nest_begin(&b, OVS_ACTION_ATTR_SET_MASKED);

	nl_put(&b, OVS_KEY_ATTR_ETHERNET, both, sizeof(both));
	nl_nest_end(&b, nest);
	return takes_actions(dp, &b);
}

static bool can_trunc(struct kernel_datapath *dp)
{
	struct ovs_action_trunc t = { .max_len = ETH_HLEN };
	AUTO(strbuf) b = STRBUF_INIT;

	nl_put(&b, OVS_ACTION_ATTR_TRUNC, &t, sizeof(t));
	return takes_actions(dp, &b);
}

static bool can_clone(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;

	nl_nest_end(&b, nl_nest_begin(&b, OVS_ACTION_ATTR_CLONE));
	return takes_actions(dp, &b);
}

static bool can_ct_clear(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;

	nl_put_flag(&b, OVS_ACTION_ATTR_CT_CLEAR);
	return takes_actions(dp, &b);
}

static void begin_ct(struct strbuf *b, size_t *ret)
{
	*ret = nl_nest_begin(b, OVS_ACTION_ATTR_CT);
	nl_put_flag(b, OVS_CT_ATTR_COMMIT);
}

static bool can_eventmask(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;
	size_t nest;

	begin_ct(&b, &nest);
	nl_put_u32(&b, OVS_CT_ATTR_EVENTMASK, UINT32_MAX);
	nl_nest_end(&b, nest);
	return takes_actions(dp, &b);
}

static bool can_timeout(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;
	size_t nest;

	begin_ct(&b, &nest);
	nl_put_str(&b, OVS_CT_ATTR_TIMEOUT, "ovs_test_tp");
	nl_nest_end(&b, nest);
	return takes_actions(dp, &b);
}

static bool can_zero_snat(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;
	size_t nest, nat;

	begin_ct(&b, &nest);
	nat = nl_nest_begin(&b, OVS_CT_ATTR_NAT);
	nl_put_flag(&b, OVS_NAT_ATTR_SRC);
	nl_put_be32(&b, OVS_NAT_ATTR_IP_MIN, 0);
	nl_nest_end(&b, nat);
	nl_nest_end(&b, nest);
	return takes_actions(dp, &b);
}

static bool can_check_pkt_len(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;
	size_t nest = nl_nest_begin(&b, OVS_ACTION_ATTR_CHECK_PKT_LEN);

	nl_put_u16(&b, OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, 100);
	nl_nest_end(&b, nl_nest_begin(&b, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER));
	nl_nest_end(&b, nl_nest_begin(&b, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL));
	nl_nest_end(&b, nest);
	return takes_actions(dp, &b);
}

static bool can_add_mpls(struct kernel_datapath *dp)
{
	struct ovs_action_add_mpls a = { .mpls_lse = htobe32(0x100),
					 .mpls_ethertype = htobe16(ETH_P_MPLS_UC),
					 .tun_flags = OVS_MPLS_L3_TUNNEL_FLAG_MASK };
	AUTO(strbuf) b = STRBUF_INIT;

	nl_put(&b, OVS_ACTION_ATTR_ADD_MPLS, &a, sizeof(a));
	return takes_actions(dp, &b);
}

static bool can_push_mpls(struct kernel_datapath *dp)
{
	struct ovs_action_push_mpls p = { .mpls_lse = htobe32(0x100),
					  .mpls_ethertype = htobe16(ETH_P_MPLS_UC) };
	AUTO(strbuf) b = STRBUF_INIT;

	nl_put(&b, OVS_ACTION_ATTR_PUSH_MPLS, &p, sizeof(p));
	return takes_actions(dp, &b);
}

static bool can_pop_mpls(struct kernel_datapath *dp)
{
	struct flow_key key = { .eth_type = htobe16(ETH_P_MPLS_UC),
				.mpls_lse = { htobe32(0x1100) } };
	AUTO(strbuf) b = STRBUF_INIT;

	nl_put_be16(&b, OVS_ACTION_ATTR_POP_MPLS, htobe16(ETH_P_IP));
	return takes(dp, &key, NULL, &b);
}

static bool can_dec_ttl(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;
	size_t nest = nl_nest_begin(&b, OVS_ACTION_ATTR_DEC_TTL);

	nl_nest_end(&b, nl_nest_begin(&b, OVS_DEC_TTL_ATTR_ACTION));
	nl_nest_end(&b, nest);
	return takes_actions(dp, &b);
}

static bool can_pop_eth(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;

	nl_put_flag(&b, OVS_ACTION_ATTR_POP_ETH);
	return takes_actions(dp, &b);
}

static bool can_push_nsh(struct kernel_datapath *dp)
{
	struct ovs_nsh_key_base base = { .mdtype = 1, .np = 3, .ttl = 63 };
	static const uint8_t context[16];
	AUTO(strbuf) b = STRBUF_INIT;
	size_t nest = nl_nest_begin(&b, OVS_ACTION_ATTR_PUSH_NSH);

	nl_put(&b, OVS_NSH_KEY_ATTR_BASE, &base, sizeof(base));
	nl_put(&b, OVS_NSH_KEY_ATTR_MD1, context, sizeof(context));
	nl_nest_end(&b, nest);
	return takes_actions(dp, &b);
}

static bool can_psample(struct kernel_datapath *dp)
{
	AUTO(strbuf) b = STRBUF_INIT;
	size_t nest = nl_nest_begin(&b, KERNEL_ACTION_PSAMPLE);

	nl_put_u32(&b, KERNEL_PSAMPLE_GROUP, 1);
	nl_nest_end(&b, nest);
	return takes_actions(dp, &b);
}

// sample(sample(...)) 'depth' times.
static void put_samples(struct strbuf *b, unsigned int depth)
{
	size_t nest = nl_nest_begin(b, OVS_ACTION_ATTR_SAMPLE), inner;

	nl_put_u32(b, OVS_SAMPLE_ATTR_PROBABILITY, UINT32_MAX / 2);
	inner = nl_nest_begin(b, OVS_SAMPLE_ATTR_ACTIONS);
	if (depth > 1)
		put_samples(b, depth - 1);
	else
		nl_put_u32(b, OVS_ACTION_ATTR_OUTPUT, 1);
	nl_nest_end(b, inner);
	nl_nest_end(b, nest);
}

// ---- How many ----

// More than this many are of no use to anybody.
enum { MAX_SAMPLES = 10 };

static unsigned int count_samples(struct kernel_datapath *dp)
{
	for (unsigned int n = MAX_SAMPLES; n > 0; n--) {
		AUTO(strbuf) b = STRBUF_INIT;

		put_samples(&b, n);
		if (takes_actions(dp, &b))
			return n;
	}
	return 0;
}

static unsigned int count_vlans(struct kernel_datapath *dp)
{
	for (unsigned int n = FLOW_MAX_VLANS; n > 0; n--) {
		struct flow_key key;

		udp_key(&key);
		for (unsigned int i = 0; i < n; i++)
			key.vlans[i] = (struct flow_vlan){ .tpid = htobe16(i + 1 < n ? ETH_P_8021AD
										     : ETH_P_8021Q),
							   .tci = htobe16(VLAN_PRESENT | 1) };
		if (takes(dp, &key, NULL, NULL))
			return n;
	}
	return 0;
}

static unsigned int count_labels(struct kernel_datapath *dp)
{
	for (unsigned int n = FLOW_MAX_MPLS; n > 0; n--) {
		struct flow_key key = { .eth_type = htobe16(ETH_P_MPLS_UC) };

		for (unsigned int i = 0; i < n; i++)
			key.mpls_lse[i] = htobe32(i + 1 == n ? 0x1100 : 0x1000);
		if (takes(dp, &key, NULL, NULL))
			return n;
	}
	return 0;
}

// ---- The list ----

static bool always(struct kernel_datapath *dp)
{
	return true;
}

#define NOTHING SIZE_MAX
#define ACTION_AT(ID) offsetof(struct kernel_can, action[DP_ACTION_##ID])
#define ACTION(ID) ACTION_AT(ID), NOTHING
#define ACTIONS(ID, OTHER) ACTION_AT(ID), ACTION_AT(OTHER)
#define PART(MEMBER) offsetof(struct kernel_can, MEMBER), NOTHING
#define NOWHERE NOTHING, NOTHING

// What users are told, and where it decides what flows may have.
static const struct {
	const char *name; // NULL: nobody asks
	bool (*can)(struct kernel_datapath *dp); // NULL: never in the kernel
	size_t decides, too; // bools in struct kernel_can
} answers[] = {
	{ "masked_set_action", can_set_masked, NOWHERE },
	{ "tnl_push_pop", NULL, NOWHERE },
	{ "ufid", always, NOWHERE }, // flows have no other name here
	{ "trunc", can_trunc, ACTION(TRUNC) },
	{ "clone", can_clone, ACTION(CLONE) },
	{ "ct_eventmask", can_eventmask, PART(ct_eventmask) },
	{ "ct_clear", can_ct_clear, ACTION(CT_CLEAR) },
	{ "check_pkt_len", can_check_pkt_len, ACTION(CHECK_PKT_LEN) },
	{ "ct_timeout", can_timeout, PART(ct_timeout) },
	{ "explicit_drop_action", NULL, NOWHERE },
	{ "lb_output_action", NULL, NOWHERE },
	{ "ct_zero_snat", can_zero_snat, PART(ct_zero_snat) },
	{ "add_mpls", can_add_mpls, ACTION(ADD_MPLS) },
	{ "recirc", can_recirc, ACTION(RECIRC) },
	{ "ct_state", can_ct_state, ACTION(CT) },
	{ "ct_zone", can_ct_zone, NOWHERE },
	{ "ct_mark", can_ct_mark, PART(ct_mark) },
	{ "ct_label", can_ct_label, PART(ct_label) },
	{ "ct_state_nat", can_ct_nat, PART(ct_nat) },
	{ "ct_orig_tuple", can_tuple, NOWHERE },
	{ "ct_orig_tuple6", can_tuple6, NOWHERE },
	{ "nd_ext", NULL, NOWHERE },
	{ "meters", kernel_can_meter, ACTION(METER) },
	{ "psample", can_psample, ACTION(PSAMPLE) },
	{ NULL, can_push_mpls, ACTION(PUSH_MPLS) },
	{ NULL, can_pop_mpls, ACTION(POP_MPLS) },
	{ NULL, can_dec_ttl, ACTION(DEC_TTL) },
	{ NULL, can_pop_eth, ACTIONS(POP_ETH, PUSH_ETH) }, // these came together
	{ NULL, can_push_nsh, ACTIONS(PUSH_NSH, POP_NSH) },
};

static void decide(struct kernel_can *ret, size_t offset, bool can)
{
	if (offset != NOTHING)
		*(bool *)((char *)ret + offset) = can;
}

void features_probe(struct kernel_datapath *dp)
{
	struct smap *s = &dp->features;

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		bool can = answers[i].can && answers[i].can(dp);

		if (answers[i].name)
			smap_set(s, answers[i].name, can ? "true" : "false");
		decide(&dp->can, answers[i].decides, can);
		decide(&dp->can, answers[i].too, can);
	}
	smap_setf(s, "sample_nesting", "%u", count_samples(dp));
	smap_setf(s, "max_vlan_headers", "%u", count_vlans(dp));
	smap_setf(s, "max_mpls_depth", "%u", count_labels(dp));
	smap_set(s, "max_hash_alg", "0"); // OVS_HASH_ALG_L4
	smap_set(s, "tc_recirc_sharing", dp->shares_recirc ? "true" : "false");
	smap_set(s, "upcalls_by_cpu",
		 dp->user_features & OVS_DP_F_DISPATCH_UPCALL_PER_CPU ? "true" : "false");
}
