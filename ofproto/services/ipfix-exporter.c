// SPDX-License-Identifier: Apache-2.0
// An exporter: flows are counted in a cache and told to collectors when they leave it.
//
// Packet threads only count, and put flows that end into a list; the main thread tells collectors of those. What it needs for that is
// its own, so that no packet waits for a message.
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/list.h"
#include "core/base/vec.h"
#include "ofproto/services/ipfix-private.h"

struct flow {
	struct hmap_node node; // in 'flows'
	struct list age_node; // in 'by_age', the oldest first; then among those that ended
	struct ipfix_key key;
	struct ipfix_counts counts;
	int64_t created; // clock_msec()
	int64_t first, last; // clock_wall_msec()
	enum ipfix_end why; // of one that ended
};

// An observation domain: collectors know templates by it.
struct domain {
	uint32_t id;
	int64_t told; // clock_msec() when they were told the templates
};

// Domains come from rules: of no more than so many is it known what they have been told.
#define MAX_DOMAINS 1024

struct target {
	char *name;
	int fd; // -1: it could not be opened
	bool failed; // since it was opened
};

typedef VEC(struct target) targets_vec;

// So many flows wait for the main thread; those of which there is no room are lost, and counted.
#define MAX_ENDED 16384
// That many end with one packet, and are taken in one go: who waits for the lock waits no longer.
#define END_AT_ONCE 4
#define TAKE_AT_ONCE 64

struct ipfix_exporter {
	const uint32_t set, process;

	pthread_mutex_t lock; // of these:
	int64_t active_timeout; // ms
	uint32_t max_flows;
	struct hmap flows;
	struct list by_age, ended;
	size_t n_ended;
	uint64_t lost; // flows that ended without room
	struct ipfix_stats stats; // of packets and flows

	// The main thread's.
	int64_t template_interval; // ms
	char *virtual_obs_id;
	targets_vec targets;
	VEC(struct domain) domains;
	struct ipfix_counts total; // of all flows told of
	uint32_t sequence; // of the record that comes next
	struct strbuf message;
	uint64_t sent, send_errors; // messages
};

// ---- Collectors ----

static int resolve(char *host, const char *port, struct addrinfo **ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	size_t n = strlen(host);
	uint64_t number;

	if (!parse_u64(port, 10, &number) || !number || number > UINT16_MAX)
		return EAI_SERVICE;
	if (n > 1 && *host == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		host++;
	}
	return getaddrinfo(host, port, &hints, ret);
}

// "IP:PORT", with brackets around an address of IPv6. -1: 'warnings' says why not.
static int open_target(const char *target, struct strbuf *warnings)
{
	AUTO_FREE char *host = xstrdup(target);
	char *port = strrchr(host, ':');
	struct addrinfo *a = NULL;
	int fd;

	if (!port || port == host) {
		strbuf_printf(warnings, "target \"%s\" is not IP:PORT\n", target);
		return -1;
	}
	*port++ = '\0';
	if (resolve(host, port, &a)) {
		strbuf_printf(warnings, "target \"%s\" has no address and port in numbers\n",
			      target);
		return -1;
	}
	fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen)) {
		strbuf_printf(warnings, "target \"%s\": %s\n", target, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	return fd;
}

static void close_targets(targets_vec *targets)
{
	struct target *t;

	VEC_FOR_EACH (t, targets) {
		if (t->fd >= 0)
			close(t->fd);
		free(t->name);
	}
	VEC_FREE(targets);
}

// A socket that works; -1: there is none.
static int take_socket(targets_vec *targets, const char *name)
{
	struct target *t;

	VEC_FOR_EACH (t, targets) {
		int fd = t->fd;

		if (fd < 0 || t->failed || strcmp(t->name, name) != 0)
			continue;
		t->fd = -1;
		return fd;
	}
	return -1;
}

// What a collector knows of an exporter ends with its socket, for to the collector that is another exporter: those of targets
// that stay do so too. True: some are new, and know nothing.
static bool set_targets(struct ipfix_exporter *e, const struct ipfix_config *c,
			struct strbuf *warnings)
{
	targets_vec old = e->targets;
	bool is_new = false;

	e->targets = (targets_vec)VEC_INIT;
	for (size_t i = 0; i < c->n_targets; i++) {
		int fd = take_socket(&old, c->targets[i]);

		if (fd < 0) {
			fd = open_target(c->targets[i], warnings);
			is_new |= fd >= 0;
		}
		VEC_PUSH(&e->targets, ((struct target){ xstrdup(c->targets[i]), fd, false }));
	}
	close_targets(&old);
	return is_new;
}

// Nobody listening, or no room, says nothing of the socket.
static bool is_passing(int err)
{
	return err == ECONNREFUSED || err == EAGAIN || err == ENOBUFS;
}

static void send_message(struct ipfix_exporter *e)
{
	struct target *t;

	ipfix_message_end(&e->message);
	VEC_FOR_EACH (t, &e->targets) {
		if (t->fd < 0)
			continue;
		if (send(t->fd, e->message.s, e->message.len, MSG_NOSIGNAL) >= 0) {
			e->sent++;
			continue;
		}
		e->send_errors++;
		t->failed |= !is_passing(errno);
	}
}

// ---- Messages ----

// The time of a message is in whole seconds, and not before that of what it tells.
static uint32_t message_time(void)
{
	return (clock_wall_msec() + 999) / 1000;
}

static void tell_templates(struct ipfix_exporter *e, uint32_t domain)
{
	for (unsigned int at = 0;;) {
		ipfix_message_begin(&e->message, message_time(), e->sequence, domain);
		if (!ipfix_put_templates(&e->message, e->virtual_obs_id, &at))
			break;
		send_message(e);
	}
	// What is said of the exporter belongs to no domain.
	ipfix_message_begin(&e->message, message_time(), e->sequence, 0);
	ipfix_put_options_template(&e->message);
	send_message(e);
	ipfix_message_begin(&e->message, message_time(), e->sequence, 0);
	ipfix_put_options(&e->message, e->process, 0);
	send_message(e);
	e->sequence++;
}

// A collector that has no template of a domain can read none of its records.
static void tell_templates_if_due(struct ipfix_exporter *e, uint32_t id)
{
	int64_t now = clock_msec();
	struct domain *d, *found = NULL;

	VEC_FOR_EACH (d, &e->domains)
		if (d->id == id)
			found = d;
	if (found && now < found->told + e->template_interval)
		return;
	if (!found) {
		if (e->domains.n >= MAX_DOMAINS)
			VEC_CLEAR(&e->domains);
		VEC_PUSH(&e->domains, ((struct domain){ .id = id }));
		found = &e->domains.v[e->domains.n - 1];
	}
	found->told = now;
	tell_templates(e, id);
}

static void add(struct ipfix_counts *to, const struct ipfix_counts *n)
{
	uint64_t min = MIN(to->ip_min ? to->ip_min : n->ip_min, n->ip_min ? n->ip_min : to->ip_min);
	uint64_t max = MAX(to->ip_max, n->ip_max), *a = (uint64_t *)to;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*a); i++)
		a[i] += ((const uint64_t *)n)[i];
	to->ip_min = min;
	to->ip_max = max;
}

// Microseconds from a time to that of the message.
static uint32_t before(uint32_t message_time, int64_t wall_msec)
{
	return (message_time * INT64_C(1000) - wall_msec) * 1000;
}

static void tell_flow(struct ipfix_exporter *e, const struct flow *f)
{
	uint32_t now = message_time();

	tell_templates_if_due(e, f->key.domain);
	add(&e->total, &f->counts);
	ipfix_message_begin(&e->message, now, e->sequence, f->key.domain);
	ipfix_put_record(&e->message,
			 &(struct ipfix_record){ .key = &f->key,
						 .flow = &f->counts,
						 .total = &e->total,
						 .start = before(now, f->first),
						 .end = before(now, f->last),
						 .why = f->why,
						 .virtual_obs_id = e->virtual_obs_id });
	e->sequence++;
	send_message(e);
}

static void tell_flows(struct ipfix_exporter *e, struct list *ended)
{
	while (!list_is_empty(ended)) {
		struct flow *f = CONTAINER_OF(list_pop_front(ended), struct flow, age_node);

		tell_flow(e, f);
		free(f);
	}
}

// ---- The cache ----

static struct flow *oldest(const struct ipfix_exporter *e)
{
	return list_is_empty(&e->by_age) ? NULL
					 : CONTAINER_OF(e->by_age.next, struct flow, age_node);
}

// The oldest flow, if its time is over or there are too many.
static bool is_due(const struct ipfix_exporter *e, struct flow **ret, enum ipfix_end *why)
{
	*ret = oldest(e);
	if (!*ret)
		return false;
	*why = (*ret)->created + e->active_timeout <= clock_msec() ? IPFIX_END_ACTIVE_TIMEOUT
								   : IPFIX_END_NO_ROOM;
	return *why == IPFIX_END_ACTIVE_TIMEOUT || hmap_count(&e->flows) > e->max_flows;
}

static void end_flow(struct ipfix_exporter *e, struct flow *f, enum ipfix_end why,
		     struct list *ended)
{
	hmap_remove(&e->flows, &f->node);
	list_remove(&f->age_node);
	f->why = why;
	list_push_back(ended, &f->age_node);
}

// What a packet thread ends waits for the main thread.
static void end_what_is_due(struct ipfix_exporter *e)
{
	enum ipfix_end why;
	struct flow *f;

	for (int i = 0; i < END_AT_ONCE && is_due(e, &f, &why); i++) {
		end_flow(e, f, why, &e->ended);
		if (e->n_ended < MAX_ENDED) {
			e->n_ended++;
			continue;
		}
		list_remove(&f->age_node);
		free(f);
		e->lost++;
	}
}

// True: there may be more.
static bool take_what_is_due(struct ipfix_exporter *e, struct list *ret)
{
	enum ipfix_end why;
	struct flow *f;
	int i;

	pthread_mutex_lock(&e->lock);
	list_splice(ret, &e->ended);
	e->n_ended = 0;
	for (i = 0; i < TAKE_AT_ONCE && is_due(e, &f, &why); i++)
		end_flow(e, f, why, ret);
	pthread_mutex_unlock(&e->lock);
	return i == TAKE_AT_ONCE;
}

static struct flow *find_flow(struct ipfix_exporter *e, const struct ipfix_key *key, uint64_t hash)
{
	struct flow *f;

	HMAP_FOR_EACH_WITH_HASH (f, node, hash, &e->flows)
		if (!memcmp(&f->key, key, sizeof(*key)))
			return f;
	return NULL;
}

static struct flow *add_flow(struct ipfix_exporter *e, const struct ipfix_key *key, uint64_t hash)
{
	struct flow *f = xzalloc(sizeof(*f));

	f->key = *key;
	f->created = clock_msec();
	f->first = clock_wall_msec();
	hmap_insert(&e->flows, &f->node, hash);
	list_push_back(&e->by_age, &f->age_node);
	e->stats.flows++;
	return f;
}

static void count_packet(struct ipfix_stats *s, const struct ipfix_kind *k)
{
	// Its kind of transport is not known: what stands there goes untold.
	bool odd = k->l4 == IPFIX_L4_OTHER;

	s->sampled++;
	if (k->l3 == IPFIX_L3_OTHER)
		return;
	s->errors += odd;
	if (k->l3 == IPFIX_L3_IPV4)
		*(odd ? &s->ipv4_errors : &s->ipv4) += 1;
	else
		*(odd ? &s->ipv6_errors : &s->ipv6) += 1;
}

bool ipfix_exporter_count(struct ipfix_exporter *e, const struct ipfix_key *key,
			  const struct ipfix_counts *packet)
{
	uint64_t hash = hash_bytes(key, sizeof(*key), 0);
	struct flow *f;
	bool ret;

	pthread_mutex_lock(&e->lock);
	count_packet(&e->stats, &key->kind);
	f = find_flow(e, key, hash);
	if (!f)
		f = add_flow(e, key, hash);
	f->last = clock_wall_msec();
	add(&f->counts, packet);
	end_what_is_due(e);
	ret = e->n_ended > 0;
	pthread_mutex_unlock(&e->lock);
	return ret;
}

void ipfix_exporter_run(struct ipfix_exporter *e)
{
	struct list ended = LIST_INIT(&ended);
	bool more = true;

	while (more) {
		more = take_what_is_due(e, &ended);
		tell_flows(e, &ended);
	}
}

void ipfix_exporter_stats(struct ipfix_exporter *e, struct ipfix_stats *ret)
{
	pthread_mutex_lock(&e->lock);
	*ret = e->stats;
	ret->current_flows = hmap_count(&e->flows);
	ret->send_errors = e->send_errors + e->lost;
	pthread_mutex_unlock(&e->lock);
	ret->sent = e->sent;
	ret->collector_set = e->set;
}

// ---- Life ----

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

void ipfix_exporter_configure(struct ipfix_exporter *e, const struct ipfix_config *c,
			      struct strbuf *warnings)
{
	// New collectors know no template, and others have to be read by other ones.
	if (set_targets(e, c, warnings) || !is_same_text(e->virtual_obs_id, c->virtual_obs_id))
		VEC_CLEAR(&e->domains);
	free(e->virtual_obs_id);
	e->virtual_obs_id = c->virtual_obs_id ? xstrdup(c->virtual_obs_id) : NULL;
	e->template_interval = c->template_interval * 1000;
	pthread_mutex_lock(&e->lock);
	e->active_timeout = c->active_timeout * 1000;
	e->max_flows = c->max_flows;
	pthread_mutex_unlock(&e->lock);
	ipfix_exporter_run(e);
}

struct ipfix_exporter *ipfix_exporter_create(const struct ipfix_config *c, struct strbuf *warnings)
{
	static uint32_t n_processes;
	const struct ipfix_exporter init = { .set = c->bridge ? 0 : c->set,
					     .process = ++n_processes,
					     .sequence = 1 };
	struct ipfix_exporter *e = xmemdup(&init, sizeof(init));

	pthread_mutex_init(&e->lock, NULL);
	hmap_init(&e->flows);
	list_init(&e->by_age);
	list_init(&e->ended);
	ipfix_exporter_configure(e, c, warnings);
	return e;
}

void ipfix_exporter_destroy(struct ipfix_exporter *e)
{
	struct flow *f;

	while ((f = oldest(e)))
		end_flow(e, f, IPFIX_END_FORCED, &e->ended);
	tell_flows(e, &e->ended);
	close_targets(&e->targets);
	VEC_FREE(&e->domains);
	hmap_uninit(&e->flows);
	strbuf_uninit(&e->message);
	free(e->virtual_obs_id);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
