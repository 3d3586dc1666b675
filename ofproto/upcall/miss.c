// SPDX-License-Identifier: Apache-2.0
// The thread that met a packet nobody knew translates it, installs the megaflow, and goes on.
#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/base/thread-memory.h"
#include "ofproto/pipeline/continuation.h"
#include "ofproto/pipeline/tlv-map.h"
#include "ofproto/upcall/upcall-private.h"

LOG_MODULE(upcall);

#define MAX_PACKET_INS 4096

bool port_map_find(const struct upcall_engine *u, dp_port_t port, struct of_switch **ret_sw,
		   of_port_t *ret_number)
{
	const struct port_map *m = RCU_GET(u->ports);

	if (port.n >= m->n || !m->entries[port.n].sw)
		return false;
	*ret_sw = m->entries[port.n].sw;
	*ret_number = m->entries[port.n].number;
	return true;
}

bool engine_key(const struct upcall_engine *u, const struct flow_key *dp_key,
		struct engine_entry *ret)
{
	const struct recirc_state *s = dp_key->recirc_id ? recirc_find(dp_key->recirc_id) : NULL;
	of_port_t number;

	ret->tunnel.table = NULL;
	if (s) {
		ret->sw = s->sw;
		number = s->in_port;
	} else if (!port_map_find(u, DP_PORT(dp_key->in_port), &ret->sw, &number) &&
		   !tunnel_table_find(u->tunnels, DP_PORT(dp_key->in_port), &dp_key->tunnel,
				      dp_key->packet_type, &ret->sw, &number, &ret->tunnel)) {
		return false;
	}
	ret->key = *dp_key;
	ret->key.in_port = number.n;
	tlv_to_pipeline(switch_tlv_map(ret->sw), &ret->key.tunnel);
	return true;
}

// The datapath knows nothing of the pipeline's own members: they are not part of a megaflow.
void engine_datapath_mask(const struct of_switch *sw, const struct flow_key *dp_key,
			  struct flow_mask *m)
{
	memset(m->m.regs, 0, sizeof(m->m.regs));
	m->m.metadata = 0;
	m->m.conj_id = 0;
	m->m.actset_output = 0;
	tlv_mask_to_datapath(switch_tlv_map(sw), &dp_key->tunnel, &m->m.tunnel);
}

// Everything that the packet has, beside what decided.
static void make_exact(const struct flow_key *dp_key, struct flow_mask *m)
{
	struct flow_mask exact;

	flow_mask_exact_for(&exact, dp_key);
	for (size_t i = 0; i < FLOW_WORDS; i++)
		flow_words(&m->m)[i] |= flow_words(&exact.m)[i];
}

static struct megaflow *make_megaflow(struct upcall_engine *u, struct of_switch *sw,
				      const struct flow_key *dp_key, struct xlate_result *r,
				      unsigned int n_packets)
{
	struct megaflow_deps *deps = xzalloc(sizeof(*deps));
	AUTO(strbuf) slow = STRBUF_INIT;
	struct flow_mask mask = r->mask;
	struct megaflow *mf;

	engine_datapath_mask(sw, dp_key, &mask);
	if (!atomic_load(&u->wildcards)) {
		make_exact(dp_key, &mask);
		engine_datapath_mask(sw, dp_key, &mask);
	}
	mf = megaflow_create(dp_key, &mask, xlate_flow_actions(r, &slow));
	deps->sw = sw;
	deps->engine = u;
	deps->mf = mf;
	deps->n_learned = n_packets;
	xlate_result_give_basis(r, &deps->basis);
	mf->deps = deps;
	return mf;
}

static bool insert(struct upcall_engine *u, struct megaflow *mf)
{
	struct megaflow *other;
	bool room;

	pthread_mutex_lock(&u->lock);
	room = hmap_count(&u->flows) < atomic_load(&u->limit.now);
	if (!room)
		counter_inc(COUNTER_UPCALL_FLOW_LIMIT_HIT);
	HMAP_FOR_EACH_WITH_HASH (other, ufid_node, uuid_hash(&mf->ufid), &u->flows)
		if (uuid_equal(&other->ufid, &mf->ufid))
			room = false;
	if (room)
		engine_list(u, mf);
	pthread_mutex_unlock(&u->lock);
	return room;
}

static void drop_unused(struct megaflow *mf)
{
	xlate_basis_uninit(&mf->deps->basis);
	free(mf->deps);
	megaflow_free(mf);
}

// Takes the basis of 'r'. NULL when the table is full, another thread was faster or the datapath does not want it.
static struct megaflow *install(struct upcall_engine *u, struct of_switch *sw,
				const struct flow_key *dp_key, struct xlate_result *r,
				size_t packet_size)
{
	struct megaflow *mf = make_megaflow(u, sw, dp_key, r, packet_size > 0);

	if (!insert(u, mf)) {
		// The packet is served all the same, and counts.
		if (packet_size)
			engine_credit_packet(u, &mf->deps->basis, packet_size,
					     be16toh(dp_key->tcp_flags));
		drop_unused(mf);
		return NULL;
	}
	if (datapath_flow_add(u->dp, mf) < 0) {
		pthread_mutex_lock(&u->lock);
		engine_unlist(u, mf);
		pthread_mutex_unlock(&u->lock);
		rcu_defer((void (*)(void *))drop_unused, mf);
		return NULL;
	}
	return mf;
}

static void finish_install(struct upcall_engine *u, struct megaflow *mf)
{
	offload_place(u->offload, mf);
	atomic_store(&mf->deps->listed, true);
}

void engine_count_lost(enum xlate_error e)
{
	if (e == XLATE_NO_RECIRCULATION_CONTEXT)
		counter_inc(COUNTER_DROP_RECIRC_STATE);
	else if (e == XLATE_TOO_MANY_CONTEXTS)
		counter_inc(COUNTER_DROP_RECIRC_FULL);
}

// Each thread has one, empty between packets, whose memory is that of the largest answer so far.
static __thread struct xlate_result *own_result;

static void free_result(void *p)
{
	xlate_result_uninit(p);
	free(p);
}

static struct xlate_result *result_of_thread(void)
{
	if (!own_result)
		own_result = thread_memory(sizeof(*own_result), free_result);
	return own_result;
}

// Where the packet comes in, and what becomes of it: for xlate_result_clear() when this succeeds. Its actions are appended.
static int translate_packet(struct upcall_engine *u, const struct upcall *up,
			    struct engine_entry *e, struct xlate_result *r, struct strbuf *actions)
{
	if (!engine_key(u, up->key, e))
		return -ENODEV;
	struct xlate_input in = { .sw = e->sw, .key = &e->key, .tunnel = engine_tunnel(e) };
	xlate_again(&in, r);
	if (xlate_error_passes(r->error)) {
		engine_count_lost(r->error);
		xlate_result_clear(r);
		return -ENOENT;
	}
	strbuf_put(actions, strbuf_cstr(&r->actions), r->actions.len);
	return 0;
}

static int on_miss(void *aux, const struct upcall *up, struct strbuf *actions,
		   struct megaflow **ret_flow)
{
	struct upcall_engine *u = aux;
	struct xlate_result *r = result_of_thread();
	struct engine_entry e;
	int error;

	*ret_flow = NULL;
	counter_inc(COUNTER_UPCALL);
	error = translate_packet(u, up, &e, r, actions);
	if (error)
		return error;
	if (xlate_apply_effects(&r->basis))
		upcall_changed(u);
	xlate_learn_rules(&r->basis);
	engine_learn_soon(u);
	*ret_flow =
		install(u, e.sw, up->key, r, packet_length(up->packet->size, up->key->packet_type));
	xlate_result_clear(r);
	if (*ret_flow)
		finish_install(u, *ret_flow);
	return 0;
}

enum upcall_restored upcall_restore(struct upcall_engine *u, const struct flow_key *dp_key,
				    bool keep)
{
	enum upcall_restored ret;
	struct megaflow *mf;
	struct xlate_result r;
	struct engine_entry e;

	if (!engine_key(u, dp_key, &e))
		return RESTORED_NOT;
	struct xlate_input in = { .sw = e.sw, .key = &e.key, .tunnel = engine_tunnel(&e) };
	xlate(&in, &r);
	xlate_apply_effects(&r.basis);
	if (keep && !xlate_error_passes(r.error)) {
		mf = install(u, e.sw, dp_key, &r, 0);
		if (mf)
			finish_install(u, mf);
		ret = mf ? RESTORED : RESTORED_NOT;
	} else if (r.error == XLATE_NO_RECIRCULATION_CONTEXT) {
		ret = RESTORED_LATER;
	} else {
		ret = keep ? RESTORED_NOT : RESTORED;
	}
	xlate_result_uninit(&r);
	return ret;
}

struct queued_packet_in {
	struct list node;
	struct packet_in_event event;
	uint8_t data[];
};

static void deliver_packet_ins(void *aux)
{
	struct upcall_engine *u = aux;
	struct queued_packet_in *q, *next;
	struct list mine;

	list_init(&mine);
	pthread_mutex_lock(&u->lock);
	list_splice(&mine, &u->packet_ins);
	u->n_packet_ins = 0;
	pthread_mutex_unlock(&u->lock);
	LIST_FOR_EACH_SAFE (q, next, node, &mine) {
		q->event.more = &next->node != &mine && next->event.sw == q->event.sw;
		u->packet_in(u->packet_in_aux, &q->event);
		free(q);
	}
}

// Of the outer header, what OpenFlow has words for and is not zero.
static void tell_tunnel(struct match *m, const struct flow_key *key)
{
	for (int id = FIELD_TUN_ID; id <= FIELD_TUN_METADATA63; id++) {
		const struct field *f = field_get(id);
		union field_value v, all;

		if (!f->oxm[0].name || !field_is_in(f, key))
			continue;
		field_read(f, key, &v);
		field_all_ones(f, &all);
		field_write(f, &v, &m->key);
		field_write(f, &all, &m->mask.m);
	}
}

static void tell(struct match *m, const struct flow_key *key, enum field_id id)
{
	const struct field *f = field_get(id);
	union field_value value, all;

	if (!field_is_in(f, key))
		return;
	field_read(f, key, &value);
	field_all_ones(f, &all);
	match_set_field(m, f, &value, &all);
}

// What a controller is told of the packet beside its bytes.
static void fill_metadata(struct match *m, const struct flow_key *key)
{
	static const enum field_id always[] = { FIELD_TUN_ID,	FIELD_METADATA, FIELD_PKT_MARK,
						FIELD_CT_STATE, FIELD_CT_ZONE,	FIELD_CT_MARK,
						FIELD_CT_LABEL };
	// The connection's first packet. It needs to be said that it is IP.
	static const enum field_id tuple[] = { FIELD_ETH_TYPE,	  FIELD_CT_NW_PROTO,
					       FIELD_CT_NW_SRC,	  FIELD_CT_NW_DST,
					       FIELD_CT_IPV6_SRC, FIELD_CT_IPV6_DST,
					       FIELD_CT_TP_SRC,	  FIELD_CT_TP_DST };

	match_init_any(m);
	m->key.in_port = key->in_port;
	memset(&m->mask.m.in_port, 0xff, sizeof(m->mask.m.in_port));
	if (flow_tunnel_is_set(&key->tunnel))
		tell_tunnel(m, key);
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		tell(m, key, always[i]);
	for (enum field_id id = FIELD_REG0; id < FIELD_REG0 + FLOW_N_REGS; id++)
		tell(m, key, id);
	tell(m, key, FIELD_PACKET_TYPE);
	for (size_t i = 0; key->ct_nw_proto && i < ARRAY_SIZE(tuple); i++)
		tell(m, key, tuple[i]);
}

// A bare packet's bytes as everybody else has them.
static struct packet without_place(const struct upcall *up)
{
	struct packet p = *up->packet;
	size_t n = packet_length(p.size, up->key->packet_type);

	p.data += p.size - n;
	p.size = n;
	return p;
}

// 's': the state that the packet was sent with; NULL: none.
static void queue_packet_in(struct upcall_engine *u, struct of_switch *sw,
			    const struct flow_key *key, const struct upcall *up,
			    const struct dp_action *a, const struct recirc_state *s)
{
	AUTO(strbuf) continuation = STRBUF_INIT;
	size_t n_userdata = s ? s->n_userdata : 0;
	struct packet packet = without_place(up);
	struct queued_packet_in *q;
	bool first = false, full;

	if (s && s->paused)
		continuation_encode(s, &continuation);
	q = xzalloc(sizeof(*q) + packet.size + n_userdata + continuation.len);
	memcpy(q->data, packet.data, packet.size);
	if (n_userdata) {
		q->event.userdata = memcpy(q->data + packet.size, s->userdata, n_userdata);
		q->event.n_userdata = n_userdata;
	}
	if (continuation.len) {
		q->event.continuation = memcpy(q->data + packet.size + n_userdata, continuation.s,
					       continuation.len);
		q->event.n_continuation = continuation.len;
	}
	fill_metadata(&q->event.metadata, key);
	q->event.sw = sw;
	q->event.packet = q->data;
	q->event.len = packet.size;
	q->event.reason = a->userspace.reason;
	q->event.table = a->userspace.table_id;
	q->event.max_len = a->userspace.max_len;
	q->event.controller_id = a->userspace.controller_id;
	q->event.cookie = a->userspace.cookie;
	pthread_mutex_lock(&u->lock);
	full = u->n_packet_ins >= MAX_PACKET_INS;
	if (!full) {
		first = list_is_empty(&u->packet_ins);
		list_push_back(&u->packet_ins, &q->node);
		u->n_packet_ins++;
	}
	pthread_mutex_unlock(&u->lock);
	if (full) {
		counter_inc(COUNTER_PACKET_IN_OVERFLOW);
		free(q);
	} else if (first) {
		loop_post(u->loop, deliver_packet_ins, u);
	}
}

// A packet of a flow that no datapath carries out: what to do with it. The flow counts it, and has what it learns.
static int slow_path(struct upcall_engine *u, const struct upcall *up, struct strbuf *actions)
{
	struct xlate_result *r = result_of_thread();
	struct engine_entry e;
	int error;

	counter_inc(COUNTER_UPCALL_SLOW_PATH);
	error = translate_packet(u, up, &e, r, actions);
	if (!error)
		xlate_result_clear(r);
	return error;
}

// The switch that the packet was in, and the packet as that saw it: by the state that it was sent with (NULL: none), or where it came in.
static int find_sender(struct upcall_engine *u, const struct upcall *up, struct engine_entry *e,
		       struct recirc_state **ret_state)
{
	uint32_t id = up->userspace->userspace.recirc_id;
	struct flow_mask known;

	*ret_state = NULL;
	if (!id)
		return engine_key(u, up->key, e) ? 0 : -ENODEV;
	*ret_state = recirc_find(id);
	if (!*ret_state) {
		counter_inc(COUNTER_DROP_RECIRC_STATE);
		return -ENOENT;
	}
	e->sw = (*ret_state)->sw;
	e->key = *up->key;
	tlv_to_pipeline(switch_tlv_map(e->sw), &e->key.tunnel);
	recirc_thaw(*ret_state, &e->key, &known);
	return 0;
}

static int to_controller(struct upcall_engine *u, const struct upcall *up)
{
	struct recirc_state *s;
	struct engine_entry e;
	int error = find_sender(u, up, &e, &s);

	if (!error)
		queue_packet_in(u, e.sw, &e.key, up, up->userspace, s);
	return error;
}

static int to_sampler(struct upcall_engine *u, const struct upcall *up)
{
	struct packet_sample s = { .packet = up->packet, .action = up->userspace };
	struct recirc_state *state;
	struct engine_entry e;
	int error = find_sender(u, up, &e, &state);

	if (error)
		return error;
	s.sw = e.sw;
	s.key = &e.key;
	switch_give_sample(s.sw, &s);
	return 0;
}

static int on_userspace(void *aux, const struct upcall *up, struct strbuf *actions)
{
	struct upcall_engine *u = aux;

	switch (up->userspace->userspace.kind) {
	case USERSPACE_CONTROLLER:
		return to_controller(u, up);
	case USERSPACE_SLOW_PATH:
		return slow_path(u, up, actions);
	case USERSPACE_FLOW_SAMPLE:
	case USERSPACE_IPFIX:
		return to_sampler(u, up);
	}
	return -EOPNOTSUPP;
}

void upcall_sampled(struct upcall_engine *u, dp_port_t in_port, const struct dp_action *userspace,
		    const void *packet, size_t n)
{
	struct packet p = { .data = (uint8_t *)packet, .size = n };
	struct packet_metadata md = { .in_port = in_port.n };
	AUTO(strbuf) actions = STRBUF_INIT;
	struct flow_key key;
	struct upcall up = { .packet = &p, .key = &key, .userspace = userspace };
	int error;

	counter_inc(COUNTER_SAMPLED);
	if (packet_parse(&p, &md, &key)) {
		counter_inc(COUNTER_DROP_MALFORMED);
		return;
	}
	// The packet itself went on where it was sampled: slow paths, which do something with it, are not sampled for.
	error = userspace->userspace.kind == USERSPACE_SLOW_PATH ? -EOPNOTSUPP
								 : on_userspace(u, &up, &actions);
	if (error == -EOPNOTSUPP)
		counter_inc(COUNTER_DROP_USERSPACE_KIND);
	else if (error)
		counter_inc(COUNTER_DROP_UPCALL);
}

const struct upcall_ops *upcall_ops(void)
{
	static const struct upcall_ops ops = { .miss = on_miss, .userspace = on_userspace };

	return &ops;
}
