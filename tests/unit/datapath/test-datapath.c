// SPDX-License-Identifier: Apache-2.0
// The whole userspace datapath: ports of several kinds, hand-installed megaflows, misses, actions, PMD threads.
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_mempool.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/flow/match.h"
#include "core/io/appctl.h"
#include "core/io/loop.h"
#include "datapath/user/eal.h"
#include "datapath/user/worker.h"
#ifdef HAVE_SIMNIC
#include "hw-tests/simnic/simnic.h"
#endif
#include "tests/suite.h"

static struct datapath *dp;
static char dir[] = "/tmp/test-datapath-XXXXXX";

// ---- The pipeline of the tests ----

static struct {
	uint64_t misses, userspace;
	struct strbuf answer; // actions for each miss
	bool install, refuse;
	struct megaflow *installed;
	struct flow_key key; // of the last
	uint32_t size;
	struct strbuf userspace_answer;
} pipeline;

static void free_flow(void *mf)
{
	megaflow_free(mf);
}

static int on_miss(void *aux, const struct upcall *u, struct strbuf *actions, struct megaflow **ret)
{
	__atomic_fetch_add(&pipeline.misses, 1, __ATOMIC_RELAXED);
	pipeline.key = *u->key;
	if (pipeline.refuse)
		return -EINVAL;
	strbuf_put(actions, strbuf_cstr(&pipeline.answer), pipeline.answer.len);
	if (pipeline.install) {
		struct flow_mask m;

		flow_mask_exact_for(&m, u->key);
		pipeline.installed = megaflow_create(u->key, &m, dp_actions_of(&pipeline.answer));
		*ret = pipeline.installed;
	}
	return 0;
}

static int on_userspace(void *aux, const struct upcall *u, struct strbuf *actions)
{
	pipeline.userspace++;
	pipeline.key = *u->key;
	pipeline.size = u->packet->size;
	strbuf_put(actions, strbuf_cstr(&pipeline.userspace_answer), pipeline.userspace_answer.len);
	return 0;
}

static const struct upcall_ops ops = { on_miss, on_userspace };

// ---- Tools ----

static dp_port_t add_port(const char *name, const char *type, const char *key, const char *value)
{
	struct error err = ERROR_INIT;
	struct smap options;
	dp_port_t port;

	smap_init(&options);
	if (key)
		smap_set(&options, key, value);
	ck_assert_msg(!datapath_port_add(dp, name, type, &options, &port, &err), "%s", err.text);
	datapath_port_start(dp, port);
	smap_uninit(&options);
	return port;
}

static dp_port_t add_dummy(const char *name, const char *type)
{
	AUTO_FREE char *path = xasprintf("%s/%s.pcap", dir, name);

	return add_port(name, type, "tx_pcap", path);
}

// All packets that a dummy port has sent, in hex, one a line.
static char *sent_by(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s.pcap", dir, name);
	FILE *f = fopen(path, "r");
	struct strbuf out = STRBUF_INIT;
	uint32_t header[4];
	uint8_t bytes[65536];

	ck_assert_ptr_nonnull(f);
	fseek(f, 24, SEEK_SET);
	while (fread(header, sizeof(header), 1, f) == 1) {
		ck_assert_uint_eq(fread(bytes, 1, header[2], f), header[2]);
		for (uint32_t i = 0; i < header[2]; i++)
			strbuf_printf(&out, "%02x", bytes[i]);
		strbuf_putc(&out, '\n');
	}
	fclose(f);
	return strbuf_take(&out);
}

static uint64_t info(dp_port_t port, size_t offset)
{
	struct datapath_port_info i;

	ck_assert(datapath_port_info(dp, port, &i));
	smap_uninit(&i.status);
	return *(uint64_t *)((char *)&i + offset);
}

#define INFO(PORT, MEMBER) info(PORT, offsetof(struct datapath_port_info, MEMBER))

static void udp_key(struct flow_key *k, dp_port_t port, uint16_t src, uint16_t dst)
{
	memset(k, 0, sizeof(*k));
	k->in_port = port.n;
	k->eth_src = eth_addr_from_u64(0x020000000001);
	k->eth_dst = eth_addr_from_u64(0x020000000002);
	k->eth_type = htobe16(0x0800);
	k->nw_src = htobe32(0x0a000001);
	k->nw_dst = htobe32(0x0a000002);
	k->nw_proto = 17;
	k->nw_ttl = 64;
	k->tp_src = htobe16(src);
	k->tp_dst = htobe16(dst);
}

static void receive(dp_port_t port, const struct flow_key *k)
{
	struct port *p = user_datapath(dp)->ports[port.n];
	AUTO(strbuf) bytes = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct rte_mbuf *m = rte_pktmbuf_alloc(eal_pool(1500, &err));

	packet_compose(k, 20, &bytes);
	memcpy(rte_pktmbuf_append(m, bytes.len), bytes.s, bytes.len);
	if (dummy_port_receive(p, 0, m))
		worker_receive(user_datapath(dp)->workers[0], p, &m, 1);
}

static struct megaflow *add_flow(const char *match, const char *actions)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct match m;
	struct megaflow *mf;

	ck_assert_msg(!dp_key_parse(match, NULL, NULL, &m, &err), "%s: %s", match, err.text);
	ck_assert_msg(!dp_actions_parse(actions, NULL, NULL, &list, &err), "%s: %s", actions,
		      err.text);
	mf = megaflow_create(&m.key, &m.mask, dp_actions_of(&list));
	ck_assert_int_eq(datapath_flow_add(dp, mf), 0);
	return mf;
}

static void del_flow(struct megaflow *mf)
{
	datapath_flow_del(dp, mf);
	rcu_defer(free_flow, mf);
}

static uint64_t packets_of(const struct megaflow *mf)
{
	struct flow_counts c;

	datapath_flow_counts(dp, mf, &c);
	return c.packets;
}

// Waits until 'got' returns 'want'; the deadline only ends a test that has failed anyway.
#define WAIT_FOR(GOT, WANT) \
	do { \
		int64_t deadline_ = clock_real_nsec() + 20000000000LL; \
		while ((GOT) != (WANT) && clock_real_nsec() < deadline_) \
			usleep(1000); \
		ck_assert_uint_eq(GOT, WANT); \
	} while (0)

static unsigned int buffers_in_use(void)
{
	struct error err = ERROR_INIT;

	return rte_mempool_in_use_count(eal_pool(1500, &err));
}

#define MEMORY "160"

static void setup(void)
{
	struct datapath_config config = { .extra_eal_args =
						  "--no-huge --no-shconf --no-pci -m " MEMORY
						  " --log-level=*:4",
					  .emc_insert_inv_prob = 2 };
	struct error err = ERROR_INIT;

	memset(&pipeline, 0, sizeof(pipeline));
	ck_assert_msg(!datapath_open("netdev", &ops, NULL, &config, &dp, &err), "%s", err.text);
}

static void teardown(void)
{
	datapath_close(dp);
	rcu_drain();
	strbuf_uninit(&pipeline.answer);
	strbuf_uninit(&pipeline.userspace_answer);
	ck_assert_uint_eq(buffers_in_use(), 0);
}

// ---- Forwarding ----

START_TEST(forward_by_hand)
{
	dp_port_t p1 = add_dummy("p1", "dummy"), p2 = add_dummy("p2", "dummy");
	AUTO_FREE char *match = xasprintf("in_port(%u),eth_type(0x0800)", p1.n);
	AUTO_FREE char *out = xasprintf("%u", p2.n);
	struct megaflow *mf = add_flow(match, out);
	struct datapath_stats stats;
	struct flow_counts c;
	struct flow_key k;

	for (int i = 0; i < 100; i++) {
		udp_key(&k, p1, 1000 + i % 7, 53);
		receive(p1, &k);
	}
	datapath_flow_counts(dp, mf, &c);
	ck_assert_uint_eq(c.packets, 100);
	ck_assert_uint_eq(c.bytes, 100 * (14 + 20 + 8 + 20));
	ck_assert(c.used > 0);
	ck_assert_uint_eq(INFO(p1, rx_packets), 100);
	ck_assert_uint_eq(INFO(p2, tx_packets), 100);
	ck_assert_uint_eq(INFO(p1, tx_packets), 0);
	ck_assert_uint_eq(pipeline.misses, 0);
	datapath_stats(dp, &stats);
	ck_assert_uint_eq(stats.hit, 100);
	ck_assert_uint_eq(stats.flows, 1);
	ck_assert_uint_eq(stats.masks, 1);
	ck_assert_int_eq(datapath_flow_add(dp, mf), -EEXIST);
	del_flow(mf);
	receive(p1, &k);
	ck_assert_uint_eq(pipeline.misses, 1);
}
END_TEST

START_TEST(miss_installs)
{
	dp_port_t p1 = add_dummy("p1", "dummy"), p2 = add_dummy("p2", "dummy");
	struct flow_key k;

	dp_put_output(&pipeline.answer, p2);
	pipeline.install = true;
	udp_key(&k, p1, 1, 2);
	for (int i = 0; i < 5; i++)
		receive(p1, &k);
	ck_assert_uint_eq(pipeline.misses, 1);
	ck_assert_uint_eq(pipeline.key.in_port, p1.n);
	ck_assert_uint_eq(packets_of(pipeline.installed), 5);
	ck_assert_uint_eq(INFO(p2, tx_packets), 5);
	del_flow(pipeline.installed);
	pipeline.refuse = true;
	receive(p1, &k);
	ck_assert_uint_eq(INFO(p2, tx_packets), 5);
}
END_TEST

// ---- Actions ----

static const struct {
	const char *name, *actions; // %1: p2, %2: p3
	const char *p2, *p3; // field text of the packets sent, ';' between packets
} action_rows[] = {
	{ "two outputs", "%1,%2", "same", "same" },
	{ "change between", "%1,set(eth(src=02:00:00:00:00:99)),%2", "same", "src=99" },
	{ "change, output, change", "set(eth(src=02:00:00:00:00:99)),%1,push_vlan(vid=5,pcp=0),%2",
	  "src=99", "src=99 vlan" },
	{ "clone keeps changes", "clone(push_vlan(vid=5,pcp=0),%1),%2", "vlan", "same" },
	{ "output before clone", "%2,clone(set(eth(src=02:00:00:00:00:99)),%1),%2", "src=99",
	  "same;same" },
	{ "trunc cuts one output", "trunc(40),%1,%2", "cut", "same" },
	{ "sample always", "sample(sample=100.0%,actions(%1)),%2", "same", "same" },
	{ "sample never", "sample(sample=0.0%,actions(%1)),%2", "", "same" },
	{ "push and pop", "push_vlan(vid=5,pcp=0),%1,pop_vlan,%2", "vlan", "same" },
	{ "a label",
	  "push_mpls(label=5,tc=0,ttl=64,bos=1,eth_type=0x8847),%1,pop_mpls(eth_type=0x800),%2",
	  "label", "same" },
	{ "a label that is changed",
	  "push_mpls(label=9,tc=0,ttl=64,bos=1,eth_type=0x8847),%2,set(mpls(label=5)),%1", "label",
	  "label9" },
	{ "a label that others do not see",
	  "clone(push_mpls(label=5,tc=0,ttl=64,bos=1,eth_type=0x8847),%1),%2", "label", "same" },
	{ "drop", "drop", "", "" },
	{ "no such port", "3999,%1", "same", "" },
};

static void expand(const char *text, dp_port_t p2, dp_port_t p3, struct strbuf *out)
{
	for (; *text; text++) {
		if (text[0] == '%' && (text[1] == '1' || text[1] == '2'))
			strbuf_printf(out, "%u", *++text == '1' ? p2.n : p3.n);
		else
			strbuf_putc(out, *text);
	}
}

// The hex of the packet after the changes that 'what' names.
static void expected(const struct flow_key *k, const char *what, struct strbuf *out)
{
	AUTO_FREE char *copy = xstrdup(what);

	for (char *save = NULL, *w = strtok_r(copy, ";", &save); w;
	     w = strtok_r(NULL, ";", &save)) {
		AUTO(strbuf) bytes = STRBUF_INIT;
		size_t n;

		packet_compose(k, 20, &bytes);
		n = strstr(w, "cut") ? 40 : bytes.len;
		if (strstr(w, "src=99"))
			bytes.s[11] = 0x99;
		for (size_t i = 0; i < n; i++) {
			if (i == 12 && strstr(w, "vlan"))
				strbuf_puts(out, "81000005");
			if (i == 12 && strstr(w, "label")) {
				strbuf_printf(out, "88470000%c140",
					      strstr(w, "label9") ? '9' : '5');
				i = 14;
			}
			strbuf_printf(out, "%02x", (uint8_t)bytes.s[i]);
		}
		strbuf_putc(out, '\n');
	}
}

START_TEST(actions)
{
	dp_port_t p1 = add_dummy("p1", "dummy"), p2 = add_dummy("p2", "dummy"),
		  p3 = add_dummy("p3", "dummy");
	AUTO_FREE char *match = xasprintf("in_port(%u)", p1.n);
	AUTO(strbuf) text = STRBUF_INIT;
	AUTO(strbuf) want2 = STRBUF_INIT;
	AUTO(strbuf) want3 = STRBUF_INIT;
	struct flow_key k;
	struct megaflow *mf;

	expand(action_rows[_i].actions, p2, p3, &text);
	mf = add_flow(match, strbuf_cstr(&text));
	udp_key(&k, p1, 1, 2);
	receive(p1, &k);
	AUTO_FREE char *got2 = sent_by("p2"), *got3 = sent_by("p3");

	expected(&k, action_rows[_i].p2, &want2);
	expected(&k, action_rows[_i].p3, &want3);
	ck_assert_msg(!strcmp(got2, strbuf_cstr(&want2)), "%s: p2 sent\n%swanted\n%s",
		      action_rows[_i].name, got2, strbuf_cstr(&want2));
	ck_assert_msg(!strcmp(got3, strbuf_cstr(&want3)), "%s: p3 sent\n%swanted\n%s",
		      action_rows[_i].name, got3, strbuf_cstr(&want3));
	del_flow(mf);
}
END_TEST

START_TEST(recirculation)
{
	dp_port_t p1 = add_dummy("p1", "dummy"), p2 = add_dummy("p2", "dummy");
	AUTO_FREE char *first = xasprintf("recirc_id(0),in_port(%u)", p1.n);
	AUTO_FREE char *second = xasprintf("recirc_id(0x7),in_port(%u)", p1.n);
	AUTO_FREE char *out = xasprintf("pop_vlan,%u", p2.n);
	AUTO_FREE char *loop = xasprintf("recirc_id(0x9),in_port(%u)", p1.n);
	struct megaflow *a = add_flow(first, "push_vlan(vid=5,pcp=0),recirc(0x7)"),
			*b = add_flow(second, out), *c = add_flow(loop, "recirc(0x9)");
	uint64_t before = counter_total(COUNTER_DROP_RECIRC);
	struct flow_key k;
	AUTO(strbuf) list = STRBUF_INIT;

	udp_key(&k, p1, 1, 2);
	receive(p1, &k);
	ck_assert_uint_eq(packets_of(b), 1);
	ck_assert_uint_eq(INFO(p2, tx_packets), 1);
	// For ever, if nobody counted.
	dp_put(&list, DP_ACTION_RECIRC)->recirc.id = 9;
	megaflow_set_actions(a, dp_actions_of(&list));
	receive(p1, &k);
	ck_assert_uint_eq(counter_total(COUNTER_DROP_RECIRC), before + 1);
	ck_assert_uint_eq(packets_of(c), MAX_RECIRCULATIONS);
	del_flow(a);
	del_flow(b);
	del_flow(c);
}
END_TEST

START_TEST(to_userspace)
{
	dp_port_t p1 = add_dummy("p1", "dummy"), p2 = add_dummy("p2", "dummy");
	AUTO_FREE char *match = xasprintf("in_port(%u)", p1.n);
	struct megaflow *mf = add_flow(match, "drop");
	AUTO(strbuf) list = STRBUF_INIT;
	struct flow_key k;

	dp_put(&list, DP_ACTION_TRUNC)->trunc.max_len = 50;
	dp_put(&list, DP_ACTION_USERSPACE)->userspace.kind = USERSPACE_SLOW_PATH;
	megaflow_set_actions(mf, dp_actions_of(&list));
	dp_put_output(&pipeline.userspace_answer, p2);
	udp_key(&k, p1, 7, 8);
	receive(p1, &k);
	ck_assert_uint_eq(pipeline.userspace, 1);
	ck_assert_uint_eq(pipeline.size, 50);
	ck_assert_uint_eq(pipeline.key.tp_dst, htobe16(8));
	ck_assert_uint_eq(INFO(p2, tx_packets), 1);
	ck_assert_uint_eq(INFO(p2, tx_bytes), 62);
	del_flow(mf);
}
END_TEST

START_TEST(unsupported_is_refused)
{
	AUTO(strbuf) list = STRBUF_INIT;
	struct flow_mask mask = { .m = { .in_port = UINT32_MAX } };
	struct flow_key k = { .in_port = 1 };
	struct megaflow *mf;

	dp_put(&list, DP_ACTION_CT_CLEAR);
	mf = megaflow_create(&k, &mask, dp_actions_of(&list));
	ck_assert_int_eq(datapath_flow_add(dp, mf), -ENOTSUP);
	megaflow_free(mf);
}
END_TEST

START_TEST(execute)
{
	dp_port_t p2 = add_dummy("p2", "dummy");
	AUTO(strbuf) bytes = STRBUF_INIT;
	AUTO(strbuf) list = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct flow_key k;

	udp_key(&k, DP_PORT_NONE, 1, 2);
	packet_compose(&k, 0, &bytes);
	dp_put_output(&list, p2);
	ck_assert_int_eq(datapath_execute(dp, bytes.s, bytes.len, &k, dp_actions_of(&list), &err),
			 0);
	ck_assert_uint_eq(INFO(p2, tx_packets), 1);
	ck_assert_int_eq(datapath_execute(dp, bytes.s, 5, &k, dp_actions_of(&list), &err), -EINVAL);
}
END_TEST

// ---- Ports ----

static const struct {
	const char *name, *type, *key, *value, *says;
} bad_ports[] = {
	{ "x", "nonsense", NULL, NULL, "type 'nonsense' is not known" },
	{ "x", "dpdk", NULL, NULL, "needs options:dpdk-devargs" },
	{ "x", "dpdk", "dpdk-devargs", "net_no_such0", "cannot be attached" },
	{ "x", "dpdk", "dpdk-devargs", ",a=b", "names no device" },
	{ "x", "dpdk", "dpdk-devargs", "net_null7,representor=pf0", "not one VF" },
	{ "no-such-netdev", "system", NULL, NULL,
	  "could not open network device no-such-netdev (No such device)" },
	{ "a-name-longer-than-linux-takes", "tap", NULL, NULL, "at most 15 characters" },
	{ "x", "dummy", "pcap", "/no/such/dir/file", "/no/such/dir/file" },
	{ "lo", "system", "xdp-mode", "sometimes", "none of best-effort" },
};

START_TEST(bad_port)
{
	struct error err = ERROR_INIT;
	struct smap options;
	dp_port_t port;

	smap_init(&options);
	if (bad_ports[_i].key)
		smap_set(&options, bad_ports[_i].key, bad_ports[_i].value);
	ck_assert_int_lt(datapath_port_add(dp, bad_ports[_i].name, bad_ports[_i].type, &options,
					   &port, &err),
			 0);
	ck_assert_msg(strstr(err.text, bad_ports[_i].says) != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, bad_ports[_i].name) != NULL, "%s", err.text);
	smap_uninit(&options);
}
END_TEST

START_TEST(dummy_settings)
{
	dp_port_t p = add_dummy("p1", "dummy"), found;
	uint64_t seq = datapath_port_change_seq(dp);
	struct error err = ERROR_INIT;
	struct datapath_port_info i;
	struct port_ref ref;
	struct flow_key k;

	ck_assert(datapath_port_by_name(dp, "p1", &found) && dp_port_equal(found, p));
	ck_assert(datapath_port_ref(dp, p, &ref));
	ck_assert_str_eq(ref.name, "p1");
	ck_assert_uint_eq(ref.ethdev, PORT_NO_ETHDEV);
	ck_assert_int_eq(datapath_port_set_mac(dp, p, eth_addr_from_u64(0x0200000000aa), &err), 0);
	ck_assert_int_eq(datapath_port_set_mtu(dp, p, 9000, &err), 0);
	ck_assert(datapath_port_change_seq(dp) > seq);
	ck_assert(datapath_port_info(dp, p, &i));
	ck_assert_uint_eq(i.mtu, 9000);
	ck_assert_uint_eq(eth_addr_to_u64(i.mac), 0x0200000000aa);
	smap_uninit(&i.status);
	ck_assert_int_eq(datapath_port_set_admin(dp, p, false, &err), 0);
	udp_key(&k, p, 1, 2);
	receive(p, &k);
	ck_assert_uint_eq(pipeline.misses, 0);
	ck_assert_uint_eq(INFO(p, rx_dropped), 1);
	datapath_port_del(dp, p);
	ck_assert(!datapath_port_ref(dp, p, &ref));
	ck_assert_int_eq(datapath_port_set_mtu(dp, p, 1500, &err), -ENODEV);
}
END_TEST

// ---- PMD threads ----

START_TEST(pmd_forwards)
{
	dp_port_t p1 = add_dummy("p1", "dummy-pmd"), p2 = add_dummy("p2", "dummy-pmd");
	AUTO_FREE char *match = xasprintf("in_port(%u)", p1.n);
	AUTO_FREE char *out = xasprintf("%u", p2.n);
	struct megaflow *mf = add_flow(match, out);
	struct flow_key k;

	for (int i = 0; i < 500; i++) {
		udp_key(&k, p1, i, 53);
		receive(p1, &k);
	}
	WAIT_FOR(INFO(p2, tx_packets), 500);
	ck_assert_uint_eq(packets_of(mf), 500);
	del_flow(mf);
}
END_TEST

START_TEST(changes_under_traffic)
{
	dp_port_t p1 = add_dummy("p1", "dummy-pmd"), p2;
	AUTO_FREE char *match = xasprintf("in_port(%u)", p1.n);
	struct flow_key k;

	pipeline.refuse = true;
	for (int i = 0; i < 60; i++) {
		AUTO_FREE char *out = NULL;
		struct megaflow *mf;

		p2 = add_dummy("p2", "dummy-pmd");
		out = xasprintf("%u,%u", p2.n, p2.n);
		mf = add_flow(match, out);
		for (int j = 0; j < 40; j++) {
			udp_key(&k, p1, j, 53);
			receive(p1, &k);
		}
		if (i % 2)
			datapath_port_del(dp, p2);
		del_flow(mf);
		if (!(i % 2))
			datapath_port_del(dp, p2);
	}
}
END_TEST

#ifdef HAVE_SIMNIC
#define NIC "net_simnic7"

START_TEST(simnic_ports)
{
	static const char devargs[] = NIC ",vfs=3,taps=0";
	dp_port_t up = add_port("up", "dpdk", "dpdk-devargs", devargs);
	dp_port_t v0 = add_port("v0", "dpdk", "dpdk-devargs", NIC ",representor=vf[0]");
	dp_port_t v1 = add_port("v1", "dpdk", "dpdk-devargs", NIC ",representor=vf1");
	AUTO_FREE char *match = xasprintf("in_port(%u)", v0.n);
	AUTO_FREE char *out = xasprintf("%u,%u", v1.n, up.n);
	AUTO(strbuf) bytes = STRBUF_INIT;
	struct megaflow *mf = add_flow(match, out);
	struct port_ref ref;
	uint8_t frame[2048];
	struct flow_key k;

	ck_assert(datapath_port_ref(dp, up, &ref));
	ck_assert(ref.is_uplink && !ref.is_representor);
	ck_assert_str_eq(ref.device, NIC);
	ck_assert(datapath_port_ref(dp, v1, &ref));
	ck_assert(!ref.is_uplink && ref.is_representor);
	ck_assert_str_eq(ref.device, NIC);
	ck_assert_uint_ne(ref.ethdev, PORT_NO_ETHDEV);
	udp_key(&k, v0, 1, 2);
	packet_compose(&k, 20, &bytes);
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(simnic_inject(NIC, 0, bytes.s, bytes.len), 0);
	WAIT_FOR(INFO(up, tx_packets), 50);
	ck_assert_uint_eq(INFO(v1, tx_packets), 50);
	ck_assert_uint_eq(packets_of(mf), 50);
	ck_assert_int_eq(simnic_drain(NIC, 1, frame, sizeof(frame)), bytes.len);
	ck_assert_mem_eq(frame, bytes.s, bytes.len);
	// In any order, and again.
	datapath_port_del(dp, up);
	datapath_port_del(dp, v0);
	v0 = add_port("v0", "dpdk", "dpdk-devargs", NIC ",representor=vf0");
	datapath_port_del(dp, v1);
	datapath_port_del(dp, v0);
	up = add_port("up", "dpdk", "dpdk-devargs", devargs);
	datapath_port_del(dp, up);
	del_flow(mf);
}
END_TEST
#endif

// ---- Control commands ----

struct call {
	const char *path;
	const char *argv[8];
	int argc, ret;
	char *text;
	_Atomic bool done;
};

static void *call_main(void *c_)
{
	struct call *c = c_;
	struct error err = ERROR_INIT;

	c->ret = appctl_call(c->path, "text", c->argc, c->argv, 20000, &c->text, &err);
	// The client's loop made this thread a reader.
	rcu_thread_end();
	atomic_store(&c->done, true);
	return NULL;
}

// What ovs-appctl would be answered; its exit code in *ret.
static char *call(struct loop *l, const char *command, int *ret)
{
	AUTO_FREE char *copy = xstrdup(command);
	struct call c = { .path = appctl_server_path() };
	pthread_t thread;

	for (char *save = NULL, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		c.argv[c.argc++] = w;
	ck_assert_int_eq(pthread_create(&thread, NULL, call_main, &c), 0);
	while (!atomic_load(&c.done))
		loop_step(l, 10);
	pthread_join(thread, NULL);
	*ret = c.ret;
	return c.text;
}

static const struct {
	const char *command;
	int ret;
	const char *says;
} command_rows[] = {
	{ "netdev-dummy/receive p1 "
	  "in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x1234)",
	  0, "" },
	{ "netdev-dummy/receive p1 ffffffffffff0200000000011234aabb", 0, "" },
	{ "dpif-netdev/pmd-stats-show", 0, "main thread:\n  packets received: 2\n" },
	{ "dpif-netdev/pmd-stats-show", 0, "  miss with failed upcall: 2\n" },
	{ "dpif-netdev/pmd-perf-show", 0, "  Rx packets:                    0  (" },
	{ "dpif-netdev/pmd-stats-clear", 0, "" },
	{ "dpif-netdev/pmd-stats-show", 0, "main thread:\n  packets received: 0\n" },
	{ "dpif-netdev/pmd-rxq-show", 0,
	  "  port: q1                queue-id:  0 (enabled)   pmd usage: " },
	{ "dpif-netdev/pmd-sleep-show", 0, "  max sleep:  500 us\n" },
	{ "dpif-netdev/pmd-stats-show -pmd x", 1, "x: not a number" },
	{ "dpif-netdev/pmd-stats-show other", 1, "other: no such datapath" },
	{ "netdev-dummy/receive p9 00", 1, "p9: no such dummy netdev" },
	{ "netdev-dummy/receive p1 --qid 1 00", 1, "1: no such queue" },
	{ "netdev-dummy/receive p1 zz", 1, "neither a packet in hex nor a flow" },
	{ "netdev-dummy/set-admin-state p1 down", 0, "OK\n" },
	{ "netdev-dummy/set-admin-state p1 sideways", 1, "Invalid Admin State 'sideways'" },
	{ "netdev-dummy/set-admin-state up", 0, "OK\n" },
};

START_TEST(control_commands)
{
	AUTO_FREE char *path = xasprintf("%s/ctl", dir);
	struct error err = ERROR_INIT;
	struct loop *l = loop_create();

	pipeline.refuse = true;
	ck_assert_msg(!appctl_server_start(l, path, &err), "%s", err.text);
	add_dummy("p1", "dummy");
	add_port("q1", "dummy-pmd", NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(command_rows); i++) {
		int ret;
		AUTO_FREE char *text = call(l, command_rows[i].command, &ret);

		ck_assert_msg(ret == command_rows[i].ret && text &&
				      strstr(text, command_rows[i].says),
			      "%s: %d: %s", command_rows[i].command, ret, text);
	}
	appctl_server_stop();
	loop_destroy(l);
}
END_TEST

// Buffers by the memory that dpdk-extra gives: 64 for each megabyte.
START_TEST(memory_in_arguments)
{
	struct error err = ERROR_INIT;

	ck_assert_uint_eq(eal_pool(1500, &err)->size, atoi(MEMORY) * 64 - 1);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_test(t, forward_by_hand);
	tcase_add_test(t, miss_installs);
	tcase_add_loop_test(t, actions, 0, ARRAY_SIZE(action_rows));
	tcase_add_test(t, recirculation);
	tcase_add_test(t, to_userspace);
	tcase_add_test(t, unsupported_is_refused);
	tcase_add_test(t, execute);
	tcase_add_loop_test(t, bad_port, 0, ARRAY_SIZE(bad_ports));
	tcase_add_test(t, dummy_settings);
	tcase_add_test(t, pmd_forwards);
	tcase_add_test(t, changes_under_traffic);
#ifdef HAVE_SIMNIC
	tcase_add_test(t, simnic_ports);
#endif
	tcase_add_test(t, control_commands);
	tcase_add_test(t, memory_in_arguments);
}

static void remove_files(void)
{
	static const char *const names[] = { "p1", "p2", "p3" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s.pcap", dir, names[i]);

		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	Suite *s = suite_create("datapath");
	TCase *t = tcase_create("datapath");
	int failed;

	program_init("test-datapath");
	log_set("console:emer", NULL);
#ifdef HAVE_SIMNIC
	simnic_link();
#endif
	if (!mkdtemp(dir))
		return 1;
	// DPDK can be started once a process: all tests run in this one.
	tcase_add_checked_fixture(t, setup, teardown);
	add_tests(t);
	suite_add_tcase(s, t);
	failed = suite_run_here(s);
	remove_files();
	return failed;
}
