// SPDX-License-Identifier: Apache-2.0
// What concerns the rule itself: fin_timeout, which shortens its life, and conjunction, which makes it a part of a match.
#include <stdio.h>

#include "ofproto/openflow/act-private.h"

// ---- fin_timeout ----

enum { NX_FIN_TIMEOUT = 19, NX_CONJUNCTION = 34, MIN_CLAUSES = 2, MAX_CLAUSES = 64 };

enum ofperr fin_timeout_decode(struct act_in *in, struct strbuf *out)
{
	struct act *a = act_put(out, ACT_FIN_TIMEOUT);

	a->fin_timeout.idle_timeout = rd_be16(&in->body);
	a->fin_timeout.hard_timeout = rd_be16(&in->body);
	return OFPERR_NONE;
}

void fin_timeout_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, NX_FIN_TIMEOUT);

	wr_be16(o->out, a->fin_timeout.idle_timeout);
	wr_be16(o->out, a->fin_timeout.hard_timeout);
	act_end(o, start);
}

void fin_timeout_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "fin_timeout(");
	if (a->fin_timeout.idle_timeout)
		strbuf_printf(t->out, "idle_timeout=%u,", a->fin_timeout.idle_timeout);
	if (a->fin_timeout.hard_timeout)
		strbuf_printf(t->out, "hard_timeout=%u,", a->fin_timeout.hard_timeout);
	strbuf_chomp(t->out, ',');
	strbuf_putc(t->out, ')');
}

int fin_timeout_parse(char *arg, const struct act_text *t)
{
	uint64_t idle = 0, hard = 0;
	char *key, *value;
	struct act *a;

	while (act_next_word(&arg, &key, &value)) {
		bool is_idle = !strcmp(key, "idle_timeout");

		if (!is_idle && strcmp(key, "hard_timeout"))
			return error_set(t->err, -EINVAL,
					 "invalid key '%s' in 'fin_timeout' argument", key);
		if (act_parse_number(value, UINT16_MAX, key, is_idle ? &idle : &hard, t->err))
			return -EINVAL;
	}
	a = act_put(t->out, ACT_FIN_TIMEOUT);
	a->fin_timeout.idle_timeout = idle;
	a->fin_timeout.hard_timeout = hard;
	return 0;
}

// ---- conjunction ----

enum ofperr conjunction_decode(struct act_in *in, struct strbuf *out)
{
	uint8_t clause = rd_u8(&in->body), n = rd_u8(&in->body);
	struct act *a;

	if (n < MIN_CLAUSES || n > MAX_CLAUSES || clause >= n)
		return OFPERR_NXBAC_BAD_CONJUNCTION;
	a = act_put(out, ACT_CONJUNCTION);
	a->conjunction.clause = clause;
	a->conjunction.n_clauses = n;
	a->conjunction.id = rd_be32(&in->body);
	return OFPERR_NONE;
}

void conjunction_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, NX_CONJUNCTION);

	wr_u8(o->out, a->conjunction.clause);
	wr_u8(o->out, a->conjunction.n_clauses);
	wr_be32(o->out, a->conjunction.id);
	act_end(o, start);
}

void conjunction_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "conjunction(%u,%u/%u)", a->conjunction.id,
		      a->conjunction.clause + 1u, a->conjunction.n_clauses);
}

// "id,clause/clauses" with nothing behind.
static bool split(char *arg, uint32_t *id, uint32_t *clause, uint32_t *n)
{
	char *comma = strchr(arg, ','), *slash = comma ? strchr(comma, '/') : NULL;

	if (!slash)
		return false;
	*comma = *slash = '\0';
	comma += 1 + strspn(comma + 1, " ");
	return parse_u32(arg, 0, id) && parse_u32(comma, 10, clause) && parse_u32(slash + 1, 10, n);
}

int conjunction_parse(char *arg, const struct act_text *t)
{
	uint32_t id, clause, n;
	const char *wrong = NULL;
	struct act *a;

	if (!split(arg, &id, &clause, &n))
		wrong = "\"conjunction\" syntax is \"conjunction(id,i/n)\"";
	else if (n < MIN_CLAUSES)
		wrong = "conjunction must have at least 2 clauses";
	else if (n > MAX_CLAUSES)
		wrong = "conjunction must have at most 64 clauses";
	else if (!clause)
		wrong = "clause index must be positive";
	else if (clause > n)
		wrong = "clause index must be less than or equal to number of clauses";
	if (wrong)
		return error_set(t->err, -EINVAL, "%s", wrong);
	a = act_put(t->out, ACT_CONJUNCTION);
	a->conjunction.id = id;
	a->conjunction.clause = clause - 1;
	a->conjunction.n_clauses = n;
	return 0;
}
