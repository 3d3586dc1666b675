# SPDX-License-Identifier: Apache-2.0
"""Bridge.fail_mode: what a bridge does while no controller tells it, beside Debian's."""
import os
import re
import shutil
import socket
import struct
import uuid

import pytest

from conftest import Switch, wait_until
from test_peer_actions import needs_peer
from test_peer_text import Peer


@pytest.fixture(params=[(Switch, "netdev"), pytest.param((Peer, "dummy"), marks=needs_peer)], ids=["ours", "debian"])
def switch(request):
    cls, datapath_type = request.param
    tag = uuid.uuid4().hex[:5]
    s = cls(f"/tmp/oes-{tag}", tag)
    os.mkdir(s.dir)
    try:
        s.start("--enable-dummy=override")
        s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath_type}")
        yield s
    finally:
        s.close()
        shutil.rmtree(s.dir, ignore_errors=True)


def rules(s, table="bridge/dump-flows"):
    lines = s.appctl(table, "br0").splitlines()
    return [re.sub(r"duration=[^,]*, n_packets=\d+, n_bytes=\d+, ", "", line) for line in lines if "table_id=254" not in line]


def flow_mod(priority):
    """OpenFlow 1.0: all packets are dropped."""
    match = struct.pack("!I", 0x3820ff) + bytes(36)
    body = match + struct.pack("!QHHHHIHH", 0, 0, 0, 0, priority, 0xffffffff, 0xffff, 0)
    return struct.pack("!BBHI", 1, 14, 8 + len(body), 2) + body


ALONE = ["priority=0,actions=NORMAL"]
OPEN = ["priority=15790320,actions=NORMAL"]


def test_a_bridge_without_controllers_has_a_rule_that_may_be_changed(switch):
    assert rules(switch) == ALONE
    assert "priority=0 actions=NORMAL" in switch.ofctl("dump-flows", "br0")
    switch.ofctl("add-flow", "br0", "priority=0,actions=drop")
    switch.vsctl("set", "bridge", "br0", "other_config:x=y")
    assert rules(switch) == ["priority=0,actions=drop"]
    switch.ofctl("del-flows", "br0")
    switch.vsctl("set", "bridge", "br0", "other_config:x=z")
    assert rules(switch) == []


def test_the_rules_go_when_fail_mode_turns(switch):
    switch.vsctl("set", "bridge", "br0", "fail_mode=secure")
    assert rules(switch) == []
    switch.ofctl("add-flow", "br0", "priority=5,actions=drop")
    switch.vsctl("set", "bridge", "br0", "fail_mode=standalone")
    assert rules(switch) == ALONE
    switch.ofctl("add-flow", "br0", "priority=5,actions=drop")
    switch.vsctl("clear", "bridge", "br0", "fail_mode")
    assert len(rules(switch)) == 2


def test_rules_and_groups_go_when_there_is_a_controller(switch):
    switch.ofctl("-O", "OpenFlow13", "add-group", "br0", "group_id=1,type=all,bucket=output:LOCAL")
    switch.vsctl("set-controller", "br0", f"unix:{switch.dir}/nobody")
    assert rules(switch) == []
    assert "group_id" not in switch.ofctl("-O", "OpenFlow13", "dump-groups", "br0")
    switch.ofctl("add-flow", "br0", "priority=5,actions=drop")
    switch.vsctl("del-controller", "br0")
    assert rules(switch) == ALONE


def test_a_bridge_whose_controller_stays_away_opens(switch):
    switch.appctl("time/stop")
    switch.vsctl("set-controller", "br0", f"unix:{switch.dir}/nobody")
    switch.ofctl("add-flow", "br0", "priority=5,actions=drop")
    switch.appctl("time/warp", "12000", "1000")
    assert rules(switch) == ["priority=5,actions=drop"]
    switch.appctl("time/warp", "6000", "1000")
    wait_until("it opens", lambda: rules(switch) == OPEN)
    assert "NORMAL" not in switch.ofctl("dump-flows", "br0")
    switch.vsctl("set", "bridge", "br0", "fail_mode=secure")
    assert rules(switch) == []


def test_an_old_bridge_gives_its_first_controller_time(switch):
    switch.appctl("time/stop")
    switch.appctl("time/warp", "60000", "5000")
    switch.vsctl("set-controller", "br0", f"unix:{switch.dir}/nobody")
    switch.appctl("time/warp", "12000", "1000")
    assert rules(switch) == []
    switch.appctl("time/warp", "6000", "1000")
    wait_until("it opens", lambda: rules(switch) == OPEN)


def test_the_rules_of_a_controller_that_comes_back_stay(switch):
    path = f"{switch.dir}/controller"
    switch.appctl("time/stop")
    switch.vsctl("set-controller", "br0", f"unix:{path}")
    switch.appctl("time/warp", "18000", "1000")
    wait_until("it opens", lambda: rules(switch) == OPEN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(30)
        switch.appctl("time/warp", "10000", "1000")
        connection, _ = listener.accept()
        with connection:
            connection.sendall(struct.pack("!BBHI", 1, 0, 8, 1) + flow_mod(7))
            wait_until("its rule is there", lambda: rules(switch) == ["priority=7,actions=drop"])
            switch.appctl("time/warp", "3000", "1000")
            assert rules(switch) == ["priority=7,actions=drop"]


def test_a_secure_bridge_does_not_open(switch):
    switch.vsctl("set", "bridge", "br0", "fail_mode=secure", "--", "set-controller", "br0", f"unix:{switch.dir}/nobody")
    switch.ofctl("add-flow", "br0", "priority=5,actions=drop")
    switch.appctl("time/stop")
    switch.appctl("time/warp", "30000", "1000")
    assert rules(switch) == ["priority=5,actions=drop"]


@pytest.mark.parametrize("service", [["punix:here"], ["unix:DIR/nobody", "--", "set", "controller", "br0", "type=service"]], ids=["listens", "service"])
def test_who_is_no_primary_controller_does_not_count(switch, service):
    switch.ofctl("add-flow", "br0", "priority=5,actions=drop")
    switch.vsctl("set-controller", "br0", *(w.replace("DIR", switch.dir) for w in service))
    assert sorted(rules(switch)) == sorted([*ALONE, "priority=5,actions=drop"])
