// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/eal.h"

#include <ctype.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "core/base/log.h"
#include "core/base/vec.h"

LOG_MODULE(dpdk);

#define DEFAULT_MEMORY_MB 256
#define MBUFS_PER_MB 64
#define POOL_CACHE 256
// Beside the MTU a frame has its Ethernet header and up to two VLAN tags.
#define FRAME_EXTRA 22

struct args {
	char **v;
	size_t n, cap;
};

static struct {
	bool tried;
	struct args args; // DPDK keeps pointers into them for as long as the process lives
	char **argv; // the same words in the order DPDK gave them
	struct error failure; // of the first try
	uint32_t memory_mb;
	char last_line[256]; // of DPDK's log, while it starts
	cpu_set_t cpus;
} eal;

// ---- DPDK's log ----

static enum log_level level_of(int dpdk_level)
{
	if (dpdk_level <= (int)RTE_LOG_CRIT)
		return LEVEL_EMER;
	if (dpdk_level == (int)RTE_LOG_ERR)
		return LEVEL_ERR;
	if (dpdk_level == (int)RTE_LOG_WARNING)
		return LEVEL_WARN;
	return dpdk_level == (int)RTE_LOG_DEBUG ? LEVEL_DBG : LEVEL_INFO;
}

static ssize_t take_log(void *cookie, const char *text, size_t n)
{
	int level = rte_log_cur_msg_loglevel();
	size_t len = n;

	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	if (!len)
		return n;
	if (level > 0 && level <= (int)RTE_LOG_ERR)
		snprintf(eal.last_line, sizeof(eal.last_line), "%.*s", (int)MIN(len, 250), text);
	LOG_AT(level_of(level), "%.*s", (int)len, text);
	return n;
}

static void open_log(void)
{
	cookie_io_functions_t io = { .write = take_log };
	FILE *f = fopencookie(NULL, "w", io);

	if (!f)
		return;
	setvbuf(f, NULL, _IOLBF, 0);
	rte_openlog_stream(f);
}

// ---- Arguments ----

static void args_add(struct args *a, const char *s)
{
	a->v = xgrow(a->v, &a->cap, a->n + 1, sizeof(*a->v));
	a->v[a->n++] = xstrdup(s);
}

static bool args_have(const struct args *a, const char *const *names)
{
	for (; *names; names++)
		for (size_t i = 0; i < a->n; i++)
			if (str_starts(a->v[i], *names))
				return true;
	return false;
}

// One word into 'word'; returns what is left, NULL for an open quote.
static const char *split_word(const char *s, struct strbuf *word)
{
	char quote = 0;

	for (; *s; s++) {
		if (quote && *s == quote) {
			quote = 0;
		} else if (!quote && (*s == '\'' || *s == '"')) {
			quote = *s;
		} else if (!quote && isspace((unsigned char)*s)) {
			break;
		} else {
			if (*s == '\\' && quote != '\'' && s[1])
				s++;
			strbuf_putc(word, *s);
		}
	}
	return quote ? NULL : s;
}

int eal_split_args(const char *text, char ***argv, size_t *n, size_t *cap, struct error *err)
{
	AUTO(strbuf) word = STRBUF_INIT;
	const char *s = text;
	int count = 0;

	for (;;) {
		while (isspace((unsigned char)*s))
			s++;
		if (!*s)
			return count;
		strbuf_clear(&word);
		s = split_word(s, &word);
		if (!s)
			return error_set(err, -EINVAL, "'%s': a quote is not closed", text);
		*argv = xgrow(*argv, cap, *n + 1, sizeof(**argv));
		(*argv)[(*n)++] = xstrdup(strbuf_cstr(&word));
		count++;
	}
}

size_t eal_cpus(int **ret)
{
	VEC(int) cpus = VEC_INIT;

	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &eal.cpus))
			VEC_PUSH(&cpus, i);
	*ret = cpus.v;
	return cpus.n;
}

static int first_cpu(void)
{
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &eal.cpus))
			return i;
	return 0;
}

static uint32_t memory_of(const char *socket_mem)
{
	uint32_t sum = 0;

	for (const char *s = socket_mem; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
		sum += strtoul(s, NULL, 10);
	return sum;
}

// What dpdk-extra says of memory: -m 512, -m512, --socket-mem 512,512 or --socket-mem=512; 0 when it does not.
static uint32_t memory_in_args(const struct args *a)
{
	static const char *const options[] = { "--socket-mem", "-m" };
	uint32_t mb = 0;

	for (size_t i = 0; i < a->n; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(options); j++) {
			const char *s = a->v[i];

			if (!str_starts(s, options[j]))
				continue;
			s += strlen(options[j]);
			if (!*s)
				s = i + 1 < a->n ? a->v[i + 1] : "";
			mb = memory_of(*s == '=' ? s + 1 : s);
			break;
		}
	}
	return mb;
}

static void add_memory_args(struct args *a, const struct datapath_config *c)
{
	static const char *const memory[] = { "--no-huge", "-m", "--socket-mem", "--in-memory",
					      NULL };
	static const char *const devices[] = { "-a", "--allow", "-b", "--block", "--no-pci", NULL };
	char text[32];

	eal.memory_mb = DEFAULT_MEMORY_MB;
	if (c->socket_mem) {
		args_add(a, "--socket-mem");
		args_add(a, c->socket_mem);
		eal.memory_mb = MAX(memory_of(c->socket_mem), 64);
	} else if (!args_have(a, memory)) {
		snprintf(text, sizeof(text), "%u", eal.memory_mb);
		args_add(a, "--no-huge");
		args_add(a, "--no-shconf");
		args_add(a, "-m");
		args_add(a, text);
		// Without hugepages there is no memory that a PCI device could reach.
		if (!args_have(a, devices))
			args_add(a, "--no-pci");
	} else if (memory_in_args(a)) {
		eal.memory_mb = MAX(memory_in_args(a), 64);
	}
	if (!args_have(a, devices)) {
		// Matches nothing: devices are attached when a port asks for them, not all at start.
		args_add(a, "-a");
		args_add(a, "0000:00:00.0");
	}
}

static int make_args(struct args *a, const struct datapath_config *c, struct error *err)
{
	static const char *const lcores[] = { "-c", "-l", "--lcores", NULL };
	static const char *const prefix[] = { "--file-prefix", NULL };
	static const char *const telemetry[] = { "--telemetry", "--no-telemetry", NULL };
	char text[64];
	int n;

	args_add(a, program_name ? program_name : "openeswitch");
	if (c->extra_eal_args) {
		n = eal_split_args(c->extra_eal_args, &a->v, &a->n, &a->cap, err);
		if (n < 0)
			return error_wrap(err, "dpdk-extra");
	}
	if (c->lcore_mask) {
		args_add(a, "-c");
		args_add(a, c->lcore_mask);
	} else if (!args_have(a, lcores)) {
		snprintf(text, sizeof(text), "0@%d", first_cpu());
		args_add(a, "--lcores");
		args_add(a, text);
	}
	add_memory_args(a, c);
	if (!args_have(a, telemetry))
		args_add(a, "--no-telemetry");
	if (!args_have(a, prefix)) {
		snprintf(text, sizeof(text), "--file-prefix=openeswitch-%d", (int)getpid());
		args_add(a, text);
	}
	return 0;
}

static void log_args(const struct args *a)
{
	AUTO(strbuf) text = STRBUF_INIT;

	for (size_t i = 1; i < a->n; i++)
		strbuf_printf(&text, " %s", a->v[i]);
	log_info("%s starts with arguments%s", rte_version(), strbuf_cstr(&text));
}

static int start(const struct datapath_config *config, struct error *err)
{
	struct args *a = &eal.args;
	int ret = make_args(a, config, err);

	if (!ret) {
		log_args(a);
		eal.argv = xcalloc(a->n + 1, sizeof(*eal.argv));
		memcpy(eal.argv, a->v, a->n * sizeof(*eal.argv));
		open_log();
		ret = rte_eal_init(a->n, eal.argv);
		// The main lcore has been pinned; this thread is also the process's main thread, so let it go again.
		pthread_setaffinity_np(pthread_self(), sizeof(eal.cpus), &eal.cpus);
		if (ret >= 0)
			return 0;
		return error_set(err, rte_errno ? -rte_errno : -EINVAL,
				 "DPDK cannot be started: %s%s%s (restart after a change)",
				 rte_strerror(rte_errno), eal.last_line[0] ? ": " : "",
				 eal.last_line);
	}
	return ret;
}

int eal_start(const struct datapath_config *config, struct error *err)
{
	if (!eal.tried) {
		eal.tried = true;
		if (pthread_getaffinity_np(pthread_self(), sizeof(eal.cpus), &eal.cpus))
			CPU_SET(0, &eal.cpus);
		start(config, &eal.failure);
	}
	if (!eal.failure.code)
		return 0;
	return error_set(err, eal.failure.code, "%s", eal.failure.text);
}

const char *datapath_version(void)
{
	return rte_version();
}

// ---- Buffers ----

struct rte_mempool *eal_pool(uint32_t mtu, struct error *err)
{
	// A handful of sizes, so that ports of about the same MTU share.
	static const uint32_t sizes[] = { 2048, 4096, 9728, 16384, 65280 - RTE_PKTMBUF_HEADROOM };
	uint32_t size = 0, count;
	struct rte_mempool *pool;
	char name[32];

	for (size_t i = 0; i < ARRAY_SIZE(sizes) && !size; i++)
		if (mtu + FRAME_EXTRA <= sizes[i])
			size = sizes[i];
	if (!size) {
		error_set(err, -EINVAL, "MTU %u is too large", mtu);
		return NULL;
	}
	snprintf(name, sizeof(name), "mbufs-%u", size);
	pool = rte_mempool_lookup(name);
	if (pool)
		return pool;
	// Larger buffers, fewer of them: a pool never takes more than about a fifth of the memory.
	count = MAX(eal.memory_mb * MBUFS_PER_MB * 2048 / size, 512);
	pool = rte_pktmbuf_pool_create(name, count - 1, MIN(POOL_CACHE, count / 8), 0,
				       size + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (!pool)
		error_set(err, -rte_errno, "no memory for %u packet buffers of %u bytes: %s", count,
			  size, rte_strerror(rte_errno));
	return pool;
}

// ---- Threads ----

bool eal_thread_begin(int core)
{
	cpu_set_t set;
	int ret;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	ret = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (ret)
		log_warn("thread cannot run on core %d (%s), it runs where it may", core,
			 strerror(ret));
	if (rte_thread_register() < 0)
		log_warn("DPDK does not take another thread (%s): its buffer caches are not used",
			 rte_strerror(rte_errno));
	return !ret;
}

void eal_thread_end(void)
{
	rte_thread_unregister();
}
