# SPDX-License-Identifier: Apache-2.0
"""What programs that work with Open vSwitch say to ovsdb-server, beside Debian's: their sessions in JSON-RPC, their commands on the
control socket, their database files of another user. What they run as ovs-vsctl is in test_vsctl_peer.py and test_consumers_switch.py."""
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import uuid

import pytest

import ovsdbtest
import peertools
from ovsdbtest import Connection, peer, program, run

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not peer("ovsdb-server"), reason="needs Debian's programs (OES_PEER_DIR)")]
DB = "Open_vSwitch"
NOW = "00000000-0000-0000-0000-000000000000"
ROOT = [["_uuid", "==", ["uuid", "@root"]]]


def select(table, *columns, where=()):
    return {"op": "select", "table": table, "columns": list(columns), "where": list(where)}


def insert(table, name, /, **row):
    return {"op": "insert", "table": table, "uuid-name": name, "row": row}


def mutate(table, where, *mutations):
    return {"op": "mutate", "table": table, "where": list(where), "mutations": list(mutations)}


def update(table, where, /, **row):
    return {"op": "update", "table": table, "where": list(where), "row": row}


def wait(table, where, columns, rows, until="==", **more):
    return {"op": "wait", "table": table, "where": list(where), "columns": columns, "rows": rows, "until": until, **more}


def delete(table, *where):
    return {"op": "delete", "table": table, "where": list(where)}


def transact(*ops):
    return "transact", [DB, *ops]


def columns(*names):
    return [{"columns": list(names)}]


NM_TABLES = {"Port": columns("name", "interfaces", "external_ids", "other_config"),
             "Interface": columns("name", "type", "external_ids", "error"),
             "Bridge": columns("name", "ports", "external_ids", "other_config"), "Open_vSwitch": columns()}
LIBOVSDB_TABLES = {
    "Open_vSwitch": [{"columns": ["bridges", "other_config", "external_ids", "ovs_version", "dpdk_initialized"], "select": {
        "initial": True, "insert": True, "delete": True, "modify": True}}],
    "Bridge": [{"columns": ["name", "ports", "datapath_type"]}], "Port": [{"columns": ["name", "interfaces", "tag", "trunks"]}],
    "Interface": [{"columns": ["name", "type", "ofport", "error", "options", "mtu_request"], "where": [["name", "!=", "br-ex"]]}]}

# Each session is of one connection: (method, params). "@name" is the uuid of the row inserted with that uuid-name before, "@root"
# the only row of Open_vSwitch.
SESSIONS = {
    # nmstate asks for everything with selects and writes maps with updates of single rows.
    "nmstate": [
        ("list_dbs", []),
        transact(select("Bridge", "_uuid", "name", "ports", "fail_mode", "mcast_snooping_enable", "rstp_enable", "stp_enable"),
                 select("Port", "_uuid", "name", "interfaces", "bond_mode", "vlan_mode", "tag", "trunks", "external_ids", "other_config"),
                 select("Interface", "_uuid", "name", "type", "options", "external_ids", "other_config"),
                 select("Open_vSwitch", "external_ids", "other_config")),
        transact(insert("Interface", "if0", name="p0", type="internal"), insert("Port", "port0", name="p0", interfaces=["named-uuid", "if0"]),
                 insert("Bridge", "br0", name="br0", ports=["named-uuid", "port0"]),
                 mutate(DB, [], ["bridges", "insert", ["set", [["named-uuid", "br0"]]]])),
        transact(select("Interface", "name", "external_ids", where=[["name", "==", "p0"]])),
        transact(update("Interface", [["name", "==", "p0"]], external_ids=["map", [["a", "b"], ["c", "d e"]]])),
        transact(mutate("Interface", [["name", "==", "p0"]], ["external_ids", "delete", ["set", ["a"]]],
                        ["external_ids", "insert", ["map", [["n", "1"], ["c", "kept"]]]])),
        transact(select("Interface", "name", "external_ids", where=[["_uuid", "==", ["uuid", "@if0"]]])),
        transact(update(DB, [], external_ids=["map", [["ovn-bridge-mappings", "net1:br0,net2:br1"]]],
                        other_config=["map", [["stats-update-interval", "1000"]]])),
        transact(select(DB, "external_ids", "other_config")),
        transact(mutate(DB, [], ["bridges", "delete", ["uuid", "@br0"]])),
        transact(select("Port", "name"), select("Interface", "name")),
    ],
    # NetworkManager monitors, and states with a wait what it has seen before it changes a set.
    "NetworkManager": [
        ("monitor", [DB, None, NM_TABLES]),
        transact(wait(DB, ROOT, ["bridges"], [{"bridges": ["set", []]}], timeout=0),
                 insert("Interface", "rowIface", name="eth1", type="", external_ids=["map", [["NM.connection.uuid", "u1"]]]),
                 insert("Port", "rowPort", name="eth1", interfaces=["named-uuid", "rowIface"], bond_updelay=0, bond_downdelay=0),
                 insert("Bridge", "rowBridge", name="br-ex", ports=["set", [["named-uuid", "rowPort"]]], mcast_snooping_enable=False,
                        rstp_enable=False, stp_enable=False, external_ids=["map", [["NM.connection.uuid", "u2"]]]),
                 update(DB, ROOT, bridges=["set", [["named-uuid", "rowBridge"]]]), mutate(DB, ROOT, ["next_cfg", "+=", 1])),
        transact(wait("Bridge", [["_uuid", "==", ["uuid", "@rowBridge"]]], ["ports"], [{"ports": ["set", []]}], timeout=0),
                 update("Bridge", [["_uuid", "==", ["uuid", "@rowBridge"]]], ports=["set", []])),
        transact(mutate("Interface", [["_uuid", "==", ["uuid", "@rowIface"]]], ["external_ids", "delete", ["set", ["NM.connection.uuid"]]],
                        ["external_ids", "insert", ["map", [["NM.connection.uuid", "u3"]]]]),
                 mutate("Bridge", [["_uuid", "==", ["uuid", "@rowBridge"]]], ["other_config", "insert", ["map", [["hwaddr", "02:00:00:00:00:01"]]]])),
        transact(wait(DB, ROOT, ["bridges"], [{"bridges": ["set", [["uuid", "@rowBridge"]]]}], timeout=0),
                 update(DB, ROOT, bridges=["set", []]), mutate(DB, ROOT, ["next_cfg", "+=", 1])),
        ("monitor_cancel", [None]),
    ],
    # libovsdb of sriov-network-operator, ovs-cni and ovn-kubernetes.
    "libovsdb": [
        ("list_dbs", []), ("get_schema", [DB]), ("set_db_change_aware", [True]),
        ("transact", ["_Server", select("Database", "name", "model", "connected", "leader", "index", "sid", "cid")]),
        ("monitor_cond_since", [DB, "m1", LIBOVSDB_TABLES, NOW]),
        transact(insert("Bridge", "br", name="br-ex", datapath_type="netdev"), mutate(DB, ROOT, ["bridges", "insert", ["named-uuid", "br"]])),
        transact(wait("Interface", [["name", "==", "vf0"]], ["name"], [{"name": "vf0"}], until="!=", timeout=0),
                 insert("Interface", "vf", name="vf0", options=["map", [["dpdk-devargs", "0000:03:00.1,representor=[0]"]]],
                        external_ids=["map", [["contNetns", "/var/run/netns/x"], ["contIface", "eth0"]]], mtu_request=1400),
                 insert("Port", "vfp", name="vf0", interfaces=["set", [["named-uuid", "vf"]]], tag=100, trunks=["set", [1, 2, 4094]],
                        vlan_mode="native-tagged"),
                 mutate("Bridge", [["name", "==", "br-ex"]], ["ports", "insert", ["set", [["named-uuid", "vfp"]]]])),
        transact(wait("Interface", [["name", "==", "vf0"]], ["name"], [{"name": "vf0"}], until="!=", timeout=0)),
        transact(select("Interface", "name", "ofport", "error", "options", where=[["name", "==", "vf0"]]),
                 select("Port", "name", "tag", "trunks", where=[["trunks", "includes", ["set", [2]]]]),
                 select("Port", "name", where=[["tag", "excludes", 100]])),
        transact(mutate(DB, ROOT, ["other_config", "insert", ["map", [["hw-offload", "true"]]]])),
        transact(mutate(DB, ROOT, ["other_config", "delete", ["map", [["hw-offload", "false"]]]])),
        ("monitor_cond_change", ["m1", "m1", {"Interface": [{"where": [["name", "==", "none"]]}]}]),
        transact(mutate("Bridge", [["name", "==", "br-ex"]], ["ports", "delete", ["uuid", "@vfp"]])),
        transact(mutate(DB, ROOT, ["bridges", "delete", ["set", [["uuid", "@br"]]]]), delete("Bridge", ["name", "==", "br-ex"])),
        ("monitor_cancel", ["m1"]), ("echo", ["libovsdb echo"]),
        ("monitor_cond", [DB, ["monid", "x"], LIBOVSDB_TABLES]), ("monitor_cancel", [["monid", "x"]]),
    ],
    # The exporter reads versions and identity from the database.
    "ovs_exporter": [
        ("list_dbs", []),
        transact(select(DB, "ovs_version", "db_version", "system_type", "system_version", "external_ids")),
        transact(select(DB, "iface_types", "datapath_types", "manager_options", "cur_cfg", "next_cfg")),
        transact(select("Interface", "_uuid", "admin_state", "duplex", "error", "external_ids", "ifindex", "ingress_policing_burst",
                        "ingress_policing_rate", "link_resets", "link_speed", "link_state", "mac_in_use", "mtu", "name", "ofport",
                        "ofport_request", "options", "other_config", "statistics", "status", "type")),
    ],
}
# What goes wrong, as objects of RFC 7047.
SESSIONS["errors"] = [
    ("nosuch", []), ("transact", []), ("transact", ["nosuch", select("Bridge", "name")]), ("transact", [7]), ("get_schema", ["nosuch"]),
    ("get_schema", []), ("monitor", ["nosuch", None, {}]), ("monitor", [DB, None, {"Nosuch": columns("x")}]),
    ("monitor", [DB, None, {"Bridge": columns("nosuch")}]), ("monitor", [DB, "same", {"Bridge": columns("name")}]),
    ("monitor", [DB, "same", {"Bridge": columns("name")}]), ("monitor_cancel", ["other"]), ("monitor_cond", [DB, "c", 5]),
    ("monitor_cond", [DB, "c", {"Bridge": [{"columns": ["name"], "where": [["name", "~", "x"]]}]}]),
    ("monitor_cond", [DB, "c", {"Bridge": [{"columns": ["name", "name"]}]}]),
    ("monitor_cond_change", ["other", "other", {}]), ("monitor_cond_since", [DB, "s", {"Bridge": columns("name")}, "no uuid"]),
    transact(select("Nosuch", "x")), transact(select("Bridge", "nosuch")), transact(select("Bridge", "name", where=[["name", "==", 5]])),
    transact(select("Bridge", "name", where=[["name", "~", "x"]])), transact(select("Bridge", "name", where=[["name"]])),
    transact(select("Bridge", "name", where=[["nosuch", "==", "x"]])), transact({"op": "select", "table": "Bridge"}),
    transact({"op": "nosuch"}), transact({"table": "Bridge"}), transact(7), transact({"op": "select", "table": "Bridge", "where": [], "more": 1}),
    transact(insert("Bridge", "b", name=5)), transact(insert("Bridge", "b", nosuch=5)), transact(insert("Bridge", "5b", name="x")),
    transact(insert("Bridge", "b", name="x"), insert("Bridge", "b", name="y")),
    transact(insert("Bridge", "b", name="x", ports=["named-uuid", "nosuch"])),
    transact(insert("Bridge", "b", name="x", ports=["uuid", NOW]), mutate(DB, [], ["bridges", "insert", ["named-uuid", "b"]])),
    transact(insert("Bridge", "b", name="x", fail_mode="wrong")), transact(insert("Bridge", "b", name="x", flood_vlans=["set", [5000]])),
    transact(insert("Bridge", "b", name="x"), insert("Bridge", "c", name="x"),
             mutate(DB, [], ["bridges", "insert", ["set", [["named-uuid", "b"], ["named-uuid", "c"]]]])),
    transact(insert("Port", "p", name="x", interfaces=["set", []])), transact(insert("Port", "p", name="x")),
    transact(insert(DB, "o")), transact(delete(DB)), transact(select("Bridge", "name")),
    transact(update(DB, [], bridges=["set", [["uuid", "@root"]]])), transact(update(DB, [], _uuid=["uuid", NOW])),
    transact(mutate(DB, [], ["next_cfg", "/=", 0])), transact(mutate(DB, [], ["next_cfg", "insert", 1])),
    transact(mutate(DB, [], ["bridges", "+=", 1])), transact(mutate(DB, [], ["nosuch", "+=", 1])), transact(mutate(DB, [], ["next_cfg", "??", 1])),
    transact(mutate(DB, [], ["next_cfg"])), transact(mutate(DB, [], ["next_cfg", "+=", 9223372036854775807], ["next_cfg", "+=", 9223372036854775807])),
    transact(wait(DB, ROOT, ["next_cfg"], [{"next_cfg": 77}], timeout=0)), transact(wait(DB, ROOT, ["next_cfg"], [{"next_cfg": 77}], timeout=-1)),
    transact(wait(DB, ROOT, ["next_cfg"], [{"nosuch": 77}], timeout=0)), transact(wait(DB, ROOT, ["next_cfg"], [], until="<", timeout=0)),
    transact({"op": "comment"}), transact({"op": "comment", "comment": "x"}), transact({"op": "abort"}), transact({"op": "assert", "lock": "l"}),
    transact(insert("QoS", "q", type="x"), {"op": "abort"}, insert("QoS", "r", type="y")), transact(select("QoS", "type")),
    ("lock", ["l"]), ("lock", ["l"]), transact({"op": "assert", "lock": "l"}), ("steal", ["l"]), ("unlock", ["l"]), ("unlock", ["l"]), ("lock", [5]),
    ("cancel", []), ("cancel", [55]), ("convert", ["nosuch", {}]), ("set_db_change_aware", [5]), ("get_server_id", [5]),
]


@pytest.fixture
def pair(tmp_path):
    """A server of ours and one of Debian's, each on a file of 3.1's schema."""
    servers = []
    schema = os.path.join(os.environ["OES_PEER_DIR"], "usr/share/openvswitch/vswitch.ovsschema")
    for name, of in (("ours", program), ("theirs", peer)):
        (tmp_path / name).mkdir()
        run(of("ovsdb-tool"), "create", tmp_path / name / "conf.db", schema)
        servers.append(ovsdbtest.Server(tmp_path / name, tmp_path / name / "conf.db",
                                        ["--remote=db:Open_vSwitch,Open_vSwitch,manager_options"], binary=of("ovsdb-server")).start())
    try:
        for s in servers:
            vsctl(s, "init")
        yield servers
    finally:
        for s in servers:
            s.stop()


def vsctl(server, *args):
    return run(program("ovs-vsctl"), "--db=unix:%s" % server.socket, "--no-wait", "--no-syslog", *args).stdout


def with_uuids(value, names):
    """The params as this connection sends them."""
    if isinstance(value, str) and value.startswith("@"):
        return names[value[1:]]
    if isinstance(value, dict):
        return {k: with_uuids(v, names) for k, v in value.items()}
    return [with_uuids(v, names) for v in value] if isinstance(value, list) else value


def settled(value, known):
    """An answer as it is compared: uuids by name, sets and maps and rows, which have no order, sorted."""
    if isinstance(value, str):
        return re.sub(peertools.UUID, lambda m: known.get(m[0], "UUID"), value)
    if isinstance(value, dict):
        done = {k: settled(v, known) for k, v in value.items()}
        if any(re.fullmatch(peertools.UUID, k) for k in done):
            return sorted(([known.get(k, "UUID"), v] for k, v in done.items()), key=str)
        if "rows" in done:
            done["rows"].sort(key=str)
        if isinstance(done.get("error"), str):
            # Where a request cannot be understood, ours tells the place in bytes, Debian's quotes a piece.
            done.pop("syntax", None)
            done["details"] = "" if done["error"] == "syntax error" else re.sub(r"UUID @\w+", "UUID", done.get("details", ""))
        return done
    if isinstance(value, list):
        done = [settled(v, known) for v in value]
        if len(done) == 2 and done[0] in ("set", "map") and isinstance(done[1], list):
            done[1].sort(key=str)
        return done
    return value


def remember(params, result, names):
    for op, answer in zip(params[1:], result or []):
        if isinstance(op, dict) and "uuid-name" in op and answer and "uuid" in answer:
            names[op["uuid-name"]] = answer["uuid"][1]


def play(server, session):
    """Each request's answer with the notifications that came before the next one."""
    conn = server.connect()
    try:
        names = {"root": conn.transact(select(DB, "_uuid"), db=DB)[0]["rows"][0]["_uuid"][1]}
        seen = []
        for method, params in session:
            answer = conn.answer(conn.request(method, *with_uuids(params, names)))
            conn.call("echo")
            if method == "transact":
                remember(params, answer.get("result"), names)
            known = {u: "@" + name for name, u in names.items()}
            result = answer.get("result")
            if method == "monitor_cond_since" and result:
                assert str(uuid.UUID(result[1])) == result[1]
            notes = [[n["method"], n["params"]] for n in conn.notes]
            conn.notes.clear()
            seen.append(settled([method, result, answer.get("error"), notes], known))
        return seen
    finally:
        conn.close()


@pytest.mark.parametrize("name", SESSIONS)
def test_session_is_answered_as_by_debians(pair, name):
    ours, theirs = (play(s, SESSIONS[name]) for s in pair)
    assert [(SESSIONS[name][i], o, t) for i, (o, t) in enumerate(zip(ours, theirs)) if o != t] == []


# The exporters' commands, as JSON-RPC on the control socket; and what else stands there.
CONTROL = [
    ("list-commands", []), ("list-commands", ["x"]), ("version", []), ("memory/show", []), ("memory/show", ["x"]), ("coverage/show", []),
    ("coverage/show", ["x"]), ("coverage/read-counter", ["nosuch"]), ("coverage/read-counter", []), ("stopwatch/show", []),
    ("dpif/show", []), ("dpctl/show", []), ("ovsdb-server/list-dbs", []), ("ovsdb-server/list-remotes", []),
    ("ovsdb-server/compact", []), ("ovsdb-server/compact", [DB]), ("ovsdb-server/compact", ["nosuch"]), ("ovsdb-server/compact", ["a", "b"]),
    ("ovsdb-server/get-db-storage-status", [DB]), ("ovsdb-server/get-db-storage-status", ["nosuch"]), ("ovsdb-server/sync-status", []),
    ("ovsdb-server/reconnect", []), ("nosuch", []), ("", []),
    ("vlog/reopen", []), ("ovsdb-server/add-db", ["DIR/nosuch.db"]), ("ovsdb-server/remove-db", ["nosuch"]),
    ("ovsdb-server/remove-remote", ["ptcp:1"]),
]
# Commands that ours has besides: those of later releases, and with --enable-dummy only at Debian's.
MORE = {"ovsdb-server/reload", "set-options", "time/stop", "time/warp"}


def control(server, method, params):
    conn = Connection(server.control)
    try:
        params = [p.replace("DIR", str(server.dir)) for p in params]
        answer = conn.answer(conn.request(method, *params))
    finally:
        conn.close()
    text = (answer.get("result") or answer.get("error") or "").replace(str(server.dir), "DIR")
    if method == "list-commands":
        text = "".join(line for line in text.splitlines(True) if line.split()[0] not in MORE)
        # A module cannot be limited by itself here.
        text = text.replace("[module]...", "[any]")
    text = re.sub(r"\(Open \w+\) \S+", "(NAME) VERSION", text)
    text = re.sub(r" txn-history\S*:\d+", "", text)
    # Which events there are, and how often they came, is each one's own.
    text = re.sub(r"(?m)^[a-z_]+ +\d+\.\d/sec +\d+\.\d{3}/sec +\d+\.\d{4}/sec   total: \d+\n", "", text)
    text = re.sub(r"hash=[0-9a-f]{8}|^\d+ (?=events never hit)", "N", text, flags=re.M)
    return bool(answer.get("error")), re.sub(peertools.UUID, "UUID", text.removeprefix("I/O error: "))


@pytest.mark.parametrize("method, params", CONTROL, ids=lambda v: v if isinstance(v, str) else " ".join(map(str, v)))
def test_control_socket_is_answered_as_by_debians(pair, method, params):
    # A server may notice only now that the client of the test before has gone.
    for s in pair if method == "memory/show" else ():
        ovsdbtest.wait_until(lambda s=s: "sessions:" not in control(s, "memory/show", [])[1], "the last client to be forgotten")
    ours, theirs = (control(s, method, params) for s in pair)
    assert ours == theirs


def test_state_of_a_cluster_of_a_standalone_database_is_an_error_and_not_offered(pair):
    """Exporters ask list-commands whether to ask for it; kube-ovn asks and reports the error."""
    for s in pair:
        assert "cluster/" not in s.appctl("list-commands")
        for name in (DB, "nosuch"):
            r = run(program("ovs-appctl"), "-t", s.control, "cluster/status", name, check=False)
            assert r.returncode == 2 and r.stderr.count("\n") == 2 and not r.stdout, r


def counter_lines(text):
    return [line for line in text.splitlines()[1:-1]]


def test_counters_are_shown_in_the_columns_of_debians(pair):
    """Exporters split a line at blanks and read "N/sec" three times and the total."""
    for s in pair:
        ovsdbtest.wait_until(lambda: counter_lines(s.appctl("coverage/show")), "a tick of the counters")
        s.lines = s.appctl("coverage/show").splitlines()
    for line in [line for s in pair for line in s.lines[1:-1]]:
        assert re.fullmatch(r"[a-z0-9_]+ +\d+\.\d/sec +\d+\.\d{3}/sec +\d+\.\d{4}/sec   total: \d+", line), line
    columns = [{(line.find("/sec"), line.rfind("/sec"), line.find("total")) for line in s.lines[1:-1] if len(line.split()[0]) < 24} for s in pair]
    assert len(columns[0]) == 1 and columns[0] == columns[1]
    for s in pair:
        name = s.lines[1].split()[0]
        assert s.appctl("coverage/read-counter", name).strip().isdigit()


@pytest.mark.parametrize("of", [program, peer])
def test_files_of_another_user_stay_his_when_they_are_compacted(tmp_path, of):
    """kube-ovn gives the files to "nobody" and runs the daemons as that user; root runs ovs-appctl."""
    if os.geteuid():
        pytest.skip("needs root")
    who = pwd.getpwnam("nobody")
    where = pathlib.Path("/tmp/oes-%s" % uuid.uuid4().hex[:8])
    where.mkdir()
    try:
        schema = os.path.join(os.environ["OES_PEER_DIR"], "usr/share/openvswitch/vswitch.ovsschema")
        run(of("ovsdb-tool"), "create", where / "conf.db", schema)
        for path in (where, *where.iterdir()):
            os.chown(path, who.pw_uid, who.pw_gid)
        with open(where / "err", "wb") as err:
            p = subprocess.Popen([shutil.copy(of("ovsdb-server"), where / "ovsdb-server"), str(where / "conf.db"),
                                  "--remote=punix:%s/db.sock" % where, "--unixctl=%s/ctl" % where, "--pidfile=%s/pid" % where,
                                  "--log-file=%s/log" % where], user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd=where,
                                 stdout=err, stderr=err, env={"OVS_RUNDIR": str(where)})
        try:
            ovsdbtest.wait_until(lambda: (where / "ctl").exists() or p.poll() is not None, "the server")
            assert p.poll() is None, (where / "err").read_text()
            for command in (["ovsdb-server/compact"], ["ovsdb-server/compact", DB], ["vlog/reopen"]):
                r = run(program("ovs-appctl"), "-t", where / "ctl", *command)
                assert (r.stdout, r.stderr) == ("", "")
            run(program("ovs-vsctl"), "--db=unix:%s/db.sock" % where, "--no-wait", "--no-syslog", "add-br", "br0")
            for name in ("conf.db", "db.sock", "pid", "log"):
                assert (where / name).stat().st_uid == who.pw_uid, name
        finally:
            p.terminate()
            p.wait(ovsdbtest.PATIENCE)
    finally:
        shutil.rmtree(where)


def manager_rows(server):
    rows = server.connect().transact(select("Manager", "target", "is_connected", "status"), db=DB)[0]["rows"]
    for row in rows:
        listens = row["target"].startswith("ptcp")
        # Debian's gives 0 seconds for who listens, and no last_error for who cannot be reached yet.
        row["status"] = {k: "N" if k.startswith("sec_") or k == "bound_port" else v for k, v in row["status"][1]
                         if not (listens and k.startswith("sec_")) and k != "last_error"}
        row["target"] = row["target"].replace(str(server.dir), "DIR")
    return sorted(rows, key=lambda row: row["target"])


def add_manager(server, target):
    vsctl(server, "--id=@manager", "--", "create", "Manager", 'target="%s"' % target, "--", "add", "Open_vSwitch", ".", "manager_options",
          "@manager")


def client(server, target, lock):
    return subprocess.Popen([peer("ovsdb-client"), "-vANY:off", "lock", target, lock], stdout=subprocess.DEVNULL, cwd=server.dir)


def test_manager_rows_tell_neutron_who_is_connected(pair):
    histories = []
    for s in pair:
        history, clients = [], []
        histories.append(history)

        def becomes(what, condition):
            ovsdbtest.wait_until(lambda: condition(manager_rows(s)), what)
            history.append(manager_rows(s))

        try:
            add_manager(s, "ptcp:0:127.0.0.1")
            becomes("the port", lambda rows: "bound_port" in rows[0]["status"])
            port = re.search(r'bound_port="?(\d+)', vsctl(s, "get", "Manager", "ptcp:0:127.0.0.1", "status"))[1]
            assert run(program("ovs-vsctl"), "--db=tcp:127.0.0.1:" + port, "--no-wait", "get-manager").stdout == "ptcp:0:127.0.0.1\n"
            clients.append(client(s, "tcp:127.0.0.1:" + port, "a"))
            becomes("a client", lambda rows: rows[0]["is_connected"])
            clients.append(client(s, "tcp:127.0.0.1:" + port, "b"))
            becomes("two clients", lambda rows: "n_connections" in rows[0]["status"])
            add_manager(s, "unix:%s/nosuch" % s.dir)
            becomes("a manager out of reach", lambda rows: rows[1]["status"])
            clients.append(client(s, "punix:%s/out" % s.dir, "mine"))
            ovsdbtest.wait_until((s.dir / "out").exists, "a manager who listens")
            add_manager(s, "unix:%s/out" % s.dir)
            becomes("a manager who holds a lock", lambda rows: "locks_held" in rows[2]["status"])
            clients[2].terminate()
            becomes("one who has gone", lambda rows: not rows[2]["is_connected"])
        finally:
            for p in clients:
                p.terminate()
                p.wait(ovsdbtest.PATIENCE)
    assert histories[0] == histories[1]
