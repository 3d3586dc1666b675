// SPDX-License-Identifier: Apache-2.0
// Packets that a device samples come to whoever is to have them, with the port where they came in.
#include "tests/unit/offload/fake-nic.h"

static struct {
	unsigned int n;
	dp_port_t in_port;
	const struct dp_action *action;
	const void *packet;
	size_t size;
} told;

static void on_sampled(void *aux, dp_port_t in_port, const struct dp_action *userspace,
		       const void *packet, size_t n)
{
	ck_assert_ptr_eq(aux, &told);
	told.n++;
	told.in_port = in_port;
	told.action = userspace;
	told.packet = packet;
	told.size = n;
}

static const struct dp_action action = { .type = DP_ACTION_USERSPACE };
static const uint8_t packet[20];

static bool hand_on(int ifindex)
{
	return nic.sampled(nic.sampled_aux, ifindex, &action, packet, sizeof(packet));
}

static void add_port(uint32_t number, int ifindex, int member)
{
	struct port_ref ref = { .number = DP_PORT(number),
				.ifindex = ifindex,
				.device = "fake0",
				.members = { 100, member },
				.n_members = member ? 2 : 0 };

	ck_assert_int_eq(offload_add_port(o, &ref, &fake_nic, NULL), 0);
}

// A bond's packets come in at its members.
START_TEST(a_sampled_packet_comes_with_its_port)
{
	static const struct {
		int ifindex;
		uint32_t port;
	} rows[] = { { 40, 4 }, { 50, 5 }, { 100, 5 }, { 101, 5 } };

	memset(&told, 0, sizeof(told));
	start(true);
	add_port(4, 40, 0);
	add_port(5, 50, 101);
	offload_set_sampled(o, on_sampled, &told);
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert(hand_on(rows[i].ifindex));
		ck_assert_uint_eq(told.n, i + 1);
		ck_assert_uint_eq(told.in_port.n, rows[i].port);
		ck_assert_ptr_eq(told.action, &action);
		ck_assert_ptr_eq(told.packet, packet);
		ck_assert_uint_eq(told.size, sizeof(packet));
	}
	stop(NULL, 0);
}
END_TEST

START_TEST(one_from_an_interface_that_is_no_port_is_not_taken)
{
	memset(&told, 0, sizeof(told));
	start(true);
	add_port(4, 40, 0);
	offload_set_sampled(o, on_sampled, &told);
	ck_assert(!hand_on(41));
	// Ports without an interface have number 0, and so have packets of which nobody says where they came in.
	ck_assert(!hand_on(0));
	ck_assert_uint_eq(told.n, 0);
	offload_remove_port(o, DP_PORT(4));
	ck_assert(!hand_on(40));
	stop(NULL, 0);
}
END_TEST

START_TEST(who_does_not_want_them_any_more_is_not_told)
{
	memset(&told, 0, sizeof(told));
	start(true);
	add_port(4, 40, 0);
	ck_assert(hand_on(40));
	offload_set_sampled(o, on_sampled, &told);
	ck_assert(hand_on(40));
	offload_set_sampled(o, NULL, NULL);
	ck_assert(hand_on(40));
	ck_assert_uint_eq(told.n, 1);
	stop(NULL, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/samples");
	TCase *t = tcase_create("samples");

	tcase_add_test(t, a_sampled_packet_comes_with_its_port);
	tcase_add_test(t, one_from_an_interface_that_is_no_port_is_not_taken);
	tcase_add_test(t, who_does_not_want_them_any_more_is_not_told);
	suite_add_tcase(s, t);
	return suite_run(s);
}
