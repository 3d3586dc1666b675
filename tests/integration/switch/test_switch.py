# SPDX-License-Identifier: Apache-2.0
"""The switch as its users see it: configuration, OpenFlow, restart."""
import os
import re

from conftest import wait_until


def test_bridge_and_ports_get_numbers(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "--", "add-port", "br0", "p1",
                 "--", "set", "interface", "p1", "type=dummy", "ofport_request=7")
    assert switch.vsctl("get", "interface", "p1", "ofport").strip() == "7"
    assert switch.vsctl("get", "interface", "br0", "ofport").strip() == "65534"
    assert " 7(p1)" in switch.ofctl("show", "br0")
    switch.vsctl("del-br", "br0")
    assert switch.appctl("ofproto/list").strip() == ""


def test_unknown_interface_type_is_told(switch):
    switch.start("--enable-dummy=override")
    r = switch.vsctl("add-br", "br0", "--", "add-port", "br0", "vx0", "--", "set", "interface", "vx0", "type=gtpu", check=False)
    assert switch.vsctl("get", "interface", "vx0", "ofport").strip() == "-1"
    assert "not supported" in switch.vsctl("get", "interface", "vx0", "error") + r.stderr


def test_flow_round_trip(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0")
    switch.ofctl("add-flow", "br0", "table=3,priority=7,tcp,nw_dst=10.0.0.0/8,tp_dst=80,actions=mod_dl_dst:00:00:00:00:00:09,output:2")
    dump = switch.ofctl("dump-flows", "br0", "table=3")
    assert re.search(r"table=3, .*priority=7,tcp,nw_dst=10.0.0.0/8,tp_dst=80 actions=mod_dl_dst:00:00:00:00:00:09,output:2", dump)
    switch.ofctl("--strict", "del-flows", "br0", "table=3,priority=7,tcp,nw_dst=10.0.0.0/8,tp_dst=80")
    assert "priority=7" not in switch.ofctl("dump-flows", "br0")


def test_hard_timeout_on_the_virtual_clock(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0")
    switch.ofctl("add-flow", "br0", "hard_timeout=30,priority=9,actions=drop")
    switch.appctl("time/stop")
    switch.appctl("time/warp", "20000")
    assert "priority=9" in switch.ofctl("dump-flows", "br0")
    switch.appctl("time/warp", "12000")
    wait_until("the flow expires", lambda: "hard_timeout=30" not in switch.ofctl("dump-flows", "br0"))


def test_trace_explains_the_path(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy",
                 "ofport_request=1", "--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "type=dummy", "ofport_request=2")
    switch.ofctl("add-flow", "br0", "table=0,in_port=1,actions=resubmit(,5)")
    switch.ofctl("add-flow", "br0", "table=5,tcp,actions=dec_ttl,output:2")
    out = switch.appctl("ofproto/trace", "br0", "in_port=1,tcp,nw_ttl=9,tp_dst=80")
    assert 'bridge("br0")' in out and "resubmit(,5)" in out
    assert re.search(r"Datapath actions: set\(ipv4\(ttl=8\)\),\d+", out), out


def test_restart_keeps_ports_and_numbers(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy")
    number = switch.vsctl("get", "interface", "p1", "ofport").strip()
    assert switch.stop_process("ovs-vswitchd") == 0
    switch.start("--enable-dummy=override")
    switch.vsctl("set", "Open_vSwitch", ".", "external_ids:again=1")
    assert switch.vsctl("get", "interface", "p1", "ofport").strip() == number
    assert f"{number}(p1)" in switch.ofctl("show", "br0")


def test_patch_ports_join_two_bridges(switch):
    switch.start("--enable-dummy=override")
    for br, p, peer in (("br0", "a", "b"), ("br1", "b", "a")):
        switch.vsctl("add-br", br, "--", "set", "bridge", br, "fail_mode=secure", "--", "add-port", br, p, "--", "set", "interface", p,
                     "type=patch", f"options:peer={peer}", "ofport_request=5",
                     "--", "add-port", br, f"{br}x", "--", "set", "interface", f"{br}x", "type=dummy", "ofport_request=1")
    switch.ofctl("add-flow", "br0", "in_port=1,actions=output:5")
    switch.ofctl("add-flow", "br1", "in_port=5,actions=output:1")
    out = switch.appctl("ofproto/trace", "br0", "in_port=1,dl_type=0x1234")
    assert 'bridge("br1")' in out
    assert re.search(r"Datapath actions: \d+\n", out), out


def test_exit_leaves_no_socket_or_pidfile(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0")
    p = switch.processes["ovs-vswitchd"]
    switch.appctl("exit")
    assert p.wait(20) == 0
    left = [f for f in os.listdir(switch.dir) if f.startswith("ovs-vswitchd.") and not f.endswith((".log", ".out"))]
    assert left == [] and "br0.mgmt" not in os.listdir(switch.dir)


def test_unrelated_table_change_translates_nothing_again(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "fail_mode=secure", "--", "add-port", "br0", "p1", "--", "set",
                 "interface", "p1", "type=dummy", "ofport_request=1", "--", "add-port", "br0", "p2", "--", "set", "interface",
                 "p2", "type=dummy", "ofport_request=2")
    switch.ofctl("add-flow", "br0", "priority=5,ip,nw_dst=10.0.0.0/8,actions=output:2")
    switch.appctl("netdev-dummy/receive", "p1",
                  "in_port(1),packet_type(ns=0,id=0),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),"
                  "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)")
    assert len(switch.flows()) == 1
    switch.appctl("revalidator/wait")
    before = int(switch.appctl("coverage/read-counter", "revalidate_dirty"))
    switch.ofctl("add-flow", "br0", "priority=9,ip,nw_dst=11.0.0.0/8,actions=drop")
    switch.appctl("revalidator/wait")
    assert int(switch.appctl("coverage/read-counter", "revalidate_dirty")) == before
    switch.ofctl("add-flow", "br0", "priority=9,ip,nw_dst=10.0.0.0/24,actions=drop")
    switch.appctl("revalidator/wait")
    assert int(switch.appctl("coverage/read-counter", "revalidate_dirty")) == before + 1
    wait_until("the flow follows", lambda: all("actions:drop" in f for f in switch.flows()))
    switch.ofctl("mod-flows", "br0", "ip,nw_dst=10.0.0.0/24,actions=output:2")
    switch.appctl("revalidator/wait")
    assert int(switch.appctl("coverage/read-counter", "revalidate_dirty")) <= before + 2


def test_flows_that_read_the_same_do_not_differ_by_their_form_on_the_wire(switch, tmp_path):
    switch.start()
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure")
    flows = tmp_path / "flows"
    flows.write_text("priority=5,actions=controller(userdata=01)\npriority=6,actions=set_field:0x1/0xf->tun_metadata0\n")
    switch.ofctl("add-tlv-map", "br0", "{class=0xffff,type=0,len=4}->tun_metadata0")
    for version in ("OpenFlow10", "OpenFlow13", "OpenFlow15"):
        switch.ofctl("-O", version, "del-flows", "br0")
        switch.ofctl("-O", version, "add-flows", "br0", str(flows))
        r = switch.ofctl("-O", version, "diff-flows", "br0", str(flows), check=False)
        assert r.returncode == 0 and not r.stdout, (version, r.stdout, r.stderr)
