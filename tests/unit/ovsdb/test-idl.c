// SPDX-License-Identifier: Apache-2.0
// The client's replica: typed views, references, transactions, locks, restart.
#include "tests/unit/ovsdb/idl-fixture.h"

START_TEST(test_views)
{
	struct idl *idl = open_idl(IDL_ALERT);
	const struct ovsrec_bridge *br;
	const struct ovsrec_port *port;
	struct idl_txn *txn;
	struct smap m;

	add_bridge(idl, "br0");
	br = find_bridge(idl, "br0");
	ck_assert(br && br->n_ports == 1 && !strcmp(br->ports[0]->interfaces[0]->name, "br0"));
	ck_assert(!br->fail_mode && !*br->datapath_type && !br->stp_enable && !br->netflow);
	port = br->ports[0];
	ck_assert_uint_eq(port->n_tag, 0);

	txn = idl_txn_create(idl);
	ovsrec_bridge_set_fail_mode(br, "secure");
	ovsrec_bridge_set_flood_vlans(br, (int64_t[]){ 5, 3, 5 }, 3);
	ovsrec_port_set_tag(port, (int64_t[]){ 7 }, 1);
	smap_init(&m);
	smap_set(&m, "a", "b");
	ovsrec_bridge_set_other_config(br, &m);
	smap_uninit(&m);
	ck_assert_str_eq(br->fail_mode, "secure");
	ck_assert(br->n_flood_vlans == 2 && br->flood_vlans[0] == 3);
	commit(txn, IDL_SUCCESS);
	ck_assert_str_eq(br->fail_mode, "secure");
	ck_assert(port->n_tag == 1 && port->tag[0] == 7);
	ck_assert_str_eq(smap_get(&br->other_config, "a"), "b");

	// An aborted transaction leaves nothing, and equal values are not sent.
	txn = idl_txn_create(idl);
	ovsrec_bridge_set_fail_mode(br, NULL);
	ck_assert(!br->fail_mode);
	idl_txn_destroy(txn);
	ck_assert_str_eq(br->fail_mode, "secure");
	txn = idl_txn_create(idl);
	ovsrec_bridge_set_fail_mode(br, "secure");
	commit(txn, IDL_UNCHANGED);

	// A reference goes with its row.
	txn = idl_txn_create(idl);
	ovsrec_open_vswitch_set_bridges(ovsrec_open_vswitch_first(idl), NULL, 0);
	commit(txn, IDL_SUCCESS);
	ck_assert(!find_bridge(idl, "br0") && !ovsrec_port_first(idl) &&
		  !ovsrec_interface_first(idl));
	idl_destroy(idl);
}
END_TEST

START_TEST(test_two_writers)
{
	struct idl *a, *b;
	const struct ovsrec_bridge *in_a, *in_b;
	struct idl_txn *ta, *tb;

	open_writers(&a, &in_a, &b, &in_b);
	// Keys of one map set by two at once are both kept.
	ta = idl_txn_create(a);
	tb = idl_txn_create(b);
	ovsrec_bridge_update_external_ids_setkey(in_a, "a", "1");
	ovsrec_bridge_update_external_ids_setkey(in_b, "b", "2");
	ck_assert_int_eq(idl_txn_commit(ta, NULL, NULL), IDL_INCOMPLETE);
	commit(tb, IDL_SUCCESS);
	ck_assert_int_eq(idl_txn_status(ta), IDL_SUCCESS);
	idl_txn_destroy(ta);
	ck_assert_str_eq(smap_get(&in_b->external_ids, "a"), "1");
	ck_assert_str_eq(smap_get(&in_b->external_ids, "b"), "2");

	// Who relied on what the other changed is told to look again.
	ta = idl_txn_create(a);
	tb = idl_txn_create(b);
	ovsrec_bridge_set_datapath_type(in_a, "x");
	ovsrec_bridge_verify(in_b, OVSREC_BRIDGE_COL_DATAPATH_TYPE);
	ovsrec_bridge_set_datapath_type(in_b, "y");
	ck_assert_int_eq(idl_txn_commit(ta, NULL, NULL), IDL_INCOMPLETE);
	loop_step(loop, 0);
	commit(tb, IDL_TRY_AGAIN);
	while (idl_txn_status(ta) == IDL_INCOMPLETE)
		loop_step(loop, -1);
	ck_assert_int_eq(idl_txn_status(ta), IDL_SUCCESS);
	idl_txn_destroy(ta);

	// Refusals come back in the server's words.
	ta = idl_txn_create(a);
	ovsrec_bridge_set_protocols(in_a, (const char *[]){ "nonsense" }, 1);
	ck_assert_int_eq(idl_txn_commit_block(ta), IDL_ERROR);
	ck_assert(strstr(idl_txn_error(ta), "constraint violation"));
	idl_txn_destroy(ta);
	idl_destroy(a);
	idl_destroy(b);
}
END_TEST

START_TEST(test_increment_and_inserted_uuid)
{
	struct idl *idl = open_idl(IDL_ALERT);
	const struct ovsrec_open_vswitch *ovs;
	struct ovsrec_qos *qos;
	struct idl_txn *txn;
	struct uuid provisional;

	add_bridge(idl, "br0");
	ovs = ovsrec_open_vswitch_first(idl);
	for (int i = 1; i <= 3; i++) {
		txn = idl_txn_create(idl);
		qos = ovsrec_qos_insert(txn);
		ovsrec_qos_set_type(qos, "linux-htb");
		provisional = qos->row.uuid;
		idl_txn_increment(txn, &ovs->row, "next_cfg", false);
		ck_assert_int_eq(idl_txn_commit_block(txn), IDL_SUCCESS);
		ck_assert_int_eq(idl_txn_increment_value(txn), i);
		ck_assert(ovsrec_qos_find(idl, idl_txn_inserted_uuid(txn, &provisional)));
		idl_txn_destroy(txn);
	}
	txn = idl_txn_create(idl);
	idl_txn_increment(txn, &ovs->row, "next_cfg", false);
	commit(txn, IDL_UNCHANGED);
	idl_destroy(idl);
}
END_TEST

START_TEST(test_lock_and_restart)
{
	struct idl *a = open_idl(IDL_ALERT), *b = open_idl(IDL_ALERT);
	struct idl_txn *txn;
	uint64_t seqno;

	add_bridge(a, "br0");
	idl_set_lock(a, "l");
	STEP_UNTIL(idl_has_lock(a));
	idl_set_lock(b, "l");
	STEP_UNTIL(idl_is_lock_contended(b));
	txn = idl_txn_create(b);
	ovsrec_qos_insert(txn);
	commit(txn, IDL_NOT_LOCKED);
	idl_destroy(a);
	STEP_UNTIL(idl_has_lock(b));

	// The server goes and comes back: content, lock and writing too.
	seqno = idl_seqno(b);
	stop_server();
	while (idl_is_connected(b))
		loop_step(loop, -1);
	ck_assert(!idl_has_lock(b) && find_bridge(b, "br0"));
	txn = idl_txn_create(b);
	ovsrec_qos_insert(txn);
	commit(txn, IDL_TRY_AGAIN);
	start_server();
	STEP_UNTIL(idl_has_lock(b));
	ck_assert_uint_gt(idl_seqno(b), seqno);
	add_bridge(b, "br1");
	ck_assert(find_bridge(b, "br0") && find_bridge(b, "br1"));
	idl_destroy(b);
}
END_TEST

START_TEST(test_silent_columns)
{
	struct idl *writer = open_idl(IDL_ALERT), *idl = create_idl();
	const struct ovsrec_bridge *br;
	struct idl_txn *txn;
	unsigned int before;

	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_NAME, IDL_ALERT);
	ovsrec_bridge_add_column(idl, OVSREC_BRIDGE_COL_DATAPATH_VERSION, 0);
	idl_start(idl);
	add_bridge(writer, "br0");
	STEP_UNTIL(find_bridge(idl, "br0"));
	br = find_bridge(idl, "br0");
	ck_assert_uint_eq(br->n_ports, 0); // not asked for
	loop_step(loop, 0);
	before = idl_seqno(idl);
	txn = idl_txn_create(idl);
	ovsrec_bridge_set_datapath_version(br, "1");
	ovsrec_bridge_set_datapath_type(br, "netdev"); // write-only
	commit(txn, IDL_SUCCESS);
	loop_step(loop, 0);
	ck_assert_str_eq(br->datapath_version, "1");
	ck_assert_uint_eq(idl_seqno(idl), before);
	ck_assert_str_eq(find_bridge(writer, "br0")->datapath_type, "netdev");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

int main(void)
{
	const idl_test tests[] = { test_views, test_two_writers, test_increment_and_inserted_uuid,
				   test_lock_and_restart, test_silent_columns };

	return idl_suite("test-idl", tests, ARRAY_SIZE(tests));
}
