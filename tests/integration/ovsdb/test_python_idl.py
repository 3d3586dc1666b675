# SPDX-License-Identifier: Apache-2.0
"""The Python replica against both servers."""
import errno
import json
import re
import socket
import threading
import uuid

import pytest

import ovsdbtest
from ovsdbtest import Server, peer, run
from pythontest import commit, in_child, insert, named, ours, recorder, replica, rows, start_server, synced, until
from pythontest import DEBIAN, PACKAGE, kill_for_good


@pytest.fixture(params=["ours", pytest.param("peer", marks=pytest.mark.peer)])
def both(request, tmp_path):
    """A server, ours and Debian's in turn."""
    s = start_server(tmp_path, request.param)
    if s is None:
        pytest.skip("Debian's ovsdb-server is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")
    yield s
    s.stop()


VALUES = {"name": "n\u00e9 \"\\\n", "fixed": "f", "number": 7, "big": -(1 << 63), "ratio": 0.1, "flag": True,
          "colour": ["red"], "short": ["ab"], "few": [1, 2, 3], "map": {"a": "b", "": "x"}, "volatile": 4}


@ours
def test_values_of_all_types_come_back(both):
    first, second = synced(replica(both)), synced(replica(both))
    insert(first, **VALUES)
    until(lambda: rows(second), "the row", second)
    for idl in (first, second):
        row = rows(idl)[0]
        assert {c: getattr(row, c) for c in VALUES} == VALUES
        assert row.child == [] and row.weak == []


@ours
def test_references_are_rows(both):
    idl = synced(replica(both))

    def change(txn):
        child = txn.insert(idl.tables["Child"])
        child.name = "c"
        root = txn.insert(idl.tables["Root"])
        root.name, root.child, root.weak = "r", [child], child
        assert root.child == [child]
    txn = commit(idl, change)
    assert txn.get_error() == txn.SUCCESS
    root, child = named(idl, "r"), named(idl, "c", "Child")
    assert root.child == [child] and root.weak == [child] and root.child[0].name == "c"
    commit(idl, lambda t: setattr(root, "child", []))
    until(lambda: not rows(idl, "Child"), "the child to go with the last reference", idl)
    assert root.weak == []


@ours
def test_what_changes_nothing_is_not_sent(both):
    import ovs.db.idl
    idl = synced(replica(both))
    insert(idl, name="a", big=3)
    row = named(idl, "a")
    for change in (lambda t: None, lambda t: setattr(row, "big", 3), lambda t: row.verify("big"),
                   lambda t: t.add_comment("x"), lambda t: row.increment("big")):
        assert commit(idl, change).commit() == ovs.db.idl.Transaction.UNCHANGED
    assert row.big == 3


@ours
def test_bad_values_are_refused_one_by_one(both):
    idl = synced(replica(both))
    insert(idl, name="a")
    row = named(idl, "a")

    def change(txn):
        row.number = 1000  # out of range
        row.big = "x"
        row.few = [1, 2, 3, 4]
        row.colour = "blue"
        row.fixed = "y"  # not mutable
        row.ratio = float("nan")
        row.ratio = float("inf")
        row.ratio = 2.5
        with pytest.raises(KeyError):
            row.nope = 1
    assert commit(idl, change).commit() == "success"
    assert (row.number, row.big, row.few, row.colour, row.fixed, row.ratio) == (0, 0, [], [], "", 2.5)


@ours
def test_an_error_of_the_server_is_told(both):
    idl = synced(replica(both))
    insert(idl, name="a")
    txn = commit(idl, lambda t: setattr(t.insert(idl.tables["Root"]), "name", "a"))
    assert txn.commit() == txn.ERROR
    assert json.loads(txn.get_error())["error"] == "constraint violation"
    assert len(rows(idl)) == 1


@ours
def test_verify_fails_when_another_was_faster(both):
    import ovs.db.idl
    idl, other = synced(replica(both)), synced(replica(both))
    insert(idl, name="a", big=1)
    until(lambda: rows(other), "the row", other)
    commit(other, lambda t: setattr(named(other, "a"), "big", 2))
    # 'idl' has not looked since.
    row = named(idl, "a")
    txn = ovs.db.idl.Transaction(idl)
    row.verify("big")
    row.big = row.big + 10
    assert txn.commit_block() == txn.TRY_AGAIN
    assert row.big == 2  # the reply came behind the update
    txn = ovs.db.idl.Transaction(idl)
    row.verify("big")
    row.big = row.big + 10
    assert txn.commit_block() == txn.SUCCESS and row.big == 12


@ours
def test_increment_goes_with_a_change(both):
    idl = synced(replica(both))
    insert(idl, name="a", big=5)
    row = named(idl, "a")

    def change(txn):
        row.increment("big")
        row.flag = True
    txn = commit(idl, change)
    assert txn.get_increment_new_value() == 6 and row.big == 6


@ours
def test_parts_of_sets_and_maps_are_changed_by_two_at_once(both):
    import ovs.db.idl
    idl, other = synced(replica(both)), synced(replica(both))
    insert(idl, name="a", map={"k": "v", "x": "y"}, few=[1])
    until(lambda: rows(other), "the row", other)
    mine, theirs = named(idl, "a"), named(other, "a")
    first, second = ovs.db.idl.Transaction(idl), ovs.db.idl.Transaction(other)
    mine.setkey("map", "k", "new")
    mine.addvalue("few", 2)
    assert mine.map == {"k": "new", "x": "y"} and mine.few == [1, 2]
    theirs.setkey("map", "m", "n")
    theirs.delkey("map", "x")
    theirs.delkey("map", "k", "not this")
    theirs.delvalue("few", 1)
    assert first.commit_block() == first.SUCCESS and second.commit_block() == second.SUCCESS
    until(lambda: mine.map == {"k": "new", "m": "n"} and mine.few == [2], "both changes", idl)


@ours
def test_a_row_is_deleted_and_the_deletion_taken_back(both):
    import ovs.db.idl
    idl = synced(replica(both))
    insert(idl, name="a")
    row = named(idl, "a")
    txn = ovs.db.idl.Transaction(idl)
    row.delete()
    assert not rows(idl)
    txn.abort()
    assert rows(idl) == [row] and row.name == "a" and txn.commit() == txn.ABORTED
    assert commit(idl, lambda t: row.delete()).commit() == "success" and not rows(idl)


@ours
def test_a_row_keeps_the_uuid_it_was_given(both):
    idl = synced(replica(both))
    wanted = uuid.uuid4()

    def change(txn):
        row = txn.insert(idl.tables["Root"], new_uuid=wanted, persist_uuid=True)
        row.name = "a"
        child = txn.insert(idl.tables["Child"])
        row.child = child
    txn = commit(idl, change)
    assert txn.commit() == txn.SUCCESS, txn.get_error()
    assert wanted in idl.tables["Root"].rows and txn.get_insert_uuid(wanted) == wanted
    assert len(idl.tables["Root"].rows[wanted].child) == 1


@ours
def test_two_clients_take_turns_at_a_lock(both):
    import ovs.db.idl
    first, second = synced(replica(both)), synced(replica(both))
    first.set_lock("l")
    until(lambda: first.has_lock, "the lock", first)
    second.set_lock("l")
    until(lambda: second.is_lock_contended, "the other to have it", second, first)
    txn = ovs.db.idl.Transaction(second)
    txn.insert(second.tables["Root"]).name = "b"
    assert txn.commit_block() == txn.NOT_LOCKED
    insert(first, name="a")
    first.set_lock(None)
    until(lambda: second.has_lock, "the lock", first, second)
    insert(second, name="b")
    assert not first.has_lock and not second.is_lock_contended


@ours
def test_values_that_an_older_schema_does_not_know_are_logged_and_left_out(both):
    import ovs.vlog
    insert(synced(replica(both)), name="a", colour="green", number=50, few=[1, 2, 3], big=7)
    said = []
    ovs.vlog.Vlog.warn = lambda self, text, **kw: said.append(text)
    schema = json.loads(json.dumps(ovsdbtest.TEST_SCHEMA))
    columns = schema["tables"]["Root"]["columns"]
    columns["colour"]["type"]["key"]["enum"] = ["set", ["red", "blue"]]
    columns["number"]["type"]["key"]["maxInteger"] = 10
    columns["few"]["type"]["max"] = 2
    row = rows(synced(replica(both, schema)))[0]
    assert (row.colour, row.number, row.few, row.big) == ([], 0, [], 7)
    assert sorted(re.match(r"error parsing column (\w+) in table Root: ", text).group(1) for text in said) == \
        ["colour", "few", "number"]


@ours
def test_a_lock_asked_for_at_once_does_not_hide_that_the_content_is_missing(both):
    insert(synced(replica(both)), name="a")
    idl = replica(both)
    idl.set_lock("l")
    synced(idl)
    assert [row.name for row in rows(idl)] == ["a"]
    until(lambda: idl.has_lock, "the lock", idl)


@ours
def test_events_come_once_and_with_old_values(both):
    idl = synced(replica(both, cls=recorder()))
    insert(idl, name="a", big=1)
    row = named(idl, "a")

    def change(txn):
        row.big = 2
        row.flag = True
    commit(idl, change)
    commit(idl, lambda t: row.delete())
    assert idl.events == [("create", "Root", "a", None), ("update", "Root", "a", {"big": 1, "flag": False}),
                          ("delete", "Root", "a", None)]


@ours
def test_the_servers_database_of_databases_is_told_before_the_content_is_asked_for(both):
    import ovs.db.idl
    seen = []

    class Watcher(ovs.db.idl.Idl):
        def notify(self, event, row, updates=None):
            if row._table.name == "Database" and row.name == "T":
                schema = json.loads(row.schema[0])
                seen.append((event, sorted(schema["tables"]), self.state))
    idl = synced(replica(both, cls=Watcher))
    assert seen == [("create", sorted(ovsdbtest.TEST_SCHEMA["tables"]), idl.IDL_S_SERVER_MONITOR_REQUESTED)]


@ours
def test_columns_without_alert_are_replicated_and_not_told(both):
    idl = replica(both, cls=recorder())
    idl.tables["Root"].columns["big"].alert = False
    synced(idl)
    other = synced(replica(both))
    insert(other, name="a")
    until(lambda: rows(idl), "the row", idl)
    seqno = idl.change_seqno
    commit(other, lambda t: setattr(named(other, "a"), "big", 9))
    until(lambda: named(idl, "a").big == 9, "the change", idl)
    assert idl.change_seqno == seqno and len(idl.events) == 1


@ours
def test_only_registered_columns_are_replicated(both):
    other = synced(replica(both))
    insert(other, name="a", big=4)

    def change(txn):
        child = txn.insert(other.tables["Child"])
        named(other, "a").child = child
    commit(other, change)
    idl = synced(replica(both, register={"Root": ["name", "child"]}))
    row = named(idl, "a")
    assert list(idl.tables) == ["Root"] and not hasattr(row, "big")
    # References to rows that are not here are left out.
    assert row.child == [] and len(named(other, "a").child) == 1


@ours
def test_a_condition_changed_while_running_adds_and_removes_rows(both):
    idl = replica(both, cls=recorder())
    idl.cond_change("Root", [["name", "==", "a"]])
    synced(idl)
    other = synced(replica(both))
    for name in ("a", "b", "c"):
        insert(other, name=name)
    until(lambda: rows(idl), "the row", idl)
    assert [row.name for row in rows(idl)] == ["a"]
    wanted = idl.cond_change("Root", [["name", "==", "b"], ["name", "==", "c"]])
    until(lambda: idl.cond_seqno == wanted, "the condition", idl)
    assert sorted(row.name for row in rows(idl)) == ["b", "c"]
    wanted = idl.cond_change("Root", [])
    until(lambda: idl.cond_seqno == wanted, "the condition", idl)
    assert rows(idl) == []
    wanted = idl.cond_change("Root", [True])
    until(lambda: idl.cond_seqno == wanted, "the condition", idl)
    assert sorted(row.name for row in rows(idl)) == ["a", "b", "c"]
    assert idl.cond_change("Root", [True]) == wanted
    told = [sorted((e[0], e[2]) for e in part) for part in (idl.events[:1], idl.events[1:4], idl.events[4:6], idl.events[6:])]
    assert told == [[("create", "a")], [("create", "b"), ("create", "c"), ("delete", "a")], [("delete", "b"), ("delete", "c")],
                    [("create", "a"), ("create", "b"), ("create", "c")]]


@ours
def test_an_index_is_in_order_and_follows_changes(both):
    import ovs.db.custom_index
    idl = replica(both)
    index = idl.index_create("Root", "by_number")
    index.add_column("number", ovs.db.custom_index.OVSDB_INDEX_DESC)
    index.add_column("name")
    with pytest.raises(ValueError):
        idl.index_create("Root", "by_number")
    synced(idl)
    for name, number in (("a", 1), ("b", 3), ("c", 3), ("d", 2)):
        insert(idl, name=name, number=number)
    entry = idl.tables["Root"].rows.IndexEntry
    assert [row.name for row in index] == ["b", "c", "d", "a"]
    assert [row.name for row in idl.index_equal("Root", "by_number", entry(number=3, name="c"))] == ["c"]
    assert [row.name for row in idl.index_irange("Root", "by_number", entry(number=3, name="c"),
                                                 entry(number=2, name="z"))] == ["c", "d"]
    commit(idl, lambda t: setattr(named(idl, "a"), "number", 9))
    commit(idl, lambda t: named(idl, "b").delete())
    assert [row.name for row in index] == ["a", "c", "d"]
    # One that comes later has the rows that are there.
    late = idl.index_create("Root", "by_name")
    late.add_columns("name")
    assert [row.name for row in late] == ["a", "c", "d"]


@ours
def test_an_index_sees_the_open_transaction(both):
    import ovs.db.idl
    idl = synced(replica(both))
    index = idl.index_create("Root", "by_name")
    index.add_column("name")
    insert(idl, name="a")
    entry = idl.tables["Root"].rows.IndexEntry
    txn = ovs.db.idl.Transaction(idl)
    txn.insert(idl.tables["Root"]).name = "b"
    named(idl, "a").name = "z"
    assert [row.name for row in index] == ["b", "z"]
    assert list(idl.index_equal("Root", "by_name", entry(name="a"))) == []
    txn.abort()
    assert [row.name for row in index] == ["a"]


@ours
def test_after_a_restart_no_row_is_lost_or_told_twice(both):
    idl = synced(replica(both, cls=recorder()))
    for name in ("a", "b", "c"):
        insert(idl, name=name)
    kept = named(idl, "a")
    idl.events.clear()
    kill_for_good(both)
    both.start()
    try:
        direct = both.connect()
        direct.transact({"op": "delete", "table": "Root", "where": [["name", "==", "b"]]},
                        {"op": "insert", "table": "Root", "row": {"name": "d"}},
                        {"op": "update", "table": "Root", "where": [["name", "==", "c"]], "row": {"big": 5}})
        direct.close()
        until(lambda: named(idl, "d") is not None and named(idl, "b") is None, "the rows", idl)
        assert sorted(row.name for row in rows(idl)) == ["a", "c", "d"]
        assert named(idl, "a") is kept and named(idl, "c").big == 5
        insert(idl, name="e")
        # The replica may have been there before the transaction: no event comes twice in any case.
        assert sorted((e[0], e[2]) for e in idl.events) == [("create", "d"), ("create", "e"), ("delete", "b"),
                                                            ("update", "c")]
    finally:
        both.stop()


class Relay:
    """Between client and server: notes what the server sends, and breaks when told to."""

    def __init__(self, path, target):
        self.target, self.sent, self.links = str(target), b"", []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(5)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            self.links += [client, server]
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    def pump(self, source, sink, note):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if note:
                    self.sent += data
                sink.sendall(data)
        except OSError:
            pass

    def cut(self):
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.links = []


@pytest.fixture
def cluster(tmp_path):
    """A cluster of one server: only clusters number their transactions, and only Debian's server has clusters."""
    tool, binary = peer("ovsdb-tool"), peer("ovsdb-server")
    if not tool or not binary:
        pytest.skip("Debian's ovsdb-server is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")
    schema = json.loads(json.dumps(ovsdbtest.TEST_SCHEMA))
    del schema["tables"]["Root"]["columns"]["volatile"]
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    run(tool, "create-cluster", tmp_path / "t.db", tmp_path / "schema.json", "unix:%s" % (tmp_path / "raft.sock"))
    s = Server(tmp_path, tmp_path / "t.db", binary=binary).start()
    s.schema = schema
    yield s
    s.stop()


@pytest.mark.peer
@ours
def test_after_a_short_break_only_changes_are_transferred(cluster, tmp_path):
    relay = Relay(tmp_path / "relay.sock", cluster.socket)
    idl = synced(replica("unix:%s" % (tmp_path / "relay.sock"), cluster.schema, cls=recorder()))
    other = synced(replica(cluster, cluster.schema))
    for i in range(20):
        insert(idl, name="row%d" % i, map={"padding": "p" * 100})
    relay.cut()
    relay.sent = b""
    idl.events.clear()
    insert(other, name="new")
    commit(other, lambda t: named(other, "row3").delete())
    until(lambda: named(idl, "new") and not named(idl, "row3"), "the changes", idl)
    assert len(rows(idl)) == 20
    assert sorted((e[0], e[2]) for e in idl.events) == [("create", "new"), ("delete", "row3")]
    assert b"padding" not in relay.sent, "rows that had not changed came again"


@pytest.mark.peer
@ours
def test_a_server_of_another_cluster_will_not_do(cluster):
    idl = synced(replica(cluster, cluster.schema))
    cid = rows(idl, "Root") or idl.server_tables["Database"].rows.values()
    cid = [row.cid[0] for row in cid if row.name == "T"][0]
    right = replica(cluster, cluster.schema)
    right.set_cluster_id(str(cid))
    synced(right)
    wrong = replica(cluster, cluster.schema)
    wrong.set_cluster_id(uuid.uuid4())
    seqno = wrong._session.get_seqno()
    until(lambda: wrong._session.get_seqno() >= seqno + 3, "it to be left", wrong)
    assert not wrong.has_ever_connected()


@ours
def test_a_transaction_whose_connection_breaks_is_to_be_tried_again(both):
    import ovs.db.idl
    idl = synced(replica(both))
    txn = ovs.db.idl.Transaction(idl)
    txn.insert(idl.tables["Root"]).name = "a"
    assert txn.commit() == txn.INCOMPLETE
    idl.force_reconnect()
    assert txn.commit_block() in (txn.TRY_AGAIN, txn.SUCCESS)
    commit(idl, lambda t: setattr(t.insert(idl.tables["Child"]), "name", "c"))


@ours
def test_of_several_remotes_one_that_works_is_taken(both, tmp_path):
    for _ in range(3):
        idl = synced(replica("unix:%s, unix:%s" % (tmp_path / "nobody", both.socket)))
        assert idl.session_name() == "unix:%s" % both.socket
        idl.close()


SERVER_SCHEMA = {"name": "_Server", "version": "1.2.0", "tables": {"Database": {"columns": {
    "name": {"type": "string"}, "model": {"type": "string"}, "connected": {"type": "boolean"}, "leader": {"type": "boolean"},
    "schema": {"type": {"key": "string", "min": 0}}, "cid": {"type": {"key": "uuid", "min": 0}},
    "sid": {"type": {"key": "uuid", "min": 0}}, "index": {"type": {"key": "integer", "min": 0}}}}}}


class ClusterMember:
    """As much of a server of a cluster as it takes to be accepted or left; .asked has what it was asked."""

    def __init__(self, path, **state):
        self.row = dict({"name": "T", "model": "clustered", "connected": True, "leader": True}, **state)
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(5)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            conn = ovsdbtest.Connection.__new__(ovsdbtest.Connection)
            conn.sock, conn.decoder, conn.text = self.listener.accept()[0], json.JSONDecoder(), ""
            try:
                while True:
                    m = conn.receive()
                    self.asked.append(m["method"])
                    result = {"get_schema": SERVER_SCHEMA, "set_db_change_aware": {}, "monitor_cond_since": [False, "x", {}],
                              "monitor_cond": {"Database": {str(uuid.UUID(int=1)): {"initial": self.row}}}}[m["method"]]
                    conn.send({"id": m["id"], "error": None, "result": result})
            except (ovsdbtest.Closed, OSError):
                pass


@ours
def test_of_a_cluster_only_the_leader_will_do(tmp_path):
    follower = ClusterMember(tmp_path / "follower", leader=False)
    ClusterMember(tmp_path / "leader")
    both_names = "unix:%s,unix:%s" % (tmp_path / "follower", tmp_path / "leader")
    for _ in range(4):
        idl = synced(replica(both_names))
        assert idl.session_name() == "unix:%s" % (tmp_path / "leader")
        idl.close()
    assert "monitor_cond_since" not in follower.asked
    # Who only reads may take any.
    idl = synced(replica("unix:%s" % (tmp_path / "follower"), leader_only=False))
    assert "monitor_cond_since" in follower.asked


@ours
def test_a_member_that_is_cut_off_or_behind_will_not_do(tmp_path):
    cut_off = ClusterMember(tmp_path / "cut-off", connected=False)
    ClusterMember(tmp_path / "good", index=7)
    behind = ClusterMember(tmp_path / "behind", index=5)
    idl = synced(replica("unix:%s,unix:%s" % (tmp_path / "cut-off", tmp_path / "good"), leader_only=False))
    assert idl.session_name() == "unix:%s" % (tmp_path / "good") and "monitor_cond_since" not in cut_off.asked
    # What was seen at index 7 is not gone back from.
    idl._session.remotes = ["unix:%s" % (tmp_path / "behind")]
    idl._session.next_remote = 0
    idl.force_reconnect()
    seqno = idl._session.get_seqno()
    until(lambda: idl._session.get_seqno() > seqno + 4 and "monitor_cond" in behind.asked, "it to be tried", idl)
    assert "monitor_cond_since" not in behind.asked


@pytest.mark.parametrize("package", [PACKAGE, pytest.param(DEBIAN, marks=pytest.mark.peer)], ids=["ours", "debian"])
def test_a_server_without_conditions_is_followed(tmp_path, package):
    """An old one knows neither _Server nor more than RFC 7047's monitor."""
    if not (package / "ovs").exists():
        pytest.skip("python3-openvswitch is missing")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "old.sock"))
    listener.listen(1)
    row = str(uuid.uuid4())

    def serve():
        conn = ovsdbtest.Connection.__new__(ovsdbtest.Connection)
        conn.sock, conn.decoder, conn.text = listener.accept()[0], json.JSONDecoder(), ""
        while True:
            try:
                m = conn.receive()
            except ovsdbtest.Closed:
                return
            answer = {"id": m["id"], "result": None, "error": {"error": "unknown method"}}
            if m["method"] == "monitor":
                answer = {"id": m["id"], "error": None, "result": {"Child": {row: {"new": {"name": "x"}}}}}
            if m["method"] == "get_schema":
                answer["error"] = {"error": "unknown database"}
            conn.send(answer)
            if m["method"] == "monitor":
                conn.send({"method": "update", "id": None, "params": [m["params"][1], {"Child": {
                    row: {"old": {"name": "x"}, "new": {"name": "y"}}}}]})
    threading.Thread(target=serve, daemon=True).start()

    def follow():
        idl = synced(replica("unix:%s" % (tmp_path / "old.sock"), register={"Child": ["name"]}))
        until(lambda: [r.name for r in rows(idl, "Child")] == ["y"], "the update", idl)
    in_child(package, follow)


BAD = {
    "truncated JSON": b'{"id": 1, ',
    "no JSON": b"HTTP/1.1 200 OK\r\n\r\n",
    "an array": b"[1, 2]",
    "both result and method": b'{"id":1,"result":1,"method":"x","params":[]}',
    "unknown member": b'{"id":1,"foo":1,"method":"x","params":[]}',
    "params no array": b'{"id":null,"method":"x","params":{}}',
    "no UTF-8": b'{"id":"\xff"}',
    "deep": b"[" * 2000,
}


@pytest.mark.parametrize("name", BAD)
@ours
def test_what_is_no_message_closes_the_connection_with_one_line(name):
    import ovs.jsonrpc
    import ovs.stream
    import ovs.vlog
    said = []
    ovs.vlog.Vlog.warn = lambda self, text, **kw: said.append(text)
    a, b = socket.socketpair()
    a.setblocking(False)
    conn = ovs.jsonrpc.Connection(ovs.stream.UnixStream(a, "unix:test", 0))
    assert conn.recv() == (errno.EAGAIN, None)
    b.sendall(BAD[name])
    error, msg = conn.recv()
    if name == "truncated JSON":
        assert error == errno.EAGAIN
        b.close()
        assert conn.recv() == (ovs.jsonrpc.EOF, None) and said == []
        return
    assert (error, msg) == (errno.EPROTO, None) and len(said) == 1 and said[0].startswith("unix:test: "), said
    assert conn.recv() == (errno.EPROTO, None) and b.recv(1) == b"" and len(said) == 1


UPDATES = {
    "no object": [],
    "unknown table": {"Nope": {}},
    "table no object": {"Root": 5},
    "bad UUID": {"Root": {"x": {"delete": None}}},
    "row no object": {"Root": {str(uuid.UUID(int=1)): 5}},
    "two kinds": {"Root": {str(uuid.UUID(int=1)): {"delete": None, "insert": {}}}},
    "unknown kind": {"Root": {str(uuid.UUID(int=1)): {"change": {}}}},
    "missing row": {"Root": {str(uuid.UUID(int=1)): {"modify": {}}}},
    "unknown column": {"Root": {str(uuid.UUID(int=1)): {"insert": {"nope": 1}}}},
}


@pytest.mark.parametrize("name", UPDATES)
@ours
def test_a_bad_update_is_one_line_and_a_new_connection(server, name):
    import ovs.jsonrpc
    import ovs.vlog
    idl = synced(replica(server))
    insert(idl, name="a")
    said = []
    ovs.vlog.Vlog.err = lambda self, text, **kw: said.append(text)
    seqno = idl._session.get_seqno()
    idl._handle(ovs.jsonrpc.Message.create_notify("update2", [str(idl.uuid), UPDATES[name]]))
    assert len(said) == 1 and "reconnecting" in said[0], said
    until(lambda: idl._session.get_seqno() > seqno + 2 and idl.state == idl.IDL_S_MONITORING, "the content", idl)
    assert [row.name for row in rows(idl)] == ["a"]
