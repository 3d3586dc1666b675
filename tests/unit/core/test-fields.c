// SPDX-License-Identifier: Apache-2.0
// Walks fields.def: every field reads what was written, prints what it parses, and survives the wire.
#include <check.h>

#include "tests/unit/core/flow-testing.h"

static void random_value(const struct field *f, union field_value *v, union field_value *all)
{
	memset(v, 0, sizeof(*v));
	memset(all, 0, sizeof(*all));
	field_all_ones(f, all);
	for (size_t i = 0; i < f->n_bytes; i++)
		v->b[i] = random_u32() & all->b[i];
	// A port of 32 bits is one of 16, or reserved.
	if (f->format == FMT_OF_PORT && f->n_bytes == 4) {
		v->b[0] = v->b[1] = 0;
		v->b[2] &= 0x7f;
	}
	if (f->id == FIELD_TUN_FLAGS)
		v->b[1] &= 1;
}

START_TEST(table)
{
	const struct field *f = field_get(_i);

	ck_assert_int_eq(f->id, _i);
	ck_assert_ptr_nonnull(f->name);
	ck_assert(field_by_name(f->name) == f);
	ck_assert(!f->alias || field_by_name(f->alias) == f);
	ck_assert_msg(f->n_bits <= f->n_bytes * 8u, "%s", f->name);
	for (size_t i = 0; i < ARRAY_SIZE(f->oxm); i++) {
		const struct field_oxm *c = &f->oxm[i];

		if (!c->name)
			continue;
		ck_assert_msg(field_by_oxm(c->class, c->field, c->experimenter) == f, "%s",
			      c->name);
		ck_assert(field_by_name(c->name) == f);
	}
}
END_TEST

START_TEST(read_write)
{
	const struct field *f = field_get(_i);

	random_seed(_i);
	for (int i = 0; i < 50; i++) {
		union field_value v, back, all;
		struct flow_key k;

		memset(&k, 0, sizeof(k));
		memset(&back, 0, sizeof(back));
		random_value(f, &v, &all);
		if (f->at == FIELD_AT_PORT10)
			v.b[0] &= 0x7f;
		field_write(f, &v, &k);
		field_read(f, &k, &back);
		ck_assert_msg(!memcmp(&v, &back, f->n_bytes), "%s", f->name);
		ck_assert(field_value_is_valid(f, &v));
		memset(&k, 0xff, sizeof(k));
		field_write(f, &v, &k);
		field_read(f, &k, &back);
		ck_assert_msg(!memcmp(&v, &back, f->n_bytes), "%s over ones", f->name);
	}
}
END_TEST

START_TEST(text)
{
	const struct field *f = field_get(_i);

	random_seed(_i);
	for (int i = 0; i < 50; i++) {
		union field_value v, mask, all, v2, mask2;
		AUTO(strbuf) s = STRBUF_INIT;
		struct error err = ERROR_INIT;

		memset(&v2, 0, sizeof(v2));
		memset(&mask2, 0, sizeof(mask2));
		random_value(f, &v, &all);
		mask = all;
		if (f->maskable && i % 2 && f->format != FMT_FRAG && f->format != FMT_TNL_FLAGS)
			for (size_t b = 0; b < f->n_bytes; b++) {
				mask.b[b] &= random_u32() | 1;
				v.b[b] &= mask.b[b];
			}
		if (is_all_zeros(&mask, f->n_bytes))
			continue;
		if (f->format == FMT_FRAG)
			v.u8 = "\0\1\3"[i % 3];
		if (f->format == FMT_OF_PORT)
			memset(v.b, 0, f->n_bytes - 1);
		field_format(f, &v, &mask, &s);
		ck_assert_msg(!field_parse(f, s.s, &v2, &mask2, &err), "%s=%s: %s", f->name, s.s,
			      err.text);
		ck_assert_msg(!memcmp(&v, &v2, f->n_bytes), "%s=%s", f->name, s.s);
		ck_assert_msg(!memcmp(&mask, &mask2, f->n_bytes), "%s=%s", f->name, s.s);
	}
}
END_TEST

START_TEST(oxm)
{
	const struct field *f = field_get(_i);

	if (!f->oxm[0].name)
		return;
	random_seed(_i);
	for (int i = 0; i < 60; i++) {
		uint8_t version = 1 + i % 6;
		union field_value v, mask, all, v2, mask2;
		AUTO(strbuf) s = STRBUF_INIT;
		const struct field *got;
		struct error err = ERROR_INIT;
		struct reader r;

		random_value(f, &v, &all);
		mask = all;
		if (f->maskable && i % 2)
			for (size_t b = 0; b < f->n_bytes; b++) {
				mask.b[b] &= random_u32();
				v.b[b] &= mask.b[b];
			}
		field_put_oxm(f, version, &v, &mask, &s);
		r = rd_init(s.s, s.len);
		ck_assert_msg(!field_get_oxm(&r, &got, &v2, &mask2, &err), "%s: %s", f->name,
			      err.text);
		ck_assert_int_eq(rd_finish(&r), 0);
		ck_assert(got == f);
		ck_assert(!memcmp(&v, &v2, f->n_bytes) && !memcmp(&mask, &mask2, f->n_bytes));
		for (size_t n = 0; n < s.len; n++) {
			r = rd_init(s.s, n);
			ck_assert(field_get_oxm(&r, &got, &v2, &mask2, NULL) || rd_status(&r));
		}
		strbuf_clear(&s);
		field_put_oxm_header(f, version, &s);
		r = rd_init(s.s, s.len);
		ck_assert(!field_get_oxm_header(&r, &got, &err) && got == f);
	}
}
END_TEST

// A match of a field and what it needs goes over the wire and through text unchanged.
START_TEST(in_a_match)
{
	static const char *const needs[NEED_MAX] = {
		[NEED_VLAN] = "vlan_tci=0x1000/0x1000,",
		[NEED_MPLS] = "mpls,",
		[NEED_IPV4] = "ip,",
		[NEED_IPV6] = "ipv6,",
		[NEED_IP] = "ip,",
		[NEED_ARP] = "arp,",
		[NEED_TCP] = "tcp,",
		[NEED_UDP] = "udp,",
		[NEED_SCTP] = "sctp,",
		[NEED_ICMPV4] = "icmp,",
		[NEED_ICMPV6] = "icmp6,",
		[NEED_ND] = "icmp6,icmpv6_type=135,icmpv6_code=0,",
		[NEED_ND_SOLICIT] = "icmp6,icmpv6_type=135,icmpv6_code=0,",
		[NEED_ND_ADVERT] = "icmp6,icmpv6_type=136,icmpv6_code=0,",
		[NEED_NSH] = "dl_type=0x894f,",
		[NEED_CT] = "ip,ct_state=+trk+est,",
		[NEED_CT_IPV4] = "ip,ct_state=+trk+est,",
		[NEED_CT_IPV6] = "ipv6,ct_state=+trk+est,",
		[NEED_CT_PORTS] = "ip,ct_state=+trk+est,ct_nw_proto=6,",
	};
	const struct field *f = field_get(_i);
	const char *need = needs[f->need] ? needs[f->need] : "";

	if (f->id == FIELD_PACKET_TYPE || f->id == FIELD_ETH_TYPE)
		return;
	random_seed(_i);
	for (int i = 0; i < 24; i++) {
		struct match m, back;
		union field_value v, all;
		struct error err = ERROR_INIT;
		AUTO(strbuf) s = STRBUF_INIT;
		AUTO_FREE char *text = NULL;

		ck_assert_int_eq(match_from_text(need, &m, &err), 0);
		random_value(f, &v, &all);
		if (f->format == FMT_FRAG)
			v.u8 = "\0\1\3"[i % 3];
		if (f->format == FMT_OF_PORT)
			memset(v.b, 0, f->n_bytes - 1);
		if (f->id == FIELD_VLAN_VID)
			v.b[0] |= 0x10;
		match_set_field(&m, f, &v, &all);
		back = m;
		ck_assert_msg(!match_normalize(&back), "%s", f->name);
		text = match_to_string(&m, NULL);
		ck_assert_msg(!match_from_text(text, &back, &err), "%s: %s", text, err.text);
		ck_assert_msg(match_equal(&m, &back), "%s", text);
		if (!f->oxm[0].name && f->at != FIELD_AT_DL_VLAN && f->at != FIELD_AT_VLAN_PCP)
			continue;
		for (uint8_t version = 1; version <= 6; version++) {
			enum match_error e;

			strbuf_clear(&s);
			match_put_oxm(&m, version, &s);
			e = match_get_oxm(&back, s.s, s.len, true, &err);
			ck_assert_msg(!e, "%s in version %d: %s", text, version, err.text);
			// OXM cannot say all that the TCI of NXM can.
			if (f->id != FIELD_VLAN_TCI)
				ck_assert_msg(match_equal(&m, &back), "%s in version %d", text,
					      version);
		}
	}
}
END_TEST

START_TEST(subfields)
{
	const struct field *f = field_get(_i);

	random_seed(_i);
	for (int i = 0; i < 40 && f->n_bits > 1; i++) {
		unsigned int first = random_u32() % f->n_bits;
		unsigned int n = 1 + random_u32() % (f->n_bits - first);
		struct subfield sf = { f, first, n }, back;
		AUTO(strbuf) s = STRBUF_INIT;
		struct flow_key k;
		struct error err = ERROR_INIT;
		const char *p;
		uint64_t v = random_u32();

		subfield_format(&sf, &s);
		p = s.s;
		ck_assert_msg(!subfield_parse(&p, &back, &err) && !*p, "%s: %s", s.s, err.text);
		ck_assert_msg(back.field == f && back.ofs == first && back.n_bits == n, "%s", s.s);
		if (f->at == FIELD_AT_PORT10)
			continue;
		memset(&k, 0, sizeof(k));
		v &= n >= 64 ? UINT64_MAX : (1ULL << n) - 1;
		subfield_set(&sf, v, &k);
		if (f->id != FIELD_TUN_FLAGS)
			ck_assert_msg(subfield_get(&sf, &k) == v || f->at == FIELD_AT_TOS ||
					      f->at == FIELD_AT_HOST,
				      "%s", s.s);
	}
}
END_TEST

static bool is_within(const struct flow_key *k, struct word_range r)
{
	for (size_t w = 0; w < FLOW_WORDS; w++)
		if ((w < r.first || w >= r.end) && flow_words_const(k)[w])
			return false;
	return true;
}

START_TEST(words_are_all_that_a_field_touches)
{
	const struct field *f = field_get(_i);
	struct flow_key k = { 0 };
	union field_value ones;

	field_all_ones(f, &ones);
	field_write(f, &ones, &k);
	ck_assert(is_within(&k, field_words(f)));
}
END_TEST

// Bits by chance, but of kinds of packets that there are.
static void random_key(struct flow_key *k)
{
	static const uint16_t types[] = { 0x0800, 0x86dd, 0x0806, 0x8847, 0x894f, 0x1234 };
	static const uint8_t protos[] = { 1, 6, 17, 58, 132, 99 };

	for (size_t w = 0; w < FLOW_WORDS; w++)
		flow_words(k)[w] = (uint64_t)random_u32() << 32 | random_u32();
	if (random_u32() % 2)
		k->packet_type = 0;
	k->eth_type = htobe16(types[random_u32() % ARRAY_SIZE(types)]);
	k->nw_proto = protos[random_u32() % ARRAY_SIZE(protos)];
	k->ct_nw_proto = protos[random_u32() % ARRAY_SIZE(protos)];
	if (random_u32() % 2) {
		k->tp_src = htobe16(135 + random_u32() % 2);
		k->tp_dst = 0;
	}
}

// No other bit may: a megaflow that does not match it is for packets with the field and without. (Of ND's types the upper bytes are
// zero in every packet.)
START_TEST(needs_have_all_bits_that_decide_whether_a_field_is_there)
{
	const struct field *f = field_get(_i);
	const struct word_bits *needs;
	size_t n = field_needs(f, &needs), n_present = 0;
	struct flow_mask m = { 0 };

	random_seed(_i);
	for (size_t i = 0; i < n; i++)
		flow_words(&m.m)[needs[i].word] |= needs[i].bits;
	m.m.tp_src |= htobe16(0xff00);
	m.m.tp_dst |= htobe16(0xff00);
	for (int i = 0; i < 2000; i++) {
		struct flow_key k, other;

		random_key(&k);
		random_key(&other);
		for (size_t w = 0; w < FLOW_WORDS; w++) {
			uint64_t bits = flow_words(&m.m)[w];

			flow_words(&other)[w] =
				(flow_words(&k)[w] & bits) | (flow_words(&other)[w] & ~bits);
		}
		ck_assert_msg(field_is_present(f, &k) == field_is_present(f, &other), "%s",
			      f->name);
		n_present += field_is_present(f, &k);
	}
	ck_assert_msg(n_present, "%s", f->name);
	ck_assert(n ? n_present < 2000 : n_present == 2000);
}
END_TEST

START_TEST(what_is_not_in_a_word_is_a_whole_member)
{
	const struct field *f = field_get(_i);

	if (!field_is_in_word(f) && (f->at == FIELD_AT_BE || f->at == FIELD_AT_HOST))
		ck_assert_msg(f->at == FIELD_AT_BE && !f->shift && f->n_bits == 8 * f->size, "%s",
			      f->name);
}
END_TEST

START_TEST(numbers_stand_in_a_word_as_they_are_written)
{
	const struct field *f = field_get(_i);
	union field_value v;

	if (!field_is_in_word(f))
		return;
	random_seed(_i);
	for (int i = 0; i < 40; i++) {
		uint64_t n = (uint64_t)random_u32() << 32 | random_u32();
		struct flow_key written = { 0 }, k = { 0 };

		n &= low_bits(i < 20 ? f->n_bits : random_u32() % 64);
		field_value_from_u64(f, n, &v);
		field_write(f, &v, &written);
		flow_words(&k)[field_word(f)] = field_word_bits(f, field_value_to_u64(f, &v));
		ck_assert_mem_eq(&k, &written, sizeof(k));
		ck_assert_uint_eq(field_word_bits(f, field_number(f, &k)),
				  flow_words(&k)[field_word(f)]);
	}
}
END_TEST

// A slice by single bits.
static bool bit(const struct field *f, const union field_value *v, unsigned int i)
{
	return v->b[f->n_bytes - 1 - i / 8] >> i % 8 & 1;
}

START_TEST(slices_are_those_bits)
{
	const struct field *f = field_get(_i);
	union field_value v, whole, old, bits;

	random_seed(_i);
	for (int i = 0; i < 40; i++) {
		unsigned int first = random_u32() % f->n_bits,
			     n = 1 + random_u32() % (f->n_bits - first);
		struct subfield sf = { f, first, n };

		for (size_t b = 0; b < f->n_bytes; b++) {
			v.b[b] = random_u32();
			whole.b[b] = old.b[b] = random_u32();
		}
		subfield_put(&sf, &v, &whole);
		subfield_bits(&sf, &bits);
		for (unsigned int b = 0; b < f->n_bits; b++) {
			bool in = b >= first && b < first + n;

			ck_assert_int_eq(bit(f, &whole, b),
					 in ? bit(f, &v, b - first) : bit(f, &old, b));
			if (!subfield_is_whole(&sf))
				ck_assert_int_eq(bit(f, &bits, b), in);
		}
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fields");

	tcase_add_loop_test(t, table, 0, FIELD_MAX);
	tcase_add_loop_test(t, read_write, 0, FIELD_MAX);
	tcase_add_loop_test(t, text, 0, FIELD_MAX);
	tcase_add_loop_test(t, oxm, 0, FIELD_MAX);
	tcase_add_loop_test(t, in_a_match, 0, FIELD_MAX);
	tcase_add_loop_test(t, subfields, 0, FIELD_MAX);
	tcase_add_loop_test(t, words_are_all_that_a_field_touches, 0, FIELD_MAX);
	tcase_add_loop_test(t, needs_have_all_bits_that_decide_whether_a_field_is_there, 0,
			    FIELD_MAX);
	tcase_add_loop_test(t, numbers_stand_in_a_word_as_they_are_written, 0, FIELD_MAX);
	tcase_add_loop_test(t, what_is_not_in_a_word_is_a_whole_member, 0, FIELD_MAX);
	tcase_add_loop_test(t, slices_are_those_bits, 0, FIELD_MAX);
	return run_case(t);
}
