// SPDX-License-Identifier: Apache-2.0
// Messages about packets, flows, groups and meters, decoded and encoded again.
#include "ofproto/openflow/flow-monitor.h"
#include "ofproto/openflow/formats.h"
#include "ofproto/openflow/group.h"
#include "tests/unit/openflow/recode-private.h"

// ---- Packets ----

static enum ofperr packet_in(struct msg *m, struct target *t)
{
	struct packet_in p;
	enum ofperr e = packet_in_decode(m, &p);
	enum packet_in_format format = t->nx ? PIN_NXT : PIN_STANDARD;

	if (!e && !packet_in_encode(&p, m->type == MSG_PACKET_IN2 ? PIN_NXT2 : format, t->version,
				    t->out))
		e = OFPERR_OFPBRC_BAD_LEN;
	return e;
}

static enum ofperr resume(struct msg *m, struct target *t)
{
	struct packet_in p;
	enum ofperr e = resume_decode(m, &p);

	if (!e)
		resume_encode(&p, t->version, t->xid, t->out);
	return e;
}

static enum ofperr packet_out(struct msg *m, struct target *t)
{
	struct packet_out p = { .acts = STRBUF_INIT };
	enum ofperr e = packet_out_decode(m, &p);

	if (!e)
		packet_out_encode(&p, t->version, t->xid, t->out);
	packet_out_uninit(&p);
	return e;
}

// ---- Flows ----

// Commands of 1.0 have table ids where the connection asked for them: where they are none without.
static enum ofperr flow_mod_decode_any(struct msg *m, struct flow_mod *fm)
{
	enum ofperr e = flow_mod_decode(m, fm);

	if (!e)
		return e;
	flow_mod_uninit(fm);
	flow_mod_init(fm);
	m->table_id_ext = true;
	return flow_mod_decode(m, fm);
}

static enum ofperr flow_mod(struct msg *m, struct target *t)
{
	struct flow_mod fm;
	enum ofperr e;

	flow_mod_init(&fm);
	e = flow_mod_decode_any(m, &fm);
	if (!e && t->version == OFP10 && (m->version == OFP10 || t->nx))
		flow_mod_encode_as(&fm, (t->nx ? FORMAT_NXM : FORMAT_OF10) + m->table_id_ext,
				   t->xid, t->out);
	else if (!e)
		flow_mod_encode(&fm, t->version, t->xid, t->out);
	flow_mod_uninit(&fm);
	return e;
}

static enum ofperr flow_request(struct msg *m, struct target *t)
{
	struct flow_stats_request r;
	enum ofperr e = flow_stats_request_decode(m, &r);

	if (e)
		return e;
	if (t->version == OFP10 && !t->nx)
		flow_stats_request_encode_standard_10(&r, t->xid, t->out);
	else
		flow_stats_request_encode(&r, t->version, t->xid, t->out);
	return OFPERR_NONE;
}

static enum ofperr flow_reply(struct msg *m, struct target *t)
{
	AUTO(strbuf) acts = STRBUF_INIT;
	struct flow_stats fs;
	struct mp_writer w;
	int got;

	mp_begin(&w, &t->request, t->out);
	while ((got = flow_stats_decode_next(m, &fs, &acts)) > 0)
		mp_put_flow_stats(&w, &fs);
	mp_end(&w);
	return of_next(got);
}

static enum ofperr aggregate_reply(struct msg *m, struct target *t)
{
	struct aggregate_stats s;
	enum ofperr e = aggregate_stats_decode(m, &s);

	if (!e)
		aggregate_stats_encode(&s, &t->request, t->out);
	return e;
}

static enum ofperr flow_removed(struct msg *m, struct target *t)
{
	struct flow_removed fr;
	enum ofperr e = flow_removed_decode(m, &fr);

	if (!e)
		flow_removed_encode(&fr, t->version, t->out);
	return e;
}

static enum ofperr flow_monitor_request(struct msg *m, struct target *t)
{
	struct flow_monitor_request r;
	enum ofperr e;
	bool more;

	while (!(e = flow_monitor_request_decode_next(m, &r, &more)) && more)
		flow_monitor_request_encode(&r, t->version, t->xid, t->out);
	return e;
}

static enum ofperr flow_monitor_reply(struct msg *m, struct target *t)
{
	AUTO(strbuf) acts = STRBUF_INIT;
	struct flow_update u;
	struct mp_writer w;
	enum ofperr e;
	bool more;

	flow_updates_begin(&w, t->version, t->xid, t->out);
	while (!(e = flow_update_decode_next(m, &u, &acts, &more)) && more)
		// Pauses are messages of their own before 1.4.
		if (t->version >= OFP14 || u.event < FLOW_EVENT_PAUSED)
			mp_put_flow_update(&w, &u);
	mp_end(&w);
	return e;
}

static enum ofperr flow_monitor_cancel(struct msg *m, struct target *t)
{
	uint32_t id;
	enum ofperr e = flow_monitor_cancel_decode(m, &id);

	if (!e)
		flow_monitor_cancel_encode(id, t->version, t->xid, t->out);
	return e;
}

static enum ofperr flow_monitor_paused(struct msg *m, struct target *t)
{
	flow_monitor_paused_encode(m->type == MSG_FLOW_MONITOR_RESUMED, t->version, t->out);
	return OFPERR_NONE;
}

// ---- Groups and meters ----

static enum ofperr group_mod(struct msg *m, struct target *t)
{
	struct group_mod gm;
	enum ofperr e = group_mod_decode(m, &gm);

	if (!e)
		group_mod_encode(&gm, t->version, t->xid, t->out);
	group_mod_uninit(&gm);
	return e;
}

static enum ofperr group_request(struct msg *m, struct target *t)
{
	uint32_t id = GROUP_ID_ALL;
	enum ofperr e = OFPERR_NONE;

	if (rd_left(&m->body))
		e = group_request_decode(m, &id);
	if (!e)
		group_request_encode(m->type, id, t->version, t->xid, t->out);
	return e;
}

static enum ofperr group_reply(struct msg *m, struct target *t)
{
	struct group_stats s;
	struct mp_writer w;
	int got;

	mp_begin(&w, &t->request, t->out);
	while ((got = group_stats_decode_next(m, &s)) > 0) {
		mp_put_group_stats(&w, &s);
		group_stats_uninit(&s);
	}
	mp_end(&w);
	return of_next(got);
}

static enum ofperr group_desc_reply(struct msg *m, struct target *t)
{
	struct group_desc g;
	struct mp_writer w;
	int got;

	mp_begin(&w, &t->request, t->out);
	while ((got = group_desc_decode_next(m, &g)) > 0) {
		mp_put_group_desc(&w, &g);
		group_desc_uninit(&g);
	}
	mp_end(&w);
	return of_next(got);
}

static enum ofperr group_features_reply(struct msg *m, struct target *t)
{
	struct group_features f;
	enum ofperr e = group_features_decode(m, &f);

	if (!e)
		group_features_encode(&f, &t->request, t->out);
	return e;
}

static enum ofperr meter_mod(struct msg *m, struct target *t)
{
	struct meter_mod mm;
	enum ofperr e = meter_mod_decode(m, &mm);

	if (!e)
		meter_mod_encode(&mm, t->version, t->xid, t->out);
	return e;
}

static enum ofperr meter_request(struct msg *m, struct target *t)
{
	uint32_t id;
	enum ofperr e = meter_request_decode(m, &id);

	if (!e)
		meter_request_encode(m->type, id, t->version, t->xid, t->out);
	return e;
}

static enum ofperr meter_reply(struct msg *m, struct target *t)
{
	struct meter_stats s;
	struct mp_writer w;
	uint32_t id;
	int got;

	mp_begin(&w, &t->request, t->out);
	while ((got = meter_stats_decode_next(m, &id, &s)) > 0)
		mp_put_meter_stats(&w, id, &s);
	mp_end(&w);
	return of_next(got);
}

static enum ofperr meter_config_reply(struct msg *m, struct target *t)
{
	struct meter_config c;
	struct mp_writer w;
	uint32_t id;
	int got;

	mp_begin(&w, &t->request, t->out);
	while ((got = meter_config_decode_next(m, &id, &c)) > 0)
		mp_put_meter_config(&w, id, &c);
	mp_end(&w);
	return of_next(got);
}

static enum ofperr meter_features_reply(struct msg *m, struct target *t)
{
	struct meter_features f;
	enum ofperr e = meter_features_decode(m, &f);

	if (!e)
		meter_features_encode(&f, &t->request, t->out);
	return e;
}

const struct recoder recode_flows[] = {
	{ MSG_PACKET_IN, packet_in },
	{ MSG_PACKET_IN2, packet_in },
	{ MSG_FLOW_REMOVED, flow_removed },
	{ MSG_PACKET_OUT, packet_out },
	{ MSG_FLOW_MOD, flow_mod },
	{ MSG_GROUP_MOD, group_mod },
	{ MSG_METER_MOD, meter_mod },
	{ MSG_FLOW_MONITOR_CANCEL, flow_monitor_cancel },
	{ MSG_FLOW_MONITOR_PAUSED, flow_monitor_paused },
	{ MSG_FLOW_MONITOR_RESUMED, flow_monitor_paused },
	{ MSG_RESUME, resume },
	{ MSG_FLOW_REQUEST, flow_request },
	{ MSG_FLOW_REPLY, flow_reply },
	{ MSG_AGGREGATE_REQUEST, flow_request },
	{ MSG_AGGREGATE_REPLY, aggregate_reply },
	{ MSG_GROUP_REQUEST, group_request },
	{ MSG_GROUP_REPLY, group_reply },
	{ MSG_GROUP_DESC_REQUEST, group_request },
	{ MSG_GROUP_DESC_REPLY, group_desc_reply },
	{ MSG_GROUP_FEATURES_REPLY, group_features_reply },
	{ MSG_METER_REQUEST, meter_request },
	{ MSG_METER_REPLY, meter_reply },
	{ MSG_METER_CONFIG_REQUEST, meter_request },
	{ MSG_METER_CONFIG_REPLY, meter_config_reply },
	{ MSG_METER_FEATURES_REPLY, meter_features_reply },
	{ MSG_FLOW_MONITOR_REQUEST, flow_monitor_request },
	{ MSG_FLOW_MONITOR_REPLY, flow_monitor_reply },
	{ MSG_MAX, NULL },
};
