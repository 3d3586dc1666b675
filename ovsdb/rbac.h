// SPDX-License-Identifier: Apache-2.0
// Role-based access control: what a client may write, by its role and its identity, as the database's own tables RBAC_Role and
// RBAC_Permission say. Reading is free.
#pragma once

#include "ovsdb/db.h"

struct rbac {
	const char *role,
		*id; // NULL role: everything is allowed; NULL id: the client has shown no certificate
	const struct db_row *rules; // the role's, NULL: it may write nothing
	const struct db_table *permissions;
};

// Both texts must outlive 'r'. A database without RBAC_Role allows everything.
void rbac_init(struct rbac *r, const struct db *db, const char *role, const char *id);
// The row as it is inserted.
bool rbac_may_insert(const struct rbac *r, const struct db_row *row);
// Any row of the table at all?
bool rbac_may_touch(const struct rbac *r, const struct db_table *t);
bool rbac_may_delete(const struct rbac *r, const struct db_row *row);
// The row as it is before the change: may this client write to it at all?
bool rbac_may_modify(const struct rbac *r, const struct db_row *row);
// May the column, in a row of which that is so, change from 'old' to 'new'? Of a map some keys may be free.
bool rbac_may_change(const struct rbac *r, const struct ovsdb_table_schema *ts,
		     const struct ovsdb_column *c, const struct ovsdb_datum *old,
		     const struct ovsdb_datum *new);
