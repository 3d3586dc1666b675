# SPDX-License-Identifier: Apache-2.0
if HAVE_SIMNIC
if HAVE_CHECK
SIMNIC_TESTS = tests/unit/simnic/test-simnic-flow tests/unit/simnic/test-simnic-device
check_PROGRAMS += $(SIMNIC_TESTS)
TESTS += $(SIMNIC_TESTS)
SIMNIC_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(SIMNIC_CPPFLAGS) $(DPDK_CFLAGS) $(CHECK_CFLAGS)
SIMNIC_TEST_LDADD = $(SIMNIC_LIBS) $(CORE_LIBS) $(CHECK_LIBS)
tests_unit_simnic_test_simnic_flow_SOURCES = tests/unit/simnic/test-simnic-flow.c tests/unit/simnic/bench.c \
	tests/unit/simnic/bench.h
tests_unit_simnic_test_simnic_flow_CPPFLAGS = $(SIMNIC_TEST_CPPFLAGS)
tests_unit_simnic_test_simnic_flow_LDADD = $(SIMNIC_TEST_LDADD)
tests_unit_simnic_test_simnic_device_SOURCES = tests/unit/simnic/test-simnic-device.c tests/unit/simnic/bench.c \
	tests/unit/simnic/bench.h
tests_unit_simnic_test_simnic_device_CPPFLAGS = $(SIMNIC_TEST_CPPFLAGS)
tests_unit_simnic_test_simnic_device_LDADD = $(SIMNIC_TEST_LDADD)
endif
endif
