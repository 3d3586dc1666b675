// SPDX-License-Identifier: Apache-2.0
// Actions that are not of the common kind: labels of MPLS, the stack, choices by hash; and packets and rules with labels.
#include "tests/unit/oracle/random-private.h"

#include "core/base/hash.h"

static const char *const mpls[] = {
	"push_mpls:0x8847,",
	"push_mpls:0x8848,",
	"pop_mpls:0x0800,",
	"pop_mpls:0x86dd,",
	"pop_mpls:0x8847,",
	"pop_mpls:0x8848,",
	"pop_mpls:0x88b5,",
	"set_mpls_label:5,",
	"set_mpls_label:7,",
	"set_mpls_tc:3,",
	"set_mpls_ttl:1,",
	"dec_mpls_ttl,",
	"set_field:6->mpls_label,",
	"load:3->OXM_OF_MPLS_TC[],",
	"move:OXM_OF_MPLS_LABEL[0..1]->NXM_NX_REG0[0..1],",
	"move:NXM_NX_REG0[0..7]->NXM_NX_MPLS_TTL[],",
	"clone(pop_mpls:0x0800,dec_ttl,output:3),",
	"clone(push_mpls:0x8847,set_mpls_ttl:9,output:2),",
	"push_mpls:0x8847,push_mpls:0x8847,set_mpls_label:7,output:3,",
	"pop_mpls:0x8847,set_mpls_label:6,output:3,",
	"pop_mpls:0x0800,output:3,dec_ttl,",
	"pop_mpls:0x0800,mod_dl_dst:00:00:00:00:00:02,output:1,",
};

static const char *const stack[] = {
	"push:NXM_OF_IP_SRC[],",	"push:NXM_OF_ETH_SRC[0..7],",
	"push:NXM_OF_IN_PORT[],",	"push:NXM_OF_TCP_DST[],",
	"push:NXM_NX_REG0[],",		"push:NXM_OF_VLAN_TCI[],",
	"push:NXM_NX_IPV6_DST[],",	"push:OXM_OF_MPLS_LABEL[],",
	"pop:NXM_NX_REG0[0..1],",	"pop:NXM_OF_ETH_DST[],",
	"pop:NXM_OF_IP_DST[0..7],",	"pop:NXM_OF_VLAN_TCI[0..11],",
	"pop:NXM_NX_IPV6_SRC[0..15],",	"pop:NXM_OF_UDP_SRC[],",
	"pop:OXM_OF_MPLS_TC[],",	"pop:NXM_NX_TUN_ID[0..31],",
	"push:NXM_NX_TUN_METADATA0[],", "delete_field:tun_metadata0,",
	"delete_field:tun_metadata3,",
};

static const char *const others[] = {
	"dec_nsh_ttl,",
	"dec_nsh_ttl,output:2,",
	"set_field:5->nsh_si,output:3,",
	"set_field:7->nsh_c1,",
	"move:NXOXM_NSH_SPI[0..1]->NXM_NX_REG0[0..1],",
};

// To controllers, to those who count, and through the slow path.
static const char *const userspace[] = {
	"controller(meter_id=1),",
	"controller(meter_id=2,userdata=01.02),",
	"clone(mod_dl_src:00:00:00:00:00:01,controller(meter_id=1)),",
	"debug_slow,",
	"clone(debug_slow,output:2),",
	"sample(probability=65535,collector_set_id=1),",
	"sample(probability=99,collector_set_id=2,obs_domain_id=3,sampling_port=2,egress),",
	"sample(probability=65535,collector_set_id=1,sampling_port=77),",
	"sample(probability=65535,collector_set_id=1,obs_domain_id=reg0,obs_point_id=reg1[3..9]),",
	"sample(probability=65535,collector_set_id=2,obs_point_id=in_port),",
	"sample(probability=65535,collector_set_id=1,sampling_port=1,ingress),",
	"mod_nw_tos:8,sample(probability=9,collector_set_id=1),",
	"clone(mod_nw_src:9.9.9.9,sample(probability=65535,collector_set_id=1)),",
};

static const char *const hashes[] = { "eth_src",	"symmetric_l4",
				      "symmetric_l3l4", "symmetric_l3l4+udp",
				      "symmetric_l3",	"nw_src",
				      "nw_dst" };
static const char *const choices[] = {
	"modulo_n,4,0,NXM_NX_REG0[0..1]", "hash_threshold,4,0,NXM_NX_REG0[0..1]",
	"hrw,4,0,NXM_NX_REG0[0..1]",	  "iter_hash,3,4,NXM_NX_REG0[0..1]",
	"hrw,256,0,NXM_OF_ETH_SRC[0..7]", "modulo_n,4,0,NXM_OF_IP_SRC[0..1]",
};

static void put_choice(struct strbuf *b)
{
	const char *hash = PICK(hashes);

	if (chance(50))
		strbuf_printf(b, "multipath(%s,%u,%s),", hash, random_u32() % 3, PICK(choices));
	else if (chance(50))
		strbuf_printf(b, "bundle(%s,%u,%s,ofport,members:2,3,77),", hash, random_u32() % 3,
			      chance(70) ? "hrw" : "active_backup");
	else
		strbuf_printf(b,
			      "bundle_load(%s,0,hrw,ofport,NXM_NX_REG0[],members:1,2,3),output:"
			      "NXM_NX_REG0[],",
			      hash);
}

void put_encap_action(struct strbuf *b)
{
	static const char *const words[] = {
		"encap(nsh),",
		"encap(nsh),encap(ethernet),",
		"encap(nsh),set_field:5->nsh_si,set_field:6->nsh_c1,encap(ethernet),output:2,",
		"encap(nsh(md_type=2,tlv(0x1,2,0x0304))),",
		"encap(nsh),output:3,encap(ethernet),dec_nsh_ttl,output:1,",
		"encap(ethernet),",
		"encap(ethernet),mod_dl_dst:00:00:00:00:00:02,output:3,",
		"encap(mpls),",
		"encap(mpls),set_mpls_label:5,encap(ethernet),output:1,",
		"encap(mpls_mc),encap(ethernet),set_mpls_ttl:9,output:3,",
		"decap(),",
		"decap(),",
		"decap(),encap(ethernet),output:2,",
		"decap(),encap(nsh),encap(ethernet),output:2,",
		"decap(packet_type(ns=0,type=0)),",
		"decap(packet_type(ns=1,type=0x800)),",
		"decap(packet_type(ns=1,type=0x86dd)),",
		"decap(packet_type(ns=1,type=0x8847)),",
		"clone(decap(),decap(packet_type(ns=1,type=0x800)),encap(ethernet),output:2),",
		"clone(encap(nsh),encap(ethernet),output:3),",
	};

	strbuf_puts(b, PICK(words));
}

void put_packet_type_match(struct strbuf *b)
{
	static const char *const words[] = { "eth",
					     "packet_type=(1,0x800)",
					     "packet_type=(1,0x800),nw_dst=10.0.0.0/8",
					     "packet_type=(1,0x86dd)",
					     "packet_type=(1,0x894f)",
					     "packet_type=(1,0x894f),nsh_si=1",
					     "packet_type=(1,0x8847)",
					     "packet_type=(1,0x8847),mpls_label=5" };

	strbuf_printf(b, ",%s", PICK(words));
}

void put_uncommon_action(struct strbuf *b)
{
	switch (random_u32() % 5) {
	case 0:
		strbuf_puts(b, PICK(mpls));
		return;
	case 1:
		for (unsigned int n = 1 + random_u32() % 3; n; n--)
			strbuf_puts(b, PICK(stack));
		return;
	case 2:
		strbuf_puts(b, PICK(others));
		return;
	case 3:
		strbuf_puts(b, PICK(userspace));
		return;
	default:
		put_choice(b);
	}
}

void random_nsh(struct flow_key *k)
{
	k->nsh_mdtype = 1 + random_u32() % 2;
	k->nsh_ttl = chance(20) ? 1 : 5;
	k->nsh_np = 1 + random_u32() % 5;
	k->nsh_path = htobe32(random_u32() % 4 << 8 | random_u32() % 4);
	if (k->nsh_mdtype == 1)
		k->nsh_context[0] = htobe32(random_u32() % 4);
}

void put_label_match(struct strbuf *b)
{
	strbuf_puts(b, chance(80) ? ",mpls" : ",mplsm");
	if (chance(40))
		strbuf_printf(b, ",mpls_label=%u", 5 + random_u32() % 3);
	if (chance(20))
		strbuf_printf(b, ",mpls_bos=%u", random_u32() % 2);
	if (chance(10))
		strbuf_puts(b, ",mpls_tc=3");
	if (chance(10))
		strbuf_puts(b, ",mpls_ttl=64");
}

void random_labels(struct flow_key *k)
{
	unsigned int n = 1 + random_u32() % 4;

	k->eth_type = htobe16(chance(80) ? 0x8847 : 0x8848);
	for (unsigned int i = 0; i < MIN(n, FLOW_MAX_MPLS); i++)
		k->mpls_lse[i] = htobe32((5 + random_u32() % 3) << 12 | (random_u32() % 4) << 9 |
					 (i + 1 == n ? 0x100 : 0) | (chance(20) ? 1 : 64));
}

static void hide_from(struct flow_key *k, size_t word)
{
	memset((uint8_t *)k + word * 8, 0, sizeof(*k) - word * 8);
}

static void make_bare(struct flow_key *k, be16 type)
{
	k->eth_type = type;
	k->packet_type = htobe32(1u << 16 | be16toh(type));
	memset(&k->eth_dst, 0, sizeof(k->eth_dst));
	memset(&k->eth_src, 0, sizeof(k->eth_src));
	memset(k->vlans, 0, sizeof(k->vlans));
}

static void push_nsh(const uint8_t *h, size_t n, struct flow_key *k)
{
	hide_from(k, FLOW_SEGMENT_L2);
	make_bare(k, htobe16(0x894f));
	k->nsh_flags = h[0] >> 4 & 3;
	k->nsh_ttl = (h[0] & 0xf) << 2 | h[1] >> 6;
	k->nsh_mdtype = h[2];
	k->nsh_np = h[3];
	memcpy(&k->nsh_path, h + 4, 4);
	if (h[2] == 1)
		memcpy(k->nsh_context, h + 8, n - 8);
}

// True: what comes to light is not known.
static bool pop_nsh(struct flow_key *k)
{
	static const uint16_t types[] = { 0, 0x0800, 0x86dd, 0, 0x894f };
	uint8_t np = k->nsh_np;

	hide_from(k, FLOW_SEGMENT_L2);
	if (np == 3)
		k->packet_type = 0;
	else
		make_bare(k, htobe16(types[np % ARRAY_SIZE(types)]));
	return true;
}

static void add_label(be32 lse, struct flow_key *k)
{
	be32 *l = k->mpls_lse;

	memmove(l + 1, l, sizeof(*l) * (FLOW_MAX_MPLS - 1));
	l[0] = lse;
	hide_from(k, FLOW_SEGMENT_L3);
}

static bool pop_label(be16 type, struct flow_key *k)
{
	be32 *l = k->mpls_lse;
	bool last = l[0] & htobe32(0x100), bare = k->packet_type;

	memmove(l, l + 1, sizeof(*l) * (FLOW_MAX_MPLS - 1));
	l[FLOW_MAX_MPLS - 1] = 0;
	hide_from(k, FLOW_SEGMENT_L3);
	k->eth_type = type;
	if (bare && type == htobe16(0x6558)) {
		hide_from(k, FLOW_SEGMENT_L2);
		k->packet_type = 0;
	} else if (bare) {
		make_bare(k, type);
	}
	return last;
}

bool header_action(const struct dp_action *a, struct flow_key *k)
{
	switch (a->type) {
	case DP_ACTION_PUSH_MPLS:
		add_label(a->push_mpls.lse, k);
		k->eth_type = a->push_mpls.ethertype;
		return false;
	case DP_ACTION_ADD_MPLS:
		if (!k->packet_type)
			hide_from(k, FLOW_SEGMENT_L2);
		add_label(a->push_mpls.lse, k);
		make_bare(k, a->push_mpls.ethertype);
		return false;
	case DP_ACTION_POP_MPLS:
		return pop_label(a->pop_mpls.ethertype, k);
	case DP_ACTION_PUSH_NSH:
		push_nsh(a->push_nsh.header, a->push_nsh.len, k);
		return false;
	case DP_ACTION_POP_NSH:
		return pop_nsh(k);
	case DP_ACTION_POP_ETH:
		make_bare(k, k->eth_type);
		return false;
	case DP_ACTION_PUSH_ETH:
		k->packet_type = 0;
		k->eth_dst = a->push_eth.dst;
		k->eth_src = a->push_eth.src;
		return false;
	}
	return false;
}

void random_header_action(const struct dp_action *a, struct flow_key *k)
{
	if (!header_action(a, k))
		return;
	if (!k->packet_type && !k->eth_type)
		random_ethernet(k);
	random_network(k);
}

void random_bare(struct flow_key *k)
{
	make_bare(k, k->eth_type);
}

static void add_some(struct of_switch *sw, const char *const rules[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (chance(70))
			add_rule(sw, rules[i]);
}

// What a router of labels does: in, through, out.
void add_label_rules(struct of_switch *sw)
{
	static const char *const rules[] = {
		"priority=9,mpls,mpls_bos=1,actions=pop_mpls:0x0800,resubmit(,1)",
		"priority=10,mpls,mpls_bos=0,mpls_label=5,actions=pop_mpls:0x8847,resubmit(,2)",
		"priority=10,mpls,mpls_label=6,actions=dec_mpls_ttl,set_mpls_label:7,output:2",
		"priority=8,mpls,mpls_label=7,actions=push_mpls:0x8848,set_mpls_label:5,output:3",
		"table=1,priority=9,ip,actions=push:NXM_OF_IP_SRC[],push_mpls:0x8847,resubmit(,3)",
		"table=2,priority=9,mpls,mpls_bos=1,actions=push:OXM_OF_MPLS_LABEL[],pop_mpls:"
		"0x0800,"
		"output:2,dec_ttl,resubmit(,3)",
		"table=3,priority=9,ip,actions=pop:NXM_OF_IP_DST[0..19],output:3",
		"table=3,priority=9,mpls,actions=pop:OXM_OF_MPLS_LABEL[],output:3,pop_mpls:0x0800,"
		"resubmit(,2)",
	};

	add_some(sw, rules, ARRAY_SIZE(rules));
}

// What ends and begins service paths does.
void add_encap_rules(struct of_switch *sw)
{
	static const char *const rules[] = {
		"priority=10,dl_type=0x894f,vlan_tci=0,actions=decap(),decap(),resubmit(,1)",
		"priority=9,ip,vlan_tci=0,actions=decap(),resubmit(,1)",
		"priority=9,ipv6,actions=encap(nsh),set_field:3->nsh_spi,move:NXM_NX_REG0[0..7]->"
		"NXOXM_NSH_SI[],resubmit(,2)",
		"priority=9,mpls,vlan_tci=0,mpls_bos=1,actions=decap(),"
		"decap(packet_type(ns=1,type=0x800)),resubmit(,1)",
		"priority=9,arp,actions=encap(mpls),set_mpls_label:6,resubmit(,2)",
		"priority=9,packet_type=(1,0x894f),actions=decap(),resubmit(,1)",
		"priority=9,packet_type=(1,0x800),actions=dec_ttl,resubmit(,1)",
		"table=1,priority=9,packet_type=(1,0x800),actions=encap(ethernet),output:2",
		"table=1,priority=10,packet_type=(1,0x800),nw_dst=10.0.0.0/8,actions=dec_ttl,"
		"encap(nsh),set_field:2->nsh_si,encap(ethernet),output:3",
		"table=1,priority=9,packet_type=(1,0x894f),nsh_si=1,actions=encap(ethernet),"
		"output:3,"
		"decap(),decap(),output:2",
		"table=1,priority=8,eth,actions=output:1,encap(mpls),encap(ethernet),output:2",
		"table=2,priority=9,packet_type=(1,0x894f),actions=encap(ethernet),"
		"mod_dl_dst:00:00:00:00:00:02,output:1",
		"table=2,priority=9,packet_type=(1,0x8847),actions=encap(mpls),set_mpls_ttl:3,"
		"encap(ethernet),output:1",
	};

	add_some(sw, rules, ARRAY_SIZE(rules));
}
