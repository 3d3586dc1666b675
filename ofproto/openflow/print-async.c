// SPDX-License-Identifier: Apache-2.0
// Asynchronous configuration as text.
#include "ofproto/openflow/async.h"
#include "ofproto/openflow/print-private.h"

static void put_masks(const uint32_t masks[ASYNC_N], struct strbuf *out)
{
	for (enum async_kind kind = 0; kind < ASYNC_N; kind++) {
		strbuf_printf(out, "%16s:", async_kind_name(kind));
		if (!masks[kind])
			strbuf_puts(out, " (off)");
		for (unsigned int reason = 0; reason < 32; reason++)
			if (masks[kind] >> reason & 1)
				strbuf_printf(out, " %s", async_reason_name(kind, reason));
		strbuf_putc(out, '\n');
	}
}

enum ofperr print_async(struct print *p, struct msg *m)
{
	struct async_masks a = { 0 };
	enum ofperr e = async_decode(m, &a);

	if (e)
		return e;
	strbuf_puts(p->out, "\n primary:\n");
	put_masks(a.primary, p->out);
	strbuf_puts(p->out, "\n secondary:\n");
	put_masks(a.secondary, p->out);
	return OFPERR_NONE;
}
