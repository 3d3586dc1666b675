// SPDX-License-Identifier: Apache-2.0
// Inside of ovsdb-client: the connection, and the commands that have files of their own.
#pragma once

#include <unistd.h>

#include "core/io/appctl.h"
#include "core/io/jsonrpc.h"
#include "ovsdb/schema.h"
#include "ovsdb/table.h"

struct client {
	struct loop *loop;
	struct jsonrpc *rpc;
	char *server; // the one that is connected
	char *database; // NULL: none is meant
	struct ovsdb_schema *schema;
	uint64_t next_id;
	bool waiting, failed;
	bool choosing; // a lost connection is no reason to give up
	struct strbuf reply; // result or error of the last request
	void (*notify)(struct client *c, const struct jsonrpc_message *m);
	void *aux; // of the command
	struct appctl_conn *caller; // of a control command that waits for the server
	void (*answered)(struct client *c, struct appctl_conn *caller); // and what answers it
	bool stop, paused;
};

extern struct table_style style;
extern bool print_timestamps;
extern bool leader_only; // of several servers
extern bool force; // restore

// Sends and waits; the answer is c->reply. False when it is an error.
bool client_try(struct client *c, const char *method, const struct strbuf *params);
// As above; fatal on error.
void client_call(struct client *c, const char *method, const struct strbuf *params);
// Tells the server that conversions are understood: else it drops the connection when the schema changes. One that is older
// than this request drops it anyway.
void client_set_aware(struct client *c);
// Fatal when the server's answer to "transact" holds an error.
void client_check_results(const struct client *c);
void client_get_schema(struct client *c);
const struct ovsdb_table_schema *client_table(const struct client *c, const char *name);
void print_json(const char *text, size_t n);
// Set off by a blank line when 'separate_tables', which it sets for the next one.
extern bool separate_tables;
void print_table(const struct table *t);
struct ovsdb_schema *client_read_schema_file(const char *path);

// ---- ovsdb-client-connect.c ----
// 'remotes' is one server, or several separated by commas: the first one, in random order, that accept(c, aux) takes (NULL:
// any) becomes c->server. A passive name waits for a server to connect. Fatal when there is none.
void client_open(struct client *c, const char *remotes, bool (*accept)(struct client *c, void *aux),
		 void *aux);
void client_close(struct client *c);
// Is this server one to ask about c->database: part of its cluster and, with leader_only, its leader?
bool client_server_is_fit(struct client *c);
// Column "model" of the server's row about database 'name': "clustered", "standalone"...; NULL when it has none.
char *client_database_model(struct client *c, const char *name);

// ---- ovsdb-client-serve.c ----
// Tells a waiting parent process that all is well, opens the control socket of a detached client with 'commands' (and exit),
// and runs until it is told to stop; never returns.
NORETURN void client_serve(struct client *c, const struct appctl_command *commands, size_t n);
// Sends for 'caller', which is answered when the server has: 'answered', or its error.
void client_call_for(struct client *c, struct appctl_conn *caller, const char *method,
		     const struct strbuf *params,
		     void (*answered)(struct client *c, struct appctl_conn *caller));
void client_lock(struct client *c, int argc, char *argv[]);
void client_steal(struct client *c, int argc, char *argv[]);
void client_unlock(struct client *c, int argc, char *argv[]);

// ---- ovsdb-client-data.c ----
void client_dump(struct client *c, int argc, char *argv[]);
void client_backup(struct client *c, int argc, char *argv[]);
void client_wait(struct client *c, int argc, char *argv[]);

// ---- ovsdb-client-convert.c ----
void client_convert(struct client *c, int argc, char *argv[]);
void client_needs_conversion(struct client *c, int argc, char *argv[]);
void client_restore(struct client *c, int argc, char *argv[]);

// ---- ovsdb-client-monitor.c ----
extern bool change_aware;
void client_monitor(struct client *c, int argc, char *argv[]);
void client_monitor_cond(struct client *c, int argc, char *argv[]);
void client_monitor_cond_since(struct client *c, int argc, char *argv[]);
