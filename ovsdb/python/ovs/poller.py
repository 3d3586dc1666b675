# SPDX-License-Identifier: Apache-2.0
"""Waiting for descriptors and times.

Where a library of green threads has replaced the module 'select', its functions are used: only its threads stop then.
"""
import errno
import os
import select
import sys
from typing import Any, Dict, List, Optional, Tuple

import ovs.timeval
import ovs.vlog

vlog = ovs.vlog.Vlog("poller")

POLLIN = 0x001
POLLOUT = 0x004
POLLERR = 0x008
POLLHUP = 0x010
POLLNVAL = 0x020

Events = List[Tuple[int, int]]


def _number(fd: Any) -> int:
    return int(fd if isinstance(fd, int) else fd.fileno())


def _is_closed(fd: int) -> bool:
    try:
        os.fstat(fd)
        return False
    except OSError:
        return True


class _SelectSelect:
    """The interface of select.poll() on select.select()."""

    def __init__(self) -> None:
        self._wanted: Dict[int, int] = {}

    def register(self, fd: Any, events: int) -> None:
        self._wanted[_number(fd)] = events

    def poll(self, timeout: float) -> Events:
        """'timeout' in ms; negative: none."""
        readers = [fd for fd, events in self._wanted.items() if events & POLLIN]
        writers = [fd for fd, events in self._wanted.items() if events & POLLOUT]
        try:
            ready = select.select(readers, writers, list(self._wanted), None if timeout < 0 else timeout / 1000.0)
        except (OSError, ValueError) as e:
            if isinstance(e, OSError) and e.errno == errno.EINTR:
                return []
            # One that is closed: whoever waits for it finds out by using it. The others have nothing to do with it.
            closed = [(fd, POLLNVAL) for fd in self._wanted if _is_closed(fd)]
            if closed:
                return closed
            # Descriptors beyond what select() can take.
            raise e if isinstance(e, OSError) else OSError(errno.EINVAL, str(e))
        found: Dict[int, int] = {}
        for fds, event in zip(ready, (POLLIN, POLLOUT, POLLERR)):
            for fd in fds:
                found[fd] = found.get(fd, 0) | event
        return list(found.items())


def _is_green() -> bool:
    """Has eventlet replaced 'select'?"""
    patcher = sys.modules.get("eventlet.patcher")
    return bool(patcher is not None and patcher.is_monkey_patched("select"))


SelectPoll: Any = _SelectSelect if _is_green() or not hasattr(select, "poll") else select.poll


def get_system_poll() -> Any:
    """The class that waits in the operating system, whatever has been put in its place."""
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and _is_green():
        return patcher.original("select").poll
    return select.poll


class Poller:
    """Say what to wait for, then block(); after that it is empty again. For one thread."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        green = _is_green() or not hasattr(select, "poll")
        self.poll: Any = _SelectSelect() if green else select.poll()
        self._events: Dict[int, int] = {}
        self.timeout: float = -1

    def fd_wait(self, fd: Any, events: int) -> None:
        """Wakes up for POLLIN or POLLOUT on a descriptor or on an object with fileno(); adds to what is waited for on it."""
        number = _number(fd)
        if number < 0:
            # Closed already: not something to sleep on.
            self.immediate_wake()
            return
        self._events[number] = self._events.get(number, 0) | events
        self.poll.register(number, self._events[number])

    def timer_wait(self, msec: Optional[float]) -> None:
        """Wakes up after so many ms at the latest; None or a negative number say nothing."""
        if msec is not None and msec >= 0 and (self.timeout < 0 or msec < self.timeout):
            self.timeout = msec

    def timer_wait_until(self, msec: float) -> None:
        """Wakes up at that time of ovs.timeval.msec()."""
        self.timer_wait(max(0, msec - ovs.timeval.msec()))

    def immediate_wake(self) -> None:
        self.timer_wait(0)

    def block(self) -> None:
        try:
            # Rounded up: who is woken before its time would only sleep again.
            events: Events = self.poll.poll(self.timeout if self.timeout < 0 else -int(-self.timeout // 1))
            if vlog.dbg_is_enabled():
                self._log_wakeup(events)
        except OSError as e:
            if e.errno != errno.EINTR:
                vlog.err("poll: %s" % e.strerror)
        finally:
            self._reset()

    def _log_wakeup(self, events: Events) -> None:
        if not events:
            vlog.dbg("%d-ms timeout" % self.timeout)
        names = ((POLLIN, "[POLLIN]"), (POLLOUT, "[POLLOUT]"), (POLLERR, "[POLLERR]"), (POLLHUP, "[POLLHUP]"),
                 (POLLNVAL, "[POLLNVAL]"))
        for fd, found in events:
            vlog.dbg("%s on fd %d" % ("".join(name for bit, name in names if found & bit), fd))
