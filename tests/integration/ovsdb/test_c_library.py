# SPDX-License-Identifier: Apache-2.0
"""The installed client library: what it exports, and the example that is built with pkg-config only, outside of the tree."""
import os
import re
import shutil
import subprocess

import pytest

from ovsdbtest import BUILD, PATIENCE, SCHEMA, SOURCE, Server, peer, program, run

EXAMPLE = SOURCE / "Documentation/examples/ovsdb-client"


def make_variable(name):
    m = re.search(r"(?m)^%s = (.*)$" % name, (BUILD / "Makefile").read_text())
    return m.group(1).strip()


def make(*args):
    p = subprocess.run(["make", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10 * PATIENCE)
    assert p.returncode == 0, p.stdout
    return p.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where the library is installed for these tests, as a package of it would have it."""
    prefix = tmp_path_factory.mktemp("prefix")
    make("-C", BUILD, "prefix=%s" % prefix, "install")
    return prefix


def pkg_config(prefix):
    return "pkg-config --define-variable=prefix=%s" % prefix


@pytest.fixture(scope="module")
def bridges(prefix, tmp_path_factory):
    """The example, built; with the sanitizers of this build, if it has some."""
    directory = tmp_path_factory.mktemp("example") / "ovsdb-client"
    shutil.copytree(EXAMPLE, directory)
    os.environ["PKG_CONFIG_PATH"] = str(prefix / "lib/pkgconfig")
    san = make_variable("SAN_CFLAGS")
    make("-C", directory, "PKG_CONFIG=" + pkg_config(prefix), "CFLAGS=-O1 -g -Wall -Wextra -Wno-unused-parameter -Werror " + san, "bridges", "bridges-static")
    return directory


@pytest.fixture(params=["bridges", "bridges-static"])
def client(request, bridges, prefix):
    """Runs the example, linked in either way."""
    def call(*args, check=True):
        return run(bridges / request.param, *args, check=check, env=dict(os.environ, LD_LIBRARY_PATH=str(prefix / "lib")))
    call.path = bridges / request.param
    call.env = dict(os.environ, LD_LIBRARY_PATH=str(prefix / "lib"))
    return call


def test_shared_library_has_soname_and_links(prefix):
    lib = prefix / "lib"
    assert "(SONAME)" in run("readelf", "-d", lib / "liboesovsdb.so").stdout
    soname = re.search(r"SONAME\).*\[(.*)\]", run("readelf", "-d", lib / "liboesovsdb.so").stdout).group(1)
    assert (lib / soname).resolve() == (lib / "liboesovsdb.so").resolve()


def test_library_exports_what_headers_declare(prefix):
    headers = sorted((prefix / "include/openeswitch").glob("**/*.h"))
    declared = set(run(SOURCE / "ovsdb/public-names", *headers).stdout.split())
    assert {"idl_create", "loop_step", "smap_get", "program_name"} <= declared
    for args in (["-D", prefix / "lib/liboesovsdb.so"], ["-g", prefix / "lib/liboesovsdb.a"]):
        symbols = re.findall(r"(?m) [A-TV-Z] (\w+)", run("nm", "--defined-only", *args).stdout)
        assert declared == {s for s in symbols if not s.startswith(("LIBOESOVSDB_", "__asan", "__odr"))}, args


def test_each_header_compiles_by_itself(prefix, tmp_path):
    root = prefix / "include/openeswitch"
    for header in sorted(root.glob("**/*.h")):
        (tmp_path / "t.c").write_text('#include "%s"\n' % header.relative_to(root))
        run("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-fsyntax-only", "-I", root, tmp_path / "t.c")


def test_library_lives_beside_another_of_json(prefix, tmp_path):
    """jansson has functions of the same names as our reader of JSON: neither the headers nor the libraries get into each other's way."""
    if not os.path.exists("/usr/include/jansson.h"):
        pytest.skip("no jansson")
    (tmp_path / "t.c").write_text("""
#include <jansson.h>
#include "ovsdb/idl.h"
int main(void)
{
	json_t *o = json_object();
	struct loop *l;
	program_init("t");
	l = loop_create();
	json_object_set_new(o, "a", json_string("b"));
	loop_destroy(l);
	return strcmp(json_string_value(json_object_get(o, "a")), "b");
}
""")
    for how in (["-loesovsdb", "-ljansson"], ["-ljansson", "-loesovsdb"]):
        run("gcc", "-std=gnu11", *make_variable("SAN_CFLAGS").split(), "-I", prefix / "include/openeswitch", "-L", prefix / "lib",
            "-o", tmp_path / "t", tmp_path / "t.c", *how)
        run(tmp_path / "t", env=dict(os.environ, LD_LIBRARY_PATH=str(prefix / "lib"), ASAN_OPTIONS="detect_leaks=0"))


def test_pkg_config_knows_schemas_and_generator(prefix):
    env = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"))

    def ask(*args):
        return run("pkg-config", "--define-variable=prefix=%s" % prefix, *args, "liboesovsdb", env=env).stdout.strip()
    assert (prefix / "bin/ovsdb-idlc").samefile(ask("--variable=idlc"))
    assert os.path.exists(ask("--variable=schemadir") + "/vswitch.ovsschema")
    assert re.match(r"\d+\.\d+\.\d+$", ask("--modversion"))


def test_generator_reports_bad_input(prefix, tmp_path):
    idlc = prefix / "bin/ovsdb-idlc"
    bad = tmp_path / "bad.ovsschema"
    for text, words in (("{", "not a schema"), ('{"name": "x"}', "'tables'"), ('{"name": "x", "tables": {"a b": {"columns": {}}}}', "a b"),
                        ('{"name": "x", "tables": {"t": {"columns": {"c": {"type": "wrong"}}}}}', "wrong")):
        bad.write_text(text)
        p = run(idlc, bad, "p", "header", "x.h", check=False)
        assert p.returncode == 1 and words in p.stderr and "Traceback" not in p.stderr, (text, p.stderr)
    p = run(idlc, tmp_path / "none", "p", "header", "x.h", check=False)
    assert p.returncode == 1 and "No such file" in p.stderr
    assert "prefix" in run(idlc, SCHEMA, "9", "header", "x.h", check=False).stderr


def test_generated_names_avoid_keywords(prefix, tmp_path):
    schema = tmp_path / "k.ovsschema"
    schema.write_text('{"name": "K", "version": "1.0.0", "tables": {"Int": {"columns": {"default": {"type": "integer"}, "row": '
                      '{"type": {"key": "string", "min": 0, "max": "unlimited"}}, "static": {"type": {"key": "string", "value": '
                      '"real", "min": 0, "max": "unlimited"}}}}}}')
    for what, name in (("header", "k.h"), ("source", "k.c")):
        (tmp_path / name).write_text(run(prefix / "bin/ovsdb-idlc", schema, "k", what, "k.h").stdout)
    run("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-c", "-I", prefix / "include/openeswitch", "-I", tmp_path,
        "-o", tmp_path / "k.o", tmp_path / "k.c")


@pytest.mark.parametrize("binary", [None, "peer"])
def test_example_with_a_server(client, tmp_path, binary):
    if binary and not peer("ovsdb-server"):
        pytest.skip("no peer programs")
    run(program("ovsdb-tool"), "create", tmp_path / "conf.db", SCHEMA)
    server = Server(tmp_path, tmp_path / "conf.db", binary=binary and peer("ovsdb-server")).start()
    remote = "unix:%s" % server.socket
    watcher = subprocess.Popen([client.path, remote, "watch", "3"], env=client.env, stdout=subprocess.PIPE, text=True)
    try:
        client(remote, "add", "br1")
        assert watcher.stdout.readline() == "+ br1 (1 ports)\n"
        client(remote, "add", "br0")
        assert watcher.stdout.readline() == "+ br0 (1 ports)\n"
        client(remote, "add", "br0")
        assert client(remote, "list").stdout == "br0: br0\nbr1: br1\n"
        client(remote, "del", "br1")
        assert watcher.stdout.readline() == "- br1 (1 ports)\n"
        assert watcher.wait(PATIENCE) == 0
        assert client(remote, "list").stdout == "br0: br0\n"
    finally:
        watcher.kill()
        watcher.wait()
        server.stop()


def test_example_without_a_server(client, tmp_path):
    p = client("unix:%s/none" % tmp_path, "list", check=False)
    assert p.returncode == 1 and p.stderr == "bridges: unix:%s/none: No such file or directory\n" % tmp_path
