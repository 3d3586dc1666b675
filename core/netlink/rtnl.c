// SPDX-License-Identifier: Apache-2.0
#include "core/netlink/rtnl.h"

#include <linux/if_link.h>
#include <net/if_arp.h>

static const struct nl_policy link_policy[IFLA_PHYS_PORT_NAME + 1] = {
	[IFLA_IFNAME] = { .type = MNL_TYPE_NUL_STRING },
	[IFLA_MTU] = { .type = MNL_TYPE_U32 },
	[IFLA_MASTER] = { .type = MNL_TYPE_U32 },
	[IFLA_LINK] = { .type = MNL_TYPE_U32 },
	[IFLA_ADDRESS] = { .type = MNL_TYPE_UNSPEC },
	[IFLA_LINKINFO] = { .type = MNL_TYPE_UNSPEC },
	[IFLA_STATS64] = { .type = MNL_TYPE_UNSPEC },
	[IFLA_PHYS_SWITCH_ID] = { .type = MNL_TYPE_UNSPEC, .max = 32 },
	[IFLA_PHYS_PORT_NAME] = { .type = MNL_TYPE_NUL_STRING },
};

static const struct nl_policy info_policy[IFLA_INFO_KIND + 1] = {
	[IFLA_INFO_KIND] = { .type = MNL_TYPE_NUL_STRING },
};

static void decode_stats(const struct nlattr *a, struct rtnl_link *l)
{
	struct rtnl_link_stats64 s = { 0 };

	if (!a)
		return;
	memcpy(&s, mnl_attr_get_payload(a), MIN(sizeof(s), nl_len(a)));
	l->rx_packets = s.rx_packets;
	l->tx_packets = s.tx_packets;
	l->rx_bytes = s.rx_bytes;
	l->tx_bytes = s.tx_bytes;
	l->rx_errors = s.rx_errors;
	l->tx_errors = s.tx_errors;
	l->rx_dropped = s.rx_dropped;
	l->tx_dropped = s.tx_dropped;
	l->rx_overruns = s.rx_over_errors;
	l->rx_crc_errors = s.rx_crc_errors;
	l->rx_missed_errors = s.rx_missed_errors;
	l->rx_multicast = s.multicast;
	l->rx_frame_errors = s.rx_frame_errors;
	l->tx_aborted = s.tx_aborted_errors;
	l->tx_carrier_errors = s.tx_carrier_errors;
	l->collisions = s.collisions;
}

static int decode_attrs(const struct nlattr *attrs[], struct rtnl_link *l, struct error *err)
{
	const struct nlattr *info[ARRAY_SIZE(info_policy)];

	if (attrs[IFLA_IFNAME])
		snprintf(l->name, sizeof(l->name), "%s", nl_str(attrs[IFLA_IFNAME]));
	l->mtu = nl_u32(attrs[IFLA_MTU]);
	l->master = nl_u32(attrs[IFLA_MASTER]);
	l->link = nl_u32(attrs[IFLA_LINK]);
	if (attrs[IFLA_ADDRESS] && nl_len(attrs[IFLA_ADDRESS]) == sizeof(l->mac))
		memcpy(&l->mac, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), sizeof(l->mac));
	if (attrs[IFLA_PHYS_SWITCH_ID]) {
		l->switch_id_len = nl_len(attrs[IFLA_PHYS_SWITCH_ID]);
		memcpy(l->switch_id, mnl_attr_get_payload(attrs[IFLA_PHYS_SWITCH_ID]),
		       l->switch_id_len);
	}
	if (attrs[IFLA_PHYS_PORT_NAME])
		snprintf(l->port_name, sizeof(l->port_name), "%s",
			 nl_str(attrs[IFLA_PHYS_PORT_NAME]));
	decode_stats(attrs[IFLA_STATS64], l);
	if (!attrs[IFLA_LINKINFO])
		return 0;
	int error = nl_parse_nested(attrs[IFLA_LINKINFO], info_policy, ARRAY_SIZE(info_policy),
				    info, "link kind", err);
	if (!error && info[IFLA_INFO_KIND])
		snprintf(l->kind, sizeof(l->kind), "%s", nl_str(info[IFLA_INFO_KIND]));
	return error;
}

bool rtnl_link_decode(const struct nlmsghdr *h, struct rtnl_link *ret, int *ret_error,
		      struct error *err)
{
	const struct nlattr *attrs[ARRAY_SIZE(link_policy)];
	struct rtnl_link l = { .deleted = h->nlmsg_type == RTM_DELLINK };
	int error;

	if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
		return false;
	error = nl_parse_msg(h, sizeof(struct ifinfomsg), link_policy, ARRAY_SIZE(link_policy),
			     attrs, "link", err);
	if (!error) {
		const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);

		// Bridges tell of their ports' removal in messages of their own family.
		if (i->ifi_family == AF_BRIDGE)
			return false;
		l.ifindex = i->ifi_index;
		l.flags = i->ifi_flags;
		l.type = i->ifi_type;
		error = decode_attrs(attrs, &l, err);
	}
	*ret_error = error;
	if (!error)
		*ret = l;
	return true;
}

static size_t begin(struct strbuf *b, uint16_t type, uint16_t flags, int ifindex)
{
	size_t m = nl_msg_begin(b, type, flags);
	struct ifinfomsg *i = nl_put_header(b, sizeof(*i));

	i->ifi_index = ifindex;
	return m;
}

static int get_link(struct nl_sock *s, const struct strbuf *req, struct rtnl_link *ret,
		    struct error *err)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	int error = nl_transact(s, req, &reply, err), decoded;

	if (error)
		return error;
	if (!reply.len || !rtnl_link_decode((const struct nlmsghdr *)reply.s, ret, &decoded, err))
		return error_set(err, -EPROTO,
				 "the kernel answered with something else than a link");
	return decoded;
}

int rtnl_link_by_name(struct nl_sock *s, const char *name, struct rtnl_link *ret, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;

	if (strlen(name) >= IFNAMSIZ)
		return error_set(err, -ENODEV, "%s: longer than a device's name can be", name);
	size_t m = begin(&req, RTM_GETLINK, 0, 0);
	nl_put_str(&req, IFLA_IFNAME, name);
	nl_msg_end(&req, m);
	return get_link(s, &req, ret, err) ? error_wrap(err, "%s", name) : 0;
}

int rtnl_link_by_index(struct nl_sock *s, int ifindex, struct rtnl_link *ret, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;

	nl_msg_end(&req, begin(&req, RTM_GETLINK, 0, ifindex));
	return get_link(s, &req, ret, err) ? error_wrap(err, "interface index %d", ifindex) : 0;
}

struct dump_ctx {
	void (*cb)(const struct rtnl_link *l, void *aux);
	void *aux;
	struct error *err;
};

static int dump_one(const struct nlmsghdr *h, void *aux)
{
	struct dump_ctx *c = aux;
	struct rtnl_link l;
	int error = 0;

	if (rtnl_link_decode(h, &l, &error, c->err) && !error)
		c->cb(&l, c->aux);
	return error;
}

int rtnl_link_dump(struct nl_sock *s, void (*cb)(const struct rtnl_link *l, void *aux), void *aux,
		   struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	struct dump_ctx c = { cb, aux, err };

	nl_msg_end(&req, begin(&req, RTM_GETLINK, NLM_F_DUMP, 0));
	return nl_dump(s, &req, dump_one, &c, err);
}

int rtnl_link_set_up(struct nl_sock *s, int ifindex, bool up, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = nl_msg_begin(&req, RTM_NEWLINK, 0);
	struct ifinfomsg *i = nl_put_header(&req, sizeof(*i));

	i->ifi_index = ifindex;
	i->ifi_flags = up ? IFF_UP : 0;
	i->ifi_change = IFF_UP;
	nl_msg_end(&req, m);
	return nl_transact(s, &req, NULL, err);
}

int rtnl_link_set_mtu(struct nl_sock *s, int ifindex, uint32_t mtu, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = begin(&req, RTM_NEWLINK, 0, ifindex);

	nl_put_u32(&req, IFLA_MTU, mtu);
	nl_msg_end(&req, m);
	return nl_transact(s, &req, NULL, err);
}

int rtnl_link_set_mac(struct nl_sock *s, int ifindex, struct eth_addr mac, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = begin(&req, RTM_NEWLINK, 0, ifindex);

	nl_put(&req, IFLA_ADDRESS, &mac, sizeof(mac));
	nl_msg_end(&req, m);
	return nl_transact(s, &req, NULL, err);
}

int rtnl_link_add(struct nl_sock *s, const char *name, const char *kind, const struct strbuf *data,
		  struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = begin(&req, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0), info;
	int error = 0;

	nl_put_str(&req, IFLA_IFNAME, name);
	info = nl_nest_begin(&req, IFLA_LINKINFO);
	nl_put_str(&req, IFLA_INFO_KIND, kind);
	if (data && data->len) {
		size_t nest = nl_nest_begin(&req, IFLA_INFO_DATA);

		strbuf_put(&req, data->s, data->len);
		error = nl_nest_end(&req, nest);
	}
	if (!error)
		error = nl_nest_end(&req, info);
	nl_msg_end(&req, m);
	if (!error)
		error = nl_transact(s, &req, NULL, err);
	return error ? error_wrap(err, "%s: cannot make a link of kind %s", name, kind) : 0;
}

int rtnl_link_del(struct nl_sock *s, int ifindex, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;

	nl_msg_end(&req, begin(&req, RTM_DELLINK, 0, ifindex));
	return nl_transact(s, &req, NULL, err);
}

// ---- Addresses ----

// The 4 or 16 bytes of an address that the kernel has.
static size_t address_len(const struct ipv6_addr *a)
{
	return ipv6_is_mapped(a) ? 4 : 16;
}

static void put_address(struct strbuf *b, uint16_t type, const struct ipv6_addr *a)
{
	size_t n = address_len(a);

	nl_put(b, type, a->b + sizeof(a->b) - n, n);
}

// Into an address of the same family.
static void get_address(const struct nlattr *attr, struct ipv6_addr *a)
{
	size_t n = address_len(a);

	if (attr && nl_len(attr) == n)
		memcpy(a->b + sizeof(a->b) - n, mnl_attr_get_payload(attr), n);
}

static uint8_t family_of(const struct ipv6_addr *a)
{
	return ipv6_is_mapped(a) ? AF_INET : AF_INET6;
}

static const struct nl_policy address_policy[IFA_LOCAL + 1] = {
	[IFA_ADDRESS] = { .type = MNL_TYPE_UNSPEC },
	[IFA_LOCAL] = { .type = MNL_TYPE_UNSPEC },
};

struct address_dump {
	void (*cb)(const struct rtnl_address *a, void *aux);
	void *aux;
	struct error *err;
};

static int dump_address(const struct nlmsghdr *h, void *aux)
{
	const struct nlattr *a[ARRAY_SIZE(address_policy)];
	struct address_dump *d = aux;
	struct rtnl_address address = { 0 };
	const struct ifaddrmsg *i;
	int error = nl_parse_msg(h, sizeof(*i), address_policy, ARRAY_SIZE(address_policy), a,
				 "address", d->err);

	if (error)
		return error;
	i = mnl_nlmsg_get_payload(h);
	if (i->ifa_family != AF_INET && i->ifa_family != AF_INET6)
		return 0;
	address.ifindex = i->ifa_index;
	address.prefix_len = i->ifa_prefixlen;
	if (i->ifa_family == AF_INET)
		address.address = ipv6_of_ipv4(0);
	// Of a point-to-point device the other is its peer's.
	get_address(a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS], &address.address);
	d->cb(&address, d->aux);
	return 0;
}

int rtnl_address_dump(struct nl_sock *s, void (*cb)(const struct rtnl_address *a, void *aux),
		      void *aux, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	struct address_dump d = { cb, aux, err };
	size_t m = nl_msg_begin(&req, RTM_GETADDR, NLM_F_DUMP);

	nl_put_header(&req, sizeof(struct ifaddrmsg));
	nl_msg_end(&req, m);
	return nl_dump(s, &req, dump_address, &d, err);
}

static void put_broadcast(struct strbuf *b, const struct rtnl_address *a)
{
	struct ipv6_addr broadcast = a->address;

	for (unsigned int i = a->prefix_len; i < 32; i++)
		broadcast.b[12 + i / 8] |= 0x80 >> i % 8;
	put_address(b, IFA_BROADCAST, &broadcast);
}

static int change_address(struct nl_sock *s, uint16_t type, uint16_t flags,
			  const struct rtnl_address *a, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = nl_msg_begin(&req, type, flags);
	struct ifaddrmsg *i = nl_put_header(&req, sizeof(*i));

	i->ifa_family = family_of(&a->address);
	i->ifa_prefixlen = a->prefix_len;
	i->ifa_index = a->ifindex;
	put_address(&req, IFA_LOCAL, &a->address);
	put_address(&req, IFA_ADDRESS, &a->address);
	if (type == RTM_NEWADDR && ipv6_is_mapped(&a->address) && a->prefix_len < 31)
		put_broadcast(&req, a);
	nl_msg_end(&req, m);
	return nl_transact(s, &req, NULL, err);
}

int rtnl_address_add(struct nl_sock *s, const struct rtnl_address *a, struct error *err)
{
	return change_address(s, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, a, err);
}

int rtnl_address_del(struct nl_sock *s, const struct rtnl_address *a, struct error *err)
{
	return change_address(s, RTM_DELADDR, 0, a, err);
}

// ---- Routes ----

int rtnl_default_route_add(struct nl_sock *s, int ifindex, const struct ipv6_addr *gateway,
			   struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = nl_msg_begin(&req, RTM_NEWROUTE, NLM_F_CREATE);
	struct rtmsg *r = nl_put_header(&req, sizeof(*r));

	r->rtm_family = family_of(gateway);
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = RTPROT_BOOT;
	r->rtm_scope = RT_SCOPE_UNIVERSE;
	r->rtm_type = RTN_UNICAST;
	put_address(&req, RTA_GATEWAY, gateway);
	nl_put_u32(&req, RTA_OIF, ifindex);
	nl_msg_end(&req, m);
	return nl_transact(s, &req, NULL, err);
}

static const struct nl_policy route_policy[RTA_GATEWAY + 1] = {
	[RTA_OIF] = { .type = MNL_TYPE_U32 },
	[RTA_GATEWAY] = { .type = MNL_TYPE_UNSPEC },
};

// What the kernel answers with one message of this type: its attributes, in 'reply'.
static int ask(struct nl_sock *s, struct strbuf *req, uint16_t type, size_t header,
	       const struct nl_policy *policy, size_t n, const struct nlattr **a,
	       struct strbuf *reply, const char *what, struct error *err)
{
	int error = nl_transact(s, req, reply, err);

	if (error)
		return error;
	if (!reply->len || ((const struct nlmsghdr *)reply->s)->nlmsg_type != type)
		return error_set(err, -EPROTO, "the kernel answered with something else than a %s",
				 what);
	return nl_parse_msg((const struct nlmsghdr *)reply->s, header, policy, n, a, what, err);
}

int rtnl_route_get(struct nl_sock *s, const struct ipv6_addr *dst, uint32_t mark,
		   struct rtnl_route *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(route_policy)];
	AUTO(strbuf) req = STRBUF_INIT, reply = STRBUF_INIT;
	size_t m = nl_msg_begin(&req, RTM_GETROUTE, 0);
	struct rtmsg *r = nl_put_header(&req, sizeof(*r));
	int error;

	r->rtm_family = family_of(dst);
	r->rtm_dst_len = 8 * address_len(dst);
	put_address(&req, RTA_DST, dst);
	if (mark)
		nl_put_u32(&req, RTA_MARK, mark);
	nl_msg_end(&req, m);
	error = ask(s, &req, RTM_NEWROUTE, sizeof(*r), route_policy, ARRAY_SIZE(route_policy), a,
		    &reply, "route", err);
	if (error)
		return error;
	if (!a[RTA_OIF])
		return error_set(err, -ENETUNREACH, "the route leads to no device");
	ret->ifindex = nl_u32(a[RTA_OIF]);
	ret->next_hop = *dst;
	get_address(a[RTA_GATEWAY], &ret->next_hop);
	return 0;
}

static const struct nl_policy neighbor_policy[NDA_LLADDR + 1] = {
	[NDA_LLADDR] = { .type = MNL_TYPE_UNSPEC },
};

int rtnl_neighbor_get(struct nl_sock *s, int ifindex, const struct ipv6_addr *host,
		      struct eth_addr *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(neighbor_policy)];
	AUTO(strbuf) req = STRBUF_INIT, reply = STRBUF_INIT;
	size_t m = nl_msg_begin(&req, RTM_GETNEIGH, 0);
	struct ndmsg *n = nl_put_header(&req, sizeof(*n));
	int error;

	n->ndm_family = family_of(host);
	n->ndm_ifindex = ifindex;
	put_address(&req, NDA_DST, host);
	nl_msg_end(&req, m);
	error = ask(s, &req, RTM_NEWNEIGH, sizeof(*n), neighbor_policy, ARRAY_SIZE(neighbor_policy),
		    a, &reply, "neighbour", err);
	if (error)
		return error;
	if (!a[NDA_LLADDR] || nl_len(a[NDA_LLADDR]) != sizeof(*ret))
		return error_set(err, -ENOENT, "the neighbour has not answered");
	memcpy(ret, mnl_attr_get_payload(a[NDA_LLADDR]), sizeof(*ret));
	return 0;
}
