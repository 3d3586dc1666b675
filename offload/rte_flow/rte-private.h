// SPDX-License-Identifier: Apache-2.0
// What the files of the rte_flow backend share. rte_flow's structs stay in this folder.
#pragma once

#include <rte_ethdev.h>
#include <rte_flow.h>

#include "offload/backend.h"

#define RULE_MAX_ITEMS 10
#define RULE_MAX_ACTIONS 48
#define RULE_ARENA 1536

struct compiled_rule {
	struct rte_flow_attr attr;
	struct rte_flow_item items[RULE_MAX_ITEMS];
	struct rte_flow_action actions[RULE_MAX_ACTIONS];
	unsigned int n_items, n_actions;
	size_t used; // of the arena: specs, masks, configurations
	uint8_t arena[RULE_ARENA] __attribute__((aligned(8)));
};

struct hw_rule {
	struct rte_flow *flow;
	uint32_t priority;
};

struct rte_device {
	uint16_t proxy; // ethdev that transfer rules go through
	uint16_t domain;
	char name[64];
	bool no_mark; // packets cannot be marked: jumps are out of the question
	bool lost; // set by DPDK's event thread
};

// Zeroed memory that lives as long as the rule; NULL when the rule has become too large.
void *rule_alloc(struct compiled_rule *r, size_t n);
// Appends an item with zeroed spec and mask of 'size' bytes (0: without).
bool rule_item(struct compiled_rule *r, enum rte_flow_item_type type, size_t size, void **ret_spec,
	       void **ret_mask);
// Appends an action with a zeroed configuration of 'size' bytes (0: without).
bool rule_action(struct compiled_rule *r, enum rte_flow_action_type type, size_t size,
		 void **ret_conf);

// Adds the pattern for key and mask, or says which field stands in the way.
bool rte_compile_match(struct compiled_rule *r, const struct flow_key *key,
		       const struct flow_mask *mask, uint16_t in_ethdev, struct verdict *v);
// Adds the actions; 'ports' resolves outputs, which must be on the domain of 'dev'.
bool rte_compile_actions(struct compiled_rule *r, struct dp_actions list,
			 const struct flow_key *key, const struct rte_device *dev,
			 const struct port_lookup *ports, struct verdict *v);
// compile() of the backend contract, and the identity of what a rule asks.
bool rte_compile(void *priv, const struct megaflow *mf, const struct port_lookup *ports,
		 struct compiled_rule **ret_rule, struct verdict *v);
uint64_t rte_compiled_shape(const struct compiled_rule *rule);
