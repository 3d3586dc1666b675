# SPDX-License-Identifier: Apache-2.0
"""The client's replica in C with a cluster of three of Debian's servers, on Unix sockets: leaders, servers that die, what was acknowledged."""
import itertools
import signal

import pytest

from idltest import SCHEMA, Proxy, Replica
from ovsdbtest import SCHEMA as VSWITCH_SCHEMA
from ovsdbtest import Server, peer, program, run, wait_until

pytestmark = pytest.mark.peer


class Member(Server):
    def __init__(self, directory, number, name):
        directory = directory / str(number)
        directory.mkdir()
        self.name = name
        super().__init__(directory, directory / "idl.db", binary=peer("ovsdb-server"))

    def status(self):
        """{"Role": "leader", ...}; nothing yet of a server that has just been started."""
        if not self.control.exists():
            return {}
        text = self.appctl("cluster/status", self.name)
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    def is_leader(self):
        return self.process.poll() is None and self.status().get("Role") == "leader"

    def is_member(self):
        return self.status().get("Status") == "cluster member" and self.status().get("Leader") not in (None, "unknown")


class Cluster:
    def __init__(self, directory, schema=SCHEMA, name="Idltest"):
        tool = peer("ovsdb-tool")
        self.members = [Member(directory, i, name) for i in (1, 2, 3)]
        address = ["unix:%s/raft" % m.dir for m in self.members]
        run(tool, "create-cluster", self.members[0].db, schema, address[0])
        for m, a in zip(self.members[1:], address[1:]):
            run(tool, "join-cluster", m.db, name, a, address[0])

    def start(self):
        for m in self.members:
            m.start()
        wait_until(lambda: all(m.is_member() for m in self.members), "the cluster")

    def leader(self):
        found = []

        def look():
            found[:] = [m for m in self.members if m.is_leader()]
            return len(found) == 1
        wait_until(look, "a leader")
        return found[0]

    def followers(self):
        leader = self.leader()
        return [m for m in self.members if m is not leader]

    def remotes(self, members=None):
        return ",".join("unix:%s" % m.socket for m in members or self.members)

    def stop(self):
        for m in self.members:
            if m.process and m.process.poll() is None:
                m.process.kill()
                m.process.wait()


@pytest.fixture
def cluster(tmp_path):
    if not peer("ovsdb-server"):
        pytest.skip("no peer programs")
    c = Cluster(tmp_path)
    try:
        c.start()
        yield c
    finally:
        c.stop()


@pytest.fixture
def vswitch_cluster(tmp_path):
    if not peer("ovsdb-server"):
        pytest.skip("no peer programs")
    c = Cluster(tmp_path, VSWITCH_SCHEMA, "Open_vSwitch")
    try:
        c.start()
        yield c
    finally:
        c.stop()


def remote_of(member):
    return "unix:%s" % member.socket


def test_finds_the_leader(cluster):
    leader = cluster.leader()
    with Replica(cluster.remotes(cluster.followers() + [leader]), "leader-only").sync() as r:
        remote, model, connected, role = r.server()[:4]
        assert (remote, model, connected, role) == (remote_of(leader), "clustered", "connected", "leader")
        assert r.ask("insert a") == "success"
        assert int(r.server()[4]) > 0


def test_any_member_will_do(cluster):
    follower = cluster.followers()[0]
    with Replica(remote_of(follower)).sync() as r:
        assert r.server()[1:4] == ["clustered", "connected", "follower"]
        assert r.ask("insert a") == "success"
        # When it is to be the leader from now on, the only remote is waited for.
        r.ask("leader-only")
        wait_until(lambda: r.ask("insert b") == "try again", "the replica to leave")
        assert r.ask("list") == "a=0"


def test_shuffled_remotes_spread(cluster):
    """Eight clients do not all choose the first member (a chance of one in 6561 that they do)."""
    chosen = set()
    for _ in range(8):
        with Replica(cluster.remotes(), "shuffle").sync() as r:
            chosen.add(r.server()[0])
    assert len(chosen) > 1


def test_survives_the_leader(cluster):
    leader = cluster.leader()
    with Replica(cluster.remotes(), "leader-only").sync() as r:
        assert r.ask("insert a") == "success"
        r.ask("tracked")
        leader.kill()
        assert cluster.leader() is not leader
        wait_until(lambda: r.ask("server").split()[:1] == [remote_of(cluster.leader())] and r.ask("insert b") == "success", "the next leader")
        assert r.ask("list") == "a=0 b=0"
        assert r.ask("tracked") == "+b=0"


def test_leader_that_hands_over_is_left(cluster):
    leader = cluster.leader()
    with Replica(cluster.remotes(), "leader-only").sync() as r:
        assert r.server()[0] == remote_of(leader)
        # It stays a member, as a follower.
        leader.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: any(m.is_leader() for m in cluster.members if m is not leader), "another leader")
        leader.process.send_signal(signal.SIGCONT)
        wait_until(lambda: not leader.is_leader(), "the old leader to know")
        wait_until(lambda: r.server()[0] == remote_of(cluster.leader()), "the replica to follow")
        assert r.sync().ask("insert a") == "success"


def test_new_connection_takes_only_changes(cluster, tmp_path):
    leader = cluster.leader()
    proxy = Proxy(tmp_path / "proxy.sock", leader.socket)
    c = leader.connect()
    c.transact(*({"op": "insert", "table": "Entry", "row": {"name": "entry%04d" % i}} for i in range(1000)), db="Idltest")
    with Replica("unix:%s" % proxy.path).sync() as r:
        assert proxy.received > 50000
        proxy.cut()
        wait_until(lambda: proxy.connections == 2, "the second connection")
        c.transact({"op": "insert", "table": "Entry", "row": {"name": "new"}}, db="Idltest")
        assert r.ask("wait-for new") == "ok"
        assert r.ask("count") == "1001"
        assert proxy.received < 10000
    c.close()
    proxy.close()


def test_other_member_goes_on_where_the_first_ended(cluster, tmp_path):
    first, second = cluster.followers()
    proxy = Proxy(tmp_path / "proxy.sock", second.socket)
    with Replica(remote_of(first)).sync() as r:
        c = cluster.leader().connect()
        c.transact(*({"op": "insert", "table": "Entry", "row": {"name": "entry%04d" % i}} for i in range(1000)), db="Idltest")
        assert r.ask("wait-for entry0999") == "ok"
        r.ask("tracked")
        r.ask("remotes unix:%s" % proxy.path)
        c.transact({"op": "insert", "table": "Entry", "row": {"name": "new"}}, db="Idltest")
        c.close()
        assert r.ask("wait-for new") == "ok"
        assert r.ask("tracked") == "+new=0"
        assert proxy.received < 10000
    proxy.close()


def index_of(data, change):
    """Column 'index' of _Server's row as 'change' has it."""
    text = data.decode()
    parts = text.split('"index":')
    for i, part in enumerate(parts[1:], 1):
        digits = "".join(itertools.takewhile(str.isdigit, part))
        parts[i] = str(change(int(digits))) + part[len(digits):] if digits else part
    return '"index":'.join(parts).encode()


def test_content_never_goes_back(cluster, tmp_path):
    """A member that is behind what was seen is left for another one."""
    a, b = cluster.followers()
    stale = Proxy(tmp_path / "stale.sock", a.socket, down=lambda d: index_of(d, lambda i: 1) if b'"index"' in d else d)
    with Replica(remote_of(b)).sync() as r:
        for i in range(3):
            assert r.ask("insert e%d" % i) == "success"
        r.ask("remotes unix:%s,%s" % (stale.path, remote_of(cluster.leader())))
        wait_until(lambda: r.server()[0] == remote_of(cluster.leader()), "the replica to go on")
        assert r.sync().ask("list") == "e0=0 e1=0 e2=0"
    assert "is behind what was seen of its cluster" in r.errors
    stale.close()


def test_other_cluster_is_refused(cluster):
    wrong = "01234567-0123-4123-8123-0123456789ab"
    with Replica(cluster.remotes(), "once", "cluster=" + wrong) as r:
        assert r.ask("sync").startswith("dead: the database is of another cluster")
    with Replica(cluster.remotes()).sync() as r:
        right = r.server()[5]
    with Replica(cluster.remotes(), "cluster=" + right).sync() as r:
        assert r.server()[5] == right


def test_member_without_a_majority_is_left(cluster):
    """A member that has lost its cluster says so; the replica waits, and goes on when the cluster is there again."""
    keep, *others = cluster.followers() + [cluster.leader()]
    with Replica(remote_of(keep)).sync() as r:
        assert r.ask("insert a") == "success"
        for m in others:
            m.kill()
        wait_until(lambda: r.ask("insert x") == "try again", "the replica to know")
        assert r.ask("list") == "a=0"
        for m in others:
            m.start()
        wait_until(lambda: r.ask("insert b") == "success", "the cluster to be back")
        assert r.ask("list") == "a=0 b=0"


def content(member):
    c = member.connect()
    rows = c.transact({"op": "select", "table": "Entry", "where": [], "columns": ["name", "value"]}, db="Idltest")[0]["rows"]
    c.close()
    return {r["name"]: r["value"] for r in rows}


def test_no_acknowledged_transaction_is_lost_and_none_repeated(cluster):
    """A counter, and new rows, while leaders are killed and come back. Each increment verifies what it counts up, so that an increment that was
    tried again after an unknown end counts once."""
    acknowledged, unknown, inserted = 0, 0, set()
    with Replica(cluster.remotes(), "leader-only").sync() as r:
        assert r.ask("insert counter") == "success"
        for turn in range(3):
            victim = cluster.leader()
            for i in range(20):
                if i == 10:
                    r.begin("count-up counter")
                    victim.kill()
                    status = r.end()
                else:
                    status = r.ask("count-up counter")
                assert status in ("success", "try again", "unchanged"), status
                acknowledged += status == "success"
                unknown += status == "try again"
                name = "row-%d-%d" % (turn, i)
                if r.ask("insert %s" % name) == "success":
                    inserted.add(name)
                if status == "try again":
                    r.sync()
            victim.start()
            wait_until(victim.is_member, "the member to be back")
        r.sync()
    got = content(cluster.leader())
    assert inserted <= set(got)
    # What was acknowledged counts once; of the others none or one each.
    assert acknowledged <= got["counter"] <= acknowledged + unknown
    assert acknowledged >= 40


def test_vsctl_wants_the_leader_as_debians_does(vswitch_cluster):
    leader, follower = vswitch_cluster.leader(), vswitch_cluster.followers()[0]
    cases = (([], remote_of(leader), 0), ([], remote_of(follower), 1), (["--leader-only"], remote_of(follower), 1),
             (["--no-leader-only"], remote_of(follower), 0), (["--no-shuffle-remotes"], vswitch_cluster.remotes([follower, leader]), 0),
             (["--shuffle-remotes"], vswitch_cluster.remotes(), 0))
    for tool in (program("ovs-vsctl"), peer("ovs-vsctl")):
        for options, remotes, status in cases:
            p = run(tool, "--no-wait", "--timeout=20", "--db=" + remotes, *options, "--", "--may-exist", "add-br", "br0", "--", "list-br", check=False)
            assert p.returncode == status, (tool, options, p.stderr)
            assert p.stdout == ("br0\n" if status == 0 else "")
            assert status == 0 or "%s: database connection failed" % remotes in p.stderr
