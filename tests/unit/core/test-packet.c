// SPDX-License-Identifier: Apache-2.0
// Packets: composed and parsed back, cut short everywhere, changed with checksums right.
#include <check.h>

#include "core/packet/packet.h"
#include "tests/unit/core/flow-testing.h"

static const struct packet_metadata md = {
	.in_port = 3, .recirc_id = 7, .ct_state = CS_TRK, .pkt_mark = 5, .ct_label = { 1, 2 }
};

static void fill(void *p, size_t n)
{
	for (uint8_t *b = p; n--;)
		*b++ = random_u32();
}

static void random_transport(struct flow_key *k, bool v6)
{
	static const uint8_t protos[] = { 1, 2, 6, 17, 58, 132, 47 };

	k->nw_proto = protos[pick(ARRAY_SIZE(protos))];
	k->nw_frag = pick(4) ? 0 : pick(2) ? FLOW_FRAG_ANY : FLOW_FRAG_ANY | FLOW_FRAG_LATER;
	if (k->nw_frag & FLOW_FRAG_LATER)
		return;
	switch (k->nw_proto) {
	case 6:
		k->tcp_flags = htobe16(random_u32() & 0xfff);
		// fall through
	case 17:
	case 132:
		fill(&k->tp_src, 4);
		break;
	case 1:
	case 2:
		if (v6)
			break;
		k->tp_src = htobe16(pick(256));
		k->tp_dst = htobe16(pick(256));
		break;
	case 58:
		if (!v6)
			break;
		k->tp_src = htobe16(pick(2) ? 135 + pick(2) : pick(256));
		k->tp_dst = htobe16(pick(3) ? 0 : pick(256));
		if (k->tp_dst || (be16toh(k->tp_src) != 135 && be16toh(k->tp_src) != 136))
			break;
		fill(&k->nd_target, 16);
		fill(&k->nd_reserved, 4);
		if (pick(2)) {
			k->nd_options_type = be16toh(k->tp_src) == 135 ? 1 : 2;
			fill(be16toh(k->tp_src) == 135 ? &k->arp_sha : &k->arp_tha, 6);
		}
		break;
	}
}

// A key such as a packet can have.
static void random_key(struct flow_key *k)
{
	static const uint16_t types[] = { 0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806,
					  0x8035, 0x8847, 0x894f, 0x1234, 0x05ff };
	uint16_t type = types[pick(ARRAY_SIZE(types))];

	memset(k, 0, sizeof(*k));
	k->in_port = md.in_port;
	k->recirc_id = md.recirc_id;
	k->ct_state = md.ct_state;
	k->pkt_mark = md.pkt_mark;
	memcpy(k->ct_label, md.ct_label, 16);
	fill(&k->eth_dst, 12);
	for (unsigned int i = 0, n = pick(3); i < n; i++) {
		k->vlans[i].tpid = htobe16(pick(2) ? 0x8100 : 0x88a8);
		k->vlans[i].tci = htobe16(random_u32() | VLAN_PRESENT);
	}
	k->eth_type = htobe16(type);
	switch (type) {
	case 0x0800:
		fill(&k->nw_src, 8);
		fill(&k->nw_tos, 2);
		random_transport(k, false);
		break;
	case 0x86dd:
		fill(&k->ipv6_src, 32);
		fill(&k->nw_tos, 2);
		k->ipv6_label = htobe32(random_u32() & 0xfffff);
		random_transport(k, true);
		break;
	case 0x0806:
	case 0x8035:
		fill(&k->nw_src, 8);
		fill(&k->arp_sha, 12);
		k->nw_proto = pick(4);
		break;
	case 0x8847:
		for (int i = 0, n = pick(3); i <= n; i++)
			k->mpls_lse[i] = htobe32((random_u32() & ~0x100u) | (i == n) << 8);
		break;
	case 0x894f:
		k->nsh_mdtype = 1 + pick(2);
		k->nsh_ttl = pick(64);
		k->nsh_flags = pick(4);
		k->nsh_np = pick(256);
		fill(&k->nsh_path, 4);
		if (k->nsh_mdtype == 1)
			fill(k->nsh_context, 16);
		break;
	}
}

struct made {
	struct strbuf buf;
	struct packet p;
};

#define ROOM 64

static void make(const struct flow_key *k, size_t payload, struct made *m)
{
	m->buf = (struct strbuf)STRBUF_INIT;
	strbuf_put_zeros(&m->buf, ROOM);
	packet_compose(k, payload, &m->buf);
	m->p = (struct packet){ .data = (uint8_t *)m->buf.s + ROOM,
				.size = m->buf.len - ROOM,
				.headroom = ROOM };
}

static void check_mini(struct packet *p, const struct flow_key *key, int error)
{
	struct miniflow_buf want, got;
	struct packet again = *p;
	uint64_t hash;

	ck_assert_int_eq(packet_parse_mini(&again, &md, &got.mf, &hash), error);
	miniflow_pack(&want.mf, key);
	ck_assert(miniflow_equal(&want.mf, &got.mf));
	ck_assert_uint_eq(hash, packet_connection_hash(key));
	ck_assert_uint_eq(again.l2_5, p->l2_5);
	ck_assert_uint_eq(again.l3, p->l3);
	ck_assert_uint_eq(again.l4, p->l4);
}

START_TEST(round_trip)
{
	random_seed(_i);
	for (int i = 0; i < 3000; i++) {
		struct flow_key key, back;
		struct made m;

		random_key(&key);
		make(&key, pick(80), &m);
		ck_assert_int_eq(packet_parse(&m.p, &md, &back), 0);
		if (!flow_key_equal(&key, &back)) {
			AUTO(strbuf) a = STRBUF_INIT, b = STRBUF_INIT;

			dp_key_format(&key, NULL, NULL, NULL, true, &a);
			dp_key_format(&back, NULL, NULL, NULL, true, &b);
			ck_abort_msg("made  %s\nfound %s", a.s, b.s);
		}
		check_mini(&m.p, &back, 0);
		ck_assert(packet_fix_checksums(&m.p));
		strbuf_uninit(&m.buf);
	}
}
END_TEST

#define TRAIN 24

// Copies of a packet in which some bytes differ, parsed as a burst: each as if it were alone.
static void check_train(const struct packet *first)
{
	const struct packet_metadata *mds[TRAIN];
	struct packet packets[TRAIN], *p[TRAIN];
	const struct miniflow *keys[TRAIN];
	static struct miniflow_buf bufs[TRAIN];
	uint8_t *bytes[TRAIN];
	uint64_t hashes[TRAIN], failed;

	for (int i = 0; i < TRAIN; i++) {
		size_t size = first->size - (pick(8) ? 0 : pick(first->size));

		bytes[i] = xmemdup(first->data, size);
		if (size && pick(2))
			bytes[i][pick(pick(2) ? size : MIN(size, 60))] ^= 1u << pick(8);
		packets[i] = (struct packet){ .data = bytes[i], .size = size };
		p[i] = &packets[i];
		mds[i] = &md;
	}
	failed = packet_parse_burst(p, mds, TRAIN, bufs, keys, hashes);
	for (int i = 0; i < TRAIN; i++) {
		struct packet alone = { .data = bytes[i], .size = packets[i].size };
		struct miniflow_buf want;
		struct flow_key key;
		int error = packet_parse(&alone, &md, &key);

		ck_assert_int_eq(error != 0, failed >> i & 1);
		miniflow_pack(&want.mf, &key);
		ck_assert(miniflow_equal(&want.mf, keys[i]));
		ck_assert_uint_eq(hashes[i], packet_connection_hash(&key));
		ck_assert_uint_eq(alone.l3, packets[i].l3);
		ck_assert_uint_eq(alone.l4, packets[i].l4);
		ck_assert_uint_eq(alone.l2_5, packets[i].l2_5);
		free(bytes[i]);
	}
}

START_TEST(trains)
{
	random_seed(400 + _i);
	for (int i = 0; i < 1500; i++) {
		struct flow_key key;
		struct made m;

		random_key(&key);
		make(&key, pick(40), &m);
		check_train(&m.p);
		strbuf_uninit(&m.buf);
	}
}
END_TEST

// No reads behind the end (the sanitizer sees them: the copy is exactly as long), and both parsers agree.
START_TEST(truncation)
{
	random_seed(100 + _i);
	for (int i = 0; i < 150; i++) {
		struct flow_key key, back;
		struct made m;

		random_key(&key);
		make(&key, 10, &m);
		for (size_t n = 0; n <= m.p.size; n++) {
			AUTO_FREE uint8_t *copy = xmemdup(m.p.data, n);
			struct packet p = { .data = copy, .size = n };

			ck_assert_int_eq(packet_parse(&p, &md, &back), n < 14 ? -EINVAL : 0);
			check_mini(&p, &back, n < 14 ? -EINVAL : 0);
		}
		strbuf_uninit(&m.buf);
	}
}
END_TEST

START_TEST(garbage)
{
	random_seed(200 + _i);
	for (int i = 0; i < 3000; i++) {
		struct flow_key key, back;
		struct made m;

		random_key(&key);
		make(&key, 30, &m);
		for (int j = pick(6); j >= 0; j--)
			m.p.data[12 + pick(m.p.size - 12)] = random_u32();
		ck_assert_int_eq(packet_parse(&m.p, &md, &back), 0);
		check_mini(&m.p, &back, 0);
		// Edits of whatever this is stay inside.
		for (unsigned int f = 0; f < FIELD_MAX; f++) {
			uint8_t v[16], mask[16];

			fill(v, 16);
			fill(mask, 16);
			packet_set_field(&m.p, f, v, mask);
			if (packet_parse(&m.p, &md, &back))
				break;
		}
		strbuf_uninit(&m.buf);
	}
}
END_TEST

// Fields that tell what the packet is: changing them makes it another one.
static bool is_structural(enum field_id id, const struct flow_key *k)
{
	bool icmp6 = k->nw_proto == 58 && k->eth_type == htobe16(0x86dd);

	return id == FIELD_ND_OPTIONS_TYPE ||
	       (icmp6 && (id == FIELD_ICMPV6_TYPE || id == FIELD_ICMPV6_CODE));
}

static void check_set(struct made *m, struct flow_key *key, const struct field *f)
{
	union field_value v, mask, all;
	struct flow_key want = *key, got;

	memset(&v, 0, sizeof(v));
	fill(v.b, f->n_bytes);
	fill(mask.b, f->n_bytes);
	field_all_ones(f, &all);
	for (size_t i = 0; i < f->n_bytes; i++) {
		mask.b[i] &= pick(2) ? all.b[i] : 0xff & all.b[i];
		v.b[i] &= all.b[i];
	}
	// The header has not all bits of these.
	if (f->id == FIELD_NSH_TTL || f->id == FIELD_NSH_FLAGS)
		mask.b[0] &= f->id == FIELD_NSH_TTL ? 0x3f : 3;
	if (!packet_set_field(&m->p, f->id, v.b, mask.b))
		return;
	field_write_masked(f, &v, &mask, &want);
	ck_assert_int_eq(packet_parse(&m->p, &md, &got), 0);
	want.vlans[0].tci |= key->vlans[0].tci & htobe16(VLAN_PRESENT);
	if (!flow_key_equal(&want, &got)) {
		AUTO(strbuf) a = STRBUF_INIT, b = STRBUF_INIT;

		dp_key_format(&want, NULL, NULL, NULL, true, &a);
		dp_key_format(&got, NULL, NULL, NULL, true, &b);
		ck_abort_msg("set %s\nwant  %s\nfound %s", f->name, a.s, b.s);
	}
	*key = got;
	ck_assert_msg(packet_fix_checksums(&m->p), "set %s breaks a checksum", f->name);
}

START_TEST(edits)
{
	random_seed(300 + _i);
	for (int i = 0; i < 800; i++) {
		struct flow_key key;
		struct made m;

		random_key(&key);
		make(&key, pick(50), &m);
		packet_parse(&m.p, &md, &key);
		for (unsigned int id = 0; id < FIELD_MAX; id++)
			if (field_is_present(field_get(id), &key) && !is_structural(id, &key))
				check_set(&m, &key, field_get(id));
		strbuf_uninit(&m.buf);
	}
}
END_TEST

START_TEST(vlan)
{
	random_seed(1);
	for (int i = 0; i < 500; i++) {
		struct flow_key key, got;
		struct made m;

		random_key(&key);
		if (key.vlans[1].tci)
			continue;
		make(&key, 20, &m);
		packet_parse(&m.p, &md, &key);
		ck_assert(packet_push_vlan(&m.p, htobe16(0x8100), htobe16(0x6005 | VLAN_PRESENT)));
		packet_parse(&m.p, &md, &got);
		ck_assert_uint_eq(be16toh(got.vlans[0].tci), 0x6005 | VLAN_PRESENT);
		ck_assert(!memcmp(&got.vlans[1], &key.vlans[0], sizeof(key.vlans[0])));
		packet_pop_vlan(&m.p);
		packet_parse(&m.p, &md, &got);
		ck_assert(flow_key_equal(&key, &got));
		m.p.headroom = 3;
		ck_assert(!packet_push_vlan(&m.p, htobe16(0x8100), 0));
		strbuf_uninit(&m.buf);
	}
}
END_TEST

START_TEST(tags_beyond_the_limit_are_payload)
{
	random_seed(2);
	for (int i = 0; i < 500; i++) {
		struct flow_key key, got, want;
		struct made m;
		uint16_t l3;

		random_key(&key);
		if (!key.vlans[1].tci)
			continue;
		make(&key, 20, &m);
		packet_parse(&m.p, &md, &key);
		l3 = m.p.l3;
		packet_set_tag_limit(1);
		ck_assert_int_eq(packet_parse(&m.p, &md, &got), 0);
		memset(&want, 0, sizeof(want));
		memcpy(&want, &key, offsetof(struct flow_key, eth_type));
		want.vlans[0] = key.vlans[0];
		want.eth_type = key.vlans[1].tpid;
		ck_assert(flow_key_equal(&got, &want));
		check_mini(&m.p, &got, 0);
		ck_assert_uint_eq(m.p.l3, UINT16_MAX);
		ck_assert_int_eq(packet_locate(&m.p), 0);
		ck_assert_uint_eq(m.p.l3, l3);
		packet_set_tag_limit(FLOW_MAX_VLANS);
		strbuf_uninit(&m.buf);
	}
}
END_TEST

START_TEST(mpls)
{
	random_seed(2);
	for (int i = 0; i < 500; i++) {
		be16 type = htobe16(pick(2) ? 0x8847 : 0x8848);
		be32 lse = htobe32(random_u32() | 0x100);
		struct flow_key key, got;
		struct made m;

		random_key(&key);
		make(&key, 20, &m);
		packet_parse(&m.p, &md, &key);
		ck_assert(packet_push_mpls(&m.p, type, lse));
		packet_parse(&m.p, &md, &got);
		ck_assert_uint_eq(got.eth_type, type);
		ck_assert_uint_eq(got.mpls_lse[0], lse);
		ck_assert(!memcmp(got.vlans, key.vlans, sizeof(key.vlans)));
		ck_assert(!got.nw_src && !got.nw_proto);
		ck_assert(packet_push_mpls(&m.p, type, htobe32(0x5000)));
		packet_parse(&m.p, &md, &got);
		ck_assert_uint_eq(got.mpls_lse[1], lse);
		packet_pop_mpls(&m.p, type);
		packet_pop_mpls(&m.p,
				key.eth_type == htobe16(0x05ff) ? htobe16(0x0100) : key.eth_type);
		packet_parse(&m.p, &md, &got);
		ck_assert(flow_key_equal(&key, &got));
		// Without a label, and without room.
		if (key.eth_type != htobe16(0x8847)) {
			packet_pop_mpls(&m.p, htobe16(0x0800));
			packet_parse(&m.p, &md, &got);
			ck_assert(flow_key_equal(&key, &got));
		}
		m.p.headroom = 3;
		ck_assert(!packet_push_mpls(&m.p, type, lse));
		m.p.size = 13;
		packet_pop_mpls(&m.p, type);
		ck_assert_uint_eq(m.p.size, 13);
		strbuf_uninit(&m.buf);
	}
}
END_TEST

START_TEST(a_ttl_that_has_run_out_stays)
{
	random_seed(3);
	for (int i = 0; i < 500; i++) {
		struct flow_key key, got;
		struct made m;
		bool left;

		random_key(&key);
		if (flow_is_ip(&key))
			key.nw_ttl = pick(4);
		make(&key, 20, &m);
		packet_parse(&m.p, &md, &key);
		left = packet_dec_ttl(&m.p);
		packet_parse(&m.p, &md, &got);
		ck_assert_int_eq(left, !flow_is_ip(&key) || key.nw_ttl > 1);
		key.nw_ttl -= left && flow_is_ip(&key);
		ck_assert(flow_key_equal(&key, &got));
		ck_assert(packet_fix_checksums(&m.p));
		strbuf_uninit(&m.buf);
	}
}
END_TEST

static const struct {
	const char *name;
	uint16_t eth_type;
	uint8_t proto;
	size_t cut; // bytes that are missing at the end
	size_t at; // of the checksum, behind the transport header's beginning
	bool completes;
} left_to_nics[] = {
	{ "UDP", 0x0800, 17, 0, 6, true },	     { "TCP", 0x0800, 6, 0, 16, true },
	{ "UDP over IPv6", 0x86dd, 17, 0, 6, true }, { "TCP over IPv6", 0x86dd, 6, 0, 16, true },
	{ "cut short", 0x0800, 17, 1, 6, false },    { "ICMPv6", 0x86dd, 58, 0, 2, false },
};

START_TEST(a_checksum_that_was_left_to_a_nic_is_filled_in)
{
	struct flow_key key = {
		.eth_type = htobe16(left_to_nics[_i].eth_type),
		.nw_proto = left_to_nics[_i].proto,
		.nw_src = htobe32(0x0a000001),
		.nw_dst = htobe32(0x0a000002),
		.nw_ttl = 64,
		.tp_src = htobe16(128),
		.tp_dst = htobe16(0),
	};
	uint8_t right[2], *at;
	uint32_t sum, pseudo;
	struct made m;

	make(&key, 33, &m);
	ck_assert_int_eq(packet_parse(&m.p, &md, &key), 0);
	ck_assert_uint_ne(m.p.l4, UINT16_MAX);
	at = m.p.data + m.p.l4 + left_to_nics[_i].at;
	memcpy(right, at, 2);
	// One that is right stays, and so does one that is wrong.
	ck_assert(!packet_complete_checksum(&m.p));
	ck_assert_mem_eq(at, right, 2);
	at[1] ^= 1;
	ck_assert(!packet_complete_checksum(&m.p));
	at[1] ^= 1;
	ck_assert_mem_eq(at, right, 2);
	// What is left of the sum when that over the transport header and its payload, without the field, is taken off.
	memset(at, 0, 2);
	sum = checksum(m.p.data + m.p.l4, m.p.size - m.p.l4, 0);
	pseudo = (uint16_t) ~(right[0] << 8 | right[1]) + sum;
	pseudo = (pseudo & 0xffff) + (pseudo >> 16);
	at[0] = pseudo >> 8;
	at[1] = pseudo;
	m.p.size -= left_to_nics[_i].cut;
	ck_assert_msg(packet_complete_checksum(&m.p) == left_to_nics[_i].completes, "%s",
		      left_to_nics[_i].name);
	if (left_to_nics[_i].completes)
		ck_assert_mem_eq(at, right, 2);
	strbuf_uninit(&m.buf);
}
END_TEST

START_TEST(a_connection_s_tuple_is_in_both_keys)
{
	struct flow_key tuple = { .ct_nw_proto = 17 };
	struct packet_metadata tracked = md;

	random_seed(4);
	tracked.ct_tuple = &tuple;
	for (int i = 0; i < 500; i++) {
		struct miniflow_buf want, got, burst;
		const struct packet_metadata *mds = &tracked;
		const struct miniflow *packed;
		struct flow_key key, dense;
		struct packet *p;
		uint64_t hash;
		struct made m;

		fill(&tuple.ct_nw_src, 8);
		fill(&tuple.ct_ipv6_src, 32);
		fill(&tuple.ct_tp_src, 4);
		random_key(&key);
		make(&key, 20, &m);
		p = &m.p;
		ck_assert_int_eq(packet_parse(p, &tracked, &dense), 0);
		ck_assert_uint_eq(dense.ct_nw_proto, 17);
		ck_assert_uint_eq(dense.ct_nw_src, tuple.ct_nw_src);
		ck_assert_uint_eq(dense.ct_tp_dst, tuple.ct_tp_dst);
		miniflow_pack(&want.mf, &dense);
		ck_assert_int_eq(packet_parse_mini(p, &tracked, &got.mf, &hash), 0);
		ck_assert(miniflow_equal(&want.mf, &got.mf));
		ck_assert_uint_eq(hash, packet_connection_hash(&dense));
		ck_assert_uint_eq(packet_parse_burst(&p, &mds, 1, &burst, &packed, &hash), 0);
		ck_assert(miniflow_equal(&want.mf, packed));
		ck_assert_ptr_eq(packet_metadata_of(&dense).ct_tuple, &dense);
		strbuf_uninit(&m.buf);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("packet");

	tcase_add_loop_test(t, round_trip, 0, 3);
	tcase_add_loop_test(t, truncation, 0, 3);
	tcase_add_loop_test(t, trains, 0, 3);
	tcase_add_loop_test(t, garbage, 0, 3);
	tcase_add_loop_test(t, edits, 0, 3);
	tcase_add_test(t, vlan);
	tcase_add_test(t, tags_beyond_the_limit_are_payload);
	tcase_add_test(t, mpls);
	tcase_add_test(t, a_ttl_that_has_run_out_stays);
	tcase_add_loop_test(t, a_checksum_that_was_left_to_a_nic_is_filled_in, 0,
			    ARRAY_SIZE(left_to_nics));
	tcase_add_test(t, a_connection_s_tuple_is_in_both_keys);
	return run_case(t);
}
