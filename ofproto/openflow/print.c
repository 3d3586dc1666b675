// SPDX-License-Identifier: Apache-2.0
// Messages as text: the frame, and the table of printers.
#include <inttypes.h>
#include <stdio.h>

#include "ofproto/openflow/async.h"
#include "ofproto/openflow/print-private.h"

static void print_frame(const struct msg *m, struct strbuf *out)
{
	if (m->version > OFP15)
		strbuf_printf(out, " (OF 0x%02x)", m->version);
	else if (m->version > OFP10)
		strbuf_printf(out, " (OF1.%d)", m->version - 1);
	strbuf_printf(out, " (xid=0x%" PRIx32 "):", m->xid);
}

static enum ofperr print_nothing(struct print *p, struct msg *m)
{
	return OFPERR_NONE;
}

static enum ofperr print_hello(struct print *p, struct msg *m)
{
	uint32_t versions = hello_decode(m);

	strbuf_puts(p->out, "\n version bitmap: ");
	for (int v = 0; v < 32; v++)
		if (versions >> v & 1)
			strbuf_printf(p->out, "0x%02x, ", v);
	strbuf_chomp(p->out, ' ');
	strbuf_chomp(p->out, ',');
	return OFPERR_NONE;
}

static enum ofperr print_echo(struct print *p, struct msg *m)
{
	size_t n = rd_left(&m->body);

	strbuf_printf(p->out, " %zu bytes of payload\n", n);
	if (p->verbosity > 1)
		strbuf_put_hex_dump(p->out, m->body.p, n, 0, true);
	return OFPERR_NONE;
}

static enum ofperr print_error(struct print *p, struct msg *m)
{
	enum ofperr e = ofperr_decode(m->whole, m->size);
	struct reader r = m->body;
	uint16_t type = rd_be16(&r), code = rd_be16(&r);

	if (!e) {
		strbuf_printf(p->out, "***decode error: type %u, code %u***\n", type, code);
		return OFPERR_NONE;
	}
	strbuf_printf(p->out, " %s\n", ofperr_name(e));
	if (type == 0xffff)
		rd_skip(&r, 4);
	else if (type == 0xb0c2 && m->version < OFP12)
		rd_skip(&r, 8);
	// hello_failed carries a sentence, the others what the peer sent.
	if (type == 0 && code <= 1)
		strbuf_printf(p->out, "%.*s", (int)rd_left(&r), (const char *)r.p);
	else if (rd_left(&r))
		msg_print(r.p, rd_left(&r), p->ports, p->verbosity, p->out);
	return OFPERR_NONE;
}

static const char *const role_names[] = { "nochange", "equal", "primary", "secondary" };

static enum ofperr print_role(struct print *p, struct msg *m)
{
	struct role_request q;
	enum ofperr e = role_request_decode(m, &q);

	if (e)
		return e;
	strbuf_printf(p->out, " role=%s", role_names[q.role]);
	if (q.have_generation_id && q.generation_id != UINT64_MAX)
		strbuf_printf(p->out, " generation_id=%" PRIu64, q.generation_id);
	return OFPERR_NONE;
}

static enum ofperr print_role_status(struct print *p, struct msg *m)
{
	struct role_status s;
	enum ofperr e = role_status_decode(m, &s);
	const char *reason;

	if (e)
		return e;
	strbuf_printf(p->out, " role=%s", role_names[s.role]);
	if (s.generation_id != UINT64_MAX)
		strbuf_printf(p->out, " generation_id=%" PRIu64, s.generation_id);
	reason = async_reason_name(ASYNC_ROLE_STATUS, s.reason);
	strbuf_printf(p->out, " reason=%s", reason ? reason : "(unknown)");
	return OFPERR_NONE;
}

static enum ofperr print_number(struct print *p, struct msg *m)
{
	static const char *const flow_formats[] = { "openflow10", NULL, "nxm" };
	static const char *const packet_in_formats[] = { "standard", "nxt_packet_in",
							 "nxt_packet_in2" };
	uint32_t n;
	enum ofperr e = nx_number_decode(m, &n);

	if (e)
		return e;
	switch (m->type) {
	case MSG_CT_FLUSH_ZONE:
		strbuf_printf(p->out, " zone_id=%u", n);
		break;
	case MSG_FLOW_MOD_TABLE_ID:
		strbuf_printf(p->out, " %s", n ? "enable" : "disable");
		break;
	case MSG_SET_PACKET_IN_FORMAT:
		if (n < ARRAY_SIZE(packet_in_formats))
			strbuf_printf(p->out, " format=%s", packet_in_formats[n]);
		else
			strbuf_printf(p->out, " format=%u", n);
		break;
	case MSG_SET_FLOW_FORMAT:
		if (n < ARRAY_SIZE(flow_formats) && flow_formats[n])
			strbuf_printf(p->out, " format=%s", flow_formats[n]);
		else
			strbuf_printf(p->out, " format=%u", n);
		break;
	default:
		strbuf_printf(p->out, " id=%u", n);
	}
	return OFPERR_NONE;
}

// Each message has one: the unit tests print all that messages.def names.
static enum ofperr (*const printers[MSG_MAX])(struct print *p, struct msg *m) = {
	[MSG_HELLO] = print_hello,
	[MSG_ERROR] = print_error,
	[MSG_ECHO_REQUEST] = print_echo,
	[MSG_ECHO_REPLY] = print_echo,
	[MSG_FEATURES_REQUEST] = print_nothing,
	[MSG_FEATURES_REPLY] = print_features,
	[MSG_GET_CONFIG_REQUEST] = print_nothing,
	[MSG_GET_CONFIG_REPLY] = print_config,
	[MSG_SET_CONFIG] = print_config,
	[MSG_PACKET_IN] = print_packet_in,
	[MSG_PACKET_IN2] = print_packet_in,
	[MSG_RESUME] = print_packet_in,
	[MSG_FLOW_REMOVED] = print_flow_removed,
	[MSG_PORT_STATUS] = print_port_status,
	[MSG_PACKET_OUT] = print_packet_out,
	[MSG_FLOW_MOD] = print_flow_mod,
	[MSG_PORT_MOD] = print_port_mod,
	[MSG_GROUP_MOD] = print_group_mod,
	[MSG_METER_MOD] = print_meter_mod,
	[MSG_BARRIER_REQUEST] = print_nothing,
	[MSG_BARRIER_REPLY] = print_nothing,
	[MSG_ROLE_REQUEST] = print_role,
	[MSG_ROLE_REPLY] = print_role,
	[MSG_ROLE_STATUS] = print_role_status,
	[MSG_TABLE_MOD] = print_table_mod,
	[MSG_TABLE_STATUS] = print_table_status,
	[MSG_TABLE_FEATURES_REQUEST] = print_table_features,
	[MSG_TABLE_FEATURES_REPLY] = print_table_features,
	[MSG_TABLE_DESC_REQUEST] = print_nothing,
	[MSG_TABLE_DESC_REPLY] = print_table_descs,
	[MSG_REQUESTFORWARD] = print_requestforward,
	[MSG_GET_ASYNC_REQUEST] = print_nothing,
	[MSG_GET_ASYNC_REPLY] = print_async,
	[MSG_SET_ASYNC] = print_async,
	[MSG_SET_ASYNC_CONFIG] = print_async,
	[MSG_SET_ASYNC_CONFIG2] = print_async,
	[MSG_SET_FLOW_FORMAT] = print_number,
	[MSG_FLOW_MOD_TABLE_ID] = print_number,
	[MSG_SET_PACKET_IN_FORMAT] = print_number,
	[MSG_SET_CONTROLLER_ID] = print_number,
	[MSG_CT_FLUSH_ZONE] = print_number,
	[MSG_CT_FLUSH] = print_ct_flush,
	[MSG_FLOW_AGE] = print_nothing,
	[MSG_TLV_TABLE_MOD] = print_tlv_mod,
	[MSG_TLV_TABLE_REQUEST] = print_nothing,
	[MSG_TLV_TABLE_REPLY] = print_tlv_reply,
	[MSG_DESC_REQUEST] = print_nothing,
	[MSG_DESC_REPLY] = print_desc,
	[MSG_FLOW_REQUEST] = print_flow_request,
	[MSG_BUNDLE_CONTROL] = print_bundle_control,
	[MSG_BUNDLE_ADD_MESSAGE] = print_bundle_add,
	[MSG_FLOW_REPLY] = print_flow_reply,
	[MSG_AGGREGATE_REQUEST] = print_flow_request,
	[MSG_AGGREGATE_REPLY] = print_aggregate,
	[MSG_TABLE_REQUEST] = print_nothing,
	[MSG_TABLE_REPLY] = print_tables,
	[MSG_PORT_REQUEST] = print_port_request,
	[MSG_PORT_REPLY] = print_port_stats,
	[MSG_GROUP_REQUEST] = print_group_request,
	[MSG_GROUP_REPLY] = print_group_stats,
	[MSG_GROUP_DESC_REQUEST] = print_group_request,
	[MSG_GROUP_DESC_REPLY] = print_group_descs,
	[MSG_GROUP_FEATURES_REQUEST] = print_nothing,
	[MSG_GROUP_FEATURES_REPLY] = print_group_features,
	[MSG_METER_REQUEST] = print_meter_request,
	[MSG_METER_REPLY] = print_meter_stats,
	[MSG_METER_CONFIG_REQUEST] = print_meter_request,
	[MSG_METER_CONFIG_REPLY] = print_meter_config,
	[MSG_METER_FEATURES_REQUEST] = print_nothing,
	[MSG_METER_FEATURES_REPLY] = print_meter_features,
	[MSG_QUEUE_GET_CONFIG_REQUEST] = print_queue_request,
	[MSG_QUEUE_GET_CONFIG_REPLY] = print_queue_descs,
	[MSG_QUEUE_REQUEST] = print_queue_request,
	[MSG_QUEUE_REPLY] = print_queue_stats,
	[MSG_QUEUE_DESC_REQUEST] = print_queue_request,
	[MSG_QUEUE_DESC_REPLY] = print_queue_descs,
	[MSG_FLOW_MONITOR_REQUEST] = print_flow_monitor_request,
	[MSG_FLOW_MONITOR_REPLY] = print_flow_monitor_reply,
	[MSG_FLOW_MONITOR_CANCEL] = print_flow_monitor_cancel,
	[MSG_FLOW_MONITOR_PAUSED] = print_nothing,
	[MSG_FLOW_MONITOR_RESUMED] = print_nothing,
	[MSG_IPFIX_BRIDGE_REQUEST] = print_nothing,
	[MSG_IPFIX_BRIDGE_REPLY] = print_ipfix_bridge,
	[MSG_IPFIX_FLOW_REQUEST] = print_nothing,
	[MSG_IPFIX_FLOW_REPLY] = print_ipfix_flow,
	[MSG_PORT_DESC_REQUEST] = print_port_request,
	[MSG_PORT_DESC_REPLY] = print_port_descs,
};

static void print_body(struct print *p, struct msg *m, const void *bytes, size_t n)
{
	enum ofperr e;

	if (m->mp_flags & 1 && m->type != MSG_FLOW_REQUEST)
		strbuf_puts(p->out, " flags=[more]");
	e = printers[m->type](p, m);
	if (e) {
		// Behind what could be read of it.
		strbuf_printf(p->out, "%s***decode error: %s***\n",
			      p->out->s[p->out->len - 1] == '\n' ? "" : " ", ofperr_name(e));
		strbuf_put_hex_dump(p->out, bytes, n, 0, true);
	}
}

static void print_name(const struct msg *m, struct strbuf *out)
{
	strbuf_printf(out, "%s%s", msg_kind_prefix(msg_kind_of(m)), msg_name(m->type));
	print_frame(m, out);
}

// What there is of a message may tell its name.
static void print_name_of_part(const void *bytes, size_t n, struct strbuf *out)
{
	AUTO(strbuf) part = STRBUF_INIT;
	struct msg m;

	strbuf_put(&part, bytes, n);
	wr_patch_be16(&part, 2, n);
	msg_decode_header(part.s, n, &m);
	if (m.type == MSG_MAX)
		return;
	print_name(&m, out);
	strbuf_putc(out, '\n');
}

static void print_short(const void *bytes, size_t n, size_t want, struct strbuf *out)
{
	if (!n) {
		strbuf_puts(out, "OpenFlow message is empty\n");
	} else if (n < OF_HEADER_LEN) {
		strbuf_printf(out, "OpenFlow packet too short (only %zu bytes):\n", n);
	} else if (want < n) {
		strbuf_printf(out, "(***only uses %zu bytes out of %zu***)\n", want, n);
	} else {
		print_name_of_part(bytes, n, out);
		strbuf_printf(out, "(***truncated to %zu bytes from %zu***)\n", n, want);
	}
	strbuf_put_hex_dump(out, bytes, n, 0, true);
}

void msg_print(const void *bytes, size_t n, const struct port_names *ports, int verbosity,
	       struct strbuf *out)
{
	const uint8_t *b = bytes;
	struct print p = { ports, verbosity, out };
	size_t length = n >= OF_HEADER_LEN ? (size_t)(b[2] << 8 | b[3]) : 0;
	struct msg m;
	enum ofperr e;

	if (n < OF_HEADER_LEN || length != n) {
		print_short(bytes, n, length, out);
		return;
	}
	e = msg_decode_header(bytes, n, &m);
	if (e) {
		strbuf_printf(out, "***decode error: %s***\n", ofperr_name(e));
		strbuf_put_hex_dump(out, bytes, n, 0, true);
		return;
	}
	print_name(&m, out);
	print_body(&p, &m, bytes, n);
	if (out->s[out->len - 1] != '\n')
		strbuf_putc(out, '\n');
}
