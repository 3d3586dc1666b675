// SPDX-License-Identifier: Apache-2.0
// MPLS: labels that are pushed, popped and set, and the datapath actions that make them so.
//
// The key has up to FLOW_MAX_MPLS labels, the outermost first; the last one of a packet says that it is. What is behind them is out
// of sight: a packet whose last label has been popped must be parsed again before anything looks at its headers
// (xlate_parse_again()). Labels move when one is pushed or popped, so whoever does that has looked at all that stay.
#include "ofproto/pipeline/xlate-private.h"

#define BOS 0x100u // bottom of stack
#define TOO_MANY \
	">>>> dropping packet on which an MPLS %s action can't be performed as it %s more MPLS " \
	"LSEs than the %d supported. <<<<"

static bool has_labels(const struct flow_key *k)
{
	return k->eth_type == htobe16(0x8847) || k->eth_type == htobe16(0x8848);
}

// How many the key shows.
static unsigned int count(const struct flow_key *k)
{
	unsigned int n = 0;

	if (!has_labels(k))
		return 0;
	while (n < FLOW_MAX_MPLS && !(k->mpls_lse[n] & htobe32(BOS)))
		n++;
	return MIN(n + 1, FLOW_MAX_MPLS);
}

unsigned int mpls_count(const struct flow_key *k)
{
	return count(k);
}

static bool all_are_seen(const struct flow_key *k)
{
	return !has_labels(k) || k->mpls_lse[count(k) - 1] & htobe32(BOS);
}

// How many there are.
static void look_at_bottom(struct xlate_ctx *ctx)
{
	struct flow_mask m = { 0 };

	for (unsigned int i = 0; i < count(&ctx->flow); i++)
		m.m.mpls_lse[i] = htobe32(BOS);
	ctx_look_at(ctx, &m);
}

// Those that get another place.
static void look_at_labels(struct xlate_ctx *ctx, unsigned int from)
{
	struct flow_mask m = { 0 };

	for (unsigned int i = from; i < count(&ctx->flow); i++)
		m.m.mpls_lse[i] = UINT32_MAX;
	ctx_look_at(ctx, &m);
}

static void know_labels(struct xlate_ctx *ctx)
{
	memset(ctx->known.m.mpls_lse, 0xff, sizeof(ctx->known.m.mpls_lse));
	memset(ctx->written.m.mpls_lse, 0, sizeof(ctx->written.m.mpls_lse));
}

// ---- Push ----

static uint32_t label(uint32_t value, uint32_t class, uint32_t ttl, uint32_t last)
{
	return value << 12 | (class & 7) << 9 | last | ttl;
}

// The first label of a packet: explicit null of its protocol, class and time to live as that has them.
static uint32_t first_label(struct xlate_ctx *ctx)
{
	const struct flow_key *k = &ctx->flow;

	if (!flow_is_ip(k))
		return label(0, 0, 64, BOS);
	ctx_look_at_field(ctx, field_get(FIELD_IP_DSCP));
	ctx_look_at_field(ctx, field_get(FIELD_IP_TTL));
	return label(k->eth_type == htobe16(0x86dd) ? 2 : 0, k->nw_tos >> 2,
		     k->nw_ttl ? k->nw_ttl : 64, BOS);
}

// Is there room for one more than 'n'? All of them get another place.
static bool may_push(struct xlate_ctx *ctx, unsigned int n)
{
	look_at_bottom(ctx);
	if (n == FLOW_MAX_MPLS) {
		ctx_report(ctx, TOO_MANY, "push", "would have", FLOW_MAX_MPLS);
		return xlate_fail(ctx, XLATE_TOO_MANY_LABELS);
	}
	look_at_labels(ctx, 0);
	return true;
}

// Before a bare packet's labels goes one like the outermost.
bool mpls_encap(struct xlate_ctx *ctx, be16 ethertype)
{
	struct flow_key *k = &ctx->flow;
	unsigned int n = k->packet_type ? count(k) : 0;
	bool v6 = k->packet_type && k->eth_type == htobe16(0x86dd);
	be32 labels[FLOW_MAX_MPLS] = { htobe32(label(v6 ? 2 : 0, 0, 64, BOS)) };

	if (n && !may_push(ctx, n))
		return false;
	ctx_commit(ctx);
	if (n) {
		labels[0] = k->mpls_lse[0] & ~htobe32(BOS);
		memcpy(&labels[1], k->mpls_lse, sizeof(*labels) * (FLOW_MAX_MPLS - 1));
	}
	ctx_hide_headers(ctx, FLOW_SEGMENT_L2);
	memcpy(k->mpls_lse, labels, sizeof(labels));
	k->eth_type = ethertype;
	return true;
}

static bool has_ethernet(struct xlate_ctx *ctx)
{
	if (!ctx->flow.packet_type)
		return true;
	ctx_report(ctx, ">> a packet without an Ethernet header has its labels by encap and decap, "
			"ignored");
	return false;
}

void xlate_push_mpls(struct xlate_ctx *ctx, const struct act *a)
{
	be32 *labels = ctx->flow.mpls_lse;
	unsigned int n = count(&ctx->flow);
	be32 first;

	if (!has_ethernet(ctx) || !may_push(ctx, n))
		return;
	// What was set before is behind the label from now on.
	if (!n || (ctx->n_kept_labels == n && ctx->written.m.mpls_lse[0]))
		ctx_commit_fields(ctx);
	if (n) {
		first = labels[0] & ~htobe32(BOS);
	} else {
		first = htobe32(first_label(ctx));
		ctx_hide_headers(ctx, FLOW_SEGMENT_L3);
	}
	memmove(labels + 1, labels, sizeof(*labels) * (FLOW_MAX_MPLS - 1));
	labels[0] = first;
	know_labels(ctx);
	ctx->flow.eth_type = a->push_mpls.ethertype;
}

// ---- Pop ----

// Of what comes out only labels can be told: the type says whether there are more.
bool mpls_pop(struct xlate_ctx *ctx, be16 ethertype)
{
	be32 *labels = ctx->flow.mpls_lse;
	unsigned int n = count(&ctx->flow);

	if (!n)
		return false;
	look_at_bottom(ctx);
	if (!all_are_seen(&ctx->flow)) {
		ctx_report(ctx, TOO_MANY, "pop", "has", FLOW_MAX_MPLS);
		return xlate_fail(ctx, XLATE_TOO_MANY_LABELS);
	}
	look_at_labels(ctx, 1);
	// A label that is taken off again leaves no trace, but for another type.
	if (n > ctx->n_kept_labels && !ctx->n_base_labels && ctx->base.eth_type != ethertype)
		ctx_commit_fields(ctx);
	ctx->flow.eth_type = ethertype;
	if (n == 1 || !has_labels(&ctx->flow)) {
		n = 0;
		memset(labels, 0, sizeof(ctx->flow.mpls_lse));
		ctx_hide_headers(ctx, FLOW_SEGMENT_L3);
		ctx->unparsed = true;
	} else {
		n--;
		memmove(labels, labels + 1, sizeof(*labels) * (FLOW_MAX_MPLS - 1));
		labels[FLOW_MAX_MPLS - 1] = 0;
	}
	ctx->n_kept_labels = MIN(ctx->n_kept_labels, n);
	know_labels(ctx);
	return true;
}

void xlate_pop_mpls(struct xlate_ctx *ctx, const struct act *a)
{
	if (has_ethernet(ctx))
		mpls_pop(ctx, a->pop_mpls.ethertype);
}

// ---- Parts of the outermost label ----

static void set_part(struct xlate_ctx *ctx, enum field_id id, uint32_t value)
{
	const struct field *f = field_get(id);
	union field_value v, all;

	if (!ctx_has_field(ctx, f))
		return;
	field_value_from_u64(f, value, &v);
	field_all_ones(f, &all);
	ctx_write_field(ctx, f, v.b, all.b);
}

void xlate_set_mpls_label(struct xlate_ctx *ctx, const struct act *a)
{
	set_part(ctx, FIELD_MPLS_LABEL, a->mpls.value);
}

void xlate_set_mpls_tc(struct xlate_ctx *ctx, const struct act *a)
{
	set_part(ctx, FIELD_MPLS_TC, a->mpls.value);
}

void xlate_set_mpls_ttl(struct xlate_ctx *ctx, const struct act *a)
{
	set_part(ctx, FIELD_MPLS_TTL, a->mpls.value);
}

void xlate_dec_mpls_ttl(struct xlate_ctx *ctx, const struct act *a)
{
	const struct field *ttl = field_get(FIELD_MPLS_TTL);
	uint8_t value;

	if (!ctx_has_field(ctx, ttl))
		return;
	ctx_look_at_field(ctx, ttl);
	value = be32toh(ctx->flow.mpls_lse[0]);
	if (value > 1) {
		set_part(ctx, FIELD_MPLS_TTL, value - 1);
		return;
	}
	ctx_report(ctx, ">> MPLS decrement TTL exception");
	xlate_ttl_expired(ctx, 0);
}

// ---- Datapath actions ----

static void put_pop(struct xlate_ctx *ctx, be16 type)
{
	dp_put(&ctx->ret->actions, DP_ACTION_POP_MPLS)->pop_mpls.ethertype = type;
}

static void put_push(struct xlate_ctx *ctx, be32 lse)
{
	struct dp_action *a = dp_put(&ctx->ret->actions, DP_ACTION_PUSH_MPLS);

	a->push_mpls.lse = lse;
	a->push_mpls.ethertype = ctx->flow.eth_type;
}

static void put_set(struct xlate_ctx *ctx, unsigned int i)
{
	static const enum field_id parts[] = { FIELD_MPLS_LABEL, FIELD_MPLS_TC, FIELD_MPLS_TTL };
	struct flow_key k = { .mpls_lse = { ctx->flow.mpls_lse[i] } };
	union field_value v, all;

	for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
		field_read(field_get(parts[p]), &k, &v);
		field_all_ones(field_get(parts[p]), &all);
		dp_put_set(&ctx->ret->actions, field_get(parts[p]), &v, &all);
	}
}

bool mpls_is_committed(const struct xlate_ctx *ctx)
{
	return ctx->n_kept_labels == ctx->n_base_labels &&
	       ctx->n_kept_labels == (ctx->unparsed ? 0 : count(&ctx->flow)) &&
	       ctx->base.eth_type == ctx->flow.eth_type;
}

static void base_pop(struct xlate_ctx *ctx, be16 type)
{
	be32 *labels = ctx->base.mpls_lse;

	put_pop(ctx, type);
	memmove(labels, labels + 1, sizeof(*labels) * (FLOW_MAX_MPLS - 1));
	labels[FLOW_MAX_MPLS - 1] = 0;
}

static void base_push(struct xlate_ctx *ctx, be32 lse)
{
	be32 *labels = ctx->base.mpls_lse;

	put_push(ctx, lse);
	memmove(labels + 1, labels, sizeof(*labels) * (FLOW_MAX_MPLS - 1));
	labels[0] = lse;
}

// The datapath's packet has other headers in sight than before.
static void base_changes_type(struct xlate_ctx *ctx)
{
	ctx_base_is_flow(ctx, FLOW_SEGMENT_L3);
	ctx->base.eth_type = ctx->flow.eth_type;
}

void mpls_commit(struct xlate_ctx *ctx)
{
	unsigned int want = ctx->unparsed ? 0 : count(&ctx->flow), pops, pushes;
	be16 was = ctx->base.eth_type, type = ctx->flow.eth_type;
	bool in_place;

	// For another type alone, too, the outermost is taken off and put on again.
	if (want && want == ctx->n_kept_labels && want == ctx->n_base_labels)
		ctx->n_kept_labels--;
	pops = ctx->n_base_labels - ctx->n_kept_labels;
	pushes = want - ctx->n_kept_labels;
	// Where one takes another's place that one is changed.
	in_place = pops && pushes && was == type;
	for (pops -= in_place; pops; pops--)
		base_pop(ctx, pops == 1 && !pushes ? type : was);
	pushes -= in_place;
	if (in_place)
		put_set(ctx, pushes);
	if (in_place)
		ctx->base.mpls_lse[0] = ctx->flow.mpls_lse[pushes];
	// These are as they should be; what is to be set in a label that was there is set behind this.
	if (pushes || in_place)
		memset(ctx->written.m.mpls_lse, 0, sizeof(ctx->written.m.mpls_lse));
	for (; pushes; pushes--)
		base_push(ctx, ctx->flow.mpls_lse[pushes - 1]);
	memset(ctx->base_known.m.mpls_lse, 0xff, sizeof(ctx->base_known.m.mpls_lse));
	if (!has_labels(&ctx->base) || !want)
		base_changes_type(ctx);
	ctx->base.eth_type = type;
	ctx->n_base_labels = ctx->n_kept_labels = want;
	ctx->n_headers++;
}
