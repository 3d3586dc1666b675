// SPDX-License-Identifier: Apache-2.0
// The two disciplines that share a link among queues: linux-htb, linux-hfsc.
//
// Rates in the database are bit/s, in the kernel bytes/s. A queue gets at least min-rate and at most max-rate, neither of them more
// than there is.
#include <stdio.h>

#include "datapath/linux/traffic-private.h"

// What a frame may be longer than the MTU: header and tags.
#define OVERHEAD 64
#define MIN_FRAME 60

static int root_rate(const struct traffic_link *l, const struct smap *options, struct tc_class *ret,
		     struct error *err)
{
	int error = qos_link_rate(l, options, &ret->max_rate, err);

	ret->min_rate = ret->max_rate;
	return error;
}

static int queue_rates(const struct smap *options, uint64_t least, const struct tc_class *root,
		       struct tc_class *ret, struct error *err)
{
	uint64_t min, max;

	if (qos_number(options, "min-rate", 0, UINT64_MAX, &min, err) ||
	    qos_number(options, "max-rate", 0, UINT64_MAX, &max, err))
		return -EINVAL;
	max = max ? max / 8 : root->max_rate;
	ret->min_rate = MIN(MAX(min / 8, least), root->max_rate);
	ret->max_rate = MIN(MAX(max, ret->min_rate), root->max_rate);
	return 0;
}

static void show_rates(const struct tc_class *c, uint32_t mtu, struct smap *ret)
{
	bool is_root = c->id == QOS_ROOT_CLASS;

	if (!is_root)
		smap_setf(ret, "min-rate", "%llu", (unsigned long long)c->min_rate * 8);
	if (is_root || c->min_rate != c->max_rate)
		smap_setf(ret, "max-rate", "%llu", (unsigned long long)c->max_rate * 8);
}

// ---- linux-htb ----

static void set_bursts(struct tc_class *c, uint64_t bytes)
{
	c->burst = qos_ticks(c->min_rate, bytes);
	c->ceil_burst = qos_ticks(c->max_rate, bytes);
}

// What a queue may send in its turn: a tenth of what it sends in a second, as the kernel would say itself, but not less than a
// frame.
static uint32_t quantum(uint64_t rate, uint32_t mtu)
{
	uint64_t share = rate / 10;

	return share < mtu ? mtu : MIN(MAX(share, 1000), 200000);
}

static int htb_read_class(const struct traffic_link *l, const struct smap *options,
			  const struct tc_class *root, struct tc_class *ret, struct error *err)
{
	uint64_t burst = 0, priority = 0;
	int error;

	if (!root) {
		error = root_rate(l, options, ret, err);
		burst = l->mtu;
	} else {
		error = queue_rates(options, l->mtu, root, ret, err);
		if (!error)
			error = qos_number(options, "burst", 0, UINT64_MAX, &burst, err);
		if (!error)
			error = qos_number(options, "priority", 0, UINT32_MAX, &priority, err);
		burst = MAX(burst / 8, l->mtu + OVERHEAD);
	}
	if (error)
		return error;
	set_bursts(ret, burst);
	ret->quantum = quantum(ret->min_rate, l->mtu);
	// The kernel has eight.
	ret->priority = MIN(priority, TC_HTB_NUMPRIO - 1);
	return 0;
}

static void put_rate(struct tc_ratespec *r, uint64_t rate)
{
	r->rate = MIN(rate, UINT32_MAX);
	r->linklayer = TC_LINKLAYER_ETHERNET;
	r->mpu = MIN_FRAME;
}

static void htb_put_class(struct strbuf *b, const struct tc_class *c)
{
	struct tc_htb_opt o = { .buffer = c->burst,
				.cbuffer = c->ceil_burst,
				.quantum = c->quantum,
				.prio = c->priority };
	size_t nest = nl_nest_begin(b, TCA_OPTIONS);

	put_rate(&o.rate, c->min_rate);
	put_rate(&o.ceil, c->max_rate);
	nl_put(b, TCA_HTB_PARMS, &o, sizeof(o));
	if (c->min_rate > UINT32_MAX)
		nl_put_u64(b, TCA_HTB_RATE64, c->min_rate);
	if (c->max_rate > UINT32_MAX)
		nl_put_u64(b, TCA_HTB_CEIL64, c->max_rate);
	nl_nest_end(b, nest);
}

static const struct nl_policy htb_policy[TCA_HTB_CEIL64 + 1] = {
	[TCA_HTB_PARMS] = { .type = MNL_TYPE_UNSPEC, .min = sizeof(struct tc_htb_opt) },
	[TCA_HTB_INIT] = { .type = MNL_TYPE_UNSPEC, .min = sizeof(struct tc_htb_glob) },
	[TCA_HTB_RATE64] = { .type = MNL_TYPE_U64 },
	[TCA_HTB_CEIL64] = { .type = MNL_TYPE_U64 },
};

static int htb_get_class(const struct nlattr *options, struct tc_class *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(htb_policy)];
	struct tc_htb_opt o;
	int error = nl_parse_nested(options, htb_policy, ARRAY_SIZE(htb_policy), a, "htb", err);

	if (!error && !a[TCA_HTB_PARMS])
		error = error_set(err, -EPROTO, "htb: a class without parameters");
	if (error)
		return error;
	memcpy(&o, mnl_attr_get_payload(a[TCA_HTB_PARMS]), sizeof(o));
	ret->min_rate = a[TCA_HTB_RATE64] ? nl_u64(a[TCA_HTB_RATE64]) : o.rate.rate;
	ret->max_rate = a[TCA_HTB_CEIL64] ? nl_u64(a[TCA_HTB_CEIL64]) : o.ceil.rate;
	ret->burst = o.buffer;
	ret->ceil_burst = o.cbuffer;
	ret->quantum = o.quantum;
	ret->priority = o.prio;
	return 0;
}

static bool htb_equal(const struct tc_class *a, const struct tc_class *b)
{
	if (a->min_rate != b->min_rate || a->max_rate != b->max_rate || a->burst != b->burst ||
	    a->ceil_burst != b->ceil_burst)
		return false;
	// A class that has others below it has no turn.
	return a->id == QOS_ROOT_CLASS || (a->quantum == b->quantum && a->priority == b->priority);
}

static void htb_show_class(const struct tc_class *c, uint32_t mtu, struct smap *ret)
{
	uint64_t burst = mtu + OVERHEAD;

	show_rates(c, mtu, ret);
	if (c->id == QOS_ROOT_CLASS)
		return;
	// The kernel has it as a time: at high rates, many bursts are the same.
	if (qos_ticks(c->min_rate, burst) != c->burst)
		burst = qos_bytes(c->min_rate, c->burst);
	smap_setf(ret, "burst", "%llu", (unsigned long long)burst * 8);
	if (c->priority)
		smap_setf(ret, "priority", "%u", c->priority);
}

static const struct class_ops htb_classes = {
	.read = htb_read_class,
	.put = htb_put_class,
	.get = htb_get_class,
	.equal = htb_equal,
	.show = htb_show_class,
};

// The discipline itself has nothing to set: where packets without a queue go is queue 0.
static int no_settings(const struct traffic_link *l, const struct smap *options,
		       uint64_t values[QOS_MAX_VALUES], struct error *err)
{
	values[0] = QOS_HANDLE | 1;
	return 0;
}

static void htb_put(struct strbuf *b, const uint64_t values[QOS_MAX_VALUES])
{
	struct tc_htb_glob g = { .version = 3, .rate2quantum = 10, .defcls = 1 };
	size_t nest = nl_nest_begin(b, TCA_OPTIONS);

	nl_put(b, TCA_HTB_INIT, &g, sizeof(g));
	nl_nest_end(b, nest);
}

static int htb_get(const struct nlattr *options, uint64_t values[QOS_MAX_VALUES], struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(htb_policy)];
	struct tc_htb_glob g = { 0 };
	int error = nl_parse_nested(options, htb_policy, ARRAY_SIZE(htb_policy), a, "htb", err);

	if (!error && !a[TCA_HTB_INIT])
		error = error_set(err, -EPROTO, "htb: without parameters");
	if (error)
		return error;
	memcpy(&g, mnl_attr_get_payload(a[TCA_HTB_INIT]), sizeof(g));
	values[0] = QOS_HANDLE | (uint16_t)g.defcls;
	return 0;
}

const struct qos_kind qos_htb = {
	.read = no_settings,
	.put = htb_put,
	.get = htb_get,
	.classes = &htb_classes,
};

// ---- linux-hfsc ----

static int hfsc_read_class(const struct traffic_link *l, const struct smap *options,
			   const struct tc_class *root, struct tc_class *ret, struct error *err)
{
	uint64_t asked;
	int error;

	if (root)
		return queue_rates(options, 1, root, ret, err);
	error = root_rate(l, options, ret, err);
	// The kernel's curves are of 32 bits.
	if (!error && ret->max_rate > UINT32_MAX) {
		if (!qos_number(options, "max-rate", 0, UINT64_MAX, &asked, err) && asked)
			return error_set(err, -ERANGE,
					 "max-rate: linux-hfsc has no more than %llu bit/s",
					 (unsigned long long)UINT32_MAX * 8);
		ret->min_rate = ret->max_rate = UINT32_MAX;
	}
	return error;
}

static void put_curve(struct strbuf *b, uint16_t type, uint64_t rate)
{
	struct tc_service_curve c = { .m2 = rate };

	nl_put(b, type, &c, sizeof(c));
}

static void hfsc_put_class(struct strbuf *b, const struct tc_class *c)
{
	size_t nest = nl_nest_begin(b, TCA_OPTIONS);

	put_curve(b, TCA_HFSC_RSC, c->min_rate);
	put_curve(b, TCA_HFSC_FSC, c->min_rate);
	put_curve(b, TCA_HFSC_USC, c->max_rate);
	nl_nest_end(b, nest);
}

static const struct nl_policy hfsc_policy[TCA_HFSC_USC + 1] = {
	[TCA_HFSC_RSC] = { .type = MNL_TYPE_UNSPEC, .min = sizeof(struct tc_service_curve) },
	[TCA_HFSC_FSC] = { .type = MNL_TYPE_UNSPEC, .min = sizeof(struct tc_service_curve) },
	[TCA_HFSC_USC] = { .type = MNL_TYPE_UNSPEC, .min = sizeof(struct tc_service_curve) },
};

// A rate that never changes; 0: it is none, or bends.
static uint64_t curve_rate(const struct nlattr *a)
{
	struct tc_service_curve c = { 0 };

	if (a)
		memcpy(&c, mnl_attr_get_payload(a), sizeof(c));
	return c.m1 || c.d ? 0 : c.m2;
}

static int hfsc_get_class(const struct nlattr *options, struct tc_class *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(hfsc_policy)];
	int error = nl_parse_nested(options, hfsc_policy, ARRAY_SIZE(hfsc_policy), a, "hfsc", err);

	if (error)
		return error;
	ret->min_rate = curve_rate(a[TCA_HFSC_RSC]);
	if (curve_rate(a[TCA_HFSC_FSC]) != ret->min_rate)
		ret->min_rate = 0;
	ret->max_rate = curve_rate(a[TCA_HFSC_USC]);
	return 0;
}

static bool hfsc_equal(const struct tc_class *a, const struct tc_class *b)
{
	return a->min_rate == b->min_rate && a->max_rate == b->max_rate;
}

static const struct class_ops hfsc_classes = {
	.read = hfsc_read_class,
	.put = hfsc_put_class,
	.get = hfsc_get_class,
	.equal = hfsc_equal,
	.show = show_rates,
};

static void hfsc_put(struct strbuf *b, const uint64_t values[QOS_MAX_VALUES])
{
	struct tc_hfsc_qopt q = { .defcls = 1 };

	nl_put(b, TCA_OPTIONS, &q, sizeof(q));
}

static int hfsc_get(const struct nlattr *options, uint64_t values[QOS_MAX_VALUES],
		    struct error *err)
{
	struct tc_hfsc_qopt q;

	if (nl_len(options) < sizeof(q))
		return error_set(err, -EPROTO, "hfsc: parameters of %zu bytes", nl_len(options));
	memcpy(&q, mnl_attr_get_payload(options), sizeof(q));
	values[0] = QOS_HANDLE | q.defcls;
	return 0;
}

const struct qos_kind qos_hfsc = {
	.read = no_settings,
	.put = hfsc_put,
	.get = hfsc_get,
	.classes = &hfsc_classes,
};
