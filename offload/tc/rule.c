// SPDX-License-Identifier: Apache-2.0
// Filters in, changed and out. Handles are chosen here, so that a filter can be named without being read back. The priority
// is that of the outermost ethertype, the same for all rules of one; a rule that replaces another stands before or behind it
// in the same pair.
#include <stdio.h>

#include "core/base/log.h"
#include "offload/tc/device-private.h"

LOG_MODULE(tc_rule);

// ---- Names of rules ----

static struct protocol *take_protocol(struct tc_device *dev, be16 type)
{
	struct protocol *room = NULL;

	for (size_t i = 0; i < MAX_PROTOCOLS; i++) {
		struct protocol *p = &dev->protocols[i];

		if (p->n_rules && p->type == type) {
			p->n_rules++;
			return p;
		}
		if (!p->n_rules && !room)
			room = p;
	}
	if (room)
		*room = (struct protocol){ type, 1 };
	return room;
}

bool tc_take_place(struct tc_device *dev, const struct tc_filter *f)
{
	struct protocol *p = &dev->protocols[(f->priority - PRIO_FIRST) / 2];

	if (p->n_rules && p->type != f->protocol)
		return false;
	p->type = f->protocol;
	p->n_rules++;
	return true;
}

static void put_protocol(struct tc_device *dev, uint16_t priority)
{
	dev->protocols[(priority - PRIO_FIRST) / 2].n_rules--;
}

struct hw_rule *tc_find_rule(struct tc_device *dev, uint32_t handle)
{
	struct hw_rule *r;

	HMAP_FOR_EACH_WITH_HASH (r, node, hash_u64(handle, 0), &dev->rules)
		if (r->handle == handle)
			return r;
	return NULL;
}

bool tc_is_at(const struct hw_rule *r, const struct tc_filter *f)
{
	return f->is_flower && r->handle == f->handle && r->ifindex == f->ifindex &&
	       r->parent == f->parent && r->chain == f->chain && r->priority == f->priority;
}

static uint32_t free_handle(struct tc_device *dev)
{
	do
		dev->next_handle = dev->next_handle % INT32_MAX + 1;
	while (tc_find_rule(dev, dev->next_handle));
	return dev->next_handle;
}

static size_t begin_filter(struct strbuf *b, uint16_t type, uint16_t flags, const struct hw_rule *r)
{
	size_t m = tc_begin(b, type, flags, r->ifindex, r->parent, r->handle,
			    (uint32_t)r->priority << 16 | r->protocol);

	// Without its kind the kernel takes its big lock for a filter.
	nl_put_str(b, TCA_KIND, "flower");
	if (r->chain)
		nl_put_u32(b, TCA_CHAIN, r->chain);
	return m;
}

// Software counts packets without their outer tag, which it has taken off, and where they come in without their Ethernet header;
// NICs count all.
static unsigned int uncounted(const struct hw_rule *r)
{
	bool tagged = r->protocol == htobe16(ETH_P_8021Q) || r->protocol == htobe16(ETH_P_8021AD);
	bool comes_in = r->parent != TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);

	return (comes_in ? ETH_HLEN : 0) + (tagged ? 4 : 0);
}

void tc_take_counts(struct hw_rule *r, const struct tc_filter *f)
{
	uint64_t in_software = f->packets - MIN(f->hw_packets, f->packets);

	r->packets = f->packets;
	r->bytes = f->bytes + in_software * uncounted(r);
	r->flags = f->flags;
}

bool tc_in_hw(void *priv, const struct hw_rule *hw, struct verdict *v)
{
	if (hw->flags & TCA_CLS_FLAGS_IN_HW)
		return verdict_accept(v);
	return verdict_refuse_by_driver(v, REASON_TC_SOFTWARE, 0, hw->text);
}

// ---- In ----

int tc_need_shared(struct tc_device *dev, const struct compiled_rule *rule, struct verdict *v)
{
	struct hw_rule none = { .asked = rule->policy };
	int error = tc_samples_need(rule, v);

	if (error)
		return error;
	error = tc_meters_need(dev, rule, v);
	if (error) {
		tc_take_shared(&none, rule);
		tc_samples_let_go(&none);
	}
	return error;
}

void tc_take_shared(struct hw_rule *r, const struct compiled_rule *rule)
{
	memcpy(r->meters, rule->meters, sizeof(r->meters));
	r->n_meters = rule->n_meters;
	r->n_samples = rule->n_samples;
	for (unsigned int i = 0; i < rule->n_samples; i++)
		r->samples[i] = rule->samples[i].group;
}

void tc_let_go_shared(struct tc_device *dev, const struct hw_rule *r)
{
	tc_meters_let_go(dev, r);
	tc_samples_let_go(r);
}

static void rule_free(struct tc_device *dev, struct hw_rule *r)
{
	tc_let_go_shared(dev, r);
	put_protocol(dev, r->priority);
	free(r);
}

// A rule with a place of its own, not in the kernel yet. 'front': before the rule that stands at the usual place.
static int prepare(struct tc_device *dev, const struct compiled_rule *rule, bool front,
		   struct hw_rule **ret, struct verdict *v)
{
	struct protocol *p;
	struct hw_rule *r;
	struct qdisc *q;
	int error;

	q = tc_need_qdisc(dev, rule, &error, v);
	if (!q)
		return error;
	p = take_protocol(dev, rule->protocol);
	if (!p) {
		verdict_refuse(v, REASON_TABLE_FULL, "eth_type");
		return -ENOSPC;
	}
	error = tc_need_shared(dev, rule, v);
	if (error) {
		p->n_rules--;
		return error;
	}
	r = xzalloc(sizeof(*r));
	r->port = rule->ifindex;
	tc_address(q, rule->egress, &r->ifindex, &r->parent);
	r->chain = rule->chain;
	r->protocol = rule->protocol;
	r->priority = PRIO_FIRST + 2 * (p - dev->protocols) + !front;
	r->handle = free_handle(dev);
	r->seen = dev->epoch;
	r->fingerprint = rule->fingerprint;
	r->software_helps = rule->software_helps;
	// Verbose: the driver's words come back even when the kernel runs the rule itself.
	r->asked = TCA_CLS_FLAGS_VERBOSE | rule->policy;
	tc_take_shared(r, rule);
	memcpy(r->cookie, rule->cookie, sizeof(r->cookie));
	hmap_insert(&dev->rules, &r->node, hash_u64(r->handle, 0));
	*ret = r;
	return 0;
}

static int put_rule(struct strbuf *b, const struct hw_rule *r, const struct compiled_rule *rule,
		    uint16_t flags)
{
	size_t m = begin_filter(b, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL | flags, r),
	       nest = nl_nest_begin(b, TCA_OPTIONS);
	int error;

	nl_put_u32(b, TCA_FLOWER_FLAGS, r->asked);
	strbuf_put(b, rule->options.s, rule->options.len);
	error = nl_nest_end(b, nest);
	nl_msg_end(b, m);
	return error;
}

static void take_reply(struct hw_rule *r, const struct nl_request *req)
{
	struct tc_filter f;
	int error;

	if (nl_reply(req) && tc_filter_decode(nl_reply(req), &f, &error, NULL) && !error &&
	    f.is_flower)
		r->flags = f.flags;
}

struct foreigner {
	const struct hw_rule *rule;
	char what[48];
};

static void is_in_the_way(struct tc_device *dev, const struct tc_filter *f, void *aux)
{
	struct foreigner *o = aux;

	if (f->parent == o->rule->parent && f->chain == o->rule->chain &&
	    f->priority == o->rule->priority && (!f->is_flower || f->protocol != o->rule->protocol))
		snprintf(o->what, sizeof(o->what), "filter of others: %.12s, pref %u", f->kind,
			 f->priority);
}

// The kernel has refused the rule: says why in 'v', and frees it. -EAGAIN: try again, the cause is mended.
static int refused(struct tc_device *dev, struct hw_rule *r, const struct nl_request *req,
		   struct verdict *v)
{
	struct qdisc *q = tc_find_qdisc(dev, r->port);
	struct foreigner other = { .rule = r };
	int error = req->error;

	verdict_refuse_by_driver(v, error == -ENOSPC ? REASON_TABLE_FULL : REASON_DEVICE_REFUSED,
				 error, req->text);
	if (q && q->shared && strstr(req->text, "Block")) {
		// Somebody has taken the members' qdiscs away.
		for (unsigned int i = 0; i < q->n_members; i++)
			q->members[i].bound = false;
		error = -EAGAIN;
	} else if (q && (error == -EINVAL || error == -ENOENT) && strstr(req->text, "Qdisc")) {
		// Somebody has taken the qdisc away.
		tc_forget_qdisc(dev, q);
		error = -EAGAIN;
	} else if (q && error == -EOPNOTSUPP && strstr(req->text, "shared")) {
		tc_forget_qdisc(dev, q);
		error = -EAGAIN;
	} else if (error == -EINVAL || error == -EEXIST) {
		tc_dump_port(dev, r->port, true, is_in_the_way, &other);
		if (other.what[0]) {
			snprintf(v->culprit, sizeof(v->culprit), "%s", other.what);
			error = -EBUSY;
		}
	}
	hmap_remove(&dev->rules, &r->node);
	rule_free(dev, r);
	return error;
}

// The rule of a process before this one that does the same, from now on ours. One for the same packets that does something
// else is shown in '*ret_old': the new rule takes over from it as from one of ours.
static struct hw_rule *claim(struct tc_device *dev, const struct compiled_rule *rule,
			     const struct leftover **ret_old)
{
	struct hw_rule *adopted;
	struct verdict ignored;
	int error;

	*ret_old = NULL;
	if (!tc_need_qdisc(dev, rule, &error, &ignored) || hmap_is_empty(&dev->leftovers))
		return NULL;
	adopted = tc_adopt(dev, rule);
	if (!adopted)
		*ret_old = tc_find_in_the_way(dev, rule);
	return adopted;
}

static bool is_behind(uint16_t priority)
{
	return (priority - PRIO_FIRST) % 2;
}

static int send_one(struct tc_device *dev, const struct compiled_rule *rule, bool front,
		    struct hw_rule **ret_hw, struct verdict *v)
{
	struct nl_request req = { 0 }, *one = &req;
	struct hw_rule *r;
	int error = prepare(dev, rule, front, &r, v);

	if (error)
		return error;
	req.error = put_rule(&req.msg, r, rule, NLM_F_ECHO);
	if (!req.error) {
		error = nl_transact_many(dev->sock, &one, 1);
		if (error)
			req.error = error;
	}
	if (req.error) {
		error = refused(dev, r, &req, v);
	} else {
		snprintf(r->text, sizeof(r->text), "%s", req.text);
		take_reply(r, &req);
		tc_in_hw(dev, r, v);
		*ret_hw = r;
	}
	nl_request_uninit(&req);
	return error;
}

static int create(struct tc_device *dev, const struct compiled_rule *rule, bool front,
		  struct hw_rule **ret_hw, struct verdict *v)
{
	const struct leftover *old;
	struct hw_rule *r = claim(dev, rule, &old);
	int error;

	if (r) {
		tc_in_hw(dev, r, v);
		*ret_hw = r;
		return 0;
	}
	error = send_one(dev, rule, old ? is_behind(old->f.priority) : front, ret_hw, v);
	// Whether the new one is in or not: the old one does what the flow does not.
	if (old && error != -EAGAIN)
		tc_remove_in_the_way(dev, rule);
	return error;
}

static int insert_at(struct tc_device *dev, const struct compiled_rule *rule, bool front,
		     struct hw_rule **ret_hw, struct verdict *v)
{
	int error = create(dev, rule, front, ret_hw, v);

	return error == -EAGAIN ? create(dev, rule, front, ret_hw, v) : error;
}

int tc_insert(void *priv, const struct compiled_rule *rule, struct hw_rule **ret_hw,
	      struct verdict *v)
{
	return insert_at(priv, rule, false, ret_hw, v);
}

// ---- Many in ----

// Asks how the kernel has taken one rule.
static void look_at(struct tc_device *dev, struct hw_rule *r)
{
	struct nl_request req = { 0 }, *one = &req;

	nl_msg_end(&req.msg, begin_filter(&req.msg, RTM_GETTFILTER, 0, r));
	if (!nl_transact_many(dev->sock, &one, 1) && !req.error)
		take_reply(r, &req);
	nl_request_uninit(&req);
}

// Whether rules of this port reach the NIC is asked once between two refreshes, of one rule.
static uint32_t flags_of_port(struct tc_device *dev, struct hw_rule *r)
{
	struct qdisc *q = tc_find_qdisc(dev, r->port);

	if (q && q->flags && q->flags_epoch == dev->epoch)
		return q->flags;
	look_at(dev, r);
	if (q) {
		q->flags = r->flags;
		q->flags_epoch = dev->epoch;
	}
	return r->flags;
}

// Nothing is echoed: a driver that refuses has said so in the acknowledgement, and where it has not, one rule of a port
// tells of all (the next refresh corrects what is otherwise).
static void learn_flags(struct tc_device *dev, struct insertion *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hw_rule *r = list[i].hw;

		if (list[i].error)
			continue;
		if (r->flags) {
			; // adopted: its flags have been seen
		} else if (r->asked & TCA_CLS_FLAGS_SKIP_SW) {
			r->flags = TCA_CLS_FLAGS_IN_HW;
		} else if (r->text[0] || r->asked & TCA_CLS_FLAGS_SKIP_HW) {
			r->flags = TCA_CLS_FLAGS_NOT_IN_HW;
		} else {
			r->flags = flags_of_port(dev, r);
		}
		tc_in_hw(dev, r, &list[i].v);
	}
}

static void take_answer(struct tc_device *dev, struct insertion *in, struct nl_request *req)
{
	if (!req->error) {
		in->error = 0;
		snprintf(in->hw->text, sizeof(in->hw->text), "%s", req->text);
		return;
	}
	in->error = refused(dev, in->hw, req, &in->v);
	in->hw = NULL;
	if (in->error == -EAGAIN)
		in->error = create(dev, in->rule, false, &in->hw, &in->v);
}

void tc_insert_many(void *priv, struct insertion *list, size_t n)
{
	struct nl_request *reqs = xcalloc(n, sizeof(*reqs)), **sent = xcalloc(n, sizeof(*sent));
	struct insertion **which = xcalloc(n, sizeof(*which));
	struct tc_device *dev = priv;
	const struct leftover *old;
	size_t n_sent = 0;

	for (size_t i = 0; i < n; i++) {
		list[i].error = 0;
		list[i].hw = claim(dev, list[i].rule, &old);
		if (list[i].hw)
			continue;
		if (old) {
			list[i].error = tc_insert(dev, list[i].rule, &list[i].hw, &list[i].v);
			continue;
		}
		list[i].error = prepare(dev, list[i].rule, false, &list[i].hw, &list[i].v);
		if (list[i].error)
			continue;
		list[i].error = put_rule(&reqs[i].msg, list[i].hw, list[i].rule, 0);
		if (list[i].error) {
			reqs[i].error = list[i].error;
			take_answer(dev, &list[i], &reqs[i]);
			continue;
		}
		which[n_sent] = &list[i];
		sent[n_sent++] = &reqs[i];
	}
	senders_resize(dev->senders, atomic_load(&dev->n_threads), dev->name);
	senders_transact(dev->senders, dev->sock, sent, n_sent);
	for (size_t i = 0; i < n_sent; i++)
		take_answer(dev, which[i], sent[i]);
	learn_flags(dev, list, n);
	for (size_t i = 0; i < n; i++)
		nl_request_uninit(&reqs[i]);
	free(reqs);
	free(sent);
	free(which);
}

// ---- Out ----

void tc_forget(void *priv, struct hw_rule *hw)
{
	struct tc_device *dev = priv;

	hmap_remove(&dev->rules, &hw->node);
	rule_free(dev, hw);
}

int tc_delete_filter(struct tc_device *dev, int ifindex, uint32_t parent, uint32_t chain,
		     uint16_t priority, be16 protocol, uint32_t handle)
{
	struct hw_rule at = { .ifindex = ifindex,
			      .parent = parent,
			      .chain = chain,
			      .priority = priority,
			      .protocol = protocol,
			      .handle = handle };
	AUTO(strbuf) req = STRBUF_INIT;
	int error;

	nl_msg_end(&req, begin_filter(&req, RTM_DELTFILTER, 0, &at));
	error = nl_transact(dev->sock, &req, NULL, NULL);
	return error == -ENOENT || error == -ENODEV ? 0 : error;
}

// The kernel answers with the filter as it was at the end: its last counts.
int tc_remove(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct nl_request req = { 0 }, *one = &req;
	struct tc_device *dev = priv;
	struct tc_filter f;
	int error, decoded;

	*ret_packets = hw->packets;
	*ret_bytes = hw->bytes;
	if (dev->leaving) {
		tc_forget(dev, hw);
		return 0;
	}
	nl_msg_end(&req.msg, begin_filter(&req.msg, RTM_DELTFILTER, NLM_F_ECHO, hw));
	error = nl_transact_many(dev->sock, &one, 1);
	if (!error)
		error = req.error;
	if (!error && nl_reply(&req) && tc_filter_decode(nl_reply(&req), &f, &decoded, NULL) &&
	    !decoded)
		tc_take_counts(hw, &f);
	*ret_packets = hw->packets;
	*ret_bytes = hw->bytes;
	// Gone with its device, or taken away by somebody: gone is what was wanted.
	if (error == -ENOENT || error == -ENODEV || error == -EINVAL)
		error = 0;
	if (error)
		log_warn("%s: a rule could not be removed (%s)", dev->name,
			 req.text[0] ? req.text : strerror(-error));
	nl_request_uninit(&req);
	tc_forget(dev, hw);
	return error;
}

// The new rule takes over at once when it goes in front, else when the old one is gone; no packet meets neither.
int tc_replace(void *priv, struct hw_rule *old, const struct compiled_rule *rule,
	       struct hw_rule **ret_hw, uint64_t *ret_packets, uint64_t *ret_bytes,
	       struct verdict *v)
{
	int error = insert_at(priv, rule, is_behind(old->priority), ret_hw, v);

	if (error)
		return error;
	tc_remove(priv, old, ret_packets, ret_bytes);
	return 0;
}
