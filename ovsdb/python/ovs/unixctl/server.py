# SPDX-License-Identifier: Apache-2.0
"""The control socket of a daemon: the commands of ovs.unixctl, called by ovs-appctl."""
import errno
import os
from typing import Any, List, Optional, Tuple

import ovs.dirs
import ovs.jsonrpc
import ovs.stream
import ovs.unixctl
import ovs.util
import ovs.version
import ovs.vlog
from ovs.jsonrpc import Message
from ovs.unixctl.client import UnixctlClient  # programs import it from here, too

__all__ = ["Message", "UnixctlClient", "UnixctlConnection", "UnixctlServer"]

vlog = ovs.vlog.Vlog("unixctl_server")
# So many commands of one client are run before others have their turn.
_AT_ONCE = 10


class UnixctlConnection:
    """One client. A command is answered with reply() or reply_error() before the next is taken."""

    def __init__(self, rpc: ovs.jsonrpc.Connection) -> None:
        self._rpc = rpc
        self._request_id: Any = None

    def run(self) -> int:
        """0, or why the connection is to be closed."""
        self._rpc.run()
        error = self._rpc.get_status()
        if error or self._rpc.get_backlog():
            return error
        for _ in range(_AT_ONCE):
            if self._request_id is not None:
                return 0
            error, msg = self._rpc.recv()
            if error:
                return 0 if error == errno.EAGAIN else error
            assert msg is not None
            if msg.type != Message.T_REQUEST:
                vlog.warn("%s: received unexpected %s message" % (self._rpc.name, Message.type_to_string(msg.type)))
                return errno.EINVAL
            self._process(msg)
        return 0

    def reply(self, body: Optional[str]) -> None:
        self._answer(True, body)

    def reply_error(self, body: Optional[str]) -> None:
        self._answer(False, body)

    def _answer(self, success: bool, body: Optional[str]) -> None:
        assert self._request_id is not None, "a command is answered once"
        text = body or ""
        if text and not text.endswith("\n"):
            text += "\n"
        create = Message.create_reply if success else Message.create_error
        self._rpc.send(create(text, self._request_id))
        self._request_id = None

    def _process(self, request: Message) -> None:
        self._request_id = request.id
        error = self._check(request)
        if error:
            self.reply_error(error)
            return
        command = ovs.unixctl.commands[request.method]
        command.callback(self, [str(word) for word in request.params], command.aux)

    @staticmethod
    def _check(request: Message) -> Optional[str]:
        command = ovs.unixctl.commands.get(request.method)
        if command is None:
            return '"%s" is not a valid command' % request.method
        argv = request.params
        if len(argv) < command.min_args:
            return '"%s" command requires at least %d arguments' % (request.method, command.min_args)
        if command.max_args is not None and len(argv) > command.max_args:
            return '"%s" command takes at most %d arguments' % (request.method, command.max_args)
        for word in argv:
            if not isinstance(word, str):
                return '"%s" command has non-string argument' % request.method
        return None

    def _wait(self, poller: Any) -> None:
        self._rpc.wait(poller)
        if not self._rpc.get_backlog() and self._request_id is None:
            self._rpc.recv_wait(poller)

    def _close(self) -> None:
        self._rpc.close()
        self._request_id = None


def _version(conn: UnixctlConnection, _argv: List[str], version: str) -> None:
    conn.reply("%s (Open eSwitch) %s" % (ovs.util.PROGRAM_NAME, version))


class UnixctlServer:
    def __init__(self, listener: ovs.stream.PassiveStream) -> None:
        self._listener: Optional[ovs.stream.PassiveStream] = listener
        self._conns: List[UnixctlConnection] = []

    def run(self) -> None:
        assert self._listener is not None
        for _ in range(_AT_ONCE):
            error, stream = self._listener.accept()
            if error == 0 and stream is not None:
                rpc = ovs.jsonrpc.Connection(stream)
                self._conns.append(UnixctlConnection(rpc))
            else:
                if error != errno.EAGAIN:
                    vlog.warn("%s: accept failed: %s" % (self._listener.name, os.strerror(error)))
                break
        for conn in list(self._conns):
            if conn.run():
                conn._close()
                self._conns.remove(conn)

    def wait(self, poller: Any) -> None:
        assert self._listener is not None
        self._listener.wait(poller)
        for conn in self._conns:
            conn._wait(poller)

    def close(self) -> None:
        for conn in self._conns:
            conn._close()
        self._conns = []
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    @staticmethod
    def create(path: Optional[str], version: Optional[str] = None) -> Tuple[int, Optional["UnixctlServer"]]:
        """Listens on 'path', or on the usual name of this program and process. (0, server) or (errno, None)."""
        if path is None:
            path = "%s/%s.%d.ctl" % (ovs.dirs.RUNDIR, ovs.util.PROGRAM_NAME, os.getpid())
        path = ovs.util.abs_file_name(ovs.dirs.RUNDIR, path)
        error, listener = ovs.stream.PassiveStream.open("punix:" + path)
        if error or listener is None:
            ovs.util.ovs_error(error, "could not initialize control socket %s" % path)
            return error, None
        ovs.unixctl.command_register("version", "", 0, 0, _version, version or ovs.version.VERSION)
        return 0, UnixctlServer(listener)
