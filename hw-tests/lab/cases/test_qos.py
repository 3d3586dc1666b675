# SPDX-License-Identifier: Apache-2.0
"""Traffic control of ports in a lab guest: hw-tests/lab/run runs this with pytest. What `tc` tells of a device that this switch has
set up, and one that Debian's has set up the same way, is the same."""
import difflib
import json
import os
import re
import subprocess

import pytest

from kernel_switch import KernelSwitch, control, ip, nic, switch, wait_until  # noqa: F401
from test_peer_text import Peer  # noqa: E402


class PeerSwitch(Peer, KernelSwitch):
    pass


def tc(*words):
    return subprocess.run(["tc", *words], capture_output=True, text=True, check=True).stdout


def set_qos(s, port, kind, options="", queues=None):
    """Queues are given as {id: columns}."""
    words = ["set", "port", port, "qos=@qos", "--", "--id=@qos", "create", "qos", f"type={kind}",
             *[f"other_config:{o}" for o in options.split()]]
    queues = queues or {}
    if queues:
        words.append("queues=" + ",".join(f"{q}=@q{q}" for q in queues))
    for q, columns in queues.items():
        words += ["--", f"--id=@q{q}", "create", "queue",
                  *[c if c.startswith("dscp") else f"other_config:{c}" for c in (columns or "none=1").split()]]
    s.vsctl(*words)


def clear_qos(s, port):
    s.vsctl("--", "--all", "destroy", "qos", "--", "--all", "destroy", "queue", "--", "clear", "port", port, "qos")


def device(name="v0"):
    """What the kernel has for what leaves the device and what enters it, without what counts or is a number of the moment."""
    classes = sorted(tc("-d", "class", "show", "dev", name).splitlines())
    filters = re.sub(r"police 0x[0-9a-f]+ |^\s*(ref|cookie) .*", "", tc("-d", "filter", "show", "dev", name, "ingress"), flags=re.M)
    qdiscs = re.sub(r"direct_packets_stat \d+ ", "", tc("-d", "qdisc", "show", "dev", name))
    return qdiscs.splitlines(), classes, [line for line in filters.splitlines() if line.strip()]


@pytest.fixture
def wire():
    ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    for dev in ("v0", "v1"):
        ip("link", "set", dev, "addrgenmode", "none", "up")
    try:
        yield
    finally:
        ip("link", "del", "v0")


# What both make the same of. Left out: rates over 2^32 bytes/s, which Debian's cannot tell the kernel, and numbers that are none,
# which it takes for 0.
QOS = [
    (1500, "linux-htb", "", {}),
    (1500, "linux-htb", "max-rate=1000000", {}),
    (1500, "linux-htb", "max-rate=7", {1: "max-rate=7", 2: "max-rate=15 min-rate=9"}),
    (1500, "linux-htb", "max-rate=1000000000", {1: "min-rate=1000000 max-rate=5000000 burst=80000 priority=3"}),
    (1500, "linux-htb", "max-rate=30000000000", {
        0: "max-rate=20000000", 5: "min-rate=8", 61439: "max-rate=29000000000 min-rate=20000000000", 7: "priority=5 max-rate=0",
        8: "burst=1", 9: "min-rate=3000000 max-rate=1000000", 12: "min-rate=12345 max-rate=777777 burst=99999"}),
    (9000, "linux-htb", "max-rate=1000000", {1: "min-rate=110000", 2: "min-rate=130000 burst=12000", 3: "burst=130000"}),
    (700, "linux-htb", "max-rate=1000000", {1: "min-rate=110000", 2: "min-rate=7000 max-rate=7000", 3: "burst=13000"}),
    (1500, "linux-hfsc", "max-rate=1000000000", {}),
    (1500, "linux-hfsc", "max-rate=1000000000", {
        0: "min-rate=1000000", 1: "min-rate=1000000 max-rate=5000000", 61439: "max-rate=3000000000", 3: "", 4: "min-rate=8",
        5: "min-rate=3000000 max-rate=1000000", 6: "min-rate=1 max-rate=9"}),
    (1500, "linux-sfq", "", {}), (9000, "linux-sfq", "", {}), (1500, "linux-sfq", "perturb=7 quantum=3000", {}),
    (1500, "linux-sfq", "perturb=0 quantum=0", {}),
    (1500, "linux-codel", "", {}), (1500, "linux-codel", "limit=77 target=7000 interval=90000", {}),
    (1500, "linux-fq_codel", "", {}), (9000, "linux-fq_codel", "", {}),
    (1500, "linux-fq_codel", "limit=77 flows=64 quantum=2000 target=7000 interval=90000", {}),
    (1500, "linux-netem", "", {}), (1500, "linux-netem", "latency=5000 limit=77 loss=7", {}),
    (1500, "linux-netem", "latency=50 loss=100", {}),
    (1500, "linux-noop", "", {}),
]


def qos_show(s):
    """Options and queues come in the order of hashes from Debian's."""
    entries = re.split(r"\n\n", s.appctl("qos/show", "v0").rstrip("\n"))
    return sorted("\n".join([e.splitlines()[0]] + sorted(e.splitlines()[1:])) for e in entries)


def unlike(theirs, ours, what):
    text = [[line for part in side for line in (part if isinstance(part, list) else [part])] for side in (theirs, ours)]
    return "\n".join(difflib.unified_diff(*text, f"Open vSwitch: {what}", "ours", lineterm="")) + "\n"


def check_alike(theirs, ours):
    different = "".join(unlike(theirs[what], ours[what], what) for what in theirs)
    assert not different.strip(), different


def each(tmp_path, work):
    """What 'work' makes of Debian's switch, and of ours."""
    results = []
    for cls in (PeerSwitch, KernelSwitch):
        path = tmp_path / cls.__name__
        path.mkdir()
        s = cls(path, "00003")
        try:
            s.start()
            s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system",
                    "protocols=[OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15]",
                    "--", "add-port", "br0", "v0", "--", "set", "interface", "v0", "ofport_request=1")
            results.append(work(s))
        finally:
            s.close()
    return results


def shape_all(s):
    seen = {}
    for mtu, kind, options, queues in QOS:
        ip("link", "set", "v0", "mtu", str(mtu))
        set_qos(s, "v0", kind, options, queues)
        shown = [re.sub(r"(tx_\w+: )\d+", r"\1N", e) for e in qos_show(s)]
        seen[f"{mtu} {kind} {options} {queues}"] = (*device(), shown)
        clear_qos(s, "v0")
    seen["cleared"] = device()
    return seen


def test_disciplines_are_those_of_open_vswitch(wire, tmp_path):
    theirs, ours = each(tmp_path, shape_all)
    check_alike(theirs, ours)


POLICING = [{"rate": 1000}, {"rate": 1000, "burst": 100}, {"rate": 10000000}, {"rate": 10, "burst": 1}, {"burst": 1},
            {"kpkts_rate": 10}, {"kpkts_rate": 10, "kpkts_burst": 3}]


def police_all(s):
    seen = {}
    for setting in POLICING:
        s.vsctl("set", "interface", "v0", *[f"ingress_policing_{k}={setting.get(k, 0)}"
                                           for k in ("rate", "burst", "kpkts_rate", "kpkts_burst")])
        seen[str(setting)] = device()[1:]
    return seen


def test_policing_is_that_of_open_vswitch(wire, tmp_path):
    theirs, ours = each(tmp_path, police_all)
    check_alike(theirs, ours)


FLOWS = """
priority=10,icmp,actions=set_queue:1,output:1,output:LOCAL,pop_queue,output:1
priority=10,tcp,actions=enqueue:1:1,output:LOCAL,enqueue:1:2,output:1
priority=10,udp,actions=set_queue:2,output:LOCAL,enqueue:1:1,output:LOCAL,pop_queue,pop_queue
priority=10,arp,actions=enqueue:1:99,set_queue:99,LOCAL
priority=10,sctp,actions=set_queue:1,output:1
priority=10,ip,nw_proto=77,actions=mod_nw_tos:4,set_queue:1,output:1,enqueue:1:2,output:1
priority=9,ip,actions=set_queue:0,output:1,enqueue:1:0
priority=8,in_port=7,actions=set_queue:70000,output:1,enqueue:1:70000
priority=5,ipv6,actions=enqueue:1:1
priority=5,dl_type=0x88cd,actions=enqueue:LOCAL:1,enqueue:in_port:1,enqueue:99:1
priority=5,dl_type=0x88dd,actions=set_queue:1,normal,pop_queue,flood
priority=5,dl_type=0x88de,actions=set_queue:61439,1,resubmit(,7)
table=7,actions=pop_queue,1
"""
PACKETS = ["in_port=LOCAL,icmp,nw_tos=32", "in_port=LOCAL,tcp,nw_tos=32,nw_ecn=1", "in_port=1,udp", "in_port=1,arp",
           "in_port=LOCAL,sctp,nw_tos=48", "in_port=LOCAL,sctp,nw_tos=8", "in_port=LOCAL,ip,nw_proto=77", "in_port=LOCAL,ip,nw_proto=78",
           "in_port=7", "in_port=LOCAL,tcp6,nw_tos=4", "in_port=LOCAL,dl_type=0x88cd", "in_port=1,dl_type=0x88cd",
           "in_port=LOCAL,dl_type=0x88dd", "in_port=LOCAL,dl_type=0x88de", "in_port=LOCAL,icmp,nw_tos=32,skb_priority=5",
           "in_port=LOCAL,dl_type=0x88de,skb_priority=0x10002"]


def trace_all(s):
    s.vsctl("set", "bridge", "br0", "other_config:hwaddr=aa:aa:aa:aa:aa:aa")
    set_qos(s, "v0", "linux-htb", "max-rate=1000000000", {1: "min-rate=1000000 dscp=12", 2: "min-rate=2000000"})
    s.ofctl("del-flows", "br0")
    for flow in FLOWS.strip().splitlines():
        s.ofctl("-O", "OpenFlow10", "add-flow", "br0", flow)
    # What decides is another question: ours looks at less. Ports of a protocol that has none are shown by ours; and a field that
    # IPv4 and IPv6 share, as one of IPv4.
    seen = {p: re.sub(r"Megaflow: .*|,tp_src=0,tp_dst=0$", "", s.appctl("ofproto/trace", "--names", "br0", p), flags=re.M)
            .replace("ipv6(tclass=", "ipv4(tos=") for p in PACKETS}
    seen["dump-flows 1.0"] = s.ofctl("-O", "OpenFlow10", "--no-stats", "dump-flows", "br0").splitlines()
    seen["dump-flows 1.3"] = s.ofctl("-O", "OpenFlow13", "--no-stats", "dump-flows", "br0").splitlines()
    return {what: sorted(text) if "dump" in what else text.splitlines() for what, text in seen.items()}


def test_queues_are_translated_as_by_open_vswitch(wire, tmp_path):
    theirs, ours = each(tmp_path, trace_all)
    check_alike(theirs, ours)


VERSIONS = ["OpenFlow10", "OpenFlow11", "OpenFlow13", "OpenFlow14", "OpenFlow15"]
OFCTL = ["queue-stats br0", "queue-stats br0 1", "queue-stats br0 ALL", "queue-stats br0 ANY", "queue-stats br0 ALL 1",
         "queue-stats br0 ALL 7", "queue-stats br0 1 1", "queue-stats br0 1 ALL", "queue-stats br0 1 7", "queue-stats br0 77",
         "queue-stats br0 77 1", "queue-stats br0 LOCAL", "queue-stats br0 v0 ALL", "queue-stats br0 foo", "queue-stats",
         "queue-stats br0 1 2 3", "queue-get-config br0", "queue-get-config br0 1", "queue-get-config br0 1 1",
         "queue-get-config br0 1 7", "queue-get-config br0 77", "queue-get-config br0 ANY", "queue-get-config br0 ANY 2",
         "queue-get-config br0 ANY 7", "queue-get-config br0 LOCAL", "queue-get-config br0 v0 2", "queue-get-config br0 3",
         "queue-get-config br0 CONTROLLER", "queue-get-config br0 1 2 3", "queue-get-config"]


def plain(text):
    """Numbers of the moment, and how long queues have been there, which Debian's does not know."""
    text = re.sub(r"\(xid=0x\w+\)|addr:[0-9a-f:]+|state: .*|current: .*|speed: .*", "X", text)
    text = re.sub(r"duration=[0-9.?]+s?", "duration=T", re.sub(r"bytes=\d+, pkts=\d+", "N", text))
    # Log lines of the programs, and bytes of messages, with their numbers.
    return [line for line in text.splitlines() if "|WARN|" not in line and not re.match("[0-9a-f]{8}  ", line)]


def ask_all(s, client, program):
    seen = {}
    for version in VERSIONS:
        for words in OFCTL:
            r = client.run("ovs-ofctl", "-O", version, *words.split(" ")[:1],
                           *[w.replace("br0", f"unix:{s.dir}/br0.mgmt") for w in words.split(" ")[1:]], check=False)
            lines = plain((r.stdout + r.stderr).replace(f"unix:{s.dir}/br0.mgmt", "br0").replace(program, "ovs-ofctl"))
            # Queues and ports come in the order of hashes from Debian's.
            seen[f"{version} {words}"] = sorted(lines)
    return seen


def ask_queues(s):
    s.vsctl("add-port", "br0", "i1", "--", "set", "interface", "i1", "type=internal", "ofport_request=3")
    s.vsctl("add-port", "br0", "i2", "--", "set", "interface", "i2", "type=internal", "ofport_request=4")
    set_qos(s, "v0", "linux-htb", "max-rate=1000000000", {1: "min-rate=1000000", 2: "min-rate=2000000", 12: ""})
    set_qos(s, "i2", "linux-hfsc", "max-rate=1000000000", {2: "min-rate=1000000"})
    own = ask_all(s, s, s.program("ovs-ofctl"))
    if isinstance(s, Peer):
        other = KernelSwitch(s.dir, "00004")
        return own, ask_all(s, other, other.program("ovs-ofctl"))
    return own, own


def test_queues_are_told_as_by_open_vswitch(wire, tmp_path):
    theirs, ours = each(tmp_path, ask_queues)
    different = ""
    for what in theirs[0]:
        different += unlike(theirs[0][what], ours[0][what], what)
        different += unlike(theirs[0][what], theirs[1][what], f"our ovs-ofctl, their switch: {what}")
    assert not different.strip(), different


# ---- Alone ----


def counts(dev="v0"):
    """Of each class: packets sent and dropped."""
    shown = tc("-s", "class", "show", "dev", dev)
    found = re.findall(r"class \w+ (1:\w+) .*\n Sent \d+ bytes (\d+) pkt \(dropped (\d+)", shown)
    return {name: (int(sent), int(dropped)) for name, sent, dropped in found}


@pytest.fixture
def hosts(switch):
    """h0 on port 1 and h1 on port 2 (v1), which know each other: v1 sends what a test sends, and nothing else."""
    for path in ("all", "default"):
        with open(f"/proc/sys/net/ipv6/conf/{path}/disable_ipv6", "w") as f:
            f.write("1")
    switch.add_hosts(2, "fail_mode=secure", "protocols=[OpenFlow10,OpenFlow13,OpenFlow15]")
    switch.know_each_other(("h0", "eth0", "10.98.0.1"), ("h1", "eth0", "10.98.0.2"))
    switch.ofctl("add-flow", "br0", "in_port=2,actions=1")
    return switch


def test_a_packet_goes_through_the_queue_that_its_flow_names(hosts):
    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {1: "min-rate=1000000", 2: "min-rate=2000000"})
    hosts.ofctl("add-flow", "br0", "in_port=1,actions=set_queue:2,output:2")
    assert hosts.ping(0, 1, 5)
    seen = counts("v1")
    assert seen["1:3"] == (5, 0) and seen["1:1"] == (0, 0) and seen["1:2"] == (0, 0), seen
    assert "set(skb_priority(0x10003))" in hosts.appctl("dpctl/dump-flows")
    hosts.ofctl("mod-flows", "br0", "in_port=1,actions=enqueue:2:1")
    assert hosts.ping(0, 1, 3)
    wait_until("the other queue is counted", lambda: counts("v1")["1:2"] == (3, 0))
    hosts.ofctl("mod-flows", "br0", "in_port=1,actions=output:2")
    assert hosts.ping(0, 1, 4)
    assert counts("v1")["1:1"] == (4, 0)
    shown = hosts.appctl("qos/show", "v1")
    assert re.search(r"Queue 2:\n(  .*\n)*  tx_packets: 5\n  tx_bytes: 490\n  tx_errors: 0\n", shown), shown


def test_a_queue_marks_what_goes_through_it(hosts):
    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {1: "dscp=12", 2: ""})
    hosts.ofctl("add-flow", "br0", "in_port=1,actions=enqueue:2:1")
    assert hosts.ping(0, 1)
    assert "set(ipv4(tos=0x30/0xfc)),set(skb_priority(0x10002))" in re.sub(
        r"(set\(skb.*?\)\)),(set\(ipv4.*?\)\))", r"\2,\1", hosts.appctl("dpctl/dump-flows"))
    hosts.ofctl("mod-flows", "br0", "in_port=1,actions=enqueue:2:2")
    wait_until("queue 2 marks nothing", lambda: hosts.ping(0, 1) and "tos=0x30" not in hosts.appctl("dpctl/dump-flows"))


def test_a_restart_disturbs_no_queue(hosts):
    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {1: "min-rate=1000000 burst=100000", 2: "max-rate=5000000"})
    hosts.vsctl("set", "interface", "v0", "ingress_policing_rate=100000")
    hosts.ofctl("add-flow", "br0", "in_port=1,actions=set_queue:2,output:2")
    assert hosts.ping(0, 1, 5)
    before, policer = counts("v1"), tc("filter", "show", "dev", "v0", "ingress")
    hosts.processes["ovs-vswitchd"].kill()
    hosts.processes.pop("ovs-vswitchd").wait(20)
    hosts.start()
    wait_until("the discipline is known again", lambda: "QoS: v1 linux-htb" in hosts.appctl("qos/show", "v1", check=False).stdout)
    after = counts("v1")
    assert after == before and after["1:3"] == (5, 0), (before, after)
    # A filter that was made anew would have a policer of another number.
    assert tc("filter", "show", "dev", "v0", "ingress") == policer


@pytest.mark.parametrize("kind,options", [("linux-hfsc", "max-rate=100000000"), ("linux-sfq", ""), ("linux-codel", "target=7000"),
                                          ("linux-fq_codel", "flows=64"), ("linux-netem", "latency=50")])
def test_a_discipline_without_news_is_left_alone(hosts, kind, options):
    set_qos(hosts, "v1", kind, options)
    hosts.ofctl("add-flow", "br0", "in_port=1,actions=output:2")
    assert hosts.ping(0, 1, 5)
    before = tc("-s", "qdisc", "show", "dev", "v1", "root")
    assert " 5 pkt" in before, before
    hosts.vsctl("set", "bridge", "br0", "other_config:mac-aging-time=100")
    hosts.processes["ovs-vswitchd"].kill()
    hosts.processes.pop("ovs-vswitchd").wait(20)
    hosts.start()
    wait_until("the discipline is known again", lambda: f"QoS: v1 {kind}" in hosts.appctl("qos/show", "v1", check=False).stdout)
    assert tc("-s", "qdisc", "show", "dev", "v1", "root") == before


def test_exit_leaves_traffic_control_and_cleanup_takes_it_away(hosts):
    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {1: ""})
    hosts.vsctl("set", "interface", "v1", "ingress_policing_rate=1000")
    before = device("v1")
    hosts.appctl("exit")
    hosts.processes.pop("ovs-vswitchd").wait(20)
    assert device("v1") == before
    hosts.start()
    hosts.appctl("exit", "--cleanup")
    hosts.processes.pop("ovs-vswitchd").wait(20)
    assert device("v1")[1:] == ([], [])


def test_a_change_of_one_queue_leaves_the_others_alone(hosts):
    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {1: "min-rate=1000000", 2: "max-rate=5000000", 3: "max-rate=6000000"})
    hosts.ofctl("add-flow", "br0", "in_port=1,actions=set_queue:2,output:2")
    assert hosts.ping(0, 1, 5)
    q2 = hosts.vsctl("--bare", "--columns=_uuid", "find", "queue", "other_config:max-rate=5000000").strip()
    hosts.vsctl("set", "queue", q2, "other_config:max-rate=7000000")
    hosts.vsctl("remove", "qos", hosts.vsctl("get", "port", "v1", "qos").strip(), "queues", "3")
    assert counts("v1")["1:3"] == (5, 0)
    shown = tc("class", "show", "dev", "v1")
    assert "class htb 1:3 parent 1:fffe prio 0 rate 12Kbit ceil 7Mbit" in shown and "1:4" not in shown, shown


def test_what_others_put_below_a_queue_is_no_queue(hosts):
    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {1: "min-rate=1000000"})
    tc("qdisc", "add", "dev", "v1", "parent", "1:2", "handle", "20:", "hfsc")
    tc("class", "add", "dev", "v1", "parent", "20:", "classid", "20:7", "hfsc", "ls", "rate", "1mbit")
    shown = hosts.appctl("qos/show", "v1")
    assert re.findall("Default|Queue .*", shown) == ["Default", "Queue 1:"], shown
    hosts.vsctl("--", "--id=@q", "create", "queue", "other_config:min-rate=3000000", "--", "set", "qos",
                hosts.vsctl("get", "port", "v1", "qos").strip(), "queues:3=@q")
    shown = tc("class", "show", "dev", "v1")
    assert "htb 1:4 parent 1:fffe prio 0 rate 3Mbit" in shown and "hfsc 20:7" in shown, shown


def test_queues_tell_how_long_they_have_been_there(hosts):
    def durations():
        shown = hosts.ofctl("-O", "OpenFlow13", "queue-stats", "br0", "2")
        return {int(queue): duration for queue, duration in re.findall(r"queue (\d+): .*duration=(\S+)", shown)}

    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {5: "min-rate=1000000", 1: "min-rate=2000000"})
    qos = hosts.vsctl("get", "port", "v1", "qos").strip()
    hosts.vsctl("--", "--id=@q", "create", "queue", "other_config:min-rate=3000000", "--", "set", "qos", qos, "queues:3=@q")
    hosts.vsctl("remove", "qos", qos, "queues", "1")
    seen = durations()
    assert sorted(seen) == [0, 3, 5] and all(re.fullmatch(r"\d+\.\d{3}s", d) for d in seen.values()), seen
    # Who has not made them cannot know.
    hosts.processes["ovs-vswitchd"].kill()
    hosts.processes.pop("ovs-vswitchd").wait(20)
    hosts.start()
    wait_until("the discipline is known again", lambda: "QoS: v1 linux-htb" in hosts.appctl("qos/show", "v1", check=False).stdout)
    assert durations() == {0: "?", 3: "?", 5: "?"}


def test_a_queue_that_somebody_has_removed_begins_anew(hosts):
    def add(queue):
        hosts.vsctl("--", "--id=@q", "create", "queue", "other_config:min-rate=3000000", "--", "set", "qos", qos, f"queues:{queue}=@q")

    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {5: "min-rate=1000000"})
    qos = hosts.vsctl("get", "port", "v1", "qos").strip()
    hosts.appctl("time/stop")
    hosts.appctl("time/warp", "100000")
    tc("class", "del", "dev", "v1", "classid", "1:6")
    add(3)
    assert "htb 1:6 " in tc("class", "show", "dev", "v1")
    shown = hosts.ofctl("-O", "OpenFlow13", "queue-stats", "br0", "2")
    seen = {int(queue): float(duration) for queue, duration in re.findall(r"queue (\d+): .*duration=([0-9.]+)s", shown)}
    assert seen[0] >= 100 and seen[3] < 100 and seen[5] < 100, seen


def test_a_port_that_leaves_takes_its_discipline_and_policing_along(hosts):
    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {1: ""})
    hosts.vsctl("set", "interface", "v1", "ingress_policing_rate=1000")
    assert "htb" in tc("qdisc", "show", "dev", "v1") and "police" in tc("filter", "show", "dev", "v1", "ingress")
    hosts.vsctl("del-port", "v1")
    assert tc("qdisc", "show", "dev", "v1") == "qdisc noqueue 0: root refcnt 2 \n"


def test_a_device_that_comes_again_gets_what_the_port_has(hosts):
    set_qos(hosts, "v1", "linux-htb", "max-rate=100000000", {1: "min-rate=3000000"})
    hosts.vsctl("set", "interface", "v1", "ingress_policing_rate=1000")
    ip("link", "del", "v1")
    ip("link", "add", "v1", "type", "veth", "peer", "name", "eth0", "netns", "h1")
    wait_until("queue 1 is there", lambda: "1:2 parent 1:fffe prio 0 rate 3Mbit" in tc("class", "show", "dev", "v1"))
    assert "rate 1Mbit" in tc("filter", "show", "dev", "v1", "ingress")


def test_what_others_have_set_up_is_left_alone_with_linux_noop(switch, wire):
    tc("qdisc", "add", "dev", "v0", "root", "handle", "5:", "tbf", "rate", "1mbit", "burst", "10k", "latency", "50ms")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "--", "add-port", "br0", "v0",
                 "--", "set", "port", "v0", "qos=@q", "--", "--id=@q", "create", "qos", "type=linux-noop")
    assert "tbf 5:" in tc("qdisc", "show", "dev", "v0")
    # As Open vSwitch does: a port without QoS has none.
    switch.vsctl("del-port", "v0")
    assert "tbf 5:" in tc("qdisc", "show", "dev", "v0")
    switch.vsctl("add-port", "br0", "v0")
    assert "tbf" not in tc("qdisc", "show", "dev", "v0")
    # What comes later is somebody's business.
    tc("qdisc", "add", "dev", "v0", "root", "handle", "5:", "tbf", "rate", "1mbit", "burst", "10k", "latency", "50ms")
    switch.vsctl("set", "bridge", "br0", "other_config:mac-aging-time=100")
    assert "tbf 5:" in tc("qdisc", "show", "dev", "v0")


def test_filters_of_others_stay_beside_policing(switch, wire):
    tc("qdisc", "add", "dev", "v0", "clsact")
    tc("filter", "add", "dev", "v0", "ingress", "prio", "7", "matchall", "action", "pass")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "--", "add-port", "br0", "v0",
                 "--", "set", "interface", "v0", "ingress_policing_rate=1000")
    shown = tc("filter", "show", "dev", "v0", "ingress")
    assert "pref 1 matchall" in shown and "pref 7 matchall" in shown, shown
    switch.vsctl("set", "interface", "v0", "ingress_policing_rate=0")
    shown = tc("filter", "show", "dev", "v0", "ingress")
    assert "pref 1 " not in shown and "pref 7 matchall" in shown, shown
    switch.vsctl("del-port", "v0")
    assert "pref 7 matchall" in tc("filter", "show", "dev", "v0", "ingress")


def test_rates_over_32_bits_reach_the_kernel(switch, wire):
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "--", "add-port", "br0", "v0")
    set_qos(switch, "v0", "linux-htb", "max-rate=100000000000", {1: "min-rate=40000000000"})
    switch.vsctl("set", "interface", "v0", "ingress_policing_rate=80000000")
    shown = tc("class", "show", "dev", "v0")
    assert "class htb 1:fffe root rate 100Gbit ceil 100Gbit" in shown, shown
    assert "class htb 1:2 parent 1:fffe prio 0 rate 40Gbit ceil 100Gbit" in shown, shown
    assert "rate 80Gbit" in tc("filter", "show", "dev", "v0", "ingress")


BAD = [
    ("linux-foo", "", {}, 'there is no QoS of type "linux-foo" for a Linux device'),
    ("linux-htb", "max-rate=abc", {}, 'linux-htb: other_config:max-rate: "abc" is no number'),
    ("linux-htb", "", {1: "min-rate=-5"}, 'linux-htb: queue 1: other_config:min-rate: "-5" is no number'),
    ("linux-htb", "", {61440: ""}, "linux-htb: queue 61440: linux-htb has queues 0 to 61439"),
    ("linux-hfsc", "max-rate=40000000000", {}, "linux-hfsc: max-rate: linux-hfsc has no more than 34359738360 bit/s"),
    ("linux-sfq", "", {7: ""}, "linux-sfq: queue 7: linux-sfq has no queues"),
    ("linux-netem", "loss=101", {}, "linux-netem: other_config:loss: 101 is over 100"),
]


def test_settings_that_cannot_be_are_refused_with_a_reason(switch, wire):
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "--", "add-port", "br0", "v0")
    for kind, options, queues, text in BAD:
        set_qos(switch, "v0", kind, options, queues)
        switch.vsctl("set", "bridge", "br0", "other_config:mac-aging-time=100")
        with open(f"{switch.dir}/ovs-vswitchd.log") as f:
            assert len(re.findall(re.escape(f"br0: port v0: {text}\n"), f.read())) == 1, text
        clear_qos(switch, "v0")


def test_policing_drops_and_counts(hosts):
    hosts.ofctl("add-flow", "br0", "in_port=1,actions=2")
    hosts.vsctl("set", "interface", "v0", "ingress_policing_rate=10", "ingress_policing_burst=8")
    r = subprocess.run(["ip", "netns", "exec", "h0", "ping", "-c", "100", "-i", "0.002", "-W", "1", "10.98.0.2"],
                       capture_output=True, text=True)
    passed = int(re.search(r"(\d+) received", r.stdout).group(1))
    police = json.loads(tc("-s", "-j", "filter", "show", "dev", "v0", "ingress"))[-1]["options"]["actions"][0]["stats"]
    # A thousand bytes at once, ten packets, and what trickles in meanwhile.
    assert 1 <= passed < 60, passed
    assert police["packets"] == 100 and police["drops"] == 100 - passed, (police, passed)


def test_policing_by_bytes_and_by_packets_takes_effect_together(hosts):
    hosts.ofctl("add-flow", "br0", "in_port=1,actions=2")
    hosts.vsctl("set", "interface", "v0", "ingress_policing_rate=10", "ingress_policing_burst=8",
                "ingress_policing_kpkts_rate=1000", "ingress_policing_kpkts_burst=1000")
    shown = tc("filter", "show", "dev", "v0", "ingress")
    assert "rate 10Kbit" in shown and "pkts_rate 1000000 pkts_burst 1000000" in shown, shown
    subprocess.run(["ip", "netns", "exec", "h0", "ping", "-c", "50", "-i", "0.002", "-W", "1", "10.98.0.2"], capture_output=True)
    acts = json.loads(tc("-s", "-j", "filter", "show", "dev", "v0", "ingress"))[-1]["options"]["actions"]
    assert acts[0]["stats"]["drops"] > 0, acts
    assert acts[1]["stats"]["packets"] == 50 - acts[0]["stats"]["drops"], acts


def test_what_the_host_sends_is_policed_at_the_internal_port(switch):
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "--", "set", "interface", "br0",
                 "ingress_policing_rate=1000")
    assert "rate 1Mbit" in tc("filter", "show", "dev", "br0", "egress")
    switch.vsctl("set", "interface", "br0", "ingress_policing_rate=0")
    assert tc("filter", "show", "dev", "br0", "egress") == ""


# ---- On the simulated NIC ----


def policing(dev="sn0r0"):
    """Where the filter is, and what its policer has counted."""
    filters = [f for f in json.loads(tc("-s", "-j", "filter", "show", "dev", dev, "ingress")) if f.get("kind") == "matchall" and
               "options" in f]
    assert len(filters) == 1, filters
    options = filters[0]["options"]
    return options.get("in_hw", False), options["actions"][0]["stats"]


def offloaded(s):
    return s.appctl("dpctl/dump-flows", "type=offloaded")


def flood(n):
    r = subprocess.run(["ip", "netns", "exec", "h0", "ping", "-c", str(n), "-i", "0.002", "-W", "1", "10.98.0.2"],
                       capture_output=True, text=True)
    return int(re.search(r"(\d+) received", r.stdout).group(1))


@pytest.fixture
def nic_hosts(nic):
    nic.add_nic(2)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"))
    assert nic.send("h0", 2, 5)
    wait_until("both directions are in hardware", lambda: offloaded(nic).count("eth_type(0x0800)") == 2)
    return nic


def test_a_nic_polices_what_it_forwards_by_itself(nic_hosts):
    nic_hosts.vsctl("set", "interface", "sn0r0", "ingress_policing_rate=10", "ingress_policing_burst=8")
    assert policing()[0]
    assert offloaded(nic_hosts).count("eth_type(0x0800)") == 2
    passed = flood(100)
    assert 1 <= passed < 60, passed
    _, counts = policing()
    # The host says something of its own, too.
    assert 100 - passed <= counts["drops"] <= counts["packets"] - passed, (counts, passed)
    assert 100 <= counts["packets"] < 120, counts
    nic_hosts.vsctl("set", "interface", "sn0r0", "ingress_policing_rate=0")
    assert flood(50) == 50
    assert "matchall" not in tc("filter", "show", "dev", "sn0r0", "ingress")
    assert offloaded(nic_hosts).count("eth_type(0x0800)") == 2


def test_policing_stays_when_offload_is_switched_off_and_on(nic_hosts):
    nic_hosts.vsctl("set", "interface", "sn0r0", "ingress_policing_rate=100000")
    shown = tc("filter", "show", "dev", "sn0r0", "ingress", "prio", "1")
    assert "police" in shown
    nic_hosts.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=false")
    wait_until("no rule is left", lambda: "flower" not in tc("filter", "show", "dev", "sn0r0", "ingress"))
    assert tc("filter", "show", "dev", "sn0r0", "ingress", "prio", "1") == shown
    assert flood(20) == 20
    nic_hosts.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    assert nic_hosts.send("h0", 2, 5)
    wait_until("both directions are in hardware again", lambda: offloaded(nic_hosts).count("eth_type(0x0800)") == 2)
    assert tc("filter", "show", "dev", "sn0r0", "ingress", "prio", "1") == shown
    assert "others" not in nic_hosts.appctl("offload/doctor", check=False).stdout


def test_policing_beside_flows_of_hardware_is_no_reason_to_complain(nic_hosts):
    """Their qdisc is there already, and does."""
    nic_hosts.vsctl("set", "interface", "sn0r0", "ingress_policing_rate=100000")
    assert "police" in tc("filter", "show", "dev", "sn0r0", "ingress")
    assert "port sn0r0" not in nic_hosts.log()


def test_flows_beside_a_queue_are_offloaded_and_those_into_it_are_named(nic):
    nic.add_nic(2)
    set_qos(nic, "sn0", "linux-htb", "max-rate=100000000", {1: "dscp=12"})
    assert nic.send("h0", 9, 5)
    wait_until("both directions are in hardware", lambda: offloaded(nic).count("eth_type(0x0800)") == 2)
    assert "skb_priority(0)" in nic.appctl("dpctl/dump-flows", "-m")
    nic.ofctl("add-flow", "br0", "priority=200,ip,nw_dst=10.98.0.9,actions=enqueue:10:1")
    assert nic.send("h0", 9, 5)
    wait_until("one direction is in hardware", lambda: offloaded(nic).count("eth_type(0x0800)") == 1)
    assert counts("sn0")["1:2"][0] >= 5
    flow = next(line for line in nic.appctl("dpctl/dump-flows", "-m").splitlines() if "set(skb_priority" in line)
    why = nic.appctl("offload/why", flow.split(",")[0])
    assert "action-unsupported" in why and "set(skb_priority)" in why, why


def test_a_nic_that_does_not_police_is_named(nic_hosts):
    control("profile", "e810")
    nic_hosts.vsctl("set", "interface", "sn0r1", "ingress_policing_rate=10")
    assert not policing("sn0r1")[0]
    with open(f"{nic_hosts.dir}/ovs-vswitchd.log") as f:
        assert "port sn0r1: the device does not police in hardware, simnic: action police is not supported" in f.read()
