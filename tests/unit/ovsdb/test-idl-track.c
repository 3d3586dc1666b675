// SPDX-License-Identifier: Apache-2.0
// What has changed in a replica since its owner looked last.
#include "tests/unit/ovsdb/idl-fixture.h"

static size_t count_tracked(const struct idl *idl, const char *table)
{
	size_t n = 0;

	for (const struct idl_row *row = idl_track_first(idl_table(idl, table)); row;
	     row = idl_track_next(row))
		n++;
	return n;
}

// Both have what the other has written.
static void settle(struct idl *idl, struct idl *writer, const char *name)
{
	add_bridge(writer, name);
	STEP_UNTIL(find_bridge(idl, name));
}

START_TEST(test_rows_that_come_change_and_go)
{
	struct idl *idl = open_idl(IDL_ALERT | IDL_TRACK), *writer = open_idl(IDL_ALERT);
	const struct ovsrec_bridge *br;
	struct idl_txn *txn;

	settle(idl, writer, "br0");
	br = ovsrec_bridge_track_first(idl);
	ck_assert(br == find_bridge(idl, "br0") && !ovsrec_bridge_track_next(br));
	ck_assert(ovsrec_bridge_track_is_new(br) && !ovsrec_bridge_track_is_deleted(br));
	idl_track_clear(idl);
	ck_assert(!ovsrec_bridge_track_first(idl) && !ovsrec_bridge_track_is_new(br));

	txn = idl_txn_create(writer);
	ovsrec_bridge_set_fail_mode(find_bridge(writer, "br0"), "secure");
	commit(txn, IDL_SUCCESS);
	STEP_UNTIL(br->fail_mode);
	ck_assert_uint_eq(count_tracked(idl, "Bridge"), 1);
	ck_assert(ovsrec_bridge_track_first(idl) == br && !ovsrec_bridge_track_is_new(br));
	ck_assert(ovsrec_bridge_track_is_changed(br, OVSREC_BRIDGE_COL_FAIL_MODE));
	ck_assert(!ovsrec_bridge_track_is_changed(br, OVSREC_BRIDGE_COL_NAME));
	ck_assert_uint_eq(count_tracked(idl, "Port"), 0);
	idl_track_clear(idl);

	remove_bridge(writer, "br0");
	STEP_UNTIL(!find_bridge(idl, "br0"));
	ck_assert_uint_eq(count_tracked(idl, "Bridge"), 1);
	ck_assert(ovsrec_bridge_track_first(idl) == br && ovsrec_bridge_track_is_deleted(br));
	ck_assert_uint_gt(br->row.delete_seqno, br->row.insert_seqno);
	idl_track_clear(idl);
	ck_assert(!ovsrec_bridge_track_first(idl));
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_rows_that_went_are_as_they_were)
{
	struct idl *idl = open_idl(IDL_ALERT | IDL_TRACK), *writer = open_idl(IDL_ALERT);
	const struct ovsrec_bridge *br;
	const struct ovsrec_port *port;
	struct idl_txn *txn;

	settle(idl, writer, "br0");
	txn = idl_txn_create(writer);
	ovsrec_bridge_update_external_ids_setkey(find_bridge(writer, "br0"), "k", "v");
	commit(txn, IDL_SUCCESS);
	br = find_bridge(idl, "br0");
	STEP_UNTIL(smap_get(&br->external_ids, "k"));
	idl_track_clear(idl);
	remove_bridge(writer, "br0");
	STEP_UNTIL(!find_bridge(idl, "br0"));
	ck_assert_str_eq(br->name, "br0");
	ck_assert_str_eq(smap_get(&br->external_ids, "k"), "v");
	// With what went at the same time.
	ck_assert_uint_eq(br->n_ports, 1);
	port = br->ports[0];
	ck_assert(ovsrec_port_track_is_deleted(port) && !strcmp(port->name, "br0"));
	ck_assert_str_eq(port->interfaces[0]->name, "br0");
	// The living do not refer to it, and do not find it.
	ck_assert_uint_eq(ovsrec_open_vswitch_first(idl)->n_bridges, 0);
	ck_assert(!ovsrec_bridge_find(idl, &br->row.uuid) && !ovsrec_bridge_first(idl));
	// A later update leaves it alone.
	settle(idl, writer, "br1");
	ck_assert(br->n_ports == 1 && br->ports[0] == port);
	ck_assert_uint_eq(count_tracked(idl, "Bridge"), 2);
	idl_track_clear(idl);
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

// Only the table of bridges is tracked: a bridge that went does not show ports that are no more.
START_TEST(test_rows_that_went_do_not_refer_to_what_is_freed)
{
	struct idl *idl = create_idl(), *writer = open_idl(IDL_ALERT);
	const struct ovsrec_bridge *br;

	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_NAME, IDL_ALERT | IDL_TRACK);
	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_PORTS, IDL_ALERT | IDL_TRACK);
	ovsrec_port_add_column(idl, OVSREC_PORT_COL_NAME, IDL_ALERT);
	start_idl(idl);
	settle(idl, writer, "br0");
	br = find_bridge(idl, "br0");
	ck_assert_uint_eq(br->n_ports, 1);
	idl_track_clear(idl);
	remove_bridge(writer, "br0");
	STEP_UNTIL(!ovsrec_bridge_first(idl));
	ck_assert(ovsrec_bridge_track_first(idl) == br && br->n_ports == 0);
	ck_assert_str_eq(br->name, "br0");
	idl_destroy(idl); // without clearing
	idl_destroy(writer);
}
END_TEST

START_TEST(test_what_comes_and_goes_between_is_not_told)
{
	struct idl *idl = open_idl(IDL_ALERT | IDL_TRACK), *writer = open_idl(IDL_ALERT);

	settle(idl, writer, "br0");
	idl_track_clear(idl);
	settle(idl, writer, "br1");
	remove_bridge(writer, "br1");
	STEP_UNTIL(!find_bridge(idl, "br1"));
	ck_assert_uint_eq(count_tracked(idl, "Bridge"), 0);
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_untracked_columns_are_not_told)
{
	struct idl *idl = create_idl(), *writer = open_idl(IDL_ALERT);
	struct idl_txn *txn;

	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_NAME, IDL_ALERT | IDL_TRACK);
	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_DATAPATH_TYPE, IDL_ALERT);
	start_idl(idl);
	settle(idl, writer, "br0");
	idl_track_clear(idl);
	txn = idl_txn_create(writer);
	ovsrec_bridge_set_datapath_type(find_bridge(writer, "br0"), "x");
	commit(txn, IDL_SUCCESS);
	STEP_UNTIL(!strcmp(find_bridge(idl, "br0")->datapath_type, "x"));
	ck_assert(!ovsrec_bridge_track_first(idl));
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_open_transaction_is_no_change)
{
	struct idl *idl = open_idl(IDL_ALERT | IDL_TRACK);
	struct idl_txn *txn;

	add_bridge(idl, "br0");
	idl_track_clear(idl);
	txn = idl_txn_create(idl);
	ovsrec_bridge_set_fail_mode(find_bridge(idl, "br0"), "secure");
	ovsrec_qos_insert(txn);
	ck_assert(!ovsrec_bridge_track_first(idl) && !ovsrec_qos_track_first(idl));
	idl_txn_destroy(txn);
	ck_assert(!ovsrec_bridge_track_first(idl) && !ovsrec_qos_track_first(idl));
	idl_destroy(idl);
}
END_TEST

// A server whose history begins anew; 'idl' does not find it.
static void restart_without(struct idl *idl, struct idl *writer)
{
	stop_server();
	STEP_UNTIL(!idl_is_connected(idl) && !idl_is_connected(writer));
	idl_set_remotes(idl, "unix:/nonexistent/s");
	start_server();
	STEP_UNTIL(idl_is_up_to_date(writer));
}

START_TEST(test_new_connection_tells_differences_only)
{
	struct idl *idl = open_idl(IDL_ALERT | IDL_TRACK), *writer = open_idl(IDL_ALERT);
	const struct ovsrec_bridge *stays, *goes;
	struct idl_txn *txn;

	settle(idl, writer, "br0");
	settle(idl, writer, "br1");
	stays = find_bridge(idl, "br0");
	goes = find_bridge(idl, "br1");
	idl_track_clear(idl);
	// All of the content comes with the new connection.
	restart_without(idl, writer);
	remove_bridge(writer, "br1");
	txn = idl_txn_create(writer);
	ovsrec_bridge_set_stp_enable(find_bridge(writer, "br0"), true);
	commit(txn, IDL_SUCCESS);
	ck_assert(!ovsrec_bridge_track_first(idl));
	idl_set_remotes(idl, server_name);
	STEP_UNTIL(!find_bridge(idl, "br1"));
	ck_assert(find_bridge(idl, "br0") == stays && stays->stp_enable);
	ck_assert(ovsrec_bridge_track_is_changed(stays, OVSREC_BRIDGE_COL_STP_ENABLE));
	ck_assert(!ovsrec_bridge_track_is_changed(stays, OVSREC_BRIDGE_COL_NAME));
	ck_assert(!ovsrec_bridge_track_is_new(stays) && ovsrec_bridge_track_is_deleted(goes));
	ck_assert_uint_eq(count_tracked(idl, "Bridge"), 2);
	ck_assert_uint_eq(count_tracked(idl, "Port"), 1);
	// A column that has its default again is told, too.
	idl_track_clear(idl);
	restart_without(idl, writer);
	txn = idl_txn_create(writer);
	ovsrec_bridge_set_stp_enable(find_bridge(writer, "br0"), false);
	commit(txn, IDL_SUCCESS);
	idl_set_remotes(idl, server_name);
	STEP_UNTIL(!stays->stp_enable);
	ck_assert_uint_eq(count_tracked(idl, "Bridge"), 1);
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_row_comes_again_under_its_uuid)
{
	struct idl *idl = open_idl(IDL_ALERT | IDL_TRACK), *writer = open_idl(IDL_ALERT);
	struct ovsrec_qos *qos;
	const struct ovsrec_qos *old;
	struct idl_txn *txn;
	struct uuid uuid;

	uuid_generate(&uuid);
	txn = idl_txn_create(writer);
	qos = ovsrec_qos_insert_with_uuid(txn, &uuid);
	ovsrec_qos_set_type(qos, "first");
	commit(txn, IDL_SUCCESS);
	STEP_UNTIL(ovsrec_qos_find(idl, &uuid));
	idl_track_clear(idl);
	old = ovsrec_qos_find(idl, &uuid);
	txn = idl_txn_create(writer);
	ovsrec_qos_delete(ovsrec_qos_find(writer, &uuid));
	commit(txn, IDL_SUCCESS);
	txn = idl_txn_create(writer);
	qos = ovsrec_qos_insert_with_uuid(txn, &uuid);
	ovsrec_qos_set_type(qos, "second");
	commit(txn, IDL_SUCCESS);
	STEP_UNTIL(ovsrec_qos_find(idl, &uuid) && ovsrec_qos_find(idl, &uuid) != old);
	ck_assert(ovsrec_qos_track_first(idl) == old && ovsrec_qos_track_is_deleted(old));
	ck_assert_str_eq(old->type, "first");
	ck_assert(ovsrec_qos_track_next(old) == ovsrec_qos_find(idl, &uuid));
	ck_assert_str_eq(ovsrec_qos_find(idl, &uuid)->type, "second");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

int main(void)
{
	const idl_test tests[] = {
		test_rows_that_come_change_and_go,
		test_rows_that_went_are_as_they_were,
		test_rows_that_went_do_not_refer_to_what_is_freed,
		test_what_comes_and_goes_between_is_not_told,
		test_untracked_columns_are_not_told,
		test_open_transaction_is_no_change,
		test_new_connection_tells_differences_only,
		test_row_comes_again_under_its_uuid,
	};

	return idl_suite("test-idl-track", tests, ARRAY_SIZE(tests));
}
