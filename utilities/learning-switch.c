// SPDX-License-Identifier: Apache-2.0
#include "utilities/learning-switch.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/packet/packet.h"
#include "ofproto/openflow/conn.h"
#include "ofproto/openflow/formats.h"
#include "ofproto/pipeline/mac-table.h"

LOG_MODULE(learning_switch);

enum { PRIORITY = 1, MISS_BYTES = 128, PROBE_MSEC = 60000 };

// Wildcards of OpenFlow 1.0; addresses have a number of bits that are left out.
enum {
	W_IN_PORT = 1 << 0,
	W_VLAN = 1 << 1,
	W_ETH_SRC = 1 << 2,
	W_ETH_DST = 1 << 3,
	W_ETH_TYPE = 1 << 4,
	W_IP_PROTO = 1 << 5,
	W_TP_SRC = 1 << 6,
	W_TP_DST = 1 << 7,
	W_IP_SRC_SHIFT = 8,
	W_IP_DST_SHIFT = 14,
	W_IP_BITS = 0x3f,
	W_VLAN_PCP = 1 << 20,
	W_IP_TOS = 1 << 21
};

struct learning_switch {
	struct of_conn *conn;
	const struct learning_config *config;
	void (*gone)(struct learning_switch *sw, void *aux);
	void *aux;
	struct mac_table *macs;
	of_port_t *queued; // where the port of each of config->port_queues is; OFPP_ANY: nowhere
	enum flow_format format;
	struct timer probe;
};

// ---- Sending ----

static uint8_t version_of(const struct learning_switch *sw)
{
	return of_conn_version(sw->conn);
}

static void send(struct learning_switch *sw, const struct strbuf *b)
{
	of_conn_send(sw->conn, strbuf_cstr(b), b->len);
}

static void put_flow(struct learning_switch *sw, const struct flow_mod *fm, struct strbuf *b)
{
	flow_mod_encode_as(fm, sw->format, of_conn_next_xid(sw->conn), b);
}

static void put_plain(struct learning_switch *sw, enum msg_type type, struct strbuf *b)
{
	msg_put_plain(type, version_of(sw), of_conn_next_xid(sw->conn), b);
}

static void put_number(struct learning_switch *sw, enum msg_type type, uint32_t n, struct strbuf *b)
{
	nx_number_encode(type, n, version_of(sw), of_conn_next_xid(sw->conn), b);
}

// Since OpenFlow 1.3 packets without a rule are dropped, unless a rule says otherwise.
static void put_miss_flow(struct learning_switch *sw, struct strbuf *b)
{
	struct flow_mod fm;
	struct act *a;

	flow_mod_init(&fm);
	match_init_any(&fm.match);
	fm.table = 0;
	a = act_put(&fm.acts, ACT_OUTPUT);
	a->output.port = OF_PORT(OFPP_CONTROLLER);
	a->output.max_len = MISS_BYTES;
	put_flow(sw, &fm, b);
	flow_mod_uninit(&fm);
}

static void put_given_flows(struct learning_switch *sw, struct strbuf *b)
{
	const struct flow_mod *fm;

	if (1u << sw->format & FORMATS_NXM)
		put_number(sw, MSG_SET_FLOW_FORMAT, 2, b);
	if (1u << sw->format & FORMATS_TABLES)
		put_number(sw, MSG_FLOW_MOD_TABLE_ID, 1, b);
	VEC_FOR_EACH (fm, &sw->config->flows)
		put_flow(sw, fm, b);
}

// A switch that cannot be sent the flows of --with-flows works without them.
static bool choose_format(struct learning_switch *sw)
{
	uint32_t all = flow_formats_of_versions(1u << version_of(sw));
	uint32_t usable = all & sw->config->formats;

	sw->format = __builtin_ctz(usable ? usable : all);
	if (!usable)
		log_warn("%s: none of the flow formats that can say the flows of --with-flows can "
			 "be used with %s",
			 of_conn_name(sw->conn), of_version_name(version_of(sw)));
	return usable;
}

// One who does not listen cannot tell whether the other is silent.
static void stop_listening(struct learning_switch *sw)
{
	of_conn_stop_listening(sw->conn);
	timer_cancel(&sw->probe);
}

static void on_ready(void *aux)
{
	const struct switch_config cfg = { .miss_send_len = MISS_BYTES };
	struct learning_switch *sw = aux;
	bool give = choose_format(sw);
	AUTO(strbuf) b = STRBUF_INIT;

	put_plain(sw, MSG_FEATURES_REQUEST, &b);
	switch_config_encode(&cfg, MSG_SET_CONFIG, version_of(sw), of_conn_next_xid(sw->conn), &b);
	if (version_of(sw) >= OFP13)
		put_miss_flow(sw, &b);
	if (give)
		put_given_flows(sw, &b);
	// Before, ports are told with the features.
	if (version_of(sw) >= OFP13 && sw->config->port_queues.n)
		put_plain(sw, MSG_PORT_DESC_REQUEST, &b);
	send(sw, &b);
	if (sw->config->mute)
		stop_listening(sw);
}

// ---- Packets ----

static void match_on(struct match *m, enum field_id id, const struct flow_key *k)
{
	const struct field *f = field_get(id);
	union field_value v;

	field_read(f, k, &v);
	match_set_field(m, f, &v, NULL);
}

static void match_on_prefix(struct match *m, enum field_id id, const struct flow_key *k,
			    uint32_t left_out)
{
	const struct field *f = field_get(id);
	union field_value v, mask;
	be32 bits;

	if (left_out >= 32)
		return;
	bits = htobe32(UINT32_MAX << left_out);
	field_read(f, k, &v);
	memset(&mask, 0, sizeof(mask));
	memcpy(mask.b, &bits, sizeof(bits));
	match_set_field(m, f, &v, &mask);
}

// What a fixed match of OpenFlow 1.0 can say of the packet, without the wildcards.
static void match_on_headers(struct match *m, const struct flow_key *k, uint32_t w)
{
	bool tagged = k->vlans[0].tci != 0;

	match_init_any(m);
	if (!(w & W_IN_PORT))
		match_on(m, FIELD_IN_PORT, k);
	if (!(w & W_ETH_SRC))
		match_on(m, FIELD_ETH_SRC, k);
	if (!(w & W_ETH_DST))
		match_on(m, FIELD_ETH_DST, k);
	if (!(w & W_VLAN))
		match_on(m, tagged ? FIELD_DL_VLAN : FIELD_VLAN_TCI, k);
	if (!(w & W_VLAN_PCP) && tagged)
		match_on(m, FIELD_DL_VLAN_PCP, k);
	if (w & W_ETH_TYPE)
		return;
	match_on(m, FIELD_ETH_TYPE, k);
	// Of ARP these are addresses and the operation.
	match_on_prefix(m, FIELD_IP_SRC, k, w >> W_IP_SRC_SHIFT & W_IP_BITS);
	match_on_prefix(m, FIELD_IP_DST, k, w >> W_IP_DST_SHIFT & W_IP_BITS);
	if (!(w & W_IP_PROTO))
		match_on(m, FIELD_IP_PROTO, k);
	if (!(w & W_IP_TOS))
		match_on(m, FIELD_IP_DSCP, k);
	if (!(w & W_TP_SRC))
		match_on(m, FIELD_TCP_SRC, k);
	if (!(w & W_TP_DST))
		match_on(m, FIELD_TCP_DST, k);
	match_normalize(m);
}

// What bridges keep to themselves.
static bool is_reserved(struct eth_addr a)
{
	static const uint8_t prefix[] = { 0x01, 0x80, 0xc2, 0, 0 };

	return !memcmp(a.b, prefix, sizeof(prefix)) && a.b[5] < 16;
}

// OFPP_ANY: nowhere.
static of_port_t find_port(struct learning_switch *sw, const struct flow_key *k, of_port_t in_port)
{
	of_port_t port = OF_PORT(OFPP_FLOOD);

	if (is_reserved(k->eth_dst))
		return OF_PORT(OFPP_ANY);
	if (sw->config->mode == LEARNING_HUB || eth_addr_is_multicast(k->eth_dst))
		return port;
	mac_table_expire(sw->macs);
	if (!mac_table_find(sw->macs, k->eth_dst, 0, &port, NULL))
		return OF_PORT(OFPP_FLOOD);
	if (port.n == in_port.n)
		return OF_PORT(OFPP_ANY);
	return sw->config->mode == LEARNING_NORMAL ? OF_PORT(OFPP_NORMAL) : port;
}

static uint32_t queue_of(const struct learning_switch *sw, of_port_t in_port)
{
	for (size_t i = 0; i < sw->config->port_queues.n; i++)
		if (sw->queued[i].n == in_port.n && in_port.n != OFPP_ANY)
			return sw->config->port_queues.v[i].queue;
	return sw->config->queue;
}

static void put_output(const struct learning_switch *sw, of_port_t in_port, of_port_t port,
		       struct strbuf *acts)
{
	uint32_t queue = queue_of(sw, in_port);
	struct act *a;

	if (port.n == OFPP_ANY)
		return;
	if (queue != LEARNING_NO_QUEUE && port.n < OFPP_MAX) {
		a = act_put(acts, ACT_ENQUEUE);
		a->enqueue.port = port;
		a->enqueue.queue = queue;
		return;
	}
	a = act_put(acts, ACT_OUTPUT);
	a->output.port = port;
}

static void set_up_flow(struct learning_switch *sw, const struct packet_in *pi,
			const struct flow_key *k, struct acts acts, struct strbuf *b)
{
	struct flow_mod fm;

	flow_mod_init(&fm);
	match_on_headers(&fm.match, k, sw->config->wildcards);
	fm.table = 255;
	fm.priority = PRIORITY;
	fm.idle_timeout = sw->config->max_idle;
	fm.buffer_id = pi->buffer_id;
	strbuf_put(&fm.acts, acts.first, acts.size);
	put_flow(sw, &fm, b);
	flow_mod_uninit(&fm);
}

static void send_on(struct learning_switch *sw, const struct packet_in *pi, of_port_t in_port,
		    struct acts acts, struct strbuf *b)
{
	bool kept = pi->buffer_id != OF_NO_BUFFER; // by the switch
	struct packet_out po = { .packet = kept ? NULL : pi->packet,
				 .len = kept ? 0 : pi->len,
				 .buffer_id = pi->buffer_id };

	match_init_any(&po.metadata);
	po.metadata.key.in_port = in_port.n;
	po.metadata.mask.m.in_port = UINT32_MAX;
	strbuf_put(&po.acts, acts.first, acts.size);
	packet_out_encode(&po, version_of(sw), of_conn_next_xid(sw->conn), b);
	packet_out_uninit(&po);
}

static void handle_packet(struct learning_switch *sw, const struct packet_in *pi)
{
	struct packet p = { .data = (uint8_t *)pi->packet, .size = pi->len };
	of_port_t in_port = OF_PORT(pi->metadata.key.in_port), port;
	const struct packet_metadata md = { 0 };
	bool kept = pi->buffer_id != OF_NO_BUFFER;
	AUTO(strbuf) acts = STRBUF_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	struct flow_key k;

	// Of what is no packet nothing can be said, but it is from somewhere.
	if (packet_parse(&p, &md, &k))
		memset(&k, 0, sizeof(k));
	k.in_port = in_port.n;
	if (!eth_addr_is_multicast(k.eth_src))
		mac_table_learn(sw->macs, k.eth_src, 0, in_port);
	port = find_port(sw, &k, in_port);
	put_output(sw, in_port, port, &acts);
	if (!sw->config->no_flows && (port.n != OFPP_FLOOD || sw->config->mode == LEARNING_HUB)) {
		set_up_flow(sw, pi, &k, acts_of(&acts), &b);
		// The flow takes the packet that the switch keeps.
		if (!kept && port.n != OFPP_ANY)
			send_on(sw, pi, in_port, acts_of(&acts), &b);
	} else if (kept || port.n != OFPP_ANY) {
		send_on(sw, pi, in_port, acts_of(&acts), &b);
	}
	send(sw, &b);
}

// ---- Messages ----

static void forget_port(struct learning_switch *sw, of_port_t port)
{
	for (size_t i = 0; i < sw->config->port_queues.n; i++)
		if (sw->queued[i].n == port.n)
			sw->queued[i] = OF_PORT(OFPP_ANY);
}

// The port may have had another name before.
static void note_port(struct learning_switch *sw, const struct port_desc *pd)
{
	forget_port(sw, pd->port);
	for (size_t i = 0; i < sw->config->port_queues.n; i++)
		if (!strcmp(sw->config->port_queues.v[i].port, pd->name))
			sw->queued[i] = pd->port;
}

static void on_features(struct learning_switch *sw, const struct msg *m)
{
	AUTO(strbuf) ports = STRBUF_INIT;
	struct switch_features f;

	if (features_reply_decode(m, &f, &ports)) {
		log_warn("%s: the switch's features cannot be read", of_conn_name(sw->conn));
		return;
	}
	for (size_t i = 0; i < f.n_ports; i++)
		note_port(sw, &f.ports[i]);
}

static void on_ports(struct learning_switch *sw, const struct msg *m)
{
	struct msg part = *m;
	struct port_desc pd;

	while (port_desc_decode_next(&part, &pd) > 0)
		note_port(sw, &pd);
}

static void on_port_status(struct learning_switch *sw, const struct msg *m)
{
	enum port_reason reason;
	struct port_desc pd;

	if (port_status_decode(m, &pd, &reason))
		return;
	if (reason == PORT_DELETED)
		forget_port(sw, pd.port);
	else
		note_port(sw, &pd);
}

static void on_packet(struct learning_switch *sw, const struct msg *m)
{
	struct packet_in pi;
	enum ofperr e = packet_in_decode(m, &pi);

	if (e)
		log_warn("%s: a packet cannot be read (%s)", of_conn_name(sw->conn),
			 ofperr_name(e));
	else if (pi.reason == OFPR_NO_MATCH)
		handle_packet(sw, &pi);
}

static void on_error(struct learning_switch *sw, const struct msg *m)
{
	AUTO(strbuf) s = STRBUF_INIT;

	msg_print(m->whole, m->size, NULL, 1, &s);
	log_info("%s: the switch refuses: %s", of_conn_name(sw->conn), strbuf_cstr(&s));
}

static void on_message(void *aux, const struct msg *m)
{
	struct learning_switch *sw = aux;

	switch (m->type) {
	case MSG_FEATURES_REPLY:
		on_features(sw, m);
		break;
	case MSG_PORT_DESC_REPLY:
		on_ports(sw, m);
		break;
	case MSG_PORT_STATUS:
		on_port_status(sw, m);
		break;
	case MSG_PACKET_IN:
		on_packet(sw, m);
		break;
	case MSG_ERROR:
		on_error(sw, m);
		break;
	default:
		break;
	}
}

// ---- Life ----

static void on_closed(void *aux, int err, const char *reason)
{
	struct learning_switch *sw = aux;

	log_info("%s: connection closed (%s)", of_conn_name(sw->conn), reason);
	sw->gone(sw, sw->aux);
}

static void on_probe(struct timer *t)
{
	struct learning_switch *sw = CONTAINER_OF(t, struct learning_switch, probe);
	int64_t silence = clock_msec() - of_conn_last_received(sw->conn);
	AUTO(strbuf) b = STRBUF_INIT;

	if (silence < PROBE_MSEC) {
		timer_in(t, PROBE_MSEC - silence);
		return;
	}
	if (!version_of(sw) || silence >= 2 * PROBE_MSEC) {
		log_err("%s: no %s after %d seconds, disconnecting", of_conn_name(sw->conn),
			version_of(sw) ? "response to inactivity probe" : "hello",
			PROBE_MSEC / 1000);
		sw->gone(sw, sw->aux);
		return;
	}
	put_plain(sw, MSG_ECHO_REQUEST, &b);
	send(sw, &b);
	timer_in(t, 2 * PROBE_MSEC - silence);
}

static const struct of_conn_events events = {
	.ready = on_ready,
	.message = on_message,
	.closed = on_closed,
};

struct learning_switch *learning_switch_create(struct stream *stream, uint32_t versions,
					       const struct learning_config *config,
					       void (*gone)(struct learning_switch *sw, void *aux),
					       void *aux)
{
	struct learning_switch *sw = xzalloc(sizeof(*sw));

	sw->config = config;
	sw->gone = gone;
	sw->aux = aux;
	sw->macs = mac_table_create();
	sw->queued = xmalloc(config->port_queues.n * sizeof(*sw->queued));
	for (size_t i = 0; i < config->port_queues.n; i++)
		sw->queued[i] = OF_PORT(OFPP_ANY);
	timer_init(&sw->probe, stream_loop(stream), on_probe);
	sw->conn = of_conn_create(stream, versions, &events, sw);
	timer_in(&sw->probe, PROBE_MSEC);
	return sw;
}

void learning_switch_destroy(struct learning_switch *sw)
{
	if (!sw)
		return;
	timer_cancel(&sw->probe);
	of_conn_close(sw->conn, false);
	mac_table_destroy(sw->macs);
	free(sw->queued);
	free(sw);
}
