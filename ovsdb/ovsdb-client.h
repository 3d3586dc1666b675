// SPDX-License-Identifier: Apache-2.0
// Inside of ovsdb-client: the connection, and the commands that have files of their own.
#pragma once

#include <unistd.h>

#include "core/io/jsonrpc.h"
#include "ovsdb/schema.h"
#include "ovsdb/table.h"

struct client {
	struct loop *loop;
	struct jsonrpc *rpc;
	const char *server, *database;
	struct ovsdb_schema *schema;
	uint64_t next_id;
	bool waiting, failed;
	struct strbuf reply; // result or error of the last request
	void (*notify)(struct client *c, const struct jsonrpc_message *m);
	void *aux; // of the command
};

extern struct table_style style;
extern bool print_timestamps;

// Sends and waits; the answer is c->reply. False when it is an error.
bool client_try(struct client *c, const char *method, const struct strbuf *params);
// As above; fatal on error.
void client_call(struct client *c, const char *method, const struct strbuf *params);
void client_get_schema(struct client *c);
const struct ovsdb_table_schema *client_table(const struct client *c, const char *name);
void print_json(const char *text, size_t n);
// Tables after the first one are set off by a blank line.
void print_table(const struct table *t);

// ---- ovsdb-client-data.c ----
void client_dump(struct client *c, int argc, char *argv[]);
void client_backup(struct client *c, int argc, char *argv[]);
void client_wait(struct client *c, int argc, char *argv[]);

// ---- ovsdb-client-monitor.c ----
void client_monitor(struct client *c, int argc, char *argv[]);
void client_monitor_cond(struct client *c, int argc, char *argv[]);
