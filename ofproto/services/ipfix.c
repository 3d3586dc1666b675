// SPDX-License-Identifier: Apache-2.0
// The exporters of a switch, and what they are told of a packet.
#include "core/base/rcu.h"
#include "ofproto/services/ipfix-private.h"

enum {
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_GRE = 47,
	PROTO_ICMPV6 = 58,
	PROTO_SCTP = 132
};

// In the order of ids; immutable, replaced whole (RCU).
struct exporters {
	size_t n;
	struct {
		uint64_t id; // of the set, or BRIDGE
		bool tunnels;
		uint32_t sampling, domain, point; // of a bridge
		struct ipfix_exporter *exporter;
	} v[];
};

// Behind all sets.
#define BRIDGE (UINT64_C(1) << 32)

struct ipfix {
	struct of_switch *sw;
	struct exporters *exporters; // RCU
	void (*wake)(void *aux);
	void *wake_aux;
	_Atomic bool woken; // ipfix_run() comes anyway
};

// ---- Packets ----

// A later fragment has no ports, and is of its protocol all the same.
static uint8_t l4_of(const struct flow_key *k, enum ipfix_l3 l3)
{
	if (l3 == IPFIX_L3_OTHER)
		return IPFIX_L4_OTHER;
	switch (k->nw_proto) {
	case PROTO_TCP:
		return IPFIX_L4_TCP;
	case PROTO_UDP:
		return IPFIX_L4_UDP;
	case PROTO_SCTP:
		return IPFIX_L4_SCTP;
	case PROTO_ICMP:
		return l3 == IPFIX_L3_IPV4 ? IPFIX_L4_ICMP : IPFIX_L4_OTHER;
	case PROTO_ICMPV6:
		return l3 == IPFIX_L3_IPV6 ? IPFIX_L4_ICMP : IPFIX_L4_OTHER;
	}
	return IPFIX_L4_OTHER;
}

static struct ipfix_kind kind_of(const struct flow_key *k)
{
	struct ipfix_kind ret = { .vlan = k->vlans[0].tci != 0 };

	if (k->eth_type == htobe16(0x0800))
		ret.l3 = IPFIX_L3_IPV4;
	else if (k->eth_type == htobe16(0x86dd))
		ret.l3 = IPFIX_L3_IPV6;
	ret.l4 = l4_of(k, ret.l3);
	return ret;
}

static void take_headers(struct ipfix_key *to, const struct flow_key *k)
{
	to->kind = kind_of(k);
	to->src = k->eth_src;
	to->dst = k->eth_dst;
	to->eth_type = k->eth_type;
	to->tci = k->vlans[0].tci & ~htobe16(VLAN_PRESENT);
	if (to->kind.l3 == IPFIX_L3_OTHER)
		return;
	to->ttl = k->nw_ttl;
	to->proto = k->nw_proto;
	to->tos = k->nw_tos;
	if (to->kind.l3 == IPFIX_L3_IPV4) {
		to->nw_src = k->nw_src;
		to->nw_dst = k->nw_dst;
	} else {
		to->ipv6_src = k->ipv6_src;
		to->ipv6_dst = k->ipv6_dst;
		to->label = k->ipv6_label;
	}
	if (to->kind.l4 != IPFIX_L4_OTHER) {
		to->tp_src = k->tp_src;
		to->tp_dst = k->tp_dst;
	}
}

static const struct {
	enum tunnel_type type;
	uint8_t number, proto, key_len; // as tunnelType has it
} tunnels[] = {
	{ TUNNEL_VXLAN, 1, PROTO_UDP, 3 },
	{ TUNNEL_GRE, 2, PROTO_GRE, 4 },
	{ TUNNEL_GENEVE, 7, PROTO_UDP, 3 },
};

// The outer header, of the kinds of tunnels that have a number; addresses of IPv6 have no element.
static void take_tunnel(struct ipfix_key *to, const struct of_port *p, const struct flow_tunnel *t)
{
	enum tunnel_type type = p ? RCU_GET(p->settings)->tunnel.type : TUNNEL_NONE;

	for (size_t i = 0; i < ARRAY_SIZE(tunnels); i++) {
		if (tunnels[i].type != type || !t->ip_dst)
			continue;
		to->kind.tunnel = true;
		to->tun_src = t->ip_src;
		to->tun_dst = t->ip_dst;
		to->tun_proto = tunnels[i].proto;
		to->tun_type = tunnels[i].number;
		to->tun_key_len = tunnels[i].key_len;
		to->tun_id = t->tun_id;
		to->tun_tp_src = t->tp_src;
		to->tun_tp_dst = t->tp_dst;
	}
}

static void take_interface(struct ipfix_interface *to, const struct of_port *p)
{
	_Static_assert(sizeof(p->name) <= IPFIX_NAME_LEN, "a name fits");
	if (!p)
		return;
	to->index = atomic_load(&p->ifindex);
	strcpy(to->name, p->name);
}

static void make_key(const struct packet_sample *s, bool tunnel, struct ipfix_key *ret)
{
	const struct of_port *in = switch_port_find(s->sw, OF_PORT(s->key->in_port));
	const struct of_port *out = NULL;

	memset(ret, 0, sizeof(*ret));
	take_headers(ret, s->key);
	if (!dp_port_equal(s->action->userspace.output_port, DP_PORT_NONE))
		out = switch_port_find(s->sw, OF_PORT(s->action->userspace.sampling_port));
	// Where it is not said the packet goes out where its sample knows a port.
	ret->direction = s->action->userspace.direction == SAMPLE_EGRESS ||
			 (s->action->userspace.direction == SAMPLE_EITHER && out);
	ret->kind.egress = ret->direction && out;
	take_interface(&ret->in, in);
	if (ret->kind.egress)
		take_interface(&ret->out, out);
	if (tunnel && !ret->direction)
		take_tunnel(ret, in, &s->key->tunnel);
}

static uint64_t ip_length(const struct packet *p, enum ipfix_l3 l3)
{
	const uint8_t *ip = p->data + p->l3;

	if (l3 == IPFIX_L3_OTHER || p->l3 == UINT16_MAX)
		return 0;
	if (l3 == IPFIX_L3_IPV4)
		return p->size >= p->l3 + 4u ? ip[2] << 8 | ip[3] : 0;
	return p->size >= p->l3 + 6u ? 40u + (ip[4] << 8 | ip[5]) : 0;
}

static void count_cast(struct ipfix_counts *c, const struct ipfix_key *k, uint64_t n)
{
	static const struct eth_addr everyone = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	bool broadcast = eth_addr_equal(k->dst, everyone), multicast = k->dst.b[0] & 1;

	if (broadcast)
		*(k->direction ? &c->broadcast_out : &c->broadcast_in) = n;
	else if (multicast)
		*(k->direction ? &c->multicast_out : &c->multicast_in) = n;
	else
		*(k->direction ? &c->unicast_out : &c->unicast_in) = n;
	if (c->multicast_out)
		c->ip_multicast_out = c->ip_octets;
}

static void count_flags(struct ipfix_counts *c, uint16_t flags, uint64_t n)
{
	enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

	c->fin = flags & FIN ? n : 0;
	c->syn = flags & SYN ? n : 0;
	c->rst = flags & RST ? n : 0;
	c->psh = flags & PSH ? n : 0;
	c->ack = flags & ACK ? n : 0;
	c->urg = flags & URG ? n : 0;
}

// 'n': how many packets the one that was chosen stands for.
static void count(const struct packet_sample *s, const struct ipfix_key *k, uint64_t n,
		  struct ipfix_counts *ret)
{
	uint64_t length = ip_length(s->packet, k->kind.l3);
	bool dropped = s->action->userspace.dropped;

	memset(ret, 0, sizeof(*ret));
	ret->packets = n;
	ret->octets = n * packet_length(s->packet->size, s->key->packet_type);
	ret->dropped = dropped ? n : 0;
	ret->ip_min = ret->ip_max = length;
	ret->ip_octets = n * length;
	ret->ip_squares = n * length * length;
	ret->ip_dropped = dropped ? n * length : 0;
	count_cast(ret, k, n);
	if (k->kind.l4 == IPFIX_L4_TCP)
		count_flags(ret, be16toh(s->key->tcp_flags), n);
}

static void on_sampled(void *x_, const struct packet_sample *s)
{
	struct ipfix *x = x_;
	const struct exporters *all = RCU_GET(x->exporters);
	const struct dp_action *a = s->action;
	bool bridge = a->userspace.kind == USERSPACE_IPFIX;
	uint64_t id = bridge ? BRIDGE : a->userspace.collector_set;
	struct ipfix_counts counts;
	struct ipfix_key key;
	bool due = false;

	for (size_t i = 0; all && i < all->n; i++) {
		if (all->v[i].id != id)
			continue;
		make_key(s, all->v[i].tunnels, &key);
		key.domain = bridge ? all->v[i].domain : a->userspace.obs_domain;
		key.point = bridge ? all->v[i].point : a->userspace.obs_point;
		count(s, &key,
		      bridge ? all->v[i].sampling : UINT16_MAX / MAX(a->userspace.probability, 1),
		      &counts);
		due |= ipfix_exporter_count(all->v[i].exporter, &key, &counts);
	}
	if (due && !atomic_exchange(&x->woken, true))
		x->wake(x->wake_aux);
}

// ---- Configuration ----

struct ipfix *ipfix_create(struct of_switch *sw, void (*wake)(void *aux), void *aux)
{
	struct ipfix *x = xzalloc(sizeof(*x));

	x->sw = sw;
	x->wake = wake;
	x->wake_aux = aux;
	switch_set_sampled(sw, on_sampled, x);
	return x;
}

static void destroy_exporter(void *e)
{
	ipfix_exporter_destroy(e);
}

static uint64_t id_of(const struct ipfix_config *c)
{
	return c->bridge ? BRIDGE : c->set;
}

static struct ipfix_exporter *find(const struct exporters *all, uint64_t id)
{
	for (size_t i = 0; all && i < all->n; i++)
		if (all->v[i].id == id)
			return all->v[i].exporter;
	return NULL;
}

// Readers may still count with those that are not there any more.
static void replace(struct ipfix *x, struct exporters *now)
{
	struct exporters *old = x->exporters;

	RCU_SET(x->exporters, now);
	for (size_t i = 0; old && i < old->n; i++)
		if (!find(now, old->v[i].id))
			rcu_defer(destroy_exporter, old->v[i].exporter);
	if (old)
		rcu_free(old);
}

static int by_id(const void *a, const void *b)
{
	const struct ipfix_config *x = *(const struct ipfix_config *const *)a,
				  *y = *(const struct ipfix_config *const *)b;

	return id_of(x) < id_of(y) ? -1 : id_of(x) > id_of(y);
}

static void say_what_is_counted(struct ipfix *x, const struct ipfix_config *const *configs,
				size_t n)
{
	struct sampling *s = xzalloc(sizeof(*s) + n * sizeof(s->sets[0]));

	for (size_t i = 0; i < n; i++) {
		const struct ipfix_config *c = configs[i];

		if (!c->bridge) {
			s->sets[s->n++] = (struct sampling_set){ c->set, c->tunnels };
			continue;
		}
		s->probability = UINT32_MAX / MAX(c->sampling, 1);
		s->input = c->input;
		s->output = c->output;
	}
	switch_set_sampling(x->sw, n ? s : NULL);
	free(s);
}

void ipfix_configure(struct ipfix *x, const struct ipfix_config *configs, size_t n,
		     struct strbuf *warnings)
{
	const struct ipfix_config **sorted = xcalloc(n, sizeof(*sorted));
	struct exporters *now = xzalloc(sizeof(*now) + n * sizeof(now->v[0]));

	for (size_t i = 0; i < n; i++)
		sorted[i] = &configs[i];
	if (n > 1)
		qsort(sorted, n, sizeof(*sorted), by_id);
	now->n = n;
	for (size_t i = 0; i < n; i++) {
		struct ipfix_exporter *e = find(x->exporters, id_of(sorted[i]));

		if (e)
			ipfix_exporter_configure(e, sorted[i], warnings);
		else
			e = ipfix_exporter_create(sorted[i], warnings);
		now->v[i].id = id_of(sorted[i]);
		now->v[i].sampling = MAX(sorted[i]->sampling, 1);
		now->v[i].domain = sorted[i]->domain;
		now->v[i].point = sorted[i]->point;
		now->v[i].tunnels = sorted[i]->tunnels;
		now->v[i].exporter = e;
	}
	replace(x, now);
	say_what_is_counted(x, sorted, n);
	free(sorted);
}

void ipfix_destroy(struct ipfix *x)
{
	if (!x)
		return;
	replace(x, NULL);
	rcu_free(x);
}

void ipfix_run(struct ipfix *x)
{
	// First: what ends from here on wakes again.
	atomic_store(&x->woken, false);
	for (size_t i = 0; x->exporters && i < x->exporters->n; i++)
		ipfix_exporter_run(x->exporters->v[i].exporter);
}

bool ipfix_bridge_stats(const struct ipfix *x, struct ipfix_stats *ret)
{
	struct ipfix_exporter *e = find(x->exporters, BRIDGE);

	if (e)
		ipfix_exporter_stats(e, ret);
	return e;
}

bool ipfix_for_each(const struct ipfix *x, void (*cb)(const struct ipfix_stats *s, void *aux),
		    void *aux)
{
	struct ipfix_stats s;
	bool any = false;

	for (size_t i = 0; x->exporters && i < x->exporters->n; i++) {
		if (x->exporters->v[i].id == BRIDGE)
			continue;
		ipfix_exporter_stats(x->exporters->v[i].exporter, &s);
		cb(&s, aux);
		any = true;
	}
	return any;
}
