# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += ofproto/libpipeline.a ofproto/libswitchd.a
ofproto_libpipeline_a_SOURCES = \
	ofproto/pipeline/evict.c ofproto/pipeline/evict.h ofproto/pipeline/table.c ofproto/pipeline/table.h \
	ofproto/pipeline/commit.c ofproto/pipeline/features.c ofproto/pipeline/features.def ofproto/pipeline/flow-mod.c ofproto/pipeline/graves.c ofproto/pipeline/group.c ofproto/pipeline/group-private.h ofproto/pipeline/xlate-group.c ofproto/pipeline/learn.c ofproto/pipeline/learn.h ofproto/pipeline/learned.c ofproto/pipeline/xlate-learn.c ofproto/pipeline/mac-table.c ofproto/pipeline/mac-table.h ofproto/pipeline/meter.c \
	ofproto/pipeline/normal.c ofproto/pipeline/port-vlan.c ofproto/pipeline/port-vlan-private.h ofproto/pipeline/continuation.c ofproto/pipeline/continuation.h ofproto/pipeline/recirc.c ofproto/pipeline/recirc.h ofproto/pipeline/own-rules.c ofproto/pipeline/rule.c ofproto/pipeline/switch-private.h ofproto/pipeline/switch.c \
	ofproto/pipeline/sampling.c ofproto/pipeline/decided.c ofproto/pipeline/decided.h ofproto/pipeline/seen.c ofproto/pipeline/seen.h ofproto/pipeline/switch.h ofproto/pipeline/xlate-sample.c ofproto/pipeline/xlate-actions.c ofproto/pipeline/xlate-basis.c ofproto/pipeline/xlate-check.c ofproto/pipeline/xlate-ct.c ofproto/pipeline/xlate-private.h \
	ofproto/pipeline/switch-tlv.c ofproto/pipeline/tlv-map.c ofproto/pipeline/tlv-map.h ofproto/pipeline/tunnel-config.c ofproto/pipeline/tunnel-config.h \
	ofproto/pipeline/tunnel-types.def ofproto/pipeline/tunnel.c ofproto/pipeline/tunnel.h ofproto/pipeline/xlate-queue.c ofproto/pipeline/xlate-stack.c ofproto/pipeline/xlate-isolate.c ofproto/pipeline/xlate-mpls.c ofproto/pipeline/xlate-encap.c ofproto/pipeline/xlate-recirc.c ofproto/pipeline/xlate-hash.c ofproto/pipeline/xlate-tunnel.c \
	ofproto/pipeline/trace.c ofproto/pipeline/transaction.c ofproto/pipeline/transaction.h ofproto/pipeline/transaction-private.h ofproto/pipeline/xlate.c ofproto/pipeline/xlate.h
ofproto_libswitchd_a_SOURCES = \
	ofproto/bridge/flow-tables.c ofproto/control/tables.c \
	ofproto/bridge/bridge-port.c ofproto/bridge/bridge-status.c ofproto/bridge/bridge-tunnel.c ofproto/bridge/bridge.c ofproto/bridge/cmd-dpctl-flow.c ofproto/bridge/cmd-dpctl.c \
	ofproto/bridge/fail-mode.c ofproto/bridge/in-band.c ofproto/bridge/local-address.c ofproto/bridge/cmd-offload.c ofproto/bridge/cmd-switch.c ofproto/bridge/cmd-dpctl-run.c ofproto/bridge/cmd-trace.c ofproto/bridge/cmd-upcall.c ofproto/bridge/commands-private.h \
	ofproto/bridge/offload-providers.c ofproto/bridge/offload-record.c ofproto/bridge/plane.c ofproto/bridge/restore.c ofproto/bridge/eswitch.c ofproto/bridge/nic-facts.c ofproto/bridge/cmd-doctor.c ofproto/bridge/ct-zones.c ofproto/bridge/datapath-config.c ofproto/bridge/dp-features.c ofproto/bridge/reconfigure.c ofproto/bridge/vswitchd.h \
	ofproto/bridge/bridge-ipfix.c ofproto/bridge/bridge-qos.c ofproto/bridge/cmd-qos.c \
	ofproto/bridge/cmd-dpctl-change.c \
	ofproto/control/control-private.h ofproto/control/control.c ofproto/control/control.h \
	ofproto/control/async.c ofproto/control/bundle.c ofproto/control/forward.c ofproto/control/monitors.c ofproto/control/snoop.c ofproto/control/pacer.c ofproto/control/pacer.h ofproto/control/packets.c ofproto/control/requests.c ofproto/control/queues.c ofproto/upcall/crew.c ofproto/upcall/crew.h ofproto/upcall/learn.c ofproto/upcall/miss.c ofproto/upcall/resume.c ofproto/upcall/flow-limit.c ofproto/upcall/revalidate.c \
	ofproto/services/ipfix-elements.def ofproto/services/ipfix-exporter.c ofproto/services/ipfix-message.c ofproto/services/ipfix-private.h \
	ofproto/services/ipfix.c ofproto/services/ipfix.h \
	ofproto/upcall/trace.c \
	ofproto/upcall/upcall-private.h ofproto/upcall/upcall.c ofproto/upcall/upcall.h
EXTRA_DIST += ofproto/bridge/README.md ofproto/control/README.md ofproto/pipeline/README.md ofproto/services/README.md ofproto/upcall/README.md

sbin_PROGRAMS += ofproto/ovs-vswitchd
ofproto_ovs_vswitchd_SOURCES = ofproto/bridge/main.c
ofproto_ovs_vswitchd_LDADD = ofproto/libswitchd.a ofproto/libpipeline.a ofproto/libopenflow.a $(DATAPATH_LIBS) \
	$(OFFLOAD_LIBS) ovsdb/libovsdb.a $(SIMNIC_LIBS) $(CORE_LIBS) $(DPDK_LIBS)
