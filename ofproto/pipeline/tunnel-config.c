// SPDX-License-Identifier: Apache-2.0
#include "ofproto/pipeline/tunnel-config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/port.h"

enum { CARRIES_L2 = 1, CARRIES_L3 = 2 };

static const struct {
	const char *name, *device;
	uint16_t port;
	bool ipv6;
	uint8_t carries;
} types[TUNNEL_TYPE_MAX] = {
#define TUNNEL(ID, NAME, DEVICE, PORT, V6, CARRIES) \
	[TUNNEL_##ID] = { NAME, DEVICE, PORT, V6, CARRIES },
#include "ofproto/pipeline/tunnel-types.def"
#undef TUNNEL
};

enum { DEFAULT_TTL = 64 };

enum tunnel_type tunnel_type_of(const char *name)
{
	for (int t = TUNNEL_NONE + 1; t < TUNNEL_TYPE_MAX; t++)
		if (!strcmp(types[t].name, name))
			return t;
	return TUNNEL_NONE;
}

const char *tunnel_type_name(enum tunnel_type t)
{
	return types[t].name;
}

static const char *const packets_names[] = {
	[TUNNEL_LEGACY_L2] = "legacy_l2", [TUNNEL_LEGACY_L3] = "legacy_l3", [TUNNEL_PTAP] = "ptap"
};

const char *tunnel_packets_name(enum tunnel_packets p)
{
	return packets_names[p];
}

void tunnel_device_name(const struct tunnel_config *c, char *ret, size_t size)
{
	snprintf(ret, size, types[c->type].device, c->dst_port);
}

// ---- Options ----

struct reading {
	const char *name;
	struct tunnel_config *c;
	struct strbuf *warnings;
	struct error *err;
};

static void warn(struct reading *r, const char *fmt, ...)
{
	va_list args;

	strbuf_printf(r->warnings, "%s: ", r->name);
	va_start(args, fmt);
	strbuf_vprintf(r->warnings, fmt, args);
	va_end(args);
	strbuf_putc(r->warnings, '\n');
}

static bool parse_address(const char *text, struct ipv6_addr *ret)
{
	be32 v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ret = ipv6_of_ipv4(v4);
		return true;
	}
	return inet_pton(AF_INET6, text, ret) == 1;
}

static bool is_multicast(const struct ipv6_addr *a)
{
	return ipv6_is_mapped(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

static bool is_set(const struct ipv6_addr *a)
{
	return !is_all_zeros(a, sizeof(*a));
}

static int read_remote(struct reading *r, const char *v)
{
	if (!strcmp(v, "flow")) {
		r->c->remote_flow = true;
		return 0;
	}
	if (!parse_address(v, &r->c->remote) || !is_set(&r->c->remote))
		return error_set(r->err, -EINVAL,
				 "%s: bad %s 'remote_ip'\n%s: %s type requires valid 'remote_ip' "
				 "argument",
				 r->name, types[r->c->type].name, r->name, types[r->c->type].name);
	if (is_multicast(&r->c->remote))
		return error_set(r->err, -EINVAL, "%s: multicast remote_ip=%s not allowed", r->name,
				 v);
	return 0;
}

static int read_local(struct reading *r, const char *v)
{
	if (!strcmp(v, "flow")) {
		r->c->local_flow = true;
	} else if (!parse_address(v, &r->c->local)) {
		memset(&r->c->local, 0, sizeof(r->c->local));
		warn(r, "bad %s 'local_ip'", types[r->c->type].name);
	}
	return 0;
}

static int read_tos(struct reading *r, const char *v)
{
	uint64_t n;

	if (!strcmp(v, "inherit"))
		r->c->tos_inherit = true;
	// The lower two bits are those of congestion.
	else if (parse_u64(v, 0, &n) && n <= 255 && !(n & 3))
		r->c->tos = n;
	else
		warn(r, "invalid TOS %s", v);
	return 0;
}

static int read_ttl(struct reading *r, const char *v)
{
	uint64_t n;

	if (!strcmp(v, "inherit"))
		r->c->ttl_inherit = true;
	else if (!parse_u64(v, 0, &n) || n > 255)
		warn(r, "invalid TTL %s", v);
	else if (n) // 0 is the usual one, too
		r->c->ttl = n;
	return 0;
}

static int read_dst_port(struct reading *r, const char *v)
{
	uint64_t n;

	if (!parse_u64(v, 0, &n) || !n || n > UINT16_MAX)
		return error_set(r->err, -EINVAL, "%s: invalid dst_port %s", r->name, v);
	r->c->dst_port = n;
	return 0;
}

static int read_df(struct reading *r, const char *v)
{
	r->c->dont_fragment = strcmp(v, "false");
	return 0;
}

static int read_csum(struct reading *r, const char *v)
{
	r->c->csum = !strcmp(v, "true");
	return 0;
}

// The kernel counts for itself; what it does not do on such devices is said.
static int read_seq(struct reading *r, const char *v)
{
	if (!strcmp(v, "true"))
		return error_set(r->err, -EINVAL,
				 "%s: seq=true is not there in the kernel datapath", r->name);
	return 0;
}

static int read_mark(struct reading *r, const char *v)
{
	uint64_t n;

	r->c->set_mark = parse_u64(v, 10, &n) && n <= UINT32_MAX;
	if (r->c->set_mark)
		r->c->mark = n;
	else
		warn(r, "egress_pkt_mark: %s is no number", v);
	return 0;
}

static int read_exts(struct reading *r, const char *v)
{
	AUTO_FREE char *copy = xstrdup(v);
	char *save = NULL;

	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (!strcmp(w, "gbp"))
			r->c->gbp = true;
		else if (!strcmp(w, "gpe"))
			r->c->gpe = true;
		else
			warn(r, "unknown extension '%s'", w);
	}
	return 0;
}

static int read_packet_type(struct reading *r, const char *v)
{
	uint8_t carries = types[r->c->type].carries | (r->c->gpe ? CARRIES_L3 : 0);
	const char *type =
		r->c->type == TUNNEL_VXLAN ? "VXLAN (without GPE)" : types[r->c->type].name;
	size_t p = 0;

	while (p < ARRAY_SIZE(packets_names) && strcmp(packets_names[p], v))
		p++;
	if (p == ARRAY_SIZE(packets_names))
		return error_set(r->err, -EINVAL, "%s: unknown packet_type '%s'", r->name, v);
	if ((p == TUNNEL_LEGACY_L2 && !(carries & CARRIES_L2)) ||
	    (p == TUNNEL_LEGACY_L3 && !(carries & CARRIES_L3)))
		return error_set(r->err, -EINVAL,
				 "%s: %s configured on %s tunnel that cannot carry %s traffic",
				 r->name, v, type, p == TUNNEL_LEGACY_L2 ? "L2" : "L3");
	r->c->packets = p;
	return 0;
}

static int read_payload(struct reading *r, const char *v)
{
	if (!port_payload_parse(v, &r->c->payload))
		return error_set(r->err, -EINVAL,
				 "%s: payload_type: %s is none of ip, mpls and an "
				 "Ethernet type",
				 r->name, v);
	return 0;
}

// A number of ERSPAN's header or "flow".
static int read_erspan(struct reading *r, const char *v, const char *what, int base, uint32_t min,
		       uint32_t max, bool *ret_flow, uint32_t *ret)
{
	uint64_t n;

	*ret_flow = !strcmp(v, "flow");
	if (*ret_flow)
		return 0;
	if (!parse_u64(v, base, &n) || n < min || n > max)
		return error_set(r->err, -EINVAL, "%s: invalid erspan %s: %s", r->name, what, v);
	*ret = n;
	return 0;
}

static int read_erspan_ver(struct reading *r, const char *v)
{
	uint32_t n = 0;
	int error = read_erspan(r, v, "version", 0, 1, 2, &r->c->erspan_ver_flow, &n);

	r->c->erspan_ver = n;
	if (r->c->erspan_ver_flow)
		r->c->erspan_idx_flow = r->c->erspan_dir_flow = r->c->erspan_hwid_flow = true;
	return error;
}

static int read_erspan_idx(struct reading *r, const char *v)
{
	return read_erspan(r, v, "index", 16, 0, 0xfffff, &r->c->erspan_idx_flow,
			   &r->c->erspan_idx);
}

static int read_erspan_dir(struct reading *r, const char *v)
{
	uint32_t n = 0;
	int error = read_erspan(r, v, "direction", 0, 0, 1, &r->c->erspan_dir_flow, &n);

	r->c->erspan_dir = n;
	return error;
}

static int read_erspan_hwid(struct reading *r, const char *v)
{
	uint32_t n = 0;
	int error = read_erspan(r, v, "hardware ID", 16, 0, 0x3f, &r->c->erspan_hwid_flow, &n);

	r->c->erspan_hwid = n;
	return error;
}

// Keys need each other: read behind the others.
static int read_nothing(struct reading *r, const char *v)
{
	return 0;
}

enum {
	UDP = 1 << TUNNEL_VXLAN | 1 << TUNNEL_GENEVE | 1 << TUNNEL_BAREUDP,
	ALL = ~0,
	ERSPANS = 1 << TUNNEL_ERSPAN | 1 << TUNNEL_IP6ERSPAN
};

static const struct option {
	const char *name;
	int kinds; // bits of enum tunnel_type
	int (*read)(struct reading *r, const char *v);
} options[] = {
	{ "remote_ip", ALL, read_remote },
	{ "local_ip", ALL, read_local },
	{ "key", ALL, read_nothing },
	{ "in_key", ALL, read_nothing },
	{ "out_key", ALL, read_nothing },
	{ "tos", ALL, read_tos },
	{ "ttl", ALL, read_ttl },
	{ "dst_port", UDP, read_dst_port },
	{ "df_default", ALL, read_df },
	{ "csum", ALL, read_csum },
	{ "seq", 1 << TUNNEL_GRE, read_seq },
	{ "egress_pkt_mark", ALL, read_mark },
	// What is carried depends on the extensions.
	{ "exts", 1 << TUNNEL_VXLAN, read_exts },
	{ "packet_type", ALL, read_packet_type },
	{ "payload_type", 1 << TUNNEL_BAREUDP, read_payload },
	// The version first: what it says of the others, they may say otherwise.
	{ "erspan_ver", ERSPANS, read_erspan_ver },
	{ "erspan_idx", ERSPANS, read_erspan_idx },
	{ "erspan_dir", ERSPANS, read_erspan_dir },
	{ "erspan_hwid", ERSPANS, read_erspan_hwid },
};

// "key" stands for both where one of its own is not there. A number that is none counts as 0.
static bool read_key(const struct smap *o, const char *name, bool *ret_flow, uint64_t *ret)
{
	const char *v = smap_get_def(o, name, smap_get(o, "key"));

	*ret_flow = v && !strcmp(v, "flow");
	*ret = 0;
	if (v && !*ret_flow)
		*ret = strtoull(v, NULL, 0);
	return v;
}

static int check(struct reading *r)
{
	const struct tunnel_config *c = r->c;
	const char *type = types[c->type].name;

	if (!c->remote_flow && !is_set(&c->remote))
		return error_set(r->err, -EINVAL, "%s: %s type requires valid 'remote_ip' argument",
				 r->name, type);
	if (c->local_flow && !c->remote_flow)
		return error_set(r->err, -EINVAL,
				 "%s: %s type requires 'remote_ip=flow' with 'local_ip=flow'",
				 r->name, type);
	if (is_set(&c->local) && is_set(&c->remote) &&
	    ipv6_is_mapped(&c->local) != ipv6_is_mapped(&c->remote))
		return error_set(
			r->err, -EINVAL,
			"%s: 'remote_ip' and 'local_ip' has to be of the same address family",
			r->name);
	if (types[c->type].ipv6 && is_set(&c->remote) && ipv6_is_mapped(&c->remote))
		return error_set(r->err, -EINVAL,
				 "%s: 'remote_ip' of type %s must be an IPv6 address", r->name,
				 type);
	if (tunnel_is_erspan(c->type) && !c->erspan_ver && !c->erspan_ver_flow)
		warn(r, "without erspan_ver the flow has to say it (tun_erspan_ver)");
	if (c->type == TUNNEL_BAREUDP && !c->dst_port)
		return error_set(r->err, -EINVAL, "%s: bareudp type requires 'dst_port' argument",
				 r->name);
	if (c->type == TUNNEL_BAREUDP && !c->payload)
		return error_set(r->err, -EINVAL,
				 "%s: bareudp type requires 'payload_type' argument", r->name);
	return 0;
}

static void warn_of_unknown(struct reading *r, const struct smap *o)
{
	struct smap_node **sorted = smap_sorted(o);

	for (size_t n = 0; n < smap_count(o); n++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(options); i++)
			known |= !strcmp(options[i].name, sorted[n]->key) &&
				 options[i].kinds & 1 << r->c->type;
		if (!known)
			warn(r, "unknown %s argument '%s'", types[r->c->type].name, sorted[n]->key);
	}
	free(sorted);
}

int tunnel_config_parse(const char *name, enum tunnel_type type, const struct smap *o,
			struct tunnel_config *ret, struct strbuf *warnings, struct error *err)
{
	struct reading r = { name, ret, warnings, err };

	memset(ret, 0, sizeof(*ret));
	ret->type = type;
	ret->packets = types[type].carries & CARRIES_L2 ? TUNNEL_LEGACY_L2 : TUNNEL_LEGACY_L3;
	ret->dst_port = types[type].port;
	ret->ttl = DEFAULT_TTL;
	ret->dont_fragment = true;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const char *v = options[i].kinds & 1 << type ? smap_get(o, options[i].name) : NULL;
		int error = v ? options[i].read(&r, v) : 0;

		if (error)
			return error;
	}
	if (type != TUNNEL_BAREUDP) { // which has none
		read_key(o, "in_key", &ret->in_key_flow, &ret->in_key);
		ret->has_out_key = read_key(o, "out_key", &ret->out_key_flow, &ret->out_key);
	}
	warn_of_unknown(&r, o);
	return check(&r);
}

// ---- Text ----

static void put_address(const struct ipv6_addr *a, bool flow, struct strbuf *out)
{
	char buf[INET6_ADDRSTRLEN];
	bool v4 = ipv6_is_mapped(a);

	strbuf_puts(out, flow ? "flow"
			      : inet_ntop(v4 ? AF_INET : AF_INET6, a->b + (v4 ? 12 : 0), buf,
					  sizeof(buf)));
}

void tunnel_config_format_id(const struct tunnel_config *c, dp_port_t dp_port, struct strbuf *out)
{
	put_address(&c->local, c->local_flow, out);
	strbuf_puts(out, "->");
	put_address(&c->remote, c->remote_flow, out);
	if (c->in_key_flow)
		strbuf_puts(out, ", key=flow");
	else
		strbuf_printf(out, ", key=%#llx", (unsigned long long)c->in_key);
	strbuf_printf(out, ", %s, dp port=%u", packets_names[c->packets], dp_port.n);
}

void tunnel_config_format(const struct tunnel_config *c, const char *name, dp_port_t dp_port,
			  struct strbuf *out)
{
	strbuf_printf(out, "port %u: %s (%s: ", dp_port.n, name, types[c->type].name);
	tunnel_config_format_id(c, dp_port, out);
	if (c->out_key_flow != c->in_key_flow || c->out_key != c->in_key) {
		if (!c->has_out_key)
			strbuf_puts(out, ", out_key=none");
		else if (c->out_key_flow)
			strbuf_puts(out, ", out_key=flow");
		else
			strbuf_printf(out, ", out_key=%#llx", (unsigned long long)c->out_key);
	}
	if (c->ttl_inherit)
		strbuf_puts(out, ", ttl=inherit");
	else
		strbuf_printf(out, ", ttl=%u", c->ttl);
	if (c->tos_inherit)
		strbuf_puts(out, ", tos=inherit");
	else if (c->tos)
		strbuf_printf(out, ", tos=%#x", c->tos);
	if (!c->dont_fragment)
		strbuf_puts(out, ", df=false");
	if (c->csum)
		strbuf_puts(out, ", csum=true");
	strbuf_putc(out, ')');
}
