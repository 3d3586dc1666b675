# SPDX-License-Identifier: Apache-2.0
"""dpctl/*: flows by hand, by files and by filters, on dummy ports."""
import re

import pytest


@pytest.fixture
def dummies(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure")
    for name in ("p1", "p2"):
        switch.vsctl("add-port", "br0", name, "--", "set", "interface", name, "type=dummy")
    return switch


def key(port, rest):
    return f"recirc_id(0),in_port({port}),packet_type(ns=0,id=0),eth(),{rest}"


UDP = "eth_type(0x0800),ipv4(proto=17,frag=no),udp(dst=53)"
ARP = "eth_type(0x0806)"


def shown(switch, *args):
    return sorted(re.sub(r".*(eth_type.*), packets.*actions:", r"\1 ", line)
                  for line in switch.appctl("dpctl/dump-flows", *args).splitlines())


def test_a_filter_shows_the_flows_that_its_packets_may_be_in(dummies):
    dummies.appctl("dpctl/add-flow", key("p1", UDP), "p2")
    dummies.appctl("dpctl/add-flow", key("p2", ARP), "drop")
    both = shown(dummies)
    assert len(both) == 2
    for words, found in [("udp,tp_dst=53", "eth_type(0x0800)"), ("arp", "eth_type(0x0806)"), ("udp,tp_dst=54", None),
                         ("in_port=p1", "eth_type(0x0800)"), ("in_port=p1,arp", None), ("ip,nw_src=1.2.3.4", "eth_type(0x0800)")]:
        lines = shown(dummies, f"filter={words}")
        assert [line for line in both if found and found in line] == lines, words
    for words, says in [("bogus=3", "Failed to parse filter (bogus=3: unknown field bogus)"),
                        ("nw_src=1.0.0.0/8", "wildcards not allowed here")]:
        r = dummies.appctl("dpctl/dump-flows", f"filter={words}", check=False)
        assert r.returncode == 2 and says in r.stderr, r
    for pmd, says in [("3", "pmd=: flows are the same for all threads"), ("foo", "pmd=foo: bad number of a pmd thread")]:
        r = dummies.appctl("dpctl/dump-flows", f"pmd={pmd}", check=False)
        assert r.returncode == 2 and says in r.stderr, r


def test_files_add_modify_and_delete(dummies, tmp_path):
    flows = tmp_path / "flows"
    flows.write_text(f"# two\n{key('p1', UDP)} p2\n\nadd {key('p2', ARP)} p1\nmodify {key('p2', ARP)} drop\n")
    assert dummies.appctl("dpctl/add-flows", str(flows)).strip() == ""
    lines = shown(dummies)
    assert len(lines) == 2 and lines[1].endswith(" drop"), lines
    flows.write_text(f"{key('p1', UDP)} drop\n{key('p1', ARP)} p2\nbogus(1) 2\nadd\n")
    said = dummies.appctl("dpctl/mod-flows", "netdev@ovs-netdev", str(flows))
    assert "line 2: updating flow table (No such file or directory)" in said and "line 3: " in said and "Failed parsing line number 4, skipped!" in said, said
    assert all(line.endswith(" drop") for line in shown(dummies))
    flows.write_text(f"{key('p1', UDP)}\n")
    dummies.appctl("dpctl/del-flows", str(flows))
    assert len(shown(dummies)) == 1
    dummies.appctl("dpctl/del-flows", "ovs-netdev")
    assert shown(dummies) == []
    r = dummies.appctl("dpctl/add-flows", "/nonexistent/flows", check=False)
    assert r.returncode == 2 and 'Opening file "/nonexistent/flows" failed (No such file or directory)' in r.stderr, r


def test_a_flow_is_modified_made_and_deleted_with_its_counts(dummies):
    none = "packets:0, bytes:0, used:never"
    r = dummies.appctl("dpctl/mod-flow", key("p1", UDP), "p2", check=False)
    assert r.returncode == 2 and "ovs-vswitchd: updating flow table (No such file or directory)" in r.stderr, r
    dummies.appctl("dpctl/mod-flow", "--may-create", key("p1", UDP), "p2")
    assert dummies.appctl("dpctl/mod-flow", "-s", key("p1", UDP), "drop").strip() == none
    assert shown(dummies)[0].endswith(" drop")
    r = dummies.appctl("dpctl/mod-flow", "--clear", key("p1", UDP), "drop", check=False)
    assert r.returncode == 2 and "--clear: " in r.stderr, r
    r = dummies.appctl("dpctl/mod-flow", "--frob", key("p1", UDP), "drop", check=False)
    assert r.returncode == 2 and "Unrecognized option --frob" in r.stderr, r
    line = dummies.appctl("dpctl/dump-flows", "-m").strip()
    assert line.startswith("ufid:")
    assert dummies.appctl("dpctl/get-flow", line).split(", packets")[0] == \
        dummies.appctl("dpctl/get-flow", line[5:41]).split(", packets")[0]
    assert dummies.appctl("dpctl/del-flow", "-s", key("p1", UDP)).strip() == none
    assert shown(dummies) == []


def test_actions_are_parsed_and_normalized(dummies):
    assert dummies.appctl("dpctl/parse-actions", "2,push_vlan(vid=5,pcp=0),3", "drop") == "2,push_vlan(vid=5,pcp=0),3\ndrop\n"
    text = dummies.appctl("dpctl/normalize-actions", "in_port(1),eth(),eth_type(0x0806),arp()", "2,push_vlan(vid=5,pcp=0),3")
    assert text.splitlines()[0].startswith("input flow: in_port(1),eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00),eth_type(0x0806)")
    assert text.splitlines()[1] == "no vlan: no mpls: 2vlan(vid=5,pcp=0): no mpls: 3"
    r = dummies.appctl("dpctl/parse-actions", "frob", check=False)
    assert r.returncode == 2 and "odp_actions_from_string" in r.stderr, r


def test_a_datapath_without_the_kernel_s_cache_says_so(dummies):
    assert dummies.appctl("dpctl/cache-get-size") == "netdev@ovs-netdev:\n"
    r = dummies.appctl("dpctl/cache-set-size", "ovs-netdev", "masks-cache", "512", check=False)
    assert r.returncode == 2 and 'Cache name "masks-cache" not found on dpif (Invalid argument)' in r.stderr, r
    r = dummies.appctl("dpctl/cache-get-size", "nodp", check=False)
    assert r.returncode == 2 and "Opening datapath nodp failed (No such device)" in r.stderr, r
