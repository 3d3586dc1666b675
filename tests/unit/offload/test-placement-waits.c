// SPDX-License-Identifier: Apache-2.0
// Placement while a driver is in the middle of something: nothing is freed that a worker has in hand, nobody waits for what never
// comes.
#include <stdio.h>

#include "tests/unit/offload/fake-nic.h"

// The driver stops where a case wants it to, until it may go on.
enum stop { STOP_NOWHERE, STOP_ADD_PORT, STOP_INSERT, STOP_INSERT_MANY, STOP_REMOVE, STOP_AUDIT };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum stop at; // where it stops
	bool stopped; // it has
	unsigned int audits;
	unsigned int ports; // that are ready
	unsigned int ports_at_rule; // when the last rules went in
	struct megaflow *changes; // while its rule is removed, once
	bool waits_in_close;
} driver = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

// On the worker: waits where the case wants that.
static void pass(enum stop at)
{
	pthread_mutex_lock(&driver.lock);
	if (driver.at == at) {
		driver.stopped = true;
		pthread_cond_broadcast(&driver.changed);
		while (driver.at == at)
			pthread_cond_wait(&driver.changed, &driver.lock);
	}
	pthread_mutex_unlock(&driver.lock);
}

// The driver stops at 'at' from now on; one that has stopped elsewhere goes on.
static void stop_at(enum stop at)
{
	pthread_mutex_lock(&driver.lock);
	driver.at = at;
	driver.stopped = false;
	pthread_cond_broadcast(&driver.changed);
	pthread_mutex_unlock(&driver.lock);
}

static void wait_until_stopped(void)
{
	pthread_mutex_lock(&driver.lock);
	while (!driver.stopped)
		pthread_cond_wait(&driver.changed, &driver.lock);
	pthread_mutex_unlock(&driver.lock);
}

static void stopping_close(void *priv)
{
	// As a thread does that wants the counts.
	if (driver.waits_in_close)
		poll_nic();
}

static void stopping_add_port(void *priv, const struct port_ref *port)
{
	pass(STOP_ADD_PORT);
	driver.ports++;
}

static int stopping_insert(void *priv, const struct compiled_rule *rule, struct hw_rule **ret_hw,
			   struct verdict *v)
{
	pass(STOP_INSERT);
	driver.ports_at_rule = driver.ports;
	return fake_nic.insert(priv, rule, ret_hw, v);
}

static void stopping_insert_many(void *priv, struct insertion *list, size_t n)
{
	pass(STOP_INSERT_MANY);
	driver.ports_at_rule = driver.ports;
	fake_nic.insert_many(priv, list, n);
}

static int stopping_remove(void *priv, struct hw_rule *hw, uint64_t *ret_packets,
			   uint64_t *ret_bytes)
{
	struct megaflow *changes = driver.changes;

	pass(STOP_REMOVE);
	driver.changes = NULL;
	if (changes)
		offload_update(o, changes);
	return fake_nic.remove(priv, hw, ret_packets, ret_bytes);
}

static void stopping_refresh(void *priv)
{
	pass(STOP_AUDIT);
}

static void stopping_audit(void *priv, struct audit_findings *ret)
{
	pass(STOP_AUDIT);
	__atomic_fetch_add(&driver.audits, 1, __ATOMIC_SEQ_CST);
	fake_nic.audit(priv, ret);
}

static struct backend_ops stopping;

static void add_port(uint32_t number, const char *device)
{
	struct port_ref ref = { .number = DP_PORT(number), .name = "rep" };

	snprintf(ref.device, sizeof(ref.device), "%s", device);
	ck_assert_int_eq(offload_add_port(o, &ref, &stopping, NULL), 0);
}

static void start_stopping(void)
{
	memset((char *)&driver + offsetof(typeof(driver), at), 0,
	       sizeof(driver) - offsetof(typeof(driver), at));
	n_done = 0;
	stopping = fake_nic;
	stopping.close = stopping_close;
	stopping.add_port = stopping_add_port;
	stopping.insert = stopping_insert;
	stopping.insert_many = stopping_insert_many;
	stopping.remove = stopping_remove;
	stopping.refresh = stopping_refresh;
	stopping.audit = stopping_audit;
	start_on(&stopping, true);
}

static struct megaflow *place(uint16_t tp_dst)
{
	struct megaflow *mf = make_flow(1, tp_dst);

	offload_place(o, mf);
	return mf;
}

static int read_count(const int *n)
{
	return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}

START_TEST(a_flow_whose_rule_was_refused_is_not_freed_under_the_worker)
{
	struct megaflow *first, *gone, *refused;

	start_stopping();
	nic.refused = 82;
	stop_at(STOP_INSERT);
	first = place(80);
	wait_until_stopped();
	// These go in together.
	gone = place(81);
	refused = place(82);
	stop_at(STOP_INSERT_MANY);
	wait_until_stopped();
	offload_withdraw(o, gone, on_done, NULL);
	stop_at(STOP_REMOVE);
	wait_until_stopped();
	// Its turn comes after this removal.
	offload_withdraw(o, refused, on_done, NULL);
	ck_assert_int_eq(read_count(&n_done), 0);
	stop_at(STOP_NOWHERE);
	offload_flush(o);
	ck_assert_int_eq(read_count(&n_done), 2);
	megaflow_free(gone);
	megaflow_free(refused);
	stop(&first, 1);
}
END_TEST

START_TEST(a_flow_that_changes_while_its_port_leaves_has_no_rule)
{
	struct megaflow *mf;

	start_stopping();
	add_port(2, "fake0");
	mf = place(80);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	driver.changes = mf;
	offload_remove_port(o, DP_PORT(1));
	ck_assert_ptr_null(driver.changes);
	ck_assert_uint_eq(nic.rules, 0);
	ck_assert_int_eq(mf->placement, PLACE_NONE);
	offload_flush(o);
	// Nobody has it: there is nothing to wait for.
	offload_withdraw(o, mf, on_done, NULL);
	ck_assert_int_eq(read_count(&n_done), 1);
	megaflow_free(mf);
	stop(NULL, 0);
}
END_TEST

START_TEST(nobody_waits_for_a_device_that_closes)
{
	start_stopping();
	add_port(2, "fake1");
	driver.waits_in_close = true;
	offload_remove_port(o, DP_PORT(2));
	driver.waits_in_close = false;
	stop(NULL, 0);
}
END_TEST

START_TEST(ports_are_made_ready_before_rules_while_the_caller_goes_on)
{
	struct megaflow *mf;

	start_stopping();
	offload_wait_for_ports(o);
	ck_assert_uint_eq(driver.ports, 1);
	offload_set_enabled(o, false);
	stop_at(STOP_ADD_PORT);
	offload_set_enabled(o, true);
	wait_until_stopped();
	add_port(2, "fake0");
	add_port(3, "fake0");
	mf = place(80);
	ck_assert_uint_eq(driver.ports, 1);
	stop_at(STOP_NOWHERE);
	offload_wait_for_ports(o);
	ck_assert_uint_eq(driver.ports, 4);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	ck_assert_uint_eq(driver.ports_at_rule, 4);
	stop(&mf, 1);
}
END_TEST

struct answers {
	int n;
	uint32_t checked;
};

static void on_audited(uint32_t checked, uint32_t lost, void *aux)
{
	struct answers *a = aux;

	a->checked += checked;
	__atomic_fetch_add(&a->n, 1, __ATOMIC_SEQ_CST);
}

START_TEST(an_audit_of_several_devices_has_one_answer)
{
	struct answers a = { 0 };
	struct megaflow *mf;

	start_stopping();
	add_port(2, "fake1");
	mf = place(80);
	offload_flush(o);
	offload_audit(o, on_audited, &a);
	offload_flush(o);
	ck_assert_int_eq(read_count(&a.n), 1);
	ck_assert_uint_eq(a.checked, 1);
	ck_assert_uint_eq(driver.audits, 2);
	stop(&mf, 1);
}
END_TEST

START_TEST(each_audit_is_answered_by_a_look_that_began_after_it)
{
	struct answers first = { 0 }, second = { 0 };

	start_stopping();
	stop_at(STOP_AUDIT);
	offload_poll_stats(o);
	wait_until_stopped();
	offload_audit(o, on_audited, &first);
	offload_audit(o, on_audited, &second);
	stop_at(STOP_NOWHERE);
	offload_flush(o);
	ck_assert_int_eq(read_count(&first.n), 1);
	ck_assert_int_eq(read_count(&second.n), 1);
	ck_assert_uint_eq(driver.audits, 1);
	stop(NULL, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/placement-waits");
	TCase *t = tcase_create("placement-waits");

	rcu_thread_begin();
	log_set("any:off", NULL);
	tcase_add_test(t, a_flow_whose_rule_was_refused_is_not_freed_under_the_worker);
	tcase_add_test(t, a_flow_that_changes_while_its_port_leaves_has_no_rule);
	tcase_add_test(t, nobody_waits_for_a_device_that_closes);
	tcase_add_test(t, ports_are_made_ready_before_rules_while_the_caller_goes_on);
	tcase_add_test(t, an_audit_of_several_devices_has_one_answer);
	tcase_add_test(t, each_audit_is_answered_by_a_look_that_began_after_it);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
