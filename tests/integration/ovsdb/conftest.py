# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import ovsdbtest  # noqa: E402


@pytest.fixture
def server(tmp_path):
    s = ovsdbtest.Server(tmp_path, ovsdbtest.create(tmp_path)).start()
    yield s
    s.stop()


@pytest.fixture
def db(server):
    c = server.connect()
    yield c
    c.close()


@pytest.fixture
def vswitch(tmp_path):
    """A server of the Open_vSwitch database."""
    ovsdbtest.run(ovsdbtest.program("ovsdb-tool"), "create", tmp_path / "conf.db", ovsdbtest.SCHEMA)
    s = ovsdbtest.Server(tmp_path, tmp_path / "conf.db",
                         ["--remote=db:Open_vSwitch,Open_vSwitch,manager_options"]).start()
    yield s
    s.stop()
