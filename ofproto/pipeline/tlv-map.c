// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/tlv-map.h"

// One option of a header: where it is, and what of it.
struct option {
	size_t at, len; // of its data
	uint16_t class;
	uint8_t type;
};

// The option at 'at', which moves behind it; false at the end.
static bool next_option(const struct flow_tunnel *t, size_t *at, struct option *ret)
{
	const uint8_t *p = t->metadata + *at;

	if (*at + 4 > t->opt_len)
		return false;
	*ret = (struct option){
		.at = *at + 4, .len = 4u * (p[3] & 0x1f), .class = p[0] << 8 | p[1], .type = p[2]
	};
	if (ret->at + ret->len > t->opt_len)
		return false;
	*at = ret->at + ret->len;
	return true;
}

// The critical bit is part of the type.
static int field_of(const struct tlv_map *map, const struct option *o)
{
	for (int i = 0; map && i < TLV_FIELDS; i++)
		if (map->field[i].length && map->field[i].class == o->class &&
		    map->field[i].type == o->type && map->field[i].length == o->len)
			return i;
	return -1;
}

void tlv_to_pipeline(const struct tlv_map *map, struct flow_tunnel *t)
{
	const struct flow_tunnel wire = *t;
	struct option o;
	size_t at = 0;

	if (!t->opt_len)
		return;
	t->opt_len = 0;
	t->metadata_present = 0;
	memset(t->metadata, 0, sizeof(t->metadata));
	while (next_option(&wire, &at, &o)) {
		int i = field_of(map, &o);

		if (i < 0)
			continue;
		t->metadata_present |= UINT64_C(1) << i;
		memcpy(t->metadata + 4 * i, wire.metadata + o.at, o.len);
	}
}

void tlv_to_datapath(const struct tlv_map *map, struct flow_tunnel *t)
{
	const struct flow_tunnel fields = *t;

	t->metadata_present = 0;
	memset(t->metadata, 0, sizeof(t->metadata));
	for (int i = 0; map && i < TLV_FIELDS; i++) {
		const struct tlv_mapping *m = &map->field[i];
		uint8_t *p = t->metadata + t->opt_len;

		// 31 options of this size fit a header.
		if (!m->length || !(fields.metadata_present >> i & 1) ||
		    t->opt_len + 4 + m->length > 252)
			continue;
		memcpy(p, (uint8_t[]){ m->class >> 8, m->class, m->type, m->length / 4 }, 4);
		memcpy(p + 4, fields.metadata + 4 * i, m->length);
		t->opt_len += 4 + m->length;
	}
}

void tlv_mask_to_datapath(const struct tlv_map *map, const struct flow_tunnel *header,
			  struct flow_tunnel *mask)
{
	const struct flow_tunnel fields = *mask;
	struct option o;
	size_t at = 0;

	// The kernel tells a header without an id from one whose id is 0.
	if (mask->tun_id)
		mask->flags |= FLOW_TNL_KEY;
	mask->opt_len = 0;
	mask->metadata_present = 0;
	memset(mask->metadata, 0, sizeof(mask->metadata));
	if (!fields.metadata_present || !flow_tunnel_is_set(header))
		return;
	// Which options there are, and where, is all or nothing; of the data, what was looked at.
	mask->opt_len = UINT8_MAX;
	while (next_option(header, &at, &o)) {
		int i = field_of(map, &o);

		memset(mask->metadata + o.at - 4, 0xff, 4);
		if (i >= 0)
			memcpy(mask->metadata + o.at, fields.metadata + 4 * i, o.len);
	}
}

// ---- Changing ----

static enum ofperr add(struct tlv_map *map, const struct tlv_mapping *m)
{
	struct option o = { .class = m->class, .type = m->type, .len = m->length };

	if (m->index >= TLV_FIELDS)
		return OFPERR_NXTTMFC_BAD_FIELD_IDX;
	if (!m->length || m->length % 4 || m->length > TLV_MAX_OPTION)
		return OFPERR_NXTTMFC_BAD_OPT_LEN;
	if (map->field[m->index].length)
		return OFPERR_NXTTMFC_ALREADY_MAPPED;
	for (int i = 0; i < TLV_FIELDS; i++)
		if (map->field[i].length && map->field[i].class == o.class &&
		    map->field[i].type == o.type)
			return OFPERR_NXTTMFC_DUP_ENTRY;
	map->field[m->index] = *m;
	return OFPERR_NONE;
}

static enum ofperr take(struct tlv_map *map, const struct tlv_mapping *m)
{
	struct tlv_mapping *have;

	if (m->index >= TLV_FIELDS)
		return OFPERR_NXTTMFC_BAD_FIELD_IDX;
	have = &map->field[m->index];
	// What is not there needs no taking away, as Open vSwitch has it.
	if (have->length && have->class == m->class && have->type == m->type)
		memset(have, 0, sizeof(*have));
	return OFPERR_NONE;
}

enum ofperr tlv_map_apply(const struct tlv_map *map, const struct tlv_table_mod *mod,
			  struct tlv_map **ret)
{
	struct tlv_map *now = map ? xmemdup(map, sizeof(*map)) : xzalloc(sizeof(*map));
	enum ofperr e = OFPERR_NONE;

	if (mod->command == TLV_CLEAR)
		memset(now, 0, sizeof(*now));
	for (size_t i = 0; !e && i < mod->n; i++)
		e = mod->command == TLV_ADD	 ? add(now, &mod->list[i])
		    : mod->command == TLV_DELETE ? take(now, &mod->list[i])
						 : OFPERR_NONE;
	if (e)
		free(now);
	else
		*ret = now;
	return e;
}
