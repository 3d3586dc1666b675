// SPDX-License-Identifier: Apache-2.0
// From datapath actions to TC actions, or why not.
#include <linux/if_packet.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_skbedit.h>
#include <linux/tc_act/tc_vlan.h>

#include "core/base/hash.h"
#include "offload/tc/action-private.h"

bool tc_act_room(struct acting *c, unsigned int n)
{
	return c->rule->n_actions + n <= TC_MAX_ACTIONS ||
	       verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, "too many actions");
}

// Two nests are opened: that of the action, and its options, which come last. Both begin offsets fit one number.
size_t tc_act_begin(struct acting *c, const char *kind)
{
	struct nla_bitfield32 flags = { TCA_ACT_FLAGS_NO_PERCPU_STATS,
					TCA_ACT_FLAGS_NO_PERCPU_STATS };
	struct strbuf *b = &c->rule->options;
	size_t action = nl_nest_begin(b, ++c->rule->n_actions), options;

	c->has_output = false;
	nl_put_str(b, TCA_ACT_KIND, kind);
	nl_put(b, TCA_ACT_FLAGS, &flags, sizeof(flags));
	if (!c->has_cookie)
		nl_put(b, TCA_ACT_COOKIE, c->rule->cookie, sizeof(c->rule->cookie));
	c->has_cookie = true;
	options = nl_nest_begin(b, TCA_ACT_OPTIONS);
	c->rule->shape = hash_bytes(kind, strlen(kind), c->rule->shape);
	return action << 32 | options;
}

void tc_act_end(struct acting *c, size_t nests)
{
	// A filter is far below the 64 KiB of a nest: TC_MAX_ACTIONS see to that.
	nl_nest_end(&c->rule->options, nests & UINT32_MAX);
	nl_nest_end(&c->rule->options, nests >> 32);
}

bool tc_act_gact(struct acting *c, int action)
{
	struct tc_gact parms = { .action = action };
	size_t nest;

	if (!tc_act_room(c, 1))
		return false;
	nest = tc_act_begin(c, "gact");
	nl_put(&c->rule->options, TCA_GACT_PARMS, &parms, sizeof(parms));
	tc_act_end(c, nest);
	c->ended = action != TC_ACT_PIPE;
	return true;
}

// The port that a packet came in at has marked it as for somebody else: the host would not take it.
static bool put_for_host(struct acting *c)
{
	struct tc_skbedit parms = { .action = TC_ACT_PIPE };
	size_t nest;

	if (!tc_act_room(c, 1))
		return false;
	nest = tc_act_begin(c, "skbedit");
	nl_put(&c->rule->options, TCA_SKBEDIT_PARMS, &parms, sizeof(parms));
	nl_put_u16(&c->rule->options, TCA_SKBEDIT_PTYPE, PACKET_HOST);
	tc_act_end(c, nest);
	return true;
}

// Each output is a copy until it proves to be the last.
static bool act_output(struct acting *c, const struct dp_action *a)
{
	const struct port_ref *port = c->ports->find(a->output.port, c->ports->aux);
	struct tc_mirred parms = { .action = TC_ACT_PIPE };
	size_t nest;

	if (!port || !port->ifindex)
		return verdict_refuse(c->v, REASON_OUTPUT_NOT_ON_DEVICE,
				      port ? port->name : "unknown port");
	if (!tunnel_before_output(c, port) || (port->is_internal && !put_for_host(c)) ||
	    !tc_act_room(c, 1))
		return false;
	// The host receives what goes to an internal port.
	parms.eaction = port->is_internal ? TCA_INGRESS_MIRROR : TCA_EGRESS_MIRROR;
	parms.ifindex = port->ifindex;
	nest = tc_act_begin(c, "mirred");
	c->last_output = c->rule->options.len + sizeof(struct nlattr);
	nl_put(&c->rule->options, TCA_MIRRED_PARMS, &parms, sizeof(parms));
	tc_act_end(c, nest);
	c->has_output = true;
	return true;
}

// The packet ends with the last output.
static void make_last_output_a_redirect(struct acting *c)
{
	struct tc_mirred *parms = (struct tc_mirred *)(c->rule->options.s + c->last_output);

	parms->action = TC_ACT_STOLEN;
	parms->eaction =
		parms->eaction == TCA_INGRESS_MIRROR ? TCA_INGRESS_REDIR : TCA_EGRESS_REDIR;
	c->ended = true;
}

static bool act_drop(struct acting *c, const struct dp_action *a)
{
	c->ended = true;
	if (c->has_output) {
		make_last_output_a_redirect(c);
		return true;
	}
	return tc_act_gact(c, TC_ACT_SHOT);
}

static bool put_vlan(struct acting *c, int what, be16 tpid, be16 tci)
{
	struct tc_vlan parms = { .action = TC_ACT_PIPE, .v_action = what };
	struct strbuf *b = &c->rule->options;
	uint16_t n = be16toh(tci);
	size_t nest;

	if (!tc_act_room(c, 1))
		return false;
	nest = tc_act_begin(c, "vlan");
	nl_put(b, TCA_VLAN_PARMS, &parms, sizeof(parms));
	if (what == TCA_VLAN_ACT_PUSH) {
		nl_put_u16(b, TCA_VLAN_PUSH_VLAN_ID, n & VLAN_VID_MASK);
		nl_put_be16(b, TCA_VLAN_PUSH_VLAN_PROTOCOL, tpid);
		nl_put_u8(b, TCA_VLAN_PUSH_VLAN_PRIORITY, (n & VLAN_PCP_MASK) >> VLAN_PCP_SHIFT);
	}
	tc_act_end(c, nest);
	return true;
}

static bool act_push_vlan(struct acting *c, const struct dp_action *a)
{
	c->n_tags++;
	c->tag = (struct flow_vlan){ a->push_vlan.tpid, a->push_vlan.tci };
	return put_vlan(c, TCA_VLAN_ACT_PUSH, a->push_vlan.tpid, a->push_vlan.tci);
}

static bool act_pop_vlan(struct acting *c, const struct dp_action *a)
{
	c->n_tags -= c->n_tags > 0;
	c->tag = (struct flow_vlan){ 0 };
	return put_vlan(c, TCA_VLAN_ACT_POP, 0, 0);
}

// The rest of the flow is in the chain of its recirculation id.
static bool act_recirc(struct acting *c, const struct dp_action *a)
{
	if (!a->recirc.id || a->recirc.id > TC_CHAIN_MAX)
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, "recirc");
	// The next rule could not see the tunnel that the packet came through.
	if (c->released || (c->has_tunnel && !c->rule->from_tunnel) ||
	    (c->rule->from_tunnel && c->tunnel_changed))
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, "recirc behind a tunnel");
	return tc_act_gact(c, TC_ACT_GOTO_CHAIN | a->recirc.id);
}

static bool is_only_outputs(struct dp_actions list)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list)
		if (a->type == DP_ACTION_DROP)
			return true;
		else if (a->type != DP_ACTION_OUTPUT)
			return false;
	return true;
}

static bool act_outputs(struct acting *c, struct dp_actions list)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list)
		if (a->type == DP_ACTION_DROP)
			break;
		else if (!act_output(c, a))
			return false;
	return true;
}

// Nothing here copies a packet and gives back the original. So a list that changes it comes last: where it stands there, or what
// stands behind it only sends the packet as it is.
bool act_clone(struct acting *c, const struct dp_action *a)
{
	struct dp_actions list = dp_action_nested(a);

	if (is_only_outputs(list))
		return act_outputs(c, list);
	if (!is_only_outputs(c->rest)) {
		AUTO_FREE char *what =
			xasprintf("%s before other changes", dp_action_name(a->type));

		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, what);
	}
	return act_outputs(c, c->rest) && tc_act_list(c, list);
}

static bool act_userspace(struct acting *c, const struct dp_action *a)
{
	return verdict_refuse(c->v, REASON_NEEDS_SOFTWARE, userspace_kind_name(a->userspace.kind));
}

static bool (*const verbs[DP_ACTION_MAX])(struct acting *c, const struct dp_action *a) = {
	[DP_ACTION_OUTPUT] = act_output,
	[DP_ACTION_DROP] = act_drop,
	[DP_ACTION_PUSH_VLAN] = act_push_vlan,
	[DP_ACTION_POP_VLAN] = act_pop_vlan,
	[DP_ACTION_RECIRC] = act_recirc,
	[DP_ACTION_USERSPACE] = act_userspace,
	[DP_ACTION_CT] = act_ct,
	[DP_ACTION_CT_CLEAR] = act_ct_clear,
	[DP_ACTION_CLONE] = act_clone,
	[DP_ACTION_SAMPLE] = act_sample,
	[DP_ACTION_PSAMPLE] = act_psample,
	[DP_ACTION_METER] = act_meter,
	[DP_ACTION_CHECK_PKT_LEN] = act_check_pkt_len,
	[DP_ACTION_PUSH_MPLS] = act_push_mpls,
	[DP_ACTION_POP_MPLS] = act_pop_mpls,
	[DP_ACTION_SET_TUNNEL] = act_set_tunnel,
};

static bool one_action(struct acting *c, const struct dp_action *a)
{
	if (a->type == DP_ACTION_SET)
		return edit_set(c, a);
	if (!verbs[a->type])
		return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, dp_action_name(a->type));
	// The sets before it are for both branches.
	if (a->type == DP_ACTION_CHECK_PKT_LEN)
		return act_check_pkt_len(c, a);
	return edit_flush(c) && verbs[a->type](c, a);
}

// What stands behind the last output, drop or recirculation does nothing.
static struct dp_actions without_idle_end(struct dp_actions list)
{
	struct dp_actions r = { list.first, 0 };
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list)
		if (a->type != DP_ACTION_SET && a->type != DP_ACTION_SET_TUNNEL &&
		    a->type != DP_ACTION_PUSH_VLAN && a->type != DP_ACTION_POP_VLAN &&
		    a->type != DP_ACTION_PUSH_MPLS && a->type != DP_ACTION_POP_MPLS &&
		    a->type != DP_ACTION_CT_CLEAR)
			r.size = (const uint8_t *)a + a->size - (const uint8_t *)list.first;
	return r;
}

bool tc_act_list(struct acting *c, struct dp_actions list)
{
	struct dp_actions work = without_idle_end(list);
	const struct dp_action *a;
	const uint8_t *behind;

	DP_ACTION_FOR_EACH (a, work) {
		if (c->ended)
			return true;
		behind = (const uint8_t *)a + a->size;
		c->rest = (struct dp_actions){
			(const struct dp_action *)behind,
			(const uint8_t *)work.first + work.size - behind,
		};
		if (!one_action(c, a))
			return false;
	}
	if (!c->ended && c->has_output)
		make_last_output_a_redirect(c);
	return c->ended || tc_act_gact(c, TC_ACT_SHOT);
}

static struct flow_vlan known_tag(const struct flow_key *key, const struct flow_mask *mask)
{
	static const struct flow_vlan all = { UINT16_MAX, UINT16_MAX };
	const struct flow_vlan *m = &mask->m.vlans[0];

	return m->tpid == all.tpid && m->tci == all.tci ? key->vlans[0] : (struct flow_vlan){ 0 };
}

static unsigned int count_tags(const struct flow_key *key)
{
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(key->vlans); i++)
		n += !!(key->vlans[i].tci & htobe16(VLAN_PRESENT));
	return n;
}

bool tc_compile_actions(struct compiled_rule *r, struct dp_actions list, const struct flow_key *key,
			const struct flow_mask *mask, const struct port_lookup *ports,
			struct verdict *v)
{
	struct acting c = { .rule = r,
			    .key = key,
			    .mask = mask,
			    .ports = ports,
			    .v = v,
			    .n_tags = count_tags(key),
			    .tag = known_tag(key, mask),
			    .has_tunnel = r->from_tunnel };
	size_t nest = nl_nest_begin(&r->options, TCA_FLOWER_ACT);

	if (!tc_act_list(&c, list))
		return false;
	nl_nest_end(&r->options, nest);
	return true;
}
