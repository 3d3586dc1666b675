// SPDX-License-Identifier: Apache-2.0
// Connection tracking: the packet goes to the tracker, and (with a table) a copy of it comes back and goes on there.
#include <netinet/in.h>
#include <stdio.h>

#include "ofproto/pipeline/xlate-private.h"

#define NO_TABLE 255

void ctx_hide_connection(struct xlate_ctx *ctx)
{
	flow_fill_ct(&ctx->flow, 0);
	flow_fill_ct(&ctx->known.m, 0xff);
}

// ---- What exec() and nat say ----

// The connection's mark and label as exec() makes them.
struct connection {
	struct flow_key key; // as seen by exec()
	struct flow_mask set; // bits of mark and label that exec() has set
	const struct nat *nat; // NULL: none
};

static void set_in_connection(struct connection *c, const struct field *f,
			      const union field_value *value, const union field_value *bits)
{
	field_write_masked(f, value, bits, &c->key);
	field_write_masked(f, bits, bits, &c->set.m);
}

static void exec_set(struct connection *c, const struct act *a)
{
	union field_value value = { { 0 } }, bits = { { 0 } };
	size_t n = a->set_field.field->n_bytes;

	memcpy(&value, act_set_value(a), n);
	memcpy(&bits, act_set_mask(a), n);
	set_in_connection(c, a->set_field.field, &value, &bits);
}

static void exec_move(struct xlate_ctx *ctx, struct connection *c, const struct act *a)
{
	struct flow_mask look = { 0 };
	union field_value value, bits;

	subfield_unwildcard(&a->move.src, &look);
	// What was set a moment ago is not the packet's.
	for (size_t i = 0; i < FLOW_WORDS; i++)
		flow_words(&look.m)[i] &= ~flow_words(&c->set.m)[i];
	ctx_look_at(ctx, &look);
	move_value(a, &c->key, &value, &bits);
	set_in_connection(c, a->move.dst.field, &value, &bits);
	ctx_report_value(ctx, &a->move.dst, &c->key);
}

static void exec_all(struct xlate_ctx *ctx, const struct act *ct, struct connection *c)
{
	struct acts list = act_nested_list(ct);
	const struct act *a;

	if (!list.size)
		ctx_step(ctx, STEP_ACTION, "drop");
	OFPACT_FOR_EACH (a, list) {
		ctx_report_action(ctx, a);
		if (a->type == ACT_NAT)
			c->nat = &a->nat;
		else if (a->type == ACT_SET_FIELD)
			exec_set(c, a);
		else
			exec_move(ctx, c, a);
	}
}

// ---- ct ----

static uint16_t zone_of(struct xlate_ctx *ctx, const struct act *a)
{
	if (!a->ct.zone_src.field)
		return a->ct.zone;
	ctx_look_at_bits(ctx, &a->ct.zone_src);
	return subfield_get(&a->ct.zone_src, &ctx->flow);
}

// A zone with a policy has a name for each kind of connection, which the megaflow must then tell apart.
static void name_timeout(struct xlate_ctx *ctx, struct dp_ct *ct)
{
	const struct of_switch *sw = ctx->sw;
	char name[CT_TIMEOUT_NAME_LEN];

	if (!sw->ct_timeout || !flow_is_ip(&ctx->flow) ||
	    !sw->ct_timeout(sw->ct_timeout_aux, ct->zone, ctx->flow.eth_type, IPPROTO_TCP, name))
		return;
	ctx_look_at_field(ctx, field_get(FIELD_IP_PROTO));
	if (sw->ct_timeout(sw->ct_timeout_aux, ct->zone, ctx->flow.eth_type, ctx->flow.nw_proto,
			   name))
		snprintf(ct->timeout, sizeof(ct->timeout), "%s", name);
}

static void put_ct(struct xlate_ctx *ctx, const struct act *a, uint16_t zone,
		   const struct connection *c)
{
	struct dp_ct *ct = &dp_put(&ctx->ret->actions, DP_ACTION_CT)->ct;
	const char *helper = act_ct_helper(a);

	ct->zone = zone;
	if (a->ct.flags & ACT_CT_COMMIT)
		ct->flags |= DP_CT_COMMIT;
	if (a->ct.flags & ACT_CT_COMMIT)
		name_timeout(ctx, ct);
	if (a->ct.flags & ACT_CT_FORCE)
		ct->flags |= DP_CT_FORCE;
	ct->mark_mask = c->set.m.ct_mark;
	ct->mark = c->key.ct_mark & ct->mark_mask;
	for (size_t i = 0; i < sizeof(ct->label); i++) {
		ct->label_mask[i] = c->set.m.ct_label[i];
		ct->label[i] = c->key.ct_label[i] & ct->label_mask[i];
	}
	if (helper)
		snprintf(ct->helper, sizeof(ct->helper), "%s", helper);
	if (c->nat) {
		ct->flags |= DP_CT_NAT;
		ct->nat = *c->nat;
	}
}

// Addresses and ports are what the tracker makes of them, whatever was known.
static void lose_addresses(struct xlate_ctx *ctx)
{
	struct flow_key *m = &ctx->base_lost.m;

	m->nw_src = m->nw_dst = UINT32_MAX;
	memset(&m->ipv6_src, 0xff, sizeof(m->ipv6_src));
	memset(&m->ipv6_dst, 0xff, sizeof(m->ipv6_dst));
	m->tp_src = m->tp_dst = UINT16_MAX;
}

// What a traced flow said of its connection stays, but for what is known better.
static void note_branch(struct xlate_ctx *ctx, uint32_t id, uint16_t zone,
			const struct connection *c)
{
	struct xlate_branch b = { .key = c->key };

	if (!ctx_traced(ctx))
		return;
	b.key.recirc_id = id;
	b.key.ct_zone = zone;
	if (c->nat) {
		b.has_nat = true;
		b.nat = *c->nat;
	}
	VEC_PUSH(&ctx->ret->branches, b);
}

static void go_round(struct xlate_ctx *ctx, uint8_t table, uint16_t zone,
		     const struct connection *c)
{
	uint32_t id = ctx_freeze(ctx, table, true);

	if (!id)
		return;
	dp_put(&ctx->ret->actions, DP_ACTION_RECIRC)->recirc.id = id;
	note_branch(ctx, id, zone, c);
	ctx_report(ctx,
		   "-> A clone of the packet is forked to recirculate. The forked pipeline will be "
		   "resumed at table %u.",
		   table);
}

void xlate_ct(struct xlate_ctx *ctx, const struct act *a)
{
	struct connection c = { .key = ctx->flow };
	uint16_t zone = zone_of(ctx, a);

	ctx_commit(ctx);
	exec_all(ctx, a, &c);
	put_ct(ctx, a, zone, &c);
	ctx->n_ct++;
	if (c.nat)
		lose_addresses(ctx);
	if (a->ct.table != NO_TABLE)
		go_round(ctx, a->ct.table, zone, &c);
	ctx_hide_connection(ctx);
	ctx_report(ctx, "-> Sets the packet to an untracked state, and clears all the conntrack "
			"fields.");
}

void xlate_ct_clear(struct xlate_ctx *ctx, const struct act *a)
{
	struct flow_mask tracked = { .m.ct_state = CS_TRK };

	ctx_look_at(ctx, &tracked);
	if (ctx->flow.ct_state & CS_TRK && switch_has(ctx->sw, SWITCH_FEATURE_CT_CLEAR)) {
		dp_put(&ctx->ret->actions, DP_ACTION_CT_CLEAR);
		ctx->n_ct++;
	}
	ctx_hide_connection(ctx);
}
