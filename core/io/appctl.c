// SPDX-License-Identifier: Apache-2.0
// The server side: commands by name, connections, replies.
#include "core/io/appctl-private.h"

#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/vec.h"

LOG_MODULE(appctl);

#define MAX_COMMAND (16 << 20)

struct command {
	const struct appctl_command *row;
	void *aux;
};

// A client; requests that wait for their answer outlive it.
struct client {
	struct list node;
	struct jsonrpc *rpc;
	enum appctl_format format;
	struct list waiting; // struct appctl_conn
};

struct appctl_conn {
	struct list node;
	struct client *client; // NULL: gone
	char *id;
	enum appctl_format format;
};

static struct strmap commands;
static bool commands_ready;
static struct listener *server;
static char *server_path;
static struct list clients = LIST_INIT(&clients);

static void init_commands(void)
{
	if (!commands_ready)
		strmap_init(&commands);
	commands_ready = true;
}

void appctl_register(const struct appctl_command *rows, size_t n, void *aux)
{
	init_commands();
	for (size_t i = 0; i < n; i++) {
		struct command *c = xmalloc(sizeof(*c));

		c->row = &rows[i];
		c->aux = aux;
		bool added = strmap_add_once(&commands, rows[i].name, c);
		assert(added);
	}
}

void appctl_unregister(const struct appctl_command *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strmap_take(&commands, rows[i].name));
}

static void free_conn(struct appctl_conn *conn)
{
	list_remove(&conn->node);
	free(conn->id);
	free(conn);
}

static void reply(struct appctl_conn *conn, const char *text, bool ok)
{
	AUTO(strbuf) line = STRBUF_INIT;
	AUTO(strbuf) json = STRBUF_INIT;

	strbuf_puts(&line, text);
	if (line.len && line.s[line.len - 1] != '\n')
		strbuf_putc(&line, '\n');
	json_put_string(&json, strbuf_cstr(&line), line.len);
	if (conn->client) {
		struct json_span id = { conn->id, strlen(conn->id) };

		(ok ? jsonrpc_send_reply : jsonrpc_send_error)(conn->client->rpc, json.s, json.len,
							       id);
	}
	free_conn(conn);
}

void appctl_reply(struct appctl_conn *conn, const char *text)
{
	reply(conn, text ? text : "", true);
}

void appctl_reply_error(struct appctl_conn *conn, const char *text)
{
	reply(conn, text, false);
}

void appctl_reply_errorf(struct appctl_conn *conn, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	AUTO_FREE char *text = xvasprintf(fmt, args);
	va_end(args);
	appctl_reply_error(conn, text);
}

enum appctl_format appctl_format(const struct appctl_conn *conn)
{
	return conn->format;
}

typedef VEC(char *) arg_vec;

static void run_command(struct appctl_conn *conn, const char *name, arg_vec *args)
{
	struct command *c = strmap_get(&commands, name);
	int n = args->n - 1;

	if (!c)
		appctl_reply_errorf(conn,
				    "\"%s\" is not a valid command (use \"list-commands\" to see a "
				    "list of valid commands)",
				    name);
	else if (n < c->row->min_args)
		appctl_reply_errorf(conn, "\"%s\" command requires at least %d arguments", name,
				    c->row->min_args);
	else if (c->row->max_args >= 0 && n > c->row->max_args)
		appctl_reply_errorf(conn, "\"%s\" command takes at most %d arguments", name,
				    c->row->max_args);
	else
		c->row->cb(conn, args->n, (const char *const *)args->v, c->aux);
}

static void on_message(void *aux, const struct jsonrpc_message *m)
{
	struct client *cl = aux;
	struct appctl_conn *conn;
	arg_vec args = VEC_INIT;
	struct json_reader r;
	bool ok;

	if (m->type != JSONRPC_REQUEST)
		return;
	conn = xzalloc(sizeof(*conn));
	conn->client = cl;
	conn->id = xstrndup(m->id.p, m->id.n);
	conn->format = cl->format;
	list_push_back(&cl->waiting, &conn->node);
	VEC_PUSH(&args, xstrdup(m->method));
	json_reader_init_span(&r, m->params);
	json_array(&r);
	while (json_element(&r))
		VEC_PUSH(&args, json_string_dup(&r));
	ok = !json_failed(&r);
	json_reader_uninit(&r);
	if (!ok)
		appctl_reply_errorf(conn, "\"%s\" command has non-string argument", m->method);
	else
		run_command(conn, m->method, &args);
	for (size_t i = 0; i < args.n; i++)
		free(args.v[i]);
	VEC_FREE(&args);
}

static void drop_client(struct client *cl)
{
	struct appctl_conn *conn, *next;

	LIST_FOR_EACH_SAFE (conn, next, node, &cl->waiting) {
		conn->client = NULL;
		list_remove(&conn->node);
	}
	list_remove(&cl->node);
	jsonrpc_close_after_flush(cl->rpc);
	free(cl);
}

static void on_closed(void *aux, int err, const char *reason)
{
	drop_client(aux);
}

static const struct jsonrpc_events callbacks = { on_message, on_closed };

static void on_accept(void *aux, struct stream *s)
{
	struct client *cl = xzalloc(sizeof(*cl));

	list_init(&cl->waiting);
	list_push_back(&clients, &cl->node);
	cl->rpc = jsonrpc_create(s, MAX_COMMAND, &callbacks, cl);
}

// set-options --format json|text: for this client's commands that follow.
static void set_options(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--format") || i + 1 == argc) {
			appctl_reply_errorf(conn, "%s: unknown option, or value missing", argv[i]);
			return;
		}
		i++;
		if (strcmp(argv[i], "json") && strcmp(argv[i], "text")) {
			appctl_reply_errorf(conn, "%s: unknown format (text and json are known)",
					    argv[i]);
			return;
		}
		conn->client->format = !strcmp(argv[i], "json") ? APPCTL_JSON : APPCTL_TEXT;
	}
	appctl_reply(conn, "");
}

static void list_commands(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct strmap_node **sorted = strmap_sorted(&commands);
	AUTO(strbuf) out = STRBUF_INIT;

	strbuf_puts(&out, "The available commands are:\n");
	for (size_t i = 0; i < strmap_count(&commands); i++) {
		const struct appctl_command *row = ((struct command *)sorted[i]->data)->row;

		if (!row->usage)
			continue;
		strbuf_printf(&out, "  %-23s %s\n", row->name, row->usage);
	}
	free(sorted);
	appctl_reply(conn, out.s);
}

static void version(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO_FREE char *text = xasprintf("%s (Open eSwitch) %s", program_name, PACKAGE_VERSION);

	appctl_reply(conn, text);
}

static const struct appctl_command own_commands[] = {
	{ "list-commands", "", 0, 0, list_commands },
	{ "version", "", 0, 0, version },
	{ "set-options", "[--format text|json]", 2, 2, set_options },
};

int appctl_server_start(struct loop *l, const char *path, struct error *err)
{
	static bool registered;

	if (!registered) {
		appctl_register(own_commands, ARRAY_SIZE(own_commands), NULL);
		appctl_register_builtin(l);
	}
	registered = true;
	if (path && !strcmp(path, "none"))
		return 0;
	server_path = path ? (path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", dir_run(), path))
			   : xasprintf("%s/%s.%ld.ctl", dir_run(), program_name, (long)getpid());
	AUTO_FREE char *name = xasprintf("punix:%s", server_path);
	if (listener_open(l, name, 0, -1, on_accept, NULL, &server, err) < 0)
		return error_wrap(err, "cannot open the control socket");
	return 0;
}

void appctl_server_stop(void)
{
	struct client *cl, *next;

	LIST_FOR_EACH_SAFE (cl, next, node, &clients)
		drop_client(cl);
	listener_close(server);
	server = NULL;
	free(server_path);
	server_path = NULL;
}

const char *appctl_server_path(void)
{
	return server_path;
}
