// SPDX-License-Identifier: Apache-2.0
// What a program that is a command line on a database says of itself: --help, --commands, --options.
#include <stdio.h>

#include "core/io/appctl.h"
#include "core/io/tls.h"
#include "utilities/db-ctl-private.h"

enum { TEXT_COLUMN = 30 };

const struct command_class *command_table(const struct db_ctl *program, size_t i)
{
	static const struct command_class *const common[] = { manager_commands, db_commands,
							      show_commands };
	size_t n = 0;

	while (program->commands[n])
		n++;
	if (i < n)
		return program->commands[i];
	return i - n < ARRAY_SIZE(common) ? common[i - n] : NULL;
}

// ---- Commands ----

// Each in brackets and with a blank behind it; 'value' stands for what it takes.
static void put_options(struct strbuf *s, const struct command_class *k, const char *value)
{
	for (const char *p = k->options; *p;) {
		size_t n = strcspn(p, ",");

		strbuf_printf(s, "[%.*s%s] ", (int)n, p, p[n - 1] == '=' ? value : "");
		p += n + (p[n] == ',');
	}
}

// "COLUMN?:KEY=VALUE" as "COLUMN[:KEY]=VALUE", "?KEY=VALUE" as "[KEY=]VALUE".
static void put_word(struct strbuf *s, const char *p, size_t n)
{
	const char *end = p + n, *may = memchr(p, '?', n), *stop;

	if (!may) {
		strbuf_put(s, p, n);
		return;
	}
	stop = memchr(may, '=', end - may);
	if (!stop)
		stop = end;
	else if (may == p)
		stop++;
	strbuf_put(s, p, may - p);
	strbuf_printf(s, "[%.*s]", (int)(stop - may - 1), may + 1);
	strbuf_put(s, stop, end - stop);
}

static void put_arguments(struct strbuf *s, const struct command_class *k)
{
	for (const char *p = k->arguments; *p;) {
		size_t n = strcspn(p, " ");
		bool may = *p == '?' || *p == '*';

		strbuf_puts(s, may ? " [" : " ");
		put_word(s, p + 1, n - 1);
		strbuf_puts(s, may ? "]" : "");
		strbuf_puts(s, *p == '*' || *p == '+' ? "..." : "");
		p += n + (p[n] == ' ');
	}
}

static void print_class(const struct command_class *k)
{
	AUTO(strbuf) s = STRBUF_INIT;

	if (k->group)
		printf("\n%s:\n", k->group);
	strbuf_puts(&s, "  ");
	put_options(&s, k, "VALUE");
	strbuf_puts(&s, k->name);
	put_arguments(&s, k);
	if (s.len >= TEXT_COLUMN) {
		puts(s.s);
		strbuf_clear(&s);
	}
	printf("%-*s%s\n", TEXT_COLUMN, strbuf_cstr(&s), k->help);
}

void help_print_commands(const struct db_ctl *program)
{
	FOR_EACH_CLASS(k, program)
	{
		AUTO(strbuf) s = STRBUF_INIT;

		put_options(&s, k, "");
		printf("%s,%s,%s\n", strbuf_cstr(&s), k->name, k->arguments);
	}
}

// ---- Records ----

static void print_record_name(const struct record_name *rn)
{
	if (!rn->ref_column && !rn->name_column)
		printf("    as \".\"\n");
	else if (!rn->ref_column && strcmp(rn->name_table, rn->table) != 0)
		printf("    by key of \"%s\" of %s\n", rn->name_column, rn->name_table);
	else if (!rn->ref_column)
		printf("    by \"%s\"\n", rn->name_column);
	else if (rn->name_column)
		printf("    via \"%s\" of %s with matching \"%s\"\n", rn->ref_column,
		       rn->name_table, rn->name_column);
	else
		printf("    as \".\", via \"%s\" of %s\n", rn->ref_column, rn->name_table);
}

static void print_records(const struct db_ctl *program)
{
	printf("\nA record is named by its UUID, or the first digits of it, or in these tables:\n");
	for (size_t i = 0; i < program->class->n_tables; i++) {
		const char *table = program->class->tables[i].name, *last = "";

		for (const struct record_name *rn = program->records; rn->table; rn++) {
			if (strcmp(rn->table, table) != 0)
				continue;
			if (strcmp(last, table) != 0)
				printf("  %s:\n", table);
			last = table;
			print_record_name(rn);
		}
	}
}

// ---- Options ----

void help_print_options(const struct option *options, size_t n, const char *letters)
{
	for (size_t i = 0; i < n; i++)
		printf("--%s%s\n", options[i].name,
		       options[i].has_arg != no_argument ? "=ARG" : "");
	for (const char *p = letters; *p; p++)
		if (*p != ':')
			printf("-%c%s\n", *p, p[1] == ':' ? " ARG" : "");
}

void help_print_usage(const struct db_ctl *program)
{
	printf("%s: %s\n"
	       "usage: %s [OPTIONS] COMMAND [ARG...] [-- COMMAND [ARG...]]...\n",
	       program_name, program->purpose, program_name);
	FOR_EACH_CLASS(k, program)
	print_class(k);
	print_records(program);
	printf("\nOptions:\n"
	       "  --db=DATABASE               connect to DATABASE\n"
	       "                              (default: unix:%s/db.sock)\n",
	       dir_run());
	if (program->waits_for)
		printf("  --no-wait                   do not wait for %s to reconfigure\n",
		       program->waits_for);
	printf("  --retry                     keep trying to connect to server forever\n"
	       "  --[no-]leader-only          of a cluster, only its leader will do (default)\n"
	       "  --[no-]shuffle-remotes      try several servers in random order (default)\n"
	       "  -t, --timeout=SECS          wait at most SECS seconds\n"
	       "  --dry-run                   do not commit changes to database\n"
	       "  --oneline                   print exactly one line of output per command\n");
	table_usage();
	log_usage();
	printf("  --no-syslog              do not log to the system log\n");
	tls_usage();
	printf("\nOther options:\n"
	       "  -h, --help                  display this help message\n"
	       "  -V, --version               display version information\n");
}
