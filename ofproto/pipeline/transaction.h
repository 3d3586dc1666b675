// SPDX-License-Identifier: Apache-2.0
// Changes of tables and groups that packets see all at once, or never.
//
// Between begin and commit or abort each change is checked against the state with those before it, and carried out in a version
// that no reader has. Committing publishes the version, with one store, and then does what others notice: events, counters that
// go on, removed rules and groups that are buried. Aborting takes everything back in the opposite order. The whole is one step of
// the main thread: nothing else of this switch may be called in between but what only reads, and sees the changes.
#pragma once

#include "ofproto/pipeline/switch.h"

struct switch_txn;

// The one transaction of the switch: there can be no other until it ends.
struct switch_txn *switch_txn_begin(struct of_switch *sw);
// Errors are for the peer; of a change that was refused nothing stays, those before it do. As switch_flow_mod() and
// switch_group_mod(), which are transactions of one change.
enum ofperr switch_txn_flow_mod(struct switch_txn *t, const struct flow_mod *fm);
enum ofperr switch_txn_group_mod(struct switch_txn *t, struct group_mod *gm);
// At which the main thread translates a packet that shall meet the changes so far (struct xlate_input).
uint64_t switch_txn_version(const struct switch_txn *t);
void switch_txn_commit(struct switch_txn *t);
void switch_txn_abort(struct switch_txn *t);
