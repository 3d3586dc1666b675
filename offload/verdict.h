// SPDX-License-Identifier: Apache-2.0
// Verdicts: why a megaflow is not in hardware. A refusal is an answer, not an error: it is kept, counted and shown.
#pragma once

#include "core/base/error.h"
#include "core/flow/fields.h"

enum offload_reason {
#define REASON(ID, NAME, TEXT, REMEDY) REASON_##ID,
#include "offload/reasons.def"
#undef REASON
	REASON_MAX
};

struct verdict {
	enum offload_reason reason;
	char culprit
		[48]; // field or action at fault: "pkt_mark", "set(tunnel)"; empty: none in particular
	int driver_errno; // positive, 0: no driver was asked
	char driver_text[128]; // extack or rte_flow_error message, as the driver said it
};

const char *offload_reason_name(enum offload_reason r);
const char *offload_reason_text(enum offload_reason r);
const char *offload_reason_remedy(enum offload_reason r);

// Fill 'v' and return false, so that a compile step can say: return verdict_refuse(v, REASON_..., "vlan_tci");
bool verdict_refuse(struct verdict *v, enum offload_reason reason, const char *culprit);
bool verdict_refuse_by_driver(struct verdict *v, enum offload_reason reason, int driver_errno,
			      const char *text);
static inline bool verdict_accept(struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	return true;
}
// "field-unsupported (pkt_mark)", with the driver's words when there are some.
void verdict_format(const struct verdict *v, struct strbuf *out);
