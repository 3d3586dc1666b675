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

void put_uncommon_action(struct strbuf *b)
{
	switch (random_u32() % 4) {
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
	default:
		put_choice(b);
	}
}

void random_nsh(struct flow_key *k)
{
	k->nsh_mdtype = 1 + random_u32() % 2;
	k->nsh_ttl = chance(20) ? 1 : 5;
	k->nsh_np = 1 + random_u32() % 3;
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

void random_label_action(const struct dp_action *a, struct flow_key *k)
{
	be32 *l = k->mpls_lse;
	bool last = l[0] & htobe32(0x100);

	if (a->type == DP_ACTION_PUSH_MPLS) {
		memmove(l + 1, l, sizeof(*l) * (FLOW_MAX_MPLS - 1));
		l[0] = a->push_mpls.lse;
		k->eth_type = a->push_mpls.ethertype;
	} else if (a->type == DP_ACTION_POP_MPLS) {
		memmove(l, l + 1, sizeof(*l) * (FLOW_MAX_MPLS - 1));
		l[FLOW_MAX_MPLS - 1] = 0;
		k->eth_type = a->pop_mpls.ethertype;
	} else {
		return;
	}
	memset((uint8_t *)k + FLOW_SEGMENT_L3 * 8, 0, sizeof(*k) - FLOW_SEGMENT_L3 * 8);
	if (a->type == DP_ACTION_POP_MPLS && last)
		random_network(k);
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

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (chance(70))
			add_rule(sw, rules[i]);
}
