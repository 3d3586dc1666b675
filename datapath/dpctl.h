// SPDX-License-Identifier: Apache-2.0
// The commands of ovs-dpctl and of ovs-appctl dpctl/*: tables of rows that take arguments and give text and errors, and do not know
// who runs them. ovs-dpctl runs all of them, on the kernel's datapaths; ovs-vswitchd those about connections on each datapath, and
// the others on datapaths of the kernel that are not its own.
//
// One thread.
#pragma once

#include <stdio.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

struct admin;
struct datapath;
struct dpctl;

enum { DPCTL_WRITES = 1, DPCTL_NO_KERNEL = 2 };

struct dpctl_command {
	const char *name, *usage;
	int min_args, max_args; // without the name and options
	int flags;
	// 'argv' is what stands behind the name, without options.
	void (*run)(struct dpctl *d, int argc, const char *const argv[]);
};

// End with a row whose name is NULL. The first is for any datapath; the others are for the kernel's, from outside (d->admin).
extern const struct dpctl_command dpctl_ct_commands[], dpctl_outside_commands[],
	dpctl_outside_flow_commands[];

// One command that runs.
struct dpctl {
	const struct dpctl_command *command;
	// Options, all false at first.
	bool statistics, more, clear, may_create;
	bool names; // of ports, instead of their numbers
	bool names_given; // by an option of that name; else they come with 'more'
	FILE *input; // what the file "-" is; NULL: a file like others
	struct admin *admin; // NULL: the command needs none
	// For dpctl_ct_commands: the datapath of this name, or (NULL) the only one there is; NULL: there is none, which has been told where
	// no name was given.
	struct datapath *(*find)(struct dpctl *d, const char *name);
	void *aux; // the caller's

	// The answer. The caller frees both with dpctl_uninit().
	struct strbuf out;
	struct strbuf errors; // whole lines
	int n_errors; // those that the exit status is for
	// Called when 'out' has become long; may print and clear it. NULL: it all stays there.
	void (*drain)(struct dpctl *d);
};

// A 'find' on the kernel's datapaths, by d->admin: what it gives is for dpctl_ct_commands only.
struct datapath *dpctl_find_tracker(struct dpctl *d, const char *name);
void dpctl_uninit(struct dpctl *d);
// Takes -m, --more, --names or --no-names, in any order. False: 'arg' is none of these.
bool dpctl_take_detail(struct dpctl *d, const char *arg);
// Likewise, and -s, --statistics, --may-create and --clear.
bool dpctl_take_option(struct dpctl *d, const char *arg);
// "PROGRAM: TEXT", with the words for 'error' (negative errno) behind it when it is not 0.
void dpctl_fail(struct dpctl *d, int error, const char *fmt, ...) PRINTF(3, 4);
// The kernel's own words to an error that was told, as a warning in the log.
void dpctl_explain(const struct error *err);
// Where there are none, or several: tells so.
void dpctl_fail_to_choose(struct dpctl *d, bool several);
// To be called between parts of a long answer.
void dpctl_drain(struct dpctl *d);
