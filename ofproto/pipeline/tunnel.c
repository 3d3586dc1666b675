// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/tunnel.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/hash.h"

// What a tunnel asks for, from the one that asks for most. Bits, so that the order of the numbers is that of looking.
enum { KEY_OF_FLOW = 8, REMOTE_OF_FLOW = 4, LOCAL_ANY = 1, LOCAL_OF_FLOW = 2, N_KINDS = 16 };

struct entry {
	dp_port_t dp_port;
	uint8_t kind;
	struct tunnel_config config;
	struct of_switch *sw;
	of_port_t number;
	char name[64];
	uint64_t hash;
	int32_t next; // in its bucket, -1: none
};

// As readers see it: entries, buckets of a hash table, and which kinds of tunnels a datapath port has.
struct snapshot {
	size_t n, n_buckets, n_ports; // buckets: a power of two
	struct entry *entries;
	int32_t *buckets;
	struct {
		uint32_t port;
		uint16_t kinds;
	} * ports;
};

struct tunnel_table {
	struct snapshot *now; // RCU
	_Atomic uint64_t version;
};

static int kind_of(const struct tunnel_config *c)
{
	return (c->in_key_flow ? KEY_OF_FLOW : 0) | (c->remote_flow ? REMOTE_OF_FLOW : 0) |
	       (c->local_flow				    ? LOCAL_OF_FLOW
		: is_all_zeros(&c->local, sizeof(c->local)) ? LOCAL_ANY
							    : 0);
}

static uint64_t hash_of(dp_port_t port, int kind, uint64_t key, const struct ipv6_addr *remote,
			const struct ipv6_addr *local)
{
	uint64_t h = hash_u64((uint64_t)port.n << 8 | (uint64_t)kind, 0);

	if (!(kind & KEY_OF_FLOW))
		h = hash_u64(key, h);
	if (!(kind & REMOTE_OF_FLOW))
		h = hash_bytes(remote, sizeof(*remote), h);
	if (!(kind & (LOCAL_ANY | LOCAL_OF_FLOW)))
		h = hash_bytes(local, sizeof(*local), h);
	return h;
}

static bool is_for(const struct entry *e, dp_port_t port, int kind, uint64_t key,
		   const struct ipv6_addr *remote, const struct ipv6_addr *local)
{
	const struct tunnel_config *c = &e->config;

	return dp_port_equal(e->dp_port, port) && e->kind == kind &&
	       (kind & KEY_OF_FLOW || c->in_key == key) &&
	       (kind & REMOTE_OF_FLOW || !memcmp(&c->remote, remote, sizeof(*remote))) &&
	       (kind & (LOCAL_ANY | LOCAL_OF_FLOW) || !memcmp(&c->local, local, sizeof(*local)));
}

static const struct entry *find(const struct snapshot *s, dp_port_t port, int kind, uint64_t key,
				const struct ipv6_addr *remote, const struct ipv6_addr *local)
{
	uint64_t h = hash_of(port, kind, key, remote, local);

	for (int32_t i = s->buckets[h & (s->n_buckets - 1)]; i >= 0; i = s->entries[i].next)
		if (s->entries[i].hash == h &&
		    is_for(&s->entries[i], port, kind, key, remote, local))
			return &s->entries[i];
	return NULL;
}

static uint16_t kinds_at(const struct snapshot *s, dp_port_t port)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].port == port.n)
			return s->ports[i].kinds;
	return 0;
}

// ---- Changing ----

static void free_snapshot(void *p)
{
	struct snapshot *s = p;

	free(s->entries);
	free(s->buckets);
	free(s->ports);
	free(s);
}

static void index_entry(struct snapshot *s, struct entry *e)
{
	int32_t *bucket;
	size_t i = 0;

	e->hash =
		hash_of(e->dp_port, e->kind, e->config.in_key, &e->config.remote, &e->config.local);
	bucket = &s->buckets[e->hash & (s->n_buckets - 1)];
	e->next = *bucket;
	*bucket = e - s->entries;
	while (i < s->n_ports && s->ports[i].port != e->dp_port.n)
		i++;
	if (i == s->n_ports)
		s->ports[s->n_ports++].port = e->dp_port.n;
	s->ports[i].kinds |= 1 << e->kind;
}

// Room for 'n' entries, not indexed yet.
static struct snapshot *make_snapshot(size_t n)
{
	struct snapshot *s = xzalloc(sizeof(*s));

	s->n = n;
	s->entries = xcalloc(n + 1, sizeof(*s->entries));
	s->ports = xcalloc(n + 1, sizeof(*s->ports));
	for (s->n_buckets = 1; s->n_buckets < n; s->n_buckets *= 2)
		;
	s->buckets = xcalloc(s->n_buckets, sizeof(*s->buckets));
	memset(s->buckets, 0xff, s->n_buckets * sizeof(*s->buckets));
	return s;
}

static void publish(struct tunnel_table *t, struct snapshot *s)
{
	struct snapshot *old = t->now;

	for (size_t i = 0; i < s->n; i++)
		index_entry(s, &s->entries[i]);
	RCU_SET(t->now, s);
	atomic_fetch_add(&t->version, 1);
	rcu_defer(free_snapshot, old);
}

struct tunnel_table *tunnel_table_create(void)
{
	struct tunnel_table *t = xzalloc(sizeof(*t));

	t->now = make_snapshot(0);
	return t;
}

void tunnel_table_destroy(struct tunnel_table *t)
{
	if (!t)
		return;
	free_snapshot(t->now);
	free(t);
}

int tunnel_table_check(const struct tunnel_table *t, dp_port_t dp_port,
		       const struct tunnel_config *c, const char *name, struct error *err)
{
	const struct entry *same =
		find(t->now, dp_port, kind_of(c), c->in_key, &c->remote, &c->local);
	AUTO(strbuf) id = STRBUF_INIT;

	if (!same)
		return 0;
	tunnel_config_format_id(c, dp_port, &id);
	return error_set(err, -EEXIST,
			 "%s: attempting to add tunnel port with same config as port '%s' (%s)",
			 name, same->name, id.s);
}

int tunnel_table_add(struct tunnel_table *t, dp_port_t dp_port, const struct tunnel_config *c,
		     struct of_switch *sw, of_port_t number, const char *name, struct error *err)
{
	int error = tunnel_table_check(t, dp_port, c, name, err);
	struct snapshot *s;

	if (error)
		return error;
	s = make_snapshot(t->now->n + 1);
	memcpy(s->entries, t->now->entries, t->now->n * sizeof(*s->entries));
	s->entries[s->n - 1] = (struct entry){
		.dp_port = dp_port, .kind = kind_of(c), .config = *c, .sw = sw, .number = number
	};
	snprintf(s->entries[s->n - 1].name, sizeof(s->entries[0].name), "%s", name);
	publish(t, s);
	return 0;
}

void tunnel_table_remove(struct tunnel_table *t, const struct of_switch *sw, of_port_t number)
{
	const struct snapshot *old = t->now;
	struct snapshot *s;
	size_t at = 0, n = 0;

	while (at < old->n &&
	       (old->entries[at].sw != sw || !of_port_equal(old->entries[at].number, number)))
		at++;
	if (at == old->n)
		return;
	s = make_snapshot(old->n - 1);
	for (size_t i = 0; i < old->n; i++)
		if (i != at)
			s->entries[n++] = old->entries[i];
	publish(t, s);
}

uint64_t tunnel_table_version(const struct tunnel_table *t)
{
	return atomic_load(&t->version);
}

// ---- Looking ----

bool tunnel_table_has_port(const struct tunnel_table *t, dp_port_t dp_port)
{
	return kinds_at(RCU_GET(t->now), dp_port);
}

// The kernel's form of a header has a destination, and tells the family by it.
static void look_at_destination(const struct flow_tunnel *header, struct flow_tunnel *mask)
{
	if (header->ip_dst)
		mask->ip_dst = UINT32_MAX;
	else
		memset(&mask->ipv6_dst, 0xff, sizeof(mask->ipv6_dst));
}

static void look_at_source(const struct flow_tunnel *header, struct flow_tunnel *mask)
{
	if (header->ip_dst)
		mask->ip_src = UINT32_MAX;
	else
		memset(&mask->ipv6_src, 0xff, sizeof(mask->ipv6_src));
}

bool tunnel_table_find(const struct tunnel_table *t, dp_port_t dp_port,
		       const struct flow_tunnel *header, struct of_switch **ret_sw,
		       of_port_t *ret_number, struct tunnel_lookup *ret)
{
	uint64_t version = tunnel_table_version(t), key = be64toh(header->tun_id);
	const struct snapshot *s = RCU_GET(t->now);
	uint16_t kinds = kinds_at(s, dp_port);
	struct ipv6_addr remote = header->ip_dst ? ipv6_of_ipv4(header->ip_src) : header->ipv6_src,
			 local = header->ip_dst ? ipv6_of_ipv4(header->ip_dst) : header->ipv6_dst;

	*ret = (struct tunnel_lookup){ .table = t, .version = version };
	look_at_destination(header, &ret->mask);
	for (int kind = 0; kind < N_KINDS; kind++) {
		const struct entry *e;

		if (!(kinds >> kind & 1))
			continue;
		if (!(kind & KEY_OF_FLOW)) {
			ret->mask.tun_id = UINT64_MAX;
			ret->mask.flags = FLOW_TNL_KEY;
		}
		if (!(kind & REMOTE_OF_FLOW))
			look_at_source(header, &ret->mask);
		e = find(s, dp_port, kind, key, &remote, &local);
		if (e) {
			*ret_sw = e->sw;
			*ret_number = e->number;
			return true;
		}
	}
	return false;
}

void tunnel_table_for_each(const struct tunnel_table *t,
			   void (*cb)(const char *name, dp_port_t dp_port,
				      const struct tunnel_config *c, void *aux),
			   void *aux)
{
	const struct snapshot *s = RCU_GET(t->now);

	for (int kind = 0; kind < N_KINDS; kind++)
		for (size_t i = 0; i < s->n; i++)
			if (s->entries[i].kind == kind)
				cb(s->entries[i].name, s->entries[i].dp_port, &s->entries[i].config,
				   aux);
}
