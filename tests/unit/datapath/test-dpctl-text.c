// SPDX-License-Identifier: Apache-2.0
// What dpctl/* and ovs-dpctl print and read.
#include "datapath/dpctl-text.h"

#include "core/flow/match.h"
#include "tests/suite.h"

static const struct {
	const char *name, *flow, *filter;
	bool passes;
	const char *error; // NULL: none
} filters[] = {
	{ "nothing", "in_port(1),eth(),eth_type(0x0806)", "", true, NULL },
	{ "same type", "in_port(1),eth(),eth_type(0x0806)", "arp", true, NULL },
	{ "other type", "in_port(1),eth(),eth_type(0x0806)", "ip", false, NULL },
	{ "not looked at", "in_port(1),eth(),eth_type(0x0800),ipv4(frag=no)", "tcp,tp_dst=80", true,
	  NULL },
	{ "port", "in_port(1),eth(),eth_type(0x0800),ipv4(proto=6,frag=no),tcp(dst=80)",
	  "tcp,tp_dst=80", true, NULL },
	{ "other port", "in_port(1),eth(),eth_type(0x0800),ipv4(proto=6,frag=no),tcp(dst=80)",
	  "tcp,tp_dst=81", false, NULL },
	{ "masked port", "in_port(1),eth(),eth_type(0x0800),ipv4(proto=6,frag=no),tcp(dst=80/0xf0)",
	  "tcp,tp_dst=81", true, NULL },
	{ "input port", "in_port(1),eth(),eth_type(0x0806)", "in_port=2", false, NULL },
	{ "unknown", "in_port(1)", "bogus=3", false,
	  "Failed to parse filter (bogus=3: unknown field bogus)" },
	{ "wildcards", "in_port(1)", "nw_src=10.0.0.0/8", false,
	  "Failed to parse filter (nw_src=10.0.0.0/8: bad value for nw_src (10.0.0.0/8: "
	  "wildcards not allowed here))" },
	{ "no value", "in_port(1)", "nw_src", false,
	  "Failed to parse filter (nw_src: field "
	  "nw_src missing value)" },
};

START_TEST(filter)
{
	struct error err = ERROR_INIT;
	struct match flow, f;
	int error;

	ck_assert(!dp_key_parse(filters[_i].flow, NULL, NULL, &flow, &err));
	error = dpctl_parse_filter(filters[_i].filter, NULL, NULL, &f, &err);
	ck_assert_str_eq(err.text, filters[_i].error ? filters[_i].error : "");
	if (!error)
		ck_assert_msg(dpctl_filter_matches(&f, &flow.key, &flow.mask) == filters[_i].passes,
			      "%s", filters[_i].name);
}
END_TEST

static const struct {
	const char *text, *name, *type, *x, *error;
	uint32_t number; // UINT32_MAX: not told
} ports[] = {
	{ "eth0", "eth0", "", NULL, NULL, UINT32_MAX },
	{ "i0,type=internal,port_no=7", "i0", "internal", NULL, NULL, 7 },
	{ "a,x=1,type=vxlan", "a", "vxlan", "1", NULL, UINT32_MAX },
	{ "a,x=", "a", "", "", NULL, UINT32_MAX },
	{ "a,x", "a", "", "", NULL, UINT32_MAX },
	{ "a,,", "a", "", NULL, NULL, UINT32_MAX },
	{ ",type=system", NULL, NULL, NULL, ",type=system: missing network device name", 0 },
	{ "a,port_no=x", NULL, NULL, NULL, "a: bad port number \"x\"", 0 },
	{ "a,port_no=65536", NULL, NULL, NULL, "a: bad port number \"65536\"", 0 },
};

START_TEST(port)
{
	struct error err = ERROR_INIT;
	struct dpctl_port p;

	if (dpctl_port_parse(ports[_i].text, &p, &err)) {
		ck_assert_str_eq(err.text, ports[_i].error);
		return;
	}
	ck_assert_ptr_null(ports[_i].error);
	ck_assert_str_eq(p.name, ports[_i].name);
	ck_assert_str_eq(p.type, ports[_i].type);
	ck_assert_pstr_eq(smap_get(&p.options, "x"), ports[_i].x);
	ck_assert_uint_eq(p.has_number ? p.number.n : UINT32_MAX, ports[_i].number);
	dpctl_port_uninit(&p);
}
END_TEST

static const struct {
	const char *text, *flow, *actions;
	enum dpctl_verb verb;
	bool is_there, is_whole;
} lines[] = {
	{ "in_port(1) 2\n", "in_port(1)", "2", DPCTL_ADD, true, true },
	{ " modify in_port(1) 2 # why\n", "in_port(1)", "2", DPCTL_MODIFY, true, true },
	{ "modify in_port(1)", "in_port(1)", NULL, DPCTL_MODIFY, true, false },
	{ "delete in_port(1)", "in_port(1)", NULL, DPCTL_DELETE, true, true },
	{ "delete in_port(1) 2", "in_port(1)", "2", DPCTL_DELETE, true, false },
	{ "add\n", NULL, NULL, DPCTL_ADD, true, false },
	{ "# nothing\n", NULL, NULL, DPCTL_ADD, false, false },
	{ " \t\r\n", NULL, NULL, DPCTL_ADD, false, false },
};

START_TEST(line)
{
	AUTO_FREE char *copy = xstrdup(lines[_i].text);
	struct dpctl_line l = { .verb = DPCTL_ADD };

	ck_assert(dpctl_line_split(copy, &l) == lines[_i].is_there);
	if (!lines[_i].is_there)
		return;
	ck_assert_int_eq(l.verb, lines[_i].verb);
	ck_assert(dpctl_line_is_whole(&l) == lines[_i].is_whole);
	ck_assert_pstr_eq(l.flow, lines[_i].flow);
	ck_assert_pstr_eq(l.actions, lines[_i].actions);
}
END_TEST

static const struct {
	const char *flow, *actions, *text;
} normals[] = {
	{ "in_port(1),eth(),eth_type(0x0800),ipv4()",
	  "set(ipv4(ttl=3)),2,push_vlan(vid=1,pcp=0),pop_vlan,3",
	  "no vlan: no mpls: set(ipv4(ttl=3)),2,3" },
	{ "in_port(1),eth(),eth_type(0x0800),ipv4()", "2,push_vlan(vid=1,pcp=0),3",
	  "no vlan: no mpls: 2vlan(vid=1,pcp=0): no mpls: 3" },
	{ "in_port(1),eth_type(0x8100),vlan(vid=3,pcp=1),encap(eth_type(0x0800),ipv4())",
	  "pop_vlan,1", "no vlan: no mpls: 1" },
};

START_TEST(normalized)
{
	AUTO(strbuf) list = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	struct match m;

	ck_assert(!dp_key_parse(normals[_i].flow, NULL, NULL, &m, NULL));
	ck_assert(!dp_actions_parse(normals[_i].actions, NULL, NULL, &list, NULL));
	dpctl_put_normalized(&m, dp_actions_of(&list), &out);
	ck_assert_str_eq(out.s, normals[_i].text);
}
END_TEST

START_TEST(figures)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct flow_counts c = { .packets = 1, .bytes = 74, .tcp_flags = 0xfff };

	dpctl_put_stats(&(struct dpctl_stats){ 3, 12, 12, 4, true, 24, 3, 2 }, &out);
	ck_assert_str_eq(out.s, "  lookups: hit:3 missed:12 lost:12\n  flows: 4\n"
				"  masks: hit:24 total:3 hit/pkt:1.60\n"
				"  cache: hit:2 hit-rate:13.33%\n");
	strbuf_clear(&out);
	dpctl_put_counts(&c, &out);
	ck_assert_str_eq(out.s, "packets:1, bytes:74, used:never, flags:SFPRU.ECN[200][400][800]");
}
END_TEST

static const struct {
	const char *type, *config, *text; // config: "key=value key=value", NULL: none
} shown[] = {
	{ "system", NULL, "  port 2: p\n" },
	{ "system", "x=1", "  port 2: p\n" },
	{ "internal", NULL, "  port 2: p (internal)\n" },
	{ "tap", "", "  port 2: p (tap)\n" },
	{ "vxlan", "packet_type=ptap", "  port 2: p (vxlan: packet_type=ptap)\n" },
	{ "vxlan", "packet_type=ptap dst_port=4790",
	  "  port 2: p (vxlan: dst_port=4790, packet_type=ptap)\n" },
};

START_TEST(a_port_s_line)
{
	AUTO_FREE char *copy = xstrdup(shown[_i].config ? shown[_i].config : "");
	AUTO(strbuf) out = STRBUF_INIT;
	AUTO(smap) config;
	char *save;

	smap_init(&config);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *value = w, *key = strsep(&value, "=");

		smap_set(&config, key, value);
	}
	dpctl_put_port(DP_PORT(2), "p", shown[_i].type, shown[_i].config ? &config : NULL, &out);
	ck_assert_str_eq(out.s, shown[_i].text);
}
END_TEST

START_TEST(a_port_s_figures)
{
	AUTO(strbuf) out = STRBUF_INIT;

	dpctl_put_port_stats(&(struct dpctl_port_stats){ .rx_packets = 1,
							 .rx_errors = 2,
							 .rx_dropped = 3,
							 .rx_overruns = 4,
							 .rx_frame = UINT64_MAX,
							 .tx_packets = 6,
							 .tx_errors = 7,
							 .tx_dropped = 8,
							 .tx_aborted = UINT64_MAX,
							 .tx_carrier = 10,
							 .collisions = 11,
							 .rx_bytes = 12,
							 .tx_bytes = UINT64_MAX - 1 },
			     &out);
	ck_assert_str_eq(out.s, "    RX packets:1 errors:2 dropped:3 overruns:4 frame:?\n"
				"    TX packets:6 errors:7 dropped:8 aborted:? carrier:10\n"
				"    collisions:11\n"
				"    RX bytes:12  TX bytes:18446744073709551614\n");
}
END_TEST

START_TEST(the_masks_cache)
{
	AUTO(strbuf) out = STRBUF_INIT;

	dpctl_put_masks_cache(false, 256, &out);
	ck_assert_uint_eq(out.len, 0);
	dpctl_put_masks_cache(true, 256, &out);
	ck_assert_str_eq(out.s, "  caches:\n    masks-cache: size:256\n");
}
END_TEST

START_TEST(as_the_kernel_tells)
{
	AUTO(strbuf) out = STRBUF_INIT;
	AUTO(strbuf) again = STRBUF_INIT;
	struct match m, back;

	ck_assert(!dp_key_parse("recirc_id(1),ct_state(+trk+est),in_port(2),eth(),eth_type(0x0806)",
				NULL, NULL, &m, NULL));
	dp_key_format_kernel(&m.key, &m.mask, NULL, NULL, false, &out);
	ck_assert_str_eq(out.s,
			 "recirc_id(0x1),in_port(2),ct_state(+est+trk),eth(),eth_type(0x0806)");
	// What is printed in full is read again.
	dp_key_format_kernel(&m.key, &m.mask, NULL, NULL, true, &again);
	ck_assert_ptr_nonnull(strstr(again.s, "ct_state(0x22/0x22)"));
	ck_assert(!dp_key_parse(again.s, NULL, NULL, &back, NULL));
	ck_assert(match_equal(&m, &back));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath/dpctl-text");
	TCase *t = tcase_create("text");

	tcase_add_loop_test(t, filter, 0, ARRAY_SIZE(filters));
	tcase_add_loop_test(t, port, 0, ARRAY_SIZE(ports));
	tcase_add_loop_test(t, line, 0, ARRAY_SIZE(lines));
	tcase_add_loop_test(t, normalized, 0, ARRAY_SIZE(normals));
	tcase_add_test(t, figures);
	tcase_add_loop_test(t, a_port_s_line, 0, ARRAY_SIZE(shown));
	tcase_add_test(t, a_port_s_figures);
	tcase_add_test(t, the_masks_cache);
	tcase_add_test(t, as_the_kernel_tells);
	suite_add_tcase(s, t);
	return suite_run(s);
}
