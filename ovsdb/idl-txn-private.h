// SPDX-License-Identifier: Apache-2.0
// A client's transaction, as idl-txn.c makes and idl-reply.c finishes it.
#pragma once

#include "core/base/vec.h"
#include "ovsdb/idl-private.h"

struct increment {
	struct uuid row;
	struct idl_table *table;
	char *column;
	bool force;
	size_t result; // index of the "select" behind it
};

struct inserted {
	struct uuid provisional, real;
	size_t result;
};

struct idl_txn {
	struct idl *idl;
	struct list node; // in idl.outstanding
	struct list rows; // struct idl_row_private
	struct strbuf comment;
	bool dry_run;
	enum idl_status status;
	char *error;
	uint64_t id;
	struct increment *increment;
	int64_t increment_value;
	VEC(struct inserted) inserted;
	void (*done)(struct idl_txn *txn, void *aux);
	void *aux;
};

// Sets the status and counts that.
void idl_txn_become(struct idl_txn *txn, enum idl_status status);
