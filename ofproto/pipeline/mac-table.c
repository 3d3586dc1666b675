// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/mac-table.h"

#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/list.h"

// Answers are versioned by buckets of this many: two stations that share one cost a needless look, no more.
#define N_VERSIONS 4096

struct entry {
	struct hmap_node node;
	struct list lru; // least recently seen first; static ones in a list of their own
	struct eth_addr mac;
	uint16_t vlan;
	of_port_t port;
	int64_t seen;
	bool is_static;
};

struct mac_table {
	pthread_mutex_t lock;
	struct hmap entries;
	struct list lru, statics;
	unsigned int idle_sec;
	size_t max_entries;
	uint64_t versions[N_VERSIONS];
	uint64_t learned, expired, evicted, moved;
};

struct mac_table *mac_table_create(void)
{
	struct mac_table *t = xzalloc(sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	hmap_init(&t->entries);
	list_init(&t->lru);
	list_init(&t->statics);
	t->idle_sec = 300;
	t->max_entries = 8192;
	return t;
}

static uint64_t key_hash(struct eth_addr mac, uint16_t vlan)
{
	return hash_u64(eth_addr_to_u64(mac) | (uint64_t)vlan << 48, 0);
}

static void bump(struct mac_table *t, uint64_t hash)
{
	t->versions[hash % N_VERSIONS]++;
}

static struct entry *find(const struct mac_table *t, struct eth_addr mac, uint16_t vlan)
{
	struct entry *e;

	HMAP_FOR_EACH_WITH_HASH (e, node, key_hash(mac, vlan), &t->entries)
		if (e->vlan == vlan && eth_addr_equal(e->mac, mac))
			return e;
	return NULL;
}

static void drop(struct mac_table *t, struct entry *e)
{
	bump(t, e->node.hash);
	hmap_remove(&t->entries, &e->node);
	list_remove(&e->lru);
	free(e);
}

void mac_table_destroy(struct mac_table *t)
{
	if (!t)
		return;
	mac_table_flush(t);
	while (!list_is_empty(&t->statics))
		drop(t, LIST_ENTRY(t->statics.next, struct entry, lru));
	hmap_uninit(&t->entries);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void evict_oldest(struct mac_table *t)
{
	if (list_is_empty(&t->lru))
		return;
	drop(t, LIST_ENTRY(t->lru.next, struct entry, lru));
	t->evicted++;
}

void mac_table_configure(struct mac_table *t, unsigned int idle_sec, size_t max_entries)
{
	pthread_mutex_lock(&t->lock);
	t->idle_sec = idle_sec;
	t->max_entries = max_entries;
	while (t->entries.n > max_entries && !list_is_empty(&t->lru))
		evict_oldest(t);
	pthread_mutex_unlock(&t->lock);
}

static struct entry *add(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t port)
{
	struct entry *e = xzalloc(sizeof(*e));

	e->mac = mac;
	e->vlan = vlan;
	e->port = port;
	e->seen = clock_msec();
	list_init(&e->lru);
	hmap_insert(&t->entries, &e->node, key_hash(mac, vlan));
	bump(t, e->node.hash);
	return e;
}

static bool learn_locked(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t port)
{
	struct entry *e = find(t, mac, vlan);
	bool changed = false;

	if (e && e->is_static)
		return false;
	if (!e) {
		if (t->entries.n >= t->max_entries)
			evict_oldest(t);
		if (t->entries.n >= t->max_entries)
			return false; // static entries fill it
		e = add(t, mac, vlan, port);
		t->learned++;
		changed = true;
	} else if (!of_port_equal(e->port, port)) {
		e->port = port;
		bump(t, e->node.hash);
		t->moved++;
		changed = true;
	}
	e->seen = clock_msec();
	list_remove(&e->lru);
	list_push_back(&t->lru, &e->lru);
	return changed;
}

bool mac_table_learn(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t port)
{
	bool changed;

	pthread_mutex_lock(&t->lock);
	changed = learn_locked(t, mac, vlan, port);
	pthread_mutex_unlock(&t->lock);
	return changed;
}

bool mac_table_would_change(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t port)
{
	struct entry *e;
	bool would;

	pthread_mutex_lock(&t->lock);
	e = find(t, mac, vlan);
	would = !e || (!e->is_static && !of_port_equal(e->port, port));
	pthread_mutex_unlock(&t->lock);
	return would;
}

bool mac_table_find(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t *ret_port,
		    uint64_t *ret_version)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = find(t, mac, vlan);
	if (e)
		*ret_port = e->port;
	if (ret_version)
		*ret_version = t->versions[key_hash(mac, vlan) % N_VERSIONS];
	pthread_mutex_unlock(&t->lock);
	return e != NULL;
}

uint64_t mac_table_version(struct mac_table *t, struct eth_addr mac, uint16_t vlan)
{
	uint64_t v;

	pthread_mutex_lock(&t->lock);
	v = t->versions[key_hash(mac, vlan) % N_VERSIONS];
	pthread_mutex_unlock(&t->lock);
	return v;
}

void mac_table_flush(struct mac_table *t)
{
	pthread_mutex_lock(&t->lock);
	while (!list_is_empty(&t->lru))
		drop(t, LIST_ENTRY(t->lru.next, struct entry, lru));
	pthread_mutex_unlock(&t->lock);
}

static void forget_in(struct mac_table *t, struct list *from, of_port_t port)
{
	struct entry *e, *next;

	LIST_FOR_EACH_SAFE (e, next, lru, from)
		if (of_port_equal(e->port, port))
			drop(t, e);
}

void mac_table_forget_port(struct mac_table *t, of_port_t port)
{
	pthread_mutex_lock(&t->lock);
	forget_in(t, &t->lru, port);
	forget_in(t, &t->statics, port);
	pthread_mutex_unlock(&t->lock);
}

int mac_table_add_static(struct mac_table *t, struct eth_addr mac, uint16_t vlan, of_port_t port)
{
	struct entry *e;
	int ret = 0;

	pthread_mutex_lock(&t->lock);
	e = find(t, mac, vlan);
	if (!e && t->entries.n >= t->max_entries)
		ret = -ENOSPC;
	if (!ret) {
		if (!e)
			e = add(t, mac, vlan, port);
		e->is_static = true;
		e->port = port;
		bump(t, e->node.hash);
		list_remove(&e->lru);
		list_push_back(&t->statics, &e->lru);
	}
	pthread_mutex_unlock(&t->lock);
	return ret;
}

bool mac_table_del(struct mac_table *t, struct eth_addr mac, uint16_t vlan)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = find(t, mac, vlan);
	if (e)
		drop(t, e);
	pthread_mutex_unlock(&t->lock);
	return e != NULL;
}

bool mac_table_expire(struct mac_table *t)
{
	int64_t before = clock_msec() - (int64_t)t->idle_sec * 1000;
	struct entry *e, *next;
	bool any = false;

	pthread_mutex_lock(&t->lock);
	LIST_FOR_EACH_SAFE (e, next, lru, &t->lru) {
		if (e->seen > before)
			break;
		drop(t, e);
		t->expired++;
		any = true;
	}
	pthread_mutex_unlock(&t->lock);
	return any;
}

size_t mac_table_count(struct mac_table *t)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->entries.n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

static void show_list(struct list *from, void (*cb)(const struct mac_entry_info *e, void *aux),
		      void *aux)
{
	int64_t now = clock_msec();
	struct entry *e;

	LIST_FOR_EACH (e, lru, from) {
		struct mac_entry_info info = { e->mac, e->vlan, e->port,
					       e->is_static ? -1 : (int)((now - e->seen) / 1000) };

		cb(&info, aux);
	}
}

void mac_table_for_each(struct mac_table *t, void (*cb)(const struct mac_entry_info *e, void *aux),
			void *aux)
{
	pthread_mutex_lock(&t->lock);
	show_list(&t->statics, cb, aux);
	show_list(&t->lru, cb, aux);
	pthread_mutex_unlock(&t->lock);
}

void mac_table_stats(struct mac_table *t, struct strbuf *out)
{
	pthread_mutex_lock(&t->lock);
	strbuf_printf(out, "  Current/maximum MAC entries in the table: %zu/%zu\n", t->entries.n,
		      t->max_entries);
	strbuf_printf(out, "  Current static MAC entries in the table : %zu\n",
		      list_size(&t->statics));
	strbuf_printf(out, "  Total number of learned MAC entries     : %llu\n",
		      (unsigned long long)t->learned);
	strbuf_printf(out, "  Total number of expired MAC entries     : %llu\n",
		      (unsigned long long)t->expired);
	strbuf_printf(out, "  Total number of evicted MAC entries     : %llu\n",
		      (unsigned long long)t->evicted);
	strbuf_printf(out, "  Total number of port moved MAC entries  : %llu\n",
		      (unsigned long long)t->moved);
	pthread_mutex_unlock(&t->lock);
}

void mac_table_stats_clear(struct mac_table *t)
{
	pthread_mutex_lock(&t->lock);
	t->learned = t->expired = t->evicted = t->moved = 0;
	pthread_mutex_unlock(&t->lock);
}
