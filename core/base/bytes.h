// SPDX-License-Identifier: Apache-2.0
// Cursors over wire bytes. A reader's error sticks: read on, check once with rd_finish().
#pragma once

#include <endian.h>

#include "core/base/strbuf.h"

struct reader {
	const uint8_t *p, *end;
	struct reader *parent; // told when this one runs over
	bool failed;
};

static inline struct reader rd_init(const void *p, size_t n)
{
	return (struct reader){ .p = p, .end = (const uint8_t *)p + n };
}

static inline size_t rd_left(const struct reader *r)
{
	return r->end - r->p;
}

static inline void rd_fail(struct reader *r)
{
	for (; r; r = r->parent) {
		r->failed = true;
		r->p = r->end;
	}
}

// 'n' bytes in place, or NULL (and the error sticks) when fewer are left.
static inline const void *rd_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->failed || rd_left(r) < n) {
		rd_fail(r);
		return NULL;
	}
	r->p += n;
	return p;
}

// Copies 'n' bytes; zeros when fewer are left.
static inline void rd_copy(struct reader *r, void *dst, size_t n)
{
	const void *p = rd_bytes(r, n);

	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

static inline void rd_skip(struct reader *r, size_t n)
{
	rd_bytes(r, n);
}

// A reader over the next 'n' bytes; empty and failed when fewer are left, and 'r' remembers.
static inline struct reader rd_sub(struct reader *r, size_t n)
{
	const void *p = rd_bytes(r, n);

	return (struct reader){
		.p = p, .end = p ? (const uint8_t *)p + n : p, .parent = r, .failed = !p
	};
}

static inline uint8_t rd_u8(struct reader *r)
{
	uint8_t v;

	rd_copy(r, &v, 1);
	return v;
}

// Big-endian on the wire, host order returned.
static inline uint16_t rd_be16(struct reader *r)
{
	uint16_t v;

	rd_copy(r, &v, 2);
	return be16toh(v);
}

static inline uint32_t rd_be32(struct reader *r)
{
	uint32_t v;

	rd_copy(r, &v, 4);
	return be32toh(v);
}

static inline uint64_t rd_be64(struct reader *r)
{
	uint64_t v;

	rd_copy(r, &v, 8);
	return be64toh(v);
}

// 0 when every read succeeded and nothing is left, else -EPROTO.
static inline int rd_finish(const struct reader *r)
{
	return r->failed || r->p != r->end ? -EPROTO : 0;
}

// 0 when every read succeeded so far, else -EPROTO.
static inline int rd_status(const struct reader *r)
{
	return r->failed ? -EPROTO : 0;
}

// Writers append to a strbuf; host order in, big-endian out.
static inline void wr_u8(struct strbuf *b, uint8_t v)
{
	strbuf_put(b, &v, 1);
}

static inline void wr_be16(struct strbuf *b, uint16_t v)
{
	v = htobe16(v);
	strbuf_put(b, &v, 2);
}

static inline void wr_be32(struct strbuf *b, uint32_t v)
{
	v = htobe32(v);
	strbuf_put(b, &v, 4);
}

static inline void wr_be64(struct strbuf *b, uint64_t v)
{
	v = htobe64(v);
	strbuf_put(b, &v, 8);
}

// Overwrites two or four bytes at 'ofs' (lengths known only at the end).
static inline void wr_patch_be16(struct strbuf *b, size_t ofs, uint16_t v)
{
	v = htobe16(v);
	memcpy(b->s + ofs, &v, 2);
}

static inline void wr_patch_be32(struct strbuf *b, size_t ofs, uint32_t v)
{
	v = htobe32(v);
	memcpy(b->s + ofs, &v, 4);
}

// Zeros up to the next multiple of 'align', counted from 'start'.
static inline void wr_pad(struct strbuf *b, size_t start, size_t align)
{
	size_t n = b->len - start;

	strbuf_put_zeros(b, ROUND_UP(n, align) - n);
}
