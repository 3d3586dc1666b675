# SPDX-License-Identifier: Apache-2.0
"""What exporters and agents ask of ovs-vswitchd, and read of its database rows, beside Debian's. Requests to ovsdb-server are in
tests/integration/ovsdb/test_consumers_peer.py, OpenFlow is in test_peer_text.py and test_peer_commands.py."""
import glob
import os
import re
import sys

import pytest

from conftest import wait_until
from test_peer_commands import packet, pair  # noqa: F401: a fixture

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "ovsdb"))
from ovsdbtest import Connection  # noqa: E402

pytestmark = pytest.mark.peer

# ovn-kubernetes' metrics and ovs_exporter, as JSON-RPC on the control socket. {dp} is the datapath.
CONTROL = [
    "dpctl/dump-dps", "dpctl/show", "dpctl/show {dp}", "dpctl/show -s", "dpctl/show -s {dp}", "dpctl/show nodp", "dpctl/show -s nodp",
    "dpctl/show -x", "dpif/show", "dpif/show x", "dpif/show-dp-features nobr", "dpif/show-dp-features", "ofproto/list", "ofproto/list x",
    "coverage/show x", "coverage/read-counter nosuch", "coverage/read-counter", "stopwatch/show", "stopwatch/show x", "memory/show x",
    "list-commands x", "dpctl/dump-flows", "dpctl/dump-flows {dp}", "dpctl/dump-flows nodp", "cluster/status x", "version",
]
DATAPATHS = ("netdev@ovs-netdev", "dummy@ovs-dummy")


def ask(switch, dp, line):
    words = line.format(dp=dp).split()
    conn = Connection(glob.glob(f"{switch.dir}/ovs-vswitchd.*.ctl")[0])
    try:
        answer = conn.answer(conn.request(*words))
    finally:
        conn.close()
    return bool(answer.get("error")), answer.get("result") or answer.get("error") or ""


def settled(text, dp):
    """Without what differs by the kind of datapath: its name and own port, its numbers of ports, errors that dummies count or not."""
    text = text.replace(dp, "DP")
    text = re.sub(r"  port \d+: ovs-dummy .*\n(    .*\n)*", "", text)
    text = re.sub(r"\((tap|dummy-internal)\)", "(INTERNAL)", text)
    text = re.sub(r"(?m)^  port \d+:", "  port N:", text)
    text = re.sub(r"(?m)^(    \S+ \d+)/\d+:", r"\1/N:", text)
    text = re.sub(r"(errors|dropped):[0?]", r"\1:X", text)
    text = re.sub(r"\(Open \w+\) \S+", "(NAME) VERSION", text)
    # Whether this machine's kernel has datapaths at all.
    text = re.sub(r"No such file or directory|No such device", "NONE", text)
    return sorted(text.splitlines()) if "port N:" in text else text


def test_control_socket_is_answered_as_by_debians(pair):  # noqa: F811
    for line in CONTROL:
        ours, theirs = ((error, settled(text, dp)) for dp, (error, text) in ((dp, ask(s, dp, line)) for s, dp in zip(pair, DATAPATHS)))
        assert ours == theirs, line


def test_features_have_the_names_and_the_order_of_debians(pair):  # noqa: F811
    ours, theirs = (s.appctl("dpif/show-dp-features", "br0").splitlines() for s in pair)
    assert [line.split(": ")[0] for line in ours] == [line.split(": ")[0] for line in theirs]
    for line in ours + theirs:
        assert re.fullmatch(r"[\w -]+: (Yes|No|\d+)", line), line
    assert "Recirc: Yes" in ours and "CT state: No" in ours and "Max VLAN headers: 2" in ours


def test_memory_is_told_in_the_words_of_debians(pair):  # noqa: F811
    told = []
    for s in pair:
        s.ofctl("add-flow", "br0", "ip,actions=output:2")
        s.appctl("netdev-dummy/receive", "p1", packet(3))
        wait_until("a flow", lambda: "udpif keys:" in s.appctl("memory/show"))
        text = s.appctl("memory/show")
        assert re.fullmatch(r"([a-zA-Z_ -]+:\d+ )*[a-zA-Z_ -]+:\d+\n", text), text
        told.append(dict(re.findall(r"(\S(?:[^:]*)):(\d+) ?", text)))
    # ofconns and the like come and go with connections.
    assert set(told[0]) == set(told[1])
    for name in ("ports", "udpif keys"):
        assert told[0][name] == told[1][name], name


# What is read of rows that the switch writes: Neutron's agent, os-vif, ovn-kubernetes, sriov-network-operator, ovs-cni, Kolla.
VSCTL = [
    "--if-exists get interface p1 ofport", "get interface br0 ofport", "get interface p1 error", "--columns=ofport,error list interface p1",
    "--columns=admin_state,link_state,duplex,mtu,mtu_request list interface p1", "set interface p1 mtu_request=1400", "get interface p1 mtu",
    "clear interface p1 mtu_request", "add-port br0 nosuchdev", "get interface nosuchdev ofport error", "get interface nosuchdev statistics",
    "--format=json --columns=ofport,error list interface nosuchdev", "--may-exist add-port br0 nosuchdev", "del-port br0 nosuchdev",
    "add-port br0 p3 -- set interface p3 type=dummy ofport_request=77", "get interface p3 ofport", "get interface p3 ofport_request",
    "set interface p3 ofport_request=78", "get interface p3 ofport", "set interface p3 external_ids:iface-id=x external_ids:ovn-installed=true",
    "get interface p3 external_ids:ovn-installed", "--timeout=5 wait-until interface p3 external_ids:ovn-installed=true ofport=78",
    "add-port br0 t0 -- set interface t0 type=vxlan", "get interface t0 error", "del-port t0", "--format=json get bridge br0 protocols",
    "set bridge br0 protocols=OpenFlow13", "get bridge br0 protocols", "clear bridge br0 protocols", "get bridge br0 fail_mode",
    "add-port br0 b0 -- set interface b0 type=nosuchtype", "get interface b0 ofport", "--if-exists del-port b0", "show",
    "get Open_vSwitch . dpdk_initialized nosuch", "get Open_vSwitch . other_config", "get Open_vSwitch . other_config:hw-offload",
    "set Open_vSwitch . other_config:hw-offload=false", "get Open_vSwitch . other_config:hw-offload", "iface-to-br p3", "del-port br0 p3",
]


def test_rows_of_the_running_switch_read_as_with_debians(pair):  # noqa: F811
    def answer(s, line):
        r = s.vsctl(*line.split(), check=False)
        out = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", r.stdout)
        out = re.sub(r"datapath_type: \w+", "datapath_type: TYPE", out)
        lines = [text for text in out.splitlines() if "ovs_version" not in text]
        err = re.sub(r"\d{4}-\S+\|WARN\|.*\n", "", r.stderr.replace(s.dir, "DIR"))
        return r.returncode, sorted(lines) if line == "show" else lines, err

    different = {}
    for line in VSCTL:
        ours, theirs = (answer(s, line) for s in pair)
        if "nosuchtype" in line:
            # Why there is no port of a type is worded differently.
            ours, theirs = ours[:2], theirs[:2]
        if ours != theirs:
            different[line] = ours, theirs
    assert different == {}


def test_versions_and_types_are_where_agents_look(pair):  # noqa: F811
    for s in pair:
        assert re.fullmatch(r"ovs-vsctl \(Open \w+\) \d+\.\d+\.\d+\nDB Schema 8\.\d+\.\d+\n", s.vsctl("-V")), s.vsctl("-V")
        for column, some in (("datapath_types", {"netdev", "system"}),
                             ("iface_types", {"internal", "patch", "system", "tap", "vxlan", "geneve", "gre", "bareudp", "erspan"})):
            text = s.vsctl("get", "Open_vSwitch", ".", column).strip()
            assert text[0] == "[" and text[-1] == "]" and some <= set(text[1:-1].split(", ")), text
    ours = pair[0]
    assert re.fullmatch(r'"\d+\.\d+\.\d+"\n', ours.vsctl("get", "Open_vSwitch", ".", "ovs_version"))
    assert ours.vsctl("get", "Open_vSwitch", ".", "dpdk_initialized") == "true\n"


# Names that ovn-kubernetes' metrics and other exporters look for in coverage/show.
EXPORTED = """
netlink_sent netlink_received netlink_recv_jumbo netlink_overflow rconn_sent rconn_queued rconn_discarded rconn_overflow vconn_open vconn_sent
vconn_received pstream_open stream_open txn_success txn_error txn_uncommitted txn_unchanged txn_incomplete txn_aborted txn_try_again dpif_port_add
dpif_port_del dpif_flow_flush dpif_flow_get dpif_flow_put dpif_flow_del dpif_execute dpif_execute_with_help bridge_reconfigure xlate_actions
xlate_actions_oversize xlate_too_many_output flow_extract packet_in_overflow ofproto_dpif_expired ofproto_flush ofproto_packet_out
ofproto_recv_openflow ofproto_reinit_ports upcall_flow_limit_kill upcall_flow_limit_hit
"""
MANUAL = os.path.join(os.path.dirname(__file__), "..", "..", "..", "Documentation", "ref", "ovs-appctl.8.rst")


def test_counters_that_exporters_know_are_there_or_in_the_manual(pair):  # noqa: F811
    with open(MANUAL) as f:
        absent = set(re.findall(r"(?m)^``(\w+)`` {2,}", f.read()))
    for name in EXPORTED.split():
        r = pair[0].appctl("coverage/read-counter", name, check=False)
        assert (r.returncode != 0) == (name in absent), (name, r)
    assert absent <= set(EXPORTED.split())


def read(s, name):
    return int(s.appctl("coverage/read-counter", name))


def learn_of_a_controller(s):
    """One that cannot be reached."""
    s.vsctl("set-controller", "br0", f"unix:{s.dir}/nosuch")


def expire_a_rule(s):
    s.ofctl("add-flow", "br0", "idle_timeout=1,tcp,actions=drop")
    s.appctl("time/stop")
    s.appctl("time/warp", "5000", "1000")


def exceed_the_flow_limit(s):
    """Each round of the revalidator lets the limit grow again, perhaps before the packet comes."""
    before = read(s, "upcall_flow_limit_hit")

    def is_hit():
        s.appctl("revalidator/purge")
        s.appctl("upcall/set-flow-limit", "0")
        s.appctl("netdev-dummy/receive", "p1", packet(9))
        return read(s, "upcall_flow_limit_hit") > before
    wait_until("the limit is hit", is_hit)


def ofctl_packet_out(s):
    s.ofctl("packet-out", "br0", "in_port=1 packet=5054000000075054000000011234 actions=output:2")


# What is done, and which counters grow by it. Debian's does not count by the names behind "|" when its packets come from dummies.
EVENTS = [
    (lambda s: s.vsctl("add-port", "br0", "p9", "--", "set", "interface", "p9", "type=dummy"),
     "dpif_port_add bridge_reconfigure txn_success txn_incomplete"),
    (lambda s: s.vsctl("del-port", "p2"), "dpif_port_del bridge_reconfigure"),
    (lambda s: s.vsctl("add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=" + ("dummy" if s.vsctl("get", "bridge", "br0", "datapath_type")
                                                                                         .strip() == "dummy" else "netdev")), "pstream_open"),
    (learn_of_a_controller, "stream_open vconn_open"),
    (lambda s: s.ofctl("dump-flows", "br0"), "vconn_received vconn_sent rconn_queued rconn_sent ofproto_recv_openflow"),
    (lambda s: s.appctl("netdev-dummy/receive", "p1", packet(3)), "xlate_actions | flow_extract dpif_flow_put"),
    (lambda s: s.appctl("revalidator/purge"), "dpif_flow_del"),
    (ofctl_packet_out, "ofproto_packet_out dpif_execute | flow_extract"),
    (expire_a_rule, "ofproto_dpif_expired"),
    (exceed_the_flow_limit, "upcall_flow_limit_hit"),
]


def test_counters_grow_with_their_events(pair):  # noqa: F811
    for s in pair:
        s.ofctl("add-flow", "br0", "ip,actions=output:2")
        for act, names in EVENTS:
            both, _, ours = names.partition("|")
            counted = both.split() + (ours.split() if s is pair[0] else [])
            before = {name: read(s, name) for name in counted}
            act(s)
            for name in before:
                wait_until(f"{name} grows at {type(s).__name__}", lambda: read(s, name) > before[name])
