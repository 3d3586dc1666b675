#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the typed C accessors of a schema: idlc.py SCHEMA PREFIX header|source > FILE

What the accessors mean is said in ovsdb/idl.h. Python's standard library only.
"""
import json
import re
import sys

C_TYPES = {"integer": "int64_t", "real": "double", "boolean": "bool", "string": "char *", "uuid": "struct uuid"}
SETTERS = {"integer": "integers", "real": "reals", "boolean": "bools", "string": "strings", "uuid": "uuids"}


class Column:
    def __init__(self, name, spec, prefix):
        t = spec["type"]
        if isinstance(t, str):
            t = {"key": t}
        self.name = name
        self.key, self.key_ref = self.base(t["key"])
        self.value, self.value_ref = self.base(t["value"]) if "value" in t else (None, None)
        self.min = t.get("min", 1)
        self.max = t.get("max", 1)
        self.prefix = prefix

    @staticmethod
    def base(b):
        if isinstance(b, str):
            return b, None
        return b["type"], b.get("refTable")

    def ctype(self, atomic, ref):
        return "struct %s_%s *" % (self.prefix, ref.lower()) if ref else C_TYPES[atomic]

    @property
    def is_smap(self):
        return self.key == "string" and self.value == "string"

    @property
    def is_single(self):
        """One plain member: exactly one value, or an optional string or reference (NULL)."""
        if self.value or self.max != 1:
            return False
        return self.min == 1 or self.key == "string" or self.key_ref is not None

    def members(self):
        def decl(t, star, name):
            t += "*" if star and t.endswith("*") else " *" if star else ""
            return "\t%s%s%s;" % (t, "" if t.endswith("*") else " ", name)
        k = self.ctype(self.key, self.key_ref)
        if self.is_smap:
            return ["\tstruct smap %s;" % self.name]
        if self.value:
            return [decl(k, True, "key_" + self.name), decl(self.ctype(self.value, self.value_ref), True, "value_" + self.name),
                    "\tsize_t n_%s;" % self.name]
        if self.is_single:
            return [decl(k, False, self.name)]
        return [decl(k, True, self.name), "\tsize_t n_%s;" % self.name]

    def offsets(self, struct):
        def ofs(m):
            return "offsetof(struct %s, %s)" % (struct, m)
        if self.is_smap:
            return ofs(self.name), "0", "0"
        if self.value:
            return ofs("key_" + self.name), ofs("value_" + self.name), ofs("n_" + self.name)
        return ofs(self.name), "0", "0" if self.is_single else ofs("n_" + self.name)

    def array_arg(self, atomic, ref, name):
        if ref:
            return "struct %s_%s *const *%s" % (self.prefix, ref.lower(), name)
        if atomic == "string":
            return "const char *const *" + name
        return "const %s *%s" % (C_TYPES[atomic], name)

    def setter(self, struct, macro):
        """(prototype, body) of the function that sets the column."""
        head = "void %s_set_%s(const struct %s *row, " % (struct, self.name, struct)
        col = "%s_COL_%s" % (macro, self.name.upper())
        if self.is_smap:
            return head + "const struct smap *v)", "\tidl_set_smap(&row->row, %s, v);" % col
        if self.value:
            return (head + "%s, %s, size_t n)" % (self.array_arg(self.key, self.key_ref, "keys"),
                                                  self.array_arg(self.value, self.value_ref, "values")),
                    "\tidl_set_map(&row->row, %s, keys, values, n);" % col)
        call = "\tidl_set_%s(&row->row, %s, " % ("rows" if self.key_ref else SETTERS[self.key], col)
        if self.is_single:
            if self.key_ref:
                return (head + "const struct %s_%s *v)" % (self.prefix, self.key_ref.lower()),
                        "\tconst struct idl_row *r = v ? &v->row : NULL;\n\n" + call + "&r, 1);")
            if self.key == "string":
                return head + "const char *v)", call + "&v, v ? 1 : 0);"
            if self.key == "uuid":
                return head + "const struct uuid *v)", call + "v, 1);"
            return head + "%s v)" % C_TYPES[self.key], call + "&v, 1);"
        cast = "(const struct idl_row *const *)" if self.key_ref else ""
        return head + self.array_arg(self.key, self.key_ref, "v") + ", size_t n)", call + cast + "v, n);"


class Table:
    def __init__(self, name, spec, prefix):
        self.name = name
        self.low = name.lower()
        self.struct = "%s_%s" % (prefix, self.low)
        self.macro = self.struct.upper()
        self.columns = [Column(c, s, prefix) for c, s in sorted(spec["columns"].items())]


def functions(t):
    """(prototype, body) of everything a table gets."""
    s, m = t.struct, t.macro
    yield ("const struct %s *%s_first(const struct idl *idl)" % (s, s),
           '\treturn (const struct %s *)idl_first(idl_table(idl, "%s"));' % (s, t.name))
    yield ("const struct %s *%s_next(const struct %s *row)" % (s, s, s),
           "\treturn (const struct %s *)idl_next(&row->row);" % s)
    yield ("const struct %s *%s_find(const struct idl *idl, const struct uuid *uuid)" % (s, s),
           '\treturn (const struct %s *)idl_find(idl_table(idl, "%s"), uuid);' % (s, t.name))
    yield ("struct %s *%s_insert(struct idl_txn *txn)" % (s, s),
           '\treturn (struct %s *)idl_insert(txn, idl_table(idl_txn_idl(txn), "%s"), NULL);' % (s, t.name))
    yield "void %s_delete(const struct %s *row)" % (s, s), "\tidl_delete(&row->row);"
    yield ("void %s_verify(const struct %s *row, enum %s_column column)" % (s, s, s),
           "\tidl_verify(&row->row, idl_row_column(&row->row, column));")
    yield ("void %s_add_column(struct idl *idl, enum %s_column column, unsigned int flags)" % (s, s),
           '\tidl_add_column(idl, "%s", %s_columns[column].name, flags);' % (t.name, s))
    yield ("bool %s_changed_since(const struct %s *row, enum %s_column column, uint64_t seqno)" % (s, s, s),
           "\treturn idl_column_changed_since(&row->row, %s_columns[column].name, seqno);" % s)
    for c in t.columns:
        yield c.setter(s, m)
        if c.is_smap:
            col = "%s_COL_%s" % (m, c.name.upper())
            yield ("void %s_update_%s_setkey(const struct %s *row, const char *key, const char *value)" % (s, c.name, s),
                   "\tidl_set_smap_key(&row->row, %s, key, value);" % col)
            yield ("void %s_update_%s_delkey(const struct %s *row, const char *key)" % (s, c.name, s),
                   "\tidl_remove_smap_key(&row->row, %s, key);" % col)


def header(tables, prefix, out):
    out("// Generated by ovsdb/idlc.py from the schema. What it means is said in ovsdb/idl.h.")
    out("#pragma once\n\n#include \"ovsdb/idl.h\"\n")
    out("extern const struct idl_class %s_class;" % prefix)
    for t in tables:
        out("\n// ---- %s ----\n\nenum %s_column {" % (t.name, t.struct))
        for c in t.columns:
            out("\t%s_COL_%s," % (t.macro, c.name.upper()))
        out("\t%s_N_COLUMNS\n};\n\nstruct %s {\n\tstruct idl_row row;" % (t.macro, t.struct))
        for c in t.columns:
            out("\n".join(c.members()))
        out("};\n")
        for proto, _ in functions(t):
            out(proto + ";")
        out("#define %s_FOR_EACH(ROW, IDL) \\\n\tfor ((ROW) = %s_first(IDL); (ROW); (ROW) = %s_next(ROW))"
            % (t.macro, t.struct, t.struct))
        out("// ROW may be deleted in the body.\n#define %s_FOR_EACH_SAFE(ROW, NEXT, IDL) \\\n\tfor ((ROW) = %s_first(IDL); "
            "(ROW) ? ((NEXT) = %s_next(ROW), true) : false; (ROW) = (NEXT))" % (t.macro, t.struct, t.struct))


def source(tables, prefix, path, schema, out):
    out("// Generated by ovsdb/idlc.py from the schema.")
    out("#include \"%s\"\n\n#include \"ovsdb/idl-private.h\"\n" % path)
    for t in tables:
        out("static const struct idl_column_class %s_columns[] = {" % t.struct)
        for c in t.columns:
            out('\t{ "%s", %s, %s, %s },' % ((c.name,) + c.offsets(t.struct)))
        out("};\n")
        for proto, body in functions(t):
            out("%s\n{\n%s\n}\n" % (proto, body))
    out("static const struct idl_table_class tables[] = {")
    for t in tables:
        out('\t{ "%s", sizeof(struct %s), %s_columns, %s_N_COLUMNS },' % (t.name, t.struct, t.struct, t.macro))
    out("};\n\nconst struct idl_class %s_class = {\n\t.database = \"%s\",\n\t.schema =" % (prefix, schema["name"]))
    text = json.dumps(schema, separators=(",", ":"))
    for i in range(0, len(text), 90):
        out("\t\t%s" % json.dumps(text[i:i + 90]))
    out("\t,\n\t.tables = tables,\n\t.n_tables = %d,\n};" % len(tables))


def main():
    if len(sys.argv) != 5 or sys.argv[3] not in ("header", "source"):
        sys.exit("usage: %s SCHEMA PREFIX header|source HEADER-PATH" % sys.argv[0])
    with open(sys.argv[1], encoding="utf-8") as f:
        schema = json.load(f)
    prefix = sys.argv[2]
    if not re.fullmatch("[a-z][a-z0-9_]*", prefix):
        sys.exit("%s: prefix %s is no C identifier" % (sys.argv[0], prefix))
    tables = [Table(n, s, prefix) for n, s in sorted(schema["tables"].items())]
    print("// SPDX-License-Identifier: Apache-2.0")
    if sys.argv[3] == "header":
        header(tables, prefix, print)
    else:
        source(tables, prefix, sys.argv[4], schema, print)


if __name__ == "__main__":
    main()
