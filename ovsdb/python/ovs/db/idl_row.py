# SPDX-License-Identifier: Apache-2.0
"""A row of the replica, as the program sees it: columns are attributes."""
import functools
import uuid as _uuid
from typing import Any, Dict, Optional

import ovs.db.data as data
import ovs.vlog
from ovs.db import error

vlog = ovs.vlog.Vlog("idl")


class _Mutations:
    """Parts of a set or map that a transaction changes: 'remove' maps keys to values, or to None where any value goes."""

    def __init__(self) -> None:
        self.insert: Dict[data.Atom, Optional[data.Atom]] = {}
        self.remove: Dict[data.Atom, Optional[data.Atom]] = {}

    def apply(self, values: Dict[data.Atom, Any]) -> Dict[data.Atom, Any]:
        result = {k: v for k, v in values.items()
                  if k not in self.remove or (self.remove[k] is not None and self.remove[k] != v)}
        result.update(self.insert)
        return result


def _row_to_uuid(value: Any) -> Any:
    """The UUID of a row; anything else as it is."""
    return value.uuid if isinstance(value, Row) else value


@functools.total_ordering
class Row:
    """Attributes are read at any time and written within a transaction (Idl.txn). What a transaction has written is seen at
    once; if it fails it is gone again.

    '_data' has what the database holds (None of a row that is being inserted; of the row of old values that notify() gets,
    only the columns that changed). '_changes' has what the transaction has written, None if it has deleted the row.
    """
    uuid: _uuid.UUID
    _idl: Any
    _table: Any
    _data: Optional[Dict[str, data.Datum]]
    _changes: Optional[Dict[str, data.Datum]]
    _mutations: Dict[str, _Mutations]
    _prereqs: Dict[str, None]
    _persist_uuid: bool

    def __init__(self, idl: Any, table: Any, uuid: _uuid.UUID, data: Optional[Dict[str, "data.Datum"]],
                 persist_uuid: bool = False) -> None:
        self.__dict__.update(uuid=uuid, _idl=idl, _table=table, _data=data, _changes={}, _mutations={}, _prereqs={},
                             _persist_uuid=persist_uuid)

    @classmethod
    def from_json(cls, idl: Any, table: Any, uuid: _uuid.UUID, row_json: Dict[str, Any]) -> "Row":
        """A row outside of the replica with just these columns; what does not parse is logged and left out."""
        values = {}
        for name, json in row_json.items():
            if name not in table.columns:
                vlog.warn("unknown column %s in table %s" % (name, table.name))
                continue
            try:
                values[name] = data.Datum.from_json(table.columns[name].type, json)
            except error.Error as e:
                vlog.warn("error parsing column %s in table %s: %s" % (name, table.name, e))
        return cls(idl, table, uuid, values)

    def __lt__(self, other: object) -> Any:
        return self.uuid < other.uuid if isinstance(other, Row) else NotImplemented

    def __eq__(self, other: object) -> Any:
        return self.uuid == other.uuid if isinstance(other, Row) else NotImplemented

    def __hash__(self) -> int:
        return int(self.uuid) & 0x7fffffffffffffff

    def __str__(self) -> str:
        return "%s(%s)" % (self._table.name, ", ".join(
            "%s=%s" % (name, getattr(self, name)) for name in sorted(self._table.columns) if hasattr(self, name)))

    def _uuid_to_row(self, atom: Any, base: Any) -> Any:
        """A reference becomes the row, or None if there is no such row here: also where the table is not replicated."""
        if base.ref_table is None:
            return atom
        table = self._idl.tables.get(base.ref_table.name)
        return None if table is None else table.rows.get(atom)

    def _current(self, name: str) -> Optional[data.Datum]:
        """What the program sees in a column; None if there is nothing to see."""
        column = self._table.columns.get(name)
        if column is None or self._changes is None:
            return None
        datum = self._changes.get(name)
        if datum is None and self._data is not None:
            datum = self._data.get(name)
        mutations = self._mutations.get(name)
        if mutations is not None:
            datum = data.Datum(column.type, mutations.apply(datum.values if datum is not None else {}))
        return datum

    def __getattr__(self, column_name: str) -> Any:
        if column_name.startswith("__") or "_changes" not in self.__dict__:
            raise AttributeError(column_name)
        assert self._changes is not None, "the row has been deleted by this transaction"
        datum = self._current(column_name)
        if datum is None:
            raise AttributeError("%s instance has no attribute '%s'" % (type(self).__name__, column_name))
        return datum.to_python(self._uuid_to_row)

    def _writable(self, column_name: str) -> Any:
        """The column, or None if this program must not write it."""
        assert self._idl.txn is not None, "a row is written within a transaction"
        assert self._changes is not None, "the row has been deleted by this transaction"
        column = self._table.columns.get(column_name)
        if column is None:
            raise KeyError(column_name)
        if column_name in self._idl.readonly.get(self._table.name, ()):
            vlog.warn("attempting to write to readonly column %s" % column_name)
            return None
        if self._data is not None and not column.mutable:
            vlog.warn("attempting to write to column %s of table %s, which does not change"
                      % (column_name, self._table.name))
            return None
        return column

    def __setattr__(self, column_name: str, value: Any) -> None:
        column = self._writable(column_name)
        if column is None:
            return
        try:
            datum = data.Datum.from_python(column.type, value, _row_to_uuid)
        except error.Error as e:
            vlog.err("attempting to write bad value to column %s (%s)" % (column_name, e))
            return
        # What was set in parts before is overwritten.
        self._mutations.pop(column_name, None)
        self._idl.txn._write(self, column_name, datum)

    def addvalue(self, column_name: str, key: Any) -> None:
        """Adds 'key' to a set; others may add theirs at the same time."""
        self._mutate(column_name, key, None, insert=True)

    def delvalue(self, column_name: str, key: Any) -> None:
        self._mutate(column_name, key, None, insert=False)

    def setkey(self, column_name: str, key: Any, value: Any) -> None:
        """Sets one key of a map."""
        self._mutate(column_name, key, value, insert=True, is_map=True)

    def delkey(self, column_name: str, key: Any, value: Any = None) -> None:
        """Deletes one key of a map, only if it has 'value' if that is given."""
        self._mutate(column_name, key, value, insert=False, is_map=True)

    def _mutate(self, column_name: str, key: Any, value: Any, insert: bool, is_map: bool = False) -> None:
        column = self._writable(column_name)
        if column is None:
            return
        if column.type.is_map() != is_map or column.type.n_max == 1:
            vlog.err("attempting to change a part of column %s, which is no %s"
                     % (column_name, "map" if is_map else "set"))
            return
        try:
            key_atom = data.Atom.from_python(column.type.key, _row_to_uuid(key))
            value_atom = None
            if value is not None:
                value_atom = data.Atom.from_python(column.type.value, _row_to_uuid(value))
        except error.Error as e:
            vlog.err("attempting to write bad value to column %s (%s)" % (column_name, e))
            return
        txn = self._idl.txn
        written = self._changes.get(column_name) if self._changes is not None else None
        if written is not None or self._data is None:
            # The transaction writes the column as a whole: this is a part of that.
            parts = _Mutations()
            (parts.insert if insert else parts.remove)[key_atom] = value_atom
            old = written.values if written is not None else {}
            txn._write(self, column_name, data.Datum(column.type, parts.apply(old)))
            return
        parts = self._mutations.setdefault(column_name, _Mutations())
        if insert:
            # A key of a map that is there would keep its value: it goes first.
            if is_map:
                parts.remove[key_atom] = None
            else:
                parts.remove.pop(key_atom, None)
            parts.insert[key_atom] = value_atom
        elif value_atom is None or parts.insert.get(key_atom, value_atom) == value_atom:
            parts.insert.pop(key_atom, None)
            if parts.remove.get(key_atom, value_atom) is not None or value_atom is None:
                parts.remove[key_atom] = value_atom
        txn._touch(self)

    def verify(self, column_name: str) -> None:
        """The transaction fails with TRY_AGAIN if the column has changed when it is run."""
        assert self._idl.txn is not None, "a row is verified within a transaction"
        assert self._changes is not None, "the row has been deleted by this transaction"
        # Nobody else can have changed a row that is only being inserted.
        if self._data is not None and column_name in self._table.columns:
            self._prereqs[column_name] = None
            self._idl.txn._touch(self)

    def delete(self) -> None:
        assert self._idl.txn is not None, "a row is deleted within a transaction"
        assert self._changes is not None, "the row has been deleted by this transaction already"
        txn = self._idl.txn
        txn._forget_or_touch(self)
        self.__dict__["_changes"] = None
        self._mutations.clear()
        del self._table.rows[self.uuid]

    def fetch(self, column_name: str) -> None:
        """The transaction reads the column, whether it is replicated or not; afterwards the row has it."""
        self._idl.txn._fetch(self, column_name)

    def increment(self, column_name: str) -> None:
        """The transaction, if it changes anything else, adds 1 to the column; see Transaction.get_increment_new_value()."""
        self._idl.txn._increment(self, column_name)


