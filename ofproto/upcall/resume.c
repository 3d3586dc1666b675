// SPDX-License-Identifier: Apache-2.0
// Packets that come back from the controller that they were paused for.
#include "ofproto/pipeline/continuation.h"
#include "ofproto/upcall/upcall-private.h"

// The packet, with what the message says of it beside its bytes.
static bool read_packet(const struct packet_in *p, struct strbuf *bytes, struct flow_key *key)
{
	const struct flow_key *said = &p->metadata.key;
	struct packet_metadata md = packet_metadata_of(said);
	struct packet packet;

	packet_put_with_place(p->packet, p->len, said->packet_type, bytes);
	packet = (struct packet){ .data = (uint8_t *)bytes->s, .size = bytes->len };
	if (packet_parse(&packet, &md, key) < 0)
		return false;
	memcpy(key->regs, said->regs, sizeof(key->regs));
	key->metadata = said->metadata;
	key->recirc_id = 0;
	return true;
}

// The datapath gets a packet that it has not tracked and that came through no tunnel: what is known of both is in the translation.
static struct flow_key datapath_key(const struct of_switch *sw, const struct flow_key *key)
{
	struct flow_key k = *key;

	memset(&k.tunnel, 0, sizeof(k.tunnel));
	flow_fill_ct(&k, 0);
	k.recirc_id = 0;
	k.in_port = upcall_way_back(sw, OF_PORT(key->in_port)).n;
	return k;
}

enum ofperr upcall_packet_resume(struct upcall_engine *u, struct of_switch *sw,
				 const struct packet_in *p)
{
	struct xlate_input in = { .sw = sw };
	AUTO(strbuf) bytes = STRBUF_INIT;
	struct recirc_state *state;
	struct flow_key key, dp_key;
	struct xlate_result r;
	enum ofperr e;

	if (!p->continuation || !p->packet)
		return OFPERR_NXR_STALE;
	if (!read_packet(p, &bytes, &key))
		return OFPERR_OFPBRC_BAD_LEN;
	e = continuation_decode(sw, p->continuation, p->n_continuation, &key, &state);
	if (e)
		return e;
	in.key = &key;
	in.resume = state;
	xlate(&in, &r);
	dp_key = datapath_key(sw, &key);
	engine_send(u, bytes.s, bytes.len, &dp_key, &r);
	xlate_result_uninit(&r);
	recirc_destroy(state);
	return OFPERR_NONE;
}
