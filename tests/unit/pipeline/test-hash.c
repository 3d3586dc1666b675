// SPDX-License-Identifier: Apache-2.0
// multipath and bundles: what each hash looks at, how its links are spread, and who is chosen when a port goes.
#include "core/base/rcu.h"
#include "tests/unit/pipeline/translated.h"

enum { N_PORTS = 4, N_PACKETS = 4000 };

static struct of_switch *sw;

static void setup(void)
{
	rcu_thread_begin();
	sw = able_switch("br0", 1);
	add_ports(sw, N_PORTS);
}

static void teardown(void)
{
	end_switches(sw, NULL);
}

// ---- What is looked at ----

#define ETHERNET "dl_src=00:00:00:00:00:07,dl_dst=00:00:00:00:00:08"
#define TCP "in_port=1," ETHERNET ",tcp,nw_src=1.2.3.4,nw_dst=5.6.7.8,tp_src=9,tp_dst=10"
#define TCP6 "in_port=1," ETHERNET ",tcp6,ipv6_src=::1,ipv6_dst=::2,tp_src=9,tp_dst=10"
#define UDP "in_port=1," ETHERNET ",udp,nw_src=1.2.3.4,nw_dst=5.6.7.8,tp_src=9,tp_dst=10"
#define ICMP "in_port=1," ETHERNET ",icmp,nw_src=1.2.3.4,nw_dst=5.6.7.8,icmp_type=8"
#define ARP "in_port=1," ETHERNET ",arp,arp_spa=1.2.3.4,arp_tpa=5.6.7.8"
#define UNTAGGED "vlan_tci=0x0000/0x1000"
#define FIRST ",nw_frag=no"

static const struct {
	const char *fields, *packet, *looks_at;
} masks[] = {
	{ "eth_src", TCP, "ip,in_port=1," UNTAGGED ",dl_src=00:00:00:00:00:07" FIRST },
	{ "eth_src", ARP, "arp,in_port=1," UNTAGGED ",dl_src=00:00:00:00:00:07" },
	{ "nw_src", TCP, "ip,in_port=1," UNTAGGED ",nw_src=1.2.3.4" FIRST },
	{ "nw_src", TCP6, "ipv6,in_port=1," UNTAGGED ",ipv6_src=::1" FIRST },
	{ "nw_src", ARP, "arp,in_port=1," UNTAGGED },
	{ "nw_dst", TCP, "ip,in_port=1," UNTAGGED ",nw_dst=5.6.7.8" FIRST },
	{ "nw_dst", TCP6, "ipv6,in_port=1," UNTAGGED ",ipv6_dst=::2" FIRST },
	{ "nw_dst", ARP, "arp,in_port=1," UNTAGGED },
	{ "symmetric_l3", TCP, "ip,in_port=1," UNTAGGED ",nw_src=1.2.3.4,nw_dst=5.6.7.8" FIRST },
	{ "symmetric_l3", TCP6, "ipv6,in_port=1," UNTAGGED ",ipv6_src=::1,ipv6_dst=::2" FIRST },
	{ "symmetric_l3", ARP, "arp,in_port=1," UNTAGGED },
	{ "symmetric_l3l4", TCP,
	  "tcp,in_port=1," UNTAGGED ",nw_src=1.2.3.4,nw_dst=5.6.7.8" FIRST ",tp_src=9,tp_dst=10" },
	{ "symmetric_l3l4", TCP ",nw_frag=later",
	  "tcp,in_port=1," UNTAGGED ",nw_src=1.2.3.4,nw_dst=5.6.7.8,nw_frag=later" },
	{ "symmetric_l3l4", TCP6,
	  "tcp6,in_port=1," UNTAGGED ",ipv6_src=::1,ipv6_dst=::2" FIRST ",tp_src=9,tp_dst=10" },
	{ "symmetric_l3l4", UDP, "udp,in_port=1," UNTAGGED ",nw_src=1.2.3.4,nw_dst=5.6.7.8" FIRST },
	{ "symmetric_l3l4", ICMP,
	  "icmp,in_port=1," UNTAGGED ",nw_src=1.2.3.4,nw_dst=5.6.7.8" FIRST },
	{ "symmetric_l3l4", ARP, "arp,in_port=1," UNTAGGED },
	{ "symmetric_l3l4+udp", UDP,
	  "udp,in_port=1," UNTAGGED ",nw_src=1.2.3.4,nw_dst=5.6.7.8" FIRST ",tp_src=9,tp_dst=10" },
	{ "symmetric_l4", UDP,
	  "udp,in_port=1," UNTAGGED "," ETHERNET ",nw_src=1.2.3.4,nw_dst=5.6.7.8" FIRST },
	{ "symmetric_l4", TCP,
	  "tcp,in_port=1," UNTAGGED "," ETHERNET ",nw_src=1.2.3.4,nw_dst=5.6.7.8" FIRST
	  ",tp_src=9,tp_dst=10" },
	{ "symmetric_l4", ARP, "arp,in_port=1," UNTAGGED "," ETHERNET },
	{ "symmetric_l4", ARP ",vlan_tci=0x7005", "arp,in_port=1,dl_vlan=5," ETHERNET },
};

START_TEST(what_is_hashed_is_matched)
{
	struct flow_key key = packet_of(masks[_i].packet);
	struct xlate_input in = { .sw = sw, .key = &key };
	AUTO(strbuf) text = STRBUF_INIT;
	struct xlate_result r;

	strbuf_printf(&text, "actions=multipath(%s,50,hrw,4,0,reg0)", masks[_i].fields);
	add_rule(sw, text.s);
	strbuf_clear(&text);
	xlate(&in, &r);
	// The wire's type of the tag is matched where there is one.
	r.mask.m.vlans[0].tpid = 0;
	r.mask.m.vlans[1].tci = 0;
	megaflow_text(&r, &key, &text);
	ck_assert_msg(!strcmp(text.s, masks[_i].looks_at), "%s of %s: %s instead of %s",
		      masks[_i].fields, masks[_i].packet, text.s, masks[_i].looks_at);
	xlate_result_uninit(&r);
}
END_TEST

// ---- Links ----

static uint32_t link_of(const struct flow_key *key)
{
	struct xlate_input in = { .sw = sw, .key = key };
	struct xlate_result r;
	uint32_t link;

	xlate(&in, &r);
	link = r.final.regs[0];
	xlate_result_uninit(&r);
	return link;
}

static struct flow_key numbered_packet(unsigned int i)
{
	struct flow_key key = packet_of(TCP);

	key.eth_src.b[5] = i;
	key.eth_src.b[4] = i >> 8;
	key.nw_src = htobe32(0x0a000000 + i);
	key.nw_dst = htobe32(0x0b000000 + 7 * i);
	key.tp_src = htobe16(1024 + i);
	return key;
}

static void spread(unsigned int n_links, unsigned int *counts)
{
	memset(counts, 0, n_links * sizeof(*counts));
	for (unsigned int i = 0; i < N_PACKETS; i++) {
		struct flow_key key = numbered_packet(i);
		uint32_t link = link_of(&key);

		ck_assert_uint_lt(link, n_links);
		counts[link]++;
	}
}

static const char *const multipaths[] = {
	"eth_src,50,modulo_n,5,0",	 "symmetric_l4,50,hash_threshold,5,0",
	"symmetric_l3l4,50,hrw,5,0",	 "symmetric_l3l4+udp,1,iter_hash,5,8",
	"symmetric_l3,0,iter_hash,5,99", "nw_src,7,iter_hash,5,4",
	"nw_dst,7,modulo_n,5,0",
};

START_TEST(links_are_used_alike)
{
	AUTO(strbuf) rule = STRBUF_INIT;
	unsigned int counts[5];

	strbuf_printf(&rule, "actions=multipath(%s,reg0)", multipaths[_i]);
	add_rule(sw, rule.s);
	spread(5, counts);
	// 800 each; this is six times the deviation.
	for (int i = 0; i < 5; i++)
		ck_assert_msg(counts[i] > 650 && counts[i] < 950, "%s: %u to link %d",
			      multipaths[_i], counts[i], i);
}
END_TEST

// With more links than are weighed one by one.
START_TEST(many_links_are_all_used)
{
	static unsigned int counts[200];

	add_rule(sw, "actions=multipath(nw_src,50,hrw,200,0,reg0)");
	spread(200, counts);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		ck_assert_uint_gt(counts[i], 0);
}
END_TEST

static const char *const symmetric[] = { "symmetric_l4", "symmetric_l3l4", "symmetric_l3l4+udp",
					 "symmetric_l3" };

START_TEST(both_directions_have_one_link)
{
	AUTO(strbuf) rule = STRBUF_INIT;

	strbuf_printf(&rule, "actions=multipath(%s,50,modulo_n,65536,0,reg0)", symmetric[_i]);
	add_rule(sw, rule.s);
	for (unsigned int i = 0; i < 100; i++) {
		struct flow_key there = numbered_packet(i), back = there;

		back.eth_src = there.eth_dst;
		back.eth_dst = there.eth_src;
		back.nw_src = there.nw_dst;
		back.nw_dst = there.nw_src;
		back.tp_src = there.tp_dst;
		back.tp_dst = there.tp_src;
		ck_assert_uint_eq(link_of(&there), link_of(&back));
	}
}
END_TEST

START_TEST(another_basis_is_another_hash)
{
	struct flow_key key = packet_of(TCP);
	uint32_t first;

	add_rule(sw, "actions=multipath(nw_src,50,modulo_n,65536,0,reg0)");
	first = link_of(&key);
	add_rule(sw, "actions=multipath(nw_src,51,modulo_n,65536,0,reg0)");
	ck_assert_uint_ne(link_of(&key), first);
}
END_TEST

// ---- Bundles ----

static void set_link(unsigned int number, bool up)
{
	switch_port_set_state(sw, switch_port_find(sw, OF_PORT(number)), 0,
			      up ? 0 : PORT_STATE_LINK_DOWN);
}

START_TEST(the_first_port_that_is_alive_is_used)
{
	struct flow_key key = packet_of(TCP);
	struct xlate_input in = { .sw = sw, .key = &key };
	static const struct {
		unsigned int goes, then;
	} steps[] = { { 9, 2 }, { 2, 3 }, { 3, 0xffff } };

	add_rule(sw, "actions=bundle_load(eth_src,0,active_backup,ofport,reg0,members:9,2,3)");
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct xlate_result r;

		xlate(&in, &r);
		ck_assert_uint_eq(r.final.regs[0], i ? steps[i - 1].then : 2);
		// Nothing of the packet decides.
		ck_assert(is_all_zeros(&r.mask.m.eth_src, sizeof(r.mask.m.eth_src)));
		ck_assert(xlate_is_current(&r.basis));
		if (steps[i].goes <= N_PORTS) {
			set_link(steps[i].goes, false);
			ck_assert(!xlate_is_current(&r.basis));
		}
		xlate_result_uninit(&r);
	}
	ck_assert_uint_eq(link_of(&key), 0xffff);
}
END_TEST

START_TEST(only_the_share_of_a_port_that_goes_moves)
{
	static uint32_t before[N_PACKETS];
	unsigned int counts[N_PORTS + 1] = { 0 };

	add_rule(sw, "actions=bundle_load(nw_src,0,hrw,ofport,reg0,members:1,2,3,4)");
	for (unsigned int i = 0; i < N_PACKETS; i++) {
		struct flow_key key = numbered_packet(i);

		before[i] = link_of(&key);
	}
	set_link(3, false);
	for (unsigned int i = 0; i < N_PACKETS; i++) {
		struct flow_key key = numbered_packet(i);
		uint32_t now = link_of(&key);

		ck_assert_uint_ne(now, 3);
		if (before[i] != 3)
			ck_assert_uint_eq(now, before[i]);
		else
			counts[now]++;
	}
	// What was its share is spread over the others: about a third of a quarter each.
	for (unsigned int i = 1; i <= N_PORTS; i++)
		ck_assert_msg(i == 3 || (counts[i] > 250 && counts[i] < 420), "%u: %u", i,
			      counts[i]);
}
END_TEST

static const struct translated_case bundles[] = {
	{ "a bundle is an output",
	  { "actions=bundle(eth_src,0,active_backup,ofport,members:9,3,2)" },
	  TCP,
	  "3",
	  "ip,in_port=1," UNTAGGED FIRST },
	{ "a hash over one port",
	  { "actions=bundle(nw_dst,0,hrw,ofport,members:9,3)" },
	  TCP,
	  "3",
	  "ip,in_port=1," UNTAGGED ",nw_dst=5.6.7.8" FIRST },
	{ "nobody is alive",
	  { "actions=bundle(nw_dst,0,hrw,ofport,members:9,8)" },
	  TCP,
	  "drop",
	  NULL },
	{ "not back to the input port",
	  { "actions=bundle(nw_dst,0,hrw,ofport,members:1)" },
	  TCP,
	  "drop",
	  NULL },
	{ "but where it says so",
	  { "actions=bundle(nw_dst,0,active_backup,ofport,members:in_port,2)" },
	  TCP,
	  "1",
	  NULL },
	{ "a port's number in a field",
	  { "actions=bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG1[4..19],members:3),"
	    "output:NXM_NX_REG1[4..19]" },
	  TCP,
	  "3",
	  NULL },
};

START_TEST(a_bundle_sends_the_packet)
{
	check_translated(sw, &bundles[_i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipeline/hash");
	TCase *t = tcase_create("hash");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, what_is_hashed_is_matched, 0, ARRAY_SIZE(masks));
	tcase_add_loop_test(t, links_are_used_alike, 0, ARRAY_SIZE(multipaths));
	tcase_add_test(t, many_links_are_all_used);
	tcase_add_loop_test(t, both_directions_have_one_link, 0, ARRAY_SIZE(symmetric));
	tcase_add_test(t, another_basis_is_another_hash);
	tcase_add_test(t, the_first_port_that_is_alive_is_used);
	tcase_add_test(t, only_the_share_of_a_port_that_goes_moves);
	tcase_add_loop_test(t, a_bundle_sends_the_packet, 0, ARRAY_SIZE(bundles));
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
