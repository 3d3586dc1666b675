// SPDX-License-Identifier: Apache-2.0
// Control commands of the datapath: dpif-netdev/pmd-..., netdev-dummy/... Main thread.
#include <netinet/in.h>
#include <time.h>

#include <rte_cycles.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/flow/match.h"
#include "core/io/appctl.h"
#include "datapath/user/eal.h"
#include "datapath/user/worker.h"

static struct user_datapath *the_dp;

// ---- Which threads ----

struct selection {
	int core; // -1: all
	bool all;
	uint32_t seconds; // how far rxq-show looks back
};

static void thread_title(const struct worker *w, struct strbuf *out)
{
	if (w->core < 0)
		strbuf_puts(out, "main thread:\n");
	else
		strbuf_printf(out, "pmd thread numa_id 0 core_id %d:\n", w->core);
}

// The number after an option.
static bool number_option(struct appctl_conn *conn, const char *text, uint32_t *ret)
{
	if (parse_u32(text, 10, ret))
		return true;
	appctl_reply_errorf(conn, "%s: not a number", text);
	return false;
}

// "[-pmd CORE] [-secs SECONDS] [DP]" in any order. False after answering with the error.
static bool select_threads(struct appctl_conn *conn, int argc, const char *const argv[],
			   struct selection *ret)
{
	const uint32_t most = USAGE_INTERVALS * PMD_INTERVAL_MSEC / 1000;

	*ret = (struct selection){ .core = -1, .all = true, .seconds = most };
	for (int i = 1; i < argc; i++) {
		uint32_t core;

		if (!strcmp(argv[i], "-pmd") && i + 1 < argc) {
			if (!number_option(conn, argv[++i], &core))
				return false;
			ret->core = core;
			ret->all = false;
		} else if (!strcmp(argv[i], "-secs") && i + 1 < argc) {
			if (!number_option(conn, argv[++i], &ret->seconds))
				return false;
			ret->seconds = MIN(ret->seconds, most);
		} else if (strcmp(argv[i], "-nh") && strcmp(argv[i], the_dp->name) &&
			   strcmp(argv[i], "netdev@ovs-netdev")) {
			appctl_reply_errorf(conn, "%s: no such datapath", argv[i]);
			return false;
		}
	}
	return true;
}

static bool is_selected(const struct selection *s, const struct worker *w)
{
	return s->all || s->core == w->core;
}

static struct worker_stats stats_of(const struct worker *w)
{
	const uint64_t *now = (const uint64_t *)&w->stats, *base = (const uint64_t *)&w->base;
	struct worker_stats ret;

	for (size_t i = 0; i < sizeof(ret) / sizeof(uint64_t); i++)
		((uint64_t *)&ret)[i] = __atomic_load_n(&now[i], __ATOMIC_RELAXED) - base[i];
	return ret;
}

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / b : 0;
}

// ---- dpif-netdev/pmd-stats-show ----

static void show_stats(const struct worker *w, const struct selection *sel, struct strbuf *out)
{
	struct worker_stats s = stats_of(w);
	uint64_t passes = s.rx_packets + s.recirculations, cycles = s.idle_cycles + s.busy_cycles;

	thread_title(w, out);
	strbuf_printf(out, "  packets received: %llu\n", (unsigned long long)s.rx_packets);
	strbuf_printf(out, "  packet recirculations: %llu\n", (unsigned long long)s.recirculations);
	strbuf_printf(out, "  avg. datapath passes per packet: %.2f\n",
		      ratio(passes, s.rx_packets));
	strbuf_printf(out, "  phwol hits: 0\n  mfex opt hits: 0\n  simple match hits: 0\n");
	strbuf_printf(out, "  emc hits: %llu\n", (unsigned long long)s.emc_hits);
	strbuf_printf(out, "  smc hits: 0\n");
	strbuf_printf(out, "  megaflow hits: %llu\n", (unsigned long long)s.megaflow_hits);
	strbuf_printf(out, "  avg. subtable lookups per megaflow hit: %.2f\n",
		      ratio(s.probes, s.megaflow_hits));
	strbuf_printf(out, "  miss with success upcall: %llu\n", (unsigned long long)s.misses);
	strbuf_printf(out, "  miss with failed upcall: %llu\n",
		      (unsigned long long)s.failed_misses);
	strbuf_printf(out, "  avg. packets per output batch: %.2f\n",
		      ratio(s.tx_packets, s.tx_batches));
	if (w->core < 0 || !cycles)
		return;
	strbuf_printf(out, "  idle cycles: %llu (%.2f%%)\n", (unsigned long long)s.idle_cycles,
		      100 * ratio(s.idle_cycles, cycles));
	strbuf_printf(out, "  processing cycles: %llu (%.2f%%)\n",
		      (unsigned long long)s.busy_cycles, 100 * ratio(s.busy_cycles, cycles));
	if (!s.rx_packets)
		return;
	strbuf_printf(out, "  avg cycles per packet: %.2f (%llu/%llu)\n",
		      ratio(cycles, s.rx_packets), (unsigned long long)cycles,
		      (unsigned long long)s.rx_packets);
	strbuf_printf(out, "  avg processing cycles per packet: %.2f (%llu/%llu)\n",
		      ratio(s.busy_cycles, s.rx_packets), (unsigned long long)s.busy_cycles,
		      (unsigned long long)s.rx_packets);
}

typedef void show_fn(const struct worker *w, const struct selection *sel, struct strbuf *out);

// PMD threads by core, then the main thread, as users know it.
static void show_threads(struct appctl_conn *conn, const struct selection *sel, show_fn *show,
			 bool with_main, struct strbuf *out)
{
	for (size_t i = 1; i < the_dp->n_workers; i++)
		if (is_selected(sel, the_dp->workers[i]))
			show(the_dp->workers[i], sel, out);
	if (with_main && is_selected(sel, the_dp->workers[0]))
		show(the_dp->workers[0], sel, out);
	appctl_reply(conn, strbuf_cstr(out));
}

static void cmd_stats_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct selection sel;

	if (!select_threads(conn, argc, argv, &sel))
		return;
	show_threads(conn, &sel, show_stats, true, &out);
}

static void cmd_stats_clear(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct selection sel;

	if (!select_threads(conn, argc, argv, &sel))
		return;
	for (size_t i = 0; i < the_dp->n_workers; i++) {
		struct worker *w = the_dp->workers[i];
		struct worker_stats delta;

		if (!is_selected(&sel, w))
			continue;
		delta = stats_of(w);
		for (size_t j = 0; j < sizeof(delta) / sizeof(uint64_t); j++)
			((uint64_t *)&w->base)[j] += ((uint64_t *)&delta)[j];
		w->cleared = clock_wall_msec();
	}
	appctl_reply(conn, "");
}

// ---- dpif-netdev/pmd-perf-show ----

static double share(uint64_t part, uint64_t whole)
{
	return 100 * ratio(part, whole);
}

static void show_perf_packets(const struct worker_stats *s, double seconds, struct strbuf *out)
{
	uint64_t passes = s->rx_packets + s->recirculations;
	double mhz = rte_get_tsc_hz() / 1e6;

	strbuf_printf(out, "  Rx packets:         %12llu  (%.0f Kpps, %.0f cycles/pkt)\n",
		      (unsigned long long)s->rx_packets,
		      seconds > 0 ? s->rx_packets / seconds / 1000 : 0,
		      ratio(s->busy_cycles, s->rx_packets));
	strbuf_printf(out, "  Datapath passes:    %12llu  (%.2f passes/pkt)\n",
		      (unsigned long long)passes, ratio(passes, s->rx_packets));
	strbuf_printf(out, "  - PHWOL hits:       %12d  (%5.1f %%)\n", 0, 0.0);
	strbuf_printf(out, "  - MFEX Opt hits:    %12d  (%5.1f %%)\n", 0, 0.0);
	strbuf_printf(out, "  - Simple Match hits:%12d  (%5.1f %%)\n", 0, 0.0);
	strbuf_printf(out, "  - EMC hits:         %12llu  (%5.1f %%)\n",
		      (unsigned long long)s->emc_hits, share(s->emc_hits, passes));
	strbuf_printf(out, "  - SMC hits:         %12d  (%5.1f %%)\n", 0, 0.0);
	strbuf_printf(out, "  - Megaflow hits:    %12llu  (%5.1f %%, %.2f subtbl lookups/hit)\n",
		      (unsigned long long)s->megaflow_hits, share(s->megaflow_hits, passes),
		      ratio(s->probes, s->megaflow_hits));
	strbuf_printf(out, "  - Upcalls:          %12llu  (%5.1f %%, %.1f us/upcall)\n",
		      (unsigned long long)s->misses, share(s->misses, passes),
		      ratio(s->miss_cycles, s->misses) / mhz);
	strbuf_printf(out, "  - Lost upcalls:     %12llu  (%5.1f %%)\n",
		      (unsigned long long)s->failed_misses, share(s->failed_misses, passes));
	strbuf_printf(out, "  Tx packets:         %12llu  (%.0f Kpps)\n",
		      (unsigned long long)s->tx_packets,
		      seconds > 0 ? s->tx_packets / seconds / 1000 : 0);
	strbuf_printf(out, "  Tx batches:         %12llu  (%.2f pkts/batch)\n",
		      (unsigned long long)s->tx_batches, ratio(s->tx_packets, s->tx_batches));
}

static void show_perf(const struct worker *w, const struct selection *sel, struct strbuf *out)
{
	struct worker_stats s = stats_of(w);
	uint64_t cycles = s.idle_cycles + s.busy_cycles, idle = s.iterations - s.busy_iterations;
	int64_t now = clock_wall_msec();
	double seconds = (now - w->cleared) / 1000.0;
	time_t t = now / 1000;
	struct tm tm;

	gmtime_r(&t, &tm);
	strbuf_printf(out, "\nTime: %02d:%02d:%02d.%03d\nMeasurement duration: %.3f s\n\n",
		      tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now % 1000), seconds);
	thread_title(w, out);
	strbuf_putc(out, '\n');
	strbuf_printf(out, "  Iterations:         %12llu  (%.2f us/it)\n",
		      (unsigned long long)s.iterations,
		      ratio(cycles, s.iterations) * 1e6 / rte_get_tsc_hz());
	strbuf_printf(out, "  - Used TSC cycles:  %12llu  (%5.1f %% of total cycles)\n",
		      (unsigned long long)cycles,
		      seconds > 0 ? 100.0 * cycles / (seconds * rte_get_tsc_hz()) : 0);
	strbuf_printf(out, "  - idle iterations:  %12llu  (%5.1f %% of used cycles)\n",
		      (unsigned long long)idle, share(s.idle_cycles, cycles));
	strbuf_printf(out, "  - busy iterations:  %12llu  (%5.1f %% of used cycles)\n",
		      (unsigned long long)s.busy_iterations, share(s.busy_cycles, cycles));
	strbuf_printf(out, "  - sleep iterations: %12llu  (%5.1f %% of iterations)\n",
		      (unsigned long long)s.sleeps, share(s.sleeps, s.iterations));
	strbuf_printf(out, "  Sleep time (us):    %12llu  (%3.0f us/iteration avg.)\n",
		      (unsigned long long)s.sleep_nsec / 1000,
		      ratio(s.sleep_nsec / 1000, s.sleeps));
	show_perf_packets(&s, seconds, out);
}

static void cmd_perf_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct selection sel;

	if (!select_threads(conn, argc, argv, &sel))
		return;
	show_threads(conn, &sel, show_perf, false, &out);
}

// ---- dpif-netdev/pmd-rxq-show ----

static uint64_t used(const struct usage *u, uint32_t seconds)
{
	uint32_t n = (seconds * 1000 + PMD_INTERVAL_MSEC - 1) / PMD_INTERVAL_MSEC;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < MIN(n, (uint32_t)USAGE_INTERVALS); i++)
		sum += u->past[i];
	return sum;
}

static void put_share(struct strbuf *out, uint64_t part, uint64_t whole)
{
	if (whole)
		strbuf_printf(out, "%2d %%", (int)(100 * ratio(part, whole)));
	else
		strbuf_puts(out, "NOT AVAIL");
}

static void show_rxqs(const struct worker *w, const struct selection *sel, struct strbuf *out)
{
	const struct poll_list *l = w->polls;
	uint64_t total = used(&w->usage, sel->seconds), by_queues = 0, was_busy;

	thread_title(w, out);
	strbuf_puts(out, "  isolated : false\n");
	for (size_t i = 0; i < l->n; i++) {
		const struct rxq *q = l->v[i];
		uint64_t cycles = used(&q->usage, sel->seconds);

		strbuf_printf(out, "  port: %-16s  queue-id: %2u (enabled)   pmd usage: ",
			      q->port->ref.name, q->queue);
		put_share(out, cycles, total);
		strbuf_putc(out, '\n');
		by_queues += cycles;
	}
	strbuf_puts(out, "  overhead: ");
	was_busy = __atomic_load_n(&w->stats.busy_cycles, __ATOMIC_RELAXED);
	put_share(out, was_busy && total > by_queues ? total - by_queues : 0, total);
	strbuf_putc(out, '\n');
}

static void cmd_rxq_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct selection sel;

	if (!select_threads(conn, argc, argv, &sel))
		return;
	strbuf_printf(&out, "Displaying last %u seconds pmd usage %%\n", sel.seconds);
	show_threads(conn, &sel, show_rxqs, false, &out);
}

// ---- dpif-netdev/pmd-sleep-show ----

static void show_sleep(const struct worker *w, const struct selection *sel, struct strbuf *out)
{
	thread_title(w, out);
	strbuf_printf(out, "  max sleep: %4llu us\n",
		      (unsigned long long)__atomic_load_n(&w->sleep_max_usec, __ATOMIC_RELAXED));
}

static void cmd_sleep_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct selection sel;

	if (!select_threads(conn, argc, argv, &sel))
		return;
	strbuf_printf(&out, "Default max sleep: %4llu us\n",
		      (unsigned long long)(the_dp->sleep_is_set ? the_dp->sleep_max_usec : 0));
	show_threads(conn, &sel, show_sleep, false, &out);
}

// ---- netdev-dummy/... ----

static struct port *dummy_by_name(const char *name)
{
	dp_port_t number;
	struct port *p;

	if (!user_port_by_name(&the_dp->base, name, &number))
		return NULL;
	p = the_dp->ports[number.n];
	return port_is_dummy(p) ? p : NULL;
}

static bool parse_hex(const char *text, struct strbuf *out)
{
	for (; *text; text += 2) {
		int byte = hex_byte(text);

		if (byte < 0)
			return false;
		strbuf_putc(out, byte);
	}
	return out->len >= 14;
}

static bool port_by_name(const char *name, dp_port_t *ret, void *aux)
{
	return user_port_by_name(&the_dp->base, name, ret);
}

enum { PAYLOAD = 64, SHORTEST = 60 };

static bool has_payload(const struct flow_key *k)
{
	return flow_is_ip(k) && (k->nw_proto == IPPROTO_TCP || k->nw_proto == IPPROTO_UDP ||
				 k->nw_proto == IPPROTO_ICMP || k->nw_proto == IPPROTO_ICMPV6);
}

// A packet of 'length' bytes (NULL: with some payload where there can be one).
static int compose(const struct flow_key *key, const uint32_t *length, struct strbuf *out,
		   struct error *err)
{
	size_t headers;

	packet_compose(key, 0, out);
	headers = out->len;
	if (length && (*length < SHORTEST || *length < headers))
		return error_set(err, -EINVAL, "too small packet len");
	strbuf_clear(out);
	packet_compose(key, length ? *length - headers : has_payload(key) ? PAYLOAD : 0, out);
	// Some have headers only.
	if (length && out->len < *length)
		strbuf_put_zeros(out, *length - out->len);
	return 0;
}

// PACKET in hex or FLOW [--len LENGTH] at argv[*i], which then is the last word of it.
static int parse_packet(int argc, const char *const argv[], int *i, struct strbuf *out,
			struct error *err)
{
	const char *text = argv[*i];
	uint32_t length = 0;
	struct match m;

	if (parse_hex(text, out))
		return 0;
	strbuf_clear(out);
	if (dp_key_parse(text, port_by_name, NULL, &m, err))
		return error_wrap(err, "'%s' is neither a packet in hex nor a flow", text);
	if (*i + 1 == argc || strcmp(argv[*i + 1], "--len") != 0)
		return compose(&m.key, NULL, out, err);
	*i += 2;
	if (*i >= argc || !parse_u32(argv[*i], 10, &length) || length > UINT16_MAX)
		return error_set(err, -EINVAL, "%s: --len needs a number of bytes", text);
	return compose(&m.key, &length, out, err);
}

static int receive(struct port *p, uint16_t queue, const struct strbuf *bytes, struct error *err)
{
	struct rte_mempool *pool = eal_pool(MAX(bytes->len, 1500), err);
	struct rte_mbuf *m = pool ? rte_pktmbuf_alloc(pool) : NULL;

	if (!m)
		return error_set(err, -ENOMEM, "no buffer for a packet of %zu bytes", bytes->len);
	memcpy(rte_pktmbuf_append(m, bytes->len), bytes->s, bytes->len);
	if (dummy_port_receive(p, queue, m))
		worker_receive(the_dp->workers[0], p, &m, 1);
	return 0;
}

// "NAME [--qid ID] PACKET|FLOW [--len LENGTH] ...".
static void cmd_dummy_receive(struct appctl_conn *conn, int argc, const char *const argv[],
			      void *aux)
{
	struct port *p = dummy_by_name(argv[1]);
	uint32_t queue = 0;
	int i = 2;

	if (!p) {
		appctl_reply_errorf(conn, "%s: no such dummy netdev", argv[1]);
		return;
	}
	if (i + 1 < argc && !strcmp(argv[i], "--qid")) {
		if (!parse_u32(argv[i + 1], 10, &queue) || queue >= p->n_rxq) {
			appctl_reply_errorf(conn, "%s: no such queue", argv[i + 1]);
			return;
		}
		i += 2;
	}
	for (; i < argc; i++) {
		AUTO(strbuf) bytes = STRBUF_INIT;
		struct error err = ERROR_INIT;

		if (parse_packet(argc, argv, &i, &bytes, &err) || receive(p, queue, &bytes, &err)) {
			appctl_reply_error(conn, err.text);
			return;
		}
	}
	appctl_reply(conn, "");
}

static int set_state(dp_port_t port, bool up, struct error *err)
{
	return user_port_set_admin(&the_dp->base, port, up, err);
}

// "[NAME] up|down".
static void cmd_dummy_admin(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	const char *text = argv[argc - 1];
	struct error err = ERROR_INIT;
	bool up = !strcasecmp(text, "up");

	if (!up && strcasecmp(text, "down")) {
		appctl_reply_errorf(conn, "Invalid Admin State '%s'", text);
		return;
	}
	if (argc > 2) {
		struct port *p = dummy_by_name(argv[1]);

		if (!p || set_state(p->ref.number, up, &err)) {
			appctl_reply_error(conn, p ? err.text : "Unknown Dummy Interface");
			return;
		}
	} else {
		for (unsigned int i = 0; i < MAX_PORTS; i++)
			if (the_dp->ports[i] && port_is_dummy(the_dp->ports[i]))
				set_state(DP_PORT(i), up, &err);
	}
	appctl_reply(conn, "OK");
}

static const struct appctl_command commands[] = {
	{ "dpif-netdev/pmd-stats-show", "[-pmd core] [dp]", 0, 3, cmd_stats_show },
	{ "dpif-netdev/pmd-stats-clear", "[-pmd core] [dp]", 0, 3, cmd_stats_clear },
	{ "dpif-netdev/pmd-perf-show", "[-nh] [-pmd core] [dp]", 0, 4, cmd_perf_show },
	{ "dpif-netdev/pmd-rxq-show", "[-pmd core] [-secs secs] [dp]", 0, 5, cmd_rxq_show },
	{ "dpif-netdev/pmd-sleep-show", "[dp]", 0, 1, cmd_sleep_show },
	{ "netdev-dummy/receive", "name [--qid queue_id] packet|flow [--len packet_len]...", 2, -1,
	  cmd_dummy_receive },
	{ "netdev-dummy/set-admin-state", "[netdev] up|down", 1, 2, cmd_dummy_admin },
};

void commands_register(struct user_datapath *dp)
{
	the_dp = dp;
	appctl_register(commands, ARRAY_SIZE(commands), NULL);
}

void commands_unregister(void)
{
	appctl_unregister(commands, ARRAY_SIZE(commands));
	the_dp = NULL;
}
