// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/tls-settings.h"

#include "core/base/log.h"
#include "core/io/tls.h"

LOG_MODULE(ovsdb_tls);

// What the log has been told of each option.
static char *told[TLS_SETTING_MAX];

static const char *first_string(const struct db_table *t, const struct ovsdb_column *c)
{
	struct db_row *row;

	DB_ROW_FOR_EACH(row, t)
	{
		const struct ovsdb_datum *v = &row->fields[c->index];

		for (unsigned int i = 0; i < v->n; i++)
			if (*v->keys[i].string)
				return v->keys[i].string;
	}
	return NULL;
}

static const char *look_up(const struct server *s, const char *spec, struct error *err)
{
	const struct ovsdb_column *c;
	const struct db_table *t;

	if (server_find_column(s, spec, &t, &c, err) < 0)
		return NULL;
	if (c->type.key.type != OVSDB_STRING || c->type.value.type != OVSDB_VOID) {
		error_set(err, -EINVAL, "db:%s: column %s does not hold strings", spec, c->name);
		return NULL;
	}
	return first_string(t, c);
}

void tls_settings_follow(struct server *s)
{
	for (enum tls_setting i = 0; i < TLS_SETTING_MAX; i++) {
		const char *option = tls_option(i);
		struct error err = ERROR_INIT;

		if (!option || !str_starts(option, "db:"))
			continue;
		tls_set(i, look_up(s, option + 3, &err));
		if (err.code && (!told[i] || strcmp(told[i], err.text) != 0))
			log_err("--%s: %s", tls_setting_name(i), err.text);
		free(told[i]);
		told[i] = err.code ? xstrdup(err.text) : NULL;
	}
}

void tls_settings_forget(void)
{
	for (enum tls_setting i = 0; i < TLS_SETTING_MAX; i++) {
		free(told[i]);
		told[i] = NULL;
	}
}
