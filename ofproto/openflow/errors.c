// SPDX-License-Identifier: Apache-2.0
#include "ofproto/openflow/errors.h"

#include "core/base/bytes.h"

#define EXPERIMENTER_TYPE 0xffff
// What OpenFlow 1.0 and 1.1 use in its place: a Nicira extension.
#define NX_VENDOR_TYPE 0xb0c2
#define HEADER_LEN 8
// The offending message goes back, as much of it as a message holds behind what an error begins with.
#define DATA_MAX (UINT16_MAX - HEADER_LEN - 12)

static const struct row {
	const char *name, *text;
	struct {
		uint32_t experimenter;
		int type, code;
	} v[6];
} rows[OFPERR_COUNT] = {
#define OFPERR(NAME, TEXT, ...) [OFPERR_##NAME] = { #NAME, TEXT, __VA_ARGS__ },
#include "ofproto/openflow/errors.def"
#undef OFPERR
};

const char *ofperr_name(enum ofperr e)
{
	return e > OFPERR_NONE && e < OFPERR_COUNT ? rows[e].name : "none";
}

const char *ofperr_text(enum ofperr e)
{
	return e > OFPERR_NONE && e < OFPERR_COUNT ? rows[e].text : "no error";
}

void ofperr_encode(enum ofperr e, uint8_t version, const void *request, size_t n,
		   struct strbuf *out)
{
	// Who speaks a version that nobody knows is answered in the first.
	int v = version >= 1 && version <= 6 ? version - 1 : 0;
	size_t start = out->len, data = MIN(n, (size_t)DATA_MAX);
	uint32_t xid = 0;

	if (n >= HEADER_LEN)
		memcpy(&xid, (const uint8_t *)request + 4, 4);
	// Not every version has a code for everything.
	if (rows[e].v[v].type < 0)
		e = OFPERR_NXBRC_UNENCODABLE_ERROR;
	wr_u8(out, v + 1);
	wr_u8(out, 1);
	wr_be16(out, 0);
	strbuf_put(out, &xid, 4);
	if (!rows[e].v[v].experimenter) {
		wr_be16(out, rows[e].v[v].type);
		wr_be16(out, rows[e].v[v].code);
	} else if (v < 2) {
		wr_be16(out, NX_VENDOR_TYPE);
		wr_be16(out, 0);
		wr_be32(out, rows[e].v[v].experimenter);
		wr_be16(out, rows[e].v[v].type);
		wr_be16(out, rows[e].v[v].code);
	} else {
		// Experimenter errors have one number.
		wr_be16(out, EXPERIMENTER_TYPE);
		wr_be16(out, rows[e].v[v].type);
		wr_be32(out, rows[e].v[v].experimenter);
	}
	strbuf_put(out, request, data);
	wr_patch_be16(out, start + 2, out->len - start);
}

enum ofperr ofperr_decode(const void *message, size_t n)
{
	struct reader r = rd_init(message, n);
	uint8_t version = rd_u8(&r);
	uint32_t experimenter = 0;
	int type, code;

	rd_skip(&r, HEADER_LEN - 1);
	type = rd_be16(&r);
	code = rd_be16(&r);
	if (type == NX_VENDOR_TYPE && version < 3) {
		experimenter = rd_be32(&r);
		type = rd_be16(&r);
		code = rd_be16(&r);
	} else if (type == EXPERIMENTER_TYPE) {
		type = code;
		code = 0;
		experimenter = rd_be32(&r);
	}
	if (rd_status(&r) || version < 1 || version > 6)
		return OFPERR_NONE;
	for (enum ofperr e = 1; e < OFPERR_COUNT; e++)
		if (rows[e].v[version - 1].experimenter == experimenter &&
		    rows[e].v[version - 1].type == type && rows[e].v[version - 1].code == code)
			return e;
	return OFPERR_NONE;
}
