# SPDX-License-Identifier: Apache-2.0
"""The whole switch on the kernel's datapath, in a lab guest: hw-tests/lab/run runs this with pytest. Hosts are namespaces behind
veth pairs; what Debian's own programs say of our state is compared where they are unpacked (OES_PEER_DIR)."""
import json
import os
import re
import subprocess
import sys

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "integration", "switch"))
from conftest import Switch, wait_until  # noqa: E402


def ip(*args):
    subprocess.run(["ip", *args], check=True)


class KernelSwitch(Switch):
    """Bridge br0 with datapath_type=system; host i is a namespace with 10.98.0.<i+1> behind port v<i> (OpenFlow port i+1)."""

    def add_hosts(self, n, *bridge):
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", *bridge)
        for i in range(n):
            ns = f"h{i}"
            ip("netns", "add", ns)
            self.namespaces.append(ns)
            ip("link", "add", f"v{i}", "type", "veth", "peer", "name", "eth0", "netns", ns)
            ip("-n", ns, "link", "set", "lo", "up")
            ip("-n", ns, "link", "set", "eth0", "up")
            ip("-n", ns, "addr", "add", f"10.98.0.{i + 1}/24", "dev", "eth0")
            ip("link", "set", f"v{i}", "up")
            self.vsctl("add-port", "br0", f"v{i}", "--", "set", "interface", f"v{i}", f"ofport_request={i + 1}")

    def ping(self, src, dst, count=3):
        r = subprocess.run(["ip", "netns", "exec", f"h{src}", "ping", "-c", str(count), "-i", "0.05", "-W", "2",
                            f"10.98.0.{dst + 1}"], capture_output=True, text=True)
        return f" {count} received" in r.stdout

    def peer(self, name, *args):
        path = os.path.join(os.environ.get("OES_PEER_DIR", "/nonexistent"), "usr", "bin", name)
        if not os.path.exists(path):
            pytest.skip(f"{name} of Debian is not unpacked (OES_PEER_DIR)")
        return subprocess.run([path, *args], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def switch(tmp_path):
    s = KernelSwitch(tmp_path, "00001")
    try:
        s.start()
        yield s
    finally:
        s.close()
        for i in range(8):
            subprocess.run(["ip", "link", "del", f"v{i}"], check=False, capture_output=True)


def tc_filters(dev):
    text = subprocess.run(["tc", "-s", "-j", "filter", "show", "dev", dev, "ingress"], capture_output=True, text=True,
                          check=True).stdout
    return [f for f in json.loads(text or "[]") if "options" in f and "handle" in f["options"]]


def test_a_learning_bridge_forwards_in_the_kernel(switch):
    switch.add_hosts(2)
    assert switch.ping(0, 1, count=5)
    show = switch.appctl("dpctl/show")
    assert show.startswith("system@ovs-system:"), show
    flows = switch.flows()
    assert any("dp:ovs" in f and "eth_type(0x0800)" in f for f in flows), flows
    # The kernel has them: later packets do not come up.
    missed = int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1))
    assert switch.ping(0, 1, count=20)
    assert int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1)) - missed <= 4


def test_packets_are_counted_once_in_openflow(switch):
    switch.add_hosts(2, "fail_mode=secure")
    switch.ofctl("add-flow", "br0", "arp,actions=NORMAL")
    switch.ofctl("add-flow", "br0", "icmp,in_port=1,actions=2")
    switch.ofctl("add-flow", "br0", "icmp,in_port=2,actions=1")
    assert switch.ping(0, 1, count=30)
    for port in (1, 2):
        assert "n_packets=30," in switch.ofctl("dump-flows", "br0", f"icmp,in_port={port}")


def test_flows_go_to_traffic_control(switch):
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    switch.add_hosts(2, "fail_mode=secure")
    switch.ofctl("add-flow", "br0", "arp,actions=NORMAL")
    switch.ofctl("add-flow", "br0", "icmp,in_port=1,actions=mod_nw_ttl:9,2")
    switch.ofctl("add-flow", "br0", "icmp,in_port=2,actions=1")
    assert switch.ping(0, 1, count=2)
    wait_until("both directions are in traffic control", lambda: len(switch.flows("type=tc")) >= 2)
    missed = int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1))
    assert switch.ping(0, 1, count=30)
    hits = [a["stats"]["packets"] for f in tc_filters("v0") for a in f["options"]["actions"][:1]]
    assert max(hits) >= 30, hits
    # Not one of them came to the kernel's datapath or to the switch, and OpenFlow has counted all.
    assert int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1)) == missed
    assert "n_packets=32," in switch.ofctl("dump-flows", "br0", "icmp,in_port=1")
    why = switch.appctl("offload/why")
    assert "tc-software" in why, why


def test_offload_is_switched_off_while_running(switch):
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    switch.add_hosts(2)
    assert switch.ping(0, 1)
    wait_until("flows are in traffic control", lambda: tc_filters("v0"))
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=false")
    wait_until("traffic control is empty", lambda: not tc_filters("v0"))
    assert switch.ping(0, 1)


def test_debian_s_ovs_dpctl_reads_our_state(switch):
    switch.add_hosts(2)
    assert switch.ping(0, 1, count=3)
    show = switch.peer("ovs-dpctl", "show")
    assert "system@ovs-system:" in show and "v0" in show and "br0 (internal)" in show
    flows = switch.peer("ovs-dpctl", "dump-flows")
    assert "eth_type(0x0800)" in flows and "actions:" in flows, flows


def test_a_device_that_vanishes_says_so_and_comes_back(switch):
    switch.add_hosts(2)
    assert switch.ping(0, 1)
    ip("link", "del", "v1")
    wait_until("the interface has an error",
               lambda: "v1" in switch.vsctl("--columns=error", "list", "interface", "v1"))
    ip("link", "add", "v1", "type", "veth", "peer", "name", "eth0", "netns", "h1")
    ip("-n", "h1", "link", "set", "eth0", "up")
    ip("-n", "h1", "addr", "add", "10.98.0.2/24", "dev", "eth0")
    ip("link", "set", "v1", "up")
    wait_until("traffic passes again", lambda: switch.ping(0, 1, count=1))


def test_nothing_is_left_when_the_switch_ends(switch):
    switch.add_hosts(1)
    switch.appctl("exit", "--cleanup")
    switch.processes["ovs-vswitchd"].wait(20)
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    assert "ovs-system" not in links and "br0" not in links, links
