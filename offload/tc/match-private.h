// SPDX-License-Identifier: Apache-2.0
// The match while it is compiled.
#pragma once

#include "core/base/hash.h"
#include "offload/tc/tc-private.h"

struct matching {
	struct compiled_rule *rule;
	const struct flow_key *key;
	struct flow_mask left; // not matched yet
	struct verdict *v;
};

// An attribute, which is part of the rule's shape.
void tc_put(struct matching *m, uint16_t type, const void *p, size_t n);
bool tc_refuse_mask(struct matching *m, const char *field);

// Each takes off 'left' what it has matched; false with a verdict.
bool tc_match_tunnel(struct matching *m);
// GBP and Geneve's options.
bool tc_match_tunnel_opts(struct matching *m);
void tc_match_connection(struct matching *m);
bool tc_match_mpls(struct matching *m);

// ---- Both ways ----

// A row of key.def.
struct tc_key_row {
	const char *name;
	uint16_t offset, size; // in struct flow_key
	enum field_need need;
	uint16_t value, mask; // attributes
	bool low; // only the low byte of a be16
};

extern const struct tc_key_row tc_key_rows[];
extern const size_t tc_n_key_rows;

// The reverse of tc_match_tunnel_opts(): false when they are none of ours.
bool tc_read_tunnel_opts(const struct nlattr *opts, const struct nlattr *mask_opts,
			 struct flow_tunnel *key, struct flow_tunnel *mask);

// Flower's bits of a connection's state as ours.
uint8_t tc_read_ct_state(uint16_t flower);
