# SPDX-License-Identifier: Apache-2.0
"""All messages that this project encodes, in every version and form that has them, for tests that show them to others: what the golden
files, the fuzzer's seeds and rules in text become. "recode" (tests/unit/openflow) does it, with the codecs themselves."""
import functools
import os
import re
import subprocess

import pytest

from conftest import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(HERE, "..", "..")
RECODE = os.path.join(BUILD, "tests", "unit", "openflow", "recode")
NEVER_ENCODED = {"FLOW_REMOVED nx", "FLOW_MOD nx"}  # Nicira's forms: of flow_removed always, of flow_mod but in 1.0

needs_recode = pytest.mark.skipif(not os.path.exists(RECODE), reason="make check builds tests/unit/openflow/recode")

# Every member of a flow_mod, and what a line of the other files does not have.
FLOWS = [
    "table=3,cookie=0x123456789abcdef,priority=77,idle_timeout=5,hard_timeout=600,send_flow_rem,actions=output:7",
    "table=3,cookie=0x1,priority=78,importance=9,send_flow_rem,check_overlap,reset_counts,no_packet_counts,no_byte_counts,actions=drop",
    "table=253,cookie=0xffffffffffffffff,priority=0,idle_timeout=65535,hard_timeout=65535,actions=normal",
    "table=0,priority=65535,in_port=LOCAL,actions=group:5,set_queue:9,output:8",
    "table=1,priority=1,actions=meter:4,goto_table:9",
]


def recode(mode, lines=()):
    r = subprocess.run([RECODE, mode], input="".join(f"{x}\n" for x in lines), capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    return r.stdout


def sources():
    """Messages in hex: those of the golden files and the fuzzer's seeds, whose lengths are put right."""
    for name in ("openflow-control", "openflow-table-features", "openflow-statistics"):
        with open(f"{TESTS}/golden/{name}.txt") as f:
            yield from (line[2:].strip() for line in f if re.match(r"> \w", line))
    seeds = f"{TESTS}/fuzz/corpus/ofp-decode"
    for name in os.listdir(seeds):
        with open(f"{seeds}/{name}", "rb") as f:
            b = f.read()
        if len(b) >= 8:
            yield (b[:2] + len(b).to_bytes(2, "big") + b[4:]).hex()


def rules():
    with open(f"{TESTS}/golden/match.txt") as f:
        yield from (line.split(" => ")[0] + ",actions=drop" for line in f if " => " in line)
    with open(f"{TESTS}/golden/openflow-flows.txt") as f:
        yield from (line.split(" => ")[0].split(" ", 1)[1] for line in f if " => " in line and line.startswith("OpenFlow"))
    with open(f"{HERE}/peer_actions.txt") as f:
        yield from (line.strip() for line in f if line.strip() and line[0] not in "[#")
    yield from FLOWS


@functools.lru_cache(None)
def messages():
    """[(message in hex, "FLOW_MOD 1 nx")], without those that would not come back: what a version has no word for is not sent in it."""
    made = sorted({*recode("all", sorted(set(sources()))).split(), *recode("flows", sorted(set(rules()))).split()})
    kept = [m for m, again in zip(made, recode("again", made).split()) if m == again]
    assert len(kept) > 0.99 * len(made)
    return list(zip(kept, recode("name", kept).splitlines()))


def printed(hexes):
    """What ovs-ofctl prints of each."""
    return recode("print", hexes).split("\f")[:-1]


ROLES = {"nochange": 0, "equal": 1, "primary": 2, "secondary": 3}
NX_ROLES = {"equal": 0, "primary": 1, "secondary": 2}
VALUES = {
    "cookie": r"\bcookie[:=](0x[0-9a-f]+)", "table_id": r"\btable(?:_id)?[:= ](\d+)", "priority": r"\bpri(?:ority)?[:=](\d+)",
    "idle_timeout": r"\bidle(?:_timeout=|:|)(\d+)", "hard_timeout": r"\bhard(?:_timeout=|:|)(\d+)", "importance": r"\bimportance[:=](\d+)",
    "group_id": r"\bgroup_id=(\d+)", "meter_id": r"\bmeter[:=](\d+)", "generation_id": r"\bgeneration_id=(\d+)",
    "bundle_id": r"\bbundle_id=(0x[0-9a-f]+|\d+)", "queue_id": r"\bqueue[ =](\d+)", "miss_send_len": r"\bmiss_send_len=(\d+)",
    "n_tables": r"\bn_tables:(\d+)", "n_buffers": r"\bn_buffers:(\d+)", "port_no": r"(?:\bport_no=|\bport: +|^ +port +|^ )(\d+)[(:]",
    "datapath_id": r"\bdpid:([0-9a-f]{16})",
}


def values_of(text, name):
    """The numbers that the text of a message has by name, without those of actions: {"table_id": {3}}."""
    text = re.sub(r"actions=.*", "", text)
    found = {}
    for key, pattern in VALUES.items():
        base = 16 if key == "datapath_id" else 0
        numbers = {int(x, base) for x in re.findall(pattern, text, re.M)}
        if numbers:
            found[key] = numbers
    roles = NX_ROLES if name.endswith(" nx") else ROLES
    if m := re.search(r"\brole=(\w+)", text):
        found["role"] = {roles[m[1]]}
    return found
