// SPDX-License-Identifier: Apache-2.0
// The pure step: megaflow to filter. Asks no kernel.
#include "core/base/hash.h"
#include "offload/tc/device-private.h"

// 12 bytes of ufid are as good as 16 to tell flows apart.
enum { COOKIE_UFID = 12, COOKIE_MARK = 12, COOKIE_PROCESS = 14 };

static const uint8_t mark[2] = { 0x0e, 0x5f };
static uint16_t process;

__attribute__((constructor)) static void number_process(void)
{
	process = random_u32();
}

void tc_cookie_make(const struct uuid *ufid, uint8_t cookie[TC_COOKIE_SIZE])
{
	memcpy(cookie, ufid, COOKIE_UFID);
	memcpy(cookie + COOKIE_MARK, mark, sizeof(mark));
	memcpy(cookie + COOKIE_PROCESS, &process, sizeof(process));
}

bool tc_cookie_is_ours(const uint8_t cookie[TC_COOKIE_SIZE])
{
	return !memcmp(cookie + COOKIE_MARK, mark, sizeof(mark));
}

bool tc_cookie_is_of_now(const uint8_t cookie[TC_COOKIE_SIZE])
{
	return tc_cookie_is_ours(cookie) &&
	       !memcmp(cookie + COOKIE_PROCESS, &process, sizeof(process));
}

// Connections that the NIC does not know yet, neighbours of tunnels that it does not know yet; and what follows after those.
static bool may_need_software(const struct compiled_rule *r, struct dp_actions list,
			      const struct port_lookup *ports)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list) {
		const struct port_ref *to = a->type == DP_ACTION_OUTPUT
						    ? ports->find(a->output.port, ports->aux)
						    : NULL;

		if (a->type == DP_ACTION_CT || (to && to->is_tunnel) ||
		    may_need_software(r, dp_action_nested(a), ports))
			return true;
	}
	return r->chain;
}

// What a NIC brings has no priority yet, and no filter of ours gives it one.
static bool comes_without_priority(const struct port_ref *in, const struct flow_key *key)
{
	return (in->is_representor || in->is_uplink) && !key->skb_priority;
}

static bool compile_into(const struct tc_device *dev, struct compiled_rule *r,
			 const struct megaflow *mf, const struct port_lookup *ports,
			 struct verdict *v)
{
	const struct port_ref *in;
	struct flow_mask mask;
	struct flow_key key;

	miniflow_expand(mf->key, &key);
	miniflow_expand(mf->mask, &mask.m);
	in = ports->find(DP_PORT(key.in_port), ports->aux);
	if (!in || !in->ifindex)
		return verdict_refuse(v, REASON_NO_DEVICE, NULL);
	r->ifindex = in->ifindex;
	r->egress = in->is_internal;
	r->from_tunnel = in->is_tunnel;
	r->tunnel_port = in->is_tunnel ? in->tunnel_port : 0;
	tc_cookie_make(&mf->ufid, r->cookie);
	// The actions name meters that were made for it. Not known in tests of this step alone.
	r->policy = dev ? atomic_load(&dev->policy) : 0;
	r->only_software =
		r->policy & TCA_CLS_FLAGS_SKIP_HW || !strcmp(in->device, SOFTWARE_DEVICE);
	if (comes_without_priority(in, &key))
		mask.m.skb_priority = 0;
	if (!tc_compile_match(r, &key, &mask, v))
		return false;
	// To traffic control what comes out of such a device is bare, or its Ethernet header is a packet's type of its own.
	if (in->takes_bare)
		return verdict_refuse(v, REASON_TUNNEL_UNSUPPORTED, "packet_type");
	if (!tc_compile_actions(r, megaflow_actions_get(mf), &key, &mask, ports, v))
		return false;
	r->software_helps = may_need_software(r, megaflow_actions_get(mf), ports);
	r->shape = hash_u64((uint64_t)r->protocol << 32 | !!r->chain << 1 | r->egress, r->shape);
	r->fingerprint = tc_fingerprint(r->options.s, r->options.len);
	r->match_print = tc_match_print(r->options.s, r->options.len);
	return verdict_accept(v);
}

bool tc_compile(void *priv, const struct megaflow *mf, const struct port_lookup *ports,
		struct compiled_rule **ret_rule, struct verdict *v)
{
	struct compiled_rule *r = xzalloc(sizeof(*r));

	if (!compile_into(priv, r, mf, ports, v)) {
		tc_compiled_free(r);
		return false;
	}
	*ret_rule = r;
	return true;
}

void tc_compiled_free(struct compiled_rule *r)
{
	strbuf_uninit(&r->options);
	free(r->samples);
	free(r);
}
