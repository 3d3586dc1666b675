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
#include "datapath/user/eal-args.h"

LOG_MODULE(dpdk);

#define MBUFS_PER_MB 64
#define POOL_CACHE 256
// Beside the MTU a frame has its Ethernet header and up to two VLAN tags.
#define FRAME_EXTRA 22

static struct {
	bool tried;
	bool starting; // relaxed
	struct eal_args args; // DPDK keeps pointers into them for as long as the process lives
	char **argv; // the same words in the order DPDK gave them
	struct error failure; // of the first try
	char last_line[256]; // of DPDK's log, while it starts
	cpu_set_t cpus;
	char *noted; // arguments that a restart would bring, when last looked at
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
	if (__atomic_load_n(&eal.starting, __ATOMIC_RELAXED) && level > 0 &&
	    level <= (int)RTE_LOG_ERR)
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

// ---- Starting ----

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

static void log_args(const struct eal_args *a)
{
	AUTO_FREE char *text = eal_args_text(a);

	log_info("%s starts with arguments%s", rte_version(), text);
}

// Irrevocable, whatever comes of it.
static int start(struct error *err)
{
	struct eal_args *a = &eal.args;
	int ret;

	log_args(a);
	eal.argv = xcalloc(a->n + 1, sizeof(*eal.argv));
	memcpy(eal.argv, a->v, a->n * sizeof(*eal.argv));
	open_log();
	__atomic_store_n(&eal.starting, true, __ATOMIC_RELAXED);
	ret = rte_eal_init(a->n, eal.argv);
	__atomic_store_n(&eal.starting, false, __ATOMIC_RELAXED);
	// The main lcore has been pinned; this thread is also the process's main thread, so let it go again.
	pthread_setaffinity_np(pthread_self(), sizeof(eal.cpus), &eal.cpus);
	if (ret >= 0)
		return 0;
	return error_set(err, rte_errno ? -rte_errno : -EINVAL,
			 "DPDK cannot be started: %s%s%s (restart after a change)",
			 rte_strerror(rte_errno), eal.last_line[0] ? ": " : "", eal.last_line);
}

int eal_start(const struct datapath_config *config, struct error *err)
{
	if (!eal.tried) {
		int ret;

		if (pthread_getaffinity_np(pthread_self(), sizeof(eal.cpus), &eal.cpus))
			CPU_SET(0, &eal.cpus);
		ret = eal_args_make(&eal.args, config, first_cpu(), err);
		if (ret)
			return ret;
		eal.tried = true;
		start(&eal.failure);
	}
	if (!eal.failure.code)
		return 0;
	return error_set(err, eal.failure.code, "%s", eal.failure.text);
}

void eal_note_change(const struct datapath_config *config)
{
	struct eal_args now = { .n = 0 };
	struct error err = ERROR_INIT;
	AUTO_FREE char *text = NULL, *running = eal_args_text(&eal.args);

	if (eal_args_make(&now, config, first_cpu(), &err))
		text = xasprintf(" (%s)", err.text);
	else
		text = eal_args_text(&now);
	eal_args_free(&now);
	if (strcmp(text, running) && (!eal.noted || strcmp(text, eal.noted)))
		log_warn("DPDK runs with%s; after a restart it will with%s", running, text);
	free(eal.noted);
	eal.noted = xstrdup(text);
}

const char *datapath_version(void)
{
	return rte_version();
}

// ---- Buffers ----

// A handful of sizes, so that ports of about the same MTU share.
static const uint32_t pool_sizes[] = { 2048, 4096, 9728, 16384, 65280 - RTE_PKTMBUF_HEADROOM };
// Pools that have been found stay for good.
static struct rte_mempool *_Atomic pools[ARRAY_SIZE(pool_sizes)];

static struct rte_mempool *find_pool(uint32_t size, struct error *err)
{
	struct rte_mempool *pool;
	uint32_t count;
	char name[32];

	snprintf(name, sizeof(name), "mbufs-%u", size);
	pool = rte_mempool_lookup(name);
	if (pool)
		return pool;
	// Larger buffers, fewer of them: a pool never takes more than about a fifth of the memory.
	count = MAX(eal.args.memory_mb * MBUFS_PER_MB * 2048 / size, 512);
	pool = rte_pktmbuf_pool_create(name, count - 1, MIN(POOL_CACHE, count / 8), 0,
				       size + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (!pool)
		error_set(err, -rte_errno, "no memory for %u packet buffers of %u bytes: %s", count,
			  size, rte_strerror(rte_errno));
	return pool;
}

struct rte_mempool *eal_pool(uint32_t mtu, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(pool_sizes); i++)
		if (mtu + FRAME_EXTRA <= pool_sizes[i]) {
			struct rte_mempool *pool = atomic_load(&pools[i]);

			if (!pool)
				atomic_store(&pools[i], pool = find_pool(pool_sizes[i], err));
			return pool;
		}
	error_set(err, -EINVAL, "MTU %u is too large", mtu);
	return NULL;
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
