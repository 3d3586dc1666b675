// SPDX-License-Identifier: Apache-2.0
// Small things that every file needs: allocation that cannot fail, scope cleanup, arithmetic helpers.
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define ROUND_UP(n, to) (DIV_ROUND_UP(n, to) * (to))
#define UNUSED __attribute__((unused))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define NORETURN __attribute__((noreturn))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CACHE_LINE 64
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE)))

// Documents which lock protects a member; checked by readers, not by gcc.
#define GUARDED_BY(lock)

// AUTO(strbuf) s = STRBUF_INIT;  calls strbuf_uninit(&s) when 's' leaves its scope.
#define AUTO(type) __attribute__((cleanup(type##_uninit))) struct type
// AUTO_FREE char *p = xstrdup(...);  frees p when it leaves its scope.
#define AUTO_FREE __attribute__((cleanup(auto_free_)))

static inline void auto_free_(void *p)
{
	free(*(void **)p);
}

// Bitwise network-order integers: a plain uint16_t is in host order unless its type says so.
typedef uint16_t be16;
typedef uint32_t be32;
typedef uint64_t be64;
typedef struct {
	be64 hi, lo;
} be128;

// Heap allocation for control code: aborts the process with a message when memory is out.
void *xmalloc(size_t size) __attribute__((malloc));
void *xzalloc(size_t size) __attribute__((malloc));
void *xcalloc(size_t n, size_t size) __attribute__((malloc));
void *xrealloc(void *p, size_t size);
// 'p' holds 'cap' elements of 'size'; grows it (at least doubling) so that 'need' fit, updates '*cap'.
void *xgrow(void *p, size_t *cap, size_t need, size_t size);
char *xstrdup(const char *s);
// Keeps a copy of 'now' in place of '*kept' (NULL is ""). False: it is the same as before.
bool str_replace(char **kept, const char *now);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t size);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
char *xvasprintf(const char *fmt, va_list args) PRINTF(1, 0);
// Cache-line aligned and zeroed; freed with free().
void *xzalloc_aligned(size_t size);
// Large tables read at random: zeroed, at the start of a huge page where 'size' fills one, and the kernel is asked for huge pages.
#define HUGE_PAGE ((size_t)2 << 20)
void *xzalloc_huge(size_t size);

// Parses the whole of 's' (decimal, 0x hex, 0 octal when base is 0). False when it is not a number or out of range.
bool parse_u64(const char *s, int base, uint64_t *ret);
bool parse_u32(const char *s, int base, uint32_t *ret);
bool parse_i64(const char *s, int base, int64_t *ret);
// By character: one more than the hex digit's value, or 0.
extern const uint8_t hex_digits[256];
// Hex digit value, or -1.
static inline int hex_digit(char c)
{
	return hex_digits[(uint8_t)c] - 1;
}

// The byte that two hex digits say, -1: they are not two.
static inline int hex_byte(const char *s)
{
	int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

	return lo < 0 ? -1 : hi << 4 | lo;
}

// The next power of two that is not smaller; 0 stays.
static inline uint32_t round_up_pow2(uint32_t n)
{
	while (n & (n - 1) && n < 1u << 31)
		n += n & -n;
	return n;
}

static inline bool is_pow2(uint64_t n)
{
	return n && !(n & (n - 1));
}

static inline bool is_all_zeros(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t word;

	for (; n >= sizeof(word); n -= sizeof(word), b += sizeof(word)) {
		memcpy(&word, b, sizeof(word));
		if (word)
			return false;
	}
	while (n--)
		if (*b++)
			return false;
	return true;
}

static inline bool is_all_ones(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n--)
		if (*b++ != 0xff)
			return false;
	return true;
}

// The lowest 'n' bits; 64 and more: all.
static inline uint64_t low_bits(unsigned int n)
{
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

// Where many words are compared with one: most begin otherwise.
static inline bool str_equal(const char *a, const char *b)
{
	return *a == *b && !strcmp(a, b);
}

static inline bool str_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

// The name programs report in messages ("ovs-vsctl"); set by program_init().
extern const char *program_name;
// Remembers argv[0]'s last component, ignores SIGPIPE, seeds the hash. First call of every main().
void program_init(const char *argv0);
// Prints "PROGRAM: message" ("(strerror)" added when err is not 0) to stderr and exits with 1.
void fatal(int err, const char *fmt, ...) PRINTF(2, 3) NORETURN;
// "ovs-vswitchd (Open eSwitch) 0.1.0" plus "DB Schema X" where given; what --version prints.
void print_version(const char *schema_version);
// A line for each option of getopt_long()'s list, which ends with a NULL name, and for its letter: what --option prints, for
// completion in shells.
struct option;
void print_options(const struct option *longs);
