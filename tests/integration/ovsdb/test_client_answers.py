# SPDX-License-Identifier: Apache-2.0
"""ovsdb-client and a server whose answers are wrong: one error, and never half of a backup that passes for a whole one."""
import json
import socket
import subprocess
import threading

import pytest

import ovsdbtest
from ovsdbtest import program

SCHEMA = {"name": "T", "version": "1.0.0", "tables": {
    t: {"isRoot": True, "columns": {"name": {"type": "string"}}} for t in ("A", "B")}}
ROW = {"_uuid": ["uuid", "01234567-89ab-cdef-0123-456789abcdef"], "name": "x"}


class FakeServer(threading.Thread):
    """Answers each method with what 'answers' has for it, then sends what 'notes' has; one connection."""

    def __init__(self, directory, answers, notes=None):
        super().__init__(daemon=True)
        self.remote = "unix:%s/fake.sock" % directory
        self.answers = dict({"list_dbs": ["T"], "get_schema": SCHEMA}, **answers)
        self.notes = notes or {}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind("%s/fake.sock" % directory)
        self.listener.listen(1)
        self.start()

    def run(self):
        c = ovsdbtest.Connection.__new__(ovsdbtest.Connection)
        c.sock, c.text, c.decoder = self.listener.accept()[0], "", json.JSONDecoder()
        try:
            while True:
                m = c.receive()
                known = m["method"] in self.answers
                c.send({"id": m["id"], "result": self.answers[m["method"]] if known else None,
                        "error": None if known else "unknown method"})
                if m["method"] in self.notes:
                    c.send(self.notes[m["method"]])
        except (ovsdbtest.Closed, OSError):
            self.listener.close()


def ask(directory, answers, *args, notes=None):
    server = FakeServer(directory, answers, notes)
    return subprocess.run([program("ovsdb-client"), args[0], server.remote, *args[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=ovsdbtest.PATIENCE)


@pytest.mark.parametrize("command", ["backup", "dump"])
@pytest.mark.parametrize("results, complaint", [
    ([{"rows": [ROW]}, {"error": "resources exhausted"}], "server returned error reply"),
    ([{"rows": [ROW]}, {"error": "resources exhausted"}, None], "server returned error reply"),
    ([{"rows": [ROW]}], "B: the server did not send the rows"),
    ([{"rows": [ROW]}, None], "B: the server did not send the rows"),
    ([{"rows": [ROW]}, {"rows": 5}], "B: cannot read the rows"),
    ([{"rows": [ROW]}, {"rows": [5]}], "B: cannot read the rows"),
    ([{"rows": [dict(ROW, name=5)]}, {"rows": []}], "A.name: cannot read value"),
    (5, "A: the server did not send the rows"),
], ids=str)
def test_rows_that_do_not_come_are_an_error(tmp_path, command, results, complaint):
    p = ask(tmp_path, {"transact": results}, command)
    assert p.returncode == 1 and complaint in p.stderr and p.stderr.count("\n") == 1, p
    assert command != "backup" or p.stdout == ""


@pytest.mark.parametrize("rows", [[{"name": "x"}], [ROW, ROW]], ids=["none", "the same"])
def test_backup_wants_a_uuid_for_each_row(tmp_path, rows):
    p = ask(tmp_path, {"transact": [{"rows": rows}, {"rows": []}]}, "backup")
    assert (p.returncode, p.stdout, p.stderr) == (1, "", "ovsdb-client: A: the server sent a row without a uuid of its own\n")


def test_backup_holds_what_was_sent(tmp_path):
    p = ask(tmp_path, {"transact": [{"rows": [ROW]}, {"rows": []}]}, "backup")
    assert p.returncode == 0, p.stderr
    assert json.loads(p.stdout.splitlines()[-1])["A"] == {ROW["_uuid"][1]: {"name": "x"}}


@pytest.mark.parametrize("command", ["backup", "dump", "list-tables"])
def test_output_that_cannot_be_written_is_an_error(tmp_path, command):
    server = FakeServer(tmp_path, {"transact": [{"rows": [ROW]}, {"rows": []}]})
    with open("/dev/full", "w") as full:
        p = subprocess.run([program("ovsdb-client"), command, server.remote], stdout=full, stderr=subprocess.PIPE, text=True,
                           timeout=ovsdbtest.PATIENCE)
    assert (p.returncode, p.stderr) == (1, "ovsdb-client: write to stdout failed\n")


@pytest.mark.parametrize("answer", [None, 5, {}, [5], [None], ["T", 5]], ids=str)
@pytest.mark.parametrize("command", ["list-dbs", "list-tables"])
def test_a_list_of_databases_that_is_none(tmp_path, command, answer):
    p = ask(tmp_path, {"list_dbs": answer}, command)
    assert p.returncode == 1 and p.stdout == "" and p.stderr.count("\n") == 1, p
    assert p.stderr.startswith("ovsdb-client: cannot read the list of databases: " if answer is not None else "ovsdb-client: "), p


def test_a_server_without_set_db_change_aware_converts(tmp_path):
    (tmp_path / "s.json").write_text(json.dumps(SCHEMA))
    p = ask(tmp_path, {"convert": {}}, "convert", tmp_path / "s.json")
    assert (p.returncode, p.stdout, p.stderr) == (0, "", "")


@pytest.mark.parametrize("version, params", [
    ("update", [None, {"A": 5}]), ("update", [None, {"A": {ROW["_uuid"][1]: 5}}]), ("update", 5), ("update2", [None, {"A": {"x": 5}}]),
    ("update3", [None, 5, {}])], ids=str)
def test_updates_that_cannot_be_read_end_the_monitor(tmp_path, version, params):
    method, where = {"update": ("monitor", []), "update2": ("monitor_cond", ["[]"]), "update3": ("monitor_cond_since", ["[]"])}[version]
    first = [False, ROW["_uuid"][1], {}] if version == "update3" else {}
    p = ask(tmp_path, {method: first, "set_db_change_aware": {}}, method.replace("_", "-"), "T", *where, "A", "name",
            notes={method: {"method": version, "params": params, "id": None}})
    assert p.returncode == 1 and p.stderr.count("\n") == 1, p
