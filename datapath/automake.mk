# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += datapath/libdatapath.a
DATAPATH_USER_SOURCES = \
	datapath/user/commands.c datapath/user/datapath.c datapath/user/devargs.c datapath/user/devargs.h \
	datapath/user/eal-args.c datapath/user/eal-args.h datapath/user/eal.c datapath/user/eal.h datapath/user/emc.c datapath/user/emc.h datapath/user/execute.c \
	datapath/user/linux.c datapath/user/linux.h datapath/user/meter.c datapath/user/meter.h datapath/user/pmd.c datapath/user/port-dummy.c \
	datapath/user/port-ethdev.c datapath/user/port-ethdev.h datapath/user/port-linux.c datapath/user/port-linux.h \
	datapath/user/port-packet.c datapath/user/port-tap.c datapath/user/port-xdp.c datapath/user/port.c \
	datapath/user/port.h datapath/user/process.c datapath/user/segment.c datapath/user/segment.h datapath/user/table.c datapath/user/table.h \
	datapath/user/worker.c datapath/user/worker.h datapath/user/xdp.c datapath/user/xdp.h
EXTRA_DIST += datapath/README.md datapath/features.def datapath/user/README.md

if HAVE_DPDK
datapath_libdatapath_a_SOURCES = datapath/datapath.c datapath/datapath.h datapath/datapath-meter.c datapath/provider.h $(DATAPATH_USER_SOURCES)
datapath_libdatapath_a_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(XDP_CFLAGS)
# What a program with a datapath links, before CORE_LIBS.
DATAPATH_LIBS = datapath/libdatapath.a datapath/libkernel.a -lrte_bus_vdev $(DPDK_LIBS) $(XDP_LIBS)
else
datapath_libdatapath_a_SOURCES = datapath/datapath.c datapath/datapath.h datapath/datapath-meter.c datapath/provider.h
DATAPATH_LIBS = datapath/libdatapath.a datapath/libkernel.a
EXTRA_DIST += $(DATAPATH_USER_SOURCES)
endif

noinst_LIBRARIES += datapath/libkernel.a
datapath_libkernel_a_SOURCES = \
	datapath/conntrack.c datapath/conntrack.def datapath/conntrack.h datapath/conntrack-text.c datapath/datapath-ct.c datapath/dpctl.c datapath/dpctl.h datapath/dpctl-ct.c datapath/dpctl-text.c datapath/dpctl-text.h datapath/qos.h \
	datapath/kernel/dpctl-datapath.c datapath/kernel/dpctl-flow.c datapath/kernel/dpctl-private.h \
	datapath/qos.c datapath/linux/message.c datapath/linux/plain.c datapath/linux/police.c datapath/linux/police.h datapath/linux/qos.def datapath/linux/shaped.c datapath/linux/traffic-private.h datapath/linux/traffic.c datapath/linux/traffic.h \
	datapath/kernel/admin-flow.c datapath/kernel/admin-private.h datapath/kernel/admin.c datapath/kernel/admin.h \
	datapath/kernel/action.c datapath/kernel/action.h datapath/kernel/action-ct.c datapath/kernel/action-header.c \
	datapath/kernel/action-private.h datapath/kernel/conntrack.c datapath/kernel/ct-limit.c datapath/kernel/meter.c datapath/kernel/ct-message.c \
	datapath/kernel/ct-message.h datapath/kernel/ct-timeout.c datapath/kernel/datapath.c datapath/kernel/device.c \
	datapath/kernel/execute.c datapath/kernel/families.c datapath/kernel/features.c datapath/kernel/flow.c \
	datapath/kernel/handler.c datapath/kernel/kernel.h datapath/kernel/key.c datapath/kernel/key.def \
	datapath/kernel/key.h datapath/kernel/message.c datapath/kernel/message.h datapath/kernel/port-info.c \
	datapath/kernel/resume.c datapath/kernel/set.c datapath/kernel/set.h datapath/kernel/stats.c datapath/kernel/tunnel-dev.c \
	datapath/kernel/tunnel-key.c datapath/kernel/vport.c
EXTRA_DIST += datapath/kernel/README.md datapath/linux/README.md
