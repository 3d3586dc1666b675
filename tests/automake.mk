# SPDX-License-Identifier: Apache-2.0
include tests/unit/simnic.mk
include tests/unit/core-flow.mk
include tests/unit/datapath.mk
