// SPDX-License-Identifier: Apache-2.0
// A trie of bit-string prefixes (addresses, ports): tells which prefix lengths with rules cover a value, and how many
// leading bits of the value that answer looked at. One writer, RCU readers.
#pragma once

#include "core/base/rcu.h"

#define TRIE_MAX_BITS 128

struct trie_node;

struct trie {
	struct trie_node *root;
};

// The lengths of prefixes that cover a value: bit N for length N.
struct trie_lengths {
	uint64_t bits[TRIE_MAX_BITS / 64 + 1];
};

static inline bool trie_has_length(const struct trie_lengths *l, unsigned int n)
{
	return l->bits[n / 64] >> n % 64 & 1;
}

// 'value' is big-endian, (n_bits + 7) / 8 bytes; prefixes are counted, so the same one may be inserted again.
void trie_insert(struct trie *t, const uint8_t *value, unsigned int n_bits);
void trie_remove(struct trie *t, const uint8_t *value, unsigned int n_bits);
// Any value that has the same first (returned) bits gets the same answer.
unsigned int trie_lookup(const struct trie *t, const uint8_t *value, unsigned int max_bits,
			 struct trie_lengths *ret);
// Frees all nodes after a grace period.
void trie_clear(struct trie *t);
