// SPDX-License-Identifier: Apache-2.0
// meter: what comes behind is for packets within the meter's rate. An instruction in OpenFlow 1.3 and 1.4, an action in 1.5.
#include "ofproto/openflow/act-private.h"

enum { OF_METER = 29, INST_METER = 6 };

enum ofperr meter_decode(struct act_in *in, struct strbuf *out)
{
	uint32_t id = rd_be32(&in->body);

	if (rd_finish(&in->body))
		return OFPERR_OFPBAC_BAD_LEN;
	if (!id || id > METER_ID_MAX)
		return OFPERR_OFPMMFC_INVALID_METER;
	act_put(out, ACT_METER)->meter.id = id;
	return OFPERR_NONE;
}

void meter_encode(const struct act *a, struct act_out *o)
{
	size_t start;

	// Versions before have no such action.
	if (!o->instruction && o->version < OFP15)
		return;
	start = act_begin_of(o, o->instruction ? INST_METER : OF_METER);
	wr_be32(o->out, a->meter.id);
	act_end(o, start);
}

void meter_format(const struct act *a, const struct act_text *t)
{
	strbuf_printf(t->out, "meter:%u", a->meter.id);
}

int meter_action_parse(char *arg, const struct act_text *t)
{
	uint32_t id;

	if (!parse_u32(arg, 0, &id))
		return error_set(t->err, -EINVAL, "invalid numeric format %s", arg);
	act_put(t->out, ACT_METER)->meter.id = id;
	return 0;
}
