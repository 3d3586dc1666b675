// SPDX-License-Identifier: Apache-2.0
// What tables have decided lately, on this thread: packets that differ only in bits that a table has not looked at get its answer
// again without a look-up. The pipeline asks before it looks up, and tells what it has found.
//
// An answer holds as long as the table's rules are the same, and for every packet that has the bits of its mask: it is the megaflow of one
// table. Each thread keeps its own; they go with the thread.
#pragma once

#include "core/flow/classifier.h"

// Answers with more words in their masks are not kept.
#define DECIDED_MAX_WORDS 10

struct decided {
	uint64_t table; // classifier_number()
	uint64_t changed; // classifier_version() when it was looked up
	struct cls_rule *rule; // NULL: none
	struct cls_decision how;
	// Of the key.
	uint8_t n, words[DECIDED_MAX_WORDS];
	uint64_t bits[DECIDED_MAX_WORDS], values[DECIDED_MAX_WORDS];
};

// RCU readers, like the next; 'version' has been published. NULL: the table has to be asked. The answer is valid until the next of these calls.
const struct decided *decided_find(const struct classifier *c, uint64_t version,
				   const struct flow_key *key);
// 'changed' is the classifier's version from before the look-up, 'mask' what that has looked at and nothing else.
void decided_keep(const struct classifier *c, uint64_t version, uint64_t changed,
		  const struct flow_key *key, const struct flow_mask *mask, struct cls_rule *rule,
		  const struct cls_decision *how);
