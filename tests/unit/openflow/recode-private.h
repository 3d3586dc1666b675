// SPDX-License-Identifier: Apache-2.0
// What recode's files share.
#pragma once

#include "ofproto/openflow/wire-private.h"

// Where a message goes, and what replies take version, form and xid from.
struct target {
	uint8_t version;
	bool nx; // in Nicira's form, where there are two
	uint32_t xid;
	struct msg request;
	struct strbuf *out;
};

// Decodes the message, which has a header that is known, and encodes it for the target.
struct recoder {
	enum msg_type type;
	enum ofperr (*f)(struct msg *m, struct target *t);
};

// Up to one of MSG_MAX.
extern const struct recoder recode_switch[], recode_flows[];

bool recode_is_nx(enum msg_kind kind);
// Whether the version has the message in Nicira's form, or in another one.
bool recode_has_form(enum msg_type type, uint8_t version, bool nx);
enum ofperr recode_to(struct msg *m, uint8_t version, bool nx, struct strbuf *out);

static inline enum ofperr of_next(int got)
{
	return got < 0 ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
