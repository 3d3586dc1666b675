// SPDX-License-Identifier: Apache-2.0
#include "core/flow/fields.h"

// Bits of a big-endian byte string, counted from the least significant one.
static bool get_bit(const uint8_t *b, size_t n_bytes, unsigned int i)
{
	return b[n_bytes - 1 - i / 8] >> i % 8 & 1;
}

static void put_bit(uint8_t *b, size_t n_bytes, unsigned int i, bool v)
{
	uint8_t *p = &b[n_bytes - 1 - i / 8];

	*p = (*p & ~(1u << i % 8)) | (unsigned int)v << i % 8;
}

static int parse_range(const char *text, const char **s, struct subfield *sf, struct error *err)
{
	const char *p = *s;
	char *end;
	unsigned long first, last;

	if (*p == ']') {
		*s = p + 1;
		return 0;
	}
	first = last = strtoul(p, &end, 10);
	if (end == p)
		goto syntax;
	if (!strncmp(end, "..", 2)) {
		p = end + 2;
		last = strtoul(p, &end, 10);
		if (end == p)
			goto syntax;
	}
	if (*end != ']')
		goto syntax;
	if (first > last)
		return error_set(err, -EINVAL, "%s: starting bit %lu is after ending bit %lu", text,
				 first, last);
	if (last >= sf->field->n_bits)
		return error_set(err, -EINVAL,
				 "%s: ending bit %lu is not valid because field is only %u bits "
				 "wide",
				 text, last, sf->field->n_bits);
	sf->ofs = first;
	sf->n_bits = last - first + 1;
	*s = end + 1;
	return 0;
syntax:
	return error_set(err, -EINVAL,
			 "%s: syntax error expecting [] or [<bit>] or [<start>..<end>]", text);
}

int subfield_parse(const char **s, struct subfield *ret, struct error *err)
{
	const char *text = *s, *p = text + strcspn(text, "[-");

	*ret = (struct subfield){ .field = field_by_name_n(text, p - text) };
	if (!ret->field)
		return error_set(err, -EINVAL, "%s: unknown field `%.*s'", text, (int)(p - text),
				 text);
	ret->n_bits = ret->field->n_bits;
	*s = p;
	if (*p != '[')
		return 0;
	*s = p + 1;
	return parse_range(text, s, ret, err);
}

void subfield_format(const struct subfield *sf, struct strbuf *out)
{
	const struct field *f = sf->field;

	strbuf_puts(out, f->oxm[0].name ? f->oxm[0].name : f->name);
	if (subfield_is_whole(sf))
		strbuf_puts(out, "[]");
	else if (sf->n_bits == 1)
		strbuf_printf(out, "[%u]", sf->ofs);
	else
		strbuf_printf(out, "[%u..%u]", sf->ofs, sf->ofs + sf->n_bits - 1);
}

// Fields of one word are handled as numbers.
static bool is_number(const struct field *f)
{
	return f->n_bytes <= 8;
}

void subfield_read(const struct subfield *sf, const struct flow_key *key, union field_value *value)
{
	union field_value whole;

	if (subfield_is_whole(sf)) {
		field_read(sf->field, key, value);
		return;
	}
	field_read(sf->field, key, &whole);
	if (is_number(sf->field)) {
		field_value_from_u64(sf->field,
				     field_value_to_u64(sf->field, &whole) >> sf->ofs &
					     low_bits(sf->n_bits),
				     value);
		return;
	}
	memset(value, 0, sf->field->n_bytes);
	for (unsigned int i = 0; i < sf->n_bits; i++)
		put_bit(value->b, sf->field->n_bytes, i,
			get_bit(whole.b, sf->field->n_bytes, sf->ofs + i));
}

void subfield_put(const struct subfield *sf, const union field_value *value,
		  union field_value *whole)
{
	size_t n = sf->field->n_bytes;

	if (is_number(sf->field)) {
		uint64_t bits = low_bits(sf->n_bits) << sf->ofs,
			 old = field_value_to_u64(sf->field, whole) & ~bits,
			 v = field_value_to_u64(sf->field, value) << sf->ofs & bits;

		field_value_from_u64(sf->field, old | v, whole);
		return;
	}
	for (unsigned int i = 0; i < sf->n_bits; i++)
		put_bit(whole->b, n, sf->ofs + i, get_bit(value->b, n, i));
}

void subfield_bits(const struct subfield *sf, union field_value *bits)
{
	if (subfield_is_whole(sf)) {
		field_all_ones(sf->field, bits);
		return;
	}
	if (is_number(sf->field)) {
		field_value_from_u64(sf->field, low_bits(sf->n_bits) << sf->ofs, bits);
		return;
	}
	memset(bits, 0, sf->field->n_bytes);
	for (unsigned int i = 0; i < sf->n_bits; i++)
		put_bit(bits->b, sf->field->n_bytes, sf->ofs + i, true);
}

void subfield_write(const struct subfield *sf, const union field_value *value, struct flow_key *key)
{
	union field_value whole;

	field_read(sf->field, key, &whole);
	subfield_put(sf, value, &whole);
	field_write(sf->field, &whole, key);
}

uint64_t subfield_get(const struct subfield *sf, const struct flow_key *key)
{
	union field_value v;
	uint64_t n = 0;

	if (is_number(sf->field))
		return field_number(sf->field, key) >> sf->ofs & low_bits(sf->n_bits);
	subfield_read(sf, key, &v);
	for (size_t i = 0; i < sf->field->n_bytes; i++)
		n = n << 8 | v.b[i];
	return n;
}

void subfield_set(const struct subfield *sf, uint64_t value, struct flow_key *key)
{
	union field_value v;

	memset(&v, 0, sizeof(v));
	for (size_t i = 0; i < MIN(sf->field->n_bytes, 8); i++, value >>= 8)
		v.b[sf->field->n_bytes - 1 - i] = value;
	subfield_write(sf, &v, key);
}

void subfield_unwildcard(const struct subfield *sf, struct flow_mask *mask)
{
	const struct word_bits *needs;
	size_t n = field_needs(sf->field, &needs);
	union field_value bits, old;

	// The prerequisites through the whole field on a scratch mask would mark too much: only the slice counts.
	subfield_bits(sf, &bits);
	field_read(sf->field, &mask->m, &old);
	for (size_t i = 0; i < sf->field->n_bytes; i++)
		old.b[i] |= bits.b[i];
	field_write(sf->field, &old, &mask->m);
	for (size_t i = 0; i < n; i++)
		flow_words(&mask->m)[needs[i].word] |= needs[i].bits;
}
