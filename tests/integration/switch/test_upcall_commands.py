# SPDX-License-Identifier: Apache-2.0
"""upcall/* and revalidator/*: what they do to megaflows. The clock stands still but where a test moves it."""
import pytest


@pytest.fixture
def still(switch):
    switch.start("--enable-dummy")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure")
    for name in ("p1", "p2"):
        switch.vsctl("add-port", "br0", name, "--", "set", "interface", name, "type=dummy")
    switch.ofctl("add-flow", "br0", "udp,tp_dst=1,actions=output:2")
    switch.ofctl("add-flow", "br0", "udp,tp_dst=2,actions=output:2")
    switch.appctl("time/stop")
    return switch


def send(s, *ports):
    for port in ports:
        s.appctl("netdev-dummy/receive", "p1", "in_port(1),eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:07),eth_type(0x0800),"
                 f"ipv4(src=10.0.0.2,dst=10.0.0.1,proto=17,tos=0,ttl=64,frag=no),udp(src=8,dst={port})")


def n_flows(s):
    return len(s.appctl("dpif/dump-flows", "br0").splitlines())


def test_there_are_no_more_flows_than_the_limit(still):
    send(still, 1)
    assert n_flows(still) == 1
    still.appctl("upcall/set-flow-limit", "1")
    assert "(limit 1)" in still.appctl("upcall/show")
    send(still, 2)
    assert n_flows(still) == 1
    # The packet was served all the same.
    assert "n_packets=1, n_bytes=106, udp,tp_dst=2" in still.appctl("bridge/dump-flows", "br0")
    still.appctl("upcall/set-flow-limit", "2")
    send(still, 2)
    assert n_flows(still) == 2


def test_flows_do_not_age_while_revalidators_are_paused(still):
    send(still, 1)
    still.appctl("revalidator/pause")
    still.appctl("time/warp", "20000", "1000")
    assert n_flows(still) == 1
    r = still.appctl("revalidator/wait", check=False)
    assert r.returncode == 2 and "the revalidators are paused" in r.stderr, r
    still.appctl("revalidator/resume")
    still.appctl("time/warp", "1000", "100")
    assert n_flows(still) == 0


def test_changes_wait_while_revalidators_are_paused(still):
    send(still, 1)
    still.appctl("revalidator/pause")
    still.ofctl("mod-flows", "br0", "udp,tp_dst=1,actions=output:1,in_port")
    still.appctl("time/warp", "2000", "100")
    before = still.appctl("dpif/dump-flows", "--names", "br0")
    assert before.strip().endswith("actions:p2"), before
    still.appctl("revalidator/resume")
    still.appctl("time/warp", "1000", "100")
    after = still.appctl("dpif/dump-flows", "--names", "br0")
    assert after.strip().endswith("actions:p1"), after


def test_purging_takes_all_flows_away(still):
    send(still, 1, 2)
    assert n_flows(still) == 2
    still.appctl("revalidator/purge")
    assert n_flows(still) == 0


def test_flows_belong_to_the_bridge_where_their_packets_come_in(still):
    still.vsctl("add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=netdev")
    send(still, 1)
    still.appctl("dpctl/add-flow", "in_port(p2),eth(),eth_type(0x0806)", "drop")
    assert n_flows(still) == 2
    assert still.appctl("dpif/dump-flows", "br1") == ""
    r = still.appctl("dpif/dump-flows", "--frob", "br0", check=False)
    assert r.returncode == 2 and "Unrecognized option --frob" in r.stderr, r


def test_memory_show_counts_threads_and_flows(still):
    assert "udpif keys" not in still.appctl("memory/show")
    still.vsctl("set", "Open_vSwitch", ".", "other_config:n-revalidator-threads=3")
    send(still, 1, 2)
    words = still.appctl("memory/show").replace("udpif keys", "keys").split()
    assert "keys:2" in words and "revalidators:3" in words and "ports:3" in words and "rules:2" in words, words
    assert any(w.startswith("handlers:") for w in words), words


def test_tersely_or_not_is_told(still):
    assert "  ufid enabled : true\n" in still.appctl("upcall/show")
    still.appctl("upcall/disable-ufid")
    assert "  ufid enabled : false\n" in still.appctl("upcall/show")


def dp_actions(s):
    return [line.rsplit("actions:", 1)[1] for line in s.appctl("dpif/dump-flows", "--names", "br0").splitlines()]


@pytest.mark.parametrize("threads", [1, 5])
def test_every_flow_follows_a_change_whoever_looks_at_it(still, threads):
    """Some change their actions, some match too little for what decides now, and some are of no concern."""
    n = 300
    still.vsctl("set", "Open_vSwitch", ".", f"other_config:n-revalidator-threads={threads}")
    for port in range(1, n + 1):
        still.ofctl("add-flow", "br0", f"udp,tp_dst={port},actions=output:2")
    send(still, *range(1, n + 1))
    assert dp_actions(still) == ["p2"] * n
    still.ofctl("add-flow", "br0", "priority=40000,udp,tp_dst=0/1,actions=output:2")
    still.appctl("revalidator/wait")
    assert dp_actions(still) == ["p2"] * n
    still.ofctl("add-flow", "br0", "priority=50000,udp,tp_dst=0/1,actions=output:1,2")
    still.appctl("revalidator/wait")
    assert sorted(dp_actions(still)) == ["p2"] * n
    still.ofctl("add-flow", "br0", "priority=50001,udp,tp_dst=0/1,actions=drop")
    still.appctl("revalidator/wait")
    assert sorted(dp_actions(still)) == ["drop"] * (n // 2) + ["p2"] * (n // 2)
    still.ofctl("add-flow", "br0", "priority=60000,udp,nw_src=10.0.0.2,tp_dst=1/3,actions=drop")
    still.appctl("revalidator/wait")
    # What comes from elsewhere has not been told apart until now.
    assert sorted(dp_actions(still)) == ["drop"] * (n // 2) + ["p2"] * (n // 4)
