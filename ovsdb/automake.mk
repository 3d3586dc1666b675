# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += ovsdb/libovsdb.a
ovsdb_libovsdb_a_SOURCES = \
	ovsdb/datum.h ovsdb/error.h ovsdb/idl-private.h ovsdb/idl.h ovsdb/schema.h ovsdb/types.h
nodist_ovsdb_libovsdb_a_SOURCES = ovsdb/vswitch-idl.c ovsdb/vswitch-idl.h
OVSDB_LIBS = ovsdb/libovsdb.a $(CORE_LIBS)

# Typed accessors, generated from the schema.
BUILT_SOURCES += ovsdb/vswitch-idl.h ovsdb/vswitch-idl.c
CLEANFILES += ovsdb/vswitch-idl.h ovsdb/vswitch-idl.c
ovsdb/vswitch-idl.h: ovsdb/schemas/vswitch.ovsschema ovsdb/idlc.py
	$(AM_V_GEN)$(MKDIR_P) ovsdb && $(PYTHON3) $(srcdir)/ovsdb/idlc.py \
		$(srcdir)/ovsdb/schemas/vswitch.ovsschema ovsrec header ovsdb/vswitch-idl.h > $@.tmp && mv $@.tmp $@
ovsdb/vswitch-idl.c: ovsdb/schemas/vswitch.ovsschema ovsdb/idlc.py
	$(AM_V_GEN)$(MKDIR_P) ovsdb && $(PYTHON3) $(srcdir)/ovsdb/idlc.py \
		$(srcdir)/ovsdb/schemas/vswitch.ovsschema ovsrec source ovsdb/vswitch-idl.h > $@.tmp && mv $@.tmp $@

dist_pkgdata_DATA += ovsdb/schemas/vswitch.ovsschema
EXTRA_DIST += ovsdb/README.md ovsdb/idlc.py
