// SPDX-License-Identifier: Apache-2.0
// The qdisc that filters stand at: clsact, made where there is none; what others have made is used as it is.
#include <stdio.h>

#include "offload/tc/device-private.h"

size_t tc_begin(struct strbuf *b, uint16_t type, uint16_t flags, int ifindex, uint32_t parent,
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

struct qdisc *tc_find_qdisc(struct tc_device *dev, int ifindex)
{
	struct qdisc *q;

	HMAP_FOR_EACH_WITH_HASH (q, node, hash_u64(ifindex, 0), &dev->qdiscs)
		if (q->ifindex == ifindex)
			return q;
	return NULL;
}

static const struct nl_policy qdisc_policy[TCA_EGRESS_BLOCK + 1] = {
	[TCA_KIND] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[TCA_INGRESS_BLOCK] = { .type = MNL_TYPE_U32 },
	[TCA_EGRESS_BLOCK] = { .type = MNL_TYPE_U32 },
};

static int look_at_qdisc(const struct nlmsghdr *h, void *aux)
{
	const struct nlattr *a[ARRAY_SIZE(qdisc_policy)];
	struct qdisc *q = aux;
	const struct tcmsg *t;

	if (h->nlmsg_type != RTM_NEWQDISC ||
	    nl_parse_msg(h, sizeof(*t), qdisc_policy, ARRAY_SIZE(qdisc_policy), a, "qdisc", NULL))
		return 0;
	t = mnl_nlmsg_get_payload(h);
	if (t->tcm_ifindex != q->ifindex || t->tcm_parent != TC_H_CLSACT)
		return 0;
	q->no_egress = !strcmp(nl_str(a[TCA_KIND]), "ingress");
	q->block = nl_u32(a[TCA_INGRESS_BLOCK]);
	if (!q->block)
		q->block = nl_u32(a[TCA_EGRESS_BLOCK]);
	return 0;
}

// What somebody has made there.
static void look_at_port(struct tc_device *dev, struct qdisc *q)
{
	AUTO(strbuf) req = STRBUF_INIT;

	nl_msg_end(&req, tc_begin(&req, RTM_GETQDISC, NLM_F_DUMP, q->ifindex, 0, 0, 0));
	for (int i = 0; i < 3; i++)
		if (nl_dump(dev->sock, &req, look_at_qdisc, q, NULL) != -EAGAIN)
			return;
}

static struct qdisc *make_qdisc(struct tc_device *dev, int ifindex, int *ret_error,
				struct verdict *v)
{
	AUTO(strbuf) req = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct qdisc *q;
	size_t m = tc_begin(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_CLSACT,
			    TC_H_MAKE(TC_H_CLSACT, 0), 0);

	nl_put_str(&req, TCA_KIND, "clsact");
	nl_msg_end(&req, m);
	*ret_error = nl_transact(dev->sock, &req, NULL, &err);
	if (*ret_error && *ret_error != -EEXIST) {
		verdict_refuse_by_driver(v, REASON_DEVICE_REFUSED, *ret_error, err.text);
		return NULL;
	}
	q = xzalloc(sizeof(*q));
	q->ifindex = ifindex;
	q->ours = !*ret_error;
	if (!q->ours)
		look_at_port(dev, q);
	hmap_insert(&dev->qdiscs, &q->node, hash_u64(ifindex, 0));
	tc_find_leftovers(dev, q);
	return q;
}

struct qdisc *tc_need_qdisc(struct tc_device *dev, const struct compiled_rule *rule, int *ret_error,
			    struct verdict *v)
{
	struct qdisc *q = tc_find_qdisc(dev, rule->ifindex);

	if (!q)
		q = make_qdisc(dev, rule->ifindex, ret_error, v);
	if (!q)
		return NULL;
	*ret_error = 0;
	if (q->block || (q->no_egress && rule->egress)) {
		AUTO_FREE char *what = q->block ? xasprintf("qdisc of others: block %u", q->block)
						: xstrdup("qdisc of others: ingress");

		verdict_refuse(v, REASON_DEVICE_REFUSED, what);
		// Not of this kind of rule: others must not be refused for it.
		*ret_error = -EBUSY;
		// It may have gone the next time.
		tc_forget_qdisc(dev, q);
		return NULL;
	}
	return q;
}

void tc_forget_qdisc(struct tc_device *dev, struct qdisc *q)
{
	tc_forget_leftovers(dev, q->ifindex);
	hmap_remove(&dev->qdiscs, &q->node);
	free(q);
}

void tc_drop_qdisc(struct tc_device *dev, struct qdisc *q)
{
	AUTO(strbuf) req = STRBUF_INIT;

	if (q->ours) {
		size_t m = tc_begin(&req, RTM_DELQDISC, 0, q->ifindex, TC_H_CLSACT,
				    TC_H_MAKE(TC_H_CLSACT, 0), 0);

		nl_put_str(&req, TCA_KIND, "clsact");
		nl_msg_end(&req, m);
		// The device may have gone, and the qdisc with it.
		nl_transact(dev->sock, &req, NULL, NULL);
	}
	tc_forget_qdisc(dev, q);
}
