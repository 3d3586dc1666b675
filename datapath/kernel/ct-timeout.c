// SPDX-License-Identifier: Apache-2.0
// Timeout policies: the kernel has one for each kind of connection, by name; a policy of ours is six of them.
#include <linux/if_ether.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <netinet/in.h>
#include <stdio.h>

#include "core/base/log.h"
#include "datapath/kernel/ct-message.h"
#include "datapath/kernel/kernel.h"

LOG_MODULE(dpif_netlink_timeouts);

const struct ct_timeout_kind ct_timeout_kinds[CT_TIMEOUT_KINDS] = {
	{ "tcp4", ETH_P_IP, AF_INET, IPPROTO_TCP },
	{ "udp4", ETH_P_IP, AF_INET, IPPROTO_UDP },
	{ "icmp4", ETH_P_IP, AF_INET, IPPROTO_ICMP },
	{ "tcp6", ETH_P_IPV6, AF_INET6, IPPROTO_TCP },
	{ "udp6", ETH_P_IPV6, AF_INET6, IPPROTO_UDP },
	{ "icmpv6", ETH_P_IPV6, AF_INET6, IPPROTO_ICMPV6 },
};

// What the kernel has no attribute for (udp_first, icmp_reply) are states that it does not tell apart.
static const struct {
	uint8_t proto;
	uint16_t attr;
	enum ct_timeout timeout;
} rows[] = {
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_SYN_SENT, CT_TIMEOUT_TCP_SYN_SENT },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_SYN_RECV, CT_TIMEOUT_TCP_SYN_RECV },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_ESTABLISHED, CT_TIMEOUT_TCP_ESTABLISHED },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_FIN_WAIT, CT_TIMEOUT_TCP_FIN_WAIT },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_CLOSE_WAIT, CT_TIMEOUT_TCP_CLOSE_WAIT },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_LAST_ACK, CT_TIMEOUT_TCP_LAST_ACK },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_TIME_WAIT, CT_TIMEOUT_TCP_TIME_WAIT },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_CLOSE, CT_TIMEOUT_TCP_CLOSE },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_SYN_SENT2, CT_TIMEOUT_TCP_SYN_SENT2 },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_RETRANS, CT_TIMEOUT_TCP_RETRANSMIT },
	{ IPPROTO_TCP, CTA_TIMEOUT_TCP_UNACK, CT_TIMEOUT_TCP_UNACK },
	{ IPPROTO_UDP, CTA_TIMEOUT_UDP_UNREPLIED, CT_TIMEOUT_UDP_SINGLE },
	{ IPPROTO_UDP, CTA_TIMEOUT_UDP_REPLIED, CT_TIMEOUT_UDP_MULTIPLE },
	{ IPPROTO_ICMP, CTA_TIMEOUT_ICMP_TIMEOUT, CT_TIMEOUT_ICMP_FIRST },
	{ IPPROTO_ICMPV6, CTA_TIMEOUT_ICMPV6_TIMEOUT, CT_TIMEOUT_ICMP_FIRST },
};

#define PREFIX "ovs_tp_"

// ---- Names ----

void ct_timeout_kind_name(uint32_t id, const struct ct_timeout_kind *k,
			  char ret[DATAPATH_CT_TIMEOUT_LEN])
{
	snprintf(ret, DATAPATH_CT_TIMEOUT_LEN, PREFIX "%u_%s", id, k->suffix);
}

static const struct ct_timeout_kind *find_kind(const char *suffix)
{
	for (size_t i = 0; i < CT_TIMEOUT_KINDS; i++)
		if (!strcmp(ct_timeout_kinds[i].suffix, suffix))
			return &ct_timeout_kinds[i];
	return NULL;
}

bool ct_timeout_kind_parse(const char *name, uint32_t *ret_id, const struct ct_timeout_kind **ret)
{
	const char *suffix = str_starts(name, PREFIX) ? strchr(name + strlen(PREFIX), '_') : NULL;
	const struct ct_timeout_kind *k = suffix ? find_kind(suffix + 1) : NULL;
	AUTO_FREE char *number = NULL;

	if (!k)
		return false;
	number = xstrndup(name + strlen(PREFIX), suffix - name - strlen(PREFIX));
	if (!parse_u32(number, 10, ret_id))
		return false;
	*ret = k;
	return true;
}

// ---- Messages ----

static size_t begin(struct strbuf *b, uint8_t msg, uint16_t flags, uint32_t id,
		    const struct ct_timeout_kind *k)
{
	char name[DATAPATH_CT_TIMEOUT_LEN];
	size_t m = netfilter_begin(b, NFNL_SUBSYS_CTNETLINK_TIMEOUT, msg, flags, AF_UNSPEC);

	ct_timeout_kind_name(id, k, name);
	nl_put_str(b, CTA_TIMEOUT_NAME, name);
	return m;
}

static void put_seconds(struct strbuf *b, const struct ct_timeout_kind *k,
			const struct ct_timeouts *t)
{
	size_t nest;

	nl_put_be16(b, CTA_TIMEOUT_L3PROTO, htobe16(k->family));
	nl_put_u8(b, CTA_TIMEOUT_L4PROTO, k->proto);
	nest = nl_nest_begin(b, CTA_TIMEOUT_DATA);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].proto == k->proto && t->set >> rows[i].timeout & 1)
			nl_put_be32(b, rows[i].attr, htobe32(t->seconds[rows[i].timeout]));
	nl_nest_end(b, nest);
}

// All kinds' attributes are numbers below this.
enum { DATA_MAX = CTA_TIMEOUT_TCP_UNACK };

static int get_seconds(const struct nlattr *nest, const struct ct_timeout_kind *k,
		       struct ct_timeouts *ret, struct error *err)
{
	struct nl_policy policy[DATA_MAX + 1] = { 0 };
	const struct nlattr *a[ARRAY_SIZE(policy)];
	int error;

	for (size_t i = 1; i < ARRAY_SIZE(policy); i++)
		policy[i].type = MNL_TYPE_U32;
	error = nl_parse_nested(nest, policy, ARRAY_SIZE(policy), a, "timeouts", err);
	for (size_t i = 0; !error && i < ARRAY_SIZE(rows); i++)
		if (rows[i].proto == k->proto && a[rows[i].attr]) {
			ret->set |= 1u << rows[i].timeout;
			ret->seconds[rows[i].timeout] = be32toh(nl_be32(a[rows[i].attr]));
		}
	return error;
}

bool ct_timeout_decode(const struct nlmsghdr *h, struct ct_timeout_message *ret, int *ret_error,
		       struct error *err)
{
	static const struct nl_policy policy[CTA_TIMEOUT_DATA + 1] = {
		[CTA_TIMEOUT_NAME] = { .type = MNL_TYPE_NUL_STRING, .required = true },
		[CTA_TIMEOUT_L3PROTO] = { .type = MNL_TYPE_U16 },
		[CTA_TIMEOUT_L4PROTO] = { .type = MNL_TYPE_U8 },
		[CTA_TIMEOUT_DATA] = { .type = MNL_TYPE_UNSPEC },
	};
	const struct nlattr *a[ARRAY_SIZE(policy)];
	struct ct_timeout_message m = { 0 };
	int error;

	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8 | IPCTNL_MSG_TIMEOUT_NEW))
		return false;
	error = nl_parse_msg(h, sizeof(struct nfgenmsg), policy, ARRAY_SIZE(policy), a,
			     "timeout policy", err);
	if (!error) {
		m.name = nl_str(a[CTA_TIMEOUT_NAME]);
		if (ct_timeout_kind_parse(m.name, &m.id, &m.kind) && a[CTA_TIMEOUT_DATA])
			error = get_seconds(a[CTA_TIMEOUT_DATA], m.kind, &m.timeouts, err);
	}
	*ret_error = error;
	if (!error)
		*ret = m;
	return true;
}

// ---- Policies ----

static void name_ignored(const struct kernel_datapath *dp, const struct ct_timeouts *t)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 5);
	uint32_t left = t->set;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		left &= ~(1u << rows[i].timeout);
	for (enum ct_timeout k = 0; k < CT_TIMEOUT_MAX; k++)
		if (left >> k & 1)
			log_warn_limited(&limit,
					 "%s: the kernel has no timeout like %s; it has no effect",
					 dp->name, ct_timeout_name(k));
}

int kernel_ct_set_timeouts(struct datapath *base, uint32_t id, const struct ct_timeouts *t,
			   struct error *err)
{
	int error = 0;

	name_ignored(kernel_datapath(base), t);
	for (size_t i = 0; !error && i < CT_TIMEOUT_KINDS; i++) {
		AUTO(strbuf) msg = STRBUF_INIT;
		size_t m = begin(&msg, IPCTNL_MSG_TIMEOUT_NEW, NLM_F_CREATE | NLM_F_REPLACE, id,
				 &ct_timeout_kinds[i]);

		put_seconds(&msg, &ct_timeout_kinds[i], t);
		nl_msg_end(&msg, m);
		error = netfilter_request(kernel_datapath(base), &msg, NULL, err);
	}
	return error;
}

// All that can go do; the first that cannot is told.
int kernel_ct_del_timeouts(struct datapath *base, uint32_t id, struct error *err)
{
	int error = 0;

	for (size_t i = 0; i < CT_TIMEOUT_KINDS; i++) {
		AUTO(strbuf) msg = STRBUF_INIT;
		int one;

		nl_msg_end(&msg,
			   begin(&msg, IPCTNL_MSG_TIMEOUT_DELETE, 0, id, &ct_timeout_kinds[i]));
		one = netfilter_request(kernel_datapath(base), &msg, NULL, error ? NULL : err);
		if (one != -ENOENT && !error)
			error = one;
	}
	return error;
}

struct dump {
	VEC(uint32_t) ids;
	struct error *err;
};

static int dump_one(const struct nlmsghdr *h, void *aux)
{
	struct dump *d = aux;
	struct ct_timeout_message m;
	int error = 0;

	if (!ct_timeout_decode(h, &m, &error, d->err) || error || !m.kind)
		return error;
	for (size_t i = 0; i < d->ids.n; i++)
		if (d->ids.v[i] == m.id)
			return 0;
	VEC_PUSH(&d->ids, m.id);
	return 0;
}

static void dump_again(void *aux)
{
	struct dump *d = aux;

	VEC_CLEAR(&d->ids);
}

int kernel_ct_dump_timeouts(struct datapath *base, void (*cb)(uint32_t id, void *aux), void *aux,
			    struct error *err)
{
	AUTO(strbuf) msg = STRBUF_INIT;
	struct dump d = { .err = err };
	int error;

	nl_msg_end(&msg, netfilter_begin(&msg, NFNL_SUBSYS_CTNETLINK_TIMEOUT,
					 IPCTNL_MSG_TIMEOUT_GET, 0, AF_UNSPEC));
	error = netfilter_dump(kernel_datapath(base), &msg, dump_one, dump_again, &d, err);
	for (size_t i = 0; !error && i < d.ids.n; i++)
		cb(d.ids.v[i], aux);
	VEC_FREE(&d.ids);
	return error;
}

// ---- Zones ----

static struct zone_policy *find_zone(const struct kernel_datapath *dp, uint16_t zone)
{
	struct zone_policy *z;

	VEC_FOR_EACH (z, &dp->zone_policies)
		if (z->zone == zone)
			return z;
	return NULL;
}

int kernel_ct_zone_timeouts(struct datapath *base, uint16_t zone, const uint32_t *id,
			    struct error *err)
{
	struct kernel_datapath *dp = kernel_datapath(base);
	struct zone_policy *z;

	pthread_rwlock_wrlock(&dp->zones_lock);
	z = find_zone(dp, zone);
	if (z && id)
		z->policy = *id;
	else if (z)
		*z = dp->zone_policies.v[--dp->zone_policies.n];
	else if (id)
		VEC_PUSH(&dp->zone_policies, ((struct zone_policy){ zone, *id }));
	pthread_rwlock_unlock(&dp->zones_lock);
	return 0;
}

bool kernel_ct_timeout_name(struct datapath *base, uint16_t zone, be16 dl_type, uint8_t nw_proto,
			    char ret[DATAPATH_CT_TIMEOUT_LEN])
{
	struct kernel_datapath *dp = kernel_datapath(base);
	const struct ct_timeout_kind *kind = NULL;
	const struct zone_policy *z;

	for (size_t i = 0; i < CT_TIMEOUT_KINDS; i++)
		if (ct_timeout_kinds[i].eth_type == be16toh(dl_type) &&
		    ct_timeout_kinds[i].proto == nw_proto)
			kind = &ct_timeout_kinds[i];
	if (!kind || !dp->can.ct_timeout)
		return false;
	pthread_rwlock_rdlock(&dp->zones_lock);
	z = find_zone(dp, zone);
	if (z)
		ct_timeout_kind_name(z->policy, kind, ret);
	pthread_rwlock_unlock(&dp->zones_lock);
	return z;
}
