# SPDX-License-Identifier: Apache-2.0
"""Clients of OVSDB servers and of the control sockets of daemons, under the names that programs import."""
