// SPDX-License-Identifier: Apache-2.0
// Command lines that query and change a database. All commands of one command line are one transaction.
#include "utilities/db-ctl-private.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "core/io/appctl.h"
#include "core/io/stream.h"
#include "core/io/tls.h"

static const struct db_ctl *program;

// ---- Options ----

static struct {
	char *db;
	bool wait, dry_run, oneline, retry, leader_only, shuffle;
	unsigned int timeout; // seconds; 0: none
} opts = { .wait = true, .leader_only = true, .shuffle = true };

enum {
	OPT_DB = 256,
	OPT_ONELINE,
	OPT_NO_SYSLOG,
	OPT_NO_WAIT,
	OPT_DRY_RUN,
	OPT_RETRY,
	OPT_LEADER_ONLY,
	OPT_NO_LEADER_ONLY,
	OPT_SHUFFLE_REMOTES,
	OPT_NO_SHUFFLE_REMOTES,
	OPT_COMMANDS,
	OPT_OPTIONS,
	OPT_LOCAL // + index: an option of the first command
};

static const struct option global_options[] = {
	{ "db", required_argument, NULL, OPT_DB },
	{ "no-syslog", no_argument, NULL, OPT_NO_SYSLOG },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "oneline", no_argument, NULL, OPT_ONELINE },
	{ "timeout", required_argument, NULL, 't' },
	{ "retry", no_argument, NULL, OPT_RETRY },
	{ "leader-only", no_argument, NULL, OPT_LEADER_ONLY },
	{ "no-leader-only", no_argument, NULL, OPT_NO_LEADER_ONLY },
	{ "shuffle-remotes", no_argument, NULL, OPT_SHUFFLE_REMOTES },
	{ "no-shuffle-remotes", no_argument, NULL, OPT_NO_SHUFFLE_REMOTES },
	{ "help", no_argument, NULL, 'h' },
	{ "commands", no_argument, NULL, OPT_COMMANDS },
	{ "options", no_argument, NULL, OPT_OPTIONS },
	{ "version", no_argument, NULL, 'V' },
	TLS_LONG_OPTIONS LOG_LONG_OPTIONS,
	TABLE_LONG_OPTIONS,
};

#define SHORT_OPTIONS "hVt:v::f:d:" TLS_SHORT_OPTIONS

// Does 'class' have the option? *ret_arg: it takes a value.
static bool class_has_option(const struct command_class *class, const char *name, bool *ret_arg)
{
	size_t len = strlen(name);
	const char *p = class->options;

	while (*p) {
		size_t n = strcspn(p, ",");
		bool arg = p[n - 1] == '=';

		if (n - arg == len && !memcmp(p, name, len)) {
			*ret_arg = arg;
			return true;
		}
		p += n + (p[n] == ',');
	}
	return false;
}

struct local_option {
	char *name;
	bool arg;
};
typedef VEC(struct local_option) local_vec;

static void add_local(local_vec *locals, const char *p, size_t n)
{
	bool arg = p[n - 1] == '=';
	struct local_option *l;

	VEC_FOR_EACH (l, locals)
		if (strlen(l->name) == n - arg && !memcmp(l->name, p, n - arg))
			return;
	*VEC_PUSH_UNINIT(locals) = (struct local_option){ xstrndup(p, n - arg), arg };
}

// Every option of any command: before the first command they may stand among the global ones.
static void collect_locals(local_vec *locals)
{
	FOR_EACH_CLASS(k, program)
	for (const char *p = k->options; *p;) {
		size_t n = strcspn(p, ",");

		add_local(locals, p, n);
		p += n + (p[n] == ',');
	}
}

static void set_timeout(const char *arg)
{
	uint32_t v;

	if (!parse_u32(arg, 10, &v) || !v)
		fatal(0, "value %s on -t or --timeout is invalid", arg);
	opts.timeout = v;
}

static void silence_syslog(void)
{
	AUTO_FREE char *spec = xasprintf("%s:syslog:warn", program->log->name);
	struct error err = ERROR_INIT;

	log_set(spec, &err);
}

static void handle_option(int c, struct run *r)
{
	switch (c) {
	case OPT_DB:
		free(opts.db);
		opts.db = xstrdup(optarg);
		break;
	case OPT_ONELINE:
		opts.oneline = true;
		break;
	case OPT_NO_SYSLOG:
		silence_syslog();
		break;
	case OPT_NO_WAIT:
		if (!program->waits_for)
			fatal(0, "--no-wait: there is no daemon to wait for");
		opts.wait = false;
		break;
	case OPT_DRY_RUN:
		opts.dry_run = true;
		break;
	case OPT_RETRY:
		opts.retry = true;
		break;
	case OPT_LEADER_ONLY:
	case OPT_NO_LEADER_ONLY:
		opts.leader_only = c == OPT_LEADER_ONLY;
		break;
	case OPT_SHUFFLE_REMOTES:
	case OPT_NO_SHUFFLE_REMOTES:
		opts.shuffle = c == OPT_SHUFFLE_REMOTES;
		break;
	case 't':
		set_timeout(optarg);
		break;
	case 'h':
		help_print_usage(program);
		exit(0);
	case OPT_COMMANDS:
		help_print_commands(program);
		exit(0);
	case OPT_OPTIONS:
		help_print_options(global_options, ARRAY_SIZE(global_options), SHORT_OPTIONS);
		exit(0);
	case 'V':
		print_version(idl_class_version(program->class));
		exit(0);
	default:
		if (!log_handle_option(c, optarg) && !tls_handle_option(c, optarg) &&
		    !table_handle_option(&r->style, c, optarg))
			exit(1);
	}
}

// Reads global options; those of the first command that stand among them go to 'first'.
static void parse_options(int argc, char *argv[], struct run *r, struct smap *first)
{
	size_t n_global = ARRAY_SIZE(global_options);
	local_vec locals = VEC_INIT;
	struct option *all;
	int c;

	collect_locals(&locals);
	all = xcalloc(n_global + locals.n + 1, sizeof(*all));
	memcpy(all, global_options, sizeof(global_options));
	for (size_t i = 0; i < locals.n; i++)
		all[n_global + i] =
			(struct option){ locals.v[i].name + 2,
					 locals.v[i].arg ? required_argument : no_argument, NULL,
					 OPT_LOCAL + (int)i };
	while ((c = getopt_long(argc, argv, "+" SHORT_OPTIONS, all, NULL)) != -1) {
		if (c >= OPT_LOCAL && c < OPT_LOCAL + (int)locals.n) {
			const char *name = locals.v[c - OPT_LOCAL].name;

			// Given twice: the first one counts.
			if (!smap_get(first, name))
				smap_set(first, name, optarg ? optarg : "");
		} else {
			handle_option(c, r);
		}
	}
	for (size_t i = 0; i < locals.n; i++)
		free(locals.v[i].name);
	VEC_FREE(&locals);
	free(all);
}

// ---- Commands ----

static const struct command_class *find_class(const char *name)
{
	FOR_EACH_CLASS(k, program)
	if (!strcmp(k->name, name))
		return k;
	return NULL;
}

// A lone "--id" that should have had a value.
static void check_value_given(const char *name, int argc, char **argv)
{
	const struct command_class *class;
	bool arg;

	while (argc && **argv == '-') {
		argv++;
		argc--;
	}
	class = argc ? find_class(*argv) : NULL;
	if (class && class_has_option(class, name, &arg) && arg)
		fatal(0, "missing argument to '%s' option on '%s' command", name, class->name);
}

static void parse_local_options(struct command *c, int *argc, char ***argv)
{
	while (*argc && ***argv == '-') {
		char *opt = **argv, *eq = strchr(opt, '=');
		AUTO_FREE char *name = eq ? xstrndup(opt, eq - opt) : xstrdup(opt);

		if (smap_get(&c->options, name))
			fatal(0, "'%s' option specified multiple times", name);
		if (!eq)
			check_value_given(name, *argc, *argv);
		smap_set(&c->options, name, eq ? eq + 1 : "");
		++*argv;
		--*argc;
	}
}

static void check_options(const struct command *c)
{
	struct smap_node *node;

	SMAP_FOR_EACH (node, &c->options) {
		bool arg = false;

		if (!class_has_option(c->class, node->key, &arg))
			fatal(0, "'%s' command has no '%s' option", c->class->name, node->key);
		if (!arg && *node->value)
			fatal(0, "'%s' option on '%s' does not accept an argument", node->key,
			      c->class->name);
	}
}

static void parse_command(struct command *c, struct run *r, int argc, char **argv)
{
	c->run = r;
	parse_local_options(c, &argc, &argv);
	if (!argc)
		fatal(0, "missing command name (use --help for help)");
	c->class = find_class(argv[0]);
	if (!c->class)
		fatal(0, "unknown command '%s'; use --help for help", argv[0]);
	check_options(c);
	if (argc - 1 < c->class->min_args)
		fatal(0, "'%s' command requires at least %d arguments", argv[0],
		      c->class->min_args);
	if (c->class->max_args >= 0 && argc - 1 > c->class->max_args)
		fatal(0, "'%s' command takes at most %d arguments%s", argv[0], c->class->max_args,
		      *argv[argc - 1] == '-' ? " (note that options must precede command names and "
					       "follow a \"--\" argument)"
					     : "");
	c->argc = argc;
	c->argv = argv;
}

typedef VEC(struct command) command_vec;

static void parse_commands(command_vec *commands, struct run *r, int argc, char **argv,
			   struct smap *first)
{
	int start = 0;

	// Room for all of them at once: maps inside of commands must not move.
	commands->v = xcalloc(argc + 1, sizeof(*commands->v));
	commands->cap = argc + 1;
	for (int i = 0; i <= argc; i++) {
		struct command *c;

		if (i < argc && strcmp(argv[i], "--") != 0)
			continue;
		if (i > start || (commands->n == 0 && i == argc)) {
			c = VEC_PUSH_UNINIT(commands);
			memset(c, 0, sizeof(*c));
			if (commands->n == 1)
				smap_clone(&c->options, first);
			else
				smap_init(&c->options);
			parse_command(c, r, i - start, argv + start);
		}
		start = i + 1;
	}
}

// ---- One attempt ----

static bool lookup_symbol(struct ovsdb_symbols *s, const char *name, struct uuid *ret)
{
	struct symbol *sym = db_symbol(CONTAINER_OF(s, struct run, symbols), name);

	sym->referenced = true;
	*ret = sym->uuid;
	return true;
}

static void check_symbols(struct run *r)
{
	struct strmap_node *node;

	STRMAP_FOR_EACH (node, &r->names) {
		const struct symbol *sym = node->data;

		if (!sym->created)
			fatal(0,
			      "row id \"%s\" is referenced but never created (e.g. with \"-- "
			      "--id=%s "
			      "create ...\")",
			      node->name, node->name);
		if (!sym->referenced)
			log_write(r->program->log, LEVEL_WARN,
				  "row id \"%s\" was created but no reference to it was inserted, "
				  "so it will not actually appear in the database",
				  node->name);
	}
}

void run_forget_model(struct run *r)
{
	if (r->model)
		program->free_model(r->model);
	r->model = NULL;
}

void need_columns(struct command *c, const char *table, const char *const *columns)
{
	for (; *columns; columns++)
		idl_add_column(c->run->idl, table, *columns, IDL_ALERT);
}

static void reset_attempt(struct run *r, command_vec *commands)
{
	struct strmap_node *node;
	struct command *c;

	run_forget_model(r);
	STRMAP_FOR_EACH (node, &r->names)
		free(node->data);
	strmap_clear(&r->names);
	strset_uninit(&r->added);
	strset_init(&r->added);
	r->try_again = false;
	VEC_FOR_EACH (c, commands) {
		strbuf_clear(&c->output);
		table_destroy(c->table);
		c->table = NULL;
	}
}

static void add_comment(struct run *r, int argc, char *argv[])
{
	AUTO(strbuf) text = STRBUF_INIT;

	for (int i = 0; i < argc; i++)
		strbuf_printf(&text, "%s%s", i ? " " : "", argv[i]);
	idl_txn_comment(r->txn, "%s: %s", program_name, text.s);
}

static bool any_modifies(const command_vec *commands)
{
	const struct command *c;

	VEC_FOR_EACH (c, commands)
		if (c->class->modifies)
			return true;
	return false;
}

static void find_root(struct run *r)
{
	struct idl_table *t = idl_table(r->idl, program->root);

	r->root = idl_first(t);
	// Even to read, commands want to look at the one row; it is only written when something else is.
	if (!r->root)
		r->root = idl_insert(r->txn, t, NULL);
}

static void print_output(const struct command *c, const struct run *r)
{
	AUTO(strbuf) out = STRBUF_INIT;

	strbuf_puts(&out, strbuf_cstr(&c->output));
	if (opts.oneline) {
		strbuf_chomp(&out, '\n');
		for (const char *p = strbuf_cstr(&out); *p; p++) {
			if (*p == '\n')
				fputs("\\n", stdout);
			else if (*p == '\\')
				fputs("\\\\", stdout);
			else
				putchar(*p);
		}
		if (!c->table)
			putchar('\n');
		strbuf_clear(&out);
	}
	if (c->table)
		table_format(c->table, &r->style, true, &out);
	fputs(strbuf_cstr(&out), stdout);
}

NORETURN static void connection_failed(const struct idl *idl)
{
	const char *why = idl_last_error(idl);
	size_t n = strlen(opts.db);

	if (!why)
		why = "connection lost";
	// The reason may begin with the name that stands here already.
	if (str_starts(why, opts.db) && str_starts(why + n, ": "))
		why += n + 2;
	fatal(0, "%s: database connection failed (%s)", opts.db, why);
}

static void wait_for_switch(struct run *r, struct loop *l, int64_t next_cfg)
{
	for (;;) {
		const struct idl_row *root = idl_first(idl_table(r->idl, program->root));

		if (root && db_value(root, "cur_cfg")->keys[0].integer >= next_cfg)
			break;
		if (idl_is_dead(r->idl))
			connection_failed(r->idl);
		loop_step(l, -1);
	}
	if (program->report)
		program->report(r);
}

static void finish(struct run *r, struct loop *l, command_vec *commands, enum idl_status status,
		   bool wait)
{
	int64_t next_cfg = idl_txn_increment_value(r->txn);
	struct command *c;

	VEC_FOR_EACH (c, commands)
		if (c->class->after)
			c->class->after(c);
	VEC_FOR_EACH (c, commands)
		print_output(c, r);
	fflush(stdout);
	idl_txn_destroy(r->txn);
	r->txn = NULL;
	if (wait && status == IDL_SUCCESS && !opts.dry_run)
		wait_for_switch(r, l, next_cfg);
}

// True when the work is done; false: again, once the database has changed.
static bool attempt(struct run *r, struct loop *l, command_vec *commands, int argc, char *argv[])
{
	bool modifies = any_modifies(commands), wait = opts.wait && program->waits_for && modifies;
	enum idl_status status;
	struct command *c;

	r->txn = idl_txn_create(r->idl);
	if (opts.dry_run)
		idl_txn_set_dry_run(r->txn);
	add_comment(r, argc, argv);
	find_root(r);
	if (wait && !idl_row_is_new(r->root))
		idl_txn_increment(r->txn, r->root, "next_cfg", false);
	VEC_FOR_EACH (c, commands) {
		c->class->run(c);
		if (r->try_again)
			break;
	}
	if (r->try_again) {
		idl_txn_destroy(r->txn);
		r->txn = NULL;
		reset_attempt(r, commands);
		return false;
	}
	check_symbols(r);
	run_forget_model(r);
	if (!modifies) {
		idl_txn_abort(r->txn);
		status = IDL_UNCHANGED;
	} else {
		bool new_row = idl_row_is_new(r->root);

		status = idl_txn_commit_block(r->txn);
		wait = wait && !new_row;
	}
	switch (status) {
	case IDL_SUCCESS:
	case IDL_UNCHANGED:
		finish(r, l, commands, status, wait);
		return true;
	case IDL_TRY_AGAIN:
		idl_txn_destroy(r->txn);
		r->txn = NULL;
		reset_attempt(r, commands);
		return false;
	default:
		fatal(0, "transaction error: %s", idl_txn_error(r->txn));
	}
}

static void run_commands(struct run *r, struct loop *l, command_vec *commands, int argc,
			 char *argv[])
{
	uint64_t seqno = 0;

	for (;;) {
		if (idl_is_dead(r->idl))
			connection_failed(r->idl);
		if (idl_has_content(r->idl) && idl_seqno(r->idl) != seqno) {
			seqno = idl_seqno(r->idl);
			if (attempt(r, l, commands, argc, argv))
				return;
			continue;
		}
		loop_step(l, -1);
	}
}

// ---- Start ----

// The default action for SIGALRM ends the program, and the exit status says so.
static void start_timeout(void)
{
	const char *env = getenv("OVS_CTL_TIMEOUT");

	if (!opts.timeout && env && *env)
		set_timeout(env);
	if (opts.timeout) {
		signal(SIGALRM, SIG_DFL);
		alarm(opts.timeout);
	}
}

static void log_call(int argc, char *argv[])
{
	AUTO(strbuf) text = STRBUF_INIT;

	strbuf_puts(&text, "Called as ");
	for (int i = 0; i < argc; i++)
		strbuf_printf(&text, "%s%s", i ? " " : "", argv[i]);
	log_write(program->log, LEVEL_INFO, "%s", text.s);
}

static void free_commands(command_vec *commands)
{
	struct command *c;

	VEC_FOR_EACH (c, commands) {
		smap_uninit(&c->options);
		strbuf_uninit(&c->output);
		table_destroy(c->table);
	}
	VEC_FREE(commands);
}

static void need_root(struct run *r)
{
	idl_add_table(r->idl, program->root);
	if (!program->waits_for)
		return;
	idl_add_column(r->idl, program->root, "cur_cfg", IDL_ALERT);
	idl_add_column(r->idl, program->root, "next_cfg", 0);
}

int db_ctl_main(const struct db_ctl *p, int argc, char *argv[])
{
	struct run r = { .symbols.lookup = lookup_symbol,
			 .program = p,
			 .style = TABLE_STYLE_DEFAULT(TABLE_LIST) };
	command_vec commands = VEC_INIT;
	struct error err = ERROR_INIT;
	struct command *c;
	struct smap first;
	struct loop *l;

	program = p;
	program_init(argv[0]);
	log_set("console:warn", &err);
	log_set("jsonrpc:syslog:warn", &err);
	smap_init(&first);
	strmap_init(&r.names);
	strset_init(&r.added);
	parse_options(argc, argv, &r, &first);
	parse_commands(&commands, &r, argc - optind, argv + optind, &first);
	start_timeout();
	if (!opts.db)
		opts.db = xasprintf("unix:%s/db.sock", dir_run());
	if (any_modifies(&commands))
		log_call(argc, argv);
	l = loop_create();
	r.idl = idl_create(l, opts.db, program->class, opts.retry);
	idl_set_leader_only(r.idl, opts.leader_only);
	idl_set_shuffle(r.idl, opts.shuffle);
	need_root(&r);
	VEC_FOR_EACH (c, &commands)
		c->class->prerequisites(c);
	idl_start(r.idl);
	run_commands(&r, l, &commands, argc, argv);
	free_commands(&commands);
	smap_uninit(&first);
	strmap_uninit_free(&r.names);
	strset_uninit(&r.added);
	idl_destroy(r.idl);
	loop_destroy(l);
	free(opts.db);
	return 0;
}
