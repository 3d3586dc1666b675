// SPDX-License-Identifier: Apache-2.0
#include "core/base/util.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/base/hash.h"

const char *program_name = "openeswitch";

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "%s: out of memory\n", program_name);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return must(malloc(size ? size : 1));
}

void *xzalloc(size_t size)
{
	return must(calloc(1, size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return must(realloc(p, size ? size : 1));
}

void *xgrow(void *p, size_t *cap, size_t need, size_t size)
{
	size_t n = *cap ? *cap : 8;

	if (need <= *cap)
		return p;
	while (n < need)
		n *= 2;
	*cap = n;
	return must(reallocarray(p, n, size));
}

char *xstrdup(const char *s)
{
	return must(strdup(s));
}

bool str_replace(char **kept, const char *now)
{
	if (!strcmp(*kept ? *kept : "", now))
		return false;
	free(*kept);
	*kept = xstrdup(now);
	return true;
}

char *xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

void *xmemdup(const void *p, size_t size)
{
	void *copy = xmalloc(size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *xvasprintf(const char *fmt, va_list args)
{
	char *s;

	if (vasprintf(&s, fmt, args) < 0)
		must(NULL);
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = xvasprintf(fmt, args);
	va_end(args);
	return s;
}

void *xzalloc_aligned(size_t size)
{
	size_t n = ROUND_UP(MAX(size, (size_t)1), CACHE_LINE);

	return memset(must(aligned_alloc(CACHE_LINE, n)), 0, n);
}

void *xzalloc_huge(size_t size)
{
	void *p = NULL;

	if (size < HUGE_PAGE)
		return xzalloc_aligned(size);
	must(posix_memalign(&p, HUGE_PAGE, size) ? NULL : p);
	// A kernel that does not want to is as good, only slower.
	madvise(p, size - size % HUGE_PAGE, MADV_HUGEPAGE);
	return memset(p, 0, size);
}

bool parse_u64(const char *s, int base, uint64_t *ret)
{
	char *end;

	if (!*s || *s == '-' || *s == '+' || *s == ' ')
		return false;
	errno = 0;
	unsigned long long v = strtoull(s, &end, base);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

bool parse_u32(const char *s, int base, uint32_t *ret)
{
	uint64_t v;

	if (!parse_u64(s, base, &v) || v > UINT32_MAX)
		return false;
	*ret = v;
	return true;
}

bool parse_i64(const char *s, int base, int64_t *ret)
{
	char *end;

	if (!*s || *s == ' ')
		return false;
	errno = 0;
	long long v = strtoll(s, &end, base);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

const uint8_t hex_digits[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

void program_init(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	program_name = slash ? slash + 1 : argv0;
	signal(SIGPIPE, SIG_IGN);
	hash_seed_init();
}

void fatal(int err, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	if (err)
		fprintf(stderr, " (%s)", strerror(abs(err)));
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

void print_version(const char *schema_version)
{
	printf("%s (Open eSwitch) %s\n", program_name, PACKAGE_VERSION);
	if (schema_version)
		printf("DB Schema %s\n", schema_version);
}

void print_options(const struct option *longs)
{
	for (const struct option *o = longs; o->name; o++) {
		const char *arg = o->has_arg == required_argument   ? "ARG"
				  : o->has_arg == optional_argument ? "[ARG]"
								    : "";

		printf("--%s%s%s\n", o->name, *arg ? "=" : "", arg);
		if (o->val > ' ' && o->val < 0x7f)
			printf("-%c %s\n", o->val, arg);
	}
}
