// SPDX-License-Identifier: Apache-2.0
// Ports: devices that the kernel's datapath has, by the number that it gave them.
#include "datapath/kernel/kernel.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/netlink/rtnl.h"

LOG_MODULE(dpif_netlink_port);

struct vport *vport_find(const struct kernel_datapath *dp, dp_port_t number)
{
	struct vport *v;

	HMAP_FOR_EACH_WITH_HASH (v, node, number.n, &dp->ports)
		if (dp_port_equal(v->number, number))
			return v;
	return NULL;
}

static struct vport *find_by_name(const struct kernel_datapath *dp, const char *name)
{
	struct vport *v;

	HMAP_FOR_EACH (v, node, &dp->ports)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

static struct vport *put(struct kernel_datapath *dp, const struct vport_message *m,
			 const char *type)
{
	struct vport *v = xzalloc(sizeof(*v));

	v->number = DP_PORT(m->number);
	v->kernel_type = m->type;
	v->ifindex = m->ifindex ? m->ifindex : (int)if_nametoindex(m->name);
	v->tap_fd = -1;
	snprintf(v->name, sizeof(v->name), "%s", m->name);
	snprintf(v->type, sizeof(v->type), "%s", type);
	pthread_mutex_lock(&dp->ports_lock);
	hmap_insert(&dp->ports, &v->node, v->number.n);
	pthread_mutex_unlock(&dp->ports_lock);
	return v;
}

static void take_out(struct kernel_datapath *dp, struct vport *v)
{
	pthread_mutex_lock(&dp->ports_lock);
	hmap_remove(&dp->ports, &v->node);
	pthread_mutex_unlock(&dp->ports_lock);
	if (v->tap_fd >= 0)
		close(v->tap_fd);
	free(v);
}

// ---- Messages ----

static void put_pids(const struct kernel_datapath *dp, struct strbuf *b)
{
	uint32_t *pids;
	size_t n = handlers_pids(dp, &pids);

	nl_put(b, OVS_VPORT_ATTR_UPCALL_PID, pids, n * sizeof(*pids));
	free(pids);
}

// 'number' DP_PORT_NONE: the kernel's choice.
static int request_new(struct kernel_datapath *dp, const char *name, uint32_t type,
		       dp_port_t number, struct strbuf *reply, struct vport_message *ret,
		       struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.vport, OVS_VPORT_CMD_NEW, NLM_F_ECHO);
	int error;

	nl_put_str(&msg, OVS_VPORT_ATTR_NAME, name);
	nl_put_u32(&msg, OVS_VPORT_ATTR_TYPE, type);
	if (!dp_port_equal(number, DP_PORT_NONE))
		nl_put_u32(&msg, OVS_VPORT_ATTR_PORT_NO, number.n);
	put_pids(dp, &msg);
	nl_msg_end(&msg, m);
	error = kernel_request(dp, &msg, reply, err);
	if (error)
		return error;
	if (!reply->len)
		return error_set(err, -EPROTO, "the kernel does not tell the port's number");
	return vport_message_decode((const struct nlmsghdr *)reply->s, ret, err);
}

static int request_pids(struct kernel_datapath *dp, dp_port_t number, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.vport, OVS_VPORT_CMD_SET, 0);

	nl_put_u32(&msg, OVS_VPORT_ATTR_PORT_NO, number.n);
	put_pids(dp, &msg);
	nl_msg_end(&msg, m);
	return kernel_request(dp, &msg, NULL, err);
}

static int request_del(struct kernel_datapath *dp, dp_port_t number, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.vport, OVS_VPORT_CMD_DEL, 0);

	nl_put_u32(&msg, OVS_VPORT_ATTR_PORT_NO, number.n);
	nl_msg_end(&msg, m);
	return kernel_request(dp, &msg, NULL, err);
}

// ---- What is there ----

static int on_vport(const struct nlmsghdr *h, void *aux)
{
	struct kernel_datapath *dp = aux;
	struct vport_message m;

	if (!vport_message_decode(h, &m, NULL) && m.dp_ifindex == dp->ifindex &&
	    !vport_find(dp, DP_PORT(m.number)))
		put(dp, &m, m.type == OVS_VPORT_TYPE_INTERNAL ? "internal" : "system");
	return 0;
}

// The database may have changed its mind. Internal ports stay, for the sake of their addresses.
void vports_let_go(struct kernel_datapath *dp)
{
	struct vport *v;

	HMAP_FOR_EACH_SAFE (v, node, &dp->ports) {
		if (v->is_ours || v->kernel_type == OVS_VPORT_TYPE_INTERNAL ||
		    request_del(dp, v->number, NULL))
			continue;
		// A tunnel's device has the rules that are in hardware: it stays until it is known whether it is wanted.
		if (tunnel_device_is_ours(dp->route, v->name))
			strset_add(&dp->left_tunnels, v->name);
		take_out(dp, v);
	}
}

int vports_load(struct kernel_datapath *dp, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.vport, OVS_VPORT_CMD_GET, 0);
	struct vport *v;
	int error;

	nl_msg_end(&msg, m);
	error = nl_dump(dp->sock, &msg, on_vport, dp, err);
	if (error)
		return error_wrap(err, "datapath %s: ports", dp->name);
	if (!dp->holding)
		vports_let_go(dp);
	HMAP_FOR_EACH (v, node, &dp->ports)
		if (request_pids(dp, v->number, err))
			return error_wrap(err, "port %s: upcalls", v->name);
	return 0;
}

void vports_free(struct kernel_datapath *dp)
{
	struct vport *v;

	HMAP_FOR_EACH_SAFE (v, node, &dp->ports) {
		if (v->is_tunnel && !dp->leaving)
			tunnel_device_remove(dp->route, v->name);
		take_out(dp, v);
	}
}

void vports_sweep_tunnels(struct kernel_datapath *dp)
{
	struct strmap_node *n;

	STRSET_FOR_EACH (n, &dp->left_tunnels) {
		log_info("%s: of an earlier process, and not wanted any more: removed", n->name);
		tunnel_device_remove(dp->route, n->name);
	}
	strset_uninit(&dp->left_tunnels);
	strset_init(&dp->left_tunnels);
}

// ---- Adding ----

int kernel_tap_open(const char *name, struct error *err)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), error;

	if (fd < 0)
		return error_set(err, -errno, "/dev/net/tun: %s", strerror(errno));
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &r) < 0) {
		error = -errno;
		close(fd);
		return error_set(err, error, "tap device %s cannot be made: %s", name,
				 error == -EBUSY ? "a device of this name is there already"
						 : strerror(-error));
	}
	return fd;
}

// Says in words of the devices what the kernel said as a number.
static int explain(struct kernel_datapath *dp, const char *name, int error, struct error *err)
{
	struct rtnl_link link, master;

	if (error == -EEXIST)
		return error_set(err, error, "a network device or port named %s is there already",
				 name);
	if (error == -EBUSY && !rtnl_link_by_name(dp->route, name, &link, NULL) && link.master &&
	    !rtnl_link_by_index(dp->route, link.master, &master, NULL))
		return error_set(err, error, "device %s belongs to %s", name, master.name);
	if (error == -EBUSY)
		return error_set(err, error, "device %s is in use by something else", name);
	return error;
}

static int attach(struct kernel_datapath *dp, const char *name, const char *type, int tap_fd,
		  dp_port_t *ret_port, struct error *err)
{
	bool is_internal = !strcmp(type, "internal");
	AUTO(strbuf) reply = STRBUF_INIT;
	struct vport_message m;
	struct vport *v;
	int error =
		request_new(dp, name, is_internal ? OVS_VPORT_TYPE_INTERNAL : OVS_VPORT_TYPE_NETDEV,
			    DP_PORT_NONE, &reply, &m, err);

	if (error)
		return explain(dp, name, error, err);
	v = put(dp, &m, type);
	v->tap_fd = tap_fd;
	v->is_ours = true;
	*ret_port = v->number;
	return 0;
}

static bool is_known_type(const char *type)
{
	return !strcmp(type, "internal") || !strcmp(type, "system") || !strcmp(type, "tap");
}

// A port that an earlier process left in the datapath.
static bool adopt(struct kernel_datapath *dp, const char *name, const char *type,
		  dp_port_t *ret_port)
{
	struct vport *v = find_by_name(dp, name);
	uint32_t wanted =
		!strcmp(type, "internal") ? OVS_VPORT_TYPE_INTERNAL : OVS_VPORT_TYPE_NETDEV;

	if (!v || v->is_ours || v->kernel_type != wanted)
		return false;
	snprintf(v->type, sizeof(v->type), "%s", type);
	v->is_ours = true;
	*ret_port = v->number;
	return true;
}

// One of the devices that tunnels share.
static int add_tunnel(struct kernel_datapath *dp, const char *name, const char *type,
		      const struct smap *options, dp_port_t *ret_port, struct error *err)
{
	struct vport *v = find_by_name(dp, name);
	struct tunnel_params p;
	int error = tunnel_params_read(type, options, &p, err), ifindex;
	bool made;

	// A device of other settings would be made anew under the port that has it.
	if (!error && v && v->is_ours)
		error = explain(dp, name, -EEXIST, err);
	if (!error)
		error = tunnel_device_need(dp->route, name, type, &p, &ifindex, &made, err);
	if (error)
		return error;
	// One that is attached still, by an earlier process, unless the device had to be made anew.
	if (v && v->ifindex == ifindex && adopt(dp, name, type, ret_port)) {
		error = 0;
	} else {
		if (v) {
			request_del(dp, v->number, NULL);
			take_out(dp, v);
		}
		error = attach(dp, name, type, -1, ret_port, err);
	}
	if (error && made)
		tunnel_device_remove(dp->route, name);
	if (error)
		return error;
	strset_remove(&dp->left_tunnels, name);
	p.bare |= tunnel_device_is_bare(dp->route, name, type);
	v = vport_find(dp, *ret_port);
	pthread_mutex_lock(&dp->ports_lock);
	v->is_tunnel = true;
	v->tunnel = p;
	pthread_mutex_unlock(&dp->ports_lock);
	return 0;
}

int kernel_port_add(struct datapath *base, const char *name, const char *type,
		    const struct smap *options, dp_port_t *ret_port, struct error *err)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct rtnl_link link;
	int tap_fd = -1, error;

	if (tunnel_is_type(type))
		return add_tunnel(dp, name, type, options, ret_port, err);
	if (!is_known_type(type))
		return error_set(err, -EOPNOTSUPP,
				 "the kernel datapath has no ports of type \"%s\"", type);
	if (strlen(name) >= IFNAMSIZ)
		return error_set(err, -ENAMETOOLONG,
				 "a network device's name has at most %d characters", IFNAMSIZ - 1);
	if (strcmp(type, "tap") && adopt(dp, name, type, ret_port))
		return 0;
	if (!strcmp(type, "system") && rtnl_link_by_name(dp->route, name, &link, NULL))
		return port_error_no_device(err, name);
	if (!strcmp(type, "tap")) {
		tap_fd = kernel_tap_open(name, err);
		if (tap_fd < 0)
			return tap_fd;
	}
	error = attach(dp, name, type, tap_fd, ret_port, err);
	if (error && tap_fd >= 0)
		close(tap_fd);
	return error;
}

void vport_revive(struct kernel_datapath *dp, struct vport *v, int ifindex)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct vport_message m;

	if (request_new(dp, v->name, v->kernel_type, v->number, &reply, &m, &err)) {
		log_warn("%s: port %s: its device is there again, but cannot be attached: %s",
			 dp->name, v->name, err.text);
		return;
	}
	log_info("%s: port %s: its device is there again", dp->name, v->name);
	pthread_mutex_lock(&dp->ports_lock);
	v->ifindex = ifindex ? ifindex : (int)if_nametoindex(v->name);
	pthread_mutex_unlock(&dp->ports_lock);
}

// ---- What others do ----

typedef VEC(struct vport_message) vport_vec; // the names are not valid any more

static int take_message(const struct nlmsghdr *h, void *aux)
{
	struct vport_message m;
	vport_vec *v = aux;

	if (!vport_message_decode(h, &m, NULL))
		VEC_PUSH(v, m);
	return 0;
}

// Others may have given a port's number to another device.
static bool is_it(const struct vport *v, const struct vport_message *m)
{
	return m->number == v->number.n && (!m->ifindex || (int)m->ifindex == v->ifindex);
}

static bool is_there(const vport_vec *found, const struct kernel_datapath *dp,
		     const struct vport *v)
{
	const struct vport_message *m;

	VEC_FOR_EACH (m, found)
		if (m->dp_ifindex == dp->ifindex && is_it(v, m))
			return true;
	return false;
}

static bool is_wanted(const struct kernel_datapath *dp, const struct vport_message *m)
{
	const struct vport *v = vport_find(dp, DP_PORT(m->number));

	return v && is_it(v, m);
}

// A tunnel's device, which has gone with its port, is made again when its going is told.
static void put_back(struct kernel_datapath *dp, struct vport *v)
{
	bool is_internal = v->kernel_type == OVS_VPORT_TYPE_INTERNAL;
	struct rtnl_link l;

	dp->change_seq++;
	if (is_internal)
		vport_revive(dp, v, 0);
	else if (!rtnl_link_by_name(dp->route, v->name, &l, NULL))
		vport_revive(dp, v, l.ifindex);
	if (is_internal && v->has_mac)
		rtnl_link_set_mac(dp->route, v->ifindex, v->mac, NULL);
}

static void take_away(struct kernel_datapath *dp, const struct vport_message *m)
{
	struct rtnl_link l;
	bool named = m->ifindex && !rtnl_link_by_index(dp->route, m->ifindex, &l, NULL);

	log_info("%s: port %u (%s) is not the switch's: removed", dp->name, m->number,
		 named ? l.name : "?");
	if (!request_del(dp, DP_PORT(m->number), NULL) && named &&
	    tunnel_device_is_ours(dp->route, l.name))
		tunnel_device_remove(dp->route, l.name);
}

void vports_reconcile(struct kernel_datapath *dp)
{
	static struct log_limit limit = LOG_LIMIT_INIT(6, 3);
	struct error err = ERROR_INIT;
	AUTO(strbuf) msg = STRBUF_INIT;
	const struct vport_message *m;
	vport_vec found = VEC_INIT;
	struct vport *v;
	int error;

	// While the tables are being filled nobody knows which ports are wanted: later.
	dp->ports_doubtful = dp->holding;
	counter_inc(COUNTER_OFPROTO_REINIT_PORTS);
	if (dp->holding || dp->leaving)
		return;
	nl_msg_end(&msg, kernel_begin(dp, &msg, &dp->families.vport, OVS_VPORT_CMD_GET, 0));
	pthread_mutex_lock(&dp->request_lock);
	error = nl_dump(dp->sock, &msg, take_message, &found, &err);
	pthread_mutex_unlock(&dp->request_lock);
	if (!error) {
		VEC_FOR_EACH (m, &found)
			if (m->dp_ifindex == dp->ifindex && !is_wanted(dp, m))
				take_away(dp, m);
		HMAP_FOR_EACH (v, node, &dp->ports)
			if (!is_there(&found, dp, v))
				put_back(dp, v);
	} else {
		log_warn_limited(&limit, "%s: ports: %s; asked again", dp->name, err.text);
		dp->ports_doubtful = true;
	}
	VEC_FREE(&found);
}

void kernel_port_del(struct datapath *base, dp_port_t port)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct vport *v = vport_find(dp, port);
	struct error err = ERROR_INIT;
	int error;

	if (!v)
		return;
	error = v->ifindex && !dp->leaving ? request_del(dp, port, &err) : 0;
	// Its device may have gone a moment ago.
	if (error && error != -ENODEV)
		log_warn("%s: port %s stays in the kernel: %s", dp->name, v->name, err.text);
	if (v->is_tunnel && !dp->leaving)
		tunnel_device_remove(dp->route, v->name);
	take_out(dp, v);
}

// A device has its extensions for good.
static int check_extensions(const struct vport *v, const char *exts, struct error *err)
{
	struct tunnel_params p = { 0 };
	int error = tunnel_extensions_read(exts, &p, err);

	if (error || (p.gbp == v->tunnel.gbp && p.gpe == v->tunnel.gpe))
		return error;
	return error_set(err, -EBUSY, "%s has other extensions", v->name);
}

// One that takes packets without an Ethernet header, too. It comes again as one that others have deleted does.
static void need_bare_device(struct kernel_datapath *dp, struct vport *v)
{
	log_info("%s: port %s: a tunnel needs packets without an Ethernet header: its device is "
		 "made anew",
		 dp->name, v->name);
	pthread_mutex_lock(&dp->ports_lock);
	v->tunnel.bare = true;
	pthread_mutex_unlock(&dp->ports_lock);
	tunnel_device_remove(dp->route, v->name);
}

int kernel_port_set_options(struct datapath *base, dp_port_t port, const struct smap *options,
			    struct error *err)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct vport *v = vport_find(dp, port);
	const char *exts = smap_get(options, "exts");
	struct tunnel_params p;

	if (!v || !v->is_tunnel)
		return 0; // of others there are none
	if (!tunnel_params_read(v->type, options, &p, NULL) && p.bare && !v->tunnel.bare)
		need_bare_device(dp, v);
	return exts ? check_extensions(v, exts, err) : 0;
}

// ---- Asking ----

bool kernel_port_ref(struct datapath *base, dp_port_t port, struct port_ref *ret)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct vport *v;

	pthread_mutex_lock(&dp->ports_lock);
	v = vport_find(dp, port);
	if (v) {
		*ret = (struct port_ref){ .number = v->number,
					  .ethdev = PORT_NO_ETHDEV,
					  .ifindex = v->ifindex,
					  .is_internal = v->kernel_type == OVS_VPORT_TYPE_INTERNAL,
					  .is_tunnel = v->is_tunnel,
					  .tunnel_port = htobe16(v->tunnel.dst_port),
					  .takes_bare = v->is_tunnel &&
							tunnel_takes_bare(v->type, &v->tunnel) };
		snprintf(ret->name, sizeof(ret->name), "%s", v->name);
	}
	pthread_mutex_unlock(&dp->ports_lock);
	return v;
}

void kernel_port_config(struct datapath *base, dp_port_t port, struct smap *config)
{
	struct vport *v = vport_find(kernel_datapath(base), port);

	if (v && v->is_tunnel)
		tunnel_config_put(v->type, &v->tunnel, config);
}

bool kernel_port_by_name(struct datapath *base, const char *name, dp_port_t *ret)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct vport *v;

	pthread_mutex_lock(&dp->ports_lock);
	v = find_by_name(dp, name);
	if (v)
		*ret = v->number;
	pthread_mutex_unlock(&dp->ports_lock);
	return v;
}

static int by_number(const void *a_, const void *b_)
{
	const uint32_t *a = a_, *b = b_;

	return *a < *b ? -1 : *a > *b;
}

void kernel_for_each_port(struct datapath *base, void (*cb)(dp_port_t port, void *aux), void *aux)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	VEC(uint32_t) numbers = VEC_INIT;
	struct vport *v;
	uint32_t *n;

	HMAP_FOR_EACH (v, node, &dp->ports)
		VEC_PUSH(&numbers, v->number.n);
	if (numbers.n)
		qsort(numbers.v, numbers.n, sizeof(*numbers.v), by_number);
	VEC_FOR_EACH (n, &numbers)
		cb(DP_PORT(*n), aux);
	VEC_FREE(&numbers);
}
