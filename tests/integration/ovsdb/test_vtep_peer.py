# SPDX-License-Identifier: Apache-2.0
"""vtep-ctl beside Debian's, and our hardware_vtep schema beside its one."""
import json
import os
import pathlib
import shlex

import pytest

import ovsdbtest
import peertools
from ovsdbtest import peer, program, run
from test_vsctl_peer import differing

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not peer("vtep-ctl"), reason="needs Debian's programs (OES_PEER_DIR)")]

VTEP = r"""
show
list-ps
add-ps
add-ps s1
add-ps s1
--may-exist add-ps s1
add-ps s2
list-ps
ps-exists s1
ps-exists nosuch
show
add-port s1 p1
add-port s1 p1
--may-exist add-port s1 p1
--may-exist add-port s2 p1
add-port s2 p1
add-port s1 p2
add-port nosuch p3
add-port s1
list-ports s1
list-ports s2
list-ports nosuch
add-ls ls1
add-ls ls1
--may-exist add-ls ls1
add-ls ls2
list-ls
ls-exists ls1
ls-exists nosuch
bind-ls s1 p1 10 ls1
bind-ls s1 p1 10 ls1
bind-ls s1 p1 10 ls2
bind-ls s1 p1 20 ls2
bind-ls s1 nosuch 10 ls1
bind-ls nosuch p1 10 ls1
bind-ls s2 p1 10 ls1
bind-ls s1 p1 10 nosuch
bind-ls s1 p1 10
list-bindings s1 p1
list-bindings s1 nosuch
list-bindings nosuch p1
list-bindings s2 p1
show
unbind-ls s1 p1 20
unbind-ls s1 p1 20
unbind-ls s1 nosuch 20
list-bindings s1 p1
set-replication-mode ls1 source_node
get-replication-mode ls1
set-replication-mode ls1 foo
set-replication-mode nosuch source_node
get-replication-mode nosuch
add-lr lr1
add-lr lr1
--may-exist add-lr lr1
add-lr lr2
list-lr
lr-exists lr1
lr-exists nosuch
del-lr lr2
del-lr lr2
--if-exists del-lr lr2
add-ucast-local ls1 00:11:22:33:44:55 10.0.0.10
add-ucast-local ls1 00:11:22:33:44:55 10.0.0.11
add-ucast-local ls1 00:11:22:33:44:66 vxlan_over_ipv4 10.0.0.11
add-ucast-local ls1 00:11:22:33:44:77 foo 10.0.0.11
add-ucast-local nosuch 00:11:22:33:44:77 10.0.0.11
add-ucast-local ls1 notamac 10.0.0.12
add-ucast-local ls1 00:11:22:33:44:78 notanip
add-ucast-local ls1 x
list-local-macs ls1
list-remote-macs ls1
list-local-macs nosuch
add-ucast-remote ls1 00:11:22:33:44:AA 10.0.0.20
add-ucast-remote ls2 00:11:22:33:44:AA 10.0.0.20
add-mcast-local ls1 unknown-dst 10.0.0.30
add-mcast-local ls1 unknown-dst 10.0.0.31
add-mcast-local ls1 unknown-dst 10.0.0.31
add-mcast-local ls1 01:11:22:33:44:55 vxlan_over_ipv4 10.0.0.31
add-mcast-local nosuch unknown-dst 10.0.0.31
add-mcast-local ls1 x foo 10.0.0.31
add-mcast-remote ls1 unknown-dst 10.0.0.40
add-mcast-remote ls1 unknown-dst vxlan_over_ipv4 10.0.0.41
list-local-macs ls1
list-remote-macs ls1
list-remote-macs ls2
--columns=encapsulation_type,dst_ip list Physical_Locator
del-ucast-local ls1 00:11:22:33:44:55
del-ucast-local ls1 00:11:22:33:44:55
del-ucast-local nosuch 00:11:22:33:44:55
del-ucast-remote ls1 00:11:22:33:44:AA
del-mcast-local ls1 unknown-dst 10.0.0.30
del-mcast-local ls1 unknown-dst 10.0.0.30
del-mcast-local ls1 unknown-dst vxlan_over_ipv4 10.0.0.31
del-mcast-local ls1 unknown-dst foo 10.0.0.31
del-mcast-remote ls1 unknown-dst 10.0.0.40
del-mcast-remote ls1 nosuch 10.0.0.40
list-local-macs ls1
list-remote-macs ls1
clear-local-macs ls1
clear-remote-macs ls1
clear-local-macs nosuch
clear-remote-macs nosuch
list-local-macs ls1
list-remote-macs ls1
list-remote-macs ls2
get-manager
set-manager ptcp:6640 tcp:1.2.3.4
get-manager
set-manager foo
get-manager
show
del-manager
get-manager
set-manager
get Physical_Switch s1 name
get ph s1 name
set Physical_Switch s1 description=hello tunnel_ips=10.0.0.1
set Physical_Switch s1 management_ips=1.2.3.4,1.2.3.5
get Physical_Switch s1 tunnel_ips management_ips description
get Physical_Port p1 name
get Logical_Switch ls1 name tunnel_key
set Logical_Switch ls1 tunnel_key=500
get Logical_Switch ls1 tunnel_key
get Logical_Router lr1 name
get Manager ptcp:6640 target
set-manager ptcp:6640
get Manager ptcp:6640 target
get Global . managers -- get Manager . target
--columns=name list Physical_Switch
--columns=MAC,ipaddr list Ucast_Macs_Local
find Logical_Switch name=ls2
list Physical_Locator_Set
list ACL
list Tunnel
create Physical_Locator dst_ip=1.2.3.4
create Logical_Switch name=direct
list-ls
destroy Logical_Switch direct
wait-until Logical_Switch ls1 tunnel_key=500
comment x
show
del-ls ls1
del-ls ls1
--if-exists del-ls ls1
show
del-ls ls2
list-ls
del-port s1 p2
del-port s2 p1
--if-exists del-port s1 p1
del-port nosuch p1
del-ps s2
del-ps s2
--if-exists del-ps s2
del-ps s1
list-ps
show
--oneline list-ls
--dry-run add-ps x -- list-ps
--no-syslog list-ps
--db=unix:nosuch list-ps
nosuch
-t 1 list-ps
list-ps --may-exist
"""

# Known differences: VLANs must be numbers here; del-port finds the switch where it is left out, as is documented; a replication
# mode that is not set is an empty line, as is documented.
REFUSED = ["bind-ls s p abc l", "bind-ls s p 5000 l", "bind-ls s p -1 l", "unbind-ls s p x"]


def peer_schema():
    return pathlib.Path(os.environ["OES_PEER_DIR"]) / "usr/share/openvswitch/vtep.ovsschema"


@pytest.fixture
def two(tmp_path):
    servers = []
    for name, schema in (("ours", ovsdbtest.SCHEMA.parent / "vtep.ovsschema"), ("theirs", peer_schema())):
        (tmp_path / name).mkdir()
        run(program("ovsdb-tool"), "create", tmp_path / name / "conf.db", schema)
        servers.append(ovsdbtest.Server(tmp_path / name, tmp_path / name / "conf.db", binary=peer("ovsdb-server")).start())
    yield servers
    for s in servers:
        s.stop()


def test_schema_is_the_one_that_controllers_know():
    """Tables, columns and types; the checksum is of the file's text, which is ours."""
    ours, theirs = (json.loads(p.read_text()) for p in (ovsdbtest.SCHEMA.parent / "vtep.ovsschema", peer_schema()))
    ours.pop("cksum", None)
    theirs.pop("cksum")
    assert ours == theirs


def test_vtep_ctl_answers_as_debians(two):
    assert differing(VTEP, two, "vtep-ctl") == {}


def test_vtep_ctl_says_what_is_no_vlan(two):
    def ctl(*args):
        return peertools.run(program("vtep-ctl"), args, two[0].dir)

    assert ctl("add-ps", "s", "--", "add-port", "s", "p", "--", "add-ls", "l") == (0, "", "")
    for line in REFUSED:
        status, out, err = ctl(*shlex.split(line))
        assert (status, out) == (1, "") and "VLAN must be between 0 and 4095" in err
    assert ctl("get-replication-mode", "l") == (0, "\n", "")


def test_vtep_ctl_finds_the_switch_of_a_port(two):
    def ctl(*args):
        return peertools.run(program("vtep-ctl"), args, two[0].dir)

    ctl("add-ps", "s", "--", "add-ps", "t", "--", "add-port", "s", "p", "--", "add-port", "t", "p", "--", "add-port", "t", "q")
    assert ctl("del-port", "p")[2] == "vtep-ctl: several physical switches have a port named p\n"
    assert ctl("del-port", "q", "--", "list-ports", "t") == (0, "p\n", "")
    assert ctl("del-port", "q")[2] == "vtep-ctl: no port named q\n"
    assert ctl("--if-exists", "del-port", "q")[0] == 0
