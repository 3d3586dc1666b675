# SPDX-License-Identifier: Apache-2.0
"""Runs the same command line with a tool of ours and with Debian's, and compares what they say and how they end."""
import json
import os
import re
import subprocess

import ovsdbtest

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Lines of the peer's log that tell of its connection, of the signal that ended it, and of an error that it tells of twice.
CHATTER = r"TIME\|\d+\|(reconnect|fatal_signal|ovsdb_idl\|WARN\|transaction error:)"


def run(tool, args, cwd, stdin=subprocess.DEVNULL, env=None):
    # Where the programs look for what is named without a directory.
    dirs = {v: str(cwd) for v in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_PKGDATADIR")}
    p = subprocess.run([tool, *args], cwd=cwd, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       env=dict(os.environ, OVS_SYSLOG_METHOD="null", **dirs, **(env or {})), timeout=ovsdbtest.PATIENCE)
    return p.returncode, p.stdout, p.stderr


def mask(text, cwd):
    text = text.replace(str(cwd), "DIR")
    text = re.sub(UUID, "UUID", text)
    text = re.sub(r"((compacted|converted) by ovsdb-tool) [0-9.]+", r"\1", text)
    text = re.sub(r"\b[0-9a-f]{8}\b", "UUID8", text)
    return re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME", text)


def unordered(text):
    """Rows and columns come in the order of a hash table with the peer: sorted, and without the blanks that align them."""
    try:
        document = json.loads(text)
        if isinstance(document, dict) and "data" in document:
            document["data"].sort(key=str)
        return json.dumps(document, sort_keys=True)
    except ValueError:
        return sorted(re.sub(r" +", " ", re.sub(r"--+", "--", line)).rstrip() for line in text.splitlines())


def masked(result, cwd, ordered=False):
    status, out, err = result
    out, err = mask(out, cwd), mask(err, cwd)
    err = "".join(line for line in err.splitlines(True) if not re.match(CHATTER, line))
    err = re.sub(r"(?m)^\S*/([a-z-]+): ", r"\1: ", err)
    return status, out if ordered else unordered(out), err
