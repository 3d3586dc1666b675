// SPDX-License-Identifier: Apache-2.0
// The database server program.
#include <getopt.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/vec.h"
#include "core/io/appctl.h"
#include "core/io/daemon.h"
#include "ovsdb/remote.h"
#include "ovsdb/server.h"

LOG_MODULE(ovsdb_main);

struct program {
	struct loop *loop;
	struct server *server;
	struct remotes *remotes;
	struct strmap files; // path by database name
	// options
	const char *unixctl, *run_command;
	VEC(const char *) remote_args;
	bool relaxed, no_dbs;
	// --run
	pid_t child;
	struct io_watch child_watch;
	int status;
};

static int open_db(struct program *p, const char *path, struct error *err)
{
	size_t before, after;
	const char **names, **now;
	int rc;

	names = server_db_names(p->server, &before);
	rc = server_add_db(p->server, path, err);
	now = server_db_names(p->server, &after);
	for (size_t i = 0; !rc && i < after; i++)
		if (i >= before || strcmp(names[i], now[i]) != 0) {
			strmap_add(&p->files, now[i], xstrdup(path));
			break;
		}
	free(names);
	free(now);
	return rc;
}

// ---- appctl ----

static void cmd_exit(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	loop_stop(p->loop);
	appctl_reply(conn, "");
}

static void cmd_compact(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct error err = ERROR_INIT;
	const char **names;
	size_t n, done = 0;
	int rc = 0;

	names = server_db_names(p->server, &n);
	for (size_t i = 0; i < n && !rc; i++) {
		if (*names[i] == '_' || (argc > 1 && strcmp(argv[1], names[i]) != 0))
			continue;
		rc = server_compact(p->server, names[i], &err);
		done++;
	}
	free(names);
	if (rc)
		appctl_reply_error(conn, err.text);
	else if (!done && argc > 1)
		appctl_reply_errorf(conn, "\"%s\" is not a valid database name", argv[1]);
	else
		appctl_reply(conn, "");
}

static void cmd_reconnect(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;

	server_disconnect(p->server, NULL);
	appctl_reply(conn, "");
}

static void cmd_add_remote(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct error err = ERROR_INIT;

	if (!remotes_add(p->remotes, argv[1])) {
		appctl_reply(conn, "");
		return;
	}
	if (remotes_reconfigure(p->remotes, &err)) {
		remotes_remove(p->remotes, argv[1]);
		remotes_reconfigure(p->remotes, NULL);
		appctl_reply_error(conn, err.text);
		return;
	}
	appctl_reply(conn, "");
}

static void cmd_remove_remote(struct appctl_conn *conn, int argc, const char *const argv[],
			      void *p_)
{
	struct program *p = p_;

	if (!remotes_remove(p->remotes, argv[1])) {
		appctl_reply_error(conn, "no such remote");
		return;
	}
	remotes_reconfigure(p->remotes, NULL);
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

static void cmd_add_db(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct error err = ERROR_INIT;

	if (open_db(p, argv[1], &err)) {
		appctl_reply_error(conn, err.text);
		return;
	}
	remotes_reconfigure(p->remotes, NULL);
	appctl_reply(conn, "");
}

static void cmd_remove_db(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	struct program *p = p_;
	struct error err = ERROR_INIT;

	if (server_remove_db(p->server, argv[1], &err)) {
		appctl_reply_error(conn, err.text);
		return;
	}
	free(strmap_take(&p->files, argv[1]));
	remotes_reconfigure(p->remotes, NULL);
	appctl_reply(conn, "");
}

// Replication is not there: this server is always the active one.
static void cmd_sync_status(struct appctl_conn *conn, int argc, const char *const argv[], void *p_)
{
	appctl_reply(conn, "state: active\n");
}

static void cmd_storage_status(struct appctl_conn *conn, int argc, const char *const argv[],
			       void *p_)
{
	struct program *p = p_;

	if (!server_find_db(p->server, argv[1]))
		appctl_reply_error(conn, "no such database");
	else
		appctl_reply(conn, "status: ok\n");
}

static const struct appctl_command commands[] = {
	{ "exit", "", 0, 0, cmd_exit },
	{ "ovsdb-server/compact", "", 0, 1, cmd_compact },
	{ "ovsdb-server/reconnect", "", 0, 0, cmd_reconnect },
	{ "ovsdb-server/add-remote", "REMOTE", 1, 1, cmd_add_remote },
	{ "ovsdb-server/remove-remote", "REMOTE", 1, 1, cmd_remove_remote },
	{ "ovsdb-server/list-remotes", "", 0, 0, cmd_list_remotes },
	{ "ovsdb-server/add-db", "DB", 1, 1, cmd_add_db },
	{ "ovsdb-server/remove-db", "DB", 1, 1, cmd_remove_db },
	{ "ovsdb-server/list-dbs", "", 0, 0, cmd_list_dbs },
	{ "ovsdb-server/sync-status", "", 0, 0, cmd_sync_status },
	{ "ovsdb-server/get-db-storage-status", "DB", 1, 1, cmd_storage_status },
};

static void memory_report(struct smap *usage, void *p_)
{
	struct program *p = p_;

	smap_setf(usage, "sessions", "%zu", server_n_sessions(p->server));
	smap_setf(usage, "monitors", "%zu", server_n_monitors(p->server));
}

// ---- Command line ----

enum {
	OPT_REMOTE = 256,
	OPT_UNIXCTL,
	OPT_RUN,
	OPT_DURABILITY,
	OPT_NO_DBS,
	OPT_PRIVATE_KEY,
	OPT_CERTIFICATE,
	OPT_CA_CERT
};

static const struct option long_options[] = {
	{ "remote", required_argument, NULL, OPT_REMOTE },
	{ "unixctl", required_argument, NULL, OPT_UNIXCTL },
	{ "run", required_argument, NULL, OPT_RUN },
	{ "durability", required_argument, NULL, OPT_DURABILITY },
	{ "no-dbs", no_argument, NULL, OPT_NO_DBS },
	{ "private-key", required_argument, NULL, OPT_PRIVATE_KEY },
	{ "certificate", required_argument, NULL, OPT_CERTIFICATE },
	{ "ca-cert", required_argument, NULL, OPT_CA_CERT },
	{ "bootstrap-ca-cert", required_argument, NULL, OPT_CA_CERT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	LOG_LONG_OPTIONS,
	DAEMON_LONG_OPTIONS,
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	printf("%s: Open eSwitch database server\n"
	       "usage: %s [OPTIONS] [DATABASE...]\n"
	       "where each DATABASE is a database file in ovsdb format.\n"
	       "The default DATABASE, if none is given, is\n"
	       "%s/conf.db.\n"
	       "\nJSON-RPC options (may be specified any number of times):\n"
	       "  --remote=REMOTE         connect or listen to REMOTE (punix:FILE,\n"
	       "                          ptcp:PORT[:IP], unix:FILE, tcp:HOST:PORT or\n"
	       "                          db:DATABASE,TABLE,COLUMN)\n",
	       program_name, program_name, dir_db());
	daemon_usage();
	log_usage();
	printf("\nOther options:\n"
	       "  --run COMMAND           run COMMAND as subprocess then exit\n"
	       "  --unixctl=SOCKET        override default control socket name\n"
	       "  --durability=MODE       when a transaction is acknowledged: fsync (default: "
	       "once\n"
	       "                          it is on disk) or relaxed (once it is written; only\n"
	       "                          those that ask for durability wait for the disk)\n"
	       "  --no-dbs                start without a database\n"
	       "  -h, --help              display this help message\n"
	       "  -V, --version           display version information\n");
	exit(0);
}

// Where keys would be read from a database is accepted, so that usual start scripts work; TLS remotes themselves
// are refused with a message when they are opened.
static void tls_option(const char *name, const char *arg)
{
	if (!str_starts(arg, "db:"))
		fatal(0, "--%s=%s: TLS is not supported yet", name, arg);
	log_info("--%s: TLS is not supported yet; ssl: and pssl: remotes will be refused", name);
}

static void parse_options(struct program *p, int argc, char *argv[])
{
	int c, index = 0;

	while ((c = getopt_long(argc, argv, "hVv::", long_options, &index)) != -1) {
		if (log_handle_option(c, optarg) || daemon_handle_option(c, optarg))
			continue;
		switch (c) {
		case OPT_REMOTE:
			VEC_PUSH(&p->remote_args, optarg);
			break;
		case OPT_UNIXCTL:
			p->unixctl = optarg;
			break;
		case OPT_RUN:
			p->run_command = optarg;
			break;
		case OPT_DURABILITY:
			if (strcmp(optarg, "fsync") != 0 && strcmp(optarg, "relaxed") != 0)
				fatal(0, "--durability=%s: must be \"fsync\" or \"relaxed\"",
				      optarg);
			p->relaxed = *optarg == 'r';
			break;
		case OPT_NO_DBS:
			p->no_dbs = true;
			break;
		case OPT_PRIVATE_KEY:
		case OPT_CERTIFICATE:
		case OPT_CA_CERT:
			tls_option(long_options[index].name, optarg);
			break;
		case 'h':
			usage();
			break;
		case 'V':
			print_version(NULL);
			exit(0);
		default:
			exit(1);
		}
	}
}

// ---- --run ----

static void on_child(struct io_watch *w, int events)
{
	struct program *p = CONTAINER_OF(w, struct program, child_watch);
	int status;

	if (waitpid(p->child, &status, WNOHANG) != p->child)
		return;
	io_watch_uninit(w);
	close(w->fd);
	p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	loop_stop(p->loop);
}

static void run_child(struct program *p)
{
	int fd;

	p->child = fork();
	if (p->child < 0)
		fatal(errno, "--run: cannot fork");
	if (!p->child) {
		execl("/bin/sh", "sh", "-c", p->run_command, (char *)NULL);
		_exit(127);
	}
	fd = syscall(SYS_pidfd_open, p->child, 0);
	if (fd < 0)
		fatal(errno, "--run: cannot watch the command");
	io_watch_init(&p->child_watch, p->loop, fd, on_child);
	io_watch_set(&p->child_watch, IO_READ);
}

static void on_change(void *p_)
{
	struct program *p = p_;

	remotes_reconfigure(p->remotes, NULL);
}

static void on_terminate(void *p_)
{
	struct program *p = p_;

	loop_stop(p->loop);
}

static void on_hangup(void *p_)
{
	struct error err = ERROR_INIT;

	if (log_reopen_file(&err))
		log_warn("%s", err.text);
}

static void open_databases(struct program *p, int n, char *paths[])
{
	AUTO_FREE char *path = xasprintf("%s/conf.db", dir_db());
	struct error err = ERROR_INIT;

	if (!n && !p->no_dbs && open_db(p, path, &err))
		fatal(0, "%s", err.text);
	for (int i = 0; i < n; i++)
		if (open_db(p, paths[i], &err))
			fatal(0, "%s", err.text);
}

static void start(struct program *p, int n, char *paths[])
{
	struct error err = ERROR_INIT;

	p->loop = loop_create();
	p->server = server_create(p->loop, p->relaxed);
	strmap_init(&p->files);
	open_databases(p, n, paths);
	p->remotes = remotes_create(p->server);
	for (size_t i = 0; i < p->remote_args.n; i++)
		remotes_add(p->remotes, p->remote_args.v[i]);
	server_on_change(p->server, on_change, p);
	daemon_on_signal(p->loop, on_terminate, on_hangup, p);
	appctl_register(commands, ARRAY_SIZE(commands), p);
	appctl_add_memory_report(memory_report, p);
	// Before the remotes: who can connect to one may expect the control socket, too.
	if (appctl_server_start(p->loop, p->unixctl, &err))
		fatal(0, "%s", err.text);
	if (remotes_reconfigure(p->remotes, &err)) {
		appctl_server_stop();
		fatal(0, "%s", err.text);
	}
	daemon_become_user(false);
	if (p->run_command)
		run_child(p);
}

int main(int argc, char *argv[])
{
	struct program p = { .child = 0 };

	program_init(argv[0]);
	parse_options(&p, argc, argv);
	daemon_start();
	start(&p, argc - optind, argv + optind);
	daemon_ready();
	log_info("ovsdb-server (Open eSwitch) serves");
	loop_run(p.loop);
	appctl_server_stop();
	remotes_destroy(p.remotes);
	server_destroy(p.server);
	strmap_uninit_free(&p.files);
	VEC_FREE(&p.remote_args);
	loop_destroy(p.loop);
	return p.status;
}
