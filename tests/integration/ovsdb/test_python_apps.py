# SPDX-License-Identifier: Apache-2.0
"""Unmodified programs on the Python package: ovsdbapp (Neutron's and os-vif's way to the database), Debian's own scripts."""
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest

import ovsdbtest
from ovsdbtest import PATIENCE, Server, peer, program, run
from pythontest import PACKAGE, environment, in_child, unpacked


class Switch(threading.Thread):
    """Stands in for ovs-vswitchd: gives interfaces port numbers and says that a configuration is done."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.conn = server.connect()

    def run(self):
        try:
            self.conn.call("monitor", "Open_vSwitch", "m", {"Open_vSwitch": {"columns": ["next_cfg"]}})
            while True:
                note = self.conn.note()
                for row in note["params"][1]["Open_vSwitch"].values():
                    self.conn.transact(
                        {"op": "update", "table": "Interface", "where": [["ofport", "==", ["set", []]]],
                         "row": {"ofport": 1}},
                        {"op": "update", "table": "Open_vSwitch", "where": [],
                         "row": {"cur_cfg": row["new"]["next_cfg"]}}, db="Open_vSwitch")
        except (ovsdbtest.Closed, OSError, AssertionError):
            pass


@pytest.fixture(params=["ours", pytest.param("peer", marks=pytest.mark.peer)])
def switch(request, tmp_path):
    """A server, ours and Debian's in turn, of the switch's database."""
    if not unpacked("ovsdbapp"):
        pytest.skip("python3-ovsdbapp is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")
    binary = peer("ovsdb-server") if request.param == "peer" else None
    if request.param == "peer" and not binary:
        pytest.skip("Debian's ovsdb-server is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")
    run(program("ovsdb-tool"), "create", tmp_path / "conf.db", ovsdbtest.SCHEMA)
    s = Server(tmp_path, tmp_path / "conf.db", binary=binary).start()
    run(program("ovs-vsctl"), "--db=unix:%s" % s.socket, "--no-syslog", "--no-wait", "init")
    Switch(s).start()
    yield s
    s.stop()


def with_ovsdbapp(function):
    """Calls function(api, idl, server) in a child that has our package and Debian's ovsdbapp."""
    def test(switch):
        def child():
            sys.path.append(str(unpacked("ovsdbapp")))
            from ovsdbapp.backend.ovs_idl import connection, event
            from ovsdbapp.schema.open_vswitch import impl_idl
            import ovs.db.idl
            assert pathlib.Path(ovs.db.idl.__file__).is_relative_to(PACKAGE)

            class Idl(connection.OvsdbIdl):
                def __init__(self, *args, **kwargs):
                    self.handler = event.RowEventHandler()
                    super().__init__(*args, **kwargs)

                def notify(self, *args, **kwargs):
                    self.handler.notify(*args, **kwargs)
            idl = Idl.from_server("unix:%s" % switch.socket, "Open_vSwitch")
            api = impl_idl.OvsdbIdl(connection.Connection(idl, timeout=PATIENCE))
            function(api, idl, switch)
            assert api.ovsdb_connection.stop(PATIENCE)
        in_child(PACKAGE, child)
    test.__name__, test.__doc__ = function.__name__, function.__doc__
    return test


def do(command):
    return command.execute(check_error=True)


@with_ovsdbapp
def test_ovsdbapp_makes_bridges_and_ports(api, idl, server):
    do(api.add_br("br0"))
    do(api.add_br("br1", datapath_type="netdev"))
    do(api.add_br("br0"))  # may exist
    do(api.add_port("br0", "p0"))
    do(api.add_port("br0", "p1"))
    assert sorted(do(api.list_br())) == ["br0", "br1"]
    assert sorted(do(api.list_ports("br0"))) == ["p0", "p1"] and do(api.port_to_br("p1")) == "br0"
    do(api.del_port("p1"))
    assert do(api.list_ports("br0")) == ["p0"] and do(api.list_ifaces("br0")) == ["p0"]
    assert do(api.br_exists("br1")) is True
    do(api.del_br("br1"))
    assert do(api.br_exists("br1")) is False
    do(api.set_controller("br0", ["tcp:127.0.0.1:6633", "tcp:127.0.0.2:6633"]))
    assert sorted(do(api.get_controller("br0"))) == ["tcp:127.0.0.1:6633", "tcp:127.0.0.2:6633"]
    do(api.set_fail_mode("br0", "secure"))
    shown = run(program("ovs-vsctl"), "--db=unix:%s" % server.socket, "--no-syslog", "show").stdout
    assert "fail_mode: secure" in shown and "Port p0" in shown and "br1" not in shown


@with_ovsdbapp
def test_ovsdbapp_sets_gets_lists_and_finds(api, idl, server):
    do(api.add_br("br0"))
    do(api.add_port("br0", "p0"))
    do(api.db_set("Interface", "p0", ("type", "internal"), ("external_ids", {"iface-id": "x", "a": "b"}),
                  ("mtu_request", 1400)))
    assert do(api.db_get("Interface", "p0", "external_ids")) == {"iface-id": "x", "a": "b"}
    assert do(api.db_get("Interface", "p0", "mtu_request")) == 1400
    do(api.db_remove("Interface", "p0", "external_ids", "a"))
    do(api.db_add("Bridge", "br0", "protocols", "OpenFlow13", "OpenFlow15"))
    assert sorted(do(api.db_get("Bridge", "br0", "protocols"))) == ["OpenFlow13", "OpenFlow15"]
    do(api.db_add("Bridge", "br0", "other_config", {"hwaddr": "02:00:00:00:00:01"}))
    listed = do(api.db_list("Interface", ["p0"], columns=["name", "external_ids", "type"]))
    assert listed == [{"name": "p0", "external_ids": {"iface-id": "x"}, "type": "internal"}]
    found = do(api.db_find("Interface", ("external_ids", "=", {"iface-id": "x"}), columns=["name"]))
    assert found == [{"name": "p0"}]
    do(api.db_clear("Interface", "p0", "external_ids"))
    assert do(api.db_get("Interface", "p0", "external_ids")) == {}
    qos = do(api.db_create("QoS", type="linux-htb", other_config={"max-rate": "1000"}))
    assert do(api.db_get("QoS", qos, "type")) == "linux-htb"


@with_ovsdbapp
def test_ovsdbapp_commands_depend_on_each_other_in_one_transaction(api, idl, server):
    with api.transaction(check_error=True) as txn:
        txn.add(api.add_br("br0"))
        txn.add(api.add_port("br0", "p0"))
        txn.add(api.db_set("Interface", "p0", ("type", "internal")))
        qos = txn.add(api.db_create("QoS", type="linux-noop"))
        txn.add(api.db_set("Port", "p0", ("qos", qos)))
        txn.add(api.db_set("Port", "p0", ("tag", 7)))
    assert do(api.db_get("Port", "p0", "qos")) == qos.result and do(api.db_get("Port", "p0", "tag")) == 7
    rows = list(idl.tables["Open_vSwitch"].rows.values())
    assert rows[0].next_cfg == 1 == rows[0].cur_cfg


@with_ovsdbapp
def test_ovsdbapp_is_told_events(api, idl, server):
    from ovsdbapp.backend.ovs_idl import event
    from ovsdbapp.backend.ovs_idl.event import WaitEvent

    class Seen(WaitEvent):
        event_name = "Seen"
    created = Seen((Seen.ROW_CREATE,), "Port", (("name", "=", "p0"),), timeout=PATIENCE)
    tagged = Seen((Seen.ROW_UPDATE,), "Port", (("tag", "=", 5),), old_conditions=(("tag", "=", []),),
                  timeout=PATIENCE)
    gone = Seen((Seen.ROW_DELETE,), "Port", (("name", "=", "p0"),), timeout=PATIENCE)
    never = Seen((Seen.ROW_UPDATE,), "Port", (("name", "=", "p1"),), timeout=PATIENCE)
    assert issubclass(Seen, event.RowEvent)
    idl.handler.watch_events((created, tagged, gone, never))
    do(api.add_br("br0"))
    do(api.add_port("br0", "p0"))
    assert created.wait()
    do(api.db_set("Port", "p0", ("tag", 5)))
    assert tagged.wait()
    do(api.del_port("p0"))
    assert gone.wait() and not never.event.is_set()


@with_ovsdbapp
def test_ovsdbapp_reports_what_fails(api, idl, server):
    do(api.add_br("br0"))
    with pytest.raises(RuntimeError, match='OVSDB Error: .*"constraint violation"'):
        with api.transaction(check_error=True) as txn:
            ovs_row = list(idl.tables["Open_vSwitch"].rows)[0]
            other = txn.add(api.db_create("Bridge", name="br0"))
            bridge = api.lookup("Bridge", "br0")
            txn.add(api.db_set("Open_vSwitch", ovs_row, ("bridges", [bridge.uuid, other])))
    with pytest.raises(Exception, match="Cannot find Bridge with name=nope"):
        do(api.db_set("Bridge", "nope", ("fail_mode", "secure")))
    assert do(api.list_br()) == ["br0"]


@with_ovsdbapp
def test_ovsdbapp_takes_other_tables_in_when_the_schema_is_told(api, idl, server):
    """What Neutron does when OVN's databases were upgraded."""
    from ovsdbapp.backend.ovs_idl import connection, idlutils

    class Idl(connection.OvsdbIdl):
        def notify(self, event, row, updates=None):
            if event == "create" and row._table.name == "Database" and row.name == "Open_vSwitch":
                self.update_tables(["Bridge", "Port"], row.schema[0])
    do(api.add_br("br0"))
    other = Idl.from_server("unix:%s" % server.socket, "Open_vSwitch", helper_tables=["Bridge"])
    assert "Port" not in other.tables
    idlutils.wait_for_change(other, PATIENCE)
    bridge, = other.tables["Bridge"].rows.values()
    assert [port.name for port in bridge.ports] == ["br0"]


@with_ovsdbapp
def test_ovsdbapp_needs_the_lock_that_was_asked_for(api, idl, server):
    holder = server.connect()
    assert holder.call("lock", "neutron")["locked"]
    with api.ovsdb_connection.lock:
        api.idl.set_lock("neutron")
    with pytest.raises(RuntimeError, match="database lock"):
        do(api.add_br("br0"))
    holder.call("unlock", "neutron")
    ovsdbtest.wait_until(lambda: idl.has_lock, "the lock")
    do(api.add_br("br0"))
    assert do(api.list_br()) == ["br0"]


@with_ovsdbapp
def test_ovsdbapp_goes_on_after_a_restart_of_the_server(api, idl, server):
    from pythontest import kill_for_good
    do(api.add_br("br0"))
    kill_for_good(server)
    server.start()
    try:
        Switch(server).start()
        do(api.add_port("br0", "p0"))
        assert do(api.list_ports("br0")) == ["p0"]
    finally:
        server.stop()


@with_ovsdbapp
def test_ovsdbapp_takes_the_logs_over(api, idl, server):
    import logging

    from ovsdbapp.backend.ovs_idl import vlog as app_vlog
    import ovs.vlog
    heard = []

    class Handler(logging.Handler):
        def emit(self, record):
            heard.append((record.levelname, record.getMessage()))
    logging.getLogger("ovsdbapp.backend.ovs_idl.vlog").addHandler(Handler())
    logging.getLogger("ovsdbapp.backend.ovs_idl.vlog").setLevel(logging.DEBUG)
    app_vlog.use_python_logger()
    ovs.vlog.Vlog("x").info("hello")
    assert ("INFO", "hello") in heard, heard


def test_ovs_tcpdump_of_debian_runs_on_the_package(tmp_path):
    """The only program of Debian's openvswitch packages that imports 'ovs'."""
    script = peer("ovs-tcpdump")
    if not script:
        pytest.skip("Debian's ovs-tcpdump is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")
    p = subprocess.run([sys.executable, script, "--help"], env=environment(), stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
    assert "--db-sock" in p.stdout, p.stdout
    # It asks for tcpdump before anything else, and only whether it is there.
    (tmp_path / "tcpdump").write_text("#!/bin/sh\n")
    (tmp_path / "tcpdump").chmod(0o755)
    run(program("ovsdb-tool"), "create", tmp_path / "conf.db", ovsdbtest.SCHEMA)
    s = Server(tmp_path, tmp_path / "conf.db").start()
    env = dict(environment(), PATH="%s:%s" % (tmp_path, os.environ["PATH"]))
    try:
        p = subprocess.run([sys.executable, script, "--db-sock", "unix:%s" % s.socket, "-i", "no-such-port"],
                           env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           timeout=PATIENCE)
        assert p.returncode != 0 and "Traceback" not in p.stdout and "no-such-port" in p.stdout, p.stdout
    finally:
        s.stop()


def test_os_ken_finds_the_package():
    """os-ken's manager of OVSDB is built on it."""
    pytest.importorskip("os_ken", reason="python3-os-ken is missing")
    script = "import json, ovs.db.idl, os_ken.services.protocols.ovsdb.api as a; print(json.dumps([a.__file__, ovs.__file__]))"
    p = subprocess.run([sys.executable, "-c", script], env=environment(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert p.returncode == 0, p.stderr
    assert pathlib.Path(json.loads(p.stdout)[1]).is_relative_to(PACKAGE)
