# SPDX-License-Identifier: Apache-2.0
"""Connections by name: unix, tcp, ssl, and their listening forms punix, ptcp, pssl. Nothing here blocks but open_block()."""
import errno
import os
import socket
import ssl
from typing import Any, Dict, Optional, Tuple, Type, Union

import ovs.dirs
import ovs.fatal_signal
import ovs.poller
import ovs.socket_util
import ovs.timeval
import ovs.util
import ovs.vlog

vlog = ovs.vlog.Vlog("stream")

# (0, stream) or (errno, None)
Opened = Tuple[int, Optional["Stream"]]

_BUSY = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINPROGRESS)


def stream_or_pstream_needs_probes(name: str) -> Optional[bool]:
    """True if a dead peer is not noticed without probes; None if it is no name of a stream."""
    cls = Stream._find_method(name)
    if cls is not None:
        return cls.needs_probes()
    if PassiveStream.is_valid_name(name):
        return PassiveStream.needs_probes(name)
    return None


class Stream:
    """A connection. connect() has to return 0 before recv() and send() do anything but EAGAIN."""
    W_CONNECT = 0
    W_RECV = 1
    W_SEND = 2
    IPTOS_PREC_INTERNETCONTROL = 0xc0
    DSCP_DEFAULT = IPTOS_PREC_INTERNETCONTROL >> 2

    _SOCKET_METHODS: Dict[str, Type["Stream"]] = {}
    _SSL_private_key_file: Optional[str] = None
    _SSL_certificate_file: Optional[str] = None
    _SSL_ca_cert_file: Optional[str] = None

    def __init__(self, socket: Any, name: str, status: int, pipe: Any = None, is_server: bool = False) -> None:
        """'status': 0 connected, EAGAIN connecting, else the errno that connect() will return. 'pipe' is of Windows."""
        self.socket = socket
        self.name = name
        self._status = errno.EAGAIN if status in _BUSY else status
        self._is_server = is_server

    @staticmethod
    def register_method(method: str, cls: Type["Stream"]) -> None:
        """Names that begin with 'method' and a colon are opened by cls._open()."""
        Stream._SOCKET_METHODS[method + ":"] = cls

    @staticmethod
    def _find_method(name: str) -> Optional[Type["Stream"]]:
        for prefix, cls in Stream._SOCKET_METHODS.items():
            if name.startswith(prefix):
                return cls
        return None

    @staticmethod
    def is_valid_name(name: str) -> bool:
        return Stream._find_method(name) is not None

    @staticmethod
    def needs_probes() -> bool:
        return True

    @staticmethod
    def check_connection_completion(sock: Any) -> int:
        return ovs.socket_util.check_connection_completion(sock)

    @staticmethod
    def _open(suffix: str, dscp: int) -> Tuple[int, Any]:
        raise NotImplementedError("this kind of stream cannot be opened")

    @staticmethod
    def open(name: str, dscp: int = DSCP_DEFAULT) -> Opened:
        """Begins to connect. Raises ValueError if what follows the method is no address."""
        cls = Stream._find_method(name)
        if cls is None:
            return errno.EAFNOSUPPORT, None
        error, sock = cls._open(name.split(":", 1)[1], dscp)
        if sock is None:
            return error, None
        return 0, cls(sock, name, error)

    @staticmethod
    def open_block(error_stream: Opened, timeout: Optional[float] = None) -> Opened:
        """Waits until what open() has begun has succeeded or failed, at most 'timeout' ms."""
        error, stream = error_stream
        if error or stream is None:
            return error, None
        deadline = None if timeout is None else ovs.timeval.msec() + timeout
        while True:
            error = stream.connect()
            if error == 0:
                return 0, stream
            if error == errno.EAGAIN and deadline is not None and ovs.timeval.msec() >= deadline:
                error = errno.ETIMEDOUT
            if error != errno.EAGAIN:
                stream.close()
                return error, None
            stream.run()
            poller = ovs.poller.Poller()
            stream.run_wait(poller)
            stream.connect_wait(poller)
            if deadline is not None:
                poller.timer_wait_until(deadline)
            poller.block()

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
            self._status = errno.ENOTCONN

    def __del__(self) -> None:
        if getattr(self, "socket", None) is not None:
            self.socket.close()

    def connect(self) -> int:
        """0 when connected, EAGAIN while not yet, or an errno."""
        if self._status == errno.EAGAIN:
            self._status = self._finish_connect()
        return self._status

    def _finish_connect(self) -> int:
        return self.check_connection_completion(self.socket)

    def recv(self, n: int) -> Tuple[int, Union[str, bytes]]:
        """(0, up to 'n' bytes), where none means the end, or (errno, "")."""
        error = self.connect()
        if error:
            return error, ""
        if n == 0:
            return 0, ""
        try:
            return 0, self._recv(n)
        except OSError as e:
            return self._errno(e), ""

    def send(self, buf: Union[str, bytes]) -> int:
        """How many bytes were sent, or -errno."""
        error = self.connect()
        if error:
            return -error
        if not buf:
            return 0
        try:
            return self._send(buf.encode("utf-8") if isinstance(buf, str) else buf)
        except OSError as e:
            return -self._errno(e)

    def _recv(self, n: int) -> bytes:
        return bytes(self.socket.recv(n))

    def _send(self, buf: bytes) -> int:
        return int(self.socket.send(buf))

    def _errno(self, e: OSError) -> int:
        error = ovs.socket_util.get_exception_errno(e)
        return errno.EAGAIN if error in _BUSY else error

    def run(self) -> None:
        pass

    def run_wait(self, poller: Any) -> None:
        pass

    def wait(self, poller: Any, wait: int) -> None:
        """Wakes 'poller' up when the stream can do W_CONNECT, W_RECV or W_SEND, or will fail at it."""
        if self.connect() == errno.EAGAIN:
            wait = self.W_CONNECT
        elif self._status or wait == self.W_CONNECT:
            poller.immediate_wake()
            return
        self._wait(poller, wait)

    def _wait(self, poller: Any, wait: int) -> None:
        poller.fd_wait(self.socket, ovs.poller.POLLIN if wait == self.W_RECV else ovs.poller.POLLOUT)

    def connect_wait(self, poller: Any) -> None:
        self.wait(poller, self.W_CONNECT)

    def recv_wait(self, poller: Any) -> None:
        self.wait(poller, self.W_RECV)

    def send_wait(self, poller: Any) -> None:
        self.wait(poller, self.W_SEND)

    @staticmethod
    def ssl_set_private_key_file(file_name: str) -> None:
        Stream._SSL_private_key_file = file_name

    @staticmethod
    def ssl_set_certificate_file(file_name: str) -> None:
        Stream._SSL_certificate_file = file_name

    @staticmethod
    def ssl_set_ca_cert_file(file_name: str) -> None:
        Stream._SSL_ca_cert_file = file_name


class UnixStream(Stream):
    @staticmethod
    def needs_probes() -> bool:
        return False

    @staticmethod
    def _open(suffix: str, dscp: int) -> Tuple[int, Any]:
        return ovs.socket_util.make_unix_socket(socket.SOCK_STREAM, True, None, suffix)


class TCPStream(Stream):
    @staticmethod
    def _open(suffix: str, dscp: int) -> Tuple[int, Any]:
        return ovs.socket_util.inet_open_active(socket.SOCK_STREAM, suffix, 0, dscp)


def _ssl_context(purpose: int) -> ssl.SSLContext:
    """Both sides show a certificate and ask for one; the names in them are not compared."""
    missing = [what for what, file in (("private key", Stream._SSL_private_key_file),
                                       ("certificate", Stream._SSL_certificate_file),
                                       ("CA certificate", Stream._SSL_ca_cert_file)) if not file]
    if missing:
        raise OSError(errno.ENOPROTOOPT, "ssl: no %s is configured" % " and no ".join(missing))
    context = ssl.SSLContext(purpose)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    assert Stream._SSL_certificate_file is not None
    context.load_verify_locations(Stream._SSL_ca_cert_file)
    context.load_cert_chain(Stream._SSL_certificate_file, Stream._SSL_private_key_file)
    return context


def _wrap(sock: Any, purpose: int) -> Tuple[int, Any]:
    try:
        return errno.EAGAIN, _ssl_context(purpose).wrap_socket(
            sock, server_side=purpose == ssl.PROTOCOL_TLS_SERVER, do_handshake_on_connect=False)
    except OSError as e:
        sock.close()
        vlog.err(e.strerror or str(e))
        return ovs.socket_util.get_exception_errno(e), None


class SSLStream(Stream):
    """TLS over TCP, with the files that ssl_set_*() name."""
    _want = ovs.poller.POLLOUT  # what the library waits for
    _tcp_done = False

    @staticmethod
    def _open(suffix: str, dscp: int) -> Tuple[int, Any]:
        error, sock = ovs.socket_util.inet_open_active(socket.SOCK_STREAM, suffix, 0, dscp)
        if sock is None:
            return error, None
        return _wrap(sock, ssl.PROTOCOL_TLS_CLIENT)

    def _finish_connect(self) -> int:
        if not self._tcp_done:
            error = ovs.socket_util.check_connection_completion(self.socket)
            if error:
                return error
            self._tcp_done = True
        try:
            self.socket.do_handshake()
        except OSError as e:
            return self._errno(e)
        return 0

    def _errno(self, e: OSError) -> int:
        if isinstance(e, (ssl.SSLWantReadError, ssl.SSLWantWriteError)):
            self._want = ovs.poller.POLLIN if isinstance(e, ssl.SSLWantReadError) else ovs.poller.POLLOUT
            return errno.EAGAIN
        if isinstance(e, ssl.SSLEOFError):
            return errno.ECONNRESET
        if isinstance(e, ssl.SSLError):
            vlog.warn("%s: %s" % (self.name, e.strerror or e))
            return errno.EPROTO
        return super()._errno(e)

    def _recv(self, n: int) -> bytes:
        try:
            return super()._recv(n)
        except ssl.SSLZeroReturnError:
            return b""

    def _wait(self, poller: Any, wait: int) -> None:
        if wait == self.W_CONNECT:
            poller.fd_wait(self.socket, self._want)
        elif wait == self.W_RECV and self.socket.pending():
            # Bytes that have been decrypted already do not make the descriptor readable.
            poller.immediate_wake()
        else:
            super()._wait(poller, wait)


for _name, _cls in (("unix", UnixStream), ("tcp", TCPStream), ("ssl", SSLStream)):
    Stream.register_method(_name, _cls)

_PASSIVE: Dict[str, Type[Stream]] = {"punix:": UnixStream, "ptcp:": TCPStream, "pssl:": SSLStream}


class PassiveStream:
    """A socket that listens."""

    def __init__(self, sock: Any, name: str, bind_path: Optional[str], pipe: Any = None) -> None:
        self.name = name
        self.socket = sock
        self.bind_path = bind_path

    @staticmethod
    def is_valid_name(name: str) -> bool:
        return name.startswith(tuple(_PASSIVE))

    @staticmethod
    def needs_probes(name: str) -> bool:
        return not name.startswith("punix:")

    @staticmethod
    def open(name: str) -> Tuple[int, Optional["PassiveStream"]]:
        """(0, pstream) or (errno, None). Of a port 0 the system's choice is in its name. Raises ValueError if what follows
        the method is no address."""
        if not PassiveStream.is_valid_name(name):
            return errno.EAFNOSUPPORT, None
        method, suffix = name.split(":", 1)
        if method == "punix":
            path = ovs.util.abs_file_name(ovs.dirs.RUNDIR, suffix)
            error, sock = ovs.socket_util.make_unix_socket(socket.SOCK_STREAM, True, path, None)
            if sock is None:
                return error, None
            sock.listen(64)
            return 0, PassiveStream(sock, name, path)
        if method == "pssl":
            try:
                _ssl_context(ssl.PROTOCOL_TLS_SERVER)
            except OSError as e:
                vlog.err(e.strerror or str(e))
                return ovs.socket_util.get_exception_errno(e), None
        error, sock = ovs.socket_util.inet_open_passive(socket.SOCK_STREAM, suffix, None, Stream.DSCP_DEFAULT)
        if sock is None:
            return error, None
        _, colon, host = suffix.partition(":")
        return 0, PassiveStream(sock, "%s:%d%s%s" % (method, sock.getsockname()[1], colon, host), None)

    def accept(self) -> Opened:
        """(0, stream) or (errno, None); EAGAIN if nobody has connected."""
        method = self.name.split(":", 1)[0] + ":"
        cls = _PASSIVE[method]
        while True:
            try:
                sock, address = self.socket.accept()
            except OSError as e:
                error = ovs.socket_util.get_exception_errno(e)
                if error in _BUSY:
                    return errno.EAGAIN, None
                if error == errno.ECONNABORTED:
                    continue
                vlog.dbg("%s: accept: %s" % (self.name, os.strerror(error)))
                return error, None
            sock.setblocking(False)
            name = method[1:]
            if cls is not UnixStream:
                name += ("[%s]:%d" if ":" in address[0] else "%s:%d") % address[:2]
            error = 0
            if cls is SSLStream:
                error, sock = _wrap(sock, ssl.PROTOCOL_TLS_SERVER)
                if sock is None:
                    return error, None
            return 0, cls(sock, name, error, is_server=True)

    def wait(self, poller: Any) -> None:
        poller.fd_wait(self.socket, ovs.poller.POLLIN)

    def close(self) -> None:
        """Stops listening, and unlinks a unix socket."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        if self.bind_path is not None:
            ovs.fatal_signal.unlink_file_now(self.bind_path)
            self.bind_path = None

    def __del__(self) -> None:
        if getattr(self, "socket", None) is not None:
            self.socket.close()


def usage(name: str) -> str:
    """For --help: the forms of connections that 'name' may be."""
    return """
Active {0} connection methods:
  unix:FILE               Unix domain socket named FILE
  tcp:HOST:PORT           TCP socket to HOST with port no of PORT
  ssl:HOST:PORT           SSL socket to HOST with port no of PORT

Passive {0} connection methods:
  punix:FILE              Listen on Unix domain socket FILE
  ptcp:PORT[:HOST]        Listen on TCP PORT [of HOST]
  pssl:PORT[:HOST]        Listen on SSL PORT [of HOST]""".format(name)
