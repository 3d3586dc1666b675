# SPDX-License-Identifier: Apache-2.0
"""A replica of a database: the server sends what changes, the program reads rows and commits transactions.

    helper = ovs.db.idl.SchemaHelper(schema_json=...)
    helper.register_columns("Bridge", ["name", "ports"])
    idl = ovs.db.idl.Idl("unix:/run/openvswitch/db.sock", helper)
    while True:
        idl.run()
        ...                                  # look at idl.tables["Bridge"].rows
        poller = ovs.poller.Poller()
        idl.wait(poller)
        poller.block()

Not for several threads at once.
"""
import collections
import enum
import uuid as _uuid
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

import ovs.db.data as data
import ovs.db.parser
import ovs.db.schema
import ovs.jsonrpc
import ovs.ovsuuid
import ovs.stream
import ovs.vlog
from ovs.db import custom_index, error
from ovs.db.idl_row import Row, _row_to_uuid
from ovs.db.idl_table import ConditionState, IdlColumn, IdlTable, SchemaHelper
from ovs.db.idl_txn import Transaction, _uuid_name_from_uuid, _where_uuid_equals
from ovs.jsonrpc import Message

__all__ = ["CLUSTERED", "ConditionState", "Idl", "IdlColumn", "IdlTable", "Monitor", "Notice", "OVSDB_UPDATE",
           "OVSDB_UPDATE2", "OVSDB_UPDATE3", "RELAY", "ROW_CREATE", "ROW_DELETE", "ROW_UPDATE", "Row", "SchemaHelper",
           "Transaction", "_row_to_uuid", "_uuid_name_from_uuid", "_where_uuid_equals", "custom_index"]

vlog = ovs.vlog.Vlog("idl")

# Events of notify().
ROW_CREATE = "create"
ROW_UPDATE = "update"
ROW_DELETE = "delete"
# Kinds of updates.
OVSDB_UPDATE = 0
OVSDB_UPDATE2 = 1
OVSDB_UPDATE3 = 2
# Models of databases.
CLUSTERED = "clustered"
RELAY = "relay"

_NO_TXN_ID = str(_uuid.UUID(int=0))
# So many messages run() handles before it returns.
_AT_ONCE = 50


class Monitor(enum.IntEnum):
    monitor = 0
    monitor_cond = 1
    monitor_cond_since = 2


class Notice(NamedTuple):
    event: str
    row: Row
    updates: Optional[Row] = None


class Idl:
    """The replica. 'change_seqno' changes whenever its content or the state of its lock does."""
    IDL_S_INITIAL = 0
    IDL_S_SERVER_SCHEMA_REQUESTED = 1
    IDL_S_SERVER_MONITOR_REQUESTED = 2
    IDL_S_DATA_MONITOR_REQUESTED = 3
    IDL_S_DATA_MONITOR_COND_REQUESTED = 4
    IDL_S_DATA_MONITOR_COND_SINCE_REQUESTED = 5
    IDL_S_MONITORING = 6

    monitor_map = {Monitor.monitor: IDL_S_DATA_MONITOR_REQUESTED,
                   Monitor.monitor_cond: IDL_S_DATA_MONITOR_COND_REQUESTED,
                   Monitor.monitor_cond_since: IDL_S_DATA_MONITOR_COND_SINCE_REQUESTED}
    _UPDATES = {"update": OVSDB_UPDATE, "update2": OVSDB_UPDATE2, "update3": OVSDB_UPDATE3}

    def __init__(self, remote: str, schema_helper: Any, probe_interval: Optional[int] = None,
                 leader_only: bool = True) -> None:
        """'remote' is one connection method, or several with commas between. 'schema_helper' says what is replicated.
        'probe_interval' in ms, as ovs.jsonrpc.Session has it. Of a cluster only the leader will do if 'leader_only'."""
        assert isinstance(schema_helper, SchemaHelper)
        schema = schema_helper.get_idl_schema()
        self.tables = IdlTable.schema_tables(self, schema)
        self.readonly: Dict[str, List[str]] = schema.readonly  # type: ignore[attr-defined]
        self._db = schema
        self._session = ovs.jsonrpc.Session.open_multiple(self._parse_remotes(remote), probe_interval=probe_interval)
        self._last_seqno: Optional[int] = None
        self.change_seqno = 0
        self.uuid = _uuid.uuid1()
        self.state = Idl.IDL_S_INITIAL

        # The database, and the last transaction of it that has been seen.
        self.last_id = _NO_TXN_ID
        self._monitor_request_id: Any = None
        self.cond_changed = False
        self.cond_seqno = 0
        self._cond_request_id: Any = None
        self._version = Monitor.monitor_cond_since  # what the server has granted

        # What the server tells of itself.
        self.server_monitor_uuid = _uuid.uuid1()
        self.server_tables: Optional[Dict[str, IdlTable]] = None
        self._server_db: Optional[ovs.db.schema.DbSchema] = None
        self._server_schema_request_id: Any = None
        self._server_monitor_request_id: Any = None
        self._db_change_aware_request_id: Any = None
        self.leader_only = leader_only
        self.cluster_id: Optional[_uuid.UUID] = None
        self._min_index = 0

        self.lock_name: Optional[str] = None
        self.has_lock = False
        self.is_lock_contended = False
        self._lock_request_id: Any = None

        self.txn: Optional[Transaction] = None
        self._outstanding_txns: Dict[Any, Transaction] = {}

    def _parse_remotes(self, remote: str) -> List[str]:
        """Commas separate remotes where a connection method follows; others are of a file's name."""
        remotes: List[str] = []
        for part in remote.split(","):
            name = part.strip()
            is_name = ovs.stream.Stream.is_valid_name(name) or ovs.stream.PassiveStream.is_valid_name(name)
            if remotes and not is_name:
                remotes[-1] += "," + part
            else:
                remotes.append(name)
        return remotes

    # What programs call.

    def close(self) -> None:
        """Ends the connection; the rows stay as they are."""
        self._session.close()

    def run(self) -> bool:
        """Handles what has come; True if change_seqno has changed."""
        assert not self.txn, "a transaction is open"
        before = self.change_seqno
        self.send_cond_change()
        self._session.run()
        for _ in range(_AT_ONCE):
            if not self._session.is_connected():
                break
            seqno = self._session.get_seqno()
            if seqno != self._last_seqno:
                self._last_seqno = seqno
                self._abort_all()
                self._begin()
            msg = self._session.recv()
            if msg is None:
                break
            if not self._handle(msg):
                break
            self.cooperative_yield()
        self.send_cond_change()
        return before != self.change_seqno

    def wait(self, poller: Any) -> None:
        """Wakes 'poller' up when run() has something to do."""
        if self.cond_changed and self._cond_request_id is None and self.state == self.IDL_S_MONITORING:
            poller.immediate_wake()
            return
        self._session.wait(poller)
        self._session.recv_wait(poller)

    def cooperative_yield(self) -> None:
        """Called between messages; a program with green threads overrides it."""

    def notify(self, event: str, row: Row, updates: Optional[Row] = None) -> None:
        """Called for each row that was created, updated or deleted, when all rows of the update are in place. 'updates' has the
        old values of the columns that changed. Also called for rows of the server's table Database, before its content is asked
        for: a program that sees another schema there may change 'tables' then. Programs override it."""

    def has_ever_connected(self) -> bool:
        """Has the content of the database come once?"""
        return self.change_seqno != 0

    def force_reconnect(self) -> None:
        self._session.force_reconnect()

    def session_name(self) -> str:
        return self._session.get_name()

    def send_request(self, request: Message) -> int:
        """0, or an errno if there is no connection."""
        return self._session.send(request)

    def _may_transact(self) -> bool:
        """While the content is on its way rows are not what the server has, and would not show what a transaction did."""
        return self.state == self.IDL_S_MONITORING and self._last_seqno == self._session.get_seqno()

    def set_cluster_id(self, cluster_id: Any) -> None:
        """Only servers of that cluster will do."""
        if isinstance(cluster_id, str):
            cluster_id = _uuid.UUID(cluster_id)
        self.cluster_id = cluster_id

    def index_create(self, table: str, name: str) -> custom_index.MultiColumnIndex:
        return self.tables[table].rows.index_create(name)

    def index_irange(self, table: str, name: str, start: Any, end: Any) -> Iterator[Row]:
        """Rows from 'start' to 'end' (entries of the table's rows.IndexEntry, or None) in the order of the index."""
        return self.tables[table].rows.indexes[name].irange(start, end)

    def index_equal(self, table: str, name: str, value: Any) -> Iterator[Row]:
        return self.index_irange(table, name, value, value)

    # Conditions.

    def cond_change(self, table_name: str, cond: List[Any]) -> int:
        """Only rows that one of the clauses selects are replicated; [] or [False]: none, [True]: all. Returns the cond_seqno that
        Idl has when that has taken effect."""
        table = self.tables.get(table_name)
        if table is None:
            raise error.Error('Unknown table "%s"' % table_name)
        cond = [False] if cond == [] else cond
        if table.condition == cond:
            # On its way, or there already.
            states = [t.condition_state for t in self.tables.values()]
            return (self.cond_seqno + any(s.requested is not None for s in states)
                    + any(s.new is not None for s in states))
        on_its_way = any(t.condition_state.requested is not None for t in self.tables.values())
        table.condition = cond
        self.cond_changed = True
        return self.cond_seqno + (2 if on_its_way else 1)

    def compose_cond_change(self) -> Optional[Message]:
        """The request for what is wanted and not yet sent, which then counts as sent."""
        changes: Dict[str, Any] = {}
        for table in self.tables.values():
            state = table.condition_state
            if state.new is not None:
                state.request()
                changes[table.name] = [{"where": state.requested}]
        if not changes:
            return None
        # The monitor keeps its name: updates are of the same monitor whenever they were sent.
        return Message.create_request("monitor_cond_change", [str(self.uuid), str(self.uuid), changes])

    def send_cond_change(self) -> None:
        if (not self.cond_changed or not self._session.is_connected() or self._cond_request_id is not None
                or self.state != self.IDL_S_MONITORING or self._last_seqno != self._session.get_seqno()):
            return
        self.cond_changed = False
        if self._version == Monitor.monitor:
            # This server knows no conditions: all rows are here, and stay.
            for table in self.tables.values():
                table.condition_state.request()
            self._conditions_done()
            return
        msg = self.compose_cond_change()
        if msg is not None:
            self._cond_request_id = msg.id
            self._session.send(msg)

    def _conditions_done(self) -> None:
        self.ack_conditions()
        self.cond_seqno += 1
        self.change_seqno += 1

    def ack_conditions(self) -> None:
        for table in self.tables.values():
            table.condition_state.ack()

    def sync_conditions(self) -> None:
        """After the connection was lost: conditions that were sent and not confirmed are wanted again. What was replicated under
        the old ones is of no use as a start."""
        if any(table.condition_state.requested is not None or table.condition_state.new is not None
               for table in self.tables.values()):
            self.last_id = _NO_TXN_ID
        self.cond_changed = False
        for table in self.tables.values():
            if table.condition_state.reset():
                self.cond_changed = True

    # The lock.

    def set_lock(self, lock_name: Optional[str]) -> None:
        """From now on the lock is wanted and transactions need it; None gives it back."""
        assert not self.txn and not self._outstanding_txns
        if lock_name == self.lock_name:
            return
        if self.lock_name:
            self._lock_request_id = None
            if self._session.is_connected() and self._last_seqno == self._session.get_seqno():
                self._session.send(Message.create_request("unlock", [self.lock_name]))
        self.lock_name = lock_name
        self._set_has_lock(False)
        self.is_lock_contended = False
        if self._session.is_connected() and self._last_seqno == self._session.get_seqno():
            self._send_lock_request()

    def _send_lock_request(self) -> None:
        if self.lock_name:
            msg = Message.create_request("lock", [self.lock_name])
            self._lock_request_id = msg.id
            self._session.send(msg)

    def _set_has_lock(self, has_lock: bool) -> None:
        if has_lock and not self.has_lock:
            if self.state == self.IDL_S_MONITORING:
                self.change_seqno += 1
            # Else the content is not there yet; when it comes the lock is told with it.
        self.has_lock = has_lock
        if has_lock:
            self.is_lock_contended = False

    def _handle_lock_reply(self, result: Any) -> None:
        self._lock_request_id = None
        got = isinstance(result, dict) and result.get("locked") is True
        self._set_has_lock(got)
        self.is_lock_contended = not got

    def _handle_lock_notify(self, params: Any, has_lock: bool) -> None:
        if self.lock_name is not None and isinstance(params, list) and params and params[0] == self.lock_name:
            self._set_has_lock(has_lock)
            self.is_lock_contended = not has_lock

    # The way from a connection to the content.

    def restart_fsm(self) -> None:
        """Begins with the question what the server tells of itself."""
        self._server_schema_request_id = self._request("get_schema", ["_Server"])
        self.state = self.IDL_S_SERVER_SCHEMA_REQUESTED

    def _begin(self) -> None:
        for name in ("_monitor_request_id", "_cond_request_id", "_server_schema_request_id",
                     "_server_monitor_request_id", "_db_change_aware_request_id", "_lock_request_id"):
            setattr(self, name, None)
        self.server_tables = None
        self._server_db = None
        self.is_lock_contended = False
        self.has_lock = False
        self.sync_conditions()
        self.restart_fsm()
        self._send_lock_request()

    def _request(self, method: str, params: List[Any]) -> Any:
        msg = Message.create_request(method, params)
        self._session.send(msg)
        return msg.id

    def _handle(self, msg: Message) -> bool:
        """False if nothing more is to be taken from this connection."""
        try:
            if msg.type == Message.T_NOTIFY:
                self._handle_notify(msg)
            elif msg.type in (Message.T_REPLY, Message.T_ERROR):
                self._handle_reply(msg)
            else:
                raise error.Error("unexpected request %s" % msg.method)
        except error.Error as e:
            vlog.err("%s: %s, reconnecting" % (self._session.get_name(), e))
            # What it would send from now on cannot be trusted to fit.
            self.last_id = _NO_TXN_ID
            self._session.force_reconnect()
            return False
        return True

    def _handle_notify(self, msg: Message) -> None:
        params = msg.params
        if msg.method in self._UPDATES:
            version = self._UPDATES[msg.method]
            if not isinstance(params, list) or len(params) != (3 if version == OVSDB_UPDATE3 else 2):
                raise error.Error('"%s" has not the right number of parameters' % msg.method, params)
            if params[0] == str(self.server_monitor_uuid) and self.server_tables is not None:
                self._apply(params[-1], version, self.server_tables)
                self._check_server()
            elif params[0] == str(self.uuid):
                if version == OVSDB_UPDATE3:
                    self.last_id = params[1]
                self._apply(params[-1], version, self.tables)
        elif msg.method == "locked":
            self._handle_lock_notify(params, True)
        elif msg.method == "stolen":
            self._handle_lock_notify(params, False)
        elif msg.method == "monitor_canceled":
            if isinstance(params, list) and params and params[0] == str(self.uuid):
                vlog.info("%s: the database %s is gone, reconnecting" % (self._session.get_name(), self._db.name))
                self.last_id = _NO_TXN_ID
                self._session.force_reconnect()

    def _handle_reply(self, msg: Message) -> None:
        is_error = msg.type == Message.T_ERROR
        if msg.id == self._server_schema_request_id:
            self._server_schema_request_id = None
            self._handle_server_schema(None if is_error else msg.result)
        elif msg.id == self._server_monitor_request_id:
            self._server_monitor_request_id = None
            if is_error:
                self._monitor_without_server()
            else:
                assert self.server_tables is not None
                self._apply(msg.result, OVSDB_UPDATE2, self.server_tables)
                self._check_server()
        elif msg.id == self._monitor_request_id:
            self._monitor_request_id = None
            self._handle_monitor_reply(msg)
        elif msg.id == self._cond_request_id:
            self._cond_request_id = None
            if is_error:
                raise error.Error("conditions are refused", msg.error)
            self._conditions_done()
        elif msg.id == self._lock_request_id:
            if is_error:
                raise error.Error("the lock is refused", msg.error)
            self._handle_lock_reply(msg.result)
        elif msg.id == self._db_change_aware_request_id:
            self._db_change_aware_request_id = None
        elif msg.id in self._outstanding_txns:
            self._outstanding_txns.pop(msg.id)._process_reply(msg)
        elif is_error:
            vlog.warn("%s: unexpected error reply: %s" % (self._session.get_name(), msg))

    def _handle_server_schema(self, result: Any) -> None:
        """The schema of the database _Server, or None where there is none: an old server."""
        if result is None:
            self._monitor_without_server()
            return
        schema = ovs.db.schema.DbSchema.from_json(result)
        if "Database" not in schema.tables:
            self._monitor_without_server()
            return
        schema.tables = {"Database": schema.tables["Database"]}
        self._server_db = schema
        self.server_tables = IdlTable.schema_tables(self, schema)
        self._db_change_aware_request_id = self._request("set_db_change_aware", [True])
        columns = list(self.server_tables["Database"].columns)
        self._server_monitor_request_id = self._request(
            "monitor_cond", ["_Server", str(self.server_monitor_uuid), {"Database": [{"columns": columns}]}])
        self.state = self.IDL_S_SERVER_MONITOR_REQUESTED

    def _monitor_without_server(self) -> None:
        if self.state == self.IDL_S_DATA_MONITOR_COND_SINCE_REQUESTED:
            return
        self.server_tables = None
        self._send_monitor_request(Monitor.monitor_cond_since)

    def _check_server(self) -> None:
        """Does this server do? If so, asks for the database; else goes on to the next."""
        reason = self._reason_against_server()
        if reason:
            vlog.info("%s: %s; trying another server" % (self._session.get_name(), reason))
            self._session.force_reconnect()
        elif self.state == self.IDL_S_SERVER_MONITOR_REQUESTED:
            self._send_monitor_request(Monitor.monitor_cond_since)

    def _reason_against_server(self) -> Optional[str]:
        assert self.server_tables is not None
        rows = [row for row in self.server_tables["Database"].rows.values()
                if (self.cluster_id is None and row.name == self._db.name)
                or (self.cluster_id is not None and self.cluster_id in self._values(row, "cid"))]
        if not rows:
            return "the server has no database %s" % self._db.name
        row = rows[0]
        if row.model not in (CLUSTERED, RELAY):
            return None
        if not row.connected:
            return "the database %s is not connected to its cluster" % self._db.name
        if row.model == RELAY:
            return None
        if self.leader_only and not row.leader:
            return "the server is not the cluster's leader and only the leader will do"
        for index in self._values(row, "index"):
            if index < self._min_index:
                return "the server's data are older than what was seen before"
            self._min_index = index
        return None

    @staticmethod
    def _values(row: Row, column: str) -> List[Any]:
        value = getattr(row, column, [])
        return value if isinstance(value, list) else [value]

    def _send_monitor_request(self, version: Monitor) -> None:
        requests: Dict[str, Any] = {}
        for table in self.tables.values():
            if not table.columns and not table.need_table:
                continue
            request: Dict[str, Any] = {"columns": [c for c in table.columns]}
            if version != Monitor.monitor:
                state = table.condition_state
                state.request()
                where = state.requested if state.requested is not None else state.acked
                if where is not None and not ConditionState.is_true(where):
                    request["where"] = where
            requests[table.name] = [request]
        params: List[Any] = [self._db.name, str(self.uuid), requests]
        if version == Monitor.monitor_cond_since:
            params.append(self.last_id)
        self._monitor_request_id = self._request(version.name, params)
        self.state = self.monitor_map[version]

    def _handle_monitor_reply(self, msg: Message) -> None:
        version = next(v for v, state in self.monitor_map.items() if state == self.state)
        if msg.type == Message.T_ERROR:
            if version == Monitor.monitor or not self._is_unknown_method(msg.error):
                raise error.Error("%s is refused" % version.name, msg.error)
            self._send_monitor_request(Monitor(version - 1))
            return
        updates = msg.result
        keep = False
        if version == Monitor.monitor_cond_since:
            if not isinstance(updates, list) or len(updates) != 3:
                raise error.Error("reply to monitor_cond_since is not [found, id, updates]", updates)
            keep, self.last_id, updates = bool(updates[0]), updates[1], updates[2]
        self.state = self.IDL_S_MONITORING
        self._version = version
        if any(t.condition_state.requested is not None for t in self.tables.values()):
            self.ack_conditions()
            self.cond_seqno += 1
        self.cond_changed = any(t.condition_state.new is not None for t in self.tables.values())
        self.change_seqno += 1
        self._apply(updates, OVSDB_UPDATE if version == Monitor.monitor else OVSDB_UPDATE2, self.tables,
                    replace=not keep)

    @staticmethod
    def _is_unknown_method(json: Any) -> bool:
        if isinstance(json, dict):
            return bool(json.get("error") in ("unknown method", "syntax error"))
        return bool(json == "unknown method")

    def _abort_all(self) -> None:
        """Nobody knows what became of transactions whose connection is gone."""
        for txn in self._outstanding_txns.values():
            txn._status = Transaction.TRY_AGAIN
        self._outstanding_txns.clear()

    # Updates.

    def _apply(self, update: Any, version: int, tables: Dict[str, IdlTable], replace: bool = False) -> None:
        """Takes an update over. With 'replace' it is all there is: rows that are not in it are gone, and of those that stay only what
        differs is a change."""
        notices: "collections.OrderedDict[Any, Notice]" = collections.OrderedDict()
        gone = {(t.name, u): row for t in tables.values() for u, row in t.rows.items()} if replace else {}
        try:
            if not isinstance(update, dict):
                raise error.Error("<table-updates> is not an object", update)
            for table_name, table_update in update.items():
                table = tables.get(table_name)
                if table is None:
                    raise error.Error('<table-updates> includes unknown table "%s"' % table_name)
                if not isinstance(table_update, dict):
                    raise error.Error('<table-update> for table "%s" is not an object' % table_name, table_update)
                for uuid_string, row_update in table_update.items():
                    if not ovs.ovsuuid.is_valid_string(uuid_string):
                        raise error.Error('<table-update> for table "%s" contains bad UUID "%s" as member name'
                                          % (table_name, uuid_string), table_update)
                    uuid = _uuid.UUID(uuid_string)
                    gone.pop((table_name, uuid), None)
                    self._apply_row(table, uuid, row_update, version, replace, notices)
            for (table_name, uuid), row in gone.items():
                self._delete_row(tables[table_name], uuid, notices)
        finally:
            if notices and tables is self.tables:
                self.change_seqno += 1
            for notice in notices.values():
                self.notify(*notice)

    def _apply_row(self, table: IdlTable, uuid: _uuid.UUID, row_update: Any, version: int, replace: bool,
                   notices: Dict[Any, Notice]) -> None:
        where = '<row-update> for row %s in table "%s"' % (uuid, table.name)
        if not isinstance(row_update, dict):
            raise error.Error("%s is not an object" % where, row_update)
        if version == OVSDB_UPDATE:
            parser = ovs.db.parser.Parser(row_update, "row-update")
            old = parser.get_optional("old", [dict])
            new = parser.get_optional("new", [dict])
            parser.finish()
            if old is None and new is None:
                raise error.Error('%s lacks "old" and "new" members' % where, row_update)
            kind, columns = ("delete", None) if new is None else ("insert" if old is None else "old", new)
        else:
            if len(row_update) != 1:
                raise error.Error("%s does not have one member" % where, row_update)
            kind, columns = next(iter(row_update.items()))
            if kind not in ("initial", "insert", "modify", "delete"):
                raise error.Error('%s has unexpected member "%s"' % (where, kind), row_update)
            if kind != "delete" and not isinstance(columns, dict):
                raise error.Error("%s is not an object" % where, columns)
        row = table.rows.get(uuid)
        if kind == "delete":
            if row is None:
                raise error.Error("cannot delete missing row %s from table %s" % (uuid, table.name))
            self._delete_row(table, uuid, notices)
        elif kind == "modify":
            if row is None:
                raise error.Error("cannot modify missing row %s in table %s" % (uuid, table.name))
            self._change_row(table, row, self._parse_columns(table, columns), notices, is_diff=True)
        else:
            values = self._parse_columns(table, columns)
            if kind != "old":
                # Columns that are not in it hold the default.
                for name, column in table.columns.items():
                    if name not in values:
                        values[name] = data.Datum.default(column.type)
            if row is not None:
                if kind == "insert" and not replace:
                    vlog.warn("cannot add existing row %s to table %s" % (uuid, table.name))
                self._change_row(table, row, values, notices, is_diff=False)
            else:
                row = Row(self, table, uuid, values)
                table.rows[uuid] = row
                notices[table.name, uuid] = Notice(ROW_CREATE, row)

    @staticmethod
    def _parse_columns(table: IdlTable, columns: Dict[str, Any]) -> Dict[str, data.Datum]:
        """Values that the schema does not allow are logged and left out."""
        values = {}
        for name, json in columns.items():
            column = table.columns.get(name)
            if column is None:
                if name in ("_uuid", "_version"):
                    continue
                raise error.Error("unknown column %s in table %s" % (name, table.name))
            try:
                values[name] = data.Datum.from_json(column.type, json)
            except error.Error as e:
                # This program has an older schema than the server: it has to do without the value.
                vlog.warn("error parsing column %s in table %s: %s" % (name, table.name, e))
        return values

    def _change_row(self, table: IdlTable, row: Row, values: Dict[str, data.Datum], notices: Dict[Any, Notice],
                    is_diff: bool) -> None:
        assert row._data is not None
        old: Dict[str, data.Datum] = {}
        for name, datum in values.items():
            before = row._data.get(name)
            if is_diff and before is not None:
                datum = before.diff(datum)
            if before is None or before != datum:
                old[name] = before if before is not None else data.Datum.default(datum.type)
                row._data[name] = datum
        if not old:
            return
        if table.rows.indexes:
            table.rows[row.uuid] = row  # in its new place
        if not any(table.columns[name].alert for name in old):
            return
        key = table.name, row.uuid
        if key not in notices:
            notices[key] = Notice(ROW_UPDATE, row, Row(self, table, row.uuid, old))

    def _delete_row(self, table: IdlTable, uuid: _uuid.UUID, notices: Dict[Any, Notice]) -> None:
        row = table.rows[uuid]
        del table.rows[uuid]
        notices[table.name, uuid] = Notice(ROW_DELETE, row)
