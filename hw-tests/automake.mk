# SPDX-License-Identifier: Apache-2.0
SIMNIC_SOURCES = \
	hw-tests/simnic/action.c hw-tests/simnic/actions.def hw-tests/simnic/control.c \
	hw-tests/simnic/devargs.c hw-tests/simnic/esw-counters.def hw-tests/simnic/esw.c \
	hw-tests/simnic/ethdev.c hw-tests/simnic/faults.c hw-tests/simnic/flow.c hw-tests/simnic/item.c \
	hw-tests/simnic/items.def hw-tests/simnic/packet.c hw-tests/simnic/pmd.c hw-tests/simnic/rewrite.c \
	hw-tests/simnic/rewrite.h hw-tests/simnic/service.c hw-tests/simnic/simnic-private.h \
	hw-tests/simnic/simnic.h hw-tests/simnic/table.c hw-tests/simnic/tap.c
EXTRA_DIST += hw-tests/simnic/README.md hw-tests/simnic/fetch-driver-headers

if HAVE_SIMNIC
# A program that calls simnic_link() puts SIMNIC_LIBS before CORE_LIBS.
SIMNIC_LIBS = hw-tests/libsimnic.a -lrte_bus_vdev $(DPDK_LIBS)
noinst_LIBRARIES += hw-tests/libsimnic.a
hw_tests_libsimnic_a_SOURCES = $(SIMNIC_SOURCES)
hw_tests_libsimnic_a_CPPFLAGS = $(AM_CPPFLAGS) $(SIMNIC_CPPFLAGS) $(DPDK_CFLAGS)

# The same driver as a plug-in, for dpdk-testpmd -d: self-contained, so with the little of core/ that it needs.
SIMNIC_PLUGIN_FILES = $(filter %.c,$(SIMNIC_SOURCES)) core/base/clock.c core/base/error.c core/base/hash.c \
	core/base/hmap.c core/base/strbuf.c core/base/util.c
noinst_DATA += hw-tests/librte_net_simnic.so
CLEANFILES += hw-tests/librte_net_simnic.so
hw-tests/librte_net_simnic.so: hw-tests/libsimnic.a $(SIMNIC_PLUGIN_FILES)
	$(AM_V_CCLD)$(CC) -shared -fPIC -o $@ $(DEFS) $(AM_CPPFLAGS) $(SIMNIC_CPPFLAGS) $(DPDK_CFLAGS) $(CPPFLAGS) \
		$(AM_CFLAGS) $(CFLAGS) $(addprefix $(srcdir)/,$(SIMNIC_PLUGIN_FILES)) $(AM_LDFLAGS) $(LDFLAGS) \
		-lrte_bus_vdev $(DPDK_LIBS) $(XXHASH_LIBS)
else
SIMNIC_LIBS =
EXTRA_DIST += $(SIMNIC_SOURCES)
endif
# The NIC for the kernel: GPL-2.0, built by its own script and not by this makefile.
EXTRA_DIST += hw-tests/simnic/kmod/.clang-format hw-tests/simnic/kmod/Kbuild hw-tests/simnic/kmod/LICENSE \
	hw-tests/simnic/kmod/README.md hw-tests/simnic/kmod/action.c hw-tests/simnic/kmod/block.c \
	hw-tests/simnic/kmod/build hw-tests/simnic/kmod/ct.c hw-tests/simnic/kmod/devlink.c hw-tests/simnic/kmod/faults.c \
	hw-tests/simnic/kmod/forward.c hw-tests/simnic/kmod/lag.c hw-tests/simnic/kmod/main.c hw-tests/simnic/kmod/match.c hw-tests/simnic/kmod/matchall.c \
	hw-tests/simnic/kmod/meter.c hw-tests/simnic/kmod/netdev.c hw-tests/simnic/kmod/nic.c \
	hw-tests/simnic/kmod/profile.c hw-tests/simnic/kmod/rewrite.c hw-tests/simnic/kmod/simnic.h \
	hw-tests/simnic/kmod/table.c hw-tests/simnic/kmod/tunnel.c hw-tests/simnic/kmod/vlan.c
EXTRA_DIST += hw-tests/lab/README.md hw-tests/lab/cases/simnic_lab.py hw-tests/lab/cases/test-simnic-bond.py hw-tests/lab/cases/test-simnic-connections.py \
	hw-tests/lab/cases/test-simnic-tunnels.py hw-tests/lab/cases/test-simnic.py \
	hw-tests/lab/cases/test_check_len.py hw-tests/lab/cases/test_meters_nic.py hw-tests/lab/cases/test_switch_commands.py hw-tests/lab/cases/conntrack_lab.py hw-tests/lab/cases/kernel_switch.py hw-tests/lab/cases/test_kernel_conntrack.py hw-tests/lab/cases/test_kernel_conntrack_commands.py hw-tests/lab/cases/test_bond_switch.py hw-tests/lab/cases/test_ct_switch.py hw-tests/lab/cases/test_dpctl.py hw-tests/lab/cases/test_faults_switch.py hw-tests/lab/cases/test_kernel_switch.py hw-tests/lab/cases/test_traffic_switch.py hw-tests/lab/cases/test_meters.py hw-tests/lab/cases/test_kernel_tunnels.py hw-tests/lab/debian-kernel hw-tests/lab/init.c hw-tests/lab/kernel \
	hw-tests/lab/cases/test_consumers_kernel.py hw-tests/lab/cases/test_qos.py hw-tests/lab/cases/test_sample_switch.py \
	hw-tests/lab/run hw-tests/lab/uml-debug.config hw-tests/lab/uml.config

# Programs that a lab guest runs; built here, started by hw-tests/lab/run.
if HAVE_CHECK
LAB_CASES = hw-tests/lab/cases/test-kernel-conntrack hw-tests/lab/cases/test-kernel-datapath hw-tests/lab/cases/test-kernel-ports hw-tests/lab/cases/test-switchdev hw-tests/lab/cases/test-tc \
	hw-tests/lab/cases/test-tc-device hw-tests/lab/cases/test-tc-meta hw-tests/lab/cases/test-tc-sample \
	hw-tests/lab/cases/test-tc-sample-simnic hw-tests/lab/cases/test-tc-simnic
check_PROGRAMS += $(LAB_CASES)
LAB_CASE_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
LAB_CASE_SOURCES = hw-tests/lab/cases/frames.c hw-tests/lab/cases/frames.h hw-tests/lab/cases/guest.h \
	hw-tests/lab/cases/segments.c hw-tests/lab/cases/segments.h \
	hw-tests/lab/cases/software.c hw-tests/lab/cases/software.h hw-tests/lab/cases/wire.c \
	hw-tests/lab/cases/wire.h
LAB_CASE_TC_LDADD = offload/libtc.a offload/liboffload.a $(CHECK_LIBS) $(CORE_LIBS)
hw_tests_lab_cases_test_kernel_datapath_SOURCES = hw-tests/lab/cases/test-kernel-datapath.c \
	hw-tests/lab/cases/pipeline.c hw-tests/lab/cases/pipeline.h $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_kernel_datapath_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_kernel_datapath_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
hw_tests_lab_cases_test_kernel_conntrack_SOURCES = hw-tests/lab/cases/test-kernel-conntrack.c \
	hw-tests/lab/cases/pipeline.c hw-tests/lab/cases/pipeline.h $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_kernel_conntrack_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_kernel_conntrack_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
hw_tests_lab_cases_test_kernel_ports_SOURCES = hw-tests/lab/cases/test-kernel-ports.c $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_kernel_ports_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
hw_tests_lab_cases_test_kernel_ports_LDADD = datapath/libkernel.a $(CHECK_LIBS) $(CORE_LIBS)
hw_tests_lab_cases_test_switchdev_SOURCES = hw-tests/lab/cases/test-switchdev.c hw-tests/lab/cases/guest.h
hw_tests_lab_cases_test_switchdev_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_switchdev_LDADD = offload/libswitchdev.a $(CHECK_LIBS) $(CORE_LIBS)
hw_tests_lab_cases_test_tc_SOURCES = hw-tests/lab/cases/test-tc.c hw-tests/lab/cases/wires-veth.c \
	hw-tests/lab/cases/wires.h $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_tc_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_tc_LDADD = $(LAB_CASE_TC_LDADD)
hw_tests_lab_cases_test_tc_device_SOURCES = hw-tests/lab/cases/test-tc-device.c $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_tc_device_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_tc_device_LDADD = $(LAB_CASE_TC_LDADD)
hw_tests_lab_cases_test_tc_meta_SOURCES = hw-tests/lab/cases/test-tc-meta.c $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_tc_meta_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_tc_meta_LDADD = $(LAB_CASE_TC_LDADD)
hw_tests_lab_cases_test_tc_sample_SOURCES = hw-tests/lab/cases/test-tc-sample.c hw-tests/lab/cases/wires-veth.c \
	hw-tests/lab/cases/wires.h $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_tc_sample_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_tc_sample_LDADD = $(LAB_CASE_TC_LDADD)
# The same cases, in the simulated NIC.
hw_tests_lab_cases_test_tc_simnic_SOURCES = hw-tests/lab/cases/test-tc.c hw-tests/lab/cases/wires-simnic.c \
	hw-tests/lab/cases/wires.h $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_tc_simnic_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_tc_simnic_LDADD = $(LAB_CASE_TC_LDADD)
hw_tests_lab_cases_test_tc_sample_simnic_SOURCES = hw-tests/lab/cases/test-tc-sample.c hw-tests/lab/cases/wires-simnic.c \
	hw-tests/lab/cases/wires.h $(LAB_CASE_SOURCES)
hw_tests_lab_cases_test_tc_sample_simnic_CFLAGS = $(LAB_CASE_CFLAGS)
hw_tests_lab_cases_test_tc_sample_simnic_LDADD = $(LAB_CASE_TC_LDADD)
endif
