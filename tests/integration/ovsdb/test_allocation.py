# SPDX-License-Identifier: Apache-2.0
"""One allocation of the server's fails: every one in turn with OES_LONG, else a hundred of them. It ends with one line at once, or does
without; what it has acknowledged is in the file."""
import os
import shutil
import signal
import subprocess

import pytest

from ovsdbtest import PATIENCE, Closed, Connection, Server, create, run, wait_until

# Not under a sanitizer, which has an allocator of its own.
pytestmark = pytest.mark.slow
SOME = 100
MORE = {"op": "mutate", "table": "Root", "where": [["name", "==", "r1"]], "mutations": [["big", "+=", 7]]}


def insert(i):
    return [{"op": "insert", "table": "Child", "row": {"name": "c%d" % i}, "uuid-name": "c"},
            {"op": "insert", "table": "Root", "row": {"name": "r%d" % i, "child": ["named-uuid", "c"], "few": ["set", [1, 2]],
                                                      "map": ["map", [["k", "x" * 200 * i]]]}}]


SCRIPT = [insert(1), insert(2), [MORE], insert(3), [{"op": "delete", "table": "Root", "where": [["name", "==", "r2"]]}],
          [{"op": "update", "table": "Root", "where": [], "row": {"colour": "red"}}, {"op": "comment", "comment": "all red"}]]


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory):
    """A library that lets an allocation fail."""
    cc = shutil.which("cc") or shutil.which("gcc")
    if not cc:
        pytest.skip("needs a C compiler")
    path = tmp_path_factory.mktemp("preloaded") / "fail-malloc.so"
    run(cc, "-shared", "-fPIC", "-O1", "-o", path, os.path.join(os.path.dirname(__file__), "fail-malloc.c"))
    return path


def content(c):
    """What is in the tables, without uuids and whatever changes from run to run."""
    rows = c.transact(*({"op": "select", "table": t, "where": [], "columns": columns}
                        for t, columns in (("Root", ["name", "big", "few", "map", "colour"]), ("Child", ["name"]))))
    return [sorted(map(repr, r["rows"])) for r in rows]


def play(server, states=None):
    """How many transactions of the script were acknowledged; with 'states', what there was after each."""
    done = 0
    try:
        watcher = Connection(server.socket)
        watcher.call("monitor_cond_since", "T", "m", {"Root": [{}], "Child": [{}]}, "0" * 8 + "-0000-0000-0000-" + "0" * 12)
        writer = Connection(server.socket)
        for ops in SCRIPT:
            result = writer.transact(*ops)
            assert not any(r and "error" in r for r in result), result
            done += 1
            if states is not None:
                states.append(content(writer))
            while watcher.note()["params"][0] != "m":
                pass
        server.appctl("ovsdb-server/compact")
        server.appctl("exit")
    except (Closed, OSError):
        pass
    return done


def fail_at(server, n, empty):
    """How the server ended whose allocation 'n' failed."""
    shutil.copy(empty, server.db)
    before = len(server.errors()) if (server.dir / "server.err").exists() else 0
    server.start(wait=False)
    wait_until(lambda: server.process.poll() is not None or server.accepts(), "the server, or its end")
    acknowledged = play(server)
    try:
        status = server.process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.fail("allocation %d: the server neither ends nor serves" % n)
    said = server.errors()[before:]
    assert status in (0, 1, -signal.SIGABRT), (n, status, said)
    # Whoever is not served is told why.
    assert status == 0 or said.strip(), n
    if status == 0:
        assert acknowledged == len(SCRIPT), (n, said)
    return status, acknowledged


def check_file(server, n, acknowledged, states):
    server.start()
    c = server.connect()
    there = content(c)
    c.close()
    server.stop()
    assert there in states[acknowledged:acknowledged + 2], (n, acknowledged, there)


def test_an_allocation_that_fails_costs_nothing_that_was_acknowledged(tmp_path, preloaded, monkeypatch):
    empty = create(tmp_path).rename(tmp_path / "empty.db")
    server = Server(tmp_path, tmp_path / "t.db", ["--on-corruption=refuse", "-vconsole:err"])
    counted = tmp_path / "allocations"
    shutil.copy(empty, server.db)
    server.start()
    c = server.connect()
    states = [content(c)]
    c.close()
    play(server, states)
    server.process.wait(PATIENCE)
    assert len(states) == len(SCRIPT) + 1

    shutil.copy(empty, server.db)
    with monkeypatch.context() as m:
        m.setenv("LD_PRELOAD", str(preloaded))
        m.setenv("OES_ALLOCATIONS", str(counted))
        server.start()
        assert play(server) == len(SCRIPT)
        server.process.wait(PATIENCE)
    n_all = int(counted.read_text())
    assert n_all > 500
    ended = []
    for n in range(1, n_all + 1, 1 if os.environ.get("OES_LONG") else max(1, n_all // SOME)):
        with monkeypatch.context() as m:
            m.setenv("LD_PRELOAD", str(preloaded))
            m.setenv("OES_FAIL_AT", str(n))
            status, acknowledged = fail_at(server, n, empty)
        check_file(server, n, acknowledged, states)
        ended.append(status)
    # Most cannot be done without.
    assert ended.count(-signal.SIGABRT) > len(ended) // 2
