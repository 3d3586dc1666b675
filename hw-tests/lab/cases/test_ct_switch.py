# SPDX-License-Identifier: Apache-2.0
"""Connection tracking of the whole switch on the kernel's datapath, in a lab guest: a firewall, address translation, what is
counted, and a restart under traffic."""
import re
import subprocess

import pytest

from kernel_switch import ip, switch, sysfs_in, wait_until  # noqa: F401

HOSTS = [("h0", "eth0", "10.98.0.1"), ("h1", "eth0", "10.98.0.2")]
# h0 may open connections to h1, h1 may answer.
FIREWALL = [
    "arp,actions=NORMAL",
    "priority=100,ip,ct_state=-trk,actions=ct(table=1,zone=5)",
    "table=1,in_port=1,ip,ct_state=+trk+new,actions=ct(commit,zone=5,exec(set_field:0x7->ct_mark)),output:2",
    "table=1,in_port=1,ip,ct_state=+trk+est,actions=output:2",
    "table=1,in_port=2,ip,ct_state=+trk+est,ct_mark=7,actions=output:1",
    "table=1,in_port=2,ip,ct_state=+trk+new,actions=drop",
]


def start(switch, flows, hosts=2, *bridge):
    switch.add_hosts(hosts, "fail_mode=secure", *bridge)
    if "true" not in switch.appctl("dpif/set-dp-features", "br0", "ct_state").split("boot time")[1]:
        pytest.skip("this kernel's datapath, or our room of it, tracks no connections")
    switch.know_each_other(*HOSTS)
    for flow in flows:
        switch.ofctl("-O", "OpenFlow13", "add-flow", "br0", flow)


def n_packets(switch, match):
    line = [x for x in switch.ofctl("dump-flows", "br0", match).splitlines() if "n_packets" in x]
    return sum(int(re.search(r"n_packets=(\d+)", x).group(1)) for x in line)


def tcp(src, dst, address, port, source=None):
    """A connection from one host to another: what the server saw as its peer, and what it sent back; None: it did not work."""
    server = ("import socket; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
              f"s.bind(('', {port})); s.listen(1); s.settimeout(6); print('ready', flush=True)\n"
              "try:\n c, a = s.accept(); c.settimeout(6); c.sendall(b'hello ' + c.recv(9)); print(a[0], a[1])\n"
              "except socket.timeout: print('none')")
    client = (f"import socket; s = socket.create_connection(('{address[0]}', {address[1]}), 3); s.sendall(b'you'); "
              "print(s.recv(20).decode())")
    run = ["ip", "netns", "exec"]
    with subprocess.Popen(run + [dst, "/usr/bin/python3", "-c", server], stdout=subprocess.PIPE, text=True) as s:
        assert s.stdout.readline() == "ready\n"
        c = subprocess.run(run + [src, "/usr/bin/python3", "-c", client], capture_output=True, text=True)
        seen = s.stdout.readline().split()
    return (seen, c.stdout.strip()) if c.returncode == 0 else None


def test_firewall_lets_answers_through_and_nothing_else(switch):
    start(switch, FIREWALL)
    assert switch.ping(0, 1, count=5)
    assert not switch.ping(1, 0, count=2)
    seen, answer = tcp("h0", "h1", ("10.98.0.2", 4000), 4000)
    assert seen[0] == "10.98.0.1" and answer == "hello you"
    assert tcp("h1", "h0", ("10.98.0.1", 4001), 4001) is None
    flows = switch.flows()
    assert [f for f in flows if "recirc_id(0)," in f and re.search(r"actions:ct\(zone=5\),recirc\(0x[0-9a-f]+\)", f)], flows
    assert [f for f in flows if "recirc_id(0)," not in f and "ct_state(0x22/0x23)" in f and "actions:v0" in f], flows


def test_each_pass_counts_for_its_own_rules(switch):
    start(switch, FIREWALL)
    assert switch.ping(0, 1, count=20)
    wait_until("table 0 has counted both ways", lambda: n_packets(switch, "table=0,ip") == 40)
    wait_until("table 1 has counted each packet once", lambda: n_packets(switch, "table=1") == 40)


def test_a_change_behind_the_tracker_is_followed(switch):
    start(switch, FIREWALL)
    assert switch.ping(0, 1, count=3)
    switch.ofctl("mod-flows", "br0", "table=1,in_port=2,ip,ct_state=+trk+est,ct_mark=7,actions=drop")
    switch.appctl("revalidator/wait")
    assert not switch.ping(0, 1, count=2)


def test_source_translation_and_back(switch):
    start(switch, [
        "arp,actions=NORMAL",
        "priority=100,in_port=1,ip,actions=ct(commit,table=1,zone=3,nat(src=10.98.0.77:5000-5999))",
        "priority=100,in_port=2,ip,actions=ct(table=2,zone=3,nat)",
        "table=1,ip,nw_src=10.98.0.77,actions=output:2",
        "table=2,ip,ct_state=+trk+est,nw_dst=10.98.0.1,actions=output:1",
    ])
    mac = sysfs_in("h0", "/sys/class/net/eth0/address")
    ip("-n", "h1", "neigh", "replace", "10.98.0.77", "lladdr", mac, "dev", "eth0", "nud", "permanent")
    seen, answer = tcp("h0", "h1", ("10.98.0.2", 4000), 4000)
    assert seen[0] == "10.98.0.77" and 5000 <= int(seen[1]) <= 5999 and answer == "hello you"


def test_destination_translation(switch):
    start(switch, [
        "arp,actions=NORMAL",
        "priority=100,in_port=1,tcp,nw_dst=10.98.0.99,actions=ct(commit,table=1,nat(dst=10.98.0.2:4000))",
        "priority=100,in_port=2,tcp,actions=ct(table=1,nat)",
        "table=1,in_port=1,tcp,tcp_dst=4000,actions=output:2",
        "table=1,in_port=2,tcp,nw_src=10.98.0.99,tcp_src=80,actions=output:1",
    ])
    mac = sysfs_in("h1", "/sys/class/net/eth0/address")
    ip("-n", "h0", "neigh", "replace", "10.98.0.99", "lladdr", mac, "dev", "eth0", "nud", "permanent")
    seen, answer = tcp("h0", "h1", ("10.98.0.99", 80), 4000)
    assert seen[0] == "10.98.0.1" and answer == "hello you"


def test_answers_are_known_by_the_first_packet(switch):
    """resubmit(,,ct): one rule about the direction in which connections are opened serves both."""
    start(switch, [
        "arp,actions=NORMAL",
        "priority=100,ip,ct_state=-trk,actions=ct(table=1)",
        "table=1,ip,ct_state=+trk+new,actions=ct(commit),resubmit(,2)",
        "table=1,ip,ct_state=+trk+est,actions=resubmit(,3,ct),resubmit(,2)",
        "table=2,in_port=1,actions=output:2",
        "table=2,in_port=2,actions=output:1",
        "table=3,tcp,tcp_dst=4000,nw_dst=10.98.0.2,actions=drop",
    ])
    assert tcp("h0", "h1", ("10.98.0.2", 4000), 4000)
    # Segments of both ways were found by the address and port that the connection was opened to.
    wait_until("the rule has counted", lambda: n_packets(switch, "table=3") >= 6)


def test_length_decides(switch):
    start(switch, [
        "arp,actions=NORMAL",
        "in_port=1,icmp,actions=check_pkt_larger(500)->NXM_NX_REG0[0],resubmit(,1)",
        "in_port=2,icmp,actions=output:1",
        "table=1,reg0=0,actions=output:2",
        "table=1,reg0=1,actions=drop",
    ])
    assert switch.ping(0, 1, count=3)
    r = subprocess.run(["ip", "netns", "exec", "h0", "ping", "-c", "2", "-s", "1000", "-i", "0.05", "-W", "1", "10.98.0.2"],
                       capture_output=True, text=True)
    assert " 0 received" in r.stdout
    assert [f for f in switch.flows() if "check_pkt_len(size=500,gt(drop),le(v1))" in f], switch.flows()


def test_a_restart_comes_to_the_same_ids(switch):
    start(switch, FIREWALL)
    assert switch.ping(0, 1, count=3)

    def ids():
        return {i for f in switch.flows() for i in re.findall(r"recirc\((0x[0-9a-f]+)\)", f)}
    before = ids()
    assert before
    switch.kill_and_restart("h0", "10.98.0.2", FIREWALL)
    assert switch.ping(0, 1, count=3)
    assert ids() == before


def test_tracked_flows_go_to_traffic_control_and_are_adopted(switch):
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    start(switch, FIREWALL)
    assert switch.ping(0, 1, count=5)
    wait_until("both passes are in traffic control",
               lambda: any("recirc_id(0)," in f and "ct(" in f for f in switch.flows("type=tc")) and
               any("recirc_id(0)," not in f for f in switch.flows("type=tc")))
    missed = int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1))
    assert switch.ping(0, 1, count=20)
    assert int(re.search(r"missed:(\d+)", switch.appctl("dpctl/show")).group(1)) - missed <= 2
    # Not a packet is lost when the switch is killed, and what was there is adopted under the same numbers.
    switch.kill_and_restart("h0", "10.98.0.2", FIREWALL)
    wait_until("both passes are in traffic control again",
               lambda: any("recirc_id(0)," not in f for f in switch.flows("type=tc")))
    assert switch.ping(0, 1, count=3)


def test_controller_is_told_of_the_connection(switch):
    start(switch, ["arp,actions=NORMAL", "ip,in_port=1,ct_state=-trk,actions=load:3->NXM_NX_REG5[],ct(table=1,zone=9)",
                   "table=1,ip,actions=controller,output:2"])
    out = f"{switch.dir}/monitor"
    p = subprocess.Popen([switch.program("ovs-ofctl"), "-O", "OpenFlow13", "monitor", "br0", "65534"], env=switch.env,
                         stdout=open(out, "w"), stderr=subprocess.STDOUT)
    switch.processes["monitor"] = p

    def told():
        switch.ping(0, 1, count=1)
        with open(out) as f:
            return "ct_state=new|trk,ct_zone=9,ct_nw_src=10.98.0.1,ct_nw_dst=10.98.0.2,ct_nw_proto=1" in (text := f.read()) and \
                "reg5=0x3,in_port=1 (via action)" in text
    wait_until("it is told", told)


def test_a_zone_s_timeout_policy_is_that_of_its_connections(switch):
    start(switch, FIREWALL)
    switch.vsctl("--", "--id=@dp", "create", "Datapath", "datapath_version=\"\"", "ct_zones:5=@zone", "--", "--id=@zone", "create",
                 "CT_Zone", "timeout_policy=@policy", "--", "--id=@policy", "create", "CT_Timeout_Policy",
                 "timeouts:icmp_first=777", "--", "set", "Open_vSwitch", ".", "datapaths:system=@dp")
    assert switch.ping(0, 1, count=2)
    flows = switch.flows()
    assert [f for f in flows if re.search(r"ct\(commit,zone=5,mark=0x7/0xffffffff,timeout=ovs_tp_\d+_icmp4\)", f)], flows
    text = switch.appctl("dpctl/dump-conntrack", "-s", "zone=5")
    assert re.search(r"icmp,.*timeout=77\d", text), text
