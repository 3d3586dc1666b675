// SPDX-License-Identifier: Apache-2.0
// A damaged file under each of the three ways to open it, every bit of it flipped in turn.
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ovsdb/store.h"
#include "tests/suite.h"

#define N_RECORDS 100 // and the schema

static char *dir, *path;
static struct strbuf good = STRBUF_INIT;
static size_t ends[N_RECORDS + 1]; // of the schema, and of each record

static size_t flipped; // the bit that the disk reads wrongly, from bit 0 of the first byte on

static ssize_t read_flipped(int fd, void *buf, size_t n)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t got = ovsdb_real_file_ops.read(fd, buf, n);

	if ((off_t)flipped / 8 >= at && (off_t)flipped / 8 < at + got)
		((char *)buf)[flipped / 8 - at] ^= 1 << flipped % 8;
	return got;
}

static int no_fsync(int fd)
{
	return 0;
}

static struct ovsdb_file_ops quick_ops, flipping_ops;

static void write_file(const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

// One row for each record; none needs another.
static void make_file(void)
{
	static const char schema[] =
		"{\"name\":\"T\",\"tables\":{\"R\":{\"columns\":{\"i\":{\"type\":\"integer\"}}}}}";

	strbuf_clear(&good);
	ovsdb_log_format(&good, schema, strlen(schema));
	ends[0] = good.len;
	for (int i = 1; i <= N_RECORDS; i++) {
		AUTO_FREE char *text =
			xasprintf("{\"R\":{\"00000000-0000-0000-0000-%012d\":{\"i\":%d}},\"_date\":"
				  "%d,\"_is_diff\":true}",
				  i, i, i);

		ovsdb_log_format(&good, text, strlen(text));
		ends[i] = good.len;
	}
}

// Which record holds the byte.
static int record_of(size_t at)
{
	int i = 0;

	while (at >= ends[i])
		i++;
	return i;
}

static bool has_row(const struct store *s, int i)
{
	static struct uuid uuids[N_RECORDS + 1];

	if (uuid_is_zero(&uuids[i])) {
		AUTO_FREE char *text = xasprintf("00000000-0000-0000-0000-%012d", i);

		uuid_parse(&uuids[i], text);
	}
	return db_row_find(db_table(s->db, "R"), &uuids[i]);
}

// The rows that are there are 1 to 'last', but for 'without'.
static void check_rows(const struct store *s, int last, int without, size_t bit)
{
	for (int i = 1; i <= N_RECORDS; i++)
		if (has_row(s, i) != (i <= last && i != without))
			ck_abort_msg("bit %zu: row %d", bit, i);
}

// The copy of the damaged file, and it is that.
static void check_copy(const void *damaged, size_t n, size_t bit)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int found = 0;

	while ((e = readdir(d))) {
		AUTO(strbuf) content = STRBUF_INIT;
		AUTO_FREE char *name = xasprintf("%s/%s", dir, e->d_name);

		if (!strstr(e->d_name, ".corrupt-"))
			continue;
		ck_assert(!strbuf_read_file(&content, name));
		ck_assert_msg(content.len == n && !memcmp(content.s, damaged, n), "bit %zu", bit);
		unlink(name);
		found++;
	}
	closedir(d);
	ck_assert_msg(found == 1, "bit %zu: %d copies", bit, found);
}

static void check_file(const void *content, size_t n)
{
	AUTO(strbuf) now = STRBUF_INIT;

	ck_assert(!strbuf_read_file(&now, path));
	ck_assert(now.len == n && !memcmp(now.s, content, n));
}

static int last_kept(enum ovsdb_on_corruption how, int damaged)
{
	return how == OVSDB_SALVAGE ? N_RECORDS : damaged - 1;
}

// As the tool looks at it: nothing is written.
static void look(enum ovsdb_on_corruption how, size_t bit)
{
	int damaged = record_of(bit / 8);
	struct error err = ERROR_INIT;
	struct store *s;
	int rc;

	flipped = bit;
	rc = store_open_damaged(&s, path, OVSDB_LOG_READ, &flipping_ops, how, &err);
	if (how == OVSDB_REFUSE || !damaged) {
		ck_assert_msg(
			rc < 0 && strstr(err.text, "offset") &&
				strstr(err.text, damaged ? "--on-corruption=salvage" : "schema"),
			"bit %zu: %d %s", bit, rc, err.text);
		return;
	}
	ck_assert_msg(!rc, "bit %zu: %s", bit, err.text);
	check_rows(s, last_kept(how, damaged), damaged, bit);
	store_close(s);
}

// Reads past the damage; every record but the damaged one must come, and damage be told once, where it is.
static void read_all(size_t bit)
{
	int damaged = record_of(bit / 8), n = 0, n_damaged = 0, rc;
	struct error err = ERROR_INIT;
	struct json_span record;
	struct ovsdb_log *log;

	flipped = bit;
	ck_assert(!ovsdb_log_open(&log, path, OVSDB_LOG_READ, &flipping_ops, &err));
	while ((rc = ovsdb_log_read(log, &record, &err))) {
		if (rc == OVSDB_LOG_DAMAGED) {
			ovsdb_log_skip_damage(log, &record);
			if (n != damaged || record.n != ends[n] - (n ? ends[n - 1] : 0))
				ck_abort_msg("bit %zu: %zu bytes at record %d", bit, record.n, n);
			n_damaged++;
		} else if (rc < 0 || (size_t)ovsdb_log_offset(log) != (n ? ends[n - 1] : 0)) {
			ck_abort_msg("bit %zu: record %d: %s", bit, n, err.text);
		}
		n++;
	}
	ovsdb_log_close(log);
	if (n != N_RECORDS + 1 || n_damaged != 1)
		ck_abort_msg("bit %zu: %d records, %d damaged", bit, n, n_damaged);
}

START_TEST(test_every_bit)
{
	make_file();
	write_file(good.s, good.len);
	for (size_t bit = 0; bit < good.len * 8; bit++)
		read_all(bit);
}
END_TEST

START_TEST(test_each_way_to_open)
{
	make_file();
	write_file(good.s, good.len);
	for (size_t bit = 0; bit < good.len * 8; bit += is_long() ? 1 : 13)
		look((enum ovsdb_on_corruption)_i, bit);
}
END_TEST

// As the server opens it.
static void mend(enum ovsdb_on_corruption how, size_t bit)
{
	int damaged = record_of(bit / 8), last = last_kept(how, damaged);
	struct error err = ERROR_INIT;
	struct store *s;
	int rc;

	write_file(good.s, good.len);
	rc = store_open_damaged(&s, path, OVSDB_LOG_WRITE, &quick_ops, how, &err);
	if (how == OVSDB_REFUSE || !damaged) {
		ck_assert_msg(rc < 0, "bit %zu", bit);
		check_file(good.s, good.len);
		return;
	}
	ck_assert_msg(!rc, "bit %zu: %s", bit, err.text);
	check_rows(s, last, damaged, bit);
	store_close(s);
	check_copy(good.s, good.len, bit);
	// What was written instead is whole, and the same.
	ck_assert_msg(!store_open(&s, path, OVSDB_LOG_READ, &quick_ops, &err), "%s", err.text);
	check_rows(s, last, damaged, bit);
	store_close(s);
}

START_TEST(test_damaged_file_is_copied_and_written_anew)
{
	make_file();
	for (size_t bit = 0; bit < good.len * 8; bit += 171) {
		good.s[bit / 8] ^= 1 << bit % 8;
		mend((enum ovsdb_on_corruption)_i, bit);
		good.s[bit / 8] ^= 1 << bit % 8;
	}
}
END_TEST

// A long hole: several records are gone, those on both sides are there.
START_TEST(test_a_hole_of_zeros_between_synced_records_is_damage)
{
	struct error err = ERROR_INIT;
	struct store *s;

	make_file();
	memset(good.s + 1024, 0, 4096);
	write_file(good.s, good.len);
	ck_assert(store_open(&s, path, OVSDB_LOG_WRITE, &quick_ops, &err) < 0);
	ck_assert(!store_open_damaged(&s, path, OVSDB_LOG_WRITE, &quick_ops, OVSDB_SALVAGE, &err));
	for (int i = 1; i <= N_RECORDS; i++)
		ck_assert_int_eq(has_row(s, i), ends[i] <= 1024 || ends[i - 1] >= 5120);
	store_close(s);
}
END_TEST

static ssize_t full_write(int fd, const void *p, size_t n)
{
	return -ENOSPC;
}

START_TEST(test_no_copy_no_change)
{
	struct ovsdb_file_ops full = quick_ops;
	struct error err = ERROR_INIT;
	struct store *s;

	make_file();
	good.s[ends[50] + 70] ^= 1;
	write_file(good.s, good.len);
	full.write = full_write;
	for (int how = 0; how < 3; how++) {
		ck_assert(store_open_damaged(&s, path, OVSDB_LOG_WRITE, &full,
					     (enum ovsdb_on_corruption)how, &err) < 0);
		check_file(good.s, good.len);
	}
	ck_assert_msg(strstr(err.text, "copy"), "%s", err.text);
}
END_TEST

// Records that stand on what was lost: they are left out as a whole, and the rest goes on.
START_TEST(test_records_that_do_not_fit_are_left_out)
{
	static const char *const records[] = {
		"{\"name\":\"T\",\"tables\":{\"R\":{\"isRoot\":true,\"columns\":{\"i\":{\"type\":"
		"\"integer\"},\"c\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"C\"},"
		"\"min\":0}}}},\"C\":{\"columns\":{\"x\":{\"type\":\"string\"}}}}}",
		"{\"R\":{\"00000000-0000-0000-0000-000000000001\":{\"i\":1}}}",
		"{\"R\":{\"00000000-0000-0000-0000-000000000002\":{\"c\":[\"uuid\",\"00000000-0000-"
		"0000-0000-00000000000c\"]}},\"C\":{\"00000000-0000-0000-0000-00000000000c\":{"
		"\"x\":"
		"\"lost\"}}}",
		// Refers to the row that is lost, and changes another.
		"{\"R\":{\"00000000-0000-0000-0000-000000000003\":{\"c\":[\"uuid\",\"00000000-0000-"
		"0000-0000-00000000000c\"]},\"00000000-0000-0000-0000-000000000001\":{\"i\":5}},"
		"\"_is_diff\":true}",
		// Deletes the row that is lost, and makes another.
		"{\"R\":{\"00000000-0000-0000-0000-000000000002\":null,\"00000000-0000-0000-0000-"
		"000000000004\":{\"i\":4}},\"_is_diff\":true}",
	};
	struct error err = ERROR_INIT;
	struct store *s;
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		if (i == 2)
			at = good.len;
		ovsdb_log_format(&good, records[i], strlen(records[i]));
	}
	good.s[at + 80] ^= 1;
	write_file(good.s, good.len);
	ck_assert_msg(
		!store_open_damaged(&s, path, OVSDB_LOG_WRITE, &quick_ops, OVSDB_SALVAGE, &err),
		"%s", err.text);
	ck_assert(has_row(s, 1) && !has_row(s, 2) && !has_row(s, 3) && has_row(s, 4));
	ck_assert_uint_eq(db_table(s->db, "R")->n_rows, 2);
	store_close(s);
}
END_TEST

// Written together and not synced: what reached the disk of it counts for nothing, in every mode, and a copy is kept.
START_TEST(test_a_hole_in_what_was_not_synced_ends_the_log)
{
	static const char later[] = "{\"R\":{\"00000000-0000-0000-0001-000000000000\":{\"i\":1}}}";
	struct error err = ERROR_INIT;
	struct ovsdb_log *log;
	struct json_span record;
	AUTO(strbuf) content = STRBUF_INIT;
	AUTO(strbuf) long_value = STRBUF_INIT;
	struct store *s;

	make_file();
	write_file(good.s, good.len);
	ck_assert(!ovsdb_log_open(&log, path, OVSDB_LOG_WRITE, &quick_ops, &err));
	while (ovsdb_log_read(log, &record, &err) > 0)
		;
	strbuf_printf(&long_value, "{\"_comment\":\"");
	strbuf_putc_n(&long_value, 'x', 2000);
	strbuf_puts(&long_value, "\"}");
	ovsdb_log_append(log, long_value.s, long_value.len);
	ovsdb_log_append(log, later, strlen(later));
	ck_assert(!ovsdb_log_flush(log, true, &err));
	ovsdb_log_close(log);
	ck_assert(!strbuf_read_file(&content, path));
	memset(content.s + ROUND_UP(good.len, 512), 0, 1024);
	write_file(content.s, content.len);
	ck_assert_msg(!store_open(&s, path, OVSDB_LOG_WRITE, &quick_ops, &err), "%s", err.text);
	check_rows(s, N_RECORDS, 0, 0);
	ck_assert_uint_eq(db_table(s->db, "R")->n_rows, N_RECORDS);
	store_close(s);
	check_copy(content.s, content.len, 0);
	check_file(good.s, good.len);
}
END_TEST

// Only the last record can be torn: when its length alone is wrong, all of it is there.
START_TEST(test_a_wrong_length_at_the_end_is_no_torn_record)
{
	struct error err = ERROR_INIT;
	struct store *s;

	make_file();
	good.s[ends[N_RECORDS - 1] + strlen("OVSDB JSON ")] = '9';
	write_file(good.s, good.len);
	ck_assert_int_eq(store_open(&s, path, OVSDB_LOG_WRITE, &quick_ops, &err),
			 OVSDB_LOG_DAMAGED);
	check_file(good.s, good.len);
}
END_TEST

START_TEST(test_clustered_file_is_refused_by_name)
{
	static const char text[] = "OVSDB CLUSTER 4 abc\n{}\n";
	struct error err = ERROR_INIT;
	struct store *s;

	write_file(text, strlen(text));
	for (int how = 0; how < 3; how++) {
		ck_assert_int_eq(store_open_damaged(&s, path, OVSDB_LOG_WRITE, &quick_ops,
						    (enum ovsdb_on_corruption)how, &err),
				 -EOPNOTSUPP);
		ck_assert(strstr(err.text, "clustered"));
		check_file(text, strlen(text));
	}
}
END_TEST

static void remove_copies(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d))) {
		AUTO_FREE char *name = xasprintf("%s/%s", dir, e->d_name);

		if (strstr(e->d_name, ".corrupt-"))
			unlink(name);
	}
	closedir(d);
}

static void remove_files(void)
{
	AUTO_FREE char *lock = xasprintf("%s/.t.db.~lock~", dir);

	remove_copies();
	unlink(path);
	unlink(lock);
	rmdir(dir);
}
int main(void)
{
	Suite *s = suite_create("damage");
	TCase *t = tcase_create("damage");
	int failed;

	program_init("test-damage");
	log_set("console:emer", NULL);
	log_set("syslog:off", NULL);
	// Thousands of files: in memory, where that is.
	dir = xasprintf("%s/test-damage.XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(dir))
		return 1;
	path = xasprintf("%s/t.db", dir);
	quick_ops = flipping_ops = ovsdb_real_file_ops;
	quick_ops.fsync = flipping_ops.fsync = no_fsync;
	flipping_ops.read = read_flipped;
	mallopt(M_MMAP_THRESHOLD,
		1 << 20); // a file is read into a large buffer, hundreds of thousands of times
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	tcase_set_timeout(t, is_long() ? 1800 : 300);
	tcase_add_checked_fixture(t, remove_copies, NULL);
	tcase_add_test(t, test_every_bit);
	tcase_add_loop_test(t, test_each_way_to_open, 0, 3);
	tcase_add_loop_test(t, test_damaged_file_is_copied_and_written_anew, 0, 3);
	tcase_add_test(t, test_a_hole_of_zeros_between_synced_records_is_damage);
	tcase_add_test(t, test_no_copy_no_change);
	tcase_add_test(t, test_records_that_do_not_fit_are_left_out);
	tcase_add_test(t, test_a_hole_in_what_was_not_synced_ends_the_log);
	tcase_add_test(t, test_a_wrong_length_at_the_end_is_no_torn_record);
	tcase_add_test(t, test_clustered_file_is_refused_by_name);
	suite_add_tcase(s, t);
	failed = suite_run(s);
	remove_files();
	return failed;
}
