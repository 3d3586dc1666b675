// SPDX-License-Identifier: Apache-2.0
// The database server program.
#include <getopt.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/heap.h"
#include "core/base/log.h"
#include "core/io/daemon.h"
#include "core/io/tls.h"
#include "ovsdb/ovsdb-server.h"
#include "ovsdb/replica.h"
#include "ovsdb/tls-settings.h"

LOG_MODULE(ovsdb_main);

// "relay:NAME:SOURCE", or a file.
static bool is_relay(const char *path)
{
	return str_starts(path, "relay:");
}

static int add_db(struct program *p, const char *path, struct error *err)
{
	struct replica_options options = { .probe_msec = -1, .max_backoff_msec = -1 };
	AUTO_FREE char *copy = NULL;
	char *source;

	if (!is_relay(path))
		return server_add_db(p->server, path, err);
	copy = xstrdup(path + strlen("relay:"));
	source = strchr(copy, ':');
	if (!source || !source[1])
		return error_set(err, -EINVAL, "%s: not of the form relay:DATABASE:SOURCE", path);
	*source++ = '\0';
	options.source = source;
	return server_add_relay(p->server, copy, &options, err);
}

int program_open_db(struct program *p, const char *path, struct error *err)
{
	size_t before, after;
	const char **names, **now;
	int rc;

	names = server_db_names(p->server, &before);
	rc = add_db(p, path, err);
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

// ---- While others are served ----

struct db_request {
	struct program *p;
	char *path;
	program_opened_cb *cb;
	void *aux;
};

static void on_opened(void *q_, const char *name, const struct error *err)
{
	struct db_request *q = q_;

	if (name)
		strmap_add(&q->p->files, name, xstrdup(q->path));
	q->cb(q->aux, err);
	free(q->path);
	free(q);
}

int program_open_db_in_slices(struct program *p, const char *path, program_opened_cb *cb, void *aux,
			      struct error *err)
{
	struct db_request *q;
	int rc;

	if (is_relay(path)) {
		rc = program_open_db(p, path, err);
		if (!rc)
			cb(aux, NULL);
		return rc;
	}
	q = xzalloc(sizeof(*q));
	*q = (struct db_request){ p, xstrdup(path), cb, aux };
	rc = server_open_db(p->server, path, on_opened, q, err);
	if (rc) {
		free(q->path);
		free(q);
	}
	return rc;
}

int program_reconfigure(struct program *p, struct error *err)
{
	// Keys first: the remotes need them.
	tls_settings_follow(p->server);
	return remotes_reconfigure(p->remotes, err);
}

// ---- Command line ----

enum {
	OPT_REMOTE = 256,
	OPT_UNIXCTL,
	OPT_RUN,
	OPT_DURABILITY,
	OPT_ON_CORRUPTION,
	OPT_NO_DBS,
	OPT_CONFIG_FILE,
	OPT_REPLAY,
	OPT_SYNC_FROM,
	OPT_SYNC_EXCLUDE,
	OPT_ACTIVE,
};

static const struct option long_options[] = {
	{ "remote", required_argument, NULL, OPT_REMOTE },
	{ "unixctl", required_argument, NULL, OPT_UNIXCTL },
	{ "run", required_argument, NULL, OPT_RUN },
	{ "durability", required_argument, NULL, OPT_DURABILITY },
	{ "on-corruption", required_argument, NULL, OPT_ON_CORRUPTION },
	{ "no-dbs", no_argument, NULL, OPT_NO_DBS },
	{ "config-file", required_argument, NULL, OPT_CONFIG_FILE },
	{ "record", optional_argument, NULL, OPT_REPLAY },
	{ "replay", optional_argument, NULL, OPT_REPLAY },
	{ "sync-from", required_argument, NULL, OPT_SYNC_FROM },
	{ "sync-exclude-tables", required_argument, NULL, OPT_SYNC_EXCLUDE },
	{ "active", no_argument, NULL, OPT_ACTIVE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	LOG_LONG_OPTIONS,
	TLS_LONG_OPTIONS DAEMON_LONG_OPTIONS,
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	printf("%s: Open eSwitch database server\n"
	       "usage: %s [OPTIONS] [DATABASE...]\n"
	       "where each DATABASE is a database file in ovsdb format, or a copy\n"
	       "of another server's in memory, as relay:NAME:SOURCE.\n"
	       "The default DATABASE, if none is given, is\n"
	       "%s/conf.db.\n"
	       "\nJSON-RPC options (may be specified any number of times):\n"
	       "  --remote=REMOTE         connect or listen to REMOTE (punix:FILE,\n"
	       "                          ptcp:PORT[:IP], pssl:PORT[:IP], unix:FILE,\n"
	       "                          tcp:HOST:PORT, ssl:HOST:PORT or\n"
	       "                          db:DATABASE,TABLE,COLUMN)\n",
	       program_name, program_name, dir_db());
	tls_usage();
	daemon_usage();
	log_usage();
	printf("\nOther options:\n"
	       "  --run COMMAND           run COMMAND as subprocess then exit\n"
	       "  --unixctl=SOCKET        override default control socket name\n"
	       "  --durability=MODE       when a transaction is acknowledged: fsync (default: "
	       "once\n"
	       "                          it is on disk) or relaxed (once it is written; only\n"
	       "                          those that ask for durability wait for the disk)\n"
	       "  --on-corruption=MODE    what is done about a damaged file: salvage (default: "
	       "all\n"
	       "                          records that are whole), refuse to start, or rollback\n"
	       "                          (those before the damage); a copy of it is kept\n"
	       "  --no-dbs                start without a database\n"
	       "  --config-file=FILE      databases and remotes from FILE, in JSON\n"
	       "  --sync-from=SERVER      sync DATABASE from active SERVER and start in\n"
	       "                          backup mode (except with --active)\n"
	       "  --sync-exclude-tables=DB:TABLE,...\n"
	       "                          exclude the TABLE in DB from syncing\n"
	       "  --active                with --sync-from, start in active mode\n"
	       "  -h, --help              display this help message\n"
	       "  -V, --version           display version information\n");
	exit(0);
}

static void sync_from(struct program *p, const char *source)
{
	if (!stream_name_is_active(source))
		fatal(0, "--sync-from=%s: not a connection method", source);
	free(p->backup.source);
	p->backup.source = xstrdup(source);
}

static void parse_options(struct program *p, int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	bool active = false;
	int c;

	while ((c = getopt_long(argc, argv, "hVv::" TLS_SHORT_OPTIONS, long_options, NULL)) != -1) {
		if (log_handle_option(c, optarg) || daemon_handle_option(c, optarg) ||
		    tls_handle_option(c, optarg))
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
		case OPT_ON_CORRUPTION:
			if (!ovsdb_on_corruption_parse(optarg, &p->on_corruption))
				fatal(0,
				      "--on-corruption=%s: must be \"salvage\", \"refuse\" or "
				      "\"rollback\"",
				      optarg);
			break;
		case OPT_NO_DBS:
			p->no_dbs = true;
			break;
		case OPT_CONFIG_FILE:
			p->config_file = optarg;
			break;
		case OPT_REPLAY:
			fatal(0, "--record and --replay are not there: this server cannot record "
				 "what it "
				 "hears");
			break;
		case OPT_SYNC_FROM:
			sync_from(p, optarg);
			break;
		case OPT_SYNC_EXCLUDE:
			if (backup_set_exclude(&p->backup, optarg, &err))
				fatal(0, "--sync-exclude-tables: %s", err.text);
			break;
		case OPT_ACTIVE:
			active = true;
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
	p->backup.at_work = p->backup.source && !active;
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
	program_reconfigure(p_, NULL);
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

	if (p->config_file) {
		if (n || p->remote_args.n || p->backup.source)
			fatal(0, "--config-file says what is served: no DATABASE, --remote or "
				 "--sync-from beside it");
		return;
	}
	if (!n && !p->no_dbs && program_open_db(p, path, &err))
		fatal(0, "%s", err.text);
	for (int i = 0; i < n; i++)
		if (program_open_db(p, paths[i], &err))
			fatal(0, "%s", err.text);
}

static void start(struct program *p, int n, char *paths[])
{
	struct error err = ERROR_INIT;

	p->loop = loop_create();
	p->server = server_create(p->loop, p->relaxed);
	server_set_on_corruption(p->server, p->on_corruption);
	strmap_init(&p->files);
	open_databases(p, n, paths);
	p->remotes = remotes_create(p->server);
	for (size_t i = 0; i < p->remote_args.n; i++)
		remotes_add(p->remotes, p->remote_args.v[i], NULL);
	server_on_change(p->server, on_change, p);
	if (p->backup.at_work)
		backup_apply(p);
	daemon_on_signal(p->loop, on_terminate, on_hangup, p);
	commands_register(p);
	// Before the remotes: who can connect to one may expect the control socket, too.
	if (appctl_server_start(p->loop, p->unixctl, &err))
		fatal(0, "%s", err.text);
	if (p->config_file ? config_apply(p, &err) : program_reconfigure(p, &err)) {
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

	heap_use_huge_pages();
	program_init(argv[0]);
	backup_init(&p.backup);
	parse_options(&p, argc, argv);
	daemon_start();
	start(&p, argc - optind, argv + optind);
	daemon_ready();
	log_info("ovsdb-server (Open eSwitch) serves");
	loop_run(p.loop);
	appctl_server_stop();
	server_cancel_openings(p.server);
	remotes_destroy(p.remotes);
	tls_settings_forget();
	server_destroy(p.server);
	strmap_uninit_free(&p.files);
	backup_uninit(&p.backup);
	VEC_FREE(&p.remote_args);
	loop_destroy(p.loop);
	return p.status;
}
