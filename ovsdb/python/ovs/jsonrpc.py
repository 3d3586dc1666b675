# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC 1.0: messages, a connection that carries them, and a session that connects again and again."""
import codecs
import collections
import errno
import random
from typing import Any, Deque, Dict, List, Optional, Tuple

import ovs.json
import ovs.poller
import ovs.reconnect
import ovs.stream
import ovs.timeval
import ovs.util
import ovs.vlog

EOF = ovs.util.EOF
vlog = ovs.vlog.Vlog("jsonrpc")

_CHUNK = 65536
# recv() gives other work a chance after so many bytes of a message that is not complete.
_MAX_PER_CALL = 64 * _CHUNK
_FIELDS = ("method", "params", "result", "error", "id")


class Message:
    T_REQUEST = 0
    T_NOTIFY = 1
    T_REPLY = 2
    T_ERROR = 3

    _NAMES = {T_REQUEST: "request", T_NOTIFY: "notification", T_REPLY: "reply", T_ERROR: "error"}
    # The members that each kind has, and those that it writes as null.
    _MUST = {T_REQUEST: ("method", "params", "id"), T_NOTIFY: ("method", "params"), T_REPLY: ("result", "id"),
             T_ERROR: ("error", "id")}
    _NULL = {T_REQUEST: (), T_NOTIFY: ("id",), T_REPLY: ("error",), T_ERROR: ("result",)}
    _next_id = 0

    def __init__(self, type_: int, method: Any, params: Any, result: Any, error: Any, id: Any) -> None:
        self.type = type_
        self.method = method
        self.params = params
        self.result = result
        self.error = error
        self.id = id

    @staticmethod
    def _create_id() -> int:
        this = Message._next_id
        Message._next_id += 1
        return this

    @staticmethod
    def create_request(method: str, params: Any) -> "Message":
        return Message(Message.T_REQUEST, method, params, None, None, Message._create_id())

    @staticmethod
    def create_notify(method: str, params: Any) -> "Message":
        return Message(Message.T_NOTIFY, method, params, None, None, None)

    @staticmethod
    def create_reply(result: Any, id: Any) -> "Message":
        return Message(Message.T_REPLY, None, None, result, None, id)

    @staticmethod
    def create_error(error: Any, id: Any) -> "Message":
        return Message(Message.T_ERROR, None, None, None, error, id)

    @staticmethod
    def type_to_string(type_: int) -> str:
        return Message._NAMES[type_]

    def is_valid(self) -> Optional[str]:
        """None, or what is wrong."""
        if self.params is not None and not isinstance(self.params, list):
            return '"params" must be JSON array'
        must = self._MUST.get(self.type)
        if must is None:
            return "invalid JSON-RPC message type %s" % self.type
        for field in _FIELDS:
            if (getattr(self, field) is not None) != (field in must):
                return '%s must%s have "%s"' % (self._NAMES[self.type], "" if field in must else " not", field)
        return None

    @staticmethod
    def from_json(json: Any) -> Any:
        """The message, or what is wrong as a string."""
        if not isinstance(json, dict):
            return "message is not a JSON object"
        values: List[Any] = [json.get(field) for field in _FIELDS]
        method, _, result, error, id_ = values
        if method is not None and not isinstance(method, str):
            return "method is not a JSON string"
        for name in json:
            if name not in _FIELDS:
                return 'message has unexpected member "%s"' % name
        if result is not None:
            type_ = Message.T_REPLY
        elif error is not None:
            type_ = Message.T_ERROR
        else:
            type_ = Message.T_NOTIFY if id_ is None else Message.T_REQUEST
        msg = Message(type_, *values)
        return msg.is_valid() or msg

    def to_json(self) -> Dict[str, Any]:
        json = {field: getattr(self, field) for field in _FIELDS if getattr(self, field) is not None}
        json.update((field, None) for field in self._NULL[self.type] if field not in json)
        return json

    def __str__(self) -> str:
        parts = [self._NAMES[self.type]]
        if self.method is not None:
            parts.append('method="%s"' % self.method)
        for field in ("params", "result", "error", "id"):
            value = getattr(self, field)
            if value is not None:
                parts.append("%s=%s" % (field, ovs.json.to_string(value)))
        return ", ".join(parts)


class Connection:
    """Messages over a stream. After an error, which is logged once, it is closed and get_status() tells the errno or EOF."""

    def __init__(self, stream: ovs.stream.Stream) -> None:
        self.name = stream.name
        self.stream = stream
        self.status = 0
        self._parser: Any = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._input = ""
        self._output: Deque[memoryview] = collections.deque()
        self._backlog = 0
        self._received = 0

    def close(self) -> None:
        self.stream.close()

    def run(self) -> None:
        """Sends what can be sent without waiting."""
        if self.status:
            return
        while self._output:
            n = self.stream.send(self._output[0])
            if n < 0:
                if n != -errno.EAGAIN:
                    vlog.warn("%s: send error: %s" % (self.name, ovs.util.ovs_retval_to_string(-n)))
                    self.error(-n)
                return
            self._backlog -= n
            if n < len(self._output[0]):
                self._output[0] = self._output[0][n:]
            else:
                self._output.popleft()

    def wait(self, poller: Any) -> None:
        if not self.status:
            self.stream.run_wait(poller)
            if self._output:
                self.stream.send_wait(poller)

    def get_status(self) -> int:
        return self.status

    def get_backlog(self) -> int:
        """How many bytes are still to be sent."""
        return 0 if self.status else self._backlog

    def get_received_bytes(self) -> int:
        return self._received

    def send(self, msg: Message) -> int:
        """Takes it for sending; run() goes on with it. Returns 0, or the status of a connection that is closed."""
        if self.status:
            return self.status
        self._log("send", msg)
        data = ovs.json.to_string(msg.to_json()).encode("utf-8")
        first = not self._output
        self._output.append(memoryview(data))
        self._backlog += len(data)
        if first:
            self.run()
        return self.status

    def send_block(self, msg: Message) -> int:
        """Returns when all is sent: 0 or an error."""
        error = self.send(msg)
        while not error and self._output:
            poller = ovs.poller.Poller()
            self.wait(poller)
            poller.block()
            self.run()
            error = self.status
        return error

    def recv(self) -> Tuple[int, Optional[Message]]:
        """(0, message), (EAGAIN, None), (EOF, None) or (errno, None)."""
        if self.status:
            return self.status, None
        budget = _MAX_PER_CALL
        while True:
            msg = self._parse()
            if msg is not None:
                return 0, msg
            if self.status:
                return self.status, None
            if budget <= 0:
                return errno.EAGAIN, None
            error, data = self.stream.recv(_CHUNK)
            if error == errno.EAGAIN:
                return errno.EAGAIN, None
            if error or not data:
                self._end(error)
                return self.status, None
            budget -= len(data)
            self._received += len(data)
            try:
                self._input += self._decoder.decode(data)  # type: ignore[arg-type]
            except UnicodeDecodeError as e:
                self._protocol_error("error parsing stream: byte %#x is not UTF-8" % e.object[e.start])
                return self.status, None

    def _end(self, error: int) -> None:
        if error:
            vlog.warn("%s: receive error: %s" % (self.name, ovs.util.ovs_retval_to_string(error)))
        self.error(error or EOF)

    def _protocol_error(self, text: str) -> None:
        vlog.warn("%s: %s" % (self.name, text))
        self.error(errno.EPROTO)

    def _parse(self) -> Optional[Message]:
        """A message of what has come, if it is complete."""
        if not self._input:
            return None
        if self._parser is None:
            self._input = self._input.lstrip(" \t\r\n")
            if not self._input:
                return None
            self._parser = ovs.json.Parser()
        self._input = self._input[self._parser.feed(self._input):]
        if not self._parser.is_done():
            if self._input:
                # It wants nothing more and is not done: the error comes out at the end.
                json = self._parser.finish()
                self._protocol_error("error parsing stream: %s" % json)
            return None
        json = self._parser.finish()
        self._parser = None
        if isinstance(json, str):
            self._protocol_error("error parsing stream: %s" % json)
            return None
        msg = Message.from_json(json)
        if isinstance(msg, str):
            self._protocol_error("received bad JSON-RPC message: %s" % msg)
            return None
        self._log("received", msg)
        assert isinstance(msg, Message)
        return msg

    def recv_block(self) -> Tuple[int, Optional[Message]]:
        while True:
            error, msg = self.recv()
            if error != errno.EAGAIN:
                return error, msg
            self.run()
            poller = ovs.poller.Poller()
            self.wait(poller)
            self.recv_wait(poller)
            poller.block()

    def transact_block(self, request: Message) -> Tuple[int, Optional[Message]]:
        """Sends the request and waits for its reply; other messages that come are dropped. (0, reply) or (error, None)."""
        id_ = request.id
        error = self.send(request)
        reply = None
        while not error:
            error, reply = self.recv_block()
            if reply is not None and reply.type in (Message.T_REPLY, Message.T_ERROR) and reply.id == id_:
                break
        return error, reply

    def recv_wait(self, poller: Any) -> None:
        if self.status or self._input:
            poller.immediate_wake()
        else:
            self.stream.recv_wait(poller)

    def error(self, error: int) -> None:
        """Closes the connection with that status."""
        if self.status == 0:
            self.status = error
            self.stream.close()
            self._output.clear()
            self._backlog = 0

    def _log(self, title: str, msg: Message) -> None:
        if vlog.dbg_is_enabled():
            vlog.dbg("%s: %s %s" % (self.name, title, msg))


class Session:
    """A connection that is made again when it ends, to one of several remotes. get_seqno() changes whenever it is made or
    lost. Probes of the peer are answered here."""

    def __init__(self, reconnect: ovs.reconnect.Reconnect, rpc: Optional[Connection],
                 remotes: List[str]) -> None:
        self.reconnect = reconnect
        self.rpc = rpc
        self.stream: Optional[ovs.stream.Stream] = None
        self.pstream: Optional[ovs.stream.PassiveStream] = None
        self.seqno = 0
        self.remotes = remotes
        self.next_remote = 0

    @staticmethod
    def open(name: str, probe_interval: Optional[int] = None) -> "Session":
        return Session.open_multiple([name], probe_interval)

    @staticmethod
    def open_multiple(remotes: List[str], probe_interval: Optional[int] = None) -> "Session":
        """'probe_interval' in ms, 0: no probes; None: as the kind of stream needs. Remotes are tried in turn, the order is of
        chance."""
        remotes = list(remotes)
        random.shuffle(remotes)
        reconnect = ovs.reconnect.Reconnect(ovs.timeval.msec())
        session = Session(reconnect, None, remotes)
        session.pick_remote()
        reconnect.enable(ovs.timeval.msec())
        reconnect.set_backoff_free_tries(len(remotes))
        name = reconnect.get_name()
        if ovs.stream.PassiveStream.is_valid_name(name):
            reconnect.set_passive(True, ovs.timeval.msec())
        if probe_interval is not None:
            reconnect.set_probe_interval(probe_interval)
        elif not ovs.stream.stream_or_pstream_needs_probes(name):
            reconnect.set_probe_interval(0)
        return session

    @staticmethod
    def open_unreliably(jsonrpc: Connection) -> "Session":
        """On a connection that exists; when it ends the session has ended."""
        now = ovs.timeval.msec()
        reconnect = ovs.reconnect.Reconnect(now)
        session = Session(reconnect, None, [jsonrpc.name])
        reconnect.set_quiet(True)
        reconnect.set_name(jsonrpc.name)
        reconnect.set_max_tries(0)
        reconnect.connected(now)
        session.rpc = jsonrpc
        session.seqno += 1
        return session

    def pick_remote(self) -> None:
        self.reconnect.set_name(self.remotes[self.next_remote])
        self.next_remote = (self.next_remote + 1) % len(self.remotes)

    def close(self) -> None:
        if self.rpc is not None:
            self.rpc.close()
            self.rpc = None
        if self.stream is not None:
            self.stream.close()
            self.stream = None
        if self.pstream is not None:
            self.pstream.close()
            self.pstream = None

    def _disconnect(self) -> None:
        if self.rpc is not None:
            self.rpc.error(EOF)
            self.rpc.close()
            self.rpc = None
        elif self.stream is not None:
            self.stream.close()
            self.stream = None
        else:
            return
        self.seqno += 1

    def _connect(self) -> None:
        self._disconnect()
        name = self.reconnect.get_name()
        now = ovs.timeval.msec()
        try:
            if self.reconnect.is_passive():
                if self.pstream is not None:
                    self.pstream.close()
                error, self.pstream = ovs.stream.PassiveStream.open(name)
                if error:
                    self.reconnect.listen_error(now, error)
                else:
                    self.reconnect.listening(now)
                return
            error, self.stream = ovs.stream.Stream.open(name)
        except ValueError as e:
            vlog.err("%s: %s" % (name, e))
            error = errno.EINVAL
        if error:
            self.reconnect.connect_failed(now, error)
            self.pick_remote()
        else:
            self.reconnect.connecting(now)
        self.seqno += 1

    def run(self) -> None:
        if self.pstream is not None:
            self._accept(self.pstream)
        if self.rpc is not None:
            self._run_connection(self.rpc)
        elif self.stream is not None:
            self._finish_connect(self.stream)
        action = self.reconnect.run(ovs.timeval.msec())
        if action == ovs.reconnect.CONNECT:
            self._connect()
        elif action == ovs.reconnect.DISCONNECT:
            self.reconnect.disconnected(ovs.timeval.msec(), 0)
            self._disconnect()
            # One that does not answer, or that its user wants to leave.
            self.pick_remote()
        elif action == ovs.reconnect.PROBE and self.rpc is not None:
            request = Message.create_request("echo", [])
            request.id = "echo"
            self.rpc.send(request)

    def _accept(self, pstream: ovs.stream.PassiveStream) -> None:
        error, stream = pstream.accept()
        if error == 0 and stream is not None:
            if self.rpc is not None or self.stream is not None:
                # Only one at a time; the newer one is the one that lives.
                self.reconnect.disconnected(ovs.timeval.msec(), 0)
                self._disconnect()
            self.reconnect.connected(ovs.timeval.msec())
            self.rpc = Connection(stream)
            self.seqno += 1
        elif error != errno.EAGAIN:
            self.reconnect.listen_error(ovs.timeval.msec(), error)
            pstream.close()
            self.pstream = None

    def _run_connection(self, rpc: Connection) -> None:
        backlog = rpc.get_backlog()
        rpc.run()
        if rpc.get_backlog() < backlog:
            # The peer takes what is sent: it lives.
            self.reconnect.activity(ovs.timeval.msec())
        error = rpc.get_status()
        if error:
            self.reconnect.disconnected(ovs.timeval.msec(), error)
            self._disconnect()
            self.pick_remote()

    def _finish_connect(self, stream: ovs.stream.Stream) -> None:
        stream.run()
        error = stream.connect()
        if error == 0:
            self.reconnect.connected(ovs.timeval.msec())
            self.rpc = Connection(stream)
            self.stream = None
            self.seqno += 1
        elif error != errno.EAGAIN:
            self.reconnect.connect_failed(ovs.timeval.msec(), error)
            self.pick_remote()
            stream.close()
            self.stream = None
            self.seqno += 1

    def wait(self, poller: Any) -> None:
        if self.rpc is not None:
            self.rpc.wait(poller)
        elif self.stream is not None:
            self.stream.run_wait(poller)
            self.stream.connect_wait(poller)
        if self.pstream is not None:
            self.pstream.wait(poller)
        self.reconnect.wait(poller, ovs.timeval.msec())

    def get_backlog(self) -> int:
        return self.rpc.get_backlog() if self.rpc is not None else 0

    def get_name(self) -> str:
        return self.reconnect.get_name()

    def send(self, msg: Message) -> int:
        return self.rpc.send(msg) if self.rpc is not None else errno.ENOTCONN

    def recv(self) -> Optional[Message]:
        """The next message, or None if there is none now."""
        while self.rpc is not None:
            before = self.rpc.get_received_bytes()
            error, msg = self.rpc.recv()
            now = ovs.timeval.msec()
            self.reconnect.receive_attempted(now)
            if self.rpc.get_received_bytes() != before:
                self.reconnect.activity(now)
            if error:
                if error != errno.EAGAIN:
                    self.reconnect.disconnected(now, error)
                    self._disconnect()
                    self.pick_remote()
                return None
            assert msg is not None
            if msg.type == Message.T_REQUEST and msg.method == "echo":
                self.rpc.send(Message.create_reply(msg.params, msg.id))
            elif msg.type not in (Message.T_REPLY, Message.T_ERROR) or msg.id != "echo":
                return msg
        return None

    def recv_wait(self, poller: Any) -> None:
        if self.rpc is not None:
            self.rpc.recv_wait(poller)

    def is_alive(self) -> bool:
        """False if it will never be connected any more."""
        if self.rpc is not None or self.stream is not None:
            return True
        max_tries = self.reconnect.get_max_tries()
        return max_tries is None or max_tries > 0

    def is_connected(self) -> bool:
        return self.rpc is not None

    def get_seqno(self) -> int:
        return self.seqno

    def get_num_of_remotes(self) -> int:
        return len(self.remotes)

    def force_reconnect(self) -> None:
        self.reconnect.force_reconnect(ovs.timeval.msec())

    def reset_backoff(self) -> None:
        """The next attempts follow at once, one for each remote."""
        self.reconnect.set_backoff_free_tries(len(self.remotes))
