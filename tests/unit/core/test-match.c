// SPDX-License-Identifier: Apache-2.0
// Match text: golden pairs, errors, and that what is printed reads back as the same match.
#include <check.h>
#include <stdio.h>

#include "core/flow/fields.h"
#include "tests/unit/core/flow-testing.h"

static void check_pair(const char *line, const char *in, const char *want)
{
	struct error err = ERROR_INIT;
	struct match m, again;
	char *text;

	ck_assert_msg(!match_from_text(in, &m, &err), "%s: %s", line, err.text);
	match_normalize(&m);
	text = match_to_string(&m, NULL);
	ck_assert_msg(!strcmp(text, want), "%s: prints as %s, not %s", in, text, want);
	ck_assert_msg(!match_from_text(text, &again, &err), "%s: %s", text, err.text);
	ck_assert_msg(match_equal(&m, &again), "%s: reads back differently", text);
	free(text);
}

START_TEST(golden)
{
	AUTO_FREE char *path = xasprintf("%s/tests/golden/match.txt", test_srcdir());
	FILE *f = fopen(path, "r");
	char line[2048];
	int n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		char *sep;

		line[strcspn(line, "\n")] = '\0';
		sep = strstr(line, " =>");
		if (*line == '#' || !sep)
			continue;
		*sep = '\0';
		check_pair(line, line, sep + 3 + (sep[3] == ' '));
		n++;
	}
	fclose(f);
	ck_assert_int_gt(n, 80);
}
END_TEST

// A match that no packet meets must not become one that many do.
START_TEST(ports_of_later_fragments_stay)
{
	static const char *const texts[] = { "udp,nw_frag=later,tp_src=3",
					     "icmp,nw_frag=later,icmp_type=3,icmp_code=4" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_pair(texts[i], texts[i], texts[i]);
}
END_TEST

static const struct {
	const char *text, *error;
} bad[] = {
	{ "foo=3", "unknown keyword foo" },
	{ "dl_src=1:2", "invalid Ethernet address" },
	{ "ip,nw_src=1.2.3", "invalid IP address" },
	{ "ip,nw_src=1.2.3.4/33", "IPv4 network prefix bits" },
	{ "ipv6,ipv6_src=::1/129", "IPv6 network prefix bits" },
	{ "in_port=foo", "invalid or unknown port for in_port" },
	{ "in_port=70000", "invalid or unknown port for in_port" },
	{ "tcp,tp_src=65536", "value too large for 2-byte field tcp_src" },
	{ "reg0=0x1ffffffff", "value too large for 4-byte field reg0" },
	{ "ip,ip_frag=foo", "unknown fragment type" },
	{ "tcp,tcp_flags=foo", "unknown TCP flag" },
	{ "ct_state=+foo", "unknown ct_state flag" },
	{ "ct_state=+new-new", "can be specified only once" },
	{ "ct_state=0x100", "unknown ct_state flag" },
	{ "tun_flags=+df", "unknown tunnel flag" },
	{ "dl_type=0x800/0xff00", "invalid mask for field eth_type" },
	{ "ip,nw_proto=6/3", "invalid mask for field nw_proto" },
	{ "ip,nw_proto=256", "value too large" },
	{ "dl_type=ip", "bad syntax for eth_type value" },
	{ "packet_type=1", "bad syntax for packet type" },
	{ "reg0=", "missing value" },
	{ "reg0[3..1]=1", "starting bit" },
	{ "reg0[0..32]=1", "ending bit 32 is not valid because field is only 32 bits wide" },
	{ "reg0[0..3]=16", "value too large" },
	{ "reg0[0..3=1", "syntax error" },
	{ "dl_vlan=4096", "4096 is not a valid value for field dl_vlan" },
	{ "arp,arp_op=256", "256 is not a valid value for field arp_op" },
};

START_TEST(errors)
{
	struct error err = ERROR_INIT;
	struct match m;

	ck_assert_msg(match_from_text(bad[_i].text, &m, &err), "%s is accepted", bad[_i].text);
	ck_assert_msg(strstr(err.text, bad[_i].error), "%s: says '%s'", bad[_i].text, err.text);
}
END_TEST

static const char *name_of(of_port_t port, void *aux)
{
	return port.n == 1 ? "eth0" : port.n == 2 ? "br-int" : NULL;
}

static bool number_of(const char *name, of_port_t *ret, void *aux)
{
	*ret = OF_PORT(!strcmp(name, "eth0") ? 1 : 2);
	return !strcmp(name, "eth0") || !strcmp(name, "br-int");
}

START_TEST(port_names)
{
	const struct port_names names = { number_of, name_of, NULL };
	struct match m, again;
	char *text;

	match_init_any(&m);
	ck_assert_int_eq(match_parse_word(&m, "in_port", "br-int", &names, NULL), 0);
	text = match_to_string(&m, &names);
	ck_assert_str_eq(text, "in_port=\"br-int\"");
	match_init_any(&again);
	ck_assert_int_eq(match_parse_word(&again, "in_port", "\"br-int\"", &names, NULL), 0);
	ck_assert(match_equal(&m, &again));
	free(text);
}
END_TEST

START_TEST(subset)
{
	struct match all, ip, net, host;

	match_init_any(&all);
	match_from_text("ip", &ip, NULL);
	match_from_text("ip,nw_src=10.0.0.0/8", &net, NULL);
	match_from_text("ip,nw_src=10.1.2.3", &host, NULL);
	ck_assert(match_is_subset(&host, &net));
	ck_assert(match_is_subset(&net, &ip));
	ck_assert(match_is_subset(&ip, &all));
	ck_assert(!match_is_subset(&ip, &net));
	match_from_text("ip,nw_src=11.1.2.3", &host, NULL);
	ck_assert(!match_is_subset(&host, &net));
}
END_TEST

static void set_random(struct match *m, const struct field *f)
{
	union field_value v, mask;

	field_all_ones(f, &mask);
	for (size_t i = 0; i < f->n_bytes; i++) {
		if (f->maskable)
			mask.b[i] &= random_u32() | (random_u32() % 2 ? UINT8_MAX : 0);
		// As the callers see to: no value bits outside the mask.
		v.b[i] = random_u32() & mask.b[i];
	}
	match_set_field(m, f, &v, &mask);
}

START_TEST(keys_have_no_bits_outside_masks)
{
	random_seed(_i);
	for (int i = 0; i < 200; i++) {
		struct flow_key masked;
		struct match m;

		match_init_any(&m);
		for (int j = random_u32() % 4; j >= 0; j--)
			set_random(&m, field_get(random_u32() % FIELD_MAX));
		set_random(&m, field_get(_i));
		flow_key_masked(&masked, &m.key, &m.mask);
		ck_assert_msg(flow_key_equal(&masked, &m.key), "%s", field_get(_i)->name);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("match");

	tcase_add_test(t, golden);
	tcase_add_loop_test(t, errors, 0, ARRAY_SIZE(bad));
	tcase_add_test(t, ports_of_later_fragments_stay);
	tcase_add_test(t, port_names);
	tcase_add_test(t, subset);
	tcase_add_loop_test(t, keys_have_no_bits_outside_masks, 0, FIELD_MAX);
	return run_case(t);
}
