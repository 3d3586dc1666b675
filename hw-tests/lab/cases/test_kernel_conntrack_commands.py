# SPDX-License-Identifier: Apache-2.0
"""The commands about tracked connections, in a lab guest (hw-tests/lab/run runs this with pytest): Debian's ovs-dpctl looks at the
same kernel, and what it says of connections, limits and wrong arguments, ours say, too."""
import os
import re
import subprocess
import sys

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "integration", "switch"))
sys.path.insert(0, os.path.dirname(__file__))
from conntrack_lab import Table  # noqa: E402
from kernel_switch import KernelSwitch  # noqa: E402


def peer_path(name):
    path = os.path.join(os.environ.get("OES_PEER_DIR", "/nonexistent"), "usr", "bin", name)
    if not os.path.exists(path):
        pytest.skip(f"{name} of Debian is not unpacked (OES_PEER_DIR)")
    return path


class Answer:
    """What a command has said: Debian's ovs-dpctl and our ovs-appctl, in one form."""

    def __init__(self, r):
        lines = [line for line in r.stderr.splitlines() if "|WARN|" not in line and "server returned an error" not in line]
        self.out = r.stdout
        self.error = [re.sub(r"^(ovs-dpctl|ovs-vswitchd): ", "", line).replace("'", '"').replace("dpctl/", "")
                      for line in lines]
        self.failed = r.returncode != 0

    def masked(self):
        return sorted(re.sub(r"timeout=\d+", "timeout=N", line) for line in self.out.splitlines())

    def __repr__(self):
        return f"failed={self.failed} {self.out}{self.error}"


def by_dpctl(switch, command, *args):
    return Answer(switch.run("ovs-dpctl", command, *args, check=False))


def by_appctl(switch, command, *args):
    return Answer(switch.appctl(f"dpctl/{command}", *args, check=False))


def ours(switch, command, *args):
    """What ovs-vswitchd and ovs-dpctl answer alike."""
    answers = [by(switch, command, *args) for by in (by_dpctl, by_appctl)]
    first, second = ((a.failed, a.error, a.masked()) for a in answers)
    assert first == second, (command, args)
    return answers[1]


def debians(command, *args):
    return Answer(subprocess.run([peer_path("ovs-dpctl"), command, *args], capture_output=True, text=True, timeout=60))


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A switch without traffic, for all tests that only look at the table."""
    s = KernelSwitch(tmp_path_factory.mktemp("still"), "00003")
    try:
        s.start()
        s.add_hosts(0)
        yield s
    finally:
        s.close()


@pytest.fixture
def table(still):
    for name in ("timestamp", "acct"):
        with open(f"/proc/sys/net/netfilter/nf_conntrack_{name}", "w") as f:
            f.write("1")
    still.appctl("dpctl/flush-conntrack")
    yield Table()
    still.appctl("dpctl/flush-conntrack")


@pytest.mark.parametrize("args", ["", "-m", "-s", "-m -s", "--more --statistics", "zone=5", "zone=0", "zone=77", "-m zone=3",
                                  "system@ovs-system", "system@ovs-system zone=9", "ovs-system zone=65535"])
def test_connections_are_printed_as_debians_prints_them(still, table, args):
    table.fill()
    mine, theirs = ours(still, "dump-conntrack", *args.split()), debians("dump-conntrack", *args.split())
    assert mine.masked() == theirs.masked() and not mine.failed, (mine, theirs)
    assert "zone=77" in args or len(mine.masked()) >= 1


@pytest.mark.parametrize("args", ["", "-m", "zone=5", "-m zone=9", "zone=99", "system@ovs-system zone=6", "verbose",
                                  "zone=3 verbose"])
def test_connections_are_counted_as_debians_counts_them(still, table, args):
    table.fill()
    mine, theirs = ours(still, "ct-stats-show", *args.split()), debians("ct-stats-show", *args.split())
    assert mine.out == theirs.out and not mine.failed, (mine, theirs)


FLUSHES = [
    [], ["zone=5"], ["zone=0"], ["zone=77"],
    ["ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=6,ct_tp_src=1003,ct_tp_dst=80"],
    ["ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=6,ct_tp_src=2000,ct_tp_dst=80"],
    ["zone=5", "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=6,ct_tp_src=2000,ct_tp_dst=80"],
    ["ct_nw_proto=6,ct_tp_src=1004"], ["ct_nw_src=10.0.0.3"], ["ct_nw_src=10.0.0.3 ct_nw_proto=6"],
    ["", "ct_nw_dst=10.9.9.8"], ["zone=9", "ct_ipv6_src=fd00::1"], ["ct_ipv6_src=fd00::1,ct_nw_proto=17"],
    ["zone=9", "ct_ipv6_src=fd00::1,ct_ipv6_dst=fd00::2,ct_nw_proto=6,ct_tp_src=1,ct_tp_dst=2"],
    ["ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=1,icmp_type=8,icmp_code=0,icmp_id=77"],
    ["zone=6", "ct_nw_proto=17"], ["ct_nw_src=10.7.7.7"], [""],
]


@pytest.mark.parametrize("by", [by_dpctl, by_appctl])
@pytest.mark.parametrize("args", FLUSHES, ids=lambda a: " ".join(a) or "all")
def test_what_debians_flushes_is_flushed(still, table, args, by):
    table.fill()
    theirs = debians("flush-conntrack", *args)
    left = debians("dump-conntrack").masked()
    still.appctl("dpctl/flush-conntrack")
    table.fill()
    mine = by(still, "flush-conntrack", *args)
    assert debians("dump-conntrack").masked() == left
    assert (mine.failed, mine.error, mine.out) == (theirs.failed, theirs.error, theirs.out)


@pytest.mark.parametrize("args", [a for a in FLUSHES if not a or a[0].startswith("zone=")], ids=lambda a: " ".join(a) or "all")
def test_what_a_controller_flushes_is_what_the_command_does(still, table, args):
    table.fill()
    debians("flush-conntrack", *args)
    left = debians("dump-conntrack").masked()
    still.appctl("dpctl/flush-conntrack")
    table.fill()
    still.ofctl("ct-flush", "br0", *args)
    assert debians("dump-conntrack").masked() == left


def test_a_controller_flushes_a_zone(still, table):
    table.fill()
    before = ours(still, "dump-conntrack").masked()
    still.ofctl("ct-flush-zone", "br0", "5")
    assert ours(still, "dump-conntrack").masked() == [line for line in before if "zone=5" not in line] != before


@pytest.mark.parametrize("args, left", [
    ("mark=0x1234", 0), ("mark=4660/0xffff", 0), ("mark=0x4/0xf", 0), ("mark=5", 1), ("zone=5 mark=0x1234", 0),
    ("zone=6 mark=0x1234", 1), ("mark=0x1234 ct_nw_proto=17", 1), ("mark=0x1234 ct_nw_proto=6", 0)])
def test_connections_are_flushed_by_mark(still, table, args, left):
    table.fill()
    before = len(ours(still, "dump-conntrack").masked())
    assert not ours(still, "flush-conntrack", *args.split()).failed
    after = ours(still, "dump-conntrack")
    assert after.out.count("mark=4660") == left and len(after.masked()) == before - 1 + left, after


@pytest.mark.parametrize("args, gone", [("labels=0x1", 1), ("labels=0x1/0x1 ct_nw_proto=17", 1), ("labels=0x100/0xff00", 1),
                                        ("zone=6 labels=0x0f0e0d0c0b0a09080706050403020100", 1), ("labels=2", 0)])
def test_connections_are_flushed_by_label(still, table, args, gone):
    table.fill()
    assert not ours(still, "flush-conntrack", *args.split()).failed
    after = ours(still, "dump-conntrack")
    assert after.out.count("labels=") == 2 - gone, after


ERRORS = """
dump-conntrack foo|dump-conntrack foo zone=5|ct-stats-show foo
flush-conntrack x|flush-conntrack ct_nw_src=|flush-conntrack ct_nw_src=x|flush-conntrack ct_nw_src=10.0.0.0/8
flush-conntrack ct_nw_src=1.1.1.1,ct_ipv6_src=::1|flush-conntrack ct_ipv6_src=1.1.1.1|flush-conntrack ct_nw_proto=x
flush-conntrack ct_nw_proto=300|flush-conntrack ct_nw_proto=6,ct_tp_src=x|flush-conntrack icmp_id=1
flush-conntrack ct_nw_proto=6,icmp_id=1|flush-conntrack ct_tp_src=5|flush-conntrack ct_nw_proto=1,icmp_id=x
flush-conntrack ct_mark=1|flush-conntrack ct_nw_src=1.1.1.1,ct_nw_src=1.1.1.2|flush-conntrack zone=x|flush-conntrack zone=9 x
flush-conntrack foo zone=1|flush-conntrack zone=1 zone=2|flush-conntrack ct_nw_proto=17 zone=3|flush-conntrack ct_nw_proto=17 x
ct-bkts|ct-bkts gt=1|ct-bkts system@ovs-system gt=2|ct-bkts foo|ct-bkts gt=x
ct-set-maxconns 10|ct-set-maxconns x|ct-set-maxconns|ct-set-maxconns system@ovs-system 10
ct-get-maxconns|ct-get-maxconns system@ovs-system|ct-get-maxconns foo|ct-get-nconns|ct-get-nconns foo|ct-get-nconns a b
ct-enable-tcp-seq-chk|ct-disable-tcp-seq-chk|ct-get-tcp-seq-chk|ct-get-tcp-seq-chk foo
ipf-set-enabled v4|ipf-set-enabled v5|ipf-set-enabled|ipf-set-disabled v6|ipf-set-disabled system@ovs-system v6
ipf-set-min-frag v4 1000|ipf-set-min-frag v4 x|ipf-set-min-frag v5 1000|ipf-set-min-frag v4
ipf-set-max-nfrags 100|ipf-set-max-nfrags x|ipf-get-status|ipf-get-status -m|ipf-get-status foo
ct-get-limits zone=x|ct-get-limits foo|ct-get-limits foo zone=5|ct-set-limits|ct-set-limits zone=5|ct-set-limits zone=5,limit=
ct-set-limits zone=5,limit=x|ct-set-limits zone=66000,limit=1|ct-set-limits default=x|ct-set-limits default=
ct-set-limits zone=4,limit=1,foo=2|ct-set-limits zone=4,limit=1 default=7|ct-set-limits foo|ct-del-limits|ct-del-limits zone=x
ct-del-limits zone=1,x|ct-del-limits foo|ct-del-limits default
"""


@pytest.mark.parametrize("line", ERRORS.strip().splitlines(), ids=lambda line: line.split()[0])
def test_wrong_arguments_are_answered_as_debians_answers_them(still, table, line):
    for command in line.split("|"):
        mine, theirs = ours(still, *command.split()), debians(*command.split())
        assert (mine.failed, mine.error, mine.out) == (theirs.failed, theirs.error, theirs.out), command


def test_limits_are_debians_limits(still, table):
    def same(*args):
        mine, theirs = ours(still, "ct-get-limits", *args), debians("ct-get-limits", *args)
        assert mine.out == theirs.out and not mine.failed, (mine, theirs)
        return mine.out

    assert same() == "default limit=0\n"
    still.appctl("dpctl/ct-set-limits", "default=100", "zone=5,limit=10", "zone=7,limit=0")
    still.appctl("dpctl/ct-set-limits", "system@ovs-system", "limit=3,zone=65535")
    assert same() == "default limit=100\nzone=5,limit=10,count=0\nzone=7,limit=0,count=0\nzone=65535,limit=3,count=0\n"
    assert same("zone=5,9") == "default limit=100\nzone=5,limit=10,count=0\nzone=9,limit=100,count=0\n"
    debians("ct-set-limits", "zone=8,limit=8")
    assert "zone=8,limit=8,count=0" in same("system@ovs-system")
    still.appctl("dpctl/ct-del-limits", "zone=5,8")
    still.appctl("dpctl/ct-del-limits", "system@ovs-system", "zone=7,65535")
    still.appctl("dpctl/ct-set-limits", "default=0")
    assert same() == "default limit=0\n"


def test_bad_zones_and_options_are_refused(still, table):
    for args in (["dump-conntrack", "zone=70000"], ["dump-conntrack", "zone=x"], ["ct-get-limits", "zone="],
                 ["ct-get-limits", "zone=70000"], ["ct-set-limits", "zone=1,limit=4294967296"],
                 ["dump-conntrack", "zone=1", "zone=2"]):
        r = ours(still, *args)
        assert r.failed and r.error, args
    for by in (by_appctl, by_dpctl):
        r = by(still, "dump-conntrack", "-x")
        assert r.failed and r.error, r
