// SPDX-License-Identifier: Apache-2.0
// From DPDK's pattern items to key and mask, driven by items.def.
#include "hw-tests/simnic/simnic-private.h"

#include <ethdev_driver.h>

#define ALL UINT32_MAX
#define NONE 0

// DPDK has no default mask for this item: without a mask of its own it says only that the header is there.
static const struct rte_flow_item_ipv6_frag_ext no_default_mask;

#define ITEM_MASK_ETH rte_flow_item_eth_mask
#define ITEM_MASK_VLAN rte_flow_item_vlan_mask
#define ITEM_MASK_IPV4 rte_flow_item_ipv4_mask
#define ITEM_MASK_IPV6 rte_flow_item_ipv6_mask
#define ITEM_MASK_IPV6_FRAG_EXT no_default_mask
#define ITEM_MASK_TCP rte_flow_item_tcp_mask
#define ITEM_MASK_UDP rte_flow_item_udp_mask
#define ITEM_MASK_SCTP rte_flow_item_sctp_mask
#define ITEM_MASK_ICMP rte_flow_item_icmp_mask
#define ITEM_MASK_ICMP6 rte_flow_item_icmp6_mask

const struct simnic_item simnic_items[ITEM_MAX] = {
#define ITEM(type_, text, level_, layer_, needs_, key_) \
	[ITEM_##type_] = { .type = RTE_FLOW_ITEM_TYPE_##type_, \
			   .name = #text, \
			   .level = level_, \
			   .layer = layer_, \
			   .needs = needs_, \
			   .key_ofs = offsetof(struct simnic_key, key_), \
			   .size = sizeof(struct rte_flow_item_##text), \
			   .default_mask = &ITEM_MASK_##type_ },
#include "hw-tests/simnic/items.def"
};

const struct simnic_field simnic_fields[] = {
#define FIELD(item_, name_, ofs_, size_, can_) \
	{ .item = ITEM_##item_, .name = #name_, .ofs = ofs_, .size = size_, .can = can_ },
#include "hw-tests/simnic/items.def"
};
const size_t simnic_n_fields = ARRAY_SIZE(simnic_fields);

_Static_assert(ARRAY_SIZE(simnic_fields) <= ARRAY_SIZE(((struct simnic_faults *)0)->refuse_field),
	       "refuse_field");

int refuse(struct rte_flow_error *e, int error, enum rte_flow_error_type type, const void *cause,
	   const char *fmt, ...)
{
	static _Thread_local char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return rte_flow_error_set(e, error, type, cause, text);
}

static const struct simnic_item *find_item(enum rte_flow_item_type type)
{
	for (size_t i = 0; i < ITEM_MAX; i++)
		if (simnic_items[i].type == type)
			return &simnic_items[i];
	return NULL;
}

static const char *item_name(const struct rte_flow_item *it)
{
	const char *name = NULL;

	if (rte_flow_conv(RTE_FLOW_CONV_OP_ITEM_NAME_PTR, &name, sizeof(name),
			  (void *)(uintptr_t)it->type, NULL) <= 0)
		return "of an unknown type";
	return name;
}

static uint32_t load32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static bool field_allowed(const struct compiled *c, const struct simnic_field *f,
			  const uint8_t *mask)
{
	if (c->sw->faults.refuse_field[f - simnic_fields] || f->can == NONE)
		return is_all_zeros(mask + f->ofs, f->size);
	return f->can == ALL || f->size == 1 || !(load32(mask + f->ofs) & ~f->can);
}

static void copy_masked(struct compiled *c, const struct simnic_field *f, size_t key_ofs,
			const uint8_t *spec, const uint8_t *mask)
{
	uint8_t *k = (uint8_t *)&c->key + key_ofs + f->ofs,
		*m = (uint8_t *)&c->mask + key_ofs + f->ofs;

	for (size_t i = 0; i < f->size; i++) {
		m[i] = mask[f->ofs + i] & (f->size == 1 ? f->can : UINT8_MAX);
		k[i] = spec[f->ofs + i] & m[i];
	}
}

// Field by field, so that what lies between the fields (padding) stays out of the key.
static int compile_fields(struct compiled *c, const struct rte_flow_item *it,
			  const struct simnic_item *item, size_t key_ofs, struct rte_flow_error *e)
{
	const uint8_t *mask = it->mask ? it->mask : item->default_mask, *spec = it->spec;

	for (const struct simnic_field *f = simnic_fields; f < simnic_fields + simnic_n_fields;
	     f++) {
		char hex[40];

		if (&simnic_items[f->item] != item)
			continue;
		if (field_allowed(c, f, mask)) {
			copy_masked(c, f, key_ofs, spec, mask);
			continue;
		}
		for (unsigned i = 0; i < f->size; i++)
			snprintf(hex + 2 * i, 3, "%02x", mask[f->ofs + i]);
		return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_MASK, it->mask ? it->mask : it,
			      "%s: item %s field '%s' mask 0x%s not supported", c->sw->name,
			      item_name(it), f->name, hex);
	}
	return 0;
}

static void require_layer(struct compiled *c, uint32_t layer)
{
	c->layers |= layer;
	c->key.layers |= layer;
	c->mask.layers |= layer;
}

// An item behind Ethernet says how many tags are before it, unless has_vlan or has_more_vlan leaves that open.
static void require_tag_count(struct compiled *c)
{
	const struct simnic_key *k = &c->key;
	bool open = c->n_vlan_items ? k->vlan[c->n_vlan_items - 1].has_more_vlan : k->eth.has_vlan;

	if (!(c->items & (1u << ITEM_ETH | 1u << ITEM_VLAN)) || open)
		return;
	c->key.n_tags = c->n_vlan_items;
	c->mask.n_tags = UINT8_MAX;
}

static int compile_header(struct compiled *c, const struct rte_flow_item *it,
			  const struct simnic_item *item, struct rte_flow_error *e)
{
	size_t key_ofs = item->key_ofs;

	if (item->level > 2)
		require_tag_count(c);
	if (item->type == RTE_FLOW_ITEM_TYPE_VLAN) {
		key_ofs += c->n_vlan_items * sizeof(struct rte_flow_item_vlan);
		require_layer(c, c->n_vlan_items ? LAYER_VLAN2 : LAYER_VLAN);
		c->n_tags = ++c->n_vlan_items;
	} else {
		require_layer(c, item->layer);
	}
	c->items |= 1u << (item - simnic_items);
	if (!it->spec && it->mask)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_SPEC, it,
			      "%s: item %s has a mask but no spec", c->sw->name, item_name(it));
	if (!it->spec)
		return 0;
	return compile_fields(c, it, item, key_ofs, e);
}

static int compile_port(struct compiled *c, const struct rte_flow_item *it,
			struct rte_flow_error *e)
{
	const struct rte_flow_item_ethdev *spec = it->spec,
					  *mask = it->mask ? it->mask : &rte_flow_item_ethdev_mask;
	struct esw *sw = c->sw;

	if (c->mask.side)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, it,
			      "%s: item %s after another port item", sw->name, item_name(it));
	c->key.side = it->type == RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT ? SIDE_FAR : SIDE_APP;
	c->mask.side = UINT8_MAX;
	if (!spec || !mask->port_id)
		return 0;
	if (mask->port_id != UINT16_MAX)
		return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_MASK, it->mask,
			      "%s: item %s field 'port_id' mask 0x%04x not supported", sw->name,
			      item_name(it), mask->port_id);
	for (unsigned i = 0; i < sw->n_ports; i++) {
		if (sw->ports[i].dev && sw->ports[i].dev->data->port_id == spec->port_id) {
			c->key.port = i;
			c->mask.port = UINT16_MAX;
			return 0;
		}
	}
	return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_SPEC, spec,
		      "%s: item %s: ethdev %u is not of this eSwitch", sw->name, item_name(it),
		      spec->port_id);
}

static int check_order(struct compiled *c, const struct rte_flow_item *it,
		       const struct simnic_item *item, unsigned *level, struct rte_flow_error *e)
{
	uint32_t l3 = c->layers & (LAYER_IPV4 | LAYER_IPV6);
	bool second_tag = item->level == 2 && c->n_vlan_items == 1;

	if (item->level == 2 && c->n_vlan_items == 2)
		return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, it,
			      "%s: more than 2 items VLAN not supported", c->sw->name);
	if (item->level < *level || (item->level == *level && !second_tag))
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, it,
			      "%s: item %s stands behind an item of its layer or above",
			      c->sw->name, item_name(it));
	if (item->needs && l3 && !(item->needs & l3))
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, it,
			      "%s: item %s cannot follow %s", c->sw->name, item_name(it),
			      l3 & LAYER_IPV4 ? "IPV4" : "IPV6");
	*level = item->level;
	return 0;
}

static int compile_item(struct compiled *c, const struct rte_flow_item *it, unsigned *level,
			struct rte_flow_error *e)
{
	const struct simnic_item *item = find_item(it->type);
	int err;

	if (it->last)
		return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_LAST, it->last,
			      "%s: item %s: ranges not supported", c->sw->name, item_name(it));
	if (it->type == RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT ||
	    it->type == RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR)
		return compile_port(c, it, e);
	if (!item || c->sw->faults.refuse_item[item - simnic_items])
		return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, it, "%s: item %s not supported",
			      c->sw->name, item_name(it));
	err = check_order(c, it, item, level, e);
	return err ? err : compile_header(c, it, item, e);
}

int compile_pattern(struct compiled *c, const struct rte_flow_item *items, struct rte_flow_error *e)
{
	unsigned level = 0;
	int err;

	if (!items)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_NUM, NULL, "%s: no pattern",
			      c->sw->name);
	for (; items->type != RTE_FLOW_ITEM_TYPE_END; items++) {
		if (items->type == RTE_FLOW_ITEM_TYPE_VOID)
			continue;
		err = compile_item(c, items, &level, e);
		if (err)
			return err;
	}
	return 0;
}

static void format_item(const struct simnic_item *item, const uint8_t *key, const uint8_t *mask,
			struct strbuf *out)
{
	strbuf_printf(out, " / %s", item->name);
	for (const struct simnic_field *f = simnic_fields; f < simnic_fields + simnic_n_fields;
	     f++) {
		if (&simnic_items[f->item] != item || is_all_zeros(mask + f->ofs, f->size))
			continue;
		strbuf_printf(out, " %s=0x", f->name);
		for (unsigned i = 0; i < f->size; i++)
			strbuf_printf(out, "%02x", key[f->ofs + i]);
		if (is_all_ones(mask + f->ofs, f->size))
			continue;
		strbuf_puts(out, "/0x");
		for (unsigned i = 0; i < f->size; i++)
			strbuf_printf(out, "%02x", mask[f->ofs + i]);
	}
}

void format_pattern(const struct simnic_key *key, const struct simnic_key *mask, uint32_t items,
		    struct strbuf *out)
{
	if (!mask->side)
		strbuf_puts(out, "any");
	else
		strbuf_puts(out, key->side == SIDE_FAR ? "represented_port" : "port_representor");
	if (mask->port && !key->port)
		strbuf_puts(out, " uplink");
	else if (mask->port)
		strbuf_printf(out, " vf%u", key->port - 1);
	for (unsigned i = 0; i < ITEM_MAX; i++) {
		const struct simnic_item *item = &simnic_items[i];
		const uint8_t *k = (const uint8_t *)key + item->key_ofs,
			      *m = (const uint8_t *)mask + item->key_ofs;

		if (!(items & 1u << i))
			continue;
		format_item(item, k, m, out);
		if (i == ITEM_VLAN && mask->layers & LAYER_VLAN2)
			format_item(item, k + item->size, m + item->size, out);
	}
}
