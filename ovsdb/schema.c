// SPDX-License-Identifier: Apache-2.0
#include "ovsdb/schema.h"

#include "core/io/json.h"

#include <ctype.h>
#include <stdio.h>

bool ovsdb_id_is_valid(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (*++s)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

bool ovsdb_version_is_valid(const char *s)
{
	unsigned int a, b, c;
	int n = 0;

	return sscanf(s, "%9u.%9u.%9u%n", &a, &b, &c, &n) == 3 && n && !s[n];
}

const struct ovsdb_table_schema *ovsdb_schema_table(const struct ovsdb_schema *s, const char *name)
{
	return strmap_get(&s->by_name, name);
}

const struct ovsdb_column *ovsdb_table_column(const struct ovsdb_table_schema *t, const char *name)
{
	return strmap_get(&t->by_name, name);
}

const struct ovsdb_column *ovsdb_table_column_n(const struct ovsdb_table_schema *t,
						const char *name, size_t len)
{
	return strmap_get_n(&t->by_name, name, len);
}

static void column_destroy(struct ovsdb_column *c)
{
	if (!c)
		return;
	ovsdb_type_uninit(&c->type);
	free(c->name);
	free(c);
}

static void table_destroy(struct ovsdb_table_schema *t)
{
	struct strmap_node *node;

	if (!t)
		return;
	STRMAP_FOR_EACH (node, &t->by_name)
		column_destroy(node->data);
	strmap_uninit(&t->by_name);
	for (size_t i = 0; i < t->n_indexes; i++)
		free(t->indexes[i].columns);
	free(t->indexes);
	free(t->columns);
	free(t->name);
	free(t);
}

void ovsdb_schema_destroy(struct ovsdb_schema *s)
{
	struct strmap_node *node;

	if (!s)
		return;
	STRMAP_FOR_EACH (node, &s->by_name)
		table_destroy(node->data);
	strmap_uninit(&s->by_name);
	free(s->tables);
	free(s->name);
	free(s->version);
	free(s->cksum);
	free(s);
}

static struct ovsdb_column *add_column(struct ovsdb_table_schema *t, const char *name)
{
	struct ovsdb_column *c = xzalloc(sizeof(*c));

	c->name = xstrdup(name);
	c->mutable = true;
	ovsdb_type_init_scalar(&c->type, OVSDB_UUID);
	strmap_add(&t->by_name, name, c);
	return c;
}

static int read_column_members(struct ovsdb_column *c, struct json_reader *r,
			       struct ovsdb_error *err)
{
	bool have_type = false;
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		if (json_key_is(key, len, "type") && !have_type) {
			if (ovsdb_type_read(&c->type, r, err)) {
				ovsdb_type_init_scalar(&c->type, OVSDB_UUID);
				return -EINVAL;
			}
			have_type = true;
		} else if (json_key_is(key, len, "mutable")) {
			c->mutable = json_bool(r);
		} else if (json_key_is(key, len, "ephemeral")) {
			c->ephemeral = json_bool(r);
		} else {
			json_fail(r, "unexpected member \"%.*s\" in a column", (int)len, key);
		}
	}
	if (!json_failed(r) && !have_type)
		json_fail(r, "column %s has no \"type\"", c->name);
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}

static int read_columns(struct ovsdb_table_schema *t, struct json_reader *r,
			struct ovsdb_error *err)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);

		if (*name == '_')
			return ovsdb_error_set(err, OVSDB_SYNTAX,
					       "names beginning with \"_\" are reserved: %s", name);
		if (!ovsdb_id_is_valid(name))
			return ovsdb_error_set(err, OVSDB_SYNTAX,
					       "\"%s\" is not a valid column name", name);
		if (strmap_get(&t->by_name, name))
			return ovsdb_error_set(err, OVSDB_SYNTAX, "column %s is there twice", name);
		if (read_column_members(add_column(t, name), r, err))
			return -EINVAL;
	}
	if (json_failed(r))
		return ovsdb_error_from_json(err, r);
	if (!strmap_count(&t->by_name))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "table %s has no columns", t->name);
	return 0;
}

static void number_columns(struct ovsdb_table_schema *t)
{
	struct ovsdb_column *uuid = add_column(t, "_uuid"), *version = add_column(t, "_version");
	AUTO_FREE struct strmap_node **sorted = strmap_sorted(&t->by_name);

	t->n_columns = strmap_count(&t->by_name);
	t->columns = xcalloc(t->n_columns, sizeof(*t->columns));
	uuid->mutable = version->mutable = false;
	version->ephemeral = true;
	t->columns[OVSDB_COL_UUID] = uuid;
	t->columns[OVSDB_COL_VERSION] = version;
	for (size_t i = 0, n = OVSDB_COL_FIRST; i < t->n_columns; i++)
		if (sorted[i]->data != uuid && sorted[i]->data != version)
			t->columns[n++] = sorted[i]->data;
	for (size_t i = 0; i < t->n_columns; i++)
		t->columns[i]->index = i;
}

static int read_index(struct ovsdb_table_schema *t, struct json_reader *r, struct ovsdb_error *err)
{
	VEC(unsigned int) columns = VEC_INIT;
	struct ovsdb_index *index;
	unsigned int *old;

	json_array(r);
	while (json_element(r)) {
		AUTO_FREE char *name = json_string_dup(r);
		const struct ovsdb_column *c = name ? ovsdb_table_column(t, name) : NULL;

		if (!c || c->ephemeral) {
			json_fail(r, "index column \"%s\" is %s", name ? name : "",
				  c ? "ephemeral" : "unknown");
			break;
		}
		VEC_FOR_EACH (old, &columns)
			if (*old == c->index)
				json_fail(r, "index column \"%s\" is there twice", name);
		VEC_PUSH(&columns, c->index);
	}
	if (!json_failed(r) && !columns.n)
		json_fail(r, "an index must have at least one column");
	if (json_failed(r)) {
		VEC_FREE(&columns);
		return ovsdb_error_from_json(err, r);
	}
	t->indexes = xrealloc(t->indexes, (t->n_indexes + 1) * sizeof(*t->indexes));
	index = &t->indexes[t->n_indexes++];
	index->columns = columns.v;
	index->n = columns.n;
	return 0;
}

static int read_indexes(struct ovsdb_table_schema *t, struct json_span text,
			struct ovsdb_error *err)
{
	struct json_reader r;
	int rc = 0;

	json_reader_init_span(&r, text);
	json_array(&r);
	while (!rc && json_element(&r))
		rc = read_index(t, &r, err);
	if (!rc && json_failed(&r))
		rc = ovsdb_error_from_json(err, &r);
	json_reader_uninit(&r);
	return rc;
}

static int read_table_members(struct ovsdb_table_schema *t, struct json_reader *r,
			      struct ovsdb_error *err)
{
	struct json_span indexes = { NULL, 0 };
	const char *key;
	int64_t max;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		if (json_key_is(key, len, "columns")) {
			if (read_columns(t, r, err))
				return -EINVAL;
		} else if (json_key_is(key, len, "maxRows")) {
			max = json_integer(r);
			if (!json_failed(r) && (max < 1 || max > UINT_MAX))
				json_fail(r, "maxRows must be at least 1");
			t->max_rows = max;
		} else if (json_key_is(key, len, "isRoot")) {
			t->is_root = json_bool(r);
		} else if (json_key_is(key, len, "indexes")) {
			indexes = json_skip(r);
		} else {
			json_fail(r, "unexpected member \"%.*s\" in a table", (int)len, key);
		}
	}
	if (!json_failed(r) && !strmap_count(&t->by_name))
		json_fail(r, "table %s has no \"columns\"", t->name);
	if (json_failed(r))
		return ovsdb_error_from_json(err, r);
	number_columns(t);
	return indexes.p ? read_indexes(t, indexes, err) : 0;
}

static int read_tables(struct ovsdb_schema *s, struct json_reader *r, struct ovsdb_error *err)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		struct ovsdb_table_schema *t;
		AUTO_FREE char *name = xstrndup(key, len);

		if (*name == '_' || !ovsdb_id_is_valid(name))
			return ovsdb_error_set(err, OVSDB_SYNTAX,
					       "\"%s\" is not a valid table name", name);
		if (strmap_get(&s->by_name, name))
			return ovsdb_error_set(err, OVSDB_SYNTAX, "table %s is there twice", name);
		t = xzalloc(sizeof(*t));
		t->name = xstrdup(name);
		t->max_rows = UINT_MAX;
		strmap_init(&t->by_name);
		strmap_add(&s->by_name, name, t);
		if (read_table_members(t, r, err))
			return -EINVAL;
	}
	return json_failed(r) ? ovsdb_error_from_json(err, r) : 0;
}

static int check_ref(const struct ovsdb_schema *s, const struct ovsdb_table_schema *t,
		     const struct ovsdb_column *c, const struct ovsdb_base_type *b,
		     struct ovsdb_error *err)
{
	if (b->ref_table && !ovsdb_schema_table(s, b->ref_table))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "%s column %s refers to unknown table %s",
				       t->name, c->name, b->ref_table);
	return 0;
}

// Orders the tables, checks references, and makes every table a root when the schema names none.
static int finish(struct ovsdb_schema *s, struct ovsdb_error *err)
{
	AUTO_FREE struct strmap_node **sorted = strmap_sorted(&s->by_name);
	bool any_root = false;

	s->n_tables = strmap_count(&s->by_name);
	s->tables = xcalloc(s->n_tables, sizeof(*s->tables));
	for (size_t i = 0; i < s->n_tables; i++) {
		s->tables[i] = sorted[i]->data;
		s->tables[i]->position = i;
		any_root |= s->tables[i]->is_root;
	}
	for (size_t i = 0; i < s->n_tables; i++) {
		struct ovsdb_table_schema *t = s->tables[i];

		t->is_root |= !any_root;
		for (size_t j = 0; j < t->n_columns; j++) {
			struct ovsdb_column *c = t->columns[j];

			if (check_ref(s, t, c, &c->type.key, err) ||
			    check_ref(s, t, c, &c->type.value, err))
				return -EINVAL;
			// A strong reference must outlive a restart; a weak one goes when its row goes.
			if (ovsdb_base_is_strong_ref(&c->type.key) ||
			    ovsdb_base_is_strong_ref(&c->type.value))
				c->ephemeral = false;
		}
	}
	return 0;
}

static int read_schema(struct ovsdb_schema *s, struct json_reader *r, struct ovsdb_error *err)
{
	bool have_tables = false;
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		if (json_key_is(key, len, "name") && !s->name) {
			s->name = json_string_dup(r);
		} else if (json_key_is(key, len, "version") && !s->version) {
			s->version = json_string_dup(r);
		} else if (json_key_is(key, len, "cksum") && !s->cksum) {
			s->cksum = json_string_dup(r);
		} else if (json_key_is(key, len, "tables") && !have_tables) {
			have_tables = true;
			if (read_tables(s, r, err))
				return -EINVAL;
		} else if (len && (*key == '_' || json_key_is(key, len, "$schema"))) {
			json_skip(r);
		} else {
			json_fail(r, "unexpected member \"%.*s\" in a schema", (int)len, key);
		}
	}
	if (json_failed(r))
		return ovsdb_error_from_json(err, r);
	if (!s->name || !ovsdb_id_is_valid(s->name))
		return ovsdb_error_set(err, OVSDB_SYNTAX, "a schema needs a valid \"name\"");
	if (!have_tables)
		return ovsdb_error_set(err, OVSDB_SYNTAX, "schema %s has no \"tables\"", s->name);
	if (s->version && *s->version && !ovsdb_version_is_valid(s->version))
		return ovsdb_error_set(err, OVSDB_SYNTAX,
				       "schema version \"%s\" not in format x.y.z", s->version);
	return finish(s, err);
}

int ovsdb_schema_read(struct ovsdb_schema **ret, struct json_span text, struct ovsdb_error *err)
{
	struct ovsdb_schema *s = xzalloc(sizeof(*s));
	struct error trailing = ERROR_INIT;
	struct json_reader r;
	int rc;

	strmap_init(&s->by_name);
	json_reader_init_span(&r, text);
	rc = read_schema(s, &r, err);
	if (!rc && json_finish(&r, &trailing))
		rc = ovsdb_error_set(err, OVSDB_SYNTAX, "%s", trailing.text);
	json_reader_uninit(&r);
	if (rc) {
		ovsdb_schema_destroy(s);
		return rc;
	}
	if (!s->version)
		s->version = xstrdup("");
	if (!s->cksum)
		s->cksum = xstrdup("");
	*ret = s;
	return 0;
}

int ovsdb_schema_read_file(struct ovsdb_schema **ret, const char *path, struct error *err)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	int rc = strbuf_read_file(&text, path);

	if (rc)
		return error_set(err, rc, "%s: %s", path, strerror(-rc));
	if (ovsdb_schema_read(ret, (struct json_span){ strbuf_cstr(&text), text.len }, &oe))
		return error_set(err, -EINVAL, "%s: %s: %s", path, oe.tag, oe.details);
	return 0;
}

static void write_column(const struct ovsdb_column *c, struct json_writer *w)
{
	jw_object_begin(w);
	if (c->ephemeral)
		jw_member_bool(w, "ephemeral", true);
	if (!c->mutable)
		jw_member_bool(w, "mutable", false);
	jw_key(w, "type");
	ovsdb_type_write(&c->type, w);
	jw_object_end(w);
}

static void write_table(const struct ovsdb_table_schema *t, bool write_root, struct json_writer *w)
{
	jw_object_begin(w);
	jw_key(w, "columns");
	jw_object_begin(w);
	for (size_t i = OVSDB_COL_FIRST; i < t->n_columns; i++) {
		jw_key(w, t->columns[i]->name);
		write_column(t->columns[i], w);
	}
	jw_object_end(w);
	if (t->n_indexes) {
		jw_key(w, "indexes");
		jw_array_begin(w);
		for (size_t i = 0; i < t->n_indexes; i++) {
			jw_array_begin(w);
			for (size_t j = 0; j < t->indexes[i].n; j++)
				jw_string(w, t->columns[t->indexes[i].columns[j]]->name);
			jw_array_end(w);
		}
		jw_array_end(w);
	}
	if (write_root && t->is_root)
		jw_member_bool(w, "isRoot", true);
	if (t->max_rows != UINT_MAX)
		jw_member_integer(w, "maxRows", t->max_rows);
	jw_object_end(w);
}

void ovsdb_schema_write(const struct ovsdb_schema *s, struct json_writer *w)
{
	bool all_root = true;

	for (size_t i = 0; i < s->n_tables; i++)
		all_root &= s->tables[i]->is_root;
	jw_object_begin(w);
	if (*s->cksum)
		jw_member_string(w, "cksum", s->cksum);
	jw_member_string(w, "name", s->name);
	jw_key(w, "tables");
	jw_object_begin(w);
	for (size_t i = 0; i < s->n_tables; i++) {
		jw_key(w, s->tables[i]->name);
		write_table(s->tables[i], !all_root, w);
	}
	jw_object_end(w);
	if (*s->version)
		jw_member_string(w, "version", s->version);
	jw_object_end(w);
}

static void schema_text(const struct ovsdb_schema *s, struct strbuf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	ovsdb_schema_write(s, &w);
}

struct ovsdb_schema *ovsdb_schema_clone(const struct ovsdb_schema *s)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	struct ovsdb_schema *copy;
	int rc;

	schema_text(s, &text);
	rc = ovsdb_schema_read(&copy, (struct json_span){ text.s, text.len }, &err);
	assert(!rc);
	return copy;
}

bool ovsdb_schema_equal(const struct ovsdb_schema *a, const struct ovsdb_schema *b)
{
	AUTO(strbuf) sa = STRBUF_INIT, sb = STRBUF_INIT;

	schema_text(a, &sa);
	schema_text(b, &sb);
	return !strcmp(sa.s, sb.s);
}
