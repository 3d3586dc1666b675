#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections tracked in the simulated NIC's kernel module."""
import socket
import struct
import time

from simnic_lab import checksum, eth, expect, lab, main, refusal, shown, tc, test, TO1


SYN, ACK, FIN, PSH = 2, 16, 1, 8


def tcp(flags, seq, ack, sport, dport, src_ip, dst_ip, payload=b"", **eth_args):
    src_ip, dst_ip = socket.inet_aton(src_ip), socket.inet_aton(dst_ip)
    l4 = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65535, 0, 0) + payload
    check = checksum(src_ip + dst_ip + struct.pack("!HH", 6, len(l4)) + l4)
    l4 = l4[:16] + struct.pack("!H", check) + l4[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(l4), 1, 0x4000, 64, 6, 0) + src_ip + dst_ip
    return eth(head[:10] + struct.pack("!H", checksum(head)) + head[12:] + l4, **eth_args)


def wait_for(what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Connection:
    """From VF 0 to VF 1; 'seen' is where VF 1 sees it from when addresses are translated."""

    def __init__(self, seen=("10.0.0.1", 1111)):
        self.there = (1111, 80, "10.0.0.1", "10.0.0.2")
        self.seen_there = (seen[1], 80, seen[0], "10.0.0.2")
        self.back = (80, seen[1], "10.0.0.2", seen[0])
        self.seen_back = (80, 1111, "10.0.0.2", "10.0.0.1")
        self.seq = [100, 500]

    def go(self, flags, forth=True, payload=b"", want_software=None):
        a, b = (0, 1) if forth else (1, 0)
        sent, seen = (self.there, self.seen_there) if forth else (self.back, self.seen_back)
        words = (flags, self.seq[a], self.seq[b] if flags & ACK else 0)
        frame = tcp(*words, *sent, payload, src=a + 1, dst=b + 1)
        got = lab.outcome(lab.vf[a], frame)
        expect(f"{'forth' if forth else 'back'}, flags {flags:#x}", [tcp(*words, *seen, payload, src=a + 1, dst=b + 1)],
               got.get(f"sn0v{b}"))
        if want_software is not None:
            expect(f"flags {flags:#x}: software saw it", want_software, f"sn0r{a}" in got)
        self.seq[a] += len(payload) + bool(flags & (SYN | FIN))

    def shake_hands(self):
        self.go(SYN)
        self.go(SYN | ACK, forth=False)
        self.go(ACK)
        self.go(ACK | PSH, payload=b"one")
        self.go(ACK | PSH, forth=False, payload=b"two")


def track(nat=""):
    forth, back = "mirred egress redirect dev sn0r1", "mirred egress redirect dev sn0r0"
    first = "prio 2 protocol ip flower ct_state -trk action ct zone 5" + (" nat" if nat else "") + " pipe action goto chain 1"
    tc(f"filter add dev sn0r0 ingress {first}", f"filter add dev sn0r1 ingress {first}",
       f"filter add dev sn0r0 ingress prio 2 chain 1 protocol ip flower ct_state +trk+new action ct commit zone 5 {nat} pipe "
       f"action {forth}",
       f"filter add dev sn0r0 ingress prio 3 chain 1 protocol ip flower ct_state +trk+est ct_zone 5 action {forth}",
       f"filter add dev sn0r1 ingress prio 3 chain 1 protocol ip flower ct_state +trk+est+rpl action {back}")


def offloaded_by_itself(connection):
    rules = shown("rules")
    connection.shake_hands()
    wait_for("both directions are in hardware", lambda: shown("rules") == rules + 2)
    connection.go(ACK | PSH, payload=b"three", want_software=False)
    connection.go(ACK | PSH, forth=False, payload=b"four", want_software=False)
    # The end of a connection is software's affair, which takes it out of the hardware.
    connection.go(ACK | FIN, want_software=True)
    wait_for("out of hardware", lambda: shown("rules") == rules)
    connection.go(ACK | FIN, forth=False, want_software=True)


@test
def established_connections_are_in_hardware():
    track()
    offloaded_by_itself(Connection())
    assert "first action" in refusal(
        "sn0r0", "prio 9 protocol ip flower skip_sw action vlan push id 3 action ct zone 5 pipe action goto chain 1")


@test
def addresses_are_translated_in_hardware():
    track("nat src addr 10.9.9.9 port 4444")
    offloaded_by_itself(Connection(("10.9.9.9", 4444)))


@test
def a_zone_that_nobody_uses_goes_with_its_connections():
    track()
    rules = shown("rules")
    c = Connection()
    c.shake_hands()
    wait_for("both directions are in hardware", lambda: shown("rules") == rules + 2)
    # Missed behind ct: software's rule there sees the connection that hardware found.
    tc("filter del dev sn0r0 ingress prio 3 chain 1 protocol ip flower",
       f"filter add dev sn0r0 ingress prio 3 chain 1 protocol ip flower skip_hw ct_state +trk+est action {TO1}")
    c.go(ACK | PSH, payload=b"more", want_software=True)
    lab.clear()
    expect("rules", 0, shown("rules"))


if __name__ == "__main__":
    main()
