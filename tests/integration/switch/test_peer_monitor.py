# SPDX-License-Identifier: Apache-2.0
"""ovs-ofctl monitor: this project's and Debian's, told the same by the same switch and ovs-appctl, say the same.

Masked: xids, the path of the control socket."""
import os
import re
import signal
import subprocess

import pytest

from conftest import Switch, wait_until
from test_peer_actions import OURS, THEIRS, needs_peer, run
from test_peer_control import running
from test_peer_text import Peer

IP = ("in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),"
      "ipv4(src=192.168.0.1,dst=192.168.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=8,dst=9)")
PACKET = "in_port=2 packet=505400000009505400000007080045000014000000004001 actions="
FLOWS = ["priority=0,actions=resubmit(,3)", "table=3,priority=7,udp,cookie=5,actions=controller(userdata=01.02.03)"]
# Arguments, and which switches can: Debian's alone knows flow monitors.
ARGUMENTS = ["64", "64 -m", "64 -mm -P standard", "64 -P nxt_packet_in", "65534 -P nxt_packet_in2", "65534 -O OpenFlow13",
             "64 -O OpenFlow13 -P nxt_packet_in", "64 -O OpenFlow15", "64 -O OpenFlow15 -P standard", "64 invalid_ttl",
             "", "64 -O OpenFlow12 invalid_ttl"]
WRONG = ["foo", "64 -P foo", "64 watch:foo", "64 watch:!foo", "64 watch:cookie=1/1",
         "64 watch:priority=5", "64 invalid_ttl watch: 5"]


@pytest.fixture(scope="module", params=[(Switch, "netdev"), (Peer, "dummy")], ids=["ours", "debian"])
def switch(request):
    cls, datapath_type = request.param
    with running(cls, datapath_type) as s:
        for flow in FLOWS:
            s.ofctl("add-flow", "br0", flow)
        yield s


class Monitor:
    def __init__(self, program, s, arguments):
        self.s, self.pid = s, f"{s.dir}/monitor.pid"
        self.out = f"{s.dir}/monitor.out"
        with open(self.out, "w") as out:
            subprocess.run([program, "monitor", "br0", *arguments.split(), "--detach", f"--pidfile={self.pid}", "--no-chdir"], env=s.env,
                           check=True, timeout=30, stdout=out, stderr=subprocess.STDOUT)
        with open(self.pid) as f:
            self.number = int(f.read())
        self.socket = f"{s.dir}/ovs-ofctl.{self.number}.ctl"

    def close(self):
        """Ends it where it has not been told to, or has not heard."""
        if os.path.exists(self.pid):
            os.kill(self.number, signal.SIGKILL)
            os.unlink(self.pid)

    def say(self, *words):
        r = run(os.path.join(os.path.dirname(OURS), "ovs-appctl"), "-t", self.socket, *words)
        return r.returncode, re.sub(r"ovs-appctl: .*", "", r.stdout + r.stderr)

    def text(self):
        with open(self.out) as f:
            return f.read()


def conversation(program, s, arguments):
    m = Monitor(program, s, arguments)
    try:
        return converse(m, s, arguments)
    finally:
        m.close()


def converse(m, s, arguments):
    version = "04" if "13" in arguments else "06" if "15" in arguments else "03" if "12" in arguments else "01"
    told = []
    if arguments:
        s.appctl("netdev-dummy/receive", "p1", IP)
        wait_until("the packet is told of", lambda: "PACKET_IN" in m.text())
    told += [m.say("ofctl/barrier"), m.say("ofctl/send", f"{version}02000800000055", f"{version}05000800000056"), m.say("ofctl/send", "00"),
             m.say("ofctl/send", "zz"), m.say("ofctl/packet-out", PACKET + "drop"), m.say("ofctl/packet-out", "in_port=1"),
             m.say("ofctl/packet-out", PACKET + "zz"), m.say("ofctl/block"), m.say("ofctl/block"), m.say("ofctl/unblock"),
             m.say("ofctl/unblock"), m.say("ofctl/barrier"), m.say("ofctl/set-output-file", f"{s.dir}/other"), m.say("ofctl/barrier"),
             m.say("ofctl/set-output-file", "/nonexistent/x"), m.say("exit")]
    wait_until("it has ended", lambda: not os.path.exists(m.pid))
    with open(f"{s.dir}/other") as f:
        text = m.text() + "== other file\n" + f.read()
    return told, re.sub(r"xid=0x[0-9a-f]+", "xid=X", text)


@needs_peer
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda a: a or "nothing")
def test_it_prints_and_answers_what_debians_does(switch, arguments):
    ours, theirs = [conversation(p, switch, arguments) for p in (OURS, THEIRS)]
    assert ours[0] == theirs[0] and ours[1].splitlines() == theirs[1].splitlines() and "BARRIER_REPLY" in ours[1].split("== other file")[1]


@needs_peer
@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_arguments_are_refused_as_debians_does(switch, arguments):
    answers = []
    for program in (OURS, THEIRS):
        r = subprocess.run([program, "monitor", "br0", *arguments.split()], env=switch.env, capture_output=True, text=True, timeout=30)
        answers.append((r.returncode, r.stdout, [x for x in r.stderr.splitlines() if not re.match(r"\d{4}-", x)]))
    assert answers[0] == answers[1] and answers[0][0]
