# SPDX-License-Identifier: Apache-2.0
"""A NIC that misbehaves under the whole switch, in a lab guest: traffic passes during each fault or, where the fault itself stops
it, after it, and flows are in hardware again without a person."""
import os
import re
import subprocess

import pytest

from kernel_switch import control, ip, nic, slow_path, wait_until  # noqa: F401


def in_hardware(nic, n=2):
    return lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= n


def start_traffic(nic):
    nic.add_nic(2)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"))
    assert nic.send("h0", 2, 3)
    wait_until("both directions are in hardware", in_hardware(nic))


def hardware_alone(nic):
    """Twenty packets, none of which software sees."""
    before = slow_path()
    return nic.send("h0", 2, 20) and slow_path() == before


def counted(nic, dst):
    text = nic.ofctl("dump-flows", "br0", f"ip,nw_dst=10.98.0.{dst}")
    return int(re.search(r"n_packets=(\d+)", text).group(1))


def test_rules_that_a_driver_refuses_for_a_moment_go_in_later(nic):
    control("fail-next", 4, "EIO")
    nic.add_nic(2)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"))
    assert nic.send("h0", 2, 20)
    # What was refused by accident is asked again when its flow is made again.
    nic.appctl("revalidator/purge")
    wait_until("hardware has them", lambda: hardware_alone(nic))


def test_slow_insertions_hold_up_nothing(nic):
    control("insert-us", 200000)
    nic.add_nic(3)
    for src, dst in (("h0", 2), ("h1", 3), ("h2", 1), ("wire", 1)):
        assert nic.send(src, dst, 10), (src, dst)
    control("insert-us", 0)
    wait_until("flows are in hardware", in_hardware(nic, 4))


def test_rules_that_are_taken_and_never_hit_lose_nothing(nic):
    control("ignore", 1)
    nic.add_nic(2)
    for _ in range(5):
        assert nic.send("h0", 2, 20)
    control("ignore", 0)
    # Software sees the packets of flows that hardware should have: their rules are put in again.
    wait_until("hardware has them", lambda: hardware_alone(nic), 60)


def test_counters_that_lag_and_wrap_never_go_back(nic):
    start_traffic(nic)
    control("counter-bits", 6)
    control("stats-lag-ms", 300)
    seen = counted(nic, 2)
    for _ in range(6):
        assert nic.send("h0", 2, 40)
        now = counted(nic, 2)
        assert seen <= now <= 3 + 6 * 40 + 10, (seen, now)
        seen = now
    control("counter-bits", 0)
    control("stats-lag-ms", 0)
    wait_until("counts grow again", lambda: nic.send("h0", 2, 5) and counted(nic, 2) > seen)


def test_rules_that_the_nic_has_lost_are_put_in_again(nic):
    start_traffic(nic)
    # Hosts say something by themselves now and then.
    wait_until("hardware has them", lambda: hardware_alone(nic))
    control("lose", "all")
    assert nic.send("h0", 2, 20)
    wait_until("hardware has them again", lambda: hardware_alone(nic), 60)


def test_a_reset_is_recovered_from(nic):
    start_traffic(nic)
    control("reset", 1)
    assert not nic.send("h0", 2, 2)
    control("reset", 0)
    wait_until("traffic passes", lambda: nic.send("h0", 2, 2))
    wait_until("hardware has the flows again", lambda: hardware_alone(nic), 60)


def test_a_representor_that_vanishes_and_comes_back_has_its_flows_again(nic):
    start_traffic(nic)
    control("remove-representor", 1)
    wait_until("the interface has an error", lambda: "sn0r1" in nic.vsctl("--columns=error", "list", "interface", "sn0r1"))
    # Others go on.
    assert nic.send("h0", 9, 5)
    control("add-representor", 1)
    ip("link", "set", "sn0r1", "up")
    wait_until("traffic passes", lambda: nic.send("h0", 2, 2))
    wait_until("hardware has the flows again", lambda: hardware_alone(nic), 60)


def add_many_flows(nic):
    """Each port is a flow of its own."""
    path = os.path.join(nic.dir, "flows.txt")
    with open(path, "w", encoding="ascii") as f:
        f.write("".join(f"udp,in_port=1,udp_dst={p},actions=2\n" for p in range(1000, 2000)))
    nic.ofctl("add-flows", "br0", path)


def udp_flows(nic, *which):
    return [f for f in nic.flows(*which) if "udp(" in f]


@pytest.mark.parametrize("policy", ["none", "skip_sw"])
def test_more_flows_than_the_nic_has_room_for_are_all_delivered(nic, policy):
    nic.vsctl("set", "Open_vSwitch", ".", f"other_config:tc-policy={policy}")
    control("capacity", 300)
    nic.add_nic(2, rules=False)
    nic.ofctl("add-flow", "br0", "priority=50,arp,actions=FLOOD")
    add_many_flows(nic)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"))
    receiver = subprocess.Popen(["ip", "netns", "exec", "h1", "/usr/bin/python3", "-c", RECEIVE], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline().strip() == "ready"
    for _ in range(2):
        subprocess.run(["ip", "netns", "exec", "h0", "/usr/bin/python3", "-c", SEND], check=True)
    out = receiver.communicate(timeout=60)[0]
    assert out.strip() == "2000", out
    why = nic.appctl("offload/why")
    assert ("table-full" if policy == "skip_sw" else "the rule table is full") in why, why[:1500]
    assert len(nic.flows("type=offloaded")) <= 300


def port_of(flow):
    return int(re.search(r"udp\(.*?dst=(\d+)\)", flow).group(1))


@pytest.mark.parametrize("policy", ["none", "skip_sw"])
def test_flows_that_found_no_room_get_it_when_others_leave(nic, policy):
    nic.vsctl("set", "Open_vSwitch", ".", f"other_config:tc-policy={policy}", "other_config:max-idle=600000")
    control("capacity", 300)
    nic.add_nic(2, rules=False)
    add_many_flows(nic)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"))
    subprocess.run(["ip", "netns", "exec", "h0", "/usr/bin/python3", "-c", SEND], check=True)
    wait_until("all have flows", lambda: len(udp_flows(nic)) == 1000)
    wait_until("the NIC is full", lambda: len(udp_flows(nic, "type=offloaded")) >= 290)
    # Most of those that leave are in the NIC, most of those that stay are not.
    inside = sorted(port_of(f) for f in udp_flows(nic, "type=offloaded"))
    stay = set(sorted(set(range(1000, 2000)) - set(inside))[:190] + inside[:10])
    path = os.path.join(nic.dir, "leave.txt")
    with open(path, "w", encoding="ascii") as f:
        f.write("".join(line.partition(",")[0] + "\n" for line in udp_flows(nic) if port_of(line) not in stay))
    assert nic.appctl("dpctl/del-flows", path).strip() == ""
    wait_until("they have left", lambda: len(udp_flows(nic)) == 200)
    rounds = 0
    while len(udp_flows(nic, "type=offloaded")) < 200:
        nic.appctl("revalidator/wait")
        rounds += 1
        assert rounds <= 10, len(udp_flows(nic, "type=offloaded"))
    before = slow_path()
    subprocess.run(["ip", "netns", "exec", "h0", "/usr/bin/python3", "-c", SEND.replace("range(1000, 2000)", str(sorted(stay)))], check=True)
    assert slow_path() - before < 10


SEND = """
import socket
for port in range(1000, 2000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("10.98.0.2", port))
"""

# Counts frames; ports need nobody who listens.
RECEIVE = """
import socket, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
s.bind(("sn0v1", 0))
s.settimeout(15)
print("ready", flush=True)
n = 0
while n < 2000:
    try:
        frame = s.recv(2048)
    except TimeoutError:
        break
    n += frame[23] == 17 and 1000 <= int.from_bytes(frame[36:38], "big") < 2000
print(n)
"""
