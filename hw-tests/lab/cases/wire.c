// SPDX-License-Identifier: Apache-2.0
#include "hw-tests/lab/cases/wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/veth.h>
#include <poll.h>
#include <sys/socket.h>

#include "core/base/util.h"
#include "core/netlink/rtnl.h"

static void open_socket(struct wire *w, int ifindex)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = ifindex };
	int one = 1, room = 16 << 20; // for bursts

	w->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (w->fd < 0 || setsockopt(w->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(w->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(w->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(w->fd, (struct sockaddr *)&addr, sizeof(addr)))
		fatal(errno, "%s: packet socket", w->far);
}

// No address of IPv6's own making: nothing is on the wire but what tests send.
static void be_quiet(const char *name)
{
	AUTO_FREE char *path = xasprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	FILE *f = fopen(path, "w");

	if (f) {
		fputs("1", f);
		fclose(f);
	}
}

void wire_open(struct wire *w, const char *name, const char *far_name)
{
	struct error err = ERROR_INIT;
	struct rtnl_link near, far;
	struct nl_sock *s;

	snprintf(w->name, sizeof(w->name), "%s", name);
	snprintf(w->far, sizeof(w->far), "%s", far_name);
	if (nl_open(NETLINK_ROUTE, &s, &err) || rtnl_link_by_name(s, w->name, &near, &err) ||
	    rtnl_link_by_name(s, w->far, &far, &err))
		fatal(0, "%s", err.text);
	be_quiet(w->name);
	be_quiet(w->far);
	if (rtnl_link_set_up(s, near.ifindex, true, &err) ||
	    rtnl_link_set_up(s, far.ifindex, true, &err))
		fatal(0, "%s", err.text);
	w->ifindex = near.ifindex;
	open_socket(w, far.ifindex);
	nl_close(s);
}

void wire_create(struct wire *w, const char *name)
{
	AUTO(strbuf) data = STRBUF_INIT;
	struct error err = ERROR_INIT;
	char far[sizeof(w->far)];
	struct nl_sock *s;
	size_t peer;

	snprintf(far, sizeof(far), "%sp", name);
	peer = nl_nest_begin(&data, VETH_INFO_PEER);
	nl_put_header(&data, sizeof(struct ifinfomsg));
	nl_put_str(&data, IFLA_IFNAME, far);
	nl_nest_end(&data, peer);
	if (nl_open(NETLINK_ROUTE, &s, &err) || rtnl_link_add(s, name, "veth", &data, &err))
		fatal(0, "%s", err.text);
	nl_close(s);
	wire_open(w, name, far);
}

uint64_t wire_received(const struct wire *w)
{
	AUTO_FREE char *path = xasprintf("/sys/class/net/%s/statistics/rx_packets", w->name);
	FILE *f = fopen(path, "r");
	uint64_t n;

	if (!f || fscanf(f, "%" SCNu64, &n) != 1)
		fatal(errno, "%s", path);
	fclose(f);
	return n;
}

void wire_send(const struct wire *w, const void *frame, size_t n)
{
	if (send(w->fd, frame, n, 0) != (ssize_t)n)
		fatal(errno, "%s: send of %zu bytes", w->far, n);
}

// The kernel takes the outer tag out of the frame and tells of it beside.
static void put_tag_back(struct msghdr *m, struct strbuf *frame)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;
		uint16_t tag[2];

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			continue;
		tag[0] = htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid
									 : ETH_P_8021Q);
		tag[1] = htons(aux.tp_vlan_tci);
		strbuf_put_uninit(frame, sizeof(tag));
		memmove(frame->s + 16, frame->s + 12, frame->len - 16);
		memcpy(frame->s + 12, tag, sizeof(tag));
	}
}

bool wire_receive(const struct wire *w, struct strbuf *ret_frame, int msec)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	uint8_t frame[65536], control[256];
	struct iovec iov = { frame, sizeof(frame) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;

	if (poll(&p, 1, msec) <= 0)
		return false;
	n = recvmsg(w->fd, &m, 0);
	if (n < ETH_HLEN)
		fatal(errno, "%s: receive", w->far);
	strbuf_clear(ret_frame);
	strbuf_put(ret_frame, frame, n);
	put_tag_back(&m, ret_frame);
	return true;
}
