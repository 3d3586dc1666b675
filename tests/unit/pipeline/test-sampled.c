// SPDX-License-Identifier: Apache-2.0
// Sampled packets that nobody can take are dropped, each under the name of its reason.
#include "core/base/counters.h"
#include "ofproto/upcall/upcall.h"
#include "tests/suite.h"

static const uint8_t packet[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };

static void on_packet_in(void *aux, const struct packet_in_event *e)
{
	ck_abort_msg("nobody is to be told");
}

static const struct {
	const char *name;
	struct dp_action action;
	size_t n;
	enum counter counter;
} rows[] = {
	{ "unknown kind", { .userspace = { .kind = 77 } }, 60, COUNTER_DROP_USERSPACE_KIND },
	{ "slow path",
	  { .userspace = { .kind = USERSPACE_SLOW_PATH } },
	  60,
	  COUNTER_DROP_USERSPACE_KIND },
	{ "cut short",
	  { .userspace = { .kind = USERSPACE_CONTROLLER } },
	  13,
	  COUNTER_DROP_MALFORMED },
	{ "port of no switch",
	  { .userspace = { .kind = USERSPACE_CONTROLLER } },
	  60,
	  COUNTER_DROP_UPCALL },
	{ "state that has gone",
	  { .userspace = { .kind = USERSPACE_CONTROLLER, .recirc_id = 99 } },
	  60,
	  COUNTER_DROP_RECIRC_STATE },
};

START_TEST(what_nobody_can_take_is_dropped_by_name)
{
	struct loop *l = loop_create();
	struct upcall_engine *u = upcall_create(l, on_packet_in, NULL);
	uint64_t sampled = counter_total(COUNTER_SAMPLED),
		 dropped = counter_total(rows[_i].counter);
	// Memory that ends with the packet, so that a sanitizer sees who reads on.
	uint8_t *bytes = xmalloc(rows[_i].n);

	memcpy(bytes, packet, rows[_i].n);
	upcall_sampled(u, DP_PORT(5), &rows[_i].action, bytes, rows[_i].n);
	ck_assert_msg(counter_total(rows[_i].counter) == dropped + 1, "%s", rows[_i].name);
	ck_assert_uint_eq(counter_total(COUNTER_SAMPLED), sampled + 1);
	free(bytes);
	upcall_destroy(u);
	loop_destroy(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upcall/sampled");
	TCase *t = tcase_create("sampled");

	tcase_add_loop_test(t, what_nobody_can_take_is_dropped_by_name, 0, ARRAY_SIZE(rows));
	suite_add_tcase(s, t);
	return suite_run(s);
}
