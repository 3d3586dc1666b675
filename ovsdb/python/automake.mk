# SPDX-License-Identifier: Apache-2.0
# The Python package "ovs". It is built into ovsdb/python/lib of the build directory, where tests find it.
ovs_python_files = \
	ovsdb/python/pyproject.toml ovsdb/python/setup.py \
	ovsdb/python/ovs/__init__.py ovsdb/python/ovs/_json.c ovsdb/python/ovs/daemon.py ovsdb/python/ovs/dirs.py \
	ovsdb/python/ovs/fatal_signal.py ovsdb/python/ovs/json.py ovsdb/python/ovs/jsonrpc.py ovsdb/python/ovs/ovsuuid.py \
	ovsdb/python/ovs/poller.py ovsdb/python/ovs/process.py ovsdb/python/ovs/py.typed ovsdb/python/ovs/reconnect.py \
	ovsdb/python/ovs/socket_util.py ovsdb/python/ovs/stream.py ovsdb/python/ovs/timeval.py ovsdb/python/ovs/util.py \
	ovsdb/python/ovs/version.py ovsdb/python/ovs/vlog.py \
	ovsdb/python/ovs/db/__init__.py ovsdb/python/ovs/db/custom_index.py ovsdb/python/ovs/db/data.py ovsdb/python/ovs/db/error.py \
	ovsdb/python/ovs/db/idl.py ovsdb/python/ovs/db/idl_row.py ovsdb/python/ovs/db/idl_table.py ovsdb/python/ovs/db/idl_txn.py \
	ovsdb/python/ovs/db/parser.py ovsdb/python/ovs/db/schema.py ovsdb/python/ovs/db/types.py \
	ovsdb/python/ovs/unixctl/__init__.py ovsdb/python/ovs/unixctl/client.py ovsdb/python/ovs/unixctl/server.py
EXTRA_DIST += $(ovs_python_files) ovsdb/python/README.md

if HAVE_SETUPTOOLS
ovs_python_run = cd $(srcdir)/ovsdb/python && PYTHONDONTWRITEBYTECODE=1 $(PYTHON3) setup.py -q
ovs_python_out = $(abs_builddir)/ovsdb/python
all-local: ovsdb/python/stamp
ovsdb/python/stamp: $(ovs_python_files)
	$(AM_V_GEN)rm -rf ovsdb/python/lib ovsdb/python/build && $(MKDIR_P) ovsdb/python/lib && \
		($(ovs_python_run) egg_info --egg-base=$(ovs_python_out)/lib \
			build --build-base=$(ovs_python_out)/build --build-lib=$(ovs_python_out)/lib) \
			> ovsdb/python/build.log 2>&1 || { cat ovsdb/python/build.log; exit 1; }
	$(AM_V_at)touch $@

install-data-local: ovsdb/python/stamp
	$(MKDIR_P) $(DESTDIR)$(pythondir)
	cp -R ovsdb/python/lib/ovs ovsdb/python/lib/ovs.egg-info $(DESTDIR)$(pythondir)
uninstall-local:
	rm -rf $(DESTDIR)$(pythondir)/ovs $(DESTDIR)$(pythondir)/ovs.egg-info
clean-local:
	rm -rf ovsdb/python/lib ovsdb/python/build ovsdb/python/build.log ovsdb/python/stamp
endif
