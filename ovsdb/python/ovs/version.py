# SPDX-License-Identifier: Apache-2.0
"""The version of the project; tests compare it with configure.ac's."""
VERSION = "0.1.0"
