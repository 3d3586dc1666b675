// SPDX-License-Identifier: Apache-2.0
// The address that rows of controllers give the local port, through which the host comes to a controller over the bridge itself.
//
// It is set and never taken away, as Open vSwitch has it: a controller that is gone must be reached to be configured again.
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(bridge);

struct address {
	struct in_addr ip, mask, gateway; // gateway 0: none
};

static bool parse(const char *text, struct in_addr *ret)
{
	return text && inet_pton(AF_INET, text, ret) == 1 && ret->s_addr;
}

// Ones, and then zeros.
static bool is_mask(struct in_addr mask)
{
	uint32_t zeros = ~ntohl(mask.s_addr);

	return !(zeros & (zeros + 1));
}

static struct in_addr class_mask(struct in_addr ip)
{
	uint8_t first = ntohl(ip.s_addr) >> 24;

	return (struct in_addr){ htonl(first < 128   ? 0xff000000
				       : first < 192 ? 0xffff0000
						     : 0xffffff00) };
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
	if (!row->local_netmask) {
		a.mask = class_mask(a.ip);
	} else if (!parse(row->local_netmask, &a.mask) || !is_mask(a.mask)) {
		bad(br, row, "local_netmask", row->local_netmask);
		a.mask = class_mask(a.ip);
	}
	if (row->local_gateway && !parse(row->local_gateway, &a.gateway))
		bad(br, row, "local_gateway", row->local_gateway);
	*ret = a;
}

// ---- The device ----

static int request(int fd, const struct bridge *br, unsigned long what, struct in_addr *address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = *address };
	struct ifreq r = { .ifr_flags = 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.15s", br->name);
	memcpy(&r.ifr_addr, &sin, sizeof(sin));
	if (ioctl(fd, what, &r) < 0)
		return -errno;
	memcpy(&sin, &r.ifr_addr, sizeof(sin));
	*address = sin.sin_addr;
	return 0;
}

static bool has(int fd, const struct bridge *br, const struct address *a)
{
	struct in_addr ip = { 0 }, mask = { 0 };

	return !request(fd, br, SIOCGIFADDR, &ip) && ip.s_addr == a->ip.s_addr &&
	       !request(fd, br, SIOCGIFNETMASK, &mask) && mask.s_addr == a->mask.s_addr;
}

static int set_address(int fd, const struct bridge *br, const struct address *a)
{
	struct in_addr ip = a->ip, mask = a->mask;
	int error = request(fd, br, SIOCSIFADDR, &ip);

	return error ? error : request(fd, br, SIOCSIFNETMASK, &mask);
}

static int set_gateway(int fd, const struct bridge *br, struct in_addr gateway)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = gateway },
			   any = { .sin_family = AF_INET };
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char *)br->name };

	memcpy(&route.rt_dst, &any, sizeof(any));
	memcpy(&route.rt_genmask, &any, sizeof(any));
	memcpy(&route.rt_gateway, &to, sizeof(to));
	return ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST ? -errno : 0;
}

// With a new address the routes of the old one go.
static void apply(int fd, struct bridge *br, const struct address *a, bool is_new)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);
	char ip[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
	int error;

	inet_ntop(AF_INET, &a->ip, ip, sizeof(ip));
	inet_ntop(AF_INET, &a->mask, mask, sizeof(mask));
	inet_ntop(AF_INET, &a->gateway, gateway, sizeof(gateway));
	if (is_new) {
		error = set_address(fd, br, a);
		if (error) {
			log_err_limited(&limit, "%s: setting IP address %s failed: %s", br->name,
					ip, strerror(-error));
			return;
		}
		log_info("%s: IP address %s, netmask %s", br->name, ip, mask);
	}
	if (!a->gateway.s_addr)
		return;
	error = set_gateway(fd, br, a->gateway);
	if (error)
		log_err_limited(&limit, "%s: setting gateway %s failed: %s", br->name, gateway,
				strerror(-error));
	else if (is_new)
		log_info("%s: gateway %s", br->name, gateway);
}

void local_address_configure(struct bridge *br, const struct ovsrec_bridge *row)
{
	const struct of_port *local = switch_port_find(br->sw, OF_PORT(OFPP_LOCAL));
	struct address now = { .ip.s_addr = 0 };
	int fd;

	// A dummy is no device of the host. Of several controllers the last one's counts.
	if (!local || !atomic_load(&local->ifindex))
		return;
	for (size_t i = 0; i < row->n_controller; i++)
		take_wanted(br, row->controller[i], &now);
	if (!now.ip.s_addr)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	datapath_port_set_admin(br->plane->dp, local->dp_port, true, NULL);
	apply(fd, br, &now,
	      !has(fd, br, &now) || (br->gateway && br->gateway != now.gateway.s_addr));
	br->gateway = now.gateway.s_addr;
	close(fd);
}
