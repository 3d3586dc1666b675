# SPDX-License-Identifier: Apache-2.0
"""Actions that send packets to userspace (sample, debug_slow, controller with a meter), on this switch and on Debian's: traces line by line,
and what the datapath's flows say.

Left out, because it differs on purpose: Debian's dummies build the header of tunnels themselves and it stays in the flow, and a clone that
changes the packet is one here."""
import re

import pytest

from conftest import Switch, wait_until
from test_peer_pipeline import ETHERNET, IP, UDP, differences, plain as plain_trace
from test_peer_text import Peer, on_switch

pytestmark = pytest.mark.peer

SAMPLE = "sample(probability=65535,collector_set_id=1"
# Actions of a rule for IP packets of br0; what begins with "br1:" is one of br1, where the packet goes then.
CASES = [
    SAMPLE + ",obs_domain_id=2,obs_point_id=3),2",
    "sample(probability=655,collector_set_id=1),2",
    "sample(probability=1,collector_set_id=1),2",
    "sample(probability=65534,collector_set_id=1,obs_domain_id=4294967295,obs_point_id=4294967295)",
    "sample(probability=655,collector_set_id=77),sample(probability=65535,collector_set_id=3),2",
    *[f"{SAMPLE}{way}),2" for way in (",ingress", ",egress")],
    *[f"{SAMPLE},sampling_port={port}{way}),2" for port in ("2", "1", "99", "in_port", "local", "pa") for way in ("", ",ingress", ",egress")],
    f"{SAMPLE},sampling_port=t5),2",
    f"{SAMPLE},sampling_port=t5,egress),2",
    f"{SAMPLE},sampling_port=t6),2",
    "sample(probability=65535,collector_set_id=2,sampling_port=t5),2",
    "sample(probability=655,collector_set_id=77,sampling_port=t5),2",
    f"set_field:5->tun_id,set_field:9.9.9.9->tun_dst,{SAMPLE},sampling_port=t6,egress),2",
    f"mod_nw_src:1.1.1.1,{SAMPLE}),2,mod_nw_dst:1.1.1.1,{SAMPLE}),3",
    f"clone({SAMPLE}),3),2",
    f"group:1,{SAMPLE}),2",
    f"load:5->NXM_OF_IN_PORT[],{SAMPLE},sampling_port=1),2",
    f"resubmit(,1),2,{SAMPLE})",
    f"output(port=2,max_len=77),{SAMPLE}),3",
    f"check_pkt_larger(100)->reg0[0],{SAMPLE}),2",
    f"br1:{SAMPLE}),1",
    "br1:debug_slow,1",
    "debug_slow,2",
    "2,clone(debug_slow,3),2",
    f"debug_slow,{SAMPLE}),2",
    "debug_slow",
    "debug_slow,resubmit(,0)",
    "controller(meter_id=5),2",
]


class PeerWithTunnels(Peer):
    """Whose tunnels are not dummies, too."""
    def start(self, *vswitchd_args):
        super().start("--enable-dummy")


def configure(s, datapath_type):
    for br in ("br0", "br1"):
        s.vsctl("add-br", br, "--", "set", "bridge", br, f"datapath_type={datapath_type}", "fail_mode=secure", "protocols=[]")
    for i in (1, 2, 3):
        s.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")
    for br, name, other in (("br0", "pa", "pb"), ("br1", "pb", "pa")):
        s.vsctl("add-port", br, name, "--", "set", "interface", name, "type=patch", f"options:peer={other}", "ofport_request=10")
    s.vsctl("add-port", "br1", "q1", "--", "set", "interface", "q1", "type=dummy", "ofport_request=1")
    s.vsctl("add-port", "br0", "t5", "--", "set", "interface", "t5", "type=geneve", "options:remote_ip=1.2.3.4", "options:key=7", "ofport_request=5")
    s.vsctl("add-port", "br0", "t6", "--", "set", "interface", "t6", "type=vxlan", "options:remote_ip=flow", "options:key=flow", "ofport_request=6")
    if not isinstance(s, Peer):
        for f in ("recirc", "check_pkt_len"):
            s.appctl("dpif/set-dp-features", "br0", f, "true")
    s.ofctl("-O", "OpenFlow15", "add-group", "br0", f"group_id=1,type=all,bucket=actions={SAMPLE}),3,bucket=actions=2")


def add_collectors(s):
    """Sets 1 to 3 of br0: with the outer headers of tunnels, without, and for nobody. None of br1."""
    s.vsctl("--", "--id=@b", "get", "bridge", "br0", "--", "--id=@i", "create", "IPFIX", "targets=\"127.0.0.1:9\"",
            "--", "create", "Flow_Sample_Collector_Set", "id=1", "bridge=@b", "ipfix=@i",
            "--", "--id=@j", "create", "IPFIX", "targets=\"127.0.0.1:9\"", "other_config:enable-tunnel-sampling=false",
            "--", "create", "Flow_Sample_Collector_Set", "id=2", "bridge=@b", "ipfix=@j",
            "--", "--id=@k", "create", "IPFIX", "sampling=5", "--", "create", "Flow_Sample_Collector_Set", "id=3", "bridge=@b", "ipfix=@k")


def plain(s, text):
    numbers = {datapath: bridge for bridge, datapath in re.findall(r"(?m)^ +(\w+) \d+/(\d+):", s.appctl("dpif/show"))}
    text = re.sub(r"(output_port|out_port)=(\d+)", lambda m: f"{m[1]}={numbers.get(m[2], m[2])}", text)
    text = re.sub(r"set\(tunnel\((?:[^()]|\([^()]*\))*\)\),?", "", text)
    text = re.sub(r"(output_port|out_port)=(6081|4789|t5|t6)", r"\1=TUNNEL", text)
    # The header that a tunnel would set stays in the flow there.
    if "TUNNEL" in text:
        text = re.sub(r"(?m)^Final flow: .*\n", "", text)
    return plain_trace(s, text)


def traces(s, cases=CASES):
    """Each case has an address of its own."""
    flows = {"br0": [f"table=1,cookie=0x99,ip,actions={SAMPLE})"], "br1": []}
    for i, case in enumerate(cases):
        where, actions = case.split(":", 1) if case.startswith("br1:") else ("br0", case)
        flows[where].append(f"ip,nw_dst=9.9.9.{i},actions={actions}")
        if where == "br1":
            flows["br0"].append(f"ip,nw_dst=9.9.9.{i},actions=10,2")
    for br in flows:
        with open(f"{s.dir}/flows", "w") as f:
            f.write("\n".join(flows[br]) + "\n")
        s.ofctl("-O", "OpenFlow15", "add-flows", br, f"{s.dir}/flows")
    return {case: plain(s, s.appctl("ofproto/trace", "br0", UDP.replace("5.6.7.8", f"9.9.9.{i}"))) for i, case in enumerate(cases)}


def with_collectors(s):
    add_collectors(s)
    # The database is applied by then: a sample is traced.
    s.ofctl("add-flow", "br0", f"actions={SAMPLE})")
    wait_until("samples are told of", lambda: "flow_sample" in s.appctl("ofproto/trace", "br0", UDP))
    s.ofctl("del-flows", "br0")
    return traces(s)


def compare(work):
    theirs, ours = (on_switch(*kind, work, configure) for kind in ((PeerWithTunnels, "dummy"), (Switch, "netdev")))
    different = []
    for what in theirs:
        different += differences(what, ours[what], theirs[what])
    assert not different, "\n".join(different)


def test_samples_are_translated_as_debians_does():
    compare(with_collectors)


def test_nothing_is_counted_where_debians_counts_nothing():
    compare(lambda s: traces(s, CASES[::6]))


# Of a bridge's own samples: its settings, and actions for IP packets. Not those that cut packets: there the sample is cut in place of the
# packet, by the datapath's rules for trunc. And enable-input-sampling and enable-output-sampling, which its manual knows, change nothing there.
BRIDGES = ["sampling=1", ""]
SENT = ["2,3", "drop", "mod_nw_src:1.1.1.1,2,mod_nw_src:2.2.2.2,3", "10,2", "local", "in_port", "99", "controller,2",
        f"{SAMPLE}),2", "clone(2),3", "group:1", "resubmit(,1),2"]


def bridge_traces(s):
    found = {}
    with open(f"{s.dir}/flows", "w") as f:
        f.write("\n".join([f"ip,nw_dst=9.9.9.{i},actions={actions}" for i, actions in enumerate(SENT)]) + "\n")
    s.ofctl("-O", "OpenFlow15", "add-flows", "br0", f"{s.dir}/flows")
    s.ofctl("add-flow", "br1", "actions=1")
    for settings in BRIDGES:
        s.vsctl("--", "--id=@i", "create", "IPFIX", "targets=\"127.0.0.1:9\"", *settings.split(), "--", "set", "bridge", "br0", "ipfix=@i")
        for i, actions in enumerate(SENT):
            found[settings, actions] = plain(s, s.appctl("ofproto/trace", "br0", UDP.replace("5.6.7.8", f"9.9.9.{i}")))
        s.vsctl("clear", "bridge", "br0", "ipfix")
    return found


def test_bridges_sample_where_debians_do():
    compare(bridge_traces)


# What a packet's flow is in the datapath.
FLOWS = ["debug_slow,2", "2,debug_slow", f"{SAMPLE}),2", f"debug_slow,{SAMPLE})", "controller(meter_id=3)"]


def flows(s):
    add_collectors(s)
    found = {}
    for actions in FLOWS:
        s.ofctl("del-flows", "br0")
        s.ofctl("add-flow", "br0", f"in_port=1,ip,actions={actions}")
        s.appctl("revalidator/purge")
        for _ in range(3):
            s.appctl("netdev-dummy/receive", "p1", ETHERNET + "0800" + IP.hex())
        wait_until(f"{actions}: all packets have come", lambda: re.search("packets:[23]", s.appctl("dpctl/dump-flows")))
        text = s.appctl("dpctl/dump-flows", "--names")
        found[actions] = re.sub(r"recirc_id=\d+|dont_send=\d", "X", re.findall(r"actions:(.*)", text)[0])
        s.appctl("revalidator/wait")
        found[actions, "counted"] = re.findall(r"packet_count=\d+ byte_count=\d+", s.ofctl("dump-aggregate", "br0"))
    return found


def test_flows_of_the_slow_path_are_debians():
    theirs, ours = (on_switch(*kind, flows, configure) for kind in ((PeerWithTunnels, "dummy"), (Switch, "netdev")))
    assert ours == theirs
