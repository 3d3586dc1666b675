# SPDX-License-Identifier: Apache-2.0
"""Parts that measure what controllers meet: a table of a million rules, a deep pipeline, packets to and from them, barriers."""
import re
import socket
import struct
import subprocess
import threading
import time

import lab
import switch_parts

N_MILLION = 1000000
N_TABLES, N_RESUBMITS = 30, 100
N_PACKETS, WINDOW = 100000, 50
N_BARRIERS = 200
HELLO, SET_CONFIG, PACKET_IN, PACKET_OUT, BARRIER, BARRIER_REPLY = 0, 9, 10, 13, 18, 19
CONTROLLER, NONE = 0xfffd, 0xffff


class Client:
    """An OpenFlow 1.0 connection to the management socket."""

    def __init__(self, switch):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{switch.dir}/br0.mgmt")
        self.socket.settimeout(60)
        self.buffer = b""
        self.send(HELLO)
        while not self.receive(HELLO):
            pass

    @staticmethod
    def message(kind, body=b""):
        return struct.pack("!BBHI", 1, kind, 8 + len(body), 1) + body

    def send(self, kind, body=b""):
        self.socket.sendall(self.message(kind, body))

    def receive(self, kind):
        """How many messages of a kind came by one call; all that it brought is taken, but for the beginning of a message."""
        got = self.socket.recv(1 << 20)
        if not got:
            raise lab.Skip("the switch has closed the connection")
        data, at, n = self.buffer + got, 0, 0
        while len(data) - at >= 8:
            length = data[at + 2] << 8 | data[at + 3]
            if len(data) - at < length:
                break
            n += data[at + 1] == kind
            at += length
        self.buffer = data[at:]
        return n

    def barrier(self):
        begin = time.monotonic()
        self.send(BARRIER)
        while not self.receive(BARRIER_REPLY):
            pass
        return time.monotonic() - begin

    def close(self):
        self.socket.close()


def million(switch, path, result):
    """A million rules: added, dumped, and what they take."""
    rules = f"{path}/million.txt"
    lab.write_rules(rules, N_MILLION)
    before, cpu, begin = lab.rss_bytes(switch.pid), switch.other_cpu_seconds(), time.monotonic()
    switch.run("ovs-ofctl", "add-flows", "br0", rules, timeout=300)
    lab.wait_until("the switch has them", lambda: f"flow_count={N_MILLION}\n" in switch.run("ovs-ofctl", "dump-aggregate", "br0"), 60)
    result["million"] = N_MILLION / (time.monotonic() - begin)
    result["million cpu"] = N_MILLION / max(switch.other_cpu_seconds() - cpu, 0.01)
    result["million bytes"] = (lab.rss_bytes(switch.pid) - before) / N_MILLION
    cpu, begin = switch.other_cpu_seconds(), time.monotonic()
    subprocess.run([switch.suite.programs["ovs-ofctl"], "dump-flows", "br0"], env=switch.env, stdout=subprocess.DEVNULL, check=True, timeout=300)
    result["million dump"] = N_MILLION / (time.monotonic() - begin)
    result["million dump cpu"] = N_MILLION / max(switch.other_cpu_seconds() - cpu, 0.01)


def write_pipeline(path):
    """Tables that each write a register and match one; the last one asks others until there have been N_RESUBMITS."""
    with open(path, "w") as f:
        for t in range(N_TABLES):
            for i in range(20):
                f.write(f"table={t},priority={100 + i},ip,reg{t % 8}={0x1000 + i},nw_dst=30.{i}.0.0/16,actions=drop\n")
            more = "".join(f"resubmit(,{N_TABLES + 1 + i % 50})," for i in range(N_RESUBMITS - N_TABLES)) if t == N_TABLES - 1 else ""
            last = "output:2" if t == N_TABLES - 1 else f"resubmit(,{t + 1})"
            f.write(f"table={t},priority=1,actions=load:{t}->NXM_NX_REG{t % 8}[],{more}{last}\n")
        for t in range(N_TABLES + 1, N_TABLES + 51):
            f.write(f"table={t},priority=9,udp,nw_src=10.0.0.0/8,actions=move:NXM_OF_UDP_DST[]->NXM_NX_REG8[0..15]\n")
        # Each packet is a miss of its own: another table looks at what comes from its address and port.
        f.write("table=0,priority=500,udp,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG9[],move:NXM_OF_UDP_SRC[]->NXM_NX_REG10[0..15],resubmit(,1)\n")
        f.write("table=1,priority=500,udp,reg9=1,reg10=1,actions=drop\n")


def pipeline(switch, path, material, result):
    write_pipeline(f"{path}/pipeline.txt")
    switch.run("ovs-ofctl", "del-flows", "br0", timeout=120)
    switch.run("ovs-ofctl", "add-flows", "br0", f"{path}/pipeline.txt")
    text = switch.appctl("ofproto/trace", "br0", "in_port=1,udp,nw_src=10.1.1.1,nw_dst=20.0.0.1")
    if "Datapath actions: 2" not in text and not re.search(r"Datapath actions: \d", text):
        raise lab.Skip(f"the pipeline ends early: {text[-200:]}")
    rate, cycles, _, _, _ = switch_parts.upcall_pass(switch, material)
    result["translations"] = rate
    result["translation cycles"] = cycles


def packets(switch, result):
    """Each packet_out to the controller port comes back as a packet_in; so many are on their way at once."""
    client = Client(switch)
    client.send(SET_CONFIG, struct.pack("!HH", 0, 65535))
    body = struct.pack("!IHHHHHH", 0xffffffff, NONE, 8, 0, 8, CONTROLLER, 65535) + lab.frame(1)
    one = client.message(PACKET_OUT, body)
    cpu, begin, sent, got = switch.other_cpu_seconds(), time.monotonic(), 0, 0
    while got < N_PACKETS:
        if sent < N_PACKETS and sent - got < WINDOW:
            n = min(WINDOW - (sent - got), N_PACKETS - sent)
            client.socket.sendall(one * n)
            sent += n
        got += client.receive(PACKET_IN)
    result["packets"] = N_PACKETS / (time.monotonic() - begin)
    result["packets cpu"] = N_PACKETS / max(switch.other_cpu_seconds() - cpu, 0.01)
    client.close()


def barriers(switch, material, result):
    """How long a barrier takes on one connection while another one adds rules."""
    switch.run("ovs-ofctl", "del-flows", "br0", timeout=120)
    client = Client(switch)
    loader = threading.Thread(target=lambda: switch.run("ovs-ofctl", "add-flows", "br0", material.rules, timeout=120))
    loader.start()
    times = []
    while loader.is_alive() and len(times) < N_BARRIERS:
        times.append(client.barrier())
        time.sleep(0.002)
    loader.join()
    times.sort()
    if len(times) < 20:
        raise lab.Skip(f"only {len(times)} barriers came in while rules were added")
    result["barrier"] = times[len(times) // 2] * 1e6
    result["barrier worst"] = times[-1] * 1e6
    client.close()


def openflow(suite, path, material, result, note):
    def run(name, part, *args):
        try:
            part(*args, result)
        except (lab.Skip, OSError, subprocess.SubprocessError) as e:
            note(f"{name} with {suite.name}: {e}")

    with lab.Switch(suite, path) as switch:
        switch.add_port("out", 2, "net_null0,no-rx=1")
        run("pipeline", pipeline, switch, path, material)
    # Nothing polls here: a controller and the switch have a core each, as where there are more of them.
    with lab.on_both_cores(), lab.Switch(suite, f"{path}-rules") as switch:
        run("packets", packets, switch)
        run("barriers", barriers, switch, material)
        switch.run("ovs-ofctl", "del-flows", "br0", timeout=120)
        run("million", million, switch, path)


ROWS = (("packets", "packet_out that come back as packet_in", "rate", "packets/s"),
        ("packets cpu", "packet_out and packet_in: CPU of the switch", "rate", "packets/cpu-s"),
        ("barrier", "barrier while rules are added, median", "cost", "us"),
        ("barrier worst", "barrier while rules are added, the longest", "cost", "us"),
        ("translations", f"upcalls through {N_TABLES} tables, {N_RESUBMITS} resubmits", "rate", "upcalls/s/core"),
        ("translation cycles", f"upcalls through {N_TABLES} tables: cycles", "cost", "cycles/packet"),
        ("million", "flow_mods, 1M: own ovs-ofctl", "rate", "flows/s"),
        ("million cpu", "flow_mods, 1M: CPU of the switch", "rate", "flows/cpu-s"),
        ("million bytes", "memory per OpenFlow flow of 1M", "cost", "bytes"),
        ("million dump", "ovs-ofctl dump-flows, 1M", "rate", "flows/s"),
        ("million dump cpu", "dump-flows, 1M: CPU of the switch", "rate", "flows/cpu-s"))
