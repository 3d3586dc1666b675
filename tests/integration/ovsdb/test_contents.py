# SPDX-License-Identifier: Apache-2.0
"""First contents of a large database: written beside the server's work, and right at whatever moment they were begun."""
import contextlib
import os
import select
import signal
import threading
import uuid

import pytest
from ovsdbtest import Connection
from test_monitor import delete, insert, update

N = 30000
ZERO = str(uuid.UUID(int=0))


@pytest.fixture
def large(server, db):
    for first in range(0, N, 5000):
        db.transact(*(insert(name=f"r{i}", number=i % 100) for i in range(first, first + 5000)))
    return db


def apply(rows, updates):
    for ident, what in updates.get("Root", {}).items():
        ((kind, new),) = what.items()
        if kind == "delete":
            del rows[ident]
        elif kind == "modify":
            assert ident in rows
            rows[ident].update(new)
        else:
            assert kind == "initial" or ident not in rows
            rows[ident] = {"name": "", "big": 0, **new}


def selected(db):
    answer = db.transact({"op": "select", "table": "Root", "where": [], "columns": ["_uuid", "name", "big"]})[0]["rows"]
    return {r["_uuid"][1]: {"name": r["name"], "big": r["big"]} for r in answer}


@pytest.mark.parametrize("method", ["monitor_cond", "monitor_cond_since"])
def test_what_is_committed_meanwhile_is_told_behind_them(server, large, method):
    more = [ZERO] if method.endswith("since") else []
    clients = [server.connect() for _ in range(3)]
    idents = [c.request(method, "T", "m", {"Root": [{"columns": ["name", "big"]}]}, *more) for c in clients]
    # Its own transaction is behind, too; what it asks next waits for the first answer.
    own = clients[0].request("transact", "T", insert(name="own"))
    for i in range(1, 40):
        large.transact(update(f"r{i}", big=i), delete(f"r{N - i}"), insert(name=f"n{i}"))
    seen = []
    for c, ident in zip(clients, idents):
        result = c.answer(ident)["result"]
        rows = {}
        apply(rows, result[2] if more else result)
        seen.append(rows)
    assert clients[0].answer(own)["error"] is None
    last = insert(name="last")
    large.transact(last)
    want = selected(large)
    for c, rows in zip(clients, seen):
        while rows != want:
            apply(rows, c.note()["params"][-1])
        assert not c.notes and c.call("echo") == []


def test_others_are_served_and_clients_may_go_meanwhile(server, large):
    for _ in range(5):
        gone, stays = server.connect(), server.connect()
        gone.request("monitor", "T", "m", {"Root": {}})
        ident = stays.request("monitor", "T", "m", {"Root": {"columns": ["name"]}})
        large.transact(update("r1", big=1))
        gone.close()
        assert len(stays.answer(ident)["result"]["Root"]) == N
        stays.close()


def test_a_database_that_changes_meanwhile(server, large):
    large.call("set_db_change_aware", True)
    schema = large.call("get_schema", "T")
    c = server.connect()
    c.call("set_db_change_aware", True)
    ident = c.request("monitor", "T", "m", {"Root": {}})
    later = c.request("get_schema", "T")
    converts = threading.Thread(target=large.call, args=("convert", "T", schema))
    converts.start()
    m = c.answer(ident)
    # Either all of it, or the word that it cannot be any more.
    assert len((m["result"] or {}).get("Root", [])) == N or m["error"]["error"] == "resources exhausted"
    converts.join()
    assert c.answer(later)["result"]["name"] == "T"
    ident = c.request("monitor", "T", "again", {"Root": {}})
    control = Connection(server.control)
    control.call("ovsdb-server/remove-db", "T")
    m = c.answer(ident)
    assert m["error"] or len(m["result"]["Root"]) == N
    assert c.call("list_dbs") == ["_Server"]


def test_a_monitor_whose_contents_cannot_be_written_is_none(server, large):
    children = f"/proc/{server.process.pid}/task/{server.process.pid}/children"
    for i in range(200):
        c = server.connect()
        ident = c.request("monitor", "T", "m", {"Root": {"columns": ["name"], "select": {"delete": i % 2 == 0}}})
        while not select.select([c.sock], [], [], 0)[0]:
            for pid in open(children).read().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        if c.answer(ident)["error"]:
            break
        c.close()
    else:
        raise AssertionError("no child was caught at work")
    large.transact(update("r1", big=i))
    assert c.call("echo") == [] and not c.notes
    # The name is free again.
    assert len(c.call("monitor", "T", "m", {"Root": {"columns": ["name"]}})["Root"]) == N


def test_a_condition_that_few_rows_meet(server, large):
    c = server.connect()
    rows = c.call("monitor_cond", "T", "m", {"Root": [{"columns": ["name"], "where": [["name", "==", "r7"]]}]})["Root"]
    assert [r["initial"]["name"] for r in rows.values()] == ["r7"]
    assert c.call("monitor_cond", "T", "n", {"Root": [{"columns": ["name"], "where": [["name", "==", "nobody"]]}]}) == {}
