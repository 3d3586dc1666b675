# SPDX-License-Identifier: Apache-2.0
"""When to connect, to send a probe and to give a connection up. Does nothing by itself: the owner asks run() what to do
and tells what has happened. Times are in ms, of any clock that is not set back."""
import os
from typing import Any, Callable, Dict, NamedTuple, Optional

import ovs.util
import ovs.vlog

vlog = ovs.vlog.Vlog("reconnect")

EOF = ovs.util.EOF
# What run() answers.
CONNECT = "connect"
DISCONNECT = "disconnect"
PROBE = "probe"

_MIN_PROBE = 1000
_DEFAULT_MIN_BACKOFF, _DEFAULT_MAX_BACKOFF = 1000, 8000


class _State(NamedTuple):
    name: str
    is_connected: bool
    action: Optional[str]  # what is to be done when the deadline is there
    deadline: Callable[["Reconnect"], Optional[float]]


def _never(_: "Reconnect") -> Optional[float]:
    return None


def _at_once(fsm: "Reconnect") -> Optional[float]:
    return fsm.state_entered


def _after_backoff(fsm: "Reconnect") -> Optional[float]:
    return fsm.state_entered + fsm.backoff


def _connect_timeout(fsm: "Reconnect") -> Optional[float]:
    return fsm.state_entered + max(1000, fsm.backoff)


def _silent_since(fsm: "Reconnect") -> Optional[float]:
    if not fsm.probe_interval:
        return None
    return max(fsm.last_activity, fsm.state_entered) + fsm.probe_interval


def _unanswered(fsm: "Reconnect") -> Optional[float]:
    return fsm.state_entered + fsm.probe_interval if fsm.probe_interval else None


class Stats:
    """What get_stats() answers: times in ms, numbers of connections."""
    creation_time: float
    last_connected: Optional[float]
    last_disconnected: Optional[float]
    last_activity: float
    backoff: int
    seqno: int
    is_connected: bool
    msec_since_connect: Optional[float]
    msec_since_disconnect: Optional[float]
    total_connected_duration: float
    n_attempted_connections: int
    n_successful_connections: int
    state: str
    state_elapsed: float


class Reconnect:
    Void = _State("VOID", False, None, _never)
    Listening = _State("LISTENING", False, None, _never)
    Backoff = _State("BACKOFF", False, CONNECT, _after_backoff)
    ConnectInProgress = _State("CONNECTING", False, DISCONNECT, _connect_timeout)
    Active = _State("ACTIVE", True, PROBE, _silent_since)
    Idle = _State("IDLE", True, DISCONNECT, _unanswered)
    Reconnect = _State("RECONNECT", False, DISCONNECT, _at_once)

    def __init__(self, now: float) -> None:
        self.name = "void"
        self.min_backoff = _DEFAULT_MIN_BACKOFF
        self.max_backoff = _DEFAULT_MAX_BACKOFF
        self.probe_interval: int = 5000
        self.passive = False
        self._quiet = False

        self.state = Reconnect.Void
        self.state_entered = now
        self.backoff = 0
        self.last_activity = now
        self.last_connected: Optional[float] = None
        self.last_disconnected: Optional[float] = None
        self.last_receive_attempt: Optional[float] = now
        self.max_tries: Optional[int] = None
        self.backoff_free_tries = 0

        self.creation_time = now
        self.n_attempted_connections = 0
        self.n_successful_connections = 0
        self.total_connected_duration: float = 0
        self.seqno = 0

    # Configuration.

    def set_quiet(self, quiet: bool) -> None:
        """What is usual is logged as a matter of debugging only."""
        self._quiet = quiet

    def get_name(self) -> str:
        return self.name

    def set_name(self, name: Optional[str]) -> None:
        self.name = "void" if name is None else name

    def get_min_backoff(self) -> int:
        return self.min_backoff

    def get_max_backoff(self) -> int:
        return self.max_backoff

    def set_backoff(self, min_backoff: int, max_backoff: int) -> None:
        """The time between attempts grows from 'min_backoff' to 'max_backoff'."""
        self.min_backoff = max(min_backoff, 1000)
        self.max_backoff = max(max_backoff, self.min_backoff)
        if self.state is Reconnect.Backoff:
            self.backoff = min(self.backoff, self.max_backoff)

    def set_backoff_free_tries(self, backoff_free_tries: int) -> None:
        """So many attempts follow each other at once: one for each of several remotes."""
        self.backoff_free_tries = backoff_free_tries

    def get_probe_interval(self) -> int:
        return self.probe_interval

    def set_probe_interval(self, probe_interval: Optional[int]) -> None:
        """A connection that is silent for so long is probed, and given up after as long again. 0 or None: never."""
        self.probe_interval = max(_MIN_PROBE, probe_interval) if probe_interval else 0

    def get_max_tries(self) -> Optional[int]:
        return self.max_tries

    def set_max_tries(self, max_tries: Optional[int]) -> None:
        """How many attempts are left; None: no limit."""
        self.max_tries = max_tries

    def is_passive(self) -> bool:
        return self.passive

    def set_passive(self, passive: bool, now: float) -> None:
        """Listens instead of connecting."""
        if self.passive == passive:
            return
        self.passive = passive
        other = Reconnect.ConnectInProgress if passive else Reconnect.Listening
        if self.state is other or (passive and self.state is Reconnect.Reconnect):
            self._enter(now, Reconnect.Backoff)
            self.backoff = 0

    # What the owner wants.

    def is_enabled(self) -> bool:
        return self.state is not Reconnect.Void

    def enable(self, now: float) -> None:
        if self.state is Reconnect.Void and self._may_retry():
            self._enter(now, Reconnect.Backoff)
            self.backoff = 0

    def disable(self, now: float) -> None:
        if self.state is not Reconnect.Void:
            self._enter(now, Reconnect.Void)

    def force_reconnect(self, now: float) -> None:
        if self.state in (Reconnect.ConnectInProgress, Reconnect.Active, Reconnect.Idle):
            self._enter(now, Reconnect.Reconnect)

    # What has happened.

    def connecting(self, now: float) -> None:
        """An attempt has begun."""
        if self.state is Reconnect.ConnectInProgress:
            return
        if self.passive:
            self._info("listening...")
        elif self.backoff < self.max_backoff:
            self._info("connecting...")
        self._enter(now, Reconnect.ConnectInProgress)

    def listening(self, now: float) -> None:
        if self.state is not Reconnect.Listening:
            self._info("listening...")
            self._enter(now, Reconnect.Listening)

    def listen_error(self, now: float, error: int) -> None:
        self.disconnected(now, error)

    def connected(self, now: float) -> None:
        if self.state.is_connected:
            return
        self.connecting(now)
        self._info("connected")
        self._enter(now, Reconnect.Active)
        self.last_connected = now

    def connect_failed(self, now: float, error: int) -> None:
        """'error' is an errno; 0 or EOF if there was only no answer."""
        self.connecting(now)
        self.disconnected(now, error)

    def activity(self, now: float) -> None:
        """Something has come from the peer."""
        if self.state is not Reconnect.Active:
            self._enter(now, Reconnect.Active)
        self.last_activity = now

    def receive_attempted(self, now: Optional[float]) -> None:
        """The owner has looked for input: silence before that is no proof of a dead peer. None: it always does."""
        self.last_receive_attempt = now

    def disconnected(self, now: float, error: int) -> None:
        """'error' is an errno, EOF if the peer has closed, 0 if the owner has."""
        if self.state in (Reconnect.Backoff, Reconnect.Void):
            return
        self._log_end(error)
        was_connected = self.state.is_connected
        if was_connected:
            self.last_disconnected = now
        if not self._may_retry():
            self._enter(now, Reconnect.Void)
            return
        self._set_backoff_after(was_connected)
        self._enter(now, Reconnect.Backoff)

    def _log_end(self, error: int) -> None:
        if self.state.is_connected:
            if error > 0:
                vlog.warn("%s: connection dropped (%s)" % (self.name, os.strerror(error)))
            else:
                self._info("connection closed by peer" if error == EOF else "connection dropped")
        elif self.state is Reconnect.Listening:
            if error > 0:
                vlog.warn("%s: error listening for connections (%s)" % (self.name, os.strerror(error)))
            else:
                self._info("error listening for connections")
        elif self.state is Reconnect.Reconnect:
            self._info("connection closed by client")
        elif self.backoff < self.max_backoff:
            if error > 0:
                vlog.warn("%s: connection attempt failed (%s)" % (self.name, os.strerror(error)))
            else:
                self._info("connection attempt timed out")

    def _set_backoff_after(self, was_connected: bool) -> None:
        lasted = (self.last_activity - self.last_connected
                  if was_connected and self.last_connected is not None else None)
        if self.backoff_free_tries > 1:
            self.backoff_free_tries -= 1
            self.backoff = 0
        elif lasted is not None and (lasted >= self.backoff or self.passive):
            self.backoff = 0 if self.passive else self.min_backoff
        elif self.backoff < self.min_backoff:
            self.backoff = self.min_backoff
        elif self.backoff < self.max_backoff // 2:
            self.backoff *= 2
            action = "trying to listen again" if self.passive else "reconnect"
            self._info("waiting %.3g seconds before %s" % (self.backoff / 1000.0, action))
        else:
            if self.backoff < self.max_backoff:
                action = "try to listen" if self.passive else "reconnect"
                self._info("continuing to %s in the background but suppressing further logging" % action)
            self.backoff = self.max_backoff

    def _info(self, text: str) -> None:
        (vlog.dbg if self._quiet else vlog.info)("%s: %s" % (self.name, text))

    def _may_retry(self) -> bool:
        if self.max_tries is None:
            return True
        if self.max_tries <= 0:
            return False
        self.max_tries -= 1
        return True

    def _enter(self, now: float, state: _State) -> None:
        if self.state is Reconnect.ConnectInProgress:
            self.n_attempted_connections += 1
            if state is Reconnect.Active:
                self.n_successful_connections += 1
        if state.is_connected != self.state.is_connected:
            if self.state.is_connected and self.last_connected is not None:
                self.total_connected_duration += now - self.last_connected
            self.seqno += 1
        vlog.dbg("%s: entering %s" % (self.name, state.name))
        self.state = state
        self.state_entered = now

    # What is to be done.

    def _deadline(self, now: float) -> Optional[float]:
        deadline = self.state.deadline(self)
        attempt = self.last_receive_attempt
        if deadline is None or not self.state.is_connected or attempt is None or attempt >= deadline:
            return deadline
        # The owner was late, perhaps the peer was not: it has to look first.
        return now + 1 if now >= deadline else deadline

    def run(self, now: float) -> Optional[str]:
        """CONNECT, DISCONNECT, PROBE or None. The owner has to do it and then to tell so."""
        deadline = self._deadline(now)
        if deadline is None or now < deadline:
            return None
        if self.state is Reconnect.Active:
            vlog.dbg("%s: idle %d ms, sending inactivity probe"
                     % (self.name, now - max(self.last_activity, self.state_entered)))
            self._enter(now, Reconnect.Idle)
            return PROBE
        if self.state is Reconnect.Idle:
            vlog.err("%s: no response to inactivity probe after %.3g seconds, disconnecting"
                     % (self.name, (now - self.state_entered) / 1000.0))
        return self.state.action

    def timeout(self, now: float) -> Optional[float]:
        """In how many ms run() has something to do; None: not before something happens."""
        deadline = self._deadline(now)
        return None if deadline is None else max(0, deadline - now)

    def wait(self, poller: Any, now: float) -> None:
        poller.timer_wait(self.timeout(now))

    # What there is to know.

    def is_connected(self) -> bool:
        return self.state.is_connected

    def get_last_connect_elapsed(self, now: float) -> Optional[float]:
        return None if self.last_connected is None else now - self.last_connected

    def get_last_disconnect_elapsed(self, now: float) -> Optional[float]:
        return None if self.last_disconnected is None else now - self.last_disconnected

    def get_stats(self, now: float) -> Stats:
        stats = Stats()
        facts: Dict[str, Any] = {name: getattr(self, name) for name in (
            "creation_time", "last_connected", "last_disconnected", "last_activity", "backoff", "seqno",
            "total_connected_duration", "n_attempted_connections", "n_successful_connections")}
        if self.is_connected() and self.last_connected is not None:
            facts["total_connected_duration"] += now - self.last_connected
        facts.update(is_connected=self.is_connected(), msec_since_connect=self.get_last_connect_elapsed(now),
                     msec_since_disconnect=self.get_last_disconnect_elapsed(now), state=self.state.name,
                     state_elapsed=now - self.state_entered)
        vars(stats).update(facts)
        return stats
