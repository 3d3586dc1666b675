# SPDX-License-Identifier: Apache-2.0
"""How fast packets come to a controller and how many wait for it, beside Debian's switch; the clock stands still but for what a test
lets pass."""
import socket
import struct

import pytest

from conftest import Switch, wait_until
from clients import Connection
from test_peer_control import controllers, running
from test_peer_text import Peer

PACKET = "505400000007505400000005080045000020000000004011f967c0a80001c0a8000200350035000c0000aabbccdd"
SWITCHES = pytest.mark.parametrize("cls, datapath_type", [(Switch, "netdev"), (Peer, "dummy")], ids=["ours", "debian"])


def packets(c):
    """The ports of packets that have come, each with whether no flow was for it."""
    found = [m for m in c.received() if m[1] == 10]
    return [(struct.unpack("!H", m[14:16])[0], m[16] == 0) for m in found]


def expect(c, *expected):
    """These come, in whatever order, and nothing else; what is too much and late is found by the next."""
    got = []

    def all_of_them():
        got.extend(packets(c))
        return len(got) >= sum(n for _, _, n in expected)
    wait_until("packets", all_of_them)
    got.extend(packets(c))
    assert sorted(got) == sorted((port, miss) for port, miss, n in expected for _ in range(n))


def receive(s, port, n):
    s.appctl("netdev-dummy/receive", port, *[PACKET] * n)


def setting(s, **columns):
    s.vsctl("set", "controller", "br0", *[f"{k}={v}" for k, v in columns.items()])


def counts(s, kind):
    def get():
        text = s.vsctl("get", "controller", "br0", "status")
        return dict(part.strip("{}\n ").split("=") for part in text.split(", ")) if "packet-in" in text else {}
    wait_until("the controller's status", lambda: s.appctl("time/warp", "6000") is not None and get())
    return [int(get()[f"packet-in-{kind}-{what}"].strip('"')) for what in ("bypassed", "queued", "dropped", "backlog")]


def controlled(s, **columns):
    (c,) = controllers(s, 1, 1)
    setting(s, inactivity_probe=0, **columns)
    c.ask(9, "00000080")
    # No flow of the datapath comes between: each packet is an upcall.
    s.ofctl("add-flow", "br0", "in_port=1,actions=controller")
    s.ofctl("add-flow", "br0", "in_port=2,actions=controller")
    return c


@SWITCHES
def test_packets_above_the_rate_wait_for_it(cls, datapath_type):
    with running(cls, datapath_type) as s:
        c = controlled(s, controller_rate_limit=100, controller_burst_limit=25)
        s.appctl("time/stop")
        receive(s, "p1", 40)
        receive(s, "p2", 5)
        expect(c, (1, False, 25))
        # Ports take turns.
        s.appctl("time/warp", "100")
        expect(c, (1, False, 5), (2, False, 5))
        s.appctl("time/warp", "50")
        expect(c, (1, False, 5))
        s.appctl("time/warp", "1000")
        expect(c, (1, False, 5))
        assert counts(s, "action") == [25, 20, 0, 0]
        assert counts(s, "miss") == [0, 0, 0, 0]


@SWITCHES
def test_the_longest_queue_loses_what_is_too_much(cls, datapath_type):
    with running(cls, datapath_type) as s:
        c = controlled(s, controller_rate_limit=100, controller_burst_limit=25)
        s.appctl("time/stop")
        receive(s, "p1", 60)
        receive(s, "p2", 5)
        expect(c, (1, False, 25))
        s.appctl("time/warp", "1000")
        expect(c, (1, False, 20), (2, False, 5))
        assert counts(s, "action") == [25, 40, 15, 0]


@SWITCHES
def test_no_match_has_a_rate_of_its_own(cls, datapath_type):
    with running(cls, datapath_type) as s:
        c = controlled(s, controller_rate_limit=100)
        s.ofctl("del-flows", "br0", "in_port=2")
        s.appctl("time/stop")
        receive(s, "p1", 30)
        receive(s, "p2", 30)
        expect(c, (1, False, 25), (2, True, 25))


@SWITCHES
def test_without_asynchronous_messages_it_has_to_ask(cls, datapath_type):
    with running(cls, datapath_type) as s:
        (first,) = controllers(s, 1, 1)
        setting(s, enable_async_messages="false", max_backoff=1000)
        first.socket.close()
        s.vsctl("del-controller", "br0")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{s.dir}/quiet")
        listener.listen()
        listener.settimeout(30)
        s.vsctl("set-controller", "br0", f"unix:{s.dir}/quiet", "--", "set", "controller", "br0", "enable_async_messages=false")
        c = Connection(1, listener.accept()[0])
        c.ask(9, "00000080")
        s.ofctl("add-flow", "br0", "in_port=1,actions=controller")
        receive(s, "p1", 3)
        s.appctl("revalidator/wait")
        assert packets(c) == []
        c.nicira(19, struct.pack("!6I", 2, 0, 0, 0, 0, 0).hex())
        receive(s, "p1", 3)
        expect(c, (1, False, 3))


@SWITCHES
def test_few_packets_wait_for_who_does_not_read(cls, datapath_type):
    """More than the connection itself holds, less than makes it too much for memory."""
    with running(cls, datapath_type) as s:
        big = PACKET + "00" * 1300
        (c,) = controllers(s, 1, 1)
        c.ask(9, "0000ffff")
        s.ofctl("add-flow", "br0", "in_port=1,actions=controller")
        for size, all_came in ((512, True), (2, False)):
            setting(s, controller_queue_size=size)
            for _ in range(20):
                s.appctl("netdev-dummy/receive", "p1", *[big] * 20)
            # Its receive buffer alone, until the switch has dealt with all of them.
            wait_until("all packets in the tables", lambda: f"n_packets={400 * (1 if all_came else 2)}," in s.ofctl("dump-flows", "br0"))
            assert (len(packets(c)) == 400) == all_came


def test_packets_that_only_leave_together_do_not_wait():
    """Many more at once than may wait: the connection takes them."""
    with running(Switch, "netdev") as s:
        (c,) = controllers(s, 1, 1)
        setting(s, controller_queue_size=10)
        c.ask(9, "0000ffff")
        out = struct.pack("!IHHHHHH", 0xffffffff, 0xffff, 8, 0, 8, 0xfffd, 0xffff) + bytes.fromhex(PACKET)
        c.socket.sendall((struct.pack("!BBHI", 1, 13, 8 + len(out), 7) + out) * 150)
        expect(c, (0xffff, False, 150))
