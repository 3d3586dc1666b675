// SPDX-License-Identifier: Apache-2.0
// Disciplines of devices: what is wanted is compared with what the kernel has, and only what differs is told to it.
#include "datapath/linux/traffic.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/vec.h"
#include "datapath/linux/police.h"
#include "datapath/linux/traffic-private.h"

LOG_MODULE(netdev_linux);

struct traffic {
	struct nl_sock *sock;
	struct strmap devices; // struct traffic_device by name
};

typedef VEC(struct tc_class) classes;

// ---- Kinds, numbers ----

#define KIND(SYMBOL, TYPE, DISCIPLINE, MAX) { TYPE, DISCIPLINE, MAX, &qos_##SYMBOL },
const struct qos_kind_row qos_kinds[] = {
#include "datapath/linux/qos.def"
};
#undef KIND
const size_t n_qos_kinds = ARRAY_SIZE(qos_kinds);

const struct qos_kind_row *qos_kind_by_type(const char *type)
{
	for (size_t i = 0; i < n_qos_kinds; i++)
		if (!strcmp(qos_kinds[i].type, type))
			return &qos_kinds[i];
	return NULL;
}

static bool is_noop(const struct qos_kind_row *k)
{
	return k && k->kind == &qos_noop;
}

int qos_number(const struct smap *options, const char *name, uint64_t def, uint64_t max,
	       uint64_t *ret, struct error *err)
{
	const char *text = smap_get(options, name);
	uint64_t n = 0;

	if (text && !parse_u64(text, 10, &n))
		return error_set(err, -EINVAL, "other_config:%s: \"%s\" is no number", name, text);
	if (n > max)
		return error_set(err, -EINVAL, "other_config:%s: %s is over %" PRIu64, name, text,
				 max);
	*ret = n ? n : def;
	return 0;
}

int qos_link_rate(const struct traffic_link *l, const struct smap *options, uint64_t *ret_bytes,
		  struct error *err)
{
	int error = qos_number(options, "max-rate", 0, UINT64_MAX, ret_bytes, err);

	*ret_bytes /= 8;
	if (!error && !*ret_bytes)
		*ret_bytes = (l->mbps ? l->mbps : 10000) * 1000000 / 8;
	return error;
}

uint64_t qos_tick_nsec(void)
{
	static uint64_t nsec;
	unsigned int usec, tick;
	FILE *f;

	if (nsec)
		return nsec;
	// What kernels have had since 2.6.31.
	nsec = 64;
	f = fopen("/proc/net/psched", "re");
	if (f && fscanf(f, "%x %x", &usec, &tick) == 2 && tick)
		nsec = tick;
	if (f)
		fclose(f);
	return nsec;
}

uint32_t qos_ticks(uint64_t rate, uint64_t bytes)
{
	__uint128_t ticks;

	if (!rate)
		return 0;
	ticks = (__uint128_t)bytes * (1000000000 / qos_tick_nsec()) / rate;
	return MIN(ticks, UINT32_MAX);
}

uint64_t qos_bytes(uint64_t rate, uint32_t ticks)
{
	uint64_t per_second = 1000000000 / qos_tick_nsec();

	return ((__uint128_t)ticks * rate + per_second - 1) / per_second;
}

// ---- Devices ----

// NULL: nothing has been asked of it, or it is another by now.
static struct traffic_device *find_device(const struct traffic *t, const struct traffic_link *l)
{
	struct traffic_device *d = strmap_get(&t->devices, l->name);

	return d && d->ifindex == l->ifindex ? d : NULL;
}

static void forget_device(struct traffic *t, const char *name)
{
	struct traffic_device *d = strmap_take(&t->devices, name);

	if (d)
		free(d->created);
	free(d);
}

static struct traffic_device *need_device(struct traffic *t, const struct traffic_link *l)
{
	struct traffic_device *d = find_device(t, l);

	if (d)
		return d;
	// The device of before has gone, and what stood at it.
	forget_device(t, l->name);
	d = xzalloc(sizeof(*d));
	d->ifindex = l->ifindex;
	strmap_add(&t->devices, l->name, d);
	return d;
}

// The caller sorts behind the last one.
static void note_created(struct traffic_device *d, uint32_t queue)
{
	d->created = xgrow(d->created, &d->cap_created, d->n_created + 1, sizeof(*d->created));
	d->created[d->n_created].queue = queue;
	d->created[d->n_created++].created_msec = clock_msec();
}

static int by_number(const void *a, const void *b)
{
	const struct created_queue *x = a, *y = b;

	return x->queue < y->queue ? -1 : x->queue > y->queue;
}

static void sort_created(struct traffic_device *d)
{
	if (d->n_created)
		qsort(d->created, d->n_created, sizeof(*d->created), by_number);
}

static const struct created_queue *find_created(const struct traffic_device *d, uint32_t queue)
{
	const struct created_queue wanted = { .queue = queue };

	return d->n_created ? bsearch(&wanted, d->created, d->n_created, sizeof(wanted), by_number)
			    : NULL;
}

static int64_t created_msec(const struct traffic_device *d, uint32_t queue)
{
	const struct created_queue *q = find_created(d, queue);

	return q ? q->created_msec : INT64_MIN;
}

// ---- Disciplines ----

// The one that sends; 'reply' holds the message that 'ret' is into. Without a handle it is the kernel's own.
static int get_root(struct traffic *t, int ifindex, struct strbuf *reply, struct tc_qdisc *ret,
		    struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	int error;

	nl_msg_end(&req, tc_begin(&req, RTM_GETQDISC, NLM_F_ECHO, ifindex, TC_H_ROOT, 0, 0));
	error = nl_transact(t->sock, &req, reply, err);
	memset(ret, 0, sizeof(*ret));
	if (error == -ENOENT || (!error && !reply->len))
		return 0;
	return error ? error : tc_qdisc_decode((const struct nlmsghdr *)reply->s, ret, err);
}

static int delete_root(struct traffic *t, int ifindex, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	int error;

	nl_msg_end(&req, tc_begin(&req, RTM_DELQDISC, 0, ifindex, TC_H_ROOT, 0, 0));
	error = nl_transact(t->sock, &req, NULL, err);
	return error == -ENOENT || error == -ENODEV ? 0 : error;
}

static int put_root(struct traffic *t, int ifindex, const struct qos_kind_row *row,
		    const uint64_t values[], uint16_t flags, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = tc_begin(&req, RTM_NEWQDISC, flags, ifindex, TC_H_ROOT, QOS_HANDLE, 0);

	nl_put_str(&req, TCA_KIND, row->discipline);
	row->kind->put(&req, values);
	nl_msg_end(&req, m);
	return nl_transact(t->sock, &req, NULL, err);
}

static bool is_of_kind(const struct tc_qdisc *q, const struct qos_kind_row *row)
{
	return q->handle == QOS_HANDLE && q->options && !strcmp(q->kind, row->discipline);
}

static int replace_root(struct traffic *t, const struct traffic_link *l, const struct tc_qdisc *old,
			const struct qos_kind_row *row, const uint64_t values[], struct error *err)
{
	int error = old->handle ? delete_root(t, l->ifindex, err) : 0;

	if (error)
		return error_wrap(err, "discipline %s is in the way", old->kind);
	return put_root(t, l->ifindex, row, values, NLM_F_CREATE | NLM_F_EXCL, err);
}

// The discipline as wanted, changed where it can be, else made anew. 'ret_new': it has no queues yet.
static int need_root(struct traffic *t, const struct traffic_link *l,
		     const struct qos_kind_row *row, const struct smap *options, bool *ret_new,
		     struct error *err)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	uint64_t wanted[QOS_MAX_VALUES] = { 0 }, there[QOS_MAX_VALUES] = { 0 };
	struct tc_qdisc q;
	int error = row->kind->read(l, options, wanted, err);

	if (!error)
		error = get_root(t, l->ifindex, &reply, &q, err);
	if (error)
		return error;
	*ret_new = false;
	if (is_of_kind(&q, row) && !row->kind->get(q.options, there, NULL)) {
		if (!memcmp(wanted, there, sizeof(wanted)))
			return 0;
		if (!row->kind->classes && !put_root(t, l->ifindex, row, wanted, 0, NULL))
			return 0;
	}
	*ret_new = true;
	return replace_root(t, l, &q, row, wanted, err);
}

// ---- Queues ----

struct class_dump {
	const struct qos_kind *kind;
	classes *out;
	struct error *err;
};

static int add_class(const struct nlmsghdr *h, void *aux)
{
	struct class_dump *d = aux;
	struct tc_class c;
	int error = tc_class_decode(h, d->kind, &c, d->err);

	if (!error && TC_H_MAJ(c.id) == QOS_HANDLE && TC_H_MIN(c.id))
		VEC_PUSH(d->out, c);
	return error;
}

static void forget_classes(void *aux)
{
	struct class_dump *d = aux;

	VEC_CLEAR(d->out);
}

static int by_id(const void *a, const void *b)
{
	const struct tc_class *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

// In the order of ids. Of our discipline alone: what others have put below a queue may have classes of another kind.
static int get_classes(struct traffic *t, int ifindex, const struct qos_kind *kind, classes *ret,
		       struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	struct class_dump d = { kind, ret, err };
	int error;

	nl_msg_end(&req, tc_begin(&req, RTM_GETTCLASS, NLM_F_DUMP, ifindex, QOS_HANDLE, 0, 0));
	error = nl_dump_whole(t->sock, &req, add_class, forget_classes, &d, err);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_id);
	return error;
}

static const struct tc_class *find_class(const classes *list, uint32_t id)
{
	const struct tc_class wanted = { .id = id };

	return list->n ? bsearch(&wanted, list->v, list->n, sizeof(*list->v), by_id) : NULL;
}

// Whoever has removed them: a queue that is made under such a number is another.
static void forget_gone(struct traffic_device *d, const classes *there)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_created; i++)
		if (find_class(there, qos_class_of(d->created[i].queue)))
			d->created[n++] = d->created[i];
	d->n_created = n;
}

static int put_class(struct traffic *t, int ifindex, const struct qos_kind_row *row,
		     const struct tc_class *c, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	uint32_t parent = c->id == QOS_ROOT_CLASS ? QOS_HANDLE : QOS_ROOT_CLASS;
	size_t m = tc_begin(&req, RTM_NEWTCLASS, NLM_F_CREATE, ifindex, parent, c->id, 0);

	nl_put_str(&req, TCA_KIND, row->discipline);
	row->kind->classes->put(&req, c);
	nl_msg_end(&req, m);
	return nl_transact(t->sock, &req, NULL, err);
}

static int delete_class(struct traffic *t, int ifindex, uint32_t id, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	int error;

	nl_msg_end(&req, tc_begin(&req, RTM_DELTCLASS, 0, ifindex, 0, id, 0));
	error = nl_transact(t->sock, &req, NULL, err);
	return error == -ENOENT ? 0 : error;
}

static int need_class(struct traffic *t, struct traffic_device *d, const classes *there,
		      const struct tc_class *wanted, struct error *err)
{
	const struct tc_class *old = find_class(there, wanted->id);
	int error;

	if (old && d->kind->kind->classes->equal(old, wanted))
		return 0;
	error = put_class(t, d->ifindex, d->kind, wanted, err);
	if (!error && !old && wanted->id != QOS_ROOT_CLASS)
		note_created(d, TC_H_MIN(wanted->id) - 1);
	return error;
}

static const struct qos_queue *find_queue(const struct qos_config *c, uint32_t id)
{
	size_t low = 0, high = c->n_queues;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->queues[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->n_queues && c->queues[low].id == id ? &c->queues[low] : NULL;
}

static int need_queue(struct traffic *t, const struct traffic_link *l, struct traffic_device *d,
		      const classes *there, const struct tc_class *root, const struct qos_queue *q,
		      struct error *err)
{
	struct tc_class c = { .id = qos_class_of(q->id) };
	int error;

	if (q->id >= d->kind->max_queues)
		return error_set(err, -ERANGE, "queue %u: %s has queues 0 to %u", q->id,
				 d->kind->type, d->kind->max_queues - 1);
	error = d->kind->kind->classes->read(l, q->options, root, &c, err);
	if (!error)
		error = need_class(t, d, there, &c, err);
	return error ? error_wrap(err, "queue %u", q->id) : 0;
}

static void keep_first(struct error *first, const struct error *err)
{
	if (!first->code)
		*first = *err;
}

static void remove_queues(struct traffic *t, struct traffic_device *d, const classes *there,
			  const struct qos_config *c, struct error *first)
{
	struct error err = ERROR_INIT;
	const struct tc_class *old;

	VEC_FOR_EACH (old, there) {
		uint32_t queue = TC_H_MIN(old->id) - 1;

		if (old->id == QOS_ROOT_CLASS || !queue || find_queue(c, queue))
			continue;
		if (delete_class(t, d->ifindex, old->id, &err)) {
			error_wrap(&err, "queue %u stays", queue);
			keep_first(first, &err);
		}
	}
}

// All queues are brought into their state, whatever becomes of one of them; the first error is told.
static int apply_queues(struct traffic *t, const struct traffic_link *l, struct traffic_device *d,
			const struct qos_config *c, const struct tc_class *root, struct error *err)
{
	AUTO(smap) none;
	const struct qos_queue normal = { 0, &none };
	struct error first = ERROR_INIT, e = ERROR_INIT;
	classes there = VEC_INIT;
	int error = get_classes(t, l->ifindex, d->kind->kind, &there, &first);

	smap_init(&none);
	if (!error) {
		forget_gone(d, &there);
		error = need_class(t, d, &there, root, &first);
	}
	if (!error) {
		// What no flow has given a queue goes through queue 0: there is always one.
		if (!find_queue(c, 0))
			need_queue(t, l, d, &there, root, &normal, &first);
		for (size_t i = 0; i < c->n_queues; i++)
			if (need_queue(t, l, d, &there, root, &c->queues[i], &e))
				keep_first(&first, &e);
		sort_created(d);
		remove_queues(t, d, &there, c, &first);
	}
	VEC_FREE(&there);
	return first.code ? error_set(err, first.code, "%s", first.text) : 0;
}

// ---- The whole ----

// A port that is to have none: what was ours, or was there before the device became a port, goes.
static int clear(struct traffic *t, const struct traffic_link *l, struct traffic_device *d,
		 struct error *err)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	bool ours = d->kind && !is_noop(d->kind), before = !d->looked;
	struct tc_qdisc q;
	int error = ours || before ? get_root(t, l->ifindex, &reply, &q, err) : 0;

	if (error)
		return error;
	if ((ours || before) && q.handle) {
		error = delete_root(t, l->ifindex, err);
		if (error)
			return error_wrap(err, "discipline %s stays", q.kind);
		log_info("%s: removed discipline %s, as the port has no QoS", l->name, q.kind);
	}
	d->kind = NULL;
	d->n_created = 0;
	d->looked = true;
	return 0;
}

static int apply(struct traffic *t, const struct traffic_link *l, struct traffic_device *d,
		 const struct qos_kind_row *row, const struct qos_config *c, struct error *err)
{
	struct tc_class root = { .id = QOS_ROOT_CLASS };
	bool is_new;
	int error = 0;

	// First what can be refused without touching anything.
	if (row->kind->classes)
		error = row->kind->classes->read(l, c->options, NULL, &root, err);
	if (!error)
		error = need_root(t, l, row, c->options, &is_new, err);
	if (error)
		return error;
	if (d->kind != row || is_new)
		d->n_created = 0;
	d->kind = row;
	d->mtu = l->mtu;
	d->looked = true;
	if (row->kind->classes)
		return apply_queues(t, l, d, c, &root, err);
	return c->n_queues ? error_set(err, -EINVAL, "queue %u: %s has no queues", c->queues[0].id,
				       row->type)
			   : 0;
}

int traffic_set_qos(struct traffic *t, const struct traffic_link *l, const struct qos_config *c,
		    struct error *err)
{
	const struct qos_kind_row *row = c ? qos_kind_by_type(c->type) : NULL;
	struct traffic_device *d;
	int error;

	if (c && !row)
		return error_set(err, -ENOTSUP, "there is no QoS of type \"%s\" for a Linux device",
				 c->type);
	d = need_device(t, l);
	if (!row)
		return clear(t, l, d, err);
	if (is_noop(row)) {
		d->kind = row;
		d->looked = true;
		return 0;
	}
	error = apply(t, l, d, row, c, err);
	return error ? error_wrap(err, "%s", row->type) : 0;
}

bool traffic_has_no_qos(const struct traffic *t, const struct traffic_link *l)
{
	const struct traffic_device *d = find_device(t, l);

	return d && d->looked && !d->kind;
}

bool traffic_has_no_policing(const struct traffic *t, const struct traffic_link *l)
{
	const struct traffic_device *d = find_device(t, l);

	return d && d->policed && !d->policing.kbps && !d->policing.kpkts;
}

int traffic_set_policing(struct traffic *t, const struct traffic_link *l,
			 const struct policing_config *c, struct error *err)
{
	return police_apply(t->sock, need_device(t, l), l, c, err);
}

bool traffic_is_policed_in_hw(struct traffic *t, const struct traffic_link *l, const char **ret_why)
{
	const struct traffic_device *d = find_device(t, l);

	*ret_why = d ? d->why_not : "";
	return d && d->policed_in_hw;
}

void traffic_release(struct traffic *t, const struct traffic_link *l)
{
	static const struct policing_config none;
	struct traffic_device *d = find_device(t, l);
	struct error err = ERROR_INIT;

	if (d && (clear(t, l, d, &err) || police_apply(t->sock, d, l, &none, &err)))
		log_warn("%s: %s", l->name, err.text);
	if (d)
		police_drop_hook(t->sock, d, l);
	forget_device(t, l->name);
}

// ---- Telling ----

static struct traffic_device *shaped_device(struct traffic *t, const struct traffic_link *l)
{
	struct traffic_device *d = find_device(t, l);

	return d && d->kind && d->kind->kind->classes ? d : NULL;
}

static void tell_queue(const struct traffic_device *d, const struct tc_class *c,
		       void (*cb)(const struct qos_queue_state *q, void *aux), void *aux)
{
	AUTO(smap) options;
	struct qos_queue_state q = { TC_H_MIN(c->id) - 1, &options, c->stats };

	smap_init(&options);
	d->kind->kind->classes->show(c, d->mtu, &options);
	q.stats.created_msec = created_msec(d, q.id);
	cb(&q, aux);
}

int traffic_queues(struct traffic *t, const struct traffic_link *l,
		   void (*cb)(const struct qos_queue_state *q, void *aux), void *aux,
		   struct error *err)
{
	const struct traffic_device *d = shaped_device(t, l);
	classes there = VEC_INIT;
	const struct tc_class *c;
	int error = d ? get_classes(t, l->ifindex, d->kind->kind, &there, err) : 0;

	VEC_FOR_EACH (c, &there)
		if (!error && c->id != QOS_ROOT_CLASS)
			tell_queue(d, c, cb, aux);
	VEC_FREE(&there);
	return error;
}

static void show_settings(const struct qos_kind *kind, const struct tc_qdisc *q,
			  struct smap *ret_options)
{
	uint64_t values[QOS_MAX_VALUES] = { 0 };

	if (kind->get(q->options, values, NULL))
		return;
	for (size_t i = 0; i < QOS_MAX_VALUES && kind->names[i]; i++)
		smap_setf(ret_options, kind->names[i], "%" PRIu64, values[i]);
}

const char *traffic_qos(struct traffic *t, const struct traffic_link *l, struct smap *ret_options)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	struct traffic_device *d = find_device(t, l);
	classes there = VEC_INIT;
	const struct tc_class *root;
	struct tc_qdisc q;

	if (!d || !d->kind || is_noop(d->kind) || get_root(t, l->ifindex, &reply, &q, NULL) ||
	    !is_of_kind(&q, d->kind))
		return NULL;
	show_settings(d->kind->kind, &q, ret_options);
	if (d->kind->kind->classes && !get_classes(t, l->ifindex, d->kind->kind, &there, NULL)) {
		root = find_class(&there, QOS_ROOT_CLASS);
		if (root)
			d->kind->kind->classes->show(root, d->mtu, ret_options);
	}
	VEC_FREE(&there);
	return d->kind->type;
}

void traffic_types(void (*cb)(const char *type, uint32_t max_queues, void *aux), void *aux)
{
	for (size_t i = 0; i < n_qos_kinds; i++)
		cb(qos_kinds[i].type, qos_kinds[i].max_queues, aux);
}

bool traffic_queue_priority(uint32_t queue, uint32_t *ret)
{
	if (queue >= QOS_MAX_QUEUES)
		return false;
	*ret = qos_class_of(queue);
	return true;
}

// ---- Beginning and end ----

int traffic_open(struct traffic **ret, struct error *err)
{
	struct nl_sock *sock;
	int error = nl_open(NETLINK_ROUTE, &sock, err);

	if (error)
		return error;
	*ret = xzalloc(sizeof(**ret));
	(*ret)->sock = sock;
	strmap_init(&(*ret)->devices);
	return 0;
}

void traffic_close(struct traffic *t)
{
	struct strmap_node *n;

	if (!t)
		return;
	STRMAP_FOR_EACH (n, &t->devices)
		free(((struct traffic_device *)n->data)->created);
	strmap_uninit_free(&t->devices);
	nl_close(t->sock);
	free(t);
}
