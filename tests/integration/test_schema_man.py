# SPDX-License-Identifier: Apache-2.0
"""Documentation/schema/schema-man: pages of databases, and that no column goes without words."""
import json
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = {"name": "S", "version": "1.0.0", "tables": {"T": {"columns": {
    "c": {"type": {"key": {"type": "integer", "minInteger": 1, "maxInteger": 4095}, "min": 0, "max": 1}},
    "options": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}}}}}
WORDS = "T = Things.\nT.c = A number.\n*.options = Settings.\nT.options:known = A key.\n"


# None is a key that is read and has no words.
QUIET = """smap_get(&cfg->options, "known"); smap_get_def(options, "known", ""); smap_set(options, "written", x);
smap_set(&row->options, "written", x); smap_get(&features, "other"); call(x, "options", "text"); f(cfg->too_many_options, "k");"""


def page(directory, docs, source=""):
    (directory / "s").write_text(json.dumps(SCHEMA))
    (directory / "d").write_text(docs)
    (directory / "x.c").write_text(source)
    return subprocess.run([sys.executable, TOP / "Documentation/schema/schema-man", "page", directory / "s", directory / "d",
                           directory / "x.c"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)


def test_a_page_tells_types_and_words(tmp_path):
    p = page(tmp_path, WORDS, QUIET)
    assert p.returncode == 0, p.stderr
    assert "``c``: optional integer from 1 to 4,095\n    A number." in p.stdout
    assert "``options:known``\n        A key." in p.stdout


@pytest.mark.parametrize("docs, source, complaint", [
    (WORDS.replace("T = Things.\n", ""), "", "table T has no documentation"),
    (WORDS.replace("T.c = A number.\n", ""), "", "column c of table T has no documentation"),
    (WORDS + "T.gone = Words.\n", "", "T.gone is documented, but not in the schema"),
    (WORDS + "U = Words.\n", "", "table U is documented, but not in the schema"),
    (WORDS + "T.c = Again.\n", "", "said twice: T.c"),
    (WORDS, 'smap_get_bool(&row->options, "new", false)', "reads options:new, which has no documentation"),
    (WORDS, 'v = smap_get(oc, "new");', "reads key new, which has no documentation"),
    (WORDS, 'port_option_int(p,\n\toptions,\n\t"new", 1)', "reads key new, which has no documentation"),
], ids=["table", "column", "no column", "no table", "twice", "key", "key of a variable", "key through a function"])
def test_what_is_missing_fails_the_build(tmp_path, docs, source, complaint):
    p = page(tmp_path, docs, source)
    assert p.returncode == 1 and complaint in p.stderr, p.stderr
