# SPDX-License-Identifier: Apache-2.0
"""Clients that take more than their part: what they cost the server and others is bounded."""
import json
import os
import resource
import select

import pytest
from ovsdbtest import Closed, wait_until
from test_monitor import insert, update

MB = 1 << 20


def rss(server):
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def answers_now(db):
    db.transact(update("a", big=1))
    assert db.call("echo") == []


@pytest.mark.parametrize("method, params", [
    ("transact", ["T", {"op": "select", "table": "Root", "where": []}]), ("echo", ["x" * 100000]), ("get_schema", ["T"])])
def test_who_asks_and_does_not_read_gets_no_more_answers_until_it_does(server, db, method, params):
    db.transact(insert(name="a", map=["map", [["k", "x" * 200000]]]))
    greedy = server.connect()
    greedy.sock.setblocking(False)
    request = json.dumps({"method": method, "params": params, "id": "ID"})
    before, sent, asked = rss(server), b"", 0
    # Until the server takes nothing any more.
    while asked < 20000:
        sent = sent or request.replace("ID", str(asked)).encode()
        try:
            sent = sent[greedy.sock.send(sent):]
        except BlockingIOError:
            answers_now(db)
            if not select.select([], [greedy.sock], [], 0.2)[1]:
                break
        if not sent:
            asked += 1
    assert asked < 20000, "the server took everything"
    assert rss(server) - before < 64 * MB
    # Each answer comes, in order, when it is read.
    greedy.sock.settimeout(30)
    for i in range(asked):
        m = greedy.receive()
        assert m["id"] == str(i) and m["error"] is None
    answers_now(db)


def test_what_is_no_message_is_cut_off(server, db):
    stranger = server.connect()
    stranger.sock.settimeout(30)
    piece = b'{"method": "' + b"x" * MB
    with pytest.raises(OSError):
        for _ in range(40):
            stranger.sock.sendall(piece)
            piece = b"x" * MB
    wait_until(lambda: "message too large" in server.errors(), "the reason in the log")
    db.transact(insert(name="a"))
    # Who has sent a good request may send a larger one.
    r = db.transact(insert(name="big", map=["map", [["k", "x" * (20 * MB)]]]))
    assert "uuid" in r[0]


def test_nesting_has_an_end(server, db):
    stranger = server.connect()
    stranger.send(b'{"method":"echo","id":1,"params":' + b"[" * 100000 + b"]" * 100000 + b"}")
    with pytest.raises(Closed):
        stranger.receive()
    db.transact(insert(name="a"))


def test_many_that_connect_and_say_nothing_are_nothing_to_others(server, db):
    db.transact(insert(name="a"))
    silent = [server.connect() for _ in range(400)]
    for c in silent[::2]:
        c.send(b'{"method":')
    answers_now(db)
    for c in silent:
        c.close()
    wait_until(lambda: "sessions:1" in server.appctl("memory/show").split(), "them to be forgotten")
    answers_now(db)


def test_a_server_without_descriptors_goes_on_with_who_is_there(server, db):
    """And with who waits, when there are some again."""
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (40, 4096))
    more = []
    while "accept failed" not in server.errors():
        more.append(server.connect())
    last = server.connect()
    answers_now(db)
    for c in more:
        c.close()
    assert last.call("echo") == []


def test_a_large_first_answer_does_not_count_as_not_reading(server, db):
    """One that is slow to take the contents is told the rest later, and is not disconnected."""
    for i in range(12):
        db.transact(insert(name=f"{i}", map=["map", [["k", "x" * MB]]]))
    slow = server.connect()
    ident = slow.request("monitor", "T", "m", {"Root": {"columns": ["name", "map"]}})
    for i in range(50):
        db.transact(update("0", big=i), update("1", map=["map", [["k", f"{i}" + "y" * MB]]]))
    assert len(slow.answer(ident)["result"]["Root"]) == 12
    last = None
    while not (last or "").startswith("49y"):
        (row,) = slow.note()["params"][1]["Root"].values()
        last = dict(row["new"]["map"][1])["k"]
