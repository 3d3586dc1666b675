// SPDX-License-Identifier: Apache-2.0
// From the key that the pipeline has made of the packet to the datapath actions that make the packet so.
//
// A bit that the pipeline has written need not be looked at in the packet: the datapath sets it whatever it was. So a
// rewrite does not narrow the megaflow. Only where the packet is known to hold the value already is the set left out.
#include "ofproto/pipeline/xlate-private.h"

// In the order of headers, so that sets of one header stand together; last what is beside the packet.
static const enum field_id settable[] = {
	FIELD_ETH_SRC,	 FIELD_ETH_DST,	     FIELD_IP_SRC,    FIELD_IP_DST,	 FIELD_IPV6_SRC,
	FIELD_IPV6_DST,	 FIELD_IPV6_LABEL,   FIELD_IP_DSCP,   FIELD_IP_ECN,	 FIELD_IP_TTL,
	FIELD_ARP_OP,	 FIELD_ARP_SPA,	     FIELD_ARP_TPA,   FIELD_ARP_SHA,	 FIELD_ARP_THA,
	FIELD_TCP_SRC,	 FIELD_TCP_DST,	     FIELD_UDP_SRC,   FIELD_UDP_DST,	 FIELD_SCTP_SRC,
	FIELD_SCTP_DST,	 FIELD_ICMP_TYPE,    FIELD_ICMP_CODE, FIELD_ICMPV6_TYPE, FIELD_ICMPV6_CODE,
	FIELD_ND_TARGET, FIELD_ND_SLL,	     FIELD_ND_TLL,    FIELD_NSH_FLAGS,	 FIELD_NSH_TTL,
	FIELD_NSH_SPI,	 FIELD_NSH_SI,	     FIELD_NSH_C1,    FIELD_NSH_C2,	 FIELD_NSH_C3,
	FIELD_NSH_C4,	 FIELD_SKB_PRIORITY, FIELD_PKT_MARK,
};
static const enum field_id settable_labels[] = { FIELD_MPLS_LABEL, FIELD_MPLS_TC, FIELD_MPLS_TTL };

static bool any_written(const struct flow_mask *m)
{
	return !is_all_zeros(m, sizeof(*m));
}

static void commit_field(struct xlate_ctx *ctx, const struct field *f)
{
	union field_value bits, value, old, seen, known, lost;

	field_read(f, &ctx->written.m, &bits);
	if (is_all_zeros(&bits, f->n_bytes))
		return;
	// Shared members (TCP and UDP ports, ARP and IPv4 addresses) are set by the field that the packet has.
	if (!field_is_present(f, &ctx->flow))
		return;
	field_read(f, &ctx->flow, &value);
	field_read(f, &ctx->base, &old);
	field_read(f, &ctx->ret->mask.m, &seen);
	field_read(f, &ctx->base_known.m, &known);
	field_read(f, &ctx->base_lost.m, &lost);
	bool same = true;
	for (int i = 0; i < f->n_bytes; i++) {
		value.b[i] &= bits.b[i];
		if ((value.b[i] ^ old.b[i]) & bits.b[i])
			same = false;
		if (bits.b[i] & (~(seen.b[i] | known.b[i]) | lost.b[i]))
			same = false;
		lost.b[i] &= ~bits.b[i];
	}
	if (!same)
		dp_put_set(&ctx->ret->actions, f, &value, &bits);
	field_write_masked(f, &value, &bits, &ctx->base);
	field_write_masked(f, &bits, &bits, &ctx->base_known.m);
	field_write(f, &lost, &ctx->base_lost.m);
}

static unsigned int n_tags(const struct flow_key *k)
{
	unsigned int n = 0;

	while (n < FLOW_MAX_VLANS && k->vlans[n].tci & htobe16(VLAN_PRESENT))
		n++;
	return n;
}

static bool tag_equal(struct flow_vlan a, struct flow_vlan b)
{
	return a.tpid == b.tpid && a.tci == b.tci;
}

// How many of the innermost tags are in both keys. Whoever changed tags has looked at all of them, or has put one on top only.
static unsigned int n_same_tags(const struct xlate_ctx *ctx)
{
	unsigned int have = n_tags(&ctx->base), want = n_tags(&ctx->flow), same = 0;

	while (same < have && same < want &&
	       tag_equal(ctx->base.vlans[have - 1 - same], ctx->flow.vlans[want - 1 - same]))
		same++;
	return same;
}

// Down to the tags that both share.
static void pop_tags(struct xlate_ctx *ctx)
{
	struct flow_vlan *tags = ctx->base.vlans;

	for (unsigned int n = n_tags(&ctx->base) - n_same_tags(ctx); n; n--) {
		dp_put(&ctx->ret->actions, DP_ACTION_POP_VLAN);
		memmove(tags, tags + 1, sizeof(*tags) * (FLOW_MAX_VLANS - 1));
		memset(&tags[FLOW_MAX_VLANS - 1], 0, sizeof(*tags));
	}
}

static void commit_vlans(struct xlate_ctx *ctx)
{
	unsigned int want = n_tags(&ctx->flow);

	pop_tags(ctx);
	for (unsigned int i = want - n_same_tags(ctx); i; i--) {
		struct dp_action *a = dp_put(&ctx->ret->actions, DP_ACTION_PUSH_VLAN);

		a->push_vlan.tpid = ctx->flow.vlans[i - 1].tpid;
		a->push_vlan.tci = ctx->flow.vlans[i - 1].tci;
	}
	memcpy(ctx->base.vlans, ctx->flow.vlans, sizeof(ctx->base.vlans));
}

// Into a tunnel of layer 3 goes what is behind the Ethernet header; out of one comes a packet without.
static void commit_ethernet(struct xlate_ctx *ctx)
{
	struct dp_action *a;

	if (ctx->base.packet_type == ctx->flow.packet_type)
		return;
	if (ctx->flow.packet_type) {
		dp_put(&ctx->ret->actions, DP_ACTION_POP_ETH);
		ctx->n_headers++;
	} else {
		ctx_look_at_field(ctx, field_get(FIELD_ETH_SRC));
		ctx_look_at_field(ctx, field_get(FIELD_ETH_DST));
		a = dp_put(&ctx->ret->actions, DP_ACTION_PUSH_ETH);
		a->push_eth.src = ctx->base.eth_src = ctx->flow.eth_src;
		a->push_eth.dst = ctx->base.eth_dst = ctx->flow.eth_dst;
		memset(&ctx->base_known.m.eth_src, 0xff, sizeof(struct eth_addr));
		memset(&ctx->base_known.m.eth_dst, 0xff, sizeof(struct eth_addr));
	}
	ctx->base.packet_type = ctx->flow.packet_type;
}

static void commit_fields(struct xlate_ctx *ctx, const enum field_id *ids, size_t n)
{
	if (any_written(&ctx->written))
		for (size_t i = 0; i < n; i++)
			commit_field(ctx, field_get(ids[i]));
}

// A kernel puts labels only where it sees no tag, so tags go before and come behind. Fields that a label hides are set before.
static void commit_labels(struct xlate_ctx *ctx)
{
	if (mpls_is_committed(ctx))
		return;
	commit_fields(ctx, settable, ARRAY_SIZE(settable));
	pop_tags(ctx);
	mpls_commit(ctx);
}

void ctx_base_is_flow(struct xlate_ctx *ctx, size_t first_word)
{
	for (size_t i = first_word; i < FLOW_WORDS; i++) {
		flow_words(&ctx->base)[i] = flow_words_const(&ctx->flow)[i];
		flow_words(&ctx->base_known.m)[i] = UINT64_MAX;
		flow_words(&ctx->base_lost.m)[i] = 0;
	}
}

void ctx_commit_fields(struct xlate_ctx *ctx)
{
	encap_commit(ctx);
	if (!ctx->flow.packet_type)
		commit_ethernet(ctx); // tags and labels go behind a new header
	commit_labels(ctx);
	commit_fields(ctx, settable, ARRAY_SIZE(settable));
	commit_fields(ctx, settable_labels, ARRAY_SIZE(settable_labels));
	memset(&ctx->written, 0, sizeof(ctx->written));
}

void ctx_commit(struct xlate_ctx *ctx)
{
	encap_commit(ctx);
	if (!ctx->flow.packet_type)
		commit_ethernet(ctx);
	commit_labels(ctx);
	commit_vlans(ctx);
	if (ctx->flow.packet_type)
		commit_ethernet(ctx); // a packet that loses its header has lost the tags
	ctx_commit_fields(ctx);
}

void ctx_look_at(struct xlate_ctx *ctx, const struct flow_mask *mask)
{
	const uint64_t *m = flow_words_const(&mask->m), *known = flow_words_const(&ctx->known.m);
	uint64_t *out = flow_words(&ctx->ret->mask.m);

	for (size_t i = 0; i < FLOW_WORDS; i++)
		out[i] |= m[i] & ~known[i];
	ctx->touched_all = true;
}

// Keys and masks that are made for one field have nothing but its words.
static void clear_for(const struct field *f, struct flow_key *k)
{
	struct word_range r = field_words(f);

	for (size_t w = r.first; w < r.end; w++)
		flow_words(k)[w] = 0;
}

void ctx_look_at_word(struct xlate_ctx *ctx, size_t w, uint64_t bits)
{
	flow_words(&ctx->ret->mask.m)[w] |= bits & ~flow_words_const(&ctx->known.m)[w];
	ctx_touch(ctx, w);
}

static void look_at_needs(struct xlate_ctx *ctx, const struct field *f)
{
	const struct word_bits *needs;
	size_t n = field_needs(f, &needs);

	for (size_t i = 0; i < n; i++)
		ctx_look_at_word(ctx, needs[i].word, needs[i].bits);
}

// Of a field that is in a word.
static uint64_t bits_of(const struct subfield *sf)
{
	return low_bits(sf->n_bits) << sf->ofs;
}

static void look_at_words(struct xlate_ctx *ctx, const struct subfield *sf)
{
	struct word_range r = field_words(sf->field);
	union field_value bits;
	struct flow_key m;

	subfield_bits(sf, &bits);
	clear_for(sf->field, &m);
	field_write(sf->field, &bits, &m);
	for (size_t w = r.first; w < r.end; w++)
		ctx_look_at_word(ctx, w, flow_words(&m)[w]);
}

void ctx_look_at_bits(struct xlate_ctx *ctx, const struct subfield *sf)
{
	const struct field *f = sf->field;

	if (field_is_in_word(f))
		ctx_look_at_word(ctx, field_word(f), field_word_bits(f, bits_of(sf)));
	else
		look_at_words(ctx, sf);
	look_at_needs(ctx, f);
}

void ctx_look_at_field(struct xlate_ctx *ctx, const struct field *f)
{
	ctx_look_at_bits(ctx, &(struct subfield){ .field = f, .n_bits = f->n_bits });
}

void ctx_look_at_vlans(struct xlate_ctx *ctx)
{
	struct flow_mask m = { 0 };

	memset(m.m.vlans, 0xff, sizeof(m.m.vlans));
	ctx_look_at(ctx, &m);
	flow_mask_or(&ctx->known, &m);
}

bool ctx_has_field(struct xlate_ctx *ctx, const struct field *f)
{
	if (f->need == NEED_NONE)
		return true;
	if (f->need == NEED_VLAN)
		ctx_look_at_vlans(ctx);
	look_at_needs(ctx, f);
	return field_is_present(f, &ctx->flow);
}

static void wrote_word(struct xlate_ctx *ctx, size_t w, uint64_t bits)
{
	flow_words(&ctx->known.m)[w] |= bits;
	flow_words(&ctx->written.m)[w] |= bits;
	if (bits)
		ctx_touch(ctx, w);
	if (w < sizeof(ctx->flow.tunnel) / 8)
		flow_words(&ctx->tunnel_set.m)[w] |= bits;
}

void ctx_wrote(struct xlate_ctx *ctx, const struct flow_mask *bits)
{
	for (size_t w = 0; w < FLOW_WORDS; w++)
		wrote_word(ctx, w, flow_words_const(&bits->m)[w]);
}

// Both as numbers.
static void write_number(struct xlate_ctx *ctx, const struct field *f, uint64_t v, uint64_t mask)
{
	field_write_in_word(f, v, mask, &ctx->flow);
	wrote_word(ctx, field_word(f), field_word_bits(f, mask));
}

static void write_value(struct xlate_ctx *ctx, const struct field *f, const union field_value *v,
			const union field_value *mask)
{
	struct word_range r = field_words(f);
	struct flow_key bits;

	clear_for(f, &bits);
	field_write(f, mask, &bits);
	field_write_masked(f, v, mask, &ctx->flow);
	for (size_t w = r.first; w < r.end; w++)
		wrote_word(ctx, w, flow_words(&bits)[w]);
}

static bool is_tag(const struct field *f)
{
	return field_words(f).first == offsetof(struct flow_key, vlans) / 8;
}

void ctx_write_field(struct xlate_ctx *ctx, const struct field *f, const uint8_t *value,
		     const uint8_t *mask)
{
	union field_value v, m;

	memcpy(&v, value, f->n_bytes);
	memcpy(&m, mask, f->n_bytes);
	if (is_tag(f))
		ctx_look_at_vlans(ctx);
	if (field_is_in_word(f))
		write_number(ctx, f, field_value_to_u64(f, &v), field_value_to_u64(f, &m));
	else
		write_value(ctx, f, &v, &m);
}

void ctx_write_bits(struct xlate_ctx *ctx, const struct subfield *sf,
		    const union field_value *value)
{
	union field_value bits, v;

	field_read(sf->field, &ctx->flow, &v);
	subfield_put(sf, value, &v);
	subfield_bits(sf, &bits);
	ctx_write_field(ctx, sf->field, v.b, bits.b);
}

void ctx_write_number(struct xlate_ctx *ctx, const struct subfield *sf, uint64_t n)
{
	const struct field *f = sf->field;
	union field_value v;

	if (!field_is_in_word(f)) {
		field_value_from_u64(f, n, &v);
		ctx_write_bits(ctx, sf, &v);
		return;
	}
	if (is_tag(f))
		ctx_look_at_vlans(ctx);
	write_number(ctx, f, n << sf->ofs, bits_of(sf));
}
