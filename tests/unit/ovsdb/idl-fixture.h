// SPDX-License-Identifier: Apache-2.0
// A server of an empty database Open_vSwitch and its replicas, all in one loop of the test's process.
#pragma once

#include "ovsdb/vswitch-idl.h"
#include "tests/suite.h"

extern struct loop *loop;
extern char *server_name; // of the socket

void start_server(void);
void stop_server(void);
// How often on_change came, of all replicas.
unsigned int count_changes(void);

// A replica without columns, not started; on_change counts.
struct idl *create_idl(void);
// Steps the loop until there is content.
void start_idl(struct idl *idl);
// A replica of all columns, with these flags, that has content.
struct idl *open_idl(unsigned int flags);
// Commits, steps until the answer is there, expects 'want', destroys.
void commit(struct idl_txn *txn, enum idl_status want);
// A bridge with a port and an interface of the same name, by a transaction.
void add_bridge(struct idl *idl, const char *name);
// NULL when there is none.
const struct ovsrec_bridge *find_bridge(const struct idl *idl, const char *name);
// Two replicas that both have bridge br0.
void open_writers(struct idl **a, const struct ovsrec_bridge **in_a, struct idl **b,
		  const struct ovsrec_bridge **in_b);
// Takes it out of the root row, and so all that belongs to it.
void remove_bridge(struct idl *idl, const char *name);
// Steps the loop while 'condition' does not hold.
#define STEP_UNTIL(condition) \
	while (!(condition)) \
	loop_step(loop, -1)

// The main() of such a program: a suite of these tests.
typedef const TTest *idl_test;
int idl_suite(const char *name, const idl_test *tests, size_t n);
