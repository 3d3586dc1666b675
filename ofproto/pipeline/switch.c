// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/recirc.h"
#include "ofproto/pipeline/switch-private.h"

LOG_MODULE(ofproto);

static struct port_index *index_create(size_t n)
{
	struct port_index *ix = xzalloc(sizeof(*ix) + (n + 1) * sizeof(ix->ports[0]));

	ix->n = n;
	return ix;
}

void switch_set_ct_timeouts(struct of_switch *sw, ct_timeout_fn *f, void *aux)
{
	sw->ct_timeout = f;
	sw->ct_timeout_aux = aux;
}

void switch_set_queue_priority(struct of_switch *sw, queue_priority_fn *f, void *aux)
{
	sw->queue_priority = f;
	sw->queue_priority_aux = aux;
}

struct of_switch *switch_create(const char *name, uint64_t datapath_id)
{
	struct of_switch *sw = xzalloc(sizeof(*sw));

	sw->name = xstrdup(name);
	sw->datapath_id = datapath_id;
	switch_init_tables(sw);
	sw->ports = index_create(0);
	sw->macs = mac_table_create();
	hmap_init(&sw->cookies);
	switch_init_meters(sw);
	switch_init_groups(sw);
	switch_init_learned(sw);
	list_init(&sw->expirable);
	sw->next_number = OF_PORT(1);
	sw->version = 1;
	return sw;
}

static void free_port(void *p)
{
	struct of_port *port = p;

	free(port->settings);
	free(port->queues);
	free(port);
}

static void destroy_deferred(void *p)
{
	struct of_switch *sw = p;

	switch_uninit_tables(sw);
	mac_table_destroy(sw->macs);
	hmap_uninit(&sw->cookies);
	rtable_uninit(&sw->meters);
	rtable_uninit(&sw->groups);
	switch_free_learned(sw);
	free(sw->ports);
	free(sw->tlv);
	free(sw->sampling);
	free(sw->name);
	free(sw);
}

void switch_clear(struct of_switch *sw)
{
	struct switch_txn *t;

	switch_flush(sw);
	t = switch_txn_begin(sw);
	switch_delete_groups(t);
	switch_txn_commit(t);
}

void switch_destroy(struct of_switch *sw)
{
	if (!sw)
		return;
	sw->events = NULL;
	recirc_forget_switch(sw);
	learn_forget_switch(sw);
	switch_forget_own_rules(sw);
	switch_clear(sw);
	switch_delete_meters(sw);
	switch_reap_all(sw);
	VEC_FREE(&sw->txn.steps);
	while (sw->ports->n)
		switch_port_del(sw, sw->ports->ports[0]);
	// Readers may be in the middle of a translation.
	rcu_defer(destroy_deferred, sw);
}

void switch_set_events(struct of_switch *sw, const struct switch_events *events, void *aux)
{
	sw->events = events;
	sw->events_aux = aux;
}

void switch_notify_changed(struct of_switch *sw)
{
	if (sw->events && sw->events->changed)
		sw->events->changed(sw->events_aux);
}

const char *switch_name(const struct of_switch *sw)
{
	return sw->name;
}

uint64_t switch_datapath_id(const struct of_switch *sw)
{
	return sw->datapath_id;
}

void switch_set_datapath_id(struct of_switch *sw, uint64_t id)
{
	sw->datapath_id = id;
}

void switch_set_fragments(struct of_switch *sw, enum fragments fragments)
{
	if (atomic_load(&sw->fragments) == fragments)
		return;
	atomic_store(&sw->fragments, fragments);
	atomic_fetch_add(&sw->ports_version, 1);
	switch_notify_changed(sw);
}

enum fragments switch_fragments(const struct of_switch *sw)
{
	return atomic_load(&sw->fragments);
}

struct table *switch_table(const struct of_switch *sw, uint8_t id)
{
	return id < SWITCH_N_TABLES ? (struct table *)&sw->tables[id] : NULL;
}

struct mac_table *switch_macs(const struct of_switch *sw)
{
	return sw->macs;
}

uint64_t switch_ports_version(const struct of_switch *sw)
{
	return atomic_load(&sw->ports_version);
}

size_t switch_n_rules(const struct of_switch *sw)
{
	return sw->n_rules;
}

struct of_port *switch_port_find(const struct of_switch *sw, of_port_t number)
{
	const struct port_index *ix = RCU_GET(sw->ports);
	size_t low = 0, high = ix->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (ix->ports[mid]->number.n == number.n)
			return ix->ports[mid];
		if (ix->ports[mid]->number.n < number.n)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct of_port *switch_port_by_name(const struct of_switch *sw, const char *name)
{
	const struct port_index *ix = RCU_GET(sw->ports);

	for (size_t i = 0; i < ix->n; i++)
		if (!strcmp(ix->ports[i]->name, name))
			return ix->ports[i];
	return NULL;
}

struct of_port *const *switch_ports(const struct of_switch *sw)
{
	return RCU_GET(sw->ports)->ports;
}

static void publish_ports(struct of_switch *sw, struct port_index *ix)
{
	struct port_index *old = sw->ports;

	RCU_SET(sw->ports, ix);
	rcu_free(old);
	atomic_fetch_add(&sw->ports_version, 1);
	switch_notify_changed(sw);
}

static of_port_t choose_number(struct of_switch *sw)
{
	for (uint32_t tries = 0; tries < OFPP10_MAX; tries++) {
		of_port_t n = sw->next_number;

		sw->next_number.n = n.n + 1 < OFPP10_MAX ? n.n + 1 : 1;
		if (!switch_port_find(sw, n))
			return n;
	}
	return OF_PORT(0);
}

// Patch ports find each other by name, in any switch; the caller wires them (see bridge/).
struct of_port *switch_port_add(struct of_switch *sw, const char *name, of_port_t number,
				dp_port_t dp_port, struct eth_addr mac,
				const struct port_settings *settings)
{
	struct port_index *ix;
	struct of_port *p;
	size_t i = 0, n = sw->ports->n;

	if (!number.n || switch_port_find(sw, number))
		number = choose_number(sw);
	if (!number.n)
		return NULL;
	p = xzalloc(sizeof(*p));
	p->sw = sw;
	p->number = number;
	p->dp_port = dp_port;
	p->mac = mac;
	p->created = clock_msec();
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->settings = xmemdup(settings, sizeof(*settings));
	ix = index_create(n + 1);
	while (i < n && sw->ports->ports[i]->number.n < number.n)
		i++;
	memcpy(ix->ports, sw->ports->ports, i * sizeof(p));
	ix->ports[i] = p;
	memcpy(ix->ports + i + 1, sw->ports->ports + i, (n - i) * sizeof(p));
	publish_ports(sw, ix);
	if (sw->events && sw->events->port_status)
		sw->events->port_status(sw->events_aux, p, PORT_ADDED);
	return p;
}

void switch_port_del(struct of_switch *sw, struct of_port *p)
{
	size_t n = sw->ports->n, out = 0;
	struct port_index *ix = index_create(n - 1);
	struct of_port *peer = atomic_load(&p->peer);

	for (size_t i = 0; i < n; i++)
		if (sw->ports->ports[i] != p)
			ix->ports[out++] = sw->ports->ports[i];
	if (peer)
		atomic_store(&peer->peer, NULL);
	mac_table_forget_port(sw->macs, p->number);
	publish_ports(sw, ix);
	if (sw->events && sw->events->port_status)
		sw->events->port_status(sw->events_aux, p, PORT_DELETED);
	rcu_defer(free_port, p);
}

void switch_port_set_mac(struct of_switch *sw, struct of_port *p, struct eth_addr mac)
{
	if (eth_addr_equal(p->mac, mac))
		return;
	p->mac = mac;
	if (sw->events && sw->events->port_status)
		sw->events->port_status(sw->events_aux, p, PORT_MODIFIED);
}

void switch_port_set(struct of_switch *sw, struct of_port *p, const struct port_settings *settings)
{
	struct port_settings *old = p->settings;

	if (!memcmp(old, settings, sizeof(*old)))
		return;
	RCU_SET(p->settings, (struct port_settings *)xmemdup(settings, sizeof(*settings)));
	if (memcmp(old, settings, offsetof(struct port_settings, patch_peer)))
		mac_table_forget_port(sw->macs, p->number);
	rcu_free(old);
	atomic_fetch_add(&sw->ports_version, 1);
	switch_notify_changed(sw);
}

static int by_priority(const void *a, const void *b)
{
	const struct queue_mark *x = a, *y = b;

	return x->priority < y->priority ? -1 : x->priority > y->priority;
}

const struct queue_mark *port_queues_find(const struct port_queues *q, uint32_t priority)
{
	const struct queue_mark wanted = { .priority = priority };

	return bsearch(&wanted, q->marks, q->n, sizeof(wanted), by_priority);
}

void switch_port_set_queues(struct of_switch *sw, struct of_port *p, const struct queue_mark *marks,
			    size_t n)
{
	struct port_queues *old = p->queues, *queues = NULL;
	size_t size = n * sizeof(*marks);

	if (n) {
		queues = xzalloc(sizeof(*queues) + size);
		queues->n = n;
		memcpy(queues->marks, marks, size);
		qsort(queues->marks, n, sizeof(*marks), by_priority);
	}
	if (old && queues ? old->n == n && !memcmp(old->marks, queues->marks, size)
			  : old == queues) {
		free(queues);
		return;
	}
	RCU_SET(p->queues, queues);
	if (old)
		rcu_free(old);
	atomic_fetch_add(&sw->ports_version, 1);
	switch_notify_changed(sw);
}

void switch_port_set_state(struct of_switch *sw, struct of_port *p, uint32_t config, uint32_t state)
{
	if (config == p->config && state == p->state)
		return;
	atomic_store(&p->config, config);
	atomic_store(&p->state, state);
	atomic_fetch_add(&sw->ports_version, 1);
	switch_notify_changed(sw);
	if (sw->events && sw->events->port_status)
		sw->events->port_status(sw->events_aux, p, PORT_MODIFIED);
}

static bool port_by_name(const char *name, of_port_t *ret_port, void *aux)
{
	struct of_port *p = switch_port_by_name(aux, name);

	if (p)
		*ret_port = p->number;
	return p != NULL;
}

static const char *port_by_number(of_port_t number, void *aux)
{
	struct of_port *p = switch_port_find(aux, number);

	return p ? p->name : NULL;
}

struct port_names switch_port_names(const struct of_switch *sw)
{
	return (struct port_names){ port_by_name, port_by_number, (void *)sw };
}
