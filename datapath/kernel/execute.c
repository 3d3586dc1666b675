// SPDX-License-Identifier: Apache-2.0
// Packets that go back to the kernel with a list of actions.
//
// The kernel does the whole list where it can. Where it has no word for an action, the list is cut: bytes are changed here,
// and what leaves the switch in between goes to the kernel piece by piece, in order. After some actions (ct, meter...) only the
// kernel knows what the packet has become: with words missing behind such a one, the packet comes back from the kernel and
// goes on with the rest (resume.c).
#include <linux/if_ether.h>

#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/packet/header-action.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/kernel.h"
#include "datapath/kernel/key.h"

// As much as the longest header that is put on.
enum { HEADROOM = 512 };

// ---- To the kernel ----

static int put_execute(struct strbuf *b, const struct execution *x, const struct packet *p,
		       const struct flow_key *key, struct dp_actions list, struct error *err)
{
	size_t m = kernel_begin(x->dp, b, &x->dp->families.packet, OVS_PACKET_CMD_EXECUTE, 0), nest;
	size_t n = packet_length(p->size, key->packet_type);
	int error;

	// What has no Ethernet header in the kernel has one that says its type here.
	nl_put(b, OVS_PACKET_ATTR_PACKET, p->data + p->size - n, n);
	nest = nl_nest_begin(b, OVS_PACKET_ATTR_KEY);
	kernel_put_key(b, key, NULL);
	nl_nest_end(b, nest);
	nest = nl_nest_begin(b, OVS_PACKET_ATTR_ACTIONS);
	error = kernel_put_actions(b, list, key, &x->dp->can, handler_pid(x->dp), err);
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
	const struct dp_action *trunc; // of the next output, NULL: none
};

static void unsupported(void)
{
	counter_inc(COUNTER_DROP_ACTION_UNSUPPORTED);
}

static void send_pending(struct walk *w)
{
	size_t idle = w->tunnel ? w->tunnel->size : 0;

	if (w->pending.len > idle && send_list(w->x, w->p, w->key, dp_actions_of(&w->pending)))
		unsupported();
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

static bool kernel_can(const struct walk *w, struct dp_actions list)
{
	AUTO(strbuf) b = STRBUF_INIT;

	return !kernel_put_actions(&b, list, w->key, &w->x->dp->can, handler_pid(w->x->dp), NULL);
}

static struct dp_actions only(const struct dp_action *a)
{
	return (struct dp_actions){ a, a->size };
}

// The outer header that was set, which the kernel forgets with the packet, and a list.
static struct dp_actions with_tunnel(const struct walk *w, struct dp_actions list,
				     struct strbuf *storage)
{
	if (!w->tunnel)
		return list;
	strbuf_put(storage, w->tunnel, w->tunnel->size);
	strbuf_put(storage, list.first, list.size);
	return dp_actions_of(storage);
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
	execution_run(w->x, &p, &key, with_tunnel(w, list, &whole));
}

// What an action was to the list.
enum step { NEXT, END };

static enum step end_unsupported(void)
{
	unsupported();
	return END;
}

// Changes of the packet that is at hand.
static enum step change(struct walk *w, const struct dp_action *a)
{
	bool done = true;

	send_pending(w);
	switch (a->type) {
	case DP_ACTION_SET:
		set_field(w, a);
		return NEXT;
	case DP_ACTION_SET_TUNNEL:
		w->tunnel = a;
		strbuf_clear(&w->pending);
		strbuf_put(&w->pending, a, a->size);
		return NEXT;
	case DP_ACTION_CT_CLEAR:
		flow_fill_ct(w->key, 0);
		return NEXT;
	case DP_ACTION_DEC_TTL:
		if (!packet_dec_ttl(w->p)) {
			run_on_copy(w, dp_action_nested(a));
			return END;
		}
		break;
	default:
		done = packet_header_action(w->p, a, &w->key->packet_type);
	}
	parse_again(w);
	return done ? NEXT : end_unsupported();
}

// Fragments that were put together count by the largest of them, which they will leave as.
static size_t length_of(const struct walk *w)
{
	return w->x->mru && w->p->l3 != UINT16_MAX ? w->p->l3 + (size_t)w->x->mru : w->p->size;
}

static enum step nested(struct walk *w, const struct dp_action *a)
{
	if (kernel_can(w, only(a))) {
		strbuf_put(&w->pending, a, a->size);
		return NEXT;
	}
	send_pending(w);
	if (a->type == DP_ACTION_CHECK_PKT_LEN)
		run_on_copy(w, length_of(w) > a->check_pkt_len.pkt_len ? dp_action_larger(a)
								       : dp_action_smaller(a));
	else if (a->type == DP_ACTION_CLONE || a->sample.probability == UINT32_MAX ||
		 random_u32() < a->sample.probability)
		run_on_copy(w, dp_action_nested(a));
	return NEXT;
}

static enum step leave(struct walk *w, const struct dp_action *a)
{
	if (!kernel_can(w, only(a)))
		return end_unsupported();
	if (w->trunc)
		strbuf_put(&w->pending, w->trunc, w->trunc->size);
	w->trunc = NULL;
	strbuf_put(&w->pending, a, a->size);
	return NEXT;
}

static enum step cut(struct walk *w, const struct dp_action *a)
{
	w->trunc = a;
	return kernel_can(w, only(a)) ? NEXT : end_unsupported();
}

// The kernel goes on as far as it can, from 'a' on; for what it cannot the packet comes back. What stands behind an action that
// cannot be done at all must not happen, either.
static enum step there(struct walk *w, const struct dp_action *a, struct dp_actions rest)
{
	struct dp_actions all = { a, a->size + rest.size };
	AUTO(strbuf) storage = STRBUF_INIT;

	if (kernel_can(w, all)) {
		strbuf_put(&w->pending, a, all.size);
		return END;
	}
	if (!kernel_can(w, only(a)))
		return end_unsupported();
	strbuf_put(&w->pending, a, a->size);
	resume_put(w->x->dp, with_tunnel(w, rest, &storage), &w->pending);
	return END;
}

static enum step end_here(void)
{
	counter_inc(COUNTER_DROP_ACTION);
	return END;
}

static enum step take_step(struct walk *w, const struct dp_action *a, struct dp_actions rest)
{
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_DROP:
		return end_here();
	case DP_ACTION_SET:
	case DP_ACTION_SET_TUNNEL:
	case DP_ACTION_CT_CLEAR:
	case DP_ACTION_PUSH_ETH:
	case DP_ACTION_POP_ETH:
	case DP_ACTION_PUSH_NSH:
	case DP_ACTION_POP_NSH:
	case DP_ACTION_ADD_MPLS:
	case DP_ACTION_PUSH_VLAN:
	case DP_ACTION_POP_VLAN:
	case DP_ACTION_PUSH_MPLS:
	case DP_ACTION_POP_MPLS:
	case DP_ACTION_DEC_TTL:
		return change(w, a);
	case DP_ACTION_CLONE:
	case DP_ACTION_SAMPLE:
	case DP_ACTION_CHECK_PKT_LEN:
		return nested(w, a);
	case DP_ACTION_TRUNC:
		return cut(w, a);
	case DP_ACTION_CT:
	case DP_ACTION_HASH:
	case DP_ACTION_METER:
		return there(w, a, rest);
	default:
		return leave(w, a);
	}
}

static void walk_list(struct walk *w, struct dp_actions list)
{
	const uint8_t *end = (const uint8_t *)list.first + list.size;
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list) {
		const uint8_t *next = (const uint8_t *)a + a->size;

		if (take_step(w, a, (struct dp_actions){ (const void *)next, end - next }) == END)
			break;
	}
	send_pending(w);
}

void execution_run(struct execution *x, struct packet *p, struct flow_key *key,
		   struct dp_actions list)
{
	struct walk w = { .x = x, .p = p, .key = key };

	if (!send_list(x, p, key, list))
		return;
	counter_inc(COUNTER_DPIF_EXECUTE_WITH_HELP);
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
