// SPDX-License-Identifier: Apache-2.0
// What ofproto/trace shows of a translation. Whether something follows a step is known only at the end, and decides how deep
// it is indented: what comes last in its list goes on at the same depth, so that long chains of tables do not wander off.
#include <stdio.h>

#include "ofproto/pipeline/xlate-private.h"

#define DEPTH 4
#define MAX_LEVELS (2 * MAX_DEPTH + 8)

void ctx_step(struct xlate_ctx *ctx, int kind, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	if (!ctx_traced(ctx))
		return;
	va_start(args, fmt);
	strbuf_vprintf(&text, fmt, args);
	va_end(args);
	VEC_PUSH(&ctx->steps,
		 ((struct trace_step){ .kind = kind, .level = ctx->level, .text = text.s }));
}

const struct port_names *ctx_names(const struct xlate_ctx *ctx, struct port_names *storage)
{
	*storage = switch_port_names(ctx->sw);
	return ctx->in->use_names ? storage : NULL;
}

static bool is_last(const trace_steps *steps, size_t i)
{
	for (size_t j = i + 1; j < steps->n; j++)
		if (steps->v[j].level <= steps->v[i].level)
			return steps->v[j].level < steps->v[i].level;
	return true;
}

static void put_line(const char *text, unsigned int indent, struct strbuf *out)
{
	strbuf_putc_n(out, ' ', indent);
	strbuf_puts(out, text);
	strbuf_putc(out, '\n');
}

void trace_finish(trace_steps *steps, struct strbuf *out)
{
	unsigned int indents[MAX_LEVELS + 1] = { DEPTH };

	for (size_t i = 0; i < steps->n; i++) {
		const struct trace_step *s = &steps->v[i];
		unsigned int level = MIN(s->level, MAX_LEVELS - 1u), indent = indents[level];
		bool last = is_last(steps, i);

		indents[level + 1] = last && s->kind != STEP_BUCKET ? indent : indent + 2 * DEPTH;
		switch (s->kind) {
		case STEP_BRIDGE:
			indent -= last ? DEPTH : 0;
			strbuf_putc(out, '\n');
			put_line(s->text, indent, out);
			strbuf_putc_n(out, ' ', indent);
			strbuf_putc_n(out, '-', strlen(s->text));
			strbuf_putc(out, '\n');
			break;
		case STEP_TABLE:
			put_line(s->text, last ? indent - DEPTH : indent, out);
			break;
		case STEP_ACTION:
		case STEP_BUCKET:
			put_line(s->text, indent, out);
			break;
		case STEP_DETAIL:
			put_line(s->text, indent + 1, out);
			break;
		}
		free(s->text);
	}
	VEC_FREE(steps);
}
