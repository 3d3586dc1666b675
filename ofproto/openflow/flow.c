// SPDX-License-Identifier: Apache-2.0
// Flow table changes.
#include "ofproto/openflow/act-private.h"
#include "ofproto/openflow/formats.h"

enum { COMMAND_MAX = FM_DELETE_STRICT, GROUP_ANY = UINT32_MAX };
// Flags that peers of a version may send.
static const uint16_t known_flags[] = {
	[OFP10] = FM_SEND_FLOW_REM | FM_CHECK_OVERLAP,
	[OFP11] = FM_SEND_FLOW_REM | FM_CHECK_OVERLAP,
	[OFP12] = FM_SEND_FLOW_REM | FM_CHECK_OVERLAP | FM_RESET_COUNTS,
	[OFP13] = 0x1f,
	[OFP14] = 0x1f,
	[OFP15] = 0x1f,
};
#define EMERGENCY_FLAG 4

void flow_mod_init(struct flow_mod *fm)
{
	memset(fm, 0, sizeof(*fm));
	fm->table = 255;
	fm->buffer_id = OF_NO_BUFFER;
	fm->out_port = OF_PORT(OFPP_ANY);
	fm->out_group = GROUP_ANY;
}

void flow_mod_uninit(struct flow_mod *fm)
{
	strbuf_uninit(&fm->acts);
}

static bool is_modify(enum flow_mod_command c)
{
	return c == FM_MODIFY || c == FM_MODIFY_STRICT;
}

static enum ofperr set_command(const struct msg *m, uint16_t command, struct flow_mod *fm)
{
	if (m->table_id_ext) {
		fm->table = command >> 8;
		command &= 0xff;
	}
	if (command > COMMAND_MAX)
		return OFPERR_OFPFMFC_BAD_COMMAND;
	fm->command = command;
	return OFPERR_NONE;
}

// 1.0's cookie belongs to the new flow; peers that do not care send all ones.
static void set_old_cookie(struct flow_mod *fm, uint64_t cookie)
{
	fm->new_cookie = cookie;
	fm->modify_cookie = fm->add_missing = is_modify(fm->command) && cookie != UINT64_MAX;
}

static enum ofperr rd_common_10(struct reader *r, const struct msg *m, struct flow_mod *fm)
{
	uint64_t cookie = rd_be64(r);
	enum ofperr e = set_command(m, rd_be16(r), fm);

	fm->idle_timeout = rd_be16(r);
	fm->hard_timeout = rd_be16(r);
	fm->priority = rd_be16(r);
	fm->buffer_id = rd_be32(r);
	fm->out_port = port_from_10(rd_be16(r));
	fm->flags = rd_be16(r);
	set_old_cookie(fm, cookie);
	if (!e && fm->flags & EMERGENCY_FLAG)
		return OFPERR_OFPFMFC_TABLE_FULL;
	return e;
}

// An exact match has the highest priority in 1.0.
static void fix_priority_10(struct flow_mod *fm, uint32_t wildcards)
{
	if (!(wildcards & 0x3fffff))
		fm->priority = UINT16_MAX;
}

static enum ofperr decode_10(const struct msg *m, struct reader *r, struct flow_mod *fm)
{
	struct reader peek = *r;
	uint32_t wildcards;
	enum ofperr e;

	peek.parent = NULL;
	wildcards = rd_be32(&peek);
	e = match10_decode(r, &fm->match);
	if (!e)
		e = rd_common_10(r, m, fm);
	fix_priority_10(fm, wildcards);
	return e;
}

static enum ofperr decode_nx(const struct msg *m, struct reader *r, struct flow_mod *fm)
{
	enum ofperr e = rd_common_10(r, m, fm);
	uint16_t match_len = rd_be16(r);

	rd_skip(r, 6);
	if (e)
		return e;
	return nxm_decode(r, match_len, &fm->match, &fm->cookie, &fm->cookie_mask);
}

// All tables is what 1.2 and later can delete from.
static bool may_be_of_all_tables(uint8_t version, enum flow_mod_command c)
{
	return version > OFP11 && c >= FM_DELETE;
}

static enum ofperr decode_11(const struct msg *m, struct reader *r, struct flow_mod *fm)
{
	uint8_t command;
	enum ofperr e;

	fm->cookie = rd_be64(r);
	fm->cookie_mask = rd_be64(r);
	fm->table = rd_u8(r);
	command = rd_u8(r);
	fm->idle_timeout = rd_be16(r);
	fm->hard_timeout = rd_be16(r);
	fm->priority = rd_be16(r);
	fm->buffer_id = rd_be32(r);
	e = port_from_11(rd_be32(r), &fm->out_port);
	fm->out_group = rd_be32(r);
	fm->flags = rd_be16(r);
	fm->importance = rd_be16(r);
	if (m->version < OFP14)
		fm->importance = 0;
	if (command > COMMAND_MAX)
		return OFPERR_OFPFMFC_BAD_COMMAND;
	fm->command = command;
	if (fm->table == 255 && !may_be_of_all_tables(m->version, fm->command))
		return OFPERR_OFPFMFC_BAD_TABLE_ID;
	if (m->version == OFP11 && is_modify(fm->command) && !fm->cookie_mask) {
		fm->new_cookie = fm->cookie;
		fm->add_missing = fm->cookie != UINT64_MAX;
	}
	if (fm->command == FM_ADD) {
		fm->new_cookie = fm->cookie;
		fm->cookie = fm->cookie_mask = 0;
	}
	return e ? e : match11_decode(r, &fm->match);
}

enum ofperr flow_mod_decode(const struct msg *m, struct flow_mod *fm)
{
	struct reader r = m->body;
	enum ofperr e;

	r.parent = NULL;
	if (msg_kind_of(m) == KIND_NXT)
		e = decode_nx(m, &r, fm);
	else
		e = m->version == OFP10 ? decode_10(m, &r, fm) : decode_11(m, &r, fm);
	if (e)
		return e;
	if (rd_status(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	if (fm->flags & ~known_flags[m->version])
		return OFPERR_OFPFMFC_BAD_FLAGS;
	// Before 1.2 adding always began from zero.
	if (m->version < OFP12 && fm->command == FM_ADD)
		fm->flags |= FM_RESET_COUNTS;
	fm->cookie &= fm->cookie_mask;
	fm->consistent = m->version > OFP10;
	e = acts_decode_instructions(&r, m->version, &fm->acts);
	if (!e)
		set_field_fix_ports(&fm->acts, &fm->match);
	return e;
}

// ---- Encoding ----

// In 1.0 a change is of a flow's cookie too, and adds a flow where there is none; who names cookies to look for wants neither.
static uint64_t old_cookie(const struct flow_mod *fm)
{
	bool keep = is_modify(fm->command) && !fm->modify_cookie && fm->cookie_mask;

	return keep ? UINT64_MAX : fm->new_cookie;
}

static void wr_common_10(const struct flow_mod *fm, bool tables, struct strbuf *out)
{
	wr_be64(out, old_cookie(fm));
	wr_be16(out, fm->command | (tables ? fm->table << 8 : 0));
	wr_be16(out, fm->idle_timeout);
	wr_be16(out, fm->hard_timeout);
	wr_be16(out, fm->priority);
	wr_be32(out, fm->buffer_id);
	wr_be16(out, port_to_10(fm->out_port));
	wr_be16(out, fm->flags & known_flags[OFP10]);
}

static void encode_10(const struct flow_mod *fm, bool nx, bool tables, struct strbuf *out)
{
	size_t at, n;

	if (!nx) {
		match10_encode(&fm->match, out);
		wr_common_10(fm, tables, out);
		return;
	}
	wr_common_10(fm, tables, out);
	at = out->len;
	wr_be16(out, 0);
	strbuf_put_zeros(out, 6);
	n = nxm_encode(&fm->match, fm->cookie, fm->cookie_mask, out);
	wr_patch_be16(out, at, n);
}

static void encode_11(const struct flow_mod *fm, uint8_t version, struct strbuf *out)
{
	bool new_cookie = fm->command == FM_ADD ||
			  (version == OFP11 && is_modify(fm->command) && !fm->cookie_mask);

	wr_be64(out, new_cookie ? fm->new_cookie : fm->cookie);
	wr_be64(out, fm->command == FM_ADD ? 0 : fm->cookie_mask);
	// Without a table what is not of all is of the first.
	wr_u8(out, fm->table < 255 || may_be_of_all_tables(version, fm->command) ? fm->table : 0);
	wr_u8(out, fm->command);
	wr_be16(out, fm->idle_timeout);
	wr_be16(out, fm->hard_timeout);
	wr_be16(out, fm->priority);
	wr_be32(out, fm->buffer_id);
	wr_be32(out, fm->out_port.n);
	wr_be32(out, fm->out_group);
	wr_be16(out, fm->flags & known_flags[version]);
	wr_be16(out, version >= OFP14 ? fm->importance : 0);
	match11_encode(&fm->match, version, out);
}

void flow_mod_encode_as(const struct flow_mod *fm, unsigned int format, uint32_t xid,
			struct strbuf *out)
{
	uint8_t version = flow_format_version(format);
	bool nx = 1u << format & FORMATS_NXM;
	size_t start = msg_begin_kind(MSG_FLOW_MOD, version, xid, nx, out);

	if (version == OFP10)
		encode_10(fm, nx, 1u << format & FORMATS_TABLES, out);
	else
		encode_11(fm, version, out);
	acts_encode_for_match(acts_of(&fm->acts), &fm->match, version, out);
	msg_end(out, start);
}

void flow_mod_encode(const struct flow_mod *fm, uint8_t version, uint32_t xid, struct strbuf *out)
{
	bool nx = !match10_fits(&fm->match) || fm->cookie_mask;
	// An addition without a table is one to the first.
	bool tables = fm->command != FM_ADD || fm->table != 255;
	unsigned int format = FORMAT_OF11 + version - OFP11;

	if (version == OFP10)
		format = (nx ? FORMAT_NXM : FORMAT_OF10) + tables;
	flow_mod_encode_as(fm, format, xid, out);
}
