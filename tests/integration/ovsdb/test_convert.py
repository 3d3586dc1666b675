# SPDX-License-Identifier: Apache-2.0
"""A served database gets another schema."""
import copy
import json
import pathlib
import signal

import pytest
from ovsdbtest import Closed, TEST_SCHEMA, program, run, small_disk, wait_until
from test_monitor import insert


def newer():
    s = copy.deepcopy(TEST_SCHEMA)
    s["version"] = "2.0.0"
    columns = s["tables"]["Root"]["columns"]
    columns["few"] = {"type": {"key": "integer", "min": 0, "max": 1}}
    columns["added"] = {"type": {"key": "string", "min": 0, "max": 1}}
    del columns["ratio"]
    del s["tables"]["Single"]
    return s


def select(c, *columns):
    return c.transact({"op": "select", "table": "Root", "where": [], "columns": list(columns)})[0]


def test_rows_are_kept_under_their_uuids(server, db):
    ident = db.transact(insert(name="a", few=["set", [7]], map=["map", [["k", "v"]]]))[0]["uuid"]
    db.transact({"op": "insert", "table": "Single", "row": {"x": 1}})
    db.call("set_db_change_aware", True)
    assert db.call("convert", "T", newer()) == {}
    assert db.call("get_schema", "T")["version"] == "2.0.0"
    row = {"_uuid": ident, "name": "a", "few": 7, "map": ["map", [["k", "v"]]], "added": ["set", []]}
    assert select(db, *row)["rows"] == [row]
    assert select(db, "ratio")["error"] in ("unknown column", "syntax error")
    db.transact(insert(name="b", added="x"))
    server.kill()
    server.start()
    assert row in select(server.connect(), *row)["rows"]
    assert run(program("ovsdb-tool"), "db-version", server.db).stdout == "2.0.0\n"


def test_clients_that_understand_are_told_and_others_disconnected(server, db):
    aware, other = server.connect(), server.connect()
    aware.call("set_db_change_aware", True)
    for c in (aware, other):
        c.call("monitor", "T", "m", {"Root": {"columns": ["name"]}})
    aware.call("monitor_cond", "_Server", "s", {"Database": [{"columns": ["schema"], "where": [["name", "==", "T"]]}]})
    # The one that asks is not disconnected.
    assert db.call("convert", "T", newer()) == {}
    assert aware.note()["method"] == "monitor_canceled"
    (row,) = aware.note()["params"][1]["Database"].values()
    assert json.loads(row["modify"]["schema"])["version"] == "2.0.0"
    with pytest.raises(Closed):
        other.receive()
    db.transact(insert(name="a"))
    assert aware.call("echo") == [] and not aware.notes


def test_a_transaction_that_waits_is_cancelled(server, db):
    waiting = server.connect()
    waiting.call("set_db_change_aware", True)
    ident = waiting.request("transact", "T", {"op": "wait", "table": "Root", "where": [], "columns": ["name"],
                                              "until": "==", "rows": [{"name": "never"}]})
    assert waiting.call("echo") == []
    db.call("convert", "T", newer())
    assert waiting.answer(ident)["error"] == "canceled"


def test_rows_that_do_not_fit_are_named_and_nothing_changes(server, db):
    ident = db.transact(insert(name="a", few=["set", [1, 2]]))[0]["uuid"][1]
    db.call("monitor", "T", "m", {"Root": {"columns": ["name"]}})
    e = db.call_error("convert", "T", newer())
    assert e["error"] in ("constraint violation", "syntax error")
    assert f"table Root, row {ident}, column few:" in e["details"]
    db.transact(insert(name="b"))
    assert db.note()["method"] == "update"
    for bad in ({"name": "T"}, dict(newer(), name="U"), 7):
        assert db.call_error("convert", "T", bad)
    assert db.call_error("convert", "_Server", db.call("get_schema", "_Server"))["error"] == "not allowed"
    assert db.call("get_schema", "T")["version"] == "1.0.0"


def test_a_conversion_that_cannot_be_written_changes_nothing(tmp_path):
    with small_disk(tmp_path) as server:
        db, other = server.connect(), server.connect()
        db.transact(insert(name="a", map=["map", [["k", "x" * 150000]]]))
        other.call("monitor", "T", "m", {"Root": {"columns": ["name"]}})
        assert db.call_error("convert", "T", newer())["error"] == "I/O error"
        # Nobody loses the connection, or what it monitors.
        db.transact(insert(name="b"))
        assert other.note()["method"] == "update"
        assert db.call("get_schema", "T")["version"] == "1.0.0"


N = 6000


@pytest.fixture
def large(server, db):
    for first in range(0, N, 2000):
        db.transact(*(insert(name=f"r{i}") for i in range(first, first + 2000)))
    db.call("set_db_change_aware", True)
    return db


def begun(server):
    """Another client, after whose second answer what was sent before has been read."""
    c = server.connect()
    c.call("set_db_change_aware", True)
    c.call("echo")
    return c


def counter(server, name):
    return int(server.appctl("coverage/read-counter", name))


def test_it_is_done_in_slices_and_so_is_what_goes(server, large):
    assert large.call("convert", "T", newer()) == {}
    # Each row is copied, committed (in several steps) and finished.
    assert counter(server, "ovsdb_conversion_slice") >= 5 * N // 250
    wait_until(lambda: counter(server, "ovsdb_free_slice") >= N // 250, "the old database is freed")
    assert len(select(large, "name")["rows"]) == N
    server.kill()
    server.start()
    assert len(select(server.connect(), "name")["rows"]) == N


def test_requests_behind_it_wait_for_its_end(server, large):
    ident = large.request("convert", "T", newer())
    schema, inserted = large.request("get_schema", "T"), large.request("transact", "T", insert(name="behind", added="x"))
    assert large.answer(ident)["result"] == {}
    assert large.answer(schema)["result"]["version"] == "2.0.0"
    assert "uuid" in large.answer(inserted)["result"][0]


def test_others_look_meanwhile_and_write_afterwards(server, large):
    ident = large.request("convert", "T", newer())
    other, gone = begun(server), begun(server)
    written = other.request("transact", "T", insert(name="new"))
    # Who has asked for a change sees it, whenever that is done.
    seen = other.request("transact", "T", {"op": "select", "table": "Root", "where": [["name", "==", "new"]], "columns": ["name"]})
    gone.request("transact", "T", insert(name="gone"))
    gone.close()
    assert len(select(begun(server), "name")["rows"]) >= N
    assert "uuid" in other.answer(written)["result"][0]
    assert other.answer(seen)["result"][0]["rows"] == [{"name": "new"}]
    assert large.answer(ident)["result"] == {}
    assert {"name": "new"} in select(other, "name")["rows"]
    server.kill()
    server.start()
    assert {"name": "new"} in select(server.connect(), "name")["rows"]


def test_what_was_asked_for_first_comes_first_when_it_is_over(server, large):
    pid = server.process.pid
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")

    def change(c, name):
        return c.request("transact", "T", {"op": "update", "table": "Root", "where": [["name", "==", name]], "row": {"big": 1}})

    # The file takes a while to be written.
    large.transact({"op": "update", "table": "Root", "where": [], "row": {"map": ["map", [["k", "x" * 4000]]]}})
    ident = large.request("convert", "T", newer())
    others, looking = [begun(server) for _ in range(20)], begun(server)
    written = [c.request("transact", "T", insert(name=f"new{i}")) for i, c in enumerate(others)]
    wait_until(lambda: children.read_text() or looking.call("get_schema", "T")["version"] == "2.0.0", "the file is being written")
    # The end of the conversion comes together with further requests, before some and behind others of them.
    server.process.send_signal(signal.SIGSTOP)
    try:
        changed = [change(c, f"new{i}") for i, c in enumerate(others[:10])]
        for child in children.read_text().split():
            wait_until(lambda c=child: pathlib.Path(f"/proc/{c}/stat").read_text().rpartition(")")[2].split()[0] in "SZ", "the file is written")
        changed += [change(c, f"new{i}") for i, c in enumerate(others[10:], 10)]
    finally:
        server.process.send_signal(signal.SIGCONT)
    for c, first, second in zip(others, written, changed):
        answers = [c.receive() for _ in range(2)]
        assert [a["id"] for a in answers] == [first, second]
        assert answers[1]["result"] == [{"count": 1}]
    assert large.answer(ident)["result"] == {}


def test_an_operation_that_says_twice_what_it_is_is_what_it_does(server, large):
    ident = large.request("convert", "T", newer())
    other = begun(server)
    other.send(b'{"method":"transact","params":["T",{"op":"select","op":"delete","table":"Root","where":[]}],"id":"twice"}')
    assert other.answer("twice")["result"] == [{"count": N}]
    assert large.answer(ident)["result"] == {}
    assert select(other, "name")["rows"] == []


def test_the_one_that_asked_may_go(server, large):
    asker = begun(server)
    asker.request("convert", "T", newer())
    other = begun(server)
    asker.close()
    wait_until(lambda: other.call("get_schema", "T")["version"] == "2.0.0", "the conversion is done all the same")
    assert len(select(other, "name")["rows"]) == N


def test_a_database_that_is_removed_meanwhile(server, large):
    ident = large.request("convert", "T", newer())
    other = begun(server)
    written = other.request("transact", "T", insert(name="new"))
    server.appctl("ovsdb-server/remove-db", "T")
    answer = large.answer(ident)
    assert answer["result"] == {} or answer["error"]["error"] == "canceled"
    answer = other.answer(written)
    assert answer["error"] in (None, "canceled")
    server.appctl("ovsdb-server/add-db", str(server.db))
    assert len(select(server.connect(), "name")["rows"]) >= N


def test_a_row_that_does_not_fit_in_a_later_slice(server, large):
    ident = large.transact(insert(name="last", few=["set", [1, 2]]))[0]["uuid"][1]
    assert f"row {ident}, column few:" in large.call_error("convert", "T", newer())["details"]
    large.transact(insert(name="b"))
    assert len(select(large, "name")["rows"]) == N + 2
    wait_until(lambda: counter(server, "ovsdb_free_slice"), "what was converted is freed")


def test_index_violations_are_found(server, large):
    schema = newer()
    schema["tables"]["Root"]["indexes"] = [["big"]]
    assert large.call_error("convert", "T", schema)["error"] == "constraint violation"
    assert large.call("get_schema", "T")["version"] == "1.0.0"
