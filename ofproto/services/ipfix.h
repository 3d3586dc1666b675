// SPDX-License-Identifier: Apache-2.0
// IPFIX: the packets of a switch that sample actions choose, counted by flow and told to collectors.
//
// Configured and asked on the main thread; packets come on any.
#pragma once

#include "ofproto/openflow/ipfix.h"
#include "ofproto/pipeline/switch.h"

struct ipfix;

// One set of collectors; at most one is the bridge's. Strings are borrowed.
struct ipfix_config {
	uint32_t set; // its id; of no concern with 'bridge'
	bool bridge; // of the bridge itself, which chooses packets and says where they are observed:
	uint32_t sampling, domain, point; // one in so many
	bool input, output; // as they come in, and go out
	char **targets; // "IP:PORT"
	size_t n_targets;
	int64_t active_timeout; // s that a flow stays in the cache; 0: each packet is told at once
	uint32_t max_flows; // in the cache; 0: likewise
	int64_t template_interval; // s
	const char *virtual_obs_id; // at most 254 bytes; NULL: none
	bool tunnels;
};

// Takes the samples of the switch, which has no rule yet. 'wake' is called on any thread, with 'aux', when ipfix_run() has something to
// tell: once until it has been called.
struct ipfix *ipfix_create(struct of_switch *sw, void (*wake)(void *aux), void *aux);
// The switch is gone, or goes with all its megaflows before any thread is quiescent.
void ipfix_destroy(struct ipfix *x);
// These sets and no others; the flows of those that go are told. Targets that cannot be are appended to 'warnings', a line each.
void ipfix_configure(struct ipfix *x, const struct ipfix_config *configs, size_t n,
		     struct strbuf *warnings);
// Tells what has been in the cache for long enough; about once a second, and soon after 'wake'.
void ipfix_run(struct ipfix *x);
// The bridge's own. False: there is none.
bool ipfix_bridge_stats(const struct ipfix *x, struct ipfix_stats *ret);
// Those of sets, in the order of ids. False: there are none.
bool ipfix_for_each(const struct ipfix *x, void (*cb)(const struct ipfix_stats *s, void *aux),
		    void *aux);
