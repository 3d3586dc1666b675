# SPDX-License-Identifier: Apache-2.0
"""Random tables, random packets: Debian's switch and ours send the same packets to the same ports, and our megaflows are at least as
wide.

TRACE_TABLES and TRACE_PACKETS say how many (200 and 50 for the long run), TRACE_SEED where to begin. Packets are compared as they
leave, not the words of the actions: which rewrites come first is a switch's own affair. Masks are compared in sum: where several
fields prove that no rule matches, each switch takes another."""
import os
import re

import pytest

from clients import Control
from conftest import Switch
from datapath_text import Packet, megaflow_bits, outputs
from test_peer_control import running
from test_peer_text import Peer
from trace_tables import Tables

N_TABLES = int(os.environ.get("TRACE_TABLES", 24))
N_PACKETS = int(os.environ.get("TRACE_PACKETS", 50))
SEED = int(os.environ.get("TRACE_SEED", 20261129))


class Side:
    def __init__(self, s):
        # NORMAL meets ports of several modes.
        s.vsctl("add-port", "br0", "p4", "vlan_mode=dot1q-tunnel", "tag=5", "--", "set", "interface", "p4", "type=dummy", "ofport_request=4",
                "--", "set", "port", "p3", "vlan_mode=native-untagged", "tag=6", "other_config:priority-tags=if-nonzero")
        self.s, self.control = s, Control(s)
        numbers = dict(re.findall(r"(?m)^ +(br0|p\d) (?:\d+)/(\d+):", self.control.call("dpif/show")))
        self.back = {int(datapath): name for name, datapath in numbers.items()}

    def fill(self, flows):
        path = f"{self.s.dir}/flows"
        with open(path, "w") as f:
            f.write("\n".join(flows) + "\n")
        # What a switch keeps of stations must not be another's.
        self.control.call("fdb/flush", "br0")
        self.s.ofctl("del-flows", "br0", check=False)
        r = self.s.ofctl("-O", "OpenFlow10", "add-flows", "br0", path, check=False)
        assert not r.returncode, (r.stderr, flows)

    def trace(self, packet):
        text = self.control.call("ofproto/trace", "br0", packet)
        actions = re.search(r"Datapath actions: (.*)", text)[1]
        megaflow = re.search(r"Megaflow: (.*)", text)[1]
        left = [(self.back.get(port, port), *rest) for port, *rest in outputs(actions, Packet.of(packet))]
        return sorted(left, key=repr), megaflow, text


def more_bits(ours, theirs):
    """What our megaflow looks at that theirs does not."""
    mine, other = megaflow_bits(ours), megaflow_bits(theirs)
    return {f: hex(mask & ~other.get(f, 0)) for f, mask in mine.items() if mask & ~other.get(f, 0)}


def n_bits(megaflow):
    return sum(bin(mask).count("1") for mask in megaflow_bits(megaflow).values())


@pytest.fixture(scope="module")
def sides():
    with running(Switch, "netdev") as ours, running(Peer, "dummy") as theirs:
        yield Side(ours), Side(theirs)


# What random tables have found: (name, flows, packets).
FOUND = [
    ("cut output is not sent where the packet came from", ["actions=output(port=1,max_len=100),output(port=2,max_len=100)"],
     ["in_port=1,ip", "in_port=2,ip", "in_port=3,ip"]),
    ("NORMAL drops what comes from a port that is not there", ["actions=NORMAL"], ["in_port=9,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02"]),
    ("an expired TTL ends the list of actions, not the outer ones",
     ["priority=9,ip,actions=resubmit(,1),output:2", "table=1,ip,actions=output:3,dec_ttl,output:4"], ["in_port=1,tcp,nw_ttl=1", "in_port=1,tcp,nw_ttl=2"]),
    ("tables that follow each other may be more than 64", [f"table={i},actions=resubmit(,{i + 1}),output:3" for i in range(100)] + ["table=100,actions=output:2"],
     ["in_port=1,tcp"]),
    ("those before may not", ["table=0,actions=output:2,resubmit(,1)", "table=1,actions=output:3,resubmit(,0)"], ["in_port=1,tcp"]),
    ("a tag that is given by its VLAN is one of 802.1Q", ["in_port=1,actions=mod_vlan_vid:5,output:2"], ["in_port=1,dl_vlan=7,dl_vlan_pcp=3,ip"]),
]


@pytest.mark.parametrize("flows, packets", [f[1:] for f in FOUND], ids=[f[0] for f in FOUND])
def test_what_random_tables_have_found(sides, flows, packets):
    for side in sides:
        side.fill(flows)
    for packet in packets:
        ours, theirs = [side.trace(packet) for side in sides]
        assert ours[0] == theirs[0], f"{packet}\nours:\n{ours[2]}\nDebian's:\n{theirs[2]}"


def test_random_packets_leave_as_debians_lets_them(sides):
    ours, theirs = sides
    narrower, bits = 0, [0, 0]
    for seed in range(SEED, SEED + N_TABLES):
        t = Tables(seed)
        flows = t.flows(t.r.randrange(5, 60))
        for side in sides:
            side.fill(flows)
        for _ in range(N_PACKETS):
            packet = t.packet()
            mine, other = ours.trace(packet), theirs.trace(packet)
            assert mine[0] == other[0], f"seed {seed}: {packet}\nours:\n{mine[2]}\nDebian's:\n{other[2]}\n" + "\n".join(flows)
            if more_bits(mine[1], other[1]):
                narrower += 1
            bits[0] += n_bits(mine[1])
            bits[1] += n_bits(other[1])
    total = N_TABLES * N_PACKETS
    print(f"{total} packets, {N_TABLES} tables: {total - narrower} megaflows look at no bit that Debian's does not; "
          f"{bits[0] / bits[1]:.3f} as many bits")
    assert bits[0] <= bits[1]
