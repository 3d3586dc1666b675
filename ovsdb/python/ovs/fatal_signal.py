# SPDX-License-Identifier: Apache-2.0
"""What has to be done before a signal ends the program: files to unlink, functions to call."""
import atexit
import os
import signal
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

import ovs.vlog

vlog = ovs.vlog.Vlog("fatal-signal")

Hook = Callable[[], Any]
_FATAL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)

# (function, called in a child instead of it, also at a regular exit)
_hooks: List[Tuple[Hook, Optional[Hook], bool]] = []
_files: Dict[str, Any] = {}
_ready = False
_called = False


def add_hook(hook: Hook, cancel: Optional[Hook], run_at_exit: bool) -> None:
    """'hook' is called before a signal ends the program, and at a regular exit if 'run_at_exit'. In a child that fork()
    makes it is forgotten; 'cancel' is called there."""
    _init()
    _hooks.append((hook, cancel, run_at_exit))


def add_file_to_unlink(file: str) -> None:
    add_file_to_close_and_unlink(file)


def add_file_to_close_and_unlink(file: str, fd: Any = None) -> None:
    """The file is unlinked when the program ends; 'fd' is kept open until then."""
    if not _files:
        if not any(hook is _unlink_files for hook, _, _ in _hooks):
            add_hook(_unlink_files, _files.clear, True)
    _files[file] = fd


def remove_file_to_unlink(file: str) -> None:
    _files.pop(file, None)


def unlink_file_now(file: str) -> int:
    """Unlinks it and forgets it. Returns 0 or an errno."""
    _files.pop(file, None)
    return _unlink(file)


def fork() -> int:
    """As os.fork(); what the parent has to clean up is not the child's."""
    pid = os.fork()
    if pid == 0:
        forgotten = list(_hooks)
        _hooks.clear()
        for _, cancel, _ in forgotten:
            if cancel is not None:
                cancel()
    return pid


def signal_alarm(timeout: Optional[int]) -> None:
    """Ends the program by SIGALRM after 'timeout' seconds, if there are any."""
    if not timeout:
        return
    _init()
    signal.alarm(int(timeout))


def _init() -> None:
    global _ready
    if _ready:
        return
    _ready = True
    atexit.register(_at_exit)
    for signr in _FATAL:
        # Only the main thread may; and whoever handles or ignores a signal already has decided about it.
        try:
            if signal.getsignal(signr) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(signr, _on_signal)
        except ValueError:
            vlog.dbg("not in the main thread: signals are not watched")
            return


def _on_signal(signr: int, _: Any) -> None:
    _call_hooks(signr)
    signal.signal(signr, signal.SIG_DFL)
    os.kill(os.getpid(), signr)


def _at_exit() -> None:
    _call_hooks(0)


def _call_hooks(signr: int) -> None:
    global _called
    if _called:
        return
    _called = True
    for hook, _, run_at_exit in list(_hooks):
        if signr or run_at_exit:
            hook()


def _unlink_files() -> None:
    for file, fd in list(_files.items()):
        if fd is not None:
            fd.close()
        _unlink(file)
    _files.clear()


def _unlink(file: str) -> int:
    try:
        os.unlink(file)
    except OSError as e:
        vlog.dbg("%s: could not unlink (%s)" % (file, e.strerror))
        return e.errno or 0
    return 0


if sys.platform == "win32":
    raise ImportError("ovs.fatal_signal does not run on Windows")
