// SPDX-License-Identifier: Apache-2.0
// The megaflow table and the cache before it against a plain list, alone and beside writers.
#include <pthread.h>
#include <stdatomic.h>

#include "core/base/hash.h"
#include "core/packet/packet.h"
#include "datapath/user/emc.h"
#include "datapath/user/table.h"
#include "tests/suite.h"

#define N_MASKS 12
#define N_FLOWS 3000

static uint32_t pick(uint32_t n)
{
	return random_u32() % n;
}

// Few values, so that random packets meet random flows.
static void random_key(struct flow_key *k)
{
	memset(k, 0, sizeof(*k));
	k->in_port = pick(3);
	k->eth_dst.b[5] = pick(4);
	k->eth_type = htobe16(0x0800);
	k->nw_src = htobe32(pick(8));
	k->nw_dst = htobe32(pick(8) << 8);
	k->nw_proto = pick(2) ? 6 : 17;
	k->tp_src = htobe16(pick(8));
	k->tp_dst = htobe16(pick(8));
}

static void random_mask(struct flow_mask *m)
{
	uint32_t bits = random_u32();

	memset(m, 0, sizeof(*m));
	m->m.in_port = UINT32_MAX;
	if (bits & 1)
		m->m.eth_dst.b[5] = 0xff;
	if (bits & 2)
		m->m.nw_src = htobe32(bits & 4 ? 6 : 0xffffffff);
	if (bits & 8)
		m->m.nw_dst = htobe32(bits & 16 ? 0xffffff00 : 0x300);
	if (bits & 32)
		m->m.nw_proto = 0xff;
	if (bits & 64)
		m->m.tp_src = htobe16(bits & 128 ? 0xffff : 1);
	if (bits & 256)
		m->m.tp_dst = htobe16(7);
}

struct flows {
	struct megaflow *v[N_FLOWS];
	size_t n;
};

static bool matches(const struct megaflow *mf, const struct flow_key *k)
{
	return miniflow_equal_key_masked(mf->key, mf->mask, k);
}

static bool same(const struct megaflow *a, const struct megaflow *b)
{
	return miniflow_equal(a->key, b->key) && miniflow_equal(a->mask, b->mask);
}

static void try_add(struct flow_table *t, struct flows *f, const struct flow_mask masks[])
{
	struct flow_key k;
	bool known = false;

	random_key(&k);
	struct megaflow *mf =
		megaflow_create(&k, &masks[pick(N_MASKS)], (struct dp_actions){ NULL, 0 });

	for (size_t i = 0; i < f->n; i++)
		known |= same(f->v[i], mf);
	ck_assert_int_eq(flow_table_add(t, mf), known ? -EEXIST : 0);
	if (known)
		megaflow_free(mf);
	else
		f->v[f->n++] = mf;
}

static void free_flow(void *mf)
{
	megaflow_free(mf);
}

static void del_one(struct flow_table *t, struct flows *f)
{
	size_t i = pick(f->n);

	flow_table_del(t, f->v[i]);
	rcu_defer(free_flow, f->v[i]);
	f->v[i] = f->v[--f->n];
}

static void check_burst(struct flow_table *t, const struct flows *f, struct emc *emc)
{
	struct miniflow_buf bufs[TABLE_BURST];
	const struct miniflow *keys[TABLE_BURST];
	struct flow_entry *results[TABLE_BURST];
	struct flow_key dense[TABLE_BURST];
	struct gather gather;
	uint64_t probes = 0;
	uint32_t found;

	gather_init(&gather);
	for (int i = 0; i < TABLE_BURST; i++) {
		random_key(&dense[i]);
		miniflow_pack(&bufs[i].mf, &dense[i]);
		keys[i] = &bufs[i].mf;
	}
	found = flow_table_lookup_batch(t, keys, UINT32_MAX, results, &probes);
	for (int i = 0; i < TABLE_BURST; i++) {
		uint64_t hash = packet_connection_hash(&dense[i]);
		struct flow_entry *cached = emc_find(emc, hash, keys[i], &gather);
		bool known = false;

		for (size_t j = 0; j < f->n && !known; j++)
			known = matches(f->v[j], &dense[i]);
		ck_assert_int_eq(found >> i & 1, known);
		if (known)
			ck_assert(matches(results[i]->mf, &dense[i]));
		// What the cache says holds, whatever has been deleted since.
		if (cached) {
			ck_assert(known);
			ck_assert(matches(cached->mf, &dense[i]));
		}
		if (known)
			emc_insert(emc, hash, results[i], pick(2));
	}
}

START_TEST(oracle)
{
	struct flow_table *t = flow_table_create();
	struct emc *emc = emc_create();
	struct flow_mask masks[N_MASKS];
	struct flows *f = xzalloc(sizeof(*f));

	random_seed(_i + 1);
	rcu_thread_begin();
	for (int i = 0; i < N_MASKS; i++)
		random_mask(&masks[i]);
	for (int round = 0; round < 300; round++) {
		for (int i = pick(10); i >= 0 && f->n < N_FLOWS; i--)
			try_add(t, f, masks);
		for (int i = pick(round % 100 > 60 ? 16 : 6); i >= 0 && f->n; i--)
			del_one(t, f);
		check_burst(t, f, emc);
		ck_assert_uint_eq(flow_table_count(t), f->n);
		if (!pick(20))
			flow_table_rank(t);
		rcu_quiesce();
	}
	while (f->n)
		del_one(t, f);
	ck_assert_uint_eq(flow_table_n_masks(t), 0);
	emc_destroy(emc);
	flow_table_destroy(t);
	free(f);
	rcu_thread_end();
}
END_TEST

START_TEST(counts)
{
	struct flow_table *t = flow_table_create();
	struct flow_mask mask;
	struct flow_counts c;
	struct flow_key k;

	rcu_thread_begin();
	random_key(&k);
	random_mask(&mask);
	struct megaflow *mf = megaflow_create(&k, &mask, (struct dp_actions){ NULL, 0 });

	ck_assert_int_eq(flow_table_add(t, mf), 0);
	for (uint16_t worker = 0; worker < 5; worker++)
		flow_entry_count(mf->dp, worker, worker + 1, 100, 1000 + worker, 1u << worker);
	flow_entry_count(mf->dp, 3, 1, 1, 1001, 0x10);
	flow_entry_sum(mf->dp, &c);
	ck_assert_uint_eq(c.packets, 16);
	ck_assert_uint_eq(c.bytes, 501);
	ck_assert_int_eq(c.used, 1004);
	ck_assert_uint_eq(c.tcp_flags, 0x1f);
	flow_table_del(t, mf);
	rcu_defer(free_flow, mf);
	flow_table_destroy(t);
	rcu_thread_end();
}
END_TEST

// ---- Beside writers ----

struct shared {
	struct flow_table *t;
	struct megaflow *stays; // never deleted: must always be found
	struct flow_key stays_key;
	_Atomic bool stop;
};

static void *reader(void *s_)
{
	struct shared *s = s_;
	struct emc *emc = emc_create();
	struct miniflow_buf buf, other;
	const struct miniflow *keys[2] = { &buf.mf, &other.mf };
	uintptr_t n = 0;

	rcu_thread_begin();
	random_seed((uintptr_t)&n);
	miniflow_pack(&buf.mf, &s->stays_key);
	while (!atomic_load(&s->stop)) {
		struct flow_entry *results[2], *cached;
		struct flow_key k;
		uint64_t probes = 0, hash;
		struct gather gather;
		uint32_t found;

		random_key(&k);
		miniflow_pack(&other.mf, &k);
		hash = packet_connection_hash(&k);
		gather_init(&gather);
		cached = emc_find(emc, hash, &other.mf, &gather);
		if (cached)
			ck_assert(matches(cached->mf, &k));
		found = flow_table_lookup_batch(s->t, keys, 3, results, &probes);
		ck_assert(found & 1);
		ck_assert_ptr_eq(results[0]->mf, s->stays);
		if (found & 2) {
			ck_assert(matches(results[1]->mf, &k));
			flow_entry_count(results[1], 1, 1, 60, 1, 0);
			emc_insert(emc, hash, results[1], true);
		}
		rcu_quiesce();
		n++;
	}
	emc_destroy(emc);
	rcu_thread_end();
	return (void *)n;
}

START_TEST(reader_beside_writer)
{
	struct shared s = { .t = flow_table_create() };
	struct flow_mask masks[N_MASKS], exact;
	struct flows *f = xzalloc(sizeof(*f));
	pthread_t thread;
	void *n;

	rcu_thread_begin();
	random_key(&s.stays_key);
	s.stays_key.in_port = 77;
	flow_mask_exact_for(&exact, &s.stays_key);
	s.stays = megaflow_create(&s.stays_key, &exact, (struct dp_actions){ NULL, 0 });
	ck_assert_int_eq(flow_table_add(s.t, s.stays), 0);
	for (int i = 0; i < N_MASKS; i++)
		random_mask(&masks[i]);
	ck_assert_int_eq(pthread_create(&thread, NULL, reader, &s), 0);
	for (int round = 0; round < 400; round++) {
		for (int i = 0; i < 20 && f->n < N_FLOWS; i++)
			try_add(s.t, f, masks);
		for (int i = 0; i < 18 && f->n; i++)
			del_one(s.t, f);
		if (round % 10 == 0)
			flow_table_rank(s.t);
		rcu_quiesce();
	}
	atomic_store(&s.stop, true);
	rcu_offline();
	pthread_join(thread, &n);
	rcu_online();
	ck_assert((uintptr_t)n > 0);
	while (f->n)
		del_one(s.t, f);
	flow_table_del(s.t, s.stays);
	rcu_defer(free_flow, s.stays);
	flow_table_destroy(s.t);
	free(f);
	rcu_thread_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("datapath");
	TCase *t = tcase_create("flow table");

	program_init("test-flow-table");
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, oracle, 0, 6);
	tcase_add_test(t, counts);
	tcase_add_test(t, reader_beside_writer);
	suite_add_tcase(s, t);
	return suite_run(s);
}
