// SPDX-License-Identifier: Apache-2.0
// The verbs of an action, and what they get. Each file in actions/ ends with the tables that name its verbs.
#pragma once

#include "ofproto/openflow/act.h"
#include "ofproto/openflow/wire-private.h"

enum raw_kind { RAW_OF, RAW_NX, RAW_ONF, RAW_INST };

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
	bool instruction; // what comes is one, not an action
	uint8_t nw_proto; // 0: unknown
};

struct act_text {
	const struct port_names *ports;
	struct strbuf *out; // of actions when parsing, of text when printing
	struct error *err;
	int depth;
};

// What actions.def says of each kind.
struct act_type_ops {
	const char *name;
	enum ofperr (*decode)(struct act_in *in, struct strbuf *out);
	void (*encode)(const struct act *a, struct act_out *o);
	void (*format)(const struct act *a, const struct act_text *t);
	uint8_t first; // version
	bool in_set;
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

// What stands in 'out' behind its first 'start' bytes.
static inline struct acts acts_from(const struct strbuf *out, size_t start)
{
	return (struct acts){ (const struct act *)(strbuf_cstr(out) + start), out->len - start };
}

#define ALL_VERSIONS 0x7eu
// How deep actions may nest, in messages and text.
#define ACT_MAX_DEPTH 16
#define ACT_SIZE(MEMBER) (offsetof(struct act, MEMBER) + sizeof(((struct act *)NULL)->MEMBER))

// For arguments that are gathered before they are put: lists are compared byte by byte, padding too.
static inline void act_clear(struct act *a)
{
	memset(a, 0, sizeof(*a));
}

// Wire: begins an action (length patched by act_end()).
size_t act_begin_of(struct act_out *o, uint16_t type);
size_t act_begin_nx(struct act_out *o, uint16_t subtype);
size_t act_begin_onf(struct act_out *o, uint16_t subtype);
void act_end(struct act_out *o, size_t start); // pads to 8 bytes
void act_encode_list(struct acts a, struct act_out *o);
enum ofperr act_decode_list(struct reader *r, uint8_t version, struct strbuf *out);
// Reads the header of a field, of 8 bytes for a vendor's; and where there is room for 4 only.
enum ofperr act_get_field(struct act_in *in, const struct field **ret);
enum ofperr act_get_short_field(struct act_in *in, const struct field **ret);
// Whether the field has the bits.
enum ofperr act_check_bits(const struct subfield *sf);
// act_range() and the header behind it.
enum ofperr act_get_range(struct act_in *in, struct subfield *ret);
// Takes 'n' bytes that must be zero.
enum ofperr act_get_zeros(struct act_in *in, size_t n);
// The header of a field behind an action, 4 bytes or, of a vendor's, 8. Messages say of a tunnel's option, whatever its
// length, that it has the most that it can.
void act_put_field(struct act_out *o, const struct field *f);
size_t act_header_size(const struct field *f);
unsigned int act_bits_from_wire(const struct field *f, unsigned int n_bits);
unsigned int act_bits_to_wire(const struct subfield *sf);
// Offset and width in 16 bits; of a width up to 64.
static inline uint16_t act_range(const struct subfield *sf)
{
	return sf->ofs << 6 | (sf->n_bits - 1);
}
static inline struct subfield act_range_of(uint16_t bits)
{
	return (struct subfield){ .ofs = bits >> 6, .n_bits = (bits & 63) + 1 };
}
// OpenFlow 1.2's set_field of a whole field.
void act_encode_set_field(struct act_out *o, const struct field *f, const union field_value *v);

// Text.
int act_parse_list(char *text, const struct act_text *t);
void act_format_list(struct acts a, const struct act_text *t);
int act_parse_number(const char *s, uint64_t max, const char *what, uint64_t *ret,
		     struct error *err);
int act_parse_u32(const char *s, uint32_t *ret, struct error *err);
// A value of all of the field's bits: one with a mask is refused.
int act_parse_whole(const struct field *f, const char *text, union field_value *ret,
		    struct error *err);
// Up to 64 bits of a field whose header has four bytes. 'whole' begins the errors.
int act_parse_subfield(const char *s, const char *whole, struct subfield *ret, struct error *err);
int act_check_width(const struct subfield *sf, const char *s, const char *whole, struct error *err);
int act_check_short_header(const struct field *f, const char *whole, struct error *err);
// Sets the error and returns it.
int act_not_openflow(const struct field *f, struct error *err);
// Takes the next "key=value", "key:value", "key(value)" or "key" off the list at '*s'; false at its end.
bool act_next_word(char **s, char **ret_key, char **ret_value);

// What may stand behind and in what, whatever the match: a meter, what stands in apply_actions, and then each other instruction, in the
// order of their execution; nat and changes of connections in ct only, and nothing else there. The error of a peer; 'err' (may
// be NULL) gets its text.
enum ofperr acts_verify(struct acts list, struct error *err);

#define ACT(ID, NAME, VERBS, ...) \
	enum ofperr VERBS##_decode(struct act_in *in, struct strbuf *out); \
	void VERBS##_encode(const struct act *a, struct act_out *o); \
	void VERBS##_format(const struct act *a, const struct act_text *t);
#include "ofproto/openflow/actions.def"
#undef ACT

#define WORD(NAME, PARSE) int PARSE(char *arg, const struct act_text *t);
#include "ofproto/openflow/words.def"
#undef WORD
int output_port_word(const char *word, const struct act_text *t);
// mod_tp_src and mod_tp_dst mean the ports of the protocol that the match pins down.
void set_field_fix_ports(struct strbuf *acts, const struct match *m);
// "mod_dl_src" and the like for those that were written so, else "set_field".
const char *set_field_word(const struct act *a);
