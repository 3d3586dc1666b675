// SPDX-License-Identifier: Apache-2.0
// What the files of ovs-dpctl share. One process is one command: what goes wrong is said at once, on stderr.
#pragma once

#include "core/base/strmap.h"
#include "datapath/kernel/admin.h"

struct dpctl_options {
	bool statistics, more, clear, may_create, read_only;
	bool names, names_given;
	struct admin *admin; // opened before a command runs that needs it
	int errors; // told so far; the exit status
};

extern struct dpctl_options dpctl;

enum { DPCTL_WRITES = 1, DPCTL_NO_KERNEL = 2 };

struct dpctl_command {
	const char *name, *usage;
	int min_args, max_args; // without the name
	int flags;
	void (*run)(int argc, char *argv[]);
};

// End with a row whose name is NULL.
extern const struct dpctl_command dpctl_datapath_commands[], dpctl_flow_commands[];

// "ovs-dpctl: TEXT", with the words for 'error' (negative errno) behind it when it is not 0. The exit status is 1 then.
void dpctl_error(int error, const char *fmt, ...) PRINTF(2, 3);
// The kernel's own words to an error that was told, as a warning in the log.
void dpctl_explain(const struct error *err);

// [type@]NAME: 0, or negative errno (no such type, no such datapath).
int dpctl_find_dp(const char *name, struct admin_dp *ret);
// The first argument when it is a datapath's (there are 'max' arguments then), else the only one that is there. On success
// *argc and *argv are what is left without the name. False: an error was told.
bool dpctl_take_dp(int *argc, char **argv[], int max, struct admin_dp *ret);
// The only one.
bool dpctl_only_dp(struct admin_dp *ret);

bool dpctl_port_by_name(const char *name, dp_port_t *ret, void *ports);
const char *dpctl_port_name(dp_port_t port, void *ports);
