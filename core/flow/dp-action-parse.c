// SPDX-License-Identifier: Apache-2.0
// Datapath actions as text: parsing.
#include <ctype.h>

#include "core/flow/dp-action-text-private.h"
#include "core/flow/dp-text-private.h"

static int parse_list(struct dp_cursor *c, struct strbuf *out);

static int expect(struct dp_cursor *c, const char *s)
{
	AUTO_FREE char *what = NULL;

	if (dp_skip(c, s))
		return 0;
	what = xasprintf("\"%s\" expected", s);
	return dp_error(c, what);
}

// ""name=NUMBER"", where the name is there.
static int optional_number(struct dp_cursor *c, const char *name, uint64_t max, uint64_t *ret,
			   bool *ret_there)
{
	bool there = dp_skip(c, name);

	if (ret_there)
		*ret_there = there;
	return there ? dp_number(c, max, ret) : 0;
}

// All of several "name=NUMBER", separated by commas, in any order; up to and with ')'.
struct number {
	const char *name; // with '='
	uint64_t max, value;
};

static int parse_numbers(struct dp_cursor *c, struct number *list, size_t n)
{
	do {
		bool found = false;

		for (size_t i = 0; i < n && !found; i++) {
			int error = optional_number(c, list[i].name, list[i].max, &list[i].value,
						    &found);

			if (error)
				return error;
		}
		if (!found)
			return dp_error(c, "unknown argument");
	} while (dp_skip(c, ","));
	return expect(c, ")");
}

static int parse_push_vlan(struct dp_cursor *c, struct strbuf *out)
{
	struct number n[] = { { "tpid=", UINT16_MAX, 0x8100 },
			      { "vid=", VLAN_VID_MASK, 0 },
			      { "pcp=", 7, 0 },
			      { "cfi=", 1, 1 } };
	int error = parse_numbers(c, n, ARRAY_SIZE(n));
	struct dp_action *a;

	if (error)
		return error;
	a = dp_put(out, DP_ACTION_PUSH_VLAN);
	a->push_vlan.tpid = htobe16(n[0].value);
	a->push_vlan.tci = htobe16(n[1].value | n[2].value << VLAN_PCP_SHIFT | VLAN_PRESENT);
	return 0;
}

static int parse_lse(struct dp_cursor *c, struct strbuf *out, enum dp_action_type type)
{
	struct number n[] = { { "label=", 0xfffff, 0 },
			      { "tc=", 7, 0 },
			      { "ttl=", 255, 0 },
			      { "bos=", 1, 0 },
			      { "eth_type=", UINT16_MAX, 0x8847 } };
	int error = parse_numbers(c, n, ARRAY_SIZE(n));
	struct dp_action *a;

	if (error)
		return error;
	a = dp_put(out, type);
	a->push_mpls.lse =
		htobe32(n[0].value << 12 | n[1].value << 9 | n[3].value << 8 | n[2].value);
	a->push_mpls.ethertype = htobe16(n[4].value);
	return 0;
}

static int parse_push_mpls(struct dp_cursor *c, struct strbuf *out)
{
	return parse_lse(c, out, DP_ACTION_PUSH_MPLS);
}

static int parse_add_mpls(struct dp_cursor *c, struct strbuf *out)
{
	return parse_lse(c, out, DP_ACTION_ADD_MPLS);
}

static int parse_pop_mpls(struct dp_cursor *c, struct strbuf *out)
{
	struct number n = { "eth_type=", UINT16_MAX, 0 };
	int error = parse_numbers(c, &n, 1);

	if (!error)
		dp_put(out, DP_ACTION_POP_MPLS)->pop_mpls.ethertype = htobe16(n.value);
	return error;
}

static int parse_slow_path(struct dp_cursor *c, struct strbuf *out)
{
	size_t n = strcspn(c->p, ")");
	AUTO_FREE char *s = xstrndup(c->p, n);
	uint32_t value, mask;
	struct dp_action *a;

	if (flags_parse(s, slow_path_names, "slow path", &value, &mask, c->err))
		return -EINVAL;
	c->p += n;
	a = dp_put(out, DP_ACTION_USERSPACE);
	a->userspace.kind = USERSPACE_SLOW_PATH;
	a->userspace.reason = value;
	return expect(c, ")");
}

static int parse_controller(struct dp_cursor *c, struct strbuf *out)
{
	struct number n[] = { { "reason=", 255, 1 },
			      { "dont_send=", 0, 0 },
			      { "continuation=", 1, 0 },
			      { "recirc_id=", UINT32_MAX, 0 },
			      { "rule_cookie=", UINT64_MAX, 0 },
			      { "controller_id=", UINT16_MAX, 0 },
			      { "max_len=", UINT16_MAX, UINT16_MAX } };
	int error = parse_numbers(c, n, ARRAY_SIZE(n));
	struct dp_action *a;

	if (error)
		return error;
	a = dp_put(out, DP_ACTION_USERSPACE);
	a->userspace.kind = USERSPACE_CONTROLLER;
	a->userspace.reason = n[0].value;
	a->userspace.continuation = n[2].value;
	a->userspace.recirc_id = n[3].value;
	a->userspace.cookie = n[4].value;
	a->userspace.controller_id = n[5].value;
	a->userspace.max_len = n[6].value;
	return 0;
}

static int parse_direction(struct dp_cursor *c, uint8_t *ret)
{
	for (uint8_t i = SAMPLE_INGRESS; i <= SAMPLE_EGRESS && !*ret; i++)
		if (dp_skip(c, sample_directions[i]))
			*ret = i;
	return expect(c, ")");
}

static int parse_flow_sample(struct dp_cursor *c, struct strbuf *out)
{
	struct number n[] = { { "probability=", UINT16_MAX, 0 },
			      { ",collector_set_id=", UINT32_MAX, 0 },
			      { ",obs_domain_id=", UINT32_MAX, 0 },
			      { ",obs_point_id=", UINT32_MAX, 0 } };
	struct dp_action *a;
	dp_port_t port;

	// All of them, in this order.
	for (size_t i = 0; i < ARRAY_SIZE(n); i++)
		if (expect(c, n[i].name) || dp_number(c, n[i].max, &n[i].value))
			return -EINVAL;
	if (expect(c, ",output_port=") || dp_port_parse(c, &port))
		return -EINVAL;
	a = dp_put(out, DP_ACTION_USERSPACE);
	a->userspace.kind = USERSPACE_FLOW_SAMPLE;
	a->userspace.probability = n[0].value;
	a->userspace.collector_set = n[1].value;
	a->userspace.obs_domain = n[2].value;
	a->userspace.obs_point = n[3].value;
	a->userspace.output_port = port;
	return parse_direction(c, &a->userspace.direction);
}

static int parse_ipfix(struct dp_cursor *c, struct strbuf *out)
{
	struct dp_action *a;
	dp_port_t port;

	if (expect(c, "output_port=") || dp_port_parse(c, &port))
		return -EINVAL;
	a = dp_put(out, DP_ACTION_USERSPACE);
	a->userspace.kind = USERSPACE_IPFIX;
	a->userspace.output_port = port;
	return expect(c, ")");
}

// Nobody can write the rest of a list that a datapath keeps.
static int (*const userspace_kinds[USERSPACE_KINDS])(struct dp_cursor *c, struct strbuf *out) = {
	[USERSPACE_CONTROLLER] = parse_controller,
	[USERSPACE_SLOW_PATH] = parse_slow_path,
	[USERSPACE_FLOW_SAMPLE] = parse_flow_sample,
	[USERSPACE_IPFIX] = parse_ipfix,
};

static int parse_kind(struct dp_cursor *c, struct strbuf *out)
{
	for (size_t i = 0; i < USERSPACE_KINDS; i++)
		if (userspace_kinds[i] && dp_skip(c, userspace_kind_name(i)))
			return expect(c, "(") ? -EINVAL : userspace_kinds[i](c, out);
	return dp_error(c, "slow_path(, controller(, flow_sample( or ipfix( expected");
}

// What stands behind the kind, and the end.
static int parse_tunnel_port(struct dp_cursor *c, size_t at, struct strbuf *out)
{
	dp_port_t port = DP_PORT(0);

	if (dp_skip(c, ",tunnel_out_port=") && dp_port_parse(c, &port))
		return -EINVAL;
	((struct dp_action *)(out->s + at))->userspace.tunnel_port = port;
	return expect(c, ")");
}

static int parse_userspace(struct dp_cursor *c, struct strbuf *out)
{
	size_t at = out->len;
	uint64_t pid;

	if (optional_number(c, "pid=", UINT32_MAX, &pid, NULL))
		return -EINVAL;
	dp_skip(c, ",");
	return parse_kind(c, out) ? -EINVAL : parse_tunnel_port(c, at, out);
}

// One set element per field of the header that got bits.
static void put_sets(const struct dp_header *h, const struct flow_key *key,
		     const struct flow_mask *mask, struct strbuf *out)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct field *f = field_get(h->m[i].field);
		union field_value v, m;

		field_read(f, &mask->m, &m);
		field_read(f, key, &v);
		if (!is_all_zeros(m.b, f->n_bytes))
			dp_put_set(out, f, &v, &m);
		// The lower two bits of the byte that the TOS field does not have.
		if (h->m[i].form != DP_TOS || !(mask->m.nw_tos & 3))
			continue;
		f = field_get(FIELD_IP_ECN);
		field_read(f, &mask->m, &m);
		field_read(f, key, &v);
		dp_put_set(out, f, &v, &m);
	}
}

// All of the header that is not said is zero: masks have no sense here.
static int parse_set_tunnel(struct dp_cursor *c, struct strbuf *out)
{
	struct flow_tunnel mask = { 0 };
	int error = dp_tunnel_parse(c, &dp_put(out, DP_ACTION_SET_TUNNEL)->tunnel, &mask);

	return error ? error : expect(c, ")");
}

static int parse_set(struct dp_cursor *c, struct strbuf *out)
{
	size_t n = strcspn(c->p, "(),");
	const struct dp_header *h = dp_header_by_name(c->p, n);
	struct flow_mask mask;
	struct flow_key key;
	int error;

	if (!h || c->p[n] != '(')
		return dp_error(c, "unknown header");
	c->p += n + 1;
	memset(&key, 0, sizeof(key));
	memset(&mask, 0, sizeof(mask));
	error = dp_header_parse(c, h, &key, &mask);
	if (error)
		return error;
	put_sets(h, &key, &mask, out);
	return expect(c, ")");
}

static int parse_recirc(struct dp_cursor *c, struct strbuf *out)
{
	uint64_t id;

	if (dp_number(c, UINT32_MAX, &id))
		return -EINVAL;
	dp_put(out, DP_ACTION_RECIRC)->recirc.id = id;
	return expect(c, ")");
}

static int parse_trunc(struct dp_cursor *c, struct strbuf *out)
{
	uint64_t n;

	if (dp_number(c, UINT32_MAX, &n))
		return -EINVAL;
	dp_put(out, DP_ACTION_TRUNC)->trunc.max_len = n;
	return expect(c, ")");
}

static int parse_meter(struct dp_cursor *c, struct strbuf *out)
{
	uint64_t n;

	if (dp_number(c, UINT32_MAX, &n))
		return -EINVAL;
	dp_put(out, DP_ACTION_METER)->meter.id = n;
	return expect(c, ")");
}

static int parse_hash(struct dp_cursor *c, struct strbuf *out)
{
	bool sym = dp_skip(c, "sym_l4(");
	struct dp_action *a;
	uint64_t basis;

	if (!sym && !dp_skip(c, "l4("))
		return dp_error(c, "l4( or sym_l4( expected");
	if (dp_number(c, UINT32_MAX, &basis))
		return -EINVAL;
	a = dp_put(out, DP_ACTION_HASH);
	a->hash.alg = sym;
	a->hash.basis = basis;
	return expect(c, "))");
}

static int parse_nested(struct dp_cursor *c, struct strbuf *out, enum dp_action_type type,
			const char *end)
{
	size_t begin = dp_put_nested_begin(out, type);
	int error = parse_list(c, out);

	if (error)
		return error;
	dp_put_nested_end(out, begin);
	return expect(c, end);
}

static int parse_clone(struct dp_cursor *c, struct strbuf *out)
{
	return parse_nested(c, out, DP_ACTION_CLONE, ")");
}

static int parse_dec_ttl(struct dp_cursor *c, struct strbuf *out)
{
	int error = expect(c, "le_1(");

	return error ? error : parse_nested(c, out, DP_ACTION_DEC_TTL, "))");
}

static int parse_sample(struct dp_cursor *c, struct strbuf *out)
{
	size_t begin = out->len;
	double percent;
	char *end;
	int error = expect(c, "sample=");

	if (error)
		return error;
	percent = strtod(c->p, &end);
	if (end == c->p || !(percent >= 0 && percent <= 100))
		return dp_error(c, "percentage expected");
	c->p = end;
	error = expect(c, "%,actions(");
	if (error)
		return error;
	error = parse_nested(c, out, DP_ACTION_SAMPLE, "))");
	if (!error)
		((struct dp_action *)(out->s + begin))->sample.probability =
			percent / 100 * UINT32_MAX;
	return error;
}

static int parse_check_pkt_len(struct dp_cursor *c, struct strbuf *out)
{
	size_t begin = dp_put_nested_begin(out, DP_ACTION_CHECK_PKT_LEN), start = out->len, larger;
	struct dp_action *a;
	uint64_t len;
	int error = expect(c, "size=");

	if (error || dp_number(c, UINT16_MAX, &len))
		return -EINVAL;
	error = expect(c, ",gt(");
	if (!error)
		error = parse_list(c, out);
	larger = out->len - start;
	if (!error)
		error = expect(c, "),le(");
	if (!error)
		error = parse_list(c, out);
	if (error)
		return error;
	dp_put_nested_end(out, begin);
	a = (struct dp_action *)(out->s + begin);
	a->check_pkt_len.pkt_len = len;
	a->check_pkt_len.larger_size = larger;
	return expect(c, "))");
}

static int parse_port_action(struct dp_cursor *c, struct strbuf *out, enum dp_action_type type)
{
	dp_port_t port;
	int error = dp_port_parse(c, &port);

	if (error)
		return error;
	dp_put(out, type)->output.port = port;
	return type == DP_ACTION_OUTPUT ? 0 : expect(c, ")");
}

static int parse_tnl_pop(struct dp_cursor *c, struct strbuf *out)
{
	return parse_port_action(c, out, DP_ACTION_TNL_POP);
}

static int parse_lb_output(struct dp_cursor *c, struct strbuf *out)
{
	return parse_port_action(c, out, DP_ACTION_LB_OUTPUT);
}

static int take_bytes(struct dp_cursor *c, uint8_t *dst, size_t max, size_t *ret_n)
{
	size_t n = 0;

	for (; hex_byte(c->p) >= 0; c->p += 2) {
		if (n == max)
			return dp_error(c, "too many bytes");
		dst[n++] = hex_byte(c->p);
	}
	*ret_n = n;
	return 0;
}

static int parse_push_nsh(struct dp_cursor *c, struct strbuf *out)
{
	return dp_nsh_parse(c, dp_put(out, DP_ACTION_PUSH_NSH));
}

static int parse_tnl_push(struct dp_cursor *c, struct strbuf *out)
{
	struct dp_action *a = dp_put(out, DP_ACTION_TNL_PUSH);
	size_t n = 0;
	int error = take_bytes(c, a->tnl_push.header, sizeof(a->tnl_push.header), &n);

	a->tnl_push.len = n;
	return error ? error : expect(c, ")");
}

static int parse_psample(struct dp_cursor *c, struct strbuf *out)
{
	struct dp_action *a;
	uint64_t group;
	size_t n = 0;
	int error = expect(c, "group=");

	if (error || dp_number(c, UINT32_MAX, &group))
		return -EINVAL;
	a = dp_put(out, DP_ACTION_PSAMPLE);
	a->psample.group = group;
	if (dp_skip(c, ",cookie=0x"))
		error = take_bytes(c, a->psample.cookie, sizeof(a->psample.cookie), &n);
	a->psample.cookie_len = n;
	return error ? error : expect(c, ")");
}

static int parse_push_eth(struct dp_cursor *c, struct strbuf *out)
{
	struct dp_action *a = dp_put(out, DP_ACTION_PUSH_ETH);

	if (!dp_skip(c, "src=") || !eth_addr_parse(c->p, &a->push_eth.src, &c->p) ||
	    !dp_skip(c, ",dst=") || !eth_addr_parse(c->p, &a->push_eth.dst, &c->p))
		return dp_error(c, "src=ADDRESS,dst=ADDRESS expected");
	return expect(c, ")");
}

static int parse_ct(struct dp_cursor *c, struct strbuf *out)
{
	return dp_ct_parse(c, &dp_put(out, DP_ACTION_CT)->ct);
}

// With arguments: what follows the '(' is parsed by 'parse'. Without: the element alone.
static const struct {
	const char *name;
	int (*parse)(struct dp_cursor *c, struct strbuf *out);
	enum dp_action_type type;
} verbs[] = {
	{ "push_vlan(", parse_push_vlan, 0 },
	{ "pop_vlan", NULL, DP_ACTION_POP_VLAN },
	{ "set(tunnel(", parse_set_tunnel, 0 },
	{ "set(", parse_set, 0 },
	{ "userspace(", parse_userspace, 0 },
	{ "recirc(", parse_recirc, 0 },
	{ "clone(", parse_clone, 0 },
	{ "sample(", parse_sample, 0 },
	{ "trunc(", parse_trunc, 0 },
	{ "hash(", parse_hash, 0 },
	{ "push_mpls(", parse_push_mpls, 0 },
	{ "add_mpls(", parse_add_mpls, 0 },
	{ "pop_mpls(", parse_pop_mpls, 0 },
	{ "ct(", parse_ct, 0 },
	{ "ct_clear", NULL, DP_ACTION_CT_CLEAR },
	{ "ct", NULL, DP_ACTION_CT },
	{ "push_eth(", parse_push_eth, 0 },
	{ "pop_eth", NULL, DP_ACTION_POP_ETH },
	{ "push_nsh(", parse_push_nsh, 0 },
	{ "pop_nsh()", NULL, DP_ACTION_POP_NSH },
	{ "meter(", parse_meter, 0 },
	{ "check_pkt_len(", parse_check_pkt_len, 0 },
	{ "dec_ttl(", parse_dec_ttl, 0 },
	{ "tnl_push(", parse_tnl_push, 0 },
	{ "tnl_pop(", parse_tnl_pop, 0 },
	{ "lb_output(", parse_lb_output, 0 },
	{ "psample(", parse_psample, 0 },
};

static int parse_one(struct dp_cursor *c, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!dp_skip(c, verbs[i].name))
			continue;
		if (verbs[i].parse)
			return verbs[i].parse(c, out);
		dp_put(out, verbs[i].type);
		return 0;
	}
	return parse_port_action(c, out, DP_ACTION_OUTPUT);
}

// Up to the ')' of the list around it, or the end.
static int parse_list(struct dp_cursor *c, struct strbuf *out)
{
	if (dp_skip(c, "drop") && (!*c->p || *c->p == ')'))
		return 0;
	do {
		int error;

		c->p += strspn(c->p, " \t\n");
		error = parse_one(c, out);
		if (error)
			return error;
	} while (dp_skip(c, ","));
	return 0;
}

int dp_actions_parse(const char *text,
		     bool (*port_by_name)(const char *name, dp_port_t *ret, void *aux), void *aux,
		     struct strbuf *out, struct error *err)
{
	struct dp_cursor c = { text, text, port_by_name, aux, err };
	int error = parse_list(&c, out);

	if (!error && *c.p)
		error = dp_error(&c, "action or end expected");
	return error;
}
