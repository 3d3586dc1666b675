# SPDX-License-Identifier: Apache-2.0
"""Types, values, schemas and JSON of the Python package side by side with Debian's, on random cases of a fixed seed."""
import json
import os
import pathlib

import re
import shutil
import subprocess
import sys

import pytest

from ovsdbtest import PATIENCE, SOURCE
from pythontest import DEBIAN, environment, ours

SEED = os.environ.get("OES_SEED", "1")
CASES = 3000
SCRIPT = pathlib.Path(__file__).with_name("python_cases.py")
# Of a member that is not allowed, where there are several, Debian's names one by chance.
ONE_OF_SEVERAL = re.compile(r"Member '\w+' and (\d+)")


def cases(kind, env, *args):
    p = subprocess.run([sys.executable, str(SCRIPT), kind, SEED, str(CASES), *args], env=env, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=10 * PATIENCE)
    assert p.returncode == 0, p.stderr
    return [json.loads(ONE_OF_SEVERAL.sub(r"Member and \1", line)) for line in p.stdout.splitlines()]


@pytest.fixture
def debian():
    if not (DEBIAN / "ovs").exists():
        pytest.skip("python3-openvswitch is missing")
    return {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["data", "schema"])
def test_values_and_their_errors_are_those_of_debian(debian, kind):
    print("seed", SEED)
    mine, theirs = cases(kind, environment()), cases(kind, debian)
    assert len(mine) == len(theirs) == CASES
    crashes = 0
    for i, (a, b) in enumerate(zip(mine, theirs)):
        assert a[0] != "crash", "case %d of seed %s" % (i, SEED)
        crashes += b[0] == "crash"
        assert b[0] == "crash" or a == b, "case %d of seed %s" % (i, SEED)
    assert crashes < CASES // 20  # of Debian's


@pytest.mark.peer
@pytest.mark.parametrize("ours_is", ["as it is", "pure"])
def test_json_and_its_errors_are_those_of_debian(debian, ours_is):
    """Debian's has two parsers that differ in a few things: what one of them says is right."""
    print("seed", SEED)
    mine = cases("json", environment(), *([ours_is] if ours_is == "pure" else []))
    theirs, pure = cases("json", debian), cases("json", debian, "pure")
    for i, a in enumerate(mine):
        # Lone surrogates: Debian's parsers crash or let them through; ours refuses them.
        if isinstance(a[1], str) and a[1].endswith("malformed escaped surrogate pair"):
            continue
        assert a[2], a
        assert a[1] in (theirs[i][1], pure[i][1]) and (a in (theirs[i], pure[i]) or isinstance(a[1], str)), \
            "case %d of seed %s: %r, Debian's %r, %r" % (i, SEED, a, theirs[i], pure[i])


def test_both_parsers_of_ours_agree():
    """The one in C, where it was built, and the one in Python."""
    assert cases("json", environment()) == cases("json", environment(), "pure")


@ours
def test_a_value_in_pieces_of_any_size_is_the_same():
    import ovs.json
    values = {"a": [1, 2.5, "\u00e9\U0001f600\\\"\n", True, None, {"b": {}}], "c": "x" * 300}
    text = ovs.json.to_string(values) + ovs.json.to_string([values])
    for parser_class in {ovs.json.Parser, ovs.json.PythonParser}:
        for size in range(1, 40):
            found, parser, rest = [], parser_class(), text
            while rest:
                n = parser.feed(rest[:size])
                rest = rest[n:]
                if parser.is_done():
                    found.append(parser.finish())
                    parser = parser_class()
            assert found == [values, [values]]


@ours
def test_nesting_has_a_limit():
    import ovs.json
    for parser_class in {ovs.json.Parser, ovs.json.PythonParser}:
        for depth, fails in ((1000, False), (1001, True), (100000, True)):
            parser = parser_class(check_trailer=True)
            parser.feed("[" * depth + "]" * depth)
            assert isinstance(parser.finish(), str) == fails


@pytest.mark.slow
def test_the_parser_in_c_keeps_within_its_memory(tmp_path):
    """Built with ASan and UBSan it says the same as the one in Python."""
    asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if not os.path.isabs(asan):
        pytest.skip("there is no libasan")
    flags = "-fsanitize=address,undefined -fno-sanitize-recover -g -O1"
    shutil.copytree(SOURCE / "ovsdb/python", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    p = subprocess.run([sys.executable, "setup.py", "-q", "build", "--build-lib=%s" % (tmp_path / "lib")], cwd=tmp_path / "src",
                       env=dict(os.environ, CFLAGS=flags, LDFLAGS=flags), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    assert p.returncode == 0 and list((tmp_path / "lib/ovs").glob("_json*.so")), p.stdout
    env = dict(os.environ, PYTHONPATH=str(tmp_path / "lib"))
    assert cases("json", dict(env, LD_PRELOAD=asan, ASAN_OPTIONS="detect_leaks=0")) == cases("json", env, "pure")


RECONNECT = r'''
import random, sys
import ovs.reconnect, ovs.vlog
said = []
for level in ("info", "warn", "dbg", "err"):
    setattr(ovs.vlog.Vlog, level, (lambda level: lambda self, text, **kw: said.append((level, text)))(level))
for case in range(int(sys.argv[2])):
    r = random.Random("%s %d" % (sys.argv[1], case))
    now = 1000
    fsm = ovs.reconnect.Reconnect(now)
    fsm.set_name("x")
    if r.random() < .3:
        fsm.set_backoff_free_tries(r.choice([1, 2, 3]))
    if r.random() < .3:
        fsm.set_max_tries(r.choice([1, 2, 5]))
    if r.random() < .3:
        fsm.set_probe_interval(r.choice([0, 1000, 20000]))
    if r.random() < .3:
        fsm.set_backoff(r.choice([1000, 2000]), r.choice([2000, 16000]))
    fsm.set_quiet(r.random() < .2)
    fsm.enable(now)
    for step in range(60):
        # What an owner may do: follow the answers, with events of chance between.
        action = fsm.run(now)
        if action == "connect":
            fsm.connecting(now)
        elif action == "disconnect":
            fsm.connect_failed(now, 110) if not fsm.is_connected() and fsm.get_stats(now).state == "CONNECTING" \
                else fsm.disconnected(now, 0)
        elif action is None:
            event = r.randrange(7)
            state = fsm.get_stats(now).state
            if event == 0 and state == "CONNECTING":
                fsm.connected(now)
            elif event == 1 and state == "CONNECTING":
                fsm.connect_failed(now, r.choice([0, 111]))
            elif event == 2 and fsm.is_connected():
                fsm.activity(now)
            elif event == 3 and fsm.is_connected():
                fsm.disconnected(now, r.choice([0, -1, 104]))
            elif event == 4 and r.random() < .2:
                fsm.force_reconnect(now)
            elif event == 5:
                fsm.receive_attempted(now)
            else:
                now += r.choice([1, 100, 1000, int(fsm.timeout(now) or 0)])
        s = fsm.get_stats(now)
        print(case, step, now, action, fsm.timeout(now), fsm.is_connected(), sorted(vars(s).items()), said)
        said.clear()
'''


@pytest.mark.peer
def test_reconnecting_goes_as_debians(debian):
    def lines(env):
        p = subprocess.run([sys.executable, "-c", RECONNECT, SEED, "200"], env=env, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=10 * PATIENCE)
        assert p.returncode == 0, p.stderr
        return p.stdout.splitlines()
    for a, b in zip(lines(environment()), lines(debian)):
        assert a == b
