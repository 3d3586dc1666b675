// SPDX-License-Identifier: Apache-2.0
// Tunnels in translation: what a packet that came out of one brings, and the outer header of one that goes into one.
#include "ofproto/pipeline/tlv-map.h"
#include "ofproto/pipeline/tunnel.h"
#include "ofproto/pipeline/xlate-private.h"

// The two bits of congestion at the end of the TOS byte (RFC 3168).
enum { ECN_MASK = 3, ECN_NOT_CAPABLE = 0, ECN_CAPABLE = 2, ECN_CONGESTED = 3 };

static const struct tunnel_config *config_of(const struct of_port *p)
{
	const struct port_settings *s = p ? RCU_GET(p->settings) : NULL;

	return s && s->tunnel.type ? &s->tunnel : NULL;
}

// ---- Receiving ----

static void look_at_destination(struct xlate_ctx *ctx)
{
	struct flow_mask m = { 0 };

	flow_tunnel_mask_dst(&ctx->flow.tunnel, &m.m.tunnel);
	ctx_look_at(ctx, &m);
}

// What no packet of this port can have otherwise costs nothing to look at.
static void note_impossible(struct xlate_ctx *ctx, const struct tunnel_config *c)
{
	const struct flow_tunnel *t = &ctx->flow.tunnel;
	struct flow_tunnel *known = &ctx->known.m.tunnel;

	if (!flow_tunnel_is_set(t)) {
		memset(known, 0xff, sizeof(*known));
		return;
	}
	if (t->ip_dst) {
		memset(&known->ipv6_src, 0xff, sizeof(known->ipv6_src));
		memset(&known->ipv6_dst, 0xff, sizeof(known->ipv6_dst));
	} else {
		known->ip_src = known->ip_dst = UINT32_MAX;
	}
	known->gtpu_flags = known->gtpu_msgtype = UINT8_MAX;
	if (!c)
		return;
	if (c->type != TUNNEL_GENEVE) {
		known->metadata_present = UINT64_MAX;
		memset(known->metadata, 0xff, sizeof(known->metadata));
	}
	if (c->type != TUNNEL_VXLAN) {
		known->gbp_id = UINT16_MAX;
		known->gbp_flags = UINT8_MAX;
	}
	if (!tunnel_is_erspan(c->type)) {
		known->erspan_ver = known->erspan_dir = known->erspan_hwid = UINT8_MAX;
		known->erspan_idx = UINT32_MAX;
	}
}

// RFC 6040: congestion that the outer header has met is the inner packet's, and one that cannot be told of it is dropped.
// The kernel's devices have done the same before.
static bool take_congestion(struct xlate_ctx *ctx)
{
	const struct field *ecn = field_get(FIELD_IP_ECN);
	struct flow_mask look = { 0 };
	uint8_t congested = ECN_CONGESTED, all = ECN_MASK;

	if (!flow_is_ip(&ctx->flow))
		return true;
	look.m.tunnel.tos = ECN_MASK;
	ctx_look_at(ctx, &look);
	if ((ctx->flow.tunnel.tos & ECN_MASK) != ECN_CONGESTED)
		return true;
	ctx_look_at_field(ctx, ecn);
	if ((ctx->flow.nw_tos & ECN_MASK) == ECN_NOT_CAPABLE) {
		ctx_report(ctx,
			   ">> tunnel packet is marked ECN CE but is not ECN capable, dropped");
		return false;
	}
	ctx_write_field(ctx, ecn, &congested, &all);
	return true;
}

// The pipeline sees an Ethernet header without addresses; the packet has none until it leaves by a port that wants one. Of a bare
// packet it is known that it has no addresses and no tags.
static void receive_layer3(struct xlate_ctx *ctx)
{
	ctx->flow.packet_type = 0;
	ctx->known.m.packet_type = UINT32_MAX;
}

bool xlate_tunnel_receive(struct xlate_ctx *ctx)
{
	const struct tunnel_lookup *l = ctx->in->tunnel;
	struct of_port *p = switch_port_find(ctx->sw, OF_PORT(ctx->flow.in_port));
	const struct tunnel_config *c = config_of(p);

	if (l) {
		struct flow_mask m = { .m.tunnel = l->mask };

		ctx_look_at(ctx, &m);
		ctx_depend(ctx, (struct xlate_dep){ .kind = DEP_TUNNELS,
						    .tunnels = l->table,
						    .version = l->version });
	}
	note_impossible(ctx, c);
	if (flow_tunnel_is_set(&ctx->flow.tunnel))
		ctx->came = &ctx->in->key->tunnel;
	if (c && c->packets == TUNNEL_LEGACY_L3)
		receive_layer3(ctx);
	if (!c || !flow_tunnel_is_set(&ctx->flow.tunnel))
		return true;
	ctx_credit(ctx, (struct xlate_credit){
				.kind = CREDIT_PORT_RX, .sw = ctx->sw, .port = p->number });
	return take_congestion(ctx);
}

void xlate_tunnel_freeze(struct xlate_ctx *ctx)
{
	struct flow_mask all = { 0 };

	if (is_all_zeros(&ctx->base.tunnel, sizeof(ctx->base.tunnel)))
		return;
	memset(&all.m.tunnel, 0xff, sizeof(all.m.tunnel));
	ctx_look_at(ctx, &all);
	ctx->tunnel_set.m.tunnel = all.m.tunnel;
}

void xlate_tunnel_hide(struct xlate_ctx *ctx)
{
	memset(&ctx->flow.tunnel, 0, sizeof(ctx->flow.tunnel));
	memset(&ctx->known.m.tunnel, 0xff, sizeof(ctx->known.m.tunnel));
	ctx->tunnel_set.m.tunnel = ctx->known.m.tunnel;
}

void xlate_tunnel_resume(struct xlate_ctx *ctx)
{
	const struct flow_tunnel *t = &ctx->in->key->tunnel, *known = &ctx->known.m.tunnel;

	if (!flow_tunnel_is_set(t)) {
		memset(&ctx->known.m.tunnel, 0xff, sizeof(ctx->known.m.tunnel));
		return;
	}
	if (known->ip_dst || !is_all_zeros(&known->ipv6_dst, sizeof(known->ipv6_dst)))
		return;
	// The header is the one that came: it belongs to the flow, as it did the first time.
	look_at_destination(ctx);
	note_impossible(ctx, NULL);
	ctx->came = t;
}

// ---- Sending ----

// The flow decides: then its bits matter.
static void look_at_members(struct xlate_ctx *ctx, const void *member, size_t n)
{
	struct flow_mask m = { 0 };

	memset((uint8_t *)&m.m + ((const uint8_t *)member - (const uint8_t *)&ctx->flow), 0xff, n);
	ctx_look_at(ctx, &m);
}

#define LOOK_AT(CTX, MEMBER) \
	look_at_members(CTX, &(CTX)->flow.tunnel.MEMBER, sizeof((CTX)->flow.tunnel.MEMBER))

static void put_addresses(struct xlate_ctx *ctx, const struct tunnel_config *c,
			  struct flow_tunnel *t)
{
	const struct flow_tunnel *f = &ctx->flow.tunnel;

	if (c->remote_flow) {
		LOOK_AT(ctx, ip_dst);
		LOOK_AT(ctx, ipv6_dst);
		t->ip_dst = f->ip_dst;
		t->ipv6_dst = f->ipv6_dst;
	} else if (ipv6_is_mapped(&c->remote)) {
		t->ip_dst = ipv6_mapped(&c->remote);
	} else {
		t->ipv6_dst = c->remote;
	}
	if (c->local_flow) {
		LOOK_AT(ctx, ip_src);
		LOOK_AT(ctx, ipv6_src);
		t->ip_src = f->ip_src;
		t->ipv6_src = f->ipv6_src;
	} else if (ipv6_is_mapped(&c->local)) {
		t->ip_src = ipv6_mapped(&c->local);
	} else {
		t->ipv6_src = c->local;
	}
	// An outer packet is of one family.
	if (t->ip_dst) {
		memset(&t->ipv6_src, 0, sizeof(t->ipv6_src));
		memset(&t->ipv6_dst, 0, sizeof(t->ipv6_dst));
	} else {
		t->ip_src = 0;
	}
}

static void put_key(struct xlate_ctx *ctx, const struct tunnel_config *c, struct flow_tunnel *t)
{
	if (c->out_key_flow) {
		LOOK_AT(ctx, tun_id);
		t->tun_id = ctx->flow.tunnel.tun_id;
	} else {
		t->tun_id = htobe64(c->out_key);
	}
	if (c->has_out_key)
		t->flags |= FLOW_TNL_KEY;
}

static void put_tos_and_ttl(struct xlate_ctx *ctx, const struct tunnel_config *c,
			    struct flow_tunnel *t)
{
	bool is_ip = flow_is_ip(&ctx->flow);
	uint8_t ecn;

	t->tos = c->tos;
	t->ttl = c->ttl;
	if (!is_ip)
		return;
	if (c->tos_inherit) {
		ctx_look_at_field(ctx, field_get(FIELD_IP_DSCP));
		t->tos = ctx->flow.nw_tos & ~ECN_MASK;
	}
	if (c->ttl_inherit) {
		ctx_look_at_field(ctx, field_get(FIELD_IP_TTL));
		t->ttl = ctx->flow.nw_ttl;
	}
	// Congestion that was met already is no concern of the tunnel.
	ctx_look_at_field(ctx, field_get(FIELD_IP_ECN));
	ecn = ctx->flow.nw_tos & ECN_MASK;
	t->tos |= ecn == ECN_CONGESTED ? ECN_CAPABLE : ecn;
}

static void put_erspan(struct xlate_ctx *ctx, const struct tunnel_config *c, struct flow_tunnel *t)
{
	const struct flow_tunnel *f = &ctx->flow.tunnel;

	LOOK_AT(ctx, erspan_ver);
	t->erspan_ver = c->erspan_ver_flow || !c->erspan_ver ? f->erspan_ver : c->erspan_ver;
	if (t->erspan_ver == 1) {
		LOOK_AT(ctx, erspan_idx);
		t->erspan_idx = c->erspan_idx_flow ? f->erspan_idx : c->erspan_idx;
	} else if (t->erspan_ver == 2) {
		LOOK_AT(ctx, erspan_dir);
		LOOK_AT(ctx, erspan_hwid);
		t->erspan_dir = c->erspan_dir_flow ? f->erspan_dir : c->erspan_dir;
		t->erspan_hwid = c->erspan_hwid_flow ? f->erspan_hwid : c->erspan_hwid;
	}
}

// What only one kind of tunnel has.
static void put_extensions(struct xlate_ctx *ctx, const struct tunnel_config *c,
			   struct flow_tunnel *t)
{
	const struct flow_tunnel *f = &ctx->flow.tunnel;

	if (c->type == TUNNEL_VXLAN) {
		LOOK_AT(ctx, gbp_id);
		LOOK_AT(ctx, gbp_flags);
		t->gbp_id = f->gbp_id;
		t->gbp_flags = f->gbp_flags;
	} else if (tunnel_is_erspan(c->type)) {
		put_erspan(ctx, c, t);
	} else if (c->type == TUNNEL_GENEVE) {
		struct flow_mask oam = { .m.tunnel.flags = FLOW_TNL_OAM };

		ctx_look_at(ctx, &oam);
		t->flags |= f->flags & FLOW_TNL_OAM;
		LOOK_AT(ctx, metadata_present);
		for (int i = 0; i < TLV_FIELDS; i++)
			if (f->metadata_present >> i & 1)
				look_at_members(ctx, &f->metadata[4 * i], 4);
		t->metadata_present = f->metadata_present;
		memcpy(t->metadata, f->metadata, sizeof(t->metadata));
		tlv_to_datapath(RCU_GET(ctx->sw->tlv), t);
	}
}

static bool is_same_end(const struct flow_tunnel *a, const struct flow_tunnel *b)
{
	return a->ip_dst == b->ip_dst && !memcmp(&a->ipv6_dst, &b->ipv6_dst, sizeof(a->ipv6_dst));
}

// A packet that came out of a tunnel at this very address would go round; and one whose flow names no address goes nowhere.
static bool goes_to_ourselves(struct xlate_ctx *ctx, const struct flow_tunnel *t)
{
	static const struct flow_tunnel none;
	const struct flow_tunnel *came = ctx->came ? ctx->came : &none;

	if (ctx->came)
		flow_tunnel_mask_dst(came, &ctx->ret->mask.m.tunnel);
	if (!is_same_end(t, came))
		return false;
	ctx_report(ctx, ">> Not tunneling to our own address");
	return true;
}

static void write_mark(struct xlate_ctx *ctx, uint32_t mark)
{
	be32 value = htobe32(mark), all = UINT32_MAX;

	ctx_write_field(ctx, field_get(FIELD_PKT_MARK), (const uint8_t *)&value,
			(const uint8_t *)&all);
}

static void set_mark(struct xlate_ctx *ctx, const struct tunnel_config *c)
{
	if (!c->set_mark)
		return;
	// The packet's own is set again behind the output.
	ctx_look_at_field(ctx, field_get(FIELD_PKT_MARK));
	write_mark(ctx, c->mark);
}

bool xlate_is_tunnel(const struct of_port *p)
{
	return config_of(p);
}

bool xlate_is_layer3(const struct of_port *p)
{
	const struct tunnel_config *c = config_of(p);

	return c && c->packets == TUNNEL_LEGACY_L3;
}

bool xlate_takes_bare(struct xlate_ctx *ctx, const struct of_port *p)
{
	const struct tunnel_config *c = config_of(p);

	if (!c || c->packets == TUNNEL_LEGACY_L2) {
		ctx_report(ctx, ">> Trying to send non-Ethernet packet through legacy L2 port. "
				"Dropping packet.");
		return false;
	}
	if (c->ethernet_only)
		ctx_report(ctx,
			   ">> the datapath's device of tunnel %s carries Ethernet frames alone, "
			   "dropped",
			   p->name);
	return !c->ethernet_only;
}

// Has the packet something in front of what such a tunnel carries?
static bool is_tagged(struct xlate_ctx *ctx)
{
	ctx_look_at_vlans(ctx);
	if (!(ctx->flow.vlans[0].tci & htobe16(VLAN_PRESENT)))
		return false;
	ctx_report(
		ctx,
		">> a tagged packet does not go into a tunnel without Ethernet headers, dropped");
	return true;
}

void xlate_tunnel_sent(struct xlate_ctx *ctx, uint32_t mark, be32 packet_type)
{
	ctx->flow.packet_type = packet_type;
	if (ctx->flow.pkt_mark != mark)
		write_mark(ctx, mark);
}

// The option may be longer than what its field shows.
void xlate_delete_field(struct xlate_ctx *ctx, const struct act *a)
{
	const struct tlv_map *map = RCU_GET(ctx->sw->tlv);
	unsigned int i = a->delete_field.field->index;
	size_t n = MAX(map ? map->field[i].length : 0, 4);
	struct flow_mask bits = { .m.tunnel.metadata_present = UINT64_C(1) << i };

	memset(bits.m.tunnel.metadata + 4 * i, 0xff, n);
	memset(ctx->flow.tunnel.metadata + 4 * i, 0, n);
	ctx->flow.tunnel.metadata_present &= ~bits.m.tunnel.metadata_present;
	ctx_wrote(ctx, &bits);
	ctx_report(ctx, "-> delete %s", a->delete_field.field->name);
}

// All but the addresses.
static void put_others(struct xlate_ctx *ctx, const struct tunnel_config *c, struct flow_tunnel *t)
{
	put_key(ctx, c, t);
	put_tos_and_ttl(ctx, c, t);
	if (c->dont_fragment)
		t->flags |= FLOW_TNL_DONT_FRAGMENT;
	if (c->csum)
		t->flags |= FLOW_TNL_CSUM;
	t->tp_dst = htobe16(c->dst_port);
	put_extensions(ctx, c, t);
}

// 'base' has what was set for an earlier output; the header that the packet came with does not count.
static void set_header(struct xlate_ctx *ctx, const struct flow_tunnel *t)
{
	if (!memcmp(&ctx->base.tunnel, t, sizeof(*t)))
		return;
	dp_put(&ctx->ret->actions, DP_ACTION_SET_TUNNEL)->tunnel = *t;
	ctx->base.tunnel = *t;
}

void xlate_tunnel_aim(struct xlate_ctx *ctx, const struct of_port *p)
{
	const struct tunnel_config *c = config_of(p);
	struct flow_tunnel t = { 0 };

	put_addresses(ctx, c, &t);
	put_others(ctx, c, &t);
	// One whose flow names no address has none.
	if (flow_tunnel_is_set(&t))
		set_header(ctx, &t);
}

bool xlate_tunnel_send(struct xlate_ctx *ctx, const struct of_port *p)
{
	const struct tunnel_config *c = config_of(p);
	struct flow_tunnel t = { 0 };

	if (!c)
		return true;
	put_addresses(ctx, c, &t);
	if (goes_to_ourselves(ctx, &t) || (xlate_is_layer3(p) && is_tagged(ctx)))
		return false;
	put_others(ctx, c, &t);
	ctx_report(ctx, "-> output to kernel tunnel");
	set_header(ctx, &t);
	set_mark(ctx, c);
	if (c->packets == TUNNEL_LEGACY_L3)
		ctx->flow.packet_type = htobe32(1u << 16 | be16toh(ctx->flow.eth_type));
	ctx_credit(ctx,
		   (struct xlate_credit){ .kind = CREDIT_PORT_TX, .sw = p->sw, .port = p->number });
	return true;
}
