// SPDX-License-Identifier: Apache-2.0
// What becomes of one packet, as text: datapath actions and megaflow; and of the packet that comes back.
#pragma once

#include "core/flow/match.h"
#include "ofproto/pipeline/xlate.h"
#include "tests/unit/pipeline/switches.h"

// br0 with ports 1 to 3, br1 with port 11 of the datapath and this rule, patched by port 10 of both. They end by end_switches().
static inline void patched_switches(const char *rule, struct of_switch **ret_sw,
				    struct of_switch **ret_other)
{
	rcu_thread_begin();
	*ret_sw = able_switch("br0", 1);
	*ret_other = able_switch("br1", 2);
	add_ports(*ret_sw, 3);
	add_port(*ret_other, "q1", 1, DP_PORT(11));
	patch(*ret_sw, *ret_other, 10);
	add_rule(*ret_other, rule);
}

// The id that the last recirc action of the list has, 0: none.
static inline uint32_t last_recirc(struct dp_actions list)
{
	const struct dp_action *a;
	uint32_t id = 0;

	DP_ACTION_FOR_EACH (a, list)
		if (a->type == DP_ACTION_RECIRC)
			id = a->recirc.id;
	return id;
}

// As ofproto/trace shows them. Ids are those of states: they are shown as N.
static inline void actions_text(const struct xlate_result *r, struct strbuf *out)
{
	AUTO(strbuf) text = STRBUF_INIT;
	const char *s, *id;

	dp_actions_format(dp_actions_of(&r->actions), NULL, NULL, &text);
	for (s = strbuf_cstr(&text); (id = strstr(s, "recirc(")); s = id + strcspn(id, ")")) {
		strbuf_put(out, s, id - s);
		strbuf_puts(out, "recirc(N");
	}
	strbuf_puts(out, s);
}

static inline void megaflow_text(const struct xlate_result *r, const struct flow_key *key,
				 struct strbuf *out)
{
	struct match m = { .mask = r->mask };

	flow_key_masked(&m.key, key, &r->mask);
	m.key.recirc_id = m.mask.m.recirc_id = 0;
	match_format(&m, NULL, out);
}

// Translates; the caller looks at the rest of the result and gives it back.
static inline void check_actions(struct of_switch *sw, const char *name, const struct flow_key *key,
				 const char *want, struct xlate_result *ret)
{
	struct xlate_input in = { .sw = sw, .key = key };
	AUTO(strbuf) got = STRBUF_INIT;

	xlate(&in, ret);
	actions_text(ret, &got);
	ck_assert_msg(!strcmp(got.s, want), "%s: %s: %s instead of %s", name,
		      xlate_error_text(ret->error), got.s, want);
}

// 'back', the packet that comes back, gets the id that it does so with.
static inline void check_comes_back(const char *name, const struct xlate_result *r,
				    struct flow_key *back)
{
	back->recirc_id = last_recirc(dp_actions_of(&r->actions));
	ck_assert_msg(back->recirc_id, "%s: no recirculation", name);
}

struct translated_case {
	const char *name;
	const char *rules[6]; // up to NULL
	const char *packet;
	const char *actions, *megaflow; // megaflow NULL: of no concern
	// Of the packet that comes back; NULL: it does not. A tracked one is new to its connection.
	const char *again_actions, *again_megaflow;
};

static inline void check_pass(struct of_switch *sw, const struct translated_case *c,
			      const struct flow_key *key, bool again)
{
	const char *megaflow = again ? c->again_megaflow : c->megaflow;
	AUTO(strbuf) got = STRBUF_INIT;
	struct xlate_result r;

	check_actions(sw, c->name, key, again ? c->again_actions : c->actions, &r);
	megaflow_text(&r, key, &got);
	ck_assert_msg(!megaflow || !strcmp(strbuf_cstr(&got), megaflow), "%s: %s instead of %s",
		      c->name, strbuf_cstr(&got), megaflow);
	if (!again && c->again_actions) {
		struct flow_key back = *key;

		if (strstr(c->actions, "ct"))
			back.ct_state = CS_TRK | CS_NEW;
		check_comes_back(c->name, &r, &back);
		check_pass(sw, c, &back, true);
	}
	xlate_result_uninit(&r);
}

static inline void check_translated(struct of_switch *sw, const struct translated_case *c)
{
	struct flow_key key = packet_of(c->packet);

	for (size_t i = 0; i < ARRAY_SIZE(c->rules) && c->rules[i]; i++)
		add_rule(sw, c->rules[i]);
	check_pass(sw, c, &key, false);
}
