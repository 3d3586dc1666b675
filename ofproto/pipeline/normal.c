// SPDX-License-Identifier: Apache-2.0
// NORMAL: the switch of IEEE 802.1Q, with MAC learning (port-vlan.c has what ports are to VLANs). And FLOOD, ALL.
#include "ofproto/pipeline/port-vlan-private.h"

static void flood_vlan(struct xlate_ctx *ctx, const struct of_port *in,
		       const struct vlan_tags *tags)
{
	struct of_port *const *ports = switch_ports(ctx->sw);
	bool in_protected = in && RCU_GET(in->settings)->protected;

	for (; *ports; ports++) {
		const struct port_settings *s = RCU_GET((*ports)->settings);

		if (*ports == in || xlate_is_layer3(*ports) ||
		    atomic_load(&(*ports)->config) & PORT_CONFIG_NO_FLOOD ||
		    !vlan_tags_fit(ctx, s, tags))
			continue;
		if (in_protected && s->protected)
			continue;
		vlan_tags_output(ctx, *ports, tags);
	}
}

// 01:80:c2:00:00:00 to :0f stay on the link (IEEE 802.1D 7.12.6).
static bool is_reserved(struct eth_addr a)
{
	static const uint8_t prefix[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	return !memcmp(a.b, prefix, 5) && a.b[5] < 0x10;
}

static void learn(struct xlate_ctx *ctx, const struct of_port *in, uint16_t vlan)
{
	struct eth_addr src = ctx->flow.eth_src;

	if (eth_addr_is_multicast(src) || ctx->flow.packet_type)
		return;
	if (ctx_traced(ctx) && ctx->in->will_apply &&
	    mac_table_would_change(ctx->sw->macs, src, vlan, in->number))
		ctx_report(ctx, "-> learned that " ETH_ADDR_FMT " is on port %s in VLAN %d",
			   ETH_ADDR_ARGS(src), in->name, vlan);
	// Even what changes nothing now is an effect: it keeps the station from ageing.
	VEC_PUSH(&ctx->ret->basis.effects, ((struct xlate_effect){ .kind = EFFECT_LEARN,
								   .sw = ctx->sw,
								   .mac = src,
								   .vlan = vlan,
								   .port = in->number }));
	ctx_depend(ctx,
		   (struct xlate_dep){ .kind = DEP_MAC,
				       .sw = ctx->sw,
				       .mac = src,
				       .vlan = vlan,
				       .version = mac_table_version(ctx->sw->macs, src, vlan) });
}

static void forward(struct xlate_ctx *ctx, struct of_port *in, const struct vlan_tags *tags)
{
	uint16_t vlan = vlan_tags_vid(tags);
	struct eth_addr dst = ctx->flow.eth_dst;
	struct of_port *out;
	uint64_t version;
	of_port_t number;
	bool found;

	if (eth_addr_is_multicast(dst)) {
		ctx_report(ctx, "-> no learned MAC for destination, flooding");
		flood_vlan(ctx, in, tags);
		return;
	}
	found = mac_table_find(ctx->sw->macs, dst, vlan, &number, &version);
	ctx_depend(ctx, (struct xlate_dep){ .kind = DEP_MAC,
					    .sw = ctx->sw,
					    .mac = dst,
					    .vlan = vlan,
					    .version = version });
	if (!found) {
		ctx_report(ctx, "-> no learned MAC for destination, flooding");
		flood_vlan(ctx, in, tags);
		return;
	}
	out = switch_port_find(ctx->sw, number);
	if (!out || out == in) {
		ctx_report(ctx, "-> learned port is input port, dropping");
		return;
	}
	ctx_report(ctx, "-> forwarding to learned port");
	if (in && RCU_GET(in->settings)->protected && RCU_GET(out->settings)->protected) {
		ctx_report(ctx, "-> both ports are protected, dropping");
		return;
	}
	if (vlan_tags_fit(ctx, RCU_GET(out->settings), tags))
		vlan_tags_output(ctx, out, tags);
}

void xlate_normal(struct xlate_ctx *ctx)
{
	struct of_port *in = switch_port_find(ctx->sw, OF_PORT(ctx->flow.in_port));
	struct vlan_tags tags;

	ctx_look_at_field(ctx, field_get(FIELD_ETH_SRC));
	ctx_look_at_field(ctx, field_get(FIELD_ETH_DST));
	ctx_depend(ctx, (struct xlate_dep){ .kind = DEP_PORTS,
					    .sw = ctx->sw,
					    .version = switch_ports_version(ctx->sw) });
	if (!in && ctx->flow.in_port < OFPP_MAX) {
		ctx_report(ctx, ">>>> received packet on unknown port %u <<<<", ctx->flow.in_port);
		ctx_report(ctx, ">> no input bundle, dropping");
		return;
	}
	// A packet_out without a port of this switch can still go to everybody in its VLAN.
	if (!vlan_tags_receive(ctx, in, &tags)) {
		ctx_report(ctx, ">> disallowed VLAN VID for this input port, dropping");
		return;
	}
	if (in && is_reserved(ctx->flow.eth_dst)) {
		ctx_report(ctx, "-> packet has reserved destination MAC, dropping");
		return;
	}
	if (in)
		learn(ctx, in, vlan_tags_vid(&tags));
	forward(ctx, in, &tags);
}

void xlate_flood(struct xlate_ctx *ctx, bool all)
{
	struct of_port *const *ports = switch_ports(ctx->sw);

	for (; *ports; ports++) {
		if ((*ports)->number.n == ctx->flow.in_port)
			continue;
		if (!all && atomic_load(&(*ports)->config) & PORT_CONFIG_NO_FLOOD)
			continue;
		xlate_output_port(ctx, *ports, 0);
	}
}
