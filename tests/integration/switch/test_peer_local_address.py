# SPDX-License-Identifier: Apache-2.0
"""local_ip, local_netmask and local_gateway of controllers, which the local port gets, beside Debian's switch; on a tap of the run's own
network namespace."""
import os
import shutil
import subprocess
import uuid

import pytest

from conftest import Switch
from test_peer_text import Peer

pytestmark = pytest.mark.peer

SET = ["set", "controller", "br0"]
CONTROLLER = ["set-controller", "br0", "tcp:10.1.1.9", "--", *SET]
STEPS = [
    [*CONTROLLER, "local_ip=10.1.1.5"],
    [*SET, "local_netmask=255.255.0.0"],
    [*SET, "local_gateway=10.1.1.1"],
    [*SET, "local_gateway=10.1.1.2"],
    [*SET, "local_ip=10.1.1.6"],
    [*SET, "local_ip=junk"],
    [*SET, "local_ip=192.168.3.4", "local_netmask=255.0.255.0"],
    ["clear", "controller", "br0", "local_netmask", "local_gateway"],
    [*SET, "local_ip=172.16.0.5", "local_gateway=10.9.9.9"],
    [*SET, "connection_mode=out-of-band", "local_ip=10.3.3.3"],
    ["clear", "controller", "br0", "local_ip", "local_gateway", "connection_mode"],
    [*CONTROLLER, "local_ip=10.7.7.7", "--", "set", "bridge", "br0", "other_config:disable-in-band=true"],
    ["set-controller", "br0", "unix:nowhere", "--", *SET, "local_ip=10.6.6.6"],
    ["set-controller", "br0", "ptcp:0:127.0.0.1", "--", *SET, "local_ip=10.8.6.6"],
    ["set-controller", "br0", "ssl:10.1.1.9", "--", *SET, "local_ip=10.9.6.6", "type=service"],
    ["del-controller", "br0"],
]


def ip(*args):
    return subprocess.run(["ip", *args], capture_output=True, text=True, check=True, timeout=10).stdout


def addresses():
    """Of the device, whether it is up, and the routes through it."""
    found = [line.split()[3] for line in ip("-4", "-o", "addr", "show", "dev", "br0").splitlines()]
    return found, ",UP" in ip("link", "show", "dev", "br0"), sorted(line.strip() for line in ip("route", "show", "dev", "br0").splitlines())


def after_each_step(cls):
    tag = uuid.uuid4().hex[:5]
    s = cls(f"/tmp/oes-{tag}", tag)
    os.mkdir(s.dir)
    try:
        s.start()
        s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        seen = []
        for step in STEPS:
            s.vsctl(*step)
            seen.append(addresses())
        return seen, s.log()
    finally:
        s.close()
        # Debian's leaves its devices there, with their addresses.
        for device in ("br0", "ovs-netdev"):
            subprocess.run(["ip", "link", "del", device], stderr=subprocess.DEVNULL)
        shutil.rmtree(s.dir, ignore_errors=True)


def test_the_local_port_has_the_addresses_that_debians_has():
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("needs root and /dev/net/tun")
    (theirs, _), (ours, log) = after_each_step(Peer), after_each_step(Switch)
    for step, a, b in zip(STEPS, ours, theirs):
        assert a == b, step
    assert ours[2] == (["10.1.1.5/16"], True, ["10.1.0.0/16 proto kernel scope link src 10.1.1.5", "default via 10.1.1.1"])
    assert 'local_ip "junk" is no IPv4 address' in log and 'local_netmask "255.0.255.0" is no IPv4 mask' in log
    assert "setting gateway 10.9.9.9 failed" in log
