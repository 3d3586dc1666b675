# SPDX-License-Identifier: Apache-2.0
"""The whole switch on the kernel's datapath in a lab guest: what the cases that run it with pytest share. Hosts are namespaces
behind veth pairs, or behind the VFs of the simulated NIC (hw-tests/simnic/kmod); what Debian's own programs say of our state
is compared where they are unpacked (OES_PEER_DIR)."""
import contextlib
import json
import os
import re
import subprocess
import sys

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "integration", "switch"))
from conftest import Switch, wait_until  # noqa: E402


def ip(*args):
    subprocess.run(["ip", *args], check=True)


class KernelSwitch(Switch):
    """Bridge br0 with datapath_type=system; host i is a namespace with 10.98.0.<i+1> behind port v<i> (OpenFlow port i+1)."""

    def add_hosts(self, n, *bridge):
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", *bridge)
        for i in range(n):
            ns = f"h{i}"
            ip("netns", "add", ns)
            self.namespaces.append(ns)
            ip("link", "add", f"v{i}", "type", "veth", "peer", "name", "eth0", "netns", ns)
            ip("-n", ns, "link", "set", "lo", "up")
            # Without IPv6 addresses nothing is sent but what tests send.
            ip("-n", ns, "link", "set", "eth0", "addrgenmode", "none", "up")
            ip("-n", ns, "addr", "add", f"10.98.0.{i + 1}/24", "dev", "eth0")
            ip("link", "set", f"v{i}", "up")
            self.vsctl("add-port", "br0", f"v{i}", "--", "set", "interface", f"v{i}", f"ofport_request={i + 1}")

    def ping(self, src, dst, count=3):
        r = subprocess.run(["ip", "netns", "exec", f"h{src}", "ping", "-c", str(count), "-i", "0.05", "-W", "2",
                            f"10.98.0.{dst + 1}"], capture_output=True, text=True)
        return f" {count} received" in r.stdout

    def restart(self, src, address, flows, end):
        """Ends ovs-vswitchd under traffic and starts it again, with these flows (or what a function does to fill the tables);
        no packet may be lost."""
        traffic = subprocess.Popen(["ip", "netns", "exec", src, "ping", "-c", "200", "-i", "0.02", "-W", "2", address],
                                   stdout=subprocess.PIPE, text=True)
        end()
        self.processes.pop("ovs-vswitchd").wait(20)
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:flow-restore-wait=true")
        self.start()
        wait_until("the bridge listens", lambda: self.ofctl("show", "br0", check=False).returncode == 0)
        if callable(flows):
            flows()
        else:
            for flow in flows:
                self.ofctl("add-flow", "br0", flow)
        self.vsctl("remove", "Open_vSwitch", ".", "other_config", "flow-restore-wait")
        out = traffic.communicate(timeout=60)[0]
        assert " 0% packet loss" in out, out

    def kill_and_restart(self, src, address, flows):
        self.restart(src, address, flows, lambda: self.processes["ovs-vswitchd"].kill())

    def exit_and_restart(self, src, address, flows):
        self.restart(src, address, flows, lambda: self.appctl("exit"))

    def know_each_other(self, *hosts):
        """Permanent neighbours: no address resolution among a test's packets. Each host is (namespace, device, address)."""
        for ns, dev, _ in hosts:
            for other, other_dev, address in hosts:
                if other != ns:
                    lladdr = sysfs_in(other, f"/sys/class/net/{other_dev}/address")
                    ip("-n", ns, "neigh", "replace", address, "lladdr", lladdr, "dev", dev, "nud", "permanent")

    def flows_without_reason(self):
        """Neither in hardware, nor on their way there, and nobody says why. Debian's switch is not asked, nor one without datapath."""
        r = self.appctl("-f", "json", "offload/why", check=False)
        return [f for f in json.loads(r.stdout if r.returncode == 0 else "[]")
                if f["reason"] == "none" and f["place"] not in ("in_hw", "checked", "queued")]

    def close(self):
        unexplained = []
        # What stays for a next process would be in the way of the next test.
        if "ovs-vswitchd" in self.processes and self.processes["ovs-vswitchd"].poll() is None:
            unexplained = self.flows_without_reason()
            self.appctl("exit", "--cleanup", check=False)
            self.processes["ovs-vswitchd"].wait(20)
        super().close()
        assert not unexplained

    def peer(self, name, *args):
        path = os.path.join(os.environ.get("OES_PEER_DIR", "/nonexistent"), "usr", "bin", name)
        if not os.path.exists(path):
            pytest.skip(f"{name} of Debian is not unpacked (OES_PEER_DIR)")
        return subprocess.run([path, *args], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def switch(tmp_path):
    s = KernelSwitch(tmp_path, "00001")
    try:
        s.start()
        yield s
    finally:
        s.close()
        for i in range(8):
            subprocess.run(["ip", "link", "del", f"v{i}"], check=False, capture_output=True)


def tc_filters(*where):
    """Of a device's ingress ("dev", NAME) or a block ("block", NUMBER)."""
    side = ["ingress"] if where[0] == "dev" else []
    text = subprocess.run(["tc", "-s", "-j", "filter", "show", *where, *side], capture_output=True, text=True,
                          check=True).stdout
    return [f for f in json.loads(text or "[]") if "options" in f and "handle" in f["options"]]


# ---- On the simulated NIC (hw-tests/simnic/kmod), in switchdev mode ----


def sysfs(path):
    with open(path) as f:
        return f.read().strip()


class NicSwitch(KernelSwitch):
    """Representors sn0r<i> on OpenFlow ports i+1, the uplink on port 10; VF i is the host with 10.98.0.<i+1>, the far end of
    the wire the one with 10.98.0.9."""

    def add_nic(self, vfs, *bridge, rules=True):
        ip("link", "set", "sn0", "up")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=system", "fail_mode=secure", *bridge)
        for i, (ns, dev, number) in enumerate([(f"h{i}", f"sn0v{i}", i + 1) for i in range(vfs)] + [("wire", "sn0wire", 9)]):
            ip("netns", "add", ns)
            self.namespaces.append(ns)
            ip("link", "set", dev, "netns", ns)
            ip("-n", ns, "link", "set", dev, "addrgenmode", "none", "up")
            ip("-n", ns, "addr", "add", f"10.98.0.{number}/24", "dev", dev)
            rep = "sn0" if ns == "wire" else f"sn0r{i}"
            ip("link", "set", rep, "up")
            self.vsctl("add-port", "br0", rep, "--", "set", "interface", rep, f"ofport_request={10 if ns == 'wire' else i + 1}")
        if rules:
            self.ofctl("add-flow", "br0", "priority=50,arp,actions=FLOOD")
            for number, port in [(i + 1, i + 1) for i in range(vfs)] + [(9, 10)]:
                self.ofctl("add-flow", "br0", f"priority=100,ip,nw_dst=10.98.0.{number},actions=output:{port}")

    def send(self, src, number, count):
        r = subprocess.run(["ip", "netns", "exec", src, "ping", "-c", str(count), "-i", "0.02", "-W", "2", f"10.98.0.{number}"],
                           capture_output=True, text=True)
        return f" {count} received" in r.stdout


@contextlib.contextmanager
def on_nic(cls, folder, tag, vfs, nics=1):
    """A running switch that may use the hardware of simulated NICs."""
    module = os.environ.get("SIMNIC_KO")
    if not module:
        pytest.skip("the simulated NIC's module is not there (hw-tests/lab/run --simnic)")
    subprocess.run(["insmod", module, f"vfs={vfs}", f"nics={nics}"], check=True)
    for i in range(nics):
        subprocess.run(["devlink", "dev", "eswitch", "set", f"platform/simnic.{i}", "mode", "switchdev"], check=True)
    s = cls(folder, tag)
    try:
        s.start()
        s.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
        yield s
    finally:
        s.close()
        subprocess.run(["rmmod", "simnic"], check=True)


@pytest.fixture
def nic(tmp_path):
    with on_nic(NicSwitch, tmp_path, "00002", 3) as s:
        yield s


CONTROL = "/sys/kernel/debug/simnic/simnic.0/control"


def control(*words):
    with open(CONTROL, "w") as f:
        f.write(" ".join(str(w) for w in words))


def nic_counter(name):
    return int(re.search(rf"^{name} (\d+)", sysfs(CONTROL), re.M).group(1))


def slow_path():
    """Packets that came to software."""
    return nic_counter("to-software")


def sysfs_in(ns, path):
    return subprocess.run(["ip", "netns", "exec", ns, "cat", path], capture_output=True, text=True, check=True).stdout.strip()
