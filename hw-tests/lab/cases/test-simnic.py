#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The simulated NIC's kernel module, by itself: no switch, only tc, devlink and frames."""
import array
import fcntl
import json
import os
import socket
import struct

from simnic_lab import (
    add, control, eth, expect, hits, ip, lab, legacy_test, mac, main, refusal, run, shown, tc, test, udp, DEVICE, FRAME,
    N_VFS, Port, TO1)


# ---- The NIC as it is found ----

@legacy_test
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


@legacy_test
def legacy_mode_takes_no_rules():
    tc("qdisc add dev sn0 clsact")
    done = tc("filter add dev sn0 ingress protocol ip flower skip_sw action drop", ok=False)
    assert done.returncode, "a rule was offloaded"
    tc("qdisc del dev sn0 clsact")


@test
def switchdev_mode_has_representors_that_devlink_and_sysfs_name():
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
def a_port_is_policed_before_its_rules():
    add("sn0r0", "prio 1 protocol all matchall action police rate 8kbit burst 2000 conform-exceed drop/pipe "
        "action police pkts_rate 1 pkts_burst 100 conform-exceed drop/continue")
    add("sn0r0", f"prio 2 protocol ip flower skip_sw action {TO1}")
    passed = len(lab.outcome(lab.vf[0], FRAME, 100)["sn0v1"])
    assert 2000 // (len(FRAME) - 14) <= passed < 60, passed
    expect("counted", (100, 100 * len(FRAME), 100 - passed), hits("sn0r0", 1))
    expect("of its rules' concern", passed, hits("sn0r0", 2)[0])
    tc("filter del dev sn0r0 ingress prio 1")
    expect("without a limit", 20, len(lab.outcome(lab.vf[0], FRAME, 20)["sn0v1"]))


@test
def police_that_jumps_chooses_by_length():
    # A pedit is several entries and one action of the count.
    edit = "pedit ex munge ip ttl set 9 munge ip src set 1.2.3.4 munge ip dst set 1.2.3.5 pipe"
    add("sn0r0", "prio 2 protocol ip flower skip_sw action police mtu 100 conform-exceed jump 3 / pipe "
        f"action {edit} action {TO1} action mirred egress redirect dev sn0r2")
    for size, port in ((99, "sn0v1"), (100, "sn0v1"), (101, "sn0v2")):
        frame = eth(udp(payload=b"x" * (size - 42)))
        expect("length", size, len(frame))
        got = lab.outcome(lab.vf[0], frame)
        expect(f"{size} bytes", [port], list(got))
        expect("edited", port == "sn0v1", got[port][0] != frame)
    # The tag is beside the packet.
    add("sn0r3", "prio 2 protocol 802.1q flower skip_sw action police mtu 100 conform-exceed jump 2 / pipe "
        f"action {TO1} action mirred egress redirect dev sn0r2")
    for size, port in ((104, "sn0v1"), (105, "sn0v2")):
        expect(f"tagged, {size} bytes", [port],
               list(lab.outcome(lab.vf[3], eth(udp(payload=b"x" * (size - 46)), tags=((0x8100, 5),)))))
    assert "must be the first" in refusal("sn0r0", f"prio 3 protocol ip flower skip_sw src_ip 9.9.9.9 action mirred egress mirror dev sn0r1 "
                                          f"action police mtu 100 conform-exceed jump 3 / pipe action drop action {TO1}")
    assert "out of its rule" in refusal("sn0r0", "prio 3 protocol ip flower skip_sw src_ip 9.9.9.9 "
                                        f"action police mtu 100 conform-exceed jump 7 / pipe action {TO1}")
    control("profile cx6dx")
    assert "by length" in refusal("sn0r0", f"prio 3 protocol ip flower skip_sw src_ip 9.9.9.9 action police mtu 100 conform-exceed drop/pipe action {TO1}")
    # One that limits a rate is no matter of length.
    add("sn0r0", f"prio 3 protocol ip flower skip_sw src_ip 9.9.9.9 action police rate 1mbit burst 9k conform-exceed drop/pipe action {TO1}")


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
            ("protocol all prio 2 matchall skip_sw action police rate 1mbit burst 9k conform-exceed drop/continue", "priority 1"),
            ("protocol all prio 1 matchall skip_sw action drop", "only with police"),
            ("protocol all prio 1 flower skip_sw action police rate 1mbit burst 9k conform-exceed drop/continue", "pipe or ok")]:
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
    add("sn0r0", "prio 2 protocol ip flower skip_sw action mirred egress redirect dev sn0r3")
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


if __name__ == "__main__":
    main()
