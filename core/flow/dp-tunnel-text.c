// SPDX-License-Identifier: Apache-2.0
// The outer header in the datapath's text form: "tunnel(tun_id=0x5,src=1.1.1.1,dst=2.2.2.2,ttl=64,flags(df|key))", with the
// parts that one kind of tunnel has in words of their own, "vxlan(gbp(id=5,flags=0x8))".
#include <arpa/inet.h>

#include "core/flow/dp-text-private.h"
#include "core/flow/text-private.h"

enum form { HEX, ID, DEC, IPV4, IPV6 }; // ID: 0x0 where HEX says 0

// A number or address.
struct member {
	const char *name;
	uint16_t offset, size;
	enum form form;
	bool host; // a number in host order
	uint32_t max; // 0: all of its bytes
};

#define AT(MEMBER) \
	offsetof(struct flow_tunnel, MEMBER), sizeof(((struct flow_tunnel *)NULL)->MEMBER)

// In the order of printing; options (Geneve) and flags come apart.
static const struct member plain[] = {
	{ "tun_id", AT(tun_id), ID, false, 0 },
	{ "src", AT(ip_src), IPV4, false, 0 },
	{ "dst", AT(ip_dst), IPV4, false, 0 },
	{ "ipv6_src", AT(ipv6_src), IPV6, false, 0 },
	{ "ipv6_dst", AT(ipv6_dst), IPV6, false, 0 },
	{ "tos", AT(tos), HEX, true, 0 },
	{ "ttl", AT(ttl), DEC, true, 0 },
	{ "tp_src", AT(tp_src), DEC, false, 0 },
	{ "tp_dst", AT(tp_dst), DEC, false, 0 },
};

static const struct member vxlan[] = {
	{ "id", AT(gbp_id), DEC, false, 0 },
	{ "flags", AT(gbp_flags), HEX, true, 0 },
};

static const struct member erspan[] = {
	{ "ver", AT(erspan_ver), DEC, true, 0xf },
	{ "idx", AT(erspan_idx), HEX, true, 0xfffff },
	{ "dir", AT(erspan_dir), DEC, true, 1 },
	{ "hwid", AT(erspan_hwid), HEX, true, 0x3f },
};

static const struct member gtpu[] = {
	{ "flags", AT(gtpu_flags), HEX, true, 0 },
	{ "msgtype", AT(gtpu_msgtype), DEC, true, 0 },
};

static const struct group {
	const char *open, *close;
	const struct member *members;
	size_t n;
} groups[] = {
	{ "vxlan(gbp(", "))", vxlan, ARRAY_SIZE(vxlan) },
	{ "erspan(", ")", erspan, ARRAY_SIZE(erspan) },
	{ "gtpu(", ")", gtpu, ARRAY_SIZE(gtpu) },
};

enum { GROUP_VXLAN, ALL_FLAGS = FLOW_TNL_ALL };

static uint64_t number_of(const struct member *m, const struct flow_tunnel *t)
{
	const uint8_t *p = (const uint8_t *)t + m->offset;
	uint64_t v = 0;

	for (size_t i = 0; i < m->size; i++)
		v = v << 8 | p[m->host && __BYTE_ORDER == __LITTLE_ENDIAN ? m->size - 1 - i : i];
	return v;
}

static void put_number(const struct member *m, uint64_t v, struct flow_tunnel *t)
{
	uint8_t *p = (uint8_t *)t + m->offset;

	for (size_t i = m->size; i--; v >>= 8)
		p[m->host && __BYTE_ORDER == __LITTLE_ENDIAN ? m->size - 1 - i : i] = v;
}

static uint64_t all_bits(const struct member *m)
{
	return m->max ? m->max : m->size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * m->size) - 1;
}

static bool is_matched(const struct member *m, const struct flow_tunnel *mask)
{
	return !is_all_zeros((const uint8_t *)mask + m->offset, m->size);
}

// ---- Printing ----

static void put_address(const struct member *m, const struct flow_tunnel *v,
			const struct flow_tunnel *mask, struct strbuf *out)
{
	int family = m->form == IPV4 ? AF_INET : AF_INET6;
	const uint8_t *bits = (const uint8_t *)mask + m->offset;
	char buf[INET6_ADDRSTRLEN];

	strbuf_puts(out, inet_ntop(family, (const uint8_t *)v + m->offset, buf, sizeof(buf)));
	if (!is_all_ones(bits, m->size))
		strbuf_printf(out, "/%s", inet_ntop(family, bits, buf, sizeof(buf)));
}

static void put_member(const struct member *m, const struct flow_tunnel *v,
		       const struct flow_tunnel *mask, struct strbuf *out)
{
	strbuf_printf(out, "%s=", m->name);
	if (m->form == IPV4 || m->form == IPV6) {
		put_address(m, v, mask, out);
		return;
	}
	uint64_t bits = number_of(m, mask) & all_bits(m);

	strbuf_printf(out,
		      m->form == ID    ? "0x%llx"
		      : m->form == HEX ? "%#llx"
				       : "%llu",
		      (unsigned long long)number_of(m, v));
	if (bits != all_bits(m))
		strbuf_printf(out, "/%#llx", (unsigned long long)bits);
}

struct putter {
	const struct flow_tunnel *v, *mask;
	struct strbuf *out;
	size_t start;
};

static void separate(const struct putter *p)
{
	if (p->out->len > p->start)
		strbuf_putc(p->out, ',');
}

static void put_list(const struct putter *p, const struct member *m, size_t n)
{
	bool first = true;

	for (; n--; m++) {
		if (!is_matched(m, p->mask))
			continue;
		if (!first)
			strbuf_putc(p->out, ',');
		first = false;
		put_member(m, p->v, p->mask, p->out);
	}
}

static void put_group(const struct putter *p, const struct group *g)
{
	bool any = false;

	for (size_t i = 0; i < g->n; i++)
		any |= is_matched(&g->members[i], p->mask);
	if (!any)
		return;
	separate(p);
	strbuf_puts(p->out, g->open);
	put_list(p, g->members, g->n);
	strbuf_puts(p->out, g->close);
}

static void put_options(const struct putter *p)
{
	const uint8_t *v = p->v->metadata, *mask = p->mask->metadata;
	size_t at = 0;

	if (!p->mask->opt_len)
		return;
	separate(p);
	strbuf_puts(p->out, "geneve(");
	while (at + 4 <= p->v->opt_len) {
		size_t n = 4 * (v[at + 3] & 0x1f);

		strbuf_printf(p->out, "{class=0x%x,type=0x%x,len=%zu", v[at] << 8 | v[at + 1],
			      v[at + 2], n);
		at += 4;
		n = MIN(n, (size_t)p->v->opt_len - at);
		if (n) {
			strbuf_putc(p->out, ',');
			wide_hex_format(v + at, n, p->out);
			if (!is_all_ones(mask + at, n)) {
				strbuf_putc(p->out, '/');
				wide_hex_format(mask + at, n, p->out);
			}
		}
		strbuf_putc(p->out, '}');
		at += n;
	}
	strbuf_putc(p->out, ')');
}

void dp_tunnel_format(const struct flow_tunnel *v, const struct flow_tunnel *mask,
		      struct strbuf *out)
{
	struct putter p = { v, mask, out, 0 };

	strbuf_puts(out, "tunnel(");
	p.start = out->len;
	put_list(&p, plain, ARRAY_SIZE(plain));
	put_group(&p, &groups[GROUP_VXLAN]);
	put_options(&p);
	for (size_t i = GROUP_VXLAN + 1; i < ARRAY_SIZE(groups); i++)
		put_group(&p, &groups[i]);
	if (mask->flags & ALL_FLAGS) {
		separate(&p);
		strbuf_puts(out, "flags(");
		flags_format(dp_tnl_flag_names, v->flags, mask->flags & ALL_FLAGS, out);
		strbuf_putc(out, ')');
	}
	strbuf_putc(out, ')');
}

void dp_tunnel_set_mask(const struct flow_tunnel *t, struct flow_tunnel *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (is_matched(&plain[i], t))
			memset((uint8_t *)ret + plain[i].offset, 0xff, plain[i].size);
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
		for (size_t i = 0; i < groups[g].n; i++)
			if (is_matched(&groups[g].members[i], t))
				put_number(&groups[g].members[i], all_bits(&groups[g].members[i]),
					   ret);
	// Whether there is an id at all is a flag.
	ret->tun_id = t->flags & FLOW_TNL_KEY ? UINT64_MAX : 0;
	// These are always said.
	ret->ttl = UINT8_MAX;
	if (t->gbp_id || t->gbp_flags) {
		ret->gbp_id = UINT16_MAX;
		ret->gbp_flags = UINT8_MAX;
	}
	if (t->erspan_ver == 1)
		ret->erspan_idx = 0xfffff;
	if (t->erspan_ver == 2)
		ret->erspan_dir = 1, ret->erspan_hwid = 0x3f;
	if (t->opt_len) {
		ret->opt_len = UINT8_MAX;
		memset(ret->metadata, 0xff, t->opt_len);
	}
	if (t->flags & ALL_FLAGS)
		ret->flags = ALL_FLAGS;
}

// ---- Parsing ----

static char *take_until(struct dp_cursor *c, const char *ends)
{
	size_t n = strcspn(c->p, ends);
	char *s = xstrndup(c->p, n);

	c->p += n;
	return s;
}

static int parse_value(const struct member *m, const char *s, struct flow_tunnel *v,
		       struct flow_tunnel *mask)
{
	const char *slash = strchr(s, '/');
	AUTO_FREE char *value = xstrndup(s, slash ? (size_t)(slash - s) : strlen(s));
	uint64_t n, bits = all_bits(m);

	if (m->form == IPV4)
		return ipv4_masked_parse(s, (be32 *)((uint8_t *)v + m->offset),
					 (be32 *)((uint8_t *)mask + m->offset), NULL);
	if (m->form == IPV6)
		return ipv6_masked_parse(s, (uint8_t *)v + m->offset, (uint8_t *)mask + m->offset,
					 NULL);
	if (!parse_u64(value, 0, &n) || (slash && !parse_u64(slash + 1, 0, &bits)) ||
	    n & ~all_bits(m) || bits & ~all_bits(m))
		return -EINVAL;
	put_number(m, n & bits, v);
	put_number(m, bits, mask);
	return 0;
}

// "name=VALUE" of one of 'list'; false: the text has none of them.
static bool parse_member(struct dp_cursor *c, const struct member *list, size_t n,
			 struct flow_tunnel *v, struct flow_tunnel *mask, int *ret_error)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i].name);
		const char *start = c->p;
		AUTO_FREE char *s = NULL;

		if (strncmp(c->p, list[i].name, len) || c->p[len] != '=')
			continue;
		c->p += len + 1;
		s = take_until(c, ",)");
		*ret_error = 0;
		if (parse_value(&list[i], s, v, mask)) {
			c->p = start;
			*ret_error = dp_error(c, "bad value");
		}
		return true;
	}
	return false;
}

static int parse_group(struct dp_cursor *c, const struct group *g, struct flow_tunnel *v,
		       struct flow_tunnel *mask)
{
	int error;

	if (dp_skip(c, g->close))
		return 0;
	do {
		if (!parse_member(c, g->members, g->n, v, mask, &error))
			return dp_error(c, "unknown member");
		if (error)
			return error;
	} while (dp_skip(c, ","));
	return dp_skip(c, g->close) ? 0 : dp_error(c, "')' expected");
}

static int parse_named_number(struct dp_cursor *c, const char *name, uint64_t max, uint64_t *ret)
{
	AUTO_FREE char *s = NULL;

	if (!dp_skip(c, name))
		return dp_error(c, "class=, type= and len= expected");
	s = take_until(c, ",}");
	return parse_u64(s, 0, ret) && *ret <= max ? 0 : dp_error(c, "number expected");
}

// Behind "{".
static int parse_option(struct dp_cursor *c, struct flow_tunnel *v, struct flow_tunnel *mask)
{
	uint64_t class, type, n;
	uint8_t *at = v->metadata + v->opt_len, *bits = mask->metadata + v->opt_len;
	AUTO_FREE char *s = NULL;
	char *slash;

	if (parse_named_number(c, "class=", UINT16_MAX, &class) || !dp_skip(c, ",") ||
	    parse_named_number(c, "type=", UINT8_MAX, &type) || !dp_skip(c, ",") ||
	    parse_named_number(c, "len=", 124, &n))
		return dp_error(c, "class=, type= and len= expected");
	if (n % 4 || v->opt_len + 4 + n > UINT8_MAX - 3)
		return dp_error(
			c, "an option's length is a multiple of 4, all together have 252 bytes");
	memcpy(at, (uint8_t[]){ class >> 8, class, type, n / 4 }, 4);
	memset(bits, 0xff, 4 + n);
	v->opt_len += 4 + n;
	if (dp_skip(c, ",")) {
		s = take_until(c, "}");
		slash = strchr(s, '/');
		if (!wide_number_parse(s, slash ? (size_t)(slash - s) : strlen(s), at + 4, n) ||
		    (slash && !wide_number_parse(slash + 1, strlen(slash + 1), bits + 4, n)))
			return dp_error(c, "bad value of an option");
		for (size_t i = 4; i < 4 + n; i++)
			at[i] &= bits[i];
	}
	return dp_skip(c, "}") ? 0 : dp_error(c, "'}' expected");
}

static int parse_options(struct dp_cursor *c, struct flow_tunnel *v, struct flow_tunnel *mask)
{
	mask->opt_len = UINT8_MAX;
	v->opt_len = 0;
	while (dp_skip(c, "{")) {
		int error = parse_option(c, v, mask);

		if (error)
			return error;
	}
	return dp_skip(c, ")") ? 0 : dp_error(c, "')' expected");
}

static int parse_flags(struct dp_cursor *c, struct flow_tunnel *v, struct flow_tunnel *mask)
{
	AUTO_FREE char *s = take_until(c, ")");
	uint32_t value = 0, bits = ALL_FLAGS;

	if (*s && flags_parse(s, dp_tnl_flag_names, "", &value, &bits, NULL))
		return dp_error(c, "unknown flag");
	v->flags = value;
	mask->flags = bits;
	return dp_skip(c, ")") ? 0 : dp_error(c, "')' expected");
}

static int parse_one(struct dp_cursor *c, struct flow_tunnel *v, struct flow_tunnel *mask)
{
	int error;

	if (parse_member(c, plain, ARRAY_SIZE(plain), v, mask, &error))
		return error;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (dp_skip(c, groups[i].open))
			return parse_group(c, &groups[i], v, mask);
	if (dp_skip(c, "geneve("))
		return parse_options(c, v, mask);
	if (dp_skip(c, "flags("))
		return parse_flags(c, v, mask);
	return dp_error(c, "unknown member");
}

int dp_tunnel_parse(struct dp_cursor *c, struct flow_tunnel *v, struct flow_tunnel *mask)
{
	if (dp_skip(c, ")"))
		return 0;
	do {
		int error = parse_one(c, v, mask);

		if (error)
			return error;
	} while (dp_skip(c, ","));
	// Who asks for an id asks that there is one.
	if (mask->tun_id && !(mask->flags & FLOW_TNL_KEY)) {
		mask->flags |= FLOW_TNL_KEY;
		v->flags |= FLOW_TNL_KEY;
	}
	return dp_skip(c, ")") ? 0 : dp_error(c, "')' expected");
}
