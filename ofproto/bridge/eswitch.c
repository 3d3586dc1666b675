// SPDX-License-Identifier: Apache-2.0
// The eSwitches behind the ports of kernel datapaths: which device of ours a port belongs to, while NICs come, go and change modes.
#include <stdio.h>

#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(eswitch);

// Not all kernels tell when a mode is set.
#define POLL_MSEC 2000

struct members {
	struct port_ref *ref;
	unsigned int n_left_out;
};

static void note_member(const struct switchdev_port *p, void *aux)
{
	struct members *m = aux;
	unsigned int n = m->ref->n_members, i = n;

	if (p->bond != m->ref->ifindex)
		return;
	if (n == PORT_MAX_MEMBERS) {
		m->n_left_out++;
		return;
	}
	while (i && m->ref->members[i - 1] > p->ifindex) {
		m->ref->members[i] = m->ref->members[i - 1];
		i--;
	}
	m->ref->members[i] = p->ifindex;
	m->ref->n_members++;
}

static void list_members(const struct vswitchd *vs, struct port_ref *ref)
{
	struct members m = { ref, 0 };

	switchdev_for_each_port(vs->eswitches.sd, note_member, &m);
	if (m.n_left_out)
		log_warn("bond %s: only %d of its %d members share its filters", ref->name,
			 PORT_MAX_MEMBERS, PORT_MAX_MEMBERS + m.n_left_out);
}

// A tunnel's device is no eSwitch's: whose driver takes the rules on it, the kernel asks all. Where the bridges have ports of
// one NIC only, it is that one.
static const char *only_device(const struct vswitchd *vs)
{
	const char *only = NULL;
	struct strmap_node *b, *n;

	STRMAP_FOR_EACH (b, &vs->bridges)
		STRMAP_FOR_EACH (n, &((struct bridge *)b->data)->ports) {
			const struct bridge_port *bp = n->data;

			if (strcmp(bp->bridge->plane->type, "system") || !bp->device[0] ||
			    !strcmp(bp->device, SOFTWARE_DEVICE))
				continue;
			if (only && strcmp(only, bp->device))
				return SOFTWARE_DEVICE;
			only = bp->device;
		}
	return only ? only : SOFTWARE_DEVICE;
}

void eswitch_identify(const struct vswitchd *vs, struct port_ref *ref)
{
	struct switchdev_port p;

	ref->is_uplink = ref->is_representor = false;
	ref->n_members = 0;
	if (!ref->ifindex) {
		ref->device[0] = '\0';
	} else if (ref->is_tunnel) {
		snprintf(ref->device, sizeof(ref->device), "%s", only_device(vs));
	} else if (!ref->is_internal && vs->eswitches.sd &&
		   switchdev_port_get(vs->eswitches.sd, ref->ifindex, &p)) {
		snprintf(ref->device, sizeof(ref->device), "%s", p.handle);
		ref->is_uplink =
			p.function.role == SWITCHDEV_UPLINK || p.function.role == SWITCHDEV_BOND;
		ref->is_representor = !ref->is_uplink;
		if (p.function.role == SWITCHDEV_BOND)
			list_members(vs, ref);
	} else {
		snprintf(ref->device, sizeof(ref->device), "%s", SOFTWARE_DEVICE);
	}
}

// ---- options:representor-of ----

static const char *representor_of(const struct bridge_port *bp)
{
	return strcmp(bp->type, "") && strcmp(bp->type, "system")
		       ? NULL
		       : smap_get(&bp->options, "representor-of");
}

int eswitch_find_device(const struct bridge_port *bp, char ret[64], struct error *err)
{
	const struct switchdev *sd = bp->bridge->vs->eswitches.sd;
	const char *text = representor_of(bp);
	struct switchdev_port p;
	int error;

	if (!text) {
		snprintf(ret, 64, "%s", bp->name);
		return 0;
	}
	if (strcmp(bp->bridge->plane->type, "system") || !sd)
		return error_set(err, -EOPNOTSUPP,
				 "%s: options:representor-of needs a bridge with "
				 "datapath_type=system",
				 bp->name);
	error = switchdev_find_representor(sd, text, &p, err);
	if (error)
		return error_wrap(err, "%s: options:representor-of", bp->name);
	snprintf(ret, 64, "%s", p.name);
	return 0;
}

bool eswitch_has_moved(const struct bridge_port *bp)
{
	const struct switchdev *sd = bp->bridge->vs->eswitches.sd;
	const char *text = representor_of(bp);
	struct switchdev_port p;

	return text && sd && !switchdev_find_representor(sd, text, &p, NULL) &&
	       (!bp->of || p.ifindex != bp->ifindex);
}

// ---- Changes ----

static bool same_members(const struct bridge_port *bp, const struct port_ref *ref)
{
	return bp->n_members == ref->n_members &&
	       !memcmp(bp->members, ref->members, ref->n_members * sizeof(ref->members[0]));
}

void eswitch_note_members(struct bridge_port *bp, const struct port_ref *ref)
{
	bp->n_members = ref->n_members;
	memcpy(bp->members, ref->members, sizeof(bp->members));
}

static void identify_again(struct bridge_port *bp)
{
	struct plane *pl = bp->bridge->plane;
	struct port_ref ref;
	bool is_new;

	if (strcmp(pl->type, "system") || bp->tunnel.type ||
	    dp_port_equal(bp->dp_port, DP_PORT_NONE) ||
	    !datapath_port_ref(pl->dp, bp->dp_port, &ref))
		return;
	eswitch_identify(pl->vs, &ref);
	if (!strcmp(ref.device, bp->device) && ref.ifindex == bp->ifindex) {
		if (!same_members(bp, &ref)) {
			eswitch_note_members(bp, &ref);
			offload_set_members(pl->offload, &ref);
			upcall_changed(pl->upcall);
		}
		return;
	}
	if (strcmp(ref.device, bp->device))
		log_info("%s: port %s: its device is %s now (was %s)", bp->bridge->name, bp->name,
			 ref.device[0] ? ref.device : "none", bp->device[0] ? bp->device : "none");
	is_new = ref.ifindex && ref.ifindex != bp->ifindex;
	offload_flush(pl->offload);
	offload_remove_port(pl->offload, bp->dp_port);
	bridge_port_offer(bp, &ref);
	// Rules of other ports send to the device that has gone.
	if (is_new && offload_is_enabled(pl->offload))
		upcall_flush(pl->upcall, NULL);
	upcall_changed(pl->upcall);
}

static bool any_has_moved(const struct vswitchd *vs)
{
	struct strmap_node *b, *n;

	STRMAP_FOR_EACH (b, &vs->bridges)
		STRMAP_FOR_EACH (n, &((struct bridge *)b->data)->ports)
			if (eswitch_has_moved(n->data))
				return true;
	return false;
}

static void changed(struct vswitchd *vs)
{
	struct strmap_node *b, *n;
	struct plane *pl;

	STRMAP_FOR_EACH (b, &vs->bridges)
		STRMAP_FOR_EACH (n, &((struct bridge *)b->data)->ports)
			identify_again(n->data);
	PLANE_FOR_EACH(pl, vs)
	bridge_tunnels_identify(pl);
	if (any_has_moved(vs))
		vswitchd_reconfigure(vs);
}

void eswitch_follow_ports(struct plane *pl)
{
	uint64_t seq;

	if (!pl->dp || strcmp(pl->type, "system"))
		return;
	seq = datapath_port_change_seq(pl->dp);
	if (seq == pl->ports_seq)
		return;
	pl->ports_seq = seq;
	changed(pl->vs);
}

static void on_notification(struct io_watch *w, int events)
{
	struct vswitchd *vs = CONTAINER_OF(w, struct eswitches, links)->vs;

	if (switchdev_run(vs->eswitches.sd))
		changed(vs);
}

static void on_devlink(struct io_watch *w, int events)
{
	struct vswitchd *vs = CONTAINER_OF(w, struct eswitches, devlink)->vs;

	if (switchdev_run(vs->eswitches.sd))
		changed(vs);
}

static void on_poll(struct timer *t)
{
	struct vswitchd *vs = CONTAINER_OF(t, struct eswitches, poll)->vs;

	if (switchdev_poll(vs->eswitches.sd)) {
		switchdev_run(vs->eswitches.sd);
		changed(vs);
	}
	timer_in(t, POLL_MSEC);
}

void eswitch_start(struct vswitchd *vs)
{
	struct eswitches *e = &vs->eswitches;
	struct error err = ERROR_INIT;
	int fds[2];

	if (e->sd)
		return;
	e->vs = vs;
	if (switchdev_open(&e->sd, &err)) {
		e->sd = NULL;
		log_warn("eSwitches cannot be followed: %s", err.text);
		return;
	}
	switchdev_fds(e->sd, fds);
	io_watch_init(&e->links, vs->loop, fds[0], on_notification);
	io_watch_set(&e->links, IO_READ);
	io_watch_init(&e->devlink, vs->loop, fds[1], on_devlink);
	if (fds[1] >= 0)
		io_watch_set(&e->devlink, IO_READ);
	timer_init(&e->poll, vs->loop, on_poll);
	timer_in(&e->poll, POLL_MSEC);
}

void eswitch_stop(struct vswitchd *vs)
{
	struct eswitches *e = &vs->eswitches;

	if (!e->sd)
		return;
	timer_cancel(&e->poll);
	io_watch_uninit(&e->links);
	io_watch_uninit(&e->devlink);
	switchdev_close(e->sd);
	e->sd = NULL;
}
