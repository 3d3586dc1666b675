# SPDX-License-Identifier: Apache-2.0
"""The whole switch on the kernel's datapath, in a lab guest: hw-tests/lab/run runs this with pytest."""
import os
import re
import subprocess
import sys

import pytest

from kernel_switch import control, ip, nic, switch, sysfs, tc_filters, wait_until  # noqa: F401


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
        wait_until("all are counted, once",
                   lambda: "n_packets=30," in switch.ofctl("dump-flows", "br0", f"icmp,in_port={port}"))


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
    hits = [a["stats"]["packets"] for f in tc_filters("dev", "v0") for a in f["options"]["actions"][:1]]
    assert max(hits) >= 30, hits
    # Not one of them came to the kernel's datapath or to the switch, and OpenFlow has counted all.
    assert int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1)) == missed
    wait_until("OpenFlow has counted all",
               lambda: "n_packets=32," in switch.ofctl("dump-flows", "br0", "icmp,in_port=1"))
    why = switch.appctl("offload/why")
    assert "tc-software" in why, why


def test_the_host_s_own_traffic_goes_through_traffic_control_both_ways(switch):
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    switch.add_hosts(1, "fail_mode=secure")
    ip("link", "set", "br0", "up")
    ip("addr", "add", "10.98.0.100/24", "dev", "br0")
    switch.ofctl("add-flow", "br0", "arp,actions=NORMAL")
    switch.ofctl("add-flow", "br0", "icmp,in_port=LOCAL,actions=1")
    switch.ofctl("add-flow", "br0", "icmp,in_port=1,actions=LOCAL")
    ping = ["ping", "-c", "30", "-i", "0.02", "-W", "2", "10.98.0.1"]
    subprocess.run(ping, check=True, capture_output=True)
    wait_until("both directions are in traffic control", lambda: sum("ipv4" in f for f in switch.flows("type=tc")) >= 2)
    missed = int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1))
    subprocess.run(ping, check=True, capture_output=True)
    assert int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1)) == missed
    for port in ("LOCAL", "1"):
        wait_until("OpenFlow has counted all", lambda: "n_packets=60, n_bytes=5880," in switch.ofctl("dump-flows", "br0", f"icmp,in_port={port}"))
    ip("link", "set", "br0", "down")


def test_offload_is_switched_off_while_running(switch):
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    switch.add_hosts(2)
    assert switch.ping(0, 1)
    wait_until("flows are in traffic control", lambda: tc_filters("dev", "v0"))
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=false")
    wait_until("traffic control is empty", lambda: not tc_filters("dev", "v0"))
    assert switch.ping(0, 1)


def frames_of_two_tags(n):
    """802.1ad 5 and 802.1Q 7 before IPv4."""
    ipv4 = "4500001c000000000411a0bb0a000001010203040001000200080000"
    return [bytes.fromhex("0200000000090200000000" + "0588a800058100" + "0007" + "0800" + ipv4 + "00" * 16)] * n


def send_in(ns, dev, frames):
    code = "import socket,sys; s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW); s.bind((sys.argv[1],0)); [s.send(bytes.fromhex(f)) for f in sys.argv[2:]]"
    subprocess.run(["ip", "netns", "exec", ns, sys.executable, "-c", code, dev, *[f.hex() for f in frames]], check=True)


def test_a_tag_that_is_not_looked_at_is_matched_all_the_same(switch):
    """The kernel reads two tags whatever the limit is, which changes while flows are there."""
    switch.add_hosts(2, "fail_mode=secure")
    switch.ofctl("add-flow", "br0", "in_port=1,dl_vlan=5,actions=2")
    for i, (offload, limit) in enumerate([("false", "1"), ("false", "2"), ("true", "1")]):
        switch.vsctl("set", "Open_vSwitch", ".", f"other_config:hw-offload={offload}", f"other_config:vlan-limit={limit}")
        assert not [f for f in switch.flows() if "0x88a8" in f]
        send_in("h0", "eth0", frames_of_two_tags(1))
        wait_until("there is a flow", lambda: any("0x88a8" in f for f in switch.flows("type=tc" if offload == "true" else "type=ovs")))
        flow = next(f for f in switch.flows() if "0x88a8" in f)
        assert "encap(eth_type(0x8100)" in flow and ("eth_type(0x0800)" in flow) == (limit == "2"), flow
        missed = int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1))
        send_in("h0", "eth0", frames_of_two_tags(20))
        wait_until("all are counted", lambda: f"n_packets={21 * (i + 1)}," in switch.ofctl("dump-flows", "br0", "in_port=1"))
        assert int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1)) == missed, switch.log()


BOTH_WAYS = ["icmp,in_port=1,actions=2", "icmp,in_port=2,actions=1"]


@pytest.mark.parametrize("how", ["kill_and_restart", "exit_and_restart"])
@pytest.mark.parametrize("offload", ["false", "true"])
def test_flows_go_on_while_the_switch_is_restarted(switch, how, offload):
    switch.vsctl("set", "Open_vSwitch", ".", f"other_config:hw-offload={offload}")
    switch.add_hosts(2, "fail_mode=secure")
    switch.know_each_other(("h0", "eth0", "10.98.0.1"), ("h1", "eth0", "10.98.0.2"))
    for flow in BOTH_WAYS:
        switch.ofctl("add-flow", "br0", flow)
    assert switch.ping(0, 1)
    wait_until("both directions have flows", lambda: len([f for f in switch.flows() if "ipv4" in f]) >= 2)
    getattr(switch, how)("h0", "10.98.0.2", BOTH_WAYS)
    assert switch.ping(0, 1)
    # Ports have kept their numbers, and no flow of before is left beside the new ones.
    wait_until("the flows are known", lambda: len([f for f in switch.flows() if "ipv4" in f]) == 2)
    wait_until("the kernel has no others", lambda: kernel_flows(switch) <= 2)


def kernel_flows(switch):
    return int(re.search(r"flows: (\d+)", switch.appctl("dpctl/show")).group(1))


def test_features_are_told_as_users_know_them(switch):
    switch.add_hosts(0)
    lines = switch.appctl("dpif/show-dp-features", "br0").splitlines()
    assert lines[0] == "Masked set action: Yes" and lines[-1] == "IPv6 ND Extension: No" and len(lines) == 26
    assert "Sample nesting: 10" in lines and "Max VLAN headers: 2" in lines and "CT state NAT: Yes" in lines
    r = switch.appctl("dpif/show-dp-features", "br7", check=False)
    assert r.returncode and "no such bridge" in r.stderr, r


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
    # The new device has another address than the one that its neighbour knows.
    ip("-n", "h0", "neigh", "flush", "all")
    wait_until("traffic passes again", lambda: switch.ping(0, 1, count=1))


def test_nothing_is_left_when_the_switch_ends(switch):
    switch.add_hosts(1)
    switch.appctl("exit", "--cleanup")
    switch.processes["ovs-vswitchd"].wait(20)
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    assert "ovs-system" not in links and "br0" not in links, links


# ---- On the simulated NIC (hw-tests/simnic/kmod), in switchdev mode ----


def test_vfs_talk_in_hardware_and_representors_see_the_first_packets_only(nic):
    nic.add_nic(2)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"))
    assert nic.send("h0", 2, 3)
    wait_until("both directions are in hardware",
               lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= 2)
    seen = sysfs("/sys/class/net/sn0r0/statistics/rx_packets")
    assert nic.send("h0", 2, 100)
    assert sysfs("/sys/class/net/sn0r0/statistics/rx_packets") == seen
    wait_until("the NIC's counters have come to OpenFlow",
               lambda: "n_packets=103," in nic.ofctl("dump-flows", "br0", "ip,nw_dst=10.98.0.2"))
    assert all("dp:tc" in f for f in nic.flows("type=offloaded"))
    devices = {d["name"]: d["backend"] for d in nic.offload_json()["devices"]}
    # Traffic of the host itself is no NIC's.
    assert devices == {"tc": "tc", "platform/simnic.0": "tc"}, devices


def test_traffic_to_the_uplink_is_in_hardware(nic):
    nic.add_nic(1)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("wire", "sn0wire", "10.98.0.9"))
    assert nic.send("h0", 9, 3)
    wait_until("both directions are in hardware",
               lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= 2)
    seen = sysfs("/sys/class/net/sn0/statistics/rx_packets")
    assert nic.send("h0", 9, 50)
    assert sysfs("/sys/class/net/sn0/statistics/rx_packets") == seen


def test_what_the_driver_refuses_is_quoted_and_runs_in_software(nic):
    control("refuse", "key:ipv4_addrs")
    nic.add_nic(2)
    assert nic.send("h0", 2, 20)
    wait_until("the driver's words are there",
               lambda: "driver:  simnic: match on ipv4_addrs is refused (fault injection)" in nic.appctl("offload/why"))
    assert "tc-software" in nic.appctl("offload/why")
    assert not [f for f in nic.flows("type=offloaded") if "ipv4" in f]
    assert nic.send("h0", 2, 20)


def test_a_full_table_loses_no_traffic(nic):
    control("capacity", 3)
    nic.add_nic(3)
    for src, dst in (("h0", 2), ("h1", 3), ("h2", 1), ("h0", 9), ("wire", 2)):
        assert nic.send(src, dst, 5), (src, dst)
    for src, dst in (("h0", 2), ("h1", 3), ("h2", 1), ("h0", 9), ("wire", 2)):
        assert nic.send(src, dst, 20), (src, dst)


def port_error(s, name):
    return s.vsctl("get", "interface", name, "error").strip()


def test_a_port_is_the_representor_of_a_function_and_follows_it(nic):
    nic.add_nic(1)
    ip("netns", "add", "h1")
    nic.namespaces.append("h1")
    for words in ("link set sn0v1 netns h1", "-n h1 link set sn0v1 up", "-n h1 addr add 10.98.0.2/24 dev sn0v1"):
        ip(*words.split())
    control("remove-representor", 1)
    nic.ofctl("add-flow", "br0", "priority=100,ip,nw_dst=10.98.0.2,actions=output:2")
    nic.vsctl("add-port", "br0", "vm1", "--", "set", "interface", "vm1", "ofport_request=2", "options:representor-of=sn0,pf0vf1")
    assert "vm1: options:representor-of: " in port_error(nic, "vm1")
    # It comes under another name than it had.
    control("add-representor", 1)
    ip("link", "set", "sn0r1", "name", "other")
    ip("link", "set", "other", "up")
    wait_until("the port is there", lambda: port_error(nic, "vm1") == "[]")
    assert nic.vsctl("get", "interface", "vm1", "ofport").strip() == "2"
    assert nic.send("h0", 2, 5)
    wait_until("both directions are in hardware", lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= 2)
    # Another device stands for the function.
    control("remove-representor", 1)
    control("add-representor", 1)
    ip("link", "set", "sn0r1", "up")
    wait_until("traffic passes again", lambda: nic.send("h0", 2, 1))


def test_a_port_is_kept_out_of_hardware_while_the_switch_runs(nic):
    nic.add_nic(2)
    assert nic.send("h0", 2, 5)
    wait_until("both directions are in hardware", lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= 2)
    nic.vsctl("set", "interface", "sn0r0", "other_config:hw-offload-priority=none")
    wait_until("one direction is in software", lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) == 1)
    assert nic.send("h0", 2, 5)
    why = nic.appctl("offload/why")
    assert "in_port(sn0r0)" in why and "reason:  port-excluded: " in why, why
    # The switch's own list, which the interface's goes before.
    nic.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload-priority=dpdk")
    nic.vsctl("set", "interface", "sn0r0", "other_config:hw-offload-priority=dpdk,tc")
    assert nic.send("h0", 2, 5)
    wait_until("it is the other direction now", lambda: [("in_port(sn0r0)" in f) for f in nic.flows("type=offloaded") if "ipv4" in f] == [True])
    nic.vsctl("remove", "Open_vSwitch", ".", "other_config", "hw-offload-priority")
    assert nic.send("h0", 2, 5)
    wait_until("both directions are in hardware", lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= 2)


def test_a_function_that_there_is_not_is_said(nic):
    nic.add_nic(1)
    for text, words in (("vf77", "vf77"), ("nonsense", "nonsense"), ("ens9,vf0", "ens9")):
        nic.vsctl("--if-exists", "del-port", "br0", "vm1", "--", "add-port", "br0", "vm1", "--", "set", "interface", "vm1",
                  f"options:representor-of={text}", check=False)
        wait_until("it is said", lambda: "options:representor-of" in port_error(nic, "vm1") and words in port_error(nic, "vm1"))


def test_mode_changes_under_traffic_are_survived(nic):
    nic.add_nic(2)
    assert nic.send("h0", 2, 5)
    wait_until("flows are in hardware", lambda: nic.flows("type=offloaded"))
    subprocess.run(["devlink", "dev", "eswitch", "set", "platform/simnic.0", "mode", "legacy"], check=True)
    wait_until("the representors' interfaces have errors",
               lambda: "sn0r0" in nic.vsctl("--columns=error", "list", "interface", "sn0r0"))
    subprocess.run(["devlink", "dev", "eswitch", "set", "platform/simnic.0", "mode", "switchdev"], check=True)
    for rep in ("sn0r0", "sn0r1"):
        ip("link", "set", rep, "up")
    wait_until("traffic passes again", lambda: nic.send("h0", 2, 1))
    wait_until("flows are in hardware again",
               lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= 2)


def test_the_doctor_names_what_is_in_the_way(nic):
    nic.add_nic(1)
    subprocess.run(["ethtool", "-K", "sn0r0", "hw-tc-offload", "off"], check=True)
    wait_until("the feature is seen to be off",
               lambda: "ethtool -K sn0r0 hw-tc-offload on" in nic.appctl("offload/doctor"))
    nic.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=false")
    wait_until("offload is seen to be off", lambda: "hw-offload is not enabled" in nic.appctl("offload/doctor"))


def handles(dev):
    return {(f["pref"], f["options"]["handle"]) for f in tc_filters("dev", dev) if f["protocol"] == "ip"}


def test_a_killed_switch_takes_its_rules_up_again_and_no_packet_is_lost(nic):
    nic.add_nic(2)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"))
    assert nic.send("h0", 2, 5)
    wait_until("both directions are in hardware",
               lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= 2)
    before = {dev: handles(dev) for dev in ("sn0r0", "sn0r1")}
    assert all(before.values()), before
    ends = [nic.kill_and_restart] * int(os.environ.get("LAB_KILLS", "2")) + [nic.exit_and_restart]
    for restart in ends:
        restart("h0", "10.98.0.2", ["priority=50,arp,actions=FLOOD"] +
                [f"priority=100,ip,nw_dst=10.98.0.{n},actions=output:{n}" for n in (1, 2)])
        wait_until("the rules have flows again", lambda: sum("ipv4" in f for f in nic.flows("type=offloaded")) >= 2)
        assert {dev: handles(dev) for dev in before} == before
    assert nic.send("h0", 2, 5)


def test_what_one_of_two_datapaths_has_needs_its_name(switch):
    switch.add_hosts(2)
    switch.vsctl("add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=netdev")
    assert len(switch.appctl("dpctl/dump-dps").split()) == 2
    assert switch.ping(0, 1)
    for what in ("filter=in_port=v0", "pmd=3"):
        r = switch.appctl("dpctl/dump-flows", what, check=False)
        assert r.returncode == 2 and "multiple datapaths, specify one" in r.stderr, r
    assert switch.appctl("dpctl/dump-flows", "system@ovs-system", "filter=in_port=v0")
    assert switch.appctl("dpctl/dump-flows", "ovs-system", "pmd=3").strip() == ""
