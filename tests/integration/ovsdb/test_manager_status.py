# SPDX-License-Identifier: Apache-2.0
"""What the server writes into Manager.status, key by key as ovs-vswitchd.conf.db(5) has them. The server's clock stands still; what
it writes every 2.5 seconds it writes when the test says."""
import socket

import pytest

import ovsdbtest

DB = "Open_vSwitch"


class Manager(ovsdbtest.Connection):
    """A manager whom the server connects to."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.settimeout(ovsdbtest.PATIENCE)
        self.listener.bind(("127.0.0.1", 0))
        self.target = "tcp:127.0.0.1:%d" % self.listener.getsockname()[1]

    def connect(self, row, **options):
        self.listener.listen(1)
        status = row(self.target, **options)
        status()
        self.use(self.listener.accept()[0])
        self.listener.close()
        ovsdbtest.wait_until(lambda: status("2500").get("state") == "ACTIVE", "the manager")
        return status


@pytest.fixture
def row(vswitch):
    """A function that adds a manager; what it returns tells of the row's status."""
    db = vswitch.connect()
    vswitch.appctl("time/stop")
    db.transact({"op": "insert", "table": DB, "row": {}}, db=DB)

    def add(target, probe=0):
        db.transact({"op": "insert", "table": "Manager", "uuid-name": "m", "row": {"target": target, "inactivity_probe": probe}},
                    {"op": "mutate", "table": DB, "where": [], "mutations": [["manager_options", "insert", ["named-uuid", "m"]]]}, db=DB)

        def status(warp="2500"):
            vswitch.appctl("time/warp", warp)
            return dict(db.transact({"op": "select", "table": "Manager", "where": [], "columns": ["status"]}, db=DB)[0]["rows"][0]
                        ["status"][1])
        return status
    yield add
    db.close()


@pytest.fixture
def manager():
    m = Manager()
    yield m
    m.listener.close()


@pytest.fixture
def connected(row, manager):
    yield manager.connect(row), manager
    manager.close()


def becomes(status, **wanted):
    ovsdbtest.wait_until(lambda: {k: v for k, v in status().items() if k in wanted} == {k: v for k, v in wanted.items() if v},
                         "status %s, which is %s" % (wanted, status()))


def test_a_manager_out_of_reach_has_an_error(row, manager):
    status = row(manager.target)
    becomes(status, state="BACKOFF", last_error="Connection refused", sec_since_connect=None, sec_since_disconnect=None)


def test_a_listener_without_an_address_of_this_host_is_void(row):
    becomes(row("ptcp:0:192.0.2.1"), state="VOID", bound_port=None)


def test_seconds_are_told_since_it_connected(connected):
    status, _ = connected
    before = int(status("2500")["sec_since_connect"])
    assert int(status("60000")["sec_since_connect"]) == before + 60
    assert "sec_since_disconnect" not in status()


def test_seconds_are_told_since_it_disconnected(connected):
    status, manager = connected
    manager.close()
    ovsdbtest.wait_until(lambda: "sec_since_disconnect" in status(), "the end")
    before = status("2500")
    after = status("60000")
    assert int(after["sec_since_disconnect"]) == int(before["sec_since_disconnect"]) + 60
    assert int(after["sec_since_connect"]) == int(before["sec_since_connect"]) + 60


def test_who_does_not_answer_a_probe_is_idle(row, manager):
    status = manager.connect(row, probe=10000000)
    status("10000000")
    becomes(status, state="IDLE")
    assert manager.receive()["method"] == "echo"
    manager.close()


def test_locks_held_and_waited_for_are_named(connected, vswitch):
    status, manager = connected
    other = vswitch.connect()
    assert other.call("lock", "theirs") == {"locked": True}
    for name in ("b", "a", "theirs"):
        manager.call("lock", name)
    becomes(status, locks_held="a b", locks_waiting="theirs", locks_lost=None)
    other.call("unlock", "theirs")
    becomes(status, locks_held="a b theirs", locks_waiting=None, locks_lost=None)


def test_a_stolen_lock_is_lost_until_it_comes_back(connected, vswitch):
    status, manager = connected
    thief = vswitch.connect()
    manager.call("lock", "a")
    assert thief.call("steal", "a") == {"locked": True}
    becomes(status, locks_held=None, locks_waiting="a", locks_lost="a")
    thief.call("unlock", "a")
    becomes(status, locks_held="a", locks_waiting=None, locks_lost=None)


def test_a_stolen_lock_that_is_given_up_is_not_lost(connected, vswitch):
    status, manager = connected
    thief = vswitch.connect()
    manager.call("lock", "a")
    thief.call("steal", "a")
    manager.call("unlock", "a")
    becomes(status, locks_held=None, locks_waiting=None, locks_lost=None)


def test_a_listener_tells_of_its_port_and_how_many_there_are(row):
    status = row("ptcp:0:127.0.0.1")
    ovsdbtest.wait_until(lambda: "bound_port" in status(), "the port")
    port = int(status()["bound_port"])
    clients = [socket.create_connection(("127.0.0.1", port))]
    clients.append(socket.create_connection(("127.0.0.1", port)))
    ovsdbtest.wait_until(lambda: status() == {"bound_port": str(port), "n_connections": "2"}, "two clients")
    clients.pop().close()
    ovsdbtest.wait_until(lambda: status() == {"bound_port": str(port)}, "one client")
    clients.pop().close()
