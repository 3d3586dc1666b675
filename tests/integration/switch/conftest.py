# SPDX-License-Identifier: Apache-2.0
"""A whole switch per test: ovsdb-server and ovs-vswitchd in a run directory of the test's own, on a simulated NIC whose
VFs are moved into namespaces that the test makes."""
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid

import pytest

BUILD = os.environ.get("OES_BUILDDIR", "_build/plain")
TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))

# Tests whose switch has threads that poll: they run one after another ("--dist loadgroup"), however many others run beside them.
polls = pytest.mark.xdist_group("polls")


def wait_until(what, condition, seconds=20):
    """Waits for something that must come; the limit only ends a test that would fail anyway."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")


def is_listened_on(path):
    """A socket's file is there before anybody is accepted on it."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


@pytest.fixture(scope="session", autouse=True)
def own_network():
    """Tests make devices of fixed names (br0...): in a network namespace of this run's own, so that runs do not meet."""
    CLONE_NEWNET = 0x40000000
    if os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        # Devices say nothing of their own accord: a bridge would have flows for it.
        with open("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "w") as f:
            f.write("1")


class Switch:
    def __init__(self, path, tag):
        self.dir = str(path)
        self.tag = tag
        self.nic = f"net_simnic{int(tag, 16) % 100000}"
        self.namespaces = []
        self.processes = {}
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir,
                        ASAN_OPTIONS="detect_leaks=0")

    def program(self, name):
        for room in ("utilities", "ovsdb", "ofproto"):
            path = os.path.join(BUILD, room, name)
            if os.path.exists(path):
                return path
        pytest.skip(f"{name} is not built")

    def run(self, *args, check=True, timeout=60):
        args = [self.program(args[0]), *args[1:]]
        r = subprocess.run(args, env=self.env, capture_output=True, text=True, timeout=timeout)
        if check and r.returncode:
            raise AssertionError(f"{' '.join(args)}: {r.returncode}\n{r.stdout}{r.stderr}\n{self.log()}")
        return r.stdout if check else r

    def log(self):
        try:
            with open(f"{self.dir}/ovs-vswitchd.log") as f:
                return "".join(f.readlines()[-40:])
        except OSError:
            return ""

    def vsctl(self, *args, check=True):
        return self.run("ovs-vsctl", f"--db=unix:{self.dir}/db.sock", "--timeout=30", *args, check=check)

    def ofctl(self, *args, check=True):
        return self.run("ovs-ofctl", *args, check=check)

    def appctl(self, *args, check=True):
        return self.run("ovs-appctl", *args, check=check)

    def offload_json(self):
        return json.loads(self.appctl("-f", "json", "offload/show"))

    def start_process(self, name, *args):
        path = self.program(name)
        out = open(f"{self.dir}/{name}.out", "w")
        p = subprocess.Popen([path, *args, "--pidfile", "--log-file", "-vconsole:off", "-vsyslog:off"], env=self.env,
                             stdout=out, stderr=out)
        self.processes[name] = p
        # A database is served a little later than commands are.
        sockets = [f"{self.dir}/{name}.{p.pid}.ctl", *(a.removeprefix("--remote=punix:") for a in args if a.startswith("--remote=punix:"))]
        wait_until(f"{name} serves", lambda: p.poll() is not None or all(map(is_listened_on, sockets)))
        if p.poll() is not None:
            raise AssertionError(f"{name} ended with {p.returncode}: {self.output(name)}{self.log()}")

    def output(self, name):
        with open(f"{self.dir}/{name}.out") as f:
            return f.read()

    def start(self, *vswitchd_args):
        if not os.path.exists(f"{self.dir}/conf.db"):
            self.run("ovsdb-tool", "create", f"{self.dir}/conf.db", f"{TOP}/ovsdb/schemas/vswitch.ovsschema")
            self.start_process("ovsdb-server", f"{self.dir}/conf.db", f"--remote=punix:{self.dir}/db.sock")
            self.vsctl("--no-wait", "init")
        self.start_process("ovs-vswitchd", f"unix:{self.dir}/db.sock", *vswitchd_args)

    def stop_process(self, name, sig=signal.SIGTERM):
        """Ends it, unless a test has: well, or (Debian's) by the signal."""
        p = self.processes.pop(name, None)
        if not p:
            return None
        if p.poll() is None:
            p.send_signal(sig)
        try:
            p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise AssertionError(f"{name} did not end")
        assert p.returncode in (0, -sig, -signal.SIGKILL), f"{name} ended with {p.returncode}: {self.output(name)}{self.log()}"
        return p.returncode

    def add_simnic(self, vfs=4, extra=""):
        """A bridge br0 with the uplink on port 10 and the representors of the VFs on ports 1, 2, ..."""
        prefix = f"v{self.tag}x"
        args = f"{self.nic},vfs={vfs},uplink_tap=w{self.tag},vf_tap_prefix={prefix}{extra}"
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure",
                   "--", "add-port", "br0", "uplink", "--", "set", "interface", "uplink", "type=dpdk",
                   "ofport_request=10", f"options:dpdk-devargs={args}")
        for i in range(vfs):
            self.vsctl("add-port", "br0", f"rep{i}", "--", "set", "interface", f"rep{i}", "type=dpdk",
                       f"ofport_request={i + 1}", f"options:dpdk-devargs={self.nic},representor=vf[{i}]")
            ns = f"n{self.tag}-{i}"
            subprocess.run(["ip", "netns", "add", ns], check=True)
            self.namespaces.append(ns)
            subprocess.run(["ip", "link", "set", f"{prefix}{i}", "netns", ns], check=True)
            for cmd in (["link", "set", "lo", "up"], ["link", "set", f"{prefix}{i}", "up"],
                        ["addr", "add", f"10.98.0.{i + 1}/24", "dev", f"{prefix}{i}"]):
                subprocess.run(["ip", "-n", ns, *cmd], check=True)

    def ping(self, src, dst, count=3):
        r = subprocess.run(["ip", "netns", "exec", self.namespaces[src], "ping", "-c", str(count), "-i", "0.2", "-W", "2",
                            f"10.98.0.{dst + 1}"], capture_output=True, text=True)
        return r.returncode == 0

    def flows(self, *args):
        return [line for line in self.appctl("dpctl/dump-flows", "-m", *args).splitlines() if line]

    def close(self):
        try:
            for name in ("ovs-vswitchd", "ovsdb-server"):
                self.stop_process(name)
        finally:
            for p in self.processes.values():
                p.kill()
            for ns in self.namespaces:
                subprocess.run(["ip", "netns", "del", ns], check=False)


@pytest.fixture
def switch(tmp_path):
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("needs root and /dev/net/tun")
    # Unix socket paths are short: a directory of its own below /tmp.
    tag = uuid.uuid4().hex[:5]
    path = f"/tmp/oes-{tag}"
    os.mkdir(path)
    s = Switch(path, tag)
    try:
        yield s
    finally:
        s.close()
        shutil.rmtree(path, ignore_errors=True)
