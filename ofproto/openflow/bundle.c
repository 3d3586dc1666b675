// SPDX-License-Identifier: Apache-2.0
// Codecs of bundles.
#include "ofproto/openflow/bundle.h"

#include "ofproto/openflow/wire-private.h"

enum { OFFSET_XID = 4 };

enum ofperr bundle_control_decode(const struct msg *m, struct bundle_control *ret)
{
	struct reader r = m->body;

	r.parent = NULL;
	ret->id = rd_be32(&r);
	ret->type = rd_be16(&r);
	ret->flags = rd_be16(&r);
	return rd_status(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void bundle_control_encode(const struct bundle_control *c, uint8_t version, uint32_t xid,
			   struct strbuf *out)
{
	size_t start = msg_begin(MSG_BUNDLE_CONTROL, version, xid, out);

	wr_be32(out, c->id);
	wr_be16(out, c->type);
	wr_be16(out, c->flags);
	msg_end(out, start);
}

static bool is_bundleable(enum msg_type type)
{
	return type == MSG_FLOW_MOD || type == MSG_GROUP_MOD || type == MSG_PORT_MOD ||
	       type == MSG_PACKET_OUT;
}

enum ofperr bundle_add_decode(const struct msg *m, struct bundle_add *ret)
{
	struct reader r = m->body, peek;
	uint32_t xid;
	uint8_t version;
	uint16_t length;

	r.parent = NULL;
	ret->id = rd_be32(&r);
	rd_skip(&r, 2);
	ret->flags = rd_be16(&r);
	if (rd_status(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	peek = r;
	version = rd_u8(&peek);
	rd_skip(&peek, 1);
	length = rd_be16(&peek);
	xid = rd_be32(&peek);
	if (rd_status(&peek))
		return OFPERR_OFPBFC_MSG_BAD_LEN;
	if (version != m->version)
		return OFPERR_OFPBFC_BAD_VERSION;
	if (length < OF_HEADER_LEN || length > rd_left(&r))
		return OFPERR_OFPBFC_MSG_BAD_LEN;
	if (xid != m->xid)
		return OFPERR_OFPBFC_MSG_BAD_XID;
	if (msg_decode_header(r.p, length, &ret->msg) || !is_bundleable(ret->msg.type))
		return OFPERR_OFPBFC_MSG_UNSUP;
	return OFPERR_NONE;
}

void bundle_add_encode(uint32_t id, uint16_t flags, const void *message, size_t n, uint8_t version,
		       uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_BUNDLE_ADD_MESSAGE, version, xid, out), at;
	be32 xid_be = htobe32(xid);

	wr_be32(out, id);
	wr_be16(out, 0);
	wr_be16(out, flags);
	at = out->len;
	strbuf_put(out, message, n);
	memcpy(out->s + at + OFFSET_XID, &xid_be, sizeof(xid_be));
	msg_end(out, start);
}
