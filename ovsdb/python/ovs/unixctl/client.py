# SPDX-License-Identifier: Apache-2.0
"""Asks a daemon on its control socket."""
import os
from typing import List, Optional, Tuple

import ovs.dirs
import ovs.jsonrpc
import ovs.stream
import ovs.util
import ovs.vlog

vlog = ovs.vlog.Vlog("unixctl_client")


class UnixctlClient:
    def __init__(self, conn: ovs.jsonrpc.Connection) -> None:
        self._conn = conn

    def transact(self, command: str, argv: List[str]) -> Tuple[int, Optional[str], Optional[str]]:
        """(0, None, answer), (0, the daemon's error, None) or (errno, None, None)."""
        request = ovs.jsonrpc.Message.create_request(command, list(argv))
        error, reply = self._conn.transact_block(request)
        if error or reply is None:
            vlog.warn("error communicating with %s: %s" % (self._conn.name, ovs.util.ovs_retval_to_string(error)))
            return error, None, None
        if reply.error is not None:
            return 0, str(reply.error), None
        return 0, None, str(reply.result)

    def close(self) -> None:
        self._conn.close()

    @staticmethod
    def create(path: str) -> Tuple[int, Optional["UnixctlClient"]]:
        unix = "unix:%s" % ovs.util.abs_file_name(ovs.dirs.RUNDIR, path)
        error, stream = ovs.stream.Stream.open_block(ovs.stream.Stream.open(unix))
        if error or stream is None:
            vlog.warn("failed to connect to %s (%s)" % (path, os.strerror(error)))
            return error, None
        return 0, UnixctlClient(ovs.jsonrpc.Connection(stream))


