// SPDX-License-Identifier: Apache-2.0
// Transactions on a database that follows another server's (relay service model): those that change something are the source's to run;
// its answers come back behind the updates that they have caused.
#pragma once

#include "core/io/jsonrpc.h"
#include "ovsdb/server.h"

struct relay;
struct served_db;

struct relay *relay_create(struct server *s, struct served_db *d);
// Accepts NULL. Who waits for an answer gets an error.
void relay_destroy(struct relay *r);
// True when it is on its way to the source, now or when that is there again, or has been refused. False: it is to be run here, since it
// changes nothing, or since its client may not change what it would, and is told so.
bool relay_forward(struct session *c, struct served_db *d, const struct jsonrpc_message *m);
// Told by the replica.
void relay_connected(struct served_db *d);
void relay_disconnected(struct served_db *d);
void relay_take_reply(struct served_db *d, const struct jsonrpc_message *m);
// The client is gone, or has taken back request 'id' (true: it was one of these).
void relay_forget_session(struct served_db *d, const struct session *c);
bool relay_cancel(struct served_db *d, struct session *c, struct json_span id);
