# SPDX-License-Identifier: Apache-2.0
"""Programs' sockets by hand: OpenFlow, as a controller or a switch, and control sockets."""
import glob
import json
import os
import socket
import struct


class Stream:
    """OpenFlow messages over a connected socket. Its end is a ConnectionError to who wants more."""

    def __init__(self, version, connected, timeout=30):
        self.version, self.socket, self.data, self.xid = version, connected, b"", 100
        self.socket.settimeout(timeout)

    def close(self):
        self.socket.close()

    def receive(self):
        while len(self.data) < 8 or len(self.data) < struct.unpack("!H", self.data[2:4])[0]:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionError("the connection ended")
            self.data += got
        n = struct.unpack("!H", self.data[2:4])[0]
        assert n >= 8, "what comes is not OpenFlow"
        message, self.data = self.data[:n], self.data[n:]
        return message

    def put(self, kind, body=b"", xid=None):
        """Sends a message of this type, by default with a new number."""
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.socket.sendall(struct.pack("!BBHI", self.version, kind, 8 + len(body), xid) + body)

    def greet(self):
        """Hellos are exchanged, of this version alone."""
        self.put(0, struct.pack("!HHI", 1, 8, 1 << self.version), 1)
        while self.receive()[1] != 0:
            pass


def unix_socket(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(path)
    return s


def management_socket(switch):
    return next(os.path.join(path, "br0.mgmt") for path, _, files in os.walk(switch.dir) if "br0.mgmt" in files)


class Connection(Stream):
    """A controller: one that the switch has come to, or who has come to the bridge's management socket."""

    def __init__(self, version, connected):
        super().__init__(version, connected)
        self.greet()

    @classmethod
    def to(cls, switch, version):
        return cls(version, unix_socket(management_socket(switch)))

    def send(self, kind, body=""):
        self.put(kind, bytes.fromhex(body))

    def received(self):
        """What has come so far: all that the switch sends before it answers a barrier."""
        request = 18 if self.version == 1 else 20
        self.send(request)
        messages = []
        while True:
            message = self.receive()
            if message[1] == request + 1 and message[4:8] == struct.pack("!I", self.xid):
                return messages
            if message[1] == 2:
                self.socket.sendall(message[:1] + b"\3" + message[2:])
            else:
                messages.append(message)

    def ask(self, kind, body=""):
        self.send(kind, body)
        return self.received()

    def nicira(self, number, body=""):
        return self.ask(4, f"00002320{number:08x}" + body)


class Control:
    """A program's control socket: thousands of commands without a program for each."""

    def __init__(self, s):
        self.socket = unix_socket(glob.glob(f"{s.dir}/ovs-vswitchd.*.ctl")[0])
        self.socket.settimeout(60)
        self.decoder, self.text, self.id = json.JSONDecoder(), "", 0

    def close(self):
        self.socket.close()

    def call(self, command, *args):
        self.id += 1
        self.socket.sendall(json.dumps({"method": command, "params": args, "id": self.id}).encode())
        while True:
            try:
                reply, end = self.decoder.raw_decode(self.text)
                self.text = self.text[end:].lstrip()
                assert not reply["error"], reply
                return reply["result"]
            except json.JSONDecodeError:
                got = self.socket.recv(1 << 20)
                if not got:
                    raise ConnectionError("the connection ended") from None
                self.text += got.decode()
