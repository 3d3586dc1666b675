// SPDX-License-Identifier: Apache-2.0
// Messages about queues: as text, and back on the wire.
#include <check.h>

#include "ofproto/openflow/msg.h"
#include "tests/suite.h"

static void put_hex(struct strbuf *b, const char *hex)
{
	for (; *hex; hex += 2)
		wr_u8(b, hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
}

static const struct {
	const char *hex, *printed;
} messages[] = {
	{ "0110001400000002000500000001000000000002",
	  "OFPST_QUEUE request (xid=0x2): port=1 queue=2\n" },
	{ "011000140000000200050000fffc0000ffffffff",
	  "OFPST_QUEUE request (xid=0x2): port=ANY queue=ALL\n" },
	{ "011000140000000200050000ffff0000ffffffff",
	  "OFPST_QUEUE request (xid=0x2): port=ANY queue=ALL\n" },
	{ "011000140000000200050000fffe000000000000",
	  "OFPST_QUEUE request (xid=0x2): port=LOCAL queue=0\n" },
	{ "011000140000000200050000fffb000000000001",
	  "OFPST_QUEUE request (xid=0x2): port=FLOOD queue=1\n" },
	{ "021200180000000200050000000000000000000100000002",
	  "OFPST_QUEUE request (OF1.1) (xid=0x2): port=1 queue=2\n" },
	{ "02120018000000020005000000000000fffffffcffffffff",
	  "OFPST_QUEUE request (OF1.1) (xid=0x2): port=ALL queue=ALL\n" },
	{ "02120018000000020005000000000000ffffffffffffffff",
	  "OFPST_QUEUE request (OF1.1) (xid=0x2): port=ANY queue=ALL\n" },
	{ "02120018000000020005000000000000fffffffe00000000",
	  "OFPST_QUEUE request (OF1.1) (xid=0x2): port=LOCAL queue=0\n" },
	{ "041200180000000200050000000000000000000100000002",
	  "OFPST_QUEUE request (OF1.3) (xid=0x2): port=1 queue=2\n" },
	{ "04120018000000020005000000000000fffffffcffffffff",
	  "OFPST_QUEUE request (OF1.3) (xid=0x2): port=ALL queue=ALL\n" },
	{ "04120018000000020005000000000000ffffffffffffffff",
	  "OFPST_QUEUE request (OF1.3) (xid=0x2): port=ANY queue=ALL\n" },
	{ "04120018000000020005000000000000fffffffe00000000",
	  "OFPST_QUEUE request (OF1.3) (xid=0x2): port=LOCAL queue=0\n" },
	{ "051200180000000200050000000000000000000100000002",
	  "OFPST_QUEUE request (OF1.4) (xid=0x2): port=1 queue=2\n" },
	{ "05120018000000020005000000000000fffffffcffffffff",
	  "OFPST_QUEUE request (OF1.4) (xid=0x2): port=ALL queue=ALL\n" },
	{ "05120018000000020005000000000000ffffffffffffffff",
	  "OFPST_QUEUE request (OF1.4) (xid=0x2): port=ANY queue=ALL\n" },
	{ "05120018000000020005000000000000fffffffe00000000",
	  "OFPST_QUEUE request (OF1.4) (xid=0x2): port=LOCAL queue=0\n" },
	{ "0111004c00000002000500000001000000000002000000000000000300000000000000040000000000000005"
	  "0002000000000001ffffffffffffffffffffffffffffffffffffffffffffffff",
	  "OFPST_QUEUE reply (xid=0x2): 2 queues\n  port 1 queue 2: bytes=3, pkts=4, errors=5, "
	  "duration=?\n  port 2 queue 1: bytes=?, pkts=?, errors=?, duration=?\n" },
	{ "0213005000000002000500000000000000000001000000020000000000000003000000000000000400000000"
	  "000000050000000200000001ffffffffffffffffffffffffffffffffffffffffffffffff",
	  "OFPST_QUEUE reply (OF1.1) (xid=0x2): 2 queues\n  port 1 queue 2: bytes=3, pkts=4, "
	  "errors=5, duration=?\n  port 2 queue 1: bytes=?, pkts=?, errors=?, duration=?\n" },
	{ "0413006000000002000500000000000000000001000000020000000000000003000000000000000400000000"
	  "0000000500000006006acfc00000000200000001ffffffffffffffffffffffffffffffffffffffffffffffff"
	  "ffffffffffffffff",
	  "OFPST_QUEUE reply (OF1.3) (xid=0x2): 2 queues\n  port 1 queue 2: bytes=3, pkts=4, "
	  "errors=5, duration=6.007s\n  port 2 queue 1: bytes=?, pkts=?, errors=?, duration=?\n" },
	{ "0513007800000002000500000000000000300000000000000000000100000002000000000000000300000000"
	  "00000004000000000000000500000006006acfc000380000000000000000000200000001ffffffffffffffff"
	  "ffffffffffffffffffffffffffffffffffffffff00000000ffff000800000000",
	  "OFPST_QUEUE reply (OF1.4) (xid=0x2): 2 queues\n  port 1 queue 2: bytes=3, pkts=4, "
	  "errors=5, duration=6.007s\n  port 2 queue 1: bytes=?, pkts=?, errors=?, duration=?\n" },
	{ "0114000c0000000200010000", "OFPT_QUEUE_GET_CONFIG_REQUEST (xid=0x2): port=1\n" },
	{ "0114000c00000002feff0000", "OFPT_QUEUE_GET_CONFIG_REQUEST (xid=0x2): port=65279\n" },
	{ "02160010000000020000000100000000",
	  "OFPT_QUEUE_GET_CONFIG_REQUEST (OF1.1) (xid=0x2): port=1\n" },
	{ "0216001000000002ffffffff00000000",
	  "OFPT_QUEUE_GET_CONFIG_REQUEST (OF1.1) (xid=0x2): port=ANY\n" },
	{ "04160010000000020000000100000000",
	  "OFPT_QUEUE_GET_CONFIG_REQUEST (OF1.3) (xid=0x2): port=1\n" },
	{ "0416001000000002ffffffff00000000",
	  "OFPT_QUEUE_GET_CONFIG_REQUEST (OF1.3) (xid=0x2): port=ANY\n" },
	{ "0512001800000002000f0000000000000000000100000002",
	  "OFPST_QUEUE_DESC request (OF1.4) (xid=0x2): port=1 queue=2\n" },
	{ "0512001800000002000f000000000000ffffffffffffffff",
	  "OFPST_QUEUE_DESC request (OF1.4) (xid=0x2): port=ANY\n" },
	{ "0512001800000002000f000000000000fffffffe00000003",
	  "OFPST_QUEUE_DESC request (OF1.4) (xid=0x2): port=LOCAL queue=3\n" },
	{ "01150010000000020001000000000000", "OFPT_QUEUE_GET_CONFIG_REPLY (xid=0x2):\n" },
	{ "0115007800000002000100000000000000000005000800000000000100180000000100100000000001f40000"
	  "000000000000000000180000000100100000000003e900000000000000000007001800000002001000000000"
	  "00210000000000000000000800180000ffff0010000000000021000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (xid=0x2): port=1\nqueue 0: min_rate:(disabled)\nqueue 1: "
	  "min_rate:50.0%\nqueue 5:\nqueue 7: max_rate:3.3%\nqueue 8:\n" },
	{ "0115003800000002000100000000000000000003002800000001001000000000000000000000000000020010"
	  "0000000003e8000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (xid=0x2): port=1\nqueue 3: min_rate:0.0% "
	  "max_rate:100.0%\n" },
	{ "02170010000000020000000100000000", "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.1) (xid=0x2):\n" },
	{ "0217007800000002000000010000000000000005000800000000000100180000000100100000000001f40000"
	  "000000000000000000180000000100100000000003e900000000000000000007001800000002001000000000"
	  "00210000000000000000000800180000ffff0010000000000021000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.1) (xid=0x2): port=1\nqueue 0: "
	  "min_rate:(disabled)\nqueue 1: min_rate:50.0%\nqueue 5:\nqueue 7: max_rate:3.3%\nqueue "
	  "8:\n" },
	{ "0217003800000002000000010000000000000003002800000001001000000000000000000000000000020010"
	  "0000000003e8000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.1) (xid=0x2): port=1\nqueue 3: min_rate:0.0% "
	  "max_rate:100.0%\n" },
	{ "03170010000000020000000100000000", "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.2) (xid=0x2):\n" },
	{ "0317008000000002000000010000000000000005000000010010000000000000000000010000000100200000"
	  "00000000000100100000000001f4000000000000000000000000000200200000000000000001001000000000"
	  "03e90000000000000000000700000002002000000000000000020010000000000021000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.2) (xid=0x2): port=1\nqueue 0: "
	  "min_rate:(disabled)\nqueue 1: min_rate:50.0%\nqueue 5:\nqueue 7: max_rate:3.3%\n" },
	{ "0317004000000002000000010000000000000003000000020030000000000000000100100000000000000000"
	  "00000000000200100000000003e8000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.2) (xid=0x2): port=1\nqueue 3: min_rate:0.0% "
	  "max_rate:100.0%\n" },
	{ "0317001000000002ffffffff00000000", "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.2) (xid=0x2):\n" },
	{ "0317008000000002ffffffff0000000000000005000000010010000000000000000000010000000100200000"
	  "00000000000100100000000001f4000000000000000000000000000200200000000000000001001000000000"
	  "03e90000000000000000000700000002002000000000000000020010000000000021000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.2) (xid=0x2): port=ANY\nqueue 0: "
	  "min_rate:(disabled)\nqueue 1: min_rate:50.0%\nqueue 5:\nqueue 7: max_rate:3.3%\n" },
	{ "0317004000000002ffffffff0000000000000003000000020030000000000000000100100000000000000000"
	  "00000000000200100000000003e8000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.2) (xid=0x2): port=ANY\nqueue 3: min_rate:0.0% "
	  "max_rate:100.0%\n" },
	{ "04170010000000020000000100000000", "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x2):\n" },
	{ "0417008000000002000000010000000000000005000000010010000000000000000000010000000100200000"
	  "00000000000100100000000001f4000000000000000000000000000200200000000000000001001000000000"
	  "03e90000000000000000000700000002002000000000000000020010000000000021000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x2): port=1\nqueue 0: "
	  "min_rate:(disabled)\nqueue 1: min_rate:50.0%\nqueue 5:\nqueue 7: max_rate:3.3%\n" },
	{ "0417004000000002000000010000000000000003000000020030000000000000000100100000000000000000"
	  "00000000000200100000000003e8000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x2): port=1\nqueue 3: min_rate:0.0% "
	  "max_rate:100.0%\n" },
	{ "0417001000000002ffffffff00000000", "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x2):\n" },
	{ "0417008000000002ffffffff0000000000000005000000010010000000000000000000010000000100200000"
	  "00000000000100100000000001f4000000000000000000000000000200200000000000000001001000000000"
	  "03e90000000000000000000700000002002000000000000000020010000000000021000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x2): port=ANY\nqueue 0: "
	  "min_rate:(disabled)\nqueue 1: min_rate:50.0%\nqueue 5:\nqueue 7: max_rate:3.3%\n" },
	{ "0417004000000002ffffffff0000000000000003000000020030000000000000000100100000000000000000"
	  "00000000000200100000000003e8000000000000",
	  "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.3) (xid=0x2): port=ANY\nqueue 3: min_rate:0.0% "
	  "max_rate:100.0%\n" },
	{ "0513001000000002000f000000000000", "OFPST_QUEUE_DESC reply (OF1.4) (xid=0x2):\n" },
	{ "0513006800000002000f00000000000000000001000000050010000000000000000000010000000100180000"
	  "000000000001000801f40000000000020000000000180000000000000001000803e900000000000200000007"
	  "00180000000000000002000800210000",
	  "OFPST_QUEUE_DESC reply (OF1.4) (xid=0x2): port=1\nqueue 1: min_rate:50.0%\nqueue "
	  "5:\nport=2\nqueue 0: min_rate:(disabled)\nqueue 7: max_rate:3.3%\n" },
	{ "0513003000000002000f00000000000000000002000000030020000000000000000100080000000000020008"
	  "03e80000",
	  "OFPST_QUEUE_DESC reply (OF1.4) (xid=0x2): port=2\nqueue 3: min_rate:0.0% "
	  "max_rate:100.0%\n" },
	{ "0513002800000002000f000000000000000000010000000300180000000000000003000800000000",
	  "OFPST_QUEUE_DESC reply (OF1.4) (xid=0x2): port=1\nqueue 3:\n" },
	// An experimenter's property is padded, and the length does not count that.
	{ "0513003800000002000f0000000000000000000100000003002800000000"
	  "0000ffff000c0000232000000001000000000001000801f40000",
	  "OFPST_QUEUE_DESC reply (OF1.4) (xid=0x2): port=1\nqueue 3: min_rate:50.0%\n" },
};

START_TEST(messages_are_printed)
{
	AUTO(strbuf) b = STRBUF_INIT, out = STRBUF_INIT;

	put_hex(&b, messages[_i].hex);
	msg_print(b.s, b.len, NULL, 1, &out);
	ck_assert_str_eq(out.s, messages[_i].printed);
}
END_TEST

static const struct {
	const char *hex, *error;
} broken[] = {
	{ "0114000c00000002ffff0000", "OFPQOFC_BAD_PORT" },
	{ "0114000c00000002fffe0000", "OFPQOFC_BAD_PORT" },
	{ "0114000c00000002ff000000", "OFPQOFC_BAD_PORT" },
	{ "0216001000000002fffffffe00000000", "OFPQOFC_BAD_PORT" },
	{ "0216001000000002ffffff0000000000", "OFPQOFC_BAD_PORT" },
	{ "0216001000000002fffffeff00000000", "OFPBAC_BAD_OUT_PORT" },
	{ "0316001000000002fffffffe00000000", "OFPQOFC_BAD_PORT" },
	{ "0316001000000002ffffff0000000000", "OFPQOFC_BAD_PORT" },
	{ "0316001000000002fffffeff00000000", "OFPBAC_BAD_OUT_PORT" },
	{ "0416001000000002fffffffe00000000", "OFPQOFC_BAD_PORT" },
	{ "0416001000000002ffffff0000000000", "OFPQOFC_BAD_PORT" },
	{ "0416001000000002fffffeff00000000", "OFPBAC_BAD_OUT_PORT" },
	{ "01150016000000020001000000000000000000030008", "OFPBRC_BAD_LEN" },
	{ "0115001a00000002000100000000000000000003000a00003132", "OFPBRC_BAD_LEN" },
	{ "02170016000000020000000100000000000000030008", "OFPBRC_BAD_LEN" },
	{ "0217001a00000002000000010000000000000003000a00003132", "OFPBRC_BAD_LEN" },
	{ "0317003300000002000000010000000000000003000000010023000000000000000100100000000000000000"
	  "00000000313233",
	  "OFPBRC_BAD_LEN" },
	{ "0317003300000002ffffffff0000000000000003000000010023000000000000000100100000000000000000"
	  "00000000313233",
	  "OFPBRC_BAD_LEN" },
	{ "0417003300000002000000010000000000000003000000010023000000000000000100100000000000000000"
	  "00000000313233",
	  "OFPBRC_BAD_LEN" },
	{ "0417003300000002ffffffff0000000000000003000000010023000000000000000100100000000000000000"
	  "00000000313233",
	  "OFPBRC_BAD_LEN" },
	{ "0513002200000002000f000000000000000000010000000300120000000000003132",
	  "OFPBRC_BAD_LEN" },
	{ "0613002200000002000f000000000000000000010000000300120000000000003132",
	  "OFPBRC_BAD_LEN" },
	// A queue that is shorter than its header, and one that runs over.
	{ "051300200000000200050000000000000020000000000000000000010000000200000000",
	  "OFPBRC_BAD_LEN" },
	{ "0513002000000002000f0000000000000000000100000003000f000000000000", "OFPBRC_BAD_LEN" },
	{ "0513002000000002000f00000000000000000001000000030018000000000000", "OFPBRC_BAD_LEN" },
	// A rate whose property is too short for it.
	{ "0513002800000002000f000000000000000000010000000300180000000000000001000400000000",
	  "OFPBRC_BAD_LEN" },
};

START_TEST(broken_messages_are_refused)
{
	AUTO(strbuf) b = STRBUF_INIT, out = STRBUF_INIT, want = STRBUF_INIT;

	put_hex(&b, broken[_i].hex);
	wr_patch_be16(&b, 2, b.len);
	msg_print(b.s, b.len, NULL, 1, &out);
	strbuf_printf(&want, "***decode error: %s***", broken[_i].error);
	ck_assert_msg(strstr(out.s, want.s), "%s", out.s);
}
END_TEST

// One reply to a request of each version.
static void reply(uint8_t version, enum msg_type type, struct strbuf *out, struct mp_writer *w)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct msg request;

	if (type == MSG_QUEUE_REQUEST)
		queue_stats_request_encode(OF_PORT(OFPP_ANY), QUEUE_ALL, version, 7, &b);
	else
		queue_desc_request_encode(OF_PORT(OFPP_ANY), QUEUE_ALL, version, 7, &b);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &request), OFPERR_NONE);
	mp_begin(w, &request, out);
}

START_TEST(statistics_arrive_as_they_are)
{
	const struct queue_stats sent = { OF_PORT(3), 61439, 1, UINT64_MAX, 5, 6, 7000000 };
	struct queue_stats got;
	AUTO(strbuf) b = STRBUF_INIT;
	uint8_t version = _i;
	struct mp_writer w;
	struct msg m;

	reply(version, MSG_QUEUE_REQUEST, &b, &w);
	mp_put_queue_stats(&w, &sent);
	mp_put_queue_stats(&w, &sent);
	mp_end(&w);
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(queue_stats_decode_next(&m, &got), 1);
		ck_assert_uint_eq(got.port.n, 3);
		ck_assert_uint_eq(got.queue, 61439);
		ck_assert_uint_eq(got.tx_bytes, 1);
		ck_assert_uint_eq(got.tx_packets, UINT64_MAX);
		ck_assert_uint_eq(got.tx_errors, 5);
		ck_assert_uint_eq(got.duration_sec, version < OFP13 ? UINT32_MAX : 6);
		ck_assert_uint_eq(got.duration_nsec, version < OFP13 ? UINT32_MAX : 7000000);
	}
	ck_assert_int_eq(queue_stats_decode_next(&m, &got), 0);
}
END_TEST

static void check_desc(struct msg *m, of_port_t port, const struct queue_desc *sent)
{
	struct queue_desc got;

	ck_assert_int_eq(queue_desc_decode_next(m, port, &got), 1);
	ck_assert_uint_eq(got.port.n, sent->port.n);
	ck_assert_uint_eq(got.queue, sent->queue);
	ck_assert_uint_eq(got.min_rate, sent->min_rate);
	ck_assert_uint_eq(got.max_rate, m->version < OFP12 ? UINT16_MAX : sent->max_rate);
}

START_TEST(queues_arrive_as_they_are)
{
	static const struct queue_desc sent[] = { { { 3 }, 0, UINT16_MAX, UINT16_MAX },
						  { { 3 }, 7, 10, 1000 } };
	AUTO(strbuf) b = STRBUF_INIT, request = STRBUF_INIT;
	of_port_t port = OF_PORT(OFPP_UNSET);
	uint8_t version = _i;
	struct mp_writer w;
	struct msg m;
	size_t start;

	if (version >= OFP14) {
		reply(version, MSG_QUEUE_DESC_REQUEST, &b, &w);
		for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
			mp_put_queue_desc(&w, &sent[i]);
		mp_end(&w);
	} else {
		queue_desc_request_encode(OF_PORT(3), QUEUE_ALL, version, 7, &request);
		ck_assert_int_eq(msg_decode_header(request.s, request.len, &m), OFPERR_NONE);
		start = queue_config_begin(OF_PORT(3), &m, &b);
		for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
			ck_assert(queue_config_put(&b, start, version, &sent[i]));
		msg_end(&b, start);
	}
	ck_assert_int_eq(msg_decode_header(b.s, b.len, &m), OFPERR_NONE);
	if (version < OFP14)
		ck_assert_int_eq(queue_config_decode(&m, &port), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		check_desc(&m, port, &sent[i]);
}
END_TEST

START_TEST(a_reply_holds_what_fits_into_a_message)
{
	const struct queue_desc sent = { OF_PORT(3), 7, 10, 1000 };
	AUTO(strbuf) b = STRBUF_INIT, request = STRBUF_INIT;
	struct msg m;
	size_t start, n = 0;

	queue_desc_request_encode(OF_PORT(3), QUEUE_ALL, OFP13, 7, &request);
	ck_assert_int_eq(msg_decode_header(request.s, request.len, &m), OFPERR_NONE);
	start = queue_config_begin(OF_PORT(3), &m, &b);
	while (queue_config_put(&b, start, OFP13, &sent))
		n++;
	msg_end(&b, start);
	ck_assert_uint_ge(n, 1300);
	ck_assert_uint_le(b.len, UINT16_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("openflow/queue");
	TCase *t = tcase_create("queue");

	tcase_add_loop_test(t, messages_are_printed, 0, ARRAY_SIZE(messages));
	tcase_add_loop_test(t, broken_messages_are_refused, 0, ARRAY_SIZE(broken));
	tcase_add_loop_test(t, statistics_arrive_as_they_are, OFP10, OFP15 + 1);
	tcase_add_loop_test(t, queues_arrive_as_they_are, OFP10, OFP15 + 1);
	tcase_add_test(t, a_reply_holds_what_fits_into_a_message);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
