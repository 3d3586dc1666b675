# SPDX-License-Identifier: Apache-2.0
"""Becoming a daemon: --detach, --pidfile, --monitor, as the daemons in C have them.

daemonize_start() goes to the background; the parent ends when the child calls daemonize_complete() or dies.
"""
import argparse
import errno
import fcntl
import os
import signal
import sys
import time
from typing import Any, NoReturn, Optional, Tuple

import ovs.dirs
import ovs.fatal_signal
import ovs.process
import ovs.socket_util
import ovs.timeval
import ovs.util
import ovs.vlog

vlog = ovs.vlog.Vlog("daemon")

# With this status a daemon asks its monitor for another one.
RESTART_EXIT_CODE = 5

_detach = False
_chdir = True
_monitor = False
_overwrite_pidfile = False
_pidfile: Optional[str] = None
_locked: Optional[Tuple[int, int]] = None  # device and inode of the pidfile that this process holds
_ready_fd: Optional[int] = None


def make_pidfile_name(name: Optional[str]) -> str:
    """The full name of a pidfile; None or "": the usual one."""
    return ovs.util.abs_file_name(ovs.dirs.RUNDIR, name or "%s.pid" % ovs.util.PROGRAM_NAME)


def set_pidfile(name: Optional[str]) -> None:
    global _pidfile
    _pidfile = make_pidfile_name(name)


def ignore_existing_pidfile() -> None:
    """Starts even if another process holds the pidfile."""
    global _overwrite_pidfile
    _overwrite_pidfile = True


def set_detach() -> None:
    global _detach
    _detach = True


def get_detach() -> bool:
    return _detach


def set_no_chdir() -> None:
    global _chdir
    _chdir = False


def set_monitor() -> None:
    """Starts the daemon again when it dies of an error."""
    global _monitor
    _monitor = True


def read_pidfile(pidfile: str) -> int:
    """The process that holds the pidfile, or -errno: -ESRCH if none does."""
    try:
        with open(pidfile, "r+", encoding="ascii") as file:
            status = os.fstat(file.fileno())
            # To close a file that this process has locked would unlock it.
            if _locked == (status.st_dev, status.st_ino):
                return os.getpid()
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return -errno.ESRCH
            except OSError as e:
                if e.errno not in (errno.EACCES, errno.EAGAIN):
                    return -ovs.socket_util.get_exception_errno(e)
            return int(file.readline())
    except OSError as e:
        return -ovs.socket_util.get_exception_errno(e)
    except ValueError:
        vlog.warn("%s: does not begin with a process id" % pidfile)
        return -errno.EINVAL


def _fatal(msg: str) -> NoReturn:
    vlog.err(msg)
    sys.stderr.write("%s: %s\n" % (ovs.util.PROGRAM_NAME, msg))
    sys.exit(1)


def _check_already_running() -> None:
    assert _pidfile is not None
    pid = read_pidfile(_pidfile)
    if pid > 0:
        _fatal("%s: already running as pid %d, aborting" % (_pidfile, pid))
    if -pid not in (errno.ENOENT, errno.ESRCH, errno.EINVAL):
        _fatal("%s: pidfile check failed (%s), aborting" % (_pidfile, os.strerror(-pid)))


def _make_pidfile() -> None:
    """Written under another name and moved: whoever reads it sees a whole one, locked."""
    global _locked
    assert _pidfile is not None
    temporary = "%s.tmp%d" % (_pidfile, os.getpid())
    ovs.fatal_signal.add_file_to_unlink(temporary)
    try:
        file = open(temporary, "w", encoding="ascii")
        file.write("%d\n" % os.getpid())
        file.flush()
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _overwrite_pidfile:
            _check_already_running()
        os.rename(temporary, _pidfile)
    except OSError as e:
        _fatal("%s: could not create the pidfile (%s)" % (_pidfile, e.strerror))
    ovs.fatal_signal.remove_file_to_unlink(temporary)
    # Kept open, and so locked, until the end.
    ovs.fatal_signal.add_file_to_close_and_unlink(_pidfile, file)
    status = os.fstat(file.fileno())
    _locked = status.st_dev, status.st_ino


def _fork_and_wait() -> int:
    """As fork(); the parent returns when the child is ready, and ends with its status if it dies before."""
    global _ready_fd
    reader, writer = os.pipe()
    pid = ovs.fatal_signal.fork()
    if pid == 0:
        os.close(reader)
        _ready_fd = writer
        return 0
    os.close(writer)
    ready = os.read(reader, 1)
    os.close(reader)
    if ready:
        return pid
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        # It has told why.
        sys.exit(os.WEXITSTATUS(status))
    _fatal("fork child died before it was ready (%s)" % ovs.process.status_msg(status))


def _tell_ready(fd: Optional[int]) -> None:
    if fd is not None:
        error, _ = ovs.socket_util.write_fully(fd, b"\0")
        if error:
            _fatal("could not tell the parent (%s)" % os.strerror(error))
        os.close(fd)


def _wants_restart(status: int) -> bool:
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status) == RESTART_EXIT_CODE
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) in (
        signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGPIPE, signal.SIGSEGV,
        signal.SIGXCPU, signal.SIGXFSZ)


def _watch(pid: int) -> None:
    """The monitor: returns in a new daemon, or never."""
    status_text = "healthy"
    started = ovs.timeval.monotonic()
    while True:
        vlog.dbg("%s: %s" % (ovs.util.PROGRAM_NAME, status_text))
        _, status = os.waitpid(pid, 0)
        text = "%d died, %s" % (pid, ovs.process.status_msg(status))
        if not _wants_restart(status):
            vlog.info("%s, exiting" % text)
            sys.exit(0 if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else 1)
        vlog.err("%s, restarting" % text)
        # One that dies at once is not started without end.
        time.sleep(max(0.0, 1.0 - (ovs.timeval.monotonic() - started)))
        started = ovs.timeval.monotonic()
        pid = _fork_and_wait()
        if pid == 0:
            return


def daemonize_start() -> None:
    """Call it before opening anything that a fork would spoil, and daemonize_complete() when ready to serve."""
    parent_fd: Optional[int] = None
    if _detach:
        if _fork_and_wait() > 0:
            os._exit(0)
        os.setsid()
        parent_fd = _ready_fd
    if _monitor:
        pid = _fork_and_wait()
        if pid > 0:
            _tell_ready(parent_fd)
            _leave_terminal()
            _watch(pid)
        elif parent_fd is not None:
            os.close(parent_fd)
    if _pidfile:
        _make_pidfile()


def daemonize_complete() -> None:
    global _ready_fd
    _tell_ready(_ready_fd)
    _ready_fd = None
    if _detach:
        _leave_terminal()


def _leave_terminal() -> None:
    if _chdir:
        os.chdir("/")
    null = ovs.socket_util.get_null_fd()
    if null >= 0:
        sys.stdout.flush()
        sys.stderr.flush()
        for fd in (0, 1, 2):
            os.dup2(null, fd)


def daemonize() -> None:
    daemonize_start()
    daemonize_complete()


def usage() -> None:
    sys.stdout.write("""
Daemon options:
   --detach                run in background as daemon
   --no-chdir              do not chdir to '/'
   --pidfile[=FILE]        create pidfile (default: %s)
   --overwrite-pidfile     with --pidfile, start even if already running
""" % make_pidfile_name(None))


def add_args(parser: argparse.ArgumentParser) -> None:
    """Adds the options of daemons; handle_args() then does what they say."""
    pidfile = make_pidfile_name(None)
    group = parser.add_argument_group(title="Daemon Options")
    group.add_argument("--detach", action="store_true", help="Run in background as a daemon.")
    group.add_argument("--no-chdir", action="store_true", help="Do not chdir to '/'.")
    group.add_argument("--monitor", action="store_true", help="Monitor %s process." % ovs.util.PROGRAM_NAME)
    group.add_argument("--pidfile", nargs="?", const=pidfile, help="Create pidfile (default %s)." % pidfile)
    group.add_argument("--overwrite-pidfile", action="store_true",
                       help="With --pidfile, start even if already running.")


def handle_args(args: argparse.Namespace) -> None:
    wanted: Any = ((args.detach, set_detach), (args.no_chdir, set_no_chdir),
                   (args.overwrite_pidfile, ignore_existing_pidfile), (args.monitor, set_monitor))
    for is_set, function in wanted:
        if is_set:
            function()
    if args.pidfile:
        set_pidfile(args.pidfile)
