# SPDX-License-Identifier: Apache-2.0
"""Commands of ovs-ofctl that need no switch: what this project's and Debian's print, and how they end.

Compared are the exit code (of parse-pcap, whose failures Debian's ends with an errno: whether it is 0), standard output, and standard error without log lines. Left out, because Debian's is wrong there:
- encode-hello of a bitmap without versions, which Debian's ends with an assertion, and of text that is no number;
- check-vlan of values with bits outside the mask, which Debian's writes and then refuses itself, and of text that is no number;
- fields without what they need, without --strict: Debian's writes a match on the packet type that nobody made;
- tunnel options, whose values Debian's loses, and the names of ONF's experimenter fields, which become others;
- matches of OpenFlow 1.0 whose fields lack what they need: Debian's prints those fields, which no packet is compared with;
- an instruction to write no actions, which Debian's loses, and a meter in OpenFlow 1.1 and 1.2, which have none;
- compose-packet of SCTP, whose checksum Debian's leaves out, of first fragments, where it sums up half a packet, and what it thinks
  differs in a flow of neighbour discovery;
- ofp-parse-pcap of IPv6, of segments that came in the wrong order, and of data that comes with SYN or FIN: Debian's loses them;
- --read-only with add-tlv-map, del-tlv-map and ct-flush, which change something and which Debian's lets pass."""
import re
import struct
import subprocess

import pytest

from test_peer_actions import OURS, THEIRS, needs_peer



def match10(wildcards="00000000", in_port="0003", vlan="0005", pcp="00", eth_type="0800", tos="00", proto="06"):
    return f"{wildcards}{in_port}505400000005505400000006{vlan}{pcp}00{eth_type}{tos}{proto}0000c0a80001c0a8000200500051"


def match11(wildcards="000003ff", in_port="00000001", vlan="0000", pcp="00", eth_type="0000", proto="00", src="00000000" * 2,
            ports="0000" * 2, macs="00" * 24, label="00000000", metadata="00" * 16):
    return f"00000058{in_port}{wildcards}{macs}{vlan}{pcp}00{eth_type}00{proto}{src}{'00000000ffffffff'}{ports}{label}00000000{metadata}"


# (arguments, standard input)
NXM = ["<any>", " <any>", "NXM_OF_IN_PORT", "NXM_OF_IN_PORT 0001", "NXM_OF_X(00)", "NXM_OF_IN_PORT(00)", "NXM_OF_IN_PORT(0001",
       "NXM_OF_IN_PORT(000100)", "NXM_OF_IN_PORT(0001/ffff)", "NXM_OF_IN_PORT_W(0001/ffff)", "NXM_OF_IN_PORT_W(0001)",
       "NXM_OF_ETH_DST_W(002233445566/ffffffffffff)", "NXM_NX_REG0_W(00000005/)", "NXM_NX_REG0_W(00000005)", "NXM_NX_REG0_W(00000005/00)",
       "00010203(05)", "00010202(0005)", "00010202(0005),NXM_OF_IN_PORT(0001)", "00010004(00000001)",
       "NXM_OF_IN_PORT(0001), NXM_OF_IN_PORT(0001)", "OXM_OF_VLAN_VID(1009)", ",,NXM_OF_IN_PORT(0001),,", "NXM_OF_ETH_TYPE(0800) # x",
       "NXM_OF_VLAN_TCI_W(0000/1000)", "NXM_NX_REG0(zz)", "nxm_of_in_port(0001)", "(00)", "NXM_NX_COOKIE(0000000000000001) NXM_OF_IN_PORT(0001)",
       "NXM_NX_REG0(5)", "OXM_OF_VLAN_PCP(01)", "NXM_NX_CT_STATE_W(00000021/00000021)", "ffff0a0a4f4e46000001(0fff)", "NXM_OF_IN_PORT(00 01)",
       "NXM_NX_REG0_W(00000005/00000005)", "NXM_NX_COOKIE_W(0000000000000001/00000000000000ff)", "# comment", "", "   ",
       "NXM_OF_ETH_TYPE(86dd)NXM_NX_IPV6_SRC_W(20010db8000000000000000000000000/ffffffff000000000000000000000000)",
       "NXM_OF_ETH_TYPE(0800)NXM_OF_IP_PROTO(06),NXM_OF_TCP_SRC_W(5060/fff0),NXM_NX_TUN_ID(00000000abcdef01)",
       "OXM_OF_ETH_TYPE(0800),OXM_OF_IPV4_SRC_W(01020304/ff000000)", "NXM_NX_REG0_W(0000000f/00000005)",
       "OXM_OF_IN_PORT(00000001)", "OXM_OF_VLAN_VID(1009), OXM_OF_VLAN_PCP(01)", "OXM_OF_PKT_REG0(0000000000000001)",
       "OXM_OF_METADATA_W(5a5a5a5a5a5a5a5a/ffffffff00000000)", "OXM_OF_METADATA_W(5a5a5a5a00000000/ffffffff00000000)",
       "OXM_OF_ETH_TYPE(0806),OXM_OF_ARP_OP(0001),OXM_OF_ARP_SPA(01020304),OXM_OF_ARP_SHA(000102030405)",
       "OXM_OF_ETH_TYPE(0806),OXM_OF_ARP_OP(0100)", "NXM_OF_ETH_TYPE(0800)NXM_OF_IP_TOS(f0)", "NXM_OF_ETH_TYPE(0800)NXM_OF_IP_TOS(0f)",
       "NXM_OF_ETH_TYPE(0800)NXM_NX_IP_ECN(03)NXM_NX_IP_TTL(80)NXM_NX_IP_FRAG_W(01/01)", "OXM_OF_ETH_TYPE(8847),OXM_OF_MPLS_LABEL(000fffff),OXM_OF_MPLS_BOS(01)",
       "OXM_OF_ETH_TYPE(86dd),OXM_OF_IP_PROTO(3a),OXM_OF_ICMPV6_TYPE(87),OXM_OF_ICMPV6_CODE(00),OXM_OF_IPV6_ND_TARGET(20010db8" + "00" * 12 + ")",
       "OXM_OF_ETH_TYPE(86dd),OXM_OF_IPV6_FLABEL(000fffff)", "NXM_NX_PKT_MARK(00000005)", "NXM_NX_CT_ZONE(0005)NXM_NX_CT_MARK_W(00000005/000000ff)",
       "NXM_NX_XXREG0(" + "0f" * 16 + ")", "NXM_NX_CT_LABEL_W(" + "00" * 15 + "05/" + "00" * 15 + "ff)", "OXM_OF_TUNNEL_ID(0000000000000005)",
       "NXM_NX_TUN_IPV4_SRC(01020304)", "NXM_NX_TUN_IPV6_DST_W(20" + "00" * 15 + "/ff" + "00" * 15 + ")", "NXM_NX_TUN_FLAGS_W(0001/0001)",
       "NXM_NX_DP_HASH(00000005)", "NXM_NX_RECIRC_ID(00000005)", "NXM_NX_CONJ_ID(00000007)", "OXM_OF_ACTSET_OUTPUT(00000001)", "NXM_OF_VLAN_TCI(0000)",
       "NXM_OF_VLAN_TCI(3123)", "NXM_OF_VLAN_TCI_W(3000/f000)", "NXM_OF_VLAN_TCI_W(1123/1fff)", "NXM_OF_IN_PORT(fffe)", "OXM_OF_IN_PORT(fffffffe)",
       "OXM_OF_IN_PORT(00010000)", "OXM_OF_ETH_TYPE(0800),OXM_OF_IP_PROTO(84),OXM_OF_SCTP_DST(0005)", "OXM_OF_ETH_TYPE(0800),OXM_OF_IP_DSCP(3f)",
       "OXM_OF_ETH_TYPE(0800),OXM_OF_IP_DSCP(40)", "OXM_OF_VLAN_VID(2000)", "OXM_OF_VLAN_VID_W(1000/1000)", "OXM_OF_VLAN_PCP(08)"]
STRICT = ["NXM_OF_IP_SRC(01020304)", "OXM_OF_ETH_TYPE(0800),NXM_OF_TCP_SRC(0050)", "00010202(0005)", "OXM_OF_IN_PORT(00000001),00010202(0005)",
          "OXM_OF_ETH_TYPE(0800),OXM_OF_ETH_TYPE(0800)", "NXM_NX_ND_TARGET(" + "00" * 16 + ")"]
ROWS = [(c, x + "\n") for x in NXM for c in ("parse-nxm", "parse-oxm OpenFlow13") if "COOKIE" not in x or c == "parse-nxm"]
ROWS += [("--strict " + c, x + "\n") for x in STRICT for c in ("parse-nx-match", "parse-oxm OpenFlow12", "parse-oxm OpenFlow15")]
ROWS += [(f"parse-oxm {v}", "OXM_OF_IN_PORT(00000001)\n") for v in ("OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow14", "OpenFlow15", "openflow13", "x", "")]
ROWS += [(f"parse-instructions {v}", text) for v in ("OpenFlow10", "OpenFlow11", "OpenFlow13", "OpenFlow15", "OpenFlow19", "OpenFlow11,OpenFlow13") for text in (
    "0001 0008 05 000000 # goto\n\n# c\n", "0001 0008 05 000001\n", "0004 0018 00000000 0000 0010 00000001 ffff 0000 00000000\n",
    "0004 0008 0000 0005\n", "0002 0018 00000000 0000000000000001 00000000000000ff\n", "0006 0008 00000005\n" if v > "OpenFlow12" else "0006\n", "0005 0008 00000000\n",
    "0003 0018 00000000 0000 0010 00000001 ffff 000000000000\n", "0001\n", "xx\n", "0001 0008 0\n", "ffff 0008 00000000\n",
    "0001 0008 05000000 0001 0008 06000000\n", "0001 0008 05000000 0004 0018 00000000 0000 0010 00000001 ffff 0000 00000000\n",
    "0000 0008 0001 0000\n", "0000 0008 0001 0001\n", "0001 0007 05 000000\n", "0001 0010 05 000000 0000 0000 0000 0000\n",
    "0005 0008 00000000 0001 0008 05000000\n", "0006 0008 00000000\n" if v > "OpenFlow12" else "0006\n")]
ROWS += [(f"parse-actions {v}", text) for v in ("OpenFlow10", "OpenFlow13") for text in ("# c\n\n", "zz\n", "0000 0008 0002 0000 # x\n", "0000 0008 0002 00000\n",
         "0000 0010 00000001 ffff 000000000000\n", "0019 0010 80000606 000000000001 0000\n", "0019 0018 8000070c 000000000001 ffffffffffff 00000000\n")]
ROWS += [("parse-ofp10-match", text) for text in ("00\n", "zz\n", "\n# c\n", match10() + "\n", match10("003820ff") + "\n", match10("003fffff") + "\n",
         match10("00100002") + "\n", match10(vlan="ffff") + "\n", match10(pcp="07") + "\n", match10("00100000") + "\n",
         match10("00000002", pcp="03") + "\n", match10(proto="11") + "\n", match10("00000800") + "\n",
         match10("00080000") + "\n", match10("0003ff00") + "\n", match10(tos="03") + "\n", match10(tos="fc") + "\n", match10(in_port="fffe") + "\n",
         match10(proto="01") + "\n", match10(proto="84") + "\n",
         match10() + "\n" + match10("003fffff") + "\n# x\n" + match10() + " # y\n")]
ROWS += [("parse-ofp11-match", text) for text in ("00\n", "zz\n", match11() + "\n", match11("000003fe") + "\n", match11("000003f8", vlan="0002") + "\n",
         match11("000001f0", eth_type="0800", proto="06") + "\n", match11("000003f9", vlan="ffff", pcp="05") + "\n", match11("000003f9", vlan="fffe", pcp="05") + "\n",
         match11("000003f9", vlan="0005", pcp="05") + "\n", match11("000003fb", vlan="fffe") + "\n", match11("00000307", eth_type="0800", proto="11", ports="00500051") + "\n",
         match11("00000007", eth_type="8847", label="00000005") + "\n", match11(metadata="00000000000000050000000000000000") + "\n",
         match11("000003fe", in_port="fffffffe") + "\n", match11("000003fe", in_port="00010000") + "\n", match11("000003f7", eth_type="86dd") + "\n",
         match11(macs="ff" * 24) + "\n")]
ROWS += [(f"check-vlan {t}", "") for t in ("0 0", "0x1000 0x1fff", "0xffff 0xffff", "0 0xffff", "0x1123 0x1fff", "0xf000 0xf000", "0 0xf000", "0x1000 0x1000",
                                           "0 0x1000", "0xf123 0xffff", "0x1000 0xffff", "1000 1fff", "0x3000 0xf000", "0x1fff 0x1fff", "1", "1 2 3")]
ROWS += [(f"encode-hello {t}", "") for t in ("2", "0x2", "6", "0x7e", "0x10", "16", "32", "0x1000", "0x12", "0x52", "0x40", "0x3e", "4", "8", "2 2", "")]
ROWS += [(f"encode-error-reply {t}", "") for t in (
    "OFPBRC_BAD_VERSION 0100000800000001", "OFPBRC_BAD_VERSION '01 00 00 08 0000 0001'", "OFPBIC_BAD_EXP_TYPE 0100000800000001",
    "OFPBIC_BAD_EXP_TYPE 0400000800000001", "OFPBMC_BAD_TYPE 0100000800000001", "OFPBRC_BAD 0100000800000001", "OFPBRC_BAD_VERSION 0100",
    "OFPBRC_BAD_VERSION 0100000900000001", "OFPBRC_BAD_VERSION 0100000800000001ffff", "OFPBRC_BAD_VERSION 010000080000000", "OFPBRC_BAD_VERSION zz",
    "OFPBRC_BAD_VERSION ''", "OFPBRC_BAD_VERSION 0900000800000001", "OFPBRC_BAD_VERSION 0000000800000001",
    "NXBRC_NXM_INVALID 0300001000000001aabbccdd00112233", "NXR_NOT_SUPPORTED 0100001000000001aabbccdd00112233",
    "OFPBRC_BAD_VERSION 02000060000000" + "ab" * 89, "OFPBRC_BAD_VERSION 06000160000000" + "ab" * 345, "OFPBRC_BAD_VERSION")]
ROWS += [(f"parse-key-value '{t}'", "") for t in ("a=b", "a=b,c=d", "a", "a,b", "a(b)", "a(b,c),d", "a:b,c=d:e", "a= b , c", "a==b", "a=(b,c)d,e", "a=b(c", " a=b", "",
         "a(b)c", 'a"b', "[a],b", "a=[b,c]", "a b c", "a,,b", "a->b", "(a)", "a=b;c=d", "actions=a,b", "a=b\nc=d", "a(b=(c)),d", "a)", "=b", "a=b)c", "a=", "a()", "a(b",
         "a=b c=d(e f) g", "a:b(c),d", "a:", ":a", "a(b)=c", "a=(b", "a=b),c", "a((b)", "a(),b", "load:5->NXM_NX_REG0[],output:1", "ct(commit,exec(set_field:1->ct_mark)),2")]
ROWS += [("ofp-print -", t) for t in ("0112000800000007\n\n# comment\n", "\n# comment\n01 12 0008 00000007\n", "01 12 0008 00000007\n0113000800000008\n", "", "0112000800000007 # x\n", "zz\n", "0112 0008 00000007zz\n")]
ROWS += [("ofp-print - 0", "0112000800000007"), ("ofp-print 0112000800000007", "0113000800000008\n")]
ROWS += [("parse-key-value a b=c d(e)", ""), ("parse-key-value", ""), ("parse-nxm x", ""), ("parse-oxm", ""), ("parse-instructions", ""), ("compose-packet", ""),
         ("check-vlan", ""), ("encode-hello", ""), ("parse-packet x", ""), ("parse-pcap", ""), ("ofp-parse-pcap", ""), ("parse-ofp10-match x", "")]
FLOWS = ["tcp,nw_src=1.2.3.4,tp_dst=80", "arp", "udp", "icmp6", "vlan_tci=0x1005,udp6", "ip,nw_frag=later,nw_ttl=64", "rarp", "dl_type=0x1234",
         "dl_type=0x600", "dl_vlan=5,dl_vlan_pcp=3,ip", "icmp,icmp_type=8", "icmp,icmp_type=3,icmp_code=1", "icmp", "tcp6,tcp_flags=syn", "tcp,tcp_flags=2",
         "tcp,tcp_flags=0x10", "arp,arp_op=1,arp_sha=00:00:00:00:00:01,arp_spa=1.2.3.4,arp_tpa=1.2.3.5",
         "ip,nw_proto=200", "ip,nw_tos=32,nw_ecn=2,nw_dst=1.1.1.1,dl_dst=00:00:00:00:00:01", "icmp6,icmpv6_type=128", "icmp6,icmpv6_type=1",
         "mpls,mpls_label=5,mpls_bos=1", "mpls,mpls_label=5,mpls_bos=1,mpls_ttl=4", "tcp nw_src=1.2.3.4 tp_dst=9", "udp6,ipv6_src=fe80::1,ipv6_label=5",
         "bad=1", "tcp,actions=drop", "in_port=x", "tcp,tp_src=5,nw_src=x", "tcp_src=5", "eth_src=1:2:3:4:5:6,ip,tcp", "tcp,nw_src=10.0.0.0/8",
         "in_port=1,in_port=2", "tcp,reg0=5", "tcp,tun_id=5", "tcp,metadata=5", "in_port=1,tcp", "igmp", "nsh", "icmp6,icmp_type=1", "priority=5,tcp",
         "ip,nw_proto=6,udp", "tcp,nw_src=", "tcp,nw_src", "tcp,tcp_flags=+syn", "dl_vlan=5/1,ip", "vlan_tci=0x1000/0x1000,ip"]
ROWS += [(f"compose-packet '{f}'{p}", "") for f in FLOWS for p in ("", " ''", " 414243", " '00 01 fe'")] + [("compose-packet tcp 5", ""), ("compose-packet tcp zz", ""), ("compose-packet tcp 00x", "")]
ROWS += [(f"--read-only {c}", "") for c in ("add-flow br0 actions=drop", "add-flows br0 x", "add-group br0 group_id=1,type=all", "add-meter br0 meter=1", "mod-port br0 1 up", "del-flows br0",
         "packet-out br0 1 drop 00", "parse-flow actions=drop", "replace-flows br0 x", "diff-flows br0 br0", "set-frags br0 normal", "parse-nxm", "ofp-print 00", "print-error x",
         "ofp-parse x", "del-groups br0", "insert-buckets br0 1", "mod-flows br0 actions=drop", "del-meters br0", "compose-packet udp", "dump-flows", "queue-stats", "show")]


def done(program, args, text=b""):
    r = subprocess.run([program, *args], input=text, capture_output=True, timeout=60)
    err = "\n".join(x for x in r.stderr.decode(errors="replace").replace(program, "ovs-ofctl").splitlines() if not re.match(r"\d{4}-|[0-9a-f]{8}  ", x) and x.strip())
    return r.returncode and (1 if "parse-pcap" in args else r.returncode), r.stdout, err


def words(line):
    return [a or b for a, b in re.findall(r"'([^']*)'|(\S+)", line)] if "''" not in line else [w.strip("'") for w in re.findall(r"'[^']*'|\S+", line)]


IDS = [f"{i} {a} {t.strip()}"[:80].replace("\n", "/") for i, (a, t) in enumerate(ROWS)]


@needs_peer
@pytest.mark.parametrize("args,text", ROWS, ids=IDS)
def test_a_local_command_prints_what_debians_does(args, text):
    assert done(OURS, words(args), text.encode()) == done(THEIRS, words(args), text.encode())


# ---- Captures ----

HELLO, ECHO, REPLY, BARRIER = (bytes.fromhex(x) for x in ("0100000800000001", "0102000800000002", "0103000800000002", "0112000800000005"))


def ethernet(p, eth_type=0x800, vlan=None):
    tag = struct.pack(">HH", 0x8100, vlan) if vlan is not None else b""
    return b"\x02" * 6 + b"\x04" * 6 + tag + struct.pack(">H", eth_type) + p


def ipv4(p, proto=6, frag=0):
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(p), 1, frag, 64, proto, 0) + b"\x0a\0\0\1\x0a\0\0\2" + p


def ipv6(p):
    return struct.pack(">IHBB", 0x60000000, len(p), 6, 64) + b"\xfe\x80" + bytes(13) + b"\1" + b"\xfe\x80" + bytes(13) + b"\2" + p


def tcp(p, seq=1, src=40000, dst=6653, flags=0x18):
    return struct.pack(">HHIIBBHHH", src, dst, seq, 0, 0x50, flags, 65535, 0, 0) + p


def frame(p, seq=1, **kw):
    return ethernet(ipv4(tcp(p, seq, **kw)))


def cooked(p):
    return struct.pack(">HHH", 0, 1, 6) + b"\x04" * 6 + b"\0\0\x08\0" + p


def capture(path, packets, order="<", magic=0xa1b2c3d4, link=1):
    with open(path, "wb") as f:
        f.write(struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, link))
        for i, p in enumerate(packets):
            f.write(struct.pack(order + "IIII", 1700000000 + i, i * 1000 + 7, len(p), len(p)) + p)
    return str(path)


CAPTURES = {
    "a conversation": ([frame(b"", 0, flags=2), frame(HELLO), frame(ECHO, 9), frame(REPLY, 100, src=6653, dst=40000), frame(BARRIER, 17)], {}),
    "messages over segments": ([frame(HELLO[:4]), frame(HELLO[4:] + ECHO[:1], 5), frame(ECHO[1:], 10)], {}),
    "several messages in one segment, padding": ([frame(HELLO + ECHO + BARRIER) + bytes(6), frame(HELLO, 25)], {}),
    "a segment sent again": ([frame(HELLO), frame(HELLO), frame(ECHO, 9)], {}),
    "sequence numbers that wrap": ([frame(HELLO, 0xfffffffc), frame(ECHO, 4)], {}),
    "other ports": ([frame(HELLO, dst=6633), frame(ECHO, dst=80), frame(BARRIER, dst=9999, src=6653)], {}),
    "a tag": ([ethernet(ipv4(tcp(HELLO)), vlan=5)], {}),
    "big-endian": ([frame(HELLO)], {"order": ">"}),
    "nanoseconds": ([frame(HELLO)], {"magic": 0xa1b23c4d}),
    "no pcap": ([frame(HELLO)], {"magic": 0xa1b23c4e}),
    "cooked": ([cooked(ipv4(tcp(HELLO)))], {"link": 113}),
    "raw IP": ([ipv4(tcp(HELLO))], {"link": 101}),
    "a first fragment": ([ethernet(ipv4(tcp(HELLO), frag=0x2000))], {}),
    "no OpenFlow": ([frame(bytes.fromhex("0100000700000001")), frame(ECHO, 9)], {}),
    "packets of all sorts": ([ethernet(b"", 0x1234), ethernet(ipv4(b"", 17)), ethernet(b"\x45"), b"\1\2\3", ethernet(ipv6(tcp(b""))), ethernet(bytes(60), 5)], {}),
}
PCAP_COMMANDS = ["ofp-parse-pcap @", "--timestamp ofp-parse-pcap @", "-m ofp-parse-pcap @", "ofp-parse-pcap @ 80", "ofp-parse-pcap @ 80 9999", "parse-pcap @", "parse-pcap @ @"]


@needs_peer
@pytest.mark.parametrize("command", PCAP_COMMANDS)
@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_is_read_as_debians_reads_it(name, command, tmp_path):
    packets, options = CAPTURES[name]
    if command.count("@") > 1 and name in ("no pcap", "raw IP"):
        pytest.skip("this project's ends at the first file that cannot be read")
    path = capture(tmp_path / "x.pcap", packets, **options)
    args = command.replace("@", path).split()
    assert done(OURS, args) == done(THEIRS, args)


@needs_peer
@pytest.mark.parametrize("command", ["ofp-parse-pcap", "parse-pcap"])
@pytest.mark.parametrize("content", [None, b"", b"\n", 40])
def test_a_capture_that_is_cut_short_ends_as_debians(command, content, tmp_path):
    path = str(tmp_path / "x.pcap")
    if content is not None:
        whole = capture(path, [frame(HELLO), frame(ECHO, 9)])
        with open(whole, "rb") as f:
            data = f.read()
        with open(path, "wb") as f:
            f.write(data[:-content] if isinstance(content, int) else content)
    assert done(OURS, [command, path]) == done(THEIRS, [command, path])


MESSAGES = [b"10.0.0.1.40000 > 10.0.0.2.6653:\nOFPT_HELLO (xid=0x1):\n version bitmap: 0x01\n",
            b"\n10.0.0.1.40000 > 10.0.0.2.6653:\nOFPT_ECHO_REQUEST (xid=0x2): 0 bytes of payload\n",
            b"\n10.0.0.1.40000 > 10.0.0.2.6653:\nOFPT_BARRIER_REQUEST (xid=0x5):\n"]


@pytest.mark.parametrize("packets,n", [
    ([frame(b"", 0, flags=2), frame(BARRIER, 17), frame(ECHO, 9), frame(HELLO), frame(HELLO)], 3),
    ([frame(HELLO), frame(ECHO + BARRIER[:3], 9), frame(BARRIER, 17)], 3),
    ([frame(HELLO), frame(BARRIER, 17), frame(HELLO[4:] + ECHO[:5], 5), frame(ECHO[5:] + BARRIER[:1], 14)], 3),
    ([frame(HELLO, flags=0x19)], 1),
    ([frame(HELLO), frame(BARRIER, 17)], 1)],
    ids=["backwards", "overlapping", "in pieces", "with FIN", "a gap"])
def test_segments_are_put_in_the_order_of_their_sequence_numbers(packets, n, tmp_path):
    code, out, _ = done(OURS, ["ofp-parse-pcap", capture(tmp_path / "x.pcap", packets)])
    assert (code, out) == (0, b"".join(MESSAGES[:n]))


def test_a_stream_of_ipv6_is_read(tmp_path):
    _, out, _ = done(OURS, ["ofp-parse-pcap", capture(tmp_path / "x.pcap", [ethernet(ipv6(tcp(HELLO)), 0x86dd)])])
    assert out.startswith(b"fe80::1.40000 > fe80::2.6653:\nOFPT_HELLO")


@needs_peer
def test_a_packet_composed_into_a_capture_or_as_bytes_is_read_back(tmp_path):
    flow = "udp,nw_ttl=5,nw_src=1.2.3.4,udp_dst=53"
    path = str(tmp_path / "x.pcap")
    for program, other in ((OURS, THEIRS), (THEIRS, OURS)):
        with open(path, "wb") as f:
            f.write(done(program, ["--pcap", "compose-packet", flow])[1])
        assert done(other, ["parse-pcap", path])[1].startswith(b"udp,in_port=ANY,vlan_tci=0x0000,")
    raw = done(OURS, ["--raw", "compose-packet", flow])[1]
    assert done(OURS, ["parse-packet"], raw) == done(THEIRS, ["parse-packet"], raw)


@needs_peer
@pytest.mark.parametrize("packet", [b"", b"\1" * 5, bytes(60), ethernet(b""), ethernet(ipv4(tcp(b"x")), vlan=5), ethernet(bytes(40), 0x806), ethernet(bytes(8), 0x8847),
                                    ethernet(b"\x45", 0x800), ethernet(bytes(46), 46)])
def test_a_packet_on_standard_input_has_the_flow_that_debians_sees(packet):
    assert done(OURS, ["parse-packet"], packet) == done(THEIRS, ["parse-packet"], packet)
