// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/offload/walk.h"

#include <check.h>

static const struct port_ref in_port = {
	.number = DP_PORT(1), .name = "rep0", .ethdev = 0, .ifindex = 1, .device = "paper0"
};

static const struct port_ref tunnel_port = { .number = DP_PORT(3),
					     .name = "vxlan0",
					     .ethdev = PORT_NO_ETHDEV,
					     .ifindex = 3,
					     .is_tunnel = true };

static const struct port_ref gpe_port = { .number = DP_PORT(9),
					  .name = "gpe0",
					  .ethdev = PORT_NO_ETHDEV,
					  .ifindex = 9,
					  .is_tunnel = true,
					  .takes_bare = true };

static const struct port_ref representor = { .number = DP_PORT(4),
					     .name = "rep1",
					     .ethdev = PORT_NO_ETHDEV,
					     .ifindex = 4,
					     .is_representor = true,
					     .device = "paper0" };

static const struct port_ref plain_port = { .number = DP_PORT(5),
					    .name = "veth0",
					    .ethdev = PORT_NO_ETHDEV,
					    .ifindex = 5,
					    .device = SOFTWARE_DEVICE };

static const struct port_ref host_port = { .number = DP_PORT(6),
					   .name = "br0",
					   .ethdev = PORT_NO_ETHDEV,
					   .ifindex = 6,
					   .is_internal = true,
					   .device = SOFTWARE_DEVICE };

static const struct port_ref late_port = { .number = DP_PORT(8),
					   .name = "rep9",
					   .ethdev = PORT_NO_ETHDEV,
					   .ifindex = 65536,
					   .is_representor = true,
					   .device = "paper0" };

static const struct port_ref *find_port(dp_port_t n, void *aux)
{
	static const struct port_ref *const ports[] = {
		[1] = &in_port,	  [3] = &tunnel_port, [4] = &representor, [5] = &plain_port,
		[6] = &host_port, [8] = &late_port,   [9] = &gpe_port,
	};

	return n.n < ARRAY_SIZE(ports) ? ports[n.n] : NULL;
}

static const struct meter_config *find_meter(uint32_t id, void *aux)
{
	static const struct meter_config meters[] = {
		[3] = { METER_KBPS, 1, { { METER_DROP, .rate = 1000 } } },
		[4] = { METER_KBPS, 2, { { METER_DROP, .rate = 1 }, { METER_DROP, .rate = 2 } } },
		[5] = { METER_KBPS, 1, { { METER_DSCP_REMARK, .prec_level = 1, .rate = 1 } } },
		[6] = { METER_KBPS, 1, { { METER_DROP, .rate = 34359739 } } },
		[7] = { METER_KBPS | METER_BURST, 1, { { METER_DROP, .rate = 1, .burst = 275 } } },
		[8] = { METER_PKTPS | METER_BURST,
			1,
			{ { METER_DROP, .rate = 1, .burst = UINT32_MAX } } },
	};

	return id < ARRAY_SIZE(meters) && meters[id].n_bands ? &meters[id] : NULL;
}

const struct port_lookup walk_ports = { find_port, NULL, find_meter };

bool walk_key_with(const struct field *f, struct flow_key *key)
{
	static const struct {
		uint16_t type;
		uint8_t proto, icmp;
	} kinds[] = { { 0x0800, 6, 0 }, { 0x0800, 17, 0 },   { 0x0800, 132, 0 },  { 0x0800, 1, 0 },
		      { 0x86dd, 6, 0 }, { 0x86dd, 58, 135 }, { 0x86dd, 58, 136 }, { 0x0806, 1, 0 },
		      { 0x8847, 0, 0 }, { 0x894f, 0, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		memset(key, 0, sizeof(*key));
		key->in_port = 1;
		key->eth_type = htobe16(kinds[i].type);
		key->nw_proto = kinds[i].proto;
		key->tp_src = htobe16(kinds[i].icmp);
		if (f->need == NEED_VLAN || f->id == FIELD_VLAN_TCI)
			key->vlans[0] =
				(struct flow_vlan){ htobe16(0x8100), htobe16(VLAN_PRESENT | 5) };
		if (field_is_present(f, key))
			return true;
	}
	return false;
}

void walk_common_mask(struct flow_mask *m, const struct flow_key *key)
{
	memset(m, 0, sizeof(*m));
	memset(&m->m.in_port, 0xff, 4);
	memset(&m->m.recirc_id, 0xff, 4);
	memset(&m->m.packet_type, 0xff, 4);
	m->m.eth_type = 0xffff;
	m->m.vlans[0].tci = htobe16(VLAN_PRESENT);
	if (key->vlans[0].tci) {
		m->m.vlans[0].tpid = 0xffff;
		m->m.vlans[1].tci = htobe16(VLAN_PRESENT);
	}
	if (flow_is_ip(key)) {
		m->m.nw_proto = 0xff;
		m->m.nw_frag = FLOW_FRAG_ANY | FLOW_FRAG_LATER;
	}
}

bool walk_compile(const struct backend_ops *backend, void *priv, const struct flow_key *key,
		  const struct flow_mask *mask, struct dp_actions actions, struct verdict *v)
{
	struct megaflow *mf = megaflow_create(key, mask, actions);
	struct compiled_rule *rule = NULL;
	bool ok = backend->compile(priv, mf, &walk_ports, &rule, v);

	if (ok)
		backend->compiled_free(rule);
	megaflow_free(mf);
	return ok;
}

void walk_field(const struct backend_ops *backend, void *priv, enum field_id id)
{
	const struct field *f = field_get(id);
	union field_value ones;
	struct flow_key key;
	struct flow_mask mask, bits = { 0 };
	struct verdict v;

	if (!walk_key_with(f, &key))
		return; // needs a connection's state, which no packet has by itself
	walk_common_mask(&mask, &key);
	field_all_ones(f, &ones);
	field_write(f, &ones, &bits.m);
	// Values that the pipeline keeps never reach a datapath flow.
	if (!is_all_zeros(bits.m.regs, sizeof(bits.m.regs)) || bits.m.metadata || bits.m.conj_id ||
	    bits.m.actset_output)
		return;
	flow_mask_or(&mask, &bits);
	if (walk_compile(backend, priv, &key, &mask, (struct dp_actions){ NULL, 0 }, &v)) {
		ck_assert_int_eq(v.reason, REASON_NONE);
		return;
	}
	ck_assert_msg(v.reason == REASON_FIELD_UNSUPPORTED || v.reason == REASON_MASK_UNSUPPORTED ||
			      v.reason == REASON_TUNNEL_UNSUPPORTED,
		      "%s: reason %s", f->name, offload_reason_name(v.reason));
	ck_assert_msg(v.culprit[0] && strcmp(v.culprit, "unnamed bits"),
		      "%s: refused without a name", f->name);
}
