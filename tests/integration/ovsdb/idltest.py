# SPDX-License-Identifier: Apache-2.0
"""Helpers for tests of the client's replica in C: idl-client, and a proxy between it and its server."""
import os
import select
import socket
import subprocess
import threading

from ovsdbtest import BUILD, PATIENCE, SOURCE

SCHEMA = SOURCE / "tests/unit/ovsdb/idl-client.ovsschema"


class Replica:
    """A process with a replica of database Idltest."""

    def __init__(self, remotes, *options):
        self.process = subprocess.Popen([BUILD / "tests/unit/ovsdb/idl-client", str(remotes), *map(str, options)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.errors = self.process.stderr.read()
        if kind:
            print(self.errors)
        else:
            assert self.process.returncode == 0, self.errors

    def ask(self, command):
        """What it answers, without the blanks at the end."""
        self.begin(command)
        return self.end()

    def begin(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def end(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, "the replica does not answer"
        line = self.process.stdout.readline()
        assert line.endswith("\n"), self.process.stderr.read()
        return line.strip()

    def sync(self):
        assert self.ask("sync") == "ok"
        return self

    def server(self):
        """(remote, model, connected, leader, index, cid, sid), or ("none", "connected")."""
        return self.ask("server").split()


class Proxy:
    """Between a Unix socket of its own and that of a server. 'up' and 'down' may change what passes (bytes to bytes); .received counts what
    came from the server on the last connection."""

    def __init__(self, path, target, up=None, down=None):
        self.path, self.target, self.up, self.down = path, target, up, down
        self.pairs = []
        self.received = 0
        self.connections = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self.target))
            except OSError:
                client.close()
                continue
            self.received = 0
            self.connections += 1
            self.pairs.append((client, server))
            threading.Thread(target=self.copy, args=(client, server, "up"), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, "down"), daemon=True).start()

    def copy(self, source, sink, way):
        try:
            while data := source.recv(1 << 20):
                change = getattr(self, way)
                if way == "down":
                    self.received += len(data)
                sink.sendall(change(data) if change else data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def cut(self):
        """Ends the connections that there are."""
        for client, server in self.pairs:
            for s in (client, server):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def close(self):
        self.cut()
        self.listener.close()
        os.unlink(self.path)
