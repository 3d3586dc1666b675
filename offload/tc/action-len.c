// SPDX-License-Identifier: Apache-2.0
// check_pkt_len: a police action that looks at the length alone, and lets longer packets jump to the second of two lists.
//
// It comes first in its filter. There the number of a jump means the same to the kernel, which counts from the beginning of
// the filter, and to drivers, which count from the police action; and the length that it looks at, which is that of the packet as
// it came in, is the one that the datapath would see: with the Ethernet header, without the tag that is kept beside the packet.
#include "offload/tc/action-private.h"

// What a packet that was put together of fragments measures (in connection tracking) is another number in the datapath.
static bool may_be_defragmented(const struct acting *c)
{
	return c->rule->chain && (!(c->mask->m.ct_state & CS_TRK) || c->key->ct_state & CS_TRK);
}

static const char *lacks(const struct acting *c, const struct dp_action *a)
{
	return c->rule->n_actions	   ? "check_pkt_len behind other actions"
	       : c->rest.size		   ? "check_pkt_len before other actions"
	       : may_be_defragmented(c)	   ? "check_pkt_len of tracked packets"
	       : !a->check_pkt_len.pkt_len ? "check_pkt_len(0)"
					   : NULL;
}

// Returns where its parameters are, to be completed.
static size_t put_police(struct acting *c, uint32_t len)
{
	struct tc_policer p = { .exceed = TC_ACT_SHOT, .conform = TC_ACT_PIPE, .mtu = len };
	size_t nests = tc_act_begin(c, "police"), at = c->rule->options.len + sizeof(struct nlattr);

	tc_policer_put(&c->rule->options, &p);
	tc_act_end(c, nests);
	return at;
}

static bool does_nothing(struct dp_actions list)
{
	return !list.size || list.first->type == DP_ACTION_DROP;
}

bool act_check_pkt_len(struct acting *c, const struct dp_action *a)
{
	const char *lack = lacks(c, a);
	struct acting larger;
	size_t police;

	if (lack)
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, lack);
	police = put_police(c, a->check_pkt_len.pkt_len);
	larger = *c;
	if (!tc_act_list(c, dp_action_smaller(a)))
		return false;
	if (does_nothing(dp_action_larger(a)))
		return true;
	((struct tc_police *)(c->rule->options.s + police))->action =
		TC_ACT_JUMP | c->rule->n_actions;
	return tc_act_list(&larger, dp_action_larger(a));
}
