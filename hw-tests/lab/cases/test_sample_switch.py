# SPDX-License-Identifier: Apache-2.0
"""Packets that traffic control, or the simulated NIC, samples for userspace actions, on their way through the whole switch to a
controller; in a lab guest. Flows are put in by hand (dpctl/add-flow)."""
import math
import re
import subprocess

import pytest

from kernel_switch import control, ip, nic, switch, sysfs_in, tc_filters, wait_until  # noqa: F401

N = 1000
# Sends so many frames of IP to an address (hexadecimal) that no host has.
SEND = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for _ in range(int(sys.argv[3])):
    s.send(bytes.fromhex(sys.argv[2]))
"""


class Place:
    """Where a flow runs: the switch, the ports' names there, and host 0's and host 1's devices."""

    def __init__(self, s, inp, out, devices, kind):
        self.s, self.inp, self.out, self.devices, self.kind = s, inp, out, devices, kind

    def match(self, host=77):
        return f"recirc_id(0),in_port({self.inp}),eth(),eth_type(0x0800),ipv4(dst=10.98.0.{host},frag=no)"

    def add(self, percent, max_len=65535, host=77, cookie="0x55"):
        sample = (f"sample(sample={percent}%,actions(userspace(pid=0,controller(reason=1,dont_send=0,continuation=0,recirc_id=0,"
                  f"rule_cookie={cookie},controller_id=0,max_len={max_len}))))")
        self.s.appctl("dpctl/add-flow", self.match(host), f"{sample},{self.out}")
        wait_until("the flow is placed", lambda: self.placed(host))

    def line(self, *types, host=77):
        return [f for f in self.s.flows(*types) if "sample(" in f and f"dst=10.98.0.{host}," in f]

    def placed(self, host=77):
        return len(self.line(f"type={self.kind}", host=host)) == 1

    def received(self):
        return int(sysfs_in("h1", f"/sys/class/net/{self.devices[1]}/statistics/rx_packets"))

    def send(self, n, host=77):
        head = bytes.fromhex("020000000002" "020000000001" "0800" "45000056000000004011" "0000") + bytes([10, 98, 0, 1, 10, 98, 0, host])
        frame = (head + b"x" * (100 - len(head))).hex()
        before = self.received()
        subprocess.run(["ip", "netns", "exec", "h0", "/usr/bin/python3", "-c", SEND, self.devices[0], frame, str(n)], check=True)
        wait_until("all have come through", lambda: self.received() >= before + n)

    def counter(self, name):
        return int(self.s.appctl("coverage/read-counter", name))

    def rule(self):
        """Its handle, and the cookie that its process gave it."""
        f, = [f for f in tc_filters("dev", self.inp) if "sample" in str(f["options"].get("actions"))]
        return f["options"]["handle"], f["options"]["actions"][0]["cookie"]


@pytest.fixture(params=["tc", "nic"])
def place(request):
    with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w", encoding="ascii") as f:
        f.write("1")
    if request.param == "tc":
        s = request.getfixturevalue("switch")
        s.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
        s.add_hosts(2, "fail_mode=secure")
        p = Place(s, "v0", "v1", ("eth0", "eth0"), "tc")
    else:
        s = request.getfixturevalue("nic")
        s.add_nic(2, rules=False)
        p = Place(s, "sn0r0", "sn0r1", ("sn0v0", "sn0v1"), "offloaded")
    s.ofctl("add-flow", "br0", "ip,in_port=1,nw_dst=10.98.0.77,actions=2")
    return p


@pytest.fixture
def told(place):
    """What a controller has been told of packets that were sampled with a cookie. With all=True, when all that was sampled before has
    been told: of a flow of its own, one packet more is."""
    out = f"{place.s.dir}/monitor"
    # Of a burst no more may wait for the controller.
    place.s.vsctl("set", "bridge", "br0", f"other_config:controller-queue-size={N // 2}")
    with open(out, "w", encoding="ascii") as f:
        place.s.processes["monitor"] = subprocess.Popen([place.s.program("ovs-ofctl"), "monitor", "br0", "65534"], env=place.s.env,
                                                        stdout=f, stderr=subprocess.STDOUT)

    def read():
        with open(out, encoding="ascii") as f:
            return [text for text in f.read().split("NXT_PACKET_IN2")[1:] if "total_len=" in text]
    def with_cookie(cookie="0x55", all=False):
        if all:
            n = len(with_cookie("0x56"))
            place.send(1, 79)
            wait_until("the last is told", lambda: len(with_cookie("0x56")) > n)
        return [text for text in read() if f"cookie={cookie} " in text]

    def heard():
        place.send(1, 78)
        return with_cookie("0x54")
    # One that is not there yet hears nothing.
    place.add(100, host=78, cookie="0x54")
    wait_until("the controller is there", heard)
    place.add(100, host=79, cookie="0x56")
    return with_cookie


def bounds(n, p, error=1e-12):
    """How many of n packets are taken with probability p, but for so small an error on either side."""
    def chance(k):
        return math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log(1 - p))
    low, below = 0, chance(0)
    while below < error:
        low += 1
        below += chance(low)
    high, above = n, chance(n)
    while above < error:
        high -= 1
        above += chance(high)
    return low, high


def test_all_packets_sampled_at_1_in_1_reach_the_controller_and_go_on(place, told):
    place.add(100)
    for n in (N // 2, N):
        place.send(N // 2)
        wait_until("all are told", lambda n=n: len(told()) >= n)
    assert len(told(all=True)) == N
    assert place.counter("drop_sample") == place.counter("drop_userspace_kind") == place.counter("offload_sample_lost") == 0


def test_a_tenth_of_the_packets_reaches_the_controller_at_1_in_10(place, told):
    place.add(10)
    place.send(N)
    low, high = bounds(N, 0.1)
    assert low <= len(told(all=True)) <= high, (low, len(told()), high)
    assert place.counter("drop_sample") == place.counter("offload_sample_lost") == 0


def test_the_controller_is_told_of_port_bytes_and_cookie(place, told):
    place.add(100, 60)
    place.send(1)
    wait_until("it is told", told)
    text, = told()
    assert "cookie=0x55 total_len=100 in_port=1 (via action) data_len=60 (unbuffered)" in text, text
    assert "dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02" in text, text


def test_what_a_rewriting_changed_before_is_told_as_changed(place, told):
    place.s.appctl("dpctl/add-flow", place.match(),
                   "set(eth(src=02:00:00:00:00:99)),sample(sample=100%,actions(userspace(pid=0,controller(reason=1,rule_cookie=0x55)))),"
                   + place.out)
    wait_until("the flow is placed", place.placed)
    place.send(1)
    wait_until("it is told", told)
    assert "dl_src=02:00:00:00:00:99" in told()[0], told()


# Leaves its checksum to the device, as hosts do.
DATAGRAM = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"datagram", ("10.98.0.77", 7777))
"""


def test_a_checksum_that_a_host_left_to_its_device_is_told_filled_in(place, told):
    ip("-n", "h0", "neigh", "replace", "10.98.0.77", "lladdr", "02:00:00:00:00:02", "dev", place.devices[0], "nud", "permanent")
    place.add(100)
    subprocess.run(["ip", "netns", "exec", "h0", "/usr/bin/python3", "-c", DATAGRAM], check=True)
    wait_until("it is told", told)
    m = re.search(r"nw_src=10.98.0.1,nw_dst=10.98.0.77,.*tp_src=(\d+),tp_dst=7777 udp_csum:([0-9a-f]+)", told()[0])
    assert m, told()
    words = [10 << 8 | 98, 1, 10 << 8 | 98, 77, 17, 16, int(m.group(1)), 7777, 16, *(int.from_bytes(b"datagram"[i:i + 2], "big")
                                                                                    for i in range(0, 8, 2))]
    # Modulo 65535, as the sum of the Internet is.
    assert (sum(words) + int(m.group(2), 16)) % 65535 == 0, told()


def test_a_sampled_packet_is_counted_once(place):
    place.add(100)
    place.send(N)
    wait_until("all are sampled", lambda: place.counter("offload_sampled") == N)
    wait_until("all are counted", lambda: f"packets:{N}, bytes:{N * 100}," in place.line()[0])
    # Neither more often later.
    place.send(1)
    wait_until("so is the last", lambda: f"packets:{N + 1}, bytes:{(N + 1) * 100}," in place.line()[0])


def test_a_restart_adopts_the_rule_and_its_samples_are_heard(place):
    place.add(100)
    before = place.rule()
    place.s.processes["ovs-vswitchd"].kill()
    place.s.processes.pop("ovs-vswitchd").wait(20)
    place.s.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:flow-restore-wait=true")
    place.s.start()
    wait_until("the bridge listens", lambda: place.s.ofctl("show", "br0", check=False).returncode == 0)
    place.s.ofctl("add-flow", "br0", "ip,in_port=1,nw_dst=10.98.0.77,actions=2")
    place.add(100)
    place.s.vsctl("remove", "Open_vSwitch", ".", "other_config", "flow-restore-wait")
    wait_until("what nobody wanted is out", lambda: "made of them" in place.s.log())
    assert place.rule() == before
    place.send(10)
    wait_until("all are sampled", lambda: place.counter("offload_sampled") == 10)


@pytest.mark.parametrize("key,value", [("rate", 7), ("group", 5)])
def test_a_sample_that_somebody_altered_is_found_and_set_right(place, key, value):
    place.add(100)
    f, = [f for f in tc_filters("dev", place.inp) if "sample" in str(f)]
    sample = f["options"]["actions"][0]
    words = {"rate": re.sub(r".*/", "", str(sample["rate"])), "group": sample["group"], key: value}
    skip = [w for w in ("skip_sw", "skip_hw") if f["options"].get(w)]
    subprocess.run(["tc", "filter", "replace", "dev", place.inp, "ingress", "protocol", "ip", "prio", str(f["pref"]), "handle",
                    hex(f["options"]["handle"]), "flower", *skip, "dst_ip", "10.98.0.77", "ip_flags", "nofrag", "action", "sample", "rate",
                    str(words["rate"]), "group", str(words["group"]), "cookie", sample["cookie"], "action", "mirred", "egress",
                    "redirect", "dev", place.out], check=True)
    place.s.appctl("offload/audit")
    wait_until("it is found", lambda: "0 rules were missing, 1 altered, 0 nobody's: set right" in place.s.log())
    wait_until("it is right again", lambda: [a["group"] for f in tc_filters("dev", place.inp) for a in f["options"]["actions"]
                                             if a["kind"] == "sample"] == [sample["group"]])
    place.send(10)
    wait_until("all are sampled", lambda: place.counter("offload_sampled") == 10)


def test_a_kernel_that_samples_says_so(place):
    assert all(d["capabilities"]["sample"] == "true" for d in place.s.offload_json()["devices"])


@pytest.mark.parametrize("place", ["nic"], indirect=True)
def test_what_a_nic_cannot_sample_the_kernel_does(place):
    control("refuse", "action:sample")
    place.kind = "tc"
    place.add(100)
    assert "tc-software" in (text := place.s.appctl("offload/why")) and "sample is refused" in text, text
    place.send(10)
    wait_until("all are sampled", lambda: place.counter("offload_sampled") == 10)


@pytest.mark.parametrize("place", ["nic"], indirect=True)
def test_a_policy_that_changes_takes_the_samples_along(place):
    place.add(100)
    place.s.vsctl("set", "Open_vSwitch", ".", "other_config:tc-policy=skip_hw")
    place.kind = "tc"
    wait_until("the kernel has the rule", place.placed)
    place.send(10)
    wait_until("all are sampled", lambda: place.counter("offload_sampled") == 10)


@pytest.mark.parametrize("place", ["tc"], indirect=True)
def test_a_flow_at_no_rate_stays_in_software_and_says_why(place):
    place.s.appctl("dpctl/add-flow", place.match(),
                   f"sample(sample=40%,actions(userspace(pid=0,controller(reason=1,max_len=65535)))),{place.out}")
    wait_until("it is refused", lambda: "sample at no rate of 1 in N" in place.s.appctl("offload/why"))
    assert place.line("type=ovs") and not place.line("type=tc")
    place.send(10)
    assert place.counter("offload_sampled") == 0
