# SPDX-License-Identifier: Apache-2.0
"""IPFIX as a collector gets it from this switch and from Debian's: templates, records and numbers, and what statistics say.

Left out, because it differs on purpose: times; the numbers of exporters; and whether a packet is told of as dropped, which there depends on
whether it met a megaflow that was already there; what is sampled as egress of no port, which there names a patch port. Templates come for
each observation domain here, there only for the first."""
import re
import socket
import struct
import subprocess

import pytest

from conftest import Switch, wait_until
from test_peer_sample import PeerWithTunnels, configure
from test_peer_text import on_switch

pytestmark = pytest.mark.peer

UNICAST, MULTICAST, BROADCAST = "505400000007", "01005e000005", "ffffffffffff"
TCP, UDP, SCTP, ICMP = "%04x%04x0000000000000000%04x000000000000", "%04x%04x000c00000a0b0c0d", "%04x%04x0000000000000000", "%02x%02x000000000000"


def ethernet(payload, dst=UNICAST, tci=None):
    return dst + "505400000005" + (f"8100{tci:04x}" if tci else "") + payload


def v4(i, proto, payload="0102030405060708", dst=UNICAST, tci=None, frag=0):
    body = f"4528{20 + len(payload) // 2:04x}0000{frag:04x}3f{proto:02x}00000a0000010a0000{i:02x}"
    total = sum(int(body[k:k + 4], 16) for k in range(0, 40, 4))
    total = (total & 0xffff) + (total >> 16)
    return ethernet("0800" + body[:20] + f"{~total & 0xffff:04x}" + body[24:] + payload, dst, tci)


def v6(proto, payload="0102030405060708", tci=None):
    ends = "fe80" + "00" * 13 + "01" + "fe80" + "00" * 13 + "02"
    return ethernet(f"86dd67012345{len(payload) // 2:04x}{proto:02x}80{ends}{payload}", tci=tci)


# Each of a megaflow of its own: those of table 0 look at addresses and ports.
PACKETS = [
    v4(1, 6, TCP % (8, 9, 0x5012)),
    v4(2, 6, TCP % (8, 9, 0x502d)),
    v4(3, 17, UDP % (8, 9)),
    v4(4, 1, ICMP % (8, 3)),
    v4(5, 132, SCTP % (8, 9)),
    v4(6, 47),
    v4(7, 17, frag=100),
    v4(8, 17, UDP % (8, 9), dst=MULTICAST),
    v4(9, 17, UDP % (8, 9), dst=BROADCAST),
    v4(10, 17, UDP % (8, 9), tci=0x2062),
    v6(17, UDP % (1, 2), tci=0xe063),
    v6(58, ICMP % (135, 1)),
    v6(6, TCP % (1, 2, 0x5010)),
    v6(89),
    ethernet("0806000108000604000150540000000501020304000000000000" + "02030405"),
    ethernet("1234" + "00" * 46),
]
WAYS = ["", ",sampling_port=2", ",sampling_port=2,ingress", ",sampling_port=2,egress"]
TIMES, DROPPED = (158, 159), (133, 135, 132, 134)


class Collector:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(20)
        self.target = "\"127.0.0.1:%d\"" % self.socket.getsockname()[1]
        self.templates, self.messages = {}, 0

    def template(self, b):
        number, n = struct.unpack("!HH", b[:4])
        b, elements = b[4:], []
        for _ in range(n):
            e, size = struct.unpack("!HH", b[:4])
            enterprise = struct.unpack("!I", b[4:8])[0] if e & 0x8000 else 0
            b = b[8 if enterprise else 4:]
            elements.append((e & 0x7fff, enterprise, size))
        self.templates[number] = elements
        return b

    def record(self, number, b):
        values = []
        for e, enterprise, size in self.templates[number]:
            if size == 65535:
                size, b = b[0], b[1:]
            values.append((e, enterprise, b[:size].hex()))
            b = b[size:]
        assert not b
        return [v for v in values if v[0] not in TIMES + DROPPED]

    def next(self):
        """The next record about a flow: sequence, domain, template, elements."""
        while True:
            b = self.socket.recv(65536)
            self.messages += 1
            version, length, _, sequence, domain = struct.unpack("!HHIII", b[:16])
            assert (version, length) == (10, len(b))
            number, size = struct.unpack("!HH", b[16:20])
            assert size == len(b) - 16, "one set in a message"
            b = b[20:]
            if number == 2:
                while b:
                    b = self.template(b)
            elif number != 3 and number != 462:
                return sequence, domain, number, self.record(number, b)


def add_set(s, c, *options):
    s.vsctl("--", "--id=@b", "get", "bridge", "br0", "--", "--id=@i", "create", "IPFIX", f"targets={c.target}", *options,
            "--", "create", "Flow_Sample_Collector_Set", "id=1", "bridge=@b", "ipfix=@i")


def fill(s, way):
    sample = f"sample(probability=65535,collector_set_id=1,obs_domain_id=2,obs_point_id=3{way}),2"
    # That each packet is one of its own megaflow.
    flows = [f"priority={i + 10},{m},actions={sample}" for i, m in enumerate(
        ["actions", "ip,nw_dst=10.0.0.0/24", "ipv6,ipv6_dst=fe80::/64", "dl_type=0x1234"]) if m != "actions"] + [f"priority=1,actions={sample}"]
    for i in range(1, 11):
        flows.append(f"priority=99,ip,nw_dst=10.0.0.{i},actions={sample}")
    with open(f"{s.dir}/flows", "w") as f:
        f.write("\n".join(flows) + "\n")
    s.ofctl("del-flows", "br0")
    s.ofctl("add-flows", "br0", f"{s.dir}/flows")


def told(s):
    found = {}
    c = Collector()
    add_set(s, c, "other_config:virtual_obs_id=here")
    for way in WAYS:
        fill(s, way)
        wait_until("samples are told of", lambda: "flow_sample" in s.appctl("ofproto/trace", "br0", "in_port=1,ip"))
        s.appctl("revalidator/purge")
        # All kinds one way, some the others.
        for p in PACKETS[::5] if way else PACKETS:
            s.appctl("netdev-dummy/receive", "p1", p)
            found[way, p] = c.next()
    found["templates"] = c.templates
    found["statistics"] = s.ofctl("dump-ipfix-flow", "br0")
    found["messages"] = c.messages
    r = s.ofctl("dump-ipfix-flow", "br1", check=False)
    found["none"] = re.sub("0x[0-9a-f]+", "X", r.stdout + r.stderr)
    return found


def told_of_bridge(s):
    c = Collector()
    s.ofctl("add-flow", "br0", "actions=2,pa")
    s.vsctl("--", "--id=@i", "create", "IPFIX", f"targets={c.target}", "sampling=1", "obs_domain_id=7", "obs_point_id=9", "--", "set", "bridge", "br0",
            "ipfix=@i")
    found = {}
    for p in PACKETS:
        s.appctl("revalidator/purge")
        s.appctl("netdev-dummy/receive", "p1", p)
        found[p] = [c.next(), c.next()]
    found["statistics"] = s.ofctl("dump-ipfix-bridge", "br0")
    return found


@pytest.fixture
def index():
    """Of the device w0, of a pair."""
    subprocess.run(["ip", "link", "add", "w0", "type", "veth", "peer", "name", "w1"], check=True)
    try:
        for dev in ("w0", "w1"):
            subprocess.run(["ip", "link", "set", dev, "addrgenmode", "none", "up"], check=True)
        yield socket.if_nametoindex("w0")
    finally:
        subprocess.run(["ip", "link", "del", "w0"], check=True)


class SwitchWithDevices(Switch):
    """Whose ports are dummies only where they are said to be."""
    def start(self, *vswitchd_args):
        super().start("--enable-dummy")


def told_of_devices(s):
    c = Collector()
    s.vsctl("add-port", "br0", "w0", "--", "set", "interface", "w0", "ofport_request=7")
    s.ofctl("add-flow", "br0", "in_port=1,actions=7")
    s.ofctl("add-flow", "br0", "in_port=7,actions=1")
    s.vsctl("--", "--id=@i", "create", "IPFIX", f"targets={c.target}", "sampling=1", "--", "set", "bridge", "br0", "ipfix=@i")
    s.appctl("netdev-dummy/receive", "p1", PACKETS[0])
    out = [c.next(), c.next()]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("w1", 0))
        wire.send(bytes.fromhex(PACKETS[1]))
    return [*out, c.next(), c.next()]


def test_devices_are_told_by_their_index(index):
    theirs, ours = (on_switch(*kind, told_of_devices, configure) for kind in ((PeerWithTunnels, "dummy"), (SwitchWithDevices, "netdev")))
    assert ours == theirs
    assert [[int(v[2], 16) for v in record[3] if v[0] in (10, 14)] for record in ours] == [[0], [0, index], [index], [index, 0]]


def test_bridges_tell_what_debians_do():
    theirs, ours = (on_switch(*kind, told_of_bridge, configure) for kind in ((PeerWithTunnels, "dummy"), (Switch, "netdev")))
    for what in theirs:
        assert ours[what] == theirs[what], what


def test_collectors_are_told_what_debians_tells():
    theirs, ours = (on_switch(*kind, told, configure) for kind in ((PeerWithTunnels, "dummy"), (Switch, "netdev")))
    for what in theirs:
        assert ours[what] == theirs[what], what
