// SPDX-License-Identifier: Apache-2.0
#include "datapath/kernel/key.h"

#include <linux/if_ether.h>
#include <linux/openvswitch.h>

#include "core/flow/fields.h"

enum how { COPY, LOW, WIDE, FRAG };

struct kernel_tcp_flags {
	be16 flags;
};

struct header_row {
	uint16_t attr, size;
	enum field_need need;
};

struct member_row {
	uint16_t attr, offset, size; // there
	uint16_t key_offset, key_size; // here
	enum how how;
};

struct number_row {
	uint16_t attr, key_offset, bits;
};

#define SIZE_OF(MEMBER) sizeof(((struct flow_key *)0)->MEMBER)

static const struct header_row headers[] = {
#define HEADER(ATTR, STRUCT, NEED) { OVS_KEY_ATTR_##ATTR, sizeof(struct STRUCT), NEED_##NEED },
#define MEMBER(ATTR, STRUCT, THERE, HERE, HOW)
#define NUMBER(ATTR, HERE, BITS)
#include "datapath/kernel/key.def"
#undef HEADER
#undef MEMBER
};

static const struct member_row members[] = {
#define HEADER(ATTR, STRUCT, NEED)
#define MEMBER(ATTR, STRUCT, THERE, HERE, HOW) \
	{ OVS_KEY_ATTR_##ATTR, \
	  offsetof(struct STRUCT, THERE), \
	  sizeof(((struct STRUCT *)0)->THERE), \
	  offsetof(struct flow_key, HERE), \
	  SIZE_OF(HERE), \
	  HOW },
#include "datapath/kernel/key.def"
#undef MEMBER
#undef NUMBER
};

static const struct number_row numbers[] = {
#define MEMBER(ATTR, STRUCT, THERE, HERE, HOW)
#define NUMBER(ATTR, HERE, BITS) { OVS_KEY_ATTR_##ATTR, offsetof(struct flow_key, HERE), BITS },
#include "datapath/kernel/key.def"
#undef HEADER
#undef MEMBER
#undef NUMBER
};

// The kernel's bits of connection state are ours.
_Static_assert(CS_NEW == OVS_CS_F_NEW && CS_EST == OVS_CS_F_ESTABLISHED &&
		       CS_REL == OVS_CS_F_RELATED && CS_RPL == OVS_CS_F_REPLY_DIR &&
		       CS_INV == OVS_CS_F_INVALID && CS_TRK == OVS_CS_F_TRACKED &&
		       CS_SNAT == OVS_CS_F_SRC_NAT && CS_DNAT == OVS_CS_F_DST_NAT,
	       "ct_state is copied");

static bool is_tuple(const struct header_row *h)
{
	return h->attr == OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4 ||
	       h->attr == OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6;
}

// The module wants the attribute of neighbour discovery by the ICMPv6 type alone, whatever the code.
static bool has_header(const struct header_row *h, const struct flow_key *k)
{
	if (h->need == NEED_NONE || !field_need_holds(h->need, k))
		return false;
	if (h->attr == OVS_KEY_ATTR_ND)
		return k->tp_src == htobe16(135) || k->tp_src == htobe16(136);
	return !is_tuple(h) || k->ct_nw_proto;
}

// ---- Members ----

static uint8_t frag_to_kernel(uint8_t frag, bool is_mask)
{
	if (is_mask)
		return frag ? UINT8_MAX : 0;
	return !(frag & FLOW_FRAG_ANY)	? OVS_FRAG_TYPE_NONE
	       : frag & FLOW_FRAG_LATER ? OVS_FRAG_TYPE_LATER
					: OVS_FRAG_TYPE_FIRST;
}

static uint8_t frag_from_kernel(uint8_t frag, bool is_mask)
{
	if (is_mask)
		return frag ? FLOW_FRAG_ANY | FLOW_FRAG_LATER : 0;
	return frag == OVS_FRAG_TYPE_NONE    ? 0
	       : frag == OVS_FRAG_TYPE_LATER ? FLOW_FRAG_ANY | FLOW_FRAG_LATER
					     : FLOW_FRAG_ANY;
}

static void write_member(const struct member_row *m, const struct flow_key *k, bool is_mask,
			 uint8_t *header)
{
	const uint8_t *here = (const uint8_t *)k + m->key_offset;
	uint8_t *there = header + m->offset;

	switch (m->how) {
	case COPY:
		memcpy(there, here, m->size);
		break;
	case LOW:
		*there = here[1];
		break;
	case WIDE:
		// The upper byte of the opcode is not in our key: the parser leaves larger ones 0.
		there[0] = is_mask && *here ? UINT8_MAX : 0;
		there[1] = *here;
		break;
	case FRAG:
		*there = frag_to_kernel(*here, is_mask);
		break;
	}
}

static void read_member(const struct member_row *m, const uint8_t *header, bool is_mask,
			struct flow_key *k)
{
	uint8_t *here = (uint8_t *)k + m->key_offset;
	const uint8_t *there = header + m->offset;

	switch (m->how) {
	case COPY:
		memcpy(here, there, m->size);
		break;
	case LOW:
		here[0] = 0;
		here[1] = *there;
		break;
	case WIDE:
		*here = there[0] && !is_mask ? 0 : there[1];
		break;
	case FRAG:
		*here = frag_from_kernel(*there, is_mask);
		break;
	}
}

// ---- Writing ----

// What is being written: the key itself, or a mask for a packet of this key.
struct writing {
	struct strbuf *b;
	const struct flow_key *key, *values;
	bool is_mask;
	bool looks_at_options; // of tunnels
};

void kernel_turn_label(const uint8_t from[16], uint8_t to[16])
{
	for (int i = 0; i < 16; i++)
		to[i] = from[15 - i];
}

static void put_numbers(const struct writing *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const uint8_t *p = (const uint8_t *)w->values + numbers[i].key_offset;

		if (w->is_mask && is_all_zeros(p, numbers[i].bits / 8))
			continue;
		// A packet that is from no port.
		if (!w->is_mask && numbers[i].attr == OVS_KEY_ATTR_IN_PORT &&
		    w->values->in_port == DP_PORT_NONE.n)
			continue;
		nl_put(w->b, numbers[i].attr, p, numbers[i].bits / 8);
	}
	if (!w->is_mask || w->values->ct_state)
		nl_put_u32(w->b, OVS_KEY_ATTR_CT_STATE, w->values->ct_state);
	if (!w->is_mask || !is_all_zeros(w->values->ct_label, 16)) {
		uint8_t label[16];

		kernel_turn_label(w->values->ct_label, label);
		nl_put(w->b, OVS_KEY_ATTR_CT_LABELS, label, sizeof(label));
	}
}

static void put_header(const struct writing *w, const struct header_row *h)
{
	uint8_t bytes[64] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (members[i].attr == h->attr)
			write_member(&members[i], w->values, w->is_mask, bytes);
	if (!w->is_mask || !is_all_zeros(bytes, h->size))
		nl_put(w->b, h->attr, bytes, h->size);
}

static void put_headers(const struct writing *w, bool tuples)
{
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (is_tuple(&headers[i]) == tuples && has_header(&headers[i], w->key))
			put_header(w, &headers[i]);
}

static void put_mpls(const struct writing *w)
{
	be32 lse[FLOW_MAX_MPLS];
	size_t n = 0;

	if (w->key->eth_type != htobe16(ETH_P_MPLS_UC) &&
	    w->key->eth_type != htobe16(ETH_P_MPLS_MC))
		return;
	do
		lse[n] = w->values->mpls_lse[n];
	while (!(w->key->mpls_lse[n++] & htobe32(0x100)) && n < FLOW_MAX_MPLS);
	if (!w->is_mask || !is_all_zeros(lse, n * 4))
		nl_put(w->b, OVS_KEY_ATTR_MPLS, lse, n * 4);
}

static const struct nl_policy nsh_policy[OVS_NSH_KEY_ATTR_MD1 + 1] = {
	[OVS_NSH_KEY_ATTR_BASE] = { .min = sizeof(struct ovs_nsh_key_base) },
	[OVS_NSH_KEY_ATTR_MD1] = { .min = sizeof(struct ovs_nsh_key_md1) },
};

static void put_nsh(const struct writing *w)
{
	struct ovs_nsh_key_base base = { .flags = w->values->nsh_flags,
					 .ttl = w->values->nsh_ttl,
					 .mdtype = w->values->nsh_mdtype,
					 .np = w->values->nsh_np,
					 .path_hdr = w->values->nsh_path };
	const be32 *context = w->values->nsh_context;
	bool has_context = w->key->nsh_mdtype == 1;
	size_t nest;

	if (w->key->eth_type != htobe16(0x894f) ||
	    (w->is_mask && is_all_zeros(&base, sizeof(base)) && is_all_zeros(context, 16)))
		return;
	nest = nl_nest_begin(w->b, OVS_KEY_ATTR_NSH);
	nl_put(w->b, OVS_NSH_KEY_ATTR_BASE, &base, sizeof(base));
	if (has_context)
		nl_put(w->b, OVS_NSH_KEY_ATTR_MD1, context, 16);
	nl_nest_end(w->b, nest);
}

static int get_nsh(const struct nlattr *nest, struct flow_key *k, struct error *err)
{
	const struct nlattr *a[ARRAY_SIZE(nsh_policy)];
	int error = nl_parse_nested(nest, nsh_policy, ARRAY_SIZE(nsh_policy), a, "nsh", err);
	struct ovs_nsh_key_base base;

	if (error)
		return error;
	if (a[OVS_NSH_KEY_ATTR_BASE]) {
		memcpy(&base, mnl_attr_get_payload(a[OVS_NSH_KEY_ATTR_BASE]), sizeof(base));
		k->nsh_flags = base.flags;
		k->nsh_ttl = base.ttl;
		k->nsh_mdtype = base.mdtype;
		k->nsh_np = base.np;
		k->nsh_path = base.path_hdr;
	}
	if (a[OVS_NSH_KEY_ATTR_MD1])
		memcpy(k->nsh_context, mnl_attr_get_payload(a[OVS_NSH_KEY_ATTR_MD1]), 16);
	return 0;
}

static bool is_tag_type(be16 type)
{
	return type == htobe16(ETH_P_8021Q) || type == htobe16(ETH_P_8021AD);
}

// A tag beyond the limit is payload here, and a tag to the kernel: there is one, whatever it and all behind it say.
static void put_unseen_tag(const struct writing *w)
{
	size_t nest;

	nl_put_be16(w->b, OVS_KEY_ATTR_ETHERTYPE, w->is_mask ? UINT16_MAX : w->key->eth_type);
	nl_put_be16(w->b, OVS_KEY_ATTR_VLAN, htobe16(VLAN_PRESENT));
	nest = nl_nest_begin(w->b, OVS_KEY_ATTR_ENCAP);
	// The kernel does not read a nest of a mask that holds nothing, but that of the tag before once more.
	if (w->is_mask)
		nl_put_be16(w->b, OVS_KEY_ATTR_ETHERTYPE, 0);
	nl_nest_end(w->b, nest);
}

// Type and what is behind it; 'i' tags have been written.
static void put_behind_tags(const struct writing *w, int i)
{
	struct flow_vlan tag = i < FLOW_MAX_VLANS ? w->key->vlans[i] : (struct flow_vlan){ 0 };

	if (tag.tci & htobe16(VLAN_PRESENT)) {
		nl_put_be16(w->b, OVS_KEY_ATTR_ETHERTYPE, w->is_mask ? UINT16_MAX : tag.tpid);
		nl_put_be16(w->b, OVS_KEY_ATTR_VLAN,
			    w->values->vlans[i].tci | htobe16(VLAN_PRESENT));
		size_t nest = nl_nest_begin(w->b, OVS_KEY_ATTR_ENCAP);

		put_behind_tags(w, i + 1);
		nl_nest_end(w->b, nest);
		return;
	}
	if (i && i < FLOW_MAX_VLANS && is_tag_type(w->key->eth_type)) {
		put_unseen_tag(w);
		return;
	}
	// Frames with a length instead of a type have none there; the mask says so all the same.
	if (w->is_mask || w->key->eth_type != htobe16(0x05ff))
		nl_put_be16(w->b, OVS_KEY_ATTR_ETHERTYPE,
			    w->is_mask ? UINT16_MAX : w->key->eth_type);
	put_headers(w, false);
	put_mpls(w);
	put_nsh(w);
}

static void put_all(const struct writing *w)
{
	put_numbers(w);
	kernel_put_tunnel(w->b, &(struct kernel_tunnel){ .key = &w->key->tunnel,
							 .values = &w->values->tunnel,
							 .is_mask = w->is_mask,
							 .looks_at_options = w->looks_at_options });
	put_headers(w, true);
	// Packets of other kinds begin with what is behind it.
	if (!w->key->packet_type)
		put_header(w, &headers[0]);
	put_behind_tags(w, 0);
}

void kernel_put_key(struct strbuf *b, const struct flow_key *key, const struct flow_mask *mask)
{
	put_all(&(struct writing){ .b = b,
				   .key = key,
				   .values = key,
				   .looks_at_options = mask && mask->m.tunnel.opt_len });
}

void kernel_put_mask(struct strbuf *b, const struct flow_key *key, const struct flow_mask *mask)
{
	put_all(&(struct writing){ .b = b, .key = key, .values = &mask->m, .is_mask = true });
}

// Whatever packets the flow is for, none of them has a connection's tuple: there is nothing to look at.
static bool has_no_tuple(const struct flow_key *key, const struct flow_mask *mask)
{
	uint8_t state = mask->m.ct_state;

	return !key->ct_nw_proto &&
	       ((state & CS_TRK && !(key->ct_state & CS_TRK)) || state & key->ct_state & CS_INV);
}

const char *kernel_mask_unsupported(const struct flow_key *key, const struct flow_mask *mask)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct flow_mask left = *mask, seen;
	struct error err;
	size_t nest = nl_nest_begin(&b, 0);

	// What comes back from a round trip is what the kernel would look at.
	kernel_put_mask(&b, key, mask);
	nl_nest_end(&b, nest);
	if (kernel_get_mask((const struct nlattr *)b.s, key, &seen, &err))
		return "a field";
	left.m.packet_type = 0;
	if (has_no_tuple(key, mask))
		flow_key_clear_ct_tuple(&left.m);
	for (size_t i = 0; i < FLOW_WORDS; i++)
		flow_words(&left.m)[i] &= ~flow_words(&seen.m)[i];
	for (int id = 0; id < FIELD_MAX; id++) {
		union field_value bits;

		field_read(field_get(id), &left.m, &bits);
		if (!is_all_zeros(&bits, field_get(id)->n_bytes))
			return field_get(id)->name;
	}
	return NULL;
}

// ---- Reading ----

static const struct nl_policy key_policy[OVS_KEY_ATTR_NSH + 1] = {
	[OVS_KEY_ATTR_ENCAP] = { .type = MNL_TYPE_UNSPEC },
	[OVS_KEY_ATTR_PRIORITY] = { .type = MNL_TYPE_U32 },
	[OVS_KEY_ATTR_IN_PORT] = { .type = MNL_TYPE_U32 },
	[OVS_KEY_ATTR_ETHERNET] = { .min = sizeof(struct ovs_key_ethernet) },
	[OVS_KEY_ATTR_VLAN] = { .type = MNL_TYPE_U16 },
	[OVS_KEY_ATTR_ETHERTYPE] = { .type = MNL_TYPE_U16 },
	[OVS_KEY_ATTR_IPV4] = { .min = sizeof(struct ovs_key_ipv4) },
	[OVS_KEY_ATTR_IPV6] = { .min = sizeof(struct ovs_key_ipv6) },
	[OVS_KEY_ATTR_TCP] = { .min = sizeof(struct ovs_key_tcp) },
	[OVS_KEY_ATTR_UDP] = { .min = sizeof(struct ovs_key_udp) },
	[OVS_KEY_ATTR_ICMP] = { .min = sizeof(struct ovs_key_icmp) },
	[OVS_KEY_ATTR_ICMPV6] = { .min = sizeof(struct ovs_key_icmpv6) },
	[OVS_KEY_ATTR_ARP] = { .min = sizeof(struct ovs_key_arp) },
	[OVS_KEY_ATTR_ND] = { .min = sizeof(struct ovs_key_nd) },
	[OVS_KEY_ATTR_SKB_MARK] = { .type = MNL_TYPE_U32 },
	[OVS_KEY_ATTR_TUNNEL] = { .type = MNL_TYPE_UNSPEC },
	[OVS_KEY_ATTR_SCTP] = { .min = sizeof(struct ovs_key_sctp) },
	[OVS_KEY_ATTR_TCP_FLAGS] = { .type = MNL_TYPE_U16 },
	[OVS_KEY_ATTR_DP_HASH] = { .type = MNL_TYPE_U32 },
	[OVS_KEY_ATTR_RECIRC_ID] = { .type = MNL_TYPE_U32 },
	[OVS_KEY_ATTR_MPLS] = { .min = 4 },
	[OVS_KEY_ATTR_CT_STATE] = { .type = MNL_TYPE_U32 },
	[OVS_KEY_ATTR_CT_ZONE] = { .type = MNL_TYPE_U16 },
	[OVS_KEY_ATTR_CT_MARK] = { .type = MNL_TYPE_U32 },
	[OVS_KEY_ATTR_CT_LABELS] = { .min = 16, .max = 16 },
	[OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4] = { .min = sizeof(struct ovs_key_ct_tuple_ipv4) },
	[OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6] = { .min = sizeof(struct ovs_key_ct_tuple_ipv6) },
	[OVS_KEY_ATTR_NSH] = { .type = MNL_TYPE_UNSPEC },
};

typedef const struct nlattr *attr_table[ARRAY_SIZE(key_policy)];

// 'key' NULL: it is one that is read.
static int get_metadata(const attr_table a, const struct flow_key *key, struct flow_key *k,
			struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (a[numbers[i].attr])
			memcpy((uint8_t *)k + numbers[i].key_offset,
			       mnl_attr_get_payload(a[numbers[i].attr]), numbers[i].bits / 8);
	k->ct_state = nl_u32(a[OVS_KEY_ATTR_CT_STATE]);
	if (a[OVS_KEY_ATTR_CT_LABELS])
		kernel_turn_label(mnl_attr_get_payload(a[OVS_KEY_ATTR_CT_LABELS]), k->ct_label);
	return a[OVS_KEY_ATTR_TUNNEL]
		       ? kernel_get_tunnel(a[OVS_KEY_ATTR_TUNNEL], key ? &key->tunnel : NULL,
					   &k->tunnel, err)
		       : 0;
}

static void get_headers(const attr_table a, bool is_mask, struct flow_key *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (a[members[i].attr])
			read_member(&members[i], mnl_attr_get_payload(a[members[i].attr]), is_mask,
				    k);
	if (a[OVS_KEY_ATTR_MPLS])
		memcpy(k->mpls_lse, mnl_attr_get_payload(a[OVS_KEY_ATTR_MPLS]),
		       MIN(nl_len(a[OVS_KEY_ATTR_MPLS]) / 4, FLOW_MAX_MPLS) * 4);
}

// The level of 'depth' tags, and those inside. 'key': whose mask it is, NULL: it is a key itself.
static int get_level(const void *p, size_t n, const struct flow_key *key, int depth,
		     struct flow_key *k, struct error *err)
{
	bool is_mask = key;
	attr_table a;
	int error = nl_parse(p, n, key_policy, ARRAY_SIZE(key_policy), a, "flow key", err);

	if (error)
		return error;
	if (!depth)
		error = get_metadata(a, key, k, err);
	if (error)
		return error;
	get_headers(a, is_mask, k);
	k->eth_type = a[OVS_KEY_ATTR_ETHERTYPE] ? nl_be16(a[OVS_KEY_ATTR_ETHERTYPE])
		      : is_mask			? 0
						: htobe16(0x05ff);
	if (!depth && !is_mask && !a[OVS_KEY_ATTR_ETHERNET] && a[OVS_KEY_ATTR_ETHERTYPE])
		k->packet_type = htobe32(1u << 16 | be16toh(k->eth_type));
	if (a[OVS_KEY_ATTR_NSH] && get_nsh(a[OVS_KEY_ATTR_NSH], k, err))
		return -EPROTO;
	if (!a[OVS_KEY_ATTR_ENCAP] || !a[OVS_KEY_ATTR_VLAN])
		return 0;
	if (depth >= FLOW_MAX_VLANS)
		return error_set(err, -EPROTO, "flow key: more than %d tags", FLOW_MAX_VLANS);
	k->vlans[depth].tpid = k->eth_type;
	k->vlans[depth].tci = nl_be16(a[OVS_KEY_ATTR_VLAN]);
	return get_level(mnl_attr_get_payload(a[OVS_KEY_ATTR_ENCAP]), nl_len(a[OVS_KEY_ATTR_ENCAP]),
			 key, depth + 1, k, err);
}

int kernel_get_key(const struct nlattr *nest, struct flow_key *ret, struct error *err)
{
	struct flow_key k = { 0 };
	int error = get_level(mnl_attr_get_payload(nest), nl_len(nest), NULL, 0, &k, err);

	if (!error)
		*ret = k;
	return error;
}

int kernel_get_mask(const struct nlattr *nest, const struct flow_key *key, struct flow_mask *ret,
		    struct error *err)
{
	struct flow_mask m = { 0 };
	int error;

	if (!nest) {
		flow_mask_exact_for(ret, key);
		return 0;
	}
	error = get_level(mnl_attr_get_payload(nest), nl_len(nest), key, 0, &m.m, err);
	if (error)
		return error;
	// The kernel always looks at these, whatever the mask says.
	m.m.in_port = UINT32_MAX;
	for (int i = 0; i < FLOW_MAX_VLANS; i++)
		if (!(key->vlans[i].tci & htobe16(VLAN_PRESENT))) {
			m.m.vlans[i].tci = UINT16_MAX;
			m.m.vlans[i].tpid = UINT16_MAX;
			break;
		}
	*ret = m;
	return 0;
}
