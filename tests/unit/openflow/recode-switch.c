// SPDX-License-Identifier: Apache-2.0
// Messages about the switch, its connections, ports, queues and tables, decoded and encoded again.
#include "ofproto/openflow/async.h"
#include "ofproto/openflow/bundle.h"
#include "ofproto/openflow/ct-flush.h"
#include "ofproto/openflow/ipfix.h"
#include "ofproto/openflow/table-features.h"
#include "tests/unit/openflow/recode-private.h"

// A reply with entries, each taken by DECODE and appended by PUT.
#define ENTRIES(NAME, TYPE, DECODE, PUT) \
	static enum ofperr NAME(struct msg *m, struct target *t) \
	{ \
		struct mp_writer w; \
		TYPE entry; \
		int got; \
\
		mp_begin(&w, &t->request, t->out); \
		while ((got = DECODE(m, &entry)) > 0) \
			PUT(&w, &entry); \
		mp_end(&w); \
		return of_next(got); \
	}

ENTRIES(table_stats, struct table_stats, table_stats_decode_next, mp_put_table_stats)
ENTRIES(port_stats, struct port_stats, port_stats_decode_next, mp_put_port_stats)
ENTRIES(queue_stats, struct queue_stats, queue_stats_decode_next, mp_put_queue_stats)
ENTRIES(port_descs, struct port_desc, port_desc_decode_next, mp_put_port_desc)
ENTRIES(ipfix, struct ipfix_stats, ipfix_stats_decode_next, mp_put_ipfix_stats)

// What is said by its header, or by bytes that are not looked at.
static enum ofperr plain(struct msg *m, struct target *t)
{
	size_t start = msg_begin(m->type, t->version, t->xid, t->out);

	strbuf_put(t->out, m->body.p, rd_left(&m->body));
	msg_end(t->out, start);
	return OFPERR_NONE;
}

// In the form that was asked for.
static enum ofperr plain_in_form(struct msg *m, struct target *t)
{
	msg_end(t->out, msg_begin_kind(m->type, t->version, t->xid, t->nx, t->out));
	return OFPERR_NONE;
}

static enum ofperr hello(struct msg *m, struct target *t)
{
	uint32_t versions = hello_decode(m) & ((2u << t->version) - 2);

	if (!versions)
		return OFPERR_OFPHFC_INCOMPATIBLE;
	hello_encode(versions, t->xid, t->out);
	return OFPERR_NONE;
}

static enum ofperr error(struct msg *m, struct target *t)
{
	enum ofperr e = ofperr_decode(m->whole, m->size);
	const uint8_t *p = m->whole;
	uint16_t type = p[8] << 8 | p[9];
	size_t data = type == 0xb0c2 && m->version < OFP12 ? 20 : type == 0xffff ? 16 : 12;

	if (!e)
		return OFPERR_OFPBRC_BAD_TYPE;
	ofperr_encode(e, t->version, p + data, m->size - data, t->out);
	return OFPERR_NONE;
}

static enum ofperr echo_reply(struct msg *m, struct target *t)
{
	t->request.body = m->body;
	echo_reply_encode(&t->request, t->out);
	return OFPERR_NONE;
}

// ---- The switch ----

static enum ofperr features_reply(struct msg *m, struct target *t)
{
	AUTO(strbuf) ports = STRBUF_INIT;
	struct switch_features f;
	enum ofperr e = features_reply_decode(m, &f, &ports);

	if (!e)
		features_reply_encode(&f, &t->request, t->out);
	return e;
}

static enum ofperr config(struct msg *m, struct target *t)
{
	struct switch_config c;
	enum ofperr e = switch_config_decode(m, &c);

	if (!e)
		switch_config_encode(&c, m->type, t->version, t->xid, t->out);
	return e;
}

static enum ofperr desc(struct msg *m, struct target *t)
{
	struct switch_desc d;
	enum ofperr e = switch_desc_decode(m, &d);

	if (!e)
		switch_desc_encode(&d, &t->request, t->out);
	return e;
}

// Nobody here asks for a role: a request is a reply with another number.
static enum ofperr role(struct msg *m, struct target *t)
{
	size_t start = t->out->len, number = t->nx ? 15 : 1;
	struct role_request r;
	enum ofperr e = role_request_decode(m, &r);

	if (e)
		return e;
	// Nicira's have no word for it.
	if (t->nx && r.role == ROLE_NOCHANGE)
		return OFPERR_OFPRRFC_BAD_ROLE;
	role_reply_encode(&r, &t->request, t->out);
	if (m->type == MSG_ROLE_REQUEST)
		t->out->s[start + number]--;
	return OFPERR_NONE;
}

static enum ofperr role_status(struct msg *m, struct target *t)
{
	struct role_status s;
	enum ofperr e = role_status_decode(m, &s);

	if (!e)
		role_status_encode(&s, t->version, t->out);
	return e;
}

static enum ofperr async(struct msg *m, struct target *t)
{
	struct async_masks a = { 0 };
	enum ofperr e = async_decode(m, &a);

	if (!e)
		async_encode(m->type, &a, t->version, t->xid, t->out);
	return e;
}

static enum ofperr number(struct msg *m, struct target *t)
{
	uint32_t n;
	enum ofperr e = nx_number_decode(m, &n);

	if (!e)
		nx_number_encode(m->type, n, t->version, t->xid, t->out);
	return e;
}

static enum ofperr tlv_mod(struct msg *m, struct target *t)
{
	struct tlv_table_mod mod;
	enum ofperr e = tlv_table_mod_decode(m, &mod);

	if (!e)
		tlv_table_mod_encode(&mod, t->version, t->xid, t->out);
	return e;
}

static enum ofperr tlv_reply(struct msg *m, struct target *t)
{
	struct tlv_table_reply reply;
	enum ofperr e = tlv_table_reply_decode(m, &reply);

	if (!e)
		tlv_table_reply_encode(&reply, &t->request, t->out);
	return e;
}

static enum ofperr ct_flush(struct msg *m, struct target *t)
{
	struct ct_match match;
	enum ofperr e = ct_flush_decode(m, &match);

	if (!e)
		ct_flush_encode(&match, t->version, t->xid, t->out);
	return e;
}

// A message within another.
static enum ofperr recode_inner(struct msg *m, const struct target *t, struct strbuf *out)
{
	bool nx = recode_is_nx(msg_kind_of(m));

	if (!recode_has_form(m->type, t->version, nx))
		nx = !nx;
	return recode_has_form(m->type, t->version, nx) ? recode_to(m, t->version, nx, out)
							: OFPERR_OFPBRC_BAD_TYPE;
}

static enum ofperr requestforward(struct msg *m, struct target *t)
{
	AUTO(strbuf) inner = STRBUF_INIT;
	struct msg request;
	enum ofperr e = requestforward_decode(m, &request);

	if (!e)
		e = recode_inner(&request, t, &inner);
	if (!e)
		requestforward_encode(&inner, t->version, t->out);
	return e;
}

static enum ofperr bundle_control(struct msg *m, struct target *t)
{
	struct bundle_control c;
	enum ofperr e = bundle_control_decode(m, &c);

	if (!e)
		bundle_control_encode(&c, t->version, t->xid, t->out);
	return e;
}

static enum ofperr bundle_add(struct msg *m, struct target *t)
{
	AUTO(strbuf) inner = STRBUF_INIT;
	struct bundle_add a;
	enum ofperr e = bundle_add_decode(m, &a);

	if (!e)
		e = recode_inner(&a.msg, t, &inner);
	if (!e)
		bundle_add_encode(a.id, a.flags, inner.s, inner.len, t->version, t->xid, t->out);
	return e;
}

// ---- Ports, queues, tables ----

static enum ofperr port_status(struct msg *m, struct target *t)
{
	struct port_desc pd;
	enum port_reason reason;
	enum ofperr e = port_status_decode(m, &pd, &reason);

	if (!e)
		port_status_encode(&pd, reason, t->version, t->out);
	return e;
}

static enum ofperr port_mod(struct msg *m, struct target *t)
{
	struct port_mod pm;
	enum ofperr e = port_mod_decode(m, &pm);

	if (!e)
		port_mod_encode(&pm, t->version, t->xid, t->out);
	return e;
}

static enum ofperr port_request(struct msg *m, struct target *t)
{
	of_port_t port;
	enum ofperr e = port_stats_request_decode(m, &port);

	if (!e)
		port_stats_request_encode(port, t->version, t->xid, t->out);
	return e;
}

static enum ofperr port_desc_request(struct msg *m, struct target *t)
{
	of_port_t port;
	enum ofperr e = port_desc_request_decode(m, &port);

	if (!e)
		port_desc_request_encode(port, t->version, t->xid, t->out);
	return e;
}

static enum ofperr queue_request(struct msg *m, struct target *t)
{
	of_port_t port;
	uint32_t queue;
	enum ofperr e = queue_stats_request_decode(m, &port, &queue);

	if (!e)
		queue_stats_request_encode(port, queue, t->version, t->xid, t->out);
	return e;
}

static enum ofperr queue_desc_request(struct msg *m, struct target *t)
{
	of_port_t port;
	uint32_t queue;
	enum ofperr e = queue_desc_request_decode(m, &port, &queue);

	if (!e)
		queue_desc_request_encode(port, queue, t->version, t->xid, t->out);
	return e;
}

static enum ofperr queue_config_reply(struct msg *m, struct target *t)
{
	struct queue_desc d;
	of_port_t port;
	size_t start;
	int got;

	if (queue_config_decode(m, &port))
		return OFPERR_OFPBRC_BAD_LEN;
	start = queue_config_begin(port, &t->request, t->out);
	while ((got = queue_desc_decode_next(m, port, &d)) > 0)
		queue_config_put(t->out, start, t->version, &d);
	msg_end(t->out, start);
	return of_next(got);
}

static enum ofperr queue_desc_reply(struct msg *m, struct target *t)
{
	struct queue_desc d;
	struct mp_writer w;
	int got;

	mp_begin(&w, &t->request, t->out);
	while ((got = queue_desc_decode_next(m, OF_PORT(OFPP_ANY), &d)) > 0)
		mp_put_queue_desc(&w, &d);
	mp_end(&w);
	return of_next(got);
}

static enum ofperr table_mod(struct msg *m, struct target *t)
{
	struct table_mod tm;
	enum ofperr e = table_mod_decode(m, &tm);

	if (!e)
		table_mod_encode(&tm, t->version, t->xid, t->out);
	return e;
}

static enum ofperr table_descs(struct msg *m, struct target *t)
{
	struct table_desc d;
	struct mp_writer w;
	enum ofperr e;
	bool more;

	mp_begin(&w, &t->request, t->out);
	while (!(e = table_desc_decode_next(m, &d, &more)) && more)
		mp_put_table_desc(&w, &d);
	mp_end(&w);
	return e;
}

static enum ofperr table_status(struct msg *m, struct target *t)
{
	struct table_desc d;
	uint8_t reason;
	enum ofperr e = table_status_decode(m, &reason, &d);

	if (!e)
		table_status_encode(reason, &d, t->version, t->out);
	return e;
}

static enum ofperr table_features(struct msg *m, struct target *t)
{
	struct table_features tf;
	struct mp_writer w;
	enum ofperr e;
	bool more;

	mp_begin_type(&w, m->type, t->version, t->xid, t->out);
	while (!(e = table_features_decode_next(m, &tf, &more)) && more)
		mp_put_table_features(&w, &tf);
	mp_end(&w);
	return e;
}

const struct recoder recode_switch[] = {
	{ MSG_HELLO, hello },
	{ MSG_ERROR, error },
	{ MSG_ECHO_REQUEST, plain },
	{ MSG_ECHO_REPLY, echo_reply },
	{ MSG_FEATURES_REQUEST, plain },
	{ MSG_FEATURES_REPLY, features_reply },
	{ MSG_GET_CONFIG_REQUEST, plain },
	{ MSG_GET_CONFIG_REPLY, config },
	{ MSG_SET_CONFIG, config },
	{ MSG_PORT_STATUS, port_status },
	{ MSG_PORT_MOD, port_mod },
	{ MSG_TABLE_MOD, table_mod },
	{ MSG_BARRIER_REQUEST, plain },
	{ MSG_BARRIER_REPLY, plain },
	{ MSG_QUEUE_GET_CONFIG_REQUEST, queue_desc_request },
	{ MSG_QUEUE_GET_CONFIG_REPLY, queue_config_reply },
	{ MSG_ROLE_REQUEST, role },
	{ MSG_ROLE_REPLY, role },
	{ MSG_GET_ASYNC_REQUEST, plain },
	{ MSG_GET_ASYNC_REPLY, async },
	{ MSG_SET_ASYNC, async },
	{ MSG_SET_ASYNC_CONFIG, async },
	{ MSG_SET_ASYNC_CONFIG2, async },
	{ MSG_ROLE_STATUS, role_status },
	{ MSG_TABLE_STATUS, table_status },
	{ MSG_REQUESTFORWARD, requestforward },
	{ MSG_BUNDLE_CONTROL, bundle_control },
	{ MSG_BUNDLE_ADD_MESSAGE, bundle_add },
	{ MSG_SET_FLOW_FORMAT, number },
	{ MSG_FLOW_MOD_TABLE_ID, number },
	{ MSG_SET_PACKET_IN_FORMAT, number },
	{ MSG_FLOW_AGE, plain },
	{ MSG_SET_CONTROLLER_ID, number },
	{ MSG_TLV_TABLE_MOD, tlv_mod },
	{ MSG_TLV_TABLE_REQUEST, plain },
	{ MSG_TLV_TABLE_REPLY, tlv_reply },
	{ MSG_CT_FLUSH_ZONE, number },
	{ MSG_CT_FLUSH, ct_flush },
	{ MSG_DESC_REQUEST, plain },
	{ MSG_DESC_REPLY, desc },
	{ MSG_TABLE_REQUEST, plain },
	{ MSG_TABLE_REPLY, table_stats },
	{ MSG_PORT_REQUEST, port_request },
	{ MSG_PORT_REPLY, port_stats },
	{ MSG_QUEUE_REQUEST, queue_request },
	{ MSG_QUEUE_REPLY, queue_stats },
	{ MSG_GROUP_FEATURES_REQUEST, plain_in_form },
	{ MSG_METER_FEATURES_REQUEST, plain },
	{ MSG_TABLE_FEATURES_REQUEST, table_features },
	{ MSG_TABLE_FEATURES_REPLY, table_features },
	{ MSG_TABLE_DESC_REQUEST, plain },
	{ MSG_TABLE_DESC_REPLY, table_descs },
	{ MSG_PORT_DESC_REQUEST, port_desc_request },
	{ MSG_PORT_DESC_REPLY, port_descs },
	{ MSG_QUEUE_DESC_REQUEST, queue_desc_request },
	{ MSG_QUEUE_DESC_REPLY, queue_desc_reply },
	{ MSG_IPFIX_BRIDGE_REQUEST, plain },
	{ MSG_IPFIX_BRIDGE_REPLY, ipfix },
	{ MSG_IPFIX_FLOW_REQUEST, plain },
	{ MSG_IPFIX_FLOW_REPLY, ipfix },
	{ MSG_MAX, NULL },
};
