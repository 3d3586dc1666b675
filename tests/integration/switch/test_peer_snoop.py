# SPDX-License-Identifier: Apache-2.0
"""ovs-ofctl snoop: this project's and Debian's print the same of a controller's conversation, on either switch."""
import os
import re
import signal
import subprocess

import pytest

from conftest import Switch, wait_until
from test_peer_actions import OURS, THEIRS, needs_peer
from test_peer_control import controllers, running
from test_peer_text import Peer


class Snooper:
    def __init__(self, program, s):
        self.path = f"{s.dir}/snoop.{os.path.basename(os.path.dirname(program))}"
        with open(self.path, "w") as out:
            self.process = subprocess.Popen([program, "snoop", "br0"], env=s.env, stdout=subprocess.DEVNULL, stderr=out)

    def text(self):
        with open(self.path) as f:
            return f.read()

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def number(c, kind, body, sequence=[0x1000]):
    """Asks, and says how the xid is printed."""
    sequence[0] += 1
    c.socket.sendall(bytes([c.version, kind]) + (8 + len(body) // 2).to_bytes(2, "big") + sequence[0].to_bytes(4, "big") + bytes.fromhex(body))
    return f"(xid=0x{sequence[0]:x})"


@needs_peer
@pytest.mark.parametrize("version", [1, 4, 6])
@pytest.mark.parametrize("cls, datapath_type", [(Switch, "netdev"), (Peer, "dummy")], ids=["ours", "debian"])
def test_what_a_controller_and_the_switch_say_is_printed(cls, datapath_type, version):
    with running(cls, datapath_type) as s:
        c = controllers(s, 1, version)[0]
        # One whose hello the switch has not read yet is none that can be looked at.
        c.received()
        snoopers = [Snooper(p, s) for p in (OURS, THEIRS)]
        try:
            # Until both look on, what is asked may pass them by.
            wait_until("both look on", lambda: c.ask(2) is not None and all("ECHO_REPLY" in x.text() for x in snoopers))
            last = [number(c, kind, body) for kind, body in ((5, ""), (7, ""), (2, "0102"), (18 if version == 1 else 20, ""))][-1]
            wait_until("all is printed", lambda: all(x.text().count(last) == 2 for x in snoopers))
        finally:
            for x in snoopers:
                x.close()
        # Debian's logs that it was ended.
        ours, theirs = [re.sub(r"\d{4}-.*\n", "", x.text()[x.text().index("FEATURES_REQUEST"):]) for x in snoopers]
        assert ours == theirs and "FEATURES_REPLY" in ours


def test_the_primary_is_looked_at_and_its_end_is_the_end():
    with running(Switch, "netdev") as s:
        a, b = controllers(s, 2, 4)
        b.ask(24, "00000002" + "00000000" + "00" * 8)
        snooper = Snooper(OURS, s)
        try:
            wait_until("it looks on", lambda: b.ask(2) is not None and "ECHO_REPLY" in snooper.text())
            seen = number(a, 7, "")
            a.received()
            assert seen not in snooper.text()
            b.socket.close()
            wait_until("it ends", lambda: snooper.process.poll() is not None)
        finally:
            snooper.close()


def test_without_a_controller_there_is_nothing_to_look_at():
    with running(Switch, "netdev") as s:
        r = s.run("ovs-ofctl", "snoop", "br0", check=False)
        assert r.returncode == 1 and not r.stdout
