# SPDX-License-Identifier: Apache-2.0
"""Ports on Linux devices: which way their packets take, and that they come through."""
import errno
import re
import socket
import subprocess

import pytest

from conftest import polls, wait_until

pytestmark = polls

AF_XDP = 44


def need_af_xdp():
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW).close()
    except OSError as e:
        if e.errno in (errno.EAFNOSUPPORT, errno.EPERM):
            pytest.skip(f"AF_XDP: the kernel gives no such sockets ({e.strerror})")
        raise


def add_veth(switch, i):
    """A namespace with one end of a pair; returns the name of the other end, which stays here."""
    ns, here, there = f"n{switch.tag}-{i}", f"v{switch.tag}h{i}", f"v{switch.tag}t{i}"
    subprocess.run(["ip", "netns", "add", ns], check=True)
    switch.namespaces.append(ns)
    subprocess.run(["ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", ns], check=True)
    for cmd in (["link", "set", there, "up"], ["addr", "add", f"10.98.0.{i + 1}/24", "dev", there]):
        subprocess.run(["ip", "-n", ns, *cmd], check=True)
    return here


def start(switch, *modes):
    """A bridge that floods, with one system port for each of 'modes' (None: no option)."""
    switch.start()
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
    names = [add_veth(switch, i) for i in range(len(modes))]
    for name, mode in zip(names, modes):
        option = ["--", "set", "interface", name, f"options:xdp-mode={mode}"] if mode else []
        switch.vsctl("add-port", "br0", name, *option)
    return names


def status(switch, name, key):
    return switch.vsctl("--if-exists", "get", "interface", name, f"status:{key}").strip().strip('"')


def attached(name):
    return re.search(r"\bxdp\w*", subprocess.run(["ip", "link", "show", name], capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("mode, kernel_says, works_as", [("generic", "xdpgeneric", "generic"), ("native", "xdp", "native"),
                                                         ("best-effort", "xdp", "native")])
def test_af_xdp_forwards_both_ways(switch, mode, kernel_says, works_as):
    need_af_xdp()
    names = start(switch, mode, mode)
    for name in names:
        assert switch.vsctl("get", "interface", name, "error").strip() == "[]", switch.log()
        wait_until("the status says how", lambda: status(switch, name, "xdp-mode") == works_as)
        assert status(switch, name, "io") == "af_xdp"
        assert attached(name).group() == kernel_says
    assert switch.ping(0, 1, count=5), switch.log()
    switch.vsctl("del-br", "br0")
    assert not any(attached(name) for name in names)


def test_af_xdp_to_packet_socket(switch):
    need_af_xdp()
    start(switch, "native", None)
    assert switch.ping(0, 1, count=5), switch.log()


def test_virtual_device_gets_a_packet_socket_by_itself(switch):
    names = start(switch, None, None)
    wait_until("the status says how", lambda: status(switch, names[0], "io") == "packet-socket")
    assert not attached(names[0])
    assert switch.ping(0, 1)


@pytest.mark.parametrize("mode, told", [("fast", "none of best-effort, native-with-zerocopy, native, generic"),
                                        ("native-with-zerocopy", "without copying")])
def test_xdp_mode_that_cannot_be_is_an_error(switch, mode, told):
    need_af_xdp()
    (name,) = start(switch, None)
    switch.vsctl("del-port", "br0", name)
    r = switch.vsctl("add-port", "br0", name, "--", "set", "interface", name, f"options:xdp-mode={mode}", check=False)
    assert told in switch.vsctl("get", "interface", name, "error"), r.stderr
    assert not attached(name)
    # Mended by the user, it works.
    switch.vsctl("remove", "interface", name, "options", "xdp-mode")
    wait_until("the port is there", lambda: switch.vsctl("get", "interface", name, "error").strip() == "[]")


def test_af_xdp_after_the_switch_was_killed(switch):
    need_af_xdp()
    start(switch, "native", "native")
    assert switch.ping(0, 1)
    switch.stop_process("ovs-vswitchd", 9)
    switch.start()
    wait_until("packets pass again", lambda: switch.ping(0, 1, count=1))


def test_bridge_port_beside_a_busy_one(switch):
    """A thread that never rests looks at taps and packet sockets now and then only; their packets come all the same."""
    (name,) = start(switch, None)
    switch.vsctl("add-port", "br0", "n0", "--", "set", "interface", "n0", "type=dpdk", "options:dpdk-devargs=net_null0,no-rx=1")
    wait_until("the thread does not rest", lambda: "max sleep:    0 us" in switch.appctl("dpif-netdev/pmd-sleep-show"))
    subprocess.run(["ip", "addr", "add", "10.98.0.9/24", "dev", "br0"], check=True)
    subprocess.run(["ip", "link", "set", "br0", "up"], check=True)
    r = subprocess.run(["ping", "-c", "5", "-i", "0.05", "-W", "5", "10.98.0.1"], capture_output=True, text=True)
    print(r.stdout)
    assert r.returncode == 0, r.stdout + switch.log()


def test_mtu_of_taps_and_ethdevs(switch):
    """mtu_request: the largest packet passes, one byte more does not."""
    names = start(switch, None, None)
    switch.vsctl("add-port", "br0", "n0", "--", "set", "interface", "n0", "type=dpdk", "options:dpdk-devargs=net_null0,no-rx=1",
                 "--", "add-port", "br0", "t0", "--", "set", "interface", "t0", "type=tap")
    for name in (*names, "n0", "t0", "br0"):
        switch.vsctl("set", "interface", name, "mtu_request=4000")
        wait_until(f"MTU of {name}", lambda: switch.vsctl("get", "interface", name, "mtu").strip() == "4000")
    for i, ns in enumerate(switch.namespaces):
        subprocess.run(["ip", "-n", ns, "link", "set", f"v{switch.tag}t{i}", "mtu", "4000"], check=True)
    for size, passes in ((4000 - 28, True), (4000 - 27, False)):
        r = subprocess.run(["ip", "netns", "exec", switch.namespaces[0], "ping", "-M", "do", "-s", str(size), "-c", "2", "-i", "0.2",
                            "-W", "2", "10.98.0.2"], capture_output=True, text=True)
        assert (r.returncode == 0) == passes, r.stdout + r.stderr + switch.log()
    for name, told in (("t0", "70000"), ("n0", "70000")):
        switch.vsctl("set", "interface", name, "mtu_request=70000")
        wait_until("the refusal is told", lambda: told in switch.log())
        assert switch.vsctl("get", "interface", name, "mtu").strip() == "4000"


def test_mtu_of_af_xdp(switch):
    need_af_xdp()
    names = start(switch, "native", "native")
    for name in names:
        switch.vsctl("set", "interface", name, "mtu_request=1400")
        wait_until(f"MTU of {name}", lambda: switch.vsctl("get", "interface", name, "mtu").strip() == "1400")
    assert switch.ping(0, 1)
    # Larger than the buffers it has, and than the kernel takes with an XDP program.
    switch.vsctl("set", "interface", names[0], "mtu_request=3000")
    wait_until("the refusal is told", lambda: "needs other buffers" in switch.log())
    assert switch.ping(0, 1)


def test_a_port_that_asks_for_another_number_keeps_its_device(switch):
    switch.start("--enable-dummy")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure",
                 "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy",
                 "--", "add-port", "br0", "int0", "--", "set", "interface", "int0", "type=internal", "ofport_request=4")
    subprocess.run(["ip", "addr", "add", "10.97.0.1/24", "dev", "int0"], check=True)
    switch.ofctl("add-flow", "br0", "in_port=7,actions=output:8")
    switch.vsctl("set", "interface", "p1", "ofport_request=7", "--", "set", "interface", "int0", "ofport_request=8")
    assert switch.vsctl("get", "interface", "p1", "ofport").strip() == "7"
    assert switch.vsctl("get", "interface", "int0", "ofport").strip() == "8"
    assert "10.97.0.1" in subprocess.run(["ip", "addr", "show", "dev", "int0"], capture_output=True, text=True, check=True).stdout
    switch.appctl("netdev-dummy/receive", "p1", "in_port(1),eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:07),eth_type(0x1234)")
    wait_until("the packet went from the one to the other", lambda: "n_packets=1" in switch.ofctl("dump-flows", "br0"))
    # One that is taken is not given.
    switch.vsctl("set", "interface", "p1", "ofport_request=8")
    assert switch.vsctl("get", "interface", "p1", "ofport").strip() == "7"
