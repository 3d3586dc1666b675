// SPDX-License-Identifier: Apache-2.0
// The duties of a daemon: --pidfile, --overwrite-pidfile, --detach, --monitor, --no-chdir, --user, --no-self-confinement.
#pragma once

#include <getopt.h>

#include "core/base/util.h"

enum {
	OPT_DETACH = 0x5000,
	OPT_NO_CHDIR,
	OPT_PIDFILE,
	OPT_OVERWRITE_PIDFILE,
	OPT_MONITOR,
	OPT_USER,
	OPT_NO_SELF_CONFINEMENT
};
#define DAEMON_LONG_OPTIONS \
	{ "detach", no_argument, NULL, OPT_DETACH }, \
		{ "no-chdir", no_argument, NULL, OPT_NO_CHDIR }, \
		{ "pidfile", optional_argument, NULL, OPT_PIDFILE }, \
		{ "overwrite-pidfile", no_argument, NULL, OPT_OVERWRITE_PIDFILE }, \
		{ "monitor", no_argument, NULL, OPT_MONITOR }, \
		{ "user", required_argument, NULL, OPT_USER }, \
	{ \
		"no-self-confinement", no_argument, NULL, OPT_NO_SELF_CONFINEMENT \
	}

// True when 'c' was one of ours.
bool daemon_handle_option(int c, const char *arg);
void daemon_usage(void);
// The default for --pidfile without a value set by a program that always writes one.
void daemon_set_pidfile(const char *path);
// After options, before any thread or socket is made. With --detach: forks; the parent waits for daemon_ready() and
// exits with 0, or with the child's status when it dies before. With --monitor: the parent stays and restarts a child
// that dies by a signal. Writes the pid file (locked), so a second daemon with the same one is refused.
void daemon_start(void);
// When the daemon serves: releases the waiting parent, changes to "/" unless --no-chdir, silences the console.
void daemon_ready(void);
// Switches to --user USER[:GROUP], keeping CAP_NET_ADMIN, CAP_NET_RAW and the like where 'keep_net' is set (libcap-ng).
void daemon_become_user(bool keep_net);
bool daemon_is_detached(void);
// A program whose output is its work: daemon_ready() leaves standard output and error open where they are no terminal.
void daemon_keep_output(void);
// SIGTERM, SIGINT and SIGHUP call this program's handler on the loop.
struct loop;
void daemon_on_signal(struct loop *l, void (*terminate)(void *aux), void (*hangup)(void *aux),
		      void *aux);
