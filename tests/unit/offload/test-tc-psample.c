// SPDX-License-Identifier: Apache-2.0
// What psample says of a packet is read, or refused, and never read beyond.
#include <check.h>
#include <linux/psample.h>

#include "core/netlink/genl.h"
#include "offload/tc/tc-private.h"
#include "tests/suite.h"

static const uint8_t packet[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 1, 2, 3 };

// What a message has beside its packet.
struct content {
	bool ingress, egress, group, tunnel, packet;
};

static const struct content whole = { .ingress = true, .group = true, .packet = true };

static void put_message(struct strbuf *b, uint8_t cmd, const struct content *c)
{
	static const struct genl_family family = { .id = 0x1c, .version = PSAMPLE_GENL_VERSION };
	size_t m = genl_begin(b, &family, cmd, 0), nest;

	if (c->ingress)
		nl_put_u16(b, PSAMPLE_ATTR_IIFINDEX, 5);
	if (c->egress)
		nl_put_u16(b, PSAMPLE_ATTR_OIFINDEX, 6);
	nl_put_u32(b, PSAMPLE_ATTR_SAMPLE_RATE, 10);
	nl_put_u32(b, PSAMPLE_ATTR_ORIGSIZE, sizeof(packet));
	if (c->group)
		nl_put_u32(b, PSAMPLE_ATTR_SAMPLE_GROUP, 0x10000007);
	nl_put_u32(b, PSAMPLE_ATTR_GROUP_SEQ, 1);
	if (c->tunnel) {
		nest = nl_nest_begin(b, PSAMPLE_ATTR_TUNNEL);
		nl_put_be64(b, PSAMPLE_TUNNEL_KEY_ATTR_ID, htobe64(7));
		nl_nest_end(b, nest);
	}
	if (c->packet)
		nl_put(b, PSAMPLE_ATTR_DATA, packet, sizeof(packet));
	nl_msg_end(b, m);
}

static int decode(const struct strbuf *b, struct psample_message *ret, struct error *err)
{
	int error;

	ck_assert(tc_psample_decode((const struct nlmsghdr *)b->s, ret, &error, err));
	return error;
}

START_TEST(a_sampled_packet_is_read)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct psample_message m;

	put_message(&b, PSAMPLE_CMD_SAMPLE, &whole);
	ck_assert_int_eq(decode(&b, &m, NULL), 0);
	ck_assert_uint_eq(m.group, 0x10000007);
	ck_assert_int_eq(m.ifindex, 5);
	ck_assert_uint_eq(m.n, sizeof(packet));
	ck_assert_mem_eq(m.packet, packet, sizeof(packet));
}
END_TEST

START_TEST(where_a_packet_leaves_is_not_where_it_came_in)
{
	struct content c = { .egress = true, .group = true, .tunnel = true, .packet = true };
	AUTO(strbuf) b = STRBUF_INIT;
	struct psample_message m;

	put_message(&b, PSAMPLE_CMD_SAMPLE, &c);
	ck_assert_int_eq(decode(&b, &m, NULL), 0);
	ck_assert_int_eq(m.ifindex, 0);
}
END_TEST

START_TEST(news_of_groups_are_no_packets)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct psample_message m;
	int error = 1;

	put_message(&b, PSAMPLE_CMD_NEW_GROUP, &whole);
	ck_assert(!tc_psample_decode((const struct nlmsghdr *)b.s, &m, &error, NULL));
	ck_assert_int_eq(error, 0);
}
END_TEST

static const struct {
	struct content c;
	const char *says;
} incomplete[] = {
	{ { .ingress = true, .packet = true }, "attribute 3 is missing" },
	{ { .ingress = true, .group = true }, "attribute 6 is missing" },
};

START_TEST(a_message_without_group_or_packet_is_refused)
{
	struct error err = ERROR_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	struct psample_message m;

	put_message(&b, PSAMPLE_CMD_SAMPLE, &incomplete[_i].c);
	ck_assert_int_eq(decode(&b, &m, &err), -EPROTO);
	ck_assert_msg(strstr(err.text, incomplete[_i].says) != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_number_of_another_size_is_refused)
{
	struct error err = ERROR_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	struct psample_message m;

	put_message(&b, PSAMPLE_CMD_SAMPLE, &whole);
	nl_put(&b, PSAMPLE_ATTR_SAMPLE_GROUP, "abc", 3);
	nl_msg_end(&b, 0);
	ck_assert_int_eq(decode(&b, &m, &err), -EPROTO);
	ck_assert_msg(strstr(err.text, "attribute 3 has 3 bytes") != NULL, "%s", err.text);
}
END_TEST

// Whatever is cut off; in memory that ends there, so that a sanitizer sees who reads on.
START_TEST(a_truncated_message_is_refused)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct psample_message m;
	int error;

	put_message(&b, PSAMPLE_CMD_SAMPLE, &whole);
	for (size_t n = sizeof(struct nlmsghdr); n < b.len; n++) {
		struct nlmsghdr *h = xmalloc(n);
		struct error err = ERROR_INIT;

		memcpy(h, b.s, n);
		h->nlmsg_len = n;
		if (!tc_psample_decode(h, &m, &error, &err))
			ck_assert_uint_lt(n, sizeof(*h) + GENL_HDRLEN);
		else if (error)
			ck_assert_str_ne(err.text, "");
		else
			// Only the padding behind the packet is missing.
			ck_assert_uint_eq(m.n, sizeof(packet));
		free(h);
	}
}
END_TEST

// ---- As it was ----

#define MACS 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2

static const struct {
	const char *name;
	uint16_t tpid, tci; // of the flow
	uint8_t in[20];
	size_t n_in;
	uint8_t out[20];
	size_t n_out; // 0: refused
} restored[] = {
	{ "no tag", 0, 0, { MACS, 8, 0, 9 }, 15, { MACS, 8, 0, 9 }, 15 },
	{ "no tag in the flow, one in the bytes",
	  0,
	  0,
	  { MACS, 0x81, 0, 0, 5, 8, 0 },
	  18,
	  { MACS, 0x81, 0, 0, 5, 8, 0 },
	  18 },
	{ "a tag beside",
	  0x8100,
	  VLAN_PRESENT | 0x6005,
	  { MACS, 8, 0, 9 },
	  15,
	  { MACS, 0x81, 0, 0x60, 5, 8, 0, 9 },
	  19 },
	{ "a tag in the bytes",
	  0x88a8,
	  VLAN_PRESENT | 5,
	  { MACS, 0x88, 0xa8, 0, 5, 8, 0 },
	  18,
	  { MACS, 0x88, 0xa8, 0, 5, 8, 0 },
	  18 },
	{ "nothing behind the type",
	  0x8100,
	  VLAN_PRESENT | 5,
	  { MACS, 8, 0 },
	  14,
	  { MACS, 0x81, 0, 0, 5, 8, 0 },
	  18 },
	{ "too short", 0x8100, VLAN_PRESENT | 5, { MACS, 8 }, 13, { 0 }, 0 },
	{ "empty", 0, 0, { 0 }, 0, { 0 }, 0 },
};

START_TEST(a_sampled_packet_gets_its_tag_back)
{
	struct sampled s = {
		.tag = { htobe16(restored[_i].tpid), htobe16(restored[_i].tci) },
	};
	// Memory that ends with the packet, so that a sanitizer sees who reads on.
	uint8_t *in = xmalloc(restored[_i].n_in);
	struct psample_message m = { .packet = in, .n = restored[_i].n_in };
	AUTO(strbuf) out = STRBUF_INIT;

	memcpy(in, restored[_i].in, restored[_i].n_in);
	if (restored[_i].n_out) {
		ck_assert_msg(!tc_sample_restore(&s, &m, &out), "%s", restored[_i].name);
		ck_assert_msg(out.len == restored[_i].n_out &&
				      !memcmp(out.s, restored[_i].out, out.len),
			      "%s", restored[_i].name);
	} else {
		ck_assert_int_eq(tc_sample_restore(&s, &m, &out), -EPROTO);
	}
	free(in);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("offload/tc/psample");
	TCase *t = tcase_create("psample");

	tcase_add_test(t, a_sampled_packet_is_read);
	tcase_add_test(t, where_a_packet_leaves_is_not_where_it_came_in);
	tcase_add_test(t, news_of_groups_are_no_packets);
	tcase_add_loop_test(t, a_message_without_group_or_packet_is_refused, 0,
			    ARRAY_SIZE(incomplete));
	tcase_add_test(t, a_number_of_another_size_is_refused);
	tcase_add_test(t, a_truncated_message_is_refused);
	tcase_add_loop_test(t, a_sampled_packet_gets_its_tag_back, 0, ARRAY_SIZE(restored));
	suite_add_tcase(s, t);
	return suite_run(s);
}
