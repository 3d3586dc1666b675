# SPDX-License-Identifier: Apache-2.0
"""Control commands of ovs-vswitchd that act on the kernel's datapath, in a lab guest."""
import os
import re
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from kernel_switch import KernelSwitch, wait_until  # noqa: E402
from test_peer_text import Peer  # noqa: E402


def ip(*args):
    subprocess.run(["ip", *args], check=True)


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


# ---- Datapaths and ports by hand ----


class KernelPeer(Peer, KernelSwitch):
    """Debian's, in a datapath of the kernel."""


def on_both(tmp_path, live):
    """What 'live' returns of our switch and of Debian's, one after the other in one kernel."""
    answers = []
    for kind in (KernelSwitch, KernelPeer):
        path = tmp_path / kind.__name__
        path.mkdir()
        s = kind(path, "00008")
        try:
            s.start()
            s.add_hosts(1)
            answers.append(live(s))
            s.appctl("exit", "--cleanup")
            s.processes.pop("ovs-vswitchd").wait(20)
        finally:
            s.close()
    return answers


@pytest.fixture
def wire():
    ip("link", "add", "w0", "type", "veth", "peer", "name", "w1")
    yield
    ip("link", "del", "w0")


def masked(r):
    text = r.stdout + r.stderr.replace("ovs-appctl: ovs-vswitchd: server returned an error\n", "")
    text = re.sub(r"lookups: .*|  masks: .*|  cache: .*\n|used:\S+|packets:\d+, bytes:\d+", "X", text)
    # A flow that was put in without an identifier has none; Debian's makes one up.
    text = re.sub(r"ufid:\S+ ", "", text)
    return r.returncode, sorted(text.splitlines())


# In the datapath of bridge br0.
PORTS = """
add-if ovs-system w0|add-if system@ovs-system w0,port_no=17|add-if ovs-system nodev|add-if nodp w0
add-if ovs-system i2,type=internal i3,type=internal nodev|add-if ovs-system i2,type=internal,port_no=1|add-if ovs-system x,type=foo
add-if ovs-system vx,type=vxlan,remote_ip=flow|add-if ovs-system p,type=patch,peer=q|add-if ovs-system|show|show ovs-system
set-if ovs-system v0|set-if ovs-system v0,type=internal|set-if ovs-system v0,port_no=44|set-if ovs-system none|set-if nodp v0
del-if ovs-system w0|del-if ovs-system 99|del-if ovs-system 0|del-if ovs-system ovs-system|del-if nodp v0|del-if ovs-system v0|show
"""
# Beside it.
OTHERS = """
add-dp dp1|add-dp dp1|add-dp system@dp2 i9,type=internal w0|add-dp foo@x|add-dp a-name-that-is-too-long|add-dp w1|add-dp ovs-system
dump-dps|show|show dp2|show -s dp1|show dp1 nodp|show xx|cache-get-size|cache-get-size dp1|cache-set-size dp1 masks-cache 512
add-if dp1 i1,type=internal,port_no=7|set-if dp1 i1,port_no=8|del-if dp1 i1|dump-conntrack|ct-get-limits
add-flow dp2 in_port(1),eth(),eth_type(0x0806),arp() 2|add-flow dp2 in_port(1),eth(),eth_type(0x0806),arp() 2
dump-flows dp2|dump-flows -m system@dp2|dump-flows dp2 filter=arp|mod-flow dp2 in_port(1),eth(),eth_type(0x0806),arp() 1|dump-flows dp2
del-flow dp2 in_port(1),eth(),eth_type(0x0806),arp()|del-flows dp2|dump-conntrack dp2|ct-get-limits dp1|ct-get-maxconns dp1
add-flows dp2 FILE|dump-flows dp2|mod-flows dp2 FILE|del-flows dp2 FILE|dump-flows dp2
ct-get-limits|ct-set-limits dp2 default=5 zone=3,limit=7|ct-get-limits dp2|ct-del-limits dp2 zone=3|ct-set-limits dp2 default=0
flush-conntrack|ct-stats-show dp2|ct-stats-show|ct-bkts dp2|ct-set-maxconns dp2 10|ct-get-nconns dp2
ct-enable-tcp-seq-chk dp2|ct-disable-tcp-seq-chk dp2|ct-get-tcp-seq-chk dp2|ipf-set-enabled dp2 v4|ipf-set-disabled dp2 v6
ipf-set-min-frag dp2 v4 1000|ipf-set-max-nfrags dp2 100|ipf-get-status dp2|ipf-get-status nodp
parse-actions 2,push_vlan(vid=5,pcp=0),3|normalize-actions in_port(1),eth(),eth_type(0x0806),arp() 2,3
offload-stats-show dp2|get-flow dp2 ufid:11111111-2222-3333-4444-555566667778|del-dp dp1|del-dp dp1|del-dp system@dp2|del-dp|dump-dps
"""


@pytest.mark.parametrize("commands", [PORTS, OTHERS], ids=["own", "others"])
def test_datapaths_and_ports_by_hand_have_debians_answers(tmp_path, wire, commands):
    flows = tmp_path / "flows"
    flows.write_text("in_port(5),eth(),eth_type(0x0800),ipv4() 1\nin_port(6),eth(),eth_type(0x0800),ipv4() 2\n")
    words = [c.replace("FILE", str(flows)).split() for line in commands.strip().splitlines() for c in line.split("|")]

    def live(s):
        listed = {line.split()[0][len("dpctl/"):] for line in s.appctl("dpctl/list-commands").splitlines()[1:]}
        if isinstance(s, KernelPeer):
            assert len(listed) >= 39 and listed - set((PORTS + OTHERS).replace("|", " ").split()) == {"list-commands"}
        answers = [masked(s.appctl(f"dpctl/{w[0]}", *w[1:], check=False)) for w in words]
        assert s.vsctl("get", "interface", "v0", "ofport").strip() == "1"
        return answers

    ours, theirs = on_both(tmp_path, live)
    different = [(w, mine, other) for w, mine, other in zip(words, ours, theirs) if mine != other]
    assert not different


def ports(switch):
    return re.findall(r"  port (\d+): (\S+)", switch.appctl("dpctl/show", "ovs-system"))


@pytest.mark.parametrize("by", ["ovs-appctl", "ovs-dpctl"])
def test_ports_of_the_switchs_datapath_are_put_right_again(switch, wire, by):
    def change(command, *args):
        switch.run(by, f"dpctl/{command}" if by == "ovs-appctl" else command, "ovs-system", *args)

    def kernels():
        return re.findall(r"  port (\d+): (\S+)", switch.run("ovs-dpctl", "show", "ovs-system"))

    assert switch.ping(0, 1)
    before = ports(switch)
    mac = switch.vsctl("get", "interface", "br0", "mac_in_use")
    change("add-if", "w0", "i9,type=internal", "vx,type=vxlan,remote_ip=flow")
    wait_until("ports of no bridge go", lambda: kernels() == before)
    assert not os.path.exists("/sys/class/net/vxlan_sys_4789") and not os.path.exists("/sys/class/net/i9")
    change("del-if", "v0", "br0")
    wait_until("ports of the bridge come back", lambda: kernels() == before)
    assert ports(switch) == before
    assert switch.ping(0, 1)
    wait_until("the bridge's own has its address", lambda: open("/sys/class/net/br0/address").read().strip() in mac)


def test_ports_are_put_right_again_when_a_restart_is_over(switch, wire):
    def kernels():
        switch.appctl("time/warp", "2000", "500")
        return re.findall(r"  port (\d+): (\S+)", switch.run("ovs-dpctl", "show", "ovs-system"))

    before = ports(switch)
    switch.processes["ovs-vswitchd"].kill()
    switch.processes.pop("ovs-vswitchd").wait(20)
    switch.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:flow-restore-wait=true")
    switch.start()
    wait_until("the ports are taken over", lambda: ports(switch) == before)
    switch.appctl("time/stop")
    switch.run("ovs-dpctl", "add-if", "ovs-system", "w0")
    switch.run("ovs-dpctl", "del-if", "ovs-system", "v0", "br0")
    # It sees that, and cannot know yet.
    assert "w0" in dict(kernels()).values()
    switch.vsctl("remove", "Open_vSwitch", ".", "other_config", "flow-restore-wait")
    # Without anything more that tells of a change.
    assert kernels() == before
    switch.ofctl("add-flow", "br0", "actions=NORMAL")
    assert switch.ping(0, 1)


def test_another_device_does_not_stay_under_the_number_of_a_port(switch, wire):
    def kernels():
        return re.findall(r"  port (\d+): (\S+)", switch.run("ovs-dpctl", "show", "ovs-system"))

    before = ports(switch)
    number = {name: n for n, name in before}["v0"]
    switch.appctl("time/stop")
    switch.run("ovs-dpctl", "del-if", "ovs-system", "v0")
    switch.run("ovs-dpctl", "add-if", "ovs-system", f"w0,port_no={number}")
    assert (number, "w0") in kernels()
    switch.appctl("time/warp", "2000", "500")
    assert kernels() == before
    assert switch.ping(0, 1)


def test_a_datapath_that_bridges_are_on_is_not_deleted(switch):
    r = switch.appctl("dpctl/del-dp", "ovs-system", check=False)
    assert r.returncode == 2 and "del_dp: bridges are on it (Device or resource busy)" in r.stderr, r
    r = switch.appctl("dpctl/add-dp", "netdev@x", check=False)
    assert r.returncode == 2 and "there is one userspace datapath" in r.stderr, r
    assert switch.ping(0, 1)


def test_rules_follow_a_port_to_its_new_device(switch):
    """The bridge's own port is deleted and put back: rules in traffic control must not name the device that has gone."""
    def ping():
        r = subprocess.run(["ip", "netns", "exec", "h0", "ping", "-c", "5", "-i", "0.05", "-W", "2", "10.98.0.77"],
                           capture_output=True, text=True)
        return " 5 received" in r.stdout

    def set_up():
        ip("addr", "add", "10.98.0.77/24", "dev", "br0")
        ip("link", "set", "br0", "up")

    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    set_up()
    assert ping()
    wait_until("flows are in traffic control", lambda: "eth_type(0x0800)" in switch.appctl("dpctl/dump-flows", "type=tc"))
    old = open("/sys/class/net/br0/ifindex").read()
    switch.appctl("dpctl/del-if", "ovs-system", "br0")
    wait_until("br0 is there again", lambda: os.path.exists("/sys/class/net/br0"))
    assert open("/sys/class/net/br0/ifindex").read() != old
    set_up()
    wait_until("packets come to it", ping)
    wait_until("flows are in traffic control", lambda: "eth_type(0x0800)" in switch.appctl("dpctl/dump-flows", "type=tc"))
    assert ping()
