# SPDX-License-Identifier: Apache-2.0
"""ovs-vsctl's commands that Debian's 3.1 does not have, and what it says of itself."""
import os
import re

import pytest

import ovsdbtest
from idltest import Proxy
from ovsdbtest import peer, program, run


@pytest.fixture
def vsctl(vswitch):
    def call(*args, check=True):
        p = run(program("ovs-vsctl"), "--db=unix:%s" % vswitch.socket, "--no-syslog", "--no-wait", *args, check=check)
        return p.stdout if check else (p.returncode, p.stderr.replace("ovs-vsctl: ", ""))
    return call


@pytest.fixture
def datapath(vsctl):
    vsctl("--id=@dp", "create", "Datapath", "datapath_version=0", "--", "set", "Open_vSwitch", ".", "datapaths:system=@dp")
    return vsctl


def zones(vsctl):
    return vsctl("--bare", "--columns=ct_zones", "list", "Datapath").split()


def test_limits_of_zones_are_listed_by_number_behind_the_default(datapath):
    datapath("set-zone-limit", "system", "zone=10", "5", "--", "set-zone-limit", "system", "zone=9", "0", "--", "set-zone-limit",
             "system", "default", "4294967295")
    assert datapath("list-zone-limits", "system") == "Zone:default, Limit: 4294967295\nZone:9, Limit: 0\nZone:10, Limit: 5\n"


def test_a_limit_of_a_zone_replaces_the_one_before(datapath):
    datapath("set-zone-limit", "system", "zone=1", "5")
    datapath("set-zone-limit", "system", "zone=1", "6")
    assert datapath("list-zone-limits", "system") == "Zone:1, Limit: 6\n"
    assert len(zones(datapath)) == 1


def test_a_zone_without_limit_and_timeouts_has_no_row(datapath):
    datapath("set-zone-limit", "system", "zone=1", "5")
    datapath("del-zone-limit", "system", "zone=1")
    assert datapath("list-zone-limits", "system") == "" and zones(datapath) == []


def test_timeouts_of_a_zone_survive_its_limit(datapath):
    datapath("add-zone-tp", "system", "zone=1", "icmp_first=3")
    datapath("set-zone-limit", "system", "zone=1", "5", "--", "del-zone-limit", "system", "zone=1")
    assert datapath("list-zone-tp", "system") == "Zone:1, Timeout Policies: icmp_first=3\n"
    assert datapath("list-zone-limits", "system") == ""


def test_a_limit_of_a_zone_survives_its_timeouts(datapath):
    datapath("set-zone-limit", "system", "zone=1", "5")
    datapath("add-zone-tp", "system", "zone=1", "icmp_first=3")
    datapath("del-zone-tp", "system", "zone=1")
    assert datapath("list-zone-limits", "system") == "Zone:1, Limit: 5\n"
    assert datapath("list-zone-tp", "system") == "Zone:1, Timeout Policies: system default\n"
    assert datapath("del-zone-tp", "system", "zone=1", check=False) == (1, "zone id 1 has no timeout policy\n")
    datapath("--if-exists", "del-zone-tp", "system", "zone=1")


def test_the_default_limit_is_taken_away(datapath):
    datapath("set-zone-limit", "system", "default", "7")
    datapath("del-zone-limit", "system", "default")
    assert datapath("list-zone-limits", "system") == ""
    assert datapath("get", "Datapath", datapath("--bare", "--columns=_uuid", "list", "Datapath").strip(),
                    "ct_zone_default_limit") == "[]\n"


@pytest.mark.parametrize("args, error", [
    (["set-zone-limit", "nosuch", "zone=1", "1"], "datapath nosuch does not exist"),
    (["list-zone-limits", "nosuch"], "datapath nosuch does not exist"),
    (["set-zone-limit", "system", "1", "1"], "zone_id (1) should be in the form zone=N with N from 0 to 65535"),
    (["set-zone-limit", "system", "zone=65536", "1"], "zone_id (zone=65536) should be in the form zone=N with N from 0 to 65535"),
    (["set-zone-limit", "system", "zone=1", "x"], "limit (x) should be a number from 0 to 4294967295"),
    (["set-zone-limit", "system", "zone=1", "-1"], "limit (-1) should be a number from 0 to 4294967295"),
    (["set-zone-limit", "system", "default", "4294967296"], "limit (4294967296) should be a number from 0 to 4294967295"),
    (["del-zone-limit", "system", "zone=1"], "zone id 1 has no limit"),
    (["del-zone-limit", "system", "default"], "datapath system has no default limit"),
    (["set-zone-limit", "system", "zone=1"], "'set-zone-limit' command requires at least 3 arguments")])
def test_a_wrong_limit_is_one_clear_error(datapath, args, error):
    assert datapath(*args, check=False) == (1, error + "\n")


@pytest.mark.parametrize("zone", ["zone=1", "default"])
def test_a_missing_limit_may_be_deleted_with_if_exists(datapath, zone):
    assert datapath("--if-exists", "del-zone-limit", "system", zone) == ""


@pytest.mark.peer
@pytest.mark.skipif(not peer("ovs-vsctl"), reason="needs Debian's programs (OES_PEER_DIR)")
def test_limits_need_a_schema_that_has_them(tmp_path):
    run(program("ovsdb-tool"), "create", tmp_path / "conf.db",
        os.path.join(os.environ["OES_PEER_DIR"], "usr/share/openvswitch/vswitch.ovsschema"))
    server = ovsdbtest.Server(tmp_path, tmp_path / "conf.db").start()
    p = run(program("ovs-vsctl"), "--db=unix:%s" % server.socket, "--no-syslog", "--no-wait", "--id=@dp", "create", "Datapath",
            "datapath_version=0", "--", "set", "Open_vSwitch", ".", "datapaths:system=@dp")
    p = run(program("ovs-vsctl"), "--db=unix:%s" % server.socket, "--no-syslog", "--no-wait", "set-zone-limit", "system",
            "zone=1", "2", check=False)
    server.stop()
    assert (p.returncode, p.stderr) == (1, "ovs-vsctl: the database has no column for limits of zones: its schema is older\n")


# ---- What the programs say of themselves ----

@pytest.mark.parametrize("tool", ["ovs-vsctl", "vtep-ctl"])
def test_help_names_every_command_and_fits_a_screen(tool):
    text = run(program(tool), "--help").stdout
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    for line in run(program(tool), "--commands").stdout.splitlines():
        assert re.search(r"(?m)^  (\[--\S+\] )*%s( |$)" % line.split(",")[1], text), line
    for line in run(program(tool), "--options").stdout.splitlines():
        name = line.split("=")[0].split()[0].replace("--no-leader", "--[no-]leader").replace("--no-shuffle", "--[no-]shuffle")
        if name not in ("--commands", "--options", "--leader-only", "--shuffle-remotes", "--no-wait"):
            assert name in text, name


# Debian's says nothing of these arguments, or calls them ARG.
BETTER = {"add-zone-tp", "del-zone-tp", "list-zone-tp", "list-dp-cap", "add-aa-mapping", "del-aa-mapping"}


@pytest.mark.peer
@pytest.mark.skipif(not peer("ovs-vsctl"), reason="needs Debian's programs (OES_PEER_DIR)")
def test_commands_and_options_are_listed_as_debians_are():
    def rows(tool, option):
        return set(run(tool, option).stdout.splitlines())

    def name(row):
        return row.split(",")[1]
    theirs = rows(peer("ovs-vsctl"), "--commands")
    ours = rows(program("ovs-vsctl"), "--commands")
    assert {r for r in theirs - ours if name(r) not in BETTER} == set()
    assert {name(r) for r in theirs} <= {name(r) for r in ours}
    missing = rows(peer("ovs-vsctl"), "--options") - rows(program("ovs-vsctl"), "--options")
    assert missing == {"--syslog-target=ARG"}  # programs' logs have one way to syslog here


# ---- Answers that are none ----

BAD_ANSWERS = [('{"next_cfg":1}', '{"next_cfg":"x"}', r'result \d+: {"rows":\[{"next_cfg":"x"}\]}'),
               ('[{"next_cfg":1}]', '[]', r'result \d+: {"rows":\[\]}'),
               ('[{"next_cfg":1}]', '5', r'result \d+: {"rows":5}'),
               ('{"next_cfg":1}', '{"other":1}', r'result \d+: {"rows":\[{"other":1}\]}'),
               ('{"next_cfg":1}', '{"next_cfg":1},{"next_cfg":1}', r'result \d+: .*'),
               (',{"rows":[{"next_cfg":1}]},{}]', ']', r"only \d+ results"),
               ('"uuid":["uuid",', '"uuid":["named",', r'result \d+: {"uuid":\["named",.*')]


@pytest.mark.parametrize("good, bad, complaint", BAD_ANSWERS, ids=[bad for _, bad, _ in BAD_ANSWERS])
def test_an_answer_that_cannot_be_read_is_an_error_of_the_transaction(vswitch, tmp_path, good, bad, complaint):
    """Not read for 0, which ovs-vswitchd seems to have come up to."""
    run(program("ovs-vsctl"), "--db=unix:%s" % vswitch.socket, "--no-wait", "init")
    changed = []

    def down(data):
        if good.encode() in data and b'"count":1' in data:
            changed.append(data)
            return data.replace(good.encode(), bad.encode())
        return data
    proxy = Proxy(tmp_path / "proxy", vswitch.socket, down=down)
    p = run(program("ovs-vsctl"), "--db=unix:%s" % proxy.path, "--no-syslog", "add-br", "br0", check=False)
    proxy.close()
    assert changed and p.returncode == 1
    assert re.fullmatch("ovs-vsctl: transaction error: the answer cannot be read: %s\n" % complaint, p.stderr), p.stderr
