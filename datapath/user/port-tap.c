// SPDX-License-Identifier: Apache-2.0
// "tap" and "internal": a tap device made by us, named like the port; it goes away with the port.
//
// Our own class rather than DPDK's net_tap: that one makes two devices a port, takes no part of another namespace well, and
// needs kernel pieces (multiq, flower) for its queues. The kernel finishes checksums and cuts segments before we read,
// since no offloads are announced.
#include "datapath/user/eal.h"
#include "datapath/user/linux.h"
#include "datapath/user/port.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/counters.h"

#define MAX_SEGMENTS 16

struct tap_port {
	struct port port;
	int fd;
	struct rte_mempool *pool;
	struct rte_mbuf *spare; // the buffer of a read that found nothing; the polling thread's
};

static struct tap_port *tap_of(struct port *p)
{
	return CONTAINER_OF(p, struct tap_port, port);
}

static int open_device(const char *name, struct error *err)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd;

	if (strlen(name) >= IFNAMSIZ)
		return error_set(err, -ENAMETOOLONG,
				 "a network device's name has at most %d characters", IFNAMSIZ - 1);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "/dev/net/tun: %s", strerror(errno));
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.15s", name);
	if (ioctl(fd, TUNSETIFF, &r) < 0) {
		int ret = -errno;

		close(fd);
		return error_set(err, ret, "tap device %s cannot be made: %s", name,
				 ret == -EBUSY ? "a device of this name is there already"
					       : strerror(-ret));
	}
	return fd;
}

static struct port *open_tap(const struct port_class *class, const char *name, struct error *err)
{
	struct rte_mempool *pool = eal_pool(1500, err);
	struct tap_port *t;
	int fd;

	if (!pool)
		return NULL;
	fd = open_device(name, err);
	if (fd < 0)
		return NULL;
	t = xzalloc_aligned(sizeof(*t));
	port_init(&t->port, class, name);
	t->fd = fd;
	t->pool = pool;
	t->port.ref.ifindex = if_nametoindex(name);
	return &t->port;
}

static struct port *tap_open(const char *name, const struct smap *options, struct error *err)
{
	struct port *p = open_tap(&port_class_tap, name, err);

	if (p && linux_set_up(name, true, err)) {
		p->class->close(p);
		return NULL;
	}
	return p;
}

// Stays down until the administrator configures it, like any new device.
static struct port *internal_open(const char *name, const struct smap *options, struct error *err)
{
	return open_tap(&port_class_internal, name, err);
}

static void tap_close(struct port *p)
{
	struct tap_port *t = tap_of(p);

	rte_pktmbuf_free(t->spare);
	close(t->fd);
	free(t);
}

static bool read_one(struct tap_port *t, struct rte_mbuf **ret)
{
	struct rte_mbuf *m = t->spare ? t->spare : rte_pktmbuf_alloc(t->pool);
	ssize_t n;

	t->spare = NULL;
	if (UNLIKELY(!m)) {
		PORT_COUNT(&t->port, rx_dropped, 1);
		counter_inc(COUNTER_DROP_NOMEM);
		return false;
	}
	n = read(t->fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
	if (n <= 0) {
		t->spare = m;
		return false;
	}
	m->data_len = m->pkt_len = n;
	*ret = m;
	return true;
}

static uint16_t tap_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t got = 0;

	while (got < n && read_one(tap_of(p), &pkts[got]))
		bytes += pkts[got++]->pkt_len;
	if (got) {
		PORT_COUNT(p, rx_packets, got);
		PORT_COUNT(p, rx_bytes, bytes);
	}
	return got;
}

static bool write_one(struct tap_port *t, const struct rte_mbuf *m)
{
	struct iovec v[MAX_SEGMENTS];
	int n = 0;

	for (const struct rte_mbuf *s = m; s && n < MAX_SEGMENTS; s = s->next)
		v[n++] = (struct iovec){ rte_pktmbuf_mtod(s, void *), s->data_len };
	return writev(t->fd, v, n) >= 0;
}

// Everything is taken: a device that is down (EIO) or full drops, as its queue would.
static uint16_t tap_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t packets = 0, bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		if (write_one(tap_of(p), pkts[i])) {
			packets++;
			bytes += pkts[i]->pkt_len;
		}
	PORT_COUNT(p, tx_packets, packets);
	PORT_COUNT(p, tx_bytes, bytes);
	if (packets < n) {
		PORT_COUNT(p, tx_dropped, n - packets);
		counter_add(COUNTER_DROP_TX, n - packets);
	}
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static int tap_set_mac(struct port *p, struct eth_addr mac, struct error *err)
{
	return linux_set_mac(p->ref.name, mac, err);
}

static int tap_set_mtu(struct port *p, uint32_t mtu, struct error *err)
{
	struct rte_mempool *pool = eal_pool(mtu, err);
	int ret = pool ? linux_set_mtu(p->ref.name, mtu, err) : err->code;

	if (ret)
		return ret;
	rte_pktmbuf_free(tap_of(p)->spare);
	tap_of(p)->spare = NULL;
	tap_of(p)->pool = pool;
	p->mtu = mtu;
	return 0;
}

static int tap_set_admin(struct port *p, bool up, struct error *err)
{
	return linux_set_up(p->ref.name, up, err);
}

static int tap_set_options(struct port *p, const struct smap *options, struct error *err)
{
	return 0; // it has none
}

static void tap_info(struct port *p, struct datapath_port_info *info)
{
	info->mtu = p->mtu;
	linux_get(p->ref.name, info);
	port_info_counts(p, info);
}

static int tap_rx_fd(struct port *p, uint16_t queue)
{
	return tap_of(p)->fd;
}

#define TAP_VERBS \
	.close = tap_close, .rx = tap_rx, .tx = tap_tx, .set_mac = tap_set_mac, \
	.set_mtu = tap_set_mtu, .set_admin = tap_set_admin, .set_options = tap_set_options, \
	.info = tap_info, .rx_fd = tap_rx_fd

const struct port_class port_class_tap = { .type = "tap", .open = tap_open, TAP_VERBS };
const struct port_class port_class_internal = {
	.type = "internal",
	.open = internal_open,
	TAP_VERBS,
};
