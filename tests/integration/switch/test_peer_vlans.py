# SPDX-License-Identifier: Apache-2.0
"""other_config:vlan-limit: how many tags of a packet are looked at, and what becomes of those behind, beside Debian's switch."""
import re
import struct

import pytest

from clients import Control
from conftest import Switch, wait_until
from test_peer_control import running
from test_peer_pipeline import frames
from test_peer_text import Peer

pytestmark = pytest.mark.peer

Q, AD = 0x8100, 0x88a8
IP = bytes.fromhex("4500001c000000000411a0bb0a000001010203040001000200080000")
LAST = "ff" * 6  # the sender of a packet that says that all before it have been sent


def packet(source, tags, inner=0x0800):
    b = bytes.fromhex("505400000007" + source)
    return (b + b"".join(struct.pack("!HH", *t) for t in tags) + struct.pack("!H", inner) + IP).hex()


PACKETS = {"no tag": [], "one": [(Q, 0x6005)], "one of 802.1ad": [(AD, 5)], "two": [(AD, 0x6005), (Q, 0xe007)], "two of 802.1Q": [(Q, 5), (Q, 7)],
           "three": [(AD, 5), (AD, 7), (Q, 9)]}
TAGGED = "vlan_tci=0x1000/0x1000,"
# What is done, by the version of OpenFlow that can say so.
RULES = {
    "OpenFlow10": ["actions=2", "dl_vlan=5,actions=2", "dl_type=0x8100,actions=2", "ip,actions=2", TAGGED + "actions=strip_vlan,strip_vlan,2",
                   "actions=mod_vlan_vid:9,2", "actions=mod_vlan_pcp:1,strip_vlan,resubmit(,1)", "actions=NORMAL"],
    "OpenFlow13": ["actions=push_vlan:0x8100,2", "actions=push_vlan:0x88a8,set_field:4105->vlan_vid,2", "actions=push_vlan:0x8100,push_vlan:0x88a8,2",
                   TAGGED + "actions=pop_vlan,2", TAGGED + "actions=pop_vlan,resubmit(,1)", TAGGED + "actions=pop_vlan,push_vlan:0x88a8,2",
                   "actions=push_vlan:0x8100,resubmit(,1)", "actions=push_vlan:0x8100,2,push_vlan:0x8100,2",
                   TAGGED + "actions=set_field:1->vlan_pcp,2"],
}
TABLE_1 = "table=1,ip,actions=2,2\ntable=1,dl_type=0x8100,actions=3\n"


def sources():
    """Each rule is for one sender: the version, the rule and that one's address."""
    everything = [(version, rule) for version, rules in RULES.items() for rule in rules]
    return [(*r, f"5054000001{i:02x}") for i, r in enumerate(everything)]


class Side:
    def __init__(self, s):
        s.vsctl("set", "port", "p3", "tag=5")
        for port in ("p2", "p3"):
            s.vsctl("set", "interface", port, f"options:tx_pcap={s.dir}/{port}.pcap")
        for version in RULES:
            with open(f"{s.dir}/flows", "w") as f:
                f.write(TABLE_1 + f"dl_src={':'.join(['ff'] * 6)},actions=2,3\n")
                for v, rule, source in sources():
                    if v == version:
                        address = ":".join(re.findall("..", source))
                        f.write(f"dl_src={address},{rule}\n")
            s.ofctl("-O", version, "add-flows", "br0", f"{s.dir}/flows")
        self.s, self.control = s, Control(s)
        ports = re.findall(r"(?m)^ +(br0|p\d) (?:\d+)/(\d+):", self.control.call("dpif/show"))
        self.names = {number: name for name, number in ports}

    def limit(self, value):
        if value is None:
            self.s.vsctl("remove", "open_vswitch", ".", "other_config", "vlan-limit")
        else:
            self.s.vsctl("set", "open_vswitch", ".", f'other_config:vlan-limit="{value}"')

    def trace(self, tags, source):
        """The packet as it is seen, what its megaflow says of its type, and what is done; ports that NORMAL floods to have no order."""
        text = self.control.call("ofproto/trace", "br0", "in_port=1", packet(source, tags))
        actions = re.search(r"Datapath actions: (.*)", text)[1]
        actions = re.sub(r"(?<![\w=.:])(\d+)(?=,|$)", lambda m: self.names[m[1]], actions)
        if "NORMAL" in text:
            # Each port's own packets are compared as they leave.
            actions = sorted(set(re.findall(r"(?<![\w=])(?:br0|p\d)", actions)))
        return re.search(r"Flow: (.*)", text)[1], re.findall(r"dl_type=\w+", re.search(r"Megaflow: (.*)", text)[1]), actions

    def normal(self, port, tags, source):
        text = self.control.call("ofproto/trace", "br0", f"in_port={port}", packet(source, tags))
        actions = re.sub(r"(?<![\w=.:])(\d+)(?=,|$)", lambda m: self.names[m[1]], re.search(r"Datapath actions: (.*)", text)[1])
        return sorted(set(re.findall(r"(?<![\w=])(?:br0|p\d)", actions))), re.findall(r">>.*", text)

    def sent(self):
        """What leaves at both ports, byte by byte, when the packets come in now."""
        paths = [f"{self.s.dir}/{port}.pcap" for port in ("p2", "p3")]
        before = [len(frames(path)) for path in paths]
        for _, _, source in sources():
            for tags in PACKETS.values():
                self.control.call("netdev-dummy/receive", "p1", packet(source, tags))
        self.control.call("netdev-dummy/receive", "p1", packet(LAST, []))
        found = []
        for path, n in zip(paths, before):
            wait_until("the last packet is sent", lambda: LAST in "".join(f[12:24] for f in frames(path)[n:]))
            found.append(frames(path)[n:])
        return found


@pytest.fixture(scope="module")
def sides():
    with running(Switch, "netdev") as ours, running(Peer, "dummy") as theirs:
        yield Side(ours), Side(theirs)


@pytest.mark.parametrize("value", [None, "2"])
def test_packets_are_seen_and_changed_as_debians_switch_does(sides, value):
    for side in sides:
        side.limit(value)
    for _, rule, source in sources():
        for name, tags in PACKETS.items():
            ours, theirs = [side.trace(tags, source) for side in sides]
            assert ours == theirs, f"{rule}: {name}"


@pytest.mark.parametrize("value", [None, "2", "1"])
def test_packets_leave_as_they_leave_debians(sides, value):
    """Our flows of before are there when the limit changes. Debian's go by hand: there packets find those that do not look at all tags."""
    seen = []
    for side in sides:
        side.limit(value)
        if side is sides[1]:
            side.control.call("revalidator/purge")
        seen.append(side.sent())
    ours, theirs = seen
    assert len(ours[0]) > 60 and len(ours[1]) > 1
    # A port's own order: what misses is sent later by Debian's than what does not.
    assert [sorted(f) for f in ours] == [sorted(f) for f in theirs]


@pytest.mark.parametrize("value", ["0", "1", "2", "3", "-1", "many", "1x"])
def test_values_are_taken_as_debians_takes_them(sides, value):
    for side in sides:
        side.limit(value)
    ours, theirs = [[side.trace(PACKETS[name], sources()[0][2]) for name in ("two", "three")] for side in sides]
    assert ours == theirs


PORTS = ["vlan_mode=access tag=5", "vlan_mode=access tag=0", "vlan_mode=native-untagged tag=5", "vlan_mode=native-tagged tag=5 trunks=0,5,7",
         "vlan_mode=native-tagged tag=0", "vlan_mode=trunk trunks=5"]
TAGS = [[], [(Q, 0)], [(Q, 5)], [(AD, 5)], [(Q, 5), (Q, 7)], [(Q, 0), (Q, 7)], [(Q, 7), (Q, 5)], [(AD, 5), (Q, 7), (Q, 9)]]


@pytest.mark.parametrize("value", ["1", "2"])
def test_ports_take_what_debians_take(sides, value):
    """Where NORMAL sends what comes from a trunk and from the port itself, and what it says of it."""
    source = next(s for _, rule, s in sources() if rule == "actions=NORMAL")
    for side in sides:
        side.limit(value)
    for port in PORTS:
        for side in sides:
            side.s.vsctl("clear", "port", "p3", "tag", "trunks", "--", "set", "port", "p3", *port.split())
        for n in (1, 3):
            for tags in TAGS:
                ours, theirs = [side.normal(n, tags, source) for side in sides]
                assert ours == theirs, f"{port}: from {n}, {tags}"


def kinds(side):
    """What the datapath's flows say of tags, without the tags' numbers."""
    flows = side.control.call("dpctl/dump-flows").splitlines()
    return sorted(" ".join(re.findall(r"eth_type\(\w+\)", f)) for f in flows if "eth_type" in f)


def test_a_change_takes_the_flows_that_rest_on_it(sides):
    ours = sides[0]
    everybody = sources()[0][2]
    seen = []
    for value in ("1", "2"):
        ours.limit(value)
        ours.control.call("revalidator/purge")
        for name in ("no tag", "two"):
            ours.control.call("netdev-dummy/receive", "p1", packet(everybody, PACKETS[name]))
        seen.append(kinds(ours))
    assert seen == [["eth_type(0x0800)", "eth_type(0x88a8) eth_type(0x8100)"], ["eth_type(0x0800)", "eth_type(0x88a8) eth_type(0x8100) eth_type(0x0800)"]]
    ours.limit("1")
    assert kinds(ours) == ["eth_type(0x0800)"]
    assert "Max VLAN headers: 2" in ours.control.call("dpif/show-dp-features", "br0")
