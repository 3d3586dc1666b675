// SPDX-License-Identifier: Apache-2.0
// What mlx5 devices are asked, against libraries of ours (fake-verbs.c) in the place of the system's.
#include <check.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "offload/switchdev/mlx5.h"
#include "tests/suite.h"

static char folder[] = "/tmp/oes-mlx5-XXXXXX";

// Built beside this program.
static struct mlx5 *open_fake(void)
{
	struct error err = ERROR_INIT;
	struct mlx5 *m;

	ck_assert_msg(!mlx5_open("tests/unit/offload/fake-verbs", &m, &err), "%s", err.text);
	return m;
}

static void make_places(void)
{
	static const char *const places[][2] = { { "other_0", "0000:03:00.0" },
						 { "mlx5_0", "0000:03:00.1" } };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		AUTO_FREE char *dir = xasprintf("%s/%s", folder, places[i][0]),
			       *link = xasprintf("%s/device", dir),
			       *to = xasprintf("../../../%s", places[i][1]);

		ck_assert_int_eq(mkdir(dir, 0700), 0);
		ck_assert_int_eq(symlink(to, link), 0);
	}
	setenv("FAKE_VERBS", folder, 1);
}

static void remove_places(void)
{
	AUTO_FREE char *command = xasprintf("rm -r %s", folder);

	ck_assert_int_eq(system(command), 0);
}

static const char *fact(const struct smap *facts, const char *name)
{
	return smap_get_def(facts, name, "not told");
}

START_TEST(a_device_tells_its_firmware_and_capabilities)
{
	struct error err = ERROR_INIT;
	struct mlx5 *m = open_fake();
	AUTO(smap) facts;

	smap_init(&facts);
	ck_assert_msg(!mlx5_query(m, "0000:03:00.1", &facts, &err), "%s", err.text);
	ck_assert_str_eq(fact(&facts, "mlx5_firmware"), "22.31.1014");
	ck_assert_str_eq(fact(&facts, "mlx5_eswitch_manager"), "1");
	ck_assert_str_eq(fact(&facts, "mlx5_steering_format"), "1");
	ck_assert_str_eq(fact(&facts, "mlx5_flow_meters"), "1");
	ck_assert_str_eq(fact(&facts, "mlx5_connections"), "0");
	ck_assert_str_eq(fact(&facts, "mlx5_merged_eswitch"), "0");
	ck_assert_str_eq(fact(&facts, "mlx5_log_encapsulations"), "9");
	// What the firmware refuses to tell is not known.
	ck_assert_str_eq(fact(&facts, "mlx5_flow_counters"), "not told");
	mlx5_close(m);
}
END_TEST

START_TEST(what_is_not_there_or_closed_is_an_error)
{
	struct error err = ERROR_INIT;
	struct mlx5 *m = open_fake();
	AUTO(smap) facts;

	smap_init(&facts);
	ck_assert_int_eq(mlx5_query(m, "0000:03:00.0", &facts, &err), -ENODEV);
	ck_assert_int_eq(mlx5_query(m, "0000:04:00.0", &facts, &err), -ENODEV);
	ck_assert_str_eq(err.text, "0000:04:00.0: no mlx5 device is there");
	setenv("FAKE_VERBS_LOCKED", "1", 1);
	ck_assert_int_eq(mlx5_query(m, "0000:03:00.1", &facts, &err), -EPERM);
	unsetenv("FAKE_VERBS_LOCKED");
	ck_assert_uint_eq(smap_count(&facts), 0);
	mlx5_close(m);
	ck_assert_int_eq(mlx5_open("/nonexistent", &m, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/libibverbs.so.1"));
}
END_TEST

static void count(const char *what, const char *remedy, void *aux)
{
	ck_assert_uint_gt(strlen(what), 10);
	++*(int *)aux;
}

START_TEST(what_is_missing_is_found)
{
	AUTO(smap) facts;
	int n = 0;

	smap_init(&facts);
	mlx5_findings(&facts, count, &n);
	ck_assert_int_eq(n, 0);
	smap_set(&facts, "mlx5_flow_meters", "0");
	smap_set(&facts, "mlx5_eswitch_manager", "1");
	mlx5_findings(&facts, count, &n);
	ck_assert_int_eq(n, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/switchdev/mlx5");
	TCase *t = tcase_create("mlx5");

	tcase_add_unchecked_fixture(t, make_places, remove_places);
	tcase_add_test(t, a_device_tells_its_firmware_and_capabilities);
	tcase_add_test(t, what_is_not_there_or_closed_is_an_error);
	tcase_add_test(t, what_is_missing_is_found);
	suite_add_tcase(s, t);
	return suite_run(s);
}
