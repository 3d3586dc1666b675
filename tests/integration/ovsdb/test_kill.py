# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments, under transactions from several connections: 2,000 times (OES_KILLS)."""
import json
import os
import random
import select
import socket
import time

import pytest

from ovsdbtest import PATIENCE, Server, create, program, run

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("OES_KILLS", "2000"))
WRITERS = 3
KEPT = 300  # rows, then all of them are deleted


class Writer:
    """A connection that has one insertion under way at any time."""

    def __init__(self, server, numbers):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(server.socket))
        self.numbers = numbers
        self.text = b""
        self.asked = None
        self.ask()

    def ask(self):
        self.asked = next(self.numbers)
        op = {"op": "insert", "table": "Root", "row": {"name": "n%d" % self.asked, "map": ["map", [["k", "x" * (self.asked % 900)]]]}}
        self.sock.sendall(json.dumps({"method": "transact", "params": ["T", op], "id": self.asked}).encode())

    def take(self, acknowledged):
        """Reads what has come; False when the server is gone."""
        try:
            data = self.sock.recv(65536)
        except OSError:
            return False
        self.text += data
        try:
            answer = json.loads(self.text)
        except ValueError:
            return bool(data)
        assert answer["id"] == self.asked and "uuid" in answer["result"][0], answer
        acknowledged.add(self.asked)
        self.text = b""
        return True


def connect(server):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return server.connect()
        except OSError:
            assert server.process.poll() is None and time.monotonic() < end, server.errors()
            time.sleep(0.001)


def numbers_there(conn):
    rows = conn.transact({"op": "select", "table": "Root", "where": [], "columns": ["name"]})[0]["rows"]
    return {int(r["name"][1:]) for r in rows}


def compact(server):
    """Begins to; nobody waits for the end."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(server.control))
        s.sendall(b'{"method":"ovsdb-server/compact","params":[],"id":1}')


def write_until_killed(server, rng, numbers, acknowledged):
    """Kills the server in the middle of what its clients ask."""
    writers = [Writer(server, numbers) for _ in range(WRITERS)]
    wanted = rng.randrange(1, 12)
    got = 0
    while got < wanted:
        ready = select.select([w.sock for w in writers], [], [], PATIENCE)[0]
        assert ready
        for w in writers:
            if w.sock in ready:
                before = len(acknowledged)
                assert w.take(acknowledged)
                got += len(acknowledged) - before
                if len(acknowledged) > before:
                    w.ask()
    for _ in range(rng.randrange(200)):  # somewhere in the next commit
        pass
    server.kill()
    # What it sent before it died counts, too.
    for w in writers:
        while w.take(acknowledged):
            pass
        w.sock.close()


def test_kill_9(tmp_path):
    seed = int(os.environ.get("OES_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print("OES_SEED=%d" % seed)
    rng = random.Random(seed)
    server = Server(tmp_path, create(tmp_path), ["--on-corruption=refuse"])
    numbers = iter(range(1 << 40))
    acknowledged = set()
    total = 0
    for round_ in range(KILLS):
        server.start(wait=False)
        conn = connect(server)
        there = numbers_there(conn)
        assert acknowledged <= there, (seed, round_, sorted(acknowledged - there)[:5])
        if len(there) > KEPT:
            conn.transact({"op": "delete", "table": "Root", "where": []})
            total += len(acknowledged)
            acknowledged.clear()
        if rng.randrange(8) == 0:
            compact(server)
        write_until_killed(server, rng, numbers, acknowledged)
        conn.close()
        server.log.close()
    rows = json.loads(run(program("ovsdb-tool"), "query", server.db,
                          '["T",{"op":"select","table":"Root","where":[],"columns":["name"]}]').stdout)[0]["rows"]
    assert acknowledged <= {int(r["name"][1:]) for r in rows}, seed
    print("%d kills, %d acknowledged" % (KILLS, total + len(acknowledged)))
    assert total + len(acknowledged) >= KILLS
