// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/segment.h"

#include <endian.h>

#include "core/packet/packet.h"

#define TCP_FIN_PSH 0x09
#define TCP_CWR 0x80

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

// All that stands before the payload; 0 when it does not fit the frame.
static uint32_t header_len(const struct segment_job *job)
{
	uint32_t len = job->l4 + (job->udp ? 8u : 20u);

	if (job->l4 < 34 || len > job->len)
		return 0;
	if (!job->udp)
		len = job->l4 + (job->frame[job->l4 + 12] >> 4) * 4u;
	return len >= job->l4 + 8u && len < job->len ? len : 0;
}

unsigned int segment_count(const struct segment_job *job)
{
	uint32_t headers = header_len(job);

	return headers && job->size ? DIV_ROUND_UP(job->len - headers, job->size) : 0;
}

static void fix_ip(uint8_t *ip, uint32_t ip_len, unsigned int i)
{
	if (ip[0] >> 4 == 6) {
		put16(ip + 4, ip_len - 40);
		return;
	}
	put16(ip + 2, ip_len);
	put16(ip + 4, get16(ip + 4) + i);
}

static void fix_tcp(uint8_t *tcp, uint32_t offset, bool first, bool last)
{
	put32(tcp + 4, get32(tcp + 4) + offset);
	if (!last)
		tcp[13] &= ~TCP_FIN_PSH;
	if (!first)
		tcp[13] &= ~TCP_CWR;
}

uint32_t segment_write(const struct segment_job *job, unsigned int i, uint8_t *out)
{
	uint32_t headers = header_len(job), offset = i * job->size, n;
	struct packet p = { .data = out };

	n = MIN(job->size, job->len - headers - offset);
	memcpy(out, job->frame, headers);
	memcpy(out + headers, job->frame + headers + offset, n);
	p.size = headers + n;
	fix_ip(out + 14, p.size - 14, i);
	if (job->udp)
		put16(out + job->l4 + 4, p.size - job->l4);
	else
		fix_tcp(out + job->l4, offset, !i, headers + offset + n == job->len);
	if (packet_locate(&p) || p.l4 != job->l4)
		return 0;
	packet_fix_checksums(&p);
	return p.size;
}
