// SPDX-License-Identifier: Apache-2.0
// The soundness oracle: for every megaflow made, flip bits outside its mask and translate again: same actions.
#include <stdio.h>

#include "core/base/counters.h"
#include "core/base/hash.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/tlv-map.h"
#include "tests/suite.h"
#include "tests/unit/oracle/random-learn.h"
#include "tests/unit/oracle/random-tables.h"
#include "tests/unit/pipeline/switches.h"

#define N_TABLES 60
#define N_PACKETS 40
#define FLIPS_PER_PACKET 60 // tried; about half of them are outside the mask

// Passes behind the first that are looked at.
#define MAX_PASSES 3

static size_t n_flips, n_passes, n_again, n_encaps, n_decaps;

static void append_effect(struct dp_actions list, struct flow_key *key, struct strbuf *out);

static void append_set(const struct dp_action *a, struct flow_key *key, struct strbuf *out)
{
	const struct field *f = field_get(a->set.field);
	union field_value old, value, bits = { { 0 } };

	field_read(f, key, &old);
	for (int i = 0; i < f->n_bytes; i++)
		bits.b[i] = (old.b[i] ^ a->set.value[i]) & a->set.mask[i];
	if (is_all_zeros(&bits, f->n_bytes))
		return;
	for (int i = 0; i < f->n_bytes; i++)
		value.b[i] = a->set.value[i] & bits.b[i];
	dp_put_set(out, f, &value, &bits);
	field_write_masked(f, &value, &bits, key);
}

// Where headers come and go, later sets are of other ones.
static void append_header(const struct dp_action *a, struct flow_key *key, struct strbuf *out)
{
	strbuf_put(out, a, a->size);
	header_action(a, key);
}

// The head without what tells how long the lists are.
static void append_nested(const struct dp_action *a, const struct flow_key *key, struct strbuf *out)
{
	struct dp_actions all = dp_action_nested(a), first = all, rest = { NULL, 0 };
	size_t head = out->len;
	struct dp_action *copy;

	strbuf_put(out, a, a->nested);
	copy = (struct dp_action *)(out->s + head);
	copy->size = 0;
	if (a->type == DP_ACTION_CHECK_PKT_LEN) {
		copy->check_pkt_len.larger_size = 0;
		first.size = a->check_pkt_len.larger_size;
		rest.first = (const struct dp_action *)((const uint8_t *)all.first + first.size);
		rest.size = all.size - first.size;
	}
	for (int i = 0; i < 2; i++) {
		struct flow_key inner = *key;

		append_effect(i ? rest : first, &inner, out);
		strbuf_puts(out, ";"); // where the list ends
	}
}

// What the list does to the packet of 'key': sets of bits that it has already do nothing and are left out. Whether the
// translator sees that a set is idle depends on what else it has looked at on the way.
static void append_effect(struct dp_actions list, struct flow_key *key, struct strbuf *out)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list) {
		if (a->nested)
			append_nested(a, key, out);
		else if (a->type == DP_ACTION_SET)
			append_set(a, key, out);
		else
			append_header(a, key, out);
	}
}

static bool same_effect(const struct xlate_result *a, const struct xlate_result *b,
			const struct flow_key *key)
{
	AUTO(strbuf) x = STRBUF_INIT, y = STRBUF_INIT;
	struct flow_key k = *key;

	append_effect(dp_actions_of(&a->actions), &k, &x);
	k = *key;
	append_effect(dp_actions_of(&b->actions), &k, &y);
	return x.len == y.len && !memcmp(strbuf_cstr(&x), strbuf_cstr(&y), x.len);
}

static void check_one(struct of_switch *sw, const struct tunnel_table *tunnels,
		      const struct flow_key *key, int passes);

// The packet comes back with what connection tracking says of it, and with the outer header that was set last.
static void go_round(struct of_switch *sw, const struct tunnel_table *tunnels,
		     const struct flow_key *key, struct dp_actions list, int passes)
{
	struct flow_key now = *key;
	const struct dp_action *a;
	bool tracked = false;

	if (passes == MAX_PASSES)
		return;
	DP_ACTION_FOR_EACH (a, list) {
		struct flow_key back = now;

		go_round(sw, tunnels, &now, dp_action_nested(a), passes);
		if (a->type == DP_ACTION_SET_TUNNEL)
			now.tunnel = a->tunnel;
		tracked |= a->type == DP_ACTION_CT;
		n_encaps += a->type == DP_ACTION_PUSH_NSH || a->type == DP_ACTION_ADD_MPLS;
		n_decaps += a->type == DP_ACTION_POP_ETH || a->type == DP_ACTION_POP_NSH;
		random_header_action(a, &now);
		if (a->type != DP_ACTION_RECIRC)
			continue;
		// It comes back as what it is known to be by then, with what was not known.
		if (tracked)
			random_connection(&back);
		else
			n_again++;
		back.recirc_id = a->recirc.id;
		n_passes++;
		check_one(sw, tunnels, &back, passes + 1);
	}
}

// As a packet that misses is treated: its port found, options made fields, and the mask that the datapath gets. False: it is
// for nobody.
static bool translate(struct of_switch *sw, const struct tunnel_table *tunnels,
		      const struct flow_key *dp_key, struct xlate_result *ret)
{
	const struct tlv_map *map = switch_tlv_map(sw);
	struct tunnel_lookup lookup;
	struct flow_key key = *dp_key;
	struct xlate_input in = { .sw = sw, .key = &key };
	struct of_switch *found;
	of_port_t number;

	if (flow_tunnel_is_set(&key.tunnel) && !key.recirc_id) {
		if (!tunnel_table_find(tunnels, DP_PORT(key.in_port), &key.tunnel, key.packet_type,
				       &found, &number, &lookup))
			return false;
		key.in_port = number.n;
		in.tunnel = &lookup;
	}
	tlv_to_pipeline(map, &key.tunnel);
	xlate(&in, ret);
	tlv_mask_to_datapath(map, &dp_key->tunnel, &ret->mask.m.tunnel);
	return true;
}

static void differs(const struct flow_key *key, const struct xlate_result *first,
		    const struct xlate_result *again, size_t bit)
{
	AUTO(strbuf) text = STRBUF_INIT;

	dp_key_format(key, &first->mask, NULL, NULL, false, &text);
	strbuf_puts(&text, " -> ");
	dp_actions_format(dp_actions_of(&first->actions), NULL, NULL, &text);
	strbuf_puts(&text, " but flipped ");
	if (again)
		dp_actions_format(dp_actions_of(&again->actions), NULL, NULL, &text);
	ck_abort_msg("word %zu bit %zu decides but is not in the mask: %s", bit / 64, bit % 64,
		     text.s);
}

// The outer header's bits are few among all, and most of them are not there; those of tags and those that choose a queue are fewer still.
static size_t random_bit(bool of_tunnel, bool of_queue, bool of_label, bool of_tag)
{
	if (of_tag)
		return offsetof(struct flow_key, vlans) * 8 +
		       random_u32() % (sizeof(struct flow_vlan[FLOW_MAX_VLANS]) * 8);
	if (of_label)
		return offsetof(struct flow_key, mpls_lse) * 8 +
		       random_u32() % (FLOW_MAX_MPLS * 32);
	if (of_queue)
		return offsetof(struct flow_key, skb_priority) * 8 + random_u32() % 2;
	return random_u32() % (of_tunnel ? sizeof(struct flow_tunnel) * 8 : FLOW_WORDS * 64);
}

// Bits that packets like this one can differ in.
static void bits_of_packet(const struct flow_key *key, struct flow_mask *ret)
{
	flow_mask_exact_for(ret, key);
	// The pipeline's own members are not the packet's: they always start at zero.
	memset(ret->m.regs, 0, sizeof(ret->m.regs));
	ret->m.metadata = 0;
	ret->m.conj_id = ret->m.actset_output = 0;
	// What tunnels of these kinds do not have.
	ret->m.tunnel.gtpu_flags = ret->m.tunnel.gtpu_msgtype = 0;
	ret->m.tunnel.erspan_ver = ret->m.tunnel.erspan_dir = ret->m.tunnel.erspan_hwid = 0;
	ret->m.tunnel.erspan_idx = 0;
	ret->m.tunnel.opt_len = 0;
	if (key->in_port != RANDOM_VXLAN)
		ret->m.tunnel.gbp_id = ret->m.tunnel.gbp_flags = 0;
	ret->m.in_port = 0;
	// Of a tag that is not there only that can be otherwise; a bare packet has none.
	for (int i = 0; i < FLOW_MAX_VLANS; i++)
		if (!key->vlans[i].tci)
			ret->m.vlans[i] = (struct flow_vlan){ .tci = ret->m.vlans[i].tci &
								     htobe16(VLAN_PRESENT) };
}

static void check_one(struct of_switch *sw, const struct tunnel_table *tunnels,
		      const struct flow_key *key, int passes)
{
	bool tunnelled = flow_tunnel_is_set(&key->tunnel), labelled, tagged;
	struct xlate_result first, again;
	struct flow_mask exact;

	bits_of_packet(key, &exact);
	// One whose labels went may still have them in its key, where nobody looks.
	labelled = exact.m.mpls_lse[0];
	tagged = key->vlans[0].tci;
	if (!translate(sw, tunnels, key, &first))
		return;
	for (int i = 0; i < FLIPS_PER_PACKET; i++) {
		struct flow_key flipped = *key;
		size_t bit;
		uint64_t one;

		do {
			bit = random_bit(tunnelled && i % 2, i % 8 == 3, labelled && i % 4 == 2,
					 tagged && i % 6 == 4);
			one = UINT64_C(1) << bit % 64;
		} while (!(flow_words(&exact.m)[bit / 64] & one));
		if (flow_words(&first.mask.m)[bit / 64] & one)
			continue;
		flow_words(&flipped)[bit / 64] ^= one;
		n_flips++;
		if (!translate(sw, tunnels, &flipped, &again))
			differs(key, &first, NULL, bit);
		if (first.error != again.error || !same_effect(&first, &again, &flipped) ||
		    !same_learned(&first.basis, &again.basis))
			differs(key, &first, &again, bit);
		xlate_result_uninit(&again);
	}
	go_round(sw, tunnels, key, dp_actions_of(&first.actions), passes);
	// Later packets meet what this one has learned.
	if (random_u32() % 4 == 0)
		xlate_learn_rules(&first.basis);
	xlate_result_uninit(&first);
}

START_TEST(flipping_a_bit_outside_the_mask_changes_nothing)
{
	struct tunnel_table *tunnels;
	struct of_switch *sw;

	random_seed(oracle_seed(_i));
	sw = random_switch_create();
	tunnels = random_tunnels_create(sw);
	n_flips = n_passes = n_again = n_encaps = n_decaps = 0;
	for (int t = 0; t < N_TABLES; t++) {
		random_switch_fill(sw, 30, true);
		for (int p = 0; p < N_PACKETS; p++) {
			AUTO(strbuf) bytes = STRBUF_INIT;
			struct flow_key key;

			random_packet(&bytes, &key);
			// Bare ones come from tunnels of layer 3 and by recirculation.
			if (random_u32() % 8 == 0)
				random_bare(&key);
			key.skb_priority = random_u32() % 2 ? random_u32() % 4 : 0;
			if (random_u32() % 3 == 0)
				random_tunnel_header(&key);
			// One that another part of the machine has tracked already.
			if (random_u32() % 8 == 0)
				random_connection(&key);
			check_one(sw, tunnels, &key, 0);
			learn_apply();
		}
		rcu_quiesce();
	}
	printf("%zu flips, %zu passes behind the first, %zu of them to parse the packet again; "
	       "%zu headers put on, %zu taken off; %llu rules learned\n",
	       n_flips, n_passes, n_again, n_encaps, n_decaps,
	       (unsigned long long)counter_total(COUNTER_LEARN));
	ck_assert_uint_gt(n_again, 0);
	ck_assert_uint_ge(n_encaps, 20);
	ck_assert_uint_ge(n_decaps, 20);
	ck_assert_uint_ge(counter_total(COUNTER_LEARN), 20);
	ck_assert_uint_ge(n_passes, 200);
	ck_assert_uint_ge(n_flips, 50000); // two rounds: 100,000
	tunnel_table_destroy(tunnels);
	switch_destroy(sw);
}
END_TEST

// All bits of the packet's tags.
static void flip_tags(struct of_switch *sw, const struct flow_key *key)
{
	struct xlate_input in = { .sw = sw, .key = key };
	const size_t begin = offsetof(struct flow_key, vlans) * 8;
	struct xlate_result first, again;
	struct flow_mask exact;

	bits_of_packet(key, &exact);
	xlate(&in, &first);
	for (size_t bit = begin; bit < begin + sizeof(key->vlans) * 8; bit++) {
		uint64_t one = UINT64_C(1) << bit % 64;
		struct flow_key flipped = *key;

		if (!(flow_words(&exact.m)[bit / 64] & ~flow_words(&first.mask.m)[bit / 64] & one))
			continue;
		flow_words(&flipped)[bit / 64] ^= one;
		in.key = &flipped;
		n_flips++;
		xlate(&in, &again);
		if (!same_effect(&first, &again, &flipped))
			differs(key, &first, &again, bit);
		xlate_result_uninit(&again);
	}
	xlate_result_uninit(&first);
}

// To one or two ports, so that what is looked at for one does not hide what another would have needed.
static void flood_to_few(struct of_switch *sw)
{
	struct of_port *const *ports = switch_ports(sw);

	for (; *ports; ports++)
		switch_port_set_state(sw, *ports, random_u32() % 3 ? PORT_CONFIG_NO_FLOOD : 0, 0);
}

// Ports of all modes, and a patch to a switch that looks at tags.
START_TEST(tags_that_are_not_looked_at_change_nothing_in_normal)
{
	struct of_switch *sw, *other;

	random_seed(oracle_seed(_i));
	sw = random_switch_create();
	other = able_switch("br1", 2);
	add_port(other, "q1", 1, DP_PORT(11));
	add_port(other, "q2", 2, DP_PORT(12));
	patch(sw, other, 99);
	add_rule(sw, "actions=NORMAL");
	add_rule(other, "priority=3,dl_vlan_pcp=2,actions=1");
	add_rule(other, "priority=2,dl_vlan=6,actions=2");
	add_rule(other, "priority=1,actions=1,strip_vlan,2");
	n_flips = 0;
	while (n_flips < 50000) {
		AUTO(strbuf) bytes = STRBUF_INIT;
		struct flow_key key;

		random_ports(sw);
		flood_to_few(sw);
		do {
			strbuf_clear(&bytes);
			random_packet(&bytes, &key);
		} while (!key.vlans[0].tci);
		flip_tags(sw, &key);
		rcu_quiesce();
	}
	switch_destroy(sw);
	switch_destroy(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("oracle/soundness");
	TCase *t = tcase_create("soundness");

	rcu_thread_begin();
	tcase_add_loop_test(t, flipping_a_bit_outside_the_mask_changes_nothing, 0, 2);
	tcase_add_loop_test(t, tags_that_are_not_looked_at_change_nothing_in_normal, 0, 2);
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
