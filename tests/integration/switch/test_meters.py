# SPDX-License-Identifier: Apache-2.0
"""Meters of the userspace datapath, by a clock that stands still and is moved, beside those of Debian's switch."""
import re

import pytest

from test_peer_control import running
from test_peer_actions import needs_peer
from test_peer_text import Peer
from conftest import Switch

PACKET = "in_port(1),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17," \
         "tos=0,ttl=64,frag=no),udp(src=1,dst=2)"


def of13(s, *words, check=True):
    return s.ofctl("-O", "OpenFlow13", *words, check=check)


@pytest.fixture(scope="module", params=[(Switch, "netdev"), pytest.param((Peer, "dummy"), marks=needs_peer)], ids=["ours", "debian"])
def switch(request):
    with running(*request.param) as s:
        s.vsctl("set", "bridge", "br0", "protocols=[OpenFlow10,OpenFlow13]")
        s.appctl("time/stop")
        yield s


@pytest.fixture
def meters(switch):
    of13(switch, "del-flows", "br0")
    of13(switch, "del-meters", "br0")
    return switch


def send(s, n, length=100):
    for _ in range(n):
        s.appctl("netdev-dummy/receive", "p1", PACKET, "--len", str(length))


def sent(s, port="p2"):
    return int(re.search(r"tx pkts=(\d+)", of13(s, "dump-ports", "br0", port)).group(1))


def passed(s, n, length=100):
    s.appctl("revalidator/wait")
    before = sent(s)
    send(s, n, length)
    return sent(s) - before


def test_features(meters):
    text = of13(meters, "meter-features", "br0").splitlines()[1:]
    assert [line.strip() for line in text] == ["max_meter:262144 max_bands:8 max_color:0", "band_types: drop",
                                               "capabilities: kbps pktps burst stats"]


def test_packets_pass_at_the_rate_once_the_burst_is_used(meters):
    of13(meters, "add-meter", "br0", "meter=1,pktps,burst,stats,bands=type=drop,rate=2,burst_size=4")
    of13(meters, "add-flow", "br0", "in_port=1,actions=meter:1,output:2")
    assert passed(meters, 10) == 4
    meters.appctl("time/warp", "1000")
    assert passed(meters, 5) == 2
    meters.appctl("time/warp", "60000")
    assert passed(meters, 10) == 4
    stats = of13(meters, "meter-stats", "br0", "meter=1")
    assert "packet_in_count:25 byte_in_count:2500" in stats and "0: packet_count:15 byte_count:1500" in stats, stats


def test_bytes_pass_at_the_rate(meters):
    # 16 kbit are 20 packets of 100 bytes.
    of13(meters, "add-meter", "br0", "meter=2,kbps,burst,bands=type=drop,rate=8,burst_size=16")
    of13(meters, "add-flow", "br0", "in_port=1,actions=meter:2,output:2")
    assert passed(meters, 25) == 20
    meters.appctl("time/warp", "1000")
    assert passed(meters, 25) == 10


def test_of_two_bands_that_are_exceeded_the_faster_one_counts(meters):
    of13(meters, "add-meter", "br0", "meter=3,pktps,burst,stats,bands=type=drop,rate=1,burst_size=2,type=drop,rate=5,burst_size=6")
    of13(meters, "add-flow", "br0", "in_port=1,actions=meter:3,output:2")
    assert passed(meters, 9) == 2
    stats = of13(meters, "meter-stats", "br0", "meter=3")
    assert "0: packet_count:4" in stats and "1: packet_count:3" in stats, stats


def test_a_meter_that_is_changed_has_the_new_rate(meters):
    of13(meters, "add-meter", "br0", "meter=4,pktps,burst,bands=type=drop,rate=1,burst_size=1")
    of13(meters, "add-flow", "br0", "in_port=1,actions=meter:4,output:2")
    assert passed(meters, 5) == 1
    of13(meters, "mod-meter", "br0", "meter=4,pktps,burst,bands=type=drop,rate=1,burst_size=3")
    assert passed(meters, 5) == 3


def test_rules_go_with_their_meter(meters):
    of13(meters, "add-meter", "br0", "meter=5,pktps,bands=type=drop,rate=1")
    of13(meters, "add-flow", "br0", "in_port=1,actions=meter:5,output:2")
    of13(meters, "del-meter", "br0", "meter=5")
    assert "meter:5" not in of13(meters, "dump-flows", "br0")
    assert passed(meters, 3) == 0


@pytest.mark.parametrize("meter", ["meter=0,kbps,bands=type=drop,rate=1", "meter=1,kbps,bands=type=dscp_remark,rate=1,prec_level=1",
                                   "meter=1,kbps,bands=type=drop,rate=0", "meter=1,kbps,bands=" + ",".join(["type=drop,rate=1"] * 9),
                                   "meter=1,kbps,bands="])
def test_what_is_no_meter_is_refused(meters, meter):
    r = of13(meters, "add-meter", "br0", meter, check=False)
    assert r.returncode == 1, (r.stdout, r.stderr)
    assert of13(meters, "dump-meters", "br0").splitlines()[1:] in ([], [""])


def test_a_rule_needs_its_meter(meters):
    r = of13(meters, "add-flow", "br0", "actions=meter:77,output:1", check=False)
    assert r.returncode == 1 and "OFPMMFC_INVALID_METER" in r.stderr, r.stderr


def test_a_packet_goes_the_way_of_its_length(meters):
    of13(meters, "add-flow", "br0", "in_port=1,actions=check_pkt_larger(200)->NXM_NX_REG0[0],resubmit(,1)")
    of13(meters, "add-flow", "br0", "table=1,reg0=1,actions=output:2")
    of13(meters, "add-flow", "br0", "table=1,reg0=0,actions=output:3")
    before = sent(meters, "p3")
    assert passed(meters, 3, 201) == 3
    assert passed(meters, 4, 200) == 0
    assert sent(meters, "p3") - before == 4


def test_a_packet_without_an_ethernet_header_is_as_long_as_it_is_without(meters):
    of13(meters, "add-flow", "br0", "in_port=1,ip,actions=decap,check_pkt_larger(186)->NXM_NX_REG0[0],resubmit(,1)")
    of13(meters, "add-flow", "br0", "table=1,packet_type=(1,0x800),reg0=1,actions=encap(ethernet),output:2")
    of13(meters, "add-flow", "br0", "table=1,packet_type=(1,0x800),reg0=0,actions=encap(ethernet),output:3")
    before = sent(meters, "p3")
    assert passed(meters, 3, 201) == 3
    assert passed(meters, 4, 200) == 0
    assert sent(meters, "p3") - before == 4
