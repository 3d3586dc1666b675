# SPDX-License-Identifier: Apache-2.0
"""Streams, sessions, control sockets, logs and daemons of the Python package; that it is typed, and that it can be installed."""
import errno
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import zipfile

import pytest

from ovsdbtest import BUILD, PATIENCE, SOURCE, program, run, wait_until
from pythontest import environment, insert, named, ours, peer, replica, rows, run_script, synced, until

SPEAKS = r"""
import sys
import ovs.daemon, ovs.poller, ovs.unixctl, ovs.unixctl.server, ovs.util, ovs.vlog, argparse
parser = argparse.ArgumentParser()
parser.add_argument("--unixctl", default=None)
ovs.daemon.add_args(parser)
ovs.vlog.add_args(parser)
args = parser.parse_args()
ovs.util.PROGRAM_NAME = "speaker"
ovs.daemon.handle_args(args)
ovs.vlog.handle_args(args)
vlog = ovs.vlog.Vlog("speaker")
ovs.daemon.daemonize_start()
going = True
waiting = []
def stop(conn, argv, aux):
    global going
    going = False
    conn.reply(None)
def die(conn, argv, aux):
    import os, signal
    os.kill(os.getpid(), signal.SIGSEGV)
error, server = ovs.unixctl.server.UnixctlServer.create(args.unixctl)
assert not error, error
ovs.unixctl.command_register("echo", "word [word]", 1, 2, lambda conn, argv, aux: conn.reply(" ".join(argv) + aux), "!")
ovs.unixctl.command_register("fail", "", 0, None, lambda conn, argv, aux: conn.reply_error("no"), None)
ovs.unixctl.command_register("later", "", 0, 0, lambda conn, argv, aux: waiting.append(conn), None)
ovs.unixctl.command_register("exit", "", 0, 0, stop, None)
ovs.unixctl.command_register("die", "", 0, 0, die, None)
vlog.info("serving")
ovs.daemon.daemonize_complete()
while going:
    server.run()
    if len(waiting) == 2:
        for conn in waiting:
            conn.reply("now")
    poller = ovs.poller.Poller()
    server.wait(poller)
    poller.block()
for _ in range(3):
    server.run()
"""


@pytest.fixture
def speaker(tmp_path):
    """A daemon in Python; a function that runs ovs-appctl on it."""
    env = dict(environment(), OVS_RUNDIR=str(tmp_path), OVS_LOGDIR=str(tmp_path))
    control = tmp_path / "speaker.ctl"
    p = subprocess.run([sys.executable, "-c", SPEAKS, "--unixctl=%s" % control, "--detach", "--no-chdir", "--pidfile=%s"
                        % (tmp_path / "speaker.pid"), "--log-file=%s" % (tmp_path / "log"), "--monitor", "-vPATTERN:file:%c|%p|%m"],
                       env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=PATIENCE)
    assert p.returncode == 0, p.stderr

    def appctl(*words, check=True, binary=None):
        return run(binary or program("ovs-appctl"), "-t", control, *words, check=check)
    appctl.directory, appctl.control, appctl.env = tmp_path, control, env
    yield appctl
    appctl("exit", check=False)


def pid_of(appctl):
    return int((appctl.directory / "speaker.pid").read_text())


def test_a_daemon_in_python_answers_ovs_appctl(speaker):
    assert speaker("echo", "a", "b").stdout == "a b!\n"
    p = speaker("fail", "x", check=False)
    assert p.returncode == 2 and "no" in p.stderr
    p = speaker("echo", check=False)
    assert p.returncode == 2 and '"echo" command requires at least 1 arguments' in p.stderr
    assert '"echo" command takes at most 2 arguments' in speaker("echo", "1", "2", "3", check=False).stderr
    assert '"nope" is not a valid command' in speaker("nope", check=False).stderr
    assert re.search(r"^  echo +word \[word\]$", speaker("list-commands").stdout, re.M)
    assert speaker("version").stdout == "speaker (Open eSwitch) %s\n" % version()
    if peer("ovs-appctl"):
        assert speaker("echo", "x", binary=peer("ovs-appctl")).stdout == "x!\n"


def test_commands_may_be_answered_later(speaker):
    waiting = [subprocess.Popen([program("ovs-appctl"), "-t", str(speaker.control), "later"], stdout=subprocess.PIPE)
               for _ in range(2)]
    for p in waiting:
        assert p.communicate(timeout=PATIENCE)[0] == b"now\n"


def test_the_python_client_asks_daemons_of_both_kinds(speaker, server):
    script = """
import sys, ovs.unixctl.client
for path, command, argv in ((sys.argv[1], "echo", ["x"]), (sys.argv[1], "fail", []), (sys.argv[2], "ovsdb-server/list-remotes", [])):
    error, client = ovs.unixctl.client.UnixctlClient.create(path)
    print(error, client.transact(command, argv))
print(ovs.unixctl.client.UnixctlClient.create("/nonexistent/control")[0])
"""
    out = run_script(script, speaker.control, server.control).splitlines()
    assert out == ["0 (0, None, 'x!\\n')", "0 (0, 'no\\n', None)", "0 (0, None, 'punix:%s\\n')" % server.socket, str(errno.ENOENT)]


def test_logs_have_levels_by_module_and_are_reopened(speaker):
    log = speaker.directory / "log"
    assert "speaker|INFO|serving" in log.read_text()
    assert re.search(r"^speaker +info +info +info$", speaker("vlog/list").stdout, re.M)
    speaker("vlog/set", "jsonrpc:file:dbg")
    assert re.search(r"^jsonrpc +info +info +dbg$", speaker("vlog/list").stdout, re.M)
    assert "jsonrpc|DBG|unix:: received request" in log.read_text()
    assert 'no destination, level, or module "nope"' in speaker("vlog/set", "nope", check=False).stderr
    log.rename(speaker.directory / "old")
    speaker("vlog/reopen")
    assert log.exists()
    speaker("vlog/close")
    size = log.stat().st_size
    speaker("echo", "x")
    assert log.stat().st_size == size


def test_a_second_daemon_with_the_same_pidfile_is_refused(speaker):
    pidfile = speaker.directory / "speaker.pid"
    p = subprocess.run([sys.executable, "-c", SPEAKS, "--unixctl=%s" % (speaker.directory / "two.ctl"),
                        "--pidfile=%s" % pidfile], env=speaker.env, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert p.returncode == 1 and "already running as pid %d, aborting" % pid_of(speaker) in p.stderr
    out = run_script("import sys, ovs.daemon; print(ovs.daemon.read_pidfile(sys.argv[1]))", pidfile)
    assert int(out) == pid_of(speaker)


def test_a_daemon_that_crashes_is_started_again(speaker):
    first = pid_of(speaker)
    speaker("die", check=False)
    wait_until(lambda: speaker("echo", "x", check=False).returncode == 0 and pid_of(speaker) != first, "another one")


def test_a_daemon_that_is_ended_leaves_nothing_behind(speaker):
    os.kill(pid_of(speaker), signal.SIGTERM)
    wait_until(lambda: not (speaker.directory / "speaker.pid").exists() and not speaker.control.exists(), "the end")


def test_what_cannot_start_tells_the_one_who_started_it(tmp_path):
    p = subprocess.run([sys.executable, "-c", SPEAKS, "--unixctl=%s/no/such/dir" % tmp_path, "--detach"],
                       env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert p.returncode == 1 and "could not initialize control socket" in p.stderr


def certificates(directory):
    """A CA, and a certificate of it for both sides."""
    def openssl(*args):
        run("openssl", *args, cwd=directory)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "req.pem", "-subj", "/CN=peer")
    openssl("x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem",
            "-days", "2")


def use_certificates(directory):
    import ovs.stream
    ovs.stream.Stream.ssl_set_private_key_file(str(directory / "key.pem"))
    ovs.stream.Stream.ssl_set_certificate_file(str(directory / "cert.pem"))
    ovs.stream.Stream.ssl_set_ca_cert_file(str(directory / "ca.pem"))


@pytest.mark.parametrize("method", ["unix", "tcp", "ssl"])
@ours
def test_messages_go_both_ways_over(tmp_path, method):
    import ovs.jsonrpc
    import ovs.poller
    import ovs.stream
    if method == "ssl":
        certificates(tmp_path)
        use_certificates(tmp_path)
    error, listener = ovs.stream.PassiveStream.open(
        "punix:%s" % (tmp_path / "s") if method == "unix" else "p%s:0:127.0.0.1" % method)
    assert error == 0 and listener.accept() == (errno.EAGAIN, None)
    error, stream = ovs.stream.Stream.open(
        "unix:%s" % (tmp_path / "s") if method == "unix" else "%s:127.0.0.1:%s" % (method, listener.name.split(":")[1]))
    assert error == 0
    client, server = ovs.jsonrpc.Connection(stream), None
    big = ["x" * 100000, {"n": list(range(20000))}]
    client.send(ovs.jsonrpc.Message.create_notify("big", big))
    got = reply = None
    while reply is None:
        if server is None:
            _, accepted = listener.accept()
            server = accepted and ovs.jsonrpc.Connection(accepted)
        client.stream.connect()
        client.run()
        if server:
            server.stream.connect()
            server.run()
            error, msg = server.recv()
            if msg:
                got = msg.params
                server.send(ovs.jsonrpc.Message.create_reply(len(got), 7))
        error, reply = client.recv()
        assert error in (0, errno.EAGAIN), os.strerror(error)
        poller = ovs.poller.Poller()
        listener.wait(poller)
        for conn in (client, server):
            if conn:
                conn.wait(poller)
                conn.recv_wait(poller)
        if reply is None:
            poller.timer_wait(PATIENCE * 1000)
            poller.block()
    assert got == big and reply.result == 2 and client.get_backlog() == 0
    server.close()
    assert client.recv_block()[0] in (ovs.jsonrpc.EOF, errno.ECONNRESET)
    listener.close()
    assert not (tmp_path / "s").exists()


@ours
def test_tls_without_its_files_is_refused_with_one_line(tmp_path):
    import ovs.stream
    import ovs.vlog
    said = []
    ovs.vlog.Vlog.err = lambda self, text, **kw: said.append(text)
    assert ovs.stream.PassiveStream.open("pssl:0:127.0.0.1") == (errno.ENOPROTOOPT, None)
    assert said == ["ssl: no private key and no certificate and no CA certificate is configured"]


@ours
def test_a_peer_with_another_ca_is_refused(tmp_path):
    import ovs.poller
    import ovs.stream
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        certificates(tmp_path / name)
    use_certificates(tmp_path / "one")
    _, listener = ovs.stream.PassiveStream.open("pssl:0:127.0.0.1")
    use_certificates(tmp_path / "two")
    _, stream = ovs.stream.Stream.open("ssl:127.0.0.1:%s" % listener.name.split(":")[1])
    use_certificates(tmp_path / "one")
    accepted, status = None, [errno.EAGAIN, errno.EAGAIN]
    while errno.EAGAIN in status:
        if accepted is None:
            _, accepted = listener.accept()
        status = [stream.connect(), accepted.connect() if accepted else errno.EAGAIN]
        if status[0] not in (0, errno.EAGAIN):
            break
        poller = ovs.poller.Poller()
        poller.timer_wait(10)
        poller.block()
    assert status[0] == errno.EPROTO


@ours
def test_unix_sockets_with_long_names(tmp_path):
    import ovs.stream
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    error, listener = ovs.stream.PassiveStream.open("punix:%s/s" % directory)
    assert error == 0
    error, stream = ovs.stream.Stream.open_block(ovs.stream.Stream.open("unix:%s/s" % directory))
    assert error == 0 and stream.send("x") == 1
    assert listener.accept()[1].recv(5) == (0, b"x")


BAD_NAMES = {"tcp:127.0.0.1": "port number must be specified", "tcp:127.0.0.1:x": "bad port number", "tcp::1": "bad peer name format",
             "tcp:1.2.3.4:70000": "bad port number", "tcp:[::1:5": "bad peer name format", "ptcp:x": "bad port number"}


@pytest.mark.parametrize("name", BAD_NAMES)
@ours
def test_what_is_no_address_is_an_error(name):
    import ovs.stream
    with pytest.raises(ValueError, match=BAD_NAMES[name]):
        (ovs.stream.PassiveStream if name.startswith("p") else ovs.stream.Stream).open(name)
    assert ovs.stream.Stream.open("foo:bar") == (errno.EAFNOSUPPORT, None)


@ours
def test_nobody_listening_is_an_errno(tmp_path):
    import ovs.stream
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    stream = ovs.stream.Stream
    assert stream.open_block(stream.open("tcp:127.0.0.1:%d" % s.getsockname()[1])) == (errno.ECONNREFUSED, None)
    assert stream.open_block(stream.open("unix:%s" % (tmp_path / "s"))) == (errno.ENOENT, None)


@ours
def test_a_session_answers_probes_and_comes_back(server):
    import ovs.jsonrpc
    import ovs.poller
    import ovs.timeval
    session = ovs.jsonrpc.Session.open("unix:%s" % server.socket)

    def wait(condition):
        while not condition():
            session.run()
            session.recv()
            poller = ovs.poller.Poller()
            session.wait(poller)
            session.recv_wait(poller)
            if not condition():
                poller.block()
    wait(session.is_connected)
    seqno = session.get_seqno()
    session.force_reconnect()
    wait(lambda: session.is_connected() and session.get_seqno() >= seqno + 2)
    session.close()


def with_both_polls(body):
    """Runs lines on 'make' and 'poller' in a process without the descriptors, threads and signals of this one."""
    script = """
import os, resource, socket
import ovs.poller as poller
for make in (poller._SelectSelect, poller.get_system_poll()):
    a, b = socket.socketpair()
    poll = make()
    %s
""" % body.strip().replace("\n", "\n    ")
    return run_script(script)


def test_poll_and_select_wake_up_for_the_same():
    with_both_polls("""
poll.register(a.fileno(), poller.POLLIN)
assert poll.poll(0) == [], poll.poll(0)
poll = make()
poll.register(a.fileno(), poller.POLLIN | poller.POLLOUT)
assert poll.poll(-1) == [(a.fileno(), poller.POLLOUT)], poll.poll(-1)
b.send(b"x")
poll = make()
poll.register(a.fileno(), poller.POLLIN)
assert poll.poll(1000) == [(a.fileno(), poller.POLLIN)], poll.poll(1000)
""")


def test_a_closed_descriptor_wakes_up_and_no_other_one_with_it():
    with_both_polls("""
gone = os.dup(a.fileno())
os.close(gone)
poll.register(a.fileno(), poller.POLLIN)
poll.register(gone, poller.POLLIN)
assert poll.poll(-1) == [(gone, poller.POLLNVAL)], poll.poll(-1)
""")


def test_a_descriptor_that_select_cannot_take_is_an_error():
    with_both_polls("""
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))
os.dup2(a.fileno(), 1500)
poll.register(1500, poller.POLLOUT)
try:
    assert poll.poll(-1) == [(1500, poller.POLLOUT)] and make is not poller._SelectSelect
except OSError as e:
    assert "out of range" in str(e) and make is poller._SelectSelect
""")


def test_under_eventlet_only_the_green_thread_waits(server):
    pytest.importorskip("eventlet", reason="python3-eventlet is missing")
    script = """
import eventlet
eventlet.monkey_patch()
import sys
sys.path.insert(0, sys.argv[2])
import pythontest
ticks = []
def tick():
    while True:
        ticks.append(1)
        eventlet.sleep(0.001)
eventlet.spawn(tick)
class Server:
    socket = sys.argv[1]
idl = pythontest.synced(pythontest.replica("unix:" + sys.argv[1]))
import ovs.poller
poller = ovs.poller.Poller()
idl.wait(poller)
poller.timer_wait(200)
before = len(ticks)
poller.block()
pythontest.insert(idl, name="green")
print(len(pythontest.rows(idl)), len(ticks) - before > 3, type(poller.poll).__name__)
"""
    out = run_script(script, server.socket, pathlib.Path(__file__).parent)
    assert out == "1 True _SelectSelect\n"


@ours
def test_several_replicas_in_one_process(server, tmp_path):
    first, second = synced(replica(server)), synced(replica(server))
    insert(first, name="a")
    until(lambda: rows(second), "the row", first, second)
    assert named(second, "a").name == "a"


def version():
    return re.search(r"AC_INIT\(\[openeswitch\], \[([^]]*)\]", (SOURCE / "configure.ac").read_text()).group(1)


def test_the_version_is_the_projects():
    assert run_script("import ovs.version; print(ovs.version.VERSION)").strip() == version()


@pytest.fixture
def source_copy(tmp_path):
    """What the lists of automake put into a release."""
    files = re.search(r"ovs_python_files = \\\n(.*?)\nEXTRA_DIST", (SOURCE / "ovsdb/python/automake.mk").read_text(), re.S)
    for name in files.group(1).replace("\\\n", " ").split():
        target = tmp_path / "src" / pathlib.Path(name).relative_to("ovsdb/python")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((SOURCE / name).read_bytes())
    return tmp_path / "src"


def test_a_wheel_is_built_without_network_and_works(source_copy, tmp_path):
    pytest.importorskip("setuptools")
    pytest.importorskip("wheel")
    run(sys.executable, "setup.py", "-q", "bdist_wheel", cwd=source_copy, env=dict(os.environ, no_proxy="*", PIP_NO_INDEX="1"))
    wheel, = (source_copy / "dist").glob("*.whl")
    assert wheel.name.startswith("ovs-%s-" % version())
    with zipfile.ZipFile(wheel) as z:
        z.extractall(tmp_path / "site")
        modules = {n for n in z.namelist() if n.endswith(".py")}
    listed = {str(p.relative_to(SOURCE / "ovsdb/python")) for p in (SOURCE / "ovsdb/python/ovs").rglob("*.py")}
    assert modules == listed, "a module is missing in automake.mk or setup.py"
    out = run(sys.executable, "-c", "import ovs.db.idl, ovs.json; print(ovs.json.from_string('[1]'))",
              env=dict(os.environ, PYTHONPATH=str(tmp_path / "site"))).stdout
    assert out == "[1]\n"


def test_without_a_compiler_the_package_is_pure(source_copy, tmp_path):
    pytest.importorskip("setuptools")
    run(sys.executable, "setup.py", "-q", "build", "--build-lib=%s" % (tmp_path / "lib"), cwd=source_copy,
        env=dict(os.environ, CC="/nonexistent/cc"))
    out = run(sys.executable, "-c", "import ovs.json; print(ovs.json.PARSER, ovs.json.from_string('[1]'))",
              env=dict(os.environ, PYTHONPATH=str(tmp_path / "lib"))).stdout
    assert out == "PYTHON [1]\n"


def test_make_install_puts_it_where_it_is_told(tmp_path):
    if not (BUILD / "ovsdb/python/stamp").exists():
        pytest.skip("make has not built the package")
    run("make", "-s", "-C", BUILD, "install-data-local", "DESTDIR=%s" % tmp_path, "pythondir=/site")
    out = run(sys.executable, "-c", "import ovs.db.idl as i, importlib.metadata as m; print(i.__file__, m.version('ovs'))",
              env=dict(os.environ, PYTHONPATH=str(tmp_path / "site")), cwd=tmp_path).stdout.split()
    assert out == [str(tmp_path / "site/ovs/db/idl.py"), version()]


def test_flow_parsers_are_clearly_not_there():
    p = subprocess.run([sys.executable, "-c", "import ovs.flow.ofp"], env=environment(), stderr=subprocess.PIPE, text=True)
    assert p.returncode == 1 and "No module named 'ovs.flow'" in p.stderr


def test_the_package_is_strictly_typed(tmp_path):
    if subprocess.run([sys.executable, "-m", "mypy", "--version"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mypy is missing")
    p = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "-p", "ovs"],
                       cwd=SOURCE / "ovsdb/python", stdout=subprocess.PIPE, text=True, timeout=10 * PATIENCE)
    assert p.returncode == 0, p.stdout
