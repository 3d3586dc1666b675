// SPDX-License-Identifier: Apache-2.0
// What a connection is sent unasked, and how it says so.
#include "ofproto/control/control-private.h"

// What a service connection may be sent of a packet once it asked for anything.
#define DEFAULT_MISS_SEND_LEN 128

bool peer_wants(const struct peer *p, enum async_kind kind, unsigned int reason)
{
	const uint32_t *masks = p->role == ROLE_SECONDARY ? p->async.secondary : p->async.primary;

	if (!p->ready || (p->service && !p->miss_send_len))
		return false;
	return masks[kind] >> reason & 1;
}

bool peer_wants_invalid_ttl(const struct peer *p)
{
	return p->async.primary[ASYNC_PACKET_IN] >> OFPR_INVALID_TTL & 1;
}

void peer_set_invalid_ttl(struct peer *p, bool on)
{
	uint32_t bit = 1u << OFPR_INVALID_TTL;
	uint32_t *masks[] = { &p->async.primary[ASYNC_PACKET_IN],
			      &p->async.secondary[ASYNC_PACKET_IN] };

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++)
		*masks[i] = on ? *masks[i] | bit : *masks[i] & ~bit;
}

enum ofperr on_get_async(struct peer *p, const struct msg *m, struct strbuf *out)
{
	async_encode(MSG_GET_ASYNC_REPLY, &p->async, m->version, m->xid, out);
	return OFPERR_NONE;
}

enum ofperr on_set_async(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct async_masks a = p->async;
	enum ofperr e = async_decode(m, &a);

	if (e)
		return e;
	p->async = a;
	// Who says which messages it wants wants messages.
	if (p->service && !p->miss_send_len)
		p->miss_send_len = DEFAULT_MISS_SEND_LEN;
	return OFPERR_NONE;
}
