# SPDX-License-Identifier: Apache-2.0
"""ovsdb-client and ovsdb-tool beside Debian's: the same command lines, the same answers."""
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

import ovsdbtest
import peertools
from ovsdbtest import peer, program, run

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not peer("ovsdb-client"), reason="needs Debian's programs (OES_PEER_DIR)")]

SELECT = '\'["T",{"op":"select","table":"Root","where":[]}]\''

CLIENT = f"""
list-dbs
list-dbs unix:db.sock
list-dbs unix:db.sock extra
list-dbs unix:nosuch
list-dbs foo
list-dbs db.sock
--force list-dbs
list-dbs unix:nosuch,unix:db.sock
list-dbs unix:db.sock,unix:nosuch
--db-change-aware list-dbs
--no-db-change-aware list-dbs
--leader-only list-dbs
--leader-only=x list-dbs
get-schema T
--pretty get-schema T
get-schema nosuch
get-schema unix:db.sock nosuch
get-schema unix:db.sock T more
get-schema-version T
get-schema-version
get-schema-version unix:nosuch,unix:db.sock T
--no-leader-only get-schema-version unix:db.sock,unix:nosuch T
get-schema-version unix:nosuch,unix:nosuch2 T
get-schema-cksum T
get-schema-cksum unix:db.sock U
list-tables T
-f csv list-tables T
-f json list-tables T
-f json --pretty list-tables T
-f html list-tables T
-f list list-tables T
--no-headings list-tables T
--bare list-tables T
-f foo list-tables T
-d foo list-tables T
list-columns T
list-columns T Root
list-columns T nosuch
list-columns T Root extra
-f json list-columns T Root
-f csv list-columns T Child
-d bare list-columns T Root
-d json list-columns T Root
dump T
dump T Root
dump T Root name map
dump T Root nosuch
dump T nosuch
dump T Child
dump
-f csv dump T Root
-f html dump T Root
-f html dump T
-f list dump T Root
-f json dump T Root
-f json --pretty dump T Child
-d bare dump T Root
-d json dump T Root
-d bare -f list dump T Root
-d bare -f csv dump T Root
-d json -f csv dump T Root
--bare dump T Root
--max-column-width=5 dump T Root name map few
--max-column-width=0 dump T Root
--no-headings -f csv dump T Root name
transact {SELECT}
transact '{{}}'
transact '[]'
transact
transact unix:db.sock '["nosuch"]'
transact '["T",{{"op":"nosuch"}}]'
transact unix:db.sock '["T",{{"op":"select","table":"Root","where":[["name","==","a b"]]}}]'
--pretty transact unix:db.sock '["T",{{"op":"select","table":"Child","where":[]}}]'
query {SELECT}
query '["T",{{"op":"insert","table":"Root","row":{{"name":"never"}}}}]'
query '["T",{{"op":"insert","table":"Root","row":{{"number":1000}}}}]'
query '["T"]'
query '[]'
query '{{}}'
query '["nosuch",{{"op":"comment","comment":"x"}}]'
backup nosuch
wait T added
wait T connected
wait nosuch removed
wait T nosuch
wait T
wait
wait unix:db.sock T added
-t 1 wait T removed
-t 1 wait nosuch added
-t x wait T added
-t 0 wait T added
needs-conversion schema.json
needs-conversion T2.json
needs-conversion
needs-conversion unix:db.sock T2.json
nosuch
-t 1 monitor T nosuch
-t 1 monitor T Root nosuch
-t 1 monitor T Root name,name
-t 1 monitor T Root name name
-t 1 monitor T Root '!foo'
-t 1 monitor T Root name '!initial'
-t 1 monitor T Root 'name,!initial'
-t 1 monitor T Root name,number flag
-t 1 monitor T ALL
-t 1 --timestamp monitor T Root name
-t 1 -f csv --timestamp monitor T Root name
-t 1 -f html --timestamp monitor T Root name
-t 1 -f list --timestamp monitor T Root name
-t 1 -f json monitor T Root name
-t 1 -d bare monitor T Root
-t 1 monitor-cond T '[]' Root name
-t 1 monitor-cond T '[["name","==","a b"]]' Root name
-t 1 monitor-cond T '[true]' Root name
-t 1 monitor-cond T '[false]' Root name
-t 1 monitor-cond-since T '[]' Root name
-t 1 monitor-cond-since T 00000000-0000-0000-0000-000000000000 '[]' Root name
-t 1 lock l1
-t 1 lock
-t 1 steal l2
convert
restore nosuch
--nosuch
-t
"""

# The words differ (how JSON is wrong, which file is not there), the outcome does not.
CLIENT_REFUSES = """
transact x
transact '["T"'
query x
needs-conversion nosuch.json
needs-conversion bad.json
convert nosuch.json
convert bad.json
-t 1 monitor T
-t 1 monitor-cond T x Root name
-t 1 monitor-cond T '[["nosuch","==",1]]' Root name
-t 1 monitor-cond T '[]' ALL
-t 1 monitor-cond T '[]'
-t 1 monitor-cond-since T
-t 1 monitor-cond-since T nonsense '[]' Root name
restore T
list-dbs punix:
list-dbs tcp:nosuchhost.invalid:1
"""


def lines(text):
    return [line for line in text.splitlines() if line]


def fill(c):
    c.transact({"op": "insert", "table": "Root", "row": {
        "name": "a b", "number": 5, "ratio": 1.5, "flag": True, "colour": "red", "few": ["set", [1, 2]],
        "map": ["map", [["k", "v w"], ["x", "y"]]], "child": ["named-uuid", "c"]}},
        {"op": "insert", "table": "Child", "row": {"name": "kid"}, "uuid-name": "c"},
        {"op": "insert", "table": "Root", "row": {"name": 'say "<hi>" & bye,'}})


def write_schemas(directory):
    (directory / "T2.json").write_text(json.dumps(dict(ovsdbtest.TEST_SCHEMA, version="1.0.1")))
    (directory / "bad.json").write_text('{"name":"T"}')
    (directory / "u.json").write_text(json.dumps(dict(ovsdbtest.TEST_SCHEMA, name="U", cksum="1 2")))
    run(program("ovsdb-tool"), "create", directory / "u.db", directory / "u.json")


def compare(tool, cases, cwd, **kw):
    """The command lines that differ, with both answers. They only read, so several run at a time."""
    def both(line):
        args = shlex.split(line)
        return [peertools.masked(peertools.run(path, args, cwd), cwd, **kw) for path in (program(tool), peer(tool))]

    with ThreadPoolExecutor(6) as pool:
        return {line: answers for line, answers in zip(cases, pool.map(both, cases)) if answers[0] != answers[1]}


@pytest.fixture
def filled(tmp_path):
    write_schemas(tmp_path)
    s = ovsdbtest.Server(tmp_path, ovsdbtest.create(tmp_path), [str(tmp_path / "u.db")]).start()
    c = s.connect()
    fill(c)
    c.close()
    yield s
    s.stop()


def test_client_answers_as_debians(filled):
    assert compare("ovsdb-client", lines(CLIENT), filled.dir) == {}


def one_error(tool, line, cwd):
    status, out, err = peertools.run(program(tool), shlex.split(line), cwd)
    assert status == 1 and out == "" and err.startswith(tool + ": ") and err.count("\n") == 1, (line, status, out, err)
    assert peertools.run(peer(tool), shlex.split(line), cwd)[0] != 0, line


def test_client_refuses_what_debians_refuses(filled):
    for line in lines(CLIENT_REFUSES):
        one_error("ovsdb-client", line, filled.dir)


def test_client_without_a_database_named_wants_the_default_or_the_only_one(filled):
    for args in (["list-tables"], ["restore"], ["monitor", "Root"]):
        ours, theirs = (peertools.run(path("ovsdb-client"), args, filled.dir) for path in (program, peer))
        assert ours == theirs and "could not find a default database" in ours[2]
    filled.appctl("ovsdb-server/remove-db", "U")
    ours, theirs = (peertools.run(path("ovsdb-client"), ["get-schema-version"], filled.dir) for path in (program, peer))
    assert ours == theirs == (0, "1.0.0\n", "")


def content(server):
    """All of T, with references by name instead of by uuid."""
    c = server.connect()
    roots, kids = c.transact({"op": "select", "table": "Root", "where": []}, {"op": "select", "table": "Child", "where": []})
    c.close()
    names = {r["_uuid"][1]: r["name"] for r in kids["rows"]}
    text = json.dumps(sorted([{k: v for k, v in r.items() if k[0] != "_"} for r in roots["rows"]], key=str), sort_keys=True)
    return re.sub(peertools.UUID, lambda m: names[m[0]], text), sorted(names.values())


@pytest.mark.parametrize("tool", [program, peer])
def test_backup_and_restore(filled, tool, tmp_path):
    """What our client restores is what was backed up, references included, by either client."""
    before = content(filled)
    with open(tmp_path / "backup", "wb") as f:
        subprocess.run([tool("ovsdb-client"), "backup", "unix:%s" % filled.socket, "T"], stdout=f, check=True, timeout=30)
    c = filled.connect()
    c.transact({"op": "delete", "table": "Root", "where": []}, {"op": "insert", "table": "Root", "row": {"name": "else"}})
    c.close()
    backup = (tmp_path / "backup").read_bytes()
    p = subprocess.run([program("ovsdb-client"), "restore", "unix:%s" % filled.socket, "T"], input=backup, timeout=30)
    assert p.returncode == 0 and content(filled) == before


def test_restore_of_another_schema_needs_force(filled, tmp_path):
    backup = tmp_path / "backup"
    backup.write_text(peertools.run(program("ovsdb-client"), ["backup", "T"], tmp_path)[1])
    run(program("ovsdb-client"), "convert", "unix:%s" % filled.socket, tmp_path / "T2.json")
    for args, status in ((["restore", "T"], 1), (["--force", "restore", "T"], 0)):
        answers = []
        for path in (program, peer):
            with open(backup) as f:
                answers.append(peertools.run(path("ovsdb-client"), args, tmp_path, stdin=f))
        assert answers[0][0] == answers[1][0] == status
        assert 'backup schema has version "1.0.0" but database schema has version "1.0.1"' in answers[0][2]
        if status:
            assert answers[0] == answers[1]


def test_convert_while_others_watch(filled, tmp_path):
    """The schema is the new one; a monitor says that its database has gone."""
    for tool in (program, peer):
        watcher = subprocess.Popen([program("ovsdb-client"), "monitor", "unix:db.sock", "T", "Child", "name"], cwd=tmp_path,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert watcher.stdout.readline().startswith("row ")
        want = "T2.json" if tool == program else "schema.json"
        assert peertools.run(tool("ovsdb-client"), ["convert", "unix:db.sock", want], tmp_path) == (0, "", "")
        assert watcher.wait(ovsdbtest.PATIENCE) == 1
        assert watcher.stderr.read() == "ovsdb-client: unix:db.sock: T database was removed\n"
        version = peertools.run(program("ovsdb-client"), ["get-schema-version", "T"], tmp_path)[1]
        assert version == ("1.0.1\n" if tool == program else "1.0.0\n")


class Detached:
    """ovsdb-client --detach, its output in a file."""

    def __init__(self, directory, tool, *args):
        self.out = directory / "out"
        pid = directory / "detached.pid"
        with open(self.out, "w") as f:
            subprocess.run([tool, "--detach", "--no-chdir", "--pidfile=%s" % pid, *args], cwd=directory, stdout=f, stderr=f,
                           check=True, timeout=ovsdbtest.PATIENCE, env=dict(os.environ, OVS_RUNDIR=str(directory)))
        self.pid = int(pid.read_text())
        self.control = directory / ("ovsdb-client.%d.ctl" % self.pid)

    def appctl(self, *args):
        p = run(program("ovs-appctl"), "-t", self.control, *args, check=False)
        return p.returncode, p.stdout

    def wait_for(self, text):
        ovsdbtest.wait_until(lambda: text in self.out.read_text(), text)


@pytest.mark.parametrize("tool", [program, peer])
def test_control_of_a_detached_monitor(filled, tmp_path, tool):
    d = Detached(tmp_path, tool("ovsdb-client"), "monitor-cond", "unix:db.sock", "T", '[["name","==","a b"]]', "Root", "name")
    c = filled.connect()
    assert d.appctl("ovsdb-client/cond_change", "Root", '[["name","==","r2"]]') == (0, "condition changed\n")
    d.wait_for("delete")
    assert d.appctl("ovsdb-client/block")[0] == 0
    assert d.appctl("ovsdb-client/block") == (0, "already blocking\n")
    c.transact({"op": "insert", "table": "Root", "row": {"name": "r2"}})
    assert "r2" not in d.out.read_text()
    assert d.appctl("ovsdb-client/unblock")[0] == 0
    assert d.appctl("ovsdb-client/unblock") == (0, "already unblocked\n")
    d.wait_for("insert r2")
    if tool is program:
        assert d.appctl("ovsdb-client/cond_change", "Nosuch", "[]")[0] == 2
        assert d.appctl("ovsdb-client/cond_change", "Root", "x")[0] == 2
    assert d.appctl("exit")[0] == 0
    ovsdbtest.wait_until(lambda: not d.control.exists(), "the end of the client")
    c.close()


@pytest.mark.parametrize("tool", [program, peer])
def test_control_of_a_detached_lock(filled, tmp_path, tool):
    d = Detached(tmp_path, tool("ovsdb-client"), "lock", "unix:db.sock", "l")
    c = filled.connect()
    for command in (["lock", "m"], ["unlock", "m"], ["unlock", "l"]):
        assert d.appctl(*command)[0] == 0
    # Debian's answers before the server does.
    d.wait_for("{}\n{}\n")
    assert c.call("lock", "l") == {"locked": True}
    assert d.appctl("lock", "l")[0] == 0
    d.wait_for('{"locked":false}\n')
    c.call("unlock", "l")
    d.wait_for('locked\n["l"]\n')
    assert d.out.read_text() == '{"locked":true}\n{"locked":true}\n{}\n{}\n{"locked":false}\nlocked\n["l"]\n'
    assert d.appctl("exit")[0] == 0
    ovsdbtest.wait_until(lambda: not d.control.exists(), "the end of the client")
    c.close()


@pytest.mark.parametrize("tool", [program, peer])
def test_monitor_cond_since_goes_on_where_it_left(filled, tmp_path, tool):
    d = Detached(tmp_path, tool("ovsdb-client"), "monitor-cond-since", "unix:db.sock", "T", "[]", "Root", "name")
    c = filled.connect()
    c.transact({"op": "insert", "table": "Root", "row": {"name": "seen"}})
    d.wait_for("insert seen")
    text = d.out.read_text()
    assert text.startswith("found: false, last_id: ") and re.search(r"\n\nlast_id: %s\nrow " % peertools.UUID, text), text
    last = re.findall("last_id: (%s)" % peertools.UUID, text)[-1]
    d.appctl("exit")
    c.transact({"op": "insert", "table": "Root", "row": {"name": "later"}})
    out = peertools.run(tool("ovsdb-client"), ["-t", "1", "monitor-cond-since", "T", last, "[]", "Root", "name"], tmp_path)[1]
    assert out.startswith("found: true, ") and "insert later" in out and "seen" not in out, out
    c.close()


# ---- ovsdb-tool ----

TOOL = r"""
db-name t.db
db-name
db-name nosuch.db
db-name garbage
db-name empty
db-name cl.db
db-name jo.db
db-version t.db
db-version
db-version cl.db
db-cksum t.db
db-cksum
db-cksum cl.db
db-cid cl.db
db-cid jo.db
db-cid t.db
db-cid
db-cid garbage
db-sid cl.db
db-sid jo.db
db-sid t.db
db-local-address cl.db
db-local-address jo.db
db-local-address t.db
db-is-clustered t.db
db-is-clustered cl.db
db-is-clustered garbage
db-is-clustered nosuch
db-is-clustered empty
db-is-clustered
db-is-standalone t.db
db-is-standalone cl.db
db-is-standalone garbage
db-is-standalone nosuch
db-is-standalone empty
schema-name schema.json
schema-name
schema-version c.json
schema-version
schema-cksum c.json
schema-cksum schema.json
schema-cksum
compare-versions 1.2.3 '<' 1.2.4
compare-versions 1.2.3 '>' 1.2.4
compare-versions 1.2.3 == 1.2.3
compare-versions 1.2.3 = 1.2.3
compare-versions 1.2.3 != 1.2.3
compare-versions 1.2.3 '<=' 1.2.3
compare-versions 1.2.3 '>=' 1.2.10
compare-versions 1.2 '>=' 1.2.10
compare-versions a '>=' 1.2.10
compare-versions 1.2.3 x 1.2.3
compare-versions 1.2.3 '<'
needs-conversion t.db schema.json
needs-conversion t.db c.json
needs-conversion nosuch schema.json
needs-conversion
needs-conversion cl.db schema.json
needs-conversion t.db other.json
query t.db '["T",{"op":"select","table":"Root","where":[]}]'
query '["Open_vSwitch",{"op":"select","table":"Bridge","where":[]}]'
query nosuch '["T"]'
query
query cl.db '["T",{"op":"select","table":"Root","where":[]}]'
--rbac-role=foo query t.db '["T",{"op":"select","table":"Child","where":[]}]'
--rbac-role=foo query t.db '["T",{"op":"insert","table":"Child","row":{}}]'
--rbac-role=foo transact t.db '["T",{"op":"insert","table":"Child","row":{}}]'
transact t.db '["T",{"op":"wait","table":"Root","timeout":0,"where":[],"columns":["name"],"until":"==","rows":[]}]'
transact t.db '["T",{"op":"comment","comment":"x"},{"op":"abort"}]'
transact '["Open_vSwitch",{"op":"insert","table":"Open_vSwitch","row":{}}]'
transact cl.db '["T"]'
-m show-log t.db
-mm show-log t.db
-mmm show-log t.db
--more --more show-log t.db
show-log -m t.db
show-log
show-log nosuch
show-log garbage
show-log empty
create new.db schema.json
show-log new.db
compact nosuch
compact cl.db
compact garbage
compact t.db
convert t.db small.json
convert cl.db small.json
create-cluster
join-cluster
--nosuch
nosuch
"""

# Files that are damaged, missing or of another kind: each program has its own words.
TOOL_REFUSES = r"""
schema-name bad.json
schema-name nosuch
needs-conversion t.db bad.json
query t.db 'x'
query t.db
show-log hurt.db
-mm show-log hurt.db
create t.db schema.json
create new2.db bad.json
create new3.db bad2.json
create new4.db nosuch
create nosuchdir/x schema.json
convert t.db bad.json
"""


def databases(directory):
    """Files of all kinds, made by Debian's ovsdb-tool."""
    directory.mkdir()
    write_schemas(directory)
    tool, schema = peer("ovsdb-tool"), json.loads(json.dumps(ovsdbtest.TEST_SCHEMA))
    files = {"schema.json": schema, "c.json": dict(schema, cksum="12 34", version="1.2.3"), "other.json": dict(schema, name="U")}
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content))
    del schema["tables"]["Root"]["columns"]["big"]
    (directory / "small.json").write_text(json.dumps(dict(schema, version="1.0.1")))
    (directory / "bad2.json").write_text('{"na')
    (directory / "garbage").write_text("hello\n")
    (directory / "empty").write_text("")
    shutil.copy(os.path.join(os.environ["OES_PEER_DIR"], "usr/share/openvswitch/vswitch.ovsschema"), directory)
    run(tool, "create", directory / "t.db", directory / "schema.json")
    run(tool, "create", directory / "conf.db", directory / "vswitch.ovsschema")
    for ops in HISTORY:
        run(tool, "transact", directory / "t.db", json.dumps(["T", *ops]))
    data = (directory / "t.db").read_bytes()
    (directory / "torn.db").write_bytes(data[:-20])
    (directory / "hurt.db").write_bytes(data.replace(b'"renamed"', b'"rENamed"'))
    run(tool, "create-cluster", directory / "cl.db", directory / "schema.json", "tcp:127.0.0.1:1234")
    run(tool, "join-cluster", directory / "jo.db", "T", "tcp:127.0.0.1:1235", "tcp:127.0.0.1:1234")


HISTORY = [
    [{"op": "insert", "table": "Root", "row": {"name": "a b", "number": 5, "few": ["set", [1, 2]], "map": ["map", [["k", "v"]]],
                                               "child": ["named-uuid", "c"]}},
     {"op": "insert", "table": "Child", "row": {"name": "kid"}, "uuid-name": "c"}, {"op": "comment", "comment": "first one"}],
    [{"op": "mutate", "table": "Root", "where": [],
      "mutations": [["few", "insert", 3], ["map", "insert", ["map", [["q", "w"]]]]]}],
    [{"op": "update", "table": "Root", "where": [], "row": {"name": "renamed", "ratio": 1.5}}],
    [{"op": "insert", "table": "Needy", "row": {"must": ["named-uuid", "c"]}},
     {"op": "insert", "table": "Root", "row": {"name": "x", "child": ["named-uuid", "c"]}},
     {"op": "insert", "table": "Child", "row": {}, "uuid-name": "c"}],
    [{"op": "delete", "table": "Root", "where": [["name", "==", "renamed"]]}, {"op": "comment", "comment": "bye"}]]


def test_tool_answers_as_debians(tmp_path):
    """In order, for many change their files; each program has files of its own, equal at the beginning."""
    databases(tmp_path / "ours")
    shutil.copytree(tmp_path / "ours", tmp_path / "theirs")
    different = {}
    for line in lines(TOOL):
        ours, theirs = (peertools.masked(peertools.run(path("ovsdb-tool"), shlex.split(line), tmp_path / cwd), tmp_path / cwd)
                        for path, cwd in ((program, "ours"), (peer, "theirs")))
        if ours != theirs:
            different[line] = ours, theirs
    assert different == {}


def test_tool_refuses_what_debians_refuses(tmp_path):
    databases(tmp_path / "files")
    for line in lines(TOOL_REFUSES):
        status, out, err = peertools.run(program("ovsdb-tool"), shlex.split(line), tmp_path / "files")
        assert status == 1 and err.splitlines()[-1].startswith("ovsdb-tool: "), (line, status, out, err)
        assert peertools.run(peer("ovsdb-tool"), shlex.split(line), tmp_path / "files")[0] == 1, line


def test_tool_says_that_clusters_are_not_there(tmp_path):
    databases(tmp_path / "files")
    for line in ("create-cluster x.db schema.json tcp:127.0.0.1:1", "join-cluster x.db T tcp:127.0.0.1:1 tcp:127.0.0.1:2",
                 "cluster-to-standalone x.db cl.db", "check-cluster cl.db"):
        err = peertools.run(program("ovsdb-tool"), shlex.split(line), tmp_path / "files")[2]
        assert "the clustered service model is not there yet" in err


def test_show_log_shows_what_does_not_fit(tmp_path):
    """A value that breaks a constraint as Debian's does, one of another type as JSON: here it is looked for."""
    def record(document):
        data = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        return b"OVSDB JSON %d %s\n%s" % (len(data), hashlib.sha1(data).hexdigest().encode(), data)

    row = {"name": "n", "number": 101, "short": "longer", "flag": True}
    bad = {"name": "m", "number": "text", "flag": True}
    (tmp_path / "t.db").write_bytes(record(ovsdbtest.TEST_SCHEMA) + record({"Root": {"01234567-89ab-cdef-0123-456789abcdef": row}}))
    ours, theirs = (peertools.masked(peertools.run(path("ovsdb-tool"), ["-mm", "show-log", "t.db"], tmp_path), tmp_path)
                    for path in (program, peer))
    assert ours == theirs and "number=101" in str(ours[1])
    (tmp_path / "t.db").write_bytes(record(ovsdbtest.TEST_SCHEMA) + record({"Root": {"01234567-89ab-cdef-0123-456789abcdef": bad}}))
    out = peertools.run(program("ovsdb-tool"), ["-mm", "show-log", "t.db"], tmp_path)[1]
    assert '    number="text"\n    flag=true\n' in out, out


def test_tool_query_changes_nothing(tmp_path):
    """It may say what an insert would give, but the file stays as it is, and a server may have it open."""
    databases(tmp_path / "files")
    before = (tmp_path / "files" / "t.db").read_bytes()
    insert = '["T",{"op":"insert","table":"Root","row":{"name":"q"}}]'
    status, out, err = peertools.run(program("ovsdb-tool"), ["query", "t.db", insert], tmp_path / "files")
    assert status == 0 and re.fullmatch(r'\[{"uuid":\["uuid","%s"\]}\]\n' % peertools.UUID, out), (out, err)
    assert (tmp_path / "files" / "t.db").read_bytes() == before
