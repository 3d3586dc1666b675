// SPDX-License-Identifier: Apache-2.0
// Groups in translation. Which bucket of a select group a packet takes is decided here, from its headers: each connection then has
// a megaflow of its own, which a NIC can hold (decision 37).
#include <math.h>

#include "core/base/hash.h"
#include "ofproto/pipeline/group-private.h"
#include "ofproto/pipeline/xlate-private.h"

// ---- What is alive ----

static void depend_on_group(struct xlate_ctx *ctx, uint32_t id)
{
	ctx_depend(ctx, (struct xlate_dep){
				.kind = DEP_GROUP,
				.sw = ctx->sw,
				.group = id,
				.version = switch_group_version(ctx->sw, ctx->version, id) });
}

// Ports are a dependency of every translation.
bool ctx_port_is_alive(const struct xlate_ctx *ctx, of_port_t number)
{
	struct of_port *p = switch_port_find(ctx->sw, number);

	return p && !(atomic_load(&p->state) & PORT_STATE_LINK_DOWN) &&
	       !(atomic_load(&p->config) & PORT_CONFIG_DOWN);
}

static bool group_is_alive(struct xlate_ctx *ctx, uint32_t id);

static bool bucket_is_alive(struct xlate_ctx *ctx, const struct bucket *b)
{
	bool port = b->watch_port.n != OFPP_ANY, group = b->watch_group != GROUP_ID_ANY;

	return (!port && !group) || (port && ctx_port_is_alive(ctx, b->watch_port)) ||
	       (group && group_is_alive(ctx, b->watch_group));
}

// Groups that watch each other in a circle are dead, and so is one that is asked for after too many others.
static bool group_is_alive(struct xlate_ctx *ctx, uint32_t id)
{
	struct group *g = switch_find_group(ctx->sw, ctx->version, id);
	bool alive = false;

	depend_on_group(ctx, id);
	if (ctx->watching >= MAX_DEPTH || ++ctx->watched > MAX_WATCHED)
		return false;
	ctx->watching++;
	for (size_t i = 0; g && !alive && i < g->desc.buckets.n; i++)
		alive = bucket_is_alive(ctx, &g->desc.buckets.v[i]);
	ctx->watching--;
	return alive;
}

// Of the group at hand; the trace tells why not.
static bool may_choose(struct xlate_ctx *ctx, const struct group *g, size_t i)
{
	const struct bucket *b = &g->desc.buckets.v[i];
	AUTO(strbuf) why = STRBUF_INIT;

	if (bucket_is_alive(ctx, b))
		return true;
	if (!ctx_traced(ctx))
		return false;
	if (b->watch_port.n != OFPP_ANY)
		strbuf_printf(&why, " port %u", b->watch_port.n);
	if (b->watch_group != GROUP_ID_ANY)
		strbuf_printf(&why, "%s group %u", why.len ? " and" : "", b->watch_group);
	ctx_report(ctx, "-> bucket %zu: not live due to%s", i, strbuf_cstr(&why));
	return false;
}

// ---- One bucket ----

static void run_bucket(struct xlate_ctx *ctx, struct group *g, size_t i)
{
	bool in_clone = ctx->in_clone, in_group = ctx->in_group;
	struct isolation iso;

	ctx_step(ctx, STEP_BUCKET, "bucket %zu", i);
	if (!xlate_may_go_deeper(ctx))
		return;
	ctx_credit(ctx, (struct xlate_credit){ .kind = CREDIT_GROUP, .group = g, .bucket = i });
	// Changes made before are for the packet behind the group too.
	ctx_commit(ctx);
	isolate_begin(ctx, &iso);
	ctx->depth++;
	ctx->level++;
	// The packet's action set is not the bucket's to execute, nor what it comes by in other tables.
	ctx->in_clone = true;
	strbuf_clear(&ctx->action_set);
	ctx->in_group = true;
	xlate_actions(ctx, acts_of(&g->buckets[i].acts));
	ctx->in_group = in_group;
	ctx->level--;
	ctx->depth--;
	ctx->in_clone = in_clone;
	isolate_end_in_line(ctx, &iso);
	ctx->exit = ctx->ret->error != XLATE_OK;
}

// ---- Choosing ----

static void look_at_bits(struct xlate_ctx *ctx, const struct field *f,
			 const union field_value *bits)
{
	struct flow_mask m = { 0 };

	field_write(f, bits, &m.m);
	if (!is_all_zeros(m.m.vlans, sizeof(m.m.vlans)))
		ctx_look_at_vlans(ctx);
	ctx_look_at(ctx, &m);
}

static uint64_t hash_fields(struct xlate_ctx *ctx, const struct group_selection *s)
{
	const struct hash_field *f;
	uint64_t hash = s->param;

	VEC_FOR_EACH (f, &s->fields) {
		union field_value value;

		if (!ctx_has_field(ctx, f->field))
			continue;
		look_at_bits(ctx, f->field, &f->mask);
		field_read(f->field, &ctx->flow, &value);
		for (size_t i = 0; i < f->field->n_bytes; i++)
			value.b[i] &= f->mask.b[i];
		hash = hash_stable(&value, f->field->n_bytes, hash);
	}
	return hash;
}

// Of all buckets that are alive the one with the highest score: so that each gets its share by weight, and when one comes or goes
// only its own share moves (weighted rendezvous hashing). The bucket's id counts, not its place.
static double score(const struct bucket *b, uint64_t hash)
{
	uint64_t mixed = hash_stable(&b->id, sizeof(b->id), hash);

	return -b->weight / log(((mixed >> 11) + 0.5) / (double)(UINT64_C(1) << 53));
}

static void run_best(struct xlate_ctx *ctx, struct group *g)
{
	const struct group_selection *s = &g->desc.selection;
	uint64_t hash = s->fields.n ? hash_fields(ctx, s) : xlate_hash_connection(ctx, s->param);
	size_t best = SIZE_MAX;
	double best_score = 0;

	for (size_t i = 0; i < g->desc.buckets.n; i++) {
		const struct bucket *b = &g->desc.buckets.v[i];
		double now;

		if (!may_choose(ctx, g, i) || !b->weight)
			continue;
		now = score(b, hash);
		ctx_report(ctx, "-> bucket %zu: score %.0f", i, now);
		if (now > best_score) {
			best = i;
			best_score = now;
		}
	}
	if (best == SIZE_MAX) {
		ctx_report(ctx, "-> no live bucket");
		return;
	}
	ctx_report(ctx, "-> using bucket %zu", best);
	run_bucket(ctx, g, best);
}

static void run_first(struct xlate_ctx *ctx, struct group *g)
{
	for (size_t i = 0; i < g->desc.buckets.n; i++) {
		if (!may_choose(ctx, g, i))
			continue;
		ctx_report(ctx, "-> using bucket %zu", i);
		run_bucket(ctx, g, i);
		return;
	}
	ctx_report(ctx, "-> no live bucket");
}

static void run_all(struct xlate_ctx *ctx, struct group *g)
{
	for (size_t i = 0; i < g->desc.buckets.n && !ctx->exit; i++)
		run_bucket(ctx, g, i);
}

void xlate_group(struct xlate_ctx *ctx, const struct act *a)
{
	static void (*const run[GROUP_N_TYPES])(struct xlate_ctx * ctx, struct group * g) = {
		[GROUP_ALL] = run_all,
		[GROUP_SELECT] = run_best,
		[GROUP_INDIRECT] = run_all,
		[GROUP_FAST_FAILOVER] = run_first,
	};
	struct group *g = switch_find_group(ctx->sw, ctx->version, a->group.id);

	depend_on_group(ctx, a->group.id);
	// One that a translation does not see is none: packet_out's actions may name any.
	if (!g)
		return;
	ctx_credit(ctx, (struct xlate_credit){
				.kind = CREDIT_GROUP, .group = g, .bucket = GROUP_ITSELF });
	run[g->desc.type](ctx, g);
}
