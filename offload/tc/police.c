// SPDX-License-Identifier: Apache-2.0
// Police actions: what a meter is as one, and messages about them. Pure: asks no kernel.
#include <linux/gen_stats.h>

#include "offload/tc/tc-private.h"

// The kernel keeps time in ticks.
enum { TICK_NSEC = 64 };
#define NSEC_PER_SEC UINT64_C(1000000000)

// ---- Meters ----

static uint64_t ticks_of(uint64_t amount, uint64_t per_second)
{
	// 'amount' is below 2^32.
	uint64_t nsec = (amount * NSEC_PER_SEC + per_second - 1) / per_second;

	return (nsec + TICK_NSEC - 1) / TICK_NSEC;
}

const char *tc_police_of_meter(const struct meter_config *config, struct tc_policer *ret)
{
	const struct meter_band *band = &config->bands[0];
	uint64_t burst, ticks;

	memset(ret, 0, sizeof(*ret));
	if (config->n_bands != 1)
		return "meter with several bands";
	if (band->type != METER_DROP)
		return "meter that remarks";
	ret->exceed = TC_ACT_SHOT;
	ret->conform = TC_ACT_PIPE;
	// Packets of any length: without a word, the kernel would take some as too long.
	ret->mtu = UINT32_MAX;
	// Without a wish, what a second brings may come at once, as in software.
	burst = config->flags & METER_BURST ? band->burst : band->rate;
	if (!(config->flags & METER_KBPS)) {
		ret->packet_rate = band->rate;
		ret->packet_burst = ticks_of(burst, ret->packet_rate);
		return NULL;
	}
	ret->rate = band->rate * UINT64_C(125);
	burst *= 125;
	// What is told to drivers is a number of bytes with 32 bits.
	if (burst > UINT32_MAX)
		return "meter with a burst of 4 GiB";
	ticks = ticks_of(burst, ret->rate);
	if (ticks > UINT32_MAX)
		return "meter with a burst of 274 s";
	ret->burst = ticks;
	return NULL;
}

uint32_t tc_police_index(uint32_t meter, uint32_t policy)
{
	uint32_t n = policy & TCA_CLS_FLAGS_SKIP_SW ? 1 : policy & TCA_CLS_FLAGS_SKIP_HW ? 2 : 0;

	return TC_METER_BASE + (n << TC_METER_POLICY_SHIFT) + meter;
}

// ---- Writing ----

void tc_put_police_index(struct strbuf *b, uint32_t index)
{
	struct tc_police parms = { .index = index };

	nl_put(b, TCA_POLICE_TBF, &parms, sizeof(parms));
}

// ---- Reading ----

static const struct nl_policy root_policy[TCA_ROOT_MAX + 1] = {
	[TCA_ROOT_TAB] = { .type = MNL_TYPE_UNSPEC },
};

static const struct nl_policy action_policy[TCA_ACT_STATS + 1] = {
	[TCA_ACT_KIND] = { .type = MNL_TYPE_NUL_STRING, .required = true },
	[TCA_ACT_OPTIONS] = { .type = MNL_TYPE_UNSPEC },
	[TCA_ACT_STATS] = { .type = MNL_TYPE_UNSPEC },
};

// 0 and *ret, or 1: of another kind.
static int read_one(const struct nlattr *one, struct police *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(action_policy)];
	int error =
		nl_parse_nested(one, action_policy, ARRAY_SIZE(action_policy), a, "action", err);

	if (error)
		return error;
	if (strcmp(nl_str(a[TCA_ACT_KIND]), "police") || !a[TCA_ACT_OPTIONS])
		return 1;
	memset(ret, 0, sizeof(*ret));
	error = tc_policer_read(a[TCA_ACT_OPTIONS], &ret->does, err);
	if (!error && a[TCA_ACT_STATS])
		error = tc_counts_read(a[TCA_ACT_STATS], &ret->counts, err);
	return error;
}

bool tc_police_decode(const struct nlmsghdr *h, void (*cb)(const struct police *p, void *aux),
		      void *aux, int *ret_error, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(root_policy)], *one;
	struct police p;
	int error;

	*ret_error = 0;
	if (h->nlmsg_type != RTM_NEWACTION && h->nlmsg_type != RTM_GETACTION &&
	    h->nlmsg_type != RTM_DELACTION)
		return false;
	error = nl_parse_msg(h, sizeof(struct tcamsg), root_policy, ARRAY_SIZE(root_policy), a,
			     "actions", err);
	if (!error && a[TCA_ROOT_TAB])
		mnl_attr_for_each_nested(one, a[TCA_ROOT_TAB])
		{
			error = read_one(one, &p, err);
			if (error < 0)
				break;
			if (!error)
				cb(&p, aux);
			error = 0;
		}
	*ret_error = error;
	return true;
}
