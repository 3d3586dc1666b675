// SPDX-License-Identifier: Apache-2.0
// rte_flow: what the application calls. Any ethdev of the eSwitch takes the calls; the table is one.
#include "hw-tests/simnic/simnic-private.h"

#include <unistd.h>

#include <ethdev_driver.h>
#include <rte_flow_driver.h>

#include "core/base/clock.h"
#include "core/base/hash.h"

static struct esw *esw_of(const struct rte_eth_dev *dev)
{
	return ((struct simnic_port *)dev->data->dev_private)->sw;
}

// DPDK refuses ingress and egress beside transfer only when a rule is validated, not when it is created.
static int check_attr(struct compiled *c, const struct rte_flow_attr *attr,
		      struct rte_flow_error *e)
{
	const char *nic = c->sw->name;

	if (!attr)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR, NULL, "%s: no attributes", nic);
	if (!attr->transfer)
		return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, attr,
			      "%s: only transfer rules are supported", nic);
	if (attr->ingress || attr->egress)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR, attr,
			      "%s: ingress and egress have no meaning with transfer", nic);
	c->group = attr->group;
	c->priority = attr->priority;
	return 0;
}

static int compile(struct compiled *c, const struct rte_flow_attr *attr,
		   const struct rte_flow_item *items, const struct rte_flow_action *actions,
		   struct rte_flow_error *e)
{
	int err = check_attr(c, attr, e);

	if (!err)
		err = compile_pattern(c, items, e);
	return err ? err : compile_actions(c, actions, e);
}

static int check_room(struct esw *sw, struct rte_flow_error *e)
{
	if (sw->n_rules >= sw->cfg.flows)
		return refuse(e, ENOSPC, RTE_FLOW_ERROR_TYPE_HANDLE, NULL,
			      "%s: flow table full (%u rules)", sw->name, sw->n_rules);
	return 0;
}

static int flow_validate(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
			 const struct rte_flow_item items[], const struct rte_flow_action actions[],
			 struct rte_flow_error *e)
{
	struct compiled c = { .sw = esw_of(dev) };
	int err;

	pthread_mutex_lock(&c.sw->firmware_lock);
	err = compile(&c, attr, items, actions, e);
	if (!err)
		err = check_room(c.sw, e);
	pthread_mutex_unlock(&c.sw->firmware_lock);
	return err;
}

static int injected_failure(struct esw *sw, struct rte_flow_error *e)
{
	if (!sw->faults.fail_next)
		return 0;
	sw->faults.fail_next--;
	return refuse(e, sw->faults.fail_errno, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
		      "%s: firmware failed: %s", sw->name, strerror(sw->faults.fail_errno));
}

static struct rte_flow *make_rule(const struct compiled *c)
{
	struct rte_flow *rule = xzalloc(sizeof(*rule) + c->n_actions * sizeof(rule->actions[0]));

	rule->group = c->group;
	rule->priority = c->priority;
	rule->key = c->key;
	rule->mask = c->mask;
	rule->items = c->items;
	rule->counted = c->counted;
	rule->seen_at = clock_msec();
	rule->n_actions = c->n_actions;
	memcpy(rule->actions, c->actions, c->n_actions * sizeof(rule->actions[0]));
	return rule;
}

// The caller holds firmware_lock, which also makes the modelled firmware take one rule at a time.
static struct rte_flow *insert(struct compiled *c, struct rte_flow_error *e)
{
	struct esw *sw = c->sw;
	struct rte_flow *rule;

	if (check_room(sw, e))
		return NULL;
	if (sw->cfg.insert_us)
		usleep(sw->cfg.insert_us);
	if (injected_failure(sw, e))
		return NULL;
	rule = make_rule(c);
	hmap_insert(&sw->handles, &rule->handle_node, hash_ptr(rule));
	pthread_rwlock_wrlock(&sw->table_lock);
	table_insert(sw, rule);
	pthread_rwlock_unlock(&sw->table_lock);
	return rule;
}

static struct rte_flow *flow_create(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
				    const struct rte_flow_item items[],
				    const struct rte_flow_action actions[],
				    struct rte_flow_error *e)
{
	struct compiled c = { .sw = esw_of(dev) };
	struct rte_flow *rule = NULL;

	pthread_mutex_lock(&c.sw->firmware_lock);
	if (!compile(&c, attr, items, actions, e))
		rule = insert(&c, e);
	pthread_mutex_unlock(&c.sw->firmware_lock);
	return rule;
}

static bool is_handle(const struct esw *sw, const struct rte_flow *rule)
{
	for (struct hmap_node *n = hmap_first_with_hash(&sw->handles, hash_ptr(rule)); n;
	     n = hmap_next_with_hash(n))
		if (CONTAINER_OF(n, struct rte_flow, handle_node) == rule)
			return true;
	return false;
}

static void free_rule(struct esw *sw, struct rte_flow *rule)
{
	if (rule->sub) {
		pthread_rwlock_wrlock(&sw->table_lock);
		table_remove(sw, rule);
		pthread_rwlock_unlock(&sw->table_lock);
	}
	hmap_remove(&sw->handles, &rule->handle_node);
	free(rule);
}

static int no_handle(struct esw *sw, const struct rte_flow *rule, struct rte_flow_error *e)
{
	return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_HANDLE, rule, "%s: no such rule", sw->name);
}

static int flow_destroy(struct rte_eth_dev *dev, struct rte_flow *rule, struct rte_flow_error *e)
{
	struct esw *sw = esw_of(dev);
	int err = 0;

	pthread_mutex_lock(&sw->firmware_lock);
	if (is_handle(sw, rule))
		free_rule(sw, rule);
	else
		err = no_handle(sw, rule, e);
	pthread_mutex_unlock(&sw->firmware_lock);
	return err;
}

void flow_flush_all(struct esw *sw)
{
	struct rte_flow *rule;

	HMAP_FOR_EACH_SAFE (rule, handle_node, &sw->handles)
		free_rule(sw, rule);
}

static int flow_flush(struct rte_eth_dev *dev, struct rte_flow_error *e)
{
	struct esw *sw = esw_of(dev);

	pthread_mutex_lock(&sw->firmware_lock);
	flow_flush_all(sw);
	pthread_mutex_unlock(&sw->firmware_lock);
	return 0;
}

uint32_t flow_lose(struct esw *sw, uint32_t n)
{
	struct rte_flow *rule;
	uint32_t lost = 0;

	pthread_rwlock_wrlock(&sw->table_lock);
	HMAP_FOR_EACH (rule, handle_node, &sw->handles) {
		if (lost == n)
			break;
		if (rule->sub) {
			table_remove(sw, rule);
			lost++;
		}
	}
	pthread_rwlock_unlock(&sw->table_lock);
	return lost;
}

// With stats_lag_ms the NIC shows what it read from the counters at most that long ago.
static void refresh_stats(struct esw *sw, struct rte_flow *rule)
{
	int64_t now = clock_msec();

	if (now - rule->seen_at < sw->cfg.stats_lag_ms)
		return;
	rule->seen_packets = __atomic_load_n(&rule->packets, __ATOMIC_RELAXED);
	rule->seen_bytes = __atomic_load_n(&rule->bytes, __ATOMIC_RELAXED);
	rule->seen_at = now;
}

static void query_count(struct esw *sw, struct rte_flow *rule, struct rte_flow_query_count *count)
{
	refresh_stats(sw, rule);
	count->hits_set = count->bytes_set = 1;
	count->hits = rule->seen_packets - rule->base_packets;
	count->bytes = rule->seen_bytes - rule->base_bytes;
	if (count->reset) {
		rule->base_packets = rule->seen_packets;
		rule->base_bytes = rule->seen_bytes;
	}
}

static int query_action(struct esw *sw, struct rte_flow *rule, const struct rte_flow_action *action,
			void *data, struct rte_flow_error *e)
{
	for (; action->type != RTE_FLOW_ACTION_TYPE_END; action++) {
		if (action->type == RTE_FLOW_ACTION_TYPE_VOID)
			continue;
		if (action->type != RTE_FLOW_ACTION_TYPE_COUNT)
			return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
				      "%s: only COUNT can be queried", sw->name);
		if (!rule->counted)
			return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, action,
				      "%s: the rule has no COUNT action", sw->name);
		query_count(sw, rule, data);
		return 0; // what follows a queried action is the caller's own array
	}
	return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, action, "%s: no action to query",
		      sw->name);
}

static int flow_query(struct rte_eth_dev *dev, struct rte_flow *rule,
		      const struct rte_flow_action *action, void *data, struct rte_flow_error *e)
{
	struct esw *sw = esw_of(dev);
	int err;

	pthread_mutex_lock(&sw->firmware_lock);
	err = is_handle(sw, rule) ? query_action(sw, rule, action, data, e)
				  : no_handle(sw, rule, e);
	pthread_mutex_unlock(&sw->firmware_lock);
	return err;
}

void format_rule(const struct rte_flow *rule, struct strbuf *out)
{
	strbuf_printf(out, "group=%u priority=%u packets=%llu bytes=%llu%s ", rule->group,
		      rule->priority,
		      (unsigned long long)__atomic_load_n(&rule->packets, __ATOMIC_RELAXED),
		      (unsigned long long)__atomic_load_n(&rule->bytes, __ATOMIC_RELAXED),
		      rule->sub ? "" : " LOST");
	format_pattern(&rule->key, &rule->mask, rule->items, out);
	strbuf_puts(out, " => ");
	format_actions(rule->actions, rule->n_actions, out);
	strbuf_putc(out, '\n');
}

static int flow_dump(struct rte_eth_dev *dev, struct rte_flow *one, FILE *file,
		     struct rte_flow_error *e)
{
	struct esw *sw = esw_of(dev);
	AUTO(strbuf) text = STRBUF_INIT;
	struct rte_flow *rule;
	int err = 0;

	pthread_mutex_lock(&sw->firmware_lock);
	if (one && !is_handle(sw, one))
		err = no_handle(sw, one, e);
	else if (one)
		format_rule(one, &text);
	else
		HMAP_FOR_EACH (rule, handle_node, &sw->handles)
			format_rule(rule, &text);
	pthread_mutex_unlock(&sw->firmware_lock);
	fputs(strbuf_cstr(&text), file);
	return err;
}

static int flow_pick_transfer_proxy(struct rte_eth_dev *dev, uint16_t *proxy,
				    struct rte_flow_error *e)
{
	struct esw *sw = esw_of(dev);

	if (!sw->ports[0].dev)
		return refuse(e, ENODEV, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			      "%s: the uplink ethdev is closed", sw->name);
	*proxy = sw->ports[0].dev->data->port_id;
	return 0;
}

const struct rte_flow_ops simnic_flow_ops = {
	.validate = flow_validate,
	.create = flow_create,
	.destroy = flow_destroy,
	.flush = flow_flush,
	.query = flow_query,
	.dev_dump = flow_dump,
	.pick_transfer_proxy = flow_pick_transfer_proxy,
};
