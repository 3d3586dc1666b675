// SPDX-License-Identifier: Apache-2.0
// The backend's other half: what talks to the kernel. On the device's worker only, but for open and close.
//
// Filters stand at the clsact qdisc of each port. Handles are chosen here, so that a filter can be named without being read
// back. The priority is that of the outermost ethertype, the same for all rules of one; a rule that replaces another stands
// before or behind it in the same pair.
#include <stdio.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/log.h"
#include "offload/tc/tc-private.h"

LOG_MODULE(tc);

// Two priorities an ethertype: where a rule goes first, and before it. IPv4, IPv6 and tags come first for good.
enum { PRIO_FIRST = 2, MAX_PROTOCOLS = 64 };

struct hw_rule {
	struct hmap_node node; // by handle
	int ifindex;
	uint32_t parent, handle, chain;
	uint16_t priority;
	be16 protocol;
	uint32_t flags;
	uint64_t packets, bytes; // as of the last look
	uint32_t seen; // epoch of the last dump that had it
	char text[128]; // the driver's, when it refused
};

struct qdisc {
	struct hmap_node node; // by ifindex
	int ifindex;
	bool ours;
};

struct protocol {
	be16 type;
	size_t n_rules;
};

struct tc_device {
	char name[64];
	struct nl_sock *sock;
	struct hmap rules, qdiscs;
	struct protocol protocols[MAX_PROTOCOLS]; // the place is the priority
	uint32_t next_handle, epoch;
};

// ---- Life ----

static int tc_open(const struct port_ref *port, void **ret_priv, struct device_limits *ret_limits,
		   struct error *err)
{
	static const uint16_t fixed[] = { ETH_P_IP, ETH_P_IPV6, ETH_P_8021Q, ETH_P_8021AD };
	struct tc_device *dev;
	struct nl_sock *sock;
	int error = nl_open(NETLINK_ROUTE, &sock, err);

	if (error)
		return error_wrap(err, "%s", port->name);
	dev = xzalloc(sizeof(*dev));
	dev->sock = sock;
	snprintf(dev->name, sizeof(dev->name), "%s", port->device);
	hmap_init(&dev->rules);
	hmap_init(&dev->qdiscs);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		dev->protocols[i] = (struct protocol){ htobe16(fixed[i]), 1 };
	memset(ret_limits, 0, sizeof(*ret_limits));
	snprintf(ret_limits->handle, sizeof(ret_limits->handle), "%s", port->device);
	*ret_priv = dev;
	return 0;
}

// ---- The qdisc that filters stand at ----

static size_t begin(struct strbuf *b, uint16_t type, uint16_t flags, int ifindex, uint32_t parent,
		    uint32_t handle, uint32_t info)
{
	size_t m = nl_msg_begin(b, type, flags);
	struct tcmsg *t = nl_put_header(b, sizeof(*t));

	t->tcm_ifindex = ifindex;
	t->tcm_parent = parent;
	t->tcm_handle = handle;
	t->tcm_info = info;
	return m;
}

static struct qdisc *find_qdisc(struct tc_device *dev, int ifindex)
{
	struct qdisc *q;

	HMAP_FOR_EACH_WITH_HASH (q, node, hash_u64(ifindex, 0), &dev->qdiscs)
		if (q->ifindex == ifindex)
			return q;
	return NULL;
}

// One that is there already is somebody else's: it is used, and left where it is.
static int need_qdisc(struct tc_device *dev, int ifindex, struct verdict *v)
{
	AUTO(strbuf) req = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct qdisc *q = find_qdisc(dev, ifindex);
	int error;

	if (q)
		return 0;
	size_t m = begin(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_CLSACT,
			 TC_H_MAKE(TC_H_CLSACT, 0), 0);
	nl_put_str(&req, TCA_KIND, "clsact");
	nl_msg_end(&req, m);
	error = nl_transact(dev->sock, &req, NULL, &err);
	if (error && error != -EEXIST) {
		verdict_refuse_by_driver(v, REASON_DEVICE_REFUSED, error, err.text);
		return error;
	}
	q = xzalloc(sizeof(*q));
	q->ifindex = ifindex;
	q->ours = !error;
	hmap_insert(&dev->qdiscs, &q->node, hash_u64(ifindex, 0));
	return 0;
}

static void drop_qdisc(struct tc_device *dev, struct qdisc *q)
{
	AUTO(strbuf) req = STRBUF_INIT;

	if (q->ours) {
		size_t m = begin(&req, RTM_DELQDISC, 0, q->ifindex, TC_H_CLSACT,
				 TC_H_MAKE(TC_H_CLSACT, 0), 0);

		nl_put_str(&req, TCA_KIND, "clsact");
		nl_msg_end(&req, m);
		// The device may have gone, and the qdisc with it.
		nl_transact(dev->sock, &req, NULL, NULL);
	}
	hmap_remove(&dev->qdiscs, &q->node);
	free(q);
}

static void tc_close(void *priv)
{
	struct tc_device *dev = priv;
	struct hw_rule *r;
	struct qdisc *q;

	HMAP_FOR_EACH_SAFE (r, node, &dev->rules) {
		hmap_remove(&dev->rules, &r->node);
		free(r);
	}
	HMAP_FOR_EACH_SAFE (q, node, &dev->qdiscs)
		drop_qdisc(dev, q);
	hmap_uninit(&dev->rules);
	hmap_uninit(&dev->qdiscs);
	nl_close(dev->sock);
	free(dev);
}

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

static void put_protocol(struct tc_device *dev, uint16_t priority)
{
	dev->protocols[(priority - PRIO_FIRST) / 2].n_rules--;
}

static struct hw_rule *find_rule(struct tc_device *dev, uint32_t handle)
{
	struct hw_rule *r;

	HMAP_FOR_EACH_WITH_HASH (r, node, hash_u64(handle, 0), &dev->rules)
		if (r->handle == handle)
			return r;
	return NULL;
}

static uint32_t free_handle(struct tc_device *dev)
{
	do
		dev->next_handle = dev->next_handle % INT32_MAX + 1;
	while (find_rule(dev, dev->next_handle));
	return dev->next_handle;
}

static size_t begin_filter(struct strbuf *b, uint16_t type, uint16_t flags, const struct hw_rule *r)
{
	size_t m = begin(b, type, flags, r->ifindex, r->parent, r->handle,
			 (uint32_t)r->priority << 16 | r->protocol);

	// Without its kind the kernel takes its big lock for a filter.
	nl_put_str(b, TCA_KIND, "flower");
	if (r->chain)
		nl_put_u32(b, TCA_CHAIN, r->chain);
	return m;
}

// ---- Counters ----

// Software counts packets without their Ethernet header and outer tag, which it has taken off; NICs count all.
static void take_counts(struct hw_rule *r, const struct tc_filter *f)
{
	bool tagged = r->protocol == htobe16(ETH_P_8021Q) || r->protocol == htobe16(ETH_P_8021AD);
	uint64_t in_software = f->packets - MIN(f->hw_packets, f->packets);

	r->packets = f->packets;
	r->bytes = f->bytes + in_software * (ETH_HLEN + (tagged ? 4 : 0));
	r->flags = f->flags;
}

static int tc_query(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct tc_device *dev = priv;

	*ret_packets = hw->packets;
	*ret_bytes = hw->bytes;
	return hw->seen == dev->epoch ? 0 : -ENOENT;
}

static int dump_one(const struct nlmsghdr *h, void *aux)
{
	struct tc_device *dev = aux;
	struct error err = ERROR_INIT;
	struct tc_filter f;
	int error;

	if (!tc_filter_decode(h, &f, &error, &err))
		return 0;
	if (error) {
		static struct log_limit limit = LOG_LIMIT_INIT(1, 5);

		log_warn_limited(&limit, "%s: %s", dev->name, err.text);
		return 0;
	}
	struct hw_rule *r = find_rule(dev, f.handle);

	if (r && r->ifindex == f.ifindex && r->parent == f.parent && r->chain == f.chain &&
	    r->priority == f.priority) {
		take_counts(r, &f);
		r->seen = dev->epoch;
	}
	return 0;
}

static void dump_parent(struct tc_device *dev, int ifindex, uint32_t parent)
{
	struct nla_bitfield32 terse = { TCA_DUMP_FLAGS_TERSE, TCA_DUMP_FLAGS_TERSE };
	AUTO(strbuf) req = STRBUF_INIT;
	struct error err = ERROR_INIT;
	size_t m = begin(&req, RTM_GETTFILTER, NLM_F_DUMP, ifindex, parent, 0, 0);
	int error;

	nl_put(&req, TCA_DUMP_FLAGS, &terse, sizeof(terse));
	nl_msg_end(&req, m);
	// A table that changed meanwhile is asked again; what was in it all the time is seen each time.
	for (int i = 0; i < 3; i++) {
		error = nl_dump(dev->sock, &req, dump_one, dev, &err);
		if (error != -EAGAIN)
			break;
	}
	if (error && error != -ENODEV && error != -EINVAL)
		log_warn("%s: filters of interface %d: %s", dev->name, ifindex, err.text);
}

static void tc_refresh(void *priv)
{
	struct tc_device *dev = priv;
	struct qdisc *q;

	dev->epoch++;
	HMAP_FOR_EACH (q, node, &dev->qdiscs) {
		dump_parent(dev, q->ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));
		dump_parent(dev, q->ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));
	}
}

static bool tc_in_hw(void *priv, const struct hw_rule *hw, struct verdict *v)
{
	if (hw->flags & TCA_CLS_FLAGS_IN_HW)
		return verdict_accept(v);
	return verdict_refuse_by_driver(v, REASON_TC_SOFTWARE, 0, hw->text);
}

// ---- Rules ----

static void rule_free(struct tc_device *dev, struct hw_rule *r)
{
	put_protocol(dev, r->priority);
	free(r);
}

static int send_rule(struct tc_device *dev, struct hw_rule *r, const struct compiled_rule *rule,
		     struct verdict *v)
{
	struct nl_request req = { 0 }, *one = &req;
	size_t m = begin_filter(&req.msg, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO,
				r),
	       nest = nl_nest_begin(&req.msg, TCA_OPTIONS);
	struct tc_filter f;
	int error, decoded;

	// Verbose: the driver's words come back even when the kernel runs the rule itself.
	nl_put_u32(&req.msg, TCA_FLOWER_FLAGS, TCA_CLS_FLAGS_VERBOSE);
	strbuf_put(&req.msg, rule->options.s, rule->options.len);
	error = nl_nest_end(&req.msg, nest);
	nl_msg_end(&req.msg, m);
	if (!error)
		error = nl_transact_many(dev->sock, &one, 1);
	if (!error)
		error = req.error;
	if (error) {
		verdict_refuse_by_driver(
			v, error == -ENOSPC ? REASON_TABLE_FULL : REASON_DEVICE_REFUSED, error,
			req.text);
	} else {
		snprintf(r->text, sizeof(r->text), "%s", req.text);
		if (nl_reply(&req) && tc_filter_decode(nl_reply(&req), &f, &decoded, NULL) &&
		    !decoded)
			r->flags = f.flags;
		tc_in_hw(dev, r, v);
	}
	nl_request_uninit(&req);
	return error;
}

// 'front': before the rule that stands at the usual place.
static int create(struct tc_device *dev, const struct compiled_rule *rule, bool front,
		  struct hw_rule **ret_hw, struct verdict *v)
{
	struct protocol *p;
	struct hw_rule *r;
	int error = need_qdisc(dev, rule->ifindex, v);

	if (error)
		return error;
	p = take_protocol(dev, rule->protocol);
	if (!p) {
		verdict_refuse(v, REASON_TABLE_FULL, "eth_type");
		return -ENOSPC;
	}
	r = xzalloc(sizeof(*r));
	r->ifindex = rule->ifindex;
	r->parent = TC_H_MAKE(TC_H_CLSACT, rule->egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
	r->chain = rule->chain;
	r->protocol = rule->protocol;
	r->priority = PRIO_FIRST + 2 * (p - dev->protocols) + !front;
	r->handle = free_handle(dev);
	r->seen = dev->epoch;
	error = send_rule(dev, r, rule, v);
	if (error) {
		struct qdisc *q = find_qdisc(dev, rule->ifindex);

		// Somebody may have taken the qdisc away: the next rule makes it again.
		if (q && (error == -EINVAL || error == -ENOENT) &&
		    strstr(v->driver_text, "Qdisc")) {
			hmap_remove(&dev->qdiscs, &q->node);
			free(q);
			error = -EAGAIN;
		}
		rule_free(dev, r);
		return error;
	}
	hmap_insert(&dev->rules, &r->node, hash_u64(r->handle, 0));
	*ret_hw = r;
	return 0;
}

static int insert_at(struct tc_device *dev, const struct compiled_rule *rule, bool front,
		     struct hw_rule **ret_hw, struct verdict *v)
{
	int error = create(dev, rule, front, ret_hw, v);

	return error == -EAGAIN ? create(dev, rule, front, ret_hw, v) : error;
}

static int tc_insert(void *priv, const struct compiled_rule *rule, struct hw_rule **ret_hw,
		     struct verdict *v)
{
	return insert_at(priv, rule, false, ret_hw, v);
}

static void tc_forget(void *priv, struct hw_rule *hw)
{
	struct tc_device *dev = priv;

	hmap_remove(&dev->rules, &hw->node);
	rule_free(dev, hw);
}

// The kernel answers with the filter as it was at the end: its last counts.
static int tc_remove(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct nl_request req = { 0 }, *one = &req;
	struct tc_device *dev = priv;
	struct tc_filter f;
	int error, decoded;

	nl_msg_end(&req.msg, begin_filter(&req.msg, RTM_DELTFILTER, NLM_F_ECHO, hw));
	error = nl_transact_many(dev->sock, &one, 1);
	if (!error)
		error = req.error;
	if (!error && nl_reply(&req) && tc_filter_decode(nl_reply(&req), &f, &decoded, NULL) &&
	    !decoded)
		take_counts(hw, &f);
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
static int tc_replace(void *priv, struct hw_rule *old, const struct compiled_rule *rule,
		      struct hw_rule **ret_hw, uint64_t *ret_packets, uint64_t *ret_bytes,
		      struct verdict *v)
{
	bool old_is_behind = (old->priority - PRIO_FIRST) % 2;
	int error = insert_at(priv, rule, old_is_behind, ret_hw, v);

	if (error)
		return error;
	tc_remove(priv, old, ret_packets, ret_bytes);
	return 0;
}

static uint64_t tc_compiled_shape(const struct compiled_rule *r)
{
	return r->shape;
}

static bool tc_take_reset(void *priv)
{
	return false;
}

static void tc_capabilities(void *priv, struct smap *out)
{
	smap_set(out, "recirculation", "true");
	smap_set(out, "tc_policy", "none");
}

const struct backend_ops backend_tc = {
	.name = "tc",
	.open = tc_open,
	.close = tc_close,
	.compile = tc_compile,
	.compiled_free = tc_compiled_free,
	.compiled_shape = tc_compiled_shape,
	.insert = tc_insert,
	.replace = tc_replace,
	.remove = tc_remove,
	.query = tc_query,
	.refresh = tc_refresh,
	.in_hw = tc_in_hw,
	.forget = tc_forget,
	.take_reset = tc_take_reset,
	.capabilities = tc_capabilities,
};
