// SPDX-License-Identifier: Apache-2.0
// Meters in the kernel: one police action for each that a rule uses, shared by all rules that do, of all devices. They are
// made with the first rule and stay as long as the datapath has the meter, so that a bucket is not full again when flows go.
//
// The kernel wants the actions of a rule to be offloaded as the rule is (tc-policy), so a meter whose policy changes while
// rules move is two actions for a moment. One process has one table: actions belong to the network namespace, not to a device.
#include <pthread.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/vec.h"
#include "offload/tc/device-private.h"

LOG_MODULE(tc_meter);

enum { N_POLICIES = 3 };
static const uint32_t policies[N_POLICIES] = { 0, TCA_CLS_FLAGS_SKIP_SW, TCA_CLS_FLAGS_SKIP_HW };

struct meter_action {
	bool made;
	uint32_t n_rules; // of ours
	struct tc_counts last; // as of the last look
};

struct meter {
	struct hmap_node node; // by id
	uint32_t id;
	bool is_gone; // the datapath has it no more; rules still use it
	const char *lack; // why it cannot be a police action, NULL: it can
	struct tc_policer want;
	struct meter_action actions[N_POLICIES];
	struct meter_count in, dropped; // by actions that are not there any more
	struct meter_count in_before, dropped_before; // until it was last set
	VEC(struct tc_device *) devices; // the first one tells what it has counted
};

// Lock: everything below; held while the kernel is asked. Workers take it, and the main thread when a device comes or goes.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int n_open; // devices
static struct hmap meters;
typedef VEC(uint32_t) numbers;
static numbers leftovers; // actions that a process before this one has left
static bool looked; // for them
static numbers
	unwanted; // to be removed: the kernel lets go of a rule's actions a while after the rule

__attribute__((constructor)) static void begin_table(void)
{
	hmap_init(&meters);
}

static struct meter *find(uint32_t id)
{
	struct meter *m;

	HMAP_FOR_EACH_WITH_HASH (m, node, hash_u64(id, 0), &meters)
		if (m->id == id)
			return m;
	return NULL;
}

static unsigned int which(uint32_t policy)
{
	unsigned int i = 0;

	while (i + 1 < N_POLICIES && policies[i] != policy)
		i++;
	return i;
}

// ---- Requests ----

static size_t begin(struct strbuf *b, uint16_t type, uint16_t flags, size_t nests[2])
{
	size_t m = nl_msg_begin(b, type, flags);

	nl_put_header(b, sizeof(struct tcamsg));
	nests[0] = nl_nest_begin(b, TCA_ACT_TAB);
	nests[1] = nl_nest_begin(b, 1);
	nl_put_str(b, TCA_ACT_KIND, "police");
	return m;
}

static void end(struct strbuf *b, size_t m, const size_t nests[2])
{
	nl_nest_end(b, nests[1]);
	nl_nest_end(b, nests[0]);
	nl_msg_end(b, m);
}

static int make(struct tc_device *dev, const struct meter *m, unsigned int i, char *ret_text,
		size_t text_size)
{
	uint32_t skip = policies[i] & TCA_CLS_FLAGS_SKIP_SW   ? TCA_ACT_FLAGS_SKIP_SW
			: policies[i] & TCA_CLS_FLAGS_SKIP_HW ? TCA_ACT_FLAGS_SKIP_HW
							      : 0;
	struct nla_bitfield32 flags = { skip, skip };
	struct nl_request req = { 0 }, *one = &req;
	struct tc_policer p = m->want;
	size_t nests[2], options, msg;
	int error;

	p.index = tc_police_index(m->id, policies[i]);
	msg = begin(&req.msg, RTM_NEWACTION, NLM_F_CREATE | NLM_F_REPLACE, nests);
	if (skip)
		nl_put(&req.msg, TCA_ACT_FLAGS, &flags, sizeof(flags));
	options = nl_nest_begin(&req.msg, TCA_ACT_OPTIONS);
	tc_policer_put(&req.msg, &p);
	nl_nest_end(&req.msg, options);
	end(&req.msg, msg, nests);
	error = nl_transact_many(dev->sock, &one, 1);
	if (!error)
		error = req.error;
	snprintf(ret_text, text_size, "%s", req.text);
	nl_request_uninit(&req);
	return error;
}

// Of one action by its number: RTM_GETACTION or RTM_DELACTION.
static int ask(struct tc_device *dev, uint16_t type, uint32_t index, struct strbuf *reply)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t nests[2], msg = begin(&req, type, 0, nests);

	nl_put_u32(&req, TCA_ACT_INDEX, index);
	end(&req, msg, nests);
	return nl_transact(dev->sock, &req, reply, NULL);
}

static void copy(const struct police *p, void *ret)
{
	*(struct police *)ret = *p;
}

static int look_at(struct tc_device *dev, uint32_t index, struct police *ret)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	struct error err = ERROR_INIT;
	int error = ask(dev, RTM_GETACTION, index, &reply), decoded = -EPROTO;

	if (error)
		return error;
	memset(ret, 0, sizeof(*ret));
	if (!reply.len ||
	    !tc_police_decode((const struct nlmsghdr *)reply.s, copy, ret, &decoded, &err) ||
	    decoded || ret->does.index != index) {
		log_warn("%s: police action 0x%x: %s", dev->name, index,
			 decoded ? err.text : "the answer is about another");
		return -EPROTO;
	}
	return 0;
}

// ---- Counts ----

// The kernel measures what comes in without its Ethernet header, NICs with it.
static uint64_t bytes_of(const struct tc_counts *c)
{
	return c->bytes + (c->packets - MIN(c->hw_packets, c->packets)) * ETH_HLEN;
}

static void sum(const struct meter *m, struct meter_count *in, struct meter_count *dropped)
{
	*in = m->in;
	*dropped = m->dropped;
	for (unsigned int i = 0; i < N_POLICIES; i++) {
		const struct tc_counts *c = &m->actions[i].last;

		in->packets += c->packets;
		in->bytes += bytes_of(c);
		dropped->packets += c->dropped;
	}
}

static void look_at_meter(struct tc_device *dev, struct meter *m)
{
	struct police p;

	for (unsigned int i = 0; i < N_POLICIES; i++)
		if (m->actions[i].made && !look_at(dev, tc_police_index(m->id, policies[i]), &p))
			m->actions[i].last = p.counts;
}

// Those that are still bound stay in the list.
static void remove_unwanted(struct tc_device *dev)
{
	size_t n = 0;

	if (dev->leaving)
		return;
	for (size_t i = 0; i < unwanted.n; i++)
		if (ask(dev, RTM_DELACTION, unwanted.v[i], NULL) == -EPERM)
			unwanted.v[n++] = unwanted.v[i];
	unwanted.n = n;
}

static bool tells(const struct meter *m, const struct tc_device *dev)
{
	return m->devices.n && m->devices.v[0] == dev;
}

void tc_meters_refresh(struct tc_device *dev)
{
	struct meter *m;

	pthread_mutex_lock(&lock);
	remove_unwanted(dev);
	HMAP_FOR_EACH (m, node, &meters)
		if (tells(m, dev))
			look_at_meter(dev, m);
	pthread_mutex_unlock(&lock);
}

void tc_meter_counts(void *priv,
		     void (*cb)(uint32_t id, const struct meter_count *in,
				const struct meter_count *dropped, void *aux),
		     void *aux)
{
	struct meter_count in, dropped;
	struct tc_device *dev = priv;
	struct meter *m;

	pthread_mutex_lock(&lock);
	HMAP_FOR_EACH (m, node, &meters) {
		if (!tells(m, dev) || m->is_gone)
			continue;
		sum(m, &in, &dropped);
		in.packets -= MIN(m->in_before.packets, in.packets);
		in.bytes -= MIN(m->in_before.bytes, in.bytes);
		dropped.packets -= MIN(m->dropped_before.packets, dropped.packets);
		cb(m->id, &in, &dropped, aux);
	}
	pthread_mutex_unlock(&lock);
}

static void begin_counts(struct tc_device *dev, struct meter *m)
{
	look_at_meter(dev, m);
	sum(m, &m->in_before, &m->dropped_before);
}

// ---- Life of an action ----

static bool take(numbers *from, uint32_t index)
{
	for (size_t i = 0; i < from->n; i++)
		if (from->v[i] == index) {
			from->v[i] = from->v[--from->n];
			return true;
		}
	return false;
}

// One that is there and does the same goes on with the bucket that it has; what it has counted is of another life.
static bool adopt(struct tc_device *dev, struct meter *m, unsigned int i)
{
	uint32_t index = tc_police_index(m->id, policies[i]);
	struct meter_action *a = &m->actions[i];
	struct police p;

	if ((!take(&leftovers, index) && !take(&unwanted, index)) || look_at(dev, index, &p))
		return false;
	a->last = p.counts;
	m->in_before.packets += p.counts.packets;
	m->in_before.bytes += bytes_of(&p.counts);
	m->dropped_before.packets += p.counts.dropped;
	return tc_policer_is_same(&p.does, &m->want);
}

static void drop_action(struct tc_device *dev, struct meter *m, unsigned int i)
{
	uint32_t index = tc_police_index(m->id, policies[i]);
	struct meter_action *a = &m->actions[i];
	struct police p;

	if (!a->made || a->n_rules)
		return;
	if (!dev->leaving) {
		if (!look_at(dev, index, &p))
			a->last = p.counts;
		// Later, with the others: there may be thousands.
		if (ask(dev, RTM_DELACTION, index, NULL) == -EPERM)
			VEC_PUSH(&unwanted, index);
	}
	m->in.packets += a->last.packets;
	m->in.bytes += bytes_of(&a->last);
	m->dropped.packets += a->last.dropped;
	memset(a, 0, sizeof(*a));
}

static void free_if_unused(struct meter *m)
{
	for (unsigned int i = 0; i < N_POLICIES; i++)
		if (m->actions[i].n_rules)
			return;
	if (m->devices.n)
		return;
	hmap_remove(&meters, &m->node);
	VEC_FREE(&m->devices);
	free(m);
}

// What nobody uses: all of a meter that is gone, and what other policies than the present one have left.
static void tidy(struct tc_device *dev, struct meter *m)
{
	uint32_t now = atomic_load(&dev->policy);

	for (unsigned int i = 0; i < N_POLICIES; i++)
		if (m->is_gone || policies[i] != now)
			drop_action(dev, m, i);
	if (m->is_gone)
		free_if_unused(m);
}

// ---- Rules ----

static int need_one(struct tc_device *dev, uint32_t id, unsigned int i, struct verdict *v)
{
	struct meter *m = find(id);
	char text[sizeof(v->driver_text)] = "";
	int error;

	if (!m || m->is_gone || m->lack) {
		verdict_refuse(v, REASON_METER_UNSUPPORTED,
			       m && !m->is_gone ? m->lack : "meter that is not there");
		return -ENOENT;
	}
	if (!m->actions[i].made && !adopt(dev, m, i)) {
		error = make(dev, m, i, text, sizeof(text));
		if (error) {
			verdict_refuse_by_driver(v, REASON_DEVICE_REFUSED, error, text);
			snprintf(v->culprit, sizeof(v->culprit), "meter");
			// Not of this kind of rule: those of other meters may go in.
			return -EBUSY;
		}
	}
	m->actions[i].made = true;
	m->actions[i].n_rules++;
	return 0;
}

static void let_go(struct tc_device *dev, uint32_t id, unsigned int i)
{
	struct meter *m = find(id);

	if (!m || !m->actions[i].n_rules)
		return;
	m->actions[i].n_rules--;
	tidy(dev, m);
}

int tc_meters_need(struct tc_device *dev, const struct compiled_rule *rule, struct verdict *v)
{
	unsigned int i = which(rule->policy), n = 0;
	int error = 0;

	if (!rule->n_meters)
		return 0;
	pthread_mutex_lock(&lock);
	while (n < rule->n_meters && !error)
		error = need_one(dev, rule->meters[n++], i, v);
	if (error)
		for (n--; n; n--)
			let_go(dev, rule->meters[n - 1], i);
	pthread_mutex_unlock(&lock);
	return error;
}

void tc_meters_let_go(struct tc_device *dev, const struct hw_rule *r)
{
	if (!r->n_meters)
		return;
	pthread_mutex_lock(&lock);
	for (unsigned int n = 0; n < r->n_meters; n++)
		let_go(dev, r->meters[n],
		       which(r->asked & (TCA_CLS_FLAGS_SKIP_SW | TCA_CLS_FLAGS_SKIP_HW)));
	pthread_mutex_unlock(&lock);
}

// ---- The contract ----

static void add_device(struct meter *m, struct tc_device *dev)
{
	struct tc_device **d;

	VEC_FOR_EACH (d, &m->devices)
		if (*d == dev)
			return;
	VEC_PUSH(&m->devices, dev);
}

static void remake(struct tc_device *dev, const struct meter *m, unsigned int i)
{
	char text[128];
	int error = make(dev, m, i, text, sizeof(text));

	if (error)
		log_warn("%s: meter %u is not changed in hardware: %s", dev->name, m->id,
			 text[0] ? text : strerror(-error));
}

static void remake_all(struct tc_device *dev, const struct meter *m)
{
	for (unsigned int i = 0; i < N_POLICIES; i++)
		if (m->actions[i].made)
			remake(dev, m, i);
}

void tc_meter_set(void *priv, uint32_t id, const struct meter_config *config)
{
	struct tc_device *dev = priv;
	struct tc_policer before;
	struct meter *m;

	pthread_mutex_lock(&lock);
	m = find(id);
	if (!m) {
		m = xzalloc(sizeof(*m));
		m->id = id;
		hmap_insert(&meters, &m->node, hash_u64(id, 0));
	}
	before = m->want;
	m->is_gone = false;
	m->lack = id > TC_METER_MAX ? "meter with a number over 67108863"
				    : tc_police_of_meter(config, &m->want);
	add_device(m, dev);
	// Of several devices that are told the same, one does it.
	if (tells(m, dev))
		begin_counts(dev, m);
	// What cannot be an action stays what it was until its rules are out.
	if (m->lack)
		m->want = before;
	else if (!tc_policer_is_same(&before, &m->want))
		remake_all(dev, m);
	pthread_mutex_unlock(&lock);
}

static void forget_device(struct meter *m, const struct tc_device *dev)
{
	for (size_t i = 0; i < m->devices.n; i++)
		if (m->devices.v[i] == dev) {
			// The order says who tells.
			memmove(&m->devices.v[i], &m->devices.v[i + 1],
				(m->devices.n - i - 1) * sizeof(m->devices.v[0]));
			m->devices.n--;
			return;
		}
}

void tc_meter_del(void *priv, uint32_t id)
{
	struct tc_device *dev = priv;
	struct meter *m;

	pthread_mutex_lock(&lock);
	m = find(id);
	if (m) {
		forget_device(m, dev);
		m->is_gone = !m->devices.n;
		if (m->is_gone)
			tidy(dev, m);
	}
	pthread_mutex_unlock(&lock);
}

// True when none of the actions that were to be removed is there any more.
static bool all_removed(struct tc_device *dev)
{
	bool all;

	pthread_mutex_lock(&lock);
	remove_unwanted(dev);
	all = !unwanted.n;
	pthread_mutex_unlock(&lock);
	return all;
}

// The kernel lets go a grace period later. Without the lock; the main thread waits.
static void remove_the_last(struct tc_device *dev)
{
	enum { TRIES = 100, WAIT_USEC = 5000 };

	for (int i = 0; i < TRIES; i++) {
		if (all_removed(dev))
			return;
		usleep(WAIT_USEC);
	}
	log_warn("%s: police actions of meters that are gone are still in use, and stay",
		 dev->name);
}

void tc_meters_close(struct tc_device *dev)
{
	struct meter *m;
	bool is_last;

	pthread_mutex_lock(&lock);
	HMAP_FOR_EACH_SAFE (m, node, &meters) {
		forget_device(m, dev);
		m->is_gone = !m->devices.n;
		if (m->is_gone)
			tidy(dev, m);
	}
	is_last = !--n_open;
	pthread_mutex_unlock(&lock);
	// Else the polls of those that stay do it.
	if (is_last && !dev->leaving)
		remove_the_last(dev);
}

// ---- What others have left or changed ----

typedef VEC(struct police) police_vec;

static void collect(const struct police *p, void *aux)
{
	police_vec *found = aux;

	if (tc_police_is_meter(p->does.index))
		VEC_PUSH(found, *p);
}

static int dump_one(const struct nlmsghdr *h, void *aux)
{
	struct error err = ERROR_INIT;
	int error;

	if (tc_police_decode(h, collect, aux, &error, &err) && error) {
		static struct log_limit limit = LOG_LIMIT_INIT(1, 5);

		log_warn_limited(&limit, "police actions: %s", err.text);
	}
	return 0;
}

static void forget_found(void *aux)
{
	police_vec *found = aux;

	VEC_CLEAR(found);
}

// All actions with numbers of ours.
static int list_actions(struct tc_device *dev, police_vec *found)
{
	struct nla_bitfield32 flags = { TCA_FLAG_LARGE_DUMP_ON, TCA_FLAG_LARGE_DUMP_ON };
	AUTO(strbuf) req = STRBUF_INIT;
	size_t nests[2], msg = begin(&req, RTM_GETACTION, NLM_F_DUMP, nests);

	end(&req, msg, nests);
	nl_put(&req, TCA_ROOT_FLAGS, &flags, sizeof(flags));
	nl_msg_end(&req, msg);
	return nl_dump_whole(dev->sock, &req, dump_one, forget_found, found, NULL);
}

void tc_meters_open(struct tc_device *dev)
{
	police_vec found = VEC_INIT;
	const struct police *p;

	pthread_mutex_lock(&lock);
	// A kernel without police actions has none that were left.
	if (!looked && !list_actions(dev, &found))
		VEC_FOR_EACH (p, &found)
			VEC_PUSH(&leftovers, p->does.index);
	looked = true;
	n_open++;
	pthread_mutex_unlock(&lock);
	VEC_FREE(&found);
}

void tc_meters_sweep(struct tc_device *dev)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = leftovers.n;
	// Rules of another device that are still to be adopted, or swept, keep theirs.
	while (leftovers.n)
		VEC_PUSH(&unwanted, leftovers.v[--leftovers.n]);
	// Once, not for each port: polls look after what stays.
	if (n)
		remove_unwanted(dev);
	pthread_mutex_unlock(&lock);
	if (n)
		log_info("%s: %zu meters of an earlier process are removed", dev->name, n);
}

static struct meter_action *find_action(uint32_t index, struct meter **ret_m, unsigned int *ret_i)
{
	uint32_t n = index - TC_METER_BASE;
	struct meter *m = find(n & TC_METER_MAX);

	*ret_m = m;
	*ret_i = n >> TC_METER_POLICY_SHIFT;
	return m && *ret_i < N_POLICIES && m->actions[*ret_i].made ? &m->actions[*ret_i] : NULL;
}

static bool is_in(const numbers *list, uint32_t index)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == index)
			return true;
	return false;
}

static void audit_one(struct tc_device *dev, const struct police *p, struct audit_findings *ret)
{
	struct meter *m;
	unsigned int i;

	if (!find_action(p->does.index, &m, &i)) {
		if (is_in(&leftovers, p->does.index) || is_in(&unwanted, p->does.index))
			return;
		ret->orphans++;
		VEC_PUSH(&unwanted, p->does.index);
		return;
	}
	if (!tells(m, dev) || tc_policer_is_same(&p->does, &m->want))
		return;
	ret->altered++;
	remake(dev, m, i);
}

void tc_meters_audit(struct tc_device *dev, struct audit_findings *ret)
{
	police_vec found = VEC_INIT;
	const struct police *p;

	pthread_mutex_lock(&lock);
	if (!list_actions(dev, &found))
		VEC_FOR_EACH (p, &found)
			audit_one(dev, p, ret);
	remove_unwanted(dev);
	pthread_mutex_unlock(&lock);
	VEC_FREE(&found);
	tc_meters_refresh(dev);
}
