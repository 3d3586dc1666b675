// SPDX-License-Identifier: Apache-2.0
// The kernel sets whole headers under a mask: our sets of single fields are gathered in a key, and the key's attributes are
// what the kernel wants.
#include "datapath/kernel/set.h"

#include <linux/openvswitch.h>

#include "datapath/kernel/key.h"

int set_batch_add(struct set_batch *s, const struct dp_action *a, const struct flow_key *key,
		  struct error *err)
{
	const struct field *f = field_get(a->set.field);
	union field_value value, mask, seen;

	// Fields share members: without the kind of packet the kernel would set another header.
	if (!field_is_present(f, key))
		return error_set(err, -ENOTSUP, "set(%s): the flow's packets need not have it",
				 f->name);
	memcpy(value.b, a->set.value, sizeof(a->set.value));
	memcpy(mask.b, a->set.mask, sizeof(a->set.mask));
	field_write_masked(f, &value, &mask, &s->value);
	field_read(f, &s->mask.m, &seen);
	for (int i = 0; i < f->n_bytes; i++)
		seen.b[i] |= mask.b[i];
	field_write(f, &seen, &s->mask.m);
	s->any = true;
	return 0;
}

// The attributes of one level, in a nest so that they can be walked.
static void put_nest(struct strbuf *b, const struct flow_key *key, const struct flow_mask *values)
{
	size_t nest = nl_nest_begin(b, 0);

	kernel_put_mask(b, key, values);
	nl_nest_end(b, nest);
}

static bool can_be_set(uint16_t attr)
{
	switch (attr) {
	case OVS_KEY_ATTR_PRIORITY:
	case OVS_KEY_ATTR_SKB_MARK:
	case OVS_KEY_ATTR_ETHERNET:
	case OVS_KEY_ATTR_IPV4:
	case OVS_KEY_ATTR_IPV6:
	case OVS_KEY_ATTR_TCP:
	case OVS_KEY_ATTR_UDP:
	case OVS_KEY_ATTR_SCTP:
	case OVS_KEY_ATTR_MPLS:
		return true;
	default:
		return false;
	}
}

static const char *owner(const struct flow_mask *mask)
{
	for (int id = 0; id < FIELD_MAX; id++)
		if (field_is_in(field_get(id), &mask->m))
			return field_get(id)->name;
	return "unnamed bits";
}

static const struct nlattr *find(const struct strbuf *nest, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, (const struct nlattr *)nest->s) if (mnl_attr_get_type(a) ==
									type) return a;
	return NULL;
}

// An attribute with value and mask, the one behind the other; a header whose value is all zeros is left out by the writer.
static void put_set(struct strbuf *b, const struct nlattr *mask, const struct nlattr *value)
{
	uint8_t both[128] = { 0 };
	// Of labels only the first can be set, however many the packet has.
	size_t n = mnl_attr_get_type(mask) == OVS_KEY_ATTR_MPLS ? 4 : nl_len(mask);
	size_t nest = nl_nest_begin(b, OVS_ACTION_ATTR_SET_MASKED);

	if (value)
		memcpy(both, mnl_attr_get_payload(value), n);
	memcpy(both + n, mnl_attr_get_payload(mask), n);
	nl_put(b, mnl_attr_get_type(mask), both, 2 * n);
	nl_nest_end(b, nest);
}

int set_batch_flush(struct set_batch *s, const struct flow_key *key, struct strbuf *b,
		    struct error *err)
{
	AUTO(strbuf) masks = STRBUF_INIT, values = STRBUF_INIT;
	struct flow_mask as_mask = { .m = s->value }, left = s->mask, done;
	struct flow_key untagged = *key;
	const struct nlattr *a;
	struct error ignored;

	if (!s->any)
		return 0;
	// Tags are pushed and popped, never set: what is behind them stands at the first level.
	memset(untagged.vlans, 0, sizeof(untagged.vlans));
	put_nest(&masks, &untagged, &s->mask);
	put_nest(&values, &untagged, &as_mask);
	mnl_attr_for_each_nested(a, (const struct nlattr *)masks.s)
	{
		uint16_t type = mnl_attr_get_type(a);

		if (type == OVS_KEY_ATTR_ETHERTYPE)
			continue;
		if (!can_be_set(type))
			return error_set(err, -ENOTSUP, "set(%s): the kernel does not set it",
					 owner(&s->mask));
		put_set(b, a, find(&values, type));
	}
	// What no attribute took, the kernel has no word for.
	if (kernel_get_mask((const struct nlattr *)masks.s, &untagged, &done, &ignored))
		return error_set(err, -ENOTSUP, "set(%s): the kernel does not set it",
				 owner(&s->mask));
	for (size_t i = 0; i < FLOW_WORDS; i++)
		flow_words(&left.m)[i] &= ~flow_words(&done.m)[i];
	if (!is_all_zeros(&left, sizeof(left)))
		return error_set(err, -ENOTSUP, "set(%s): the kernel does not set it",
				 owner(&left));
	memset(s, 0, sizeof(*s));
	return 0;
}

// A key and a mask that have only this attribute give the fields that it sets.
static int read_half(uint16_t type, const uint8_t *p, size_t n, bool is_mask, struct flow_key *ret,
		     struct error *err)
{
	static const struct flow_key none;
	AUTO(strbuf) b = STRBUF_INIT;
	struct flow_mask mask;
	size_t nest = nl_nest_begin(&b, 0);
	int error;

	nl_put(&b, type, p, n);
	nl_nest_end(&b, nest);
	if (!is_mask)
		return kernel_get_key((const struct nlattr *)b.s, ret, err);
	error = kernel_get_mask((const struct nlattr *)b.s, &none, &mask, err);
	mask.m.in_port = 0;
	memset(mask.m.vlans, 0, sizeof(mask.m.vlans));
	*ret = mask.m;
	return error;
}

// Fields that share a member: the attribute says which of them is meant.
static bool is_of(const struct field *f, uint16_t type)
{
	switch (f->need) {
	case NEED_TCP:
		return type == OVS_KEY_ATTR_TCP;
	case NEED_UDP:
		return type == OVS_KEY_ATTR_UDP;
	case NEED_SCTP:
		return type == OVS_KEY_ATTR_SCTP;
	case NEED_IPV4:
		return type == OVS_KEY_ATTR_IPV4;
	case NEED_IPV6:
		return type == OVS_KEY_ATTR_IPV6;
	case NEED_IP:
		// nw_tos has the same bits.
		return f->id != FIELD_IP_DSCP &&
		       (type == OVS_KEY_ATTR_IPV4 || type == OVS_KEY_ATTR_IPV6);
	case NEED_NONE:
	case NEED_ETH:
	case NEED_MPLS:
		return true;
	default:
		return false;
	}
}

int set_from_kernel(const struct nlattr *nest, bool masked, struct strbuf *out, struct error *err)
{
	const struct nlattr *a = mnl_attr_get_payload(nest);
	uint8_t ones[128];
	const uint8_t *p;
	struct flow_key value, mask;
	size_t n;
	int error;

	if (!mnl_attr_ok(a, nl_len(nest)))
		return error_set(err, -EPROTO, "set: no attribute inside");
	p = mnl_attr_get_payload(a);
	n = masked ? nl_len(a) / 2 : nl_len(a);
	if (n > sizeof(ones) || (masked && nl_len(a) % 2))
		return error_set(err, -EPROTO, "set: attribute %u has %zu bytes",
				 mnl_attr_get_type(a), nl_len(a));
	memset(ones, 0xff, sizeof(ones));
	error = read_half(mnl_attr_get_type(a), p, n, false, &value, err);
	if (!error)
		error = read_half(mnl_attr_get_type(a), masked ? p + n : ones, n, true, &mask, err);
	for (int id = 0; !error && id < FIELD_MAX; id++) {
		const struct field *f = field_get(id);
		union field_value v, m;

		if (!is_of(f, mnl_attr_get_type(a)) || !field_is_in(f, &mask))
			continue;
		field_read(f, &mask, &m);
		field_read(f, &value, &v);
		for (int i = 0; i < f->n_bytes; i++)
			v.b[i] &= m.b[i];
		dp_put_set(out, f, &v, &m);
	}
	return error;
}
