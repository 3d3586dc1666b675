// SPDX-License-Identifier: Apache-2.0
// Meters in the kernel: its generic netlink family ovs_meter. They have drop bands only.
//
// Numbers are given from 1 up, the lowest free one first: since 5.8 the kernel keeps meters in an array that has a place for a
// number only modulo its size. What an earlier process has left at a number is replaced when the number is given. Main thread.
#include "core/base/log.h"
#include "datapath/kernel/kernel.h"

LOG_MODULE(meter);

// ---- Requests ----

static int refuse(struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "the kernel has no meters, or none that work");
}

static void put_bands(struct strbuf *b, const struct meter_config *c)
{
	size_t nest = nl_nest_begin(b, OVS_METER_ATTR_BANDS);

	for (size_t i = 0; i < c->n_bands; i++) {
		size_t band = nl_nest_begin(b, 0);

		nl_put_u32(b, OVS_BAND_ATTR_TYPE, OVS_METER_BAND_TYPE_DROP);
		nl_put_u32(b, OVS_BAND_ATTR_RATE, c->bands[i].rate);
		// Without a wish, what a second brings may come at once.
		nl_put_u32(b, OVS_BAND_ATTR_BURST,
			   c->flags & METER_BURST ? c->bands[i].burst : c->bands[i].rate);
		nl_nest_end(b, band);
	}
	nl_nest_end(b, nest);
}

static int set(struct kernel_datapath *dp, uint32_t id, const struct meter_config *c, bool clear,
	       struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.meter, OVS_METER_CMD_SET, 0);

	nl_put_u32(&msg, OVS_METER_ATTR_ID, id);
	if (c->flags & METER_KBPS)
		nl_put_flag(&msg, OVS_METER_ATTR_KBPS);
	if (clear)
		nl_put_flag(&msg, OVS_METER_ATTR_CLEAR);
	put_bands(&msg, c);
	nl_msg_end(&msg, m);
	return kernel_request(dp, &msg, NULL, err);
}

// A command about one meter; its answer in 'reply' (may be NULL).
static int ask(struct kernel_datapath *dp, uint8_t cmd, uint32_t id, struct strbuf *reply,
	       struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.meter, cmd, 0);

	nl_put_u32(&msg, OVS_METER_ATTR_ID, id);
	nl_msg_end(&msg, m);
	return kernel_request(dp, &msg, reply, err);
}

static int get(struct kernel_datapath *dp, uint32_t id, struct meter_message *ret,
	       struct error *err)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	int error = ask(dp, OVS_METER_CMD_GET, id, &reply, err);

	if (error)
		return error;
	if (!reply.len)
		return error_set(err, -EPROTO, "meter %u: no answer", id);
	return meter_message_decode((const struct nlmsghdr *)reply.s, ret, err);
}

// ---- What the kernel can ----

static int read_features(struct kernel_datapath *dp, struct meter_features *ret, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT, reply = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.meter, OVS_METER_CMD_FEATURES, 0);
	int error;

	nl_msg_end(&msg, m);
	error = kernel_request(dp, &msg, &reply, err);
	if (error)
		return error;
	if (!reply.len)
		return error_set(err, -EPROTO, "meters: no answer");
	return meter_features_message_decode((const struct nlmsghdr *)reply.s, ret, err);
}

// Kernels before 4.18 mix up meters: of two, neither is found again by its number.
static bool finds_again(struct kernel_datapath *dp)
{
	static const struct meter_config config = {
		.flags = METER_KBPS,
		.n_bands = 1,
		.bands = { { .type = METER_DROP, .rate = 1000 } },
	};
	static const uint32_t ids[] = { 54545401, 54545402 };
	struct meter_message got;
	int error = 0;
	bool works;

	for (size_t i = 0; !error && i < ARRAY_SIZE(ids); i++)
		error = set(dp, ids[i], &config, true, NULL);
	// A place that is taken: there are places, as in later kernels.
	works = !error || error == -EBUSY;
	for (size_t i = 0; !error && i < ARRAY_SIZE(ids); i++)
		works &= !get(dp, ids[i], &got, NULL) && got.id == ids[i];
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		(void)ask(dp, OVS_METER_CMD_DEL, ids[i], NULL, NULL);
	return works;
}

bool kernel_can_meter(struct kernel_datapath *dp)
{
	struct meter_features *f = &dp->meters.features;

	if (genl_find(dp->sock, OVS_METER_FAMILY, &dp->families.meter, NULL) ||
	    read_features(dp, f, NULL) || !f->max_meters) {
		memset(f, 0, sizeof(*f));
		return false;
	}
	if (finds_again(dp))
		return true;
	log_info("%s: this kernel's meters do not work", dp->name);
	memset(f, 0, sizeof(*f));
	return false;
}

static void features(struct datapath *base, struct meter_features *ret)
{
	*ret = kernel_datapath(base)->meters.features;
}

// ---- Numbers ----

static uint32_t free_id(const struct kernel_datapath *dp)
{
	size_t i = 0;

	while (i < dp->meters.taken.n && dp->meters.taken.v[i])
		i++;
	return i + 1;
}

static void take(struct kernel_datapath *dp, uint32_t id)
{
	if (id > dp->meters.taken.n)
		VEC_PUSH(&dp->meters.taken, false);
	dp->meters.taken.v[id - 1] = true;
}

// ---- Meters ----

static int kernel_meter_set(struct datapath *base, const struct meter_config *config, uint32_t *id,
			    struct error *err)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	uint32_t n = *id ? *id : free_id(dp);
	int error;

	if (!dp->meters.features.max_meters)
		return refuse(err);
	for (size_t i = 0; i < config->n_bands; i++)
		if (config->bands[i].type != METER_DROP)
			return error_set(err, -ENOTSUP, "the kernel's meters only drop");
	if (n > dp->meters.features.max_meters)
		return error_set(err, -ENOSPC, "the kernel has %u meters",
				 dp->meters.features.max_meters);
	error = set(dp, n, config, !*id, err);
	if (error)
		return error;
	take(dp, n);
	*id = n;
	return 0;
}

static int kernel_meter_get(struct datapath *base, uint32_t id, struct meter_stats *ret,
			    struct error *err)
{
	struct meter_message got;
	int error = get(kernel_datapath(base), id, &got, err);

	if (error)
		return error;
	if (got.id != id)
		return error_set(err, -EPROTO, "meter %u: the answer is about %u", id, got.id);
	ret->in = got.in;
	// The kernel tells of the bands it has.
	for (size_t i = 0; i < ret->n_bands; i++)
		ret->bands[i] = i < got.n_bands ? got.bands[i]
						: (struct meter_count){ UINT64_MAX, UINT64_MAX };
	return 0;
}

static void kernel_meter_del(struct datapath *base, uint32_t id)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct error err = ERROR_INIT;

	dp->meters.taken.v[id - 1] = false;
	if (dp->leaving)
		return;
	if (ask(dp, OVS_METER_CMD_DEL, id, NULL, &err))
		log_warn("%s: meter %u stays: %s", dp->name, id, err.text);
}

const struct meter_ops kernel_meters = {
	.features = features,
	.set = kernel_meter_set,
	.get = kernel_meter_get,
	.del = kernel_meter_del,
};
