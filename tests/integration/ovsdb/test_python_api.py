# SPDX-License-Identifier: Apache-2.0
"""Every public name of Debian's package, and how it is called, is there in ours. Only names and signatures are looked at."""
import json

import pytest

from pythontest import DEBIAN, run_script

MODULES = ["ovs", "ovs.daemon", "ovs.db.custom_index", "ovs.db.data", "ovs.db.error", "ovs.db.idl", "ovs.db.parser", "ovs.db.schema",
           "ovs.db.types", "ovs.dirs", "ovs.fatal_signal", "ovs.json", "ovs.jsonrpc", "ovs.ovsuuid", "ovs.poller", "ovs.process",
           "ovs.reconnect", "ovs.socket_util", "ovs.stream", "ovs.timeval", "ovs.unixctl", "ovs.unixctl.client",
           "ovs.unixctl.server", "ovs.util", "ovs.version", "ovs.vlog"]

LIST = """
import importlib, inspect, json, sys
def parameters(f):
    try:
        return [(p.name, p.default is not p.empty) for p in inspect.signature(f).parameters.values()]
    except (TypeError, ValueError):
        return None
def raw(c, n):
    for base in c.__mro__:
        if n in vars(base):
            return vars(base)[n]
found = {}
for m in json.loads(sys.argv[1]):
    module = importlib.import_module(m)
    for name, o in vars(module).items():
        if name.startswith("_") or inspect.ismodule(o) or type(o).__name__ == "_Feature":
            continue
        if inspect.isclass(o):
            found[m + " " + name] = ["class", parameters(o.__init__)]
            for n in dir(o):
                v = raw(o, n)
                if not n.startswith("_"):
                    found.setdefault(m + " " + name + "." + n, ["inherited", None])
                if not n.startswith("_") and getattr(v, "__module__", "").startswith("ovs") or (
                        isinstance(v, (staticmethod, classmethod, property)) and not n.startswith("_")):
                    f = v.__func__ if isinstance(v, (staticmethod, classmethod)) else v
                    found[m + " " + name + "." + n] = [type(v).__name__, parameters(f)]
        elif callable(o):
            found[m + " " + name] = ["function", parameters(o)]
        else:
            found[m + " " + name] = ["value", None]
print(json.dumps(found))
"""

# What writes C, for a build tool; what is of ctypes, Windows or Python 2; what tells how Debian's is made inside.
LEFT_OUT = {
    "ovs.db.data": {"Atom.cInitAtom", "Datum.cDeclareDatum", "escapeCString", "returnUnchanged"},
    "ovs.db.types": {"AtomicType.to_lvalue_string", "AtomicType.to_rvalue_string", "BaseType.cInitBaseType", "BaseType.copyCValue",
                     "BaseType.initCDefault", "BaseType.toAtomicType", "BaseType.toCType", "BaseType.to_const_c_type",
                     "Type.cDeclComment", "Type.cInitType", "escapeCString"},
    "ovs.ovsuuid": {"to_c_initializer"},
    "ovs.timeval": {"CLOCK_MONOTONIC", "LIBRT", "clock_gettime", "clock_gettime_name", "librt", "time_t", "time_t.from_param",
                    "timespec"},
    "ovs.db.idl": {"ColumnDefaultDict", "ColumnDefaultDict.keys", "ColumnDefaultDict.values", "Row.from_json"},
    "ovs.db.custom_index": {"DictBase", "DictBase.fromkeys"},
    "ovs.json": {"dumper"},
    # SelectPoll is select.poll, a function to Python.
    "ovs.poller": {"gevent_monkey", "SelectPoll.poll", "SelectPoll.register"},
    "ovs.dirs": {"sysconfdir"},
    "ovs.fatal_signal": {"recurse"},
    "ovs.daemon": {"set_detached"},
    "ovs.socket_util": {"free_short_name", "make_short_name", "null_fd", "inet_connect_active", "inet_create_socket_active"},
    "ovs.stream": {"PassiveStream.connect"},
    "ovs.vlog": {"syslog_handler", "syslog_facility"},
}


@pytest.mark.peer
def test_names_and_signatures_are_those_of_debian():
    if not (DEBIAN / "ovs").exists():
        pytest.skip("python3-openvswitch is missing")
    mine, theirs = (json.loads(run_script(LIST, json.dumps(MODULES), ours=ours)) for ours in (True, False))
    missing = []
    for key, (kind, parameters) in theirs.items():
        module, name = key.split(" ")
        if kind == "inherited" or name in LEFT_OUT.get(module, ()):
            continue
        if key not in mine:
            missing.append("%s: %s is missing" % (key, kind))
            continue
        other = mine[key][1]
        # Of a class in C, or one that takes anything, nothing is known.
        if not parameters or not other or kind == "value" or "args" in [p[0] for p in other + parameters]:
            continue
        names = [p[0].lstrip("_") for p in other]
        wanted = [p[0].lstrip("_") for p in parameters]
        # Those that Debian's does not use have another name there.
        same = [n for n, w in zip(names, wanted) if n == w or w.startswith("unused")]
        if len(same) < len(wanted) or any(not p[1] for p in other[len(wanted):]):
            missing.append("%s%s: ours has %s" % (key, wanted, names))
    assert not missing, "\n".join(missing)
