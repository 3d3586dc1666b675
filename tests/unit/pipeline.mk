# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
check_PROGRAMS += tests/unit/pipeline/test-cookies
TESTS += tests/unit/pipeline/test-cookies
tests_unit_pipeline_test_cookies_LDADD = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-replace
TESTS += tests/unit/pipeline/test-replace
tests_unit_pipeline_test_replace_LDADD = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-tables
TESTS += tests/unit/pipeline/test-tables
tests_unit_pipeline_test_tables_LDADD = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS) $(CHECK_LIBS)
PIPELINE_LIBS = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-transaction tests/unit/pipeline/test-recirc tests/unit/pipeline/test-ct tests/unit/pipeline/test-meter tests/unit/pipeline/test-queue tests/unit/pipeline/test-group
TESTS += tests/unit/pipeline/test-transaction tests/unit/pipeline/test-recirc tests/unit/pipeline/test-ct tests/unit/pipeline/test-meter tests/unit/pipeline/test-queue tests/unit/pipeline/test-group
tests_unit_pipeline_test_transaction_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_recirc_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_ct_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_group_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_meter_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_queue_LDADD = $(PIPELINE_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-executed
TESTS += tests/unit/pipeline/test-executed
tests_unit_pipeline_test_executed_LDADD = $(PIPELINE_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-conjunction
TESTS += tests/unit/pipeline/test-conjunction
tests_unit_pipeline_test_conjunction_LDADD = $(PIPELINE_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-learn
TESTS += tests/unit/pipeline/test-learn
tests_unit_pipeline_test_learn_LDADD = $(PIPELINE_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-crew
TESTS += tests/unit/pipeline/test-crew
tests_unit_pipeline_test_crew_LDADD = ofproto/libswitchd.a $(CORE_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-flow-limit
TESTS += tests/unit/pipeline/test-flow-limit
tests_unit_pipeline_test_flow_limit_SOURCES = tests/unit/pipeline/test-flow-limit.c
tests_unit_pipeline_test_flow_limit_LDADD = ofproto/libswitchd.a $(CORE_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/services/test-ipfix
TESTS += tests/unit/services/test-ipfix
tests_unit_services_test_ipfix_SOURCES = tests/unit/services/test-ipfix.c
tests_unit_services_test_ipfix_LDADD = ofproto/libswitchd.a ofproto/libpipeline.a ofproto/libopenflow.a $(DATAPATH_LIBS) \
	$(OFFLOAD_LIBS) $(CORE_LIBS) $(CHECK_LIBS) $(DPDK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-sample
TESTS += tests/unit/pipeline/test-sample
tests_unit_pipeline_test_sample_SOURCES = tests/unit/pipeline/test-sample.c
tests_unit_pipeline_test_sample_LDADD = ofproto/libswitchd.a ofproto/libpipeline.a ofproto/libopenflow.a $(DATAPATH_LIBS) \
	$(OFFLOAD_LIBS) $(CORE_LIBS) $(CHECK_LIBS) $(DPDK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-sampled
TESTS += tests/unit/pipeline/test-sampled
tests_unit_pipeline_test_sampled_SOURCES = tests/unit/pipeline/test-sampled.c
tests_unit_pipeline_test_sampled_LDADD = ofproto/libswitchd.a ofproto/libpipeline.a ofproto/libopenflow.a $(DATAPATH_LIBS) \
	$(OFFLOAD_LIBS) $(CORE_LIBS) $(CHECK_LIBS) $(DPDK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-seen
TESTS += tests/unit/pipeline/test-seen
tests_unit_pipeline_test_seen_LDADD = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-decided
TESTS += tests/unit/pipeline/test-decided
tests_unit_pipeline_test_decided_LDADD = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-tunnel
TESTS += tests/unit/pipeline/test-tunnel
tests_unit_pipeline_test_tunnel_LDADD = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/pipeline/test-tunnel-config
TESTS += tests/unit/pipeline/test-tunnel-config
tests_unit_pipeline_test_tunnel_config_LDADD = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS) $(CHECK_LIBS)
# What actions do to packets.
ACTION_TESTS = tests/unit/pipeline/test-fragments tests/unit/pipeline/test-port-vlan tests/unit/pipeline/test-resume tests/unit/pipeline/test-stack tests/unit/pipeline/test-hash tests/unit/pipeline/test-mpls tests/unit/pipeline/test-encap
check_PROGRAMS += $(ACTION_TESTS)
TESTS += $(ACTION_TESTS)
tests_unit_pipeline_test_fragments_SOURCES = tests/unit/pipeline/test-fragments.c tests/unit/pipeline/translated.h tests/unit/pipeline/switches.h
tests_unit_pipeline_test_stack_SOURCES = tests/unit/pipeline/test-stack.c tests/unit/pipeline/translated.h tests/unit/pipeline/switches.h
tests_unit_pipeline_test_port_vlan_SOURCES = tests/unit/pipeline/test-port-vlan.c tests/unit/pipeline/translated.h tests/unit/pipeline/switches.h
tests_unit_pipeline_test_resume_SOURCES = tests/unit/pipeline/test-resume.c tests/unit/pipeline/translated.h tests/unit/pipeline/switches.h
tests_unit_pipeline_test_resume_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_hash_SOURCES = tests/unit/pipeline/test-hash.c tests/unit/pipeline/translated.h tests/unit/pipeline/switches.h
tests_unit_pipeline_test_hash_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_mpls_SOURCES = tests/unit/pipeline/test-mpls.c tests/unit/pipeline/translated.h tests/unit/pipeline/switches.h
tests_unit_pipeline_test_mpls_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_encap_SOURCES = tests/unit/pipeline/test-encap.c tests/unit/pipeline/translated.h tests/unit/pipeline/switches.h
tests_unit_pipeline_test_encap_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_stack_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_port_vlan_LDADD = $(PIPELINE_LIBS)
tests_unit_pipeline_test_fragments_LDADD = $(PIPELINE_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz-continuation
TESTS += tests/fuzz/run-continuation
tests_fuzz_fuzz_continuation_SOURCES = tests/fuzz/fuzz-continuation.c tests/fuzz/replay.c
tests_fuzz_fuzz_continuation_LDADD = ofproto/libpipeline.a ofproto/libopenflow.a $(CORE_LIBS)
EXTRA_DIST += tests/fuzz/run-continuation tests/fuzz/corpus/continuation
