# SPDX-License-Identifier: Apache-2.0
"""What a newcomer runs first."""
import os
import subprocess

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def quickstart(*args):
    return subprocess.run([f"{TOP}/quickstart", *args], capture_output=True, text=True, timeout=600)


def test_help_says_what_it_does():
    r = quickstart("--help")
    assert r.returncode == 0 and "simulated NIC" in r.stdout and "--keep" in r.stdout


def test_unknown_option_is_an_error():
    r = quickstart("--nonsense")
    assert r.returncode == 1 and "--nonsense" in r.stderr


@pytest.mark.slow
@pytest.mark.xdist_group("polls")
def test_quickstart_shows_flows_in_hardware_and_leaves_nothing_behind():
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("needs root and /dev/net/tun")
    if os.path.realpath(os.environ.get("OES_BUILDDIR", "")) != f"{TOP}/_build/plain":
        pytest.skip("quickstart builds in _build/plain of its own tree")
    r = quickstart()
    assert r.returncode == 0, r.stdout + r.stderr
    for text in ("offloaded:yes, dp:dpdk", "0% packet loss", "needs-software", "Offload_Verdict", "--keep"):
        assert text in r.stdout, text
    assert not os.path.exists(f"{TOP}/_build/quickstart")
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert "oes-vf0" not in names
