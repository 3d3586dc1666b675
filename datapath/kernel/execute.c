// SPDX-License-Identifier: Apache-2.0
// Packets that go back to the kernel with a list of actions.
//
// The kernel does the whole list where it can. Where it has no word for an action, the list is cut: bytes are changed here,
// and what leaves the switch in between goes to the kernel piece by piece, in order.
#include <linux/if_ether.h>

#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/packet/packet.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/kernel.h"
#include "datapath/kernel/key.h"

enum { HEADROOM = 128 };

// ---- To the kernel ----

static int put_execute(struct strbuf *b, const struct execution *x, const struct packet *p,
		       const struct flow_key *key, struct dp_actions list, struct error *err)
{
	size_t m = kernel_begin(x->dp, b, &x->dp->families.packet, OVS_PACKET_CMD_EXECUTE, 0), nest;
	int error;

	// What has no Ethernet header in the kernel has one that says its type here.
	nl_put(b, OVS_PACKET_ATTR_PACKET, p->data + (key->packet_type ? ETH_HLEN : 0),
	       p->size - (key->packet_type ? ETH_HLEN : 0));
	nest = nl_nest_begin(b, OVS_PACKET_ATTR_KEY);
	kernel_put_key(b, key, NULL);
	nl_nest_end(b, nest);
	nest = nl_nest_begin(b, OVS_PACKET_ATTR_ACTIONS);
	error = kernel_put_actions(b, list, key, handler_pid(x->dp), err);
	if (!error)
		error = nl_nest_end(b, nest);
	if (x->mru)
		nl_put_u16(b, OVS_PACKET_ATTR_MRU, x->mru);
	if (x->hash)
		nl_put_u64(b, OVS_PACKET_ATTR_HASH, x->hash);
	nl_msg_end(b, m);
	return error;
}

static int send_list(struct execution *x, const struct packet *p, const struct flow_key *key,
		     struct dp_actions list)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	int error;

	if (!list.size)
		return 0;
	error = put_execute(&msg, x, p, key, list, NULL);
	if (!error)
		x->emit(x, &msg);
	return error;
}

// ---- Piece by piece ----

struct walk {
	struct execution *x;
	struct packet *p;
	struct flow_key *key;
	struct strbuf pending; // actions that the kernel does on the packet as it is now
	const struct dp_action *tunnel; // the outer header that it has, NULL: none set
};

static void send_pending(struct walk *w)
{
	size_t idle = w->tunnel ? w->tunnel->size : 0;

	if (w->pending.len > idle && send_list(w->x, w->p, w->key, dp_actions_of(&w->pending)))
		counter_inc(COUNTER_DROP_ACTION_UNSUPPORTED);
	strbuf_clear(&w->pending);
	// The kernel forgets it with the packet; the next piece needs it again.
	if (w->tunnel)
		strbuf_put(&w->pending, w->tunnel, w->tunnel->size);
}

static void parse_again(struct walk *w)
{
	struct flow_key before = *w->key;
	struct packet_metadata md = packet_metadata_of(&before);

	packet_parse(w->p, &md, w->key);
	w->key->packet_type = before.packet_type;
}

static void set_field(struct walk *w, const struct dp_action *a)
{
	const struct field *f = field_get(a->set.field);
	union field_value value, mask;

	memcpy(value.b, a->set.value, sizeof(a->set.value));
	memcpy(mask.b, a->set.mask, sizeof(a->set.mask));
	if (packet_set_field(w->p, a->set.field, a->set.value, a->set.mask))
		parse_again(w);
	else if (f->need == NEED_NONE)
		field_write_masked(f, &value, &mask, w->key);
}

// Changes of the packet that is at hand; false: 'a' is something else.
static bool change(struct walk *w, const struct dp_action *a)
{
	switch (a->type) {
	case DP_ACTION_SET:
		send_pending(w);
		set_field(w, a);
		return true;
	case DP_ACTION_SET_TUNNEL:
		send_pending(w);
		w->tunnel = a;
		strbuf_clear(&w->pending);
		strbuf_put(&w->pending, a, a->size);
		return true;
	case DP_ACTION_PUSH_ETH:
		send_pending(w);
		memcpy(w->p->data, &a->push_eth.dst, sizeof(a->push_eth.dst));
		memcpy(w->p->data + sizeof(a->push_eth.dst), &a->push_eth.src,
		       sizeof(a->push_eth.src));
		w->key->packet_type = 0;
		parse_again(w);
		return true;
	case DP_ACTION_POP_ETH:
		send_pending(w);
		w->key->packet_type = htobe32(1u << 16 | be16toh(w->key->eth_type));
		return true;
	case DP_ACTION_PUSH_VLAN:
		send_pending(w);
		packet_push_vlan(w->p, a->push_vlan.tpid, a->push_vlan.tci);
		parse_again(w);
		return true;
	case DP_ACTION_POP_VLAN:
		send_pending(w);
		packet_pop_vlan(w->p);
		parse_again(w);
		return true;
	default:
		return false;
	}
}

static bool kernel_can(const struct walk *w, const struct dp_action *a)
{
	AUTO(strbuf) b = STRBUF_INIT;

	return !kernel_put_actions(&b, (struct dp_actions){ a, a->size }, w->key,
				   handler_pid(w->x->dp), NULL);
}

// A list for a packet of its own.
static void run_on_copy(struct walk *w, struct dp_actions list)
{
	AUTO(strbuf) bytes = STRBUF_INIT, whole = STRBUF_INIT;
	struct flow_key key = *w->key;
	struct packet p = *w->p;

	strbuf_put_zeros(&bytes, HEADROOM);
	strbuf_put(&bytes, w->p->data, w->p->size);
	p.data = (uint8_t *)bytes.s + HEADROOM;
	p.headroom = HEADROOM;
	p.tailroom = 0;
	if (w->tunnel) {
		strbuf_put(&whole, w->tunnel, w->tunnel->size);
		strbuf_put(&whole, list.first, list.size);
		list = dp_actions_of(&whole);
	}
	execution_run(w->x, &p, &key, list);
}

static void run_nested(struct walk *w, const struct dp_action *a)
{
	send_pending(w);
	if (a->type == DP_ACTION_CLONE ||
	    (a->type == DP_ACTION_SAMPLE &&
	     (a->sample.probability == UINT32_MAX || random_u32() < a->sample.probability)))
		run_on_copy(w, dp_action_nested(a));
	else if (a->type != DP_ACTION_SAMPLE)
		counter_inc(COUNTER_DROP_ACTION_UNSUPPORTED);
}

static void walk_list(struct walk *w, struct dp_actions list)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list) {
		if (a->type == DP_ACTION_DROP) {
			counter_inc(COUNTER_DROP_ACTION);
			break;
		}
		if (change(w, a))
			continue;
		if (kernel_can(w, a))
			strbuf_put(&w->pending, a, a->size);
		else
			run_nested(w, a);
	}
	send_pending(w);
}

void execution_run(struct execution *x, struct packet *p, struct flow_key *key,
		   struct dp_actions list)
{
	struct walk w = { .x = x, .p = p, .key = key };

	if (!send_list(x, p, key, list))
		return;
	walk_list(&w, list);
	strbuf_uninit(&w.pending);
}

// ---- Packets that are from no port ----

static void emit_now(struct execution *x, struct strbuf *msg)
{
	int error = kernel_request(x->dp, msg, NULL, x->error ? NULL : x->err);

	if (!x->error)
		x->error = error;
}

int kernel_execute(struct datapath *base, const void *packet, size_t n, const struct flow_key *key,
		   struct dp_actions actions, struct error *err)
{
	struct execution x = { .dp = kernel_datapath(base), .emit = emit_now, .err = err };
	struct packet_metadata md = packet_metadata_of(key);
	AUTO(strbuf) bytes = STRBUF_INIT;
	struct flow_key parsed;
	struct packet p;

	strbuf_put_zeros(&bytes, HEADROOM);
	strbuf_put(&bytes, packet, n);
	p = (struct packet){ .data = (uint8_t *)bytes.s + HEADROOM,
			     .size = n,
			     .headroom = HEADROOM };
	if (packet_parse(&p, &md, &parsed))
		return error_set(err, -EINVAL,
				 "the packet has %zu bytes, less than an Ethernet header", n);
	execution_run(&x, &p, &parsed, actions);
	return x.error ? error_wrap(err, "%s: sending a packet", x.dp->name) : 0;
}
