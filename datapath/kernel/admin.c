// SPDX-License-Identifier: Apache-2.0
// Datapaths and ports of the kernel, from outside.
#include "datapath/kernel/admin.h"

#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/netlink/rtnl.h"
#include "datapath/kernel/admin-private.h"

int admin_open(struct admin **ret, struct error *err)
{
	struct admin *a = xzalloc(sizeof(*a));
	int error = nl_open(NETLINK_GENERIC, &a->sock, err);

	if (!error)
		error = nl_open(NETLINK_ROUTE, &a->route, err);
	if (!error)
		error = kernel_families_find(a->sock, &a->families, err);
	if (error) {
		admin_close(a);
		return error;
	}
	*ret = a;
	return 0;
}

static void tracker_free(struct kernel_datapath *dp)
{
	if (!dp)
		return;
	nl_close(dp->netfilter);
	pthread_mutex_destroy(&dp->request_lock);
	free(dp);
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	tracker_free(a->tracker);
	nl_close(a->route);
	nl_close(a->sock);
	free(a);
}

// ---- Datapaths ----

static struct admin_dp dp_from(const struct dp_message *m)
{
	struct admin_dp dp = { .ifindex = m->ifindex,
			       .stats = m->stats,
			       .megaflow_stats = m->megaflow_stats,
			       .has_masks_cache = m->has_masks_cache,
			       .masks_cache_size = m->masks_cache_size };

	snprintf(dp.name, sizeof(dp.name), "%s", m->name);
	return dp;
}

struct dp_listing {
	struct admin_dps *dps;
	struct error *err;
};

static int on_dp(const struct nlmsghdr *h, void *aux)
{
	struct dp_listing *l = aux;
	struct dp_message m;
	int error = dp_message_decode(h, &m, l->err);

	if (!error)
		VEC_PUSH(&l->dps->all, dp_from(&m));
	return error;
}

static int by_name(const void *a_, const void *b_)
{
	const struct admin_dp *a = a_, *b = b_;

	return strcmp(a->name, b->name);
}

int admin_dp_list(struct admin *a, struct admin_dps *ret, struct error *err)
{
	struct dp_listing l = { ret, err };
	AUTO(strbuf) msg = STRBUF_INIT;
	int error;

	memset(ret, 0, sizeof(*ret));
	nl_msg_end(&msg, message_begin(&msg, &a->families.dp, OVS_DP_CMD_GET, 0, 0));
	error = nl_dump(a->sock, &msg, on_dp, &l, err);
	if (error) {
		admin_dps_uninit(ret);
		return error;
	}
	if (ret->all.n)
		qsort(ret->all.v, ret->all.n, sizeof(*ret->all.v), by_name);
	return 0;
}

void admin_dps_uninit(struct admin_dps *dps)
{
	VEC_FREE(&dps->all);
}

// Sends 'msg' and reads the datapath that comes back.
static int dp_transact(struct admin *a, const struct strbuf *msg, struct admin_dp *ret,
		       struct error *err)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	struct dp_message m;
	int error = nl_transact(a->sock, msg, &reply, err);

	if (error)
		return error;
	if (!reply.len)
		return error_set(err, -EPROTO, "the kernel tells nothing of the datapath");
	error = dp_message_decode((const struct nlmsghdr *)reply.s, &m, err);
	if (!error)
		*ret = dp_from(&m);
	return error;
}

int admin_dp_find(struct admin *a, const char *name, struct admin_dp *ret, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m;

	if (strlen(name) >= IFNAMSIZ)
		return error_set(err, -ENODEV, "a datapath's name has at most %d characters",
				 IFNAMSIZ - 1);
	m = message_begin(&msg, &a->families.dp, OVS_DP_CMD_GET, NLM_F_ECHO, 0);
	nl_put_str(&msg, OVS_DP_ATTR_NAME, name);
	nl_msg_end(&msg, m);
	return dp_transact(a, &msg, ret, err);
}

int admin_dp_add(struct admin *a, const char *name, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m;

	if (strlen(name) >= IFNAMSIZ)
		return error_set(err, -EINVAL, "a datapath's name has at most %d characters",
				 IFNAMSIZ - 1);
	m = message_begin(&msg, &a->families.dp, OVS_DP_CMD_NEW, 0, 0);
	nl_put_str(&msg, OVS_DP_ATTR_NAME, name);
	// Nobody takes what misses.
	nl_put_u32(&msg, OVS_DP_ATTR_UPCALL_PID, 0);
	nl_put_u32(&msg, OVS_DP_ATTR_USER_FEATURES, OVS_DP_F_UNALIGNED | OVS_DP_F_VPORT_PIDS);
	nl_msg_end(&msg, m);
	return nl_transact(a->sock, &msg, NULL, err);
}

int admin_dp_set_masks_cache(struct admin *a, struct admin_dp *dp, uint32_t size, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m;

	if (!dp->has_masks_cache)
		return error_set(err, -EOPNOTSUPP, "this kernel has no masks-cache");
	m = message_begin(&msg, &a->families.dp, OVS_DP_CMD_SET, NLM_F_ECHO, dp->ifindex);
	nl_put_u32(&msg, OVS_DP_ATTR_MASKS_CACHE_SIZE, round_up_pow2(size));
	nl_msg_end(&msg, m);
	return dp_transact(a, &msg, dp, err);
}

// The device of a tunnel goes with its port.
static int port_del(struct admin *a, const struct admin_dp *dp, const struct admin_port *p,
		    struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = message_begin(&msg, &a->families.vport, OVS_VPORT_CMD_DEL, 0, dp->ifindex);
	int error;

	nl_put_u32(&msg, OVS_VPORT_ATTR_PORT_NO, p->number.n);
	nl_msg_end(&msg, m);
	error = nl_transact(a->sock, &msg, NULL, err);
	if (error || !tunnel_type_of_device(p->name, NULL) || !p->ifindex)
		return error;
	// The kernel takes along a device that it has made itself, for a port of an old kind.
	error = rtnl_link_del(a->route, p->ifindex, err);
	return error == -ENODEV ? 0 : error;
}

static int delete_ports(struct admin *a, const struct admin_dp *dp, struct error *err)
{
	struct admin_ports ports;
	const struct admin_port *p;
	int error = admin_port_list(a, dp, &ports, err);

	if (error)
		return error;
	VEC_FOR_EACH (p, &ports.all)
		if (p->number.n && !error)
			error = port_del(a, dp, p, err);
	admin_ports_uninit(&ports);
	return error;
}

int admin_dp_del(struct admin *a, const struct admin_dp *dp, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	int error = delete_ports(a, dp, err);

	if (error)
		return error;
	nl_msg_end(&msg, message_begin(&msg, &a->families.dp, OVS_DP_CMD_DEL, 0, dp->ifindex));
	return nl_transact(a->sock, &msg, NULL, err);
}

struct datapath *admin_dp_tracker(struct admin *a, const struct admin_dp *dp)
{
	static const struct datapath_ops ops = { .type = "system", .ct = &kernel_ct };
	struct kernel_datapath *t = a->tracker;

	if (!t) {
		t = a->tracker = xzalloc(sizeof(*t));
		t->base.ops = &ops;
		t->sock = a->sock;
		t->families = a->families;
		t->has_ct_limit =
			!genl_find(a->sock, OVS_CT_LIMIT_FAMILY, &t->families.ct_limit, NULL);
		pthread_mutex_init(&t->request_lock, NULL);
	}
	snprintf(t->name, sizeof(t->name), "%s", dp->name);
	t->ifindex = dp->ifindex;
	return &t->base;
}

// ---- Ports ----

int admin_port_link(struct admin *a, const struct admin_port *p, struct rtnl_link *ret,
		    struct error *err)
{
	return rtnl_link_by_name(a->route, p->name, ret, err);
}

void admin_port_config(const struct admin_port *p, struct smap *config)
{
	struct tunnel_params params;
	const char *type = tunnel_type_of_device(p->name, &params);

	if (type)
		tunnel_config_put(type, &params, config);
}

static struct admin_port port_from(const struct vport_message *m)
{
	const char *tunnel = tunnel_type_of_device(m->name, NULL);
	struct admin_port p = { .number = DP_PORT(m->number), .ifindex = m->ifindex };

	snprintf(p.name, sizeof(p.name), "%s", m->name);
	if (m->type == OVS_VPORT_TYPE_INTERNAL)
		p.type = "internal";
	else
		p.type = tunnel ? tunnel : "system";
	if (!p.ifindex)
		p.ifindex = if_nametoindex(p.name);
	return p;
}

struct port_listing {
	const struct admin_dp *dp;
	struct admin_ports *ports;
	struct error *err;
};

static int on_port(const struct nlmsghdr *h, void *aux)
{
	struct port_listing *l = aux;
	struct vport_message m;
	int error = vport_message_decode(h, &m, l->err);

	if (!error && m.dp_ifindex == l->dp->ifindex)
		VEC_PUSH(&l->ports->all, port_from(&m));
	return error;
}

static int by_number(const void *a_, const void *b_)
{
	const struct admin_port *a = a_, *b = b_;

	return a->number.n < b->number.n ? -1 : a->number.n > b->number.n;
}

int admin_port_list(struct admin *a, const struct admin_dp *dp, struct admin_ports *ret,
		    struct error *err)
{
	struct port_listing l = { dp, ret, err };
	AUTO(strbuf) msg = STRBUF_INIT;
	int error;

	memset(ret, 0, sizeof(*ret));
	nl_msg_end(&msg,
		   message_begin(&msg, &a->families.vport, OVS_VPORT_CMD_GET, 0, dp->ifindex));
	error = nl_dump(a->sock, &msg, on_port, &l, err);
	if (error) {
		admin_ports_uninit(ret);
		return error;
	}
	if (ret->all.n)
		qsort(ret->all.v, ret->all.n, sizeof(*ret->all.v), by_number);
	return 0;
}

void admin_ports_uninit(struct admin_ports *ports)
{
	VEC_FREE(&ports->all);
}

const struct admin_port *admin_port_by_number(const struct admin_ports *ports, dp_port_t number)
{
	const struct admin_port *p;

	VEC_FOR_EACH (p, &ports->all)
		if (dp_port_equal(p->number, number))
			return p;
	return NULL;
}

const struct admin_port *admin_port_by_name(const struct admin_ports *ports, const char *name)
{
	const struct admin_port *p;

	VEC_FOR_EACH (p, &ports->all)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

// 'ret_tap': -1 where it is no tap device.
static int prepare(struct admin *a, const char *name, const char *type, int *ret_tap,
		   struct error *err)
{
	struct rtnl_link link;

	*ret_tap = -1;
	if (!strcmp(type, "internal"))
		return 0;
	if (!strcmp(type, "tap")) {
		*ret_tap = kernel_tap_open(name, err);
		return MIN(*ret_tap, 0);
	}
	if (!strcmp(type, "patch"))
		return error_set(err, -EINVAL, "patch ports are in bridges, not in datapaths");
	if (strcmp(type, "system"))
		return error_set(err, -EAFNOSUPPORT,
				 "ports of type \"%s\" cannot be made from here", type);
	return rtnl_link_by_name(a->route, name, &link, err) ? port_error_no_device(err, name) : 0;
}

static int attach(struct admin *a, const struct admin_dp *dp, const char *name, const char *type,
		  dp_port_t number, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = message_begin(&msg, &a->families.vport, OVS_VPORT_CMD_NEW, 0, dp->ifindex);

	nl_put_str(&msg, OVS_VPORT_ATTR_NAME, name);
	nl_put_u32(&msg, OVS_VPORT_ATTR_TYPE,
		   strcmp(type, "internal") ? OVS_VPORT_TYPE_NETDEV : OVS_VPORT_TYPE_INTERNAL);
	if (!dp_port_equal(number, DP_PORT_NONE))
		nl_put_u32(&msg, OVS_VPORT_ATTR_PORT_NO, number.n);
	nl_put_u32(&msg, OVS_VPORT_ATTR_UPCALL_PID, 0);
	nl_msg_end(&msg, m);
	return nl_transact(a->sock, &msg, NULL, err);
}

bool admin_type_is_tunnel(const char *type)
{
	return tunnel_is_type(type);
}

bool admin_tunnel_has_option(const char *type, const char *option)
{
	return tunnel_has_option(type, option);
}

// What 'options' leave out is as the port's name tells.
int admin_port_compare(struct admin *a, const struct admin_port *p, const struct smap *options,
		       struct error *err)
{
	struct tunnel_params now, wanted;
	char name[IFNAMSIZ];
	AUTO(smap) all;
	int error;

	tunnel_type_of_device(p->name, &now);
	smap_clone(&all, options);
	if (now.dst_port && !smap_get(&all, "dst_port"))
		smap_setf(&all, "dst_port", "%u", now.dst_port);
	if (tunnel_has_option(p->type, "payload_type") && !smap_get(&all, "payload_type"))
		smap_set(&all, "payload_type", "ip"); // whatever it is
	error = tunnel_params_read(p->type, &all, &wanted, err);
	if (error)
		return error;
	tunnel_device_name_of(p->type, &wanted, name);
	if (strcmp(name, p->name))
		return error_set(err, -EOPNOTSUPP, "can't change dst_port from %u to %u",
				 now.dst_port, wanted.dst_port);
	if ((smap_get(options, "exts") || smap_get(options, "payload_type")) &&
	    tunnel_device_check(a->route, name, p->type, &wanted, NULL))
		return error_set(err, -EOPNOTSUPP, "its device has other settings");
	return 0;
}

static int tunnel_add(struct admin *a, const struct admin_dp *dp, const char *type,
		      dp_port_t number, const struct smap *options, struct error *err)
{
	struct tunnel_params params;
	struct admin_ports ports;
	char name[IFNAMSIZ];
	bool made, is_port;
	int ifindex, error = tunnel_params_read(type, options, &params, err);

	if (error)
		return error;
	tunnel_device_name_of(type, &params, name);
	// One that is set up otherwise is somebody's: it is not made anew from here.
	error = tunnel_device_check(a->route, name, type, &params, err);
	if (error && error != -ENOENT)
		return error;
	error = admin_port_list(a, dp, &ports, err);
	if (error)
		return error;
	is_port = admin_port_by_name(&ports, name);
	admin_ports_uninit(&ports);
	if (is_port && dp_port_equal(number, DP_PORT_NONE))
		return 0;
	error = tunnel_device_need(a->route, name, type, &params, &ifindex, &made, err);
	if (error)
		return error;
	error = attach(a, dp, name, type, number, err);
	if (error && made)
		tunnel_device_remove(a->route, name);
	return error;
}

int admin_port_add(struct admin *a, const struct admin_dp *dp, const char *name, const char *type,
		   dp_port_t number, const struct smap *options, struct error *err)
{
	struct rtnl_link link;
	int error, tap;

	if (tunnel_is_type(type))
		return tunnel_add(a, dp, type, number, options, err);
	if (strlen(name) >= IFNAMSIZ)
		return error_set(err, -ENAMETOOLONG,
				 "a network device's name has at most %d characters", IFNAMSIZ - 1);
	error = prepare(a, name, type, &tap, err);
	if (!error)
		error = attach(a, dp, name, type, number, err);
	// It stays when this process has gone, as the port does; one that is no port goes now.
	if (!error && tap >= 0 && ioctl(tap, TUNSETPERSIST, 1) < 0)
		error = error_set(err, -errno, "tap device %s: %s", name, strerror(errno));
	if (tap >= 0)
		close(tap);
	if (!error)
		error = rtnl_link_by_name(a->route, name, &link, err);
	return error ? error : rtnl_link_set_up(a->route, link.ifindex, true, err);
}

int admin_port_del(struct admin *a, const struct admin_dp *dp, dp_port_t number, struct error *err)
{
	struct admin_port unknown = { .number = number }; // the kernel says what is wrong with it
	const struct admin_port *p;
	struct admin_ports ports;
	int error = admin_port_list(a, dp, &ports, err);

	if (error)
		return error;
	p = admin_port_by_number(&ports, number);
	error = port_del(a, dp, p ? p : &unknown, err);
	admin_ports_uninit(&ports);
	return error;
}
