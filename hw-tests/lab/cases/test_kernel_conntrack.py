# SPDX-License-Identifier: Apache-2.0
"""Connection tracking of the whole switch on the kernel's datapath, in a lab guest: hw-tests/lab/run runs this with pytest. Flows are
put in by hand, sockets are real; limits and timeouts come from the database."""
import os
import re
import subprocess
import sys

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "integration", "switch"))
sys.path.insert(0, os.path.dirname(__file__))
from conftest import wait_until  # noqa: E402
from conntrack_lab import Table  # noqa: E402
from kernel_switch import nic, switch, sysfs, sysfs_in  # noqa: E402,F401

SERVER = """
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", {port}))
s.listen()
print("ready", flush=True)
while True:
    c, who = s.accept()
    c.sendall(who[0].encode() + c.recv(100))
    c.close()
"""

CLIENT = """
import socket
s = socket.create_connection(("{address}", {port}), timeout={timeout})
s.sendall(b" hello")
print(s.recv(100).decode())
"""


class Hosts:
    """Two hosts behind hand-made datapath flows; port i is host i's."""

    def __init__(self, switch):  # noqa: F811
        self.switch = switch
        switch.add_hosts(2, "fail_mode=secure")
        switch.ofctl("add-flow", "br0", "arp,actions=NORMAL")
        show = switch.appctl("dpctl/show")
        self.port = [int(re.search(rf"port (\d+): v{i}\n", show).group(1)) for i in range(2)]
        switch.appctl("dpctl/flush-conntrack")
        self.server = subprocess.Popen(["ip", "netns", "exec", "h1", "python3", "-c", SERVER.format(port=80)],
                                       stdout=subprocess.PIPE, text=True)
        self.server.stdout.readline()

    def flow(self, port, match, actions):
        text = f"in_port({self.port[port]}),eth(),eth_type(0x0800),ipv4(proto=6,frag=no)"
        self.switch.appctl("dpctl/add-flow", (match + "," if "recirc_id" in match else "recirc_id(0),") + text,
                           actions.replace("@0", str(self.port[0])).replace("@1", str(self.port[1])))

    def connect(self, address="10.98.0.2", port=80, timeout=10):
        r = subprocess.run(["ip", "netns", "exec", "h0", "python3", "-c",
                            CLIENT.format(address=address, port=port, timeout=timeout)], capture_output=True, text=True)
        return r.stdout.strip()

    def close(self):
        self.server.kill()
        self.server.wait()


@pytest.fixture
def hosts(switch):  # noqa: F811
    h = Hosts(switch)
    yield h
    h.close()


def test_a_connection_passes_a_stateful_firewall(switch, hosts):  # noqa: F811
    hosts.flow(0, "", "ct(zone=5),recirc(0x101)")
    hosts.flow(1, "", "ct(zone=5),recirc(0x102)")
    hosts.flow(0, "recirc_id(0x101),ct_state(+trk+new)", "ct(commit,zone=5,mark=0x12/0xff,label=0x34/0xff),@1")
    hosts.flow(0, "recirc_id(0x101),ct_state(+trk+est)", "@1")
    hosts.flow(1, "recirc_id(0x102),ct_state(+trk+est+rpl),ct_mark(0x12/0xff)", "@0")
    hosts.flow(1, "recirc_id(0x102),ct_state(+trk+new)", "drop")
    assert hosts.connect() == "10.98.0.1 hello"
    line, = switch.appctl("dpctl/dump-conntrack", "zone=5").splitlines()
    assert re.match(r"tcp,orig=\(src=10.98.0.1,dst=10.98.0.2,sport=\d+,dport=80\),reply=\(.*,sport=80,dport=\d+\),zone=5,mark=18,"
                    r"labels=0x34,protoinfo=\(state=(TIME_WAIT|CLOSING|LAST_ACK)\)", line), line


def test_addresses_are_translated_for_real_sockets(switch, hosts):  # noqa: F811
    hosts.flow(0, "", "ct(commit,zone=5,nat(dst=10.98.0.2:80)),recirc(0x101)")
    hosts.flow(0, "recirc_id(0x101)", "ct(commit,zone=6,nat(src=10.98.0.77)),recirc(0x103)")
    hosts.flow(0, "recirc_id(0x103)", "@1")
    hosts.flow(1, "", "ct(zone=6,nat),recirc(0x102)")
    hosts.flow(1, "recirc_id(0x102)", "ct(zone=5,nat),recirc(0x104)")
    hosts.flow(1, "recirc_id(0x104)", "@0")
    mac, other = (sysfs_in(ns, "/sys/class/net/eth0/address") for ns in ("h0", "h1"))
    subprocess.run(["ip", "-n", "h1", "neigh", "replace", "10.98.0.77", "lladdr", mac, "dev", "eth0"], check=True)
    subprocess.run(["ip", "-n", "h0", "neigh", "replace", "10.98.0.99", "lladdr", other, "dev", "eth0"], check=True)
    assert hosts.connect("10.98.0.99", 8080) == "10.98.0.77 hello"


def test_a_limit_of_the_database_is_kept(switch, hosts):  # noqa: F811
    hosts.flow(0, "", "ct(commit,zone=7),@1")
    hosts.flow(1, "", "@0")
    switch.vsctl("--", "--id=@dp", "create", "Datapath", "datapath_version=0", "--", "set", "Open_vSwitch", ".",
                 "datapaths:system=@dp")
    switch.vsctl("set-zone-limit", "system", "default", "9", "--", "set-zone-limit", "system", "zone=7", "1")
    wait_until("the limit is set", lambda: switch.appctl("dpctl/ct-get-limits") ==
               "default limit=9\nzone=7,limit=1,count=0\n")
    assert hosts.connect() == "10.98.0.1 hello"
    assert hosts.connect(timeout=1) == ""
    switch.vsctl("set-zone-limit", "system", "zone=7", "20")
    wait_until("the limit is changed", lambda: "zone=7,limit=20" in switch.appctl("dpctl/ct-get-limits"))
    assert hosts.connect() == "10.98.0.1 hello"
    switch.vsctl("del-zone-limit", "system", "zone=7", "--", "del-zone-limit", "system", "default")
    wait_until("there is no limit", lambda: switch.appctl("dpctl/ct-get-limits") == "default limit=0\n")


def policies(*numbers):
    return sorted(f"ovs_tp_{n}_{kind}" for n in numbers for kind in ("icmp4", "icmpv6", "tcp4", "tcp6", "udp4", "udp6"))


def numbers_of(table):
    return {int(name.split("_")[2]) for name in table.timeout_policies()}


def test_timeout_policies_of_the_database_are_the_kernel_s(switch, hosts):  # noqa: F811
    table = Table()
    switch.vsctl("--", "--id=@dp", "create", "Datapath", "datapath_version=0", "--", "set", "Open_vSwitch", ".",
                 "datapaths:system=@dp")
    assert table.timeout_policies() == []
    switch.vsctl("add-zone-tp", "system", "zone=5", "tcp_time_wait=777", "udp_single=66")
    wait_until("a policy is there", lambda: len(table.timeout_policies()) == 6)
    first, = numbers_of(table)
    assert table.timeout_policies() == policies(first)
    switch.vsctl("add-zone-tp", "system", "zone=6", "udp_single=66", "tcp_time_wait=777")
    switch.vsctl("add-zone-tp", "system", "zone=7", "udp_single=67")
    wait_until("another is there", lambda: len(table.timeout_policies()) == 12)
    assert first in numbers_of(table)
    hosts.flow(0, "", f"ct(commit,zone=5,timeout=ovs_tp_{first}_tcp4),@1")
    hosts.flow(1, "", "ct(zone=5),@0")
    assert hosts.connect() == "10.98.0.1 hello"
    line, = switch.appctl("dpctl/dump-conntrack", "-s", "zone=5").splitlines()
    assert 700 < int(re.search(r"timeout=(\d+)", line).group(1)) <= 777, line
    switch.vsctl("del-zone-tp", "system", "zone=5")
    switch.vsctl("del-zone-tp", "system", "zone=7")
    wait_until("the unused policy is gone", lambda: table.timeout_policies() == policies(first))


def test_timeout_policies_keep_their_names_in_another_process(switch):  # noqa: F811
    switch.add_hosts(0)
    table = Table()
    switch.vsctl("--", "--id=@dp", "create", "Datapath", "datapath_version=0", "--", "set", "Open_vSwitch", ".",
                 "datapaths:system=@dp")
    switch.vsctl("add-zone-tp", "system", "zone=5", "udp_single=66")
    wait_until("a policy is there", lambda: len(table.timeout_policies()) == 6)
    stays, = numbers_of(table)
    switch.vsctl("add-zone-tp", "system", "zone=6", "udp_single=67")
    wait_until("another is there", lambda: len(table.timeout_policies()) == 12)
    # Nobody takes the second away while the switch is down.
    switch.processes["ovs-vswitchd"].kill()
    switch.processes.pop("ovs-vswitchd").wait()
    switch.vsctl("--no-wait", "del-zone-tp", "system", "zone=6")
    switch.start()
    wait_until("what was left is gone, and the rest has its name", lambda: table.timeout_policies() == policies(stays))
    switch.stop_process("ovs-vswitchd")
    assert table.timeout_policies() == policies(stays)
    switch.start()
    switch.appctl("exit", "--cleanup")
    switch.processes.pop("ovs-vswitchd").wait(20)
    assert table.timeout_policies() == []


def test_what_the_datapath_can_is_in_the_database(switch):  # noqa: F811
    switch.add_hosts(0)
    switch.vsctl("--", "--id=@dp", "create", "Datapath", "datapath_version=0", "--", "set", "Open_vSwitch", ".",
                 "datapaths:system=@dp")
    wait_until("capabilities are told", lambda: "ct_timeout=true" in switch.vsctl("list-dp-cap", "system"))
    caps = dict(c.split("=") for c in switch.vsctl("list-dp-cap", "system").split())
    assert caps["check_pkt_len"] == caps["ct_orig_tuple6"] == caps["add_mpls"] == "true"
    assert caps["max_vlan_headers"] == "2" and caps["tnl_push_pop"] == "false"
    assert "meters" not in caps  # no name that users know


# ---- On the simulated NIC ----

TALKER = """
import socket, sys
s = socket.create_connection(("10.98.0.2", 80), timeout=30)
print(s.recv(100).decode(), flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        s.sendall(b"x" * 100)
        got = 0
        while got < 100:
            got += len(s.recv(100))
    print("done", flush=True)
"""

ECHO = """
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 80))
s.listen()
print("ready", flush=True)
c, who = s.accept()
c.sendall(who[0].encode())
while True:
    data = c.recv(1000)
    if not data:
        break
    c.sendall(data)
"""


def run_in(ns, code):
    return subprocess.Popen(["ip", "netns", "exec", ns, "python3", "-u", "-c", code], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def received(dev):
    return int(sysfs(f"/sys/class/net/{dev}/statistics/rx_packets"))


def put_nat_flows(nic):
    show = nic.appctl("dpctl/show")
    port = [re.search(rf"port (\d+): sn0r{i}\n", show).group(1) for i in range(2)]

    def flow(i, before, actions):
        nic.appctl("dpctl/add-flow", f"{before},in_port({port[i]}),eth(),eth_type(0x0800),ipv4(proto=6,frag=no)", actions)

    flow(0, "recirc_id(0),ct_state(-trk)", "ct(zone=5,nat),recirc(0x101)")
    flow(1, "recirc_id(0),ct_state(-trk)", "ct(zone=5,nat),recirc(0x102)")
    flow(0, "recirc_id(0x101),ct_state(+trk+new)", f"ct(commit,zone=5,nat(src=10.98.0.77)),{port[1]}")
    flow(0, "recirc_id(0x101),ct_state(+trk+est)", port[1])
    flow(1, "recirc_id(0x102),ct_state(+trk+est)", port[0])


@pytest.mark.parametrize("offload", ["true", "false"])
def test_a_translated_connection_is_the_same_in_hardware_and_in_the_kernel(nic, offload):  # noqa: F811
    nic.vsctl("set", "Open_vSwitch", ".", f"other_config:hw-offload={offload}")
    nic.add_nic(2)
    mac = subprocess.run(["ip", "netns", "exec", "h0", "cat", "/sys/class/net/sn0v0/address"], capture_output=True, text=True,
                         check=True).stdout.strip()
    subprocess.run(["ip", "-n", "h1", "neigh", "replace", "10.98.0.77", "lladdr", mac, "dev", "sn0v1"], check=True)
    nic.appctl("dpctl/flush-conntrack")
    put_nat_flows(nic)
    if offload == "true":
        wait_until("all flows are in hardware",
                   lambda: sum("ct(" in f or "recirc_id(0x10" in f for f in nic.flows("type=offloaded")) == 5)
    server = run_in("h1", ECHO)
    assert server.stdout.readline() == "ready\n"
    client = run_in("h0", TALKER)
    try:
        assert client.stdout.readline() == "10.98.0.77\n"
        client.stdin.write("20\n")
        client.stdin.flush()
        assert client.stdout.readline() == "done\n"
        line, = nic.appctl("dpctl/dump-conntrack", "-m", "zone=5").splitlines()
        assert "reply=(src=10.98.0.2,dst=10.98.0.77,sport=80," in line and "SRC_NAT" in line, line
        assert ("OFFLOAD" in line) == (offload == "true"), line
        before = received("sn0r0") + received("sn0r1")
        client.stdin.write("100\n")
        client.stdin.flush()
        assert client.stdout.readline() == "done\n"
        seen = received("sn0r0") + received("sn0r1") - before
        # In hardware nothing comes up; in software all does.
        assert seen <= 4 if offload == "true" else seen >= 200, seen
    finally:
        for p in (client, server):
            p.kill()
            p.wait()
