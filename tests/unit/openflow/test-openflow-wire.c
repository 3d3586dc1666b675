// SPDX-License-Identifier: Apache-2.0
// Messages of every version: encoded, decoded, encoded again; cut short everywhere.
#include <check.h>
#include <stdio.h>

#include "ofproto/openflow/conn.h"
#include "tests/unit/core/flow-testing.h"

#define EACH_VERSION(V) for (uint8_t V = OFP10; V <= OFP15; V++)

static uint16_t be16_at(const char *p)
{
	return (uint8_t)p[0] << 8 | (uint8_t)p[1];
}

static struct msg header_of(const struct strbuf *b)
{
	struct msg m;
	enum ofperr e = msg_decode_header(b->s, b->len, &m);

	ck_assert_msg(!e, "%s", ofperr_name(e));
	return m;
}

// Whatever is read of a cut message, printing it must neither crash nor read outside (the copy is exactly as long).
static void check_cut(const struct strbuf *b)
{
	for (size_t n = 8; n <= b->len; n++) {
		AUTO_FREE uint8_t *copy = xmemdup(b->s, n);
		AUTO(strbuf) out = STRBUF_INIT;

		copy[2] = n >> 8;
		copy[3] = n;
		msg_print(copy, n, NULL, 3, &out);
		ck_assert_uint_gt(out.len, 0);
	}
}

START_TEST(plain)
{
	static const enum msg_type types[] = { MSG_HELLO,
					       MSG_ECHO_REQUEST,
					       MSG_ECHO_REPLY,
					       MSG_FEATURES_REQUEST,
					       MSG_GET_CONFIG_REQUEST,
					       MSG_BARRIER_REQUEST,
					       MSG_BARRIER_REPLY,
					       MSG_DESC_REQUEST,
					       MSG_TABLE_REQUEST };

	EACH_VERSION(v)
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		AUTO(strbuf) b = STRBUF_INIT;
		struct msg m;

		msg_put_plain(types[i], v, 0x12345678, &b);
		m = header_of(&b);
		ck_assert_int_eq(m.type, types[i]);
		ck_assert_int_eq(m.version, v);
		ck_assert_uint_eq(m.xid, 0x12345678);
		check_cut(&b);
	}
}
END_TEST

START_TEST(hello)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct msg m;

	hello_encode(1 << OFP10 | 1 << OFP13, 1, &b);
	m = header_of(&b);
	ck_assert_int_eq(m.version, OFP13);
	ck_assert_uint_eq(hello_decode(&m), 1 << OFP10 | 1 << OFP13);
	strbuf_clear(&b);
	msg_put_plain(MSG_HELLO, OFP12, 1, &b);
	m = header_of(&b);
	ck_assert_uint_eq(hello_decode(&m), 1 << OFP10 | 1 << OFP11 | 1 << OFP12);
}
END_TEST

static const struct port_desc port = {
	.port = { 5 },
	.hw_addr = { { 1, 2, 3, 4, 5, 6 } },
	.name = "eth5",
	.config = PORT_CONFIG_DOWN,
	.state = PORT_STATE_LINK_DOWN,
	.current = 1 << 5 | 1 << 13,
	.advertised = 1 << 6,
	.supported = 1 << 6 | 1 << 11,
};

static struct msg request(enum msg_type type, uint8_t v, struct strbuf *b)
{
	if (type == MSG_PORT_REQUEST)
		port_stats_request_encode(OF_PORT(OFPP_ANY), v, 7, b);
	else if (type == MSG_PORT_DESC_REQUEST)
		port_desc_request_encode(OF_PORT(OFPP_ANY), v, 7, b);
	else
		msg_put_plain(type, v, 7, b);
	return header_of(b);
}

START_TEST(ports)
{
	EACH_VERSION(v)
	{
		AUTO(strbuf) q = STRBUF_INIT;
		AUTO(strbuf) b = STRBUF_INIT;
		struct msg rq = request(MSG_PORT_DESC_REQUEST, v, &q), m;
		enum port_reason reason;
		struct port_desc got;
		struct mp_writer w;

		mp_begin(&w, &rq, &b);
		mp_put_port_desc(&w, &port);
		mp_put_port_desc(&w, &port);
		mp_end(&w);
		m = header_of(&b);
		ck_assert_int_eq(m.type, MSG_PORT_DESC_REPLY);
		for (int i = 0; i < 2; i++) {
			ck_assert_int_eq(port_desc_decode_next(&m, &got), 1);
			ck_assert(!memcmp(&got, &port, sizeof(port)));
		}
		ck_assert_int_eq(port_desc_decode_next(&m, &got), 0);
		check_cut(&b);

		strbuf_clear(&b);
		port_status_encode(&port, PORT_MODIFIED, v, &b);
		m = header_of(&b);
		ck_assert_int_eq(port_status_decode(&m, &got, &reason), OFPERR_NONE);
		ck_assert_int_eq(reason, PORT_MODIFIED);
		ck_assert(!memcmp(&got, &port, sizeof(port)));
		check_cut(&b);
	}
}
END_TEST

START_TEST(port_statistics)
{
	static const struct port_stats ps = { .port = { 3 },
					      .rx_packets = 1,
					      .tx_packets = 2,
					      .rx_bytes = 3,
					      .tx_bytes = 4,
					      .rx_dropped = 5,
					      .tx_dropped = 6,
					      .rx_errors = 7,
					      .tx_errors = UINT64_MAX,
					      .rx_frame_err = 9,
					      .rx_over_err = 10,
					      .rx_crc_err = 11,
					      .collisions = 12,
					      .duration_sec = 13,
					      .duration_nsec = 14 };

	EACH_VERSION(v)
	{
		AUTO(strbuf) q = STRBUF_INIT;
		AUTO(strbuf) b = STRBUF_INIT;
		struct msg rq = request(MSG_PORT_REQUEST, v, &q), m;
		struct port_stats got;
		struct mp_writer w;
		of_port_t which;

		memset(&got, 0, sizeof(got)); // what is between members is compared too
		ck_assert_int_eq(port_stats_request_decode(&rq, &which), OFPERR_NONE);
		ck_assert_uint_eq(which.n, OFPP_ANY);
		mp_begin(&w, &rq, &b);
		mp_put_port_stats(&w, &ps);
		mp_end(&w);
		m = header_of(&b);
		ck_assert_int_eq(port_stats_decode_next(&m, &got), 1);
		if (v < OFP13) {
			got.duration_sec = 13;
			got.duration_nsec = 14;
		}
		ck_assert(!memcmp(&got, &ps, sizeof(ps)));
		ck_assert_int_eq(port_stats_decode_next(&m, &got), 0);
		check_cut(&b);
	}
}
END_TEST

START_TEST(port_modification)
{
	static const struct port_mod pm = { .port = { 4 },
					    .hw_addr = { { 1, 2, 3, 4, 5, 6 } },
					    .config = PORT_CONFIG_DOWN,
					    .mask = PORT_CONFIG_DOWN | PORT_CONFIG_NO_FWD,
					    .advertise = 1 << 5 };

	EACH_VERSION(v)
	{
		AUTO(strbuf) b = STRBUF_INIT;
		struct port_mod got;
		struct msg m;

		port_mod_encode(&pm, v, 1, &b);
		m = header_of(&b);
		ck_assert_int_eq(port_mod_decode(&m, &got), OFPERR_NONE);
		ck_assert(!memcmp(&got, &pm, sizeof(pm)));
		check_cut(&b);
	}
}
END_TEST

START_TEST(about_the_switch)
{
	static const struct switch_desc desc = { "maker", "hardware", "software", "1", "path" };
	struct switch_features f = { .datapath_id = 0x123,
				     .n_tables = 254,
				     .capabilities = 7,
				     .ports = &port,
				     .n_ports = 1 };

	EACH_VERSION(v)
	{
		AUTO(strbuf) q = STRBUF_INIT;
		AUTO(strbuf) b = STRBUF_INIT;
		AUTO(strbuf) list = STRBUF_INIT;
		struct msg rq = request(MSG_FEATURES_REQUEST, v, &q), m;
		struct switch_config cfg = { 3, 128 }, got_cfg;
		struct switch_features got;
		struct switch_desc got_desc;

		features_reply_encode(&f, &rq, &b);
		m = header_of(&b);
		ck_assert_int_eq(features_reply_decode(&m, &got, &list), OFPERR_NONE);
		ck_assert_uint_eq(got.datapath_id, 0x123);
		ck_assert_uint_eq(got.n_ports, v < OFP13);
		check_cut(&b);

		strbuf_clear(&b);
		switch_config_encode(&cfg, MSG_SET_CONFIG, v, 1, &b);
		m = header_of(&b);
		ck_assert_int_eq(switch_config_decode(&m, &got_cfg), OFPERR_NONE);
		ck_assert(!memcmp(&cfg, &got_cfg, sizeof(cfg)));

		strbuf_clear(&q);
		strbuf_clear(&b);
		rq = request(MSG_DESC_REQUEST, v, &q);
		switch_desc_encode(&desc, &rq, &b);
		m = header_of(&b);
		ck_assert_int_eq(switch_desc_decode(&m, &got_desc), OFPERR_NONE);
		ck_assert_str_eq(got_desc.dp, "path");
	}
}
END_TEST

// Entries that together, or alone, are too long for one message.
START_TEST(long_flow_statistics)
{
	static const struct {
		unsigned int n_outputs;
		int want; // of three entries
	} cases[] = { { 1, 3 }, { 1500, 3 }, { 3800, 3 }, { 20000, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EACH_VERSION(v)
		{
			AUTO(strbuf) q = STRBUF_INIT;
			AUTO(strbuf) b = STRBUF_INIT;
			AUTO(strbuf) acts = STRBUF_INIT;
			AUTO(strbuf) got_acts = STRBUF_INIT;
			struct flow_stats_request rq = { .table = 255,
							 .out_port = OF_PORT(OFPP_ANY),
							 .out_group = OFPP_ANY };
			struct flow_stats fs = { 0 }, got;
			struct match any;
			struct mp_writer w;
			struct msg m;
			int n = 0;

			match_init_any(&any);
			match_init_any(&rq.match);
			for (unsigned int k = 0; k < cases[i].n_outputs; k++)
				act_put(&acts, ACT_OUTPUT)->output.port = OF_PORT(k % 9 + 1);
			fs.match = &any;
			fs.acts = acts_of(&acts);
			flow_stats_request_encode(&rq, v, 1, &q);
			m = header_of(&q);
			mp_begin(&w, &m, &b);
			for (int k = 0; k < 3; k++)
				mp_put_flow_stats(&w, &fs);
			mp_end(&w);
			for (size_t at = 0; at < b.len; at += m.size) {
				ck_assert_int_eq(
					msg_decode_header(
						b.s + at,
						MIN(b.len - at, (size_t)be16_at(b.s + at + 2)), &m),
					OFPERR_NONE);
				while (flow_stats_decode_next(&m, &got, &got_acts) > 0) {
					ck_assert_uint_eq(got.acts.size, acts.len);
					n++;
				}
				ck_assert_uint_eq(rd_left(&m.body), 0);
			}
			ck_assert_msg(n == cases[i].want, "%u outputs, version %u: %d entries",
				      cases[i].n_outputs, v, n);
		}
	}
}
END_TEST

START_TEST(flow_statistics)
{
	struct flow_stats_request q = { .table = 3,
					.out_port = OF_PORT(OFPP_LOCAL),
					.out_group = UINT32_MAX,
					.cookie = 1,
					.cookie_mask = 3 },
				  got_q;
	struct match match;

	match_from_text("in_port=2,tcp,tp_dst=80", &match, NULL);
	q.match = match;
	EACH_VERSION(v)
	{
		AUTO(strbuf) rb = STRBUF_INIT;
		AUTO(strbuf) b = STRBUF_INIT;
		AUTO(strbuf) acts = STRBUF_INIT;
		AUTO(strbuf) got_acts = STRBUF_INIT;
		struct flow_stats fs = { .match = &match,
					 .cookie = 5,
					 .n_packets = 6,
					 .n_bytes = 7,
					 .priority = 8,
					 .table = 3,
					 .duration_sec = 1,
					 .idle_age = 4,
					 .hard_age = -1 },
				  got;
		struct aggregate_stats as = { 1, 2, 3 }, got_as;
		struct mp_writer w;
		struct msg rq, m;
		unsigned int parts = 0, n = 0;

		acts_parse("output:1,resubmit(,2)", NULL, &acts, NULL);
		fs.acts = acts_of(&acts);
		flow_stats_request_encode(&q, v, 9, &rb);
		rq = header_of(&rb);
		ck_assert_int_eq(flow_stats_request_decode(&rq, &got_q), OFPERR_NONE);
		ck_assert(match_equal(&got_q.match, &q.match));
		ck_assert_uint_eq(got_q.cookie_mask, 3);
		ck_assert_uint_eq(got_q.out_port.n, OFPP_LOCAL);
		mp_begin(&w, &rq, &b);
		for (int i = 0; i < 1500; i++)
			mp_put_flow_stats(&w, &fs);
		mp_end(&w);
		// Several messages, of which all but the last say that more follow.
		for (size_t ofs = 0; ofs < b.len; parts++) {
			const uint8_t *p = (const uint8_t *)b.s + ofs;
			size_t len = p[2] << 8 | p[3];
			int r;

			ck_assert_int_eq(msg_decode_header(p, len, &m), OFPERR_NONE);
			ck_assert_uint_eq(m.mp_flags, ofs + len < b.len);
			while ((r = flow_stats_decode_next(&m, &got, &got_acts)) > 0) {
				ck_assert(match_equal(got.match, &match));
				ck_assert_uint_eq(got.n_bytes, 7);
				ck_assert(acts_equal(got.acts, fs.acts));
				n++;
			}
			ck_assert_int_eq(r, 0);
			ofs += len;
		}
		ck_assert_uint_gt(parts, 1);
		ck_assert_uint_eq(n, 1500);

		strbuf_clear(&rb);
		strbuf_clear(&b);
		q.aggregate = true;
		flow_stats_request_encode(&q, v, 9, &rb);
		q.aggregate = false;
		rq = header_of(&rb);
		aggregate_stats_encode(&as, &rq, &b);
		m = header_of(&b);
		ck_assert_int_eq(aggregate_stats_decode(&m, &got_as), OFPERR_NONE);
		ck_assert_uint_eq(got_as.n_flows, 3);
		check_cut(&b);
	}
}
END_TEST

START_TEST(removed)
{
	struct flow_removed fr = { .cookie = 1,
				   .n_packets = 2,
				   .n_bytes = 3,
				   .priority = 4,
				   .idle_timeout = 5,
				   .table = 6,
				   .reason = REMOVED_HARD,
				   .duration_sec = 7,
				   .duration_nsec = 8 };

	for (int i = 0; i < 2; i++)
		EACH_VERSION(v)
		{
			AUTO(strbuf) b = STRBUF_INIT;
			struct flow_removed got;
			struct msg m;

			// The second one does not fit into 1.0's and 1.1's match.
			match_from_text(i ? "ip,nw_ttl=5,reg0=3" : "ip,nw_dst=1.2.3.4", &fr.match,
					NULL);
			if (i && v == OFP11)
				continue;
			flow_removed_encode(&fr, v, &b);
			m = header_of(&b);
			ck_assert_int_eq(flow_removed_decode(&m, &got), OFPERR_NONE);
			ck_assert(match_equal(&got.match, &fr.match));
			ck_assert_uint_eq(got.n_bytes, 3);
			ck_assert_uint_eq(got.duration_nsec, 8);
			check_cut(&b);
		}
}
END_TEST

START_TEST(packets)
{
	uint8_t frame[60] = { 1, 2, 3, 4, 5, 6 };
	struct packet_in pin = { .packet = frame,
				 .len = 60,
				 .total_len = 100,
				 .reason = OFPR_ACTION,
				 .table = 3,
				 .cookie = 9 };

	match_from_text("in_port=2", &pin.metadata, NULL);
	EACH_VERSION(v)
	{
		for (enum packet_in_format f = PIN_STANDARD; f <= PIN_NXT2; f++) {
			AUTO(strbuf) b = STRBUF_INIT;
			struct packet_in got;
			struct msg m;

			ck_assert(packet_in_encode(&pin, f, v, &b));
			m = header_of(&b);
			ck_assert_int_eq(packet_in_decode(&m, &got), OFPERR_NONE);
			ck_assert_uint_eq(got.len, 60);
			ck_assert_uint_eq(got.total_len, 100);
			ck_assert(!memcmp(got.packet, frame, 60));
			ck_assert_uint_eq(got.metadata.key.in_port, 2);
			check_cut(&b);
		}
	}
}
END_TEST

START_TEST(longest_packet)
{
	static const uint8_t bytes[UINT16_MAX];

	for (int format = PIN_STANDARD; format <= PIN_NXT2; format++) {
		EACH_VERSION(v)
		{
			struct packet_in p = { .packet = bytes,
					       .len = sizeof(bytes),
					       .total_len = sizeof(bytes) },
					 got;
			AUTO(strbuf) b = STRBUF_INIT;
			struct msg m;

			match_init_any(&p.metadata);
			ck_assert(packet_in_encode(&p, format, v, &b));
			ck_assert_uint_eq(b.len, be16_at(b.s + 2));
			m = header_of(&b);
			ck_assert_int_eq(packet_in_decode(&m, &got), OFPERR_NONE);
			ck_assert_uint_eq(got.total_len, sizeof(bytes));
			ck_assert_uint_gt(got.len, 60000);
		}
	}
}
END_TEST

static const uint8_t much[UINT16_MAX];

START_TEST(a_packet_is_cut_to_what_its_continuation_leaves)
{
	struct packet_in p = { .packet = much,
			       .len = sizeof(much),
			       .total_len = sizeof(much),
			       .continuation = much,
			       .n_continuation = 60000 },
			 got;
	AUTO(strbuf) b = STRBUF_INIT;
	struct msg m;

	match_init_any(&p.metadata);
	ck_assert(packet_in_encode(&p, PIN_NXT2, OFP13, &b));
	ck_assert_uint_eq(b.len, be16_at(b.s + 2));
	m = header_of(&b);
	ck_assert_int_eq(packet_in_decode(&m, &got), OFPERR_NONE);
	ck_assert_uint_eq(got.n_continuation, 60000);
	ck_assert_uint_eq(got.total_len, sizeof(much));
	ck_assert_uint_gt(got.len, 5400);
}
END_TEST

START_TEST(a_packet_whose_userdata_and_continuation_fill_a_message_is_not_sent)
{
	struct packet_in p = { .packet = much,
			       .len = 64,
			       .total_len = 64,
			       .userdata = much,
			       .n_userdata = 30000,
			       .continuation = much,
			       .n_continuation = 40000 };
	AUTO(strbuf) b = STRBUF_INIT;

	match_init_any(&p.metadata);
	ck_assert(!packet_in_encode(&p, PIN_NXT2, OFP13, &b));
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(packet_outs)
{
	uint8_t frame[20] = { 1, 2, 3 };

	EACH_VERSION(v)
	{
		struct packet_out po = { .packet = frame,
					 .len = sizeof(frame),
					 .buffer_id = UINT32_MAX },
				  got = { 0 };
		AUTO(strbuf) b = STRBUF_INIT;
		struct msg m;

		match_from_text("in_port=LOCAL", &po.metadata, NULL);
		acts_parse("output:1,controller(id=3)", NULL, &po.acts, NULL);
		packet_out_encode(&po, v, 1, &b);
		m = header_of(&b);
		ck_assert_int_eq(packet_out_decode(&m, &got), OFPERR_NONE);
		ck_assert_uint_eq(got.len, sizeof(frame));
		ck_assert_uint_eq(got.metadata.key.in_port, OFPP_LOCAL);
		ck_assert(acts_equal(acts_of(&got.acts), acts_of(&po.acts)));
		packet_out_uninit(&po);
		packet_out_uninit(&got);
		check_cut(&b);
	}
}
END_TEST

START_TEST(roles_and_numbers)
{
	EACH_VERSION(v)
	{
		AUTO(strbuf) b = STRBUF_INIT;
		struct role_request q;
		struct msg m;
		uint32_t n;

		nx_number_encode(MSG_FLOW_MOD_TABLE_ID, 1, v, 1, &b);
		m = header_of(&b);
		ck_assert(!nx_number_decode(&m, &n) && n == 1);
		strbuf_clear(&b);
		nx_number_encode(MSG_SET_CONTROLLER_ID, 0x1234, v, 1, &b);
		m = header_of(&b);
		ck_assert(!nx_number_decode(&m, &n) && n == 0x1234);
		strbuf_clear(&b);
		nx_number_encode(MSG_SET_PACKET_IN_FORMAT, 2, v, 1, &b);
		m = header_of(&b);
		ck_assert(!nx_number_decode(&m, &n) && n == 2);
		strbuf_clear(&b);
		msg_end(&b, msg_begin(MSG_ROLE_REQUEST, v, 1, &b));
		wr_be32(&b, 2);
		if (v >= OFP12) {
			wr_be32(&b, 0);
			wr_be64(&b, 77);
		}
		msg_end(&b, 0);
		m = header_of(&b);
		ck_assert_int_eq(role_request_decode(&m, &q), OFPERR_NONE);
		ck_assert_int_eq(q.role, v >= OFP12 ? ROLE_PRIMARY : ROLE_SECONDARY);
		check_cut(&b);
	}
}
END_TEST

// Every error that a version has a code for comes back as itself, or as another name of the same code.
START_TEST(error_table)
{
	for (enum ofperr e = 1; e < OFPERR_COUNT; e++)
		EACH_VERSION(v)
		{
			AUTO(strbuf) b = STRBUF_INIT;
			AUTO(strbuf) again = STRBUF_INIT;
			enum ofperr got;

			ofperr_encode(e, v, "12345678", 8, &b);
			got = ofperr_decode(b.s, b.len);
			ck_assert_msg(got, "%s in %d", ofperr_name(e), v);
			ofperr_encode(got, v, "12345678", 8, &again);
			ck_assert_msg(b.len == again.len && !memcmp(b.s, again.s, b.len),
				      "%s in version %d comes back as %s", ofperr_name(e), v,
				      ofperr_name(got));
		}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openflow-wire");

	tcase_add_test(t, plain);
	tcase_add_test(t, hello);
	tcase_add_test(t, ports);
	tcase_add_test(t, port_statistics);
	tcase_add_test(t, port_modification);
	tcase_add_test(t, about_the_switch);
	tcase_add_test(t, flow_statistics);
	tcase_add_test(t, long_flow_statistics);
	tcase_add_test(t, removed);
	tcase_add_test(t, packets);
	tcase_add_test(t, longest_packet);
	tcase_add_test(t, a_packet_is_cut_to_what_its_continuation_leaves);
	tcase_add_test(t, a_packet_whose_userdata_and_continuation_fill_a_message_is_not_sent);
	tcase_add_test(t, packet_outs);
	tcase_add_test(t, roles_and_numbers);
	tcase_add_test(t, error_table);
	return run_case(t);
}
