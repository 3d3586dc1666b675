// SPDX-License-Identifier: Apache-2.0
// Megaflows in the kernel: put in, changed, taken out, counted.
//
// A handler's new flows travel in its batch, so a flow can be deleted or changed before the kernel has it: its record
// says so, and whoever has the answer finishes the work.
#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/kernel.h"
#include "datapath/kernel/key.h"

LOG_MODULE(dpif_netlink_flow);

// ---- Records ----

struct kernel_flow *kernel_flow_find(const struct kernel_datapath *dp, const struct uuid *ufid)
{
	struct kernel_flow *f;

	HMAP_FOR_EACH_WITH_HASH (f, node, uuid_hash(ufid), &dp->flows)
		if (uuid_equal(&f->ufid, ufid))
			return f;
	return NULL;
}

void kernel_flow_unref(struct kernel_flow *f)
{
	if (!--f->refs)
		free(f);
}

void kernel_flow_publish(struct kernel_flow *f)
{
	struct flow_counts *to = &f->mf->sw;

	__atomic_store_n(&to->packets, f->base.packets + f->seen.packets, __ATOMIC_RELAXED);
	__atomic_store_n(&to->bytes, f->base.bytes + f->seen.bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&to->used, MAX(f->base.used, f->seen.used), __ATOMIC_RELAXED);
	__atomic_store_n(&to->tcp_flags, f->base.tcp_flags | f->seen.tcp_flags, __ATOMIC_RELAXED);
}

void kernel_flow_counts(struct datapath *base, const struct megaflow *mf, struct flow_counts *ret)
{
	ret->packets = __atomic_load_n(&mf->sw.packets, __ATOMIC_RELAXED);
	ret->bytes = __atomic_load_n(&mf->sw.bytes, __ATOMIC_RELAXED);
	ret->used = __atomic_load_n(&mf->sw.used, __ATOMIC_RELAXED);
	ret->tcp_flags = __atomic_load_n(&mf->sw.tcp_flags, __ATOMIC_RELAXED);
}

size_t kernel_flow_count(struct datapath *base)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	size_t n;

	pthread_mutex_lock(&dp->flows_lock);
	n = hmap_count(&dp->flows);
	pthread_mutex_unlock(&dp->flows_lock);
	return n;
}

void kernel_flow_count_packet(struct kernel_datapath *dp, struct megaflow *mf, size_t bytes,
			      uint16_t tcp_flags)
{
	struct kernel_flow *f;

	pthread_mutex_lock(&dp->flows_lock);
	f = kernel_flow_find(dp, &mf->ufid);
	if (f && f->mf == mf) {
		f->base.packets++;
		f->base.bytes += bytes;
		f->base.used = clock_msec();
		f->base.tcp_flags |= tcp_flags;
		kernel_flow_publish(f);
	}
	pthread_mutex_unlock(&dp->flows_lock);
}

// ---- Messages ----

static size_t begin_flow(const struct kernel_datapath *dp, struct strbuf *b, uint8_t cmd,
			 uint16_t flags, const struct uuid *ufid)
{
	size_t m = kernel_begin(dp, b, &dp->families.flow, cmd, flags);

	nl_put(b, OVS_FLOW_ATTR_UFID, ufid, sizeof(*ufid));
	return m;
}

// What the kernel cannot look at is left out of its mask: such a flow's packets are looked at again here.
static enum slow_path_reason put_match(struct strbuf *b, const struct megaflow *mf,
				       struct flow_key *key)
{
	struct flow_mask mask;
	size_t nest;

	miniflow_expand(mf->key, key);
	miniflow_expand(mf->mask, &mask.m);
	nest = nl_nest_begin(b, OVS_FLOW_ATTR_KEY);
	kernel_put_key(b, key, &mask);
	nl_nest_end(b, nest);
	nest = nl_nest_begin(b, OVS_FLOW_ATTR_MASK);
	kernel_put_mask(b, key, &mask);
	nl_nest_end(b, nest);
	return kernel_mask_unsupported(key, &mask) ? SLOW_MATCH : 0;
}

// The flow's name travels where a controller action has its cookie and ids.
static void put_slow(struct strbuf *b, const struct kernel_datapath *dp, const struct uuid *ufid,
		     enum slow_path_reason reason, const struct flow_key *key)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct dp_action *a = dp_put(&list, DP_ACTION_USERSPACE);

	a->userspace.kind = USERSPACE_SLOW_PATH;
	a->userspace.reason = reason;
	a->userspace.cookie = (uint64_t)ufid->parts[0] << 32 | ufid->parts[1];
	a->userspace.meter_id = ufid->parts[2];
	a->userspace.continuation = ufid->parts[3];
	kernel_put_actions(b, dp_actions_of(&list), key, &dp->can, handler_pid(dp), NULL);
}

static struct uuid slow_ufid(const struct dp_action *a)
{
	return (struct uuid){ { a->userspace.cookie >> 32, a->userspace.cookie,
				a->userspace.meter_id, a->userspace.continuation } };
}

// A slow path of the pipeline's names no flow.
bool kernel_flow_is_slow(const struct dp_action *a)
{
	struct uuid ufid = slow_ufid(a);

	return a->userspace.kind == USERSPACE_SLOW_PATH && !is_all_zeros(&ufid, sizeof(ufid));
}

static void put_actions(struct strbuf *b, const struct kernel_datapath *dp,
			const struct megaflow *mf, const struct flow_key *key,
			enum slow_path_reason slow)
{
	size_t nest = nl_nest_begin(b, OVS_FLOW_ATTR_ACTIONS);

	if (!slow &&
	    kernel_put_actions(b, megaflow_actions_get(mf), key, &dp->can, handler_pid(dp), NULL))
		slow = SLOW_ACTION;
	if (slow)
		put_slow(b, dp, &mf->ufid, slow, key);
	nl_nest_end(b, nest);
}

// 'cmd' is SET, or NEW: without NLM_F_CREATE a flow of this name takes the new actions. 'slow': the kernel has refused
// the actions.
static void build_put(struct strbuf *b, const struct kernel_datapath *dp, uint8_t cmd,
		      const struct megaflow *mf, bool slow)
{
	size_t m = begin_flow(dp, b, cmd, 0, &mf->ufid);
	struct flow_key key;
	enum slow_path_reason why = put_match(b, mf, &key);

	put_actions(b, dp, mf, &key, why ? why : slow ? SLOW_ACTION : 0);
	nl_msg_end(b, m);
}

static void build_del(struct strbuf *b, const struct kernel_datapath *dp, const struct uuid *ufid)
{
	size_t m = begin_flow(dp, b, OVS_FLOW_CMD_DEL, NLM_F_ECHO, ufid);

	nl_put_u32(b, OVS_FLOW_ATTR_UFID_FLAGS,
		   OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK | OVS_UFID_F_OMIT_ACTIONS);
	nl_msg_end(b, m);
}

// On a handler's own socket, or the datapath's.
static int transact(struct kernel_datapath *dp, struct nl_sock *sock, const struct strbuf *msg,
		    struct strbuf *reply, struct error *err)
{
	return sock ? nl_transact(sock, msg, reply, err) : kernel_request(dp, msg, reply, err);
}

// ---- Adding ----

static struct kernel_flow *record(struct kernel_datapath *dp, struct megaflow *mf)
{
	struct kernel_flow *f = xzalloc(sizeof(*f));

	f->ufid = mf->ufid;
	f->mf = mf;
	f->refs = 1;
	pthread_mutex_lock(&dp->flows_lock);
	if (kernel_flow_find(dp, &f->ufid)) {
		pthread_mutex_unlock(&dp->flows_lock);
		free(f);
		return NULL;
	}
	hmap_insert(&dp->flows, &f->node, uuid_hash(&f->ufid));
	mf->dp = f;
	pthread_mutex_unlock(&dp->flows_lock);
	return f;
}

static void forget(struct kernel_datapath *dp, struct kernel_flow *f)
{
	pthread_mutex_lock(&dp->flows_lock);
	hmap_remove(&dp->flows, &f->node);
	f->mf->dp = NULL;
	kernel_flow_unref(f);
	pthread_mutex_unlock(&dp->flows_lock);
}

// As asked, else by way of userspace.
static int put_now(struct kernel_datapath *dp, struct nl_sock *sock, uint8_t cmd,
		   const struct megaflow *mf, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT, slow = STRBUF_INIT;

	build_put(&msg, dp, cmd, mf, false);
	if (!transact(dp, sock, &msg, NULL, err))
		return 0;
	build_put(&slow, dp, cmd, mf, true);
	return transact(dp, sock, &slow, NULL, err);
}

int kernel_flow_add(struct datapath *base, struct megaflow *mf)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct batch *b = kernel_batch(dp);
	struct kernel_flow *f = record(dp, mf);
	AUTO(strbuf) msg = STRBUF_INIT;
	int error;

	if (!f)
		return -EEXIST;
	if (b) {
		f->refs++;
		build_put(&msg, dp, OVS_FLOW_CMD_NEW, mf, false);
		batch_put(b, &msg, f);
		return 0;
	}
	error = put_now(dp, NULL, OVS_FLOW_CMD_NEW, mf, NULL);
	if (error) {
		forget(dp, f);
		return error;
	}
	pthread_mutex_lock(&dp->flows_lock);
	f->state = FLOW_IN_KERNEL;
	pthread_mutex_unlock(&dp->flows_lock);
	return 0;
}

// The kernel did not take the flow as it was first sent.
static enum kernel_flow_state try_slow(struct kernel_datapath *dp, const struct megaflow *mf,
				       struct nl_sock *sock, int error, const char *text)
{
	static struct log_limit limit = LOG_LIMIT_INIT(6, 3);
	AUTO(strbuf) msg = STRBUF_INIT;
	struct error err = ERROR_INIT;

	counter_inc(COUNTER_FLOW_REFUSED);
	log_warn_limited(&limit, "%s: flow " UUID_FMT ": %s%s%s; its packets go through userspace",
			 dp->name, UUID_ARGS(&mf->ufid), strerror(-error), *text ? ": " : "", text);
	build_put(&msg, dp, OVS_FLOW_CMD_NEW, mf, true);
	if (!transact(dp, sock, &msg, NULL, &err))
		return FLOW_IN_KERNEL;
	log_warn_limited(&limit, "%s: flow " UUID_FMT ": %s; each of its packets will miss",
			 dp->name, UUID_ARGS(&mf->ufid), err.text);
	return FLOW_REFUSED;
}

void kernel_flow_added(struct kernel_datapath *dp, struct kernel_flow *f, int error,
		       const char *text, struct nl_sock *sock)
{
	static struct log_limit limit = LOG_LIMIT_INIT(6, 3);
	enum kernel_flow_state state = FLOW_IN_KERNEL;
	AUTO(strbuf) msg = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct megaflow *mf;
	bool changed;

	pthread_mutex_lock(&dp->flows_lock);
	mf = f->mf;
	pthread_mutex_unlock(&dp->flows_lock);
	// Should the main thread take it out now, RCU keeps 'mf' for this round.
	if (error && mf)
		state = try_slow(dp, mf, sock, error, text);
	pthread_mutex_lock(&dp->flows_lock);
	f->state = state;
	mf = f->mf;
	changed = f->changed && mf;
	f->changed = false;
	pthread_mutex_unlock(&dp->flows_lock);
	if (!mf) {
		// One that stays behind, the next dump sees.
		build_del(&msg, dp, &f->ufid);
		(void)transact(dp, sock, &msg, NULL, NULL);
	} else if (changed && put_now(dp, sock, OVS_FLOW_CMD_SET, mf, &err)) {
		log_warn_limited(&limit, "%s: flow " UUID_FMT ": %s; it keeps its first actions",
				 dp->name, UUID_ARGS(&mf->ufid), err.text);
	}
	pthread_mutex_lock(&dp->flows_lock);
	kernel_flow_unref(f);
	pthread_mutex_unlock(&dp->flows_lock);
}

void kernel_flow_repair(struct kernel_datapath *dp, struct kernel_flow *f, struct nl_sock *sock)
{
	// Its count begins anew.
	f->base.packets += f->seen.packets;
	f->base.bytes += f->seen.bytes;
	f->seen.packets = f->seen.bytes = 0;
	f->missing = 0;
	counter_inc(COUNTER_FLOW_REPAIRED);
	if (put_now(dp, sock, OVS_FLOW_CMD_NEW, f->mf, NULL))
		f->state = FLOW_REFUSED;
}

// ---- Changing ----

int kernel_flow_update(struct datapath *base, struct megaflow *mf)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct kernel_flow *f = mf->dp;
	bool now;
	int error;

	pthread_mutex_lock(&dp->flows_lock);
	now = f->state != FLOW_ADDING;
	f->changed |= !now;
	pthread_mutex_unlock(&dp->flows_lock);
	if (!now)
		return 0;
	error = put_now(dp, NULL, OVS_FLOW_CMD_SET, mf, NULL);
	// Lost in the kernel: the next dump sees it, and puts it in with these actions.
	return error == -ENOENT ? 0 : error;
}

// ---- Taking out ----

static void take_last_counts(struct kernel_flow *f, struct megaflow *mf, const struct strbuf *reply)
{
	struct flow_message m;

	if (!reply->len || flow_message_decode((const struct nlmsghdr *)reply->s, &m, NULL))
		return;
	if (m.packets > f->seen.packets)
		f->seen.used = clock_msec();
	f->seen.packets = m.packets;
	f->seen.bytes = m.bytes;
	f->seen.tcp_flags |= m.tcp_flags;
	f->mf = mf;
	kernel_flow_publish(f);
}

void kernel_flow_del(struct datapath *base, struct megaflow *mf)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	AUTO(strbuf) msg = STRBUF_INIT, reply = STRBUF_INIT;
	struct kernel_flow *f = mf->dp;
	bool in_kernel;

	if (!f)
		return;
	pthread_mutex_lock(&dp->flows_lock);
	hmap_remove(&dp->flows, &f->node);
	f->mf = NULL;
	mf->dp = NULL;
	in_kernel = f->state == FLOW_IN_KERNEL && !dp->leaving;
	pthread_mutex_unlock(&dp->flows_lock);
	if (in_kernel) {
		build_del(&msg, dp, &mf->ufid);
		if (!kernel_request(dp, &msg, &reply, NULL))
			take_last_counts(f, mf, &reply);
	}
	pthread_mutex_lock(&dp->flows_lock);
	kernel_flow_unref(f);
	pthread_mutex_unlock(&dp->flows_lock);
}

void kernel_flows_free(struct kernel_datapath *dp)
{
	struct kernel_flow *f;

	HMAP_FOR_EACH_SAFE (f, node, &dp->flows) {
		hmap_remove(&dp->flows, &f->node);
		f->mf->dp = NULL;
		kernel_flow_unref(f);
	}
}

int kernel_flow_flush(struct kernel_datapath *dp, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = kernel_begin(dp, &msg, &dp->families.flow, OVS_FLOW_CMD_DEL, 0);
	int error;

	nl_msg_end(&msg, m);
	counter_inc(COUNTER_DPIF_FLOW_FLUSH);
	error = kernel_request(dp, &msg, NULL, err);
	return error ? error_wrap(err, "datapath %s: flushing flows", dp->name) : 0;
}

// ---- Packets that the kernel sends here ----

bool kernel_flow_slow_actions(struct kernel_datapath *dp, const struct dp_action *a,
			      const struct flow_key *key, struct dp_actions *ret)
{
	struct uuid ufid = slow_ufid(a);
	const struct megaflow *mf = NULL;
	struct kernel_flow *f;

	pthread_mutex_lock(&dp->flows_lock);
	f = kernel_flow_find(dp, &ufid);
	if (f)
		mf = f->mf;
	pthread_mutex_unlock(&dp->flows_lock);
	if (!mf || !miniflow_equal_key_masked(mf->key, mf->mask, key))
		return false;
	*ret = megaflow_actions_get(mf);
	return true;
}
