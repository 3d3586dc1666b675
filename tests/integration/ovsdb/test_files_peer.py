# SPDX-License-Identifier: Apache-2.0
"""Files of Debian's Open vSwitch read by ours and the other way round, each checked by both."""
import json
import re

import pytest

from ovsdbtest import Server, TEST_SCHEMA, peer, program, run

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not peer("ovsdb-server") or not peer("ovsdb-tool"),
                                                   reason="Debian's programs are not there (OES_PEER_DIR)")]

ATOMS = {"integer": [-9223372036854775807, 0, 7], "real": [-1.5, 1e300, 0.1], "boolean": [False, True, False], "string": ["", "é\n\"\\", "x y"],
         "uuid": [["uuid", "00000000-0000-0000-0000-00000000000%d" % i] for i in range(3)]}


def schema():
    """TEST_SCHEMA and a table with each type as a scalar, optional, set, and every map."""
    columns = {}
    for key in ATOMS:
        columns["one_" + key] = {"type": key}
        columns["opt_" + key] = {"type": {"key": key, "min": 0, "max": 1}}
        columns["set_" + key] = {"type": {"key": key, "min": 0, "max": "unlimited"}}
        for value in ATOMS:
            columns["map_%s_%s" % (key, value)] = {"type": {"key": key, "value": value, "min": 0, "max": "unlimited"}}
    tables = dict(TEST_SCHEMA["tables"], All={"isRoot": True, "columns": columns})
    return dict(TEST_SCHEMA, tables=tables)


def all_values(n):
    """A value for every column of table All, the n-th of three sets of them."""
    row = {}
    for key, keys in ATOMS.items():
        row["one_" + key] = keys[n]
        row["opt_" + key] = keys[(n + 1) % 3] if n != 1 else ["set", []]
        row["set_" + key] = ["set", keys[n % 2:][:2]]
        for value, values in ATOMS.items():
            row["map_%s_%s" % (key, value)] = ["map", [[keys[0], values[n]], [keys[1], values[(n + 1) % 3]]]]
    return row


def transactions():
    yield [{"op": "insert", "table": "All", "row": all_values(0)}, {"op": "comment", "comment": "all \"types\" é"}]
    for n in (1, 2):
        yield [{"op": "update", "table": "All", "where": [], "row": all_values(n)}]
    yield [{"op": "insert", "table": "Child", "row": {"name": "c"}, "uuid-name": "c"},
           {"op": "insert", "table": "Root", "row": {"name": "r", "child": ["named-uuid", "c"], "weak": ["named-uuid", "c"], "few": 3,
                                                     "map": ["map", [["a", "1"], ["b", "2"]]], "colour": "red", "volatile": 9}}]
    yield [{"op": "mutate", "table": "Root", "where": [], "mutations": [["few", "insert", ["set", [1, 2]]], ["few", "delete", 3],
                                                                       ["map", "delete", ["set", ["a"]]],
                                                                       ["map", "insert", ["map", [["c", "3"]]]]]}]
    yield [{"op": "update", "table": "Root", "where": [], "row": {"volatile": 10, "map": ["map", [["b", "4"]]], "colour": ["set", []]}}]
    yield [{"op": "insert", "table": "Root", "row": {"name": "gone"}}]
    yield [{"op": "delete", "table": "Root", "where": [["name", "==", "gone"]]}, {"op": "comment", "comment": "second"}]


def contents(tool, db):
    """All rows of all tables but what is not kept."""
    ops = [{"op": "select", "table": t, "where": [], "columns": sorted(c for c in s["columns"] if not s["columns"][c].get("ephemeral")) + ["_uuid"]}
           for t, s in sorted(schema()["tables"].items())]
    tables = json.loads(run(tool, "query", db, json.dumps(["T"] + ops)).stdout)
    return [sorted(t["rows"], key=lambda r: r["_uuid"]) for t in tables]


def heads(tool, db):
    """Dates and comments of the records."""
    return re.findall(r"^record .*", run(tool, "show-log", db).stdout, re.M)


OURS = {"tool": program("ovsdb-tool"), "server": program("ovsdb-server")}
THEIRS = {"tool": peer("ovsdb-tool"), "server": peer("ovsdb-server")}


@pytest.fixture(params=["ours", "theirs"])
def pair(request):
    return (OURS, THEIRS) if request.param == "ours" else (THEIRS, OURS)


def make(tmp_path, tool):
    (tmp_path / "schema.json").write_text(json.dumps(schema()))
    run(tool, "create", tmp_path / "t.db", tmp_path / "schema.json")
    return tmp_path / "t.db"


def serve(tmp_path, db, binary, what):
    server = Server(tmp_path, db, binary=binary).start()
    conn = server.connect()
    for ops in what:
        results = conn.transact(*ops)
        assert not [r for r in results if r and "error" in r], results
    return server


def check_same(db):
    ours, theirs = contents(OURS["tool"], db), contents(THEIRS["tool"], db)
    assert ours == theirs
    assert heads(OURS["tool"], db) == heads(THEIRS["tool"], db)
    return ours


def test_every_record_of_a_server_is_read(tmp_path, pair):
    """By both tools alike; and the other server goes on with the file."""
    writer, reader = pair
    db = make(tmp_path, writer["tool"])
    serve(tmp_path, db, writer["server"], transactions()).stop()
    before = check_same(db)
    assert any("second" in h for h in heads(OURS["tool"], db))
    tables = dict(zip(sorted(schema()["tables"]), before))
    assert len(tables["All"]) == 1 and len(tables["Root"]) == 1
    assert tables["Root"][0]["few"] == ["set", [1, 2]]
    server = serve(tmp_path, db, reader["server"], [[{"op": "update", "table": "All", "where": [], "row": all_values(0)}],
                                                    [{"op": "insert", "table": "Root", "row": {"name": "other"}}]])
    assert server.connect().transact({"op": "select", "table": "Root", "where": [], "columns": ["volatile"]}) == \
        [{"rows": [{"volatile": 0}]}]
    server.stop()
    after = check_same(db)
    assert after != before
    serve(tmp_path, db, writer["server"], [[{"op": "delete", "table": "Root", "where": [["name", "==", "other"]]}]]).stop()
    check_same(db)


def test_transact_by_one_tool_and_then_the_other(tmp_path, pair):
    db = make(tmp_path, pair[0]["tool"])
    for i, ops in enumerate(transactions()):
        run(pair[i % 2]["tool"], "transact", db, json.dumps(["T"] + ops))
        check_same(db)


def test_compacted_files(tmp_path, pair):
    """By the server and by the tool: the same rows, one record, which the other goes on from."""
    writer, reader = pair
    db = make(tmp_path, writer["tool"])
    server = serve(tmp_path, db, writer["server"], transactions())
    before = contents(reader["tool"], db)
    server.appctl("ovsdb-server/compact")
    server.stop()
    assert check_same(db) == before and len(heads(OURS["tool"], db)) == 2
    serve(tmp_path, db, reader["server"], [[{"op": "update", "table": "All", "where": [], "row": all_values(1)}]]).stop()
    now = check_same(db)
    run(writer["tool"], "compact", db)
    assert check_same(db) == now and len(heads(OURS["tool"], db)) == 2


def test_records_written_together(tmp_path):
    """Ours marks those that were written before what is ahead of them was on disk; theirs reads them."""
    db = make(tmp_path, OURS["tool"])
    server = Server(tmp_path, db, ["--durability=relaxed"]).start()
    conn = server.connect()
    for i in range(20):
        conn.transact({"op": "insert", "table": "Root", "row": {"name": "n%d" % i}})
    server.stop()
    assert db.read_bytes().count(b"} \n") == 19
    check_same(db)
    serve(tmp_path, db, THEIRS["server"], [[{"op": "insert", "table": "Root", "row": {"name": "theirs"}}]]).stop()
    check_same(db)
