// SPDX-License-Identifier: Apache-2.0
#include "core/flow/nat.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "core/base/util.h"

static const struct {
	const char *name;
	uint16_t bit;
} flag_names[] = {
	{ "persistent", NAT_PERSISTENT },
	{ "hash", NAT_HASH },
	{ "random", NAT_RANDOM },
};

// ---- Printing ----

static void put_address(const struct nat *n, const struct ipv6_addr *a, struct strbuf *out)
{
	bool brackets = n->flags & NAT_IPV6 && n->port_min;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(n->flags & NAT_IPV6 ? AF_INET6 : AF_INET, a, text, sizeof(text));
	strbuf_printf(out, brackets ? "[%s]" : "%s", text);
}

static void put_range(const struct nat *n, struct strbuf *out)
{
	strbuf_putc(out, '=');
	put_address(n, &n->min, out);
	if (!is_all_zeros(&n->max, sizeof(n->max))) {
		strbuf_putc(out, '-');
		put_address(n, &n->max, out);
	}
	if (!n->port_min)
		return;
	strbuf_printf(out, ":%u", n->port_min);
	if (n->port_max)
		strbuf_printf(out, "-%u", n->port_max);
}

void nat_format(const struct nat *n, struct strbuf *out)
{
	strbuf_puts(out, "nat");
	if (!(n->flags & (NAT_SRC | NAT_DST)))
		return;
	strbuf_puts(out, n->flags & NAT_SRC ? "(src" : "(dst");
	if (n->flags & NAT_ADDRESS)
		put_range(n, out);
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (n->flags & flag_names[i].bit)
			strbuf_printf(out, ",%s", flag_names[i].name);
	strbuf_putc(out, ')');
}

// ---- Parsing ----

static bool take_port(char *s, uint16_t *ret)
{
	uint32_t v;

	if (!parse_u32(s, 10, &v) || !v || v > UINT16_MAX)
		return false;
	*ret = v;
	return true;
}

// "80" or "80-90".
static bool take_ports(char *s, struct nat *n)
{
	char *dash = strchr(s, '-');

	if (dash)
		*dash = '\0';
	if (!take_port(s, &n->port_min) || (dash && !take_port(dash + 1, &n->port_max)))
		return false;
	if (n->port_max && n->port_max < n->port_min)
		return false;
	// One port.
	if (n->port_max == n->port_min)
		n->port_max = 0;
	return true;
}

// One address, in brackets or not; '*s' moves behind it.
static bool take_address(char **s, struct nat *n, struct ipv6_addr *ret)
{
	bool brackets = **s == '[', v6;
	char *start = *s + brackets, *end, after;

	if (brackets) {
		end = strchr(start, ']');
		if (!end)
			return false;
	} else {
		end = start + strcspn(start, "-");
		// Without brackets ports can only stand behind an IPv4 address.
		if (strchr(start, '.') && !strstr(start, "::"))
			end = start + strcspn(start, "-:");
	}
	after = *end;
	*end = '\0';
	v6 = strchr(start, ':');
	if (inet_pton(v6 ? AF_INET6 : AF_INET, start, ret) != 1)
		return false;
	if (v6)
		n->flags |= NAT_IPV6;
	*end = after;
	*s = end + brackets;
	return true;
}

static bool take_range(char *s, struct nat *n)
{
	bool first_is_v6;

	if (!take_address(&s, n, &n->min))
		return false;
	n->flags |= NAT_ADDRESS;
	first_is_v6 = n->flags & NAT_IPV6;
	if (*s == '-') {
		s++;
		if (!take_address(&s, n, &n->max) || first_is_v6 != !!(n->flags & NAT_IPV6) ||
		    memcmp(&n->max, &n->min, sizeof(n->max)) < 0)
			return false;
		if (!memcmp(&n->max, &n->min, sizeof(n->max)))
			memset(&n->max, 0, sizeof(n->max));
	}
	return *s == ':' ? take_ports(s + 1, n) : !*s;
}

static int parse_range(char *s, struct nat *n, struct error *err)
{
	AUTO_FREE char *whole = xstrdup(s);

	return take_range(s, n) ? 0 : error_set(err, -EINVAL, "invalid nat range \"%s\"", whole);
}

static int parse_word(char *word, struct nat *n, struct error *err)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	if (!strcmp(word, "src") || !strcmp(word, "dst")) {
		if (n->flags & (NAT_SRC | NAT_DST))
			return error_set(err, -EINVAL,
					 "May only specify one of \"src\" or \"dst\".");
		n->flags |= *word == 's' ? NAT_SRC : NAT_DST;
		return value ? parse_range(value, n, err) : 0;
	}
	for (size_t i = 0; !value && i < ARRAY_SIZE(flag_names); i++)
		if (!strcmp(word, flag_names[i].name)) {
			n->flags |= flag_names[i].bit;
			return 0;
		}
	return error_set(err, -EINVAL, "invalid key \"%s\" in \"nat\" argument", word);
}

int nat_parse(const char *args, size_t n, struct nat *ret, struct error *err)
{
	AUTO_FREE char *copy = xstrndup(args, n);
	struct nat nat = { 0 };
	char *save = NULL;

	for (char *w = strtok_r(copy, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		int error = parse_word(w, &nat, err);

		if (error)
			return error;
	}
	if (nat.flags && !(nat.flags & (NAT_SRC | NAT_DST)))
		return error_set(err, -EINVAL, "Flags allowed only with \"src\" or \"dst\".");
	if (nat.flags & NAT_HASH && nat.flags & NAT_RANDOM)
		return error_set(err, -EINVAL, "Both \"hash\" and \"random\" are not allowed.");
	*ret = nat;
	return 0;
}
