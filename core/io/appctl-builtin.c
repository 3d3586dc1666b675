// SPDX-License-Identifier: Apache-2.0
// Control commands that every daemon has: logging, counters, memory, the virtual clock.
#include <stdio.h>
#include <sys/resource.h>

#include "core/base/clock.h"
#include "core/base/counters.h"
#include "core/base/log.h"
#include "core/base/vec.h"
#include "core/io/appctl-private.h"

LOG_MODULE(builtin);

static void vlog_set(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct error err = ERROR_INIT;

	// With no argument at all the user asks for everything.
	for (int i = 1; i < MAX(argc, 2); i++) {
		if (log_set(argc > 1 ? argv[i] : NULL, &err) < 0) {
			appctl_reply_error(conn, err.text);
			return;
		}
	}
	appctl_reply(conn, "");
}

static void vlog_list(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;

	log_list(&out);
	appctl_reply(conn, out.s);
}

static void vlog_list_pattern(struct appctl_conn *conn, int argc, const char *const argv[],
			      void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;

	log_list_pattern(&out);
	appctl_reply(conn, out.s);
}

static void vlog_reopen(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	struct error err = ERROR_INIT;

	if (log_reopen_file(&err) < 0)
		appctl_reply_error(conn, err.text);
	else
		appctl_reply(conn, "");
}

static void vlog_close(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	log_close_file();
	appctl_reply(conn, "");
}

// One limit for all modules: there is no list of single ones to choose from.
static void vlog_rate_limit(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	if (argc > 1 && strcmp(argv[1], "any")) {
		appctl_reply_errorf(conn, "%s: only all modules together (no argument, or \"any\")",
				    argv[1]);
		return;
	}
	log_set_rate_limits(!strcmp(argv[0], "vlog/enable-rate-limit"));
	appctl_reply(conn, "");
}

static void coverage_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;

	counters_show(&out);
	appctl_reply(conn, out.s);
}

static void coverage_read(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	int c = counter_find(argv[1]);

	if (c < 0) {
		appctl_reply_error(conn, "No such counter");
		return;
	}
	AUTO_FREE char *text = xasprintf("%llu", (unsigned long long)counter_total(c));
	appctl_reply(conn, text);
}

struct memory_reporter {
	void (*cb)(struct smap *usage, void *aux);
	void *aux;
};

static VEC(struct memory_reporter) reporters;

void appctl_add_memory_report(void (*cb)(struct smap *usage, void *aux), void *aux)
{
	VEC_PUSH(&reporters, ((struct memory_reporter){ cb, aux }));
}

static void memory_show(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct memory_reporter *m;
	struct smap_node **sorted;
	struct smap usage;

	smap_init(&usage);
	VEC_FOR_EACH (m, &reporters)
		m->cb(&usage, m->aux);
	sorted = smap_sorted(&usage);
	for (size_t i = 0; i < smap_count(&usage); i++)
		strbuf_printf(&out, "%s%s:%s", i ? " " : "", sorted[i]->key, sorted[i]->value);
	free(sorted);
	smap_uninit(&usage);
	appctl_reply(conn, strbuf_cstr(&out));
}

static void time_stop(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	clock_stop();
	appctl_reply(conn, "");
}

// time/warp [LARGE_MSECS] MSECS: advances by MSECS, or by LARGE_MSECS in all, MSECS at a time with a loop iteration between.
struct warp {
	struct appctl_conn *conn;
	int64_t left, step;
	struct loop *loop;
};

static struct loop *warp_loop;

static void warp_on(void *aux)
{
	struct warp *w = aux;
	int64_t now = MIN(w->left, w->step);

	if (!w->left) {
		appctl_reply(w->conn, "warped");
		free(w);
		return;
	}
	w->left -= now;
	clock_advance(now);
	loop_post(w->loop, warp_on, w);
}

static void time_warp(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	int64_t total, step;

	if (!parse_i64(argv[argc - 1], 10, &step) || step <= 0) {
		appctl_reply_error(conn, "invalid MSECS");
		return;
	}
	total = step;
	if (argc > 2 && (!parse_i64(argv[1], 10, &total) || total <= 0)) {
		appctl_reply_error(conn, "invalid MSECS");
		return;
	}
	struct warp *w = xzalloc(sizeof(*w));
	*w = (struct warp){ conn, total, step, warp_loop };
	warp_on(w);
}

static const struct appctl_command commands[] = {
	{ "vlog/set", "{spec | PATTERN:destination:pattern}", 0, -1, vlog_set },
	{ "vlog/list", "", 0, 0, vlog_list },
	{ "vlog/list-pattern", "", 0, 0, vlog_list_pattern },
	{ "vlog/reopen", "", 0, 0, vlog_reopen },
	{ "vlog/close", "", 0, 0, vlog_close },
	{ "vlog/enable-rate-limit", "[any]", 0, 1, vlog_rate_limit },
	{ "vlog/disable-rate-limit", "[any]", 0, 1, vlog_rate_limit },
	{ "coverage/show", "", 0, 0, coverage_show },
	{ "coverage/read-counter", "COUNTER", 1, 1, coverage_read },
	{ "memory/show", "", 0, 0, memory_show },
	{ "time/stop", "", 0, 0, time_stop },
	{ "time/warp", "[large_msecs] msecs", 1, 2, time_warp },
};

static void on_tick(struct timer *t)
{
	counters_tick();
	timer_in(t, 5000);
}

void appctl_register_builtin(struct loop *l)
{
	static struct timer tick;

	warp_loop = l;
	timer_init(&tick, l, on_tick);
	timer_in(&tick, 5000);
	appctl_register(commands, ARRAY_SIZE(commands), NULL);
}
