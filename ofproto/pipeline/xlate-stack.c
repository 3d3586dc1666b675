// SPDX-License-Identifier: Apache-2.0
// The stack of values that push and pop keep beside a packet.
//
// Each value stands on the stack big-endian, without bytes that it does not need, and behind it one byte that says how many it
// has: so what goes round with a packet is small, and two packets with the same values have the same bytes.
#include "ofproto/pipeline/xlate-private.h"

// A field that the packet does not have is pushed as 0, so that pops meet what was pushed for them.
void xlate_stack_push(struct xlate_ctx *ctx, const struct act *a)
{
	const struct subfield *sf = &a->stack.bits;
	size_t n = sf->field->n_bytes, zeros = 0;
	union field_value v = { { 0 } };

	if (ctx_has_field(ctx, sf->field)) {
		if (field_words(sf->field).first == offsetof(struct flow_key, vlans) / 8)
			ctx_look_at_vlans(ctx);
		ctx_look_at_bits(ctx, sf);
		subfield_read(sf, &ctx->flow, &v);
	}
	while (zeros < n && !v.b[zeros])
		zeros++;
	strbuf_put(&ctx->stack, v.b + zeros, n - zeros);
	strbuf_putc(&ctx->stack, (char)(n - zeros));
}

// The topmost value as one of 'n' bytes: shorter ones get zeros in front, of longer ones the last bytes count. False: there is none.
static bool take_topmost(struct strbuf *stack, uint8_t *value, size_t n)
{
	size_t have, used;

	if (!stack->len)
		return false;
	have = (uint8_t)stack->s[stack->len - 1];
	used = MIN(have, n);
	memcpy(value + n - used, stack->s + stack->len - 1 - used, used);
	strbuf_truncate(stack, stack->len - 1 - have);
	return true;
}

void xlate_stack_pop(struct xlate_ctx *ctx, const struct act *a)
{
	const struct subfield *sf = &a->stack.bits;
	union field_value v = { { 0 } };

	if (!take_topmost(&ctx->stack, v.b, sf->field->n_bytes)) {
		ctx_report(ctx, ">>>> stack underflow <<<<");
		return;
	}
	if (!ctx_has_field(ctx, sf->field))
		return;
	ctx_write_bits(ctx, sf, &v);
	ctx_report_value(ctx, sf, &ctx->flow);
}

bool xlate_stack_fits(struct xlate_ctx *ctx)
{
	if (ctx->stack.len <= MAX_STACK_BYTES)
		return true;
	ctx_report(ctx, ">>>> resubmits yielded over %d kB of stack <<<<", MAX_STACK_BYTES / 1024);
	return xlate_fail(ctx, XLATE_STACK_TOO_DEEP);
}
