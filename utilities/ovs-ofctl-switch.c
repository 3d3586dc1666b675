// SPDX-License-Identifier: Apache-2.0
// Commands about the switch itself: what it is, its tables and ports.
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "core/base/clock.h"
#include "ofproto/openflow/ct-flush.h"
#include "utilities/ovs-ofctl.h"

static void print_plain_multipart(const char *target, enum msg_type type)
{
	struct ofp_client *c = ofctl_open(target);

	ofctl_print_plain_multipart(c, type);
	ofp_client_close(c);
}

static void print_plain(struct ofp_client *c, enum msg_type type)
{
	AUTO(strbuf) b = STRBUF_INIT;

	msg_put_plain(type, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_print(ofp_client_transact(c, &b));
}

static void run_show(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	AUTO(strbuf) b = STRBUF_INIT;

	print_plain(c, MSG_FEATURES_REQUEST);
	if (ofp_client_version(c) >= OFP13) {
		port_desc_request_encode(OF_PORT(OFPP_ANY), ofp_client_version(c),
					 ofp_client_xid(c), &b);
		ofctl_print_multipart(c, &b);
	}
	print_plain(c, MSG_GET_CONFIG_REQUEST);
	ofp_client_close(c);
}

static void run_dump_desc(int argc, char *argv[])
{
	print_plain_multipart(argv[1], MSG_DESC_REQUEST);
}

static void run_dump_tables(int argc, char *argv[])
{
	print_plain_multipart(argv[1], MSG_TABLE_REQUEST);
}

// A port by number or by the name it has on the switch.
static of_port_t find_port(struct ofp_client *c, const char *text)
{
	struct ofctl_ports *ports;
	of_port_t port;

	if (of_port_parse(text, NULL, &port))
		return port;
	ports = ofctl_ports_load(c);
	if (!of_port_parse(text, ofctl_port_parser(ports), &port))
		fatal(0, "%s: unknown port `%s'", ofp_client_target(c), text);
	ofctl_ports_free(ports);
	return port;
}

static void run_dump_ports(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	of_port_t port = argc > 2 ? find_port(c, argv[2]) : OF_PORT(OFPP_ANY);
	AUTO(strbuf) b = STRBUF_INIT;

	port_stats_request_encode(port, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_print_multipart(c, &b);
	ofp_client_close(c);
}

static void run_dump_ports_desc(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	of_port_t port = argc > 2 ? find_port(c, argv[2]) : OF_PORT(OFPP_ANY);
	AUTO(strbuf) b = STRBUF_INIT;

	port_desc_request_encode(port, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_print_multipart(c, &b);
	ofp_client_close(c);
}

static void change_tlv_map(const char *target, uint16_t command, const char *mappings)
{
	struct ofp_client *c = ofctl_open(target);
	struct tlv_table_mod mod = { .command = command };
	AUTO(strbuf) b = STRBUF_INIT;

	if (mappings && tlv_mappings_parse(mappings, &mod))
		fatal(0, "invalid tlv mapping");
	tlv_table_mod_encode(&mod, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_send_and_wait(c, &b);
	ofp_client_close(c);
}

static void run_add_tlv_map(int argc, char *argv[])
{
	change_tlv_map(argv[1], TLV_ADD, argv[2]);
}

// Without mappings all of them go.
static void run_del_tlv_map(int argc, char *argv[])
{
	change_tlv_map(argv[1], argc > 2 ? TLV_DELETE : TLV_CLEAR, argc > 2 ? argv[2] : NULL);
}

static void run_dump_tlv_map(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);

	print_plain(c, MSG_TLV_TABLE_REQUEST);
	ofp_client_close(c);
}

static const struct {
	const char *name;
	uint32_t bit;
	bool inverse; // the word without "no-" clears the bit
} port_words[] = {
	{ "up", PORT_CONFIG_DOWN, true },
	{ "down", PORT_CONFIG_DOWN, false },
	{ "stp", PORT_CONFIG_NO_STP, true },
	{ "receive", PORT_CONFIG_NO_RECV, true },
	{ "receive-stp", PORT_CONFIG_NO_RECV_STP, true },
	{ "flood", PORT_CONFIG_NO_FLOOD, true },
	{ "forward", PORT_CONFIG_NO_FWD, true },
	{ "packet-in", PORT_CONFIG_NO_PACKET_IN, true },
};

static void set_port_word(const char *word, struct port_mod *pm)
{
	bool no = !strncasecmp(word, "no-", 3);
	const char *name = word + (no ? 3 : 0);

	for (size_t i = 0; i < ARRAY_SIZE(port_words); i++)
		if (!strcasecmp(port_words[i].name, name) &&
		    !(no && port_words[i].bit == PORT_CONFIG_DOWN)) {
			pm->mask = port_words[i].bit;
			pm->config = port_words[i].inverse == no ? port_words[i].bit : 0;
			return;
		}
	fatal(0, "unknown mod-port command '%s'", word);
}

struct port_search {
	of_port_t port;
	const char *name;
	struct port_desc found;
	bool any;
};

static void search_part(struct msg *part, void *aux)
{
	struct port_search *s = aux;
	struct port_desc pd;

	while (port_desc_decode_next(part, &pd) > 0)
		if (s->name ? !strcmp(pd.name, s->name) : of_port_equal(pd.port, s->port)) {
			s->found = pd;
			s->any = true;
		}
}

static void run_mod_port(int argc, char *argv[])
{
	struct port_mod pm = { 0 };
	struct port_search s = { 0 };
	AUTO(strbuf) b = STRBUF_INIT;
	struct ofp_client *c;

	set_port_word(argv[3], &pm);
	if (!of_port_parse(argv[2], NULL, &s.port))
		s.name = argv[2];
	c = ofctl_open(argv[1]);
	port_desc_request_encode(OF_PORT(OFPP_ANY), ofp_client_version(c), ofp_client_xid(c), &b);
	ofp_client_multipart(c, &b, search_part, &s);
	if (!s.any)
		fatal(0, "%s: couldn't find port `%s'", argv[1], argv[2]);
	pm.port = s.found.port;
	pm.hw_addr = s.found.hw_addr;
	strbuf_clear(&b);
	port_mod_encode(&pm, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_send_and_wait(c, &b);
	ofp_client_close(c);
}

// ---- Fragments ----

static const char *const fragment_words[] = { "normal", "drop", "reassemble", "nx-match" };

static struct switch_config get_config(struct ofp_client *c)
{
	AUTO(strbuf) b = STRBUF_INIT;
	struct switch_config cfg;

	msg_put_plain(MSG_GET_CONFIG_REQUEST, ofp_client_version(c), ofp_client_xid(c), &b);
	if (switch_config_decode(ofp_client_transact(c, &b), &cfg))
		fatal(0, "malformed reply to a request for the configuration");
	return cfg;
}

static void run_get_frags(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);

	puts(fragment_words[get_config(c).flags & 3]);
	ofp_client_close(c);
}

static void run_set_frags(int argc, char *argv[])
{
	struct switch_config cfg;
	AUTO(strbuf) b = STRBUF_INIT;
	struct ofp_client *c;
	uint16_t mode = 0;

	while (mode < ARRAY_SIZE(fragment_words) && strcasecmp(argv[2], fragment_words[mode]))
		mode++;
	if (mode == ARRAY_SIZE(fragment_words))
		fatal(0, "%s: unknown fragment handling mode", argv[2]);
	c = ofctl_open(argv[1]);
	cfg = get_config(c);
	cfg.flags = (cfg.flags & ~3) | mode;
	switch_config_encode(&cfg, MSG_SET_CONFIG, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_send_and_wait(c, &b);
	if ((get_config(c).flags & 3) != mode)
		fatal(0,
		      "%s: setting fragment handling mode failed (this switch probably doesn't "
		      "support mode \"%s\")",
		      argv[1], argv[2]);
	ofp_client_close(c);
}

static void run_dump_ipfix_bridge(int argc, char *argv[])
{
	print_plain_multipart(argv[1], MSG_IPFIX_BRIDGE_REQUEST);
}

static void run_dump_ipfix_flow(int argc, char *argv[])
{
	print_plain_multipart(argv[1], MSG_IPFIX_FLOW_REQUEST);
}

// ---- Tracked connections ----

static void run_ct_flush_zone(int argc, char *argv[])
{
	struct ofp_client *c;
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t zone;

	if (!parse_u32(argv[2], 0, &zone) || zone > UINT16_MAX)
		fatal(0, "invalid zone_id \"%s\"", argv[2]);
	c = ofctl_open(argv[1]);
	nx_number_encode(MSG_CT_FLUSH_ZONE, zone, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_send_and_wait(c, &b);
	ofp_client_close(c);
}

static void parse_tuple(const char *text, struct ct_tuple_match *m)
{
	struct error err = ERROR_INIT;

	if (ct_tuple_match_parse(text, m, &err))
		fatal(0, "Failed to parse ct-tuple: %s", err.text);
}

// The message has one protocol for both.
static void parse_reply_tuple(const char *text, struct ct_match *match)
{
	AUTO_FREE char *with_proto = NULL;

	if (match->orig.fields & CT_MATCH_PROTO && !strstr(text, "ct_nw_proto"))
		text = with_proto = xasprintf("%s,ct_nw_proto=%u", text, match->orig.tuple.proto);
	parse_tuple(text, &match->reply);
}

static void run_ct_flush(int argc, char *argv[])
{
	struct ct_match match = { .has_zone = false };
	struct ofp_client *c;
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t zone;
	int next = 2;

	if (next < argc && str_starts(argv[next], "zone=")) {
		const char *text = argv[next++] + strlen("zone=");

		if (!parse_u32(text, 0, &zone) || zone > UINT16_MAX)
			fatal(0, "invalid zone_id \"%s\"", text);
		match.has_zone = true;
		match.zone = zone;
	}
	if (next < argc)
		parse_tuple(argv[next++], &match.orig);
	if (next < argc)
		parse_reply_tuple(argv[next++], &match);
	if (next < argc)
		fatal(0, "%s: only two tuples can be given, behind the zone", argv[next]);
	c = ofctl_open(argv[1]);
	ct_flush_encode(&match, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_send_and_wait(c, &b);
	ofp_client_close(c);
}

// ---- Is it there? ----

static void put_echo(struct ofp_client *c, size_t payload, struct strbuf *b)
{
	size_t start = msg_begin(MSG_ECHO_REQUEST, ofp_client_version(c), ofp_client_xid(c), b);
	for (size_t i = 0; i < payload; i++)
		wr_u8(b, random());
	msg_end(b, start);
}

static void run_probe(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	AUTO(strbuf) b = STRBUF_INIT;
	const struct msg *m;

	put_echo(c, 0, &b);
	m = ofp_client_transact(c, &b);
	if (rd_left(&m->body))
		fatal(0, "reply does not match request");
	ofp_client_close(c);
}

static void run_ping(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	uint32_t payload = 64;

	if (argc > 2 && (!parse_u32(argv[2], 10, &payload) || payload > 65527))
		fatal(0, "payload must be between 0 and 65527 bytes");
	for (int i = 0; i < 10; i++) {
		AUTO(strbuf) b = STRBUF_INIT;
		int64_t start = clock_real_nsec();
		const struct msg *m;

		put_echo(c, payload, &b);
		m = ofp_client_transact(c, &b);
		if (rd_left(&m->body) != payload || memcmp(m->body.p, b.s + 8, payload))
			printf("Reply does not match request\n");
		printf("%u bytes from %s: xid=%08x time=%.1f ms\n", payload, argv[1], m->xid,
		       (clock_real_nsec() - start) / 1e6);
	}
	ofp_client_close(c);
}

static void run_benchmark(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	uint32_t payload, count;
	uint64_t bytes;
	int64_t start;
	double seconds;

	if (!parse_u32(argv[2], 10, &payload) || payload > 65527)
		fatal(0, "payload must be between 0 and 65527 bytes");
	if (!parse_u32(argv[3], 10, &count))
		fatal(0, "%s: not a number of packets", argv[3]);
	bytes = (uint64_t)count * (payload + 8);
	printf("Sending %u packets * %u bytes (with header) = %" PRIu64 " bytes total\n", count,
	       payload + 8, bytes);
	start = clock_real_nsec();
	for (uint32_t i = 0; i < count; i++) {
		AUTO(strbuf) b = STRBUF_INIT;

		put_echo(c, payload, &b);
		ofp_client_transact(c, &b);
	}
	seconds = (clock_real_nsec() - start) / 1e9;
	printf("Finished in %.1f ms (%.0f packets/s) (%.0f bytes/s)\n", seconds * 1000,
	       count / seconds, bytes / seconds);
	ofp_client_close(c);
}

const struct ofctl_command ofctl_switch_commands[] = {
	{ "show", "SWITCH: features, configuration and ports", 1, 1, run_show, .reads = true },
	{ "dump-desc", "SWITCH: description", 1, 1, run_dump_desc, .reads = true },
	{ "dump-tables", "SWITCH: table statistics", 1, 1, run_dump_tables, .reads = true },
	{ "dump-ports", "SWITCH [PORT]: port statistics", 1, 2, run_dump_ports, .reads = true },
	{ "dump-ports-desc", "SWITCH [PORT]: port descriptions", 1, 2, run_dump_ports_desc,
	  .reads = true },
	{ "add-tlv-map", "SWITCH MAP: Geneve options that are tun_metadata fields", 2, 2,
	  run_add_tlv_map },
	{ "del-tlv-map", "SWITCH [MAP]: options that no longer are", 1, 2, run_del_tlv_map },
	{ "dump-tlv-map", "SWITCH: which options are fields", 1, 1, run_dump_tlv_map,
	  .reads = true },
	{ "mod-port", "SWITCH PORT up|down|[no-]flood|...: configure a port", 3, 3, run_mod_port },
	{ "dump-ipfix-bridge", "SWITCH: statistics of the bridge's IPFIX", 1, 1,
	  run_dump_ipfix_bridge, .reads = true },
	{ "dump-ipfix-flow", "SWITCH: statistics of IPFIX of flows", 1, 1, run_dump_ipfix_flow,
	  .reads = true },
	{ "ct-flush-zone", "SWITCH ZONE: forget a zone's tracked connections", 2, 2,
	  run_ct_flush_zone },
	{ "ct-flush", "SWITCH [zone=N] [TUPLE [REPLY-TUPLE]]: forget tracked connections", 1, 4,
	  run_ct_flush },
	{ "get-frags", "SWITCH: how fragments are handled", 1, 1, run_get_frags, .reads = true },
	{ "set-frags", "SWITCH normal|drop|nx-match: handle fragments so", 2, 2, run_set_frags },
	{ "probe", "SWITCH: whether it answers", 1, 1, run_probe, .reads = true },
	{ "ping", "SWITCH [N]: latency of ten echos of N bytes", 1, 2, run_ping, .reads = true },
	{ "benchmark", "SWITCH N COUNT: COUNT echos of N bytes, one after the other", 3, 3,
	  run_benchmark, .reads = true },
	{ NULL, NULL, 0, 0, NULL },
};
