// SPDX-License-Identifier: Apache-2.0
// Options of tunnels: what they mean, as ofproto/list-tunnels shows it; and what is said of bad ones.
#include "ofproto/pipeline/tunnel-config.h"
#include "tests/suite.h"
#include "tests/unit/pipeline/options.h"

static int parse(const char *type, const char *options, struct tunnel_config *c,
		 struct strbuf *warnings, struct error *err)
{
	AUTO(smap) o;

	options_of(options, &o);
	return tunnel_config_parse("t", tunnel_type_of(type), &o, c, warnings, err);
}

static const struct {
	const char *type, *options, *text, *warning;
} good[] = {
	{ "vxlan", "remote_ip=1.1.1.1 key=5",
	  "vxlan: ::->1.1.1.1, key=0x5, legacy_l2, dp port=7, ttl=64", "" },
	{ "geneve", "remote_ip=flow key=flow",
	  "geneve: ::->flow, key=flow, legacy_l2, dp port=7, ttl=64", "" },
	{ "gre",
	  "remote_ip=1.1.1.1 local_ip=2.2.2.2 key=7 tos=inherit ttl=inherit df_default=false "
	  "csum=true",
	  "gre: 2.2.2.2->1.1.1.1, key=0x7, legacy_l2, dp port=7, ttl=inherit, tos=inherit, "
	  "df=false, "
	  "csum=true",
	  "" },
	{ "vxlan", "remote_ip=2001:db8::1 local_ip=2001:db8::2 in_key=5 out_key=6 tos=0x40 ttl=9",
	  "vxlan: 2001:db8::2->2001:db8::1, key=0x5, legacy_l2, dp port=7, out_key=0x6, ttl=9, "
	  "tos=0x40",
	  "" },
	{ "vxlan", "remote_ip=flow local_ip=flow",
	  "vxlan: flow->flow, key=0, legacy_l2, dp port=7, ttl=64", "" },
	{ "vxlan", "remote_ip=1.2.3.4 in_key=flow",
	  "vxlan: ::->1.2.3.4, key=flow, legacy_l2, dp port=7, out_key=none, ttl=64", "" },
	{ "vxlan", "remote_ip=1.2.3.4 out_key=flow",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, out_key=flow, ttl=64", "" },
	{ "vxlan", "remote_ip=1.2.3.4 in_key=1 key=9",
	  "vxlan: ::->1.2.3.4, key=0x1, legacy_l2, dp port=7, out_key=0x9, ttl=64", "" },
	{ "vxlan", "remote_ip=1.2.3.4 key=abc",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64", "" },
	{ "vxlan", "remote_ip=1.2.3.4 tos=300",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64", "t: invalid TOS 300\n" },
	{ "vxlan", "remote_ip=1.2.3.4 tos=0x11 ttl=0",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64", "t: invalid TOS 0x11\n" },
	{ "vxlan", "remote_ip=1.2.3.4 ttl=999",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64", "t: invalid TTL 999\n" },
	{ "vxlan", "remote_ip=1.2.3.4 local_ip=nonsense",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64", "t: bad vxlan 'local_ip'\n" },
	{ "vxlan", "remote_ip=1.2.3.4 exts=foo,gbp",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64",
	  "t: unknown extension 'foo'\n" },
	{ "vxlan", "remote_ip=1.2.3.4 unknown=foo",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64",
	  "t: unknown vxlan argument 'unknown'\n" },
	{ "gre", "remote_ip=1.2.3.4 dst_port=5",
	  "gre: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64",
	  "t: unknown gre argument 'dst_port'\n" },
	{ "erspan", "remote_ip=1.2.3.4 key=1 erspan_ver=1 erspan_idx=3",
	  "erspan: ::->1.2.3.4, key=0x1, legacy_l2, dp port=7, ttl=64", "" },
	{ "ip6erspan", "remote_ip=2001::1 erspan_ver=flow",
	  "ip6erspan: ::->2001::1, key=0, legacy_l2, dp port=7, ttl=64", "" },
	{ "bareudp", "remote_ip=1.2.3.4 dst_port=6635 payload_type=mpls key=9",
	  "bareudp: ::->1.2.3.4, key=0, legacy_l3, dp port=7, ttl=64", "" },
	{ "bareudp", "remote_ip=1.2.3.4 dst_port=6635 payload_type=mpls packet_type=ptap",
	  "bareudp: ::->1.2.3.4, key=0, ptap, dp port=7, ttl=64", "" },
	{ "gre", "remote_ip=1.2.3.4 packet_type=legacy_l3",
	  "gre: ::->1.2.3.4, key=0, legacy_l3, dp port=7, ttl=64", "" },
	{ "geneve", "remote_ip=1.2.3.4 packet_type=ptap",
	  "geneve: ::->1.2.3.4, key=0, ptap, dp port=7, ttl=64", "" },
	{ "vxlan", "remote_ip=1.2.3.4 packet_type=ptap",
	  "vxlan: ::->1.2.3.4, key=0, ptap, dp port=7, ttl=64", "" },
	{ "vxlan", "remote_ip=1.2.3.4 exts=gpe",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l2, dp port=7, ttl=64", "" },
	{ "vxlan", "remote_ip=1.2.3.4 exts=gpe packet_type=legacy_l3",
	  "vxlan: ::->1.2.3.4, key=0, legacy_l3, dp port=7, ttl=64", "" },
};

START_TEST(options_mean_what_users_know)
{
	AUTO(strbuf) warnings = STRBUF_INIT, text = STRBUF_INIT;
	AUTO_FREE char *want = xasprintf("port 7: t (%s)", good[_i].text);
	struct error err = ERROR_INIT;
	struct tunnel_config c;

	ck_assert_msg(!parse(good[_i].type, good[_i].options, &c, &warnings, &err), "%s: %s",
		      good[_i].options, err.text);
	tunnel_config_format(&c, "t", DP_PORT(7), &text);
	ck_assert_str_eq(text.s, want);
	ck_assert_str_eq(strbuf_cstr(&warnings), good[_i].warning);
}
END_TEST

static const struct {
	const char *type, *options, *error;
} bad[] = {
	{ "vxlan", "remote_ip=host.example",
	  "t: bad vxlan 'remote_ip'\nt: vxlan type requires valid 'remote_ip' argument" },
	{ "geneve", "local_ip=1.2.3.4", "t: geneve type requires valid 'remote_ip' argument" },
	{ "vxlan", "remote_ip=1.2.3.4 local_ip=flow",
	  "t: vxlan type requires 'remote_ip=flow' with 'local_ip=flow'" },
	{ "vxlan", "remote_ip=224.0.0.1", "t: multicast remote_ip=224.0.0.1 not allowed" },
	{ "vxlan", "remote_ip=ff02::1", "t: multicast remote_ip=ff02::1 not allowed" },
	{ "vxlan", "remote_ip=1.2.3.4 local_ip=2001::1",
	  "t: 'remote_ip' and 'local_ip' has to be of the same address family" },
	{ "ip6gre", "remote_ip=1.2.3.4", "t: 'remote_ip' of type ip6gre must be an IPv6 address" },
	{ "vxlan", "remote_ip=1.2.3.4 dst_port=99999", "t: invalid dst_port 99999" },
	{ "vxlan", "remote_ip=1.2.3.4 packet_type=legacy_l3",
	  "t: legacy_l3 configured on VXLAN (without GPE) tunnel that cannot carry L3 traffic" },
	{ "vxlan", "remote_ip=1.2.3.4 exts=gbp packet_type=legacy_l3",
	  "t: legacy_l3 configured on VXLAN (without GPE) tunnel that cannot carry L3 traffic" },
	{ "ip6gre", "remote_ip=2001::1 packet_type=legacy_l3",
	  "t: legacy_l3 configured on ip6gre tunnel that cannot carry L3 traffic" },
	{ "bareudp", "remote_ip=1.2.3.4 dst_port=1 payload_type=ip packet_type=legacy_l2",
	  "t: legacy_l2 configured on bareudp tunnel that cannot carry L2 traffic" },
	{ "gre", "remote_ip=1.2.3.4 packet_type=bad", "t: unknown packet_type 'bad'" },
	{ "gre", "remote_ip=1.2.3.4 seq=true", "t: seq=true is not there in the kernel datapath" },
	{ "erspan", "remote_ip=1.2.3.4 erspan_ver=3", "t: invalid erspan version: 3" },
	{ "erspan", "remote_ip=1.2.3.4 erspan_idx=0xfffffff",
	  "t: invalid erspan index: 0xfffffff" },
	{ "erspan", "remote_ip=1.2.3.4 erspan_ver=2 erspan_dir=7",
	  "t: invalid erspan direction: 7" },
	{ "erspan", "remote_ip=1.2.3.4 erspan_hwid=0x40", "t: invalid erspan hardware ID: 0x40" },
	{ "bareudp", "remote_ip=1.2.3.4 payload_type=ip",
	  "t: bareudp type requires 'dst_port' argument" },
	{ "bareudp", "remote_ip=1.2.3.4 dst_port=1",
	  "t: bareudp type requires 'payload_type' argument" },
	{ "bareudp", "remote_ip=1.2.3.4 dst_port=1 payload_type=arp",
	  "t: payload_type: arp is none of ip, mpls and an Ethernet type" },
};

START_TEST(bad_options_are_refused_in_known_words)
{
	AUTO(strbuf) warnings = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct tunnel_config c;

	ck_assert_int_eq(parse(bad[_i].type, bad[_i].options, &c, &warnings, &err), -EINVAL);
	ck_assert_str_eq(err.text, bad[_i].error);
}
END_TEST

START_TEST(tunnels_share_devices_by_kind_and_port)
{
	static const struct {
		const char *type, *options, *device;
	} rows[] = {
		{ "vxlan", "remote_ip=flow", "vxlan_sys_4789" },
		{ "vxlan", "remote_ip=flow dst_port=4790", "vxlan_sys_4790" },
		{ "geneve", "remote_ip=flow", "genev_sys_6081" },
		{ "gre", "remote_ip=flow", "gre_sys" },
		{ "ip6gre", "remote_ip=flow", "ip6gre_sys" },
		{ "erspan", "remote_ip=flow", "erspan_sys" },
		{ "ip6erspan", "remote_ip=flow", "ip6erspan_sys" },
		{ "bareudp", "remote_ip=flow dst_port=6635 payload_type=ip", "udp_sys_6635" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(strbuf) warnings = STRBUF_INIT;
		struct error err = ERROR_INIT;
		struct tunnel_config c;
		char name[32];

		ck_assert_msg(!parse(rows[i].type, rows[i].options, &c, &warnings, &err), "%s",
			      err.text);
		tunnel_device_name(&c, name, sizeof(name));
		ck_assert_str_eq(name, rows[i].device);
	}
	ck_assert_int_eq(tunnel_type_of("gtpu"), TUNNEL_NONE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/tunnel-config");
	TCase *t = tcase_create("tunnel-config");

	tcase_add_loop_test(t, options_mean_what_users_know, 0, ARRAY_SIZE(good));
	tcase_add_loop_test(t, bad_options_are_refused_in_known_words, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, tunnels_share_devices_by_kind_and_port);
	suite_add_tcase(s, t);
	return suite_run(s);
}
