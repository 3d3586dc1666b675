// SPDX-License-Identifier: Apache-2.0
// Each action of actions.def is taken in a rule and translated.
#include "core/base/rcu.h"
#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

// A rule for each kind.
static const char *const rules[ACT_MAX] = {
	[ACT_OUTPUT] = "actions=output:2",
	[ACT_OUTPUT_TRUNC] = "actions=output(port=2,max_len=100)",
	[ACT_OUTPUT_REG] = "actions=output:NXM_NX_REG0[]",
	[ACT_ENQUEUE] = "actions=enqueue:2:1",
	[ACT_CONTROLLER] = "actions=controller(reason=no_match)",
	[ACT_GROUP] = "actions=group:1",
	[ACT_BUNDLE] = "actions=bundle(eth_src,0,hrw,ofport,members:2)",
	[ACT_BUNDLE_LOAD] = "actions=bundle_load(eth_src,0,hrw,ofport,reg0,members:2)",
	[ACT_MULTIPATH] = "actions=multipath(eth_src,0,hrw,4,0,reg0)",
	[ACT_SET_VLAN_VID] = "actions=mod_vlan_vid:5",
	[ACT_SET_VLAN_PCP] = "actions=mod_vlan_pcp:5",
	[ACT_STRIP_VLAN] = "actions=strip_vlan",
	[ACT_PUSH_VLAN] = "actions=push_vlan:0x8100",
	[ACT_SET_FIELD] = "actions=load:5->reg0",
	[ACT_MOVE] = "actions=move:reg0->reg1",
	[ACT_STACK_PUSH] = "actions=push:reg0",
	[ACT_STACK_POP] = "actions=pop:reg0",
	[ACT_DELETE_FIELD] = "actions=delete_field:tun_metadata0",
	[ACT_DEC_TTL] = "ip,actions=dec_ttl",
	[ACT_PUSH_MPLS] = "actions=push_mpls:0x8847",
	[ACT_POP_MPLS] = "mpls,mpls_bos=1,actions=pop_mpls:0x800",
	[ACT_SET_MPLS_LABEL] = "mpls,actions=set_mpls_label:5",
	[ACT_SET_MPLS_TC] = "mpls,actions=set_mpls_tc:5",
	[ACT_SET_MPLS_TTL] = "mpls,actions=set_mpls_ttl:5",
	[ACT_DEC_MPLS_TTL] = "mpls,actions=dec_mpls_ttl",
	[ACT_SET_TUNNEL] = "actions=set_tunnel:5",
	[ACT_SET_QUEUE] = "actions=set_queue:5",
	[ACT_POP_QUEUE] = "actions=pop_queue",
	[ACT_RESUBMIT] = "actions=resubmit(,2)",
	[ACT_LEARN] = "actions=learn(table=1,eth_dst=eth_src)",
	[ACT_CONJUNCTION] = "actions=conjunction(1,1/2)",
	[ACT_EXIT] = "actions=exit",
	[ACT_CLONE] = "actions=clone(output:2)",
	[ACT_NOTE] = "actions=note:01",
	[ACT_FIN_TIMEOUT] = "tcp,actions=fin_timeout(idle_timeout=5)",
	[ACT_CT] = "ip,actions=ct(table=1)",
	[ACT_NAT] = "ip,actions=ct(commit,nat(src=1.2.3.4))",
	[ACT_CT_CLEAR] = "actions=ct_clear",
	[ACT_SAMPLE] = "actions=sample(probability=1)",
	[ACT_CHECK_PKT_LARGER] = "actions=check_pkt_larger(100)->reg0[0]",
	[ACT_ENCAP] = "actions=encap(nsh)",
	[ACT_DECAP] = "actions=decap",
	[ACT_DEC_NSH_TTL] = "dl_type=0x894f,actions=dec_nsh_ttl",
	[ACT_DEBUG_SLOW] = "actions=debug_slow",
	[ACT_DEBUG_RECIRC] = "actions=debug_recirc",
	[ACT_METER] = "actions=output:2", // a meter has tests of its own
	[ACT_CLEAR_ACTIONS] = "actions=clear_actions",
	[ACT_WRITE_ACTIONS] = "actions=write_actions(output:2)",
	[ACT_WRITE_METADATA] = "actions=write_metadata:5",
	[ACT_GOTO_TABLE] = "actions=goto_table:2",
};

static struct of_switch *sw;

static void setup(void)
{
	struct group_mod gm = { .group = { .id = 1 } };
	struct tlv_table_mod option = { .command = TLV_ADD };

	rcu_thread_begin();
	sw = able_switch("br0", 1);
	add_ports(sw, 2);
	ck_assert_int_eq(switch_group_mod(sw, &gm), OFPERR_NONE);
	ck_assert(!tlv_mappings_parse("{class=0x102,type=0x80,len=4}->tun_metadata0", &option));
	ck_assert_int_eq(switch_tlv_mod(sw, &option), OFPERR_NONE);
}

static void teardown(void)
{
	end_switches(sw, NULL);
}

// A packet that meets the rule in table 0.
static void translate(const char *rule)
{
	struct xlate_input in = { .sw = sw };
	struct error err = ERROR_INIT;
	struct xlate_result r;
	struct flow_mod fm;
	struct flow_key key;

	ck_assert(!flow_mod_parse(rule, FM_ADD, NULL, &fm, NULL, &err));
	key = fm.match.key;
	key.in_port = 1;
	in.key = &key;
	xlate(&in, &r);
	ck_assert_int_eq(r.error, XLATE_OK);
	xlate_result_uninit(&r);
	flow_mod_uninit(&fm);
}

START_TEST(rules_with_each_action_are_taken_and_translated)
{
	enum ofperr e;

	ck_assert_msg(rules[_i], "no rule for %s", act_name(_i));
	e = try_flow_mod(sw, FM_ADD, rules[_i]);
	ck_assert_msg(!e, "%s: %s", rules[_i], ofperr_name(e));
	translate(rules[_i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/executed");
	TCase *t = tcase_create("executed");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, rules_with_each_action_are_taken_and_translated, 0, ACT_MAX);
	suite_add_tcase(s, t);
	return suite_run(s);
}
