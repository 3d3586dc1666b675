// SPDX-License-Identifier: Apache-2.0
// What a client's replica in C costs: idl [ROWS]
//
// The server's words are made here, so that only the replica is measured: content at first and anew, single updates, an index, walking, a transaction.
// Times are of the processor. Rows are like a port binding of OVN: eight columns, two maps, one reference, some 330 bytes of JSON.
#include <malloc.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "ovsdb/idl-private.h"
#include "tests/bench/idl-idl.h"

static struct idl *idl;
static struct uuid *ports;
static unsigned int n_rows = 100000;

static void put_port(struct strbuf *out, unsigned int i, const struct uuid *datapath)
{
	strbuf_printf(out,
		      "\"" UUID_FMT
		      "\":{\"initial\":{\"logical_port\":\"lsp-%08u\",\"tunnel_key\":%u,",
		      UUID_ARGS(&ports[i]), i, i % 32000 + 1);
	strbuf_printf(out,
		      "\"mac\":\"0a:00:%02x:%02x:%02x:%02x "
		      "10.%u.%u.%u\",\"up\":true,\"datapath\":[\"uuid\",\"" UUID_FMT "\"],",
		      i >> 24, i >> 16 & 255, i >> 8 & 255, i & 255, i >> 16 & 255, i >> 8 & 255,
		      i & 255, UUID_ARGS(datapath));
	strbuf_printf(out, "\"options\":[\"map\",[[\"requested-chassis\",\"node-%u\"]]],", i % 500);
	strbuf_printf(out,
		      "\"external_ids\":[\"map\",[[\"name\",\"port "
		      "%u\"],[\"neutron:revision\",\"%u\"]]]}}",
		      i, i % 7);
}

static void put_content(struct strbuf *out)
{
	struct uuid datapath;

	ports = xcalloc(n_rows, sizeof(*ports));
	uuid_generate(&datapath);
	strbuf_printf(
		out, "{\"Datapath\":{\"" UUID_FMT "\":{\"initial\":{\"tunnel_key\":1}}},\"Port\":{",
		UUID_ARGS(&datapath));
	for (unsigned int i = 0; i < n_rows; i++) {
		uuid_generate(&ports[i]);
		if (i)
			strbuf_putc(out, ',');
		put_port(out, i, &datapath);
	}
	strbuf_puts(out, "}}");
}

static void tell(const char *what, int64_t began, const char *per, double n)
{
	int64_t took = clock_thread_nsec() - began;

	printf("%-44s %8.1f ms %8.2f us a %s\n", what, took / 1e6, took / 1e3 / n, per);
}

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void fill(const char *what, const struct strbuf *content)
{
	int64_t began = clock_thread_nsec();
	bool ok = idl_replace(idl, (struct json_span){ content->s, content->len }, true);

	assert(ok);
	tell(what, began, "row", n_rows);
}

static void update_each(const char *what, unsigned int factor)
{
	AUTO(strbuf) text = STRBUF_INIT;
	int64_t began = clock_thread_nsec();

	for (unsigned int i = 0; i < n_rows; i++) {
		bool ok;

		strbuf_clear(&text);
		strbuf_printf(&text,
			      "{\"Port\":{\"" UUID_FMT "\":{\"modify\":{\"tunnel_key\":%u}}}}",
			      UUID_ARGS(&ports[i]), (i * factor) % 65536);
		ok = idl_update(idl, (struct json_span){ text.s, text.len }, true);
		assert(ok);
	}
	tell(what, began, "update", n_rows);
}

static struct idl_index *make_index(void)
{
	static const struct idl_index_column columns[] = {
		{ .name = "tunnel_key" },
		{ .name = "logical_port" },
	};
	int64_t began = clock_thread_nsec();
	struct idl_index *ix = bench_port_index_create(idl, columns, ARRAY_SIZE(columns));

	tell("an index of two columns", began, "row", n_rows);
	return ix;
}

static void look_up(struct idl_index *ix, unsigned int factor)
{
	struct idl_probe *probe = idl_probe_create(ix);
	int64_t began = clock_thread_nsec();
	size_t found = 0;

	for (unsigned int i = 0; i < n_rows; i++) {
		bench_port_probe_tunnel_key(probe, (i * factor) % 65536);
		found += bench_port_index_find(probe) != NULL;
	}
	assert(found == n_rows);
	tell("look-ups by its first column", began, "look-up", n_rows);
	idl_probe_destroy(probe);
}

static void walk(void)
{
	int64_t began = clock_thread_nsec();
	const struct bench_port *p;
	size_t n = 0;

	BENCH_PORT_FOR_EACH(p, idl)
	n += p->up != NULL && *p->up && p->datapath;
	assert(n == n_rows);
	tell("walking over all rows", began, "row", n_rows);
}

static void build_transaction(void)
{
	struct idl_txn *txn = idl_txn_create(idl);
	int64_t began = clock_thread_nsec();
	const struct bench_port *p;

	BENCH_PORT_FOR_EACH(p, idl)
	bench_port_update_external_ids_setkey(p, "seen", "yes");
	tell("a key into a map of each row", began, "row", n_rows);
	began = clock_thread_nsec();
	idl_txn_destroy(txn);
	tell("and taking it back", began, "row", n_rows);
}

int main(int argc, char *argv[])
{
	struct strbuf content = STRBUF_INIT;
	struct loop *loop;
	size_t before;

	program_init(argv[0]);
	if (argc > 1 && !parse_u32(argv[1], 10, &n_rows))
		fatal(0, "%s: not a number of rows", argv[1]);
	loop = loop_create();
	idl = idl_create(loop, "unix:none", &bench_class, true);
	idl_add_all_as(idl, IDL_ALERT | IDL_TRACK);
	for (size_t i = 0; i < idl->schema->n_tables; i++)
		for (size_t j = OVSDB_COL_FIRST; j < idl->schema->tables[i]->n_columns; j++)
			idl->tables[i].server_has_column[j] = true;
	put_content(&content);
	printf("%u rows, %.1f MB of JSON\n", n_rows, content.len / 1e6);
	before = heap();
	fill("first content", &content);
	printf("%-44s %8.1f MB %8.0f bytes a row\n", "memory", (heap() - before) / 1e6,
	       (double)(heap() - before) / n_rows);
	idl_track_clear(idl);
	fill("the same content anew", &content);
	walk();
	update_each("updates of one column", 7919);
	look_up(make_index(), 7919);
	update_each("the same with the index", 7907);
	build_transaction();
	idl_destroy(idl);
	loop_destroy(loop);
	strbuf_uninit(&content);
	free(ports);
	return 0;
}
