// SPDX-License-Identifier: Apache-2.0
// Flow text through flow_mods of every version and back into text (golden), and what is refused.
#include <check.h>
#include <stdio.h>

#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/conn.h"
#include "tests/unit/core/flow-testing.h"

static uint8_t version_by_name(const char *s, size_t n)
{
	for (uint8_t v = OFP10; v <= OFP15; v++)
		if (strlen(of_version_name(v)) == n && !memcmp(s, of_version_name(v), n))
			return v;
	return 0;
}

// What behind "...: " msg_print() says about the message.
static char *printed(const struct strbuf *b)
{
	struct strbuf s = STRBUF_INIT;
	char *text, *body;

	msg_print(b->s, b->len, NULL, 1, &s);
	strbuf_chomp(&s, '\n');
	body = strstr(s.s, "): ");
	text = xstrdup(body ? body + 3 : s.s);
	strbuf_uninit(&s);
	return text;
}

// Decoding and encoding again must give the same bytes.
static void check_again(const char *line, const struct strbuf *b)
{
	AUTO(strbuf) again = STRBUF_INIT;
	struct flow_mod fm;
	struct msg m;
	enum ofperr e;

	ck_assert_int_eq(msg_decode_header(b->s, b->len, &m), OFPERR_NONE);
	m.table_id_ext = true;
	flow_mod_init(&fm);
	e = flow_mod_decode(&m, &fm);
	ck_assert_msg(!e, "%s: %s", line, ofperr_name(e));
	flow_mod_encode(&fm, m.version, m.xid, &again);
	ck_assert_msg(again.len == b->len && !memcmp(again.s, b->s, b->len),
		      "%s: encoded again, it differs", line);
	flow_mod_uninit(&fm);
}

static void check_line(const char *line)
{
	const char *flow = strchr(line, ' ') + 1, *sep = strstr(line, " => ");
	uint8_t version = version_by_name(line, flow - 1 - line);
	AUTO_FREE char *text = xstrndup(flow, sep - flow), *got = NULL;
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct flow_mod fm;
	uint32_t usable;

	ck_assert(version);
	ck_assert_msg(!flow_mod_parse(text, FM_ADD, NULL, &fm, &usable, &err), "%s: %s", text,
		      err.text);
	ck_assert_msg(flow_formats_versions(usable) >> version & 1, "%s", line);
	flow_mod_encode(&fm, version, 1, &b);
	got = printed(&b);
	ck_assert_msg(!strcmp(got, sep + 4), "%s\ngives %s", line, got);
	check_again(line, &b);
	flow_mod_uninit(&fm);
}

START_TEST(golden)
{
	AUTO_FREE char *path = xasprintf("%s/tests/golden/openflow-flows.txt", test_srcdir());
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
	ck_assert_int_gt(n, 300);
}
END_TEST

static const struct {
	const char *flow, *formats;
} sayable[] = {
	{ "in_port=1,ip,nw_src=1.2.3.0/24,actions=drop", "any" },
	{ "table=1,actions=drop", "OXM,OpenFlow10+table_id,NXM+table_id,OpenFlow11" },
	{ "table=1,reg0=1,actions=drop", "OXM,NXM+table_id" },
	{ "ip,nw_src=1.2.3.4/255.0.0.255,actions=drop", "NXM,OXM,OpenFlow11" },
	{ "dl_vlan=5,actions=drop", "any" },
	{ "vlan_tci=0x1000/0x1000,actions=drop", "NXM,OXM" },
	{ "reg0=1/0,actions=drop", "any" },
	// What normalization takes away counts.
	{ "nw_ttl=5,actions=drop", "NXM,OXM" },
	{ "ipv6,nw_tos=4,actions=drop", "NXM,OXM" },
	{ "actions=load:5->reg0", "any" },
	{ "actions=set_field:5->reg0", "NXM,OXM" },
	{ "actions=clone(push_vlan:0x8100)", "OXM,OpenFlow11" },
	{ "actions=write_actions(output:1)", "OXM,OpenFlow11" },
	{ "reset_counts,actions=drop", "OXM" },
	{ "no_byte_counts,actions=drop", "OXM-OpenFlow13,OXM-OpenFlow14,OXM-OpenFlow15" },
	{ "actions=dec_ttl", "OpenFlow10,NXM" },
	{ "no_byte_counts,actions=dec_ttl", "none" },
};

START_TEST(formats_that_can_say_a_flow)
{
	AUTO(strbuf) names = STRBUF_INIT;
	struct error err = ERROR_INIT;
	uint32_t formats, again;
	struct flow_mod fm;

	ck_assert_msg(!flow_mod_parse(sayable[_i].flow, FM_ADD, NULL, &fm, &formats, &err), "%s",
		      err.text);
	flow_formats_format(formats, &names);
	ck_assert_str_eq(names.s, sayable[_i].formats);
	if (formats) {
		ck_assert_int_eq(flow_formats_parse(names.s, &again, NULL), 0);
		ck_assert_uint_eq(again, formats);
	} else {
		ck_assert_int_eq(flow_formats_parse(names.s, &again, NULL), -EINVAL);
	}
	flow_mod_uninit(&fm);
}
END_TEST

static const struct {
	enum flow_mod_command command;
	const char *text, *error;
} bad[] = {
	{ FM_ADD, "priority=5", "must specify an action" },
	{ FM_ADD, "foo,actions=1", "field foo missing value" },
	{ FM_ADD, "actions=foo", "unknown action foo" },
	{ FM_ADD, "table=300,actions=drop", "unknown table \"300\"" },
	{ FM_ADD, "priority=65536,actions=drop", "invalid priority" },
	{ FM_ADD, "cookie=1/2,actions=drop", "flow additions cannot use a cookie mask" },
	{ FM_ADD, "actions=drop,1", "\"drop\" must not be accompanied" },
	{ FM_ADD, "actions=apply_actions(1)", "apply_actions is the default" },
	{ FM_ADD, "actions=goto_table:2,1", "apply_actions must appear before goto_table" },
	{ FM_ADD, "actions=goto_table:2,write_metadata:1", "write_metadata must appear before" },
	{ FM_ADD, "ip,actions=nat", "Cannot have NAT action outside of \"ct\" action" },
	{ FM_ADD, "ip,actions=clone(nat(src=1.1.1.1))", "Cannot have NAT action outside" },
	{ FM_ADD, "ip,actions=ct(foo)", "invalid argument to \"ct\" action: `foo'" },
	{ FM_ADD, "ip,actions=ct(zone=70000)", "70000: unknown field `70000'" },
	{ FM_ADD, "ip,actions=ct(zone=reg0)", "zone n_bits 32 not within valid range [16..16]" },
	{ FM_ADD, "ip,actions=ct(zone=reg16[0..15])", "this field cannot be a zone" },
	{ FM_ADD, "ip,actions=ct(zone=tcp_src)", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "ip,actions=ct(zone=reg0[0..15]x)", "unexpected input following field syntax" },
	{ FM_ADD, "ip,actions=ct(table=255)", "invalid table 0xff" },
	{ FM_ADD, "ip,actions=ct(table=256)", "unknown table 256" },
	{ FM_ADD, "ip,actions=ct(force)", "\"force\" flag requires \"commit\" flag." },
	{ FM_ADD, "ip,actions=ct(commit,alg=foo)", "invalid conntrack helper \"foo\"" },
	{ FM_ADD, "udp,actions=ct(commit,alg=ftp)", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "tcp,actions=ct(commit,alg=tftp)", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "arp,actions=ct(commit)", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "ip,ct_state=+trk+inv,actions=ct(commit)", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "ip,actions=ct(nat(src=1.1.1.1))", "CT action requires commit flag" },
	{ FM_ADD, "ip,actions=ct(exec(set_field:1->ct_mark))", "CT action requires commit flag" },
	{ FM_ADD, "ip,actions=ct(commit,exec(output:1))",
	  "ct action doesn't support nested action output" },
	{ FM_ADD, "ip,actions=ct(commit,exec(ct(commit)))",
	  "ct action doesn't support nested action ct" },
	{ FM_ADD, "ip,actions=ct(commit,exec(mod_dl_src:00:00:00:00:00:01))",
	  "ct action doesn't support nested action mod_dl_src" },
	{ FM_ADD, "ip,actions=ct(commit,exec(set_field:1->reg0))",
	  "ct action doesn't support nested modification of reg0" },
	{ FM_ADD, "ip,actions=ct(commit,nat(src,dst))", "May only specify one of" },
	{ FM_ADD, "ip,actions=ct(commit,nat(random))", "Flags allowed only with" },
	{ FM_ADD, "ip,actions=ct(commit,nat(src,hash,random))", "Both \"hash\" and \"random\"" },
	{ FM_ADD, "ip,actions=ct(commit,nat(foo))", "invalid key \"foo\" in \"nat\" argument" },
	{ FM_ADD, "ip,actions=ct(commit,nat(src=10.0.0.5-10.0.0.1))",
	  "invalid nat range \"10.0.0.5-10.0.0.1\"" },
	{ FM_ADD, "ip,actions=ct(commit,nat(src=10.0.0.1:9-8))", "invalid nat range" },
	{ FM_ADD, "ip,actions=ct(commit,nat(src=10.0.0.1:70000))", "invalid nat range" },
	{ FM_ADD, "ip,actions=ct(commit,nat(src=0.0.0.0:80))", "a range from zero is no range" },
	{ FM_ADD, "ip,actions=ct(commit,nat(src=fe80::1))", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "ip,actions=set_field:1->ct_mark", "cannot set CT fields outside of ct action" },
	{ FM_ADD, "ip,actions=move:reg0->ct_mark", "cannot set CT fields outside of ct action" },
	{ FM_ADD, "ip,actions=resubmit(,,ct)", "at least one \"in_port\" or \"table\"" },
	{ FM_ADD, "ip,actions=resubmit(,1,ct)", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "ip,ct_state=+trk+inv,actions=resubmit(,1,ct)", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "actions=check_pkt_larger(1500)", "1500: missing `->'" },
	{ FM_ADD, "actions=check_pkt_larger(70000)->reg0[0]", "invalid packet length \"70000\"" },
	{ FM_ADD, "actions=check_pkt_larger(1)->reg0[0..1]", "Only 1-bit destination field" },
	{ FM_ADD, "actions=check_pkt_larger(1)->ct_mark[0]", "cannot set CT fields outside" },
	{ FM_ADD, "ip,actions=check_pkt_larger(1)->nw_proto[0]", "nw_proto is read-only" },
	{ FM_ADD, "actions=write_actions(check_pkt_larger(1)->reg0[0])",
	  "check_pkt_larger is not allowed in an action set" },
	{ FM_ADD, "actions=set_field:1->foo", "foo is not a valid OXM field name" },
	{ FM_ADD, "actions=set_field:1", "missing `->'" },
	{ FM_ADD, "actions=set_field:1->nw_proto", "nw_proto is read-only" },
	{ FM_ADD, "actions=set_field:1->tcp_dst", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "actions=set_field:5->vlan_vid", "OFPBAC_MATCH_INCONSISTENT" },
	{ FM_ADD, "actions=load:0x1ff->reg0[0..3]", "does not fit into 4 bits" },
	{ FM_ADD, "actions=move:reg0[0..3]->reg1[0..4]", "4 bits wide but destination is 5" },
	{ FM_ADD, "actions=push_vlan:0x800", "not a valid VLAN ethertype" },
	{ FM_ADD, "actions=mod_vlan_vid:5000", "not a valid VLAN VID" },
	{ FM_ADD, "actions=mod_vlan_pcp:8", "not a valid VLAN PCP" },
	{ FM_ADD, "actions=mod_nw_tos:3", "not a valid TOS" },
	{ FM_ADD, "actions=output:foo", "output to unknown port" },
	{ FM_ADD, "actions=resubmit(x,1)", "resubmit to unknown port" },
	{ FM_ADD, "actions=resubmit(,1,foo)", "foo: unknown parameter" },
	{ FM_ADD, "actions=any", "OFPBAC_BAD_OUT_PORT" },
	{ FM_ADD, "actions=controller(foo=1)", "unknown key \"foo\"" },
	{ FM_ADD, "actions=note:0x", "bad hex digit" },
	{ FM_ADD, "actions=clone(foo)", "unknown action foo" },
	{ FM_ADD, "actions=goto_table:255", "unknown table" },
	{ FM_ADD, "table=3,actions=goto_table:3", "OFPBIC_BAD_TABLE_ID" },
	{ FM_DELETE, "in_port=1,actions=drop", "unknown keyword actions" },
	{ FM_DELETE, "cookie=5", "cannot set cookie" },
	{ FM_DELETE, "priority=5", "unknown keyword priority" },
};

START_TEST(errors)
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;

	ck_assert_msg(flow_mod_parse(bad[_i].text, bad[_i].command, NULL, &fm, NULL, &err),
		      "%s is accepted", bad[_i].text);
	ck_assert_msg(strstr(err.text, bad[_i].error), "%s: says '%s'", bad[_i].text, err.text);
}
END_TEST

static const struct {
	enum flow_mod_command command;
	const char *text, *printed;
	// Where they are others: without a table 1.0 changes all, later versions the first; 1.1 deletes from the first, too.
	const char *in_10, *in_11;
} commands[] = {
	{ FM_DELETE, "", "DEL table:255 actions=drop", .in_11 = "DEL actions=drop" },
	{ FM_DELETE, "table=3,in_port=1,out_port=2,cookie=0x5/-1",
	  "DEL table:3 in_port=1 cookie:0x5/0xffffffffffffffff out_port:2 actions=drop" },
	{ FM_DELETE_STRICT, "priority=7,tcp", "DEL_STRICT table:255 priority=7,tcp actions=drop",
	  .in_11 = "DEL_STRICT priority=7,tcp actions=drop" },
	{ FM_MODIFY, "ip,actions=2", "MOD ip actions=output:2",
	  "MOD table:255 ip actions=output:2" },
	{ FM_MODIFY_STRICT, "priority=7,ip,actions=2", "MOD_STRICT priority=7,ip actions=output:2",
	  "MOD_STRICT table:255 priority=7,ip actions=output:2" },
};

START_TEST(other_commands)
{
	for (uint8_t v = OFP10; v <= OFP15; v++) {
		const char *other = v == OFP10	 ? commands[_i].in_10
				    : v == OFP11 ? commands[_i].in_11
						 : NULL;
		const char *want = other ? other : commands[_i].printed;
		AUTO(strbuf) b = STRBUF_INIT;
		AUTO_FREE char *got = NULL;
		struct error err = ERROR_INIT;
		struct flow_mod fm;

		ck_assert_msg(!flow_mod_parse(commands[_i].text, commands[_i].command, NULL, &fm,
					      NULL, &err),
			      "%s: %s", commands[_i].text, err.text);
		flow_mod_encode(&fm, v, 1, &b);
		got = printed(&b);
		ck_assert_msg(!strcmp(got, want), "%s\nnot %s", got, want);
		check_again(commands[_i].text, &b);
		flow_mod_uninit(&fm);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openflow-text");

	tcase_add_test(t, golden);
	tcase_add_loop_test(t, formats_that_can_say_a_flow, 0, ARRAY_SIZE(sayable));
	tcase_add_loop_test(t, errors, 0, ARRAY_SIZE(bad));
	tcase_add_loop_test(t, other_commands, 0, ARRAY_SIZE(commands));
	return run_case(t);
}
