# SPDX-License-Identifier: Apache-2.0
"""ovs-dpctl on the kernel of a lab guest, beside Debian's: each shows alike what the other has made, and the same commands
have the same answers."""
import os
import re
import subprocess

import pytest

OURS = os.path.join(os.environ.get("OES_BUILDDIR", "/nonexistent"), "utilities", "ovs-dpctl")
THEIRS = os.path.join(os.environ.get("OES_PEER_DIR", "/nonexistent"), "usr", "bin", "ovs-dpctl")
BOTH = {"ours": OURS, "theirs": THEIRS}


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def run(program, *args):
    """Exit status, standard output and errors; log lines, which have a time, are for people."""
    if not os.path.exists(program):
        pytest.skip(f"{program} is not there")
    r = subprocess.run([program, *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    err = "".join(line for line in r.stderr.splitlines(True)
                  if not re.match(r"\d{4}-\d\d-\d\dT|.*could not set configuration|\w+: \w+ type requires", line))
    return r.returncode, r.stdout, err.replace(program, "ovs-dpctl")


def ok(program, *args):
    status, out, err = run(program, *args)
    assert status == 0 and not err, (args, out, err)
    return out


def masked(text):
    """Without what time changes."""
    text = re.sub(r"used:\d+\.\d+s", "used:T", text)
    text = re.sub(r"(lookups:|  masks:|  cache:).*", r"\1", text)
    # An attribute that Debian's does not know; of the opcode in two bytes it looks at one.
    text = text.replace(",key32(00 00/00 00)", "").replace("op=1/0xff", "op=1")
    return re.sub(r"((?:RX|TX) (?:packets|bytes)):\d+", r"\1:N", text)


@pytest.fixture
def wires():
    for i in (0, 2):
        ip("link", "add", f"v{i}", "type", "veth", "peer", "name", f"v{i + 1}")
        for dev in (f"v{i}", f"v{i + 1}"):
            ip("link", "set", dev, "addrgenmode", "none", "up")
    try:
        yield
    finally:
        for name in ok(OURS, "dump-dps").split():
            ok(OURS, "del-dp", name)
        for dev in ("v0", "v2"):
            ip("link", "del", dev)


UFID = "ufid:11111111-2222-3333-4444-555566667777"
TCP = "in_port(1),eth(),eth_type(0x0800),ipv4(proto=6,frag=no),tcp(dst=80),tcp_flags(0/0)"
FLOWS = [
    ("in_port(1),eth(),eth_type(0x0806),arp()", "2"),
    ("in_port(2),eth(),eth_type(0x0806),arp(tip=10.0.0.1,op=1)", "2,1"),
    (UFID + ",in_port(2),eth(),eth_type(0x0800),ipv4(frag=no)", "1"),
    (TCP, "2"),
    ("in_port(1),eth(src=02:00:00:00:00:01),eth_type(0x86dd),ipv6(src=fe80::/ffff::,proto=17,frag=no),udp(src=5/0xff)",
     "set(eth(dst=02:00:00:00:00:09)),2"),
    ("recirc_id(1),ct_state(+trk+est),in_port(9),eth(),eth_type(0x0800),ipv4(dst=10.0.0.0/255.0.0.0,frag=no)",
     "push_vlan(vid=5,pcp=0),1"),
    ("in_port(1),eth(),eth_type(0x8100),vlan(vid=3,pcp=0),encap(eth_type(0x0800),ipv4(frag=no))", "pop_vlan,2"),
    ("in_port(7),eth(),eth_type(0x0800),ipv4(src=1.2.3.4,proto=6,tos=4/0xfc,ttl=9,frag=later)", "1"),
    ("in_port(8),eth(),eth_type(0x0800),ipv4(proto=6,frag=no),tcp(),tcp_flags(+syn-ack)", "1"),
    ("in_port(8),eth(),eth_type(0x0800),ipv4(proto=1,frag=no),icmp(type=8)", "1"),
    ("skb_priority(3),in_port(2),eth(),eth_type(0x0800),ipv4(frag=first)", ""),
]
SHOWS = [
    ("dump-dps",), ("show",), ("show", "dp0"), ("show", "system@dp0"), ("-s", "show"), ("cache-get-size",),
    ("cache-get-size", "dp0"), ("dump-flows",), ("dump-flows", "dp0"), ("dump-flows", "-m"), ("--names", "dump-flows"),
    ("-m", "--no-names", "dump-flows", "system@dp0"), ("dump-flows", "filter=tcp,tp_dst=80"),
    ("dump-flows", "filter=tcp,tp_dst=81"), ("dump-flows", "filter=in_port=v0"), ("dump-flows", "dp0", "filter=arp"),
    ("dump-flows", "filter=ip,nw_dst=11.0.0.1"), ("dump-flows", "filter=recirc_id=1,ip"), ("dump-flows", "filter="),
    ("dump-flows", "filter=udp6,ipv6_src=fe80::1"),
    ("get-flow", UFID), ("-m", "get-flow", "dp0", UFID), ("--names", "get-flow", UFID),
]


@pytest.mark.parametrize("maker", BOTH)
def test_what_one_has_made_both_show_alike(wires, maker):
    make = BOTH[maker]
    ok(make, "add-dp", "dp0", "v0", "v2", "i0,type=internal,port_no=9")
    for flow in FLOWS:
        ok(make, "add-flow", *flow)
    for words in SHOWS:
        ours, theirs = run(OURS, *words), run(THEIRS, *words)
        assert ours[0] == 0 and theirs[0] == 0, (words, ours, theirs)
        assert sorted(masked(ours[1]).splitlines()) == sorted(masked(theirs[1]).splitlines()), words
        assert masked(ours[1]), words


@pytest.mark.parametrize("maker,other", [("ours", "theirs"), ("theirs", "ours")])
def test_what_one_has_made_the_other_changes_and_deletes(wires, maker, other):
    make, other = BOTH[maker], BOTH[other]
    ok(make, "add-dp", "dp0", "v0", "v2")
    for flow in FLOWS:
        ok(make, "add-flow", *flow)
    ok(other, "mod-flow", TCP, "1")
    assert ",tcp(dst=80), packets:0, bytes:0, used:never, actions:1\n" in ok(make, "dump-flows", "filter=tcp6,tp_dst=80") + \
        ok(make, "dump-flows")
    for flow, _ in FLOWS:
        ok(other, "del-flow", flow.split(",")[0] if flow.startswith("ufid") else flow)
    assert ok(make, "dump-flows") == ""
    ok(other, "del-if", "dp0", "v0")
    assert "v0" not in ok(make, "show")
    ok(other, "del-dp", "dp0")
    assert ok(make, "dump-dps") == ""


FILES = {
    "mixed": "add in_port(5),eth(),eth_type(0x0800),ipv4() 1\n# comment\n\nin_port(6),eth(),eth_type(0x0800),ipv4() 2\n"
             "modify in_port(6),eth(),eth_type(0x0800),ipv4() 3\ndelete in_port(5),eth(),eth_type(0x0800),ipv4()\n",
    "one": "in_port(6),eth(),eth_type(0x0800),ipv4() 2\n",
    "gone": "in_port(6),eth(),eth_type(0x0800),ipv4()\n",
}
ARP = "in_port(1),eth(),eth_type(0x0806),arp()"
# One program after the other does all of this; each step has the same answer.
LIFE = [
    ("dump-conntrack",), ("flush-conntrack",), ("ct-get-limits",), ("ct-bkts",), ("ct-get-nconns",), ("ct-stats-show",), ("ipf-get-status",),
    ("add-dp", "dp0"), ("add-dp", "dp0"), ("dump-conntrack",), ("dump-conntrack", "dp0", "zone=3"), ("dump-conntrack", "nodp"),
    ("dump-conntrack", "zone=1", "zone=2", "x", "y", "z"), ("-m", "-s", "dump-conntrack"), ("flush-conntrack",),
    ("flush-conntrack", "zone=3", "ct_nw_proto=6"), ("--read-only", "flush-conntrack"), ("ct-stats-show",),
    ("ct-stats-show", "dp0", "zone=4", "verbose"), ("ct-bkts",), ("ct-bkts", "gt=3"), ("ct-get-nconns",), ("ct-get-maxconns",),
    ("ct-set-maxconns", "10"), ("ct-set-maxconns",), ("ct-get-tcp-seq-chk",), ("ct-enable-tcp-seq-chk",), ("ct-disable-tcp-seq-chk", "dp0"),
    ("--read-only", "ct-enable-tcp-seq-chk"), ("ct-set-limits", "default=5", "zone=3,limit=7"), ("ct-set-limits",),
    ("--read-only", "ct-get-limits"), ("ct-get-limits", "dp0", "zone=3,4"), ("ct-del-limits", "zone=3"), ("ct-set-limits", "default=0"),
    ("ipf-set-enabled", "v4"), ("ipf-set-disabled", "dp0", "v6"), ("ipf-set-min-frag", "v4", "1000"), ("ipf-set-max-nfrags", "100"),
    ("ipf-get-status",), ("nosuch-conntrack",), ("dump-dps", "x"), ("add-if", "dp0", "v0"), ("add-if", "dp0", "v0"), ("add-if", "dp0", "v2,port_no=7"),
    ("add-if", "dp0", "i0,type=internal"), ("add-if", "dp0", "i1,type=internal,port_no=7"), ("add-if", "dp0", "nodev"),
    ("add-if", "dp0", "bad,type=foo"), ("add-if", "nodp", "v2"), ("show",),
    ("set-if", "dp0", "none"), ("set-if", "dp0", "v0,type=internal"), ("set-if", "dp0", "v0,type=system"),
    ("set-if", "dp0", "v0,port_no=2"), ("set-if", "dp0", "v0,port_no=1"), ("set-if", "dp0", "v0,x="), ("set-if", "nodp", "v0"),
    ("add-flow", "dp0", ARP, "2"), ("add-flow", ARP, "2"), ("add-flow", "in_port(i0),eth(),eth_type(0x0806),arp()", "1"),
    ("add-flow", "nodp", ARP, "2"), ("add-flow", ARP), ("add-flow",), ("add-flow", ARP, "foo"),
    ("add-flow", "ufid:0123," + ARP, "1"), ("mod-flow", ARP, "7"), ("-s", "mod-flow", "dp0", ARP, "2"),
    ("--clear", "-s", "mod-flow", ARP, "2"), ("mod-flow", "in_port(4),eth(),eth_type(0x0806),arp()", "4"),
    ("--may-create", "mod-flow", "in_port(4),eth(),eth_type(0x0806),arp()", "4"),
    ("--may-create", "mod-flow", "in_port(4),eth(),eth_type(0x0806),arp()", "1"),
    ("--read-only", "mod-flow", ARP, "4"), ("dump-flows",), ("get-flow", "ufid:11111111-2222-3333-4444-555566667778"),
    ("get-flow",), ("del-flow", "in_port(7),eth(),eth_type(0x0806),arp()"), ("-s", "del-flow", ARP), ("dump-flows",),
    ("add-flows", "mixed"), ("dump-flows",), ("mod-flows", "one"), ("add-flows", "dp0", "one"), ("dump-flows",),
    ("del-flows", "gone"), ("add-flows",), ("dump-flows",), ("del-flows", "dp0"), ("dump-flows",), ("del-flows",),
    ("cache-set-size", "dp0", "masks-cache", "500"), ("cache-get-size",), ("cache-set-size", "dp0", "foo", "512"),
    ("cache-set-size", "dp0", "masks-cache", "x"), ("cache-set-size", "nodp", "masks-cache", "4"), ("cache-get-size", "nodp"),
    ("dump-flows", "nodp"), ("dump-flows", "filter=bogus=3"), ("dump-flows", "filter=ct_state=+trk,ip"),
    ("dump-flows", "type=ovs"), ("dump-flows", "pmd=-1"), ("dump-flows", "filter=tcp", "filter=arp"),
    ("show", "xx"), ("show", "netdev@dp0"), ("show", "foo@dp0"), ("nosuch",), (), ("-t", "x", "show"), ("offload-stats-show", "dp0"),
    ("add-dp", "dp1"), ("dump-conntrack",), ("ct-get-limits",), ("ct-get-maxconns",), ("ct-get-maxconns", "nodp"), ("dump-conntrack", "dp1"), ("dump-flows",), ("del-flows",), ("add-flow", ARP, "1"), ("dump-dps",),
    ("add-dp", "dp2", "v2"), ("add-dp", "foo@x"), ("add-dp", "a-name-that-is-too-long"), ("add-dp", "v1"), ("add-dp",),
    ("del-if", "dp0", "v0"), ("del-if", "dp0", "v0"), ("del-if", "dp0", "7"), ("del-if", "dp0", "0"), ("del-if", "dp0", "dp0"),
    ("del-if", "dp0", "77"), ("del-if", "dp0", "nodev", "i0"), ("del-if", "nodp", "i0"), ("del-if", "dp0"), ("show", "dp0"),
    ("--read-only", "del-dp", "dp1"), ("--read-only", "show", "dp1"), ("del-dp", "dp1", "x"), ("del-dp", "nope"), ("del-dp",),
    ("del-dp", "system@dp1"), ("del-dp", "dp0"), ("del-dp", "dp2"), ("dump-dps",), ("dump-flows",),
    ("parse-actions", "2,set(eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02)),3", "drop"), ("parse-actions", "xx"),
    ("parse-actions", "clone(1),sample(sample=50%,actions(2))"), ("parse-actions",), ("normalize-actions", "a"),
    ("normalize-actions", "in_port(1),eth(),eth_type(0x0800),ipv4()", "set(ipv4(ttl=3)),2,push_vlan(vid=1,pcp=0),pop_vlan,3"),
    ("normalize-actions", "in_port(1),eth(),eth_type(0x0800),ipv4()",
     "2,set(eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02)),push_vlan(vid=1,pcp=0),3"),
    ("normalize-actions", "in_port(1),eth(),eth_type(0x0806),arp()", "foo"),
]


def commands(program):
    return {line.split()[0] for line in ok(program, "list-commands").splitlines()[1:]}


def test_no_command_of_debians_is_missing_and_each_is_compared():
    theirs = commands(THEIRS)
    assert len(theirs) >= 40 and theirs - commands(OURS) == set()
    assert theirs - {word for words in LIFE for word in words} == {"help", "list-commands"}


def test_the_same_commands_have_the_same_answers(wires, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def live(program):
        answers = []
        for words in LIFE:
            words = [str(tmp_path / w) if w in FILES else w for w in words]
            status, out, err = run(program, *words)
            answers.append((tuple(words), status, sorted(masked(out).splitlines()), err))
        return answers

    theirs = live(THEIRS)
    ours = live(OURS)
    for mine, other in zip(ours, theirs):
        assert mine == other


@pytest.mark.parametrize("words,says", [
    (("get-flow", "dp0", "xx"), "parsing flow ufid"),
    (("get-flow", "ufid:01"), "parsing flow ufid (Invalid argument)"),
    (("add-flow", "bogus(1)", "2"), "parsing flow key ("),
    (("add-flow", "in_port(nobody)", "2"), "parsing flow key ("),
    (("del-flow", "zz"), "(Invalid argument)"),
    (("add-flows", "/nonexistent/flows"), 'Opening file "/nonexistent/flows" failed (No such file or directory)'),
    (("del-flows", "nodp"), 'Opening file "nodp" failed (No such file or directory)'),
    (("add-if", "dp0", "v2,port_no=x"), 'v2: bad port number "x"'),
    (("add-if", "dp0", "v2,speed=3"), "v2: arguments provided to device that is not configurable"),
    (("add-if", "dp0", ",type=system"), "missing network device name"),
    (("set-if", "dp0", "v0,speed=3"), "v0: arguments provided to device that is not configurable"),
    (("dump-flows", "pmd=x"), "bad number of a pmd thread"),
    (("dump-flows", "dp0", "dp1"), "datapath not found (Invalid argument)"),
    (("--read-only", "flush-conntrack"), "'flush-conntrack' command does not work in read only mode"),
    # Debian's changes limits all the same.
    (("--read-only", "ct-set-limits", "default=3"), "'ct-set-limits' command does not work in read only mode"),
    (("dump-conntrack", "zone=70000"), "failed to parse zone"),
])
def test_what_is_wrong_is_said_and_nothing_changes(wires, words, says):
    ok(OURS, "add-dp", "dp0", "v0")
    before = ok(OURS, "show")
    status, out, err = run(OURS, *words)
    assert status == 1 and not out and says in err, (status, out, err)
    assert masked(ok(OURS, "show")) == masked(before) and ok(OURS, "dump-flows") == ""


def test_a_tap_is_made_with_its_port_only(wires):
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("no tap devices here")
    ok(OURS, "add-dp", "dp0", "v0")
    assert run(OURS, "add-if", "dp0", "t0,type=tap,port_no=1")[0] == 1
    assert not os.path.exists("/sys/class/net/t0")
    ok(OURS, "add-if", "dp0", "t0,type=tap")
    assert "  port 2: t0\n" in ok(OURS, "show")
    # One that was there before stays there.
    ip("tuntap", "add", "t1", "mode", "tap")
    assert run(OURS, "add-if", "dp0", "t1,type=tap,port_no=1")[0] == 1
    for dev in ("t0", "t1"):
        ip("link", "del", dev)


def frames(*flags):
    """One TCP segment with each of the flags."""
    return ("import socket, struct\n"
            "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\ns.bind(('v1', 0))\n"
            f"for f in {flags}:\n"
            "    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 0, 0, 64, 6, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))\n"
            "    tcp = struct.pack('!HHIIHHHH', 1, 80, 0, 0, 0x5000 | f, 100, 0, 0)\n"
            "    s.send(bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]) + ip + tcp + bytes(20))\n")


def test_a_flow_counts_and_says_how_it_was_used(wires):
    ok(OURS, "add-dp", "dp0", "v0", "v2")
    ok(OURS, "add-flow", TCP, "2")
    subprocess.run(["python3", "-c", frames(2, 16)], check=True)
    line = ok(OURS, "dump-flows", "filter=tcp")
    assert "packets:2, bytes:148, used:T, flags:S., actions:2" in masked(line), line
    assert masked(line) == masked(ok(THEIRS, "dump-flows", "filter=tcp"))
    assert re.fullmatch(r"packets:2, bytes:148, used:\d\.\d{3}s, flags:S\.\n", ok(OURS, "-s", "--clear", "mod-flow", TCP, "2"))
    assert "packets:0, bytes:0, used:never, actions:2" in ok(OURS, "dump-flows", "filter=tcp")
    subprocess.run(["python3", "-c", frames(255)], check=True)
    assert ok(OURS, "-s", "del-flow", TCP).endswith(", flags:SFPRU.EC\n")
    show = ok(OURS, "show")
    assert "  lookups: hit:3 missed:" in show and "  cache: hit:" in show, show
    assert masked(show) == masked(ok(THEIRS, "show"))


def test_tunnels_that_the_peer_has_made_are_shown_and_deleted(wires):
    ok(THEIRS, "add-dp", "dp0")
    for port in ("vx,type=vxlan,dst_port=4790,remote_ip=flow", "g,type=geneve,remote_ip=flow", "gg,type=gre,remote_ip=flow",
                 "e,type=erspan,remote_ip=flow", "u,type=bareudp,remote_ip=flow,dst_port=6635,payload_type=ip"):
        ok(THEIRS, "add-if", "dp0", port)
    assert ok(OURS, "show") == ok(THEIRS, "show")
    ok(OURS, "del-if", "dp0", "vxlan_sys_4790")
    ok(OURS, "del-dp", "dp0")
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    assert "_sys" not in links, links


TUNNELS = [
    ("add-dp", "dp0"),
    ("add-if", "dp0", "vx,type=vxlan,dst_port=4789,remote_ip=flow"), ("add-if", "dp0", "vx1,type=vxlan,dst_port=4789,remote_ip=flow"),
    ("add-if", "dp0", "vx2,type=vxlan,remote_ip=1.2.3.4,dst_port=4790,port_no=9"),
    ("add-if", "dp0", "vx3,type=vxlan,remote_ip=1.2.3.4,dst_port=4791,port_no=9"),
    ("add-if", "dp0", "vx4,type=vxlan,remote_ip=1.2.3.4,dst_port=4792,key=5,exts=gbp"),
    ("add-if", "dp0", "vx5,type=vxlan,remote_ip=1.2.3.4,dst_port=x"),
    ("add-if", "dp0", "vx6,type=vxlan,remote_ip=1.2.3.4,frob=1,dst_port=4793"),
    ("add-if", "dp0", "a-name-that-is-too-long-for-a-device,type=vxlan,remote_ip=flow,dst_port=4795"),
    ("add-if", "dp0", "g0,type=geneve,remote_ip=flow"), ("add-if", "dp0", "g1,type=gre,remote_ip=flow"),
    ("add-if", "dp0", "e0,type=erspan,remote_ip=flow"), ("add-if", "dp0", "e1,type=ip6erspan,remote_ip=fd00::1"),
    ("add-if", "dp0", "b0,type=bareudp,remote_ip=flow,payload_type=ip,dst_port=6635"),
    ("add-if", "dp0", "b1,type=bareudp,remote_ip=flow,payload_type=mpls,dst_port=6636"),
    ("add-if", "dp0", "p0,type=patch,peer=p1"), ("add-if", "nodp", "g2,type=gre,remote_ip=flow"), ("show", "dp0"),
    ("set-if", "dp0", "vxlan_sys_4789"), ("set-if", "dp0", "vxlan_sys_4789,type=vxlan"), ("set-if", "dp0", "vxlan_sys_4789,type=geneve"),
    ("set-if", "dp0", "vxlan_sys_4789,type=geneve,port_no=7"), ("set-if", "dp0", "vxlan_sys_4789,port_no=3"),
    ("set-if", "dp0", "vxlan_sys_4789,dst_port=4789"), ("set-if", "dp0", "vxlan_sys_4789,remote_ip=flow,key=5"),
    ("set-if", "dp0", "vxlan_sys_4789,remote_ip="), ("set-if", "dp0", "vxlan_sys_4789,remote_ip=flow"),
    ("set-if", "dp0", "vxlan_sys_4789,remote_ip=flow,type=vxlan,port_no=1"), ("set-if", "dp0", "vx,dst_port=4789"),
    ("set-if", "dp0", "gre_sys,remote_ip=flow"), ("set-if", "dp0", "udp_sys_6635,payload_type=ip"),
    ("set-if", "dp0", "udp_sys_6635,payload_type=ip,remote_ip=flow"), ("show", "dp0"),
    ("del-if", "dp0", "vx"), ("del-if", "dp0", "gre_sys", "udp_sys_6635"), ("show", "dp0"),
]


def tunnel_devices():
    """Kind and settings, without names and numbers that are not alike twice."""
    links = subprocess.run(["ip", "-d", "-o", "link"], capture_output=True, text=True, check=True).stdout
    return sorted(re.sub(r"^\d+: |link/ether \S+|mtu \d+|master \S+|qdisc \S+|gso_max.*", "", line) for line in links.splitlines()
                  if "_sys" in line)


def test_tunnels_are_made_and_described_as_debians_are(wires):
    def live(program):
        answers = []
        for words in TUNNELS:
            status, out, err = run(program, *words)
            answers.append((words, status, masked(out), err, tunnel_devices()))
        # Devices of Debian's stay behind where its datapath is deleted.
        ok(OURS, "del-dp", "dp0")
        assert tunnel_devices() == []
        return answers

    for mine, other in zip(live(OURS), live(THEIRS)):
        assert mine == other


@pytest.mark.parametrize("port,says", [
    ("vx,type=vxlan,dst_port=4789", "vx: vxlan type requires valid 'remote_ip' argument (Invalid argument)"),
    ("vx,type=vxlan,remote_ip=xx", "vx: vxlan type requires valid 'remote_ip' argument (Invalid argument)"),
    ("vx,type=vxlan,remote_ip=flow,dst_port=70000", "adding vx to dp0 failed (Invalid argument)"),
    ("vx,type=vxlan,remote_ip=flow,exts=foo", "adding vx to dp0 failed (Invalid argument)"),
    ("b,type=bareudp,remote_ip=flow,dst_port=6635", "adding b to dp0 failed (Invalid argument)"),
    ("b,type=bareudp,remote_ip=flow,payload_type=ip", "adding b to dp0 failed (Invalid argument)"),
    ("s,type=stt,remote_ip=flow", "s: failed to open network device (Address family not supported by protocol)"),
    # Those that are there already, with other settings or another number, or in another datapath.
    ("g,type=gre,remote_ip=flow,port_no=8", "adding g to dp0 failed (File exists)"),
    ("vx,type=vxlan,remote_ip=flow,dst_port=5000,exts=gbp", "adding vx to dp0 failed (File exists)"),
    ("vx,type=vxlan,remote_ip=flow,dst_port=6000", "adding vx to dp0 failed (Device or resource busy)"),
])
def test_tunnels_that_cannot_be_are_refused_and_leave_no_device(wires, port, says):
    ok(OURS, "add-dp", "dp0", "g,type=gre,remote_ip=flow", "vx,type=vxlan,remote_ip=flow,dst_port=5000")
    ok(OURS, "add-dp", "dp1", "vx,type=vxlan,remote_ip=flow,dst_port=6000")
    before = ok(OURS, "show"), tunnel_devices()
    status, out, err = run(OURS, "add-if", "dp0", port)
    assert status == 1 and not out and says in err, (status, out, err)
    assert (ok(OURS, "show"), tunnel_devices()) == before


@pytest.mark.parametrize("port,says", [
    ("vxlan_sys_5000,remote_ip=flow,dst_port=5001", "can't change dst_port from 5000 to 5001 (Operation not supported)"),
    ("vxlan_sys_5000,remote_ip=flow,exts=gbp", "its device has other settings (Operation not supported)"),
])
def test_what_a_tunnels_device_is_cannot_be_changed(wires, port, says):
    ok(OURS, "add-dp", "dp0", "vx,type=vxlan,remote_ip=flow,dst_port=5000")
    status, out, err = run(OURS, "set-if", "dp0", port)
    assert status == 1 and not out and says in err, (status, out, err)
