// SPDX-License-Identifier: Apache-2.0
#include "datapath/kernel/ct-message.h"

// Before the kernel's own, which then leave out what is in it.
#include <netinet/in.h>

#include <linux/if_ether.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "datapath/kernel/key.h"

size_t netfilter_begin(struct strbuf *b, uint8_t subsystem, uint8_t msg, uint16_t flags,
		       uint8_t family)
{
	size_t m = nl_msg_begin(b, subsystem << 8 | msg, flags);
	struct nfgenmsg *g = nl_put_header(b, sizeof(*g));

	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return m;
}

static bool is_message(const struct nlmsghdr *h, uint8_t subsystem, uint8_t msg)
{
	return h->nlmsg_type == (subsystem << 8 | msg);
}

// ---- Tuples ----

static const struct nl_policy tuple_policy[CTA_TUPLE_PROTO + 1] = {
	[CTA_TUPLE_IP] = { .type = MNL_TYPE_UNSPEC, .required = true },
	[CTA_TUPLE_PROTO] = { .type = MNL_TYPE_UNSPEC },
};

static const struct nl_policy ip_policy[CTA_IP_V6_DST + 1] = {
	[CTA_IP_V4_SRC] = { .min = 4, .max = 4 },
	[CTA_IP_V4_DST] = { .min = 4, .max = 4 },
	[CTA_IP_V6_SRC] = { .min = 16, .max = 16 },
	[CTA_IP_V6_DST] = { .min = 16, .max = 16 },
};

static const struct nl_policy proto_policy[CTA_PROTO_ICMPV6_CODE + 1] = {
	[CTA_PROTO_NUM] = { .type = MNL_TYPE_U8 },
	[CTA_PROTO_SRC_PORT] = { .type = MNL_TYPE_U16 },
	[CTA_PROTO_DST_PORT] = { .type = MNL_TYPE_U16 },
	[CTA_PROTO_ICMP_ID] = { .type = MNL_TYPE_U16 },
	[CTA_PROTO_ICMP_TYPE] = { .type = MNL_TYPE_U8 },
	[CTA_PROTO_ICMP_CODE] = { .type = MNL_TYPE_U8 },
	[CTA_PROTO_ICMPV6_ID] = { .type = MNL_TYPE_U16 },
	[CTA_PROTO_ICMPV6_TYPE] = { .type = MNL_TYPE_U8 },
	[CTA_PROTO_ICMPV6_CODE] = { .type = MNL_TYPE_U8 },
};

static int get_addresses(const struct nlattr *nest, struct ct_tuple *t, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(ip_policy)], *src, *dst;
	int error = nl_parse_nested(nest, ip_policy, ARRAY_SIZE(ip_policy), a, "addresses", err);
	bool v6;

	if (error)
		return error;
	v6 = a[CTA_IP_V6_SRC] || a[CTA_IP_V6_DST];
	src = a[v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC];
	dst = a[v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST];
	if (!src || !dst)
		return error_set(err, -EPROTO, "a tuple lacks an address");
	t->eth_type = htobe16(v6 ? ETH_P_IPV6 : ETH_P_IP);
	memcpy(&t->src, mnl_attr_get_payload(src), nl_len(src));
	memcpy(&t->dst, mnl_attr_get_payload(dst), nl_len(dst));
	return 0;
}

static int get_proto(const struct nlattr *nest, struct ct_tuple *t, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(proto_policy)];
	int error =
		nl_parse_nested(nest, proto_policy, ARRAY_SIZE(proto_policy), a, "protocol", err);
	int icmp;

	if (error)
		return error;
	t->proto = nl_u8(a[CTA_PROTO_NUM]);
	if (!ct_proto_is_icmp(t->proto)) {
		t->src_port = nl_be16(a[CTA_PROTO_SRC_PORT]);
		t->dst_port = nl_be16(a[CTA_PROTO_DST_PORT]);
		return 0;
	}
	icmp = t->proto == IPPROTO_ICMP ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID;
	t->src_port = nl_be16(a[icmp]);
	t->icmp_type = nl_u8(a[icmp + 1]);
	t->icmp_code = nl_u8(a[icmp + 2]);
	return 0;
}

static int get_tuple(const struct nlattr *nest, struct ct_tuple *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(tuple_policy)];
	int error;

	if (!nest)
		return 0;
	error = nl_parse_nested(nest, tuple_policy, ARRAY_SIZE(tuple_policy), a, "tuple", err);
	if (!error)
		error = get_addresses(a[CTA_TUPLE_IP], ret, err);
	if (!error && a[CTA_TUPLE_PROTO])
		error = get_proto(a[CTA_TUPLE_PROTO], ret, err);
	return error;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP || proto == IPPROTO_GRE;
}

void ct_put_tuple(struct strbuf *b, uint16_t type, const struct ct_tuple *t)
{
	bool v6 = t->eth_type == htobe16(ETH_P_IPV6);
	size_t nest = nl_nest_begin(b, type), inner = nl_nest_begin(b, CTA_TUPLE_IP);

	nl_put(b, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, &t->src, v6 ? 16 : 4);
	nl_put(b, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, &t->dst, v6 ? 16 : 4);
	nl_nest_end(b, inner);
	inner = nl_nest_begin(b, CTA_TUPLE_PROTO);
	nl_put_u8(b, CTA_PROTO_NUM, t->proto);
	if (ct_proto_is_icmp(t->proto)) {
		int icmp = t->proto == IPPROTO_ICMP ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID;

		nl_put_be16(b, icmp, t->src_port);
		nl_put_u8(b, icmp + 1, t->icmp_type);
		nl_put_u8(b, icmp + 2, t->icmp_code);
	} else if (has_ports(t->proto)) {
		nl_put_be16(b, CTA_PROTO_SRC_PORT, t->src_port);
		nl_put_be16(b, CTA_PROTO_DST_PORT, t->dst_port);
	}
	nl_nest_end(b, inner);
	nl_nest_end(b, nest);
}

void ct_put_zone(struct strbuf *b, uint16_t zone)
{
	nl_put_be16(b, CTA_ZONE, htobe16(zone));
}

// ---- Protocol state ----

static const uint8_t tcp_states[] = {
	[TCP_CONNTRACK_NONE] = CT_TCP_CLOSED,
	[TCP_CONNTRACK_SYN_SENT] = CT_TCP_SYN_SENT,
	[TCP_CONNTRACK_SYN_RECV] = CT_TCP_SYN_RECV,
	[TCP_CONNTRACK_ESTABLISHED] = CT_TCP_ESTABLISHED,
	[TCP_CONNTRACK_FIN_WAIT] = CT_TCP_FIN_WAIT_1,
	[TCP_CONNTRACK_CLOSE_WAIT] = CT_TCP_CLOSE_WAIT,
	[TCP_CONNTRACK_LAST_ACK] = CT_TCP_LAST_ACK,
	[TCP_CONNTRACK_TIME_WAIT] = CT_TCP_TIME_WAIT,
	[TCP_CONNTRACK_CLOSE] = CT_TCP_CLOSING,
	[TCP_CONNTRACK_SYN_SENT2] = CT_TCP_SYN_SENT,
};

static const uint8_t sctp_states[] = {
	[SCTP_CONNTRACK_NONE] = CT_SCTP_CLOSED,
	[SCTP_CONNTRACK_CLOSED] = CT_SCTP_CLOSED,
	[SCTP_CONNTRACK_COOKIE_WAIT] = CT_SCTP_COOKIE_WAIT,
	[SCTP_CONNTRACK_COOKIE_ECHOED] = CT_SCTP_COOKIE_ECHOED,
	[SCTP_CONNTRACK_ESTABLISHED] = CT_SCTP_ESTABLISHED,
	[SCTP_CONNTRACK_SHUTDOWN_SENT] = CT_SCTP_SHUTDOWN_SENT,
	[SCTP_CONNTRACK_SHUTDOWN_RECD] = CT_SCTP_SHUTDOWN_RECD,
	[SCTP_CONNTRACK_SHUTDOWN_ACK_SENT] = CT_SCTP_SHUTDOWN_ACK_SENT,
	[SCTP_CONNTRACK_HEARTBEAT_SENT] = CT_SCTP_HEARTBEAT_SENT,
	[SCTP_CONNTRACK_HEARTBEAT_ACKED] = CT_SCTP_HEARTBEAT_ACKED,
};

// Bits of ours have the kernel's numbers.
_Static_assert((int)CT_STATUS_EXPECTED == (int)IPS_EXPECTED &&
		       (int)CT_STATUS_CONFIRMED == (int)IPS_CONFIRMED &&
		       (int)CT_STATUS_DST_NAT_DONE == (int)IPS_DST_NAT_DONE &&
		       (int)CT_STATUS_HW_OFFLOAD == (int)IPS_HW_OFFLOAD,
	       "status is copied");

static const struct nl_policy tcp_policy[CTA_PROTOINFO_TCP_FLAGS_REPLY + 1] = {
	[CTA_PROTOINFO_TCP_STATE] = { .type = MNL_TYPE_U8, .required = true },
	[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL] = { .type = MNL_TYPE_U8 },
	[CTA_PROTOINFO_TCP_WSCALE_REPLY] = { .type = MNL_TYPE_U8 },
	[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL] = { .min = sizeof(struct nf_ct_tcp_flags) },
	[CTA_PROTOINFO_TCP_FLAGS_REPLY] = { .min = sizeof(struct nf_ct_tcp_flags) },
};

static const struct nl_policy sctp_policy[CTA_PROTOINFO_SCTP_VTAG_REPLY + 1] = {
	[CTA_PROTOINFO_SCTP_STATE] = { .type = MNL_TYPE_U8, .required = true },
	[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL] = { .type = MNL_TYPE_U32 },
	[CTA_PROTOINFO_SCTP_VTAG_REPLY] = { .type = MNL_TYPE_U32 },
};

// What it does not know is closed.
static uint8_t state_of(const uint8_t table[], size_t n, uint8_t state)
{
	return state < n ? table[state] : table[0];
}

static int get_tcp(const struct nlattr *nest, struct ct_entry *e, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(tcp_policy)];
	int error = nl_parse_nested(nest, tcp_policy, ARRAY_SIZE(tcp_policy), a, "TCP", err);
	uint8_t state;

	if (error)
		return error;
	// The kernel has one state for both ends.
	state = state_of(tcp_states, ARRAY_SIZE(tcp_states), nl_u8(a[CTA_PROTOINFO_TCP_STATE]));
	e->has_tcp = true;
	e->tcp[0] = (struct ct_tcp_end){ state, nl_u8(a[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL]),
					 nl_u8(a[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL]) };
	e->tcp[1] = (struct ct_tcp_end){ state, nl_u8(a[CTA_PROTOINFO_TCP_WSCALE_REPLY]),
					 nl_u8(a[CTA_PROTOINFO_TCP_FLAGS_REPLY]) };
	return 0;
}

static int get_sctp(const struct nlattr *nest, struct ct_entry *e, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(sctp_policy)];
	int error = nl_parse_nested(nest, sctp_policy, ARRAY_SIZE(sctp_policy), a, "SCTP", err);

	if (error)
		return error;
	e->has_sctp = true;
	e->sctp.state =
		state_of(sctp_states, ARRAY_SIZE(sctp_states), nl_u8(a[CTA_PROTOINFO_SCTP_STATE]));
	e->sctp.vtag_orig = nl_u32(a[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL]);
	e->sctp.vtag_reply = nl_u32(a[CTA_PROTOINFO_SCTP_VTAG_REPLY]);
	return 0;
}

static int get_protoinfo(const struct nlattr *nest, struct ct_entry *e, struct error *err)
{
	static const struct nl_policy policy[CTA_PROTOINFO_SCTP + 1] = {
		[CTA_PROTOINFO_TCP] = { .type = MNL_TYPE_UNSPEC },
		[CTA_PROTOINFO_SCTP] = { .type = MNL_TYPE_UNSPEC },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error = nl_parse_nested(nest, policy, ARRAY_SIZE(policy), a, "protocol state", err);

	if (!error && a[CTA_PROTOINFO_TCP])
		error = get_tcp(a[CTA_PROTOINFO_TCP], e, err);
	if (!error && a[CTA_PROTOINFO_SCTP])
		error = get_sctp(a[CTA_PROTOINFO_SCTP], e, err);
	return error;
}

// ---- Entries ----

static const struct nl_policy counters_policy[CTA_COUNTERS_BYTES + 1] = {
	[CTA_COUNTERS_PACKETS] = { .type = MNL_TYPE_U64 },
	[CTA_COUNTERS_BYTES] = { .type = MNL_TYPE_U64 },
};

static const struct nl_policy time_policy[CTA_TIMESTAMP_STOP + 1] = {
	[CTA_TIMESTAMP_START] = { .type = MNL_TYPE_U64 },
	[CTA_TIMESTAMP_STOP] = { .type = MNL_TYPE_U64 },
};

static const struct nl_policy help_policy[CTA_HELP_NAME + 1] = {
	[CTA_HELP_NAME] = { .type = MNL_TYPE_NUL_STRING },
};

static const struct nl_policy entry_policy[CTA_LABELS + 1] = {
	[CTA_TUPLE_ORIG] = { .type = MNL_TYPE_UNSPEC, .required = true },
	[CTA_TUPLE_REPLY] = { .type = MNL_TYPE_UNSPEC, .required = true },
	[CTA_TUPLE_MASTER] = { .type = MNL_TYPE_UNSPEC },
	[CTA_STATUS] = { .type = MNL_TYPE_U32 },
	[CTA_PROTOINFO] = { .type = MNL_TYPE_UNSPEC },
	[CTA_HELP] = { .type = MNL_TYPE_UNSPEC },
	[CTA_TIMEOUT] = { .type = MNL_TYPE_U32 },
	[CTA_MARK] = { .type = MNL_TYPE_U32 },
	[CTA_COUNTERS_ORIG] = { .type = MNL_TYPE_UNSPEC },
	[CTA_COUNTERS_REPLY] = { .type = MNL_TYPE_UNSPEC },
	[CTA_ID] = { .type = MNL_TYPE_U32 },
	[CTA_ZONE] = { .type = MNL_TYPE_U16 },
	[CTA_TIMESTAMP] = { .type = MNL_TYPE_UNSPEC },
	[CTA_LABELS] = { .min = 1, .max = 16 },
};

static int get_counters(const struct nlattr *nest, struct ct_counts *ret, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(counters_policy)];
	int error;

	if (!nest)
		return 0;
	error = nl_parse_nested(nest, counters_policy, ARRAY_SIZE(counters_policy), a, "counters",
				err);
	if (!error)
		*ret = (struct ct_counts){ be64toh(nl_be64(a[CTA_COUNTERS_PACKETS])),
					   be64toh(nl_be64(a[CTA_COUNTERS_BYTES])) };
	return error;
}

static int get_times(const struct nlattr *nest, struct ct_entry *e, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(time_policy)];
	int error;

	if (!nest)
		return 0;
	error = nl_parse_nested(nest, time_policy, ARRAY_SIZE(time_policy), a, "times", err);
	if (!error) {
		e->start_nsec = be64toh(nl_be64(a[CTA_TIMESTAMP_START]));
		e->stop_nsec = be64toh(nl_be64(a[CTA_TIMESTAMP_STOP]));
	}
	return error;
}

static void get_name(const struct nlattr *a, char *ret, size_t size)
{
	if (a)
		snprintf(ret, size, "%s", nl_str(a));
}

static int get_helper(const struct nlattr *nest, struct ct_entry *e, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(help_policy)];
	int error;

	if (!nest)
		return 0;
	error = nl_parse_nested(nest, help_policy, ARRAY_SIZE(help_policy), a, "helper", err);
	if (!error)
		get_name(a[CTA_HELP_NAME], e->helper, sizeof(e->helper));
	return error;
}

static void get_label(const struct nlattr *a, uint8_t ret[16])
{
	uint8_t bytes[16] = { 0 };

	if (!a)
		return;
	memcpy(bytes, mnl_attr_get_payload(a), nl_len(a));
	kernel_turn_label(bytes, ret);
}

static int get_entry(const struct nlattr *const a[], struct ct_entry *e, struct error *err)
{
	int error = get_tuple(a[CTA_TUPLE_ORIG], &e->orig, err);

	if (!error)
		error = get_tuple(a[CTA_TUPLE_REPLY], &e->reply, err);
	if (!error)
		error = get_tuple(a[CTA_TUPLE_MASTER], &e->parent, err);
	if (!error)
		error = get_counters(a[CTA_COUNTERS_ORIG], &e->orig_counts, err);
	if (!error)
		error = get_counters(a[CTA_COUNTERS_REPLY], &e->reply_counts, err);
	if (!error)
		error = get_times(a[CTA_TIMESTAMP], e, err);
	if (!error)
		error = get_helper(a[CTA_HELP], e, err);
	if (!error && a[CTA_PROTOINFO])
		error = get_protoinfo(a[CTA_PROTOINFO], e, err);
	e->id = be32toh(nl_be32(a[CTA_ID]));
	e->status = be32toh(nl_be32(a[CTA_STATUS]));
	e->has_timeout = a[CTA_TIMEOUT];
	e->timeout = be32toh(nl_be32(a[CTA_TIMEOUT]));
	e->mark = be32toh(nl_be32(a[CTA_MARK]));
	e->zone = be16toh(nl_be16(a[CTA_ZONE]));
	get_label(a[CTA_LABELS], e->label);
	return error;
}

bool ct_entry_decode(const struct nlmsghdr *h, struct ct_entry *ret, int *ret_error,
		     struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(entry_policy)];
	struct ct_entry e = { .id = 0 };
	int error;

	if (!is_message(h, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW))
		return false;
	error = nl_parse_msg(h, sizeof(struct nfgenmsg), entry_policy, ARRAY_SIZE(entry_policy), a,
			     "connection", err);
	if (!error)
		error = get_entry(a, &e, err);
	*ret_error = error;
	if (!error)
		*ret = e;
	return true;
}

// ---- Expected ones ----

static const struct nl_policy expected_policy[CTA_EXPECT_HELP_NAME + 1] = {
	[CTA_EXPECT_MASTER] = { .type = MNL_TYPE_UNSPEC },
	[CTA_EXPECT_TUPLE] = { .type = MNL_TYPE_UNSPEC, .required = true },
	[CTA_EXPECT_TIMEOUT] = { .type = MNL_TYPE_U32 },
	[CTA_EXPECT_ID] = { .type = MNL_TYPE_U32 },
	[CTA_EXPECT_HELP_NAME] = { .type = MNL_TYPE_NUL_STRING },
};

bool ct_expected_decode(const struct nlmsghdr *h, struct ct_expected *ret, int *ret_error,
			struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(expected_policy)];
	struct ct_expected e = { .id = 0 };
	int error;

	if (!is_message(h, NFNL_SUBSYS_CTNETLINK_EXP, IPCTNL_MSG_EXP_NEW))
		return false;
	error = nl_parse_msg(h, sizeof(struct nfgenmsg), expected_policy,
			     ARRAY_SIZE(expected_policy), a, "expected connection", err);
	if (!error)
		error = get_tuple(a[CTA_EXPECT_TUPLE], &e.tuple, err);
	if (!error)
		error = get_tuple(a[CTA_EXPECT_MASTER], &e.parent, err);
	*ret_error = error;
	if (error)
		return true;
	e.timeout = be32toh(nl_be32(a[CTA_EXPECT_TIMEOUT]));
	e.id = be32toh(nl_be32(a[CTA_EXPECT_ID]));
	get_name(a[CTA_EXPECT_HELP_NAME], e.helper, sizeof(e.helper));
	*ret = e;
	return true;
}
