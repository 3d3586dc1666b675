// SPDX-License-Identifier: Apache-2.0
// Logging by module, level and destination, with the module/level/destination handling and the line
// pattern that users of ovs-vswitchd know (--verbose, --log-file, vlog/set, vlog/list).
//
// Each file that logs begins with LOG_MODULE(name). Thread-safe. Packet paths do not log, they count.
#pragma once

#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/strbuf.h"

enum log_level { LEVEL_OFF, LEVEL_EMER, LEVEL_ERR, LEVEL_WARN, LEVEL_INFO, LEVEL_DBG, LEVEL_MAX };
enum log_dest { DEST_SYSLOG, DEST_CONSOLE, DEST_FILE, DEST_MAX };

struct log_module {
	const char *name;
	struct list node;
	uint8_t level[DEST_MAX];
	uint8_t max; // the most verbose of level[]
};

// Token bucket: 'rate' messages a minute on average, 'burst' at once; the first message after a
// silence says how many were left out.
struct log_limit {
	uint32_t rate, burst;
	uint32_t tokens, dropped;
	int64_t last;
};

#define LOG_LIMIT_INIT(RATE, BURST) \
	{ \
		.rate = (RATE), .burst = (BURST), .tokens = (BURST) \
	}

#define LOG_MODULE(NAME) \
	static struct log_module log_module_ = { .name = #NAME }; \
	__attribute__((constructor)) static void log_module_init_(void) \
	{ \
		log_module_register(&log_module_); \
	} \
	struct log_module

#define LOG_IS_ON(LEVEL) (log_module_.max >= (LEVEL))
#define LOG_AT(LEVEL, ...) \
	do { \
		if (LOG_IS_ON(LEVEL)) \
			log_write(&log_module_, LEVEL, __VA_ARGS__); \
	} while (0)
#define log_emer(...) LOG_AT(LEVEL_EMER, __VA_ARGS__)
#define log_err(...) LOG_AT(LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) LOG_AT(LEVEL_WARN, __VA_ARGS__)
#define log_info(...) LOG_AT(LEVEL_INFO, __VA_ARGS__)
#define log_dbg(...) LOG_AT(LEVEL_DBG, __VA_ARGS__)
#define LOG_LIMITED_AT(LIMIT, LEVEL, ...) \
	do { \
		if (LOG_IS_ON(LEVEL) && log_limit_pass(&log_module_, LEVEL, LIMIT)) \
			log_write(&log_module_, LEVEL, __VA_ARGS__); \
	} while (0)
// 'LIMIT' is a struct log_limit *.
#define log_err_limited(LIMIT, ...) LOG_LIMITED_AT(LIMIT, LEVEL_ERR, __VA_ARGS__)
#define log_warn_limited(LIMIT, ...) LOG_LIMITED_AT(LIMIT, LEVEL_WARN, __VA_ARGS__)
#define log_info_limited(LIMIT, ...) LOG_LIMITED_AT(LIMIT, LEVEL_INFO, __VA_ARGS__)
#define log_dbg_limited(LIMIT, ...) LOG_LIMITED_AT(LIMIT, LEVEL_DBG, __VA_ARGS__)

void log_module_register(struct log_module *m);
void log_write(struct log_module *m, enum log_level level, const char *fmt, ...) PRINTF(3, 4);
bool log_limit_pass(struct log_module *m, enum log_level level, struct log_limit *l);

// Applies what --verbose and vlog/set take: "[module][:destination][:level]" in any order, several
// separated by spaces or commas, or "PATTERN:destination:pattern". Empty or NULL: everything to dbg on all.
int log_set(const char *spec, struct error *err);
// The table vlog/list prints.
void log_list(struct strbuf *out);
void log_list_pattern(struct strbuf *out);
// Opens 'path' for appending (NULL: LOGDIR/PROGRAM.log); closes the one before.
int log_set_file(const char *path, struct error *err);
// vlog/reopen and vlog/close.
int log_reopen_file(struct error *err);
void log_close_file(void);
// The console (stderr) is silenced once a daemon has detached.
void log_detach_console(void);
// Shown in lines as "|(name)"; each thread names itself; NULL for main.
void log_set_thread_name(const char *name);
// Rate limiting on or off for every module (vlog/enable-rate-limit).
void log_set_rate_limits(bool enabled);

// --verbose/-v, --log-file, --syslog-target...: the option table shared by all programs.
#define LOG_LONG_OPTIONS \
	{ "verbose", optional_argument, NULL, 'v' }, \
		{ "log-file", optional_argument, NULL, OPT_LOG_FILE }, \
	{ \
		"syslog-method", required_argument, NULL, OPT_SYSLOG_METHOD \
	}
enum { OPT_LOG_FILE = 0x4000, OPT_SYSLOG_METHOD, OPT_LOG_MAX };
// True when 'c' was one of ours and has been carried out (exits with a message on bad arguments).
bool log_handle_option(int c, const char *arg);
// The "Logging options:" block of --help.
void log_usage(void);
