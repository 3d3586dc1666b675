# SPDX-License-Identifier: Apache-2.0
"""Command lines of ovs-ofctl: what this project's and Debian's send for the same words, and what they print.

Masked: xids, the name of the socket, log lines. Left out: ICMP in a ct-flush, where Debian's adds a reply of zeros; a zone that is no
decimal number, which Debian's takes for 0."""
import re

import pytest

from test_peer_actions import OURS, THEIRS, Collector, needs_peer, run

# By the versions that a line is tried in.
LINES = {
    "0 3 5": """
        ct-flush @
        ct-flush @ zone=5
        ct-flush @ ct_nw_src=10.1.1.1,ct_nw_proto=6,ct_tp_dst=80
        ct-flush @ zone=3 ct_nw_src=10.1.1.1,ct_nw_dst=10.1.1.2,ct_nw_proto=17,ct_tp_src=1,ct_tp_dst=2
        ct-flush @ zone=3 ct_nw_src=10.1.1.1,ct_nw_proto=17,ct_tp_src=1 ct_nw_src=10.1.1.2,ct_tp_dst=5
        ct-flush @ '' ct_nw_src=1.2.3.4
        ct-flush @ ct_nw_proto=6
        ct-flush @ ct_ipv6_src=fc00::1,ct_ipv6_dst=fc00::2,ct_nw_proto=6,ct_tp_src=1,ct_tp_dst=2
        ct-flush @ bad=1
        ct-flush @ ct_nw_src=1.2.3
        ct-flush @ ct_nw_src=10.0.0.0/8
        ct-flush @ ct_nw_src
        ct-flush @ ct_nw_src=1.2.3.4,ct_tp_src=5
        ct-flush @ ct_nw_src=1.2.3.4,ct_ipv6_dst=::1
        ct-flush @ ct_nw_src=1.2.3.4,ct_nw_src=1.2.3.4
        ct-flush @ ct_nw_src=1.2.3.4,ct_nw_proto=6,icmp_id=1
        ct-flush-zone @ 9
        ct-flush-zone @ 65535
        ct-flush-zone @ 65536
        ct-flush-zone @ x
        ct-flush-zone @
        ct-flush
    """,
}
CASES = [(int(v), line.strip()) for versions, lines in LINES.items() for v in versions.split() for line in lines.strip().splitlines()]


@pytest.fixture(scope="module")
def collectors():
    made = {v: Collector(v) for v in range(6)}
    yield made
    for c in made.values():
        c.close()


def words(line, path):
    return [w.strip("'").replace("@", path) for w in line.split()]


def done(program, collector, version, line):
    """Return code, what was printed, and what was sent behind the hello."""
    seen = len(collector.messages)
    r = run(program, "-O", f"OpenFlow1{version}", *words(line, collector.path))
    text = "\n".join(x for x in (r.stdout + r.stderr).splitlines() if not re.match(r"\d{4}-", x))
    text = re.sub(r"^ovs-ofctl|^" + re.escape(program), "ovs-ofctl", text.replace(collector.path, "@"), flags=re.M)
    sent = [m[:4].hex() + m[8:].hex() for m in collector.messages[seen:] if m[1] != 0]
    return r.returncode, text, sent


@needs_peer
@pytest.mark.parametrize("version,line", CASES, ids=[f"1.{v} {x}" for v, x in CASES])
def test_a_command_line_sends_and_prints_what_debians_does(version, line, collectors):
    assert done(OURS, collectors[version], version, line) == done(THEIRS, collectors[version], version, line)
