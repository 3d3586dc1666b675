# SPDX-License-Identifier: Apache-2.0
"""Actions in text and on the wire: what this project's ovs-ofctl and Debian's make of the same rules (peer_actions.txt), in each
version of OpenFlow; what os-ken and tshark make of the bytes.

Masked: warnings, hex dumps, names and choice of versions (1.0 with the Nicira extensions is one version here), and the form of a
flow_mod of 1.0."""
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import pytest

from conftest import BUILD
from test_controller import write_pcap
from test_peer_text import Peer, on_switch

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(BUILD, "utilities", "ovs-ofctl")
THEIRS = os.path.join(os.environ.get("OES_PEER_DIR", "/nonexistent"), "usr/bin/ovs-ofctl")
VERSIONS = range(6)
# A form of the same meaning is chosen, or one field of a message that nobody reads.
OTHER_BYTES = re.compile(r"resubmit:1$|userdata=\)|enqueue|tun_metadata0$|load:5->mpls_label,load:3")

needs_peer = pytest.mark.skipif(not os.path.exists(THEIRS),
                                reason="Debian's ovs-ofctl is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")


def sections():
    """The rules of peer_actions.txt: by version, and those that we refuse."""
    by_version, refused, now = {v: [] for v in VERSIONS}, [], None
    with open(f"{HERE}/peer_actions.txt") as f:
        for line in f.read().splitlines():
            if line.startswith("["):
                now = [int(v) for v in re.findall(r"\d", line)]
            elif line and not line.startswith("#"):
                for v in now:
                    by_version[v].append(line)
                if not now:
                    refused.append(line)
    return by_version, refused


RULES, REFUSED = sections()


def run(program, *args, stdin=None):
    return subprocess.run([program, *args], input=stdin, capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))


def parsed(program, version, rule):
    """What parse-flow says about the rule, without what is masked."""
    r = run(program, "-O", f"OpenFlow1{version}", "parse-flow", rule)
    assert r.returncode >= 0, f"{rule}: {r}"
    text = r.stdout + r.stderr
    if "no usable protocol" in text or "can be sent with" in text:
        return "not in this version"
    lines = [x for x in text.splitlines() if x and not re.match(r"\d{4}-|[0-9a-f]{8}  |(usable|chosen) protocol", x)]
    return re.sub(r"(OFPT|NXT)_FLOW_MOD (\(OF1.\d\) )?\(xid=0x1\): ", "", "\n".join(lines))


class Collector:
    """Looks like a switch to ovs-ofctl, takes what it is sent and keeps it, flow_mods apart."""

    def __init__(self, version):
        self.wire, self.flow_mods, self.messages = version + 1, [], []
        self.directory = tempfile.TemporaryDirectory(prefix="oes-")
        self.path = f"{self.directory.name}/socket"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        self.directory.cleanup()

    def accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def reply(self, kind, xid, body=b""):
        return struct.pack("!BBHI", self.wire, kind, 8 + len(body), xid) + body

    def answer(self, kind, xid):
        barrier, features = (18, 5) if self.wire == 1 else (20, 5)
        if kind == 2:  # echo
            return self.reply(3, xid)
        if kind == barrier:
            return self.reply(barrier + 1, xid)
        if kind == features:
            return self.reply(features + 1, xid, struct.pack("!QIBB2xII", 1, 0, 254, 0, 0, 0))
        return b""

    def serve(self, connection):
        data = b""
        with connection:
            connection.sendall(self.reply(0, 1))
            while True:
                chunk = connection.recv(65536)
                if not chunk:
                    return
                data += chunk
                while len(data) >= 8:
                    _, kind, length, xid = struct.unpack("!BBHI", data[:8])
                    if len(data) < length:
                        break
                    self.messages.append(data[:length])
                    if kind == 14:
                        self.flow_mods.append(data[:length])
                    answer = self.answer(kind, xid)
                    data = data[length:]
                    if answer:
                        connection.sendall(answer)


def body(flow_mod):
    """Actions (1.0) or instructions of a flow_mod."""
    if flow_mod[0] == 1:
        return flow_mod[72:]
    n = struct.unpack("!H", flow_mod[50:52])[0]
    return flow_mod[48 + (n + 7) // 8 * 8:]


def apply_actions(flow_mod):
    """The actions alone: of the instructions, those of apply_actions where that comes first."""
    actions = body(flow_mod)
    if flow_mod[0] == 1:
        return actions
    kind, n = struct.unpack("!HH", actions[:4]) if len(actions) >= 8 else (0, 0)
    return actions[8:n] if kind == 4 else b""


def good_rules(version):
    """Rules that go out in this version and come back."""
    return [r for r in RULES[version] if parsed(OURS, version, r).startswith("ADD ")]


def sent(program, version, rules):
    """The flow_mods that the rules make, in one connection."""
    collector = Collector(version)
    try:
        r = run(program, "--no-names", "-O", f"OpenFlow1{version}", "add-flows", f"unix:{collector.path}", "-",
                stdin="\n".join(rules) + "\n")
        assert r.returncode == 0, r.stderr
    finally:
        collector.close()
    return collector.flow_mods


@needs_peer
@pytest.mark.parametrize("version", VERSIONS)
def test_rules_are_read_and_printed_as_by_open_vswitch(version):
    different = []
    for rule in RULES[version]:
        theirs, ours = parsed(THEIRS, version, rule), parsed(OURS, version, rule)
        if theirs != ours:
            different.append(f"{rule}\n  Open vSwitch: {theirs}\n  ours: {ours}")
    assert not different, "\n".join(different)


@pytest.mark.parametrize("rule", REFUSED)
def test_what_would_be_cut_is_refused_in_one_line(rule):
    r = run(OURS, "-O", "OpenFlow13", "parse-flow", rule)
    assert r.returncode == 1 and r.stdout == "" and re.fullmatch(r"ovs-ofctl: .+\n", r.stderr), r


TOO_LONG = {
    "outputs": "actions=" + ",".join(["output:1"] * 8192),
    "learn": "actions=learn(" + ",".join(["reg0"] * 65537) + ")",
    "encap": "actions=encap(nsh(" + ",".join(["tlv(0x1000,10,0x12)"] * 65537) + "))",
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_flow_that_no_message_holds_is_refused(name):
    r = run(OURS, "-O", "OpenFlow13", "parse-flows", "-", stdin=TOO_LONG[name] + "\n")
    assert r.returncode == 1 and re.fullmatch(r"ovs-ofctl: -:1: message is too long: .+\n", r.stderr), r


def test_a_flow_that_no_message_holds_is_not_sent():
    collector = Collector(3)
    try:
        r = run(OURS, "-O", "OpenFlow13", "add-flows", f"unix:{collector.path}", "-", stdin=TOO_LONG["outputs"] + "\n")
    finally:
        collector.close()
    assert r.returncode == 1 and "-:1: message is too long: " in r.stderr and not collector.flow_mods, r


def test_a_group_that_no_message_holds_is_refused():
    r = run(OURS, "-O", "OpenFlow15", "parse-group", "group_id=1,type=all" + ",bucket=output:1" * 3000)
    assert r.returncode == 1 and r.stderr.startswith("ovs-ofctl: message is too long: "), r


@needs_peer
@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_are_those_of_open_vswitch(version):
    rules = [r for r in good_rules(version) if not OTHER_BYTES.search(r)]
    # In 1.0 Open vSwitch says some of them in its own flow_mod.
    if version == 0:
        rules = [r for r in rules if "NXT_FLOW_MOD" not in run(THEIRS, "-O", "OpenFlow10", "parse-flow", r).stdout]
    assert len(rules) > 150
    ours, theirs = sent(OURS, version, rules), sent(THEIRS, version, rules)
    assert len(ours) == len(theirs) == len(rules)
    different = [f"{r}\n  Open vSwitch: {body(b).hex(' ', 4)}\n  ours: {body(a).hex(' ', 4)}"
                 for r, a, b in zip(rules, ours, theirs) if body(a) != body(b)]
    assert not different, "\n".join(different)


@needs_peer
@pytest.mark.parametrize("version", VERSIONS)
def test_actions_are_decoded_as_by_open_vswitch(version):
    # write_metadata is an instruction to them; a load of a vendor's field comes back as the set_field that it is printed as.
    rules = [r for r in good_rules(version) if "write_metadata" not in r and "load:4->nsh_si" not in r]
    lists = {apply_actions(m) for m in sent(OURS, version, rules)} - {b""}
    text = "\n".join(x.hex() for x in sorted(lists)) + "\n"
    ours, theirs = (run(p, "parse-actions", f"OpenFlow1{version}", stdin=text).stdout.split("\n\n")
                    for p in (OURS, THEIRS))
    assert len(ours) > 150
    # Bytes of ours that they would send otherwise come behind their text.
    assert [x.strip() for x in ours] == [x.strip().split("\n")[0] for x in theirs]


MALFORMED = """
ffff001800002320001b0400000104040006000000000000
ffff001800002320001b00000001ff040006000000000000
ffff0018000023200032000150080000000000000000000000
ffff0010000023200022000100000001
ffff0010000023200022050400000001
ffff0010000023200022004100000001
ffff0010000023200017080000000000
ffff003000002320000c00010002003c0000000200050000000000000000
ffff002800002320000c00010009003c000000020002000000000000000000000002000300000000
ffff002800002320000c00050001003c000000020002000000000000000000000002000300000000
ffff002800002320000c00010001003c0000000200020000ff000000000000000002000300000000
ffff002800002320000d00010001003c000000020002000f000500040000000000020003000000
ffff002800002320000d00010001003c000000020002000e00010004000000000002000300000000
ffff002800002320000d00010001003c000000020002000fffff00040000000000020003000000
ffff002000002320000a00090032000000000000000000000000001f00010004
ffff002000002320000a00000032000000090000000000000000001f00010004
ffff002000002320000a00000032000000000100000000000000000700010004
ffff002000002320000a000000320000000000000000000000000fff00010004
ffff00200000232000100000000080000000000000000000000801000000000000
ffff002000002320001000000000800000000000000000000008010000000000
ffff002000002320001000000000800000000000000000000000ff0000000000
ffff00300000232000100000000080000000000000000000000001000000000020100800000106020000000000000000
ffff003000002320002d0000000080000000000000000000000004010000000000000005000300000005000400000000
ffff003000002320002d0000000080000000000000000000000401000000000000000005000000000000060200000000
ffff003000002320002d0000000080000000000000000000000401000000000000000005000000008000140100000000
ffff001800002320001d0000000000000000000000000000
ffff002000002320002900010000000000000000000000000001030000000000
ffff00200000232000290001000000000000000000000000000101ff00000000
ffff001000002320002e000000000000
ffff001000002320002e000000021234
ffff001800002320002e00000001894f0005010501000000
ffff001800002320002e00000001894f0004090501000000
ffff001800002320002e00000001894f0004010301000000
ffff001800002320002e00000001894f0004011001000000
ffff002000002320002e00000001894f00040109010000000000000000000000
ffff002000002320002e00000001894f00040110010000000000000000000000
ffff002000002320002e00000001894f0004020c10000a01ff00000000000000
ffff002000002320002e00000001894f0004021010000a00ff00000000000000
ffff002800002320002e00000001894f0004021810000a05ff000000000000000000000000000000
ffff001800002320002f0000000108000004010501000000
ffff00180000232000300000000000000000000000000000
ffff00180000232000130005000000000000000000000000
ffff00100000232000ff000000000000
ffff00100000232000fe000000000000
ffff00180000232000250100000000000000000800050000
ffff001800002320000f001f00010004ffff0000000000cd
ffff00180000232000210000000000000000000000000000
"""


@needs_peer
@pytest.mark.parametrize("version", [0, 3, 5])
def test_malformed_actions_get_the_errors_of_open_vswitch(version):
    ours, theirs = (run(p, "parse-actions", f"OpenFlow1{version}", stdin=MALFORMED.strip() + "\n").stdout.split("\n\n")
                    for p in (OURS, THEIRS))
    lines = MALFORMED.strip().split("\n")
    assert len(ours) == len(theirs) == len(lines) + 1
    different = [f"{line}\n  Open vSwitch: {b}\n  ours: {a}" for line, a, b in zip(lines, ours, theirs) if a != b]
    assert not different, "\n".join(different)


@pytest.mark.parametrize("version,name", [(0, "v1_0"), (3, "v1_3"), (5, "v1_5")])
def test_os_ken_reads_our_actions(version, name):
    parser = pytest.importorskip(f"os_ken.ofproto.ofproto_{name}_parser", reason="python3-os-ken is missing")
    known = 0
    for message in sent(OURS, version, good_rules(version)):
        actions = apply_actions(message)
        while actions:
            n = struct.unpack("!H", actions[2:4])[0]
            one, actions = actions[:n], actions[n:]
            # Its copy_field has an offset of its own; it does not know a controller action's meter; and keeps nothing of encap.
            if one[:2] == b"\0\x1c" or one[8:10] == b"\0\x25":
                continue
            action = parser.OFPAction.parser(one, 0)
            again = bytearray()
            action.serialize(again, 0)
            if "Unknown" in type(action).__name__ or one[8:10] == b"\0\x2e" or b"\x7c" in one:
                continue
            known += 1
            # Fields of extensions lose their widths in its 1.0.
            if version:
                assert bytes(again).rstrip(b"\0") == one.rstrip(b"\0"), action
    assert known > 150


# tshark 4.0 calls every OpenFlow 1.5 message with a match malformed.
@pytest.mark.parametrize("version", [0, 1, 3, 4])
def test_tshark_finds_nothing_malformed(version, tmp_path):
    if not shutil.which("tshark"):
        pytest.skip("tshark is missing")
    # In 1.0 it does not expect that there may be no action.
    messages = [m for m in sent(OURS, version, good_rules(version)) if body(m)]
    path = str(tmp_path / "openflow.pcap")
    write_pcap(path, [(False, m) for m in messages])
    seen = subprocess.run(["tshark", "-r", path, "-d", "tcp.port==6653,openflow", "-T", "fields", "-e", "_ws.malformed",
                           "-e", "_ws.col.Protocol"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(seen) == len(messages)
    assert [i for i, line in enumerate(seen) if "OpenFlow" not in line or "alformed" in line] == []


def dump(program, s, version):
    """The flows of a switch, in the order of their priorities."""
    r = run(program, "-O", f"OpenFlow1{version}", "--no-stats", "dump-flows", f"unix:{s.dir}/br0.mgmt", "table=20")
    assert r.returncode == 0, r
    lines = [x.strip() for x in r.stdout.splitlines() if "priority=" in x or "actions=" in x]
    return sorted(lines, key=lambda x: int(re.search(r"priority=(\d+)", x)[1]))


def add(program, s, version, rules):
    """Adds the rules that the switch takes, with priorities by number; returns how many those are."""
    taken = 0
    for i, rule in enumerate(rules):
        r = run(program, "-O", f"OpenFlow1{version}", "add-flow", f"unix:{s.dir}/br0.mgmt", f"table=20,priority={i + 1},{rule}")
        taken += r.returncode == 0
    return taken


def through_their_switch(s):
    problems = []
    for version in (0, 3, 5):
        # Its switch wants groups and meters to be there.
        rules = [r for r in good_rules(version) if not re.search("group|meter|goto_table", r)]
        by_theirs = add(THEIRS, s, version, rules)
        seen = {p: dump(p, s, version) for p in (OURS, THEIRS)}
        assert len(seen[THEIRS]) == by_theirs > 150
        problems += [f"1.{version} dumped: {a} != {b}" for a, b in zip(seen[OURS], seen[THEIRS]) if a != b]
        s.ofctl("-O", f"OpenFlow1{version}", "del-flows", "br0", "table=20")
        assert add(OURS, s, version, rules) == by_theirs
        problems += [f"1.{version} added: {a} != {b}" for a, b in zip(dump(THEIRS, s, version), seen[THEIRS]) if a != b]
        s.ofctl("-O", f"OpenFlow1{version}", "del-flows", "br0", "table=20")
    return problems


@needs_peer
def test_flows_of_an_open_vswitch_are_added_and_dumped():
    problems = on_switch(Peer, "dummy", through_their_switch)
    assert not problems, "\n".join(problems)
