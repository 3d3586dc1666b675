// SPDX-License-Identifier: Apache-2.0
// What dpctl/* and ovs-dpctl print of a datapath, and what they read: one formatter and one parser for both.
//
// Nothing here knows where the figures come from. Text is appended to 'out'; parsers give 0, or -EINVAL with 'err' filled.
#pragma once

#include "core/base/strmap.h"
#include "core/base/uuid.h"
#include "core/flow/megaflow.h"

typedef const char *dpctl_port_name_fn(dp_port_t port, void *aux);
typedef bool dpctl_port_by_name_fn(const char *name, dp_port_t *ret, void *aux);

// ---- Datapaths and ports ----

struct dpctl_stats {
	uint64_t hit, missed, lost, flows;
	bool has_masks; // the three below are told
	uint64_t mask_hit, masks, cache_hit;
};

void dpctl_put_stats(const struct dpctl_stats *s, struct strbuf *out);

// The lines below "caches:", nothing where the datapath has none.
void dpctl_put_masks_cache(bool has, uint32_t size, struct strbuf *out);
// " (vxlan: packet_type=ptap)". 'config' may be NULL.
void dpctl_put_port_type(const char *type, const struct smap *config, struct strbuf *out);
// "  port 2: vxlan_sys_4789 (vxlan: packet_type=ptap)". 'config' may be NULL.
void dpctl_put_port(dp_port_t port, const char *name, const char *type, const struct smap *config,
		    struct strbuf *out);

// UINT64_MAX: not known, printed as "?".
struct dpctl_port_stats {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped,
		tx_dropped, rx_overruns, rx_frame, tx_aborted, tx_carrier, collisions;
};

void dpctl_put_port_stats(const struct dpctl_port_stats *s, struct strbuf *out);

// NAME[,type=TYPE][,port_no=N][,KEY=VALUE]...
struct dpctl_port {
	char *name, *type; // type "": not told
	bool has_number;
	dp_port_t number;
	struct smap options; // one with an empty value is to be deleted
};

// On failure nothing is to be freed.
int dpctl_port_parse(const char *text, struct dpctl_port *ret, struct error *err);
void dpctl_port_uninit(struct dpctl_port *p);

// ---- Flows ----

void dpctl_put_counts(const struct flow_counts *c, struct strbuf *out);

struct dpctl_flow {
	const struct uuid *ufid; // NULL: it has none
	struct flow_key key;
	struct flow_mask mask;
	struct flow_counts counts;
	struct dp_actions actions;
	bool is_kernels; // the datapath is of type "system"
	const char *layer; // who runs it: "ovs", "tc", "dpdk"
	bool is_offloaded;
};

// One line without its end. 'port_name' may be NULL.
void dpctl_put_flow(const struct dpctl_flow *f, bool verbose, dpctl_port_name_fn *port_name,
		    void *aux, struct strbuf *out);

// ... and as dpif/dump-flows has it.
void dpctl_put_bridge_flow(const struct dpctl_flow *f, bool verbose, dpctl_port_name_fn *port_name,
			   void *aux, struct strbuf *out);

// Which flows a dump shows: the names that type= takes.
enum dpctl_flow_type {
	DPCTL_OVS = 1,
	DPCTL_TC = 2,
	DPCTL_DPDK = 4,
	DPCTL_OFFLOADED = 8,
	DPCTL_NON_OFFLOADED = 16,
	DPCTL_PARTIAL = 32
};

// Bits of enum dpctl_flow_type, or negative errno.
int dpctl_parse_types(const char *text, struct error *err);

// What filter= takes: fields as OpenFlow names them, each with one value.
int dpctl_parse_filter(const char *text, dpctl_port_by_name_fn *port_by_name, void *aux,
		       struct match *ret, struct error *err);
// A flow passes when packets of the filter may be among its own.
bool dpctl_filter_matches(const struct match *filter, const struct flow_key *key,
			  const struct flow_mask *mask);
// The identifier in "ufid:X" or "X" up to the end or a comma. False: there is none.
bool dpctl_parse_ufid(const char *text, struct uuid *ret);

// One line of a file of flows: "[add|modify|delete] FLOW [ACTIONS]".
enum dpctl_verb { DPCTL_ADD, DPCTL_MODIFY, DPCTL_DELETE };

struct dpctl_line {
	enum dpctl_verb verb; // as it was where the line does not say
	char *flow, *actions; // into the line, which is cut in pieces; NULL: not there
};

// False: nothing but white space and comment.
bool dpctl_line_split(char *line, struct dpctl_line *l);
// Whether there is what the verb needs, and nothing else.
bool dpctl_line_is_whole(const struct dpctl_line *l);

// The flow as exact as it can be: members that its text left out are 0.
void dpctl_put_exact(const struct match *flow, struct strbuf *out);
// What normalize-actions prints: actions by the VLAN tags and MPLS labels that a packet of the flow has where each of them
// comes.
void dpctl_put_normalized(const struct match *flow, struct dp_actions actions, struct strbuf *out);
