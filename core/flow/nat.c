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
static int parse_ports(char *s, struct nat *n, struct error *err)
{
	char *dash = strchr(s, '-');

	if (dash)
		*dash = '\0';
	if (!take_port(s, &n->port_min) || (dash && !take_port(dash + 1, &n->port_max)))
		return error_set(err, -EINVAL, "nat: %s: port (1 to 65535) expected",
				 dash && n->port_min ? dash + 1 : s);
	if (n->port_max && n->port_max < n->port_min)
		return error_set(err, -EINVAL, "nat: port range %u-%u runs backwards", n->port_min,
				 n->port_max);
	return 0;
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

static int parse_range(char *s, struct nat *n, struct error *err)
{
	char *all = s;
	bool first_is_v6;

	if (!take_address(&s, n, &n->min))
		return error_set(err, -EINVAL, "nat: %s: address expected", all);
	n->flags |= NAT_ADDRESS;
	first_is_v6 = n->flags & NAT_IPV6;
	if (*s == '-') {
		s++;
		if (!take_address(&s, n, &n->max) || first_is_v6 != !!(n->flags & NAT_IPV6))
			return error_set(err, -EINVAL, "nat: %s: second address expected", s);
		if (memcmp(&n->max, &n->min, sizeof(n->max)) < 0)
			return error_set(err, -EINVAL, "nat: address range runs backwards");
		if (!memcmp(&n->max, &n->min, sizeof(n->max)))
			memset(&n->max, 0, sizeof(n->max));
	}
	if (*s == ':')
		return parse_ports(s + 1, n, err);
	return *s ? error_set(err, -EINVAL, "nat: unexpected \"%s\"", s) : 0;
}

static int parse_word(char *word, struct nat *n, struct error *err)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	if (!strcmp(word, "src") || !strcmp(word, "dst")) {
		if (n->flags & (NAT_SRC | NAT_DST))
			return error_set(err, -EINVAL,
					 "nat: may only specify one of \"src\" or \"dst\"");
		n->flags |= *word == 's' ? NAT_SRC : NAT_DST;
		return value ? parse_range(value, n, err) : 0;
	}
	for (size_t i = 0; !value && i < ARRAY_SIZE(flag_names); i++)
		if (!strcmp(word, flag_names[i].name)) {
			n->flags |= flag_names[i].bit;
			return 0;
		}
	return error_set(err, -EINVAL, "nat: unknown argument \"%s\"", word);
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
		return error_set(err, -EINVAL,
				 "nat: flags need \"src\" or \"dst\" to be specified");
	if (nat.flags & NAT_HASH && nat.flags & NAT_RANDOM)
		return error_set(err, -EINVAL, "nat: \"hash\" and \"random\" exclude each other");
	*ret = nat;
	return 0;
}
