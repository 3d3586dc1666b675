# SPDX-License-Identifier: Apache-2.0
if HAVE_SIMNIC
if HAVE_CHECK
SIMNIC_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(SIMNIC_CPPFLAGS) $(DPDK_CFLAGS) $(CHECK_CFLAGS)
SIMNIC_TEST_LDADD = tests/unit/simnic/libbench.a $(SIMNIC_LIBS) $(CORE_LIBS) $(CHECK_LIBS)
SIMNIC_TESTS = tests/unit/simnic/test-simnic-device tests/unit/simnic/test-simnic-flow \
	tests/unit/simnic/test-simnic-match tests/unit/simnic/test-simnic-rewrite \
	tests/unit/simnic/test-simnic-taps
check_PROGRAMS += $(SIMNIC_TESTS)
TESTS += $(SIMNIC_TESTS)
check_LIBRARIES += tests/unit/simnic/libbench.a
tests_unit_simnic_libbench_a_SOURCES = tests/unit/simnic/bench.c tests/unit/simnic/bench.h tests/unit/simnic/rows.h
tests_unit_simnic_libbench_a_CPPFLAGS = $(SIMNIC_TEST_CPPFLAGS)
tests_unit_simnic_test_simnic_device_CPPFLAGS = $(SIMNIC_TEST_CPPFLAGS)
tests_unit_simnic_test_simnic_device_LDADD = $(SIMNIC_TEST_LDADD)
tests_unit_simnic_test_simnic_flow_CPPFLAGS = $(SIMNIC_TEST_CPPFLAGS)
tests_unit_simnic_test_simnic_flow_LDADD = $(SIMNIC_TEST_LDADD)
tests_unit_simnic_test_simnic_match_CPPFLAGS = $(SIMNIC_TEST_CPPFLAGS)
tests_unit_simnic_test_simnic_match_LDADD = $(SIMNIC_TEST_LDADD)
tests_unit_simnic_test_simnic_rewrite_CPPFLAGS = $(SIMNIC_TEST_CPPFLAGS)
tests_unit_simnic_test_simnic_rewrite_LDADD = $(SIMNIC_TEST_LDADD)
tests_unit_simnic_test_simnic_taps_CPPFLAGS = $(SIMNIC_TEST_CPPFLAGS)
tests_unit_simnic_test_simnic_taps_LDADD = $(SIMNIC_TEST_LDADD)
endif
endif
