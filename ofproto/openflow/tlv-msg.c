// SPDX-License-Identifier: Apache-2.0
// The table of Geneve's options that are match fields (Nicira): read, written and shown.
#include <stdio.h>

#include "ofproto/openflow/print-private.h"
#include "ofproto/openflow/wire-private.h"

static void put_mappings(const struct tlv_mapping *list, size_t n, struct strbuf *out)
{
	for (size_t i = 0; i < n; i++) {
		wr_be16(out, list[i].class);
		wr_u8(out, list[i].type);
		wr_u8(out, list[i].length);
		wr_be16(out, list[i].index);
		wr_be16(out, 0);
	}
}

static enum ofperr get_mappings(struct reader *r, struct tlv_mapping *list, size_t max, size_t *ret)
{
	size_t n = 0;

	for (; rd_left(r) >= 8; n++) {
		struct tlv_mapping m;

		m.class = rd_be16(r);
		m.type = rd_u8(r);
		m.length = rd_u8(r);
		m.index = rd_be16(r);
		rd_skip(r, 2);
		if (!m.length || m.length % 4 || m.length > 124)
			return OFPERR_NXTTMFC_BAD_OPT_LEN;
		if (m.index >= TLV_FIELDS)
			return OFPERR_NXTTMFC_BAD_FIELD_IDX;
		if (n == max)
			return OFPERR_NXTTMFC_TABLE_FULL;
		list[n] = m;
	}
	*ret = n;
	return rd_left(r) || rd_finish(r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void tlv_table_mod_encode(const struct tlv_table_mod *mod, uint8_t version, uint32_t xid,
			  struct strbuf *out)
{
	size_t start = msg_begin(MSG_TLV_TABLE_MOD, version, xid, out);

	wr_be16(out, mod->command);
	strbuf_put_zeros(out, 6);
	put_mappings(mod->list, mod->n, out);
	msg_end(out, start);
}

enum ofperr tlv_table_mod_decode(const struct msg *m, struct tlv_table_mod *mod)
{
	struct reader r = m->body;

	r.parent = NULL;
	mod->command = rd_be16(&r);
	rd_skip(&r, 6);
	if (r.failed)
		return OFPERR_OFPBRC_BAD_LEN;
	if (mod->command > TLV_CLEAR)
		return OFPERR_NXTTMFC_BAD_COMMAND;
	return get_mappings(&r, mod->list, TLV_FIELDS, &mod->n);
}

void tlv_table_reply_encode(const struct tlv_table_reply *reply, const struct msg *request,
			    struct strbuf *out)
{
	size_t start = msg_begin(MSG_TLV_TABLE_REPLY, request->version, request->xid, out);

	wr_be32(out, reply->max_space);
	wr_be16(out, reply->max_fields);
	strbuf_put_zeros(out, 10);
	put_mappings(reply->list, reply->n, out);
	msg_end(out, start);
}

enum ofperr tlv_table_reply_decode(const struct msg *m, struct tlv_table_reply *reply)
{
	struct reader r = m->body;

	r.parent = NULL;
	reply->max_space = rd_be32(&r);
	reply->max_fields = rd_be16(&r);
	rd_skip(&r, 10);
	if (r.failed)
		return OFPERR_OFPBRC_BAD_LEN;
	return get_mappings(&r, reply->list, TLV_FIELDS, &reply->n);
}

// ---- Text ----

static void format_mappings(const struct tlv_mapping *list, size_t n, struct strbuf *out)
{
	strbuf_puts(out, "mapping table:\n"
			 "  class  type  length  match field\n"
			 " ------  ----  ------  --------------");
	for (size_t i = 0; i < n; i++)
		strbuf_printf(out, "\n %#6x  %#4x  %6u  tun_metadata%u", list[i].class,
			      list[i].type, list[i].length, list[i].index);
}

enum ofperr print_tlv_mod(struct print *p, struct msg *m)
{
	static const char *const names[] = { "ADD", "DEL", "CLEAR" };
	struct tlv_table_mod mod;
	enum ofperr e = tlv_table_mod_decode(m, &mod);

	if (e)
		return e;
	strbuf_printf(p->out, "\n %s", names[mod.command]);
	if (mod.command == TLV_CLEAR)
		return OFPERR_NONE;
	strbuf_putc(p->out, ' ');
	format_mappings(mod.list, mod.n, p->out);
	return OFPERR_NONE;
}

enum ofperr print_tlv_reply(struct print *p, struct msg *m)
{
	struct tlv_table_reply reply;
	enum ofperr e = tlv_table_reply_decode(m, &reply);
	unsigned int space = 0;

	if (e)
		return e;
	for (size_t i = 0; i < reply.n; i++)
		space += reply.list[i].length;
	strbuf_printf(p->out,
		      "\n max option space=%u max fields=%u\n allocated option space=%u\n\n ",
		      reply.max_space, reply.max_fields, space);
	format_mappings(reply.list, reply.n, p->out);
	return OFPERR_NONE;
}

// "{class=0x102,type=0x80,len=4}->tun_metadata0", several with commas.
int tlv_mappings_parse(const char *s, struct tlv_table_mod *mod)
{
	while (*s) {
		unsigned int class, type, len, index;
		int n = -1;

		s += strspn(s, ", ");
		if (mod->n == TLV_FIELDS ||
		    sscanf(s, "{class=%i,type=%i,len=%i}->tun_metadata%u%n", (int *)&class,
			   (int *)&type, (int *)&len, &index, &n) != 4 ||
		    n < 0 || class > UINT16_MAX || type > UINT8_MAX || len > UINT8_MAX ||
		    index > UINT16_MAX)
			return -EINVAL;
		mod->list[mod->n++] = (struct tlv_mapping){
			.class = class, .type = type, .length = len, .index = index
		};
		s += n;
		if (*s && *s != ',' && *s != ' ')
			return -EINVAL;
	}
	return mod->n ? 0 : -EINVAL;
}
