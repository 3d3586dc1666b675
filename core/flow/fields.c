// SPDX-License-Identifier: Apache-2.0
#include "core/flow/fields.h"

#include <pthread.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"

const struct field all_fields[FIELD_MAX] = {
#define FIELD(ID, ...) [FIELD_##ID] = { .id = FIELD_##ID, __VA_ARGS__ },
#include "core/flow/fields.def"
#undef FIELD
};

// Names and wire codes of all fields, built once.
struct index_entry {
	struct hmap_node by_name, by_code;
	const char *name;
	const struct field *field;
	const struct field_oxm *code; // NULL for plain names
};

static struct hmap names, codes;
// Fields by the codes of the classes that nearly all are of: Nicira's two and the basic one.
static const struct field *basic[3][128];
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

static uint64_t code_hash(uint16_t class, uint8_t field, uint32_t experimenter)
{
	return hash_u64((uint64_t)experimenter << 32 | (uint32_t) class << 8 | field, 0);
}

// Its row in 'basic', or -1.
static int basic_row(uint16_t class)
{
	return class <= 1 ? class : class == 0x8000 ? 2 : -1;
}

static void index_name(const struct field *f, const char *name, const struct field_oxm *code)
{
	struct index_entry *e;

	if (!name)
		return;
	e = xzalloc(sizeof(*e));
	*e = (struct index_entry){ .name = name, .field = f, .code = code };
	hmap_insert(&names, &e->by_name, hash_string(name, 0));
	if (!code)
		return;
	if (basic_row(code->class) >= 0)
		basic[basic_row(code->class)][code->field] = f;
	else
		hmap_insert(&codes, &e->by_code,
			    code_hash(code->class, code->field, code->experimenter));
}

// The entries live as long as the process.
static void index_build(void)
{
	hmap_init(&names);
	hmap_init(&codes);
	for (const struct field *f = all_fields; f < &all_fields[FIELD_MAX]; f++) {
		index_name(f, f->name, NULL);
		index_name(f, f->alias, NULL);
		for (size_t i = 0; i < ARRAY_SIZE(f->oxm); i++)
			index_name(f, f->oxm[i].name, &f->oxm[i]);
	}
}

const struct field *field_by_name_n(const char *name, size_t n)
{
	struct index_entry *e;

	pthread_once(&index_once, index_build);
	HMAP_FOR_EACH_WITH_HASH (e, by_name, hash_bytes(name, n, 0), &names)
		if (!strncmp(e->name, name, n) && !e->name[n])
			return e->field;
	return NULL;
}

const struct field *field_by_name(const char *name)
{
	return field_by_name_n(name, strlen(name));
}

const struct field *field_by_oxm(uint16_t class, uint8_t field, uint32_t experimenter)
{
	int row = basic_row(class);
	struct index_entry *e;

	pthread_once(&index_once, index_build);
	if (row >= 0)
		return field < ARRAY_SIZE(basic[row]) && !experimenter ? basic[row][field] : NULL;
	HMAP_FOR_EACH_WITH_HASH (e, by_code, code_hash(class, field, experimenter), &codes)
		if (e->code->class == class && e->code->field == field &&
		    e->code->experimenter == experimenter)
			return e->field;
	return NULL;
}

// Members have one of four widths, and most fields' values too: what is known to the compiler it does in an instruction.
static uint64_t load_host(const void *p, size_t n)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (n) {
	case sizeof(v64):
		memcpy(&v64, p, sizeof(v64));
		return v64;
	case sizeof(v32):
		memcpy(&v32, p, sizeof(v32));
		return v32;
	case sizeof(v16):
		memcpy(&v16, p, sizeof(v16));
		return v16;
	default:
		return *(const uint8_t *)p;
	}
}

static void store_host(void *p, size_t n, uint64_t v)
{
	uint32_t v32 = v;
	uint16_t v16 = v;

	switch (n) {
	case sizeof(v):
		memcpy(p, &v, sizeof(v));
		return;
	case sizeof(v32):
		memcpy(p, &v32, sizeof(v32));
		return;
	case sizeof(v16):
		memcpy(p, &v16, sizeof(v16));
		return;
	default:
		*(uint8_t *)p = v;
	}
}

static uint64_t load_be(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t v = 0;

	switch (n) {
	case 8:
		return be64toh(load_host(p, 8));
	case 4:
		return be32toh(load_host(p, 4));
	case 2:
		return be16toh(load_host(p, 2));
	default:
		while (n--)
			v = v << 8 | *b++;
		return v;
	}
}

static void store_be(void *p, size_t n, uint64_t v)
{
	uint8_t *b = p;

	switch (n) {
	case 8:
		store_host(p, 8, htobe64(v));
		return;
	case 4:
		store_host(p, 4, htobe32(v));
		return;
	case 2:
		store_host(p, 2, htobe16(v));
		return;
	default:
		for (; n--; v >>= 8)
			b[n] = v;
	}
}

uint64_t field_value_to_u64(const struct field *f, const union field_value *value)
{
	return load_be(value->b, f->n_bytes);
}

void field_value_from_u64(const struct field *f, uint64_t v, union field_value *value)
{
	store_be(value->b, f->n_bytes, v);
}

static uint32_t port_to_16(uint32_t n)
{
	return n >= OFPP_MAX ? n & 0xffff : MIN(n, 0xffffu);
}

static uint32_t port_from_16(uint32_t n)
{
	return n >= OFPP10_MAX ? n | 0xffff0000u : n;
}

static uint16_t get_tci(const struct flow_key *key)
{
	return be16toh(key->vlans[0].tci);
}

uint64_t field_number_elsewhere(const struct field *f, const struct flow_key *key)
{
	const uint8_t *p = (const uint8_t *)key + f->offset;

	switch (f->at) {
	case FIELD_AT_BE:
		return load_be(p, f->size);
	case FIELD_AT_PORT10:
		return port_to_16(key->in_port);
	case FIELD_AT_XREG:
		return (uint64_t)key->regs[f->index * 2] << 32 | key->regs[f->index * 2 + 1];
	case FIELD_AT_DL_VLAN:
		return get_tci(key) & VLAN_VID_MASK;
	case FIELD_AT_VLAN_VID:
		return get_tci(key) & (VLAN_VID_MASK | VLAN_PRESENT);
	case FIELD_AT_VLAN_PCP:
		return get_tci(key) >> VLAN_PCP_SHIFT;
	case FIELD_AT_TOS:
		return key->nw_tos & 0xfc;
	case FIELD_AT_TUN_METADATA:
		return load_be(key->tunnel.metadata + 4 * f->index, 4);
	case FIELD_AT_HOST:
	case FIELD_AT_WIDE:
	case FIELD_AT_XXREG:
		break;
	}
	return 0;
}

static void write_tci(struct flow_key *key, uint16_t bits, uint16_t v)
{
	key->vlans[0].tci = htobe16((get_tci(key) & ~bits) | (v & bits));
}

static void write_number(const struct field *f, uint64_t v, struct flow_key *key)
{
	switch (f->at) {
	case FIELD_AT_BE:
		store_be((uint8_t *)key + f->offset, f->size, v);
		break;
	case FIELD_AT_PORT10:
		key->in_port = port_from_16(v);
		break;
	case FIELD_AT_XREG:
		key->regs[f->index * 2] = v >> 32;
		key->regs[f->index * 2 + 1] = v;
		break;
	case FIELD_AT_DL_VLAN:
		write_tci(key, VLAN_VID_MASK | VLAN_PRESENT, v | VLAN_PRESENT);
		break;
	case FIELD_AT_VLAN_VID:
		write_tci(key, VLAN_VID_MASK | VLAN_PRESENT, v);
		break;
	case FIELD_AT_VLAN_PCP:
		write_tci(key, VLAN_PCP_MASK | VLAN_PRESENT, v << VLAN_PCP_SHIFT | VLAN_PRESENT);
		break;
	case FIELD_AT_TOS:
		key->nw_tos = (key->nw_tos & 3) | (v & 0xfc);
		break;
	case FIELD_AT_TUN_METADATA:
		store_be(key->tunnel.metadata + 4 * f->index, 4, v);
		key->tunnel.metadata_present |= 1ULL << f->index;
		break;
	case FIELD_AT_HOST:
	case FIELD_AT_WIDE:
	case FIELD_AT_XXREG:
		break;
	}
}

void field_read(const struct field *f, const struct flow_key *key, union field_value *value)
{
	if (f->at == FIELD_AT_WIDE) {
		memcpy(value->b, (const uint8_t *)key + f->offset, 16);
	} else if (f->at == FIELD_AT_XXREG) {
		for (int i = 0; i < 4; i++)
			store_be(value->b + 4 * i, 4, key->regs[f->index * 4 + i]);
	} else {
		store_be(value->b, f->n_bytes, field_number(f, key));
	}
}

static struct word_range words_of(size_t offset, size_t size)
{
	return (struct word_range){ offset / 8, (offset + size + 7) / 8 };
}

struct word_range field_words(const struct field *f)
{
	switch (f->at) {
	case FIELD_AT_BE:
	case FIELD_AT_HOST:
		break;
	case FIELD_AT_WIDE:
		return words_of(f->offset, 16);
	case FIELD_AT_PORT10:
		return words_of(offsetof(struct flow_key, in_port), 4);
	case FIELD_AT_XREG:
		return words_of(offsetof(struct flow_key, regs) + 8 * f->index, 8);
	case FIELD_AT_XXREG:
		return words_of(offsetof(struct flow_key, regs) + 16 * f->index, 16);
	case FIELD_AT_DL_VLAN:
	case FIELD_AT_VLAN_VID:
	case FIELD_AT_VLAN_PCP:
		return words_of(offsetof(struct flow_key, vlans), sizeof(struct flow_vlan));
	case FIELD_AT_TOS:
		return words_of(offsetof(struct flow_key, nw_tos), 1);
	case FIELD_AT_TUN_METADATA:
		return words_of(offsetof(struct flow_key, tunnel.metadata_present),
				8 + 4 * f->index + 4);
	}
	return words_of(f->offset, f->size);
}

bool field_is_in_elsewhere(const struct field *f, const struct flow_key *mask)
{
	union field_value bits;

	if (f->at != FIELD_AT_WIDE && f->at != FIELD_AT_XXREG)
		return field_number_elsewhere(f, mask);
	field_read(f, mask, &bits);
	return !is_all_zeros(bits.b, 16);
}

void field_write(const struct field *f, const union field_value *value, struct flow_key *key)
{
	if (f->at == FIELD_AT_WIDE) {
		memcpy((uint8_t *)key + f->offset, value->b, 16);
	} else if (f->at == FIELD_AT_XXREG) {
		for (int i = 0; i < 4; i++)
			key->regs[f->index * 4 + i] = load_be(value->b + 4 * i, 4);
	} else if (field_is_in_word(f)) {
		field_write_in_word(f, load_be(value->b, f->n_bytes), UINT64_MAX, key);
	} else {
		write_number(f, load_be(value->b, f->n_bytes), key);
	}
}

void field_write_masked(const struct field *f, const union field_value *value,
			const union field_value *mask, struct flow_key *key)
{
	union field_value v;

	field_read(f, key, &v);
	for (size_t i = 0; i < f->n_bytes; i++)
		v.b[i] = (v.b[i] & ~mask->b[i]) | (value->b[i] & mask->b[i]);
	field_write(f, &v, key);
}

// The bits that a value of the field may have.
static uint64_t valid_bits(const struct field *f)
{
	switch (f->at) {
	case FIELD_AT_VLAN_VID:
		return VLAN_VID_MASK | VLAN_PRESENT;
	case FIELD_AT_TOS:
		return 0xfc;
	case FIELD_AT_HOST:
		return field_bits_in_member(f);
	default:
		return low_bits(f->n_bits);
	}
}

void field_all_ones(const struct field *f, union field_value *mask)
{
	if (f->n_bytes > 8)
		memset(mask->b, 0xff, f->n_bytes);
	else
		store_be(mask->b, f->n_bytes, valid_bits(f));
}

bool field_value_is_valid(const struct field *f, const union field_value *value)
{
	uint64_t v = f->n_bytes > 8 ? 0 : load_be(value->b, f->n_bytes);

	// Ports of 32 bits: the 16-bit ones, and as many reserved ones at the end.
	if (f->format == FMT_OF_PORT && f->n_bytes == 4 && v >= (OFPP_MAX & 0xffff) && v < OFPP_MAX)
		return false;
	return !(v & ~valid_bits(f));
}
