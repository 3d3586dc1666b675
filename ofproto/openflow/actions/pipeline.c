// SPDX-License-Identifier: Apache-2.0
// How a packet goes on: tables, action set, metadata, clone, and what only annotates.
#include <ctype.h>
#include <stdio.h>

#include "ofproto/openflow/act-private.h"

// ---- resubmit ----

enum { NX_RESUBMIT = 1, NX_RESUBMIT_TABLE = 14, NX_RESUBMIT_CT = 44, CURRENT_TABLE = 255 };

enum ofperr resubmit_decode(struct act_in *in, struct strbuf *out)
{
	of_port_t port = port_from_10(rd_be16(&in->body));
	uint8_t table = rd_u8(&in->body);
	struct act *a;

	if (in->number != NX_RESUBMIT && act_get_zeros(in, 3))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	a = act_put(out, ACT_RESUBMIT);
	a->resubmit.in_port = port;
	a->resubmit.table = in->number == NX_RESUBMIT ? CURRENT_TABLE : table;
	a->resubmit.ct = in->number == NX_RESUBMIT_CT;
	return OFPERR_NONE;
}

static void put_resubmit(struct act_out *o, uint16_t kind, of_port_t port, uint8_t table)
{
	size_t start = act_begin_nx(o, kind);

	wr_be16(o->out, port_to_10(port));
	wr_u8(o->out, table);
	act_end(o, start);
}

void resubmit_encode(const struct act *a, struct act_out *o)
{
	uint8_t table = a->resubmit.table;

	if (a->resubmit.ct)
		put_resubmit(o, NX_RESUBMIT_CT, a->resubmit.in_port, table);
	else if (table == CURRENT_TABLE)
		put_resubmit(o, NX_RESUBMIT, a->resubmit.in_port, 0);
	else
		put_resubmit(o, NX_RESUBMIT_TABLE, a->resubmit.in_port, table);
}

void resubmit_format(const struct act *a, const struct act_text *t)
{
	bool port = a->resubmit.in_port.n != OFPP_IN_PORT;

	if (port && a->resubmit.table == CURRENT_TABLE && !a->resubmit.ct) {
		strbuf_puts(t->out, "resubmit:");
		of_port_format(a->resubmit.in_port, t->ports, t->out);
		return;
	}
	strbuf_puts(t->out, "resubmit(");
	if (port)
		of_port_format(a->resubmit.in_port, t->ports, t->out);
	strbuf_putc(t->out, ',');
	if (a->resubmit.table != CURRENT_TABLE)
		of_table_format(a->resubmit.table, t->ports, t->out);
	strbuf_puts(t->out, a->resubmit.ct ? ",ct)" : ")");
}

int resubmit_parse(char *arg, const struct act_text *t)
{
	of_port_t port = OF_PORT(OFPP_IN_PORT);
	char *table = strchr(arg, ','), *extra;
	uint8_t number = CURRENT_TABLE;
	struct act *a;

	if (table)
		*table++ = '\0';
	if (*arg && !of_port_parse(arg, t->ports, &port))
		return error_set(t->err, -EINVAL, "%s: resubmit to unknown port", arg);
	extra = table ? strchr(table, ',') : NULL;
	if (extra) {
		*extra++ = '\0';
		if (strcmp(extra, "ct"))
			return error_set(t->err, -EINVAL, "%s: unknown parameter", extra);
	}
	if (table && *table && !of_table_parse(table, t->ports, &number))
		return error_set(t->err, -EINVAL, "%s: resubmit to unknown table", table);
	if (number == CURRENT_TABLE && port.n == OFPP_IN_PORT)
		return error_set(t->err, -EINVAL,
				 "at least one \"in_port\" or \"table\" must be "
				 "specified on resubmit");
	a = act_put(t->out, ACT_RESUBMIT);
	a->resubmit.in_port = port;
	a->resubmit.table = number;
	a->resubmit.ct = extra != NULL;
	return 0;
}

// ---- exit ----

enum ofperr exit_action_decode(struct act_in *in, struct strbuf *out)
{
	act_put(out, ACT_EXIT);
	return OFPERR_NONE;
}

void exit_action_encode(const struct act *a, struct act_out *o)
{
	act_end(o, act_begin_nx(o, 17));
}

void exit_action_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "exit");
}

int exit_parse(char *arg, const struct act_text *t)
{
	act_put(t->out, ACT_EXIT);
	return 0;
}

// ---- clone ----

enum ofperr clone_decode(struct act_in *in, struct strbuf *out)
{
	size_t begin = act_nested_begin(out, ACT_CLONE);
	enum ofperr e;

	rd_skip(&in->body, 6);
	e = act_decode_list(&in->body, in->version, out);
	if (!e)
		act_nested_end(out, begin);
	return e;
}

void clone_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, 42);
	bool has_vlan = o->has_vlan;

	strbuf_put_zeros(o->out, 6);
	act_encode_list(act_nested_list(a), o);
	o->has_vlan = has_vlan;
	act_end(o, start);
}

void clone_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "clone(");
	act_format_list(act_nested_list(a), t);
	strbuf_putc(t->out, ')');
}

static int parse_nested(char *arg, enum act_type type, const struct act_text *t)
{
	size_t begin = act_nested_begin(t->out, type);
	struct act_text inner = *t;
	int error;

	inner.depth++;
	if (inner.depth > ACT_MAX_DEPTH)
		return error_set(t->err, -EINVAL, "actions are nested too deeply");
	error = act_parse_list(arg, &inner);
	if (!error)
		act_nested_end(t->out, begin);
	return error;
}

int clone_parse(char *arg, const struct act_text *t)
{
	return parse_nested(arg, ACT_CLONE, t);
}

// ---- note ----

enum ofperr note_decode(struct act_in *in, struct strbuf *out)
{
	size_t start = out->len, n = rd_left(&in->body);

	act_put(out, ACT_NOTE)->note.n = n;
	act_put_nested_bytes(out, start, in->body.p, n);
	return OFPERR_NONE;
}

void note_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, 8);

	strbuf_put(o->out, act_nested(a), a->note.n);
	act_end(o, start);
}

void note_format(const struct act *a, const struct act_text *t)
{
	const uint8_t *b = act_nested(a);

	strbuf_puts(t->out, "note:");
	for (size_t i = 0; i < a->note.n; i++)
		strbuf_printf(t->out, "%s%02x", i ? "." : "", b[i]);
}

int note_parse(char *arg, const struct act_text *t)
{
	AUTO(strbuf) bytes = STRBUF_INIT;
	size_t start = t->out->len;

	while (*arg) {
		int byte;

		arg += *arg == '.';
		byte = hex_byte(arg);
		if (byte < 0)
			return error_set(t->err, -EINVAL, "bad hex digit in `note' argument");
		wr_u8(&bytes, byte);
		arg += 2;
	}
	// As long as it will be on the wire.
	wr_pad(&bytes, 0, 2);
	while (bytes.len % 8 != 6)
		wr_u8(&bytes, 0);
	act_put(t->out, ACT_NOTE)->note.n = bytes.len;
	act_put_nested_bytes(t->out, start, bytes.s, bytes.len);
	return 0;
}

// ---- Instructions ----

// Numbers of instructions.
enum { INST_GOTO = 1, INST_METADATA = 2, INST_WRITE = 3, INST_CLEAR = 5 };

enum ofperr clear_actions_decode(struct act_in *in, struct strbuf *out)
{
	act_put(out, ACT_CLEAR_ACTIONS);
	return OFPERR_NONE;
}

// OpenFlow 1.0 has no action set.
void clear_actions_encode(const struct act *a, struct act_out *o)
{
	if (o->instruction)
		act_end(o, act_begin_of(o, INST_CLEAR));
}

int clear_actions_parse(char *arg, const struct act_text *t)
{
	act_put(t->out, ACT_CLEAR_ACTIONS);
	return 0;
}

void clear_actions_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "clear_actions");
}

enum ofperr write_actions_decode(struct act_in *in, struct strbuf *out)
{
	size_t begin = act_nested_begin(out, ACT_WRITE_ACTIONS);
	enum ofperr e;

	rd_skip(&in->body, 4);
	e = act_decode_list(&in->body, in->version, out);
	if (!e)
		act_nested_end(out, begin);
	return e;
}

void write_actions_encode(const struct act *a, struct act_out *o)
{
	size_t start;

	if (!o->instruction)
		return;
	o->instruction = false;
	start = act_begin_of(o, INST_WRITE);
	wr_be32(o->out, 0);
	act_encode_list(act_nested_list(a), o);
	act_end(o, start);
}

int write_actions_parse(char *arg, const struct act_text *t)
{
	return parse_nested(arg, ACT_WRITE_ACTIONS, t);
}

void write_actions_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "write_actions(");
	act_format_list(act_nested_list(a), t);
	strbuf_putc(t->out, ')');
}

enum ofperr write_metadata_decode(struct act_in *in, struct strbuf *out)
{
	be64 value, mask;
	struct act *a;

	rd_skip(&in->body, in->kind == RAW_INST ? 4 : 6);
	rd_copy(&in->body, &value, 8);
	rd_copy(&in->body, &mask, 8);
	a = act_put(out, ACT_WRITE_METADATA);
	a->write_metadata.metadata = value & mask;
	a->write_metadata.mask = mask;
	return OFPERR_NONE;
}

void write_metadata_encode(const struct act *a, struct act_out *o)
{
	size_t start = o->instruction ? act_begin_of(o, INST_METADATA) : act_begin_nx(o, 22);

	strbuf_put_zeros(o->out, o->instruction ? 4 : 6);
	strbuf_put(o->out, &a->write_metadata.metadata, 8);
	strbuf_put(o->out, &a->write_metadata.mask, 8);
	act_end(o, start);
}

void write_metadata_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "write_metadata:%#llx",
		      (unsigned long long)be64toh(a->write_metadata.metadata));
	if (a->write_metadata.mask != UINT64_MAX)
		strbuf_printf(t->out, "/%#llx",
			      (unsigned long long)be64toh(a->write_metadata.mask));
}

int write_metadata_parse(char *arg, const struct act_text *t)
{
	char *mask = strchr(arg, '/');
	uint64_t v, m = UINT64_MAX;
	struct act *a;

	if (mask)
		*mask++ = '\0';
	if (act_parse_number(arg, UINT64_MAX, "metadata", &v, t->err) ||
	    (mask && act_parse_number(mask, UINT64_MAX, "metadata mask", &m, t->err)))
		return -EINVAL;
	a = act_put(t->out, ACT_WRITE_METADATA);
	a->write_metadata.metadata = htobe64(v & m);
	a->write_metadata.mask = htobe64(m);
	return 0;
}

enum ofperr goto_table_decode(struct act_in *in, struct strbuf *out)
{
	act_put(out, ACT_GOTO_TABLE)->goto_table.table = rd_u8(&in->body);
	return OFPERR_NONE;
}

// 1.0 has no such instruction; resubmit does the same.
void goto_table_encode(const struct act *a, struct act_out *o)
{
	size_t start;

	if (!o->instruction) {
		put_resubmit(o, NX_RESUBMIT_TABLE, OF_PORT(OFPP_IN_PORT), a->goto_table.table);
		return;
	}
	start = act_begin_of(o, INST_GOTO);
	wr_u8(o->out, a->goto_table.table);
	act_end(o, start);
}

void goto_table_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "goto_table:");
	of_table_format(a->goto_table.table, t->ports, t->out);
}

int goto_table_parse(char *arg, const struct act_text *t)
{
	uint8_t n;

	if (!of_table_parse(arg, t->ports, &n) || n > 254)
		return error_set(t->err, -EINVAL, "unknown table \"%s\"", arg);
	act_put(t->out, ACT_GOTO_TABLE)->goto_table.table = n;
	return 0;
}
