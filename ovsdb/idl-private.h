// SPDX-License-Identifier: Apache-2.0
// What the generated accessors need besides ovsdb/idl.h.
#pragma once

#include "ovsdb/idl.h"

struct idl *idl_txn_idl(const struct idl_txn *txn);
