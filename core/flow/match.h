// SPDX-License-Identifier: Apache-2.0
// A match: a flow key and the mask that says which of its bits count. Bits outside the mask are zero in the key.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/flow/key.h"

struct field;
union field_value;

struct match {
	struct flow_key key;
	struct flow_mask mask;
};

// Names of ports, and of tables, in text; NULL members print and accept numbers only.
struct port_names {
	bool (*by_name)(const char *name, of_port_t *ret_port, void *aux);
	const char *(*by_number)(of_port_t port, void *aux); // NULL: no name
	void *aux;
	bool (*table_by_name)(const char *name, uint8_t *ret_table, void *aux);
	const char *(*table_by_number)(uint8_t table, void *aux); // NULL: no name
};

void match_init_any(struct match *m);
void match_set_field(struct match *m, const struct field *f, const union field_value *value,
		     const union field_value *mask);
bool match_equal(const struct match *a, const struct match *b);
uint64_t match_hash(const struct match *m, uint64_t basis);
// True when every packet that 'sub' matches is matched by 'super' too (loose flow_mod semantics).
bool match_is_subset(const struct match *sub, const struct match *super);

// Drops matches on fields whose prerequisites the match does not pin down (they could never be looked at). True when
// something was dropped.
bool match_normalize(struct match *m);

// One "field=value" or protocol word ("tcp", "ip6") of flow text. 'value' NULL when there was no '='. Returns -ENOENT
// when 'key' is neither, other errors with 'err' filled.
int match_parse_word(struct match *m, const char *key, const char *value,
		     const struct port_names *ports, struct error *err);
// The match as ovs-ofctl prints it ("tcp,in_port=1,nw_src=10.0.0.0/8,tp_dst=80"); without priority.
void match_format(const struct match *m, const struct port_names *ports, struct strbuf *out);
char *match_to_string(const struct match *m, const struct port_names *ports);

// One packet's flow as ovs-ofctl prints it, all that the packet has; metadata that is zero is left out.
void flow_format(const struct flow_key *key, const struct port_names *ports, struct strbuf *out);
// The reverse, of words that say every field exactly: what a field needs comes before it. What is not said is zero, in_port
// OFPP_ANY.
int flow_parse(const char *text, const struct port_names *ports, struct flow_key *ret_key,
	       struct error *err);

// OXM/NXM lists of TLVs, without ofp_match header and padding. -EPROTO etc. with 'err'; *ret_ofperr gets the
// OFPBMC_* name's enum of openflow/errors.def where a peer must be told, else 0.
enum match_error {
	MATCH_OK,
	MATCH_BAD_LEN,
	MATCH_BAD_FIELD,
	MATCH_BAD_VALUE,
	MATCH_BAD_MASK,
	MATCH_BAD_PREREQ,
	MATCH_DUP_FIELD,
	MATCH_BAD_WILDCARDS
};
// Not 'strict': fields that are unknown are passed over, and a field may lack what it needs.
enum match_error match_get_oxm(struct match *m, const void *p, size_t n, bool strict,
			       struct error *err);
void match_put_oxm(const struct match *m, uint8_t version, struct strbuf *out);

// The datapath form of text that dpctl/dump-flows prints ("recirc_id(0),in_port(2),eth(...),eth_type(0x0800),ipv4(...)").
// 'port_name' may be NULL. And its parser (dpctl/add-flow, ofproto/trace with a datapath flow).
void dp_key_format(const struct flow_key *key, const struct flow_mask *mask,
		   const char *(*port_name)(dp_port_t port, void *aux), void *aux, bool verbose,
		   struct strbuf *out);
// As the kernel's datapath tells it: in the order of its attributes, "eth()" where it looks at no address, no packet type.
void dp_key_format_kernel(const struct flow_key *key, const struct flow_mask *mask,
			  const char *(*port_name)(dp_port_t port, void *aux), void *aux,
			  bool verbose, struct strbuf *out);
int dp_key_parse(const char *text,
		 bool (*port_by_name)(const char *name, dp_port_t *ret, void *aux), void *aux,
		 struct match *ret_match, struct error *err);
