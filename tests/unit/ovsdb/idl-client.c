// SPDX-License-Identifier: Apache-2.0
// A replica of database Idltest that tests drive: idl-client REMOTES [leader-only] [shuffle] [once] [cluster=UUID]
//
// It takes commands from standard input, a line each, and answers each with one line. Meanwhile the replica lives on.
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "tests/unit/ovsdb/idl-client-idl.h"

static struct loop *loop;
static struct idl *idl;
static struct idl_index *by_name;

static const struct idltest_entry *find(const char *name)
{
	struct idl_probe *probe = idl_probe_create(by_name);
	const struct idltest_entry *e;

	idltest_entry_probe_name(probe, name);
	e = idltest_entry_index_find(probe);
	idl_probe_destroy(probe);
	return e;
}

static void step_until(bool (*holds)(const struct idl *idl))
{
	while (!holds(idl) && !idl_is_dead(idl))
		loop_step(loop, -1);
	if (holds(idl))
		printf("ok\n");
	else
		printf("dead: %s\n", idl_last_error(idl));
}

// ---- Commands ----

static void do_sync(char *arg)
{
	step_until(idl_is_up_to_date);
}

static void do_remotes(char *arg)
{
	idl_set_remotes(idl, arg);
	printf("ok\n");
}

static void do_leader_only(char *arg)
{
	idl_set_leader_only(idl, true);
	printf("ok\n");
}

static void do_server(char *arg)
{
	struct idl_server s;

	if (!idl_server(idl, &s))
		printf("none %s\n", idl_is_connected(idl) ? "connected" : "disconnected");
	else
		printf("%s %s %s %s %lld " UUID_FMT " " UUID_FMT "\n", s.remote, s.model,
		       s.connected ? "connected" : "alone", s.leader ? "leader" : "follower",
		       (long long)s.index, UUID_ARGS(&s.cluster), UUID_ARGS(&s.server));
}

static void do_list(char *arg)
{
	const struct idltest_entry *e;

	IDLTEST_ENTRY_FOR_EACH_INDEXED(e, by_name)
	printf("%s=%lld ", e->name, (long long)e->value);
	printf("\n");
}

static void do_count(char *arg)
{
	printf("%zu\n", idl_table_count(idl_table(idl, "Entry")));
}

static void do_columns(char *arg)
{
	for (unsigned int i = 0; i < IDLTEST_ENTRY_N_COLUMNS; i++)
		if (idltest_entry_server_has_column(idl, i))
			printf("%s ", idl_table_schema(idl_table(idl, "Entry"))
					      ->columns[OVSDB_COL_FIRST + i]
					      ->name);
	printf("\n");
}

// What has changed since the last time: +new -deleted *changed, in order of names within each kind.
static void do_tracked(char *arg)
{
	const struct idltest_entry *e;

	IDLTEST_ENTRY_FOR_EACH_TRACKED(e, idl)
	printf("%c%s=%lld ",
	       idltest_entry_track_is_deleted(e) ? '-'
	       : idltest_entry_track_is_new(e)	 ? '+'
						 : '*',
	       e->name, (long long)e->value);
	printf("\n");
	idl_track_clear(idl);
}

static void do_wait_for(char *arg)
{
	char *save = NULL, *name = strtok_r(arg, "=", &save), *value = strtok_r(NULL, "", &save);
	const struct idltest_entry *e;

	while (!(e = find(name)) || (value && e->value != strtoll(value, NULL, 10)))
		loop_step(loop, -1);
	printf("ok\n");
}

static void do_wait_gone(char *arg)
{
	while (find(arg))
		loop_step(loop, -1);
	printf("ok\n");
}

static void do_wait_error(char *arg)
{
	while (!idl_last_error(idl))
		loop_step(loop, -1);
	printf("%s\n", idl_last_error(idl));
}

static void do_condition(char *arg)
{
	struct idl_condition c;
	uint64_t seqno;

	idltest_entry_condition_init(&c, idl);
	for (char *save = NULL, *s = strtok_r(arg, " ", &save); s; s = strtok_r(NULL, " ", &save))
		idltest_entry_condition_add_name(&c, OVSDB_F_EQ, s);
	seqno = idl_set_condition(&c);
	idl_condition_uninit(&c);
	while (idl_condition_seqno(idl) < seqno)
		loop_step(loop, -1);
	printf("ok\n");
}

static void commit(struct idl_txn *txn)
{
	enum idl_status status = idl_txn_commit_block(txn);

	printf("%s%s%s\n", idl_status_name(status), status == IDL_ERROR ? ": " : "",
	       status == IDL_ERROR ? idl_txn_error(txn) : "");
	idl_txn_destroy(txn);
}

static void do_insert(char *arg)
{
	struct idl_txn *txn = idl_txn_create(idl);
	struct idltest_entry *e = idltest_entry_insert(txn);

	idltest_entry_set_name(e, arg);
	commit(txn);
}

static void do_tag(char *arg)
{
	char *save = NULL, *name = strtok_r(arg, " ", &save);
	struct idl_txn *txn = idl_txn_create(idl);

	idltest_entry_update_tags_addvalue(find(name), strtok_r(NULL, "", &save));
	commit(txn);
}

// One more, of what it is here: a repetition of the same transaction would be refused.
static void do_count_up(char *arg)
{
	struct idl_txn *txn = idl_txn_create(idl);
	const struct idltest_entry *e = find(arg);

	if (e) {
		idltest_entry_verify(e, IDLTEST_ENTRY_COL_VALUE);
		idltest_entry_set_value(e, e->value + 1);
	}
	commit(txn);
}

static const struct {
	const char *name;
	void (*run)(char *arg);
} commands[] = {
	{ "sync", do_sync },
	{ "remotes", do_remotes },
	{ "leader-only", do_leader_only },
	{ "server", do_server },
	{ "list", do_list },
	{ "count", do_count },
	{ "columns", do_columns },
	{ "tracked", do_tracked },
	{ "wait-for", do_wait_for },
	{ "wait-gone", do_wait_gone },
	{ "wait-error", do_wait_error },
	{ "condition", do_condition },
	{ "insert", do_insert },
	{ "tag", do_tag },
	{ "count-up", do_count_up },
};

static void run_command(char *line)
{
	char *save = NULL, *name = strtok_r(line, " ", &save), *arg = strtok_r(NULL, "", &save);
	static char none[] = "";

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (name && !strcmp(commands[i].name, name)) {
			commands[i].run(arg ? arg : none);
			fflush(stdout);
			return;
		}
	fatal(0, "unknown command %s", name);
}

// ---- Input ----

static struct strbuf input;
static bool at_end;

static void on_input(struct io_watch *w, int events)
{
	char buf[4096];
	ssize_t n = read(w->fd, buf, sizeof(buf));

	if (n > 0)
		strbuf_put(&input, buf, n);
	else
		at_end = true;
}

static void run_commands(void)
{
	char *newline;

	while (input.len && (newline = memchr(input.s, '\n', input.len))) {
		size_t n = newline - input.s;
		AUTO_FREE char *line = xstrndup(input.s, n);

		memmove(input.s, input.s + n + 1, input.len - n - 1);
		strbuf_truncate(&input, input.len - n - 1);
		run_command(line);
	}
}

static void apply_option(const char *option)
{
	struct uuid uuid;

	if (!strcmp(option, "leader-only"))
		idl_set_leader_only(idl, true);
	else if (!strcmp(option, "shuffle"))
		idl_set_shuffle(idl, true);
	else if (str_starts(option, "cluster=") && uuid_parse(&uuid, option + strlen("cluster=")))
		idl_set_cluster(idl, &uuid);
	else if (strcmp(option, "once") != 0)
		fatal(0, "unknown option %s", option);
}

int main(int argc, char *argv[])
{
	static const struct idl_index_column name = { .name = "name" };
	struct io_watch in;
	bool once = false;

	program_init(argv[0]);
	log_set("syslog:off", NULL);
	if (argc < 2)
		fatal(0, "without remotes");
	for (int i = 2; i < argc; i++)
		once |= !strcmp(argv[i], "once");
	loop = loop_create();
	idl = idl_create(loop, argv[1], &idltest_class, !once);
	for (int i = 2; i < argc; i++)
		apply_option(argv[i]);
	idl_add_all_as(idl, IDL_ALERT | IDL_TRACK);
	by_name = idltest_entry_index_create(idl, &name, 1);
	idl_start(idl);
	io_watch_init(&in, loop, STDIN_FILENO, on_input);
	io_watch_set(&in, IO_READ);
	while (!at_end) {
		loop_step(loop, -1);
		run_commands();
	}
	io_watch_uninit(&in);
	strbuf_uninit(&input);
	idl_destroy(idl);
	loop_destroy(loop);
	return 0;
}
