// SPDX-License-Identifier: Apache-2.0
// One line of dump-flows, for those who sort and filter the flows themselves.
#pragma once

#include "ofproto/openflow/msg.h"

// Without a newline. Without 'show_stats' counters and ages are left out, and a cookie and table of 0.
void flow_stats_format(const struct flow_stats *fs, const struct port_names *ports, bool show_stats,
		       struct strbuf *out);
