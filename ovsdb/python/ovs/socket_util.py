# SPDX-License-Identifier: Apache-2.0
"""Sockets by name. Errors are errno values; where a name is no name, ValueError."""
import errno
import os
import select
import socket
from typing import Any, Optional, Tuple, Union

import ovs.fatal_signal
import ovs.util
import ovs.vlog

vlog = ovs.vlog.Vlog("socket_util")

Address = Tuple[Any, ...]
# What fits into a sockaddr_un.
_MAX_UNIX_NAME = 107


def get_exception_errno(e: BaseException) -> int:
    return (e.errno if isinstance(e, OSError) else None) or errno.EPROTO


def set_nonblocking(sock: socket.socket) -> None:
    sock.setblocking(False)


def is_valid_ipv4_address(address: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, address)
    except OSError:
        return False
    return True


def check_connection_completion(sock: Any) -> int:
    """Of a nonblocking connect(): 0, EAGAIN while it is going on, or its errno."""
    poll = select.poll() if hasattr(select, "poll") else None
    if poll is not None:
        poll.register(sock, select.POLLOUT)
        ready = bool(poll.poll(0))
    else:
        # A library of green threads took it away.
        ready = bool(select.select([], [sock], [sock], 0)[1])
    if not ready:
        return errno.EAGAIN
    return int(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


class _ShortName:
    """A name of a unix socket that fits: a long one by way of its directory's descriptor."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._fd: Optional[int] = None
        if len(os.fsencode(name)) > _MAX_UNIX_NAME:
            directory, base = os.path.split(name)
            self._fd = os.open(directory or ".", os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
            self.name = "/proc/self/fd/%d/%s" % (self._fd, base)

    def __enter__(self) -> str:
        return self.name

    def __exit__(self, *_: Any) -> None:
        if self._fd is not None:
            os.close(self._fd)


def make_unix_socket(style: int, nonblock: bool, bind_path: Optional[str], connect_path: Optional[str],
                     short: bool = False) -> Tuple[int, Optional[socket.socket]]:
    """A socket bound to a name that is unlinked when the program ends, or connected to one, or both. Names that are too
    long are handled whatever 'short' says."""
    sock = socket.socket(socket.AF_UNIX, style)
    try:
        if nonblock:
            sock.setblocking(False)
        if bind_path is not None:
            # One that a killed program left would be in the way.
            ovs.fatal_signal.unlink_file_now(bind_path)
            with _ShortName(bind_path) as name:
                sock.bind(name)
            ovs.fatal_signal.add_file_to_unlink(bind_path)
            os.chmod(bind_path, 0o770)
        if connect_path is not None:
            with _ShortName(connect_path) as name:
                try:
                    sock.connect(name)
                except BlockingIOError as e:
                    if e.errno != errno.EINPROGRESS:
                        raise
    except OSError as e:
        sock.close()
        if bind_path is not None:
            ovs.fatal_signal.remove_file_to_unlink(bind_path)
        return get_exception_errno(e), None
    return 0, sock


def _split_host(target: str) -> Tuple[str, str]:
    """Host, and what stands behind its colon or ""."""
    if target.startswith("["):
        host, bracket, rest = target[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("%s: bad peer name format" % target)
        return host, rest[1:]
    host, _, rest = target.rpartition(":") if ":" in target else (target, "", "")
    return host, rest


def _port(text: str, target: str) -> int:
    if not text.isdigit() or not 0 <= int(text) <= 65535:
        raise ValueError('%s: bad port number "%s"' % (target, text))
    return int(text)


def inet_parse_active(target: str, default_port: Optional[int]) -> Tuple[str, int]:
    """HOST[:PORT], HOST in brackets if it has colons. Raises ValueError."""
    host, port = _split_host(target)
    if not host:
        raise ValueError("%s: bad peer name format" % target)
    if port:
        return host, _port(port, target)
    if not default_port:
        raise ValueError("%s: port number must be specified" % target)
    return host, default_port


def inet_parse_passive(target: str, default_port: Optional[int]) -> Tuple[str, int]:
    """[PORT][:HOST]. Raises ValueError."""
    port, _, host = target.partition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if port:
        return host, _port(port, target)
    if default_port is None:
        raise ValueError("%s: port number must be specified" % target)
    return host, default_port


def set_dscp(sock: socket.socket, family: int, dscp: int) -> None:
    if not 0 <= dscp <= 63:
        raise ValueError("DSCP %d is not in the range 0 to 63" % dscp)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
    elif family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)


def inet_open_active(style: int, target: str, default_port: Optional[int],
                     dscp: int) -> Tuple[int, Optional[socket.socket]]:
    """Begins to connect. (0 or EAGAIN, socket) or (errno, None)."""
    host, port = inet_parse_active(target, default_port)
    try:
        found = socket.getaddrinfo(host, port, 0, style)
    except socket.gaierror as e:
        vlog.warn("%s: %s" % (target, e.strerror))
        return errno.ENOENT, None
    family, _, _, _, address = found[0]
    sock = None
    try:
        sock = socket.socket(family, style)
        sock.setblocking(False)
        set_dscp(sock, family, dscp)
        if style == socket.SOCK_STREAM:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = sock.connect_ex(address)
    except OSError as e:
        error = get_exception_errno(e)
    if error in (0, errno.EINPROGRESS):
        return errno.EAGAIN if error else 0, sock
    if sock is not None:
        sock.close()
    return error, None


def inet_open_passive(style: int, target: str, default_port: Optional[int],
                      dscp: int) -> Tuple[int, Optional[socket.socket]]:
    """Listens. (0, socket) or (errno, None)."""
    host, port = inet_parse_passive(target, default_port)
    sock = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host or None, port, 0, style, 0, socket.AI_PASSIVE)[0] \
            if host else (socket.AF_INET, 0, 0, "", ("", port))
        sock = socket.socket(family, style)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        set_dscp(sock, family, dscp)
        sock.bind(address)
        sock.listen(64)
    except OSError as e:
        if sock is not None:
            sock.close()
        vlog.warn("%s: %s" % (target, e.strerror))
        return errno.ENOENT if isinstance(e, socket.gaierror) else get_exception_errno(e), None
    return 0, sock


def write_fully(fd: int, buf: Union[str, bytes]) -> Tuple[int, int]:
    """(0, number of bytes) or (errno, number of bytes written before it)."""
    data = buf.encode("utf-8") if isinstance(buf, str) else buf
    done = 0
    while done < len(data):
        try:
            done += os.write(fd, data[done:])
        except OSError as e:
            return get_exception_errno(e), done
    return 0, done


_null_fd = -1


def get_null_fd() -> int:
    """A descriptor of /dev/null that stays open; -errno if there is none."""
    global _null_fd
    if _null_fd < 0:
        try:
            _null_fd = os.open("/dev/null", os.O_RDWR)
        except OSError as e:
            vlog.err("could not open /dev/null (%s)" % e.strerror)
            return -get_exception_errno(e)
    return _null_fd
