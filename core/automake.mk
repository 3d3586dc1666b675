# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/libcore.a
core_libcore_a_SOURCES = \
	core/io/appctl-builtin.c core/io/appctl-client.c core/io/appctl-private.h core/io/appctl.c core/io/appctl.h \
	core/io/daemon.c core/io/daemon.h core/io/dirs.c core/io/json-equal.c core/io/json-frame.c core/io/json-private.h core/io/json-reader.c core/io/json-writer.c \
	core/io/json.h core/io/jsonrpc-session.c core/io/jsonrpc.c core/io/jsonrpc.h core/io/listener.c \
	core/io/loop.c core/io/loop.h core/io/openssl.c core/io/openssl.def core/io/openssl.h core/io/out-queue.c core/io/out-queue.h core/io/resolve.c core/io/resolve.h core/io/stream-private.h \
	core/io/stream-tls.c core/io/stream.c core/io/stream.h core/io/tls-private.h core/io/tls.c core/io/tls.h \
	core/base/arena.c core/base/arena.h core/base/bytes.h core/base/clock.c core/base/clock.h core/base/counters.c core/base/counters.def \
	core/base/counters.h core/base/error.c core/base/error.h core/base/hash.c core/base/hash.h core/base/heap.c core/base/heap.h \
	core/base/hmap.c core/base/hmap.h core/base/list.h core/base/log.c core/base/log.h \
	core/base/rcu.c core/base/rcu.h core/base/refs.h core/base/tsan.h core/base/strbuf.c core/base/strbuf.h core/base/thread-memory.c core/base/thread-memory.h core/base/strmap.c \
	core/base/strmap.h core/base/util.c core/base/util.h core/base/uuid.c core/base/uuid.h core/base/vec.h
EXTRA_DIST += core/base/README.md core/io/README.md core/port.h

core_libcore_a_SOURCES += \
	core/types.h core/flow/classifier-private.h core/flow/classifier.c core/flow/classifier.h core/flow/clauses.c core/flow/flow-text.c core/flow/rtable.c \
	core/flow/rtable.h core/flow/ptable.c core/flow/ptable.h core/flow/subtable.c core/flow/tally.c core/flow/tally.h core/flow/trie.c core/flow/trie.h core/flow/dp-action-parse.c \
	core/flow/dp-action-text-private.h core/flow/dp-action-text.c core/flow/dp-action.c core/flow/dp-action.h \
	core/flow/dp-actions.def core/flow/dp-ct-text.c core/flow/dp-nsh-text.c core/flow/ct-match.c core/flow/ct-match.h core/flow/nat.c core/flow/nat.h core/flow/dp-header-text.c core/flow/dp-key-text.c core/flow/dp-text-private.h core/flow/dp-tunnel-text.c core/flow/field-needs.c \
	core/flow/field-oxm.c core/flow/field-text.c core/flow/fields.c core/flow/fields.def core/flow/fields.h \
	core/flow/key.c core/flow/key.h core/flow/match-text.c core/flow/match.c core/flow/match.h \
	core/flow/megaflow.c core/flow/megaflow.h core/flow/meter.c core/flow/meter.h core/flow/miniflow.c core/flow/miniflow.h core/flow/subfield.c core/flow/text-private.h \
	core/packet/checksum-private.h core/packet/checksum.c core/packet/compose.c core/packet/edit.c core/packet/encap.c core/packet/header-action.h \
	core/packet/packet.h core/packet/parse.c core/packet/parse-packed.c core/packet/parse-private.h core/packet/proto-private.h
EXTRA_DIST += core/flow/README.md core/packet/README.md

core_libcore_a_SOURCES += core/netlink/genl.c core/netlink/genl.h core/netlink/nl-msg.c core/netlink/nl-sock.c \
	core/netlink/nl.h core/netlink/rtnl.c core/netlink/rtnl.h core/netlink/tc.c core/netlink/tc.h
EXTRA_DIST += core/netlink/README.md

# So that functions of OpenSSL are called by their names.
nodist_core_libcore_a_SOURCES = core/io/openssl-names.h
BUILT_SOURCES += core/io/openssl-names.h
CLEANFILES += core/io/openssl-names.h
core/io/openssl-names.h: core/io/openssl.def
	$(AM_V_GEN)$(MKDIR_P) core/io && sed -n 's/^F(\(.*\))$$/#define \1 (openssl.\1)/p' $(srcdir)/core/io/openssl.def > $@.tmp && mv $@.tmp $@
