// SPDX-License-Identifier: Apache-2.0
// The disciplines without queues of ours: linux-sfq, linux-codel, linux-fq_codel, linux-netem.
#include <stdio.h>

#include "datapath/linux/traffic-private.h"

// One setting that is an attribute of its own.
struct setting {
	const char *name;
	uint16_t attr;
	uint32_t def;
	bool is_time; // microseconds, which these disciplines keep in units of 1024 ns
};

// ---- Numbers that the kernel rounds ----

// The smallest number of microseconds that the kernel rounds to the same as this one.
static uint64_t codel_usec(uint64_t usec)
{
	return DIV_ROUND_UP((usec * 1000 / 1024) * 1024, 1000);
}

// ... and as the one that it tells of.
static uint64_t codel_usec_told(uint32_t usec)
{
	return DIV_ROUND_UP(DIV_ROUND_UP((uint64_t)usec * 1000, 1024) * 1024, 1000);
}

static int read_settings(const struct setting *settings, size_t n, const struct smap *options,
			 uint64_t values[], struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (qos_number(options, settings[i].name, settings[i].def, UINT32_MAX, &values[i],
			       err))
			return -EINVAL;
		if (settings[i].is_time)
			values[i] = codel_usec(values[i]);
	}
	return 0;
}

static void put_settings(const struct setting *settings, size_t n, struct strbuf *b,
			 const uint64_t values[])
{
	size_t nest = nl_nest_begin(b, TCA_OPTIONS);

	for (size_t i = 0; i < n; i++)
		nl_put_u32(b, settings[i].attr, values[i]);
	nl_nest_end(b, nest);
}

static int get_settings(const struct setting *settings, size_t n, const struct nlattr *options,
			uint64_t values[], const char *what, struct error *err)
{
	static const struct nl_policy policy[] = {
		[1 ... TCA_FQ_CODEL_MAX] = { .type = MNL_TYPE_UNSPEC, .min = 1 },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_nested(options, policy, ARRAY_SIZE(policy), a, what, err);

	for (size_t i = 0; !error && i < n; i++) {
		const struct nlattr *attr = a[settings[i].attr];

		if (!attr || nl_len(attr) != 4)
			return error_set(err, -EPROTO, "%s: no %s", what, settings[i].name);
		values[i] = settings[i].is_time ? codel_usec_told(nl_u32(attr)) : nl_u32(attr);
	}
	return error;
}

// ---- linux-codel ----

static const struct setting codel[] = {
	{ "limit", TCA_CODEL_LIMIT, 10240, false },
	{ "interval", TCA_CODEL_INTERVAL, 100000, true },
	{ "target", TCA_CODEL_TARGET, 5000, true },
};

static int codel_read(const struct traffic_link *l, const struct smap *options, uint64_t values[],
		      struct error *err)
{
	return read_settings(codel, ARRAY_SIZE(codel), options, values, err);
}

static void codel_put(struct strbuf *b, const uint64_t values[])
{
	put_settings(codel, ARRAY_SIZE(codel), b, values);
}

static int codel_get(const struct nlattr *options, uint64_t values[], struct error *err)
{
	return get_settings(codel, ARRAY_SIZE(codel), options, values, "codel", err);
}

const struct qos_kind qos_codel = {
	.names = { "limit", "interval", "target" },
	.read = codel_read,
	.put = codel_put,
	.get = codel_get,
};

// ---- linux-fq_codel ----

static const struct setting fq_codel[] = {
	{ "limit", TCA_FQ_CODEL_LIMIT, 10240, false },
	{ "quantum", TCA_FQ_CODEL_QUANTUM, 1514, false },
	{ "flows", TCA_FQ_CODEL_FLOWS, 1024, false },
	{ "interval", TCA_FQ_CODEL_INTERVAL, 1000000, true },
	{ "target", TCA_FQ_CODEL_TARGET, 5000, true },
};

static int fq_codel_read(const struct traffic_link *l, const struct smap *options,
			 uint64_t values[], struct error *err)
{
	return read_settings(fq_codel, ARRAY_SIZE(fq_codel), options, values, err);
}

static void fq_codel_put(struct strbuf *b, const uint64_t values[])
{
	put_settings(fq_codel, ARRAY_SIZE(fq_codel), b, values);
}

static int fq_codel_get(const struct nlattr *options, uint64_t values[], struct error *err)
{
	return get_settings(fq_codel, ARRAY_SIZE(fq_codel), options, values, "fq_codel", err);
}

const struct qos_kind qos_fq_codel = {
	.names = { "limit", "quantum", "flows", "interval", "target" },
	.read = fq_codel_read,
	.put = fq_codel_put,
	.get = fq_codel_get,
};

// ---- linux-sfq ----

static int sfq_read(const struct traffic_link *l, const struct smap *options, uint64_t values[],
		    struct error *err)
{
	return qos_number(options, "quantum", l->mtu, INT32_MAX, &values[0], err) ||
			       qos_number(options, "perturb", 10, INT32_MAX / 1000, &values[1], err)
		       ? -EINVAL
		       : 0;
}

static void sfq_put(struct strbuf *b, const uint64_t values[])
{
	struct tc_sfq_qopt q = { .quantum = values[0], .perturb_period = values[1] };

	nl_put(b, TCA_OPTIONS, &q, sizeof(q));
}

static int sfq_get(const struct nlattr *options, uint64_t values[], struct error *err)
{
	struct tc_sfq_qopt q;

	if (nl_len(options) < sizeof(q))
		return error_set(err, -EPROTO, "sfq: parameters of %zu bytes", nl_len(options));
	memcpy(&q, mnl_attr_get_payload(options), sizeof(q));
	values[0] = q.quantum;
	values[1] = (uint32_t)q.perturb_period;
	return 0;
}

const struct qos_kind qos_sfq = {
	.names = { "quantum", "perturb" },
	.read = sfq_read,
	.put = sfq_put,
	.get = sfq_get,
};

// ---- linux-netem ----

// Loss is a share of 2^32 in the kernel, and a percentage here.
static uint32_t loss_of(uint64_t percent)
{
	return percent * UINT32_MAX / 100;
}

static int netem_read(const struct traffic_link *l, const struct smap *options, uint64_t values[],
		      struct error *err)
{
	return qos_number(options, "limit", 1000, UINT32_MAX, &values[0], err) ||
			       qos_number(options, "loss", 0, 100, &values[1], err) ||
			       qos_number(options, "latency", 0,
					  UINT32_MAX * qos_tick_nsec() / 1000, &values[2], err)
		       ? -EINVAL
		       : 0;
}

static void netem_put(struct strbuf *b, const uint64_t values[])
{
	struct tc_netem_qopt q = { .limit = values[0],
				   .loss = loss_of(values[1]),
				   .latency = values[2] * 1000 / qos_tick_nsec() };

	nl_put(b, TCA_OPTIONS, &q, sizeof(q));
}

static int netem_get(const struct nlattr *options, uint64_t values[], struct error *err)
{
	struct tc_netem_qopt q;

	if (nl_len(options) < sizeof(q))
		return error_set(err, -EPROTO, "netem: parameters of %zu bytes", nl_len(options));
	memcpy(&q, mnl_attr_get_payload(options), sizeof(q));
	values[0] = q.limit;
	values[1] = ((uint64_t)q.loss * 100 + UINT32_MAX / 2) / UINT32_MAX;
	values[2] = DIV_ROUND_UP(q.latency * qos_tick_nsec(), 1000);
	return 0;
}

const struct qos_kind qos_netem = {
	.names = { "limit", "loss", "latency" },
	.read = netem_read,
	.put = netem_put,
	.get = netem_get,
};

const struct qos_kind qos_noop = { .names = { NULL } };
