// SPDX-License-Identifier: Apache-2.0
// Ports that are DPDK devices: "dpdk" by options:dpdk-devargs. port-xdp.c builds on them.
#include "datapath/user/port-ethdev.h"

#include "datapath/user/devargs.h"
#include "datapath/user/eal.h"

#include <rte_bus.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_version.h>

#include "core/base/counters.h"
#include "core/base/log.h"

LOG_MODULE(netdev_dpdk);

#define DEFAULT_DESCRIPTORS 2048
#define MAX_TX_QUEUES 8

static struct ethdev_port *ethdev_of(struct port *p)
{
	return CONTAINER_OF(p, struct ethdev_port, port);
}

static int failed(struct ethdev_port *e, struct error *err, int ret, const char *what)
{
	return error_set(err, ret, "%s failed: %s", what, rte_strerror(-ret));
}

// ---- Starting ----

static int setup_queues(struct ethdev_port *e, struct error *err)
{
	int socket = rte_eth_dev_socket_id(e->id), ret;
	struct rte_mempool *pool = eal_pool(e->port.mtu, err);

	if (!pool)
		return err->code;
	for (uint16_t q = 0; q < e->port.n_rxq; q++) {
		ret = rte_eth_rx_queue_setup(e->id, q, e->n_rxd, socket, NULL, pool);
		if (ret)
			return failed(e, err, ret, "setting up a receive queue");
	}
	for (uint16_t q = 0; q < e->port.n_txq; q++) {
		ret = rte_eth_tx_queue_setup(e->id, q, e->n_txd, socket, NULL);
		if (ret)
			return failed(e, err, ret, "setting up a transmit queue");
	}
	return 0;
}

// Modes that a driver without them need not have.
static int optional(int ret)
{
	return ret == -ENOTSUP ? 0 : ret;
}

static int start(struct ethdev_port *e, struct error *err)
{
	int ret = rte_eth_dev_start(e->id);

	if (ret)
		return failed(e, err, ret, "starting the device");
	ret = optional(rte_eth_promiscuous_enable(e->id));
	if (ret)
		return failed(e, err, ret, "promiscuous mode");
	ret = optional(rte_eth_allmulticast_enable(e->id));
	if (ret)
		return failed(e, err, ret, "receiving all multicast");
	e->admin_up = true;
	return 0;
}

// Several queues share packets by a hash of their addresses, where the device can.
static void choose_spread(const struct ethdev_port *e, const struct rte_eth_dev_info *info,
			  struct rte_eth_conf *conf)
{
	const uint64_t wanted =
		RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;

	if (e->port.n_rxq == 1 || !(info->flow_type_rss_offloads & wanted))
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & wanted;
}

// The device is stopped. Applies queues, descriptors and MTU and starts it.
static int configure(struct ethdev_port *e, struct error *err)
{
	struct rte_eth_conf conf = { .rxmode = { .mtu = e->port.mtu } };
	struct rte_eth_dev_info info;
	uint64_t metadata = RTE_ETH_RX_METADATA_USER_MARK;
	int ret = rte_eth_dev_info_get(e->id, &info);

	if (ret)
		return failed(e, err, ret, "asking for the device's abilities");
	// Some drivers deliver the marks of rules only when told so beforehand; others refuse the question.
	rte_eth_rx_metadata_negotiate(e->id, &metadata);
	if (e->wanted_rxq > info.max_rx_queues)
		log_warn("%s: %u receive queues asked for, the device has %u", e->port.ref.name,
			 e->wanted_rxq, info.max_rx_queues);
	e->port.n_rxq = MAX(MIN(e->wanted_rxq, info.max_rx_queues), 1);
	e->n_rxd = e->wanted_rxd;
	e->n_txd = e->wanted_txd;
	e->port.n_txq = MAX(MIN(info.max_tx_queues, MAX_TX_QUEUES), 1);
	choose_spread(e, &info, &conf);
	conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	e->link_interrupt = info.dev_flags && *info.dev_flags & RTE_ETH_DEV_INTR_LSC;
	conf.intr_conf.lsc = e->link_interrupt;
	ret = rte_eth_dev_configure(e->id, e->port.n_rxq, e->port.n_txq, &conf);
	if (ret)
		return failed(e, err, ret, "configuring the device");
	ret = rte_eth_dev_adjust_nb_rx_tx_desc(e->id, &e->n_rxd, &e->n_txd);
	if (ret && ret != -ENOTSUP)
		return failed(e, err, ret, "choosing the number of descriptors");
	ret = setup_queues(e, err);
	return ret ? ret : start(e, err);
}

static int link_changed(uint16_t id, enum rte_eth_event_type type, void *arg, void *ret_param)
{
	struct ethdev_port *e = arg;

	__atomic_fetch_add(&e->link_changes, 1, __ATOMIC_RELAXED);
	return 0;
}

static int read_options(struct ethdev_port *e, const struct smap *options, struct error *err)
{
	int64_t rxq, rxd, txd;

	if (port_option_int(options, "n_rxq", 1, 1, PORT_MAX_QUEUES, &rxq, err) ||
	    port_option_int(options, "n_rxq_desc", DEFAULT_DESCRIPTORS, 64, 32768, &rxd, err) ||
	    port_option_int(options, "n_txq_desc", DEFAULT_DESCRIPTORS, 64, 32768, &txd, err))
		return err->code;
	e->wanted_rxq = rxq;
	e->wanted_rxd = rxd;
	e->wanted_txd = txd;
	return 0;
}

// Devices behind which packets come at the pace of a kernel or a model: nothing is won by polling them without rest.
static bool is_slow(uint16_t ethdev)
{
	static const char *const drivers[] = { "net_simnic", "net_tap", "net_af_packet",
					       "net_af_xdp", "net_pcap" };
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(ethdev, &info) || !info.driver_name)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(info.driver_name, drivers[i]))
			return true;
	return false;
}

int ethdev_init(struct ethdev_port *e, const struct port_class *class, const char *name,
		const char *devargs, const struct smap *options, struct error *err)
{
	uint16_t mtu;

	port_init(&e->port, class, name);
	if (read_options(e, options, err) || devargs_attach(devargs, &e->id, err))
		return err->code;
	e->devargs = xstrdup(devargs);
	devargs_describe(e->id, &e->port.ref);
	e->port.busy = !is_slow(e->id);
	if (!rte_eth_dev_get_mtu(e->id, &mtu) && mtu)
		e->port.mtu = mtu;
	if (configure(e, err)) {
		rte_eth_dev_stop(e->id);
		devargs_release(e->id);
		free(e->devargs);
		return err->code;
	}
	rte_eth_dev_callback_register(e->id, RTE_ETH_EVENT_INTR_LSC, link_changed, e);
	return 0;
}

void ethdev_uninit(struct ethdev_port *e)
{
	int ret;

	rte_eth_dev_callback_unregister(e->id, RTE_ETH_EVENT_INTR_LSC, link_changed, e);
	ret = rte_eth_dev_stop(e->id);
	if (ret)
		log_warn("%s: stopping the device failed: %s", e->port.ref.name,
			 rte_strerror(-ret));
	devargs_release(e->id);
	free(e->devargs);
}

static struct port *ethdev_open(const char *name, const struct smap *options, struct error *err)
{
	const char *devargs = smap_get(options, "dpdk-devargs");
	struct ethdev_port *e;

	if (!devargs || !devargs[0]) {
		error_set(err, -EINVAL, "a port of type dpdk needs options:dpdk-devargs");
		return NULL;
	}
	e = xzalloc_aligned(sizeof(*e));
	if (ethdev_init(e, &port_class_ethdev, name, devargs, options, err)) {
		free(e);
		return NULL;
	}
	return &e->port;
}

static void ethdev_close(struct port *p)
{
	struct ethdev_port *e = ethdev_of(p);

	ethdev_uninit(e);
	free(e);
}

// ---- Packets ----

// What the driver took out of a frame goes back in: keys are made from the bytes.
static uint16_t restore_vlan(struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (UNLIKELY(pkts[i]->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) &&
		    rte_vlan_insert(&pkts[i])) {
			counter_inc(COUNTER_DROP_NOMEM);
			rte_pktmbuf_free(pkts[i]);
			continue;
		}
		pkts[i]->ol_flags &= ~(RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
		pkts[kept++] = pkts[i];
	}
	return kept;
}

uint16_t ethdev_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t flags = 0;

	n = rte_eth_rx_burst(ethdev_of(p)->id, queue, pkts, n);
	for (uint16_t i = 0; i < n; i++)
		flags |= pkts[i]->ol_flags;
	return flags & RTE_MBUF_F_RX_VLAN_STRIPPED ? restore_vlan(pkts, n) : n;
}

#define SENT_FLAGS (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

uint16_t ethdev_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	// Receive-side flags mean other things to a sender.
	for (uint16_t i = 0; i < n; i++)
		if (UNLIKELY(pkts[i]->ol_flags & ~SENT_FLAGS))
			pkts[i]->ol_flags &= SENT_FLAGS;
	return rte_eth_tx_burst(ethdev_of(p)->id, queue, pkts, n);
}

// ---- Settings ----

static int ethdev_set_mac(struct port *p, struct eth_addr mac, struct error *err)
{
	struct rte_ether_addr a;
	int ret;

	memcpy(&a, &mac, sizeof(a));
	ret = rte_eth_dev_default_mac_addr_set(ethdev_of(p)->id, &a);
	return ret ? failed(ethdev_of(p), err, ret, "setting the MAC address") : 0;
}

// Stops, applies what has been changed in 'e', and starts a device that was up.
static int apply(struct ethdev_port *e, struct error *err)
{
	bool was_up = e->admin_up;
	int ret;

	rte_eth_dev_stop(e->id);
	ret = configure(e, err);
	if (ret || was_up)
		return ret;
	rte_eth_dev_stop(e->id);
	e->admin_up = false;
	return 0;
}

static int ethdev_set_mtu(struct port *p, uint32_t mtu, struct error *err)
{
	struct ethdev_port *e = ethdev_of(p);
	uint32_t old = p->mtu;
	struct rte_eth_dev_info info;
	struct error ignored = ERROR_INIT;
	int ret;

	if (!rte_eth_dev_info_get(e->id, &info) && (mtu < info.min_mtu || mtu > info.max_mtu))
		return error_set(err, -ERANGE, "MTU %u is not within the device's %u to %u", mtu,
				 info.min_mtu, info.max_mtu);
	if (!eal_pool(mtu, err))
		return err->code;
	p->mtu = mtu;
	ret = apply(e, err);
	if (ret) {
		p->mtu = old;
		apply(e, &ignored);
	}
	return ret;
}

int ethdev_set_admin(struct port *p, bool up, struct error *err)
{
	struct ethdev_port *e = ethdev_of(p);
	int ret;

	if (up == e->admin_up)
		return 0;
	if (up)
		return start(e, err);
	ret = rte_eth_dev_stop(e->id);
	if (ret)
		return failed(e, err, ret, "stopping the device");
	e->admin_up = false;
	return 0;
}

static int ethdev_set_options(struct port *p, const struct smap *options, struct error *err)
{
	struct ethdev_port *e = ethdev_of(p);
	const uint16_t rxq = e->wanted_rxq, rxd = e->wanted_rxd, txd = e->wanted_txd;
	struct error ignored = ERROR_INIT;
	int ret;

	if (strcmp(smap_get_def(options, "dpdk-devargs", ""), e->devargs))
		return error_set(err, -EOPNOTSUPP, "options:dpdk-devargs names another device");
	if (read_options(e, options, err))
		return err->code;
	ret = apply(e, err);
	if (ret) {
		e->wanted_rxq = rxq;
		e->wanted_rxd = rxd;
		e->wanted_txd = txd;
		apply(e, &ignored);
	}
	return ret;
}

// ---- Information ----

static void put_status(struct ethdev_port *e, const struct rte_eth_dev_info *info, struct smap *s)
{
	struct rte_ether_addr mac;
	char text[RTE_ETHER_ADDR_FMT_SIZE];

	smap_setf(s, "port_no", "%u", e->id);
	smap_setf(s, "numa_id", "%d", MAX(rte_eth_dev_socket_id(e->id), 0));
	smap_set(s, "driver_name", info->driver_name ? info->driver_name : "");
	smap_setf(s, "min_rx_bufsize", "%u", info->min_rx_bufsize);
	smap_setf(s, "max_rx_pktlen", "%u", info->max_rx_pktlen);
	smap_setf(s, "max_rx_queues", "%u", info->max_rx_queues);
	smap_setf(s, "max_tx_queues", "%u", info->max_tx_queues);
	smap_setf(s, "max_mac_addrs", "%u", info->max_mac_addrs);
	smap_setf(s, "max_hash_mac_addrs", "%u", info->max_hash_mac_addrs);
	smap_setf(s, "max_vfs", "%u", info->max_vfs);
	smap_setf(s, "max_vmdq_pools", "%u", info->max_vmdq_pools);
	smap_setf(s, "n_rxq", "%u", e->port.n_rxq);
	smap_setf(s, "n_txq", "%u", e->port.n_txq);
	smap_setf(s, "n_rxd", "%u", e->n_rxd);
	smap_setf(s, "n_txd", "%u", e->n_txd);
	smap_set(s, "if_type", "6"); // ethernetCsmacd
	smap_set(s, "if_descr", rte_version());
	if (info->device && rte_dev_bus(info->device))
		smap_setf(s, "bus_info", "bus_name=%s, %s", rte_bus_name(rte_dev_bus(info->device)),
			  rte_dev_name(info->device));
	if (e->port.ref.is_representor && !rte_eth_macaddr_get(e->id, &mac)) {
		rte_ether_format_addr(text, sizeof(text), &mac);
		smap_set(s, "dpdk-vf-mac", text);
	}
}

static void ethdev_config(const struct port *p, struct smap *config)
{
	const struct ethdev_port *e = CONTAINER_OF(p, struct ethdev_port, port);

	smap_setf(config, "requested_rx_queues", "%u", e->wanted_rxq);
	smap_setf(config, "configured_rx_queues", "%u", p->n_rxq);
	smap_setf(config, "requested_tx_queues", "%u", MAX_TX_QUEUES);
	smap_setf(config, "configured_tx_queues", "%u", p->n_txq);
	smap_setf(config, "requested_rxq_descriptors", "%u", e->wanted_rxd);
	smap_setf(config, "configured_rxq_descriptors", "%u", e->n_rxd);
	smap_setf(config, "requested_txq_descriptors", "%u", e->wanted_txd);
	smap_setf(config, "configured_txq_descriptors", "%u", e->n_txd);
	smap_set(config, "lsc_interrupt_mode", e->link_interrupt ? "true" : "false");
	smap_setf(config, "mtu", "%u", p->mtu);
	// Checksums are verified and segments cut in software.
	smap_set(config, "rx_csum_offload", "false");
	smap_set(config, "tx_tso_offload", "false");
}

static void put_statistics(struct ethdev_port *e, struct datapath_port_info *info)
{
	struct rte_eth_stats s;

	if (rte_eth_stats_get(e->id, &s))
		return;
	info->rx_packets = s.ipackets;
	info->rx_bytes = s.ibytes;
	info->rx_dropped = s.imissed + s.rx_nombuf;
	info->rx_errors = s.ierrors;
	info->tx_packets = s.opackets;
	info->tx_bytes = s.obytes;
	info->tx_errors = s.oerrors;
}

void ethdev_info(struct port *p, struct datapath_port_info *info)
{
	struct ethdev_port *e = ethdev_of(p);
	struct rte_ether_addr mac;
	struct rte_eth_dev_info dev;
	struct rte_eth_link link;

	if (!rte_eth_macaddr_get(e->id, &mac))
		memcpy(&info->mac, &mac, sizeof(info->mac));
	info->mtu = p->mtu;
	info->admin_up = e->admin_up;
	if (!rte_eth_link_get_nowait(e->id, &link)) {
		info->link_up = link.link_status;
		info->full_duplex = link.link_duplex;
		if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
			info->link_mbps = link.link_speed;
	}
	info->link_resets = __atomic_load_n(&e->link_changes, __ATOMIC_RELAXED);
	put_statistics(e, info);
	if (!rte_eth_dev_info_get(e->id, &dev))
		put_status(e, &dev, &info->status);
}

const struct port_class port_class_ethdev = {
	.type = "dpdk",
	.open = ethdev_open,
	.close = ethdev_close,
	.rx = ethdev_rx,
	.tx = ethdev_tx,
	.set_mac = ethdev_set_mac,
	.set_mtu = ethdev_set_mtu,
	.set_admin = ethdev_set_admin,
	.set_options = ethdev_set_options,
	.info = ethdev_info,
	.config = ethdev_config,
};
