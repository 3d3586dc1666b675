# SPDX-License-Identifier: Apache-2.0
"""What each operation does and which error it answers, as JSON on the wire."""
import pytest

ALL = []


def insert(table, uuid_name=None, **row):
    op = {"op": "insert", "table": table, "row": row}
    if uuid_name:
        op["uuid-name"] = uuid_name
    return op


def select(table, *columns, where=()):
    op = {"op": "select", "table": table, "where": list(where)}
    if columns:
        op["columns"] = list(columns)
    return op


def update(where, **row):
    return {"op": "update", "table": "Root", "where": where, "row": row}


def mutate(*mutations, where=()):
    return {"op": "mutate", "table": "Root", "where": list(where), "mutations": list(mutations)}


def delete(table, *where):
    return {"op": "delete", "table": table, "where": list(where)}


NAMED_CHILD = ["named-uuid", "c"]


def test_insert_and_select(db):
    r = db.transact(insert("Root", **{"name": "a", "number": 5}),
                    select("Root", "name", "number"))
    assert r[0]["uuid"][0] == "uuid"
    assert r[1] == {"rows": [{"name": "a", "number": 5}]}


def test_defaults(db):
    db.transact(insert("Root", **{"name": "a"}))
    row = db.transact(select("Root"))[0]["rows"][0]
    assert row["number"] == 0 and row["flag"] is False and row["ratio"] == 0
    assert row["colour"] == ["set", []] and row["map"] == ["map", []] and row["fixed"] == ""
    assert row["_uuid"][0] == "uuid" and row["_version"][0] == "uuid"


def test_version_changes_with_the_row_only(db):
    db.transact(insert("Root", **{"name": "a"}), insert("Root", **{"name": "b"}))
    before = {r["name"]: r["_version"] for r in db.transact(select("Root"))[0]["rows"]}
    db.transact(update([["name", "==", "a"]], number=7))
    after = {r["name"]: r["_version"] for r in db.transact(select("Root"))[0]["rows"]}
    assert before["a"] != after["a"] and before["b"] == after["b"]


@pytest.mark.parametrize("op, error", [
    (insert("Nope"), "syntax error"),
    (insert("Root", **{"nope": 1}), "unknown column"),
    (insert("Root", **{"name": 1}), "syntax error"),
    (insert("Root", **{"number": 101}), "constraint violation"),
    (insert("Root", **{"number": -1}), "constraint violation"),
    (insert("Root", **{"number": 1.5}), "syntax error"),
    (insert("Root", **{"colour": "blue"}), "constraint violation"),
    (insert("Root", **{"short": "long!"}), "constraint violation"),
    (insert("Root", **{"few": ["set", [1, 2, 3, 4]]}), "syntax error"),
    (insert("Root", **{"few": ["set", [1, 1]]}), "ovsdb error"),
    (insert("Root", **{"map": ["map", [["a", "b"], ["a", "c"]]]}), "ovsdb error"),
    (insert("Root", **{"map": ["set", []]}), "syntax error"),
    (insert("Root", **{"child": ["named-uuid", "1x"]}), "syntax error"),
    (insert("Root", **{"_uuid": ["uuid", "x"]}), "syntax error"),
    (insert("Root", "1x"), "syntax error"),
    ({"op": "insert", "table": "Root"}, "syntax error"),
    ({"op": "insert", "table": "Root", "row": {}, "extra": 1}, "syntax error"),
    ({"op": "nonsense"}, "syntax error"),
    ({"table": "Root"}, "syntax error"),
    (7, "syntax error"),
    (select("Root", "nope"), "syntax error"),
    (select("Root", where=[["nope", "==", 1]]), "unknown column"),
    (select("Root", where=[["name", "~", "x"]]), "unknown function"),
    (select("Root", where=[["name", "<", "x"]]), "syntax error"),
    (select("Root", where=[["few", "<", 1]]), "syntax error"),
    ({"op": "select", "table": "Root", "where": True}, "syntax error"),
    (select("Root", "name", "name"), "syntax error"),
    (select("Root", where=[[], "==", 1]), "syntax error"),
    (select("Root", where=[["name"], "==", 1]), "syntax error"),
    (update([], fixed="x"), "constraint violation"),
    (update([], _version=["uuid", "00000000-0000-0000-0000-000000000001"]), "constraint violation"),
    (mutate(["name", "+=", 1]), "syntax error"),
    (mutate(["flag", "insert", True]), "syntax error"),
    (mutate(["few", "insert", ["set", [1, 2, 3, 4]]]), "syntax error"),
    ({"op": "mutate", "table": "Root", "where": [], "mutations": [[], "+=", 1]}, "syntax error"),
    (mutate(["child", "insert", ["set", [[], "uuid", "x"]]]), "syntax error"),
    (mutate(["number", "^=", 1]), "unknown mutator"),
    (mutate(["fixed", "insert", "x"]), "constraint violation"),
    (mutate(["ratio", "%=", 2]), "syntax error"),
    ({"op": "abort"}, "aborted"),
    ({"op": "assert", "lock": "l"}, "not owner"),
    ({"op": "assert", "lock": "1x"}, "syntax error"),
    ({"op": "comment"}, "syntax error"),
    ({"op": "commit", "durable": "yes"}, "syntax error"),
    ({"op": "wait", "table": "Root", "where": [], "columns": [], "until": "~", "rows": []}, "syntax error"),
    ({"op": "wait", "table": "Root", "where": [], "columns": [], "until": "==", "rows": [], "timeout": -1},
     "syntax error"),
])
def test_errors_of_one_operation(db, op, error):
    # The operation behind the failed one does not run, and the one before is undone.
    r = db.transact(insert("Root", **{"name": "before"}), op, insert("Root", **{"name": "behind"}))
    assert r[1]["error"] == error, r[1]
    assert r[2] is None
    assert db.transact(select("Root"))[0]["rows"] == []


def test_a_row_is_inserted_with_an_identity_of_its_own(db):
    zero = ["uuid", "00000000-0000-0000-0000-000000000001"]
    uuid = db.transact(insert("Root", **{"name": "a", "_uuid": zero, "_version": zero}))[0]["uuid"]
    row = db.transact(select("Root"))[0]["rows"][0]
    assert row["_uuid"] == uuid and uuid != zero and row["_version"] != zero and row["name"] == "a"


@pytest.mark.parametrize("where, names", [
    ([True], "abc"),
    ([False], ""),
    ([True, ["name", "==", "a"]], "a"),
    ([], "abc"),
    ([["name", "==", "a"]], "a"),
    ([["name", "!=", "a"]], "bc"),
    ([["number", "<", 2]], "a"),
    ([["number", ">=", 2]], "bc"),
    ([["number", ">", 1], ["number", "<=", 2]], "b"),
    ([["few", "includes", 7]], "ab"),
    ([["few", "includes", ["set", [7, 8]]]], "b"),
    ([["few", "excludes", ["set", [7, 8]]]], "c"),
    ([["few", "==", ["set", [8, 7]]]], "b"),
    ([["few", "includes", ["set", []]]], "abc"),
    ([["map", "includes", ["map", [["k", "v"]]]]], "c"),
    ([["name", "includes", "b"]], "b"),
    ([["name", "excludes", "b"]], "ac"),
    ([["colour", "==", ["set", []]]], "bc"),
])
def test_conditions(db, where, names):
    db.transact(insert("Root", **{"name": "a", "number": 1, "few": 7, "colour": "red"}),
                insert("Root", **{"name": "b", "number": 2, "few": ["set", [7, 8]]}),
                insert("Root", **{"name": "c", "number": 3, "map": ["map", [["k", "v"]]]}))
    rows = db.transact(select("Root", "name", where=where))[0]["rows"]
    assert "".join(sorted(r["name"] for r in rows)) == names


def test_select_by_uuid_and_index_sees_the_open_transaction(db):
    r = db.transact(insert("Root", **{"name": "a"}), update([["name", "==", "a"]], name="b"),
                    select("Root", "name", where=[["name", "==", "a"]]),
                    select("Root", "name", where=[["name", "==", "b"]]), delete("Root", ["name", "==", "b"]),
                    select("Root", "name", where=[["name", "==", "b"]]))
    assert [x.get("rows") for x in r[2:4]] == [[], [{"name": "b"}]]
    assert r[4] == {"count": 1} and r[5] == {"rows": []}


def test_select_of_columns_has_no_duplicates(db):
    db.transact(*[insert("Root", **{"name": n, "number": 4}) for n in "abc"])
    assert db.transact(select("Root", "number"))[0]["rows"] == [{"number": 4}]


@pytest.mark.parametrize("mutation, column, result", [
    (["number", "+=", 3], "number", 13),
    (["number", "-=", 3], "number", 7),
    (["number", "*=", 3], "number", 30),
    (["number", "/=", 3], "number", 3),
    (["number", "%=", 3], "number", 1),
    (["ratio", "/=", 4], "ratio", 0.5),
    (["few", "+=", 1], "few", ["set", [2, 3]]),
    (["few", "insert", 9], "few", ["set", [1, 2, 9]]),
    (["few", "insert", ["set", [1, 2]]], "few", ["set", [1, 2]]),
    (["few", "delete", ["set", [1, 5]]], "few", 2),
    (["map", "insert", ["map", [["k", "new"], ["l", "m"]]]], "map", ["map", [["k", "v"], ["l", "m"]]]),
    (["map", "delete", ["map", [["k", "other"]]]], "map", ["map", [["k", "v"]]]),
    (["map", "delete", ["map", [["k", "v"]]]], "map", ["map", []]),
    (["map", "delete", ["set", ["k"]]], "map", ["map", []]),
    (["map", "delete", "k"], "map", ["map", []]),
])
def test_mutations(db, mutation, column, result):
    db.transact(insert("Root", **{"number": 10, "ratio": 2, "few": ["set", [1, 2]], "map": ["map", [["k", "v"]]]}))
    r = db.transact(mutate(mutation), {"op": "comment", "comment": "behind it"})
    assert r[0] == {"count": 1} and r[1] == {}
    assert db.transact(select("Root", column))[0]["rows"][0][column] == result


@pytest.mark.parametrize("mutation, error", [
    (["number", "/=", 0], "domain error"),
    (["number", "%=", 0], "domain error"),
    (["big", "+=", 9223372036854775807], "range error"),
    (["big", "*=", -9223372036854775808], "range error"),
    (["number", "*=", 11], "constraint violation"),
    (["few", "insert", ["set", [3, 4]]], "constraint violation"),
    (["few", "*=", 0], "constraint violation"),
])
def test_mutations_that_cannot_be(db, mutation, error):
    db.transact(insert("Root", **{"number": 10, "big": 9, "few": ["set", [1, 2]]}))
    assert db.transact(mutate(mutation))[0]["error"] == error


def test_strong_reference_keeps_and_garbage_goes(db):
    db.transact(insert("Root", **{"name": "r", "child": NAMED_CHILD}),
                insert("Child", "c", **{"name": "c1", "next": ["named-uuid", "d"]}), insert("Child", "d", **{"name": "c2"}))
    assert len(db.transact(select("Child"))[0]["rows"]) == 2
    r = db.transact(delete("Child", ["name", "==", "c1"]))
    assert r[1]["error"] == "referential integrity violation" and "1 remaining reference" in r[1]["details"]
    db.transact(update([], child=["set", []]))
    assert db.transact(select("Child"))[0]["rows"] == []


def test_unreferenced_row_never_appears(db):
    r = db.transact(insert("Child", **{"name": "lost"}))
    assert "uuid" in r[0]
    assert db.transact(select("Child"))[0]["rows"] == []


def test_reference_to_nothing(db):
    r = db.transact(insert("Root", **{"child": ["uuid", "11111111-2222-3333-4444-555555555555"]}))
    assert r[1]["error"] == "referential integrity violation" and "nonexistent row" in r[1]["details"]


def test_reference_to_nothing_is_an_error_even_in_a_row_that_nobody_refers_to(db):
    r = db.transact(insert("Child", **{"next": ["uuid", "11111111-2222-3333-4444-555555555555"]}))
    assert r[1]["error"] == "referential integrity violation" and "nonexistent row" in r[1]["details"]
    db.transact(insert("Root", **{"name": "r", "child": NAMED_CHILD}), insert("Child", "c", **{"name": "c1", "next": ["named-uuid", "d"]}),
                insert("Child", "d", **{"name": "c2"}))
    r = db.transact(update([], child=["set", []]), delete("Child", ["name", "==", "c2"]))
    assert r[2]["error"] == "referential integrity violation" and "1 remaining reference" in r[2]["details"]
    assert len(db.transact(select("Child"))[0]["rows"]) == 2


def test_weak_references_are_pruned(db):
    db.transact(insert("Root", **{"name": "r", "child": NAMED_CHILD, "weak": NAMED_CHILD}), insert("Child", "c", **{"name": "c"}))
    db.transact(insert("Root", **{"name": "s", "weak": ["uuid", "11111111-2222-3333-4444-555555555555"]}))
    rows = {r["name"]: r["weak"] for r in db.transact(select("Root"))[0]["rows"]}
    assert rows["r"][0] == "uuid" and rows["s"] == ["set", []]
    db.transact(update([["name", "==", "r"]], child=["set", []]))
    rows = {r["name"]: r["weak"] for r in db.transact(select("Root"))[0]["rows"]}
    assert rows["r"] == ["set", []]


def test_weak_reference_that_must_stay(db):
    db.transact(insert("Root", **{"name": "r", "child": NAMED_CHILD}), insert("Child", "c"), insert("Needy", **{"must": NAMED_CHILD}))
    r = db.transact(update([], child=["set", []]))
    assert r[1]["error"] == "constraint violation"
    assert len(db.transact(select("Child"))[0]["rows"]) == 1


def test_index_and_max_rows(db):
    db.transact(insert("Root", **{"name": "a"}), insert("Root", **{"name": "b"}))
    r = db.transact(insert("Root", **{"name": "a"}))
    assert r[1]["error"] == "constraint violation" and "\"name\"" in r[1]["details"]
    # Two rows may swap what makes them different.
    r = db.transact(update([["name", "==", "a"]], name="x"), update([["name", "==", "b"]], name="a"),
                    update([["name", "==", "x"]], name="b"))
    assert [x["count"] for x in r] == [1, 1, 1]
    r = db.transact(insert("Single"), insert("Single"))
    assert r[2]["error"] == "constraint violation"
    assert len(db.transact(insert("Single"), select("Single"))[1]["rows"]) == 1


def test_failed_commit_leaves_everything(db):
    db.transact(insert("Root", **{"name": "a", "child": NAMED_CHILD}), insert("Child", "c", **{"name": "c"}))
    before = db.transact(select("Root"), select("Child"))
    db.transact(update([], child=["set", []], number=9), insert("Root", **{"name": "n"}), insert("Root", **{"name": "n"}))
    assert db.transact(select("Root"), select("Child")) == before
    assert db.transact(insert("Root", **{"name": "n"}))[0].get("uuid")


def test_chosen_uuid(db):
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    op = {"op": "insert", "table": "Root", "row": {"name": "u"}, "uuid": uuid}
    assert db.transact(op)[0] == {"uuid": ["uuid", uuid]}
    assert db.transact(dict(op, row={"name": "v"}))[0]["error"] == "duplicate uuid"
    r = db.transact(delete("Root"), op)
    assert r[1]["error"] == "duplicate uuid"


def test_duplicate_uuid_name(db):
    r = db.transact(insert("Root", "n", **{"name": "a"}), insert("Root", "n", **{"name": "b"}))
    assert r[1]["error"] == "duplicate uuid-name"


def test_wait(server, db):
    wait = {"op": "wait", "table": "Root", "where": [], "columns": ["name"], "until": "==", "rows": [{"name": "a"}]}
    assert db.transact(dict(wait, timeout=0))[0]["error"] == "timed out"
    assert db.transact(dict(wait, until="!=", timeout=0), insert("Root", **{"name": "z"}))[0] == {}
    db.transact(delete("Root"))
    waiting = db.request("transact", "T", wait, select("Root", "name"))
    other = server.connect()
    other.transact(insert("Root", **{"name": "b"}))
    other.transact(delete("Root"), insert("Root", **{"name": "a"}))
    assert db.answer(waiting)["result"] == [{}, {"rows": [{"name": "a"}]}]


def test_wait_may_last_for_ever(server, db):
    wait = {"op": "wait", "table": "Root", "where": [], "columns": ["name"], "until": "!=", "rows": [], "timeout": 2 ** 63 - 2}
    waiting = db.request("transact", "T", wait)
    other = server.connect()
    # Looked at again, it goes on waiting.
    other.transact(insert("Single", **{"x": 1}))
    assert other.call("echo") == []
    other.transact(insert("Root", **{"name": "a"}))
    assert db.answer(waiting)["result"] == [{}]


def test_wait_times_out_and_can_be_cancelled(db):
    wait = {"op": "wait", "table": "Root", "where": [], "columns": ["name"], "until": "!=", "rows": []}
    r = db.transact(dict(wait, timeout=20))
    assert r[0]["error"] == "timed out"
    waiting = db.request("transact", "T", wait)
    db.send({"method": "cancel", "params": [waiting], "id": None})
    assert db.answer(waiting)["error"] == "canceled"


def test_commit_durable_comment_assert(db):
    assert db.call("lock", "l") == {"locked": True}
    r = db.transact(insert("Root", **{"name": "a"}), {"op": "commit", "durable": True}, {"op": "comment", "comment": "x"},
                    {"op": "assert", "lock": "l"})
    assert r[1:] == [{}, {}, {}]


def test_server_database_is_read_only(db):
    r = db.transact({"op": "delete", "table": "Database", "where": []}, db="_Server")
    assert r[0]["error"] == "not allowed"
    rows = db.transact({"op": "select", "table": "Database", "where": []}, db="_Server")[0]["rows"]
    assert {x["name"] for x in rows} == {"T", "_Server"}
    assert all(x["model"] == "standalone" and x["leader"] is True for x in rows)


def test_methods(db):
    assert sorted(db.call("list_dbs")) == ["T", "_Server"]
    assert db.call("get_schema", "T")["tables"]["Single"]["maxRows"] == 1
    assert db.call("echo", 1, ["x"]) == [1, ["x"]]
    assert len(db.call("get_server_id")) == 36
    assert db.call("set_db_change_aware", True) == {}
    assert db.call_error("get_schema", "Nope")["error"] == "unknown database"
    assert db.call_error("transact", "Nope")["error"] == "unknown database"
    assert db.call_error("nonsense") == "unknown method"
