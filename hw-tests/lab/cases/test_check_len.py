# SPDX-License-Identifier: Apache-2.0
"""check_pkt_larger in the kernel's datapath, in traffic control and in the simulated NIC: each takes the same packets for longer.
The whole switch in a lab guest."""
import subprocess

import pytest

from kernel_switch import control, nic, slow_path, sysfs_in, wait_until  # noqa: F401

LIMIT = 300
TAGS = {"untagged": b"", "tagged": b"\x81\x00\x00\x05", "tagged twice": b"\x88\xa8\x00\x06\x81\x00\x00\x05"}

# Sends frames of a type of its own, as hexadecimal numbers on its command line.
SEND = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for frame in sys.argv[2:]:
    s.send(bytes.fromhex(frame))
"""


def address(ns, dev):
    return sysfs_in(ns, f"/sys/class/net/{dev}/address")


def frame(tag, size):
    dst, src = (bytes.fromhex(address(*at).replace(":", "")) for at in (("h1", "sn0v1"), ("h0", "sn0v0")))
    head = dst + src + tag + b"\x88\xb6"
    return (head + b"x" * (size - len(head))).hex()


def received(ns, dev):
    return int(sysfs_in(ns, f"/sys/class/net/{dev}/statistics/rx_packets"))


def arrivals():
    return received("h1", "sn0v1"), received("h2", "sn0v2")


def send(*frames):
    subprocess.run(["ip", "netns", "exec", "h0", "/usr/bin/python3", "-c", SEND, "sn0v0", *frames], check=True)


def start(nic, policy, limit=LIMIT):
    # What the representors would say by themselves.
    with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w", encoding="ascii") as f:
        f.write("1")
    # However busy the machine is, flows are there until the end.
    nic.vsctl("set", "Open_vSwitch", ".", "other_config:max-idle=600000")
    if policy == "off":
        nic.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=false")
    else:
        nic.vsctl("set", "Open_vSwitch", ".", f"other_config:tc-policy={policy}", "other_config:vlan-limit=0")
    nic.add_nic(3, rules=False)
    # What hosts say by themselves is for others.
    match = f"in_port=1,dl_dst={address('h1', 'sn0v1')}"
    nic.ofctl("add-flow", "br0", f"{match},actions=check_pkt_larger({limit})->NXM_NX_REG0[0],resubmit(,1)")
    nic.ofctl("add-flow", "br0", "table=1,reg0=0/1,actions=2")
    nic.ofctl("add-flow", "br0", "table=1,reg0=1/1,actions=3")


def placed(nic, policy):
    """How many flows that look at lengths are where the policy wants them."""
    return sum("check_pkt_len" in f for f in nic.flows("type=tc" if policy == "skip_hw" else "type=offloaded"))


@pytest.mark.parametrize("policy", ["off", "none", "skip_sw", "skip_hw"])
def test_all_places_measure_alike(nic, policy):
    start(nic, policy)
    for n, (name, tag) in enumerate(TAGS.items(), 1):
        outer = 4 if tag else 0
        send(frame(tag, 100))
        if policy != "off":
            wait_until("the flow is placed", lambda: placed(nic, policy) >= n)  # noqa: B023
        before, slow = arrivals(), slow_path()
        send(*[frame(tag, LIMIT + outer + d) for d in (-1, 0, 1) for _ in range(5)])
        wait_until(f"{name}: all have come", lambda: sum(arrivals()) >= sum(before) + 15)  # noqa: B023
        after = arrivals()
        assert (after[0] - before[0], after[1] - before[1]) == (10, 5), name
        # Hosts say something by themselves now and then.
        assert (slow_path() - slow < 15) == (policy in ("none", "skip_sw")), name


def test_segments_are_measured_one_by_one(nic):
    """A packet that is still to be cut is as long as its pieces."""
    start(nic, "skip_hw", 1514)
    nic.ofctl("add-flow", "br0", f"in_port=2,dl_dst={address('h0', 'sn0v0')},actions=1")
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"))
    server = subprocess.Popen(["ip", "netns", "exec", "h1", "/usr/bin/python3", "-c", "import socket\n"
                               "s = socket.create_server(('10.98.0.2', 7)); print('ready', flush=True); c = s.accept()[0]\n"
                               "n = 0\nwhile b := c.recv(65536):\n    n += len(b)\nprint(n)"],
                              stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline().strip() == "ready"
    subprocess.run(["ip", "netns", "exec", "h0", "/usr/bin/python3", "-c", "import socket\n"
                    "s = socket.create_connection(('10.98.0.2', 7), 20)\ns.sendall(bytes(500000))"], check=True, timeout=60)
    assert server.communicate(timeout=60)[0].strip() == "500000"
    assert received("h2", "sn0v2") == 0


def test_a_nic_that_cannot_says_so(nic):
    control("profile", "cx6dx")
    start(nic, "none")
    send(frame(b"", 100))
    wait_until("the driver's words are there", lambda: "simnic: police by length is not supported" in nic.appctl("offload/why"))
    before = arrivals()
    send(frame(b"", LIMIT), frame(b"", LIMIT + 1))
    wait_until("the kernel does it", lambda: arrivals() == (before[0] + 1, before[1] + 1))
