// SPDX-License-Identifier: Apache-2.0
// The qdisc that filters stand at: clsact, made where there is none; what others have made is used as it is.
//
// The packets of a bond come in at its members, so its filters stand in a block that the members' qdiscs share. Not the bond's
// own: software meets each packet at the member first, and a device without hardware in the block would forbid skip_sw.
#include <stdio.h>

#include "core/base/log.h"
#include "offload/tc/device-private.h"

LOG_MODULE(tc_qdisc);

// Numbers of our blocks, so that a process after this one knows them: the bond's interface number is in the lower bits.
enum { OUR_BLOCKS = 0x0e500000, BLOCK_MASK = 0xfffff };

static bool is_our_block(uint32_t block)
{
	return (block & ~(uint32_t)BLOCK_MASK) == OUR_BLOCKS;
}

void tc_address(const struct qdisc *q, bool egress, int *ret_ifindex, uint32_t *ret_parent)
{
	*ret_ifindex = q->shared ? (int)TCM_IFINDEX_MAGIC_BLOCK : q->ifindex;
	*ret_parent = q->shared
			      ? q->shared
			      : TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
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
	(void)nl_dump_whole(dev->sock, &req, look_at_qdisc, NULL, q, NULL);
}

// 'block' 0: the qdisc's own table.
static int add_clsact(struct tc_device *dev, int ifindex, uint32_t block, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = tc_begin(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_CLSACT,
			    TC_H_MAKE(TC_H_CLSACT, 0), 0);

	nl_put_str(&req, TCA_KIND, "clsact");
	if (block)
		nl_put_u32(&req, TCA_INGRESS_BLOCK, block);
	nl_msg_end(&req, m);
	return nl_transact(dev->sock, &req, NULL, err);
}

static void delete_clsact(struct tc_device *dev, int ifindex)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m =
		tc_begin(&req, RTM_DELQDISC, 0, ifindex, TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, 0), 0);

	nl_put_str(&req, TCA_KIND, "clsact");
	nl_msg_end(&req, m);
	// The device may have gone, and the qdisc with it.
	nl_transact(dev->sock, &req, NULL, NULL);
}

// Makes the qdisc with this block, or 0. -EEXIST: 'found' has been filled in with what is there, and it is not that.
static int need_clsact(struct tc_device *dev, int ifindex, uint32_t block, struct qdisc *found,
		       struct error *err)
{
	int error = add_clsact(dev, ifindex, block, err);

	memset(found, 0, sizeof(*found));
	if (error != -EEXIST)
		return error;
	found->ifindex = ifindex;
	look_at_port(dev, found);
	if (found->block == block || !is_our_block(found->block))
		return error;
	// Of a bond that it has left while nobody looked.
	delete_clsact(dev, ifindex);
	memset(found, 0, sizeof(*found));
	return add_clsact(dev, ifindex, block, err);
}

struct qdisc *tc_make_qdisc(struct tc_device *dev, int ifindex, int *ret_error, struct verdict *v)
{
	struct error err = ERROR_INIT;
	struct qdisc *q, found;

	*ret_error = need_clsact(dev, ifindex, 0, &found, &err);
	if (*ret_error && *ret_error != -EEXIST) {
		verdict_refuse_by_driver(v, REASON_DEVICE_REFUSED, *ret_error, err.text);
		return NULL;
	}
	q = xmemdup(&found, sizeof(found));
	q->ifindex = ifindex;
	q->ours = !*ret_error;
	hmap_insert(&dev->qdiscs, &q->node, hash_u64(ifindex, 0));
	tc_find_leftovers(dev, q);
	return q;
}

// ---- Bonds ----

static void bind_member(struct tc_device *dev, struct qdisc *q, struct member *m)
{
	struct error err = ERROR_INIT;
	struct qdisc found;
	int error = need_clsact(dev, m->ifindex, q->shared, &found, &err);

	// Left by a process before this one, with its rules.
	m->bound = !error || (error == -EEXIST && found.block == q->shared);
	if (m->bound && error)
		tc_find_leftovers(dev, q);
	if (!m->bound && !m->told)
		log_warn("%s: interface %d, a member of bond %d, cannot share its filters: %s",
			 dev->name, m->ifindex, q->ifindex,
			 error == -EEXIST ? "it has a qdisc of others" : err.text);
	m->told = !m->bound;
}

void tc_bind_members(struct tc_device *dev, struct qdisc *q)
{
	for (unsigned int i = 0; i < q->n_members; i++)
		if (!q->members[i].bound)
			bind_member(dev, q, &q->members[i]);
}

static bool any_bound(const struct qdisc *q)
{
	for (unsigned int i = 0; i < q->n_members; i++)
		if (q->members[i].bound)
			return true;
	return false;
}

static struct member *find_member(struct qdisc *q, int ifindex)
{
	for (unsigned int i = 0; i < q->n_members; i++)
		if (q->members[i].ifindex == ifindex)
			return &q->members[i];
	return NULL;
}

static void take_members(struct qdisc *q, const struct port_ref *port)
{
	struct qdisc old = *q;

	q->n_members = port->n_members;
	for (unsigned int i = 0; i < port->n_members; i++) {
		const struct member *before = find_member(&old, port->members[i]);

		q->members[i] = before ? *before : (struct member){ .ifindex = port->members[i] };
	}
}

// The new members first: a bond that is never without one keeps its rules.
void tc_set_members(void *priv, const struct port_ref *port)
{
	struct tc_device *dev = priv;
	struct qdisc *q = tc_find_qdisc(dev, port->ifindex), old;

	if (!q) {
		q = xzalloc(sizeof(*q));
		q->ifindex = port->ifindex;
		q->shared = OUR_BLOCKS | (port->ifindex & BLOCK_MASK);
		hmap_insert(&dev->qdiscs, &q->node, hash_u64(q->ifindex, 0));
	}
	old = *q;
	take_members(q, port);
	tc_bind_members(dev, q);
	for (unsigned int i = 0; i < old.n_members; i++)
		if (old.members[i].bound && !find_member(q, old.members[i].ifindex))
			delete_clsact(dev, old.members[i].ifindex);
}

struct qdisc *tc_need_qdisc(struct tc_device *dev, const struct compiled_rule *rule, int *ret_error,
			    struct verdict *v)
{
	struct qdisc *q = tc_find_qdisc(dev, rule->ifindex);

	if (!q)
		q = tc_make_qdisc(dev, rule->ifindex, ret_error, v);
	if (!q)
		return NULL;
	*ret_error = 0;
	if (q->shared) {
		if (!any_bound(q))
			tc_bind_members(dev, q);
		if (any_bound(q))
			return q;
		verdict_refuse(v, REASON_DEVICE_REFUSED, "bond: qdiscs of others at its members");
		*ret_error = -EBUSY;
		return NULL;
	}
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

static void count_other(struct tc_device *dev, const struct tc_filter *f, void *aux)
{
	unsigned int *n = aux;

	*n += !f->is_flower || !f->has_cookie || !tc_cookie_is_ours(f->cookie);
}

// Filters of others, as a port's policing, would go with the qdisc.
static bool others_stand_at(struct tc_device *dev, const struct qdisc *q)
{
	unsigned int n = 0;

	tc_dump_port(dev, q->ifindex, false, count_other, &n);
	return n;
}

void tc_drop_qdisc(struct tc_device *dev, struct qdisc *q)
{
	if (q->ours && !dev->leaving && !others_stand_at(dev, q))
		delete_clsact(dev, q->ifindex);
	for (unsigned int i = 0; i < q->n_members && !dev->leaving; i++)
		if (q->members[i].bound)
			delete_clsact(dev, q->members[i].ifindex);
	tc_forget_qdisc(dev, q);
}
