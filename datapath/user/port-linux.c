// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/port-linux.h"

#include <sys/uio.h>

#include "core/base/counters.h"
#include "datapath/user/eal.h"
#include "datapath/user/linux.h"

#define MAX_SEGMENTS 16

static bool send_one(const struct linux_port *l, const struct rte_mbuf *m)
{
	struct iovec v[1 + MAX_SEGMENTS] = { { (void *)l->header, l->header_len } };
	int n = 1;

	if (m->nb_segs > MAX_SEGMENTS)
		return false;
	for (const struct rte_mbuf *s = m; s; s = s->next)
		v[n++] = (struct iovec){ rte_pktmbuf_mtod(s, void *), s->data_len };
	return writev(l->fd, v, n) >= 0;
}

// Everything is taken: a device that is down (EIO) or full drops, as its queue would.
uint16_t linux_port_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct linux_port *l = linux_port_of(p);
	uint64_t packets = 0, bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		if (send_one(l, pkts[i])) {
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

int linux_port_set_mac(struct port *p, struct eth_addr mac, struct error *err)
{
	return linux_set_mac(p->ref.name, mac, err);
}

int linux_port_set_mtu(struct port *p, uint32_t mtu, struct error *err)
{
	struct rte_mempool *pool = eal_pool(mtu, err);
	int ret = pool ? linux_set_mtu(p->ref.name, mtu, err) : err->code;

	if (ret)
		return ret;
	linux_port_of(p)->pool = pool;
	p->mtu = mtu;
	return 0;
}

int linux_port_set_admin(struct port *p, bool up, struct error *err)
{
	return linux_set_up(p->ref.name, up, err);
}

void linux_port_info(struct port *p, struct datapath_port_info *info)
{
	info->mtu = p->mtu;
	linux_get(p->ref.name, info);
	port_info_counts(p, info);
}

int linux_port_rx_fd(struct port *p, uint16_t queue)
{
	return linux_port_of(p)->fd;
}
