# SPDX-License-Identifier: Apache-2.0
"""What ovsdbtest.TEST_SCHEMA's database does with a transaction, in a few lines: the model that the server is compared to.

Columns that take part: Root.name, number, few, map, child, weak; Child.name, next; Single.x; Needy.must.
"""
import copy

DEFAULTS = {"Root": {"name": "", "number": 0, "few": set(), "map": {}, "child": set(), "weak": set()},
            "Child": {"name": "", "next": set()}, "Single": {"x": 0}, "Needy": {"must": set()}}
STRONG = {("Root", "child"), ("Child", "next")}
WEAK = {("Root", "weak"), ("Needy", "must")}


class Refused(Exception):
    """The transaction changes nothing."""


def check_value(table, column, value):
    if (table, column) == ("Root", "number") and not 0 <= value <= 100:
        raise Refused("number")
    if (table, column) == ("Root", "few") and len(value) > 3:
        raise Refused("few")
    if (table, column) == ("Needy", "must") and not value:
        raise Refused("must")


class Model:
    def __init__(self):
        self.rows = {t: {} for t in DEFAULTS}

    def run(self, ops):
        """Each op is ("insert", table, uuid, row), ("update", table, uuids, row), ("mutate", table, uuids, column, how, value),
        ("delete", table, uuids) or ("wait", number, uuids). True when it was committed."""
        before = copy.deepcopy(self.rows)
        try:
            for op in ops:
                getattr(self, op[0])(*op[1:])
            self.commit()
        except Refused:
            self.rows = before
            return False
        return True

    def insert(self, table, uuid, row):
        new = copy.deepcopy(DEFAULTS[table])
        new.update(copy.deepcopy(row))
        for column, value in new.items():
            check_value(table, column, value)
        self.rows[table][uuid] = new

    def update(self, table, uuids, row):
        for column, value in row.items():
            check_value(table, column, value)
        for uuid in uuids:
            for column, value in row.items():
                self.rows[table][uuid][column] = copy.deepcopy(value)

    def mutate(self, table, uuids, column, how, value):
        for uuid in uuids:
            row = self.rows[table][uuid]
            if how == "+=":
                row[column] += value
            elif how == "delete":
                for v in value:
                    row[column].pop(v, None) if isinstance(row[column], dict) else row[column].discard(v)
            elif isinstance(value, dict):
                row[column] = {**value, **row[column]}
            else:
                row[column] = row[column] | value
            check_value(table, column, row[column])

    def delete(self, table, uuids):
        for uuid in uuids:
            del self.rows[table][uuid]

    def wait(self, number, uuids):
        if any(self.rows["Root"][u]["number"] != number for u in uuids):
            raise Refused("timed out")

    def refs(self, kinds):
        for table, column in kinds:
            for row in self.rows[table].values():
                yield from row[column]

    def collect_garbage(self):
        while True:
            kept = set(self.refs(STRONG))
            gone = set(self.rows["Child"]) - kept
            for uuid in gone:
                del self.rows["Child"][uuid]
            if not gone:
                return

    def commit(self):
        if set(self.refs(STRONG)) - set(self.rows["Child"]):
            raise Refused("reference")
        self.collect_garbage()
        for table, column in WEAK:
            for row in self.rows[table].values():
                row[column] = row[column] & set(self.rows["Child"])
                check_value(table, column, row[column])
        names = [r["name"] for r in self.rows["Root"].values()]
        if len(set(names)) < len(names) or len(self.rows["Single"]) > 1:
            raise Refused("index or limit")


def from_wire(value):
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "uuid":
        return {content}
    if kind == "map":
        return dict(content)
    return {v[1] if isinstance(v, list) else v for v in content}


def row_from_wire(table, row):
    """Columns that take part, as the model has them."""
    out = {}
    for column in row:
        if column not in DEFAULTS[table]:
            continue
        value = from_wire(row[column])
        if isinstance(DEFAULTS[table][column], set) and not isinstance(value, set):
            value = {value}
        out[column] = value
    return out
