# SPDX-License-Identifier: Apache-2.0
"""Helpers for tests of the Python package: each runs in a child process that has only ours, or only Debian's, as 'ovs'."""
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys
import traceback

import ovsdbtest
from ovsdbtest import BUILD, PATIENCE, SOURCE, Server, peer

# With the parser in C, if make has built it.
PACKAGE = (BUILD / "ovsdb/python/lib").resolve()
if not (PACKAGE / "ovs").exists():
    PACKAGE = SOURCE / "ovsdb/python"
DEBIAN = pathlib.Path("/usr/lib/python3/dist-packages")


def unpacked(name):
    """A module of Debian's that fetch-peer has unpacked, or None."""
    path = pathlib.Path(os.environ.get("OES_PEER_DIR") or "/nonexistent") / "usr/lib/python3/dist-packages" / name
    return path.parent if path.exists() else None


def environment(*paths):
    return dict(os.environ, PYTHONPATH=os.pathsep.join(str(p) for p in (PACKAGE, *paths)))


def run_script(script, *args, ours=True, paths=(), **kw):
    """The output of a Python program with our package, or Debian's."""
    env = environment(*paths) if ours else {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    p = subprocess.run([sys.executable, "-c", script, *map(str, args)], env=env, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=4 * PATIENCE, **kw)
    assert p.returncode == 0, p.stderr
    return p.stdout


def in_child(path, function, *args, **kwargs):
    """Calls the function in a child where 'ovs' is what stands under 'path'."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reader)
            signal.alarm(4 * PATIENCE)
            for name in [m for m in sys.modules if m.split(".")[0] in ("ovs", "ovsdbapp")]:
                del sys.modules[name]
            sys.path.insert(0, str(path))
            import ovs
            assert pathlib.Path(ovs.__file__).parents[1] == path, ovs.__file__
            function(*args, **kwargs)
            status = 0
        except BaseException:
            os.write(writer, traceback.format_exc().encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as f:
        text = f.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, "%s\n%s" % (text, "status %#x" % status)


def ours(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        in_child(PACKAGE, function, *args, **kwargs)
    return wrapper


def start_server(tmp_path, kind, schema=None, args=()):
    """A server of ours or of Debian's ('ours', 'peer') with a database of the schema; None if there is no peer."""
    binary = peer("ovsdb-server") if kind == "peer" else None
    if kind == "peer" and binary is None:
        return None
    return Server(tmp_path, ovsdbtest.create(tmp_path, schema), args, binary=binary).start()


def kill_for_good(server):
    """Also where the server is the child of another process, which has not yet waited for it."""
    os.kill(server.process.pid, signal.SIGKILL)
    status = pathlib.Path("/proc/%d/stat" % server.process.pid)
    ovsdbtest.wait_until(lambda: not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z",
                         "the server's end")


def replica(remote, schema=None, register=None, cls=None, **kwargs):
    import ovs.db.idl
    helper = ovs.db.idl.SchemaHelper(schema_json=json.loads(json.dumps(schema or ovsdbtest.TEST_SCHEMA)))
    if register:
        for table, columns in register.items():
            helper.register_columns(table, columns)
    else:
        helper.register_all()
    remote = "unix:%s" % remote.socket if isinstance(remote, Server) else remote
    return (cls or ovs.db.idl.Idl)(remote, helper, **kwargs)


def until(condition, what, *idls):
    """Runs the replicas until the condition holds."""
    import ovs.poller
    import ovs.timeval
    end = ovs.timeval.msec() + PATIENCE * 1000
    while True:
        for idl in idls:
            idl.run()
        if condition():
            return
        assert ovs.timeval.msec() < end, "waited in vain for " + what
        poller = ovs.poller.Poller()
        for idl in idls:
            idl.wait(poller)
        poller.timer_wait_until(end)
        poller.block()


def synced(idl):
    until(idl.has_ever_connected, "the content", idl)
    return idl


def rows(idl, table="Root"):
    return list(idl.tables[table].rows.values())


def named(idl, name, table="Root"):
    found = [row for row in rows(idl, table) if row.name == name]
    return found[0] if found else None


def commit(idl, change):
    """Commits what 'change' does with a transaction; again when it has to be tried again. The transaction."""
    import ovs.db.idl
    while True:
        txn = ovs.db.idl.Transaction(idl)
        change(txn)
        if txn.commit_block() != txn.TRY_AGAIN:
            return txn
        until(lambda: idl._may_transact(), "the content", idl)


def insert(idl, table="Root", **columns):
    def change(txn):
        row = txn.insert(idl.tables[table])
        for name, value in columns.items():
            setattr(row, name, value)
    txn = commit(idl, change)
    assert txn.commit() == txn.SUCCESS, txn.get_error()
    return txn


def recorder():
    """A class of replicas that keep what notify() told in .events: (event, table, name, old values); in .server_events what it
    told of the server's own database."""
    import ovs.db.idl

    class Recorder(ovs.db.idl.Idl):
        def __init__(self, *args, **kwargs):
            self.events, self.server_events = [], []
            super().__init__(*args, **kwargs)

        def notify(self, event, row, updates=None):
            old = {c: getattr(updates, c) for c in row._table.columns if hasattr(updates, c)} if updates else None
            events = self.server_events if row._table.name == "Database" else self.events
            events.append((event, row._table.name, row.name, old))
    return Recorder
