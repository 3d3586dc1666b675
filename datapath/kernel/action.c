// SPDX-License-Identifier: Apache-2.0
#include "datapath/kernel/action-private.h"
#include "datapath/kernel/key.h"
#include "datapath/kernel/set.h"

// What goes through the kernel with a userspace action. Written and read by one process on one machine.
struct userdata {
	uint32_t magic;
	uint8_t kind, reason;
	uint16_t max_len, controller_id, pad;
	uint32_t table_id, recirc_id, meter_id, continuation;
	uint16_t probability;
	uint8_t direction, dropped;
	uint64_t cookie;
	uint32_t collector_set, obs_domain, obs_point, output_port, tunnel_port, sampling_port;
};

#define USERDATA_MAGIC 0x4f653032

void kernel_put_userdata(struct strbuf *b, uint16_t attr, const struct dp_action *a)
{
	struct userdata u = { .magic = USERDATA_MAGIC,
			      .kind = a->userspace.kind,
			      .reason = a->userspace.reason,
			      .max_len = a->userspace.max_len,
			      .controller_id = a->userspace.controller_id,
			      .table_id = a->userspace.table_id,
			      .recirc_id = a->userspace.recirc_id,
			      .meter_id = a->userspace.meter_id,
			      .continuation = a->userspace.continuation,
			      .cookie = a->userspace.cookie,
			      .probability = a->userspace.probability,
			      .direction = a->userspace.direction,
			      .collector_set = a->userspace.collector_set,
			      .obs_domain = a->userspace.obs_domain,
			      .obs_point = a->userspace.obs_point,
			      .output_port = a->userspace.output_port.n,
			      .tunnel_port = a->userspace.tunnel_port.n,
			      .sampling_port = a->userspace.sampling_port,
			      .dropped = a->userspace.dropped };

	nl_put(b, attr, &u, sizeof(u));
}

int kernel_get_userdata(const struct nlattr *data, struct dp_action *a, struct error *err)
{
	struct userdata u;

	if (nl_len(data) != sizeof(u) || memcpy(&u, mnl_attr_get_payload(data), sizeof(u)) != &u ||
	    u.magic != USERDATA_MAGIC || u.kind >= USERSPACE_KINDS)
		return error_set(err, -EPROTO, "userspace: its data (%zu bytes) is not ours",
				 nl_len(data));
	a->userspace.kind = u.kind;
	a->userspace.reason = u.reason;
	a->userspace.max_len = u.max_len;
	a->userspace.controller_id = u.controller_id;
	a->userspace.table_id = u.table_id;
	a->userspace.recirc_id = u.recirc_id;
	a->userspace.meter_id = u.meter_id;
	a->userspace.continuation = u.continuation;
	a->userspace.cookie = u.cookie;
	a->userspace.probability = u.probability;
	a->userspace.direction = MIN(u.direction, SAMPLE_EGRESS);
	a->userspace.collector_set = u.collector_set;
	a->userspace.obs_domain = u.obs_domain;
	a->userspace.obs_point = u.obs_point;
	a->userspace.output_port = DP_PORT(u.output_port);
	a->userspace.tunnel_port = DP_PORT(u.tunnel_port);
	a->userspace.sampling_port = u.sampling_port;
	a->userspace.dropped = u.dropped != 0;
	return 0;
}

// ---- Writing ----

const struct kernel_can kernel_can_all = {
	.action = { [0 ... DP_ACTION_MAX - 1] = true },
	.ct_nat = true,
	.ct_mark = true,
	.ct_label = true,
	.ct_timeout = true,
	.ct_eventmask = true,
	.ct_zero_snat = true,
};

static int put_list(struct putting *c, struct dp_actions list);

// A list for a packet of its own: what it does to the headers is nobody else's concern.
static int put_copy_list(const struct putting *c, struct dp_actions list)
{
	struct putting inner = *c;

	if (c->key == &c->changed)
		inner.key = &inner.changed;
	return put_list(&inner, list);
}

static int put_output(struct putting *c, const struct dp_action *a)
{
	nl_put_u32(c->b, OVS_ACTION_ATTR_OUTPUT, a->output.port.n);
	return 0;
}

// A list without anything else drops; behind something it changes nothing.
static int put_drop(struct putting *c, const struct dp_action *a)
{
	return 0;
}

static int put_userspace(struct putting *c, const struct dp_action *a)
{
	size_t nest = nl_nest_begin(c->b, OVS_ACTION_ATTR_USERSPACE);

	nl_put_u32(c->b, OVS_USERSPACE_ATTR_PID, c->pid);
	kernel_put_userdata(c->b, OVS_USERSPACE_ATTR_USERDATA, a);
	if (a->userspace.tunnel_port.n)
		nl_put_u32(c->b, OVS_USERSPACE_ATTR_EGRESS_TUN_PORT, a->userspace.tunnel_port.n);
	return nl_nest_end(c->b, nest);
}

static int put_push_vlan(struct putting *c, const struct dp_action *a)
{
	struct ovs_action_push_vlan p = { .vlan_tpid = a->push_vlan.tpid,
					  .vlan_tci = a->push_vlan.tci | htobe16(VLAN_PRESENT) };

	nl_put(c->b, OVS_ACTION_ATTR_PUSH_VLAN, &p, sizeof(p));
	return 0;
}

static int put_pop_vlan(struct putting *c, const struct dp_action *a)
{
	nl_put_flag(c->b, OVS_ACTION_ATTR_POP_VLAN);
	return 0;
}

static int put_recirc(struct putting *c, const struct dp_action *a)
{
	nl_put_u32(c->b, OVS_ACTION_ATTR_RECIRC, a->recirc.id);
	return 0;
}

static int put_clone(struct putting *c, const struct dp_action *a)
{
	size_t nest = nl_nest_begin(c->b, OVS_ACTION_ATTR_CLONE);
	int error = put_copy_list(c, dp_action_nested(a));

	return error ? error : nl_nest_end(c->b, nest);
}

// A list in an attribute of its own.
static int put_branch(const struct putting *c, uint16_t attr, struct dp_actions list)
{
	size_t nest = nl_nest_begin(c->b, attr);
	int error = put_copy_list(c, list);

	return error ? error : nl_nest_end(c->b, nest);
}

static int put_sample(struct putting *c, const struct dp_action *a)
{
	size_t nest = nl_nest_begin(c->b, OVS_ACTION_ATTR_SAMPLE);
	int error;

	nl_put_u32(c->b, OVS_SAMPLE_ATTR_PROBABILITY, a->sample.probability);
	error = put_branch(c, OVS_SAMPLE_ATTR_ACTIONS, dp_action_nested(a));
	return error ? error : nl_nest_end(c->b, nest);
}

static int put_check_pkt_len(struct putting *c, const struct dp_action *a)
{
	size_t nest = nl_nest_begin(c->b, OVS_ACTION_ATTR_CHECK_PKT_LEN);
	int error;

	nl_put_u16(c->b, OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, a->check_pkt_len.pkt_len);
	error = put_branch(c, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER, dp_action_larger(a));
	if (!error)
		error = put_branch(c, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL,
				   dp_action_smaller(a));
	return error ? error : nl_nest_end(c->b, nest);
}

static int put_dec_ttl(struct putting *c, const struct dp_action *a)
{
	size_t nest = nl_nest_begin(c->b, OVS_ACTION_ATTR_DEC_TTL);
	int error = put_branch(c, OVS_DEC_TTL_ATTR_ACTION, dp_action_nested(a));

	return error ? error : nl_nest_end(c->b, nest);
}

static int put_trunc(struct putting *c, const struct dp_action *a)
{
	struct ovs_action_trunc t = { .max_len = a->trunc.max_len };

	nl_put(c->b, OVS_ACTION_ATTR_TRUNC, &t, sizeof(t));
	return 0;
}

static int put_hash(struct putting *c, const struct dp_action *a)
{
	struct ovs_action_hash h = { .hash_alg = a->hash.alg, .hash_basis = a->hash.basis };

	if (a->hash.alg != OVS_HASH_ALG_L4)
		return error_set(c->err, -ENOTSUP, "hash: the kernel has no algorithm %u",
				 a->hash.alg);
	nl_put(c->b, OVS_ACTION_ATTR_HASH, &h, sizeof(h));
	return 0;
}

static int put_meter(struct putting *c, const struct dp_action *a)
{
	nl_put_u32(c->b, OVS_ACTION_ATTR_METER, a->meter.id);
	return 0;
}

static int put_ct_clear(struct putting *c, const struct dp_action *a)
{
	nl_put_flag(c->b, OVS_ACTION_ATTR_CT_CLEAR);
	return 0;
}

static int put_set_tunnel(struct putting *c, const struct dp_action *a)
{
	size_t nest = nl_nest_begin(c->b, OVS_ACTION_ATTR_SET);

	if (!flow_tunnel_is_set(&a->tunnel))
		return error_set(c->err, -ENOTSUP, "set(tunnel): without a remote");
	kernel_put_tunnel(c->b, &(struct kernel_tunnel){ .key = &a->tunnel, .values = &a->tunnel });
	return nl_nest_end(c->b, nest);
}

static int (*const writers[DP_ACTION_MAX])(struct putting *c, const struct dp_action *a) = {
	[DP_ACTION_OUTPUT] = put_output,
	[DP_ACTION_DROP] = put_drop,
	[DP_ACTION_USERSPACE] = put_userspace,
	[DP_ACTION_PUSH_VLAN] = put_push_vlan,
	[DP_ACTION_POP_VLAN] = put_pop_vlan,
	[DP_ACTION_RECIRC] = put_recirc,
	[DP_ACTION_CLONE] = put_clone,
	[DP_ACTION_SAMPLE] = put_sample,
	[DP_ACTION_TRUNC] = put_trunc,
	[DP_ACTION_HASH] = put_hash,
	[DP_ACTION_PUSH_MPLS] = kernel_put_push_mpls,
	[DP_ACTION_POP_MPLS] = kernel_put_pop_mpls,
	[DP_ACTION_ADD_MPLS] = kernel_put_add_mpls,
	[DP_ACTION_CT] = kernel_put_ct,
	[DP_ACTION_CT_CLEAR] = put_ct_clear,
	[DP_ACTION_PUSH_ETH] = kernel_put_push_eth,
	[DP_ACTION_POP_ETH] = kernel_put_pop_eth,
	[DP_ACTION_PUSH_NSH] = kernel_put_push_nsh,
	[DP_ACTION_POP_NSH] = kernel_put_pop_nsh,
	[DP_ACTION_METER] = put_meter,
	[DP_ACTION_CHECK_PKT_LEN] = put_check_pkt_len,
	[DP_ACTION_DEC_TTL] = put_dec_ttl,
	[DP_ACTION_PSAMPLE] = kernel_put_psample,
	[DP_ACTION_SET_TUNNEL] = put_set_tunnel,
};

// What of an action no packet's list can have, NULL: nothing.
static const char *missing(const struct dp_action *a, const struct kernel_can *can)
{
	if (a->type == DP_ACTION_SET)
		return NULL;
	if (!writers[a->type] || !can->action[a->type])
		return dp_action_name(a->type);
	return a->type == DP_ACTION_CT ? kernel_ct_missing(&a->ct, can) : NULL;
}

static int refuse(const char *what, struct error *err)
{
	return error_set(err, -ENOTSUP, "%s: not in this kernel datapath", what);
}

int kernel_check_actions(struct dp_actions list, const struct kernel_can *can, struct error *err)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list) {
		const char *what = missing(a, can);
		int error = what ? refuse(what, err)
				 : kernel_check_actions(dp_action_nested(a), can, err);

		if (error)
			return error;
	}
	return 0;
}

static int put_one(struct putting *c, const struct dp_action *a)
{
	const char *what = missing(a, c->can);
	int error = what ? refuse(what, c->err) : writers[a->type](c, a);

	return error == -EMSGSIZE
		       ? error_set(c->err, error, "%s: the list is too long for the kernel",
				   dp_action_name(a->type))
		       : error;
}

static int put_list(struct putting *c, struct dp_actions list)
{
	struct set_batch sets = { .any = false };
	const struct dp_action *a;
	int error;

	DP_ACTION_FOR_EACH (a, list) {
		if (a->type == DP_ACTION_SET) {
			error = set_batch_add(&sets, a, c->key, c->err);
		} else {
			error = set_batch_flush(&sets, c->key, c->b, c->err);
			if (!error)
				error = put_one(c, a);
		}
		if (error)
			return error;
	}
	return set_batch_flush(&sets, c->key, c->b, c->err);
}

int kernel_put_actions(struct strbuf *b, struct dp_actions list, const struct flow_key *key,
		       const struct kernel_can *can, uint32_t pid, struct error *err)
{
	struct putting c = { .b = b, .key = key, .pid = pid, .can = can, .err = err };
	size_t before = b->len;
	int error = put_list(&c, list);

	if (error)
		strbuf_truncate(b, before);
	return error;
}

// ---- Reading ----

static int get_list(const struct nlattr *nest, struct strbuf *out, struct error *err);

static const struct nl_policy userspace_policy[OVS_USERSPACE_ATTR_USERDATA + 1] = {
	[OVS_USERSPACE_ATTR_PID] = { .type = MNL_TYPE_U32 },
	[OVS_USERSPACE_ATTR_USERDATA] = { .type = MNL_TYPE_UNSPEC, .required = true },
};

static const struct nl_policy sample_policy[OVS_SAMPLE_ATTR_ACTIONS + 1] = {
	[OVS_SAMPLE_ATTR_PROBABILITY] = { .type = MNL_TYPE_U32, .required = true },
	[OVS_SAMPLE_ATTR_ACTIONS] = { .type = MNL_TYPE_UNSPEC, .required = true },
};

static int get_userspace(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(userspace_policy)];
	int error = nl_parse_nested(nest, userspace_policy, ARRAY_SIZE(userspace_policy), a,
				    "userspace", err);

	return error ? error
		     : kernel_get_userdata(a[OVS_USERSPACE_ATTR_USERDATA],
					   dp_put(out, DP_ACTION_USERSPACE), err);
}

static int get_clone(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	size_t begin = dp_put_nested_begin(out, DP_ACTION_CLONE);
	int error = get_list(nest, out, err);

	dp_put_nested_end(out, begin);
	return error;
}

static int get_sample(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(sample_policy)];
	size_t begin;
	int error =
		nl_parse_nested(nest, sample_policy, ARRAY_SIZE(sample_policy), a, "sample", err);

	if (error)
		return error;
	begin = dp_put_nested_begin(out, DP_ACTION_SAMPLE);
	((struct dp_action *)(out->s + begin))->sample.probability =
		nl_u32(a[OVS_SAMPLE_ATTR_PROBABILITY]);
	error = get_list(a[OVS_SAMPLE_ATTR_ACTIONS], out, err);
	dp_put_nested_end(out, begin);
	return error;
}

static const struct nl_policy check_policy[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL + 1] = {
	[OVS_CHECK_PKT_LEN_ATTR_PKT_LEN] = { .type = MNL_TYPE_U16, .required = true },
	[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER] = { .type = MNL_TYPE_UNSPEC, .required = true },
	[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL] = { .type = MNL_TYPE_UNSPEC,
							   .required = true },
};

static int get_check_pkt_len(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(check_policy)];
	int error = nl_parse_nested(nest, check_policy, ARRAY_SIZE(check_policy), a,
				    "check_pkt_len", err);
	size_t begin, start, larger;
	struct dp_action *d;

	if (error)
		return error;
	begin = dp_put_nested_begin(out, DP_ACTION_CHECK_PKT_LEN);
	start = out->len;
	error = get_list(a[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER], out, err);
	larger = out->len - start;
	if (!error)
		error = get_list(a[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL], out, err);
	dp_put_nested_end(out, begin);
	d = (struct dp_action *)(out->s + begin);
	d->check_pkt_len.pkt_len = nl_u16(a[OVS_CHECK_PKT_LEN_ATTR_PKT_LEN]);
	d->check_pkt_len.larger_size = larger;
	return error;
}

static int get_dec_ttl(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	static const struct nl_policy policy[OVS_DEC_TTL_ATTR_ACTION + 1] = {
		[OVS_DEC_TTL_ATTR_ACTION] = { .type = MNL_TYPE_UNSPEC, .required = true },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_nested(nest, policy, ARRAY_SIZE(policy), a, "dec_ttl", err);
	size_t begin;

	if (error)
		return error;
	begin = dp_put_nested_begin(out, DP_ACTION_DEC_TTL);
	error = get_list(a[OVS_DEC_TTL_ATTR_ACTION], out, err);
	dp_put_nested_end(out, begin);
	return error;
}

static int get_number(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	uint32_t v = nl_u32(a);

	switch (mnl_attr_get_type(a)) {
	case OVS_ACTION_ATTR_OUTPUT:
		dp_put_output(out, DP_PORT(v));
		break;
	case OVS_ACTION_ATTR_RECIRC:
		dp_put(out, DP_ACTION_RECIRC)->recirc.id = v;
		break;
	case OVS_ACTION_ATTR_METER:
		dp_put(out, DP_ACTION_METER)->meter.id = v;
		break;
	case OVS_ACTION_ATTR_TRUNC:
		dp_put(out, DP_ACTION_TRUNC)->trunc.max_len = v;
		break;
	}
	return 0;
}

static int get_push_vlan(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	struct ovs_action_push_vlan p;
	struct dp_action *d = dp_put(out, DP_ACTION_PUSH_VLAN);

	memcpy(&p, mnl_attr_get_payload(a), sizeof(p));
	d->push_vlan.tpid = p.vlan_tpid;
	d->push_vlan.tci = p.vlan_tci;
	return 0;
}

static int get_hash(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	struct ovs_action_hash h;
	struct dp_action *d = dp_put(out, DP_ACTION_HASH);

	memcpy(&h, mnl_attr_get_payload(a), sizeof(h));
	d->hash.alg = h.hash_alg;
	d->hash.basis = h.hash_basis;
	return 0;
}

static int get_pop_vlan(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	dp_put(out, DP_ACTION_POP_VLAN);
	return 0;
}

static int get_ct_clear(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	dp_put(out, DP_ACTION_CT_CLEAR);
	return 0;
}

static int get_pop_eth(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	dp_put(out, DP_ACTION_POP_ETH);
	return 0;
}

static int get_pop_nsh(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	dp_put(out, DP_ACTION_POP_NSH);
	return 0;
}

static int get_set(const struct nlattr *a, struct strbuf *out, struct error *err)
{
	const struct nlattr *inner = mnl_attr_get_payload(a);

	if (mnl_attr_get_type(a) == OVS_ACTION_ATTR_SET && mnl_attr_ok(inner, nl_len(a)) &&
	    mnl_attr_get_type(inner) == OVS_KEY_ATTR_TUNNEL)
		return kernel_get_tunnel(inner, NULL, &dp_put(out, DP_ACTION_SET_TUNNEL)->tunnel,
					 err);
	return set_from_kernel(a, mnl_attr_get_type(a) == OVS_ACTION_ATTR_SET_MASKED, out, err);
}

static const struct {
	size_t size; // of the payload, at least
	int (*get)(const struct nlattr *a, struct strbuf *out, struct error *err);
} readers[] = {
	[OVS_ACTION_ATTR_OUTPUT] = { 4, get_number },
	[OVS_ACTION_ATTR_USERSPACE] = { 0, get_userspace },
	[OVS_ACTION_ATTR_SET] = { 0, get_set },
	[OVS_ACTION_ATTR_SET_MASKED] = { 0, get_set },
	[OVS_ACTION_ATTR_PUSH_VLAN] = { sizeof(struct ovs_action_push_vlan), get_push_vlan },
	[OVS_ACTION_ATTR_POP_VLAN] = { 0, get_pop_vlan },
	[OVS_ACTION_ATTR_SAMPLE] = { 0, get_sample },
	[OVS_ACTION_ATTR_RECIRC] = { 4, get_number },
	[OVS_ACTION_ATTR_HASH] = { sizeof(struct ovs_action_hash), get_hash },
	[OVS_ACTION_ATTR_TRUNC] = { 4, get_number },
	[OVS_ACTION_ATTR_CT_CLEAR] = { 0, get_ct_clear },
	[OVS_ACTION_ATTR_METER] = { 4, get_number },
	[OVS_ACTION_ATTR_CLONE] = { 0, get_clone },
	[OVS_ACTION_ATTR_PUSH_MPLS] = { sizeof(struct ovs_action_push_mpls), kernel_get_push_mpls },
	[OVS_ACTION_ATTR_POP_MPLS] = { 2, kernel_get_pop_mpls },
	[OVS_ACTION_ATTR_CT] = { 0, kernel_get_ct },
	[OVS_ACTION_ATTR_PUSH_ETH] = { sizeof(struct ovs_action_push_eth), kernel_get_push_eth },
	[OVS_ACTION_ATTR_POP_ETH] = { 0, get_pop_eth },
	[OVS_ACTION_ATTR_PUSH_NSH] = { 0, kernel_get_push_nsh },
	[OVS_ACTION_ATTR_POP_NSH] = { 0, get_pop_nsh },
	[OVS_ACTION_ATTR_CHECK_PKT_LEN] = { 0, get_check_pkt_len },
	[OVS_ACTION_ATTR_ADD_MPLS] = { sizeof(struct ovs_action_add_mpls), kernel_get_add_mpls },
	[OVS_ACTION_ATTR_DEC_TTL] = { 0, get_dec_ttl },
	[KERNEL_ACTION_PSAMPLE] = { 0, kernel_get_psample },
};

static int get_list(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	const uint8_t *at = mnl_attr_get_payload(nest), *end = at + nl_len(nest);

	while (end - at >= (ptrdiff_t)sizeof(struct nlattr)) {
		const struct nlattr *a = (const struct nlattr *)at;
		uint16_t type = mnl_attr_get_type(a);
		int error;

		if (a->nla_len < sizeof(*a) || a->nla_len > end - at)
			return error_set(err, -EPROTO, "action %u says %u bytes, %zu are there",
					 type, a->nla_len, (size_t)(end - at));
		if (type >= ARRAY_SIZE(readers) || !readers[type].get)
			return error_set(err, -EPROTO, "action %u is not known", type);
		if (nl_len(a) < readers[type].size)
			return error_set(err, -EPROTO, "action %u has %zu bytes", type, nl_len(a));
		error = readers[type].get(a, out, err);
		if (error)
			return error;
		at += MIN(MNL_ALIGN(a->nla_len), (size_t)(end - at));
	}
	return 0;
}

int kernel_get_actions(const struct nlattr *nest, struct strbuf *out, struct error *err)
{
	return get_list(nest, out, err);
}
