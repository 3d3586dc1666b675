// SPDX-License-Identifier: Apache-2.0
// Bundles as text.
#include "ofproto/openflow/bundle.h"
#include "ofproto/openflow/print-private.h"

static const char *const types[] = {
	[BUNDLE_OPEN_REQUEST] = "OPEN_REQUEST",	      [BUNDLE_OPEN_REPLY] = "OPEN_REPLY",
	[BUNDLE_CLOSE_REQUEST] = "CLOSE_REQUEST",     [BUNDLE_CLOSE_REPLY] = "CLOSE_REPLY",
	[BUNDLE_COMMIT_REQUEST] = "COMMIT_REQUEST",   [BUNDLE_COMMIT_REPLY] = "COMMIT_REPLY",
	[BUNDLE_DISCARD_REQUEST] = "DISCARD_REQUEST", [BUNDLE_DISCARD_REPLY] = "DISCARD_REPLY",
};

static void put_flags(uint16_t flags, struct strbuf *out)
{
	unsigned int others = flags & ~(BUNDLE_ATOMIC | BUNDLE_ORDERED);

	strbuf_puts(out, " flags=");
	if (!flags)
		strbuf_puts(out, "0 ");
	if (flags & BUNDLE_ATOMIC)
		strbuf_puts(out, "atomic ");
	if (flags & BUNDLE_ORDERED)
		strbuf_puts(out, "ordered ");
	if (others)
		strbuf_printf(out, "%#x ", others);
	strbuf_truncate(out, out->len - 1);
	strbuf_putc(out, '\n');
}

enum ofperr print_bundle_control(struct print *p, struct msg *m)
{
	struct bundle_control c;
	enum ofperr e = bundle_control_decode(m, &c);

	if (e)
		return e;
	strbuf_printf(p->out, "\n bundle_id=%#x type=%s", c.id,
		      c.type < ARRAY_SIZE(types) ? types[c.type] : "");
	put_flags(c.flags, p->out);
	return OFPERR_NONE;
}

enum ofperr print_bundle_add(struct print *p, struct msg *m)
{
	struct bundle_add a;
	enum ofperr e = bundle_add_decode(m, &a);

	if (e)
		return e;
	strbuf_printf(p->out, "\n bundle_id=%#x", a.id);
	put_flags(a.flags, p->out);
	msg_print(a.msg.whole, a.msg.size, p->ports, p->verbosity, p->out);
	return OFPERR_NONE;
}
