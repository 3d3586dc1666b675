// SPDX-License-Identifier: Apache-2.0
// Tunnel devices: ordinary ones of the kernel in the mode in which the outer header travels beside the packet ("external",
// collect metadata). Made by us, or taken over from an earlier process when they are as we would make them.
#include "datapath/kernel/kernel.h" // net/if.h comes before the kernel's headers

#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/netlink/rtnl.h"

LOG_MODULE(dpif_netlink_rtnl);

// As large as it goes: what a path takes is the outer packet's concern.
enum { TUNNEL_MTU = 65000 };
enum { FIRST_DYNAMIC_PORT = 49153 };

enum { COLLECT_FLAG, COLLECT_BYTE, COLLECT_ALWAYS };

static const struct kind {
	const char *type, *kind; // ours, the kernel's
	// The kernel's other one, which has no Ethernet header of its own and takes packets with one as such; NULL: there is none.
	const char *bare_kind;
	const char *device; // its name; one that ends in '_' is followed by the port's number
	uint16_t usual_port; // 0: none
	uint16_t collect, port, ethertype; // attributes of IFLA_INFO_DATA, 0: not there
	int how; // 'collect' is said
} kinds[] = {
	{ "vxlan", "vxlan", NULL, "vxlan_sys_", 4789, IFLA_VXLAN_COLLECT_METADATA, IFLA_VXLAN_PORT,
	  0, COLLECT_BYTE },
	{ "geneve", "geneve", NULL, "genev_sys_", 6081, IFLA_GENEVE_COLLECT_METADATA,
	  IFLA_GENEVE_PORT, 0, COLLECT_FLAG },
	{ "gre", "gretap", "gre", "gre_sys", 0, IFLA_GRE_COLLECT_METADATA, 0, 0, COLLECT_FLAG },
	{ "ip6gre", "ip6gretap", NULL, "ip6gre_sys", 0, IFLA_GRE_COLLECT_METADATA, 0, 0,
	  COLLECT_FLAG },
	{ "erspan", "erspan", NULL, "erspan_sys", 0, IFLA_GRE_COLLECT_METADATA, 0, 0,
	  COLLECT_FLAG },
	{ "ip6erspan", "ip6erspan", NULL, "ip6erspan_sys", 0, IFLA_GRE_COLLECT_METADATA, 0, 0,
	  COLLECT_FLAG },
	{ "bareudp", "bareudp", NULL, "udp_sys_", 0, 0, IFLA_BAREUDP_PORT, IFLA_BAREUDP_ETHERTYPE,
	  COLLECT_ALWAYS },
};

static const char *kernel_kind(const struct kind *k, const struct tunnel_params *p)
{
	return p->bare ? k->bare_kind : k->kind;
}

static bool is_bare_kind(const struct kind *k, const char *kind)
{
	return k->bare_kind && !strcmp(k->bare_kind, kind);
}

static const struct kind *find_kind(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].type, type))
			return &kinds[i];
	return NULL;
}

bool tunnel_is_type(const char *type)
{
	return find_kind(type);
}

static bool is_device_of(const struct kind *k, const char *name, uint16_t *ret_port)
{
	size_t n = strlen(k->device);
	uint32_t port;

	*ret_port = 0;
	if (k->device[n - 1] != '_')
		return !strcmp(name, k->device);
	if (!str_starts(name, k->device) || !parse_u32(name + n, 10, &port) || port > UINT16_MAX)
		return false;
	*ret_port = port;
	return true;
}

const char *tunnel_type_of_device(const char *name, struct tunnel_params *ret)
{
	uint16_t port;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!is_device_of(&kinds[i], name, &port))
			continue;
		if (ret)
			*ret = (struct tunnel_params){ .dst_port = port };
		return kinds[i].type;
	}
	return NULL;
}

void tunnel_device_name_of(const char *type, const struct tunnel_params *p, char ret[IFNAMSIZ])
{
	const struct kind *k = find_kind(type);

	if (k->device[strlen(k->device) - 1] == '_')
		snprintf(ret, IFNAMSIZ, "%s%u", k->device, p->dst_port);
	else
		snprintf(ret, IFNAMSIZ, "%s", k->device);
}

bool tunnel_has_option(const char *type, const char *option)
{
	const struct kind *k = find_kind(type);

	return (!strcmp(option, "dst_port") && k->port) ||
	       (!strcmp(option, "payload_type") && k->ethertype) ||
	       (!strcmp(option, "exts") && !strcmp(type, "vxlan"));
}

bool tunnel_takes_bare(const char *type, const struct tunnel_params *p)
{
	return p->bare || p->gpe || find_kind(type)->ethertype;
}

int tunnel_extensions_read(const char *exts, struct tunnel_params *p, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(exts);
	char *save = NULL;

	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		bool *flag = !strcmp(w, "gbp") ? &p->gbp : !strcmp(w, "gpe") ? &p->gpe : NULL;

		if (!flag)
			return error_set(err, -EINVAL, "unknown extension '%s'", w);
		*flag = true;
	}
	if (p->gbp && p->gpe)
		return error_set(err, -EINVAL,
				 "the kernel's VXLAN devices have gbp or gpe, not both");
	return 0;
}

int tunnel_params_read(const char *type, const struct smap *options, struct tunnel_params *ret,
		       struct error *err)
{
	const struct kind *k = find_kind(type);
	const char *port = smap_get(options, "dst_port");
	uint32_t n = k->usual_port;

	memset(ret, 0, sizeof(*ret));
	if (tunnel_extensions_read(smap_get_def(options, "exts", ""), ret, err))
		return -EINVAL;
	if (k->port && ((port && !parse_u32(port, 10, &n)) || !n || n > UINT16_MAX))
		return error_set(err, -EINVAL, "a %s device needs a UDP port", type);
	if (k->port)
		ret->dst_port = n;
	ret->bare = k->bare_kind &&
		    strcmp(smap_get_def(options, "packet_type", "legacy_l2"), "legacy_l2");
	if (k->ethertype &&
	    !port_payload_parse(smap_get_def(options, "payload_type", ""), &ret->payload))
		return error_set(err, -EINVAL, "a %s device needs an Ethernet type", type);
	return 0;
}

void tunnel_config_put(const char *type, const struct tunnel_params *p, struct smap *config)
{
	const struct kind *k = find_kind(type);

	if (k->port && p->dst_port != k->usual_port)
		smap_setf(config, "dst_port", "%u", p->dst_port);
	if (strstr(type, "erspan"))
		smap_set(config, "erspan_ver", "0"); // the flow says it
	smap_set(config, "packet_type", "ptap");
}

// With it the device carries the other one of IPv4 and IPv6, of MPLS's unicast and multicast, too.
static bool has_relative(uint16_t ethertype)
{
	return ethertype == 0x0800 || ethertype == 0x8847;
}

static void put_data(const struct kind *k, const struct tunnel_params *p, struct strbuf *b)
{
	if (k->how == COLLECT_BYTE)
		nl_put_u8(b, k->collect, 1);
	else if (k->how == COLLECT_FLAG)
		nl_put_flag(b, k->collect);
	if (k->port)
		nl_put_be16(b, k->port, htobe16(p->dst_port));
	if (k->ethertype)
		nl_put_be16(b, k->ethertype, htobe16(p->payload));
	if (k->ethertype) {
		// Else source ports may be those of well-known services.
		nl_put_u16(b, IFLA_BAREUDP_SRCPORT_MIN, FIRST_DYNAMIC_PORT);
		if (has_relative(p->payload))
			nl_put_flag(b, IFLA_BAREUDP_MULTIPROTO_MODE);
	}
	if (!strcmp(k->type, "vxlan")) {
		nl_put_u8(b, IFLA_VXLAN_LEARNING, 0);
		nl_put_u8(b, IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 1);
		if (p->gbp)
			nl_put_flag(b, IFLA_VXLAN_GBP);
		if (p->gpe)
			nl_put_flag(b, IFLA_VXLAN_GPE);
	} else if (!strcmp(k->type, "geneve")) {
		nl_put_u8(b, IFLA_GENEVE_UDP_ZERO_CSUM6_RX, 1);
	}
}

// ---- What is there ----

static const struct nl_policy link_policy[IFLA_LINKINFO + 1] = {
	[IFLA_LINKINFO] = { .type = MNL_TYPE_UNSPEC },
};

static const struct nl_policy info_policy[IFLA_INFO_DATA + 1] = {
	[IFLA_INFO_KIND] = { .type = MNL_TYPE_NUL_STRING },
	[IFLA_INFO_DATA] = { .type = MNL_TYPE_UNSPEC },
};

static const struct nlattr *find_attr(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest) if (mnl_attr_get_type(a) == type) return a;
	return NULL;
}

static bool is_as_wanted(const struct kind *k, const struct tunnel_params *p,
			 const struct nlattr *data)
{
	const struct nlattr *a;

	if (k->how != COLLECT_ALWAYS) {
		a = find_attr(data, k->collect);
		if (!a || (k->how == COLLECT_BYTE && (nl_len(a) < 1 || !nl_u8(a))))
			return false;
	}
	a = k->port ? find_attr(data, k->port) : NULL;
	if (k->port && (!a || nl_len(a) != 2 || nl_be16(a) != htobe16(p->dst_port)))
		return false;
	a = k->ethertype ? find_attr(data, k->ethertype) : NULL;
	if (k->ethertype &&
	    (!a || nl_len(a) != 2 || nl_be16(a) != htobe16(p->payload) ||
	     !!find_attr(data, IFLA_BAREUDP_MULTIPROTO_MODE) != has_relative(p->payload)))
		return false;
	return strcmp(k->type, "vxlan") || (!!find_attr(data, IFLA_VXLAN_GBP) == p->gbp &&
					    !!find_attr(data, IFLA_VXLAN_GPE) == p->gpe);
}

enum found { NOT_THERE, SOMETHING_ELSE, OTHER_SETTINGS, AS_WANTED };

static enum found look(struct nl_sock *s, const char *name, const struct kind *k,
		       const struct tunnel_params *p)
{
	const struct nlattr *link[ARRAY_SIZE(link_policy)], *info[ARRAY_SIZE(info_policy)];
	AUTO(strbuf) req = STRBUF_INIT, reply = STRBUF_INIT;
	size_t m = nl_msg_begin(&req, RTM_GETLINK, 0);
	const char *kind;
	bool is_bare;

	nl_put_header(&req, sizeof(struct ifinfomsg));
	nl_put_str(&req, IFLA_IFNAME, name);
	nl_msg_end(&req, m);
	if (nl_transact(s, &req, &reply, NULL) || !reply.len)
		return NOT_THERE;
	if (nl_parse_msg((const struct nlmsghdr *)reply.s, sizeof(struct ifinfomsg), link_policy,
			 ARRAY_SIZE(link_policy), link, "link", NULL) ||
	    !link[IFLA_LINKINFO] ||
	    nl_parse_nested(link[IFLA_LINKINFO], info_policy, ARRAY_SIZE(info_policy), info,
			    "link kind", NULL) ||
	    !info[IFLA_INFO_KIND])
		return SOMETHING_ELSE;
	kind = nl_str(info[IFLA_INFO_KIND]);
	is_bare = is_bare_kind(k, kind);
	if (!is_bare && strcmp(kind, k->kind))
		return SOMETHING_ELSE;
	// One that takes more is not made anew for less: other tunnels are to come that need it.
	if (p->bare && !is_bare)
		return OTHER_SETTINGS;
	return info[IFLA_INFO_DATA] && is_as_wanted(k, p, info[IFLA_INFO_DATA]) ? AS_WANTED
										: OTHER_SETTINGS;
}

static int is_something_else(const char *name, const char *type, struct error *err)
{
	return error_set(err, -EEXIST,
			 "device %s is there, and is no %s tunnel: a tunnel needs its name", name,
			 type);
}

int tunnel_device_check(struct nl_sock *s, const char *name, const char *type,
			const struct tunnel_params *p, struct error *err)
{
	switch (look(s, name, find_kind(type), p)) {
	case NOT_THERE:
		return -ENOENT;
	case AS_WANTED:
		return 0;
	case OTHER_SETTINGS:
		return error_set(err, -EEXIST, "device %s is there, with other settings", name);
	case SOMETHING_ELSE:
		break;
	}
	return is_something_else(name, type, err);
}

// ---- Making ----

static int set_up(struct nl_sock *s, const char *name, int *ret_ifindex, struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct rtnl_link l;
	int error = rtnl_link_by_name(s, name, &l, err);

	if (error)
		return error;
	*ret_ifindex = l.ifindex;
	if (l.mtu != TUNNEL_MTU && rtnl_link_set_mtu(s, l.ifindex, TUNNEL_MTU, &ignored))
		log_warn("%s: MTU %d: %s", name, TUNNEL_MTU, ignored.text);
	return rtnl_link_set_up(s, l.ifindex, true, err);
}

static int make(struct nl_sock *s, const char *name, const struct kind *k,
		const struct tunnel_params *p, struct error *err)
{
	AUTO(strbuf) data = STRBUF_INIT;
	int error;

	put_data(k, p, &data);
	error = rtnl_link_add(s, name, kernel_kind(k, p), &data, err);
	if (error == -EOPNOTSUPP)
		return error_set(err, error, "this kernel has no devices of kind %s",
				 kernel_kind(k, p));
	return error;
}

int tunnel_device_need(struct nl_sock *s, const char *name, const char *type,
		       const struct tunnel_params *p, int *ret_ifindex, bool *ret_made,
		       struct error *err)
{
	const struct kind *k = find_kind(type);
	bool made = false;
	int error = 0;

	switch (look(s, name, k, p)) {
	case SOMETHING_ELSE:
		return is_something_else(name, type, err);
	case OTHER_SETTINGS:
		log_info("%s: its settings are not those of a tunnel of ours: made anew", name);
		tunnel_device_remove(s, name);
		error = make(s, name, k, p, err);
		made = !error;
		break;
	case NOT_THERE:
		error = make(s, name, k, p, err);
		made = !error;
		break;
	case AS_WANTED:
		log_info("%s: taken over as it is", name);
		break;
	}
	if (!error)
		error = set_up(s, name, ret_ifindex, err);
	if (error && made)
		tunnel_device_remove(s, name);
	if (!error)
		*ret_made = made;
	return error;
}

bool tunnel_device_is_bare(struct nl_sock *s, const char *name, const char *type)
{
	struct rtnl_link l;

	return !rtnl_link_by_name(s, name, &l, NULL) && is_bare_kind(find_kind(type), l.kind);
}

void tunnel_device_remove(struct nl_sock *s, const char *name)
{
	struct error err = ERROR_INIT;
	struct rtnl_link l;

	if (!rtnl_link_by_name(s, name, &l, NULL) && rtnl_link_del(s, l.ifindex, &err))
		log_warn("%s: the device stays: %s", name, err.text);
}

bool tunnel_device_is_ours(struct nl_sock *s, const char *name)
{
	struct rtnl_link l;

	if (!strstr(name, "_sys") || rtnl_link_by_name(s, name, &l, NULL))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].kind, l.kind) || is_bare_kind(&kinds[i], l.kind))
			return true;
	return false;
}
