// SPDX-License-Identifier: Apache-2.0
// The datapath's text form of headers, shared by keys ("ipv4(src=..,dst=..)") and set actions ("set(ipv4(src=..))").
#pragma once

#include "core/flow/fields.h"

typedef const char *dp_port_name_fn(dp_port_t port, void *aux);
typedef bool dp_port_by_name_fn(const char *name, dp_port_t *ret, void *aux);

// How a member of a header is written.
enum dp_form {
	DP_DEC, // 6/0xff
	DP_DEC_PADDED, // 5/0x0
	DP_DEC_BARE, // 3/7: mask without 0x
	DP_HEX,
	DP_HEX4, // 0x0800
	DP_ETH,
	DP_IPV4, // mask as an address
	DP_IPV6,
	DP_FRAG,
	DP_TCP_FLAGS,
	DP_CT_STATE,
	DP_PORT,
	DP_TOS, // all eight bits of nw_tos
	DP_LSE // further MPLS labels
};

struct dp_member {
	const char *name; // NULL: the header's only, unnamed value
	enum field_id field;
	enum dp_form form;
	uint8_t index; // DP_LSE
};

struct dp_header {
	const char *name;
	bool (*is_in)(const struct flow_key *k); // NULL: always
	bool always; // printed when not matched, too
	bool whole; // with all members
	bool is_tunnel; // members are those of dp-tunnel-text.c
	uint8_t n;
	struct dp_member m[16];
};

// In the order of printing. Those before the Ethernet type, and those behind it.
extern const struct dp_header dp_metadata_headers[], dp_payload_headers[];
extern const size_t dp_n_metadata_headers, dp_n_payload_headers;

const struct dp_header *dp_header_by_name(const char *name, size_t n);
// The header that a set action of the field prints, NULL: none.
const struct dp_header *dp_header_of_field(enum field_id id);

struct dp_text {
	const struct flow_key *key;
	const struct flow_mask *mask;
	bool verbose;
	dp_port_name_fn *port_name;
	void *aux;
	struct strbuf *out;
};

// "name(members)"; with 'all' members that the mask does not have, too.
void dp_header_format(const struct dp_header *h, const struct dp_text *t, bool all);

// Text being read: errors name the place.
struct dp_cursor {
	const char *text, *p; // the whole, and where we are
	dp_port_by_name_fn *port_by_name;
	void *aux;
	struct error *err;
};

int dp_error(const struct dp_cursor *c, const char *what);
bool dp_skip(struct dp_cursor *c, const char *s);
// Reads members up to and with the ')' behind them; 'key' and 'mask' get their bits.
int dp_header_parse(struct dp_cursor *c, const struct dp_header *h, struct flow_key *key,
		    struct flow_mask *mask);
int dp_port_parse(struct dp_cursor *c, dp_port_t *ret);
// "tunnel(...)" with the members that the mask has.
void dp_tunnel_format(const struct flow_tunnel *v, const struct flow_tunnel *mask,
		      struct strbuf *out);
// The mask under which a header that is set prints.
void dp_tunnel_set_mask(const struct flow_tunnel *t, struct flow_tunnel *ret);
// Behind "tunnel(".
int dp_tunnel_parse(struct dp_cursor *c, struct flow_tunnel *v, struct flow_tunnel *mask);
// A number up to the next delimiter.
int dp_number(struct dp_cursor *c, uint64_t max, uint64_t *ret);
