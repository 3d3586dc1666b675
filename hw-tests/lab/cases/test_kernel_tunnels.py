# SPDX-License-Identifier: Apache-2.0
"""Tunnels of the whole switch on the kernel's datapath, in a lab guest: the far end is a namespace with an ordinary tunnel device
of Linux. Underlay: veth "under0" here (10.97.0.1, fd97::1), "eth0" there (10.97.0.2, fd97::2). Overlay: host h0 (10.98.0.1) on
OpenFlow port 1, the tunnel on port 10, the far end's device "tun" with 10.98.0.9."""
import json
import re
import subprocess

import pytest

from test_kernel_switch import KernelSwitch, ip, sysfs, tc_filters  # noqa: F401
from conftest import wait_until

FAR = "far"


def run(*args):
    return subprocess.run(args, capture_output=True, text=True, check=True).stdout


class TunnelSwitch(KernelSwitch):
    def add_underlay(self):
        ip("netns", "add", FAR)
        self.namespaces.append(FAR)
        ip("link", "add", "under0", "type", "veth", "peer", "name", "eth0", "netns", FAR)
        ip("addr", "add", "10.97.0.1/24", "dev", "under0")
        ip("addr", "add", "fd97::1/64", "dev", "under0", "nodad")
        ip("link", "set", "under0", "up")
        ip("-n", FAR, "link", "set", "lo", "up")
        ip("-n", FAR, "addr", "add", "10.97.0.2/24", "dev", "eth0")
        ip("-n", FAR, "addr", "add", "fd97::2/64", "dev", "eth0", "nodad")
        ip("-n", FAR, "link", "set", "eth0", "up")

    def add_far_end(self, *link, name="tun", address="10.98.0.9/24"):
        ip("-n", FAR, "link", "add", name, *link)
        ip("-n", FAR, "addr", "add", address, "dev", name)
        ip("-n", FAR, "link", "set", name, "mtu", "1400", "up")

    def add_tunnel(self, type_, *options, name="t10", number=10):
        self.vsctl("add-port", "br0", name, "--", "set", "interface", name, f"type={type_}", f"ofport_request={number}",
                   *[f"options:{o}" for o in options])

    def both_ways(self, count=3):
        """The far end first: it is the one whose neighbours are not known."""
        for ns, to in ((FAR, "10.98.0.1"), ("h0", "10.98.0.9")):
            r = subprocess.run(["ip", "netns", "exec", ns, "ping", "-c", str(count), "-i", "0.05", "-W", "2", to],
                               capture_output=True, text=True)
            if f" {count} received" not in r.stdout:
                return False
        return True


@pytest.fixture
def switch(tmp_path):
    s = TunnelSwitch(tmp_path, "00003")
    try:
        s.start()
        s.add_hosts(1)
        s.add_underlay()
        yield s
    finally:
        s.close()
        for dev in ("v0", "under0"):
            subprocess.run(["ip", "link", "del", dev], check=False, capture_output=True)


KINDS = {
    "vxlan": (["vxlan", "remote_ip=10.97.0.2", "key=42"],
              "type vxlan id 42 remote 10.97.0.1 dstport 4789"),
    "vxlan6": (["vxlan", "remote_ip=fd97::2", "local_ip=fd97::1", "key=42", "csum=true"],
               "type vxlan id 42 remote fd97::1 local fd97::2 dstport 4789 udp6zerocsumrx"),
    "vxlan-port": (["vxlan", "remote_ip=10.97.0.2", "key=7", "dst_port=8472", "tos=inherit", "ttl=inherit"],
                   "type vxlan id 7 remote 10.97.0.1 dstport 8472"),
    "geneve": (["geneve", "remote_ip=10.97.0.2", "key=42", "csum=true"],
               "type geneve id 42 remote 10.97.0.1 dstport 6081"),
    "geneve6": (["geneve", "remote_ip=fd97::2", "key=42"],
                "type geneve id 42 remote fd97::1 dstport 6081 udp6zerocsumrx"),
    "gre": (["gre", "remote_ip=10.97.0.2", "local_ip=10.97.0.1", "key=42"],
            "type gretap key 42 remote 10.97.0.1 local 10.97.0.2"),
    "gre-no-key": (["gre", "remote_ip=10.97.0.2"], "type gretap remote 10.97.0.1 local 10.97.0.2"),
    "ip6gre": (["ip6gre", "remote_ip=fd97::2", "key=42"],
               "type ip6gretap key 42 remote fd97::1 local fd97::2 encaplimit none"),
    "erspan1": (["erspan", "remote_ip=10.97.0.2", "key=42", "erspan_ver=1", "erspan_idx=7"],
                "type erspan seq key 42 remote 10.97.0.1 local 10.97.0.2 erspan_ver 1 erspan 7"),
    "erspan2": (["erspan", "remote_ip=10.97.0.2", "key=42", "erspan_ver=2", "erspan_dir=1", "erspan_hwid=5"],
                "type erspan seq key 42 remote 10.97.0.1 local 10.97.0.2 erspan_ver 2 erspan_dir egress erspan_hwid 5"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_packets_pass_both_ways(switch, kind):
    options, far = KINDS[kind]
    switch.add_tunnel(*options)
    switch.add_far_end(*far.split())
    assert switch.both_ways(), switch.appctl("dpctl/dump-flows", "-m") + switch.log()
    flows = switch.flows()
    assert any("actions:set(tunnel(" in f for f in flows) and any("tunnel(" in f.split("actions:")[0] for f in flows), flows
