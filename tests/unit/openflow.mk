# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
OPENFLOW_TESTS = tests/unit/openflow/test-openflow-actions tests/unit/openflow/test-openflow-malformed tests/unit/openflow/test-openflow-text \
	tests/unit/openflow/test-openflow-wire tests/unit/openflow/test-openflow-meter tests/unit/openflow/test-openflow-queue \
	tests/unit/openflow/test-openflow-group tests/unit/openflow/test-openflow-control tests/unit/openflow/test-openflow-damaged \
	tests/unit/openflow/test-ofctl-color
check_PROGRAMS += $(OPENFLOW_TESTS)
TESTS += $(OPENFLOW_TESTS)
tests_unit_openflow_test_ofctl_color_SOURCES = tests/unit/openflow/test-ofctl-color.c utilities/ovs-ofctl-color.c
tests_unit_openflow_test_ofctl_color_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_actions_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_control_SOURCES = tests/unit/openflow/test-openflow-control.c
tests_unit_openflow_test_openflow_control_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_damaged_SOURCES = tests/unit/openflow/test-openflow-damaged.c
tests_unit_openflow_test_openflow_damaged_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_group_SOURCES = tests/unit/openflow/test-openflow-group.c
tests_unit_openflow_test_openflow_group_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_malformed_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_meter_SOURCES = tests/unit/openflow/test-openflow-meter.c
tests_unit_openflow_test_openflow_meter_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_queue_SOURCES = tests/unit/openflow/test-openflow-queue.c
tests_unit_openflow_test_openflow_queue_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_text_SOURCES = tests/unit/openflow/test-openflow-text.c
tests_unit_openflow_test_openflow_text_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
tests_unit_openflow_test_openflow_wire_SOURCES = tests/unit/openflow/test-openflow-wire.c
tests_unit_openflow_test_openflow_wire_LDADD = $(CHECK_LIBS) $(OPENFLOW_LIBS)
endif
# What tests/integration/switch/test_os_ken_*.py run.
check_PROGRAMS += tests/unit/openflow/recode
tests_unit_openflow_recode_SOURCES = tests/unit/openflow/recode.c tests/unit/openflow/recode-private.h tests/unit/openflow/recode-flows.c \
	tests/unit/openflow/recode-switch.c
tests_unit_openflow_recode_LDADD = $(OPENFLOW_LIBS)
EXTRA_DIST += tests/golden/openflow-flows.txt tests/golden/openflow-control.txt tests/golden/openflow-table-features.txt tests/golden/openflow-statistics.txt

check_PROGRAMS += tests/fuzz/fuzz-packet-parse tests/fuzz/fuzz-flow-text tests/fuzz/fuzz-ofp-decode
TESTS += tests/fuzz/run-packet-parse tests/fuzz/run-flow-text tests/fuzz/run-ofp-decode
tests_fuzz_fuzz_packet_parse_SOURCES = tests/fuzz/fuzz-packet-parse.c tests/fuzz/replay.c
tests_fuzz_fuzz_packet_parse_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_flow_text_SOURCES = tests/fuzz/fuzz-flow-text.c tests/fuzz/replay.c
tests_fuzz_fuzz_flow_text_LDADD = datapath/libkernel.a $(OPENFLOW_LIBS)
tests_fuzz_fuzz_ofp_decode_SOURCES = tests/fuzz/fuzz-ofp-decode.c tests/fuzz/replay.c
tests_fuzz_fuzz_ofp_decode_LDADD = $(OPENFLOW_LIBS)
EXTRA_DIST += tests/fuzz/run-packet-parse tests/fuzz/run-flow-text tests/fuzz/run-ofp-decode \
	tests/fuzz/corpus/packet-parse tests/fuzz/corpus/flow-text tests/fuzz/corpus/ofp-decode
