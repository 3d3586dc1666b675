// SPDX-License-Identifier: Apache-2.0
// JSON-RPC 1.0 messages as OVSDB (RFC 7047 section 4) and the appctl socket use them, over a stream, and
// sessions that reconnect by themselves.
#pragma once

#include "core/io/json.h"
#include "core/io/stream.h"

enum jsonrpc_type { JSONRPC_REQUEST, JSONRPC_NOTIFY, JSONRPC_REPLY, JSONRPC_ERROR };

// Spans point into the received text, valid during the callback.
struct jsonrpc_message {
	enum jsonrpc_type type;
	char method[128]; // request, notify
	struct json_span params; // request, notify: an array
	struct json_span result, error; // reply, error
	struct json_span id; // request, reply, error
};

struct jsonrpc;

struct jsonrpc_events {
	void (*message)(void *aux, const struct jsonrpc_message *m);
	// At most once; 'reason' is a text for the log. The owner then calls jsonrpc_close().
	void (*closed)(void *aux, int err, const char *reason);
};

// Takes 's' over. Input that is not JSON-RPC, or a message larger than 'max_message' bytes (0: 1 GiB), closes it.
struct jsonrpc *jsonrpc_create(struct stream *s, size_t max_message,
			       const struct jsonrpc_events *events, void *aux);
void jsonrpc_close(struct jsonrpc *rpc);
void jsonrpc_set_max_message(struct jsonrpc *rpc, size_t max);
// Sends what has been queued before it closes.
void jsonrpc_close_after_flush(struct jsonrpc *rpc);
// 'params' is JSON text of an array; 'id' JSON text. All copied.
void jsonrpc_send_request(struct jsonrpc *rpc, const char *method, const struct strbuf *params,
			  uint64_t id);
void jsonrpc_send_notify(struct jsonrpc *rpc, const char *method, const struct strbuf *params);
void jsonrpc_send_reply(struct jsonrpc *rpc, const char *result, size_t n, struct json_span id);
void jsonrpc_send_error(struct jsonrpc *rpc, const char *error, size_t n, struct json_span id);
// stream_peer_id().
const char *jsonrpc_peer_id(const struct jsonrpc *rpc);
// A reply whose result is 'before', then 'text', then 'after'.
void jsonrpc_send_reply_shared(struct jsonrpc *rpc, struct json_span id, const char *before,
			       struct shared_text *text, const char *after);
// No requests are taken until 'held' is false again; then they come from the loop.
void jsonrpc_hold(struct jsonrpc *rpc, bool held);
// While more than that waits to be sent, no requests are taken: a peer that does not read its answers gets no more of them. 0: no
// limit.
void jsonrpc_set_output_budget(struct jsonrpc *rpc, size_t bytes);
// stream_cork().
void jsonrpc_cork(struct jsonrpc *rpc, bool corked);
// A notification whose whole text is 'text'.
void jsonrpc_send_text(struct jsonrpc *rpc, const struct strbuf *text);
void jsonrpc_format_notify(struct strbuf *text, const char *method, const struct strbuf *params);
size_t jsonrpc_backlog(const struct jsonrpc *rpc);
const char *jsonrpc_name(const struct jsonrpc *rpc);
// clock_msec() of the last byte received, or of the last time the peer took something that had waited; now while it is held.
int64_t jsonrpc_last_activity(const struct jsonrpc *rpc);

// A client session: connects, and after a loss connects again with back-off (1 s doubling to max_backoff). Probes an
// idle peer with "echo" after the probe interval and drops it when that long again passes in silence. Answers
// "echo" requests and hides echo replies from the owner.
struct jsonrpc_session;

struct jsonrpc_session_events {
	void (*connected)(void *aux);
	void (*disconnected)(void *aux);
	void (*message)(void *aux, const struct jsonrpc_message *m);
};

// 'remotes': one or more names separated by commas, tried in turn; a passive one waits for the peer to connect. 'retry' false: one attempt with each, then dead.
struct jsonrpc_session *jsonrpc_session_open(struct loop *l, const char *remotes, bool retry,
					     const struct jsonrpc_session_events *events,
					     void *aux);
// Serves an accepted stream: never reconnects.
struct jsonrpc_session *jsonrpc_session_accept(struct loop *l, struct stream *s,
					       const struct jsonrpc_session_events *events,
					       void *aux);
void jsonrpc_session_close(struct jsonrpc_session *s);
bool jsonrpc_session_is_connected(const struct jsonrpc_session *s);
// No connection, and none will be tried.
bool jsonrpc_session_is_dead(const struct jsonrpc_session *s);
// The connection now in use, or NULL.
struct jsonrpc *jsonrpc_session_rpc(struct jsonrpc_session *s);
// Milliseconds; 0 turns probing off. Default 5000.
void jsonrpc_session_set_probe_interval(struct jsonrpc_session *s, int msec);
void jsonrpc_session_set_max_backoff(struct jsonrpc_session *s, int msec);
// 0..63 for connections from now on, -1: the system's.
void jsonrpc_session_set_dscp(struct jsonrpc_session *s, int dscp);
// The largest message taken from the peer, in bytes (0: 1 GiB); more closes the connection.
void jsonrpc_session_set_max_message(struct jsonrpc_session *s, size_t max);
// stream_peer_id() of the connection, NULL without one.
const char *jsonrpc_session_peer_id(const struct jsonrpc_session *s);
// jsonrpc_hold() of this connection.
void jsonrpc_session_hold(struct jsonrpc_session *s, bool held);
void jsonrpc_session_set_output_budget(struct jsonrpc_session *s, size_t bytes);
void jsonrpc_session_force_reconnect(struct jsonrpc_session *s);
// Closes the connection because this peer is not one to talk to: 'reason' goes to the log. On to the next remote; a session that
// does not retry is dead when all were rejected or could not be reached. Peers that are rejected again and again are asked with back-off.
void jsonrpc_session_reject(struct jsonrpc_session *s, const char *reason);
// Names from now on. The connection stays where it goes to one of them; else the first is tried at once.
void jsonrpc_session_set_remotes(struct jsonrpc_session *s, const char *remotes);
size_t jsonrpc_session_n_remotes(const struct jsonrpc_session *s);
// For status columns: "ACTIVE", "BACKOFF", "CONNECTING", "IDLE", "VOID"; and seconds since (dis)connect, -1 never.
const char *jsonrpc_session_state(const struct jsonrpc_session *s);
int64_t jsonrpc_session_sec_connected(const struct jsonrpc_session *s);
int64_t jsonrpc_session_sec_disconnected(const struct jsonrpc_session *s);
const char *jsonrpc_session_last_error(const struct jsonrpc_session *s);
const char *jsonrpc_session_name(const struct jsonrpc_session *s);
