# SPDX-License-Identifier: Apache-2.0
"""A bridge's address and datapath id that change while it runs, beside Debian's switch: what it is called, and who stays connected."""
import re
import socket

import pytest

from clients import Connection
from conftest import Switch, wait_until
from test_peer_control import controllers, running
from test_peer_text import Peer

pytestmark = pytest.mark.peer

# What is set in other_config; None: removed.
CHANGES = [
    {"hwaddr": "aa:bb:cc:00:00:01"},
    {"hwaddr": "aa:bb:cc:00:00:02"},
    {"hwaddr": "junk"},
    {"hwaddr": "aa:bb:cc:00:00:03"},
    {"hwaddr": "01:00:00:00:00:01"},
    {"hwaddr": "00:00:00:00:00:00"},
    {"hwaddr": "aa:bb:cc:00:00:04/ff:ff:ff:00:00:00"},
    {"datapath-id": "00000000000000ab"},
    {"datapath-id": "0xcd"},
    {"hwaddr": "aa:bb:cc:00:00:05"},
    {"datapath-id": "zz"},
    {"datapath-id": "0000000000000000"},
    {"hwaddr": "aa:bb:cc:00:00:06", "datapath-id": "0xef"},
    {"datapath-id": None},
    {"hwaddr": None},
]


def change(s, values):
    """At once, so that a connection ends once."""
    gone = [key for key, value in values.items() if value is None]
    there = [f'other_config:{key}="{value}"' for key, value in values.items() if value is not None]
    s.vsctl(*(["remove", "bridge", "br0", "other_config", *gone] if gone else ["set", "bridge", "br0", *there]))


def identity(s):
    """The datapath id, and the local port's address as OpenFlow has it."""
    text = s.ofctl("show", "br0")
    return re.search(r"dpid:(\w+)", text)[1], re.search(r"LOCAL\(br0\): addr:(\S+)", text)[1]


def identities(cls, datapath_type):
    with running(cls, datapath_type) as s:
        own_id, own_address = identity(s)
        assert own_id == "0000" + own_address.replace(":", "")
        seen = []
        for values in CHANGES:
            change(s, values)
            now = identity(s)
            wait_until(f"the database says so: {now}", lambda: s.vsctl("get", "interface", "br0", "mac_in_use").strip('"\n') == now[1])
            wait_until(f"and the id: {now}", lambda: s.vsctl("get", "bridge", "br0", "datapath_id").strip('"\n') == now[0])
            seen.append(["own" if x in (own_id, own_address) else x for x in now])
        return seen


def test_address_and_id_are_what_debians_are():
    ours, theirs = identities(Switch, "netdev"), identities(Peer, "dummy")
    for values, a, b in zip(CHANGES, ours, theirs):
        assert a == b, values
    assert ours[0] == ["0000aabbcc000001", "aa:bb:cc:00:00:01"] and ours[-1] == ["own", "own"]


# ---- Connections ----

# Debian's takes a second to come back.
FEW = [{"hwaddr": "aa:bb:cc:00:00:01"}, {"datapath-id": "0xcd"}, {"datapath-id": "00000000000000cd"}, {"hwaddr": "aa:bb:cc:00:00:05"}]


def is_connected(c):
    try:
        c.received()
    except OSError:
        return False
    return True


def staying(cls, datapath_type):
    """Who is still connected after each change: a controller that the switch has come to, and one who has come to it."""
    with running(cls, datapath_type) as s, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{s.dir}/controller")
        listener.listen()
        listener.settimeout(30)
        s.vsctl("set-controller", "br0", f"unix:{s.dir}/controller", "--", "set", "controller", "br0", "max_backoff=1000")
        controller, other = Connection(4, listener.accept()[0]), Connection.to(s, 4)
        seen = []
        for values in FEW:
            change(s, values)
            stay = [is_connected(controller), is_connected(other)]
            seen.append(stay)
            if not stay[0]:
                controller = Connection(4, listener.accept()[0])
            if not stay[1]:
                other = Connection.to(s, 4)
        return seen


def test_who_knows_another_id_is_disconnected():
    ours, theirs = staying(Switch, "netdev"), staying(Peer, "dummy")
    for values, a, b in zip(FEW, ours, theirs):
        assert a == b, values
    assert ours == [[False] * 2, [False] * 2, [True] * 2, [True] * 2]


def test_an_address_that_is_none_is_told_once():
    with running(Switch, "netdev") as s:
        for _ in range(2):
            change(s, {"hwaddr": "01:00:00:00:00:01"})
            change(s, {"dp-desc": "another change"})
        assert s.log().count('other_config:hwaddr "01:00:00:00:00:01" is no Ethernet address of a station') == 1


def told(cls, datapath_type):
    """What a controller hears of the port when the id is another matter."""
    with running(cls, datapath_type) as s:
        change(s, {"datapath-id": "0xab"})
        c, = controllers(s, 1, 4)
        c.received()
        change(s, {"hwaddr": "aa:bb:cc:00:00:09"})
        # Type, reason and the description's number and address.
        return [(m[1], m[8], m[16:20].hex(), m[24:30].hex()) for m in c.received()]


def test_controllers_are_told_of_the_new_address():
    ours, theirs = told(Switch, "netdev"), told(Peer, "dummy")
    assert ours == theirs == [(12, 2, "fffffffe", "aabbcc000009")]
