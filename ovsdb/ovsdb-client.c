// SPDX-License-Identifier: Apache-2.0
// ovsdb-client: asks a running server, one command a call.
#include "ovsdb/ovsdb-client.h"

#include <signal.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/base/vec.h"
#include "core/io/daemon.h"
#include "core/io/tls.h"

struct table_style style = TABLE_STYLE_DEFAULT(TABLE_TABLE);
bool print_timestamps, separate_tables;

#define DEFAULT_DATABASE "Open_vSwitch"

// ---- Options ----

static unsigned int timeout_secs;

enum {
	OPT_TIMESTAMP = 256,
	OPT_FORCE,
	OPT_LEADER_ONLY,
	OPT_NO_LEADER_ONLY,
	OPT_CHANGE_AWARE,
	OPT_NO_CHANGE_AWARE
};

static void print_commands(void);

static void usage(void)
{
	printf("%s: database JSON-RPC client\nusage: %s [OPTIONS] COMMAND [ARG...]\n\nCommands:\n",
	       program_name, program_name);
	print_commands();
	printf("\nThe default SERVER is unix:%s/db.sock.\nThe default DATABASE is " DEFAULT_DATABASE
	       ".\n",
	       dir_run());
	table_usage();
	tls_usage();
	daemon_usage();
	log_usage();
	printf("\nOther options:\n"
	       "  --timestamp                 timestamp \"monitor\" output\n"
	       "  --force                     restore a backup of another schema\n"
	       "  --no-leader-only            of several servers accept any, not only the leader\n"
	       "  --no-db-change-aware        do not tell servers that conversions are understood\n"
	       "  -t, --timeout=SECS          give up after SECS seconds\n"
	       "  -h, --help                  display this help message\n"
	       "  -V, --version               display version information\n");
	exit(0);
}

static void parse_options(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "timestamp", no_argument, NULL, OPT_TIMESTAMP },
		{ "timeout", required_argument, NULL, 't' },
		{ "leader-only", no_argument, NULL, OPT_LEADER_ONLY },
		{ "no-leader-only", no_argument, NULL, OPT_NO_LEADER_ONLY },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ "db-change-aware", no_argument, NULL, OPT_CHANGE_AWARE },
		{ "no-db-change-aware", no_argument, NULL, OPT_NO_CHANGE_AWARE },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		TLS_LONG_OPTIONS LOG_LONG_OPTIONS,
		TABLE_LONG_OPTIONS,
		DAEMON_LONG_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	uint32_t secs;
	int c;

	while ((c = getopt_long(argc, argv, "hVt:v::f:d:" TLS_SHORT_OPTIONS, options, NULL)) !=
	       -1) {
		switch (c) {
		case OPT_TIMESTAMP:
			print_timestamps = true;
			break;
		case 't':
			if (!parse_u32(optarg, 10, &secs) || !secs)
				fatal(0, "value %s on -t or --timeout is invalid", optarg);
			timeout_secs = secs;
			break;
		case OPT_FORCE:
			force = true;
			break;
		case OPT_LEADER_ONLY:
		case OPT_NO_LEADER_ONLY:
			leader_only = c == OPT_LEADER_ONLY;
			break;
		case OPT_CHANGE_AWARE:
		case OPT_NO_CHANGE_AWARE:
			change_aware = c == OPT_CHANGE_AWARE;
			break;
		case 'h':
			usage();
			break;
		case 'V':
			print_version(NULL);
			exit(0);
		default:
			if (!log_handle_option(c, optarg) && !tls_handle_option(c, optarg) &&
			    !table_handle_option(&style, c, optarg) &&
			    !daemon_handle_option(c, optarg))
				exit(1);
		}
	}
}

// ---- Requests ----

void client_call(struct client *c, const char *method, const struct strbuf *params)
{
	if (!client_try(c, method, params))
		fatal(0, "%s returned error: %s",
		      !strcmp(method, "transact") || !strcmp(method, "convert") ? "transaction"
										: method,
		      strbuf_cstr(&c->reply));
}

void client_set_aware(struct client *c)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_puts(&params, "[true]");
	client_try(c, "set_db_change_aware", &params);
}

void client_check_results(const struct client *c)
{
	struct json_reader r;

	json_reader_init(&r, c->reply.s, c->reply.len);
	json_array(&r);
	while (json_element(&r)) {
		struct json_span result = json_skip(&r);
		struct json_reader sub;
		const char *key;
		size_t len;

		if (!result.n || *result.p != '{')
			continue;
		json_reader_init_span(&sub, result);
		json_object(&sub);
		while (json_member(&sub, &key, &len)) {
			if (json_key_is(key, len, "error"))
				fatal(0, "server returned error reply: %.*s", (int)result.n,
				      result.p);
			json_skip(&sub);
		}
		json_reader_uninit(&sub);
	}
	json_reader_uninit(&r);
}

void client_get_schema(struct client *c)
{
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_putc(&params, '[');
	json_put_string(&params, c->database, strlen(c->database));
	strbuf_putc(&params, ']');
	client_call(c, "get_schema", &params);
	if (ovsdb_schema_read(&c->schema, (struct json_span){ c->reply.s, c->reply.len }, &err))
		fatal(0, "the server's schema cannot be read: %s", err.details);
}

const struct ovsdb_table_schema *client_table(const struct client *c, const char *name)
{
	const struct ovsdb_table_schema *ts = ovsdb_schema_table(c->schema, name);

	if (!ts)
		fatal(0, "%s: %s does not have a table named \"%s\"", c->server, c->database, name);
	return ts;
}

void print_json(const char *text, size_t n)
{
	AUTO(strbuf) out = STRBUF_INIT;

	if (style.pretty)
		json_pretty(text, n, &out);
	else
		strbuf_put(&out, text, n);
	puts(strbuf_cstr(&out));
}

void print_table(const struct table *t)
{
	AUTO(strbuf) out = STRBUF_INIT;

	table_format(t, &style, !separate_tables, &out);
	separate_tables = true;
	fputs(out.s, stdout);
}

// ---- Commands: server and schema ----

typedef VEC(char *) name_vec;

// The databases that the server has. False when it does not tell; fatal when there is no other one to ask.
static bool get_databases(struct client *c, name_vec *names)
{
	AUTO(strbuf) params = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct json_reader r;
	bool ok;

	strbuf_puts(&params, "[]");
	if (!c->choosing)
		client_call(c, "list_dbs", &params);
	else if (!client_try(c, "list_dbs", &params))
		return false;
	json_reader_init(&r, c->reply.s, c->reply.len);
	json_array(&r);
	while (json_element(&r)) {
		char *name = json_string_dup(&r);

		if (name)
			VEC_PUSH(names, name);
	}
	ok = !json_finish(&r, &err);
	json_reader_uninit(&r);
	if (!ok && !c->choosing)
		fatal(0, "cannot read the list of databases: %s", err.text);
	return ok;
}

static void free_names(name_vec *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	VEC_FREE(names);
}

static void cmd_list_dbs(struct client *c, int argc, char *argv[])
{
	name_vec names = VEC_INIT;

	get_databases(c, &names);
	for (size_t i = 0; i < names.n; i++)
		puts(names.v[i]);
	free_names(&names);
}

static void cmd_get_schema(struct client *c, int argc, char *argv[])
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &text);
	ovsdb_schema_write(c->schema, &w);
	print_json(text.s, text.len);
}

static void cmd_get_schema_version(struct client *c, int argc, char *argv[])
{
	puts(c->schema->version);
}

static void cmd_get_schema_cksum(struct client *c, int argc, char *argv[])
{
	puts(c->schema->cksum);
}

static void cmd_list_tables(struct client *c, int argc, char *argv[])
{
	struct table *t = table_create(NULL);

	table_add_column(t, "Table");
	for (size_t i = 0; i < c->schema->n_tables; i++) {
		table_add_row(t);
		table_add_text(t, c->schema->tables[i]->name);
	}
	print_table(t);
	table_destroy(t);
}

static void list_columns(struct table *t, const struct ovsdb_table_schema *ts, bool with_table)
{
	for (size_t i = 0; i < ts->n_columns; i++) {
		AUTO(strbuf) type = STRBUF_INIT;
		struct json_writer w;

		json_writer_init(&w, &type);
		ovsdb_type_write(&ts->columns[i]->type, &w);
		table_add_row(t);
		if (with_table)
			table_add_text(t, ts->name);
		table_add_text(t, ts->columns[i]->name);
		table_add_json(t, type.s);
	}
}

// Nothing for a table that is not there.
static void list_columns_of(struct table *t, const struct ovsdb_schema *schema, const char *table)
{
	const struct ovsdb_table_schema *ts = ovsdb_schema_table(schema, table);

	if (ts)
		list_columns(t, ts, false);
}

static void cmd_list_columns(struct client *c, int argc, char *argv[])
{
	struct table *t = table_create(NULL);

	if (!argc)
		table_add_column(t, "Table");
	table_add_column(t, "Column");
	table_add_column(t, "Type");
	if (argc)
		list_columns_of(t, c->schema, argv[0]);
	for (size_t i = 0; !argc && i < c->schema->n_tables; i++)
		list_columns(t, c->schema->tables[i], true);
	print_table(t);
	table_destroy(t);
}

// ---- transact, query ----

// Returns the name of the database that the transaction is about. Freed by the caller.
static char *check_transaction(const char *text)
{
	struct error err = ERROR_INIT;
	struct json_reader r;
	enum json_type type;
	char *name = NULL;

	json_reader_init(&r, text, strlen(text));
	type = json_peek(&r);
	json_skip(&r);
	if (json_finish(&r, &err))
		fatal(0, "\"%s\": %s", text, err.text);
	json_reader_uninit(&r);
	json_reader_init(&r, text, strlen(text));
	if (type == JSON_ARRAY)
		json_array(&r);
	if (type == JSON_ARRAY && json_element(&r) && json_peek(&r) == JSON_STRING)
		name = json_string_dup(&r);
	if (!name)
		fatal(0, "not a valid OVSDB query");
	json_reader_uninit(&r);
	return name;
}

static void cmd_transact(struct client *c, int argc, char *argv[])
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_puts(&params, argv[0]);
	client_call(c, "transact", &params);
	print_json(c->reply.s, c->reply.len);
}

// All results but the last one, which is the "abort" that was added, when it was reached.
static void print_query(const struct strbuf *reply)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct json_span last = { NULL, 0 };
	struct json_reader r;
	struct json_writer w;

	json_writer_init(&w, &out);
	json_reader_init(&r, reply->s, reply->len);
	json_array(&r);
	jw_array_begin(&w);
	while (json_element(&r)) {
		if (last.p)
			jw_span(&w, last);
		last = json_skip(&r);
	}
	if (last.p && !memmem(last.p, last.n, "\"aborted\"", 9))
		jw_span(&w, last);
	jw_array_end(&w);
	json_reader_uninit(&r);
	print_json(out.s, out.len);
}

static void cmd_query(struct client *c, int argc, char *argv[])
{
	AUTO(strbuf) params = STRBUF_INIT;
	size_t n = strlen(argv[0]);

	while (argv[0][n - 1] != ']')
		n--;
	strbuf_put(&params, argv[0], n - 1);
	strbuf_puts(&params, ",{\"op\":\"abort\"}]");
	client_call(c, "transact", &params);
	print_query(&c->reply);
}

// ---- Commands ----

static void cmd_help(struct client *c, int argc, char *argv[])
{
	usage();
}

enum need { NEED_NOTHING, NEED_SERVER, NEED_TRANSACTION, NEED_SCHEMA };

static const struct {
	const char *name, *usage;
	enum need need;
	int min, max; // arguments behind [SERVER] [DATABASE]
	void (*run)(struct client *c, int argc, char *argv[]);
} commands[] = {
	{ "list-dbs", "[SERVER]", NEED_SERVER, 0, 0, cmd_list_dbs },
	{ "get-schema", "[SERVER] [DATABASE]", NEED_SCHEMA, 0, 0, cmd_get_schema },
	{ "get-schema-version", "[SERVER] [DATABASE]", NEED_SCHEMA, 0, 0, cmd_get_schema_version },
	{ "get-schema-cksum", "[SERVER] [DATABASE]", NEED_SCHEMA, 0, 0, cmd_get_schema_cksum },
	{ "list-tables", "[SERVER] [DATABASE]", NEED_SCHEMA, 0, 0, cmd_list_tables },
	{ "list-columns", "[SERVER] [DATABASE] [TABLE]", NEED_SCHEMA, 0, 1, cmd_list_columns },
	{ "transact", "[SERVER] TRANSACTION", NEED_TRANSACTION, 1, 1, cmd_transact },
	{ "query", "[SERVER] TRANSACTION", NEED_TRANSACTION, 1, 1, cmd_query },
	{ "dump", "[SERVER] [DATABASE] [TABLE [COLUMN]...]", NEED_SCHEMA, 0, 999, client_dump },
	{ "backup", "[SERVER] [DATABASE]", NEED_SCHEMA, 0, 0, client_backup },
	{ "monitor", "[SERVER] [DATABASE] TABLE|ALL [COLUMN,...]...", NEED_SCHEMA, 1, 999,
	  client_monitor },
	{ "monitor-cond", "[SERVER] [DATABASE] CONDITION TABLE [COLUMN,...]...", NEED_SCHEMA, 2,
	  999, client_monitor_cond },
	{ "monitor-cond-since", "[SERVER] [DATABASE] [LAST-ID] CONDITION TABLE [COLUMN,...]...",
	  NEED_SCHEMA, 2, 999, client_monitor_cond_since },
	{ "wait", "[SERVER] DATABASE added|connected|removed", NEED_SERVER, 2, 2, client_wait },
	{ "convert", "[SERVER] SCHEMA", NEED_SERVER, 1, 1, client_convert },
	{ "needs-conversion", "[SERVER] SCHEMA", NEED_SERVER, 1, 1, client_needs_conversion },
	{ "restore", "[SERVER] [DATABASE]", NEED_SCHEMA, 0, 0, client_restore },
	{ "lock", "[SERVER] LOCK", NEED_SERVER, 1, 1, client_lock },
	{ "steal", "[SERVER] LOCK", NEED_SERVER, 1, 1, client_steal },
	{ "unlock", "[SERVER] LOCK", NEED_SERVER, 1, 1, client_unlock },
	{ "help", "", NEED_NOTHING, 0, 999, cmd_help },
};

static void print_commands(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %s %s\n", commands[i].name, commands[i].usage);
}

// ---- Arguments: [SERVER] [DATABASE] [ARG...] ----

struct arguments {
	size_t command;
	int argc;
	char **argv;
	int shift; // of them the database's name: 1 when it is given
};

// The one database besides _Server, or the default one among several; NULL: which one is open.
static char *default_database(const name_vec *names)
{
	const char *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++) {
		if (!strcmp(names->v[i], DEFAULT_DATABASE))
			return xstrdup(DEFAULT_DATABASE);
		if (*names->v[i] != '_') {
			only = names->v[i];
			n++;
		}
	}
	return n == 1 ? xstrdup(only) : NULL;
}

static bool has_database(const name_vec *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

// The database that is meant: the first argument, where the server has one of that name.
static bool choose_database(struct client *c, struct arguments *args)
{
	name_vec names = VEC_INIT;
	bool ok = get_databases(c, &names);

	if (ok) {
		args->shift = args->argc && has_database(&names, args->argv[0]);
		c->database = args->shift ? xstrdup(args->argv[0]) : default_database(&names);
	}
	free_names(&names);
	return ok;
}

// With a server that is connected: which database is meant, and is this one to ask about it?
static bool find_database(struct client *c, void *args_)
{
	struct arguments *args = args_;

	free(c->database);
	c->database = NULL;
	args->shift = 0;
	if (commands[args->command].need == NEED_TRANSACTION)
		c->database = check_transaction(args->argv[0]);
	else if (commands[args->command].need == NEED_SCHEMA && !choose_database(c, args))
		return false;
	return !c->choosing || !c->database || client_server_is_fit(c);
}

NORETURN static void bad_syntax(size_t k)
{
	fatal(0, "invalid syntax for '%s' (use --help for help)", commands[k].name);
}

static void run_command(size_t k, int argc, char *argv[])
{
	AUTO_FREE char *server = xasprintf("unix:%s/db.sock", dir_run());
	struct arguments args = { .command = k };
	struct client c = { NULL };
	bool named = argc && (stream_name_is_active(argv[0]) || stream_name_is_passive(argv[0]));

	if (commands[k].need == NEED_NOTHING) {
		commands[k].run(&c, argc, argv);
		return;
	}
	args.argc = argc - named;
	args.argv = argv + named;
	if (args.argc < commands[k].min ||
	    (commands[k].need != NEED_SCHEMA && args.argc > commands[k].max))
		bad_syntax(k);
	client_open(&c, named ? argv[0] : server, find_database, &args);
	if (commands[k].need == NEED_SCHEMA && !c.database)
		fatal(0, "could not find a default database, please specify a database name");
	args.argc -= args.shift;
	args.argv += args.shift;
	if (args.argc < commands[k].min || args.argc > commands[k].max)
		bad_syntax(k);
	if (commands[k].need == NEED_SCHEMA)
		client_get_schema(&c);
	commands[k].run(&c, args.argc, args.argv);
	if (fflush(stdout) || ferror(stdout))
		fatal(0, "write to stdout failed");
	client_close(&c);
}

int main(int argc, char *argv[])
{
	struct error err = ERROR_INIT;

	program_init(argv[0]);
	log_set("console:warn", &err);
	parse_options(argc, argv);
	argc -= optind;
	argv += optind;
	if (!argc)
		fatal(0, "missing command name; use --help for help");
	daemon_start();
	if (timeout_secs) {
		signal(SIGALRM, SIG_DFL);
		alarm(timeout_secs);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, argv[0])) {
			run_command(i, argc - 1, argv + 1);
			return 0;
		}
	}
	fatal(0, "unknown command '%s'; use --help for help", argv[0]);
}
