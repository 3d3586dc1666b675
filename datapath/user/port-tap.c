// SPDX-License-Identifier: Apache-2.0
// "tap" and "internal": a tap device made by us, named like the port; it goes away with the port.
//
// Our own class rather than DPDK's net_tap: that one makes two devices a port, takes no part of another namespace well, and
// needs kernel pieces (multiq, flower) for its queues. The kernel finishes checksums and cuts segments before we read,
// since no offloads are announced.
#include "datapath/user/eal.h"
#include "datapath/user/linux.h"
#include "datapath/user/port-linux.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/counters.h"

struct tap_port {
	struct linux_port dev;
	struct rte_mbuf *spare; // the buffer of a read that found nothing; the polling thread's
};

static struct tap_port *tap_of(struct port *p)
{
	return CONTAINER_OF(p, struct tap_port, dev.port);
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
	port_init(&t->dev.port, class, name);
	t->dev.fd = fd;
	t->dev.pool = pool;
	t->dev.port.ref.ifindex = if_nametoindex(name);
	return &t->dev.port;
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
	close(t->dev.fd);
	free(t);
}

static bool read_one(struct tap_port *t, struct rte_mbuf **ret)
{
	struct rte_mbuf *m = t->spare ? t->spare : rte_pktmbuf_alloc(t->dev.pool);
	ssize_t n;

	t->spare = NULL;
	if (UNLIKELY(!m)) {
		PORT_COUNT(&t->dev.port, rx_dropped, 1);
		counter_inc(COUNTER_DROP_NOMEM);
		return false;
	}
	n = read(t->dev.fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
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

// ---- Settings ----

static int tap_set_mtu(struct port *p, uint32_t mtu, struct error *err)
{
	int ret = linux_port_set_mtu(p, mtu, err);

	if (!ret) {
		// It may be of the smaller pool.
		rte_pktmbuf_free(tap_of(p)->spare);
		tap_of(p)->spare = NULL;
	}
	return ret;
}

static int tap_set_options(struct port *p, const struct smap *options, struct error *err)
{
	return 0; // it has none
}

#define TAP_VERBS \
	.close = tap_close, .rx = tap_rx, .tx = linux_port_tx, .set_mac = linux_port_set_mac, \
	.set_mtu = tap_set_mtu, .set_admin = linux_port_set_admin, .set_options = tap_set_options, \
	.info = linux_port_info, .rx_fd = linux_port_rx_fd

const struct port_class port_class_tap = { .type = "tap", .open = tap_open, TAP_VERBS };
const struct port_class port_class_internal = {
	.type = "internal",
	.open = internal_open,
	TAP_VERBS,
};
