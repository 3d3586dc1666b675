# SPDX-License-Identifier: Apache-2.0
"""Prints what the 'ovs' that is importable makes of random values: python_cases.py KIND SEED NUMBER [pure]."""
import json
import random
import sys
import uuid

sys.tracebacklimit = 0
if sys.argv[4:] == ["pure"]:
    sys.modules["ovs._json"] = None

import ovs.db.data  # noqa: E402
import ovs.db.error  # noqa: E402
import ovs.db.schema  # noqa: E402
import ovs.db.types  # noqa: E402
import ovs.json  # noqa: E402

STRINGS = ["", "a", "ab", "abc", "true", "a b", "x.y", "-", "\u00e9", "\"", "uuid", "set", "map", "named-uuid"]


def scalar(r):
    return r.choice([0, 1, -1, 3, 5, 1 << 40, 1.0, 2.5, 1e30, -0.5, None, [], {}, *STRINGS,
                     ["uuid", str(uuid.UUID(int=r.randrange(4)))], ["uuid", "x"], ["uuid"], ["uuid", 1]])


def value(r, depth=0):
    kind = r.randrange(8)
    if kind == 0 and depth < 2:
        return ["set", [value(r, depth + 1) for _ in range(r.randrange(4))]]
    if kind == 1 and depth < 2:
        return ["map", [[scalar(r), scalar(r)] for _ in range(r.randrange(3))]]
    if kind == 2 and depth < 2:
        return r.choice([["set"], ["set", 5], ["map", 5], ["map", [[1]]], ["map", [1]], ["set", [1], 2], ["x", []]])
    return scalar(r)


def fitting(r, base):
    """A value that 'base' may take."""
    atomic = base if isinstance(base, str) else base.get("type") if isinstance(base, dict) else None
    return {"integer": lambda: r.randrange(-2, 8), "real": lambda: r.randrange(-4, 16) / 2,
            "boolean": lambda: r.random() < .5, "string": lambda: r.choice(STRINGS),
            "uuid": lambda: ["uuid", str(uuid.UUID(int=r.randrange(4)))]}.get(atomic, lambda: scalar(r))()


def base_type(r):
    atomic = r.choice(["integer", "real", "boolean", "string", "uuid"])
    if r.random() < .3:
        return r.choice([atomic] * 5 + ["foo", 5, None, "void"])
    json_type = {"type": atomic}
    if r.random() < .2:
        json_type["enum"] = ["set", [fitting(r, atomic) for _ in range(r.randrange(4))]]
    if r.random() < .5:
        names = {"integer": ["minInteger", "maxInteger"], "real": ["minReal", "maxReal"],
                 "string": ["minLength", "maxLength"]}.get(atomic, [])
        for name in names:
            if r.random() < .7:
                json_type[name] = r.choice([0, 1, 2, 3, 5, 2.0, -1, 2.5] if atomic != "real" else [0, 1.5, 3, 4.25])
    if r.random() < .04:
        # One at a time: of several unknown members Debian's names one by chance.
        json_type[r.choice(["minLength", "minInteger", "refTable", "foo"])] = r.choice([1, "x", "Child"])
    if atomic == "uuid" and r.random() < .5 and len(json_type) == 1:
        json_type["refTable"] = r.choice(["A", "B", "9", 5])
        if r.random() < .5:
            json_type["refType"] = r.choice(["weak", "strong", "x"])
    return json_type


def column_type(r):
    key = base_type(r)
    if r.random() < .3:
        return key if isinstance(key, str) else {"key": key}
    json_type = {"key": key}
    if r.random() < .3:
        json_type["value"] = base_type(r)
    if r.random() < .7:
        json_type["min"] = r.choice([0, 0, 0, 1, 1, 2, -1, "x", 1.5])
    if r.random() < .7:
        json_type["max"] = r.choice([1, 1, 2, 3, "unlimited", "unlimited", 0, "x", 2.0])
    return json_type


def datum_for(r, json_type):
    if r.random() < .2:
        return value(r)
    key = json_type if isinstance(json_type, str) else json_type["key"]
    if isinstance(json_type, dict) and "value" in json_type:
        return ["map", [[fitting(r, key), fitting(r, json_type["value"])] for _ in range(r.randrange(4))]]
    if r.random() < .5:
        return fitting(r, key)
    return ["set", [fitting(r, key) for _ in range(r.randrange(4))]]


def outcome(function):
    try:
        return function()
    except ovs.db.error.Error as e:
        return ["error", str(e), e.tag, e.msg]


def data_case(r):
    json_type = column_type(r)
    parsed = outcome(lambda: ovs.db.types.Type.from_json(json_type))
    if isinstance(parsed, list):
        return parsed
    out = [parsed.to_json(), parsed.toEnglish(), parsed.constraintsToEnglish(), parsed.is_scalar(),
           parsed.is_optional(), parsed.is_composite(), parsed.is_set(), parsed.is_map(), parsed.is_smap(),
           bool(parsed.is_optional_pointer()), parsed == ovs.db.types.Type.from_json(json_type), parsed.key.has_constraints(),
           parsed.key.is_ref(), parsed.key.is_weak_ref()]
    both = []
    for _ in range(2):
        json_datum = datum_for(r, json_type)
        datum = outcome(lambda: ovs.db.data.Datum.from_json(parsed, json_datum))
        if isinstance(datum, list):
            out.append(datum)
            continue
        both.append(datum)
        python = datum.to_python(lambda x, base: x)
        out += [datum.to_json(), str(datum), repr(python), len(datum.values), datum.conforms_to_type()]
        if not (parsed.is_map() and parsed.n_max == 1):
            back = outcome(lambda: ovs.db.data.Datum.from_python(parsed, python, lambda x: x))
            out.append(back if isinstance(back, list) else back == datum)
    if len(both) == 2:
        out += [both[0] == both[1], both[0].diff(both[1]).to_json()]
    return out


def schema_case(r):
    def maybe(d, name, *choices):
        if r.random() < .15:
            d[name] = r.choice(choices)
    tables = {}
    for name in r.sample(["A", "B", "C", "_x", "9"], k=r.choice([0, 1, 1, 2, 2])):
        columns = {}
        for c in r.sample(["a", "b", "c", "_c", "7"], k=r.choice([0, 1, 1, 2, 2, 3])):
            columns[c] = {"type": column_type(r) if r.random() < .2 else
                          r.choice(["integer", "string", {"key": {"type": "uuid", "refTable": "A"}},
                                    {"key": "string", "min": 0, "max": "unlimited"}])}
            maybe(columns[c], "mutable", True, False, 1)
            maybe(columns[c], "ephemeral", True, False, "x")
        tables[name] = {"columns": columns}
        maybe(tables[name], "isRoot", True, False, 5)
        maybe(tables[name], "maxRows", 1, 3, 0, "x", 2.0)
        maybe(tables[name], "mutable", True, False, 0)
        maybe(tables[name], "indexes", [["a"]], [["a", "b"]], [], [[]], ["a"], 5, [["zz"]])
    schema = {"name": r.choice(["T", "T", "T", "9"]), "tables": tables}
    maybe(schema, "version", "1.2.3", "1.2", 4)
    maybe(schema, "cksum", "1 2", 7)
    maybe(schema, "foo", 1)
    parsed = outcome(lambda: ovs.db.schema.DbSchema.from_json(schema))
    return parsed if isinstance(parsed, list) else [parsed.to_json(), parsed.copy().to_json(), sorted(
        (t.name, c.name, c.persistent, c.unique) for t in parsed.tables.values() for c in t.columns.values())]


PIECES = ["[", "]", "{", "}", ",", ":", " ", "\n", "true", "false", "null", "tru", "x", "1", "-1", "0", "01", "1.5", "1e3",
          "-", "1e", "1.", "1e400", "12345678901234567890", "9223372036854775807", "0.1e1", '"a"', '"b"', '""', '"\\n"',
          '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\q"', '"\\u12"', '"\\u0000"', '"\t"', '"', "#", "'", "\\", "1e5-3",
          '"\\ud800\\u0041"', '"\u20ac"', "-0", "-0.0", "1E+2", "123e-2"]


def text(r, depth=0):
    if depth < 4 and r.random() < (.95 if depth == 0 else .4):
        if r.random() < .5:
            return "[%s]" % ",".join(text(r, depth + 1) for _ in range(r.randrange(4)))
        return "{%s}" % ",".join('"%s":%s' % (r.choice("abc"), text(r, depth + 1)) for _ in range(r.randrange(4)))
    return r.choice(["true", "null", "1", "-2", "1.5", "2e2", '"x"', '"\\n\\u00e9"', "12345678901234567890", "0"])


def json_case(r):
    """Valid texts, and texts with a piece too much, too few or another one."""
    s = text(r) if r.random() < .7 else "".join(r.choice(PIECES) for _ in range(r.randrange(9)))
    for _ in range(r.choice([0, 0, 1, 1, 2])):
        at, end = r.randrange(len(s) + 1), 0
        end = at + r.randrange(2)
        s = s[:at] + (r.choice(PIECES) if r.random() < .6 else "") + s[end:]
    try:
        whole = ovs.json.from_string(s)
    except UnicodeError:
        whole = "UnicodeError"
    # Fed in pieces it is the same.
    parser = ovs.json.Parser(check_trailer=True)
    rest, fed = s, True
    while rest and fed:
        size = r.randrange(1, 5)
        n = len(rest[:size]) if parser.feed(rest[:size]) else 0
        rest, fed = rest[n:], n
    try:
        pieces = parser.finish()
    except UnicodeError:
        pieces = "UnicodeError"
    out = [s, whole, repr(whole) == repr(pieces)]
    if not isinstance(whole, str):
        out += [ovs.json.to_string(whole), ovs.json.to_string(whole, pretty=True)]
    return out


if __name__ == "__main__":
    for i in range(int(sys.argv[3])):
        random_of_case = random.Random("%s %s %d" % (sys.argv[1], sys.argv[2], i))
        try:
            result = globals()[sys.argv[1] + "_case"](random_of_case)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError) as e:
            result = ["crash", type(e).__name__]
        print(json.dumps(result))
