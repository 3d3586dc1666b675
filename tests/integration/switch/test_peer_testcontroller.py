# SPDX-License-Identifier: Apache-2.0
"""ovs-testcontroller: what it tells switches is what Debian's tells them, and stations behind this project's switch and Debian's find each
other under both.

Left out, because Debian's does otherwise than its manual says: -N, which floods there, --mute, which answers, several --with-flows, of
which it sends one, and -Q from OpenFlow 1.3 on, where it does not learn the names of ports. Numbers that are none are errors here."""
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from clients import Stream, unix_socket
from conftest import BUILD, TOP, Switch, wait_until
from test_peer_text import Peer, on_switch

sys.path.insert(0, os.path.join(TOP, "tests", "integration"))
from pki import Pki, listening_port  # noqa: E402

OURS = os.path.join(BUILD, "utilities", "ovs-testcontroller")
THEIRS = os.path.join(os.environ.get("OES_PEER_DIR", "/nonexistent"), "usr/bin/ovs-testcontroller")
OFCTL = os.path.join(BUILD, "utilities", "ovs-ofctl")
APPCTL = os.path.join(BUILD, "utilities", "ovs-appctl")

needs_peer = pytest.mark.skipif(not os.path.exists(THEIRS), reason="Debian's ovs-testcontroller is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)")
PORTS = {1: b"p1", 2: b"p2"}


class Controller:
    """A controller in a directory of its own, which waits for switches on a socket."""

    def __init__(self, program, *args, path=None):
        self.dir = tempfile.mkdtemp(prefix="oes-")
        self.path, self.process = path or f"{self.dir}/socket", None
        with open(f"{self.dir}/flows", "w") as f:
            f.write("table=1,reg0=1,actions=drop\n\npriority=5,tcp,actions=2  # to a port\n")
        try:
            args = [a.replace("@", f"{self.dir}/") for a in args]
            self.process = subprocess.Popen([program, *args, f"punix:{self.path}", f"--unixctl={self.dir}/ctl", "-vconsole:off", "-vsyslog:off"],
                                            stderr=subprocess.PIPE, text=True)
            wait_until("it listens", lambda: self.process.poll() is not None or self.listens())
            assert self.process.poll() is None, self.process.stderr.read()
        except BaseException:
            self.close()
            raise

    def listens(self):
        try:
            unix_socket(self.path).close()
            return True
        except OSError:
            return False

    def appctl(self, *args):
        subprocess.run([APPCTL, "-t", f"{self.dir}/ctl", *args], check=True, capture_output=True, timeout=30)

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


class FakeSwitch(Stream):
    """Says hello and what it is, and gives what it is told until it has an answer to an echo: as text, one message a line."""

    def __init__(self, path, version):
        super().__init__(version, unix_socket(path))
        self.greet()
        self.heard = []

    def features(self, xid):
        body = struct.pack("!QIB3xII", 5, 0, 254, 0xc7, 0xfff)
        if self.version == 1:
            body += b"".join(struct.pack("!H6s16s24x", n, bytes([2, 0, 0, 0, 0, n]), name) for n, name in PORTS.items())
        elif self.version < 4:
            body += b"".join(struct.pack("!I4x6s2x16s32x", n, bytes([2, 0, 0, 0, 0, n]), name) for n, name in PORTS.items())
        self.put(6, body, xid)

    def packet_in(self, port, packet, buffer=0xffffffff, reason=0):
        if self.version == 1:
            body = struct.pack("!IHHBx", buffer, len(packet), port, reason)
        elif self.version == 2:
            body = struct.pack("!IIIHBB", buffer, port, port, len(packet), reason, 0)
        else:
            body = struct.pack("!IHBB", buffer, len(packet), reason, 0) + bytes(8 if self.version > 3 else 0) + struct.pack("!HHII4x2x", 1, 12, 0x80000004, port)
        self.put(10, body + packet)

    def told(self):
        self.put(2)
        said = []
        while True:
            message = self.receive()
            if message[1] == 3:
                return said
            if message[1] == 5:
                self.features(struct.unpack("!I", message[4:8])[0])
            said.append(message.hex())


def printed(messages):
    """Lines of messages in hex, without numbers of their own."""
    text = subprocess.run([OFCTL, "ofp-parse", "-"], input=b"".join(map(bytes.fromhex, messages)), capture_output=True, timeout=60, check=True).stdout.decode()
    return re.sub(r"xid=0x[0-9a-f]+", "xid=X", text).splitlines()


def mac(n):
    return b"\xff" * 6 if n == 255 else bytes([2, 0, 0, 0, 0, n])


ARP = "08060001080006040001020000000001" + "0a000001" + "00" * 6 + "0a000002"
UDP = "0800" + "4500002000010000401100000a0000010a000002" + "00050006000c0000" + "61626364"
UDP6 = "86dd" + "60000000000c1140" + "00" * 15 + "01" + "00" * 15 + "02" + "00050006000c1234" + "61626364"
ICMP = "0800" + "4500002000010000400100000a0000010a000002" + "080000006162636400000000"
FRAGMENT = "0800" + "4520002000012005401100000a0000010a000002" + "78" * 12


def frame(dst, src, rest):
    return mac(dst) + mac(src) + bytes.fromhex(rest)


FRAMES = [(1, frame(255, 1, ARP)), (2, frame(1, 2, UDP)), (1, frame(2, 1, UDP), 0x55), (1, frame(1, 1, UDP)), (1, frame(1, 1, UDP), 7), (1, frame(255, 1, ARP), 0x66),
          (1, frame(0x80, 3, ARP), 0x67), (2, frame(1, 2, "81006005" + UDP)), (1, bytes.fromhex("0180c2000003") + frame(1, 1, ARP)[6:], 9), (1, frame(2, 1, "1234" + "61" * 8)),
          (2, frame(1, 2, "0020aaaa030000000800" + UDP[4:])), (2, frame(1, 2, "0020424203" + "00" * 40)), (2, frame(1, 2, "884700005140" + UDP[4:])), (2, frame(1, 2, FRAGMENT)),
          (2, frame(1, 2, ICMP)), (1, mac(2) + b"\xff" * 6 + bytes.fromhex(UDP)), (1, frame(255, 2, ARP)), (1, frame(2, 1, UDP)), (2, frame(1, 2, UDP), 0xffffffff, 1),
          (1, frame(2, 1, "")[:10])]
RUNS = [("", v) for v in range(1, 7)] + [("-n", 1), ("-n", 4), ("-H", 1), ("-H", 4), ("-H -n", 3), ("-w", 1), ("-w", 4), ("-w0x2000EC", 1), ("--wildcards=2000ec", 4), ("-w3fffff", 1),
        ("-w0", 4), ("-q 5", 1), ("--queue=5", 4), ("-Q p1:7", 1), ("-Q p1:7 -q 3", 2), ("-q 5 -n", 1), ("-q 5 -H", 1), ("-q 5 -N", 4), ("--with-flows @flows", 1),
        ("--with-flows @flows", 3), ("--max-idle=permanent", 1), ("--max-idle=5", 4), ("-O OpenFlow13", 4), ("-O OpenFlow10,OpenFlow14 -w --max-idle=7 -n", 5)]


def told(program, args, version, frames=FRAMES):
    with Controller(program, *args.split()) as controller:
        switch = FakeSwitch(controller.path, version)
        said = switch.told()
        for f in frames:
            switch.packet_in(*f)
            said += ["", *switch.told()]
        switch.close()
        return said


def all_runs(program, runs=RUNS):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda run: printed(x for x in told(program, *run) if x), runs))


@needs_peer
def test_switches_are_told_what_debians_tells_them():
    different = [(run, a, b) for run, ours, theirs in zip(RUNS, all_runs(OURS), all_runs(THEIRS)) for a, b in zip(ours + ["the end"], theirs + ["the end"]) if a != b]
    assert not different, "\n".join(f"{run}: {a}, Debian's {b}" for run, a, b in different)


def actions(text):
    return [re.search(r"actions=(\S+)", line)[1] for line in text if "actions=" in line]


def test_normal_leaves_known_stations_to_the_switch():
    assert actions(printed(x for x in told(OURS, "-N", 1, FRAMES[:4]) if x)) == ["FLOOD", "NORMAL", "NORMAL", "NORMAL", "drop"]


def test_a_ports_queue_is_found_by_its_name_in_new_versions_too():
    with Controller(OURS, "-Q", "p2:7") as controller:
        switch = FakeSwitch(controller.path, 4)
        request = next(bytes.fromhex(m) for m in switch.told() if m[2:4] == "12")
        ports = b"".join(struct.pack("!I4x6s2x16s32x", n, mac(n), name) for n, name in PORTS.items())
        switch.put(19, struct.pack("!HH4x", 13, 0) + ports, struct.unpack("!I", request[4:8])[0])
        switch.packet_in(*FRAMES[0])
        switch.packet_in(*FRAMES[1])
        assert actions(printed(switch.told())) == ["FLOOD"] + ["set_queue:7,output:1,pop_queue"] * 2
        switch.close()


def test_a_ports_queue_goes_with_its_name():
    def status(reason, name):
        switch.put(12, struct.pack("!B7xH6s16s24x", reason, 1, mac(1), name))

    def done():
        switch.packet_in(*FRAMES[2])
        return actions(printed(switch.told()))

    with Controller(OURS, "-Q", "p1:7", "-q", "3") as controller:
        switch = FakeSwitch(controller.path, 1)
        switch.told()
        switch.packet_in(*FRAMES[1])
        switch.told()
        assert done() == ["enqueue:2:7"]
        added, deleted, modified = range(3)
        status(modified, b"other")
        assert done() == ["enqueue:2:3"]
        status(modified, b"p1")
        assert done() == ["enqueue:2:7"]
        status(deleted, b"p1")
        assert done() == ["enqueue:2:3"]
        status(added, b"p1")
        assert done() == ["enqueue:2:7"]
        switch.close()


def test_flows_of_several_files_are_all_sent():
    with Controller(OURS, "--with-flows", "@flows", "--with-flows", "@flows") as controller:
        switch = FakeSwitch(controller.path, 3)
        assert len([m for m in switch.told() if m[2:4] == "0e"]) == 4
        switch.close()


def test_a_mute_one_answers_nothing():
    with Controller(OURS, "--mute") as controller:
        switch = FakeSwitch(controller.path, 1)
        switch.packet_in(*FRAMES[0])
        switch.put(2)
        switch.socket.settimeout(0.5)
        kinds = []
        with pytest.raises(TimeoutError):
            while True:
                kinds.append(switch.receive()[1])
        assert kinds == [5, 9]
        switch.close()


def ended(switch):
    switch.socket.settimeout(0.3)
    try:
        while switch.receive()[1] not in (2, 3):
            pass
        return False
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_one_who_never_says_hello_is_left():
    with Controller(OURS) as controller:
        switch = Stream(4, unix_socket(controller.path))
        assert switch.receive()[1] == 0
        controller.appctl("time/stop")
        controller.appctl("time/warp", "58000")
        assert not ended(switch)
        controller.appctl("time/warp", "3000")
        assert ended(switch)
        switch.close()


def test_only_a_silent_switch_is_asked_whether_it_is_there_and_left():
    with Controller(OURS) as controller:
        switch = FakeSwitch(controller.path, 4)
        controller.appctl("time/stop")
        kinds = []
        for _ in range(5):
            kinds += [int(m[2:4], 16) for m in switch.told()]
            controller.appctl("time/warp", "58000")
        assert 2 not in kinds
        controller.appctl("time/warp", "3000")
        assert switch.receive()[1] == 2
        controller.appctl("time/warp", "58000")
        assert not ended(switch)
        controller.appctl("time/warp", "3000")
        assert ended(switch)
        switch.close()


def test_a_mute_one_leaves_only_those_who_never_say_hello():
    with Controller(OURS, "--mute") as controller:
        silent, switch = Stream(1, unix_socket(controller.path)), FakeSwitch(controller.path, 1)
        assert [switch.receive()[1] for _ in range(2)] == [5, 9]
        controller.appctl("time/stop")
        controller.appctl("time/warp", "200000", "10000")
        assert ended(silent) and not ended(switch)
        silent.close()
        switch.close()


@pytest.mark.parametrize("args,words", [
    ("", "at least one vconn argument required"), ("-Q p1 punix:@x", 'should take the form "<port-name>:<queue-id>"'), ("-Q p1:x punix:@x", "x: not the number of a queue"),
    ("-Q p1:5 -Q p1:6 punix:@x", "must be unique"), ("--max-idle=0 punix:@x", "between 1 and 65535 or the word 'permanent'"), ("-wzz punix:@x", "zz: a mask of wildcards"),
    ("--with-flows @nofile punix:@x", "nofile: open failed (No such file or directory)"), ("--with-flows @bad punix:@x", "bad:2: must specify an action"),
    ("foo:bar", "no active or passive switch connections"), ("unix:@nobody", "no active or passive switch connections"), ("-O x punix:@x", 'Unknown OpenFlow version: "x"')])
def test_a_wrong_command_line_is_an_error(args, words, tmp_path):
    (tmp_path / "bad").write_text("# flows\nip\n")
    r = subprocess.run([OURS, *args.replace("@", f"{tmp_path}/").split(), f"--unixctl={tmp_path}/ctl", "-vsyslog:off"], capture_output=True, text=True, timeout=30)
    assert r.returncode == 1 and words in r.stderr


def test_it_connects_to_a_switch_that_waits_and_ends_with_it(tmp_path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{tmp_path}/switch")
    listener.listen()
    listener.settimeout(30)
    process = subprocess.Popen([OURS, f"unix:{tmp_path}/switch", f"--unixctl={tmp_path}/ctl", "-vconsole:off", "-vsyslog:off"])
    try:
        switch = Stream(4, listener.accept()[0])
        switch.greet()
        assert switch.receive()[1] == 5
        switch.close()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        listener.close()


def test_switches_may_come_over_tls(tmp_path):
    pki = Pki(tmp_path)
    process = subprocess.Popen([OURS, "pssl:0:127.0.0.1", *pki.options("server"), f"--unixctl={tmp_path}/ctl", f"--log-file={tmp_path}/log", "-vconsole:off", "-vsyslog:off"])
    try:
        plain = socket.create_connection(("127.0.0.1", listening_port(f"{tmp_path}/log")), timeout=30)
        switch = Stream(4, pki.context(False, "client").wrap_socket(plain))
        switch.greet()
        assert switch.receive()[1] == 5
        switch.close()
    finally:
        process.terminate()
        assert process.wait(20) == 0


# ---- With switches ----


def sent(s):
    return sum(map(int, re.findall(r"tx pkts=(\d+)", s.ofctl("dump-ports", "br0"))))


def stations(s, controller):
    """Two stations speak; what the switch has learned to do for them."""
    s.vsctl("set-controller", "br0", f"unix:{controller.path}")
    wait_until("it is connected", lambda: f"{controller.path}: connected" in s.log())
    before = sent(s)

    def is_known():
        # Debian's controller does not look at packets before it has heard of the switch.
        s.appctl("netdev-dummy/receive", "p1", frame(255, 1, ARP).hex())
        return sent(s) > before
    wait_until("the controller knows the first station", is_known)
    for i, (port, packet) in enumerate([("p2", frame(1, 2, UDP)), ("p1", frame(2, 1, UDP))], 1):
        s.appctl("netdev-dummy/receive", port, packet.hex())
        wait_until("a flow is set up", lambda i=i: s.ofctl("dump-flows", "br0").count("idle_timeout=60") == i)
    return sorted(re.sub(r"^ .*n_bytes=\d+, |idle_age=\d+, ", "", line) for line in s.ofctl("dump-flows", "br0").splitlines()[1:])


def bridge(s, datapath_type):
    s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath_type}", "fail_mode=secure")
    for i in (1, 2):
        s.vsctl("add-port", "br0", f"p{i}", "--", "set", "interface", f"p{i}", "type=dummy", f"ofport_request={i}")


@needs_peer
@pytest.mark.peer
def test_stations_find_each_other_under_every_controller_on_every_switch():
    def work(s):
        found = []
        for program in (OURS, THEIRS):
            s.ofctl("del-flows", "br0")
            # What the datapath does for the rules that were there before would keep packets from the controller.
            s.appctl("revalidator/wait")
            with Controller(program, "-O", "OpenFlow10", path=f"{s.dir}/controller{len(found)}") as controller:
                found.append(stations(s, controller))
        return found
    ours, theirs = on_switch(Switch, "netdev", work, bridge), on_switch(Peer, "dummy", work, bridge)
    assert len(ours[0]) == 2 and ours[0] == ours[1] == theirs[0] == theirs[1]
