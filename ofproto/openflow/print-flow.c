// SPDX-License-Identifier: Apache-2.0
// Flows as text.
#include <inttypes.h>
#include <stdio.h>

#include "ofproto/openflow/flow-print.h"
#include "ofproto/openflow/print-private.h"

#define DEFAULT_PRIORITY 32768

static void put_number(struct strbuf *out, const char *before, uint64_t n, const char *behind)
{
	strbuf_puts(out, before);
	strbuf_put_u64(out, n);
	strbuf_puts(out, behind);
}

// UINT64_MAX: not known.
static void put_count(struct strbuf *out, const char *before, uint64_t n)
{
	strbuf_puts(out, before);
	if (n == UINT64_MAX)
		strbuf_putc(out, '?');
	else
		strbuf_put_u64(out, n);
}

// "priority=5,tcp"; true when something was printed.
static bool put_match(const struct match *m, uint16_t priority, const struct port_names *ports,
		      struct strbuf *out)
{
	size_t start = out->len;

	if (priority != DEFAULT_PRIORITY)
		put_number(out, "priority=", priority, ",");
	match_format(m, ports, out);
	if (out->len > start)
		strbuf_chomp(out, ',');
	return out->len > start;
}

static const struct {
	uint16_t flag;
	const char *name;
} flags[] = {
	{ FM_SEND_FLOW_REM, "send_flow_rem" },	{ FM_CHECK_OVERLAP, "check_overlap" },
	{ FM_RESET_COUNTS, "reset_counts" },	{ FM_NO_PKT_COUNTS, "no_packet_counts" },
	{ FM_NO_BYT_COUNTS, "no_byte_counts" },
};

static void put_flags(uint16_t set, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (set & flags[i].flag)
			strbuf_printf(out, "%s ", flags[i].name);
}

void flow_stats_format(const struct flow_stats *fs, const struct port_names *ports, bool show_stats,
		       struct strbuf *out)
{
	if (show_stats || fs->cookie) {
		strbuf_puts(out, " cookie=0x");
		strbuf_put_hex(out, fs->cookie, 1);
		strbuf_putc(out, ',');
	}
	if (show_stats) {
		strbuf_puts(out, " duration=");
		strbuf_put_duration(out, fs->duration_sec, fs->duration_nsec);
		strbuf_puts(out, ", table=");
		of_table_format(fs->table, ports, out);
		put_count(out, ", n_packets=", fs->n_packets);
		put_count(out, ", n_bytes=", fs->n_bytes);
		strbuf_putc(out, ',');
	} else if (fs->table) {
		strbuf_puts(out, " table=");
		of_table_format(fs->table, ports, out);
		strbuf_putc(out, ',');
	}
	if (fs->idle_timeout)
		put_number(out, " idle_timeout=", fs->idle_timeout, ",");
	if (fs->hard_timeout)
		put_number(out, " hard_timeout=", fs->hard_timeout, ",");
	strbuf_putc(out, ' ');
	put_flags(fs->flags, out);
	if (fs->importance)
		put_number(out, "importance=", fs->importance, ", ");
	if (show_stats && fs->idle_age >= 0)
		put_number(out, "idle_age=", fs->idle_age, ", ");
	if (show_stats && fs->hard_age >= 0 && fs->hard_age != (int32_t)fs->duration_sec)
		put_number(out, "hard_age=", fs->hard_age, ", ");
	if (put_match(fs->match, fs->priority, ports, out))
		strbuf_putc(out, ' ');
	strbuf_puts(out, "actions=");
	acts_format(fs->acts, ports, out);
}

enum ofperr print_flow_reply(struct print *p, struct msg *m)
{
	AUTO(strbuf) acts = STRBUF_INIT;
	struct flow_stats fs;
	int got;

	strbuf_putc(p->out, '\n');
	while ((got = flow_stats_decode_next(m, &fs, &acts)) > 0) {
		flow_stats_format(&fs, p->ports, true, p->out);
		strbuf_putc(p->out, '\n');
	}
	return got < 0 ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_flow_request(struct print *p, struct msg *m)
{
	struct flow_stats_request q;
	enum ofperr e = flow_stats_request_decode(m, &q);

	if (e)
		return e;
	if (q.table != 255) {
		strbuf_puts(p->out, " table=");
		of_table_format(q.table, p->ports, p->out);
	}
	if (q.out_port.n != OFPP_ANY) {
		strbuf_puts(p->out, " out_port=");
		of_port_format(q.out_port, p->ports, p->out);
	}
	strbuf_putc(p->out, ' ');
	if (!put_match(&q.match, DEFAULT_PRIORITY, p->ports, p->out))
		strbuf_truncate(p->out, p->out->len - 1);
	return OFPERR_NONE;
}

enum ofperr print_aggregate(struct print *p, struct msg *m)
{
	struct aggregate_stats s;
	enum ofperr e = aggregate_stats_decode(m, &s);

	if (!e)
		strbuf_printf(p->out,
			      " packet_count=%" PRIu64 " byte_count=%" PRIu64 " flow_count=%u",
			      s.n_packets, s.n_bytes, s.n_flows);
	return e;
}

static const char *const commands[] = { "ADD", "MOD", "MOD_STRICT", "DEL", "DEL_STRICT" };

static void put_mod(const struct flow_mod *fm, const struct port_names *ports, struct strbuf *out)
{
	strbuf_printf(out, " %s ", commands[fm->command]);
	if (fm->table) {
		strbuf_puts(out, "table:");
		of_table_format(fm->table, ports, out);
		strbuf_putc(out, ' ');
	}
	if (put_match(&fm->match, fm->priority, ports, out))
		strbuf_putc(out, ' ');
	if (fm->new_cookie && fm->new_cookie != UINT64_MAX)
		strbuf_printf(out, "cookie:0x%" PRIx64 " ", fm->new_cookie);
	if (fm->cookie_mask)
		strbuf_printf(out, "cookie:0x%" PRIx64 "/0x%" PRIx64 " ", fm->cookie,
			      fm->cookie_mask);
	if (fm->idle_timeout)
		strbuf_printf(out, "idle:%u ", fm->idle_timeout);
	if (fm->hard_timeout)
		strbuf_printf(out, "hard:%u ", fm->hard_timeout);
	if (fm->importance)
		strbuf_printf(out, "importance:%u ", fm->importance);
	if (fm->buffer_id != OF_NO_BUFFER)
		strbuf_printf(out, "buf:0x%x ", fm->buffer_id);
	if (fm->out_port.n != OFPP_ANY) {
		strbuf_puts(out, "out_port:");
		of_port_format(fm->out_port, ports, out);
		strbuf_putc(out, ' ');
	}
	put_flags(fm->flags, out);
	strbuf_puts(out, "actions=");
	acts_format(acts_of(&fm->acts), ports, out);
}

enum ofperr print_flow_mod(struct print *p, struct msg *m)
{
	struct flow_mod fm;
	enum ofperr e;

	flow_mod_init(&fm);
	// ovs-ofctl always asks for table ids in the command before it uses them.
	m->table_id_ext = true;
	e = flow_mod_decode(m, &fm);
	// Flows of old versions begin from zero whether they say so or not.
	if (m->version < OFP12)
		fm.flags &= ~FM_RESET_COUNTS;
	if (!e)
		put_mod(&fm, p->ports, p->out);
	flow_mod_uninit(&fm);
	return e;
}

const char *const flow_removed_reasons[] = { "idle",	     "hard",	     "delete",
					     "group_delete", "meter_delete", "eviction" };

enum ofperr print_flow_removed(struct print *p, struct msg *m)
{
	struct flow_removed fr;
	enum ofperr e = flow_removed_decode(m, &fr);

	if (e)
		return e;
	strbuf_putc(p->out, ' ');
	put_match(&fr.match, fr.priority, p->ports, p->out);
	if (fr.reason < ARRAY_SIZE(flow_removed_reasons))
		strbuf_printf(p->out, " reason=%s", flow_removed_reasons[fr.reason]);
	else
		strbuf_printf(p->out, " reason=%u", fr.reason);
	if (fr.table != 255) {
		strbuf_puts(p->out, " table_id=");
		of_table_format(fr.table, p->ports, p->out);
	}
	if (fr.cookie)
		strbuf_printf(p->out, " cookie:0x%" PRIx64, fr.cookie);
	strbuf_puts(p->out, " duration");
	strbuf_put_duration(p->out, fr.duration_sec, fr.duration_nsec);
	strbuf_printf(p->out, " idle%u", fr.idle_timeout);
	if (fr.hard_timeout)
		strbuf_printf(p->out, " hard%u", fr.hard_timeout);
	strbuf_printf(p->out, " pkts%" PRIu64 " bytes%" PRIu64, fr.n_packets, fr.n_bytes);
	return OFPERR_NONE;
}
