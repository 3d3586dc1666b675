// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/continuation.h"

#include "core/base/bytes.h"

enum { FORM = 1, TRACKED = 1, REST_MIN = 13, MAX_VALUE = 16 };

// ---- Encoding ----

static void put_block(struct strbuf *out, const void *p, size_t n)
{
	wr_be32(out, n);
	if (n)
		strbuf_put(out, p, n);
}

static void put_instructions(struct strbuf *out, struct acts a)
{
	AUTO(strbuf) b = STRBUF_INIT;

	acts_encode_instructions(a, OFP15, &b);
	put_block(out, b.s, b.len);
}

static void put_action_set(struct strbuf *out, const struct rule_acts *set)
{
	AUTO(strbuf) b = STRBUF_INIT;

	if (set)
		acts_encode_actions((struct acts){ set->list, set->size }, OFP15, &b);
	put_block(out, b.s, b.len);
}

void continuation_encode(const struct recirc_state *s, struct strbuf *out)
{
	wr_u8(out, FORM);
	wr_u8(out, s->tracked ? TRACKED : 0);
	wr_u8(out, s->table);
	wr_u8(out, s->passes);
	wr_be64(out, switch_datapath_id(s->sw));
	put_action_set(out, s->action_set);
	put_block(out, s->stack, s->stack_len);
	wr_be32(out, s->n_rest);
	for (size_t i = 0; i < s->n_rest; i++) {
		wr_u8(out, s->rest[i].table);
		wr_be64(out, s->rest[i].cookie);
		put_instructions(out, s->rest[i].acts);
	}
}

// ---- Decoding ----

struct decoded {
	struct recirc_frozen f;
	struct strbuf action_set;
	// As many as the message has.
	struct recirc_rest *rests;
	struct strbuf *lists;
	uint32_t n;
};

static struct reader take_block(struct reader *r)
{
	struct reader b = rd_sub(r, rd_be32(r));

	b.parent = NULL;
	return b;
}

// What would be refused in a rule is refused here, but that the packet may be another one by now.
static enum ofperr check_list(const struct of_switch *sw, struct acts list, uint8_t table)
{
	return switch_check_acts(sw, list, NULL, table, false);
}

static enum ofperr take_action_set(struct decoded *d, struct of_switch *sw, struct reader *r)
{
	struct reader b = take_block(r);
	enum ofperr e = acts_decode_actions(&b, OFP15, &d->action_set);

	if (!e)
		e = check_list(sw, acts_of(&d->action_set), 255);
	d->f.action_set = acts_of(&d->action_set);
	return e;
}

// Each value has its length behind it.
static bool stack_is_sound(const char *p, size_t n)
{
	while (n) {
		size_t length = (uint8_t)p[n - 1];

		if (length > MAX_VALUE || length + 1 > n)
			return false;
		n -= length + 1;
	}
	return true;
}

static enum ofperr take_stack(struct decoded *d, struct reader *r)
{
	struct reader b = take_block(r);

	d->f.stack = (const char *)b.p;
	d->f.stack_len = rd_left(&b);
	return d->f.stack_len <= 65536 && stack_is_sound(d->f.stack, d->f.stack_len)
		       ? OFPERR_NONE
		       : OFPERR_NXR_STALE;
}

static enum ofperr take_rest(struct decoded *d, struct of_switch *sw, struct reader *r)
{
	struct recirc_rest *rest = &d->rests[d->f.n_rest];
	struct strbuf *list = &d->lists[d->f.n_rest];
	struct reader b;
	enum ofperr e;

	d->f.n_rest++;
	rest->table = rd_u8(r);
	rest->cookie = rd_be64(r);
	b = take_block(r);
	e = acts_decode_instructions(&b, OFP15, list);
	if (!e)
		e = check_list(sw, acts_of(list), rest->table);
	rest->acts = acts_of(list);
	return e;
}

static enum ofperr take_all(struct decoded *d, struct of_switch *sw, struct reader *r)
{
	enum ofperr e;

	if (rd_u8(r) != FORM)
		return OFPERR_NXR_STALE;
	d->f.tracked = rd_u8(r) & TRACKED;
	d->f.table = rd_u8(r);
	d->f.passes = rd_u8(r);
	if (rd_be64(r) != switch_datapath_id(sw))
		return OFPERR_NXR_STALE;
	e = take_action_set(d, sw, r);
	if (!e)
		e = take_stack(d, r);
	if (e)
		return e;
	d->n = rd_be32(r);
	if (!d->n || d->n > rd_left(r) / REST_MIN) {
		d->n = 0;
		return OFPERR_NXR_STALE;
	}
	d->f.rest = d->rests = xcalloc(d->n, sizeof(*d->rests));
	d->lists = xcalloc(d->n, sizeof(*d->lists));
	while (!e && d->f.n_rest < d->n)
		e = take_rest(d, sw, r);
	return e ? e : rd_finish(r) ? OFPERR_NXR_STALE : OFPERR_NONE;
}

enum ofperr continuation_decode(struct of_switch *sw, const uint8_t *p, size_t n,
				const struct flow_key *key, struct recirc_state **ret_state)
{
	struct decoded *d = xzalloc(sizeof(*d));
	struct reader r = rd_init(p, n);
	struct flow_mask written;
	enum ofperr e;

	memset(&written, 0, sizeof(written));
	memset(&written.m.tunnel, flow_tunnel_is_set(&key->tunnel) ? 0xff : 0,
	       sizeof(written.m.tunnel));
	d->f.sw = sw;
	d->f.in_port = OF_PORT(key->in_port);
	d->f.flow = key;
	d->f.written = &written;
	e = take_all(d, sw, &r);
	if (!e)
		*ret_state = recirc_create(&d->f);
	strbuf_uninit(&d->action_set);
	for (size_t i = 0; i < d->n; i++)
		strbuf_uninit(&d->lists[i]);
	free(d->rests);
	free(d->lists);
	free(d);
	return e;
}
