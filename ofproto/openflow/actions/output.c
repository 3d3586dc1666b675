// SPDX-License-Identifier: Apache-2.0
// Where packets go: ports, ports in registers, queues, controllers.
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "core/flow/fields.h"
#include "ofproto/openflow/act-private.h"

#define ALL_BYTES UINT16_MAX
enum { NX_OUTPUT_REG = 15, NX_OUTPUT_REG2 = 32 };

// ---- output ----

static enum ofperr check_out_port(of_port_t p)
{
	return p.n == OFPP_ANY || p.n == OFPP_UNSET ? OFPERR_OFPBAC_BAD_OUT_PORT : OFPERR_NONE;
}

enum ofperr output_decode(struct act_in *in, struct strbuf *out)
{
	struct act *a;
	of_port_t port;
	uint16_t max_len;
	enum ofperr e = rd_port(&in->body, in->version, &port);

	if (e)
		return e;
	max_len = rd_be16(&in->body);
	if (in->version > OFP10)
		rd_skip(&in->body, 6);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	e = check_out_port(port);
	if (e)
		return e;
	a = act_put(out, ACT_OUTPUT);
	a->output.port = port;
	// It means something for the controller only, but who reads the rule back gets what was said.
	a->output.max_len = max_len;
	return OFPERR_NONE;
}

static void put_output(struct act_out *o, of_port_t port, uint16_t max_len)
{
	size_t start = act_begin_of(o, 0);

	if (o->version == OFP10)
		wr_be16(o->out, port_to_10(port));
	else
		wr_be32(o->out, port.n);
	wr_be16(o->out, max_len);
	act_end(o, start);
}

void output_encode(const struct act *a, struct act_out *o)
{
	put_output(o, a->output.port, a->output.max_len);
}

void output_format(const struct act *a, const struct act_text *t)
{
	if (a->output.port.n == OFPP_CONTROLLER) {
		strbuf_printf(t->out, "CONTROLLER:%u", a->output.max_len);
		return;
	}
	if (!of_port_reserved_name(a->output.port))
		strbuf_puts(t->out, "output:");
	of_port_format(a->output.port, t->ports, t->out);
}

static int put_port(of_port_t port, uint16_t max_len, const struct act_text *t)
{
	struct act *a = act_put(t->out, ACT_OUTPUT);

	a->output.port = port;
	a->output.max_len = port.n == OFPP_CONTROLLER ? max_len : 0;
	return 0;
}

// A word that is a port: "1", "LOCAL", "eth0". -ENOENT when it is none. acts_check() knows the ports that nothing goes to.
int output_port_word(const char *word, const struct act_text *t)
{
	of_port_t port;

	if (!of_port_parse(word, t->ports, &port))
		return -ENOENT;
	return put_port(port, ALL_BYTES, t);
}

static int parse_trunc(char *arg, const struct act_text *t)
{
	of_port_t port = OF_PORT(OFPP_ANY);
	uint64_t max_len = 0;
	char *key, *value;
	struct act *a;

	while (act_next_word(&arg, &key, &value)) {
		if (!strcmp(key, "port")) {
			if (!of_port_parse(value, t->ports, &port))
				return error_set(t->err, -EINVAL,
						 "%s: output to unknown truncate port", value);
		} else if (!strcmp(key, "max_len")) {
			if (act_parse_number(value, UINT32_MAX, "max_len", &max_len, t->err))
				return -EINVAL;
		} else {
			return error_set(t->err, -EINVAL,
					 "invalid key '%s' in output_trunc argument", key);
		}
	}
	if (max_len < 14)
		return error_set(t->err, -EINVAL, "max_len %llu is less than the minimum value 14",
				 (unsigned long long)max_len);
	if (check_out_port(port))
		return error_set(t->err, -EINVAL, "output_trunc needs a port");
	a = act_put(t->out, ACT_OUTPUT_TRUNC);
	a->output_trunc.port = port;
	a->output_trunc.max_len = max_len;
	return 0;
}

int output_parse(char *arg, const struct act_text *t)
{
	const char *s = arg;
	struct subfield sf;
	of_port_t port;
	struct act *a;

	if (strstr(arg, "port="))
		return parse_trunc(arg, t);
	if (of_port_parse(arg, t->ports, &port)) {
		if (check_out_port(port))
			return error_set(t->err, -EINVAL, "%s: output to unknown port", arg);
		return put_port(port, ALL_BYTES, t);
	}
	if (subfield_parse(&s, &sf, NULL) || *s)
		return error_set(t->err, -EINVAL, "%s: output to unknown port", arg);
	if (!sf.field->oxm[0].name)
		return act_not_openflow(sf.field, t->err);
	if (act_check_width(&sf, arg, "output", t->err))
		return -EINVAL;
	a = act_put(t->out, ACT_OUTPUT_REG);
	a->output_reg.src = sf;
	a->output_reg.max_len = ALL_BYTES;
	return 0;
}

// ---- output(port,max_len) ----

enum ofperr output_trunc_decode(struct act_in *in, struct strbuf *out)
{
	of_port_t port = port_from_10(rd_be16(&in->body));
	uint32_t max_len = rd_be32(&in->body);
	struct act *a;

	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (max_len < 14)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (check_out_port(port))
		return OFPERR_OFPBAC_BAD_OUT_PORT;
	a = act_put(out, ACT_OUTPUT_TRUNC);
	a->output_trunc.port = port;
	a->output_trunc.max_len = max_len;
	return OFPERR_NONE;
}

void output_trunc_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, 39);

	wr_be16(o->out, port_to_10(a->output_trunc.port));
	wr_be32(o->out, a->output_trunc.max_len);
	act_end(o, start);
}

void output_trunc_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "output(port=");
	of_port_format(a->output_trunc.port, t->ports, t->out);
	strbuf_printf(t->out, ",max_len=%u)", a->output_trunc.max_len);
}

// ---- output:FIELD ----

enum ofperr output_reg_decode(struct act_in *in, struct strbuf *out)
{
	struct subfield src = act_range_of(rd_be16(&in->body));
	uint16_t max_len = 0;
	struct act *a;
	enum ofperr e;

	if (in->number == NX_OUTPUT_REG2)
		max_len = rd_be16(&in->body);
	e = in->number == NX_OUTPUT_REG2 ? act_get_field(in, &src.field)
					 : act_get_short_field(in, &src.field);
	if (in->number == NX_OUTPUT_REG)
		max_len = rd_be16(&in->body);
	if (!e)
		e = act_check_bits(&src);
	if (!e && !is_all_zeros(in->body.p, rd_left(&in->body)))
		e = OFPERR_OFPBAC_BAD_ARGUMENT;
	if (e)
		return e;
	a = act_put(out, ACT_OUTPUT_REG);
	a->output_reg.src = src;
	a->output_reg.max_len = max_len;
	a->output_reg.long_form = in->number == NX_OUTPUT_REG2;
	return OFPERR_NONE;
}

void output_reg_encode(const struct act *a, struct act_out *o)
{
	const struct subfield *sf = &a->output_reg.src;
	bool wide = a->output_reg.long_form || act_header_size(sf->field) > 4;
	size_t start = act_begin_nx(o, wide ? NX_OUTPUT_REG2 : NX_OUTPUT_REG);

	wr_be16(o->out, act_range(sf));
	if (wide)
		wr_be16(o->out, a->output_reg.max_len);
	field_put_oxm_header(sf->field, wide ? o->version : OFP10, o->out);
	if (!wide) {
		wr_be16(o->out, a->output_reg.max_len);
		strbuf_put_zeros(o->out, 6);
	}
	act_end(o, start);
}

void output_reg_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "output:");
	subfield_format(&a->output_reg.src, t->out);
}

// ---- enqueue ----

enum ofperr enqueue_decode(struct act_in *in, struct strbuf *out)
{
	of_port_t port = port_from_10(rd_be16(&in->body));
	struct act *a;
	uint32_t queue;

	rd_skip(&in->body, 6);
	queue = rd_be32(&in->body);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (port.n >= OFPP_MAX && port.n != OFPP_IN_PORT && port.n != OFPP_LOCAL)
		return OFPERR_OFPBAC_BAD_OUT_PORT;
	a = act_put(out, ACT_ENQUEUE);
	a->enqueue.port = port;
	a->enqueue.queue = queue;
	return OFPERR_NONE;
}

static void put_set_queue(struct act_out *o, uint32_t queue)
{
	size_t start;

	if (o->version == OFP10) {
		start = act_begin_nx(o, 4);
		wr_be16(o->out, 0);
	} else {
		start = act_begin_of(o, 21);
	}
	wr_be32(o->out, queue);
	act_end(o, start);
}

void enqueue_encode(const struct act *a, struct act_out *o)
{
	size_t start;

	// 1.1 split it up.
	if (o->version > OFP10) {
		put_set_queue(o, a->enqueue.queue);
		put_output(o, a->enqueue.port, 0);
		pop_queue_encode(a, o);
		return;
	}
	start = act_begin_of(o, 11);
	wr_be16(o->out, port_to_10(a->enqueue.port));
	strbuf_put_zeros(o->out, 6);
	wr_be32(o->out, a->enqueue.queue);
	act_end(o, start);
}

void enqueue_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "enqueue:");
	of_port_format(a->enqueue.port, t->ports, t->out);
	strbuf_printf(t->out, ":%u", a->enqueue.queue);
}

int enqueue_parse(char *arg, const struct act_text *t)
{
	char *queue = strpbrk(arg, ":,");
	of_port_t port;
	struct act *a;
	uint64_t n;

	if (!queue)
		return error_set(t->err, -EINVAL,
				 "\"enqueue\" syntax is \"enqueue:PORT:QUEUE\" or "
				 "\"enqueue(PORT,QUEUE)\"");
	*queue++ = '\0';
	if (!of_port_parse(arg, t->ports, &port))
		return error_set(t->err, -EINVAL, "%s: enqueue to unknown port", arg);
	if (act_parse_number(queue, UINT32_MAX, "queue", &n, t->err))
		return -EINVAL;
	a = act_put(t->out, ACT_ENQUEUE);
	a->enqueue.port = port;
	a->enqueue.queue = n;
	return 0;
}

// ---- set_queue, pop_queue ----

enum ofperr set_queue_decode(struct act_in *in, struct strbuf *out)
{
	uint32_t queue;

	if (in->kind == RAW_NX)
		rd_skip(&in->body, 2);
	queue = rd_be32(&in->body);
	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	act_put(out, ACT_SET_QUEUE)->queue.id = queue;
	return OFPERR_NONE;
}

void set_queue_encode(const struct act *a, struct act_out *o)
{
	put_set_queue(o, a->queue.id);
}

void set_queue_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "set_queue:%u", a->queue.id);
}

int set_queue_parse(char *arg, const struct act_text *t)
{
	uint32_t n;

	if (act_parse_u32(arg, &n, t->err))
		return -EINVAL;
	act_put(t->out, ACT_SET_QUEUE)->queue.id = n;
	return 0;
}

enum ofperr pop_queue_decode(struct act_in *in, struct strbuf *out)
{
	act_put(out, ACT_POP_QUEUE);
	return OFPERR_NONE;
}

void pop_queue_encode(const struct act *a, struct act_out *o)
{
	act_end(o, act_begin_nx(o, 5));
}

void pop_queue_format(const struct act *a, const struct act_text *t)
{
	strbuf_puts(t->out, "pop_queue");
}

int pop_queue_parse(char *arg, const struct act_text *t)
{
	act_put(t->out, ACT_POP_QUEUE);
	return 0;
}

// ---- group ----

enum { NX_GROUP = 40, OF_GROUP = 22 };

enum ofperr group_decode(struct act_in *in, struct strbuf *out)
{
	if (in->kind == RAW_NX)
		rd_skip(&in->body, 2);
	act_put(out, ACT_GROUP)->group.id = rd_be32(&in->body);
	return OFPERR_NONE;
}

void group_encode(const struct act *a, struct act_out *o)
{
	size_t start;

	if (o->version == OFP10) {
		start = act_begin_nx(o, NX_GROUP);
		wr_be16(o->out, 0);
	} else {
		start = act_begin_of(o, OF_GROUP);
	}
	wr_be32(o->out, a->group.id);
	act_end(o, start);
}

void group_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "group:%u", a->group.id);
}

int group_parse(char *arg, const struct act_text *t)
{
	uint32_t id;

	if (act_parse_u32(arg, &id, t->err))
		return -EINVAL;
	act_put(t->out, ACT_GROUP)->group.id = id;
	return 0;
}
