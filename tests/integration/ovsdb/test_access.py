# SPDX-License-Identifier: Apache-2.0
"""What a remote's clients may do: roles, read-only remotes, and a configuration file that says what is served where."""
import copy
import json
import os
import subprocess

import pytest
from ovsdbtest import Connection, Server, TEST_SCHEMA, create, program, run, wait_until
from test_monitor import insert, update
from test_replication import rows

ROLES = {
    "Listeners": {"isRoot": True, "columns": {"listeners": {"type": {
        "key": {"type": "uuid", "refTable": "Listener"}, "min": 0, "max": "unlimited"}}}},
    "Listener": {"isRoot": True, "columns": {
        "target": {"type": "string"}, "read_only": {"type": "boolean"}, "role": {"type": "string"},
        "inactivity_probe": {"type": {"key": "integer", "min": 0, "max": 1}},
        "other_config": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}}},
    "RBAC_Role": {"isRoot": True, "columns": {
        "name": {"type": "string"},
        "permissions": {"type": {"key": "string", "value": {"type": "uuid", "refTable": "RBAC_Permission", "refType": "weak"},
                                 "min": 0, "max": "unlimited"}}}},
    "RBAC_Permission": {"isRoot": True, "columns": {
        "table": {"type": "string"}, "insert_delete": {"type": "boolean"},
        "authorization": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
        "update": {"type": {"key": "string", "min": 0, "max": "unlimited"}}}}}


def schema():
    s = copy.deepcopy(TEST_SCHEMA)
    s["tables"].update(ROLES)
    return s


@pytest.fixture
def guarded(tmp_path):
    """A server with a listener r.sock whose row is in its own database, and a role "r" that may write Root."""
    s = Server(tmp_path, create(tmp_path, schema()), args=["--remote=db:T,Listeners,listeners"]).start()
    c = s.connect()
    c.transact({"op": "insert", "table": "Listener", "uuid-name": "l", "row": {"target": f"punix:{tmp_path}/r.sock"}},
               {"op": "insert", "table": "Listeners", "row": {"listeners": ["named-uuid", "l"]}},
               {"op": "insert", "table": "RBAC_Permission", "uuid-name": "p", "row": {
                   "table": "Root", "insert_delete": True, "authorization": "name", "update": ["set", ["few", "map:mine"]]}},
               {"op": "insert", "table": "RBAC_Role", "row": {"name": "r", "permissions": ["map", [["Root", ["named-uuid", "p"]]]]}})
    c.close()
    wait_until(lambda: os.path.exists(tmp_path / "r.sock"), "the listener")
    yield s
    s.stop()


def limited(server, **row):
    """A client of the listener, whose row gets these columns."""
    server.connect().transact({"op": "update", "table": "Listener", "where": [], "row": row})
    return Connection(server.dir / "r.sock")


def test_a_role_without_a_name_may_write_nothing(guarded):
    guarded.connect().transact(insert(name="a"))
    c = limited(guarded, role="r")
    refused = 'RBAC rules for client "(none)" role "r" prohibit '
    for op, what in ((insert(name="x"), 'row insertion into table "Root".'),
                     ({"op": "insert", "table": "Child", "row": {}}, 'row insertion into table "Child".'),
                     (update("a", few=1), 'modification of table "Root".'),
                     ({"op": "mutate", "table": "Root", "where": [], "mutations": [["few", "+=", 1]]},
                      'mutate operation on table "Root".'),
                     ({"op": "delete", "table": "Root", "where": []}, 'row deletion from table "Root".')):
        assert c.transact(op)[0] == {"error": "permission error", "details": refused + what}
    assert len(c.transact({"op": "select", "table": "Root", "where": [], "columns": ["name"]})[0]["rows"]) == 1
    assert c.call_error("convert", "T", schema())["error"] == "not allowed"
    # Clients of other remotes are not concerned.
    assert guarded.connect().transact(update("a", few=1)) == [{"count": 1}]


def test_an_unknown_role_may_write_nothing(guarded):
    c = limited(guarded, role="nobody")
    assert c.transact(insert(name="a"))[0]["error"] == "permission error"


def test_a_role_acts_while_clients_are_connected(guarded):
    c = limited(guarded)
    assert "uuid" in c.transact(insert(name="a"))[0]
    limited(guarded, role="nobody").close()
    assert c.transact(insert(name="b"))[0]["error"] == "permission error"
    limited(guarded, role="").close()
    assert "uuid" in c.transact(insert(name="b"))[0]


def test_a_remote_that_is_read_only(guarded):
    c = limited(guarded, read_only=True)
    assert c.transact(insert(name="a"))[0]["error"] == "not allowed"
    assert c.call("monitor", "T", 1, {"Root": {}}) == {}
    assert c.call_error("convert", "T", schema())["error"] == "not allowed"
    limited(guarded, read_only=False).close()
    assert "uuid" in c.transact(insert(name="a"))[0]


# ---- --config-file ----

class Configured(Server):
    """A server that reads DIR/config.json."""

    def __init__(self, directory, config):
        super().__init__(directory, None)
        self.config = self.dir / "config.json"
        self.write(config)

    def write(self, config):
        self.config.write_text(config if isinstance(config, str) else json.dumps(config))

    def start(self, wait=True):
        env = dict(os.environ, OVS_RUNDIR=str(self.dir), OVS_LOGDIR=str(self.dir), OVS_DBDIR=str(self.dir))
        self.log = open(self.dir / "server.err", "ab")
        self.process = subprocess.Popen([self.binary, f"--config-file={self.config}", f"--unixctl={self.control}"], env=env,
                                        stdout=self.log, stderr=self.log)
        if wait:
            wait_until(lambda: self.accepts() or self.process.poll() is not None, "the server")
            assert self.process.poll() is None, self.errors()
        return self


@pytest.fixture
def configured(tmp_path):
    path = create(tmp_path)
    s = Configured(tmp_path, {"remotes": {f"punix:{tmp_path}/db.sock": {}}, "databases": {str(path): {}}})
    yield s
    s.stop()


def test_a_file_says_what_is_served_and_where(configured, tmp_path):
    configured.start()
    c = configured.connect()
    assert c.call("list_dbs") == ["T", "_Server"]
    c.call("set_db_change_aware", True)
    other = dict(TEST_SCHEMA, name="U")
    (tmp_path / "u.json").write_text(json.dumps(other))
    run(program("ovsdb-tool"), "create", tmp_path / "u.db", tmp_path / "u.json")
    configured.write({"remotes": {f"punix:{tmp_path}/db.sock": {}, f"punix:{tmp_path}/ro.sock": {"read-only": True}},
                      "databases": {str(tmp_path / "u.db"): {"service-model": "standalone"}}})
    assert configured.appctl("ovsdb-server/reload") == ""
    assert c.call("list_dbs") == ["U", "_Server"]
    ro = Connection(tmp_path / "ro.sock")
    assert ro.transact(insert(name="a"), db="U")[0]["error"] == "not allowed"
    assert "uuid" in c.transact(insert(name="a"), db="U")[0]
    # An option that changes acts at once.
    configured.write({"remotes": {f"punix:{tmp_path}/db.sock": {}, f"punix:{tmp_path}/ro.sock": {"read-only": False}},
                      "databases": {str(tmp_path / "u.db"): {}}})
    configured.appctl("ovsdb-server/reload")
    assert "uuid" in ro.transact(insert(name="b"), db="U")[0]
    control = Connection(configured.control)
    assert "ovsdb-server/reload" in control.call_error("ovsdb-server/add-db", "x")


def test_a_file_with_a_relay_and_a_backup(configured, tmp_path):
    (tmp_path / "copies").mkdir()
    copy_path = create(tmp_path / "copies")
    configured.start()
    configured.connect().transact(insert(name="a"))
    source = {f"unix:{tmp_path}/db.sock": {"inactivity-probe": 10000, "max-backoff": 1000}}
    copies = Configured(tmp_path / "copies", {
        "remotes": {f"punix:{tmp_path}/copies/db.sock": None},
        "databases": {str(copy_path): {"service-model": "active-backup", "backup": True, "source": source,
                                       "exclude-tables": ["Single"]}}})

    def names(server):
        return [r["name"] for r in rows(server) or []]

    try:
        copies.start()
        wait_until(lambda: names(copies) == ["a"], "the backup")
        assert copies.connect().transact(insert(name="x"))[0]["error"] == "not allowed"
        assert copies.appctl("ovsdb-server/sync-status").endswith("exclude: T:Single\n")
        for command in (["set-active-ovsdb-server", "unix:x"], ["connect-active-ovsdb-server"], ["disconnect-active-ovsdb-server"],
                        ["set-active-ovsdb-server-probe-interval", "1"], ["set-sync-exclude-tables", ""]):
            control = Connection(copies.control)
            assert "use ovsdb-server/reload" in control.call_error("ovsdb-server/" + command[0], *command[1:])
        assert copies.connect().transact(insert(name="x"))[0]["error"] == "not allowed"
        copies.write({"remotes": {f"punix:{tmp_path}/copies/db.sock": None},
                      "databases": {"T": {"service-model": "relay", "source": source}}})
        copies.appctl("ovsdb-server/reload")
        wait_until(lambda: names(copies) == ["a"], "the relay")
        assert "uuid" in copies.connect().transact(insert(name="b"))[0]
        assert names(configured) == ["a", "b"]
    finally:
        copies.stop()


def test_a_reload_leaves_alone_what_has_not_changed(configured, tmp_path):
    configured.start()
    for name in ("backup", "relay"):
        (tmp_path / name).mkdir()
        remotes = {f"punix:{tmp_path}/{name}/db.sock": None}

        def databases(**options):
            source = {f"unix:{tmp_path}/db.sock": options}
            return {"T": {"service-model": "relay", "source": source}} if name == "relay" else {
                str(tmp_path / name / "t.db"): {"service-model": "active-backup", "backup": True, "source": source,
                                                "exclude-tables": ["Single"]}}

        create(tmp_path / name)
        copies = Configured(tmp_path / name, {"remotes": remotes, "databases": databases()}).start()
        try:
            wait_until(lambda: copies.errors().count("T: follows") == 1, "the copy")
            for new in ({"databases": databases()}, {"remotes": remotes, "databases": databases(**{"inactivity-probe": 7000})}):
                copies.write({"remotes": remotes, **new})
                assert copies.appctl("ovsdb-server/reload") == ""
                assert copies.connect().call("list_dbs") == ["T", "_Server"]
            assert copies.errors().count("T: follows") == copies.errors().count(": connected") == 1
            # A connection is marked when it is made.
            copies.write({"remotes": remotes, "databases": databases(dscp=10)})
            assert copies.appctl("ovsdb-server/reload") == ""
            wait_until(lambda: copies.errors().count("T: follows") == 2, "the new connection")
        finally:
            copies.stop()


def test_a_relay_does_not_lend_its_own_rights(guarded, tmp_path):
    (tmp_path / "relay").mkdir()
    source = {f"unix:{tmp_path}/db.sock": {}}
    relay = Configured(tmp_path / "relay", {
        "remotes": {f"punix:{tmp_path}/relay/{name}.sock": options for name, options in
                    (("db", {}), ("ro", {"read-only": True}), ("r", {"role": "r"}))},
        "databases": {"T": {"service-model": "relay", "source": source}}}).start()
    try:
        wait_until(lambda: rows(relay) == [], "the relay")
        ro, r = Connection(relay.dir / "ro.sock"), Connection(relay.dir / "r.sock")
        assert ro.transact(insert(name="x"))[0]["error"] == "not allowed"
        assert r.transact(insert(name="x"))[0]["error"] == "permission error"
        assert "uuid" in relay.connect().transact(insert(name="a"))[0]
        # What comes behind an operation that waits is not left unseen.
        wait = {"op": "wait", "table": "Root", "where": [], "columns": ["name"], "until": "==", "rows": []}
        assert r.transact(dict(wait, timeout=0), insert(name="x"))[0]["error"] == "timed out"
        assert r.call_error("transact", "T", wait, insert(name="x"))["error"] == "not supported"
        assert [row["name"] for row in rows(guarded)] == ["a"]
    finally:
        relay.stop()


def test_a_database_that_cannot_be_opened_does_not_keep_out_the_others(configured, tmp_path):
    configured.start()
    other = tmp_path / "other"
    other.mkdir()
    path = create(other, dict(TEST_SCHEMA, name="U"))
    configured.write({"remotes": {f"punix:{tmp_path}/new.sock": {}},
                      "databases": {"/nowhere/a": {}, str(path): {}, "/nowhere/z": {}}})
    why = Connection(configured.control).call_error("ovsdb-server/reload")
    assert "open failed" in why
    assert Connection(tmp_path / "new.sock").call("list_dbs") == ["U", "_Server"]
    assert all(f"/nowhere/{x}" in why + configured.errors() for x in "az")


@pytest.mark.parametrize("text, why", [
    ("{", "config.json: "), ("[]", "config.json: "), ('{"x": 1}', '"x" is neither "remotes" nor "databases"'),
    ('{"remotes": {"punix:x": {"colour": 1}}}', '"colour" is no option of a remote'),
    ('{"remotes": {"punix:x": {"dscp": 64}}}', "a number from 0 to 63 is expected"),
    ('{"remotes": {"bad:x": {}}}', "bad:x: not a connection method"),
    ('{"databases": {"x": {"service-model": "odd"}}}', 'x: "odd" is no service model'),
    ('{"databases": {"x": {"service-model": "clustered"}}}', "the clustered service model is not there"),
    ('{"databases": {"x": {"service-model": "relay"}}}', 'x: a "source" is needed'),
    ('{"databases": {"x": {"exclude-tables": ["a"]}}}', 'only an active-backup database has "backup" and "exclude-tables"'),
    ('{"databases": {"x": {"service-model": "relay", "source": {"tcp:x": {"role": "r"}}}}}', 'neither "read-only" nor "role"'),
    ('{"databases": {"/nowhere/x": {}}}', "/nowhere/x: open failed"),
    ('{"databases": {"x": {"model": 1}}}', '"model" is no member of a database')])
def test_a_file_that_is_wrong_is_refused_by_name(configured, text, why):
    good = configured.config.read_text()
    configured.write(text)
    configured.start(wait=False)
    assert configured.process.wait(30) == 1
    assert why in configured.errors()
    configured.write(good)
    configured.start()
    configured.write(text)
    assert why in Connection(configured.control).call_error("ovsdb-server/reload")
    assert configured.process.poll() is None
