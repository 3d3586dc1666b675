// SPDX-License-Identifier: Apache-2.0
// Internet checksums (RFC 1071, incremental by RFC 1624) and SCTP's CRC32c.
#include "core/packet/checksum-private.h"

#include <pthread.h>

#include "core/packet/packet.h"
#include "core/packet/proto-private.h"

uint32_t sum_words(const void *p, size_t n, uint32_t sum)
{
	const uint8_t *b = p;
	uint64_t total = sum;

	for (; n >= 2; b += 2, n -= 2)
		total += (uint32_t)b[0] << 8 | b[1];
	if (n)
		total += (uint32_t)b[0] << 8;
	while (total >> 32)
		total = (total & UINT32_MAX) + (total >> 32);
	return total;
}

uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint16_t checksum(const void *p, size_t n, uint32_t partial)
{
	return ~sum_fold(sum_words(p, n, partial));
}

uint16_t checksum_update(uint16_t sum, const void *old, const void *now, size_t n, size_t phase)
{
	const uint8_t *o = old, *w = now;
	uint32_t s = (uint16_t)~sum;

	for (size_t i = 0; i < n; i++) {
		unsigned int shift = (i + phase) % 2 ? 0 : 8;

		s += (uint16_t) ~((uint32_t)o[i] << shift);
		s += (uint32_t)w[i] << shift;
	}
	return ~sum_fold(s);
}

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_build(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		crc_table[i] = c;
	}
}

uint32_t crc32c(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t c = UINT32_MAX;

	pthread_once(&crc_once, crc_build);
	while (n--)
		c = c >> 8 ^ crc_table[(c ^ *b++) & 0xff];
	return ~c;
}

uint32_t pseudo_header_sum(const uint8_t *l3, bool v6, uint8_t proto, uint32_t len)
{
	uint32_t sum = proto + (len >> 16) + (len & 0xffff);

	return v6 ? sum_words(l3 + 8, 32, sum) : sum_words(l3 + 12, 8, sum);
}
