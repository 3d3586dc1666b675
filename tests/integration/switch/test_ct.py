# SPDX-License-Identifier: Apache-2.0
"""Connection tracking in the pipeline, on the userspace datapath with its features forced: what Debian's Open vSwitch makes of
the same tables and packets, what is refused where the datapath cannot, and what controllers are told."""
import difflib
import os
import re
import shutil
import uuid

import pytest

from conftest import Switch
from test_peer_text import Peer, configure

CT_FEATURES = ["recirc", "ct_state", "ct_state_nat", "ct_zone", "ct_mark", "ct_label", "ct_orig_tuple", "ct_orig_tuple6",
               "ct_clear", "check_pkt_len"]


def force_features(s, value="true", names=CT_FEATURES):
    for f in names:
        assert s.appctl("dpif/set-dp-features", "br0", f, value).strip() == ""


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


def traces(cls, datapath_type):
    tag = uuid.uuid4().hex[:5]
    s = cls(f"/tmp/oes-{tag}", tag)
    os.mkdir(s.dir)
    try:
        s.start("--enable-dummy=override")
        configure(s, datapath_type)
        if cls is Switch:
            force_features(s)
        replace_flows(s, OTHER_BRIDGE, "br1")
        replace_flows(s, TABLES)
        ret = {}
        for args in TRACES:
            r = s.appctl("ofproto/trace", "br0", *args, "--names", check=False)
            ret[" ".join(args)] = comparable(r.stdout + r.stderr)
        return ret
    finally:
        s.close()
        shutil.rmtree(s.dir, ignore_errors=True)


@pytest.mark.peer
def test_traces_are_those_of_open_vswitch():
    ours, theirs = traces(Switch, "netdev"), traces(Peer, "dummy")
    different = []
    for packet in theirs:
        different += difflib.unified_diff(theirs[packet].split("\n"), ours[packet].split("\n"), f"Open vSwitch: {packet}", "ours",
                                          lineterm="")
    assert not different, "\n".join(different)
