# SPDX-License-Identifier: Apache-2.0
"""The whole switch over two simulated NICs whose uplinks are in a Linux bond, in a lab guest."""
import json
import subprocess

import pytest

from kernel_switch import NicSwitch, ip, on_nic, sysfs, tc_filters, wait_until


class BondSwitch(NicSwitch):
    """Representors sn0r0 and sn1r0 on OpenFlow ports 1 and 2, the bond of both uplinks on port 10. VF hosts are h0 and h1; both
    wires end in a bridge of the host "wire" with 10.98.0.9."""

    def add_bond(self):
        ip("link", "add", "lag0", "type", "bond", "mode", "active-backup", "miimon", "10")
        for dev in ("sn0", "sn1"):
            ip("link", "set", dev, "down")
            ip("link", "set", dev, "master", "lag0")
        ip("link", "set", "lag0", "up")
        ip("netns", "add", "wire")
        self.namespaces.append("wire")
        ip("-n", "wire", "link", "add", "far", "type", "bridge")
        for dev in ("sn0wire", "sn1wire"):
            ip("link", "set", dev, "netns", "wire")
            ip("-n", "wire", "link", "set", dev, "master", "far", "addrgenmode", "none", "up")
        ip("-n", "wire", "link", "set", "far", "addrgenmode", "none", "up")
        ip("-n", "wire", "addr", "add", "10.98.0.9/24", "dev", "far")

    def add_bond_bridge(self):
        self.add_bond()
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "fail_mode=secure")
        for i in range(2):
            self.add_vf(i, f"sn{i}v0", f"sn{i}r0")
        self.vsctl("add-port", "br0", "lag0", "--", "set", "interface", "lag0", "ofport_request=10")
        self.ofctl("add-flow", "br0", "priority=50,arp,actions=FLOOD")
        for number, port in ((1, 1), (2, 2), (9, 10)):
            self.ofctl("add-flow", "br0", f"priority=100,ip,nw_dst=10.98.0.{number},actions=output:{port}")

    def add_vf(self, i, vf, rep):
        ns = f"h{i}"
        ip("netns", "add", ns)
        self.namespaces.append(ns)
        ip("link", "set", vf, "netns", ns)
        ip("-n", ns, "link", "set", vf, "addrgenmode", "none", "up")
        ip("-n", ns, "addr", "add", f"10.98.0.{i + 1}/24", "dev", vf)
        ip("link", "set", rep, "up")
        self.vsctl("add-port", "br0", rep, "--", "set", "interface", rep, f"ofport_request={i + 1}")

    def close(self):
        super().close()
        subprocess.run(["ip", "link", "del", "lag0"], check=False, capture_output=True)


@pytest.fixture
def bond(tmp_path):
    with on_nic(BondSwitch, tmp_path, "00003", vfs=1, nics=2) as s:
        yield s


def active():
    return sysfs("/sys/class/net/lag0/bonding/active_slave")


def block_of(dev):
    qdiscs = json.loads(subprocess.run(["tc", "-j", "qdisc", "show", "dev", dev], capture_output=True, text=True,
                                       check=True).stdout)
    return next((q.get("ingress_block") for q in qdiscs if q["kind"] == "clsact"), None)


def is_in_hardware(bond, n):
    return lambda: sum("ipv4" in f for f in bond.flows("type=offloaded")) >= n


def test_traffic_over_a_bond_is_in_hardware_and_fails_over_there(bond):
    bond.add_bond_bridge()
    assert bond.send("h0", 9, 3)
    wait_until("both directions are in hardware", is_in_hardware(bond, 2))
    assert block_of("sn0") and block_of("sn0") == block_of("sn1") and not block_of("lag0")
    seen = sum(int(sysfs(f"/sys/class/net/{d}/statistics/rx_packets")) for d in ("sn0", "sn1"))
    assert bond.send("h0", 9, 50)
    first = active()
    ip("-n", "wire", "link", "set", f"{first}wire", "down")
    wait_until("the other member takes over", lambda: active() not in ("", first))
    assert bond.send("h0", 9, 50)
    # Address resolution may have come up again; no packet of the flows has.
    assert sum(int(sysfs(f"/sys/class/net/{d}/statistics/rx_packets")) for d in ("sn0", "sn1")) - seen <= 6
    wait_until("OpenFlow has counted all", lambda: "n_packets=103," in bond.ofctl("dump-flows", "br0", "ip,nw_dst=10.98.0.9"))


def test_vfs_of_both_nics_talk_in_hardware(bond):
    bond.add_bond_bridge()
    assert bond.send("h0", 2, 3)
    wait_until("both directions are in hardware", is_in_hardware(bond, 2))
    seen = int(sysfs("/sys/class/net/sn0r0/statistics/rx_packets"))
    assert bond.send("h0", 2, 50)
    assert int(sysfs("/sys/class/net/sn0r0/statistics/rx_packets")) - seen <= 2


def test_a_member_that_leaves_and_comes_back_shares_the_rules_again(bond):
    bond.add_bond_bridge()
    assert bond.send("h0", 9, 3)
    wait_until("both directions are in hardware", is_in_hardware(bond, 2))
    block = block_of("sn0")
    ip("link", "set", "sn1", "nomaster")
    wait_until("it shares nothing any more", lambda: block_of("sn1") is None)
    assert block_of("sn0") == block and bond.send("h0", 9, 5)
    ip("link", "set", "sn1", "down")
    ip("link", "set", "sn1", "master", "lag0")
    wait_until("it shares the rules", lambda: block_of("sn1") == block)
    assert bond.send("h0", 9, 5)


def handles():
    return {(f["pref"], f["options"]["handle"]) for f in tc_filters("block", str(block_of("sn0"))) if f["protocol"] == "ip"}


def test_a_killed_switch_takes_the_rules_of_a_bond_up_again(bond):
    bond.add_bond_bridge()
    bond.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("wire", "far", "10.98.0.9"))
    assert bond.send("h0", 9, 3)
    wait_until("both directions are in hardware", is_in_hardware(bond, 2))
    before = handles()
    assert before
    bond.kill_and_restart("h0", "10.98.0.9", ["priority=50,arp,actions=FLOOD"] +
                          [f"priority=100,ip,nw_dst=10.98.0.{n},actions=output:{p}" for n, p in ((1, 1), (9, 10))])
    wait_until("the rules have flows again", is_in_hardware(bond, 2))
    assert handles() == before


def test_a_member_with_a_qdisc_of_others_is_named_and_its_traffic_passes(bond):
    bond.add_bond()
    subprocess.run(["tc", "qdisc", "add", "dev", "sn1", "clsact"], check=True)
    bond.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "fail_mode=secure")
    bond.add_vf(0, "sn0v0", "sn0r0")
    bond.vsctl("add-port", "br0", "lag0", "--", "set", "interface", "lag0", "ofport_request=10")
    bond.ofctl("add-flow", "br0", "priority=50,arp,actions=FLOOD")
    for number, port in ((1, 1), (9, 10)):
        bond.ofctl("add-flow", "br0", f"priority=100,ip,nw_dst=10.98.0.{number},actions=output:{port}")
    wait_until("the log names it", lambda: "it has a qdisc of others" in bond.log())
    ip("link", "set", "lag0", "type", "bond", "active_slave", "sn1")
    assert bond.send("h0", 9, 10)
