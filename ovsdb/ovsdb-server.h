// SPDX-License-Identifier: Apache-2.0
// What the files of the program ovsdb-server share.
#pragma once

#include "core/base/vec.h"
#include "core/io/appctl.h"
#include "ovsdb/remote.h"
#include "ovsdb/server.h"

// The active-backup service model: all databases in files follow those of another server.
struct backup {
	char *source; // NULL: not given
	struct strset exclude; // "DB:TABLE"
	bool at_work;
	int probe_msec; // -1: as usual
};

struct program {
	struct loop *loop;
	struct server *server;
	struct remotes *remotes;
	struct strmap files; // path by database name
	// options
	struct applying *applying; // a configuration file, while databases are read; or NULL
	const char *unixctl, *run_command, *config_file;
	VEC(const char *) remote_args;
	bool relaxed, no_dbs;
	enum ovsdb_on_corruption on_corruption;
	struct backup backup;
	// --run
	pid_t child;
	struct io_watch child_watch;
	int status;
};

// Serves the database in file 'path'.
int program_open_db(struct program *p, const char *path, struct error *err);
// The same in slices, while others are served: 'cb' is told of the end, with NULL or an error, and not at all when this returns one.
typedef void program_opened_cb(void *aux, const struct error *err);
int program_open_db_in_slices(struct program *p, const char *path, program_opened_cb *cb, void *aux,
			      struct error *err);
// What stands in databases may have changed: keys for TLS, remotes. As remotes_reconfigure().
int program_reconfigure(struct program *p, struct error *err);
// ---- ovsdb-server-backup.c ----
void backup_init(struct backup *b);
void backup_uninit(struct backup *b);
// "DB:TABLE[,DB:TABLE]..." in place of what was excluded.
int backup_set_exclude(struct backup *b, const char *text, struct error *err);
// Makes every database in a file follow, or none, as 'at_work' says; after each change of the above or of the databases.
void backup_apply(struct program *p);
void backup_commands_register(struct program *p);

// ---- ovsdb-server-config.c ----
// Reads the configuration file and does what it says, at once: databases, then remotes. One of them that fails does not keep the others
// from being there; 'err' is what the first says.
int config_apply(struct program *p, struct error *err);
void config_commands_register(struct program *p);

// When a configuration file says what is served, commands do not change it: answers so.
bool program_is_by_file(const struct program *p, struct appctl_conn *conn);
// The commands of ovs-appctl.
void commands_register(struct program *p);
