# SPDX-License-Identifier: Apache-2.0
"""PMD threads as their users see them: cores, queues, what the commands print."""
import os
import re

import pytest

from conftest import wait_until

PACKET = "020000000002020000000001" "1234" + "00" * 46


@pytest.fixture
def two_cores():
    if not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("needs the right to run on CPUs 0 and 1")


def start(switch, mask, n_rxq=2):
    switch.start("--enable-dummy")
    switch.vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={mask}")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure",
                 "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy-pmd", f"options:n_rxq={n_rxq}",
                 "--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "type=dummy-pmd")
    switch.ofctl("add-flow", "br0", "in_port=p1,actions=output:p2")


def queues_by_core(switch):
    """{core: {(port, queue), ...}}, of dummy ports"""
    ret = {}
    for line in switch.appctl("dpif-netdev/pmd-rxq-show").splitlines():
        if m := re.match(r"pmd thread numa_id 0 core_id (\d+):$", line):
            queues = ret.setdefault(int(m[1]), set())
        elif m := re.match(r"  port: (p\d) +queue-id: +(\d+) \(enabled\)   pmd usage: ", line):
            queues.add((m[1], int(m[2])))
    return ret


def received(switch, core):
    out = switch.appctl("dpif-netdev/pmd-stats-show", "-pmd", str(core))
    return int(re.search(r"packets received: (\d+)", out)[1])


def test_queues_are_spread_over_the_cores_of_the_mask(switch, two_cores):
    start(switch, "0x3")
    where = queues_by_core(switch)
    assert set(where) == {0, 1} and all(where.values())
    assert where[0] | where[1] == {("p1", 0), ("p1", 1), ("p2", 0)} and not where[0] & where[1]
    core_of = {q: core for core, queues in where.items() for q in queues}
    for queue in (0, 1):
        before = received(switch, core_of["p1", queue])
        switch.appctl("netdev-dummy/receive", "p1", "--qid", str(queue), PACKET, PACKET)
        wait_until("the packets are handled on their core", lambda: received(switch, core_of["p1", queue]) == before + 2)
    wait_until("and sent", lambda: int(switch.vsctl("get", "interface", "p2", "statistics:tx_packets")) == 4)


def test_mask_and_queues_change_while_running(switch, two_cores):
    start(switch, "0x1")
    ofport = switch.vsctl("get", "interface", "p1", "ofport")
    assert set(queues_by_core(switch)) == {0}
    for mask, cores in (("0x3", {0, 1}), ("0x2", {1}), ("0x1", {0})):
        switch.vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={mask}")
        wait_until(f"threads by mask {mask}", lambda: set(queues_by_core(switch)) == cores)
        before = sum(received(switch, c) for c in cores)
        switch.appctl("netdev-dummy/receive", "p1", PACKET)
        wait_until("the packet is handled", lambda: sum(received(switch, c) for c in cores) == before + 1)
    switch.vsctl("set", "interface", "p1", "options:n_rxq=5")
    assert queues_by_core(switch) == {0: {("p1", q) for q in range(5)} | {("p2", 0)}}
    # The port stayed, with what it has counted.
    assert switch.vsctl("get", "interface", "p1", "ofport") == ofport
    wait_until("counted on", lambda: int(switch.vsctl("get", "interface", "p1", "statistics:rx_packets")) == 3)
    switch.vsctl("del-port", "p1")
    assert queues_by_core(switch) == {0: {("p2", 0)}}
