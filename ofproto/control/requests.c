// SPDX-License-Identifier: Apache-2.0
// What a peer asks, and what the switch answers: one function per message, and the table that names them.
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/base/vec.h"
#include "ofproto/control/control-private.h"
#include "ofproto/openflow/group.h"

LOG_MODULE(connmgr);

void describe_port(struct of_control *c, const struct of_port *port, struct port_desc *pd)
{
	memset(pd, 0, sizeof(*pd));
	pd->port = port->number;
	pd->hw_addr = port->mac;
	snprintf(pd->name, sizeof(pd->name), "%s", port->name);
	pd->config = atomic_load(&port->config);
	pd->state = atomic_load(&port->state);
	if (!(pd->state & PORT_STATE_LINK_DOWN))
		pd->state |= PORT_STATE_LIVE;
	c->ops->port_desc(c->aux, port, pd);
}

static enum ofperr on_features(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct of_control *c = p->control;
	struct of_port *const *ports = switch_ports(c->sw);
	struct switch_features f = {
		.datapath_id = switch_datapath_id(c->sw),
		.n_tables = SWITCH_N_TABLES,
		// Flow, table, port and queue statistics.
		.capabilities = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 6,
		.actions = 0xfff, // all of OpenFlow 1.0
	};
	VEC(struct port_desc) descs = VEC_INIT;

	if (m->version == OFP10)
		f.capabilities |= 1 << 7; // ARP match; later versions have it always
	for (; *ports; ports++)
		describe_port(c, *ports, VEC_PUSH_UNINIT(&descs));
	f.ports = descs.v;
	f.n_ports = descs.n;
	features_reply_encode(&f, m, out);
	VEC_FREE(&descs);
	return OFPERR_NONE;
}

static enum ofperr on_get_config(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct switch_config cfg = { switch_fragments(p->control->sw), p->miss_send_len };

	if (m->version < OFP13 && peer_wants_invalid_ttl(p))
		cfg.flags |= CONFIG_INVALID_TTL;
	switch_config_encode(&cfg, MSG_GET_CONFIG_REPLY, m->version, m->xid, out);
	return OFPERR_NONE;
}

// Who asks for what is not there (reassembly) sees from what is in force that it is not.
static void set_fragments(struct of_switch *sw, unsigned int mode)
{
	if (mode == FRAGMENTS_NORMAL || mode == FRAGMENTS_DROP || mode == FRAGMENTS_MATCH)
		switch_set_fragments(sw, mode);
}

static enum ofperr on_set_config(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct switch_config cfg;
	enum ofperr e = switch_config_decode(m, &cfg);

	if (e)
		return e;
	// As Open vSwitch: roles are those of primary controllers.
	if (p->role != ROLE_SECONDARY || p->service)
		set_fragments(p->control->sw, cfg.flags & CONFIG_FRAGMENTS);
	if (m->version < OFP13)
		peer_set_invalid_ttl(p, cfg.flags & CONFIG_INVALID_TTL);
	p->miss_send_len = cfg.miss_send_len;
	return OFPERR_NONE;
}

enum ofperr peer_may_write(const struct peer *p)
{
	return p->role == ROLE_SECONDARY ? OFPERR_OFPBRC_IS_SECONDARY : OFPERR_NONE;
}

enum ofperr flow_mod_decode_for_switch(const struct msg *m, struct flow_mod *fm)
{
	const struct flow_key *mask = &fm->match.mask.m;
	enum ofperr e = flow_mod_decode(m, fm);

	if (!e && fm->command < FM_DELETE &&
	    (fm->table == SWITCH_N_TABLES || mask->recirc_id || mask->dp_hash))
		return OFPERR_OFPBRC_EPERM;
	return e;
}

static enum ofperr on_flow_mod(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct flow_mod fm;
	enum ofperr e = peer_may_write(p);

	if (e)
		return e;
	flow_mod_init(&fm);
	e = flow_mod_decode_for_switch(m, &fm);
	if (!e)
		e = switch_flow_mod(p->control->sw, &fm);
	if (!e && fm.buffer_id != OF_NO_BUFFER)
		e = OFPERR_OFPBRC_BUFFER_UNKNOWN;
	flow_mod_uninit(&fm);
	return e;
}

static enum ofperr on_meter_mod(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct meter_mod mm;
	struct forward f = { .from = p, .xid = m->xid, .meter = &mm };
	enum ofperr e = peer_may_write(p);

	if (!e)
		e = meter_mod_decode(m, &mm);
	if (!e)
		e = switch_meter_mod(p->control->sw, &mm);
	if (!e) {
		forward_prepare(&f);
		forward_send(&f);
	}
	forward_uninit(&f);
	return e;
}

static enum ofperr on_packet_out(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct packet_out po = { 0 };
	enum ofperr e = peer_may_write(p);

	if (!e)
		e = packet_out_decode(m, &po);
	counter_inc(COUNTER_OFPROTO_PACKET_OUT);
	if (!e)
		e = upcall_packet_out(p->control->upcall, p->control->sw, &po);
	packet_out_uninit(&po);
	return e;
}

static enum ofperr on_resume(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct packet_in pin;
	enum ofperr e = peer_may_write(p);

	if (!e)
		e = resume_decode(m, &pin);
	return e ? e : upcall_packet_resume(p->control->upcall, p->control->sw, &pin);
}

enum ofperr port_mod_find(const struct peer *p, const struct port_mod *pm, struct of_port **ret)
{
	struct of_port *port = switch_port_find(p->control->sw, pm->port);

	if (!port)
		return OFPERR_OFPPMFC_BAD_PORT;
	if (!eth_addr_equal(port->mac, pm->hw_addr))
		return OFPERR_OFPPMFC_BAD_HW_ADDR;
	*ret = port;
	return OFPERR_NONE;
}

void port_mod_apply(struct peer *p, const struct port_mod *pm)
{
	struct of_control *c = p->control;
	struct of_port *port;
	uint32_t config;

	if (port_mod_find(p, pm, &port))
		return;
	config = (atomic_load(&port->config) & ~pm->mask) | (pm->config & pm->mask);
	if (pm->mask & PORT_CONFIG_DOWN)
		c->ops->port_admin(c->aux, port, !(config & PORT_CONFIG_DOWN));
	switch_port_set_state(c->sw, port, config, atomic_load(&port->state));
}

static enum ofperr on_port_mod(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct of_port *port;
	struct port_mod pm;
	enum ofperr e = peer_may_write(p);

	if (!e)
		e = port_mod_decode(m, &pm);
	if (!e)
		e = port_mod_find(p, &pm, &port);
	if (!e)
		port_mod_apply(p, &pm);
	return e;
}

// Everything before has been carried out: the switch works one message after the other.
static enum ofperr on_barrier(struct peer *p, const struct msg *m, struct strbuf *out)
{
	msg_put_plain(MSG_BARRIER_REPLY, m->version, m->xid, out);
	return OFPERR_NONE;
}

// Also one whose mask does not have it: without, it would go on as if it could change the switch.
static void tell_role(struct peer *p, enum role_reason reason)
{
	const struct of_control *c = p->control;
	struct role_status s = { p->role, reason,
				 c->generation_seen ? c->generation_id : UINT64_MAX };
	AUTO(strbuf) out = STRBUF_INIT;

	if (of_conn_version(p->conn) < OFP13)
		return;
	role_status_encode(&s, of_conn_version(p->conn), &out);
	of_conn_send(p->conn, out.s, out.len);
}

static void demote_others(struct of_control *c, const struct peer *primary)
{
	struct peer *p;

	LIST_FOR_EACH (p, node, &c->peers) {
		if (p == primary || p->role != ROLE_PRIMARY)
			continue;
		p->role = ROLE_SECONDARY;
		tell_role(p, ROLE_PRIMARY_REQUEST);
	}
}

static enum ofperr on_role(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct of_control *c = p->control;
	struct role_request r;
	enum ofperr e = role_request_decode(m, &r);

	if (e)
		return e;
	if (r.have_generation_id && (r.role == ROLE_PRIMARY || r.role == ROLE_SECONDARY)) {
		if (c->generation_seen && (int64_t)(r.generation_id - c->generation_id) < 0)
			return OFPERR_OFPRRFC_STALE;
		c->generation_id = r.generation_id;
		c->generation_seen = true;
	}
	if (r.role != ROLE_NOCHANGE)
		p->role = r.role;
	if (r.role == ROLE_PRIMARY)
		demote_others(c, p);
	r.role = p->role;
	r.have_generation_id = c->generation_seen;
	r.generation_id = c->generation_id;
	role_reply_encode(&r, m, out);
	return OFPERR_NONE;
}

static enum ofperr on_desc(struct peer *p, const struct msg *m, struct strbuf *out)
{
	switch_desc_encode(&p->control->desc, m, out);
	return OFPERR_NONE;
}

// What is finished of a long answer is sent meanwhile: the peer works on it, and memory stays small.
#define SEND_AT (256 * 1024)

struct flow_dump {
	struct peer *peer;
	struct mp_writer w;
};

static bool put_flow(const struct rule *r, void *aux)
{
	struct flow_dump *d = aux;
	struct flow_stats fs;
	struct match m;
	size_t n;

	rule_fill_stats(r, &m, &fs);
	mp_put_flow_stats(&d->w, &fs);
	n = mp_finished(&d->w);
	if (n >= SEND_AT) {
		of_conn_send(d->peer->conn, d->w.out->s, n);
		mp_take_finished(&d->w);
	}
	return true;
}

static enum ofperr on_flow_stats(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct flow_stats_request rq;
	struct flow_dump d = { .peer = p };
	enum ofperr e = flow_stats_request_decode(m, &rq);

	if (e)
		return e;
	upcall_push_stats(p->control->upcall);
	mp_begin(&d.w, m, out);
	switch_for_each_flow(p->control->sw, &rq, put_flow, &d);
	mp_end(&d.w);
	return OFPERR_NONE;
}

static bool add_flow(const struct rule *r, void *aux)
{
	struct aggregate_stats *s = aux;

	s->n_flows++;
	s->n_packets += atomic_load(&r->packets);
	s->n_bytes += atomic_load(&r->bytes);
	return true;
}

static enum ofperr on_aggregate(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct flow_stats_request rq;
	struct aggregate_stats s = { 0 };
	enum ofperr e = flow_stats_request_decode(m, &rq);

	if (e)
		return e;
	upcall_push_stats(p->control->upcall);
	switch_for_each_flow(p->control->sw, &rq, add_flow, &s);
	aggregate_stats_encode(&s, m, out);
	return OFPERR_NONE;
}

static void port_counters(struct of_control *c, const struct of_port *port, struct port_stats *ps)
{
	int64_t lived = clock_msec() - port->created;

	memset(ps, 0, sizeof(*ps));
	ps->port = port->number;
	if (dp_port_equal(port->dp_port, DP_PORT_NONE) || RCU_GET(port->settings)->tunnel.type) {
		ps->rx_packets = atomic_load(&port->rx_packets);
		ps->rx_bytes = atomic_load(&port->rx_bytes);
		ps->tx_packets = atomic_load(&port->tx_packets);
		ps->tx_bytes = atomic_load(&port->tx_bytes);
		// What a wire may do to a frame has no meaning for a patch.
		ps->rx_frame_err = ps->rx_over_err = ps->rx_crc_err = ps->collisions = UINT64_MAX;
	} else if (!c->ops->port_stats(c->aux, port, ps)) {
		memset(&ps->rx_packets, 0xff,
		       offsetof(struct port_stats, duration_sec) -
			       offsetof(struct port_stats, rx_packets));
	}
	ps->duration_sec = lived / 1000;
	ps->duration_nsec = lived % 1000 * 1000000;
}

static enum ofperr on_port_stats(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct of_port *const *ports = switch_ports(p->control->sw);
	struct mp_writer w;
	of_port_t only;
	enum ofperr e = port_stats_request_decode(m, &only);

	if (e)
		return e;
	upcall_push_stats(p->control->upcall);
	mp_begin(&w, m, out);
	for (; *ports; ports++) {
		struct port_stats ps;

		if (only.n != OFPP_ANY && !of_port_equal(only, (*ports)->number))
			continue;
		port_counters(p->control, *ports, &ps);
		mp_put_port_stats(&w, &ps);
	}
	mp_end(&w);
	return OFPERR_NONE;
}

static enum ofperr on_port_desc(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct of_port *const *ports = switch_ports(p->control->sw);
	struct mp_writer w;
	of_port_t only;
	enum ofperr e = port_desc_request_decode(m, &only);

	if (e)
		return e;
	mp_begin(&w, m, out);
	for (; *ports; ports++) {
		struct port_desc pd;

		if (only.n != OFPP_ANY && !of_port_equal(only, (*ports)->number))
			continue;
		describe_port(p->control, *ports, &pd);
		mp_put_port_desc(&w, &pd);
	}
	mp_end(&w);
	return OFPERR_NONE;
}

// ---- Meters ----

struct meter_dump {
	const struct of_switch *sw;
	struct mp_writer w;
};

static void put_meter_config(const struct meter *m, void *aux)
{
	struct meter_dump *d = aux;

	mp_put_meter_config(&d->w, meter_id(m), meter_config(m));
}

static void put_meter_stats(const struct meter *m, void *aux)
{
	struct meter_dump *d = aux;
	struct meter_stats s;

	switch_meter_stats(d->sw, m, &s);
	mp_put_meter_stats(&d->w, meter_id(m), &s);
}

static enum ofperr on_meters(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct meter_dump d = { .sw = p->control->sw };
	uint32_t id;
	enum ofperr e = meter_request_decode(m, &id);

	if (e)
		return e;
	mp_begin(&d.w, m, out);
	e = switch_for_each_meter(
		d.sw, id, m->type == MSG_METER_REQUEST ? put_meter_stats : put_meter_config, &d);
	mp_end(&d.w);
	return e;
}

static enum ofperr on_meter_features(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct meter_features f;

	switch_meter_features(p->control->sw, &f);
	meter_features_encode(&f, m, out);
	return OFPERR_NONE;
}

// ---- Groups ----

static enum ofperr on_group_mod(struct peer *p, const struct msg *m, struct strbuf *out)
{
	enum ofperr e = peer_may_write(p);
	struct group_mod gm;
	struct forward f = { .from = p, .xid = m->xid, .group = &gm };

	if (e)
		return e;
	e = group_mod_decode(m, &gm);
	if (!e) {
		forward_prepare(&f);
		e = switch_group_mod(p->control->sw, &gm);
	}
	if (!e)
		forward_send(&f);
	forward_uninit(&f);
	group_mod_uninit(&gm);
	return e;
}

static void put_group_desc(const struct group *g, void *w)
{
	mp_put_group_desc(w, group_desc(g));
}

static void put_group_stats(const struct group *g, void *w)
{
	struct group_stats s;

	group_fill_stats(g, &s);
	mp_put_group_stats(w, &s);
	group_stats_uninit(&s);
}

// Of a group that is not there nothing is told.
static enum ofperr on_groups(struct peer *p, const struct msg *m, struct strbuf *out)
{
	bool stats = m->type == MSG_GROUP_REQUEST;
	struct mp_writer w;
	uint32_t id;
	enum ofperr e = group_request_decode(m, &id);

	if (e)
		return e;
	if (stats)
		upcall_push_stats(p->control->upcall);
	mp_begin(&w, m, out);
	switch_for_each_group(p->control->sw, id, stats ? put_group_stats : put_group_desc, &w);
	mp_end(&w);
	return OFPERR_NONE;
}

static enum ofperr on_group_features(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct group_features f;

	switch_group_features(m->version, &f);
	group_features_encode(&f, m, out);
	return OFPERR_NONE;
}

static enum ofperr on_packet_in_format(struct peer *p, const struct msg *m, struct strbuf *out)
{
	uint32_t format;
	enum ofperr e = nx_number_decode(m, &format);

	if (e)
		return e;
	if (format > PIN_NXT2)
		return OFPERR_OFPBRC_EPERM;
	p->packet_in_format = format;
	return OFPERR_NONE;
}

// The number's 16 bits stand behind six bytes that may become something later.
static enum ofperr padded_number_decode(const struct msg *m, uint32_t *ret)
{
	return is_all_zeros(m->body.p, 6) ? nx_number_decode(m, ret) : OFPERR_NXBRC_MUST_BE_ZERO;
}

static enum ofperr on_controller_id(struct peer *p, const struct msg *m, struct strbuf *out)
{
	uint32_t id;
	enum ofperr e = padded_number_decode(m, &id);

	if (!e)
		p->controller_id = id;
	return e;
}

static enum ofperr on_tlv_mod(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct tlv_table_mod mod;
	enum ofperr e = peer_may_write(p);

	if (!e)
		e = tlv_table_mod_decode(m, &mod);
	return e ? e : switch_tlv_mod(p->control->sw, &mod);
}

static enum ofperr on_tlv_request(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct tlv_table_reply reply;

	switch_tlv_get(p->control->sw, &reply);
	tlv_table_reply_encode(&reply, m, out);
	return OFPERR_NONE;
}

static enum ofperr flush(struct peer *p, const struct ct_match *match)
{
	struct of_control *c = p->control;

	int error = c->ops->ct_flush(c->aux, match);

	// What is not there need not be forgotten, nor does a datapath that tracks nothing have to.
	return !error || error == -ENOENT || error == -EOPNOTSUPP ? OFPERR_NONE
								  : OFPERR_OFPBRC_EPERM;
}

static enum ofperr on_ct_flush_zone(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct ct_match match = { .has_zone = true };
	enum ofperr e = peer_may_write(p);
	uint32_t zone;

	if (!e)
		e = padded_number_decode(m, &zone);
	if (e)
		return e;
	match.zone = zone;
	return flush(p, &match);
}

static enum ofperr on_ct_flush(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct ct_match match;
	enum ofperr e = peer_may_write(p);

	if (!e)
		e = ct_flush_decode(m, &match);
	return e ? e : flush(p, &match);
}

static enum ofperr on_ipfix_bridge(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct of_control *c = p->control;
	struct ipfix_stats s;
	struct mp_writer w;

	if (!c->ops->ipfix_bridge(c->aux, &s))
		return OFPERR_NXST_NOT_CONFIGURED;
	mp_begin(&w, m, out);
	mp_put_ipfix_stats(&w, &s);
	mp_end(&w);
	return OFPERR_NONE;
}

static void put_ipfix_set(const struct ipfix_stats *s, void *aux)
{
	mp_put_ipfix_stats(aux, s);
}

static enum ofperr on_ipfix_flow(struct peer *p, const struct msg *m, struct strbuf *out)
{
	struct of_control *c = p->control;
	struct mp_writer w;
	bool any;

	mp_begin(&w, m, out);
	any = c->ops->ipfix_sets(c->aux, put_ipfix_set, &w);
	mp_end(&w);
	return any ? OFPERR_NONE : OFPERR_NXST_NOT_CONFIGURED;
}

// NXM matches and the table id in flow_mod's command are understood always: nothing to switch.
static enum ofperr on_accepted(struct peer *p, const struct msg *m, struct strbuf *out)
{
	uint32_t unused;

	return nx_number_decode(m, &unused);
}

static enum ofperr on_ignored(struct peer *p, const struct msg *m, struct strbuf *out)
{
	return OFPERR_NONE;
}

static request_fn *const functions[MSG_MAX] = {
	[MSG_ECHO_REPLY] = on_ignored,
	[MSG_ERROR] = on_ignored,
	// Flows age without being told to.
	[MSG_FLOW_AGE] = on_ignored,
	[MSG_FEATURES_REQUEST] = on_features,
	[MSG_GET_CONFIG_REQUEST] = on_get_config,
	[MSG_SET_CONFIG] = on_set_config,
	[MSG_FLOW_MOD] = on_flow_mod,
	[MSG_PACKET_OUT] = on_packet_out,
	[MSG_RESUME] = on_resume,
	[MSG_PORT_MOD] = on_port_mod,
	[MSG_QUEUE_REQUEST] = on_queue_stats,
	[MSG_QUEUE_GET_CONFIG_REQUEST] = on_queue_get_config,
	[MSG_QUEUE_DESC_REQUEST] = on_queue_desc,
	[MSG_GROUP_MOD] = on_group_mod,
	[MSG_GROUP_REQUEST] = on_groups,
	[MSG_GROUP_DESC_REQUEST] = on_groups,
	[MSG_GROUP_FEATURES_REQUEST] = on_group_features,
	[MSG_METER_MOD] = on_meter_mod,
	[MSG_METER_REQUEST] = on_meters,
	[MSG_METER_CONFIG_REQUEST] = on_meters,
	[MSG_METER_FEATURES_REQUEST] = on_meter_features,
	[MSG_BARRIER_REQUEST] = on_barrier,
	[MSG_BUNDLE_CONTROL] = on_bundle_control,
	[MSG_BUNDLE_ADD_MESSAGE] = on_bundle_add,
	[MSG_ROLE_REQUEST] = on_role,
	[MSG_DESC_REQUEST] = on_desc,
	[MSG_FLOW_REQUEST] = on_flow_stats,
	[MSG_AGGREGATE_REQUEST] = on_aggregate,
	[MSG_TABLE_REQUEST] = on_table_stats,
	[MSG_TABLE_FEATURES_REQUEST] = on_table_features,
	[MSG_FLOW_MONITOR_REQUEST] = on_flow_monitor,
	[MSG_FLOW_MONITOR_CANCEL] = on_flow_monitor_cancel,
	[MSG_TABLE_MOD] = on_table_mod,
	[MSG_TABLE_DESC_REQUEST] = on_table_desc,
	[MSG_PORT_REQUEST] = on_port_stats,
	[MSG_PORT_DESC_REQUEST] = on_port_desc,
	[MSG_GET_ASYNC_REQUEST] = on_get_async,
	[MSG_SET_ASYNC] = on_set_async,
	[MSG_SET_ASYNC_CONFIG] = on_set_async,
	[MSG_SET_ASYNC_CONFIG2] = on_set_async,
	[MSG_SET_PACKET_IN_FORMAT] = on_packet_in_format,
	[MSG_SET_CONTROLLER_ID] = on_controller_id,
	[MSG_SET_FLOW_FORMAT] = on_accepted,
	[MSG_FLOW_MOD_TABLE_ID] = on_accepted,
	[MSG_CT_FLUSH_ZONE] = on_ct_flush_zone,
	[MSG_CT_FLUSH] = on_ct_flush,
	[MSG_IPFIX_BRIDGE_REQUEST] = on_ipfix_bridge,
	[MSG_IPFIX_FLOW_REQUEST] = on_ipfix_flow,
	[MSG_TLV_TABLE_MOD] = on_tlv_mod,
	[MSG_TLV_TABLE_REQUEST] = on_tlv_request,
};

void peer_message(void *aux, const struct msg *m)
{
	static struct log_limit limit = LOG_LIMIT_INIT(20, 20);
	struct peer *p = aux;
	AUTO(strbuf) out = STRBUF_INIT;
	enum ofperr e;

	counter_inc(COUNTER_OFPROTO_RECV_OPENFLOW);
	p->control->speaking = p;
	p->control->speaking_xid = m->xid;
	e = functions[m->type] ? functions[m->type](p, m, &out) : OFPERR_OFPBRC_BAD_TYPE;
	p->control->speaking = NULL;

	if (e) {
		log_info_limited(&limit, "%s<->%s: sending %s error reply to %s message",
				 switch_name(p->control->sw), of_conn_name(p->conn), ofperr_name(e),
				 msg_name(m->type));
		of_conn_send_error(p->conn, e, m);
		return;
	}
	if (out.len)
		of_conn_send(p->conn, out.s, out.len);
}
