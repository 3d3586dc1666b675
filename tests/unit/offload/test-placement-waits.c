// SPDX-License-Identifier: Apache-2.0
// Placement while a driver is in the middle of something: nothing is freed that a worker has in hand, nobody waits for what never
// comes.
#include <pthread.h>
#include <stdio.h>

#include "core/base/log.h"
#include "offload/placement.h"
#include "tests/suite.h"

struct compiled_rule {
	uint16_t port; // of the flow
};

struct hw_rule {
	int unused;
};

static struct offload *o;

// The driver stops where a case wants it to, until it may go on.
enum stop { STOP_NOWHERE, STOP_ADD_PORT, STOP_INSERT, STOP_INSERT_MANY, STOP_REMOVE, STOP_AUDIT };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum stop at; // where it stops
	bool stopped; // it has
	uint16_t refused; // port of the flow that the device does not take
	unsigned int rules, audits;
	unsigned int ports; // that are ready
	unsigned int ports_at_rule; // when the last rule went in
	struct megaflow *changes; // while its rule is removed, once
	bool waits_in_close;
} nic = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

// On the worker: waits where the case wants that.
static void pass(enum stop at)
{
	pthread_mutex_lock(&nic.lock);
	if (nic.at == at) {
		nic.stopped = true;
		pthread_cond_broadcast(&nic.changed);
		while (nic.at == at)
			pthread_cond_wait(&nic.changed, &nic.lock);
	}
	pthread_mutex_unlock(&nic.lock);
}

// The driver stops at 'at' from now on; one that has stopped elsewhere goes on.
static void stop_at(enum stop at)
{
	pthread_mutex_lock(&nic.lock);
	nic.at = at;
	nic.stopped = false;
	pthread_cond_broadcast(&nic.changed);
	pthread_mutex_unlock(&nic.lock);
}

static void wait_until_stopped(void)
{
	pthread_mutex_lock(&nic.lock);
	while (!nic.stopped)
		pthread_cond_wait(&nic.changed, &nic.lock);
	pthread_mutex_unlock(&nic.lock);
}

static int fake_open(const struct port_ref *port, void **ret_priv, struct device_limits *ret_limits,
		     struct error *err)
{
	memset(ret_limits, 0, sizeof(*ret_limits));
	*ret_priv = &nic;
	return 0;
}

static void fake_close(void *priv)
{
	// As a thread does that wants the counts.
	if (nic.waits_in_close) {
		offload_poll_stats(o);
		offload_flush(o);
	}
}

static void fake_add_port(void *priv, const struct port_ref *port)
{
	pass(STOP_ADD_PORT);
	nic.ports++;
}

static bool fake_compile(void *priv, const struct megaflow *mf, const struct port_lookup *ports,
			 struct compiled_rule **ret_rule, struct verdict *v)
{
	struct flow_key key;

	miniflow_expand(mf->key, &key);
	*ret_rule = xzalloc(sizeof(**ret_rule));
	(*ret_rule)->port = be16toh(key.tp_dst);
	return verdict_accept(v);
}

static void fake_free(struct compiled_rule *rule)
{
	free(rule);
}

static uint64_t fake_shape(const struct compiled_rule *rule)
{
	return rule->port;
}

static int put_in(const struct compiled_rule *rule, struct hw_rule **ret_hw, struct verdict *v)
{
	if (rule->port == nic.refused) {
		verdict_refuse_by_driver(v, REASON_DEVICE_REFUSED, -EBUSY, "not this one");
		return -EBUSY;
	}
	*ret_hw = xzalloc(sizeof(**ret_hw));
	nic.rules++;
	nic.ports_at_rule = nic.ports;
	return 0;
}

static int fake_insert(void *priv, const struct compiled_rule *rule, struct hw_rule **ret_hw,
		       struct verdict *v)
{
	pass(STOP_INSERT);
	return put_in(rule, ret_hw, v);
}

static void fake_insert_many(void *priv, struct insertion *list, size_t n)
{
	pass(STOP_INSERT_MANY);
	for (size_t i = 0; i < n; i++)
		list[i].error = put_in(list[i].rule, &list[i].hw, &list[i].v);
}

static int fake_remove(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct megaflow *changes = nic.changes;

	pass(STOP_REMOVE);
	nic.changes = NULL;
	if (changes)
		offload_update(o, changes);
	*ret_packets = *ret_bytes = 0;
	nic.rules--;
	free(hw);
	return 0;
}

static int fake_replace(void *priv, struct hw_rule *old, const struct compiled_rule *rule,
			struct hw_rule **ret_hw, uint64_t *ret_packets, uint64_t *ret_bytes,
			struct verdict *v)
{
	int ret = put_in(rule, ret_hw, v);

	return ret ? ret : fake_remove(priv, old, ret_packets, ret_bytes);
}

static int fake_query(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	*ret_packets = *ret_bytes = 0;
	return 0;
}

static void fake_refresh(void *priv)
{
	pass(STOP_AUDIT);
}

static void fake_audit(void *priv, struct audit_findings *ret)
{
	pass(STOP_AUDIT);
	memset(ret, 0, sizeof(*ret));
	__atomic_fetch_add(&nic.audits, 1, __ATOMIC_SEQ_CST);
}

static void fake_forget(void *priv, struct hw_rule *hw)
{
	free(hw);
}

static bool fake_take_reset(void *priv)
{
	return false;
}

static void fake_capabilities(void *priv, struct smap *out) {}

static const struct backend_ops fake = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.compile = fake_compile,
	.compiled_free = fake_free,
	.compiled_shape = fake_shape,
	.add_port = fake_add_port,
	.insert = fake_insert,
	.insert_many = fake_insert_many,
	.replace = fake_replace,
	.remove = fake_remove,
	.query = fake_query,
	.refresh = fake_refresh,
	.audit = fake_audit,
	.forget = fake_forget,
	.take_reset = fake_take_reset,
	.capabilities = fake_capabilities,
};

static void add_port(uint32_t number, const char *device)
{
	struct port_ref ref = { .number = DP_PORT(number), .name = "rep" };

	snprintf(ref.device, sizeof(ref.device), "%s", device);
	ck_assert_int_eq(offload_add_port(o, &ref, &fake, NULL), 0);
}

static void start(void)
{
	memset((char *)&nic + offsetof(typeof(nic), at), 0,
	       sizeof(nic) - offsetof(typeof(nic), at));
	o = offload_create();
	offload_set_enabled(o, true);
	add_port(1, "fake0");
}

static struct megaflow *place(uint16_t tp_dst)
{
	struct flow_key key = {
		.in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 6, .tp_dst = htobe16(tp_dst)
	};
	struct flow_mask mask = { .m = { .in_port = UINT32_MAX,
					 .eth_type = 0xffff,
					 .nw_proto = 0xff,
					 .tp_dst = 0xffff } };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct megaflow *mf;

	dp_put_output(&actions, DP_PORT(2));
	mf = megaflow_create(&key, &mask, dp_actions_of(&actions));
	offload_place(o, mf);
	return mf;
}

static void on_done(struct megaflow *mf, void *n)
{
	__atomic_fetch_add((int *)n, 1, __ATOMIC_SEQ_CST);
}

static int read_count(const int *n)
{
	return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}

START_TEST(a_flow_whose_rule_was_refused_is_not_freed_under_the_worker)
{
	struct megaflow *first, *gone, *refused;
	int done = 0;

	start();
	nic.refused = 82;
	stop_at(STOP_INSERT);
	first = place(80);
	wait_until_stopped();
	// These go in together.
	gone = place(81);
	refused = place(82);
	stop_at(STOP_INSERT_MANY);
	wait_until_stopped();
	offload_withdraw(o, gone, on_done, &done);
	stop_at(STOP_REMOVE);
	wait_until_stopped();
	// Its turn comes after this removal.
	offload_withdraw(o, refused, on_done, &done);
	ck_assert_int_eq(read_count(&done), 0);
	stop_at(STOP_NOWHERE);
	offload_withdraw(o, first, on_done, &done);
	offload_flush(o);
	ck_assert_int_eq(read_count(&done), 3);
	ck_assert_uint_eq(nic.rules, 0);
	megaflow_free(first);
	megaflow_free(gone);
	megaflow_free(refused);
	offload_destroy(o);
}
END_TEST

START_TEST(a_flow_that_changes_while_its_port_leaves_has_no_rule)
{
	struct megaflow *mf;
	int done = 0;

	start();
	add_port(2, "fake0");
	mf = place(80);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	nic.changes = mf;
	offload_remove_port(o, DP_PORT(1));
	ck_assert_ptr_null(nic.changes);
	ck_assert_uint_eq(nic.rules, 0);
	ck_assert_int_eq(mf->placement, PLACE_NONE);
	offload_flush(o);
	offload_withdraw(o, mf, on_done, &done);
	ck_assert_int_eq(read_count(&done), 1);
	megaflow_free(mf);
	offload_destroy(o);
}
END_TEST

START_TEST(nobody_waits_for_a_device_that_closes)
{
	start();
	add_port(2, "fake1");
	nic.waits_in_close = true;
	offload_remove_port(o, DP_PORT(2));
	nic.waits_in_close = false;
	offload_destroy(o);
}
END_TEST

START_TEST(ports_are_made_ready_before_rules_while_the_caller_goes_on)
{
	struct megaflow *mf;
	int done = 0;

	start();
	offload_wait_for_ports(o);
	ck_assert_uint_eq(nic.ports, 1);
	offload_set_enabled(o, false);
	stop_at(STOP_ADD_PORT);
	offload_set_enabled(o, true);
	wait_until_stopped();
	add_port(2, "fake0");
	add_port(3, "fake0");
	mf = place(80);
	ck_assert_uint_eq(nic.ports, 1);
	stop_at(STOP_NOWHERE);
	offload_wait_for_ports(o);
	ck_assert_uint_eq(nic.ports, 4);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	ck_assert_uint_eq(nic.ports_at_rule, 4);
	offload_withdraw(o, mf, on_done, &done);
	offload_flush(o);
	megaflow_free(mf);
	offload_destroy(o);
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
	int done = 0;

	start();
	add_port(2, "fake1");
	mf = place(80);
	offload_flush(o);
	offload_audit(o, on_audited, &a);
	offload_flush(o);
	ck_assert_int_eq(read_count(&a.n), 1);
	ck_assert_uint_eq(a.checked, 1);
	ck_assert_uint_eq(nic.audits, 2);
	offload_withdraw(o, mf, on_done, &done);
	offload_flush(o);
	megaflow_free(mf);
	offload_destroy(o);
}
END_TEST

START_TEST(each_audit_is_answered_by_a_look_that_began_after_it)
{
	struct answers first = { 0 }, second = { 0 };

	start();
	stop_at(STOP_AUDIT);
	offload_poll_stats(o);
	wait_until_stopped();
	offload_audit(o, on_audited, &first);
	offload_audit(o, on_audited, &second);
	stop_at(STOP_NOWHERE);
	offload_flush(o);
	ck_assert_int_eq(read_count(&first.n), 1);
	ck_assert_int_eq(read_count(&second.n), 1);
	ck_assert_uint_eq(nic.audits, 1);
	offload_destroy(o);
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
