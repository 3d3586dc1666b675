// SPDX-License-Identifier: Apache-2.0
// "system": a Linux network device that is there already. AF_XDP through DPDK's net_af_xdp where options:xdp-mode asks for it, or
// by itself where nothing is lost by it; otherwise a packet socket (port-packet.c).
//
// AF_XDP sees what the driver receives, so a physical device loses nothing by it. Between virtual devices Linux leaves checksums
// unfinished and segments uncut, and says so beside the bytes, where AF_XDP does not look.
#include <net/if.h>

#include "core/base/log.h"
#include "datapath/user/eal.h"
#include "datapath/user/linux.h"
#include "datapath/user/port-ethdev.h"
#include "datapath/user/xdp.h"

LOG_MODULE(netdev_afxdp);

struct xdp_port {
	struct ethdev_port ethdev;
	struct xdp_attachment *program;
	char asked[24]; // options:xdp-mode, "" when it was our choice
	bool tags_were_taken; // the device put VLAN tags beside the bytes; it does again when the port is gone
};

static struct xdp_port *xdp_of(struct port *p)
{
	return CONTAINER_OF(p, struct xdp_port, ethdev.port);
}

// ---- Life ----

// A queue that no socket serves delivers its packets to Linux, past the switch: all are taken.
static int count_queues(const char *name, const struct smap *options, uint16_t *ret,
			struct error *err)
{
	uint32_t there = linux_rx_queues(name);
	int64_t asked;

	if (port_option_int(options, "n_rxq", there, 1, PORT_MAX_QUEUES, &asked, err))
		return err->code;
	if (asked != there || there > PORT_MAX_QUEUES)
		return error_set(err, -EINVAL,
				 "AF_XDP serves all queues of a device or packets are lost: "
				 "%s has %u, n_rxq is %lld (ethtool -L changes the device)",
				 name, there, (long long)asked);
	*ret = there;
	return 0;
}

static int open_device(struct xdp_port *x, const struct port_class *class, const char *name,
		       uint16_t n_queues, const struct smap *options, struct error *err)
{
	static unsigned int number;
	AUTO(smap) with_queues;
	char devargs[160];

	smap_clone(&with_queues, options);
	smap_setf(&with_queues, "n_rxq", "%u", n_queues);
	// Without a budget the driver waits for its interrupt as usual; with one, a thread that rests would hold it up.
	snprintf(devargs, sizeof(devargs),
		 "net_af_xdp_oes%u,iface=%s,start_queue=0,queue_count=%u,busy_budget=0%s", number++,
		 name, n_queues,
		 xdp_attached_mode(x->program) == AF_XDP_ZEROCOPY ? "" : ",force_copy=1");
	return ethdev_init(&x->ethdev, class, name, devargs, &with_queues, err);
}

static struct port *open_mode(const char *name, const struct smap *options, enum af_xdp_mode mode,
			      struct error *err)
{
	struct xdp_port *x = xzalloc_aligned(sizeof(*x));
	uint16_t n_queues = 0;

	if (count_queues(name, options, &n_queues, err) || linux_set_up(name, true, err))
		goto fail;
	x->program = xdp_attach(name, mode, err);
	if (!x->program)
		goto fail;
	x->tags_were_taken = linux_set_rx_vlan(name, false);
	if (open_device(x, &port_class_xdp, name, n_queues, options, err))
		goto fail;
	x->ethdev.port.ref.ifindex = if_nametoindex(name);
	snprintf(x->asked, sizeof(x->asked), "%s", smap_get_def(options, "xdp-mode", ""));
	log_info("%s: AF_XDP, %s, %u queue%s", name, xdp_mode_name(xdp_attached_mode(x->program)),
		 n_queues, n_queues == 1 ? "" : "s");
	return &x->ethdev.port;
fail:
	if (x->tags_were_taken)
		linux_set_rx_vlan(name, true);
	xdp_detach(x->program);
	free(x);
	return NULL;
}

static void xdp_close(struct port *p)
{
	struct xdp_port *x = xdp_of(p);

	ethdev_uninit(&x->ethdev);
	xdp_detach(x->program);
	if (x->tags_were_taken)
		linux_set_rx_vlan(p->ref.name, true);
	free(x);
}

static struct port *system_open(const char *name, const struct smap *options, struct error *err)
{
	const char *text = smap_get(options, "xdp-mode");
	struct error why = ERROR_INIT;
	enum af_xdp_mode mode;
	struct port *p;

	if (!if_nametoindex(name)) {
		port_error_no_device(err, name);
		return NULL;
	}
	if (text) {
		if (xdp_mode_parse(text, &mode))
			return open_mode(name, options, mode, err);
		error_set(err, -EINVAL,
			  "options:xdp-mode=%s is none of best-effort, native-with-zerocopy, "
			  "native, generic",
			  text);
		return NULL;
	}
	if (linux_is_physical(name)) {
		// Not in the network stack: there a packet socket is as fast and tells more.
		p = open_mode(name, options, AF_XDP_ZEROCOPY, &why);
		if (!p) {
			error_clear(&why);
			p = open_mode(name, options, AF_XDP_NATIVE, &why);
		}
		if (p)
			return p;
		log_info("%s: packet socket, because AF_XDP is not possible: %s", name, why.text);
	}
	return port_class_packet.open(name, options, err);
}

// ---- Settings ----

static int xdp_set_mac(struct port *p, struct eth_addr mac, struct error *err)
{
	return linux_set_mac(p->ref.name, mac, err);
}

// DPDK's driver does not give its sockets back before it is closed, so its buffers stay what they are.
static int xdp_set_mtu(struct port *p, uint32_t mtu, struct error *err)
{
	struct rte_mempool *pool = eal_pool(mtu, err);
	int ret;

	if (!pool)
		return err->code;
	if (pool != eal_pool(p->mtu, err))
		return error_set(err, -EOPNOTSUPP,
				 "MTU %u needs other buffers than %u: set it on the device before "
				 "the port is added",
				 mtu, p->mtu);
	ret = linux_set_mtu(p->ref.name, mtu, err);
	if (!ret)
		p->mtu = mtu;
	return ret;
}

static int xdp_set_options(struct port *p, const struct smap *options, struct error *err)
{
	uint16_t n_queues;

	if (strcmp(smap_get_def(options, "xdp-mode", ""), xdp_of(p)->asked))
		return error_set(err, -EOPNOTSUPP, "options:xdp-mode is changed");
	if (count_queues(p->ref.name, options, &n_queues, err))
		return err->code;
	return n_queues == p->n_rxq ? 0 : error_set(err, -EOPNOTSUPP, "queues are changed");
}

static void xdp_info(struct port *p, struct datapath_port_info *info)
{
	ethdev_info(p, info);
	// What Linux knows of the device is more than what DPDK's driver does.
	linux_get(p->ref.name, info);
	smap_set(&info->status, "io", "af_xdp");
	smap_set(&info->status, "xdp-mode", xdp_mode_name(xdp_attached_mode(xdp_of(p)->program)));
}

const struct port_class port_class_system = { .type = "system", .open = system_open };

const struct port_class port_class_xdp = {
	.type = "system",
	.close = xdp_close,
	.rx = ethdev_rx,
	.tx = ethdev_tx,
	.set_mac = xdp_set_mac,
	.set_mtu = xdp_set_mtu,
	.set_admin = ethdev_set_admin,
	.set_options = xdp_set_options,
	.info = xdp_info,
};
