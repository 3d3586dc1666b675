// SPDX-License-Identifier: Apache-2.0
// Packet bytes straight to a packed key, and the hash of the connection on the way.
//
// Metadata comes first in a key: its words are packed once for all packets that share it (struct prefix). Plain TCP, UDP, SCTP and
// ICMP over IPv4 or IPv6, with or without tags, go from registers into the packed key (parse_common()). Whatever is else or odd
// goes through packet_parse_bytes() and a dense key. Both give the same key and the same hash; tests compare them.
#include "core/packet/parse-private.h"

#include "core/base/hash.h"
#include "core/packet/proto-private.h"

#define WORD_OF(MEMBER) (offsetof(struct flow_key, MEMBER) / 8)
// The first word that packets fill, and the metadata words that 'struct packet_metadata' fills, tunnel apart.
#define BYTES_FIRST WORD_OF(eth_dst)
#define MD_FIRST WORD_OF(skb_priority)
#define TUNNEL_WORDS (sizeof(struct flow_tunnel) / 8)

_Static_assert(offsetof(struct flow_key, skb_priority) % 8 == 0, "metadata starts on a word");
_Static_assert(offsetof(struct flow_key, tunnel) == 0, "the tunnel comes first");
_Static_assert(BYTES_FIRST >= 64, "all words of packets are in the second word of the map");

// Where bytes of a word lie, as a value: 'v' has 'n' bytes in memory order, and they come to 'byte'.
static inline uint64_t place(uint64_t v, unsigned int byte, unsigned int n)
{
	return v << 8 * (__BYTE_ORDER == __LITTLE_ENDIAN ? byte : 8 - byte - n);
}

#define PLACE(MEMBER, V) \
	place(V, offsetof(struct flow_key, MEMBER) % 8, sizeof(((struct flow_key *)NULL)->MEMBER))

static inline uint64_t get64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

// ---- Hash ----

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// In parts, for which the words need not be gathered in one place. 'proto_tp' has the ports in its first bytes and the protocol
// in its last.
static inline uint64_t hash_head(uint64_t metadata, uint64_t eth0, uint64_t eth1, uint64_t nw,
				 uint64_t proto_tp)
{
	uint64_t seed = hash_seed;

	return mix(eth0 ^ metadata, eth1 ^ seed ^ 0x9e3779b97f4a7c15ULL) ^
	       mix(nw ^ seed ^ 0xa0761d6478bd642fULL, proto_tp ^ seed ^ 0xe7037ed1a0b428dbULL);
}

static inline uint64_t hash_ipv6(uint64_t h, const void *addresses)
{
	const uint8_t *a = addresses;

	return h ^ mix(get64(a) ^ hash_seed ^ 0x8ebc6af09c88c6e3ULL, get64(a + 8) ^ h) ^
	       mix(get64(a + 16) ^ hash_seed ^ 0x589965cc75374cc3ULL, get64(a + 24) ^ ~h);
}

static inline uint64_t hash_tail(uint64_t h, uint64_t vlans)
{
	return mix(h ^ vlans, hash_seed ^ 0x1d8e4e27c47d124fULL);
}

static uint64_t hash_metadata(const struct flow_key *k)
{
	uint64_t h = hash_u64((uint64_t)k->in_port << 32 | k->recirc_id, 1);

	h = hash_u64(h ^ (k->ct_zone | (uint64_t)k->ct_state << 16), 2);
	if (k->tunnel.ip_src | k->tunnel.ip_dst | k->tunnel.tun_id)
		h = hash_u64(h ^ k->tunnel.tun_id,
			     (uint64_t)k->tunnel.ip_src << 32 | k->tunnel.ip_dst);
	return h;
}

static uint64_t hash_dense(const struct flow_key *k, uint64_t metadata)
{
	const uint64_t *w = flow_words_const(k);
	uint64_t h = hash_head(
		metadata, w[WORD_OF(eth_dst)], w[WORD_OF(eth_dst) + 1], w[WORD_OF(nw_src)],
		PLACE(tp_src, (uint64_t)k->tp_src) | PLACE(tp_dst, (uint64_t)k->tp_dst) |
			PLACE(nw_proto, (uint64_t)k->nw_proto));

	if (k->eth_type == htobe16(ETH_TYPE_IPV6))
		h = hash_ipv6(h, &k->ipv6_src);
	return hash_tail(h, w[WORD_OF(vlans)]);
}

uint64_t packet_connection_hash(const struct flow_key *key)
{
	return hash_dense(key, hash_metadata(key));
}

// ---- Packing ----

// The packed words of metadata.
struct prefix {
	const struct packet_metadata
		*odd; // its packets are not common: bare, or with a tuple; NULL: they may be
	struct flowmap map;
	uint64_t hash;
	unsigned int n;
	uint64_t words[BYTES_FIRST];
};

struct packer {
	uint64_t *out;
	uint64_t map; // its second word
};

static inline void put(struct packer *k, unsigned int word, uint64_t v)
{
	*k->out = v;
	k->out += v != 0;
	k->map |= (uint64_t)(v != 0) << word % 64;
}

static void add_words(struct prefix *x, const uint64_t *words, unsigned int first, unsigned int end)
{
	for (unsigned int i = first; i < end; i++)
		if (words[i]) {
			x->words[x->n++] = words[i];
			x->map.bits[i / 64] |= 1ULL << i % 64;
		}
}

static void make_prefix(const struct packet_metadata *md, struct prefix *x)
{
	struct flow_key k; // only the words that are looked at are initialised

	memset(flow_words(&k) + MD_FIRST, 0, (BYTES_FIRST - MD_FIRST) * 8);
	memset(&k.tunnel, 0, sizeof(k.tunnel));
	packet_metadata_to_key(md, &k);
	k.ct_nw_proto = md->ct_tuple ? md->ct_tuple->ct_nw_proto : 0;
	x->odd = md->ct_tuple || md->packet_type ? md : NULL;
	x->map = (struct flowmap){ { 0, 0 } };
	x->n = 0;
	if (md->tunnel)
		add_words(x, flow_words_const(&k), 0, TUNNEL_WORDS);
	add_words(x, flow_words_const(&k), MD_FIRST, BYTES_FIRST);
	x->hash = hash_metadata(&k);
}

static inline struct packer begin(const struct prefix *x, struct miniflow *dst)
{
	// Most have one word: the port.
	dst->words[0] = x->words[0];
	for (unsigned int i = 1; i < x->n; i++)
		dst->words[i] = x->words[i];
	return (struct packer){ dst->words + x->n, x->map.bits[1] };
}

static inline void end(const struct packer *k, const struct prefix *x, struct miniflow *dst)
{
	dst->map.bits[0] = x->map.bits[0];
	dst->map.bits[1] = k->map;
}

// ---- Any packet ----

static int parse_any(struct packet *p, const struct prefix *x, struct miniflow *dst, uint64_t *hash)
{
	struct packer out = begin(x, dst);
	struct flow_key k; // only from BYTES_FIRST on is it initialised
	int error;

	memset(flow_words(&k) + BYTES_FIRST, 0, (FLOW_WORDS - BYTES_FIRST) * 8);
	if (x->odd)
		packet_ct_tuple_to_key(x->odd, &k);
	error = packet_parse_bytes(p, x->odd && x->odd->packet_type, packet_tag_limit(), &k);
	for (unsigned int i = BYTES_FIRST; i < FLOW_WORDS; i++)
		put(&out, i, flow_words_const(&k)[i]);
	end(&out, x, dst);
	*hash = hash_dense(&k, x->hash);
	return error;
}

// ---- Common packets ----

// Members of a common packet's key behind the Ethernet header.
struct common {
	uint64_t ip; // the word with nw_tos, nw_ttl and nw_proto
	be32 ports;
	be16 tcp_flags;
	uint8_t proto;
	uint16_t l4;
};

// 'h' has 'left' bytes of which all are the datagram's.
static inline bool common_transport(const uint8_t *h, size_t left, bool v6, struct common *t)
{
	t->tcp_flags = 0;
	if (t->proto == PROTO_TCP && left >= TCP_LEN) {
		size_t len = (h[12] >> 4) * 4;

		t->ports = get32(h);
		t->tcp_flags = get16(h + 12) & htobe16(0x0fff);
		return len >= TCP_LEN && len <= left;
	}
	if ((t->proto == PROTO_UDP && left >= UDP_LEN) ||
	    (t->proto == PROTO_SCTP && left >= SCTP_LEN)) {
		t->ports = get32(h);
		return true;
	}
	if (t->proto == PROTO_ICMP && !v6 && left >= 8) {
		t->ports = htobe32((uint32_t)h[0] << 16 | h[1]);
		return true;
	}
	return false;
}

static inline bool common_ipv4(const uint8_t *h, size_t left, struct common *t)
{
	size_t header, total;

	if (left < IPV4_LEN)
		return false;
	header = (h[0] & 0xf) * 4;
	total = be16toh(get16(h + 2));
	if (header < IPV4_LEN || total < header || total > left || get16(h + 6) & htobe16(0x3fff))
		return false;
	t->proto = h[9];
	t->ip = PLACE(nw_tos, (uint64_t)h[1]) | PLACE(nw_ttl, (uint64_t)h[8]) |
		PLACE(nw_proto, (uint64_t)h[9]);
	t->l4 = header;
	return common_transport(h + header, total - header, false, t);
}

static inline bool common_ipv6(const uint8_t *h, size_t left, struct common *t)
{
	uint32_t word;
	size_t payload;

	if (left < IPV6_LEN)
		return false;
	payload = be16toh(get16(h + 4));
	if (payload > left - IPV6_LEN)
		return false;
	word = be32toh(get32(h));
	t->proto = h[6];
	t->ip = PLACE(ipv6_label, (uint64_t)htobe32(word & 0xfffff)) |
		PLACE(nw_tos, (uint64_t)(uint8_t)(word >> 20)) | PLACE(nw_ttl, (uint64_t)h[7]) |
		PLACE(nw_proto, (uint64_t)h[6]);
	t->l4 = IPV6_LEN;
	return common_transport(h + IPV6_LEN, payload, true, t);
}

static inline bool is_tag(be16 type)
{
	return type == htobe16(ETH_TYPE_VLAN) || type == htobe16(ETH_TYPE_VLAN_AD);
}

static inline uint64_t vlan_word(const uint8_t *tag, unsigned int byte)
{
	return place(get16(tag), byte, 2) |
	       place(get16(tag + 2) | htobe16(VLAN_PRESENT), byte + 2, 2);
}

// False when it is none, and nothing is set.
static inline bool parse_common(struct packet *p, const struct prefix *x, struct miniflow *dst,
				uint64_t *hash)
{
	const uint8_t *b = p->data;
	uint64_t eth0, eth1, nw = 0, vlans = 0, h;
	size_t l3 = ETH_LEN;
	struct packer out;
	struct common t;
	be16 type;
	bool v6;

	if (p->size < ETH_LEN + IPV4_LEN || UNLIKELY(x->odd))
		return false;
	type = get16(b + 12);
	if (UNLIKELY(is_tag(type))) {
		vlans = vlan_word(b + 12, 0);
		type = get16(b + 16);
		l3 += VLAN_LEN;
		if (is_tag(type)) {
			if (packet_tag_limit() < 2)
				return false;
			vlans |= vlan_word(b + 16, 4);
			type = get16(b + 20);
			l3 += VLAN_LEN;
		}
	}
	v6 = type == htobe16(ETH_TYPE_IPV6);
	if (!(type == htobe16(ETH_TYPE_IPV4) && common_ipv4(b + l3, p->size - l3, &t)) &&
	    !(v6 && common_ipv6(b + l3, p->size - l3, &t)))
		return false;
	eth0 = get64(b);
	eth1 = place(get32(b + 8), 0, 4) | PLACE(eth_type, (uint64_t)type);
	out = begin(x, dst);
	put(&out, WORD_OF(eth_dst), eth0);
	put(&out, WORD_OF(eth_dst) + 1, eth1);
	if (UNLIKELY(vlans))
		put(&out, WORD_OF(vlans), vlans);
	if (v6) {
		for (int i = 0; i < 4; i++)
			put(&out, WORD_OF(ipv6_src) + i, get64(b + l3 + 8 + 8 * i));
	} else {
		nw = get64(b + l3 + 12);
		put(&out, WORD_OF(nw_src), nw);
	}
	put(&out, WORD_OF(nw_proto), t.ip);
	if (t.tcp_flags)
		put(&out, WORD_OF(tcp_flags), PLACE(tcp_flags, (uint64_t)t.tcp_flags));
	put(&out, WORD_OF(tp_src), place(t.ports, 0, 4));
	end(&out, x, dst);
	h = hash_head(x->hash, eth0, eth1, nw,
		      place(t.ports, 0, 4) | PLACE(nw_proto, (uint64_t)t.proto));
	if (v6)
		h = hash_ipv6(h, b + l3 + 8);
	*hash = hash_tail(h, vlans);
	p->l2_5 = UINT16_MAX;
	p->l3 = l3;
	p->l4 = l3 + t.l4;
	return true;
}

// ---- The whole ----

int packet_parse_mini(struct packet *p, const struct packet_metadata *md, struct miniflow *dst,
		      uint64_t *hash)
{
	struct prefix x;

	make_prefix(md, &x);
	return parse_common(p, &x, dst, hash) ? 0 : parse_any(p, &x, dst, hash);
}

// ---- Bursts ----

// The latest plain IPv4 packet of a burst: whoever has the same headers needs no parsing.
struct model {
	const struct packet *p; // NULL: none
	const struct miniflow *key;
	uint64_t hash;
};

// A common IPv4 packet without options.
static inline bool can_be_model(const struct packet *p)
{
	return p->l4 == p->l3 + IPV4_LEN;
}

// Compares all that the key is made of: not the datagram's identification and checksum, nor what follows ports and TCP flags. Both
// are of one length, so lengths that were right are right again.
static inline bool same_headers(const struct packet *p, const struct packet *model)
{
	const uint8_t *a = p->data, *b = model->data;
	size_t l3 = model->l3;
	uint64_t diff;

	if (p->size != model->size)
		return false;
	diff = (get64(a) ^ get64(b)) | (get64(a + 8) ^ get64(b + 8)) |
	       (get64(a + l3 - 8) ^ get64(b + l3 - 8));
	a += l3;
	b += l3;
	diff |= (get64(a) ^ get64(b)) & ~place(UINT16_MAX, 4, 2);
	diff |= (get64(a + 8) ^ get64(b + 8)) & ~place(UINT16_MAX, 2, 2);
	diff |= get64(a + 16) ^ get64(b + 16);
	if (b[9] == PROTO_TCP)
		diff |= get16(a + 32) ^ get16(b + 32);
	return !diff;
}

uint64_t packet_parse_burst(struct packet *const p[], const struct packet_metadata *const md[],
			    size_t n, struct miniflow_buf bufs[], const struct miniflow *keys[],
			    uint64_t hashes[])
{
	const struct packet_metadata *last = NULL;
	struct model model = { NULL };
	uint64_t failed = 0;
	struct prefix x;

	assert(n <= 64);
	for (size_t i = 0; i < n; i++) {
		if (md[i] != last && (!last || memcmp(md[i], last, sizeof(*last)))) {
			make_prefix(md[i], &x);
			model.p = NULL;
		}
		last = md[i];
		if (model.p && same_headers(p[i], model.p)) {
			p[i]->l2_5 = UINT16_MAX;
			p[i]->l3 = model.p->l3;
			p[i]->l4 = model.p->l4;
			keys[i] = model.key;
			hashes[i] = model.hash;
			continue;
		}
		keys[i] = &bufs[i].mf;
		if (LIKELY(parse_common(p[i], &x, &bufs[i].mf, &hashes[i]))) {
			if (can_be_model(p[i]))
				model = (struct model){ p[i], keys[i], hashes[i] };
		} else if (parse_any(p[i], &x, &bufs[i].mf, &hashes[i])) {
			failed |= 1ULL << i;
		}
	}
	return failed;
}
