# SPDX-License-Identifier: Apache-2.0
"""The control commands of this switch beside those of Debian's: which there are, and what they answer and do."""
import os
import re
import shutil
import uuid

import pytest

from conftest import Switch
from test_peer_text import Peer

pytestmark = pytest.mark.peer

# Commands of Debian's that this switch has not, by what they begin with: the feature that they belong to.
NOT_HERE = {
    "autoattach/": "LLDP and auto-attach",
    "bfd/": "BFD",
    "bond/": "bonds of OpenFlow ports",
    "cfm/": "CFM",
    "dpif-dummy/": "a datapath of type dummy: dummy ports are in the userspace datapath here",
    "dpif-netdev/bond-show": "bonds of OpenFlow ports",
    "dpif-netdev/dpif-impl-": "a choice among builds of the same code; DPDK's is made at run time",
    "dpif-netdev/miniflow-parser-": "likewise",
    "dpif-netdev/subtable-lookup-": "likewise",
    "odp-execute/action-impl-": "likewise",
    "dpif-netdev/pmd-perf-log-set": "performance logs of PMD threads",
    "dpif-netdev/pmd-rxq-rebalance": "receive queues are shared out again as ports and threads change",
    "lacp/": "LACP",
    "mdb/": "multicast snooping",
    "netdev-dummy/conn-state": "dummy ports on sockets",
    "netdev-dummy/ip4addr": "tunnels in the userspace datapath",
    "netdev-dummy/ip6addr": "tunnels in the userspace datapath",
    "ovs/route/": "tunnels in the userspace datapath",
    "rstp/": "RSTP",
    "stp/": "STP",
    "tnl/": "tunnels in the userspace datapath",
}


@pytest.fixture
def pair(request):
    """Ours and Debian's, each with br0 and dummy ports p1 and p2."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("needs root and /dev/net/tun")
    switches = []
    try:
        for kind, datapath in ((Switch, "netdev"), (Peer, "dummy")):
            tag = uuid.uuid4().hex[:5]
            os.mkdir(f"/tmp/oes-{tag}")
            s = kind(f"/tmp/oes-{tag}", tag)
            switches.append(s)
            s.start("--enable-dummy")
            s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath}", "fail_mode=secure")
            for port in ("p1", "p2"):
                s.vsctl("add-port", "br0", port, "--", "set", "interface", port, "type=dummy")
        yield switches
    finally:
        for s in switches:
            s.close()
            shutil.rmtree(s.dir, ignore_errors=True)


def commands(s):
    return {line.split()[0] for line in s.appctl("list-commands").splitlines() if line.startswith(" ")}


def belongs(command, key):
    return command.startswith(key) if key[-1] in "/-" else command == key


def test_no_command_of_debians_is_missing_without_a_reason(pair):
    ours, theirs = (commands(s) for s in pair)
    missing = theirs - ours
    assert {c for c in missing if not any(belongs(c, key) for key in NOT_HERE)} == set()
    # A reason that has gone must go from the table, too.
    assert {key for key in NOT_HERE if not any(belongs(c, key) for c in missing)} == set()


def test_all_of_dpctl_is_listed(pair):
    ours, theirs = ({line.split()[0] for line in s.appctl("dpctl/list-commands").splitlines()[1:]} for s in pair)
    assert theirs - ours == set()


ALIKE = [
    "dpif/dump-flows br0", "dpif/dump-flows nobr", "dpif/dump-flows", "dpif/dump-flows br0 -m", "dpif/dump-flows -m br0 br1",
    "upcall/disable-megaflows", "upcall/enable-megaflows", "upcall/disable-ufid", "upcall/enable-ufid", "upcall/enable-ufid x",
    "upcall/set-flow-limit 10", "upcall/set-flow-limit", "bridge/dump-flows", "bridge/dump-flows a b c", "bridge/reconnect",
    "bridge/dump-flows br0 --offload-stats", "bridge/reconnect br0", "bridge/reconnect nobr", "fdb/add br0 p1 0 00:00:00:00:00:01",
    "fdb/show br0", "fdb/del br0 0 00:00:00:00:00:01", "fdb/del br0 0 00:00:00:00:00:01", "fdb/add nobr p1 0 00:00:00:00:00:01",
    "fdb/del nobr 0 00:00:00:00:00:01", "fdb/stats-clear", "fdb/stats-clear br0", "fdb/stats-clear nobr", "fdb/flush nobr",
    "fdb/stats-show nobr", "fdb/stats-show", "revalidator/wait", "revalidator/purge", "revalidator/pause", "revalidator/resume",
    "ofproto/list-tunnels", "dpctl/help", "dpctl/nosuch", "coverage/read-counter nosuch",
]


def test_the_same_commands_have_the_same_answers(pair):
    for command in ALIKE:
        ours, theirs = ((r.returncode, r.stdout, r.stderr) for r in (s.appctl(*command.split(), check=False) for s in pair))
        assert ours == theirs, command


def packet(dst):
    return ("in_port(1),eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:07),eth_type(0x0800),"
            f"ipv4(src=10.0.0.2,dst=10.0.0.1,proto=17,tos=0,ttl=64,frag=no),udp(src=8,dst={dst})")


def flows(s, *args):
    """Without numbers of datapath ports, counts and identifiers, which differ by datapath."""
    lines = s.appctl("dpif/dump-flows", *args, "br0").splitlines()
    lines = [re.sub(r"ufid:\S+|packets:\d+, bytes:\d+, used:\S+", "X", line) for line in lines]
    # Names of ct_state's bits, and 0 where all are known to be 0.
    lines = [line.replace("ct_state(-new-est-rel-rpl-inv-trk-snat-dnat)", "ct_state(0)") for line in lines]
    return sorted(re.sub(r"in_port\(\d+\)|actions:\d+", "N", line) for line in lines)


def test_flows_of_a_bridge_are_exact_while_megaflows_are_disabled(pair):
    def send_and_compare(n):
        for s in pair:
            for dst in (3, 4):
                s.appctl("netdev-dummy/receive", "p1", packet(dst))
        ours, theirs = (flows(s) for s in pair)
        assert ours == theirs and len(ours) == n, (ours, theirs)

    for s in pair:
        s.ofctl("add-flow", "br0", "ip,actions=output:2")
    send_and_compare(1)
    names = [flows(s, "--names")[0].split(",actions")[0] for s in pair]
    assert names[0] == names[1] and "in_port(p1)" in names[0], names
    for s in pair:
        s.appctl("upcall/disable-megaflows")
        assert flows(s) == []
    send_and_compare(2)
    for s in pair:
        s.appctl("upcall/enable-megaflows")
        assert flows(s) == []
    send_and_compare(1)


def test_names_of_ports_are_shown_as_asked_wherever_that_stands(pair):
    def has_names(s, command, *args):
        r = s.appctl(command, *args, *(["br0"] if command.startswith("dpif/") else []), check=False)
        return "in_port(p1)" in r.stdout, r.stderr

    for s in pair:
        s.ofctl("add-flow", "br0", "ip,actions=output:2")
        s.appctl("netdev-dummy/receive", "p1", packet(3))
    for command in ("dpctl/dump-flows", "dpif/dump-flows"):
        for words in ("", "-m", "-m --no-names", "--no-names -m", "--names --no-names -m", "--no-names --names"):
            ours, theirs = (has_names(s, command, *words.split()) for s in pair)
            assert ours == theirs, (command, words)


# Datapath of each: {dp} is netdev@ovs-netdev here and dummy@ovs-dummy there.
PORTS = [
    "add-if {dp} q1,type=dummy", "add-if {dp} p1,type=dummy", "add-if {dp} q2,type=foo", "add-if {dp} q3", "add-if {dp} q2,type=dummy q3 p1,type=dummy",
    "add-if {dp}", "add-if nodp q1", "set-if {dp} p1", "set-if {dp} p1,type=dummy", "set-if {dp} p1,type=system", "set-if {dp} p1,port_no=99",
    "set-if {dp} p1,type=system,port_no=99", "set-if {dp} nop", "set-if nodp p1", "del-if {dp} 77", "del-if {dp} nop", "del-if nodp p1",
    "del-if {dp} p1", "del-if {dp} p1", "del-dp nodp", "del-dp", "del-dp a b", "add-dp foo@x", "add-dp nodp", "add-dp {dp}", "add-dp",
]


def test_ports_by_hand_have_the_same_answers(pair):
    for command in PORTS:
        answers = []
        for s, dp in zip(pair, ("netdev@ovs-netdev", "dummy@ovs-dummy")):
            r = s.appctl(*f"dpctl/{command}".format(dp=dp).split(), check=False)
            # The number of p1, and whether this machine's kernel has datapaths at all.
            text = re.sub(r"number from \d+|No such file or directory|No such device", "N", r.stderr.replace(dp, "DP"))
            answers.append((r.returncode, r.stdout, text))
        assert answers[0] == answers[1], command


def ports(s):
    return {line.split(":")[1].split()[0] for line in s.appctl("dpctl/show").splitlines() if line.startswith("  port ")}


def test_a_port_by_hand_lasts_as_long_as_debians(pair):
    for s, dp in zip(pair, ("netdev@ovs-netdev", "dummy@ovs-dummy")):
        assert {"p1", "p2", "br0"} <= ports(s)
        # No bridge wants it.
        s.appctl("dpctl/add-if", dp, "q1,type=dummy")
        assert "q1" not in ports(s)
        # A bridge's port comes back, with its number, when the database changes.
        number = s.vsctl("get", "interface", "p1", "ofport")
        s.appctl("dpctl/del-if", dp, "p1")
        assert "p1" not in ports(s)
        assert "p1 " not in s.appctl("dpif/show")
        s.vsctl("set", "Open_vSwitch", ".", "external_ids:x=y")
        assert "p1" in ports(s)
        assert s.vsctl("get", "interface", "p1", "ofport") == number


PACKET = "50540000000750540000000508004500001c00000000400166cd0a0000010a000002080000000001000200"
PACKET_OUTS = [
    "br0 in_port=1,icmp,nw_ttl=64 output:2", "br0 in_port=1,icmp,nw_ttl=64 resubmit(,0)", "br0 in_port=LOCAL,icmp,nw_ttl=64 resubmit(,5),output:2",
    "br0 in_port=1,icmp,nw_ttl=64 -generate table", "br0 in_port=CONTROLLER,icmp resubmit(,0)", "-consistent br0 in_port=1,icmp output:1",
    "br0 in_port=1,icmp,nw_ttl=9 --names -generate output:2,resubmit(,5)", f"br0 in_port=1 {PACKET} output:2",
    "br0 in_port=1,icmp,nw_ttl=9 set_field:5->reg0,resubmit(,5)", "br0", "br7 in_port=1,icmp output:1",
]


def test_a_packet_out_is_traced_as_debians_traces_it(pair):
    def trace(s, words):
        r = s.appctl("ofproto/trace-packet-out", *words.split(), check=False)
        # Numbers of ports differ by datapath, and ours pins down that there is no VLAN tag.
        out = re.sub(r"(Datapath actions: ).*", r"\1N", r.stdout)
        return r.returncode, re.sub(r"(Megaflow:.*),vlan_tci=0x0000/0x1\w+", r"\1", out), r.stderr

    for s in pair:
        s.ofctl("add-flow", "br0", "ip,actions=output:2")
        s.ofctl("add-flow", "br0", "table=5,icmp,actions=dec_ttl,output:1")
    for words in PACKET_OUTS:
        ours, theirs = (trace(s, words) for s in pair)
        assert ours == theirs, words
    r = pair[0].appctl("ofproto/trace-packet-out", "br0", "in_port=1,icmp", "foo", check=False)
    assert r.returncode == 2 and "foo" in r.stderr, r
    r = pair[0].appctl("ofproto/trace-packet-out", "br0", "in_port=1,icmp", "set_field:80->tcp_dst,2", check=False)
    assert r.returncode == 2 and "OFPBAC_MATCH_INCONSISTENT" in r.stderr, r
    # Nothing but the actions.
    assert "Datapath actions: drop\n" in pair[0].appctl("ofproto/trace-packet-out", "br0", "in_port=1,icmp", "drop")
