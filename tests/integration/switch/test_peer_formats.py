# SPDX-License-Identifier: Apache-2.0
"""Flow formats: in which of them this project's ovs-ofctl and Debian's can say a flow, and what they do where -F and -O allow none.

Left out, because Debian's is wrong there: write_actions and clear_actions, which it takes for usable in OpenFlow 1.0 and then
loses, decap and dec_nsh_ttl, which it sends in versions where it cannot read them back, and replace-flows that needs NXM and a table.

And the colors that flows have."""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import Switch
from test_peer_actions import OURS, THEIRS, needs_peer, run
from test_peer_text import Peer, on_switch

MATCHES = """
in_port=1 in_port=LOCAL in_port_oxm=1 dl_src=1:2:3:4:5:6 dl_src=1:2:3:4:5:6/ff:ff:ff:ff:ff:00 dl_dst=1:0:0:0:0:0/1:0:0:0:0:0 dl_src[40]=1
dl_src=1:2:3:4:5:6/00:00:00:00:00:00 dl_type=0x1234 dl_type=0x05ff vlan_tci=0 vlan_tci=0x1005 vlan_tci=0x3005/0xf000 vlan_tci=0x1000/0x1000
vlan_tci=0/0x1000 vlan_tci=0x1005/0xffff vlan_tci=0x0005/0x0fff vlan_tci[12]=1 vlan_tci=* vlan_tci=0x1005/0x1fff,vlan_tci=0x1005 dl_vlan=5
dl_vlan=5,dl_vlan_pcp=3 dl_vlan_pcp=3 dl_vlan=0xffff dl_vlan=0 vlan_vid=0x1005 vlan_vid=0x1004/0x1ffc vlan_vid=0x1000/0x1000 vlan_vid=5/0 vlan_pcp=3
ip ip,nw_src=1.2.3.4 ip,nw_src=1.2.3.0/24 ip,nw_src=1.2.3.4/255.0.255.255 ip,nw_dst=1.2.3.4/255.0.255.255 ip,nw_src=1.2.3.4/0 ip,nw_src[16..31]=5
nw_src[0..15]=5 nw_src=1.2.3.4/255.0.0.255 ip,nw_proto=5 ip,nw_tos=32 ip,nw_ecn=1 ip,nw_ecn=0 ip,nw_tos=32,nw_ecn=1 ipv6,nw_ecn=1 ip,ip_dscp=5 ip,nw_ttl=5 ip,ip_frag=first tcp tcp,tp_src=5
tcp,tp_src=5/0xff tcp,tp_src=5/0xff00 tcp,tp_dst=5/0xf tcp,tcp_flags=+syn udp,udp_dst=5 udp,udp_dst=5/0xf sctp sctp,sctp_src=5 sctp,sctp_src=5/3
icmp,icmp_type=3,icmp_code=1 arp,arp_op=1 arp,arp_spa=1.2.3.4/24 arp,arp_tpa=1.2.3.4/255.0.255.0 arp,arp_sha=1:2:3:4:5:6 rarp,arp_op=3 ipv6
ipv6,ipv6_src=fe80::/10 ipv6,ipv6_label=5 ipv6,nw_tos=32 ipv6,nw_proto=5 ipv6,nw_src=1.2.3.4 ipv6,tp_src=1 ipv6,icmp_type=5 tcp6 udp6 sctp6 icmp6
icmp6,icmpv6_type=135,nd_target=::1 mpls mpls,mpls_label=5 mpls,mpls_tc=5 mpls,mpls_bos=1 mpls,mpls_ttl=5 mpls,nw_proto=5 tun_id=5 tun_id=5/0xff
tun_src=1.2.3.4 tun_flags=oam tun_gbp_id=5 tun_metadata0=5 tun_erspan_ver=1 tun_gtpu_flags=1 metadata=5 metadata=5/7 reg0=5 reg0=5/7 reg0=5/0 reg0=*
reg0[0..15]=5 reg0[]=5 xreg0=5 xxreg0=5/7 pkt_mark=5 dp_hash=5 recirc_id=5 conj_id=5 actset_output=1 packet_type=(0,0) packet_type=(1,0x800) ct_state=+new
ct_zone=5 ct_mark=5/7 ct_label=5 ct_state=+trk,ip,ct_nw_src=1.2.3.4 dl_type=0x894f,nsh_spi=1 nw_src=1.2.3.4 nw_proto=6 nw_tos=4 nw_ttl=4 tp_src=5
table=0 table=3 table=255 table=3,reg0=1 table=3,dl_vlan=5 priority=5 cookie=5 idle_timeout=5 importance=5 send_flow_rem check_overlap reset_counts
no_packet_counts no_byte_counts reset_counts,no_byte_counts table=3,reset_counts dl_type=0x1234,nw_proto=5 tcp,icmp_type=4 tcp,sctp_src=4
ip,dl_vlan=5,reg1=1 in_port=5,in_port_oxm=5 ipv6,dl_vlan=5,dl_vlan_pcp=1
""".split()
ACTIONS = """
load:5->NXM_NX_REG0[] set_field:5->reg0 set_field:1:2:3:4:5:6->eth_src set_field:1:2:3:4:5:6/ff:ff:ff:00:00:00->eth_src set_field:5->in_port
set_field:5->metadata load:5->metadata set_field:5->tun_id write_metadata:5 write_metadata:5/7 goto_table:1 clone(set_field:5->reg0) clone(push_vlan:0x8100)
push_vlan:0x8100 push_mpls:0x8847 strip_vlan dec_ttl dec_mpls_ttl mod_nw_src:1.2.3.4 set_vlan_vid:5 set_queue:5 pop_queue set_tunnel:5 group:5 move:reg0->reg1
delete_field:tun_metadata0 conjunction(1,1/2) meter:5 meter:5,output:1 encap(nsh) encap(ethernet) check_pkt_larger(100)->reg0[0]
learn(table=1,load:1->reg0[]) learn(output:NXM_OF_IN_PORT[]) fin_timeout(idle_timeout=5) resubmit(,5) ct(commit) note:00 bundle(eth_src,0,hrw,ofport,members:1)
""".split()
OTHERS = ["ip,actions=set_field:1.2.0.4/255.255.0.255->ip_src", "tcp,actions=set_field:5/7->tcp_src", "sctp,actions=set_field:5->sctp_src", "ip,actions=set_field:5->ip_dscp",
          "ip,actions=set_field:2->nw_ecn", "ip,actions=set_field:5->nw_ttl", "ip,actions=mod_nw_ttl:5", "ip,actions=mod_nw_ecn:1", "mpls,actions=set_field:5->mpls_label",
          "mpls,actions=set_mpls_label:5", "mpls,actions=load:5->OXM_OF_MPLS_LABEL[]", "ipv6,actions=set_field:::5->ipv6_src", "dl_vlan=5,actions=set_field:0x1005->vlan_vid",
          "arp,actions=set_field:5->arp_op", "arp,actions=dec_ttl", "packet_type=(1,0x800),actions=strip_vlan", "packet_type=(1,0x800),actions=push_vlan:0x8100",
          "tcp,ip_frag=later,actions=mod_tp_dst:80", "dl_vlan=5,actions=strip_vlan,strip_vlan", "ip,actions=ct(commit,exec(set_field:5->ct_mark))"]
FLOWS = [f"{m},actions=drop" for m in MATCHES] + [f"actions={a}" for a in ACTIONS] + OTHERS
# Of these the message is another one, and only the formats are compared: Debian's prints 0 as 0x0, cannot read back what it sends itself,
# writes whole fields where the first versions have no masks, looks at a whole TCP port for an ICMP type, and loads SCTP ports as OXM fields.
OTHER_MESSAGES = {"tcp,tp_src=5/0xff00,actions=drop", "ct_state=+trk,ip,ct_nw_src=1.2.3.4,actions=drop", "tcp,icmp_type=4,actions=drop",
                  "actions=set_field:1:2:3:4:5:6/ff:ff:ff:00:00:00->eth_src", "ip,actions=set_field:1.2.0.4/255.255.0.255->ip_src", "tcp,actions=set_field:5/7->tcp_src",
                  "sctp,actions=set_field:5->sctp_src"}
ALLOWED = ["-O OpenFlow10,OpenFlow13 parse-flow reset_counts,actions=drop", "-O OpenFlow13,OpenFlow10 parse-flow table=3,actions=drop", "-O OpenFlow11 parse-flow reg0=1,actions=drop",
           "-F OpenFlow10,NXM parse-flow actions=drop", "-F OXM -O OpenFlow13 parse-flow actions=drop", "-F OXM parse-flow actions=drop", "-F any parse-flow actions=drop",
           "-F none parse-flow actions=drop", "-F OpenFlow11 -O OpenFlow13 parse-flow actions=drop", "-F , parse-flow actions=drop", "-F NXM,,OXM parse-flow actions=drop",
           "-F NXM;OXM parse-flow actions=drop", "-F NXM+table_id parse-flow actions=drop", "-F NXM-table_id parse-flow table=1,actions=drop", "-F openflow10 parse-flow actions=drop",
           "-F OXM-OpenFlow14 -O OpenFlow12,OpenFlow14 parse-flow actions=drop", "-F NXM -O OpenFlow12,OpenFlow14 parse-flow actions=drop", "-F OXM-OpenFlow16 parse-flow actions=drop",
           "--bundle -F NXM show br0", "parse-group group_id=1,type=all,bucket=output:1", "parse-group group_id=1,type=all,bucket=push_vlan:0x8100",
           "-O OpenFlow11,OpenFlow15 parse-group group_id=1,type=all,bucket=output:1", "-F NXM -O OpenFlow13 parse-group group_id=1,type=all,bucket=output:1",
           "parse-flows @mixed", "-O OpenFlow11 parse-flows @mixed", "-F NXM parse-flows @mixed", "parse-flows @empty", "parse-flows @wrong",
           "diff-flows @mixed @plain", "diff-flows @plain @mixed", "diff-flows @twice @plain", "diff-flows @mixed @empty", "-F OXM diff-flows @mixed @empty"]
FILES = {"mixed": "table=1,priority=5,cookie=7,reg0=1,actions=drop\nhard_timeout=9,importance=4,actions=2\n", "empty": "", "wrong": "actions=drop\nreg0=1\n",
         "plain": "actions=drop\n", "twice": "actions=1\nactions=drop\n", "group": "flow add reg0=1,actions=set_field:1->reg0\n", "vlan": "actions=push_vlan:0x8100,output:1\n"}


def told(program, args):
    r = run(program, *args)
    err = [x for x in r.stderr.replace(program, "ovs-ofctl").splitlines() if not re.match(r"\d{4}-|[0-9a-f]{8}  ", x) and x.strip()]
    return r.returncode, r.stdout, err


def both(rows, args_of):
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = (dict(zip(rows, pool.map(lambda row, p=p: told(p, args_of(row)), rows))) for p in (OURS, THEIRS))
    return {row: (ours[row], theirs[row]) for row in rows if ours[row] != theirs[row]}


def formats(result):
    return result[0], result[1].split("\n")[:2], result[2]


@needs_peer
@pytest.mark.parametrize("options", ["", "-O OpenFlow11", "-O OpenFlow13"])
def test_the_formats_that_can_say_a_flow_and_what_is_sent_are_those_of_open_vswitch(options):
    different = {k: (a, b) for k, (a, b) in both(FLOWS, lambda flow: [*options.split(), "parse-flow", flow]).items()
                 if k not in OTHER_MESSAGES or formats(a) != formats(b)}
    assert not different, "\n".join(f"{k}: {a}, Debian's {b}" for k, (a, b) in different.items())


@needs_peer
def test_what_is_allowed_is_chosen_from_as_debians_does(tmp_path):
    write_files(tmp_path)
    different = both(ALLOWED, lambda line: line.replace("@", f"{tmp_path}/").split())
    assert not different, "\n".join(f"{k}: {a}, Debian's {b}" for k, (a, b) in different.items())


COLORED = """
priority=5,tcp,ct_state=+trk,actions=ct(commit,zone=5,force,table=3,alg=ftp,nat(src=1.2.3.4-1.2.3.5:5-9,random,persistent),exec(set_field:1->ct_mark,move:NXM_NX_REG0[]->NXM_NX_CT_LABEL[0..31]))
ipv6,actions=ct(zone=NXM_NX_REG0[0..15],commit,nat(dst=[fe80::1]-[fe80::2],hash)),ct(nat)
packet_type=(1,0x800),actions=controller(userdata=01.02.03.04,pause),in_port,all,local,3
ipv6,ipv6_src=fe80::1,tun_flags=oam,actions=set_field:fe80::2->ipv6_src,goto_table:17
ip,dl_src=1:2:3:4:5:6,reg0=1/3,actions=dec_ttl(1,2),push_vlan:0x8100,write_actions(output:1,set_field:1->reg0),write_metadata:1/3
ip,actions=learn(table=2,idle_timeout=3,hard_timeout=4,priority=5,send_flow_rem,delete_learned,limit=3,result_dst=reg0[0],NXM_OF_ETH_TYPE[]=0x800,NXM_NX_REG0[0..7]=5,NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15],output:NXM_NX_REG0[0..15],fin_idle_timeout=2,fin_hard_timeout=3,cookie=5),2
cookie=7,hard_timeout=5,conj_id=5,actions=output:NXM_NX_REG0[],output(port=1,max_len=100),enqueue:1:2,set_mpls_ttl(5),exit
dl_type=0x894f,nsh_mdtype=1,actions=decap(packet_type(ns=1,type=0x800)),ct_clear,check_pkt_larger(5)->reg0[0],group:1,sample(probability=5,ingress)
ip,actions=encap(nsh(md_type=2,tlv(0x1000,10,0x12345678))),dec_nsh_ttl,encap(ethernet),multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[]),bundle_load(eth_src,0,hrw,ofport,NXM_NX_REG0[],members:1,2)
dl_vlan=5,arp,actions=strip_vlan,clone(set_queue:5,pop_queue),resubmit(,5),resubmit:3
actions=drop
""".strip().splitlines()


@needs_peer
@pytest.mark.parametrize("colors", [None, "ac=1:dr=2:le=3:pm=4:pr=5:sp=6:vl=7", "pm=01;35:xx=5"])
def test_colors_are_those_of_open_vswitch(colors, tmp_path, monkeypatch):
    if colors:
        monkeypatch.setenv("OVS_COLORS", colors)
    flows = COLORED + [f"actions={a}" for a in ACTIONS if not re.match(r"note|conj|goto|ct|set_field:1:2:3:4:5:6.ff", a)]
    (tmp_path / "flows").write_text("\n".join(f"table={i},{f}" for i, f in enumerate(flows)))
    (tmp_path / "none").write_text("")
    ours, theirs = (told(p, ["--color=always", "diff-flows", f"{tmp_path}/flows", f"{tmp_path}/none"]) for p in (OURS, THEIRS))
    assert ours[0] == 2 and ours[1].splitlines() == theirs[1].splitlines()


# ---- With a switch ----

COMMANDS = """
add-flow br0 reset_counts,actions=drop
add-flow br0 actions=push_vlan:0x8100,output:1
-F OpenFlow10 add-flow br0 reg0=1,actions=drop
-F NXM add-flow br0 reg0=1,actions=drop
-F NXM-table_id add-flow br0 table=1,reg0=1,actions=drop
-F OpenFlow10+table_id add-flow br0 table=1,actions=drop
-F NXM+table_id add-flow br0 actions=drop
-F OXM -O OpenFlow11 add-flow br0 actions=drop
-O OpenFlow11 add-flow br0 reg0=1,actions=drop
-O OpenFlow10,OpenFlow13 add-flow br0 reg0=1,actions=drop
-O OpenFlow10,OpenFlow11 add-flow br0 reg0=1,actions=drop
add-flows br0 @vlan
-F OpenFlow10 add-flows br0 @mixed
-O OpenFlow11 add-flows br0 @mixed
-O OpenFlow13 replace-flows br0 @mixed
-F OpenFlow10 replace-flows br0 @mixed
-O OpenFlow13 diff-flows br0 @mixed
-O OpenFlow13 diff-flows br0 @plain
dump-flows br0
-O OpenFlow13 dump-flows br0
-F OpenFlow10 dump-flows br0 reg0=1
-F OpenFlow10 dump-flows br0 table=0
-F OpenFlow10 dump-aggregate br0 table=5
-F NXM dump-flows br0 table=1
-O OpenFlow11 dump-flows br0 reg0=1
dump-flows br0 out_group=1
dump-flows br0 cookie=1/-1
-F OpenFlow10 dump-flows br0 cookie=1/-1
-F OpenFlow10 del-flows br0 cookie=1/-1
-F OpenFlow10 mod-flows br0 cookie=1/-1,actions=drop
del-flows br0 out_group=3
-F OpenFlow10 del-flows br0 reg0=5,table=1
-O OpenFlow11 bundle br0 @group
-F NXM bundle br0 @group
-F OXM-OpenFlow13 bundle br0 @group
-F NXM --bundle add-flow br0 reg0=1,actions=drop
-O OpenFlow11 --bundle add-flow br0 reg0=1,actions=drop
-O OpenFlow10 --bundle add-flow br0 table=1,reset_counts,actions=drop
add-group br0 group_id=1,type=all,bucket=push_vlan:0x8100,output:1
-F OpenFlow10 add-group br0 group_id=8,type=all,bucket=set_field:1->reg0,output:1
-O OpenFlow13 insert-buckets br0 group_id=1,command_bucket_id=last,bucket=output:1
-F OXM dump-groups br0
add-meter br0 meter=1,kbps,band=type=drop,rate=5
-F OXM -O OpenFlow12 dump-meters br0
-F NXM -O OpenFlow10,OpenFlow13 dump-meters br0
-O OpenFlow13 dump-flows br0
--color=always dump-flows br0
-O OpenFlow13 --color=always --no-stats dump-flows br0
--color=always --sort dump-flows br0
--color=always diff-flows br0 @mixed
--color=x dump-flows br0
""".strip().splitlines()


def write_files(directory):
    for name, text in FILES.items():
        with open(f"{directory}/{name}", "w") as f:
            f.write(text)


def prepare(s, datapath_type):
    versions = ",".join(f"OpenFlow1{v}" for v in range(6))
    s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath_type}", "fail_mode=secure", f"protocols={versions}")


def said(s):
    write_files(s.dir)
    lines = []
    for command in COMMANDS:
        r = s.ofctl(*command.replace("@", f"{s.dir}/").split(), check=False)
        out = r.stdout.replace("\x1b[m\x1b[K", "~").replace("\x1b[", "<")
        text = re.sub(r"duration=(~?)[0-9.]+s", r"duration=\1N", re.sub(r"(<36m<K)?idle_age=~?\d+, |xid=0x[0-9a-f]+", "", out)) + r.stderr.replace(s.program("ovs-ofctl"), "ovs-ofctl")
        lines.append((command, r.returncode, sorted(text.splitlines())))
    return lines


@pytest.mark.peer
def test_a_switch_is_sent_flows_in_a_format_that_is_allowed_and_can_say_them():
    ours, theirs = on_switch(Switch, "netdev", said, prepare), on_switch(Peer, "dummy", said, prepare)
    different = [(a, b) for a, b in zip(ours, theirs) if a != b]
    assert not different, "\n".join(f"{a}, Debian's {b[1:]}" for a, b in different)
