// SPDX-License-Identifier: Apache-2.0
// packet-out and monitor.
#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "core/base/clock.h"
#include "utilities/ovs-ofctl.h"

static void put_hex(const char *s, struct strbuf *out)
{
	while (*s) {
		int hi, lo;

		if (isspace((unsigned char)*s)) {
			s++;
			continue;
		}
		hi = hex_digit(s[0]);
		lo = hi < 0 ? -1 : hex_digit(s[1]);
		if (lo < 0)
			fatal(0, "Trailing garbage in packet data");
		wr_u8(out, hi << 4 | lo);
		s += 2;
	}
}

static void set_in_port(struct match *m, const char *text, const struct port_names *names)
{
	of_port_t port;

	if (!of_port_parse(text, names, &port))
		fatal(0, "%s is not a valid OpenFlow port", text);
	m->key.in_port = port.n;
	m->mask.m.in_port = UINT32_MAX;
}

// "in_port=1 packet=HEX actions=..."
static void parse_text(char *text, const struct port_names *names, struct packet_out *po,
		       struct strbuf *packet)
{
	char *actions = strstr(text, "actions="), *save = NULL;
	struct error err = ERROR_INIT;

	if (!actions || (actions != text && !strchr(", \t", actions[-1])))
		fatal(0, "must specify actions");
	*actions = '\0';
	for (char *s = strtok_r(text, ", \t\n", &save); s; s = strtok_r(NULL, ", \t\n", &save)) {
		char *value = strchr(s, '=');

		if (value)
			*value++ = '\0';
		if (value && !strcmp(s, "in_port"))
			set_in_port(&po->metadata, value, names);
		else if (value && !strcmp(s, "packet"))
			put_hex(value, packet);
		else if (match_parse_word(&po->metadata, s, value, names, &err) == -ENOENT)
			fatal(0, "unknown keyword %s", s);
		else if (err.code)
			fatal(0, "%s", err.text);
	}
	if (!packet->len)
		fatal(0, "must specify packet data");
	if (acts_parse(actions + strlen("actions="), names, &po->acts, &err))
		fatal(0, "%s", err.text);
}

static void send_packet(struct ofp_client *c, struct packet_out *po, const struct strbuf *packet)
{
	AUTO(strbuf) b = STRBUF_INIT;

	po->packet = (const uint8_t *)packet->s;
	po->len = packet->len;
	packet_out_encode(po, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_check_length(&b, 0, "");
	ofctl_send_and_wait(c, &b);
}

static void run_packet_out(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	struct ofctl_ports *ports = ofctl_ports_load(c);
	const struct port_names *names = ofctl_port_parser(ports);
	struct packet_out po = { .buffer_id = UINT32_MAX };
	AUTO(strbuf) packet = STRBUF_INIT;
	struct error err = ERROR_INIT;

	match_init_any(&po.metadata);
	set_in_port(&po.metadata, argc > 3 ? argv[2] : "ANY", names);
	if (argc == 3) {
		po.metadata.key.in_port = OFPP_CONTROLLER;
		parse_text(argv[2], names, &po, &packet);
		send_packet(c, &po, &packet);
	} else {
		// The older form: port, actions, packets.
		if (acts_parse(argv[3], names, &po.acts, &err))
			fatal(0, "%s", err.text);
		for (int i = 4; i < argc; i++) {
			strbuf_clear(&packet);
			put_hex(argv[i], &packet);
			send_packet(c, &po, &packet);
		}
	}
	packet_out_uninit(&po);
	ofctl_ports_free(ports);
	ofp_client_close(c);
}

// ---- monitor ----

static void print_time(void)
{
	time_t now = time(NULL);
	struct tm tm;
	char s[64];

	localtime_r(&now, &tm);
	strftime(s, sizeof(s), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s: ", s);
}

static void ask_for_packets(struct ofp_client *c, uint16_t miss_send_len)
{
	struct switch_config cfg = { 0, miss_send_len };
	AUTO(strbuf) b = STRBUF_INIT;

	switch_config_encode(&cfg, MSG_SET_CONFIG, ofp_client_version(c), ofp_client_xid(c), &b);
	ofp_client_send(c, &b);
}

static void run_monitor(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	AUTO(strbuf) b = STRBUF_INIT;
	bool invalid_ttl = false;
	uint32_t len;

	for (int i = 2; i < argc; i++) {
		if (isdigit((unsigned char)argv[i][0]) && parse_u32(argv[i], 10, &len) &&
		    len <= UINT16_MAX)
			ask_for_packets(c, len);
		else if (!strcmp(argv[i], "invalid_ttl"))
			invalid_ttl = true;
		else
			fatal(0, "%s: unsupported \"monitor\" argument", argv[i]);
	}
	if (invalid_ttl)
		fatal(0, "monitor invalid_ttl is not supported yet");
	nx_number_encode(MSG_SET_PACKET_IN_FORMAT, PIN_NXT2, ofp_client_version(c),
			 ofp_client_xid(c), &b);
	ofp_client_send(c, &b);
	if (!ofp_client_barrier(c))
		fatal(0, "%s: the switch cannot send packets in the format nxt_packet_in2",
		      argv[1]);
	for (;;) {
		const struct msg *m = ofp_client_receive(c);

		if (ofctl.timestamp)
			print_time();
		ofctl_print(m);
		fflush(stdout);
	}
}

const struct ofctl_command ofctl_packet_commands[] = {
	{ "packet-out", "SWITCH \"in_port=PORT packet=HEX actions=ACTIONS\": send a packet", 2,
	  1000, run_packet_out },
	{ "monitor", "SWITCH [MISSLEN]: print what the switch sends", 1, 3, run_monitor },
	{ NULL, NULL, 0, 0, NULL },
};
