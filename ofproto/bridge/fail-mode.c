// SPDX-License-Identifier: Apache-2.0
// What becomes of packets while no controller says so (Bridge.fail_mode). A standalone bridge without controllers begins with a NORMAL
// rule, which whoever knows better replaces; one whose controllers stay away for three probe intervals gets a hidden one above all
// rules. With each turn, the rules and groups of the time before are gone.
#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(fail_open);

enum { OPEN_PRIORITY = 0xf0f0f0, PROBES = 3 };

static enum fail_state wanted(const struct bridge *br)
{
	int64_t alone = control_alone_for(br->control);

	if (!br->fail_standalone)
		return FAIL_NOT;
	if (alone == INT64_MAX)
		return FAIL_ALONE;
	return alone > PROBES * control_probe_interval(br->control) ? FAIL_OPEN : FAIL_NOT;
}

static void add_normal(struct of_switch *sw)
{
	struct error err = ERROR_INIT;
	struct flow_mod fm;

	if (flow_mod_parse("priority=0,actions=NORMAL", FM_ADD, NULL, &fm, NULL, &err))
		fatal(0, "%s", err.text);
	switch_flow_mod(sw, &fm);
	flow_mod_uninit(&fm);
}

static void tell(const struct bridge *br, enum fail_state state)
{
	if (state == FAIL_OPEN)
		log_warn("%s: could not connect to a controller for %lld seconds, failing open",
			 br->name,
			 (long long)(PROBES * control_probe_interval(br->control) / 1000));
	else if (br->fail_state == FAIL_OPEN)
		log_warn("%s: no longer in fail-open mode", br->name);
}

void fail_mode_run(struct bridge *br)
{
	static const struct own_rule open = { OPEN_PRIORITY, "actions=NORMAL" };
	enum fail_state state = wanted(br);
	bool came_back;

	if (state == br->fail_state)
		return;
	tell(br, state);
	// What is there when a controller comes back is its own, or nothing.
	came_back = br->fail_state == FAIL_OPEN && state == FAIL_NOT && br->fail_standalone;
	br->fail_state = state;
	if (!came_back)
		switch_clear(br->sw);
	switch_set_own_rules(br->sw, OWN_FAIL_OPEN, &open, state == FAIL_OPEN);
	if (state == FAIL_ALONE)
		add_normal(br->sw);
}
