// SPDX-License-Identifier: Apache-2.0
// What a group is inside the pipeline.
#pragma once

#include "ofproto/openflow/group.h"
#include "ofproto/pipeline/switch-private.h"

struct group_count {
	_Atomic uint64_t packets, bytes;
};

// Immutable but for its counters and its end.
struct group {
	struct group_desc desc;
	uint64_t
		version; // no other group of this switch, or state of this one, ever had it; never 0
	int64_t created; // clock_msec()
	uint64_t shown; // the first version of the switch that sees it
	_Atomic uint64_t hidden; // and the first that does no more
	_Atomic uint32_t refs;
	struct list users; // struct group_use; main thread
	struct group_count count;
	struct {
		struct strbuf acts; // as an action set is executed
		struct group_count count;
	} buckets[]; // as desc.buckets
};

// What a version of the switch sees; NULL. Readers.
struct group *switch_find_group(const struct of_switch *sw, uint64_t version, uint32_t id);
// Megaflows that count into a group hold a reference. False: the last one has gone.
bool group_ref(struct group *g);
void group_unref(struct group *g);
// 'bucket' is GROUP_ITSELF for the whole. Any thread.
#define GROUP_ITSELF UINT32_MAX
void group_credit(struct group *g, uint32_t bucket, const struct traffic *t);
