// SPDX-License-Identifier: Apache-2.0
// The ethdevs: the uplink ("net_simnic0") and the VF representors ("net_simnic0_representor_vf2").
// One receive queue fed by the eSwitch; any number of transmit queues, since sending forwards in the caller's thread.
#include "hw-tests/simnic/simnic-private.h"

#include <unistd.h>

#include <ethdev_driver.h>
#include <rte_interrupts.h>

static struct simnic_port *port_of(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

static uint16_t rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct simnic_port *port = queue;
	uint64_t bytes = 0;

	n = rte_ring_dequeue_burst(port->rx, (void **)pkts, n, NULL);
	if (!n)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	PORT_ADD(port, rx_packets, n);
	PORT_ADD(port, rx_bytes, bytes);
	return n;
}

static void send_one(struct simnic_port *port, struct rte_mbuf *m)
{
	uint8_t buf[SIMNIC_HEADROOM + SIMNIC_MAX_FRAME], *data = buf + SIMNIC_HEADROOM;
	uint32_t len = m->pkt_len;
	const void *p;

	if (len > SIMNIC_MAX_FRAME) {
		ESW_COUNT(port->sw, drop_long);
		PORT_ADD(port, tx_errors, 1);
		return;
	}
	p = rte_pktmbuf_read(m, 0, len, data);
	if (p != data)
		memcpy(data, p, len);
	PORT_ADD(port, tx_packets, 1);
	PORT_ADD(port, tx_bytes, len);
	esw_forward(port, SIDE_APP, data, len);
}

static uint16_t tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct simnic_port *port = queue;

	pthread_rwlock_rdlock(&port->sw->table_lock);
	for (uint16_t i = 0; i < n; i++)
		send_one(port, pkts[i]);
	pthread_rwlock_unlock(&port->sw->table_lock);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static int dev_configure(struct rte_eth_dev *dev)
{
	return 0;
}

static void set_started(struct simnic_port *port, bool started)
{
	struct rte_mbuf *m;

	pthread_rwlock_wrlock(&port->sw->table_lock);
	port->started = started;
	pthread_rwlock_unlock(&port->sw->table_lock);
	while (!started && !rte_ring_dequeue(port->rx, (void **)&m))
		rte_pktmbuf_free(m);
}

// An event descriptor for the receive queue, for applications that asked for interrupts.
static int setup_interrupt(struct rte_eth_dev *dev)
{
	struct simnic_port *port = port_of(dev);
	struct rte_intr_handle *h;

	if (!dev->data->dev_conf.intr_conf.rxq || dev->intr_handle)
		return 0;
	h = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (!h)
		return -ENOMEM;
	if (rte_intr_vec_list_alloc(h, NULL, 1) ||
	    rte_intr_vec_list_index_set(h, 0, RTE_INTR_VEC_RXTX_OFFSET) ||
	    rte_intr_efds_index_set(h, 0, port->rx_event) || rte_intr_nb_efd_set(h, 1) ||
	    rte_intr_max_intr_set(h, 2) || rte_intr_type_set(h, RTE_INTR_HANDLE_VDEV)) {
		rte_intr_instance_free(h);
		return -ENOMEM;
	}
	rte_intr_efd_counter_size_set(h, sizeof(uint64_t));
	dev->intr_handle = h;
	return 0;
}

static int dev_start(struct rte_eth_dev *dev)
{
	int err = setup_interrupt(dev);

	if (err)
		return err;
	dev->data->dev_link.link_status = RTE_ETH_LINK_UP;
	set_started(port_of(dev), true);
	return 0;
}

static int dev_stop(struct rte_eth_dev *dev)
{
	set_started(port_of(dev), false);
	dev->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
	return 0;
}

static bool any_ethdev(const struct esw *sw)
{
	for (unsigned i = 0; i < sw->n_ports; i++)
		if (sw->ports[i].dev)
			return true;
	return false;
}

// The eSwitch lives as long as one of its ethdevs does.
static int dev_close(struct rte_eth_dev *dev)
{
	struct simnic_port *port = port_of(dev);
	struct esw *sw = port->sw;

	set_started(port, false);
	pthread_mutex_lock(&sw->firmware_lock);
	pthread_rwlock_wrlock(&sw->table_lock);
	port->dev = NULL;
	port->pool = NULL;
	pthread_rwlock_unlock(&sw->table_lock);
	pthread_mutex_unlock(&sw->firmware_lock);
	if (dev->intr_handle) {
		rte_intr_vec_list_free(dev->intr_handle);
		rte_intr_instance_free(dev->intr_handle);
		dev->intr_handle = NULL;
	}
	dev->data->mac_addrs = NULL; // ours, not rte_malloc's
	dev->data->dev_private = NULL;
	if (!any_ethdev(sw))
		esw_destroy(sw);
	return 0;
}

static int dev_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	struct simnic_port *port = port_of(dev);

	info->max_mac_addrs = 1;
	info->max_rx_pktlen = SIMNIC_MAX_FRAME;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = SIMNIC_MAX_FRAME - RTE_ETHER_HDR_LEN - 2 * RTE_VLAN_HLEN;
	info->max_rx_queues = 1;
	info->max_tx_queues = SIMNIC_TX_QUEUES;
	info->min_rx_bufsize = 64;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	info->speed_capa = RTE_ETH_LINK_SPEED_100G;
	info->switch_info.name = port->sw->name;
	info->switch_info.domain_id = port->sw->domain;
	info->switch_info.port_id = port->index;
	return 0;
}

static int rx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t n_desc, unsigned socket,
			  const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct simnic_port *port = port_of(dev);

	pthread_rwlock_wrlock(&port->sw->table_lock);
	port->pool = pool;
	pthread_rwlock_unlock(&port->sw->table_lock);
	dev->data->rx_queues[queue] = port;
	return 0;
}

static int tx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t n_desc, unsigned socket,
			  const struct rte_eth_txconf *conf)
{
	dev->data->tx_queues[queue] = port_of(dev);
	return 0;
}

static int rx_queue_intr_enable(struct rte_eth_dev *dev, uint16_t queue)
{
	struct simnic_port *port = port_of(dev);
	uint64_t one = 1;

	__atomic_store_n(&port->rx_armed, true, __ATOMIC_SEQ_CST);
	if (!rte_ring_empty(port->rx) &&
	    __atomic_exchange_n(&port->rx_armed, false, __ATOMIC_SEQ_CST) &&
	    write(port->rx_event, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

static int rx_queue_intr_disable(struct rte_eth_dev *dev, uint16_t queue)
{
	struct simnic_port *port = port_of(dev);
	uint64_t n;

	__atomic_store_n(&port->rx_armed, false, __ATOMIC_SEQ_CST);
	if (read(port->rx_event, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return -errno;
	return 0;
}

static int link_update(struct rte_eth_dev *dev, int wait)
{
	return 0; // dev_start and dev_stop keep it
}

static uint64_t get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static int stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *out)
{
	const struct port_stats *s = &port_of(dev)->stats;

	out->ipackets = get(&s->rx_packets);
	out->ibytes = get(&s->rx_bytes);
	out->imissed = get(&s->rx_missed);
	out->ierrors = get(&s->rx_errors);
	out->rx_nombuf = get(&s->rx_nombuf);
	out->opackets = get(&s->tx_packets);
	out->obytes = get(&s->tx_bytes);
	out->oerrors = get(&s->tx_errors);
	return 0;
}

static int stats_reset(struct rte_eth_dev *dev)
{
	uint64_t *counters = (uint64_t *)&port_of(dev)->stats;

	for (size_t i = 0; i < sizeof(struct port_stats) / sizeof(*counters); i++)
		__atomic_store_n(&counters[i], 0, __ATOMIC_RELAXED);
	return 0;
}

static int mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	struct simnic_port *port = port_of(dev);

	return port->tap < 0 ? 0 : tap_set_mtu(port->tap_name, mtu);
}

static int mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	port_of(dev)->mac = *mac;
	return 0;
}

// A port of an eSwitch receives whatever the rules give it: both modes are always on.
static int always_on(struct rte_eth_dev *dev)
{
	return 0;
}

static int flow_ops_get(struct rte_eth_dev *dev, const struct rte_flow_ops **ops)
{
	*ops = &simnic_flow_ops;
	return 0;
}

static int representor_info_get(struct rte_eth_dev *dev, struct rte_eth_representor_info *info)
{
	struct esw *sw = port_of(dev)->sw;
	struct rte_eth_representor_range *r;

	if (!info || !info->nb_ranges_alloc)
		return 1;
	info->controller = info->pf = 0;
	info->nb_ranges = 1;
	r = &info->ranges[0];
	*r = (struct rte_eth_representor_range){ .type = RTE_ETH_REPRESENTOR_VF };
	r->id_end = sw->cfg.vfs ? sw->cfg.vfs - 1 : 0;
	snprintf(r->name, sizeof(r->name), "vf");
	return 1;
}

static const struct eth_dev_ops ops = {
	.dev_configure = dev_configure,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = dev_close,
	.dev_infos_get = dev_infos_get,
	.rx_queue_setup = rx_queue_setup,
	.tx_queue_setup = tx_queue_setup,
	.rx_queue_intr_enable = rx_queue_intr_enable,
	.rx_queue_intr_disable = rx_queue_intr_disable,
	.link_update = link_update,
	.stats_get = stats_get,
	.stats_reset = stats_reset,
	.mtu_set = mtu_set,
	.mac_addr_set = mac_addr_set,
	.promiscuous_enable = always_on,
	.promiscuous_disable = always_on,
	.allmulticast_enable = always_on,
	.allmulticast_disable = always_on,
	.flow_ops_get = flow_ops_get,
	.representor_info_get = representor_info_get,
};

static void fill_data(struct rte_eth_dev *dev, struct simnic_port *port)
{
	struct rte_eth_dev_data *data = dev->data;
	const struct rte_eth_dev *uplink = port->sw->ports[0].dev;

	data->dev_private = port;
	data->mac_addrs = &port->mac;
	data->mtu = RTE_ETHER_MTU;
	data->promiscuous = data->all_multicast = 1;
	data->dev_flags = RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
	data->dev_link = (struct rte_eth_link){ .link_speed = RTE_ETH_SPEED_NUM_100G,
						.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
						.link_autoneg = RTE_ETH_LINK_FIXED };
	if (!port->index)
		return;
	data->dev_flags |= RTE_ETH_DEV_REPRESENTOR;
	data->representor_id = port->index - 1;
	data->backer_port_id = uplink ? uplink->data->port_id : RTE_MAX_ETHPORTS;
}

int ethdev_create(struct esw *sw, unsigned port_index, struct rte_device *device, struct error *err)
{
	struct simnic_port *port = &sw->ports[port_index];
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev *dev;

	if (port->dev)
		return error_set(err, -EEXIST, "VF %u already has a representor (%s)",
				 port_index - 1, port->dev->data->name);
	if (port_index)
		snprintf(name, sizeof(name), "%.*s_representor_vf%u", SIMNIC_NAME_SIZE - 32,
			 sw->name, port_index - 1);
	else
		snprintf(name, sizeof(name), "%s", sw->name);
	dev = rte_eth_dev_allocate(name);
	if (!dev)
		return error_set(err, -ENOMEM, "no room for an ethdev %s", name);
	fill_data(dev, port);
	dev->device = device;
	dev->dev_ops = &ops;
	dev->rx_pkt_burst = rx_burst;
	dev->tx_pkt_burst = tx_burst;
	pthread_mutex_lock(&sw->firmware_lock);
	pthread_rwlock_wrlock(&sw->table_lock);
	port->dev = dev;
	pthread_rwlock_unlock(&sw->table_lock);
	pthread_mutex_unlock(&sw->firmware_lock);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

void ethdev_raise_reset(struct esw *sw)
{
	for (unsigned i = 0; i < sw->n_ports; i++)
		if (sw->ports[i].dev)
			rte_eth_dev_callback_process(sw->ports[i].dev, RTE_ETH_EVENT_INTR_RESET,
						     NULL);
}
