# SPDX-License-Identifier: Apache-2.0
"""OpenFlow inside TLS: controllers that listen and that connect, keys from the database and the command line, ours and Debian's."""
import os
import shutil
import socket
import struct
import sys
import uuid

import pytest

from conftest import Switch, TOP, wait_until
from test_peer_text import Peer

sys.path.insert(0, os.path.join(TOP, "tests", "integration"))
from pki import Pki, TlsServer, listening_port  # noqa: E402

DEBIAN = pytest.param("debian", marks=pytest.mark.peer)
HELLO, ECHO_REQUEST, ECHO_REPLY, FEATURES_REQUEST, FEATURES_REPLY = 0, 2, 3, 5, 6


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def make():
    """make(who, *options): a running switch with br0 of dummies."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("needs root and /dev/net/tun")
    switches = []

    def make(who="ours", *options):
        tag = uuid.uuid4().hex[:5]
        os.mkdir(f"/tmp/oes-{tag}")
        s = (Peer if who == "debian" else Switch)(f"/tmp/oes-{tag}", tag)
        switches.append(s)
        s.start("--enable-dummy", *options)
        datapath = "dummy" if who == "debian" else "netdev"
        s.vsctl("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath}", "fail_mode=secure")
        return s

    yield make
    for s in switches:
        s.close()
        shutil.rmtree(s.dir, ignore_errors=True)


def set_ssl(switch, pki, name, ca="ca"):
    switch.vsctl("set-ssl", str(pki.key(name)), str(pki.cert(name)), str(pki.cert(ca)))


def message(tls):
    header = tls.recv(8)
    while 0 < len(header) < 8:
        header += tls.recv(8 - len(header))
    if not header:
        return None, 0
    _, kind, length, xid = struct.unpack("!BBHI", header)
    while length > 8:
        length -= len(tls.recv(length - 8))
    return kind, xid


def shake_hands(tls):
    tls.sendall(struct.pack("!BBHI", 1, HELLO, 8, 1) + struct.pack("!BBHI", 1, FEATURES_REQUEST, 8, 2))
    while message(tls)[0] not in (FEATURES_REPLY, None):
        pass


def stay(tls):
    """A controller that answers what keeps the connection alive."""
    shake_hands(tls)
    while (m := message(tls))[0] is not None:
        if m[0] == ECHO_REQUEST:
            tls.sendall(struct.pack("!BBHI", 1, ECHO_REPLY, 8, m[1]))


@pytest.fixture
def controller(pki):
    """controller(serve): the TLS controller."""
    servers = []

    def make(serve, name="client", **kw):
        servers.append(TlsServer(pki.context(True, name, **kw), serve))
        return servers[-1]

    yield make
    for s in servers:
        s.close()


def follow(switch, server):
    """The switch seeks the controller, and again within a second."""
    switch.vsctl("set-controller", "br0", f"ssl:127.0.0.1:{server.port}", "--", "set", "controller", "br0", "max_backoff=1000")


def is_connected(switch):
    return switch.vsctl("--columns=is_connected", "--bare", "list", "Controller").strip() == "true"


@pytest.mark.parametrize("who", ["ours", DEBIAN])
def test_switch_connects_to_its_controller(make, pki, controller, who):
    s, server = make(who), controller(stay)
    set_ssl(s, pki, "server")
    follow(s, server)
    wait_until("the controller is connected", lambda: is_connected(s))
    assert server.names == ["server"]


WHO = [("ours", "ours"), pytest.param("ours", "debian", marks=pytest.mark.peer),
       pytest.param("debian", "ours", marks=pytest.mark.peer)]


def listen(switch):
    switch.vsctl("set-controller", "br0", "pssl:0:127.0.0.1")
    return f"ssl:127.0.0.1:{listening_port(switch.dir + '/ovs-vswitchd.log')}"


def ofctl(who, *args, check=True):
    return (Peer if who == "debian" else Switch)("/tmp", "0").run("ovs-ofctl", "-t", "30", *args, check=check)


@pytest.mark.parametrize("switch_is,tool_is", WHO)
def test_ofctl_connects_to_the_switch(make, pki, tmp_path, switch_is, tool_is):
    s = make(switch_is)
    set_ssl(s, pki, "server")
    name = listen(s)
    keys = pki.options("client")
    assert "OFPT_FEATURES_REPLY" in ofctl(tool_is, *keys, "show", name)
    # More than a few records each way.
    (tmp_path / "flows").write_text("".join(f"in_port=1,dl_dst=00:00:00:00:{i >> 8:02x}:{i & 255:02x},actions=drop\n"
                                            for i in range(20000)))
    ofctl(tool_is, *keys, "add-flows", name, str(tmp_path / "flows"))
    assert ofctl(tool_is, *keys, "dump-flows", name).count("dl_dst=") == 20000
    p = ofctl(tool_is, *pki.options("stranger"), "show", name, check=False)
    assert p.returncode == 1 and "FEATURES" not in p.stdout
    p = ofctl(tool_is, *pki.options("client", "other"), "show", name, check=False)
    assert p.returncode == 1 and "FEATURES" not in p.stdout


def test_keys_are_missing_and_come(make, pki, controller):
    s, server = make(), controller(stay)
    follow(s, server)
    wait_until("the log", lambda: "|stream_ssl|ERR|Private key must be configured to use SSL" in s.log())
    wait_until("the status", lambda: "Private key must be configured" in s.vsctl("get", "controller", "br0", "status:last_error"))
    set_ssl(s, pki, "server")
    wait_until("the controller is connected", lambda: is_connected(s))
    assert s.log().count("Private key must be configured") <= 2  # once, and as the reason of a lost connection


def test_settings_change_while_running(make, pki, controller):
    s, server = make(), controller(shake_hands, ca="other")
    set_ssl(s, pki, "server")
    follow(s, server)
    wait_until("the controller refuses", lambda: len(server.errors) >= 2)
    assert server.names == []
    set_ssl(s, pki, "stranger")
    wait_until("the controller is content", lambda: len(server.names) >= 2)
    assert set(server.names) == {"stranger"}


@pytest.mark.parametrize("who", ["ours", DEBIAN])
def test_row_counts_more_than_the_command_line(make, pki, controller, who):
    s, server = make(who, *pki.options("server")), controller(shake_hands)
    follow(s, server)
    wait_until("the command line's certificate", lambda: server.names and server.names[-1] == "server")
    set_ssl(s, pki, "client")
    wait_until("the row's certificate", lambda: server.names[-1] == "client")
    if who == "ours":  # Debian's goes on with what it has
        s.vsctl("del-ssl")
        wait_until("the command line's certificate", lambda: server.names[-1] == "server")


@pytest.mark.parametrize("who", ["ours", DEBIAN])
def test_bootstrap_from_the_controller(make, pki, controller, tmp_path, who):
    s, made = make(who), tmp_path / "made.pem"
    (tmp_path / "chain.pem").write_text(pki.cert("client").read_text() + pki.cert("ca").read_text())
    server = controller(stay)
    server.context.load_cert_chain(tmp_path / "chain.pem", pki.key("client"))
    s.vsctl("--bootstrap", "set-ssl", str(pki.key("server")), str(pki.cert("server")), str(made))
    follow(s, server)
    wait_until("the controller is connected", lambda: is_connected(s))
    assert made.read_text().split() == pki.cert("ca").read_text().split()


def test_half_a_handshake_keeps_no_controller_waiting(make, pki, controller):
    s, server = make(), controller(stay)
    set_ssl(s, pki, "server")
    name = listen(s)
    silent = [socket.create_connection(("127.0.0.1", int(name.rsplit(":", 1)[1]))) for _ in range(3)]
    silent[1].sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    silent[2].sendall(b"\x04\x00\x00\x08\x00\x00\x00\x01")
    silent[2].settimeout(20)
    assert "OFPT_FEATURES_REPLY" in ofctl("ours", *pki.options("client"), "show", name)
    while silent[2].recv(100):  # plain OpenFlow is answered by an alert at most
        pass
    wait_until("the log", lambda: "(peer does not speak TLS)" in s.log())
    for c in silent:
        c.close()


class Mixed(Switch):
    """Ours, but for the programs in .theirs."""
    theirs = ()

    def program(self, name):
        return Peer.program(self, name) if name in self.theirs else super().program(name)


@pytest.mark.parametrize("theirs", [(), pytest.param(("ovs-vswitchd",), marks=pytest.mark.peer),
                                    pytest.param(("ovsdb-server",), marks=pytest.mark.peer)], ids=["ours", "vswitchd", "server"])
def test_database_over_tls(make, pki, theirs):
    s = make()
    s.vsctl("del-br", "br0", "--", "set-manager", "pssl:0:127.0.0.1")
    s.stop_process("ovs-vswitchd")
    s.stop_process("ovsdb-server")
    s.__class__, s.theirs = Mixed, theirs
    s.env["OVS_SYSCONFDIR"] = s.dir
    os.unlink(f"{s.dir}/ovsdb-server.log")
    s.start_process("ovsdb-server", f"{s.dir}/conf.db", f"--remote=punix:{s.dir}/db.sock",
                    "--remote=db:Open_vSwitch,Open_vSwitch,manager_options", *pki.options("server"))
    port = listening_port(f"{s.dir}/ovsdb-server.log")
    s.start_process("ovs-vswitchd", f"ssl:127.0.0.1:{port}", "--enable-dummy", *pki.options("client"))
    # Waits until the switch has taken it.
    s.vsctl("set", "open_vswitch", ".", "external_ids:x=y")
    wait_until("the status", lambda: s.vsctl("--columns=is_connected", "--bare", "list", "manager").strip() == "true")
