// SPDX-License-Identifier: Apache-2.0
// Requests that are forwarded to other controllers: a message in a message.
#include "ofproto/openflow/group.h"
#include "ofproto/openflow/print-private.h"

enum ofperr requestforward_decode(const struct msg *m, struct msg *ret_request)
{
	const uint8_t *b = m->body.p;
	size_t n = rd_left(&m->body), length;
	enum ofperr e;

	if (n < OF_HEADER_LEN)
		return OFPERR_OFPBRC_BAD_LEN;
	length = b[2] << 8 | b[3];
	if (length < OF_HEADER_LEN || length > n)
		return OFPERR_OFPBFC_MSG_BAD_LEN;
	if (b[0] != m->version)
		return OFPERR_OFPBRC_BAD_VERSION;
	e = msg_decode_header(b, length, ret_request);
	if (!e && ret_request->type != MSG_GROUP_MOD && ret_request->type != MSG_METER_MOD)
		e = OFPERR_OFPBFC_MSG_UNSUP;
	return e;
}

void requestforward_encode(const struct strbuf *request, uint8_t version, struct strbuf *out)
{
	size_t start = out->len;

	// A message says its length in 16 bits.
	if (request->len > UINT16_MAX - 2 * OF_HEADER_LEN)
		return;
	msg_begin(MSG_REQUESTFORWARD, version, 0, out);
	strbuf_put(out, request->s, request->len);
	msg_end(out, start);
}

enum ofperr print_requestforward(struct print *p, struct msg *m)
{
	struct msg request;
	enum ofperr e = requestforward_decode(m, &request);
	size_t at = p->out->len;

	if (e)
		return e;
	if (request.type == MSG_GROUP_MOD) {
		strbuf_puts(p->out, " reason=group_mod");
		e = print_group_mod(p, &request);
	} else {
		strbuf_puts(p->out, " reason=meter_mod");
		e = print_meter_mod(p, &request);
	}
	if (e)
		strbuf_truncate(p->out, at);
	return e;
}
