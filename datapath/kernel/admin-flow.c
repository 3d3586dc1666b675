// SPDX-License-Identifier: Apache-2.0
// Flows of the kernel's datapaths, from outside.
#include "core/base/clock.h"
#include "datapath/kernel/action.h"
#include "datapath/kernel/admin-private.h"
#include "datapath/kernel/key.h"

// ---- Reading ----

static struct flow_counts counts_of(const struct flow_message *m)
{
	return (struct flow_counts){ .packets = m->packets,
				     .bytes = m->bytes,
				     .used = flow_message_used(m, clock_msec(), kernel_msec()),
				     .tcp_flags = m->tcp_flags };
}

static int flow_from(const struct nlmsghdr *h, struct admin_flow *ret, struct error *err)
{
	struct flow_message m;
	int error = flow_message_decode(h, &m, err);

	*ret = (struct admin_flow){ 0 };
	if (error)
		return error;
	if (!m.key || !m.actions)
		return error_set(err, -EPROTO, "flow: its key or its actions are missing");
	ret->has_ufid = m.has_ufid;
	ret->ufid = m.ufid;
	ret->counts = counts_of(&m);
	error = kernel_get_key(m.key, &ret->key, err);
	if (!error)
		error = kernel_get_mask(m.mask, &ret->key, &ret->mask, err);
	if (!error)
		error = kernel_get_actions(m.actions, &ret->actions, err);
	if (error)
		admin_flow_uninit(ret);
	return error;
}

void admin_flow_uninit(struct admin_flow *f)
{
	strbuf_uninit(&f->actions);
}

struct flow_listing {
	void (*cb)(const struct admin_flow *f, void *aux);
	void *aux;
	size_t unreadable;
	struct error first; // of those
};

static int on_flow(const struct nlmsghdr *h, void *aux)
{
	struct flow_listing *l = aux;
	struct admin_flow f;
	struct error err = ERROR_INIT;

	if (flow_from(h, &f, &err)) {
		if (!l->unreadable++)
			l->first = err;
		return 0;
	}
	l->cb(&f, l->aux);
	admin_flow_uninit(&f);
	return 0;
}

int admin_flow_list(struct admin *a, const struct admin_dp *dp,
		    void (*cb)(const struct admin_flow *f, void *aux), void *aux, struct error *err)
{
	struct flow_listing l = { .cb = cb, .aux = aux };
	AUTO(strbuf) msg = STRBUF_INIT;
	int error;

	nl_msg_end(&msg, message_begin(&msg, &a->families.flow, OVS_FLOW_CMD_GET, 0, dp->ifindex));
	error = nl_dump(a->sock, &msg, on_flow, &l, err);
	if (!error && l.unreadable)
		error = error_set(err, l.first.code, "%zu flows could not be read: %s",
				  l.unreadable, l.first.text);
	return error;
}

// ---- Requests ----

// 'mask' NULL: of a packet.
static void put_key(struct strbuf *b, const struct flow_key *key, const struct flow_mask *mask)
{
	size_t nest = nl_nest_begin(b, OVS_FLOW_ATTR_KEY);

	kernel_put_key(b, key, mask);
	nl_nest_end(b, nest);
}

static void put_id(struct strbuf *b, const struct uuid *ufid, const struct flow_key *key)
{
	if (ufid)
		nl_put(b, OVS_FLOW_ATTR_UFID, ufid, sizeof(*ufid));
	else
		put_key(b, key, NULL);
}

// Reads the counts out of an answer that may leave out all else.
static int transact_counts(struct admin *a, const struct strbuf *msg, struct flow_counts *ret,
			   struct error *err)
{
	AUTO(strbuf) reply = STRBUF_INIT;
	struct flow_message m;
	int error = nl_transact(a->sock, msg, &reply, err);

	if (error || !ret)
		return error;
	if (!reply.len)
		return error_set(err, -EPROTO, "the kernel tells nothing of the flow");
	error = flow_message_decode((const struct nlmsghdr *)reply.s, &m, err);
	if (!error)
		*ret = counts_of(&m);
	return error;
}

static int put_match(struct strbuf *b, const struct match *match, struct error *err)
{
	const char *field = kernel_mask_unsupported(&match->key, &match->mask);
	size_t nest;

	if (field)
		return error_set(err, -EOPNOTSUPP, "the kernel cannot match on %s", field);
	put_key(b, &match->key, &match->mask);
	nest = nl_nest_begin(b, OVS_FLOW_ATTR_MASK);
	kernel_put_mask(b, &match->key, &match->mask);
	nl_nest_end(b, nest);
	return 0;
}

int admin_flow_put(struct admin *a, const struct admin_dp *dp, const struct admin_flow_put *p,
		   struct flow_counts *ret_counts, struct error *err)
{
	// With the flag a new flow that meets one of its name is refused, without it that one gets the actions.
	uint16_t flags = p->how == ADMIN_CREATE ? NLM_F_CREATE : 0;
	uint8_t cmd = p->how == ADMIN_MODIFY ? OVS_FLOW_CMD_SET : OVS_FLOW_CMD_NEW;
	struct flow_counts before = { 0 };
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m, nest;
	int error;

	if (ret_counts && p->how != ADMIN_CREATE) {
		struct admin_flow f;

		error = admin_flow_get(a, dp, p->ufid, &p->match->key, &f, err);
		if (error && (error != -ENOENT || p->how == ADMIN_MODIFY))
			return error;
		if (!error) {
			before = f.counts;
			admin_flow_uninit(&f);
		}
	}
	m = message_begin(&msg, &a->families.flow, cmd, flags, dp->ifindex);
	if (p->ufid)
		put_id(&msg, p->ufid, NULL);
	error = put_match(&msg, p->match, err);
	if (error)
		return error;
	nest = nl_nest_begin(&msg, OVS_FLOW_ATTR_ACTIONS);
	error = kernel_put_actions(&msg, p->actions, &p->match->key, &kernel_can_all, 0, err);
	if (error)
		return error;
	if (nl_nest_end(&msg, nest))
		return error_set(err, -EMSGSIZE, "too many actions");
	if (p->clear)
		nl_put_flag(&msg, OVS_FLOW_ATTR_CLEAR);
	nl_msg_end(&msg, m);
	error = nl_transact(a->sock, &msg, NULL, err);
	if (!error && ret_counts)
		*ret_counts = before;
	return error;
}

int admin_flow_get(struct admin *a, const struct admin_dp *dp, const struct uuid *ufid,
		   const struct flow_key *key, struct admin_flow *ret, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT, reply = STRBUF_INIT;
	size_t m =
		message_begin(&msg, &a->families.flow, OVS_FLOW_CMD_GET, NLM_F_ECHO, dp->ifindex);
	int error;

	put_id(&msg, ufid, key);
	nl_msg_end(&msg, m);
	error = nl_transact(a->sock, &msg, &reply, err);
	if (error)
		return error;
	if (!reply.len)
		return error_set(err, -EPROTO, "the kernel tells nothing of the flow");
	return flow_from((const struct nlmsghdr *)reply.s, ret, err);
}

int admin_flow_del(struct admin *a, const struct admin_dp *dp, const struct uuid *ufid,
		   const struct flow_key *key, struct flow_counts *ret_counts, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	size_t m =
		message_begin(&msg, &a->families.flow, OVS_FLOW_CMD_DEL, NLM_F_ECHO, dp->ifindex);

	put_id(&msg, ufid, key);
	nl_msg_end(&msg, m);
	return transact_counts(a, &msg, ret_counts, err);
}

int admin_flow_flush(struct admin *a, const struct admin_dp *dp, struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;

	nl_msg_end(&msg, message_begin(&msg, &a->families.flow, OVS_FLOW_CMD_DEL, 0, dp->ifindex));
	return nl_transact(a->sock, &msg, NULL, err);
}
