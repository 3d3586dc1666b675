// SPDX-License-Identifier: Apache-2.0
// The control socket that ovs-appctl talks to: JSON-RPC over a Unix socket, one command a request. Wire-compatible
// with other versions of ovs-appctl.
#pragma once

#include "core/base/strmap.h"
#include "core/io/jsonrpc.h"

enum appctl_format { APPCTL_TEXT, APPCTL_JSON };

struct appctl_conn; // one request waiting for its answer

// 'argv' is argv[0..argc-1] with argv[0] the command's name. Answers exactly once, now or later.
typedef void appctl_cb(struct appctl_conn *conn, int argc, const char *const argv[], void *aux);

// One row of a command table. 'usage' NULL hides it from list-commands.
struct appctl_command {
	const char *name, *usage;
	int min_args, max_args; // without the name; -1: any number
	appctl_cb *cb;
};

// Adds commands to this process; 'commands' must live on. Same name twice is a bug.
void appctl_register(const struct appctl_command *commands, size_t n, void *aux);
void appctl_unregister(const struct appctl_command *commands, size_t n);
// The text (a newline is added where it lacks one); consumes 'conn'.
void appctl_reply(struct appctl_conn *conn, const char *text);
void appctl_reply_error(struct appctl_conn *conn, const char *text);
void appctl_reply_errorf(struct appctl_conn *conn, const char *fmt, ...) PRINTF(2, 3);
// What the caller asked for with "-f json"; a command without a JSON form answers text in either case.
enum appctl_format appctl_format(const struct appctl_conn *conn);

// Listens on 'path' (NULL: RUNDIR/PROGRAM.PID.ctl; "none": nowhere). Also registers list-commands, version,
// vlog/*, coverage/*, memory/show and time/*.
int appctl_server_start(struct loop *l, const char *path, struct error *err);
void appctl_server_stop(void);
const char *appctl_server_path(void);

// memory/show: each provider appends "name:count" pairs.
void appctl_add_memory_report(void (*cb)(struct smap *usage, void *aux), void *aux);

// Client. Sends one command (after set-options when 'format', "json" or "text", is not NULL) and waits for the answer, 'timeout_msec' at most (-1: for ever). Returns 0 with *ret_text,
// 1 with *ret_text when the server answered with an error, negative errno when it could not be asked ('err' filled).
int appctl_call(const char *path, const char *format, int argc, const char *const argv[],
		int timeout_msec, char **ret_text, struct error *err);
// Where TARGET listens: a path as it is, else RUNDIR/TARGET.PID.ctl with the pid from RUNDIR/TARGET.pid.
int appctl_target_path(const char *target, char **ret_path, struct error *err);
// RUNDIR unless OVS_RUNDIR says otherwise; likewise LOGDIR, DBDIR, PKGDATADIR. Not freed.
const char *dir_run(void);
const char *dir_log(void);
const char *dir_db(void);
const char *dir_pkgdata(void);
