# SPDX-License-Identifier: Apache-2.0
"""VLAN modes of ports and priority tags, beside Debian's switch: with what tags packets leave, from ports of each mode to ports of each
mode, what megaflows look at for that, and which changes make a switch forget stations.

Not alike on purpose: a station that is known on a port that does not carry its VLAN gets nothing here, and from Debian's what it sends.
A native VLAN of 0 that "trunks" does not name is let out here, as the manual says, not only taken. Megaflows of Debian's leave out a priority
that decides whether a tag of VLAN 0 stays or goes into another tag, and tags behind the outermost."""
import re

import pytest

from clients import Control
from conftest import Switch, wait_until
from datapath_text import megaflow_bits
from test_peer_control import running
from test_peer_text import Peer
from test_peer_vlans import AD, Q, packet

pytestmark = pytest.mark.peer

MODES = {"access": "tag=5", "access 0": "vlan_mode=access", "trunk": "", "native-tagged": "vlan_mode=native-tagged tag=5",
         "native-tagged 0": "vlan_mode=native-tagged", "native-untagged": "vlan_mode=native-untagged tag=5",
         "native-untagged 0": "vlan_mode=native-untagged", "tunnel": "vlan_mode=dot1q-tunnel tag=5", "tunnel 0": "vlan_mode=dot1q-tunnel"}
PRIORITIES = ["never", "if-nonzero", "always"]
# What else there is to set, and settings that a mode does not know.
OTHERS = ["vlan_mode=dot1q-tunnel tag=5 cvlans=0,7", "vlan_mode=dot1q-tunnel tag=5 cvlans=7", "vlan_mode=dot1q-tunnel tag=5 trunks=7",
          "vlan_mode=dot1q-tunnel tag=5 other_config:qinq-ethtype=802.1q", "vlan_mode=dot1q-tunnel tag=5 other_config:qinq-ethtype=802.1Q",
          "tag=5 trunks=6,7", "vlan_mode=access trunks=6", "vlan_mode=trunk tag=5", "trunks=0,7", "vlan_mode=native-untagged tag=5 trunks=7",
          "vlan_mode=native-tagged tag=5 cvlans=7", "vlan_mode=native-tagged trunks=0,7", "tag=5 other_config:priority-tags=true",
          "tag=5 other_config:priority-tags=Always"]
PORTS = [*MODES.values(), *[f"{mode} other_config:priority-tags={p}".strip() for p in PRIORITIES for mode in MODES.values()], *OTHERS]
INPUTS = [*range(len(MODES)), *range(len(PORTS) - len(OTHERS), len(PORTS))]

P3, P5 = 3 << 13, 5 << 13
TAGS = [[], [(Q, 0)], [(Q, P5)], [(Q, 5)], [(Q, P5 | 5)], [(Q, 7)], [(AD, P5)], [(AD, P5 | 5)], [(Q, P5 | 5), (Q, 7)], [(AD, 5), (Q, P3 | 7)],
        [(AD, 5), (Q, P5)], [(AD, 5), (Q, 0)], [(Q, 0), (Q, P5 | 7)], [(Q, P3), (Q, P5)], [(Q, 0), (Q, 0)], [(Q, 7), (Q, 7)], [(AD, 5), (Q, 7), (Q, 9)]]
SOURCE = "505400000001"


def station(n):
    """Who is known on that port."""
    return f"5054000002{n:02x}"


def left(actions, tags):
    """The tags of what leaves, by port."""
    tags, sent = list(tags), {}
    for a in re.findall(r"\w+\([^)]*\)|\w+", actions):
        name, _, rest = a.partition("(")
        if name == "pop_vlan":
            tags = tags[1:]
        elif name == "push_vlan":
            words = dict(w.split("=") for w in rest[:-1].split(","))
            tags = [(int(words.get("tpid", "0x8100"), 16), int(words["vid"]) | int(words["pcp"]) << 13), *tags]
        elif name != "drop":
            sent[int(name)] = tags
    return sent


class Side:
    def __init__(self, s):
        commands = []
        for n in range(len(PORTS)):
            commands += ["--", "--may-exist", "add-port", "br0", f"v{n}", "--", "set", "interface", f"v{n}", "type=dummy", f"ofport_request={100 + n}"]
        for port in ("p1", "p2", "p3"):
            commands += ["--", "del-port", port]
        s.vsctl(*commands[1:])
        s.ofctl("del-flows", "br0")
        s.ofctl("add-flow", "br0", "actions=NORMAL")
        self.s, self.control = s, Control(s)
        shown = re.findall(r"(?m)^ +(br0|v\d+) (?:\d+)/(\d+):", self.control.call("dpif/show"))
        self.names = {int(number): name for name, number in shown}

    def configure(self, ports, limit="2"):
        commands = []
        for n, settings in ports.items():
            commands += ["--", "clear", "port", f"v{n}", "vlan_mode", "tag", "trunks", "cvlans", "other_config"]
            commands += ["--", "set", "port", f"v{n}", "protected=false", *settings.split()]
        self.s.vsctl("set", "open_vswitch", ".", f"other_config:vlan-limit={limit}", *commands)

    def trace(self, n, tags, to="505400000007"):
        """What is sent where, the bits of tags that are looked at, and what is said."""
        text = self.control.call("ofproto/trace", "br0", f"in_port={100 + n}", to + packet(SOURCE, tags)[12:])
        sent = {self.names[port]: t for port, t in left(re.search(r"Datapath actions: (.*)", text)[1], tags).items()}
        bits = {f: mask for f, mask in megaflow_bits(re.search(r"Megaflow: (.*)", text)[1]).items() if "vlan" in f}
        return sent, bits, re.findall(r"(?:->|>>) .*|>>>>.*", text)

    def know(self, station, vlan, n):
        self.control.call("fdb/add", "br0", f"v{n}", str(vlan), ":".join(re.findall("..", station)))

    def known(self):
        return sorted(line.split()[1:3] for line in self.control.call("fdb/show", "br0").splitlines()[1:])


@pytest.fixture(scope="module")
def sides():
    with running(Switch, "netdev") as ours, running(Peer, "dummy") as theirs:
        yield Side(ours), Side(theirs)


@pytest.mark.parametrize("limit", ["1", "2"])
def test_packets_leave_with_the_tags_that_debians_gives_them(sides, limit):
    for side in sides:
        side.configure(dict(enumerate(PORTS)), limit)
    n = 0
    for port in INPUTS:
        for tags in TAGS:
            (ours, _, lines), (theirs, _, their_lines) = [side.trace(port, tags) for side in sides]
            assert ours == theirs, f"from {PORTS[port]}: {tags}"
            assert lines == their_lines
            n += len(ours)
    assert n > 5000


def test_settings_without_effect_are_told_once(sides):
    ours = sides[0]
    for _ in range(2):
        ours.configure({0: "tag=5 trunks=7 other_config:priority-tags=No", 1: "tag=5 other_config:qinq-ethtype=0x9100", 2: "tag=5 cvlans=7"})
    with open(f"{ours.s.dir}/ovs-vswitchd.log") as f:
        told = [line.split("|WARN|")[1].strip() for line in f if "|WARN|br0: port v" in line]
    assert told[-2:] == ['br0: port v0: an access port ignores trunks: other_config:priority-tags: "No" is unknown, so never',
                         'br0: port v1: other_config:qinq-ethtype: "0x9100" is unknown, so 802.1ad']
    assert len(told) == len(set(told))


def unseen(port, n, tags, limit):
    """Bits that decide and that Debian's does not look at."""
    priority = any(not vlan & 0xfff for _, vlan in tags[:limit]) or ("tunnel" in PORTS[port] and "priority" in PORTS[n])
    return {"vlan": 0xe000 if priority else 0, **({"dl_vlan1": 0xfff, "dl_vlan_pcp1": 7} if len(tags) > 1 < limit else {})}


@pytest.mark.parametrize("limit", ["1", "2"])
def test_megaflows_look_at_what_debians_do_or_less(sides, limit):
    """Of packets from ports of each mode to each mode alone: the priorities of Debian's are never asked for, and ours neither."""
    outputs = range(len(MODES), 3 * len(MODES))
    tags = TAGS[:5] + TAGS[8:13]
    for side in sides:
        side.configure(dict(enumerate(PORTS)), limit)
        for n in outputs:
            for vlan in (0, 5, 7):
                side.know(station(n), vlan, n)
    bits = [0, 0]
    for port in range(len(MODES)):
        for n in outputs:
            for t in tags:
                (ours, mine, _), (theirs, other, _) = [side.trace(port, t, station(n)) for side in sides]
                where = f"from {PORTS[port]} to {PORTS[n]}: {t}"
                if not ours:
                    continue
                assert ours == theirs, where
                for f, mask in mine.items():
                    assert not mask & ~(other.get(f, 0) | unseen(port, n, t, int(limit)).get(f, 0)), where
                for i, found in enumerate((mine, other)):
                    bits[i] += sum(bin(mask).count("1") for f, mask in found.items() if "1" not in f)
    print(f"vlan-limit {limit}: {bits[0] / bits[1]:.3f} as many bits of the outermost tag")
    assert bits[0] < 1.05 * bits[1]


TUNNEL = "vlan_mode=dot1q-tunnel tag=6"
NATIVE = "vlan_mode=native-tagged tag=6"
# Settings of before, and of later.
CHANGES = [("", "tag=5"), ("tag=5", "tag=6"), ("tag=6", NATIVE), (NATIVE, "vlan_mode=native-untagged tag=6"), (NATIVE, f"{NATIVE} trunks=6"),
           (f"{NATIVE} trunks=5", f"{NATIVE} trunks=5,6"), ("vlan_mode=native-tagged", "vlan_mode=native-tagged tag=0"), ("", "trunks=5,6"),
           (TUNNEL, f"{TUNNEL} cvlans=0"), (TUNNEL, f"{TUNNEL} trunks=5"), (TUNNEL, f"{TUNNEL} other_config:qinq-ethtype=802.1q"),
           (TUNNEL, f"{TUNNEL} other_config:qinq-ethtype=802.1ad"), ("", "other_config:priority-tags=always"),
           ("other_config:priority-tags=never", "other_config:priority-tags=no"), ("", "protected=true"), ("", "vlan_mode=trunk tag=7"), ("", "cvlans=7"),
           ("tag=6", "tag=6 vlan_mode=access trunks=8"), ("tag=6", "tag=6 other_config:qinq-ethtype=802.1q"), ("", "other_config:foo=bar")]


def test_stations_are_forgotten_when_debians_forgets_them(sides):
    known = []
    for side in sides:
        side.configure({n: before for n, (before, _) in enumerate(CHANGES)})
        for n in range(len(CHANGES)):
            side.know(station(100 + n), 6, n)
        everybody = set(map(tuple, side.known()))
        side.configure({n: later for n, (_, later) in enumerate(CHANGES)})
        left = set(map(tuple, side.known()))
        known.append([later for n, (_, later) in enumerate(CHANGES) if ("6", ":".join(re.findall("..", station(100 + n)))) in left])
        assert len(everybody) >= len(CHANGES)
    assert known[0] == known[1] and 5 < len(known[0]) < 12


def test_customers_are_learned_in_the_vlan_of_the_service(sides):
    customer = station(200)
    for side in sides:
        side.configure({0: TUNNEL, 1: ""})
        side.control.call("netdev-dummy/receive", "v0", packet(customer, [(Q, 7)]))
        wait_until("the customer is known", lambda: ["6", ":".join(re.findall("..", customer))] in side.known())
        sent, _, lines = side.trace(1, [(AD, 6), (Q, 7)], customer)
        assert sent == {"v0": [(Q, 7)]}, lines
