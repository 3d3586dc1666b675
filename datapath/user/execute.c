// SPDX-License-Identifier: Apache-2.0
// Datapath actions on packets: a verb per action, and the walk over a list.
//
// Packets that go to several places share one mbuf by its reference count; whoever changes bytes first makes a copy of
// its own (own_bytes()). So a flood copies nothing, and later changes never show in what has been sent before.
#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/packet/header-action.h"
#include "datapath/user/worker.h"

// The list being run, and on what.
struct run {
	struct worker *w;
	unsigned int depth, n;
	struct dp_packet **pkts;
	uint32_t max_len; // of the next output, 0: whole
};

// True when the packets have been consumed. 'last': nothing of the list follows.
typedef bool verb(struct run *r, const struct dp_action *a, bool last);

static void drop_all(struct run *r, enum counter why)
{
	counter_add(why, r->n);
	for (unsigned int i = 0; i < r->n; i++)
		rte_pktmbuf_free(r->pkts[i]->m);
	r->n = 0;
}

// Takes packet 'i' out of the run; the order of the others stays.
static void drop_one(struct run *r, unsigned int i, enum counter why)
{
	counter_inc(why);
	rte_pktmbuf_free(r->pkts[i]->m);
	memmove(&r->pkts[i], &r->pkts[i + 1], (r->n - i - 1) * sizeof(*r->pkts));
	r->n--;
}

// ---- Sharing ----

static struct rte_mbuf *share(struct rte_mbuf *m)
{
	rte_mbuf_refcnt_update(m, 1);
	return m;
}

// Before bytes change: a copy where others hold the packet too. False when no buffer is left; the packet is then unchanged.
static bool own_bytes(struct dp_packet *p)
{
	struct packet old = p->p;
	struct rte_mbuf *copy;

	if (LIKELY(rte_mbuf_refcnt_read(p->m) == 1))
		return true;
	copy = rte_pktmbuf_copy(p->m, p->m->pool, 0, UINT32_MAX);
	if (!copy)
		return false;
	rte_pktmbuf_free(p->m);
	p->m = copy;
	packet_of_mbuf(&p->p, copy);
	p->p.l2_5 = old.l2_5;
	p->p.l3 = old.l3;
	p->p.l4 = old.l4;
	return true;
}

// ---- Output ----

static struct rte_mbuf *cut(struct rte_mbuf *m, uint32_t max_len)
{
	struct rte_mbuf *copy;

	if (!max_len || m->pkt_len <= max_len)
		return m;
	if (rte_mbuf_refcnt_read(m) == 1) {
		rte_pktmbuf_trim(m, m->pkt_len - max_len);
		return m;
	}
	copy = rte_pktmbuf_copy(m, m->pool, 0, max_len);
	if (!copy)
		counter_inc(COUNTER_DROP_NOMEM);
	rte_pktmbuf_free(m);
	return copy;
}

static bool not_sent(struct run *r, enum counter why, bool last)
{
	if (last)
		drop_all(r, why);
	else
		counter_add(why, r->n);
	return last;
}

static bool run_output(struct run *r, const struct dp_action *a, bool last)
{
	struct tx_buffer *b = worker_buffer(r->w, a->output.port);
	uint32_t max_len = r->max_len;

	r->max_len = 0;
	if (UNLIKELY(!b))
		return not_sent(r, COUNTER_DROP_NO_PORT, last);
	// The packets of a flow are all of one type.
	if (UNLIKELY(r->pkts[0]->md.packet_type))
		return not_sent(r, COUNTER_DROP_BARE, last);
	for (unsigned int i = 0; i < r->n; i++) {
		struct rte_mbuf *m = last ? r->pkts[i]->m : share(r->pkts[i]->m);

		if (UNLIKELY(max_len))
			m = cut(m, max_len);
		if (UNLIKELY(m && m->pkt_len > b->room)) {
			counter_inc(COUNTER_DROP_MTU);
			rte_pktmbuf_free(m);
		} else if (LIKELY(m != NULL)) {
			worker_output(r->w, b, m);
		}
	}
	return last;
}

static bool run_drop(struct run *r, const struct dp_action *a, bool last)
{
	drop_all(r, COUNTER_DROP_ACTION);
	return true;
}

static bool run_trunc(struct run *r, const struct dp_action *a, bool last)
{
	r->max_len = a->trunc.max_len;
	return false;
}

// ---- Changes ----

// False: the packet cannot be changed so.
typedef bool change(struct dp_packet *p, const struct dp_action *a);

static inline bool change_all(struct run *r, const struct dp_action *a, change *c)
{
	for (unsigned int i = 0; i < r->n;) {
		struct dp_packet *p = r->pkts[i];

		if (!own_bytes(p)) {
			drop_one(r, i, COUNTER_DROP_NOMEM);
			continue;
		}
		if (!c(p, a)) {
			drop_one(r, i, COUNTER_DROP_CHANGE);
			continue;
		}
		packet_to_mbuf(&p->p, p->m);
		i++;
	}
	return false;
}

static inline bool push_vlan(struct dp_packet *p, const struct dp_action *a)
{
	return packet_push_vlan(&p->p, a->push_vlan.tpid, a->push_vlan.tci);
}

static bool run_push_vlan(struct run *r, const struct dp_action *a, bool last)
{
	return change_all(r, a, push_vlan);
}

static inline bool pop_vlan(struct dp_packet *p, const struct dp_action *a)
{
	packet_pop_vlan(&p->p);
	return true;
}

static bool run_pop_vlan(struct run *r, const struct dp_action *a, bool last)
{
	return change_all(r, a, pop_vlan);
}

static bool header_action(struct dp_packet *p, const struct dp_action *a)
{
	return packet_header_action(&p->p, a, &p->md.packet_type);
}

// Headers that are rarer than tags.
static bool run_header(struct run *r, const struct dp_action *a, bool last)
{
	return change_all(r, a, header_action);
}

static uint32_t read_be32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

// The member of the metadata that a field is, NULL: the field is in the bytes.
static uint32_t *metadata_member(struct packet_metadata *md, unsigned int field)
{
	switch (field) {
	case FIELD_PKT_MARK:
		return &md->pkt_mark;
	case FIELD_SKB_PRIORITY:
		return &md->skb_priority;
	case FIELD_DP_HASH:
		return &md->dp_hash;
	case FIELD_CT_MARK:
		return &md->ct_mark;
	default:
		return NULL;
	}
}

static bool run_set(struct run *r, const struct dp_action *a, bool last)
{
	for (unsigned int i = 0; i < r->n;) {
		struct dp_packet *p = r->pkts[i];
		uint32_t *member = metadata_member(&p->md, a->set.field);

		if (member) {
			uint32_t mask = read_be32(a->set.mask);

			*member = (*member & ~mask) | (read_be32(a->set.value) & mask);
		} else if (!own_bytes(p)) {
			drop_one(r, i, COUNTER_DROP_NOMEM);
			continue;
		} else {
			// False for a packet without the header: there is nothing to set then.
			packet_set_field(&p->p, a->set.field, a->set.value, a->set.mask);
		}
		i++;
	}
	return false;
}

// ---- Lists within lists ----

// Runs 'list' on packets of their own; the originals go on unless 'last'.
static bool run_nested(struct run *r, struct dp_actions list, bool last)
{
	struct dp_packet copies[BURST], *pkts[BURST];

	if (last) {
		worker_execute(r->w, r->depth, r->pkts, r->n, list);
		return true;
	}
	if (!list.size)
		return false;
	for (unsigned int i = 0; i < r->n; i++) {
		copies[i] = *r->pkts[i];
		share(copies[i].m);
		pkts[i] = &copies[i];
	}
	worker_execute(r->w, r->depth, pkts, r->n, list);
	return false;
}

static bool run_clone(struct run *r, const struct dp_action *a, bool last)
{
	return run_nested(r, dp_action_nested(a), last);
}

// Each packet draws for itself; the chosen ones are run as one group.
static bool run_sample(struct run *r, const struct dp_action *a, bool last)
{
	struct dp_packet *chosen[BURST];
	struct run sub = *r;

	sub.pkts = chosen;
	sub.n = 0;
	for (unsigned int i = 0; i < r->n; i++)
		if (a->sample.probability == UINT32_MAX || random_u32() < a->sample.probability)
			chosen[sub.n++] = r->pkts[i];
	if (sub.n)
		run_nested(&sub, dp_action_nested(a), false);
	return false;
}

static uint32_t length(const struct dp_packet *p)
{
	return packet_length(p->m->pkt_len, p->md.packet_type);
}

// Each packet goes the one way or the other.
static bool run_check_pkt_len(struct run *r, const struct dp_action *a, bool last)
{
	struct dp_packet *long_ones[BURST], *short_ones[BURST];
	struct run l = *r, s = *r;

	l.pkts = long_ones;
	s.pkts = short_ones;
	l.n = s.n = 0;
	for (unsigned int i = 0; i < r->n; i++)
		if (length(r->pkts[i]) > a->check_pkt_len.pkt_len)
			long_ones[l.n++] = r->pkts[i];
		else
			short_ones[s.n++] = r->pkts[i];
	if (l.n)
		run_nested(&l, dp_action_larger(a), last);
	if (s.n)
		run_nested(&s, dp_action_smaller(a), last);
	return last;
}

static bool run_meter(struct run *r, const struct dp_action *a, bool last)
{
	uint32_t lens[BURST], dropped;

	for (unsigned int i = 0; i < r->n; i++)
		lens[i] = length(r->pkts[i]);
	dropped = user_meter_run(RCU_GET(r->w->dp->meters), a->meter.id, lens, r->n, r->w->now);
	for (unsigned int i = r->n; dropped && i-- > 0;)
		if (dropped >> i & 1)
			drop_one(r, i, COUNTER_DROP_METER);
	return false;
}

// ---- Leaving the list ----

static bool run_recirc(struct run *r, const struct dp_action *a, bool last)
{
	struct level *next = &r->w->levels[r->depth + 1];
	unsigned int n = r->n;

	if (r->depth >= MAX_RECIRCULATIONS) {
		if (!last) {
			counter_add(COUNTER_DROP_RECIRC, r->n);
			return false;
		}
		drop_all(r, COUNTER_DROP_RECIRC);
		return true;
	}
	for (unsigned int i = 0; i < n; i++) {
		next->pkts[i] = *r->pkts[i];
		next->pkts[i].md.recirc_id = a->recirc.id;
		if (!last)
			share(next->pkts[i].m);
	}
	WORKER_ADD(r->w, recirculations, n);
	worker_process(r->w, r->depth + 1, n);
	return last;
}

// Controllers and the slow path; the latter answers with what to do now.
static void to_userspace(struct run *r, struct dp_packet *p, const struct dp_action *a)
{
	struct user_datapath *dp = r->w->dp;
	AUTO(strbuf) actions = STRBUF_INIT;
	struct dp_packet copy = *p, *one = &copy;
	struct flow_key key;
	struct upcall u = { .packet = &copy.p, .key = &key, .userspace = a };

	// Offsets are right, but bytes may have changed since the packet was parsed.
	packet_parse(&copy.p, &copy.md, &key);
	if (r->max_len)
		copy.p.size = MIN(copy.p.size, r->max_len);
	if (dp->upcall->userspace(dp->upcall_aux, &u, &actions) < 0) {
		counter_inc(COUNTER_DROP_UPCALL);
		return;
	}
	if (!actions.len)
		return;
	copy.p.size = p->p.size;
	share(copy.m);
	worker_execute(r->w, r->depth, &one, 1, dp_actions_of(&actions));
}

static bool run_userspace(struct run *r, const struct dp_action *a, bool last)
{
	for (unsigned int i = 0; i < r->n; i++)
		to_userspace(r, r->pkts[i], a);
	r->max_len = 0;
	return false;
}

// Actions without a verb are refused when a flow is added, and drop the packet should one come here nevertheless.
static verb *const verbs[DP_ACTION_MAX] = {
	[DP_ACTION_OUTPUT] = run_output,
	[DP_ACTION_DROP] = run_drop,
	[DP_ACTION_USERSPACE] = run_userspace,
	[DP_ACTION_SET] = run_set,
	[DP_ACTION_PUSH_VLAN] = run_push_vlan,
	[DP_ACTION_POP_VLAN] = run_pop_vlan,
	[DP_ACTION_PUSH_MPLS] = run_header,
	[DP_ACTION_POP_MPLS] = run_header,
	[DP_ACTION_ADD_MPLS] = run_header,
	[DP_ACTION_PUSH_ETH] = run_header,
	[DP_ACTION_POP_ETH] = run_header,
	[DP_ACTION_PUSH_NSH] = run_header,
	[DP_ACTION_POP_NSH] = run_header,
	[DP_ACTION_RECIRC] = run_recirc,
	[DP_ACTION_CLONE] = run_clone,
	[DP_ACTION_SAMPLE] = run_sample,
	[DP_ACTION_TRUNC] = run_trunc,
	[DP_ACTION_METER] = run_meter,
	[DP_ACTION_CHECK_PKT_LEN] = run_check_pkt_len,
};

void worker_execute(struct worker *w, unsigned int depth, struct dp_packet *pkts[], unsigned int n,
		    struct dp_actions actions)
{
	const uint8_t *end = (const uint8_t *)actions.first + actions.size;
	struct run r = { .w = w, .depth = depth, .n = n, .pkts = pkts };
	const struct dp_action *a;

	if (!actions.size) {
		drop_all(&r, COUNTER_DROP_ACTION);
		return;
	}
	// What most flows do.
	if (actions.first->type == DP_ACTION_OUTPUT && actions.first->size == actions.size) {
		run_output(&r, actions.first, true);
		return;
	}
	DP_ACTION_FOR_EACH (a, actions) {
		verb *v = a->type < DP_ACTION_MAX ? verbs[a->type] : NULL;

		if (!v) {
			drop_all(&r, COUNTER_DROP_ACTION_UNSUPPORTED);
			return;
		}
		if (v(&r, a, (const uint8_t *)a + a->size >= end) || !r.n)
			return;
	}
	// The list ended with something that leaves the packet: it has been everywhere.
	for (unsigned int i = 0; i < r.n; i++)
		rte_pktmbuf_free(r.pkts[i]->m);
}
