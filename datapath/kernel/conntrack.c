// SPDX-License-Identifier: Apache-2.0
// The kernel's table of connections, by ctnetlink. All main thread.
//
// Kernels before 6.8 give and flush whole tables only, and take no notice of a zone in the request: what is asked for by zone is
// picked out here, and flushed one by one.
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "datapath/kernel/ct-message.h"
#include "datapath/kernel/kernel.h"

// Attempts at a dump that the table's changes spoil, and deletions sent at once.
enum { ATTEMPTS = 5, BATCH = 64 };

int netfilter_socket(struct kernel_datapath *dp, struct nl_sock **ret, struct error *err)
{
	int error = dp->netfilter ? 0 : nl_open(NETLINK_NETFILTER, &dp->netfilter, err);

	*ret = dp->netfilter;
	return error;
}

// What is left of an answer that was too much for the socket goes with it.
static void forget_socket(struct kernel_datapath *dp)
{
	nl_close(dp->netfilter);
	dp->netfilter = NULL;
}

int netfilter_dump(struct kernel_datapath *dp, const struct strbuf *msg,
		   int (*cb)(const struct nlmsghdr *h, void *aux), void (*again)(void *aux),
		   void *aux, struct error *err)
{
	int error = -EAGAIN;

	for (int i = 0; i < ATTEMPTS && (error == -EAGAIN || error == -ENOBUFS); i++) {
		struct nl_sock *s;

		if (i && again)
			again(aux);
		error = netfilter_socket(dp, &s, err);
		if (error)
			return error;
		error = nl_dump(s, msg, cb, aux, err);
		if (error == -ENOBUFS)
			forget_socket(dp);
	}
	return error;
}

int netfilter_request(struct kernel_datapath *dp, const struct strbuf *msg,
		      struct strbuf *ret_reply, struct error *err)
{
	struct nl_sock *s;
	int error = netfilter_socket(dp, &s, err);

	return error ? error : nl_transact(s, msg, ret_reply, err);
}

// ---- Dumping ----

struct dump {
	const uint16_t *zone;
	ct_entry_cb *cb;
	void *aux;
	struct error *err;
};

static int dump_one(const struct nlmsghdr *h, void *aux)
{
	struct dump *d = aux;
	struct ct_entry e;
	int error = 0;

	if (ct_entry_decode(h, &e, &error, d->err) && !error && (!d->zone || *d->zone == e.zone))
		d->cb(&e, d->aux);
	return error;
}

static void dump_again(void *aux)
{
	struct dump *d = aux;

	d->cb(NULL, d->aux);
}

static int dump(struct datapath *base, const uint16_t *zone, ct_entry_cb *cb, void *aux,
		struct error *err)
{
	struct dump d = { zone, cb, aux, err };
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m = netfilter_begin(&msg, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, 0, AF_UNSPEC);

	if (zone)
		ct_put_zone(&msg, *zone);
	nl_msg_end(&msg, m);
	return netfilter_dump(kernel_datapath(base), &msg, dump_one, dump_again, &d, err);
}

// ---- Expected ones ----

// A connection whose helper may have foretold others.
struct parent {
	struct ct_tuple orig;
	uint16_t zone;
};

struct parents {
	VEC(struct parent) v;
};

static void take_parent(const struct ct_entry *e, void *aux)
{
	struct parents *p = aux;

	if (!e)
		VEC_CLEAR(&p->v);
	else if (e->helper[0])
		VEC_PUSH(&p->v, ((struct parent){ e->orig, e->zone }));
}

struct expectations {
	VEC(struct ct_expected) found;
	size_t before; // those of other parents
	uint16_t zone;
	struct error *err;
};

static int one_expected(const struct nlmsghdr *h, void *aux)
{
	struct expectations *x = aux;
	struct ct_expected e;
	int error = 0;

	if (ct_expected_decode(h, &e, &error, x->err) && !error) {
		e.zone = x->zone;
		VEC_PUSH(&x->found, e);
	}
	return error;
}

static void expected_again(void *aux)
{
	struct expectations *x = aux;

	x->found.n = x->before;
}

static int expected_of(struct kernel_datapath *dp, const struct parent *p, struct expectations *x)
{
	bool v6 = p->orig.eth_type == htobe16(0x86dd);
	AUTO(strbuf) msg = STRBUF_INIT;
	// One that has foretold nothing is answered by an acknowledgement, for which must be asked.
	size_t m = netfilter_begin(&msg, NFNL_SUBSYS_CTNETLINK_EXP, IPCTNL_MSG_EXP_GET, NLM_F_ACK,
				   v6 ? AF_INET6 : AF_INET);
	int error;

	ct_put_tuple(&msg, CTA_EXPECT_MASTER, &p->orig);
	nl_put_be16(&msg, CTA_EXPECT_ZONE, htobe16(p->zone));
	nl_msg_end(&msg, m);
	x->zone = p->zone;
	x->before = x->found.n;
	error = netfilter_dump(dp, &msg, one_expected, expected_again, x, x->err);
	// It has gone meanwhile.
	return error == -ENOENT ? 0 : error;
}

// The kernel does not tell their zones: it is asked for those of each connection.
static int dump_expected(struct datapath *base, const uint16_t *zone, ct_expected_cb *cb, void *aux,
			 struct error *err)
{
	struct expectations x = { .err = err };
	struct parents parents = { VEC_INIT };
	const struct ct_expected *e;
	int error = dump(base, zone, take_parent, &parents, err);

	for (size_t i = 0; !error && i < parents.v.n; i++)
		error = expected_of(kernel_datapath(base), &parents.v.v[i], &x);
	if (!error)
		VEC_FOR_EACH (e, &x.found)
			cb(e, aux);
	VEC_FREE(&parents.v);
	VEC_FREE(&x.found);
	return error;
}

// ---- Flushing ----

// A connection to be forgotten.
struct doomed {
	struct ct_tuple orig;
	uint16_t zone;
	uint32_t id; // 0: whichever has the tuple
};

struct sweep {
	const struct ct_match *m;
	VEC(struct doomed) doomed;
};

static void take_if(const struct ct_entry *e, void *aux)
{
	struct sweep *s = aux;

	if (!e)
		VEC_CLEAR(&s->doomed);
	else if (ct_match_holds(s->m, e))
		VEC_PUSH(&s->doomed, ((struct doomed){ e->orig, e->zone, e->id }));
}

static void build_delete(struct strbuf *b, const struct doomed *d)
{
	bool v6 = d->orig.eth_type == htobe16(0x86dd);
	size_t m = netfilter_begin(b, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0,
				   v6 ? AF_INET6 : AF_INET);

	ct_put_tuple(b, CTA_TUPLE_ORIG, &d->orig);
	ct_put_zone(b, d->zone);
	// Another connection may have the tuple by now.
	if (d->id)
		nl_put_be32(b, CTA_ID, htobe32(d->id));
	nl_msg_end(b, m);
}

// The first error that is one: those that have gone meanwhile are what was wanted.
static int delete_some(struct nl_sock *s, const struct doomed *d, size_t n, struct error *err)
{
	struct nl_request requests[BATCH] = { 0 }, *pointers[BATCH];
	int error;

	for (size_t i = 0; i < n; i++) {
		build_delete(&requests[i].msg, &d[i]);
		pointers[i] = &requests[i];
	}
	error = nl_transact_many(s, pointers, n);
	if (error)
		error_set(err, error, "deletions are not answered: %s", strerror(-error));
	for (size_t i = 0; i < n; i++) {
		int one = requests[i].error;

		if (!error && one && one != -ENOENT)
			error = error_set(err, one, "%s: %s", strerror(-one), requests[i].text);
		nl_request_uninit(&requests[i]);
	}
	return error;
}

static int delete_all(struct kernel_datapath *dp, const struct sweep *sweep, struct error *err)
{
	struct nl_sock *s;
	int error = netfilter_socket(dp, &s, err);

	for (size_t i = 0; !error && i < sweep->doomed.n; i += BATCH)
		error = delete_some(s, sweep->doomed.v + i, MIN(sweep->doomed.n - i, BATCH), err);
	return error;
}

static int flush_matching(struct datapath *base, const struct ct_match *m, struct error *err)
{
	struct sweep sweep = { .m = m };
	int error = dump(base, m->has_zone ? &m->zone : NULL, take_if, &sweep, err);

	if (!error)
		error = delete_all(kernel_datapath(base), &sweep, err);
	VEC_FREE(&sweep.doomed);
	return error;
}

static int flush(struct datapath *base, const struct ct_match *m, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;

	if (ct_match_is_any(m))
		nl_msg_end(&msg, netfilter_begin(&msg, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE,
						 0, AF_UNSPEC));
	else if (ct_match_is_exact(m))
		build_delete(&msg, &(struct doomed){ .orig = m->orig.tuple, .zone = m->zone });
	else
		return flush_matching(base, m, err);
	return netfilter_request(kernel_datapath(base), &msg, NULL, err);
}

const struct ct_ops kernel_ct = {
	.dump = dump,
	.dump_expected = dump_expected,
	.flush = flush,
	.get_limits = kernel_ct_get_limits,
	.set_limits = kernel_ct_set_limits,
	.del_limits = kernel_ct_del_limits,
	.set_timeouts = kernel_ct_set_timeouts,
	.del_timeouts = kernel_ct_del_timeouts,
	.dump_timeouts = kernel_ct_dump_timeouts,
	.zone_timeouts = kernel_ct_zone_timeouts,
	.timeout_name = kernel_ct_timeout_name,
};
