# SPDX-License-Identifier: Apache-2.0
"""Bundles: each answer over a raw connection is Debian's, byte for byte; so are the flows and groups afterwards, and what ovs-ofctl
does and prints."""
import difflib
import itertools
import re
import socket
import struct
import subprocess

import pytest

from conftest import Switch
from clients import Connection
from test_peer_control import running
from test_peer_text import Peer

pytestmark = pytest.mark.peer

ONF = 0x4F4E4600
OPEN, CLOSE, COMMIT, DISCARD = 0, 2, 4, 6
ATOMIC, ORDERED = 1, 2
BOTH = ATOMIC | ORDERED
FLOW_MOD, GROUP_MOD, PORT_MOD, PACKET_OUT = 14, 15, 16, 13
BARRIER, METER_MOD = 20, 29


class Bundles(Connection):
    """A connection that sends bundles, and gives what is answered."""

    def raw(self, kind, body):
        if self.version >= 5:
            return self.ask(kind, body.hex())
        return self.ask(4, (struct.pack("!II", ONF, 2300 + kind - 33) + body).hex())

    def control(self, bundle, what, flags=BOTH, more=b""):
        return self.raw(33, struct.pack("!IHH", bundle, what, flags) + more)

    def message(self, kind, body, xid=None, version=None, length=None):
        xid = self.xid + 1 if xid is None else xid
        return struct.pack("!BBHI", version or self.version, kind, length or 8 + len(body), xid) + body

    def add(self, bundle, kind, body, flags=BOTH, more=b"", **header):
        return self.raw(34, struct.pack("!IHH", bundle, 0, flags) + self.message(kind, body, **header) + more)


def flow(in_port=None, command=0, table=0, priority=1, cookie=0, flags=0, actions=b"", buffer=0xFFFFFFFF, internal=False):
    oxm = struct.pack("!HBBI", 1, 36 << 1, 4, 7) if internal else b"" if in_port is None else struct.pack("!HBBI", 0x8000, 0, 4, in_port)
    match = struct.pack("!HH", 1, 4 + len(oxm)) + oxm
    instructions = struct.pack("!HHI", 4, 8 + len(actions), 0) + actions if actions else b""
    return struct.pack("!QQBBHHHIIIHH", cookie, 0, table, command, 0, 0, priority, buffer, 0xFFFFFFFF, 0xFFFFFFFF, flags,
                       0) + match + bytes(-len(match) % 8) + instructions


def output(port):
    return struct.pack("!HHIH6x", 0, 16, port, 0)


def to_group(number):
    return struct.pack("!HHI", 22, 8, number)


def group(c, number, command=0, kind=0):
    head = struct.pack("!HBxI", command, kind, number)
    return head + (struct.pack("!HHI", 0, 0, 0xFFFFFFFF) if c.version >= 6 else b"")


def port_mod(c, port, mac, config=0, mask=0):
    head = struct.pack("!I4x6s2xII", port, mac, config, mask)
    return head + (struct.pack("!HHI", 0, 8, 0) if c.version >= 5 else bytes(8))


def packet_out(c, actions, buffer=0xFFFFFFFF, packet=bytes(12) + b"\x88\xb5" + bytes(46)):
    port = struct.pack("!H2xHHIHBBI", len(actions), 1, 12, 0, 0, 0, 0, 0)[:0]
    if c.version >= 6:
        match = struct.pack("!HHHBBI4x", 1, 12, 0x8000, 0, 4, 1)
        return struct.pack("!IH2x", buffer, len(actions)) + match + actions + packet
    return port + struct.pack("!IIH6x", buffer, 1, len(actions)) + actions + packet


def flows_of(s):
    return re.sub(r"duration=[\d.]+s, |, *idle_age=\d+|\((OF1.\d, )?xid=\w+\)", "", s.ofctl("-O", "OpenFlow13", "dump-flows", "br0"))


def groups_of(s):
    return re.sub(r"xid=\w+", "", s.ofctl("-O", "OpenFlow15", "dump-groups", "br0"))


def state_of(s):
    return sorted(flows_of(s).splitlines()), "\n".join(sorted(groups_of(s).splitlines()))


def life(s, c):
    """What opens, closes, commits and discards, in order and out of it."""
    yield "open", c.control(1, OPEN)
    yield "open again", c.control(1, OPEN)
    yield "is gone", c.control(1, COMMIT)
    for what in (CLOSE, COMMIT, DISCARD):
        yield f"{what} of none", c.control(9, what)
    for what in (1, 3, 5, 7, 8, 9, 100, 0xFFFF):
        yield f"type {what}", c.control(1, what)
    for flags in (0, 1, 2, 4, 7, 0xFFFF):
        yield f"flags {flags}", c.control(20 + flags, OPEN, flags)
        yield f"a flow with flags {flags}", c.add(20 + flags, FLOW_MOD, flow(in_port=flags & 7), flags)
        yield f"commit with flags {flags}", c.control(20 + flags, COMMIT, flags)
    yield "open 60", c.control(60, OPEN)
    yield "close with other flags", c.control(60, CLOSE, ATOMIC)
    yield "is gone", c.control(60, COMMIT)
    yield "open 61", c.control(61, OPEN)
    yield "commit with other flags", c.control(61, COMMIT, ATOMIC)
    yield "is gone", c.control(61, COMMIT)
    yield "open 62", c.control(62, OPEN)
    yield "discard with other flags", c.control(62, DISCARD, ATOMIC)
    yield "a flow makes a bundle", c.add(50, FLOW_MOD, flow(in_port=3))
    yield "close it", c.control(50, CLOSE)
    yield "close it again", c.control(50, CLOSE)
    yield "another", c.add(51, FLOW_MOD, flow(in_port=4))
    yield "close it", c.control(51, CLOSE)
    yield "add to what is closed", c.add(51, FLOW_MOD, flow(in_port=4))
    yield "is gone", c.control(51, COMMIT)
    yield "of other flags", c.add(52, FLOW_MOD, flow(in_port=4)) + c.add(52, FLOW_MOD, flow(in_port=4), ATOMIC)
    yield "is gone", c.control(52, COMMIT)
    yield "close and commit", c.add(53, FLOW_MOD, flow(in_port=2)) + c.control(53, CLOSE) + c.control(53, COMMIT)
    yield "a property", c.control(70, OPEN, more=struct.pack("!HHI", 0xFFFF, 8, 0))
    yield "a property that is too long", c.control(71, OPEN, more=struct.pack("!HHI", 1, 12, 0))
    yield "garbage", c.control(72, OPEN, more=b"\1\2\3")
    yield "too short", c.raw(33, b"\0\0\0\1\0\0")


def contents(s, c):
    """What may stand in a bundle."""
    yield "open", c.control(1, OPEN)
    yield "another xid", c.add(1, FLOW_MOD, flow(), xid=7)
    yield "another version", c.add(1, FLOW_MOD, flow(), version=5 if c.version != 5 else 4)
    yield "another version and length", c.add(1, FLOW_MOD, flow(), version=5 if c.version != 5 else 4, length=300)
    yield "another version and xid", c.add(1, FLOW_MOD, flow(), version=5 if c.version != 5 else 4, xid=7)
    yield "another xid of what it may not hold", c.add(1, BARRIER, b"", xid=7)
    for length in (0, 7, 8, 40, 300):
        yield f"length {length}", c.add(1, FLOW_MOD, flow(), length=length or 65535)
    yield "a barrier", c.add(1, BARRIER, b"")
    yield "a meter", c.add(1, METER_MOD, struct.pack("!HHI", 2, 0, 0xFFFFFFFF))
    yield "a hello", c.add(1, 0, b"")
    yield "a message that there is not", c.add(1, 77, b"")
    yield "a bundle", c.add(1, 33, struct.pack("!IHH", 5, 0, 3))
    yield "a cut flow", c.add(1, FLOW_MOD, bytes(20))
    yield "no message", c.raw(34, struct.pack("!IHH", 1, 0, 3))
    yield "a header", c.raw(34, struct.pack("!IHH", 1, 0, 3) + bytes(7))
    yield "half of it", c.raw(34, bytes(4))
    yield "no such table", c.add(1, FLOW_MOD, flow(table=254))
    for command in range(5):
        yield f"command {command} in no such table, by itself", c.ask(FLOW_MOD, flow(command=command, table=254).hex())
    for command in range(5):
        yield f"command {command} about recirc_id", c.add(1, FLOW_MOD, flow(command=command, internal=True))
        yield f"command {command} about recirc_id, by itself", c.ask(FLOW_MOD, flow(command=command, internal=True).hex())
    yield "a buffer", c.add(1, FLOW_MOD, flow(buffer=77))
    yield "a packet's buffer", c.add(1, PACKET_OUT, packet_out(c, output(2), buffer=5))
    yield "a bad action", c.add(1, FLOW_MOD, flow(actions=struct.pack("!HHI", 99, 8, 0)))
    yield "a good one", c.add(1, FLOW_MOD, flow(in_port=1, actions=output(2)))
    yield "one with a property behind it", c.add(1, FLOW_MOD, flow(in_port=2), more=struct.pack("!HHI", 0xFFFF, 8, 0))
    yield "commit", c.control(1, COMMIT)


def failures(s, c):
    """A message that the switch refuses, at each place: nothing of the bundle is done."""
    s.ofctl("add-flow", "br0", "table=3,priority=9,in_port=1,actions=drop")
    s.ofctl("-O", "OpenFlow13", "add-group", "br0", "group_id=3,type=all,bucket=output:3")
    s.ofctl("-O", "OpenFlow13", "add-flow", "br0", "table=4,in_port=1,actions=group:3")
    before = state_of(s)
    good = [(FLOW_MOD, flow(in_port=1, actions=output(2))), (GROUP_MOD, group(c, 7)), (FLOW_MOD, flow(in_port=2, actions=to_group(7))),
            (FLOW_MOD, flow(in_port=1, command=1, table=3, actions=output(3))), (GROUP_MOD, group(c, 3, command=1)),
            (FLOW_MOD, flow(command=3, table=255)), (GROUP_MOD, group(c, 3, command=2)), (PACKET_OUT, packet_out(c, output(2))),
            (FLOW_MOD, flow(in_port=1, table=4, actions=output(2)))]
    bad = {"overlap": (FLOW_MOD, flow(flags=2, table=9, priority=1)), "no group": (FLOW_MOD, flow(actions=to_group(99))),
           "no port": (PORT_MOD, port_mod(c, 999, bytes(6))), "another address": (PORT_MOD, port_mod(c, 1, bytes(6))),
           "no group to change": (GROUP_MOD, group(c, 98, command=1)), "a packet to no group": (PACKET_OUT, packet_out(c, to_group(99)))}
    n = itertools.count(1)
    for name, (kind, body) in bad.items():
        for at in range(len(good) + 1) if name == "no group" else (0, 5):
            bundle = next(n)
            answers = []
            for k, b in [(FLOW_MOD, flow(in_port=1, table=9))] + good[:at] + [(kind, body)] + good[at:]:
                answers += c.add(bundle, k, b)
            yield f"{name} at {at}", answers + c.control(bundle, COMMIT) + c.control(bundle, COMMIT)
            assert state_of(s) == before, f"{name} at {at}"
    answers = []
    for kind, body in good:
        answers += c.add(500, kind, body)
    yield "discarded", answers + c.control(500, DISCARD)
    assert state_of(s) == before
    for kind, body in good:
        answers += c.add(500, kind, body)
    yield "committed", answers + c.control(500, COMMIT)


def sees_itself(s, c):
    """Each message meets what those before it have made."""
    before = state_of(s)
    for kind, body in [(FLOW_MOD, flow(in_port=1, cookie=5, actions=output(1))), (FLOW_MOD, flow(in_port=2, cookie=6, actions=output(1))),
                       (FLOW_MOD, flow(in_port=3, cookie=5, actions=output(1))),
                       # By the whole cookie, and to what has been changed.
                       (FLOW_MOD, struct.pack("!QQ", 5, 2**64 - 1) + flow(command=1, table=0, actions=output(2))[16:]),
                       (FLOW_MOD, struct.pack("!QQ", 6, 2**64 - 1) + flow(command=3, table=255)[16:]),
                       (GROUP_MOD, group(c, 11)), (FLOW_MOD, flow(in_port=4, actions=to_group(11))), (GROUP_MOD, group(c, 11, command=1, kind=1)),
                       (GROUP_MOD, group(c, 12)), (FLOW_MOD, flow(in_port=5, actions=to_group(12))), (GROUP_MOD, group(c, 12, command=2)),
                       (FLOW_MOD, flow(in_port=1, cookie=9, actions=output(3)))]:
        yield "add", c.add(1, kind, body)
    assert state_of(s) == before
    yield "commit", c.control(1, COMMIT)


def secondary(s, c):
    yield "a bundle of before", c.add(1, FLOW_MOD, flow(in_port=1))
    yield "secondary", c.ask(24, struct.pack("!I4xQ", 3, 1).hex())
    yield "open", c.control(80, OPEN)
    yield "add", c.add(81, FLOW_MOD, flow())
    yield "commit", c.control(1, COMMIT)
    yield "type", c.control(1, 1)


def warp(s, milliseconds):
    """A second at a time: what is due meanwhile happens."""
    for _ in range(0, milliseconds, 1000):
        s.appctl("time/warp", "1000")


def idle(s, c):
    """Bundles that nobody touches are discarded, and who began them is told."""
    s.appctl("time/stop")
    yield "one", c.control(1, OPEN)
    yield "two", c.add(2, FLOW_MOD, flow(in_port=2))
    warp(s, 6000)
    yield "two goes on", c.add(2, FLOW_MOD, flow(in_port=3))
    warp(s, 6000)
    yield "one has gone", c.received()
    warp(s, 6000)
    yield "two has gone", c.received()
    yield "commit", c.control(2, COMMIT)
    s.vsctl("set", "Open_vSwitch", ".", "other_config:bundle-idle-timeout=30")
    yield "three", c.add(3, FLOW_MOD, flow(in_port=4))
    warp(s, 20000)
    yield "three is there", c.control(3, COMMIT)


def lost(s, c):
    """A bundle goes with its connection, and ids are a connection's own."""
    other = Bundles.to(s, c.version)
    yield "mine", c.add(1, FLOW_MOD, flow(in_port=1))
    yield "not the other's", other.control(1, COMMIT)
    yield "the other's", other.add(1, FLOW_MOD, flow(in_port=2))
    other.socket.close()
    yield "a third", Bundles.to(s, c.version).control(1, COMMIT)
    yield "mine still", c.control(1, COMMIT)


def talk(conversation, tmp_path, versions):
    """Lines of both switches."""
    for cls, datapath_type in ((Switch, "netdev"), (Peer, "dummy")):
        lines = []
        for version in versions:
            with running(cls, datapath_type) as s:
                c = Bundles.to(s, version)
                lines.append(f"#### version {version}")
                for title, messages in conversation(s, c):
                    lines.append(f"== {title}")
                    lines += [m.hex() for m in messages]
                lines += state_of(s)[0] + state_of(s)[1].splitlines()
        yield lines


@pytest.mark.parametrize("conversation", [life, contents, failures, sees_itself, secondary, idle, lost], ids=lambda f: f.__name__)
def test_answers_over_a_connection_are_debians_byte_for_byte(conversation, tmp_path):
    versions = (4, 6) if conversation in (idle, lost, secondary) else (4, 5, 6)
    ours, theirs = talk(conversation, tmp_path, versions)
    assert len(theirs) > 10
    different = list(difflib.unified_diff(theirs, ours, "Open vSwitch", "ours", lineterm="", n=4))
    assert not different, "\n".join(different)


def test_versions_before_1_3_have_no_bundles(tmp_path):
    answers = []
    for cls, datapath_type in ((Switch, "netdev"), (Peer, "dummy")):
        with running(cls, datapath_type) as s:
            answers.append([Bundles.to(s, v).control(1, OPEN) + Bundles.to(s, v).ask(33, "0000000100000003") for v in (1, 2, 3)])
    assert answers[0] == answers[1]


# ---- ovs-ofctl ----

PACKET = "ffffffffffff00000000000108060001"
FILES = {
    "flows": "in_port=1,actions=2\nin_port=2,actions=3\n",
    "mixed": "add in_port=1,actions=3\ndelete in_port=2\nmodify actions=1\nmodify_strict in_port=1,actions=2\ntable=1,actions=drop\n",
    "refused": "in_port=5,actions=2\ncheck_overlap,table=3,priority=9,ip,actions=2\nin_port=6,actions=2\n",
    "nothing": "",
    "wanted": "in_port=1,actions=drop\nin_port=9,actions=4\n",
    "groups": "group_id=11,type=all,bucket=output:1\nadd group_id=12,type=select,bucket=output:1\n",
    "twice": "group_id=21,type=all,bucket=output:1\ngroup_id=21,type=all,bucket=output:1\n",
    "all": f"flow add in_port=1,actions=3\ngroup add group_id=1,type=all,bucket=actions=2\n  # nothing\nflow in_port=4,actions=group:1\n"
           f"packet-out in_port=1,packet={PACKET},actions=2\nflow in_port=8,actions=drop\ngroup group_id=2,type=all\nflow\tmodify actions=1 # a remark\n"
           "flow delete in_port=8\ngroup modify group_id=2,type=select,bucket=output:2\n",
    "all refused": "flow add in_port=30,actions=3\ngroup add group_id=1,type=all,bucket=actions=2\nflow add in_port=31,actions=3\n",
    "group gone": "group delete group_id=1\nflow in_port=7,actions=group:1\n",
    "meter": "meter meter=1\n", "no kind": "in_port=1,actions=drop\n", "colon": "flow:in_port=1,actions=drop\n",
    "buckets": "group insert_bucket group_id=2,command_bucket_id=last,bucket=bucket_id=9,actions=3\n",
}
COMMANDS = [
    ["--bundle", "add-flow", "br0", "table=3,priority=9,in_port=1,actions=drop"], ["--bundle", "add-flows", "br0", "@flows"],
    ["--bundle", "add-flows", "br0", "@mixed"], ["--bundle", "add-flows", "br0", "@refused"], ["--bundle", "add-flows", "br0", "@nothing"],
    ["--bundle", "add-flow", "br0", "in_port=1,actions=group:99"], ["--bundle", "mod-flows", "br0", "in_port=1,actions=1"],
    ["--bundle", "--strict", "del-flows", "br0", "table=1"], ["--bundle", "replace-flows", "br0", "@wanted"],
    ["--bundle", "--readd", "replace-flows", "br0", "@wanted"], ["--bundle", "del-flows", "br0", "in_port=9"],
    ["--bundle", "add-groups", "br0", "@groups"], ["--bundle", "add-groups", "br0", "@twice"],
    ["--bundle", "add-group", "br0", "group_id=31,type=all,bucket=output:1"], ["--bundle", "mod-group", "br0", "group_id=31,type=all,bucket=output:2"],
    ["--bundle", "mod-group", "br0", "group_id=32,type=all,bucket=output:2"], ["--bundle", "--may-create", "mod-group", "br0", "group_id=32,type=all,bucket=output:2"],
    ["-O", "OpenFlow15", "--bundle", "insert-buckets", "br0", "group_id=32,command_bucket_id=last,bucket=bucket_id:7,actions=output:3"],
    ["-O", "OpenFlow15", "--bundle", "insert-buckets", "br0", "group_id=32,command_bucket_id=last,bucket=bucket_id:7,actions=output:3"],
    ["-O", "OpenFlow15", "--bundle", "remove-buckets", "br0", "group_id=32,command_bucket_id=7"], ["--bundle", "del-groups", "br0", "group_id=31"],
    ["--bundle", "packet-out", "br0", f"in_port=1,packet={PACKET},actions=2"], ["--bundle", "packet-out", "br0", f"in_port=1,packet={PACKET},actions=group:77"],
    ["--bundle", "packet-out", "br0", "1", "2", PACKET, PACKET],
    ["bundle", "br0", "@all"], ["bundle", "br0", "@all refused"], ["bundle", "br0", "@group gone"], ["bundle", "br0", "@meter"],
    ["bundle", "br0", "@no kind"], ["bundle", "br0", "@colon"], ["bundle", "br0", "@nothing"], ["-O", "OpenFlow15", "bundle", "br0", "@buckets"],
    ["-O", "OpenFlow13", "bundle", "br0", "@all refused"], ["-O", "OpenFlow10", "bundle", "br0", "@flows of one"],
    ["-O", "OpenFlow10", "--bundle", "add-flow", "br0", "in_port=2,actions=drop"], ["-O", "OpenFlow13", "--bundle", "add-flow", "br0", "in_port=3,actions=drop"],
    ["--bundle", "del-groups", "br0"], ["--bundle", "del-flows", "br0"],
]
FILES["flows of one"] = "flow in_port=7,actions=drop\n"


def session(program, s):
    """What a program prints of each command to a switch, and what it has made."""
    lines = []
    for name, text in FILES.items():
        with open(f"{s.dir}/{name}", "w") as f:
            f.write(text)
    for command in COMMANDS:
        args = [f"{s.dir}/{a[1:]}" if a.startswith("@") else a for a in command]
        r = subprocess.run([program, *args], env=s.env, capture_output=True, text=True, timeout=60)
        lines.append("$ " + " ".join(command) + f" -> {r.returncode}")
        text = (r.stdout + r.stderr).replace(s.dir, "DIR")
        lines += re.sub(r"xid=0x\w+", "xid=X", text).splitlines() + state_of(s)[0] + state_of(s)[1].splitlines()
    return lines


def test_both_ofctls_do_and_print_the_same_to_both_switches(tmp_path):
    ofctls = [Switch(tmp_path, "0").program("ovs-ofctl"), Peer(tmp_path, "0").program("ovs-ofctl")]
    sessions = []
    for cls, datapath_type in ((Switch, "netdev"), (Peer, "dummy")):
        for program in ofctls:
            with running(cls, datapath_type) as s:
                sessions.append(session(program, s))
    for lines in sessions[:3]:
        different = list(difflib.unified_diff(sessions[3], lines, "Open vSwitch", "ours", lineterm="", n=3))
        assert not different, "\n".join(different)


def test_a_command_that_cannot_be_a_bundle_says_so():
    with running(Switch, "netdev") as s:
        r = s.ofctl("--bundle", "mod-port", "br0", "p1", "no-flood", check=False)
        assert r.returncode == 1 and "'mod-port' command cannot be carried out as a bundle" in r.stderr
        assert "NO_FLOOD" not in s.ofctl("show", "br0")


def test_a_switch_without_bundles_is_not_sent_one(tmp_path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "old"))
    listener.listen()
    listener.settimeout(60)
    ofctl = subprocess.Popen([Switch(tmp_path, "0").program("ovs-ofctl"), "-O", "OpenFlow10,OpenFlow13", "--bundle", "add-flow",
                              f"unix:{tmp_path}/old", "actions=drop"], stderr=subprocess.PIPE, text=True)
    old = listener.accept()[0]
    old.sendall(struct.pack("!BBHI", 1, 0, 8, 1))
    assert "version negotiation failed" in ofctl.communicate(timeout=60)[1] and ofctl.returncode == 1
    old.close()
    listener.close()
