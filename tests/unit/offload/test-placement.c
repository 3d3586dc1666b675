// SPDX-License-Identifier: Apache-2.0
// Placement against a backend that does what each case wants: refuses, fills up, blocks, forgets.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "offload/placement.h"
#include "tests/suite.h"

struct compiled_rule {
	uint64_t shape;
	uint16_t port;
};

struct hw_rule {
	uint64_t packets;
	bool lost;
	bool in_kernel; // the NIC had no room
	uint16_t port; // of the flow
};

// The fake device. Everything under the lock, which the cases hold to make the driver block.
static struct {
	pthread_mutex_t lock;
	bool refuse_compile;
	int insert_errno;
	unsigned int capacity, rules, inserts, replaces, removes;
	bool reset;
	bool old_was_there_when_new_came;
	size_t most_at_once;
	char policy[16], left[64];
	unsigned int threads;
	bool stale; // software meets the packets of its rules
	bool counts_fall;
	uint32_t altered;
	unsigned int meters_set, meters_gone;
	uint32_t metered_rate; // as last told
	unsigned int in_kernel; // rules
	uint16_t hot; // port of the flow that has packets, 0: all have
} nic = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int fake_open(const struct port_ref *port, void **ret_priv, struct device_limits *ret_limits,
		     struct error *err)
{
	memset(ret_limits, 0, sizeof(*ret_limits));
	*ret_priv = &nic;
	return 0;
}

static void fake_close(void *priv) {}

static bool fake_compile(void *priv, const struct megaflow *mf, const struct port_lookup *ports,
			 struct compiled_rule **ret_rule, struct verdict *v)
{
	const struct dp_action *a;

	if (nic.refuse_compile)
		return verdict_refuse(v, REASON_FIELD_UNSUPPORTED, "pkt_mark");
	// Its meters have one band.
	DP_ACTION_FOR_EACH (a, megaflow_actions_get(mf)) {
		const struct meter_config *m =
			a->type == DP_ACTION_METER ? ports->meter(a->meter.id, ports->aux) : NULL;

		if (a->type == DP_ACTION_METER && (!m || m->n_bands != 1))
			return verdict_refuse(v, REASON_METER_UNSUPPORTED, m ? "bands" : "none");
	}
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
	return rule->shape;
}

static int fake_insert(void *priv, const struct compiled_rule *rule, struct hw_rule **ret_hw,
		       struct verdict *v)
{
	int ret = 0;

	pthread_mutex_lock(&nic.lock);
	nic.inserts++;
	if (nic.insert_errno)
		ret = -nic.insert_errno;
	else if (nic.capacity && nic.rules >= nic.capacity)
		ret = -ENOSPC;
	if (ret) {
		verdict_refuse_by_driver(v, REASON_DEVICE_REFUSED, ret, "the NIC says no");
	} else {
		*ret_hw = xzalloc(sizeof(**ret_hw));
		(*ret_hw)->port = rule->port;
		nic.rules++;
	}
	pthread_mutex_unlock(&nic.lock);
	return ret;
}

static bool fake_in_hw(void *priv, const struct hw_rule *hw, struct verdict *v)
{
	return hw->in_kernel ? verdict_refuse(v, REASON_TC_SOFTWARE, NULL) : verdict_accept(v);
}

// The kernel runs what the NIC has no room for.
static int fake_insert_anywhere(void *priv, const struct compiled_rule *rule,
				struct hw_rule **ret_hw, struct verdict *v)
{
	int ret = fake_insert(priv, rule, ret_hw, v);

	if (ret == -ENOSPC) {
		*ret_hw = xzalloc(sizeof(**ret_hw));
		(*ret_hw)->in_kernel = true;
		(*ret_hw)->port = rule->port;
		nic.in_kernel++;
		ret = 0;
	}
	if (!ret)
		fake_in_hw(priv, *ret_hw, v);
	return ret;
}

static void fake_insert_many(void *priv, struct insertion *list, size_t n)
{
	nic.most_at_once = MAX(nic.most_at_once, n);
	for (size_t i = 0; i < n; i++)
		list[i].error = fake_insert(priv, list[i].rule, &list[i].hw, &list[i].v);
}

static void fake_remove_port(void *priv, const struct port_ref *port)
{
	snprintf(nic.left, sizeof(nic.left), "%s", port->name);
}

static void fake_set_threads(void *priv, unsigned int n)
{
	nic.threads = n;
}

static void fake_set_policy(void *priv, const char *policy)
{
	snprintf(nic.policy, sizeof(nic.policy), "%s", policy);
}

static void fake_audit(void *priv, struct audit_findings *ret)
{
	*ret = (struct audit_findings){ .altered = nic.altered, .foreign = 3 };
}

static int fake_remove(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	pthread_mutex_lock(&nic.lock);
	*ret_packets = hw->packets;
	*ret_bytes = hw->packets * 100;
	if (hw->in_kernel)
		nic.in_kernel--;
	else
		nic.rules--;
	nic.removes++;
	pthread_mutex_unlock(&nic.lock);
	free(hw);
	return 0;
}

static int fake_replace(void *priv, struct hw_rule *old, const struct compiled_rule *rule,
			struct hw_rule **ret_hw, uint64_t *ret_packets, uint64_t *ret_bytes,
			struct verdict *v)
{
	unsigned int before = nic.rules;
	int ret = old->in_kernel ? fake_insert_anywhere(priv, rule, ret_hw, v)
				 : fake_insert(priv, rule, ret_hw, v);

	if (ret)
		return ret;
	nic.old_was_there_when_new_came = nic.rules == before + 1;
	nic.replaces++;
	return fake_remove(priv, old, ret_packets, ret_bytes);
}

static int fake_query(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	if (hw->lost)
		return -ENOENT;
	hw->packets = nic.counts_fall ? 2 : hw->packets + (!nic.hot || nic.hot == hw->port ? 5 : 0);
	*ret_packets = hw->packets;
	*ret_bytes = hw->packets * 100;
	return nic.stale ? -ESTALE : 0;
}

static void fake_forget(void *priv, struct hw_rule *hw)
{
	pthread_mutex_lock(&nic.lock);
	nic.rules--;
	pthread_mutex_unlock(&nic.lock);
	free(hw);
}

static bool fake_take_reset(void *priv)
{
	return __atomic_exchange_n(&nic.reset, false, __ATOMIC_ACQ_REL);
}

static void fake_meter_set(void *priv, uint32_t id, const struct meter_config *config)
{
	nic.meters_set++;
	nic.metered_rate = config->bands[0].rate;
}

static void fake_meter_del(void *priv, uint32_t id)
{
	nic.meters_gone++;
}

static void fake_meter_counts(void *priv,
			      void (*cb)(uint32_t id, const struct meter_count *in,
					 const struct meter_count *dropped, void *aux),
			      void *aux)
{
	cb(7, &(struct meter_count){ 10, 1000 }, &(struct meter_count){ 4, UINT64_MAX }, aux);
	cb(8, &(struct meter_count){ 1, 1 }, &(struct meter_count){ 1, 1 }, aux);
}

static void fake_capabilities(void *priv, struct smap *out)
{
	smap_set(out, "fake", "true");
}

static const struct backend_ops fake = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.compile = fake_compile,
	.compiled_free = fake_free,
	.compiled_shape = fake_shape,
	.insert = fake_insert,
	.insert_many = fake_insert_many,
	.remove_port = fake_remove_port,
	.set_policy = fake_set_policy,
	.set_threads = fake_set_threads,
	.audit = fake_audit,
	.replace = fake_replace,
	.remove = fake_remove,
	.query = fake_query,
	.forget = fake_forget,
	.take_reset = fake_take_reset,
	.meter_set = fake_meter_set,
	.meter_del = fake_meter_del,
	.meter_counts = fake_meter_counts,
	.capabilities = fake_capabilities,
};

static struct offload *o;

static struct megaflow *make_flow_with(uint32_t in_port, uint16_t tp_dst, struct dp_actions list)
{
	struct flow_key key = { .in_port = in_port,
				.eth_type = htobe16(0x0800),
				.nw_proto = 6,
				.tp_dst = htobe16(tp_dst) };
	struct flow_mask mask = { .m = { .in_port = UINT32_MAX,
					 .eth_type = 0xffff,
					 .nw_proto = 0xff,
					 .tp_dst = 0xffff } };

	return megaflow_create(&key, &mask, list);
}

static struct megaflow *make_flow(uint32_t in_port, uint16_t tp_dst)
{
	AUTO(strbuf) actions = STRBUF_INIT;

	dp_put_output(&actions, DP_PORT(2));
	return make_flow_with(in_port, tp_dst, dp_actions_of(&actions));
}

static struct megaflow *make_metered_flow(uint16_t tp_dst)
{
	AUTO(strbuf) actions = STRBUF_INIT;

	dp_put(&actions, DP_ACTION_METER)->meter.id = 7;
	dp_put_output(&actions, DP_PORT(2));
	return make_flow_with(1, tp_dst, dp_actions_of(&actions));
}

static void start_with(const struct backend_ops *ops, bool enabled)
{
	struct port_ref ref = { .number = DP_PORT(1), .name = "rep0", .device = "fake0" };

	memset((char *)&nic + offsetof(typeof(nic), refuse_compile), 0,
	       sizeof(nic) - offsetof(typeof(nic), refuse_compile));
	o = offload_create();
	offload_set_enabled(o, enabled);
	ck_assert_int_eq(offload_add_port(o, &ref, ops, NULL), 0);
	ref = (struct port_ref){ .number = DP_PORT(9), .name = "tap0" };
	ck_assert_int_eq(offload_add_port(o, &ref, NULL, NULL), 0);
}

static void start(bool enabled)
{
	start_with(&fake, enabled);
}

// A device whose kernel runs what the NIC does not take, and so many flows on it.
static void start_over_kernel(struct megaflow *flows[], size_t n)
{
	static struct backend_ops ops;

	ops = fake;
	ops.insert = fake_insert_anywhere;
	ops.insert_many = NULL;
	ops.in_hw = fake_in_hw;
	start_with(&ops, true);
	clock_stop();
	nic.capacity = 2;
	for (size_t i = 0; i < n; i++) {
		flows[i] = make_flow(1, 80 + i);
		offload_place(o, flows[i]);
		offload_flush(o);
	}
}

static int n_done;

static void on_done(struct megaflow *mf, void *aux)
{
	__atomic_fetch_add(&n_done, 1, __ATOMIC_SEQ_CST);
}

static void stop(struct megaflow *const flows[], size_t n)
{
	int before = __atomic_load_n(&n_done, __ATOMIC_SEQ_CST);

	for (size_t i = 0; i < n; i++)
		offload_withdraw(o, flows[i], on_done, NULL);
	offload_flush(o);
	ck_assert_int_eq(__atomic_load_n(&n_done, __ATOMIC_SEQ_CST) - before, (int)n);
	ck_assert_uint_eq(nic.rules, 0);
	for (size_t i = 0; i < n; i++)
		megaflow_free(flows[i]);
	offload_destroy(o);
}

static enum offload_reason reason_of(const struct megaflow *mf)
{
	struct verdict v;
	char device[64];

	offload_get_verdict(o, mf, &v, device);
	return v.reason;
}

START_TEST(accepted_flow_is_in_hardware_and_counted)
{
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	offload_place(o, mf);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	ck_assert_int_eq(reason_of(mf), REASON_NONE);
	offload_poll_stats(o);
	offload_flush(o);
	ck_assert_uint_eq(mf->hw.packets, 5);
	ck_assert_uint_eq(mf->hw.bytes, 500);
	stop(&mf, 1);
}
END_TEST

START_TEST(caller_does_not_wait_for_a_driver_that_blocks)
{
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	pthread_mutex_lock(&nic.lock); // the driver hangs in insert
	offload_place(o, mf);
	ck_assert_int_eq(mf->placement, PLACE_QUEUED);
	ck_assert_int_eq(reason_of(mf), REASON_TOO_NEW);
	pthread_mutex_unlock(&nic.lock);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	stop(&mf, 1);
}
END_TEST

START_TEST(withdrawal_during_insertion_leaves_no_rule)
{
	struct megaflow *mf = make_flow(1, 80);
	int before = __atomic_load_n(&n_done, __ATOMIC_SEQ_CST);

	start(true);
	pthread_mutex_lock(&nic.lock);
	offload_place(o, mf);
	// Whether the worker is in the driver already or not yet: both must end well.
	for (int spin = 0; spin < _i; spin++)
		sched_yield();
	offload_withdraw(o, mf, on_done, NULL);
	pthread_mutex_unlock(&nic.lock);
	offload_flush(o);
	ck_assert_int_eq(__atomic_load_n(&n_done, __ATOMIC_SEQ_CST), before + 1);
	ck_assert_uint_eq(nic.rules, 0);
	megaflow_free(mf);
	offload_destroy(o);
}
END_TEST

START_TEST(flow_without_device_or_with_offload_off_says_so)
{
	struct megaflow *flows[] = { make_flow(9, 80), make_flow(1, 80) };

	start(false);
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	ck_assert_int_eq(reason_of(flows[0]), REASON_NO_DEVICE);
	ck_assert_int_eq(reason_of(flows[1]), REASON_DISABLED);
	offload_set_enabled(o, true);
	offload_flush(o);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	offload_set_enabled(o, false);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[1]), REASON_DISABLED);
	ck_assert_uint_eq(nic.rules, 0);
	stop(flows, 2);
}
END_TEST

START_TEST(flows_of_an_excluded_port_stay_in_software_and_say_so)
{
	struct port_ref ref = { .number = DP_PORT(9), .ethdev = PORT_NO_ETHDEV, .device = "nic0" };
	struct megaflow *flows[] = { make_flow(9, 80), make_flow(9, 81) };

	start(true);
	offload_place(o, flows[0]);
	ck_assert_int_eq(reason_of(flows[0]), REASON_NO_DEVICE);
	ref.is_excluded = true;
	ck_assert_int_eq(offload_add_port(o, &ref, NULL, NULL), 0);
	offload_place(o, flows[1]);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(reason_of(flows[i]), REASON_PORT_EXCLUDED);
	// It may have hardware again.
	offload_remove_port(o, DP_PORT(9));
	ref.is_excluded = false;
	ck_assert_int_eq(offload_add_port(o, &ref, &fake, NULL), 0);
	offload_flush(o);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(flows[i]->placement, PLACE_IN_HW);
	stop(flows, 2);
}
END_TEST

START_TEST(flow_goes_in_when_its_port_gets_hardware)
{
	struct port_ref ref = { .number = DP_PORT(9), .ethdev = PORT_NO_ETHDEV, .device = "nic0" };
	struct megaflow *flows[] = { make_flow(9, 80) };

	start(true);
	offload_place(o, flows[0]);
	ck_assert_int_eq(reason_of(flows[0]), REASON_NO_DEVICE);
	ck_assert_int_eq(offload_add_port(o, &ref, &fake, NULL), 0);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	offload_remove_port(o, DP_PORT(9));
	ck_assert_int_eq(reason_of(flows[0]), REASON_NO_DEVICE);
	ck_assert_uint_eq(nic.rules, 0);
	stop(flows, 1);
}
END_TEST

START_TEST(refusal_of_a_kind_is_not_asked_again_until_forgotten)
{
	struct megaflow *flows[] = { make_flow(1, 80), make_flow(1, 81) };

	start(true);
	nic.insert_errno = ENOTSUP;
	offload_place(o, flows[0]);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[0]), REASON_DEVICE_REFUSED);
	offload_place(o, flows[1]);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[1]), REASON_DEVICE_REFUSED);
	ck_assert_uint_eq(nic.inserts, 1);
	nic.insert_errno = 0;
	offload_forget_refusals(o);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	stop(flows, 2);
}
END_TEST

START_TEST(flow_that_found_no_room_goes_in_when_there_is_some)
{
	struct megaflow *flows[] = { make_flow(1, 80), make_flow(1, 81) };

	start(true);
	nic.capacity = 1;
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[1]), REASON_TABLE_FULL);
	offload_withdraw(o, flows[0], NULL, NULL);
	offload_flush(o);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	megaflow_free(flows[0]);
	stop(flows + 1, 1);
}
END_TEST

START_TEST(new_rule_is_in_before_the_old_one_goes_and_counts_go_on)
{
	struct megaflow *mf = make_flow(1, 80);
	AUTO(strbuf) actions = STRBUF_INIT;

	start(true);
	offload_place(o, mf);
	offload_flush(o);
	offload_poll_stats(o);
	offload_flush(o);
	megaflow_set_actions(mf, dp_actions_of(&actions));
	offload_update(o, mf);
	offload_flush(o);
	ck_assert_uint_eq(nic.replaces, 1);
	ck_assert(nic.old_was_there_when_new_came);
	ck_assert_uint_eq(mf->hw.packets, 5);
	offload_poll_stats(o);
	offload_flush(o);
	ck_assert_uint_eq(mf->hw.packets, 10);
	stop(&mf, 1);
}
END_TEST

START_TEST(update_that_cannot_be_compiled_takes_the_old_rule_out)
{
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	offload_place(o, mf);
	offload_flush(o);
	nic.refuse_compile = true;
	offload_update(o, mf);
	offload_flush(o);
	ck_assert_uint_eq(nic.rules, 0);
	ck_assert_int_eq(mf->placement, PLACE_REFUSED);
	ck_assert_int_eq(reason_of(mf), REASON_FIELD_UNSUPPORTED);
	stop(&mf, 1);
}
END_TEST

START_TEST(reset_brings_all_rules_back_and_keeps_their_counts)
{
	struct megaflow *flows[] = { make_flow(1, 80), make_flow(1, 81) };
	struct offload_device_status *d;

	start(true);
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	offload_flush(o);
	offload_poll_stats(o);
	offload_flush(o);
	__atomic_store_n(&nic.reset, true, __ATOMIC_RELEASE);
	offload_poll_stats(o);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	ck_assert_uint_ge(flows[0]->hw.packets, 5);
	ck_assert_uint_eq(offload_list_devices(o, &d), 1);
	ck_assert_uint_eq(d->lost, 2);
	ck_assert_uint_eq(d->rules, 2);
	smap_uninit(&d->capabilities);
	free(d);
	stop(flows, 2);
}
END_TEST

START_TEST(new_rules_go_in_together_and_in_order)
{
	enum { N = 600 };
	struct megaflow *flows[N];

	start(true);
	pthread_mutex_lock(&nic.lock); // the first one keeps the driver busy
	for (int i = 0; i < N; i++) {
		flows[i] = make_flow(1, i);
		offload_place(o, flows[i]);
	}
	// Changed and withdrawn ones are among them.
	offload_update(o, flows[N - 1]);
	pthread_mutex_unlock(&nic.lock);
	offload_flush(o);
	ck_assert_uint_eq(nic.rules, N);
	ck_assert_uint_gt(nic.most_at_once, 1);
	ck_assert_uint_le(nic.most_at_once, 256);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(flows[i]->placement, PLACE_IN_HW);
	stop(flows, N);
}
END_TEST

START_TEST(a_port_that_leaves_takes_its_flows_rules_along)
{
	struct port_ref ref = { .number = DP_PORT(2), .name = "rep1", .device = "fake0" };
	struct megaflow *flows[2] = { make_flow(1, 80), make_flow(2, 80) };
	struct offload_device_status *list;

	start(true);
	ck_assert_int_eq(offload_add_port(o, &ref, &fake, NULL), 0);
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	offload_flush(o);
	ck_assert_uint_eq(nic.rules, 2);
	offload_remove_port(o, DP_PORT(2));
	ck_assert_str_eq(nic.left, "rep1");
	ck_assert_uint_eq(nic.rules, 1);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	ck_assert_int_eq(flows[1]->placement, PLACE_NONE);
	ck_assert_int_eq(reason_of(flows[1]), REASON_NO_DEVICE);
	// The device is there as long as a port of it is.
	ck_assert_uint_eq(offload_list_devices(o, &list), 1);
	smap_uninit(&list[0].capabilities);
	free(list);
	stop(flows, 2);
}
END_TEST

START_TEST(the_policy_is_told_and_all_rules_follow)
{
	struct megaflow *mf = make_flow(1, 80);
	struct error err = ERROR_INIT;

	start(true);
	ck_assert_str_eq(nic.policy, "none");
	offload_place(o, mf);
	offload_flush(o);
	ck_assert_int_eq(offload_set_policy(o, "skip_sw", &err), 0);
	offload_flush(o);
	ck_assert_str_eq(nic.policy, "skip_sw");
	ck_assert_uint_eq(nic.replaces, 1);
	ck_assert_int_eq(offload_set_policy(o, "skip_sw", &err), 0);
	offload_flush(o);
	ck_assert_uint_eq(nic.replaces, 1);
	ck_assert_int_eq(offload_set_policy(o, "both", &err), -EINVAL);
	ck_assert_str_eq(err.text, "tc-policy: both is none of none, skip_sw and skip_hw");
	stop(&mf, 1);
}
END_TEST

static void poll(void)
{
	offload_poll_stats(o);
	offload_flush(o);
}

START_TEST(a_rule_whose_packets_software_meets_is_put_in_again_but_not_too_often)
{
	// Seconds after which a look puts it in again: each attempt waits twice as long as the one before.
	static const struct {
		int64_t seconds;
		unsigned int attempts;
	} looks[] = { { 0, 1 }, { 0, 1 }, { 1, 2 }, { 1, 2 }, { 1, 3 }, { 3, 3 }, { 1, 4 } };
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	clock_stop();
	offload_place(o, mf);
	offload_flush(o);
	nic.stale = true;
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		clock_advance(looks[i].seconds * 1000);
		poll();
		ck_assert_uint_eq(nic.replaces, looks[i].attempts);
		ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	}
	nic.stale = false;
	stop(&mf, 1);
}
END_TEST

START_TEST(counts_that_go_back_are_not_taken_away)
{
	struct megaflow *mf = make_flow(1, 80);

	start(true);
	offload_place(o, mf);
	offload_flush(o);
	poll();
	poll();
	ck_assert_uint_eq(mf->hw.packets, 10);
	nic.counts_fall = true;
	poll();
	ck_assert_uint_eq(mf->hw.packets, 10);
	ck_assert_uint_eq(mf->hw.bytes, 1000);
	nic.counts_fall = false;
	poll();
	ck_assert_uint_eq(mf->hw.packets, 15);
	stop(&mf, 1);
}
END_TEST

START_TEST(the_number_of_threads_is_told_and_checked)
{
	struct error err = ERROR_INIT;

	start(true);
	ck_assert_uint_eq(nic.threads, 1);
	ck_assert_int_eq(offload_set_threads(o, 4, &err), 0);
	ck_assert_uint_eq(nic.threads, 4);
	ck_assert_int_eq(offload_set_threads(o, 11, &err), -EINVAL);
	ck_assert_str_eq(err.text, "n-offload-threads: 11 is not between 1 and 10");
	ck_assert_int_eq(offload_set_threads(o, 0, &err), -EINVAL);
	ck_assert_uint_eq(nic.threads, 4);
	stop(NULL, 0);
}
END_TEST

static void ignore_audit(uint32_t checked, uint32_t lost, void *aux) {}

START_TEST(what_audits_find_is_counted)
{
	struct megaflow *mf = make_flow(1, 80);
	struct offload_device_status *list;

	start(true);
	nic.altered = 2;
	offload_place(o, mf);
	for (int i = 0; i < 2; i++) {
		offload_audit(o, ignore_audit, NULL);
		offload_flush(o);
	}
	ck_assert_uint_eq(offload_list_devices(o, &list), 1);
	ck_assert_uint_eq(list[0].altered, 4);
	ck_assert_uint_eq(list[0].foreign, 3);
	smap_uninit(&list[0].capabilities);
	free(list);
	stop(&mf, 1);
}
END_TEST

START_TEST(verdicts_are_summed_up_by_reason)
{
	struct megaflow *flows[] = { make_flow(1, 80), make_flow(1, 81), make_flow(9, 82) };
	struct offload_verdict_count *v;
	size_t n;

	start(true);
	nic.refuse_compile = true;
	for (int i = 0; i < 3; i++)
		offload_place(o, flows[i]);
	offload_flush(o);
	n = offload_list_verdicts(o, &v);
	ck_assert_uint_eq(n, 2);
	for (size_t i = 0; i < n; i++) {
		if (v[i].verdict.reason == REASON_FIELD_UNSUPPORTED) {
			ck_assert_uint_eq(v[i].flows, 2);
			ck_assert_str_eq(v[i].verdict.culprit, "pkt_mark");
		} else {
			ck_assert_int_eq(v[i].verdict.reason, REASON_NO_DEVICE);
			ck_assert_uint_eq(v[i].flows, 1);
		}
	}
	free(v);
	stop(flows, 3);
}
END_TEST

static const struct meter_config one_band = { METER_KBPS, 1, { { METER_DROP, .rate = 5 } } };
static const struct meter_config faster = { METER_KBPS, 1, { { METER_DROP, .rate = 6 } } };
static const struct meter_config two_bands = {
	METER_KBPS, 2, { { METER_DROP, .rate = 5 }, { METER_DROP, .rate = 6 } }
};

START_TEST(a_meter_that_changes_keeps_its_rules)
{
	struct megaflow *mf = make_metered_flow(80);

	start(true);
	offload_meter_set(o, 7, &one_band);
	offload_place(o, mf);
	offload_flush(o);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	ck_assert_uint_eq(nic.metered_rate, 5);
	offload_meter_set(o, 7, &faster);
	offload_flush(o);
	ck_assert_uint_eq(nic.metered_rate, 6);
	ck_assert_uint_eq(nic.meters_set, 2);
	ck_assert_int_eq(mf->placement, PLACE_IN_HW);
	ck_assert_int_eq(reason_of(mf), REASON_NONE);
	ck_assert_uint_eq(nic.inserts, 1);
	ck_assert_uint_eq(nic.removes, 0);
	offload_meter_del(o, 7);
	offload_flush(o);
	ck_assert_uint_eq(nic.meters_gone, 1);
	stop(&mf, 1);
}
END_TEST

START_TEST(a_meter_that_the_device_cannot_have_keeps_its_flows_out)
{
	struct megaflow *flows[] = { make_metered_flow(80), make_flow(1, 81) };

	start(true);
	offload_place(o, flows[0]);
	offload_place(o, flows[1]);
	offload_flush(o);
	ck_assert_int_eq(reason_of(flows[0]), REASON_METER_UNSUPPORTED);
	offload_meter_set(o, 7, &one_band);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	offload_meter_set(o, 7, &two_bands);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_REFUSED);
	ck_assert_int_eq(reason_of(flows[0]), REASON_METER_UNSUPPORTED);
	ck_assert_uint_eq(nic.rules, 1);
	offload_meter_set(o, 7, &faster);
	offload_flush(o);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_HW);
	ck_assert_int_eq(flows[1]->placement, PLACE_IN_HW);
	stop(flows, 2);
}
END_TEST

START_TEST(a_device_that_comes_learns_the_meters)
{
	o = offload_create();
	offload_meter_set(o, 7, &one_band);
	offload_destroy(o);
	start(true);
	offload_meter_set(o, 7, &one_band);
	offload_meter_set(o, 8, &faster);
	offload_remove_port(o, DP_PORT(1));
	nic.meters_set = 0;
	ck_assert_int_eq(offload_add_port(o,
					  &(struct port_ref){ .number = DP_PORT(1),
							      .name = "rep0",
							      .device = "fake0" },
					  &fake, NULL),
			 0);
	offload_flush(o);
	ck_assert_uint_eq(nic.meters_set, 2);
	stop(NULL, 0);
}
END_TEST

START_TEST(what_devices_have_metered_is_added)
{
	struct meter_stats s = { .in = { 1, 100 }, .n_bands = 1, .bands = { { 1, 60 } } };
	struct meter_stats unknown = { .in = { UINT64_MAX, UINT64_MAX }, .n_bands = 1 };

	start(true);
	offload_meter_set(o, 7, &one_band);
	offload_poll_stats(o);
	offload_flush(o);
	offload_meter_add_counts(o, 7, &s);
	ck_assert_uint_eq(s.in.packets, 11);
	ck_assert_uint_eq(s.in.bytes, 1100);
	ck_assert_uint_eq(s.bands[0].packets, 5);
	// It does not tell how many bytes it has dropped.
	ck_assert_uint_eq(s.bands[0].bytes, 60);
	offload_meter_add_counts(o, 7, &unknown);
	ck_assert_uint_eq(unknown.in.packets, UINT64_MAX);
	// Counts begin again with a change.
	offload_meter_set(o, 7, &faster);
	s = (struct meter_stats){ .n_bands = 1 };
	offload_meter_add_counts(o, 7, &s);
	ck_assert_uint_eq(s.in.packets, 0);
	stop(NULL, 0);
}
END_TEST

static uint32_t n_queued(void)
{
	struct offload_device_status *all;
	uint32_t n;

	ck_assert_uint_eq(offload_list_devices(o, &all), 1);
	n = all->queued;
	smap_uninit(&all->capabilities);
	free(all);
	return n;
}

START_TEST(an_update_that_is_refused_forgets_the_rule_that_waits)
{
	struct megaflow *mf = make_flow(1, 80), *first = make_flow(1, 79);

	start(true);
	pthread_mutex_lock(&nic.lock); // the driver is busy with another
	offload_place(o, first);
	while (n_queued())
		sched_yield();
	offload_place(o, mf);
	nic.refuse_compile = true;
	offload_update(o, mf);
	nic.refuse_compile = false;
	pthread_mutex_unlock(&nic.lock);
	offload_flush(o);
	ck_assert_uint_eq(nic.inserts, 1);
	ck_assert_int_eq(mf->placement, PLACE_REFUSED);
	ck_assert_int_eq(reason_of(mf), REASON_FIELD_UNSUPPORTED);
	stop((struct megaflow *[]){ first, mf }, 2);
}
END_TEST

static size_t n_in_nic(struct megaflow *const flows[], size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += flows[i]->placement == PLACE_IN_HW;
	return sum;
}

START_TEST(rules_that_the_kernel_runs_get_the_room_that_others_leave)
{
	struct megaflow *flows[12];
	enum { N = ARRAY_SIZE(flows) };

	start_over_kernel(flows, N);
	poll();
	ck_assert_uint_eq(n_in_nic(flows, N), 2);
	ck_assert_uint_eq(nic.in_kernel, N - 2);
	for (int i = 0; i < 2; i++) {
		offload_withdraw(o, flows[i], NULL, NULL);
		offload_flush(o);
		megaflow_free(flows[i]);
	}
	nic.hot = 80 + 7;
	poll();
	// Of those that remain the hottest is among them, and nothing was lost meanwhile.
	ck_assert_uint_eq(n_in_nic(flows + 2, N - 2), 2);
	ck_assert(nic.old_was_there_when_new_came);
	poll();
	ck_assert_int_eq(flows[7]->placement, PLACE_IN_HW);
	ck_assert_uint_eq(flows[7]->hw.packets, 15);
	stop(flows + 2, N - 2);
	ck_assert_uint_eq(nic.in_kernel, 0);
}
END_TEST

START_TEST(a_nic_that_is_full_is_asked_less_and_less)
{
	struct megaflow *flows[6];
	enum { N = ARRAY_SIZE(flows) };
	unsigned int replaces;

	start_over_kernel(flows, N);
	// Until its shape is known to be taken: from the first look.
	for (int i = 0; i < 20; i++)
		poll();
	ck_assert_uint_eq(nic.replaces, 1);
	for (int i = 0; i < 100; i++) {
		clock_advance(1000);
		poll();
	}
	ck_assert_uint_eq(nic.replaces, 7); // after 1, 3, 7, 15, 31 and 63 seconds again
	replaces = nic.replaces;
	// Somebody else has made room: once found, it is filled in rounds that double.
	nic.capacity = 100;
	clock_advance(64000);
	for (int i = 0; i < 3; i++)
		poll();
	ck_assert_uint_eq(n_in_nic(flows, N), N);
	ck_assert_uint_eq(nic.replaces, replaces + N - 2);
	stop(flows, N);
}
END_TEST

START_TEST(a_kind_that_the_nic_has_never_taken_is_not_offered_again)
{
	struct megaflow *flows[3];

	start_over_kernel(flows, 0);
	nic.rules = 2; // of somebody else
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		flows[i] = make_flow(1, 80 + i);
		offload_place(o, flows[i]);
	}
	offload_flush(o);
	nic.rules = 0;
	for (int i = 0; i < 5; i++) {
		clock_advance(10000);
		poll();
	}
	ck_assert_uint_eq(nic.replaces, 0);
	ck_assert_int_eq(flows[0]->placement, PLACE_IN_TC_SOFTWARE);
	stop(flows, ARRAY_SIZE(flows));
}
END_TEST

START_TEST(every_reason_has_a_name_a_text_and_a_remedy)
{
	for (int r = 1; r < REASON_MAX; r++) {
		ck_assert_uint_gt(strlen(offload_reason_name(r)), 2);
		ck_assert_uint_gt(strlen(offload_reason_text(r)), 10);
		ck_assert_uint_gt(strlen(offload_reason_remedy(r)), 3);
		for (int q = 0; q < r; q++)
			ck_assert_str_ne(offload_reason_name(q), offload_reason_name(r));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/placement");
	TCase *t = tcase_create("placement");

	rcu_thread_begin();
	log_set("any:off", NULL);
	tcase_add_test(t, accepted_flow_is_in_hardware_and_counted);
	tcase_add_test(t, caller_does_not_wait_for_a_driver_that_blocks);
	tcase_add_loop_test(t, withdrawal_during_insertion_leaves_no_rule, 0, 50);
	tcase_add_test(t, flow_without_device_or_with_offload_off_says_so);
	tcase_add_test(t, flow_goes_in_when_its_port_gets_hardware);
	tcase_add_test(t, flows_of_an_excluded_port_stay_in_software_and_say_so);
	tcase_add_test(t, refusal_of_a_kind_is_not_asked_again_until_forgotten);
	tcase_add_test(t, flow_that_found_no_room_goes_in_when_there_is_some);
	tcase_add_test(t, new_rule_is_in_before_the_old_one_goes_and_counts_go_on);
	tcase_add_test(t, update_that_cannot_be_compiled_takes_the_old_rule_out);
	tcase_add_test(t, reset_brings_all_rules_back_and_keeps_their_counts);
	tcase_add_test(t, verdicts_are_summed_up_by_reason);
	tcase_add_test(t, new_rules_go_in_together_and_in_order);
	tcase_add_test(t, a_port_that_leaves_takes_its_flows_rules_along);
	tcase_add_test(t, the_policy_is_told_and_all_rules_follow);
	tcase_add_test(t, the_number_of_threads_is_told_and_checked);
	tcase_add_test(t, a_rule_whose_packets_software_meets_is_put_in_again_but_not_too_often);
	tcase_add_test(t, counts_that_go_back_are_not_taken_away);
	tcase_add_test(t, what_audits_find_is_counted);
	tcase_add_test(t, a_meter_that_changes_keeps_its_rules);
	tcase_add_test(t, a_meter_that_the_device_cannot_have_keeps_its_flows_out);
	tcase_add_test(t, a_device_that_comes_learns_the_meters);
	tcase_add_test(t, what_devices_have_metered_is_added);
	tcase_add_test(t, an_update_that_is_refused_forgets_the_rule_that_waits);
	tcase_add_test(t, rules_that_the_kernel_runs_get_the_room_that_others_leave);
	tcase_add_test(t, a_nic_that_is_full_is_asked_less_and_less);
	tcase_add_test(t, a_kind_that_the_nic_has_never_taken_is_not_offered_again);
	tcase_add_test(t, every_reason_has_a_name_a_text_and_a_remedy);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
