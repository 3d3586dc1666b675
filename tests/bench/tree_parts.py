# SPDX-License-Identifier: Apache-2.0
"""Parts that measure the tree: sizes of programs, lines of code, time of a build from nothing."""
import os
import subprocess
import tempfile
import time

import lab

PROGRAMS = ("ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovsdb-tool")
BUILD_LIMIT = 400


def stripped_size(path):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["strip", "-o", out.name, path], check=True)
        return os.path.getsize(out.name)


def libraries_size(path):
    """Of the libraries that only come with the peer's programs; its own code lives in libopenvswitch, linked in or not."""
    out = subprocess.run(["ldd", path], capture_output=True, text=True).stdout
    return sum(os.path.getsize(word) for word in out.split() if "openvswitch" in word and os.path.exists(word))


def sizes(ours, peer, result):
    for name in PROGRAMS:
        for suite, key in ((ours, "ours"), (peer, "peer")):
            if suite:
                path = suite.programs[name]
                result[f"{name} {key}"] = stripped_size(path) + libraries_size(path)


def lines_of_code():
    """{top-level folder: lines of files that git knows}."""
    files = subprocess.run(["git", "-C", lab.TOP, "ls-files", "-z"], capture_output=True, check=True).stdout
    lines = {}
    for name in files.decode().split("\0"):
        path = os.path.join(lab.TOP, name)
        if name and os.path.isfile(path):
            folder = name.split("/")[0] if "/" in name else "(top)"
            with open(path, "rb") as f:
                lines[folder] = lines.get(folder, 0) + f.read().count(b"\n")
    return lines


def configure_args(build):
    """As the build under test was configured, ccache apart."""
    out = subprocess.run([f"{build}/config.status", "--config"], capture_output=True, text=True, check=True).stdout
    import shlex
    return [a.replace("ccache ", "") for a in shlex.split(out)]


def build_time(build, path, result):
    if not os.access(f"{lab.TOP}/configure", os.X_OK):
        raise lab.Skip("the tree has no configure (autoreconf -i)")
    os.makedirs(path)
    env = dict(os.environ, CCACHE_DISABLE="1")
    lab.both_cores()
    try:
        for what, cmd in (("configure", [f"{lab.TOP}/configure", "-q", *configure_args(build)]), ("make", ["make", "-s", "-j2"])):
            begin = time.monotonic()
            r = subprocess.run(cmd, cwd=path, env=env, capture_output=True, text=True, timeout=BUILD_LIMIT)
            if r.returncode:
                raise lab.Skip(f"{what}: {r.stderr.strip()[-300:]}")
            result[what] = time.monotonic() - begin
    finally:
        os.sched_setaffinity(0, {lab.OTHER_CORE})
