# SPDX-License-Identifier: Apache-2.0
"""What a replica holds of which tables and columns, and under which conditions."""
import json as _std
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set

import ovs.db.schema
import ovs.json
from ovs.db import custom_index, error


class ConditionState:
    """A table's condition on its way to the server: wanted, sent, confirmed. Each is a list of clauses, or None where it is no
    other than the one before."""

    def __init__(self) -> None:
        self._new: Optional[List[Any]] = None
        self._requested: Optional[List[Any]] = None
        self._acked: Optional[List[Any]] = [True]

    def __iter__(self) -> Iterator[Any]:
        return iter((self._new, self._requested, self._acked))

    @property
    def new(self) -> Optional[List[Any]]:
        return self._new

    @property
    def requested(self) -> Optional[List[Any]]:
        return self._requested

    @property
    def acked(self) -> Optional[List[Any]]:
        return self._acked

    @property
    def latest(self) -> List[Any]:
        """The newest of them."""
        for condition in self:
            if condition is not None:
                return list(condition)
        return [True]

    @staticmethod
    def is_true(condition: Any) -> bool:
        return bool(condition == [True])

    def init(self, cond: List[Any]) -> None:
        """The program wants 'cond' from now on."""
        self._new = cond

    def request(self) -> None:
        """What is wanted has been sent."""
        if self._new is not None:
            self._requested, self._new = self._new, None

    def ack(self) -> None:
        """The server has confirmed what was sent."""
        if self._requested is not None:
            self._acked, self._requested = self._requested, None

    def reset(self) -> bool:
        """The connection is gone: what was sent has to be sent again. True if anything is to be sent."""
        if self._requested is not None and self._new is None:
            self._new = self._requested
        self._requested = None
        return self._new is not None


class IdlColumn:
    """A column of the schema, and whether its changes are told ('alert')."""

    def __init__(self, column: ovs.db.schema.ColumnSchema) -> None:
        self._column = column
        self.alert = True

    def __getattr__(self, attr: str) -> Any:
        if attr == "_column":
            raise AttributeError(attr)
        return getattr(self._column, attr)


class IdlTable:
    """A table of the schema with its rows."""

    def __init__(self, idl: Any, table: ovs.db.schema.TableSchema) -> None:
        assert isinstance(table, ovs.db.schema.TableSchema)
        self._table = table
        # Rows are kept though no column is asked for.
        self.need_table = False
        self.columns: Dict[str, IdlColumn] = {name: IdlColumn(c) for name, c in table.columns.items()}
        self.rows = custom_index.IndexedRows(self)
        self.idl = idl
        self._condition_state = ConditionState()

    def __getattr__(self, attr: str) -> Any:
        if attr == "_table":
            raise AttributeError(attr)
        return getattr(self._table, attr)

    @property
    def condition_state(self) -> ConditionState:
        return self._condition_state

    @property
    def condition(self) -> List[Any]:
        return self._condition_state.latest

    @condition.setter
    def condition(self, condition: Any) -> None:
        if isinstance(condition, ConditionState):
            self._condition_state = condition
            return
        if not isinstance(condition, list):
            raise TypeError("a condition is a list of clauses, not %r" % (condition,))
        if condition != self._condition_state.latest:
            self._condition_state.init(list(condition))

    @classmethod
    def schema_tables(cls, idl: Any, schema: ovs.db.schema.DbSchema) -> Dict[str, "IdlTable"]:
        return {table.name: cls(idl, table) for table in schema.tables.values()}


class SchemaHelper:
    """Says which tables and columns are to be replicated. The schema comes from the file 'location' or is 'schema_json'."""

    def __init__(self, location: Optional[str] = None, schema_json: Any = None) -> None:
        if location and schema_json:
            raise ValueError("both location and schema_json can't be specified; it's ambiguous.")
        if schema_json is None and location is None:
            raise ValueError("either location or schema_json must be specified")
        if location:
            schema_json = ovs.json.from_file(location)
            if isinstance(schema_json, str):
                raise error.Error("%s: %s" % (location, schema_json))
        elif isinstance(schema_json, str):
            schema_json = _std.loads(schema_json)
        self.schema_json = schema_json
        # None: all columns of the table.
        self._columns: Dict[str, Optional[Set[str]]] = {}
        self._readonly: Dict[str, List[str]] = {}
        self._all = False

    def register_columns(self, table: str, columns: Sequence[str], readonly: Sequence[str] = []) -> None:
        """Columns in 'readonly' are not written by this program."""
        wanted = self._columns.setdefault(table, set())
        if wanted is not None:
            wanted.update(columns)
        self._readonly[table] = [c for c in readonly if c in columns]

    def register_table(self, table: str) -> None:
        self._columns[table] = None

    def register_all(self) -> None:
        self._all = True

    def get_idl_schema(self) -> ovs.db.schema.DbSchema:
        """The schema of what was registered. Raises Error if a table or column is not in it."""
        schema = ovs.db.schema.DbSchema.from_json(self.schema_json)
        if not self._all:
            schema.tables = {name: self._part(schema, name) for name in self._columns}
        schema.readonly = self._readonly  # type: ignore[attr-defined]
        return schema

    def _part(self, schema: ovs.db.schema.DbSchema, name: str) -> ovs.db.schema.TableSchema:
        table = schema.tables.get(name)
        if table is None:
            raise error.Error("table %s is not in the schema of %s" % (name, schema.name))
        wanted = self._columns[name]
        if wanted is None:
            return table
        for column in sorted(wanted):
            if column not in table.columns:
                raise error.Error("table %s has no column %s" % (name, column))
        table.columns = {c: s for c, s in table.columns.items() if c in wanted}
        return table
