# SPDX-License-Identifier: Apache-2.0
"""Meters of OpenFlow in the kernel's datapath, in a lab guest: hw-tests/lab/run runs this with pytest. Rates are so low that no
machine is too slow for them: a test counts what came through of packets that were sent at once."""
import re
import subprocess
import time

import pytest

from kernel_switch import control, ip, switch, sysfs, sysfs_in, wait_until  # noqa: F401

ONE_A_SECOND = "pktps,burst,stats,bands=type=drop,rate=1,burst_size=10"
FLOW = "icmp,in_port=1,actions=meter:1,2"


def of13(switch, *args, **kwargs):
    return switch.ofctl("-O", "OpenFlow13", *args, **kwargs)


@pytest.fixture
def hosts(switch):
    """Two hosts that know each other, so that nothing but what a test sends is metered. Answers pass."""
    switch.add_hosts(2, "fail_mode=secure", "protocols=[OpenFlow10,OpenFlow13,OpenFlow15]")
    switch.know_each_other(("h0", "eth0", "10.98.0.1"), ("h1", "eth0", "10.98.0.2"))
    switch.ofctl("add-flow", "br0", "icmp,in_port=2,actions=1")
    return switch


def send(n):
    """Sends n pings at once; how many were answered, and for how many seconds packets may have been let through."""
    start = time.monotonic()
    r = subprocess.run(["ip", "netns", "exec", "h0", "ping", "-c", str(n), "-i", "0.002", "-W", "1", "10.98.0.2"],
                       capture_output=True, text=True)
    return int(re.search(r"(\d+) received", r.stdout).group(1)), time.monotonic() - start


def stats(switch, meter=1):
    text = of13(switch, "meter-stats", "br0", f"meter={meter}")
    m = re.search(r"flow_count:(\d+) packet_in_count:(\d+) byte_in_count:(\d+) .*bands:\n0: packet_count:(\d+)", text)
    return tuple(int(g) for g in m.groups())


def test_packets_over_the_rate_are_dropped_and_counted(hosts):
    of13(hosts, "add-meter", "br0", "meter=1," + ONE_A_SECOND)
    of13(hosts, "add-flow", "br0", FLOW)
    passed, seconds = send(100)
    # What is in the bucket, which holds a second's worth more than the burst, and what trickles in meanwhile.
    assert 1 <= passed <= 11 + seconds + 1, passed
    flows, packets, octets, dropped = stats(hosts)
    assert flows == 1
    assert packets == 100
    assert octets == 100 * 98
    assert dropped == 100 - passed


def test_a_changed_meter_lets_all_through(hosts):
    of13(hosts, "add-meter", "br0", "meter=1," + ONE_A_SECOND)
    of13(hosts, "add-flow", "br0", FLOW)
    assert send(100)[0] < 100
    of13(hosts, "mod-meter", "br0", "meter=1,pktps,burst,stats,bands=type=drop,rate=100000,burst_size=100000")
    sent = 0

    def one_passes():
        nonlocal sent
        sent += 1
        return send(1)[0] == 1

    wait_until("the new bucket has filled", one_passes)
    assert send(50)[0] == 50
    # The kernel begins to count again.
    assert stats(hosts)[1] == 50 + sent and stats(hosts)[3] == sent - 1


def test_flows_go_with_their_meter(hosts):
    of13(hosts, "add-meter", "br0", "meter=1," + ONE_A_SECOND)
    of13(hosts, "add-meter", "br0", "meter=2,kbps,bands=type=drop,rate=1000")
    of13(hosts, "add-flow", "br0", FLOW)
    of13(hosts, "add-flow", "br0", "icmp,in_port=1,icmp_type=3,actions=meter:2,2")
    assert "meter=1 pktps burst stats bands=\ntype=drop rate=1 burst_size=10\n" in of13(hosts, "dump-meters", "br0")
    of13(hosts, "del-meter", "br0", "meter=1")
    flows = of13(hosts, "dump-flows", "br0")
    assert "meter:1" not in flows and "meter:2" in flows, flows
    assert "meter=1 " not in of13(hosts, "dump-meters", "br0")
    assert send(3)[0] == 0


def test_a_flow_with_an_unknown_meter_is_refused(hosts):
    r = of13(hosts, "add-flow", "br0", "icmp,in_port=1,actions=meter:7,2", check=False)
    assert r.returncode == 1 and "OFPMMFC_INVALID_METER" in r.stderr, r.stderr
    r = of13(hosts, "mod-meter", "br0", "meter=7," + ONE_A_SECOND, check=False)
    assert r.returncode == 1 and "OFPMMFC_UNKNOWN_METER" in r.stderr, r.stderr


def test_a_band_that_the_kernel_does_not_have_is_refused(hosts):
    r = of13(hosts, "add-meter", "br0", "meter=7,kbps,bands=type=dscp_remark,rate=1,prec_level=1", check=False)
    assert r.returncode == 1 and "OFPMMFC_BAD_BAND" in r.stderr, r.stderr
    assert "band_types: drop\n" in of13(hosts, "meter-features", "br0")
