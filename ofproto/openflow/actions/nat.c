// SPDX-License-Identifier: Apache-2.0
// nat: how the connections of the ct action around it are translated.
#include "ofproto/openflow/act-private.h"

enum { NX_NAT = 36 };

// Flags on the wire have the bits of struct nat's.
#define WIRE_FLAGS (NAT_SRC | NAT_DST | NAT_PERSISTENT | NAT_HASH | NAT_RANDOM)

// What of a range is there, in this order.
enum {
	HAS_IPV4_MIN = 1,
	HAS_IPV4_MAX = 2,
	HAS_IPV6_MIN = 4,
	HAS_IPV6_MAX = 8,
	HAS_PORT_MIN = 16,
	HAS_PORT_MAX = 32,
};

static bool is_zero(const struct ipv6_addr *a)
{
	return is_all_zeros(a, sizeof(*a));
}

// ---- Wire ----

static bool presence_is_valid(uint16_t flags, uint16_t has)
{
	bool ipv4 = has & HAS_IPV4_MIN, ipv6 = has & HAS_IPV6_MIN;

	if (!has)
		return true;
	if (!(flags & (NAT_SRC | NAT_DST)) || has >= 2 * HAS_PORT_MAX || ipv4 == ipv6)
		return false;
	return (!(has & HAS_IPV4_MAX) || ipv4) && (!(has & HAS_IPV6_MAX) || ipv6) &&
	       (!(has & HAS_PORT_MAX) || has & HAS_PORT_MIN);
}

static bool flags_are_valid(uint16_t flags)
{
	return !(flags & ~WIRE_FLAGS) && (flags & (NAT_SRC | NAT_DST)) != (NAT_SRC | NAT_DST) &&
	       (flags & (NAT_HASH | NAT_RANDOM)) != (NAT_HASH | NAT_RANDOM) &&
	       (!flags || flags & (NAT_SRC | NAT_DST));
}

// Where the upper end is the lower one it says nothing.
static bool take_range(struct reader *r, uint16_t has, struct nat *n)
{
	size_t size = has & HAS_IPV6_MIN ? 16 : 4;

	if (has & (HAS_IPV4_MIN | HAS_IPV6_MIN)) {
		n->flags |= NAT_ADDRESS | (has & HAS_IPV6_MIN ? NAT_IPV6 : 0);
		rd_copy(r, &n->min, size);
		if (is_zero(&n->min))
			return false;
	}
	if (has & (HAS_IPV4_MAX | HAS_IPV6_MAX)) {
		rd_copy(r, &n->max, size);
		if (memcmp(&n->max, &n->min, size) < 0)
			return false;
		if (!memcmp(&n->max, &n->min, size))
			memset(&n->max, 0, sizeof(n->max));
	}
	if (has & HAS_PORT_MIN)
		n->port_min = rd_be16(r);
	if (has & HAS_PORT_MAX) {
		n->port_max = rd_be16(r);
		if (n->port_max < n->port_min)
			return false;
		if (n->port_max == n->port_min)
			n->port_max = 0;
	}
	return !(has & HAS_PORT_MIN) || n->port_min;
}

enum ofperr nat_action_decode(struct act_in *in, struct strbuf *out)
{
	struct nat n = { 0 };
	uint16_t has;

	rd_skip(&in->body, 2);
	n.flags = rd_be16(&in->body);
	has = rd_be16(&in->body);
	if (!flags_are_valid(n.flags) || !presence_is_valid(n.flags, has) ||
	    !take_range(&in->body, has, &n))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (rd_status(&in->body) || rd_left(&in->body) >= 8)
		return OFPERR_OFPBAC_BAD_LEN;
	act_put(out, ACT_NAT)->nat = n;
	return OFPERR_NONE;
}

static uint16_t presence(const struct nat *n)
{
	uint16_t has = 0;

	if (n->flags & NAT_ADDRESS)
		has |= n->flags & NAT_IPV6 ? HAS_IPV6_MIN : HAS_IPV4_MIN;
	if (!is_zero(&n->max))
		has |= has << 1; // of the same family
	if (n->port_min)
		has |= HAS_PORT_MIN;
	if (n->port_max)
		has |= HAS_PORT_MAX;
	return has;
}

void nat_action_encode(const struct act *a, struct act_out *o)
{
	size_t start = act_begin_nx(o, NX_NAT), size = a->nat.flags & NAT_IPV6 ? 16 : 4;
	const struct nat *n = &a->nat;

	wr_be16(o->out, 0);
	wr_be16(o->out, n->flags & WIRE_FLAGS);
	wr_be16(o->out, presence(n));
	if (n->flags & NAT_ADDRESS)
		strbuf_put(o->out, &n->min, size);
	if (!is_zero(&n->max))
		strbuf_put(o->out, &n->max, size);
	if (n->port_min)
		wr_be16(o->out, n->port_min);
	if (n->port_max)
		wr_be16(o->out, n->port_max);
	act_end(o, start);
}

// ---- Text ----

void nat_action_format(const struct act *a, const struct act_text *t)
{
	nat_format(&a->nat, t->out);
}

int nat_action_parse(char *arg, const struct act_text *t)
{
	struct nat n;

	if (nat_parse(arg, strlen(arg), &n, t->err))
		return -EINVAL;
	// Zeros are how "keep the address, ports change where they clash" is written; messages say it without an address.
	if (n.flags & NAT_ADDRESS && is_zero(&n.min)) {
		if (!is_zero(&n.max) || n.port_min)
			return error_set(t->err, -EINVAL, "nat: %s: a range from zero is no range",
					 arg);
		n.flags &= ~(NAT_ADDRESS | NAT_IPV6);
	}
	act_put(t->out, ACT_NAT)->nat = n;
	return 0;
}
