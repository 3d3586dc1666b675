// SPDX-License-Identifier: Apache-2.0
// Rules that a process before this one has left in the kernel: they go on working until somebody wants the same rule (it is
// adopted, as it stands) or another for the same packets (it is replaced), or until the sweep.
#include "core/base/log.h"
#include "core/base/vec.h"
#include "offload/tc/device-private.h"

LOG_MODULE(tc_adopt);

static void leave_out(struct tc_device *dev, struct leftover *l)
{
	hmap_remove(&dev->leftovers, &l->node);
	free(l);
}

static struct leftover *find_at(struct tc_device *dev, const struct tc_filter *f)
{
	struct leftover *l;

	HMAP_FOR_EACH (l, node, &dev->leftovers)
		if (l->f.ifindex == f->ifindex && l->f.parent == f->parent &&
		    l->f.chain == f->chain && l->f.priority == f->priority &&
		    l->f.handle == f->handle)
			return l;
	return NULL;
}

static bool is_leftover(const struct tc_filter *f)
{
	return f->is_flower && f->has_cookie && tc_cookie_is_ours(f->cookie) &&
	       !tc_cookie_is_of_now(f->cookie) && f->priority >= PRIO_FIRST &&
	       f->priority <= PRIO_LAST;
}

bool tc_is_known_leftover(struct tc_device *dev, const struct tc_filter *f)
{
	return is_leftover(f) && find_at(dev, f);
}

static void note(struct tc_device *dev, const struct tc_filter *f, void *aux)
{
	const struct qdisc *q = aux;
	struct leftover *l;

	if (!is_leftover(f))
		return;
	l = xzalloc(sizeof(*l));
	l->port = q->ifindex;
	l->f = *f;
	// New rules get handles above those that are taken.
	dev->next_handle = MAX(dev->next_handle, f->handle);
	l->is_understood = tc_read_match(f->options, f->protocol, f->chain, &l->key, &l->mask);
	l->f.options = NULL;
	hmap_insert(&dev->leftovers, &l->node, f->fingerprint);
}

static bool has_leftovers(struct tc_device *dev, int ifindex)
{
	struct leftover *l;

	HMAP_FOR_EACH (l, node, &dev->leftovers)
		if (l->port == ifindex)
			return true;
	return false;
}

void tc_find_leftovers(struct tc_device *dev, struct qdisc *q)
{
	if (q->ours || q->looked)
		return;
	q->looked = true;
	tc_dump_port(dev, q->ifindex, false, note, q);
	// Nobody but us has used it: we must have made it.
	q->ours = has_leftovers(dev, q->ifindex) && !q->no_egress && !q->block && !q->shared;
}

// The place of a left-over is the same as that of a rule for the same packets but for the half of the pair.
static bool same_table(struct tc_device *dev, const struct leftover *l,
		       const struct compiled_rule *rule)
{
	const struct qdisc *q = tc_find_qdisc(dev, rule->ifindex);
	uint32_t parent;
	int ifindex;

	if (!q || l->port != rule->ifindex)
		return false;
	tc_address(q, rule->egress, &ifindex, &parent);
	return l->f.ifindex == ifindex && l->f.parent == parent && l->f.chain == rule->chain &&
	       l->f.protocol == rule->protocol;
}

struct hw_rule *tc_adopt(struct tc_device *dev, const struct compiled_rule *rule)
{
	uint32_t skip = TCA_CLS_FLAGS_SKIP_HW | TCA_CLS_FLAGS_SKIP_SW;
	struct verdict ignored;
	struct leftover *l;
	struct hw_rule *r;

	HMAP_FOR_EACH_WITH_HASH (l, node, rule->fingerprint, &dev->leftovers) {
		if (!same_table(dev, l, rule) || (l->f.flags & skip) != rule->policy ||
		    tc_find_rule(dev, l->f.handle) || tc_need_shared(dev, rule, &ignored))
			continue;
		if (!tc_take_place(dev, &l->f)) {
			struct hw_rule none = { .asked = rule->policy };

			tc_take_shared(&none, rule);
			tc_let_go_shared(dev, &none);
			continue;
		}
		r = xzalloc(sizeof(*r));
		*r = (struct hw_rule){ .port = l->port,
				       .ifindex = l->f.ifindex,
				       .parent = l->f.parent,
				       .handle = l->f.handle,
				       .chain = l->f.chain,
				       .priority = l->f.priority,
				       .protocol = l->f.protocol,
				       .asked = TCA_CLS_FLAGS_VERBOSE | (l->f.flags & skip),
				       .fingerprint = l->f.fingerprint,
				       .software_helps = rule->software_helps,
				       .in_software =
					       l->f.packets - MIN(l->f.hw_packets, l->f.packets),
				       .seen = dev->epoch };
		memcpy(r->cookie, l->f.cookie, sizeof(r->cookie));
		tc_take_shared(r, rule);
		tc_take_counts(r, &l->f);
		hmap_insert(&dev->rules, &r->node, hash_u64(r->handle, 0));
		leave_out(dev, l);
		dev->adopted++;
		return r;
	}
	return NULL;
}

static bool is_in_the_way(struct tc_device *dev, const struct leftover *l,
			  const struct compiled_rule *rule)
{
	return l->f.match_print == rule->match_print && same_table(dev, l, rule);
}

const struct leftover *tc_find_in_the_way(struct tc_device *dev, const struct compiled_rule *rule)
{
	struct leftover *l;

	HMAP_FOR_EACH (l, node, &dev->leftovers)
		if (is_in_the_way(dev, l, rule))
			return l;
	return NULL;
}

void tc_remove_in_the_way(struct tc_device *dev, const struct compiled_rule *rule)
{
	struct leftover *l;

	HMAP_FOR_EACH_SAFE (l, node, &dev->leftovers) {
		if (!is_in_the_way(dev, l, rule))
			continue;
		tc_delete_filter(dev, l->f.ifindex, l->f.parent, l->f.chain, l->f.priority,
				 l->f.protocol, l->f.handle);
		leave_out(dev, l);
	}
}

static void is_there_any(struct tc_device *dev, const struct tc_filter *f, void *aux)
{
	*(bool *)aux |= is_leftover(f);
}

// Has somebody before us left something here? A port without is not touched.
static bool looks_used(struct tc_device *dev, const struct port_ref *port)
{
	struct compiled_rule any = { .ifindex = port->ifindex };
	struct verdict ignored;
	bool used = false;
	int error;

	if (!port->ifindex)
		return false;
	if (tc_find_qdisc(dev, port->ifindex))
		return true;
	tc_dump_port(dev, port->ifindex, true, is_there_any, &used);
	return used && tc_need_qdisc(dev, &any, &error, &ignored);
}

void tc_list(void *priv, const struct port_ref *port,
	     void (*cb)(const struct found_rule *found, void *aux), void *aux)
{
	struct tc_device *dev = priv;
	struct leftover *l;

	if (!looks_used(dev, port))
		return;
	HMAP_FOR_EACH (l, node, &dev->leftovers) {
		struct found_rule found = { .packets = l->f.packets, .bytes = l->f.bytes };

		if (l->port != port->ifindex || !l->is_understood)
			continue;
		found.key = l->key;
		found.mask = l->mask;
		found.key.in_port = port->number.n;
		cb(&found, aux);
	}
}

void tc_sweep(void *priv, const struct port_ref *port)
{
	struct tc_device *dev = priv;
	struct leftover *l;
	size_t n = 0;

	if (!looks_used(dev, port)) {
		tc_meters_sweep(dev);
		return;
	}
	HMAP_FOR_EACH_SAFE (l, node, &dev->leftovers) {
		if (l->port != port->ifindex)
			continue;
		tc_delete_filter(dev, l->f.ifindex, l->f.parent, l->f.chain, l->f.priority,
				 l->f.protocol, l->f.handle);
		leave_out(dev, l);
		n++;
	}
	tc_meters_sweep(dev);
	if (n)
		log_info("%s: port %s: %zu rules of an earlier process removed", dev->name,
			 port->name, n);
}

void tc_forget_leftovers(struct tc_device *dev, int ifindex)
{
	struct leftover *l;

	HMAP_FOR_EACH_SAFE (l, node, &dev->leftovers)
		if (!ifindex || l->port == ifindex)
			leave_out(dev, l);
}
