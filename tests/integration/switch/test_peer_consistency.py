# SPDX-License-Identifier: Apache-2.0
"""Actions that do nothing to some of the packets, and options of ofproto/trace: this switch refuses what Debian's refuses, in its words."""
import struct

import pytest

from clients import Connection
from test_peer_text import assert_same_texts

pytestmark = pytest.mark.peer

ANY, NO_BUFFER, CONTROLLER = 0xffffffff, 0xffffffff, 0xfffffffd
# As they are on the wire of OpenFlow 1.3 and 1.5.
ACTIONS = {
    "output": b"",
    "pop_vlan": struct.pack("!HHI", 18, 8, 0),
    "push_vlan": struct.pack("!HHHxx", 17, 8, 0x8100),
    "push_vlan, pop_vlan": struct.pack("!HHHxxHHI", 17, 8, 0x8100, 18, 8, 0),
    "dec_nw_ttl": struct.pack("!HHI", 24, 8, 0),
    "dec_mpls_ttl": struct.pack("!HHI", 16, 8, 0),
    "set_nw_ttl": struct.pack("!HHBxxx", 23, 8, 9),
    "pop_mpls": struct.pack("!HHHxx", 20, 8, 0x0800),
    "set_field ipv4_src": struct.pack("!HHHBBI4x", 25, 16, 0x8000, 11 << 1, 4, 0x01020304),
    "write_metadata": struct.pack("!HHIH6xQQ", 0xffff, 32, 0x2320, 22, 5, 0xff),
    "set_field vlan_vid": struct.pack("!HHHBBH6x", 25, 16, 0x8000, 6 << 1, 2, 0x1005),
}
PACKET = bytes(12) + b"\x88\xb5" + bytes(46)
FLOW_MOD, PACKET_OUT, GROUP_MOD = 14, 13, 15
TRACED = ["strip_vlan", "pop_vlan", "mod_nw_src:1.2.3.4", "set_field:1.2.3.4->ip_src", "mod_tp_dst:5", "dec_ttl", "push_vlan:0x8100,strip_vlan", "push_vlan:0x8100,dec_ttl",
          "move:NXM_OF_IP_SRC[]->NXM_NX_REG0[]", "load:1->NXM_OF_IP_SRC[]", "pop_mpls:0x800", "mod_vlan_pcp:3", "ct(commit)", "goto_table:1", "write_metadata:1", "resubmit(,1)",
          "meter:1", "group:9", "foo", "clone(strip_vlan)", "write_actions(strip_vlan)"]
OPTIONS = ["--l7 0102", "-generate --l7 0102", "-generate --l7 01zz", "-generate --l7 010", "-generate --l7-len 100", "-generate --l7-len 64000", "-generate --l7-len 64001", "-generate --l7-len -1",
           "-generate --l7-len 0x10", "-generate --l7-len", "-generate --l7", "-generate --l7 01 --l7-len 5", "-l7 01", "-consistent", "--consistent", "--foo", "--ct-next"]


def messages(version, actions):
    """A rule with the actions, one with them in its action set, a packet, a group."""
    actions += struct.pack("!HHIH6x", 0, 16, 2, 0)
    for instruction in (4, 3):
        yield FLOW_MOD, (struct.pack("!QQBBHHHIIIHH", 0, 0, 0, 0, 0, 0, 5, NO_BUFFER, ANY, ANY, 0, 0) + struct.pack("!HH4x", 1, 4)
                         + struct.pack("!HH4x", instruction, 8 + len(actions)) + actions)
    if version == 4:
        yield PACKET_OUT, struct.pack("!IIH6x", NO_BUFFER, CONTROLLER, len(actions)) + actions + PACKET
        bucket = struct.pack("!HHII4x", 16 + len(actions), 0, ANY, ANY) + actions
        yield GROUP_MOD, struct.pack("!HBxI", 1, 0, 7) + bucket
    else:
        yield PACKET_OUT, struct.pack("!IHxx", NO_BUFFER, len(actions)) + struct.pack("!HHHBBI4x", 1, 12, 0x8000, 0, 4, CONTROLLER) + actions + PACKET
        bucket = struct.pack("!HHI", 8 + len(actions), len(actions), 1) + actions
        yield GROUP_MOD, struct.pack("!HBxIHxxI", 1, 0, 7, len(bucket), ANY) + bucket


def on_the_wire(s):
    for version in (4, 6):
        c = Connection.to(s, version)
        s.ofctl("-O", "OpenFlow15", "add-group", "br0", "group_id=7,type=all")
        for name, actions in ACTIONS.items():
            for kind, body in messages(version, actions):
                c.put(kind, body)
                yield (version, name, kind, body[-24:].hex()), [m[:2].hex() + m[8:12].hex() for m in c.received() if m[1] == 1]
        s.ofctl("-O", "OpenFlow15", "del-groups", "br0")
        c.close()


def traced(s):
    def trace(command, *words):
        r = s.appctl(f"ofproto/{command}", "br0", *words, check=False)
        text = (r.stdout + r.stderr).strip().split("\n")
        # What becomes of a packet is for test_peer_trace.py.
        return text[0] if r.returncode else "taken"

    for flow in ("in_port=1", "in_port=1,ip", "in_port=1,dl_vlan=5"):
        for actions in TRACED:
            for option in ([], ["-consistent"]):
                yield (flow, actions, option), [trace("trace-packet-out", flow, *option, f"{actions},output:2" if actions != "goto_table:1" else actions)]
    for option in OPTIONS:
        yield option, [trace("trace", "in_port=1,udp", *option.split(" "))]


def test_actions_that_do_nothing_are_refused_since_openflow_1_1():
    assert_same_texts(on_the_wire)


def test_options_of_a_trace_are_debians():
    assert_same_texts(traced)
