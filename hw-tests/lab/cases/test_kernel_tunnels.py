# SPDX-License-Identifier: Apache-2.0
"""Tunnels of the whole switch on the kernel's datapath, in a lab guest: the far end is a namespace with an ordinary tunnel device
of Linux. Underlay: veth "under0" here (10.97.0.1, fd97::1), "eth0" there (10.97.0.2, fd97::2). Overlay: host h0 (10.98.0.1) on
OpenFlow port 1, the tunnel on port 10, the far end's device "tun" with 10.98.0.9."""
import json
import re
import subprocess

import pytest

from kernel_switch import KernelSwitch, NicSwitch, ip, on_nic, sysfs, sysfs_in, tc_filters, wait_until

FAR = "far"


def run(*args):
    return subprocess.run(args, capture_output=True, text=True, check=True).stdout


class TunnelSwitch(KernelSwitch):
    def add_underlay(self):
        ip("netns", "add", FAR)
        self.namespaces.append(FAR)
        ip("link", "add", "under0", "type", "veth", "peer", "name", "eth0", "netns", FAR)
        ip("addr", "add", "10.97.0.1/24", "dev", "under0")
        ip("addr", "add", "fd97::1/64", "dev", "under0", "nodad")
        ip("link", "set", "under0", "up")
        ip("-n", FAR, "link", "set", "lo", "up")
        ip("-n", FAR, "addr", "add", "10.97.0.2/24", "dev", "eth0")
        ip("-n", FAR, "addr", "add", "fd97::2/64", "dev", "eth0", "nodad")
        ip("-n", FAR, "link", "set", "eth0", "up")

    def add_far_end(self, *link, name="tun", address="10.98.0.9/24"):
        ip("-n", FAR, "link", "add", name, *link)
        ip("-n", FAR, "addr", "add", address, "dev", name)
        # Nothing is sent but what tests send.
        ip("-n", FAR, "link", "set", name, "mtu", "1400", "addrgenmode", "none", "up")

    def add_tunnel(self, type_, *options, name="t10", number=10):
        self.vsctl("add-port", "br0", name, "--", "set", "interface", name, f"type={type_}", f"ofport_request={number}",
                   *[f"options:{o}" for o in options])

    def both_ways(self, count=3):
        """The far end first: it is the one whose neighbours are not known."""
        for ns, to in ((FAR, "10.98.0.1"), ("h0", "10.98.0.9")):
            r = subprocess.run(["ip", "netns", "exec", ns, "ping", "-c", str(count), "-i", "0.05", "-W", "2", to],
                               capture_output=True, text=True)
            if f" {count} received" not in r.stdout:
                return False
        return True


@pytest.fixture
def switch(tmp_path):
    s = TunnelSwitch(tmp_path, "00003")
    try:
        s.start()
        s.add_hosts(1)
        s.add_underlay()
        yield s
    finally:
        s.close()
        for dev in ("v0", "under0"):
            subprocess.run(["ip", "link", "del", dev], check=False, capture_output=True)


KINDS = {
    "vxlan": (["vxlan", "remote_ip=10.97.0.2", "key=42"],
              "type vxlan id 42 remote 10.97.0.1 dstport 4789"),
    "vxlan6": (["vxlan", "remote_ip=fd97::2", "local_ip=fd97::1", "key=42", "csum=true"],
               "type vxlan id 42 remote fd97::1 local fd97::2 dstport 4789 udp6zerocsumrx"),
    "vxlan-port": (["vxlan", "remote_ip=10.97.0.2", "key=7", "dst_port=8472", "tos=inherit", "ttl=inherit"],
                   "type vxlan id 7 remote 10.97.0.1 dstport 8472"),
    "geneve": (["geneve", "remote_ip=10.97.0.2", "key=42", "csum=true"],
               "type geneve id 42 remote 10.97.0.1 dstport 6081"),
    "geneve6": (["geneve", "remote_ip=fd97::2", "key=42"],
                "type geneve id 42 remote fd97::1 dstport 6081 udp6zerocsumrx"),
    "gre": (["gre", "remote_ip=10.97.0.2", "local_ip=10.97.0.1", "key=42"],
            "type gretap key 42 remote 10.97.0.1 local 10.97.0.2"),
    "gre-no-key": (["gre", "remote_ip=10.97.0.2"], "type gretap remote 10.97.0.1 local 10.97.0.2"),
    "ip6gre": (["ip6gre", "remote_ip=fd97::2", "key=42"],
               "type ip6gretap key 42 remote fd97::1 local fd97::2 encaplimit none"),
    "erspan1": (["erspan", "remote_ip=10.97.0.2", "key=42", "erspan_ver=1", "erspan_idx=7"],
                "type erspan seq key 42 remote 10.97.0.1 local 10.97.0.2 erspan_ver 1 erspan 7"),
    "erspan2": (["erspan", "remote_ip=10.97.0.2", "key=42", "erspan_ver=2", "erspan_dir=1", "erspan_hwid=5"],
                "type erspan seq key 42 remote 10.97.0.1 local 10.97.0.2 erspan_ver 2 erspan_dir egress erspan_hwid 5"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_packets_pass_both_ways(switch, kind):
    options, far = KINDS[kind]
    switch.add_tunnel(*options)
    switch.add_far_end(*far.split())
    assert switch.both_ways(), switch.appctl("dpctl/dump-flows", "-m") + switch.log()
    flows = switch.flows()
    assert any("actions:set(tunnel(" in f for f in flows) and any("tunnel(" in f.split("actions:")[0] for f in flows), flows


@pytest.mark.parametrize("payload", ["ip", "mpls"])
def test_packets_pass_without_an_ethernet_header(switch, payload):
    switch.add_tunnel("bareudp", "remote_ip=10.97.0.2", "dst_port=6635", f"payload_type={payload}")
    assert re.search(r"udp_sys_6635 \(bareudp: dst_port=6635, packet_type=ptap\)", switch.appctl("dpctl/show"))
    kind = "ipv4" if payload == "ip" else "mpls_uc"
    ip("-n", FAR, "link", "add", "tun", "type", "bareudp", "dstport", "6635", "ethertype", kind)
    ip("-n", FAR, "link", "set", "tun", "up")
    ip("-n", FAR, "addr", "add", "10.98.0.9/32", "dev", "lo")
    mac = sysfs_in("h0", "/sys/class/net/eth0/address")
    ip("-n", "h0", "neigh", "add", "10.98.0.9", "lladdr", "02:00:00:00:00:99", "dev", "eth0")
    if payload == "ip":
        ip("-n", FAR, "route", "add", "10.98.0.1", "dev", "tun", "src", "10.98.0.9")
        run("tc", "-n", FAR, "qdisc", "add", "dev", "tun", "clsact")
        run(*"tc -n far filter add dev tun egress matchall action tunnel_key set src_ip 10.97.0.2 dst_ip 10.97.0.1 id 0".split())
        switch.ofctl("add-flow", "br0", "priority=100,in_port=1,ip,actions=output:10")
        switch.ofctl("add-flow", "br0", f"priority=100,in_port=10,ip,actions=mod_dl_dst:{mac},output:1")
        r = run("ip", "netns", "exec", FAR, "ping", "-c", "3", "-i", "0.05", "-W", "2", "10.98.0.1")
        assert " 3 received" in r, switch.appctl("dpctl/dump-flows", "-m") + switch.log()
        flows = switch.flows()
        assert any("actions:set(tunnel(dst=10.97.0.2,ttl=64,tp_dst=6635,flags(df))),pop_eth,udp_sys_6635" in f
                   for f in flows), flows
        # What comes out has no Ethernet header to match.
        assert any("in_port(udp_sys_6635)" in f and "),eth(" not in f and
                   f"actions:push_eth(src=00:00:00:00:00:00,dst={mac}" in f for f in flows), flows
    else:
        switch.ofctl("add-flow", "br0", "priority=100,in_port=1,mpls,actions=output:10,output:LOCAL")
        trace = switch.appctl("ofproto/trace", "br0", "in_port=1,mpls", "--names")
        assert "pop_eth,udp_sys_6635,push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00" in trace, trace
    # Nothing is flooded there.
    assert "udp_sys" not in switch.appctl("ofproto/trace", "br0", "in_port=1,arp", "--names")


FRAME = "020000000001" "0200000000ff" "1234" + "00" * 50
FRAMES = f"""
import socket
frame = bytes.fromhex('0c000003' '00002a00' '{FRAME}')
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
s.bind(('eth0', 0))
s.settimeout(15)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3):
    u.sendto(frame, ('10.97.0.1', 4790))
print('sent', flush=True)
while True:
    p = s.recv(2048)
    if p[26:30] == bytes([10, 97, 0, 1]) and p[36:38] == (4790).to_bytes(2, 'big') and p[45] == 3:
        print(p[42:].hex())
        break
"""
# From the far end, and to it.
PACKET_TYPES = {
    "ptap": ("packet_type=(1,0x800),in_port=10,actions=encap(ethernet),set_field:{mac}->eth_dst,output:1",
             "in_port=1,ip,actions=decap(),output:10"),
    "legacy_l3": ("in_port=10,ip,actions=mod_dl_dst:{mac},output:1", "in_port=1,ip,actions=output:10"),
}


@pytest.mark.parametrize("packets", PACKET_TYPES)
def test_bare_packets_pass_through_gpe(switch, packets):
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "key=42", "dst_port=4790", "exts=gpe", f"packet_type={packets}")
    switch.vsctl("set", "bridge", "br0", "protocols=[]")
    ip("-n", FAR, *"link add tun type vxlan external gpe dstport 4790".split())
    ip("-n", FAR, "link", "set", "tun", "up")
    ip("-n", FAR, "addr", "add", "10.98.0.9/32", "dev", "lo")
    ip("-n", FAR, "route", "add", "10.98.0.1", "dev", "tun", "src", "10.98.0.9")
    run("tc", "-n", FAR, "qdisc", "add", "dev", "tun", "clsact")
    run(*"tc -n far filter add dev tun egress matchall action tunnel_key set src_ip 10.97.0.2 dst_ip 10.97.0.1 id 42 dst_port 4790".split())
    ip("-n", "h0", "neigh", "add", "10.98.0.9", "lladdr", "02:00:00:00:00:99", "dev", "eth0")
    mac = sysfs_in("h0", "/sys/class/net/eth0/address")
    for flow in (*PACKET_TYPES[packets], "packet_type=(0,0),in_port=10,dl_type=0x1234,actions=LOCAL"):
        switch.ofctl("-O", "OpenFlow15", "add-flow", "br0", "priority=100," + flow.format(mac=mac))
    r = run("ip", "netns", "exec", FAR, "ping", "-c", "3", "-i", "0.05", "-W", "2", "10.98.0.1")
    assert " 3 received" in r, switch.appctl("dpctl/dump-flows", "-m") + switch.log()
    flows = switch.flows()
    assert any("actions:set(tunnel(tun_id=0x2a,dst=10.97.0.2,ttl=64,tp_dst=4790,flags(df|key))),pop_eth,vxlan_sys_4790" in f
               for f in flows), flows
    assert any("in_port(vxlan_sys_4790)" in f and "),eth(" not in f and "actions:push_eth(" in f for f in flows), flows
    # An Ethernet frame is another tunnel's where this one carries none.
    far = subprocess.Popen(["ip", "netns", "exec", FAR, "/usr/bin/python3", "-c", FRAMES], stdout=subprocess.PIPE, text=True)
    assert far.stdout.readline() == "sent\n"
    if packets == "legacy_l3":
        far.kill()
        far.wait()
        assert " n_packets=0," in switch.ofctl("-O", "OpenFlow15", "dump-flows", "br0", "dl_type=0x1234")
        return
    wait_until("the frames are there", lambda: " n_packets=3," in switch.ofctl("-O", "OpenFlow15", "dump-flows", "br0", "dl_type=0x1234"))
    switch.ofctl("packet-out", "br0", f"in_port=controller packet={FRAME} actions=output:10")
    assert far.communicate(timeout=20)[0].strip() == "0c000003" "00002a00" + FRAME


@pytest.mark.parametrize("packets", PACKET_TYPES)
def test_bare_packets_pass_through_gre(switch, packets):
    """The device of those that carry Ethernet alone is made anew for them, and goes on carrying Ethernet."""
    switch.add_tunnel("gre", "remote_ip=10.97.0.2", "key=7", name="t11", number=11)
    switch.add_far_end(*"type gretap key 7 remote 10.97.0.1 local 10.97.0.2".split())
    assert switch.both_ways(), switch.log()
    assert "gretap external" in run("ip", "-d", "link", "show", "gre_sys")
    port = re.search(r"port (\d+): gre_sys", switch.appctl("dpctl/show")).group(1)
    switch.add_tunnel("gre", "remote_ip=10.97.0.2", "key=42", f"packet_type={packets}")
    wait_until("Ethernet passes again", lambda: switch.both_ways(count=1))
    assert "gre external" in run("ip", "-d", "link", "show", "gre_sys") and f"port {port}: gre_sys" in switch.appctl("dpctl/show")
    switch.vsctl("set", "bridge", "br0", "protocols=[]")
    switch.add_far_end(*"type gre key 42 remote 10.97.0.1 local 10.97.0.2".split(), name="bare", address="10.95.0.9/24")
    ip("-n", "h0", "addr", "add", "10.95.0.1/24", "dev", "eth0")
    ip("-n", "h0", "neigh", "add", "10.95.0.9", "lladdr", "02:00:00:00:00:99", "dev", "eth0")
    mac = sysfs_in("h0", "/sys/class/net/eth0/address")
    for flow in PACKET_TYPES[packets]:
        flow = flow.format(mac=mac).replace("in_port=1,ip", "in_port=1,ip,nw_dst=10.95.0.0/24")
        switch.ofctl("-O", "OpenFlow15", "add-flow", "br0", "priority=100," + flow)
    r = run("ip", "netns", "exec", FAR, "ping", "-c", "3", "-i", "0.05", "-W", "2", "10.95.0.1")
    assert " 3 received" in r, switch.appctl("dpctl/dump-flows", "-m") + switch.log()
    assert switch.both_ways(), switch.log()
    # A switch that comes after this one finds the device that it needs, whichever of the tunnels it begins with.
    before = ifindex("gre_sys")
    switch.processes["ovs-vswitchd"].kill()
    switch.processes.pop("ovs-vswitchd").wait()
    switch.start()
    wait_until("traffic passes again", lambda: switch.both_ways(count=1))
    assert ifindex("gre_sys") == before


def test_the_flow_says_key_and_remote(switch):
    switch.add_tunnel("vxlan", "remote_ip=flow", "key=flow", "local_ip=flow")
    switch.add_far_end(*"type vxlan id 99 remote 10.97.0.1 dstport 4789".split())
    switch.ofctl("add-flow", "br0", "priority=100,in_port=1,actions=set_field:99->tun_id,set_field:10.97.0.2->tun_dst,output:10")
    switch.ofctl("add-flow", "br0", "priority=100,in_port=10,tun_id=99,tun_src=10.97.0.2,actions=output:1")
    assert switch.both_ways(), switch.log()
    wait_until("all were counted", lambda: "n_packets=0," not in switch.ofctl("dump-flows", "br0", "in_port=10"))
    stats = json.loads(switch.vsctl("--format=json", "--columns=statistics", "list", "interface", "t10"))["data"][0][0][1]
    wait_until("the tunnel's own counters grow", lambda: dict(json.loads(switch.vsctl(
        "--format=json", "--columns=statistics", "list", "interface", "t10"))["data"][0][0][1])["rx_packets"] >= 6), stats
    assert "rx pkts=0" not in switch.ofctl("dump-ports", "br0", "10")
    # Without a remote the packet goes nowhere, and the trace says so.
    trace = switch.appctl("ofproto/trace", "br0", "in_port=2,icmp")
    switch.ofctl("add-flow", "br0", "priority=200,in_port=1,icmp,actions=output:10")
    assert ">> Not tunneling to our own address" in switch.appctl("ofproto/trace", "br0", "in_port=1,icmp"), trace


def test_tunnels_share_a_device_and_are_told_apart(switch):
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "key=1", name="t10", number=10)
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "key=2", name="t11", number=11)
    switch.add_tunnel("vxlan", "remote_ip=flow", "key=flow", name="t12", number=12)
    for number in (10, 11, 12):
        switch.ofctl("add-flow", "br0", f"priority=100,in_port={number},icmp,actions=LOCAL")
    for i, key in enumerate((1, 2, 3)):
        switch.add_far_end(*f"type vxlan id {key} remote 10.97.0.1 dstport 4789".split(), name=f"tun{key}",
                           address=f"10.96.{i}.9/24")
        ip("-n", FAR, "neigh", "add", f"10.96.{i}.1", "lladdr", "02:00:00:00:00:01", "dev", f"tun{key}")
        subprocess.run(["ip", "netns", "exec", FAR, "ping", "-c", "2", "-i", "0.05", "-W", "0.1", f"10.96.{i}.1"],
                       capture_output=True)
    for number in (10, 11, 12):
        wait_until(f"port {number} has got its own",
                   lambda: "n_packets=2," in switch.ofctl("dump-flows", "br0", f"in_port={number}"))
    show = switch.appctl("dpctl/show")
    assert show.count("vxlan_sys_4789 (vxlan: packet_type=ptap)") == 1, show
    lines = switch.appctl("ofproto/list-tunnels").splitlines()
    number = re.search(r"port (\d+): vxlan_sys_4789", show).group(1)
    assert f"port {number}: t11 (vxlan: ::->10.97.0.2, key=0x2, legacy_l2, dp port={number}, ttl=64)" in lines, lines
    assert f"port {number}: t12 (vxlan: ::->flow, key=flow, legacy_l2, dp port={number}, ttl=64)" in lines, lines
    # The device goes with the last of them.
    switch.vsctl("del-port", "t10")
    switch.vsctl("del-port", "t12")
    assert "vxlan_sys_4789" in run("ip", "-br", "link")
    switch.vsctl("del-port", "t11")
    wait_until("the device has gone", lambda: "vxlan_sys_4789" not in run("ip", "-br", "link"))


def column(switch, name, iface):
    return switch.vsctl("--bare", f"--columns={name}", "list", "interface", iface).strip()


def test_what_cannot_be_is_said(switch):
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "key=1", name="t10", number=10)
    assert column(switch, "status", "t10") and "tunnel_egress_iface=under0" in column(switch, "status", "t10")
    assert "tunnel_egress_iface_carrier=up" in column(switch, "status", "t10")
    cases = [(["vxlan", "remote_ip=10.97.0.2", "key=1"], "same config as port 't10'"),
             (["vxlan", "remote_ip=10.97.0.2", "key=2", "exts=gbp"], "tunnels can't be configured on the same dst_port"),
             (["vxlan", "remote_ip=10.97.0.2", "key=2", "exts=gpe"], "t10 has vxlan_sys_4789 already: vxlan_sys_4789 has other extensions"),
             (["vxlan", "remote_ip=10.97.0.2", "dst_port=4791", "exts=gbp,gpe"], "gbp or gpe, not both"),
             (["geneve", "remote_ip=10.97.0.2", "packet_type=legacy_l3"], "geneve tunnel that cannot carry L3 traffic"),
             (["vxlan", "remote_ip=far.example"], "bad vxlan 'remote_ip'"),
             (["geneve"], "geneve type requires valid 'remote_ip' argument"),
             (["gtpu", "remote_ip=10.97.0.2"], 'type "gtpu" is not supported yet')]
    for i, (options, text) in enumerate(cases):
        switch.vsctl("--no-wait", "add-port", "br0", f"bad{i}", "--", "set", "interface", f"bad{i}", f"type={options[0]}",
                     *[f"options:{o}" for o in options[1:]])
        wait_until(f"bad{i} has an error", lambda: text in column(switch, "error", f"bad{i}"))
        assert column(switch, "ofport", f"bad{i}") == "-1"
    # What Ethernet there is passes by packet types, in a device that has no more.
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "packet_type=ptap", name="t11", number=11)
    trace = switch.appctl("ofproto/trace-packet-out", "br0", "in_port=1,packet_type=(1,0x800)", "11")
    assert ">> the datapath's device of tunnel t11 carries Ethernet frames alone, dropped" in trace and "actions: drop" in trace, trace
    # A device of the name that is something else is left alone.
    ip("link", "add", "genev_sys_6081", "type", "dummy")
    switch.vsctl("--no-wait", "add-port", "br0", "g", "--", "set", "interface", "g", "type=geneve", "options:remote_ip=10.97.0.2")
    wait_until("it says so", lambda: "genev_sys_6081 is there, and is no geneve tunnel" in column(switch, "error", "g"))
    ip("link", "del", "genev_sys_6081")


def ifindex(dev):
    return sysfs(f"/sys/class/net/{dev}/ifindex")


def test_a_killed_switch_s_device_is_taken_over_or_made_anew(switch):
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "key=42")
    switch.add_tunnel("geneve", "remote_ip=10.97.0.2", "key=42", name="g", number=11)
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "dst_port=4799", name="u", number=12)
    switch.add_far_end(*"type vxlan id 42 remote 10.97.0.1 dstport 4789".split())
    assert switch.both_ways(), switch.log()
    before = ifindex("vxlan_sys_4789"), ifindex("genev_sys_6081")
    switch.processes["ovs-vswitchd"].kill()
    switch.processes.pop("ovs-vswitchd").wait()
    # One of them comes back with the wrong settings.
    ip("link", "del", "genev_sys_6081")
    ip("link", "add", "genev_sys_6081", "type", "geneve", "external", "dstport", "7000")
    wrong = ifindex("genev_sys_6081")
    switch.vsctl("--no-wait", "del-port", "u")
    switch.start()
    wait_until("traffic passes again", lambda: switch.both_ways(count=1))
    assert ifindex("vxlan_sys_4789") == before[0]
    assert ifindex("genev_sys_6081") != wrong
    assert "dstport 6081" in run("ip", "-d", "link", "show", "genev_sys_6081")
    # What nobody wants any more goes when it is sure that nobody will.
    wait_until("the unwanted device has gone", lambda: "vxlan_sys_4799" not in run("ip", "-br", "link"))
    # One that somebody deletes is made again.
    ip("link", "del", "vxlan_sys_4789")
    wait_until("traffic passes again", lambda: switch.both_ways(count=1))
    switch.appctl("exit", "--cleanup")
    switch.processes["ovs-vswitchd"].wait(20)
    links = run("ip", "-br", "link")
    assert "vxlan_sys" not in links and "genev_sys" not in links, links


@pytest.mark.parametrize("end", ["kill", "exit"])
def test_a_restart_loses_no_packet_of_a_tunnel(switch, end):
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "key=42")
    switch.add_far_end(*"type vxlan id 42 remote 10.97.0.1 dstport 4789".split())
    switch.know_each_other((FAR, "tun", "10.98.0.9"), ("h0", "eth0", "10.98.0.1"))
    assert switch.both_ways(), switch.log()
    device = ifindex("vxlan_sys_4789")
    getattr(switch, f"{end}_and_restart")("h0", "10.98.0.9", ["actions=NORMAL"])
    assert ifindex("vxlan_sys_4789") == device
    assert switch.both_ways()


POLICY = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
s.bind(('eth0', 0))
s.settimeout(15)
print('ready', flush=True)
while True:
    p = s.recv(2048)
    if p[26:30] == bytes([10, 97, 0, 1]) and p[36:38] == (4789).to_bytes(2, 'big') and p[62:64] == b'\\x08\\0':
        print(p[42:50].hex())
        break
"""


def test_connections_through_a_tunnel_are_tracked(switch):
    """h0 may ask the far end, not the other way round; the packets that come back go on as the tunnel's."""
    if "true" not in switch.appctl("dpif/set-dp-features", "br0", "ct_state").split("boot time")[1]:
        pytest.skip("this kernel's datapath, or our room of it, tracks no connections")
    switch.add_tunnel("geneve", "remote_ip=10.97.0.2", "key=42")
    switch.add_far_end(*"type geneve id 42 remote 10.97.0.1 dstport 6081".split())
    for flow in ("arp,actions=NORMAL", "priority=100,ip,ct_state=-trk,actions=ct(table=1,zone=5)",
                 "table=1,in_port=1,ip,ct_state=+trk+new,actions=ct(commit,zone=5),output:10",
                 "table=1,in_port=1,ip,ct_state=+trk+est,actions=output:10",
                 "table=1,in_port=10,tun_id=42,tun_src=10.97.0.2,ip,ct_state=+trk+est,actions=output:1"):
        switch.ofctl("add-flow", "br0", flow)
    ping = ["ip", "netns", "exec", "h0", "ping", "-c", "3", "-i", "0.05", "-W", "2", "10.98.0.9"]
    r = subprocess.run(ping, capture_output=True, text=True)
    assert " 3 received" in r.stdout, switch.appctl("dpctl/dump-flows", "-m") + switch.log()
    r = subprocess.run(["ip", "netns", "exec", FAR] + ping[4:-1] + ["10.98.0.1"], capture_output=True, text=True)
    assert " 0 received" in r.stdout
    assert any("recirc_id(0x" in f and "tunnel(tun_id=0x2a,src=10.97.0.2,dst=10.97.0.1" in f for f in switch.flows())


def test_policies_of_vxlan_are_matched_and_set(switch):
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "key=42", "exts=gbp")
    switch.add_far_end(*"type vxlan id 42 remote 10.97.0.1 dstport 4789 gbp".split())
    switch.ofctl("add-flow", "br0", "priority=100,in_port=1,actions=set_field:0x77->tun_gbp_id,output:10")
    switch.ofctl("add-flow", "br0", "priority=100,in_port=10,ip,tun_gbp_id=0x123,actions=output:1")
    switch.ofctl("add-flow", "br0", "priority=90,in_port=10,ip,actions=drop")
    sniffer = subprocess.Popen(["ip", "netns", "exec", FAR, "/usr/bin/python3", "-c", POLICY], stdout=subprocess.PIPE, text=True)
    assert sniffer.stdout.readline() == "ready\n"
    ip("-n", FAR, "neigh", "add", "10.98.0.1", "lladdr", sysfs_in("h0", "/sys/class/net/eth0/address"), "dev", "tun")
    ip("-n", "h0", "neigh", "add", "10.98.0.9", "lladdr", sysfs_in(FAR, "/sys/class/net/tun/address"), "dev", "eth0")
    # The mark of what is sent is the policy there.
    r = run("ip", "netns", "exec", FAR, "ping", "-m", str(0x123), "-c", "3", "-i", "0.05", "-W", "2", "10.98.0.1")
    assert " 3 received" in r, switch.appctl("dpctl/dump-flows", "-m") + switch.log()
    assert sniffer.communicate(timeout=20)[0].strip() == "8800007700002a00"
    assert any("vxlan(gbp(id=291" in f for f in switch.flows()), switch.flows()


OPTIONS = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('10.97.0.2', 6081))
eth = bytes.fromhex('020000000001' '0200000000ff' '1234') + b'x' * 50
def geneve(options): return struct.pack('!BBHI', len(options) // 4, 0, 0x6558, 42 << 8) + options + eth
def option(cls, typ, data): return struct.pack('!HBB', cls, typ, len(data) // 4) + data
for o in (option(0x102, 0x80, b'\\0\\0\\0\\x0a'), option(0x102, 0x80, b'\\0\\0\\0\\x0b'), b'', option(0x999, 1, b'abcd'),
          option(0x999, 1, b'abcd') + option(0x102, 0x80, b'\\0\\0\\0\\x0a')):
    s.sendto(geneve(o), ('10.97.0.1', 6081))
print('sent', flush=True)
s.settimeout(10)
data = s.recv(2048)
print(data[8:8 + (data[0] & 0x3f) * 4].hex())
"""


def test_options_of_geneve_are_fields(switch):
    switch.add_tunnel("geneve", "remote_ip=10.97.0.2", "key=42")
    switch.ofctl("add-tlv-map", "br0", "{class=0x102,type=0x80,len=4}->tun_metadata0,{class=0x103,type=1,len=4}->tun_metadata9")
    assert "  0x102  0x80       4  tun_metadata0" in switch.ofctl("dump-tlv-map", "br0")
    r = switch.ofctl("add-flow", "br0", "tun_metadata5=1,actions=drop", check=False)
    assert "NXFMFC_INVALID_TLV_FIELD" in r.stderr, r
    for priority, what in ((30, "tun_metadata0=0xa"), (20, "tun_metadata0=0xb"), (10, "")):
        switch.ofctl("add-flow", "br0", f"priority={priority},in_port=10,{what},actions=LOCAL")
    far = subprocess.Popen(["ip", "netns", "exec", FAR, "/usr/bin/python3", "-c", OPTIONS], stdout=subprocess.PIPE, text=True)
    assert far.stdout.readline() == "sent\n"
    for priority, n in ((30, 2), (20, 1), (10, 2)):
        wait_until(f"{n} packets of priority {priority}", lambda: any(
            f"n_packets={n}," in x and f"priority={priority}," in x for x in switch.ofctl("dump-flows", "br0").splitlines()))
    switch.ofctl("packet-out", "br0", "in_port=controller packet=020000000001020000000002" + "1234" + "00" * 50 +
                 " actions=set_field:0x1234->tun_metadata9,set_field:7->tun_metadata0,output:10")
    assert far.communicate(timeout=20)[0].strip() == "0102800100000007" + "0103010100001234"
    r = switch.ofctl("del-tlv-map", "br0", check=False)
    assert "NXTTMFC_INVALID_TLV_DEL" in r.stderr, r
    switch.ofctl("del-flows", "br0")
    switch.ofctl("del-tlv-map", "br0")


def test_packets_into_tunnels_are_traced_as_by_open_vswitch(switch):
    switch.add_tunnel("vxlan", "remote_ip=10.97.0.2", "key=5")
    switch.add_tunnel("geneve", "remote_ip=flow", "key=flow", name="t11", number=11)
    switch.add_tunnel("gre", "remote_ip=10.97.0.9", "key=7", "tos=inherit", "ttl=inherit", "df_default=false", "csum=true",
                      name="t12", number=12)
    switch.ofctl("add-flow", "br0", "in_port=1,icmp,actions=output:10,output:12,output:10")
    switch.ofctl("add-flow", "br0", "in_port=1,tcp,actions=set_field:10.1.1.1->tun_dst,set_field:9->tun_id,output:11")
    names = "--names"
    trace = switch.appctl("ofproto/trace", "br0", "in_port=1,icmp,nw_ecn=3,nw_tos=0x20,nw_ttl=9", names)
    assert ("Datapath actions: set(tunnel(tun_id=0x5,dst=10.97.0.2,tos=0x2,ttl=64,tp_dst=4789,flags(df|key))),vxlan_sys_4789,"
            "set(tunnel(tun_id=0x7,dst=10.97.0.9,tos=0x22,ttl=9,flags(csum|key))),gre_sys,"
            "set(tunnel(tun_id=0x5,dst=10.97.0.2,tos=0x2,ttl=64,tp_dst=4789,flags(df|key))),vxlan_sys_4789") in trace, trace
    assert "Megaflow: recirc_id=0,eth,icmp,in_port=v0,vlan_tci=0x0000/0x1000,nw_tos=32,nw_ecn=3,nw_ttl=9,nw_frag=no" in trace, trace
    assert "Final flow: unchanged" in trace and trace.count("-> output to kernel tunnel") == 3, trace
    trace = switch.appctl("ofproto/trace", "br0", "in_port=1,tcp", names)
    assert "set(tunnel(tun_id=0x9,dst=10.1.1.1,ttl=64,tp_dst=6081,flags(df|key))),genev_sys_6081" in trace, trace


# ---- On the simulated NIC: the VF's host is h0, its representor on port 1; the uplink is this host's way to the far end ----


class TunnelNic(TunnelSwitch, NicSwitch):
    def add_nic_and_far_end(self, far):
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "fail_mode=secure")
        for ns, dev, name in ((FAR, "sn0wire", "eth0"), ("h0", "sn0v0", "eth0")):
            ip("netns", "add", ns)
            self.namespaces.append(ns)
            ip("link", "set", dev, "netns", ns)
            ip("-n", ns, "link", "set", dev, "name", name, "addrgenmode", "none", "up")
        ip("addr", "add", "10.97.0.1/24", "dev", "sn0")
        ip("link", "set", "sn0", "up")
        ip("-n", FAR, "addr", "add", "10.97.0.2/24", "dev", "eth0")
        ip("-n", "h0", "addr", "add", "10.98.0.1/24", "dev", "eth0")
        ip("-n", "h0", "link", "set", "eth0", "mtu", "1400")
        ip("link", "set", "sn0r0", "up")
        self.vsctl("add-port", "br0", "sn0r0", "--", "set", "interface", "sn0r0", "ofport_request=1")
        self.add_far_end(*far)
        self.ofctl("add-flow", "br0", "priority=100,in_port=1,actions=output:10")
        self.ofctl("add-flow", "br0", "priority=100,in_port=10,actions=output:1")

    def in_hardware(self):
        flows = [f for f in self.flows("type=offloaded") if "eth_type(0x0800)" in f]
        return (sum("actions:set(tunnel(" in f for f in flows), sum("tunnel(" in f.split("actions:")[0] for f in flows))

    def ping_far(self, count):
        r = subprocess.run(["ip", "netns", "exec", "h0", "ping", "-c", str(count), "-i", "0.02", "-W", "2", "10.98.0.9"],
                           capture_output=True, text=True)
        return f" {count} received" in r.stdout


@pytest.fixture
def nic(tmp_path):
    with on_nic(TunnelNic, tmp_path, "00004", 2) as s:
        yield s


NIC_KINDS = {
    "vxlan": ("vxlan", "type vxlan id 42 remote 10.97.0.1 dstport 4789"),
    "vxlan-csum": ("vxlan", "type vxlan id 42 remote 10.97.0.1 dstport 4789", "csum=true", "tos=0x20", "ttl=9"),
    "geneve": ("geneve", "type geneve id 42 remote 10.97.0.1 dstport 6081"),
    "gre": ("gre", "type gretap key 42 remote 10.97.0.1 local 10.97.0.2"),
}


@pytest.mark.parametrize("kind", NIC_KINDS)
def test_encapsulation_and_decapsulation_are_in_hardware(nic, kind):
    type_, far, *more = NIC_KINDS[kind]
    nic.add_nic_and_far_end(far.split())
    nic.add_tunnel(type_, "remote_ip=10.97.0.2", "local_ip=10.97.0.1", "key=42", "df_default=false", *more)
    assert nic.ping_far(3), nic.log()
    wait_until("both ways are in hardware", lambda: nic.in_hardware() == (1, 1), 10)
    seen = {dev: int(sysfs(f"/sys/class/net/{dev}/statistics/rx_packets")) for dev in ("sn0", "sn0r0")}
    assert nic.ping_far(50)
    for dev, n in seen.items():  # ARP may be asked again
        assert int(sysfs(f"/sys/class/net/{dev}/statistics/rx_packets")) - n <= 3, dev
    wait_until("the NIC's counters have come to OpenFlow", lambda: all(
        int(re.search(r"n_packets=(\d+)", nic.ofctl("dump-flows", "br0", f"in_port={port}")).group(1)) in range(53, 60)
        for port in (1, 10)))
    assert "offload_device=platform/simnic.0" in column(nic, "status", "t10").replace('"', "")
    assert "altered" not in nic.appctl("offload/audit") or "0 altered" in nic.appctl("offload/audit")


def test_what_keeps_a_tunnel_out_of_hardware_is_said(nic):
    nic.add_nic_and_far_end("type vxlan id 42 remote 10.97.0.1 dstport 4789".split())
    nic.add_tunnel("vxlan", "remote_ip=10.97.0.2", "local_ip=10.97.0.1", "key=42")
    assert nic.ping_far(10), nic.log()
    # act_tunnel_key of this kernel does not set DF, which is on without df_default=false. The other way is none the worse.
    wait_until("the reason is there", lambda: "set(tunnel(flags(df)))" in nic.appctl("offload/why"))
    wait_until("one way is in hardware", lambda: nic.in_hardware() == (0, 1))
    nic.vsctl("set", "interface", "t10", "options:df_default=false")
    wait_until("both ways are", lambda: nic.ping_far(1) and nic.in_hardware() == (1, 1))


def handles(dev):
    return {(f["pref"], f["options"]["handle"]) for f in tc_filters("dev", dev) if f["protocol"] == "ip"}


@pytest.mark.parametrize("end", ["kill", "exit"])
def test_a_restart_leaves_tunnels_in_hardware(nic, end):
    nic.add_nic_and_far_end("type vxlan id 42 remote 10.97.0.1 dstport 4789".split())
    nic.add_tunnel("vxlan", "remote_ip=10.97.0.2", "local_ip=10.97.0.1", "key=42", "df_default=false")
    nic.know_each_other((FAR, "tun", "10.98.0.9"), ("h0", "eth0", "10.98.0.1"))
    assert nic.ping_far(3), nic.log()
    wait_until("both ways are in hardware", lambda: nic.in_hardware() == (1, 1))
    before = {dev: handles(dev) for dev in ("sn0r0", "vxlan_sys_4789")}
    assert all(before.values()), before
    getattr(nic, f"{end}_and_restart")("h0", "10.98.0.9", ["priority=100,in_port=1,actions=output:10",
                                                          "priority=100,in_port=10,actions=output:1"])
    wait_until("both ways have flows again", lambda: nic.in_hardware() == (1, 1))
    assert {dev: handles(dev) for dev in before} == before
    assert nic.ping_far(5)
