# SPDX-License-Identifier: Apache-2.0
"""encap and decap: ofproto/trace on this switch and on Debian's, line by line, with the datapath's actions and the megaflow; which rules bare
packets meet; and what leaves, byte by byte.

Left out, because it differs on purpose, or because Debian's ends with an assertion: labels around a packet that has labels, or that are taken
off again; push_mpls on bare packets; several buckets that put headers on, which there take them off again; tags that are pushed on bare packets; fields that are set in bare packets, which there are not; several
labels that go at once; a clone that goes round, behind which there nothing is done; a next protocol that is not known, which there is not matched;
headers that are longer than NSH's length can say."""
import re
import struct

import pytest

from conftest import Switch, wait_until
from test_peer_pipeline import configure, differences, frames, plain
from test_peer_text import Peer, on_switch

pytestmark = pytest.mark.peer

ETHERNET = "505400000007505400000005"
IP = "4500001c000000000401a0cb0a0000010102030400000000ffff0000"
IP6 = "60000000" "00003b40" + "00" * 32
UDP = "in_port=1,udp,nw_src=1.2.3.4,nw_dst=5.6.7.8,nw_ttl=9,nw_tos=20,dl_src=00:00:00:00:00:07,dl_dst=00:00:00:00:00:08,udp_src=5,udp_dst=6"
UDP6 = "in_port=1,udp6,ipv6_src=::1,ipv6_dst=::2,nw_ttl=9"
ARP = "in_port=1,arp,dl_src=00:00:00:00:00:07"
OTHER = "in_port=1,dl_type=0x1234"
BARE = "in_port=1,packet_type=(1,0x800),nw_src=1.2.3.4"


def nsh(np, inner, md=1, metadata="00000011000000120000001300000014"):
    return f"{63 << 6 | 2 + len(metadata) // 8:04x}{md:02x}{np:02x}00123405{metadata}{inner}"


def packet(rest, tags=""):
    return f"in_port=1 {ETHERNET}{tags}{rest}"


NSH_ETHERNET = packet("894f" + nsh(3, ETHERNET + "0800" + IP))
NSH_IP = packet("894f" + nsh(1, IP))
NSH_IP6 = packet("894f" + nsh(2, IP6))
NSH_NSH = packet("894f" + nsh(4, nsh(1, IP)))
NSH_VARIABLE = packet("894f" + nsh(3, ETHERNET + "0800" + IP, md=2, metadata="0001000412345678"))
LABEL = packet("8847" + "00005340" + IP)
TAGGED = packet("894f" + nsh(1, IP), tags="81000005")
PLAIN = packet("0800" + IP)

TABLES = """
table=1,priority=9,packet_type=(1,0x894f),actions=decap(),2
table=1,priority=1,actions=2
table=2,priority=9,actions=decap(),resubmit(,3)
table=3,priority=9,packet_type=(1,0x894f),actions=decap(),resubmit(,4)
table=3,priority=9,packet_type=(0,0),actions=2
table=3,priority=8,packet_type=(1,0x8847),actions=decap(packet_type(ns=1,type=0x800)),resubmit(,4)
table=3,priority=1,actions=3
table=4,priority=1,actions=2
table=7,priority=9,ip,actions=3
table=7,priority=8,dl_type=0x894f,actions=3
table=7,priority=7,mpls,actions=3
table=7,priority=6,dl_src=00:00:00:00:00:00/00:00:00:00:00:01,actions=3
table=7,priority=5,vlan_tci=0,actions=3
table=7,priority=5,eth,actions=3
table=7,priority=4,in_port=1,actions=encap(ethernet),2
"""
CASES = [
    ("encap(nsh),2", [UDP, ARP, UDP + ",dl_vlan=5"]),
    ("encap(nsh),encap(ethernet),2", [UDP, ARP]),
    ("encap(nsh(md_type=1)),set_field:0x1234->nsh_spi,set_field:5->nsh_si,set_field:0x11->nsh_c1,set_field:1->nsh_flags,encap(ethernet),"
     "set_field:00:00:00:00:00:09->eth_dst,2", [UDP, UDP + ",dl_vlan=5"]),
    ("encap(nsh(md_type=2,tlv(0x1000,10,0x12345678))),set_field:0x1234->nsh_spi,encap(ethernet),2", [UDP]),
    ("encap(nsh(md_type=2,tlv(0x1000,10,0x123456),tlv(0x2000,1,0xfedcba9876543210))),encap(ethernet),2", [UDP]),
    ("encap(nsh(md_type=2)),encap(ethernet),2", [UDP]),
    ("encap(nsh(md_type=1,tlv(0x1000,10,0x123456))),encap(ethernet),2", [UDP]),
    ("encap(nsh(tlv(0x1000,10,0x123456))),encap(ethernet),2", [UDP]),
    ("encap(nsh),encap(nsh),encap(ethernet),2", [UDP]),
    ("encap(ethernet),2", [UDP, BARE, "in_port=1,packet_type=(1,0x894f),nsh_np=1"]),
    ("decap(),2", [UDP, UDP + ",dl_vlan=5", ARP]),
    ("decap(),encap(ethernet),2", [UDP]),
    ("decap(),encap(nsh),encap(ethernet),2", [UDP, UDP6, ARP, OTHER]),
    ("encap(nsh),decap(),2", [UDP]),
    ("encap(nsh),encap(ethernet),decap(),decap(),resubmit(,1)", [UDP]),
    ("encap(nsh),encap(ethernet),resubmit(,2)", [UDP]),
    ("encap(mpls),2", [UDP]),
    ("encap(mpls),set_field:7->mpls_label,set_field:3->mpls_tc,encap(ethernet),2", [UDP, ARP]),
    ("encap(mpls_mc),encap(ethernet),2", [UDP]),
    ("decap(),encap(mpls),encap(ethernet),2", [UDP, UDP6, ARP]),
    ("decap(packet_type(ns=0,type=0)),2", [UDP]),
    ("resubmit(,2)", [NSH_ETHERNET, NSH_IP, NSH_IP6, NSH_NSH, NSH_VARIABLE, LABEL, TAGGED, PLAIN]),
    ("decap(),decap(packet_type(ns=0,type=0)),2", [LABEL, NSH_IP]),
    ("decap(),decap(),2", [LABEL, OTHER]),
    ("mod_dl_src:00:00:00:00:00:0a,encap(nsh),set_field:5->nsh_ttl,encap(ethernet),2", [UDP]),
    ("push_vlan:0x8100,set_field:4100->vlan_vid,encap(nsh),encap(ethernet),2", [UDP, UDP + ",dl_vlan=7"]),
    ("encap(nsh),encap(ethernet),push_vlan:0x8100,set_field:4100->vlan_vid,2", [UDP, UDP + ",dl_vlan=7"]),
    ("2,encap(nsh),encap(ethernet),3", [UDP]),
    ("clone(encap(nsh),encap(ethernet),2),mod_dl_src:00:00:00:00:00:0a,3", [UDP]),
    ("clone(decap(),2),3", [NSH_ETHERNET]),
    ("encap(nsh),encap(ethernet),10,3", [UDP]),
    ("decap(),10,encap(ethernet),2", [UDP]),
    ("encap(nsh),encap(mpls),encap(ethernet),2", [UDP]),
    ("encap(mpls),encap(nsh),encap(ethernet),2", [UDP]),
    ("encap(mpls),set_field:5->mpls_label,set_field:3->mpls_tc,set_mpls_ttl:9,encap(mpls_mc),encap(ethernet),2", [UDP]),
    ("push_mpls:0x8847,encap(nsh),encap(ethernet),2", [UDP]),
    ("encap(nsh),resubmit(,7)", [UDP]),
    ("decap(),resubmit(,7)", [UDP]),
    ("encap(mpls),resubmit(,7)", [UDP]),
    ("encap(nsh),clone(set_field:5->nsh_si,encap(ethernet),2),encap(ethernet),3", [UDP]),
    ("encap(nsh),set_field:5->nsh_si,encap(ethernet),2,set_field:6->nsh_si,dec_nsh_ttl,3", [UDP]),
    ("encap(nsh),debug_recirc,encap(ethernet),2", [UDP]),
    ("encap(nsh),group:1", [UDP]),
    ("2", [BARE, "in_port=1,packet_type=(1,0x86dd)", "in_port=1,packet_type=(1,0x806)", "in_port=1,packet_type=(0,0)"]),
    ("group:2", [UDP]),
    ("write_actions(encap(nsh),decap(),output:2)", [UDP]),
    ("write_actions(set_field:00:00:00:00:00:09->eth_dst,encap(ethernet),decap(),output:2)", [UDP]),
]


def told(s, text):
    """Debian's shows fields of IP of packets with NSH, and of a packet that goes round what is not known of it."""
    text = re.sub(r",nw_proto=0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no$", "", plain(s, text), flags=re.M)
    text = re.sub(r"(?m)^Flow: .*packet_type=.*\n", "", text)
    return re.sub(r"(?m)^Final flow: .*\n", "", text) if "recirc(N)" in text else text


def have_rules(s, rules):
    with open(f"{s.dir}/flows", "w") as f:
        f.write(f"delete\n{rules}")
    s.ofctl("-O", "OpenFlow13", "add-flows", "br0", f"{s.dir}/flows")


def traces(s):
    found = {}
    s.ofctl("-O", "OpenFlow13", "add-group", "br0", "group_id=1,type=all,bucket=set_field:9->nsh_si,encap(ethernet),output:2")
    s.ofctl("-O", "OpenFlow13", "add-group", "br0", "group_id=2,type=all,bucket=push_vlan:0x8100,push_mpls:0x8847,encap(ethernet),decap(),output:2")
    s.ofctl("-O", "OpenFlow13", "add-flow", "br1", "priority=1,actions=drop")
    for actions, packets in CASES:
        have_rules(s, f"actions={actions}\n{TABLES}")
        for p in packets:
            found[f"{actions}: {p}"] = told(s, s.appctl("ofproto/trace", "br0", *p.split()))
    return found


def test_headers_are_those_of_debians():
    theirs, ours = (on_switch(*kind, traces, configure) for kind in ((Peer, "dummy"), (Switch, "netdev")))
    different = [line for what in theirs for line in differences(what, ours[what], theirs[what])]
    assert not different, "\n".join(different)


# What goes out at port 2, byte by byte.
SENT = [
    ("encap(nsh),set_field:0x1234->nsh_spi,set_field:5->nsh_c2,encap(ethernet),set_field:00:00:00:00:00:09->eth_dst,2", PLAIN),
    ("encap(nsh(md_type=2,tlv(0x1000,10,0x123456))),encap(ethernet),2", PLAIN),
    ("encap(nsh),encap(nsh),encap(ethernet),push_vlan:0x8100,2", PLAIN),
    ("decap(),encap(nsh),encap(ethernet),2", PLAIN),
    ("decap(),encap(ethernet),set_field:00:00:00:00:00:09->eth_src,2", PLAIN),
    ("decap(),decap(),resubmit(,1)", NSH_ETHERNET),
    ("decap(),decap(),encap(ethernet),resubmit(,1)", NSH_IP),
    ("decap(),decap(),encap(ethernet),resubmit(,1)", NSH_NSH),
    ("decap(),decap(),resubmit(,1)", NSH_VARIABLE),
    ("encap(nsh),encap(ethernet),resubmit(,2)", PLAIN),
    ("encap(mpls),set_mpls_label:9,encap(ethernet),2", PLAIN),
    ("encap(mpls),encap(mpls),encap(ethernet),2", PLAIN),
    ("decap(),decap(packet_type(ns=1,type=0x800)),encap(ethernet),2", LABEL),
    ("decap(),decap(packet_type(ns=0,type=0)),2", packet("8847" + "00005340" + ETHERNET + "0800" + IP)),
    ("encap(nsh),set_field:9->nsh_si,clone(encap(ethernet),2),encap(ethernet),3", PLAIN),
]
# The way back: what has been put on is taken off.
RULES = """
table=1,priority=9,ip,actions=2
table=1,priority=8,dl_type=0x894f,actions=2
table=2,actions=decap(),decap(),resubmit(,1)
"""


def sent(s):
    path = f"{s.dir}/p2.pcap"
    s.vsctl("set", "interface", "p2", f"options:tx_pcap={path}")
    found, n = {}, 0
    for actions, p in SENT:
        have_rules(s, f"in_port=1,actions={actions}\n{RULES}")
        s.appctl("revalidator/purge")
        # The second one meets the megaflow.
        for _ in range(2):
            n += 1
            s.appctl("netdev-dummy/receive", "p1", p.split()[1])
            wait_until(f"a packet is sent: {actions}", lambda: len(frames(path)) == n)
        found[f"{actions}: {p}"] = frames(path)[-1]
        assert frames(path)[-2] == frames(path)[-1]
    return found


def test_packets_leave_as_they_leave_debians():
    theirs, ours = (on_switch(*kind, sent, configure) for kind in ((Peer, "dummy"), (Switch, "netdev")))
    assert ours == theirs
    assert next(iter(ours.values()))[24:28] == struct.pack("!H", 0x894f).hex()
