// SPDX-License-Identifier: Apache-2.0
// One flow, every field of it, as people write and read it; a match (match-text.c) says something about some fields only.
#include "core/flow/fields.h"

// ---- Reading ----

struct flow_text {
	struct match m;
	uint64_t seen[FIELD_MAX / 64 + 1]; // fields that were named
	const struct port_names *names;
	struct error *err;
};

// True the second time.
static bool seen_before(struct flow_text *t, const struct field *f)
{
	uint64_t *word = &t->seen[f->id / 64], bit = 1ull << f->id % 64;
	bool before = *word & bit;

	*word |= bit;
	return before;
}

static bool is_exact(const struct field *f, const union field_value *mask)
{
	union field_value all;

	field_all_ones(f, &all);
	return !memcmp(mask, &all, f->n_bytes);
}

static int set_value(struct flow_text *t, const struct field *f, const char *name,
		     const char *value)
{
	struct error why = ERROR_INIT;
	union field_value v, mask;
	int error;

	if (f->format == FMT_OF_PORT)
		error = match_parse_word(&t->m, name, *value ? value : "?", t->names, &why);
	else
		error = field_parse(f, value, &v, &mask, &why);
	if (!error && f->format != FMT_OF_PORT && !is_exact(f, &mask))
		error = error_set(&why, -EINVAL, "%s: wildcards not allowed here", value);
	if (error)
		return error_set(t->err, -EINVAL, "bad value for %s (%s)", name, why.text);
	if (f->format != FMT_OF_PORT)
		match_set_field(&t->m, f, &v, &mask);
	return 0;
}

static int take_word(struct flow_text *t, char *name, char *value)
{
	bool typed = t->m.mask.m.eth_type;
	const struct field *f;

	if (!*value && match_parse_word(&t->m, name, NULL, NULL, NULL) == 0)
		return typed && strcmp(name, "eth")
			       ? error_set(t->err, -EINVAL, "Ethernet type set multiple times")
			       : 0;
	f = field_by_name(name);
	// Wire names belong to actions.
	if (!f || (strcmp(f->name, name) && (!f->alias || strcmp(f->alias, name))))
		return error_set(t->err, -EINVAL, "unknown field %s", name);
	if (!field_prerequisites_hold(f, &t->m))
		return error_set(t->err, -EINVAL, "prerequisites not met for setting %s", name);
	if (seen_before(t, f))
		return error_set(t->err, -EINVAL, "field %s set multiple times", name);
	return set_value(t, f, name, value);
}

// Parentheses hold commas together.
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, ", \t\r\n"), *p = word;
	unsigned int depth = 0;

	if (!*word)
		return NULL;
	for (; *p && (depth || !strchr(", \t\r\n", *p)); p++)
		depth += *p == '(' ? 1 : *p == ')' && depth ? -1 : 0;
	*at = *p ? p + 1 : p;
	*p = '\0';
	return word;
}

int flow_parse(const char *text, const struct port_names *names, struct flow_key *ret,
	       struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct error why = ERROR_INIT;
	struct flow_text t = { .names = names, .err = &why };
	char *at = copy;

	match_init_any(&t.m);
	t.m.key.in_port = OFPP_ANY;
	t.m.mask.m.in_port = UINT32_MAX;
	for (char *w = next_word(&at); w; w = next_word(&at)) {
		char *eq = strchr(w, '=');

		if (eq)
			*eq = '\0';
		if (take_word(&t, w, eq ? eq + 1 : w + strlen(w)))
			return error_set(err, -EINVAL, "%s: %s", text, why.text);
	}
	*ret = t.m.key;
	// No field says by which type a tag came.
	for (int i = 0; i < FLOW_MAX_VLANS; i++)
		if (ret->vlans[i].tci & htobe16(VLAN_PRESENT))
			ret->vlans[i].tpid = htobe16(0x8100);
	return 0;
}

// ---- Writing ----

// All of an outer header; nothing where there is none.
static void readable_tunnel(struct flow_tunnel *m, const struct flow_tunnel *t)
{
	memset(m, 0, sizeof(*m));
	if (!flow_tunnel_is_set(t)) {
		m->tun_id = t->tun_id ? UINT64_MAX : 0;
		return;
	}
	memset(m, 0xff, offsetof(struct flow_tunnel, opt_len));
	m->tp_src = m->tp_dst = 0;
	m->tun_id = t->flags & FLOW_TNL_KEY ? UINT64_MAX : 0;
	m->erspan_idx = t->erspan_ver == 1 ? UINT32_MAX : 0;
	m->erspan_dir = m->erspan_hwid = t->erspan_ver == 2 ? UINT8_MAX : 0;
	m->metadata_present = t->metadata_present;
	for (int i = 0; i < 64; i++)
		if (t->metadata_present >> i & 1)
			memset(&m->metadata[4 * i], 0xff, 4);
}

// For people: metadata that is zero says nothing.
static void readable_mask(struct flow_mask *m, const struct flow_key *key)
{
	const uint8_t *k = (const uint8_t *)key;
	uint8_t *bytes = (uint8_t *)&m->m;

	flow_mask_exact_for(m, key);
	for (size_t i = 0; i < FLOW_SEGMENT_L2 * 8; i += 4)
		if (is_all_zeros(k + i, 4))
			memset(bytes + i, 0, 4);
	m->m.in_port = key->in_port ? UINT32_MAX : 0;
	m->m.actset_output = 0;
	m->m.ct_state = key->ct_state ? UINT8_MAX : 0;
	m->m.ct_zone = key->ct_zone ? UINT16_MAX : 0;
	m->m.ct_nw_proto = key->ct_nw_proto ? UINT8_MAX : 0;
	memset(m->m.ct_label, is_all_zeros(key->ct_label, 16) ? 0 : 0xff, sizeof(m->m.ct_label));
	// Of the family that the packet has.
	if (key->eth_type == htobe16(0x86dd)) {
		m->m.ct_nw_src = m->m.ct_nw_dst = 0;
	} else {
		memset(&m->m.ct_ipv6_src, 0, sizeof(m->m.ct_ipv6_src));
		memset(&m->m.ct_ipv6_dst, 0, sizeof(m->m.ct_ipv6_dst));
	}
	m->m.metadata = key->metadata ? UINT64_MAX : 0;
	readable_tunnel(&m->m.tunnel, &key->tunnel);
	if (key->recirc_id)
		memset(&m->m.packet_type, 0xff, sizeof(m->m.packet_type));
	memset(m->m.vlans, 0, sizeof(m->m.vlans));
	if (key->eth_type == htobe16(0x894f) && key->nsh_mdtype != 1)
		memset(m->m.nsh_context, 0, sizeof(m->m.nsh_context));
	if (key->packet_type)
		return;
	// How many tags there are is always said.
	for (int i = 0; i < FLOW_MAX_VLANS; i++) {
		m->m.vlans[i].tci = UINT16_MAX;
		if (!(key->vlans[i].tci & htobe16(VLAN_PRESENT)))
			break;
	}
}

void flow_format(const struct flow_key *key, const struct port_names *names, struct strbuf *out)
{
	struct match m = { .key = *key };

	readable_mask(&m.mask, key);
	match_format(&m, names, out);
}
