# SPDX-License-Identifier: Apache-2.0
"""Every message that this project encodes, sent to this switch and to Debian's: both take it, answer it with the same type, or refuse it with
the same error."""
import struct

import pytest

from clients import Connection
from openflow_messages import messages, needs_recode
from test_peer_text import Peer, configure, on_switch
from conftest import Switch

pytestmark = [pytest.mark.peer, needs_recode]

ERROR, ECHO_REPLY, VENDOR = 1, 3, 4
PACKET_IN, FLOW_REMOVED, PORT_STATUS = 10, 11, 12
ALL = "[OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15]"
A_ROUND = 100  # messages after which switches begin anew
NICIRA = "00002320"
FLOW_MOD, RESUME, CT_FLUSH_ZONE, CT_FLUSH, SAMPLE4 = 13, 28, 29, 32, 51


def kind(m):
    """Its type, of statistics their type, of errors what they say: a vendor's have their numbers behind."""
    if m[1] == ERROR:
        return f"error {m[8:12].hex()}" + (f" {m[12:16].hex()}" if m[8:10].hex() == "ffff" else f" {m[12:20].hex()}" if m[8:10].hex() == "b0c2" else "")
    return f"type {m[1]}" + (f" {m[8:10].hex()}" if m[1] in (17, 19) else "")


def answer(c, message):
    """What comes back about it until a barrier is answered."""
    c.xid += 1
    number = struct.pack("!I", c.xid)
    c.socket.sendall(message[:4] + number + message[8:])
    return sorted({kind(m) for m in c.received() if m[1] not in (PACKET_IN, FLOW_REMOVED, PORT_STATUS) and m[4:8] == number})


def reset(s):
    for command in ("del-flows", "del-groups", "del-meters"):
        s.ofctl("-O", "OpenFlow15", command, "br0")
    s.ofctl("del-tlv-map", "br0")


def answers(s, sent):
    s.vsctl("set", "bridge", "br0", f"protocols={ALL}")
    connections, said = {}, []
    for i, message in enumerate(sent):
        version = message[0]
        if version not in connections:
            connections[version] = Connection.to(s, version)
        try:
            said.append(answer(connections[version], message))
        except ConnectionError:
            said.append(["the connection ends"])
            del connections[version]
        if i % A_ROUND == A_ROUND - 1:
            reset(s)
            for c in connections.values():
                c.close()
            connections = {}
    return said


def is_nicira(message, number):
    """A message of this number, or an action."""
    return message[1] == VENDOR and message[8:16].hex() == f"{NICIRA}{number:08x}"


def is_excused(message, ours, theirs):
    both_refuse = all(len(x) == 1 and x[0].startswith("error") for x in (ours, theirs))
    monitors = message[1] in (16, 18) and message[8:10] in (b"\xff\xff", b"\0\x10")
    return (f"{NICIRA}{SAMPLE4:04x}" in message.hex()  # newer than Debian's
            or is_nicira(message, CT_FLUSH_ZONE) or is_nicira(message, CT_FLUSH)  # its dummy datapath tracks connections
            or (is_nicira(message, RESUME) and both_refuse)  # a continuation of a switch that neither is
            or (is_nicira(message, FLOW_MOD) and both_refuse)  # one of two things that are wrong: which comes first
            or (monitors and ours and not theirs)  # it refuses with the number of another message
            or (message[1] in (17, 19) and both_refuse))  # answers, which no switch asks for


def test_every_message_is_answered_as_by_debians():
    sent = sorted({b for b in (bytes.fromhex(h) for h, _ in messages()) if b[1] > ECHO_REPLY and 1 <= b[0] <= 6})
    assert len(sent) > 2000
    ours, theirs = (on_switch(*switch, lambda s: answers(s, sent), configure) for switch in ((Switch, "netdev"), (Peer, "dummy")))
    different = [(m.hex(), a, b) for m, a, b in zip(sent, ours, theirs) if a != b and not is_excused(m, a, b)]
    assert not different, "\n".join(map(str, different))
