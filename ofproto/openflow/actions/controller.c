// SPDX-License-Identifier: Apache-2.0
// controller(...): a packet to a controller, with everything that output:CONTROLLER cannot say.
#include <ctype.h>
#include <stdio.h>

#include "ofproto/openflow/act-private.h"
#include "ofproto/openflow/print-private.h"

enum { PROP_MAX_LEN, PROP_ID, PROP_REASON, PROP_USERDATA, PROP_PAUSE, PROP_METER };
#define NX_CONTROLLER 20
#define NX_CONTROLLER2 37

const char *const packet_in_reasons[] = {
	"no_match", "action",	  "invalid_ttl",   "action_set",
	"group",    "packet_out", "implicit_miss", "explicit_miss"
};

struct arguments {
	uint16_t max_len, id;
	uint8_t reason;
	bool pause, as_properties;
	uint32_t meter;
	const uint8_t *userdata;
	size_t n_userdata;
};

static enum ofperr put(const struct arguments *g, struct strbuf *out)
{
	size_t start = out->len;
	struct act *a;

	if (g->reason >= ARRAY_SIZE(packet_in_reasons))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	a = act_put(out, ACT_CONTROLLER);
	a->controller.max_len = g->max_len;
	a->controller.controller_id = g->id;
	a->controller.reason = g->reason;
	a->controller.pause = g->pause;
	a->controller.as_properties = g->as_properties;
	a->controller.meter_id = g->meter;
	a->controller.n_userdata = g->n_userdata;
	if (g->n_userdata)
		act_put_nested_bytes(out, start, g->userdata, g->n_userdata);
	return OFPERR_NONE;
}

static enum ofperr decode_properties(struct reader *r, struct arguments *g)
{
	while (rd_left(r) >= 4) {
		uint16_t type = rd_be16(r), len = rd_be16(r);
		struct reader p;

		if (len < 4)
			return OFPERR_OFPBPC_BAD_LEN;
		p = rd_sub(r, len - 4u);
		if (rd_status(r))
			return OFPERR_OFPBPC_BAD_LEN;
		rd_skip(r, MIN(ROUND_UP(len, 8u) - len, rd_left(r)));
		switch (type) {
		case PROP_MAX_LEN:
			g->max_len = rd_be16(&p);
			break;
		case PROP_ID:
			g->id = rd_be16(&p);
			break;
		case PROP_REASON:
			g->reason = rd_u8(&p);
			break;
		case PROP_USERDATA:
			g->userdata = p.p;
			g->n_userdata = rd_left(&p);
			break;
		case PROP_PAUSE:
			g->pause = true;
			break;
		case PROP_METER:
			g->meter = rd_be32(&p);
			break;
		default:
			return OFPERR_OFPBPC_BAD_TYPE;
		}
		if (p.failed)
			return OFPERR_OFPBPC_BAD_LEN;
	}
	return OFPERR_NONE;
}

enum ofperr controller_decode(struct act_in *in, struct strbuf *out)
{
	struct arguments g = { .max_len = UINT16_MAX, .reason = OFPR_ACTION };

	if (in->number == NX_CONTROLLER2) {
		enum ofperr e = act_get_zeros(in, 6);

		g.as_properties = true;
		if (!e)
			e = decode_properties(&in->body, &g);
		return e ? e : put(&g, out);
	}
	g.max_len = rd_be16(&in->body);
	g.id = rd_be16(&in->body);
	g.reason = rd_u8(&in->body);
	rd_skip(&in->body, 1);
	return rd_finish(&in->body) ? OFPERR_OFPBAC_BAD_LEN : put(&g, out);
}

static void put_property(struct act_out *o, uint16_t type, const void *p, size_t n)
{
	size_t start = o->out->len;

	wr_be16(o->out, type);
	wr_be16(o->out, 4 + n);
	strbuf_put(o->out, p, n);
	wr_pad(o->out, start, 8);
}

// Two bytes, whose padding counts as theirs.
static void put_property16(struct act_out *o, uint16_t type, uint16_t v)
{
	be16 value[2] = { htobe16(v), 0 };

	put_property(o, type, value, sizeof(value));
}

static bool needs_properties(const struct act *a)
{
	return a->controller.n_userdata || a->controller.pause || a->controller.meter_id;
}

void controller_encode(const struct act *a, struct act_out *o)
{
	size_t start;
	be32 meter;

	if (!needs_properties(a) && !a->controller.as_properties) {
		start = act_begin_nx(o, NX_CONTROLLER);
		wr_be16(o->out, a->controller.max_len);
		wr_be16(o->out, a->controller.controller_id);
		wr_u8(o->out, a->controller.reason);
		act_end(o, start);
		return;
	}
	start = act_begin_nx(o, NX_CONTROLLER2);
	strbuf_put_zeros(o->out, 6);
	if (a->controller.max_len != UINT16_MAX)
		put_property16(o, PROP_MAX_LEN, a->controller.max_len);
	if (a->controller.controller_id)
		put_property16(o, PROP_ID, a->controller.controller_id);
	if (a->controller.reason != OFPR_ACTION)
		put_property(o, PROP_REASON, &a->controller.reason, 1);
	if (a->controller.n_userdata)
		put_property(o, PROP_USERDATA, act_nested(a), a->controller.n_userdata);
	if (a->controller.pause)
		put_property(o, PROP_PAUSE, NULL, 0);
	meter = htobe32(a->controller.meter_id);
	if (meter)
		put_property(o, PROP_METER, &meter, 4);
	act_end(o, start);
}

void controller_format(const struct act *a, const struct act_text *t)
{
	const uint8_t *userdata = act_nested(a);

	if (a->controller.reason == OFPR_ACTION && !a->controller.controller_id &&
	    !needs_properties(a)) {
		strbuf_printf(t->out, "CONTROLLER:%u", a->controller.max_len);
		return;
	}
	strbuf_puts(t->out, "controller(");
	if (a->controller.reason != OFPR_ACTION)
		strbuf_printf(t->out, "reason=%s,", packet_in_reasons[a->controller.reason]);
	if (a->controller.max_len != UINT16_MAX)
		strbuf_printf(t->out, "max_len=%u,", a->controller.max_len);
	if (a->controller.controller_id)
		strbuf_printf(t->out, "id=%u,", a->controller.controller_id);
	for (size_t i = 0; i < a->controller.n_userdata; i++)
		strbuf_printf(t->out, "%s%02x", i ? "." : "userdata=", userdata[i]);
	if (a->controller.n_userdata)
		strbuf_putc(t->out, ',');
	if (a->controller.pause)
		strbuf_puts(t->out, "pause,");
	if (a->controller.meter_id)
		strbuf_printf(t->out, "meter_id=%u,", a->controller.meter_id);
	strbuf_chomp(t->out, ',');
	strbuf_putc(t->out, ')');
}

static int parse_userdata(const char *s, struct strbuf *bytes, struct error *err)
{
	while (*s) {
		int byte = hex_byte(s);

		if (byte < 0)
			return error_set(err, -EINVAL,
					 "bad hex digit in `controller' action `userdata'");
		wr_u8(bytes, byte);
		s += 2;
		s += *s == '.';
	}
	return 0;
}

static int parse_reason(const char *s, uint8_t *ret, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(packet_in_reasons); i++)
		if (!strcmp(s, packet_in_reasons[i])) {
			*ret = i;
			return 0;
		}
	return error_set(err, -EINVAL, "unknown reason \"%s\"", s);
}

static int parse_argument(const char *key, const char *value, struct arguments *g,
			  struct strbuf *userdata, struct error *err)
{
	uint64_t n = 0;
	int error = 0;

	if (!strcmp(key, "reason"))
		return parse_reason(value, &g->reason, err);
	if (!strcmp(key, "userdata"))
		return parse_userdata(value, userdata, err);
	if (!strcmp(key, "max_len")) {
		error = act_parse_number(value, UINT16_MAX, "max_len", &n, err);
		g->max_len = n;
	} else if (!strcmp(key, "id")) {
		error = act_parse_number(value, UINT16_MAX, "id", &n, err);
		g->id = n;
	} else if (!strcmp(key, "pause")) {
		g->pause = true;
	} else if (!strcmp(key, "meter_id")) {
		error = act_parse_u32(value, &g->meter, err);
	} else {
		error = error_set(err, -EINVAL, "unknown key \"%s\" parsing controller action",
				  key);
	}
	return error;
}

int controller_parse(char *arg, const struct act_text *t)
{
	struct arguments g = { .max_len = UINT16_MAX, .reason = OFPR_ACTION };
	AUTO(strbuf) userdata = STRBUF_INIT;
	struct act *a;
	char *key, *value;
	uint64_t n;

	if (isdigit((unsigned char)*arg)) {
		if (act_parse_number(arg, UINT16_MAX, "max_len", &n, t->err))
			return -EINVAL;
		g.max_len = n;
	} else {
		while (act_next_word(&arg, &key, &value))
			if (parse_argument(key, value, &g, &userdata, t->err))
				return -EINVAL;
	}
	if (g.reason == OFPR_ACTION && !g.id && !userdata.len && !g.pause && !g.meter) {
		a = act_put(t->out, ACT_OUTPUT);
		a->output.port = OF_PORT(OFPP_CONTROLLER);
		a->output.max_len = g.max_len;
		return 0;
	}
	g.userdata = (const uint8_t *)userdata.s;
	g.n_userdata = userdata.len;
	put(&g, t->out);
	return 0;
}
