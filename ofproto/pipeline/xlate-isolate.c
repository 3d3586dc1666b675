// SPDX-License-Identifier: Apache-2.0
// Side paths (clones, buckets, patches) whose changes to the packet are not seen behind them.
#include "ofproto/pipeline/xlate-private.h"

static void copy_of(const struct strbuf *b, struct strbuf *ret)
{
	strbuf_init(ret);
	strbuf_put(ret, strbuf_cstr(b), b->len);
}

void ctx_save(struct xlate_ctx *ctx, struct isolation *iso)
{
	iso->flow = ctx->flow;
	iso->base = ctx->base;
	iso->known = ctx->known;
	iso->base_known = ctx->base_known;
	iso->base_lost = ctx->base_lost;
	iso->written = ctx->written;
	iso->tunnel_set = ctx->tunnel_set;
	iso->n_ct = ctx->n_ct;
	iso->n_meters = ctx->n_meters;
	iso->n_headers = ctx->n_headers;
	iso->encap = ctx->encap;
	iso->n_base_labels = ctx->n_base_labels;
	iso->n_kept_labels = ctx->n_kept_labels;
	iso->unparsed = ctx->unparsed;
	iso->frame = ctx->frame;
	iso->action_set = ctx->action_set;
	copy_of(&iso->action_set, &ctx->action_set);
	iso->stack = ctx->stack;
	copy_of(&iso->stack, &ctx->stack);
}

void ctx_restore(struct xlate_ctx *ctx, struct isolation *iso)
{
	ctx->touched_all = true;
	ctx->flow = iso->flow;
	ctx->base = iso->base;
	ctx->known = iso->known;
	ctx->base_known = iso->base_known;
	ctx->base_lost = iso->base_lost;
	ctx->written = iso->written;
	ctx->tunnel_set = iso->tunnel_set;
	ctx->n_ct = iso->n_ct;
	ctx->n_meters = iso->n_meters;
	ctx->n_headers = iso->n_headers;
	ctx->encap = iso->encap;
	ctx->n_base_labels = iso->n_base_labels;
	ctx->n_kept_labels = iso->n_kept_labels;
	ctx->unparsed = iso->unparsed;
	ctx->frame = iso->frame;
	strbuf_uninit(&ctx->action_set);
	ctx->action_set = iso->action_set;
	strbuf_uninit(&ctx->stack);
	ctx->stack = iso->stack;
}

void isolate_begin(struct xlate_ctx *ctx, struct isolation *iso)
{
	ctx_save(ctx, iso);
	ctx->frame = NULL;
	iso->begin = dp_put_nested_begin(&ctx->ret->actions, DP_ACTION_CLONE);
	iso->body = ctx->ret->actions.len;
}

// Bits of the packet's headers that the datapath's actions since 'iso' have changed.
static void changed_bits(const struct xlate_ctx *ctx, const struct isolation *iso,
			 struct flow_mask *ret)
{
	const uint64_t *now = flow_words_const(&ctx->base), *then = flow_words_const(&iso->base);
	const uint64_t *set = flow_words_const(&ctx->base_known.m);
	const uint64_t *was_set = flow_words_const(&iso->base_known.m);
	uint64_t *out = flow_words(&ret->m);

	for (size_t i = 0; i < FLOW_WORDS; i++)
		out[i] = (now[i] ^ then[i]) | (set[i] & ~was_set[i]);
	// The tags are compared as a whole when they are committed; a tunnel's header is the next port's to set.
	memset(ret->m.vlans, 0, sizeof(ret->m.vlans));
	memset(&ret->m.tunnel, 0, sizeof(ret->m.tunnel));
}

void isolate_end(struct xlate_ctx *ctx, struct isolation *iso)
{
	struct strbuf *out = &ctx->ret->actions;
	struct flow_tunnel set = ctx->base.tunnel;
	struct flow_mask bits;
	bool changed;

	// A header that was set for a tunnel's port changes no packet: the next tunnel's port sets its own.
	ctx->base.tunnel = iso->base.tunnel;
	// What was written may be what this packet had by chance: others of the megaflow had something else.
	changed_bits(ctx, iso, &bits);
	changed = memcmp(&ctx->base, &iso->base, sizeof(iso->base)) ||
		  !is_all_zeros(&bits, sizeof(bits)) || ctx->n_ct != iso->n_ct ||
		  ctx->n_meters != iso->n_meters || ctx->n_headers != iso->n_headers;

	if (changed && out->len > iso->body) {
		dp_put_nested_end(out, iso->begin);
	} else {
		// Nothing was changed on the way: the actions can stand in line, without a clone around them.
		memmove(out->s + iso->begin, out->s + iso->body, out->len - iso->body);
		strbuf_truncate(out, out->len - (iso->body - iso->begin));
	}
	ctx_restore(ctx, iso);
	if (!changed)
		ctx->base.tunnel = set;
}

void isolate_end_in_line(struct xlate_ctx *ctx, struct isolation *iso)
{
	struct strbuf *out = &ctx->ret->actions;
	struct flow_mask base_known = ctx->base_known, changed;
	struct flow_key base = ctx->base;

	if (ctx->n_ct != iso->n_ct || ctx->n_meters != iso->n_meters ||
	    ctx->n_headers != iso->n_headers || base.packet_type != iso->base.packet_type ||
	    memcmp(&ctx->base_lost, &iso->base_lost, sizeof(iso->base_lost)) != 0) {
		isolate_end(ctx, iso);
		return;
	}
	changed_bits(ctx, iso, &changed);
	memmove(out->s + iso->begin, out->s + iso->body, out->len - iso->body);
	strbuf_truncate(out, out->len - (iso->body - iso->begin));
	ctx_restore(ctx, iso);
	ctx->base = base;
	ctx->base_known = base_known;
	// To be set back it must be known.
	ctx_look_at(ctx, &changed);
	flow_mask_or(&ctx->written, &changed);
}
