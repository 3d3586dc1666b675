// SPDX-License-Identifier: Apache-2.0
#include "offload/verdict.h"

#include <stdio.h>

static const struct {
	const char *name, *text, *remedy;
} rows[REASON_MAX] = {
#define REASON(ID, NAME, TEXT, REMEDY) [REASON_##ID] = { NAME, TEXT, REMEDY },
#include "offload/reasons.def"
#undef REASON
};

const char *offload_reason_name(enum offload_reason r)
{
	return rows[r].name;
}

const char *offload_reason_text(enum offload_reason r)
{
	return rows[r].text;
}

const char *offload_reason_remedy(enum offload_reason r)
{
	return rows[r].remedy;
}

bool verdict_refuse(struct verdict *v, enum offload_reason reason, const char *culprit)
{
	memset(v, 0, sizeof(*v));
	v->reason = reason;
	snprintf(v->culprit, sizeof(v->culprit), "%s", culprit ? culprit : "");
	return false;
}

bool verdict_refuse_by_driver(struct verdict *v, enum offload_reason reason, int driver_errno,
			      const char *text)
{
	verdict_refuse(v, reason, NULL);
	v->driver_errno = abs(driver_errno);
	snprintf(v->driver_text, sizeof(v->driver_text), "%s",
		 text ? text : strerror(v->driver_errno));
	return false;
}

void verdict_format(const struct verdict *v, struct strbuf *out)
{
	strbuf_puts(out, offload_reason_name(v->reason));
	if (v->culprit[0])
		strbuf_printf(out, " (%s)", v->culprit);
	if (v->driver_text[0])
		strbuf_printf(out, ": %s", v->driver_text);
	if (v->driver_errno)
		strbuf_printf(out, " (errno %d)", v->driver_errno);
}
