# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
IDL_TESTS = tests/unit/ovsdb/test-idl tests/unit/ovsdb/test-idl-condition tests/unit/ovsdb/test-idl-index \
	tests/unit/ovsdb/test-idl-track tests/unit/ovsdb/test-idl-write
IDL_FIXTURE = tests/unit/ovsdb/idl-fixture.c tests/unit/ovsdb/idl-fixture.h
OVSDB_TESTS = tests/unit/ovsdb/test-datum tests/unit/ovsdb/test-txn tests/unit/ovsdb/test-log tests/unit/ovsdb/test-crash tests/unit/ovsdb/test-damage $(IDL_TESTS)
check_PROGRAMS += $(OVSDB_TESTS)
TESTS += $(OVSDB_TESTS)
OVSDB_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
OVSDB_TEST_LDADD = $(OVSDB_LIBS) $(CHECK_LIBS)
tests_unit_ovsdb_test_datum_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_datum_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_txn_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_txn_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_log_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_log_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_crash_SOURCES = tests/unit/ovsdb/test-crash.c tests/unit/ovsdb/sim-disk.c tests/unit/ovsdb/sim-disk.h \
	tests/unit/ovsdb/db-script.c tests/unit/ovsdb/db-script.h
tests_unit_ovsdb_test_crash_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_crash_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_damage_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_damage_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_idl_SOURCES = tests/unit/ovsdb/test-idl.c $(IDL_FIXTURE)
tests_unit_ovsdb_test_idl_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_idl_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_idl_condition_SOURCES = tests/unit/ovsdb/test-idl-condition.c $(IDL_FIXTURE)
tests_unit_ovsdb_test_idl_condition_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_idl_condition_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_idl_index_SOURCES = tests/unit/ovsdb/test-idl-index.c $(IDL_FIXTURE)
tests_unit_ovsdb_test_idl_index_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_idl_index_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_idl_track_SOURCES = tests/unit/ovsdb/test-idl-track.c $(IDL_FIXTURE)
tests_unit_ovsdb_test_idl_track_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_idl_track_LDADD = $(OVSDB_TEST_LDADD)
tests_unit_ovsdb_test_idl_write_SOURCES = tests/unit/ovsdb/test-idl-write.c $(IDL_FIXTURE)
tests_unit_ovsdb_test_idl_write_CPPFLAGS = $(OVSDB_TEST_CPPFLAGS)
tests_unit_ovsdb_test_idl_write_LDADD = $(OVSDB_TEST_LDADD)
endif

# Without libFuzzer the targets replay their corpora and a bounded number of mutations of them.
check_PROGRAMS += tests/fuzz/fuzz-ovsdb-json
TESTS += tests/fuzz/run-ovsdb-json
tests_fuzz_fuzz_ovsdb_json_SOURCES = tests/fuzz/fuzz-ovsdb-json.c tests/fuzz/replay.c
tests_fuzz_fuzz_ovsdb_json_LDADD = $(OVSDB_LIBS)
check_PROGRAMS += tests/fuzz/fuzz-ovsdb-server
TESTS += tests/fuzz/run-ovsdb-server
tests_fuzz_fuzz_ovsdb_server_SOURCES = tests/fuzz/fuzz-ovsdb-server.c tests/fuzz/replay.c
tests_fuzz_fuzz_ovsdb_server_LDADD = $(OVSDB_LIBS)
EXTRA_DIST += tests/fuzz/run-ovsdb-server tests/fuzz/corpus/ovsdb-server
check_PROGRAMS += tests/fuzz/fuzz-ovsdb-log tests/fuzz/fuzz-jsonrpc
TESTS += tests/fuzz/run-ovsdb-log tests/fuzz/run-jsonrpc
tests_fuzz_fuzz_ovsdb_log_SOURCES = tests/fuzz/fuzz-ovsdb-log.c tests/fuzz/replay.c
tests_fuzz_fuzz_ovsdb_log_LDADD = $(OVSDB_LIBS)
tests_fuzz_fuzz_jsonrpc_SOURCES = tests/fuzz/fuzz-jsonrpc.c tests/fuzz/replay.c
tests_fuzz_fuzz_jsonrpc_LDADD = $(CORE_LIBS)
check_PROGRAMS += tests/fuzz/fuzz-idl
TESTS += tests/fuzz/run-idl
tests_fuzz_fuzz_idl_SOURCES = tests/fuzz/fuzz-idl.c tests/fuzz/replay.c
tests_fuzz_fuzz_idl_LDADD = $(OVSDB_LIBS)
EXTRA_DIST += tests/fuzz/run-idl tests/fuzz/corpus/idl
EXTRA_DIST += tests/fuzz/run-ovsdb-log tests/fuzz/run-jsonrpc tests/fuzz/corpus/ovsdb-log tests/fuzz/corpus/jsonrpc
EXTRA_DIST += tests/fuzz/run-ovsdb-json tests/fuzz/corpus/ovsdb-json tests/integration/ovsdb \
	tests/integration/fetch-peer

# A replica that integration tests drive.
check_PROGRAMS += tests/unit/ovsdb/idl-client
tests_unit_ovsdb_idl_client_SOURCES = tests/unit/ovsdb/idl-client.c
nodist_tests_unit_ovsdb_idl_client_SOURCES = $(IDL_CLIENT_FILES)
tests_unit_ovsdb_idl_client_LDADD = $(OVSDB_LIBS)
IDL_CLIENT_FILES = tests/unit/ovsdb/idl-client-idl.h tests/unit/ovsdb/idl-client-idl.c
BUILT_SOURCES += $(IDL_CLIENT_FILES)
CLEANFILES += $(IDL_CLIENT_FILES)
tests/unit/ovsdb/idl-client-idl.h: tests/unit/ovsdb/idl-client.ovsschema ovsdb/idlc.py
	$(IDLC) $(srcdir)/tests/unit/ovsdb/idl-client.ovsschema idltest header $@ > $@.tmp && mv $@.tmp $@
tests/unit/ovsdb/idl-client-idl.c: tests/unit/ovsdb/idl-client.ovsschema ovsdb/idlc.py
	$(IDLC) $(srcdir)/tests/unit/ovsdb/idl-client.ovsschema idltest source tests/unit/ovsdb/idl-client-idl.h > $@.tmp && mv $@.tmp $@
tests/unit/ovsdb/idl-client.$(OBJEXT): tests/unit/ovsdb/idl-client-idl.h

# Built by "make tests/bench/idl"; not a test.
EXTRA_PROGRAMS += tests/bench/idl
EXTRA_DIST += tests/bench/idl.ovsschema tests/unit/ovsdb/idl-client.ovsschema
nodist_tests_bench_idl_SOURCES = tests/bench/idl-idl.h tests/bench/idl-idl.c
tests_bench_idl_SOURCES = tests/bench/idl.c
tests_bench_idl_LDADD = $(OVSDB_LIBS)
CLEANFILES += tests/bench/idl-idl.h tests/bench/idl-idl.c
tests/bench/idl.$(OBJEXT): tests/bench/idl-idl.h
tests/bench/idl-idl.h: tests/bench/idl.ovsschema ovsdb/idlc.py
	$(IDLC) $(srcdir)/tests/bench/idl.ovsschema bench header $@ > $@.tmp && mv $@.tmp $@
tests/bench/idl-idl.c: tests/bench/idl.ovsschema ovsdb/idlc.py
	$(IDLC) $(srcdir)/tests/bench/idl.ovsschema bench source tests/bench/idl-idl.h > $@.tmp && mv $@.tmp $@
