# SPDX-License-Identifier: Apache-2.0
"""Every message that this project encodes, in each version and form that has it, is read by os-ken and by tshark, which find in it what
ovs-ofctl prints of it. os-ken writes it again to the same bytes, where it can write it.

What they cannot do is in judges_lack.txt, and here, by message and with a reason; an entry that is not needed any more fails.
Neither knows OpenFlow 1.1, and tshark not 1.2: those versions have Debian's programs as their judge (test_peer_*.py)."""
import collections
import os
import re
import shutil
import struct
import subprocess

import pytest

from openflow_messages import VALUES, HERE, NEVER_ENCODED, messages, needs_recode, printed, recode, values_of

pytestmark = needs_recode


def lacks():
    """{"os-ken does not read": {"FLOW_MOD 1 nx", ...}}"""
    sections, now = {}, None
    with open(os.path.join(HERE, "judges_lack.txt")) as f:
        for line in f.read().splitlines():
            if line.startswith("["):
                now = sections.setdefault(line.strip("[]"), set())
            elif line and not line.startswith("#"):
                name, versions = line.split(":")
                for v in versions.split():
                    now.add(f"{name} {v[0]} {'nx' if v[1:] else 'standard'}")
    return sections


LACKS = lacks()


def is_onf(name):
    """A message of a later version that 1.3 has as an extension."""
    return re.match("(BUNDLE|ROLE_STATUS|REQUESTFORWARD|FLOW_MONITOR).* 4 standard", name) is not None


def excuses(table, outcome, name, message):
    return [e for e in table if re.search(e[0], outcome) and re.fullmatch(e[1], name) and re.search(e[2], message)]


def judge(table, outcomes, needed):
    """Each outcome that is not empty has an entry of the table, and each entry has an outcome."""
    used, bad = set(), []
    for (message, name), outcome in outcomes.items():
        found = excuses(table, outcome, name, message) if outcome else []
        used.update(found[:1])
        if outcome and not found:
            bad.append(f"{name}: {outcome}: {message}")
    assert not bad, "\n".join(bad[:20])
    assert [e for e in table if e not in used] == [], "not needed any more"
    assert sum(not o for o in outcomes.values()) > needed


def test_every_message_in_every_form_is_there():
    names = {name for _, name in messages()}
    missing = {n for n in recode("list").splitlines() if n not in names}
    assert {re.sub(r" \d", "", n) for n in missing} == NEVER_ENCODED and len(missing) == 11, missing


# ---- os-ken ----

def nx(*numbers):
    """One of these Nicira actions."""
    return f"ffff....00002320({'|'.join(numbers)})"


# (what comes out, of which messages, with which bytes, what it is that os-ken lacks)
OS_KEN = [
    ("unknown", "FLOW_MOD [1456] standard", nx("0016", "0028", "0029", "002[a-f]", "003[123]", "00fe", "00ff"), "a class for these actions"),
    ("no attribute '_arg_name'", "FLOW_MOD [1456] standard", nx("0025"), "the meter of controller2"),
    ("at offset 4", "FLOW_MOD [1456] standard", nx("0020"), "the end of a field in output_reg2 with an experimenter's header"),
    ("unknown OXM", "FLOW_MOD [3456] standard", "ffff1[68]..00002320", "some of Nicira's fields"),
    ("written", "FLOW_MOD 1 standard", nx("0006", "0007", "000c", "0010", "001b", "001c", "0024"), "padding, and widths of fields, in 1.0"),
    ("written", "FLOW_MOD 3 standard", "ffff....00002320", "the bodies of experimenters' actions in 1.2"),
    ("written", "FLOW_MOD [456] standard", nx("0010", "001b", "0024", "002e"), "padding of nat and of stack's, learn's last bytes, encap's type"),
    ("AssertionError", "FLOW_MOD 6 standard", "001c0018", "where the fields of copy_field begin: behind 12 bytes"),
    ("AssertionError", "FLOW_MONITOR reply [56] standard", "", "all events but one of those that it has a class for"),
    ("malformed", "PACKET_IN 1 nx", "", "empty matches"),
    ("can't concat", "ROLE_REPLY 1 nx", "", "a way to write what it has read"),
    ("unknown|at offset 0", "GROUP_MOD 6 standard", "", "the end of a bucket, behind which it goes on into the next"),
    ("at least 40 bytes", "METER_FEATURES reply 6 standard", "", "nothing: 1.5 has 8 bytes more here, which Open vSwitch does not send"),
]


class Reader:
    def __init__(self):
        ofproto_parser = pytest.importorskip("os_ken.ofproto.ofproto_parser", reason="python3-os-ken is missing")
        from os_ken.ofproto import ofproto_protocol
        self.parsers = ofproto_parser._MSG_PARSERS  # ofproto_parser.msg() logs what they raise, and returns None
        self.datapaths = {v: ofproto_protocol.ProtocolDesc(version=v) for v in (1, 3, 4, 5, 6)}

    def read(self, b):
        version, kind, length, xid = struct.unpack("!BBHI", b[:8])
        return self.parsers[version](self.datapaths[version], version, kind, length, xid, b)


def read_by_os_ken(reader, b):
    """(outcome, the message's class)"""
    try:
        m = reader.read(b)
    except (TypeError, AttributeError) as e:
        return ("no parser" if "NoneType" in str(e) else f"raised {e!r}"), None
    except Exception as e:  # whatever it raises is told
        return f"raised {e!r}", None
    values = m.to_jsondict()
    if unknown := re.findall(r"\w*Unknown\w*", repr(values)):
        return f"unknown: {unknown[0]}", None
    try:
        m.serialize()
    except Exception as e:
        return f"writing raised {e!r}", values
    if len(m.buf) <= 16 < len(b) or len(m.buf) == 8 < len(b):
        return "no writer", values
    return ("" if bytes(m.buf) == b else f"written as {m.buf.hex()}"), values


@pytest.fixture(scope="module")
def seen_by_os_ken():
    reader = Reader()
    return {(m, name): read_by_os_ken(reader, bytes.fromhex(m)) for m, name in messages() if " 2 " not in name}


def test_os_ken_reads_every_message_and_writes_it_again(seen_by_os_ken):
    found = {"no parser": set(), "no writer": set()}
    for (_, name), (outcome, _) in seen_by_os_ken.items():
        if outcome in found:
            found[outcome].add(name)
    assert found == {"no parser": LACKS["os-ken does not read"], "no writer": LACKS["os-ken does not write"]}
    judge(OS_KEN, {key: outcome for key, (outcome, _) in seen_by_os_ken.items() if outcome not in found}, 2500)


OTHER_NAMES = {"FeaturesReply": "SwitchFeatures", "Error": "ErrorMsg", "BundleControl": "BundleCtrlMsg", "Requestforward": "RequestForward",
               "FlowMonitorStatsReply": "FlowMonitorReply"}
NAMES_OF_15 = {"FlowStatsReply": "FlowDescStatsReply", "MeterConfigStatsReply": "MeterDescStatsReply"}


def class_of(name):
    """What os-ken calls a message of OpenFlow's own."""
    kind, version, _ = name.rsplit(" ", 2)
    words = "".join(w.title() for w in re.split("[_ ]", kind.replace(" reply", " stats reply")))
    if version == "3" and words.endswith("StatsReply"):
        return "OFPStatsReply"
    return "OFP" + {**OTHER_NAMES, **(NAMES_OF_15 if version == "6" else {})}.get(words, words)


def test_os_ken_calls_every_message_by_its_name(seen_by_os_ken):
    names = {name: next(iter(values)) for (_, name), (_, values) in seen_by_os_ken.items() if isinstance(values, dict)}
    extensions = {name for name, c in names.items() if re.match("OFPExperimenter|OFPVendor|NX|ONF", c)}
    assert {n for n in extensions if not n.endswith("nx")} == {n for n in names if is_onf(n)}
    own = {name: c for name, c in names.items() if name not in extensions}
    assert own == {name: class_of(name) for name in own} and len(own) > 80


def numbers_in(values, found):
    """All numbers of os-ken's objects, by their names."""
    if isinstance(values, list):
        for v in values:
            numbers_in(v, found)
    elif isinstance(values, dict):
        for key, v in values.items():
            if isinstance(v, int):
                found[key].add(v)
            else:
                numbers_in(v, found)
    return found


def differences(name, text, numbers):
    """What is printed and was not read, by its name; None where nothing has a name that both know."""
    wanted = {k: v for k, v in values_of(text, name).items() if k in numbers}
    if name.startswith("FLOW_MOD 1 "):
        wanted.pop("table_id", None)  # part of its command
    return {k: (v, numbers[k]) for k, v in wanted.items() if not v <= numbers[k]} if wanted else None


def test_os_ken_reads_the_values_that_ovs_ofctl_prints(seen_by_os_ken):
    read = [(key, values) for key, (_, values) in seen_by_os_ken.items() if isinstance(values, dict)]
    compared, wrong = collections.Counter(), []
    for ((message, name), values), text in zip(read, printed(m for (m, _), _ in read)):
        numbers = numbers_in(values, collections.defaultdict(set))
        diff = differences(name, text, numbers)
        if diff is not None:
            compared[name.split(" ")[0]] += 1
        if diff:
            wrong.append(f"{name}: {diff}: {message}\n{text}")
    assert not wrong, "\n".join(wrong[:10])
    assert len(compared) > 15 and sum(compared.values()) > 300, compared


# ---- tshark ----

ERROR = 0x800000  # the severity
V6 = r"Malformed Packet: openflow_v6\]"
# A match with fields, of the type of OXM.
FIELDS = "0001(?!0004)00..(8000|0001|0000|ffff)"
TSHARK = [
    (V6, "FLOW_MOD 6 standard", "001c0018", "copy_field"),
    (V6, "(FLOW_MOD|BUNDLE_ADD_MESSAGE|(FLOW|AGGREGATE|FLOW_MONITOR) request|FLOW_MONITOR reply|PACKET_OUT) 6 standard", FIELDS, "how long a field is in 1.5"),
    (V6, "TABLE_FEATURES (request|reply) 6 standard", "000[8ace]....8000", "fields in 1.5's lists of them"),
    (V6, "(GROUP_MOD|GROUP_DESC reply) 6 standard", "", "buckets of 1.5"),
    ("openflow_v[56]|Length is too short", "(QUEUE|QUEUE_DESC) reply [56] standard", "", "the end of a queue, and of its properties, which have 8 bytes"),
    ("openflow_v1", "FLOW_MOD 1 standard", "^010e0048", "rules without actions"),
    ("Experimenter multipart reply body", "(FLOW_MONITOR|IPFIX_BRIDGE|IPFIX_FLOW) reply [456] (nx|standard)", "ffff0000", "the end of such a reply"),
    ("Unknown message body", "ERROR [456] standard", "3132333435363738$", "nothing: what the error is about is no message, in the seed"),
    ("DNS", "PACKET_OUT [145] standard", "00350050", "nothing: the packet has no more of DNS than a port"),
]

# It does not find the table's description where it is.
TSHARK_READS_ELSEWHERE = {"TABLE_STATUS 5 standard", "TABLE_STATUS 6 standard"}


def tshark_fields():
    """Those of messages' members that values_of() knows, by the member: {"cookie": ["openflow_v4.flowmod.cookie", ...]}"""
    names = subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, check=True).stdout
    found = {key: [] for key in [*VALUES, "role", "type", "xid", "version"]}
    for line in names.splitlines():
        field = line.split("\t")[2]
        member = field.split(".")[-1]
        depth = field.count(".")
        if re.match(r"openflow(_v[456])?\.", field) and member in found and "async" not in field and ".action." not in field:
            if member not in ("type", "xid", "version") or depth == 1:
                found[member].append(field)
    # Where 1.0's numbers have this name.
    found["type"].append("openflow_1_0.type")
    return found


def write_capture(path, wires):
    """Each message is a connection of its own."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 0x40000, 1))
        for i, b in enumerate(wires):
            ip = struct.pack("!BBHHHBBHII", 0x45, 0, 40 + len(b), 0, 0, 64, 6, 0, 0x0a000001, 0x0a000002)
            tcp = struct.pack("!HHIIBBHHH", 10000 + i, 6653, 1, 1, 0x50, 0x18, 65535, 0, 0)
            frame = bytes.fromhex("020000000001" "020000000002" "0800") + ip + tcp + b
            f.write(struct.pack("<IIII", 0, i, len(frame), len(frame)) + frame)


@pytest.fixture(scope="module")
def seen_by_tshark(tmp_path_factory):
    """{(message, name): (what is wrong, info, {"cookie": {5}})}"""
    if not shutil.which("tshark"):
        pytest.skip("tshark is missing")
    judged = [(m, name) for m, name in messages() if not re.search(" [23] ", name)]
    path = str(tmp_path_factory.mktemp("tshark") / "openflow.pcap")
    write_capture(path, [bytes.fromhex(m) for m, _ in judged])
    members = [(member, f) for member, fields in tshark_fields().items() for f in fields]
    asked = ["_ws.expert.severity", "_ws.expert.message", "_ws.malformed", "_ws.col.Info", *(f for _, f in members)]
    out = subprocess.run(["tshark", "-r", path, "-d", "tcp.port==6653,openflow", "-T", "fields", "-E", "separator=|", "-E", "aggregator=;",
                          *(x for f in asked for x in ("-e", f))], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(out) == len(judged)
    seen = {}
    for key, line in zip(judged, out):
        severities, texts, malformed, info, *values = line.split("|")
        numbers = collections.defaultdict(set)
        for (member, _), v in zip(members, values):
            numbers[member].update(int(x, 0) for x in v.split(";") if x)
        wrong = texts if malformed or any(int(x) >= ERROR for x in severities.split(";") if x) else ""
        seen[key] = (wrong and f"{malformed}: {wrong}", info, numbers)
    return seen


def info_of(name):
    """What tshark calls the message."""
    kind, version, form = name.rsplit(" ", 2)
    extension = is_onf(name) or form == "nx"
    if m := re.fullmatch("(.*) (request|reply)", kind):
        part = "EXPERIMENTER" if extension else "PORT_STATS" if m[1] == "PORT" else m[1]
        return f"OFPT_{'STATS' if version == '1' else 'MULTIPART'}_{m[2].upper()}" + (f", OFPMP_{part}" if version == "4" else "")
    return "OFPT_" + (("VENDOR" if version == "1" else "EXPERIMENTER") if extension else kind)


def test_tshark_finds_no_message_malformed(seen_by_tshark):
    judge(TSHARK, {key: wrong for key, (wrong, _, _) in seen_by_tshark.items()}, 4000)


def test_tshark_calls_every_message_by_its_name(seen_by_tshark):
    infos = {name: info.split("[")[0].removeprefix("Type: ") for (_, name), (_, info, _) in seen_by_tshark.items()}
    assert infos == {name: info_of(name) for name in infos}


def test_tshark_reads_the_values_that_ovs_ofctl_prints(seen_by_tshark):
    compared, wrong, elsewhere = collections.Counter(), [], set()
    for ((message, name), (malformed, _, numbers)), text in zip(seen_by_tshark.items(), printed(m for m, _ in seen_by_tshark)):
        header = re.match(r".*?(?: \(OF1\.(\d)\))? \(xid=(0x[0-9a-f]+)\):", text)
        assert int(header[1] or 0) + 1 in numbers["version"] and int(header[2], 16) in numbers["xid"], text
        known = {k: v for k, v in numbers.items() if v}
        diff = differences(name, text, known)
        compared.update([name.split(" ")[0]] if diff is not None else [])
        if diff and name in TSHARK_READS_ELSEWHERE:
            elsewhere.add(name)
        elif diff and not malformed:
            wrong.append(f"{name}: {diff}: {message}\n{text}")
    assert not wrong, "\n".join(wrong[:10])
    assert elsewhere == TSHARK_READS_ELSEWHERE, "not needed any more"
    assert len(compared) > 15 and sum(compared.values()) > 300, compared
