// SPDX-License-Identifier: Apache-2.0
#include "hw-tests/lab/cases/pipeline.h"

#include <check.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "hw-tests/lab/cases/frames.h"

struct rule {
	struct match m;
	const char *actions;
	const char *after; // recirculation: another rule's actions
};

pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
struct seen seen;
megaflow_vec installed;
bool widens;
struct datapath *dp;
static struct rule rule GUARDED_BY(seen_lock);
static bool has_rule;

void parse_actions(const char *text, struct strbuf *out)
{
	struct error err = ERROR_INIT;

	if (dp_actions_parse(text, NULL, NULL, out, &err))
		fatal(0, "%s: %s", text, err.text);
}

static bool matches(const struct rule *r, const struct flow_key *key)
{
	struct flow_key a, b;

	flow_key_masked(&a, key, &r->m.mask);
	flow_key_masked(&b, &r->m.key, &r->m.mask);
	return flow_key_equal(&a, &b);
}

static struct megaflow *answer(const struct flow_key *key, struct strbuf *actions)
{
	struct flow_mask mask = rule.m.mask;

	if (key->recirc_id) {
		parse_actions(rule.after, actions);
		memset(&mask.m.recirc_id, 0xff, sizeof(mask.m.recirc_id));
		// The first list may have changed what the rule looked at.
		return megaflow_create(key, &mask, dp_actions_of(actions));
	}
	if (!matches(&rule, key))
		return NULL;
	parse_actions(rule.actions, actions);
	if (widens)
		memset(&mask.m.nw_src, 0xff, sizeof(mask.m.nw_src));
	memset(&mask.m.recirc_id, 0xff, sizeof(mask.m.recirc_id));
	return megaflow_create(key, &mask, dp_actions_of(actions));
}

static int on_miss(void *aux, const struct upcall *u, struct strbuf *actions,
		   struct megaflow **ret_flow)
{
	struct megaflow *mf = NULL;

	if (u->key->eth_type == htobe16(MARKER_TYPE)) {
		parse_actions("2,3", actions);
		return 0;
	}
	pthread_mutex_lock(&seen_lock);
	seen.misses++;
	seen.key = *u->key;
	strbuf_clear(&seen.bytes);
	strbuf_put(&seen.bytes, u->packet->data, u->packet->size);
	if (has_rule)
		mf = answer(u->key, actions);
	// Like the real one: the thread that translates also installs.
	if (mf && ops->flow_add(dp, mf)) {
		megaflow_free(mf);
		mf = NULL;
	}
	if (mf)
		VEC_PUSH(&installed, mf);
	pthread_mutex_unlock(&seen_lock);
	*ret_flow = mf;
	return 0;
}

static int on_userspace(void *aux, const struct upcall *u, struct strbuf *actions)
{
	pthread_mutex_lock(&seen_lock);
	seen.userspace++;
	seen.key = *u->key;
	seen.action = *u->userspace;
	strbuf_clear(&seen.bytes);
	strbuf_put(&seen.bytes, u->packet->data, u->packet->size);
	pthread_mutex_unlock(&seen_lock);
	return 0;
}

const struct upcall_ops pipeline_upcalls = { on_miss, on_userspace };

unsigned int count_of(const unsigned int *what)
{
	unsigned int n;

	pthread_mutex_lock(&seen_lock);
	n = *what;
	pthread_mutex_unlock(&seen_lock);
	return n;
}

static bool any_on_its_way(void)
{
	struct kernel_datapath *k = kernel_datapath(dp);
	struct kernel_flow *f;
	bool any = false;

	pthread_mutex_lock(&k->flows_lock);
	HMAP_FOR_EACH (f, node, &k->flows)
		any |= f->state == FLOW_ADDING;
	pthread_mutex_unlock(&k->flows_lock);
	return any;
}

// Another handler than the one that had the marker may still be at work.
void wait_until_read(const unsigned int *what, unsigned int n)
{
	rcu_offline();
	for (int i = 0; i < WAIT_MSEC && (count_of(what) < n || any_on_its_way()); i++)
		usleep(1000);
	rcu_online();
	ck_assert_uint_ge(count_of(what), n);
}

void set_rule(const struct match *m, const char *actions, const char *after)
{
	pthread_mutex_lock(&seen_lock);
	rule = (struct rule){ *m, actions, after };
	has_rule = true;
	pthread_mutex_unlock(&seen_lock);
}

struct flow_counts counts_of(struct megaflow *mf)
{
	struct flow_counts c;

	ops->flow_counts(dp, mf, &c);
	return c;
}

static void free_flow(void *mf)
{
	megaflow_free(mf);
}

void release(struct megaflow *mf)
{
	rcu_defer(free_flow, mf);
}

void take_out(struct megaflow *mf)
{
	ops->flow_del(dp, mf);
	release(mf);
}

void no_flows(void)
{
	pthread_mutex_lock(&seen_lock);
	has_rule = false;
	pthread_mutex_unlock(&seen_lock);
	rcu_offline();
	for (int i = 0; i < 100 && ops->flow_count(dp) != installed.n; i++)
		usleep(1000);
	rcu_online();
	while (installed.n)
		take_out(installed.v[--installed.n]);
	ck_assert_uint_eq(ops->flow_count(dp), 0);
}

void open_datapath(const struct wire *wires, size_t n)
{
	static const struct datapath_config config;
	struct error err = ERROR_INIT;

	ck_assert_msg(!ops->probe(&err), "%s", err.text);
	ck_assert_msg(!ops->open(ops->default_name, &pipeline_upcalls, NULL, &config, &dp, &err),
		      "%s", err.text);
	for (size_t i = 1; i <= n; i++) {
		dp_port_t port;

		ck_assert_msg(!ops->port_add(dp, wires[i].name, "system", NULL, &port, &err), "%s",
			      err.text);
		ck_assert_uint_eq(port.n, i);
	}
}
