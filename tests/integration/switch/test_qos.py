# SPDX-License-Identifier: Apache-2.0
"""QoS of ports in the userspace datapath: a port that is a Linux device has Linux's disciplines, others say that they have none.
What the kernel's datapath does is in hw-tests/lab/cases/test_qos.py."""
import re
import subprocess

import pytest


def tc(*words):
    return subprocess.run(["tc", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def wire(switch):
    """Port 1 is the device w0 of a pair that is not in use otherwise."""
    subprocess.run(["ip", "link", "add", "w0", "type", "veth", "peer", "name", "w1"], check=True)
    try:
        for dev in ("w0", "w1"):
            subprocess.run(["ip", "link", "set", dev, "addrgenmode", "none", "up"], check=True)
        if subprocess.run(["tc", "qdisc", "add", "dev", "w1", "root", "htb"], capture_output=True).returncode:
            pytest.skip("this kernel has no htb")
        switch.start("--enable-dummy")
        switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure",
                     "protocols=[OpenFlow10,OpenFlow13]", "--", "add-port", "br0", "w0", "--", "set", "interface", "w0", "ofport_request=1",
                     "--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "type=dummy", "ofport_request=2")
        yield switch
    finally:
        subprocess.run(["ip", "link", "del", "w0"], check=False)


def set_htb(s, port):
    s.vsctl("set", "port", port, "qos=@q", "--", "--id=@q", "create", "qos", "type=linux-htb", "other_config:max-rate=10000000",
            "queues=5=@q5", "--", "--id=@q5", "create", "queue", "other_config:min-rate=1000000")


def test_a_linux_device_has_queues(wire):
    set_htb(wire, "w0")
    assert re.search(r"class htb 1:6 parent 1:fffe prio 0 rate 1Mbit ceil 10Mbit", tc("class", "show", "dev", "w0"))
    wire.ofctl("packet-out", "br0", "in_port=controller packet=" + "02" * 12 + "88b5" + "00" * 46 + " actions=output:1")
    shown = wire.appctl("qos/show", "w0")
    assert re.search(r"Default:\n(  .*\n)*  tx_packets: 1\n  tx_bytes: 60\n", shown), shown
    assert "port 1 queue 0: bytes=60, pkts=1, errors=0" in wire.ofctl("queue-stats", "br0")
    assert re.search(r"queue 5: bytes=0, pkts=0, errors=0, duration=\d+(\.\d+)?s", wire.ofctl("-O", "OpenFlow13", "queue-stats", "br0"))
    wire.vsctl("del-port", "w0")
    assert "htb" not in tc("qdisc", "show", "dev", "w0")


def test_a_port_that_has_none_says_so_once(wire):
    set_htb(wire, "p2")
    wire.vsctl("set", "interface", "p2", "ingress_policing_rate=1000")
    wire.vsctl("set", "interface", "w0", "ingress_policing_rate=1000")
    with open(f"{wire.dir}/ovs-vswitchd.log") as f:
        log = f.read()
    for text in ("br0: port p2: QoS: not a port of a Linux device: it has no traffic control",
                 "br0: port p2: policing: not a port of a Linux device: it has no traffic control",
                 "br0: port w0: policing needs a bridge with datapath_type=system"):
        assert log.count(text) == 1, text
    assert wire.appctl("qos/show", "p2") == "QoS not configured on p2\n"
