// SPDX-License-Identifier: Apache-2.0
// --config-file: remotes and databases, as JSON, read at the start and by ovsdb-server/reload.
//
//   {"remotes": {"pssl:6641": {"inactivity-probe": 10000, "role": "ovn-controller"}, "punix:db.sock": {}},
//    "databases": {"conf.db": {}, "sb.db": {"service-model": "active-backup", "backup": true, "source": {"tcp:10.0.0.1:6642": {}}},
//                  "OVN_Northbound": {"service-model": "relay", "source": {"ssl:10.0.0.1:6641": {"max-backoff": 2000}}}}}
#include "core/base/log.h"
#include "ovsdb/ovsdb-server.h"
#include "ovsdb/replica.h"

LOG_MODULE(ovsdb_config);

// One database of the file.
struct db_config {
	char *model, *source;
	bool backup;
	struct remote_options options; // of 'source'
	struct strset exclude; // tables
};

struct config {
	struct strmap remotes; // struct remote_options
	struct strmap dbs; // struct db_config
};

static void db_config_free(struct db_config *d)
{
	free(d->model);
	free(d->source);
	free(d->options.role);
	strset_uninit(&d->exclude);
	free(d);
}

static void config_uninit(struct config *c)
{
	struct strmap_node *node;

	STRMAP_FOR_EACH (node, &c->remotes) {
		free(((struct remote_options *)node->data)->role);
		free(node->data);
	}
	STRMAP_FOR_EACH (node, &c->dbs)
		db_config_free(node->data);
	strmap_uninit(&c->remotes);
	strmap_uninit(&c->dbs);
}

// ---- Reading ----

static int read_number(struct json_reader *r, int64_t max)
{
	int64_t n = json_integer(r);

	if (!json_failed(r) && (n < 0 || n > max))
		json_fail(r, "a number from 0 to %lld is expected", (long long)max);
	return json_failed(r) ? -1 : (int)n;
}

// An object, or null for what is usual.
static void read_options(struct json_reader *r, struct remote_options *o)
{
	const char *key;
	size_t len;

	if (json_peek(r) == JSON_NULL) {
		json_null(r);
		return;
	}
	json_object(r);
	while (json_member(r, &key, &len)) {
		if (json_key_is(key, len, "inactivity-probe")) {
			o->probe = read_number(r, INT32_MAX);
		} else if (json_key_is(key, len, "max-backoff")) {
			o->max_backoff = read_number(r, INT32_MAX);
		} else if (json_key_is(key, len, "dscp")) {
			o->dscp = read_number(r, 63);
		} else if (json_key_is(key, len, "read-only")) {
			o->read_only = json_bool(r);
		} else if (json_key_is(key, len, "role")) {
			free(o->role);
			o->role = json_string_dup(r);
		} else {
			json_fail(r, "\"%.*s\" is no option of a remote", (int)MIN(len, 60u), key);
		}
	}
}

static void read_remotes(struct json_reader *r, struct config *c)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		struct remote_options *o;

		if (strmap_get(&c->remotes, name)) {
			json_fail(r, "remote %s stands there twice", name);
			return;
		}
		o = xzalloc(sizeof(*o));
		*o = (struct remote_options)REMOTE_OPTIONS_INIT;
		strmap_add(&c->remotes, name, o);
		read_options(r, o);
	}
}

static void read_source(struct json_reader *r, struct db_config *d)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		if (d->source) {
			json_fail(r, "\"source\" has one member");
			return;
		}
		d->source = xstrndup(key, len);
		read_options(r, &d->options);
		if (!json_failed(r) && (d->options.read_only || d->options.role))
			json_fail(r, "a \"source\" has neither \"read-only\" nor \"role\"");
	}
}

static void read_exclude(struct json_reader *r, struct db_config *d)
{
	json_array(r);
	while (json_element(r)) {
		AUTO_FREE char *table = json_string_dup(r);

		if (table)
			strset_add(&d->exclude, table);
	}
}

static void check_db(struct json_reader *r, const char *name, const struct db_config *d)
{
	const char *model = d->model ? d->model : "standalone";

	if (json_failed(r))
		return;
	if (!strcmp(model, "clustered"))
		json_fail(r, "%s: the clustered service model is not there", name);
	else if (strcmp(model, "standalone") != 0 && strcmp(model, "active-backup") != 0 &&
		 strcmp(model, "relay") != 0)
		json_fail(r, "%s: \"%s\" is no service model", name, model);
	else if (*model != 's' && !d->source)
		json_fail(r, "%s: a \"source\" is needed", name);
	else if (*model == 's' && d->source)
		json_fail(r, "%s: a standalone database has no \"source\"", name);
	else if (*model != 'a' && (d->backup || strset_count(&d->exclude)))
		json_fail(r,
			  "%s: only an active-backup database has \"backup\" and "
			  "\"exclude-tables\"",
			  name);
}

static void read_db(struct json_reader *r, const char *name, struct db_config *d)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		if (json_key_is(key, len, "service-model")) {
			free(d->model);
			d->model = json_string_dup(r);
		} else if (json_key_is(key, len, "backup")) {
			d->backup = json_bool(r);
		} else if (json_key_is(key, len, "source")) {
			read_source(r, d);
		} else if (json_key_is(key, len, "exclude-tables")) {
			read_exclude(r, d);
		} else {
			json_fail(r, "%s: \"%.*s\" is no member of a database", name,
				  (int)MIN(len, 60u), key);
		}
	}
}

static void read_dbs(struct json_reader *r, struct config *c)
{
	const char *key;
	size_t len;

	json_object(r);
	while (json_member(r, &key, &len)) {
		AUTO_FREE char *name = xstrndup(key, len);
		struct db_config *d;

		if (strmap_get(&c->dbs, name)) {
			json_fail(r, "database %s stands there twice", name);
			return;
		}
		d = xzalloc(sizeof(*d));
		strset_init(&d->exclude);
		d->options = (struct remote_options)REMOTE_OPTIONS_INIT;
		strmap_add(&c->dbs, name, d);
		if (json_peek(r) == JSON_NULL) {
			json_null(r);
			continue;
		}
		read_db(r, name, d);
		check_db(r, name, d);
	}
}

static int read_config(const char *path, struct config *c, struct error *err)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct error why = ERROR_INIT;
	struct json_reader r;
	const char *key;
	size_t len;
	int rc = strbuf_read_file(&text, path);

	if (rc)
		return error_set(err, rc, "%s: %s", path, strerror(-rc));
	json_reader_init(&r, strbuf_cstr(&text), text.len);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (json_key_is(key, len, "remotes"))
			read_remotes(&r, c);
		else if (json_key_is(key, len, "databases"))
			read_dbs(&r, c);
		else
			json_fail(&r, "\"%.*s\" is neither \"remotes\" nor \"databases\"",
				  (int)MIN(len, 60u), key);
	}
	rc = json_finish(&r, &why);
	json_reader_uninit(&r);
	return rc < 0 ? error_set(err, -EINVAL, "%s: %s", path, why.text) : 0;
}

// ---- Applying ----

static bool is_relay(const struct db_config *d)
{
	return d->model && !strcmp(d->model, "relay");
}

// Databases that the file no longer has go; 'p->files' has names with what they were opened by.
static void close_others(struct program *p, const struct config *c)
{
	const char **names;
	size_t n;

	names = server_db_names(p->server, &n);
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *name = xstrdup(names[i]); // the server's own goes with the database
		const char *by = strmap_get(&p->files, name);
		const struct db_config *d = by ? strmap_get(&c->dbs, by) : NULL;

		if (*name == '_' || !by ||
		    (d && is_relay(d) == served_db_is_relay(server_find_db(p->server, name))))
			continue;
		server_remove_db(p->server, name, NULL);
		free(strmap_take(&p->files, name));
	}
	free(names);
}

static const char *served_name(const struct program *p, const char *by)
{
	struct strmap_node *node;

	STRMAP_FOR_EACH (node, &p->files)
		if (!strcmp(node->data, by))
			return node->name;
	return NULL;
}

static struct replica_options replica_options(const struct db_config *d,
					      const struct strset *exclude)
{
	return (struct replica_options){
		.source = d->source,
		.exclude = exclude,
		.probe_msec = d->options.probe,
		.max_backoff_msec = d->options.max_backoff,
		.dscp = MAX(d->options.dscp, 0),
	};
}

static int open_relay(struct program *p, const char *name, const struct db_config *d,
		      struct error *err)
{
	struct replica_options options = replica_options(d, NULL);

	if (served_name(p, name)) {
		if (replica_adapt(server_find_db(p->server, name), &options))
			return 0;
		server_remove_db(p->server, name, NULL);
		free(strmap_take(&p->files, name));
	}
	if (server_add_relay(p->server, name, &options, err))
		return err->code;
	strmap_add(&p->files, name, xstrdup(name));
	return 0;
}

static void apply_backup(struct program *p, const char *name, const struct db_config *d)
{
	struct served_db *db = server_find_db(p->server, name);
	struct replica_options options;
	struct strmap_node *node;
	struct strset exclude;

	if (!d->backup) {
		if (served_db_replica(db))
			server_unfollow(p->server, db);
		return;
	}
	strset_init(&exclude);
	STRSET_FOR_EACH (node, &d->exclude) {
		AUTO_FREE char *full = xasprintf("%s:%s", name, node->name);

		strset_add(&exclude, full);
	}
	options = replica_options(d, &exclude);
	if (!replica_adapt(db, &options))
		server_follow(p->server, db, &options);
	strset_uninit(&exclude);
}

static int apply_remotes(struct program *p, const struct config *c, struct error *err)
{
	struct strmap_node *node;
	const char **names;
	size_t n;

	names = remotes_list(p->remotes, &n);
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *name = xstrdup(names[i]);

		remotes_remove(p->remotes, name);
	}
	free(names);
	STRMAP_FOR_EACH (node, &c->remotes)
		remotes_add(p->remotes, node->name, node->data);
	return program_reconfigure(p, err);
}

// A file on its way: at the start in one go; later databases are read in slices.
struct applying {
	struct program *p;
	struct config config;
	bool in_slices;
	size_t left; // databases that are not there yet, and one more until all have begun
	struct error err; // the first
	void (*done)(struct applying *a);
	void *aux;
};

struct applying_db {
	struct applying *a;
	const char *by; // what it is called in the file
	const struct db_config *config;
};

static void note(struct applying *a, const struct error *err)
{
	if (!err)
		return;
	if (a->err.code)
		log_err("%s", err->text);
	else
		a->err = *err;
}

// One of those that are left is there, or is not to be.
static void count_off(struct applying *a, const struct error *err)
{
	struct error why = ERROR_INIT;

	note(a, err);
	if (--a->left)
		return;
	if (apply_remotes(a->p, &a->config, &why))
		note(a, &why);
	config_uninit(&a->config);
	a->done(a);
}

static void on_db(void *one_, const struct error *err)
{
	struct applying_db *one = one_;
	struct program *p = one->a->p;

	if (!err)
		apply_backup(p, served_name(p, one->by), one->config);
	count_off(one->a, err);
	free(one);
}

static void apply_file_db(struct applying *a, const char *by, const struct db_config *d)
{
	struct applying_db *one = xzalloc(sizeof(*one));
	struct error err = ERROR_INIT;
	int rc = 0;

	*one = (struct applying_db){ a, by, d };
	a->left++;
	if (!served_name(a->p, by)) {
		if (a->in_slices)
			rc = program_open_db_in_slices(a->p, by, on_db, one, &err);
		else
			rc = program_open_db(a->p, by, &err);
		if (a->in_slices && !rc)
			return;
	}
	on_db(one, rc ? &err : NULL);
}

static void apply_dbs(struct applying *a)
{
	struct error err = ERROR_INIT;
	struct strmap_node *node;

	close_others(a->p, &a->config);
	STRMAP_FOR_EACH (node, &a->config.dbs) {
		if (!is_relay(node->data))
			apply_file_db(a, node->name, node->data);
		else if (open_relay(a->p, node->name, node->data, &err))
			note(a, &err);
	}
	count_off(a, NULL);
}

// Takes 'a' over, which says in which way.
static void apply(struct applying *a)
{
	strmap_init(&a->config.remotes);
	strmap_init(&a->config.dbs);
	if (read_config(a->p->config_file, &a->config, &a->err)) {
		config_uninit(&a->config);
		a->done(a);
		return;
	}
	a->left = 1;
	apply_dbs(a);
}

static void pass_error(struct applying *a)
{
	struct error *err = a->aux;

	*err = a->err;
	free(a);
}

int config_apply(struct program *p, struct error *err)
{
	struct applying *a = xzalloc(sizeof(*a));

	a->p = p;
	a->done = pass_error;
	a->aux = err;
	apply(a);
	return err->code;
}

static void answer(struct applying *a)
{
	a->p->applying = NULL;
	if (a->err.code)
		appctl_reply_error(a->aux, a->err.text);
	else
		appctl_reply(a->aux, "");
	free(a);
}

static void cmd_reload(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct applying *a;

	if (!p->config_file) {
		appctl_reply_error(conn, "Configuration file was not specified on command line");
		return;
	}
	if (p->applying) {
		appctl_reply_errorf(conn,
				    "%s: databases are still being read since the last reload",
				    p->config_file);
		return;
	}
	a = p->applying = xzalloc(sizeof(*a));
	a->p = p;
	a->in_slices = true;
	a->done = answer;
	a->aux = conn;
	apply(a);
}

static const struct appctl_command commands[] = {
	{ "ovsdb-server/reload", "", 0, 0, cmd_reload },
};

void config_commands_register(struct program *p)
{
	appctl_register(commands, ARRAY_SIZE(commands), p);
}
