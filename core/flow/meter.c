// SPDX-License-Identifier: Apache-2.0
// Meters as text.
#include "core/flow/meter.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/util.h"

static const struct {
	const char *name;
	uint16_t bit;
} flags[] = {
	{ "kbps", METER_KBPS },
	{ "pktps", METER_PKTPS },
	{ "burst", METER_BURST },
	{ "stats", METER_STATS },
};

static const char *const band_types[] = {
	[METER_DROP] = "drop", [METER_DSCP_REMARK] = "dscp_remark"
};

static const struct {
	const char *name;
	uint32_t id;
} special[] = {
	{ "slowpath", METER_ID_SLOWPATH },
	{ "controller", METER_ID_CONTROLLER },
	{ "all", METER_ID_ALL },
};

// ---- Parsing ----

#define SEPARATORS " ,\t\r\n"

// Takes the next "key=value" or "key" off; 'ret_value' is NULL for the latter.
static bool next_word(char **s, char **ret_key, char **ret_value)
{
	*s += strspn(*s, SEPARATORS);
	if (!**s)
		return false;
	*ret_key = *s;
	*ret_value = NULL;
	*s += strcspn(*s, "=" SEPARATORS);
	if (**s == '=') {
		*(*s)++ = '\0';
		*ret_value = *s;
		*s += strcspn(*s, SEPARATORS);
	}
	if (**s)
		*(*s)++ = '\0';
	return true;
}

static int parse_number(const char *s, uint32_t max, uint32_t *ret, struct error *err)
{
	uint64_t n;

	if (!parse_u64(s, 0, &n))
		return error_set(err, -EINVAL, "invalid numeric format %s", s);
	if (n > max)
		return error_set(err, -ERANGE, "value %s is larger than %u", s, max);
	*ret = n;
	return 0;
}

static int parse_id(const char *s, uint32_t *ret, struct error *err)
{
	int error;

	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (!strcmp(special[i].name, s)) {
			*ret = special[i].id;
			return 0;
		}
	error = parse_number(s, UINT32_MAX, ret, err);
	if (!error && (!*ret || *ret > METER_ID_MAX))
		error = error_set(err, -EINVAL, "invalid value for meter");
	return error;
}

static int parse_band_type(const char *s, struct meter_config *c, struct error *err)
{
	size_t type = METER_DROP;

	while (type < ARRAY_SIZE(band_types) && strcmp(band_types[type], s))
		type++;
	if (type == ARRAY_SIZE(band_types))
		return error_set(err, -EINVAL, "field type unknown value %s", s);
	if (c->n_bands == METER_MAX_BANDS)
		return error_set(err, -E2BIG, "a meter has at most %d bands", METER_MAX_BANDS);
	c->bands[c->n_bands++] = (struct meter_band){ .type = type };
	return 0;
}

static int parse_prec_level(const char *s, struct meter_band *b, struct error *err)
{
	uint32_t level;
	int error;

	if (b->type != METER_DSCP_REMARK)
		return error_set(err, -EINVAL, "Only 'dscp_remark' band may have 'prec_level'");
	error = parse_number(s, UINT8_MAX, &level, err);
	if (!error)
		b->prec_level = level;
	return error;
}

static int parse_band_word(const char *key, const char *value, struct meter_config *c,
			   struct error *err)
{
	struct meter_band *b = c->n_bands ? &c->bands[c->n_bands - 1] : NULL;

	if (!value)
		return error_set(err, -EINVAL, "field %s missing value", key);
	if (!strcmp(key, "type"))
		return parse_band_type(value, c, err);
	if (!b)
		return error_set(err, -EINVAL, "band must start with the 'type' keyword");
	if (!strcmp(key, "rate"))
		return parse_number(value, UINT32_MAX, &b->rate, err);
	if (!strcmp(key, "burst_size"))
		return parse_number(value, UINT32_MAX, &b->burst, err);
	if (!strcmp(key, "prec_level"))
		return parse_prec_level(value, b, err);
	return error_set(err, -EINVAL, "unknown keyword %s", key);
}

static int check_band(const struct meter_config *c, const struct meter_band *b, struct error *err)
{
	if (!b->rate)
		return error_set(err, -EINVAL, "band must have 'rate'");
	if (c->flags & METER_BURST && !b->burst)
		return error_set(err, -EINVAL,
				 "band must have 'burst_size' when 'burst' flag is set");
	if (!(c->flags & METER_BURST) && b->burst)
		return error_set(err, -EINVAL,
				 "band may have 'burst_size' only when 'burst' flag is set");
	return 0;
}

static int parse_bands(char *s, struct meter_config *c, struct error *err)
{
	char *key, *value;
	int error = 0;

	while (!error && next_word(&s, &key, &value))
		error = parse_band_word(key, value, c, err);
	if (!error && !c->n_bands)
		error = error_set(err, -EINVAL, "meter must have bands");
	for (size_t i = 0; !error && i < c->n_bands; i++)
		error = check_band(c, &c->bands[i], err);
	return error;
}

static int parse_word(const char *key, const char *value, uint32_t *id, struct meter_config *c,
		      struct error *err)
{
	for (size_t i = 0; c && i < ARRAY_SIZE(flags); i++)
		if (!strcmp(flags[i].name, key)) {
			c->flags |= flags[i].bit;
			return 0;
		}
	if (!value)
		return error_set(err, -EINVAL, "field %s missing value", key);
	if (!strcmp(key, "meter"))
		return parse_id(value, id, err);
	return error_set(err, -EINVAL, "unknown keyword %s", key);
}

int meter_parse(const char *text, uint32_t *ret_id, struct meter_config *config, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	// "bands" or "band".
	char *bands = !config		       ? NULL
		      : strstr(copy, "bands=") ? strstr(copy, "bands=")
					       : strstr(copy, "band=");
	char *s = copy, *key, *value;
	struct meter_config c = { 0 };
	uint32_t id = 0;
	int error = 0;

	if (config && !bands)
		return error_set(err, -EINVAL, "must specify bands");
	if (bands)
		*bands = '\0'; // their '=' stays behind
	while (!error && next_word(&s, &key, &value))
		error = parse_word(key, value, &id, config ? &c : NULL, err);
	if (!error && !id)
		error = error_set(err, -EINVAL, "must specify 'meter'");
	if (!error && config && !(c.flags & (METER_KBPS | METER_PKTPS)))
		error = error_set(err, -EINVAL, "meter must specify either 'kbps' or 'pktps'");
	if (!error && config)
		error = parse_bands(strchr(bands + 1, '=') + 1, &c, err);
	if (error)
		return error;
	*ret_id = id;
	if (config)
		*config = c;
	return 0;
}

// ---- Printing ----

void meter_id_format(uint32_t id, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (special[i].id == id) {
			strbuf_puts(out, special[i].name);
			return;
		}
	if (id <= METER_ID_MAX)
		strbuf_printf(out, "%" PRIu32, id);
	else
		strbuf_puts(out, "unknown");
}

static void put_flags(uint16_t set, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (set & flags[i].bit)
			strbuf_printf(out, "%s ", flags[i].name);
	if (set & ~METER_FLAGS)
		strbuf_printf(out, "flags:0x%x ", set & ~METER_FLAGS);
}

void meter_config_format(uint32_t id, const struct meter_config *c, struct strbuf *out)
{
	strbuf_puts(out, "meter=");
	meter_id_format(id, out);
	strbuf_putc(out, ' ');
	put_flags(c->flags, out);
	strbuf_puts(out, "bands=\n");
	for (size_t i = 0; i < c->n_bands; i++) {
		const struct meter_band *b = &c->bands[i];

		strbuf_printf(out, "type=%s rate=%" PRIu32, band_types[b->type], b->rate);
		if (c->flags & METER_BURST)
			strbuf_printf(out, " burst_size=%" PRIu32, b->burst);
		if (b->type == METER_DSCP_REMARK)
			strbuf_printf(out, " prec_level=%u", b->prec_level);
		strbuf_putc(out, '\n');
	}
}

void meter_stats_format(uint32_t id, const struct meter_stats *s, struct strbuf *out)
{
	strbuf_puts(out, "meter:");
	meter_id_format(id, out);
	strbuf_printf(out,
		      " flow_count:%" PRIu32 " packet_in_count:%" PRIu64 " byte_in_count:%" PRIu64
		      " duration:",
		      s->n_flows, s->in.packets, s->in.bytes);
	strbuf_put_duration(out, s->duration_sec, s->duration_nsec);
	strbuf_puts(out, " bands:\n");
	for (size_t i = 0; i < s->n_bands; i++)
		strbuf_printf(out, "%zu: packet_count:%" PRIu64 " byte_count:%" PRIu64 "\n", i,
			      s->bands[i].packets, s->bands[i].bytes);
}

void meter_features_format(const struct meter_features *f, struct strbuf *out)
{
	strbuf_printf(out,
		      "max_meter:%" PRIu32 " max_bands:%u max_color:%u\nband_types:", f->max_meters,
		      f->max_bands, f->max_color);
	for (size_t t = METER_DROP; t < ARRAY_SIZE(band_types); t++)
		if (f->band_types >> t & 1)
			strbuf_printf(out, " %s", band_types[t]);
	strbuf_puts(out, "\ncapabilities: ");
	put_flags(f->flags, out);
	strbuf_chomp(out, ' ');
	strbuf_putc(out, '\n');
}
