// SPDX-License-Identifier: Apache-2.0
// What switches say about themselves and their ports, and packets, as text.
#include <inttypes.h>
#include <stdio.h>

#include "core/packet/packet.h"
#include "ofproto/openflow/print-private.h"

struct bit_name {
	uint32_t bit;
	const char *name;
};

// Names of the bits, separated by spaces; what has no name in hex; "0" for none.
static void put_bits(struct strbuf *out, uint32_t bits, const struct bit_name *names, size_t n)
{
	bool first = true;

	if (!bits)
		strbuf_putc(out, '0');
	for (size_t i = 0; i < n; i++)
		if (bits & names[i].bit) {
			strbuf_printf(out, "%s%s", first ? "" : " ", names[i].name);
			bits &= ~names[i].bit;
			first = false;
		}
	if (bits)
		strbuf_printf(out, "%s0x%x", first ? "" : " ", bits);
}
#define PUT_BITS(OUT, BITS, NAMES) put_bits(OUT, BITS, NAMES, ARRAY_SIZE(NAMES))

// ---- Features, configuration, description ----

static const struct bit_name capabilities_10[] = {
	{ 1, "FLOW_STATS" }, { 2, "TABLE_STATS" },  { 4, "PORT_STATS" },     { 8, "STP" },
	{ 32, "IP_REASM" },  { 64, "QUEUE_STATS" }, { 128, "ARP_MATCH_IP" },
};
static const struct bit_name capabilities_11[] = {
	{ 1, "FLOW_STATS" },	     { 2, "TABLE_STATS" },    { 4, "PORT_STATS" },
	{ 8, "GROUP_STATS" },	     { 32, "IP_REASM" },      { 64, "QUEUE_STATS" },
	{ 128, "ARP_MATCH_IP" },     { 256, "PORT_BLOCKED" }, { 512, "BUNDLES" },
	{ 1024, "FLOW_MONITORING" },
};

static void put_port_descs(struct port_desc *ports, size_t n, struct strbuf *out);

static void print_features_actions(uint32_t bitmap, struct strbuf *out)
{
	AUTO(strbuf) names = STRBUF_INIT;

	print_action_bits(bitmap, OFP10, &names);
	if (names.len)
		strbuf_printf(out, "actions: %s\n", strbuf_cstr(&names));
}

enum ofperr print_features(struct print *p, struct msg *m)
{
	AUTO(strbuf) ports = STRBUF_INIT;
	struct switch_features f;
	enum ofperr e = features_reply_decode(m, &f, &ports);

	if (e)
		return e;
	strbuf_printf(p->out, " dpid:%016" PRIx64 "\n", f.datapath_id);
	strbuf_printf(p->out, "n_tables:%u, n_buffers:%u", f.n_tables, f.n_buffers);
	if (f.auxiliary_id)
		strbuf_printf(p->out, ", auxiliary_id:%u", f.auxiliary_id);
	strbuf_puts(p->out, "\ncapabilities: ");
	if (m->version == OFP10)
		PUT_BITS(p->out, f.capabilities, capabilities_10);
	else
		PUT_BITS(p->out, f.capabilities, capabilities_11);
	strbuf_putc(p->out, '\n');
	if (m->version == OFP10)
		print_features_actions(f.actions, p->out);
	put_port_descs((struct port_desc *)ports.s, f.n_ports, p->out);
	return OFPERR_NONE;
}

const char *const fragment_names[] = { "normal", "drop", "reassemble", "nx-match" };

enum ofperr print_config(struct print *p, struct msg *m)
{
	struct switch_config c;
	enum ofperr e = switch_config_decode(m, &c);

	if (e)
		return e;
	strbuf_printf(p->out, " frags=%s", fragment_names[c.flags & 3]);
	if (c.flags & CONFIG_INVALID_TTL)
		strbuf_puts(p->out, " invalid_ttl_to_controller");
	strbuf_printf(p->out, " miss_send_len=%u\n", c.miss_send_len);
	return OFPERR_NONE;
}

enum ofperr print_desc(struct print *p, struct msg *m)
{
	struct switch_desc d;
	enum ofperr e = switch_desc_decode(m, &d);

	if (!e)
		strbuf_printf(p->out,
			      "\nManufacturer: %s\nHardware: %s\nSoftware: %s\nSerial Num: %s\n"
			      "DP Description: %s\n",
			      d.mfr, d.hw, d.sw, d.serial, d.dp);
	return e;
}

// ---- Ports ----

static const struct bit_name config_names[] = {
	{ PORT_CONFIG_DOWN, "PORT_DOWN" },
	{ PORT_CONFIG_NO_STP, "NO_STP" },
	{ PORT_CONFIG_NO_RECV, "NO_RECV" },
	{ PORT_CONFIG_NO_RECV_STP, "NO_RECV_STP" },
	{ PORT_CONFIG_NO_FLOOD, "NO_FLOOD" },
	{ PORT_CONFIG_NO_FWD, "NO_FWD" },
	{ PORT_CONFIG_NO_PACKET_IN, "NO_PACKET_IN" },
};
static const struct bit_name state_names[] = {
	{ PORT_STATE_LINK_DOWN, "LINK_DOWN" },
	{ PORT_STATE_BLOCKED, "BLOCKED" },
	{ PORT_STATE_LIVE, "LIVE" },
};
static const struct bit_name mode_names[] = {
	{ 1 << 0, "10MB-HD" },		{ 1 << 1, "10MB-FD" },	 { 1 << 2, "100MB-HD" },
	{ 1 << 3, "100MB-FD" },		{ 1 << 4, "1GB-HD" },	 { 1 << 5, "1GB-FD" },
	{ 1 << 6, "10GB-FD" },		{ 1 << 7, "40GB-FD" },	 { 1 << 8, "100GB-FD" },
	{ 1 << 9, "1TB-FD" },		{ 1 << 10, "OTHER" },	 { 1 << 11, "COPPER" },
	{ 1 << 12, "FIBER" },		{ 1 << 13, "AUTO_NEG" }, { 1 << 14, "AUTO_PAUSE" },
	{ 1 << 15, "AUTO_PAUSE_ASYM" },
};

// Mbps of the fastest mode, for versions that do not give a speed.
static uint32_t mode_speed(uint32_t modes)
{
	static const struct {
		uint32_t modes, mbps;
	} speeds[] = { { 0x200, 1000000 }, { 0x100, 100000 }, { 0x80, 40000 }, { 0x40, 10000 },
		       { 0x30, 1000 },	   { 0x0c, 100 },     { 0x03, 10 } };

	for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
		if (modes & speeds[i].modes)
			return speeds[i].mbps;
	return 0;
}

static void put_modes(struct strbuf *out, const char *label, uint32_t modes)
{
	if (!modes)
		return;
	strbuf_printf(out, "     %-12s", label);
	PUT_BITS(out, modes, mode_names);
	strbuf_putc(out, '\n');
}

static void put_port_desc(const struct port_desc *pd, struct strbuf *out)
{
	uint32_t now = pd->current_kbps / 1000, max = pd->max_kbps / 1000;

	strbuf_putc(out, ' ');
	of_port_format(pd->port, NULL, out);
	strbuf_printf(out, "(%s): addr:" ETH_ADDR_FMT "\n", pd->name, ETH_ADDR_ARGS(pd->hw_addr));
	strbuf_puts(out, "     config:     ");
	PUT_BITS(out, pd->config, config_names);
	strbuf_puts(out, "\n     state:      ");
	PUT_BITS(out, pd->state, state_names);
	strbuf_putc(out, '\n');
	put_modes(out, "current:", pd->current);
	put_modes(out, "advertised:", pd->advertised);
	put_modes(out, "supported:", pd->supported);
	put_modes(out, "peer:", pd->peer);
	strbuf_printf(out, "     speed: %u Mbps now, %u Mbps max\n",
		      now ? now : mode_speed(pd->current), max ? max : mode_speed(pd->supported));
}

static int by_port(const void *a, const void *b)
{
	const struct port_desc *x = a, *y = b;

	return x->port.n < y->port.n ? -1 : x->port.n > y->port.n;
}

// By number, whatever the order of the switch.
static void put_port_descs(struct port_desc *ports, size_t n, struct strbuf *out)
{
	if (n)
		qsort(ports, n, sizeof(*ports), by_port);
	for (size_t i = 0; i < n; i++)
		put_port_desc(&ports[i], out);
}

enum ofperr print_port_descs(struct print *p, struct msg *m)
{
	AUTO(strbuf) ports = STRBUF_INIT;
	struct port_desc pd;
	int got;

	strbuf_putc(p->out, '\n');
	while ((got = port_desc_decode_next(m, &pd)) > 0)
		strbuf_put(&ports, &pd, sizeof(pd));
	put_port_descs((struct port_desc *)ports.s, ports.len / sizeof(pd), p->out);
	return got < 0 ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_port_status(struct print *p, struct msg *m)
{
	static const char *const reasons[] = { "ADD", "DEL", "MOD" };
	enum port_reason reason;
	struct port_desc pd;
	enum ofperr e = port_status_decode(m, &pd, &reason);

	if (e)
		return e;
	strbuf_printf(p->out, " %s:", reasons[reason]);
	put_port_desc(&pd, p->out);
	return OFPERR_NONE;
}

enum ofperr print_port_mod(struct print *p, struct msg *m)
{
	struct port_mod pm;
	enum ofperr e = port_mod_decode(m, &pm);

	if (e)
		return e;
	strbuf_puts(p->out, " port: ");
	of_port_format(pm.port, p->ports, p->out);
	strbuf_printf(p->out, ": addr:" ETH_ADDR_FMT "\n     config: ", ETH_ADDR_ARGS(pm.hw_addr));
	PUT_BITS(p->out, pm.config, config_names);
	strbuf_puts(p->out, "\n     mask:   ");
	PUT_BITS(p->out, pm.mask, config_names);
	strbuf_puts(p->out, "\n     advertise: ");
	if (pm.advertise)
		PUT_BITS(p->out, pm.advertise, mode_names);
	else
		strbuf_puts(p->out, "UNCHANGED");
	strbuf_putc(p->out, '\n');
	return OFPERR_NONE;
}

enum ofperr print_port_request(struct print *p, struct msg *m)
{
	of_port_t port;
	enum ofperr e = m->type == MSG_PORT_REQUEST ? port_stats_request_decode(m, &port)
						    : port_desc_request_decode(m, &port);

	if (e)
		return e;
	if (m->type == MSG_PORT_REQUEST || (m->version >= OFP15 && port.n != OFPP_ANY)) {
		strbuf_puts(p->out, m->type == MSG_PORT_REQUEST ? " port_no=" : " port=");
		of_port_format(port, p->ports, p->out);
	}
	return OFPERR_NONE;
}

static void put_counter(struct strbuf *out, const char *name, uint64_t n, const char *behind)
{
	if (n == UINT64_MAX)
		strbuf_printf(out, "%s=?%s", name, behind);
	else
		strbuf_printf(out, "%s=%" PRIu64 "%s", name, n, behind);
}

static void put_port_stats(const struct port_stats *ps, const struct port_names *ports,
			   struct strbuf *out)
{
	AUTO(strbuf) name = STRBUF_INIT;

	of_port_format(ps->port, ports, &name);
	strbuf_printf(out, "  port %2s: rx ", name.s);
	put_counter(out, "pkts", ps->rx_packets, ", ");
	put_counter(out, "bytes", ps->rx_bytes, ", ");
	put_counter(out, "drop", ps->rx_dropped, ", ");
	put_counter(out, "errs", ps->rx_errors, ", ");
	put_counter(out, "frame", ps->rx_frame_err, ", ");
	put_counter(out, "over", ps->rx_over_err, ", ");
	put_counter(out, "crc", ps->rx_crc_err, "\n");
	strbuf_puts(out, "           tx ");
	put_counter(out, "pkts", ps->tx_packets, ", ");
	put_counter(out, "bytes", ps->tx_bytes, ", ");
	put_counter(out, "drop", ps->tx_dropped, ", ");
	put_counter(out, "errs", ps->tx_errors, ", ");
	put_counter(out, "coll", ps->collisions, "\n");
	if (ps->duration_sec != UINT32_MAX) {
		strbuf_puts(out, "           duration=");
		strbuf_put_duration(out, ps->duration_sec, ps->duration_nsec);
		strbuf_putc(out, '\n');
	}
}

enum ofperr print_port_stats(struct print *p, struct msg *m)
{
	struct msg counting = *m;
	struct port_stats ps;
	int got, n = 0;

	while (port_stats_decode_next(&counting, &ps) > 0)
		n++;
	strbuf_printf(p->out, " %d ports\n", n);
	while ((got = port_stats_decode_next(m, &ps)) > 0)
		put_port_stats(&ps, p->ports, p->out);
	return got < 0 ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

// ---- Packets ----

static bool transport_checksum(const uint8_t *bytes, size_t n, const struct packet *p,
			       const struct flow_key *k, const char **ret_name, uint16_t *ret_sum)
{
	size_t ofs;

	if (p->l4 == UINT16_MAX)
		return false;
	switch (k->nw_proto) {
	case 6:
		*ret_name = "tcp_csum";
		ofs = 16;
		break;
	case 17:
		*ret_name = "udp_csum";
		ofs = 6;
		break;
	case 1:
	case 58:
		*ret_name = k->nw_proto == 1 ? "icmp_csum" : "icmp6_csum";
		ofs = 2;
		break;
	default:
		return false;
	}
	if (p->l4 + ofs + 2 > n)
		return false;
	*ret_sum = bytes[p->l4 + ofs] << 8 | bytes[p->l4 + ofs + 1];
	return true;
}

void packet_checksum_format(const void *bytes, size_t n, const struct packet *p,
			    const struct flow_key *k, struct strbuf *out)
{
	const char *name;
	uint16_t sum;

	if (transport_checksum(bytes, n, p, k, &name, &sum))
		strbuf_printf(out, sum ? " %s:%x" : " %s:0", name, sum);
}

// All that the headers say, as one match.
static void put_packet(const uint8_t *bytes, size_t n, struct strbuf *out)
{
	static const struct packet_metadata none;
	AUTO_FREE uint8_t *copy = xmemdup(bytes, n);
	struct packet packet = { .data = copy, .size = n };
	struct match m;

	match_init_any(&m);
	if (packet_parse(&packet, &none, &m.key)) {
		strbuf_printf(out, "packet is too short: %zu bytes\n", n);
		return;
	}
	flow_mask_exact_for(&m.mask, &m.key);
	memset(&m.mask.m, 0, offsetof(struct flow_key, eth_dst));
	memset(&m.mask.m.vlans[1], 0, sizeof(m.mask.m.vlans[1]));
	flow_key_masked(&m.key, &m.key, &m.mask);
	match_format(&m, NULL, out);
	packet_checksum_format(bytes, n, &packet, &m.key, out);
	strbuf_putc(out, '\n');
}

static void print_packet(const struct print *p, const uint8_t *bytes, size_t n)
{
	if (n && p->verbosity > 0)
		put_packet(bytes, n, p->out);
	if (p->verbosity > 2)
		strbuf_put_hex_dump(p->out, bytes, n, 0, false);
}

enum ofperr print_packet_in(struct print *p, struct msg *m)
{
	struct packet_in pin;
	enum ofperr e = m->type == MSG_RESUME ? resume_decode(m, &pin) : packet_in_decode(m, &pin);

	if (e)
		return e;
	if (pin.table)
		strbuf_printf(p->out, " table_id=%u", pin.table);
	if (pin.cookie != UINT64_MAX)
		strbuf_printf(p->out, " cookie=0x%" PRIx64, pin.cookie);
	strbuf_printf(p->out, " total_len=%zu ", pin.total_len);
	match_format(&pin.metadata, p->ports, p->out);
	if (pin.reason <= OFPR_EXPLICIT_MISS)
		strbuf_printf(p->out, " (via %s)", packet_in_reasons[pin.reason]);
	else
		strbuf_printf(p->out, " (via %u)", pin.reason);
	strbuf_printf(p->out, " data_len=%zu", pin.len);
	if (pin.buffer_id == OF_NO_BUFFER)
		strbuf_puts(p->out, " (unbuffered)");
	else
		strbuf_printf(p->out, " buffer=0x%08x", pin.buffer_id);
	if (pin.total_len < pin.len)
		strbuf_puts(p->out, " (***total_len < data_len***)");
	strbuf_putc(p->out, '\n');
	if (pin.n_userdata) {
		strbuf_puts(p->out, " userdata=");
		for (size_t i = 0; i < pin.n_userdata; i++)
			strbuf_printf(p->out, "%s%02x", i ? "." : "", pin.userdata[i]);
		strbuf_putc(p->out, '\n');
	}
	print_packet(p, pin.packet, pin.len);
	return OFPERR_NONE;
}

enum ofperr print_packet_out(struct print *p, struct msg *m)
{
	struct packet_out po = { 0 };
	enum ofperr e = packet_out_decode(m, &po);

	if (!e) {
		strbuf_putc(p->out, ' ');
		match_format(&po.metadata, p->ports, p->out);
		strbuf_puts(p->out, " actions=");
		acts_format(acts_of(&po.acts), p->ports, p->out);
		if (po.buffer_id != OF_NO_BUFFER) {
			strbuf_printf(p->out, " buffer=0x%08x\n", po.buffer_id);
		} else {
			strbuf_printf(p->out, " data_len=%zu\n", po.len);
			print_packet(p, po.packet, po.len);
		}
	}
	packet_out_uninit(&po);
	return e;
}
