// SPDX-License-Identifier: Apache-2.0
// Each flow of tests/golden/verdicts-tc.txt gets the verdict that a person wrote beside it.
#include <check.h>
#include <stdio.h>

#include "offload/backend.h"
#include "tests/suite.h"
#include "tests/unit/core/flow-testing.h"
#include "tests/unit/offload/walk.h"

enum { NAME, FLOW, ACTIONS, REASON, CULPRIT, N_COLUMNS };

static char *trimmed(char *s)
{
	size_t n;

	s += strspn(s, " ");
	for (n = strlen(s); n && (s[n - 1] == ' ' || s[n - 1] == '\n'); n--)
		s[n - 1] = '\0';
	return s;
}

static void split(char *line, char *columns[N_COLUMNS])
{
	for (int i = 0; i < N_COLUMNS; i++) {
		char *bar = strchr(line, '|');

		ck_assert_msg((bar != NULL) == (i + 1 < N_COLUMNS), "%s: wrong number of columns",
			      i ? columns[NAME] : line);
		if (bar)
			*bar = '\0';
		columns[i] = trimmed(line);
		line = bar + 1;
	}
}

static struct megaflow *make_flow(char *columns[N_COLUMNS])
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m;

	ck_assert_msg(!dp_key_parse(columns[FLOW], NULL, NULL, &m, &err), "%s: %s", columns[NAME],
		      err.text);
	m.mask.m.vlans[0].tci |= htobe16(VLAN_PRESENT);
	ck_assert_msg(!dp_actions_parse(columns[ACTIONS], NULL, NULL, &list, &err), "%s: %s",
		      columns[NAME], err.text);
	return megaflow_create(&m.key, &m.mask, dp_actions_of(&list));
}

static bool check_line(char *line)
{
	struct compiled_rule *rule;
	char *columns[N_COLUMNS];
	struct megaflow *mf;
	struct verdict v;
	bool ok;

	split(line, columns);
	mf = make_flow(columns);
	if (backend_tc.compile(NULL, mf, &walk_ports, &rule, &v)) {
		backend_tc.compiled_free(rule);
		verdict_accept(&v);
	}
	megaflow_free(mf);
	ok = !strcmp(offload_reason_name(v.reason), columns[REASON]) &&
	     !strcmp(v.culprit, columns[CULPRIT]);
	if (!ok)
		printf("%s: %s (%s) instead of %s (%s)\n", columns[NAME],
		       offload_reason_name(v.reason), v.culprit, columns[REASON], columns[CULPRIT]);
	return ok;
}

START_TEST(every_flow_has_the_verdict_that_is_written_beside_it)
{
	AUTO_FREE char *path = xasprintf("%s/tests/golden/verdicts-tc.txt", test_srcdir());
	FILE *f = fopen(path, "r");
	char line[2048];
	int n = 0, wrong = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (*line == '#')
			continue;
		n++;
		wrong += !check_line(line);
	}
	fclose(f);
	ck_assert_int_ge(n, 60);
	ck_assert_int_eq(wrong, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/tc/verdicts");
	TCase *t = tcase_create("verdicts");

	tcase_add_test(t, every_flow_has_the_verdict_that_is_written_beside_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
