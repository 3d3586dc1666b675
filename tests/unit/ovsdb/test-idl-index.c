// SPDX-License-Identifier: Apache-2.0
// Rows in the order of columns.
#include "tests/unit/ovsdb/idl-fixture.h"

#include "core/base/hash.h"

// Interfaces by type, the highest ofport first.
static struct idl_index *create_index(struct idl *idl)
{
	static const struct idl_index_column columns[] = {
		{ .name = "type" },
		{ .name = "ofport", .descending = true },
	};

	return ovsrec_interface_index_create(idl, columns, ARRAY_SIZE(columns));
}

static void add_interface(struct idl_txn *txn, const char *name, const char *type, int64_t ofport)
{
	struct ovsrec_interface *iface = ovsrec_interface_insert(txn);

	ovsrec_interface_set_name(iface, name);
	ovsrec_interface_set_type(iface, type);
	ovsrec_interface_set_ofport(iface, &ofport, 1);
}

static void add_interfaces(struct idl_txn *txn)
{
	add_interface(txn, "a", "tap", 1);
	add_interface(txn, "b", "gre", 2);
	add_interface(txn, "c", "tap", 3);
	add_interface(txn, "d", "gre", -5);
	add_interface(txn, "e", "tap", 2);
	add_interface(txn, "f", "patch", 7);
}

static void expect_order(const struct idl_index *ix, const char *want)
{
	AUTO(strbuf) names = STRBUF_INIT;
	const struct ovsrec_interface *iface;

	OVSREC_INTERFACE_FOR_EACH_INDEXED(iface, ix)
	strbuf_puts(&names, iface->name);
	ck_assert_str_eq(strbuf_cstr(&names), want);
}

static const struct ovsrec_interface *find_interface(const struct idl *idl, const char *name)
{
	const struct ovsrec_interface *iface;

	OVSREC_INTERFACE_FOR_EACH(iface, idl)
	if (!strcmp(iface->name, name))
		return iface;
	return NULL;
}

START_TEST(test_order_within_a_transaction)
{
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_index *ix = create_index(idl);
	struct idl_txn *txn = idl_txn_create(idl);

	add_interfaces(txn);
	expect_order(ix, "bdfcea");
	ovsrec_interface_set_type(find_interface(idl, "c"), "aaa");
	expect_order(ix, "cbdfea");
	ovsrec_interface_delete(find_interface(idl, "b"));
	ovsrec_interface_set_ofport(find_interface(idl, "a"), (int64_t[]){ 9 }, 1);
	expect_order(ix, "cdfae");
	idl_txn_destroy(txn);
	expect_order(ix, "");
	idl_destroy(idl);
}
END_TEST

// A port that has all interfaces, so that they stay.
static void keep_interfaces(struct idl *idl, struct idl_txn *txn)
{
	const struct ovsrec_open_vswitch *ovs = ovsrec_open_vswitch_first(idl);
	struct ovsrec_bridge *br = ovsrec_bridge_insert(txn);
	struct ovsrec_port *port = ovsrec_port_insert(txn);
	const struct ovsrec_interface *iface;

	if (!ovs)
		ovs = ovsrec_open_vswitch_insert(txn);
	ovsrec_bridge_set_name(br, "br0");
	ovsrec_port_set_name(port, "p");
	OVSREC_INTERFACE_FOR_EACH(iface, idl)
	ovsrec_port_update_interfaces_addvalue(port, iface);
	ovsrec_bridge_update_ports_addvalue(br, port);
	ovsrec_open_vswitch_update_bridges_addvalue(ovs, br);
}

START_TEST(test_order_of_what_the_server_says)
{
	struct idl *idl = open_idl(IDL_ALERT), *other = open_idl(IDL_ALERT);
	struct idl_index *ix = create_index(idl);
	struct idl_txn *txn = idl_txn_create(other);

	add_interfaces(txn);
	keep_interfaces(other, txn);
	commit(txn, IDL_SUCCESS);
	STEP_UNTIL(find_interface(idl, "f"));
	expect_order(ix, "bdfcea");
	// Several rows change places in one update.
	txn = idl_txn_create(other);
	ovsrec_interface_set_ofport(find_interface(other, "c"), (int64_t[]){ 1 }, 1);
	ovsrec_interface_set_ofport(find_interface(other, "a"), (int64_t[]){ 3 }, 1);
	ovsrec_interface_set_type(find_interface(other, "f"), "a");
	commit(txn, IDL_SUCCESS);
	STEP_UNTIL(!strcmp(find_interface(idl, "f")->type, "a"));
	expect_order(ix, "fbdaec");
	// One that is made later has what is there.
	expect_order(create_index(idl), "fbdaec");
	remove_bridge(other, "br0");
	STEP_UNTIL(!find_interface(idl, "f"));
	expect_order(ix, "");
	idl_destroy(idl);
	idl_destroy(other);
}
END_TEST

static void expect_equal(const struct idl_probe *probe, const char *want)
{
	AUTO(strbuf) names = STRBUF_INIT;
	const struct ovsrec_interface *iface;

	OVSREC_INTERFACE_FOR_EACH_EQUAL(iface, probe)
	strbuf_puts(&names, iface->name);
	ck_assert_str_eq(strbuf_cstr(&names), want);
}

static void expect_range(const struct idl_probe *first, const struct idl_probe *last,
			 const char *want)
{
	AUTO(strbuf) names = STRBUF_INIT;
	const struct ovsrec_interface *iface;

	OVSREC_INTERFACE_FOR_EACH_RANGE(iface, first, last)
	strbuf_puts(&names, iface->name);
	ck_assert_str_eq(strbuf_cstr(&names), want);
}

START_TEST(test_equal_rows_and_ranges)
{
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_index *ix = create_index(idl);
	struct idl_probe *a = idl_probe_create(ix), *b = idl_probe_create(ix);
	struct idl_txn *txn = idl_txn_create(idl);

	add_interfaces(txn);
	expect_equal(a, "bdfcea");
	ovsrec_interface_probe_type(a, "tap");
	expect_equal(a, "cea");
	ovsrec_interface_probe_ofport(a, (int64_t[]){ 2 }, 1);
	expect_equal(a, "e");
	ovsrec_interface_probe_type(a, "gre");
	expect_equal(a, "b");
	ovsrec_interface_probe_type(a, "none");
	expect_equal(a, "");

	ovsrec_interface_probe_type(a, "gre");
	ovsrec_interface_probe_ofport(a, (int64_t[]){ 1 }, 1); // between 2 and -5, descending
	ovsrec_interface_probe_type(b, "tap");
	expect_range(a, b, "dfcea");
	ovsrec_interface_probe_ofport(b, (int64_t[]){ 2 }, 1);
	expect_range(a, b, "dfce");
	expect_range(b, a, "");
	ovsrec_interface_probe_type(a, "zzz");
	expect_range(a, b, "");
	idl_probe_destroy(a);
	idl_probe_destroy(b);
	idl_txn_destroy(txn);
	idl_destroy(idl);
}
END_TEST

static int compare_lengths(const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
	size_t na = strlen(a->keys[0].string), nb = strlen(b->keys[0].string);

	return na < nb ? -1 : na > nb;
}

START_TEST(test_order_of_the_caller)
{
	static const struct idl_index_column column = { "name", false, compare_lengths };
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_index *ix = ovsrec_interface_index_create(idl, &column, 1);
	struct idl_txn *txn = idl_txn_create(idl);

	add_interface(txn, "333", "", 1);
	add_interface(txn, "1", "", 1);
	add_interface(txn, "22", "", 1);
	expect_order(ix, "122333");
	idl_txn_destroy(txn);
	idl_destroy(idl);
}
END_TEST

// Strings that differ behind their eighth byte, numbers on both sides of zero, none before one before several.
START_TEST(test_order_of_values)
{
	static const struct idl_index_column names[] = { { "name", false, NULL },
							 { "name", true, NULL } },
					     vlans[] = { { "cfm_mpid", false, NULL },
							 { "cfm_mpid", true, NULL } },
					     ports[] = { { "lacp_current", false, NULL },
							 { "lacp_current", true, NULL } };
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_index *by_name = ovsrec_interface_index_create(idl, &names[0], 1),
			 *by_name_down = ovsrec_interface_index_create(idl, &names[1], 1),
			 *by_number = ovsrec_interface_index_create(idl, &vlans[0], 1),
			 *by_number_down = ovsrec_interface_index_create(idl, &vlans[1], 1),
			 *by_flag = ovsrec_interface_index_create(idl, &ports[0], 1),
			 *by_flag_down = ovsrec_interface_index_create(idl, &ports[1], 1);
	static const struct {
		const char *name;
		int64_t number;
		bool has_number, flag, has_flag;
	} rows[] = {
		{ "abcdefghi", -1, true, true, true },
		{ "abcdefgh", INT64_MIN, true, false, true },
		{ "abcdefghj", 0, true, false, false },
		{ "\u00e9", INT64_MAX, true, false, false },
		{ "ab", 0, false, false, false },
	};
	struct idl_txn *txn = idl_txn_create(idl);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ovsrec_interface *iface = ovsrec_interface_insert(txn);

		ovsrec_interface_set_name(iface, rows[i].name);
		ovsrec_interface_set_cfm_mpid(iface, &rows[i].number, rows[i].has_number);
		ovsrec_interface_set_lacp_current(iface, &rows[i].flag, rows[i].has_flag);
	}
	expect_order(by_name, "ab"
			      "abcdefgh"
			      "abcdefghi"
			      "abcdefghj"
			      "\u00e9");
	expect_order(by_name_down, "\u00e9"
				   "abcdefghj"
				   "abcdefghi"
				   "abcdefgh"
				   "ab");
	expect_order(by_number, "ab"
				"abcdefgh"
				"abcdefghi"
				"abcdefghj"
				"\u00e9");
	expect_order(by_number_down, "\u00e9"
				     "abcdefghj"
				     "abcdefghi"
				     "abcdefgh"
				     "ab");
	ck_assert_str_eq(((const struct ovsrec_interface *)idl_index_first(by_flag_down))->name,
			 "abcdefghi");
	ck_assert(!((const struct ovsrec_interface *)idl_index_first(by_flag))->n_lacp_current);
	idl_txn_destroy(txn);
	idl_destroy(idl);
}
END_TEST

// Rows come, go and change at random: at any time all are there and in order.
START_TEST(test_order_of_many)
{
	static const struct idl_index_column column = { .name = "ofport" };
	struct idl *idl = open_idl(IDL_ALERT);
	struct idl_index *ix = ovsrec_interface_index_create(idl, &column, 1);
	struct idl_txn *txn = idl_txn_create(idl);
	struct ovsrec_interface *rows[500] = { NULL };
	const struct ovsrec_interface *iface;
	size_t n = 0;

	random_seed(7);
	for (int i = 0; i < 5000; i++) {
		struct ovsrec_interface **row = &rows[random_u32() % ARRAY_SIZE(rows)];
		int64_t port = random_u32() % 300;

		if (*row && random_u32() % 3 == 0) {
			ovsrec_interface_delete(*row);
			*row = NULL;
			n--;
			continue;
		}
		if (!*row) {
			*row = ovsrec_interface_insert(txn);
			n++;
		}
		ovsrec_interface_set_ofport(*row, &port, 1);
		if (i % 100 == 0) {
			int64_t last = -1;
			size_t seen = 0;

			OVSREC_INTERFACE_FOR_EACH_INDEXED(iface, ix)
			{
				ck_assert_int_ge(iface->ofport[0], last);
				last = iface->ofport[0];
				seen++;
			}
			ck_assert_uint_eq(seen, n);
		}
	}
	idl_txn_destroy(txn);
	ck_assert(!idl_index_first(ix));
	idl_destroy(idl);
}
END_TEST

int main(void)
{
	const idl_test tests[] = {
		test_order_within_a_transaction,
		test_order_of_what_the_server_says,
		test_equal_rows_and_ranges,
		test_order_of_the_caller,
		test_order_of_values,
		test_order_of_many,
	};

	return idl_suite("test-idl-index", tests, ARRAY_SIZE(tests));
}
