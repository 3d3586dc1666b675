# SPDX-License-Identifier: Apache-2.0
# The client library for other programs: liboesovsdb, static and shared, its headers, its pkg-config file and the generator. The shared
# one, and the static one, too, which is one object for that, have no names but those that the headers declare. core/io/json.h is none of
# them: other libraries have functions of its names (jansson).
CLIB_SONAME = liboesovsdb.so.0
CLIB_FILE = $(CLIB_SONAME).1.0
CLIB_INCLUDES = \
	core/base/error.h core/base/hmap.h core/base/list.h core/base/log.h core/base/strbuf.h core/base/strmap.h core/base/util.h \
	core/base/uuid.h core/base/vec.h core/io/loop.h core/io/tls.h \
	ovsdb/datum.h ovsdb/error.h ovsdb/function.h ovsdb/idl.h ovsdb/schema.h ovsdb/types.h
nobase_clibinclude_HEADERS = $(CLIB_INCLUDES)
clibincludedir = $(includedir)/openeswitch

noinst_LIBRARIES += ovsdb/libclib.a
ovsdb_libclib_a_SOURCES = \
	core/base/arena.c core/base/clock.c core/base/counters.c core/base/error.c core/base/hash.c core/base/hmap.c core/base/log.c core/base/rcu.c \
	core/base/strbuf.c core/base/strmap.c core/base/util.c core/base/uuid.c \
	core/io/json-frame.c core/io/json-reader.c core/io/json-writer.c core/io/jsonrpc-session.c core/io/jsonrpc.c core/io/listener.c \
	core/io/loop.c core/io/openssl.c core/io/out-queue.c core/io/resolve.c core/io/stream-tls.c core/io/stream.c core/io/tls.c \
	core/io/dirs.c ovsdb/atom-text.c ovsdb/atom.c ovsdb/datum.c ovsdb/error.c ovsdb/schema.c ovsdb/types.c $(IDL_SOURCES)
ovsdb_libclib_a_CFLAGS = $(AM_CFLAGS) -fPIC
CLIB_LIBS = $(EV_LIBS) $(URCU_LIBS) $(XXHASH_LIBS) $(CARES_LIBS) -lm

clibexecdir = $(libdir)
clibexec_DATA = ovsdb/liboesovsdb.a ovsdb/$(CLIB_FILE)
CLEANFILES += ovsdb/liboesovsdb.a ovsdb/liboesovsdb.o ovsdb/$(CLIB_FILE) ovsdb/liboesovsdb.names ovsdb/liboesovsdb.map
ovsdb/liboesovsdb.names: ovsdb/public-names $(CLIB_INCLUDES) Makefile
	$(AM_V_GEN)$(MKDIR_P) ovsdb && $(PYTHON3) $(srcdir)/ovsdb/public-names $(CLIB_INCLUDES:%=$(srcdir)/%) > $@.tmp && mv $@.tmp $@
ovsdb/liboesovsdb.map: ovsdb/liboesovsdb.names
	$(AM_V_GEN)(echo 'LIBOESOVSDB_0 { global:'; sed 's/$$/;/' ovsdb/liboesovsdb.names; echo 'local: *; };') > $@.tmp && mv $@.tmp $@
# Calls within the library stay in it, whatever names a program has.
ovsdb/$(CLIB_FILE): ovsdb/libclib.a ovsdb/liboesovsdb.map
	$(AM_V_CCLD)$(CC) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS) -shared -o $@ -Wl,-soname,$(CLIB_SONAME) \
		-Wl,-Bsymbolic-functions -Wl,--version-script=ovsdb/liboesovsdb.map $(if $(strip $(SAN_CFLAGS)),,-Wl,-z,defs) \
		-Wl,--whole-archive ovsdb/libclib.a -Wl,--no-whole-archive $(CLIB_LIBS)
ovsdb/liboesovsdb.a: ovsdb/libclib.a ovsdb/liboesovsdb.names
	$(AM_V_AR)rm -f $@ && $(LD) -r -o ovsdb/liboesovsdb.o --whole-archive ovsdb/libclib.a && \
		$(OBJCOPY) --keep-global-symbols=ovsdb/liboesovsdb.names ovsdb/liboesovsdb.o && $(AR) cr $@ ovsdb/liboesovsdb.o && \
		$(RANLIB) $@
install-exec-hook:
	cd $(DESTDIR)$(libdir) && ln -sf $(CLIB_FILE) $(CLIB_SONAME) && ln -sf $(CLIB_SONAME) liboesovsdb.so
uninstall-hook:
	rm -f $(DESTDIR)$(libdir)/$(CLIB_SONAME) $(DESTDIR)$(libdir)/liboesovsdb.so

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = ovsdb/liboesovsdb.pc

bin_SCRIPTS += ovsdb/ovsdb-idlc
CLEANFILES += ovsdb/ovsdb-idlc
ovsdb/ovsdb-idlc: ovsdb/idlc.py Makefile
	$(AM_V_GEN)$(MKDIR_P) ovsdb && sed '1s|.*|#!$(PYTHON3)|' $(srcdir)/ovsdb/idlc.py > $@.tmp && chmod +x $@.tmp && mv $@.tmp $@

EXTRA_DIST += ovsdb/public-names Documentation/examples/ovsdb-client/Makefile Documentation/examples/ovsdb-client/README.md \
	Documentation/examples/ovsdb-client/bridges.c
