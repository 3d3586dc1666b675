// SPDX-License-Identifier: Apache-2.0
// How a switch's tables are configured: by the database, and by OpenFlow. Main thread.
#pragma once

#include "ofproto/pipeline/switch.h"

// What a table holds when nobody sets a limit: so much is promised to controllers, and nothing is refused.
#define TABLE_DEFAULT_LIMIT 1000000
#define TABLE_MAX_PREFIXES 3

// What the database says of a table; all zeros say nothing: the default.
struct table_config {
	char name[32]; // "": as OpenFlow names it
	bool have_limit, evict; // a flow that finds the table full takes the place of another
	uint32_t flow_limit;
	const struct subfield
		*groups; // flows alike in these are one group, and the largest group loses one
	size_t n_groups;
	bool have_prefixes;
	const struct field *prefixes[TABLE_MAX_PREFIXES];
	size_t n_prefixes;
};

// Applies it, where something differs; flows above the limit go if the table evicts. A list of prefixes that cannot be is an
// error, and the rest is applied nevertheless.
int switch_table_configure(struct of_switch *sw, uint8_t table, const struct table_config *c,
			   struct error *err);
// The name that OpenFlow gives: it is that of the table where the database has none. "": none.
void switch_table_set_name(struct of_switch *sw, uint8_t table, const char *name);
// "": it has none.
const char *switch_table_name(const struct of_switch *sw, uint8_t table);
// How many flows it may have.
uint32_t switch_table_max_entries(const struct of_switch *sw, uint8_t table);
size_t switch_table_n_flows(const struct of_switch *sw, uint8_t table);
// As a version of OpenFlow configures tables.
enum ofperr switch_table_mod(struct of_switch *sw, const struct table_mod *tm, uint8_t version);
void switch_table_desc(const struct of_switch *sw, uint8_t table, struct table_desc *ret);
// What becomes of packets without a flow. Any thread.
enum table_miss switch_table_miss(const struct of_switch *sw, uint8_t table);
// The same where no table_mod has said it: controllers up to OpenFlow 1.2 want to hear of them, and there may be some.
void switch_set_default_miss(struct of_switch *sw, enum table_miss miss);
// What a table_mod has said, or what is said of tables without one: that they ask the controller, if one wants to be asked.
enum table_miss switch_table_miss_asked(const struct of_switch *sw, uint8_t table);
