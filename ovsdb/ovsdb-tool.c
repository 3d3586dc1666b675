// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool: works on database files that no server has open.
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/io/appctl.h"
#include "ovsdb/convert.h"
#include "ovsdb/exec.h"
#include "ovsdb/ovsdb-tool.h"

LOG_MODULE(ovsdb_tool);

int verbosity;
enum ovsdb_on_corruption on_corruption = OVSDB_REFUSE;
static const char *rbac_role; // of query and transact; NULL: may do everything

static char *default_db(void)
{
	return xasprintf("%s/conf.db", dir_db());
}

static char *default_schema(void)
{
	return xasprintf("%s/vswitch.ovsschema", dir_pkgdata());
}

char *db_argument(int argc, char *argv[], int i)
{
	return argc > i ? xstrdup(argv[i]) : default_db();
}

static struct ovsdb_schema *read_schema(int argc, char *argv[], int i)
{
	AUTO_FREE char *path = argc > i ? xstrdup(argv[i]) : default_schema();
	struct error err = ERROR_INIT;
	struct ovsdb_schema *schema;

	if (ovsdb_schema_read_file(&schema, path, &err))
		fatal(0, "failed to read schema: %s", err.text);
	return schema;
}

// ---- Kinds of files ----

enum kind { STANDALONE, CLUSTERED };

// "OVSDB JSON LENGTH SHA1\n" or "OVSDB CLUSTER LENGTH SHA1\n" begins a file; older clusters left out "OVSDB ".
static enum kind file_kind(const char *path)
{
	char buf[16] = "";
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		fatal(0, "I/O error: %s: open failed (%s)", path, strerror(errno));
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	if (str_starts(buf, "OVSDB JSON "))
		return STANDALONE;
	if (str_starts(buf, "OVSDB CLUSTER ") || str_starts(buf, "CLUSTER "))
		return CLUSTERED;
	fatal(0, "ovsdb error: %s: %s", path,
	      n ? "unexpected file format" : "cannot identify file type");
}

void need_standalone(const char *path)
{
	if (file_kind(path) == CLUSTERED)
		fatal(0, "ovsdb error: %s: cannot apply this operation to clustered database file",
		      path);
}

// What the first record of a clustered file says of 'member', as text; NULL when it does not say.
static char *cluster_header(const char *path, const char *member)
{
	struct error err = ERROR_INIT;
	unsigned int length = 0;
	struct json_reader r;
	const char *key;
	char *text, *value = NULL;
	size_t len;
	FILE *f = fopen(path, "re");

	if (!f ||
	    (fscanf(f, "OVSDB CLUSTER %9u %*40s", &length) != 1 &&
	     (rewind(f), fscanf(f, "CLUSTER %9u %*40s", &length) != 1)) ||
	    fgetc(f) != '\n')
		fatal(0, "%s: damaged at offset 0: no record header", path);
	text = xmalloc((size_t)length + 1);
	if (fread(text, 1, length, f) != length)
		fatal(0, "%s: the first record is cut short", path);
	fclose(f);
	json_reader_init(&r, text, length);
	json_object(&r);
	while (json_member(&r, &key, &len)) {
		if (json_key_is(key, len, member) && json_peek(&r) == JSON_STRING && !value)
			value = json_string_dup(&r);
		else
			json_skip(&r);
	}
	if (json_finish(&r, &err))
		fatal(0, "%s: %s", path, err.text);
	json_reader_uninit(&r);
	free(text);
	return value;
}

static struct store *open_store(const char *path, enum ovsdb_log_mode mode)
{
	struct error err = ERROR_INIT;
	struct store *s;

	need_standalone(path);
	if (store_open_damaged(&s, path, mode, NULL, on_corruption, &err))
		fatal(0, "%s", err.text);
	return s;
}

// The schema of a file, which is its first record.
static struct ovsdb_schema *file_schema(const char *path)
{
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct error err = ERROR_INIT;
	struct ovsdb_schema *schema;
	struct json_span record;
	struct ovsdb_log *log;

	need_standalone(path);
	if (ovsdb_log_open(&log, path, OVSDB_LOG_READ, NULL, &err))
		fatal(0, "%s", err.text);
	if (ovsdb_log_read(log, &record, &err) <= 0)
		fatal(0, "%s", err.code ? err.text : "the file is empty");
	if (ovsdb_schema_read(&schema, record, &oe))
		fatal(0, "%s: %s: %s", path, oe.tag, oe.details);
	ovsdb_log_close(log);
	return schema;
}

// ---- create, compact, convert ----

static void cmd_create(int argc, char *argv[])
{
	AUTO_FREE char *path = db_argument(argc, argv, 1);
	struct ovsdb_schema *schema = read_schema(argc, argv, 2);
	struct error err = ERROR_INIT;

	if (store_create_file(path, schema, &err))
		fatal(0, "I/O error: %s", err.text);
	ovsdb_schema_destroy(schema);
}

// Writes 'db' as a new file at 'target', or over the file that 's' has open.
static void write_snapshot(struct store *s, const struct db *db, const char *target,
			   const char *comment)
{
	AUTO(strbuf) content = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct ovsdb_log *log;

	store_format_snapshot(db, comment, &content);
	if (!target) {
		if (ovsdb_log_replace(s->log, &content, &err))
			fatal(0, "%s", err.text);
		return;
	}
	if (ovsdb_log_open(&log, target, OVSDB_LOG_CREATE, NULL, &err) ||
	    ovsdb_log_replace(log, &content, &err))
		fatal(0, "%s", err.text);
	ovsdb_log_close(log);
}

static void cmd_compact(int argc, char *argv[])
{
	AUTO_FREE char *path = db_argument(argc, argv, 1);
	const char *target = argc > 2 ? argv[2] : NULL;
	struct store *s = open_store(path, target ? OVSDB_LOG_READ : OVSDB_LOG_WRITE);

	write_snapshot(s, s->db, target, "compacted by ovsdb-tool");
	store_close(s);
}

static void cmd_convert(int argc, char *argv[])
{
	AUTO_FREE char *path = db_argument(argc, argv, 1);
	const char *target = argc > 3 ? argv[3] : NULL;
	struct ovsdb_schema *schema = read_schema(argc, argv, 2);
	struct store *s = open_store(path, target ? OVSDB_LOG_READ : OVSDB_LOG_WRITE);
	struct ovsdb_error err = OVSDB_ERROR_INIT;
	struct db *new;

	if (strcmp(schema->name, s->db->schema->name) != 0)
		fatal(0, "%s holds database %s, but the schema is for %s", path,
		      s->db->schema->name, schema->name);
	new = db_convert(s->db, schema, &err);
	if (!new)
		fatal(0, "%s: %s", err.tag, err.details);
	write_snapshot(s, new, target, "converted by ovsdb-tool");
	db_destroy(new);
	store_close(s);
}

static void cmd_needs_conversion(int argc, char *argv[])
{
	AUTO_FREE char *path = db_argument(argc, argv, 1);
	struct ovsdb_schema *want = read_schema(argc, argv, 2), *have = file_schema(path);

	puts(ovsdb_schema_equal(want, have) ? "no" : "yes");
	ovsdb_schema_destroy(want);
	ovsdb_schema_destroy(have);
}

// ---- What a file or schema says ----

static void print_and_free(struct ovsdb_schema *s, const char *text)
{
	puts(text);
	ovsdb_schema_destroy(s);
}

static struct ovsdb_schema *db_schema(int argc, char *argv[])
{
	AUTO_FREE char *path = db_argument(argc, argv, 1);

	return file_schema(path);
}

static void cmd_db_name(int argc, char *argv[])
{
	AUTO_FREE char *path = db_argument(argc, argv, 1);
	struct ovsdb_schema *s;

	if (file_kind(path) == CLUSTERED) {
		AUTO_FREE char *name = cluster_header(path, "name");

		puts(name ? name : "");
		return;
	}
	s = file_schema(path);
	print_and_free(s, s->name);
}

static void cmd_db_version(int argc, char *argv[])
{
	struct ovsdb_schema *s = db_schema(argc, argv);

	print_and_free(s, s->version);
}

static void cmd_db_cksum(int argc, char *argv[])
{
	struct ovsdb_schema *s = db_schema(argc, argv);

	print_and_free(s, s->cksum);
}

static void cmd_schema_name(int argc, char *argv[])
{
	struct ovsdb_schema *s = read_schema(argc, argv, 1);

	print_and_free(s, s->name);
}

static void cmd_schema_version(int argc, char *argv[])
{
	struct ovsdb_schema *s = read_schema(argc, argv, 1);

	print_and_free(s, s->version);
}

static void cmd_schema_cksum(int argc, char *argv[])
{
	struct ovsdb_schema *s = read_schema(argc, argv, 1);

	print_and_free(s, s->cksum);
}

// Exit status 2 means no.
static void cmd_db_is_standalone(int argc, char *argv[])
{
	exit(file_kind(argv[1]) == STANDALONE ? 0 : 2);
}

static void cmd_db_is_clustered(int argc, char *argv[])
{
	exit(file_kind(argv[1]) == CLUSTERED ? 0 : 2);
}

static char *must_be_in_header(const char *path, const char *member)
{
	char *value;

	if (file_kind(path) != CLUSTERED)
		fatal(0, "%s: not a clustered database", path);
	value = cluster_header(path, member);
	if (!value && !strcmp(member, "cluster_id")) {
		fprintf(stderr, "%s: cluster ID not yet known\n", path);
		exit(2);
	}
	if (!value)
		fatal(0, "%s: the first record holds no \"%s\"", path, member);
	return value;
}

static void cmd_db_cid(int argc, char *argv[])
{
	AUTO_FREE char *value = must_be_in_header(argv[1], "cluster_id");

	puts(value);
}

static void cmd_db_sid(int argc, char *argv[])
{
	AUTO_FREE char *value = must_be_in_header(argv[1], "server_id");

	puts(value);
}

static void cmd_db_local_address(int argc, char *argv[])
{
	AUTO_FREE char *value = must_be_in_header(argv[1], "local_address");

	puts(value);
}

static void cmd_compare_versions(int argc, char *argv[])
{
	static const char *const ops[] = { "<", "<=", "==", ">=", ">", "!=" };
	unsigned int a[3] = { 0 }, b[3] = { 0 };
	const char *op = argv[2];
	bool known = false;
	int c = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		known |= !strcmp(ops[i], op);
	for (int i = 1; i <= 3; i += 2)
		if (!ovsdb_version_is_valid(argv[i]))
			fatal(0, "%s: not an OVSDB version number in format x.y.z", argv[i]);
	if (!known)
		fatal(0, "%s: not a relational operator", op);
	sscanf(argv[1], "%u.%u.%u", &a[0], &a[1], &a[2]);
	sscanf(argv[3], "%u.%u.%u", &b[0], &b[1], &b[2]);
	for (int i = 0; i < 3 && !c; i++)
		c = (a[i] > b[i]) - (a[i] < b[i]);
	if (!strcmp(op, "!="))
		exit(c ? 0 : 2);
	exit((c < 0 && *op == '<') || (c > 0 && *op == '>') || (!c && strchr(op, '=')) ? 0 : 2);
}

// ---- query, transact ----

static void run_transaction(int argc, char *argv[], bool read_only)
{
	AUTO_FREE char *path = argc > 2 ? xstrdup(argv[1]) : default_db();
	const char *text = argv[argc > 2 ? 2 : 1];
	struct exec_context ctx = { .elapsed_msec = INT64_MAX, .role = rbac_role };
	struct store *s = open_store(path, read_only ? OVSDB_LOG_READ : OVSDB_LOG_WRITE);
	AUTO(strbuf) results = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct db_txn *txn = NULL;
	struct json_reader r;
	int64_t timeout;

	json_reader_init(&r, text, strlen(text));
	json_array(&r);
	if (!json_element(&r))
		json_fail(&r, "expected [\"%s\", operation...]", s->db->schema->name);
	else {
		AUTO_FREE char *name = json_string_dup(&r);

		if (!json_failed(&r) && strcmp(name, s->db->schema->name) != 0)
			fatal(0, "transaction names database %s, but %s holds %s", name, path,
			      s->db->schema->name);
	}
	while (json_element(&r))
		json_skip(&r);
	if (json_finish(&r, &err))
		fatal(0, "%s: %s", text, err.text);
	json_reader_uninit(&r);
	ovsdb_execute(s->db, (struct json_span){ text, strlen(text) }, &ctx, &results, &txn,
		      &timeout);
	if (txn && read_only) {
		db_txn_rollback(txn); // it may say what it would change
	} else if (txn) {
		store_append(s, txn);
		if (store_flush(s, true, &err))
			fatal(0, "%s", err.text);
		db_txn_finish(txn);
	}
	puts(results.s);
	store_close(s);
}

static void cmd_query(int argc, char *argv[])
{
	run_transaction(argc, argv, true);
}

static void cmd_transact(int argc, char *argv[])
{
	run_transaction(argc, argv, false);
}

// ---- Not there yet ----

static void cmd_clustered(int argc, char *argv[])
{
	fatal(0, "%s: the clustered service model is not there yet", argv[0]);
}

static void cmd_list_commands(int argc, char *argv[]);
static void cmd_help(int argc, char *argv[]);

static const struct {
	const char *name, *usage;
	int min, max;
	void (*run)(int argc, char *argv[]);
} commands[] = {
	{ "create", "[DB [SCHEMA]]", 0, 2, cmd_create },
	{ "compact", "[DB [DST]]", 0, 2, cmd_compact },
	{ "convert", "[DB [SCHEMA [DST]]]", 0, 3, cmd_convert },
	{ "needs-conversion", "[DB [SCHEMA]]", 0, 2, cmd_needs_conversion },
	{ "db-name", "[DB]", 0, 1, cmd_db_name },
	{ "db-version", "[DB]", 0, 1, cmd_db_version },
	{ "db-cksum", "[DB]", 0, 1, cmd_db_cksum },
	{ "db-is-clustered", "DB", 1, 1, cmd_db_is_clustered },
	{ "db-is-standalone", "DB", 1, 1, cmd_db_is_standalone },
	{ "schema-name", "[SCHEMA]", 0, 1, cmd_schema_name },
	{ "schema-version", "[SCHEMA]", 0, 1, cmd_schema_version },
	{ "schema-cksum", "[SCHEMA]", 0, 1, cmd_schema_cksum },
	{ "compare-versions", "A OP B", 3, 3, cmd_compare_versions },
	{ "query", "[DB] TRNS", 1, 2, cmd_query },
	{ "transact", "[DB] TRNS", 1, 2, cmd_transact },
	{ "show-log", "[DB]", 0, 1, cmd_show_log },
	{ "list-commands", "", 0, 99, cmd_list_commands },
	{ "help", "", 0, 99, cmd_help },
	{ "create-cluster", NULL, 3, 3, cmd_clustered },
	{ "join-cluster", NULL, 4, 99, cmd_clustered },
	{ "cluster-to-standalone", NULL, 2, 2, cmd_clustered },
	{ "check-cluster", NULL, 1, 99, cmd_clustered },
	{ "db-cid", "DB", 1, 1, cmd_db_cid },
	{ "db-sid", "DB", 1, 1, cmd_db_sid },
	{ "db-local-address", "DB", 1, 1, cmd_db_local_address },
};

static void print_commands(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].usage)
			printf("  %-23s %s\n", commands[i].name, commands[i].usage);
}

static void cmd_list_commands(int argc, char *argv[])
{
	printf("The available commands are:\n");
	print_commands();
}

static void usage(void)
{
	AUTO_FREE char *db = default_db(), *schema = default_schema();

	printf("%s: database file management utility\nusage: %s [OPTIONS] COMMAND [ARG...]\n",
	       program_name, program_name);
	print_commands();
	printf("The default DB is %s.\nThe default SCHEMA is %s.\n", db, schema);
	log_usage();
	printf("\nOther options:\n"
	       "  -m, --more                  increase show-log verbosity\n"
	       "  --on-corruption=MODE        what is done about a damaged file: refuse "
	       "(default),\n"
	       "                              salvage or rollback, as in ovsdb-server(1)\n"
	       "  --rbac-role=ROLE            query and transact as ROLE may\n"
	       "  -o, --option                list all options\n"
	       "  -h, --help                  display this help message\n"
	       "  -V, --version               display version information\n");
	exit(0);
}

static void cmd_help(int argc, char *argv[])
{
	usage();
}

enum { OPT_RBAC_ROLE = 256, OPT_ON_CORRUPTION };

static void parse_options(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "more", no_argument, NULL, 'm' },
		{ "on-corruption", required_argument, NULL, OPT_ON_CORRUPTION },
		{ "rbac-role", required_argument, NULL, OPT_RBAC_ROLE },
		{ "option", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		LOG_LONG_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "mohVv::", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			verbosity++;
			break;
		case OPT_ON_CORRUPTION:
			if (!ovsdb_on_corruption_parse(optarg, &on_corruption))
				fatal(0,
				      "--on-corruption=%s: must be \"refuse\", \"salvage\" or "
				      "\"rollback\"",
				      optarg);
			break;
		case OPT_RBAC_ROLE:
			rbac_role = optarg;
			break;
		case 'o':
			print_options(options);
			exit(0);
		case 'h':
			usage();
			break;
		case 'V':
			print_version(NULL);
			exit(0);
		default:
			if (!log_handle_option(c, optarg))
				exit(1);
		}
	}
}

int main(int argc, char *argv[])
{
	struct error err = ERROR_INIT;

	program_init(argv[0]);
	log_set("console:warn", &err);
	parse_options(argc, argv);
	argc -= optind;
	argv += optind;
	if (!argc)
		fatal(0, "missing command name; use --help for help");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, argv[0]) != 0)
			continue;
		if (argc - 1 < commands[i].min)
			fatal(0, "'%s' command requires at least %d arguments", argv[0],
			      commands[i].min);
		if (argc - 1 > commands[i].max)
			fatal(0, "'%s' command takes at most %d arguments", argv[0],
			      commands[i].max);
		commands[i].run(argc, argv);
		return 0;
	}
	fatal(0, "unknown command '%s'; use --help for help", argv[0]);
}
