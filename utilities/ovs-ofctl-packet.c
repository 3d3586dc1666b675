// SPDX-License-Identifier: Apache-2.0
// packet-out.
#include "utilities/ovs-ofctl.h"

static void put_packet(struct ofp_client *c, struct packet_out *po, const struct strbuf *packet,
		       struct strbuf *b, const char *where)
{
	size_t start = b->len;

	po->packet = (const uint8_t *)packet->s;
	po->len = packet->len;
	packet_out_encode(po, ofp_client_version(c), ofp_client_xid(c), b);
	ofctl_end_message(c, b, start, where);
}

static void put_text(struct ofp_client *c, const char *text, const struct port_names *names,
		     struct strbuf *b, const char *where)
{
	AUTO(strbuf) packet = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct packet_out po;

	if (packet_out_parse(text, names, &po, &packet, &err))
		fatal(0, "%s%s", where, err.text);
	put_packet(c, &po, &packet, b, where);
	packet_out_uninit(&po);
}

void ofctl_put_packet_out(struct ofp_client *c, struct ofctl_ports **ports, struct strbuf *b,
			  char *line, const char *where)
{
	if (!*ports)
		*ports = ofctl_ports_load(c);
	put_text(c, line, ofctl_port_parser(*ports), b, where);
}

// The older form: port, actions, packets.
static void put_arguments(struct ofp_client *c, int argc, char *argv[],
			  const struct port_names *names, struct strbuf *b)
{
	struct packet_out po = { .buffer_id = OF_NO_BUFFER };
	AUTO(strbuf) packet = STRBUF_INIT;
	struct error err = ERROR_INIT;
	of_port_t port;

	match_init_any(&po.metadata);
	if (!of_port_parse(argv[2], names, &port))
		fatal(0, "%s: unknown port `%s'", ofp_client_target(c), argv[2]);
	po.metadata.key.in_port = port.n;
	po.metadata.mask.m.in_port = UINT32_MAX;
	if (acts_parse_actions(argv[3], names, &po.acts, &err))
		fatal(0, "%s", err.text);
	for (int i = 4; i < argc; i++) {
		if (packet_text_parse(argv[i], &packet, &err))
			fatal(0, "%s", err.text);
		put_packet(c, &po, &packet, b, "");
	}
	packet_out_uninit(&po);
}

static void run_packet_out(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	struct ofctl_ports *ports = ofctl_ports_load(c);
	const struct port_names *names = ofctl_port_parser(ports);
	AUTO(strbuf) b = STRBUF_INIT;

	// A packet alone is sent without a bundle, as Open vSwitch's does; a bundle's file may hold some.
	ofctl.bundle = false;
	if (argc == 3)
		put_text(c, argv[2], names, &b, "");
	else
		put_arguments(c, argc, argv, names, &b);
	ofctl_send_and_wait(c, &b);
	ofctl_ports_free(ports);
	ofp_client_close(c);
}

const struct ofctl_command ofctl_packet_commands[] = {
	{ "packet-out", "SWITCH \"in_port=PORT packet=HEX actions=ACTIONS\": send a packet", 2,
	  1000, run_packet_out, .bundles = true },
	{ NULL, NULL, 0, 0, NULL },
};
