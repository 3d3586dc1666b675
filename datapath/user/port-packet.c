// SPDX-License-Identifier: Apache-2.0
// A Linux network device that is there already, through a packet socket, which works on every kernel and every device.
//
// Our own class rather than DPDK's net_af_packet: that one loses the checksums and VLAN types that the kernel keeps beside
// the bytes, and cuts frames to its ring's size. The kernel's header in front of each frame says what is left to do:
// checksums to finish, segments to cut.
#include "datapath/user/eal.h"
#include "datapath/user/linux.h"
#include "datapath/user/port-linux.h"
#include "datapath/user/segment.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/counters.h"

// Younger than Debian 12's kernel headers.
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
#define SOCKET_BUFFER (4 << 20)
#define MAX_FRAME (65536 + 64)
#define MAX_READY 512 // pieces of a frame

struct packet_port {
	struct linux_port dev;
	uint8_t *frame; // MAX_FRAME bytes: what the socket gave last
	struct rte_mbuf
		*ready[MAX_READY]; // packets made of it, from next_ready on still to be handed out
	unsigned int n_ready, next_ready;
	uint64_t kernel_drops; // from PACKET_STATISTICS, which clears on reading; main thread
};

static struct packet_port *packet_of(struct port *p)
{
	return CONTAINER_OF(p, struct packet_port, dev.port);
}

// ---- Life ----

static int set_options(int fd, int ifindex)
{
	struct packet_mreq promisc = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = ifindex };
	int one = 1, size = SOCKET_BUFFER;

	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)))
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	// Bound last: nothing from other devices gets in.
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
}

static int open_socket(const char *name, int *ret_ifindex, struct error *err)
{
	int ifindex = if_nametoindex(name), fd, ret;

	if (!ifindex)
		return port_error_no_device(err, name);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "packet socket: %s", strerror(errno));
	ret = set_options(fd, ifindex);
	if (ret) {
		close(fd);
		return error_set(err, ret, "packet socket on %s: %s", name, strerror(-ret));
	}
	*ret_ifindex = ifindex;
	return fd;
}

// Before each frame that we send: its checksums are done and it is one packet.
static const struct virtio_net_hdr nothing_to_do;

static struct port *packet_open(const char *name, const struct smap *options, struct error *err)
{
	struct datapath_port_info info = { .mtu = 1500 };
	struct rte_mempool *pool;
	struct packet_port *t;
	int ifindex = 0, fd = open_socket(name, &ifindex, err);

	if (fd < 0)
		return NULL;
	smap_init(&info.status);
	linux_get(name, &info);
	smap_uninit(&info.status);
	pool = eal_pool(info.mtu, err);
	if (!pool || linux_set_up(name, true, err)) {
		close(fd);
		return NULL;
	}
	t = xzalloc_aligned(sizeof(*t));
	port_init(&t->dev.port, &port_class_packet, name);
	t->dev.port.mtu = info.mtu;
	t->dev.port.ref.ifindex = ifindex;
	t->dev.fd = fd;
	t->dev.pool = pool;
	t->dev.header = &nothing_to_do;
	t->dev.header_len = sizeof(nothing_to_do);
	t->frame = xmalloc(MAX_FRAME);
	return &t->dev.port;
}

static void packet_close(struct port *p)
{
	struct packet_port *t = packet_of(p);

	while (t->next_ready < t->n_ready)
		rte_pktmbuf_free(t->ready[t->next_ready++]);
	close(t->dev.fd);
	free(t->frame);
	free(t);
}

// ---- Receiving ----

static const struct tpacket_auxdata *find_auxdata(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			return (const struct tpacket_auxdata *)CMSG_DATA(c);
	return NULL;
}

// The sender left the checksum to a device that there is not: what covers [start, end) goes to start + offset.
static bool finish_checksum(uint8_t *data, uint32_t len, const struct virtio_net_hdr *h)
{
	uint16_t sum;

	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (h->csum_start + h->csum_offset + 2u > len)
		return false;
	// The field holds the pseudo header's sum already.
	sum = checksum(data + h->csum_start, len - h->csum_start, 0);
	sum = htons(sum ? sum : 0xffff);
	memcpy(data + h->csum_start + h->csum_offset, &sum, sizeof(sum));
	return true;
}

// The tag that the kernel took out.
static bool restore_tag(struct rte_mbuf *m, const struct tpacket_auxdata *aux)
{
	uint16_t tag[2];
	uint8_t *data;

	if (!aux || !(aux->tp_status & TP_STATUS_VLAN_VALID))
		return true;
	tag[0] =
		htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q);
	tag[1] = htons(aux->tp_vlan_tci);
	data = (uint8_t *)rte_pktmbuf_prepend(m, sizeof(tag));
	if (!data)
		return false;
	memmove(data, data + sizeof(tag), 12);
	memcpy(data + 12, tag, sizeof(tag));
	return true;
}

static void lose(struct packet_port *t, enum counter why)
{
	PORT_COUNT(&t->dev.port, rx_dropped, 1);
	counter_inc(why);
}

// Puts a frame of 'len' bytes, written by the caller to rte_pktmbuf_mtod(), among those that wait.
static void make_ready(struct packet_port *t, struct rte_mbuf *m, uint32_t len,
		       const struct tpacket_auxdata *aux)
{
	m->data_len = m->pkt_len = len;
	if (!len || !restore_tag(m, aux)) {
		lose(t, COUNTER_DROP_MALFORMED);
		rte_pktmbuf_free(m);
		return;
	}
	t->ready[t->n_ready++] = m;
}

static void take_whole(struct packet_port *t, uint32_t len, const struct virtio_net_hdr *h,
		       const struct tpacket_auxdata *aux)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->dev.pool);

	if (UNLIKELY(!m)) {
		lose(t, COUNTER_DROP_NOMEM);
		return;
	}
	if (len > rte_pktmbuf_tailroom(m) || !finish_checksum(t->frame, len, h)) {
		lose(t, COUNTER_DROP_SEGMENTED);
		rte_pktmbuf_free(m);
		return;
	}
	memcpy(rte_pktmbuf_mtod(m, void *), t->frame, len);
	make_ready(t, m, len, aux);
}

static void take_segments(struct packet_port *t, uint32_t len, const struct virtio_net_hdr *h,
			  const struct tpacket_auxdata *aux)
{
	const struct segment_job job = { .frame = t->frame,
					 .len = len,
					 .l4 = h->csum_start,
					 .size = h->gso_size,
					 .udp = (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) ==
						VIRTIO_NET_HDR_GSO_UDP_L4 };
	unsigned int n = segment_count(&job);

	if (!n || n > MAX_READY) {
		lose(t, COUNTER_DROP_SEGMENTED);
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(t->dev.pool);

		// Headers and payload are at most the MTU's worth, for a sender on the same link.
		if (!m || job.size + 256u > rte_pktmbuf_tailroom(m)) {
			lose(t, m ? COUNTER_DROP_SEGMENTED : COUNTER_DROP_NOMEM);
			rte_pktmbuf_free(m);
			continue;
		}
		make_ready(t, m, segment_write(&job, i, rte_pktmbuf_mtod(m, uint8_t *)), aux);
	}
}

// One frame of the socket, which may be several packets, to the empty ready[]. False when none waits.
static bool receive_one(struct packet_port *t)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct virtio_net_hdr h;
	struct iovec v[2] = { { &h, sizeof(h) }, { t->frame, MAX_FRAME } };
	struct msghdr msg = { .msg_iov = v,
			      .msg_iovlen = 2,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(t->dev.fd, &msg, MSG_TRUNC);

	t->n_ready = t->next_ready = 0;
	if (n < (ssize_t)sizeof(h))
		return false;
	n -= sizeof(h);
	if (n > MAX_FRAME)
		lose(t, COUNTER_DROP_SEGMENTED);
	else if (h.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		take_whole(t, n, &h, find_auxdata(&msg));
	else
		take_segments(t, n, &h, find_auxdata(&msg));
	return true;
}

static uint16_t packet_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct packet_port *t = packet_of(p);
	uint64_t bytes = 0;
	uint16_t got = 0;

	while (got < n) {
		if (t->next_ready == t->n_ready && !receive_one(t))
			break;
		for (; got < n && t->next_ready < t->n_ready; got++) {
			pkts[got] = t->ready[t->next_ready++];
			bytes += pkts[got]->pkt_len;
		}
	}
	if (got) {
		PORT_COUNT(p, rx_packets, got);
		PORT_COUNT(p, rx_bytes, bytes);
	}
	return got;
}

// ---- Settings ----

static int packet_set_options(struct port *p, const struct smap *options, struct error *err)
{
	if (smap_get(options, "xdp-mode"))
		return error_set(err, -EOPNOTSUPP, "options:xdp-mode is changed");
	return 0;
}

static void packet_info(struct port *p, struct datapath_port_info *info)
{
	struct packet_port *t = packet_of(p);
	struct tpacket_stats s;
	socklen_t len = sizeof(s);

	linux_port_info(p, info);
	smap_set(&info->status, "io", "packet-socket");
	if (!getsockopt(t->dev.fd, SOL_PACKET, PACKET_STATISTICS, &s, &len))
		t->kernel_drops += s.tp_drops;
	info->rx_dropped += t->kernel_drops;
}

const struct port_class port_class_packet = {
	.type = "system",
	.open = packet_open,
	.close = packet_close,
	.rx = packet_rx,
	.tx = linux_port_tx,
	.set_mac = linux_port_set_mac,
	.set_mtu = linux_port_set_mtu,
	.set_admin = linux_port_set_admin,
	.set_options = packet_set_options,
	.info = packet_info,
	.rx_fd = linux_port_rx_fd,
};
