// SPDX-License-Identifier: Apache-2.0
// How a test program runs its checks.
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

// "./check --long": what takes minutes may be done.
static inline bool is_long(void)
{
	return getenv("OES_LONG");
}

static inline int suite_run_as(Suite *s, enum fork_status status)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_set_fork_status(r, status);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

// Each check in a process of its own, unless CK_FORK=no. Takes 's' over; returns the program's exit status.
static inline int suite_run(Suite *s)
{
	return suite_run_as(s, CK_FORK_GETENV);
}

// All in this process: what does not survive a fork (threads of RCU and EAL, sockets that are one process's), and guests where
// forks are slow.
static inline int suite_run_here(Suite *s)
{
	return suite_run_as(s, CK_NOFORK);
}
