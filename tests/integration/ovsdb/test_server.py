# SPDX-License-Identifier: Apache-2.0
"""Hostile input, remotes, control commands."""
import json
import socket

import pytest

import ovsdbtest
from ovsdbtest import Closed, Connection, program, run

MALFORMED = {
    "not JSON": b"hello",
    "a bare number": b"42 ",
    "a bare string": b'"x"',
    "a closing brace": b"}",
    "an array": b"[]",
    "an empty object": b"{}",
    "unbalanced": b'{"method":"echo","params":[],"id":1]',
    "text behind a key": b'{"method" "echo"}',
    "missing comma": b'{"method":"echo" "params":[],"id":1}',
    "trailing comma": b'{"method":"echo","params":[],"id":1,}',
    "single quotes": b"{'method':'echo','params':[],'id':1}",
    "control character": b'{"method":"ec\x01ho","params":[],"id":1}',
    "bad escape": b'{"method":"ec\\qho","params":[],"id":1}',
    "lone surrogate": b'{"method":"\\ud800","params":[],"id":1}',
    "NUL escape": b'{"method":"a\\u0000","params":[],"id":1}',
    "bad UTF-8": b'{"method":"\xff\xfe","params":[],"id":1}',
    "overlong UTF-8": b'{"method":"\xc0\xaf","params":[],"id":1}',
    "leading zero": b'{"method":"echo","params":[01],"id":1}',
    "bare minus": b'{"method":"echo","params":[-],"id":1}',
    "half a number": b'{"method":"echo","params":[1.],"id":1}',
    "half an exponent": b'{"method":"echo","params":[1e],"id":1}',
    "unknown word": b'{"method":"echo","params":[nil],"id":1}',
    "too deep": b'{"method":"echo","id":1,"params":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "method is a number": b'{"method":7,"params":[],"id":1}',
    "params is an object": b'{"method":"echo","params":{},"id":1}',
    "no params": b'{"method":"echo","id":1}',
    "unknown member": b'{"method":"echo","params":[],"id":1,"x":2}',
    "request with a result": b'{"method":"echo","params":[],"id":1,"result":2}',
    "reply without id": b'{"result":1,"error":null,"id":null}',
    "very long method": b'{"method":"' + b"m" * 100000 + b'","params":[],"id":1}',
    "key is no string": b'{1:2}',
    "two colons": b'{"method"::"echo"}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_input_cuts_that_client_only(server, db, name):
    bad = server.connect()
    with pytest.raises((Closed, OSError)):
        bad.send(MALFORMED[name])
        while True:
            bad.receive()
    assert db.call("echo", name) == [name]
    assert server.process.poll() is None


def test_unknown_replies_and_notifications_are_ignored(db):
    db.send(b'{"id":99,"result":{},"error":null}{"method":"nonsense","params":[],"id":null}')
    assert db.call("echo", 1) == [1]


def test_endless_message_is_bounded(server, db):
    bad = server.connect()
    chunk = b"x" * (1 << 20)
    with pytest.raises((Closed, OSError)):
        bad.send(b'{"method":"')
        for _ in range(200):
            bad.send(chunk)
        bad.receive()
    rss = int(open("/proc/%d/statm" % server.process.pid).read().split()[1]) * 4096
    assert rss < 300 << 20
    assert db.call("echo", 1) == [1]


def test_bad_transact_params(db):
    for params in ([], [7], [None, {}]):
        assert db.call_error("transact", *params)["error"] == "syntax error"
    assert db.transact() == []


def test_client_that_goes_leaves_nothing(server, db):
    for _ in range(5):
        c = server.connect()
        c.call("monitor", "T", 1, {"Root": {}})
        c.call("lock", "l%d" % _)
        c.request("transact", "T", {"op": "wait", "table": "Root", "where": [], "columns": ["name"], "until": "!=",
                                    "rows": []})
        c.close()
    db.transact({"op": "insert", "table": "Root", "row": {"name": "a"}})
    ovsdbtest.wait_until(lambda: "sessions:1" in server.appctl("memory/show"), "sessions to end")
    assert db.call("lock", "l0") == {"locked": True}


def manager(vswitch, target):
    conn = vswitch.connect()
    r = conn.transact({"op": "insert", "table": "Open_vSwitch", "row": {"manager_options": ["named-uuid", "m"]}},
                      {"op": "insert", "table": "Manager", "uuid-name": "m", "row": {"target": target}}, db="Open_vSwitch")
    assert "error" not in json.dumps(r), r
    return conn


def manager_row(conn):
    return conn.transact({"op": "select", "table": "Manager", "where": []}, db="Open_vSwitch")[0]["rows"][0]


def test_manager_row_listens(vswitch):
    conn = manager(vswitch, "ptcp:0:127.0.0.1")

    def port():
        return dict(map(tuple, manager_row(conn)["status"][1])).get("bound_port")

    ovsdbtest.wait_until(port, "bound_port")
    tcp = socket.create_connection(("127.0.0.1", int(port())))
    tcp.sendall(b'{"method":"echo","params":["hi"],"id":0}')
    assert b'"hi"' in tcp.recv(1000)
    ovsdbtest.wait_until(lambda: manager_row(conn)["is_connected"], "is_connected")
    conn.transact({"op": "update", "table": "Open_vSwitch", "where": [], "row": {"manager_options": ["set", []]}},
                  db="Open_vSwitch")
    assert tcp.recv(1000) == b""  # the row went, and its clients with it


def test_manager_row_connects_out(vswitch, tmp_path):
    path = tmp_path / "manager.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    listening.settimeout(ovsdbtest.PATIENCE)
    conn = manager(vswitch, "unix:%s" % path)
    peer, _ = listening.accept()
    peer.settimeout(ovsdbtest.PATIENCE)
    peer.sendall(b'{"method":"list_dbs","params":[],"id":0}')
    assert b"Open_vSwitch" in peer.recv(10000)
    ovsdbtest.wait_until(lambda: manager_row(conn)["is_connected"], "is_connected")


def test_control_commands(server, tmp_path):
    assert server.appctl("ovsdb-server/list-dbs").split() == ["T", "_Server"]
    assert server.appctl("ovsdb-server/list-remotes").split() == ["punix:%s" % server.socket]
    server.appctl("ovsdb-server/add-remote", "punix:%s/second.sock" % tmp_path)
    second = Connection(tmp_path / "second.sock")
    assert second.call("echo", 1) == [1]
    server.appctl("ovsdb-server/remove-remote", "punix:%s/second.sock" % tmp_path)
    with pytest.raises(Closed):
        second.receive()
    c = Connection(server.control)
    assert "not a connection method" in c.call_error("ovsdb-server/add-remote", "nonsense:1")
    assert server.appctl("ovsdb-server/sync-status").strip() == "state: active"


def test_databases_come_and_go(server, tmp_path):
    schema = dict(ovsdbtest.TEST_SCHEMA, name="U")
    other = tmp_path / "u"
    other.mkdir()
    path = ovsdbtest.create(other, schema)
    aware, plain = server.connect(), server.connect()
    aware.call("set_db_change_aware", True)
    plain.call("echo")
    server.appctl("ovsdb-server/add-db", str(path))
    with pytest.raises(Closed):
        plain.receive()
    assert "U" in aware.call("list_dbs")
    aware.call("monitor", "U", "m", {"Root": {}})
    server.appctl("ovsdb-server/remove-db", "U")
    assert aware.note() == {"method": "monitor_canceled", "params": ["m"], "id": None}
    assert "U" not in aware.call("list_dbs")


def test_exit_command(server):
    server.appctl("exit")
    assert server.process.wait(ovsdbtest.PATIENCE) == 0


def test_detach_pidfile_and_run(tmp_path):
    db = ovsdbtest.create(tmp_path)
    import os
    import signal
    env = dict(os.environ, OVS_RUNDIR=str(tmp_path), OVS_LOGDIR=str(tmp_path))
    run(program("ovsdb-server"), db, "--remote=punix:%s/db.sock" % tmp_path, "--detach", "--pidfile", "--no-chdir",
        "--log-file", env=env)
    assert Connection(tmp_path / "db.sock").call("echo", 1) == [1]  # it serves when the parent returns
    pid = int((tmp_path / "ovsdb-server.pid").read_text())
    os.kill(pid, signal.SIGTERM)
    ovsdbtest.wait_until(lambda: not (tmp_path / "ovsdb-server.pid").exists(), "the daemon to end")
    p = run(program("ovsdb-server"), db, "--remote=punix:%s/db.sock" % tmp_path, "--run=exit 7", env=env, check=False)
    assert p.returncode == 7


def test_bad_options(tmp_path):
    for args, text in ((["--durability=never"], "durability"), (["--nonsense"], "nonsense"),
                       (["--ssl-protocols=SSLv3"], "SSLv3: SSL protocol not recognized"),
                       (["--ca-cert=a", "--bootstrap-ca-cert=b"], "mutually exclusive")):
        p = run(program("ovsdb-server"), *args, check=False)
        assert p.returncode == 1 and text in p.stderr


def test_host_name_of_the_hosts_file(tmp_path):
    """The answer is there at once, and used from the loop."""
    import socket
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        p = run(program("ovsdb-client"), "list-dbs", "tcp:localhost:%d" % free.getsockname()[1], check=False)
    assert p.returncode == 1 and "(Connection refused)" in p.stderr


def test_what_is_not_there_says_so(server):
    control = Connection(server.control)
    for command in ("cid", "sid", "status", "leave"):
        assert "no clustered service model" in control.call_error(f"cluster/{command}", "T")
    assert "unknown database" in control.call_error("cluster/status", "nope")
    assert "performance counters" in control.call_error("ovsdb-server/perf-counters-show")
    for option in ("--record", "--replay=x"):
        p = run(program("ovsdb-server"), option, "--no-dbs", check=False)
        assert p.returncode == 1 and "are not there" in p.stderr
