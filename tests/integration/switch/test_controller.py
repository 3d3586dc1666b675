# SPDX-License-Identifier: Apache-2.0
"""Controllers: an os-ken learning switch of ours in three versions of OpenFlow, every byte of it judged by tshark; and
Debian's ovs-ofctl 3.1 against our switch."""
import json
import os
import shutil
import socket
import struct
import subprocess
import threading

import pytest

from clients import Stream, unix_socket
from conftest import polls, wait_until

pytestmark = polls

HERE = os.path.dirname(os.path.abspath(__file__))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Recorder:
    """Passes a TCP connection on and keeps what goes each way, in the order it came."""

    def __init__(self, target):
        self.server = socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.listen(1)
        self.port = self.server.getsockname()[1]
        self.chunks = []
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, args=(target,), daemon=True).start()

    def accept(self, target):
        while True:
            try:
                a, _ = self.server.accept()
            except OSError:
                return
            try:
                b = socket.create_connection(("127.0.0.1", target))
            except OSError:
                a.close()
                continue
            threading.Thread(target=self.copy, args=(a, b, True), daemon=True).start()
            threading.Thread(target=self.copy, args=(b, a, False), daemon=True).start()

    def copy(self, src, dst, from_switch):
        try:
            while data := src.recv(65536):
                with self.lock:
                    self.chunks.append((from_switch, data))
                    dst.sendall(data)
        except OSError:
            pass
        src.close()
        dst.close()


def messages(chunks):
    """The same bytes, cut where OpenFlow messages end: what stands about one in a capture is then about no other."""
    left = {True: b"", False: b""}
    for from_switch, data in chunks:
        data = left[from_switch] + data
        while len(data) >= 4 and len(data) >= (length := max(8, int.from_bytes(data[2:4], "big"))):
            yield from_switch, data[:length]
            data = data[length:]
        left[from_switch] = data


def write_pcap(path, chunks):
    """A capture of a connection: pairs of whether the switch sent it, and bytes."""
    from scapy.all import Ether, IP, TCP, Raw, wrpcap
    seq = {True: 1, False: 1}
    frames = []
    for from_switch, data in chunks:
        for i in range(0, len(data), 1400):
            part = data[i:i + 1400]
            src, dst = ("10.1.0.1", "10.1.0.2") if from_switch else ("10.1.0.2", "10.1.0.1")
            sport, dport = (40000, 6653) if from_switch else (6653, 40000)
            frames.append(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=src, dst=dst) /
                          TCP(sport=sport, dport=dport, flags="PA", seq=seq[from_switch], ack=seq[not from_switch]) /
                          Raw(part))
            seq[from_switch] += len(part)
    wrpcap(path, frames)


def tshark(path, expression):
    out = subprocess.run(["tshark", "-r", path, "-d", "tcp.port==6653,openflow", "-Y", expression], capture_output=True,
                         text=True, check=True)
    return [line for line in out.stdout.splitlines() if line]


@pytest.mark.parametrize("version,name", [("1.0", "OpenFlow10"), ("1.3", "OpenFlow13"), ("1.5", "OpenFlow15")])
def test_os_ken_learning_switch(switch, version, name):
    pytest.importorskip("os_ken", reason="python3-os-ken is missing")
    if not shutil.which("tshark"):
        pytest.skip("tshark is missing")
    port = free_port()
    controller = subprocess.Popen(["/usr/bin/python3", f"{HERE}/learning_switch.py", str(port), version],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=HERE)
    try:
        wait_until("the controller listens", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        recorder = Recorder(port)
        switch.start()
        switch.add_simnic(vfs=2)
        switch.vsctl("set", "bridge", "br0", f"protocols={name}", "--", "set-controller", "br0",
                     f"tcp:127.0.0.1:{recorder.port}")
        wait_until("the switch is connected",
                   lambda: switch.vsctl("--columns=is_connected", "--bare", "list", "Controller").strip() == "true")
        wait_until("the table-miss rule is there", lambda: "CONTROLLER" in switch.appctl("bridge/dump-flows", "br0"))
        # The controller answers when it gets round to it.
        wait_until("both stations are learned",
                   lambda: switch.ping(0, 1) and
                   switch.appctl("bridge/dump-flows", "br0").count("priority=1,") >= 2)
    finally:
        controller.terminate()
        controller.wait(10)
    path = f"{switch.dir}/openflow.pcap"
    write_pcap(path, messages(recorder.chunks))
    dissector = {"1.0": "openflow_v1", "1.3": "openflow_v4", "1.5": "openflow_v6"}[version]
    assert len(tshark(path, dissector)) > 5
    # tshark 4.0 calls every OpenFlow 1.5 message with a match malformed, os-ken's own too: os-ken's parser judges those.
    malformed = tshark(path, "_ws.malformed and tcp.srcport == 40000")
    if version == "1.5" and tshark(path, "_ws.malformed and tcp.srcport == 6653"):
        malformed = [line for line in malformed if "OFPT_PACKET_IN" not in line]
    assert malformed == []


class Connection(Stream):
    """OpenFlow 1.3 over a bridge's management socket, with numbers of one's own."""

    def __init__(self, path):
        super().__init__(4, unix_socket(path))
        self.greet()

    def send(self, kind, body, xid):
        self.put(kind, body, xid)

    def take(self):
        m = self.receive()
        return m[1], struct.unpack("!I", m[4:8])[0], m[8:]

    def answer(self, kind, body, xid):
        self.send(kind, body, xid)
        while True:
            answer, its, content = self.take()
            if its == xid:
                return answer, content


NICIRA = 0x2320
CHANGES = {
    "flow_mod": (14, bytes(40) + struct.pack("!HHI", 1, 4, 0)),
    "meter_mod": (29, struct.pack("!HHI", 2, 0, 0xffffffff)),
    "packet_out": (13, struct.pack("!IIH6x", 0xffffffff, 0xfffffffd, 0)),
    "tlv_table_mod": (4, struct.pack("!IIH6xHBBH2x", NICIRA, 24, 0, 0x102, 0x80, 4, 0)),
}


def test_a_secondary_controller_changes_nothing(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0")
    c = Connection(f"{switch.dir}/br0.mgmt")
    assert c.answer(24, struct.pack("!I4xQ", 3, 1), 5) == (25, struct.pack("!I4xQ", 3, 1))
    bad_request, is_secondary = 1, 10
    for xid, (name, (kind, body)) in enumerate(CHANGES.items(), 10):
        answer, content = c.answer(kind, body, xid)
        assert (answer, struct.unpack("!HH", content[:4])) == (1, (bad_request, is_secondary)), name


def test_a_controllers_own_packet_comes_back_with_its_own_port(switch):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy", "ofport_request=1")
    c = Connection(f"{switch.dir}/br0.mgmt")
    c.send(9, struct.pack("!HH", 0, 0xffff), 1)  # else this connection gets no packet_in
    controller = 0xfffffffd
    to_controller = struct.pack("!HHIH6x", 0, 16, controller, 0xffff)
    c.send(13, struct.pack("!IIH6x", 0xffffffff, controller, len(to_controller)) + to_controller + bytes(60), 2)
    kind, _, body = c.take()
    assert kind == 10
    assert body.find(struct.pack("!HBBI", 0x8000, 0, 4, controller)) == 20, body


def test_who_does_not_read_is_not_listened_to(switch):
    """Requests wait on the sender's side, and all are answered once it reads."""
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0")
    c = Connection(f"{switch.dir}/br0.mgmt")
    big = struct.pack("!BBHI", 4, 2, 60000, 7) + bytes(60000 - 8)
    requests = big * 1000
    c.socket.settimeout(2)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < len(requests):
            sent += c.socket.send(requests[sent:sent + 65536])
    assert sent < 10_000_000
    c.socket.settimeout(20)
    rest = threading.Thread(target=c.socket.sendall, args=(requests[sent:],))
    rest.start()
    for _ in range(1000):
        assert c.take() == (3, 7, bytes(60000 - 8))
    rest.join()
    # A wrong one comes back whole, and the switch goes on.
    assert c.answer(99, bytes(50000), 9)[1][4:] == struct.pack("!BBHI", 4, 99, 50008, 9) + bytes(50000)
    assert c.answer(20, b"", 10) == (21, b"")


# ---- Controller.status ----

NO_ROLE = ["set", []]


@pytest.fixture
def watched(switch):
    """A switch whose clock stands still, and what tells of br0's one controller when it has gone on."""
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0")
    switch.appctl("time/stop")

    def status():
        switch.appctl("time/warp", "5000")
        text = switch.vsctl("-f", "json", "--columns=is_connected,role,status", "list", "controller")
        connected, role, (_, pairs) = json.loads(text)["data"][0]
        return {"is_connected": connected, "role": role, **dict(pairs)}
    return switch, status


def connect(switch, status):
    """A controller of version 1.0 who is polite at first."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        switch.vsctl("set-controller", "br0", "tcp:127.0.0.1:%d" % listener.getsockname()[1], "--", "set", "controller", "br0",
                     "inactivity_probe=100000")
        listener.settimeout(20)
        sock = listener.accept()[0]
    sock.sendall(struct.pack("!BBHI", 1, 0, 8, 1))
    wait_until("it is connected", lambda: status().get("state") == "ACTIVE")
    return sock


def test_status_of_a_controller_out_of_reach(watched):
    switch, status = watched
    switch.vsctl("set-controller", "br0", "tcp:127.0.0.1:%d" % free_port())
    wait_until("an error", lambda: status() == {"is_connected": False, "role": NO_ROLE, "state": "BACKOFF",
                                                "last_error": "Connection refused"})


def counts_a_minute(status, key):
    """From what it is now on, five seconds at a time, and never back."""
    values = [int(status()[key])]
    while values[-1] < values[0] + 60:
        values.append(int(status()[key]))
        assert values[-2] <= values[-1] <= values[-2] + 60, values


def test_status_counts_seconds_of_a_connection_and_behind_its_end(watched):
    switch, status = watched
    with connect(switch, status):
        assert status()["is_connected"] and status()["role"] == "other" and "sec_since_disconnect" not in status()
        counts_a_minute(status, "sec_since_connect")
    wait_until("it is gone", lambda: "sec_since_disconnect" in status())
    counts_a_minute(status, "sec_since_disconnect")  # several attempts to connect later
    counts_a_minute(status, "sec_since_connect")
    assert status()["state"] == "BACKOFF" and not status()["is_connected"]


def test_status_of_a_controller_that_answers_no_probe_is_idle(watched):
    switch, status = watched
    with connect(switch, status):
        wait_until("it is idle", lambda: status()["state"] == "IDLE")


def test_status_of_a_controller_that_is_listened_for_is_empty(watched):
    switch, status = watched
    switch.vsctl("set-controller", "br0", "ptcp:0:127.0.0.1")
    assert set(status()) == {"is_connected", "role"} and not status()["is_connected"]


def debian_ofctl(switch, *args, check=True):
    path = os.path.join(os.environ.get("OES_PEER_DIR", "/nonexistent"), "usr/bin/ovs-ofctl")
    if not os.path.exists(path):
        pytest.skip("Debian's ovs-ofctl is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")
    r = subprocess.run([path, *args], env=switch.env, capture_output=True, text=True, timeout=60)
    assert not check or r.returncode == 0, r.stdout + r.stderr
    return r.stdout


@pytest.mark.peer
@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13", "OpenFlow15"])
def test_debian_ofctl_works_against_our_switch(switch, version):
    switch.start("--enable-dummy=override")
    switch.vsctl("add-br", "br0", "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy", "ofport_request=1")
    of = ["-O", version]
    assert "1(p1)" in debian_ofctl(switch, *of, "show", "br0")
    debian_ofctl(switch, *of, "add-flow", "br0", "priority=7,tcp,nw_dst=10.0.0.0/8,actions=mod_dl_dst:00:00:00:00:00:09,output:1")
    dump = debian_ofctl(switch, *of, "dump-flows", "br0")
    assert "priority=7,tcp,nw_dst=10.0.0.0/8" in dump and "output:1" in dump
    # That one, and the one that a bridge without controllers begins with.
    assert "flow_count=2" in debian_ofctl(switch, *of, "dump-aggregate", "br0")
    assert "port  1" in debian_ofctl(switch, *of, "dump-ports", "br0")
    assert "(p1)" in debian_ofctl(switch, *of, "dump-ports-desc", "br0")
    debian_ofctl(switch, *of, "packet-out", "br0",
                 "in_port=LOCAL packet=ffffffffffff0000000000010800 actions=1")
    debian_ofctl(switch, *of, "--strict", "del-flows", "br0", "priority=7,tcp,nw_dst=10.0.0.0/8")
    assert "priority=7" not in debian_ofctl(switch, *of, "dump-flows", "br0")
    # Each dump of ours is read by theirs.
    assert "table 0" in debian_ofctl(switch, *of, "dump-tables", "br0")
