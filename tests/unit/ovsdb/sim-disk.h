// SPDX-License-Identifier: Apache-2.0
// A disk for ovsdb_file_ops that keeps what is synced apart from what is only written, and tells every state in which the
// loss of power may leave a file.
//
// The files are real ones, in a directory of the caller's, as a process sees them; beside them it is remembered what is on the
// platter. Sectors (512 bytes) that are not synced may be lost, kept, or half written, in any combination; the size of a file may be
// any that it had since it was synced; a rename counts once the directory is synced. One disk at a time.
#pragma once

#include "core/base/strbuf.h"
#include "ovsdb/log.h"

enum sim_fault {
	SIM_EIO, // nothing of it is done; what an fsync was to sync is lost
	SIM_EIO_KEPT, // the same, but a later fsync syncs it
	SIM_ENOSPC, // writes: half of it is written before
	SIM_SHORT, // writes and reads do half of it, without an error; the others fail with EINTR, and work when tried again
	SIM_FAULT_MAX
};

extern const struct ovsdb_file_ops sim_disk_ops;

void sim_disk_init(void);
void sim_disk_uninit(void);
// The 'n'-th call from now on (1: the next) fails so, 'times' calls in a row; 0: none.
void sim_disk_fail_at(int n, int times, enum sim_fault how);
// Calls since sim_disk_init() or sim_disk_fail_at().
int sim_disk_calls(void);
// 'cb' is called after each call that changed something.
void sim_disk_on_change(void (*cb)(void *aux), void *aux);
// Tells every state that the file at 'path' may be in were the power lost now; 'content' NULL: there is no such file. Where there are
// more than some hundreds for one size, it is a choice of them from a fixed seed.
void sim_disk_states(const char *path, void (*cb)(const struct strbuf *content, void *aux),
		     void *aux);
