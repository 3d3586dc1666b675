// SPDX-License-Identifier: Apache-2.0
// How a case's checks are run in a guest.
#pragma once

#include <check.h>
#include <stdlib.h>

// All in this process: forks are slow in the guest, and sockets and datapaths are one process's. The exit status.
static inline int guest_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
