// SPDX-License-Identifier: Apache-2.0
// What translation makes of connection tracking and of the length check: tables and a packet give datapath actions and the
// megaflow, pass by pass.
#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "core/packet/packet.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

#define MAX_PASSES 4

static struct of_switch *sw, *other; // patched to each other by port 10 of both

static void setup(void)
{
	rcu_thread_begin();
	clock_stop();
	sw = able_switch("br0", 1);
	other = able_switch("br1", 2);
	add_ports(sw, 4);
	add_port(other, "q1", 1, DP_PORT(11));
	patch(sw, other, 10);
}

static void teardown(void)
{
	switch_destroy(sw);
	switch_destroy(other);
	clock_advance(RECIRC_LINGER_MSEC);
	recirc_expire();
	ck_assert_uint_eq(recirc_count(), 0);
	rcu_drain();
	rcu_thread_end();
}

// "in_port=1,tcp,nw_src=..." as ofproto/trace takes it.
static void parse_key(const char *text, struct flow_key *ret)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct error err = ERROR_INIT;
	char *save = NULL;
	struct match m;

	match_init_any(&m);
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		char *value = strchr(w, '=');

		if (value)
			*value++ = '\0';
		ck_assert_msg(match_parse_word(&m, w, value, NULL, &err) >= 0, "%s: %s", w,
			      err.text);
	}
	*ret = m.key;
}

// The ids of a row are named in the order in which they come up: "recirc(A)".
struct ids {
	uint32_t v[8];
	size_t n;
};

static void put_named(const char *text, struct ids *ids, struct strbuf *out)
{
	const char *p = text, *at;

	while ((at = strstr(p, "recirc")) != NULL) {
		size_t head = strspn(at, "recirc_id=(");
		uint32_t id;
		char *end;
		size_t i;

		strbuf_put(out, p, at + head - p);
		id = strtoul(at + head, &end, 0);
		p = end;
		if (end == at + head || !id) {
			strbuf_put(out, at + head, end - (at + head));
			continue;
		}
		for (i = 0; i < ids->n && ids->v[i] != id; i++)
			;
		if (i == ids->n)
			ids->v[ids->n++] = id;
		strbuf_putc(out, 'A' + i);
	}
	strbuf_puts(out, p);
}

static void describe(const struct xlate_result *r, const struct flow_key *key, struct ids *ids,
		     struct strbuf *out)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct match m = { .mask = r->mask };

	flow_key_masked(&m.key, key, &r->mask);
	match_format(&m, NULL, &text);
	strbuf_puts(&text, " -> ");
	if (r->error)
		strbuf_puts(&text, xlate_error_text(r->error));
	else
		dp_actions_format(dp_actions_of(&r->actions), NULL, NULL, &text);
	put_named(text.s, ids, out);
}

// One row: rules separated by newlines; the packet, and what connection tracking says each time it comes back; for each
// pass the megaflow and the actions. A pass goes on at the last of the ids that have come up and not been gone on at.
static const struct {
	const char *name, *rules, *other_rules, *packet;
	const char *states[MAX_PASSES - 1];
	const char *passes[MAX_PASSES];
} rows[] = {
	{ .name = "untracked packets are tracked, new connections committed",
	  .rules = "ip,ct_state=-trk,actions=ct(table=1,zone=5)\n"
		   "table=1,ip,ct_state=+trk+new,actions=ct(commit,zone=5),output:2\n"
		   "table=1,ip,ct_state=+trk+est,actions=output:2",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|new,ct_zone=5" },
	  .passes = { "recirc_id=0,ct_state=-trk,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct(zone=5),recirc(A)",
		      "recirc_id=A,ct_state=+new+trk,eth,ip,in_port=1,vlan_tci=0x0000/"
		      "0x1000,nw_frag=no"
		      " -> ct(commit,zone=5),2" } },
	{ .name = "an established connection's packet",
	  .rules = "ip,ct_state=-trk,actions=ct(table=1)\n"
		   "table=1,ip,ct_state=+trk+new,actions=ct(commit),output:2\n"
		   "table=1,ip,ct_state=+trk+est,actions=output:3",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|est" },
	  .passes = { "recirc_id=0,ct_state=-trk,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct,recirc(A)",
		      "recirc_id=A,ct_state=-new+est+trk,eth,ip,in_port=1,vlan_tci=0x0000/"
		      "0x1000,nw_frag=no"
		      " -> 3" } },
	{ .name = "a packet that comes in tracked is told apart",
	  .rules = "ip,ct_state=-trk,actions=ct(table=1)\n"
		   "ip,ct_state=+trk,actions=output:4",
	  .packet = "in_port=1,tcp,ct_state=trk|est",
	  .passes = { "recirc_id=0,ct_state=+trk,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> 4" } },
	{ .name = "the rest of the list goes on with a packet that is not tracked",
	  .rules = "ip,actions=ct(table=1),resubmit(,2),output:3\n"
		   "table=1,actions=output:2\n"
		   "table=2,ct_state=-trk,actions=output:4",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|new" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct,recirc(A),4,3",
		      "recirc_id=A,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> 2" } },
	{ .name = "without a table nothing comes back",
	  .rules = "ip,actions=ct(commit,force,zone=7),output:2",
	  .packet = "in_port=1,udp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct(force_commit,zone=7),2" } },
	{ .name = "sets come before, and the zone is a field's",
	  .rules = "ip,actions=load:0x50007->NXM_NX_REG0[],mod_nw_ttl:7,ct(table=1,zone=NXM_NX_"
		   "REG0[16..31])",
	  .packet = "in_port=1,tcp,nw_ttl=64",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> set(ipv4(ttl=7)),ct(zone=5),recirc(A)" } },
	{ .name = "a zone of the packet's bits is matched on",
	  .rules = "ip,actions=ct(zone=NXM_OF_ETH_SRC[8..23]),output:2",
	  .packet = "in_port=1,tcp,dl_src=01:02:03:04:05:06",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,"
		      "dl_src=00:00:00:04:05:00/00:00:00:ff:ff:00,nw_frag=no -> "
		      "ct(zone=1029),2" } },
	{ .name = "mark and label under masks, and of the packet's bits",
	  .rules = "ip,actions=ct(commit,exec(set_field:0x5/"
		   "0xff->ct_mark,set_field:0x10000000000000000->ct_label,"
		   "move:NXM_OF_ETH_SRC[]->NXM_NX_CT_LABEL[0..47])),output:2",
	  .packet = "in_port=1,tcp,dl_src=01:02:03:04:05:06",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/"
		      "0x1000,dl_src=01:02:03:04:05:06,nw_frag=no"
		      " -> ct(commit,mark=0x5/0xff,label=0x10000010203040506),2" } },
	{ .name = "what exec has set is what it moves",
	  .rules = "ip,actions=ct(commit,exec(set_field:0x9->ct_mark,move:NXM_NX_CT_MARK[]->NXM_NX_"
		   "CT_LABEL[32..63]))",
	  .packet = "in_port=1,tcp,ct_state=trk|est,ct_mark=7",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct(commit,mark=0x9/0xffffffff,label=0x900000000/0xffffffff00000000)" } },
	{ .name = "the last nat counts, and the helper goes along",
	  .rules = "tcp,actions=ct(commit,alg=ftp,nat(src=1.1.1.1),nat(dst=2.2.2.2:80-90,hash,"
		   "persistent))",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,tcp,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct(commit,helper=ftp,nat(dst=2.2.2.2:80-90,persistent,hash))" } },
	{ .name = "what nat may have changed is set again",
	  .rules = "ip,nw_src=1.1.1.1,actions=ct(commit,nat(src=9.9.9.9)),mod_nw_src:1.1.1.1,"
		   "output:2",
	  .packet = "in_port=1,tcp,nw_src=1.1.1.1",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/"
		      "0x1000,nw_src=1.1.1.1,nw_frag=no"
		      " -> ct(commit,nat(src=9.9.9.9)),set(ipv4(src=1.1.1.1)),2" } },
	{ .name = "registers, metadata and action set come back with the packet",
	  .rules = "ip,actions=load:7->NXM_NX_REG3[],ct(table=1),write_metadata:0x5/"
		   "0xf,goto_table:2\n"
		   "table=1,ip,reg3=7,metadata=0,ct_state=+trk,actions=output:2\n"
		   "table=2,actions=drop",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|new" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct,recirc(A)",
		      "recirc_id=A,ct_state=+trk,eth,ip,in_port=1,vlan_tci=0x0000/"
		      "0x1000,nw_frag=no -> 2" } },
	{ .name = "both packets have the action set",
	  .rules = "ip,actions=write_actions(set_field:3->pkt_mark,output:2),goto_table:1\n"
		   "table=1,ip,actions=ct(table=2)\n"
		   "table=2,ip,actions=output:3",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|new" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct,recirc(A),set(skb_mark(0x3)),2",
		      "recirc_id=A,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> 3,set(skb_mark(0x3)),2" } },
	{ .name = "ct in the action set, where there is no output",
	  .rules = "ip,actions=write_actions(ct(table=1),set_field:3->pkt_mark)\n"
		   "table=1,ip,actions=output:3",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|new" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> set(skb_mark(0x3)),ct,recirc(A)",
		      "recirc_id=A,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> 3" } },
	{ .name = "output in the action set goes before ct and resubmit",
	  .rules = "ip,actions=write_actions(ct(table=1),resubmit(,1),output:2)",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> 2" } },
	{ .name = "resubmit in the action set",
	  .rules = "ip,actions=write_actions(ct(table=1),resubmit(,1))\n"
		   "table=1,ip,actions=output:4",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> 4" } },
	{ .name = "ct_clear of an untracked packet does nothing",
	  .rules = "ip,actions=ct_clear,output:2",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,ct_state=-trk,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> 2" } },
	{ .name = "ct_clear of a tracked packet",
	  .rules = "ip,actions=ct(table=1)\n"
		   "table=1,ip,actions=ct_clear,resubmit(,2)\n"
		   "table=2,ct_state=-trk,actions=output:2",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|est,ct_mark=5" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct,recirc(A)",
		      "recirc_id=A,ct_state=+trk,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct_clear,2" } },
	{ .name = "reading the connection matches on it",
	  .rules = "ip,actions=ct(table=1)\n"
		   "table=1,ip,ct_state=+trk-inv,actions=move:NXM_NX_CT_MARK[0..7]->NXM_NX_REG1[0.."
		   "7],"
		   "move:NXM_NX_CT_NW_SRC[0..7]->NXM_NX_REG2[0..7],output:2",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|est,ct_mark=0x305,ct_nw_proto=6,ct_nw_src=10.0.0.9" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct,recirc(A)",
		      "recirc_id=A,ct_state=est|trk,ct_mark=0x5/0xff,"
		      "ct_nw_src=0.0.0.9/0.0.0.255,eth,ip,in_port=1,vlan_tci=0x0000/"
		      "0x1000,nw_frag=no"
		      " -> 2" } },
	{ .name = "resubmit with ct looks up by the connection's first packet",
	  .rules = "ip,actions=ct(table=1)\n"
		   "table=1,ip,ct_state=+trk-inv,actions=resubmit(,2,ct),resubmit(,3)\n"
		   "table=2,tcp,nw_src=10.0.0.1,tcp_dst=53,actions=output:2\n"
		   "table=3,tcp,nw_src=2.2.2.2,actions=output:3",
	  .packet = "in_port=1,tcp,nw_src=2.2.2.2,nw_dst=10.0.0.1,tcp_src=53,tcp_dst=99",
	  .states = { "ct_state=trk|est|rpl,ct_nw_proto=6,ct_nw_src=10.0.0.1,ct_nw_dst=2.2.2.2,ct_"
		      "tp_src=99,"
		      "ct_tp_dst=53" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct,recirc(A)",
		      "recirc_id=A,ct_state=est|rpl|trk,ct_nw_src=10.0.0.1,ct_nw_proto=6,"
		      "ct_tp_dst=53,eth,tcp,in_port=1,vlan_tci=0x0000/"
		      "0x1000,nw_src=2.2.2.2,nw_frag=no"
		      " -> 2,3" } },
	{ .name = "resubmit with ct of a packet that has no connection",
	  .rules = "ip,ct_state=+trk-inv,actions=resubmit(,2,ct),output:3\n"
		   "table=2,actions=output:2",
	  .packet = "in_port=1,tcp,ct_state=trk",
	  .passes = { "recirc_id=0,ct_state=trk,ct_nw_proto=0,eth,ip,in_port=1,"
		      "vlan_tci=0x0000/0x1000,nw_frag=no -> 3" } },
	{ .name = "the other bridge sees an untracked packet, and goes on by itself",
	  .rules = "ip,actions=load:5->NXM_NX_REG0[],output:10,output:2",
	  .other_rules = "in_port=10,ip,reg0=0,ct_state=-trk,actions=load:6->NXM_NX_REG0[],ct("
			 "table=1,zone=3),output:1\n"
			 "table=1,in_port=10,reg0=6,actions=output:1",
	  .packet = "in_port=1,tcp,ct_state=trk|est",
	  .states = { "ct_state=trk|new" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> clone(ct(zone=3),recirc(A),11),2",
		      "recirc_id=A,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> 11" } },
	{ .name = "ct in a clone stays in it",
	  .rules = "ip,actions=clone(ct(commit,nat(src=1.1.1.1)),output:2),output:3",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> clone(ct(commit,nat(src=1.1.1.1)),2),3" } },
	{ .name = "through two zones",
	  .rules = "ip,actions=ct(table=1,zone=1)\n"
		   "table=1,ip,ct_zone=1,actions=ct(table=2,zone=2)\n"
		   "table=2,ip,ct_zone=2,actions=output:2",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|new,ct_zone=1", "ct_state=trk|new,ct_zone=2" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct(zone=1),recirc(A)",
		      "recirc_id=A,ct_zone=1,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct(zone=2),recirc(B)",
		      "recirc_id=B,ct_zone=2,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "2" } },
	{ .name = "the same state has the same id",
	  .rules = "ip,actions=ct(table=1),output:2,ct(table=1),output:3",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> ct,recirc(A),2,ct,recirc(A),3" } },
	{ .name = "both answers of the length check",
	  .rules = "ip,actions=mod_nw_ttl:7,check_pkt_larger(1500)->NXM_NX_REG0[0],resubmit(,1)\n"
		   "table=1,reg0=1,actions=output:2\n"
		   "table=1,ip,reg0=0,actions=mod_nw_src:1.1.1.1,output:3",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> "
		      "set(ipv4(ttl=7)),check_pkt_len(size=1500,gt(2),le(set(ipv4(src=1.1.1.1)),3)"
		      ")" } },
	{ .name = "what follows in tables further out is part of both answers",
	  .rules = "ip,actions=resubmit(,1),resubmit(,2)\n"
		   "table=1,actions=check_pkt_larger(100)->NXM_NX_REG0[0],output:4\n"
		   "table=2,reg0=1,actions=output:2\n"
		   "table=2,reg0=0,actions=output:3",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> check_pkt_len(size=100,gt(4,2),le(4,3))" } },
	{ .name = "length checks in a row",
	  .rules = "ip,actions=check_pkt_larger(100)->NXM_NX_REG0[0],check_pkt_larger(200)->NXM_NX_"
		   "REG0[1],"
		   "resubmit(,1),output:4\n"
		   "table=1,reg0=1/3,actions=output:2\n"
		   "table=1,reg0=3/3,actions=output:3",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "check_pkt_len(size=100,gt(check_pkt_len(size=200,gt(3,4),le(2,4))),"
		      "le(check_pkt_len(size=200,gt(4),le(4))))" } },
	{ .name = "the action set is part of both answers",
	  .rules = "ip,actions=write_actions(output:4),goto_table:1\n"
		   "table=1,actions=check_pkt_larger(100)->NXM_NX_REG0[0],goto_table:2\n"
		   "table=2,reg0=1,actions=clear_actions\n"
		   "table=2,reg0=0,actions=output:3",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> check_pkt_len(size=100,gt(drop),le(3,4))" } },
	{ .name = "a check in a clone decides there only",
	  .rules = "ip,actions=clone(check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,1)),resubmit(,"
		   "1)\n"
		   "table=1,reg0=1,actions=output:2\n"
		   "table=1,reg0=0,actions=output:3",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> check_pkt_len(size=100,gt(2),le(3)),3" } },
	{ .name = "a check in the other bridge decides there only",
	  .rules = "ip,actions=output:10,output:2",
	  .other_rules = "ip,actions=check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,1)\n"
			 "table=1,reg0=1,actions=output:1",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> check_pkt_len(size=100,gt(11),le(drop)),2" } },
	{ .name = "exit in a branch ends that branch",
	  .rules = "ip,actions=check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,1),output:3\n"
		   "table=1,reg0=1,actions=output:2,exit",
	  .packet = "in_port=1,tcp",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no"
		      " -> check_pkt_len(size=100,gt(2),le(3))" } },
	{ .name = "moves between fields of different widths",
	  .rules = "ip,actions=move:NXM_OF_ETH_SRC[8..23]->NXM_NX_REG0[0..15],"
		   "move:NXM_NX_REG0[0..15]->OXM_OF_METADATA[48..63],resubmit(,1)\n"
		   "table=1,metadata=0x0405000000000000,reg0=0x405,actions=output:2",
	  .packet = "in_port=1,tcp,dl_src=01:02:03:04:05:06",
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,"
		      "dl_src=00:00:00:04:05:00/00:00:00:ff:ff:00,nw_frag=no -> 2" } },
	{ .name = "round and round has an end",
	  .rules = "ip,actions=ct(table=0)",
	  .packet = "in_port=1,tcp",
	  .states = { "ct_state=trk|new", "ct_state=trk|new" },
	  .passes = { "recirc_id=0,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct,recirc(A)",
		      "recirc_id=A,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct,recirc(B)",
		      "recirc_id=B,eth,ip,in_port=1,vlan_tci=0x0000/0x1000,nw_frag=no -> "
		      "ct,recirc(C)" } },
};

static void add_rules(struct of_switch *s, const char *text)
{
	AUTO_FREE char *copy = text ? xstrdup(text) : NULL;
	char *save = NULL;

	for (char *line = copy ? strtok_r(copy, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		add_rule(s, line);
}

static void look_up(const struct flow_key *key, struct xlate_result *r)
{
	struct xlate_input in = { .sw = sw, .key = key };

	xlate(&in, r);
}

START_TEST(translations)
{
	struct flow_key packet, key;
	struct ids ids = { .n = 0 };

	add_rules(sw, rows[_i].rules);
	add_rules(other, rows[_i].other_rules);
	parse_key(rows[_i].packet, &packet);
	key = packet;
	for (int pass = 0; pass < MAX_PASSES && rows[_i].passes[pass]; pass++) {
		AUTO(strbuf) got = STRBUF_INIT;
		struct xlate_result r;

		if (pass) {
			AUTO_FREE char *text =
				xasprintf("%s,%s", rows[_i].packet, rows[_i].states[pass - 1]);

			ck_assert_uint_gt(ids.n, (size_t)pass - 1);
			parse_key(text, &key);
			key.recirc_id = ids.v[pass - 1];
		}
		look_up(&key, &r);
		describe(&r, &key, &ids, &got);
		ck_assert_msg(!strcmp(got.s, rows[_i].passes[pass]), "%s, pass %d:\n%s\nnot\n%s",
			      rows[_i].name, pass, got.s, rows[_i].passes[pass]);
		xlate_result_uninit(&r);
	}
}
END_TEST

// ---- Limits and errors ----

START_TEST(too_many_passes)
{
	struct xlate_result r = { .error = XLATE_OK };
	struct flow_key key;
	int n = 0;

	add_rule(sw, "ip,actions=ct(table=0)");
	parse_key("in_port=1,tcp", &key);
	for (; !r.error; n++) {
		const struct dp_action *a;

		look_up(&key, &r);
		DP_ACTION_FOR_EACH (a, dp_actions_of(&r.actions))
			if (a->type == DP_ACTION_RECIRC)
				key.recirc_id = a->recirc.id;
		xlate_result_uninit(&r);
		ck_assert_int_lt(n, 100);
	}
	ck_assert_int_eq(r.error, XLATE_TOO_MANY_RECIRCULATIONS);
	ck_assert_int_gt(n, 16);
	ck_assert(!xlate_error_passes(r.error));
}
END_TEST

START_TEST(unknown_state)
{
	struct flow_key key;
	struct xlate_result r;

	parse_key("in_port=1,tcp", &key);
	key.recirc_id = 0x1234;
	look_up(&key, &r);
	ck_assert_int_eq(r.error, XLATE_NO_RECIRCULATION_CONTEXT);
	ck_assert_uint_eq(r.actions.len, 0);
	ck_assert(xlate_error_passes(r.error));
	xlate_result_uninit(&r);
}
END_TEST

// A list of checks doubles what follows with each: it must end.
START_TEST(too_many_checks)
{
	AUTO(strbuf) rule = STRBUF_INIT;
	struct flow_key key;
	struct xlate_result r;

	strbuf_puts(&rule, "ip,actions=");
	for (int i = 0; i < 40; i++)
		strbuf_printf(&rule, "check_pkt_larger(%d)->NXM_NX_REG%d[%d],", 100 + i, i / 32,
			      i % 32);
	strbuf_puts(&rule, "output:2");
	add_rule(sw, rule.s);
	parse_key("in_port=1,tcp", &key);
	look_up(&key, &r);
	ck_assert_int_eq(r.error, XLATE_TOO_MANY_RESUBMITS);
	xlate_result_uninit(&r);
}
END_TEST

// ---- What an answer rests on ----

static bool still_holds(struct xlate_result *r)
{
	return xlate_is_current(&r->basis);
}

START_TEST(passes_rest_on_their_own_tables)
{
	struct xlate_result first, second;
	struct flow_key key;

	add_rule(sw, "ip,actions=ct(table=1)");
	add_rule(sw, "table=1,ip,actions=output:2");
	parse_key("in_port=1,tcp", &key);
	look_up(&key, &first);
	key.recirc_id = first.basis.recircs.v[0]->id;
	key.ct_state = CS_TRK | CS_NEW;
	look_up(&key, &second);
	ck_assert(still_holds(&first));
	ck_assert(still_holds(&second));
	add_rule(sw, "table=1,priority=40000,tcp,actions=output:3");
	ck_assert(still_holds(&first));
	ck_assert(!still_holds(&second));
	xlate_result_uninit(&second);
	look_up(&key, &second);
	add_rule(sw, "priority=40000,tcp,actions=drop");
	ck_assert(!still_holds(&first));
	ck_assert(still_holds(&second));
	xlate_result_uninit(&first);
	xlate_result_uninit(&second);
}
END_TEST

static unsigned int n_credits_of_rules(const struct xlate_result *r)
{
	struct xlate_credit *c;
	unsigned int n = 0;

	VEC_FOR_EACH (c, &r->basis.credits)
		n += c->kind == CREDIT_RULE;
	return n;
}

START_TEST(passes_credit_their_own_rules)
{
	struct xlate_result first, second;
	struct flow_key key;

	add_rule(sw, "ip,actions=ct(table=1)");
	add_rule(sw, "table=1,ip,actions=resubmit(,2)");
	add_rule(sw, "table=2,ip,actions=output:2");
	parse_key("in_port=1,tcp", &key);
	look_up(&key, &first);
	key.recirc_id = first.basis.recircs.v[0]->id;
	look_up(&key, &second);
	ck_assert_uint_eq(n_credits_of_rules(&first), 1);
	ck_assert_uint_eq(n_credits_of_rules(&second), 2);
	xlate_result_uninit(&first);
	xlate_result_uninit(&second);
}
END_TEST

START_TEST(megaflows_hold_their_states)
{
	struct xlate_basis parent, child;
	struct xlate_result r;
	struct flow_key key;
	uint32_t id;

	add_rule(sw, "ip,actions=ct(table=1)");
	parse_key("in_port=1,tcp", &key);
	look_up(&key, &r);
	id = r.basis.recircs.v[0]->id;
	xlate_result_give_basis(&r, &parent);
	xlate_result_uninit(&r);
	key.recirc_id = id;
	look_up(&key, &r);
	xlate_result_give_basis(&r, &child);
	xlate_result_uninit(&r);
	ck_assert_uint_eq(child.recircs.n, 1);
	xlate_basis_uninit(&parent);
	clock_advance(2 * RECIRC_LINGER_MSEC);
	recirc_expire();
	ck_assert_ptr_nonnull(recirc_find(id)); // the child's key names it
	xlate_basis_uninit(&child);
	clock_advance(RECIRC_LINGER_MSEC);
	recirc_expire();
	ck_assert_ptr_null(recirc_find(id));
}
END_TEST

// ---- Controllers ----

static const struct {
	const char *name, *rule, *packet;
	bool has_state;
} controllers[] = {
	{ "as it came", "actions=controller", "in_port=1,tcp", false },
	{ "with a register", "actions=load:1->NXM_NX_REG0[],controller", "in_port=1,tcp", true },
	{ "with metadata", "actions=move:NXM_OF_IN_PORT[]->OXM_OF_METADATA[0..15],controller",
	  "in_port=1,tcp", true },
	{ "with a tunnel id", "actions=set_tunnel:5,controller", "in_port=1,tcp", true },
	{ "after ct", "ip,actions=ct(commit),controller", "in_port=1,tcp", true },
};

START_TEST(controllers_are_told_of_the_pipeline)
{
	const struct dp_action *a, *u = NULL;
	struct flow_key key;
	struct xlate_result r;

	add_rule(sw, controllers[_i].rule);
	parse_key(controllers[_i].packet, &key);
	look_up(&key, &r);
	DP_ACTION_FOR_EACH (a, dp_actions_of(&r.actions))
		if (a->type == DP_ACTION_USERSPACE)
			u = a;
	ck_assert_ptr_nonnull(u);
	ck_assert_msg(controllers[_i].has_state == (u->userspace.recirc_id != 0), "%s",
		      controllers[_i].name);
	if (u->userspace.recirc_id) {
		struct recirc_state *s = recirc_find(u->userspace.recirc_id);
		struct flow_mask known;

		ck_assert_ptr_nonnull(s);
		recirc_thaw(s, &key, &known);
		ck_assert_int_eq(memcmp(key.regs, r.final.regs, sizeof(key.regs)), 0);
		ck_assert_uint_eq(key.metadata, r.final.metadata);
		ck_assert_uint_eq(key.tunnel.tun_id, r.final.tunnel.tun_id);
	}
	xlate_result_uninit(&r);
}
END_TEST

// ---- What the datapath lacks ----

static const struct {
	enum switch_feature missing;
	const char *rule;
	enum ofperr error;
} refusals[] = {
	{ SWITCH_FEATURE_CT_STATE, "ip,actions=ct(commit)", OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_STATE, "ip,actions=clone(ct(commit))",
	  OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_STATE, "ip,ct_state=-trk,actions=drop",
	  OFPERR_NXBMC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_STATE, "ip,actions=ct_clear", OFPERR_NONE },
	{ SWITCH_FEATURE_RECIRC, "ip,actions=ct(table=1)", OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_RECIRC, "ip,actions=ct(commit)", OFPERR_NONE },
	{ SWITCH_FEATURE_CT_ZONE, "ip,actions=ct(zone=1)", OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_ZONE, "ip,actions=ct(zone=NXM_NX_REG0[0..15])",
	  OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_ZONE, "ip,actions=ct(commit)", OFPERR_NONE },
	{ SWITCH_FEATURE_CT_ZONE, "ct_zone=1,actions=drop", OFPERR_NXBMC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_MARK, "ip,actions=ct(commit,exec(set_field:1->ct_mark))",
	  OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_MARK, "ct_mark=1,actions=drop", OFPERR_NXBMC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_LABEL,
	  "ip,actions=ct(commit,exec(move:NXM_NX_REG0[]->NXM_NX_CT_LABEL[0..31]))",
	  OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_LABEL, "ct_label=1/1,actions=drop", OFPERR_NXBMC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_STATE_NAT, "ip,actions=ct(nat)", OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_STATE_NAT, "ip,ct_state=+dnat,actions=drop",
	  OFPERR_NXBMC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_STATE_NAT, "ip,ct_state=+trk,actions=ct(commit)", OFPERR_NONE },
	{ SWITCH_FEATURE_CT_ORIG_TUPLE, "ip,ct_state=+est,ct_nw_src=1.1.1.1,actions=drop",
	  OFPERR_NXBMC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_ORIG_TUPLE, "ip,ct_state=+est,ct_nw_proto=6,actions=drop",
	  OFPERR_NXBMC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_ORIG_TUPLE, "ipv6,ct_state=+est,ct_nw_proto=6,actions=drop",
	  OFPERR_NONE },
	{ SWITCH_FEATURE_CT_ORIG_TUPLE, "ip,ct_state=+est,actions=resubmit(,1,ct)",
	  OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_ORIG_TUPLE6, "ipv6,ct_state=+est,ct_ipv6_src=::1,actions=drop",
	  OFPERR_NXBMC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CT_ORIG_TUPLE6, "ipv6,ct_state=+est,actions=resubmit(,1,ct)",
	  OFPERR_NXBAC_CT_DATAPATH_SUPPORT },
	{ SWITCH_FEATURE_CHECK_PKT_LEN, "actions=check_pkt_larger(1)->NXM_NX_REG0[0]",
	  OFPERR_OFPBAC_BAD_TYPE },
};

START_TEST(rules_that_the_datapath_cannot_carry_out)
{
	enum ofperr e;

	switch_set_features(sw, UINT32_MAX & ~(1u << refusals[_i].missing));
	e = try_flow_mod(sw, FM_ADD, refusals[_i].rule);
	ck_assert_msg(e == refusals[_i].error, "%s without %s: %s", refusals[_i].rule,
		      switch_feature_name(refusals[_i].missing), ofperr_name(e));
	switch_set_features(sw, UINT32_MAX);
	ck_assert_int_eq(try_flow_mod(sw, FM_ADD, refusals[_i].rule), OFPERR_NONE);
}
END_TEST

START_TEST(no_ct_clear_for_a_datapath_without)
{
	struct flow_key key;
	struct xlate_result r;

	switch_set_features(sw, UINT32_MAX & ~(1u << SWITCH_FEATURE_CT_CLEAR));
	add_rule(sw, "ip,actions=ct_clear,output:2");
	parse_key("in_port=1,tcp,ct_state=trk|est", &key);
	look_up(&key, &r);
	ck_assert_int_eq(dp_actions_of(&r.actions).first->type, DP_ACTION_OUTPUT);
	xlate_result_uninit(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/ct");
	TCase *t = tcase_create("ct");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, translations, 0, ARRAY_SIZE(rows));
	tcase_add_test(t, too_many_passes);
	tcase_add_test(t, unknown_state);
	tcase_add_test(t, too_many_checks);
	tcase_add_test(t, passes_rest_on_their_own_tables);
	tcase_add_test(t, passes_credit_their_own_rules);
	tcase_add_test(t, megaflows_hold_their_states);
	tcase_add_loop_test(t, controllers_are_told_of_the_pipeline, 0, ARRAY_SIZE(controllers));
	tcase_add_loop_test(t, rules_that_the_datapath_cannot_carry_out, 0, ARRAY_SIZE(refusals));
	tcase_add_test(t, no_ct_clear_for_a_datapath_without);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
