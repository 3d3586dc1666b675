// SPDX-License-Identifier: Apache-2.0
// Reading and writing pcap files.
#include "utilities/pcap-file.h"

#include <time.h>

#include "core/base/bytes.h"
#include "core/base/log.h"

LOG_MODULE(pcap);

enum {
	LINK_ETHERNET = 1,
	LINK_COOKED = 113,
	COOKED_LEN = 16,
	COOKED_ADDRESS = 6,
	COOKED_TYPE = 14
};
#define MAGIC_MICRO 0xa1b2c3d4
#define MAGIC_NANO 0xa1b23c4d
#define SNAPLEN 1518
// No packet is longer; what says so is no packet.
#define MAX_PACKET 262144

struct pcap_file {
	FILE *f;
	char *name;
	bool swapped, nano, cooked;
};

static uint32_t number(const struct pcap_file *p, uint32_t n)
{
	return p->swapped ? __builtin_bswap32(n) : n;
}

static bool set_magic(struct pcap_file *p, uint32_t magic)
{
	uint32_t other = __builtin_bswap32(magic);

	p->swapped = other == MAGIC_MICRO || other == MAGIC_NANO;
	p->nano = magic == MAGIC_NANO || other == MAGIC_NANO;
	return p->swapped || p->nano || magic == MAGIC_MICRO;
}

struct pcap_file *pcap_file_open(const char *name)
{
	struct pcap_file p = { .f = fopen(name, "rb") };
	uint32_t header[6];

	if (!p.f)
		fatal(errno, "%s: open failed", name);
	if (fread(header, sizeof(header), 1, p.f) != 1)
		fatal(0, "%s: open failed (%s)", name, ferror(p.f) ? "read error" : "End of file");
	if (!set_magic(&p, header[0])) {
		log_warn("%s: 0x%08x does not begin a pcap file", name, header[0]);
		fatal(EPROTO, "%s: open failed", name);
	}
	// The upper bits may say how long checksums of frames are.
	switch (number(&p, header[5]) & 0xffff) {
	case LINK_ETHERNET:
		break;
	case LINK_COOKED:
		p.cooked = true;
		break;
	default:
		log_warn("%s: packets of link type %u cannot be read", name, number(&p, header[5]));
		fatal(EPROTO, "%s: open failed", name);
	}
	p.name = xstrdup(name);
	return xmemdup(&p, sizeof(p));
}

void pcap_file_close(struct pcap_file *p)
{
	fclose(p->f);
	free(p->name);
	free(p);
}

// The sender's address and the type are all that Linux has kept.
static bool uncook(struct strbuf *packet)
{
	AUTO(strbuf) frame = STRBUF_INIT;

	if (packet->len < COOKED_LEN)
		return false;
	strbuf_put_zeros(&frame, 6);
	strbuf_put(&frame, packet->s + COOKED_ADDRESS, 6);
	strbuf_put(&frame, packet->s + COOKED_TYPE, packet->len - COOKED_TYPE);
	packet->len = 0;
	strbuf_put(packet, frame.s, frame.len);
	return true;
}

bool pcap_file_next(struct pcap_file *p, struct strbuf *packet, int64_t *ret_usec)
{
	uint32_t header[4], n;
	size_t got = fread(header, 1, sizeof(header), p->f);

	if (!got && feof(p->f))
		return false;
	n = got == sizeof(header) ? number(p, header[2]) : 0;
	packet->len = 0;
	if (got != sizeof(header) || n > MAX_PACKET ||
	    fread(strbuf_reserve(packet, n + 1), 1, n, p->f) != n) {
		log_warn("%s: cut short in a packet", p->name);
		return false;
	}
	packet->len = n;
	*ret_usec = (int64_t)number(p, header[0]) * 1000000 +
		    number(p, header[1]) / (p->nano ? 1000 : 1);
	if (p->cooked && !uncook(packet)) {
		log_warn("%s: a packet has no cooked header", p->name);
		return false;
	}
	return true;
}

void pcap_file_write_one(FILE *f, const struct strbuf *packet)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen, link;
		uint32_t sec, usec, here, length;
	} h = { MAGIC_MICRO, 2, 4, 0, 0, SNAPLEN, LINK_ETHERNET, 0, 0, packet->len, packet->len };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	h.sec = now.tv_sec;
	h.usec = now.tv_nsec / 1000;
	fwrite(&h, sizeof(h), 1, f);
	fwrite(packet->s, packet->len, 1, f);
}
