# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
PLACEMENT_TESTS = tests/unit/offload/test-placement tests/unit/offload/test-placement-meters tests/unit/offload/test-placement-room \
	tests/unit/offload/test-placement-samples tests/unit/offload/test-placement-waits
PLACEMENT_LIBS = offload/liboffload.a $(CHECK_LIBS) $(CORE_LIBS)
FAKE_NIC = tests/unit/offload/fake-nic.c tests/unit/offload/fake-nic.h
check_PROGRAMS += $(PLACEMENT_TESTS)
TESTS += $(PLACEMENT_TESTS)
tests_unit_offload_test_placement_SOURCES = tests/unit/offload/test-placement.c $(FAKE_NIC)
tests_unit_offload_test_placement_LDADD = $(PLACEMENT_LIBS)
tests_unit_offload_test_placement_meters_SOURCES = tests/unit/offload/test-placement-meters.c $(FAKE_NIC)
tests_unit_offload_test_placement_meters_LDADD = $(PLACEMENT_LIBS)
tests_unit_offload_test_placement_room_SOURCES = tests/unit/offload/test-placement-room.c $(FAKE_NIC)
tests_unit_offload_test_placement_room_LDADD = $(PLACEMENT_LIBS)
tests_unit_offload_test_placement_samples_SOURCES = tests/unit/offload/test-placement-samples.c $(FAKE_NIC)
tests_unit_offload_test_placement_samples_LDADD = $(PLACEMENT_LIBS)
tests_unit_offload_test_placement_waits_SOURCES = tests/unit/offload/test-placement-waits.c $(FAKE_NIC)
tests_unit_offload_test_placement_waits_LDADD = $(PLACEMENT_LIBS)
check_PROGRAMS += tests/unit/offload/test-tc-compile
TESTS += tests/unit/offload/test-tc-compile
tests_unit_offload_test_tc_compile_SOURCES = tests/unit/offload/test-tc-compile.c tests/unit/offload/walk.c \
	tests/unit/offload/walk.h
tests_unit_offload_test_tc_compile_LDADD = offload/libtc.a offload/liboffload.a $(CHECK_LIBS) $(CORE_LIBS)
check_PROGRAMS += tests/unit/offload/test-tc-verdicts
TESTS += tests/unit/offload/test-tc-verdicts
tests_unit_offload_test_tc_verdicts_SOURCES = tests/unit/offload/test-tc-verdicts.c tests/unit/offload/walk.c \
	tests/unit/offload/walk.h
tests_unit_offload_test_tc_verdicts_LDADD = offload/libtc.a offload/liboffload.a $(CHECK_LIBS) $(CORE_LIBS)
check_PROGRAMS += tests/unit/offload/test-tc-senders
TESTS += tests/unit/offload/test-tc-senders
tests_unit_offload_test_tc_senders_SOURCES = tests/unit/offload/test-tc-senders.c
tests_unit_offload_test_tc_senders_LDADD = offload/libtc.a $(CHECK_LIBS) $(CORE_LIBS)
check_PROGRAMS += tests/unit/offload/test-tc-psample
TESTS += tests/unit/offload/test-tc-psample
tests_unit_offload_test_tc_psample_SOURCES = tests/unit/offload/test-tc-psample.c
tests_unit_offload_test_tc_psample_LDADD = offload/libtc.a offload/liboffload.a $(CHECK_LIBS) $(CORE_LIBS)
check_PROGRAMS += tests/unit/offload/test-switchdev
TESTS += tests/unit/offload/test-switchdev
tests_unit_offload_test_switchdev_SOURCES = tests/unit/offload/test-switchdev.c
tests_unit_offload_test_switchdev_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_offload_test_switchdev_LDADD = offload/libswitchdev.a $(CHECK_LIBS) $(CORE_LIBS)
if HAVE_MLX5DV
check_PROGRAMS += tests/unit/offload/test-mlx5
TESTS += tests/unit/offload/test-mlx5
tests_unit_offload_test_mlx5_SOURCES = tests/unit/offload/test-mlx5.c
tests_unit_offload_test_mlx5_LDADD = offload/libswitchdev.a $(CHECK_LIBS) $(CORE_LIBS)
# Both libraries are one file.
check_DATA = tests/unit/offload/fake-verbs/libibverbs.so.1
CLEANFILES += tests/unit/offload/fake-verbs/libibverbs.so.1 tests/unit/offload/fake-verbs/libmlx5.so.1
tests/unit/offload/fake-verbs/libibverbs.so.1: tests/unit/offload/fake-verbs.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) -shared -fPIC -o $@ $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) \
		$(srcdir)/tests/unit/offload/fake-verbs.c && ln -sf libibverbs.so.1 $(@D)/libmlx5.so.1
endif
EXTRA_DIST += tests/unit/offload/fake-verbs.c
if HAVE_DPDK
check_PROGRAMS += tests/unit/offload/test-rte-compile
TESTS += tests/unit/offload/test-rte-compile
tests_unit_offload_test_rte_compile_SOURCES = tests/unit/offload/test-rte-compile.c tests/unit/offload/walk.c \
	tests/unit/offload/walk.h
tests_unit_offload_test_rte_compile_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_offload_test_rte_compile_LDADD = $(OFFLOAD_LIBS) $(CHECK_LIBS) $(CORE_LIBS) $(DPDK_LIBS)
endif
endif
check_PROGRAMS += tests/fuzz/fuzz-devlink
TESTS += tests/fuzz/run-devlink
tests_fuzz_fuzz_devlink_SOURCES = tests/fuzz/fuzz-devlink.c tests/fuzz/replay.c
tests_fuzz_fuzz_devlink_LDADD = offload/libswitchdev.a $(CORE_LIBS)
EXTRA_DIST += tests/fuzz/run-devlink tests/fuzz/corpus/devlink
check_PROGRAMS += tests/fuzz/fuzz-tc
TESTS += tests/fuzz/run-tc
tests_fuzz_fuzz_tc_SOURCES = tests/fuzz/fuzz-tc.c tests/fuzz/replay.c
tests_fuzz_fuzz_tc_LDADD = offload/libtc.a offload/liboffload.a $(CORE_LIBS)
EXTRA_DIST += tests/golden/verdicts-tc.txt tests/fuzz/run-tc tests/fuzz/corpus/tc
check_PROGRAMS += tests/fuzz/fuzz-police
TESTS += tests/fuzz/run-police
tests_fuzz_fuzz_police_SOURCES = tests/fuzz/fuzz-police.c tests/fuzz/replay.c
tests_fuzz_fuzz_police_LDADD = offload/libtc.a offload/liboffload.a $(CORE_LIBS)
EXTRA_DIST += tests/fuzz/run-police tests/fuzz/corpus/police
check_PROGRAMS += tests/fuzz/fuzz-psample
TESTS += tests/fuzz/run-psample
tests_fuzz_fuzz_psample_SOURCES = tests/fuzz/fuzz-psample.c tests/fuzz/replay.c
tests_fuzz_fuzz_psample_LDADD = offload/libtc.a offload/liboffload.a $(CORE_LIBS)
EXTRA_DIST += tests/fuzz/run-psample tests/fuzz/corpus/psample
