// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/port-vlan-private.h"

static_assert(FLOW_MAX_VLANS == 2, "a tag of the switch's own, and a customer's");

static uint16_t vid_of(struct flow_vlan v)
{
	return be16toh(v.tci) & VLAN_VID_MASK;
}

static be16 pcp_of(struct flow_vlan v)
{
	return v.tci & htobe16(VLAN_PCP_MASK);
}

static bool is_there(struct flow_vlan v)
{
	return v.tci & htobe16(VLAN_PRESENT);
}

uint16_t vlan_tags_vid(const struct vlan_tags *t)
{
	return vid_of(t->outer);
}

static bool has(const uint64_t *vlans, uint16_t vid)
{
	return vlans[vid / 64] >> vid % 64 & 1;
}

static uint16_t look_at_vid(struct xlate_ctx *ctx, int i)
{
	struct flow_vlan v = ctx->flow.vlans[i];
	struct flow_mask m = { 0 };

	m.m.vlans[i].tci = htobe16(VLAN_PRESENT | (is_there(v) ? VLAN_VID_MASK : 0));
	ctx_look_at(ctx, &m);
	return vid_of(v);
}

bool port_carries(const struct port_settings *s, uint16_t vid)
{
	switch (s->vlan_mode) {
	case VLAN_TRUNK:
		return has(s->trunks, vid);
	case VLAN_NATIVE_TAGGED:
	case VLAN_NATIVE_UNTAGGED:
		// VLAN 0 is not among those that a port with a native one trunks.
		return s->tag == vid || (vid && has(s->trunks, vid));
	case VLAN_ACCESS:
	case VLAN_DOT1Q_TUNNEL:
		break;
	}
	return s->tag == vid;
}

// As a packet of the port's own VLAN, where it has a tag with the priority of the one it came with.
static void belong_to_port(const struct port_settings *s, struct vlan_tags *t)
{
	be16 tpid = t->outer.tpid ? t->outer.tpid : htobe16(0x8100);

	t->outer = (struct flow_vlan){ tpid, htobe16(s->tag) | pcp_of(t->outer) };
}

static bool receive_access(struct xlate_ctx *ctx, const struct of_port *in, struct vlan_tags *t)
{
	const struct port_settings *s = RCU_GET(in->settings);

	if (vid_of(t->outer)) {
		ctx_report(ctx,
			   ">>>> dropping VLAN %u tagged packet received on port %s "
			   "configured as VLAN %u access port <<<<",
			   vid_of(t->outer), in->name, s->tag);
		return false;
	}
	belong_to_port(s, t);
	t->inner = (struct flow_vlan){ 0 };
	return true;
}

static bool receive_trunk(struct xlate_ctx *ctx, const struct of_port *in, struct vlan_tags *t)
{
	const struct port_settings *s = RCU_GET(in->settings);
	uint16_t vid = vid_of(t->outer);

	if (s->vlan_mode != VLAN_TRUNK && !vid) {
		belong_to_port(s, t);
		return true;
	}
	if (port_carries(s, vid))
		return true;
	ctx_report(ctx,
		   ">>>> dropping VLAN %u packet received on port %s not configured for "
		   "trunking VLAN %u <<<<",
		   vid, in->name, vid);
	return false;
}

static bool receive_tunnel(struct xlate_ctx *ctx, const struct of_port *in, struct vlan_tags *t)
{
	const struct port_settings *s = RCU_GET(in->settings);
	uint16_t vid = vid_of(t->outer);

	if (!has(s->cvlans, vid)) {
		ctx_report(ctx,
			   ">>>> dropping VLAN %u packet received on dot1q-tunnel port %s that "
			   "excludes this VLAN <<<<",
			   vid, in->name);
		return false;
	}
	// What the customer has inside of his tag there is no room for.
	t->inner = t->outer;
	t->outer = (struct flow_vlan){ s->qinq_tpid, htobe16(s->tag) };
	t->is_tunnelled = true;
	return true;
}

bool vlan_tags_receive(struct xlate_ctx *ctx, const struct of_port *in, struct vlan_tags *ret)
{
	struct vlan_tags t = { ctx->flow.vlans[0], ctx->flow.vlans[1], false };
	bool taken = true;

	look_at_vid(ctx, 0);
	switch (in ? RCU_GET(in->settings)->vlan_mode : VLAN_TRUNK) {
	case VLAN_ACCESS:
		taken = receive_access(ctx, in, &t);
		break;
	case VLAN_TRUNK:
	case VLAN_NATIVE_TAGGED:
	case VLAN_NATIVE_UNTAGGED:
		taken = !in || receive_trunk(ctx, in, &t);
		break;
	case VLAN_DOT1Q_TUNNEL:
		taken = receive_tunnel(ctx, in, &t);
		break;
	}
	if (taken)
		*ret = t;
	return taken;
}

bool vlan_tags_fit(struct xlate_ctx *ctx, const struct port_settings *s, const struct vlan_tags *t)
{
	bool access = s->vlan_mode == VLAN_ACCESS;

	if (!port_carries(s, vid_of(t->outer)))
		return false;
	if (!access && s->vlan_mode != VLAN_DOT1Q_TUNNEL)
		return true;
	// A customer's tag is the packet's second one, unless it is its first, which has been looked at.
	if (t->inner.tpid && !t->is_tunnelled)
		look_at_vid(ctx, 1);
	// An access port carries no customer's VLAN.
	return access ? !vid_of(t->inner) : has(s->cvlans, vid_of(t->inner));
}

// The tags of a packet that leaves, outermost first. Those of VLAN 0 carry a priority only: without one, they stay where the port
// asks for it; else they go, and with an outer one all. 'came' is the tag that the packet had outermost.
static void tags_at(const struct port_settings *s, const struct vlan_tags *t, struct flow_vlan came,
		    struct flow_vlan ret[FLOW_MAX_VLANS])
{
	bool native = s->vlan_mode == VLAN_NATIVE_UNTAGGED && s->tag == vid_of(t->outer);

	memset(ret, 0, FLOW_MAX_VLANS * sizeof(*ret));
	if (native || s->vlan_mode == VLAN_DOT1Q_TUNNEL) {
		ret[0] = t->inner;
	} else if (s->vlan_mode != VLAN_ACCESS) {
		ret[0] = t->outer;
		ret[1] = t->inner;
	}
	if (s->priority_tags != PRIORITY_TAGS_NEVER)
		ret[0].tci = htobe16(vid_of(ret[0])) | pcp_of(came);
	for (int i = 0; i < FLOW_MAX_VLANS; i++) {
		be16 tci = htobe16(vid_of(ret[i])) | pcp_of(ret[i]);

		if (!tci && !(s->priority_tags == PRIORITY_TAGS_ALWAYS && ret[i].tpid)) {
			memset(&ret[i], 0, (FLOW_MAX_VLANS - i) * sizeof(*ret));
			break;
		}
		ret[i].tci = tci | htobe16(VLAN_PRESENT);
		if (!ret[i].tpid)
			ret[i].tpid = htobe16(0x8100);
	}
}

// Do all packets with tags of the same types and VLANs leave by the same actions? VLANs of tags that are there are looked at.
static bool vids_decide(struct xlate_ctx *ctx, const struct of_port *out, const struct vlan_tags *t,
			const struct flow_vlan tags[FLOW_MAX_VLANS])
{
	const struct flow_vlan *came = ctx->flow.vlans;

	for (int i = 0; i < FLOW_MAX_VLANS && is_there(came[i]); i++)
		if (!look_at_vid(ctx, i))
			return false; // by its priority it stays or goes
	// That two of the customer's tags are alike can be chance.
	if (t->is_tunnelled && is_there(came[1]))
		return false;
	if (!memcmp(tags, came, sizeof(ctx->flow.vlans)))
		return true;
	// One is put on top of what stays as it is. Behind a patch others would take the one for the other.
	return is_there(tags[1]) && RCU_GET(out->settings)->priority_tags == PRIORITY_TAGS_NEVER &&
	       !dp_port_equal(out->dp_port, DP_PORT_NONE);
}

void vlan_tags_output(struct xlate_ctx *ctx, struct of_port *out, const struct vlan_tags *t)
{
	struct flow_vlan saved[FLOW_MAX_VLANS], tags[FLOW_MAX_VLANS];

	memcpy(saved, ctx->flow.vlans, sizeof(saved));
	tags_at(RCU_GET(out->settings), t, saved[0], tags);
	if (!vids_decide(ctx, out, t, tags))
		ctx_look_at_vlans(ctx);
	memcpy(ctx->flow.vlans, tags, sizeof(tags));
	xlate_output_port(ctx, out, 0);
	memcpy(ctx->flow.vlans, saved, sizeof(saved));
}
