# SPDX-License-Identifier: Apache-2.0
"""Actions, instructions, fields and messages as the library os-ken builds them: this project decodes them, and what it encodes
again is the same, byte by byte, or what Debian's program makes of it where os-ken writes something that has no canonical form (the
properties of controller2 in another order, stack actions without their padding, an old header of output_reg2).

Left out: what os-ken can build and this switch has no such action for (copy_ttl, PBB, experimenters unknown to it)."""
import importlib
import subprocess

import pytest

from test_peer_actions import OURS, THEIRS, needs_peer

os_ken = pytest.importorskip("os_ken")
from os_ken.ofproto import ofproto_protocol  # noqa: E402

VERSIONS = {"OpenFlow10": "v1_0", "OpenFlow12": "v1_2", "OpenFlow13": "v1_3", "OpenFlow14": "v1_4", "OpenFlow15": "v1_5"}


class Datapath(ofproto_protocol.ProtocolDesc):
    def __init__(self, name):
        super().__init__(version=importlib.import_module(f"os_ken.ofproto.ofproto_{VERSIONS[name]}").OFP_VERSION)


def actions_of(name):
    dp = Datapath(name)
    p, o = dp.ofproto_parser, dp.ofproto
    if name == "OpenFlow10":
        yield from (p.OFPActionOutput(port, n) for port in (1, 0xff00 - 1, o.OFPP_LOCAL, o.OFPP_CONTROLLER, o.OFPP_NORMAL, o.OFPP_FLOOD, o.OFPP_IN_PORT) for n in (0, 128, 65535))
        yield from (p.OFPActionVlanVid(v) for v in (0, 1, 4095))
        yield from (p.OFPActionVlanPcp(v) for v in (0, 7))
        yield p.OFPActionStripVlan()
        yield from (c("00:11:22:33:44:55") for c in (p.OFPActionSetDlSrc, p.OFPActionSetDlDst))
        yield from (c(0x01020304) for c in (p.OFPActionSetNwSrc, p.OFPActionSetNwDst))
        yield from (p.OFPActionSetNwTos(v) for v in (0, 0xfc))
        yield from (c(v) for c in (p.OFPActionSetTpSrc, p.OFPActionSetTpDst) for v in (0, 65535))
        yield from (p.OFPActionEnqueue(port, q) for port, q in ((1, 0), (o.OFPP_LOCAL, 7)))
    else:
        yield from (p.OFPActionOutput(port, n) for port in (1, 0xfeff, o.OFPP_LOCAL, o.OFPP_CONTROLLER, o.OFPP_NORMAL, o.OFPP_IN_PORT) for n in (0, 128, 65535))
        yield from (p.OFPActionGroup(g) for g in (0, 5, 0xffffff00))
        yield from (p.OFPActionSetQueue(q) for q in (0, 7))
        yield from (p.OFPActionPushVlan(t) for t in (0x8100, 0x88a8))
        yield p.OFPActionPopVlan()
        yield from (p.OFPActionPushMpls(t) for t in (0x8847, 0x8848))
        yield from (p.OFPActionPopMpls(t) for t in (0x800, 0x86dd, 0x8847))
        yield from (p.OFPActionSetMplsTtl(t) for t in (0, 255))
        yield from (p.OFPActionSetNwTtl(t) for t in (0, 255))
        yield p.OFPActionDecNwTtl()
        yield p.OFPActionDecMplsTtl()
        for field, values in FIELDS.items():
            if field in READ_ONLY or field not in {t.name for t in o.oxm_types}:
                continue
            for v in (v for v in values if not isinstance(v, tuple)):
                yield p.OFPActionSetField(**{field: v})
        if name == "OpenFlow15":
            yield p.OFPActionMeter(5)
            yield p.OFPActionCopyField(n_bits=32, src_offset=0, dst_offset=0, oxm_ids=[p.OFPOxmId("ipv4_src"), p.OFPOxmId("ipv4_dst")])
    if not hasattr(p, "NXActionResubmit"):
        return
    yield from (p.NXActionResubmit(in_port=i) for i in (1, 0xfff8))
    yield from (p.NXActionResubmitTable(in_port=i, table_id=t) for i, t in ((1, 0), (0xfff8, 253)))
    yield p.NXActionSetQueue(queue_id=3)
    yield p.NXActionPopQueue()
    yield p.NXActionNote(note=[1, 2, 3, 4, 5, 6])
    yield p.NXActionExit()
    yield p.NXActionCTClear()
    yield from (p.NXActionConjunction(clause=0, n_clauses=n, id_=7) for n in (2, 64))
    yield p.NXActionController(max_len=128, controller_id=5, reason=1)
    yield p.NXActionController2(max_len=128, controller_id=5, reason=1, userdata=b"\1\2\3")
    yield p.NXActionController2(pause=True)
    yield p.NXActionFinTimeout(fin_idle_timeout=5, fin_hard_timeout=10)
    yield p.NXActionSample(probability=3, collector_set_id=1, obs_domain_id=2, obs_point_id=3)
    yield p.NXActionDecTtlCntIds(cnt_ids=[1, 2])
    yield p.NXActionOutputReg(ofs_nbits=(0 << 6) | 15, src="reg0", max_len=65535)
    yield p.NXActionOutputReg2(ofs_nbits=(4 << 6) | 15, src="reg1", max_len=128)
    yield p.NXActionOutputTrunc(port=1, max_len=100)
    yield p.NXActionStackPush(field="reg2", start=0, end=32)
    yield p.NXActionStackPop(field="reg3", start=8, end=16)
    yield p.NXActionRegMove(src_field="eth_src_nxm" if name == "OpenFlow10" else "eth_src", dst_field="eth_dst_nxm" if name == "OpenFlow10" else "eth_dst", n_bits=48)
    yield p.NXActionRegLoad(ofs_nbits=(0 << 6) | 31, dst="reg5", value=0xdeadbeef)
    yield p.NXActionCT(flags=1, zone_src="", zone_ofs_nbits=5, recirc_table=255, alg=0, actions=[])
    yield p.NXActionCT(flags=1, zone_src="reg0", zone_ofs_nbits=15, recirc_table=4, alg=21, actions=[
        p.NXActionNAT(flags=1, range_ipv4_min="10.1.12.0", range_ipv4_max="10.1.13.255", range_proto_min=1, range_proto_max=1023)])
    yield p.NXActionMultipath(fields=0, basis=1024, algorithm=0, max_link=1, arg=0, ofs_nbits=(4 << 6) | 27, dst="reg1")
    yield p.NXActionBundle(algorithm=1, fields=0, basis=0, slave_type=2 if name == "OpenFlow10" else 2, n_slaves=2, ofs_nbits=0, dst=0, slaves=[1, 2])


FIELDS = {
    "in_port": [1], "in_phy_port": [1], "metadata": [5, (5, 7)], "eth_dst": ["00:11:22:33:44:55"], "eth_src": ["ff:11:22:33:44:55"], "eth_type": [0x800],
    "vlan_vid": [0x1005, 0x1fff], "vlan_pcp": [0, 7], "ip_dscp": [0, 63], "ip_ecn": [0, 3], "ip_proto": [6], "ipv4_src": ["1.2.3.4"], "ipv4_dst": ["255.255.255.255"],
    "tcp_src": [0, 65535], "tcp_dst": [80], "udp_src": [1], "udp_dst": [53], "sctp_src": [1], "sctp_dst": [2], "icmpv4_type": [8], "icmpv4_code": [0], "arp_op": [1],
    "arp_spa": ["1.2.3.4"], "arp_tpa": ["1.2.3.5"], "arp_sha": ["00:00:00:00:00:01"], "arp_tha": ["00:00:00:00:00:02"], "ipv6_src": ["fe80::1"], "ipv6_dst": ["2001:db8::1"],
    "ipv6_flabel": [0, 0xfffff], "icmpv6_type": [135], "icmpv6_code": [0], "ipv6_nd_target": ["fe80::1"], "ipv6_nd_sll": ["00:00:00:00:00:01"], "ipv6_nd_tll": ["00:00:00:00:00:02"],
    "mpls_label": [0, 0xfffff], "mpls_tc": [7], "mpls_bos": [1], "tunnel_id": [5], "tcp_flags": [0xfff], "actset_output": [1], "packet_type": [(0, 0x800)],
    "reg0": [5], "reg7": [0xffffffff], "tun_ipv4_src": ["1.2.3.4"], "tun_ipv4_dst": ["1.2.3.4"], "pkt_mark": [5], "ct_state": [0x21], "ct_zone": [5], "ct_mark": [5], "ct_label": [5],
    "xxreg0": [5], "tun_ipv6_src": ["fe80::1"], "nsh_flags_nxm": [1], "_dp_hash": [5], "recirc_id": [5], "conj_id": [5],
}
READ_ONLY = {"in_phy_port", "eth_type", "ip_proto", "mpls_bos", "tcp_flags", "actset_output", "packet_type", "ct_state", "ct_zone", "_dp_hash", "recirc_id", "conj_id", "nsh_flags_nxm"}
# What they need to be matched on.
NEEDS = {"vlan_pcp": {"vlan_vid": 0x1005}, "arp": {"eth_type": 0x806}, "ipv6": {"eth_type": 0x86dd}, "icmpv6": {"eth_type": 0x86dd, "ip_proto": 58}, "mpls": {"eth_type": 0x8847},
         "ip_": {"eth_type": 0x800}, "ipv4": {"eth_type": 0x800}, "tcp": {"eth_type": 0x800, "ip_proto": 6}, "udp": {"eth_type": 0x800, "ip_proto": 17}, "sctp": {"eth_type": 0x800, "ip_proto": 132},
         "icmpv4": {"eth_type": 0x800, "ip_proto": 1}, "ipv6_nd_target": {"eth_type": 0x86dd, "ip_proto": 58, "icmpv6_type": 135, "icmpv6_code": 0},
         "ipv6_nd_sll": {"eth_type": 0x86dd, "ip_proto": 58, "icmpv6_type": 135, "icmpv6_code": 0}, "ipv6_nd_tll": {"eth_type": 0x86dd, "ip_proto": 58, "icmpv6_type": 136, "icmpv6_code": 0}}


def bytes_of(action):
    buf = bytearray()
    action.serialize(buf, 0)
    return bytes(buf)


def run(*args, text="", program=OURS):
    r = subprocess.run([program, *args], input=text, capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    return r.stdout


@needs_peer
@pytest.mark.parametrize("name", VERSIONS)
def test_every_action_comes_back_as_it_was(name):
    assert_same_bytes("parse-actions", name, actions_of(name))


def assert_same_bytes(command, name, what):
    """What does not come back as it was, comes back as from Debian's program."""
    wrong, n, same = [], 0, 0
    for a in what:
        text = bytes_of(a).hex() + "\n"
        out = run(command, name, text=text)
        n += 1
        if len(out.strip().splitlines()) == 1 and out.startswith("actions="):
            same += 1
        elif out != (theirs := run(command, name, text=text, program=THEIRS)):
            wrong.append(f"{a}: {text}ours {out}Debian's {theirs}")
    assert not wrong, "\n".join(wrong)
    # Those that do not are few: what os-ken pads or orders in its own way, and what this version has no action for.
    assert same > n * 0.8, (same, n)


def instructions_of(name):
    dp = Datapath(name)
    p, o = dp.ofproto_parser, dp.ofproto
    yield p.OFPInstructionGotoTable(5)
    yield from (p.OFPInstructionWriteMetadata(5, m) for m in (7, 2 ** 64 - 1))
    yield from (p.OFPInstructionActions(t, [p.OFPActionOutput(1, 0), p.OFPActionGroup(3)]) for t in (o.OFPIT_APPLY_ACTIONS, o.OFPIT_WRITE_ACTIONS))
    yield p.OFPInstructionActions(o.OFPIT_CLEAR_ACTIONS, [])
    if hasattr(p, "OFPInstructionMeter"):
        yield p.OFPInstructionMeter(5)


@needs_peer
@pytest.mark.parametrize("name", [v for v in VERSIONS if v != "OpenFlow10"])
def test_every_instruction_comes_back_as_it_was(name):
    assert_same_bytes("parse-instructions", name, instructions_of(name))


def needs_of(field):
    if field in NEEDS:
        return NEEDS[field]
    if field == "ip_proto":
        return {"eth_type": 0x800}
    return next((n for prefix, n in NEEDS.items() if field.startswith(prefix) and field != prefix), {})


def messages_of(name):
    dp = Datapath(name)
    p, o = dp.ofproto_parser, dp.ofproto
    if name == "OpenFlow10":
        match = p.OFPMatch(in_port=1, dl_type=0x800, nw_proto=6, tp_dst=80)
        yield from (p.OFPFlowMod(dp, match, 5, c, priority=7, actions=[p.OFPActionOutput(1, 0)]) for c in range(5))
        yield p.OFPFlowStatsRequest(dp, 0, match, 255, o.OFPP_NONE)
        yield p.OFPAggregateStatsRequest(dp, 0, match, 255, o.OFPP_NONE)
        yield from (c(dp, 0) for c in (p.OFPDescStatsRequest, p.OFPTableStatsRequest))
        yield p.OFPPortStatsRequest(dp, 0, o.OFPP_NONE)
        yield p.OFPQueueStatsRequest(dp, 0, o.OFPP_ALL, o.OFPQ_ALL)
        yield p.OFPPortMod(dp, 1, "00:00:00:00:00:01", 1, 1, 0)
        yield p.OFPSetConfig(dp, 0, 128)
        yield p.NXTRoleRequest(dp, 2)
        yield p.NXTFlowModTableId(dp, 1)
    else:
        for field, values in FIELDS.items():
            if field not in {t.name for t in o.oxm_types} or field in ("in_phy_port", "nsh_flags_nxm"):
                continue
            for v in values:
                match = p.OFPMatch(**{**needs_of(field), field: v})
                yield p.OFPFlowMod(dp, match=match, instructions=[])
                yield (p.OFPFlowDescStatsRequest if name == "OpenFlow15" else p.OFPFlowStatsRequest)(dp, match=match, table_id=255, out_port=o.OFPP_ANY, out_group=o.OFPG_ANY, cookie=0, cookie_mask=0, flags=0)
        out = [p.OFPActionOutput(1, 0)]
        group = {"buckets": [p.OFPBucket(bucket_id=1, actions=out)], "command_bucket_id": 0xffffffff} if name == "OpenFlow15" else {"buckets": [p.OFPBucket(1, 1, 5, out)]}
        yield from (p.OFPGroupMod(dp, c, t, 5, **group) for c in range(2) for t in (0, 1, 2))
        yield from (c(dp, flags=0) for c in (p.OFPDescStatsRequest, p.OFPTableStatsRequest))
        yield p.OFPPortStatsRequest(dp, flags=0, port_no=o.OFPP_ANY)
        yield p.OFPQueueStatsRequest(dp, flags=0, port_no=o.OFPP_ANY, queue_id=o.OFPQ_ALL)
        yield p.OFPGroupStatsRequest(dp, flags=0, group_id=5)
        yield p.OFPGroupDescStatsRequest(dp, flags=0)
        yield p.OFPGroupFeaturesStatsRequest(dp, flags=0)
        yield p.OFPRoleRequest(dp, role=o.OFPCR_ROLE_SLAVE, generation_id=5, **({"short_id": 0} if name == "OpenFlow15" else {}))
        yield p.OFPSetConfig(dp, 0, 128)
        yield p.OFPGetAsyncRequest(dp) if hasattr(p, "OFPGetAsyncRequest") else p.OFPBarrierRequest(dp)
        if hasattr(p, "OFPMeterMod"):
            yield from (p.OFPMeterMod(dp, c, f, 1, [p.OFPMeterBandDrop(100, 5)]) for c in range(3) for f in (1, 2, 13))
            yield p.OFPMeterStatsRequest(dp, 0, 5)
            yield p.OFPMeterFeaturesStatsRequest(dp, 0)
    yield from (c(dp) for c in (p.OFPHello, p.OFPEchoRequest, p.OFPFeaturesRequest, p.OFPGetConfigRequest, p.OFPBarrierRequest))
    yield p.OFPErrorMsg(dp, 1, 5, b"\1" * 64)
    yield p.OFPPacketOut(dp, *([0xffffffff, 1, [p.OFPActionOutput(2, 0)], b"\0" * 60] if name != "OpenFlow15" else [0xffffffff, p.OFPMatch(in_port=1), [p.OFPActionOutput(2, 0)], b"\0" * 60]))


@needs_peer
@pytest.mark.parametrize("name", VERSIONS)
def test_every_message_is_decoded(name, tmp_path):
    path = tmp_path / "messages"
    wrong, n = [], 0
    for m in messages_of(name):
        m.set_xid(n + 1)
        m.serialize()
        path.write_bytes(bytes(m.buf))
        n += 1
        out = run("ofp-parse", str(path))
        if ("decode error" in out and out != run("ofp-parse", str(path), program=THEIRS)) or not out.startswith(("OFP", "NXT", "NXST", "ONFT")):
            wrong.append(f"{type(m).__name__} {bytes(m.buf).hex()}\n{out}")
    assert n > 15 and not wrong, "\n".join(wrong)
