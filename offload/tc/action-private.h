// SPDX-License-Identifier: Apache-2.0
// The list of actions while it is compiled.
#pragma once

#include "offload/tc/tc-private.h"

// Headers by TCA_PEDIT_KEY_EX_HDR_TYPE_*, and the bytes of each that can be set.
enum { EDIT_HEADERS = 6, EDIT_BYTES = 40 };

struct edit {
	uint8_t value[EDIT_HEADERS][EDIT_BYTES], mask[EDIT_HEADERS][EDIT_BYTES];
	bool any, l4;
};

struct acting {
	struct compiled_rule *rule;
	const struct flow_key *key;
	const struct flow_mask *mask;
	const struct port_lookup *ports;
	struct verdict *v;
	struct edit edit; // sets that are not written yet
	size_t last_output; // offset of the last mirred's parameters
	bool has_output; // and nothing stands behind it
	bool ended;
	bool has_cookie; // an action of the filter's own has been written
	struct dp_actions rest; // what stands behind the action at hand, and does something
	unsigned int n_tags; // that the packet has now
	struct flow_vlan tag; // the outermost; all zero: there is none, or it is not known
	bool tracked; // it has been through connection tracking
	bool moved; // an MPLS header came or went: only the Ethernet header is where it was
	struct flow_tunnel tunnel; // as last set
	bool has_tunnel; // the packet has an outer header beside it now
	bool tunnel_changed; // since it was written
	bool released; // it has lost the header that it came with
};

// One action: opens its nests with kind and (the first one) cookie, and closes them. The caller has asked for room.
size_t tc_act_begin(struct acting *c, const char *kind);
void tc_act_end(struct acting *c, size_t nests);
// False with a verdict when 'n' more actions do not fit a filter.
bool tc_act_room(struct acting *c, unsigned int n);

// Writes what ends a list, or (TC_ACT_PIPE) goes on with it.
bool tc_act_gact(struct acting *c, int action);

bool edit_set(struct acting *c, const struct dp_action *a);
// Writes what edit_set() has gathered.
bool edit_flush(struct acting *c);

// Kept until an output needs it.
bool act_set_tunnel(struct acting *c, const struct dp_action *a);
// GBP or Geneve's options, where there are any.
void tc_put_tunnel_opts(struct strbuf *b, const struct flow_tunnel *t);
// The outer header as the port needs it: written, or taken off.
bool tunnel_before_output(struct acting *c, const struct port_ref *port);
bool act_ct(struct acting *c, const struct dp_action *a);
bool act_ct_clear(struct acting *c, const struct dp_action *a);
// Writes a list with its end: nothing can stand behind it.
bool tc_act_list(struct acting *c, struct dp_actions list);
bool act_clone(struct acting *c, const struct dp_action *a);
bool act_sample(struct acting *c, const struct dp_action *a);
bool act_psample(struct acting *c, const struct dp_action *a);
bool act_check_pkt_len(struct acting *c, const struct dp_action *a);
bool act_meter(struct acting *c, const struct dp_action *a);
bool act_push_mpls(struct acting *c, const struct dp_action *a);
bool act_pop_mpls(struct acting *c, const struct dp_action *a);
