// SPDX-License-Identifier: Apache-2.0
// ovs-appctl's commands of ovsdb-server.
#include "core/base/log.h"
#include "ovsdb/ovsdb-server.h"

LOG_MODULE(ovsdb_commands);

static void cmd_exit(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	loop_stop(p->loop);
	appctl_reply(conn, "");
}

// Several databases, one answer.
struct compact_request {
	struct appctl_conn *conn;
	size_t left;
	struct error err; // the first
};

static void compact_one_done(void *request_, const struct error *err)
{
	struct compact_request *q = request_;

	if (err && !q->err.code)
		q->err = *err;
	if (--q->left)
		return;
	if (q->err.code)
		appctl_reply_error(q->conn, q->err.text);
	else
		appctl_reply(q->conn, "");
	free(q);
}

static void cmd_compact(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct compact_request *q = xzalloc(sizeof(*q));
	struct program *p = p_;
	struct error err = ERROR_INIT;
	const char **names;
	bool found = argc < 2;
	size_t n;

	q->conn = conn;
	q->left = 1; // this function
	names = server_db_names(p->server, &n);
	for (size_t i = 0; i < n; i++) {
		if (*names[i] == '_' || (argc > 1 && strcmp(argv[1], names[i]) != 0))
			continue;
		found = true;
		log_info("compacting %s database by user request", names[i]);
		q->left++;
		if (server_compact(p->server, names[i], compact_one_done, q, &err))
			compact_one_done(q, &err);
	}
	free(names);
	if (!found)
		error_set(&err, -ENOENT, "no database by that name");
	compact_one_done(q, found ? NULL : &err);
}

static void cmd_reconnect(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	server_disconnect(p->server, NULL);
	appctl_reply(conn, "");
}

bool program_is_by_file(const struct program *p, struct appctl_conn *conn)
{
	if (p->config_file)
		appctl_reply_errorf(conn,
				    "%s says what is served, and where: change it and use "
				    "ovsdb-server/reload",
				    p->config_file);
	return p->config_file;
}

static void cmd_add_remote(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct error err = ERROR_INIT;

	if (program_is_by_file(p, conn))
		return;
	if (!remotes_add(p->remotes, argv[1], NULL)) {
		appctl_reply(conn, "");
		return;
	}
	if (program_reconfigure(p, &err)) {
		remotes_remove(p->remotes, argv[1]);
		program_reconfigure(p, NULL);
		appctl_reply_error(conn, err.text);
		return;
	}
	appctl_reply(conn, "");
}

static void cmd_remove_remote(struct appctl_conn *conn, int argc, const char *const argv[],
			      void *p_)
{
	struct program *p = p_;

	if (program_is_by_file(p, conn))
		return;
	if (!remotes_remove(p->remotes, argv[1])) {
		appctl_reply_error(conn, "no such remote");
		return;
	}
	program_reconfigure(p, NULL);
	appctl_reply(conn, "");
}

static void reply_list(struct appctl_conn *conn, const char **names, size_t n)
{
	AUTO(strbuf) out = STRBUF_INIT;

	for (size_t i = 0; i < n; i++)
		strbuf_printf(&out, "%s\n", names[i]);
	appctl_reply(conn, strbuf_cstr(&out));
	free(names);
}

static void cmd_list_remotes(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	size_t n;
	const char **names = remotes_list(p->remotes, &n);

	reply_list(conn, names, n);
}

static void cmd_list_dbs(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	size_t n;
	const char **names = server_db_names(p->server, &n);

	reply_list(conn, names, n);
}

struct add_request {
	struct program *p;
	struct appctl_conn *conn;
};

static void on_added(void *q_, const struct error *err)
{
	struct add_request *q = q_;

	if (err) {
		appctl_reply_error(q->conn, err->text);
	} else {
		program_reconfigure(q->p, NULL);
		if (q->p->backup.at_work)
			backup_apply(q->p);
		appctl_reply(q->conn, "");
	}
	free(q);
}

static void cmd_add_db(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct error err = ERROR_INIT;
	struct add_request *q;

	if (program_is_by_file(p, conn))
		return;
	q = xzalloc(sizeof(*q));
	*q = (struct add_request){ p, conn };
	if (program_open_db_in_slices(p, argv[1], on_added, q, &err))
		on_added(q, &err);
}

static void cmd_remove_db(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct error err = ERROR_INIT;

	if (program_is_by_file(p, conn))
		return;
	if (server_remove_db(p->server, argv[1], &err)) {
		appctl_reply_error(conn, err.text);
		return;
	}
	free(strmap_take(&p->files, argv[1]));
	program_reconfigure(p, NULL);
	appctl_reply(conn, "");
}

static void cmd_storage_status(struct appctl_conn *conn, int argc, const char *const argv[],
			       void *p_)
{
	struct program *p = p_;
	const struct served_db *d = server_find_db(p->server, argv[1]);
	const char *failure = d ? served_db_failure(d) : NULL;
	AUTO(strbuf) out = STRBUF_INIT;

	if (!d) {
		appctl_reply_error(conn, "Failed to find the database.");
		return;
	}
	strbuf_printf(&out, "status: %s%s\n", failure ? "I/O error: " : "ok",
		      failure ? failure : "");
	appctl_reply(conn, out.s);
}

static void cmd_trim(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	bool on = !strcmp(argv[1], "on");

	if (!on && strcmp(argv[1], "off") != 0) {
		appctl_reply_error(conn, "invalid argument");
		return;
	}
	server_set_trim(p->server, on);
	log_info("memory trimming after compaction %s.", on ? "enabled" : "disabled");
	appctl_reply(conn, "");
}

// ---- Logging of transactions ----

static void cmd_tlog_set(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	AUTO_FREE char *db = xstrdup(argv[1]);
	char *table = strchr(db, ':');
	struct program *p = p_;
	bool on = !strcasecmp(argv[2], "on");

	if (!table) {
		appctl_reply_error(conn, "invalid DB:TABLE argument");
		return;
	}
	*table++ = '\0';
	if (!on && strcasecmp(argv[2], "off") != 0)
		appctl_reply_error(conn, "invalid command argument");
	else if (!server_find_db(p->server, db))
		appctl_reply_error(conn, "no such database");
	else if (!server_log_table(server_find_db(p->server, db), table, on))
		appctl_reply_error(conn, "no such table");
	else
		appctl_reply(conn, "");
}

static void cmd_tlog_list(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct program *p = p_;
	const char **names;
	size_t n;

	strbuf_puts(&out, "database        table                       logging\n"
			  "--------        -----                       -------\n");
	names = server_db_names(p->server, &n);
	for (size_t i = 0; i < n; i++) {
		const struct db *db = served_db_data(server_find_db(p->server, names[i]));

		strbuf_printf(&out, "%-16s \n", names[i]);
		for (size_t j = 0; j < db->schema->n_tables; j++)
			strbuf_printf(&out, "                %-27s %s\n",
				      db->schema->tables[j]->name,
				      db->tables[j].logged ? "ON" : "OFF");
	}
	free(names);
	appctl_reply(conn, out.s);
}

static void cmd_disable_monitor_cond(struct appctl_conn *conn, int argc, const char *const argv[],
				     void *p_)
{
	struct program *p = p_;

	server_disable_monitor_cond(p->server);
	appctl_reply(conn, "");
}

// No counters of the processor's are read.
static void cmd_perf(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	appctl_reply_error(conn, "performance counters are not there in this build");
}

static void cmd_cluster(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	if (!server_find_db(p->server, argv[1]))
		appctl_reply_error(conn, "unknown database");
	else
		appctl_reply_errorf(conn,
				    "%s is not clustered: this server has no clustered service "
				    "model",
				    argv[1]);
}

static const struct appctl_command commands[] = {
	{ "exit", "", 0, 0, cmd_exit },
	// Not listed while no database is clustered: programs ask list-commands whether there may be one.
	{ "cluster/cid", NULL, 1, 1, cmd_cluster },
	{ "cluster/sid", NULL, 1, 1, cmd_cluster },
	{ "cluster/status", NULL, 1, 1, cmd_cluster },
	{ "cluster/leave", NULL, 1, 1, cmd_cluster },
	{ "cluster/kick", NULL, 2, 2, cmd_cluster },
	{ "cluster/change-election-timer", NULL, 2, 2, cmd_cluster },
	{ "cluster/set-backlog-threshold", NULL, 3, 3, cmd_cluster },
	{ "cluster/failure-test", NULL, 1, 1, cmd_cluster },
	{ "ovsdb-server/compact", "", 0, 1, cmd_compact },
	{ "ovsdb-server/disable-monitor-cond", "", 0, 0, cmd_disable_monitor_cond },
	{ "ovsdb-server/memory-trim-on-compaction", "on|off", 1, 1, cmd_trim },
	{ "ovsdb-server/perf-counters-show", "", 0, 0, cmd_perf },
	{ "ovsdb-server/perf-counters-clear", "", 0, 0, cmd_perf },
	{ "ovsdb-server/tlog-set", "DB:TABLE on|off", 2, 2, cmd_tlog_set },
	{ "ovsdb-server/tlog-list", "", 0, 0, cmd_tlog_list },
	{ "ovsdb-server/reconnect", "", 0, 0, cmd_reconnect },
	{ "ovsdb-server/add-remote", "REMOTE", 1, 1, cmd_add_remote },
	{ "ovsdb-server/remove-remote", "REMOTE", 1, 1, cmd_remove_remote },
	{ "ovsdb-server/list-remotes", "", 0, 0, cmd_list_remotes },
	{ "ovsdb-server/add-db", "DB", 1, 1, cmd_add_db },
	{ "ovsdb-server/remove-db", "DB", 1, 1, cmd_remove_db },
	{ "ovsdb-server/list-dbs", "", 0, 0, cmd_list_dbs },
	{ "ovsdb-server/get-db-storage-status", "DB", 1, 1, cmd_storage_status },
};

static void memory_report(struct smap *usage, void *p_)
{
	struct program *p = p_;

	server_report_memory(p->server, usage);
}

void commands_register(struct program *p)
{
	appctl_register(commands, ARRAY_SIZE(commands), p);
	backup_commands_register(p);
	config_commands_register(p);
	appctl_add_memory_report(memory_report, p);
}
