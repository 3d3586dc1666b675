# SPDX-License-Identifier: Apache-2.0
"""Indexes over the rows of a table that a program asks for: sorted by some columns, kept up to date as rows come and go."""
import bisect
import collections
import functools
import operator
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Union

OVSDB_INDEX_ASC = "ASC"
OVSDB_INDEX_DESC = "DESC"


class ColumnIndex(NamedTuple):
    """'key' takes what is compared out of a row."""
    column: str
    direction: str
    key: Callable[[Any], Any]


def IndexEntryClass(table: Any) -> Any:
    """A named tuple of the row's UUID and its columns, all None unless given. Like a row it knows its table."""
    fields = ["uuid"] + [str(name) for name in table.columns]
    cls = collections.namedtuple(table.name, fields, defaults=[None] * len(fields))  # type: ignore[misc]
    setattr(cls, "_table", table)
    return cls


class _Sorted:
    """Entries in the order of a comparison; those that compare equal, in that of their UUIDs."""

    def __init__(self, compare: Callable[[Any, Any], int]) -> None:
        self._key = functools.cmp_to_key(compare)
        self._keys: List[Any] = []
        self._entries: List[Any] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries)

    def __repr__(self) -> str:
        return repr(self._entries)

    def add(self, entry: Any) -> None:
        key = self._key(entry)
        at = bisect.bisect_right(self._keys, key)
        self._keys.insert(at, key)
        self._entries.insert(at, entry)

    def remove(self, entry: Any) -> None:
        at = bisect.bisect_left(self._keys, self._key(entry))
        while at < len(self._entries) and self._entries[at].uuid != entry.uuid:
            at += 1
        if at == len(self._entries):
            raise ValueError("no such entry in the index")
        del self._keys[at], self._entries[at]

    def clear(self) -> None:
        self._keys.clear()
        self._entries.clear()

    def irange(self, start: Any = None, end: Any = None) -> Iterator[Any]:
        """From 'start' to 'end', both included; None: from the first, to the last."""
        low = 0 if start is None else bisect.bisect_left(self._keys, self._key(start))
        high = len(self._keys) if end is None else bisect.bisect_right(self._keys, self._key(end))
        # A copy: the index may change while its rows are looked at.
        return iter(self._entries[low:high])


class MultiColumnIndex:
    """Sorted by its columns in turn; 'values' are the entries, iterating gives the rows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.columns: List[ColumnIndex] = []
        self.values = _Sorted(self._cmp)
        self.rows: Any = None  # the IndexedRows that this belongs to
        # What was entered for each row: it is found again though the row has changed.
        self._entered: Dict[Any, Any] = {}

    def __repr__(self) -> str:
        return "%s(name=%s)" % (type(self).__name__, self.name)

    def __str__(self) -> str:
        return "%r columns=%s values=%s" % (self, self.columns, list(self.values))

    def add_column(self, column: str, direction: str = OVSDB_INDEX_ASC,
                   key: Optional[Callable[[Any], Any]] = None) -> None:
        self.add_columns(ColumnIndex(column, direction, key or operator.attrgetter(column)))

    def add_columns(self, *columns: Union[ColumnIndex, str]) -> None:
        for column in columns:
            if isinstance(column, str):
                column = ColumnIndex(column, OVSDB_INDEX_ASC, operator.attrgetter(column))
            self.columns.append(column)
        # Rows that are there already are sorted anew.
        self.clear()
        if self.rows is not None:
            for row in self.rows.values():
                self.add(row)

    def _cmp(self, a: Any, b: Any) -> int:
        for column in self.columns:
            x, y = column.key(a), column.key(b)
            if x != y:
                return (-1 if x < y else 1) * (1 if column.direction == OVSDB_INDEX_ASC else -1)
        if a.uuid is None or b.uuid is None or a.uuid == b.uuid:
            # A bound without a UUID stands for all rows that compare equal.
            return 0
        return -1 if a.uuid < b.uuid else 1

    def index_entry_from_row(self, row: Any) -> Any:
        values = {c.column: getattr(row, c.column) for c in self.columns}
        return row._table.rows.IndexEntry(uuid=row.uuid, **values)

    def add(self, row: Any) -> None:
        if not all(hasattr(row, c.column) for c in self.columns):
            return  # one that is being inserted
        entry = self.index_entry_from_row(row)
        self._entered[row.uuid] = entry
        self.values.add(entry)

    def remove(self, row: Any) -> None:
        entry = self._entered.pop(row.uuid, None)
        if entry is not None:
            self.values.remove(entry)

    def clear(self) -> None:
        self.values.clear()
        self._entered.clear()

    def irange(self, start: Any = None, end: Any = None) -> Iterator[Any]:
        """The rows from 'start' to 'end', entries that rows.IndexEntry(column=value) makes, both included."""
        return (self.rows[entry.uuid] for entry in self.values.irange(start, end) if entry.uuid in self.rows)

    def __iter__(self) -> Iterator[Any]:
        return self.irange()


class IndexedRows(collections.UserDict):  # type: ignore[type-arg]
    """The rows of a table by UUID, with its indexes by name."""

    def __init__(self, table: Any, *args: Any, **kwargs: Any) -> None:
        self.table = table
        self.indexes: Dict[str, MultiColumnIndex] = {}
        self.IndexEntry = IndexEntryClass(table)
        super().__init__(*args, **kwargs)

    def index_create(self, name: str) -> MultiColumnIndex:
        """A new index, to be given its columns."""
        if name in self.indexes:
            raise ValueError("An index named %s already exists" % name)
        index = self.indexes[name] = MultiColumnIndex(name)
        index.rows = self
        return index

    def __setitem__(self, key: Any, item: Any) -> None:
        old = self.data.get(key)
        self.data[key] = item
        for index in self.indexes.values():
            if old is not None:
                index.remove(old)
            index.add(item)

    def __delitem__(self, key: Any) -> None:
        row = self.data.pop(key)
        for index in self.indexes.values():
            index.remove(row)

    def __missing__(self, key: Any) -> Any:
        raise KeyError(key)
