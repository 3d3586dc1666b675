// SPDX-License-Identifier: Apache-2.0
#include "core/netlink/nl.h"

// ---- Building ----

static void pad(struct strbuf *b)
{
	strbuf_put_zeros(b, MNL_ALIGN(b->len) - b->len);
}

size_t nl_msg_begin(struct strbuf *b, uint16_t type, uint16_t flags)
{
	size_t at = b->len;
	struct nlmsghdr *h = (struct nlmsghdr *)strbuf_put_uninit(b, sizeof(*h));

	*h = (struct nlmsghdr){ .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags };
	return at;
}

void nl_msg_end(struct strbuf *b, size_t msg)
{
	((struct nlmsghdr *)(b->s + msg))->nlmsg_len = b->len - msg;
	pad(b);
}

void *nl_put_header(struct strbuf *b, size_t n)
{
	size_t at = b->len;

	strbuf_put_zeros(b, MNL_ALIGN(n));
	return b->s + at;
}

void nl_put(struct strbuf *b, uint16_t type, const void *p, size_t n)
{
	struct nlattr a = { .nla_type = type, .nla_len = sizeof(a) + n };

	assert(n <= UINT16_MAX - sizeof(a));
	strbuf_put(b, &a, sizeof(a));
	if (n)
		strbuf_put(b, p, n);
	pad(b);
}

void nl_put_flag(struct strbuf *b, uint16_t type)
{
	nl_put(b, type, NULL, 0);
}

void nl_put_u8(struct strbuf *b, uint16_t type, uint8_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u16(struct strbuf *b, uint16_t type, uint16_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u32(struct strbuf *b, uint16_t type, uint32_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u64(struct strbuf *b, uint16_t type, uint64_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_be16(struct strbuf *b, uint16_t type, be16 v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_be32(struct strbuf *b, uint16_t type, be32 v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_be64(struct strbuf *b, uint16_t type, be64 v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_str(struct strbuf *b, uint16_t type, const char *s)
{
	nl_put(b, type, s, strlen(s) + 1);
}

size_t nl_nest_begin(struct strbuf *b, uint16_t type)
{
	size_t at = b->len;

	nl_put(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

int nl_nest_end(struct strbuf *b, size_t nest)
{
	if (b->len - nest > UINT16_MAX) {
		nl_nest_cancel(b, nest);
		return -EMSGSIZE;
	}
	((struct nlattr *)(b->s + nest))->nla_len = b->len - nest;
	return 0;
}

void nl_nest_cancel(struct strbuf *b, size_t nest)
{
	strbuf_truncate(b, nest);
}

// ---- Parsing ----

static size_t type_size(enum mnl_attr_data_type type)
{
	switch (type) {
	case MNL_TYPE_U8:
		return 1;
	case MNL_TYPE_U16:
		return 2;
	case MNL_TYPE_U32:
		return 4;
	case MNL_TYPE_U64:
		return 8;
	default:
		return 0;
	}
}

static bool fits(const struct nlattr *a, const struct nl_policy *p)
{
	size_t n = nl_len(a), exact = type_size(p->type);

	if (exact && n != exact)
		return false;
	if (n < p->min || (p->max && n > p->max))
		return false;
	if (p->type == MNL_TYPE_NUL_STRING)
		return n && !((const char *)mnl_attr_get_payload(a))[n - 1];
	return true;
}

int nl_parse(const void *p, size_t n, const struct nl_policy policy[], size_t n_policy,
	     const struct nlattr *attrs[], const char *what, struct error *err)
{
	const uint8_t *at = p, *end = at + n;

	memset(attrs, 0, n_policy * sizeof(attrs[0]));
	while ((size_t)(end - at) >= sizeof(struct nlattr)) {
		const struct nlattr *a = (const struct nlattr *)at;
		size_t step = MNL_ALIGN(a->nla_len);
		uint16_t type = mnl_attr_get_type(a);

		if (a->nla_len < sizeof(*a) || a->nla_len > end - at)
			return error_set(err, -EPROTO,
					 "%s: attribute %u says %u bytes, %zu are there", what,
					 type, a->nla_len, (size_t)(end - at));
		if (type < n_policy) {
			if (!fits(a, &policy[type]))
				return error_set(err, -EPROTO, "%s: attribute %u has %zu bytes",
						 what, type, nl_len(a));
			attrs[type] = a;
		}
		at += MIN(step, (size_t)(end - at));
	}
	if (at != end)
		return error_set(err, -EPROTO, "%s: %zu bytes after the last attribute", what,
				 (size_t)(end - at));
	for (size_t i = 0; i < n_policy; i++)
		if (policy[i].required && !attrs[i])
			return error_set(err, -EPROTO, "%s: attribute %zu is missing", what, i);
	return 0;
}

int nl_parse_nested(const struct nlattr *nest, const struct nl_policy policy[], size_t n_policy,
		    const struct nlattr *attrs[], const char *what, struct error *err)
{
	return nl_parse(mnl_attr_get_payload(nest), nl_len(nest), policy, n_policy, attrs, what,
			err);
}

int nl_parse_msg(const struct nlmsghdr *h, size_t header, const struct nl_policy policy[],
		 size_t n_policy, const struct nlattr *attrs[], const char *what, struct error *err)
{
	size_t skip = MNL_ALIGN(header), n = mnl_nlmsg_get_payload_len(h);

	if (h->nlmsg_len < sizeof(*h) || n < header)
		return error_set(err, -EPROTO,
				 "%s: a message of %u bytes has no room for its header", what,
				 h->nlmsg_len);
	if (n <= skip)
		return nl_parse(NULL, 0, policy, n_policy, attrs, what, err);
	return nl_parse((const uint8_t *)mnl_nlmsg_get_payload(h) + skip, n - skip, policy,
			n_policy, attrs, what, err);
}

#define NL_READ(NAME, TYPE) \
	TYPE NAME(const struct nlattr *a) \
	{ \
		TYPE v = 0; \
\
		if (a) \
			memcpy(&v, mnl_attr_get_payload(a), MIN(sizeof(v), nl_len(a))); \
		return v; \
	}

NL_READ(nl_u16, uint16_t)
NL_READ(nl_u32, uint32_t)
NL_READ(nl_u64, uint64_t)
NL_READ(nl_be16, be16)
NL_READ(nl_be32, be32)
NL_READ(nl_be64, be64)
