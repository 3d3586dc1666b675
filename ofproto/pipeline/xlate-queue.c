// SPDX-License-Identifier: Apache-2.0
// Queues: which one of a port's a packet goes through is its skb_priority, which the datapath keeps beside it.
#include "ofproto/pipeline/xlate-private.h"

static bool priority_of(const struct xlate_ctx *ctx, uint32_t queue, uint32_t *ret)
{
	const struct of_switch *sw = ctx->sw;

	return sw->queue_priority && sw->queue_priority(sw->queue_priority_aux, queue, ret);
}

static void write_priority(struct xlate_ctx *ctx, uint32_t priority)
{
	be32 value = htobe32(priority), all = UINT32_MAX;

	ctx_write_field(ctx, field_get(FIELD_SKB_PRIORITY), (const uint8_t *)&value,
			(const uint8_t *)&all);
}

void xlate_set_queue(struct xlate_ctx *ctx, const struct act *a)
{
	uint32_t priority;

	// There is no such queue: the packet stays in its own.
	if (priority_of(ctx, a->queue.id, &priority))
		write_priority(ctx, priority);
}

// Back to what the packet came with.
void xlate_pop_queue(struct xlate_ctx *ctx, const struct act *a)
{
	struct flow_mask *seen = &ctx->ret->mask;
	uint32_t came = ctx->in->key->skb_priority;

	seen->m.skb_priority = UINT32_MAX;
	if (ctx->flow.skb_priority != came) {
		write_priority(ctx, came);
		ctx_report(ctx, "-> queue = %#x", came);
	}
}

static void output(struct xlate_ctx *ctx, of_port_t port)
{
	if (port.n == OFPP_IN_PORT || port.n != ctx->flow.in_port)
		xlate_output(ctx, port, 0);
}

// For this output only.
void xlate_enqueue(struct xlate_ctx *ctx, const struct act *a)
{
	uint32_t before = ctx->flow.skb_priority, priority;

	if (!priority_of(ctx, a->enqueue.queue, &priority)) {
		output(ctx, a->enqueue.port);
		return;
	}
	ctx_look_at_field(ctx, field_get(FIELD_SKB_PRIORITY));
	write_priority(ctx, priority);
	output(ctx, a->enqueue.port);
	write_priority(ctx, before);
}

bool xlate_mark_begin(struct xlate_ctx *ctx, const struct of_port *p, uint8_t *ret_before)
{
	const struct port_queues *queues = RCU_GET(p->queues);
	const struct field *dscp = field_get(FIELD_IP_DSCP);
	const struct queue_mark *mark;
	uint8_t all = 0x3f;

	if (!queues)
		return false;
	ctx_look_at_field(ctx, field_get(FIELD_SKB_PRIORITY));
	mark = port_queues_find(queues, ctx->flow.skb_priority);
	if (!mark || !flow_is_ip(&ctx->flow))
		return false;
	// The packet has its own again behind the output.
	ctx_look_at_field(ctx, dscp);
	*ret_before = ctx->flow.nw_tos >> 2;
	ctx_write_field(ctx, dscp, &mark->dscp, &all);
	return true;
}

void xlate_mark_end(struct xlate_ctx *ctx, uint8_t before)
{
	uint8_t all = 0x3f;

	ctx_write_field(ctx, field_get(FIELD_IP_DSCP), &before, &all);
}
