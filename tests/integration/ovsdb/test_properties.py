# SPDX-License-Identifier: Apache-2.0
"""Random transactions against the model, and what monitors of three kinds make of them."""
import collections
import copy
import os
import uuid

import pytest

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, Phase, given, settings, strategies as st  # noqa: E402

from model import DEFAULTS, Model, row_from_wire  # noqa: E402
from ovsdbtest import Server, create  # noqa: E402

pytestmark = pytest.mark.slow

COUNTS = collections.Counter()
TRANSACTIONS = int(os.environ.get("OES_TRANSACTIONS", "10000"))
BATCH, BATCHES = 10, 5
COLUMNS = {t: list(c) for t, c in DEFAULTS.items()}
ZERO = str(uuid.UUID(int=0))


# ---- Transactions: small numbers, which pick among the rows that are there ----

SMALL = st.integers(0, 11)
OPERATION = st.tuples(st.sampled_from(["root", "root", "child", "single", "needy", "number", "few", "map", "link", "unlink", "weak",
                                       "add", "add few", "add map", "delete", "delete", "delete child", "wait"]), SMALL, SMALL, SMALL)
TRANSACTION = st.lists(OPERATION, min_size=1, max_size=4)


def wire(value):
    if isinstance(value, dict):
        return ["map", [[k, v] for k, v in value.items()]]
    if isinstance(value, set):
        return ["set", [["named-uuid", v] if isinstance(v, Named) else ["uuid", v] if isinstance(v, str) else v
                        for v in sorted(value)]]
    return value


class Named(str):
    """A row that the transaction itself makes."""


class Writer:
    """Turns drawn numbers into operations, for the wire and for the model."""

    def __init__(self, model):
        self.model = model
        self.ops, self.wire = [], []
        self.new = {t: [] for t in COLUMNS}
        self.there = {t: sorted(rows) for t, rows in model.rows.items()}
        self.gone = set()

    def pick(self, table, n):
        """A row, or (None) all that were there before."""
        there = [u for u in self.there[table] if u not in self.gone]
        if n == 11 or not there:
            return there, None
        return [there[n % len(there)]], there[n % len(there)]

    def child(self, n):
        """A reference, sometimes to nothing."""
        rows = self.new["Child"] + self.there["Child"]
        if n == 11 or not rows:
            return str(uuid.UUID(int=n + 1))
        return rows[n % len(rows)]

    def where(self, table, n):
        uuids, one = self.pick(table, n)
        return uuids + (self.new[table] if one is None else []), [] if one is None else [["_uuid", "==", ["uuid", one]]]

    def insert(self, table, row):
        name = Named("new%d" % len(self.wire))
        self.ops.append(("insert", table, name, row))
        self.wire.append({"op": "insert", "table": table, "uuid-name": name, "row": {k: wire(v) for k, v in row.items()}})
        self.new[table].append(name)

    def update(self, table, n, row):
        uuids, where = self.where(table, n)
        self.ops.append(("update", table, uuids, row))
        self.wire.append({"op": "update", "table": table, "where": where, "row": {k: wire(v) for k, v in row.items()}})

    def mutate(self, table, n, column, how, value):
        uuids, where = self.where(table, n)
        self.ops.append(("mutate", table, uuids, column, how, value))
        self.wire.append({"op": "mutate", "table": table, "where": where, "mutations": [[column, how, wire(value)]]})

    def delete(self, table, n):
        uuids, where = self.where(table, n)
        self.ops.append(("delete", table, uuids))
        self.wire.append({"op": "delete", "table": table, "where": where})
        self.gone.update(uuids)
        if not where:
            self.new[table].clear()

    def add(self, kind, a, b, c):
        if kind == "root":
            self.insert("Root", {"name": "n%d" % a, "number": b, "child": {self.child(c)} if b % 2 else set()})
        elif kind == "child":
            self.insert("Child", {"name": "c%d" % a, "next": {self.child(b)} if c < 4 else set()})
            self.mutate("Root", c, "child", "insert", {self.new["Child"][-1]})
        elif kind == "single":
            self.insert("Single", {"x": a}) if b < 5 else self.delete("Single", 11)
        elif kind == "needy":
            self.insert("Needy", {"must": {self.child(a), self.child(b)}}) if c < 8 else self.delete("Needy", a)
        elif kind == "number":
            self.update("Root", a, {"number": b * 10 - 5})
        elif kind == "few":
            self.update("Root", a, {"few": {b, c}})
        elif kind == "map":
            self.update("Root", a, {"map": {"k%d" % (b % 4): str(c), "l": "x"}})
        elif kind in ("link", "unlink"):
            self.mutate("Root", a, "child", "insert" if kind == "link" else "delete", {self.child(b)})
        elif kind == "weak":
            self.mutate("Root", a, "weak", "insert", {self.child(b), self.child(c)})
        elif kind == "add":
            self.mutate("Root", a, "number", "+=", b * 5)
        elif kind == "add few":
            self.mutate("Root", a, "few", "insert" if c % 2 else "delete", {b, c})
        elif kind == "add map":
            self.mutate("Root", a, "map", "insert", {"k%d" % (b % 4): str(c)})
        elif kind == "delete":
            self.delete("Root", a)
        elif kind == "delete child":
            self.delete("Child", a % 11)
        elif kind == "wait":
            uuids, where = self.where("Root", a % 11)
            if where:
                self.ops.append(("wait", b, uuids))
                self.wire.append({"op": "wait", "table": "Root", "timeout": 0, "where": where, "columns": ["number"], "until": "==",
                                  "rows": [{"number": b}]})


def name_rows(writer, results):
    """In the model rows get the identifiers that the server has given them."""
    given = {w["uuid-name"]: r["uuid"][1] for w, r in zip(writer.wire, results) if w["op"] == "insert"}

    def rename(value):
        return {given.get(v, v) if isinstance(v, Named) else v for v in value} if isinstance(value, set) else value

    for rows in writer.model.rows.values():
        for old in [u for u in rows if isinstance(u, Named)]:
            rows[given[old]] = rows.pop(old)
        for row in rows.values():
            for column in row:
                row[column] = rename(row[column])


def transact(conn, model, drawn):
    writer = Writer(model)
    for op in drawn:
        writer.add(*op)
    if not writer.wire:
        COUNTS["empty"] += 1
        return
    results = conn.transact(*writer.wire)
    failed = [r for r in results if r and "error" in r]
    committed = model.run(writer.ops)
    assert committed == (not failed), (writer.wire, results)
    COUNTS[committed] += 1
    if committed:
        name_rows(writer, results)


def select_all(conn):
    results = conn.transact(*({"op": "select", "table": t, "where": [], "columns": ["_uuid"] + c} for t, c in COLUMNS.items()))
    return {t: {r["_uuid"][1]: row_from_wire(t, r) for r in result["rows"]} for t, result in zip(COLUMNS, results)}


# ---- Monitors ----


class Replica:
    """What a client knows that monitors all tables; 'condition' is on Root."""

    def __init__(self, server, method, condition=None):
        self.server, self.method, self.condition = server, method, condition
        self.rows = {t: {} for t in COLUMNS}
        self.last = ZERO
        self.found = 0
        self.conn = None
        self.connect()

    def connect(self):
        self.conn = self.server.connect()
        requests = {t: [{"columns": c}] for t, c in COLUMNS.items()}
        if self.condition:
            requests["Root"][0]["where"] = self.condition
        if self.method == "monitor_cond_since":
            found, self.last, updates = self.conn.call(self.method, "T", "m", requests, self.last)
            self.found += found
            if not found:
                self.rows = {t: {} for t in COLUMNS}
        else:
            self.rows = {t: {} for t in COLUMNS}
            updates = self.conn.call(self.method, "T", "m", requests)
        self.apply(updates)

    def apply(self, updates):
        for table, rows in updates.items():
            for ident, change in rows.items():
                self.apply_row(table, ident, change)

    def apply_row(self, table, ident, change):
        rows = self.rows[table]
        if self.method == "monitor":
            if "new" in change:
                assert ("old" in change) == (ident in rows)
                for column, value in row_from_wire(table, change.get("old", {})).items():
                    assert rows[ident][column] == value
                rows[ident] = row_from_wire(table, change["new"])
            else:
                assert rows.pop(ident) == row_from_wire(table, change["old"])
        elif "delete" in change:
            del rows[ident]
        elif "modify" in change:
            for column, value in row_from_wire(table, change["modify"]).items():
                rows[ident][column] = self.changed(table, column, rows[ident][column], value)
        else:
            assert ident not in rows
            rows[ident] = {**copy.deepcopy(DEFAULTS[table]), **row_from_wire(table, change.get("initial") or change.get("insert") or {})}

    @staticmethod
    def changed(table, column, old, diff):
        if isinstance(old, dict):
            new = dict(old)
            for k, v in diff.items():
                if new.get(k) == v:
                    del new[k]
                else:
                    new[k] = v
            return new
        return old ^ diff if isinstance(old, set) and (table, column) != ("Child", "next") else diff

    def follow(self):
        self.conn.call("echo")
        for note in self.conn.notes:
            if note["method"] == "update3":
                self.last = note["params"][1]
            self.apply(note["params"][-1])
        self.conn.notes.clear()

    def leave(self):
        self.conn.close()


def check_replicas(replicas, rows):
    for r in replicas:
        r.follow()
        wanted = {**rows, "Root": {u: row for u, row in rows["Root"].items() if not r.condition or row["number"] > 20}}
        assert r.rows == wanted, r.method


def run_stream(server, batches):
    conn = server.connect()
    conn.transact(*({"op": "delete", "table": t, "where": []} for t in ("Needy", "Single", "Root")))
    model = Model()
    replicas = [Replica(server, "monitor"), Replica(server, "monitor_cond", [["number", ">", 20]]),
                Replica(server, "monitor_cond_since"), Replica(server, "monitor_cond_since", [["number", ">", 20]])]
    for i, batch in enumerate(batches):
        away = replicas[2 + i % 2] if i % 3 == 1 else None
        if away:
            away.follow()
            away.leave()
        for drawn in batch:
            transact(conn, model, drawn)
        rows = select_all(conn)
        assert rows == model.rows
        if away:
            away.connect()
        check_replicas(replicas, rows)
    found = sum(r.found for r in replicas)
    for r in replicas:
        r.leave()
    conn.close()
    return found


def test_random_transactions(tmp_path):
    """What the model says, three kinds of monitors say, and it is there after a restart."""
    server = Server(tmp_path, create(tmp_path), ["--durability=relaxed"]).start()
    found = []

    @settings(max_examples=max(TRANSACTIONS // (BATCH * BATCHES), 1), deadline=None, database=None, print_blob=True,
              phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))
    @given(st.lists(st.lists(TRANSACTION, min_size=BATCH, max_size=BATCH), min_size=BATCHES, max_size=BATCHES))
    def run(batches):
        found.append(run_stream(server, batches))

    run()
    assert sum(COUNTS.values()) >= TRANSACTIONS
    assert min(COUNTS[True], COUNTS[False]) > TRANSACTIONS // 5, COUNTS
    assert sum(found)  # some came back to a state that the server remembered
    rows = select_all(server.connect())
    server.stop()
    server.start()
    assert select_all(server.connect()) == rows
    server.stop()
