# SPDX-License-Identifier: Apache-2.0
"""Role-based access control with clients that show certificates, beside Debian's server."""
import copy
import json
import pathlib
import sys

import pytest
from ovsdbtest import Server, create, peer, program, run
from test_access import schema
from test_monitor import insert, update

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from pki import Pki, listening_port  # noqa: E402


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


def with_roles(rows):
    """Root, that its owner "client" may change in part, and rows of it."""
    return [{"op": "insert", "table": "Listener", "uuid-name": "l", "row": {"target": "pssl:0:127.0.0.1", "role": "r"}},
            {"op": "insert", "table": "Listeners", "row": {"listeners": ["named-uuid", "l"]}},
            {"op": "insert", "table": "RBAC_Permission", "uuid-name": "p", "row": {
                "table": "Root", "insert_delete": True, "authorization": ["set", ["name", "map:owner"]],
                "update": ["set", ["few", "map:mine"]]}},
            {"op": "insert", "table": "RBAC_Role", "row": {"name": "r", "permissions": ["map", [["Root", ["named-uuid", "p"]]]]}},
            *rows]


# (operation, error or None). Each is tried by itself, and has the same answer on Debian's server.
OWN, THEIRS = [["name", "==", "a"]], [["name", "==", "b"]]
CASES = [
    (insert(name="x"), "permission error"),
    (insert(name="x", map=["map", [["owner", "client"]]]), None),
    (insert(name="x", map=["map", [["owner", "client"]]], big=1), None),
    ({"op": "insert", "table": "Child", "row": {}}, "permission error"),
    ({"op": "update", "table": "Root", "where": OWN, "row": {"few": 1}}, None),
    ({"op": "update", "table": "Root", "where": OWN, "row": {"big": 1}}, "permission error"),
    ({"op": "update", "table": "Root", "where": OWN, "row": {"few": 1, "big": 1}}, "permission error"),
    (update("client", few=2), None),
    ({"op": "update", "table": "Root", "where": THEIRS, "row": {"few": 1}}, "permission error"),
    ({"op": "update", "table": "Root", "where": [], "row": {"few": 1}}, "permission error"),
    ({"op": "mutate", "table": "Root", "where": OWN, "mutations": [["few", "insert", 7]]}, None),
    ({"op": "mutate", "table": "Root", "where": OWN, "mutations": [["big", "+=", 7]]}, "permission error"),
    ({"op": "mutate", "table": "Root", "where": THEIRS, "mutations": [["few", "insert", 7]]}, "permission error"),
    ({"op": "mutate", "table": "Root", "where": OWN, "mutations": [["map", "insert", ["map", [["other", "1"]]]]]}, "permission error"),
    ({"op": "delete", "table": "Root", "where": THEIRS}, "permission error"),
    ({"op": "delete", "table": "Root", "where": OWN}, None),
    ({"op": "delete", "table": "Single", "where": []}, "permission error"),
    ({"op": "update", "table": "Single", "where": [], "row": {"x": 1}}, "permission error"),
    ({"op": "update", "table": "Root", "where": [["name", "==", "nobody"]], "row": {"big": 1}}, None),
    ({"op": "update", "table": "Root", "where": OWN, "row": {"map": ["map", [["owner", "client"], ["mine", "1"], ["more", "2"]]]}}, "permission error"),
    ({"op": "update", "table": "Root", "where": OWN, "row": {"map": ["map", [["owner", "client"], ["kept", "1"]]]}}, "permission error"),
    ({"op": "mutate", "table": "Root", "where": OWN, "mutations": [["map", "delete", ["map", [["owner", "client"]]]]]}, "permission error"),
    ({"op": "mutate", "table": "Root", "where": [["name", "==", "nobody"]], "mutations": [["big", "+=", 7]]}, None),
    ({"op": "select", "table": "RBAC_Role", "where": [], "columns": ["name"]}, None)]


# What its page says of COLUMN:KEY in "update"; Debian's 3.1 refuses these.
KEYS = [
    ({"op": "mutate", "table": "Root", "where": OWN, "mutations": [["map", "insert", ["map", [["mine", "1"]]]]]}, None),
    ({"op": "update", "table": "Root", "where": OWN, "row": {"map": ["map", [["owner", "client"], ["mine", "1"]]]}}, None),
    ({"op": "mutate", "table": "Root", "where": OWN, "mutations": [["map", "delete", ["set", ["mine"]]]]}, None)]


def answers(tmp_path, pki, who, cases=CASES):
    binary = None if who == "ours" else peer("ovsdb-server")
    rows = [insert(name="a", map=["map", [["owner", "client"]]]), insert(name="b"), insert(name="client")]
    s = Server(tmp_path, create(tmp_path, schema()), [*pki.options("server"), "--remote=db:T,Listeners,listeners"], binary=binary).start()
    try:
        s.connect().transact(*with_roles(rows))
        remote = f"ssl:127.0.0.1:{listening_port(tmp_path / 'server.err')}"
        out = []
        for op, _ in cases:
            # Nothing that one case does is there for the next: it is aborted, when it comes so far.
            r = run(program("ovsdb-client"), *pki.options("client"), "transact", remote,
                    json.dumps(["T", copy.deepcopy(op), {"op": "abort"}])).stdout
            first = json.loads(r)[0]
            out.append((first or {}).get("error"))
        return out
    finally:
        s.stop()


def test_a_relay_asks_its_source_for_what_a_role_may(tmp_path, pki):
    args = [*pki.options("server"), "--remote=db:T,Listeners,listeners"]
    (tmp_path / "relay").mkdir()
    source = Server(tmp_path, create(tmp_path, schema())).start()
    relay = Server(tmp_path / "relay", f"relay:T:unix:{source.socket}", args).start()
    try:
        source.connect().transact(*with_roles([insert(name="b")]))
        remote = f"ssl:127.0.0.1:{listening_port(tmp_path / 'relay' / 'server.err')}"

        def ask(*ops):
            return json.loads(run(program("ovsdb-client"), *pki.options("client"), "transact", remote, json.dumps(["T", *ops])).stdout)

        own = insert(name="a", map=["map", [["owner", "client"]]])
        assert ask(own, {"op": "update", "table": "Root", "where": THEIRS, "row": {"few": 1}})[1]["error"] == "permission error"
        assert ask(own, {"op": "update", "table": "Root", "where": OWN, "row": {"few": 1}})[1] == {"count": 1}
        assert [(r["name"], r["few"]) for r in source.connect().transact(
            {"op": "select", "table": "Root", "where": OWN, "columns": ["name", "few"]})[0]["rows"]] == [("a", 1)]
    finally:
        relay.stop()
        source.stop()


def test_who_owns_a_row_may_change_what_its_role_may(tmp_path, pki):
    cases = CASES + KEYS
    assert answers(tmp_path, pki, "ours", cases) == [error for _, error in cases]


@pytest.mark.skipif(not peer("ovsdb-server"), reason="Debian's openvswitch-common is not there (OES_PEER_DIR)")
def test_debians_server_answers_the_same(tmp_path, pki):
    for who in ("ours", "debian"):
        (tmp_path / who).mkdir()
    ours, theirs = (answers(tmp_path / who, pki, who) for who in ("ours", "debian"))
    assert {json.dumps(op): a for (op, _), a in zip(CASES, ours)} == {json.dumps(op): a for (op, _), a in zip(CASES, theirs)}
