// SPDX-License-Identifier: Apache-2.0
// What DPDK is started with for each dpdk-* key; starts nothing.
#include <unistd.h>

#include "datapath/user/eal-args.h"
#include "tests/suite.h"

START_TEST(text_is_split_as_a_shell_would)
{
	static const char *const want[] = { "-a", "b c", "d'e", "f g", "" };
	struct error err = ERROR_INIT;
	char **v = NULL;
	size_t n = 0, cap = 0;

	ck_assert_int_eq(eal_split_args(" -a 'b c'  \"d'e\" f\\ g ''", &v, &n, &cap, &err), 5);
	for (size_t i = 0; i < n; i++) {
		ck_assert_str_eq(v[i], want[i]);
		free(v[i]);
	}
	free(v);
	v = NULL;
	n = cap = 0;
	ck_assert_int_eq(eal_split_args("'open", &v, &n, &cap, &err), -EINVAL);
}
END_TEST

static const struct {
	const char *name;
	struct datapath_config config;
	const char *want; // before what is always there; NULL: refused
	uint32_t memory;
	const char *says; // the error
} eal_rows[] = {
	{ "nothing",
	  { 0 },
	  " --lcores 0@5 --no-huge --no-shconf -m 256 --no-pci --no-telemetry",
	  256,
	  NULL },
	{ "lcore mask",
	  { .lcore_mask = "0x6" },
	  " -c 0x6 --no-huge --no-shconf -m 256 --no-pci --no-telemetry",
	  256,
	  NULL },
	{ "socket mem",
	  { .socket_mem = "512,512" },
	  " --socket-mem 512,512 --lcores 0@5 -a 0000:00:00.0 --no-telemetry",
	  1024,
	  NULL },
	{ "alloc mem",
	  { .alloc_mem = "300" },
	  " -m 300 --lcores 0@5 -a 0000:00:00.0 --no-telemetry",
	  300,
	  NULL },
	{ "socket mem goes before alloc mem",
	  { .alloc_mem = "300", .socket_mem = "512" },
	  " --socket-mem 512 --lcores 0@5 -a 0000:00:00.0 --no-telemetry",
	  512,
	  NULL },
	{ "socket limit",
	  { .socket_limit = "2048,0" },
	  " --socket-limit 2048,0 --lcores 0@5 -a 0000:00:00.0 --no-telemetry",
	  256,
	  NULL },
	{ "hugepage dir",
	  { .hugepage_dir = "/mnt/huge" },
	  " --huge-dir /mnt/huge --lcores 0@5 -a 0000:00:00.0 --no-telemetry",
	  256,
	  NULL },
	{ "extra",
	  { .extra_eal_args = "--in-memory -l 1 -a 0000:03:00.0 --telemetry" },
	  " --in-memory -l 1 -a 0000:03:00.0 --telemetry",
	  256,
	  NULL },
	{ "extra with a value",
	  { .extra_eal_args = "--vdev 'net_null0,size=64'" },
	  " --vdev net_null0,size=64 --lcores 0@5 --no-huge --no-shconf -m 256 --no-pci "
	  "--no-telemetry",
	  256,
	  NULL },
	{ "extra without hugepages",
	  { .extra_eal_args = "--no-huge -m 512" },
	  " --no-huge -m 512 --lcores 0@5 -a 0000:00:00.0 --no-telemetry",
	  512,
	  NULL },
	{ "bad mask", { .lcore_mask = "all" }, NULL, 0, "dpdk-lcore-mask \"all\"" },
	{ "empty mask", { .lcore_mask = "0" }, NULL, 0, "a hex mask of CPUs" },
	{ "bad socket mem", { .socket_mem = "512,,512" }, NULL, 0, "dpdk-socket-mem" },
	{ "bad socket limit", { .socket_limit = "-1" }, NULL, 0, "dpdk-socket-limit" },
	{ "bad alloc mem", { .alloc_mem = "1G" }, NULL, 0, "a number of megabytes" },
	{ "relative hugepage dir", { .hugepage_dir = "huge" }, NULL, 0, "an absolute path" },
	{ "open quote", { .extra_eal_args = "-l '1" }, NULL, 0, "dpdk-extra: " },
};

START_TEST(each_key_gives_its_arguments)
{
	struct eal_args a = { .n = 0 };
	struct error err = ERROR_INIT;
	int ret = eal_args_make(&a, &eal_rows[_i].config, 5, &err);
	AUTO_FREE char *text = eal_args_text(&a);
	AUTO_FREE char *want = xasprintf("%s --file-prefix=openeswitch-%d",
					 eal_rows[_i].want ? eal_rows[_i].want : "", (int)getpid());

	if (!eal_rows[_i].want) {
		ck_assert_int_eq(ret, -EINVAL);
		ck_assert_msg(strstr(err.text, eal_rows[_i].says) != NULL, "%s: %s",
			      eal_rows[_i].name, err.text);
		return;
	}
	ck_assert_msg(!ret, "%s: %s", eal_rows[_i].name, err.text);
	ck_assert_msg(!strcmp(text, want), "%s:%s", eal_rows[_i].name, text);
	ck_assert_uint_eq(a.memory_mb, eal_rows[_i].memory);
	eal_args_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath/eal-args");
	TCase *t = tcase_create("eal-args");

	tcase_add_test(t, text_is_split_as_a_shell_would);
	tcase_add_loop_test(t, each_key_gives_its_arguments, 0, ARRAY_SIZE(eal_rows));
	suite_add_tcase(s, t);
	return suite_run(s);
}
