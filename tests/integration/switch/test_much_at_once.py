# SPDX-License-Identifier: Apache-2.0
"""Connections and commands that send much at once: others are served meanwhile, and a bundle that is sent in parts is still one."""
import signal
import struct

import pytest

from clients import Connection

FLOW_MOD, STATS_REQUEST = 14, 16  # OpenFlow 1.0
ALL = struct.pack("!I36x", 0x3fffff)  # the match of all packets
AGGREGATE = struct.pack("!HH", 2, 0) + ALL + struct.pack("!BxH", 0xff, 0xffff)
N_FLOWS = 1300
MANY = 3000  # flows of a file: more than 64 KiB on the wire


def start(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure", "--", "add-port", "br0", "p1", "--", "set",
                 "interface", "p1", "type=dummy", "ofport_request=1")


def flow_count(switch):
    return switch.ofctl("dump-aggregate", "br0").rsplit("flow_count=", 1)[1].strip()


def test_who_sends_without_a_pause_does_not_keep_others_waiting(switch):
    start(switch)
    # Whichever way the switch goes through its connections, one of the others comes behind the loader.
    before, loader, behind = (Connection.to(switch, 1) for _ in range(3))
    add = b"".join(struct.pack("!BBHI", 1, FLOW_MOD, 72, i) + ALL + struct.pack("!QHHHHIHH", 0, 0, 0, 0, i, 0xffffffff, 0xffff, 0) for i in range(N_FLOWS))
    process = switch.processes["ovs-vswitchd"]
    process.send_signal(signal.SIGSTOP)
    try:
        before.put(STATS_REQUEST, AGGREGATE)
        loader.socket.sendall(add)
        behind.put(STATS_REQUEST, AGGREGATE)
    finally:
        process.send_signal(signal.SIGCONT)
    for c in (before, behind):
        reply = c.receive()
        assert struct.unpack("!HH", reply[8:12]) == (2, 0)
        assert struct.unpack("!I", reply[28:32])[0] < N_FLOWS / 2
    loader.received()
    assert flow_count(switch) == str(N_FLOWS)


def write(switch, lines):
    with open(f"{switch.dir}/flows", "w") as f:
        f.write("".join(f"{x}\n" for x in lines))
    return f"{switch.dir}/flows"


@pytest.mark.parametrize("last, words", [("actions=no_such_action", f"flows:{MANY}: unknown action no_such_action"),
                                         ("priority=7,actions=group:99", "Error OFPBAC_BAD_OUT_GROUP for: ")], ids=["cannot be read", "is refused"])
def test_a_bundle_changes_nothing_when_its_last_flow(switch, last, words):
    start(switch)
    lines = [f"priority={i},actions=drop" for i in range(1, MANY)] + [last]
    r = switch.ofctl("--bundle", "add-flows", "br0", write(switch, lines), check=False)
    assert r.returncode == 1 and words in r.stderr, r.stderr
    assert flow_count(switch) == "0"


def test_what_is_refused_before_ports_are_asked_for_is_told(switch):
    start(switch)
    lines = ["priority=7,actions=group:99"] + [f"priority={i},actions=drop" for i in range(8, MANY)] + ["priority=3,actions=output:p1"]
    r = switch.ofctl("--bundle", "add-flows", "br0", write(switch, lines), check=False)
    assert r.returncode == 1 and "Error OFPBAC_BAD_OUT_GROUP for: " in r.stderr and "group:99" in r.stderr, r.stderr
    assert flow_count(switch) == "0"


def test_a_bundle_sent_in_parts_is_one(switch):
    start(switch)
    lines = [f"priority={i},actions=output:p1" for i in range(1, MANY + 1)]
    switch.ofctl("--bundle", "add-flows", "br0", write(switch, lines))
    assert flow_count(switch) == str(MANY)
