# SPDX-License-Identifier: Apache-2.0
"""What a controller's connection can say and ask about itself: printed and answered as Debian's Open vSwitch does.

Left out, because it differs on purpose: eviction flags of a table_mod, which Debian's takes for its eviction. What tables do is in
test_peer_tables.py."""
import contextlib
import difflib
import os
import re
import shutil
import socket
import subprocess
import uuid

import pytest

from clients import Connection
from test_peer_actions import needs_peer
from test_peer_groups import programs  # noqa: F401 (a fixture)
from test_peer_text import Peer
from conftest import Switch, wait_until

pytestmark = pytest.mark.peer

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../golden")
GOLDEN_FILES = ["openflow-control", "openflow-table-features", "openflow-statistics"]
OFP_VERSIONS = [1, 2, 3, 4, 5, 6]


def golden(name):
    with open(f"{GOLDEN}/{name}.txt") as f:
        for block in re.split(r"(?m)^> ", f.read())[1:]:
            yield block.split("\n", 1)


def printed(program, message):
    """Of a message in hex."""
    return subprocess.run([program, "ofp-print", "-"], input=message + "\n", capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("name", GOLDEN_FILES)
def test_the_golden_file_has_what_debians_prints(name, tmp_path):
    program = Peer(tmp_path, "0").program("ovs-ofctl")
    assert [(message, text) for message, text in golden(name) if printed(program, message) != text] == []


# ---- The switch ----


@contextlib.contextmanager
def running(cls, datapath_type):
    tag = uuid.uuid4().hex[:5]
    s = cls(f"/tmp/oes-{tag}", tag)
    os.mkdir(s.dir)
    try:
        s.start("--enable-dummy=override")
        s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath_type}", "fail_mode=secure", "protocols=[]")
        for i in (1, 2, 3):
            s.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")
        yield s
    finally:
        s.close()
        shutil.rmtree(s.dir, ignore_errors=True)


def controllers(s, n, version):
    """So many controllers that the switch connects to."""
    listeners = []
    for i in range(n):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{s.dir}/controller{i}")
        listener.listen()
        listener.settimeout(30)
        listeners.append(listener)
    s.vsctl("set-controller", "br0", *[f"unix:{s.dir}/controller{i}" for i in range(n)])
    return [Connection(version, listener.accept()[0]) for listener in listeners]


def transcripts(work, tmp_path):
    """What 'work' yields (a title and messages) of both switches, in words of Debian's."""
    program = Peer(tmp_path, "0").program("ovs-ofctl")
    for cls, datapath_type in ((Switch, "netdev"), (Peer, "dummy")):
        lines = []
        with running(cls, datapath_type) as s:
            for title, messages in work(s):
                lines.append(f"== {title}")
                for message in messages:
                    text = re.sub(r"addr:[0-9a-f:]+", "addr:M", printed(program, message.hex()))
                    text = re.sub(r"state: +\w+", "state:      S", text)
                    lines += re.sub(r"xid=0x[0-9a-f]+", "xid=X", text).splitlines()
        yield lines


def assert_same(work, tmp_path):
    ours, theirs = transcripts(work, tmp_path)
    assert len(theirs) > 10
    different = list(difflib.unified_diff(theirs, ours, "Open vSwitch", "ours", lineterm="", n=6))
    assert not different, "\n".join(different)


ALL = "ffffffff"


def masks_conversation(s):
    for v in (4, 5, 6):
        c = Connection.to(s, v)
        yield f"{v}: defaults", c.ask(26)
        yield "the configuration is untouched", c.ask(7)
        yield "Nicira's first form", c.nicira(19, "00000002" + ALL * 5) + c.ask(26)
        yield "asking makes a service connection hear", c.ask(7)
        yield "fixed, too short", c.ask(28, ALL * 5)
        yield "fixed", c.ask(28, "00000001" + "00" * 12 + "0000000100000002") + c.ask(26)
        yield "properties", c.ask(28, "00010008000000010002000800000003") + c.ask(26)
        yield "a reason that is not there", c.ask(28, "0001000800000003000000080000ffff") + c.ask(26)
        yield "a kind that is not there", c.ask(28, "0001000800000003000c000800000001") + c.ask(26)
    c = Connection.to(s, 4)
    yield "Nicira's second form", c.nicira(27, "000100080000000700030008000000010005000800000030") + c.ask(26)


def ttl_conversation(s):
    for v in OFP_VERSIONS:
        c = Connection.to(s, v)
        yield f"{v}: invalid_ttl in the configuration", c.ask(9, "00040080") + c.ask(7)
        yield "no more", c.ask(9, "00000080") + c.ask(7)
        yield "as a mask", c.nicira(19, "0000000700000000" + "00" * 16) + c.ask(7)
        yield "of a secondary", c.nicira(19, "0000000000000007" + "00" * 16) + c.ask(7)
        yield "bits that are not there", c.ask(9, "00080080") + c.ask(7)


def test_masks_of_asynchronous_messages_are_kept_and_told(tmp_path):
    assert_same(masks_conversation, tmp_path)


def test_the_configurations_bit_for_packets_whose_ttl_ran_out_is_a_mask(tmp_path):
    assert_same(ttl_conversation, tmp_path)


def change_ports(s):
    """A port comes, and goes."""
    s.vsctl("add-port", "br0", "p7", "--", "set", "interface", "p7", "type=dummy", "ofport_request=7")
    s.vsctl("del-port", "br0", "p7")


IP = "505400000007505400000008" "0800" "4500001c00000000{ttl}11{sum}0a0000010a000002" "0001000200080000" + "00" * 18
ARP = "ffffffffffff505400000008" "0806" "0001080006040001505400000008" "0a000001" "000000000000" "0a000002" + "00" * 18
GROUPS = ["group_id=1,type=all,bucket=controller", "group_id=2,type=all,bucket=resubmit(,9)", "group_id=3,type=all,bucket=group:1"]
RARP = ARP.replace("0806", "8035", 1)
PACKETS = [("p2", RARP), ("p3", RARP), ("p1", RARP), ("p1", IP.format(ttl="40", sum="66cf")), ("p2", IP.format(ttl="40", sum="66cf")), ("p2", ARP), ("p3", ARP), ("p3", IP.format(ttl="01", sum="a5cf")), ("p1", ARP)]
PACKET_FLOWS = ["in_port=2,ip,actions=group:1", "in_port=2,arp,actions=controller", "in_port=3,priority=0,actions=controller",
                "in_port=3,ip,actions=dec_ttl,output:1", "cookie=0x11,in_port=1,arp,actions=write_actions(controller),goto_table:1",
                "cookie=0x12,table=1,arp,actions=output:2", "cookie=0x13,in_port=2,rarp,actions=group:2,clone(group:1),group:3",
                "cookie=0x14,table=9,actions=controller", "cookie=0x15,in_port=3,rarp,actions=write_actions(group:1)",
                "cookie=0x16,in_port=1,rarp,actions=controller(reason=no_match)", "cookie=0x17,table=8,priority=0,actions=controller",
                "cookie=0x18,in_port=1,ip,actions=resubmit(,8)", "cookie=0x19,table=7,priority=0,in_port=3,actions=controller"]
OUT = ["controller", "group:1", "group:3", "group:2", "resubmit(,9)", "clone(controller)", "controller(reason=no_match)", "resubmit(,8)"]
MASKS = {1: [(4, "0000232000000013" + "00000002" + "00" * 20), (9, "00040080"), (4, "0000232000000014" "0000000000000007"),
             (4, "0000232000000013" "0000000000000007" + "00" * 16)],
         4: [(28, f"{1 << bit:08x}" + "00" * 20) for bit in (0, 1, 2)],
         6: [(28, f"00010008{1 << bit:08x}") for bit in range(6)]}


def send_packets(s, all_of_them):
    """Sends packets, and waits until one connection that hears all has got them: one of them comes three times."""
    all_of_them.received()
    heard = []
    for port, packet in PACKETS:
        s.appctl("netdev-dummy/receive", port, packet)
    wait_until("the packets have come", lambda: heard.extend(all_of_them.received()) or len(heard) >= len(PACKETS) + 2)


def packets_conversation(s):
    for group in GROUPS:
        s.ofctl("-O", "OpenFlow15", "add-group", "br0", group)
    for flow in PACKET_FLOWS:
        s.ofctl("-O", "OpenFlow15", "add-flow", "br0", flow)
    all_of_them = Connection.to(s, 6)
    all_of_them.ask(28, "000100080000003f")
    for v, masks in MASKS.items():
        for mask in [None] + masks:
            c = Connection.to(s, v)
            c.ask(9, "00000080")
            if mask:
                c.ask(*mask)
            send_packets(s, all_of_them)
            yield f"{v}, {mask}", c.received()
            for actions in OUT:
                s.ofctl("-O", "OpenFlow15", "packet-out", "br0", f"in_port=1 packet={ARP} actions={actions}")
            yield "sent by a controller", c.received()
            c.socket.close()


def test_packets_go_to_those_whose_mask_has_the_reason(tmp_path):
    assert_same(packets_conversation, tmp_path)


def ports_conversation(s):
    c = Connection.to(s, 6)
    steps = [("nothing is asked for", None), ("masks", (28, "000100080000003f")), ("secondary", (24, "00000003000000000000000000000001")),
             ("a secondary that wants none", (28, "0002000800000000")), ("equal", (24, "0000000100000000" + "00" * 8)),
             ("an equal one that wants none", (28, "0003000800000000"))]
    for title, step in steps:
        answer = c.ask(*step) if step else []
        change_ports(s)
        # What else changes of a new port, and when, is each switch's own.
        yield title, answer + [m for m in c.received() if m[8] != 2]


def test_changes_of_ports_go_to_those_whose_role_and_mask_have_them(tmp_path):
    assert_same(ports_conversation, tmp_path)


def number(n):
    return f"{n:016x}"


def roles_conversation(s):
    for v in (4, 5, 6):
        a, b = controllers(s, 2, v)
        # Until here the switch has seen no number.
        yield f"{v}: nothing changes", a.ask(24, "00000000" * 2 + number(9))
        base = 100 * v
        yield "one is primary", a.ask(24, "0000000200000000" + number(base)) + b.received()
        yield "the other is, with a higher number", b.ask(24, "0000000200000000" + number(base + 1)) + a.received()
        yield "a lower number is stale", a.ask(24, "0000000200000000" + number(base)) + b.received()
        yield "an equal one is not", a.ask(24, "0000000200000000" + number(base + 1)) + b.received()
        yield "equal has no number", b.ask(24, "0000000100000000" + number(0)) + a.received()
        yield "a secondary with an old one", b.ask(24, "0000000300000000" + number(base - 50))
        yield "a secondary with a new one", b.ask(24, "0000000300000000" + number(base + 7))
        yield "a role that is not there", b.ask(24, "0000000700000000" + number(base + 9))
        yield "primary by Nicira's message", b.nicira(10, "00000001") + a.received()
        yield "and secondary", b.nicira(10, "00000002") + b.nicira(10, "00000003")
        yield "numbers go round", a.ask(24, "0000000200000000" + number(base + (1 << 62) * 2 - 1)) + a.ask(24, "0000000300000000" + number(base + 5))
        yield "and back for the next", a.ask(24, "0000000300000000" + number(base + (1 << 63) + (1 << 62))) + a.ask(24, "0000000300000000" + number(base + 99))
        s.vsctl("del-controller", "br0")
        for name in ("controller0", "controller1"):
            os.unlink(f"{s.dir}/{name}")


CHANGES = {
    1: {"packet_out": (13, "fffffffffffd0000"), "flow_mod": (14, "00" * 40 + "00" * 8 + "000000000000ffffffffffffffff0000"),
        "port_mod": (15, "0001" + "00" * 22), "group_mod": (4, "000023200000001f" + "0000000000000001" + "00000000ffffffff")},
    4: {"packet_out": (13, "fffffffffffffffd" + "0000" + "00" * 6),
        "flow_mod": (14, "00" * 16 + "000000000000ffff" + "ff" * 12 + "00000000" + "0001000400000000"),
        "group_mod": (15, "0000000000000001"), "port_mod": (16, "00000001" + "00" * 28),
        "table_mod": (17, "05" + "00" * 7), "meter_mod": (29, "0000000100000001")},
    6: {"packet_out": (13, "ffffffff00000000" + "0001000c80000004fffffffd00000000"),
        "flow_mod": (14, "00" * 16 + "000000000000ffff" + "ff" * 12 + "00000000" + "0001000400000000"),
        "group_mod": (15, "0000000000000001" + "00000000ffffffff"), "port_mod": (16, "00000001" + "00" * 20),
        "table_mod": (17, "05" + "00" * 7), "meter_mod": (29, "0000000100000001")}}
HARMLESS = {"tlv table": "00000019", "packet_in format": "0000001000000000", "id": "000000140000000000000000"}
ASKING = {1: [5, 7], 4: [5, 7, 26], 6: [5, 7, 26]}


def secondary_conversation(s):
    for v, changes in CHANGES.items():
        c = Connection.to(s, v)
        yield f"{v}: secondary", c.nicira(10, "00000002")
        for name, (kind, body) in changes.items():
            yield name, c.ask(kind, body)
        yield "mappings of options", c.nicira(24, "0002000000000000")
        for name, body in HARMLESS.items():
            yield f"may say: {name}", c.ask(4, "00002320" + body)
        for kind in ASKING[v]:
            # That there is an answer is what counts.
            yield f"may ask {kind}", [m for m in c.ask(kind) if m[1] == 1]


def test_roles_change_and_are_told_as_debians_does(tmp_path):
    assert_same(roles_conversation, tmp_path)


def test_a_secondary_may_change_nothing(tmp_path):
    assert_same(secondary_conversation, tmp_path)


GROUP_ADD = {1: (4, "000023200000001f" + "0000000000000001" + "00000000ffffffff"), 6: (15, "0000000000000001" + "00000000ffffffff"),
             **{v: (15, "0000000000000001") for v in (2, 3, 4, 5)}}
FORWARDED = [GROUP_ADD[6], (15, "0001000000000001" + "00000000ffffffff"), (15, "8000020000000002" + "00000000ffffffff"),
             (15, "0002000000000001" + "00000000ffffffff")]


def forward_conversation(s):
    hearing = {}
    for v in OFP_VERSIONS:
        c = hearing[v] = Connection.to(s, v)
        yield f"{v} asks", c.ask(9, "00000080") + (c.nicira(27, "000b000800000003") if v < 5 else c.ask(28, "000b000800000003"))
    only_groups, other = Connection.to(s, 6), Connection.to(s, 6)
    only_groups.ask(28, "000b000800000001")
    for request in FORWARDED:
        yield f"{request}", other.ask(*request)
        for v, c in hearing.items():
            messages = c.received()
            yield f"{v} hears {[m.hex() for m in messages]}", messages
        yield "one that wants groups only hears", only_groups.received()
    yield "who asks hears of itself", hearing[6].ask(*GROUP_ADD[6])
    yield "others do", hearing[5].received()


def test_changes_of_groups_are_forwarded(tmp_path):
    assert_same(forward_conversation, tmp_path)


def test_a_table_mod_of_a_table_that_is_not_there_is_refused(tmp_path):
    program = Peer(tmp_path, "0").program("ovs-ofctl")
    with running(Switch, "netdev") as s:
        for v, body, error in ((6, "0500000000000000", None), (6, "fe00000000000000", "OFPTMFC_BAD_TABLE"), (6, "ff00000000000000", None),
                               (2, "fe00000000000001", "OFPTMFC_BAD_TABLE"), (4, "0500000000000003", None)):
            answer = "".join(printed(program, m.hex()) for m in Connection.to(s, v).ask(17, body))
            assert error in answer if error else not answer, (v, body, answer)


def small_requests_conversation(s):
    for v in (1, 4, 6):
        c = Connection.to(s, v)
        for title, number, body in (("a zone's connections", 29, "0000000000000007"), ("its padding", 29, "0001000000000007"),
                                    ("all connections", 32, "0000000000000000"), ("padding again", 32, "0600000000000100"),
                                    ("of a zone", 32, "0000000000000000" + "0002000600050000"), ("a length that is wrong", 32, "0000000000000000" + "0002000400050000"),
                                    ("addresses of two kinds", 32, "06" + "00" * 7 + "0000003800000000" + "00000014" + "00" * 10 + "ffff0a010101" + "00" * 4
                                     + "00010014" + "fc" + "00" * 15 + "00" * 4),
                                    ("an id", 20, "0000000000000003"), ("its padding", 20, "0000000000010003")):
            yield f"{v}: {title}", c.nicira(number, body)
        for kind in (3, 4):
            body = f"ffff0000{'' if v == 1 else '00000000'}00002320{kind:08x}{'00000000' if v == 1 else ''}"
            yield "statistics of IPFIX that is not configured", c.ask(16 if v == 1 else 18, body)


def test_small_requests_are_answered_as_debians_does(tmp_path):
    assert_same(small_requests_conversation, tmp_path)


@needs_peer
@pytest.mark.parametrize("cls, datapath_type", [(Switch, "netdev"), (Peer, "dummy")], ids=["ours", "debian"])
def test_the_management_socket_speaks_the_versions_of_the_bridge(cls, datapath_type):
    with running(cls, datapath_type) as s:
        s.vsctl("set", "bridge", "br0", "protocols=OpenFlow13")
        r = s.ofctl("show", "br0", check=False)
        assert r.returncode == 1 and "version negotiation failed (we support version 0x01, peer supports version 0x04)" in r.stderr, r.stderr
        assert "OF1.3" in s.ofctl("-O", "OpenFlow13", "show", "br0")
        s.vsctl("clear", "bridge", "br0", "protocols")
        for version in ("OpenFlow10", "OpenFlow15"):
            s.ofctl("-O", version, "show", "br0")
