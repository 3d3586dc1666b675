# SPDX-License-Identifier: Apache-2.0
"""A served database gets another schema."""
import copy
import json

import pytest
from ovsdbtest import Closed, TEST_SCHEMA, program, run, small_disk
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
