// SPDX-License-Identifier: Apache-2.0
// Damaged messages: of every type, thousands with bits turned over, cut short, and with lengths
// that lie, outer and inner ones. They are refused or decoded; what is decoded as a rule or a group is encoded in every version.
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/vec.h"
#include "ofproto/openflow/group.h"
#include "tests/unit/core/flow-testing.h"

#define DAMAGES 2000 // of each type
#define MAX_MESSAGE 2048

struct sample {
	struct strbuf bytes;
	enum msg_type type;
	uint8_t version;
};

static VEC(struct sample) samples;

static void add_sample(const char *path)
{
	struct sample s = { .type = MSG_MAX };
	struct msg m;

	if (strbuf_read_file(&s.bytes, path) || s.bytes.len < 8 || s.bytes.len > MAX_MESSAGE) {
		strbuf_uninit(&s.bytes);
		return;
	}
	wr_patch_be16(&s.bytes, 2, s.bytes.len);
	if (msg_decode_header(s.bytes.s, s.bytes.len, &m)) {
		strbuf_uninit(&s.bytes);
		return;
	}
	s.type = m.type;
	s.version = m.version;
	VEC_PUSH(&samples, s);
}

static void read_samples(void)
{
	AUTO_FREE char *dir = xasprintf("%s/tests/fuzz/corpus/ofp-decode", test_srcdir());
	DIR *d = opendir(dir);
	struct dirent *e;

	ck_assert_msg(d != NULL, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d)) != NULL) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, e->d_name);

		if (e->d_name[0] != '.')
			add_sample(path);
	}
	closedir(d);
}

static void free_samples(void)
{
	struct sample *s;

	VEC_FOR_EACH (s, &samples)
		strbuf_uninit(&s->bytes);
	VEC_FREE(&samples);
}

// ---- Damage ----

static void turn_bits(uint8_t *p, size_t n)
{
	for (unsigned int i = 1 + random_u32() % 4; i > 0; i--)
		p[random_u32() % n] ^= 1u << random_u32() % 8;
}

// 16 bits somewhere become what a length could be: none, too little, just wrong, far too much.
static void lie(uint8_t *p, size_t n)
{
	static const uint16_t lies[] = { 0, 1, 4, 7, 8, 0xfff8, 0xffff };
	size_t ofs = 8 + random_u32() % (n - 8);
	uint16_t v = lies[random_u32() % ARRAY_SIZE(lies)];

	if (ofs + 2 > n)
		return;
	if (random_u32() % 2)
		v = (p[ofs] << 8 | p[ofs + 1]) + (int)(random_u32() % 17) - 8;
	p[ofs] = v >> 8;
	p[ofs + 1] = v;
}

// A copy of exactly that size, so that a read behind it is seen.
static uint8_t *damaged(const struct sample *s, size_t *ret_n)
{
	size_t n = s->bytes.len;
	uint8_t *p;

	if (random_u32() % 3 == 0)
		n = 8 + random_u32() % (n - 7);
	p = xmemdup(s->bytes.s, n);
	if (n > 8 && random_u32() % 2)
		lie(p, n);
	if (random_u32() % 4)
		turn_bits(p, n);
	p[2] = n >> 8;
	p[3] = n;
	*ret_n = n;
	return p;
}

static void encode_again(const struct msg *m)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct group_mod gm;
	struct flow_mod fm;

	if (m->type == MSG_FLOW_MOD) {
		flow_mod_init(&fm);
		if (!flow_mod_decode(m, &fm))
			for (uint8_t v = OFP10; v <= OFP15; v++)
				flow_mod_encode(&fm, v, m->xid, &out);
		flow_mod_uninit(&fm);
	} else if (m->type == MSG_GROUP_MOD) {
		if (!group_mod_decode(m, &gm))
			for (uint8_t v = OFP10; v <= OFP15; v++)
				group_mod_encode(&gm, v, m->xid, &out);
		group_mod_uninit(&gm);
	}
}

static void take(const uint8_t *p, size_t n)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct msg m;

	msg_print(p, n, NULL, 1, &text);
	ck_assert_uint_gt(text.len, 0);
	if (!msg_decode_header(p, n, &m))
		encode_again(&m);
}

START_TEST(damage)
{
	struct sample *of_type[512];
	size_t n_of_type = 0, size;
	struct sample *s;

	read_samples();
	ck_assert_uint_gt(samples.n, 100);
	VEC_FOR_EACH (s, &samples)
		if (s->type == (enum msg_type)_i && n_of_type < ARRAY_SIZE(of_type))
			of_type[n_of_type++] = s;
	ck_assert_msg(n_of_type > 0, "%s: the fuzzer has no such message", msg_name(_i));
	random_seed(_i + 1);
	for (int i = 0; i < DAMAGES; i++) {
		uint8_t *p = damaged(of_type[i % n_of_type], &size);

		take(p, size);
		free(p);
	}
	free_samples();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openflow-damaged");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, damage, 0, MSG_MAX);
	return run_case(t);
}
