# SPDX-License-Identifier: Apache-2.0
"""Databases that follow another server's: backups and relays."""
import json
import os
import shutil
import socket
import uuid

import pytest
from ovsdbtest import PATIENCE, Closed, Connection, Server, TEST_SCHEMA, create, peer, run, wait_until
from test_monitor import delete, insert, update


class Pair:
    """A source and a server that follows it."""

    def __init__(self, tmp_path, source_binary=None, schema=None):
        self.dirs = []
        for name in ("source", "copy"):
            (tmp_path / name).mkdir()
            self.dirs.append(tmp_path / name)
        self.source = Server(self.dirs[0], create(self.dirs[0], schema), binary=source_binary).start()
        self.remote = f"unix:{self.source.socket}"
        self.copy = None

    def follow(self, *args, db=None, binary=None):
        self.copy = Server(self.dirs[1], db or create(self.dirs[1]), args=args, binary=binary).start()
        return self.copy

    def relay(self, binary=None):
        return self.follow(db=f"relay:T:{self.remote}", binary=binary)

    def stop(self):
        for s in (self.copy, self.source):
            if s:
                s.stop()


@pytest.fixture
def pair(tmp_path):
    p = Pair(tmp_path)
    yield p
    p.stop()


def rows(server):
    """None while the server has no such database yet, or just gets it: then clients that are not aware of changes must go."""
    try:
        c = server.connect()
        m = c.answer(c.request("transact", "T", {"op": "select", "table": "Root", "where": [],
                                                 "columns": ["_uuid", "name", "few", "map"]}))
        c.close()
    except (Closed, OSError):
        return None
    # What is asked in the same iteration as a write that fails gets its error, too.
    if m["error"] or "error" in (m["result"][-1] or {}):
        return None
    return sorted(m["result"][0]["rows"], key=lambda r: r["name"])


def same(pair):
    wait_until(lambda: rows(pair.copy) == rows(pair.source), "the copy to be like the source")


def later(server):
    """Time goes on there: what it does once in a while is done."""
    server.appctl("time/warp", "1000")
    return True


def connected(server, db="T"):
    try:
        c = server.connect()
        (row,) = c.transact({"op": "select", "table": "Database", "where": [["name", "==", db]]}, db="_Server")[0]["rows"]
        c.close()
    except (Closed, OSError):
        return None, None, None
    return row["connected"], row["model"], row["leader"]


# ---- Backups ----

def test_a_backup_has_the_sources_rows_under_their_uuids(pair):
    c = pair.source.connect()
    c.transact(insert(name="a", few=["set", [1, 2]]), insert(name="b"))
    copy = pair.follow(f"--sync-from={pair.remote}")
    same(pair)
    c.transact(update("a", few=["set", [2, 3]], map=["map", [["k", "v"]]]), delete("b"), insert(name="c"))
    same(pair)
    assert copy.appctl("ovsdb-server/sync-status") == f"state: backup\nreplicating: {pair.remote}\ndatabase: T\n"
    copy.kill()
    c.transact(insert(name="d"))
    copy.start()
    same(pair)


def test_nobody_writes_a_backup_until_it_is_active(pair):
    copy = pair.follow(f"--sync-from={pair.remote}")
    same(pair)
    c = copy.connect()
    assert c.transact(insert(name="x"))[0] == {
        "error": "not allowed", "details": "insert operation not allowed when database server is in read only mode"}
    assert c.call_error("convert", "T", c.call("get_schema", "T"))["error"] == "not allowed"
    copy.appctl("ovsdb-server/disconnect-active-ovsdb-server")
    c = copy.connect()
    assert "uuid" in c.transact(insert(name="x"))[0]
    assert copy.appctl("ovsdb-server/sync-status") == "state: active\n"
    # Back: what the source does not have goes.
    copy.appctl("ovsdb-server/connect-active-ovsdb-server")
    same(pair)


def test_a_server_starts_as_the_active_one_when_asked_to(pair):
    copy = pair.follow(f"--sync-from={pair.remote}", "--active")
    assert copy.appctl("ovsdb-server/sync-status") == "state: active\n"
    assert copy.appctl("ovsdb-server/get-active-ovsdb-server") == pair.remote + "\n"
    assert "uuid" in copy.connect().transact(insert(name="x"))[0]


def test_tables_that_are_excluded_are_not_touched(pair):
    c = pair.source.connect()
    c.transact({"op": "insert", "table": "Single", "row": {"x": 1}}, insert(name="a"))
    copy = pair.follow("--sync-exclude-tables=T:Single")
    copy.connect().transact({"op": "insert", "table": "Single", "row": {"x": 7}})
    copy.appctl("ovsdb-server/set-active-ovsdb-server", pair.remote)
    copy.appctl("ovsdb-server/connect-active-ovsdb-server")
    same(pair)
    assert copy.connect().transact({"op": "select", "table": "Single", "where": [], "columns": ["x"]})[0]["rows"] == [{"x": 7}]
    assert copy.appctl("ovsdb-server/sync-status").endswith("exclude: T:Single\n")
    assert copy.appctl("ovsdb-server/get-sync-exclude-tables") == "T:Single\n"


def test_what_is_wrong_with_the_source_is_told(pair):
    copy = pair.follow(f"--sync-from=unix:{pair.dirs[0]}/nowhere")
    assert copy.appctl("ovsdb-server/sync-status") == f"state: backup\nconnecting: unix:{pair.dirs[0]}/nowhere\n"
    copy.appctl("ovsdb-server/set-active-ovsdb-server", f"unix:{copy.socket}")
    copy.appctl("ovsdb-server/connect-active-ovsdb-server")
    wait_until(lambda: "error: this is the server itself" in copy.appctl("ovsdb-server/sync-status"), "the error")
    schema = dict(copy.connect().call("get_schema", "T"), version="9.9.9")
    pair.source.connect().call("convert", "T", schema)
    copy.appctl("ovsdb-server/set-active-ovsdb-server", pair.remote)
    copy.appctl("ovsdb-server/connect-active-ovsdb-server")
    wait_until(lambda: "error: its schema is another" in copy.appctl("ovsdb-server/sync-status"), "the error")


def test_what_a_backup_could_not_write_is_written_once_it_can(pair, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0 or run("mount", "-t", "tmpfs", "-o", "size=256k", "none", small, check=False).returncode:
        pytest.skip("needs root, and a small tmpfs")
    try:
        shutil.copy(create(pair.dirs[1]), small / "t.db")
        copy = pair.follow(f"--sync-from={pair.remote}", db=small / "t.db")
        same(pair)
        c = pair.source.connect()
        (small / "filler").write_bytes(b"x" * (os.statvfs(small).f_bavail * os.statvfs(small).f_bsize))
        c.transact(insert(name="big", map=["map", [["k", "x" * 9000]]]))
        wait_until(lambda: "No space left on device" in copy.appctl("ovsdb-server/sync-status"), "the error")
        wait_until(lambda: rows(copy) == [], "the end of what could not be written")
        (small / "filler").unlink()
        c.transact(insert(name="small"))
        wait_until(lambda: later(copy) and rows(copy) == rows(pair.source), "the copy to be like the source")
        copy.stop()
        copy.start()
        same(pair)
    finally:
        pair.stop()
        run("umount", small)


class Source:
    """Answers one connection after another as a source would, with rows of Root by UUID."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(PATIENCE)

    def accept(self, rows):
        c = Connection.__new__(Connection)
        c.sock, _ = self.listener.accept()
        c.sock.settimeout(PATIENCE)
        c.decoder, c.text = json.JSONDecoder(), ""
        while True:
            m = c.receive()
            result = {"get_server_id": str(uuid.uuid4()), "get_schema": TEST_SCHEMA, "monitor_cond_since": [
                False, str(uuid.uuid4()), {"Root": {u: {"initial": row} for u, row in rows.items()}}]}.get(m["method"], {})
            c.send({"id": m["id"], "result": result, "error": None})
            if m["method"] == "monitor_cond_since":
                assert m["params"][3] == str(uuid.UUID(int=0))
                return c


A, B = (str(uuid.UUID(int=n)) for n in (10, 11))


@pytest.mark.parametrize("updates, why", [
    ({"Root": {B: {"modify": {"name": "x"}}}}, f"row {B} of table Root is modified but not there"),
    ({"Root": {B: {"delete": None}}}, f"row {B} of table Root is deleted but not there"),
    ({"Root": {A: {"modify": {"number": 1000}}}}, "constraint violation"),
    ({"Root": {A: {"modify": {"colour": "blue"}}}}, "constraint violation"),
    ({"Root": {A: {"odd": {}}}}, "unknown member"),
    ({"Root": {A: 1}}, "syntax error"),
    ({"Root": {"A": {"delete": None}}}, "is not a UUID"),
    ({"Root": {B: {"insert": {"name": "a"}}}}, "constraint violation"),
    ({"Odd": {A: {"delete": None}}}, "No table named Odd"),
    (7, "syntax error")])
def test_a_copy_that_got_an_update_that_does_not_fit_is_made_anew(tmp_path, updates, why):
    source = Source(tmp_path / "source.sock")
    copy = Server(tmp_path, create(tmp_path), [f"--sync-from=unix:{tmp_path}/source.sock"]).start()
    try:
        c = source.accept({A: {"name": "a"}})
        c.send({"method": "update3", "params": ["replica", str(uuid.uuid4()), updates], "id": None})
        c = source.accept({A: {"name": "a"}, B: {"name": "b"}})
        wait_until(lambda: [r["name"] for r in rows(copy)] == ["a", "b"], "the rows")
        assert why in copy.errors()
        assert "replicating" in copy.appctl("ovsdb-server/sync-status")
        c.close()
    finally:
        copy.stop()
        source.listener.close()


# ---- Relays ----

def test_a_relay_that_has_not_reached_its_source_says_so(pair):
    copy = pair.follow(db=f"relay:T:unix:{pair.dirs[0]}/nowhere")
    assert connected(copy) == (False, "relay", False)
    c = copy.connect()
    assert c.call("list_dbs") == ["T", "_Server"]
    for request in (("transact", "T", insert(name="a")), ("get_schema", "T"), ("monitor", "T", 1, {})):
        assert c.call_error(*request)["error"] == "database not available"


def test_a_relay_serves_the_sources_rows_and_sends_it_transactions(pair):
    pair.source.connect().transact(insert(name="a"))
    copy = pair.relay()
    wait_until(lambda: connected(copy) == (True, "relay", False), "the relay")
    assert rows(copy) == rows(pair.source)
    c = copy.connect()
    c.call("monitor_cond_since", "T", "m", {"Root": {"columns": ["name"]}}, str(uuid.UUID(int=0)))
    assert "uuid" in c.transact(insert(name="b"))[0]
    # Behind the update that it has caused.
    assert [r["insert"]["name"] for r in c.notes.pop()["params"][2]["Root"].values()] == ["b"]
    assert rows(copy) == rows(pair.source)
    assert c.transact(insert(name="b"))[1]["error"] == "constraint violation"
    assert c.call("get_schema", "T") == pair.source.connect().call("get_schema", "T")
    # There is no file that could be compacted, which is no fault.
    assert copy.appctl("ovsdb-server/compact") == copy.appctl("ovsdb-server/compact", "T") == ""


def test_a_transaction_waits_until_the_source_is_there(pair):
    copy = pair.relay()
    wait_until(lambda: connected(copy)[0], "the relay")
    pair.source.stop()
    wait_until(lambda: not connected(copy)[0], "the relay to notice")
    assert rows(copy) == []
    c = copy.connect()
    ident = c.request("transact", "T", insert(name="late"))
    away = copy.connect()
    away.request("transact", "T", insert(name="gone"))
    assert away.call("echo") == []
    away.close()
    other = c.request("transact", "T", insert(name="taken back"))
    c.send({"method": "cancel", "params": [other], "id": None})
    assert c.answer(other)["error"] == "canceled"
    pair.source.start()
    assert c.answer(ident)["error"] is None
    same(pair)
    assert [r["name"] for r in rows(copy)] == ["late"]


def test_who_waits_for_a_relay_that_goes_is_answered(pair):
    for is_there, error in ((True, "I/O error"), (False, "canceled")):
        copy = pair.relay()
        wait_until(lambda: connected(copy)[0], "the relay")
        if not is_there:
            pair.source.stop()
            wait_until(lambda: not connected(copy)[0], "the relay to notice")
        c = copy.connect()
        c.call("set_db_change_aware", True)
        ident = c.request("transact", "T", {"op": "wait", "table": "Root", "where": [], "columns": ["name"], "until": "==",
                                            "rows": [{"name": "never"}]})
        assert c.call("echo") == []
        copy.appctl("ovsdb-server/remove-db", "T")
        assert error in json.dumps(c.answer(ident)["error"])
        copy.stop()


def test_a_wait_is_the_sources(pair):
    copy = pair.relay()
    wait_until(lambda: connected(copy)[0], "the relay")
    c = copy.connect()
    ident = c.request("transact", "T", {"op": "wait", "table": "Root", "where": [["name", "==", "a"]], "columns": ["name"],
                                        "until": "==", "rows": [{"name": "a"}]}, insert(name="b"))
    lost = c.request("transact", "T", {"op": "wait", "table": "Root", "where": [], "columns": ["name"], "until": "==",
                                       "rows": [{"name": "never"}]})
    pair.source.connect().transact(insert(name="a"))
    assert c.answer(ident)["error"] is None
    pair.source.kill()
    assert c.answer(lost)["error"]["error"] == "I/O error"


def test_a_source_that_is_converted_gives_its_relay_the_new_schema(pair):
    pair.source.connect().transact(insert(name="a"))
    copy = pair.relay()
    wait_until(lambda: connected(copy)[0], "the relay")
    c = copy.connect()
    c.call("set_db_change_aware", True)
    c.call("monitor", "T", "m", {"Root": {"columns": ["name"]}})
    schema = c.call("get_schema", "T")
    schema["version"] = "2.0.0"
    schema["tables"]["Root"]["columns"]["added"] = {"type": "string"}
    pair.source.connect().call("convert", "T", schema)
    assert c.note()["method"] == "monitor_canceled"
    wait_until(lambda: "added" in json.dumps(c.call("get_schema", "T")), "the schema")
    wait_until(lambda: connected(copy)[0], "the rows")
    assert [r["name"] for r in rows(copy)] == ["a"]


def test_a_short_break_of_a_relay_brings_only_what_is_new(pair):
    pair.source.connect().transact(insert(name="a"))
    copy = pair.relay()
    wait_until(lambda: connected(copy)[0], "the relay")
    c = copy.connect()
    c.call("monitor", "T", "m", {"Root": {"columns": ["name"]}})
    pair.source.appctl("ovsdb-server/reconnect")
    pair.source.connect().transact(insert(name="b"))
    same(pair)
    assert [r["new"]["name"] for r in c.note()["params"][1]["Root"].values()] == ["b"]


def test_a_source_that_gets_the_database_later_is_followed_then(pair):
    pair.source.appctl("ovsdb-server/remove-db", "T")
    copy = pair.relay()
    wait_until(lambda: "cannot follow" in copy.errors(), "the error")
    pair.source.appctl("ovsdb-server/add-db", str(pair.source.db))
    wait_until(lambda: later(copy) and connected(copy)[0], "the relay")
    # And again, when it goes while it is followed.
    pair.source.appctl("ovsdb-server/remove-db", "T")
    wait_until(lambda: not connected(copy)[0], "the relay to notice")
    pair.source.appctl("ovsdb-server/add-db", str(pair.source.db))
    wait_until(lambda: later(copy) and connected(copy)[0], "the relay")


def test_a_backup_follows_once_its_source_has_the_right_schema(pair):
    schema = pair.source.connect().call("get_schema", "T")
    pair.source.connect().call("convert", "T", dict(schema, version="9.9.9"))
    copy = pair.follow(f"--sync-from={pair.remote}")
    wait_until(lambda: "error: its schema is another" in copy.appctl("ovsdb-server/sync-status"), "the error")
    pair.source.connect().call("convert", "T", schema)
    wait_until(lambda: later(copy) and "replicating" in copy.appctl("ovsdb-server/sync-status"), "the backup")


@pytest.mark.parametrize("kind", ["backup", "relay"])
def test_nothing_is_written_into_a_copy_about_its_own_remotes(tmp_path, kind):
    schema = dict(TEST_SCHEMA, tables=dict(TEST_SCHEMA["tables"], Listener={"isRoot": True, "columns": {
        "target": {"type": "string"}, "is_connected": {"type": "boolean", "ephemeral": True},
        "listeners": {"type": {"key": {"type": "uuid", "refTable": "Listener"}, "min": 0, "max": 1}}}}))
    p = Pair(tmp_path, schema=schema)
    remotes = "--remote=db:T,Listener,listeners"
    try:
        p.source.connect().transact({"op": "insert", "table": "Listener", "uuid-name": "l", "row": {
            "target": f"punix:{tmp_path}/l.sock", "listeners": ["named-uuid", "l"]}})
        if kind == "relay":
            p.follow(remotes, db=f"relay:T:{p.remote}")
        else:
            p.follow(remotes, f"--sync-from={p.remote}", db=create(p.dirs[1], schema))
        wait_until(lambda: os.path.exists(tmp_path / "l.sock"), "the listener")
        client = Connection(tmp_path / "l.sock")
        p.copy.appctl("time/warp", "3000")
        (row,) = client.transact({"op": "select", "table": "Listener", "where": [], "columns": ["is_connected"]})[0]["rows"]
        assert row == {"is_connected": False}
        client.close()
    finally:
        p.stop()


@pytest.mark.skipif(not peer("ovsdb-server"), reason="Debian's openvswitch-common is not there (OES_PEER_DIR)")
@pytest.mark.parametrize("ours", ["source", "copy"])
@pytest.mark.parametrize("kind", ["backup", "relay"])
def test_debians_follows_ours_and_ours_debians(tmp_path, ours, kind):
    theirs = peer("ovsdb-server")
    p = Pair(tmp_path, None if ours == "source" else theirs)
    try:
        c = p.source.connect()
        c.transact(insert(name="a", few=["set", [1, 2]]))
        binary = None if ours == "copy" else theirs
        if kind == "relay":
            p.relay(binary)
        else:
            p.follow(f"--sync-from={p.remote}", binary=binary)
        wait_until(lambda: rows(p.copy) is not None, "the copy to be there")
        same(p)
        c.transact(update("a", few=["set", [2, 3]]), insert(name="b", map=["map", [["k", "v"]]]))
        c.transact(delete("a"), insert(name="c"))
        same(p)
        if kind == "relay":
            assert "uuid" in p.copy.connect().transact(insert(name="d"))[0]
            same(p)
    finally:
        p.stop()
