// SPDX-License-Identifier: Apache-2.0
#include "core/netlink/tc.h"

#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>

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

void tc_policer_put(struct strbuf *b, const struct tc_policer *p)
{
	// The kernel wants a table beside a rate, and looks only at whether it is there.
	enum { RATE_TABLE = 1024, CELL_LOG = 1 };
	static const uint8_t table[RATE_TABLE];
	struct tc_police parms = {
		.index = p->index, .action = p->exceed, .burst = p->burst, .mtu = p->mtu
	};

	if (p->rate) {
		parms.rate.rate = MIN(p->rate, UINT32_MAX);
		parms.rate.cell_log = CELL_LOG;
	}
	nl_put(b, TCA_POLICE_TBF, &parms, sizeof(parms));
	nl_put_u32(b, TCA_POLICE_RESULT, p->conform);
	if (p->rate)
		nl_put(b, TCA_POLICE_RATE, table, sizeof(table));
	if (p->rate > UINT32_MAX)
		nl_put_u64(b, TCA_POLICE_RATE64, p->rate);
	if (p->packet_rate) {
		nl_put_u64(b, TCA_POLICE_PKTRATE64, p->packet_rate);
		nl_put_u64(b, TCA_POLICE_PKTBURST64, p->packet_burst);
	}
}

static const struct nl_policy police_policy[TCA_POLICE_MAX + 1] = {
	[TCA_POLICE_TBF] = { .type = MNL_TYPE_UNSPEC,
			     .min = sizeof(struct tc_police),
			     .required = true },
	[TCA_POLICE_RESULT] = { .type = MNL_TYPE_U32 },
	[TCA_POLICE_RATE64] = { .type = MNL_TYPE_U64 },
	[TCA_POLICE_PKTRATE64] = { .type = MNL_TYPE_U64 },
	[TCA_POLICE_PKTBURST64] = { .type = MNL_TYPE_U64 },
};

int tc_policer_read(const struct nlattr *options, struct tc_policer *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(police_policy)];
	struct tc_police parms;
	int error = nl_parse_nested(options, police_policy, ARRAY_SIZE(police_policy), a, "police",
				    err);

	if (error)
		return error;
	memcpy(&parms, mnl_attr_get_payload(a[TCA_POLICE_TBF]), sizeof(parms));
	*ret = (struct tc_policer){
		.index = parms.index,
		.exceed = parms.action,
		.conform = nl_u32(a[TCA_POLICE_RESULT]),
		.mtu = parms.mtu,
		.burst = parms.burst,
		.rate = a[TCA_POLICE_RATE64] ? nl_u64(a[TCA_POLICE_RATE64]) : parms.rate.rate,
		.packet_rate = nl_u64(a[TCA_POLICE_PKTRATE64]),
		.packet_burst = nl_u64(a[TCA_POLICE_PKTBURST64]),
	};
	return 0;
}

bool tc_policer_is_same(const struct tc_policer *a, const struct tc_policer *b)
{
	return a->exceed == b->exceed && a->conform == b->conform && a->mtu == b->mtu &&
	       a->burst == b->burst && a->rate == b->rate && a->packet_rate == b->packet_rate &&
	       a->packet_burst == b->packet_burst;
}
