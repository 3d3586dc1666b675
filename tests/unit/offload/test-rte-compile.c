// SPDX-License-Identifier: Apache-2.0
// The pure step of the rte_flow backend, walked over every field and every datapath action: each compiles, or is refused
// with a reason and a name.
#include <check.h>

#include "offload/rte_flow/rte-private.h"

// A device that only exists on paper: compile() asks DPDK for nothing but the domain of output ports, which these rows avoid.
static const struct port_ref in_port = {
	.number = DP_PORT(1), .name = "rep0", .ethdev = 0, .device = "paper0"
};

static const struct port_ref *find_port(dp_port_t n, void *aux)
{
	return n.n == 1 ? &in_port : NULL;
}

static const struct port_lookup lookup = { find_port, NULL };
static struct rte_device device; // zero: domain 0

// A key that has the field: the first of these kinds of packets in which it is present.
static bool key_with(const struct field *f, struct flow_key *key)
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

static void common_mask(struct flow_mask *m, const struct flow_key *key)
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

static bool compile(const struct flow_key *key, const struct flow_mask *mask,
		    struct dp_actions actions, struct verdict *v)
{
	struct megaflow *mf = megaflow_create(key, mask, actions);
	struct compiled_rule *rule = NULL;
	bool ok = backend_rte_flow.compile(&device, mf, &lookup, &rule, v);

	if (ok)
		backend_rte_flow.compiled_free(rule);
	megaflow_free(mf);
	return ok;
}

START_TEST(every_field_compiles_or_is_refused_by_name)
{
	const struct field *f = field_get(_i);
	union field_value ones;
	struct flow_key key;
	struct flow_mask mask, bits = { 0 };
	struct verdict v;

	if (!key_with(f, &key))
		return; // needs a connection's state, which no packet has by itself
	common_mask(&mask, &key);
	field_all_ones(f, &ones);
	field_write(f, &ones, &bits.m);
	// Values that the pipeline keeps never reach a datapath flow.
	if (!is_all_zeros(bits.m.regs, sizeof(bits.m.regs)) || bits.m.metadata || bits.m.conj_id ||
	    bits.m.actset_output)
		return;
	flow_mask_or(&mask, &bits);
	if (compile(&key, &mask, (struct dp_actions){ NULL, 0 }, &v)) {
		ck_assert_int_eq(v.reason, REASON_NONE);
		return;
	}
	ck_assert_msg(v.reason == REASON_FIELD_UNSUPPORTED || v.reason == REASON_MASK_UNSUPPORTED ||
			      v.reason == REASON_TUNNEL_UNSUPPORTED,
		      "%s: reason %s", f->name, offload_reason_name(v.reason));
	ck_assert_msg(v.culprit[0] && strcmp(v.culprit, "unnamed bits"),
		      "%s: refused without a name", f->name);
}
END_TEST

static const struct {
	const char *flow;
	bool ok;
	enum offload_reason reason;
	const char *culprit;
} flows[] = {
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(dst=10.0.0.0/"
	  "255.0.0.0,frag=no)",
	  true, REASON_NONE, "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(src=00:00:00:00:00:01),eth_type(0x86dd),ipv6(dst="
	  "2001:db8::1,frag=no)",
	  true, REASON_NONE, "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x8100),vlan(vid=5,pcp=0),encap(eth_"
	  "type(0x0800),ipv4(frag=no))",
	  true, REASON_NONE, "" },
	{ "in_port(1),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(frag=later)", false,
	  REASON_FIELD_UNSUPPORTED, "ip_frag" },
	{ "in_port(1),skb_mark(0x5),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(frag=no)",
	  false, REASON_FIELD_UNSUPPORTED, "pkt_mark" },
	{ "in_port(7),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(frag=no)", false,
	  REASON_NO_DEVICE, "" },
};

START_TEST(flows_get_the_verdict_they_deserve)
{
	struct error err = ERROR_INIT;
	struct verdict v;
	struct match m;

	ck_assert_msg(dp_key_parse(flows[_i].flow, NULL, NULL, &m, &err) == 0, "%s", err.text);
	m.mask.m.vlans[0].tci |= htobe16(VLAN_PRESENT);
	ck_assert_msg(compile(&m.key, &m.mask, (struct dp_actions){ NULL, 0 }, &v) == flows[_i].ok,
		      "%s: %s (%s)", flows[_i].flow, offload_reason_name(v.reason), v.culprit);
	ck_assert_int_eq(v.reason, flows[_i].reason);
	ck_assert_str_eq(v.culprit, flows[_i].culprit);
}
END_TEST

START_TEST(every_action_compiles_or_is_refused_by_name)
{
	struct flow_key key = { .in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 6 };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct flow_mask mask;
	struct verdict v;

	common_mask(&mask, &key);
	if (_i == DP_ACTION_SET) {
		union field_value value = { { 9 } }, ones;

		field_all_ones(field_get(FIELD_IP_TTL), &ones);
		dp_put_set(&actions, field_get(FIELD_IP_TTL), &value, &ones);
	} else {
		dp_put(&actions, _i);
	}
	if (compile(&key, &mask, dp_actions_of(&actions), &v)) {
		ck_assert(_i == DP_ACTION_DROP || _i == DP_ACTION_SET ||
			  _i == DP_ACTION_PUSH_VLAN || _i == DP_ACTION_POP_VLAN ||
			  _i == DP_ACTION_RECIRC);
		return;
	}
	ck_assert_str_ne(v.culprit, "");
	if (_i != DP_ACTION_OUTPUT && _i != DP_ACTION_USERSPACE)
		ck_assert_int_eq(v.reason, REASON_ACTION_UNSUPPORTED);
}
END_TEST

// The mark is what lets software go on behind the jump, whatever was done before it; without marks there is no jump.
START_TEST(recirculation_needs_a_mark)
{
	struct flow_key key = { .in_port = 1, .eth_type = htobe16(0x0800), .nw_proto = 6 };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct flow_mask mask;
	struct verdict v;

	common_mask(&mask, &key);
	dp_put(&actions, DP_ACTION_POP_VLAN);
	dp_put(&actions, DP_ACTION_RECIRC)->recirc.id = 3;
	ck_assert(compile(&key, &mask, dp_actions_of(&actions), &v));
	device.no_mark = true;
	ck_assert(!compile(&key, &mask, dp_actions_of(&actions), &v));
	device.no_mark = false;
	ck_assert_int_eq(v.reason, REASON_ACTION_UNSUPPORTED);
	ck_assert_str_eq(v.culprit, "recirc: the device does not mark packets");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/rte_flow/compile");
	TCase *t = tcase_create("compile");
	SRunner *r;

	tcase_add_loop_test(t, every_field_compiles_or_is_refused_by_name, 0, FIELD_MAX);
	tcase_add_loop_test(t, flows_get_the_verdict_they_deserve, 0, ARRAY_SIZE(flows));
	tcase_add_loop_test(t, every_action_compiles_or_is_refused_by_name, 0, DP_ACTION_MAX);
	tcase_add_test(t, recirculation_needs_a_mark);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
