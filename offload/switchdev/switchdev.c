// SPDX-License-Identifier: Apache-2.0
// The table of links and eSwitches, kept up to date.
#include "offload/switchdev/switchdev.h"

#include <linux/ethtool_netlink.h>
#include <stdio.h>

#include "core/base/log.h"
#include "offload/switchdev/switchdev-private.h"

LOG_MODULE(switchdev);

static void complain(const char *what, const struct error *err)
{
	static struct log_limit limit = LOG_LIMIT_INIT(1, 5);

	log_warn_limited(&limit, "%s: %s", what, err->text);
}

// ---- Links ----

static void remove_link(struct switchdev *sd, struct link *l)
{
	hmap_remove(&sd->links, &l->node);
	free(l);
	sd->changed = true;
}

// Counters change all the time; the rest is what counts.
static bool same_link(const struct rtnl_link *a, const struct rtnl_link *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->kind, b->kind) && a->master == b->master &&
	       a->switch_id_len == b->switch_id_len &&
	       !memcmp(a->switch_id, b->switch_id, sizeof(a->switch_id)) &&
	       !strcmp(a->port_name, b->port_name);
}

static void ask_features(struct switchdev *sd, int ifindex);

static struct link *take_link(struct switchdev *sd, const struct rtnl_link *new)
{
	struct link *l = switchdev_find_link(sd, new->ifindex);

	if (!l) {
		l = xzalloc(sizeof(*l));
		l->l = *new;
		hmap_insert(&sd->links, &l->node, switchdev_hash(new->ifindex));
		sd->changed = true;
	} else if (!same_link(&l->l, new)) {
		l->l = *new;
		sd->changed = true;
	}
	l->seen = true;
	return l;
}

static void dumped_link(const struct rtnl_link *new, void *aux)
{
	take_link(aux, new);
}

static void link_event(const struct nlmsghdr *h, void *aux)
{
	struct error err = ERROR_INIT;
	struct switchdev *sd = aux;
	struct rtnl_link new;
	struct link *old;
	int error;

	if (!rtnl_link_decode(h, &new, &error, &err))
		return;
	if (error) {
		complain("link", &err);
		return;
	}
	old = switchdev_find_link(sd, new.ifindex);
	if (new.deleted) {
		// A port of devlink that had this number must not go over to the next device that gets it.
		sd->reread_devlink = true;
		if (old)
			remove_link(sd, old);
		return;
	}
	take_link(sd, &new);
	if (!old) {
		sd->reread_devlink = true;
		ask_features(sd, new.ifindex);
	}
}

static int read_links(struct switchdev *sd, struct error *err)
{
	struct link *l;
	int error = 0;

	HMAP_FOR_EACH (l, node, &sd->links)
		l->seen = false;
	for (int i = 0; i < 5; i++) {
		error = rtnl_link_dump(sd->rtnl, dumped_link, sd, err);
		if (error != -EAGAIN)
			break;
	}
	if (error)
		return error_wrap(err, "links");
	HMAP_FOR_EACH_SAFE (l, node, &sd->links)
		if (!l->seen)
			remove_link(sd, l);
	return 0;
}

// ---- Features ----

static int take_features(const struct nlmsghdr *h, void *aux)
{
	struct error err = ERROR_INIT;
	struct switchdev *sd = aux;
	enum switchdev_feature now;
	int ifindex;

	if (features_decode(h, &ifindex, &now, &err)) {
		complain("ethtool", &err);
		return 0;
	}
	struct link *l = switchdev_find_link(sd, ifindex);

	if (l && now != FEATURE_UNKNOWN && l->hw_tc_offload != now) {
		l->hw_tc_offload = now;
		sd->changed = true;
	}
	return 0;
}

static void put_device(struct strbuf *req, int ifindex)
{
	size_t nest = nl_nest_begin(req, ETHTOOL_A_FEATURES_HEADER);

	if (ifindex)
		nl_put_u32(req, ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
	nl_nest_end(req, nest);
}

static void ask_features(struct switchdev *sd, int ifindex)
{
	AUTO(strbuf) req = STRBUF_INIT, reply = STRBUF_INIT;

	if (!sd->ethtool.id)
		return;
	size_t m = genl_begin(&req, &sd->ethtool, ETHTOOL_MSG_FEATURES_GET, 0);

	put_device(&req, ifindex);
	nl_msg_end(&req, m);
	// It may have gone again.
	if (!nl_transact(sd->genl, &req, &reply, NULL) && reply.len)
		take_features((const struct nlmsghdr *)reply.s, sd);
}

static void read_features(struct switchdev *sd)
{
	AUTO(strbuf) req = STRBUF_INIT;
	struct error err = ERROR_INIT;

	if (!sd->ethtool.id)
		return;
	size_t m = genl_begin(&req, &sd->ethtool, ETHTOOL_MSG_FEATURES_GET, NLM_F_DUMP);

	put_device(&req, 0);
	nl_msg_end(&req, m);
	if (nl_dump(sd->genl, &req, take_features, sd, &err) && err.code != -EAGAIN)
		complain("features", &err);
}

// ---- devlink ----

static int dumped_port(const struct nlmsghdr *h, void *aux)
{
	struct error err = ERROR_INIT;
	struct switchdev *sd = aux;
	struct devlink_port p;

	if (devlink_port_decode(h, &p, &err))
		complain("devlink", &err);
	else
		VEC_PUSH(&sd->ports, p);
	return 0;
}

struct handles {
	VEC(struct switchdev_eswitch) v;
};

static int dumped_device(const struct nlmsghdr *h, void *aux)
{
	struct handles *list = aux;
	struct switchdev_eswitch e = { .mode = -1, .inline_mode = -1, .encap_mode = -1 };
	struct error err = ERROR_INIT;

	if (devlink_handle_decode(h, e.handle, &err))
		complain("devlink", &err);
	else
		VEC_PUSH(&list->v, e);
	return 0;
}

static int dump_devlink(struct switchdev *sd, uint8_t cmd,
			int (*cb)(const struct nlmsghdr *h, void *aux), void *aux,
			struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;

	nl_msg_end(&req, genl_begin(&req, &sd->devlink, cmd, NLM_F_DUMP));
	return nl_dump(sd->genl, &req, cb, aux, err);
}

// Devices without an eSwitch say so: their modes stay unknown.
static void ask_eswitch(struct switchdev *sd, struct switchdev_eswitch *e)
{
	AUTO(strbuf) req = STRBUF_INIT, reply = STRBUF_INIT;
	char *slash = strchr(e->handle, '/');
	struct switchdev_eswitch now;

	size_t m = genl_begin(&req, &sd->devlink, DEVLINK_CMD_ESWITCH_GET, 0);
	*slash = '\0';
	nl_put_str(&req, DEVLINK_ATTR_BUS_NAME, e->handle);
	nl_put_str(&req, DEVLINK_ATTR_DEV_NAME, slash + 1);
	*slash = '/';
	nl_msg_end(&req, m);
	if (!nl_transact(sd->genl, &req, &reply, NULL) && reply.len &&
	    !devlink_eswitch_decode((const struct nlmsghdr *)reply.s, &now, NULL) &&
	    !strcmp(now.handle, e->handle))
		*e = now;
}

static bool same_eswitch(const struct switchdev_eswitch *a, const struct switchdev_eswitch *b)
{
	return !strcmp(a->handle, b->handle) && a->mode == b->mode &&
	       a->inline_mode == b->inline_mode && a->encap_mode == b->encap_mode;
}

static int read_eswitches(struct switchdev *sd, struct error *err)
{
	struct handles list = { VEC_INIT };
	struct switchdev_eswitch *e;
	int error = dump_devlink(sd, DEVLINK_CMD_GET, dumped_device, &list, err);
	bool differs = list.v.n != sd->eswitches.n;

	if (error) {
		VEC_FREE(&list.v);
		return error_wrap(err, "devlink devices");
	}
	VEC_FOR_EACH (e, &list.v) {
		ask_eswitch(sd, e);
		if (!differs)
			differs = !same_eswitch(e, &sd->eswitches.v[e - list.v.v]);
	}
	VEC_FREE(&sd->eswitches);
	VEC_FOR_EACH (e, &list.v)
		VEC_PUSH(&sd->eswitches, *e);
	VEC_FREE(&list.v);
	sd->changed |= differs;
	return 0;
}

static bool same_port(const struct devlink_port *a, const struct devlink_port *b)
{
	return !strcmp(a->handle, b->handle) && a->index == b->index && a->ifindex == b->ifindex &&
	       a->flavour == b->flavour && !memcmp(&a->function, &b->function, sizeof(a->function));
}

static int read_devlink(struct switchdev *sd, struct error *err)
{
	typeof(sd->ports) old = sd->ports;
	int error;

	if (!sd->devlink.id)
		return 0;
	memset(&sd->ports, 0, sizeof(sd->ports));
	error = dump_devlink(sd, DEVLINK_CMD_PORT_GET, dumped_port, sd, err);
	if (error) {
		VEC_FREE(&sd->ports);
		sd->ports = old;
		return error_wrap(err, "devlink ports");
	}
	bool differs = old.n != sd->ports.n;

	for (size_t i = 0; !differs && i < old.n; i++)
		differs = !same_port(&old.v[i], &sd->ports.v[i]);
	sd->changed |= differs;
	VEC_FREE(&old);
	return read_eswitches(sd, err);
}

static void genl_event(const struct nlmsghdr *h, void *aux)
{
	enum switchdev_feature unused;
	struct switchdev *sd = aux;
	int ifindex;

	if (sd->ethtool.id && h->nlmsg_type == sd->ethtool.id) {
		if (genl_cmd(h) == ETHTOOL_MSG_FEATURES_NTF &&
		    !features_decode(h, &ifindex, &unused, NULL))
			ask_features(sd, ifindex);
	} else if (sd->devlink.id && h->nlmsg_type == sd->devlink.id) {
		switch (genl_cmd(h)) {
		case DEVLINK_CMD_NEW:
		case DEVLINK_CMD_DEL:
		case DEVLINK_CMD_PORT_NEW:
		case DEVLINK_CMD_PORT_DEL:
		case DEVLINK_CMD_ESWITCH_SET:
			sd->reread_devlink = true;
		}
	}
}

// ---- Life ----

static int join_family(struct switchdev *sd, const char *name, const char *group,
		       struct genl_family *f, struct error *err)
{
	int error = genl_find(sd->genl, name, f, err);
	uint32_t id;

	if (error)
		return error == -ENOENT ? 0 : error;
	id = genl_group(f, group);
	return id ? nl_join(sd->genl_events, id, err) : 0;
}

static int open_sockets(struct switchdev *sd, struct error *err)
{
	int error = nl_open(NETLINK_ROUTE, &sd->rtnl, err);

	if (!error)
		error = nl_open(NETLINK_ROUTE, &sd->link_events, err);
	if (!error)
		error = nl_join(sd->link_events, RTNLGRP_LINK, err);
	if (!error)
		error = nl_open(NETLINK_GENERIC, &sd->genl, err);
	if (!error)
		error = nl_open(NETLINK_GENERIC, &sd->genl_events, err);
	if (!error)
		error = join_family(sd, DEVLINK_GENL_NAME, DEVLINK_GENL_MCGRP_CONFIG_NAME,
				    &sd->devlink, err);
	if (!error)
		error = join_family(sd, ETHTOOL_GENL_NAME, ETHTOOL_MCGRP_MONITOR_NAME, &sd->ethtool,
				    err);
	return error;
}

int switchdev_open(struct switchdev **ret, struct error *err)
{
	struct switchdev *sd = xzalloc(sizeof(*sd));
	int error;

	hmap_init(&sd->links);
	error = open_sockets(sd, err);
	if (!error)
		error = read_links(sd, err);
	if (!error)
		error = read_devlink(sd, err);
	if (error) {
		switchdev_close(sd);
		return error_wrap(err, "eSwitches");
	}
	read_features(sd);
	*ret = sd;
	return 0;
}

void switchdev_close(struct switchdev *sd)
{
	struct link *l;

	if (!sd)
		return;
	nl_close(sd->rtnl);
	nl_close(sd->genl);
	nl_close(sd->link_events);
	nl_close(sd->genl_events);
	HMAP_FOR_EACH_SAFE (l, node, &sd->links)
		remove_link(sd, l);
	hmap_uninit(&sd->links);
	VEC_FREE(&sd->ports);
	VEC_FREE(&sd->eswitches);
	free(sd);
}

void switchdev_fds(const struct switchdev *sd, int fds[2])
{
	fds[0] = nl_fd(sd->link_events);
	fds[1] = sd->devlink.id || sd->ethtool.id ? nl_fd(sd->genl_events) : -1;
}

// Everything that is there; false when some was dropped before we read it.
static bool drain(struct switchdev *sd, struct nl_sock *s,
		  void (*cb)(const struct nlmsghdr *h, void *aux))
{
	bool whole = true;
	int error;

	do {
		error = nl_receive(s, cb, sd);
		if (error == -ENOBUFS)
			whole = false;
	} while (!error || error == -ENOBUFS);
	return whole;
}

bool switchdev_run(struct switchdev *sd)
{
	struct error err = ERROR_INIT;
	int error = 0;

	sd->changed = false;
	if (!drain(sd, sd->link_events, link_event))
		sd->reread_links = sd->reread_devlink = true;
	if (!drain(sd, sd->genl_events, genl_event))
		sd->reread_links = sd->reread_devlink = true;
	if (sd->reread_links) {
		log_info("notifications were lost: reading all links again");
		error = read_links(sd, &err);
		sd->reread_links = error;
		read_features(sd);
	}
	if (!error && sd->reread_devlink) {
		error = read_devlink(sd, &err);
		sd->reread_devlink = error;
	}
	if (error)
		complain("will be tried again", &err);
	return sd->changed;
}

bool switchdev_poll(struct switchdev *sd)
{
	struct error err = ERROR_INIT;

	sd->changed = false;
	if (sd->devlink.id && read_eswitches(sd, &err))
		complain("eSwitches", &err);
	return sd->changed;
}
