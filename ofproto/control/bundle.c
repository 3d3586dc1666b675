// SPDX-License-Identifier: Apache-2.0
// Bundles of a connection: messages that wait until all of them are carried out at once, or none.
//
// What is kept are the messages as they came, one behind the other; each is read when it comes, so that who sends one that is
// no good is told at once, and what was read of a flow_mod is kept, packed. Flows and groups are one transaction of the switch (ofproto/pipeline/transaction.h). Packets that are sent
// in a bundle are translated where they stand in it, and leave once it is committed; ports follow, as they have no versions.
#include "ofproto/openflow/bundle.h"

#include "core/base/hash.h"
#include "core/base/vec.h"
#include "ofproto/control/control-private.h"
#include "ofproto/pipeline/transaction.h"

// What a connection may have waiting: bytes of messages and bundles.
#define MAX_BYTES ((size_t)512 << 20)
#define MAX_BUNDLES 65536

struct bundle {
	struct hmap_node node; // in the peer's 'bundles'
	struct peer *peer;
	uint32_t id;
	uint16_t flags;
	bool closed;
	struct timer idle;
	struct strbuf opener; // the message that began it: a timeout is an error of that one
	struct strbuf messages; // BUNDLE_ADD_MESSAGE, whole
	struct strbuf flows; // struct kept_flow of each that is a flow_mod, in their order
};

// ---- Which there are ----

static struct bundle *find(const struct peer *p, uint32_t id)
{
	struct bundle *b;

	HMAP_FOR_EACH_WITH_HASH (b, node, hash_u64(id, 0), &p->bundles)
		if (b->id == id)
			return b;
	return NULL;
}

static void destroy(struct bundle *b)
{
	timer_cancel(&b->idle);
	hmap_remove(&b->peer->bundles, &b->node);
	b->peer->bundle_bytes -= b->messages.len + b->flows.len;
	strbuf_uninit(&b->opener);
	strbuf_uninit(&b->messages);
	strbuf_uninit(&b->flows);
	free(b);
}

static void on_idle(struct timer *t)
{
	struct bundle *b = CONTAINER_OF(t, struct bundle, idle);
	struct msg m;

	if (!msg_decode_header(b->opener.s, b->opener.len, &m))
		of_conn_send_error(b->peer->conn, OFPERR_OFPBFC_TIMEOUT, &m);
	destroy(b);
}

static void used_now(struct bundle *b)
{
	if (b->peer->control->bundle_idle_timeout)
		timer_in(&b->idle, b->peer->control->bundle_idle_timeout);
}

static enum ofperr create(struct peer *p, uint32_t id, uint16_t flags, const struct msg *opener,
			  struct bundle **ret)
{
	struct bundle *b;

	if (hmap_count(&p->bundles) >= MAX_BUNDLES)
		return OFPERR_OFPBFC_OUT_OF_BUNDLES;
	b = xzalloc(sizeof(*b));
	b->peer = p;
	b->id = id;
	b->flags = flags;
	strbuf_put(&b->opener, opener->whole, opener->size);
	timer_init(&b->idle, p->control->loop, on_idle);
	hmap_insert(&p->bundles, &b->node, hash_u64(id, 0));
	used_now(b);
	*ret = b;
	return OFPERR_NONE;
}

void peer_discard_bundles(struct peer *p)
{
	struct bundle *b;

	HMAP_FOR_EACH_SAFE (b, node, &p->bundles)
		destroy(b);
	hmap_uninit(&p->bundles);
}

// ---- Flows that it holds ----

// What a flow_mod has between its match and its actions.
#define PLAIN_FROM offsetof(struct flow_mod, priority)
#define PLAIN_SIZE (offsetof(struct flow_mod, acts) - PLAIN_FROM)

// Behind it the packed key and mask of the match, and the actions; each is in whole words of 64 bits.
struct kept_flow {
	size_t n_acts; // bytes
	uint8_t plain[ROUND_UP(PLAIN_SIZE, 8)];
};

static void keep_flow(const struct flow_mod *fm, struct strbuf *out)
{
	struct kept_flow k = { .n_acts = fm->acts.len };
	struct miniflow_buf key, mask;

	memcpy(k.plain, (const uint8_t *)fm + PLAIN_FROM, PLAIN_SIZE);
	miniflow_pack(&key.mf, &fm->match.key);
	miniflow_pack(&mask.mf, &fm->match.mask.m);
	strbuf_put(out, &k, sizeof(k));
	strbuf_put(out, &key.mf, miniflow_size(&key.mf));
	strbuf_put(out, &mask.mf, miniflow_size(&mask.mf));
	strbuf_put(out, fm->acts.s, fm->acts.len);
	strbuf_put_zeros(out, ROUND_UP(fm->acts.len, 8) - fm->acts.len);
}

// Returns where the next one is. The actions stay where they are: 'fm' is not to be freed.
static uint8_t *get_flow(uint8_t *p, struct flow_mod *fm)
{
	const struct kept_flow *k = (const struct kept_flow *)p;
	const struct miniflow *key = (const struct miniflow *)(k + 1);
	const struct miniflow *mask =
		(const struct miniflow *)((const uint8_t *)key + miniflow_size(key));

	p = (uint8_t *)mask + miniflow_size(mask);
	memcpy((uint8_t *)fm + PLAIN_FROM, k->plain, PLAIN_SIZE);
	miniflow_expand(key, &fm->match.key);
	miniflow_expand(mask, &fm->match.mask.m);
	fm->acts = (struct strbuf){ .s = (char *)p, .len = k->n_acts };
	return p + ROUND_UP(k->n_acts, 8);
}

// ---- A message that it holds ----

// Reads it as far as that can be done without the switch's state. Flows go to 'flows'.
static enum ofperr check(const struct msg *m, struct strbuf *flows)
{
	struct packet_out po = { 0 };
	struct group_mod gm;
	struct flow_mod fm;
	struct port_mod pm;
	enum ofperr e;

	switch (m->type) {
	case MSG_FLOW_MOD:
		flow_mod_init(&fm);
		e = flow_mod_decode_for_switch(m, &fm);
		if (!e && fm.buffer_id != OF_NO_BUFFER)
			e = OFPERR_OFPBRC_BUFFER_UNKNOWN;
		if (!e)
			keep_flow(&fm, flows);
		flow_mod_uninit(&fm);
		return e;
	case MSG_GROUP_MOD:
		e = group_mod_decode(m, &gm);
		group_mod_uninit(&gm);
		return e;
	case MSG_PORT_MOD:
		return port_mod_decode(m, &pm);
	default:
		e = packet_out_decode(m, &po);
		if (!e && po.buffer_id != OF_NO_BUFFER)
			e = OFPERR_OFPBRC_BUFFER_UNKNOWN;
		packet_out_uninit(&po);
		return e;
	}
}

enum ofperr on_bundle_add(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct bundle_add a;
	enum ofperr e = peer_may_write(p);
	struct strbuf first = STRBUF_INIT, *flows;
	struct bundle *b;
	size_t before;

	if (!e)
		e = bundle_add_decode(m, &a);
	if (e)
		return e;
	b = find(p, a.id);
	flows = b ? &b->flows : &first;
	before = flows->len;
	e = check(&a.msg, flows);
	if (e)
		return e;
	p->bundle_bytes += flows->len - before;
	if (!b)
		e = create(p, a.id, a.flags, m, &b);
	else if (b->closed || b->flags != a.flags)
		e = b->closed ? OFPERR_OFPBFC_BUNDLE_CLOSED : OFPERR_OFPBFC_BAD_FLAGS;
	else if (p->bundle_bytes + m->size > MAX_BYTES)
		e = OFPERR_OFPBFC_MSG_TOO_MANY;
	if (e && b) {
		destroy(b);
	} else if (e) {
		p->bundle_bytes -= first.len;
		strbuf_uninit(&first);
	}
	if (e)
		return e;
	if (flows == &first)
		b->flows = first;
	used_now(b);
	strbuf_put(&b->messages, m->whole, m->size);
	p->bundle_bytes += m->size;
	return OFPERR_NONE;
}

// ---- Committing ----

// What is left to do of a message once all is visible.
struct rest {
	enum msg_type type;
	struct group_mod gm;
	struct forward forward; // MSG_GROUP_MOD
	struct port_mod pm; // MSG_PORT_MOD
	struct packet_out_run *packet_out;
};

struct commit {
	struct peer *peer;
	struct switch_txn *txn;
	uint8_t *next_flow; // struct kept_flow
	VEC(struct rest *) rests;
};

static enum ofperr prepare_flow(struct commit *c)
{
	struct flow_mod fm;

	c->next_flow = get_flow(c->next_flow, &fm);
	return switch_txn_flow_mod(c->txn, &fm);
}

static struct rest *add_rest(struct commit *c, enum msg_type type)
{
	struct rest *r = xzalloc(sizeof(*r));

	r->type = type;
	VEC_PUSH(&c->rests, r);
	return r;
}

static enum ofperr prepare_group(struct commit *c, const struct msg *m)
{
	struct rest *r = add_rest(c, m->type);
	enum ofperr e = group_mod_decode(m, &r->gm);

	r->forward = (struct forward){ .from = c->peer, .xid = m->xid, .group = &r->gm };
	if (e)
		return e;
	forward_prepare(&r->forward);
	return switch_txn_group_mod(c->txn, &r->gm);
}

static enum ofperr prepare_port(struct commit *c, const struct msg *m)
{
	struct rest *r = add_rest(c, m->type);
	enum ofperr e = port_mod_decode(m, &r->pm);
	struct of_port *port;

	if (e)
		return e;
	return port_mod_find(c->peer, &r->pm, &port) ? OFPERR_OFPBFC_MSG_FAILED : OFPERR_NONE;
}

static enum ofperr prepare_packet(struct commit *c, const struct msg *m)
{
	const struct of_control *control = c->peer->control;
	struct rest *r = add_rest(c, m->type);
	struct packet_out po = { 0 };
	enum ofperr e = packet_out_decode(m, &po);

	if (!e)
		e = upcall_packet_out_prepare(control->upcall, control->sw, &po,
					      switch_txn_version(c->txn), &r->packet_out);
	packet_out_uninit(&po);
	return e;
}

static enum ofperr prepare(struct commit *c, const struct msg *m)
{
	switch (m->type) {
	case MSG_FLOW_MOD:
		return prepare_flow(c);
	case MSG_GROUP_MOD:
		return prepare_group(c, m);
	case MSG_PORT_MOD:
		return prepare_port(c, m);
	default:
		return prepare_packet(c, m);
	}
}

// The first error's message is what the peer is told of.
static enum ofperr prepare_all(struct commit *c, const struct bundle *b)
{
	const uint8_t *p = (const uint8_t *)b->messages.s;

	for (size_t at = 0, n; at < b->messages.len; at += n) {
		struct bundle_add a;
		struct msg m;
		enum ofperr e;

		n = p[at + 2] << 8 | p[at + 3];
		e = msg_decode_header(p + at, n, &m);
		if (!e)
			e = bundle_add_decode(&m, &a);
		if (!e)
			e = prepare(c, &a.msg);
		if (e) {
			of_conn_send_error(c->peer->conn, e, &m);
			return e;
		}
	}
	return OFPERR_NONE;
}

static void carry_out(struct commit *c, struct rest *r)
{
	if (r->type == MSG_GROUP_MOD)
		forward_send(&r->forward);
	else if (r->type == MSG_PORT_MOD)
		port_mod_apply(c->peer, &r->pm);
	else
		upcall_packet_out_send(r->packet_out);
}

static void rest_free(struct rest *r)
{
	if (r->type == MSG_GROUP_MOD) {
		forward_uninit(&r->forward);
		group_mod_uninit(&r->gm);
	}
	upcall_packet_out_free(r->packet_out);
	free(r);
}

static enum ofperr commit(struct peer *p, const struct bundle *b)
{
	struct commit c = { .peer = p,
			    .txn = switch_txn_begin(p->control->sw),
			    .next_flow = (uint8_t *)b->flows.s };
	enum ofperr e = prepare_all(&c, b);
	struct rest **r;

	if (e)
		switch_txn_abort(c.txn);
	else
		switch_txn_commit(c.txn);
	VEC_FOR_EACH (r, &c.rests) {
		if (!e)
			carry_out(&c, *r);
		rest_free(*r);
	}
	VEC_FREE(&c.rests);
	return e ? OFPERR_OFPBFC_MSG_FAILED : OFPERR_NONE;
}

// ---- Requests ----

static enum ofperr open_bundle(struct peer *p, const struct bundle_control *bc, const struct msg *m)
{
	struct bundle *b = find(p, bc->id);

	if (!b)
		return create(p, bc->id, bc->flags, m, &b);
	destroy(b);
	return OFPERR_OFPBFC_BAD_ID;
}

static enum ofperr close_bundle(struct bundle *b, const struct bundle_control *bc)
{
	enum ofperr e = b->closed		? OFPERR_OFPBFC_BUNDLE_CLOSED
			: b->flags != bc->flags ? OFPERR_OFPBFC_BAD_FLAGS
						: OFPERR_NONE;

	if (e) {
		destroy(b);
		return e;
	}
	b->closed = true;
	used_now(b);
	return OFPERR_NONE;
}

static enum ofperr commit_bundle(struct peer *p, struct bundle *b, const struct bundle_control *bc)
{
	enum ofperr e = b->flags == bc->flags ? commit(p, b) : OFPERR_OFPBFC_BAD_FLAGS;

	destroy(b);
	return e;
}

static enum ofperr carry_out_request(struct peer *p, const struct bundle_control *bc,
				     const struct msg *m)
{
	struct bundle *b = find(p, bc->id);

	switch (bc->type) {
	case BUNDLE_OPEN_REQUEST:
		return open_bundle(p, bc, m);
	case BUNDLE_CLOSE_REQUEST:
		return b ? close_bundle(b, bc) : OFPERR_OFPBFC_BAD_ID;
	case BUNDLE_COMMIT_REQUEST:
		return b ? commit_bundle(p, b, bc) : OFPERR_OFPBFC_BAD_ID;
	case BUNDLE_DISCARD_REQUEST:
		if (b)
			destroy(b);
		return b ? OFPERR_NONE : OFPERR_OFPBFC_BAD_ID;
	case BUNDLE_OPEN_REPLY:
	case BUNDLE_CLOSE_REPLY:
	case BUNDLE_COMMIT_REPLY:
	case BUNDLE_DISCARD_REPLY:
		return OFPERR_OFPBFC_BAD_TYPE;
	default:
		// Answered, as type 0, by the switches of this wire format that there are.
		return OFPERR_NONE;
	}
}

enum ofperr on_bundle_control(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct bundle_control bc, reply;
	enum ofperr e = peer_may_write(p);

	if (!e)
		e = bundle_control_decode(m, &bc);
	if (!e)
		e = carry_out_request(p, &bc, m);
	if (e)
		return e;
	reply = (struct bundle_control){ .id = bc.id };
	if (bc.type <= BUNDLE_DISCARD_REQUEST)
		reply.type = bc.type + 1;
	bundle_control_encode(&reply, m->version, m->xid, out);
	return OFPERR_NONE;
}
