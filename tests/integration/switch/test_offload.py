# SPDX-License-Identifier: Apache-2.0
"""Real packets on the simulated NIC: what goes to hardware, what does not and why."""
import re
import subprocess

from conftest import polls, wait_until

pytestmark = polls

FLOWS = """
table=0,priority=50,arp,actions=FLOOD
table=0,priority=100,ip,nw_dst=10.98.0.1,actions=output:1
table=0,priority=100,ip,nw_dst=10.98.0.2,actions=output:2
"""


def forward_by_address(switch):
    path = f"{switch.dir}/flows.txt"
    with open(path, "w") as f:
        f.write(FLOWS)
    switch.ofctl("add-flows", "br0", path)


def start(switch, hw=True, **kwargs):
    switch.start()
    switch.vsctl("set", "Open_vSwitch", ".", f"other_config:hw-offload={'true' if hw else 'false'}")
    switch.add_simnic(vfs=2, **kwargs)
    forward_by_address(switch)


def hw_packets(line):
    return int(re.search(r"packets:(\d+)", line).group(1))


def test_flow_with_traffic_is_in_hardware_and_counted_once(switch):
    start(switch)
    assert switch.ping(0, 1, count=2)
    wait_until("both directions are in hardware",
               lambda: sum("ipv4" in f for f in switch.flows("type=offloaded")) == 2)
    before = {f.split(",")[0]: hw_packets(f) for f in switch.flows("type=offloaded") if "ipv4" in f}
    coverage = int(switch.appctl("coverage/read-counter", "upcall"))
    assert switch.ping(0, 1, count=10)
    after = {f.split(",")[0]: hw_packets(f) for f in switch.flows("type=offloaded") if "ipv4" in f}
    assert {k: after[k] - before[k] for k in before} == {k: 10 for k in before}
    # None of the ten went through the tables, and OpenFlow has counted them.
    assert int(switch.appctl("coverage/read-counter", "upcall")) - coverage <= 2  # ARP may be asked again
    dump = switch.ofctl("dump-flows", "br0", "ip,nw_dst=10.98.0.2")
    assert re.search(r"n_packets=12,", dump), dump
    dump = switch.appctl("bridge/dump-flows", "--offload-stats", "br0")
    assert re.search(r"n_packets=12, n_bytes=1176, n_offload_packets=1[012], n_offload_bytes=[19]\d+, priority=100,ip,nw_dst=10.98.0.2,",
                     dump), dump
    wait_until("the interface names its device",
               lambda: switch.nic in switch.vsctl("get", "interface", "rep0", "status"))


def test_hw_offload_can_be_switched_off_and_on_while_running(switch):
    start(switch)
    assert switch.ping(0, 1)
    wait_until("flows are in hardware", lambda: switch.flows("type=offloaded"))
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=false")
    wait_until("hardware is empty", lambda: switch.offload_json()["devices"][0]["rules"] == 0)
    assert switch.ping(0, 1)
    assert not switch.flows("type=offloaded")
    assert "disabled" in switch.appctl("offload/why")
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:hw-offload=true")
    assert switch.ping(0, 1)
    wait_until("flows are in hardware again", lambda: switch.flows("type=offloaded"))


def test_flow_to_controller_says_why_it_is_in_software(switch):
    start(switch)
    switch.ofctl("add-flow", "br0", "priority=200,icmp,in_port=1,actions=controller,output:2")
    assert switch.ping(0, 1)
    why = switch.appctl("offload/why")
    assert "needs-software" in why and "userspace" in why
    wait_until("the record is in the database",
               lambda: "needs-software" in switch.vsctl("--columns=reason", "list", "Offload_Verdict"))


def test_device_that_refuses_is_quoted(switch):
    start(switch, extra=",refuse=item:ipv4")
    assert switch.ping(0, 1)
    why = switch.appctl("offload/why")
    assert "device-refused" in why and "IPV4" in why.upper()


def test_full_table_is_a_verdict_and_traffic_still_flows(switch):
    start(switch, extra=",flows=1")
    assert switch.ping(0, 1)
    assert "table-full" in switch.appctl("offload/why")
    assert switch.offload_json()["devices"][0]["rules"] == 1


def test_changed_actions_take_effect_in_hardware(switch):
    start(switch)
    assert switch.ping(0, 1)
    wait_until("flows are in hardware", lambda: switch.flows("type=offloaded"))
    switch.ofctl("add-flow", "br0", "priority=100,ip,nw_dst=10.98.0.2,actions=drop")
    wait_until("the flow drops in hardware",
               lambda: any("dst=10.98.0.2" in f and "actions:drop" in f for f in switch.flows("type=offloaded")))
    assert not switch.ping(0, 1, count=1)
    switch.ofctl("add-flow", "br0", "priority=100,ip,nw_dst=10.98.0.2,actions=output:2")
    wait_until("it forwards again", lambda: switch.ping(0, 1, count=1))


def test_device_reset_brings_rules_back(switch):
    ctl = f"{switch.dir}/simnic.ctl"
    start(switch, extra=f",ctl={ctl}")
    assert switch.ping(0, 1)
    wait_until("flows are in hardware", lambda: switch.flows("type=offloaded"))
    rules = switch.offload_json()["devices"][0]["rules"]
    subprocess.run(["/usr/bin/python3", "-c",
                    "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'reset\\n'); print(s.recv(99))",
                    ctl], check=True)
    wait_until("the loss was noticed", lambda: switch.offload_json()["devices"][0]["lost"] >= rules)
    wait_until("rules are back", lambda: switch.offload_json()["devices"][0]["rules"] == rules)
    assert switch.ping(0, 1)


def test_silently_lost_rule_is_noticed_by_its_traffic(switch):
    ctl = f"{switch.dir}/simnic.ctl"
    start(switch, extra=f",ctl={ctl}")
    assert switch.ping(0, 1)
    wait_until("flows are in hardware", lambda: switch.flows("type=offloaded"))
    subprocess.run(["/usr/bin/python3", "-c",
                    "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'lose all\\n'); print(s.recv(99))",
                    ctl], check=True)
    wait_until("the loss was noticed and mended",
               lambda: switch.ping(0, 1, count=4) and switch.offload_json()["devices"][0]["lost"] >= 2)
    before = int(switch.appctl("coverage/read-counter", "offload_queued"))
    assert switch.ping(0, 1, count=10)
    assert int(switch.appctl("coverage/read-counter", "offload_queued")) - before <= 2


def test_port_removal_takes_its_flows_out_of_hardware(switch):
    start(switch)
    assert switch.ping(0, 1)
    wait_until("flows are in hardware", lambda: switch.flows("type=offloaded"))
    switch.vsctl("del-port", "br0", "rep1")
    wait_until("no flow names the port", lambda: not any("rep1" in f for f in switch.flows()))
    assert not switch.ping(0, 1, count=1)
