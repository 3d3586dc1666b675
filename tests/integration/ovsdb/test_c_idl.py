# SPDX-License-Identifier: Apache-2.0
"""The client's replica in C with servers of ours and Debian's: what comes after a break, older servers, changed schemas, remotes."""
import json

import pytest

import ovsdbtest
from idltest import SCHEMA, Proxy, Replica
from ovsdbtest import Server, peer, program, run, wait_until


@pytest.fixture(params=["ours", "debian"])
def server(request, tmp_path):
    if request.param == "debian" and not peer("ovsdb-server"):
        pytest.skip("no peer programs")
    run(program("ovsdb-tool"), "create", tmp_path / "idl.db", SCHEMA)
    s = Server(tmp_path, tmp_path / "idl.db", binary=peer("ovsdb-server") if request.param == "debian" else None).start()
    yield s
    s.stop()


@pytest.fixture
def proxy(server, tmp_path):
    p = Proxy(tmp_path / "proxy.sock", server.socket)
    yield p
    p.close()


def is_ours(server):
    return server.binary == program("ovsdb-server")


def insert(server, *names, value=0):
    c = server.connect()
    for r in c.transact(*({"op": "insert", "table": "Entry", "row": {"name": n, "value": value}} for n in names), db="Idltest"):
        assert "error" not in r, r
    c.close()


def update(server, name, **row):
    c = server.connect()
    assert c.transact({"op": "update", "table": "Entry", "where": [["name", "==", name]], "row": row}, db="Idltest") == [{"count": 1}]
    c.close()


def delete(server, name):
    c = server.connect()
    assert c.transact({"op": "delete", "table": "Entry", "where": [["name", "==", name]]}, db="Idltest") == [{"count": 1}]
    c.close()


def test_new_connection_takes_only_changes(server, proxy):
    insert(server, *("entry%04d" % i for i in range(1000)))
    with Replica("unix:%s" % proxy.path).sync() as r:
        assert proxy.received > 50000
        assert r.ask("count") == "1000"
        r.ask("tracked")
        proxy.cut()
        wait_until(lambda: proxy.connections == 2, "the second connection")
        update(server, "entry0005", value=7)
        assert r.ask("wait-for entry0005=7") == "ok"
        # Debian's server keeps no history of a database that is in no cluster: only differences count all the same.
        assert proxy.received < 10000 or not is_ours(server)
        assert r.ask("tracked") == "*entry0005=7"
        assert r.ask("count") == "1000"


def test_changes_during_a_break(server, proxy):
    insert(server, *("entry%04d" % i for i in range(300)))
    with Replica("unix:%s" % proxy.path).sync() as r:
        r.ask("tracked")
        proxy.target = server.dir / "none"
        proxy.cut()
        update(server, "entry0005", value=7)
        delete(server, "entry0006")
        insert(server, "new")
        proxy.target = server.socket
        assert r.ask("wait-for new") == "ok"
        assert proxy.received < 10000 or not is_ours(server)
        assert sorted(r.ask("tracked").split()) == ["*entry0005=7", "+new=0", "-entry0006=0"]


def test_restart_of_the_server(server):
    insert(server, "a", "b")
    with Replica("unix:%s" % server.socket).sync() as r:
        r.ask("tracked")
        server.kill()
        server.start()
        insert(server, "c")
        assert r.ask("wait-for c") == "ok"
        assert r.ask("tracked") == "+c=0"
        assert r.ask("list") == "a=0 b=0 c=0"


def renamed(*methods):
    """The server gets methods of other names, which it does not know."""
    def change(data):
        for m in methods:
            data = data.replace(b'"%s"' % m.encode(), b'"%s"' % m[::-1].encode())
        return data
    return change


@pytest.mark.parametrize("unknown", [["monitor_cond_since"], ["monitor_cond_since", "monitor_cond"],
                                     ["monitor_cond_since", "monitor_cond", "set_db_change_aware"]], ids=lambda u: u[-1])
def test_servers_without_newer_methods(server, proxy, unknown):
    proxy.up = renamed(*unknown)
    insert(server, "a", "b")
    with Replica("unix:%s" % proxy.path).sync() as r:
        assert (r.server()[0] == "none") == ("monitor_cond" in unknown)
        assert r.ask("list") == "a=0 b=0"
        assert r.ask("tracked").count("+") == 2
        update(server, "a", value=3)
        assert r.ask("wait-for a=3") == "ok"
        delete(server, "b")
        assert r.ask("wait-gone b") == "ok"
        assert r.ask("count-up a") == "success"
        assert sorted(r.ask("tracked").split()) == ["*a=4", "-b=0"]
        # Without conditions all rows are there, and nobody waits for ever.
        assert r.ask("condition x") == "ok"
        assert r.ask("count") == ("1" if "monitor_cond" in unknown else "0")
        assert r.ask("condition a") == "ok"
        # A newer server in the same place is asked as one.
        proxy.up = None
        proxy.cut()
        insert(server, "z")
        update(server, "a", value=9)
        assert r.ask("wait-for a=9") == "ok"
        assert r.ask("list") == "a=9"
        assert r.server()[1] == "standalone"


def schema_with(change):
    schema = json.loads(SCHEMA.read_text())
    change(schema["tables"]["Entry"]["columns"])
    return schema


def convert(server, schema):
    path = server.dir / "new.ovsschema"
    path.write_text(json.dumps(schema))
    run(program("ovsdb-client"), "convert", "unix:%s" % server.socket, path)


def test_conversion_of_the_schema(server):
    insert(server, "a")
    with Replica("unix:%s" % server.socket).sync() as r:
        assert r.ask("columns") == "extra name tags value"
        r.ask("tracked")
        convert(server, schema_with(lambda c: c.pop("extra")))
        insert(server, "b", value=2)
        assert r.ask("wait-for b=2") == "ok"
        assert r.ask("columns") == "name tags value"
        assert r.ask("tracked") == "+b=2"
        convert(server, schema_with(lambda c: c.update(other={"type": "string"})))
        update(server, "b", value=3)
        assert r.ask("wait-for b=3") == "ok"
        assert r.ask("columns") == "extra name tags value"
        assert r.ask("count-up a") == "success"


def test_column_of_another_type_is_taken_as_missing(server):
    def change(columns):
        columns["value"] = {"type": "string"}
    run(program("ovsdb-client"), "convert", "unix:%s" % server.socket, write(server, schema_with(change)))
    c = server.connect()
    c.transact({"op": "insert", "table": "Entry", "row": {"name": "a", "value": "text"}}, db="Idltest")
    c.close()
    with Replica("unix:%s" % server.socket).sync() as r:
        assert r.ask("columns") == "extra name tags"
        assert r.ask("list") == "a=0"
    assert "column Entry.value has another type there" in r.errors


def write(server, schema):
    path = server.dir / "other.ovsschema"
    path.write_text(json.dumps(schema))
    return path


def test_database_goes_and_comes(server):
    insert(server, "a")
    with Replica("unix:%s" % server.socket).sync() as r:
        server.appctl("ovsdb-server/remove-db", "Idltest")
        assert "Idltest" not in json.dumps(server.connect().call("list_dbs"))
        wait_until(lambda: r.server() == ["none", "connected"], "the replica to know")
        assert r.ask("list") == "a=0"
        assert r.ask("insert x") == "try again"
        server.appctl("ovsdb-server/add-db", str(server.db))
        assert r.sync().ask("insert b") == "success"
        assert r.ask("list") == "a=0 b=0"


def test_database_that_is_not_there_yet(server):
    server.appctl("ovsdb-server/remove-db", "Idltest")
    with Replica("unix:%s" % server.socket) as r:
        assert "unknown database" in r.ask("wait-error")
        server.appctl("ovsdb-server/add-db", str(server.db))
        assert r.sync().ask("insert b") == "success"


def test_database_that_is_not_there_ends_one_attempt(server):
    server.appctl("ovsdb-server/remove-db", "Idltest")
    with Replica("unix:%s" % server.socket, "once") as r:
        assert r.ask("sync").startswith("dead: ") and "unknown database" in r.ask("wait-error")


def test_remotes_are_tried_in_order(server):
    with Replica("unix:%s/none,unix:%s/none2, unix:%s" % (server.dir, server.dir, server.socket), "once").sync() as r:
        assert r.server()[0] == "unix:%s" % server.socket
        assert r.server()[1:4] == ["standalone", "connected", "leader"]


def test_unreachable_remotes_end_one_attempt(server):
    with Replica("unix:%s/none,unix:%s/none2" % (server.dir, server.dir), "once") as r:
        assert r.ask("sync").startswith("dead: ") and "No such file" in r.ask("wait-error")


def test_change_of_remotes(server, proxy):
    insert(server, "a")
    with Replica("unix:%s" % proxy.path).sync() as r:
        # A remote that stays among them: the same connection.
        r.ask("remotes unix:%s/none,unix:%s" % (server.dir, proxy.path))
        insert(server, "b")
        assert r.ask("wait-for b") == "ok"
        assert proxy.connections == 1
        r.ask("tracked")
        # The same server in another way: only what is new comes, and nothing is lost.
        r.ask("remotes unix:%s" % server.socket)
        assert r.sync().server()[0] == "unix:%s" % server.socket
        insert(server, "c")
        assert r.ask("wait-for c") == "ok"
        assert r.ask("tracked") == "+c=0"


@pytest.fixture
def second(server, tmp_path):
    """Another server of another database of the same name."""
    other = tmp_path / "other"
    other.mkdir()
    run(program("ovsdb-tool"), "create", other / "idl.db", SCHEMA)
    s = Server(other, other / "idl.db", binary=server.binary).start()
    yield s
    s.stop()


def test_other_database_behind_the_same_remote(server, second):
    """Nothing of the old one is left, whatever id its last transaction had."""
    insert(server, "a", "b")
    insert(second, "b", "c")
    with Replica("unix:%s" % server.socket).sync() as r:
        assert r.ask("list") == "a=0 b=0"
        r.ask("remotes unix:%s" % second.socket)
        assert r.ask("wait-for c") == "ok"
        assert r.ask("list") == "b=0 c=0"


@pytest.mark.parametrize("options", [[], ["once"]], ids=["waiting", "dead"])
def test_a_second_remote_is_tried_when_the_first_has_no_database(server, second, options):
    server.appctl("ovsdb-server/remove-db", "Idltest")
    insert(second, "c")
    with Replica("unix:%s" % server.socket, *options) as r:
        assert "unknown database" in r.ask("wait-error")
        r.ask("remotes unix:%s,unix:%s" % (server.socket, second.socket))
        assert r.sync().ask("list") == "c=0"


def test_one_attempt_tells_why_it_ended_with_a_server_that_talks_nonsense(server, proxy):
    proxy.down = lambda data: data.replace(b'"Database":{', b'"Database":{"x":7,')
    with Replica("unix:%s" % proxy.path, "once") as r:
        assert r.ask("sync") == "dead: what it says of its databases cannot be read"


@pytest.mark.parametrize("good, bad", [('"insert":{"name":"bad"', '"modify":{"name":"bad"'), ('"name":"bad"', '"name":5'),
                                       ('"name":"bad"', '"name":["set",["x",1]]'), ('["replica",', '[["replica"],["replica"],')],
                         ids=["row that is not there", "wrong type", "wrong element", "wrong shape"])
def test_update_that_cannot_be_read(server, proxy, good, bad):
    """One error; then the content is asked for anew."""
    insert(server, "a")
    with Replica("unix:%s" % proxy.path).sync() as r:
        proxy.down = lambda data: data.replace(good.encode(), bad.encode()) if b'"update' in data else data
        insert(server, "bad")
        assert r.ask("wait-for bad") == "ok"
        assert r.ask("list") == "a=0 bad=0"
        assert proxy.connections == 2
    assert r.errors.count("an update cannot be read") >= 1


def test_servers_words_that_are_no_answer(server, proxy):
    """Content, schema and the row of _Server that are nonsense: back-off and one error, then all is well."""
    insert(server, "a")
    for words in ('"Entry"', '"Database"', '"tables"'):
        proxy.down = lambda data: data.replace(words.encode(), b'7')
        with Replica("unix:%s" % proxy.path) as r:
            assert r.ask("wait-error")
            proxy.down = None
            assert r.sync().ask("list") == "a=0"
