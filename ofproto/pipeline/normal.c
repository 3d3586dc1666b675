// SPDX-License-Identifier: Apache-2.0
// NORMAL: the switch of IEEE 802.1Q, with MAC learning and access and trunk ports. And FLOOD, ALL.
#include "ofproto/pipeline/xlate-private.h"

static bool carries(const struct port_settings *s, uint16_t vlan)
{
	// VLAN 0 is not among those that a port with a native one trunks.
	if (s->vlan_mode == VLAN_ACCESS || (s->vlan_mode != VLAN_TRUNK && !vlan))
		return s->tag == vlan;
	if (s->vlan_mode != VLAN_TRUNK && s->tag == vlan)
		return true;
	return s->trunks[vlan / 64] >> vlan % 64 & 1;
}

// An access port carries no customer's VLAN: not what would still have a tag there.
static bool takes(const struct xlate_ctx *ctx, const struct port_settings *s, uint16_t vlan)
{
	if (s->vlan_mode == VLAN_ACCESS && ctx->flow.vlans[1].tci & htobe16(VLAN_VID_MASK))
		return false;
	return carries(s, vlan);
}

// The VLAN that a packet belongs to, -1: the port does not take it.
static int input_vlan(struct xlate_ctx *ctx, const struct of_port *in)
{
	const struct port_settings *s = RCU_GET(in->settings);
	be16 tci = ctx->flow.vlans[0].tci;
	bool tagged = tci & htobe16(VLAN_PRESENT);
	uint16_t vid = tagged ? be16toh(tci) & VLAN_VID_MASK : 0;

	switch (s->vlan_mode) {
	case VLAN_ACCESS:
		if (vid) {
			ctx_report(ctx,
				   ">>>> dropping VLAN %u tagged packet received on port %s "
				   "configured as VLAN %u access port <<<<",
				   vid, in->name, s->tag);
			return -1;
		}
		return s->tag;
	case VLAN_NATIVE_TAGGED:
	case VLAN_NATIVE_UNTAGGED:
		if (!vid)
			return s->tag;
		break;
	case VLAN_TRUNK:
		break;
	}
	if (!carries(s, vid)) {
		ctx_report(ctx,
			   ">>>> dropping VLAN %u packet received on port %s not configured for "
			   "trunking VLAN %u <<<<",
			   vid, in->name, vid);
		return -1;
	}
	return vid;
}

static void set_tag(struct xlate_ctx *ctx, uint16_t vlan, bool tagged, be16 pcp)
{
	struct flow_key *f = &ctx->flow;
	bool has = f->vlans[0].tci & htobe16(VLAN_PRESENT);

	if (has && !tagged) {
		f->vlans[0] = f->vlans[1];
		memset(&f->vlans[1], 0, sizeof(f->vlans[1]));
	} else if (!has && tagged) {
		f->vlans[1] = f->vlans[0];
		f->vlans[0] = (struct flow_vlan){ htobe16(0x8100), htobe16(vlan | VLAN_PRESENT) };
	} else if (tagged) {
		f->vlans[0].tci = htobe16(vlan | VLAN_PRESENT) | pcp;
	}
}

// Sends to one port in 'vlan', with or without a tag as the port wants it.
static void output_in_vlan(struct xlate_ctx *ctx, struct of_port *out, uint16_t vlan)
{
	const struct port_settings *s = RCU_GET(out->settings);
	struct flow_vlan saved[FLOW_MAX_VLANS];
	be16 pcp = ctx->flow.vlans[0].tci & htobe16(VLAN_PCP_MASK);
	bool tagged = vlan != 0;

	if (s->vlan_mode == VLAN_ACCESS || (s->vlan_mode == VLAN_NATIVE_UNTAGGED && s->tag == vlan))
		tagged = false;
	// A priority tag (VLAN 0) stays only where the port asks for it.
	if (!vlan && ctx->flow.vlans[0].tci & htobe16(VLAN_PRESENT))
		tagged = s->priority_tags == PRIORITY_TAGS_ALWAYS ||
			 (s->priority_tags == PRIORITY_TAGS_IF_NONZERO && pcp);
	memcpy(saved, ctx->flow.vlans, sizeof(saved));
	set_tag(ctx, vlan, tagged, pcp);
	xlate_output_port(ctx, out, 0);
	memcpy(ctx->flow.vlans, saved, sizeof(saved));
}

static void flood_vlan(struct xlate_ctx *ctx, const struct of_port *in, uint16_t vlan)
{
	struct of_port *const *ports = switch_ports(ctx->sw);
	bool in_protected = in && RCU_GET(in->settings)->protected;

	for (; *ports; ports++) {
		const struct port_settings *s = RCU_GET((*ports)->settings);

		if (*ports == in || !takes(ctx, s, vlan) || xlate_is_layer3(*ports) ||
		    atomic_load(&(*ports)->config) & PORT_CONFIG_NO_FLOOD)
			continue;
		if (in_protected && s->protected)
			continue;
		output_in_vlan(ctx, *ports, vlan);
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

static void forward(struct xlate_ctx *ctx, struct of_port *in, uint16_t vlan)
{
	struct eth_addr dst = ctx->flow.eth_dst;
	struct of_port *out;
	uint64_t version;
	of_port_t number;
	bool found;

	if (eth_addr_is_multicast(dst)) {
		ctx_report(ctx, "-> no learned MAC for destination, flooding");
		flood_vlan(ctx, in, vlan);
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
		flood_vlan(ctx, in, vlan);
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
	if (takes(ctx, RCU_GET(out->settings), vlan))
		output_in_vlan(ctx, out, vlan);
}

void xlate_normal(struct xlate_ctx *ctx)
{
	struct of_port *in = switch_port_find(ctx->sw, OF_PORT(ctx->flow.in_port));
	int vlan;

	ctx_look_at_field(ctx, field_get(FIELD_ETH_SRC));
	ctx_look_at_field(ctx, field_get(FIELD_ETH_DST));
	ctx_look_at_vlans(ctx);
	ctx_depend(ctx, (struct xlate_dep){ .kind = DEP_PORTS,
					    .sw = ctx->sw,
					    .version = switch_ports_version(ctx->sw) });
	if (!in && ctx->flow.in_port < OFPP_MAX) {
		ctx_report(ctx, ">>>> received packet on unknown port %u <<<<", ctx->flow.in_port);
		ctx_report(ctx, ">> no input bundle, dropping");
		return;
	}
	if (!in) {
		// A packet_out without a port of this switch: it can still go to everybody in its VLAN.
		vlan = be16toh(ctx->flow.vlans[0].tci) & VLAN_VID_MASK;
	} else {
		vlan = input_vlan(ctx, in);
		if (vlan < 0) {
			ctx_report(ctx, ">> disallowed VLAN VID for this input port, dropping");
			return;
		}
		if (is_reserved(ctx->flow.eth_dst)) {
			ctx_report(ctx, "-> reserved link-local group, dropping");
			return;
		}
		learn(ctx, in, vlan);
	}
	// A tag with VLAN 0 carries a priority only; the packet is untagged in the sense of VLANs.
	forward(ctx, in, vlan);
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
