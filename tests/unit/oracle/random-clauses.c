// SPDX-License-Identifier: Apache-2.0
// Conjunctions for random tables, and the rules that they lead to.
#include "tests/unit/oracle/random-clauses.h"

#include "core/base/hash.h"
#include "tests/unit/oracle/random-private.h"

static const char *const dimensions[] = { "nw_src=10.0.0.1", "nw_src=10.0.0.0/8",
					  "nw_dst=10.0.0.2", "nw_dst=10.0.0.0/16",
					  "nw_dst=10.0.1.2", "in_port=1",
					  "in_port=2",	     "tcp,tp_dst=80",
					  "udp,tp_dst=53",   "tcp,tp_dst=80/0xfff0",
					  "nw_ttl=64",	     "dl_vlan=5" };

static void put_clauses(struct strbuf *b, unsigned int first_id)
{
	for (unsigned int n = 1 + random_u32() % 2; n; n--)
		strbuf_printf(b, "conjunction(%u,%u/2),", first_id + random_u32() % 2,
			      1 + random_u32() % 2);
	strbuf_chomp(b, ',');
}

// Of one table and priority.
static void add_level(struct of_switch *sw, int table, unsigned int priority)
{
	unsigned int id = 1 + 10 * priority;

	for (int i = 0; i < 6; i++) {
		AUTO(strbuf) b = STRBUF_INIT;

		strbuf_printf(&b, "table=%d,priority=%u,ip,%s,actions=", table, priority,
			      PICK(dimensions));
		put_clauses(&b, id);
		add_rule(sw, b.s);
	}
	for (unsigned int i = 0; i < 2; i++) {
		AUTO(strbuf) b = STRBUF_INIT;

		strbuf_printf(&b, "table=%d,priority=%u,ip,conj_id=%u,%s,actions=output:%u", table,
			      random_u32() % 14, id + i, PICK(dimensions), 1 + random_u32() % 5);
		if (table < 3 && random_u32() % 2)
			strbuf_printf(&b, ",resubmit(,%d)", table + 1);
		add_rule(sw, b.s);
	}
}

void random_clauses_fill(struct of_switch *sw)
{
	for (int table = 0; table < 4; table++)
		for (int i = random_u32() % 3; i; i--)
			add_level(sw, table, 4 + random_u32() % 8);
}
