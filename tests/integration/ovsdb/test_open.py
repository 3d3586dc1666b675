# SPDX-License-Identifier: Apache-2.0
"""A database that is added while others are served: its file is read in slices."""
import json
import shutil

import pytest
from ovsdbtest import Connection, TEST_SCHEMA, program, run, wait_until
from test_access import Configured
from test_convert import counter
from test_monitor import insert

N = 6000


def make(server, path, schema=dict(TEST_SCHEMA, name="U"), n=N):
    """A file with 'n' rows, all in one record."""
    (server.dir / "u.json").write_text(json.dumps(schema))
    run(program("ovsdb-tool"), "create", path, server.dir / "u.json")
    server.appctl("ovsdb-server/add-db", str(path))
    c = server.connect()
    c.call("set_db_change_aware", True)
    for first in range(0, n, 2000):
        c.transact(*(insert(name=f"r{i}") for i in range(first, first + 2000)), db=schema["name"])
    server.appctl("ovsdb-server/compact", schema["name"])
    server.appctl("ovsdb-server/remove-db", schema["name"])
    return path


@pytest.fixture
def large(server):
    return make(server, server.dir / "u.db")


def count(c, name="U"):
    return len(c.transact({"op": "select", "table": "Root", "where": [], "columns": ["name"]}, db=name)[0]["rows"])


def test_it_is_read_in_slices_and_not_there_before_all_of_it_is(server, large):
    before = counter(server, "ovsdb_open_slice")
    aware = server.connect()
    aware.call("set_db_change_aware", True)
    aware.call("monitor", "_Server", "m", {"Database": {"columns": ["name"]}})
    control = Connection(server.control)
    added, listed = control.request("ovsdb-server/add-db", str(large)), control.request("ovsdb-server/list-dbs")
    assert control.answer(listed)["result"].split() == ["T", "_Server"]
    assert control.answer(added)["result"] == ""
    assert control.call("ovsdb-server/list-dbs").split() == ["T", "U", "_Server"]
    # The one record is looked through, applied, committed in several steps and finished.
    assert counter(server, "ovsdb_open_slice") - before >= 5 * N // 250
    assert [r["new"]["name"] for r in aware.note()["params"][1]["Database"].values()] == ["U"]
    assert count(server.connect()) == N


def test_others_are_served_meanwhile(server, large):
    control, db = Connection(server.control), server.connect()
    db.call("set_db_change_aware", True)
    added = control.request("ovsdb-server/add-db", str(large))
    assert "uuid" in db.transact(insert(name="meanwhile"))[0]
    assert count(db, "T") == 1
    assert control.answer(added)["error"] is None


def test_removing_it_meanwhile_ends_it(server, large):
    control = Connection(server.control)

    def removed_meanwhile():
        start = counter(server, "ovsdb_open_slice")
        added = control.request("ovsdb-server/add-db", str(large))
        # Its name is known once the file is in memory.
        wait_until(lambda: counter(server, "ovsdb_open_slice") > start + 20, "it is being read")
        assert server.appctl("ovsdb-server/remove-db", "U") == ""
        error = control.answer(added)["error"]
        assert error in (None, f"{large}: removed while it was being read\n")
        return error  # else it was there already

    wait_until(removed_meanwhile, "an answer in time")
    assert "U" not in server.connect().call("list_dbs")
    server.appctl("ovsdb-server/add-db", str(large))
    assert count(server.connect()) == N


def test_a_file_is_read_once_at_a_time_and_a_name_served_once(server, large):
    shutil.copy(large, server.dir / "copy.db")
    control = Connection(server.control)
    first, again, other = [control.request("ovsdb-server/add-db", str(server.dir / name)) for name in ("u.db", "u.db", "copy.db")]
    assert control.answer(again)["error"] == f"{large}: is being read already\n"
    assert control.answer(first)["error"] is None
    assert control.answer(other)["error"] == f"{server.dir}/copy.db: a database named U is served already\n"
    # Nothing of the one that was not served is left open.
    run(program("ovsdb-tool"), "compact", server.dir / "copy.db")


def test_a_file_with_a_damaged_record_is_salvaged(server, large):
    data = bytearray(large.read_bytes())
    data += data[data.index(b"OVSDB JSON", 1):].replace(b"r5999", b"r5998")
    large.write_bytes(data)
    server.appctl("ovsdb-server/add-db", str(large))
    assert count(server.connect()) == N
    assert [f for f in server.dir.iterdir() if ".corrupt-" in f.name]


def test_the_server_ends_meanwhile(server, large):
    control = Connection(server.control)
    added = control.request("ovsdb-server/add-db", str(large))
    control.request("exit")
    assert server.process.wait(30) == 0
    assert added
    server.start()
    server.appctl("ovsdb-server/add-db", str(large))
    assert count(server.connect()) == N


def test_a_reload_is_answered_when_all_of_it_is_there(server, large, tmp_path):
    other = tmp_path / "configured"
    other.mkdir()
    s = Configured(other, {"remotes": {f"punix:{other}/db.sock": {}}, "databases": {}})
    try:
        s.start()
        s.write({"remotes": {f"punix:{other}/db.sock": {}, f"punix:{other}/two.sock": {}},
                 "databases": {str(large): {}, str(tmp_path / "nosuch.db"): {}}})
        control = Connection(s.control)
        first, second = control.request("ovsdb-server/reload"), control.request("ovsdb-server/reload")
        assert "still being read since the last reload" in control.answer(second)["error"]
        # One that fails does not keep the others from being there.
        assert "nosuch.db: open failed" in control.answer(first)["error"]
        assert count(Connection(other / "two.sock")) == N
    finally:
        s.stop()
