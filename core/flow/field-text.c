// SPDX-License-Identifier: Apache-2.0
// Values of fields as text: one parser and one printer per enum field_format.
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "core/flow/fields.h"
#include "core/flow/text-private.h"

// ---- Bit names ----

const struct flag_name tcp_flag_names[] = {
	{ "fin", 0x001 }, { "syn", 0x002 },   { "rst", 0x004 },	  { "psh", 0x008 },
	{ "ack", 0x010 }, { "urg", 0x020 },   { "ece", 0x040 },	  { "cwr", 0x080 },
	{ "ns", 0x100 },  { "[200]", 0x200 }, { "[400]", 0x400 }, { "[800]", 0x800 },
	{ NULL, 0 },
};

const struct flag_name ct_state_names[] = {
	{ "new", CS_NEW },   { "est", CS_EST },	  { "rel", CS_REL },
	{ "rpl", CS_RPL },   { "inv", CS_INV },	  { "trk", CS_TRK },
	{ "snat", CS_SNAT }, { "dnat", CS_DNAT }, { NULL, 0 },
};

static const struct flag_name tnl_flag_names[] = {
	{ "oam", FLOW_TNL_OAM },
	{ NULL, 0 },
};

const struct flag_name dp_tnl_flag_names[] = {
	{ "oam", FLOW_TNL_OAM },
	{ "df", FLOW_TNL_DONT_FRAGMENT },
	{ "csum", FLOW_TNL_CSUM },
	{ "key", FLOW_TNL_KEY },
	{ NULL, 0 },
};

static uint32_t flag_by_name(const struct flag_name *names, const char *s, size_t n)
{
	for (; names->name; names++)
		if (strlen(names->name) == n && !strncasecmp(names->name, s, n))
			return names->bit;
	return 0;
}

static int bad_flag(const char *s, size_t n, const char *what, struct error *err)
{
	return error_set(err, -EINVAL, "%.*s: unknown %s flag(s)", (int)n, s, what);
}

// "+a-b": only named bits count.
static int parse_signed_flags(const char *s, const struct flag_name *names, const char *what,
			      uint32_t *value, uint32_t *mask, struct error *err)
{
	*value = *mask = 0;
	while (*s) {
		bool set = *s == '+';
		size_t n = *s == '+' || *s == '-' ? strcspn(s + 1, "+-") : 0;
		uint32_t bit;

		if (!n)
			return error_set(err, -EINVAL, "%s: %s flag must be preceded by '+' or '-'",
					 s, what);
		bit = flag_by_name(names, s + 1, n);
		if (!bit)
			return bad_flag(s + 1, n, what, err);
		if (*mask & bit)
			return error_set(err, -EINVAL,
					 "%.*s: Each %s flag can be specified only once", (int)n,
					 s + 1, what);
		*mask |= bit;
		*value |= set ? bit : 0;
		s += n + 1;
	}
	return 0;
}

// "a|b": all bits count.
static int parse_or_flags(const char *s, const struct flag_name *names, const char *what,
			  uint32_t *value, struct error *err)
{
	*value = 0;
	while (*s) {
		size_t n = strcspn(s, "|");
		uint32_t bit = flag_by_name(names, s, n);

		if (!bit)
			return bad_flag(s, n, what, err);
		*value |= bit;
		s += n + (s[n] == '|');
	}
	return 0;
}

static uint32_t all_flags(const struct flag_name *names)
{
	uint32_t all = 0;

	for (; names->name; names++)
		all |= names->bit;
	return all;
}

int flags_parse(const char *text, const struct flag_name *names, const char *what,
		uint32_t *ret_value, uint32_t *ret_mask, struct error *err)
{
	uint32_t all = all_flags(names);
	char *slash, *end;

	if (*text == '+' || *text == '-')
		return parse_signed_flags(text, names, what, ret_value, ret_mask, err);
	if (!isdigit((unsigned char)*text)) {
		*ret_mask = all;
		return parse_or_flags(text, names, what, ret_value, err);
	}
	*ret_value = strtoul(text, &slash, 0);
	*ret_mask = all;
	end = slash;
	if (*slash == '/')
		*ret_mask = strtoul(slash + 1, &end, 0);
	if (*end || (*slash == '/' && end == slash + 1) || (*ret_value | *ret_mask) & ~all)
		return bad_flag(text, strlen(text), what, err);
	return 0;
}

void flags_format(const struct flag_name *names, uint32_t value, uint32_t mask, struct strbuf *out)
{
	bool full = mask == all_flags(names), first = true;

	if (full && !value) {
		strbuf_putc(out, '0');
		return;
	}
	for (; names->name; names++) {
		if (full ? !(value & names->bit) : !(mask & names->bit))
			continue;
		if (!full)
			strbuf_putc(out, value & names->bit ? '+' : '-');
		else if (!first)
			strbuf_putc(out, '|');
		strbuf_puts(out, names->name);
		first = false;
	}
}

// ---- Ports ----

static const struct {
	const char *name;
	uint32_t port;
} reserved_ports[] = {
	{ "IN_PORT", OFPP_IN_PORT }, { "TABLE", OFPP_TABLE }, { "NORMAL", OFPP_NORMAL },
	{ "FLOOD", OFPP_FLOOD },     { "ALL", OFPP_ALL },     { "CONTROLLER", OFPP_CONTROLLER },
	{ "LOCAL", OFPP_LOCAL },     { "ANY", OFPP_ANY },     { "UNSET", OFPP_UNSET },
	{ "NONE", OFPP_ANY },
};

const char *of_port_reserved_name(of_port_t port)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved_ports); i++)
		if (reserved_ports[i].port == port.n)
			return reserved_ports[i].name;
	return NULL;
}

static bool is_bare_word(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return !*s;
}

static void put_name(const char *name, struct strbuf *out)
{
	if (is_bare_word(name))
		strbuf_puts(out, name);
	else
		strbuf_printf(out, "\"%s\"", name);
}

void of_port_format(of_port_t port, const struct port_names *ports, struct strbuf *out)
{
	const char *name = of_port_reserved_name(port);

	if (name) {
		strbuf_puts(out, name);
		return;
	}
	name = ports && ports->by_number ? ports->by_number(port, ports->aux) : NULL;
	if (!name)
		strbuf_put_u64(out, port.n);
	else
		put_name(name, out);
}

void of_table_format(uint8_t table, const struct port_names *names, struct strbuf *out)
{
	const char *name =
		names && names->table_by_number ? names->table_by_number(table, names->aux) : NULL;

	if (name)
		put_name(name, out);
	else
		strbuf_put_u64(out, table);
}

// A copy without the quotes, if there are some.
static char *plain_name(const char *text)
{
	size_t n = strlen(text);
	bool quoted = n >= 2 && text[0] == '"' && text[n - 1] == '"';

	return quoted ? xstrndup(text + 1, n - 2) : xstrdup(text);
}

bool of_table_parse(const char *text, const struct port_names *names, uint8_t *ret_table)
{
	AUTO_FREE char *name = NULL;
	uint32_t n;

	if (parse_u32(text, 10, &n)) {
		*ret_table = n;
		return n <= UINT8_MAX;
	}
	if (!names || !names->table_by_name)
		return false;
	name = plain_name(text);
	return names->table_by_name(name, ret_table, names->aux);
}

static bool port_by_plain_name(const char *text, const struct port_names *ports, uint32_t *ret)
{
	AUTO_FREE char *name = plain_name(text);
	of_port_t port;

	if (!ports || !ports->by_name || !ports->by_name(name, &port, ports->aux))
		return false;
	*ret = port.n;
	return true;
}

bool of_port_parse(const char *text, const struct port_names *ports, of_port_t *ret_port)
{
	uint32_t n;

	if (parse_u32(text, 0, &n)) {
		if (n >= OFPP10_MAX && n <= UINT16_MAX)
			n |= 0xffff0000u;
		else if (n > UINT16_MAX && n < OFPP_MAX)
			return false;
		*ret_port = OF_PORT(n);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(reserved_ports); i++)
		if (!strcasecmp(reserved_ports[i].name, text)) {
			*ret_port = OF_PORT(reserved_ports[i].port);
			return true;
		}
	if (!port_by_plain_name(text, ports, &n))
		return false;
	*ret_port = OF_PORT(n);
	return true;
}

// ---- Addresses ----

bool eth_addr_parse(const char *s, struct eth_addr *ret, const char **end)
{
	for (int i = 0; i < 6; i++) {
		int digits = 0, v = 0, d;

		while ((d = hex_digit(*s)) >= 0 && digits < 3) {
			v = v * 16 + d;
			digits++;
			s++;
		}
		if (!digits || v > 255 || (i < 5 && *s++ != ':'))
			return false;
		ret->b[i] = v;
	}
	*end = s;
	return true;
}

bool ipv4_addr_parse(const char *s, size_t n, be32 *ret)
{
	char buf[INET_ADDRSTRLEN];

	if (n >= sizeof(buf))
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return inet_pton(AF_INET, buf, ret) == 1;
}

static bool ipv6_addr_parse(const char *s, size_t n, uint8_t ret[16])
{
	char buf[INET6_ADDRSTRLEN];

	if (n >= sizeof(buf))
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return inet_pton(AF_INET6, buf, ret) == 1;
}

static void prefix_mask(uint8_t *m, size_t n_bytes, unsigned int bits)
{
	for (size_t i = 0; i < n_bytes; i++, bits -= MIN(bits, 8u))
		m[i] = bits >= 8 ? 0xff : 0xff00 >> bits;
}

int mask_prefix_len(const uint8_t *m, size_t n_bytes)
{
	unsigned int bits = 0;
	size_t i = 0;

	while (i < n_bytes && m[i] == 0xff)
		i++;
	bits = i * 8;
	if (i < n_bytes) {
		uint8_t inv = ~m[i];

		if (inv & (inv + 1))
			return -1;
		bits += __builtin_popcount(m[i]);
		if (!is_all_zeros(m + i + 1, n_bytes - i - 1))
			return -1;
	}
	return bits;
}

static bool parse_prefix_len(const char *s, unsigned int max, unsigned int *ret)
{
	uint32_t n;

	if (!*s || s[strspn(s, "0123456789")] || !parse_u32(s, 10, &n) || n > max)
		return false;
	*ret = n;
	return true;
}

int ipv4_masked_parse(const char *text, be32 *ret, be32 *mask, struct error *err)
{
	const char *slash = strchr(text, '/');
	unsigned int len;

	if (!ipv4_addr_parse(text, slash ? (size_t)(slash - text) : strlen(text), ret))
		return error_set(err, -EINVAL, "%s: invalid IP address", text);
	*mask = UINT32_MAX;
	if (!slash)
		return 0;
	if (parse_prefix_len(slash + 1, 32, &len))
		prefix_mask((uint8_t *)mask, 4, len);
	else if (slash[1 + strspn(slash + 1, "0123456789")] == '\0')
		return error_set(err, -EINVAL,
				 "%s: IPv4 network prefix bits not between 0 and 32, inclusive",
				 text);
	else if (!ipv4_addr_parse(slash + 1, strlen(slash + 1), mask))
		return error_set(err, -EINVAL, "%s: invalid IP address", text);
	return 0;
}

int ipv6_masked_parse(const char *text, uint8_t ret[16], uint8_t mask[16], struct error *err)
{
	const char *slash = strchr(text, '/');
	unsigned int len;

	if (!ipv6_addr_parse(text, slash ? (size_t)(slash - text) : strlen(text), ret))
		return error_set(err, -EINVAL, "%s: invalid IPv6 address", text);
	memset(mask, 0xff, 16);
	if (!slash)
		return 0;
	if (parse_prefix_len(slash + 1, 128, &len))
		prefix_mask(mask, 16, len);
	else if (slash[1 + strspn(slash + 1, "0123456789")] == '\0')
		return error_set(err, -EINVAL,
				 "%s: IPv6 network prefix bits not between 0 and 128, inclusive",
				 text);
	else if (!ipv6_addr_parse(slash + 1, strlen(slash + 1), mask))
		return error_set(err, -EINVAL, "%s: invalid IPv6 address", text);
	return 0;
}

static void put_ipv4(struct strbuf *out, be32 addr)
{
	uint32_t a = be32toh(addr);

	for (int shift = 24; shift >= 0; shift -= 8) {
		strbuf_put_u64(out, a >> shift & 0xff);
		if (shift)
			strbuf_putc(out, '.');
	}
}

void ipv4_masked_format(be32 addr, be32 mask, struct strbuf *out)
{
	int len = mask_prefix_len((const uint8_t *)&mask, 4);

	put_ipv4(out, addr);
	if (len == 32)
		return;
	strbuf_putc(out, '/');
	if (len > 0)
		strbuf_put_u64(out, len);
	else
		put_ipv4(out, mask);
}

void ipv6_masked_format(const uint8_t addr[16], const uint8_t mask[16], struct strbuf *out)
{
	char buf[INET6_ADDRSTRLEN];
	int len = mask_prefix_len(mask, 16);

	strbuf_puts(out, inet_ntop(AF_INET6, addr, buf, sizeof(buf)));
	if (len == 128)
		return;
	if (len > 0)
		strbuf_printf(out, "/%d", len);
	else
		strbuf_printf(out, "/%s", inet_ntop(AF_INET6, mask, buf, sizeof(buf)));
}

static void put_ethernet(struct strbuf *out, struct eth_addr a)
{
	for (size_t i = 0; i < sizeof(a.b); i++) {
		if (i)
			strbuf_putc(out, ':');
		strbuf_put_hex(out, a.b[i], 2);
	}
}

void eth_masked_format(struct eth_addr addr, struct eth_addr mask, struct strbuf *out)
{
	put_ethernet(out, addr);
	if (is_all_ones(&mask, sizeof(mask)))
		return;
	strbuf_putc(out, '/');
	put_ethernet(out, mask);
}

// ---- Numbers of any width ----

static bool hex_to_bytes(const char *s, size_t n, uint8_t *dst, size_t n_bytes)
{
	memset(dst, 0, n_bytes);
	if (!n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = hex_digit(s[n - 1 - i]);

		if (d < 0)
			return false;
		if (i / 2 < n_bytes)
			dst[n_bytes - 1 - i / 2] |= d << (i % 2 ? 4 : 0);
		else if (d)
			return false;
	}
	return true;
}

bool wide_number_parse(const char *s, size_t n, uint8_t *dst, size_t n_bytes)
{
	char buf[24];
	uint64_t v;

	if (n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return hex_to_bytes(s + 2, n - 2, dst, n_bytes);
	if (n >= sizeof(buf))
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	if (!parse_u64(buf, 0, &v) || (n_bytes < 8 && v >> 8 * n_bytes))
		return false;
	memset(dst, 0, n_bytes);
	for (size_t i = 0; i < MIN(n_bytes, 8u); i++, v >>= 8)
		dst[n_bytes - 1 - i] = v;
	return true;
}

void wide_hex_format(const uint8_t *b, size_t n, struct strbuf *out)
{
	while (n && !*b) {
		b++;
		n--;
	}
	if (!n) {
		strbuf_putc(out, '0');
		return;
	}
	strbuf_puts(out, "0x");
	strbuf_put_hex(out, *b, 1);
	while (--n)
		strbuf_put_hex(out, *++b, 2);
}

// ---- Per format ----

static int parse_number_error(const struct field *f, const char *text, struct error *err)
{
	if (isdigit((unsigned char)*text) || *text == '-')
		return error_set(err, -EINVAL, "%s: value too large for %u-byte field %s", text,
				 f->n_bytes, f->name);
	return error_set(err, -EINVAL, "%s: bad syntax for %s value", text, f->name);
}

static int parse_number(const struct field *f, const char *text, union field_value *value,
			union field_value *mask, struct error *err)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (!wide_number_parse(text, n, value->b, f->n_bytes))
		return parse_number_error(f, text, err);
	if (slash && !wide_number_parse(slash + 1, strlen(slash + 1), mask->b, f->n_bytes))
		return parse_number_error(f, slash + 1, err);
	return 0;
}

static int parse_ethernet(const struct field *f, const char *text, union field_value *value,
			  union field_value *mask, struct error *err)
{
	const char *end;

	if (!eth_addr_parse(text, &value->eth, &end) ||
	    (*end == '/' && !eth_addr_parse(end + 1, &mask->eth, &end)) || *end)
		return error_set(err, -EINVAL, "%s: invalid Ethernet address", text);
	return 0;
}

static int parse_ipv4(const struct field *f, const char *text, union field_value *value,
		      union field_value *mask, struct error *err)
{
	return ipv4_masked_parse(text, &value->be32, &mask->be32, err);
}

static int parse_ipv6(const struct field *f, const char *text, union field_value *value,
		      union field_value *mask, struct error *err)
{
	return ipv6_masked_parse(text, value->b, mask->b, err);
}

static int parse_of_port(const struct field *f, const char *text, union field_value *value,
			 union field_value *mask, struct error *err)
{
	of_port_t port;

	if (!of_port_parse(text, NULL, &port))
		return error_set(err, -EINVAL, "%s: invalid or unknown port for %s", text, f->name);
	field_value_from_u64(f, f->n_bytes == 2 ? port.n & 0xffff : port.n, value);
	return 0;
}

static const struct {
	const char *name;
	uint8_t value, mask;
} frags[] = {
	{ "no", 0, 3 },
	{ "yes", FLOW_FRAG_ANY, FLOW_FRAG_ANY },
	{ "first", FLOW_FRAG_ANY, 3 },
	{ "later", FLOW_FRAG_ANY | FLOW_FRAG_LATER, 3 },
	{ "not_later", 0, FLOW_FRAG_LATER },
};

static int parse_frag(const struct field *f, const char *text, union field_value *value,
		      union field_value *mask, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(frags); i++)
		if (!strcasecmp(frags[i].name, text)) {
			value->u8 = frags[i].value;
			mask->u8 = frags[i].mask;
			return 0;
		}
	return error_set(err, -EINVAL,
			 "%s: unknown fragment type (valid types are \"no\", \"yes\", "
			 "\"first\", \"later\", \"not_later\")",
			 text);
}

static int parse_flags(const struct field *f, const struct flag_name *names, const char *what,
		       const char *text, union field_value *value, union field_value *mask,
		       struct error *err)
{
	uint32_t v, m;
	int error = flags_parse(text, names, what, &v, &m, err);

	if (error)
		return error;
	field_value_from_u64(f, v, value);
	if (m != all_flags(names))
		field_value_from_u64(f, m, mask);
	return 0;
}

static int parse_tcp_flags(const struct field *f, const char *text, union field_value *value,
			   union field_value *mask, struct error *err)
{
	return parse_flags(f, tcp_flag_names, "TCP", text, value, mask, err);
}

static int parse_tnl_flags(const struct field *f, const char *text, union field_value *value,
			   union field_value *mask, struct error *err)
{
	return parse_flags(f, tnl_flag_names, "tunnel", text, value, mask, err);
}

static int parse_ct_state(const struct field *f, const char *text, union field_value *value,
			  union field_value *mask, struct error *err)
{
	return parse_flags(f, ct_state_names, "ct_state", text, value, mask, err);
}

static int parse_packet_type(const struct field *f, const char *text, union field_value *value,
			     union field_value *mask, struct error *err)
{
	int ns, type, end = -1;

	if (sscanf(text, "(%i,%i)%n", &ns, &type, &end) != 2 || end < 0 || text[end])
		return error_set(err, -EINVAL, "%s: bad syntax for packet type, (NS,TYPE) expected",
				 text);
	if (ns < 0 || ns > UINT16_MAX || type < 0 || type > UINT16_MAX)
		return error_set(err, -EINVAL, "%s: packet type is out of range", text);
	value->be32 = htobe32((uint32_t)ns << 16 | type);
	return 0;
}

static void format_number(const struct field *f, const union field_value *value,
			  const union field_value *mask, struct strbuf *out)
{
	if (!mask && f->format == FMT_DEC) {
		strbuf_put_u64(out, field_value_to_u64(f, value));
		return;
	}
	wide_hex_format(value->b, f->n_bytes, out);
	if (mask) {
		strbuf_putc(out, '/');
		wide_hex_format(mask->b, f->n_bytes, out);
	}
}

static void format_ethernet(const struct field *f, const union field_value *value,
			    const union field_value *mask, struct strbuf *out)
{
	struct eth_addr ones;

	memset(&ones, 0xff, sizeof(ones));
	eth_masked_format(value->eth, mask ? mask->eth : ones, out);
}

static void format_ipv4(const struct field *f, const union field_value *value,
			const union field_value *mask, struct strbuf *out)
{
	ipv4_masked_format(value->be32, mask ? mask->be32 : UINT32_MAX, out);
}

static void format_ipv6(const struct field *f, const union field_value *value,
			const union field_value *mask, struct strbuf *out)
{
	uint8_t ones[16];

	memset(ones, 0xff, sizeof(ones));
	ipv6_masked_format(value->b, mask ? mask->b : ones, out);
}

static void format_of_port(const struct field *f, const union field_value *value,
			   const union field_value *mask, struct strbuf *out)
{
	uint32_t n = field_value_to_u64(f, value);

	of_port_format(OF_PORT(f->n_bytes == 2 && n >= OFPP10_MAX ? n | 0xffff0000u : n), NULL,
		       out);
}

static void format_frag(const struct field *f, const union field_value *value,
			const union field_value *mask, struct strbuf *out)
{
	uint8_t m = mask ? mask->u8 : 3;

	for (size_t i = 0; i < ARRAY_SIZE(frags); i++)
		if (frags[i].mask == m && frags[i].value == value->u8) {
			strbuf_puts(out, frags[i].name);
			return;
		}
	strbuf_puts(out, "<error>");
}

static void format_flags(const struct field *f, const struct flag_name *names,
			 const union field_value *value, const union field_value *mask,
			 struct strbuf *out)
{
	uint32_t all = all_flags(names);

	flags_format(names, field_value_to_u64(f, value),
		     mask ? field_value_to_u64(f, mask) & all : all, out);
}

static void format_tcp_flags(const struct field *f, const union field_value *value,
			     const union field_value *mask, struct strbuf *out)
{
	format_flags(f, tcp_flag_names, value, mask, out);
}

static void format_tnl_flags(const struct field *f, const union field_value *value,
			     const union field_value *mask, struct strbuf *out)
{
	uint32_t v = field_value_to_u64(f, value);

	// One flag only: the signed form says more than "0".
	strbuf_puts(out, v & FLOW_TNL_OAM ? "+oam" : "-oam");
}

static void format_ct_state(const struct field *f, const union field_value *value,
			    const union field_value *mask, struct strbuf *out)
{
	format_flags(f, ct_state_names, value, mask, out);
}

static void format_packet_type(const struct field *f, const union field_value *value,
			       const union field_value *mask, struct strbuf *out)
{
	uint32_t v = be32toh(value->be32);

	strbuf_printf(out, "(%u,", v >> 16);
	strbuf_printf(out, (v & 0xffff) > 9 ? "0x%x)" : "%u)", v & 0xffff);
}

static const struct {
	int (*parse)(const struct field *f, const char *text, union field_value *value,
		     union field_value *mask, struct error *err);
	void (*format)(const struct field *f, const union field_value *value,
		       const union field_value *mask, struct strbuf *out);
} formats[] = {
	[FMT_DEC] = { parse_number, format_number },
	[FMT_HEX] = { parse_number, format_number },
	[FMT_ETHERNET] = { parse_ethernet, format_ethernet },
	[FMT_IPV4] = { parse_ipv4, format_ipv4 },
	[FMT_IPV6] = { parse_ipv6, format_ipv6 },
	[FMT_OF_PORT] = { parse_of_port, format_of_port },
	[FMT_FRAG] = { parse_frag, format_frag },
	[FMT_TCP_FLAGS] = { parse_tcp_flags, format_tcp_flags },
	[FMT_TNL_FLAGS] = { parse_tnl_flags, format_tnl_flags },
	[FMT_CT_STATE] = { parse_ct_state, format_ct_state },
	[FMT_PACKET_TYPE] = { parse_packet_type, format_packet_type },
};

int field_parse(const struct field *f, const char *text, union field_value *value,
		union field_value *mask, struct error *err)
{
	union field_value all;
	int error;

	if (!strcmp(text, "*")) {
		memset(value, 0, f->n_bytes);
		memset(mask, 0, f->n_bytes);
		return 0;
	}
	field_all_ones(f, &all);
	memcpy(mask, &all, f->n_bytes);
	error = formats[f->format].parse(f, text, value, mask, err);
	if (error)
		return error;
	// 0xffff is how dl_vlan says "no tag".
	if (f->id == FIELD_DL_VLAN && field_value_to_u64(f, value) == 0xffff)
		return 0;
	if (!field_value_is_valid(f, value))
		return error_set(err, -EINVAL, "%s is not a valid value for field %s", text,
				 f->name);
	if (!f->maskable && memcmp(mask, &all, f->n_bytes) && !is_all_zeros(mask, f->n_bytes))
		return error_set(err, -EINVAL, "%s: invalid mask for field %s", text, f->name);
	return 0;
}

void field_format(const struct field *f, const union field_value *value,
		  const union field_value *mask, struct strbuf *out)
{
	union field_value all;

	field_all_ones(f, &all);
	if (mask && (!memcmp(mask, &all, f->n_bytes) || is_all_ones(mask, f->n_bytes)))
		mask = NULL;
	formats[f->format].format(f, value, mask, out);
}
