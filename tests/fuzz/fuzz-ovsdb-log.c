// SPDX-License-Identifier: Apache-2.0
// Database files, opened in each of the three ways there are to meet damage. The first byte's low bits say which; with the
// bit 4 the lines that follow are bodies of records, and get headers that are right.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ovsdb/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *dir, *path, *lock, *copy;
static struct ovsdb_file_ops ops;

static int no_fsync(int fd)
{
	return 0;
}

static void remove_files(void)
{
	unlink(path);
	unlink(lock);
	unlink(copy);
	rmdir(dir);
}

// Copies of damaged files are not kept by the hundred thousand: the last one is.
static int open_but_copies(const char *name, int flags, mode_t mode)
{
	if (strstr(name, ".corrupt-")) {
		unlink(copy);
		name = copy;
	}
	return ovsdb_real_file_ops.open(name, flags, mode);
}

static void set_up(void)
{
	if (path)
		return;
	log_set("console:emer", NULL);
	log_set("syslog:off", NULL);
	dir = xasprintf("%s/fuzz-ovsdb-log.XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(dir))
		exit(1);
	path = xasprintf("%s/t.db", dir);
	lock = xasprintf("%s/.t.db.~lock~", dir);
	copy = xasprintf("%s/copy", dir);
	ops = ovsdb_real_file_ops;
	ops.open = open_but_copies;
	ops.fsync = no_fsync;
	atexit(remove_files);
}

static void seal(const char *p, size_t n, struct strbuf *out)
{
	while (n) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl ? (size_t)(nl - p) : n;

		ovsdb_log_format(out, p, len);
		p += MIN(len + 1, n);
		n -= MIN(len + 1, n);
	}
}

static void write_file(const struct strbuf *content)
{
	FILE *f = fopen(path, "wb");

	fwrite(strbuf_cstr(content), 1, content->len, f);
	fclose(f);
}

static size_t count_rows(const struct store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->db->schema->n_tables; i++)
		n += s->db->tables[i].n_rows;
	return n;
}

// What was made of it is whole, and holds the same.
static void open_again(size_t n_rows)
{
	struct error err = ERROR_INIT;
	struct store *s;

	if (store_open(&s, path, OVSDB_LOG_READ, &ops, &err))
		fatal(0, "%s", err.text);
	assert(count_rows(s) == n_rows);
	store_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum ovsdb_on_corruption how = size ? (enum ovsdb_on_corruption)(data[0] % 4 % 3) : 0;
	struct error err = ERROR_INIT;
	AUTO(strbuf) content = STRBUF_INIT;
	size_t n_rows;
	struct store *s;

	set_up();
	if (!size)
		return 0;
	if (data[0] & 4)
		seal((const char *)data + 1, size - 1, &content);
	else
		strbuf_put(&content, data + 1, size - 1);
	write_file(&content);
	if (store_open_damaged(&s, path, OVSDB_LOG_READ, &ops, how, &err)) {
		assert(err.text[0]);
	} else {
		n_rows = count_rows(s);
		store_close(s);
		if (store_open_damaged(&s, path, OVSDB_LOG_WRITE, &ops, how, &err))
			fatal(0, "%s", err.text);
		assert(count_rows(s) == n_rows);
		store_close(s);
		open_again(n_rows);
	}
	return 0;
}
