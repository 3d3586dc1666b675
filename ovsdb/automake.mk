# SPDX-License-Identifier: Apache-2.0
IDL_SOURCES = \
	ovsdb/idl-condition.c ovsdb/idl-connect.c ovsdb/idl-index.c ovsdb/idl-lock.c ovsdb/idl-private.h ovsdb/idl-reply.c \
	ovsdb/idl-row.c ovsdb/idl-server.c ovsdb/idl-set.c ovsdb/idl-track.c ovsdb/idl-txn-private.h ovsdb/idl-txn.c ovsdb/idl-update.c ovsdb/idl.c ovsdb/idl.h

noinst_LIBRARIES += ovsdb/libovsdb.a
ovsdb_libovsdb_a_SOURCES = \
	ovsdb/atom-text.c ovsdb/atom.c ovsdb/child.c ovsdb/compaction.c ovsdb/condition.c ovsdb/condition.h ovsdb/contents.c ovsdb/conversion.c ovsdb/convert.c ovsdb/convert.h ovsdb/datum.c ovsdb/datum.h \
	ovsdb/db-private.h ovsdb/db.c ovsdb/db.h ovsdb/error.c ovsdb/error.h ovsdb/exec-operation.c ovsdb/exec-private.h ovsdb/exec-wait.c ovsdb/exec.c ovsdb/exec.h ovsdb/op-members.def \
	ovsdb/history.c ovsdb/history.h \
	ovsdb/function.h $(IDL_SOURCES) \
	ovsdb/lock.c ovsdb/log-damage.c ovsdb/log-private.h ovsdb/log-rewrite.c ovsdb/log.c ovsdb/log.h ovsdb/monitor.c ovsdb/monitor.h ovsdb/mutation.c ovsdb/mutation.h ovsdb/triple.c ovsdb/triple.h ovsdb/schema.c ovsdb/schema.h \
	ovsdb/opening.c ovsdb/publish.c ovsdb/rbac.c ovsdb/rbac.h ovsdb/remote.c ovsdb/remote.h ovsdb/replay.c ovsdb/replay.h \
	ovsdb/relay.c ovsdb/relay.h ovsdb/replica.c ovsdb/replica.h ovsdb/server-private.h ovsdb/server-db.c ovsdb/server-report.c ovsdb/server.c ovsdb/server.h ovsdb/session.c ovsdb/store-load.c ovsdb/store-private.h ovsdb/store-record.c ovsdb/store.c ovsdb/store.h \
	ovsdb/table.c ovsdb/table.h ovsdb/tls-settings.c ovsdb/tls-settings.h ovsdb/transact.c ovsdb/txn.c ovsdb/types.c ovsdb/types.h
nodist_ovsdb_libovsdb_a_SOURCES = ovsdb/vswitch-idl.c ovsdb/vswitch-idl.h
sbin_PROGRAMS += ovsdb/ovsdb-server
ovsdb_ovsdb_server_SOURCES = ovsdb/ovsdb-server-backup.c ovsdb/ovsdb-server-commands.c ovsdb/ovsdb-server-config.c ovsdb/ovsdb-server.c ovsdb/ovsdb-server.h
ovsdb_ovsdb_server_LDADD = $(OVSDB_LIBS)

bin_PROGRAMS += ovsdb/ovsdb-tool ovsdb/ovsdb-client
ovsdb_ovsdb_tool_SOURCES = ovsdb/ovsdb-tool-show-log.c ovsdb/ovsdb-tool.c ovsdb/ovsdb-tool.h
ovsdb_ovsdb_tool_LDADD = $(OVSDB_LIBS)
ovsdb_ovsdb_client_SOURCES = \
	ovsdb/ovsdb-client-connect.c ovsdb/ovsdb-client-convert.c ovsdb/ovsdb-client-data.c \
	ovsdb/ovsdb-client-monitor.c ovsdb/ovsdb-client-serve.c ovsdb/ovsdb-client.c ovsdb/ovsdb-client.h
ovsdb_ovsdb_client_LDADD = $(OVSDB_LIBS)

OVSDB_LIBS = ovsdb/libovsdb.a $(CORE_LIBS)

# Typed accessors, generated from the schemas: SCHEMA-idl.h and .c.
IDL_FILES = ovsdb/vswitch-idl.h ovsdb/vswitch-idl.c ovsdb/vtep-idl.h ovsdb/vtep-idl.c
BUILT_SOURCES += $(IDL_FILES)
CLEANFILES += $(IDL_FILES)
IDLC = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(PYTHON3) $(srcdir)/ovsdb/idlc.py
ovsdb/vswitch-idl.h: ovsdb/schemas/vswitch.ovsschema ovsdb/idlc.py
	$(IDLC) $(srcdir)/ovsdb/schemas/vswitch.ovsschema ovsrec header $@ > $@.tmp && mv $@.tmp $@
ovsdb/vswitch-idl.c: ovsdb/schemas/vswitch.ovsschema ovsdb/idlc.py
	$(IDLC) $(srcdir)/ovsdb/schemas/vswitch.ovsschema ovsrec source ovsdb/vswitch-idl.h > $@.tmp && mv $@.tmp $@
ovsdb/vtep-idl.h: ovsdb/schemas/vtep.ovsschema ovsdb/idlc.py
	$(IDLC) $(srcdir)/ovsdb/schemas/vtep.ovsschema vteprec header $@ > $@.tmp && mv $@.tmp $@
ovsdb/vtep-idl.c: ovsdb/schemas/vtep.ovsschema ovsdb/idlc.py
	$(IDLC) $(srcdir)/ovsdb/schemas/vtep.ovsschema vteprec source ovsdb/vtep-idl.h > $@.tmp && mv $@.tmp $@

dist_pkgdata_DATA += ovsdb/schemas/vswitch.ovsschema ovsdb/schemas/vtep.ovsschema
EXTRA_DIST += ovsdb/README.md ovsdb/idlc.py

include ovsdb/python/automake.mk
include ovsdb/clib.mk
