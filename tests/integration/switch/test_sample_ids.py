# SPDX-License-Identifier: Apache-2.0
"""sample whose ids come from fields: each packet is told of with what its own fields have."""
from test_peer_ipfix import Collector, UDP, add_set, v4

POINT = 138  # observationPointId
SAMPLE = "sample(probability=65535,collector_set_id=1,obs_domain_id=NXM_NX_REG0[],obs_point_id=NXM_OF_IP_DST[0..7])"


def start(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "--", "add-port", "br0", "p1", "--", "set", "interface", "p1",
                 "type=dummy", "ofport_request=1")


def test_ids_of_a_sample_are_those_of_each_packet(switch):
    start(switch)
    c = Collector()
    add_set(switch, c)
    switch.ofctl("-O", "OpenFlow13", "add-flow", "br0", f"in_port=1,ip,actions=set_field:0x12345->reg0,{SAMPLE}")
    for last in (7, 9):
        switch.appctl("netdev-dummy/receive", "p1", v4(last, 17, UDP % (8, 9)))
        _, domain, _, record = c.next()
        assert domain == 0x12345
        assert [int(value, 16) for element, _, value in record if element == POINT] == [last]


def test_a_traced_sample_has_the_ids_of_the_packet(switch):
    start(switch)
    add_set(switch, Collector())
    assert "obs_domain_id=0,obs_point_id=7" in switch.appctl("ofproto/trace-packet-out", "br0", "in_port=1,ip,nw_dst=10.0.0.7", SAMPLE)


def test_the_field_of_an_id_must_be_in_the_packet(switch):
    start(switch)
    r = switch.ofctl("add-flow", "br0", f"in_port=1,actions={SAMPLE}", check=False)
    assert r.returncode == 1 and "actions are invalid with specified match (OFPBAC_MATCH_INCONSISTENT)" in r.stderr, r.stderr
    switch.ofctl("add-flow", "br0", f"in_port=1,ip,actions={SAMPLE}")
    assert f"actions={SAMPLE}" in switch.ofctl("dump-flows", "br0")
