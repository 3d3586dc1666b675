// SPDX-License-Identifier: Apache-2.0
// Fields: the names under which parts of the flow key are matched and set, in text and on the wire.
//
// fields.def is the only place that describes a field; this header expands it. Values and masks of fields travel
// in a union field_value, big-endian and right-aligned in the field's n_bytes (as on the wire of an OXM).
#pragma once

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/flow/key.h"
#include "core/flow/match.h"

enum field_id {
#define FIELD(ID, ...) FIELD_##ID,
#include "core/flow/fields.def"
#undef FIELD
	FIELD_MAX
};

enum field_format {
	FMT_DEC,
	FMT_HEX,
	FMT_ETHERNET,
	FMT_IPV4,
	FMT_IPV6,
	FMT_OF_PORT,
	FMT_FRAG,
	FMT_TCP_FLAGS,
	FMT_TNL_FLAGS,
	FMT_CT_STATE,
	FMT_PACKET_TYPE
};

enum field_need {
	NEED_NONE,
	NEED_ETH,
	NEED_VLAN,
	NEED_MPLS,
	NEED_IPV4,
	NEED_IPV6,
	NEED_IP,
	NEED_ARP,
	NEED_TCP,
	NEED_UDP,
	NEED_SCTP,
	NEED_ICMPV4,
	NEED_ICMPV6,
	NEED_ND,
	NEED_ND_SOLICIT,
	NEED_ND_ADVERT,
	NEED_NSH,
	NEED_CT, // a tracked packet that has an original direction tuple
	NEED_CT_IPV4,
	NEED_CT_IPV6,
	NEED_CT_PORTS,
	NEED_MAX
};

// How a field's value sits in struct flow_key.
enum field_at {
	FIELD_AT_BE, // bits of a network-order member of up to 8 bytes
	FIELD_AT_HOST, // bits of a host-order member
	FIELD_AT_WIDE, // a 16-byte member
	FIELD_AT_PORT10, // in_port in its 16-bit form
	FIELD_AT_XREG, // two registers
	FIELD_AT_XXREG, // four registers
	FIELD_AT_DL_VLAN, // the VLAN id alone; writing it makes a tag present, 0xffff takes it away
	FIELD_AT_VLAN_VID, // VLAN id and VLAN_PRESENT
	FIELD_AT_VLAN_PCP,
	FIELD_AT_TOS, // DSCP in the upper six bits
	FIELD_AT_TUN_METADATA
};

// One wire code. The header is class (16), field (7), has-mask (1), length (8); experimenter ids for class 0xffff.
struct field_oxm {
	uint16_t class;
	uint8_t field;
	uint32_t experimenter; // 0, 0x00002320 (Nicira), 0x4f4e4600 (ONF), ...
	const char *name; // "NXM_OF_IN_PORT", "OXM_OF_ETH_SRC"
	uint8_t min_version; // lowest OpenFlow version (0x01...) whose peers expect it instead of an earlier code
};

struct field {
	enum field_id id;
	const char *name, *alias; // alias may be NULL
	uint16_t n_bytes, n_bits; // of the value on the wire
	enum field_format format;
	enum field_need need;
	bool maskable, writable;
	struct field_oxm oxm[3]; // unused ones have class 0 and name NULL
	enum field_at at;
	uint16_t offset, size; // of the member (BE, HOST, WIDE)
	uint8_t shift; // of the value's lowest bit within the member
	uint8_t index; // number of the register or tunnel option
	// Lowest bit of a BE or HOST member in its word of the key, which is read in the member's byte order. What is not in one word is
	// a whole member, in network order.
	uint8_t in_word;
};

#define FIELD_NOT_IN_WORD UINT8_MAX
#define FIELD_LOWEST_BE(OFFSET, SIZE) (64 - 8 * ((OFFSET) + (SIZE)))
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIELD_LOWEST_HOST(OFFSET, SIZE) (8 * (OFFSET))
#else
#define FIELD_LOWEST_HOST FIELD_LOWEST_BE
#endif

union field_value {
	uint8_t b[TUN_METADATA_LEN];
	uint8_t u8;
	be16 be16;
	be32 be32;
	be64 be64;
	struct eth_addr eth;
	struct ipv6_addr ipv6;
	uint8_t u128[16];
};

extern const struct field all_fields[FIELD_MAX];

static inline const struct field *field_get(enum field_id id)
{
	assert(id < FIELD_MAX);
	return &all_fields[id];
}

// By name or alias, also "NXM_OF_IN_PORT[]"'s bare name "NXM_OF_IN_PORT"; NULL when unknown.
const struct field *field_by_name(const char *name);
// The same for the first 'n' bytes of 'name'.
const struct field *field_by_name_n(const char *name, size_t n);
const struct field *field_by_oxm(uint16_t class, uint8_t field, uint32_t experimenter);
// Reads and writes the field in a key. Values of fields narrower than their bytes have zero upper bits.
void field_read(const struct field *f, const struct flow_key *key, union field_value *value);
void field_write(const struct field *f, const union field_value *value, struct flow_key *key);
// key = (key & ~mask) | (value & mask), for the bits of the field.
void field_write_masked(const struct field *f, const union field_value *value,
			const union field_value *mask, struct flow_key *key);
// Most fields are a run of bits in one word of a key. Those of such a word that 'v', a value as a number, has: its bits outside
// the field do not count.
static inline bool field_is_in_word(const struct field *f)
{
	return f->in_word != FIELD_NOT_IN_WORD;
}

// Some values are wider on the wire than in a key.
static inline uint64_t field_bits_in_member(const struct field *f)
{
	return low_bits(MIN(f->n_bits, f->size * 8));
}

static inline size_t field_word(const struct field *f)
{
	return f->offset / 8;
}

static inline uint64_t field_word_bits(const struct field *f, uint64_t v)
{
	v = (v & field_bits_in_member(f)) << (f->in_word + f->shift);
	return f->at == FIELD_AT_BE ? htobe64(v) : v;
}

// Writes the bits of 'mask'; both are numbers.
static inline void field_write_in_word(const struct field *f, uint64_t v, uint64_t mask,
				       struct flow_key *key)
{
	uint64_t *word = &flow_words(key)[field_word(f)], bits = field_word_bits(f, mask);

	*word = (*word & ~bits) | (field_word_bits(f, v) & bits);
}

uint64_t field_number_elsewhere(const struct field *f, const struct flow_key *key);
bool field_is_in_elsewhere(const struct field *f, const struct flow_key *mask);

// The value in a key as a number, for fields of up to 8 bytes.
static inline uint64_t field_number(const struct field *f, const struct flow_key *key)
{
	uint64_t word;

	if (!field_is_in_word(f))
		return field_number_elsewhere(f, key);
	word = flow_words_const(key)[field_word(f)];
	if (f->at == FIELD_AT_BE)
		word = be64toh(word);
	return word >> (f->in_word + f->shift) & field_bits_in_member(f);
}

// True when 'mask' has a bit of the field.
static inline bool field_is_in(const struct field *f, const struct flow_key *mask)
{
	if (!field_is_in_word(f))
		return field_is_in_elsewhere(f, mask);
	return flow_words_const(mask)[field_word(f)] & field_word_bits(f, UINT64_MAX);
}

// The value as a number, for fields of up to 8 bytes; and the reverse.
uint64_t field_value_to_u64(const struct field *f, const union field_value *value);
void field_value_from_u64(const struct field *f, uint64_t v, union field_value *value);
// Sets 'mask' to ones for all bits of the field.
void field_all_ones(const struct field *f, union field_value *mask);
// The bits of a key that decide whether a packet has the field (eth_type...), as the words where there are some; their number is
// returned. The list is not the caller's, and stays.
struct word_bits {
	uint8_t word;
	uint64_t bits;
};
size_t field_needs(const struct field *f, const struct word_bits **ret);
// Whole words of a key: [first, end).
struct word_range {
	uint8_t first, end;
};
// All that reading or writing the field touches. A key or mask that is made for one field need not have more than these.
struct word_range field_words(const struct field *f);
// True when a packet with this key is of the kind that 'need' asks for.
bool field_need_holds(enum field_need need, const struct flow_key *key);
// True when a packet with this key has the field (its prerequisites hold).
bool field_is_present(const struct field *f, const struct flow_key *key);
// True when every packet of the match is of that kind.
bool field_need_is_matched(enum field_need need, const struct match *m);
// True when the match pins the prerequisites down; for flow_mod checks.
bool field_prerequisites_hold(const struct field *f, const struct match *m);
// False when bits outside the field are set, or the value cannot be (an arp_op above 255 has no room in a key).
bool field_value_is_valid(const struct field *f, const union field_value *value);

// Text: "10.0.0.0/8", "0x1234", "ab:cd:..", "syn|ack", "+trk-new". *ret_mask is all-ones when the text has none.
int field_parse(const struct field *f, const char *text, union field_value *ret_value,
		union field_value *ret_mask, struct error *err);
// 'mask' NULL or all-ones: value only.
void field_format(const struct field *f, const union field_value *value,
		  const union field_value *mask, struct strbuf *out);

// Numbers of any width, decimal (up to 64 bits) or hex, big-endian. False when bad or too large.
bool wide_number_parse(const char *s, size_t n, uint8_t *dst, size_t n_bytes);
// Big-endian, of any width: "0x1f"; zero is "0".
void wide_hex_format(const uint8_t *b, size_t n, struct strbuf *out);

// A field or a run of its bits: "reg0[0..15]", "NXM_OF_ETH_SRC[]", "in_port".
struct subfield {
	const struct field *field;
	uint16_t ofs, n_bits;
	uint32_t zero; // instead of padding: what holds subfields is compared byte by byte
};

static inline bool subfield_is_whole(const struct subfield *sf)
{
	return !sf->ofs && sf->n_bits == sf->field->n_bits;
}

// Parses the longest subfield at '*s' and moves '*s' behind it.
int subfield_parse(const char **s, struct subfield *ret, struct error *err);
void subfield_format(const struct subfield *sf, struct strbuf *out);
// Up to 64 bits, host order.
uint64_t subfield_get(const struct subfield *sf, const struct flow_key *key);
void subfield_set(const struct subfield *sf, uint64_t value, struct flow_key *key);
// Any width: value big-endian right-aligned.
void subfield_read(const struct subfield *sf, const struct flow_key *key, union field_value *value);
// Writes the slice into a value of the whole field.
void subfield_put(const struct subfield *sf, const union field_value *value,
		  union field_value *whole);
// The field's value that has all bits of the slice, and no others.
void subfield_bits(const struct subfield *sf, union field_value *bits);
void subfield_write(const struct subfield *sf, const union field_value *value,
		    struct flow_key *key);
// Adds the bits of the slice, and those that decide whether a packet has the field, to a mask.
void subfield_unwildcard(const struct subfield *sf, struct flow_mask *mask);

// Ports in text: reserved names (any case), numbers (16-bit reserved ones are widened), names by 'ports' (NULL: none).
bool of_port_parse(const char *text, const struct port_names *ports, of_port_t *ret_port);
void of_port_format(of_port_t port, const struct port_names *ports, struct strbuf *out);
// A table's number, or its name, which may stand in quotes. 'names' NULL: numbers only.
bool of_table_parse(const char *text, const struct port_names *names, uint8_t *ret_table);
void of_table_format(uint8_t table, const struct port_names *names, struct strbuf *out);
// "LOCAL", ...; NULL when the number is not reserved.
const char *of_port_reserved_name(of_port_t port);

// OXM/NXM TLVs. 'version' (0x01 ... 0x06) chooses among a field's codes when writing.
// Writes header and value (mask only when not all-ones).
void field_put_oxm(const struct field *f, uint8_t version, const union field_value *value,
		   const union field_value *mask, struct strbuf *out);
// Writes the 4-byte (or 8-byte experimenter) header alone, as actions carry it.
void field_put_oxm_header(const struct field *f, uint8_t version, struct strbuf *out);
// Reads one TLV; *ret_field NULL (and no error) when the code is unknown: 'r' is behind it. Whether the field may be matched
// with a mask is the caller's concern: any bits may be set.
int field_get_oxm(struct reader *r, const struct field **ret_field, union field_value *ret_value,
		  union field_value *ret_mask, struct error *err);
int field_get_oxm_header(struct reader *r, const struct field **ret_field, struct error *err);
// The number by which peers of this version know the field in OXM's basic class, or -1.
int field_basic_number(const struct field *f, uint8_t version);
// Length in bits of the prefix that the mask is, or -1.
int mask_prefix_len(const uint8_t *m, size_t n_bytes);
// Headers in lists of fields: with the mask bit where any mask can be matched. One whose code or length is not known gives
// NULL and no error.
void field_put_oxm_id(const struct field *f, uint8_t version, bool masked, struct strbuf *out);
int field_get_oxm_id(struct reader *r, const struct field **ret_field, bool *ret_masked,
		     struct error *err);
