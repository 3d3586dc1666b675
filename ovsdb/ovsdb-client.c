// SPDX-License-Identifier: Apache-2.0
// ovsdb-client: asks a running server, one command a call.
#include "ovsdb/ovsdb-client.h"

#include <signal.h>
#include <stdio.h>

#include "core/base/log.h"
#include "core/io/appctl.h"
#include "core/io/daemon.h"
#include "core/io/tls.h"

struct table_style style = TABLE_STYLE_DEFAULT(TABLE_TABLE);
bool print_timestamps;

// ---- Options ----

static unsigned int timeout_secs;

enum { OPT_TIMESTAMP = 256, OPT_FORCE, OPT_LEADER_ONLY, OPT_NO_LEADER_ONLY };

static void print_commands(void);

static void usage(void)
{
	printf("%s: database JSON-RPC client\nusage: %s [OPTIONS] COMMAND [ARG...]\n\nCommands:\n",
	       program_name, program_name);
	print_commands();
	printf("\nThe default SERVER is unix:%s/db.sock.\nThe default DATABASE is Open_vSwitch.\n",
	       dir_run());
	table_usage();
	tls_usage();
	daemon_usage();
	log_usage();
	printf("\nOther options:\n"
	       "  --timestamp                 timestamp \"monitor\" output\n"
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
			if (!parse_u32(optarg, 10, &secs))
				fatal(0, "value %s on -t or --timeout is invalid", optarg);
			timeout_secs = secs;
			break;
		case OPT_LEADER_ONLY:
		case OPT_NO_LEADER_ONLY:
			break; // one server is the only one, and its own leader
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

// ---- The connection ----

static void on_message(void *c_, const struct jsonrpc_message *m)
{
	struct client *c = c_;

	if (m->type == JSONRPC_REQUEST && !strcmp(m->method, "echo")) {
		jsonrpc_send_reply(c->rpc, m->params.p, m->params.n, m->id);
		return;
	}
	if (m->type == JSONRPC_NOTIFY) {
		if (c->notify)
			c->notify(c, m);
		return;
	}
	if (!c->waiting)
		return;
	c->waiting = false;
	c->failed = m->type == JSONRPC_ERROR;
	strbuf_clear(&c->reply);
	if (c->failed)
		strbuf_put(&c->reply, m->error.p, m->error.n);
	else
		strbuf_put(&c->reply, m->result.p, m->result.n);
}

static void on_closed(void *c_, int err, const char *reason)
{
	fatal(0, "connection to server lost (%s)", reason);
}

static const struct jsonrpc_events events = { on_message, on_closed };

static void ignore(void *aux) {}
static void connect_closed(void *aux, int err) {}
static const struct stream_events connecting = { ignore, ignore, NULL, connect_closed };

static void client_open(struct client *c, const char *server)
{
	struct error err = ERROR_INIT;
	struct stream *s;
	int rc;

	c->loop = loop_create();
	strbuf_init(&c->reply);
	rc = stream_open_block(c->loop, server, 6640, -1, &connecting, c, &s, &err);

	if (rc == -EINVAL)
		fatal(0, "%s", err.text);
	if (rc)
		fatal(0, "failed to connect to \"%s\" (%s)", server, strerror(-rc));
	c->rpc = jsonrpc_create(s, 0, &events, c);
}

static void client_close(struct client *c)
{
	jsonrpc_close(c->rpc);
	loop_destroy(c->loop);
	strbuf_uninit(&c->reply);
	ovsdb_schema_destroy(c->schema);
}

bool client_try(struct client *c, const char *method, const struct strbuf *params)
{
	jsonrpc_send_request(c->rpc, method, params, ++c->next_id);
	c->waiting = true;
	while (c->waiting)
		loop_step(c->loop, -1);
	return !c->failed;
}

void client_call(struct client *c, const char *method, const struct strbuf *params)
{
	if (!client_try(c, method, params))
		fatal(0, "%s returned error: %s",
		      !strcmp(method, "transact") ? "transaction" : method, strbuf_cstr(&c->reply));
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
	static bool any;

	table_format(t, &style, !any, &out);
	any = true;
	fputs(out.s, stdout);
}

// ---- Commands: server and schema ----

static void empty_params(struct strbuf *b)
{
	strbuf_puts(b, "[]");
}

static void cmd_list_dbs(struct client *c, int argc, char *argv[])
{
	AUTO(strbuf) params = STRBUF_INIT;
	struct json_reader r;

	empty_params(&params);
	client_call(c, "list_dbs", &params);
	json_reader_init(&r, c->reply.s, c->reply.len);
	json_array(&r);
	while (json_element(&r)) {
		AUTO_FREE char *name = json_string_dup(&r);

		puts(name);
	}
	json_reader_uninit(&r);
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

static void cmd_list_columns(struct client *c, int argc, char *argv[])
{
	struct table *t = table_create(NULL);

	if (!argc)
		table_add_column(t, "Table");
	table_add_column(t, "Column");
	table_add_column(t, "Type");
	if (argc)
		list_columns(t, client_table(c, argv[0]), false);
	for (size_t i = 0; !argc && i < c->schema->n_tables; i++)
		list_columns(t, c->schema->tables[i], true);
	print_table(t);
	table_destroy(t);
}

static void cmd_needs_conversion(struct client *c, int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	struct ovsdb_schema *want;

	if (ovsdb_schema_read_file(&want, argv[0], &err))
		fatal(0, "%s", err.text);
	c->database = want->name;
	client_get_schema(c);
	puts(ovsdb_schema_equal(want, c->schema) ? "no" : "yes");
	ovsdb_schema_destroy(want);
}

// ---- transact, query ----

static void check_array(const char *text)
{
	struct error err = ERROR_INIT;
	struct json_reader r;

	json_reader_init(&r, text, strlen(text));
	json_array(&r);
	while (json_element(&r))
		json_skip(&r);
	if (json_finish(&r, &err))
		fatal(0, "\"%s\": %s", text, err.text);
	json_reader_uninit(&r);
}

static void cmd_transact(struct client *c, int argc, char *argv[])
{
	AUTO(strbuf) params = STRBUF_INIT;

	check_array(argv[0]);
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
	if (last.p && !memmem(last.p, last.n, "\"aborted\"", 9) && strncmp(last.p, "null", 4) != 0)
		jw_span(&w, last);
	jw_array_end(&w);
	json_reader_uninit(&r);
	print_json(out.s, out.len);
}

static void cmd_query(struct client *c, int argc, char *argv[])
{
	AUTO(strbuf) params = STRBUF_INIT;
	size_t n = strlen(argv[0]);

	check_array(argv[0]);
	while (argv[0][n - 1] != ']')
		n--;
	strbuf_put(&params, argv[0], n - 1);
	strbuf_puts(&params, ",{\"op\":\"abort\"}]");
	client_call(c, "transact", &params);
	print_query(&c->reply);
}

// ---- lock, steal, unlock ----

static void print_lock_event(struct client *c, const struct jsonrpc_message *m)
{
	printf("%s %.*s\n", m->method, (int)m->params.n, m->params.p);
	fflush(stdout);
}

static void do_lock(struct client *c, const char *method, const char *lock)
{
	AUTO(strbuf) params = STRBUF_INIT;

	strbuf_putc(&params, '[');
	json_put_string(&params, lock, strlen(lock));
	strbuf_putc(&params, ']');
	c->notify = print_lock_event;
	client_call(c, method, &params);
	print_json(c->reply.s, c->reply.len);
	fflush(stdout);
	daemon_ready();
	for (;;)
		loop_step(c->loop, -1);
}

static void cmd_lock(struct client *c, int argc, char *argv[])
{
	do_lock(c, "lock", argv[0]);
}

static void cmd_steal(struct client *c, int argc, char *argv[])
{
	do_lock(c, "steal", argv[0]);
}

static void cmd_unlock(struct client *c, int argc, char *argv[])
{
	do_lock(c, "unlock", argv[0]);
}

// ---- Commands ----

static void cmd_convert(struct client *c, int argc, char *argv[])
{
	fatal(0,
	      "convert: converting a database online is not supported yet; use ovsdb-tool convert");
}

static void cmd_restore(struct client *c, int argc, char *argv[])
{
	fatal(0, "restore: not supported yet; stop the server and replace the file");
}

enum need { NEED_SERVER, NEED_DATABASE, NEED_SCHEMA };

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
	{ "transact", "[SERVER] TRANSACTION", NEED_SERVER, 1, 1, cmd_transact },
	{ "query", "[SERVER] TRANSACTION", NEED_SERVER, 1, 1, cmd_query },
	{ "dump", "[SERVER] [DATABASE] [TABLE [COLUMN]...]", NEED_SCHEMA, 0, 999, client_dump },
	{ "backup", "[SERVER] [DATABASE]", NEED_SCHEMA, 0, 0, client_backup },
	{ "monitor", "[SERVER] [DATABASE] TABLE|ALL [COLUMN,...]...", NEED_SCHEMA, 1, 999,
	  client_monitor },
	{ "monitor-cond", "[SERVER] [DATABASE] CONDITION TABLE [COLUMN,...]...", NEED_SCHEMA, 2,
	  999, client_monitor_cond },
	{ "wait", "[SERVER] DATABASE added|connected|removed", NEED_SERVER, 2, 2, client_wait },
	{ "needs-conversion", "[SERVER] SCHEMA", NEED_SERVER, 1, 1, cmd_needs_conversion },
	{ "lock", "[SERVER] LOCK", NEED_SERVER, 1, 1, cmd_lock },
	{ "steal", "[SERVER] LOCK", NEED_SERVER, 1, 1, cmd_steal },
	{ "unlock", "[SERVER] LOCK", NEED_SERVER, 1, 1, cmd_unlock },
	{ "convert", NULL, NEED_SERVER, 0, 9, cmd_convert },
	{ "restore", NULL, NEED_SERVER, 0, 9, cmd_restore },
};

static void print_commands(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].usage)
			printf("  %s %s\n", commands[i].name, commands[i].usage);
}

static bool is_db_name(struct client *c, const char *name)
{
	AUTO(strbuf) params = STRBUF_INIT;
	AUTO_FREE char *quoted = xasprintf("\"%s\"", name);

	empty_params(&params);
	client_call(c, "list_dbs", &params);
	return strstr(strbuf_cstr(&c->reply), quoted) != NULL;
}

static void run_command(size_t k, int argc, char *argv[])
{
	AUTO_FREE char *server = xasprintf("unix:%s/db.sock", dir_run());
	struct client c = { .server = server, .database = "Open_vSwitch" };
	int spare = argc - commands[k].min;

	if (spare > 0 && (stream_name_is_active(argv[0]) || commands[k].need == NEED_SERVER)) {
		c.server = argv[0];
		argv++;
		argc--;
		spare--;
	}
	if (spare < 0)
		fatal(0, "invalid syntax for '%s' (use --help for help)", commands[k].name);
	client_open(&c, c.server);
	if (commands[k].need != NEED_SERVER && spare > 0 && is_db_name(&c, argv[0])) {
		c.database = argv[0];
		argv++;
		argc--;
	}
	if (argc < commands[k].min || argc > commands[k].max)
		fatal(0, "invalid syntax for '%s' (use --help for help)", commands[k].name);
	if (commands[k].need == NEED_SCHEMA)
		client_get_schema(&c);
	commands[k].run(&c, argc, argv);
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
