# SPDX-License-Identifier: Apache-2.0
"""PMD threads as their users see them: cores, queues, what the commands print."""
import os
import re

import pytest

from conftest import polls, wait_until

pytestmark = polls

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


def labels(text):
    """Numbers become N, runs of spaces one, so that what is left is the layout."""
    return [re.sub(r" +", " ", re.sub(r"\d[\d.:]*", "N", line)).replace("( ", "(") for line in text.splitlines()]


STATS = """ packets received: N
 packet recirculations: N
 avg. datapath passes per packet: N
 phwol hits: N
 mfex opt hits: N
 simple match hits: N
 emc hits: N
 smc hits: N
 megaflow hits: N
 avg. subtable lookups per megaflow hit: N
 miss with success upcall: N
 miss with failed upcall: N
 avg. packets per output batch: N""".splitlines()

CYCLES = """ idle cycles: N (N%)
 processing cycles: N (N%)
 avg cycles per packet: N (N/N)
 avg processing cycles per packet: N (N/N)""".splitlines()

PERF = """
Time: N
Measurement duration: N s

pmd thread numa_id N core_id N

 Iterations: N (N us/it)
 - Used TSC cycles: N (N % of total cycles)
 - idle iterations: N (N % of used cycles)
 - busy iterations: N (N % of used cycles)
 - sleep iterations: N (N % of iterations)
 Sleep time (us): N (N us/iteration avg.)
 Rx packets: N (N Kpps, N cycles/pkt)
 Datapath passes: N (N passes/pkt)
 - PHWOL hits: N (N %)
 - MFEX Opt hits: N (N %)
 - Simple Match hits: N (N %)
 - EMC hits: N (N %)
 - SMC hits: N (N %)
 - Megaflow hits: N (N %, N subtbl lookups/hit)
 - Upcalls: N (N %, N us/upcall)
 - Lost upcalls: N (N %)
 Tx packets: N (N Kpps)
 Tx batches: N (N pkts/batch)""".splitlines()


def test_layout_of_thread_statistics(switch):
    start(switch, "0x1")
    switch.appctl("netdev-dummy/receive", "p1", PACKET)
    wait_until("the packet is handled", lambda: received(switch, 0) == 1)
    assert labels(switch.appctl("dpif-netdev/pmd-stats-show")) == [
        "pmd thread numa_id N core_id N", *STATS, *CYCLES, "main thread:", *STATS]
    perf = switch.appctl("dpif-netdev/pmd-perf-show")
    assert labels(perf) == PERF
    # Numbers end in one column.
    assert {m.end() for line in perf.splitlines()[6:] if (m := re.match(r"[^:]*: +\d+", line))} == {34}, perf
    assert labels(switch.appctl("dpif-netdev/pmd-rxq-show", "-secs", "5")) == [
        "Displaying last N seconds pmd usage %", "pmd thread numa_id N core_id N", " isolated : false",
        " port: brN queue-id: N (enabled) pmd usage: NOT AVAIL", *[" port: pN queue-id: N (enabled) pmd usage: NOT AVAIL"] * 3, " overhead: NOT AVAIL"]
    assert switch.appctl("dpif-netdev/pmd-stats-clear") == ""
    assert received(switch, 0) == 0
    assert labels(switch.appctl("dpif-netdev/pmd-sleep-show")) == [
        "Default max sleep: N us", "pmd thread numa_id N core_id N", " max sleep: N us"]


DPDK = ("dpdk: configured_rx_queues=1, configured_rxq_descriptors=2048, configured_tx_queues=\\d+, "
        "configured_txq_descriptors=2048, lsc_interrupt_mode=false, mtu=1500, requested_rx_queues=1, "
        "requested_rxq_descriptors=2048, requested_tx_queues=\\d+, requested_txq_descriptors=2048, rx_csum_offload=false, "
        "tx_tso_offload=false")


def test_layout_of_datapath_commands(switch):
    switch.start()
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "--", "add-port", "br0", "p1", "--",
                 "set", "interface", "p1", "type=dpdk", "options:dpdk-devargs=net_null0,no-rx=1", "--", "add-port", "br0", "pp",
                 "--", "set", "interface", "pp", "type=patch", "options:peer=qq", "ofport_request=7")
    assert re.fullmatch(r"netdev@ovs-netdev:\n  lookups: hit:\d+ missed:\d+ lost:\d+\n  flows: \d+\n  port 1: br0 \(tap\)\n"
                        rf"  port 2: p1 \({DPDK}\)\n", switch.appctl("dpctl/show"))
    assert re.fullmatch(r"netdev@ovs-netdev: hit:\d+ missed:\d+\n  br0:\n    br0 65534/1: \(tap\)\n"
                        rf"    p1 1/2: \({DPDK}\)\n    pp 7/none: \(patch: peer=qq\)\n", switch.appctl("dpif/show"))
    assert "\n".join(labels(switch.appctl("dpctl/show", "-s"))[3:]).startswith(
        " port N brN (tap)\n RX packets:N errors:N dropped:N overruns:? frame:?\n TX packets:N errors:N dropped:N aborted:? carrier:?\n"
        " collisions:?\n RX bytes:N TX bytes:N\n port N")
    assert switch.appctl("dpctl/dump-dps") == "netdev@ovs-netdev\n"
    assert switch.appctl("dpif/dump-dps") == "netdev@br0\n"
    coverage = switch.appctl("coverage/show").splitlines()
    assert re.fullmatch("Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash=[0-9a-f]{8}:", coverage[0])
    assert all(re.fullmatch(r"\w{1,} +\d+\.\d/sec +\d+\.\d{3}/sec +\d+\.\d{4}/sec   total: \d+", line) for line in coverage[1:-1])
    assert re.fullmatch(r"\d+ events never hit", coverage[-1])
    assert re.fullmatch(r"(\S[^:]*:\d+ ?)+\n", switch.appctl("memory/show"))
