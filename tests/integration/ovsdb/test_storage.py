# SPDX-License-Identifier: Apache-2.0
"""What is on disk: restarts, kills, torn and damaged files, compaction."""
import os
import re

import pytest

import ovsdbtest
from ovsdbtest import Server, create, program, run, small_disk


def insert(name, **row):
    return {"op": "insert", "table": "Root", "row": dict(row, name=name)}


def names(conn):
    return {r["name"] for r in conn.transact({"op": "select", "table": "Root", "where": [], "columns": ["name"]})[0]["rows"]}


def restart(server):
    server.stop()
    return server.start()


def test_restart_keeps_all_but_the_ephemeral(server, db):
    db.transact(insert("a", volatile=5, number=7, few=["set", [1, 2]], map=["map", [["k", "v"]]], ratio=0.1))
    db.transact({"op": "mutate", "table": "Root", "where": [], "mutations": [["few", "delete", 1], ["few", "insert", 9]]})
    row = db.transact({"op": "select", "table": "Root", "where": []})[0]["rows"][0]
    restart(server)
    again = server.connect().transact({"op": "select", "table": "Root", "where": []})[0]["rows"][0]
    row.pop("_version"), again.pop("_version")
    assert row.pop("volatile") == 5 and again.pop("volatile") == 0
    assert row == again and again["few"] == ["set", [2, 9]] and again["ratio"] == 0.1


def test_ephemeral_changes_write_nothing(server, db):
    db.transact(insert("a"))
    size = os.path.getsize(server.db)
    db.transact({"op": "update", "table": "Root", "where": [], "row": {"volatile": 3}})
    assert os.path.getsize(server.db) == size


def test_compact(server, db):
    for i in range(50):
        db.transact(insert("n%d" % i), {"op": "delete", "table": "Root", "where": [["name", "==", "n%d" % (i - 1)]]})
    size = os.path.getsize(server.db)
    server.appctl("ovsdb-server/compact")
    assert os.path.getsize(server.db) < size / 4
    db.transact(insert("behind"))
    restart(server)
    assert names(server.connect()) == {"n49", "behind"}


def filled(tmp_path, n=5):
    server = Server(tmp_path, create(tmp_path)).start()
    conn = server.connect()
    for i in range(n):
        conn.transact(insert("n%d" % i))
    conn.close()
    server.stop()
    return server


def test_torn_tail_at_every_byte(tmp_path):
    """The last record cut anywhere: the tool reads what is before it, whatever the place."""
    server = filled(tmp_path, 2)
    data = server.db.read_bytes()
    last = data.rindex(b"OVSDB JSON")
    query = '["T",{"op":"select","table":"Root","where":[],"columns":["name"]}]'
    for cut in range(last + 1, len(data), 17):
        torn = tmp_path / "torn.db"
        torn.write_bytes(data[:cut])
        assert run(program("ovsdb-tool"), "query", torn, query).stdout == '[{"rows":[{"name":"n0"}]}]\n', cut
        assert torn.stat().st_size == cut  # reading changes nothing


@pytest.mark.parametrize("tail", [b"OVSDB JS", b"OVSDB JSON 400 0123", b"\0" * 4096, None])
def test_torn_tail_is_cut_and_the_log_goes_on(tmp_path, tail):
    server = filled(tmp_path)
    good = server.db.stat().st_size
    with open(server.db, "ab") as f:
        data = server.db.read_bytes()
        f.write(data[data.rindex(b"OVSDB JSON"):-20] if tail is None else tail)
    server.start()
    conn = server.connect()
    assert names(conn) == {"n%d" % i for i in range(5)}
    assert "cut short" in server.errors() and "offset %d" % good in server.errors()
    conn.transact(insert("more"))
    restart(server)
    assert names(server.connect()) == {"n%d" % i for i in range(5)} | {"more"}
    server.stop()


@pytest.mark.parametrize("what", ["body", "header", "length", "hash"])
def test_damaged_middle(tmp_path, what):
    """Refused and kept, rolled back, or salvaged, as --on-corruption says."""
    server = filled(tmp_path)
    server.args = ["--on-corruption=refuse"]
    data = bytearray(server.db.read_bytes())
    at = [m.start() for m in re.finditer(rb"OVSDB JSON", data)][3]
    nl = data.index(b"\n", at)
    place = {"body": nl + 5, "header": at + 2, "length": at + 11, "hash": nl - 3}[what]
    data[place] = ord("9") if what == "length" else data[place] ^ 1
    if what == "length":
        data[place:place] = b"9999"
    server.db.write_bytes(bytes(data))
    server.start(wait=False)
    assert server.process.wait(ovsdbtest.PATIENCE) != 0
    assert "damaged at offset %d" % at in server.errors() and str(server.db) in server.errors()
    assert "--on-corruption=salvage" in server.errors()
    assert server.db.read_bytes() == bytes(data)

    query = '["T",{"op":"select","table":"Root","where":[],"columns":["name"]}]'
    tool = program("ovsdb-tool")
    p = run(tool, "query", server.db, query, check=False)
    assert p.returncode == 1 and "damaged at offset %d" % at in p.stderr
    assert set(re.findall("n[0-9]", run(tool, "--on-corruption=salvage", "query", server.db, query).stdout)) == {"n0", "n1", "n3", "n4"}
    assert set(re.findall("n[0-9]", run(tool, "--on-corruption=rollback", "query", server.db, query).stdout)) == {"n0", "n1"}
    log = run(tool, "--on-corruption=salvage", "show-log", server.db).stdout
    assert "damage: offset %d" % at in log and log.count("record") >= 5
    assert server.db.read_bytes() == bytes(data) and not list(tmp_path.glob("*.corrupt-*"))

    for args, kept in ((["--on-corruption=rollback"], {"n0", "n1"}), ([], {"n0", "n1", "n3", "n4"})):
        server.db.write_bytes(bytes(data))
        server.args = args
        server.start()
        conn = server.connect()
        assert names(conn) == kept
        assert "at offset %d " % at in server.errors()
        copy, = tmp_path.glob("t.db.corrupt-*")
        assert copy.read_bytes() == bytes(data) and str(copy) in server.errors()
        copy.unlink()
        conn.transact(insert("more"))
        server.args = ["--on-corruption=refuse"]
        restart(server)
        assert names(server.connect()) == kept | {"more"}
        assert not list(tmp_path.glob("t.db.corrupt-*"))
        server.stop()


def test_copies_of_damaged_files_are_not_overwritten(tmp_path):
    server = filled(tmp_path)
    data = bytearray(server.db.read_bytes())
    data[data.index(b'"n2"') + 1] ^= 1
    for i in range(3):
        server.db.write_bytes(bytes(data))
        server.start().stop()
        assert len(list(tmp_path.glob("t.db.corrupt-*"))) == i + 1


def test_options_for_damage_are_checked(tmp_path):
    for name, more in (("ovsdb-server", ["--no-dbs"]), ("ovsdb-tool", ["list-commands"])):
        p = run(program(name), "--on-corruption=guess", *more, check=False)
        assert p.returncode == 1 and "guess" in p.stderr and "rollback" in p.stderr


def test_clustered_file_is_refused_by_name(tmp_path):
    path = tmp_path / "cluster.db"
    path.write_bytes(b"OVSDB CLUSTER 3 7037807198c22a7d2b0807371d763779a84fdfcf\n{}\n")
    for args in ([program("ovsdb-server"), path, "--unixctl=%s/c" % tmp_path], [program("ovsdb-tool"), "show-log", path]):
        p = run(*args, check=False)
        assert p.returncode == 1 and "clustered database" in p.stderr


def test_second_server_is_refused(server):
    p = run(program("ovsdb-server"), server.db, "--remote=punix:%s/other.sock" % server.dir,
            "--unixctl=%s/other.ctl" % server.dir, check=False)
    assert p.returncode != 0 and "lock" in p.stderr


def test_symlink_stays_one(tmp_path):
    real = create(tmp_path)
    (tmp_path / "link.db").symlink_to(real)
    server = Server(tmp_path, tmp_path / "link.db").start()
    server.connect().transact(insert("a"))
    server.appctl("ovsdb-server/compact")
    server.stop()
    assert (tmp_path / "link.db").is_symlink()
    assert b'"a"' in real.read_bytes()


def test_missing_file_and_wrong_content(tmp_path):
    for content in (None, b"", b"hello\n", b"OVSDB JSON 3 7037807198c22a7d2b0807371d763779a84fdfcf\n{}\n"):
        path = tmp_path / "x.db"
        if content is not None:
            path.write_bytes(content)
        p = run(program("ovsdb-server"), path, "--unixctl=%s/c" % tmp_path, check=False)
        assert p.returncode == 1 and "x.db" in p.stderr


def test_failing_disk(tmp_path):
    """No space: the client gets an error, the old content stays, and writing works again when there is space."""
    with small_disk(tmp_path) as server:
        conn = server.connect()
        assert "uuid" in conn.transact(insert("a"))[0]
        r = conn.transact(insert("b"), {"op": "update", "table": "Root", "where": [],
                                        "row": {"map": ["map", [["k", "x" * 300000]]]}})
        assert r[-1]["error"] == "I/O error" and "write failed (No space left on device)" in r[-1]["details"], r
        assert "No space left" in server.appctl("ovsdb-server/get-db-storage-status", "T")
        assert names(conn) == {"a"}
        assert "uuid" in conn.transact(insert("c"))[0]
        assert server.appctl("ovsdb-server/get-db-storage-status", "T") == "status: ok\n"
        restart(server)
        assert names(server.connect()) == {"a", "c"}
