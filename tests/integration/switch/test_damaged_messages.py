# SPDX-License-Identifier: Apache-2.0
"""Damaged messages over a connection of a controller to a running switch: it answers or hangs up, stays up, and forgets who is gone."""
import glob
import os
import random
import socket
import struct

import pytest

from clients import Stream, unix_socket
from conftest import TOP, wait_until

CORPUS = os.path.join(TOP, "tests", "fuzz", "corpus", "ofp-decode")
MESSAGES_A_TYPE = 1000
LIES = [0, 1, 4, 7, 8, 0xfff8, 0xffff]


def samples():
    """By version and type, for messages also by what kind of statistics or experimenter they are of."""
    of_type = {}
    for path in sorted(glob.glob(f"{CORPUS}/*")):
        with open(path, "rb") as f:
            b = f.read()
        if 8 <= len(b) <= 2048 and 1 <= b[0] <= 6:
            more = b[8:16] if b[1] == 4 else b[8:10] if b[1] in (16, 18) else b""
            of_type.setdefault((b[0], b[1], more), []).append(b)
    return of_type


def damaged(r, b):
    b = bytearray(b)
    if r.random() < 0.3:
        del b[r.randrange(8, len(b) + 1):]
    if len(b) > 10 and r.random() < 0.5:
        struct.pack_into(">H", b, r.randrange(8, len(b) - 1), r.choice(LIES))
    for _ in range(r.randrange(4)):
        b[r.randrange(len(b))] ^= 1 << r.randrange(8)
    struct.pack_into(">H", b, 2, len(b))
    return bytes(b)


class Connection(Stream):
    def __init__(self, path, version):
        super().__init__(version, unix_socket(path))
        self.put(0, xid=1)

    def send(self, data):
        self.socket.sendall(data)

    def drain(self, wanted):
        """Reads until the message of that type and xid comes; False when the switch hangs up."""
        try:
            while True:
                m = self.receive()
                if (m[1], struct.unpack_from(">I", m, 4)[0]) == wanted:
                    return True
        except ConnectionError:
            return False

    def barrier(self, xid):
        self.put(18 if self.version == 1 else 20, xid=xid)
        return self.drain((19 if self.version == 1 else 21, xid))


def memory_kb(s):
    with open(f"/proc/{s.processes['ovs-vswitchd'].pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def assert_about_as_big(s, before):
    # A sanitizer's allocator keeps what was freed; it finds leaks itself.
    with open(f"/proc/{s.processes['ovs-vswitchd'].pid}/maps") as f:
        if "libasan" in f.read():
            return
    after = memory_kb(s)
    assert after < before + 16 * 1024, f"{before} kB, then {after} kB"


@pytest.fixture
def bridge(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure", "protocols=[]")
    for i in (1, 2):
        switch.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")
    return switch


def assert_alive(s):
    c = Connection(f"{s.dir}/br0.mgmt", 4)
    assert c.barrier(0xabcdef)
    c.close()
    assert s.processes["ovs-vswitchd"].poll() is None


def send_damaged(s, r, rounds):
    path = f"{s.dir}/br0.mgmt"
    sent = 0
    for (version, _, _), of_type in samples().items():
        c = Connection(path, version)
        for i in range(rounds):
            try:
                c.send(damaged(r, of_type[i % len(of_type)]))
                sent += 1
                # What is damaged may make the switch hang up: another connection goes on.
                if i % 20 == 19 and not c.barrier(0x7000000 + i):
                    c.close()
                    c = Connection(path, version)
            except ConnectionError:
                c.close()
                c = Connection(path, version)
        c.close()
    return sent


def test_a_switch_that_gets_damaged_messages_stays_up_and_leaks_nothing(bridge):
    r = random.Random(1)
    assert send_damaged(bridge, r, MESSAGES_A_TYPE) > 50000
    assert_alive(bridge)
    bridge.ofctl("del-flows", "br0")
    before = memory_kb(bridge)
    for seed in (2, 3):
        send_damaged(bridge, random.Random(seed), MESSAGES_A_TYPE)
    bridge.ofctl("del-flows", "br0")
    assert_alive(bridge)
    assert_about_as_big(bridge, before)


def test_half_messages_and_a_closed_connection_do_no_harm(bridge):
    r = random.Random(4)
    messages = [b for of_type in samples().values() for b in of_type]
    for b in messages:
        c = Connection(f"{bridge.dir}/br0.mgmt", b[0])
        c.send(b[:r.randrange(1, len(b) + 1)])
        c.close()
    c = Connection(f"{bridge.dir}/br0.mgmt", 4)
    for n in (1, 7):
        c.send(struct.pack(">BBHI", 4, 2, 8, 5)[:n] if n == 1 else struct.pack(">BBHI", 4, 2, 8, 5)[1:])
    assert c.drain((3, 5)), "a message in two pieces is one message"
    c.close()
    assert_alive(bridge)


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_message_shorter_than_its_header_ends_the_connection(bridge, length):
    c = Connection(f"{bridge.dir}/br0.mgmt", 4)
    assert c.barrier(1)
    c.send(struct.pack(">BBHI", 4, 2, length, 5))
    assert not c.drain((3, 5))
    c.close()
    assert_alive(bridge)


def test_controllers_that_die_in_the_middle_of_a_reply_are_forgotten(bridge):
    flows = f"{bridge.dir}/flows"
    with open(flows, "w") as f:
        f.writelines(f"table={i % 8},priority={i},tcp,tp_dst={i},actions=output:1\n" for i in range(1, 20000))
    bridge.ofctl("add-flows", "br0", flows)
    body = struct.pack(">HHI", 1, 0, 0) + struct.pack(">B3xIII4xQQ", 255, 0xffffffff, 0xffffffff, 0, 0, 0)[:32] + struct.pack(">HHI", 1, 4, 0)
    request = struct.pack(">BBHI", 4, 18, 8 + len(body), 9) + body
    before = None
    for i in range(60):
        c = Connection(f"{bridge.dir}/br0.mgmt", 4)
        assert c.barrier(i + 1)
        c.send(request)
        # Half of the request that follows, and nobody reads what comes.
        c.send(request[:len(request) // 2])
        c.socket.recv(100)
        c.close()
        if i == 9:
            before = memory_kb(bridge)
    assert_alive(bridge)
    assert_about_as_big(bridge, before)
    wait_until("the sockets of those that died are closed", lambda: len(os.listdir(f"/proc/{bridge.processes['ovs-vswitchd'].pid}/fd")) < 80)
