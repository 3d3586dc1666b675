// SPDX-License-Identifier: Apache-2.0
// encap and decap: whole headers that are put on packets and taken off.
//
// The key shows the outermost headers alone. What a header has been put on is hidden behind it, tags included; what comes to light
// behind NSH or a label is parsed when the packet comes round again. A header that has just been put on is one of the datapath's
// actions only when something needs the packet, so that what is set in it meanwhile is part of it.
#include "ofproto/pipeline/xlate-private.h"

enum { TYPE_IPV4 = 0x0800, TYPE_ETHERNET = 0x6558, TYPE_IPV6 = 0x86dd, TYPE_NSH = 0x894f };
#define BARE(TYPE) ((uint32_t)1 << 16 | (TYPE))

// RFC 8300: what follows the header, by its next protocol.
static const struct {
	uint32_t packet_type;
	uint8_t next_protocol;
} inside_nsh[] = {
	{ BARE(TYPE_IPV4), 1 },
	{ BARE(TYPE_IPV6), 2 },
	{ PACKET_TYPE_ETHERNET, 3 },
	{ BARE(TYPE_NSH), 4 },
};

enum { NSH_BASE = 8, NSH_FIXED = 16, NSH_MAX = 252, NSH_TTL = 63, NSH_INDEX = 255 };

static uint32_t type_of(const struct flow_key *k)
{
	return be32toh(k->packet_type);
}

// Says why. The packet is dropped, whatever has been done with it before.
#define UNSUPPORTED(CTX, ...) \
	(ctx_step(CTX, STEP_ACTION, __VA_ARGS__), xlate_fail(CTX, XLATE_UNSUPPORTED_PACKET_TYPE))

void ctx_hide_headers(struct xlate_ctx *ctx, size_t first_word)
{
	for (size_t i = first_word; i < FLOW_WORDS; i++) {
		flow_words(&ctx->flow)[i] = flow_words(&ctx->written.m)[i] = 0;
		flow_words(&ctx->known.m)[i] = UINT64_MAX;
	}
}

// A bare packet has no addresses and no tags.
static void know_ethernet(struct flow_mask *known)
{
	memset(&known->m.eth_dst, 0xff, sizeof(known->m.eth_dst));
	memset(&known->m.eth_src, 0xff, sizeof(known->m.eth_src));
	memset(known->m.vlans, 0xff, sizeof(known->m.vlans));
}

void xlate_know_bare(struct xlate_ctx *ctx)
{
	if (ctx->flow.packet_type)
		know_ethernet(&ctx->known);
}

static void become(struct xlate_ctx *ctx, uint32_t packet_type)
{
	ctx->flow.packet_type = htobe32(packet_type);
	ctx->known.m.packet_type = UINT32_MAX;
	if (packet_type != PACKET_TYPE_ETHERNET)
		ctx->flow.eth_type = htobe16(packet_type & UINT16_MAX);
}

// ---- encap ----

// Of the variable headers, which metadata of type 2 has.
static size_t tlvs_size(const struct act *a)
{
	const struct encap_tlv *tlvs = act_nested(a);
	size_t words = 0;

	for (size_t i = 0; a->nested && i < a->encap.n_tlvs; i++)
		words += 1 + DIV_ROUND_UP(tlvs[words].n, sizeof(*tlvs));
	return words * sizeof(*tlvs);
}

static void encap_nsh(struct xlate_ctx *ctx, const struct act *a)
{
	uint32_t type = type_of(&ctx->flow);
	struct flow_key *k = &ctx->flow;
	size_t i = 0;

	while (i < ARRAY_SIZE(inside_nsh) && inside_nsh[i].packet_type != type)
		i++;
	if (i == ARRAY_SIZE(inside_nsh)) {
		UNSUPPORTED(ctx,
			    "Dropping packet as encap(nsh) is not supported for packet type "
			    "(%u,0x%x)",
			    type >> 16, type & UINT16_MAX);
		return;
	}
	if (a->encap.md_type == 2 && NSH_BASE + tlvs_size(a) > NSH_MAX) {
		UNSUPPORTED(ctx, "Dropping packet as an NSH header has 252 bytes at most");
		return;
	}
	ctx_commit(ctx);
	ctx_hide_headers(ctx, FLOW_SEGMENT_L2);
	become(ctx, BARE(TYPE_NSH));
	k->nsh_ttl = NSH_TTL;
	k->nsh_mdtype = a->encap.md_type ? a->encap.md_type : 1;
	k->nsh_np = inside_nsh[i].next_protocol;
	k->nsh_path = htobe32(NSH_INDEX);
	ctx->encap = a;
}

static void encap_ethernet(struct xlate_ctx *ctx)
{
	if (!ctx->flow.packet_type) {
		UNSUPPORTED(ctx, "Dropping packet as encap(ethernet) is not supported for packet "
				 "type ethernet.");
		return;
	}
	ctx_commit(ctx);
	become(ctx, PACKET_TYPE_ETHERNET);
}

void xlate_encap(struct xlate_ctx *ctx, const struct act *a)
{
	uint32_t type = be32toh(a->encap.packet_type);

	if (type == PACKET_TYPE_ETHERNET) {
		encap_ethernet(ctx);
	} else if (type == BARE(TYPE_NSH)) {
		encap_nsh(ctx, a);
	} else if (mpls_encap(ctx, htobe16(type & UINT16_MAX))) {
		become(ctx, type);
		ctx->encap = a;
	}
}

// ---- The header's action ----

static void put_nsh(struct xlate_ctx *ctx)
{
	struct dp_action *d = dp_put(&ctx->ret->actions, DP_ACTION_PUSH_NSH);
	const struct flow_key *k = &ctx->flow;
	uint8_t *h = d->push_nsh.header;
	size_t n = k->nsh_mdtype == 1 ? NSH_FIXED : tlvs_size(ctx->encap);

	h[0] = (k->nsh_flags & 3) << 4 | (k->nsh_ttl >> 2 & 0xf);
	h[1] = k->nsh_ttl << 6 | (NSH_BASE + n) / 4;
	h[2] = k->nsh_mdtype;
	h[3] = k->nsh_np;
	memcpy(h + 4, &k->nsh_path, sizeof(k->nsh_path));
	memcpy(h + NSH_BASE,
	       k->nsh_mdtype == 1 ? (const void *)k->nsh_context : act_nested(ctx->encap), n);
	d->push_nsh.len = NSH_BASE + n;
}

static void put_label(struct xlate_ctx *ctx)
{
	struct dp_action *d = dp_put(&ctx->ret->actions, DP_ACTION_ADD_MPLS);

	d->push_mpls.lse = ctx->flow.mpls_lse[0];
	d->push_mpls.ethertype = ctx->flow.eth_type;
}

void encap_commit(struct xlate_ctx *ctx)
{
	if (!ctx->encap)
		return;
	if (ctx->flow.eth_type == htobe16(TYPE_NSH))
		put_nsh(ctx);
	else
		put_label(ctx);
	ctx->encap = NULL;
	ctx->n_headers++;
	ctx->base.packet_type = htobe32(BARE(be16toh(ctx->flow.eth_type)));
	ctx_base_is_flow(ctx, FLOW_SEGMENT_L2);
	for (size_t i = FLOW_SEGMENT_L2; i < FLOW_WORDS; i++)
		flow_words(&ctx->written.m)[i] = 0;
	ctx->n_base_labels = ctx->n_kept_labels = mpls_count(&ctx->base);
}

// ---- decap ----

static bool is_tagged(struct xlate_ctx *ctx)
{
	struct flow_mask m = { .m.vlans[0].tci = htobe16(VLAN_PRESENT) };

	ctx_look_at(ctx, &m);
	return ctx->flow.vlans[0].tci & m.m.vlans[0].tci;
}

static void decap_ethernet(struct xlate_ctx *ctx)
{
	if (is_tagged(ctx)) {
		UNSUPPORTED(ctx, "Dropping packet, cannot decap Ethernet if VLAN is present.");
		return;
	}
	// Out of a tunnel of layer 3 it has come without, and has got none so far.
	if (ctx->n_headers || !ctx->base.packet_type || !mpls_is_committed(ctx))
		ctx_commit(ctx);
	memset(&ctx->flow.eth_dst, 0, sizeof(ctx->flow.eth_dst));
	memset(&ctx->flow.eth_src, 0, sizeof(ctx->flow.eth_src));
	memset(ctx->flow.vlans, 0, sizeof(ctx->flow.vlans));
	know_ethernet(&ctx->known);
	become(ctx, BARE(be16toh(ctx->flow.eth_type)));
}

// The datapath's packet is another from here on; all that was to come comes when it has been parsed.
static void parse_inside(struct xlate_ctx *ctx, uint32_t packet_type)
{
	ctx_hide_headers(ctx, FLOW_SEGMENT_L2);
	become(ctx, packet_type);
	ctx->base.packet_type = ctx->flow.packet_type;
	ctx_base_is_flow(ctx, FLOW_SEGMENT_L2);
	ctx->n_base_labels = ctx->n_kept_labels = 0;
	ctx->unparsed = true;
	ctx->n_headers++;
	xlate_parse_again(ctx);
}

static void decap_nsh(struct xlate_ctx *ctx)
{
	uint8_t np = ctx->flow.nsh_np;

	ctx_look_at_field(ctx, field_get(FIELD_NSH_NP));
	for (size_t i = 0; i < ARRAY_SIZE(inside_nsh); i++) {
		if (inside_nsh[i].next_protocol != np)
			continue;
		ctx_commit(ctx);
		dp_put(&ctx->ret->actions, DP_ACTION_POP_NSH);
		parse_inside(ctx, inside_nsh[i].packet_type);
		return;
	}
	UNSUPPORTED(ctx, "Dropping packet as NSH next protocol %u is not supported", np);
}

// Labels that come behind this one stay on the packet if its type says that they are labels.
static void decap_label(struct xlate_ctx *ctx, uint32_t inside)
{
	be16 type = htobe16(inside == PACKET_TYPE_ETHERNET ? TYPE_ETHERNET : inside & UINT16_MAX);

	ctx_commit(ctx);
	if (!mpls_pop(ctx, type))
		return;
	ctx_commit(ctx);
	if (ctx->unparsed) {
		parse_inside(ctx, inside == PACKET_TYPE_ETHERNET ? inside : BARE(be16toh(type)));
		return;
	}
	become(ctx, BARE(be16toh(type)));
	ctx->base.packet_type = ctx->flow.packet_type;
}

void xlate_decap(struct xlate_ctx *ctx, const struct act *a)
{
	uint32_t type = type_of(&ctx->flow);

	if (type == PACKET_TYPE_ETHERNET) {
		decap_ethernet(ctx);
	} else if (type == BARE(TYPE_NSH)) {
		decap_nsh(ctx);
	} else if (mpls_count(&ctx->flow)) {
		decap_label(ctx, be32toh(a->decap.packet_type));
	} else {
		UNSUPPORTED(ctx,
			    "Dropping packet as the decap() does not support packet type (%u,0x%x)",
			    type >> 16, type & UINT16_MAX);
	}
}
