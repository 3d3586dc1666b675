# SPDX-License-Identifier: Apache-2.0
"""Schemas: databases of tables of columns."""
import re
import sys
from typing import Any, Dict, List, Mapping, Tuple

import ovs.db.parser
from ovs.db import error
from ovs.db.types import BaseType, Type

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+$")


def _check_id(name: str, json: Any) -> None:
    if name.startswith("_"):
        raise error.Error('names beginning with "_" are reserved', json)
    if not ovs.db.parser.is_identifier(name):
        raise error.Error("name must be a valid id", json)


class ColumnSchema:
    def __init__(self, name: str, mutable: bool, persistent: bool, type_: Type,
                 extensions: Mapping[str, Any] = {}) -> None:
        self.name = name
        self.mutable = mutable
        self.persistent = persistent
        self.type = type_
        self.unique = False
        self.extensions = extensions

    @staticmethod
    def from_json(json: Any, name: str, allow_extensions: bool = False) -> "ColumnSchema":
        parser = ovs.db.parser.Parser(json, "schema for column %s" % name)
        mutable = parser.get_optional("mutable", [bool], True)
        ephemeral = parser.get_optional("ephemeral", [bool], False)
        extensions = parser.get_optional("extensions", [dict], {}) if allow_extensions else {}
        type_ = Type.from_json(parser.get("type", [dict, str]))
        parser.finish()
        return ColumnSchema(name, mutable, not ephemeral, type_, extensions)

    def to_json(self) -> Dict[str, Any]:
        json: Dict[str, Any] = {"type": self.type.to_json()}
        if not self.mutable:
            json["mutable"] = False
        if not self.persistent:
            json["ephemeral"] = True
        if self.extensions:
            json["extensions"] = self.extensions
        return json


def column_set_from_json(json: Any, columns: Mapping[str, Any]) -> Tuple[Any, ...]:
    """The columns that the array names; all of them if there is none."""
    if json is None:
        return tuple(columns)
    if not isinstance(json, list) or not all(isinstance(name, str) for name in json) or len(set(json)) < len(json):
        raise error.Error("array of distinct column names expected", json)
    for name in json:
        if name not in columns:
            raise error.Error("%s is not a valid column name" % name, json)
    return tuple(columns[name] for name in json)


class TableSchema:
    """'indexes' is a list of tuples of the columns that are unique together."""

    def __init__(self, name: str, columns: Dict[str, ColumnSchema], mutable: bool = True,
                 max_rows: int = sys.maxsize, is_root: bool = True,
                 indexes: List[Tuple[ColumnSchema, ...]] = [], extensions: Mapping[str, Any] = {}) -> None:
        self.name = name
        self.columns = columns
        self.mutable = mutable
        self.max_rows = max_rows
        self.is_root = is_root
        self.indexes = indexes
        self.extensions = extensions

    @staticmethod
    def from_json(json: Any, name: str, allow_extensions: bool = False) -> "TableSchema":
        parser = ovs.db.parser.Parser(json, "table schema for table %s" % name)
        columns_json = parser.get("columns", [dict])
        mutable = parser.get_optional("mutable", [bool], True)
        max_rows = parser.get_optional("maxRows", [int])
        is_root = parser.get_optional("isRoot", [bool], False)
        indexes_json = parser.get_optional("indexes", [list], [])
        extensions = parser.get_optional("extensions", [dict], {}) if allow_extensions else {}
        parser.finish()

        if max_rows is None:
            max_rows = sys.maxsize
        elif max_rows <= 0:
            raise error.Error("maxRows must be at least 1", json)
        if not columns_json:
            raise error.Error("table must have at least one column", json)
        columns = {}
        for column_name, column_json in columns_json.items():
            _check_id(column_name, json)
            columns[column_name] = ColumnSchema.from_json(column_json, column_name, allow_extensions)
        indexes = []
        for index_json in indexes_json:
            index = column_set_from_json(index_json, columns)
            if not index:
                raise error.Error("index must have at least one column", json)
            for column in index:
                if not column.persistent:
                    raise error.Error("ephemeral columns (such as %s) may not be indexed" % column.name, json)
            if len(index) == 1:
                index[0].unique = True
            indexes.append(index)
        return TableSchema(name, columns, mutable, max_rows, is_root, indexes, extensions)

    def to_json(self, default_is_root: bool = False) -> Dict[str, Any]:
        """'default_is_root' is what isRoot is where it is not written."""
        json: Dict[str, Any] = {}
        if not self.mutable:
            json["mutable"] = False
        if default_is_root != self.is_root:
            json["isRoot"] = self.is_root
        json["columns"] = {c.name: c.to_json() for c in self.columns.values() if not c.name.startswith("_")}
        if self.max_rows != sys.maxsize:
            json["maxRows"] = self.max_rows
        if self.indexes:
            json["indexes"] = [[column.name for column in index] for index in self.indexes]
        return json


class DbSchema:
    """References to tables are resolved; where no table is said to be of the root set, all are."""

    def __init__(self, name: str, version: str, tables: Dict[str, TableSchema],
                 allow_extensions: bool = False) -> None:
        self.name = name
        self.version = version
        self.tables = tables
        if not self._has_roots():
            for table in tables.values():
                table.is_root = True
        for table in tables.values():
            for column in table.columns.values():
                self._resolve(column, column.type.key, "key")
                if column.type.value is not None:
                    self._resolve(column, column.type.value, "value")

    def _has_roots(self) -> bool:
        return any(table.is_root for table in self.tables.values())

    def _resolve(self, column: ColumnSchema, base: BaseType, what: str) -> None:
        if not base.ref_table_name:
            return
        base.ref_table = self.tables.get(base.ref_table_name)
        if base.ref_table is None:
            raise error.Error("column %s %s refers to undefined table %s"
                              % (column.name, what, base.ref_table_name), tag="syntax error")
        # What keeps a row alive is not forgotten.
        if base.is_strong_ref() and not base.ref_table.is_root:
            column.persistent = True

    @staticmethod
    def _members(parser: ovs.db.parser.Parser, allow_extensions: bool) -> Tuple[str, str, Dict[str, TableSchema]]:
        """What each kind of schema has; the last to be asked for."""
        name = parser.get("name", ["id"])
        version = parser.get_optional("version", [str], "")
        parser.get_optional("cksum", [str])
        tables_json = parser.get("tables", [dict])
        parser.finish()
        if version and not _VERSION.match(version):
            raise error.Error('schema version "%s" not in format x.y.z' % version)
        tables = {}
        for table_name, table_json in tables_json.items():
            _check_id(table_name, parser.json)
            tables[table_name] = TableSchema.from_json(table_json, table_name, allow_extensions)
        return name, version, tables

    @staticmethod
    def from_json(json: Any, allow_extensions: bool = False) -> "DbSchema":
        parser = ovs.db.parser.Parser(json, "database schema")
        name, version, tables = DbSchema._members(parser, allow_extensions)
        return DbSchema(name, version, tables)

    def to_json(self) -> Dict[str, Any]:
        # Where all tables are roots nothing has to be said.
        all_roots = all(table.is_root for table in self.tables.values())
        json: Dict[str, Any] = {
            "name": self.name,
            "tables": {table.name: table.to_json(all_roots) for table in self.tables.values()}}
        if self.version:
            json["version"] = self.version
        return json

    def copy(self) -> "DbSchema":
        return DbSchema.from_json(self.to_json())


class IdlSchema(DbSchema):
    """A schema with what a generator of C needs besides."""

    def __init__(self, name: str, version: str, tables: Dict[str, TableSchema], idlPrefix: str, idlHeader: str,
                 cDecls: str, hDecls: str) -> None:
        super().__init__(name, version, tables)
        self.idlPrefix = idlPrefix
        self.idlHeader = idlHeader
        self.cDecls = cDecls
        self.hDecls = hDecls

    @staticmethod
    def from_json(json: Any, allow_extensions: bool = True) -> "IdlSchema":
        parser = ovs.db.parser.Parser(json, "IDL schema")
        prefix = parser.get("idlPrefix", [str])
        header = parser.get("idlHeader", [str])
        c_decls = parser.get_optional("cDecls", [str], "")
        h_decls = parser.get_optional("hDecls", [str], "")
        name, version, tables = DbSchema._members(parser, allow_extensions)
        return IdlSchema(name, version, tables, prefix, header, c_decls, h_decls)
