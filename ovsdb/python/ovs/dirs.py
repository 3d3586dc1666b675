# SPDX-License-Identifier: Apache-2.0
"""Where programs, sockets, logs and databases are. The environment overrides what the package was installed with."""
import os

PKGDATADIR = os.environ.get("OVS_PKGDATADIR", "/usr/share/openvswitch")
RUNDIR = os.environ.get("OVS_RUNDIR", "/var/run/openvswitch")
LOGDIR = os.environ.get("OVS_LOGDIR", "/var/log/openvswitch")
BINDIR = os.environ.get("OVS_BINDIR", "/usr/bin")
DBDIR = os.environ.get("OVS_DBDIR") or os.path.join(os.environ.get("OVS_SYSCONFDIR", "/etc"), "openvswitch")
