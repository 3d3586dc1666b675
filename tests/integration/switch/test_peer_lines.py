# SPDX-License-Identifier: Apache-2.0
"""More than 500 command lines of ovs-ofctl, one after the other, on this project's switch and program and on Debian's: exit code and
output are the same. '@' is the bridge.

Masked: times, xids, MAC addresses, datapath ids, log lines, the order of entries of one table. Left out:
- numbers below zero or out of a field's range, which Debian's wraps around or cuts; registers above 15; instructions in OpenFlow 1.0;
- texts in which both find an error, but not the same; write_actions(), drop,drop and the like, which Debian's lets pass;
- mod-table, dump-table-features and dump-table-desc, bundles, fragment handling, IPFIX, NSH, queues of ports that have none;
- meters and samples, which this project's userspace datapath does not have; instructions that the program prints but cannot decode;
- what Debian's ends with 0 though the switch has refused it: statistics of meters and queues that are not there;
- the software's names (dump-desc), counters that the switches' ports keep differently, and what a queue of a dummy port could do."""
import re
import shlex

import pytest

from test_peer_text import Peer, force_features, plain, on_switch, unordered
from conftest import Switch

pytestmark = pytest.mark.peer

VERSIONS = range(10, 16)
MATCHES = """
in_port=1
in_port=LOCAL
in_port=p1
in_port=65279
in_port=p9
dl_src=00:00:00:00:00:01
dl_src=00:00:00:00:00:00/01:00:00:00:00:00
dl_src=1:2:3
dl_dst=ff:ff:ff:ff:ff:ff
dl_type=0x1234
dl_type=0x10000
dl_vlan=5
dl_vlan=0xffff
dl_vlan_pcp=3
vlan_vid=0x1005
vlan_tci=0x1005/0x1fff
vlan_tci=0
ip
tcp
udp6
icmp
icmp6
sctp
arp
rarp
mpls
ip,nw_src=10.0.0.0/8
ip,nw_src=10.0.0.0/255.0.255.0
ip,nw_src=10.0.0
ip,nw_src=10.0.0.0/33
ip,nw_dst=1.2.3.4
ip,nw_proto=6
ip,nw_proto=256
ip,nw_tos=32
ip,ip_dscp=8
ip,nw_ecn=2
ip,nw_ttl=255
ip,nw_ttl=256
ip,nw_frag=later
udp,nw_frag=later,tp_src=3
icmp,nw_frag=later,icmp_type=3
ip,nw_frag=not_later
ip,ip_frag=yes
tcp,tp_src=80
tcp,tcp_dst=80
tcp,tp_dst=0x50/0xfff0
tcp,tp_dst=65536
tcp,tcp_flags=+syn-ack
tcp,tcp_flags=syn
tcp,tcp_flags=0x12/0x17
tcp,tcp_flags=+foo
udp,tp_src=1
udp,udp_dst=67
sctp,sctp_dst=5
icmp,icmp_type=8,icmp_code=0
icmp,icmp_type=256
icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=00:00:00:00:00:01
icmp6,icmpv6_type=136,nd_tll=00:00:00:00:00:02
ipv6,ipv6_src=2001:db8::/32
ipv6,ipv6_src=2001:db8::1/129
ipv6,ipv6_dst=::1
ipv6,ipv6_label=0x12345
arp,arp_op=1
arp,arp_spa=1.2.3.4,arp_tpa=1.2.3.5
arp,arp_sha=00:00:00:00:00:01,arp_tha=00:00:00:00:00:02
mpls,mpls_label=5
mpls,mpls_tc=3,mpls_bos=1
tun_id=5
tun_id=5/0xff
tun_src=1.2.3.4,tun_dst=5.6.7.0/24
tun_ipv6_dst=fe80::1
tun_flags=+oam
tun_flags=oam
reg0=5
reg15=0xffffffff
reg0=0x100000000
reg1[0..7]=5
xreg0=5
xxreg1=0x1234567890abcdef
metadata=5
metadata=5/7
pkt_mark=5
ct_state=+trk+est
ct_state=trk
ct_state=+foo
ct_zone=5
ct_mark=5/0xf
ct_label=0x5
conj_id=5
dp_hash=5
actset_output=1
packet_type=(1,0x800)
nw_src=1.2.3.4
tp_src=80
icmp_type=8
dl_vlan=5,tcp,ip
tcp,ip
foo=1
foo
in_port=1,in_port=1
cookie=5
cookie=5/7
cookie=0x10000000000000000
priority=65535
priority=65536
table=0
table=254
table=255
table=256
idle_timeout=5
hard_timeout=65536
idle_timeout=5,hard_timeout=10
send_flow_rem
check_overlap
reset_counts
no_packet_counts
no_byte_counts
importance=5
send_flow_rem,check_overlap
out_port=1
out_group=1
duration=5
""".split("\n")[1:-1]
ACTIONS = """
drop
normal
NORMAL
flood
all
local
LOCAL
in_port
controller
CONTROLLER:128
controller(max_len=64,reason=no_match,id=7)
controller(reason=foo)
controller(userdata=01.02.03)
controller(pause)
table
2
p2
p9
output:2
output:p2
output:65279
output:65280
output:NXM_NX_REG0[]
output:NXM_NX_REG0[0..15]
output:reg0[0..40]
output(port=2,max_len=100)
output(port=2,max_len=5)
output:
enqueue:2:5
enqueue:2
enqueue(2,5)
set_queue:5
pop_queue
mod_vlan_vid:5
mod_vlan_vid:4096
mod_vlan_pcp:3
mod_vlan_pcp:8
strip_vlan
push_vlan:0x8100
push_vlan:0x88a8
push_vlan:0x1234
pop_vlan
mod_dl_src:00:00:00:00:00:01
mod_dl_dst:1:2
mod_nw_src:1.2.3.4
mod_nw_dst:1.2.3
mod_nw_tos:32
mod_nw_tos:33
mod_nw_ecn:4
mod_nw_ttl:5
mod_tp_src:80
mod_tp_dst:65536
dec_ttl
dec_ttl(1,2)
set_mpls_label:5
set_mpls_tc:3
set_mpls_ttl:5
dec_mpls_ttl
push_mpls:0x8847
pop_mpls:0x800
load:5->reg0
load:5->NXM_NX_REG0[0..7]
load:256->NXM_NX_REG0[0..7]
load:5->NXM_NX_REG0[7..0]
load:5->foo
load:x->reg0
set_field:5->reg0
set_field:5/7->reg0
set_field:1.2.3.4->nw_src
set_field:1.2.3->nw_src
set_field:00:00:00:00:00:01->eth_dst
set_field:5->vlan_vid
set_field:4101->vlan_vid
set_field:fe80::1->ipv6_src
set_field:0x5->tun_id
set_field:5->eth_type
move:NXM_NX_REG0[]->NXM_NX_REG1[]
move:NXM_NX_REG0[0..7]->NXM_NX_REG1[8..15]
move:NXM_NX_REG0[0..7]->NXM_NX_REG1[]
move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG0[0..47]
stack
push:NXM_NX_REG0[]
pop:NXM_NX_REG0[0..7]
push:foo
resubmit:1
resubmit(,5)
resubmit(1,5)
resubmit(,5,ct)
resubmit(,256)
resubmit(x,5)
learn(table=1,in_port=5)
learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])
learn(table=1,idle_timeout=5,load:5->NXM_NX_REG0[])
learn(foo)
learn(table=255)
multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[])
multipath(foo,50,modulo_n,1,0,NXM_NX_REG0[])
bundle(eth_src,0,active_backup,ofport,members:1,2)
bundle(eth_src,0,hrw,ofport,members:1,2)
bundle_load(eth_src,0,hrw,ofport,NXM_NX_REG0[],members:1,2)
bundle(foo)
ct
ct(commit)
ct(table=5)
ct(table=0)
ct(zone=5,commit,exec(set_field:5->ct_mark))
ct(zone=NXM_NX_REG0[0..15])
ct(commit,nat(src=1.2.3.4))
ct(commit,nat(src=1.2.3.4-1.2.3.9:5-10,random))
ct(nat)
ct(commit,alg=ftp)
ct(commit,alg=foo)
ct(foo)
ct(commit,exec(drop))
ct_clear
nat
conjunction(1,1/2)
conjunction(1,3/2)
note:00.11.22
note:xx
exit
fin_timeout(idle_timeout=5)
fin_timeout(foo=5)
sample(probability=0,collector_set_id=1)
sample(foo=1)
clone(1,2)
clone(drop)
clone()
check_pkt_larger(1500)->NXM_NX_REG0[0]
check_pkt_larger(1500)->NXM_NX_REG0[]
group:1
group:foo
meter:1
goto_table:1
write_metadata:5
write_metadata:5/7
1,2
apply_actions(output:1)
drop,1
1,2,3
foo
foo:1
1,goto_table:1
goto_table:1,2
debug_recirc
""".split("\n")[1:-1]
METERS = """
meter=1
meter=4,kbps,band=type=foo,rate=100
meter=4,kbps,band=type=drop
meter=4,foo
meter=0
meter=x
meter=4294967295,kbps,band=type=drop,rate=1
kbps,band=type=drop,rate=1
""".split("\n")[1:-1]
GROUPS = """
group_id=1,type=all,bucket=output:1
group_id=1,type=all,bucket=output:1
group_id=2,type=select,bucket=weight:5,output:1,bucket=output:2
group_id=3,type=ff,bucket=watch_port:1,output:1
group_id=4,type=indirect,bucket=output:1
group_id=5,type=foo,bucket=output:1
group_id=6,type=all
group_id=7,type=all,bucket=group:1
group_id=8,type=all,bucket=group:99
""".split("\n")[1:-1]
# Version and line, in the order in which they run.
OTHERS = """
10 show @
13 show @
15 show @
10 dump-ports-desc @
14 dump-ports-desc @ 1
15 dump-ports-desc @ p2
15 dump-ports-desc @ p9
15 --names dump-ports-desc @
10 set-frags @ foo
10 set-frags @ normal
10 mod-port @ p1 down
10 mod-port @ p1 up
10 mod-port @ 1 no-flood
13 mod-port @ 1 no-flood
10 mod-port @ p1 flood
13 mod-port @ p1 no-forward
14 mod-port @ p1 forward
10 mod-port @ p1 no-packet-in
15 mod-port @ p1 packet-in
10 mod-port @ p1 no-receive
10 mod-port @ p1 receive
10 mod-port @ p1 foo
10 mod-port @ p9 up
10 mod-port @ 99 up
10 mod-port @ p1
10 dump-ports @ 99
13 dump-ports @ p9
10 queue-stats @ p9
10 queue-get-config @ p9
10 meter-features @
13 del-meters @ meter=99
13 del-meters @ meter=2
13 del-meters @ foo
13 del-meters @
10 dump-meters @
13 dump-group-features @
15 dump-group-features @
10 dump-groups @
11 dump-groups @
13 dump-groups @
15 dump-groups @
15 dump-groups @ 1
15 dump-groups @ 99
13 dump-group-stats @
13 dump-group-stats @ 1
13 dump-group-stats @ group_id=2
13 dump-group-stats @ 99
13 mod-group @ group_id=1,type=all,bucket=output:2
13 mod-group @ group_id=98,type=all,bucket=output:2
13 --may-create mod-group @ group_id=98,type=all,bucket=output:2
13 dump-groups @
15 insert-buckets @ group_id=1,command_bucket_id=last,bucket=bucket_id:9,output:3
15 insert-buckets @ group_id=1,command_bucket_id=foo,bucket=bucket_id:10,output:3
15 insert-buckets @ group_id=97,command_bucket_id=last,bucket=bucket_id:9,output:3
15 dump-groups @
15 remove-buckets @ group_id=1,command_bucket_id=9
15 remove-buckets @ group_id=1,command_bucket_id=77
15 remove-buckets @ group_id=1,command_bucket_id=all
15 dump-groups @
13 insert-buckets @ group_id=1,command_bucket_id=last,bucket=output:1
13 del-groups @ group_id=98
13 del-groups @ foo
13 del-groups @ group_id=99
13 del-groups @
13 dump-groups @
10 dump-tlv-map @
10 add-tlv-map @ {class=0xffff,type=0,len=4}->tun_metadata0
10 add-tlv-map @ {class=0xffff,type=0,len=4}->tun_metadata1
10 add-tlv-map @ {class=0xffff,type=1,len=4}->tun_metadata0
10 add-tlv-map @ {class=0xffff,type=2,len=3}->tun_metadata3
10 add-tlv-map @ {class=0xffff,type=2,len=8}->tun_metadata64
10 add-tlv-map @ foo
13 dump-tlv-map @
13 add-flow @ tun_metadata0=5,actions=drop
13 dump-flows @ tun_metadata0=5
13 del-flows @ tun_metadata0=5
10 del-tlv-map @ {class=0xffff,type=0,len=4}->tun_metadata0
10 del-tlv-map @
10 dump-tlv-map @
10 packet-out @ 1 drop 00
10 packet-out @ 1 drop 0000000000010000000000020800
10 packet-out @ none 2 0000000000010000000000020800
10 packet-out @ p9 2 0000000000010000000000020800
10 packet-out @ 1 foo 0000000000010000000000020800
10 packet-out @ 'in_port=1 packet=0000000000010000000000020800 actions=2'
13 packet-out @ 'in_port=1,packet=0000000000010000000000020800,actions=resubmit(,0)'
10 packet-out @ 'in_port=1 packet=00 actions=2'
10 packet-out @ 'in_port=1 actions=2'
10 packet-out @ 'packet=0000000000010000000000020800 actions=2'
10 packet-out @ 'in_port=1 packet=zz actions=2'
15 packet-out @ 'in_port=1,reg0=5 packet=0000000000010000000000020800 actions=2'
10 packet-out @ 'in_port=1,reg0=5 packet=0000000000010000000000020800 actions=2'
10 probe @
10 ping @ 2
10 dump-flows
10 dump-flows @ foo
10 dump-flows @ a b
10 add-flow @
10 add-flow @ actions=drop extra
10 foo @
10 dump-flows nobridge
16 dump-flows @
10 -F foo dump-flows @
10 -F nxm dump-flows @ tcp
10 --sort=foo dump-flows @
10 -P foo monitor @
10 -t 0 show @
10 -t x show @
10 ct-flush-zone @ x
10 ct-flush-zone @ 5
10 ct-flush @ zone=5
10 ct-flush @ ct_nw_src=1.2.3.4,ct_nw_proto=17
""".split("\n")[1:-1]
STATE = [f"table={t},priority={p},cookie={c},{m},actions={a}" for t, p, c, m, a in (
    (0, 10, "0x1", "tcp,nw_src=10.0.0.0/8,tp_dst=80", "output:1"), (0, 5, "0x2", "in_port=1", "output:2,output:3"), (1, 7, "0x1f", "udp6", "drop"),
    (2, 100, "0x10", "arp", "NORMAL"), (3, 65535, "0xff", "reg0=5,ip", "mod_dl_src:00:00:00:00:00:01,resubmit(,4)"), (4, 0, "0", "dl_vlan=5", "strip_vlan,output:1"))]
QUERIES = ["", "table=0", "table=1", "table=9", "tcp", "ip", "in_port=1", "cookie=1/-1", "cookie=0x10/0xf0", "cookie=1", "out_port=1", "out_port=2", "udp6,table=1",
           "priority=5", "table=0,out_port=3", "reg0=5,ip", "dl_vlan=5", "out_group=1", "actions=drop", "arp,table=2", "table=3", "table=4", "table=255", "table=300",
           "in_port=p2", "in_port=p9", "ip,nw_src=10.0.0.0/8", "tcp,tp_dst=80", "cookie=x", "cookie=0xff/0xff", "out_port=LOCAL", "out_port=p3",
           "reg0=5", "table=2,arp,out_port=NORMAL", "table=0 in_port=1", "tcp6"]
OPTIONS = ["--no-stats", "--names", "--no-names", "--sort", "--rsort", "--sort=in_port", "--rsort=tp_dst", "--sort=cookie", "-m", "--strict"]


def lines():
    for i, m in enumerate(MATCHES):
        v = ["10", "13", "15"][i % 3]
        yield v, f"add-flow @ {m},actions=1" if "out_port" not in m and "out_group" not in m else f"del-flows @ {m}"
        if i % 6 == 5:
            yield v, "--no-stats dump-flows @"
            yield v, "del-flows @"
    for i, a in enumerate(ACTIONS):
        v = ["13", "10", "15"][i % 3]
        yield v, f"add-flow @ {'tcp,' if 'nw_' in a or 'tp_' in a else ''}reg9={i},actions={a}"
        if i % 6 == 5:
            yield v, "--no-stats dump-flows @"
            yield v, "del-flows @"
    yield "10", "del-flows @"
    for f in STATE:
        yield "10", f"add-flow @ {f}"
    for i, q in enumerate(QUERIES):
        yield ["10", "13"][i % 2], f"dump-flows @ {q}"
        yield ["12", "14"][i % 2], f"dump-aggregate @ {q}"
    for o in OPTIONS:
        yield "13", f"{o} dump-flows @"
        yield "15", f"{o} dump-flows @ table=0"
    yield from (("10", f"mod-flows @ {q},actions=output:1") for q in ("tcp", "arp", "foo", "table=1", "cookie=1/-1", "udp6,reg3=1", ""))
    yield from (("13", f"--strict mod-flows @ {q},actions=output:3") for q in ("tcp", "arp,table=2", "priority=5,in_port=1", "priority=7,table=1,udp6"))
    yield "10", "--no-stats dump-flows @"
    # What is not there is added, or not, by a change.
    for v in ("10", "11", "12", "15"):
        yield from ((v, f"{s}mod-flows @ {c}in_port={v},actions=output:2") for s in ("", "--strict ") for c in ("cookie=7/-1,", "cookie=5,", "cookie=6,", ""))
        yield "10", "--no-stats dump-flows @"
    yield from (("13", f"{s}del-flows @ {q}") for q in ("tcp", "table=1", "cookie=0x10/-1", "out_port=3", "arp,table=2", "priority=100,arp,table=2", "priority=5,ip", "x=1") for s in ("--strict ", ""))
    yield "13", "--no-stats dump-flows @"
    yield from (("13", f"add-meter @ {m}") for m in METERS)
    yield from (("13", f"add-group @ {g}") for g in GROUPS)
    for line in OTHERS:
        yield tuple(line.split(" ", 1))


LINES = list(lines())


def masked(text, name):
    text = re.sub(r"^\d{4}-.*\n|^[0-9a-f]{8}  .*\n", "", text, flags=re.M)
    text = re.sub(r"dpid:[0-9a-f]+|/\S*/(utilities|bin)/ovs-ofctl", lambda m: "ovs-ofctl" if "/" in m[0] else "dpid:N", text)
    text = re.sub(r"/tmp/oes-[0-9a-z]+", "DIR", text)
    text = re.sub(r"([0-9.]+) ms|rtt|duration:\S+", "T", text)
    # How it is said that no version that may be used can carry it.
    text = re.sub(r"this flow can be sent with .*|meters need .*|none of the usable flow formats .*", "no usable version", text)
    return plain(text)


def transcript(s):
    out = []
    for i, (version, line) in enumerate(LINES):
        words = ["br0" if w == "@" else w for w in (shlex.split(line) if "'" in line else line.split(" "))]
        r = s.ofctl("-O", f"OpenFlow{version}".replace("OpenFlow16", "OpenFlow19"), *[w for w in words if w], check=False)
        out.append((f"{i} 1.{version[1]} {line}", [f"exit {r.returncode}", *unordered(masked(r.stdout, s)), *masked(r.stderr, s)]))
    return out


def configure(s, datapath_type):
    s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath_type}", "fail_mode=secure", "protocols=[]")
    for i in (1, 2, 3):
        s.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")
    if not isinstance(s, Peer):
        force_features(s)


def test_there_are_500_different_lines():
    assert len(set(LINES)) >= 500


@pytest.fixture(scope="module")
def transcripts():
    return [on_switch(*kind, transcript, configure) for kind in ((Switch, "netdev"), (Peer, "dummy"))]


def test_command_lines_do_what_debians_do(transcripts):
    different = []
    for (line, ours), (_, theirs) in zip(*transcripts):
        if ours != theirs:
            different += [line, *(f"  ours    {x}" for x in ours if x not in theirs), *(f"  Debian's {x}" for x in theirs if x not in ours)]
    assert not different, "\n".join(different)
