// SPDX-License-Identifier: Apache-2.0
#include "ofproto/upcall/upcall.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "ofproto/upcall/upcall-private.h"

LOG_MODULE(upcall_engine);

#define DEFAULT_FLOW_LIMIT 200000
#define DEFAULT_MAX_IDLE 10000
#define DEFAULT_MAX_REVALIDATOR 500

struct upcall_engine *upcall_create(struct loop *l, packet_in_cb *cb, void *aux)
{
	struct upcall_engine *u = xzalloc(sizeof(*u));

	u->loop = l;
	u->packet_in = cb;
	u->packet_in_aux = aux;
	u->ports = xzalloc(sizeof(*u->ports));
	u->tunnels = tunnel_table_create();
	pthread_mutex_init(&u->lock, NULL);
	hmap_init(&u->flows);
	list_init(&u->packet_ins);
	flow_limit_init(&u->limit, DEFAULT_FLOW_LIMIT);
	atomic_store(&u->wildcards, true);
	u->dump_tersely = true;
	u->crew = crew_create();
	upcall_configure(u, DEFAULT_MAX_IDLE, DEFAULT_MAX_REVALIDATOR, DEFAULT_FLOW_LIMIT);
	engine_start_revalidator(u);
	return u;
}

void upcall_destroy(struct upcall_engine *u)
{
	if (!u)
		return;
	engine_stop_revalidator(u);
	hmap_uninit(&u->flows);
	free(u->ports);
	tunnel_table_destroy(u->tunnels);
	VEC_FREE(&u->list);
	crew_destroy(u->crew);
	for (size_t i = 0; i < ARRAY_SIZE(u->again); i++)
		xlate_result_uninit(&u->again[i]);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

void upcall_set_datapath(struct upcall_engine *u, struct datapath *dp, struct offload *offload)
{
	u->dp = dp;
	u->offload = offload;
	if (dp)
		datapath_dump_tersely(dp, u->dump_tersely);
}

void upcall_configure(struct upcall_engine *u, int max_idle_msec, int max_revalidator_msec,
		      size_t flow_limit)
{
	u->max_idle = max_idle_msec;
	u->max_revalidator = max_revalidator_msec;
	flow_limit_configure(&u->limit, flow_limit);
}

void upcall_set_revalidators(struct upcall_engine *u, unsigned int n)
{
	crew_resize(u->crew, n);
}

unsigned int upcall_n_revalidators(const struct upcall_engine *u)
{
	return crew_size(u->crew);
}

void upcall_map_port(struct upcall_engine *u, dp_port_t port, struct of_switch *sw,
		     of_port_t number)
{
	struct port_map *old = u->ports, *m;
	size_t n = MAX(old->n, (size_t)port.n + 1);

	m = xzalloc(sizeof(*m) + n * sizeof(m->entries[0]));
	memcpy(m->entries, old->entries, old->n * sizeof(m->entries[0]));
	m->n = n;
	m->entries[port.n] = (struct port_map_entry){ sw, number };
	RCU_SET(u->ports, m);
	rcu_free(old);
}

void upcall_unmap_port(struct upcall_engine *u, dp_port_t port)
{
	if (port.n < u->ports->n)
		upcall_map_port(u, port, NULL, OF_PORT(0));
}

int upcall_map_tunnel(struct upcall_engine *u, dp_port_t port, const struct tunnel_config *c,
		      struct of_switch *sw, of_port_t number, const char *name, struct error *err)
{
	int error = tunnel_table_add(u->tunnels, port, c, sw, number, name, err);

	// Packets of others may be this one's from now on.
	if (!error)
		upcall_changed(u);
	return error;
}

void upcall_unmap_tunnel(struct upcall_engine *u, const struct of_switch *sw, of_port_t number)
{
	tunnel_table_remove(u->tunnels, sw, number);
	upcall_changed(u);
}

struct tunnel_table *upcall_tunnels(struct upcall_engine *u)
{
	return u->tunnels;
}

bool upcall_entry(struct upcall_engine *u, const struct flow_key *dp_key, struct of_switch **ret_sw,
		  struct flow_key *ret_key, struct tunnel_lookup *ret_tunnel, struct error *err)
{
	struct engine_entry e;

	if (!engine_key(u, dp_key, &e)) {
		if (tunnel_table_has_port(u->tunnels, DP_PORT(dp_key->in_port)) &&
		    flow_tunnel_is_set(&dp_key->tunnel))
			error_set(err, -ENODEV, "no OpenFlow tunnel port for this packet");
		else
			error_set(err, -ENODEV, "no OpenFlow port for datapath port %u",
				  dp_key->in_port);
		return false;
	}
	*ret_sw = e.sw;
	*ret_key = e.key;
	*ret_tunnel = e.tunnel;
	return true;
}

size_t upcall_n_flows(struct upcall_engine *u)
{
	return atomic_load(&u->n_flows);
}

void upcall_set_flow_limit(struct upcall_engine *u, size_t n)
{
	atomic_store(&u->limit.now, n);
}

void upcall_set_wildcards(struct upcall_engine *u, bool enabled)
{
	atomic_store(&u->wildcards, enabled);
	if (u->dp)
		upcall_flush(u, NULL);
}

void upcall_set_dump_tersely(struct upcall_engine *u, bool enabled)
{
	u->dump_tersely = enabled;
	if (u->dp)
		datapath_dump_tersely(u->dp, enabled);
}

void upcall_show(struct upcall_engine *u, struct strbuf *out)
{
	const struct flow_limit *l = &u->limit;
	size_t now = upcall_n_flows(u);

	strbuf_printf(out, "  flows         : (current %zu) (avg %zu) (max %zu) (limit %zu)\n", now,
		      l->average, MAX(l->most, now), atomic_load(&l->now));
	strbuf_printf(out, "  dump duration : %lldms\n", (long long)l->round_msec);
	// No thread has flows of its own.
	strbuf_printf(out, "  ufid enabled : %s\n\n  1: (keys %zu)\n",
		      u->dump_tersely ? "true" : "false", now);
}

void engine_list(struct upcall_engine *u, struct megaflow *mf)
{
	hmap_insert(&u->flows, &mf->ufid_node, uuid_hash(&mf->ufid));
	mf->list_index = u->list.n;
	VEC_PUSH(&u->list, mf);
	atomic_store(&u->n_flows, u->list.n);
}

void engine_unlist(struct upcall_engine *u, struct megaflow *mf)
{
	struct megaflow *last = u->list.v[--u->list.n];

	hmap_remove(&u->flows, &mf->ufid_node);
	u->list.v[mf->list_index] = last;
	last->list_index = mf->list_index;
	atomic_store(&u->n_flows, u->list.n);
}

struct megaflow *upcall_find(struct upcall_engine *u, const struct uuid *ufid)
{
	struct megaflow *mf;

	pthread_mutex_lock(&u->lock);
	HMAP_FOR_EACH_WITH_HASH (mf, ufid_node, uuid_hash(ufid), &u->flows)
		if (uuid_equal(&mf->ufid, ufid) && atomic_load(&mf->deps->listed))
			break;
	pthread_mutex_unlock(&u->lock);
	return mf;
}

struct of_switch *upcall_flow_switch(struct upcall_engine *u, const struct megaflow *mf)
{
	struct of_switch *sw = mf->deps->sw;
	struct flow_key key;
	of_port_t number;

	if (sw)
		return sw;
	// Put in by hand.
	miniflow_expand(mf->key, &key);
	return port_map_find(u, DP_PORT(key.in_port), &sw, &number) ? sw : NULL;
}

typedef VEC(struct megaflow *) flow_vec;

// Only the main thread removes flows, so that the snapshot stays valid while it works on it.
static void snapshot(struct upcall_engine *u, flow_vec *v)
{
	struct megaflow **mf;

	pthread_mutex_lock(&u->lock);
	VEC_FOR_EACH (mf, &u->list)
		if (atomic_load(&(*mf)->deps->listed))
			VEC_PUSH(v, *mf);
	pthread_mutex_unlock(&u->lock);
}

void upcall_for_each(struct upcall_engine *u, bool (*cb)(struct megaflow *mf, void *aux), void *aux)
{
	flow_vec v = VEC_INIT;
	bool more = true;

	snapshot(u, &v);
	for (size_t i = 0; more && i < v.n; i++)
		more = cb(v.v[i], aux);
	VEC_FREE(&v);
}

static bool rests_on(const struct megaflow *mf, const void *aux)
{
	const struct of_switch *sw = aux;
	const struct megaflow_deps *d = mf->deps;
	const struct xlate_passed *p;

	if (!sw || d->sw == sw)
		return true;
	VEC_FOR_EACH (p, &d->basis.passed)
		if (p->sw == sw)
			return true;
	return false;
}

static void flush(struct upcall_engine *u, bool (*goes)(const struct megaflow *mf, const void *aux),
		  const void *aux)
{
	flow_vec v = VEC_INIT;

	// Misses under way are finished, and their flows listed, when every thread has been quiescent.
	rcu_synchronize();
	snapshot(u, &v);
	for (size_t i = 0; i < v.n; i++)
		if (goes(v.v[i], aux))
			engine_remove(u, v.v[i]);
	VEC_FREE(&v);
	offload_flush(u->offload);
	// They count for rules of switches that may go next, and ask the datapath.
	engine_finish_removed(u);
}

void upcall_flush(struct upcall_engine *u, struct of_switch *sw)
{
	if (sw)
		recirc_forget_switch(sw);
	flush(u, rests_on, sw);
}

// What is put in by hand stays as it is.
static bool is_translated_with_tags(const struct megaflow *mf, const void *aux)
{
	// Where there is no tag, the word of both is 0.
	return mf->deps->sw && miniflow_get(mf->key, offsetof(struct flow_key, vlans) / 8);
}

void upcall_flush_tagged(struct upcall_engine *u)
{
	if (u->dp)
		flush(u, is_translated_with_tags, NULL);
}

void upcall_flow_counts(struct upcall_engine *u, struct megaflow *mf, struct flow_counts *ret)
{
	datapath_flow_counts(u->dp, mf, ret);
	ret->packets += __atomic_load_n(&mf->hw.packets, __ATOMIC_RELAXED);
	ret->bytes += __atomic_load_n(&mf->hw.bytes, __ATOMIC_RELAXED);
	ret->used = MAX(ret->used, __atomic_load_n(&mf->hw.used, __ATOMIC_RELAXED));
}

int upcall_add_static(struct upcall_engine *u, const struct match *m, struct dp_actions actions,
		      struct error *err)
{
	struct megaflow *mf;
	int ret = datapath_actions_check(u->dp, actions, err);

	if (ret < 0)
		return ret;
	mf = megaflow_create(&m->key, &m->mask, actions);
	mf->deps = xzalloc(sizeof(*mf->deps));
	mf->deps->engine = u;
	mf->deps->mf = mf;
	ret = datapath_flow_add(u->dp, mf);
	if (ret < 0) {
		free(mf->deps);
		megaflow_free(mf);
		return error_set(err, ret, "updating flow table (%s)", strerror(-ret));
	}
	pthread_mutex_lock(&u->lock);
	engine_list(u, mf);
	pthread_mutex_unlock(&u->lock);
	offload_place(u->offload, mf);
	atomic_store(&mf->deps->listed, true);
	return 0;
}

int upcall_del(struct upcall_engine *u, const struct uuid *ufid, struct error *err)
{
	struct megaflow *mf = upcall_find(u, ufid);

	if (!mf)
		return error_set(err, -ENOENT, "deleting flow (No such file or directory)");
	engine_remove(u, mf);
	return 0;
}

int upcall_modify(struct upcall_engine *u, struct megaflow *mf, struct dp_actions actions,
		  struct error *err)
{
	int ret = datapath_actions_check(u->dp, actions, err);

	if (ret < 0)
		return ret;
	megaflow_set_actions(mf, actions);
	ret = datapath_flow_update(u->dp, mf);
	if (ret < 0)
		return error_set(err, ret, "the datapath does not take the actions (%s)",
				 strerror(-ret));
	offload_update(u->offload, mf);
	return 0;
}

static bool leads_back(const struct of_port *p)
{
	return !dp_port_equal(p->dp_port, DP_PORT_NONE) && !RCU_GET(p->settings)->tunnel.type;
}

// Userspace actions need a switch: the input port tells it, or any other of the switch does. A tunnel's does not without the
// outer header.
dp_port_t upcall_way_back(const struct of_switch *sw, of_port_t in_port)
{
	struct of_port *in = switch_port_find(sw, in_port);
	struct of_port *const *ports = switch_ports(sw);

	if (in && leads_back(in))
		return in->dp_port;
	for (; *ports; ports++)
		if (leads_back(*ports))
			return (*ports)->dp_port;
	return DP_PORT_NONE;
}

enum ofperr upcall_check_acts(const struct of_switch *sw, const struct flow_key *key,
			      bool consistent, struct acts list)
{
	struct match packet = { .key = *key };

	flow_mask_exact_for(&packet.mask, key);
	return switch_check_acts(sw, list, &packet, 255, consistent);
}

void engine_send(struct upcall_engine *u, const void *packet, size_t n,
		 const struct flow_key *dp_key, const struct xlate_result *r)
{
	struct error err = ERROR_INIT;

	engine_count_lost(r->error);
	if (xlate_apply_effects(&r->basis))
		upcall_changed(u);
	xlate_learn_rules(&r->basis);
	engine_credit_packet(u, &r->basis, packet_length(n, dp_key->packet_type),
			     be16toh(dp_key->tcp_flags));
	learn_apply();
	if (datapath_execute(u->dp, packet, n, dp_key, dp_actions_of(&r->actions), &err) < 0)
		log_dbg("a packet of a controller: %s", err.text);
}

struct packet_out_run {
	struct upcall_engine *upcall;
	struct of_switch *sw;
	struct strbuf packet;
	struct flow_key key;
	struct xlate_result answer;
};

static enum ofperr read_packet(struct packet_out_run *run, const struct packet_out *po)
{
	struct packet_metadata md = { .packet_type = po->metadata.key.packet_type };
	struct packet p;

	packet_put_with_place(po->packet, po->len, md.packet_type, &run->packet);
	p = (struct packet){ .data = (uint8_t *)strbuf_cstr(&run->packet),
			     .size = run->packet.len };
	if (packet_parse(&p, &md, &run->key) < 0)
		return OFPERR_OFPBRC_BAD_LEN;
	run->key.in_port = po->metadata.key.in_port;
	run->key.metadata = po->metadata.key.metadata;
	memcpy(run->key.regs, po->metadata.key.regs, sizeof(run->key.regs));
	return OFPERR_NONE;
}

enum ofperr upcall_packet_out_prepare(struct upcall_engine *u, struct of_switch *sw,
				      const struct packet_out *po, uint64_t version,
				      struct packet_out_run **ret)
{
	struct packet_out_run *run;
	struct acts acts = acts_of(&po->acts);
	enum ofperr e;

	if (po->buffer_id != UINT32_MAX)
		return OFPERR_OFPBRC_BUFFER_UNKNOWN;
	run = xzalloc(sizeof(*run));
	run->upcall = u;
	run->sw = sw;
	e = read_packet(run, po);
	if (!e)
		e = upcall_check_acts(sw, &run->key, po->consistent, acts);
	if (e) {
		upcall_packet_out_free(run);
		return e;
	}
	struct xlate_input in = { .sw = sw, .key = &run->key, .acts = &acts, .version = version };

	xlate(&in, &run->answer);
	*ret = run;
	return OFPERR_NONE;
}

void upcall_packet_out_send(struct packet_out_run *run)
{
	struct flow_key dp_key = run->key;

	dp_key.in_port = upcall_way_back(run->sw, OF_PORT(run->key.in_port)).n;
	engine_send(run->upcall, strbuf_cstr(&run->packet), run->packet.len, &dp_key, &run->answer);
}

void upcall_packet_out_free(struct packet_out_run *run)
{
	if (!run)
		return;
	xlate_result_uninit(&run->answer);
	strbuf_uninit(&run->packet);
	free(run);
}

enum ofperr upcall_packet_out(struct upcall_engine *u, struct of_switch *sw,
			      const struct packet_out *po)
{
	struct packet_out_run *run;
	enum ofperr e = upcall_packet_out_prepare(u, sw, po, 0, &run);

	if (e)
		return e;
	upcall_packet_out_send(run);
	upcall_packet_out_free(run);
	return OFPERR_NONE;
}

static bool same_answer(const struct xlate_result *a, const struct xlate_result *b)
{
	return a->error == b->error && a->slow == b->slow &&
	       dp_actions_equal(dp_actions_of(&a->actions), dp_actions_of(&b->actions));
}

int upcall_check_soundness(struct upcall_engine *u, struct of_switch *sw,
			   const struct flow_key *key, const struct tunnel_lookup *tunnel,
			   size_t flips, struct error *err)
{
	struct xlate_input in = { .sw = sw, .key = key, .tunnel = tunnel };
	struct xlate_result first, again;
	struct flow_mask exact;
	int ret = 0;

	flow_mask_exact_for(&exact, key);
	memset(exact.m.regs, 0, sizeof(exact.m.regs));
	exact.m.metadata = 0;
	exact.m.conj_id = exact.m.actset_output = 0;
	xlate(&in, &first);
	for (size_t i = 0; i < flips && !ret; i++) {
		struct flow_key flipped = *key;
		size_t bit = random_u32() % (FLOW_WORDS * 64);
		uint64_t one = UINT64_C(1) << bit % 64;

		if (!(flow_words(&exact.m)[bit / 64] & one) ||
		    flow_words(&first.mask.m)[bit / 64] & one)
			continue;
		flow_words(&flipped)[bit / 64] ^= one;
		in.key = &flipped;
		xlate(&in, &again);
		if (!same_answer(&first, &again))
			ret = error_set(err, -EINVAL,
					"bit %zu of word %zu decides but is outside the mask",
					bit % 64, bit / 64);
		xlate_result_uninit(&again);
	}
	xlate_result_uninit(&first);
	return ret;
}
