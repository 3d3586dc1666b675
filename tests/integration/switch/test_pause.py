# SPDX-License-Identifier: Apache-2.0
"""controller(userdata=..., pause): what the controller gets, and how the packet goes on when it says so (NXT_RESUME), beside Debian's
switch. The continuation is each switch's own."""
import re
import struct

import pytest

from clients import Connection
from conftest import Switch, wait_until
from test_peer_control import running
from test_peer_text import Peer

UDP = "505400000007505400000005080045000020000000004011f967c0a80001c0a8000200350035000c0000aabbccdd"
PACKET_IN2, RESUME, SET_FORMAT = 30, 28, 16


class Controller:
    def __init__(self, s, version=6):
        self.s, self.c = s, Connection.to(s, version)
        self.c.ask(9, "0000ffff")
        self.c.nicira(SET_FORMAT, "00000002")

    def flows(self, *flows):
        self.s.ofctl("del-flows", "br0")
        for flow in flows:
            self.s.ofctl("-O", "OpenFlow13", "add-flow", "br0", flow)
        # No packet meets what the tables said before.
        self.s.appctl("revalidator/purge")

    def receive(self, port="p1", packet=UDP):
        """The properties of the packet_in that a packet makes."""
        self.s.appctl("netdev-dummy/receive", port, packet)
        found = []

        def come():
            found.extend(m for m in self.c.received() if m[1] == 4 and struct.unpack("!I", m[12:16])[0] == PACKET_IN2)
            return found
        wait_until("a packet_in", come)
        assert len(found) == 1
        return properties(found[0][16:])

    def resume(self, p, **changed):
        body = b"".join(prop(kind, value) for kind, value in {**p, **changed.get("with_", {})}.items())
        return self.c.nicira(RESUME, body.hex())

    def sent(self, port):
        """Packets that left by a port."""
        return int(re.search(rf"port +\"?{port}\"?: rx .*\n +tx pkts=(\d+)", self.s.ofctl("dump-ports", "br0", port))[1])


def properties(body):
    p = {}
    while body:
        kind, n = struct.unpack("!HH", body[:4])
        p[kind] = body[4:n]
        body = body[(n + 7) // 8 * 8:]
    return p


def prop(kind, value):
    return struct.pack("!HH", kind, 4 + len(value)) + value + bytes(-(4 + len(value)) % 8)


@pytest.fixture(scope="module", params=[(Switch, "netdev"), (Peer, "dummy")], ids=["ours", "debian"])
def controller(request):
    cls, datapath_type = request.param
    with running(cls, datapath_type) as s:
        yield Controller(s)


def left(controller, ports, work):
    before = [controller.sent(p) for p in ports]
    work()
    return [controller.sent(p) - b for p, b in zip(ports, before)]


def test_userdata_goes_along(controller):
    controller.flows("in_port=1,actions=controller(userdata=01.02.03.04.05)")
    p = controller.receive()
    assert p[7] == bytes([1, 2, 3, 4, 5]) and 8 not in p


def test_what_was_to_come_comes_when_the_controller_says_so(controller):
    controller.flows("in_port=1,actions=load:5->reg1,push:reg1,load:0->reg1,resubmit(,1),output:3",
                     "table=1,actions=controller(pause,userdata=07),pop:reg2,resubmit(,2)",
                     "table=2,reg2=5,actions=output:2")
    p = controller.receive()
    assert p[7] == b"\7"
    assert left(controller, "23", lambda: controller.resume(p)) == [1, 1]
    # It is the controller's to say how often.
    assert left(controller, "23", lambda: controller.resume(p)) == [1, 1]


def test_nothing_goes_on_by_itself(controller):
    controller.flows("in_port=1,actions=output:2,controller(pause),output:3")
    assert left(controller, "23", lambda: controller.receive()) == [1, 0]


def test_the_action_set_is_kept(controller):
    if isinstance(controller.s, Peer):
        pytest.skip("Debian's 3.1 ends with a failed assertion")
    controller.flows("in_port=1,actions=write_actions(output:2),goto_table:1", "table=1,actions=controller(pause)")
    p = controller.receive()
    assert left(controller, "23", lambda: controller.resume(p)) == [1, 0]


def test_the_controller_may_change_packet_and_metadata(controller):
    controller.flows("in_port=1,actions=set_field:1->reg0,controller(pause),resubmit(,1)", "table=1,reg0=1,udp,actions=output:2",
                     "table=1,reg0=2,actions=output:3", "table=1,dl_type=0x1234,actions=output:2,output:3")
    p = controller.receive()
    # reg0 by itself, or as half of a wider register.
    changed = re.sub(bytes.fromhex("00010004") + b"(\0\0\0)\1|(\x80\1\1\x10\0\0\0)\1",
                     lambda m: m[0][:-1] + b"\2", p[6])
    assert changed != p[6]
    assert left(controller, "23", lambda: controller.resume(p, with_={6: changed})) == [0, 1]
    other = bytes.fromhex("5054000000075054000000051234") + bytes(50)
    assert left(controller, "23", lambda: controller.resume(p, with_={0: other})) == [1, 1]


def test_a_continuation_that_is_none_is_refused(controller):
    if isinstance(controller.s, Peer):
        pytest.skip("the continuation is each switch's own")
    controller.flows("in_port=1,actions=load:5->reg1,push:reg1,controller(pause),output:2")
    p = controller.receive()

    def answers(bad):
        with_ = {k: v for k, v in p.items() if k != 8}
        if bad is not None:
            with_[8] = bad
        return [m[1] for m in controller.c.nicira(RESUME, b"".join(prop(k, v) for k, v in with_.items()).hex())]
    for bad in [None, b"", b"\0" * 8, p[8][:-1], p[8] + b"\0", p[8][:12] + b"\xff" * 4, p[8][:4] + b"\2" + p[8][5:]]:
        assert answers(bad) == [1], bad
    # Other bytes may be another continuation; most are none.
    flipped = [answers(p[8][:i] + bytes([p[8][i] ^ 0xff]) + p[8][i + 1:]) for i in range(8, len(p[8]), 3)]
    assert all(a in ([], [1]) for a in flipped) and flipped.count([1]) > len(flipped) / 2, flipped
    answer = []
    assert (left(controller, "2", lambda: answer.extend(controller.resume(p))), answer) == ([1], [])
