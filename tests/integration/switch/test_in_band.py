# SPDX-License-Identifier: Apache-2.0
"""The hidden rules by which controllers and managers are reached over the bridge itself, beside Debian's."""
import re

import pytest

from conftest import Switch, wait_until
from test_peer_actions import needs_peer
from test_peer_control import running
from test_peer_text import Peer


def mac(s):
    return s.vsctl("get", "interface", "br0", "mac_in_use").strip().strip('"')


def own_rules(s):
    """Those above all of controllers; what the bridge has for itself in its last table is another matter."""
    lines = [re.sub(r"duration=[^,]*, n_packets=\d+, n_bytes=\d+, ", "", line) for line in s.appctl("bridge/dump-flows", "br0").splitlines()]
    return sorted(line.replace(mac(s), "LOCAL") for line in lines if line.startswith("priority=18"))


def hosts(s):
    """What the rules of TCP say, the highest."""
    return sorted(line.split(",", 2)[2] for line in own_rules(s) if line.startswith("priority=180008"))


def configured(cls, datapath_type, *commands):
    with running(cls, datapath_type) as s:
        seen = []
        for command in commands:
            s.vsctl(*command)
            s.appctl("version")
            seen.append(own_rules(s))
        return seen


CONTROLLER = ["set-controller", "br0"]
CHANGES = [
    [*CONTROLLER, "tcp:10.1.1.9:6653"],
    [*CONTROLLER, "tcp:10.1.1.9", "tcp:192.168.9.9:7777", "tcp:10.1.1.9:7", "ssl:10.1.1.9:8"],
    ["set", "bridge", "br0", "other_config:in-band-queue=5"],
    ["set", "bridge", "br0", "other_config:in-band-queue=-1"],
    ["set", "bridge", "br0", "other_config:disable-in-band=true"],
    ["remove", "bridge", "br0", "other_config", "disable-in-band"],
    [*CONTROLLER, "tcp:10.1.1.9", "--", "set", "controller", "br0", "connection_mode=out-of-band"],
    [*CONTROLLER, "tcp:10.1.1.9", "--", "set", "controller", "br0", "connection_mode=in-band", "type=service"],
    [*CONTROLLER, "ptcp:0:127.0.0.1", "tcp:[::1]:5", "punix:here"],
    ["set-manager", "tcp:10.2.2.2", "ptcp:0:127.0.0.1", "ssl:10.2.2.3:7"],
    ["del-manager"],
    ["del-controller", "br0"],
]


@needs_peer
def test_the_rules_are_debians():
    ours, theirs = configured(Switch, "netdev", *CHANGES), configured(Peer, "dummy", *CHANGES)
    for command, a, b in zip(CHANGES, ours, theirs):
        assert a == b, command
    assert len(ours[0]) == 7 and not ours[4] and not ours[-1]


@pytest.fixture
def switch():
    with running(Switch, "netdev") as s:
        yield s


def test_a_host_by_name_is_looked_up(switch):
    switch.vsctl("set-controller", "br0", "tcp:localhost:7654")
    wait_until("its address is known", lambda: hosts(switch) == ["nw_src=127.0.0.1,tp_src=7654,actions=NORMAL"])


def test_a_name_without_address_is_looked_up_less_and_less_often(switch):
    switch.appctl("time/stop")
    switch.vsctl("set-controller", "br0", f"tcp:{'x' * 70}:7654")

    def looks():
        with open(f"{switch.dir}/ovs-vswitchd.log") as f:
            return [int(n) for n in re.findall(r"no IPv4 address of .* in (\d+) s", f.read())]
    wait_until("it is looked up", lambda: looks() == [1])
    for expected in ([1, 2], [1, 2, 4], [1, 2, 4, 8], [1, 2, 4, 8, 16]):
        switch.appctl("time/warp", str(1000 * (expected[-2] - 1) + 900))
        # Another change in the database does not make it sooner.
        switch.vsctl("set", "bridge", "br0", f"external_ids:n={len(expected)}")
        assert looks() == expected[:-1]
        switch.appctl("time/warp", "100")
        wait_until("it is looked up again", lambda: looks() == expected)


def test_controllers_neither_see_nor_remove_them(switch):
    switch.vsctl("set-controller", "br0", "tcp:10.1.1.9")
    before = own_rules(switch)
    switch.ofctl("del-flows", "br0")
    assert own_rules(switch) == before != []
    assert "NORMAL" not in switch.ofctl("dump-flows", "br0")
    assert "flow_count=0" in switch.ofctl("dump-aggregate", "br0")


def test_they_come_before_any_rule_of_a_controller(switch):
    switch.vsctl("set-controller", "br0", "tcp:10.1.1.9")
    switch.ofctl("add-flow", "br0", "priority=65535,actions=drop")
    trace = switch.appctl("ofproto/trace", "br0", f"in_port=LOCAL,dl_src={mac(switch)},udp,udp_src=68,udp_dst=67")
    assert "priority 180000" in trace and "NORMAL" in trace, trace


def test_a_rule_that_stays_keeps_its_counters(switch):
    switch.vsctl("set-controller", "br0", "tcp:10.1.1.9")
    switch.appctl("netdev-dummy/receive", "p1", f"in_port(1),eth(src=00:00:00:00:00:05,dst={mac(switch)}),eth_type(0x0806),arp(sip=1.1.1.1,tip=2.2.2.2,op=2,"
                  f"sha=00:00:00:00:00:05,tha={mac(switch)})")
    switch.appctl("revalidator/wait")
    switch.vsctl("set-controller", "br0", "tcp:10.1.1.9", "tcp:10.1.1.10")
    assert "n_packets=1, n_bytes=42, priority=180001" in switch.appctl("bridge/dump-flows", "br0")
