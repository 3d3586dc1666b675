# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
OPENFLOW_TESTS = tests/unit/openflow/test-openflow-text tests/unit/openflow/test-openflow-wire
check_PROGRAMS += $(OPENFLOW_TESTS)
TESTS += $(OPENFLOW_TESTS)
tests_unit_openflow_test_openflow_text_SOURCES = tests/unit/openflow/test-openflow-text.c
tests_unit_openflow_test_openflow_text_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_wire_SOURCES = tests/unit/openflow/test-openflow-wire.c
tests_unit_openflow_test_openflow_wire_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
endif
EXTRA_DIST += tests/golden/openflow-flows.txt
