// SPDX-License-Identifier: Apache-2.0
// Text of datapath flows: golden lines read back and print the same; bad ones are refused with their place.
#include <check.h>
#include <stdio.h>

#include "core/flow/dp-action.h"
#include "tests/unit/core/flow-testing.h"

static void check_line(char *line)
{
	AUTO(strbuf) list = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	char *actions = strstr(line, ", actions:");
	struct error err = ERROR_INIT;
	struct match m;

	*actions = '\0';
	actions += strlen(", actions:");
	ck_assert_msg(!dp_key_parse(line, NULL, NULL, &m, &err), "%s: %s", line, err.text);
	dp_key_format(&m.key, &m.mask, NULL, NULL, false, &out);
	ck_assert_str_eq(out.s, line);
	strbuf_clear(&out);
	ck_assert_msg(!dp_actions_parse(actions, NULL, NULL, &list, &err), "%s: %s", actions,
		      err.text);
	dp_actions_format(dp_actions_of(&list), NULL, NULL, &out);
	ck_assert_str_eq(out.s, actions);
}

START_TEST(golden)
{
	AUTO_FREE char *path = xasprintf("%s/tests/golden/dp-text.txt", test_srcdir());
	FILE *f = fopen(path, "r");
	char line[2048];
	int n = 0;

	ck_assert_ptr_nonnull(f);
	for (; fgets(line, sizeof(line), f); n++) {
		line[strcspn(line, "\n")] = '\0';
		if (*line != '#')
			check_line(line);
	}
	fclose(f);
	ck_assert_int_gt(n, 15);
}
END_TEST

START_TEST(verbose)
{
	const char *in = "in_port(1),eth(src=50:54:00:00:00:05),eth_type(0x0800),ipv4(src=1.2.3.4,"
			 "proto=6,ttl=64,frag=no),tcp(src=8,dst=80/0)";
	AUTO(strbuf) out = STRBUF_INIT;
	struct match m;

	ck_assert_int_eq(dp_key_parse(in, NULL, NULL, &m, NULL), 0);
	dp_key_format(&m.key, &m.mask, NULL, NULL, true, &out);
	ck_assert_str_eq(
		out.s,
		"skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),"
		"ct_label(0/0),recirc_id(0/0),dp_hash(0/0),in_port(1),packet_type(ns=0,id=0),"
		"eth(src=50:54:00:00:00:05,dst=00:00:00:00:00:00/00:00:00:00:00:00),"
		"eth_type(0x0800),ipv4(src=1.2.3.4,dst=0.0.0.0/0.0.0.0,proto=6,tos=0/0,ttl=64,"
		"frag=no),tcp(src=8,dst=0/0),tcp_flags(0/0)");
}
END_TEST

static const char *const bad_keys[] = {
	"foo(1)",
	"in_port(x)",
	"eth(src=1:2)",
	"eth(foo=1)",
	"eth_type(0x10000)",
	"ipv4(src=1.2.3)",
	"ipv4(proto=256)",
	"tcp(src=65536)",
	"vlan(vid=5000)",
	"encap(in_port(1)",
	"packet_type(ns=0)",
	"vlan(vid=1),vlan(vid=1),vlan(vid=1)",
	"tcp(src=1",
	"ipv4",
	"tcp_flags(foo)",
	"tunnel(foo=1)",
	"tunnel(tun_id=0x10000000000000000)",
	"tunnel(src=1.2.3)",
	"tunnel(tos=256)",
	"tunnel(flags(foo))",
	"tunnel(vxlan(gbp(id=65536)))",
	"tunnel(vxlan(gbp(id=1))",
	"tunnel(geneve({class=1,type=1,len=3,0x1}))",
	"tunnel(geneve({class=1,type=1,len=4,0x123456789}))",
	"tunnel(geneve({class=1,type=256,len=4}))",
	"tunnel(geneve({class=1,type=1,len=124}{class=1,type=1,len=124}))",
	"tunnel(erspan(ver=16))",
	"tunnel(erspan(idx=0x100000)",
};

static const char *const bad_actions[] = {
	"foo",
	"1,",
	"push_vlan(vid=4096)",
	"set(foo(1))",
	"set(eth(src=1))",
	"clone(1",
	"recirc(x)",
	"sample(sample=101%,actions(1))",
	"trunc()",
	"userspace(foo)",
	"userspace(pid=0,flow_sample(probability=65536,collector_set_id=1,obs_domain_id=0,"
	"obs_point_id=0,output_port=1))",
	"userspace(pid=0,flow_sample(probability=1,collector_set_id=1))",
	"userspace(pid=0,flow_sample(probability=1,collector_set_id=1,obs_domain_id=0,"
	"obs_point_id=0,output_port=1,ingress,egress))",
	"userspace(pid=0,ipfix)",
	"userspace(pid=0,ipfix(output_port=1),tunnel_out_port=)",
	"1)",
	"ct(foo)",
	"ct(helper=12345678901234567)",
	"ct(nat(src=10.0.0.300))",
	"ct(nat(src=10.0.0.2-10.0.0.1))",
	"ct(nat(src=10.0.0.1:90-80))",
	"ct(nat(src=10.0.0.1:70000))",
	"ct(nat(src=10.0.0.1,dst=10.0.0.2))",
	"ct(nat(random))",
	"ct(nat(src=10.0.0.1,hash,random))",
	"ct(nat(src=10.0.0.1-fe80::1))",
	"ct(nat(src=[fe80::1)",
	"ct(timeout=)",
	"psample(group=1,cookie=0x0102030405060708091011121314151617)",
	"check_pkt_len(size=1,gt(1))",
	"set(tunnel(dst=1.2.3.4)",
	"set(tunnel(tp_dst=65536))",
};

START_TEST(errors)
{
	struct match m;

	for (size_t i = 0; i < ARRAY_SIZE(bad_keys); i++) {
		struct error err = ERROR_INIT;

		ck_assert_msg(dp_key_parse(bad_keys[i], NULL, NULL, &m, &err), "%s", bad_keys[i]);
		ck_assert_msg(*err.text, "%s", bad_keys[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_actions); i++) {
		AUTO(strbuf) out = STRBUF_INIT;
		struct error err = ERROR_INIT;

		ck_assert_msg(dp_actions_parse(bad_actions[i], NULL, NULL, &out, &err), "%s",
			      bad_actions[i]);
		ck_assert_msg(*err.text, "%s", bad_actions[i]);
	}
}
END_TEST

START_TEST(support)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct error err = ERROR_INIT;

	dp_actions_parse("push_vlan(vid=1,pcp=0),clone(set(ipv4(ttl=1)),1),2", NULL, NULL, &out,
			 NULL);
	ck_assert_int_eq(dp_actions_check(dp_actions_of(&out), &err), 0);
	strbuf_clear(&out);
	dp_actions_parse("1,clone(ct(commit))", NULL, NULL, &out, NULL);
	ck_assert_int_eq(dp_actions_check(dp_actions_of(&out), &err), -ENOTSUP);
	ck_assert_str_eq(err.text, "datapath action ct is not supported yet");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("dp-text");

	tcase_add_test(t, golden);
	tcase_add_test(t, verbose);
	tcase_add_test(t, errors);
	tcase_add_test(t, support);
	return run_case(t);
}
