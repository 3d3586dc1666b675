// SPDX-License-Identifier: Apache-2.0
#include "ofproto/openflow/ipfix.h"

#include <inttypes.h>

#include "ofproto/openflow/print-private.h"

enum { ENTRY_LEN = 88 };

// The counters as they follow each other on the wire.
static const size_t counters[] = {
	offsetof(struct ipfix_stats, flows),	   offsetof(struct ipfix_stats, current_flows),
	offsetof(struct ipfix_stats, sampled),	   offsetof(struct ipfix_stats, ipv4),
	offsetof(struct ipfix_stats, ipv6),	   offsetof(struct ipfix_stats, errors),
	offsetof(struct ipfix_stats, ipv4_errors), offsetof(struct ipfix_stats, ipv6_errors),
	offsetof(struct ipfix_stats, sent),	   offsetof(struct ipfix_stats, send_errors),
};

void mp_put_ipfix_stats(struct mp_writer *w, const struct ipfix_stats *s)
{
	mp_make_room(w, ENTRY_LEN);
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		wr_be64(w->out, *(const uint64_t *)((const uint8_t *)s + counters[i]));
	wr_be32(w->out, s->collector_set);
	wr_be32(w->out, 0);
}

int ipfix_stats_decode_next(struct msg *m, struct ipfix_stats *s)
{
	struct reader *r = &m->body;

	if (!rd_left(r))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		*(uint64_t *)((uint8_t *)s + counters[i]) = rd_be64(r);
	s->collector_set = rd_be32(r);
	rd_skip(r, 4);
	return rd_status(r) ? -EPROTO : 1;
}

// The second line stands below the first one's counters.
static void print_one(struct strbuf *out, const struct ipfix_stats *s, const char *indent)
{
	strbuf_printf(out,
		      "flows=%" PRIu64 ", current flows=%" PRIu64 ", sampled pkts=%" PRIu64
		      ", ipv4 ok=%" PRIu64 ", ipv6 ok=%" PRIu64 ", tx pkts=%" PRIu64 "\n%s",
		      s->flows, s->current_flows, s->sampled, s->ipv4, s->ipv6, s->sent, indent);
	strbuf_printf(out,
		      "pkts errs=%" PRIu64 ", ipv4 errs=%" PRIu64 ", ipv6 errs=%" PRIu64
		      ", tx errs=%" PRIu64 "\n",
		      s->errors, s->ipv4_errors, s->ipv6_errors, s->send_errors);
}

enum ofperr print_ipfix_bridge(struct print *p, struct msg *m)
{
	struct ipfix_stats s;

	if (ipfix_stats_decode_next(m, &s) <= 0)
		return OFPERR_OFPBRC_BAD_LEN;
	strbuf_puts(p->out, "\n  bridge ipfix: ");
	print_one(p->out, &s, "                ");
	return OFPERR_NONE;
}

enum ofperr print_ipfix_flow(struct print *p, struct msg *m)
{
	struct ipfix_stats s;
	int got;

	strbuf_printf(p->out, " %zu ids\n", rd_left(&m->body) / ENTRY_LEN);
	while ((got = ipfix_stats_decode_next(m, &s)) > 0) {
		strbuf_printf(p->out, "  id %3u: ", s.collector_set);
		print_one(p->out, &s, "          ");
	}
	return got ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
