# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks stand on: frames and pcap files, and a switch (ours or Debian's) in a directory of its own."""
import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PMD_CORE = 1
OTHER_CORE = 0
# Memory for 131072 packet buffers: an endless pcap port keeps one for each of its frames.
EAL = "--legacy-mem --no-huge --no-shconf -m 2048 --no-pci --no-telemetry"


class Skip(Exception):
    """A part that cannot run here; its text says why."""


# ---- Flows: number i of a set, the same for packets and rules ----

def flow(i):
    return (f"10.{1 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}", f"20.0.{(i * 7 >> 8) & 255}.{i * 7 & 255}",
            1024 + i % 60000, 53 + i % 7)


def rule(i, out_port=2):
    src, dst, sport, dport = flow(i)
    return f"priority=100,udp,in_port=1,nw_src={src},nw_dst={dst},tp_src={sport},tp_dst={dport},actions=output:{out_port}"


def checksum(data):
    s = sum(struct.unpack(f">{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def frame(i):
    """60 bytes, as on a wire without its checksum."""
    src, dst, sport, dport = flow(i)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 17, 0, socket.inet_aton(src), socket.inet_aton(dst))
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    udp = struct.pack(">HHHH", sport, dport, 26, 0)
    return bytes.fromhex("020000000002020000000001" "0800") + head + udp + bytes(18)


def write_pcap(path, n):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i in range(n):
            data = frame(i)
            f.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)


def write_rules(path, n):
    with open(path, "w") as f:
        for i in range(n):
            f.write(rule(i) + "\n")


# ---- Processes ----

def rss_bytes(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1]) * 1024


def both_cores():
    os.sched_setaffinity(0, {OTHER_CORE, PMD_CORE})


@contextlib.contextmanager
def on_both_cores():
    """What this process starts may run on either core: for switches without a thread that polls."""
    both_cores()
    try:
        yield
    finally:
        os.sched_setaffinity(0, {OTHER_CORE})


def wait_until(what, condition, seconds=10, pause=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause)
    raise Skip(f"never happened: {what}")


class Suite:
    """Where the programs of one kind are."""

    def __init__(self, name, programs, schema):
        self.name = name
        self.programs = programs
        self.schema = schema
        for p in programs.values():
            if not os.access(p, os.X_OK):
                raise Skip(f"{p} is missing")


def our_suite(build):
    p = {n: f"{build}/utilities/{n}" for n in ("ovs-vsctl", "ovs-ofctl", "ovs-appctl")}
    p.update({"ovsdb-tool": f"{build}/ovsdb/ovsdb-tool", "ovsdb-server": f"{build}/ovsdb/ovsdb-server",
              "ovs-vswitchd": f"{build}/ofproto/ovs-vswitchd"})
    return Suite("ours", p, f"{TOP}/ovsdb/schemas/vswitch.ovsschema")


def peer_suite(peer):
    p = {n: f"{peer}/usr/bin/{n}" for n in ("ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovsdb-tool")}
    p.update({"ovsdb-server": f"{peer}/usr/sbin/ovsdb-server",
              "ovs-vswitchd": f"{peer}/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"})
    return Suite("peer", p, f"{peer}/usr/share/openvswitch/vswitch.ovsschema")


class Switch:
    """ovsdb-server and ovs-vswitchd of a suite. With a port, its PMD thread has one core and all other threads the other one."""

    def __init__(self, suite, path, config=()):
        self.suite = suite
        self.dir = path
        self.config = config
        self.processes = []
        os.makedirs(path)
        self.env = dict(os.environ, OVS_RUNDIR=path, OVS_LOGDIR=path, OVS_DBDIR=path, OVS_SYSCONFDIR=path)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for p in reversed(self.processes):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
                try:
                    p.wait(10)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()

    def run(self, name, *args, timeout=60, check=True, suite=None):
        r = subprocess.run([(suite or self.suite).programs[name], *args], env=self.env, capture_output=True, text=True,
                           timeout=timeout)
        if check and r.returncode:
            raise Skip(f"{self.suite.name}: {name} {' '.join(args)}: {(r.stderr or r.stdout).strip()[-300:]}")
        return r.stdout

    def vsctl(self, *args, timeout=30):
        return self.run("ovs-vsctl", f"--db=unix:{self.dir}/db.sock", f"--timeout={timeout}", *args)

    def appctl(self, *args, check=True):
        return self.run("ovs-appctl", "-t", f"{self.dir}/switch.ctl", *args, check=check)

    def spawn(self, name, *args):
        out = open(f"{self.dir}/{name}.out", "w")
        p = subprocess.Popen([self.suite.programs[name], *args, "-vconsole:off", "-vsyslog:off"], env=self.env,
                             stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=both_cores)
        self.processes.append(p)
        return p

    def start(self):
        self.run("ovsdb-tool", "create", f"{self.dir}/conf.db", self.suite.schema)
        self.spawn("ovsdb-server", f"{self.dir}/conf.db", f"--remote=punix:{self.dir}/db.sock",
                   f"--unixctl={self.dir}/db.ctl", f"--log-file={self.dir}/ovsdb-server.log")
        wait_until("ovsdb-server serves", lambda: os.path.exists(f"{self.dir}/db.sock"))
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   f"other_config:dpdk-extra=\"{EAL}\"", f"other_config:pmd-cpu-mask={1 << PMD_CORE:#x}",
                   "other_config:flow-limit=1000000", "other_config:max-idle=600000", *self.config)
        p = self.spawn("ovs-vswitchd", f"unix:{self.dir}/db.sock", f"--unixctl={self.dir}/switch.ctl",
                       f"--log-file={self.dir}/ovs-vswitchd.log")
        self.pid = p.pid
        wait_until(f"ovs-vswitchd of {self.suite.name} serves",
                   lambda: p.poll() is not None or os.path.exists(f"{self.dir}/switch.ctl"))
        if p.poll() is not None:
            raise Skip(f"ovs-vswitchd of {self.suite.name} ended with {p.returncode}: {self.log()}")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure")
        # The reference begins with a low limit of flows that rises slowly; the name of the command is its own.
        if self.suite.name == "peer":
            self.appctl("upcall/set-flow-limit", "1000000")

    def log(self):
        try:
            with open(f"{self.dir}/ovs-vswitchd.log") as f:
                return " | ".join(line.strip() for line in f.readlines()[-5:])
        except OSError:
            return ""

    def add_port(self, name, number, devargs):
        self.vsctl("add-port", "br0", name, "--", "set", "interface", name, "type=dpdk", f"ofport_request={number}",
                   f"options:dpdk-devargs={devargs}")
        error = self.vsctl("--if-exists", "get", "interface", name, "error").strip()
        if error not in ("[]", '""'):
            raise Skip(f"{self.suite.name}: port {name}: {error}")
        self.settle()

    def del_port(self, name):
        self.vsctl("del-port", "br0", name)

    def settle(self):
        """All threads but the PMD threads go to the other core."""
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{tid}/comm") as f:
                    core = PMD_CORE if f.read().startswith("pmd") else OTHER_CORE
                os.sched_setaffinity(int(tid), {core})
            except OSError:
                pass

    def other_cpu_seconds(self):
        """Of all threads but the PMD threads."""
        ticks = 0
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{tid}/comm") as f:
                if f.read().startswith("pmd"):
                    continue
            with open(f"/proc/{self.pid}/task/{tid}/stat") as f:
                words = f.read().rsplit(")", 1)[1].split()
            ticks += int(words[11]) + int(words[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    # ---- Counters of the PMD thread ----

    def clear_stats(self):
        self.appctl("dpif-netdev/pmd-stats-clear")

    def pmd_stats(self):
        """Sums over PMD threads, the main thread left out."""
        total = {}
        for part in re.split(r"^(?=\S)", self.appctl("dpif-netdev/pmd-stats-show"), flags=re.M):
            if part.startswith("pmd"):
                for key, value in re.findall(r"^\s+([^:]+): ([\d.]+)", part, flags=re.M):
                    total[key] = total.get(key, 0) + float(value)
        return total

    def upcall_usec(self):
        r = re.search(r"([\d.]+) us/upcall", self.appctl("dpif-netdev/pmd-perf-show", check=False))
        return float(r[1]) if r else None

    def n_flows(self):
        r = re.search(r"flows\s*: \(current (\d+)\)", self.appctl("upcall/show", check=False))
        return int(r[1]) if r else None
