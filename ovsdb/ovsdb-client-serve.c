// SPDX-License-Identifier: Apache-2.0
// ovsdb-client: commands that go on until they are stopped, and how a detached one is controlled (ovs-appctl).
#include "ovsdb/ovsdb-client.h"

#include <stdio.h>

#include "core/io/daemon.h"

static void stop(void *c_)
{
	((struct client *)c_)->stop = true;
}

static void cmd_exit(struct appctl_conn *conn, int argc, const char *const argv[], void *c)
{
	stop(c);
	appctl_reply(conn, NULL);
}

static const struct appctl_command exit_command[] = { { "exit", "", 0, 0, cmd_exit } };

static void open_control(struct client *c, const struct appctl_command *commands, size_t n)
{
	struct error err = ERROR_INIT;

	if (appctl_server_start(c->loop, NULL, &err))
		fatal(0, "%s", err.text);
	appctl_register(exit_command, ARRAY_SIZE(exit_command), c);
	appctl_register(commands, n, c);
	daemon_on_signal(c->loop, stop, NULL, c);
}

void client_serve(struct client *c, const struct appctl_command *commands, size_t n)
{
	fflush(stdout);
	daemon_keep_output();
	if (daemon_is_detached())
		open_control(c, commands, n);
	daemon_ready();
	while (!c->stop)
		loop_step(c->loop, -1);
	loop_step(c->loop, 0); // the answer to "exit" goes out
	appctl_server_stop();
	client_close(c);
	exit(0);
}

void client_call_for(struct client *c, struct appctl_conn *caller, const char *method,
		     const struct strbuf *params,
		     void (*answered)(struct client *c, struct appctl_conn *caller))
{
	if (c->caller) {
		appctl_reply_error(caller, "another command waits for the server");
		return;
	}
	c->caller = caller;
	c->answered = answered;
	jsonrpc_send_request(c->rpc, method, params, ++c->next_id);
}

// ---- lock, steal, unlock ----

static void print_lock_event(struct client *c, const struct jsonrpc_message *m)
{
	printf("%s\n%.*s\n", m->method, (int)m->params.n, m->params.p);
	fflush(stdout);
}

static void put_lock(struct strbuf *params, const char *lock)
{
	strbuf_putc(params, '[');
	json_put_string(params, lock, strlen(lock));
	strbuf_putc(params, ']');
}

static void lock_answered(struct client *c, struct appctl_conn *caller)
{
	print_json(c->reply.s, c->reply.len);
	fflush(stdout);
	appctl_reply(caller, NULL);
}

// The command's name is the method.
static void control_lock(struct appctl_conn *conn, int argc, const char *const argv[], void *c)
{
	AUTO(strbuf) params = STRBUF_INIT;

	put_lock(&params, argv[1]);
	client_call_for(c, conn, argv[0], &params, lock_answered);
}

static const struct appctl_command lock_commands[] = {
	{ "lock", "LOCK", 1, 1, control_lock },
	{ "steal", "LOCK", 1, 1, control_lock },
	{ "unlock", "LOCK", 1, 1, control_lock },
};

NORETURN static void do_lock(struct client *c, const char *method, const char *lock)
{
	AUTO(strbuf) params = STRBUF_INIT;

	put_lock(&params, lock);
	c->notify = print_lock_event;
	client_call(c, method, &params);
	print_json(c->reply.s, c->reply.len);
	client_serve(c, lock_commands, ARRAY_SIZE(lock_commands));
}

void client_lock(struct client *c, int argc, char *argv[])
{
	do_lock(c, "lock", argv[0]);
}

void client_steal(struct client *c, int argc, char *argv[])
{
	do_lock(c, "steal", argv[0]);
}

void client_unlock(struct client *c, int argc, char *argv[])
{
	do_lock(c, "unlock", argv[0]);
}
