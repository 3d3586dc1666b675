# SPDX-License-Identifier: Apache-2.0
"""The file is written anew while the database is served."""
import os
import pathlib
import resource
import threading

from ovsdbtest import Connection, wait_until
from test_monitor import delete, insert, update


def names(c):
    return sorted(r["name"] for r in c.transact({"op": "select", "table": "Root", "where": [], "columns": ["name"]})[0]["rows"])


def test_what_is_committed_meanwhile_is_behind_what_was_written(server, db):
    text = "x" * 1000
    for i in range(200):
        db.transact(*(insert(name=f"{i}.{j}", map=["map", [["k", text]]]) for j in range(20)))
    before = os.path.getsize(server.db)
    compact = threading.Thread(target=server.appctl, args=("ovsdb-server/compact",))
    compact.start()
    made = 0
    while compact.is_alive():
        made += 1
        db.transact(insert(name=f"new{made}"), delete(f"0.{made % 20}"))
    compact.join()
    db.transact(insert(name="last"))
    expected = names(db)
    assert "compacting database online" in open(server.db).read()
    assert os.path.getsize(server.db) < before + 1000 * made + 100000
    server.kill()
    server.start()
    assert names(server.connect()) == expected
    assert not [f for f in os.listdir(server.dir) if ".compact" in f]


def test_requests_to_compact_while_that_is_being_done_are_answered(server, db):
    db.transact(insert(name="a"))
    threads = [threading.Thread(target=server.appctl, args=("ovsdb-server/compact", "T")) for _ in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert names(db) == ["a"]


def test_a_child_that_cannot_be_watched_does_not_go_on(server, db):
    for i in range(100):
        db.transact(*(insert(name=f"{i}.{j}") for j in range(20)))
    control = Connection(server.control)
    assert control.call("time/warp", "1") == "warped\n"
    pid = server.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")) + 1, limits[1]))
    assert "Too many open files" in control.call_error("ovsdb-server/compact")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""
    server.appctl("ovsdb-server/compact")
    assert len(names(db)) == 2000


def test_the_process_that_has_written_ends_and_the_old_file_is_gone(server, db):
    pid = server.process.pid
    db.call("set_db_change_aware", True)
    db.transact(insert(name="a"))
    server.appctl("ovsdb-server/compact")
    assert db.call("convert", "T", db.call("get_schema", "T")) == {}
    wait_until(lambda: pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text() == "", "they have ended and been waited for")
    assert not [f for f in os.listdir(f"/proc/{pid}/fd") if os.readlink(f"/proc/{pid}/fd/{f}").endswith("(deleted)")]


def test_a_database_that_goes_or_is_converted_meanwhile(server, db):
    db.call("set_db_change_aware", True)
    schema = db.call("get_schema", "T")
    for i in range(300):
        db.transact(*(insert(name=f"{i}.{j}") for j in range(20)))
    control = Connection(server.control)
    ident = control.request("ovsdb-server/compact")
    assert db.call("convert", "T", schema) == {}
    control.answer(ident)
    control.request("ovsdb-server/compact")
    server.appctl("ovsdb-server/remove-db", "T")
    assert not [f for f in os.listdir(server.dir) if ".compact" in f]
    server.appctl("ovsdb-server/add-db", str(server.db))
    assert len(names(server.connect())) == 6000


def test_a_server_that_is_killed_while_it_compacts_leaves_a_good_file(server, db):
    for i in range(100):
        db.transact(*(insert(name=f"{i}.{j}") for j in range(20)))
    control = Connection(server.control)
    for _ in range(5):
        control.request("ovsdb-server/compact")
        db.transact(update("0.0", big=1))
        server.kill()
        server.start()
        db, control = server.connect(), Connection(server.control)
        assert len(names(db)) == 2000
    server.appctl("ovsdb-server/compact")
    wait_until(lambda: not [f for f in os.listdir(server.dir) if ".compact" in f], "nothing left")
