// SPDX-License-Identifier: Apache-2.0
#include "core/flow/ct-match.h"

#include <arpa/inet.h>

enum form { IPV4, IPV6, BYTE, PORT };

#define WHERE(MEMBER) offsetof(struct ct_tuple, MEMBER)

static const struct field_row {
	const char *name;
	uint16_t field;
	enum form form;
	size_t offset;
} rows[] = {
	{ "ct_nw_src", CT_MATCH_SRC, IPV4, WHERE(src) },
	{ "ct_nw_dst", CT_MATCH_DST, IPV4, WHERE(dst) },
	{ "ct_ipv6_src", CT_MATCH_SRC, IPV6, WHERE(src) },
	{ "ct_ipv6_dst", CT_MATCH_DST, IPV6, WHERE(dst) },
	{ "ct_nw_proto", CT_MATCH_PROTO, BYTE, WHERE(proto) },
	{ "ct_tp_src", CT_MATCH_SRC_PORT, PORT, WHERE(src_port) },
	{ "ct_tp_dst", CT_MATCH_DST_PORT, PORT, WHERE(dst_port) },
	{ "icmp_id", CT_MATCH_ICMP_ID, PORT, WHERE(src_port) },
	{ "icmp_type", CT_MATCH_ICMP_TYPE, BYTE, WHERE(icmp_type) },
	{ "icmp_code", CT_MATCH_ICMP_CODE, BYTE, WHERE(icmp_code) },
};

enum {
	PORTS = CT_MATCH_SRC_PORT | CT_MATCH_DST_PORT,
	ICMP = CT_MATCH_ICMP_ID | CT_MATCH_ICMP_TYPE | CT_MATCH_ICMP_CODE,
	ADDRESSES = CT_MATCH_SRC | CT_MATCH_DST
};

static const struct field_row *find_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static bool take_value(const struct field_row *r, const char *value, void *at)
{
	uint32_t n;
	be16 port;

	if (r->form == IPV4 || r->form == IPV6)
		return inet_pton(r->form == IPV4 ? AF_INET : AF_INET6, value, at) == 1;
	if (!parse_u32(value, 0, &n) || n > (r->form == BYTE ? UINT8_MAX : UINT16_MAX))
		return false;
	if (r->form == BYTE) {
		*(uint8_t *)at = n;
	} else {
		port = htobe16(n);
		memcpy(at, &port, sizeof(port));
	}
	return true;
}

static int take_field(const char *name, const char *value, struct ct_tuple_match *m,
		      struct error *err)
{
	const struct field_row *r = find_row(name);
	be16 type;

	if (!value || !*value)
		return error_set(err, -EINVAL, "field %s missing value", name);
	if (!r)
		return error_set(err, -EINVAL, "invalid conntrack tuple field: %s", name);
	type = r->form == IPV4 ? htobe16(0x0800) : r->form == IPV6 ? htobe16(0x86dd) : 0;
	if (type && m->tuple.eth_type && m->tuple.eth_type != type)
		return error_set(err, -EINVAL, "the L3 protocol does not match %s", value);
	if (m->fields & r->field)
		return error_set(err, -EINVAL, "%s is set multiple times", name);
	if (!take_value(r, value, (uint8_t *)&m->tuple + r->offset))
		return error_set(err, -EINVAL, "failed to parse field %s", name);
	if (type)
		m->tuple.eth_type = type;
	m->fields |= r->field;
	return 0;
}

static int check(const struct ct_tuple_match *m, struct error *err)
{
	bool icmp = m->fields & CT_MATCH_PROTO && ct_proto_is_icmp(m->tuple.proto);

	if (m->fields & PORTS && !(m->fields & CT_MATCH_PROTO))
		return error_set(err, -EINVAL, "port is set without protocol");
	if ((m->fields & ICMP && !icmp) || (m->fields & PORTS && icmp))
		return error_set(err, -EINVAL, "invalid L4 fields");
	return 0;
}

int ct_tuple_match_parse(const char *text, struct ct_tuple_match *ret, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct ct_tuple_match m = { .fields = 0 };
	char *save = NULL;
	int error;

	for (char *w = strtok_r(copy, ", \t\n", &save); w; w = strtok_r(NULL, ", \t\n", &save)) {
		char *value = strchr(w, '=');

		if (value)
			*value++ = '\0';
		error = take_field(w, value, &m, err);
		if (error)
			return error;
	}
	error = check(&m, err);
	if (!error)
		*ret = m;
	return error;
}

static bool has_only_tuples(const struct ct_match *m)
{
	return !m->mark_mask && is_all_zeros(m->label_mask, sizeof(m->label_mask));
}

bool ct_match_is_any(const struct ct_match *m)
{
	return !m->has_zone && !m->orig.fields && !m->reply.fields && has_only_tuples(m);
}

bool ct_match_is_exact(const struct ct_match *m)
{
	uint16_t rest = ct_proto_is_icmp(m->orig.tuple.proto) ? ICMP : PORTS;

	return has_only_tuples(m) && !m->reply.fields &&
	       m->orig.fields == (ADDRESSES | CT_MATCH_PROTO | rest);
}
