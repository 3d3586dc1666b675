# SPDX-License-Identifier: Apache-2.0
"""Completion in bash: what is offered for a line, beside a server of its own. The cursor is at the end."""
import os
import re
import subprocess

import pytest

import ovsdbtest
from ovsdbtest import BUILD, program, run

# Prints what the function that bash would call offers; the words come split at ':' and '=' as bash splits them.
SCRIPT = r"""
source "$1"; shift
COMP_LINE=$1 COMP_POINT=${#1}; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
compopt() { echo "compopt $*"; }
function=$(complete -p "$1" | sed 's/.*-F \([^ ]*\) .*/\1/')
"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def split(line):
    words = []
    for piece in re.findall(r"\s+|[:=]+|[^\s:=]+", line):
        if piece.isspace():
            words.append("")
        elif words[-1:] == [""]:
            words[-1] = piece
        else:
            words.append(piece)
    return words


@pytest.fixture
def complete(tmp_path):
    path = os.pathsep.join([str(BUILD / "utilities"), str(BUILD / "ovsdb"), os.environ["PATH"]])

    def ask(line):
        p = subprocess.run(["bash", "--norc", "-c", SCRIPT, "bash", BUILD / "utilities/completion/ovs-vsctl", line, *split(line)],
                           env=dict(os.environ, PATH=path, OVS_RUNDIR=str(tmp_path)), cwd=tmp_path, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=ovsdbtest.PATIENCE)
        assert p.stderr == ""
        return sorted(set(p.stdout.split()) - {"compopt", "-o", "nospace"}), "nospace" in p.stdout
    return ask


@pytest.fixture
def vsctl(vswitch):
    def call(*args):
        return run(program("ovs-vsctl"), "--db=unix:%s" % vswitch.socket, "--no-wait", "--no-syslog", *args).stdout
    call("add-br", "br0", "--", "add-br", "br1", "--", "add-port", "br0", "p0", "--", "add-port", "br1", "p1", "--", "set", "interface",
         "p0", "options:peer=p1", "options:remote_ip=1", "--", "br-set-external-id", "br0", "colour", "red", "--", "--id=@dp", "create",
         "Datapath", "datapath_version=0", "--", "set", "Open_vSwitch", ".", "datapaths:system=@dp", "--", "--id=@m", "create", "Manager",
         "target=\"ptcp:0:127.0.0.1\"", "--", "set", "Open_vSwitch", ".", "manager_options=@m")
    call("set-zone-limit", "system", "zone=77", "5")
    return call


# What stands at the end of the line, and what is offered there.
OFFERED = [
    ("ovs-vsctl br-", ["br-exists", "br-get-external-id", "br-set-external-id", "br-to-parent", "br-to-vlan"]),
    ("ovs-vsctl --db", ["--db="]),
    ("ovs-vsctl --may", ["--may-exist"]),
    ("ovs-vsctl --leader", ["--leader-only"]),
    ("ovs-vsctl --may-exist add-", ["add-bond", "add-bond-iface", "add-br", "add-port", "add-zone-tp"]),
    ("ovs-vsctl --inactivity-probe=5 ", ["set-controller", "set-manager"]),
    ("ovs-vsctl --timeout 5 list-p", ["list-ports"]),
    ("ovs-vsctl -t 5 list-p", ["list-ports"]),
    ("ovs-vsctl del-br ", ["br0", "br1"]),
    ("ovs-vsctl del-br br0 ", ["--"]),
    ("ovs-vsctl del-br br0 -- del-br b", ["br0", "br1"]),
    ("ovs-vsctl del-br br0 -- --if-exists del-p", ["del-port"]),
    ("ovs-vsctl del-br br0 -- --id", ["--id="]),
    ("ovs-vsctl -- --if-exists del-br br1", ["br1"]),
    ("ovs-vsctl list-ports br0 -- list-ports ", ["br0", "br1"]),
    ("ovs-vsctl del-port ", ["br0", "br1", "p0", "p1"]),
    ("ovs-vsctl del-port br0 ", ["--", "p0"]),
    ("ovs-vsctl add-port br0 p9 tag", ["tag="]),
    ("ovs-vsctl add-port br0 p9 vlan_mode=native", ["native-tagged", "native-untagged"]),
    ("ovs-vsctl iface-to-br p", ["p0", "p1"]),
    ("ovs-vsctl add-br new br", ["br0", "br1"]),
    ("ovs-vsctl br-get-external-id br0 ", ["--", "colour"]),
    ("ovs-vsctl set-fail-mode br0 ", ["secure", "standalone"]),
    ("ovs-vsctl list-zone-tp ", ["system"]),
    ("ovs-vsctl add-zone-tp system zone=1 icmp_", ["icmp_first=", "icmp_reply="]),
    ("ovs-vsctl set-zone-limit system ", ["default", "zone=", "zone=77"]),
    ("ovs-vsctl set-zone-limit system zone=", ["77"]),
    ("ovs-vsctl list Br", ["Bridge"]),
    ("ovs-vsctl list bridge br", ["br0", "br1"]),
    ("ovs-vsctl list Manager ptcp:0", ["0:127.0.0.1"]),
    ("ovs-vsctl get Open_vSwitch .", ["."]),
    ("ovs-vsctl get Datapath s", ["system"]),
    ("ovs-vsctl get bridge br0 fail", ["fail_mode"]),
    ("ovs-vsctl get int p0 options:", ["peer", "remote_ip"]),
    ("ovs-vsctl set interface p0 options:re", ["remote_ip="]),
    ("ovs-vsctl set interface p0 opt", ["options:"]),
    ("ovs-vsctl set bridge br0 fail_mode=s", ["secure", "standalone"]),
    ("ovs-vsctl set bridge br0 stp_enable=", ["false", "true"]),
    ("ovs-vsctl set bridge br0 fail_mode=secure stp_e", ["stp_enable="]),
    ("ovs-vsctl find interface opt", ["options:"]),
    ("ovs-vsctl clear bridge br0 prot", ["protocols"]),
    ("ovs-vsctl remove interface p0 options pe", ["peer"]),
    ("ovs-vsctl add interface p0 options pe", ["peer="]),
    ("ovs-vsctl nosuch ", []),
    ("ovs-vsctl --nosuch add-b", ["add-bond", "add-bond-iface", "add-br"]),
    ("ovs-vsctl --db=unix:nowhere del-br ", []),
    ("ovs-vsctl get nosuch ", []),
    ("vtep-ctl add-ps ps1 --", ["--"]),
    ("vtep-ctl ls-", ["ls-exists"]),
]


@pytest.mark.parametrize("line, words", OFFERED, ids=[line for line, _ in OFFERED])
def test_a_line_is_completed(complete, vsctl, line, words):
    assert complete(line)[0] == words


def test_records_are_offered_by_uuid_where_they_have_no_name(complete, vsctl):
    uuid = vsctl("--bare", "--columns=_uuid", "list", "CT_Zone").strip()
    assert complete("ovs-vsctl list CT_Zone ")[0] == ["--", uuid]


@pytest.mark.parametrize("line, nospace", [("ovs-vsctl --db", True), ("ovs-vsctl set interface p0 opt", True), ("ovs-vsctl del-br br", False),
                                           ("ovs-vsctl set-zone-limit system zone", False)])
def test_no_blank_follows_where_the_word_goes_on(complete, vsctl, line, nospace):
    assert complete(line)[1] == nospace


def test_names_come_from_the_database_that_the_line_names(complete, vsctl, vswitch):
    vswitch.appctl("ovsdb-server/add-remote", "punix:%s/other.sock" % vswitch.dir)
    os.unlink(vswitch.socket)
    assert complete("ovs-vsctl del-br ")[0] == []
    assert complete("ovs-vsctl --db=unix:%s/other.sock del-br " % vswitch.dir)[0] == ["br0", "br1"]
    assert complete("ovs-vsctl --db unix:%s/other.sock get bridge br0 fail" % vswitch.dir)[0] == ["fail_mode"]


def test_files_are_offered_for_keys(complete, tmp_path):
    (tmp_path / "one.pem").touch()
    assert complete("ovs-vsctl set-ssl on")[0] == ["one.pem"]
    assert complete("ovs-vsctl --private-key=on")[0] == ["one.pem"]
    assert complete("ovs-vsctl --private-key on")[0] == ["one.pem"]


def test_nothing_that_a_line_holds_is_run(complete, vsctl, tmp_path):
    for text in ("x//;1etouch$IFS'ran'#", "'x//;1e echo>ran #", "$(echo>ran)", "`echo>ran`", "a[$(echo>ran)]"):
        for line in ("set bridge br0 %s=", "set bridge br0 other_config:%s=", "set bridge br0 %s:", "get bridge %s name", "list %s ", "%s ",
                     "set-zone-limit %s zone=", "br-get-external-id %s ", "remove bridge br0 %s ", "--db=%s list-ports "):
            complete("ovs-vsctl " + line % text)
    assert not (tmp_path / "ran").exists()


def test_files_are_not_taken_for_arguments(complete, vsctl, tmp_path):
    (tmp_path / "xBRIDGE").touch()
    (tmp_path / "xCOLUMNx:KEY=VALUE").touch()
    assert complete("ovs-vsctl del-port ")[0] == ["br0", "br1", "p0", "p1"]
    assert complete("ovs-vsctl add-port br0 p9 tag")[0] == ["tag="]


def test_vtep_ctl_is_completed_from_its_database(complete, tmp_path):
    run(program("ovsdb-tool"), "create", tmp_path / "vtep.db", ovsdbtest.SOURCE / "ovsdb/schemas/vtep.ovsschema")
    server = ovsdbtest.Server(tmp_path, tmp_path / "vtep.db").start()
    run(program("vtep-ctl"), "--db=unix:%s" % server.socket, "add-ps", "ps1", "--", "add-port", "ps1", "p1", "--", "add-ls", "ls1")
    try:
        assert complete("vtep-ctl bind-ls ")[0] == ["ps1"]
        assert complete("vtep-ctl bind-ls ps1 ")[0] == ["p1"]
        assert complete("vtep-ctl bind-ls ps1 p1 5 ")[0] == ["ls1"]
        assert complete("vtep-ctl set-replication-mode ls1 ")[0] == ["service_node", "source_node"]
        assert complete("vtep-ctl list Physical_P")[0] == ["Physical_Port"]
    finally:
        server.stop()


# ---- ovs-appctl and its like ----

def test_appctl_completes_the_commands_of_its_target(complete, vswitch):
    assert complete("ovs-appctl -t %s ovsdb-server/list-" % vswitch.control)[0] == ["ovsdb-server/list-dbs", "ovsdb-server/list-remotes"]
    assert complete("ovs-appctl --target=%s ovsdb-server/remove-d" % vswitch.control)[0] == ["ovsdb-server/remove-db"]


def test_appctl_completes_arguments_by_usage(complete, vswitch):
    assert complete("ovs-appctl -t %s ovsdb-server/remove-db " % vswitch.control)[0] == ["Open_vSwitch", "_Server"]
    assert complete("ovs-appctl -t %s ovsdb-server/memory-trim-on-compaction " % vswitch.control)[0] == ["off", "on"]
    assert "ovsdb_main" in " ".join(complete("ovs-appctl -t %s vlog/set " % vswitch.control)[0])


def test_appctl_completes_targets(complete, vswitch, tmp_path):
    (tmp_path / "ovs-vswitchd.pid").write_text("1\n")
    assert complete("ovs-appctl -t ovs-v")[0] == ["ovs-vswitchd", "ovs-vswitchd.pid"]
    assert complete("ovs-appctl --target=%s/serv" % tmp_path)[0] == [str(tmp_path / "server.ctl"), str(tmp_path / "server.err")]


@pytest.mark.parametrize("line, words", [
    ("ovs-appctl --ti", ["--timeout="]), ("ovs-dpctl --st", ["--statistics"]), ("ovs-dpctl dump-fl", ["dump-flows"]),
    ("ovs-dpctl dump-flows --n", ["--names"]), ("ovs-dpctl ipf-set-enabled v", ["v4", "v6"]), ("ovs-ofctl --so", ["--sort"]),
    ("ovs-ofctl meter-", ["meter-features", "meter-stats"]), ("ovs-ofctl dump-flows ", ["br0", "br1"]),
    ("ovs-ofctl -O OpenFlow13 dump-flows br1", ["br1"]), ("ovs-ofctl dump-ports br0 p", ["p0", "p1"]),
    ("ovsdb-tool db-n", ["db-name"]), ("ovsdb-tool --rb", ["--rbac-role="]), ("ovsdb-tool db-name conf", ["conf.db"])],
    ids=lambda v: v if isinstance(v, str) else "")
def test_programs_with_list_commands_are_completed(complete, vsctl, line, words):
    assert complete(line)[0] == words


def test_every_program_finds_the_file_where_it_is_installed(tmp_path):
    run("make", "-C", BUILD, "install-nodist_completionDATA", "DESTDIR=%s" % tmp_path)
    files = {p.name: p for p in tmp_path.rglob("completions/*")}
    assert sorted(files) == ["ovs-appctl", "ovs-dpctl", "ovs-ofctl", "ovs-vsctl", "ovsdb-tool", "vtep-ctl"]
    for name, path in files.items():
        text = path.read_text()
        assert "@" + "rundir@" not in text and re.search(r"(?m)^complete .* %s( |$)" % name, text), name
