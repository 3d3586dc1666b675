// SPDX-License-Identifier: Apache-2.0
// push_nsh as text: the header's fields by name, variable metadata as bytes.
#include <ctype.h>

#include "core/flow/dp-action-text-private.h"

// RFC 8300: flags, time to live and length; type of metadata; next protocol; path; metadata.
enum { BASE = 8, CONTEXT = 16, MAX_VARIABLE = 244 };

struct header {
	uint64_t flags, ttl, mdtype, np, spi, si, context[4];
	uint8_t variable[MAX_VARIABLE];
	size_t n;
};

void dp_nsh_format(const uint8_t *h, size_t n, struct strbuf *out)
{
	static const uint8_t none[BASE + CONTEXT];

	if (n < BASE)
		h = none;
	strbuf_printf(out, "push_nsh(flags=%u,ttl=%u,mdtype=%u,np=%u,spi=0x%x,si=%u", h[0] >> 4 & 3,
		      (h[0] & 0xfu) << 2 | h[1] >> 6, h[2] & 0xfu, h[3],
		      (uint32_t)h[4] << 16 | h[5] << 8 | h[6], h[7]);
	if ((h[2] & 0xf) == 1 && n == BASE + CONTEXT) {
		for (unsigned int i = 0; i < 4; i++) {
			const uint8_t *c = h + BASE + 4 * i;

			strbuf_printf(out, ",c%u=0x%x", i + 1,
				      (uint32_t)c[0] << 24 | c[1] << 16 | c[2] << 8 | c[3]);
		}
	} else {
		strbuf_puts(out, n > BASE ? ",md2=0x" : ",md2=0");
		for (size_t i = BASE; i < n; i++)
			strbuf_printf(out, "%02x", h[i]);
	}
	strbuf_putc(out, ')');
}

static int parse_variable(struct dp_cursor *c, struct header *h)
{
	if (!dp_skip(c, "0x"))
		return dp_skip(c, "0") ? 0 : dp_error(c, "0x and bytes expected");
	for (; hex_byte(c->p) >= 0; c->p += 2) {
		if (h->n == MAX_VARIABLE)
			return dp_error(c, "too many bytes");
		h->variable[h->n++] = hex_byte(c->p);
	}
	return h->n % 4 ? dp_error(c, "words of four bytes expected") : 0;
}

static int parse_member(struct dp_cursor *c, struct header *h)
{
	const struct {
		const char *name; // with '='
		uint64_t max, *value;
	} members[] = {
		{ "flags=", 3, &h->flags },
		{ "ttl=", 63, &h->ttl },
		{ "mdtype=", 15, &h->mdtype },
		{ "np=", UINT8_MAX, &h->np },
		{ "spi=", 0xffffff, &h->spi },
		{ "si=", UINT8_MAX, &h->si },
		{ "c1=", UINT32_MAX, &h->context[0] },
		{ "c2=", UINT32_MAX, &h->context[1] },
		{ "c3=", UINT32_MAX, &h->context[2] },
		{ "c4=", UINT32_MAX, &h->context[3] },
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (dp_skip(c, members[i].name))
			return dp_number(c, members[i].max, members[i].value);
	return dp_skip(c, "md2=") ? parse_variable(c, h) : dp_error(c, "unknown argument");
}

static void put_word(uint8_t *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, sizeof(value));
}

static void put_header(const struct header *h, struct dp_action *a)
{
	uint8_t *b = a->push_nsh.header;
	size_t n = h->mdtype == 1 ? CONTEXT : h->n;

	b[0] = h->flags << 4 | h->ttl >> 2;
	b[1] = h->ttl << 6 | (BASE + n) / 4;
	b[2] = h->mdtype;
	b[3] = h->np;
	put_word(b + 4, h->spi << 8 | h->si);
	if (h->mdtype == 1)
		for (unsigned int i = 0; i < 4; i++)
			put_word(b + BASE + 4 * i, h->context[i]);
	else
		memcpy(b + BASE, h->variable, n);
	a->push_nsh.len = BASE + n;
}

int dp_nsh_parse(struct dp_cursor *c, struct dp_action *a)
{
	struct header h = { .ttl = 63, .mdtype = 1, .np = 3, .si = 255 };

	do {
		int error = parse_member(c, &h);

		if (error)
			return error;
	} while (dp_skip(c, ","));
	put_header(&h, a);
	return dp_skip(c, ")") ? 0 : dp_error(c, "')' expected");
}
