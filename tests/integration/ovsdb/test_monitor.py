# SPDX-License-Identifier: Apache-2.0
"""Monitors of all kinds, and locks."""
import json


def insert(**row):
    return {"op": "insert", "table": "Root", "row": row}


def update(which, **row):
    return {"op": "update", "table": "Root", "where": [["name", "==", which]], "row": row}


def delete(name):
    return {"op": "delete", "table": "Root", "where": [["name", "==", name]]}


def only(note):
    """The one row of an update: (uuid, what)."""
    (rows,) = note["params"][-1].values()
    ((uuid, what),) = rows.items()
    return uuid, what


def test_monitor(server, db):
    db.transact(insert(name="a"))
    first = db.call("monitor", "T", "m", {"Root": {"columns": ["name", "few"]}})
    ((uuid, row),) = first["Root"].items()
    assert row == {"new": {"name": "a", "few": ["set", []]}}
    db.transact(update("a", few=["set", [1, 2]]))
    n = db.note()
    assert n["method"] == "update" and n["params"][0] == "m"
    assert only(n) == (uuid, {"old": {"few": ["set", []]}, "new": {"name": "a", "few": ["set", [1, 2]]}})
    db.transact(update("a", number=3))  # nobody asked for that column
    db.transact(delete("a"))
    assert only(db.note()) == (uuid, {"old": {"name": "a", "few": ["set", [1, 2]]}})
    db.transact(insert(name="b"))
    assert only(db.note())[1] == {"new": {"name": "b", "few": ["set", []]}}
    assert db.call("monitor_cancel", "m") == {}
    db.transact(delete("b"))
    assert db.call("echo") == [] and not db.notes
    assert db.call_error("monitor_cancel", "m") == "unknown monitor"


def test_update_comes_before_the_reply(db):
    db.call("monitor", "T", 1, {"Root": {}})
    db.transact(insert(name="a"))
    assert len(db.notes) == 1


def test_select(db):
    db.transact(insert(name="old"))
    assert db.call("monitor", "T", None, {"Root": [{"columns": ["name"], "select": {"initial": False, "modify": False}},
                                                   {"columns": ["few"], "select": {"insert": False, "delete": False,
                                                                                   "initial": False}}]}) == {}
    db.transact(insert(name="a", few=3))
    assert only(db.note())[1] == {"new": {"name": "a"}}
    db.transact(update("a", name="b"))
    db.transact(update("b", few=4))
    assert only(db.note())[1] == {"old": {"few": 3}, "new": {"few": 4}}
    db.transact(delete("b"))
    assert only(db.note())[1] == {"old": {"name": "b"}}


def test_monitor_cond(db):
    db.transact(insert(name="a", number=1, map=["map", [["k", "v"], ["l", "w"]]]))
    first = db.call("monitor_cond", "T", "c", {"Root": [{"columns": ["name", "number", "few", "map"],
                                                         "where": [["number", ">", 0]]}]})
    ((uuid, row),) = first["Root"].items()
    assert row == {"initial": {"name": "a", "number": 1, "map": ["map", [["k", "v"], ["l", "w"]]]}}
    db.transact(insert(name="out"))
    db.transact(update("a", few=["set", [1, 2]], map=["map", [["k", "x"], ["m", "n"]]]))
    n = db.note()
    assert n["method"] == "update2"
    assert only(n) == (uuid, {"modify": {"few": ["set", [1, 2]], "map": ["map", [["k", "x"], ["l", "w"], ["m", "n"]]]}})
    db.transact(update("a", few=["set", [2, 3]]))
    assert only(db.note())[1] == {"modify": {"few": ["set", [1, 3]]}}
    db.transact(update("out", number=5))
    assert only(db.note())[1] == {"insert": {"name": "out", "number": 5}}
    db.transact(update("a", number=0))
    assert only(db.note()) == (uuid, {"delete": None})


def test_transactions_of_one_batch_are_told_before_their_answers(server, db):
    db.transact(insert(name="a"))
    db.call("monitor_cond", "T", 1, {"Root": [{"columns": ["few"]}]})
    ids = []
    text = b""
    for few in ([1], [1, 2], [2]):
        db.next_id += 1
        ids.append(db.next_id)
        text += json.dumps({"method": "transact", "id": db.next_id,
                            "params": ["T", update("a", few=["set", few])]}).encode()
    db.send(text)
    seen = set()
    for i in ids:
        db.answer(i)
        assert db.notes
    # Differences, as many as there were at once together.
    for n in db.notes:
        diff = only(n)[1]["modify"]["few"]
        seen ^= set(diff[1]) if isinstance(diff, list) else {diff}
    assert seen == {2}


def test_monitor_cond_change(db):
    db.transact(insert(name="a", number=1), insert(name="b", number=2))
    first = db.call("monitor_cond", "T", "x", {"Root": [{"columns": ["name"], "where": [["number", "==", 1]]}]})
    assert [r["initial"]["name"] for r in first["Root"].values()] == ["a"]
    assert db.call("monitor_cond_change", "x", "y", {"Root": [{"where": [["number", "==", 2]]}]}) == {}
    n = db.note()
    assert n["method"] == "update2"
    rows = sorted(str(v) for v in n["params"][1]["Root"].values())
    assert rows == ["{'delete': None}", "{'insert': {'name': 'b'}}"]
    db.transact(update("b", name="bb"))
    assert db.note()["params"][0] == "y"
    assert db.call("monitor_cond_change", "y", "z", {"Root": [{"where": [False]}]}) == {}
    assert only(db.note())[1] == {"delete": None}


def test_monitor_cond_since(db):
    db.transact(insert(name="a"))
    zero = "00000000-0000-0000-0000-000000000000"
    found, last, rows = db.call("monitor_cond_since", "T", "s", {"Root": [{"columns": ["name"]}]}, zero)
    assert found is False and len(rows["Root"]) == 1 and len(last) == 36
    db.transact(delete("a"))
    n = db.note()
    assert n["method"] == "update3" and only(n)[1] == {"delete": None}


def test_monitor_errors(db):
    for requests in ({"Nope": {}}, {"Root": {"columns": ["nope"]}}, {"Root": {"where": []}}, {"Root": 7},
                     {"Root": [{"columns": ["name"]}, {"columns": ["name"]}]}, {"Root": {"select": {"x": True}}}):
        assert db.call_error("monitor", "T", "m", requests)["error"] in ("syntax error", "unknown column")
    db.call("monitor", "T", "m", {"Root": {}})
    assert "duplicate" in db.call_error("monitor", "T", "m", {"Root": {}})["details"]


def test_locks(server, db):
    other = server.connect()
    third = server.connect()
    assert db.call("lock", "l") == {"locked": True}
    assert other.call("lock", "l") == {"locked": False}
    assert db.call_error("lock", "l")["error"] == "syntax error"
    assert third.call_error("unlock", "l")["error"] == "syntax error"
    assert db.call("unlock", "l") == {}
    assert other.note() == {"method": "locked", "params": ["l"], "id": None}
    assert third.call("steal", "l") == {"locked": True}
    assert other.note() == {"method": "stolen", "params": ["l"], "id": None}
    assert other.transact({"op": "assert", "lock": "l"})[0]["error"] == "not owner"
    third.close()  # a lost connection gives its locks up
    assert other.note()["method"] == "locked"
    assert other.transact({"op": "assert", "lock": "l"}) == [{}]
