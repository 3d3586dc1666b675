# SPDX-License-Identifier: Apache-2.0
"""ovs-pki: the same files at the same places as Debian's program makes, and certificates that the other one accepts."""
import os
import pathlib
import re
import subprocess

import pytest

OURS = str(pathlib.Path(os.environ.get("OES_BUILDDIR", ".")) / "utilities" / "ovs-pki")
PEER = pathlib.Path(os.environ.get("OES_PEER_DIR", "/nonexistent")) / "usr/bin/ovs-pki"
BITS = "2048"


def pki(tool, directory, *args, answer="", pki_dir=None):
    return subprocess.run([str(tool), "-d", pki_dir or directory / "pki", "-l", directory / "log", "-B", BITS, *args], cwd=directory,
                          input=answer, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


def files(directory):
    return {(str(p.relative_to(directory)), oct(p.stat().st_mode & 0o077)) for p in directory.rglob("*") if "newcerts/" not in str(p)}


@pytest.fixture
def made(tmp_path):
    p = pki(OURS, tmp_path, "init")
    assert p.returncode == 0, p.stderr
    p = pki(OURS, tmp_path, "req+sign", "sw")
    assert p.returncode == 0, p.stderr
    return tmp_path


def subject(path, *what):
    return subprocess.run(["openssl", "x509", "-noout", *(what or ["-subject"]), "-in", path], stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def test_a_certificate_is_good_for_its_type_only(made):
    assert pki(OURS, made, "verify", "sw", "switch").stdout == "sw-cert.pem: OK\n"
    assert pki(OURS, made, "verify", "sw", "controller").returncode != 0
    assert pki(OURS, made, "-u", "req+sign", "ct", "controller").returncode == 0
    assert pki(OURS, made, "verify", "ct", "controller").stdout == "ct-cert.pem: OK\n"
    assert subject(made / "ct-cert.pem").rstrip().endswith("CN = ct")
    assert re.search(r"CN = sw id:\S", subject(made / "sw-cert.pem"))
    assert oct((made / "sw-privkey.pem").stat().st_mode & 0o777) == "0o600"


def test_sign_asks_for_the_fingerprint(made):
    printed = pki(OURS, made, "req", "x").stdout
    assert re.fullmatch(r"x-req.pem\t.+\n\tfingerprint [0-9a-f]{40}\n", printed)
    refused = pki(OURS, made, "sign", "x", answer="no\n")
    assert refused.returncode == 1 and refused.stdout.startswith(printed) and not (made / "x-cert.pem").exists()
    assert pki(OURS, made, "sign", "x", answer="yes\n").returncode == 0
    assert pki(OURS, made, "verify", "x").returncode == 0


def test_nothing_is_overwritten_without_force(made):
    for args in (["init"], ["req", "sw"], ["-b", "sign", "sw"], ["self-sign", "sw"]):
        p = pki(OURS, made, *args)
        assert p.returncode == 1 and "already exists and --force not" in p.stderr, args
    assert pki(OURS, made, "-f", "self-sign", "sw").returncode == 0
    assert subject(made / "sw-cert.pem", "-subject", "-issuer").count("CN = sw") == 2


def test_forced_init_takes_away_only_what_it_makes(made):
    (made / "pki/mine").write_text("precious")
    before = (made / "pki/switchca/cacert.pem").read_text()
    p = pki(OURS, made, "-f", "init")
    assert p.returncode == 0, p.stderr
    assert (made / "pki/mine").read_text() == "precious" and (made / "pki/switchca/cacert.pem").read_text() != before
    assert pki(OURS, made, "verify", "sw").returncode != 0


def test_a_key_in_the_place_of_another_is_readable_by_its_owner_only(made):
    (made / "sw-privkey.pem").chmod(0o644)
    assert pki(OURS, made, "-f", "req", "sw").returncode == 0
    assert oct((made / "sw-privkey.pem").stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("args, complaint", [
    ([], "missing command name"), (["nosuch"], "nosuch command unknown"), (["req"], "req must have exactly one argument"),
    (["verify", "x", "host"], "type argument must be"), (["verify", "nosuch"], "does not exist"), (["-B", "12", "init"], "1024"),
    (["-k", "ecdsa", "init"], "neither rsa nor dsa"), (["fingerprint", "nosuch"], "nosuch does not exist"),
    (["-l", "nosuch/log", "req", "x"], "nosuch/log: cannot write")])
def test_what_is_wrong_is_one_line(made, args, complaint):
    p = pki(OURS, made, *args)
    assert p.returncode == 1 and complaint in p.stderr and p.stderr.count("\n") == 1, p.stderr


@pytest.mark.peer
@pytest.mark.skipif(not PEER.exists(), reason="needs Debian's programs (OES_PEER_DIR)")
def test_both_programs_work_on_the_same_infrastructure(made, tmp_path):
    assert pki(PEER, made, "init", pki_dir=made / "theirs").returncode == 0
    assert pki(PEER, made, "req+sign", "a", pki_dir=made / "theirs").returncode == 0
    assert {n for n, _ in files(made / "pki")} == {n for n, _ in files(made / "theirs")}
    assert pki(OURS, made, "verify", "a", pki_dir=made / "theirs").stdout == "a-cert.pem: OK\n"
    assert pki(PEER, made, "verify", "sw").stdout == "sw-cert.pem: OK\n"
    assert pki(OURS, made, "req+sign", "b", pki_dir=made / "theirs").returncode == 0
    assert pki(PEER, made, "verify", "b", pki_dir=made / "theirs").stdout == "b-cert.pem: OK\n"
    assert pki(PEER, made, "req+sign", "c").returncode == 0
    assert pki(OURS, made, "verify", "c").stdout == "c-cert.pem: OK\n"
    ours, theirs = (pki(tool, made, "fingerprint", "a-cert.pem").stdout for tool in (OURS, PEER))
    assert ours == theirs
