// SPDX-License-Identifier: Apache-2.0
// Flow monitors: connections that are told of each change of the flow tables, and what happens while they do not read.
//
// While more than PAUSE_AT bytes wait for a connection it is told of nothing but removals (of flows it knows) and its own changes;
// the flows that came or changed meanwhile are kept in a set, each once. When it has read, they are told of, piece by piece.
#include "core/base/hash.h"
#include "core/base/log.h"
#include "ofproto/control/control-private.h"
#include "ofproto/openflow/flow-monitor.h"

LOG_MODULE(connmgr);

#define PAUSE_AT ((size_t)128 << 10)
// Removals alone may make this much wait; then the connection is given up.
#define GIVE_UP_AT ((size_t)16 << 20)

struct monitor {
	struct list node; // in peer.monitors
	struct flow_monitor_request q;
};

// A flow that a paused connection is to be told of.
struct missed {
	struct hmap_node node; // by the rule's address
	struct rule *rule; // held
	enum flow_event event; // ADDED: the connection does not know the flow at all
};

// ---- Which flows ----

static bool selects(const struct flow_monitor_request *q, const struct rule *r,
		    const struct match *m, const struct acts *before)
{
	struct acts now = rule_acts_get(r);

	if (q->table != 255 && q->table != r->table)
		return false;
	if (q->out_port.n != OFPP_ANY && !acts_output_to(now, q->out_port) &&
	    !(before && acts_output_to(*before, q->out_port)))
		return false;
	if (q->out_group != UINT32_MAX && !acts_use_group(now, q->out_group) &&
	    !(before && acts_use_group(*before, q->out_group)))
		return false;
	return match_is_subset(m, &q->match);
}

static uint16_t flag_of(enum flow_event event)
{
	static const uint16_t flags[] = {
		[FLOW_EVENT_INITIAL] = FLOW_MONITOR_INITIAL,
		[FLOW_EVENT_ADDED] = FLOW_MONITOR_ADD,
		[FLOW_EVENT_DELETED] = FLOW_MONITOR_DELETE,
		[FLOW_EVENT_MODIFIED] = FLOW_MONITOR_MODIFY,
	};

	return flags[event];
}

// What the monitors of a connection that want such an event of the rule ask for, together; 0: none does.
static uint16_t wanted(const struct peer *p, const struct rule *r, const struct match *m,
		       enum flow_event event, const struct acts *before)
{
	const struct monitor *mon;
	uint16_t flags = 0;

	LIST_FOR_EACH (mon, node, &p->monitors)
		if (mon->q.flags & flag_of(event) && selects(&mon->q, r, m, before))
			flags |= mon->q.flags;
	return flags;
}

// ---- Telling ----

static void open_updates(struct peer *p)
{
	if (!p->updates_open)
		flow_updates_begin(&p->updates, of_conn_version(p->conn), 0, &p->updates_out);
	p->updates_open = true;
}

// Of a flow: all that those who asked with such flags hear.
static void put_update(struct mp_writer *w, const struct rule *r, const struct match *m,
		       enum flow_event event, enum flow_removed_reason reason, uint16_t flags)
{
	struct flow_update u = {
		.event = event,
		.reason = reason,
		.priority = r->cls.priority,
		.idle_timeout = r->idle_timeout,
		.hard_timeout = r->hard_timeout,
		.table = r->table,
		.cookie = r->cookie,
		.match = m,
	};

	if (flags & FLOW_MONITOR_ACTIONS)
		u.acts = rule_acts_get(r);
	mp_put_flow_update(w, &u);
}

static void tell_own(struct peer *p)
{
	struct flow_update u = { .event = FLOW_EVENT_ABBREV, .xid = p->control->speaking_xid };

	if (p->told_own)
		return;
	p->told_own = true;
	open_updates(p);
	mp_put_flow_update(&p->updates, &u);
}

static void close_updates(struct peer *p)
{
	if (!p->updates_open)
		return;
	mp_end(&p->updates);
	of_conn_send(p->conn, p->updates_out.s, p->updates_out.len);
	strbuf_clear(&p->updates_out);
	p->updates_open = false;
}

static void say_paused(struct peer *p, bool resumed)
{
	AUTO(strbuf) b = STRBUF_INIT;

	flow_monitor_paused_encode(resumed, of_conn_version(p->conn), &b);
	of_conn_send(p->conn, b.s, b.len);
}

// ---- While nothing is read ----

static struct missed *find_missed(const struct peer *p, const struct rule *r)
{
	struct missed *m;

	HMAP_FOR_EACH_WITH_HASH (m, node, hash_u64((uintptr_t)r, 0), &p->missed)
		if (m->rule == r)
			return m;
	return NULL;
}

static void drop_missed(struct peer *p, struct missed *m)
{
	hmap_remove(&p->missed, &m->node);
	rule_unref(m->rule);
	free(m);
}

static void miss(struct peer *p, const struct rule *rule, enum flow_event event)
{
	struct rule *r = (struct rule *)rule;
	struct missed *m = find_missed(p, r);

	if (m || !rule_ref(r))
		return;
	m = xmalloc(sizeof(*m));
	m->rule = r;
	m->event = event;
	hmap_insert(&p->missed, &m->node, hash_u64((uintptr_t)r, 0));
}

// The event for a connection that is paused. True: it is to be told of it all the same.
static bool pass_paused(struct peer *p, const struct rule *r, const struct rule *old,
			enum flow_event event)
{
	struct missed *before = find_missed(p, old ? old : r);
	bool unknown = before && before->event == FLOW_EVENT_ADDED;

	if (before && (old || event == FLOW_EVENT_DELETED))
		drop_missed(p, before);
	if (event == FLOW_EVENT_DELETED)
		return !unknown;
	miss(p, r, event);
	return false;
}

static void tell_missed(struct peer *p)
{
	struct missed *m;

	HMAP_FOR_EACH_SAFE (m, node, &p->missed) {
		struct match match;
		uint16_t flags;

		cls_rule_get_match(&m->rule->cls, &match);
		flags = wanted(p, m->rule, &match, m->event, NULL);
		if (flags) {
			open_updates(p);
			put_update(&p->updates, m->rule, &match, m->event, 0, flags);
		}
		drop_missed(p, m);
		if (p->updates_out.len > PAUSE_AT)
			break;
	}
	close_updates(p);
}

void peer_monitors_drained(struct peer *p)
{
	if (!p->monitors_paused)
		return;
	// What the kernel takes at once brings no other call.
	while (hmap_count(&p->missed) && !of_conn_backlog(p->conn))
		tell_missed(p);
	if (hmap_count(&p->missed))
		return;
	p->monitors_paused = false;
	say_paused(p, true);
}

// ---- Events ----

static void rule_event(struct peer *p, const struct rule *r, const struct rule *old,
		       enum flow_event event, enum flow_removed_reason reason,
		       const struct acts *before)
{
	struct match m;
	uint16_t flags;

	if (list_is_empty(&p->monitors))
		return;
	cls_rule_get_match(&r->cls, &m);
	flags = wanted(p, r, &m, event, before);
	if (!flags)
		return;
	if (p == p->control->speaking && !(flags & FLOW_MONITOR_OWN)) {
		tell_own(p);
		return;
	}
	if (p->monitors_paused && !pass_paused(p, r, old, event))
		return;
	open_updates(p);
	put_update(&p->updates, r, &m, event, reason, flags);
}

void control_rule_added(struct of_control *c, const struct rule *r, const struct rule *old)
{
	struct peer *p;

	LIST_FOR_EACH (p, node, &c->peers)
		rule_event(p, r, old, FLOW_EVENT_ADDED, 0, NULL);
}

void control_rule_modified(struct of_control *c, const struct rule *r, struct acts before)
{
	struct peer *p;

	LIST_FOR_EACH (p, node, &c->peers)
		rule_event(p, r, NULL, FLOW_EVENT_MODIFIED, 0, &before);
}

void control_rule_removed(struct of_control *c, const struct rule *r,
			  enum flow_removed_reason reason)
{
	struct peer *p;

	if (r->flags & FM_SEND_FLOW_REM)
		tell_flow_removed(c, r, reason);
	LIST_FOR_EACH (p, node, &c->peers)
		rule_event(p, r, NULL, FLOW_EVENT_DELETED, reason, NULL);
}

static void settle(struct peer *p)
{
	size_t waiting;

	p->told_own = false;
	close_updates(p);
	waiting = of_conn_backlog(p->conn);
	if (waiting > PAUSE_AT && !p->monitors_paused && !list_is_empty(&p->monitors)) {
		p->monitors_paused = true;
		say_paused(p, false);
	}
	if (waiting > GIVE_UP_AT && p->monitors_paused)
		peer_give_up(p, "flow monitor does not read");
}

void control_rules_settled(struct of_control *c)
{
	struct peer *p, *next;

	LIST_FOR_EACH_SAFE (p, next, node, &c->peers)
		if (p->ready && (p->updates_open || p->monitors_paused))
			settle(p);
}

// ---- Requests ----

static struct monitor *find_monitor(const struct peer *p, uint32_t id)
{
	struct monitor *mon;

	LIST_FOR_EACH (mon, node, &p->monitors)
		if (mon->q.id == id)
			return mon;
	return NULL;
}

static void remove_monitor(struct monitor *mon)
{
	list_remove(&mon->node);
	free(mon);
}

static void add_monitor(struct peer *p, const struct flow_monitor_request *q)
{
	struct monitor *mon = xmalloc(sizeof(*mon));

	mon->q = *q;
	list_push_back(&p->monitors, &mon->node);
}

void peer_init_monitors(struct peer *p)
{
	list_init(&p->monitors);
	hmap_init(&p->missed);
	strbuf_init(&p->updates_out);
}

void peer_remove_monitors(struct peer *p)
{
	struct monitor *mon, *next;
	struct missed *m;

	LIST_FOR_EACH_SAFE (mon, next, node, &p->monitors)
		remove_monitor(mon);
	HMAP_FOR_EACH_SAFE (m, node, &p->missed)
		drop_missed(p, m);
	hmap_uninit(&p->missed);
	strbuf_uninit(&p->updates_out);
}

typedef VEC(struct flow_monitor_request) requests;

// The flows that are there, each once, whichever of the requests select it.
struct initial {
	struct mp_writer w;
	const requests *all;
	size_t now; // the request whose flows are walked
};

static uint16_t initial_flags(const struct initial *in, const struct rule *r, const struct match *m,
			      bool *ret_first)
{
	const struct flow_monitor_request *q = in->all->v;
	uint16_t flags = 0;

	*ret_first = true;
	for (size_t i = 0; i < in->all->n; i++) {
		if (!(q[i].flags & FLOW_MONITOR_INITIAL) || !selects(&q[i], r, m, NULL))
			continue;
		*ret_first &= i >= in->now;
		flags |= q[i].flags;
	}
	return flags;
}

static bool put_initial(const struct rule *r, void *aux)
{
	struct initial *in = aux;
	struct match m;
	uint16_t flags;
	bool first;

	cls_rule_get_match(&r->cls, &m);
	flags = initial_flags(in, r, &m, &first);
	if (first)
		put_update(&in->w, r, &m, FLOW_EVENT_INITIAL, 0, flags);
	return true;
}

static void answer_initial(struct peer *p, const struct msg *m, const requests *all,
			   struct strbuf *out)
{
	struct initial in = { .all = all };

	flow_updates_begin(&in.w, m->version, m->xid, out);
	for (in.now = 0; in.now < all->n; in.now++) {
		const struct flow_monitor_request *q = &all->v[in.now];
		struct flow_stats_request rq = {
			.match = q->match,
			.table = q->table,
			.out_port = q->out_port,
			.out_group = q->out_group,
		};

		if (q->flags & FLOW_MONITOR_INITIAL)
			switch_for_each_flow(p->control->sw, &rq, put_initial, &in);
	}
	mp_end(&in.w);
}

static bool is_named_before(const requests *all, uint32_t id)
{
	const struct flow_monitor_request *q;

	VEC_FOR_EACH (q, all)
		if (q->id == id)
			return true;
	return false;
}

static enum ofperr check_request(const struct peer *p, const requests *all,
				 const struct flow_monitor_request *q)
{
	bool there = find_monitor(p, q->id);

	if (q->table != 255 && q->table >= SWITCH_N_TABLES)
		return OFPERR_OFPMOFC_BAD_TABLE_ID;
	if (q->command == FLOW_MONITOR_CMD_ADD)
		return there || is_named_before(all, q->id) ? OFPERR_OFPMOFC_MONITOR_EXISTS
							    : OFPERR_NONE;
	return there ? OFPERR_NONE : OFPERR_OFPMOFC_UNKNOWN_MONITOR;
}

// All requests of a message, or none.
static void carry_out(struct peer *p, const requests *all)
{
	const struct flow_monitor_request *q;

	VEC_FOR_EACH (q, all) {
		// The message may have named it twice.
		struct monitor *old = find_monitor(p, q->id);

		if (old)
			remove_monitor(old);
		if (q->command != FLOW_MONITOR_CMD_DELETE)
			add_monitor(p, q);
	}
}

enum ofperr on_flow_monitor(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct msg parts = *m;
	requests all = VEC_INIT;
	struct flow_monitor_request q;
	enum ofperr e;
	bool more;

	parts.body.parent = NULL;
	while (!(e = flow_monitor_request_decode_next(&parts, &q, &more)) && more) {
		e = check_request(p, &all, &q);
		if (e)
			break;
		VEC_PUSH(&all, q);
	}
	if (!e) {
		carry_out(p, &all);
		answer_initial(p, m, &all, out);
	}
	VEC_FREE(&all);
	return e;
}

enum ofperr on_flow_monitor_cancel(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct monitor *mon;
	uint32_t id;
	enum ofperr e = flow_monitor_cancel_decode(m, &id);

	if (e)
		return e;
	mon = find_monitor(p, id);
	if (!mon)
		return OFPERR_OFPMOFC_UNKNOWN_MONITOR;
	remove_monitor(mon);
	return OFPERR_NONE;
}
