# SPDX-License-Identifier: Apache-2.0
"""Parts that measure a whole switch: forwarding, flow_mods, upcalls, insertion of rules into a simulated NIC."""
import json
import os
import re
import signal
import subprocess
import time

import lab

FLOW_COUNTS = (1, 1000, 100000)
N_RULES = FLOW_COUNTS[-1]
SECONDS = 2
PASSES = 3
NIC_FLOWS_QUICK = 20000
NIC_FLOWS_SLOW = 4000


def median(values):
    return sorted(values)[len(values) // 2]


class Material:
    """The files that all switches are fed with."""

    def __init__(self, path):
        self.path = path
        self.rules = f"{path}/rules.txt"
        lab.write_rules(self.rules, N_RULES)
        self.pcap = {}
        for n in FLOW_COUNTS:
            self.pcap[n] = f"{path}/{n}.pcap"
            lab.write_pcap(self.pcap[n], n)

    def source(self, n, endless):
        return f"net_pcap{n},rx_pcap={self.pcap[n]}" + (",infinite_rx=1" if endless else "")


# ---- testpmd ----

def testpmd(material, result):
    """The floor: the same ports without a switch."""
    log = f"{material.path}/testpmd.out"
    for n in FLOW_COUNTS:
        try:
            args = ["dpdk-testpmd", *lab.EAL.replace("--legacy-mem ", "").split(), "--file-prefix", f"bench{os.getpid()}",
                    "-l", f"{lab.OTHER_CORE},{lab.PMD_CORE}", "--main-lcore", str(lab.OTHER_CORE),
                    "--vdev", material.source(n, True), "--vdev", "net_null0,no-rx=1", "--", "--forward-mode=io",
                    "--nb-cores=1", "--no-flush-rx", "--stats-period=1", "--total-num-mbufs=131072"]
            p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=open(log, "w"), stderr=subprocess.STDOUT,
                                 preexec_fn=lab.both_cores)
        except FileNotFoundError:
            raise lab.Skip("dpdk-testpmd is not installed (Debian package dpdk)")
        rates, end = [], time.monotonic() + 12
        while len(rates) < 3 and time.monotonic() < end and p.poll() is None:
            time.sleep(0.2)
            with open(log) as f:
                out = f.read()
            rates = [int(x) for x in re.findall(r"Tx-pps:\s+(\d+)", out) if int(x)]
        p.send_signal(signal.SIGINT)
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
        if not rates:
            raise lab.Skip(f"dpdk-testpmd forwarded nothing: {' '.join(out.split())[-200:]}")
        result[f"pps {n}"] = median(rates)


# ---- One switch from start to end ----

def wait_for_rules(switch, suite, n):
    """ovs-ofctl may end before the switch has done all it was told."""
    lab.wait_until(f"the switch has {n} rules",
                   lambda: f"flow_count={n}\n" in switch.run("ovs-ofctl", "dump-aggregate", "br0", suite=suite), 30)


def add_flows(switch, suite, material):
    """Returns flows/s of 'suite's ovs-ofctl, and the CPU seconds of the switch without its PMD thread, which polls."""
    cpu = switch.other_cpu_seconds()
    begin = time.monotonic()
    switch.run("ovs-ofctl", "add-flows", "br0", material.rules, suite=suite, timeout=60)
    wait_for_rules(switch, suite, N_RULES)
    seconds = time.monotonic() - begin
    return N_RULES / seconds, switch.other_cpu_seconds() - cpu


def flow_mods(switch, other, material, result):
    before = lab.rss_bytes(switch.pid)
    result["flow_mods"], cpu = add_flows(switch, switch.suite, material)
    result["flow_mods cpu"] = N_RULES / max(cpu, 0.01)
    result["rule bytes"] = (lab.rss_bytes(switch.pid) - before) / N_RULES
    begin = time.monotonic()
    switch.run("ovs-ofctl", "dump-flows", "br0")
    result["dump"] = N_RULES / (time.monotonic() - begin)
    begin = time.monotonic()
    switch.run("ovs-ofctl", "del-flows", "br0", timeout=120)
    wait_for_rules(switch, switch.suite, 0)
    result["del"] = N_RULES / (time.monotonic() - begin)
    if other:
        result["flow_mods cross"] = add_flows(switch, other, material)[0]
    else:
        add_flows(switch, switch.suite, material)


def bundles(switch, material, result):
    """The same rules in one bundle, and all of them replaced by others of the same matches."""
    replaced = f"{material.path}/replaced.txt"
    with open(material.rules) as f, open(replaced, "w") as out:
        for line in f:
            match, _, actions = line.rstrip().partition("actions=")
            out.write(f"{match}actions=load:1->NXM_NX_REG0[],{actions}\n")
    switch.run("ovs-ofctl", "del-flows", "br0", timeout=120)
    wait_for_rules(switch, switch.suite, 0)
    for key, command, rules in (("bundle add", ["--bundle", "add-flows"], material.rules), ("bundle replace", ["--bundle", "replace-flows"], replaced),
                                ("replace", ["replace-flows"], material.rules)):
        cpu = switch.other_cpu_seconds()
        begin = time.monotonic()
        switch.run("ovs-ofctl", *command, "br0", rules, timeout=120)
        wait_for_rules(switch, switch.suite, N_RULES)
        result[key] = N_RULES / (time.monotonic() - begin)
        result[f"{key} cpu"] = N_RULES / max(switch.other_cpu_seconds() - cpu, 0.01)


def upcall_pass(switch, material):
    """Every packet of the pcap misses once. Returns (upcalls/s, cycles per packet, flows, growth of memory, upcalls)."""
    switch.clear_stats()
    before = lab.rss_bytes(switch.pid)
    switch.add_port("in", 1, material.source(N_RULES, False))
    first, last = None, None
    end = time.monotonic() + 15
    while time.monotonic() < end:
        n = switch.pmd_stats().get("miss with success upcall", 0)
        now = time.monotonic()
        if n and not first:
            first = (now, n)
        if last and n == last[1] and n > N_RULES / 2:
            break
        last = (now, n)
        time.sleep(0.01)
    n, flows = last[1], switch.n_flows()
    cycles = switch.pmd_stats().get("avg processing cycles per packet", 0)
    growth = lab.rss_bytes(switch.pid) - before
    switch.del_port("in")
    lab.wait_until("the flows of the port are gone", lambda: (switch.n_flows() or 0) < 100, 20)
    rate = (n - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0
    return rate, cycles, flows, growth, n


def upcalls(switch, material, result):
    rates, costs = [], []
    for i in range(PASSES):
        rate, cycles, flows, growth, n = upcall_pass(switch, material)
        if i == 0:
            result["flow bytes"] = growth / max(flows or n, 1)
            result["flows kept"] = flows
        rates.append(rate)
        costs.append(cycles)
    result["upcalls"] = median(rates)
    result["upcall cycles"] = median(costs)


def revalidation(switch, material, result):
    """A rule before all others that does the same: each flow is translated again and stays. CPU of all threads but the PMD's."""
    switch.add_port("in", 1, material.source(N_RULES, False))
    lab.wait_until("the flows are there", lambda: (switch.n_flows() or 0) >= N_RULES * 0.99, 30)
    # A reference whose round takes longer than half of max-revalidator throws flows away instead.
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:max-revalidator=60000")
    switch.appctl("revalidator/wait")
    costs = []
    for _ in range(PASSES):
        before, flows = switch.other_cpu_seconds(), switch.n_flows()
        switch.run("ovs-ofctl", "add-flow", "br0", "priority=200,udp,in_port=1,actions=output:2")
        switch.appctl("revalidator/wait")
        costs.append((switch.other_cpu_seconds() - before) / flows)
        if switch.n_flows() < flows * 0.9:
            raise lab.Skip(f"{flows - switch.n_flows()} of {flows} flows were thrown away, not revalidated")
        switch.run("ovs-ofctl", "--strict", "del-flows", "br0", "priority=200,udp,in_port=1")
        switch.appctl("revalidator/wait")
    result["revalidation"] = median(costs) * 1e9
    switch.vsctl("remove", "Open_vSwitch", ".", "other_config", "max-revalidator")
    switch.del_port("in")
    lab.wait_until("the flows of the port are gone", lambda: (switch.n_flows() or 0) < 100, 20)


def forwarding(switch, material, result):
    for n in FLOW_COUNTS:
        switch.add_port("in", 1, material.source(n, True))
        lab.wait_until(f"{n} flows are there", lambda: (switch.n_flows() or 0) >= n, 20)
        time.sleep(1)
        samples = []
        for _ in range(3):
            switch.clear_stats()
            begin = time.monotonic()
            time.sleep(SECONDS / 3)
            stats = switch.pmd_stats()
            samples.append(stats["packets received"] / (time.monotonic() - begin))
            result[f"cycles {n}"] = stats.get("avg processing cycles per packet", 0)
        result[f"pps {n}"] = median(samples)
        switch.del_port("in")
        lab.wait_until("the flows of the port are gone", lambda: (switch.n_flows() or 0) < 100, 20)


def rules_alone(switch, other, material, run, parts, result):
    # One rule first, so that what is allocated once is not counted later.
    switch.run("ovs-ofctl", "add-flow", "br0", "priority=1,actions=drop")
    switch.run("ovs-ofctl", "del-flows", "br0")
    if "flow_mods" not in parts:
        add_flows(switch, switch.suite, material)
    run("flow_mods", lambda: flow_mods(switch, other, material, result))
    run("bundles", lambda: bundles(switch, material, result))


def with_packets(switch, material, run, result):
    switch.add_port("out", 2, "net_null0,no-rx=1")
    # One packet first, for the same reason.
    switch.add_port("in", 1, material.source(1, True))
    switch.del_port("in")
    add_flows(switch, switch.suite, material)
    run("upcalls", lambda: upcalls(switch, material, result))
    run("revalidation", lambda: revalidation(switch, material, result))
    run("forwarding", lambda: forwarding(switch, material, result))


def whole_switch(suite, other, path, material, parts, result, note):
    def run(name, part):
        if name not in parts:
            return
        try:
            part()
        except (lab.Skip, subprocess.TimeoutExpired) as e:
            note(f"{name} with {suite.name}: {e}")

    if {"flow_mods", "bundles"} & set(parts):
        with lab.on_both_cores(), lab.Switch(suite, f"{path}-rules") as switch:
            rules_alone(switch, other, material, run, parts, result)
    if {"upcalls", "revalidation", "forwarding"} & set(parts):
        with lab.Switch(suite, path) as switch:
            with_packets(switch, material, run, result)


# ---- Insertion into the NIC ----

SENDER = """
import socket, sys
sys.path.insert(0, sys.argv[3])
import lab
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
frames = [lab.frame(i) for i in range(int(sys.argv[2]))]
while True:
    for f in frames:
        s.send(f)
"""


def start_nic(switch, material, n_flows, insert_usec, tag, ns):
    nic, vf = f"net_simnic{tag}", f"b{tag}v"
    switch.add_port("uplink", 2, f"{nic},vfs=1,uplink_tap=b{tag}w,vf_tap_prefix={vf},insert_us={insert_usec}")
    with open(material.rules) as f, open(f"{switch.dir}/rules.txt", "w") as out:
        out.writelines(f.readline() for _ in range(n_flows))
    switch.run("ovs-ofctl", "add-flows", "br0", f"{switch.dir}/rules.txt")
    switch.add_port("rep0", 1, f"{nic},representor=vf[0]")
    for cmd in (["ip", "link", "set", f"{vf}0", "netns", ns], ["ip", "-n", ns, "link", "set", f"{vf}0", "up"]):
        subprocess.run(cmd, check=True)
    return f"{vf}0"


def watch_rules(switch, n_flows):
    """Samples of (seconds, rules in the NIC) until all are there."""
    samples = []
    end = time.monotonic() + 12
    while time.monotonic() < end and (not samples or samples[-1][1] < n_flows):
        rules = json.loads(switch.appctl("-f", "json", "offload/show"))["devices"][0]["rules"]
        samples.append((time.monotonic(), rules))
    return samples


def rate_of(samples, n_flows):
    """Between the first sample with a tenth of the rules and the first with nine tenths."""
    low = next((s for s in samples if s[1] >= n_flows / 10), None)
    high = next((s for s in samples if s[1] >= n_flows * 9 / 10), samples[-1])
    return (high[1] - low[1]) / (high[0] - low[0]) if low and high[0] > low[0] else 0


def nic_run(suite, path, material, n_flows, insert_usec, result, key):
    tag = f"{os.getpid() % 100000}"
    ns, sender = f"bench{tag}", None
    subprocess.run(["ip", "netns", "add", ns], check=True)
    try:
        with lab.Switch(suite, path, ["other_config:hw-offload=true", "other_config:pmd-sleep-max=0"]) as switch:
            vf = start_nic(switch, material, n_flows, insert_usec, tag, ns)
            switch.clear_stats()
            sender = subprocess.Popen(["ip", "netns", "exec", ns, "/usr/bin/python3", "-B", "-c", SENDER, vf, str(n_flows),
                                       os.path.dirname(__file__)])
            samples = watch_rules(switch, n_flows)
            sender.kill()
            sender.wait()
            if samples[-1][1] < n_flows * 9 / 10:
                raise lab.Skip(f"only {samples[-1][1]} of {n_flows} rules came into the NIC")
            result[f"nic rules {key}"] = rate_of(samples, n_flows)
            result[f"nic usec {key}"] = switch.upcall_usec()
            stats = switch.pmd_stats()
            result[f"nic misses {key}"] = stats["miss with success upcall"]
            result[f"nic lost {key}"] = stats["miss with failed upcall"]
    finally:
        if sender and sender.poll() is None:
            sender.kill()
            sender.wait()
        subprocess.run(["ip", "netns", "del", ns], check=False)


def nic(suite, path, material, result):
    if os.geteuid() or not os.path.exists("/dev/net/tun"):
        raise lab.Skip("the simulated NIC needs root and /dev/net/tun")
    nic_run(suite, f"{path}-quick", material, NIC_FLOWS_QUICK, 0, result, "quick")
    nic_run(suite, f"{path}-slow", material, NIC_FLOWS_SLOW, 1000, result, "slow")
