# SPDX-License-Identifier: Apache-2.0
"""Connection tracking in the pipeline, on the userspace datapath with its features forced: what Debian's Open vSwitch makes of
the same tables and packets, what is refused where the datapath cannot, and what controllers are told."""
import difflib
import re
import socket
import subprocess
import threading

import pytest

from conftest import Switch, wait_until
from test_peer_text import Peer, force_features, on_switch

def replace_flows(s, text, bridge="br0", version="OpenFlow13"):
    path = f"{s.dir}/flows"
    with open(path, "w") as f:
        f.write(text.strip() + "\n")
    s.ofctl("del-flows", bridge)
    s.ofctl("-O", version, "add-flows", bridge, path)


# ---- The same tables on both ----

TABLES = """
table=0,priority=10,arp,actions=NORMAL
table=0,priority=100,in_port=1,tcp,tp_dst=80,ct_state=-trk,actions=ct(table=1)
table=1,in_port=1,ip,ct_state=+trk+new,actions=ct(commit),output:2
table=1,in_port=1,ip,ct_state=+trk+est,actions=output:2
table=1,in_port=1,ip,ct_state=+trk+inv,actions=drop

table=0,in_port=1,tcp,tp_dst=81,actions=load:0x5->NXM_NX_REG0[],mod_nw_ttl:7,ct(table=2,zone=NXM_NX_REG0[0..15],nat),output:3
table=2,ct_state=+trk+new,tcp,actions=ct(commit,zone=5,nat(src=10.0.0.1-10.0.0.9:1000-2000,random),exec(set_field:0x5/0xff->ct_mark,set_field:0x10000000000000000->ct_label,move:NXM_OF_ETH_SRC[]->NXM_NX_CT_LABEL[0..47])),resubmit(,3)
table=3,ct_state=+trk,actions=output:2
table=3,ct_state=-trk,actions=output:3

table=0,in_port=1,udp,actions=ct(commit,force,zone=7),ct_clear,output:2
table=0,in_port=1,icmp,actions=ct_clear,output:2
table=0,in_port=2,tcp,actions=ct(table=4)
table=4,tcp,ct_state=+trk,actions=ct_clear,resubmit(,3)

table=0,in_port=2,udp,tp_dst=80,actions=ct(table=5,zone=9)
table=5,ct_state=+trk-inv,udp,actions=resubmit(,6,ct),resubmit(,7)
table=6,udp,nw_src=10.0.0.1,udp_dst=53,actions=output:1
table=6,udp,actions=output:3
table=7,ct_state=+trk-inv,udp,actions=move:NXM_NX_CT_MARK[]->NXM_NX_REG1[],move:NXM_NX_CT_NW_SRC[]->NXM_NX_REG2[],output:1

table=0,in_port=2,icmp,actions=check_pkt_larger(1500)->NXM_NX_REG0[0],resubmit(,8)
table=8,ip,reg0=1,actions=output:1
table=8,ip,reg0=0,actions=mod_nw_src:1.1.1.9,output:3
table=0,in_port=2,sctp,actions=mod_nw_ttl:7,check_pkt_larger(100)->NXM_NX_REG0[0],check_pkt_larger(200)->NXM_NX_REG0[1],resubmit(,9),output:3
table=9,reg0=0x1/0x3,actions=output:1
table=9,reg0=0x3/0x3,actions=output:1,output:3
table=0,in_port=2,udp,tp_dst=81,actions=clone(check_pkt_larger(100)->NXM_NX_REG0[0],output:3),output:1
table=0,in_port=2,udp,tp_dst=82,actions=check_pkt_larger(100)->NXM_NX_REG0[0],exit,output:3
table=0,in_port=2,udp,tp_dst=83,actions=check_pkt_larger(100)->NXM_NX_REG0[0],ct(table=3)
table=0,in_port=2,udp,tp_dst=84,actions=check_pkt_larger(100)->NXM_NX_REG0[0]

table=0,in_port=3,tcp,actions=load:1->NXM_NX_REG0[],ct(table=3),output:1
table=0,in_port=3,icmp,actions=clone(ct(table=3,zone=2)),ct(table=10,zone=3)
table=10,icmp,actions=ct(table=3,zone=4)
table=0,in_port=3,udp,tp_dst=80,actions=ct(commit,table=3,exec(load:5->NXM_NX_CT_MARK[])),output:1
table=0,in_port=3,udp,tp_dst=81,actions=set_field:5->metadata,set_field:7->reg5,set_field:0x12->tun_id,set_field:3->pkt_mark,ct(table=3)
table=0,in_port=3,udp,tp_dst=82,actions=ct(table=40)
table=0,in_port=3,udp,tp_dst=83,actions=ct(commit,table=3,zone=1,nat(dst=3.3.3.3:90)),ct(table=3,zone=2),output:1
table=0,in_port=3,udp,tp_dst=84,actions=ct(commit,nat(src)),ct(commit,nat(dst=2.2.2.2)),ct(nat,zone=4),ct(),ct(commit,exec(set_field:3/1->ct_mark)),ct(commit,exec(set_field:3->ct_label)),ct(commit,exec(set_field:3/3->ct_label))
table=0,in_port=3,sctp,actions=mod_nw_src:10.0.0.7,ct(table=3),move:NXM_OF_IP_DST[]->NXM_OF_IP_SRC[],ct(table=3),output:1
table=0,in_port=3,tcp6,actions=ct(commit,table=3,nat(src=[fe80::1]-[fe80::5]:80-90,random))
table=0,in_port=3,udp6,actions=ct(commit,table=3,nat(dst=fe80::1))
table=0,in_port=3,tcp,tp_dst=21,priority=40000,actions=ct(commit,alg=ftp),ct(alg=ftp),ct(commit,force,alg=ftp,nat(src=1.1.1.1-1.1.1.5,hash),exec(set_field:7->ct_mark))

table=0,in_port=1,sctp,actions=write_actions(ct(table=3),output:2),goto_table:11
table=11,sctp,actions=set_field:5->reg1
table=0,in_port=1,tcp,tp_dst=90,actions=ct(table=12)
table=12,tcp,actions=output:10,output:2
table=0,in_port=1,tcp,tp_dst=91,actions=output:10,ct(table=3)
"""
OTHER_BRIDGE = """
in_port=10,ip,tcp,tp_dst=90,ct_state=+trk,actions=output:1
in_port=10,ip,tcp,tp_dst=90,ct_state=-trk,actions=LOCAL
in_port=10,tcp,tp_dst=91,actions=check_pkt_larger(100)->NXM_NX_REG0[0],output:1
"""
IP = "nw_src=1.1.1.1,nw_dst=2.2.2.2,nw_ttl=64"
IP6 = "ipv6_src=::1,ipv6_dst=::2"
TUPLE = "ct_nw_src=10.0.0.1,ct_nw_dst=2.3.4.5,ct_nw_proto=17,ct_tp_src=52,ct_tp_dst=53,ct_zone=4,ct_mark=5,ct_label=0x12"
TRACES = [
    [f"in_port=1,tcp,tp_dst=80,{IP}"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next", "trk,est"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next", "trk inv"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next", ""],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next=trk"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next", "foo"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next", "est"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next", "trk,new,est"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next", "trk,new,rpl"],
    [f"in_port=1,tcp,tp_dst=80,{IP}", "--ct-next", "trk,inv,rel"],
    [f"in_port=1,tcp,tp_dst=80,ct_state=trk|est,{IP}"],
    *[[f"in_port=1,{p},{IP}"] for p in ("tcp,tp_dst=81", "udp", "icmp", "sctp", "tcp,tp_dst=91")],
    *[[f"in_port=2,{p},{IP}"] for p in ("tcp", "icmp", "udp,udp_dst=80", "udp,udp_dst=81", "udp,udp_dst=82", "udp,udp_dst=83",
                                         "udp,udp_dst=84", "tcp,ct_state=trk|est")],
    *[[f"in_port=3,{p},{IP}"] for p in ("tcp", "icmp", "udp,udp_dst=80", "udp,udp_dst=81", "udp,udp_dst=82", "udp,udp_dst=83",
                                         "udp,udp_dst=84", "sctp", "tcp,tp_dst=21")],
    [f"in_port=3,icmp,{IP}", "--ct-next", "trk,new", "--ct-next", "trk,est,rpl", "--ct-next", "trk,rel,new"],
    [f"in_port=3,tcp6,{IP6}"], [f"in_port=3,udp6,{IP6}"],
    [f"in_port=2,udp,udp_dst=80,ct_state=trk|est,{TUPLE},{IP}"],
]


def comparable(text):
    """Without what differs on purpose: ids, masks of megaflows, whether a controller is there, and the bytes of ports' numbers."""
    ids = {}
    text = re.sub(r"(recirc\(|recirc_id=)(0x[0-9a-f]+)", lambda m: m[1] + ids.setdefault(m[2], f"id{len(ids)}"), text)
    text = re.sub(r"Megaflow: .*\n", "", text)
    text = re.sub(r"action set is: .*", "", text)  # it has ports by number there
    text = re.sub(r"dont_send=\d,continuation=0,recirc_id=\d+", "", text)
    return text.strip()


def traces(s):
    replace_flows(s, OTHER_BRIDGE, "br1")
    replace_flows(s, TABLES)
    ret = {}
    for args in TRACES:
        r = s.appctl("ofproto/trace", "br0", *args, "--names", check=False)
        ret[" ".join(args)] = comparable(r.stdout + r.stderr)
    return ret


@pytest.mark.peer
def test_traces_are_those_of_open_vswitch():
    ours, theirs = on_switch(Switch, "netdev", traces), on_switch(Peer, "dummy", traces)
    different = []
    for packet in theirs:
        different += difflib.unified_diff(theirs[packet].split("\n"), ours[packet].split("\n"), f"Open vSwitch: {packet}", "ours",
                                          lineterm="")
    assert not different, "\n".join(different)


# ---- Bytes ----

FLOWS = """
ip,actions=ct()
ip,actions=ct(table=254,zone=5)
ip,actions=ct(commit,force,zone=65535)
ip,actions=ct(zone=NXM_NX_REG0[0..15],table=2)
ip,actions=ct(zone=eth_src[0..15])
ip,actions=ct(zone=ct_zone)
ip,actions=ct(zone=xreg1[4..19])
ip,actions=ct(zone=metadata[0..15])
tcp,actions=ct(zone=tcp_src)
tcp,actions=ct(commit,alg=ftp)
udp,actions=ct(commit,alg=tftp)
ip,actions=ct(commit,exec(set_field:1/3->ct_mark,set_field:5->ct_label))
ip,actions=ct(commit,exec(set_field:0x10000000000000000/0xff0000000000000000->ct_label))
ip,actions=ct(commit,exec(load:1->NXM_NX_CT_LABEL[60..70]))
ip,actions=ct(commit,exec(move:NXM_OF_ETH_SRC[]->NXM_NX_CT_LABEL[0..47],set_field:1->ct_mark))
ip,actions=ct(nat,table=1,zone=3)
ip,actions=ct(commit,nat(src=10.0.0.1-10.0.0.5:1000-2000,random,persistent))
ip,actions=ct(commit,nat(dst=10.0.0.1:80,hash))
ipv6,actions=ct(commit,nat(dst=fe80::1-fe80::5))
ipv6,actions=ct(commit,nat(dst=[fe80::1]-[fe80::5]:80-90,persistent))
ip,actions=ct(commit,nat(src))
ip,actions=ct(commit,nat(src=0.0.0.0))
ip,actions=ct(commit,nat(src=10.0.0.1),nat(dst=10.0.0.2))
ip,actions=ct(commit,exec(set_field:1->ct_mark),nat)
ip,actions=ct(commit,exec())
ip,actions=ct_clear
ip,ct_state=+trk-inv,actions=resubmit(,1,ct)
ip,ct_state=+est,actions=resubmit(2,1,ct),resubmit(2,,ct)
actions=check_pkt_larger(1500)->reg0[0]
actions=check_pkt_larger:65535->NXM_NX_XXREG0[100]
actions=check_pkt_larger(100)->tun_erspan_dir[0],output:1
vlan_tci=0x1000/0x1000,actions=check_pkt_larger(100)->vlan_pcp[0]
ip,actions=clone(ct(commit,nat(src=1.1.1.1)),output:1),output:2
ct_state=+trk,ct_zone=5,ct_mark=0x5/0xff,ct_label=0x123/0xfff,ip,actions=drop
ct_state=+est,ct_nw_proto=6,ct_nw_src=10.0.0.0/8,ct_nw_dst=1.2.3.4,ct_tp_src=80,ct_tp_dst=0x50/0xf0,ip,actions=drop
ct_state=+est,ct_nw_proto=17,ct_ipv6_src=fe80::/64,ct_ipv6_dst=::1,ct_tp_src=53,ipv6,actions=drop
"""
BAD_FLOWS = """
nat
nat(src=1.1.1.1)
clone(nat)
ct(zone=70000)
ct(zone=foo)
ct(zone=tcp_src)
ct(zone=reg0[0..15]x)
ct(table=255)
ct(table=256)
ct(table=foo)
ct(force)
ct(alg=ftp)
ct(commit,alg=foo)
ct(foo)
ct(commit,exec(move:NXM_NX_CT_MARK[]->NXM_NX_REG0[]))
ct(commit,exec(output:1))
ct(commit,exec(ct(commit)))
ct(commit,exec(set_field:1->reg0))
ct(commit,exec(mod_dl_src:00:00:00:00:00:01))
ct(commit,exec(check_pkt_larger(1)->ct_mark[0]))
ct(commit,exec(set_field:1->ct_state))
ct(commit,exec(foo))
ct(commit,nat(src,dst))
ct(commit,nat(random))
ct(commit,nat(src=10.0.0.1,random,hash))
ct(commit,nat(foo))
ct(commit,nat(src=10.0.0.5-10.0.0.1))
ct(commit,nat(src=10.0.0.1:90-80))
ct(commit,nat(src=10.0.0.1-fe80::1))
ct(commit,nat(src=fe80::1))
resubmit(2,1,foo)
resubmit(,,ct)
resubmit(,1,ct)
check_pkt_larger(1500)->reg0[0..1]
check_pkt_larger(1500)
check_pkt_larger(1500)->foo
check_pkt_larger(1500)->reg0[0]foo
set_field:1->ct_mark
load:1->NXM_NX_CT_LABEL[]
move:NXM_NX_REG0[]->NXM_NX_CT_MARK[]
write_actions(nat)
"""


class Tap:
    """A socket that leads to a bridge and keeps what comes from the other side."""

    def __init__(self, path, target):
        self.path, self.target, self.bytes = path, target, b""
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(4)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                a, _ = self.server.accept()
            except OSError:
                return
            b = socket.socket(socket.AF_UNIX)
            b.connect(self.target)
            threading.Thread(target=self.copy, args=(a, b, True), daemon=True).start()
            threading.Thread(target=self.copy, args=(b, a, False), daemon=True).start()

    def copy(self, src, dst, keep):
        try:
            while data := src.recv(65536):
                if keep:
                    self.bytes += data
                dst.sendall(data)
        except OSError:
            pass  # the other direction has closed it
        src.close()
        dst.close()

    def flow_mods(self):
        """Without their transaction ids."""
        left, found = self.bytes, []
        self.bytes = b""
        while left:
            n = int.from_bytes(left[2:4], "big")
            if left[1] == 14:
                found.append(left[8:n].hex())
            left = left[n:]
        return found


def sent(s):
    tap = Tap(f"{s.dir}/tap", f"{s.dir}/br0.mgmt")
    ret = {}
    for version in ("OpenFlow13", "OpenFlow15"):
        for flow in FLOWS.strip().split("\n"):
            s.ofctl("-O", version, "add-flow", f"unix:{tap.path}", flow)
            ret[f"{version} {flow}"] = tap.flow_mods()
    for actions in BAD_FLOWS.strip().split("\n"):
        r = s.ofctl("-O", "OpenFlow13", "add-flow", f"unix:{tap.path}", f"ip,actions={actions}", check=False)
        assert r.returncode and not tap.flow_mods(), actions
        ret[actions] = [line for line in r.stderr.splitlines() if not line.startswith("20")]  # without its log
    tap.server.close()
    return ret


@pytest.mark.peer
def test_messages_and_errors_are_those_of_open_vswitch():
    ours, theirs = on_switch(Switch, "netdev", sent), on_switch(Peer, "dummy", sent)
    assert len(theirs) > 100
    assert {k: (v, ours[k]) for k, v in theirs.items() if v != ours[k]} == {}


# ---- What the datapath can ----

FEATURE_COMMANDS = [["br7"], ["br0", "foo"], ["br0", "foo", "true"], ["br0", "ct_state"], ["br0", "ct_state", "maybe"],
                    ["br0", "ct_state", "1"], ["br0", "max_vlan_headers"], ["br0", "max_vlan_headers", "x"],
                    ["br0", "max_vlan_headers", "-1"], ["br0", "ct_state", "FALSE"], ["br0", "ct_state"], ["br0", "CT_state"], []]


def feature_texts(s):
    ret = []
    for args in FEATURE_COMMANDS:
        r = s.appctl("dpif/set-dp-features", *args, check=False)
        ret.append(re.sub(r"\]:\w+", "]:X", r.stdout.strip() + "|" + r.stderr.strip()))
    ret += sorted(re.sub(r"\]:\w+", "]:X", s.appctl("dpif/set-dp-features", "br0")).split("\n"))
    return ret


@pytest.mark.peer
def test_set_dp_features_is_that_of_open_vswitch():
    assert on_switch(Switch, "netdev", feature_texts) == on_switch(Peer, "dummy", feature_texts)


def add_bridge(switch, *start_args):
    switch.start(*start_args)
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure")
    for i in (1, 2, 3):
        switch.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")


def test_features_cannot_be_claimed_beyond_the_datapath_but_by_dummies(switch):
    switch.start()
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
    assert "Can not set value beyond the datapath capability" in switch.appctl("dpif/set-dp-features", "br0", "ct_state", "true")
    assert switch.appctl("dpif/set-dp-features", "br0", "ct_state").strip() == \
        "ct_state (CT state) : [run time]:false, [boot time]:false"
    assert switch.appctl("dpif/set-dp-features", "br0", "recirc", "false").strip() == ""
    assert switch.appctl("dpif/set-dp-features", "br0", "recirc").strip() == \
        "recirc (Recirc) : [run time]:false, [boot time]:true"


def test_features_without_effect_are_not_changed(switch):
    switch.start("--enable-dummy")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
    for name, value, other in (("trunc", "true", "false"), ("max_mpls_depth", "3", "0")):
        r = switch.appctl("dpif/set-dp-features", "br0", name, other, check=False)
        assert r.returncode == 2 and f"nothing here depends on {name}: it stays {value}" in r.stderr, r
        assert f"[run time]:{value}" in switch.appctl("dpif/set-dp-features", "br0", name)
        assert switch.appctl("dpif/set-dp-features", "br0", name, value).strip() == ""


def refusal(switch, flow):
    r = switch.ofctl("-O", "OpenFlow13", "add-flow", "br0", flow, check=False)
    return re.search(r"OFPT_ERROR.*: (\w+)", r.stderr + r.stdout).group(1) if r.returncode else None


def test_rules_that_the_datapath_cannot_carry_out_are_refused(switch):
    add_bridge(switch, "--enable-dummy=override")
    assert refusal(switch, "ip,actions=ct(table=1)") == "NXBAC_CT_DATAPATH_SUPPORT"
    assert "br0: refused: ct needs ct_state, which the datapath does not have" in switch.log()
    assert refusal(switch, "ip,ct_state=+trk,actions=drop") == "NXBMC_CT_DATAPATH_SUPPORT"
    r = switch.ofctl("packet-out", "br0", "in_port=1 packet=" + IP_PACKET + " actions=ct(commit)", check=False)
    assert "NXBAC_CT_DATAPATH_SUPPORT" in r.stdout + r.stderr
    force_features(switch)
    assert refusal(switch, "ip,actions=ct(table=1)") is None
    force_features(switch, "false", ["ct_zone"])
    assert refusal(switch, "ip,actions=ct(table=1,zone=3)") == "NXBAC_CT_DATAPATH_SUPPORT"
    assert refusal(switch, "ip,actions=ct(table=1)") is None
    # A new bridge on the same datapath knows it too.
    switch.vsctl("add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=netdev")
    switch.ofctl("add-flow", "br1", "ip,actions=ct(commit)")
    r = switch.ofctl("add-flow", "br1", "ip,ct_zone=1,actions=drop", check=False)
    assert "NXBMC_CT_DATAPATH_SUPPORT" in r.stdout + r.stderr


# ---- Packets ----

UDP = ("in_port(1),packet_type(ns=0,id=0),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),"
       "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)")
IP_PACKET = "50540000000750540000000508004500001c00000000400166cd0a0000010a000002080000000001000200"


def counter(switch, name):
    return int(switch.appctl("coverage/read-counter", name))


def port(switch, name):
    return re.search(rf"port (\d+): {name}\b", switch.appctl("dpctl/show")).group(1)


def n_packets(switch, match):
    line = [x for x in switch.ofctl("dump-flows", "br0", match).splitlines() if "n_packets" in x]
    return int(re.search(r"n_packets=(\d+)", line[0]).group(1))


def test_packet_for_a_tracker_that_is_not_there_is_dropped_and_counted(switch):
    add_bridge(switch, "--enable-dummy=override")
    force_features(switch)
    switch.ofctl("add-flow", "br0", "in_port=1,ip,actions=ct(table=1)")
    switch.appctl("netdev-dummy/receive", "p1", UDP)
    wait_until("it is dropped", lambda: counter(switch, "drop_action_unsupported") == 1)
    assert switch.flows() == []


def send_round(switch):
    """A flow put in by hand sends the packets of p1 round as the trace of a ct action would; returns the id."""
    switch.ofctl("-O", "OpenFlow13", "add-flow", "br0", "priority=1,in_port=1,ip,actions=load:7->NXM_NX_REG3[],ct(table=5)")
    trace = switch.appctl("ofproto/trace", "br0", "in_port=1,udp")
    ident = re.search(r"Datapath actions: ct,recirc\((0x[0-9a-f]+)\)", trace).group(1)
    # The userspace datapath tracks nothing: recirc alone.
    switch.appctl("dpctl/add-flow", f"recirc_id(0),in_port({port(switch, 'p1')}),eth(),eth_type(0x0800),ipv4(frag=no)",
                  f"recirc({ident})")
    return ident


def test_packet_that_comes_back_goes_on_where_it_stopped(switch):
    add_bridge(switch, "--enable-dummy=override")
    force_features(switch)
    switch.appctl("time/stop")
    switch.ofctl("add-flow", "br0", "table=5,ip,reg3=7,actions=output:2")
    ident = send_round(switch)
    for _ in range(3):
        switch.appctl("netdev-dummy/receive", "p1", UDP)
    wait_until("it comes through", lambda: counter(switch, "upcall") == 1)
    flows = [f for f in switch.flows() if f"recirc_id({ident})" in f]
    assert len(flows) == 1 and "actions:p2" in flows[0]
    wait_until("the rules count", lambda: n_packets(switch, "table=5") == 3)
    assert n_packets(switch, "table=0,in_port=1,ip") == 0  # what came before ct is not this pass's
    # What is behind the jump follows the tables.
    switch.ofctl("mod-flows", "br0", "table=5,ip,reg3=7,actions=output:3")
    switch.appctl("revalidator/wait")
    wait_until("the flow follows", lambda: "actions:p3" in [f for f in switch.flows() if f"recirc_id({ident})" in f][0])


def test_packet_whose_state_is_gone_is_dropped_and_leaves_no_flow(switch):
    add_bridge(switch, "--enable-dummy=override")
    force_features(switch)
    switch.appctl("time/stop")
    switch.ofctl("add-flow", "br0", "table=5,ip,reg3=7,actions=output:2")
    ident = send_round(switch)
    switch.appctl("time/warp", "10000", "500")
    before = counter(switch, "drop_recirculation_state_gone")
    switch.appctl("netdev-dummy/receive", "p1", UDP)
    wait_until("it is dropped", lambda: counter(switch, "drop_recirculation_state_gone") == before + 1)
    assert not [f for f in switch.flows() if f"recirc_id({ident})" in f]
    # Known again, under the same number, once something is translated that leads to it.
    assert ident in switch.appctl("ofproto/trace", "br0", "in_port=1,udp")
    switch.appctl("netdev-dummy/receive", "p1", UDP)
    wait_until("it comes through", lambda: [f for f in switch.flows() if f"recirc_id({ident})" in f])


def test_state_stays_as_long_as_flows_name_it(switch):
    add_bridge(switch, "--enable-dummy=override")
    force_features(switch)
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:max-idle=600000")
    switch.appctl("time/stop")
    switch.ofctl("add-flow", "br0", "table=5,ip,reg3=7,actions=output:2")
    ident = send_round(switch)
    switch.appctl("netdev-dummy/receive", "p1", UDP)
    wait_until("there is a flow", lambda: [f for f in switch.flows() if f"recirc_id({ident})" in f])
    switch.appctl("time/warp", "30000", "500")
    switch.ofctl("mod-flows", "br0", "table=5,ip,reg3=7,actions=output:3")
    switch.appctl("revalidator/wait")
    wait_until("the flow follows", lambda: "actions:p3" in [f for f in switch.flows() if f"recirc_id({ident})" in f][0])


def test_controller_is_told_what_the_pipeline_knows(switch):
    add_bridge(switch, "--enable-dummy=override")
    for name, other, br in (("pa", "pb", "br0"), ("pb", "pa", "br1")):
        switch.vsctl("--may-exist", "add-br", br, "--", "set", "bridge", br, "datapath_type=netdev", "fail_mode=secure",
                     "--", "add-port", br, name, "--", "set", "interface", name, "type=patch", f"options:peer={other}",
                     "ofport_request=10")
    switch.ofctl("-O", "OpenFlow13", "add-flow", "br0", "in_port=1,actions=set_field:5->metadata,set_field:7->reg5,"
                 "set_field:3->pkt_mark,controller,output:10")
    switch.ofctl("-O", "OpenFlow13", "add-flow", "br1", "in_port=10,actions=set_field:8->reg1,controller")
    outputs = {}
    for br in ("br0", "br1"):
        outputs[br] = f"{switch.dir}/monitor-{br}"
        p = subprocess.Popen([switch.program("ovs-ofctl"), "-O", "OpenFlow13", "monitor", br, "65534"], env=switch.env,
                             stdout=open(outputs[br], "w"), stderr=subprocess.STDOUT)
        switch.processes[f"monitor-{br}"] = p

    def told(br):
        with open(outputs[br]) as f:
            return f.read()
    # A monitor that is not there yet hears nothing: packets until both have heard one.
    def heard():
        switch.appctl("netdev-dummy/receive", "p1", UDP)
        return all("PACKET_IN" in told(br) for br in outputs)
    wait_until("controllers are told", heard)
    assert "pkt_mark=0x3,reg5=0x7,metadata=0x5,in_port=1 (via action)" in told("br0")
    assert "pkt_mark=0x3,reg1=0x8,in_port=10 (via action)" in told("br1")
    assert "reg5" not in told("br1")


def test_a_limit_of_a_zone_that_the_datapath_cannot_keep_is_logged(switch):
    switch.start()
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
    switch.vsctl("--id=@dp", "create", "Datapath", "datapath_version=0", "--", "set", "Open_vSwitch", ".", "datapaths:netdev=@dp")
    switch.vsctl("set-zone-limit", "netdev", "zone=7", "1")
    assert switch.vsctl("list-zone-limits", "netdev") == "Zone:7, Limit: 1\n"
    wait_until("the log tells of it", lambda: "netdev: connection tracking: limits of zones: " in switch.log())
