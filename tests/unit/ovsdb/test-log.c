// SPDX-License-Identifier: Apache-2.0
// The file under a disk that fails at the n-th call, for every n, and with every single bit flipped.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ovsdb/store.h"
#include "tests/suite.h"

static char dir[] = "/tmp/test-log.XXXXXX";
static char *path, *lock_path, *tmp_path;

// ---- A disk that fails at one call ----

static int calls, fail_at;

static bool fails(void)
{
	return ++calls == fail_at;
}

static int t_open(const char *p, int flags, mode_t mode)
{
	return fails() ? -EIO : ovsdb_real_file_ops.open(p, flags, mode);
}

static ssize_t t_read(int fd, void *buf, size_t n)
{
	return ovsdb_real_file_ops.read(fd, buf, n);
}

// A failing write writes half of it first.
static ssize_t t_write(int fd, const void *buf, size_t n)
{
	static bool half;

	if (half) {
		half = false;
		return -ENOSPC;
	}
	if (fails()) {
		half = n > 1;
		return n > 1 ? ovsdb_real_file_ops.write(fd, buf, n / 2) : -ENOSPC;
	}
	return ovsdb_real_file_ops.write(fd, buf, n);
}

static int t_fsync(int fd)
{
	return fails() ? -EIO : 0;
}

static int t_rename(const char *from, const char *to)
{
	return fails() ? -EIO : ovsdb_real_file_ops.rename(from, to);
}

static int t_truncate(int fd, off_t size)
{
	return fails() ? -EIO : ovsdb_real_file_ops.truncate(fd, size);
}

static void t_close(int fd)
{
	ovsdb_real_file_ops.close(fd);
}

static const struct ovsdb_file_ops failing_ops = {
	t_open, t_read, t_write, t_fsync, t_rename, t_truncate, t_close,
};

// ---- A log of numbered records ----

static void make_log(int n)
{
	struct error err = ERROR_INIT;
	struct ovsdb_log *log;

	remove(path);
	ck_assert_msg(!ovsdb_log_open(&log, path, OVSDB_LOG_CREATE, NULL, &err), "%s", err.text);
	for (int i = 0; i < n; i++) {
		AUTO_FREE char *text = xasprintf("{\"n\":%d}", i);

		ovsdb_log_append(log, text, strlen(text));
		ck_assert(!ovsdb_log_flush(log, true, &err));
	}
	ovsdb_log_close(log);
}

// Reads all records; returns how many, or negative.
static int count(const char *p, struct error *err)
{
	struct json_span record;
	struct ovsdb_log *log;
	int n = 0, rc;

	if (ovsdb_log_open(&log, p, OVSDB_LOG_READ, NULL, err))
		return -1;
	while ((rc = ovsdb_log_read(log, &record, err)) > 0) {
		AUTO_FREE char *text = xasprintf("{\"n\":%d}\n", n);

		ck_assert(record.n == strlen(text) && !memcmp(record.p, text, record.n));
		n++;
	}
	ovsdb_log_close(log);
	return rc < 0 ? rc : n;
}

static void read_file(struct strbuf *b)
{
	FILE *f = fopen(path, "rb");
	char buf[65536];

	strbuf_clear(b);
	strbuf_put(b, buf, fread(buf, 1, sizeof(buf), f));
	fclose(f);
}

static void write_file(const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	fwrite(p, 1, n, f);
	fclose(f);
}

// Every bit of the file, one after the other: either damage is reported with an offset, or (in the last record only)
// the tail counts as torn. No record before is lost, none is misread.
START_TEST(test_every_bit)
{
	AUTO(strbuf) good = STRBUF_INIT;
	size_t last;

	make_log(4);
	read_file(&good);
	last = (char *)memrchr(good.s, 'O', good.len) - good.s;
	while (memcmp(good.s + last, "OVSDB JSON", 10) != 0)
		last--;
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		struct error err = ERROR_INIT;
		int n;

		good.s[bit / 8] ^= 1 << bit % 8;
		write_file(good.s, good.len);
		n = count(path, &err);
		good.s[bit / 8] ^= 1 << bit % 8;
		if (bit / 8 < last)
			ck_assert_msg(n < 0 && strstr(err.text, "offset"), "bit %zu: %d", bit, n);
		else
			ck_assert_msg(n == 3 || (n < 0 && strstr(err.text, "offset")),
				      "bit %zu: %d", bit, n);
	}
}
END_TEST

START_TEST(test_every_length)
{
	AUTO(strbuf) good = STRBUF_INIT;

	make_log(3);
	read_file(&good);
	for (size_t n = 0; n <= good.len; n++) {
		struct error err = ERROR_INIT;
		int got;

		write_file(good.s, n);
		got = count(path, &err);
		ck_assert_msg(got >= 0 && got <= 3 && (got == 3) == (n == good.len),
			      "%zu bytes: %d %s", n, got, err.text);
	}
}
END_TEST

// Appends under a disk whose n-th call fails: what was acknowledged is there, what was refused may be tried again, and
// a new look at the file finds exactly the acknowledged records.
START_TEST(test_failing_calls)
{
	for (fail_at = 1; fail_at < 60; fail_at++) {
		struct error err = ERROR_INIT;
		struct json_span record;
		struct ovsdb_log *log;
		int acknowledged = 1;
		bool broken = false;

		make_log(1);
		calls = 0;
		if (ovsdb_log_open(&log, path, OVSDB_LOG_WRITE, &failing_ops, &err))
			continue;
		while (ovsdb_log_read(log, &record, &err) > 0)
			;
		for (int i = 0; i < 20; i++) {
			AUTO_FREE char *text = xasprintf("{\"n\":%d}", acknowledged);

			ovsdb_log_append(log, text, strlen(text));
			if (!ovsdb_log_flush(log, true, &err)) {
				acknowledged++;
				continue;
			}
			ck_assert(err.text[0]);
			ck_assert(!ovsdb_log_has_unflushed(log));
			if (ovsdb_log_is_broken(log)) {
				AUTO(strbuf) content = STRBUF_INIT;

				for (int k = 0; k < acknowledged; k++) {
					AUTO_FREE char *t = xasprintf("{\"n\":%d}", k);

					ovsdb_log_format(&content, t, strlen(t));
				}
				broken = true;
				ck_assert_msg(!ovsdb_log_replace(log, &content, &err), "%s",
					      err.text);
			}
		}
		ovsdb_log_close(log);
		(void)broken;
		ck_assert_int_eq(count(path, &err), acknowledged);
		ck_assert_int_ge(acknowledged, 19);
	}
}
END_TEST

// The same one level up, with compaction in between: a store over the failing disk.
START_TEST(test_failing_store)
{
	static const char schema_text[] =
		"{\"name\":\"T\",\"tables\":{\"R\":{\"columns\":{\"i\":{\"type\":\"integer\"}}}}}";
	struct ovsdb_error oe = OVSDB_ERROR_INIT;
	struct error err = ERROR_INIT;
	struct ovsdb_schema *schema;

	ck_assert(!ovsdb_schema_read(&schema,
				     (struct json_span){ schema_text, strlen(schema_text) }, &oe));
	for (fail_at = 1; fail_at < 120; fail_at++) {
		struct store *s;
		size_t acknowledged = 0;

		remove(path);
		ck_assert(!store_create_file(path, schema, &err));
		calls = 0;
		if (store_open(&s, path, OVSDB_LOG_WRITE, &failing_ops, &err))
			continue;
		for (int i = 0; i < 40; i++) {
			struct db_txn *txn = db_txn_begin(s->db);
			struct uuid u;

			uuid_generate(&u);
			db_txn_insert(txn, db_table(s->db, "R"), &u);
			ck_assert(!db_txn_commit(txn, &oe));
			store_append(s, txn);
			if (store_flush(s, true, &err)) {
				db_txn_rollback(txn);
			} else {
				db_txn_finish(txn);
				acknowledged++;
			}
			ck_assert_uint_eq(db_table(s->db, "R")->n_rows, acknowledged);
			if (i % 10 == 9)
				store_compact(s, NULL, &err);
		}
		store_close(s);
		ck_assert_msg(!store_open(&s, path, OVSDB_LOG_READ, NULL, &err), "%d: %s", fail_at,
			      err.text);
		ck_assert_uint_eq(db_table(s->db, "R")->n_rows, acknowledged);
		ck_assert_uint_ge(acknowledged, 39);
		store_close(s);
	}
	ovsdb_schema_destroy(schema);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");
	int failed;

	program_init("test-log");
	log_set("console:emer", NULL);
	if (!mkdtemp(dir))
		return 1;
	path = xasprintf("%s/t.db", dir);
	tmp_path = xasprintf("%s/t.db.tmp", dir);
	lock_path = xasprintf("%s/.t.db.~lock~", dir);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_every_bit);
	tcase_add_test(t, test_every_length);
	tcase_add_test(t, test_failing_calls);
	tcase_add_test(t, test_failing_store);
	suite_add_tcase(s, t);
	failed = suite_run(s);
	remove(path);
	remove(tmp_path);
	remove(lock_path);
	remove(dir);
	return failed;
}
