# SPDX-License-Identifier: Apache-2.0
"""The commands of a daemon's control socket."""
import os
from typing import Any, Callable, Dict, List, Optional, Tuple

import ovs.dirs

# Called with the connection, to be answered once with reply() or reply_error(), the arguments, and what was registered.
Callback = Callable[[Any, List[str], Any], Any]


class _UnixctlCommand:
    def __init__(self, usage: str, min_args: int, max_args: Optional[int], callback: Callback, aux: Any) -> None:
        self.usage = usage
        self.min_args = min_args
        self.max_args = max_args
        self.callback = callback
        self.aux = aux


commands: Dict[str, _UnixctlCommand] = {}


def command_register(name: str, usage: str, min_args: int, max_args: Optional[int], callback: Callback,
                     aux: Any) -> None:
    """Makes 'name' a command with so many arguments (None: any number); the first to register a name has it."""
    commands.setdefault(name, _UnixctlCommand(usage, min_args, max_args, callback, aux))


def socket_name_from_target(target: str) -> Tuple[int, str]:
    """(0, name of the socket) or (errno, what is wrong). 'target' is a socket, or the name of a daemon with a pidfile."""
    if target.startswith("/"):
        return 0, target
    import ovs.daemon
    pidfile = "%s/%s.pid" % (ovs.dirs.RUNDIR, target)
    pid = ovs.daemon.read_pidfile(pidfile)
    if pid < 0:
        return -pid, 'cannot read pidfile "%s"' % pidfile
    return 0, os.path.join(ovs.dirs.RUNDIR, "%s.%d.ctl" % (target, pid))


def _help(conn: Any, _argv: List[str], _aux: Any) -> None:
    lines = ["The available commands are:"]
    lines += [("  %-23s %s" % (name, commands[name].usage)).rstrip() for name in sorted(commands)]
    conn.reply("\n".join(lines) + "\n")


command_register("help", "", 0, 0, _help, None)
command_register("list-commands", "", 0, 0, _help, None)
