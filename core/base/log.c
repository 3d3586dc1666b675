// SPDX-License-Identifier: Apache-2.0
#include "core/base/log.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"

static const char *const level_names[LEVEL_MAX] = { "OFF", "EMER", "ERR", "WARN", "INFO", "DBG" };
static const char *const dest_names[DEST_MAX] = { "syslog", "console", "file" };
static const int syslog_levels[LEVEL_MAX] = { 0,	   LOG_ALERT, LOG_ERR,
					      LOG_WARNING, LOG_INFO,  LOG_DEBUG };

static struct list modules = LIST_INIT(&modules);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // modules' levels, patterns, file
static char *patterns[DEST_MAX];
static uint8_t default_level[DEST_MAX] = { LEVEL_INFO, LEVEL_INFO, LEVEL_INFO };
static int log_fd = -1;
static char *log_path;
static bool console_detached, rate_limits = true;
static bool syslog_off;
static unsigned int sequence;
static __thread unsigned int thread_sequence;
static __thread char thread_name[32];

static const char *pattern_of(enum log_dest d)
{
	static const char *const defaults[DEST_MAX] = {
		[DEST_SYSLOG] = "ovs|%05N|%c%T|%p|%m",
		[DEST_CONSOLE] = "%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m",
		[DEST_FILE] = "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m",
	};

	return patterns[d] ? patterns[d] : defaults[d];
}

static void update_max(struct log_module *m)
{
	m->max = LEVEL_OFF;
	for (int d = 0; d < DEST_MAX; d++)
		if ((d != DEST_FILE || log_fd >= 0) && (d != DEST_SYSLOG || !syslog_off))
			m->max = MAX(m->max, m->level[d]);
}

static void update_all(void)
{
	struct log_module *m;

	LIST_FOR_EACH (m, node, &modules)
		update_max(m);
}

void log_module_register(struct log_module *m)
{
	memcpy(m->level, default_level, sizeof(m->level));
	update_max(m);
	list_push_back(&modules, &m->node);
}

static void put_date(struct strbuf *out, const char *fmt, size_t n, bool utc)
{
	int64_t wall = clock_wall_msec();
	time_t sec = wall / 1000;
	char f[64], text[96], *hashes;
	struct tm tm;

	snprintf(f, sizeof(f), "%.*s", (int)n, fmt);
	if (utc)
		gmtime_r(&sec, &tm);
	else
		localtime_r(&sec, &tm);
	strftime(text, sizeof(text), f, &tm);
	hashes = strstr(text, "###");
	if (hashes) {
		char ms[8];

		snprintf(ms, sizeof(ms), "%03u", (unsigned int)(wall % 1000));
		memcpy(hashes, ms, 3);
	}
	strbuf_puts(out, text);
}

// Puts 'text' in a field of at least 'width' characters.
static void put_field(struct strbuf *out, const char *text, int width, bool left, bool zero)
{
	int pad = width - (int)strlen(text);

	if (!left && pad > 0)
		strbuf_putc_n(out, zero ? '0' : ' ', pad);
	strbuf_puts(out, text);
	if (left && pad > 0)
		strbuf_putc_n(out, ' ', pad);
}

static const char *put_date_directive(struct strbuf *out, const char *p, bool utc)
{
	const char *end = p[1] == '{' ? strchr(p, '}') : NULL;

	if (!end) {
		put_date(out, "%Y-%m-%d %H:%M:%S.###", 21, utc);
		return p;
	}
	put_date(out, p + 2, end - p - 2, utc);
	return end;
}

static void format_line(struct strbuf *out, const char *pattern, const struct log_module *m,
			enum log_level level, const char *message)
{
	for (const char *p = pattern; *p; p++) {
		bool left = false, zero = false;
		char num[24];
		int width = 0;

		if (*p != '%') {
			strbuf_putc(out, *p);
			continue;
		}
		for (p++; *p == '-' || *p == '0'; p++)
			*(*p == '-' ? &left : &zero) = true;
		for (; isdigit((unsigned char)*p); p++)
			width = width * 10 + *p - '0';
		switch (*p) {
		case 'A':
			put_field(out, program_name, width, left, false);
			break;
		case 'c':
			put_field(out, m->name, width, left, false);
			break;
		case 'd':
		case 'D':
			p = put_date_directive(out, p, *p == 'D');
			break;
		case 'm':
			put_field(out, message, width, left, false);
			break;
		case 'N':
			snprintf(num, sizeof(num), "%u",
				 thread_sequence ? thread_sequence : sequence);
			put_field(out, num, width, left, zero);
			break;
		case 'n':
			strbuf_putc(out, '\n');
			break;
		case 'p':
			put_field(out, level_names[level], width, left, false);
			break;
		case 'P':
			snprintf(num, sizeof(num), "%ld", (long)getpid());
			put_field(out, num, width, left, zero);
			break;
		case 'r':
			snprintf(num, sizeof(num), "%lld", (long long)clock_msec());
			put_field(out, num, width, left, zero);
			break;
		case 't':
			put_field(out, thread_name[0] ? thread_name : "main", width, left, false);
			break;
		case 'T':
			if (thread_name[0])
				strbuf_printf(out, "(%s)", thread_name);
			break;
		case '\0':
			return;
		default:
			strbuf_putc(out, *p);
		}
	}
}

static void write_all(int fd, const struct strbuf *line)
{
	if (write(fd, line->s, line->len) < 0)
		return; // nowhere left to report it
}

void log_write(struct log_module *m, enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, fmt);
	char *message = xvasprintf(fmt, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	sequence++;
	for (int d = 0; d < DEST_MAX; d++) {
		struct strbuf line = STRBUF_INIT;

		if (level > m->level[d])
			continue;
		if (d == DEST_CONSOLE && console_detached)
			continue;
		if ((d == DEST_FILE && log_fd < 0) || (d == DEST_SYSLOG && syslog_off))
			continue;
		format_line(&line, pattern_of(d), m, level, message);
		if (d == DEST_SYSLOG) {
			syslog(syslog_levels[level] | LOG_DAEMON, "%s", line.s);
		} else {
			strbuf_putc(&line, '\n');
			write_all(d == DEST_FILE ? log_fd : STDERR_FILENO, &line);
		}
		strbuf_uninit(&line);
	}
	pthread_mutex_unlock(&lock);
	free(message);
	errno = saved;
}

bool log_limit_pass(struct log_module *m, enum log_level level, struct log_limit *l)
{
	int64_t now = clock_msec();
	uint32_t dropped = 0;
	bool pass;

	if (!rate_limits)
		return true;
	pthread_mutex_lock(&lock);
	uint64_t earned = (uint64_t)(now - l->last) * l->rate / 60000;
	if (earned) {
		l->tokens = MIN(l->tokens + earned, (uint64_t)l->burst);
		l->last = now;
	}
	pass = l->tokens > 0;
	if (pass) {
		l->tokens--;
		dropped = l->dropped;
		l->dropped = 0;
	} else {
		l->dropped++;
	}
	pthread_mutex_unlock(&lock);
	if (dropped)
		log_write(m, level, "%u similar messages were left out because of the rate limit",
			  dropped);
	return pass;
}

static int find_name(const char *const *names, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (!strcasecmp(names[i], word))
			return i;
	return -1;
}

static struct log_module *find_module(const char *name)
{
	struct log_module *m;

	LIST_FOR_EACH (m, node, &modules)
		if (!strcasecmp(m->name, name))
			return m;
	return NULL;
}

static void set_level(struct log_module *only, int dest, enum log_level level)
{
	struct log_module *m;

	LIST_FOR_EACH (m, node, &modules) {
		if (only && m != only)
			continue;
		for (int d = 0; d < DEST_MAX; d++)
			if (dest < 0 || dest == d)
				m->level[d] = level;
		update_max(m);
	}
	for (int d = 0; d < DEST_MAX; d++)
		if (!only && (dest < 0 || dest == d))
			default_level[d] = level;
}

static int set_pattern(char *spec, struct error *err)
{
	char *colon = strchr(spec, ':');
	int d;

	if (!colon)
		return error_set(err, -EINVAL, "missing pattern after PATTERN:destination");
	*colon = '\0';
	d = find_name(dest_names, DEST_MAX, spec);
	if (d < 0 && strcasecmp(spec, "any"))
		return error_set(err, -EINVAL, "destination \"%s\" does not exist", spec);
	for (int i = 0; i < DEST_MAX; i++) {
		if (d >= 0 && i != d)
			continue;
		free(patterns[i]);
		patterns[i] = xstrdup(colon + 1);
	}
	return 0;
}

static int apply_words(char *spec, struct error *err)
{
	struct log_module *module = NULL;
	int dest = -1, level = -1;
	char *save;

	for (char *w = strtok_r(spec, " ,:\t", &save); w; w = strtok_r(NULL, " ,:\t", &save)) {
		int l = find_name(level_names, LEVEL_MAX, w),
		    d = find_name(dest_names, DEST_MAX, w);
		struct log_module *m = find_module(w);

		if (!strcasecmp(w, "any"))
			continue;
		if (l < 0 && d < 0 && !m)
			return error_set(err, -EINVAL, "no destination, level, or module \"%s\"",
					 w);
		if ((l >= 0 && level >= 0) || (d >= 0 && dest >= 0) || (l < 0 && d < 0 && module))
			return error_set(
				err, -EINVAL,
				"cannot specify two levels, destinations or modules: \"%s\"", w);
		if (l >= 0)
			level = l;
		else if (d >= 0)
			dest = d;
		else
			module = m;
	}
	set_level(module, dest, level < 0 ? LEVEL_DBG : (enum log_level)level);
	return 0;
}

int log_set(const char *spec, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(spec ? spec : "");
	int ret;

	pthread_mutex_lock(&lock);
	if (!strncasecmp(copy, "PATTERN:", 8))
		ret = set_pattern(copy + 8, err);
	else
		ret = apply_words(copy, err);
	pthread_mutex_unlock(&lock);
	return ret;
}

static int module_by_name(const void *a, const void *b)
{
	return strcmp((*(struct log_module *const *)a)->name,
		      (*(struct log_module *const *)b)->name);
}

void log_list(struct strbuf *out)
{
	size_t n = list_size(&modules), i = 0;
	struct log_module **sorted = xcalloc(n, sizeof(*sorted)), *m;

	LIST_FOR_EACH (m, node, &modules)
		sorted[i++] = m;
	qsort(sorted, n, sizeof(*sorted), module_by_name);
	strbuf_puts(out, "                 console    syslog    file\n");
	strbuf_puts(out, "                 -------    ------    ------\n");
	for (i = 0; i < n; i++)
		strbuf_printf(out, "%-16s  %4s       %4s       %4s\n", sorted[i]->name,
			      level_names[sorted[i]->level[DEST_CONSOLE]],
			      level_names[sorted[i]->level[DEST_SYSLOG]],
			      level_names[sorted[i]->level[DEST_FILE]]);
	free(sorted);
}

void log_list_pattern(struct strbuf *out)
{
	strbuf_puts(out, "         Format\n         ------\n");
	for (int d = DEST_MAX - 1; d >= 0; d--)
		strbuf_printf(out, "%-8s %s\n", dest_names[d], pattern_of(d));
}

int log_set_file(const char *path, struct error *err)
{
	char *name =
		path ? xstrdup(path)
		     : xasprintf("%s/%s.log", getenv("OVS_LOGDIR") ? getenv("OVS_LOGDIR") : LOGDIR,
				 program_name);
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

	if (fd < 0) {
		int e = -errno;

		error_set(err, e, "%s: failed to open log file (%s)", name, strerror(-e));
		free(name);
		return e;
	}
	pthread_mutex_lock(&lock);
	if (log_fd >= 0)
		close(log_fd);
	log_fd = fd;
	free(log_path);
	log_path = name;
	update_all();
	pthread_mutex_unlock(&lock);
	return 0;
}

int log_reopen_file(struct error *err)
{
	AUTO_FREE char *path = log_path ? xstrdup(log_path) : NULL;

	if (!path)
		return error_set(err, -ENOENT, "Logging to file not configured");
	return log_set_file(path, err);
}

void log_close_file(void)
{
	pthread_mutex_lock(&lock);
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
	update_all();
	pthread_mutex_unlock(&lock);
}

void log_detach_console(void)
{
	console_detached = true;
}

void log_set_thread_name(const char *name)
{
	snprintf(thread_name, sizeof(thread_name), "%s", name ? name : "");
}

void log_set_rate_limits(bool enabled)
{
	rate_limits = enabled;
}

bool log_handle_option(int c, const char *arg)
{
	struct error err = ERROR_INIT;
	int ret = 0;

	switch (c) {
	case 'v':
		ret = log_set(arg, &err);
		break;
	case OPT_LOG_FILE:
		ret = log_set_file(arg, &err);
		break;
	case OPT_SYSLOG_METHOD:
		syslog_off = !strcmp(arg, "null");
		if (!syslog_off && strcmp(arg, "libc"))
			fatal(0, "--syslog-method=%s: only \"libc\" and \"null\" are supported",
			      arg);
		update_all();
		break;
	default:
		return false;
	}
	if (ret < 0)
		fatal(0, "%s", err.text);
	return true;
}

void log_usage(void)
{
	printf("\nLogging options:\n"
	       "  -vSPEC, --verbose=SPEC   set logging levels\n"
	       "  -v, --verbose            set maximum verbosity level\n"
	       "  --log-file[=FILE]        enable logging to specified FILE\n"
	       "                           (default: %s/%s.log)\n"
	       "  --syslog-method=(libc|null)\n"
	       "                           how to send messages to syslog\n",
	       LOGDIR, program_name);
}
