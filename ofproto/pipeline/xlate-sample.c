// SPDX-License-Identifier: Apache-2.0
// What goes to userspace: metered, by chance, or all of a flow's packets (the slow path).
#include "ofproto/pipeline/xlate-private.h"

static void depend_on_meters(struct xlate_ctx *ctx, struct of_switch *sw)
{
	ctx_depend(ctx, (struct xlate_dep){ .kind = DEP_METERS,
					    .sw = sw,
					    .version = switch_meters_version(sw) });
}

uint32_t xlate_meter(struct xlate_ctx *ctx, uint32_t id)
{
	depend_on_meters(ctx, ctx->sw);
	return switch_datapath_meter(ctx->sw, id);
}

// Begins what 'probability' of the packets are to do, past a meter of the datapath (0: none).
static size_t begin_sample(struct strbuf *out, uint32_t probability, uint32_t meter)
{
	size_t begin = dp_put_nested_begin(out, DP_ACTION_SAMPLE);

	((struct dp_action *)(out->s + begin))->sample.probability = probability;
	if (meter)
		dp_put(out, DP_ACTION_METER)->meter.id = meter;
	return begin;
}

// An action of its own where neither chance nor a meter has a say. 'a' is copied.
static void put_userspace(struct strbuf *out, uint32_t probability, uint32_t meter,
			  const struct dp_action *a)
{
	bool bare = probability == UINT32_MAX && !meter;
	size_t begin = bare ? 0 : begin_sample(out, probability, meter);
	struct dp_action *u = dp_put(out, DP_ACTION_USERSPACE);

	u->userspace = a->userspace;
	if (!bare)
		dp_put_nested_end(out, begin);
}

// ---- Controllers ----

void xlate_put_controller(struct xlate_ctx *ctx, uint32_t meter, const struct dp_action *a)
{
	depend_on_meters(ctx, ctx->sw);
	put_userspace(&ctx->ret->actions, UINT32_MAX, switch_controller_meter(ctx->sw, meter), a);
}

// ---- The slow path ----

// Its meter is that of the switch where the packet came in, whichever bridges it crosses.
static uint32_t slow_path_meter(struct xlate_ctx *ctx)
{
	depend_on_meters(ctx, ctx->entry);
	return switch_slow_path_meter(ctx->entry);
}

void xlate_slow_path(struct xlate_ctx *ctx, enum slow_path_reason why)
{
	ctx->ret->slow |= why;
	ctx->ret->slow_meter = slow_path_meter(ctx);
}

struct dp_actions xlate_flow_actions(const struct xlate_result *r, struct strbuf *storage)
{
	struct dp_action a = { .userspace = { .kind = USERSPACE_SLOW_PATH, .reason = r->slow } };

	if (!r->slow)
		return dp_actions_of(&r->actions);
	put_userspace(storage, UINT32_MAX, r->slow_meter, &a);
	return dp_actions_of(storage);
}

// ---- Samples ----

// The port that the sample is about, where the packet does not come from there. False: there is no such port.
static bool find_port(struct xlate_ctx *ctx, of_port_t number, struct of_port **ret)
{
	if (number.n == OFPP_ANY || number.n == ctx->flow.in_port)
		return true;
	*ret = switch_port_find(ctx->sw, number);
	if (*ret && !dp_port_equal((*ret)->dp_port, DP_PORT_NONE))
		return true;
	ctx_report(ctx, ">>>> can't use unknown port %u in flow sample action <<<<",
		   number.n & UINT16_MAX); // reserved ones as OpenFlow 1.0 numbers them
	return false;
}

// 0 .. UINT16_MAX as 0 .. UINT32_MAX.
static uint32_t scale(uint16_t probability)
{
	return (uint32_t)probability << 16 | probability;
}

// A tunnel is found by whether the packet has an Ethernet header: that may have changed.
static bool is_another_kind(const struct xlate_ctx *ctx)
{
	return ctx->in->tunnel && !ctx->base.packet_type != !ctx->in->key->packet_type;
}

// The packet's key does not tell of another switch that it has come to. False: it cannot be told.
static bool name_switch(struct xlate_ctx *ctx, struct dp_action *d)
{
	if (ctx->sw == ctx->entry && !is_another_kind(ctx))
		return true;
	d->userspace.recirc_id = ctx_freeze_for_controller(ctx, &(struct to_controller){ 0 });
	return d->userspace.recirc_id;
}

static void set_port(struct dp_action *d, const struct of_port *p)
{
	d->userspace.output_port = p->dp_port;
	d->userspace.sampling_port = p->number.n;
}

// What the bridge itself chooses; 'out' NULL: of what comes in.
static void sample_for_bridge(struct xlate_ctx *ctx, const struct of_port *out)
{
	const struct sampling *s = switch_sampling(ctx->sw);
	struct dp_action d = { .userspace = { .kind = USERSPACE_IPFIX,
					      .output_port = DP_PORT_NONE } };

	if (!s || !s->probability || !(out ? s->output : s->input))
		return;
	if (out)
		set_port(&d, out);
	// It tells of the packet as this bridge has got it.
	ctx_commit(ctx);
	if (!name_switch(ctx, &d))
		return;
	ctx->samples = true;
	put_userspace(&ctx->ret->actions, s->probability, slow_path_meter(ctx), &d);
}

void xlate_sample_input(struct xlate_ctx *ctx)
{
	sample_for_bridge(ctx, NULL);
}

void xlate_sample_output(struct xlate_ctx *ctx, const struct of_port *p)
{
	sample_for_bridge(ctx, p);
}

// A number, or what a field has now.
static uint32_t read_id(struct xlate_ctx *ctx, const struct subfield *src, uint32_t number)
{
	if (!src->field)
		return number;
	ctx_look_at_bits(ctx, src);
	return subfield_get(src, &ctx->flow);
}

void xlate_sample(struct xlate_ctx *ctx, const struct act *a)
{
	const struct sampling *s = switch_sampling(ctx->sw);
	struct dp_action d = { .userspace = { .kind = USERSPACE_FLOW_SAMPLE,
					      .probability = a->sample.probability,
					      .direction = a->sample.direction,
					      .collector_set = a->sample.collector_set,
					      .output_port = DP_PORT_NONE } };
	struct of_port *p = NULL;

	// Nobody counts anything in this bridge.
	if (!s || !find_port(ctx, a->sample.port, &p))
		return;
	d.userspace.obs_domain = read_id(ctx, &a->sample.domain_src, a->sample.domain);
	d.userspace.obs_point = read_id(ctx, &a->sample.point_src, a->sample.point);
	if (p)
		set_port(&d, p);
	if (p && xlate_is_tunnel(p) && sampling_tells_tunnels(s, a->sample.collector_set)) {
		xlate_tunnel_aim(ctx, p);
		d.userspace.tunnel_port = p->dp_port;
	}
	ctx_commit(ctx);
	if (!name_switch(ctx, &d))
		return;
	ctx->samples = true;
	put_userspace(&ctx->ret->actions, scale(a->sample.probability), slow_path_meter(ctx), &d);
}

// Where a packet may still be sent by what is not in this list, it counts as sent.
static bool sends(struct dp_actions list)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list)
		switch (a->type) {
		case DP_ACTION_OUTPUT:
		case DP_ACTION_LB_OUTPUT:
		case DP_ACTION_TNL_PUSH:
		case DP_ACTION_TNL_POP:
		case DP_ACTION_RECIRC:
			return true;
		default:
			if (sends(dp_action_nested(a)))
				return true;
		}
	return false;
}

static void note_dropped(struct dp_action *first, size_t size)
{
	for (size_t at = 0; at < size;) {
		struct dp_action *a = (struct dp_action *)((uint8_t *)first + at);

		if (a->type == DP_ACTION_USERSPACE && (a->userspace.kind == USERSPACE_FLOW_SAMPLE ||
						       a->userspace.kind == USERSPACE_IPFIX))
			a->userspace.dropped = true;
		if (a->nested)
			note_dropped((struct dp_action *)((uint8_t *)a + a->nested),
				     a->size - a->nested);
		at += a->size;
	}
}

void xlate_note_dropped(struct xlate_ctx *ctx)
{
	struct strbuf *list = &ctx->ret->actions;

	if (ctx->samples && !sends(dp_actions_of(list)))
		note_dropped((struct dp_action *)list->s, list->len);
}
