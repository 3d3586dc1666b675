# SPDX-License-Identifier: Apache-2.0
"""Clients that were away, or read slowly, are told what is new and nothing else."""
import uuid

from test_monitor import delete, insert, update

ZERO = "00000000-0000-0000-0000-000000000000"


def since(c, last, where=None, columns=("name", "few", "map")):
    request = {"columns": list(columns)}
    if where:
        request["where"] = where
    found, now, updates = c.call("monitor_cond_since", "T", str(uuid.uuid4()), {"Root": [request]}, last)
    return found, now, updates.get("Root", {})


def told(rows):
    """What was told, without identifiers, in a fixed order."""
    return sorted(rows.values(), key=str)


def test_after_a_break_only_what_is_new_is_told(server, db):
    db.transact(insert(name="a", few=["set", [1, 2]]), insert(name="b"), insert(name="c"))
    away = server.connect()
    found, last, rows = since(away, ZERO)
    assert not found and len(rows) == 3
    away.close()
    db.transact(update("a", few=["set", [2, 3]]))
    db.transact(update("a", map=["map", [["k", "v"]]]))
    db.transact(delete("c"))
    db.transact(insert(name="d"))
    db.transact(update("d", few=7))
    db.transact(insert(name="e"))
    db.transact(delete("e"))
    db.transact(update("b", few=1))
    db.transact(update("b", few=["set", []]))
    back = server.connect()
    found, now, rows = since(back, last)
    assert found and now != last
    assert told(rows) == [{"delete": None}, {"insert": {"name": "d", "few": 7}},
                          {"modify": {"few": ["set", [1, 3]], "map": ["map", [["k", "v"]]]}}]
    db.transact(update("d", few=8))
    n = back.note()
    assert n["method"] == "update3" and n["params"][1] not in (now, ZERO)
    assert since(server.connect(), now) == (True, n["params"][1], n["params"][2]["Root"])


def test_nothing_is_told_when_nothing_is_new(server, db):
    last = since(db, ZERO)[1]
    assert since(server.connect(), last) == (True, last, {})
    db.transact(insert(name="a"))
    last = since(db, last)[1]
    db.transact({"op": "comment", "comment": "nothing"})
    assert since(server.connect(), last) == (True, last, {})


def test_a_row_deleted_and_made_again_under_its_uuid_is_one_change(server, db):
    ident = str(uuid.uuid4())
    db.transact(dict(insert(name="a", few=1), uuid=ident))
    last = since(db, ZERO)[1]
    db.transact(delete("a"))
    db.transact(dict(insert(name="b", few=2), uuid=ident))
    assert since(server.connect(), last)[2] == {ident: {"modify": {"name": "b", "few": ["set", [1, 2]]}}}


def test_rows_that_meet_a_condition_no_more_go_and_others_come(server, db):
    db.transact(insert(name="a", number=1), insert(name="b", number=2))
    last = since(db, ZERO, [["number", "==", 1]])[1]
    db.transact(update("a", number=3))
    db.transact(update("b", number=1))
    db.transact(insert(name="c", number=9))
    found, _, rows = since(server.connect(), last, [["number", "==", 1]], ["name"])
    assert found and told(rows) == [{"delete": None}, {"insert": {"name": "b"}}]


def test_what_is_too_long_ago_or_of_another_run_is_told_whole(server, db):
    db.transact(insert(name="a"))
    last = since(db, ZERO)[1]
    for i in range(100):
        db.transact(update("a", few=i))
    assert since(server.connect(), last)[0]
    db.transact(update("a", few=100))
    found, now, rows = since(server.connect(), last)
    assert not found and told(rows) == [{"initial": {"name": "a", "few": 100}}]
    server.stop()
    server.start()
    assert not since(server.connect(), now)[0]
    error = server.connect().call_error("monitor_cond_since", "T", "m", {}, "no uuid")
    assert error == {"error": "syntax error", "details": "last-txn-id must be UUID format."}


def test_a_failed_transaction_leads_to_no_state(server, db):
    db.transact(insert(name="a"))
    last = since(db, ZERO)[1]
    assert "error" in str(db.transact(insert(name="a")))
    assert since(server.connect(), last)[:2] == (True, last)


def test_clients_that_ask_the_same_part_when_one_changes_its_condition(server, db):
    clients = [server.connect() for _ in range(3)]
    for c in clients:
        assert c.call("monitor_cond", "T", "m", {"Root": [{"columns": ["name"], "where": [["number", "<", 5]]}]}) == {}
    clients[0].call("monitor_cond_change", "m", "n", {"Root": [{"where": [["number", ">", 5]]}]})
    db.transact(insert(name="low", number=1), insert(name="high", number=9))
    names = [[r["insert"]["name"] for r in c.note()["params"][1]["Root"].values()] for c in clients]
    assert names == [["high"], ["low"], ["low"]]


def test_monitors_are_alike_when_their_conditions_are_however_they_came_to_be(server, db):
    """Told from one text: a condition that was changed back and forth is the one it is."""
    here, there = (server.connect() for _ in range(2))
    for c in (here, there):
        c.call("monitor_cond", "T", "m", {"Root": [{"columns": ["name"], "where": [["number", "==", 0]]}]})
    for i in range(200):
        here.call("monitor_cond_change", "m", "m", {"Root": [{"where": [["number", "==", i % 50], ["name", "==", "x" * 1000]]}]})
    for c in (here, there):
        c.call("monitor_cond_change", "m", "m", {"Root": [{"where": [["number", "==", 7]]}]})
    db.transact(insert(name="a", number=7), insert(name="b", number=0))
    assert [told(c.note()["params"][1]["Root"]) for c in (here, there)] == [[{"insert": {"name": "a"}}]] * 2
    db.transact(update("a", number=8))
    assert [told(c.note()["params"][1]["Root"]) for c in (here, there)] == [[{"delete": None}]] * 2


def test_a_wrong_condition_among_several_changes_nothing(server, db):
    db.call("monitor_cond", "T", "m", {"Root": [{"columns": ["name"], "where": [["number", "==", 1]]}],
                                       "Single": [{"where": [False]}]})
    for bad in ({"Root": [{"where": [True]}], "Single": [{"where": [["x", "?", 1]]}]},
                {"Root": [{"where": [True]}], "Child": [{"where": [True]}]}):
        assert db.call_error("monitor_cond_change", "m", "n", bad)["error"] in ("syntax error", "unknown function")
    db.transact(insert(name="a", number=2))
    db.transact(insert(name="b", number=1))
    assert told(db.note()["params"][1]["Root"]) == [{"insert": {"name": "b"}}]
    assert not db.notes


def test_a_client_that_reads_slowly_is_told_many_transactions_at_once(server, db):
    n, size = 3000, 10000
    db.transact(insert(name="a"), insert(name="gone"))
    slow = server.connect()
    value = slow.call("monitor_cond_since", "T", "m", {"Root": [{"columns": ["name", "map"]}]}, ZERO)[2]["Root"]
    for i in range(n):
        db.transact(update("a", map=["map", [["k", f"{i}:" + "x" * size]]]))
    db.transact(delete("gone"), insert(name="new"))
    ident = slow.request("transact", "T", insert(name="mine"))
    assert slow.answer(ident)["error"] is None
    names = {u: r["initial"]["name"] for u, r in value.items()}
    last = ""
    for note in slow.notes:
        for u, what in note["params"][2]["Root"].items():
            if "delete" in what:
                names.pop(u)
            elif "insert" in what:
                names[u] = what["insert"]["name"]
            else:
                last = dict(what["modify"]["map"][1])["k"]
    # Its own came before the reply, too.
    assert sorted(names.values()) == ["a", "mine", "new"] and last.startswith(f"{n - 1}:")
    assert len(slow.notes) < n / 2


def test_each_of_many_clients_is_told_everything_in_order(server, db):
    clients = [server.connect() for _ in range(50)]
    for c in clients:
        c.call("monitor", "T", "m", {"Root": {"columns": ["big"]}})
    db.transact(insert(name="a"))
    for i in range(1, 20):
        db.transact(update("a", big=i))
    for c in clients:
        assert [told(c.note()["params"][1]["Root"])[0]["new"]["big"] for _ in range(20)] == list(range(20))
