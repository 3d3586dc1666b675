// SPDX-License-Identifier: Apache-2.0
// The hook is a clsact qdisc, or the one that somebody has made there; it stays as long as the device is a port, because filters of
// flows may stand there too. At the device of an internal port, what the host sends leaves: the hook's other side.
#include "datapath/linux/police.h"

#include <linux/if_ether.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/netlink/tc.h"
#include "datapath/linux/traffic-private.h"

LOG_MODULE(netdev_linux_police);

// A packet is no longer than that.
#define MAX_PACKET 65535
#define DEFAULT_KBITS 8000
#define DEFAULT_KPKTS 16

static uint32_t hook_of(const struct traffic_link *l)
{
	return TC_H_MAKE(TC_H_CLSACT, l->is_internal ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
}

// ---- What is wanted ----

// More than that of anything is as good as no limit.
static uint64_t within_32_bits(uint64_t n)
{
	return MIN(n, UINT32_MAX);
}

static struct tc_policer by_bytes(const struct policing_config *c)
{
	uint64_t kbits = within_32_bits(c->kbits_burst ? c->kbits_burst : DEFAULT_KBITS);
	struct tc_policer p = { .rate = within_32_bits(c->kbps) * 125 };

	p.burst = qos_ticks(p.rate, kbits * 1024 / 8);
	return p;
}

static struct tc_policer by_packets(const struct policing_config *c)
{
	uint64_t kpkts = within_32_bits(c->kpkts_burst ? c->kpkts_burst : DEFAULT_KPKTS);
	struct tc_policer p = { .packet_rate = within_32_bits(c->kpkts) * 1000 };

	p.packet_burst = qos_ticks(p.packet_rate, kpkts * 1000);
	return p;
}

// One policer counts bytes or packets: for both there are two, and what the first lets through is the second's.
static size_t plan(const struct policing_config *c, struct tc_policer ret[2])
{
	size_t n = 0;

	if (c->kbps)
		ret[n++] = by_bytes(c);
	if (c->kpkts)
		ret[n++] = by_packets(c);
	for (size_t i = 0; i < n; i++) {
		ret[i].mtu = MAX_PACKET;
		ret[i].exceed = TC_ACT_SHOT;
		// What conforms goes on: to the next policer, then to the filters behind this one.
		ret[i].conform = i + 1 < n ? TC_ACT_PIPE : TC_ACT_UNSPEC;
	}
	return n;
}

static bool is_as_wanted(const struct tc_policing *there, const struct tc_policer wanted[],
			 size_t n)
{
	if (!there->is_ours || there->n_actions != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!tc_policer_is_same(&there->actions[i], &wanted[i]))
			return false;
	return true;
}

// ---- What is there ----

struct look {
	struct tc_policing found;
	bool is_there; // something at our priority
	struct error *err;
};

static int look_at_filter(const struct nlmsghdr *h, void *aux)
{
	struct look *look = aux;
	struct tc_policing f;
	int error;

	if (h->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	error = tc_policing_decode(h, &f, look->err);
	// The kernel tells of a priority, too, without a filter.
	if (error || f.chain || f.priority != POLICE_PRIORITY || !f.handle)
		return error;
	look->found = f;
	look->is_there = true;
	return 0;
}

static void forget_look(void *aux)
{
	struct look *look = aux;

	look->is_there = false;
}

// A port may have a hundred thousand flows there: the kernel leaves out what is not asked for.
static int look_at_hook(struct nl_sock *s, const struct traffic_link *l, struct look *ret,
			struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	int error;

	*ret = (struct look){ .err = err };
	nl_msg_end(&req, tc_begin(&req, RTM_GETTFILTER, NLM_F_DUMP, l->ifindex, hook_of(l), 0,
				  TC_H_MAKE(POLICE_PRIORITY << 16, 0)));
	error = nl_dump_whole(s, &req, look_at_filter, forget_look, ret, err);
	// No qdisc: no filters.
	return error == -EINVAL || error == -ENOENT ? 0 : error;
}

static int note_filter(const struct nlmsghdr *h, void *any)
{
	*(bool *)any |= h->nlmsg_type == RTM_NEWTFILTER;
	return 0;
}

// Whatever they are, as tersely as the kernel can. A dump that fails may have kept some back.
static bool may_have_filters(struct nl_sock *s, int ifindex, uint32_t side)
{
	struct nla_bitfield32 flags = { TCA_DUMP_FLAGS_TERSE, TCA_DUMP_FLAGS_TERSE };
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = tc_begin(&req, RTM_GETTFILTER, NLM_F_DUMP, ifindex, TC_H_MAKE(TC_H_CLSACT, side),
			    0, 0);
	bool any = false;

	nl_put(&req, TCA_DUMP_FLAGS, &flags, sizeof(flags));
	nl_msg_end(&req, m);
	return nl_dump(s, &req, note_filter, &any, NULL) || any;
}

// ---- Telling the kernel ----

static void put_action(struct strbuf *b, uint16_t number, const struct tc_policer *p)
{
	size_t act = nl_nest_begin(b, number), options;

	nl_put_str(b, TCA_ACT_KIND, "police");
	nl_put(b, TCA_ACT_COOKIE, TC_POLICING_COOKIE, sizeof(TC_POLICING_COOKIE) - 1);
	options = nl_nest_begin(b, TCA_ACT_OPTIONS);
	tc_policer_put(b, p);
	nl_nest_end(b, options);
	nl_nest_end(b, act);
}

static void put_filter(struct strbuf *b, const struct traffic_link *l,
		       const struct tc_policer wanted[], size_t n)
{
	size_t m = tc_begin(b, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, l->ifindex, hook_of(l), 0,
			    TC_H_MAKE(POLICE_PRIORITY << 16, htobe16(ETH_P_ALL)));
	size_t options, acts;

	nl_put_str(b, TCA_KIND, "matchall");
	options = nl_nest_begin(b, TCA_OPTIONS);
	// A driver that does not take it says why.
	nl_put_u32(b, TCA_MATCHALL_FLAGS, TCA_CLS_FLAGS_VERBOSE);
	acts = nl_nest_begin(b, TCA_MATCHALL_ACT);
	for (size_t i = 0; i < n; i++)
		put_action(b, i + 1, &wanted[i]);
	nl_nest_end(b, acts);
	nl_nest_end(b, options);
	nl_msg_end(b, m);
}

static int add_filter(struct nl_sock *s, struct traffic_device *d, const struct traffic_link *l,
		      const struct tc_policer wanted[], size_t n, struct error *err)
{
	struct nl_request r = { .msg = STRBUF_INIT, .reply = STRBUF_INIT }, *list = &r;
	int error;

	put_filter(&r.msg, l, wanted, n);
	error = nl_transact_many(s, &list, 1);
	if (!error)
		error = r.error;
	snprintf(d->why_not, sizeof(d->why_not), "%s", r.text);
	if (error)
		error_set(err, error, "%s", *r.text ? r.text : strerror(-error));
	nl_request_uninit(&r);
	strbuf_uninit(&r.msg);
	return error;
}

static int remove_filter(struct nl_sock *s, const struct traffic_link *l, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	int error;

	nl_msg_end(&req, tc_begin(&req, RTM_DELTFILTER, 0, l->ifindex, hook_of(l), 0,
				  TC_H_MAKE(POLICE_PRIORITY << 16, htobe16(ETH_P_ALL))));
	error = nl_transact(s, &req, NULL, err);
	return error == -ENOENT || error == -ENODEV ? 0 : error;
}

static int need_hook(struct nl_sock *s, struct traffic_device *d, const struct traffic_link *l,
		     struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = tc_begin(&req, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, l->ifindex, TC_H_CLSACT,
			    TC_H_MAKE(TC_H_CLSACT, 0), 0);
	int error;

	nl_put_str(&req, TCA_KIND, "clsact");
	nl_msg_end(&req, m);
	error = nl_transact(s, &req, NULL, err);
	d->made_hook |= !error;
	return error == -EEXIST ? 0 : error;
}

// ---- The whole ----

static bool is_settled(const struct look *look, const struct tc_policer wanted[], size_t n)
{
	return n ? look->is_there && is_as_wanted(&look->found, wanted, n) : !look->is_there;
}

static int change(struct nl_sock *s, struct traffic_device *d, const struct traffic_link *l,
		  const struct look *look, const struct tc_policer wanted[], size_t n,
		  struct error *err)
{
	const struct tc_policing *there = &look->found;
	int error = 0;

	if (n && look->is_there && !there->is_police)
		return error_set(err, -EBUSY, "a filter of others is at priority %d",
				 POLICE_PRIORITY);
	// Also what another Open vSwitch has left, where there is to be policing.
	if (look->is_there && (there->is_ours || (n && there->is_police)))
		error = remove_filter(s, l, err);
	if (error || !n)
		return error;
	error = need_hook(s, d, l, err);
	return error ? error : add_filter(s, d, l, wanted, n, err);
}

int police_apply(struct nl_sock *s, struct traffic_device *d, const struct traffic_link *l,
		 const struct policing_config *c, struct error *err)
{
	struct tc_policer wanted[2];
	size_t n = plan(c, wanted);
	struct look look;
	int error;

	error = look_at_hook(s, l, &look, err);
	if (!error && !is_settled(&look, wanted, n)) {
		error = change(s, d, l, &look, wanted, n, err);
		// Where it has come to stand.
		if (!error && n)
			error = look_at_hook(s, l, &look, err);
	}
	if (error)
		return error_wrap(err, "policing");
	d->policing = *c;
	d->policed = true;
	d->policed_in_hw = n && look.is_there && look.found.in_hw;
	return 0;
}

void police_drop_hook(struct nl_sock *s, struct traffic_device *d, const struct traffic_link *l)
{
	AUTO(strbuf) req = STRBUF_INIT;

	if (!d->made_hook || may_have_filters(s, l->ifindex, TC_H_MIN_INGRESS) ||
	    may_have_filters(s, l->ifindex, TC_H_MIN_EGRESS))
		return;
	nl_msg_end(&req, tc_begin(&req, RTM_DELQDISC, 0, l->ifindex, TC_H_CLSACT,
				  TC_H_MAKE(TC_H_CLSACT, 0), 0));
	// The device may have gone, and the qdisc with it.
	nl_transact(s, &req, NULL, NULL);
}
