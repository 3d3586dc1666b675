#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tunnels in the simulated NIC's kernel module."""
import struct

from simnic_lab import add, checksum, eth, expect, hits, ip, lab, mac, main, refusal, run, shown, tc, test, udp, FRAME, TO1


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


if __name__ == "__main__":
    main()
