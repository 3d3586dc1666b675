// SPDX-License-Identifier: Apache-2.0
// check_pkt_larger: the datapath alone knows how long a packet is, so all that follows is translated twice, and it chooses.
#include "ofproto/pipeline/xlate-private.h"

static void branch(struct xlate_ctx *ctx, const struct act *a, bool larger)
{
	struct isolation iso;

	if (!xlate_may_go_deeper(ctx))
		return;
	ctx_save(ctx, &iso);
	ctx->depth++;
	ctx_write_number(ctx, &a->check_pkt_larger.dst, larger);
	xlate_rest(ctx);
	ctx->depth--;
	ctx_restore(ctx, &iso);
	// exit in a branch ends this branch.
	ctx->exit = ctx->ret->error != XLATE_OK;
}

void xlate_check_pkt_larger(struct xlate_ctx *ctx, const struct act *a)
{
	struct strbuf *out = &ctx->ret->actions;
	struct dp_action *check;
	uint32_t larger_size;
	size_t begin, body;

	// What was changed before is for both branches.
	ctx_commit(ctx);
	begin = dp_put_nested_begin(out, DP_ACTION_CHECK_PKT_LEN);
	body = out->len;
	branch(ctx, a, true);
	larger_size = out->len - body;
	branch(ctx, a, false);
	dp_put_nested_end(out, begin);
	check = (struct dp_action *)(out->s + begin);
	check->check_pkt_len.pkt_len = a->check_pkt_larger.pkt_len;
	check->check_pkt_len.larger_size = larger_size;
	// All has been done that was to come.
	ctx->exit = true;
}
