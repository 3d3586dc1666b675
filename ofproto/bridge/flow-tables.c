// SPDX-License-Identifier: Apache-2.0
// Bridge.flow_tables: rows of Flow_Table into the configuration of a switch's tables.
#include <inttypes.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/base/vec.h"
#include "ofproto/bridge/vswitchd.h"
#include "ofproto/pipeline/table.h"

LOG_MODULE(bridge);

typedef VEC(struct subfield) subfield_vec;

// Where errors of one table's row go: a line each.
struct complaints {
	const struct bridge *br;
	int64_t table;
	struct strbuf text;
};

static void complain(struct complaints *c, const char *what)
{
	strbuf_printf(&c->text, "bridge %s: table %" PRId64 ": %s\n", c->br->name, c->table, what);
}

static void add_group(const char *text, subfield_vec *groups, struct complaints *c)
{
	struct error err = ERROR_INIT;
	struct subfield sf;
	const char *s = text;
	AUTO(strbuf) why = STRBUF_INIT;

	if (!subfield_parse(&s, &sf, &err) && !*s) {
		VEC_PUSH(groups, sf);
		return;
	}
	strbuf_printf(&why, "groups: \"%s\" is no field, and is ignored", text);
	complain(c, why.s);
}

// Trees of prefixes are of use where a field has such.
static bool has_prefixes(const struct field *f)
{
	static const enum field_id ids[] = {
		FIELD_TUN_ID, FIELD_TUN_SRC, FIELD_TUN_DST,  FIELD_TUN_IPV6_SRC, FIELD_TUN_IPV6_DST,
		FIELD_IP_SRC, FIELD_IP_DST,  FIELD_IPV6_SRC, FIELD_IPV6_DST
	};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (f->id == ids[i])
			return true;
	return false;
}

static void set_prefixes(const struct ovsrec_flow_table *ft, struct table_config *cfg,
			 struct complaints *c)
{
	cfg->have_prefixes = ft->n_prefixes;
	for (size_t i = 0; i < ft->n_prefixes; i++) {
		const struct field *f = field_by_name(ft->prefixes[i]);
		AUTO(strbuf) why = STRBUF_INIT;

		// It stands alone for an empty list, which means the default.
		if (!strcmp(ft->prefixes[i], "none"))
			continue;
		if (f && has_prefixes(f) && cfg->n_prefixes < TABLE_MAX_PREFIXES) {
			cfg->prefixes[cfg->n_prefixes++] = f;
			continue;
		}
		strbuf_printf(&why, "prefixes: \"%s\" is no field with prefixes, and is ignored",
			      ft->prefixes[i]);
		complain(c, why.s);
	}
}

static void configure_table(struct bridge *br, uint8_t table, const struct ovsrec_flow_table *ft,
			    struct complaints *c)
{
	struct table_config cfg = { .have_limit = false };
	struct error err = ERROR_INIT;
	subfield_vec groups = VEC_INIT;

	if (ft) {
		snprintf(cfg.name, sizeof(cfg.name), "%s", ft->name ? ft->name : "");
		cfg.have_limit = ft->n_flow_limit && *ft->flow_limit < UINT32_MAX;
		cfg.flow_limit = cfg.have_limit ? *ft->flow_limit : 0;
		cfg.evict = ft->overflow_policy && !strcmp(ft->overflow_policy, "evict");
		for (size_t i = 0; i < ft->n_groups; i++)
			add_group(ft->groups[i], &groups, c);
		set_prefixes(ft, &cfg, c);
	}
	cfg.groups = groups.v;
	cfg.n_groups = groups.n;
	if (switch_table_configure(br->sw, table, &cfg, &err))
		complain(c, err.text);
	VEC_FREE(&groups);
}

// Each reconfiguration finds the same errors again: they are told when they are others.
static void tell_once(struct bridge *br, const struct strbuf *text)
{
	AUTO_FREE char *copy = xstrdup(strbuf_cstr(text));
	char *save = NULL;

	if (!str_replace(&br->table_errors, copy))
		return;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		log_warn("%s", line);
}

void bridge_configure_tables(struct bridge *br, const struct ovsrec_bridge *row)
{
	const struct ovsrec_flow_table *rows[SWITCH_N_TABLES] = { NULL };
	struct complaints c = { .br = br };

	for (size_t i = 0; i < row->n_flow_tables; i++) {
		c.table = row->key_flow_tables[i];
		if (c.table >= 0 && c.table < SWITCH_N_TABLES)
			rows[c.table] = row->value_flow_tables[i];
		else
			complain(&c, "there is no such table");
	}
	for (int i = 0; i < SWITCH_N_TABLES; i++) {
		c.table = i;
		configure_table(br, i, rows[i], &c);
	}
	tell_once(br, &c.text);
	strbuf_uninit(&c.text);
}
