// SPDX-License-Identifier: Apache-2.0
// The pure step: megaflow to filter. Asks no kernel.
#include "core/base/hash.h"
#include "offload/tc/tc-private.h"

static bool compile_into(struct compiled_rule *r, const struct megaflow *mf,
			 const struct port_lookup *ports, struct verdict *v)
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
	memcpy(r->cookie, &mf->ufid, sizeof(r->cookie));
	if (!tc_compile_match(r, &key, &mask, v) ||
	    !tc_compile_actions(r, megaflow_actions_get(mf), &key, &mask, ports, v))
		return false;
	r->shape = hash_u64((uint64_t)r->protocol << 32 | !!r->chain << 1 | r->egress, r->shape);
	return verdict_accept(v);
}

bool tc_compile(void *priv, const struct megaflow *mf, const struct port_lookup *ports,
		struct compiled_rule **ret_rule, struct verdict *v)
{
	struct compiled_rule *r = xzalloc(sizeof(*r));

	if (!compile_into(r, mf, ports, v)) {
		tc_compiled_free(r);
		return false;
	}
	*ret_rule = r;
	return true;
}

void tc_compiled_free(struct compiled_rule *r)
{
	strbuf_uninit(&r->options);
	free(r);
}
