# SPDX-License-Identifier: Apache-2.0
"""The same rules and packets on this switch and on Debian's, and what both print about them, line by line.

Left out of the comparison, because it differs on purpose: bytes of dummy packets, MAC addresses and datapath numbers of
ports, and what the megaflow of a rewrite or of an untagged packet pins down."""
import difflib
import os
import re
import shutil
import uuid

import pytest

from conftest import Switch

pytestmark = pytest.mark.peer

FLOWS = """
table=0,priority=100,in_port=1,ip,actions=resubmit(,5)
table=0,priority=90,arp,actions=NORMAL
table=0,priority=80,in_port=2,actions=mod_vlan_vid:5,output:3,load:0x5->NXM_NX_REG0[],resubmit(,7)
table=0,priority=70,in_port=3,tcp,actions=load:5->NXM_NX_REG3[0..7],resubmit:2,resubmit(1,7)
table=0,priority=70,in_port=3,udp,actions=clone(load:1->NXM_NX_REG0[],resubmit(,5)),output:10,output:1
table=0,priority=70,in_port=3,icmp,actions=resubmit(3,0)
table=0,priority=70,in_port=3,sctp,actions=output:1,output:10
table=0,priority=85,in_port=2,rarp,actions=output(port=10,max_len=100),output:3
table=0,priority=110,in_port=1,sctp,actions=resubmit(,30),output:77,exit
table=0,priority=110,dl_type=0x88dd,actions=set_queue:1,output:2,enqueue:3:70000,pop_queue,output:3,set_queue:61440,enqueue:1:4294967295,in_port
table=5,priority=10,icmp,actions=dec_ttl,mod_dl_dst:50:54:00:00:00:09,output:2
table=5,priority=5,tcp,tp_dst=80,actions=resubmit(,6),output:3
table=5,priority=5,udp,actions=mod_vlan_pcp:3,move:NXM_OF_IP_SRC[]->NXM_NX_REG1[],move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],output:2
table=7,cookie=0x1234,idle_timeout=60,hard_timeout=3600,send_flow_rem,priority=1,reg0=5,actions=strip_vlan,output:1,in_port
table=8,priority=3,ipv6,ipv6_dst=2001:db8::/32,actions=drop
table=9,priority=9,ip,ct_state=-trk,actions=ct(table=12,zone=NXM_NX_REG0[0..15],nat)
table=9,priority=8,ip,ct_state=+trk+new,ct_zone=5,ct_mark=0x5/0xff,ct_label=0x123/0xfff,actions=ct(commit,force,zone=5,nat(src=10.0.0.1-10.0.0.9:5-9,random),exec(set_field:0x5->ct_mark,set_field:0x6->ct_label)),output:2
table=9,priority=7,ip,ct_state=+est,ct_nw_src=10.0.0.0/8,ct_nw_dst=1.2.3.4,ct_nw_proto=6,ct_tp_src=80,ct_tp_dst=0x50/0xf0,actions=resubmit(,12,ct),resubmit(1,12,ct),ct_clear
table=9,priority=6,ipv6,ct_state=+est,ct_ipv6_src=fe80::/64,ct_ipv6_dst=::1,actions=ct(commit,nat(dst=[fe80::1]-[fe80::5]:80-90,persistent))
table=9,priority=5,tcp,actions=ct(commit,alg=ftp),check_pkt_larger(1500)->NXM_NX_REG0[3],output:1
"""
FLOWS_13 = """
table=0,priority=120,in_port=1,udp,tp_dst=9,actions=write_actions(output:2,set_field:00:00:00:00:00:01->eth_src),goto_table:10
table=10,udp,actions=set_field:5->reg1,write_metadata:5/7,goto_table:11
table=11,udp,actions=clear_actions,write_actions(output:3)
"""
PACKET = "50540000000750540000000508004500001c00000000400166cd0a0000010a000002080000000001000200"
TRACES = [["in_port=1,icmp,nw_ttl=64"], ["in_port=1,icmp,nw_ttl=1", "-generate"], ["in_port=1,tcp,tp_dst=80"],
          ["in_port=1,udp,dl_src=00:00:00:00:00:01,nw_src=1.2.3.4"], ["in_port=2,dl_type=0x1234"], ["in_port=3,tcp"],
          ["in_port=3,udp"], ["in_port=3,icmp"], ["in_port=3,sctp"], ["in_port=1,sctp"], ["in_port=2,rarp"],
          ["in_port=1,icmp,nw_ttl=7", "--names"], ["in_port=1", PACKET], ["in_port=1", "5054"], ["in_port=9,udp6"],
          ["in_port=2,arp,dl_vlan=7,dl_src=00:00:00:00:00:02,dl_dst=00:00:00:00:00:03", "-generate"],
          ["in_port=1,arp,dl_vlan=7,dl_src=00:00:00:00:00:03,dl_dst=00:00:00:00:00:02", "-generate"],
          ["in_port=2,arp,dl_vlan=7,dl_src=00:00:00:00:00:02,dl_dst=00:00:00:00:00:03"],
          ["in_port=1,icmp,recirc_id=0x1f"], ["in_port=1,dl_type=0x88dd"], ["in_port=2,dl_type=0x88dd,skb_priority=7"]]
APPCTL = [["ofproto/list"], ["fdb/show", "br0"], ["fdb/stats-show", "br0"], ["fdb/flush", "br0"], ["fdb/flush"],
          ["fdb/show", "br7"], ["fdb/stats-clear", "br0"], ["fdb/stats-show", "br0"], ["ofproto/trace", "br7", "in_port=1"],
          ["bridge/dump-flows", "br0"], ["bridge/dump-flows", "br7"], ["qos/show", "p1"], ["qos/show", "nothing"], ["qos/show"],
          ["qos/show-types", "p1"], ["qos/show-types", "nothing"], ["qos/show-types"]]
OFCTL = [["dump-flows"], ["dump-flows", "table=5"], ["--no-stats", "dump-flows"], ["--names", "dump-flows"],
         ["dump-aggregate"], ["dump-tables"], ["dump-ports-desc"], ["show"], ["dump-ports"], ["dump-desc"], ["get-frags"]]
VERSIONS = ["OpenFlow10", "OpenFlow13", "OpenFlow15"]


CT_FEATURES = ["recirc", "ct_state", "ct_state_nat", "ct_zone", "ct_mark", "ct_label", "ct_orig_tuple", "ct_orig_tuple6",
               "ct_clear", "check_pkt_len"]


def force_features(s, value="true", names=CT_FEATURES):
    """Pretends that the userspace datapath can what the pipeline needs of it for connection tracking."""
    for f in names:
        assert s.appctl("dpif/set-dp-features", "br0", f, value).strip() == ""


class Peer(Switch):
    def program(self, name):
        base = os.environ.get("OES_PEER_DIR", "/nonexistent")
        path = {"ovsdb-server": "usr/sbin/ovsdb-server", "ovs-vswitchd": "usr/lib/openvswitch-switch/ovs-vswitchd"}
        path = os.path.join(base, path.get(name, f"usr/bin/{name}"))
        if not os.path.exists(path):
            pytest.skip(f"Debian's {name} is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")
        return path

    def start(self, *vswitchd_args):
        self.env["OVS_SYSCONFDIR"] = self.dir
        super().start(*vswitchd_args)


def configure(s, datapath_type):
    bridge = [f"datapath_type={datapath_type}", "fail_mode=secure"]
    for br in ("br0", "br1"):
        s.vsctl("add-br", br, "--", "set", "bridge", br, *bridge, "other-config:hwaddr=aa:aa:aa:aa:aa:aa")
    for i in (1, 2, 3):
        s.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")
    for br, name, other in (("br0", "pa", "pb"), ("br1", "pb", "pa")):
        s.vsctl("add-port", br, name, "--", "set", "interface", name, "type=patch", f"options:peer={other}",
                "ofport_request=10")
    s.vsctl("add-port", "br1", "q1", "--", "set", "interface", "q1", "type=dummy", "ofport_request=1")
    if not isinstance(s, Peer):
        force_features(s)
    s.ofctl("add-flow", "br1", "table=0,in_port=10,actions=resubmit(,1),output:1")
    s.ofctl("add-flow", "br1", "table=1,actions=output:1")
    add_flows(s, "OpenFlow10", FLOWS)


def add_flows(s, version, flows):
    path = f"{s.dir}/flows"
    with open(path, "w") as f:
        f.write(flows.strip() + "\n")
    s.ofctl("-O", version, "add-flows", "br0", path)


def plain(text):
    """Without what is of the moment, or differs on purpose."""
    text = re.sub(r"duration=\d+s", "duration=Ns", re.sub(r"duration=[0-9.]+s", "duration=Ns", text))
    # A slow machine: seconds go by in one of the switches.
    text = re.sub(r"idle_age=\d+", "idle_age=N", re.sub(r"^( .*(?:[0-9a-f]{2}:){5}[0-9a-f]{2}) +\d+$", r"\1 N", text, flags=re.M))
    text = re.sub(r"xid=0x[0-9a-f]+", "xid=X", text)
    text = re.sub(r"addr:[0-9a-f:]{17}", "addr:MAC", text)
    text = re.sub(r"(Megaflow:|Datapath actions:|Software:|capabilities:|actions:) .*", r"\1", text)
    text = re.sub(r"(drop|errs)=\?", r"\1=0", text)
    return [line for line in text.split("\n") if not line.startswith("table_id=254")]


def unordered(lines):
    """Entries of one table or list come in the order of hashes: an entry and what belongs to it, sorted."""
    entries = []
    for line in lines:
        if re.match(r" {10}", line) and entries:
            entries[-1] += "\n" + line
        else:
            entries.append(line)
    return sorted(entries)


def transcript(s):
    for args in TRACES:
        r = s.appctl("ofproto/trace", "br0", *args, check=False)
        yield " ".join(["trace", *args]), plain(r.stdout + r.stderr)
    for args in APPCTL:
        r = s.appctl(*args, check=False)
        lines = plain(r.stdout + r.stderr)
        yield " ".join(args), unordered(lines) if "dump" in args[0] else lines
    for version in VERSIONS:
        if version == "OpenFlow13":
            add_flows(s, version, FLOWS_13)
            yield "trace 1.3", plain(s.appctl("ofproto/trace", "br0", "udp,in_port=1,udp_dst=9"))
        for args in OFCTL:
            options = [a for a in args if a.startswith("--")]
            words = [a for a in args if a not in options]
            r = s.ofctl("-O", version, *options, words[0], "br0", *words[1:], check=False)
            lines = plain(r.stdout + r.stderr)
            if words[0] == "dump-ports" and version == "OpenFlow15":
                lines = [x for x in lines if "ustom" not in x and "CUSTOM" not in x and "_q0_" not in x]
            yield " ".join([version, *args]), unordered(lines) if words[0] in ("dump-flows", "dump-ports") else lines


def on_switch(cls, datapath_type, work, prepare=configure, dummy="--enable-dummy=override"):
    """What 'work' makes of a switch of its own, ours or theirs, that 'prepare' has set up."""
    tag = uuid.uuid4().hex[:5]
    s = cls(f"/tmp/oes-{tag}", tag)
    os.mkdir(s.dir)
    try:
        s.start(dummy)
        prepare(s, datapath_type)
        return work(s)
    finally:
        s.close()
        shutil.rmtree(s.dir, ignore_errors=True)


def assert_same_texts(transcript_of, prepare=configure):
    """'transcript_of' gives pairs of what was asked and the lines that came; both switches give the same."""
    ours, theirs = (on_switch(*kind, lambda s: list(transcript_of(s)), prepare) for kind in ((Switch, "netdev"), (Peer, "dummy")))
    assert [command for command, _ in ours] == [command for command, _ in theirs]
    different = []
    for (command, ours_now), (_, theirs_now) in zip(ours, theirs):
        different += difflib.unified_diff(theirs_now, ours_now, f"Open vSwitch: {command}", "ours", lineterm="")
    assert not different, "\n".join(different)


def test_texts_are_those_of_open_vswitch():
    assert_same_texts(transcript)
