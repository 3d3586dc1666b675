# SPDX-License-Identifier: Apache-2.0
include tests/unit/core.mk
include tests/unit/offload.mk
include tests/unit/oracle.mk
include tests/unit/simnic.mk
include tests/unit/core-flow.mk
include tests/unit/datapath.mk
EXTRA_DIST += tests/lint/format tests/lint/install-packages tests/lint/layers tests/lint/packages
include tests/unit/ovsdb.mk
include tests/unit/openflow.mk
