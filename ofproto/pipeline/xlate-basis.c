// SPDX-License-Identifier: Apache-2.0
// What a translation was made from, whether that still holds, and whom its packets count for.
#include "ofproto/pipeline/group-private.h"
#include "ofproto/pipeline/learn.h"
#include "ofproto/pipeline/port-vlan-private.h"

// All that a basis has: DO(B, MEMBER) for each list.
#define FOR_EACH_LIST(DO, B) \
	do { \
		DO(B, passed); \
		DO(B, lookups); \
		DO(B, seen); \
		DO(B, deps); \
		DO(B, effects); \
		DO(B, credits); \
		DO(B, recircs); \
	} while (0)
#define CLEAR_LIST(B, MEMBER) VEC_CLEAR(&(B)->MEMBER)
#define FREE_LIST(B, MEMBER) VEC_FREE(&(B)->MEMBER)
#define TRIM_LIST(B, MEMBER) VEC_TRIM(&(B)->MEMBER)
#define COPY_LIST(B, MEMBER) VEC_COPY(&ret->MEMBER, &(B)->MEMBER)

void xlate_basis_clear(struct xlate_basis *b)
{
	struct recirc_state **s;
	struct xlate_effect *e;
	struct xlate_credit *c;

	VEC_FOR_EACH (e, &b->effects)
		if (e->kind == EFFECT_LEARN_RULE)
			learn_unref(e->learn);
	VEC_FOR_EACH (c, &b->credits)
		if (c->kind == CREDIT_RULE || c->kind == CREDIT_FIN_TIMEOUT)
			rule_unref(c->rule);
		else if (c->kind == CREDIT_GROUP)
			group_unref(c->group);
	VEC_FOR_EACH (s, &b->recircs)
		recirc_unref(*s);
	FOR_EACH_LIST(CLEAR_LIST, b);
}

void xlate_basis_uninit(struct xlate_basis *b)
{
	xlate_basis_clear(b);
	FOR_EACH_LIST(FREE_LIST, b);
}

void xlate_result_uninit(struct xlate_result *r)
{
	xlate_basis_uninit(&r->basis);
	strbuf_uninit(&r->actions);
	VEC_FREE(&r->branches);
}

void xlate_result_give_basis(struct xlate_result *r, struct xlate_basis *ret)
{
	FOR_EACH_LIST(COPY_LIST, &r->basis);
	// The references have gone with them.
	FOR_EACH_LIST(CLEAR_LIST, &r->basis);
}

void xlate_result_exchange_basis(struct xlate_result *r, struct xlate_basis *b)
{
	struct xlate_basis old = *b;

	FOR_EACH_LIST(TRIM_LIST, &r->basis);
	*b = r->basis;
	r->basis = old;
}

// A port may have changed since the translation, and the switch forgotten its stations.
static bool may_still_learn(const struct xlate_effect *e)
{
	const struct of_port *p = switch_port_find(e->sw, e->port);

	return p && port_carries(RCU_GET(p->settings), e->vlan);
}

bool xlate_apply_effects(const struct xlate_basis *b)
{
	struct xlate_effect *e;
	bool changed = false;

	VEC_FOR_EACH (e, &b->effects)
		if (e->kind == EFFECT_LEARN && may_still_learn(e))
			changed |= mac_table_learn(e->sw->macs, e->mac, e->vlan, e->port);
	return changed;
}

void xlate_learn_rules(const struct xlate_basis *b)
{
	struct xlate_effect *e;

	VEC_FOR_EACH (e, &b->effects)
		if (e->kind == EFFECT_LEARN_RULE)
			learn_later(e->learn);
}

static void end_connection(const struct xlate_credit *c, uint16_t tcp_flags)
{
	enum { FIN = 1, RST = 4 };

	if (c->kind == CREDIT_FIN_TIMEOUT && tcp_flags & (FIN | RST))
		rule_shorten_later(c->rule, c->idle_timeout, c->hard_timeout);
}

void xlate_end_connection(const struct xlate_basis *b, uint16_t tcp_flags)
{
	struct xlate_credit *c;

	VEC_FOR_EACH (c, &b->credits)
		end_connection(c, tcp_flags);
}

// What tables have seen, unpacked as far as somebody has asked.
struct unpacking {
	struct seen seen;
	const uint64_t *next; // NULL: nobody has asked
	size_t n_behind; // to be unpacked up to the table that is looked at
};

static void unpack(const struct xlate_basis *b, struct unpacking *u)
{
	if (!u->next) {
		seen_begin(&u->seen);
		u->next = b->seen.v;
	}
	for (; u->n_behind; u->n_behind--)
		u->next = seen_take(&u->seen, u->next);
}

static bool lookups_hold(const struct xlate_basis *b, uint16_t passed, uint64_t now)
{
	const struct xlate_passed *p = &b->passed.v[passed];
	const struct xlate_lookup *l;
	struct unpacking u;

	u.next = NULL;
	u.n_behind = 0;
	VEC_FOR_EACH (l, &b->lookups) {
		const struct classifier *cls;

		u.n_behind++;
		if (l->passed != passed)
			continue;
		cls = p->sw->tables[l->table].cls;
		if (classifier_version(cls) <= p->version)
			continue;
		unpack(b, &u);
		if (classifier_changed_for(cls, p->version, now, &u.seen.key, &u.seen.mask,
					   l->found))
			return false;
	}
	return true;
}

static bool tables_are_current(struct xlate_basis *b)
{
	for (uint16_t i = 0; i < b->passed.n; i++) {
		struct xlate_passed *p = &b->passed.v[i];
		uint64_t now = switch_version(p->sw);

		if (now <= p->version)
			continue;
		if (!lookups_hold(b, i, now))
			return false;
		p->version = now;
	}
	return true;
}

static bool dep_is_current(struct xlate_dep *d)
{
	switch (d->kind) {
	case DEP_PORTS:
		return switch_ports_version(d->sw) == d->version;
	case DEP_METERS:
		return switch_meters_version(d->sw) == d->version;
	case DEP_TUNNELS:
		return tunnel_table_version(d->tunnels) == d->version;
	case DEP_GROUP:
		return switch_group_version(d->sw, switch_version(d->sw), d->group) == d->version;
	case DEP_LEARNED:
		return xlate_learned_is_current(d);
	case DEP_MAC:
		return mac_table_version(d->sw->macs, d->mac, d->vlan) == d->version;
	}
	return false;
}

// The number goes with the list that was translated: it does not matter how long ago the translation took its version, nor what was
// published while it ran. A change that waits for its version counts as made, so that the switch, which may be gone with all its
// rules, is not asked.
static bool rule_is_current(const struct xlate_credit *c)
{
	return cls_rule_is_visible(&c->rule->cls, CLS_NEWEST) &&
	       RCU_GET(c->rule->acts)->number == c->acts_number;
}

bool xlate_is_current(struct xlate_basis *b)
{
	struct xlate_credit *c;
	struct xlate_dep *d;

	VEC_FOR_EACH (c, &b->credits)
		if (c->kind == CREDIT_RULE && !rule_is_current(c))
			return false;
	VEC_FOR_EACH (d, &b->deps)
		if (!dep_is_current(d))
			return false;
	return tables_are_current(b);
}

static void credit_port(const struct xlate_credit *c, const struct traffic *t)
{
	struct of_port *p = switch_port_find(c->sw, c->port);

	if (!p)
		return;
	if (c->kind == CREDIT_PORT_RX) {
		atomic_fetch_add(&p->rx_packets, t->packets);
		atomic_fetch_add(&p->rx_bytes, t->bytes);
	} else {
		atomic_fetch_add(&p->tx_packets, t->packets);
		atomic_fetch_add(&p->tx_bytes, t->bytes);
	}
}

void xlate_credit_apply(const struct xlate_credit *c, const struct traffic *t)
{
	struct table *table;

	switch (c->kind) {
	case CREDIT_RULE:
		rule_credit(c->rule, t);
		table = &c->rule->sw->tables[c->rule->table];
		atomic_fetch_add(&table->matches, t->packets);
		atomic_fetch_add(&table->lookups, t->packets);
		return;
	case CREDIT_TABLE_MISS:
		atomic_fetch_add(&c->table->lookups, t->packets);
		return;
	case CREDIT_GROUP:
		group_credit(c->group, c->bucket, t);
		return;
	case CREDIT_FIN_TIMEOUT:
		end_connection(c, t->tcp_flags);
		return;
	case CREDIT_PORT_RX:
	case CREDIT_PORT_TX:
		credit_port(c, t);
	}
}
