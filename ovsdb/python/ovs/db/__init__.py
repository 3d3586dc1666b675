# SPDX-License-Identifier: Apache-2.0
"""OVSDB: types, values, schemas and the replica of a database that a client keeps."""
