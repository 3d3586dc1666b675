# SPDX-License-Identifier: Apache-2.0
"""The kernel's table of connections by raw ctnetlink messages: entries as a test wants them, without traffic."""
import socket
import struct

NETLINK_NETFILTER = 12
CTNETLINK, CTTIMEOUT = 1 << 8, 8 << 8
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO, CTA_HELP, CTA_NAT_SRC, CTA_TIMEOUT, CTA_MARK = range(1, 9)
CTA_NAT_DST, CTA_TUPLE_MASTER, CTA_ZONE, CTA_LABELS = 13, 14, 18, 22
SEEN_REPLY, ASSURED, CONFIRMED = 2, 4, 8
REQUEST, ACK, DUMP, CREATE, EXCL = 1, 4, 0x300, 0x400, 0x200


def attr(kind, value, nested=False):
    return struct.pack("HH", 4 + len(value), kind | (0x8000 if nested else 0)) + value + b"\0" * (-len(value) % 4)


def nest(kind, *inside):
    return attr(kind, b"".join(inside), True)


def ports(src, dst):
    return [attr(2, struct.pack(">H", src)), attr(3, struct.pack(">H", dst))]


def icmp(ident, kind, code, first=4):
    return [attr(first, struct.pack(">H", ident)), attr(first + 1, bytes([kind])), attr(first + 2, bytes([code]))]


def icmp6(ident, kind, code):
    return icmp(ident, kind, code, 7)


def tuple_of(kind, src, dst, proto, rest):
    v6 = ":" in src
    family, first = (socket.AF_INET6, 3) if v6 else (socket.AF_INET, 1)
    return nest(kind, nest(1, attr(first, socket.inet_pton(family, src)), attr(first + 1, socket.inet_pton(family, dst))),
                nest(2, attr(1, bytes([proto])), *rest))


def tcp_state(state, *more):
    return nest(CTA_PROTOINFO, nest(1, attr(1, bytes([state])), *more))


def sctp_state(state):
    return nest(CTA_PROTOINFO, nest(3, attr(1, bytes([state])), attr(2, struct.pack(">I", 7)), attr(3, struct.pack(">I", 8))))


def status(bits):
    return attr(CTA_STATUS, struct.pack(">I", bits))


class Table:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))

    def request(self, kind, flags, family, body):
        self.socket.send(struct.pack("IHHII", 20 + len(body), kind, flags | REQUEST | ACK, 1, 0) +
                         struct.pack(">BBH", family, 0, 0) + body)
        return struct.unpack_from("i", self.socket.recv(65536), 16)[0]

    def add(self, src, dst, proto, rest, reply_rest, *more, zone=0, timeout=1000, reply=None):
        family = socket.AF_INET6 if ":" in src else socket.AF_INET
        back = reply or (dst, src)
        error = self.request(CTNETLINK, CREATE | EXCL, family,
                             tuple_of(CTA_TUPLE_ORIG, src, dst, proto, rest) +
                             tuple_of(CTA_TUPLE_REPLY, *back, proto, reply_rest) +
                             attr(CTA_TIMEOUT, struct.pack(">I", timeout)) + attr(CTA_ZONE, struct.pack(">H", zone)) +
                             b"".join(more))
        assert not error, (src, dst, proto, error)

    def timeout_policies(self):
        """The names of the timeout policies."""
        self.socket.send(struct.pack("IHHII", 20, CTTIMEOUT | 1, REQUEST | DUMP, 2, 0) + bytes(4))
        names, done = [], False
        while not done:
            data = self.socket.recv(65536)
            while len(data) >= 16:
                size, kind = struct.unpack_from("IH", data)
                done = done or kind == 3
                if kind == CTTIMEOUT:
                    n, = struct.unpack_from("H", data, 20)
                    names.append(data[24:20 + n - 1].decode())
                data = data[(size + 3) & ~3:]
        return sorted(names)

    def fill(self):
        """Something of everything that the kernel can hold."""
        a, b, seen = "10.0.0.1", "10.0.0.2", status(SEEN_REPLY | ASSURED | CONFIRMED)
        for s in range(10):
            self.add(a, b, 6, ports(1000 + s, 80), ports(80, 1000 + s), tcp_state(s), seen)
        self.add(a, b, 6, ports(2000, 80), ports(80, 2000), seen, attr(CTA_MARK, struct.pack(">I", 0x1234)),
                 tcp_state(3, attr(2, b"\7"), attr(3, b"\x0e"), attr(4, b"\x0f\x0f"), attr(5, b"\xff\xff")), zone=5)
        self.add(a, b, 6, ports(2002, 80), ports(80, 2002), tcp_state(3), status(0x400 | SEEN_REPLY | ASSURED | CONFIRMED))
        self.add(a, b, 17, ports(2001, 53), ports(53, 2001), status(CONFIRMED), attr(CTA_LABELS, bytes(range(16))), zone=6)
        self.add(a, b, 17, ports(2002, 53), ports(53, 2002), status(CONFIRMED), attr(CTA_LABELS, b"\1" + bytes(15)),
                 zone=65535)
        self.add(a, b, 17, ports(2003, 53), ports(53, 2003), status(SEEN_REPLY | CONFIRMED))
        self.add(a, b, 1, icmp(77, 8, 0), icmp(77, 0, 0), status(CONFIRMED))
        self.add("fd00::1", "fd00::2", 58, icmp6(77, 128, 0), icmp6(77, 129, 0), status(CONFIRMED))
        self.add("fd00::1", "fd00::2", 6, ports(1, 2), ports(2, 1), tcp_state(3), seen, zone=9)
        self.add("fd00::1", "fd00::2", 17, ports(1, 2), ports(2, 1), seen, zone=9)
        for s in range(9):
            self.add(a, b, 132, ports(3000 + s, 90), ports(90, 3000 + s), sctp_state(s), seen)
        self.add(a, b, 136, ports(5000, 90), ports(90, 5000), seen)
        self.add(a, b, 47, ports(0, 0), ports(0, 0), seen)
        for proto in (2, 50, 99):
            self.add(a, b, proto, [], [], seen)
        self.add("10.0.0.3", "10.0.0.4", 6, ports(1, 80), ports(8080, 1), tcp_state(3), seen,
                 nest(CTA_NAT_DST, attr(1, socket.inet_aton("10.9.9.9"))), reply=("10.9.9.9", "10.0.0.3"))
        self.add("10.0.0.5", "10.0.0.4", 6, ports(1, 80), ports(80, 1), tcp_state(3), seen,
                 nest(CTA_NAT_SRC, attr(1, socket.inet_aton("10.9.9.8"))), reply=("10.0.0.4", "10.9.9.8"))
        self.add(a, b, 6, ports(7000, 21), ports(21, 7000), tcp_state(3), seen, nest(CTA_HELP, attr(1, b"ftp\0")), zone=3)
        self.add(a, b, 6, ports(7001, 20), ports(20, 7001), tcp_state(3), seen,
                 tuple_of(CTA_TUPLE_MASTER, a, b, 6, ports(7000, 21)), zone=3)
