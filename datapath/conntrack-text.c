// SPDX-License-Identifier: Apache-2.0
// Tracked connections as dpctl/dump-conntrack prints them.
#include <arpa/inet.h>
#include <time.h>

#include "core/flow/fields.h"
#include "datapath/conntrack.h"

struct bit_name {
	unsigned int bit;
	const char *name;
};

static const struct {
	const char *name;
	enum ct_tcp_state shown;
} tcp_states[] = {
#define TCP_STATE(ID, NAME, SHORT) [CT_TCP_##ID] = { NAME, CT_TCP_##SHORT },
#include "datapath/conntrack.def"
};

static const char *const sctp_states[] = {
#define SCTP_STATE(ID, NAME) [CT_SCTP_##ID] = NAME,
#include "datapath/conntrack.def"
};

static const struct bit_name tcp_flags[] = {
#define TCP_FLAG(BIT, NAME) { BIT, NAME },
#include "datapath/conntrack.def"
};

static const struct bit_name statuses[] = {
#define STATUS(ID, BIT, NAME) { BIT, NAME },
#include "datapath/conntrack.def"
};

static const struct {
	uint8_t number;
	const char *name;
} protocols[] = {
#define PROTOCOL(NUMBER, NAME, HEADING) { NUMBER, NAME },
#include "datapath/conntrack.def"
};

const char *ct_tcp_state_name(enum ct_tcp_state s)
{
	return s < CT_TCP_MAX ? tcp_states[s].name : "unknown";
}

enum ct_tcp_state ct_tcp_state_short(enum ct_tcp_state s)
{
	return s < CT_TCP_MAX ? tcp_states[s].shown : s;
}

const char *ct_sctp_state_name(enum ct_sctp_state s)
{
	return s < CT_SCTP_MAX ? sctp_states[s] : "unknown";
}

static void put_protocol(uint8_t proto, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == proto) {
			strbuf_puts(out, protocols[i].name);
			return;
		}
	strbuf_printf(out, "%u", proto);
}

// Names of the bits with '|' between them; what has no name is not told.
static void put_bits(uint32_t bits, const struct bit_name names[], size_t n, struct strbuf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < n; i++)
		if (bits >> names[i].bit & 1)
			strbuf_printf(out, "%s%s", out->len > start ? "|" : "", names[i].name);
	if (out->len == start)
		strbuf_putc(out, '0');
}

static void put_address(const struct ct_tuple *t, const struct ipv6_addr *a, struct strbuf *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(t->eth_type == htobe16(0x0800) ? AF_INET : AF_INET6, a, text, sizeof(text));
	strbuf_puts(out, text);
}

static void put_members(const struct ct_tuple *t, struct strbuf *out)
{
	strbuf_puts(out, "src=");
	put_address(t, &t->src, out);
	strbuf_puts(out, ",dst=");
	put_address(t, &t->dst, out);
	if (ct_proto_is_icmp(t->proto))
		strbuf_printf(out, ",id=%u,type=%u,code=%u", be16toh(t->src_port), t->icmp_type,
			      t->icmp_code);
	else
		strbuf_printf(out, ",sport=%u,dport=%u", be16toh(t->src_port),
			      be16toh(t->dst_port));
}

static void put_tuple(const char *name, const struct ct_tuple *t, const struct ct_counts *c,
		      struct strbuf *out)
{
	strbuf_printf(out, ",%s=(", name);
	put_members(t, out);
	if (c && (c->packets || c->bytes))
		strbuf_printf(out, ",packets=%llu,bytes=%llu", (unsigned long long)c->packets,
			      (unsigned long long)c->bytes);
	strbuf_putc(out, ')');
}

// Local time, to the millisecond.
static void put_time(const char *name, uint64_t nsec, struct strbuf *out)
{
	time_t sec = nsec / 1000000000;
	char text[32];
	struct tm tm;

	if (!nsec)
		return;
	localtime_r(&sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	strbuf_printf(out, ",%s=%s.%03u", name, text, (unsigned int)(nsec / 1000000 % 1000));
}

static void put_tcp(const struct ct_tcp_end e[2], bool more, struct strbuf *out)
{
	if (!more) {
		enum ct_tcp_state s = MAX(e[0].state, e[1].state);

		strbuf_printf(out, ",protoinfo=(state=%s)",
			      ct_tcp_state_name(ct_tcp_state_short(s)));
		return;
	}
	strbuf_printf(out, ",protoinfo=(state_orig=%s,state_reply=%s",
		      ct_tcp_state_name(e[0].state), ct_tcp_state_name(e[1].state));
	if (e[0].wscale || e[1].wscale)
		strbuf_printf(out, ",wscale_orig=%u,wscale_reply=%u", e[0].wscale, e[1].wscale);
	strbuf_puts(out, ",flags_orig=");
	put_bits(e[0].flags, tcp_flags, ARRAY_SIZE(tcp_flags), out);
	strbuf_puts(out, ",flags_reply=");
	put_bits(e[1].flags, tcp_flags, ARRAY_SIZE(tcp_flags), out);
	strbuf_putc(out, ')');
}

static void put_protoinfo(const struct ct_entry *e, bool more, struct strbuf *out)
{
	if (e->has_tcp)
		put_tcp(e->tcp, more, out);
	if (e->has_sctp)
		strbuf_printf(out, ",protoinfo=(state=%s,vtag_orig=%u,vtag_reply=%u)",
			      ct_sctp_state_name(e->sctp.state), e->sctp.vtag_orig,
			      e->sctp.vtag_reply);
}

void ct_entry_format(const struct ct_entry *e, bool more, bool statistics, struct strbuf *out)
{
	put_protocol(e->orig.proto, out);
	put_tuple("orig", &e->orig, statistics ? &e->orig_counts : NULL, out);
	put_tuple("reply", &e->reply, statistics ? &e->reply_counts : NULL, out);
	if (statistics) {
		put_time("start", e->start_nsec, out);
		put_time("stop", e->stop_nsec, out);
	}
	if (more)
		strbuf_printf(out, ",id=%u", e->id);
	if (e->zone)
		strbuf_printf(out, ",zone=%u", e->zone);
	if (more) {
		strbuf_puts(out, ",status=");
		put_bits(e->status, statuses, ARRAY_SIZE(statuses), out);
	}
	if (statistics && e->has_timeout)
		strbuf_printf(out, ",timeout=%u", e->timeout);
	if (e->mark)
		strbuf_printf(out, ",mark=%u", e->mark);
	if (!is_all_zeros(e->label, sizeof(e->label))) {
		strbuf_puts(out, ",labels=");
		wide_hex_format(e->label, sizeof(e->label), out);
	}
	put_protoinfo(e, more, out);
	if (e->helper[0])
		strbuf_printf(out, ",helper=%s", e->helper);
	if (more && e->parent.eth_type)
		put_tuple("parent", &e->parent, NULL, out);
}

void ct_expected_format(const struct ct_expected *e, struct strbuf *out)
{
	put_protocol(e->tuple.proto, out);
	put_tuple("orig", &e->tuple, NULL, out);
	if (e->zone)
		strbuf_printf(out, ",zone=%u", e->zone);
	strbuf_printf(out, ",timeout=%u", e->timeout);
	if (e->helper[0])
		strbuf_printf(out, ",helper=%s", e->helper);
	if (e->parent.eth_type)
		put_tuple("parent", &e->parent, NULL, out);
}
