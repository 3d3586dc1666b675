// SPDX-License-Identifier: Apache-2.0
// A store on a simulated disk: the power lost at every call, in every state that it may leave; every call failing, in every way.
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/vec.h"
#include "ovsdb/store.h"
#include "tests/suite.h"
#include "tests/unit/ovsdb/db-script.h"
#include "tests/unit/ovsdb/sim-disk.h"

#define N_TRANSACTIONS 200

static char *dir;
static char *path, *again_path, *copy_path;

// ---- What must be there ----

struct expected {
	VEC(uint64_t) digests; // after each transaction, from an empty database on
	size_t acknowledged; // at least so many of them must be there
	VEC(uint64_t)
	refused; // what those that were undone had led to, until more is acknowledged: they may be there
	uint64_t states, boundaries;
	uint64_t seen[1 << 16]; // states that have been looked at, by hash; what they hold
	uint64_t seen_hash[1 << 16];
};

static struct expected expected;

static int no_fsync(int fd)
{
	return 0;
}

// Of the copies that are made of damaged files the last one is kept: there are more of them in a second than a database may have.
static int open_but_copies(const char *name, int flags, mode_t mode)
{
	if (strstr(name, ".corrupt-")) {
		unlink(copy_path);
		name = copy_path;
	}
	return ovsdb_real_file_ops.open(name, flags, mode);
}

// Opens a file of 'content' as a server would that takes no damage; the digest of what it holds.
static uint64_t open_again(const struct strbuf *content)
{
	struct ovsdb_file_ops ops = ovsdb_real_file_ops;
	struct error err = ERROR_INIT;
	FILE *f = fopen(again_path, "wb");
	struct store *s;
	uint64_t digest;

	fwrite(strbuf_cstr(content), 1, content->len, f);
	fclose(f);
	ops.fsync = no_fsync;
	ops.open = open_but_copies;
	ck_assert_msg(!store_open(&s, again_path, OVSDB_LOG_WRITE, &ops, &err),
		      "after %zu transactions, %zu acknowledged: %s", expected.digests.n - 1,
		      expected.acknowledged, err.text);
	digest = script_digest(s->db);
	store_close(s);
	return digest;
}

static void check_state(const struct strbuf *content, void *unused)
{
	uint64_t hash, digest;
	size_t slot, i;

	ck_assert_msg(content, "the file is gone");
	hash = hash_bytes(strbuf_cstr(content), content->len, 1) | 1;
	slot = hash % ARRAY_SIZE(expected.seen);
	expected.states++;
	if (expected.seen_hash[slot] != hash) {
		expected.seen[slot] = open_again(content);
		expected.seen_hash[slot] = hash;
	}
	digest = expected.seen[slot];
	for (i = expected.acknowledged; i < expected.digests.n; i++)
		if (expected.digests.v[i] == digest)
			return;
	for (i = 0; i < expected.refused.n; i++)
		if (expected.refused.v[i] == digest)
			return;
	for (i = 0; i < expected.digests.n && expected.digests.v[i] != digest; i++)
		;
	ck_abort_msg("%zu of %zu transactions are acknowledged, and %s are there",
		     expected.acknowledged, expected.digests.n - 1,
		     i < expected.digests.n ? "fewer" : "parts");
}

static void on_boundary(void *unused)
{
	expected.boundaries++;
	sim_disk_states(path, check_state, NULL);
}

static void forget(void)
{
	VEC_FREE(&expected.digests);
	VEC_FREE(&expected.refused);
}

static void expect_empty(const struct db *db)
{
	memset(&expected, 0, sizeof(expected));
	VEC_PUSH(&expected.digests, script_digest(db));
}

// ---- The script ----

static void make_file(void)
{
	struct db *db = db_create(script_schema());
	AUTO(strbuf) content = STRBUF_INIT;
	FILE *f = fopen(path, "wb");

	store_format_snapshot(db, NULL, &content);
	fwrite(content.s, 1, content.len, f);
	fclose(f);
	db_destroy(db);
}

// As the server does: run some, write them together, then acknowledge or undo them. True when acknowledged.
static bool run_batch(struct store *s, unsigned int first, size_t n, bool sync)
{
	struct error err = ERROR_INIT;
	struct db_txn *txns[3];
	int rc;

	for (size_t k = 0; k < n; k++) {
		txns[k] = script_transaction(s->db, first + k);
		VEC_PUSH(&expected.digests, script_digest(s->db));
		store_append(s, txns[k]);
	}
	rc = store_flush(s, sync, &err);
	if (rc)
		ck_assert(err.text[0]);
	for (size_t k = n; rc && k-- > 0;) {
		db_txn_rollback(txns[k]);
		VEC_PUSH(&expected.refused, expected.digests.v[--expected.digests.n]);
	}
	ck_assert_uint_eq(script_digest(s->db), expected.digests.v[expected.digests.n - 1]);
	for (size_t k = 0; !rc && k < n; k++)
		db_txn_finish(txns[k]);
	if (!rc && sync) {
		expected.acknowledged = expected.digests.n - 1;
		expected.refused.n = 0;
	}
	return !rc;
}

// What a process beside this one does while a batch is run.
static void rewrite_beside(struct store *s, unsigned int *i)
{
	struct error err = ERROR_INIT;
	struct store_rewrite *rw;
	int rc;

	if (store_rewrite_begin(s, "beside", &rw, &err))
		return;
	rc = store_rewrite_write(s->db, rw);
	run_batch(s, ++*i, 1, true);
	store_rewrite_end(s, rw, rc, &err);
}

static void run_script(struct store *s)
{
	struct error err = ERROR_INIT;

	for (unsigned int i = 0; i < N_TRANSACTIONS;) {
		size_t n = MIN(1 + i / 3 % 3, N_TRANSACTIONS - i);

		run_batch(s, i, n, i % 17 != 5);
		i += n;
		if (i % 23 < n)
			store_compact(s, "compacted", &err);
		if (i % 31 < n)
			rewrite_beside(s, &i);
	}
}

START_TEST(test_power_lost_at_every_call)
{
	struct error err = ERROR_INIT;
	struct store *s;

	make_file();
	sim_disk_init();
	ck_assert_msg(!store_open(&s, path, OVSDB_LOG_WRITE, &sim_disk_ops, &err), "%s", err.text);
	expect_empty(s->db);
	sim_disk_on_change(on_boundary, NULL);
	run_script(s);
	store_close(s);
	sim_disk_uninit();
	printf("%llu calls, %llu states, %zu transactions\n",
	       (unsigned long long)expected.boundaries, (unsigned long long)expected.states,
	       expected.digests.n - 1);
	ck_assert_uint_ge(expected.boundaries, 2 * N_TRANSACTIONS / 3);
	forget();
}
END_TEST

// ---- Calls that fail ----

static int fault_at;

// The power is lost soon after, too; only with "check --long" for each of them.
static void on_boundary_after_fault(void *unused)
{
	int since = sim_disk_calls() - fault_at;

	if ((is_long() || fault_at % 8 == 0) && since >= 0 && since < 8)
		on_boundary(NULL);
}

// False when the script has fewer calls.
static bool run_with_fault(int n, int times, enum sim_fault how)
{
	struct error err = ERROR_INIT;
	struct store *s;
	int calls;

	make_file();
	sim_disk_init();
	ck_assert_msg(!store_open(&s, path, OVSDB_LOG_WRITE, &sim_disk_ops, &err), "%s", err.text);
	expect_empty(s->db);
	sim_disk_fail_at(fault_at = n, times, how);
	sim_disk_on_change(on_boundary_after_fault, NULL);
	run_script(s);
	calls = sim_disk_calls();
	// The disk works again, so the store does.
	sim_disk_fail_at(0, 0, how);
	sim_disk_on_change(NULL, NULL);
	ck_assert_msg(run_batch(s, N_TRANSACTIONS, 1, true), "call %d, fault %d", n, how);
	ck_assert_uint_eq(expected.acknowledged, expected.digests.n - 1);
	on_boundary(NULL);
	store_close(s);
	sim_disk_uninit();
	forget();
	return calls >= n;
}

START_TEST(test_every_call_fails)
{
	static const int times[] = { 1, 4 };
	int n = 1;

	while (run_with_fault(n, _i == SIM_SHORT ? 1 : times[n % 2], (enum sim_fault)_i))
		n++;
	ck_assert_int_ge(n, N_TRANSACTIONS);
}
END_TEST

// Fails an fsync after 'first' transactions that were only written, and says whether the file was replaced then.
static bool is_replaced_after_failed_fsync(int first, enum sim_fault how)
{
	struct error err = ERROR_INIT;
	struct stat before, after;
	struct store *s;

	make_file();
	sim_disk_init();
	ck_assert_msg(!store_open(&s, path, OVSDB_LOG_WRITE, &sim_disk_ops, &err), "%s", err.text);
	expect_empty(s->db);
	ck_assert(run_batch(s, 0, 1, true));
	for (int i = 1; i <= first; i++)
		ck_assert(run_batch(s, i, 1, false));
	sim_disk_fail_at(2, 1, how);
	ck_assert(!run_batch(s, 10, 2, true));
	ck_assert(!stat(path, &before));
	ck_assert(run_batch(s, 12, 1, true));
	ck_assert(!stat(path, &after));
	on_boundary(NULL);
	store_close(s);
	sim_disk_uninit();
	forget();
	return before.st_ino != after.st_ino;
}

START_TEST(test_file_that_holds_what_memory_does_stays)
{
	ck_assert(!is_replaced_after_failed_fsync(0, SIM_EIO));
	ck_assert(!is_replaced_after_failed_fsync(0, SIM_EIO_KEPT));
	ck_assert(!is_replaced_after_failed_fsync(3, SIM_EIO_KEPT));
}
END_TEST

START_TEST(test_file_that_lost_what_memory_holds_is_written_anew)
{
	ck_assert(is_replaced_after_failed_fsync(3, SIM_EIO));
}
END_TEST

static int compact_at_once(struct store *s, struct error *err)
{
	return store_compact(s, "compacted", err);
}

static int compact_beside(struct store *s, struct error *err)
{
	struct store_rewrite *rw;

	return store_rewrite_begin(s, "beside", &rw, err)
		       ? -EIO
		       : store_rewrite_end(s, rw, store_rewrite_write(s->db, rw), err);
}

// Every step up to the rename.
START_TEST(test_compaction_that_fails_leaves_the_old_file)
{
	int (*compact)(struct store * s, struct error * err) =
		_i ? compact_beside : compact_at_once;
	int n, rc = -1;

	for (n = 1; rc; n++) {
		struct error err = ERROR_INIT;
		struct stat before, after;
		AUTO_FREE char *left = xasprintf("%s.%s", path, _i ? "compact" : "tmp");
		struct store *s;

		make_file();
		sim_disk_init();
		ck_assert(!store_open(&s, path, OVSDB_LOG_WRITE, &sim_disk_ops, &err));
		expect_empty(s->db);
		ck_assert(run_batch(s, 0, 3, true) && !stat(path, &before));
		sim_disk_fail_at(n, 1, SIM_ENOSPC);
		rc = compact(s, &err);
		sim_disk_fail_at(0, 0, SIM_ENOSPC);
		ck_assert(!stat(path, &after) && access(left, F_OK));
		// Once it is in place, only its name may fail to reach the disk.
		ck_assert(!rc || before.st_ino == after.st_ino || strstr(err.text, "directory"));
		ck_assert(run_batch(s, 4, 1, true));
		on_boundary(NULL);
		store_close(s);
		sim_disk_uninit();
		forget();
	}
	ck_assert_int_gt(n, 5);
}
END_TEST

// Copies of what was cut off are among them.
static void remove_files(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d))) {
		AUTO_FREE char *name = xasprintf("%s/%s", dir, e->d_name);

		if (e->d_type == DT_REG)
			unlink(name);
	}
	closedir(d);
	rmdir(dir);
}

int main(void)
{
	Suite *s = suite_create("crash");
	TCase *t = tcase_create("crash");
	int failed;

	program_init("test-crash");
	log_set("console:emer", NULL);
	// Thousands of files: in memory, where that is.
	dir = xasprintf("%s/test-crash.XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(dir))
		return 1;
	path = xasprintf("%s/t.db", dir);
	again_path = xasprintf("%s/again.db", dir);
	copy_path = xasprintf("%s/copy", dir);
	mallopt(M_MMAP_THRESHOLD,
		1 << 20); // a file is read into a large buffer, thousands of times
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	tcase_set_timeout(t, is_long() ? 1800 : 300);
	tcase_add_test(t, test_power_lost_at_every_call);
	tcase_add_loop_test(t, test_every_call_fails, 0, SIM_FAULT_MAX);
	tcase_add_test(t, test_file_that_holds_what_memory_does_stays);
	tcase_add_test(t, test_file_that_lost_what_memory_holds_is_written_anew);
	tcase_add_loop_test(t, test_compaction_that_fails_leaves_the_old_file, 0, 2);
	suite_add_tcase(s, t);
	failed = suite_run(s);
	remove_files();
	return failed;
}
