// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/offload/fake-nic.h"

#include <stdio.h>

#include "core/base/clock.h"

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

struct fake_nic nic = { .lock = PTHREAD_MUTEX_INITIALIZER };

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
	else if (nic.refused && rule->port == nic.refused)
		ret = -EBUSY;
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

static void fake_set_sampled(void *priv, sampled_fn *fn, void *aux)
{
	nic.sampled = fn;
	nic.sampled_aux = aux;
}

static void fake_capabilities(void *priv, struct smap *out)
{
	smap_set(out, "fake", "true");
}

const struct backend_ops fake_nic = {
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
	.set_sampled = fake_set_sampled,
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

struct offload *o;

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

struct megaflow *make_flow(uint32_t in_port, uint16_t tp_dst)
{
	AUTO(strbuf) actions = STRBUF_INIT;

	dp_put_output(&actions, DP_PORT(2));
	return make_flow_with(in_port, tp_dst, dp_actions_of(&actions));
}

struct megaflow *make_metered_flow(uint16_t tp_dst)
{
	AUTO(strbuf) actions = STRBUF_INIT;

	dp_put(&actions, DP_ACTION_METER)->meter.id = 7;
	dp_put_output(&actions, DP_PORT(2));
	return make_flow_with(1, tp_dst, dp_actions_of(&actions));
}

void start_on(const struct backend_ops *ops, bool enabled)
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

void start(bool enabled)
{
	start_on(&fake_nic, enabled);
}

void start_over_kernel(struct megaflow *flows[], size_t n)
{
	static struct backend_ops ops;

	ops = fake_nic;
	ops.insert = fake_insert_anywhere;
	ops.insert_many = NULL;
	ops.in_hw = fake_in_hw;
	start_on(&ops, true);
	clock_stop();
	nic.capacity = 2;
	for (size_t i = 0; i < n; i++) {
		flows[i] = make_flow(1, 80 + i);
		offload_place(o, flows[i]);
		offload_flush(o);
	}
}

int n_done;

void on_done(struct megaflow *mf, void *aux)
{
	__atomic_fetch_add(&n_done, 1, __ATOMIC_SEQ_CST);
}

void stop(struct megaflow *const flows[], size_t n)
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

enum offload_reason reason_of(const struct megaflow *mf)
{
	struct verdict v;
	char device[64];

	offload_get_verdict(o, mf, &v, device);
	return v.reason;
}

void poll_nic(void)
{
	offload_poll_stats(o);
	offload_flush(o);
}
