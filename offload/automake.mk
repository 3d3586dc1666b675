# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += offload/liboffload.a
offload_liboffload_a_SOURCES = \
	offload/backend.h offload/placement-private.h offload/placement.c offload/placement.h offload/reasons.def \
	offload/leftover.c offload/leftover.h offload/meter.c offload/offer.c offload/sampled.c offload/status.c offload/verdict.c offload/verdict.h offload/worker.c
EXTRA_DIST += offload/README.md
if HAVE_DPDK
noinst_LIBRARIES += offload/librteflow.a
offload_librteflow_a_SOURCES = \
	offload/rte_flow/action.c offload/rte_flow/action.def offload/rte_flow/compile.c \
	offload/rte_flow/device.c offload/rte_flow/key.def offload/rte_flow/match.c offload/rte_flow/rte-private.h
offload_librteflow_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
EXTRA_DIST += offload/rte_flow/README.md
endif
noinst_LIBRARIES += offload/libswitchdev.a
offload_libswitchdev_a_SOURCES = \
	offload/switchdev/devlink.c offload/switchdev/features.c offload/switchdev/lookup.c \
	offload/switchdev/mlx5-findings.c offload/switchdev/mlx5.def offload/switchdev/mlx5.h \
	offload/switchdev/name.c offload/switchdev/switchdev-private.h offload/switchdev/switchdev.c \
	offload/switchdev/switchdev.h
if HAVE_MLX5DV
offload_libswitchdev_a_SOURCES += offload/switchdev/mlx5.c
else
offload_libswitchdev_a_SOURCES += offload/switchdev/mlx5-none.c
endif
EXTRA_DIST += offload/switchdev/README.md
noinst_LIBRARIES += offload/libtc.a
offload_libtc_a_SOURCES = \
	offload/tc/action-len.c offload/tc/action-meta.c offload/tc/action-meter.c offload/tc/action-private.h offload/tc/action-sample.c offload/tc/action.c offload/tc/action.def offload/tc/adopt.c offload/tc/compile.c offload/tc/decode.c \
	offload/tc/device-private.h offload/tc/device.c offload/tc/edit.c offload/tc/fingerprint.c offload/tc/key.def \
	offload/tc/look.c offload/tc/meter.c offload/tc/police.c offload/tc/psample.c offload/tc/sample.c \
	offload/tc/match-meta.c offload/tc/match-private.h offload/tc/match.c offload/tc/probe.c offload/tc/qdisc.c \
	offload/tc/read.c offload/tc/rule.c offload/tc/senders.c offload/tc/senders.h offload/tc/tc-private.h offload/tc/tunnel-opts.c
EXTRA_DIST += offload/tc/README.md
if HAVE_DPDK
OFFLOAD_LIBS = offload/librteflow.a offload/libtc.a offload/libswitchdev.a offload/liboffload.a
else
OFFLOAD_LIBS = offload/libtc.a offload/libswitchdev.a offload/liboffload.a
endif
