// SPDX-License-Identifier: Apache-2.0
// How tables are configured, as text.
#include "ofproto/openflow/print-private.h"

const char *const table_miss_names[] = { "controller", "continue", "drop" };

enum ofperr print_table_mod(struct print *p, struct msg *m)
{
	struct table_mod tm;
	const struct table_desc *d = &tm.desc;
	enum ofperr e = table_mod_decode(m, &tm);

	if (e)
		return e;
	if (d->table == 255)
		strbuf_puts(p->out, " table_id: ALL_TABLES");
	else
		strbuf_printf(p->out, " table_id=%u", d->table);
	if (m->version < OFP13)
		strbuf_printf(p->out, ", flow_miss_config=%s", table_miss_names[tm.miss]);
	if (m->version < OFP14)
		return OFPERR_NONE;
	strbuf_printf(p->out, ", eviction=%s, vacancy=%s", d->eviction ? "on" : "off",
		      d->vacancy ? "on" : "off");
	if (d->vacancy)
		strbuf_printf(p->out, " vacancy:%u,%u", d->vacancy_down, d->vacancy_up);
	return OFPERR_NONE;
}

static void put_eviction_flags(uint32_t bits, struct strbuf *out)
{
	static const char *const flags[] = { "OTHER", "IMPORTANCE", "LIFETIME" };
	const char *separator = "";
	uint32_t rest = bits & ~7u;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (bits >> i & 1) {
			strbuf_printf(out, "%s%s", separator, flags[i]);
			separator = "|";
		}
	if (rest)
		strbuf_printf(out, "%s0x%x", separator, rest);
}

static void put_desc(const struct table_desc *d, struct strbuf *out)
{
	strbuf_printf(out, "\n  table %u:\n   eviction=%s eviction_flags=", d->table,
		      d->eviction ? "on" : "off");
	if (d->eviction_flags == EVICTION_DEFAULT) {
		strbuf_puts(out, "(default)");
	} else if (!d->eviction_flags) {
		strbuf_putc(out, '0');
	} else {
		put_eviction_flags(d->eviction_flags, out);
	}
	strbuf_printf(out, "\n   vacancy=%s", d->vacancy ? "on" : "off");
	if (d->vacancy)
		strbuf_printf(out, " vacancy_down=%u%% vacancy_up=%u%% vacancy=%u%%",
			      d->vacancy_down, d->vacancy_up, d->vacancy_now);
	strbuf_putc(out, '\n');
}

enum ofperr print_table_descs(struct print *p, struct msg *m)
{
	struct table_desc d;
	enum ofperr e;
	bool more;

	while (!(e = table_desc_decode_next(m, &d, &more)) && more)
		put_desc(&d, p->out);
	return e;
}

enum ofperr print_table_status(struct print *p, struct msg *m)
{
	struct table_desc d;
	uint8_t reason;
	enum ofperr e = table_status_decode(m, &reason, &d);

	if (e)
		return e;
	strbuf_printf(p->out, " reason=%s\ntable_desc:-",
		      reason == TABLE_VACANCY_DOWN ? "VACANCY_DOWN" : "VACANCY_UP");
	put_desc(&d, p->out);
	return OFPERR_NONE;
}
