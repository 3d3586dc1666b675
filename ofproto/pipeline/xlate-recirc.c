// SPDX-License-Identifier: Apache-2.0
// Packets that go round through the datapath: what is kept of them, and where they go on when it has parsed them again.
#include "ofproto/pipeline/xlate-private.h"

// Frames, the innermost first, as they are kept.
typedef VEC(struct recirc_rest) rest_list;

struct what {
	uint8_t table;
	bool tracked, with_set;
	rest_list rest;
	const struct to_controller *controller; // NULL: the packet goes to none
};

static uint32_t freeze(struct xlate_ctx *ctx, const struct what *w)
{
	xlate_tunnel_freeze(ctx);
	struct recirc_frozen f = {
		.sw = ctx->sw,
		.in_port = OF_PORT(ctx->flow.in_port),
		.table = w->table,
		.passes = ctx->passes + 1,
		.tracked = w->tracked,
		.flow = &ctx->flow,
		.written = &ctx->tunnel_set,
		// One that is being carried out is not carried out again.
		.action_set = w->with_set && !ctx->in_action_set ? acts_of(&ctx->action_set)
								 : (struct acts){ NULL, 0 },
		.stack = strbuf_cstr(&ctx->stack),
		.stack_len = ctx->stack.len,
		.rest = w->rest.v,
		.n_rest = w->rest.n,
		.userdata = w->controller ? w->controller->userdata : NULL,
		.n_userdata = w->controller ? w->controller->n_userdata : 0,
		.paused = w->controller && w->controller->pause,
	};
	struct recirc_state *s;

	if (ctx->passes >= MAX_PASSES) {
		ctx_report(ctx, ">>>> over %d recirculations <<<<", MAX_PASSES);
		return xlate_fail(ctx, XLATE_TOO_MANY_RECIRCULATIONS);
	}
	s = recirc_intern(&f);
	if (!s)
		return xlate_fail(ctx, XLATE_TOO_MANY_CONTEXTS);
	VEC_PUSH(&ctx->ret->basis.recircs, s);
	return s->id;
}

uint32_t ctx_freeze(struct xlate_ctx *ctx, uint8_t table, bool tracked)
{
	return freeze(ctx, &(struct what){ .table = table, .tracked = tracked, .with_set = true });
}

static void collect_rest(const struct xlate_ctx *ctx, rest_list *rest)
{
	// Where nothing is left to do there is nothing to come back to: a long chain of tables leaves one entry.
	for (const struct frame *f = ctx->frame; f; f = f->outer)
		if (f == ctx->frame || f->rest.size)
			VEC_PUSH(rest, ((struct recirc_rest){ .table = f->table,
							      .cookie = f->rule ? f->rule->cookie
										: f->cookie,
							      .acts = f->rest }));
}

uint32_t ctx_freeze_for_controller(struct xlate_ctx *ctx, const struct to_controller *c)
{
	struct what w = {
		.table = ctx->table,
		.tracked = !ctx_connection_is_hidden(ctx),
		.with_set = c->pause && !ctx->in_clone,
		.controller = c,
	};
	uint32_t id;

	if (c->pause)
		collect_rest(ctx, &w.rest);
	id = freeze(ctx, &w);
	VEC_FREE(&w.rest);
	return id;
}

// ---- Packets to be parsed again ----

static bool is_plain_port(struct xlate_ctx *ctx, of_port_t number)
{
	struct of_port *p;

	if (number.n == OFPP_CONTROLLER)
		return true;
	if (number.n == OFPP_IN_PORT)
		number = OF_PORT(ctx->flow.in_port);
	p = switch_port_find(ctx->sw, number);
	// Through a patch come tables; into a tunnel goes what the packet's header says; queues mark by it.
	return p && !dp_port_equal(p->dp_port, DP_PORT_NONE) && !xlate_is_tunnel(p) &&
	       !RCU_GET(p->queues);
}

static bool is_beside_headers(const struct field *f)
{
	return f->need == NEED_NONE || f->need == NEED_ETH;
}

bool xlate_needs_headers(struct xlate_ctx *ctx, const struct act *a)
{
	switch (a->type) {
	case ACT_OUTPUT:
		return !is_plain_port(ctx, a->output.port);
	case ACT_OUTPUT_TRUNC:
		return !is_plain_port(ctx, a->output_trunc.port);
	case ACT_SET_FIELD:
		return !is_beside_headers(a->set_field.field);
	case ACT_CONTROLLER:
	case ACT_SET_TUNNEL:
	case ACT_SET_QUEUE:
	case ACT_POP_QUEUE:
	case ACT_NOTE:
	case ACT_EXIT:
	case ACT_CLEAR_ACTIONS:
	case ACT_WRITE_ACTIONS:
	case ACT_WRITE_METADATA:
		return false;
	}
	return true;
}

void xlate_parse_again(struct xlate_ctx *ctx)
{
	struct what w = { .table = ctx->table,
			  .tracked = !ctx_connection_is_hidden(ctx),
			  .with_set = !ctx->in_clone };
	uint32_t id;

	collect_rest(ctx, &w.rest);
	ctx_commit(ctx);
	id = freeze(ctx, &w);
	VEC_FREE(&w.rest);
	if (id)
		dp_put(&ctx->ret->actions, DP_ACTION_RECIRC)->recirc.id = id;
	// All that was to come comes then.
	ctx->exit = true;
}

static void report_resumption(struct xlate_ctx *ctx, const struct recirc_state *s)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct port_names names;

	if (!ctx_traced(ctx))
		return;
	for (size_t i = 0; i < s->n_rest; i++) {
		struct acts list = s->rest[i].acts;

		if (!list.size)
			continue;
		if (text.len)
			strbuf_putc(&text, ',');
		acts_format(list, ctx_names(ctx, &names), &text);
	}
	ctx_step(ctx, STEP_ACTION,
		 "thaw\n            Resuming from table %u\n        Restoring actions: %s",
		 s->table, strbuf_cstr(&text));
}

bool xlate_resume_actions(struct xlate_ctx *ctx, const struct recirc_state *s)
{
	struct frame *frames;

	if (!s->n_rest)
		return false;
	report_resumption(ctx, s);
	frames = xcalloc(s->n_rest, sizeof(*frames));
	for (size_t i = 0; i < s->n_rest; i++)
		frames[i] = (struct frame){ .rest = s->rest[i].acts,
					    .cookie = s->rest[i].cookie,
					    .table = s->rest[i].table,
					    .outer = i + 1 < s->n_rest ? &frames[i + 1] : NULL };
	ctx->frame = frames;
	xlate_rest(ctx);
	ctx->frame = NULL;
	free(frames);
	return true;
}
