# SPDX-License-Identifier: Apache-2.0
"""Meters of OpenFlow as police actions of traffic control, in the simulated NIC and in the kernel: the whole switch in a lab
guest. Rates are so low that no machine is too slow for them: a test counts what came through of packets that were sent at once."""
import json
import re
import subprocess
import time

import pytest

from kernel_switch import control, nic, slow_path, tc_filters, wait_until  # noqa: F401

ONE_A_SECOND = "pktps,burst,stats,bands=type=drop,rate=1,burst_size=10"
PLENTY = "pktps,burst,stats,bands=type=drop,rate=100000,burst_size=100000"
BASE = 0x10000000
NUMBERS = {"none": BASE + 1, "skip_sw": BASE + (1 << 26) + 1, "skip_hw": BASE + (2 << 26) + 1}


def of13(nic, *args, **kwargs):
    return nic.ofctl("-O", "OpenFlow13", *args, **kwargs)


def police():
    """The police actions that there are, by number."""
    text = subprocess.run(["tc", "-s", "-j", "actions", "list", "action", "police"], capture_output=True, text=True, check=True).stdout
    found = {}
    for part in json.loads(text or "[]"):
        for action in part.get("actions", []):
            found[action["index"]] = action
    return found


def start(nic, policy="none", meter=ONE_A_SECOND):
    """Two hosts; what the first one sends to the second is metered, answers are not. Both directions are where they belong."""
    nic.vsctl("set", "Open_vSwitch", ".", f"other_config:tc-policy={policy}")
    nic.add_nic(3, "protocols=[OpenFlow10,OpenFlow13,OpenFlow15]", rules=False)
    nic.know_each_other(("h0", "sn0v0", "10.98.0.1"), ("h1", "sn0v1", "10.98.0.2"), ("h2", "sn0v2", "10.98.0.3"))
    of13(nic, "add-meter", "br0", "meter=1," + meter)
    add_flows(nic)


def add_flows(nic):
    nic.ofctl("add-flow", "br0", "icmp,in_port=2,actions=1")
    of13(nic, "add-flow", "br0", "icmp,in_port=1,actions=meter:1,2")


def placed(nic, n=2, policy="none"):
    """So many flows are in the NIC, or with traffic control where they are not to be in the NIC."""
    where = "dp:tc" if policy == "skip_hw" else "offloaded:yes"
    return lambda: sum("ipv4" in f and where in f for f in nic.flows()) >= n


def ping(n, src="h0", dst="10.98.0.2"):
    """Sends n pings at once; how many were answered, and for how many seconds packets may have been let through."""
    begin = time.monotonic()
    r = subprocess.run(["ip", "netns", "exec", src, "ping", "-c", str(n), "-i", "0.002", "-W", "1", dst], capture_output=True,
                       text=True)
    return int(re.search(r"(\d+) received", r.stdout).group(1)), time.monotonic() - begin


def stats(nic, meter=1):
    """Packets and bytes that came to it, packets dropped."""
    text = of13(nic, "meter-stats", "br0", f"meter={meter}")
    m = re.search(r"packet_in_count:(\d+) byte_in_count:(\d+) .*bands:\n0: packet_count:(\d+)", text)
    return tuple(int(g) for g in m.groups())


def why(nic):
    return nic.appctl("offload/why")


@pytest.mark.parametrize("policy", ["none", "skip_sw", "skip_hw"])
def test_packets_over_the_rate_are_dropped_and_counted_once(nic, policy):
    start(nic, policy)
    first, _ = ping(1)
    wait_until("both directions are placed", placed(nic, policy=policy))
    before = slow_path()
    passed, seconds = ping(100)
    if policy != "skip_hw":
        assert slow_path() == before
    assert passed <= 10 + seconds + 1, passed
    assert NUMBERS[policy] in police(), police()
    wait_until("all are counted", lambda: stats(nic) == (101, 101 * 98, 101 - first - passed))
    # The flow counts what came, whatever the meter let through.
    wait_until("the flow counts all", lambda: "n_packets=101, " in nic.ofctl("dump-flows", "br0", "icmp,in_port=1"))


def handles():
    """The filters that hold the metered flow."""
    return [f["options"]["handle"] for f in tc_filters("dev", "sn0r0") if "police" in json.dumps(f)]


def test_flows_share_their_meter(nic):
    start(nic)
    of13(nic, "add-flow", "br0", "icmp,in_port=3,actions=meter:1,2")
    nic.ofctl("add-flow", "br0", "priority=40000,icmp,in_port=2,nw_dst=10.98.0.3,actions=3")
    first = ping(1)[0] + ping(1, "h2")[0]
    wait_until("all four are placed", placed(nic, 4))
    assert police()[NUMBERS["none"]]["bind"] == 2
    one, seconds = ping(50)
    other, more = ping(50, "h2")
    assert one + other <= 10 + seconds + more + 1, (one, other)
    wait_until("all are counted", lambda: stats(nic)[0] == 102 and stats(nic)[2] == 102 - first - one - other)


def test_a_changed_meter_acts_in_hardware_and_its_rules_stay(nic):
    start(nic)
    ping(1)
    wait_until("both directions are placed", placed(nic))
    before = handles()
    assert len(before) == 1
    assert ping(50)[0] < 50
    of13(nic, "mod-meter", "br0", "meter=1," + PLENTY)
    wait_until("the action has changed", lambda: police()[NUMBERS["none"]]["pkts_rate"] == 100000)
    time.sleep(0.1)
    seen = slow_path()
    assert ping(50)[0] == 50
    assert slow_path() == seen
    assert handles() == before
    # As in the kernel's datapath, counts begin again.
    wait_until("the new ones are counted", lambda: stats(nic) == (50, 50 * 98, 0))


def test_a_meter_that_traffic_control_cannot_have_takes_its_flows_to_software_and_back(nic):
    start(nic)
    ping(1)
    wait_until("both directions are placed", placed(nic))
    of13(nic, "mod-meter", "br0", "meter=1,kbps,burst,stats,bands=type=drop,rate=1,burst_size=275")
    wait_until("the rule is out", lambda: not handles())
    assert "meter with a burst of 274 s" in why(nic), why(nic)
    of13(nic, "mod-meter", "br0", "meter=1," + PLENTY)
    wait_until("the rule is in", lambda: len(handles()) == 1)
    assert ping(20)[0] == 20


def test_a_removed_meter_leaves_nothing_behind(nic):
    start(nic)
    ping(1)
    wait_until("both directions are placed", placed(nic))
    of13(nic, "del-meter", "br0", "meter=1")
    wait_until("its rule is out", lambda: not handles())
    wait_until("its action is out", lambda: NUMBERS["none"] not in police())


def test_a_policy_that_changes_takes_the_meters_along(nic):
    start(nic, "none", PLENTY)
    assert ping(3)[0] == 3
    wait_until("both directions are placed", placed(nic))
    for policy in ("skip_sw", "skip_hw", "none"):
        nic.vsctl("set", "Open_vSwitch", ".", f"other_config:tc-policy={policy}")
        wait_until(f"{policy}: its action is the only one", lambda: list(police()) == [NUMBERS[policy]])  # noqa: B023
        assert ping(20)[0] == 20
    wait_until("all are counted", lambda: stats(nic) == (63, 63 * 98, 0))


def test_a_restart_keeps_meters_with_their_buckets(nic):
    start(nic, "none", PLENTY)
    assert ping(3)[0] == 3
    wait_until("both directions are placed", placed(nic))
    before = handles()
    created = police()[NUMBERS["none"]]["stats"]["packets"]
    # Of a process before: nobody uses it; and one of somebody else.
    for index in (BASE + 77, 77):
        subprocess.run(["tc", "actions", "add", "action", "police", "rate", "1mbit", "burst", "100k", "conform-exceed", "drop",
                        "index", str(index)], check=True)

    def fill():
        of13(nic, "add-meter", "br0", "meter=1," + PLENTY)
        add_flows(nic)

    nic.kill_and_restart("h0", "10.98.0.2", fill)
    wait_until("what nobody uses is removed", lambda: BASE + 77 not in police())
    assert 77 in police()
    assert handles() == before
    # It is the very action: it goes on counting, and OpenFlow begins anew.
    assert police()[NUMBERS["none"]]["stats"]["packets"] >= created
    seen = stats(nic)[0]
    assert ping(10)[0] == 10
    wait_until("the new ones are counted", lambda: seen + 10 <= stats(nic)[0] <= 210)
    subprocess.run(["tc", "actions", "del", "action", "police", "index", "77"], check=True)


def test_what_somebody_does_to_a_meter_is_set_right(nic):
    start(nic, "none", PLENTY)
    assert ping(3)[0] == 3
    wait_until("both directions are placed", placed(nic))
    subprocess.run(["tc", "actions", "change", "action", "police", "pkts_rate", "5", "pkts_burst", "5", "conform-exceed", "drop/pipe",
                    "index", str(NUMBERS["none"])], check=True)
    assert police()[NUMBERS["none"]]["pkts_rate"] == 5
    nic.appctl("offload/audit")
    assert police()[NUMBERS["none"]]["pkts_rate"] == 100000
    time.sleep(0.1)
    assert ping(20)[0] == 20


@pytest.mark.parametrize("policy", ["none", "skip_sw"])
def test_a_nic_without_police_says_so(nic, policy):
    control("refuse", "action:police")
    start(nic, policy, PLENTY)
    assert ping(3)[0] == 3
    wait_until("the answers' direction is placed", placed(nic, 1))
    wait_until("the driver's words are there", lambda: "simnic: action police is refused" in why(nic))
    # The kernel meters what the NIC does not.
    assert ping(20)[0] == 20
    wait_until("all are counted", lambda: stats(nic)[0] == 23)


def test_exit_with_cleanup_leaves_no_meter(nic):
    start(nic)
    ping(1)
    wait_until("both directions are placed", placed(nic))
    assert NUMBERS["none"] in police()
    nic.appctl("exit", "--cleanup")
    nic.processes["ovs-vswitchd"].wait(20)
    assert NUMBERS["none"] not in police()
