# SPDX-License-Identifier: Apache-2.0
"""Logging as the daemons do it: levels by module and destination, patterns, -v and --log-file, vlog/set.

Nothing is written before Vlog.init().
"""
import argparse
import datetime
import logging.handlers
import os
import re
import socket
import sys
import threading
import time
import traceback
from typing import Any, Dict, List, Optional, TextIO

import ovs.dirs
import ovs.util

LEVELS = {"dbg": 10, "info": 20, "warn": 30, "err": 40, "emer": 50, "off": 60}
FACILITIES = ["auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp",
              "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]
DESTINATIONS = {"console": "info", "syslog": "info", "file": "info"}
PATTERNS = {"console": "%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m",
            "file": "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m",
            "syslog": "ovs|%05N|%c%T|%p|%m"}
_SYSLOG_PRIORITIES = {"dbg": "debug", "info": "info", "warn": "warning", "err": "err", "emer": "alert"}
_FIELD = re.compile(r"%(-?)(0?)(\d*)([A-Za-z%])(?:\{([^}]*)\})?")


def get_level(level_str: str) -> Optional[int]:
    return LEVELS.get(level_str.lower())


class Vlog:
    """A module's logger. Modules of the same name share their levels."""
    _ready = False
    _start = time.monotonic()
    _count = 0
    _levels: Dict[str, Dict[str, str]] = {}
    _defaults = dict(DESTINATIONS)
    _patterns = dict(PATTERNS)
    _file_name: Optional[str] = None
    _file: Optional[TextIO] = None
    _syslog: Optional[logging.handlers.SysLogHandler] = None
    _facility = "daemon"

    def __init__(self, name: str) -> None:
        self.name = name.lower()
        Vlog._levels.setdefault(self.name, dict(Vlog._defaults))

    def dbg(self, message: Any, **kwargs: Any) -> None:
        self._log("dbg", message, **kwargs)

    def info(self, message: Any, **kwargs: Any) -> None:
        self._log("info", message, **kwargs)

    def warn(self, message: Any, **kwargs: Any) -> None:
        self._log("warn", message, **kwargs)

    def err(self, message: Any, **kwargs: Any) -> None:
        self._log("err", message, **kwargs)

    def emer(self, message: Any, **kwargs: Any) -> None:
        self._log("emer", message, **kwargs)

    def exception(self, message: Any) -> None:
        """Also logs the exception that is being handled."""
        self._log("err", message, exc_info=True)

    def dbg_is_enabled(self) -> bool:
        return self._is_enabled("dbg")

    def info_is_enabled(self) -> bool:
        return self._is_enabled("info")

    def warn_is_enabled(self) -> bool:
        return self._is_enabled("warn")

    def err_is_enabled(self) -> bool:
        return self._is_enabled("err")

    def emer_is_enabled(self) -> bool:
        return self._is_enabled("emer")

    def _is_enabled(self, level: str) -> bool:
        return any(LEVELS[level] >= LEVELS[wanted] for wanted in Vlog._levels[self.name].values())

    def _log(self, level: str, message: Any, exc_info: bool = False, **_: Any) -> None:
        if not Vlog._ready:
            return
        number = Vlog._count
        Vlog._count += 1
        for destination, wanted in Vlog._levels[self.name].items():
            if LEVELS[level] < LEVELS[wanted]:
                continue
            text = self._format(str(message), destination, level, number)
            if exc_info:
                text += "\n" + traceback.format_exc().rstrip("\n")
            Vlog._write(destination, level, text)

    @staticmethod
    def _write(destination: str, level: str, text: str) -> None:
        # What cannot be logged cannot be told either.
        try:
            if destination == "console":
                sys.stderr.write(text + "\n")
            elif destination == "file" and Vlog._file is not None:
                Vlog._file.write(text + "\n")
                Vlog._file.flush()
            elif destination == "syslog" and Vlog._syslog is not None:
                record = logging.LogRecord("ovs", LEVELS[level], "", 0, text, None, None)
                record.levelname = _SYSLOG_PRIORITIES[level]
                Vlog._syslog.emit(record)
        except (OSError, ValueError):
            pass

    def _format(self, message: str, destination: str, level: str, number: int) -> str:
        def field(match: Any) -> str:
            left, zero, width, letter, argument = match.groups()
            value = self._field(letter, argument, message, level, number)
            if value is None:
                return str(match.group(0))
            if letter != "D" and argument is not None:
                value += "{%s}" % argument
            size = int(width or 0)
            return value.ljust(size) if left else value.rjust(size, "0" if zero else " ")

        return _FIELD.sub(field, Vlog._patterns[destination])

    def _field(self, letter: str, argument: Optional[str], message: str, level: str, number: int) -> Optional[str]:
        if letter == "D":
            now = datetime.datetime.now(datetime.timezone.utc)
            text = now.strftime(argument if argument is not None else "%Y-%m-%d %H:%M:%S.###")
            return text.replace("###", "%03d" % (now.microsecond // 1000))
        thread = threading.current_thread()
        main = thread is threading.main_thread()
        return {"A": ovs.util.PROGRAM_NAME, "B": Vlog._facility, "c": self.name, "E": socket.gethostname(),
                "m": message, "N": str(number), "n": "\n", "p": level.upper(), "P": str(os.getpid()),
                "r": str(int((time.monotonic() - Vlog._start) * 1000)), "t": "main" if main else thread.name,
                "T": "" if main else "(%s)" % thread.name, "%": "%"}.get(letter)

    @staticmethod
    def init(log_file: Optional[str] = None) -> None:
        """From now on messages are written; also to 'log_file', if there is one. Gives the daemon the vlog commands."""
        if Vlog._ready:
            return
        Vlog._ready = True
        if log_file:
            Vlog._file_name = log_file
            Vlog._open_file()
        Vlog.add_syslog_handler()
        import ovs.unixctl
        ovs.unixctl.command_register("vlog/reopen", "", 0, 0, Vlog._unixctl_reopen, None)
        ovs.unixctl.command_register("vlog/close", "", 0, 0, Vlog._unixctl_close, None)
        ovs.unixctl.command_register("vlog/set", "spec", 1, sys.maxsize, Vlog._unixctl_set, None)
        ovs.unixctl.command_register("vlog/list", "", 0, 0, Vlog._unixctl_list, None)

    @staticmethod
    def _open_file() -> Optional[str]:
        """Returns what is wrong, which is also logged."""
        assert Vlog._file_name is not None
        try:
            Vlog._file = open(Vlog._file_name, "a", encoding="utf-8", errors="backslashreplace")
        except OSError as e:
            text = "failed to open %s for logging: %s" % (Vlog._file_name, e.strerror)
            Vlog("vlog").err(text)
            return text
        return None

    @staticmethod
    def add_syslog_handler(facility: Optional[str] = None) -> None:
        Vlog._facility = facility or Vlog._facility
        if Vlog._syslog is not None:
            Vlog._syslog.close()
            Vlog._syslog = None
        try:
            Vlog._syslog = logging.handlers.SysLogHandler(
                "/dev/log", logging.handlers.SysLogHandler.facility_names[Vlog._facility])
        except OSError:
            pass  # there is no system log here

    @staticmethod
    def set_level(module: str, destination: str, level: str) -> None:
        """'module' and 'destination' may be "any"; what is not known is left alone."""
        level = level.lower()
        if level not in LEVELS:
            return
        places = [d for d in DESTINATIONS if destination.lower() in ("any", d)]
        if module.lower() == "any":
            # Also of modules that are still to come.
            Vlog._defaults.update((d, level) for d in places)
        for name, levels in Vlog._levels.items():
            if module.lower() in ("any", name):
                levels.update((d, level) for d in places)

    @staticmethod
    def set_levels_from_string(s: str) -> Optional[str]:
        """As an argument of -v or vlog/set. Returns what is wrong with it, or None."""
        kind, _, rest = s.partition(":")
        if kind.lower() == "pattern":
            destination, colon, pattern = rest.partition(":")
            if destination.lower() not in (*DESTINATIONS, "any") or not colon:
                return 'no destination "%s"' % destination
            Vlog.set_pattern(destination, pattern)
            return None
        if kind.lower() == "facility":
            if rest.lower() not in FACILITIES:
                return "Facility %s is invalid" % rest
            Vlog.add_syslog_handler(rest.lower())
            return None
        found: Dict[str, str] = {}
        for word in re.split("[ :]", s):
            what = word.lower()
            name = ("level" if what in LEVELS else "destination" if what in DESTINATIONS else
                    "module" if what in Vlog._levels else "" if what == "any" else None)
            if name is None:
                return 'no destination, level, or module "%s"' % what
            if name and name in found:
                return "cannot specify multiple %ss" % name
            if name:
                found[name] = what
        Vlog.set_level(found.get("module", "any"), found.get("destination", "any"), found.get("level", "dbg"))
        return None

    @staticmethod
    def set_pattern(destination: str, pattern: str) -> None:
        for d in DESTINATIONS:
            if destination.lower() in ("any", d):
                Vlog._patterns[d] = pattern

    @staticmethod
    def get_levels() -> str:
        lines = ["                 console    syslog    file", "                 -------    ------    ------"]
        for name, levels in sorted(Vlog._levels.items()):
            lines.append("%-16s  %4s       %4s       %4s"
                         % (name, levels["console"], levels["syslog"], levels["file"]))
        return "\n".join(lines) + "\n"

    @staticmethod
    def close_log_file() -> None:
        if Vlog._file is not None:
            Vlog._file.close()
            Vlog._file = None

    @staticmethod
    def reopen_log_file() -> Optional[str]:
        """After its rotation. Returns what is wrong, or None."""
        if Vlog._file_name is None:
            return "Logging to file not configured"
        Vlog.close_log_file()
        return Vlog._open_file()

    @staticmethod
    def _unixctl_reopen(conn: Any, _argv: List[str], _aux: Any) -> None:
        error = Vlog.reopen_log_file()
        if error:
            conn.reply_error(error)
        else:
            conn.reply(None)

    @staticmethod
    def _unixctl_close(conn: Any, _argv: List[str], _aux: Any) -> None:
        Vlog.close_log_file()
        conn.reply(None)

    @staticmethod
    def _unixctl_set(conn: Any, argv: List[str], _aux: Any) -> None:
        for word in argv:
            error = Vlog.set_levels_from_string(word)
            if error:
                conn.reply_error(error)
                return
        conn.reply(None)

    @staticmethod
    def _unixctl_list(conn: Any, _argv: List[str], _aux: Any) -> None:
        conn.reply(Vlog.get_levels())


def add_args(parser: argparse.ArgumentParser) -> None:
    """Adds -v and --log-file; handle_args() then does what they say."""
    group = parser.add_argument_group(title="Logging Options")
    group.add_argument("--log-file", nargs="?", const="default",
                       help="Enables logging to a file. Default log file is used if LOG_FILE is omitted.")
    group.add_argument("-v", "--verbose", nargs="*",
                       help="Sets logging levels, see ovs-vswitchd(8). Defaults to dbg.")


def handle_args(args: argparse.Namespace) -> None:
    """Ends the program with a message if an option is wrong."""
    log_file = args.log_file
    if log_file == "default":
        log_file = os.path.join(ovs.dirs.LOGDIR, ovs.util.PROGRAM_NAME + ".log")
    for word in (args.verbose if args.verbose else ["dbg"]) if args.verbose is not None else []:
        error = Vlog.set_levels_from_string(word)
        if error:
            ovs.util.ovs_fatal(0, 'processing "%s": %s' % (word, error))
    Vlog.init(log_file)
