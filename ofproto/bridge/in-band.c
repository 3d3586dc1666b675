// SPDX-License-Identifier: Apache-2.0
// In-band control: the way to controllers and managers may lead over the bridge itself. Hidden rules above all of controllers send
// their traffic, and what it needs (DHCP of the local port, ARP), to NORMAL, so that no controller can cut itself off.
#include "ofproto/bridge/vswitchd.h"

#include <netinet/in.h>

#include "core/base/log.h"
#include "core/io/resolve.h"
#include "core/netlink/rtnl.h"

LOG_MODULE(in_band);

enum { OPENFLOW_PORT = 6653, OVSDB_PORT = 6640 };
// How long a name without an address is left alone: this at first, then twice as long each time.
enum { MIN_BACKOFF = 1000, MAX_BACKOFF = 64000 };

// In this order, the last one highest.
enum {
	FROM_LOCAL_DHCP = 180000,
	TO_LOCAL_ARP,
	FROM_LOCAL_ARP,
	TO_NEXT_HOP_ARP,
	FROM_NEXT_HOP_ARP,
	TO_REMOTE_ARP,
	FROM_REMOTE_ARP,
	TO_REMOTE_TCP,
	FROM_REMOTE_TCP
};

struct remote {
	struct in_band *ib;
	char host[128]; // a name or an address
	uint16_t port;
	struct resolve *resolve; // on its way, NULL: not
	int64_t backoff; // msec, of the last look that found nothing; 0: there was none
	struct timer retry; // while it is armed the name is left alone
	bool known; // 'address' is
	struct ipv6_addr
		address; // a mapped one: in-band control is for IPv4 only, and others are left out
	bool near; // 'next_hop' is known, and is reached by the local port
	struct eth_addr next_hop;
};

struct in_band {
	struct bridge *br;
	VEC(struct remote *) remotes;
	int64_t queue; // -1: none
};

// ---- Where the remotes are ----

static void take_address(struct remote *r, const struct sockaddr_storage *a)
{
	r->known = true;
	r->address = a->ss_family == AF_INET
			     ? ipv6_of_ipv4(((const struct sockaddr_in *)a)->sin_addr.s_addr)
			     : (struct ipv6_addr){ { 0 } };
}

static void on_resolved(void *aux, int err, const char *text,
			const struct sockaddr_storage *addresses, size_t n)
{
	struct remote *r = aux;

	r->resolve = NULL;
	for (size_t i = 0; !err && i < n && !r->known; i++)
		if (addresses[i].ss_family == AF_INET)
			take_address(r, &addresses[i]);
	if (r->known)
		return;
	r->backoff = r->backoff ? MIN(r->backoff * 2, MAX_BACKOFF) : MIN_BACKOFF;
	log_warn("%s: no IPv4 address of controller or manager %s%s%s: looking again in %d s",
		 r->ib->br->name, r->host, err ? ": " : "", err ? text : "",
		 (int)(r->backoff / 1000));
	timer_in(&r->retry, r->backoff);
}

// Names are asked for until there is an answer.
static void find_address(struct remote *r)
{
	struct sockaddr_storage a;
	socklen_t n;

	if (r->known || r->resolve || timer_is_armed(&r->retry))
		return;
	if (resolve_numeric(r->host, 0, &a, &n))
		take_address(r, &a);
	else
		r->resolve = resolve_start(r->ib->br->vs->loop, r->host, on_resolved, r);
}

static void on_retry(struct timer *t)
{
	find_address(CONTAINER_OF(t, struct remote, retry));
}

// The hop that packets go to by the local port.
static void find_next_hop(struct in_band *ib, struct remote *r)
{
	static struct log_limit limit = LOG_LIMIT_INIT(1, 10);
	struct nl_sock *s = vswitchd_route_sock(ib->br->vs);
	struct error err = ERROR_INIT;
	struct rtnl_route route;
	struct rtnl_link link;

	r->near = false;
	if (!s || !r->known || !ipv6_is_mapped(&r->address))
		return;
	if (rtnl_route_get(s, &r->address, 0, &route, &err)) {
		log_warn_limited(&limit, "%s: cannot find route for controller (%s): %s",
				 ib->br->name, r->host, err.text);
		return;
	}
	r->near = !rtnl_link_by_index(s, route.ifindex, &link, NULL) &&
		  !strcmp(link.name, ib->br->name) &&
		  !rtnl_neighbor_get(s, route.ifindex, &route.next_hop, &r->next_hop, NULL);
}

// ---- Rules ----

struct rules {
	VEC(struct own_rule) v;
	int64_t queue;
};

static void add(struct rules *rules, int priority, const char *format, ...) PRINTF(3, 4);
static void add(struct rules *rules, int priority, const char *format, ...)
{
	AUTO(strbuf) flow = STRBUF_INIT;
	va_list args;

	va_start(args, format);
	strbuf_vprintf(&flow, format, args);
	va_end(args);
	strbuf_puts(&flow, ",actions=");
	if (rules->queue >= 0)
		strbuf_printf(&flow, "set_queue:%u,", (uint32_t)rules->queue);
	strbuf_puts(&flow, "NORMAL");
	// Two remotes may be one host.
	for (size_t i = 0; i < rules->v.n; i++)
		if (rules->v.v[i].priority == priority && !strcmp(rules->v.v[i].flow, flow.s))
			return;
	VEC_PUSH(&rules->v, ((struct own_rule){ priority, xstrdup(flow.s) }));
}

static void add_remote(struct rules *rules, const struct remote *r)
{
	const uint8_t *a = r->address.b + 12;
	AUTO_FREE char *ip = xasprintf("%u.%u.%u.%u", a[0], a[1], a[2], a[3]);

	if (!r->known || !ipv6_is_mapped(&r->address))
		return;
	if (r->near) {
		add(rules, TO_NEXT_HOP_ARP, "arp,dl_dst=" ETH_ADDR_FMT ",arp_op=2",
		    ETH_ADDR_ARGS(r->next_hop));
		add(rules, FROM_NEXT_HOP_ARP, "arp,dl_src=" ETH_ADDR_FMT ",arp_op=1",
		    ETH_ADDR_ARGS(r->next_hop));
	}
	add(rules, TO_REMOTE_ARP, "arp,arp_tpa=%s,arp_op=2", ip);
	add(rules, FROM_REMOTE_ARP, "arp,arp_spa=%s,arp_op=1", ip);
	add(rules, TO_REMOTE_TCP, "tcp,nw_dst=%s,tp_dst=%u", ip, r->port);
	add(rules, FROM_REMOTE_TCP, "tcp,nw_src=%s,tp_src=%u", ip, r->port);
}

static void add_local(struct rules *rules, const struct bridge *br)
{
	const struct of_port *local = switch_port_find(br->sw, OF_PORT(OFPP_LOCAL));
	struct eth_addr mac = local ? local->mac : br->mac;

	add(rules, FROM_LOCAL_DHCP, "udp,in_port=LOCAL,dl_src=" ETH_ADDR_FMT ",tp_src=68,tp_dst=67",
	    ETH_ADDR_ARGS(mac));
	add(rules, TO_LOCAL_ARP, "arp,dl_dst=" ETH_ADDR_FMT ",arp_op=2", ETH_ADDR_ARGS(mac));
	add(rules, FROM_LOCAL_ARP, "arp,dl_src=" ETH_ADDR_FMT ",arp_op=1", ETH_ADDR_ARGS(mac));
}

void in_band_run(struct bridge *br)
{
	struct in_band *ib = br->in_band;
	struct rules rules = { .queue = ib ? ib->queue : -1 };
	struct remote **r;
	struct own_rule *own;

	if (!ib)
		return;
	VEC_FOR_EACH (r, &ib->remotes) {
		find_address(*r);
		find_next_hop(ib, *r);
		add_remote(&rules, *r);
	}
	if (rules.v.n)
		add_local(&rules, br);
	switch_set_own_rules(br->sw, OWN_IN_BAND, rules.v.v, rules.v.n);
	VEC_FOR_EACH (own, &rules.v)
		free((char *)own->flow);
	VEC_FREE(&rules.v);
}

// ---- Configuration ----

static void remote_free(struct remote *r)
{
	if (r->resolve)
		resolve_cancel(r->resolve);
	timer_cancel(&r->retry);
	free(r);
}

static void want(struct in_band *ib, const char *target, const char *connection_mode,
		 uint16_t default_port)
{
	struct remote *r = xzalloc(sizeof(*r));

	if ((connection_mode && !strcmp(connection_mode, "out-of-band")) ||
	    !stream_name_remote(target, default_port, r->host, sizeof(r->host), &r->port)) {
		free(r);
		return;
	}
	r->ib = ib;
	timer_init(&r->retry, ib->br->vs->loop, on_retry);
	VEC_PUSH(&ib->remotes, r);
}

// What was known of a remote that stays is known still, and so is how long it has not been known.
static void keep_known(struct remote *r, struct in_band *old)
{
	struct remote **o;

	VEC_FOR_EACH (o, &old->remotes) {
		if (strcmp((*o)->host, r->host))
			continue;
		r->known = (*o)->known;
		r->address = (*o)->address;
		r->backoff = (*o)->backoff;
		if (timer_is_armed(&(*o)->retry))
			timer_at(&r->retry, (*o)->retry.due);
	}
}

static void in_band_free(struct in_band *ib)
{
	struct remote **r;

	VEC_FOR_EACH (r, &ib->remotes)
		remote_free(*r);
	VEC_FREE(&ib->remotes);
	free(ib);
}

void in_band_configure(struct bridge *br, const struct ovsrec_bridge *row,
		       const struct ovsrec_open_vswitch *cfg)
{
	struct in_band *ib = xzalloc(sizeof(*ib)), *old = br->in_band;
	bool off = smap_get_bool(&row->other_config, "disable-in-band", false);
	struct remote **r;

	ib->br = br;
	ib->queue = smap_get_int(&row->other_config, "in-band-queue", -1);
	if (ib->queue > UINT32_MAX)
		ib->queue = -1;
	for (size_t i = 0; !off && i < row->n_controller; i++)
		want(ib, row->controller[i]->target, row->controller[i]->connection_mode,
		     OPENFLOW_PORT);
	for (size_t i = 0; !off && i < cfg->n_manager_options; i++)
		want(ib, cfg->manager_options[i]->target, cfg->manager_options[i]->connection_mode,
		     OVSDB_PORT);
	br->in_band = ib;
	if (old) {
		VEC_FOR_EACH (r, &ib->remotes)
			keep_known(*r, old);
		in_band_free(old);
	}
	in_band_run(br);
}

void in_band_destroy(struct bridge *br)
{
	if (br->in_band)
		in_band_free(br->in_band);
	br->in_band = NULL;
}
