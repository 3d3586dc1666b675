# SPDX-License-Identifier: Apache-2.0
"""Ping, UDP and TCP through the whole switch in every place where a flow can be, in a lab guest: the kernel's datapath, TC's
software, and the simulated NIC as each model of NIC that there is. In hardware all counters say the same, which is what was sent."""
import contextlib
import re
import socket
import subprocess

import pytest

from kernel_switch import NicSwitch, control, ip, nic, nic_counter, on_nic, sysfs_in, tc_filters, wait_until  # noqa: F401

PROTOCOLS = ("icmp", "udp", "tcp")
HARDWARE = ("all", "cx5", "cx6dx")  # in which every flow of these tests has its place
HOSTS = {"h0": ("sn0v0", "10.98.0.1", 1, "sn0r0"), "h1": ("sn0v1", "10.98.0.2", 2, "sn0r1"),
         "h2": ("sn0v2", "10.98.0.3", 3, "sn0r2"), "wire": ("sn0wire", "10.98.0.9", 10, "sn0")}

UDP_SINK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind(('', 0))
s.settimeout(10)
print(s.getsockname()[1], flush=True)
n = 0
try:
    while n < int(sys.argv[1]):
        s.recv(2000)
        n += 1
except socket.timeout:
    pass
print(n)
"""
UDP_SOURCE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[3])):
    s.sendto(b'x' * 58, (sys.argv[1], int(sys.argv[2])))
"""
FRAME_SINK = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
s.bind((sys.argv[1], 0))
s.settimeout(20)
print('ready', flush=True)
n = 0
try:
    while n < int(sys.argv[2]):
        s.recv(2000)
        n += 1
except socket.timeout:
    pass
print(n)
"""
TCP_SINK = """
import hashlib, socket
s = socket.socket()
s.bind(('', 0))
s.listen(1)
s.settimeout(10)
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
c.settimeout(10)
got = b''
while True:
    more = c.recv(65536)
    if not more:
        break
    got += more
c.sendall(got[::-1])
c.close()
print(len(got))
"""
TCP_SOURCE = """
import os, socket, sys
data = os.urandom(int(sys.argv[3]))
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
s.sendall(data)
s.shutdown(socket.SHUT_WR)
got = b''
while True:
    more = s.recv(65536)
    if not more:
        break
    got += more
assert got == data[::-1]
"""


def python(ns, program, *args):
    return ["ip", "netns", "exec", ns, "/usr/bin/python3", "-c", program, *map(str, args)]


def transfer(sink, source, src, dst, n):
    with subprocess.Popen(python(dst, sink, n), stdout=subprocess.PIPE, text=True) as s:
        port = s.stdout.readline().strip()
        subprocess.run(python(src, source, HOSTS[dst][1], port, n), check=True, timeout=60)
        return int(s.stdout.readline())


def send(protocol, src, dst, n):
    """So many echoes, datagrams or kilobytes, there and (icmp, tcp) back again."""
    if protocol == "icmp":
        r = subprocess.run(["ip", "netns", "exec", src, "ping", "-c", str(n), "-i", "0.002", "-W", "2", HOSTS[dst][1]],
                           capture_output=True, text=True)
        assert f" {n} received" in r.stdout, r.stdout
    elif protocol == "udp":
        assert transfer(UDP_SINK, UDP_SOURCE, src, dst, n) == n
    else:
        assert transfer(TCP_SINK, TCP_SOURCE, src, dst, n * 1000) == n * 1000


@contextlib.contextmanager
def place(folder, name):
    """A switch with three VFs and the uplink, and a rule for each protocol and destination."""
    with on_nic(NicSwitch, folder, "00003", 3) as s:
        # No flow goes before it was looked at, however slow the machine is.
        s.vsctl("set", "Open_vSwitch", ".", "other_config:max-idle=600000")
        if name == "kernel":
            s.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=false")
        elif name == "tc":
            s.vsctl("set", "Open_vSwitch", ".", "other_config:tc-policy=skip_hw")
        else:
            control("profile", name)
        s.add_nic(3, rules=False)
        s.know_each_other(*((ns, dev, address) for ns, (dev, address, _, _) in HOSTS.items()))
        for protocol in PROTOCOLS:
            for _, address, port, _ in HOSTS.values():
                s.ofctl("add-flow", "br0", f"{protocol},nw_dst={address},actions=output:{port}")
        yield s


def openflow_count(s, protocol, dst):
    text = s.ofctl("dump-flows", "br0", f"{protocol},nw_dst={HOSTS[dst][1]}")
    return tuple(int(re.search(rf"{what}=(\d+)", text).group(1)) for what in ("n_packets", "n_bytes"))


def datapath_count(s, protocol, dst):
    """Of the flows that hardware has."""
    number = {"icmp": 1, "udp": 17, "tcp": 6}[protocol]
    flows = [f for f in s.flows("type=offloaded") if f"dst={HOSTS[dst][1]}," in f and f"proto={number}," in f]
    return tuple(sum(int(re.search(rf"{what}:(\d+)", f).group(1)) for f in flows) for what in ("packets", "bytes"))


def rules(protocol, src, dst):
    """Of traffic control at the sender's representor."""
    return [f for f in tc_filters("dev", HOSTS[src][3]) if f["options"].get("keys", {}).get("ip_proto") == protocol and
            f["options"]["keys"].get("dst_ip") == HOSTS[dst][1]]


def nic_count(protocol, src, dst):
    """The NIC's own."""
    stats = [f["options"]["actions"][-1]["stats"] for f in rules(protocol, src, dst) if f["options"].get("in_hw")]
    return sum(s.get("hw_packets", 0) for s in stats), sum(s.get("hw_bytes", 0) for s in stats)


class Capture:
    """What comes to software by a representor, as tcpdump would see it: packets and bytes of IP, since the beginning."""

    def __init__(self, dev):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
        self.s.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
        self.s.bind((dev, 0))
        self.s.setblocking(False)
        self.total = (0, 0)

    def seen(self):
        while True:
            try:
                frame = self.s.recv(1 << 16)
            except BlockingIOError:
                return self.total
            # Tags may be in the frame.
            if frame[12:14] == b"\x08\x00" or (frame[12] in (0x81, 0x88) and frame[20:22] == b"\x08\x00"):
                self.total = add(self.total, (1, len(frame)))


def add(a, b):
    return a[0] + b[0], a[1] + b[1]


def subtract(a, b):
    return a[0] - b[0], a[1] - b[1]


@pytest.mark.parametrize("where", ["kernel", "tc"])
def test_all_protocols_pass_in_software(tmp_path, where):
    with place(tmp_path, where) as s:
        for src, dst in (("h0", "h1"), ("h0", "wire"), ("wire", "h1")):
            for protocol in PROTOCOLS:
                send(protocol, src, dst, 30)
                send(protocol, src, dst, 70)
        # Each datagram is counted, once.
        wait_until("OpenFlow has counted", lambda: openflow_count(s, "udp", "wire") == (100, 10000))
        wait_until("OpenFlow has counted", lambda: openflow_count(s, "udp", "h1") == (200, 20000))
        wait_until("OpenFlow has counted", lambda: openflow_count(s, "icmp", "h0")[0] == 200)
        assert not s.flows("type=offloaded")


def all_told(protocol, way, capture):
    """What software has seen and what the NIC has counted is all that there was."""
    return add(capture.seen(), nic_count(protocol, *way))


def settle(s, protocol, way, capture):
    """Waits until OpenFlow has counted all; what has been counted, and what of it the flow has: a packet
    that missed while its flow was being made is not the flow's."""
    n = all_told(protocol, way, capture)
    wait_until(f"OpenFlow has counted {n} of {protocol} from {way[0]}, as the NIC and its representor",
               lambda: openflow_count(s, protocol, way[1]) == n)
    return n, datapath_count(s, protocol, way[1])


def exchange(s, protocol, src, dst, size):
    ways = [(src, dst)] + ([(dst, src)] if protocol != "udp" else [])
    captures = [Capture(HOSTS[way[0]][3]) for way in ways]
    send(protocol, src, dst, 3)
    for way in ways:
        wait_until(f"{protocol} from {way[0]} is in hardware",
                   lambda: any(f["options"].get("in_hw") for f in rules(protocol, *way)))
    before = [settle(s, protocol, way, c) for way, c in zip(ways, captures)]
    in_software = [c.seen() for c in captures]
    send(protocol, src, dst, 200)
    assert [c.seen() for c in captures] == in_software, protocol
    for way, capture, (n, of_flow) in zip(ways, captures, before):
        now, of_flow_now = settle(s, protocol, way, capture)
        assert subtract(of_flow_now, of_flow) == subtract(now, n)
        if size:
            assert now == (203, 203 * size)


@pytest.mark.parametrize("model", HARDWARE)
def test_what_was_sent_is_what_all_count_in_hardware(tmp_path, model):
    with place(tmp_path, model) as s:
        for protocol, size in (("icmp", 98), ("udp", 100), ("tcp", None)):
            exchange(s, protocol, "h0", "h1", size)
            exchange(s, protocol, "h2", "wire", size)
        exchange(s, "udp", "wire", "h2", 100)


def test_a_nic_that_matches_no_fragments_leaves_all_of_ip_to_software(tmp_path):
    with place(tmp_path, "e810") as s:
        for protocol in PROTOCOLS:
            send(protocol, "h0", "h1", 30)
            send(protocol, "h0", "wire", 30)
        assert not s.flows("type=offloaded")
        why = s.appctl("offload/why")
        assert "simnic: match on" in why and "driver:" in why, why


# ---- Headers that are changed on the way, all in hardware ----


def check_in_hardware(s, src, dst, n_flows=2):
    """Pings pass; so many flows are in hardware, and from then on software sees none of their packets."""
    send("icmp", src, dst, 3)
    wait_until("the flows are in hardware", lambda: sum("ipv4" in f for f in s.flows("type=offloaded")) >= n_flows)
    captures = [Capture(HOSTS[ns][3]) for ns in (src, dst)]
    send("icmp", src, dst, 50)
    assert [c.seen() for c in captures] == [(0, 0)] * 2


def add_flows(s, *flows):
    for flow in flows:
        s.ofctl("-O", "OpenFlow13", "add-flow", "br0", flow)


def test_two_tags_are_pushed_and_popped_in_hardware(nic):
    nic.vsctl("set", "Open_vSwitch", ".", "other_config:vlan-limit=2")
    nic.add_nic(1, rules=False)
    ip("-n", "wire", "link", "add", "link", "sn0wire", "name", "outer", "type", "vlan", "proto", "802.1ad", "id", "100")
    ip("-n", "wire", "link", "add", "link", "outer", "name", "inner", "type", "vlan", "id", "5")
    ip("-n", "wire", "addr", "flush", "dev", "sn0wire")
    for dev in ("outer", "inner"):
        ip("-n", "wire", "link", "set", dev, "up")
    ip("-n", "wire", "addr", "add", "10.98.0.9/24", "dev", "inner")
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("wire", "inner", "10.98.0.9"))
    add_flows(nic, "ip,in_port=1,actions=push_vlan:0x8100,set_field:4101->vlan_vid,push_vlan:0x88a8,set_field:4196->vlan_vid,"
              "output:10",
              "in_port=10,dl_vlan=100,actions=pop_vlan,resubmit(,1)", "table=1,dl_vlan=5,ip,actions=pop_vlan,output:1")
    check_in_hardware(nic, "h0", "wire")


def test_addresses_are_rewritten_in_hardware(nic):
    """h0 finds h1 under an address that it does not have, at another Ethernet address, and one hop away."""
    nic.add_nic(2, rules=False)
    nic.know_each_other(*((ns, *HOSTS[ns][:2]) for ns in ("h0", "h1")))
    h0, h1 = (sysfs_in(ns, f"/sys/class/net/{HOSTS[ns][0]}/address") for ns in ("h0", "h1"))
    ip("-n", "h0", "neigh", "replace", "10.98.0.77", "lladdr", "02:00:00:00:00:77", "dev", "sn0v0", "nud", "permanent")
    ip("-n", "h1", "neigh", "replace", "10.98.0.66", "lladdr", "02:00:00:00:00:66", "dev", "sn0v1", "nud", "permanent")
    add_flows(nic, f"ip,in_port=1,nw_dst=10.98.0.77,actions=set_field:{h1}->eth_dst,set_field:10.98.0.2->ip_dst,"
              "set_field:10.98.0.66->ip_src,dec_ttl,output:2",
              f"ip,in_port=2,nw_dst=10.98.0.66,actions=set_field:{h0}->eth_dst,set_field:10.98.0.1->ip_dst,"
              "set_field:10.98.0.77->ip_src,dec_ttl,output:1")
    HOSTS["translated"] = HOSTS["h1"][:1] + ("10.98.0.77",) + HOSTS["h1"][2:]
    check_in_hardware(nic, "h0", "translated")


def test_a_copy_goes_elsewhere_in_hardware(nic):
    nic.add_nic(3, rules=False)
    nic.know_each_other(*((ns, *HOSTS[ns][:2]) for ns in ("h0", "h1")))
    add_flows(nic, "ip,in_port=1,actions=output:3,output:2", "ip,in_port=2,actions=output:1,output:3")
    with subprocess.Popen(python("h2", FRAME_SINK, "sn0v2", 106), stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout.readline() == "ready\n"
        check_in_hardware(nic, "h0", "h1")
        # Of 53 echoes, requests and answers.
        assert sink.stdout.readline() == "106\n"


def test_what_a_driver_refuses_is_asked_once(nic):
    """Revalidation goes over a refused flow again and again without another try."""
    control("refuse", "key:ipv4_addrs")
    nic.add_nic(2)
    nic.know_each_other(*((ns, *HOSTS[ns][:2]) for ns in ("h0", "h1")))
    send("icmp", "h0", "h1", 20)
    wait_until("it is refused", lambda: "driver:" in nic.appctl("offload/why"))
    asked = nic_counter("refusals")
    assert asked >= 1
    for _ in range(5):
        send("icmp", "h0", "h1", 20)
        nic.appctl("revalidator/wait")
    assert nic_counter("refusals") == asked
    # A change of what the NIC can is a new question: what was told of it is forgotten when offload is switched on again.
    control("allow", "all")
    nic.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=false")
    nic.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    check_in_hardware(nic, "h0", "h1")
