# SPDX-License-Identifier: Apache-2.0
"""What becomes of IP fragments in each mode of ovs-ofctl set-frags, beside Debian's switch."""
import re
import struct

import pytest

from clients import Connection, Control
from conftest import Switch, wait_until
from test_peer_control import controllers, running
from test_peer_pipeline import frames
from test_peer_text import Peer

pytestmark = pytest.mark.peer

MODES = ["normal", "drop", "reassemble", "nx-match"]
FLOWS = """
priority=9,udp,udp_src=80,actions=2
priority=9,tcp,tcp_flags=+syn,actions=2
priority=9,icmp,icmp_type=8,actions=2
priority=8,udp,udp_src=0,actions=3
priority=7,ip,nw_frag=later,actions=3,3
priority=6,tcp,actions=mod_tp_src:80,resubmit(,1)
priority=6,sctp,actions=2,resubmit(,1)
priority=1,actions=3
table=1,tcp,tp_src=80,actions=2
table=1,tcp,tp_src=0,actions=3
table=1,sctp,sctp_src=80,actions=2
table=1,sctp,actions=3
"""


def ipv4(offset, more, protocol):
    h = struct.pack("!BBHHHBBHII", 0x45, 0, 40, 1, (0x2000 if more else 0) | offset, 4, protocol, 0, 0x0a000001, 0x01020304)
    total = sum(struct.unpack("!10H", h))
    total = (total & 0xffff) + (total >> 16)
    ports = bytes.fromhex("0800000000000000" if protocol == 1 else "0050000200140000").ljust(12, b"\0") + b"\x50\x02" + bytes(6)
    return bytes.fromhex("505400000007505400000005" "0800") + h[:10] + struct.pack("!H", 0xffff ^ total) + h[12:] + ports


PACKETS = {f"{kind} of {protocol}": ipv4(offset, more, protocol).hex() for protocol in (17, 6, 1, 132)
           for kind, offset, more in (("whole", 0, 0), ("first", 0, 1), ("later", 1, 1), ("last", 2, 0))}
SPECS = ["in_port=1,udp6,udp_src=80", "in_port=1,udp6,udp_src=80,nw_frag=first", "in_port=1,ipv6,nw_proto=17,nw_frag=later", "in_port=1,arp"]


class Side:
    def __init__(self, s):
        for port in ("p2", "p3"):
            s.vsctl("set", "interface", port, f"options:tx_pcap={s.dir}/{port}.pcap")
        with open(f"{s.dir}/flows", "w") as f:
            f.write(FLOWS.lstrip())
        s.ofctl("add-flows", "br0", f"{s.dir}/flows")
        self.s, self.control = s, Control(s)
        self.names = {n: name for name, n in re.findall(r"(?m)^ +(br0|p\d) (?:\d+)/(\d+):", self.control.call("dpif/show"))}

    def set_mode(self, mode):
        r = self.s.ofctl("set-frags", "br0", mode, check=False)
        return r.returncode, re.sub(r"(?m)^.*\|WARN\|.*\n", "", r.stderr), self.s.ofctl("get-frags", "br0")

    def trace(self, *packet):
        text = self.control.call("ofproto/trace", "br0", *packet)
        actions = re.search(r"Datapath actions: (.*)", text)[1]
        # Of the megaflow what is said of fragments: ports that do not decide, theirs pins down by bits.
        return (re.findall(r"(?m)^ *\d+\. .*", text), re.findall(r"nw_frag=\w+", re.search(r"Megaflow: (.*)", text)[1]),
                re.sub(r"(?<![\w=.:])(\d+)(?=,|$)", lambda m: self.names[m[1]], actions))

    def sent(self):
        paths = [f"{self.s.dir}/{port}.pcap" for port in ("p2", "p3")]
        before = [len(frames(path)) for path in paths]
        for p in PACKETS.values():
            self.control.call("netdev-dummy/receive", "p1", p)
        last = "505400000007ffffffffffff0806" + "00" * 28
        self.control.call("netdev-dummy/receive", "p1", last)
        wait_until("the last packet is sent", lambda: last in [f[:len(last)] for f in frames(paths[1])[before[1]:]])
        return [sorted(frames(path)[n:]) for path, n in zip(paths, before)]


@pytest.fixture(scope="module")
def sides():
    with running(Switch, "netdev") as ours, running(Peer, "dummy") as theirs:
        yield Side(ours), Side(theirs)


@pytest.mark.parametrize("mode", MODES)
def test_fragments_meet_the_rules_that_they_meet_in_debians(sides, mode):
    assert sides[0].set_mode(mode) == sides[1].set_mode(mode)
    for what in [*[("in_port=1", p) for p in PACKETS.values()], *[(spec,) for spec in SPECS]]:
        ours, theirs = [side.trace(*what) for side in sides]
        assert ours == theirs, what


@pytest.mark.parametrize("mode", ["normal", "drop", "nx-match", "normal"])
def test_fragments_leave_as_they_leave_debians(sides, mode):
    """While the flows of the mode before are there."""
    seen = []
    for side in sides:
        side.set_mode(mode)
        side.control.call("revalidator/wait")
        seen.append(side.sent())
    assert seen[0] == seen[1]
    assert len(seen[0][0]) > 2


def asked_by_secondary(c):
    """The mode and the length that it then reads, when it asks for drop and 77."""
    c.put(24, struct.pack("!IIQ", 3, 0, 1))
    c.put(9, struct.pack("!HH", 1, 77))
    c.put(7)
    return [struct.unpack("!HH", m[8:]) for m in c.received() if m[1] == 8]


def test_a_secondary_controller_does_not_say_it(sides):
    """Nor is it refused what else is in the message. Roles do not bind who is connected for service."""
    for side in sides:
        side.set_mode("normal")
        assert asked_by_secondary(controllers(side.s, 1, 4)[0]) == [(0, 77)]
        assert asked_by_secondary(Connection.to(side.s, 4)) == [(1, 77)]
