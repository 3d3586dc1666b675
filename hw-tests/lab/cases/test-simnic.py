#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The simulated NIC's kernel module, by itself: no switch, only tc, devlink and frames.

To be run in a lab guest, with the module's path in $SIMNIC_KO (hw-tests/lab/run --simnic). One process: forks are slow there.
Prints a count of checks as the C cases do.
"""
import array
import errno
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
import traceback

CONTROL = "/sys/kernel/debug/simnic/simnic.0/control"
DEVICE = "platform/simnic.0"
N_VFS = 4
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
tests = []


def test(f):
    tests.append(f)
    return f


# ---- Tools ----

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
    def __init__(self):
        self.fence = Fence()
        run("insmod", os.environ["SIMNIC_KO"], f"vfs={N_VFS}")
        self.up("sn0", "sn0wire", *[f"sn0v{i}" for i in range(N_VFS)])
        self.uplink, self.wire = Port("sn0"), Port("sn0wire")
        self.vf = [Port(f"sn0v{i}") for i in range(N_VFS)]
        self.rep = []

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
        return [self.uplink, self.wire] + self.vf + self.rep

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


lab = None
FRAME = eth(udp())


def add(dev, rule):
    tc(f"filter add dev {dev} ingress {rule}")


# ---- The NIC as it is found ----

@test
def legacy_mode_switches_by_address():
    addresses = [open(f"/sys/class/net/{p.name}/address", encoding="ascii").read().strip() for p in lab.vf]
    to = [bytes.fromhex(a.replace(":", "")) for a in addresses]
    frame = to[1] + mac(9) + FRAME[12:]
    expect("to a VF", {"sn0v1": [frame]}, lab.outcome(lab.vf[0], frame))
    expect("from the wire", {"sn0v1": [frame]}, lab.outcome(lab.wire, frame))
    frame = mac(77) + mac(9) + FRAME[12:]
    expect("to nobody here", {"sn0wire": [frame]}, lab.outcome(lab.vf[0], frame))
    expect("from the wire to nobody", {"sn0": [frame]}, lab.outcome(lab.wire, frame))
    frame = b"\xff" * 6 + mac(9) + FRAME[12:]
    everybody = {p.name: [frame] for p in lab.ports()}
    del everybody["sn0v2"]
    expect("to all", everybody, lab.outcome(lab.vf[2], frame))


@test
def legacy_mode_takes_no_rules():
    tc("qdisc add dev sn0 clsact")
    done = tc("filter add dev sn0 ingress protocol ip flower skip_sw action drop", ok=False)
    assert done.returncode, "a rule was offloaded"
    tc("qdisc del dev sn0 clsact")


@test
def switchdev_mode_has_representors_that_devlink_and_sysfs_name():
    lab.switchdev()
    ports = json.loads(run("devlink", "-j", "port", "show").stdout)["port"]
    expect("flavours", ["physical"] + ["pcivf"] * N_VFS, [p["flavour"] for p in ports.values()])
    expect("netdevs", ["sn0"] + [f"sn0r{i}" for i in range(N_VFS)], [p["netdev"] for p in ports.values()])
    ids = set()
    for name, want in [("sn0", "p0")] + [(f"sn0r{i}", f"pf0vf{i}") for i in range(N_VFS)]:
        expect(name, want, open(f"/sys/class/net/{name}/phys_port_name", encoding="ascii").read().strip())
        ids.add(open(f"/sys/class/net/{name}/phys_switch_id", encoding="ascii").read())
    expect("switch ids", 1, len(ids))
    expect("VFs", str(N_VFS), open("/sys/class/net/sn0/device/sriov_numvfs", encoding="ascii").read().strip())
    info = json.loads(run("devlink", "-j", "dev", "info").stdout)["info"][DEVICE]
    expect("driver", "simnic", info["driver"])


@test
def without_rules_software_has_every_packet():
    expect("VF to representor", {"sn0r0": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    expect("representor to VF", {"sn0v0": [FRAME]}, lab.outcome(lab.rep[0], FRAME))
    expect("wire to uplink", {"sn0": [FRAME]}, lab.outcome(lab.wire, FRAME))
    expect("uplink to wire", {"sn0wire": [FRAME]}, lab.outcome(lab.uplink, FRAME))
    tagged = eth(udp(), tags=[(0x8100, 5), (0x8100, 6)])
    expect("tags stay", {"sn0r3": [tagged]}, lab.outcome(lab.vf[3], tagged))


# ---- Rules ----

@test
def a_rule_in_hardware_hides_packets_from_software_and_counts_them():
    for a, b in ((0, 1), (1, 0)):
        add(f"sn0r{a}", f"prio 2 protocol ip flower skip_sw action mirred egress redirect dev sn0r{b}")
    before = shown("to-software")
    for _ in range(25):
        expect("there", {"sn0v1": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
        expect("back", {"sn0v0": [FRAME]}, lab.outcome(lab.vf[1], FRAME))
    expect("software", before, shown("to-software"))
    for dev in ("sn0r0", "sn0r1"):
        expect(dev, (25, 25 * len(FRAME), 0), hits(dev, 2))
    # Another query counts nothing twice.
    expect("again", (25, 25 * len(FRAME), 0), hits("sn0r0", 2))
    tc("filter del dev sn0r0 ingress prio 2")
    expect("removed", {"sn0r0": [FRAME]}, lab.outcome(lab.vf[0], FRAME))


TO1 = "mirred egress redirect dev sn0r1"
# name: (match, actions, frame, {who: frames})
ACTIONS = {
    "drop": ("protocol ip flower", "drop", FRAME, {}),
    "pass": ("protocol ip flower", "pass", FRAME, {"sn0r0": [FRAME]}),
    "trap": ("protocol ip flower", "trap", FRAME, {"sn0r0": [FRAME]}),
    "uplink": ("protocol ip flower", "mirred egress redirect dev sn0", FRAME, {"sn0wire": [FRAME]}),
    "hairpin": ("protocol ip flower", "mirred egress redirect dev sn0r0", FRAME, {"sn0v0": [FRAME]}),
    "mirrors": ("protocol ip flower", "mirred egress mirror dev sn0 action mirred egress mirror dev sn0r2 action " + TO1,
                FRAME, {"sn0wire": [FRAME], "sn0v2": [FRAME], "sn0v1": [FRAME]}),
    "mirror alone": ("protocol ip flower", "mirred egress mirror dev sn0r2", FRAME,
                     {"sn0v2": [FRAME], "sn0r0": [FRAME]}),
    "push": ("protocol ip flower", "vlan push id 7 priority 3 action " + TO1, FRAME,
             {"sn0v1": [eth(udp(), tags=[(0x8100, 0x6007)])]}),
    "push two": ("protocol ip flower", "vlan push id 7 action vlan push id 8 protocol 802.1ad action " + TO1, FRAME,
                 {"sn0v1": [eth(udp(), tags=[(0x88a8, 8), (0x8100, 7)])]}),
    "pop": ("protocol 802.1q flower vlan_id 5", "vlan pop action " + TO1, eth(udp(), tags=[(0x8100, 5)]),
            {"sn0v1": [FRAME]}),
    "pop one of two": ("protocol 802.1ad flower vlan_id 5 vlan_ethtype 802.1q cvlan_id 6", "vlan pop action " + TO1,
                       eth(udp(), tags=[(0x88a8, 5), (0x8100, 6)]), {"sn0v1": [eth(udp(), tags=[(0x8100, 6)])]}),
    "modify": ("protocol 802.1q flower vlan_id 5", "vlan modify id 9 priority 1 action " + TO1,
               eth(udp(), tags=[(0x8100, 5)]), {"sn0v1": [eth(udp(), tags=[(0x8100, 0x2009)])]}),
    "pedit eth": ("protocol ip flower", "pedit ex munge eth dst set 02:00:00:00:00:63 action " + TO1, FRAME,
                  {"sn0v1": [eth(udp(), dst=0x63)]}),
    "pedit ip": ("protocol ip flower", "pedit ex munge ip src set 1.2.3.4 munge ip dst set 5.6.7.8 munge ip ttl set 9 "
                 "munge ip tos set 0x20 action csum ip udp action " + TO1, FRAME,
                 {"sn0v1": [eth(udp(src="1.2.3.4", dst="5.6.7.8", ttl=9, tos=0x20))]}),
    "pedit ttl add": ("protocol ip flower", "pedit ex munge ip ttl add 0xff action csum ip action " + TO1, FRAME,
                      {"sn0v1": [eth(udp(ttl=63))]}),
    "pedit udp": ("protocol ip flower ip_proto udp", "pedit ex munge udp sport set 7 munge udp dport set 8 "
                  "action csum udp action " + TO1, FRAME, {"sn0v1": [eth(udp(7, 8))]}),
    "pedit below a tag": ("protocol 802.1q flower vlan_ethtype ip", "pedit ex munge ip ttl set 3 action csum ip action "
                          + TO1, eth(udp(), tags=[(0x8100, 5)]), {"sn0v1": [eth(udp(ttl=3), tags=[(0x8100, 5)])]}),
    "mpls push": ("protocol ip flower", "mpls push protocol mpls_uc label 100 tc 2 ttl 30 action " + TO1, FRAME,
                  {"sn0v1": [eth(struct.pack("!I", 100 << 12 | 2 << 9 | 1 << 8 | 30) + udp(), kind=0x8847)]}),
    "mpls pop": ("protocol mpls_uc flower mpls_label 100", "mpls pop protocol ip action " + TO1,
                 eth(struct.pack("!I", 100 << 12 | 1 << 8 | 30) + udp(), kind=0x8847), {"sn0v1": [FRAME]}),
}


@test
def every_action_does_its_work():
    for name, (match, actions, frame, want) in ACTIONS.items():
        add("sn0r0", f"prio 2 {match} skip_sw action {actions}")
        got = lab.outcome(lab.vf[0], frame, 2)
        expect(name, {k: v * 2 for k, v in want.items()}, got)
        # The kernel counts what "drop" hits as dropped.
        expect(name + ": hits", (2, 2 * len(frame), 2 if name == "drop" else 0), hits("sn0r0", 2))
        tc("filter del dev sn0r0 ingress prio 2")


ARP = eth(struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac(1) + bytes([10, 0, 0, 1]) + mac(0) + bytes([10, 0, 0, 2]), kind=0x806)
FRAGMENT = bytearray(FRAME)
FRAGMENT[20:22] = b"\x20\x00"
FRAGMENT = bytes(FRAGMENT)
ICMP = eth(udp(0x0800, 0, proto=1))
TCP = eth(udp(proto=6, payload=struct.pack("!IBBHHH", 0, 0x50, 0x12, 0, 0, 0) + b"x" * 20))
SIX = eth(struct.pack("!IHBB", 6 << 28 | 0x2c << 20, 8, 17, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" +
          struct.pack("!HHHH", 5, 6, 8, 0), kind=0x86dd)
# What a rule looks at, and a frame that has it.
KEYS = [
    ("protocol all flower dst_mac 02:00:00:00:00:02", "dst_mac 02:00:00:00:00:03", FRAME),
    ("protocol all flower src_mac 02:00:00:00:00:00/ff:ff:ff:ff:ff:00", "src_mac 02:00:00:00:01:00/ff:ff:ff:ff:ff:00", FRAME),
    ("protocol ip flower src_ip 10.0.0.0/24", "src_ip 10.0.1.0/24", FRAME),
    ("protocol ip flower dst_ip 10.0.0.2", "dst_ip 10.0.0.3", FRAME),
    ("protocol ip flower ip_proto udp src_port 1000", "ip_proto udp src_port 1001", FRAME),
    ("protocol ip flower ip_proto udp dst_port 2000", "ip_proto udp dst_port 2001", FRAME),
    ("protocol ip flower ip_proto udp", "ip_proto tcp", FRAME),
    ("protocol ip flower ip_ttl 64", "ip_ttl 63", FRAME),
    ("protocol ip flower ip_tos 0/0xfc", "ip_tos 4/0xfc", FRAME),
    ("protocol ip flower ip_flags nofrag", "ip_flags frag", FRAME),
    ("protocol ip flower ip_flags frag/firstfrag", "ip_flags nofrag", FRAGMENT),
    ("protocol ip flower ip_proto tcp tcp_flags 0x12", "ip_proto tcp tcp_flags 0x10", TCP),
    ("protocol ip flower ip_proto icmp type 8 code 0", "ip_proto icmp type 0 code 0", eth(
        udp(proto=1, sport=0x0800))),
    ("protocol arp flower arp_op request arp_sip 10.0.0.1 arp_sha 02:00:00:00:00:01", "arp_op reply", ARP),
    ("protocol arp flower arp_tip 10.0.0.2", "arp_tip 10.0.0.3", ARP),
    ("protocol ipv6 flower src_ip ::1 ip_proto udp dst_port 6", "src_ip ::3", SIX),
    ("protocol ipv6 flower dst_ip ::2/128 ip_ttl 64", "dst_ip ::4/126", SIX),
    ("protocol 802.1q flower vlan_id 5 vlan_prio 3", "vlan_id 6 vlan_prio 3", eth(udp(), tags=[(0x8100, 0x6005)])),
    ("protocol 802.1q flower vlan_ethtype ip src_ip 10.0.0.1", "vlan_ethtype ip src_ip 10.0.0.9",
     eth(udp(), tags=[(0x8100, 5)])),
    ("protocol 802.1ad flower vlan_ethtype 802.1q cvlan_id 6", "vlan_ethtype 802.1q cvlan_id 7",
     eth(udp(), tags=[(0x88a8, 5), (0x8100, 6)])),
    ("protocol mpls_uc flower mpls_label 100 mpls_tc 2 mpls_bos 1 mpls_ttl 30", "mpls_label 101",
     eth(struct.pack("!I", 100 << 12 | 2 << 9 | 1 << 8 | 30) + udp(), kind=0x8847)),
]


@test
def every_key_is_looked_at():
    for match, other, frame in KEYS:
        add("sn0r0", f"prio 2 {match} skip_sw action {TO1}")
        expect(match, {"sn0v1": [frame]}, lab.outcome(lab.vf[0], frame))
        tc("filter del dev sn0r0 ingress prio 2")
        head = match[:match.index("flower")]
        add("sn0r0", f"prio 2 {head} flower {other} skip_sw action {TO1}")
        expect(other, {"sn0r0": [frame]}, lab.outcome(lab.vf[0], frame))
        tc("filter del dev sn0r0 ingress prio 2")


@test
def the_lower_priority_number_wins():
    add("sn0r0", "prio 5 protocol ip flower skip_sw action drop")
    add("sn0r0", f"prio 3 protocol ip flower skip_sw ip_proto udp action {TO1}")
    add("sn0r0", "prio 4 protocol all flower skip_sw action mirred egress redirect dev sn0r2")
    expect("prio 3", {"sn0v1": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    expect("prio 4", {"sn0v2": [ICMP]}, lab.outcome(lab.vf[0], ICMP))
    tc("filter del dev sn0r0 ingress prio 4")
    expect("prio 5", {}, lab.outcome(lab.vf[0], ICMP))


@test
def what_the_wire_brings_meets_the_uplink_s_rules():
    add("sn0", "prio 2 protocol ip flower skip_sw action mirred egress redirect dev sn0r2")
    expect("to the VF", {"sn0v2": [FRAME]}, lab.outcome(lab.wire, FRAME))
    expect("hits", (1, len(FRAME), 0), hits("sn0", 2))
    expect("from the VF", {"sn0r2": [FRAME]}, lab.outcome(lab.vf[2], FRAME))


@test
def a_shared_block_has_its_rules_at_every_port():
    for dev in ("sn0r0", "sn0r1"):
        tc(f"qdisc del dev {dev} clsact", f"qdisc add dev {dev} ingress_block 22 clsact")
    tc("filter add block 22 prio 2 protocol ip flower skip_sw action mirred egress redirect dev sn0r3")
    shared, = [f for f in json.loads(run("tc", "-s", "-j", "filter", "show", "block", "22").stdout) if "options" in f]
    expect("ports", 2, shared["options"]["in_hw_count"])
    for i in (0, 1):
        expect(f"VF {i}", {"sn0v3": [FRAME]}, lab.outcome(lab.vf[i], FRAME))
    shared, = [f for f in json.loads(run("tc", "-s", "-j", "filter", "show", "block", "22").stdout) if "options" in f]
    expect("hits of both", 2, shared["options"]["actions"][0]["stats"]["hw_packets"])


def set_feature(dev, name, on):
    """ethtool -K."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def ioctl(data):
        room = array.array("B", data)
        fcntl.ioctl(s, 0x8946, struct.pack("16sQ16x", dev.encode(), room.buffer_info()[0]))
        return room.tobytes()

    n, = struct.unpack_from("I", ioctl(struct.pack("IIQI", 0x37, 0, 1 << 4, 0) + bytes(12)), 16)
    names = ioctl(struct.pack("III", 0x1b, 4, n) + bytes(32 * n))[12:]
    bit = [names[32 * i:32 * i + 32].split(b"\0")[0].decode() for i in range(n)].index(name)
    words = [0, 0] * ((n + 31) // 32)
    words[bit // 32 * 2] = 1 << bit % 32
    words[bit // 32 * 2 + 1] = (1 << bit % 32) * on
    ioctl(struct.pack(f"II{len(words)}I", 0x3b, len(words) // 2, *words))
    s.close()


@test
def hw_tc_offload_is_a_switch_of_each_port():
    rule = f"prio 2 protocol ip flower skip_sw action {TO1}"
    set_feature("sn0r0", "hw-tc-offload", False)
    assert "hw-tc-offload is off" in refusal("sn0r0", rule)
    set_feature("sn0r0", "hw-tc-offload", True)
    add("sn0r0", rule)
    set_feature("sn0r0", "hw-tc-offload", False)
    expect("what is in stays", {"sn0v1": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    expect("and is counted", 1, hits("sn0r0", 2)[0])
    tc("filter del dev sn0r0 ingress prio 2")
    expect("and goes", 0, shown("rules"))
    set_feature("sn0r0", "hw-tc-offload", True)


@test
def a_changed_rule_acts_anew():
    add("sn0r0", f"prio 2 handle 1 protocol ip flower skip_sw action {TO1}")
    expect("before", {"sn0v1": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    tc("filter replace dev sn0r0 ingress prio 2 handle 1 protocol ip flower skip_sw "
       "action mirred egress redirect dev sn0r2")
    expect("after", {"sn0v2": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    expect("rules", 1, shown("rules"))


@test
def chains_go_on_and_a_miss_goes_on_in_software():
    add("sn0r0", "prio 2 protocol ip flower skip_sw action vlan push id 77 action goto chain 5")
    add("sn0r0", f"prio 2 chain 5 protocol 802.1q flower skip_sw vlan_id 77 vlan_ethtype ip ip_proto udp action {TO1}")
    tagged = eth(udp(), tags=[(0x8100, 77)])
    expect("two chains", {"sn0v1": [tagged]}, lab.outcome(lab.vf[0], FRAME))
    # Software alone has the next: it must begin in chain 5, not at 0, where it would be dropped.
    add("sn0r0", "prio 1 chain 0 protocol 802.1q flower skip_hw action drop")
    add("sn0r0", "prio 3 chain 5 protocol 802.1q flower skip_hw action mirred egress redirect dev sn0r2")
    icmp_tagged = ICMP[:12] + struct.pack("!HH", 0x8100, 77) + ICMP[12:]
    got = lab.outcome(lab.vf[0], ICMP)
    expect("missed in chain 5", [icmp_tagged], got.get("sn0v2"))
    tc("filter del dev sn0r0 ingress chain 5", "filter del dev sn0r0 ingress")


@test
def a_loop_of_chains_ends():
    add("sn0r0", "prio 2 protocol ip flower skip_sw action goto chain 1")
    add("sn0r0", "prio 2 chain 1 protocol ip flower skip_sw action goto chain 0")
    drops = shown("drops")
    expect("nobody", {}, lab.outcome(lab.vf[0], FRAME))
    expect("dropped", drops + 1, shown("drops"))
    tc("filter del dev sn0r0 ingress chain 1")


@test
def police_drops_what_exceeds_and_is_shared_by_index():
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action police rate 8kbit burst 2000 conform-exceed drop/pipe "
        f"action {TO1}")
    got = lab.outcome(lab.vf[0], FRAME, 100)
    passed = len(got["sn0v1"])
    assert 2000 // (len(FRAME) - 14) <= passed < 60, passed
    expect("counted", (100, 100 * len(FRAME), 100 - passed), hits("sn0r0", 2))
    lab.clear()
    tc("actions add action police pkts_rate 1 pkts_burst 10 conform-exceed drop/pipe index 77 skip_sw")
    for dev in ("sn0r0", "sn0r2"):
        add(dev, f"prio 2 protocol ip flower skip_sw action police index 77 action {TO1}")
    passed = len(lab.outcome(lab.vf[0], FRAME, 8).get("sn0v1", []))
    passed += len(lab.outcome(lab.vf[2], FRAME, 8).get("sn0v1", []))
    assert 10 <= passed <= 11, passed
    lab.clear()
    tc("actions del action police index 77")


@test
def samples_come_by_psample():
    group = psample_socket()
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action sample rate 1 group 9 trunc 20 action {TO1}")
    expect("forwarded", {"sn0v1": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    group.settimeout(5)
    message = group.recv(65536)
    assert FRAME[:20] in message and FRAME[:21] not in message, message
    group.close()


def psample_socket():
    """A generic netlink socket in the group "packets" of family "psample"."""
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
    s.bind((0, 0))
    name = b"psample\0"
    attr = struct.pack("HH", 4 + len(name), 2) + name
    body = struct.pack("BBH", 3, 1, 0) + attr + bytes(-len(attr) % 4)
    s.send(struct.pack("IHHII", 16 + len(body), 16, 1, 1, 0) + body)
    answer = s.recv(65536)
    at = answer.index(b"packets\0")
    # In the group's nest the number stands in the attribute next to the name (CTRL_ATTR_MCAST_GRP_ID is 2).
    for offset in range(at - 16, at + 20, 4):
        size, kind = struct.unpack_from("HH", answer, offset)
        if (size, kind) == (8, 2):
            s.setsockopt(270, 1, struct.unpack_from("I", answer, offset + 4)[0])
            return s
    raise AssertionError("psample has no group of packets")


@test
def what_is_not_there_is_refused_by_name():
    for rule, text in [
            ("protocol ip flower skip_sw action mirred egress redirect dev lo", "not on this eSwitch"),
            ("protocol ip flower skip_sw action skbedit mark 3", "skbedit mark"),
            ("protocol ip flower skip_sw action mirred ingress redirect dev sn0r1", "ingress"),
            ("protocol ip flower skip_sw ip_proto tcp dst_port 10-20 action drop", "range of ports"),
            ("protocol ip flower skip_sw indev sn0r0 action drop", "indev"),
            ("protocol ip flower skip_sw action drop action drop", "ends the rule"),
            ("protocol ip flower skip_sw action police rate 1mbit burst 9k conform-exceed pipe/drop", "police"),
            ("protocol ip flower skip_sw enc_key_id 3 action drop", "a device that is none"),
            ("protocol ip matchall skip_sw action drop", "flower")]:
        assert text in refusal("sn0r0", rule), (rule, refusal("sn0r0", rule))
    # Without skip_sw the same rule stays in software.
    add("sn0r0", "prio 2 protocol ip flower action skbedit mark 3")
    assert "not_in_hw" in run("tc", "filter", "show", "dev", "sn0r0", "ingress").stdout


@test
def modes_for_inlining_and_encapsulation_count():
    run("devlink", "dev", "eswitch", "set", DEVICE, "inline-mode", "network")
    assert "inline mode" in refusal("sn0r0", "protocol ip flower skip_sw ip_proto udp dst_port 5 action drop")
    add("sn0r0", "prio 2 protocol ip flower skip_sw src_ip 1.1.1.1 action drop")
    done = run("devlink", "dev", "eswitch", "set", DEVICE, "inline-mode", "none", ok=False)
    assert done.returncode and "while rules are offloaded" in done.stderr, done
    tc("filter del dev sn0r0 ingress")
    run("devlink", "dev", "eswitch", "set", DEVICE, "inline-mode", "none")
    run("devlink", "dev", "eswitch", "set", DEVICE, "encap-mode", "none")
    ip("link add tun0 type vxlan external dstport 4789")
    assert "encap-mode basic" in refusal(
        "sn0r0", "protocol ip flower skip_sw action tunnel_key set src_ip 1.1.1.1 dst_ip 1.1.1.2 id 3 dst_port 4789 "
        "action mirred egress redirect dev tun0")
    run("ip", "link", "del", "tun0")
    run("devlink", "dev", "eswitch", "set", DEVICE, "encap-mode", "basic")


# ---- Tunnels ----

# The device's kind and options, what the action says, what a rule looks at.
TUNNELS = {
    "vxlan": ("vxlan external dstport 4789 nolearning", "dst_port 4789 nocsum", "enc_dst_port 4789"),
    "vxlan with checksum": ("vxlan external dstport 4789 nolearning", "dst_port 4789 csum tos 0x20 ttl 9",
                            "enc_dst_port 4789 enc_tos 0x20 enc_ttl 9"),
    "geneve": ("geneve external dstport 6081", "dst_port 6081 nocsum ttl 64 geneve_opts 0102:80:11223344",
               "enc_dst_port 6081 geneve_opts 0102:80:11223344"),
    "gre": ("gretap external", "nocsum ttl 7", ""),
    "gre with checksum": ("gretap external", "csum", ""),
}
ENDS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}


def without_ident(frame):
    """IPv4's identification is any number, and its header's checksum follows."""
    if frame[12:14] != b"\x08\x00":
        return frame
    return frame[:18] + b"\0\0" + frame[20:24] + b"\0\0" + frame[26:]


def way_to_the_other_end(do):
    for family, (here, there) in ENDS.items():
        bits = 24 if family == 4 else 64
        if do == "add":
            run("ip", f"-{family}", "addr", "add", f"{here}/{bits}", "dev", "sn0", *(["nodad"] if family == 6 else []))
            run("ip", "neigh", "replace", there, "lladdr", "02:00:00:00:00:99", "dev", "sn0", "nud", "permanent")
        else:
            run("ip", f"-{family}", "addr", "flush", "dev", "sn0")


def tunnel_round(name, family):
    kind, parms, looks = TUNNELS[name]
    here, there = ENDS[family]
    ip(f"link add tun0 type {kind}", "link set tun0 up")
    tc("qdisc add dev tun0 clsact")
    action = (f"tunnel_key set src_ip {here} dst_ip {there} id 42 {parms} action mirred egress redirect dev tun0")
    wrapped = {}
    for where in ("skip_hw", "skip_sw"):
        add("sn0r0", f"prio 2 protocol ip flower {where} action {action}")
        got = lab.outcome(lab.vf[0], FRAME)
        wrapped[where], = got["sn0wire"]
        expect(f"{name}, {where}: who sees it", {"skip_hw": {"sn0wire", "sn0r0"}, "skip_sw": {"sn0wire"}}[where], set(got))
        tc("filter del dev sn0r0 ingress prio 2")
    expect(f"{name}: as software wraps it", without_ident(wrapped["skip_hw"]), without_ident(wrapped["skip_sw"]))
    # The same packet, coming back.
    frame = wrapped["skip_sw"]
    # The kernel offloads rules of other people's devices, but never without having them itself.
    add("tun0", f"prio 2 protocol ip flower enc_src_ip {here} enc_dst_ip {there} enc_key_id 42 {looks} "
        f"action tunnel_key unset action {TO1}")
    expect(f"{name}: opened", {"sn0v1": [FRAME]}, lab.outcome(lab.wire, frame))
    expect(f"{name}: hits", (1, len(FRAME), 0), hits("tun0", 2))
    tc("filter del dev tun0 ingress prio 2")
    # The kernel offloads rules of other people's devices, but never without having them itself.
    add("tun0", f"prio 2 protocol ip flower enc_src_ip {here} enc_dst_ip {there} enc_key_id 43 {looks} action drop")
    expect(f"{name}: another key", {"sn0": [frame]}, lab.outcome(lab.wire, frame))
    run("ip", "link", "del", "tun0")


@test
def tunnels_wrap_as_software_does_and_open():
    with open("/proc/sys/net/ipv6/conf/sn0/disable_ipv6", "w", encoding="ascii") as f:
        f.write("0")
    way_to_the_other_end("add")
    try:
        for name in TUNNELS:
            tunnel_round(name, 4)
        tunnel_round("vxlan with checksum", 6)
        tunnel_round("geneve", 6)
    finally:
        run("ip", "link", "del", "tun0", ok=False)
        way_to_the_other_end("del")
        with open("/proc/sys/net/ipv6/conf/sn0/disable_ipv6", "w", encoding="ascii") as f:
            f.write("1")


@test
def a_tunnel_whose_way_is_unknown_is_software_s():
    ip("link add tun0 type vxlan external dstport 4789 nolearning", "link set tun0 up",
       "addr add 192.0.2.1/24 dev sn0")
    try:
        add("sn0r0", "prio 2 protocol ip flower skip_sw action tunnel_key set src_ip 192.0.2.1 dst_ip 192.0.2.2 id 42 "
            "dst_port 4789 action mirred egress redirect dev tun0")
        got = lab.outcome(lab.vf[0], FRAME)
        expect("software", [FRAME], got.pop("sn0r0"))
        expect("asked for the way", b"\x08\x06", got["sn0wire"][0][12:14])
        expect("not counted", 0, hits("sn0r0", 2)[0])
        run("ip", "neigh", "replace", "192.0.2.2", "lladdr", "02:00:00:00:00:99", "dev", "sn0", "nud", "permanent")
        expect("known now", {"sn0wire"}, set(lab.outcome(lab.vf[0], FRAME)))
    finally:
        run("ip", "link", "del", "tun0", ok=False)
        run("ip", "addr", "flush", "dev", "sn0")


@test
def a_miss_behind_a_tunnel_goes_on_there_in_software():
    ip("link add tun0 type vxlan external dstport 4789 nolearning", "link set tun0 up")
    try:
        tc("qdisc add dev tun0 clsact")
        outer = struct.pack("!HHHH", 5555, 4789, 16 + len(FRAME), 0) + struct.pack("!II", 1 << 27, 42 << 8) + FRAME
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(outer), 1, 0, 64, 17, 0, bytes([192, 0, 2, 2]),
                           bytes([192, 0, 2, 1]))
        frame = mac(1) + mac(2) + b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + outer
        add("tun0", "prio 2 protocol ip flower enc_key_id 42 enc_dst_port 4789 action vlan push id 7 "
            "action goto chain 3")
        add("tun0", "prio 2 chain 3 protocol 802.1q flower skip_hw vlan_id 7 enc_key_id 42 enc_src_ip 192.0.2.2 "
            "action mirred egress redirect dev sn0r2")
        expect("software's chain 3", [eth(udp(), tags=[(0x8100, 7)])], lab.outcome(lab.wire, frame).get("sn0v2"))
        add("tun0", "prio 5 protocol ip flower enc_key_id 1 action drop")
        assert "not_in_hw" in run("tc", "filter", "show", "dev", "tun0", "ingress", "prio", "5").stdout
        assert "needs tunnel_key set" in refusal(
            "sn0r0", "protocol ip flower skip_sw action mirred egress redirect dev tun0")
        # Everything of it goes with the mode, and comes back with it.
        expect("rules", 1, shown("rules"))
        lab.legacy()
        expect("rules", 0, shown("rules"))
        lab.switchdev()
    finally:
        run("ip", "link", "del", "tun0", ok=False)


# ---- Connections ----

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


# ---- Faults ----

def many(n, prio=2):
    return "\n".join(f"filter add dev sn0r0 ingress prio {prio} handle {i + 1} protocol ip flower skip_sw "
                     f"src_ip 10.{i >> 16}.{i >> 8 & 255}.{i & 255} action {TO1}" for i in range(n)) + "\n"


@test
def a_full_table_says_so():
    control("capacity 300")
    done = run("tc", "-force", "-batch", "-", stdin=many(1000), ok=False)
    expect("refused", 700, done.stderr.count("the rule table is full"))
    expect("rules", 300, shown("rules"))
    tc("filter del dev sn0r0 ingress prio 2 handle 7 protocol ip flower")
    add("sn0r0", f"prio 2 protocol ip flower skip_sw src_ip 11.0.0.1 action {TO1}")
    control("capacity 0")
    lab.clear()
    expect("rules", 0, shown("rules"))


@test
def refusals_on_demand():
    rule = "protocol ip flower skip_sw ip_proto udp dst_port 5 action drop"
    control("refuse key:ports")
    assert "ports is refused (fault injection)" in refusal("sn0r0", rule)
    control("allow key:ports")
    control("refuse action:drop")
    assert "drop is refused" in refusal("sn0r0", rule)
    control("allow all")
    control("fail-next 2 ENOSPC")
    for _ in range(2):
        said = refusal("sn0r0", rule)
        assert "fault injection" in said, said
    control("allow all")
    add("sn0r0", "prio 2 " + rule)
    for words in ("refuse key:nothing", "refuse", "nonsense", "capacity x", "fail-next 1 ENOTHING", "lose some"):
        assert control(words, ok=False), words


@test
def rules_that_never_hit_and_counters_that_lie():
    control("ignore 1")
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action {TO1}")
    control("ignore 0")
    expect("not hit", {"sn0r0": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    expect("in hardware all the same", (0, 0, 0), hits("sn0r0", 2))
    lab.clear()
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action {TO1}")
    control("stats-lag-ms 3600000")
    hits("sn0r0", 2)
    lab.outcome(lab.vf[0], FRAME, 5)
    expect("stale", 0, hits("sn0r0", 2)[0])
    control("stats-lag-ms 0")
    expect("fresh", 5, hits("sn0r0", 2)[0])
    control("counter-bits 3")
    lab.outcome(lab.vf[0], FRAME, 5)
    assert hits("sn0r0", 2)[0] not in (5, 10), hits("sn0r0", 2)
    control("counter-bits 0")


@test
def lost_rules_are_believed_to_be_there():
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action {TO1}")
    lab.outcome(lab.vf[0], FRAME, 3)
    control("lose all")
    expect("rules", 0, shown("rules"))
    expect("to software", {"sn0r0": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    expect("counters stand", 3, hits("sn0r0", 2)[0])
    tc("filter del dev sn0r0 ingress prio 2")
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action {TO1}")
    expect("works again", {"sn0v1": [FRAME]}, lab.outcome(lab.vf[0], FRAME))


def carrier(name):
    with open(f"/sys/class/net/{name}/carrier", encoding="ascii") as f:
        return f.read().strip() == "1"


@test
def a_reset_loses_rules_and_links():
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action {TO1}")
    control("reset 1")
    expect("links", [False] * 3, [carrier(n) for n in ("sn0", "sn0r0", "sn0v0")])
    expect("traffic", {}, lab.outcome(lab.vf[0], FRAME))
    assert "being reset" in refusal("sn0r0", "protocol ip flower skip_sw action drop")
    control("reset 0")
    expect("links", [True] * 3, [carrier(n) for n in ("sn0", "sn0r0", "sn0v0")])
    expect("empty", {"sn0r0": [FRAME]}, lab.outcome(lab.vf[0], FRAME))


@test
def a_representor_that_vanishes_takes_its_packets_along():
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action mirred egress redirect dev sn0r3")
    add("sn0r3", f"prio 2 protocol ip flower skip_sw action {TO1}")
    lab.rep.pop().s.close()
    control("remove-representor 3")
    expect("its own rules", {}, lab.outcome(lab.vf[3], FRAME))
    expect("rules", 1, shown("rules"))
    control("add-representor 3")
    lab.up("sn0r3")
    lab.rep.append(Port("sn0r3"))
    tc("qdisc add dev sn0r3 clsact")
    expect("back", {"sn0r3": [FRAME]}, lab.outcome(lab.vf[3], FRAME))


@test
def models_of_nics():
    control("profile e810")
    for rule, text in [("chain 3 protocol ip flower skip_sw action drop", "chains"),
                       ("protocol ip flower skip_sw ip_flags frag action drop", "frag"),
                       (f"protocol ip flower skip_sw action vlan push id 3 action {TO1}", "vlan_push")]:
        assert text in refusal("sn0r0", rule), rule
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action {TO1}")
    expect("forwarded", {"sn0v1": [FRAME]}, lab.outcome(lab.vf[0], FRAME))
    expect("no statistics", 0, hits("sn0r0", 2)[0])
    control("profile all")
    expect("with statistics", 1, hits("sn0r0", 2)[0])


# ---- Life ----

@test
def modes_change_under_traffic():
    sender = os.fork()
    if not sender:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.bind(("sn0v0", 0))
        while True:
            try:
                s.send(b"\xff" * 6 + FRAME[6:])
            except OSError:
                pass
    for _ in range(5):
        add("sn0r0", f"prio 2 protocol ip flower skip_sw action mirred egress mirror dev sn0 action {TO1}")
        lab.legacy()
        expect("rules", 0, shown("rules"))
        lab.switchdev()
    os.kill(sender, 9)
    os.waitpid(sender, 0)
    expect("slow path", {"sn0r0": [FRAME]}, lab.outcome(lab.vf[0], FRAME))


def received_in(netns, dev):
    links = json.loads(run("ip", "-n", netns, "-s", "-j", "link", "show", dev).stdout)
    return links[0]["stats64"]["rx"]["packets"]


@test
def vfs_come_and_go_and_live_in_namespaces():
    run("ip", "netns", "add", "a")
    ip("link set sn0v1 netns a")
    run("ip", "-n", "a", "link", "set", "sn0v1", "up")
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action {TO1}")
    before = received_in("a", "sn0v1")
    lab.outcome(lab.vf[0], FRAME, 3)
    expect("received there", before + 3, received_in("a", "sn0v1"))
    path = "/sys/class/net/sn0/device/sriov_numvfs"
    with open(path, "w", encoding="ascii") as f:
        f.write("0")
    expect("rules", 0, shown("rules"))
    names = os.listdir("/sys/class/net")
    assert not any(n.startswith("sn0r") or n.startswith("sn0v") for n in names), names
    try:
        with open(path, "w", encoding="ascii") as f:
            f.write("65")
        raise AssertionError("65 VFs")
    except OSError:
        pass
    with open(path, "w", encoding="ascii") as f:
        f.write("64")
    expect("representors", 64, len([n for n in os.listdir("/sys/class/net") if n.startswith("sn0r")]))
    run("ip", "netns", "del", "a")


@test
def the_module_goes_away_clean():
    tc("qdisc add dev sn0r5 clsact", "filter add dev sn0r5 ingress protocol ip flower skip_sw action drop",
       "qdisc replace dev sn0 clsact", "filter add dev sn0 ingress protocol ip flower skip_sw action drop")
    run("rmmod", "simnic")
    assert not [n for n in os.listdir("/sys/class/net") if n.startswith("sn0")]
    for arguments in ("vfs=65", "profile=none", "nics=0"):
        assert run("insmod", os.environ["SIMNIC_KO"], arguments, ok=False).returncode, arguments
    run("insmod", os.environ["SIMNIC_KO"], "nics=2", "vfs=1", "profile=cx5")
    assert os.path.exists("/sys/class/net/sn1v0")
    run("rmmod", "simnic")


def main():
    global lab
    failed = 0
    lab = Lab()
    only = sys.argv[1:]
    for t in tests:
        if only and t.__name__ not in only and "switchdev_mode" not in t.__name__:
            continue
        try:
            t()
        except Exception:
            failed += 1
            print(f"{t.__name__}:", flush=True)
            traceback.print_exc()
        try:
            lab.clear()
        except (AssertionError, OSError):
            pass
    n = len(tests)
    print(f"{100 * (n - failed) // n}%: Checks: {n}, Failures: {failed}, Errors: 0")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
