// SPDX-License-Identifier: Apache-2.0
// packet-out.
#include "utilities/ovs-ofctl.h"

static void send_packet(struct ofp_client *c, struct packet_out *po, const struct strbuf *packet)
{
	AUTO(strbuf) b = STRBUF_INIT;

	po->packet = (const uint8_t *)packet->s;
	po->len = packet->len;
	packet_out_encode(po, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_check_length(&b, 0, "");
	ofctl_send_and_wait(c, &b);
}

// The older form: port, actions, packets.
static void send_packets(struct ofp_client *c, int argc, char *argv[],
			 const struct port_names *names)
{
	struct packet_out po = { .buffer_id = UINT32_MAX };
	AUTO(strbuf) packet = STRBUF_INIT;
	struct error err = ERROR_INIT;
	of_port_t port;

	match_init_any(&po.metadata);
	if (!of_port_parse(argv[2], names, &port))
		fatal(0, "%s is not a valid OpenFlow port", argv[2]);
	po.metadata.key.in_port = port.n;
	po.metadata.mask.m.in_port = UINT32_MAX;
	if (acts_parse(argv[3], names, &po.acts, &err))
		fatal(0, "%s", err.text);
	for (int i = 4; i < argc; i++) {
		if (packet_text_parse(argv[i], &packet, &err))
			fatal(0, "%s", err.text);
		send_packet(c, &po, &packet);
	}
	packet_out_uninit(&po);
}

static void run_packet_out(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	struct ofctl_ports *ports = ofctl_ports_load(c);
	const struct port_names *names = ofctl_port_parser(ports);

	if (argc == 3) {
		AUTO(strbuf) packet = STRBUF_INIT;
		struct error err = ERROR_INIT;
		struct packet_out po;

		if (packet_out_parse(argv[2], names, &po, &packet, &err))
			fatal(0, "%s", err.text);
		send_packet(c, &po, &packet);
		packet_out_uninit(&po);
	} else {
		send_packets(c, argc, argv, names);
	}
	ofctl_ports_free(ports);
	ofp_client_close(c);
}

const struct ofctl_command ofctl_packet_commands[] = {
	{ "packet-out", "SWITCH \"in_port=PORT packet=HEX actions=ACTIONS\": send a packet", 2,
	  1000, run_packet_out },
	{ NULL, NULL, 0, 0, NULL },
};
