# SPDX-License-Identifier: Apache-2.0
"""OVN (Debian's ovn-northd and ovn-controller) on this switch and on Debian's: the same flows and groups are installed, packets leave by
the same ports, traces can be told in OVN's words, and what needs the controller in between (DHCP, neighbours) comes back.

The userspace datapath tracks no connections; the switch is told that it does, since nothing here depends on their state."""
import os
import re
import signal
import subprocess

import pytest

from conftest import TOP, Switch, is_listened_on, wait_until
from datapath_text import Packet, outputs
from test_peer_control import running
from test_peer_text import CT_FEATURES, Peer, force_features
from clients import Control

PEER = os.environ.get("OES_PEER_DIR", "/nonexistent")
MACS = {1: "50:54:00:00:00:01", 2: "50:54:00:00:00:02", 3: "50:54:00:00:00:03"}
NETWORK = [
    "ls-add ls0", "ls-add ls1", *[f"lsp-add ls{i // 3} lp{i} -- lsp-set-addresses lp{i} '{MACS[i]} 10.{i // 3}.0.{i}'" for i in MACS],
    "lr-add lr0", "lrp-add lr0 rp0 00:00:00:00:ff:01 10.0.0.254/24", "lrp-add lr0 rp1 00:00:00:00:ff:02 10.1.0.254/24",
    *[f"lsp-add ls{i} ls{i}-r -- lsp-set-type ls{i}-r router -- lsp-set-addresses ls{i}-r router -- lsp-set-options ls{i}-r router-port=rp{i}" for i in (0, 1)],
    "acl-add ls0 to-lport 1001 'outport == \"lp2\" && ip4.src == {10.0.0.1, 10.0.0.5, 10.0.0.9} && tcp.dst == {80, 443, 8080}' allow",
    "acl-add ls0 to-lport 1000 'outport == \"lp2\" && tcp' drop", "acl-add ls0 from-lport 900 'inport == \"lp1\" && udp.dst == 53' reject",
    "lb-add lb0 10.0.0.100:80 10.0.0.1:80,10.0.0.2:80", "ls-lb-add ls1 lb0",
    "set nb_global . options:svc_monitor_mac=\\\"02:00:00:00:00:99\\\"", "set logical_switch ls0 other_config:subnet=10.0.0.0/24 other_config:exclude_ips=10.0.0.254",
]
DHCP = ("--id=@d create dhcp_options cidr=10.0.0.0/24 options='\"lease_time\"=\"3600\" \"router\"=\"10.0.0.254\" \"server_id\"=\"10.0.0.254\" "
        "\"server_mac\"=\"c0:ff:ee:00:00:01\"' -- set logical_switch_port lp1 dhcpv4_options=@d")
IP = "in_port={0},dl_src={1},dl_dst={2},{3},nw_src={4},nw_dst={5},nw_ttl=64"
PACKETS = [
    IP.format(1, MACS[1], MACS[2], "udp", "10.0.0.1", "10.0.0.2") + ",udp_src=5,udp_dst=6",
    *[IP.format(1, MACS[1], MACS[2], "tcp", src, "10.0.0.2") + f",tcp_src=5,tcp_dst={port}" for src in ("10.0.0.1", "10.0.0.7") for port in (80, 81, 443)],
    IP.format(1, MACS[1], MACS[2], "udp", "10.0.0.1", "10.0.0.2") + ",udp_src=5,udp_dst=53",
    IP.format(1, MACS[1], "00:00:00:00:ff:01", "udp", "10.0.0.1", "10.1.0.3") + ",udp_src=5,udp_dst=6",
    IP.format(1, MACS[1], "00:00:00:00:ff:01", "icmp", "10.0.0.1", "10.0.0.254") + ",icmp_type=8",
    IP.format(2, MACS[2], MACS[1], "icmp", "10.0.0.2", "10.0.0.1"),
    IP.format(2, MACS[1], MACS[1], "icmp", "10.0.0.2", "10.0.0.1"),
    f"in_port=1,dl_src={MACS[1]},dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha={MACS[1]}",
    f"in_port=1,dl_src={MACS[1]},dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.254,arp_sha={MACS[1]}",
    f"in_port=1,dl_src={MACS[1]},dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.77,arp_sha={MACS[1]}",
    f"in_port=2,dl_src={MACS[2]},dl_dst=01:00:5e:00:00:05,dl_type=0x1234",
]
# DISCOVER of lp1, without the options behind the message's type.
DISCOVER = ("ffffffffffff505400000001080045000110000000004011" + "79de" + "00000000ffffffff" + "00440043" + "00fc0000" + "01010600" + "11223344" + "00" * 20
            + "505400000001" + "00" * 10 + "00" * 192 + "63825363" + "350101" + "ff" + "00" * 8)

needs_ovn = pytest.mark.skipif(not os.path.exists(f"{PEER}/usr/bin/ovn-controller"),
                               reason="Debian's ovn-controller is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")


class Ovn:
    def __init__(self, s):
        self.s, self.db, self.processes = s, f"unix:{s.dir}/ovn.sock", []
        try:
            self.run_databases()
        except BaseException:
            self.close()
            raise

    def run_databases(self):
        s = self.s
        for name in ("nb", "sb"):
            s.run("ovsdb-tool", "create", f"{s.dir}/{name}.db", f"{PEER}/usr/share/ovn/ovn-{name}.ovsschema")
        self.start(s.program("ovsdb-server"), f"--remote=p{self.db}", f"{s.dir}/nb.db", f"{s.dir}/sb.db", f"--unixctl={s.dir}/ovn-db.ctl")
        wait_until("the database serves", lambda: is_listened_on(f"{s.dir}/ovn.sock"))
        self.start(f"{PEER}/usr/bin/ovn-northd", f"--ovnnb-db={self.db}", f"--ovnsb-db={self.db}")
        for command in NETWORK:
            self.nbctl(command)
        self.nbctl(DHCP)

    def start(self, *args):
        env = dict(self.s.env, OVN_RUNDIR=self.s.dir, OVN_LOGDIR=self.s.dir)
        out = open(f"{self.s.dir}/{os.path.basename(args[0])}-ovn.out", "w")
        self.processes.append(subprocess.Popen([*args, "-vconsole:info", "-vsyslog:off"], env=env, stdout=out, stderr=out))

    def nbctl(self, command):
        r = subprocess.run(f"{PEER}/usr/bin/ovn-nbctl --timeout=30 --db={self.db} {command}", shell=True, capture_output=True, text=True,
                           env=dict(self.s.env, OVN_RUNDIR=self.s.dir))
        assert not r.returncode, r.stderr

    def run_controller(self):
        s = self.s
        s.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", f"datapath_type={self.datapath_type()}", "fail-mode=secure",
                "--", "set", "Open_vSwitch", ".", "external-ids:system-id=hv1", f"external-ids:ovn-remote={self.db}",
                "external-ids:ovn-encap-type=geneve", "external-ids:ovn-encap-ip=127.0.0.1")
        for i in MACS:
            s.vsctl("--may-exist", "add-port", "br-int", f"vif{i}", "--", "set", "interface", f"vif{i}", "type=dummy", f"ofport_request={i}",
                    f"external-ids:iface-id=lp{i}")
        if not isinstance(s, Peer):
            for f in CT_FEATURES:
                s.appctl("dpif/set-dp-features", "br-int", f, "true")
        self.start(f"{PEER}/usr/bin/ovn-controller", f"unix:{s.dir}/db.sock")
        # What it installs once the ports are bound, and what it knows of the switch by then.
        wait_until("flows are installed", lambda: len(installed(self, "--no-stats dump-flows")) > 300, 60)
        self.nbctl("--wait=hv sync")

    def datapath_type(self):
        return "dummy" if isinstance(self.s, Peer) else "netdev"

    def log(self):
        with open(f"{self.s.dir}/ovn-controller-ovn.out") as f:
            return f.read()

    def close(self):
        for p in reversed(self.processes):
            p.send_signal(signal.SIGTERM)
        for p in self.processes:
            p.wait(20)


@pytest.fixture(scope="module")
def both():
    with running(Switch, "netdev") as ours, running(Peer, "dummy") as theirs:
        made = []
        try:
            for s in (ours, theirs):
                s.vsctl("del-br", "br0")
                made.append(Ovn(s))
                made[-1].run_controller()
            yield made
        finally:
            for o in made:
                o.close()


def installed(o, command):
    text = o.s.ofctl("-O", "OpenFlow15", *command.split(), "br-int")
    # Cookies and ids of conjunctions are parts of UUIDs; zones of connection tracking are taken in any order.
    text = re.sub(r"set_field:0x[0-9a-f]+->reg1([123])", r"set_field:ZONE->reg1\1", text)
    text = re.sub(r"cookie=\S+ |duration=\S+ |n_packets=\S+ |n_bytes=\S+ |idle_age=\S+ |hard_age=\S+ |send_flow_rem ", "", text)
    text = re.sub(r"cookie=0x[0-9a-f]+", "cookie=N", text)
    text = re.sub(r"(conj_id=|conjunction\()\d+", r"\1N", text)
    # What OVN does where the datapath can translate addresses to none (ct_zero_snat).
    text = text.replace("nat(src),", "")
    # Nor is it said in which order a packet for many goes to each.
    return sorted(" ".join(sorted(re.split("[ ,]", line))) for line in text.splitlines() if "xid" not in line)


@needs_ovn
@pytest.mark.parametrize("command", ["--no-stats dump-flows", "dump-groups", "dump-tlv-map"])
def test_the_same_is_installed(both, command):
    ours, theirs = [installed(o, command) for o in both]
    assert ours == theirs
    assert "flows" not in command or len(ours) > 300


@needs_ovn
def test_the_controller_sees_no_error(both):
    assert not [line for line in both[0].log().splitlines() if "|ERR|" in line or "OpenFlow error" in line]


@needs_ovn
@pytest.mark.parametrize("packet", PACKETS)
def test_packets_leave_as_on_debians(both, packet):
    left = []
    for o in both:
        text = Control(o.s).call("ofproto/trace", "br-int", packet)
        numbers = dict(re.findall(r"(?m)^ +(br-int|vif\d) (?:\d+)/(\d+):", o.s.appctl("dpif/show")))
        back = {int(n): name for name, n in numbers.items()}
        actions = re.findall(r"Datapath actions: (.*)", text)[0]
        actions = re.sub(r"ct\([^()]*(\([^()]*\)[^()]*)*\),?|ct_clear,?|recirc\(0x[0-9a-f]+\)|hash\([^)]*\),?", "", actions)
        left.append(sorted(((back.get(port, port), *rest) for port, *rest in outputs(actions.strip(",") or "drop", Packet.of(packet))), key=repr))
    assert left[0] == left[1]


@needs_ovn
def test_dhcp_answers_come_back(both):
    for o in both:
        def answered():
            o.s.appctl("netdev-dummy/receive", "vif1", DISCOVER)
            return int(re.search(r"tx pkts=(\d+)", o.s.ofctl("dump-ports", "br-int", "vif1"))[1]) > 0
        wait_until("an offer leaves", answered)


@needs_ovn
def test_a_change_of_policy_changes_flows(both):
    for o in both:
        o.nbctl("--wait=hv acl-add ls1 to-lport 1000 'ip4.src == 10.9.9.9' drop")
    ours, theirs = [installed(o, "--no-stats dump-flows") for o in both]
    assert ours == theirs and any("nw_src=10.9.9.9" in line for line in ours)


@needs_ovn
def test_a_switch_that_comes_again_gets_all_again(both):
    o = both[0]
    before = installed(o, "--no-stats dump-flows")
    o.s.stop_process("ovs-vswitchd")
    o.s.start_process("ovs-vswitchd", f"unix:{o.s.dir}/db.sock", "--enable-dummy=override")
    wait_until("the bridge is there", lambda: is_listened_on(f"{o.s.dir}/br-int.mgmt"))
    for f in CT_FEATURES:
        o.s.appctl("dpif/set-dp-features", "br-int", f, "true")
    wait_until("all flows are there", lambda: installed(o, "--no-stats dump-flows") == before, 60)


def detraced(o, packet):
    """What ovn-detrace, with this project's Python package, makes of a trace: what belongs to this OVN alone, masked."""
    text = Control(o.s).call("ofproto/trace", "br-int", packet)
    r = subprocess.run(["/usr/bin/python3", f"{PEER}/usr/bin/ovn-detrace", f"--ovnsb={o.db}", f"--ovnnb={o.db}"], input=text + "\n", capture_output=True, text=True, timeout=60,
                       env=dict(o.s.env, PYTHONPATH=os.path.join(TOP, "ovsdb", "python")))
    assert not r.returncode, r.stderr
    found = []
    for line in r.stdout.splitlines():
        line = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|0x[0-9a-f]+|(?<=conj_id=)[0-9]+|\([0-9a-f]{8}\)", "N", line).strip()
        if "cookie " in line:
            found.append([line])
        elif line.startswith("*") and found:
            found[-1].append(line)
    # Switches that share a flow come in any order.
    return [sorted(of_one) for of_one in found]


@needs_ovn
@pytest.mark.parametrize("packet", PACKETS[1:3])
def test_a_trace_can_be_told_in_ovns_words(both, packet):
    ours, theirs = [detraced(o, packet) for o in both]
    assert ours == theirs
    assert sum("* Logical flow" in line for of_one in ours for line in of_one) > 5
