// SPDX-License-Identifier: Apache-2.0
// Consecutive set actions become one act_pedit, and an act_csum where checksums cover what changed.
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_pedit.h>
#include <netinet/in.h>

#include "core/flow/fields.h"
#include "offload/tc/action-private.h"

struct set_row {
	enum field_id field;
	uint16_t header;
	uint8_t first, bytes, shift;
	bool l4;
};

static const struct set_row rows[] = {
#define SET(FIELD, HEADER, FIRST, BYTES, SHIFT, L4) \
	{ FIELD_##FIELD, TCA_PEDIT_KEY_EX_HDR_TYPE_##HEADER, FIRST, BYTES, SHIFT, L4 },
#include "offload/tc/action.def"
#undef SET
};

// Which packets have the header that pedit names.
static const enum field_need header_needs[] = {
	[TCA_PEDIT_KEY_EX_HDR_TYPE_ETH] = NEED_NONE, [TCA_PEDIT_KEY_EX_HDR_TYPE_IP4] = NEED_IPV4,
	[TCA_PEDIT_KEY_EX_HDR_TYPE_IP6] = NEED_IPV6, [TCA_PEDIT_KEY_EX_HDR_TYPE_TCP] = NEED_TCP,
	[TCA_PEDIT_KEY_EX_HDR_TYPE_UDP] = NEED_UDP,
};

// The number of 'n' bytes of 'v' (right-aligned in them), shifted left, as 'bytes' bytes.
static void shift_left(const uint8_t *v, size_t n, unsigned int shift, uint8_t *out, size_t bytes)
{
	uint32_t carry = 0;

	for (size_t i = 0; i < bytes; i++) {
		// From the last byte forwards; 'shift' is below 8.
		uint32_t b = i < n ? (uint32_t)v[n - 1 - i] << shift : 0;

		out[bytes - 1 - i] = b | carry;
		carry = b >> 8;
	}
}

bool edit_set(struct acting *c, const struct dp_action *a)
{
	const struct field *f = field_get(a->set.field);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct set_row *row = &rows[i];
		uint8_t value[16], mask[16];

		if (row->field != f->id || !field_need_holds(header_needs[row->header], c->key))
			continue;
		if (c->moved && row->header != TCA_PEDIT_KEY_EX_HDR_TYPE_ETH)
			break;
		shift_left(a->set.value, f->n_bytes, row->shift, value, row->bytes);
		shift_left(a->set.mask, f->n_bytes, row->shift, mask, row->bytes);
		for (int b = 0; b < row->bytes; b++) {
			uint8_t *v = &c->edit.value[row->header][row->first + b];

			*v = (*v & ~mask[b]) | (value[b] & mask[b]);
			c->edit.mask[row->header][row->first + b] |= mask[b];
		}
		c->edit.any = true;
		c->edit.l4 |= row->l4;
		return true;
	}
	AUTO_FREE char *culprit = xasprintf("set(%s)", f->name);
	return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, culprit);
}

struct words {
	struct tc_pedit_key keys[EDIT_HEADERS * EDIT_BYTES / 4];
	uint16_t header[EDIT_HEADERS * EDIT_BYTES / 4];
	size_t n;
};

// The kernel computes word = (word & mask) ^ val.
static void find_words(const struct edit *e, struct words *w)
{
	w->n = 0;
	for (uint16_t h = 0; h < EDIT_HEADERS; h++)
		for (int at = 0; at < EDIT_BYTES; at += 4) {
			uint32_t mask, value;

			memcpy(&mask, e->mask[h] + at, 4);
			memcpy(&value, e->value[h] + at, 4);
			if (!mask)
				continue;
			w->keys[w->n] = (struct tc_pedit_key){ .mask = ~mask,
							       .val = value & mask,
							       .off = at };
			w->header[w->n++] = h;
		}
}

static void put_pedit(struct acting *c, const struct words *w)
{
	size_t nest = tc_act_begin(c, "pedit"), keys_nest,
	       size = sizeof(struct tc_pedit_sel) + w->n * sizeof(w->keys[0]);
	uint8_t parms[sizeof(struct tc_pedit_sel) + sizeof(w->keys)] = { 0 };
	struct tc_pedit_sel *sel = (struct tc_pedit_sel *)parms;
	struct strbuf *b = &c->rule->options;

	sel->action = TC_ACT_PIPE;
	sel->nkeys = w->n;
	memcpy(parms + sizeof(*sel), w->keys, w->n * sizeof(w->keys[0]));
	nl_put(b, TCA_PEDIT_PARMS_EX, parms, size);
	keys_nest = nl_nest_begin(b, TCA_PEDIT_KEYS_EX);
	for (size_t i = 0; i < w->n; i++) {
		size_t key = nl_nest_begin(b, TCA_PEDIT_KEY_EX);

		nl_put_u16(b, TCA_PEDIT_KEY_EX_HTYPE, w->header[i]);
		nl_put_u16(b, TCA_PEDIT_KEY_EX_CMD, TCA_PEDIT_KEY_EX_CMD_SET);
		nl_nest_end(b, key);
	}
	nl_nest_end(b, keys_nest);
	tc_act_end(c, nest);
}

static void put_csum(struct acting *c, uint32_t flags)
{
	struct tc_csum parms = { .action = TC_ACT_PIPE, .update_flags = flags };
	size_t nest = tc_act_begin(c, "csum");

	nl_put(&c->rule->options, TCA_CSUM_PARMS, &parms, sizeof(parms));
	tc_act_end(c, nest);
}

static uint32_t l4_checksum(const struct acting *c)
{
	bool v6 = c->key->eth_type == htobe16(ETH_P_IPV6);

	// The rule is for all protocols then: the action looks which one a packet has.
	if (!c->mask->m.nw_proto)
		return TCA_CSUM_UPDATE_FLAG_TCP | TCA_CSUM_UPDATE_FLAG_UDP |
		       (v6 ? TCA_CSUM_UPDATE_FLAG_ICMP : 0);
	switch (c->key->nw_proto) {
	case IPPROTO_TCP:
		return TCA_CSUM_UPDATE_FLAG_TCP;
	case IPPROTO_UDP:
		return TCA_CSUM_UPDATE_FLAG_UDP;
	case IPPROTO_ICMPV6:
		return v6 ? TCA_CSUM_UPDATE_FLAG_ICMP : 0;
	default:
		return 0;
	}
}

bool edit_flush(struct acting *c)
{
	uint32_t csum = 0;
	struct words w;

	if (!c->edit.any)
		return true;
	find_words(&c->edit, &w);
	if (!is_all_zeros(c->edit.mask[TCA_PEDIT_KEY_EX_HDR_TYPE_IP4], EDIT_BYTES))
		csum = TCA_CSUM_UPDATE_FLAG_IPV4HDR;
	if (c->edit.l4) {
		uint32_t l4 = l4_checksum(c);

		// A fragment's transport checksum cannot be computed from it alone.
		if (l4 && (!(c->mask->m.nw_frag & FLOW_FRAG_ANY) || c->key->nw_frag))
			return verdict_refuse(c->v, REASON_ACTION_UNSUPPORTED, "set on fragments");
		csum |= l4;
	}
	if (!tc_act_room(c, 1 + !!csum))
		return false;
	if (w.n)
		put_pedit(c, &w);
	if (csum)
		put_csum(c, csum);
	memset(&c->edit, 0, sizeof(c->edit));
	return true;
}
