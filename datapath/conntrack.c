// SPDX-License-Identifier: Apache-2.0
// Whether a connection is one that is meant; names of timeouts.
#include "datapath/conntrack.h"

static const char *const timeout_names[] = {
#define TIMEOUT(ID, NAME) [CT_TIMEOUT_##ID] = NAME,
#include "datapath/conntrack.def"
};

const char *ct_timeout_name(enum ct_timeout t)
{
	return timeout_names[t];
}

bool ct_timeout_by_name(const char *name, enum ct_timeout *ret)
{
	for (enum ct_timeout t = 0; t < CT_TIMEOUT_MAX; t++)
		if (!strcmp(timeout_names[t], name)) {
			*ret = t;
			return true;
		}
	return false;
}

void ct_limits_uninit(struct ct_limits *l)
{
	VEC_FREE(&l->zones);
}

// ---- Matching ----

static bool tuple_holds(const struct ct_tuple_match *m, const struct ct_tuple *t)
{
	const struct ct_tuple *w = &m->tuple;
	size_t n = t->eth_type == htobe16(0x0800) ? 4 : 16;

	return (!w->eth_type || w->eth_type == t->eth_type) &&
	       (!(m->fields & CT_MATCH_SRC) || !memcmp(&w->src, &t->src, n)) &&
	       (!(m->fields & CT_MATCH_DST) || !memcmp(&w->dst, &t->dst, n)) &&
	       (!(m->fields & CT_MATCH_PROTO) || w->proto == t->proto) &&
	       (!(m->fields & (CT_MATCH_SRC_PORT | CT_MATCH_ICMP_ID)) ||
		w->src_port == t->src_port) &&
	       (!(m->fields & CT_MATCH_DST_PORT) || w->dst_port == t->dst_port) &&
	       (!(m->fields & CT_MATCH_ICMP_TYPE) || w->icmp_type == t->icmp_type) &&
	       (!(m->fields & CT_MATCH_ICMP_CODE) || w->icmp_code == t->icmp_code);
}

static bool label_holds(const struct ct_match *m, const struct ct_entry *e)
{
	for (size_t i = 0; i < sizeof(m->label); i++)
		if ((m->label[i] ^ e->label[i]) & m->label_mask[i])
			return false;
	return true;
}

bool ct_match_holds(const struct ct_match *m, const struct ct_entry *e)
{
	return (!m->has_zone || m->zone == e->zone) && tuple_holds(&m->orig, &e->orig) &&
	       tuple_holds(&m->reply, &e->reply) && !((m->mark ^ e->mark) & m->mark_mask) &&
	       label_holds(m, e);
}
