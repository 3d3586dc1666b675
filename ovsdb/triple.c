// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/triple.h"

#include "core/io/json.h"

bool triple_read(struct json_reader *r, char **ret_column, char **ret_verb)
{
	if (json_peek(r) != JSON_ARRAY)
		return false;
	json_array(r);
	if (!json_element(r) || json_peek(r) != JSON_STRING)
		return false;
	*ret_column = json_string_dup(r);
	if (!json_element(r) || json_peek(r) != JSON_STRING)
		return false;
	*ret_verb = json_string_dup(r);
	return json_element(r);
}

// "set of up to 3 integers", whatever the integers may be.
static void describe(const struct ovsdb_type *t, struct strbuf *out)
{
	const char *key = ovsdb_atomic_type_name(t->key.type);

	if (ovsdb_type_is_scalar(t)) {
		strbuf_puts(out, key);
		return;
	}
	strbuf_puts(out, ovsdb_type_is_map(t) ? "map of " : "set of ");
	if (t->n_min)
		strbuf_printf(out, "%u or more ", t->n_min);
	else if (t->n_max != UINT_MAX)
		strbuf_printf(out, "up to %u ", t->n_max);
	if (ovsdb_type_is_map(t))
		strbuf_printf(out, "(%s, %s) pairs", key, ovsdb_atomic_type_name(t->value.type));
	else
		strbuf_printf(out, "%ss", key);
}

int triple_mismatch(const char *verb, const struct ovsdb_column *c, struct ovsdb_error *err)
{
	AUTO(strbuf) type = STRBUF_INIT;

	describe(&c->type, &type);
	return ovsdb_error_set(
		err, OVSDB_SYNTAX,
		"Type mismatch: \"%s\" operator may not be applied to column %s of type %s.", verb,
		c->name, type.s);
}
