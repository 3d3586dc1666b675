# SPDX-License-Identifier: Apache-2.0
"""Helpers: a server in a private directory, and a JSON-RPC client that shows the wire as it is."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

BUILD = pathlib.Path(os.environ.get("OES_BUILDDIR", "."))
SOURCE = pathlib.Path(__file__).resolve().parents[3]
SCHEMA = SOURCE / "ovsdb" / "schemas" / "vswitch.ovsschema"
PROGRAMS = {"ovsdb-server": "ovsdb", "ovsdb-tool": "ovsdb", "ovsdb-client": "ovsdb", "ovs-vsctl": "utilities",
            "ovs-appctl": "utilities", "vtep-ctl": "utilities"}
PATIENCE = 30  # seconds until a test gives up; no test is decided by it


def program(name):
    return str(BUILD / PROGRAMS[name] / name)


def peer(name):
    """Debian's program of that name, or None."""
    base = os.environ.get("OES_PEER_DIR")
    for sub in ("usr/bin", "usr/sbin"):
        path = pathlib.Path(base or "/nonexistent") / sub / name
        if path.exists():
            return str(path)
    return None


def run(*args, check=True, **kw):
    p = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=PATIENCE, **kw)
    if check:
        assert p.returncode == 0, (args, p.returncode, p.stdout, p.stderr)
    return p


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain for " + what
        time.sleep(0.01)


class Closed(Exception):
    pass


class Connection:
    """One client. Notifications that come while an answer is awaited are kept in .notes."""

    def __init__(self, path):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        self.use(sock)

    def use(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.decoder = json.JSONDecoder()
        self.text = ""
        self.notes = []
        self.next_id = 0

    def close(self):
        self.sock.close()

    def send(self, message):
        self.sock.sendall(message if isinstance(message, bytes) else json.dumps(message).encode())

    def receive(self):
        while True:
            try:
                message, end = self.decoder.raw_decode(self.text)
                self.text = self.text[end:].lstrip()
                return message
            except ValueError:
                pass
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Closed()
            self.text = (self.text + data.decode()).lstrip()

    def request(self, method, *params):
        self.next_id += 1
        self.send({"method": method, "params": list(params), "id": self.next_id})
        return self.next_id

    def answer(self, ident):
        while True:
            m = self.receive()
            if m.get("method"):
                if m["method"] == "echo":
                    self.send({"id": m["id"], "result": m["params"], "error": None})
                else:
                    self.notes.append(m)
            elif m["id"] == ident:
                return m

    def call(self, method, *params):
        m = self.answer(self.request(method, *params))
        assert m["error"] is None, m
        return m["result"]

    def call_error(self, method, *params):
        m = self.answer(self.request(method, *params))
        assert m["error"] is not None, m
        return m["error"]

    def transact(self, *ops, db="T"):
        return self.call("transact", db, *ops)

    def note(self):
        """The next notification."""
        while not self.notes:
            m = self.receive()
            assert m.get("method"), m
            self.notes.append(m)
        return self.notes.pop(0)


class Server:
    """An ovsdb-server of ours (or Debian's) on a database file."""

    def __init__(self, directory, db, args=(), binary=None):
        self.dir = pathlib.Path(directory)
        self.db = db
        self.args = args
        self.binary = binary or program("ovsdb-server")
        self.socket = self.dir / "db.sock"
        self.control = self.dir / "server.ctl"
        self.process = None

    def start(self, wait=True):
        for p in (self.socket, self.control):
            if p.exists():
                p.unlink()
        env = dict(os.environ, OVS_RUNDIR=str(self.dir), OVS_LOGDIR=str(self.dir), OVS_DBDIR=str(self.dir))
        self.log = open(self.dir / "server.err", "ab")
        self.process = subprocess.Popen([self.binary, str(self.db), "--remote=punix:%s" % self.socket,
                                         "--unixctl=%s" % self.control, *self.args], env=env,
                                        stdout=self.log, stderr=self.log)
        if wait:
            wait_until(lambda: self.accepts() or self.process.poll() is not None, "the server")
            assert self.process.poll() is None, self.errors()
        return self

    def accepts(self):
        try:
            self.connect().close()
            Connection(self.control).close()
        except OSError:
            return False
        return True

    def errors(self):
        return (self.dir / "server.err").read_text()

    def connect(self):
        return Connection(self.socket)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        if self.process:
            self.log.close()
        return self.process.returncode if self.process else None

    def appctl(self, command, *args):
        """The text of the answer; asserts that it is no error."""
        c = Connection(self.control)
        try:
            return c.call(command, *args)
        finally:
            c.close()


@contextlib.contextmanager
def small_disk(directory):
    """A server whose database is on a disk of 256 kB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small tmpfs")
    small = directory / "small"
    small.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=256k", "none", small, check=False).returncode:
        pytest.skip("cannot mount a tmpfs here")
    server = Server(directory, small / "t.db")
    try:
        shutil.copy(create(directory), small / "t.db")
        yield server.start()
    finally:
        server.stop()
        run("umount", small)


TEST_SCHEMA = {
    "name": "T", "version": "1.0.0", "tables": {
        "Root": {"isRoot": True, "indexes": [["name"]], "columns": {
            "name": {"type": "string"},
            "fixed": {"type": "string", "mutable": False},
            "number": {"type": {"key": {"type": "integer", "minInteger": 0, "maxInteger": 100}}},
            "big": {"type": "integer"},
            "ratio": {"type": "real"},
            "flag": {"type": "boolean"},
            "colour": {"type": {"key": {"type": "string", "enum": ["set", ["red", "green"]]}, "min": 0, "max": 1}},
            "short": {"type": {"key": {"type": "string", "maxLength": 3}, "min": 0, "max": 1}},
            "few": {"type": {"key": "integer", "min": 0, "max": 3}},
            "map": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
            "child": {"type": {"key": {"type": "uuid", "refTable": "Child"}, "min": 0, "max": "unlimited"}},
            "weak": {"type": {"key": {"type": "uuid", "refTable": "Child", "refType": "weak"}, "min": 0,
                              "max": "unlimited"}},
            "volatile": {"type": "integer", "ephemeral": True}}},
        "Child": {"columns": {
            "name": {"type": "string"},
            "next": {"type": {"key": {"type": "uuid", "refTable": "Child"}, "min": 0, "max": 1}}}},
        "Single": {"isRoot": True, "maxRows": 1, "columns": {"x": {"type": "integer"}}},
        "Needy": {"isRoot": True, "columns": {
            "must": {"type": {"key": {"type": "uuid", "refTable": "Child", "refType": "weak"}, "min": 1,
                              "max": "unlimited"}}}}}}


def create(directory, schema=None):
    """A new database file of the test schema (or another)."""
    directory = pathlib.Path(directory)
    path = directory / "schema.json"
    path.write_text(json.dumps(schema or TEST_SCHEMA))
    run(program("ovsdb-tool"), "create", directory / "t.db", path)
    return directory / "t.db"
