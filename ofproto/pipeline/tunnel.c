// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/tunnel.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/hash.h"

// What a tunnel asks for, from the one that asks for most. Bits, so that the order of the numbers is that of looking.
enum {
	KEY_OF_FLOW = 16,
	REMOTE_OF_FLOW = 8,
	LOCAL_OF_FLOW = 4,
	LOCAL_ANY = 2,
	ANY_PACKETS = 1, // with an Ethernet header and without
	N_KINDS = 32
};
enum { MIN_CAPACITY = 8 };

struct entry {
	dp_port_t dp_port;
	uint8_t kind;
	struct tunnel_config config;
	struct of_switch *sw;
	of_port_t number;
	char name[64];
	uint64_t hash;
	struct entry *next; // RCU; in its bucket
	bool removed; // a reader may still have it, so that its place stays taken
};

// Which kinds of tunnels a datapath port has.
struct port_kinds {
	uint32_t port;
	_Atomic uint32_t kinds;
	size_t n[N_KINDS];
};

// Entries and a hash table of as many buckets. When no place is left, those that are still there move to one of another size:
// tunnels come and go by the thousand at a start, and each costs the same.
struct store {
	size_t n, n_removed, capacity; // a power of two
	struct entry *entries;
	struct entry **buckets; // RCU
	_Atomic size_t n_ports;
	struct port_kinds *ports;
};

struct tunnel_table {
	struct store *now; // RCU
	_Atomic uint64_t version;
};

// What a tunnel and a packet have in common. What the kind does not ask for does not count.
struct meeting {
	dp_port_t port;
	bool bare; // packets without an Ethernet header
	uint64_t key;
	struct ipv6_addr remote, local;
};

static int kind_of(const struct tunnel_config *c)
{
	return (c->in_key_flow ? KEY_OF_FLOW : 0) | (c->remote_flow ? REMOTE_OF_FLOW : 0) |
	       (c->local_flow				    ? LOCAL_OF_FLOW
		: is_all_zeros(&c->local, sizeof(c->local)) ? LOCAL_ANY
							    : 0) |
	       (c->packets == TUNNEL_PTAP ? ANY_PACKETS : 0);
}

static struct meeting meeting_of(const struct tunnel_config *c, dp_port_t port)
{
	return (struct meeting){ .port = port,
				 .bare = c->packets == TUNNEL_LEGACY_L3,
				 .key = c->in_key,
				 .remote = c->remote,
				 .local = c->local };
}

static uint64_t hash_of(const struct meeting *m, int kind)
{
	uint64_t h = hash_u64((uint64_t)m->port.n << 8 | (uint64_t)kind, 0);

	if (!(kind & ANY_PACKETS))
		h = hash_u64(m->bare, h);
	if (!(kind & KEY_OF_FLOW))
		h = hash_u64(m->key, h);
	if (!(kind & REMOTE_OF_FLOW))
		h = hash_bytes(&m->remote, sizeof(m->remote), h);
	if (!(kind & (LOCAL_ANY | LOCAL_OF_FLOW)))
		h = hash_bytes(&m->local, sizeof(m->local), h);
	return h;
}

static bool is_for(const struct entry *e, const struct meeting *m, int kind)
{
	const struct tunnel_config *c = &e->config;

	return dp_port_equal(e->dp_port, m->port) && e->kind == kind &&
	       (kind & ANY_PACKETS || (c->packets == TUNNEL_LEGACY_L3) == m->bare) &&
	       (kind & KEY_OF_FLOW || c->in_key == m->key) &&
	       (kind & REMOTE_OF_FLOW || !memcmp(&c->remote, &m->remote, sizeof(m->remote))) &&
	       (kind & (LOCAL_ANY | LOCAL_OF_FLOW) ||
		!memcmp(&c->local, &m->local, sizeof(m->local)));
}

static struct entry **bucket_of(const struct store *s, uint64_t hash)
{
	return &s->buckets[hash & (s->capacity - 1)];
}

static const struct entry *find(const struct store *s, const struct meeting *m, int kind)
{
	uint64_t h = hash_of(m, kind);

	for (struct entry *e = RCU_GET(*bucket_of(s, h)); e; e = RCU_GET(e->next))
		if (e->hash == h && is_for(e, m, kind))
			return e;
	return NULL;
}

static struct port_kinds *find_port(const struct store *s, dp_port_t port)
{
	size_t n = atomic_load(&s->n_ports);

	for (size_t i = 0; i < n; i++)
		if (s->ports[i].port == port.n)
			return &s->ports[i];
	return NULL;
}

static uint32_t kinds_at(const struct store *s, dp_port_t port)
{
	const struct port_kinds *p = find_port(s, port);

	return p ? atomic_load(&p->kinds) : 0;
}

// ---- Changing ----

static void free_store(void *p)
{
	struct store *s = p;

	free(s->entries);
	free(s->buckets);
	free(s->ports);
	free(s);
}

static struct store *make_store(size_t capacity)
{
	struct store *s = xzalloc(sizeof(*s));

	s->capacity = capacity;
	s->entries = xcalloc(capacity, sizeof(*s->entries));
	s->buckets = xcalloc(capacity, sizeof(*s->buckets));
	s->ports = xcalloc(capacity, sizeof(*s->ports));
	return s;
}

static void count_port(struct store *s, const struct entry *e)
{
	struct port_kinds *p = find_port(s, e->dp_port);

	if (!p) {
		p = &s->ports[s->n_ports];
		p->port = e->dp_port.n;
		atomic_fetch_add(&s->n_ports, 1);
	}
	if (!p->n[e->kind]++)
		atomic_fetch_or(&p->kinds, UINT32_C(1) << e->kind);
}

// There is a place for it.
static void insert(struct store *s, const struct entry *new)
{
	struct meeting m = meeting_of(&new->config, new->dp_port);
	struct entry *e = &s->entries[s->n++], **bucket;

	*e = *new;
	e->hash = hash_of(&m, e->kind);
	bucket = bucket_of(s, e->hash);
	e->next = *bucket;
	RCU_SET(*bucket, e);
	count_port(s, e);
}

static void take_out(struct store *s, struct entry *e)
{
	struct entry **p = bucket_of(s, e->hash);
	struct port_kinds *port = find_port(s, e->dp_port);

	while (*p != e)
		p = &(*p)->next;
	RCU_SET(*p, e->next);
	e->removed = true;
	s->n_removed++;
	if (!--port->n[e->kind])
		atomic_fetch_and(&port->kinds, ~(UINT32_C(1) << e->kind));
}

static void make_room(struct tunnel_table *t)
{
	struct store *old = t->now, *s;
	size_t capacity = MIN_CAPACITY;

	if (old->n < old->capacity)
		return;
	while (capacity < 2 * (old->n - old->n_removed))
		capacity *= 2;
	s = make_store(capacity);
	for (size_t i = 0; i < old->n; i++)
		if (!old->entries[i].removed)
			insert(s, &old->entries[i]);
	RCU_SET(t->now, s);
	rcu_defer(free_store, old);
}

struct tunnel_table *tunnel_table_create(void)
{
	struct tunnel_table *t = xzalloc(sizeof(*t));

	t->now = make_store(MIN_CAPACITY);
	return t;
}

void tunnel_table_destroy(struct tunnel_table *t)
{
	if (!t)
		return;
	free_store(t->now);
	free(t);
}

int tunnel_table_check(const struct tunnel_table *t, dp_port_t dp_port,
		       const struct tunnel_config *c, const char *name, struct error *err)
{
	struct meeting m = meeting_of(c, dp_port);
	const struct entry *same = find(t->now, &m, kind_of(c));
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
	struct entry e = {
		.dp_port = dp_port, .kind = kind_of(c), .config = *c, .sw = sw, .number = number
	};
	int error = tunnel_table_check(t, dp_port, c, name, err);

	if (error)
		return error;
	snprintf(e.name, sizeof(e.name), "%s", name);
	make_room(t);
	insert(t->now, &e);
	atomic_fetch_add(&t->version, 1);
	return 0;
}

void tunnel_table_remove(struct tunnel_table *t, const struct of_switch *sw, of_port_t number)
{
	struct store *s = t->now;

	for (size_t i = 0; i < s->n; i++) {
		struct entry *e = &s->entries[i];

		if (e->removed || e->sw != sw || !of_port_equal(e->number, number))
			continue;
		take_out(s, e);
		atomic_fetch_add(&t->version, 1);
		return;
	}
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

static void look_at_source(const struct flow_tunnel *header, struct flow_tunnel *mask)
{
	if (header->ip_dst)
		mask->ip_src = UINT32_MAX;
	else
		memset(&mask->ipv6_src, 0xff, sizeof(mask->ipv6_src));
}

bool tunnel_table_find(const struct tunnel_table *t, dp_port_t dp_port,
		       const struct flow_tunnel *header, bool bare, struct of_switch **ret_sw,
		       of_port_t *ret_number, struct tunnel_lookup *ret)
{
	uint64_t version = tunnel_table_version(t);
	const struct store *s = RCU_GET(t->now);
	uint32_t kinds = kinds_at(s, dp_port);
	struct meeting m = {
		.port = dp_port,
		.bare = bare,
		.key = be64toh(header->tun_id),
		.remote = header->ip_dst ? ipv6_of_ipv4(header->ip_src) : header->ipv6_src,
		.local = header->ip_dst ? ipv6_of_ipv4(header->ip_dst) : header->ipv6_dst,
	};

	*ret = (struct tunnel_lookup){ .table = t, .version = version };
	flow_tunnel_mask_dst(header, &ret->mask);
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
		e = find(s, &m, kind);
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
	const struct store *s = RCU_GET(t->now);

	for (int kind = 0; kind < N_KINDS; kind++)
		for (size_t i = 0; i < s->n; i++)
			if (s->entries[i].kind == kind && !s->entries[i].removed)
				cb(s->entries[i].name, s->entries[i].dp_port, &s->entries[i].config,
				   aux);
}
