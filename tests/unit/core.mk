# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
CORE_TESTS = tests/unit/core/test-base tests/unit/core/test-json tests/unit/core/test-io \
	tests/unit/core/test-jsonrpc-session tests/unit/core/test-netlink tests/unit/core/test-strbuf tests/unit/core/test-tls
check_PROGRAMS += $(CORE_TESTS)
TESTS += $(CORE_TESTS)
tests_unit_core_test_base_SOURCES = tests/unit/core/test-base.c
tests_unit_core_test_base_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_core_test_base_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
# jansson has functions of the same names as ours: ours are compiled for this test under other names.
tests_unit_core_test_json_SOURCES = tests/unit/core/test-json.c core/io/json-equal.c core/io/json-frame.c core/io/json-reader.c core/io/json-writer.c
tests_unit_core_test_json_CPPFLAGS = $(AM_CPPFLAGS) -Djson_object=our_json_object -Djson_array=our_json_array \
	-Djson_string=our_json_string -Djson_null=our_json_null -Djson_integer=our_json_integer \
	-Djson_real=our_json_real -Djson_equal=our_json_equal
tests_unit_core_test_json_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_core_test_json_LDADD = tests/unit/core/libjsonoracle.a $(CORE_LIBS) $(CHECK_LIBS) $(JANSSON_LIBS)
check_LIBRARIES += tests/unit/core/libjsonoracle.a
tests_unit_core_libjsonoracle_a_SOURCES = tests/unit/core/json-oracle.c tests/unit/core/json-oracle.h
tests_unit_core_libjsonoracle_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_core_test_io_SOURCES = tests/unit/core/test-io.c
tests_unit_core_test_io_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_core_test_io_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_test_jsonrpc_session_SOURCES = tests/unit/core/test-jsonrpc-session.c
tests_unit_core_test_jsonrpc_session_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_core_test_jsonrpc_session_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_test_tls_SOURCES = tests/unit/core/test-tls.c tests/unit/core/tls-certs.c tests/unit/core/tls-certs.h
tests_unit_core_test_tls_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_core_test_tls_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_core_test_netlink_SOURCES = tests/unit/core/test-netlink.c
tests_unit_core_test_netlink_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_core_test_netlink_LDADD = $(CORE_LIBS) $(CHECK_LIBS)

tests_unit_core_test_strbuf_SOURCES = tests/unit/core/test-strbuf.c
tests_unit_core_test_strbuf_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_core_test_strbuf_LDADD = $(CORE_LIBS) $(CHECK_LIBS)
endif
