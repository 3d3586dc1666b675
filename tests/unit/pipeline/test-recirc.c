// SPDX-License-Identifier: Apache-2.0
// The registry of recirculation states: the same state has one id, holders keep it, and it goes some time after the last.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/rcu.h"
#include "ofproto/openflow/msg.h"
#include "ofproto/pipeline/recirc.h"
#include "tests/suite.h"

static struct of_switch *sw;
static struct flow_key flow;
static struct flow_mask written;
static struct recirc_frozen frozen;

static void setup(void)
{
	rcu_thread_begin();
	clock_stop();
	sw = switch_create("br0", 1);
	memset(&flow, 0, sizeof(flow));
	memset(&written, 0, sizeof(written));
	flow.regs[3] = 7;
	flow.metadata = htobe64(5);
	frozen = (struct recirc_frozen){ .sw = sw,
					 .in_port = OF_PORT(2),
					 .table = 9,
					 .passes = 1,
					 .tracked = true,
					 .flow = &flow,
					 .written = &written };
}

// Nothing is left of a test.
static void teardown(void)
{
	clock_advance(RECIRC_LINGER_MSEC);
	recirc_expire();
	ck_assert_uint_eq(recirc_count(), 0);
	switch_destroy(sw);
	rcu_drain();
	rcu_thread_end();
}

START_TEST(same_state_same_id)
{
	struct recirc_state *a = recirc_intern(&frozen), *b = recirc_intern(&frozen);

	ck_assert_ptr_eq(a, b);
	ck_assert_uint_eq(recirc_count(), 1);
	ck_assert_uint_gt(a->id, 0);
	ck_assert_uint_le(a->id, RECIRC_ID_MAX);
	ck_assert_ptr_eq(recirc_find(a->id), a);
	recirc_unref(a);
	recirc_unref(b);
}
END_TEST

static uint32_t id_with_action_set(void)
{
	AUTO(strbuf) set = STRBUF_INIT;
	struct recirc_state *s;
	uint32_t id;

	if (acts_parse("set_field:10.0.0.1->ip_src,output:2", NULL, &set, NULL))
		abort();
	frozen.action_set = acts_of(&set);
	s = recirc_intern(&frozen);
	id = s->id;
	recirc_unref(s);
	return id;
}

// Rules in NICs carry the number over a restart: another process, with other addresses and hash seed, comes to the same.
START_TEST(id_outlives_the_process)
{
	AUTO_FREE char *command = xasprintf("OES_HASH_SEED=4711 /proc/%ld/exe id", (long)getpid());
	FILE *other = popen(command, "r");
	unsigned int id;

	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(fscanf(other, "%u", &id), 1);
	ck_assert_int_eq(pclose(other), 0);
	ck_assert_uint_eq(id_with_action_set(), id);
}
END_TEST

static void change_switch(void)
{
	frozen.sw = switch_create("br1", 1);
}

static void change_port(void)
{
	frozen.in_port = OF_PORT(3);
}

static void change_table(void)
{
	frozen.table = 8;
}

static void change_passes(void)
{
	frozen.passes = 2;
}

static void change_tracked(void)
{
	frozen.tracked = false;
}

static void change_register(void)
{
	flow.regs[3] = 8;
}

static void change_metadata(void)
{
	flow.metadata = 0;
}

static void change_tunnel(void)
{
	flow.tunnel.tun_id = htobe64(1);
	written.m.tunnel.tun_id = UINT64_MAX;
}

// Written as zero is not the same as not written.
static void change_tunnel_mask(void)
{
	written.m.tunnel.tun_id = UINT64_MAX;
}

static void change_action_set(void)
{
	static struct strbuf set = STRBUF_INIT;

	acts_parse("output:2", NULL, &set, NULL);
	frozen.action_set = acts_of(&set);
}

static const struct {
	const char *name;
	void (*change)(void);
} parts[] = {
	{ "switch", change_switch },
	{ "port", change_port },
	{ "table", change_table },
	{ "passes", change_passes },
	{ "tracked", change_tracked },
	{ "register", change_register },
	{ "metadata", change_metadata },
	{ "tunnel", change_tunnel },
	{ "tunnel's mask", change_tunnel_mask },
	{ "action set", change_action_set },
};

START_TEST(each_part_tells_states_apart)
{
	struct recirc_state *a = recirc_intern(&frozen), *b;

	parts[_i].change();
	b = recirc_intern(&frozen);
	ck_assert_msg(a != b && a->id != b->id, "%s", parts[_i].name);
	recirc_unref(a);
	recirc_unref(b);
	if (frozen.sw != sw)
		switch_destroy(frozen.sw);
}
END_TEST

// What the packet itself says is no part of a state.
START_TEST(headers_do_not_matter)
{
	struct recirc_state *a = recirc_intern(&frozen), *b;

	flow.nw_src = 1;
	flow.ct_mark = 5;
	flow.tunnel.ip_src = 7; // not written: it comes with the packet
	b = recirc_intern(&frozen);
	ck_assert_ptr_eq(a, b);
	recirc_unref(a);
	recirc_unref(b);
}
END_TEST

START_TEST(thawed_as_it_was_frozen)
{
	struct flow_key back = { .nw_src = 9, .in_port = 77, .ct_state = CS_TRK };
	struct flow_mask known = { 0 };
	struct recirc_state *s;

	change_tunnel();
	flow.tunnel.ip_src = 4;
	back.tunnel.ip_src = 3;
	s = recirc_intern(&frozen);
	recirc_thaw(s, &back, &known);
	ck_assert_uint_eq(back.regs[3], 7);
	ck_assert_uint_eq(back.metadata, htobe64(5));
	ck_assert_uint_eq(back.tunnel.tun_id, htobe64(1));
	ck_assert_uint_eq(back.tunnel.ip_src, 3);
	ck_assert_uint_eq(back.in_port, 2);
	ck_assert_uint_eq(back.nw_src, 9);
	ck_assert_uint_eq(back.ct_state, CS_TRK);
	ck_assert_uint_eq(known.m.tunnel.tun_id, UINT64_MAX);
	ck_assert_uint_eq(known.m.tunnel.ip_src, 0);
	ck_assert_uint_eq(known.m.ct_state, 0);
	recirc_unref(s);
}
END_TEST

START_TEST(connection_stays_hidden)
{
	struct flow_key back = { .ct_state = CS_TRK, .ct_mark = 3, .ct_nw_src = 4 };
	struct flow_mask known = { 0 };
	struct recirc_state *s;

	change_tracked();
	s = recirc_intern(&frozen);
	recirc_thaw(s, &back, &known);
	ck_assert_uint_eq(back.ct_state, 0);
	ck_assert_uint_eq(back.ct_mark, 0);
	ck_assert_uint_eq(back.ct_nw_src, 0);
	ck_assert_uint_eq(known.m.ct_mark, UINT32_MAX);
	recirc_unref(s);
}
END_TEST

START_TEST(held_states_stay)
{
	struct recirc_state *s = recirc_intern(&frozen);
	uint32_t id = s->id;

	clock_advance(100 * RECIRC_LINGER_MSEC);
	recirc_expire();
	ck_assert_ptr_eq(recirc_find(id), s);
	recirc_unref(s);
	clock_advance(RECIRC_LINGER_MSEC - 1);
	recirc_expire();
	ck_assert_ptr_eq(recirc_find(id), s);
	clock_advance(1);
	recirc_expire();
	ck_assert_ptr_null(recirc_find(id));
}
END_TEST

// A packet on its way finds the state and its megaflow holds it again.
START_TEST(held_again_before_it_went)
{
	struct recirc_state *s = recirc_intern(&frozen);
	uint32_t id = s->id;

	recirc_unref(s);
	clock_advance(RECIRC_LINGER_MSEC);
	ck_assert(recirc_ref(recirc_find(id)));
	recirc_expire();
	ck_assert_ptr_eq(recirc_find(id), s);
	recirc_unref(s);
	// Its time begins anew.
	recirc_expire();
	ck_assert_ptr_eq(recirc_find(id), s);
}
END_TEST

START_TEST(reader_outlives_the_state)
{
	struct recirc_state *s = recirc_intern(&frozen), *seen = recirc_find(s->id);

	recirc_unref(s);
	clock_advance(RECIRC_LINGER_MSEC);
	recirc_expire();
	// This thread has not been quiescent: what it saw is still there, but it is too late to keep it.
	ck_assert_uint_eq(seen->table, 9);
	ck_assert(!recirc_ref(seen));
}
END_TEST

START_TEST(switch_takes_its_states_along)
{
	struct recirc_state *s = recirc_intern(&frozen), *other;
	uint32_t id = s->id;

	change_switch();
	other = recirc_intern(&frozen);
	recirc_forget_switch(sw);
	ck_assert_ptr_null(recirc_find(id));
	ck_assert_ptr_eq(recirc_find(other->id), other);
	// A translation that is still under way does not bring them back.
	frozen.sw = sw;
	ck_assert_ptr_null(recirc_intern(&frozen));
	frozen.sw = other->sw;
	// A megaflow that is being taken out of a NIC holds it until it is gone.
	recirc_unref(s);
	recirc_unref(other);
	switch_destroy(frozen.sw);
}
END_TEST

START_TEST(there_is_a_limit)
{
	static struct recirc_state *all[RECIRC_MAX_STATES];

	for (uint32_t i = 0; i < RECIRC_MAX_STATES; i++) {
		flow.regs[0] = i;
		all[i] = recirc_intern(&frozen);
		ck_assert_ptr_nonnull(all[i]);
	}
	flow.regs[0] = RECIRC_MAX_STATES;
	ck_assert_ptr_null(recirc_intern(&frozen));
	// What is there can still be had, whatever ids were taken when it came.
	for (uint32_t i = 0; i < RECIRC_MAX_STATES; i++) {
		flow.regs[0] = i;
		ck_assert_ptr_eq(recirc_intern(&frozen), all[i]);
		ck_assert_ptr_eq(recirc_find(all[i]->id), all[i]);
		recirc_unref(all[i]);
		recirc_unref(all[i]);
	}
}
END_TEST

#define N_ROUNDS 20000

static void *intern_and_let_go(void *unused)
{
	struct recirc_frozen mine = frozen;
	struct flow_key k = flow;

	rcu_thread_begin();
	mine.flow = &k;
	for (uint32_t i = 0; i < N_ROUNDS; i++) {
		struct recirc_state *s, *found;

		k.regs[0] = i % 16;
		s = recirc_intern(&mine);
		found = recirc_find(s->id);
		ck_assert_ptr_eq(found, s);
		if (recirc_ref(found))
			recirc_unref(found);
		recirc_unref(s);
		rcu_quiesce();
	}
	rcu_thread_end();
	return NULL;
}

START_TEST(threads_share_states)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, intern_and_let_go, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		clock_advance(RECIRC_LINGER_MSEC);
		recirc_expire();
		rcu_quiesce();
	}
	rcu_offline();
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	rcu_online();
}
END_TEST

int main(int argc, char *argv[])
{
	Suite *s;
	TCase *t;

	hash_seed_init();
	if (argc > 1) {
		setup();
		printf("%u\n", id_with_action_set());
		return EXIT_SUCCESS;
	}
	s = suite_create("pipeline/recirc");
	t = tcase_create("recirc");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, same_state_same_id);
	tcase_add_test(t, id_outlives_the_process);
	tcase_add_loop_test(t, each_part_tells_states_apart, 0, ARRAY_SIZE(parts));
	tcase_add_test(t, headers_do_not_matter);
	tcase_add_test(t, thawed_as_it_was_frozen);
	tcase_add_test(t, connection_stays_hidden);
	tcase_add_test(t, held_states_stay);
	tcase_add_test(t, held_again_before_it_went);
	tcase_add_test(t, reader_outlives_the_state);
	tcase_add_test(t, switch_takes_its_states_along);
	tcase_add_test(t, there_is_a_limit);
	tcase_add_test(t, threads_share_states);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
