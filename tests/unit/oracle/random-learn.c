// SPDX-License-Identifier: Apache-2.0
// Actions that ask something of the tables, for random rules.
#include "tests/unit/oracle/random-learn.h"

#include "core/base/hash.h"
#include "ofproto/pipeline/learn.h"
#include "tests/unit/oracle/random-private.h"

static const char *const parts[] = {
	"NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]",
	"NXM_OF_ETH_SRC[0..15]=NXM_OF_ETH_DST[8..23]",
	"NXM_OF_VLAN_TCI[0..11]",
	"NXM_OF_IN_PORT[]",
	"eth_type=0x800,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[]",
	"eth_type=0x800,NXM_OF_IP_DST[0..15]=NXM_OF_IP_SRC[0..15]",
	"eth_type=0x800,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[]",
	"NXM_NX_REG0[0..1]=NXM_OF_ETH_SRC[0..1]",
	"load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]",
	"load:NXM_NX_REG0[0..1]->NXM_NX_REG0[2..3]",
	"load:NXM_OF_IP_SRC[]->NXM_NX_REG1[]",
	"load:2->NXM_NX_REG0[]",
	"output:NXM_OF_IN_PORT[]",
	"output:NXM_NX_REG0[]",
};

static void put_learn(struct strbuf *out)
{
	strbuf_printf(out, "learn(table=%u,priority=%u,cookie=%u", 1 + random_u32() % 3,
		      random_u32() % 12, random_u32() % 3);
	if (random_u32() % 3 == 0)
		strbuf_printf(out, ",limit=%u", 1 + random_u32() % 4);
	if (random_u32() % 3 == 0)
		strbuf_printf(out, ",result_dst=NXM_NX_REG0[%u]", random_u32() % 2);
	if (random_u32() % 4 == 0)
		strbuf_puts(out, ",delete_learned,idle_timeout=5,fin_idle_timeout=1");
	for (unsigned int n = 1 + random_u32() % 3; n; n--)
		strbuf_printf(out, ",%s", PICK(parts));
	strbuf_puts(out, "),");
}

void random_learn_action(struct strbuf *out)
{
	if (random_u32() % 4)
		put_learn(out);
	else
		strbuf_puts(out, "fin_timeout(idle_timeout=5),");
}

void random_learn_fill(struct of_switch *sw)
{
	static const char *const kinds[] = { "tcp", "tcp,nw_dst=10.0.0.0/8", "tcp,dl_vlan=5",
					     "tcp,in_port=2", "tcp,tp_dst=80" };

	for (int i = 0; i < 6; i++) {
		AUTO(strbuf) b = STRBUF_INIT;
		int table = random_u32() % 3;

		strbuf_printf(&b, "table=%d,priority=%u,%s,actions=", table, 5 + random_u32() % 8,
			      PICK(kinds));
		for (unsigned int n = 1 + random_u32() % 2; n; n--)
			random_learn_action(&b);
		strbuf_printf(&b, "resubmit(,%d)", table + 1);
		add_rule(sw, b.s);
	}
}

static bool same_rule(const struct learn *a, const struct learn *b)
{
	return miniflow_equal(a->key, b->key) && miniflow_equal(a->mask, b->mask) &&
	       a->table == b->table && a->priority == b->priority && a->cookie == b->cookie &&
	       acts_equal((struct acts){ a->acts->list, a->acts->size },
			  (struct acts){ b->acts->list, b->acts->size });
}

static const struct learn *next(const struct xlate_basis *b, size_t *i)
{
	while (*i < b->effects.n) {
		const struct xlate_effect *e = &b->effects.v[(*i)++];

		if (e->kind == EFFECT_LEARN_RULE)
			return e->learn;
	}
	return NULL;
}

bool same_learned(const struct xlate_basis *a, const struct xlate_basis *b)
{
	const struct learn *x, *y;
	size_t i = 0, j = 0;

	do {
		x = next(a, &i);
		y = next(b, &j);
		if (!x != !y || (x && !same_rule(x, y)))
			return false;
	} while (x);
	return true;
}
