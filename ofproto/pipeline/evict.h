// SPDX-License-Identifier: Apache-2.0
// Which rule of a full table goes when another comes. Rules that can expire stand in groups, the largest group first, and in a group the
// one first that matters least: choosing looks at the first of the first.
#pragma once

#include "ofproto/pipeline/switch.h"

struct evict_index;
struct evict_entry;

// What counts of a rule: OpenFlow's flags.
enum { EVICT_OTHER = 1, EVICT_IMPORTANCE = 2, EVICT_LIFETIME = 4, EVICT_ALL = 7 };

// 'groups' are copied.
struct evict_index *evict_create(const struct subfield *groups, size_t n_groups, uint32_t flags);
// Rules in it are no more.
void evict_destroy(struct evict_index *ix);
bool evict_is_like(const struct evict_index *ix, const struct subfield *groups, size_t n_groups,
		   uint32_t flags);
// A rule comes, unless it never expires; or goes; or its timeouts have changed.
void evict_add(struct evict_index *ix, struct rule *r);
void evict_remove(struct evict_index *ix, struct rule *r);
void evict_update(struct evict_index *ix, struct rule *r);
// NULL: there is none that may go.
struct rule *evict_choose(struct evict_index *ix);
