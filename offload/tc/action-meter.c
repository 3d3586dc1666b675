// SPDX-License-Identifier: Apache-2.0
// Meters: a flow names the police action that all flows of its meter share.
#include "core/base/hash.h"
#include "offload/tc/action-private.h"

// Neither flags nor a cookie: they would be the shared action's.
static void put_shared(struct acting *c, uint32_t index)
{
	struct strbuf *b = &c->rule->options;
	size_t action = nl_nest_begin(b, ++c->rule->n_actions), options;

	c->has_output = false;
	nl_put_str(b, TCA_ACT_KIND, "police");
	options = nl_nest_begin(b, TCA_ACT_OPTIONS);
	tc_put_police_index(b, index);
	nl_nest_end(b, options);
	nl_nest_end(b, action);
	c->rule->shape = hash_string("meter", c->rule->shape);
}

bool act_meter(struct acting *c, const struct dp_action *a)
{
	const struct meter_config *config =
		c->ports->meter ? c->ports->meter(a->meter.id, c->ports->aux) : NULL;
	struct compiled_rule *r = c->rule;
	const char *lack;
	struct tc_policer p;

	if (!config)
		return verdict_refuse(c->v, REASON_METER_UNSUPPORTED, "meter that is not there");
	lack = a->meter.id > TC_METER_MAX ? "meter with a number over 67108863"
					  : tc_police_of_meter(config, &p);
	if (lack)
		return verdict_refuse(c->v, REASON_METER_UNSUPPORTED, lack);
	if (r->n_meters == TC_RULE_METERS)
		return verdict_refuse(c->v, REASON_METER_UNSUPPORTED, "more than 4 meters");
	// One that does nothing counts what comes to the meter. Drivers do not take it.
	if (!c->has_cookie && r->only_software && !tc_act_gact(c, TC_ACT_PIPE))
		return false;
	if (!tc_act_room(c, 1))
		return false;
	r->meters[r->n_meters++] = a->meter.id;
	put_shared(c, tc_police_index(a->meter.id, r->policy));
	return true;
}
