// SPDX-License-Identifier: Apache-2.0
#include "core/flow/match.h"

#include <pthread.h>

#include "core/base/hash.h"
#include "core/flow/fields.h"

void match_init_any(struct match *m)
{
	memset(m, 0, sizeof(*m));
}

// Its value stands in the key as it does in the union.
static bool field_is_whole_member(const struct field *f)
{
	return f->at == FIELD_AT_BE && !f->shift && f->n_bits == f->size * 8 &&
	       f->n_bytes == f->size;
}

// Bits of the mask where the union says so; the key follows.
static void set_bits(struct match *m, const struct field *f, const union field_value *value,
		     const union field_value *mask)
{
	union field_value v, old_value, old_mask;

	if (field_is_whole_member(f)) {
		uint8_t *key = (uint8_t *)&m->key + f->offset;
		uint8_t *to = (uint8_t *)&m->mask.m + f->offset;

		for (size_t i = 0; i < f->n_bytes; i++) {
			key[i] = value->b[i] & mask->b[i];
			to[i] = mask->b[i];
		}
		return;
	}
	field_read(f, &m->key, &old_value);
	field_read(f, &m->mask.m, &old_mask);
	for (size_t i = 0; i < f->n_bytes; i++) {
		v.b[i] = value->b[i] & mask->b[i];
		old_value.b[i] = v.b[i];
		old_mask.b[i] = mask->b[i];
	}
	field_write(f, &old_value, &m->key);
	field_write(f, &old_mask, &m->mask.m);
}

static void set_tci(struct match *m, uint16_t value, uint16_t mask)
{
	be16 keep = ~htobe16(mask);

	m->key.vlans[0].tci = (m->key.vlans[0].tci & keep) | htobe16(value & mask);
	m->mask.m.vlans[0].tci |= htobe16(mask);
}

static void set_vlan_vid(struct match *m, uint16_t value, uint16_t mask)
{
	set_tci(m, value, mask & (VLAN_VID_MASK | VLAN_PRESENT));
}

static void set_dl_vlan(struct match *m, uint16_t value, uint16_t mask)
{
	if (!mask)
		return;
	if (value == UINT16_MAX)
		set_tci(m, 0, UINT16_MAX);
	else
		set_tci(m, value | VLAN_PRESENT, VLAN_VID_MASK | VLAN_PRESENT);
}

static void set_packet_type(struct match *m, uint32_t type)
{
	// Ethernet is what every match of headers is about unless it says otherwise.
	if (!type && flow_has_headers(&m->mask.m))
		return;
	m->key.packet_type = htobe32(type);
	m->mask.m.packet_type = UINT32_MAX;
	// In the Ethertype name space the type is the packet's.
	if (type >> 16 == 1) {
		m->key.eth_type = htobe16(type & 0xffff);
		m->mask.m.eth_type = UINT16_MAX;
	}
}

void match_set_field(struct match *m, const struct field *f, const union field_value *value,
		     const union field_value *mask)
{
	uint64_t v, bits;
	union field_value all;

	if (!mask) {
		field_all_ones(f, &all);
		mask = &all;
	}
	if (is_all_zeros(mask, f->n_bytes))
		return;
	if (f->need != NEED_NONE && !m->key.packet_type)
		m->mask.m.packet_type = 0;
	if (field_is_whole_member(f) && f->id != FIELD_PACKET_TYPE) {
		set_bits(m, f, value, mask);
		return;
	}
	v = f->n_bytes <= 8 ? field_value_to_u64(f, value) : 0;
	bits = mask == &all || f->n_bytes > 8 ? UINT64_MAX : field_value_to_u64(f, mask);
	switch (f->at) {
	case FIELD_AT_DL_VLAN:
		set_dl_vlan(m, v, bits);
		break;
	case FIELD_AT_VLAN_VID:
		set_vlan_vid(m, v, bits);
		break;
	case FIELD_AT_VLAN_PCP:
		if (bits)
			set_tci(m, v << VLAN_PCP_SHIFT | VLAN_PRESENT,
				VLAN_PCP_MASK | VLAN_PRESENT);
		break;
	case FIELD_AT_BE:
	case FIELD_AT_HOST:
	case FIELD_AT_WIDE:
		// Own bits, written masked: the key stays without bits outside the mask.
		if (f->id != FIELD_PACKET_TYPE) {
			set_bits(m, f, value, mask);
			return;
		}
		set_packet_type(m, v);
		break;
	default:
		set_bits(m, f, value, mask);
	}
}

bool match_equal(const struct match *a, const struct match *b)
{
	return !memcmp(a, b, sizeof(*a));
}

uint64_t match_hash(const struct match *m, uint64_t basis)
{
	return hash_bytes(m, sizeof(*m), basis);
}

bool match_is_subset(const struct match *sub, const struct match *super)
{
	return flow_mask_contains(&sub->mask, &super->mask) &&
	       flow_key_equal_masked(&sub->key, &super->key, &super->mask);
}

// The bits of all fields with one kind of prerequisites, by enum field_need.
static struct flow_mask bits_of_need[NEED_MAX];
static pthread_once_t bits_once = PTHREAD_ONCE_INIT;

static void bits_build(void)
{
	for (unsigned int i = 0; i < FIELD_MAX; i++) {
		const struct field *f = field_get(i);
		struct flow_key *bits = &bits_of_need[f->need].m;
		union field_value all, old;

		field_all_ones(f, &all);
		if (f->at != FIELD_AT_TUN_METADATA && f->at != FIELD_AT_DL_VLAN) {
			field_read(f, bits, &old);
			for (size_t b = 0; b < f->n_bytes; b++)
				all.b[b] |= old.b[b];
		}
		field_write(f, &all, bits);
	}
	// Comes with the packet type where there is no Ethernet header.
	bits_of_need[0].m.eth_type = UINT16_MAX;
	bits_of_need[0].m.tunnel.flags = UINT16_MAX;
}

// The bits of a match that only some packets have, as the words where there are some.
struct conditional {
	struct word_bits words[FLOW_WORDS];
	size_t n;
};

static void find_conditional(const struct match *m, struct conditional *c)
{
	const uint64_t *mask = flow_words_const(&m->mask.m);
	const uint64_t *always = flow_words_const(&bits_of_need[NEED_NONE].m);

	c->n = 0;
	for (size_t i = 0; i < FLOW_WORDS; i++) {
#ifdef __SANITIZE_ADDRESS__
		assert(!(flow_words_const(&m->key)[i] & ~mask[i]));
#endif
		if (mask[i] & ~always[i])
			c->words[c->n++] = (struct word_bits){ i, mask[i] & ~always[i] };
	}
}

static bool has_some_of(const struct conditional *c, const struct flow_mask *bits)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->words[i].bits & flow_words_const(&bits->m)[c->words[i].word])
			return true;
	return false;
}

static void allow(struct conditional *c, const struct flow_mask *bits)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct word_bits w = c->words[i];

		w.bits &= ~flow_words_const(&bits->m)[w.word];
		if (w.bits)
			c->words[n++] = w;
	}
	c->n = n;
}

// A field whose prerequisites do not hold cannot be matched, unless another field with the same bits can be.
bool match_normalize(struct match *m)
{
	uint8_t frag = m->key.nw_frag;
	struct conditional c;

	pthread_once(&bits_once, bits_build);
	find_conditional(m, &c);
	// Ports of later fragments could not be looked at either, but without them far more would match: that is refused, not dropped.
	m->key.nw_frag = 0;
	for (unsigned int need = NEED_NONE + 1; need < NEED_MAX && c.n; need++)
		if (has_some_of(&c, &bits_of_need[need]) && field_need_is_matched(need, m))
			allow(&c, &bits_of_need[need]);
	m->key.nw_frag = frag;
	for (size_t i = 0; i < c.n; i++) {
		flow_words(&m->mask.m)[c.words[i].word] &= ~c.words[i].bits;
		flow_words(&m->key)[c.words[i].word] &= ~c.words[i].bits;
	}
	return c.n;
}
