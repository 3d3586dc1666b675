// SPDX-License-Identifier: Apache-2.0
// Commands about packets and captures: packets made from flows, flows read from packets, the OpenFlow that a capture holds.
#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "core/base/log.h"
#include "core/base/vec.h"
#include "core/packet/packet.h"
#include "utilities/ovs-ofctl.h"
#include "utilities/pcap-file.h"

LOG_MODULE(ofctl_pcap);

enum {
	TCP_SYN = 2,
	TCP_MIN = 20,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMP = 1,
	PROTO_ICMPV6 = 58
};

static void parse_packet(struct strbuf *bytes, struct packet *p, struct flow_key *key)
{
	static const struct packet_metadata none;

	*p = (struct packet){ .data = (uint8_t *)strbuf_reserve(bytes, 1), .size = bytes->len };
	p->data = (uint8_t *)bytes->s;
	memset(key, 0, sizeof(*key));
	packet_parse(p, &none, key);
}

static void print_flow(const struct flow_key *key)
{
	AUTO(strbuf) text = STRBUF_INIT;

	flow_format(key, NULL, &text);
	puts(strbuf_cstr(&text));
}

// ---- Packets and flows ----

static void run_parse_packet(int argc, char *argv[])
{
	AUTO(strbuf) bytes = STRBUF_INIT;
	AUTO(strbuf) text = STRBUF_INIT;
	struct flow_key key;
	struct packet p;
	size_t n;

	while ((n = fread(strbuf_reserve(&bytes, 65536), 1, 65536, stdin)) > 0)
		bytes.len += n;
	parse_packet(&bytes, &p, &key);
	flow_format(&key, NULL, &text);
	packet_checksum_format(p.data, p.size, &p, &key, &text);
	puts(strbuf_cstr(&text));
}

static void run_parse_pcap(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++) {
		struct pcap_file *f = pcap_file_open(argv[i]);
		AUTO(strbuf) bytes = STRBUF_INIT;
		struct flow_key key;
		struct packet p;
		int64_t when;

		while (pcap_file_next(f, &bytes, &when)) {
			parse_packet(&bytes, &p, &key);
			key.in_port = OFPP_ANY;
			print_flow(&key);
		}
		pcap_file_close(f);
	}
}

// Whether such a packet carries data of its user: no TCP that opens or ends a connection, of ICMP echoes only.
static bool has_payload(const struct flow_key *k)
{
	uint8_t type = be16toh(k->tp_src);
	bool v6 = k->eth_type == htobe16(0x86dd);

	if ((k->eth_type != htobe16(0x0800) && !v6) || k->nw_frag & FLOW_FRAG_LATER)
		return false;
	switch (k->nw_proto) {
	case PROTO_TCP:
		return !(be16toh(k->tcp_flags) & 7);
	case PROTO_UDP:
		return true;
	case PROTO_ICMP:
		return !v6 && (type == 0 || type == 8);
	case PROTO_ICMPV6:
		return v6 && (type == 128 || type == 129);
	default:
		return false;
	}
}

static void get_payload(int argc, char *argv[], struct strbuf *out)
{
	if (argc < 3)
		for (int i = 0; i < 64; i++)
			wr_u8(out, i);
	else if (ofctl_parse_hex(argv[2], out))
		fatal(0, "%s: trailing garbage in packet data", argv[2]);
}

// A packet cannot tell all that a flow says: registers, for instance.
static bool says_the_same(const struct flow_key *key, struct strbuf *bytes)
{
	AUTO(strbuf) specified = STRBUF_INIT;
	AUTO(strbuf) extracted = STRBUF_INIT;
	struct flow_key again;
	struct packet p;

	parse_packet(bytes, &p, &again);
	again.in_port = OFPP_ANY;
	flow_format(key, NULL, &specified);
	flow_format(&again, NULL, &extracted);
	if (!strcmp(strbuf_cstr(&specified), strbuf_cstr(&extracted)))
		return true;
	fprintf(stderr, "specified and extracted flows differ:\nspecified: %s\nextracted: %s\n",
		specified.s, extracted.s);
	return false;
}

static void run_compose_packet(int argc, char *argv[])
{
	struct error err = ERROR_INIT;
	AUTO(strbuf) payload = STRBUF_INIT;
	AUTO(strbuf) packet = STRBUF_INIT;
	struct flow_key key;
	bool same;

	if (flow_parse(argv[1], NULL, &key, &err))
		fatal(0, "%s", err.text);
	get_payload(argc, argv, &payload);
	packet_compose_with(&key, strbuf_cstr(&payload), has_payload(&key) ? payload.len : 0,
			    &packet);
	same = says_the_same(&key, &packet);
	if (ofctl.pcap) {
		pcap_file_write_one(stdout, &packet);
	} else if (ofctl.raw) {
		fwrite(packet.s, packet.len, 1, stdout);
	} else {
		ofctl_print_bytes(&packet);
	}
	if (!same) {
		fflush(stdout);
		exit(EXIT_FAILURE);
	}
}

// ---- Streams ----

// What came too early waits for what is missing before it.
struct segment {
	uint32_t seq;
	struct strbuf data;
};

// One direction of a connection.
struct stream {
	char *title; // "10.0.0.1.40000 > 10.0.0.2.6653"
	uint32_t next; // sequence number
	bool dead; // what it carries is not OpenFlow
	struct strbuf data; // the beginning of a message
	VEC(struct segment) early;
	size_t n_early; // bytes
};

// One that has lost bytes would wait for ever.
#define MAX_EARLY (16 << 20)

struct reading {
	VEC(struct stream *) streams;
	uint16_t ports[64];
	size_t n_ports;
	bool printed; // something, so that an empty line comes before the next
	int64_t when;
};

static char *stream_title(const struct flow_key *k)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	bool v6 = k->eth_type == htobe16(0x86dd);

	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)&k->ipv6_src : &k->nw_src, src,
		  sizeof(src));
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)&k->ipv6_dst : &k->nw_dst, dst,
		  sizeof(dst));
	return xasprintf("%s.%u > %s.%u", src, be16toh(k->tp_src), dst, be16toh(k->tp_dst));
}

static void stream_reset(struct stream *s, uint32_t next)
{
	struct segment *seg;

	VEC_FOR_EACH (seg, &s->early)
		strbuf_uninit(&seg->data);
	VEC_CLEAR(&s->early);
	s->n_early = 0;
	s->data.len = 0;
	s->dead = false;
	s->next = next;
}

static struct stream *stream_get(struct reading *r, const struct flow_key *k, uint32_t seq)
{
	char *title = stream_title(k);
	struct stream *s, **p;

	VEC_FOR_EACH (p, &r->streams)
		if (!strcmp((*p)->title, title)) {
			free(title);
			return *p;
		}
	s = xzalloc(sizeof(*s));
	s->title = title;
	s->next = seq;
	VEC_PUSH(&r->streams, s);
	return s;
}

static void print_message(struct reading *r, const struct stream *s, const void *p, size_t n)
{
	AUTO(strbuf) text = STRBUF_INIT;

	if (r->printed)
		putchar('\n');
	r->printed = true;
	if (ofctl.timestamp) {
		time_t sec = r->when / 1000000;
		struct tm tm;

		gmtime_r(&sec, &tm);
		printf("%02d:%02d:%02d.%03d ", tm.tm_hour, tm.tm_min, tm.tm_sec,
		       (int)(r->when % 1000000 / 1000));
	}
	printf("%s:\n", s->title);
	msg_print(p, n, NULL, ofctl.verbosity + 1, &text);
	fputs(strbuf_cstr(&text), stdout);
}

static void print_messages(struct reading *r, struct stream *s)
{
	size_t ofs = 0;

	while (s->data.len - ofs >= 8) {
		const uint8_t *p = (const uint8_t *)s->data.s + ofs;
		size_t n = p[2] << 8 | p[3];

		if (n < 8) {
			log_warn("%s: not OpenFlow", s->title);
			s->dead = true;
			break;
		}
		if (n > s->data.len - ofs)
			break;
		print_message(r, s, p, n);
		ofs += n;
	}
	s->data.len -= ofs;
	memmove(s->data.s, s->data.s + ofs, s->data.len);
}

static void hold(struct stream *s, uint32_t seq, const uint8_t *p, size_t n)
{
	struct segment seg = { .seq = seq };

	s->n_early += n;
	if (s->n_early > MAX_EARLY) {
		log_warn("%s: bytes are missing before sequence number %u", s->title, seq);
		s->dead = true;
		return;
	}
	strbuf_put(&seg.data, p, n);
	VEC_PUSH(&s->early, seg);
}

// True when it is the next; what has been seen before is left out.
static bool append(struct stream *s, uint32_t seq, const uint8_t *p, size_t n)
{
	int32_t ahead = seq - s->next;

	if (ahead > 0)
		return false;
	if (n > (size_t) - (int64_t)ahead) {
		strbuf_put(&s->data, p - ahead, n + ahead);
		s->next += n + ahead;
	}
	return true;
}

static void append_early(struct stream *s)
{
	for (size_t i = 0; i < s->early.n;) {
		struct segment *seg = &s->early.v[i];

		if (!append(s, seg->seq, (const uint8_t *)seg->data.s, seg->data.len)) {
			i++;
			continue;
		}
		s->n_early -= seg->data.len;
		strbuf_uninit(&seg->data);
		*seg = s->early.v[--s->early.n];
		i = 0;
	}
}

static bool port_is_wanted(const struct reading *r, const struct flow_key *k)
{
	for (size_t i = 0; i < r->n_ports; i++)
		if (r->ports[i] == be16toh(k->tp_src) || r->ports[i] == be16toh(k->tp_dst))
			return true;
	return false;
}

// Data of TCP; what fills a short frame up is none. Empty when it is cut short.
static struct reader tcp_data(const struct packet *p, const struct flow_key *k)
{
	const uint8_t *l3 = p->data + p->l3, *l4 = p->data + p->l4;
	size_t header = (l4[12] >> 4) * 4u, end;

	end = k->eth_type == htobe16(0x86dd) ? p->l3 + 40u + (l3[4] << 8 | l3[5])
					     : p->l3 + (size_t)(l3[2] << 8 | l3[3]);
	end = MIN(end, p->size);
	if (header < TCP_MIN || p->l4 + header > end)
		return rd_init("", 0);
	return rd_init(l4 + header, end - p->l4 - header);
}

static void take_packet(struct reading *r, struct strbuf *bytes)
{
	struct flow_key key;
	struct reader tcp, data;
	struct stream *s;
	struct packet p;
	uint32_t seq;

	parse_packet(bytes, &p, &key);
	if (key.nw_proto != PROTO_TCP || p.l4 == UINT16_MAX || p.size < p.l4 + (size_t)TCP_MIN ||
	    (key.eth_type != htobe16(0x0800) && key.eth_type != htobe16(0x86dd)) ||
	    !port_is_wanted(r, &key))
		return;
	tcp = rd_init(p.data + p.l4, TCP_MIN);
	rd_skip(&tcp, 4);
	seq = rd_be32(&tcp);
	data = tcp_data(&p, &key);
	s = stream_get(r, &key, seq);
	if (be16toh(key.tcp_flags) & TCP_SYN)
		stream_reset(s, ++seq);
	if (s->dead || !rd_left(&data))
		return;
	if (append(s, seq, data.p, rd_left(&data))) {
		append_early(s);
		print_messages(r, s);
	} else {
		hold(s, seq, data.p, rd_left(&data));
	}
}

static void get_ports(int argc, char *argv[], struct reading *r)
{
	static const uint16_t standard[] = { 6633, 6653 };
	uint32_t port;

	if ((size_t)argc > ARRAY_SIZE(r->ports))
		fatal(0, "at most %zu ports", ARRAY_SIZE(r->ports));
	for (int i = 2; i < argc; i++) {
		if (!parse_u32(argv[i], 10, &port) || port > UINT16_MAX)
			fatal(0, "%s: not a TCP port", argv[i]);
		r->ports[r->n_ports++] = port;
	}
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(standard); i++)
		r->ports[r->n_ports++] = standard[i];
}

static void streams_free(struct reading *r)
{
	struct stream **p;

	VEC_FOR_EACH (p, &r->streams) {
		struct stream *s = *p;

		if (s->early.n && !s->dead)
			log_warn("%s: the capture lacks bytes; %zu behind them are not shown",
				 s->title, s->n_early);
		stream_reset(s, 0);
		VEC_FREE(&s->early);
		strbuf_uninit(&s->data);
		free(s->title);
		free(s);
	}
	VEC_FREE(&r->streams);
}

static void run_ofp_parse_pcap(int argc, char *argv[])
{
	struct pcap_file *f = pcap_file_open(argv[1]);
	AUTO(strbuf) bytes = STRBUF_INIT;
	struct reading r = { .n_ports = 0 };

	get_ports(argc, argv, &r);
	while (pcap_file_next(f, &bytes, &r.when))
		take_packet(&r, &bytes);
	streams_free(&r);
	pcap_file_close(f);
}

const struct ofctl_command ofctl_pcap_commands[] = {
	{ "ofp-parse-pcap", "FILE [PORT...]: print the OpenFlow messages in a capture", 1, INT_MAX,
	  run_ofp_parse_pcap },
	{ "compose-packet", "FLOW [PAYLOAD]: a packet of that flow, in hex; also --pcap, --raw", 1,
	  2, run_compose_packet, .reads = true },
	{ "parse-packet", ": the flow of the packet on standard input", 0, 0, run_parse_packet,
	  .reads = true },
	{ "parse-pcap", "FILE...: the flows of a capture's packets", 1, INT_MAX, run_parse_pcap },
	{ NULL, NULL, 0, 0, NULL },
};
