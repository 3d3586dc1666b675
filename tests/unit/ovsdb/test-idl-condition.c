// SPDX-License-Identifier: Apache-2.0
// Which rows a replica holds: conditions before and while there is a connection.
#include "tests/unit/ovsdb/idl-fixture.h"

static struct idl *writer;

static void add_bridges(void)
{
	static const char *const names[] = { "br0", "br1", "br2" };

	writer = open_idl(IDL_ALERT);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_bridge(writer, names[i]);
}

static uint64_t set_name_condition(struct idl *idl, const char *a, const char *b)
{
	struct idl_condition c;
	uint64_t seqno;

	ovsrec_bridge_condition_init(&c, idl);
	if (a)
		ovsrec_bridge_condition_add_name(&c, OVSDB_F_EQ, a);
	if (b)
		ovsrec_bridge_condition_add_name(&c, OVSDB_F_EQ, b);
	seqno = idl_set_condition(&c);
	idl_condition_uninit(&c);
	return seqno;
}

static void await(struct idl *idl, uint64_t seqno)
{
	STEP_UNTIL(idl_condition_seqno(idl) >= seqno);
}

// The names of all bridges, in order.
static void expect_bridges(struct idl *idl, const char *want)
{
	AUTO(strbuf) names = STRBUF_INIT;

	for (int i = 0; i < 10; i++) {
		char name[] = { 'b', 'r', '0' + i, '\0' };

		if (find_bridge(idl, name))
			strbuf_printf(&names, "%s ", name);
	}
	ck_assert_str_eq(strbuf_cstr(&names), want);
	ck_assert_uint_eq(idl_table_count(idl_table(idl, "Bridge")), names.len / 4);
}

START_TEST(test_condition_before_start)
{
	struct idl *idl = create_idl();
	uint64_t seqno;

	add_bridges();
	idl_add_all(idl);
	seqno = set_name_condition(idl, "br1", NULL);
	ck_assert_uint_lt(idl_condition_seqno(idl), seqno);
	start_idl(idl);
	ck_assert_uint_ge(idl_condition_seqno(idl), seqno);
	expect_bridges(idl, "br1 ");
	// What is left out is not referred to.
	ck_assert_uint_eq(ovsrec_open_vswitch_first(idl)->n_bridges, 1);
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_condition_changes_while_connected)
{
	struct idl *idl;
	uint64_t seqno;

	add_bridges();
	idl = open_idl(IDL_ALERT);
	expect_bridges(idl, "br0 br1 br2 ");
	seqno = set_name_condition(idl, "br2", "br0");
	ck_assert_uint_gt(seqno, idl_condition_seqno(idl));
	await(idl, seqno);
	expect_bridges(idl, "br0 br2 ");
	// Rows come and go by what others write, too.
	add_bridge(writer, "br3");
	remove_bridge(writer, "br0");
	STEP_UNTIL(!find_bridge(idl, "br0"));
	expect_bridges(idl, "br2 ");
	await(idl, set_name_condition(idl, "br3", "br1"));
	expect_bridges(idl, "br1 br3 ");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_equal_condition_is_no_change)
{
	struct idl *idl;
	uint64_t seqno;

	add_bridges();
	idl = open_idl(IDL_ALERT);
	seqno = set_name_condition(idl, "br0", "br1");
	await(idl, seqno);
	ck_assert_uint_eq(set_name_condition(idl, "br1", "br0"), seqno);
	ck_assert_uint_eq(idl_condition_seqno(idl), seqno);
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

// Sets another condition while the first is on its way.
static void set_two(struct idl *idl, uint64_t *first, uint64_t *second)
{
	*first = set_name_condition(idl, "br0", NULL);
	loop_step(loop, 0);
	*second = set_name_condition(idl, "br1", NULL);
}

START_TEST(test_conditions_set_one_after_the_other)
{
	struct idl *idl;
	uint64_t first, second;

	add_bridges();
	idl = open_idl(IDL_ALERT);
	set_two(idl, &first, &second);
	ck_assert_uint_gt(second, first);
	await(idl, first);
	expect_bridges(idl, "br0 ");
	await(idl, second);
	expect_bridges(idl, "br1 ");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_condition_that_is_taken_back_keeps_nobody_waiting)
{
	struct idl_condition all;
	struct idl *idl;
	uint64_t taken_back;
	unsigned int before;

	add_bridges();
	idl = open_idl(IDL_ALERT);
	taken_back = set_name_condition(idl, "br0", NULL);
	ovsrec_bridge_condition_init(&all, idl);
	idl_condition_add_all(&all);
	idl_set_condition(&all); // before the loop had a chance to ask
	idl_condition_uninit(&all);
	before = count_changes();
	await(idl, taken_back);
	ck_assert_uint_eq(count_changes(), before + 1);
	expect_bridges(idl, "br0 br1 br2 ");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_no_row_and_all_rows)
{
	struct idl_condition all;
	struct idl *idl = create_idl();

	add_bridges();
	idl_add_all(idl);
	set_name_condition(idl, NULL, NULL);
	start_idl(idl);
	expect_bridges(idl, "");
	ovsrec_bridge_condition_init(&all, idl);
	idl_condition_add_all(&all);
	await(idl, idl_set_condition(&all));
	idl_condition_uninit(&all);
	expect_bridges(idl, "br0 br1 br2 ");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_conditions_over_restart)
{
	struct idl *idl;
	uint64_t seqno;

	add_bridges();
	idl = open_idl(IDL_ALERT);
	await(idl, set_name_condition(idl, "br0", NULL));
	stop_server();
	STEP_UNTIL(!idl_is_connected(idl) && !idl_is_connected(writer));
	seqno = set_name_condition(idl, "br0", "br2");
	ck_assert_uint_lt(idl_condition_seqno(idl), seqno);
	start_server();
	await(idl, seqno);
	expect_bridges(idl, "br0 br2 ");
	// And the same one acts again.
	stop_server();
	STEP_UNTIL(!idl_is_connected(idl) && !idl_is_connected(writer));
	start_server();
	STEP_UNTIL(idl_is_up_to_date(writer));
	add_bridge(writer, "br3");
	remove_bridge(writer, "br2");
	STEP_UNTIL(!find_bridge(idl, "br2"));
	expect_bridges(idl, "br0 ");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_connection_breaks_while_a_condition_is_on_its_way)
{
	struct idl *idl;
	uint64_t first, second;

	add_bridges();
	idl = open_idl(IDL_ALERT);
	set_two(idl, &first, &second);
	idl_reconnect(idl);
	ck_assert(!idl_is_connected(idl) && idl_condition_seqno(idl) < first);
	await(idl, second);
	expect_bridges(idl, "br1 ");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_functions_of_sets_and_maps)
{
	struct idl_condition c;
	struct idl *idl;
	struct idl_txn *txn;
	struct smap m;

	add_bridges();
	txn = idl_txn_create(writer);
	ovsrec_bridge_update_external_ids_setkey(find_bridge(writer, "br1"), "a", "1");
	ovsrec_bridge_update_external_ids_setkey(find_bridge(writer, "br1"), "b", "2");
	ovsrec_bridge_set_flood_vlans(find_bridge(writer, "br2"), (int64_t[]){ 5, 6 }, 2);
	commit(txn, IDL_SUCCESS);
	idl = open_idl(IDL_ALERT);
	ovsrec_bridge_condition_init(&c, idl);
	smap_init(&m);
	smap_set(&m, "b", "2");
	ovsrec_bridge_condition_add_external_ids(&c, OVSDB_F_INCLUDES, &m);
	await(idl, idl_set_condition(&c));
	expect_bridges(idl, "br1 ");
	ovsrec_bridge_condition_add_flood_vlans(&c, OVSDB_F_INCLUDES, (int64_t[]){ 6 }, 1);
	await(idl, idl_set_condition(&c));
	expect_bridges(idl, "br1 br2 ");
	smap_uninit(&m);
	idl_condition_uninit(&c);
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

START_TEST(test_condition_that_the_server_refuses)
{
	struct idl_condition c;
	struct idl *idl;
	uint64_t refused;

	add_bridges();
	idl = open_idl(IDL_ALERT);
	ovsrec_bridge_condition_init(&c, idl);
	ovsrec_bridge_condition_add_name(&c, OVSDB_F_LT, "x"); // strings have no such order
	refused = idl_set_condition(&c);
	idl_condition_uninit(&c);
	STEP_UNTIL(idl_last_error(idl));
	ck_assert_msg(strstr(idl_last_error(idl), "may not be applied"), "%s", idl_last_error(idl));
	ck_assert_uint_lt(idl_condition_seqno(idl), refused);
	expect_bridges(idl, "br0 br1 br2 ");
	// Another one is asked for.
	await(idl, set_name_condition(idl, "br1", NULL));
	expect_bridges(idl, "br1 ");
	idl_destroy(idl);
	idl_destroy(writer);
}
END_TEST

int main(void)
{
	const idl_test tests[] = {
		test_condition_before_start,
		test_condition_changes_while_connected,
		test_equal_condition_is_no_change,
		test_conditions_set_one_after_the_other,
		test_condition_that_is_taken_back_keeps_nobody_waiting,
		test_no_row_and_all_rows,
		test_conditions_over_restart,
		test_connection_breaks_while_a_condition_is_on_its_way,
		test_functions_of_sets_and_maps,
		test_condition_that_the_server_refuses,
	};

	return idl_suite("test-idl-condition", tests, ARRAY_SIZE(tests));
}
