# SPDX-License-Identifier: Apache-2.0
"""Tunnels on this switch and on Debian's, both on dummy datapaths: what is said of options, good and bad, and how packets out of
tunnels and into them are traced.

Left out of the comparison: numbers that datapaths give, and that Debian's dummies build the outer header themselves while ours
leave it to the datapath, as both do on a kernel; and the flow after a packet was not sent to ourselves, of which Open vSwitch
keeps what the tunnel would have set."""
import difflib
import json
import re

import pytest

from conftest import Switch, wait_until
from test_peer_text import Peer, on_switch

pytestmark = pytest.mark.peer

TUNNELS = {
    "t11": "vxlan remote_ip=1.1.1.1 key=5",
    "t12": "geneve remote_ip=flow key=flow",
    "t13": "gre remote_ip=1.1.1.1 local_ip=2.2.2.2 key=7 tos=inherit ttl=inherit df_default=false csum=true",
    "t14": "vxlan remote_ip=2001:db8::1 local_ip=2001:db8::2 in_key=5 out_key=6 tos=0x40 ttl=9 csum=true",
    "t15": "vxlan remote_ip=flow key=flow exts=gbp dst_port=4790",
    "t16": "erspan remote_ip=1.1.1.9 key=3 erspan_ver=1 erspan_idx=9",
    "t17": "ip6gre remote_ip=2001:db8::1 key=flow",
    "t18": "gre remote_ip=1.1.1.11",
    "t19": "vxlan remote_ip=flow local_ip=flow in_key=4 out_key=flow",
    "t20": "vxlan remote_ip=1.1.1.2 in_key=flow",
}
# Refused by both, with the same words.
BAD = ["vxlan remote_ip=host.example", "vxlan local_ip=1.2.3.4", "vxlan remote_ip=1.2.3.4 local_ip=flow",
       "vxlan remote_ip=224.0.0.1", "geneve remote_ip=ff02::1", "vxlan remote_ip=1.2.3.4 local_ip=2001::1",
       "vxlan remote_ip=1.2.3.4 packet_type=legacy_l3", "gre remote_ip=1.2.3.4 packet_type=bad",
       "erspan remote_ip=1.2.3.4 erspan_ver=3", "erspan remote_ip=1.2.3.4 erspan_ver=1 erspan_idx=0xfffffff", "geneve"]
FLOWS = """
in_port=1,icmp,actions=output:11,output:13,output:1
in_port=1,tcp,actions=set_field:10.1.1.1->tun_dst,set_field:9->tun_id,output:12,output:2
in_port=1,udp,actions=output:12
in_port=1,arp,actions=output:13,output:14,output:18
in_port=1,sctp,actions=set_field:10.1.1.1->tun_dst,set_field:5->tun_gbp_id,output:15,output:16
in_port=11,actions=output:1
in_port=12,tun_metadata0=0xa,actions=output:1,set_field:0xb->tun_metadata0,in_port
in_port=12,priority=5,actions=output:2
in_port=13,actions=output:90,output:1
in_port=14,actions=output:1,move:tun_id[0..31]->reg0[],output:2
in_port=15,tun_gbp_id=5,actions=output:1
in_port=16,actions=output:1
in_port=18,actions=output:2
in_port=19,actions=LOCAL
"""
IP = "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=1,tos=%s,ttl=64,frag=no)," \
     "icmp(type=8,code=0)"
RECEIVED = [
    ("tun_id=0x5,src=1.1.1.1,dst=3.3.3.3,ttl=64,flags(df|key)", "vxlan_sys_4789", "0"),
    ("tun_id=0x5,src=1.1.1.1,dst=3.3.3.3,tos=0x3,ttl=64,flags(df|csum|key)", "vxlan_sys_4789", "0x1"),
    ("tun_id=0x5,src=1.1.1.1,dst=3.3.3.3,tos=0x2,ttl=64,flags(key)", "vxlan_sys_4789", "0x2"),
    ("tun_id=0x6,src=1.1.1.1,dst=3.3.3.3,ttl=64,flags(key)", "vxlan_sys_4789", "0"),
    ("tun_id=0x4,src=9.1.1.1,dst=3.3.3.3,ttl=64,flags(key)", "vxlan_sys_4789", "0"),
    ("tun_id=0x5,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,ttl=64,flags(key)", "vxlan_sys_4789", "0"),
    ("tun_id=0x6,src=1.1.1.1,dst=3.3.3.3,ttl=64,flags(df|key)", "genev_sys_6081", "0"),
    ("tun_id=0x6,src=1.1.1.1,dst=3.3.3.3,ttl=64,geneve({class=0x102,type=0x80,len=4,0xa}),flags(df|key)", "genev_sys_6081", "0"),
    ("tun_id=0x6,src=1.1.1.1,dst=3.3.3.3,ttl=64,geneve({class=0x102,type=0x80,len=4,0xb}),flags(key)", "genev_sys_6081", "0"),
    ("tun_id=0x6,src=1.1.1.1,dst=3.3.3.3,ttl=64,vxlan(gbp(id=5,flags=1)),flags(df|key)", "vxlan_sys_4790", "0"),
    ("tun_id=0x7,src=1.1.1.1,dst=2.2.2.2,ttl=64,flags(df|key)", "gre_sys", "0"),
    ("src=1.1.1.11,dst=2.2.2.2,ttl=64,flags(df)", "gre_sys", "0"),
    ("tun_id=0x3,src=1.1.1.9,dst=3.3.3.3,ttl=64,erspan(ver=1,idx=0x9),flags(key)", "erspan_sys", "0"),
]
SENT = ["in_port=1,icmp,nw_tos=0x10,nw_ecn=3,nw_ttl=7", "in_port=1,tcp", "in_port=1,udp", "in_port=1,arp", "in_port=1,sctp"]


def add(s, name, text, number=None, wait=True):
    kind, *options = text.split()
    s.vsctl(*([] if wait else ["--no-wait"]), "add-port", "br0", name, "--", "set", "interface", name, f"type={kind}",
            *([f"ofport_request={number}"] if number else []), *[f"options:{o}" for o in options])


def plain(text):
    text = re.sub(r"dp port=\d+", "dp port=N", re.sub(r"^port \d+:", "port N:", text, flags=re.M))
    text = re.sub(r"(Megaflow:|Datapath actions:) .*", r"\1", text)
    text = re.sub(r"xid=0x[0-9a-f]+|duration=[0-9.]+s", "X", text)
    if "Not tunneling to our own address" in text:
        text = re.sub(r"(Final flow:) .*", r"\1", text)
    return [line for line in text.split("\n") if "native tunnel" not in line and "kernel tunnel" not in line]


def error_of(s, name):
    data = json.loads(s.vsctl("--format=json", "--columns=ofport,error", "list", "interface", name))["data"]
    return data[0] if data else None


def configure(s, datapath_type):
    s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath_type}", "fail_mode=secure",
            "other-config:hwaddr=aa:aa:aa:aa:aa:aa")
    for i in (1, 2):
        s.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")
    s.vsctl("add-br", "br1", "--", "set", "bridge", "br1", f"datapath_type={datapath_type}", "fail_mode=secure",
            "other-config:hwaddr=aa:aa:aa:aa:aa:ab")
    for br, name, peer in (("br0", "pa", "pb"), ("br1", "pb", "pa")):
        s.vsctl("add-port", br, name, "--", "set", "interface", name, "type=patch", f"options:peer={peer}", "ofport_request=90")
    for name, text in TUNNELS.items():
        add(s, name, text, name[1:])


def transcript(s):
    datapath = "ovs-" + s.vsctl("get", "bridge", "br0", "datapath_type").strip()
    yield "list-tunnels", sorted(plain(s.appctl("ofproto/list-tunnels")))
    for i, text in enumerate(BAD):
        add(s, f"bad{i}", text, wait=False)
        wait_until(f"{text}: an answer", lambda: error_of(s, f"bad{i}")[0] == -1)
        yield text, str(error_of(s, f"bad{i}")).replace(f"bad{i}", "bad").split("\n")
        s.vsctl("--no-wait", "del-port", f"bad{i}")
    for text in ("add-tlv-map br0 {class=0x102,type=0x80,len=4}->tun_metadata0,{class=0x102,type=0x81,len=4}->tun_metadata5",
                 "dump-tlv-map br0", "add-tlv-map br0 {class=0x102,type=0x80,len=4}->tun_metadata1",
                 "add-tlv-map br0 {class=0x104,type=0x80,len=4}->tun_metadata0",
                 "add-tlv-map br0 {class=0x104,type=0x80,len=128}->tun_metadata2",
                 "add-tlv-map br0 {class=0x104,type=0x80,len=4}->tun_metadata64",
                 "del-tlv-map br0 {class=0x104,type=0x80,len=4}->tun_metadata9", "add-tlv-map br0 foo",
                 "add-flow br0 tun_metadata7=0xa,actions=drop"):
        r = s.ofctl(*text.split(" "), check=False)
        lines = [x for x in plain(r.stdout + r.stderr) if "|ofp_match|WARN|" not in x and not re.match("000000[0-9]0 ", x)]
        yield text, [r.returncode] + lines
    path = f"{s.dir}/flows"
    with open(path, "w") as f:
        f.write(FLOWS.strip() + "\n")
    s.ofctl("add-flows", "br0", path)
    for flow in ("priority=2,tun_id=7,actions=LOCAL", "priority=1,tun_dst=0.0.0.0,actions=drop"):
        s.ofctl("add-flow", "br1", flow)
    yield "dump-flows", sorted(plain(s.ofctl("--no-stats", "dump-flows", "br0")))
    for header, port, tos in RECEIVED:
        r = s.appctl("ofproto/trace", datapath, f"tunnel({header}),in_port({port}),{IP % tos}", check=False)
        yield f"{port}: {header}", plain(r.stdout + r.stderr)
    for flow in SENT:
        yield flow, plain(s.appctl("ofproto/trace", "br0", flow))


def run(cls, datapath_type):
    return on_switch(cls, datapath_type, lambda s: dict(transcript(s)), configure, "--enable-dummy")


def test_tunnels_are_those_of_open_vswitch():
    theirs, ours = run(Peer, "dummy"), run(Switch, "netdev")
    different = []
    for what in theirs:
        different += difflib.unified_diff([str(x) for x in theirs[what]], [str(x) for x in ours[what]],
                                          f"Open vSwitch: {what}", "ours", lineterm="")
    assert not different, "\n".join(different)
