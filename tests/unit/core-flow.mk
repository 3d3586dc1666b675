# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
CORE_FLOW_TESTS = tests/unit/core/test-classifier tests/unit/core/test-trie tests/unit/core/test-dp-text tests/unit/core/test-fields \
	tests/unit/core/test-match tests/unit/core/test-packet tests/unit/core/test-encap-packet
check_PROGRAMS += $(CORE_FLOW_TESTS)
TESTS += $(CORE_FLOW_TESTS)
CORE_FLOW_TEST_LIBS = $(CHECK_LIBS) $(CORE_LIBS)
tests_unit_core_test_classifier_SOURCES = tests/unit/core/test-classifier.c tests/unit/core/flow-testing.h
tests_unit_core_test_classifier_LDADD = $(CORE_FLOW_TEST_LIBS)
check_PROGRAMS += tests/unit/core/test-clauses
TESTS += tests/unit/core/test-clauses
tests_unit_core_test_trie_SOURCES = tests/unit/core/test-trie.c tests/unit/core/flow-testing.h
tests_unit_core_test_trie_LDADD = $(CORE_FLOW_TEST_LIBS)
tests_unit_core_test_clauses_SOURCES = tests/unit/core/test-clauses.c tests/unit/core/flow-testing.h
tests_unit_core_test_clauses_LDADD = $(CORE_FLOW_TEST_LIBS)
tests_unit_core_test_dp_text_SOURCES = tests/unit/core/test-dp-text.c tests/unit/core/flow-testing.h
tests_unit_core_test_dp_text_LDADD = $(CORE_FLOW_TEST_LIBS)
tests_unit_core_test_fields_SOURCES = tests/unit/core/test-fields.c tests/unit/core/flow-testing.h
tests_unit_core_test_fields_LDADD = $(CORE_FLOW_TEST_LIBS)
tests_unit_core_test_match_SOURCES = tests/unit/core/test-match.c tests/unit/core/flow-testing.h
tests_unit_core_test_match_LDADD = $(CORE_FLOW_TEST_LIBS)
tests_unit_core_test_encap_packet_SOURCES = tests/unit/core/test-encap-packet.c tests/unit/core/flow-testing.h
tests_unit_core_test_encap_packet_LDADD = $(CORE_FLOW_TEST_LIBS)
tests_unit_core_test_packet_SOURCES = tests/unit/core/test-packet.c tests/unit/core/flow-testing.h
tests_unit_core_test_packet_LDADD = $(CORE_FLOW_TEST_LIBS)
endif
EXTRA_DIST += tests/golden/match.txt tests/golden/dp-text.txt
