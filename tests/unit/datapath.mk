# SPDX-License-Identifier: Apache-2.0
# The kernel's datapath needs no DPDK.
if HAVE_CHECK
KERNEL_TESTS = tests/unit/datapath/test-admin-flow tests/unit/datapath/test-conntrack tests/unit/datapath/test-dpctl-text tests/unit/datapath/test-kernel-codec tests/unit/datapath/test-kernel-message tests/unit/datapath/test-linux-qos tests/unit/datapath/test-dpctl-ct
check_PROGRAMS += $(KERNEL_TESTS)
TESTS += $(KERNEL_TESTS)
tests_unit_datapath_test_conntrack_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
tests_unit_datapath_test_dpctl_ct_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
tests_unit_datapath_test_dpctl_text_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
tests_unit_datapath_test_kernel_codec_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
tests_unit_datapath_test_admin_flow_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
tests_unit_datapath_test_kernel_message_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
tests_unit_datapath_test_linux_qos_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
endif

if HAVE_DPDK
if HAVE_CHECK
DATAPATH_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(CHECK_CFLAGS)
DATAPATH_TEST_LDADD = $(DATAPATH_LIBS) $(SIMNIC_LIBS) $(CORE_LIBS) $(CHECK_LIBS)
DATAPATH_TESTS = tests/unit/datapath/test-flow-table tests/unit/datapath/test-datapath \
	tests/unit/datapath/test-eal-args tests/unit/datapath/test-linux-ports tests/unit/datapath/test-pmd
check_PROGRAMS += $(DATAPATH_TESTS)
TESTS += $(DATAPATH_TESTS)
tests_unit_datapath_test_flow_table_CPPFLAGS = $(DATAPATH_TEST_CPPFLAGS)
tests_unit_datapath_test_flow_table_LDADD = $(DATAPATH_TEST_LDADD)
tests_unit_datapath_test_datapath_CPPFLAGS = $(DATAPATH_TEST_CPPFLAGS)
tests_unit_datapath_test_datapath_LDADD = $(DATAPATH_TEST_LDADD)
tests_unit_datapath_test_eal_args_CPPFLAGS = $(DATAPATH_TEST_CPPFLAGS)
tests_unit_datapath_test_eal_args_LDADD = $(DATAPATH_TEST_LDADD)
tests_unit_datapath_test_pmd_CPPFLAGS = $(DATAPATH_TEST_CPPFLAGS)
tests_unit_datapath_test_pmd_LDADD = $(DATAPATH_TEST_LDADD)
tests_unit_datapath_test_linux_ports_CPPFLAGS = $(DATAPATH_TEST_CPPFLAGS)
tests_unit_datapath_test_linux_ports_LDADD = $(DATAPATH_TEST_LDADD)
endif
endif

if HAVE_DPDK
# Built by "make tests/bench/dp-forward"; not a test.
EXTRA_PROGRAMS += tests/bench/dp-forward
tests_bench_dp_forward_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS)
tests_bench_dp_forward_LDADD = $(DATAPATH_LIBS) -lrte_net_ring $(CORE_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz-ovs-netlink
TESTS += tests/fuzz/run-ovs-netlink
tests_fuzz_fuzz_ovs_netlink_SOURCES = tests/fuzz/fuzz-ovs-netlink.c tests/fuzz/replay.c
tests_fuzz_fuzz_ovs_netlink_LDADD = datapath/libkernel.a $(CORE_LIBS)
EXTRA_DIST += tests/fuzz/run-ovs-netlink tests/fuzz/corpus/ovs-netlink

check_PROGRAMS += tests/fuzz/fuzz-ctnetlink
TESTS += tests/fuzz/run-ctnetlink
tests_fuzz_fuzz_ctnetlink_SOURCES = tests/fuzz/fuzz-ctnetlink.c tests/fuzz/replay.c
tests_fuzz_fuzz_ctnetlink_LDADD = datapath/libkernel.a $(CORE_LIBS)
EXTRA_DIST += tests/fuzz/run-ctnetlink tests/fuzz/corpus/ctnetlink

check_PROGRAMS += tests/fuzz/fuzz-qos
TESTS += tests/fuzz/run-qos
tests_fuzz_fuzz_qos_SOURCES = tests/fuzz/fuzz-qos.c tests/fuzz/replay.c
tests_fuzz_fuzz_qos_LDADD = datapath/libkernel.a $(CORE_LIBS)
EXTRA_DIST += tests/fuzz/run-qos tests/fuzz/corpus/qos
