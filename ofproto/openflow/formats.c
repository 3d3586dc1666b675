// SPDX-License-Identifier: Apache-2.0
#include "ofproto/openflow/formats.h"

#include <strings.h>

#include "ofproto/openflow/msg.h"

static const struct {
	const char *name;
	uint8_t version;
} rows[] = {
	[FORMAT_OF10] = { "OpenFlow10-table_id", OFP10 },
	[FORMAT_OF10_TABLES] = { "OpenFlow10+table_id", OFP10 },
	[FORMAT_NXM] = { "NXM-table_id", OFP10 },
	[FORMAT_NXM_TABLES] = { "NXM+table_id", OFP10 },
	[FORMAT_OF11] = { "OpenFlow11", OFP11 },
	[FORMAT_OXM12] = { "OXM-OpenFlow12", OFP12 },
	[FORMAT_OXM13] = { "OXM-OpenFlow13", OFP13 },
	[FORMAT_OXM14] = { "OXM-OpenFlow14", OFP14 },
	[FORMAT_OXM15] = { "OXM-OpenFlow15", OFP15 },
};

// Names of several, which are printed before those of one.
static const struct {
	const char *name;
	uint32_t formats;
} families[] = {
	{ "any", FORMATS_ANY },
	{ "OpenFlow10", FORMATS_OF10 },
	{ "NXM", FORMATS_NXM },
	{ "OXM", FORMATS_OXM },
};

uint8_t flow_format_version(enum flow_format f)
{
	return rows[f].version;
}

const char *flow_format_name(enum flow_format f)
{
	return rows[f].name;
}

uint32_t flow_formats_of_versions(uint32_t versions)
{
	uint32_t formats = 0;

	for (size_t i = 0; i < FORMAT_MAX; i++)
		if (versions >> rows[i].version & 1)
			formats |= 1u << i;
	return formats;
}

uint32_t flow_formats_versions(uint32_t formats)
{
	uint32_t versions = 0;

	for (size_t i = 0; i < FORMAT_MAX; i++)
		if (formats >> i & 1)
			versions |= 1u << rows[i].version;
	return versions;
}

// ---- Fields ----

uint32_t flow_formats_of_field(const struct field *f, const union field_value *mask)
{
	static const struct {
		uint32_t exact, prefix, other;
	} known[FIELD_MAX] = {
#define FIELD_FORMATS(ID, EXACT, PREFIX, OTHER) [FIELD_##ID] = { EXACT, PREFIX, OTHER },
#include "ofproto/openflow/field-formats.def"
#undef FIELD_FORMATS
	};
	union field_value all;

	if (mask && is_all_zeros(mask->b, f->n_bytes))
		return FORMATS_ANY;
	if (!known[f->id].exact)
		return FORMATS_NXM | FORMATS_OXM;
	field_all_ones(f, &all);
	if (!mask || !memcmp(mask->b, all.b, f->n_bytes))
		return known[f->id].exact;
	return mask_prefix_len(mask->b, f->n_bytes) >= 0 ? known[f->id].prefix : known[f->id].other;
}

// ---- Text ----

void flow_formats_format(uint32_t formats, struct strbuf *out)
{
	if (!formats)
		strbuf_puts(out, "none,");
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (formats && (formats & families[i].formats) == families[i].formats) {
			strbuf_printf(out, "%s,", families[i].name);
			formats &= ~families[i].formats;
		}
	for (size_t i = 0; i < FORMAT_MAX; i++)
		if (formats >> i & 1)
			strbuf_printf(out, "%s,", rows[i].name);
	strbuf_chomp(out, ',');
}

static uint32_t by_name(const char *name)
{
	for (size_t i = 0; i < FORMAT_MAX; i++)
		if (!strcasecmp(rows[i].name, name))
			return 1u << i;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (!strcasecmp(families[i].name, name))
			return families[i].formats;
	return 0;
}

int flow_formats_parse(const char *text, uint32_t *ret, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	uint32_t formats = 0, one;
	char *save = NULL;

	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		one = by_name(s);
		if (!one)
			return error_set(err, -EINVAL, "%s: unknown flow protocol", s);
		formats |= one;
	}
	if (!formats)
		return error_set(err, -EINVAL, "%s: no flow protocol specified", text);
	*ret = formats;
	return 0;
}
