// SPDX-License-Identifier: Apache-2.0
// Messages about meters as text.
#include "ofproto/openflow/print-private.h"

enum ofperr print_meter_mod(struct print *p, struct msg *m)
{
	static const char *const commands[] = {
		[METER_ADD] = "ADD", [METER_MODIFY] = "MOD", [METER_DELETE] = "DEL"
	};
	struct meter_mod mm;
	enum ofperr e = meter_mod_decode(m, &mm);

	if (e)
		return e;
	strbuf_printf(p->out, " %s ", commands[mm.command]);
	meter_config_format(mm.id, &mm.config, p->out);
	return OFPERR_NONE;
}

enum ofperr print_meter_request(struct print *p, struct msg *m)
{
	uint32_t id;
	enum ofperr e = meter_request_decode(m, &id);

	if (e)
		return e;
	strbuf_puts(p->out, " meter=");
	meter_id_format(id, p->out);
	return OFPERR_NONE;
}

enum ofperr print_meter_config(struct print *p, struct msg *m)
{
	struct meter_config c;
	uint32_t id;
	int got;

	while ((got = meter_config_decode_next(m, &id, &c)) > 0) {
		strbuf_putc(p->out, '\n');
		meter_config_format(id, &c, p->out);
	}
	return got ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_meter_stats(struct print *p, struct msg *m)
{
	struct meter_stats s;
	uint32_t id;
	int got;

	while ((got = meter_stats_decode_next(m, &id, &s)) > 0) {
		strbuf_putc(p->out, '\n');
		meter_stats_format(id, &s, p->out);
	}
	return got ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_meter_features(struct print *p, struct msg *m)
{
	struct meter_features f;
	enum ofperr e = meter_features_decode(m, &f);

	if (e)
		return e;
	strbuf_putc(p->out, '\n');
	meter_features_format(&f, p->out);
	return OFPERR_NONE;
}
