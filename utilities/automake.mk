# SPDX-License-Identifier: Apache-2.0

# What the programs on a database share.
DB_CTL_SOURCES = \
	utilities/db-ctl-commands.c utilities/db-ctl-help.c utilities/db-ctl-managers.c utilities/db-ctl-names.c utilities/db-ctl-private.h utilities/db-ctl-show.c utilities/db-ctl.c \
	utilities/db-ctl.h

bin_PROGRAMS += utilities/ovs-vsctl
utilities_ovs_vsctl_SOURCES = $(DB_CTL_SOURCES) \
	utilities/ovs-vsctl-bridge.c utilities/ovs-vsctl-config.c utilities/ovs-vsctl-model.c utilities/ovs-vsctl-zones.c \
	utilities/ovs-vsctl.c utilities/ovs-vsctl.h
utilities_ovs_vsctl_LDADD = $(OVSDB_LIBS)

bin_PROGRAMS += utilities/vtep-ctl
utilities_vtep_ctl_SOURCES = $(DB_CTL_SOURCES) \
	utilities/vtep-ctl-macs.c utilities/vtep-ctl-switch.c utilities/vtep-ctl.c utilities/vtep-ctl.h
nodist_utilities_vtep_ctl_SOURCES = ovsdb/vtep-idl.c ovsdb/vtep-idl.h
utilities_vtep_ctl_LDADD = $(OVSDB_LIBS)

bin_PROGRAMS += utilities/ovs-appctl
utilities_ovs_appctl_SOURCES = utilities/ovs-appctl.c
utilities_ovs_appctl_LDADD = $(CORE_LIBS)

bin_PROGRAMS += utilities/ovs-ofctl
utilities_ovs_ofctl_SOURCES = \
	utilities/flow-file.c utilities/flow-file.h utilities/ofp-client.c utilities/ofp-client.h utilities/ovs-ofctl-bundle.c utilities/ovs-ofctl-color.c utilities/ovs-ofctl-diff.c utilities/ovs-ofctl-flow.c \
	utilities/ovs-ofctl-flow.h utilities/ovs-ofctl-format.c utilities/ovs-ofctl-group.c utilities/ovs-ofctl-local.c utilities/ovs-ofctl-meter.c utilities/ovs-ofctl-queue.c utilities/ovs-ofctl-packet.c utilities/ovs-ofctl-monitor.c \
	utilities/ovs-ofctl-encode.c utilities/ovs-ofctl-parse.c utilities/ovs-ofctl-pcap.c \
	utilities/pcap-file.c utilities/pcap-file.h utilities/ovs-ofctl-ports.c utilities/ovs-ofctl-switch.c utilities/ovs-ofctl-table.c utilities/ovs-ofctl.c utilities/ovs-ofctl.h
utilities_ovs_ofctl_LDADD = $(OPENFLOW_LIBS)

bin_PROGRAMS += utilities/ovs-testcontroller
utilities_ovs_testcontroller_SOURCES = \
	utilities/flow-file.c utilities/flow-file.h utilities/learning-switch.c utilities/learning-switch.h utilities/ovs-testcontroller.c
utilities_ovs_testcontroller_LDADD = ofproto/libpipeline.a $(OPENFLOW_LIBS)

bin_PROGRAMS += utilities/ovs-dpctl
utilities_ovs_dpctl_SOURCES = \
	utilities/ovs-dpctl.c
utilities_ovs_dpctl_LDADD = datapath/libkernel.a $(CORE_LIBS)

bin_SCRIPTS += utilities/ovs-pki
CLEANFILES += utilities/ovs-pki
EXTRA_DIST += utilities/ovs-pki.in
utilities/ovs-pki: utilities/ovs-pki.in Makefile
	$(AM_V_GEN)$(MKDIR_P) utilities && sed 's|@localstatedir@|$(localstatedir)|g' $(srcdir)/utilities/ovs-pki.in > $@.tmp && \
		chmod +x $@.tmp && mv $@.tmp $@

# One file for all programs that it knows; bash looks for one of the program's name.
completiondir = $(datadir)/bash-completion/completions
nodist_completion_DATA = \
	utilities/completion/ovs-appctl utilities/completion/ovs-dpctl utilities/completion/ovs-ofctl utilities/completion/ovs-vsctl \
	utilities/completion/ovsdb-tool utilities/completion/vtep-ctl
CLEANFILES += $(nodist_completion_DATA)
EXTRA_DIST += utilities/completion/openeswitch.in utilities/completion/README.md
$(nodist_completion_DATA): utilities/completion/openeswitch.in Makefile
	$(AM_V_GEN)$(MKDIR_P) utilities/completion && sed 's|@rundir@|$(localstatedir)/run/openvswitch|g' \
		$(srcdir)/utilities/completion/openeswitch.in > $@.tmp && mv $@.tmp $@
