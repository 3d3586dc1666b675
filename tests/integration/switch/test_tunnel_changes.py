# SPDX-License-Identifier: Apache-2.0
"""One transaction that takes a place among the tunnels away from one Interface and gives it to another."""
import json

import pytest

from conftest import wait_until

VXLAN = "type=vxlan", "options:remote_ip=1.1.1.1", "options:key=5"


def state(s, name):
    return json.loads(s.vsctl("--format=json", "--columns=ofport,error", "list", "interface", name))["data"][0]


def add(bridge, name, *settings):
    return "--", "add-port", bridge, name, "--", "set", "interface", name, *settings


@pytest.fixture
def bridges(switch):
    switch.start("--enable-dummy")
    for name in ("br0", "br1"):
        switch.vsctl("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", "fail_mode=secure")
    return switch


def assert_runs(s, *names):
    tunnels = s.appctl("ofproto/list-tunnels")
    for name in names:
        number, error = state(s, name)
        assert number > 0, f"{name}: {error}"
        assert tunnels.count(f": {name} (") == 1, tunnels


def test_another_takes_its_place(bridges):
    bridges.vsctl(*add("br0", "vx1", *VXLAN)[1:])
    bridges.vsctl("del-port", "vx1", *add("br0", "vx2", *VXLAN))
    assert_runs(bridges, "vx2")


def test_two_swap_options(bridges):
    bridges.vsctl(*add("br0", "vx1", *VXLAN)[1:], *add("br0", "vx2", *VXLAN, "options:key=6"))
    bridges.vsctl("set", "interface", "vx1", "options:key=6", "--", "set", "interface", "vx2", "options:key=5")
    assert_runs(bridges, "vx1", "vx2")


@pytest.mark.parametrize("old,new", [("br0", "br1"), ("br1", "br0")])
def test_moves_to_another_bridge(bridges, old, new):
    bridges.vsctl(*add(old, "vx1", *VXLAN)[1:])
    bridges.vsctl("del-port", "vx1", *add(new, "vx1", *VXLAN))
    assert_runs(bridges, "vx1")


@pytest.mark.parametrize("old", ["br0", "br1"])
def test_moves_to_a_bridge_that_comes_as_its_own_goes(bridges, old):
    bridges.vsctl(*add(old, "vx1", *VXLAN)[1:])
    bridges.vsctl("del-br", old, "--", "add-br", "br00", "--", "set", "bridge", "br00", "datapath_type=netdev",
                  *add("br00", "vx1", *VXLAN))
    assert_runs(bridges, "vx1")


def test_a_port_that_is_made_anew_keeps_its_number(bridges):
    """A new port takes a free one, however the names are ordered."""
    bridges.vsctl(*add("br0", "vx1", *VXLAN)[1:])
    number, _ = state(bridges, "vx1")
    bridges.vsctl("set", "interface", "vx1", "type=geneve",
                  *add("br0", "a0", "type=vxlan", "options:remote_ip=1.1.1.2", "options:key=6"))
    assert_runs(bridges, "a0", "vx1")
    assert state(bridges, "vx1")[0] == number


def test_a_number_that_is_asked_for_goes_before_one_that_was_had(bridges):
    bridges.vsctl(*add("br0", "a1", *VXLAN)[1:])
    number, _ = state(bridges, "a1")
    bridges.vsctl("set", "interface", "a1", "type=geneve",
                  *add("br0", "z0", "type=vxlan", "options:remote_ip=1.1.1.2", f"ofport_request={number}"))
    assert_runs(bridges, "a1", "z0")
    assert state(bridges, "z0")[0] == number


def test_a_port_keeps_its_number_when_another_came_while_the_switch_was_away(bridges):
    bridges.vsctl(*add("br0", "vx1", *VXLAN)[1:])
    number, _ = state(bridges, "vx1")
    bridges.stop_process("ovs-vswitchd")
    bridges.vsctl("--no-wait", *add("br0", "a0", "type=vxlan", "options:remote_ip=1.1.1.2", "options:key=6")[1:])
    bridges.start("--enable-dummy")
    wait_until("a0 has a number", lambda: state(bridges, "a0")[0] not in ([], ["set", []]))
    assert_runs(bridges, "a0", "vx1")
    assert state(bridges, "vx1")[0] == number
