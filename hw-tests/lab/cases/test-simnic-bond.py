#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two simulated NICs whose uplinks are in a bond: no switch, only tc, ip and frames."""
import time

from simnic_lab import add, expect, hits, ip, lab, main, refusal, run, tc, test, FRAME, Lab, Port

BLOCK = 22


def make_bond():
    run("devlink", "dev", "eswitch", "set", "platform/simnic.1", "mode", "switchdev")
    ip("link set sn0 down", "link set sn1 down", "link add lag0 type bond mode active-backup miimon 10",
       "link set sn0 master lag0", "link set sn1 master lag0", "link set lag0 type bond active_slave sn0")
    Lab.up("lag0", "sn1", "sn1wire", "sn1v0", "sn1r0")
    tc("qdisc del dev sn0 clsact", *[f"qdisc add dev {d} ingress_block {BLOCK} clsact" for d in ("sn0", "sn1")])
    lab.more = [Port(d) for d in ("sn1wire", "sn1v0", "lag0")]


def remove_bond():
    ip("link del lag0", "link set sn0 up")
    tc("qdisc del dev sn0 ingress_block 22 clsact", "qdisc del dev sn1 ingress_block 22 clsact", "qdisc add dev sn0 clsact")
    lab.more = []


def outcome(port, frame=FRAME):
    """Who but the NIC's own devices got what."""
    inner = {"sn0", "sn1", "lag0"}
    return {k: v for k, v in lab.outcome(port, frame).items() if k not in inner}


def wait_for(what, f):
    """Bonding looks at links by the clock."""
    for _ in range(500):
        if f():
            return
        time.sleep(0.01)
    raise AssertionError(what)


def active():
    with open("/sys/class/net/lag0/bonding/active_slave", encoding="ascii") as f:
        return f.read().strip()


@test
def a_rule_of_a_shared_block_takes_packets_of_both_wires():
    make_bond()
    try:
        tc(f"filter add block {BLOCK} prio 2 protocol ip flower skip_sw action mirred egress redirect dev sn0r0",
           f"filter add block {BLOCK} prio 3 protocol arp flower skip_sw action mirred egress redirect dev sn1r0")
        for wire in (lab.wire, lab.more[0]):
            expect(wire.name, {"sn0v0": [FRAME]}, outcome(wire))
        arp = FRAME[:12] + b"\x08\x06" + FRAME[14:]
        expect("to the other NIC's VF", {"sn1v0": [arp]}, outcome(lab.wire, arp))
    finally:
        remove_bond()


@test
def what_goes_out_by_the_bond_follows_the_active_member():
    make_bond()
    try:
        add("sn0r0", "prio 2 protocol ip flower skip_sw action mirred egress redirect dev lag0")
        wait_for("sn0 is active", lambda: active() == "sn0")
        expect("first", {"sn0wire": [FRAME]}, outcome(lab.vf[0]))
        ip("link set sn0wire down")
        wait_for("sn1 takes over", lambda: active() == "sn1")
        expect("after the link was lost", {"sn1wire": [FRAME]}, outcome(lab.vf[0]))
        expect("counted", (2, 2 * len(FRAME), 0), hits("sn0r0", 2))
    finally:
        Lab.up("sn0wire")
        remove_bond()


@test
def without_a_bond_the_other_nic_is_not_on_the_eswitch():
    run("devlink", "dev", "eswitch", "set", "platform/simnic.1", "mode", "switchdev")
    text = refusal("sn0r0", "prio 2 protocol ip flower skip_sw action mirred egress redirect dev sn1r0")
    assert "not on this eSwitch" in text, text


@test
def an_uplink_has_a_link_while_both_ends_of_its_cable_are_up():
    def carrier():
        with open("/sys/class/net/sn0/carrier", encoding="ascii") as f:
            return f.read().strip()
    expect("both up", "1", carrier())
    ip("link set sn0wire down")
    expect("the far end is down", "0", carrier())
    Lab.up("sn0wire")
    expect("up again", "1", carrier())


if __name__ == "__main__":
    main(nics=2)
