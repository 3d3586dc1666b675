// SPDX-License-Identifier: Apache-2.0
// A switch's map of Geneve's options, and the rules that rest on it.
#include "core/base/log.h"
#include "ofproto/pipeline/switch-private.h"

LOG_MODULE(tun_metadata);

// ---- Who uses which fields ----

static uint64_t bit_of(const struct field *f)
{
	return f->id >= FIELD_TUN_METADATA0 && f->id <= FIELD_TUN_METADATA63
		       ? UINT64_C(1) << (f->id - FIELD_TUN_METADATA0)
		       : 0;
}

static void note_field(const struct field *f, void *bits)
{
	*(uint64_t *)bits |= bit_of(f);
}

static uint64_t fields_of_acts(struct acts list)
{
	uint64_t bits = 0;

	acts_for_each_field(list, note_field, &bits);
	return bits;
}

static uint64_t fields_of_rules(const struct of_switch *sw)
{
	struct cookie_rules *c;
	uint64_t bits = 0;
	struct rule *r;
	struct match m;

	HMAP_FOR_EACH (c, node, &sw->cookies)
		LIST_FOR_EACH (r, cookie_node, &c->rules) {
			cls_rule_get_match(&r->cls, &m);
			bits |= m.mask.m.tunnel.metadata_present | fields_of_acts(rule_acts_get(r));
		}
	return bits;
}

static uint64_t mapped_fields(const struct tlv_map *map)
{
	uint64_t bits = 0;

	for (int i = 0; map && i < TLV_FIELDS; i++)
		if (map->field[i].length)
			bits |= UINT64_C(1) << i;
	return bits;
}

enum ofperr switch_tlv_check(const struct of_switch *sw, const struct match *m, struct acts list)
{
	uint64_t used = m->mask.m.tunnel.metadata_present | fields_of_acts(list);

	return used & ~mapped_fields(sw->tlv) ? OFPERR_NXFMFC_INVALID_TLV_FIELD : OFPERR_NONE;
}

// ---- The map ----

enum ofperr switch_tlv_mod(struct of_switch *sw, const struct tlv_table_mod *mod)
{
	struct tlv_map *now, *old = sw->tlv;
	enum ofperr e = tlv_map_apply(old, mod, &now);

	for (size_t i = 0; i < mod->n; i++)
		if (mod->command == TLV_ADD && mod->list[i].length > TLV_MAX_OPTION)
			log_warn("%s: tun_metadata%u: options of more than %d bytes are not "
				 "supported yet",
				 sw->name, mod->list[i].index, TLV_MAX_OPTION);
	if (e)
		return e;
	if (fields_of_rules(sw) & ~mapped_fields(now)) {
		free(now);
		return OFPERR_NXTTMFC_INVALID_TLV_DEL;
	}
	RCU_SET(sw->tlv, now);
	rcu_free(old);
	// Every translation rests on the ports, so that all are looked at again.
	atomic_fetch_add(&sw->ports_version, 1);
	switch_notify_changed(sw);
	return OFPERR_NONE;
}

void switch_tlv_get(const struct of_switch *sw, struct tlv_table_reply *ret)
{
	*ret = (struct tlv_table_reply){ .max_space = TUN_METADATA_LEN, .max_fields = TLV_FIELDS };
	for (int i = 0; sw->tlv && i < TLV_FIELDS; i++)
		if (sw->tlv->field[i].length)
			ret->list[ret->n++] = sw->tlv->field[i];
}

const struct tlv_map *switch_tlv_map(const struct of_switch *sw)
{
	return RCU_GET(sw->tlv);
}
