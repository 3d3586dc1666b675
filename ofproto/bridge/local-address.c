// SPDX-License-Identifier: Apache-2.0
// The address that rows of controllers give the local port, through which the host comes to a controller over the bridge itself.
//
// It is set and never taken away, as Open vSwitch has it: a controller that is gone must be reached to be configured again.
#include <arpa/inet.h>

#include "core/base/log.h"
#include "core/netlink/rtnl.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(bridge);

struct address {
	struct in_addr ip, gateway; // gateway 0: none
	uint8_t prefix; // how many bits of 'ip' are its network's
};

static bool parse(const char *text, struct in_addr *ret)
{
	return text && inet_pton(AF_INET, text, ret) == 1 && ret->s_addr;
}

// Of the class that the address once belonged to.
static uint8_t class_prefix(struct in_addr ip)
{
	uint8_t first = ntohl(ip.s_addr) >> 24;

	return first < 128 ? 8 : first < 192 ? 16 : 24;
}

// False: the text is no mask of ones, and then zeros.
static bool parse_mask(const char *text, uint8_t *ret_prefix)
{
	struct in_addr mask;
	int n = parse(text, &mask) ? mask_prefix_len((const uint8_t *)&mask, sizeof(mask)) : -1;

	if (n > 0)
		*ret_prefix = n;
	return n > 0;
}

static void bad(const struct bridge *br, const struct ovsrec_controller *row, const char *column,
		const char *text)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);

	log_warn_limited(&limit, "%s: controller %s: %s \"%s\" is no IPv4 %s: ignored", br->name,
			 row->target, column, text, strstr(column, "mask") ? "mask" : "address");
}

// '*ret' stays where the row gives none.
static void take_wanted(const struct bridge *br, const struct ovsrec_controller *row,
			struct address *ret)
{
	struct address a = { .gateway.s_addr = 0 };

	if (!row->local_ip)
		return;
	if (!parse(row->local_ip, &a.ip)) {
		bad(br, row, "local_ip", row->local_ip);
		return;
	}
	a.prefix = class_prefix(a.ip);
	if (row->local_netmask && !parse_mask(row->local_netmask, &a.prefix))
		bad(br, row, "local_netmask", row->local_netmask);
	if (row->local_gateway && !parse(row->local_gateway, &a.gateway))
		bad(br, row, "local_gateway", row->local_gateway);
	*ret = a;
}

// ---- The device ----

// The device's first address of IPv4: the one that is ours.
static void take_first(const struct rtnl_address *a, void *aux)
{
	struct rtnl_address *first = aux;

	if (a->ifindex == first->ifindex && ipv6_is_mapped(&a->address) && !first->prefix_len)
		*first = *a;
}

// In place of the one that the device has. With that its routes go.
static int set_address(struct nl_sock *s, const struct rtnl_address *a,
		       const struct rtnl_address *before, struct error *err)
{
	int error = before->prefix_len ? rtnl_address_del(s, before, err) : 0;

	return error ? error : rtnl_address_add(s, a, err);
}

static int apply_address(struct nl_sock *s, const struct bridge *br, int ifindex,
			 const struct address *a, bool *ret_is_new, struct error *err)
{
	struct rtnl_address before = { .ifindex = ifindex }, now = { .ifindex = ifindex };
	int error = rtnl_address_dump(s, take_first, &before, err);
	char text[INET_ADDRSTRLEN];

	now.address = ipv6_of_ipv4(a->ip.s_addr);
	now.prefix_len = a->prefix;
	*ret_is_new = before.prefix_len != now.prefix_len ||
		      memcmp(&before.address, &now.address, sizeof(now.address));
	if (!error && *ret_is_new)
		error = set_address(s, &now, &before, err);
	inet_ntop(AF_INET, &a->ip, text, sizeof(text));
	if (error)
		return error_wrap(err, "setting IP address %s failed", text);
	if (*ret_is_new)
		log_info("%s: IP address %s/%u", br->name, text, a->prefix);
	return 0;
}

static int apply_gateway(struct nl_sock *s, const struct bridge *br, int ifindex,
			 struct in_addr gateway, bool is_new, struct error *err)
{
	struct ipv6_addr hop = ipv6_of_ipv4(gateway.s_addr);
	int error = rtnl_default_route_add(s, ifindex, &hop, err);
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &gateway, text, sizeof(text));
	if (error && error != -EEXIST)
		return error_wrap(err, "setting gateway %s failed", text);
	if (is_new)
		log_info("%s: gateway %s", br->name, text);
	return 0;
}

static void apply(struct nl_sock *s, struct bridge *br, int ifindex, const struct address *a)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);
	struct error err = ERROR_INIT;
	bool is_new;
	int error = apply_address(s, br, ifindex, a, &is_new, &err);

	is_new |= br->gateway != a->gateway.s_addr;
	if (!error && a->gateway.s_addr)
		error = apply_gateway(s, br, ifindex, a->gateway, is_new, &err);
	if (error)
		log_err_limited(&limit, "%s: %s", br->name, err.text);
	br->gateway = a->gateway.s_addr;
}

static void bring_up(struct bridge *br, const struct of_port *local)
{
	struct error err = ERROR_INIT;
	int error = datapath_port_set_admin(br->plane->dp, local->dp_port, true, &err);

	if (str_replace(&br->local_error, error ? err.text : "") && error)
		log_err("%s: bringing up the local port failed: %s", br->name, err.text);
}

void local_address_configure(struct bridge *br, const struct ovsrec_bridge *row)
{
	const struct of_port *local = switch_port_find(br->sw, OF_PORT(OFPP_LOCAL));
	struct address now = { .ip.s_addr = 0 };
	struct nl_sock *s = vswitchd_route_sock(br->vs);
	int ifindex = local ? atomic_load(&local->ifindex) : 0;

	// A dummy is no device of the host. Of several controllers the last one's counts.
	if (!ifindex || !s)
		return;
	for (size_t i = 0; i < row->n_controller; i++)
		take_wanted(br, row->controller[i], &now);
	if (!now.ip.s_addr)
		return;
	bring_up(br, local);
	apply(s, br, ifindex, &now);
}
