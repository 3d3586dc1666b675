// SPDX-License-Identifier: Apache-2.0
// A database that follows the one of the same name at another server: what is committed there is committed here. For backups (the copy
// is in a file, nobody else writes it) and relays (in memory; transactions go on to the source).
#pragma once

#include "core/base/strmap.h"
#include "ovsdb/server.h"

struct replica;

struct replica_options {
	const char *source; // remotes separated by commas
	const struct strset *exclude; // "DB:TABLE": tables that are not followed; NULL: none
	int probe_msec, max_backoff_msec; // -1: as usual
	int dscp;
	bool is_relay; // takes the source's schema; a backup must have the same
};

struct replica *replica_create(struct server *s, struct served_db *d,
			       const struct replica_options *options);
// Accepts NULL. The database stays as it is.
void replica_destroy(struct replica *r);
// When 'd' follows that source but for those tables already: the rest of 'options' counts from now on. Else false, and nothing is done.
bool replica_adapt(struct served_db *d, const struct replica_options *options);
enum replica_state { REPLICA_CONNECTING, REPLICA_FOLLOWS, REPLICA_ERROR };

enum replica_state replica_state(const struct replica *r);
// What is wrong, for REPLICA_ERROR.
const char *replica_error(const struct replica *r);
const struct strset *replica_exclude(const struct replica *r);
const char *replica_source(const struct replica *r);
// The connection while it follows, else NULL.
struct jsonrpc *replica_rpc(struct replica *r);
