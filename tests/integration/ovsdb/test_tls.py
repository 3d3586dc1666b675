# SPDX-License-Identifier: Apache-2.0
"""TLS of the database server and its clients: ours against ours and against Debian's, and against peers that do not behave."""
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import warnings

import pytest

import ovsdbtest
from ovsdbtest import Server, peer, program, run, wait_until
from pythontest import run_script

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from pki import Pki, TlsServer, listening_port  # noqa: E402

SCHEMA = ovsdbtest.SCHEMA


def need(name):
    path = peer(name)
    if not path:
        pytest.skip("Debian's %s is not in OES_PEER_DIR (tests/integration/fetch-peer DIR)" % name)
    return path


def binary(who, name):
    return need(name) if who == "debian" else program(name)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def start(tmp_path):
    """start(args, who): a server of the Open_vSwitch database; .log() and .port() beside Server's."""
    servers = []

    def start(args, who="ours", remote="pssl:0:127.0.0.1"):
        directory = tmp_path / ("server%d" % len(servers))
        directory.mkdir()
        run(program("ovsdb-tool"), "create", directory / "conf.db", SCHEMA)
        remotes = ["--remote=" + remote] if remote else []
        s = Server(directory, directory / "conf.db", [*remotes, *args], binary=binary(who, "ovsdb-server")).start()
        servers.append(s)
        s.log_text = lambda: (directory / "server.err").read_text()
        s.port = lambda: listening_port(directory / "server.err")
        s.name = lambda: "ssl:127.0.0.1:%d" % s.port()
        return s

    yield start
    for s in servers:
        s.stop()


def client(*args, who="ours", check=True):
    return run(binary(who, "ovsdb-client"), "-t", "20", *args, check=check)


def refused(server, *args):
    """A client of ours that gets no answer; its messages."""
    p = client(*args, "list-dbs", server.name(), check=False)
    assert p.returncode == 1 and p.stdout == ""
    return p.stderr


WHO = [("ours", "ours"), pytest.param("ours", "debian", marks=pytest.mark.peer),
       pytest.param("debian", "ours", marks=pytest.mark.peer)]


@pytest.mark.parametrize("server_is,client_is", WHO)
def test_clients_read_and_write(start, pki, server_is, client_is):
    s = start(pki.options("server"), server_is)
    assert client(*pki.options("client"), "list-dbs", s.name(), who=client_is).stdout.split() == ["Open_vSwitch", "_Server"]
    vsctl = [binary(client_is, "ovs-vsctl"), "-t", "20", "--no-syslog", "--db=" + s.name(), *pki.options("client")]
    run(*vsctl, "--no-wait", "add-br", "br0")
    assert run(*vsctl, "list-br").stdout == "br0\n"
    # Both ends say good-bye.
    assert "TLS" not in s.log_text()


@pytest.mark.parametrize("server_is,client_is", WHO)
def test_messages_of_many_records(start, pki, server_is, client_is):
    s = start(pki.options("server"), server_is)
    text = "0123456789abcdef" * 6000
    # As much as a command line holds, many times.
    ops = ["Open_vSwitch"] + [{"op": "insert", "table": "Open_vSwitch", "row": {"ovs_version": text}}]
    client(*pki.options("client"), "transact", s.name(), json.dumps(ops), who=client_is)
    grow = ["Open_vSwitch", {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [
        ["external_ids", "insert", ["map", [["k%d" % i, text[i:i + 3000]] for i in range(30)]]]]}]
    for i in range(40):
        client(*pki.options("client"), "transact", s.name(), json.dumps(grow).replace('"k', '"k%d.' % i), who=client_is)
    out = client(*pki.options("client"), "-f", "json", "dump", s.name(), "Open_vSwitch", "Open_vSwitch", "external_ids",
                 who=client_is).stdout
    assert len(json.loads(out)["data"][0][0][1]) == 1200 and len(out) > 3000000


@pytest.mark.parametrize("server_is,client_is", WHO)
def test_ipv6(start, pki, server_is, client_is):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    s = start(pki.options("server"), server_is, remote="pssl:0:[::1]")
    assert "Open_vSwitch" in client(*pki.options("client"), "list-dbs", "ssl:[::1]:%d" % s.port(), who=client_is).stdout


# ---- Who is refused ----

@pytest.mark.parametrize("server_is", ["ours", pytest.param("debian", marks=pytest.mark.peer)])
@pytest.mark.parametrize("name,ca,text", [
    ("client", "other", "certificate verify failed: self-signed certificate in certificate chain"),
    ("stranger", "ca", "peer refuses: unknown CA"),
    ("self", "ca", "peer refuses: unknown CA"),
    ("expired", "ca", "peer refuses: certificate expired"),
])
def test_client_that_is_not_trusted_or_does_not_trust(start, pki, server_is, name, ca, text):
    s = start(pki.options("server"), server_is)
    messages = refused(s, *pki.options(name, ca))
    assert "ssl:127.0.0.1:%d: TLS" % s.port() in messages and text in messages
    assert "Open_vSwitch" in client(*pki.options("client"), "list-dbs", s.name()).stdout


def test_expired_server(start, pki):
    s = start(pki.options("expired"))
    assert "certificate verify failed: certificate has expired" in refused(s, *pki.options("client"))


def test_client_without_a_certificate(start, pki):
    s = start(pki.options("server"))
    with socket.create_connection(("127.0.0.1", s.port())) as raw:
        with pytest.raises(OSError):
            with pki.context(False).wrap_socket(raw) as tls:
                while tls.recv(100):
                    pass
    wait_until(lambda: "peer did not return a certificate" in s.log_text(), "the log")


def test_ca_none_asks_for_no_certificate(start, pki):
    s = start(pki.options("server", "none"))
    for _ in range(2):
        assert "Open_vSwitch" in client(*pki.options("self"), "list-dbs", s.name()).stdout
    assert s.log_text().count("peers are not verified, which is a security risk") == 1


def test_version_too_old(start, pki):
    s = start(pki.options("server"))
    context = pki.context(False, "client")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", s.port())) as raw, pytest.raises(OSError):
        context.wrap_socket(raw)
    wait_until(lambda: "TLS handshake failed (unsupported protocol)" in s.log_text(), "the log")


@pytest.mark.parametrize("mine,theirs", [
    (["--ssl-protocols=TLSv1.2"], ["--ssl-protocols=TLSv1.3"]),
    (["--ssl-protocols=TLSv1.2", "--ssl-ciphers=ECDHE-ECDSA-AES128-GCM-SHA256"], ["--ssl-ciphers=ECDHE-ECDSA-AES256-GCM-SHA384"]),
    (["--ssl-protocols=TLSv1.3+", "--ssl-ciphersuites=TLS_AES_128_GCM_SHA256"], ["--ssl-ciphersuites=TLS_AES_256_GCM_SHA384"]),
])
def test_nothing_in_common(start, pki, mine, theirs):
    s = start([*pki.options("server"), *mine])
    assert "Protocol error" in refused(s, *pki.options("client"), *theirs)
    assert "Open_vSwitch" in client(*pki.options("client"), *mine, "list-dbs", s.name()).stdout


@pytest.mark.parametrize("data", [b'{"method":"echo","params":[],"id":0}', b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 50,
                                  b"\x16\x03\x01\x00\x02\x01\x00"], ids=["rpc", "http", "bytes", "short"])
def test_what_is_not_tls_is_closed_with_one_line(start, pki, data):
    s = start(pki.options("server"))
    with socket.create_connection(("127.0.0.1", s.port())) as c:
        c.settimeout(ovsdbtest.PATIENCE)
        c.sendall(data)
        try:
            while c.recv(1000):
                pass
        except ConnectionResetError:
            pass
    lines = [line for line in s.log_text().splitlines() if "|WARN|" in line or "|ERR|" in line]
    assert len(lines) == 1 and re.search(r"\|WARN\|ssl:127\.0\.0\.1:\d+: TLS handshake failed \(", lines[0])
    assert data[0] == 0x16 or "(peer does not speak TLS)" in lines[0]
    assert "Open_vSwitch" in client(*pki.options("client"), "list-dbs", s.name()).stdout


def test_plain_text_server(start, pki):
    s = start([], remote="ptcp:0:127.0.0.1")
    p = client(*pki.options("client"), "list-dbs", s.name(), check=False)
    assert p.returncode == 1 and "Protocol error" in p.stderr or "Connection reset" in p.stderr


def client_hello(context):
    """The first bytes of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def test_half_a_handshake_keeps_nobody_waiting_and_ends(start, pki):
    s = start(pki.options("server"))
    hello = client_hello(pki.context(False, "client"))
    silent = []
    for n in (0, 3, 60, len(hello)):
        c = socket.create_connection(("127.0.0.1", s.port()))
        c.settimeout(ovsdbtest.PATIENCE)
        c.sendall(hello[:n])
        silent.append(c)
    for _ in range(3):
        assert "Open_vSwitch" in client(*pki.options("client"), "list-dbs", s.name()).stdout
    # To the whole hello the server has its answer sent, and waits.
    assert silent[-1].recv(5)[0] == 22
    s.appctl("time/stop")
    s.appctl("time/warp", "10001")
    for c in silent:
        while c.recv(10000):
            pass
        c.close()
    assert s.log_text().count("TLS handshake failed (not done within 10 seconds)") == 4


def test_no_renegotiation(start, pki):
    s = start(pki.options("server"))
    p = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", "127.0.0.1:%d" % s.port(), "-cert", pki.cert("client"), "-key",
                          pki.key("client"), "-CAfile", pki.cert("ca")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    try:
        p.stdin.write("R\n")
        p.stdin.flush()
        text = p.stdout.read()
        assert "RENEGOTIATING" in text and "no renegotiation" in text
    finally:
        p.kill()
        p.wait()
        p.stdin.close()
        p.stdout.close()


# ---- The end of a connection ----

def test_end_that_is_said_and_end_that_is_not(start, pki):
    s = start(pki.options("server"))
    for orderly in (True, False):
        raw = socket.create_connection(("127.0.0.1", s.port()))
        tls = pki.context(False, "client").wrap_socket(raw)
        tls.sendall(b'{"method":"echo","params":[],"id":0}')
        assert tls.recv(100)
        if orderly:
            tls.unwrap()
        tls.close()
        wait_until(lambda: orderly or "TLS failed (peer has closed the connection without saying so)" in s.log_text(), "the log")
        assert orderly != ("without saying so" in s.log_text())


# ---- As a client: names ----

def test_server_name(pki, tmp_path):
    def answer(tls):
        while data := tls.recv(65536):
            request = json.loads(data)
            tls.sendall(json.dumps({"id": request["id"], "result": ["X"], "error": None}).encode())

    server = TlsServer(pki.context(True, "server"), answer)
    try:
        for host, args in (("localhost", []), ("127.0.0.1", []), ("127.0.0.1", ["--ssl-server-name=db.example.org"]),
                           ("localhost", ["--ssl-server-name=db.example.org"])):
            assert client(*pki.options("client"), *args, "list-dbs", "ssl:%s:%d" % (host, server.port)).stdout == "X\n"
    finally:
        server.close()
    assert server.asked == ["localhost", None, "db.example.org", "db.example.org"]
    assert server.names == ["client"] * 4


def test_server_connects_itself_and_again(start, pki):
    def ask(tls):
        tls.sendall(b'{"method":"list_dbs","params":[],"id":7}')
        if answer := tls.recv(1000):
            answers.append(json.loads(answer)["result"])

    answers = []
    manager = TlsServer(pki.context(True, "client"), ask)
    try:
        start(pki.options("server"), remote="ssl:127.0.0.1:%d" % manager.port)
        wait_until(lambda: len(answers) >= 2, "two connections")
    finally:
        manager.close()
    assert answers[0] == ["Open_vSwitch", "_Server"] and set(manager.names) == {"server"}


# ---- Files ----

def copy(source, target):
    target.write_bytes(source.read_bytes())


def test_files_are_replaced_while_running(start, pki, tmp_path):
    key, cert, ca = (tmp_path / n for n in ("key.pem", "cert.pem", "ca.pem"))
    copy(pki.key("server"), key)
    copy(pki.cert("server"), cert)
    copy(pki.cert("ca"), ca)
    s = start([f"--private-key={key}", f"--certificate={cert}", f"--ca-cert={ca}"])
    with socket.create_connection(("127.0.0.1", s.port())) as raw, pki.context(False, "client").wrap_socket(raw) as old:
        copy(pki.key("stranger"), key)
        # Half replaced: what was read before serves.
        assert "Open_vSwitch" in client(*pki.options("client"), "list-dbs", s.name()).stdout
        copy(pki.cert("stranger"), cert)
        copy(pki.cert("other"), ca)
        assert "Open_vSwitch" in client(*pki.options("stranger", "other"), "list-dbs", s.name()).stdout
        assert "certificate verify failed" in refused(s, *pki.options("client"))
        old.sendall(b'{"method":"echo","params":["still here"],"id":0}')
        assert b"still here" in old.recv(1000)
    ca.unlink()
    for _ in range(3):
        assert "Open_vSwitch" in client(*pki.options("stranger", "other"), "list-dbs", s.name()).stdout
    errors = [line for line in s.log_text().splitlines() if "|ERR|" in line]
    assert len(errors) == 2
    assert f"{key}: private key does not match the certificate in {cert}" in errors[0]
    assert f"{ca}: cannot read CA certificate (No such file or directory); what was read before stays in use" in errors[1]


@pytest.mark.parametrize("args,text", [
    ([], "Private key must be configured to use SSL"),
    (["key"], "Certificate must be configured to use SSL"),
    (["key", "cert"], "CA certificate must be configured to use SSL"),
])
def test_what_is_not_configured_is_said_like_debians(pki, args, text):
    given = {"key": f"--private-key={pki.key('client')}", "cert": f"--certificate={pki.cert('client')}"}
    options = [given[a] for a in args]
    for who in ("ours", "debian"):
        if who == "debian" and not peer("ovsdb-client"):
            continue
        p = client(*options, "list-dbs", "ssl:127.0.0.1:1", who=who, check=False)
        assert p.returncode == 1 and f"|stream_ssl|ERR|{text}\n" in p.stderr
        assert 'failed to connect to "ssl:127.0.0.1:1" (Protocol not available)' in p.stderr


def test_missing_file_is_named_once(start, pki, tmp_path):
    missing = tmp_path / "later.pem"
    s = start([f"--private-key={missing}", f"--certificate={pki.cert('server')}", f"--ca-cert={pki.cert('ca')}"])
    for _ in range(3):
        refused(s, *pki.options("client"))
    assert s.log_text().count(f"|ERR|{missing}: cannot read private key (No such file or directory)") == 1
    copy(pki.key("server"), missing)
    assert "Open_vSwitch" in client(*pki.options("client"), "list-dbs", s.name()).stdout


# ---- Bootstrap ----

@pytest.mark.parametrize("server_is,client_is", WHO)
def test_bootstrap(start, pki, tmp_path, server_is, client_is):
    s = start([*pki.options("server"), f"--peer-ca-cert={pki.cert('ca')}"], server_is)
    made = tmp_path / "made.pem"
    options = [*pki.options("client", None), f"--bootstrap-ca-cert={made}"]
    p = client(*options, "list-dbs", s.name(), who=client_is, check=client_is == "ours")
    # Debian's client of one call gives up when it has the certificate.
    assert ("Open_vSwitch" in p.stdout) == (client_is == "ours")
    assert "BEGIN CERTIFICATE" in made.read_text()
    assert "Open_vSwitch" in client(*options, "list-dbs", s.name(), who=client_is).stdout
    # From then on it is verified.
    other = start([*pki.options("stranger", "none")])
    assert "certificate verify failed" in refused(other, *options)


@pytest.mark.parametrize("server_is", ["ours", pytest.param("debian", marks=pytest.mark.peer)])
def test_no_bootstrap_from_a_self_signed_peer(start, pki, tmp_path, server_is):
    s = start(pki.options("self", "none"), server_is)
    made = tmp_path / "made.pem"
    messages = refused(s, *pki.options("client", None), f"--bootstrap-ca-cert={made}")
    assert "no CA certificate can be taken from the peer (the peer's certificate is self-signed)" in messages
    assert not made.exists()


def test_server_takes_the_ca_of_its_first_client(start, pki, tmp_path):
    made = tmp_path / "made.pem"
    s = start([*pki.options("server", None), f"--bootstrap-ca-cert={made}"])
    options = [*pki.options("client"), f"--peer-ca-cert={pki.cert('ca')}"]
    refused(s, *options)
    assert made.exists()
    assert "Open_vSwitch" in client(*options, "list-dbs", s.name()).stdout
    refused(s, *pki.options("stranger", "ca"))


# ---- Settings from the database ----

FROM_DB = ["--private-key=db:Open_vSwitch,SSL,private_key", "--certificate=db:Open_vSwitch,SSL,certificate",
           "--bootstrap-ca-cert=db:Open_vSwitch,SSL,ca_cert", "--remote=db:Open_vSwitch,Open_vSwitch,manager_options"]


@pytest.mark.parametrize("server_is", ["ours", pytest.param("debian", marks=pytest.mark.peer)])
def test_settings_from_the_database_are_followed(start, pki, server_is):
    s = start(FROM_DB, server_is, remote=None)

    def vsctl(*args):
        run(program("ovs-vsctl"), "--db=unix:%s" % s.socket, "--no-wait", *args)

    def served(*options):
        return client(*options, "list-dbs", s.name(), check=False).returncode == 0

    vsctl("init")
    vsctl("set-manager", "pssl:0:127.0.0.1")
    assert not served(*pki.options("client"))
    vsctl("set-ssl", pki.key("server"), pki.cert("server"), pki.cert("ca"))
    assert served(*pki.options("client")) and not served(*pki.options("stranger", "other"))
    vsctl("set-ssl", pki.key("stranger"), pki.cert("stranger"), pki.cert("other"))
    assert served(*pki.options("stranger", "other")) and not served(*pki.options("client"))
    if server_is == "ours":  # Debian's goes on with what it has
        vsctl("del-ssl")
        assert not served(*pki.options("stranger", "other"))


@pytest.mark.parametrize("spec,text", [
    ("db:Nope,SSL,private_key", "no database named Nope"), ("db:Open_vSwitch,Nope,x", "no table named Nope"),
    ("db:Open_vSwitch,SSL,nope", "no column named nope"), ("db:Open_vSwitch,SSL", "not of the form db:DATABASE,TABLE,COLUMN"),
    ("db:Open_vSwitch,SSL,bootstrap_ca_cert", "does not hold strings"),
])
def test_bad_place_for_settings_is_said_once(start, pki, spec, text):
    s = start(["--private-key=" + spec], remote=None)
    run(program("ovs-vsctl"), "--db=unix:%s" % s.socket, "--no-wait", "init")
    lines = [line for line in s.log_text().splitlines() if "|ERR|" in line]
    assert len(lines) == 1 and "--private-key: " + spec in lines[0] and text in lines[0]


# ---- Options ----

OPTIONS = ("--private-key", "--certificate", "--ca-cert", "--bootstrap-ca-cert", "--peer-ca-cert", "--ssl-protocols", "--ssl-ciphers",
           "--ssl-ciphersuites", "--ssl-server-name")


@pytest.mark.parametrize("room,name", [("ovsdb", "ovsdb-server"), ("ovsdb", "ovsdb-client"), ("utilities", "ovs-vsctl"),
                                       ("utilities", "ovs-ofctl"), ("ofproto", "ovs-vswitchd")])
def test_all_programs_take_the_same_options(room, name):
    path = str(ovsdbtest.BUILD / room / name)
    if not os.path.exists(path):
        pytest.skip(name + " is not built")
    # A program that ends in the midst of its options leaves memory to the system.
    text = run(path, "--help", env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0")).stdout
    assert all(o + "=" in text for o in OPTIONS)
    assert "-p, --private-key=FILE" in text and "-c, --certificate=FILE" in text and "-C, --ca-cert=FILE" in text
    theirs = peer(name)
    if theirs and name != "ovs-vswitchd":
        debian = set(re.findall(r"--(?:ssl-|private|certif|ca-|bootstrap|peer)[a-z-]*", run(theirs, "--help").stdout))
        assert debian <= set(OPTIONS)
    p = run(path, "-p", "/x", "-c", "/x", "-C", "/x", "--ssl-protocols=SSLv2", check=False)
    assert p.returncode == 1 and "--ssl-protocols: SSLv2: SSL protocol not recognized" in p.stderr


PYTHON_CLIENT = """
import sys
import ovs.db.idl, ovs.poller, ovs.stream
remote, schema, key, certificate, ca = sys.argv[1:]
ovs.stream.Stream.ssl_set_private_key_file(key)
ovs.stream.Stream.ssl_set_certificate_file(certificate)
ovs.stream.Stream.ssl_set_ca_cert_file(ca)
helper = ovs.db.idl.SchemaHelper(location=schema)
helper.register_columns("Open_vSwitch", ["next_cfg"])
idl = ovs.db.idl.Idl(remote, helper)
while not idl.has_ever_connected():
    poller = ovs.poller.Poller()
    if not idl.run():
        idl.wait(poller)
        poller.block()
txn = ovs.db.idl.Transaction(idl)
txn.insert(idl.tables["Open_vSwitch"]).next_cfg = 7
print(txn.commit_block())
"""


def test_the_python_package_is_a_client_over_tls(start, pki):
    s = start(["--private-key=%s" % pki.key("server"), "--certificate=%s" % pki.cert("server"), "--ca-cert=%s" % pki.cert("ca")])
    assert run_script(PYTHON_CLIENT, s.name(), SCHEMA, pki.key("client"), pki.cert("client"), pki.cert("ca")) == "success\n"
    dumped = run(program("ovsdb-client"), "--private-key=%s" % pki.key("client"), "--certificate=%s" % pki.cert("client"),
                 "--ca-cert=%s" % pki.cert("ca"), "dump", s.name(), "Open_vSwitch", "Open_vSwitch", "next_cfg").stdout
    assert "\n7" in dumped
