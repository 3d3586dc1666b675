// SPDX-License-Identifier: Apache-2.0
// Whole headers on packets, byte by byte.
#include <check.h>

#include "core/packet/packet.h"
#include "tests/unit/core/flow-testing.h"

enum { ROOM = 300 };

#define PLACE(TYPE) "000000000000000000000000" TYPE
#define ETH "020000000002020000000001"
#define PAYLOAD "45000014000000000a3b000001020304050607080102"
#define NSH1 \
	"0fc60103" \
	"000123ff" \
	"00000001000000020000000300000004"
#define NSH1_IP \
	"0fc60101" \
	"000123ff" \
	"00000001000000020000000300000004"

static uint8_t buffer[3 * ROOM];

static size_t bytes_of(const char *hex, uint8_t *to)
{
	size_t n = 0;

	for (; *hex; hex += 2)
		to[n++] = hex_digit(hex[0]) << 4 | hex_digit(hex[1]);
	return n;
}

static struct packet packet_with(const char *hex, uint32_t headroom)
{
	size_t n = bytes_of(hex, buffer + headroom);

	return (struct packet){ .data = buffer + headroom,
				.size = n,
				.headroom = headroom,
				.tailroom = sizeof(buffer) - headroom - n,
				.l2_5 = UINT16_MAX,
				.l3 = UINT16_MAX,
				.l4 = UINT16_MAX };
}

// One letter per change: what is put on with bytes behind it.
static const struct {
	const char *name, *before;
	uint32_t type;
	char change;
	uint32_t argument; // Ethernet type of a label that is put on or taken off
	const char *header, *after; // 'after' NULL: it cannot be done
	uint32_t type_after;
} cases[] = {
	{ "NSH before an Ethernet header", ETH "0800" PAYLOAD, 0, 'N', 0, NSH1,
	  PLACE("894f") NSH1 ETH "0800" PAYLOAD, 0x1894f },
	{ "NSH before a tag",
	  ETH "81000005"
	      "0800" PAYLOAD,
	  0, 'N', 0, NSH1,
	  PLACE("894f") NSH1 ETH "81000005"
				 "0800" PAYLOAD,
	  0x1894f },
	{ "NSH before a bare packet", PLACE("0800") PAYLOAD, 0x10800, 'N', 0, NSH1_IP,
	  PLACE("894f") NSH1_IP PAYLOAD, 0x1894f },
	{ "an Ethernet packet out of NSH", PLACE("894f") NSH1 ETH "0800" PAYLOAD, 0x1894f, 'n', 0,
	  NULL, ETH "0800" PAYLOAD, 0 },
	{ "a bare packet out of NSH", PLACE("894f") NSH1_IP PAYLOAD, 0x1894f, 'n', 0, NULL,
	  PLACE("0800") PAYLOAD, 0x10800 },
	{ "NSH out of NSH", PLACE("894f") "0fc20204000000ff" NSH1 PAYLOAD, 0x1894f, 'n', 0, NULL,
	  PLACE("894f") NSH1 PAYLOAD, 0x1894f },
	{ "what is not known is not taken out", PLACE("894f") "0fc20263000000ff" PAYLOAD, 0x1894f,
	  'n', 0, NULL, NULL, 0 },
	{ "a header that is longer than the packet",
	  PLACE("894f") "0fff0201000000ff"
			"00",
	  0x1894f, 'n', 0, NULL, NULL, 0 },
	{ "a header that is too short for itself", PLACE("894f") "0fc10201000000ff" PAYLOAD,
	  0x1894f, 'n', 0, NULL, NULL, 0 },
	{ "an Ethernet packet that is not all there", PLACE("894f") "0fc20203000000ff" ETH "08",
	  0x1894f, 'n', 0, NULL, NULL, 0 },
	{ "NSH behind an Ethernet header is not the outermost", ETH "894f" NSH1 PAYLOAD, 0, 'n', 0,
	  NULL, NULL, 0 },
	{ "an Ethernet header", PLACE("0800") PAYLOAD, 0x10800, 'E', 0, NULL, ETH "0800" PAYLOAD,
	  0 },
	{ "no second Ethernet header", ETH "0800" PAYLOAD, 0, 'E', 0, NULL, NULL, 0 },
	{ "an Ethernet header goes", ETH "0800" PAYLOAD, 0, 'e', 0, NULL, PLACE("0800") PAYLOAD,
	  0x10800 },
	{ "with a length in place of the type", ETH "0010" PAYLOAD, 0, 'e', 0, NULL,
	  PLACE("0010") PAYLOAD, 0x105ff },
	{ "not with a tag",
	  ETH "81000005"
	      "0800" PAYLOAD,
	  0, 'e', 0, NULL, NULL, 0 },
	{ "not from a bare packet", PLACE("0800") PAYLOAD, 0x10800, 'e', 0, NULL, NULL, 0 },
	{ "a label before an Ethernet header", ETH "0800" PAYLOAD, 0, 'M', 0x8847, "0001014f",
	  PLACE("8847") "0001014f" ETH "0800" PAYLOAD, 0x18847 },
	{ "a label before a label", PLACE("8847") "0001014f" PAYLOAD, 0x18847, 'M', 0x8848,
	  "0002004f",
	  PLACE("8848") "0002004f"
			"0001014f" PAYLOAD,
	  0x18848 },
	{ "an Ethernet packet from behind a label", PLACE("8847") "0001014f" ETH "0800" PAYLOAD,
	  0x18847, 'm', 0x6558, NULL, ETH "0800" PAYLOAD, 0 },
	{ "a bare packet from behind a label", PLACE("8847") "0001014f" PAYLOAD, 0x18847, 'm',
	  0x0800, NULL, PLACE("0800") PAYLOAD, 0x10800 },
	{ "no label is there", PLACE("0800") PAYLOAD, 0x10800, 'm', 0x0800, NULL, NULL, 0 },
	{ "nothing is behind the label",
	  PLACE("8847") "0001014f"
			"00",
	  0x18847, 'm', 0x6558, NULL, NULL, 0 },
};

static bool apply(struct packet *p, char change, uint32_t argument, const char *header, be32 *type)
{
	static const struct eth_addr src = { { 2, 0, 0, 0, 0, 1 } }, dst = { { 2, 0, 0, 0, 0, 2 } };
	uint8_t bytes[ROOM];
	size_t n = header ? bytes_of(header, bytes) : 0;
	be32 lse = 0;

	memcpy(&lse, bytes, header ? 4 : 0);
	switch (change) {
	case 'N':
		return packet_push_nsh(p, bytes, n, type);
	case 'n':
		return packet_pop_nsh(p, type);
	case 'E':
		return packet_push_eth(p, src, dst, type);
	case 'e':
		return packet_pop_eth(p, type);
	case 'M':
		return packet_add_mpls(p, htobe16(argument), lse, type);
	default:
		return packet_pop_bare_mpls(p, htobe16(argument), type);
	}
}

static void check_case(int i, uint32_t headroom)
{
	struct packet p = packet_with(cases[i].before, headroom);
	const char *want = cases[i].after ? cases[i].after : cases[i].before;
	uint8_t bytes[ROOM];
	size_t n = bytes_of(want, bytes);
	be32 type = htobe32(cases[i].type);
	bool done = apply(&p, cases[i].change, cases[i].argument, cases[i].header, &type);

	ck_assert_msg(done == !!cases[i].after, "%s", cases[i].name);
	ck_assert_msg(p.size == n && !memcmp(p.data, bytes, n), "%s", cases[i].name);
	ck_assert_msg(be32toh(type) == (done ? cases[i].type_after : cases[i].type), "%s: 0x%x",
		      cases[i].name, be32toh(type));
	ck_assert_uint_eq(p.headroom + p.size + p.tailroom, sizeof(buffer));
	ck_assert_ptr_eq(p.data, buffer + p.headroom);
}

START_TEST(headers_are_put_on_and_taken_off)
{
	check_case(_i, ROOM);
}
END_TEST

// Then what is there makes room.
START_TEST(without_room_before_the_packet)
{
	check_case(_i, 3);
}
END_TEST

START_TEST(without_any_room_nothing_changes)
{
	struct packet p = packet_with(ETH "0800" PAYLOAD, 3), before = p;
	be32 type = 0;

	p.tailroom = before.tailroom = 20;
	ck_assert(!apply(&p, 'N', 0, NSH1, &type));
	ck_assert_mem_eq(&p, &before, sizeof(p));
	ck_assert_uint_eq(type, 0);
}
END_TEST

// A key of a bare packet has the same headers as that of its Ethernet packet, but for the addresses.
START_TEST(bare_packets_are_parsed)
{
	struct packet_metadata md = { .in_port = 3, .packet_type = htobe32(0x10800) };
	struct packet p = packet_with(PLACE("0800") PAYLOAD, ROOM);
	const struct packet_metadata *mds[1] = { &md };
	struct packet *packets[1] = { &p };
	struct miniflow_buf packed, want;
	const struct miniflow *got;
	struct flow_key k;
	uint64_t hash;

	memset(p.data, 0xee, 12);
	ck_assert(!packet_parse(&p, &md, &k));
	ck_assert_uint_eq(be32toh(k.packet_type), 0x10800);
	ck_assert(is_all_zeros(&k.eth_dst, 12));
	ck_assert_uint_eq(be32toh(k.nw_src), 0x01020304);
	ck_assert_uint_eq(k.nw_ttl, 0x0a);
	ck_assert_uint_eq(p.l3, 14);
	miniflow_pack(&want.mf, &k);
	ck_assert(!packet_parse_burst(packets, mds, 1, &packed, &got, &hash));
	ck_assert(miniflow_equal(got, &want.mf));
	ck_assert_uint_eq(hash, packet_connection_hash(&k));
}
END_TEST

// Behind the outermost header only a new look helps, but that one can be changed at once.
START_TEST(the_new_header_can_be_set)
{
	struct packet p = packet_with(ETH "0800" PAYLOAD, ROOM);
	const uint8_t value[4] = { 7 }, mask[4] = { 0xff };
	be32 type = 0;

	ck_assert(apply(&p, 'N', 0, NSH1, &type));
	ck_assert(packet_set_field(&p, FIELD_NSH_SI, value, mask));
	ck_assert_uint_eq(p.data[14 + 7], 7);
	ck_assert(!packet_set_field(&p, FIELD_IP_TTL, value, mask));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core/encap");
	TCase *t = tcase_create("encap");

	tcase_add_loop_test(t, headers_are_put_on_and_taken_off, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(t, without_room_before_the_packet, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, without_any_room_nothing_changes);
	tcase_add_test(t, bare_packets_are_parsed);
	tcase_add_test(t, the_new_header_can_be_set);
	suite_add_tcase(s, t);
	return suite_run(s);
}
