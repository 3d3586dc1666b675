// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/oracle/random-private.h"

#include <stdio.h>
#include <sys/random.h>

#include "core/base/hash.h"
#include "core/packet/packet.h"
#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/mac-table.h"
#include "tests/unit/oracle/random-clauses.h"
#include "tests/unit/oracle/random-learn.h"
#include "tests/unit/pipeline/options.h"
#include "tests/unit/pipeline/switches.h"

static const char *const macs[] = { "00:00:00:00:00:01", "00:00:00:00:00:02", "00:00:00:00:01:02",
				    "02:aa:bb:cc:dd:ee" };
static const char *const ips[] = { "10.0.0.1", "10.0.0.2", "10.0.1.2", "192.168.7.9", "11.0.0.1" };
static const char *const ip6s[] = { "2001:db8::1", "2001:db8::2", "2001:db8:1::1" };
static const int ports[] = { 80, 81, 443, 1024, 53 };

enum { N_GROUPS = 5, IN_BUCKET = 4 };

bool chance(unsigned int percent)
{
	return random_u32() % 100 < percent;
}

uint64_t oracle_seed(int round)
{
	const char *given = getenv("ORACLE_SEED");
	uint64_t seed = 20261122;

	if (given)
		seed = strtoull(given, NULL, 0);
	else if (round && getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 1;
	printf("seed %llu (ORACLE_SEED=%llu repeats it)\n", (unsigned long long)seed,
	       (unsigned long long)seed);
	return seed;
}

// Port 2 marks what goes through two of its queues.
static const struct queue_mark marks[] = { { 1, 8 }, { 3, 0 } };

static bool queue_priority(void *aux, uint32_t queue, uint32_t *ret)
{
	*ret = queue;
	return queue < 4;
}

// A datapath's meters, as many as are asked for.
static void meter_features(void *aux, struct meter_features *ret)
{
	*ret = (struct meter_features){ 9, 1u << METER_DROP, METER_FLAGS, 1, 0 };
}

static int meter_set(void *aux, const struct meter_config *config, uint32_t *id, struct error *err)
{
	static uint32_t last;

	*id = *id ? *id : ++last;
	return 0;
}

static int meter_get(void *aux, uint32_t id, struct meter_stats *ret, struct error *err)
{
	return 0;
}

static void meter_del(void *aux, uint32_t id) {}

static void add_meter(struct of_switch *sw, uint32_t id)
{
	static const struct switch_meter_ops ops = { meter_features, meter_set, meter_get,
						     meter_del };
	struct meter_mod mm = { .command = METER_ADD,
				.id = id,
				.config = { .flags = METER_KBPS,
					    .n_bands = 1,
					    .bands = { { .type = METER_DROP, .rate = 1 } } } };

	switch_set_meter_ops(sw, &ops, NULL);
	ck_assert(!switch_meter_mod(sw, &mm));
}

// Meter 1 is there, and 2 is not; likewise sets of collectors.
static void count_and_meter(struct of_switch *sw)
{
	struct sampling *s = xzalloc(sizeof(*s) + sizeof(s->sets[0]));

	s->n = 1;
	s->sets[0] = (struct sampling_set){ 1, 1 };
	switch_set_sampling(sw, s);
	free(s);
	add_meter(sw, 1);
	add_meter(sw, METER_ID_SLOWPATH);
}

struct of_switch *random_switch_create(void)
{
	struct of_switch *sw = able_switch("br0", 1);
	struct port_settings s = { .vlan_mode = VLAN_TRUNK };

	memset(s.trunks, 0xff, sizeof(s.trunks));
	for (int i = 1; i <= RANDOM_N_PORTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		switch_port_add(sw, name, OF_PORT(i), DP_PORT(i),
				(struct eth_addr){ { 2, 0, 0, 0, 0, i } }, &s);
	}
	count_and_meter(sw);
	switch_set_queue_priority(sw, queue_priority, NULL);
	switch_port_set_queues(sw, switch_port_find(sw, OF_PORT(2)), marks, ARRAY_SIZE(marks));
	for (struct group_mod gm = { .group = { .id = 1 } }; gm.group.id <= N_GROUPS;) {
		uint32_t id = gm.group.id;

		switch_group_mod(sw, &gm);
		gm.group.id = id + 1;
	}
	return sw;
}

static void put_l4_match(struct strbuf *b, const char *proto)
{
	strbuf_printf(b, ",%s", proto);
	if (chance(40))
		strbuf_printf(b, ",tp_dst=%d", PICK(ports));
	if (chance(15))
		strbuf_printf(b, ",tp_src=%d/0xfff0", PICK(ports));
}

static void put_l3_match(struct strbuf *b)
{
	switch (random_u32() % 8) {
	case 7:
		strbuf_puts(b, ",dl_type=0x894f");
		if (chance(30))
			strbuf_printf(b, ",nsh_si=%u", random_u32() % 4);
		return;
	case 0:
		strbuf_puts(b, ",arp");
		return;
	case 6:
		put_label_match(b);
		return;
	case 1:
		strbuf_puts(b, ",ipv6");
		if (chance(50))
			strbuf_printf(b, ",ipv6_dst=%s/%d", PICK(ip6s), chance(50) ? 128 : 48);
		return;
	case 2:
		put_l4_match(b, "tcp");
		break;
	case 3:
		put_l4_match(b, "udp");
		break;
	case 4:
		strbuf_puts(b, ",icmp");
		break;
	default:
		strbuf_puts(b, ",ip");
	}
	if (chance(50))
		strbuf_printf(b, ",nw_dst=%s/%d", PICK(ips), chance(50) ? 32 : 16);
	if (chance(20))
		strbuf_printf(b, ",nw_src=%s/%d", PICK(ips), chance(50) ? 32 : 8);
	if (chance(10))
		strbuf_puts(b, ",nw_ttl=64");
	if (chance(10))
		strbuf_puts(b, ",nw_tos=32");
}

static const char *const remotes[] = { "10.9.0.1", "10.9.0.2", "10.9.0.9" };

static void put_tunnel_match(struct strbuf *b)
{
	if (chance(40))
		strbuf_printf(b, ",tun_id=%u/0x%x", 5 + random_u32() % 3, chance(50) ? 3 : 0xff);
	if (chance(40))
		strbuf_printf(b, ",tun_src=%s/%d", PICK(remotes), chance(50) ? 32 : 30);
	if (chance(20))
		strbuf_printf(b, ",tun_dst=%s", PICK(remotes));
	if (chance(40))
		strbuf_printf(b, ",tun_metadata%u=%u", chance(50) ? 0 : 3, random_u32() % 3);
	if (chance(15))
		strbuf_puts(b, ",tun_gbp_id=1");
	if (chance(10))
		strbuf_puts(b, ",tun_flags=oam");
}

static const char *const ct_matches[] = {
	",ct_state=-trk",	    ",ct_state=+trk",
	",ct_state=+trk+new",	    ",ct_state=+trk+est-rpl",
	",ct_state=+trk-inv",	    ",ct_state=+est,ct_mark=1/0x3",
	",ct_state=+trk,ct_zone=5", ",ct_state=+trk-inv,ct_nw_proto=6",
};

static void put_ct_match(struct strbuf *b)
{
	const char *text = PICK(ct_matches);

	strbuf_puts(b, text);
	if (!strstr(text, "-trk") && chance(40))
		strbuf_printf(b, ",ip,ct_nw_src=%s/%d", PICK(ips), chance(50) ? 32 : 8);
	else if (chance(20))
		strbuf_puts(b, ",ip");
	if (chance(15))
		strbuf_puts(b, ",ct_label=1/0x3");
}

static void put_match(struct strbuf *b, int table, bool rich)
{
	strbuf_printf(b, "table=%d,priority=%u", table, random_u32() % 10);
	if (chance(30))
		strbuf_printf(b, ",in_port=%u", 1 + random_u32() % RANDOM_N_PORTS);
	if (chance(25))
		strbuf_printf(b, ",dl_dst=%s", PICK(macs));
	if (chance(10))
		strbuf_printf(b, ",dl_src=%s/ff:ff:ff:ff:00:00", PICK(macs));
	if (chance(15))
		strbuf_printf(b, ",dl_vlan=%u", 5 + random_u32() % 2);
	else if (chance(10))
		strbuf_puts(b, ",vlan_tci=0x0000");
	if (table && chance(25))
		strbuf_printf(b, ",reg0=%u/0x3", random_u32() % 4);
	if (rich && chance(20))
		put_tunnel_match(b);
	if (rich && chance(12))
		put_packet_type_match(b);
	else if (chance(70))
		put_l3_match(b);
}

static void put_tunnel_action(struct strbuf *b)
{
	static const char *const sets[] = { "set_field:7->tun_id",
					    "load:1->NXM_NX_TUN_ID[0..3]",
					    "set_field:10.9.0.2->tun_dst",
					    "set_field:10.9.0.1->tun_src",
					    "set_field:2001:db8::9->tun_ipv6_dst",
					    "move:NXM_OF_IP_DST[]->NXM_NX_TUN_IPV4_DST[]",
					    "move:NXM_NX_TUN_ID[0..31]->NXM_NX_REG0[]",
					    "set_field:2->tun_gbp_id",
					    "set_field:10.9.0.7->tun_dst,output:8",
					    "set_field:5->tun_metadata0",
					    "move:NXM_NX_REG0[]->NXM_NX_TUN_METADATA3[]",
					    "set_field:oam->tun_flags" };

	if (chance(50))
		strbuf_printf(b, "%s,", PICK(sets));
	else
		strbuf_printf(b, "output:%u,",
			      1 + RANDOM_N_PORTS + random_u32() % RANDOM_N_TUNNELS);
}

static void put_rich_action(struct strbuf *b)
{
	static const char *const rich[] = { "set_queue:1,output:2,",
					    "set_queue:3,",
					    "pop_queue,output:2,",
					    "enqueue:2:1,",
					    "enqueue:2:7,pop_queue,",
					    "clone(mod_dl_src:00:00:00:00:00:77,output:2),",
					    "controller,",
					    "debug_recirc,",
					    "clone(debug_recirc,dec_ttl,output:3),output:2,",
					    "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],",
					    "move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG0[0..7],",
					    "load:0x7->NXM_OF_IP_DST[0..7],",
					    "write_metadata:0x5/0xf," };

	strbuf_puts(b, PICK(rich));
}

static void put_ct_action(struct strbuf *b, int table)
{
	static const char *const words[] = {
		"zone=5,",
		"zone=NXM_NX_REG0[0..15],",
		"zone=NXM_OF_ETH_SRC[0..15],",
		"nat,",
		"commit,",
		"commit,force,",
		"commit,nat(src=10.0.0.9-10.0.0.12:1000-2000),",
		"commit,nat(dst=10.0.0.9),",
		"commit,exec(set_field:0x1/0x3->ct_mark,set_field:0x5->ct_label),",
		"commit,exec(move:NXM_OF_ETH_SRC[]->NXM_NX_CT_LABEL[0..47]),",
		"commit,exec(set_field:0x2->ct_mark,move:NXM_NX_CT_MARK[]->NXM_NX_CT_LABEL[32..63])"
		",",
	};
	static const char *const others[] = {
		"ct_clear,",
		"move:NXM_NX_CT_MARK[0..1]->NXM_NX_REG0[0..1],",
		"move:NXM_NX_CT_ZONE[0..7]->NXM_NX_REG0[0..7],",
		"check_pkt_larger(100)->NXM_NX_REG0[0],",
		"check_pkt_larger(500)->NXM_NX_REG0[1],",
		"check_pkt_larger(700)->NXM_OF_ETH_SRC[0],",
		"clone(ct(commit),output:3),",
	};

	if (chance(45)) {
		strbuf_puts(b, PICK(others));
		return;
	}
	if (chance(25)) {
		strbuf_printf(b, "resubmit(,%u,ct),", MIN(table + 1, 3));
		return;
	}
	strbuf_puts(b, "ct(");
	if (chance(70))
		strbuf_printf(b, "table=%u,", random_u32() % 4);
	strbuf_puts(b, PICK(words));
	strbuf_chomp(b, ',');
	strbuf_puts(b, "),");
}

static void put_action(struct strbuf *b, int table, bool rich)
{
	if (rich && chance(25)) {
		put_tunnel_action(b);
		return;
	}
	if (rich && chance(25)) {
		put_ct_action(b, table);
		return;
	}
	if (rich && chance(8)) {
		random_learn_action(b);
		return;
	}
	if (rich && chance(20)) {
		put_encap_action(b);
		return;
	}
	if (chance(20)) {
		put_uncommon_action(b);
		return;
	}
	// A bucket is in no table, and names no group.
	if (table < IN_BUCKET && chance(8)) {
		strbuf_printf(b, "group:%u,", 1 + random_u32() % N_GROUPS);
		return;
	}
	switch (random_u32() % 12) {
	case 0:
		strbuf_printf(b, "mod_dl_dst:%s,", PICK(macs));
		return;
	case 1:
		strbuf_puts(b, "dec_ttl,");
		return;
	case 2:
		strbuf_printf(b, "mod_vlan_vid:%u,", 5 + random_u32() % 2);
		return;
	case 3:
		strbuf_puts(b, "strip_vlan,");
		return;
	case 4:
		strbuf_printf(b, "load:%u->NXM_NX_REG0[0..1],", random_u32() % 4);
		return;
	case 5:
		if (table < 3)
			strbuf_printf(b, "resubmit(,%d),", table + 1);
		return;
	case 6:
		strbuf_puts(b, "NORMAL,");
		return;
	case 7:
		if (chance(70))
			strbuf_printf(b, "mod_nw_src:%s,", PICK(ips));
		else
			strbuf_printf(b, "mod_tp_dst:%d,", PICK(ports));
		return;
	case 8:
		if (rich)
			put_rich_action(b);
		return;
	default:
		strbuf_printf(b, "output:%u,", 1 + random_u32() % RANDOM_N_PORTS);
	}
}

static bool takes_rule(struct of_switch *sw, const char *text)
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	uint32_t versions;
	bool added;

	flow_mod_init(&fm);
	added = flow_mod_parse(text, FM_ADD, NULL, &fm, &versions, &err) >= 0 &&
		!switch_flow_mod(sw, &fm);
	flow_mod_uninit(&fm);
	return added;
}

// Not every combination that this makes is an OpenFlow rule (prerequisites); those that are not are left out.
static bool add_random_rule(struct of_switch *sw, bool rich)
{
	AUTO(strbuf) b = STRBUF_INIT;
	int table = random_u32() % 4;

	put_match(&b, table, rich);
	if (rich && chance(35))
		put_ct_match(&b);
	strbuf_puts(&b, ",actions=");
	for (unsigned int n = random_u32() % 4; n; n--)
		put_action(&b, table, rich);
	if (!table && chance(40))
		strbuf_puts(&b, "resubmit(,1),");
	if (b.s[b.len - 1] == '=')
		strbuf_puts(&b, "drop");
	strbuf_chomp(&b, ',');
	return takes_rule(sw, b.s);
}

// Where a combination is not a group, the one before stays.
static void make_random_group(struct of_switch *sw, unsigned int id, bool rich)
{
	// Of headers that a packet need not have, as no match says that it has.
	static const char *const absent[] = { "set_field:80->tcp_dst,", "mod_tp_src:81,",
					      "set_field:2001:db8::2->nd_target,",
					      "move:NXM_OF_UDP_SRC[]->NXM_NX_REG0[0..15],",
					      "move:NXM_NX_REG0[0..15]->NXM_OF_TCP_SRC[]," };
	static const char *const types[] = {
		"all",
		"indirect",
		"ff",
		"select",
		"select,selection_method=dp_hash",
		"select,selection_method=hash,fields(ip_dst=255.255.0.0,tcp_dst,udp_src)",
		"select,selection_method=hash,fields(eth_src,vlan_tci,reg0=0x3)",
	};
	const char *type = PICK(types);
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct group_mod gm;

	strbuf_printf(&b, "group_id=%u,type=%s", id, type);
	for (unsigned int n = 1 + random_u32() % 3; n; n--) {
		strbuf_puts(&b, ",bucket=");
		if (!strcmp(type, "ff"))
			strbuf_printf(&b, "watch_port:%u,",
				      1 + random_u32() % (RANDOM_N_PORTS + 1));
		for (unsigned int i = 1 + random_u32() % 3; i; i--)
			put_action(&b, IN_BUCKET, rich);
		if (chance(25))
			strbuf_puts(&b, PICK(absent));
		if (chance(20))
			strbuf_puts(&b, "resubmit(,2),");
		strbuf_printf(&b, "output:%u", 1 + random_u32() % RANDOM_N_PORTS);
		if (!strcmp(type, "indirect"))
			break;
	}
	if (group_mod_parse(b.s, GROUP_ADD_OR_MODIFY, NULL, &gm, NULL, &err))
		return;
	switch_group_mod(sw, &gm);
	group_mod_uninit(&gm);
}

static void make_random_groups(struct of_switch *sw, bool rich)
{
	for (unsigned int id = 1; id <= N_GROUPS; id++)
		make_random_group(sw, id, rich);
}

// What a firewall's first table does with most packets.
static void add_tracking_rules(struct of_switch *sw)
{
	static const char *const replies[] = { "resubmit(,2,ct),ct(nat,table=3)",
					       "mod_nw_src:10.0.0.2,resubmit(,2,ct),ct(table=3)" };
	AUTO(strbuf) b = STRBUF_INIT;

	add_rule(sw, "priority=4,ip,ct_state=-trk,actions=ct(table=1,zone=5)");
	add_rule(sw, "priority=4,ipv6,actions=load:3->NXM_NX_REG0[],ct(table=1),output:2");
	strbuf_printf(&b, "table=1,priority=9,ip,ct_state=+trk-inv,actions=%s", PICK(replies));
	add_rule(sw, b.s);
	add_rule(sw, "table=2,priority=10,ip,nw_src=10.0.0.0/8,actions=output:3");
	add_rule(sw, "table=3,priority=9,ip,actions=ct(commit,exec(move:NXM_OF_ETH_SRC[]->"
		     "NXM_NX_CT_LABEL[0..47])),output:3");
}

void random_ports(struct of_switch *sw)
{
	for (uint32_t i = 1; i <= RANDOM_N_PORTS; i++) {
		struct port_settings s = { .vlan_mode = VLAN_TRUNK };

		memset(s.trunks, 0xff, sizeof(s.trunks));
		memset(s.cvlans, 0xff, sizeof(s.cvlans));
		if (chance(50)) {
			s.vlan_mode = random_u32() % (VLAN_DOT1Q_TUNNEL + 1);
			s.tag = s.vlan_mode == VLAN_TRUNK || chance(20) ? 0 : 5 + random_u32() % 2;
			s.qinq_tpid = htobe16(chance(70) ? 0x88a8 : 0x8100);
			s.priority_tags =
				chance(50) ? 0 : random_u32() % (PRIORITY_TAGS_ALWAYS + 1);
			s.trunks[0] = s.cvlans[0] = chance(60) ? UINT64_MAX : random_u32();
		}
		switch_port_set(sw, switch_port_find(sw, OF_PORT(i)), &s);
	}
}

void random_switch_fill(struct of_switch *sw, unsigned int n, bool rich)
{
	unsigned int made = 0;

	switch_flush(sw);
	random_ports(sw);
	switch_tidy_now(sw); // a seed repeats only what no grace period has a part in
	mac_table_flush(switch_macs(sw));
	make_random_groups(sw, rich);
	if (rich && chance(50))
		add_tracking_rules(sw);
	if (rich && chance(40))
		add_label_rules(sw);
	if (rich && chance(30))
		add_encap_rules(sw);
	for (unsigned int tries = 0; made < n && tries < 20 * n; tries++)
		made += add_random_rule(sw, rich);
	random_clauses_fill(sw);
	if (rich)
		random_learn_fill(sw);
	for (size_t i = 0; i < 2; i++)
		mac_table_learn(switch_macs(sw), eth_addr_from_u64(i + 1), 0, OF_PORT(i + 1));
}

static void set_text(struct flow_key *k, enum field_id id, const char *text)
{
	union field_value v, m;

	if (field_parse(field_get(id), text, &v, &m, NULL) < 0)
		abort();
	field_write(field_get(id), &v, k);
}

static void random_l4(struct flow_key *k)
{
	static const uint8_t protos[] = { 6, 17, 1, 6, 17, 132, 47 };

	k->nw_proto = PICK(protos);
	if (k->eth_type == htobe16(0x86dd) && k->nw_proto == 1)
		k->nw_proto = 58;
	if (k->nw_proto == 1 || k->nw_proto == 58) {
		k->tp_src = htobe16(k->nw_proto == 1 ? 8 : 128);
	} else if (k->nw_proto != 47) {
		k->tp_src = htobe16(PICK(ports));
		k->tp_dst = htobe16(PICK(ports));
	}
	if (k->nw_proto == 6)
		k->tcp_flags = htobe16(random_u32() & 0x3f);
}

void random_network(struct flow_key *k)
{
	switch (be16toh(k->eth_type)) {
	case 0x0800:
		set_text(k, FIELD_IP_SRC, PICK(ips));
		set_text(k, FIELD_IP_DST, PICK(ips));
		random_l4(k);
		break;
	case 0x86dd:
		set_text(k, FIELD_IPV6_SRC, PICK(ip6s));
		set_text(k, FIELD_IPV6_DST, PICK(ip6s));
		random_l4(k);
		break;
	case 0x0806:
		k->nw_proto = 1 + random_u32() % 2;
		set_text(k, FIELD_ARP_SPA, PICK(ips));
		set_text(k, FIELD_ARP_TPA, PICK(ips));
		break;
	case 0x894f:
		random_nsh(k);
		break;
	case 0x8847:
	case 0x8848:
		random_labels(k);
	}
	if (flow_is_ip(k)) {
		k->nw_ttl = chance(15) ? 1 : 64;
		k->nw_tos = chance(20) ? 32 : 0;
	}
}

static struct flow_vlan random_tag(void)
{
	uint16_t vid = chance(15) ? 0 : 5 + random_u32() % 3,
		 pcp = chance(30) ? random_u32() % 8 : 0;

	return (struct flow_vlan){ htobe16(chance(80) ? 0x8100 : 0x88a8),
				   htobe16(VLAN_PRESENT | vid | pcp << VLAN_PCP_SHIFT) };
}

void random_ethernet(struct flow_key *k)
{
	set_text(k, FIELD_ETH_SRC, PICK(macs));
	set_text(k, FIELD_ETH_DST, chance(15) ? "ff:ff:ff:ff:ff:ff" : PICK(macs));
	if (chance(35)) {
		k->vlans[0] = random_tag();
		if (chance(25))
			k->vlans[1] = random_tag();
	}
	k->eth_type = htobe16(chance(45)   ? 0x0800
			      : chance(45) ? 0x86dd
			      : chance(60) ? 0x8847
			      : chance(50) ? 0x0806
			      : chance(60) ? 0x894f
					   : 0x88b5);
}

void random_packet(struct strbuf *out, struct flow_key *ret_key)
{
	struct flow_key k = { 0 };
	struct packet_metadata md = { .in_port = 1 + random_u32() % RANDOM_N_PORTS };

	random_ethernet(&k);
	random_network(&k);
	packet_compose(&k, random_u32() % 40, out);
	struct packet p = { .data = (uint8_t *)out->s, .size = out->len };
	if (packet_parse(&p, &md, ret_key) < 0)
		abort();
}

// ---- Tunnels ----

static void add_tunnel(struct of_switch *sw, struct tunnel_table *t, int i, enum tunnel_type type,
		       const char *options)
{
	struct port_settings s = { .vlan_mode = VLAN_TRUNK };
	dp_port_t port = DP_PORT(type == TUNNEL_GENEVE ? RANDOM_GENEVE : RANDOM_VXLAN);
	of_port_t number = OF_PORT(RANDOM_N_PORTS + 1 + i);
	AUTO(strbuf) warnings = STRBUF_INIT;
	char name[8];
	AUTO(smap) o;

	options_of(options, &o);
	snprintf(name, sizeof(name), "t%d", i);
	memset(s.trunks, 0xff, sizeof(s.trunks));
	if (tunnel_config_parse(name, type, &o, &s.tunnel, &warnings, NULL) ||
	    tunnel_table_add(t, port, &s.tunnel, sw, number, name, NULL))
		abort();
	switch_port_add(sw, name, number, port, (struct eth_addr){ { 2, 0, 0, 0, 1, i } }, &s);
}

struct tunnel_table *random_tunnels_create(struct of_switch *sw)
{
	static const struct tlv_table_mod options = {
		.command = TLV_ADD,
		.n = 2,
		.list = { { .class = 0x102, .type = 0x80, .length = 4, .index = 0 },
			  { .class = 0x102, .type = 0x81, .length = 4, .index = 3 } },
	};
	struct tunnel_table *t = tunnel_table_create();

	add_tunnel(sw, t, 0, TUNNEL_VXLAN, "remote_ip=10.9.0.1 key=5");
	add_tunnel(sw, t, 1, TUNNEL_VXLAN,
		   "remote_ip=flow local_ip=flow key=flow csum=true packet_type=ptap");
	add_tunnel(sw, t, 2, TUNNEL_GENEVE, "remote_ip=flow key=flow tos=inherit ttl=inherit");
	add_tunnel(sw, t, 3, TUNNEL_VXLAN,
		   "remote_ip=10.9.0.2 local_ip=10.9.0.9 key=flow egress_pkt_mark=3");
	add_tunnel(sw, t, 4, TUNNEL_VXLAN,
		   "remote_ip=10.9.0.1 key=5 exts=gpe packet_type=legacy_l3");
	if (switch_tlv_mod(sw, &options))
		abort();
	return t;
}

static void put_option(struct flow_tunnel *t, uint16_t class, uint8_t type, uint8_t value)
{
	uint8_t option[] = { class >> 8, class, type, 1, 0, 0, 0, value };

	memcpy(t->metadata + t->opt_len, option, sizeof(option));
	t->opt_len += sizeof(option);
}

void random_tunnel_header(struct flow_key *key)
{
	struct flow_tunnel *t = &key->tunnel;

	memset(t, 0, sizeof(*t));
	key->in_port = chance(50) ? RANDOM_VXLAN : RANDOM_GENEVE;
	t->tun_id = htobe64(5 + random_u32() % 3);
	t->flags =
		FLOW_TNL_KEY | (chance(30) ? FLOW_TNL_CSUM : 0) | (chance(20) ? FLOW_TNL_OAM : 0);
	if (chance(80)) {
		set_text(key, FIELD_TUN_SRC, PICK(remotes));
		set_text(key, FIELD_TUN_DST, PICK(remotes));
	} else {
		set_text(key, FIELD_TUN_IPV6_SRC, PICK(ip6s));
		set_text(key, FIELD_TUN_IPV6_DST, PICK(ip6s));
	}
	t->tos = random_u32() % 4 | (chance(20) ? 32 : 0);
	t->ttl = 64;
	if (key->in_port == RANDOM_VXLAN && chance(30))
		t->gbp_id = htobe16(1);
	if (key->in_port != RANDOM_GENEVE)
		return;
	if (chance(50))
		put_option(t, 0x102, 0x80, random_u32() % 3);
	if (chance(20))
		put_option(t, 0x999, 1, random_u32() % 3);
	if (chance(30))
		put_option(t, 0x102, 0x81, random_u32() % 3);
}

void random_connection(struct flow_key *k)
{
	static const uint8_t states[] = { CS_TRK | CS_NEW,	    CS_TRK | CS_EST,
					  CS_TRK | CS_EST | CS_RPL, CS_TRK | CS_INV,
					  CS_TRK | CS_NEW | CS_REL, CS_TRK | CS_EST | CS_SNAT };

	flow_fill_ct(k, 0);
	k->ct_state = PICK(states);
	k->ct_zone = random_u32() % 6;
	if (k->ct_state & (CS_INV | CS_NEW))
		return;
	k->ct_mark = random_u32() % 4;
	k->ct_label[15] = random_u32() % 4;
	if (!flow_is_ip(k) || chance(20))
		return;
	k->ct_nw_proto = k->nw_proto;
	k->ct_tp_src = htobe16(PICK(ports));
	k->ct_tp_dst = htobe16(PICK(ports));
	if (k->eth_type == htobe16(0x86dd)) {
		k->ct_ipv6_src = k->ipv6_dst;
		k->ct_ipv6_dst = k->ipv6_src;
	} else {
		k->ct_nw_src = k->nw_dst;
		k->ct_nw_dst = k->nw_src;
	}
}
