// SPDX-License-Identifier: Apache-2.0
// What the kernel holds: counters, and whether it is what we put there.
#include <stdio.h>

#include "core/base/log.h"
#include "core/base/vec.h"
#include "offload/tc/device-private.h"

LOG_MODULE(tc_look);

enum { SUSPICIOUS_LOOKS = 2 };

// ---- Dumps ----

struct dump {
	struct tc_device *dev;
	void (*cb)(struct tc_device *dev, const struct tc_filter *f, void *aux);
	void *aux;
};

static int dump_one(const struct nlmsghdr *h, void *aux)
{
	struct error err = ERROR_INIT;
	struct dump *d = aux;
	struct tc_filter f;
	int error;

	if (!tc_filter_decode(h, &f, &error, &err))
		return 0;
	if (error) {
		static struct log_limit limit = LOG_LIMIT_INIT(1, 5);

		log_warn_limited(&limit, "%s: %s", d->dev->name, err.text);
		return 0;
	}
	d->cb(d->dev, &f, d->aux);
	return 0;
}

static int dump_parent(struct dump *d, int ifindex, uint32_t parent, bool terse)
{
	struct nla_bitfield32 flags = { TCA_DUMP_FLAGS_TERSE, TCA_DUMP_FLAGS_TERSE };
	AUTO(strbuf) req = STRBUF_INIT;
	struct error err = ERROR_INIT;
	size_t m = tc_begin(&req, RTM_GETTFILTER, NLM_F_DUMP, ifindex, parent, 0, 0);
	int error;

	if (terse)
		nl_put(&req, TCA_DUMP_FLAGS, &flags, sizeof(flags));
	nl_msg_end(&req, m);
	// A table that changed meanwhile is asked again; what was in it all the time is seen each time.
	error = nl_dump_whole(d->dev->sock, &req, dump_one, NULL, d, &err);
	if (error && error != -ENODEV && error != -EINVAL && error != -EOPNOTSUPP &&
	    !(terse && error == -EMSGSIZE)) {
		static struct log_limit limit = LOG_LIMIT_INIT(1, 5);

		log_warn_limited(&limit, "%s: filters of interface %d: %s", d->dev->name, ifindex,
				 err.text);
	}
	return error;
}

// The kernel cannot be terse about all classifiers: one of others that it cannot so describe ends the dump.
static void dump_side(struct dump *d, int ifindex, uint32_t parent, bool terse)
{
	if (dump_parent(d, ifindex, parent, terse) == -EMSGSIZE && terse)
		dump_parent(d, ifindex, parent, false);
}

void tc_dump_port(struct tc_device *dev, int ifindex, bool terse,
		  void (*cb)(struct tc_device *dev, const struct tc_filter *f, void *aux),
		  void *aux)
{
	const struct qdisc *q = tc_find_qdisc(dev, ifindex);
	struct qdisc plain = { .ifindex = ifindex };
	struct dump d = { dev, cb, aux };
	uint32_t parent;
	int at;

	tc_address(q ? q : &plain, false, &at, &parent);
	dump_side(&d, at, parent, terse);
	// An "ingress" qdisc has one table, and shows it for either side; a block has only one.
	if (q && (q->no_egress || q->shared))
		return;
	tc_address(&plain, true, &at, &parent);
	dump_side(&d, at, parent, terse);
}

// ---- Counters ----

// Software meets packets of a rule that the NIC says it has: those that were on their way when it went in, or it has lost it.
static void watch(struct hw_rule *r, const struct tc_filter *f)
{
	uint64_t now = f->packets - MIN(f->hw_packets, f->packets);

	if (f->flags & TCA_CLS_FLAGS_IN_HW && !r->software_helps && now > r->in_software)
		r->n_suspicious++;
	else
		r->n_suspicious = 0;
	r->in_software = now;
}

static void refresh_one(struct tc_device *dev, const struct tc_filter *f, void *aux)
{
	struct hw_rule *r = tc_find_rule(dev, f->handle);

	if (r && tc_is_at(r, f)) {
		tc_take_counts(r, f);
		watch(r, f);
		r->seen = dev->epoch;
	}
}

// Most ports of a large switch have a qdisc and no rule.
static void note_ports_with_rules(struct tc_device *dev)
{
	struct hw_rule *r;
	struct qdisc *q;

	HMAP_FOR_EACH (r, node, &dev->rules) {
		q = tc_find_qdisc(dev, r->port);
		if (q)
			q->rules_epoch = dev->epoch;
	}
}

// What a process before this one has left is looked at when it is adopted or swept, what is nobody's by audits.
void tc_refresh(void *priv)
{
	struct tc_device *dev = priv;
	struct qdisc *q;

	dev->epoch++;
	note_ports_with_rules(dev);
	HMAP_FOR_EACH (q, node, &dev->qdiscs)
		if (q->rules_epoch == dev->epoch)
			tc_dump_port(dev, q->ifindex, true, refresh_one, NULL);
	tc_meters_refresh(dev);
}

int tc_query(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct tc_device *dev = priv;

	*ret_packets = hw->packets;
	*ret_bytes = hw->bytes;
	if (hw->seen != dev->epoch)
		return -ENOENT;
	return hw->n_suspicious >= SUSPICIOUS_LOOKS ? -ESTALE : 0;
}

// ---- Audit ----

struct audit {
	struct qdisc *port;
	struct audit_findings *found;
	VEC(struct tc_filter) bad; // to be taken out when the dump is over
};

// What must not change by itself; whether the NIC has the rule may.
static bool is_as_put(const struct hw_rule *r, const struct tc_filter *f)
{
	const uint32_t fixed = TCA_CLS_FLAGS_SKIP_HW | TCA_CLS_FLAGS_SKIP_SW;

	return f->fingerprint == r->fingerprint && f->protocol == r->protocol &&
	       (f->flags & fixed) == (r->asked & fixed) && f->has_cookie &&
	       !memcmp(f->cookie, r->cookie, sizeof(r->cookie));
}

static void note_foreign(struct audit *a, const struct tc_filter *f)
{
	struct qdisc *q = a->port;

	if (f->is_policing)
		return;
	if (f->priority <= PRIO_LAST && !q->n_foreign++)
		snprintf(q->foreign, sizeof(q->foreign), "%s, priority %u", f->kind, f->priority);
}

static void audit_one(struct tc_device *dev, const struct tc_filter *f, void *aux)
{
	struct hw_rule *r = tc_find_rule(dev, f->handle);
	struct audit *a = aux;

	if (r && tc_is_at(r, f)) {
		if (is_as_put(r, f)) {
			tc_take_counts(r, f);
			watch(r, f);
			r->seen = dev->epoch;
			return;
		}
		a->found->altered++;
		tc_take_counts(r, f);
		VEC_PUSH(&a->bad, *f);
	} else if (tc_is_known_leftover(dev, f)) {
		return; // until the sweep
	} else if (f->is_flower && f->has_cookie && tc_cookie_is_ours(f->cookie)) {
		a->found->orphans++;
		VEC_PUSH(&a->bad, *f);
	} else {
		note_foreign(a, f);
	}
}

// Somebody may have taken a member's qdisc away: binding again says what is there.
static void check_members(struct tc_device *dev, struct qdisc *q)
{
	for (unsigned int i = 0; i < q->n_members; i++)
		q->members[i].bound = false;
	tc_bind_members(dev, q);
}

static void audit_port(struct tc_device *dev, struct qdisc *q, struct audit_findings *found)
{
	struct audit a = { .port = q, .found = found, .bad = VEC_INIT };
	struct tc_filter *f;

	q->n_foreign = 0;
	if (q->shared)
		check_members(dev, q);
	tc_dump_port(dev, q->ifindex, false, audit_one, &a);
	VEC_FOR_EACH (f, &a.bad)
		if (tc_delete_filter(dev, f->ifindex, f->parent, f->chain, f->priority, f->protocol,
				     f->handle))
			log_warn("%s: a filter that is not as it was put (interface %d, priority "
				 "%u, handle %u) could not be removed",
				 dev->name, f->ifindex, f->priority, f->handle);
	VEC_FREE(&a.bad);
	found->foreign += q->n_foreign;
	if (q->n_foreign) {
		static struct log_limit limit = LOG_LIMIT_INIT(1, 5);

		log_info_limited(&limit,
				 "%s: interface %d has filters of others (%s) beside or before "
				 "ours: "
				 "they are left alone",
				 dev->name, q->ifindex, q->foreign);
	}
}

// What is altered is taken out here and so becomes missing: software has the packets until it is in again.
void tc_audit(void *priv, struct audit_findings *ret)
{
	struct tc_device *dev = priv;
	struct hw_rule *r;
	struct qdisc *q;

	memset(ret, 0, sizeof(*ret));
	dev->epoch++;
	HMAP_FOR_EACH (q, node, &dev->qdiscs)
		audit_port(dev, q, ret);
	HMAP_FOR_EACH (r, node, &dev->rules) {
		ret->checked++;
		ret->missing += r->seen != dev->epoch;
	}
	ret->missing -= MIN(ret->altered, ret->missing);
	tc_meters_audit(dev, ret);
	atomic_store(&dev->n_foreign, ret->foreign);
}
