// SPDX-License-Identifier: Apache-2.0
// What the table says about a port, and which port answers to a name. Asks no kernel.
#include <stdio.h>

#include "offload/switchdev/switchdev-private.h"

struct link *switchdev_find_link(const struct switchdev *sd, int ifindex)
{
	struct link *l;

	HMAP_FOR_EACH_WITH_HASH (l, node, switchdev_hash(ifindex), &sd->links)
		if (l->l.ifindex == ifindex)
			return l;
	return NULL;
}

static const struct devlink_port *port_of(const struct switchdev *sd, int ifindex)
{
	for (size_t i = 0; i < sd->ports.n; i++)
		if (sd->ports.v[i].ifindex == ifindex)
			return &sd->ports.v[i];
	return NULL;
}

static bool same_switch(const struct rtnl_link *a, const struct rtnl_link *b)
{
	return a->switch_id_len && a->switch_id_len == b->switch_id_len &&
	       !memcmp(a->switch_id, b->switch_id, a->switch_id_len);
}

// A port that devlink does not know is named like those with its switch id that it knows.
static void handle_by_switch_id(const struct switchdev *sd, const struct rtnl_link *l,
				char handle[64])
{
	for (size_t i = 0; i < sd->ports.n; i++) {
		const struct link *other = switchdev_find_link(sd, sd->ports.v[i].ifindex);

		if (other && same_switch(l, &other->l)) {
			snprintf(handle, 64, "%s", sd->ports.v[i].handle);
			return;
		}
	}
	// 31 bytes and the NUL; longer ids differ in their first bytes as well as any.
	for (size_t i = 0; i < MIN(l->switch_id_len, 31); i++)
		snprintf(handle + 2 * i, 3, "%02x", l->switch_id[i]);
}

static bool is_bond(const struct link *l)
{
	return l && (!strcmp(l->l.kind, "bond") || !strcmp(l->l.kind, "team"));
}

static bool describe(const struct switchdev *sd, const struct link *l, struct switchdev_port *p)
{
	const struct devlink_port *d = port_of(sd, l->l.ifindex);

	*p = (struct switchdev_port){ .ifindex = l->l.ifindex, .hw_tc_offload = l->hw_tc_offload };
	snprintf(p->name, sizeof(p->name), "%s", l->l.name);
	if (is_bond(switchdev_find_link(sd, l->l.master)))
		p->bond = l->l.master;
	if (d && d->flavour >= 0) {
		if (d->function.role == SWITCHDEV_NONE)
			return false;
		p->function = d->function;
		p->is_external = d->is_external;
		snprintf(p->handle, sizeof(p->handle), "%s", d->handle);
		return true;
	}
	if (!l->l.switch_id_len)
		return false;
	if (!switchdev_name_parse(l->l.port_name, &p->function, NULL))
		p->function.role = SWITCHDEV_OTHER;
	if (d)
		snprintf(p->handle, sizeof(p->handle), "%s", d->handle);
	else
		handle_by_switch_id(sd, &l->l, p->handle);
	return true;
}

static bool describe_bond(const struct switchdev *sd, const struct link *bond,
			  struct switchdev_port *p)
{
	int first = 0;
	struct link *l;

	HMAP_FOR_EACH (l, node, &sd->links) {
		struct switchdev_port member;

		if (l->l.master != bond->l.ifindex || (first && l->l.ifindex > first) ||
		    !describe(sd, l, &member))
			continue;
		first = l->l.ifindex;
		*p = member;
	}
	if (!first)
		return false;
	p->ifindex = bond->l.ifindex;
	p->bond = 0;
	snprintf(p->name, sizeof(p->name), "%s", bond->l.name);
	p->function = (struct switchdev_function){ .role = SWITCHDEV_BOND };
	return true;
}

static bool describe_any(const struct switchdev *sd, const struct link *l, struct switchdev_port *p)
{
	return is_bond(l) ? describe_bond(sd, l, p) : describe(sd, l, p);
}

bool switchdev_port_get(const struct switchdev *sd, int ifindex, struct switchdev_port *ret)
{
	const struct link *l = switchdev_find_link(sd, ifindex);

	return l && describe_any(sd, l, ret);
}

bool switchdev_port_by_name(const struct switchdev *sd, const char *name,
			    struct switchdev_port *ret)
{
	struct link *l;

	HMAP_FOR_EACH (l, node, &sd->links)
		if (!strcmp(l->l.name, name))
			return describe_any(sd, l, ret);
	return false;
}

void switchdev_for_each_port(const struct switchdev *sd,
			     void (*cb)(const struct switchdev_port *p, void *aux), void *aux)
{
	struct switchdev_port p;
	struct link *l;

	HMAP_FOR_EACH (l, node, &sd->links)
		if (describe_any(sd, l, &p))
			cb(&p, aux);
}

bool switchdev_eswitch_get(const struct switchdev *sd, const char *handle,
			   struct switchdev_eswitch *ret)
{
	const struct switchdev_eswitch *e;

	VEC_FOR_EACH (e, &sd->eswitches)
		if (!strcmp(e->handle, handle)) {
			*ret = *e;
			return true;
		}
	return false;
}

void switchdev_for_each_eswitch(const struct switchdev *sd,
				void (*cb)(const struct switchdev_eswitch *e, void *aux), void *aux)
{
	const struct switchdev_eswitch *e;

	VEC_FOR_EACH (e, &sd->eswitches)
		cb(e, aux);
}

// ---- From numbers to a device ----

struct wanted {
	struct switchdev_function function;
	bool has_pf;
	const char *eswitch; // NULL: any
	size_t n_found;
	struct switchdev_port port;
};

static bool is_on(const struct switchdev_port *p, const char *eswitch)
{
	const char *slash = strchr(p->handle, '/');

	return !eswitch || !strcmp(p->handle, eswitch) || (slash && !strcmp(slash + 1, eswitch));
}

static void is_it(const struct switchdev_port *p, void *aux)
{
	const struct switchdev_function *f = &p->function;
	struct wanted *w = aux;

	if (f->role != w->function.role || f->controller != w->function.controller ||
	    f->number != w->function.number || (w->has_pf && f->pf != w->function.pf) ||
	    !is_on(p, w->eswitch))
		return;
	w->port = *p;
	w->n_found++;
}

int switchdev_find_representor(const struct switchdev *sd, const char *text,
			       struct switchdev_port *ret, struct error *err)
{
	const char *comma = strrchr(text, ','), *name = comma ? comma + 1 : text;
	AUTO_FREE char *eswitch = comma ? xstrndup(text, comma - text) : NULL;
	struct switchdev_port neighbour;
	struct wanted w = { .eswitch = eswitch };

	if (!switchdev_name_parse(name, &w.function, &w.has_pf) ||
	    w.function.role == SWITCHDEV_UPLINK || (eswitch && !*eswitch))
		return error_set(err, -EINVAL,
				 "%s: a representor is named as [ESWITCH,][cN]pfNvfN, pfNsfN or "
				 "pfN",
				 text);
	if (eswitch && switchdev_port_by_name(sd, eswitch, &neighbour))
		w.eswitch = neighbour.handle;
	switchdev_for_each_port(sd, is_it, &w);
	if (!w.n_found)
		return error_set(err, -ENODEV, "%s: no network device represents it", text);
	if (w.n_found > 1)
		return error_set(err, -ENOTUNIQ,
				 "%s: %zu network devices represent such a function", text,
				 w.n_found);
	*ret = w.port;
	return 0;
}
