// SPDX-License-Identifier: Apache-2.0
// Datapath actions as text: printing.
#include <arpa/inet.h>
#include <stdio.h>

#include "core/flow/dp-action-text-private.h"
#include "core/flow/dp-text-private.h"
#include "core/flow/text-private.h"

const struct flag_name slow_path_names[] = {
	{ "cfm", SLOW_CFM },	 { "bfd", SLOW_BFD },	{ "lacp", SLOW_LACP },
	{ "stp", SLOW_STP },	 { "lldp", SLOW_LLDP }, { "action", SLOW_ACTION },
	{ "match", SLOW_MATCH }, { NULL, 0 },
};

struct printer {
	dp_port_name_fn *port_name;
	void *aux;
	struct strbuf *out;
};

static void put_list(const struct printer *p, struct dp_actions list);

static void put_port(const struct printer *p, dp_port_t port)
{
	const char *name = p->port_name ? p->port_name(port, p->aux) : NULL;

	if (name)
		strbuf_puts(p->out, name);
	else
		strbuf_printf(p->out, "%u", port.n);
}

// ---- userspace(): its kinds, behind their names ----

static void put_slow_path(const struct printer *p, const struct dp_action *a)
{
	flags_format(slow_path_names, a->userspace.reason, 0x7f, p->out);
}

static void put_controller(const struct printer *p, const struct dp_action *a)
{
	strbuf_printf(p->out,
		      "reason=%u,dont_send=0,continuation=%d,"
		      "recirc_id=%u,rule_cookie=%#llx,controller_id=%u,max_len=%u",
		      a->userspace.reason, a->userspace.continuation != 0, a->userspace.recirc_id,
		      (unsigned long long)a->userspace.cookie, a->userspace.controller_id,
		      a->userspace.max_len);
}

const char *const sample_directions[] = {
	[SAMPLE_INGRESS] = ",ingress", [SAMPLE_EGRESS] = ",egress"
};

static void put_flow_sample(const struct printer *p, const struct dp_action *a)
{
	strbuf_printf(p->out,
		      "probability=%u,collector_set_id=%u,obs_domain_id=%u,"
		      "obs_point_id=%u,output_port=",
		      a->userspace.probability, a->userspace.collector_set, a->userspace.obs_domain,
		      a->userspace.obs_point);
	put_port(p, a->userspace.output_port);
	if (a->userspace.direction != SAMPLE_EITHER)
		strbuf_puts(p->out, sample_directions[a->userspace.direction]);
}

static void put_ipfix(const struct printer *p, const struct dp_action *a)
{
	strbuf_puts(p->out, "output_port=");
	put_port(p, a->userspace.output_port);
}

static void put_resume(const struct printer *p, const struct dp_action *a)
{
	strbuf_printf(p->out, "rest=%u", a->userspace.continuation);
}

static const struct {
	const char *name;
	void (*put)(const struct printer *p, const struct dp_action *a);
} userspace_kinds[USERSPACE_KINDS] = {
	[USERSPACE_CONTROLLER] = { "controller", put_controller },
	[USERSPACE_SLOW_PATH] = { "slow_path", put_slow_path },
	[USERSPACE_FLOW_SAMPLE] = { "flow_sample", put_flow_sample },
	[USERSPACE_IPFIX] = { "ipfix", put_ipfix },
	[USERSPACE_RESUME] = { "resume", put_resume },
};

const char *userspace_kind_name(enum userspace_kind kind)
{
	return userspace_kinds[kind].name;
}

static void put_userspace(const struct printer *p, const struct dp_action *a)
{
	strbuf_printf(p->out, "userspace(pid=0,%s(", userspace_kind_name(a->userspace.kind));
	userspace_kinds[a->userspace.kind].put(p, a);
	strbuf_putc(p->out, ')');
	if (a->userspace.tunnel_port.n) {
		strbuf_puts(p->out, ",tunnel_out_port=");
		put_port(p, a->userspace.tunnel_port);
	}
	strbuf_putc(p->out, ')');
}

static void apply_set(const struct dp_action *a, struct flow_key *key, struct flow_mask *mask)
{
	const struct field *f = field_get(a->set.field);
	union field_value v, m, old;

	memcpy(v.b, a->set.value, f->n_bytes);
	memcpy(m.b, a->set.mask, f->n_bytes);
	field_write_masked(f, &v, &m, key);
	field_read(f, &mask->m, &old);
	for (size_t i = 0; i < f->n_bytes; i++)
		m.b[i] |= old.b[i];
	field_write(f, &m, &mask->m);
}

static bool is_set_already(const struct dp_action *a, const struct flow_mask *mask)
{
	const struct field *f = field_get(a->set.field);
	union field_value old;

	field_read(f, &mask->m, &old);
	return !is_all_zeros(old.b, f->n_bytes);
}

// Prints the run of sets of one header that begins at 'a', returns the last of them.
static const struct dp_action *put_sets(const struct printer *p, const struct dp_action *a,
					const uint8_t *end)
{
	const struct dp_header *h = dp_header_of_field(a->set.field);
	struct flow_mask mask;
	struct flow_key key;
	struct dp_text t = { &key, &mask, false, p->port_name, p->aux, p->out };

	if (!h) {
		strbuf_printf(p->out, "set(%s)", field_get(a->set.field)->name);
		return a;
	}
	memset(&key, 0, sizeof(key));
	memset(&mask, 0, sizeof(mask));
	for (;;) {
		const struct dp_action *next = (const void *)((const uint8_t *)a + a->size);

		apply_set(a, &key, &mask);
		if ((const uint8_t *)next >= end || next->type != DP_ACTION_SET ||
		    dp_header_of_field(next->set.field) != h || is_set_already(next, &mask))
			break;
		a = next;
	}
	strbuf_puts(p->out, "set(");
	dp_header_format(h, &t, false);
	strbuf_putc(p->out, ')');
	return a;
}

static void put_set_tunnel(const struct printer *p, const struct dp_action *a)
{
	struct flow_tunnel mask;

	dp_tunnel_set_mask(&a->tunnel, &mask);
	strbuf_puts(p->out, "set(");
	dp_tunnel_format(&a->tunnel, &mask, p->out);
	strbuf_putc(p->out, ')');
}

static void put_push_vlan(const struct printer *p, const struct dp_action *a)
{
	uint16_t tci = be16toh(a->push_vlan.tci), tpid = be16toh(a->push_vlan.tpid);

	strbuf_puts(p->out, "push_vlan(");
	if (tpid != 0x8100)
		strbuf_printf(p->out, "tpid=0x%04x,", tpid);
	strbuf_printf(p->out, "vid=%u,pcp=%u)", tci & VLAN_VID_MASK, tci >> VLAN_PCP_SHIFT);
}

static void put_lse(const struct printer *p, const struct dp_action *a)
{
	uint32_t lse = be32toh(a->push_mpls.lse);

	strbuf_printf(p->out, "%s(label=%u,tc=%u,ttl=%u,bos=%u,eth_type=0x%x)",
		      dp_action_name(a->type), lse >> 12, lse >> 9 & 7, lse & 0xff, lse >> 8 & 1,
		      be16toh(a->push_mpls.ethertype));
}

static void put_ct(const struct printer *p, const struct dp_action *a)
{
	dp_ct_format(&a->ct, p->out);
}

static void put_hex(const struct printer *p, const char *name, const uint8_t *b, size_t n)
{
	strbuf_printf(p->out, "%s(", name);
	while (n--)
		strbuf_printf(p->out, "%02x", *b++);
	strbuf_putc(p->out, ')');
}

static void put_check_pkt_len(const struct printer *p, const struct dp_action *a)
{
	strbuf_printf(p->out, "check_pkt_len(size=%u,gt(", a->check_pkt_len.pkt_len);
	put_list(p, dp_action_larger(a));
	strbuf_puts(p->out, "),le(");
	put_list(p, dp_action_smaller(a));
	strbuf_puts(p->out, "))");
}

static void put_nested(const struct printer *p, const char *before, const struct dp_action *a,
		       const char *behind)
{
	strbuf_puts(p->out, before);
	put_list(p, dp_action_nested(a));
	strbuf_puts(p->out, behind);
}

static void put_psample(const struct printer *p, const struct dp_action *a)
{
	strbuf_printf(p->out, "psample(group=%u", a->psample.group);
	if (a->psample.cookie_len) {
		strbuf_puts(p->out, ",cookie=0x");
		for (int i = 0; i < a->psample.cookie_len; i++)
			strbuf_printf(p->out, "%02x", a->psample.cookie[i]);
	}
	strbuf_putc(p->out, ')');
}

static void put_sample(const struct printer *p, const struct dp_action *a)
{
	strbuf_printf(p->out, "sample(sample=%.1f%%,", 100.0 * a->sample.probability / UINT32_MAX);
	put_nested(p, "actions(", a, "))");
}

static void put_action(const struct printer *p, const struct dp_action *a)
{
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_OUTPUT:
		put_port(p, a->output.port);
		break;
	case DP_ACTION_USERSPACE:
		put_userspace(p, a);
		break;
	case DP_ACTION_PUSH_VLAN:
		put_push_vlan(p, a);
		break;
	case DP_ACTION_RECIRC:
		strbuf_printf(p->out, "recirc(%#x)", a->recirc.id);
		break;
	case DP_ACTION_CLONE:
		put_nested(p, "clone(", a, ")");
		break;
	case DP_ACTION_SAMPLE:
		put_sample(p, a);
		break;
	case DP_ACTION_TRUNC:
		strbuf_printf(p->out, "trunc(%u)", a->trunc.max_len);
		break;
	case DP_ACTION_HASH:
		strbuf_printf(p->out, a->hash.alg ? "hash(sym_l4(%u))" : "hash(l4(%u))",
			      a->hash.basis);
		break;
	case DP_ACTION_PUSH_MPLS:
	case DP_ACTION_ADD_MPLS:
		put_lse(p, a);
		break;
	case DP_ACTION_POP_MPLS:
		strbuf_printf(p->out, "pop_mpls(eth_type=0x%x)", be16toh(a->pop_mpls.ethertype));
		break;
	case DP_ACTION_CT:
		put_ct(p, a);
		break;
	case DP_ACTION_PUSH_ETH:
		strbuf_printf(p->out, "push_eth(src=" ETH_ADDR_FMT ",dst=" ETH_ADDR_FMT ")",
			      ETH_ADDR_ARGS(a->push_eth.src), ETH_ADDR_ARGS(a->push_eth.dst));
		break;
	case DP_ACTION_PUSH_NSH:
		dp_nsh_format(a->push_nsh.header, a->push_nsh.len, p->out);
		break;
	case DP_ACTION_POP_NSH:
		strbuf_puts(p->out, "pop_nsh()");
		break;
	case DP_ACTION_TNL_PUSH:
		put_hex(p, dp_action_name(a->type), a->tnl_push.header, a->tnl_push.len);
		break;
	case DP_ACTION_METER:
		strbuf_printf(p->out, "meter(%u)", a->meter.id);
		break;
	case DP_ACTION_CHECK_PKT_LEN:
		put_check_pkt_len(p, a);
		break;
	case DP_ACTION_DEC_TTL:
		put_nested(p, "dec_ttl(le_1(", a, "))");
		break;
	case DP_ACTION_TNL_POP:
	case DP_ACTION_LB_OUTPUT:
		strbuf_printf(p->out, "%s(", dp_action_name(a->type));
		put_port(p, a->output.port);
		strbuf_putc(p->out, ')');
		break;
	case DP_ACTION_PSAMPLE:
		put_psample(p, a);
		break;
	case DP_ACTION_SET_TUNNEL:
		put_set_tunnel(p, a);
		break;
	case DP_ACTION_SET: // in runs, by put_sets()
	case DP_ACTION_DROP:
	case DP_ACTION_POP_VLAN:
	case DP_ACTION_CT_CLEAR:
	case DP_ACTION_POP_ETH:
	case DP_ACTION_MAX:
		strbuf_puts(p->out, dp_action_name(a->type));
		break;
	}
}

static void put_list(const struct printer *p, struct dp_actions list)
{
	const uint8_t *end = (const uint8_t *)list.first + list.size;
	const struct dp_action *a;

	if (!list.size)
		strbuf_puts(p->out, "drop");
	DP_ACTION_FOR_EACH (a, list) {
		if (a != list.first)
			strbuf_putc(p->out, ',');
		if (a->type == DP_ACTION_SET)
			a = put_sets(p, a, end);
		else
			put_action(p, a);
	}
}

void dp_actions_format(struct dp_actions list, const char *(*port_name)(dp_port_t port, void *aux),
		       void *aux, struct strbuf *out)
{
	const struct printer p = { port_name, aux, out };

	put_list(&p, list);
}
