// SPDX-License-Identifier: Apache-2.0
#include "core/base/strbuf.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

void strbuf_init(struct strbuf *b)
{
	*b = (struct strbuf)STRBUF_INIT;
}

void strbuf_uninit(struct strbuf *b)
{
	free(b->s);
	strbuf_init(b);
}

void strbuf_clear(struct strbuf *b)
{
	strbuf_truncate(b, 0);
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
	if (len < b->len || (b->s && len == b->len)) {
		b->len = len;
		b->s[len] = '\0';
	}
}

char *strbuf_reserve(struct strbuf *b, size_t n)
{
	b->s = xgrow(b->s, &b->cap, b->len + n + 1, 1);
	b->s[b->len] = '\0';
	return b->s + b->len;
}

void strbuf_put_zeros(struct strbuf *b, size_t n)
{
	memset(strbuf_put_uninit(b, n), 0, n);
}

void strbuf_putc_n(struct strbuf *b, char c, size_t n)
{
	memset(strbuf_put_uninit(b, n), c, n);
}

void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list args)
{
	char *dst = strbuf_reserve(b, 64);
	size_t room = b->cap - b->len;
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(dst, room, fmt, args);
	assert(n >= 0);
	if ((size_t)n >= room)
		vsnprintf(strbuf_reserve(b, n), n + 1, fmt, again);
	va_end(again);
	b->len += n;
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	strbuf_vprintf(b, fmt, args);
	va_end(args);
}

// The base is known where this is called: no division is left of it.
static inline void put_digits(struct strbuf *b, uint64_t n, unsigned int base, unsigned int width)
{
	char digits[20], *end = digits + sizeof(digits), *p = end;

	do {
		*--p = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (end - p < width)
		*--p = '0';
	strbuf_put(b, p, end - p);
}

void strbuf_put_u64_wide(struct strbuf *b, uint64_t n, unsigned int width)
{
	put_digits(b, n, 10, width);
}

void strbuf_put_u64(struct strbuf *b, uint64_t n)
{
	put_digits(b, n, 10, 1);
}

void strbuf_put_hex(struct strbuf *b, uint64_t n, unsigned int width)
{
	put_digits(b, n, 16, width);
}

void strbuf_chomp(struct strbuf *b, char c)
{
	if (b->len && b->s[b->len - 1] == c)
		strbuf_truncate(b, b->len - 1);
}

static void put_hex_line(struct strbuf *b, const uint8_t *p, size_t first, size_t n, bool ascii)
{
	for (size_t i = 0; i < 16; i++) {
		// The middle, behind an eighth byte that is there.
		strbuf_putc(b, i == 8 && first < 8 && first + n >= 8 ? '-' : ' ');
		if (i < first || i >= first + n)
			strbuf_puts(b, "  ");
		else
			strbuf_printf(b, "%02x", p[i - first]);
		// Nothing follows that has to stand in its column.
		if (!ascii && i + 1 >= first + n) {
			if (i == 7)
				strbuf_putc(b, '-');
			return;
		}
	}
	strbuf_puts(b, " |");
	for (size_t i = 0; i < 16; i++) {
		if (i < first || i >= first + n)
			strbuf_putc(b, ' ');
		else
			strbuf_putc(b, isprint(p[i - first]) ? p[i - first] : '.');
	}
	strbuf_putc(b, '|');
}

void strbuf_put_duration(struct strbuf *b, uint32_t sec, uint32_t nsec)
{
	strbuf_put_u64(b, sec);
	if (nsec)
		strbuf_putc(b, '.');
	if (nsec % 1000000) {
		strbuf_put_u64_wide(b, nsec, 9);
		while (b->s[b->len - 1] == '0')
			strbuf_truncate(b, b->len - 1);
	} else if (nsec) {
		strbuf_put_u64_wide(b, nsec / 1000000, 3);
	}
	strbuf_putc(b, 's');
}

void strbuf_put_hex_dump(struct strbuf *b, const void *data, size_t n, uintptr_t ofs, bool ascii)
{
	const uint8_t *p = data;

	while (n) {
		size_t first = ofs % 16, chunk = MIN(16 - first, n);

		strbuf_printf(b, "%08llx ", (unsigned long long)(ofs - first));
		put_hex_line(b, p, first, chunk, ascii);
		strbuf_putc(b, '\n');
		p += chunk;
		ofs += chunk;
		n -= chunk;
	}
}

const char *strbuf_cstr(const struct strbuf *b)
{
	return b->s ? b->s : "";
}

char *strbuf_take(struct strbuf *b)
{
	char *s = b->s ? b->s : xstrdup("");

	strbuf_init(b);
	return s;
}

int strbuf_read_file(struct strbuf *b, const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n;
	int rc;

	if (!f)
		return -errno;
	do {
		n = fread(strbuf_reserve(b, 65536), 1, 65536, f);
		b->len += n;
	} while (n);
	strbuf_reserve(b, 0); // ends it with a NUL
	rc = ferror(f) ? -EIO : 0;
	fclose(f);
	return rc;
}
