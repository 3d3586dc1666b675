// SPDX-License-Identifier: Apache-2.0
// A growing byte string, always NUL-terminated; used for text and for messages being built.
#pragma once

#include <stdarg.h>

#include "core/base/util.h"

struct strbuf {
	char *s; // never NULL after the first append; use strbuf_cstr() where it may be empty
	size_t len, cap;
};

#define STRBUF_INIT \
	{ \
		NULL, 0, 0 \
	}

void strbuf_init(struct strbuf *b);
void strbuf_uninit(struct strbuf *b);
void strbuf_clear(struct strbuf *b);
void strbuf_truncate(struct strbuf *b, size_t len);
// Makes room for 'n' more bytes (and the NUL) and returns where they go; length is unchanged.
char *strbuf_reserve(struct strbuf *b, size_t n);
// Appends 'n' uninitialised bytes and returns them.
static inline char *strbuf_put_uninit(struct strbuf *b, size_t n)
{
	char *p = LIKELY(b->len + n < b->cap) ? b->s + b->len : strbuf_reserve(b, n);

	b->len += n;
	b->s[b->len] = '\0';
	return p;
}

static inline void strbuf_put(struct strbuf *b, const void *p, size_t n)
{
	char *dst = strbuf_put_uninit(b, n);

	if (n)
		memcpy(dst, p, n);
}

static inline void strbuf_putc(struct strbuf *b, char c)
{
	*strbuf_put_uninit(b, 1) = c;
}

void strbuf_put_zeros(struct strbuf *b, size_t n);
static inline void strbuf_puts(struct strbuf *b, const char *s)
{
	strbuf_put(b, s, strlen(s));
}

void strbuf_putc_n(struct strbuf *b, char c, size_t n);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) PRINTF(2, 3);
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list args) PRINTF(2, 0);
// "%" PRIu64, without the time that a format takes.
void strbuf_put_u64(struct strbuf *b, uint64_t n);
// As above with zeros before it until there are 'width' digits, at most 20.
void strbuf_put_u64_wide(struct strbuf *b, uint64_t n, unsigned int width);
// Lower case and without "0x", at least 'width' digits, at most 20.
void strbuf_put_hex(struct strbuf *b, uint64_t n, unsigned int width);
// Removes one trailing 'c' when there is one.
void strbuf_chomp(struct strbuf *b, char c);
// Offset, hex bytes and ASCII, 16 bytes a line, beginning at 'ofs'.
void strbuf_put_hex_dump(struct strbuf *b, const void *p, size_t n, uintptr_t ofs, bool ascii);
// "5s", "5.020s", "5.0015s": no nanoseconds in no digits, else in three or as many as it takes.
void strbuf_put_duration(struct strbuf *b, uint32_t sec, uint32_t nsec);
// Appends what file 'path' holds. 0 or negative errno.
int strbuf_read_file(struct strbuf *b, const char *path);
const char *strbuf_cstr(const struct strbuf *b);
// Hands the string to the caller, who frees it; the buffer is empty afterwards. Never NULL.
char *strbuf_take(struct strbuf *b);
