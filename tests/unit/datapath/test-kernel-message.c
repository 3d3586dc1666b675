// SPDX-License-Identifier: Apache-2.0
// Messages of the kernel's openvswitch families: whole ones are read, broken ones are refused with a reason.
#include "datapath/kernel/message.h"
#include "tests/suite.h"

enum kind { UPCALL, VPORT, FLOW, DATAPATH };

static const struct genl_family family = { .id = 30, .version = 1 };

// Begins a message of data path 7.
static size_t begin(struct strbuf *b)
{
	size_t m = genl_begin(b, &family, OVS_PACKET_CMD_ACTION, 0);
	struct ovs_header *o = nl_put_header(b, sizeof(*o));

	o->dp_ifindex = 7;
	return m;
}

static int decode(enum kind kind, const struct nlmsghdr *h, struct error *err)
{
	struct upcall_message u;
	struct vport_message v;
	struct flow_message f;
	struct dp_message d;

	switch (kind) {
	case UPCALL:
		return upcall_message_decode(h, &u, err);
	case VPORT:
		return vport_message_decode(h, &v, err);
	case FLOW:
		return flow_message_decode(h, &f, err);
	case DATAPATH:
		return dp_message_decode(h, &d, err);
	}
	return 0;
}

// ---- Whole ones ----

START_TEST(an_upcall_is_read)
{
	AUTO(strbuf) b = STRBUF_INIT;
	size_t m = begin(&b), nest;
	struct error err = ERROR_INIT;
	struct upcall_message u;

	nl_put(&b, OVS_PACKET_ATTR_PACKET, "0123456789abcdef", 16);
	nest = nl_nest_begin(&b, OVS_PACKET_ATTR_KEY);
	nl_put_u32(&b, OVS_KEY_ATTR_IN_PORT, 3);
	nl_nest_end(&b, nest);
	nl_put(&b, OVS_PACKET_ATTR_USERDATA, "xy", 2);
	nl_put_u16(&b, OVS_PACKET_ATTR_MRU, 1400);
	nl_put_u64(&b, OVS_PACKET_ATTR_HASH, 0x1122334455667788);
	nl_put_u32(&b, OVS_PACKET_ATTR_LEN, 90);
	nl_msg_end(&b, m);
	ck_assert_msg(!upcall_message_decode((struct nlmsghdr *)b.s, &u, &err), "%s", err.text);
	ck_assert_int_eq(u.cmd, OVS_PACKET_CMD_ACTION);
	ck_assert_uint_eq(u.dp_ifindex, 7);
	ck_assert_uint_eq(u.n, 16);
	ck_assert(!memcmp(u.packet, "0123456789abcdef", 16));
	ck_assert_uint_eq(nl_len(u.userdata), 2);
	ck_assert_uint_eq(u.mru, 1400);
	ck_assert_uint_eq(u.hash, 0x1122334455667788);
	ck_assert_uint_eq(u.len, 90);
}
END_TEST

START_TEST(a_flow_has_a_name_or_a_key)
{
	AUTO(strbuf) named = STRBUF_INIT, keyed = STRBUF_INIT;
	struct ovs_flow_stats stats = { .n_packets = 5, .n_bytes = 300 };
	struct uuid ufid = { { 1, 2, 3, 4 } };
	struct error err = ERROR_INIT;
	struct flow_message f;
	size_t m = begin(&named), nest;

	nl_put(&named, OVS_FLOW_ATTR_UFID, &ufid, sizeof(ufid));
	nl_put(&named, OVS_FLOW_ATTR_STATS, &stats, sizeof(stats));
	nl_put_u64(&named, OVS_FLOW_ATTR_USED, 99);
	nl_put_u8(&named, OVS_FLOW_ATTR_TCP_FLAGS, 0x12);
	nl_msg_end(&named, m);
	ck_assert_msg(!flow_message_decode((struct nlmsghdr *)named.s, &f, &err), "%s", err.text);
	ck_assert(f.has_ufid && uuid_equal(&f.ufid, &ufid));
	ck_assert_uint_eq(f.packets, 5);
	ck_assert_uint_eq(f.bytes, 300);
	ck_assert_uint_eq(f.used, 99);
	ck_assert_uint_eq(f.tcp_flags, 0x12);
	m = begin(&keyed);
	nest = nl_nest_begin(&keyed, OVS_FLOW_ATTR_KEY);
	nl_put_u32(&keyed, OVS_KEY_ATTR_IN_PORT, 3);
	nl_nest_end(&keyed, nest);
	nl_msg_end(&keyed, m);
	ck_assert_int_eq(flow_message_decode((struct nlmsghdr *)keyed.s, &f, &err), 0);
	ck_assert(!f.has_ufid && !f.packets);
	ck_assert_uint_eq(mnl_attr_get_type(f.id), OVS_FLOW_ATTR_KEY);
}
END_TEST

// ---- Broken ones ----

static void put_vport(struct strbuf *b)
{
	nl_put_u32(b, OVS_VPORT_ATTR_PORT_NO, 1);
	nl_put_u32(b, OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_NETDEV);
}

static void put_unended_name(struct strbuf *b)
{
	put_vport(b);
	nl_put(b, OVS_VPORT_ATTR_NAME, "eth0", 4);
}

static void put_short_stats(struct strbuf *b)
{
	nl_put_str(b, OVS_DP_ATTR_NAME, "ovs-system");
	nl_put(b, OVS_DP_ATTR_STATS, "1234", 4);
}

static void put_packet_only(struct strbuf *b)
{
	nl_put(b, OVS_PACKET_ATTR_PACKET, "0123456789abcdef", 16);
}

static void put_short_mru(struct strbuf *b)
{
	put_packet_only(b);
	nl_nest_end(b, nl_nest_begin(b, OVS_PACKET_ATTR_KEY));
	nl_put_u8(b, OVS_PACKET_ATTR_MRU, 1);
}

static void put_long_used(struct strbuf *b)
{
	nl_put(b, OVS_FLOW_ATTR_UFID, "0123456789abcdef", 16);
	nl_put(b, OVS_FLOW_ATTR_USED, "0123456789", 10);
}

static void put_nothing(struct strbuf *b) {}

static const struct {
	enum kind kind;
	void (*put)(struct strbuf *b);
	const char *text; // in the error
} broken[] = {
	{ UPCALL, put_nothing, "upcall" },
	{ UPCALL, put_packet_only, "upcall" },
	{ UPCALL, put_short_mru, "upcall" },
	{ VPORT, put_vport, "vport" },
	{ VPORT, put_unended_name, "vport" },
	{ FLOW, put_nothing, "neither its UFID nor its key" },
	{ FLOW, put_long_used, "flow" },
	{ DATAPATH, put_nothing, "datapath" },
	{ DATAPATH, put_short_stats, "datapath" },
};

START_TEST(broken_messages_are_refused)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	size_t m = begin(&b);

	broken[_i].put(&b);
	nl_msg_end(&b, m);
	ck_assert_int_eq(decode(broken[_i].kind, (struct nlmsghdr *)b.s, &err), -EPROTO);
	ck_assert_msg(strstr(err.text, broken[_i].text), "%s", err.text);
}
END_TEST

START_TEST(messages_without_their_header_are_refused)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct error err = ERROR_INIT;
	size_t m = genl_begin(&b, &family, 0, 0);

	nl_msg_end(&b, m);
	ck_assert_int_eq(decode(_i, (struct nlmsghdr *)b.s, &err), -EPROTO);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath/kernel-message");
	TCase *t = tcase_create("messages");

	tcase_add_test(t, an_upcall_is_read);
	tcase_add_test(t, a_flow_has_a_name_or_a_key);
	tcase_add_loop_test(t, broken_messages_are_refused, 0, ARRAY_SIZE(broken));
	tcase_add_loop_test(t, messages_without_their_header_are_refused, 0, DATAPATH + 1);
	suite_add_tcase(s, t);
	return suite_run(s);
}
