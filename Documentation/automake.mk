# SPDX-License-Identifier: Apache-2.0
MAN_SOURCES = \
	Documentation/ref/ovs-appctl.8.rst Documentation/ref/ovs-dpctl.8.rst Documentation/ref/ovs-ofctl.8.rst \
	Documentation/ref/ovs-python.7.rst Documentation/ref/liboesovsdb.3.rst Documentation/ref/ovsdb-idlc.1.rst \
	Documentation/ref/ovs-vsctl.8.rst \
	Documentation/ref/ovs-testcontroller.8.rst \
	Documentation/ref/vtep-ctl.8.rst \
	Documentation/ref/ovs-pki.8.rst \
	Documentation/ref/ovs-vswitchd.8.rst \
	Documentation/ref/ovsdb-client.1.rst \
	Documentation/ref/ovsdb-server.1.rst \
	Documentation/ref/ovsdb-tool.1.rst
EXTRA_DIST += $(MAN_SOURCES) Documentation/ref/tls-options.inc Documentation/offload.rst \
	Documentation/decisions/0031-ovsdb-damage.md \
	Documentation/decisions/0040-actions-behind-labels.md \
	Documentation/decisions/0048-versions.md \
	Documentation/decisions/0049-bundles.md \
	Documentation/decisions/0050-eviction.md \
	Documentation/decisions/0051-misses.md \
	Documentation/decisions/0054-small-rules.md \
	Documentation/decisions/0055-ipfix.md \
	Documentation/decisions/0001-libraries.md \
	Documentation/decisions/0002-simnic-is-linked-in.md \
	Documentation/decisions/0003-control-room.md \
	Documentation/decisions/0004-rewrites-do-not-narrow.md \
	Documentation/decisions/0005-one-megaflow-table.md \
	Documentation/decisions/0006-a-jump-leaves-a-mark.md \
	Documentation/decisions/0007-default-datapath.md \
	Documentation/decisions/0008-ovsdb-commits.md \
	Documentation/decisions/0009-dependencies.md \
	Documentation/decisions/0023-traffic-control.md \
	Documentation/decisions/0010-linux-ports.md Documentation/decisions/0011-netlink.md \
	Documentation/decisions/0012-tc-filters.md Documentation/decisions/0013-the-lab.md \
	Documentation/decisions/0014-kernel-datapath.md Documentation/decisions/0015-restart.md \
	Documentation/decisions/0016-recirculation.md Documentation/decisions/0017-kernel-conntrack.md \
	Documentation/decisions/0018-tunnels.md Documentation/decisions/0020-ovs-dpctl.md \
	Documentation/decisions/0021-bonds.md \
	Documentation/decisions/0022-many-rules.md \
	Documentation/decisions/0026-dpctl-in-the-switch.md \
	Documentation/decisions/0024-meters-in-hardware.md \
	Documentation/decisions/0025-packet-length-in-tc.md \
	Documentation/decisions/0027-revalidation.md \
	Documentation/decisions/0029-tls.md \
	Documentation/decisions/0033-client-library.md \
	Documentation/decisions/0034-database-server.md \
	Documentation/decisions/0035-conversion-in-slices.md \
	Documentation/decisions/0036-rows.md \
	Documentation/decisions/0037-groups.md \
	Documentation/decisions/0028-samples.md \
	Documentation/decisions/0030-python-package.md \
	Documentation/decisions/0045-conjunctions.md \
	Documentation/decisions/0046-learning.md \
	Documentation/decisions/0060-bare-packets.md \
	Documentation/decisions/0061-fail-mode.md \
	Documentation/decisions/0062-decided.md \
	Documentation/decisions/0032-db-ctl.md

# Man pages, where docutils is there to make them.
if HAVE_RST2MAN
man_MANS = $(MAN_SOURCES:.rst=)
CLEANFILES += $(man_MANS)
.rst:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(RST2MAN) --halt=2 $< $@
SUFFIXES = .rst
$(man_MANS): $(srcdir)/Documentation/ref/tls-options.inc
endif

# Man pages of databases, of their schemas and of what Documentation/schema says of columns. Made where docutils are or not: they check
# that nothing is without words.
SCHEMA_PAGES = Documentation/schema/ovs-vswitchd.conf.db.5.rst Documentation/schema/vtep.5.rst
SCHEMA_MAN = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(PYTHON3) $(srcdir)/Documentation/schema/schema-man
# Which read keys.
SCHEMA_READERS = $(wildcard $(srcdir)/ofproto/*/*.c $(srcdir)/datapath/*/*.c $(srcdir)/offload/*.c)
noinst_DATA += $(SCHEMA_PAGES)
CLEANFILES += $(SCHEMA_PAGES)
EXTRA_DIST += Documentation/schema/README.md Documentation/schema/schema-man Documentation/schema/vswitch.txt Documentation/schema/vtep.txt
Documentation/schema/ovs-vswitchd.conf.db.5.rst: ovsdb/schemas/vswitch.ovsschema Documentation/schema/vswitch.txt Documentation/schema/schema-man $(SCHEMA_READERS)
	$(SCHEMA_MAN) ovs-vswitchd.conf.db $(srcdir)/ovsdb/schemas/vswitch.ovsschema $(srcdir)/Documentation/schema/vswitch.txt \
		$(SCHEMA_READERS) > $@.tmp && mv $@.tmp $@
Documentation/schema/vtep.5.rst: ovsdb/schemas/vtep.ovsschema Documentation/schema/vtep.txt Documentation/schema/schema-man
	$(SCHEMA_MAN) vtep $(srcdir)/ovsdb/schemas/vtep.ovsschema $(srcdir)/Documentation/schema/vtep.txt > $@.tmp && mv $@.tmp $@
if HAVE_RST2MAN
man_MANS += $(SCHEMA_PAGES:.rst=)
CLEANFILES += $(SCHEMA_PAGES:.rst=)
endif
