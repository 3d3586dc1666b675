// SPDX-License-Identifier: Apache-2.0
// The program's active-backup service model.
#include "core/base/log.h"
#include "ovsdb/ovsdb-server.h"
#include "ovsdb/replica.h"

LOG_MODULE(ovsdb_backup);

void backup_init(struct backup *b)
{
	strset_init(&b->exclude);
	b->probe_msec = -1;
}

void backup_uninit(struct backup *b)
{
	strset_uninit(&b->exclude);
	free(b->source);
}

int backup_set_exclude(struct backup *b, const char *text, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *save = NULL, *item;
	struct strset new;
	int rc = 0;

	strset_init(&new);
	for (item = strtok_r(copy, ",", &save); item && !rc; item = strtok_r(NULL, ",", &save)) {
		const char *colon = strchr(item, ':');

		if (!colon || colon == item || !colon[1] || strchr(colon + 1, ':'))
			rc = error_set(err, -EINVAL,
				       "%s: tables to exclude are DB:TABLE[,DB:TABLE]...", item);
		strset_add(&new, item);
	}
	if (!rc)
		hmap_swap(&b->exclude.map.map, &new.map.map);
	strset_uninit(&new);
	return rc;
}

static bool can_follow(const struct program *p, const char *name)
{
	return *name != '_' && !served_db_is_relay(server_find_db(p->server, name));
}

void backup_apply(struct program *p)
{
	struct replica_options options = {
		.source = p->backup.source,
		.exclude = &p->backup.exclude,
		.probe_msec = p->backup.probe_msec,
		.max_backoff_msec = -1,
	};
	const char **names;
	size_t n;

	names = server_db_names(p->server, &n);
	for (size_t i = 0; i < n; i++) {
		struct served_db *d = server_find_db(p->server, names[i]);

		if (!can_follow(p, names[i]))
			continue;
		if (!p->backup.at_work && served_db_replica(d))
			server_unfollow(p->server, d);
		else if (p->backup.at_work && !replica_adapt(d, &options))
			server_follow(p->server, d, &options);
	}
	free(names);
}

// ---- appctl ----

static void restart(struct program *p)
{
	if (p->backup.at_work)
		backup_apply(p);
}

static void cmd_set_active(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	if (program_is_by_file(p, conn))
		return;
	if (!stream_name_is_active(argv[1])) {
		appctl_reply_errorf(conn, "%s: not a connection method", argv[1]);
		return;
	}
	free(p->backup.source);
	p->backup.source = xstrdup(argv[1]);
	restart(p);
	appctl_reply(conn, "");
}

static void cmd_get_active(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	appctl_reply(conn, p->backup.source ? p->backup.source : "");
}

// Clients must look again at what this server is.
static void switch_role(struct program *p, bool backup)
{
	p->backup.at_work = backup;
	backup_apply(p);
	server_disconnect(p->server, NULL);
}

static void cmd_connect(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	if (program_is_by_file(p, conn))
		return;
	if (!p->backup.source) {
		appctl_reply(conn, "Unable to connect: active server is not specified.\n");
		return;
	}
	switch_role(p, true);
	appctl_reply(conn, "");
}

static void cmd_disconnect(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	if (program_is_by_file(p, conn))
		return;
	switch_role(p, false);
	appctl_reply(conn, "");
}

static void cmd_set_probe(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	int64_t msec;

	if (program_is_by_file(p, conn))
		return;
	if (!parse_i64(argv[1], 10, &msec) || msec < 0 || msec > INT_MAX) {
		appctl_reply_error(conn, "Invalid probe interval, integer value expected");
		return;
	}
	p->backup.probe_msec = msec;
	restart(p);
	appctl_reply(conn, "");
}

static void cmd_set_exclude(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct error err = ERROR_INIT;

	if (program_is_by_file(p, conn))
		return;
	if (backup_set_exclude(&p->backup, argc > 1 ? argv[1] : "", &err)) {
		appctl_reply_error(conn, err.text);
		return;
	}
	restart(p);
	appctl_reply(conn, "");
}

// "DB:TABLE,DB:TABLE", in order.
static void put_exclude(const struct strset *exclude, struct strbuf *out)
{
	AUTO_FREE struct strmap_node **sorted = strmap_sorted(&exclude->map);

	for (size_t i = 0; i < strset_count(exclude); i++)
		strbuf_printf(out, "%s%s", i ? "," : "", sorted[i]->name);
}

static void cmd_get_exclude(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct program *p = p_;

	put_exclude(&p->backup.exclude, &out);
	appctl_reply(conn, strbuf_cstr(&out));
}

// The first database that is not well says it for all.
static const struct replica *one_to_tell_of(const struct program *p, struct strbuf *followed)
{
	const struct replica *told = NULL;
	const char **names;
	size_t n;

	names = server_db_names(p->server, &n);
	for (size_t i = 0; i < n; i++) {
		const struct replica *r = served_db_replica(server_find_db(p->server, names[i]));

		if (!r || !can_follow(p, names[i]))
			continue;
		if (replica_state(r) == REPLICA_FOLLOWS)
			strbuf_printf(followed, "%s%s", followed->len ? "," : "", names[i]);
		if (!told || replica_state(r) > replica_state(told) ||
		    replica_state(told) == REPLICA_FOLLOWS)
			told = r;
	}
	free(names);
	return told;
}

static void cmd_sync_status(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	AUTO(strbuf) followed = STRBUF_INIT;
	AUTO(strbuf) exclude = STRBUF_INIT;
	AUTO(strbuf) out = STRBUF_INIT;
	struct program *p = p_;
	const struct replica *r = one_to_tell_of(p, &followed);

	if (!p->backup.at_work && !r) {
		appctl_reply(conn, "state: active\n");
		return;
	}
	strbuf_puts(&out, "state: backup\n");
	if (r && replica_state(r) == REPLICA_ERROR) {
		strbuf_printf(&out, "error: %s\n", replica_error(r));
	} else if (!r || replica_state(r) == REPLICA_CONNECTING) {
		strbuf_printf(&out, "connecting: %s\n", r ? replica_source(r) : p->backup.source);
	} else {
		strbuf_printf(&out, "replicating: %s\ndatabase: %s\n", replica_source(r),
			      followed.s);
		put_exclude(replica_exclude(r), &exclude);
		if (exclude.len)
			strbuf_printf(&out, "exclude: %s\n", exclude.s);
	}
	appctl_reply(conn, out.s);
}

static const struct appctl_command commands[] = {
	{ "ovsdb-server/set-active-ovsdb-server", "", 1, 1, cmd_set_active },
	{ "ovsdb-server/get-active-ovsdb-server", "", 0, 0, cmd_get_active },
	{ "ovsdb-server/connect-active-ovsdb-server", "", 0, 0, cmd_connect },
	{ "ovsdb-server/disconnect-active-ovsdb-server", "", 0, 0, cmd_disconnect },
	{ "ovsdb-server/set-active-ovsdb-server-probe-interval", "", 1, 1, cmd_set_probe },
	{ "ovsdb-server/set-sync-exclude-tables", "", 0, 1, cmd_set_exclude },
	{ "ovsdb-server/get-sync-exclude-tables", "", 0, 0, cmd_get_exclude },
	{ "ovsdb-server/sync-status", "", 0, 0, cmd_sync_status },
};

void backup_commands_register(struct program *p)
{
	appctl_register(commands, ARRAY_SIZE(commands), p);
}
