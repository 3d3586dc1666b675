// SPDX-License-Identifier: Apache-2.0
// Messages about groups as text.
#include <inttypes.h>

#include "ofproto/openflow/group.h"
#include "ofproto/openflow/print-private.h"

static void print_command_bucket(uint32_t id, struct strbuf *out)
{
	strbuf_puts(out, "command_bucket_id:");
	if (id == BUCKET_ID_FIRST)
		strbuf_puts(out, "first");
	else if (id == BUCKET_ID_LAST)
		strbuf_puts(out, "last");
	else if (id == BUCKET_ID_ALL)
		strbuf_puts(out, "all");
	else
		strbuf_printf(out, "%" PRIu32, id);
	strbuf_putc(out, ',');
}

static const char *command_name(uint16_t command)
{
	static const char *const names[] = {
		[GROUP_ADD] = "ADD",
		[GROUP_MODIFY] = "MOD",
		[GROUP_DELETE] = "DEL",
		[GROUP_INSERT_BUCKETS] = "INSERT_BUCKET",
		[GROUP_REMOVE_BUCKETS] = "REMOVE_BUCKET",
	};

	return command == GROUP_ADD_OR_MODIFY ? "ADD_OR_MOD" : names[command];
}

enum ofperr print_group_mod(struct print *p, struct msg *m)
{
	struct group_mod gm;
	enum ofperr e = group_mod_decode(m, &gm);

	if (!e) {
		bool buckets_only =
			gm.command == GROUP_INSERT_BUCKETS || gm.command == GROUP_REMOVE_BUCKETS;

		strbuf_printf(p->out, "\n %s ", command_name(gm.command));
		if (buckets_only && group_version_is_new(m->version))
			print_command_bucket(gm.command_bucket_id, p->out);
		group_desc_format(&gm.group, !buckets_only, m->version, p->ports, p->out);
		strbuf_putc(p->out, '\n');
	}
	group_mod_uninit(&gm);
	return e;
}

enum ofperr print_group_request(struct print *p, struct msg *m)
{
	uint32_t id;
	enum ofperr e = group_request_decode(m, &id);

	if (e)
		return e;
	if (id == GROUP_ID_ALL)
		strbuf_puts(p->out, " group_id=ALL");
	else
		strbuf_printf(p->out, " group_id=%" PRIu32, id);
	return OFPERR_NONE;
}

enum ofperr print_group_descs(struct print *p, struct msg *m)
{
	struct group_desc g;
	int got;

	while ((got = group_desc_decode_next(m, &g)) > 0) {
		strbuf_puts(p->out, "\n ");
		group_desc_format(&g, true, m->version, p->ports, p->out);
		group_desc_uninit(&g);
	}
	return got ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static void print_one_stats(const struct group_stats *s, struct strbuf *out)
{
	strbuf_printf(out, "\n group_id=%" PRIu32 ",", s->id);
	if (s->duration_sec != UINT32_MAX) {
		strbuf_puts(out, "duration=");
		strbuf_put_duration(out, s->duration_sec, s->duration_nsec);
		strbuf_putc(out, ',');
	}
	strbuf_printf(out, "ref_count=%" PRIu32 ",", s->ref_count);
	strbuf_printf(out, "packet_count=%" PRIu64 ",byte_count=%" PRIu64, s->packets, s->bytes);
	for (size_t i = 0; i < s->buckets.n; i++)
		strbuf_printf(out, ",bucket%zu:packet_count=%" PRIu64 ",byte_count=%" PRIu64, i,
			      s->buckets.v[i].packets, s->buckets.v[i].bytes);
}

enum ofperr print_group_stats(struct print *p, struct msg *m)
{
	struct group_stats s;
	int got;

	while ((got = group_stats_decode_next(m, &s)) > 0) {
		print_one_stats(&s, p->out);
		group_stats_uninit(&s);
	}
	return got ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

// ---- Features ----

// Standard actions in the order in which they are shown, and their bit in 1.0, in 1.1 and since 1.2; -1: none.
static const struct {
	const char *name;
	int8_t bits[3];
} action_bits[] = {
	{ "output", { 0, 0, 0 } },
	{ "group", { -1, 22, 22 } },
	{ "enqueue", { 11, -1, -1 } },
	{ "set_vlan_vid", { 1, 1, -1 } },
	{ "set_vlan_pcp", { 2, 2, -1 } },
	{ "set_field", { -1, -1, 25 } },
	{ "strip_vlan", { 3, 18, 18 } },
	{ "push_vlan", { -1, 17, 17 } },
	{ "mod_dl_src", { 4, 3, -1 } },
	{ "mod_dl_dst", { 5, 4, -1 } },
	{ "mod_nw_src", { 6, 5, -1 } },
	{ "mod_nw_dst", { 7, 6, -1 } },
	{ "mod_nw_tos", { 8, 7, -1 } },
	{ "mod_nw_ecn", { -1, 8, -1 } },
	{ "mod_nw_ttl", { -1, 23, 23 } },
	{ "mod_tp_src", { 9, 9, -1 } },
	{ "mod_tp_dst", { 10, 10, -1 } },
	{ "dec_ttl", { -1, 24, 24 } },
	{ "set_mpls_label", { -1, 13, -1 } },
	{ "set_mpls_tc", { -1, 14, -1 } },
	{ "set_mpls_ttl", { -1, 15, 15 } },
	{ "dec_mpls_ttl", { -1, 16, 16 } },
	{ "push_mpls", { -1, 19, 19 } },
	{ "pop_mpls", { -1, 20, 20 } },
	{ "set_queue", { -1, 21, 21 } },
};

void print_action_bits(uint32_t bitmap, uint8_t version, struct strbuf *out)
{
	size_t column = version == OFP10 ? 0 : version == OFP11 ? 1 : 2, start = out->len;

	for (size_t i = 0; i < ARRAY_SIZE(action_bits); i++) {
		int bit = action_bits[i].bits[column];

		if (bit >= 0 && bitmap >> bit & 1)
			strbuf_printf(out, "%s%s", out->len > start ? " " : "",
				      action_bits[i].name);
	}
}

enum ofperr print_group_features(struct print *p, struct msg *m)
{
	static const char *const names[] = { "all", "select", "indirect", "fast failover" };
	struct strbuf *out = p->out;
	struct group_features f;
	enum ofperr e = group_features_decode(m, &f);

	if (e)
		return e;
	strbuf_printf(out,
		      "\n Group table:\n    Types:  0x%" PRIx32 "\n    Capabilities:  0x%" PRIx32
		      "\n",
		      f.types, f.capabilities);
	for (int i = 0; i < GROUP_N_TYPES; i++) {
		size_t before;

		if (!(f.types >> i & 1))
			continue;
		strbuf_printf(out,
			      "    %s group:\n       max_groups=0x%" PRIx32 "\n       actions: ",
			      names[i], f.max_groups[i]);
		before = out->len;
		print_action_bits(f.actions[i], m->version, out);
		strbuf_puts(out, out->len == before ? "<none>\n" : "\n");
	}
	return OFPERR_NONE;
}
