// SPDX-License-Identifier: Apache-2.0
// What the running kernel's classifier can do: kernels leave out attributes that they do not know and say nothing, so
// filters are put on a device made for it and read back. Once a process.
#include <linux/tc_act/tc_sample.h>
#include <linux/tc_act/tc_tunnel_key.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/netlink/rtnl.h"
#include "offload/tc/device-private.h"

LOG_MODULE(tc_probe);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool done, possible;
static _Atomic bool no_frag;
static _Atomic bool sample = true; // unless it was looked for in vain
static char missing_text[160]; // why it was not possible

struct probing {
	struct nl_sock *sock;
	int ifindex;
};

enum found { UNKNOWN, NO, YES };

// ---- Filters that need a feature ----

static void put_common(struct strbuf *b, uint16_t eth_type)
{
	nl_put_u32(b, TCA_FLOWER_FLAGS, TCA_CLS_FLAGS_SKIP_HW);
	nl_put_be16(b, TCA_FLOWER_KEY_ETH_TYPE, htobe16(eth_type));
}

static void put_ct_state(struct strbuf *b, uint16_t bits)
{
	put_common(b, ETH_P_IP);
	nl_put_u16(b, TCA_FLOWER_KEY_CT_STATE, bits);
	nl_put_u16(b, TCA_FLOWER_KEY_CT_STATE_MASK, bits);
}

static void put_ct(struct strbuf *b)
{
	put_ct_state(b, TCA_FLOWER_KEY_CT_FLAGS_NEW | TCA_FLOWER_KEY_CT_FLAGS_TRACKED);
}

static void put_ct_reply(struct strbuf *b)
{
	put_ct_state(b, TCA_FLOWER_KEY_CT_FLAGS_REPLY | TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED |
				TCA_FLOWER_KEY_CT_FLAGS_TRACKED);
}

static void put_ct_invalid(struct strbuf *b)
{
	put_ct_state(b, TCA_FLOWER_KEY_CT_FLAGS_INVALID | TCA_FLOWER_KEY_CT_FLAGS_TRACKED);
}

static void put_tunnel(struct strbuf *b)
{
	put_common(b, ETH_P_IP);
	nl_put_be32(b, TCA_FLOWER_KEY_ENC_KEY_ID, htobe32(7));
	nl_put_be32(b, TCA_FLOWER_KEY_ENC_IPV4_DST, htobe32(0x0a000001));
	nl_put_be32(b, TCA_FLOWER_KEY_ENC_IPV4_DST_MASK, UINT32_MAX);
}

static void put_gbp_value(struct strbuf *b, uint16_t type, uint32_t gbp)
{
	size_t opts = nl_nest_begin(b, type),
	       vxlan = nl_nest_begin(b, TCA_FLOWER_KEY_ENC_OPTS_VXLAN);

	nl_put_u32(b, TCA_FLOWER_KEY_ENC_OPT_VXLAN_GBP, gbp);
	nl_nest_end(b, vxlan);
	nl_nest_end(b, opts);
}

static void put_gbp(struct strbuf *b)
{
	put_tunnel(b);
	put_gbp_value(b, TCA_FLOWER_KEY_ENC_OPTS, 5);
	put_gbp_value(b, TCA_FLOWER_KEY_ENC_OPTS_MASK, UINT32_MAX);
}

static void put_mpls(struct strbuf *b)
{
	put_common(b, ETH_P_MPLS_UC);
	nl_put_u32(b, TCA_FLOWER_KEY_MPLS_LABEL, 16);
}

static void put_cvlan(struct strbuf *b)
{
	put_common(b, ETH_P_8021AD);
	nl_put_u16(b, TCA_FLOWER_KEY_VLAN_ID, 5);
	nl_put_be16(b, TCA_FLOWER_KEY_VLAN_ETH_TYPE, htobe16(ETH_P_8021Q));
	nl_put_u16(b, TCA_FLOWER_KEY_CVLAN_ID, 6);
	nl_put_be16(b, TCA_FLOWER_KEY_CVLAN_ETH_TYPE, htobe16(ETH_P_IP));
}

// Two masks that differ, in the place where the filter before stands.
static void put_one_mask(struct strbuf *b)
{
	put_common(b, ETH_P_IP);
	nl_put_be32(b, TCA_FLOWER_KEY_IPV4_DST, htobe32(0x0a000000));
	nl_put_be32(b, TCA_FLOWER_KEY_IPV4_DST_MASK, htobe32(0xff000000));
}

static void put_other_mask(struct strbuf *b)
{
	put_common(b, ETH_P_IP);
	nl_put_be32(b, TCA_FLOWER_KEY_IPV4_SRC, htobe32(0x0a000000));
	nl_put_be32(b, TCA_FLOWER_KEY_IPV4_SRC_MASK, htobe32(0xffff0000));
}

// Bits of the tunnel header, known since Linux 6.11; older header files have no name for the attributes.
enum { KEY_ENC_FLAGS = 112, KEY_ENC_FLAGS_MASK = 113, ENC_FLAG_CSUM = 4 };

static void put_enc_flags(struct strbuf *b)
{
	put_tunnel(b);
	nl_put_be32(b, KEY_ENC_FLAGS, htobe32(ENC_FLAG_CSUM));
	nl_put_be32(b, KEY_ENC_FLAGS_MASK, htobe32(ENC_FLAG_CSUM));
}

// An option of four bytes; the mask's class and type are all ones.
static void put_option(struct strbuf *b, uint16_t outer, uint16_t class, uint8_t type)
{
	size_t opts = nl_nest_begin(b, outer),
	       one = nl_nest_begin(b, TCA_FLOWER_KEY_ENC_OPTS_GENEVE);

	nl_put_be16(b, TCA_FLOWER_KEY_ENC_OPT_GENEVE_CLASS, htobe16(class));
	nl_put_u8(b, TCA_FLOWER_KEY_ENC_OPT_GENEVE_TYPE, type);
	nl_put_be32(b, TCA_FLOWER_KEY_ENC_OPT_GENEVE_DATA, UINT32_MAX);
	nl_nest_end(b, one);
	nl_nest_end(b, opts);
}

static void put_geneve(struct strbuf *b)
{
	put_tunnel(b);
	put_option(b, TCA_FLOWER_KEY_ENC_OPTS, 0x102, 0x80);
	put_option(b, TCA_FLOWER_KEY_ENC_OPTS_MASK, UINT16_MAX, UINT8_MAX);
}

// The nests of a filter's only action, and their end.
static void begin_action(struct strbuf *b, const char *kind, size_t nests[3])
{
	put_common(b, ETH_P_IP);
	nests[0] = nl_nest_begin(b, TCA_FLOWER_ACT);
	nests[1] = nl_nest_begin(b, 1);
	nl_put_str(b, TCA_ACT_KIND, kind);
	nests[2] = nl_nest_begin(b, TCA_ACT_OPTIONS);
}

static void end_action(struct strbuf *b, const size_t nests[3])
{
	for (int i = 2; i >= 0; i--)
		nl_nest_end(b, nests[i]);
}

static void put_no_frag(struct strbuf *b)
{
	struct tc_tunnel_key parms = { .action = TC_ACT_PIPE, .t_action = TCA_TUNNEL_KEY_ACT_SET };
	size_t nests[3];

	begin_action(b, "tunnel_key", nests);
	nl_put(b, TCA_TUNNEL_KEY_PARMS, &parms, sizeof(parms));
	nl_put_be32(b, TCA_TUNNEL_KEY_ENC_IPV4_SRC, htobe32(0x0a000001));
	nl_put_be32(b, TCA_TUNNEL_KEY_ENC_IPV4_DST, htobe32(0x0a000002));
	nl_put_be32(b, TCA_TUNNEL_KEY_ENC_KEY_ID, htobe32(7));
	nl_put_u8(b, TCA_TUNNEL_KEY_NO_CSUM, 1);
	nl_put_flag(b, TC_TUNNEL_KEY_NO_FRAG);
	end_action(b, nests);
}

static void put_sample(struct strbuf *b)
{
	struct tc_sample parms = { .action = TC_ACT_PIPE };
	size_t nests[3];

	begin_action(b, "sample", nests);
	nl_put(b, TCA_SAMPLE_PARMS, &parms, sizeof(parms));
	nl_put_u32(b, TCA_SAMPLE_RATE, 1);
	nl_put_u32(b, TCA_SAMPLE_PSAMPLE_GROUP, TC_SAMPLE_BASE);
	end_action(b, nests);
}

static struct probe {
	const char *name;
	uint16_t eth_type;
	void (*put)(struct strbuf *b);
	void (*before)(struct strbuf *b); // a filter that is there already, NULL: none
	_Atomic bool *decides; // true when it was found, NULL: told to users only
	enum found found;
} probes[] = {
	{ "multi_mask_per_prio", ETH_P_IP, put_other_mask, put_one_mask, NULL, UNKNOWN },
	{ "ct_state", ETH_P_IP, put_ct, NULL, NULL, UNKNOWN },
	{ "ct_state_reply", ETH_P_IP, put_ct_reply, NULL, NULL, UNKNOWN },
	{ "ct_state_invalid", ETH_P_IP, put_ct_invalid, NULL, NULL, UNKNOWN },
	{ "tunnel", ETH_P_IP, put_tunnel, NULL, NULL, UNKNOWN },
	{ "vxlan_gbp", ETH_P_IP, put_gbp, NULL, NULL, UNKNOWN },
	{ "geneve_options", ETH_P_IP, put_geneve, NULL, NULL, UNKNOWN },
	{ "tunnel_no_frag", ETH_P_IP, put_no_frag, NULL, &no_frag, UNKNOWN },
	{ "sample", ETH_P_IP, put_sample, NULL, &sample, UNKNOWN },
	{ "enc_flags", ETH_P_IP, put_enc_flags, NULL, NULL, UNKNOWN },
	{ "mpls", ETH_P_MPLS_UC, put_mpls, NULL, NULL, UNKNOWN },
	{ "qinq", ETH_P_8021AD, put_cvlan, NULL, NULL, UNKNOWN },
};
static enum found ingress_block;

// ---- Insert, read back ----

static size_t begin_filter(struct strbuf *b, const struct probing *p, uint16_t type, uint16_t flags,
			   uint16_t eth_type, uint32_t handle)
{
	size_t m = tc_begin(b, type, flags, p->ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
			    handle, UINT32_C(2) << 16 | htobe16(eth_type));

	nl_put_str(b, TCA_KIND, "flower");
	return m;
}

static int insert(const struct probing *p, uint16_t eth_type, uint32_t handle,
		  void (*put)(struct strbuf *b))
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = begin_filter(&req, p, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, eth_type,
				handle),
	       nest = nl_nest_begin(&req, TCA_OPTIONS);

	put(&req);
	nl_nest_end(&req, nest);
	nl_msg_end(&req, m);
	return nl_transact(p->sock, &req, NULL, NULL);
}

static void remove_all(const struct probing *p, uint16_t eth_type)
{
	AUTO(strbuf) req = STRBUF_INIT;

	nl_msg_end(&req, begin_filter(&req, p, RTM_DELTFILTER, 0, eth_type, 0));
	nl_transact(p->sock, &req, NULL, NULL);
}

// Has the kernel kept everything that was asked?
static bool reads_back(const struct probing *p, const struct probe *probe, uint32_t handle)
{
	AUTO(strbuf) req = STRBUF_INIT, reply = STRBUF_INIT, want = STRBUF_INIT;
	struct tc_filter f;
	int error;

	nl_msg_end(&req, begin_filter(&req, p, RTM_GETTFILTER, 0, probe->eth_type, handle));
	if (nl_transact(p->sock, &req, &reply, NULL) || !reply.len)
		return false;
	probe->put(&want);
	return tc_filter_decode((const struct nlmsghdr *)reply.s, &f, &error, NULL) && !error &&
	       f.fingerprint == tc_fingerprint(want.s, want.len);
}

static void run_probe(const struct probing *p, struct probe *probe)
{
	enum found found = NO;

	if (!probe->before || !insert(p, probe->eth_type, 1, probe->before))
		if (!insert(p, probe->eth_type, 2, probe->put) && reads_back(p, probe, 2))
			found = YES;
	remove_all(p, probe->eth_type);
	probe->found = found;
	if (probe->decides)
		atomic_store(probe->decides, found == YES);
}

static int set_qdisc(const struct probing *p, bool add, uint32_t block, struct error *err)
{
	AUTO(strbuf) req = STRBUF_INIT;
	size_t m = tc_begin(&req, add ? RTM_NEWQDISC : RTM_DELQDISC,
			    add ? NLM_F_CREATE | NLM_F_EXCL : 0, p->ifindex, TC_H_CLSACT,
			    TC_H_MAKE(TC_H_CLSACT, 0), 0);

	nl_put_str(&req, TCA_KIND, "clsact");
	if (block)
		nl_put_u32(&req, TCA_INGRESS_BLOCK, block);
	nl_msg_end(&req, m);
	return nl_transact(p->sock, &req, NULL, err);
}

static int make_device(struct probing *p, struct error *err)
{
	AUTO_FREE char *name = xasprintf("oes%x", getpid() & 0xffffff);
	struct rtnl_link l;
	int error = rtnl_link_add(p->sock, name, "dummy", NULL, err);

	if (!error)
		error = rtnl_link_by_name(p->sock, name, &l, err);
	if (!error)
		p->ifindex = l.ifindex;
	return error;
}

static int probe_all(struct probing *p, struct error *err)
{
	int error = make_device(p, err);

	if (error)
		return error;
	error = set_qdisc(p, true, 0, err);
	for (size_t i = 0; !error && i < ARRAY_SIZE(probes); i++)
		run_probe(p, &probes[i]);
	if (!error) {
		set_qdisc(p, false, 0, NULL);
		ingress_block = set_qdisc(p, true, p->ifindex, NULL) ? NO : YES;
	}
	rtnl_link_del(p->sock, p->ifindex, NULL);
	return error;
}

void tc_probe(struct nl_sock *sock)
{
	struct probing p = { .sock = sock };
	struct error err = ERROR_INIT;

	pthread_mutex_lock(&lock);
	if (!done) {
		done = true;
		possible = !probe_all(&p, &err);
		if (!possible) {
			snprintf(missing_text, sizeof(missing_text), "%.150s", err.text);
			log_warn("what the kernel's flower classifier can do is not known: %s",
				 err.text);
		}
	}
	pthread_mutex_unlock(&lock);
}

static const char *name_of(enum found f)
{
	return f == YES ? "true" : f == NO ? "false" : "unknown";
}

void tc_probed_capabilities(struct smap *out)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		smap_set(out, probes[i].name, name_of(probes[i].found));
	smap_set(out, "ingress_block", name_of(ingress_block));
	if (done && !possible)
		smap_set(out, "probe_error", missing_text);
	pthread_mutex_unlock(&lock);
}

bool tc_probed_no_frag(void)
{
	return atomic_load(&no_frag);
}

bool tc_probed_sample(void)
{
	return atomic_load(&sample);
}
