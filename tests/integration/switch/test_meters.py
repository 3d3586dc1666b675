# SPDX-License-Identifier: Apache-2.0
"""Meters where the datapath has none: refused as such, and said why."""


def test_the_userspace_datapath_refuses_meters(switch):
    switch.start()
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "protocols=[OpenFlow10,OpenFlow13]")
    features = switch.ofctl("-O", "OpenFlow13", "meter-features", "br0")
    assert "max_meter:0 max_bands:0 max_color:0\n" in features, features
    r = switch.ofctl("-O", "OpenFlow13", "add-meter", "br0", "meter=1,kbps,bands=type=drop,rate=1", check=False)
    assert r.returncode == 1 and "OFPMMFC_INVALID_METER" in r.stderr, r.stderr
    assert switch.log().count("br0: meter 1 refused: the datapath does not have meters") == 1
    r = switch.ofctl("-O", "OpenFlow13", "add-flow", "br0", "actions=meter:1,output:1", check=False)
    assert r.returncode == 1 and "OFPMMFC_INVALID_METER" in r.stderr, r.stderr
