// SPDX-License-Identifier: Apache-2.0
// OpenFlow errors by name; errors.def has their type and code per version.
#pragma once

#include "core/base/strbuf.h"

enum ofperr {
	OFPERR_NONE = 0,
#define OFPERR(NAME, ...) OFPERR_##NAME,
#include "ofproto/openflow/errors.def"
#undef OFPERR
	OFPERR_COUNT
};

const char *ofperr_name(enum ofperr e); // "OFPBAC_BAD_TYPE"
const char *ofperr_text(enum ofperr e);
// Appends a whole OFPT_ERROR message with 'request' (at least 64 bytes of it, as the standard wants) as data.
void ofperr_encode(enum ofperr e, uint8_t version, const void *request, size_t n,
		   struct strbuf *out);
// The error an OFPT_ERROR message carries, OFPERR_NONE when it is unknown.
enum ofperr ofperr_decode(const void *message, size_t n);
