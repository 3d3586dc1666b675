// SPDX-License-Identifier: Apache-2.0
// The verbs of an action, and what they get. Each file in actions/ ends with the tables that name its verbs.
#pragma once

#include "ofproto/openflow/act.h"
#include "ofproto/openflow/wire-private.h"

enum raw_kind { RAW_OF, RAW_NX, RAW_ONF };

// One action on the wire: 'body' is behind the type, length and (for extensions) vendor and subtype.
struct act_in {
	struct reader body;
	enum raw_kind kind;
	uint16_t number;
	uint8_t version;
	size_t len; // of the whole action
};

// State of a list being written: what the packet has decides how VLAN and port settings are said in 1.2+.
struct act_out {
	struct strbuf *out;
	uint8_t version;
	bool has_vlan;
	uint8_t nw_proto; // 0: unknown
};

struct act_text {
	const struct port_names *ports;
	struct strbuf *out; // of actions when parsing, of text when printing
	struct error *err;
	int depth;
};

// NULL verbs: the action is described but not supported.
struct act_type_ops {
	enum ofperr (*decode)(struct act_in *in, struct strbuf *out);
	void (*encode)(const struct act *a, struct act_out *o);
	void (*format)(const struct act *a, const struct act_text *t);
	uint32_t (*versions)(const struct act *a); // NULL: all
	uint16_t size; // of header and payload
};

// A word of the text and its parser; 'arg' is what stood behind ':' or in parentheses ("" for none).
struct act_word {
	const char *name;
	int (*parse)(char *arg, const struct act_text *t);
};

extern const struct act_type_ops act_ops[ACT_MAX];
extern const struct act_word act_words[];
extern const size_t act_n_words;

#define ALL_VERSIONS 0x7eu
// How deep actions may nest, in messages and text.
#define ACT_MAX_DEPTH 16
#define ACT_SIZE(MEMBER) (offsetof(struct act, MEMBER) + sizeof(((struct act *)NULL)->MEMBER))

// The one place that refuses what is not there yet.
enum ofperr act_unsupported_wire(enum act_type type);
int act_unsupported_text(enum act_type type, struct error *err);

// Wire: begins an action (length patched by act_end()).
size_t act_begin_of(struct act_out *o, uint16_t type);
size_t act_begin_nx(struct act_out *o, uint16_t subtype);
size_t act_begin_onf(struct act_out *o, uint16_t subtype);
void act_end(struct act_out *o, size_t start); // pads to 8 bytes
void act_encode_list(struct acts a, struct act_out *o);
enum ofperr act_decode_list(struct reader *r, uint8_t version, struct strbuf *out);

// Text.
int act_parse_list(char *text, const struct act_text *t);
void act_format_list(struct acts a, const struct act_text *t);
int act_parse_number(const char *s, uint64_t max, const char *what, uint64_t *ret,
		     struct error *err);
// Takes the next "key=value", "key:value", "key(value)" or "key" off the list at '*s'; false at its end.
bool act_next_word(char **s, char **ret_key, char **ret_value);

// What may stand in what, whatever the match: nat and changes of connections in ct only, and nothing else there. 'outer' is
// the action around the list, NULL: none. The error of a peer; 'err' (may be NULL) gets its text.
enum ofperr acts_verify_nesting(struct acts list, const struct act *outer, struct error *err);

// A set_field element.
void act_put_set_field(struct strbuf *b, const struct field *f, enum act_set_form form,
		       const union field_value *value, const union field_value *mask);

#define DECLARE(NAME) \
	enum ofperr NAME##_decode(struct act_in *in, struct strbuf *out); \
	void NAME##_encode(const struct act *a, struct act_out *o); \
	void NAME##_format(const struct act *a, const struct act_text *t)
DECLARE(output);
DECLARE(output_trunc);
DECLARE(output_reg);
DECLARE(enqueue);
DECLARE(controller);
DECLARE(set_vlan_vid);
DECLARE(set_vlan_pcp);
DECLARE(strip_vlan);
DECLARE(push_vlan);
DECLARE(set_field);
DECLARE(move);
DECLARE(dec_ttl);
DECLARE(set_tunnel);
DECLARE(set_queue);
DECLARE(pop_queue);
DECLARE(resubmit);
DECLARE(exit_action);
DECLARE(clone);
DECLARE(note);
DECLARE(ct);
DECLARE(nat_action);
DECLARE(ct_clear);
DECLARE(check_pkt_larger);
DECLARE(clear_actions);
DECLARE(write_actions);
DECLARE(write_metadata);
DECLARE(goto_table);
#undef DECLARE

int output_parse(char *arg, const struct act_text *t);
int output_port_word(const char *word, const struct act_text *t);
int enqueue_parse(char *arg, const struct act_text *t);
int controller_parse(char *arg, const struct act_text *t);
int mod_vlan_vid_parse(char *arg, const struct act_text *t);
int mod_vlan_pcp_parse(char *arg, const struct act_text *t);
int set_vlan_vid_parse(char *arg, const struct act_text *t);
int set_vlan_pcp_parse(char *arg, const struct act_text *t);
int pop_vlan_parse(char *arg, const struct act_text *t);
int strip_vlan_parse(char *arg, const struct act_text *t);
int push_vlan_parse(char *arg, const struct act_text *t);
int set_field_parse(char *arg, const struct act_text *t);
int load_parse(char *arg, const struct act_text *t);
int mod_dl_src_parse(char *arg, const struct act_text *t);
int mod_dl_dst_parse(char *arg, const struct act_text *t);
int mod_nw_src_parse(char *arg, const struct act_text *t);
int mod_nw_dst_parse(char *arg, const struct act_text *t);
int mod_nw_tos_parse(char *arg, const struct act_text *t);
int mod_nw_ecn_parse(char *arg, const struct act_text *t);
int mod_nw_ttl_parse(char *arg, const struct act_text *t);
int mod_tp_src_parse(char *arg, const struct act_text *t);
int mod_tp_dst_parse(char *arg, const struct act_text *t);
int move_parse(char *arg, const struct act_text *t);
int dec_ttl_parse(char *arg, const struct act_text *t);
int set_tunnel_parse(char *arg, const struct act_text *t);
int set_tunnel64_parse(char *arg, const struct act_text *t);
int set_queue_parse(char *arg, const struct act_text *t);
int pop_queue_parse(char *arg, const struct act_text *t);
int resubmit_parse(char *arg, const struct act_text *t);
int exit_parse(char *arg, const struct act_text *t);
int clone_parse(char *arg, const struct act_text *t);
int note_parse(char *arg, const struct act_text *t);
int ct_parse(char *arg, const struct act_text *t);
int nat_action_parse(char *arg, const struct act_text *t);
int ct_clear_parse(char *arg, const struct act_text *t);
int check_pkt_larger_parse(char *arg, const struct act_text *t);
int clear_actions_parse(char *arg, const struct act_text *t);
int write_actions_parse(char *arg, const struct act_text *t);
int write_metadata_parse(char *arg, const struct act_text *t);
int goto_table_parse(char *arg, const struct act_text *t);
// mod_tp_src and mod_tp_dst mean the ports of the protocol that the match pins down.
void set_field_fix_ports(struct strbuf *acts, const struct match *m);
// "mod_dl_src" and the like for those that were written so, else "set_field".
const char *set_field_word(const struct act *a);
