# SPDX-License-Identifier: Apache-2.0
"""Control commands of ovs-vswitchd that act on the kernel's datapath, in a lab guest."""
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from kernel_switch import KernelSwitch, wait_until  # noqa: E402


@pytest.fixture
def switch(tmp_path):
    s = KernelSwitch(tmp_path, "00007")
    try:
        s.start()
        s.add_hosts(2)
        yield s
    finally:
        s.close()


def test_dispatch_mode_is_told(switch):
    assert switch.appctl("dpif-netlink/dispatch-mode") == "ovs-system: per-cpu dispatch mode\n"


def test_flows_are_exact_while_megaflows_are_disabled(switch):
    assert switch.ping(0, 1)
    wild = switch.appctl("dpif/dump-flows", "-m", "br0")
    assert "ipv4(src=0.0.0.0/0.0.0.0" in wild or "/0.0.0.0" in wild, wild
    switch.appctl("upcall/disable-megaflows")
    assert switch.ping(0, 1)
    exact = [line for line in switch.appctl("dpif/dump-flows", "br0").splitlines() if "eth_type(0x0800)" in line]
    assert exact and all("ipv4(src=10.98.0." in line and "ttl=64" in line and "icmp(type=" in line and "skb_priority(0)" in line
                         for line in exact), exact
    # The kernel has them like this.
    dump = [line for line in switch.run("ovs-dpctl", "dump-flows").splitlines() if "eth_type(0x0800)" in line]
    assert len(dump) == len(exact) and all("ttl=64" in line for line in dump), dump
    switch.appctl("upcall/enable-megaflows")
    assert switch.ping(0, 1)
    assert "ttl=64" not in switch.appctl("dpif/dump-flows", "br0")


def n_packets(switch):
    return [int(n) for n in re.findall(r"eth_type\(0x0800\).*packets:(\d+)", switch.appctl("dpif/dump-flows", "br0"))]


@pytest.mark.parametrize("how", ["disable-ufid", "enable-ufid"])
def test_flows_are_counted_by_whole_dumps_and_by_terse_ones(switch, how):
    switch.appctl(f"upcall/{how}")
    assert switch.ping(0, 1, count=10)
    wait_until("the flows have counted", lambda: sorted(n_packets(switch)) in ([9, 9], [10, 10]))
    assert "deleted" not in switch.log()
