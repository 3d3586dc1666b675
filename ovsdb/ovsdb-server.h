// SPDX-License-Identifier: Apache-2.0
// What the files of the program ovsdb-server share.
#pragma once

#include "core/base/vec.h"
#include "core/io/appctl.h"
#include "ovsdb/remote.h"
#include "ovsdb/server.h"

struct program {
	struct loop *loop;
	struct server *server;
	struct remotes *remotes;
	struct strmap files; // path by database name
	// options
	const char *unixctl, *run_command;
	VEC(const char *) remote_args;
	bool relaxed, no_dbs;
	// --run
	pid_t child;
	struct io_watch child_watch;
	int status;
};

// Serves the database in file 'path'.
int program_open_db(struct program *p, const char *path, struct error *err);
// The commands of ovs-appctl.
void commands_register(struct program *p);
