# SPDX-License-Identifier: Apache-2.0
"""What the cases of the simulated NIC's kernel module share: tools, frames, ports, and the order of a run.

They are to be run in a lab guest, with the module's path in $SIMNIC_KO (hw-tests/lab/run --simnic). One process: forks are
slow there. Each prints a count of checks as the C cases do.
"""
import errno
import json
import os
import socket
import struct
import subprocess
import sys
import traceback

CONTROL = "/sys/kernel/debug/simnic/simnic.0/control"
DEVICE = "platform/simnic.0"
N_VFS = 4
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
TO1 = "mirred egress redirect dev sn0r1"
tests = []


def test(f):
    """A test that begins in switchdev mode, without rules."""
    tests.append((f, Lab.switchdev))
    return f


def legacy_test(f):
    tests.append((f, Lab.legacy))
    return f


def run(*command, stdin=None, ok=True):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if ok and done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done


def tc(*lines, ok=True):
    return run("tc", "-batch", "-", stdin="\n".join(lines) + "\n", ok=ok)


def ip(*lines):
    return run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")


def control(words, ok=True):
    try:
        with open(CONTROL, "w", encoding="ascii") as f:
            f.write(words)
    except OSError as e:
        if ok:
            raise AssertionError(f"{words}: {e}") from e
        return e.errno
    return 0


def shown(name):
    with open(CONTROL, encoding="ascii") as f:
        return int(dict(line.split(None, 1) for line in f)[name].split()[0], 0)


def set_mode(mode):
    run("devlink", "dev", "eswitch", "set", DEVICE, "mode", mode)


def filters(dev):
    found = json.loads(run("tc", "-s", "-j", "filter", "show", "dev", dev, "ingress").stdout or "[]")
    return [f for f in found if "options" in f and "actions" in f["options"]]


def hits(dev, prio):
    """Packets, bytes and drops of the rule with this priority, as its last action has them."""
    rule, = [f for f in filters(dev) if f["pref"] == prio]
    stats = rule["options"]["actions"][-1]["stats"]
    assert rule["options"].get("in_hw"), rule
    return stats["hw_packets"] if "hw_packets" in stats else stats["packets"], stats["bytes"], stats["drops"]


def refusal(dev, rule):
    done = tc(f"filter add dev {dev} ingress {rule}", ok=False)
    assert done.returncode, f"accepted: {rule}"
    return done.stderr


def expect(what, want, have):
    assert want == have, f"{what}: expected {want}, got {have}"


def mac(n):
    return bytes([2, 0, 0, 0, 0, n])


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def eth(payload, kind=0x0800, src=1, dst=2, tags=()):
    for tpid, tci in reversed(tags):
        payload = struct.pack("!HH", tci, kind) + payload
        kind = tpid
    return mac(dst) + mac(src) + struct.pack("!H", kind) + payload


def udp(sport=1000, dport=2000, src="10.0.0.1", dst="10.0.0.2", ttl=64, tos=0, payload=b"x" * 32, proto=17):
    length = 8 + len(payload)
    src, dst = socket.inet_aton(src), socket.inet_aton(dst)
    l4 = struct.pack("!HHHH", sport, dport, length, 0)
    check = checksum(src + dst + struct.pack("!HH", 17, length) + l4 + payload)
    l4 = l4[:6] + struct.pack("!H", check or 0xffff) + payload
    head = struct.pack("!BBHHHBBH", 0x45, tos, 20 + length, 1, 0, ttl, proto, 0) + src + dst
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + l4


class Port:
    """A device of the NIC, and a socket on it."""

    def __init__(self, name):
        self.name = name
        self.open()

    def open(self):
        try:
            with open(f"/proc/sys/net/ipv6/conf/{self.name}/disable_ipv6", "w", encoding="ascii") as f:
                f.write("1")
        except FileNotFoundError:
            pass
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.s.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)
        self.s.bind((self.name, 0))
        self.s.setblocking(False)

    def send(self, frame, n=1):
        for _ in range(n):
            self.s.send(frame)

    def frames(self):
        """What has come so far."""
        got = []
        while True:
            try:
                data, control_data, _, _ = self.s.recvmsg(65536, 256)
            except BlockingIOError:
                return got
            except OSError as e:
                # The device went away, or into another namespace.
                if e.errno == errno.ENETDOWN:
                    continue
                raise
            for level, kind, value in control_data:
                if level == SOL_PACKET and kind == PACKET_AUXDATA:
                    status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
                    if status & 16:
                        data = data[:12] + struct.pack("!HH", tpid if status & 64 else 0x8100, tci) + data[12:]
            got.append(data)


class Fence:
    """A cable beside the NIC. The guest has one CPU, with one queue of received frames: when a frame has passed here,
    those that were queued before it have gone where they go. Three times, because rules of software may queue them again."""

    def __init__(self):
        ip("link add fence0 type veth peer name fence1")
        Lab.up("fence0", "fence1")
        self.near, self.far = Port("fence0"), Port("fence1")
        self.far.s.settimeout(30)

    def wait(self):
        for _ in range(3):
            self.near.send(eth(b"fence" * 10, kind=0x88b5))
            while b"fence" not in self.far.s.recv(2048):
                pass


class Lab:
    """The NIC and a socket on each end of it; the representors' are there in switchdev mode."""

    def __init__(self):
        self.rep = []
        self.more = []  # ports that a test has opened beside

    def insert(self, nics):
        self.fence = Fence()
        run("insmod", os.environ["SIMNIC_KO"], f"vfs={N_VFS}", f"nics={nics}")
        self.up("sn0", "sn0wire", *[f"sn0v{i}" for i in range(N_VFS)])
        self.uplink, self.wire = Port("sn0"), Port("sn0wire")
        self.vf = [Port(f"sn0v{i}") for i in range(N_VFS)]

    @staticmethod
    def up(*names):
        for name in names:
            path = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
            with open(path, "w", encoding="ascii") as f:
                f.write("1")
        ip(*[f"link set {n} up" for n in names])

    def switchdev(self):
        set_mode("switchdev")
        names = [f"sn0r{i}" for i in range(N_VFS)]
        self.up(*names)
        self.rep = [Port(n) for n in names]
        tc(*[f"qdisc add dev {n} clsact" for n in names], "qdisc add dev sn0 clsact")

    def legacy(self):
        for r in self.rep:
            r.s.close()
        self.rep = []
        run("tc", "qdisc", "del", "dev", "sn0", "clsact", ok=False)
        set_mode("legacy")

    def ports(self):
        return [self.uplink, self.wire] + self.vf + self.rep + self.more

    def quiet(self):
        self.fence.wait()
        for p in self.ports():
            p.frames()

    def outcome(self, port, frame, n=1):
        """Sends; who got what: {name: [frames]}."""
        self.quiet()
        port.send(frame, n)
        self.fence.wait()
        got = {p.name: p.frames() for p in self.ports()}
        return {k: v for k, v in got.items() if v}

    def clear(self):
        for name in [r.name for r in self.rep] + ["sn0"]:
            # With the qdisc go the rules of all chains.
            tc(f"qdisc del dev {name} clsact", f"qdisc add dev {name} clsact")
        for words in ("allow all", "capacity 0", "ignore 0", "stats-lag-ms 0", "counter-bits 0", "profile all"):
            control(words)
        if shown("reset"):
            control("reset 0")


lab = Lab()
FRAME = eth(udp())


def add(dev, rule):
    tc(f"filter add dev {dev} ingress {rule}")


def passes(t, enter_mode):
    try:
        if bool(lab.rep) != (enter_mode is Lab.switchdev):
            enter_mode(lab)
        t()
    except Exception:
        print(f"{t.__name__}:", flush=True)
        traceback.print_exc()
        return False
    finally:
        try:
            lab.clear()
        except (AssertionError, OSError):
            pass  # the test took the NIC away, or it is in legacy mode
    return True


def main(nics=1):
    """All tests, or those that the command line names."""
    chosen = [t for t in tests if not sys.argv[1:] or t[0].__name__ in sys.argv[1:]]
    if not chosen:
        sys.exit(f"{sys.argv[0]}: no test is called so; there are {', '.join(t[0].__name__ for t in tests)}")
    lab.insert(nics)
    n, failed = len(chosen), sum(not passes(*t) for t in chosen)
    print(f"{100 * (n - failed) // n}%: Checks: {n}, Failures: {failed}, Errors: 0")
    sys.exit(1 if failed else 0)
