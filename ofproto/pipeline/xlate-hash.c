// SPDX-License-Identifier: Apache-2.0
// Hashes over headers, and what chooses by them: multipath and bundles. (Groups choose by the same hashes, xlate-group.c.)
//
// The megaflow gets exactly the bits that were hashed. A hash is the same in every process, so that rules which an earlier one
// left in a NIC are those that this one would make. Which link it gives is this switch's own: other switches hash in other ways.
#include "core/base/hash.h"
#include "ofproto/pipeline/xlate-private.h"

// ---- Hashes ----

static uint64_t hash_field(struct xlate_ctx *ctx, enum field_id id, uint64_t basis)
{
	const struct field *f = field_get(id);
	union field_value value;

	ctx_look_at_field(ctx, f);
	field_read(f, &ctx->flow, &value);
	return hash_stable(&value, f->n_bytes, basis);
}

static const struct ends {
	enum field_id src, dst;
} ethernet = { FIELD_ETH_SRC, FIELD_ETH_DST }, ipv4 = { FIELD_IP_SRC, FIELD_IP_DST },
  ipv6 = { FIELD_IPV6_SRC, FIELD_IPV6_DST }, tcp = { FIELD_TCP_SRC, FIELD_TCP_DST },
  udp = { FIELD_UDP_SRC, FIELD_UDP_DST }, sctp = { FIELD_SCTP_SRC, FIELD_SCTP_DST };

static const struct ends *addresses_of(const struct flow_key *k)
{
	return k->eth_type == htobe16(0x0800) ? &ipv4 : &ipv6;
}

// NULL: there are none in this packet, or those of UDP do not count.
static const struct ends *ports_of(const struct flow_key *k, bool with_udp)
{
	if (k->nw_frag & FLOW_FRAG_LATER)
		return NULL;
	return k->nw_proto == 6		       ? &tcp
	       : k->nw_proto == 17 && with_udp ? &udp
	       : k->nw_proto == 132	       ? &sctp
					       : NULL;
}

// What comes from each end has a hash of its own; their sum is the same for both directions.
struct pair {
	uint64_t src, dst;
};

static void hash_ends(struct xlate_ctx *ctx, const struct ends *ends, struct pair *p)
{
	p->src = hash_field(ctx, ends->src, p->src);
	p->dst = hash_field(ctx, ends->dst, p->dst);
}

// Protocol and ports, on top of what stands for the addresses.
static uint64_t hash_transport(struct xlate_ctx *ctx, bool with_udp, struct pair *p)
{
	const struct ends *ports;

	ctx_look_at_field(ctx, field_get(FIELD_IP_PROTO));
	ports = ports_of(&ctx->flow, with_udp);
	if (ports)
		hash_ends(ctx, ports, p);
	return p->src + p->dst + ctx->flow.nw_proto;
}

uint64_t xlate_hash_connection(struct xlate_ctx *ctx, uint64_t basis)
{
	const struct flow_key *k = &ctx->flow;
	struct pair p = { basis, basis };

	hash_ends(ctx, flow_is_ip(k) ? addresses_of(k) : &ethernet, &p);
	return flow_is_ip(k) ? hash_transport(ctx, true, &p) : p.src + p.dst + k->eth_type;
}

static uint64_t hash_eth_src(struct xlate_ctx *ctx, uint64_t basis)
{
	return ctx->flow.packet_type ? basis : hash_field(ctx, FIELD_ETH_SRC, basis);
}

static uint64_t hash_vlan_ids(struct xlate_ctx *ctx, uint64_t basis)
{
	for (int i = 0; i < FLOW_MAX_VLANS; i++) {
		be16 id = ctx->flow.vlans[i].tci & htobe16(VLAN_VID_MASK);
		bool there = ctx->flow.vlans[i].tci & htobe16(VLAN_PRESENT);
		struct flow_mask m = { 0 };

		m.m.vlans[i].tci = htobe16(VLAN_PRESENT | (there ? VLAN_VID_MASK : 0));
		ctx_look_at(ctx, &m);
		if (!there)
			break;
		basis = hash_stable(&id, sizeof(id), basis);
	}
	return basis;
}

static uint64_t hash_symmetric_l4(struct xlate_ctx *ctx, uint64_t basis)
{
	const struct flow_key *k = &ctx->flow;
	struct pair p;

	p.src = p.dst = hash_vlan_ids(ctx, basis);
	if (!k->packet_type)
		hash_ends(ctx, &ethernet, &p);
	if (!flow_is_ip(k))
		return p.src + p.dst + k->eth_type;
	hash_ends(ctx, addresses_of(k), &p);
	return hash_transport(ctx, false, &p) + k->eth_type;
}

// Of packets that are not IP nothing is hashed.
static uint64_t hash_l3(struct xlate_ctx *ctx, uint64_t basis, bool ports, bool with_udp)
{
	const struct flow_key *k = &ctx->flow;
	struct pair p = { basis, basis };

	if (!flow_is_ip(k))
		return basis;
	hash_ends(ctx, addresses_of(k), &p);
	return ports ? hash_transport(ctx, with_udp, &p) : p.src + p.dst;
}

static uint64_t hash_symmetric_l3l4(struct xlate_ctx *ctx, uint64_t basis)
{
	return hash_l3(ctx, basis, true, false);
}

static uint64_t hash_symmetric_l3l4_udp(struct xlate_ctx *ctx, uint64_t basis)
{
	return hash_l3(ctx, basis, true, true);
}

static uint64_t hash_symmetric_l3(struct xlate_ctx *ctx, uint64_t basis)
{
	return hash_l3(ctx, basis, false, false);
}

static uint64_t hash_nw_src(struct xlate_ctx *ctx, uint64_t basis)
{
	const struct flow_key *k = &ctx->flow;

	return flow_is_ip(k) ? hash_field(ctx, addresses_of(k)->src, basis) : basis;
}

static uint64_t hash_nw_dst(struct xlate_ctx *ctx, uint64_t basis)
{
	const struct flow_key *k = &ctx->flow;

	return flow_is_ip(k) ? hash_field(ctx, addresses_of(k)->dst, basis) : basis;
}

// The end mixes the sum, so that all bits of the answer are worth the same.
static uint64_t hash_packet(struct xlate_ctx *ctx, enum act_hash_fields fields, uint64_t basis)
{
	static uint64_t (*const functions[HASH_FIELDS_MAX])(struct xlate_ctx *, uint64_t) = {
		[HASH_ETH_SRC] = hash_eth_src,
		[HASH_SYMMETRIC_L4] = hash_symmetric_l4,
		[HASH_SYMMETRIC_L3L4] = hash_symmetric_l3l4,
		[HASH_SYMMETRIC_L3L4_UDP] = hash_symmetric_l3l4_udp,
		[HASH_NW_SRC] = hash_nw_src,
		[HASH_NW_DST] = hash_nw_dst,
		[HASH_SYMMETRIC_L3] = hash_symmetric_l3,
	};
	uint64_t hash = functions[fields](ctx, basis);

	return hash_stable(&hash, sizeof(hash), basis);
}

// The weight of choice 'i'.
static uint64_t weigh(uint64_t hash, uint32_t i)
{
	return hash_stable(&i, sizeof(i), hash);
}

// ---- multipath ----

typedef uint32_t choose_fn(uint64_t hash, uint32_t n_links, uint32_t arg);

static uint32_t choose_modulo(uint64_t hash, uint32_t n_links, uint32_t arg)
{
	return hash % n_links;
}

// In which of 'n_links' equal parts of all numbers the hash is.
static uint32_t choose_region(uint64_t hash, uint32_t n_links, uint32_t arg)
{
	return (hash >> 32) * n_links >> 32;
}

#define MAX_WEIGHED 64

static uint32_t choose_heaviest(uint64_t hash, uint32_t n_links, uint32_t arg)
{
	uint64_t most = 0;
	uint32_t link = 0;

	// That would take long.
	if (n_links > MAX_WEIGHED)
		return choose_region(hash, n_links, arg);
	for (uint32_t i = 0; i < n_links; i++) {
		uint64_t weight = weigh(hash, i);

		if (weight >= most) {
			most = weight;
			link = i;
		}
	}
	return link;
}

// Draws until there is such a link. 'arg' is how many could be drawn; where it is too low for all links, or so high that most
// draws would be blanks, it is the next power of 2.
static uint32_t choose_by_drawing(uint64_t hash, uint32_t n_links, uint32_t arg)
{
	uint32_t i = 0, link;

	if (arg < n_links || arg / 2 > n_links)
		for (arg = 1; arg < n_links;)
			arg *= 2;
	do {
		link = weigh(hash, ++i) % arg;
	} while (link >= n_links);
	return link;
}

static void write_number(struct xlate_ctx *ctx, const struct subfield *dst, uint32_t number)
{
	if (!ctx_has_field(ctx, dst->field))
		return;
	ctx_write_number(ctx, dst, number);
	ctx_report_value(ctx, dst, &ctx->flow);
}

void xlate_multipath(struct xlate_ctx *ctx, const struct act *a)
{
	static choose_fn *const functions[] = {
		[MULTIPATH_MODULO_N] = choose_modulo,
		[MULTIPATH_THRESHOLD] = choose_region,
		[MULTIPATH_HRW] = choose_heaviest,
		[MULTIPATH_ITER] = choose_by_drawing,
	};
	uint64_t hash = hash_packet(ctx, a->multipath.fields, a->multipath.basis);
	uint32_t n_links = a->multipath.max_link + 1u;

	write_number(ctx, &a->multipath.dst,
		     functions[a->multipath.algorithm](hash, n_links, a->multipath.arg));
}

// ---- Bundles ----

// What is not one port is always there, but for what does not forward.
static bool may_choose(const struct xlate_ctx *ctx, of_port_t p)
{
	if (p.n == OFPP_ANY || p.n == OFPP_CONTROLLER)
		return false;
	return (p.n >= OFPP_MAX && p.n != OFPP_LOCAL) || ctx_port_is_alive(ctx, p);
}

static of_port_t choose_first(const struct xlate_ctx *ctx, const struct act *a)
{
	const of_port_t *members = act_nested(a);

	for (uint32_t i = 0; i < a->bundle.n_members; i++)
		if (may_choose(ctx, members[i]))
			return members[i];
	return OF_PORT(OFPP_ANY);
}

// Where a member comes or goes, only its own share moves.
static of_port_t choose_heaviest_member(const struct xlate_ctx *ctx, const struct act *a,
					uint64_t hash)
{
	const of_port_t *members = act_nested(a);
	of_port_t best = OF_PORT(OFPP_ANY);
	uint64_t most = 0;

	for (uint32_t i = 0; i < a->bundle.n_members; i++) {
		uint64_t weight = weigh(hash, i);

		if (weight >= most && may_choose(ctx, members[i])) {
			most = weight;
			best = members[i];
		}
	}
	return best;
}

static of_port_t choose_member(struct xlate_ctx *ctx, const struct act *a)
{
	of_port_t first = choose_first(ctx, a);

	// Nothing of the packet decides where there is no choice.
	if (a->bundle.algorithm == BUNDLE_ACTIVE_BACKUP || first.n == OFPP_ANY)
		return first;
	return choose_heaviest_member(ctx, a, hash_packet(ctx, a->bundle.fields, a->bundle.basis));
}

void xlate_bundle(struct xlate_ctx *ctx, const struct act *a)
{
	of_port_t port = choose_member(ctx, a);

	// In its 16-bit form, also where the field has more bits.
	if (a->bundle.dst.field)
		write_number(ctx, &a->bundle.dst, port.n & UINT16_MAX);
	else
		xlate_output(ctx, port, UINT16_MAX);
}
