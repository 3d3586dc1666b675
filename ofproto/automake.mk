# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += ofproto/libopenflow.a
ofproto_libopenflow_a_SOURCES = \
	ofproto/openflow/act-check.c ofproto/openflow/act-private.h ofproto/openflow/act-text.c \
	ofproto/openflow/act-wire.c ofproto/openflow/act.c ofproto/openflow/act.h \
	ofproto/openflow/actions.def ofproto/openflow/actions/check-pkt-larger.c \
	ofproto/openflow/actions/bundle.c ofproto/openflow/actions/controller.c ofproto/openflow/actions/ct.c \
	ofproto/openflow/actions/debug.c ofproto/openflow/actions/encap.c ofproto/openflow/actions/hash-private.h \
	ofproto/openflow/actions/hash.c ofproto/openflow/actions/ip.c ofproto/openflow/actions/learn-private.h \
	ofproto/openflow/actions/learn-text.c ofproto/openflow/actions/learn.c \
	ofproto/openflow/actions/mpls.c ofproto/openflow/actions/multipath.c ofproto/openflow/actions/rule.c \
	ofproto/openflow/actions/sample.c ofproto/openflow/actions/stack.c ofproto/openflow/words.def \
	ofproto/openflow/actions/meter.c ofproto/openflow/actions/move.c ofproto/openflow/actions/nat.c ofproto/openflow/actions/output.c ofproto/openflow/actions/pipeline.c \
	ofproto/openflow/actions/set-field-private.h ofproto/openflow/actions/set-field-text.c \
	ofproto/openflow/actions/set-field.c ofproto/openflow/actions/vlan.c ofproto/openflow/conn.c \
	ofproto/openflow/packet-text.c ofproto/openflow/text-private.h ofproto/openflow/flow-monitor.c ofproto/openflow/flow-monitor.h ofproto/openflow/flow-monitor-text.c \
	ofproto/openflow/ct-flush.c ofproto/openflow/ct-flush.h ofproto/openflow/ipfix.c ofproto/openflow/ipfix.h \
	ofproto/openflow/print-table-features.c ofproto/openflow/table-features.h \
	ofproto/openflow/async.c ofproto/openflow/async.h ofproto/openflow/print-async.c ofproto/openflow/print-table.c ofproto/openflow/table-desc.c ofproto/openflow/bundle.c ofproto/openflow/bundle.h ofproto/openflow/print-bundle.c ofproto/openflow/requestforward.c ofproto/openflow/conn.h ofproto/openflow/errors.c ofproto/openflow/errors.def ofproto/openflow/errors.h \
	ofproto/openflow/field-formats.def ofproto/openflow/formats.c ofproto/openflow/formats.h ofproto/openflow/flow-print.h ofproto/openflow/flow-stats.c ofproto/openflow/flow-text.c ofproto/openflow/flow.c ofproto/openflow/group.c ofproto/openflow/group.h \
	ofproto/openflow/group-text.c ofproto/openflow/messages.def \
	ofproto/openflow/meter.c ofproto/openflow/print-meter.c ofproto/openflow/print-queue.c ofproto/openflow/queue.c ofproto/openflow/msg.c ofproto/openflow/msg.h ofproto/openflow/of-match.h ofproto/openflow/packet-msg.c ofproto/openflow/port.c \
	ofproto/openflow/print-flow.c ofproto/openflow/print-group.c ofproto/openflow/print-private.h ofproto/openflow/print-switch.c \
	ofproto/openflow/print.c ofproto/openflow/raws.def ofproto/openflow/switch-msg.c ofproto/openflow/table-features.c ofproto/openflow/table-stats.c ofproto/openflow/tlv-msg.c ofproto/openflow/wire-private.h \
	ofproto/openflow/wire.c
OPENFLOW_LIBS = ofproto/libopenflow.a $(CORE_LIBS)
EXTRA_DIST += ofproto/openflow/README.md
