// SPDX-License-Identifier: Apache-2.0
// Transactions that change single elements, choose uuids, or only look whether they would do.
#include "tests/unit/ovsdb/idl-fixture.h"

START_TEST(test_elements_of_two_writers)
{
	struct idl *a, *b;
	const struct ovsrec_bridge *in_a, *in_b;
	struct idl_txn *ta, *tb;

	open_writers(&a, &in_a, &b, &in_b);
	ta = idl_txn_create(a);
	ovsrec_bridge_set_flood_vlans(in_a, (int64_t[]){ 1, 2, 3 }, 3);
	commit(ta, IDL_SUCCESS);
	STEP_UNTIL(in_b->n_flood_vlans == 3);

	// Neither has seen what the other writes.
	ta = idl_txn_create(a);
	tb = idl_txn_create(b);
	ovsrec_bridge_update_flood_vlans_delvalue(in_a, 2);
	ovsrec_bridge_update_flood_vlans_addvalue(in_a, 10);
	ovsrec_bridge_update_flood_vlans_addvalue(in_b, 20);
	ovsrec_bridge_update_flood_vlans_delvalue(in_b, 1);
	ck_assert(in_a->n_flood_vlans == 3 && in_a->flood_vlans[2] == 10);
	ck_assert_int_eq(idl_txn_commit(ta, NULL, NULL), IDL_INCOMPLETE);
	commit(tb, IDL_SUCCESS);
	ck_assert_int_eq(idl_txn_status(ta), IDL_SUCCESS);
	idl_txn_destroy(ta);
	STEP_UNTIL(in_a->n_flood_vlans == 3 && in_a->flood_vlans[2] == 20);
	ck_assert(in_a->flood_vlans[0] == 3 && in_a->flood_vlans[1] == 10);
	idl_destroy(a);
	idl_destroy(b);
}
END_TEST

START_TEST(test_map_of_rows)
{
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_txn *txn = idl_txn_create(idl);
	struct ovsrec_queue *q = ovsrec_queue_insert(txn), *r = ovsrec_queue_insert(txn);
	struct ovsrec_qos *qos = ovsrec_qos_insert(txn);
	const struct ovsrec_qos *got;

	ovsrec_qos_update_queues_setkey(qos, 5, q);
	ovsrec_qos_update_queues_setkey(qos, 3, r);
	ck_assert(qos->n_queues == 2 && qos->key_queues[0] == 3 && qos->value_queues[0] == r);
	commit(txn, IDL_SUCCESS);
	got = ovsrec_qos_first(idl);
	ck_assert(got->n_queues == 2 && got->key_queues[1] == 5);
	// A key that is there gets the new value.
	txn = idl_txn_create(idl);
	ovsrec_qos_update_queues_setkey(got, 5, got->value_queues[0]);
	ovsrec_qos_update_queues_delkey(got, 3);
	ck_assert(got->n_queues == 1 && got->key_queues[0] == 5);
	commit(txn, IDL_SUCCESS);
	ck_assert(got->n_queues == 1 && got->key_queues[0] == 5);
	ck_assert_uint_eq(idl_table_count(idl_table(idl, "Queue")), 2);
	idl_destroy(idl);
}
END_TEST

START_TEST(test_map_without_its_missing_rows)
{
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_txn *txn = idl_txn_create(idl);
	struct ovsrec_queue *rows[] = { NULL, ovsrec_queue_insert(txn), NULL };
	struct ovsrec_qos *qos = ovsrec_qos_insert(txn);
	const struct ovsrec_qos *got;

	ovsrec_qos_set_queues(qos, (int64_t[]){ 1, 2, 3 }, rows, 3);
	ovsrec_qos_update_queues_setkey(qos, 4, NULL);
	commit(txn, IDL_SUCCESS);
	got = ovsrec_qos_first(idl);
	ck_assert(got->n_queues == 1 && got->key_queues[0] == 2);
	ck_assert_uint_eq(idl_get(&got->row, idl_row_column(&got->row, OVSREC_QOS_COL_QUEUES))->n,
			  1);
	idl_destroy(idl);
}
END_TEST

START_TEST(test_element_that_is_there_is_not_sent)
{
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_txn *txn;

	add_bridge(idl, "br0");
	txn = idl_txn_create(idl);
	ovsrec_bridge_update_flood_vlans_delvalue(find_bridge(idl, "br0"), 7);
	commit(txn, IDL_UNCHANGED);
	txn = idl_txn_create(idl);
	ovsrec_bridge_update_flood_vlans_addvalue(find_bridge(idl, "br0"), 7);
	commit(txn, IDL_SUCCESS);
	txn = idl_txn_create(idl);
	ovsrec_bridge_update_flood_vlans_addvalue(find_bridge(idl, "br0"), 7);
	commit(txn, IDL_UNCHANGED);
	idl_destroy(idl);
}
END_TEST

START_TEST(test_uuid_of_the_caller)
{
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_txn *txn = idl_txn_create(idl);
	struct ovsrec_queue *q;
	struct ovsrec_qos *qos;
	struct uuid uuid;

	uuid_generate(&uuid);
	q = ovsrec_queue_insert_with_uuid(txn, &uuid);
	qos = ovsrec_qos_insert(txn);
	ovsrec_qos_update_queues_setkey(qos, 1, q);
	commit(txn, IDL_SUCCESS);
	ck_assert(ovsrec_queue_find(idl, &uuid));
	ck_assert(ovsrec_qos_first(idl)->value_queues[0] == ovsrec_queue_find(idl, &uuid));
	idl_destroy(idl);
}
END_TEST

START_TEST(test_dry_run_and_abort)
{
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_txn *txn = idl_txn_create(idl);

	ovsrec_qos_insert(txn);
	idl_txn_set_dry_run(txn);
	commit(txn, IDL_SUCCESS);
	ck_assert(!ovsrec_qos_first(idl));
	txn = idl_txn_create(idl);
	ovsrec_qos_insert(txn);
	idl_txn_abort(txn);
	ck_assert(!ovsrec_qos_first(idl));
	commit(txn, IDL_ABORTED);
	idl_destroy(idl);
}
END_TEST

int main(void)
{
	const idl_test tests[] = {
		test_elements_of_two_writers,	   test_map_of_rows,
		test_map_without_its_missing_rows, test_element_that_is_there_is_not_sent,
		test_uuid_of_the_caller,	   test_dry_run_and_abort,
	};

	return idl_suite("test-idl-write", tests, ARRAY_SIZE(tests));
}
