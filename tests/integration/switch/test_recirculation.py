# SPDX-License-Identifier: Apache-2.0
"""Recirculation on the simulated NIC: a parent that jumps, a child behind the jump, and what happens without the child."""
import re
import socket
import subprocess

from conftest import polls, wait_until

pytestmark = polls

KEY = "recirc_id({}),in_port({}),packet_type(ns=0,id=0),eth(),eth_type(0x0800),ipv4(frag=no)"


def start(switch, extra=""):
    ctl = f"{switch.dir}/simnic.ctl"
    switch.start()
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true", "other_config:max-revalidator=100")
    switch.add_simnic(vfs=2, extra=f",ctl={ctl}{extra}")
    for vf in (0, 1):
        other = 1 - vf
        mac = subprocess.run(["ip", "-n", switch.namespaces[other], "-br", "link", "show", f"v{switch.tag}x{other}"],
                             capture_output=True, text=True, check=True).stdout.split()[2]
        subprocess.run(["ip", "-n", switch.namespaces[vf], "neigh", "add", f"10.98.0.{other + 1}", "lladdr", mac, "dev",
                        f"v{switch.tag}x{vf}"], check=True)
    switch.ofctl("add-flow", "br0", "priority=1,actions=drop")


def port(switch, name):
    show = switch.appctl("dpctl/show")
    return re.search(rf"port (\d+): {name}\b", show).group(1)


def nic(switch, command):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{switch.dir}/simnic.ctl")
        s.sendall(command.encode() + b"\n")
        text = b""
        while not text.endswith(b"ok\n"):
            more = s.recv(65536)
            assert more and b"error" not in text, text
            text += more
    return text.decode()


def send(switch, n=5):
    """UDP from the first VF to the second: how many packets arrive, and their TTL."""
    receiver = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('10.98.0.2', 0))
s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
s.settimeout(2)
print(s.getsockname()[1], flush=True)
got, ttl = 0, 0
try:
    while got < {n}:
        data, anc, _, _ = s.recvmsg(64, 64)
        got, ttl = got + 1, int.from_bytes(anc[0][2][:4], 'little')
except socket.timeout:
    pass
print(got, ttl)
"""
    python = ["ip", "netns", "exec"]
    r = subprocess.Popen(python + [switch.namespaces[1], "/usr/bin/python3", "-c", receiver], stdout=subprocess.PIPE, text=True)
    number = r.stdout.readline().strip()
    sender = (f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
              f"[s.sendto(b'x' * 20, ('10.98.0.2', {number})) for _ in range({n})]")
    subprocess.run(python + [switch.namespaces[0], "/usr/bin/python3", "-c", sender], check=True)
    got, ttl = r.communicate()[0].split()
    return int(got), int(ttl)


def counts(switch, *args):
    """(recirc_id, first action) -> packets, of flows put in by hand and others."""
    return {re.search(r"recirc_id\((\w+)\)", f).group(1): int(re.search(r"packets:(\d+)", f).group(1))
            for f in switch.flows(*args) if "ipv4" in f and "in_port(rep0)" in f}


def in_hardware(switch, n):
    wait_until("rules are in hardware",
               lambda: switch.offload_json()["devices"][0]["rules"] >= n and
               all(not d["queued"] for d in switch.offload_json()["devices"]))


def add_pair(switch, parent="set(ipv4(ttl=9)),recirc(0x1)"):
    a, b = port(switch, "rep0"), port(switch, "rep1")
    switch.appctl("dpctl/add-flow", KEY.format("0", a), parent)
    switch.appctl("dpctl/add-flow", KEY.format("0x1", a), b)
    in_hardware(switch, 2)
    return KEY.format("0x1", a), b


def test_parent_and_child_run_in_the_nic(switch):
    start(switch)
    add_pair(switch)
    assert send(switch, 5) == (5, 9)
    assert counts(switch, "type=offloaded") == {"0": 5, "0x1": 5}
    assert re.search(r"recirculation.*true", switch.appctl("offload/show"))
    dump = nic(switch, "dump")
    assert "jump group 1" in dump and "mark" in dump
    stats = switch.appctl("dpif-netdev/pmd-stats-show")
    assert set(re.findall(r"packet recirculations: (\d+)", stats)) == {"0"}


def test_child_in_software_goes_on_where_the_nic_stopped(switch):
    start(switch)
    child, out = add_pair(switch)
    switch.appctl("dpctl/del-flow", child)
    # A child that the NIC does not take: it matches what rte_flow has no word for.
    switch.appctl("dpctl/add-flow", child.replace("in_port", "skb_mark(0),in_port"), out)
    assert send(switch, 5) == (5, 9)
    assert counts(switch) == {"0": 5, "0x1": 5}
    assert counts(switch, "type=offloaded") == {"0": 5}
    assert int(re.search(r"jump_misses\D+(\d+)", nic(switch, "stats")).group(1)) == 5


def test_removed_child_is_a_miss_behind_the_jump(switch):
    start(switch)
    child, out = add_pair(switch)
    assert send(switch, 5) == (5, 9)
    switch.appctl("dpctl/del-flow", child)
    assert send(switch, 3)[0] == 0
    # Counted once, by the parent in the NIC; the pipeline knows nothing of the id and drops.
    assert counts(switch)["0"] == 8
    assert counts(switch).get("0x1", 0) <= 3
    switch.appctl("dpctl/del-flows")
    add_pair(switch)
    assert send(switch, 4) == (4, 9)


def test_device_that_cannot_mark_does_not_jump(switch):
    start(switch, extra=",refuse=action:mark")
    a, b = port(switch, "rep0"), port(switch, "rep1")
    switch.appctl("dpctl/add-flow", KEY.format("0", a), "set(ipv4(ttl=9)),recirc(0x1)")
    switch.appctl("dpctl/add-flow", KEY.format("0x1", a), b)
    in_hardware(switch, 1)
    assert send(switch, 5) == (5, 9)
    assert counts(switch) == {"0": 5, "0x1": 5}
    assert "does not mark packets" in switch.appctl("offload/why")


def test_mod_flow_moves_the_jump(switch):
    start(switch)
    child, out = add_pair(switch)
    assert send(switch, 2) == (2, 9)
    parent = child.replace("0x1", "0")
    switch.appctl("dpctl/add-flow", child.replace("0x1", "0x2"), f"set(ipv4(ttl=5)),{out}")
    switch.appctl("dpctl/mod-flow", parent, "recirc(0x2)")
    in_hardware(switch, 3)
    assert send(switch, 3) == (3, 5)
    assert counts(switch) == {"0": 5, "0x1": 2, "0x2": 3}
