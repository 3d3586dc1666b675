// SPDX-License-Identifier: Apache-2.0
// OpenFlow actions and instructions as one contiguous list, whatever the version they came in.
//
// The list is what apply_actions holds, in order, with instructions as elements of their own (write_actions,
// clear_actions, write_metadata, meter, goto_table come last and in OpenFlow's order of execution). Elements are 8-byte
// aligned; 'size' covers header, payload and what is nested. actions.def has a row per kind, actions/ a file per family
// with all its verbs (decode, encode, parse, format).
#pragma once

#include "core/base/bytes.h"
#include "core/flow/fields.h"
#include "core/flow/nat.h"
#include "ofproto/openflow/errors.h"

enum act_type {
#define ACT(ID, ...) ACT_##ID,
#include "ofproto/openflow/actions.def"
#undef ACT
	ACT_MAX
};

struct act {
	uint16_t type; // enum act_type
	uint16_t nested; // offset from this header of the nested list or bytes; 0: none
	uint32_t size;
	union {
		struct {
			of_port_t port; // reserved ones too
			uint16_t
				max_len; // for CONTROLLER: bytes of the packet to send; 0xffff: all
		} output;
		struct {
			of_port_t port;
			uint32_t max_len; // bytes
		} output_trunc;
		struct {
			struct subfield src;
			uint16_t max_len;
			uint16_t long_form; // sent so, though the short one has room for the field
		} output_reg;
		struct {
			of_port_t port;
			uint32_t queue;
		} enqueue;
		struct {
			uint16_t max_len, controller_id;
			uint8_t reason; // OFPR_*
			bool pause;
			bool as_properties; // sent so, though the older form can say it
			uint32_t meter_id,
				n_userdata; // 0: no meter (the switch refuses one); userdata: nested bytes
		} controller;
		// set_field, load, and the mod_* family where they set a whole field. 'form' remembers how it was
		// written so that it is printed and encoded again in the same way. Nested: n_bytes of value, then of mask.
		struct {
			const struct field *field;
			uint8_t form; // enum act_set_form
		} set_field;
		struct {
			struct subfield src, dst;
		} move;
		struct {
			be16 ethertype;
		} push_vlan, push_mpls, pop_mpls; // pop_mpls: of what comes out
		struct {
			uint16_t vid; // 0..4095
			bool only_if_tagged; // as 1.1 means it; 1.0 tags packets without a tag
		} set_vlan_vid;
		struct {
			uint8_t pcp; // 0..7
			bool only_if_tagged;
		} set_vlan_pcp;
		struct {
			bool pop; // written pop_vlan, as since 1.1; does the same
		} strip_vlan;
		struct {
			of_port_t in_port; // OFPP_IN_PORT: unchanged
			uint8_t table; // 255: the current one
			bool ct; // look up by the connection's first packet: its addresses and ports
		} resubmit;
		struct {
			uint16_t
				n_ids; // controller ids follow as nested uint16_t, host order; {0} for plain dec_ttl
		} dec_ttl;
		struct {
			uint32_t n; // nested bytes
		} note;
		struct {
			be64 metadata, mask;
		} write_metadata;
		struct {
			uint8_t table;
		} goto_table;
		struct {
			uint32_t id;
		} group, queue;
		struct {
			uint32_t value; // 20 bits of label, 3 of class, 8 of time to live
		} mpls;
		struct {
			struct subfield bits;
		} stack;
		struct {
			const struct field *field; // a tunnel option
		} delete_field;
		struct {
			uint32_t id;
		} meter;
		struct {
			uint64_t id; // set_tunnel
			bool wide; // set_tunnel64
		} tunnel;
		// Nested: what exec() and nat ask for, as actions (nat; set_field and move to ct_mark and ct_label).
		struct {
			uint8_t flags; // ACT_CT_*
			uint8_t table; // where the tracked packet goes on; 255: nowhere
			uint16_t
				alg; // port of the protocol whose helper looks on: 21 ftp, 69 tftp; 0: none
			uint16_t zone; // unless there is a 'zone_src'
			struct subfield zone_src; // 16 bits; 'field' NULL: none
		} ct;
		struct nat nat;
		struct {
			uint16_t pkt_len; // bytes from the Ethernet header on, tags not counted
			struct subfield dst; // one bit
		} check_pkt_larger;
		struct {
			uint16_t idle_timeout, hard_timeout; // s; 0: unchanged
		} fin_timeout;
		struct {
			uint32_t id;
			uint8_t clause, n_clauses; // 'clause' from 0
		} conjunction;
		struct {
			uint8_t fields, algorithm; // enum act_hash_fields, act_multipath_algorithm
			uint16_t basis, max_link; // links 0..max_link
			uint32_t arg;
			struct subfield dst;
		} multipath;
		// Nested: of_port_t of each member.
		struct {
			uint8_t fields, algorithm; // enum act_hash_fields, act_bundle_algorithm
			uint16_t basis, n_members;
			struct subfield
				dst; // bundle_load only; 'field' NULL: the packet goes there
		} bundle;
		// Nested: struct learn_spec of each match, load and output of the new rule.
		struct {
			uint64_t cookie;
			uint16_t idle_timeout, hard_timeout, fin_idle_timeout,
				fin_hard_timeout; // s
			uint16_t priority;
			uint8_t table, flags; // ACT_LEARN_*
			uint32_t limit; // of rules in the table with this cookie; 0: none
			uint32_t n_specs; // text may have more than a message holds
			struct subfield result; // one bit; 'field' NULL: nowhere
		} learn;
		struct {
			uint16_t probability; // of 65535
			uint8_t direction; // enum sample_direction
			of_port_t port; // OFPP_ANY: none
			uint32_t collector_set;
			uint32_t domain, point; // unless there is a 'domain_src', 'point_src'
			struct subfield domain_src, point_src; // 'field' NULL: none
		} sample;
		// Nested: struct encap_tlv of each, values and all.
		struct {
			be32 packet_type;
			uint8_t md_type; // of NSH: 1, 2; 0: not said
			uint32_t n_tlvs; // as of specs
		} encap;
		struct {
			be32 packet_type; // of what comes out; PACKET_TYPE_FROM_HEADER: as it says itself
		} decap;
		struct {
		} none;
	};
};

enum { ACT_CT_COMMIT = 1, ACT_CT_FORCE = 2 };
enum { ACT_LEARN_SEND_FLOW_REM = 1, ACT_LEARN_DELETE_LEARNED = 2 };

// What a hash is over; numbers of the wire.
enum act_hash_fields {
	HASH_ETH_SRC,
	HASH_SYMMETRIC_L4,
	HASH_SYMMETRIC_L3L4,
	HASH_SYMMETRIC_L3L4_UDP,
	HASH_NW_SRC,
	HASH_NW_DST,
	HASH_SYMMETRIC_L3,
	HASH_FIELDS_MAX
};
enum act_multipath_algorithm {
	MULTIPATH_MODULO_N,
	MULTIPATH_THRESHOLD,
	MULTIPATH_HRW,
	MULTIPATH_ITER
};
enum act_bundle_algorithm { BUNDLE_ACTIVE_BACKUP, BUNDLE_HRW };

// One part of the rule that learn makes: a field to match, to load or to output to, whose value is said or comes from the
// packet at hand.
enum learn_kind { LEARN_MATCH, LEARN_LOAD, LEARN_OUTPUT };
#define LEARN_VALUE_BYTES 16
struct learn_spec {
	uint8_t kind; // enum learn_kind
	uint8_t zero[7]; // instead of padding
	struct subfield src; // 'field' NULL: 'value'
	struct subfield dst; // none where the rule outputs
	uint8_t value[LEARN_VALUE_BYTES]; // big-endian, right-aligned
};

// A variable header of NSH: 'n' bytes of value follow, padded to 4.
struct encap_tlv {
	be16 class;
	uint8_t type, n;
};

enum { PACKET_TYPE_ETHERNET = 0, PACKET_TYPE_FROM_HEADER = 0xfffe };

// How a field setting was written: printed and encoded the same way where the version allows.
enum act_set_form {
	SET_FORM_SET_FIELD, // set_field:VALUE[/MASK]->FIELD
	SET_FORM_LOAD, // load:VALUE->FIELD[a..b]
	SET_FORM_LOAD2, // set_field, as the extension that had masks before 1.5
	SET_FORM_MOD, // mod_dl_src, mod_nw_tos, mod_tp_dst, ...: by field
};

struct acts {
	const struct act *first;
	size_t size; // bytes
};

#define OFPACT_FOR_EACH(A, LIST) \
	for (A = (LIST).first; (const uint8_t *)A < (const uint8_t *)(LIST).first + (LIST).size; \
	     A = (const struct act *)((const uint8_t *)A + A->size))

static inline struct acts acts_of(const struct strbuf *b)
{
	return (struct acts){ (const struct act *)b->s, b->len };
}

static inline const void *act_nested(const struct act *a)
{
	return (const uint8_t *)a + a->nested;
}

// set_field's value and mask: like union field_value, field->n_bytes each.
static inline const uint8_t *act_set_value(const struct act *a)
{
	return act_nested(a);
}

static inline const uint8_t *act_set_mask(const struct act *a)
{
	return (const uint8_t *)act_nested(a) + a->set_field.field->n_bytes;
}

// Whether the action holds a list of others.
bool act_has_list(const struct act *a);
// clone, ct and write_actions: the list inside.
static inline struct acts act_nested_list(const struct act *a)
{
	if (!a->nested)
		return (struct acts){ NULL, 0 };
	return (struct acts){ (const struct act *)act_nested(a), a->size - a->nested };
}

// The helper that a ct action asks for: "ftp", "tftp"; NULL: none.
const char *act_ct_helper(const struct act *a);

// Builders: append one element (payload zeroed); pointer valid until the next append.
struct act *act_put(struct strbuf *b, enum act_type type);
// 'n' nested bytes behind the payload of the element that was put last.
void act_put_nested_bytes(struct strbuf *b, size_t act_ofs, const void *p, size_t n);
size_t act_nested_begin(struct strbuf *b, enum act_type type);
void act_nested_end(struct strbuf *b, size_t begin);
// A set_field element.
void act_put_set_field(struct strbuf *b, const struct field *f, enum act_set_form form,
		       const union field_value *value, const union field_value *mask);
bool acts_equal(struct acts a, struct acts b);
const char *act_name(enum act_type type);
// The standard actions of a version, without those that the version advises against: bitmap of their numbers.
uint32_t act_standard_bitmap(uint8_t version);

// Wire. debug_slow and debug_recirc are known to programs that asked for them only (those with dummy devices). At start.
void acts_allow_debug(void);
// 'n' bytes of actions (OpenFlow 1.0, packet_out) or instructions (1.1+ flow_mod). Errors are OFPERR_*.
enum ofperr acts_decode_actions(struct reader *r, uint8_t version, struct strbuf *out);
// Where extensions of 1.0 may not say instructions: acts_refuse_instructions().
enum ofperr acts_decode_actions_only(struct reader *r, uint8_t version, struct strbuf *out);
enum ofperr acts_decode_instructions(struct reader *r, uint8_t version, struct strbuf *out);
void acts_encode_actions(struct acts a, uint8_t version, struct strbuf *out);
void acts_encode_instructions(struct acts a, uint8_t version, struct strbuf *out);
// The same, knowing the match: 1.2+ says set_vlan_vid and mod_tp_* in the way that suits it. 'm' may be NULL.
void acts_encode_for_match(struct acts a, const struct match *m, uint8_t version,
			   struct strbuf *out);
// Checks against the match and the number of tables: prerequisites of set fields, goto_table forwards, in_port of output...
// 'table' is the rule's table (or 255 for packet_out). Actions that do nothing to some of the packets are in order in
// OpenFlow 1.0 only: '*ret_inconsistent' (may be NULL) tells. 'm' NULL: nothing is known of
// the packets, they may have any field.
enum ofperr acts_check(struct acts a, const struct match *m, uint8_t table, unsigned int n_tables,
		       of_port_t max_port, bool *ret_inconsistent);
// Where there are actions only, as in buckets and packets to send: OFPERR_OFPBIC_UNSUP_INST. A meter is both. 'err' may be NULL.
enum ofperr acts_refuse_instructions(struct acts list, struct error *err);
// True when the list outputs to 'port' (flow_mod's out_port), nested lists included.
bool acts_output_to(struct acts a, of_port_t port);
// Likewise, to a group (out_group).
bool acts_use_group(struct acts a, uint32_t id);

// Each field that actions read or write, those of nested lists and of learn's rules
// included; some may come twice.
void acts_for_each_field(struct acts a, void (*cb)(const struct field *f, void *aux), void *aux);

// Text: "output:2,set_field:..." or "drop" for an empty list. In error the text names the word.
int acts_parse(const char *text, const struct port_names *ports, struct strbuf *out,
	       struct error *err);
// The same without instructions, as packets to send and buckets have them. A meter is an action, too.
int acts_parse_actions(const char *text, const struct port_names *ports, struct strbuf *out,
		       struct error *err);
void acts_format(struct acts a, const struct port_names *ports, struct strbuf *out);
// The flow formats (formats.h) that can carry the list.
uint32_t acts_formats(struct acts a);
