# SPDX-License-Identifier: Apache-2.0
"""Transactions of a replica: what goes to the server, and what comes of it."""
import uuid as _uuid
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import ovs.db.data as data
import ovs.json
import ovs.jsonrpc
import ovs.ovsuuid
import ovs.poller
import ovs.timeval
import ovs.vlog
from ovs.db import error
from ovs.db.idl_row import Row

vlog = ovs.vlog.Vlog("idl")

_CONNECT_TIME = 1000  # ms that commit_block() gives a connection that is on its way


class _Insert(NamedTuple):
    op_index: int  # where its result stands in the reply


class _Select(NamedTuple):
    """Of fetch() and increment()."""
    op_index: int
    row: Row
    column_name: str


def _uuid_name_from_uuid(uuid: _uuid.UUID) -> str:
    """How operations of the same transaction call a row that is being inserted."""
    return "row%s" % str(uuid).replace("-", "_")


def _where_uuid_equals(uuid: _uuid.UUID) -> List[Any]:
    return [["_uuid", "==", ovs.ovsuuid.to_json(uuid)]]


class Transaction:
    """One at a time per Idl. Made, rows are changed, commit() or commit_block(); on TRY_AGAIN a new one is made."""
    UNCOMMITTED = "uncommitted"
    UNCHANGED = "unchanged"
    INCOMPLETE = "incomplete"
    ABORTED = "aborted"
    SUCCESS = "success"
    TRY_AGAIN = "try again"
    NOT_LOCKED = "not locked"
    ERROR = "error"

    def __init__(self, idl: Any) -> None:
        assert idl.txn is None, "there is a transaction already"
        idl.txn = self
        self.idl = idl
        self.dry_run = False
        self._request_id: Any = None
        self._txn_rows: Dict[_uuid.UUID, Row] = {}
        self._status = Transaction.UNCOMMITTED
        self._error: Optional[str] = None
        self._comments: List[str] = []
        self._inc: Optional[Tuple[Row, str]] = None
        self._inc_new_value: Optional[int] = None
        self._fetches: List[Tuple[Row, str]] = []
        # Of the request that was sent.
        self._inserts: Dict[_uuid.UUID, _Insert] = {}
        self._inserted: Dict[_uuid.UUID, _uuid.UUID] = {}
        self._selects: List[_Select] = []
        self._inc_select: Optional[_Select] = None

    @staticmethod
    def status_to_string(status: str) -> str:
        return status

    def add_comment(self, comment: str) -> None:
        """The comment goes into the server's log of the transaction."""
        self._comments.append(comment)

    def wait(self, poller: Any) -> None:
        """Wakes 'poller' up when there is a status; Idl.wait() is needed, too."""
        if self._status not in (Transaction.UNCOMMITTED, Transaction.INCOMPLETE):
            poller.immediate_wake()

    def insert(self, table: Any, new_uuid: Any = None, persist_uuid: bool = False) -> Row:
        """A new row. With 'persist_uuid' it keeps 'new_uuid' in the database."""
        assert self._status == Transaction.UNCOMMITTED
        if new_uuid is None:
            new_uuid = _uuid.uuid4()
        elif isinstance(new_uuid, str):
            new_uuid = _uuid.UUID(new_uuid)
        table = self.idl.tables[table.name]
        row = Row(self.idl, table, new_uuid, None, persist_uuid=persist_uuid)
        table.rows[row.uuid] = row
        self._txn_rows[row.uuid] = row
        return row

    # What rows tell.

    def _touch(self, row: Row) -> None:
        self._txn_rows[row.uuid] = row
        self._reindex(row)

    def _forget_or_touch(self, row: Row) -> None:
        if row._data is None:
            self._txn_rows.pop(row.uuid, None)
        else:
            self._txn_rows[row.uuid] = row

    def _write(self, row: Row, column: str, datum: data.Datum) -> None:
        assert row._changes is not None
        self._touch(row)
        old = row._data.get(column) if row._data is not None else None
        if old is not None and old == datum and row._table.columns[column].alert and column not in row._prereqs:
            # It is so already.
            row._changes.pop(column, None)
        else:
            row._changes[column] = datum.copy()
        self._reindex(row)

    @staticmethod
    def _reindex(row: Row) -> None:
        """Indexes follow what a transaction writes."""
        rows = row._table.rows
        if rows.indexes and row.uuid in rows:
            rows[row.uuid] = row

    def _increment(self, row: Row, column: str) -> None:
        assert self._inc is None, "one column is incremented by a transaction"
        self._inc = row, column

    def _fetch(self, row: Row, column_name: str) -> None:
        self._fetches.append((row, column_name))

    # Committing.

    def commit(self) -> str:
        """Sends it. INCOMPLETE until Idl.run() has got the reply: call it again then."""
        if self._status != Transaction.UNCOMMITTED:
            return self._status
        if self.idl.lock_name and not self.idl.has_lock:
            self._status = Transaction.NOT_LOCKED
        else:
            ops = self._operations()
            if ops is None:
                self._status = Transaction.UNCHANGED
            else:
                self._send(ops)
        self._disassemble()
        return self._status

    def _send(self, ops: List[Any]) -> None:
        msg = ovs.jsonrpc.Message.create_request("transact", [self.idl._db.name] + ops)
        self._request_id = msg.id
        if not self.idl._may_transact() or self.idl.send_request(msg):
            self._status = Transaction.TRY_AGAIN
        else:
            self._status = Transaction.INCOMPLETE
            self.idl._outstanding_txns[self._request_id] = self

    def commit_block(self) -> str:
        """Runs the Idl until there is a final status. Where there is no connection it gives one a second to come: what is tried
        again right after TRY_AGAIN has a chance then."""
        while True:
            status = self.commit()
            if status != Transaction.INCOMPLETE:
                break
            self.idl.run()
            poller = ovs.poller.Poller()
            self.idl.wait(poller)
            self.wait(poller)
            poller.block()
        deadline = ovs.timeval.msec() + _CONNECT_TIME
        while status == Transaction.TRY_AGAIN and not self.idl._may_transact() and ovs.timeval.msec() < deadline:
            self.idl.run()
            poller = ovs.poller.Poller()
            self.idl.wait(poller)
            poller.timer_wait_until(deadline)
            if not self.idl._may_transact():
                poller.block()
        return status

    def abort(self) -> None:
        self._disassemble()
        if self._status in (Transaction.UNCOMMITTED, Transaction.INCOMPLETE):
            self._status = Transaction.ABORTED
        self.idl._outstanding_txns.pop(self._request_id, None)

    def _disassemble(self) -> None:
        """Rows show what the database holds again."""
        if self.idl.txn is not self:
            return
        self.idl.txn = None
        for row in self._txn_rows.values():
            rows = row._table.rows
            if row._data is None and rows.get(row.uuid) is row:
                del rows[row.uuid]
            was_deleted = row._data is not None and row._changes is None
            row.__dict__.update(_changes={}, _mutations={}, _prereqs={})
            if was_deleted:
                rows[row.uuid] = row
            else:
                self._reindex(row)

    def _operations(self) -> Optional[List[Any]]:
        """The request's operations; None if they would change nothing."""
        ops: List[Any] = []
        if self.idl.lock_name:
            ops.append({"op": "assert", "lock": self.idl.lock_name})
        for row in self._txn_rows.values():
            if row._prereqs and row._data is not None:
                ops.append(self._wait_op(row))
        changes = 0
        for row in self._txn_rows.values():
            if row._changes is None:
                ops.append({"op": "delete", "table": row._table.name, "where": _where_uuid_equals(row.uuid)})
                changes += 1
                continue
            for op in self._row_ops(row, len(ops)):
                ops.append(op)
                changes += 1
        for row, column in self._fetches:
            self._selects.append(_Select(len(ops), row, column))
            ops.append({"op": "select", "table": row._table.name, "where": self._where(row), "columns": [column]})
            changes += 1
        if not changes:
            return None
        self._add_increment(ops)
        if self._comments:
            ops.append({"op": "comment", "comment": "\n".join(self._comments)})
        if self.dry_run:
            ops.append({"op": "abort"})
        return ops

    def _where(self, row: Row) -> Any:
        if row.uuid in self._inserts and not row._persist_uuid:
            return [["_uuid", "==", ["named-uuid", _uuid_name_from_uuid(row.uuid)]]]
        return _where_uuid_equals(row.uuid)

    @staticmethod
    def _wait_op(row: Row) -> Dict[str, Any]:
        assert row._data is not None
        columns = [c for c in row._prereqs if c in row._data]
        return {"op": "wait", "table": row._table.name, "timeout": 0, "where": _where_uuid_equals(row.uuid),
                "until": "==", "columns": columns, "rows": [{c: row._data[c].to_json() for c in columns}]}

    def _row_ops(self, row: Row, op_index: int) -> List[Dict[str, Any]]:
        assert row._changes is not None
        values = {}
        for name, datum in row._changes.items():
            # Of a new row what is the default anyhow is not sent.
            if row._data is not None or not datum.is_default():
                values[name] = self._substitute(datum.to_json())
        if row._data is None:
            self._inserts[row.uuid] = _Insert(op_index)
            op = {"op": "insert", "table": row._table.name, "row": values}
            if row._persist_uuid:
                op["uuid"] = str(row.uuid)
            else:
                op["uuid-name"] = _uuid_name_from_uuid(row.uuid)
            return [op]
        ops: List[Dict[str, Any]] = []
        if values:
            ops.append({"op": "update", "table": row._table.name, "where": _where_uuid_equals(row.uuid),
                        "row": values})
        mutations = self._mutations(row)
        if mutations:
            ops.append({"op": "mutate", "table": row._table.name, "where": _where_uuid_equals(row.uuid),
                        "mutations": mutations})
        return ops

    def _mutations(self, row: Row) -> List[Any]:
        result = []
        for name, parts in row._mutations.items():
            keys = [k for k, v in parts.remove.items() if v is None]
            pairs = [(k, v) for k, v in parts.remove.items() if v is not None]
            if keys:
                result.append([name, "delete", ["set", [self._substitute(k.to_json()) for k in keys]]])
            if pairs:
                result.append([name, "delete", ["map", [self._pair(k, v) for k, v in pairs]]])
            if parts.insert:
                if row._table.columns[name].type.is_map():
                    result.append([name, "insert", ["map", [self._pair(k, v) for k, v in parts.insert.items()]]])
                else:
                    result.append([name, "insert", ["set", [self._substitute(k.to_json()) for k in parts.insert]]])
        return result

    def _pair(self, key: data.Atom, value: Optional[data.Atom]) -> List[Any]:
        assert value is not None
        return [self._substitute(key.to_json()), self._substitute(value.to_json())]

    def _substitute(self, json: Any) -> Any:
        """References to rows that this transaction inserts go by name."""
        if not isinstance(json, list):
            return json
        if len(json) == 2 and json[0] == "uuid" and isinstance(json[1], str):
            row = self._txn_rows.get(_uuid.UUID(json[1]))
            if row is not None and row._data is None and not row._persist_uuid:
                return ["named-uuid", _uuid_name_from_uuid(row.uuid)]
            return json
        return [self._substitute(element) for element in json]

    def _add_increment(self, ops: List[Any]) -> None:
        if self._inc is None:
            return
        row, column = self._inc
        where = self._where(row)
        ops.append({"op": "mutate", "table": row._table.name, "where": where, "mutations": [[column, "+=", 1]]})
        self._inc_select = _Select(len(ops), row, column)
        ops.append({"op": "select", "table": row._table.name, "where": where, "columns": [column]})

    # What came of it.

    def get_error(self) -> Optional[str]:
        """Of ERROR the server's words, as JSON; else the status."""
        if self._status == Transaction.ERROR and self._error is not None:
            return self._error
        return self._status

    def get_increment_new_value(self) -> int:
        """Of SUCCESS of a transaction with Row.increment(): what the column holds now."""
        assert self._status == Transaction.SUCCESS and self._inc_new_value is not None
        return self._inc_new_value

    def get_insert_uuid(self, uuid: Any) -> Optional[_uuid.UUID]:
        """What UUID the row has got that insert() gave 'uuid' to; None if no such row was inserted."""
        if isinstance(uuid, str):
            uuid = _uuid.UUID(uuid)
        return self._inserted.get(uuid)

    def _process_reply(self, msg: ovs.jsonrpc.Message) -> None:
        if msg.type == ovs.jsonrpc.Message.T_ERROR:
            self._fail(msg.error)
        elif not isinstance(msg.result, list):
            vlog.warn('reply to "transact" is not JSON array')
            self._status = Transaction.ERROR
        else:
            self._process_results(msg.result)

    def _fail(self, json: Any) -> None:
        self._status = Transaction.ERROR
        if self._error is None:
            self._error = ovs.json.to_string(json)

    def _process_results(self, results: List[Any]) -> None:
        failed = {"timed out": Transaction.TRY_AGAIN, "not owner": Transaction.NOT_LOCKED}
        found = set()
        for result in results:
            if result is None:
                continue  # not run: one before it has failed
            if not isinstance(result, dict):
                self._fail("operation reply is not an object: %s" % ovs.json.to_string(result))
                return
            name = result.get("error")
            if name is None or (name == "aborted" and self.dry_run):
                continue
            if not isinstance(name, str):
                self._fail(result)
                return
            found.add(failed.get(name, Transaction.ERROR))
            if name not in failed and self._error is None:
                self._error = ovs.json.to_string(result)
        for status in (Transaction.ERROR, Transaction.NOT_LOCKED, Transaction.TRY_AGAIN):
            if status in found:
                self._status = status
                return
        self._status = Transaction.SUCCESS
        if self.dry_run:
            return
        try:
            self._take_results(results)
        except (error.Error, KeyError, IndexError, TypeError, AttributeError) as e:
            vlog.warn("bad reply to \"transact\": %s" % e)
            self._status = Transaction.ERROR
            self._error = ovs.json.to_string(results)

    def _take_results(self, results: List[Any]) -> None:
        for uuid, insert in self._inserts.items():
            self._inserted[uuid] = ovs.ovsuuid.from_json(results[insert.op_index]["uuid"])
        if self._inc_select is not None:
            value = results[self._inc_select.op_index]["rows"][0][self._inc_select.column_name]
            if not isinstance(value, int):
                raise error.Error("increment did not give an integer", value)
            self._inc_new_value = value
        for select in self._selects:
            rows = results[select.op_index]["rows"]
            if rows and select.row._data is not None:
                type_ = select.row._table._table.columns[select.column_name].type
                select.row._data[select.column_name] = data.Datum.from_json(type_, rows[0][select.column_name])
