# SPDX-License-Identifier: Apache-2.0
"""learn and fin_timeout beside Debian's: the same packets and the same virtual time, and the rules that are there afterwards.

Left out of the comparison: ages, as a rule learned again is as old here as it is, there as the translation that asked for it."""
import re

import pytest

from test_peer_text import assert_same_texts, force_features, plain, unordered
from conftest import Switch, wait_until

pytestmark = pytest.mark.peer

MAC_LEARNING = """
table=0,priority=1,actions=learn(table=10,hard_timeout=30,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]),resubmit(,1)
table=1,actions=resubmit(,10),resubmit(,2)
table=2,priority=2,reg0=0,actions=FLOOD
table=2,priority=1,actions=output:NXM_NX_REG0[]
"""
# As Neutron's agent has them: what comes out of a tunnel says where to send what goes back.
NEUTRON = """
table=0,priority=1,actions=set_tunnel:0x2a,resubmit(,10)
table=10,priority=1,actions=learn(table=20,hard_timeout=300,priority=1,cookie=0x8d5b,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:OXM_OF_IN_PORT[]),output:3
table=20,priority=0,actions=drop
"""
# As Antrea has them: clients stay with the endpoint that was chosen for them.
ANTREA = """
table=0,priority=200,tcp,nw_dst=10.96.0.1,tp_dst=443,actions=load:0xa0a0001->NXM_NX_REG3[],load:0x50->NXM_NX_REG4[0..15],resubmit(,40),resubmit(,41)
table=40,priority=0,actions=load:0x1->NXM_NX_REG4[16..18]
table=41,priority=200,tcp,reg4=0x10050/0x7ffff,nw_dst=10.96.0.1,tp_dst=443,cookie=0x104000,actions=learn(table=40,hard_timeout=10800,priority=200,delete_learned,cookie=0x104000,eth_type=0x800,nw_proto=6,OXM_OF_TCP_DST[],NXM_OF_IP_DST[],NXM_OF_IP_SRC[],load:NXM_NX_REG3[]->NXM_NX_REG3[],load:NXM_NX_REG4[0..15]->NXM_NX_REG4[0..15],load:0x2->NXM_NX_REG4[16..18],load:0x1->NXM_NX_REG0[19]),load:0x2->NXM_NX_REG4[16..18],resubmit(,42)
table=41,priority=190,actions=resubmit(,42)
table=42,tcp,reg4=0x20000/0x70000,actions=ct(commit,zone=65520,nat(dst=10.10.0.1:80),exec(load:0x1->NXM_NX_CT_MARK[4])),output:2
"""
LIMITED = """
table=0,actions=learn(table=1,cookie=0x99,limit=2,result_dst=NXM_NX_REG0[3],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,2)
table=2,priority=2,reg0=8,actions=output:3
table=2,priority=1,actions=output:2
"""
ODD = ["load:%s->NXM_NX_REG1[],learn(table=1,output:NXM_NX_REG1[])" % v for v in
       ("0", "0xfff8", "0xfff9", "0xfffa", "0xfffb", "0xfffc", "0xfffd", "0xfffe", "0xffff", "0xff00", "0xfeff", "0x10000", "0xfffffffe")] + [
    "learn(table=1)", "learn(table=1,in_port=in_port,output:in_port)", "learn(table=1,vlan_vid,vlan_vid=5)",
    "learn(table=1,NXM_OF_VLAN_TCI[],load:NXM_OF_VLAN_TCI[]->NXM_OF_VLAN_TCI[],load:1->NXM_NX_REG0[3])",
    "learn(table=0,priority=65535,in_port,output:in_port),learn(table=1,dl_src,load:2->NXM_NX_REG5[0..5],load:NXM_OF_ETH_SRC[0..7]->NXM_NX_REG5[8..15])",
    "clone(learn(table=1,dl_src)),learn(table=1,dl_src,load:2->NXM_NX_REG5[0..5])",
    "learn(table=1,eth_type=0x800,nw_proto=6,tcp_flags,nw_frag,ip_frag,idle_timeout=3,tcp_src)",
    "learn(table=1,eth_type=0x800,nw_src[0..4]=nw_dst[2..6],reg0=0x55,ct_mark,metadata,tun_id)",
    "learn(table=1,load:0->NXM_OF_ETH_SRC[])", "learn(table=1,fin_idle_timeout=3)", "learn(table=1,hard_timeout=3,limit=5,result_dst=reg3[31])",
    "learn(table=1,eth_dst=eth_src,output:reg0),learn(table=1,eth_dst=eth_src,load:1->reg0)",
    "learn(table=1,eth_type=0x800,nw_proto=6,NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[],load:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],load:0xa->NXM_OF_IP_SRC[0..7])"]


def configure(s, datapath_type):
    s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath_type}", "fail_mode=secure")
    for i in (1, 2, 3):
        s.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")
    if isinstance(s, Switch) and datapath_type == "netdev":
        force_features(s)
    s.appctl("time/stop")


def replace_rules(s, text):
    with open(f"{s.dir}/rules", "w") as f:
        f.write(text.strip() + "\n")
    s.ofctl("del-flows", "br0")
    s.ofctl("add-flows", "br0", f"{s.dir}/rules")
    s.appctl("revalidator/wait")


def rules(s, *more):
    lines = plain(s.ofctl("dump-flows", "br0", *more))
    return unordered([re.sub(r", hard_age=\d+", "", re.sub(r"n_bytes=\d+", "n_bytes=N", line)) for line in lines])


def trace(s, *words):
    return plain(s.appctl("ofproto/trace", "br0", *words))


def flow_mod(s, *words):
    s.ofctl(words[0], "br0", *words[1:])
    s.appctl("revalidator/wait")


def warp(s, msec):
    s.appctl("time/warp", str(msec))
    s.appctl("revalidator/wait")


def n_packets(s):
    return sum(int(n) for n in re.findall(r"table=0, n_packets=(\d+)", s.ofctl("dump-flows", "br0", "table=0")))


def receive(s, port, src=1, flags="0x010"):
    """A packet, and the time that it takes until its megaflow has counted it."""
    before = n_packets(s)
    s.appctl("netdev-dummy/receive", f"p{port}", f"in_port({port}),eth(src=00:00:00:00:00:0{src},dst=00:00:00:00:00:02),eth_type(0x0800),"
             f"ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=9),tcp_flags({flags})")

    def counted():
        s.appctl("revalidator/wait")
        return n_packets(s) > before
    wait_until("the packet was counted", counted)


def mac_learning(s):
    replace_rules(s, MAC_LEARNING)
    hosts = [(1, 1, 2), (2, 2, 1), (1, 1, 2), (3, 1, 2), (2, 2, 1), (1, 3, 2)]
    for port, src, dst in hosts:
        packet = f"in_port={port},dl_vlan=5,tcp,dl_src=00:00:00:00:00:0{src},dl_dst=00:00:00:00:00:0{dst}"
        yield f"{packet} before", trace(s, packet)
        yield packet, trace(s, packet, "-generate")
        yield f"{packet} rules", rules(s)
    s.ofctl("packet-out", "br0", "in_port=2,packet=00000000000200000000000108004500,actions=resubmit(,0)")
    yield "packet-out", rules(s)
    warp(s, 31000)
    yield "expired", rules(s)


def neutron(s):
    replace_rules(s, NEUTRON)
    for i in range(4):
        receive(s, 1, src=1 + i % 2)
        warp(s, 1000)
        yield f"packet {i}", rules(s)
    yield "back", trace(s, "in_port=2,tcp,dl_dst=00:00:00:00:00:01")
    for i in range(6):
        warp(s, 100000)
        yield f"after {i}", rules(s)


def antrea(s):
    replace_rules(s, ANTREA)
    packet = "in_port=1,tcp,nw_src=10.1.0.1,nw_dst=10.96.0.1,tcp_dst=443,tcp_src=7"
    for i in range(3):
        yield f"first {i}", trace(s, packet, "-generate")
        yield f"rules {i}", rules(s)
        packet = packet.replace("10.1.0.1", "10.1.0.2")
    s.ofctl("--strict", "del-flows", "br0", "table=41,priority=200,tcp,reg4=0x10050/0x7ffff,nw_dst=10.96.0.1,tp_dst=443")
    yield "service deleted", rules(s)


def timeouts(s):
    replace_rules(s, "table=0,actions=learn(table=1,hard_timeout=8,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])")
    for i in range(5):
        receive(s, 1)
        warp(s, 3600)
        yield f"hard {i}", rules(s)
    for i in range(6):
        warp(s, 3000)
        yield f"hard, no traffic {i}", rules(s, "table=1")
    replace_rules(s, """table=0,in_port=1,actions=learn(table=1,idle_timeout=10,priority=7,cookie=0x99,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])
table=0,in_port=2,actions=learn(table=1,idle_timeout=11,priority=7,cookie=0x98,send_flow_rem,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])
table=1,cookie=5,idle_timeout=60,priority=7,dl_dst=00:00:00:00:00:05,actions=3""")
    for i, (port, src) in enumerate([(1, 1), (2, 1), (1, 1), (2, 5), (1, 5)]):
        receive(s, port, src)
        warp(s, 1000)
        yield f"moved {i}", rules(s)
    flow_mod(s, "del-flows", "table=1")
    yield "deleted", rules(s)
    receive(s, 2, 1)
    warp(s, 1000)
    yield "learned again", rules(s)
    flow_mod(s, "mod-flows", "table=0,in_port=2,actions=learn(table=2,NXM_OF_ETH_SRC[])")
    flow_mod(s, "del-flows", "table=1")
    warp(s, 1000)
    receive(s, 2, 1)
    warp(s, 1000)
    yield "what an older rule learned does not come back", rules(s)


def limits(s):
    replace_rules(s, LIMITED)
    for src in (1, 1, 2, 3, 1):
        packet = f"in_port=1,tcp,dl_src=00:00:00:00:00:0{src}"
        yield f"before {src}", trace(s, packet)
        yield f"from {src}", trace(s, packet, "-generate")
        yield f"rules {src}", rules(s, "table=1")
    for src in (1, 2, 3):
        receive(s, 1, src)
        warp(s, 600)
    yield "packets", rules(s)
    flow_mod(s, "del-flows", "table=1")
    warp(s, 1000)
    receive(s, 1, 3)
    warp(s, 1000)
    receive(s, 1, 3)
    warp(s, 1000)
    yield "room again", rules(s)


def delete_learned(s):
    replace_rules(s, """table=0,in_port=1,actions=learn(table=1,cookie=0x99,delete_learned,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])
table=0,in_port=2,actions=learn(table=1,cookie=0x99,delete_learned,NXM_OF_IN_PORT[],output:NXM_OF_IN_PORT[])
table=1,cookie=0x99,ip,actions=drop
table=1,cookie=0x98,arp,actions=drop
table=2,cookie=0x99,arp,actions=drop""")
    receive(s, 1)
    receive(s, 2)
    yield "learned", rules(s)
    flow_mod(s, "del-flows", "table=0,in_port=1")
    yield "one deleted", rules(s)
    flow_mod(s, "mod-flows", "table=0,in_port=2,actions=drop")
    yield "the other modified", rules(s)
    flow_mod(s, "add-flow", "table=0,priority=10,hard_timeout=5,actions=learn(table=1,cookie=0x77,delete_learned,NXM_OF_ETH_SRC[])")
    receive(s, 3)
    flow_mod(s, "add-flow", "table=0,priority=10,hard_timeout=5,actions=learn(table=1,cookie=0x77,delete_learned,NXM_OF_ETH_SRC[]),output:2")
    yield "replaced", rules(s)
    warp(s, 6000)
    yield "expired", rules(s)


def fin_timeouts(s):
    replace_rules(s, "table=0,tcp,idle_timeout=100,hard_timeout=200,actions=fin_timeout(idle_timeout=5,hard_timeout=10),2")
    for words in (["in_port=1,tcp"], ["in_port=1,tcp,tcp_flags=fin"]):
        yield " ".join(words), trace(s, *words)
    for flags in ("0x010", "0x011"):
        receive(s, 1, flags=flags)
        yield f"flags {flags}", rules(s)
    for msec in (4000, 2000):
        warp(s, msec)
        yield f"after {msec}", rules(s)
    replace_rules(s, """table=0,tcp,idle_timeout=3,hard_timeout=200,actions=fin_timeout(idle_timeout=5,hard_timeout=10),2
table=0,priority=1,actions=fin_timeout(idle_timeout=5,hard_timeout=10),2""")
    for words in (["in_port=1,tcp,tcp_flags=rst", "-generate"], ["in_port=1,udp", "-generate"]):
        yield " ".join(words), trace(s, *words)
        yield f"{words[0]} rules", rules(s)
    for n, args in enumerate(["idle_timeout=5,hard_timeout=10", "idle_timeout=5", ""]):
        replace_rules(s, f"table=0,tcp,actions=fin_timeout({args}),2")
        receive(s, 1, flags="0x014")
        yield f"none before {n}", rules(s)
    replace_rules(s, "table=0,tcp,actions=learn(table=1,idle_timeout=60,fin_idle_timeout=2,fin_hard_timeout=9,NXM_OF_ETH_SRC[]),resubmit(,1)")
    for flags in ("0x010", "0x010", "0x011"):
        receive(s, 1, flags=flags)
        warp(s, 600)
        yield f"learned, {flags}", rules(s)
    warp(s, 3000)
    yield "gone", rules(s)


def odd_rules(s):
    for actions in ODD:
        replace_rules(s, f"table=0,tcp,actions={actions}")
        yield actions, trace(s, "in_port=1,tcp,tp_src=5,dl_vlan=7,dl_src=00:00:00:00:00:05", "-generate")
        yield f"{actions}: rules", rules(s, "table=1")


REFUSED = ["actions=learn(table=1,NXM_OF_TCP_DST[],output:NXM_OF_IN_PORT[])", "tcp,actions=learn(table=1,NXM_OF_TCP_DST[],output:NXM_OF_IN_PORT[])",
           "actions=learn(table=254,NXM_OF_IN_PORT[])", "actions=learn(table=255,NXM_OF_IN_PORT[])", "actions=learn(table=1,load:5->NXM_OF_IP_SRC[])",
           "actions=learn(table=1,limit=3,result_dst=NXM_NX_REG0[0..1])", "actions=output:0"]


def refusals(s):
    for rule in REFUSED:
        for version in ("OpenFlow10", "OpenFlow13"):
            r = s.ofctl("-O", version, "add-flow", "br0", rule, check=False)
            text = re.sub(r"^\S+Z\|.*\n", "", r.stdout + r.stderr, flags=re.M)
            yield f"{version} {rule}", plain(text)[:1]
    yield "rules", rules(s)


@pytest.mark.parametrize("transcript", [mac_learning, neutron, antrea, timeouts, limits, delete_learned, fin_timeouts, odd_rules, refusals])
def test_what_packets_do_to_the_tables(transcript):
    assert_same_texts(transcript, configure)
