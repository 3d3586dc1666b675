// SPDX-License-Identifier: Apache-2.0
// Commands about queues of ports.
#include "utilities/ovs-ofctl.h"

// A port by number or name, "ALL" and "ANY" and none: all of them. The switch is asked for names only where it must be.
static of_port_t read_port(struct ofp_client *c, const char *target, const char *word)
{
	struct ofctl_ports *ports;
	of_port_t port = OF_PORT(OFPP_ANY);

	if (!word || of_port_parse(word, NULL, &port))
		return port.n == OFPP_ALL ? OF_PORT(OFPP_ANY) : port;
	ports = ofctl_ports_load(c);
	if (!of_port_parse(word, ofctl_port_parser(ports), &port))
		fatal(0, "%s: unknown port `%s'", target, word);
	ofctl_ports_free(ports);
	return port;
}

static uint32_t read_queue(const char *word)
{
	uint32_t queue = QUEUE_ALL;

	if (word && strcmp(word, "ALL") && !parse_u32(word, 0, &queue))
		fatal(0, "%s: not a queue's number", word);
	return queue;
}

static void run_stats(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t queue = read_queue(argc > 3 ? argv[3] : NULL);
	of_port_t port = read_port(c, argv[1], argc > 2 ? argv[2] : NULL);

	queue_stats_request_encode(port, queue, ofp_client_version(c), ofp_client_xid(c), &b);
	ofctl_print_multipart(c, &b);
	ofp_client_close(c);
}

static void request_config(struct ofp_client *c, of_port_t port, uint32_t queue)
{
	AUTO(strbuf) b = STRBUF_INIT;

	queue_desc_request_encode(port, queue, ofp_client_version(c), ofp_client_xid(c), &b);
	if (ofp_client_version(c) < OFP14)
		ofctl_print(ofp_client_transact(c, &b));
	else
		ofctl_print_multipart(c, &b);
}

// OpenFlow 1.0 has no word for all ports, and none for the local one.
static void request_each_config(struct ofp_client *c)
{
	struct ofctl_ports *ports = ofctl_ports_load(c);
	const struct port_desc *list;
	size_t n = ofctl_ports_list(ports, &list);

	for (size_t i = 0; i < n; i++)
		if (list[i].port.n < OFPP_MAX)
			request_config(c, list[i].port, QUEUE_ALL);
	ofctl_ports_free(ports);
}

static void run_get_config(int argc, char *argv[])
{
	struct ofp_client *c = ofctl_open(argv[1]);
	uint32_t queue = read_queue(argc > 3 ? argv[3] : NULL);
	of_port_t port = read_port(c, argv[1], argc > 2 ? argv[2] : NULL);

	if (ofp_client_version(c) == OFP10 && port.n == OFPP_ANY)
		request_each_config(c);
	else
		request_config(c, port, queue);
	ofp_client_close(c);
}

const struct ofctl_command ofctl_queue_commands[] = {
	{ "queue-stats", "SWITCH [PORT [QUEUE]]: what queues have sent", 1, 3, run_stats,
	  .reads = true },
	{ "queue-get-config", "SWITCH [PORT [QUEUE]]: which queues there are", 1, 3, run_get_config,
	  .reads = true },
	{ NULL, NULL, 0, 0, NULL },
};
