// SPDX-License-Identifier: Apache-2.0
// Packets that come back from the controller that they were paused for.
#include "core/base/counters.h"
#include "core/base/log.h"
#include "ofproto/pipeline/continuation.h"
#include "ofproto/upcall/upcall-private.h"

LOG_MODULE(upcall);

// What the message says of the packet beside its bytes: all that stands before its headers in a key, and its connection's first packet.
static void set_metadata(struct flow_key *key, const struct flow_key *said)
{
	memcpy(key, said, offsetof(struct flow_key, eth_dst));
	key->recirc_id = 0;
	key->ct_nw_proto = said->ct_nw_proto;
	key->ct_nw_src = said->ct_nw_src;
	key->ct_nw_dst = said->ct_nw_dst;
	key->ct_ipv6_src = said->ct_ipv6_src;
	key->ct_ipv6_dst = said->ct_ipv6_dst;
	key->ct_tp_src = said->ct_tp_src;
	key->ct_tp_dst = said->ct_tp_dst;
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

static void go_on(struct upcall_engine *u, struct of_switch *sw, const struct packet_in *p,
		  const struct flow_key *key)
{
	struct xlate_input in = { .sw = sw, .key = key };
	struct flow_key dp_key = datapath_key(sw, key);
	struct error err = ERROR_INIT;
	struct xlate_result r;

	xlate(&in, &r);
	if (xlate_apply_effects(&r.basis))
		upcall_changed(u);
	xlate_learn_rules(&r.basis);
	engine_credit_packet(u, &r.basis, p->len, be16toh(key->tcp_flags));
	learn_apply();
	if (datapath_execute(u->dp, p->packet, p->len, &dp_key, dp_actions_of(&r.actions), &err) <
	    0)
		log_dbg("resume: %s", err.text);
	xlate_result_uninit(&r);
}

enum ofperr upcall_packet_resume(struct upcall_engine *u, struct of_switch *sw,
				 const struct packet_in *p)
{
	struct packet_metadata md = { 0 };
	struct recirc_state *state;
	struct flow_key key;
	enum ofperr e;

	if (!p->continuation || !p->packet)
		return OFPERR_NXR_STALE;
	AUTO_FREE uint8_t *copy = xmemdup(p->packet, p->len);
	struct packet packet = { .data = copy, .size = p->len };
	if (packet_parse(&packet, &md, &key) < 0)
		return OFPERR_OFPBRC_BAD_LEN;
	set_metadata(&key, &p->metadata.key);
	e = continuation_decode(sw, p->continuation, p->n_continuation, &key, &state);
	if (e)
		return e;
	go_on(u, sw, p, &key);
	recirc_unref(state);
	return OFPERR_NONE;
}
