// SPDX-License-Identifier: Apache-2.0
// "dummy", "dummy-internal" and "dummy-pmd": ports without anything behind them, for tests. netdev-dummy/receive hands packets in;
// what is sent is counted and, with options:pcap or tx_pcap and rxq_pcap, written to pcap files. dummy-pmd has options:n_rxq queues.
//
// Packets of the first two are handled by the main thread before the command answers; those of dummy-pmd by a PMD thread.
#include "datapath/user/port.h"

#include <stdio.h>

#include <rte_ring.h>

#include "core/base/clock.h"
#include "core/base/log.h"

LOG_MODULE(netdev_dummy);

#define QUEUE_LEN 1024
#define PCAP_SNAP_LEN 65535

struct dummy_port {
	struct port port;
	struct rte_ring *rings[PORT_MAX_QUEUES]; // dummy-pmd: received, waiting for their threads
	struct eth_addr mac;
	bool admin_up; // relaxed
	pthread_mutex_t lock; // of the files, which several threads write
	FILE *tx_pcap, *rx_pcap; // may be the same
	char *tx_path, *rx_path;
};

static struct dummy_port *dummy_of(struct port *p)
{
	return CONTAINER_OF(p, struct dummy_port, port);
}

bool port_is_dummy(const struct port *p)
{
	return str_starts(p->class->type, "dummy");
}

// ---- pcap files ----

static FILE *pcap_create(const char *path, struct error *err)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		int32_t zone;
		uint32_t sigfigs, snap_len, link_type;
	} header = { 0xa1b2c3d4, 2, 4, 0, 0, PCAP_SNAP_LEN, 1 };
	FILE *f = fopen(path, "wbe");

	if (!f) {
		error_set(err, -errno, "%s: %s", path, strerror(errno));
		return NULL;
	}
	fwrite(&header, sizeof(header), 1, f);
	fflush(f);
	return f;
}

static void pcap_write(struct dummy_port *d, FILE *f, const struct rte_mbuf *m)
{
	int64_t now = clock_wall_msec();
	const uint32_t header[4] = { now / 1000, now % 1000 * 1000, m->pkt_len, m->pkt_len };

	if (!f)
		return;
	pthread_mutex_lock(&d->lock);
	fwrite(header, sizeof(header), 1, f);
	for (const struct rte_mbuf *s = m; s; s = s->next)
		fwrite(rte_pktmbuf_mtod(s, void *), s->data_len, 1, f);
	fflush(f);
	pthread_mutex_unlock(&d->lock);
}

static void close_files(struct dummy_port *d)
{
	if (d->rx_pcap && d->rx_pcap != d->tx_pcap)
		fclose(d->rx_pcap);
	if (d->tx_pcap)
		fclose(d->tx_pcap);
	free(d->tx_path);
	free(d->rx_path);
	d->rx_pcap = d->tx_pcap = NULL;
	d->rx_path = d->tx_path = NULL;
}

static bool same_path(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static int open_files(struct dummy_port *d, const struct smap *options, struct error *err)
{
	const char *both = smap_get(options, "pcap");
	const char *tx = smap_get_def(options, "tx_pcap", both);
	const char *rx = smap_get_def(options, "rxq_pcap", both);
	struct error first = ERROR_INIT;

	if (same_path(tx, d->tx_path) && same_path(rx, d->rx_path))
		return 0;
	close_files(d);
	if (tx)
		d->tx_pcap = pcap_create(tx, &first);
	if (rx)
		d->rx_pcap = same_path(rx, tx) ? d->tx_pcap : pcap_create(rx, &first);
	d->tx_path = tx ? xstrdup(tx) : NULL;
	d->rx_path = rx ? xstrdup(rx) : NULL;
	return first.code ? error_set(err, first.code, "%s", first.text) : 0;
}

// ---- Life ----

static void free_rings(struct dummy_port *d, uint16_t from)
{
	struct rte_mbuf *m;

	for (uint16_t q = from; q < PORT_MAX_QUEUES; q++) {
		while (d->rings[q] && !rte_ring_dequeue(d->rings[q], (void **)&m))
			rte_pktmbuf_free(m);
		rte_ring_free(d->rings[q]);
		d->rings[q] = NULL;
	}
}

static int make_rings(struct dummy_port *d, const struct smap *options, struct error *err)
{
	static uint32_t number;
	int64_t n;

	if (d->port.class->main_thread)
		return 0;
	if (port_option_int(options, "n_rxq", 1, 1, PORT_MAX_QUEUES, &n, err))
		return err->code;
	for (uint16_t q = 0; q < n; q++) {
		char name[32];

		if (d->rings[q])
			continue;
		snprintf(name, sizeof(name), "dummy-%u", number++);
		d->rings[q] = rte_ring_create(name, QUEUE_LEN, SOCKET_ID_ANY, RING_F_SC_DEQ);
		if (!d->rings[q])
			return error_set(err, -ENOMEM, "no memory for the queue");
	}
	free_rings(d, n);
	d->port.n_rxq = n;
	return 0;
}

static struct port *open_dummy(const struct port_class *class, const char *name,
			       const struct smap *options, struct error *err)
{
	static uint32_t number;
	struct dummy_port *d = xzalloc_aligned(sizeof(*d));

	port_init(&d->port, class, name);
	pthread_mutex_init(&d->lock, NULL);
	d->mac = eth_addr_from_u64(0xaa55aa550000ULL + ++number);
	d->admin_up = true;
	if (make_rings(d, options, err) || open_files(d, options, err)) {
		class->close(&d->port);
		return NULL;
	}
	return &d->port;
}

static struct port *dummy_open(const char *name, const struct smap *options, struct error *err)
{
	return open_dummy(&port_class_dummy, name, options, err);
}

static struct port *dummy_internal_open(const char *name, const struct smap *options,
					struct error *err)
{
	return open_dummy(&port_class_dummy_internal, name, options, err);
}

static struct port *dummy_pmd_open(const char *name, const struct smap *options, struct error *err)
{
	return open_dummy(&port_class_dummy_pmd, name, options, err);
}

static void dummy_close(struct port *p)
{
	struct dummy_port *d = dummy_of(p);

	free_rings(d, 0);
	close_files(d);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

// ---- Packets ----

bool dummy_port_receive(struct port *p, uint16_t queue, struct rte_mbuf *m)
{
	struct dummy_port *d = dummy_of(p);
	uint32_t bytes;

	if (!__atomic_load_n(&d->admin_up, __ATOMIC_RELAXED) || m->pkt_len > p->mtu + 14 + 8 ||
	    queue >= p->n_rxq) {
		PORT_COUNT(p, rx_dropped, 1);
		rte_pktmbuf_free(m);
		return false;
	}
	pcap_write(d, d->rx_pcap, m);
	bytes = m->pkt_len;
	if (d->rings[queue] && rte_ring_enqueue(d->rings[queue], m)) {
		PORT_COUNT(p, rx_dropped, 1);
		rte_pktmbuf_free(m);
		return false;
	}
	PORT_COUNT(p, rx_packets, 1);
	PORT_COUNT(p, rx_bytes, bytes);
	return !d->rings[queue];
}

static uint16_t dummy_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_ring *ring = dummy_of(p)->rings[queue];

	return ring ? rte_ring_dequeue_burst(ring, (void **)pkts, n, NULL) : 0;
}

static uint16_t dummy_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct dummy_port *d = dummy_of(p);

	for (uint16_t i = 0; i < n; i++) {
		if (!__atomic_load_n(&d->admin_up, __ATOMIC_RELAXED)) {
			PORT_COUNT(p, tx_dropped, 1);
			continue;
		}
		pcap_write(d, d->tx_pcap, pkts[i]);
		PORT_COUNT(p, tx_packets, 1);
		PORT_COUNT(p, tx_bytes, pkts[i]->pkt_len);
	}
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

// ---- Settings ----

static int dummy_set_mac(struct port *p, struct eth_addr mac, struct error *err)
{
	dummy_of(p)->mac = mac;
	return 0;
}

static int dummy_set_mtu(struct port *p, uint32_t mtu, struct error *err)
{
	if (mtu < 68 || mtu > 65000)
		return error_set(err, -ERANGE, "MTU %u is not within 68 to 65000", mtu);
	__atomic_store_n(&p->mtu, mtu, __ATOMIC_RELAXED);
	return 0;
}

static int dummy_set_admin(struct port *p, bool up, struct error *err)
{
	__atomic_store_n(&dummy_of(p)->admin_up, up, __ATOMIC_RELAXED);
	return 0;
}

static int dummy_set_options(struct port *p, const struct smap *options, struct error *err)
{
	return make_rings(dummy_of(p), options, err) ? err->code
						     : open_files(dummy_of(p), options, err);
}

static void dummy_info(struct port *p, struct datapath_port_info *info)
{
	struct dummy_port *d = dummy_of(p);

	info->mac = d->mac;
	info->mtu = p->mtu;
	info->admin_up = info->link_up = d->admin_up;
	port_info_counts(p, info);
}

#define DUMMY_VERBS \
	.close = dummy_close, .rx = dummy_rx, .tx = dummy_tx, .set_mac = dummy_set_mac, \
	.set_mtu = dummy_set_mtu, .set_admin = dummy_set_admin, .set_options = dummy_set_options, \
	.info = dummy_info

const struct port_class port_class_dummy = {
	.type = "dummy",
	.open = dummy_open,
	.main_thread = true,
	DUMMY_VERBS,
};

const struct port_class port_class_dummy_internal = {
	.type = "dummy-internal",
	.open = dummy_internal_open,
	.main_thread = true,
	DUMMY_VERBS,
};

const struct port_class port_class_dummy_pmd = {
	.type = "dummy-pmd",
	.open = dummy_pmd_open,
	DUMMY_VERBS,
};
