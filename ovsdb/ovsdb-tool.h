// SPDX-License-Identifier: Apache-2.0
// Inside of ovsdb-tool: options, arguments, and the commands that have files of their own.
#pragma once

#include "ovsdb/store.h"

extern int verbosity; // of show-log
extern enum ovsdb_on_corruption on_corruption;

// argv[i], or what stands for it. Freed by the caller.
char *db_argument(int argc, char *argv[], int i);
// Fatal where the file is a cluster's.
void need_standalone(const char *path);

// Commands: argv[0] is the command's name.
void cmd_show_log(int argc, char *argv[]);
