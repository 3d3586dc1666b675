# SPDX-License-Identifier: Apache-2.0

bin_PROGRAMS += utilities/ovs-vsctl
utilities_ovs_vsctl_SOURCES = \
	utilities/ovs-vsctl-bridge.c utilities/ovs-vsctl-config.c utilities/ovs-vsctl-db.c \
	utilities/ovs-vsctl-db.h utilities/ovs-vsctl-generic.c utilities/ovs-vsctl-model.c \
	utilities/ovs-vsctl-show.c utilities/ovs-vsctl.c utilities/ovs-vsctl.h
utilities_ovs_vsctl_LDADD = $(OVSDB_LIBS)

bin_PROGRAMS += utilities/ovs-appctl
utilities_ovs_appctl_SOURCES = utilities/ovs-appctl.c
utilities_ovs_appctl_LDADD = $(CORE_LIBS)
