# SPDX-License-Identifier: Apache-2.0
"""Builds the package: python3 setup.py bdist_wheel, or make install. Needs no network; without a compiler ovs._json is left out."""
import pathlib
import re

from setuptools import Extension, setup

HERE = pathlib.Path(__file__).resolve().parent
VERSION = re.search(r'^VERSION = "(.*)"$', (HERE / "ovs" / "version.py").read_text(), re.M).group(1)

setup(
    name="ovs",
    version=VERSION,
    description="Clients of OVSDB and of switch daemons, from Open eSwitch",
    license="Apache-2.0",
    packages=["ovs", "ovs.db", "ovs.unixctl"],
    package_data={"ovs": ["py.typed"]},
    python_requires=">=3.9",
    ext_modules=[Extension("ovs._json", ["ovs/_json.c"], optional=True)],
)
