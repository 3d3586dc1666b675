// SPDX-License-Identifier: Apache-2.0
// The differential oracle: what the NIC does to a packet is what software does. Random tables make megaflows; each that
// compiles goes into the simulated NIC; packets are sent in at the far ends, and what comes out is compared with the
// datapath actions carried out here. Packets that the NIC must not take have to come up to their representor.
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "core/base/hash.h"
#include "core/packet/packet.h"
#include "hw-tests/simnic/simnic.h"
#include "offload/backend.h"
#include "tests/suite.h"
#include "tests/unit/oracle/random-tables.h"

#define NIC "net_simnic0"
#define N_TABLES 80
#define N_FLOWS 25 // megaflows per table
#define N_PACKETS 200

// Datapath ports 1..4 are the representors of VFs 0..3, port 5 the uplink.
static struct port_ref refs[RANDOM_N_PORTS + 1];
static uint16_t ethdevs[RANDOM_N_PORTS + 1];

static const struct port_ref *find_ref(dp_port_t port, void *aux)
{
	return port.n >= 1 && port.n <= RANDOM_N_PORTS ? &refs[port.n] : NULL;
}

static const struct port_lookup lookup = { find_ref, NULL };

static int far_end(unsigned int port)
{
	return port == 5 ? SIMNIC_WIRE : (int)port - 1;
}

struct output {
	unsigned int port;
	uint8_t data[512];
	size_t len;
};

struct outputs {
	struct output v[64];
	size_t n;
};

// Software as the specification: carries out a list on a copy of the packet.
static void execute(struct dp_actions list, uint8_t *buffer, size_t len, struct outputs *out)
{
	struct packet p = { .data = buffer + 64, .size = len, .headroom = 64, .tailroom = 64 };
	struct packet_metadata md = { 0 };
	const struct dp_action *a;
	struct flow_key key;

	DP_ACTION_FOR_EACH (a, list) {
		packet_parse(&p, &md, &key);
		switch (a->type) {
		case DP_ACTION_OUTPUT:
			out->v[out->n].port = a->output.port.n;
			out->v[out->n].len = p.size;
			memcpy(out->v[out->n].data, p.data, p.size);
			out->n++;
			break;
		case DP_ACTION_SET:
			packet_set_field(&p, a->set.field, a->set.value, a->set.mask);
			break;
		case DP_ACTION_PUSH_VLAN:
			ck_assert(packet_push_vlan(&p, a->push_vlan.tpid, a->push_vlan.tci));
			break;
		case DP_ACTION_POP_VLAN:
			packet_pop_vlan(&p);
			break;
		case DP_ACTION_DROP:
			break;
		default:
			ck_abort_msg("action %s came through compilation", dp_action_name(a->type));
		}
	}
}

static void drain_nic(struct outputs *out)
{
	for (unsigned int port = 1; port <= RANDOM_N_PORTS; port++) {
		for (;;) {
			struct output *o = &out->v[out->n];
			ssize_t n = simnic_drain(NIC, far_end(port), o->data, sizeof(o->data));

			if (n <= 0)
				break;
			o->port = port;
			o->len = n;
			out->n++;
		}
	}
}

// Frames that came up to the software, as (port, bytes).
static void drain_representors(struct outputs *out)
{
	for (unsigned int port = 1; port <= RANDOM_N_PORTS; port++) {
		struct rte_mbuf *m;

		while (rte_eth_rx_burst(ethdevs[port], 0, &m, 1) == 1) {
			struct output *o = &out->v[out->n++];

			o->port = port;
			o->len = rte_pktmbuf_data_len(m);
			memcpy(o->data, rte_pktmbuf_mtod(m, void *), o->len);
			rte_pktmbuf_free(m);
		}
	}
}

static int by_port(const void *a, const void *b)
{
	const struct output *x = a, *y = b;

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return 0;
}

// Order is kept within a port.
static void stable_sort(struct outputs *o)
{
	for (size_t i = 1; i < o->n; i++)
		for (size_t j = i; j && by_port(&o->v[j - 1], &o->v[j]) > 0; j--) {
			struct output tmp = o->v[j];

			o->v[j] = o->v[j - 1];
			o->v[j - 1] = tmp;
		}
}

static void compare(struct outputs *want, struct outputs *got, const char *what)
{
	stable_sort(want);
	stable_sort(got);
	ck_assert_msg(want->n == got->n, "%s: %zu frames expected, %zu came", what, want->n,
		      got->n);
	for (size_t i = 0; i < want->n; i++) {
		AUTO(strbuf) text = STRBUF_INIT;

		if (want->v[i].port == got->v[i].port && want->v[i].len == got->v[i].len &&
		    !memcmp(want->v[i].data, got->v[i].data, want->v[i].len))
			continue;
		strbuf_printf(&text, "port %u expected:\n", want->v[i].port);
		strbuf_put_hex_dump(&text, want->v[i].data, want->v[i].len, 0, false);
		strbuf_printf(&text, "port %u came:\n", got->v[i].port);
		strbuf_put_hex_dump(&text, got->v[i].data, got->v[i].len, 0, false);
		ck_abort_msg("%s: frame %zu differs\n%s", what, i, text.s);
	}
}

struct installed {
	struct megaflow *mf;
	struct hw_rule *hw;
	uint64_t packets, bytes; // as software counts them
};

struct bench {
	void *dev;
	struct installed flows[N_FLOWS];
	size_t n;
	size_t pairs, taken, compiled, refused;
};

static bool covers(const struct megaflow *mf, const struct flow_key *key)
{
	struct miniflow_buf buf;

	miniflow_pack(&buf.mf, key);
	return miniflow_equal_masked(mf->key, mf->mask, &buf.mf);
}

// A packet that goes round is the second flow's, too, which is not made here.
static bool goes_round(struct dp_actions list)
{
	const struct dp_action *a;

	DP_ACTION_FOR_EACH (a, list)
		if (a->type == DP_ACTION_RECIRC)
			return true;
	return false;
}

static void install(struct bench *b, struct of_switch *sw)
{
	struct xlate_input in = { .sw = sw };
	AUTO(strbuf) bytes = STRBUF_INIT;
	struct compiled_rule *rule;
	struct xlate_result r;
	struct megaflow *mf;
	struct flow_key key;
	struct flow_mask mask;
	struct verdict v;

	random_packet(&bytes, &key);
	for (size_t i = 0; i < b->n; i++)
		if (covers(b->flows[i].mf, &key))
			return;
	in.key = &key;
	xlate(&in, &r);
	if (goes_round(dp_actions_of(&r.actions))) {
		xlate_result_uninit(&r);
		return;
	}
	mask = r.mask;
	memset(mask.m.regs, 0, sizeof(mask.m.regs));
	mask.m.metadata = 0;
	mf = megaflow_create(&key, &mask, dp_actions_of(&r.actions));
	if (!backend_rte_flow.compile(b->dev, mf, &lookup, &rule, &v)) {
		ck_assert_int_ne(v.reason, REASON_NONE);
	} else {
		struct installed *i = &b->flows[b->n];

		memset(i, 0, sizeof(*i));
		i->mf = mf;
		if (backend_rte_flow.insert(b->dev, rule, &i->hw, &v) < 0)
			ck_assert_str_ne(v.driver_text, ""); // too many actions
		else
			b->n++;
		backend_rte_flow.compiled_free(rule);
	}
	if (b->n && b->flows[b->n - 1].mf == mf) {
		b->compiled++;
	} else {
		megaflow_free(mf);
		b->refused++;
	}
	xlate_result_uninit(&r);
}

static void send_one(struct bench *b)
{
	static struct outputs want, got;
	AUTO(strbuf) bytes = STRBUF_INIT;
	struct installed *hit = NULL;
	uint8_t buffer[1024] = { 0 };
	struct flow_key key;
	AUTO(strbuf) what = STRBUF_INIT;

	want.n = got.n = 0;
	random_packet(&bytes, &key);
	// Where two cover it they do the same; the NIC takes the older one.
	for (size_t i = 0; i < b->n && !hit; i++)
		if (covers(b->flows[i].mf, &key))
			hit = &b->flows[i];
	ck_assert_int_eq(simnic_inject(NIC, far_end(key.in_port), bytes.s, bytes.len), 0);
	if (hit) {
		struct flow_key k;
		struct match m;

		memcpy(buffer + 64, bytes.s, bytes.len);
		execute(megaflow_actions_get(hit->mf), buffer, bytes.len, &want);
		hit->packets++;
		hit->bytes += bytes.len;
		drain_nic(&got);
		miniflow_expand(hit->mf->key, &k);
		m.key = k;
		miniflow_expand(hit->mf->mask, &m.mask.m);
		match_format(&m, NULL, &what);
		strbuf_puts(&what, " actions=");
		dp_actions_format(megaflow_actions_get(hit->mf), NULL, NULL, &what);
		compare(&want, &got, what.s);
		got.n = 0;
		drain_representors(&got);
		ck_assert_msg(!got.n, "%s: the packet came up to software too", what.s);
		b->taken++;
	} else {
		want.v[0].port = key.in_port;
		want.v[0].len = bytes.len;
		memcpy(want.v[0].data, bytes.s, bytes.len);
		want.n = 1;
		struct match m = { .key = key };

		flow_mask_exact_for(&m.mask, &key);
		strbuf_puts(&what, "miss of ");
		match_format(&m, NULL, &what);
		drain_representors(&got);
		compare(&want, &got, what.s);
		got.n = 0;
		drain_nic(&got);
		ck_assert_msg(!got.n, "a packet without a flow was forwarded");
	}
	b->pairs++;
}

static void remove_all(struct bench *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct installed *f = &b->flows[i];
		uint64_t packets = 0, bytes = 0;

		ck_assert_int_eq(backend_rte_flow.query(b->dev, f->hw, &packets, &bytes), 0);
		ck_assert_uint_eq(packets, f->packets);
		ck_assert_uint_eq(bytes, f->bytes);
		ck_assert_int_eq(backend_rte_flow.remove(b->dev, f->hw, &packets, &bytes), 0);
		megaflow_free(f->mf);
	}
	b->n = 0;
}

START_TEST(nic_and_software_do_the_same)
{
	struct of_switch *sw = random_switch_create();
	struct device_limits limits;
	struct error err = ERROR_INIT;
	struct bench b = { 0 };

	ck_assert_msg(backend_rte_flow.open(&refs[1], &b.dev, &limits, &err) == 0, "%s", err.text);
	random_seed(oracle_seed(_i));
	for (int t = 0; t < N_TABLES; t++) {
		random_switch_fill(sw, 25, false);
		for (int i = 0; i < 3 * N_FLOWS && b.n < N_FLOWS; i++)
			install(&b, sw);
		for (int i = 0; i < N_PACKETS; i++)
			send_one(&b);
		remove_all(&b);
		rcu_quiesce();
	}
	printf("%zu pairs, %zu of them forwarded by the NIC; %zu megaflows compiled, %zu refused "
	       "with a reason\n",
	       b.pairs, b.taken, b.compiled, b.refused);
	ck_assert_uint_ge(b.pairs, 5000);
	ck_assert_uint_ge(b.taken, 500);
	backend_rte_flow.close(b.dev);
	switch_destroy(sw);
}
END_TEST

static void find_ethdevs(void)
{
	for (unsigned int i = 1; i <= RANDOM_N_PORTS; i++) {
		char name[64];

		if (i == 5)
			snprintf(name, sizeof(name), NIC);
		else
			snprintf(name, sizeof(name), NIC "_representor_vf%u", i - 1);
		if (rte_eth_dev_get_port_by_name(name, &ethdevs[i]))
			rte_exit(EXIT_FAILURE, "no %s\n", name);
		refs[i] = (struct port_ref){ .number = DP_PORT(i),
					     .ethdev = ethdevs[i],
					     .is_uplink = i == 5,
					     .is_representor = i != 5,
					     .device = NIC };
		snprintf(refs[i].name, sizeof(refs[i].name), "p%u", i);
	}
}

static void start_ports(void)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"oracle", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	struct rte_eth_conf conf = { 0 };

	for (unsigned int i = 1; i <= RANDOM_N_PORTS; i++)
		if (rte_eth_dev_configure(ethdevs[i], 1, 1, &conf) ||
		    rte_eth_rx_queue_setup(ethdevs[i], 0, 256, SOCKET_ID_ANY, NULL, pool) ||
		    rte_eth_tx_queue_setup(ethdevs[i], 0, 256, SOCKET_ID_ANY, NULL) ||
		    rte_eth_dev_start(ethdevs[i]))
			rte_exit(EXIT_FAILURE, "port %u cannot be started\n", i);
}

int main(void)
{
	char prefix[64];
	const char *const argv[] = { "oracle",
				     "--no-huge",
				     "--no-shconf",
				     "-m",
				     "64",
				     "--no-pci",
				     "--no-telemetry",
				     "--log-level=error",
				     prefix,
				     "-l",
				     "0",
				     "--vdev=" NIC ",vfs=4,representor=vf[0-3],taps=0,thread=0",
				     NULL };
	Suite *s = suite_create("oracle/differential");
	TCase *t = tcase_create("differential");

	snprintf(prefix, sizeof(prefix), "--file-prefix=oracle%ld", (long)getpid());
	simnic_link();
	if (rte_eal_init(ARRAY_SIZE(argv) - 1, (char **)argv) < 0)
		return EXIT_FAILURE;
	find_ethdevs();
	start_ports();
	rcu_thread_begin();
	tcase_add_loop_test(t, nic_and_software_do_the_same, 0, 2);
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	return suite_run_here(s);
}
