// SPDX-License-Identifier: Apache-2.0
// monitor and snoop: print what comes until they are stopped, as a daemon with --detach. ovs-appctl may tell them to send, to wait
// and to print elsewhere.
#include <ctype.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/io/appctl.h"
#include "core/io/daemon.h"
#include "ofproto/openflow/flow-monitor.h"
#include "utilities/ovs-ofctl.h"

static struct monitor {
	struct ofp_client *client;
	struct ofctl_ports *ports; // NULL: of a snooper
	bool stop, held;
	// Who waits for a barrier's answer.
	struct appctl_conn *waiting;
	uint32_t barrier_xid;
} monitor;

// ---- Printing: to standard error, or the file that it has been turned to ----

static void print_time(void)
{
	struct timeval now;
	struct tm tm;
	char s[64];

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &tm);
	strftime(s, sizeof(s), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(stderr, "%s.%03d: ", s, (int)(now.tv_usec / 1000));
}

static void print(const void *bytes, size_t n, int verbosity)
{
	AUTO(strbuf) s = STRBUF_INIT;

	msg_print(bytes, n, ofctl_port_printer(monitor.ports), ofctl.verbosity + verbosity, &s);
	fputs(s.s, stderr);
}

static void on_message(const struct msg *m)
{
	if (ofctl.timestamp)
		print_time();
	print(m->whole, m->size, 2);
	fflush(stderr);
	if (monitor.waiting && m->type == MSG_BARRIER_REPLY && m->xid == monitor.barrier_xid) {
		appctl_reply(monitor.waiting, NULL);
		monitor.waiting = NULL;
	}
}

// ---- Commands ----

static void cmd_exit(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	monitor.stop = true;
	appctl_reply(conn, NULL);
}

static const char *read_message(const char *hex, struct strbuf *out)
{
	if (ofctl_parse_hex(hex, out))
		return "Trailing garbage in hex data";
	return out->len < 8 ? "Message too short for OpenFlow" : NULL;
}

// False: it is too long, which 'conn' has been told.
static bool send(struct appctl_conn *conn, const struct strbuf *message, const char *prefix,
		 int verbosity)
{
	if (message->len > UINT16_MAX) {
		appctl_reply_error(conn, "message is too long");
		return false;
	}
	fputs(prefix, stderr);
	print(message->s, message->len, verbosity);
	ofp_client_send(monitor.client, message);
	return true;
}

static void cmd_send(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) reply = STRBUF_INIT;

	for (int i = 1; i < argc; i++) {
		AUTO(strbuf) message = STRBUF_INIT;
		const char *error = read_message(argv[i], &message);

		if (error) {
			appctl_reply_error(conn, error);
			return;
		}
		wr_patch_be16(&message, 2, message.len);
		if (!send(conn, &message, "send: ", 2))
			return;
		strbuf_puts(&reply, "sent\n");
	}
	appctl_reply(conn, strbuf_cstr(&reply));
}

static void cmd_packet_out(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) packet = STRBUF_INIT;
	AUTO(strbuf) message = STRBUF_INIT;
	struct error err = ERROR_INIT;
	struct packet_out po;

	if (packet_out_parse(argv[1], ofctl_port_parser(monitor.ports), &po, &packet, &err)) {
		appctl_reply_error(conn, err.text);
		return;
	}
	packet_out_encode(&po, ofp_client_version(monitor.client), ofp_client_xid(monitor.client),
			  &message);
	packet_out_uninit(&po);
	if (send(conn, &message, "", 0))
		appctl_reply(conn, NULL);
}

static void cmd_barrier(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	AUTO(strbuf) b = STRBUF_INIT;

	if (monitor.waiting) {
		appctl_reply_error(conn, "already have pending barrier request");
		return;
	}
	monitor.waiting = conn;
	monitor.barrier_xid = ofp_client_xid(monitor.client);
	msg_put_plain(MSG_BARRIER_REQUEST, ofp_client_version(monitor.client), monitor.barrier_xid,
		      &b);
	ofp_client_send(monitor.client, &b);
}

static void cmd_set_output_file(struct appctl_conn *conn, int argc, const char *const argv[],
				void *aux)
{
	FILE *f = fopen(argv[1], "w");

	if (!f) {
		appctl_reply_error(conn, strerror(errno));
		return;
	}
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	fclose(f);
	appctl_reply(conn, NULL);
}

static void hold(struct appctl_conn *conn, bool on)
{
	if (monitor.held == on) {
		appctl_reply(conn, on ? "already blocking" : "already unblocked");
		return;
	}
	monitor.held = on;
	ofp_client_hold(monitor.client, on);
	appctl_reply(conn, NULL);
}

static void cmd_block(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	hold(conn, true);
}

static void cmd_unblock(struct appctl_conn *conn, int argc, const char *const argv[], void *aux)
{
	hold(conn, false);
}

static const struct appctl_command all_commands[] = {
	{ "exit", "", 0, 0, cmd_exit },
	{ "ofctl/set-output-file", "FILE", 1, 1, cmd_set_output_file },
	{ "ofctl/block", "", 0, 0, cmd_block },
	{ "ofctl/unblock", "", 0, 0, cmd_unblock },
};

// Who only looks on has nothing to say.
static const struct appctl_command sender_commands[] = {
	{ "ofctl/send", "OFMSG...", 1, -1, cmd_send },
	{ "ofctl/packet-out", "\"in_port=<port> packet=<hex data> actions=...\"", 1, 1,
	  cmd_packet_out },
	{ "ofctl/barrier", "", 0, 0, cmd_barrier },
};

// ---- Until it is stopped ----

static void on_terminate(void *aux)
{
	monitor.stop = true;
}

static NORETURN void serve(void)
{
	struct loop *l = ofp_client_loop(monitor.client);
	struct error err = ERROR_INIT;
	const struct msg *m;

	fflush(stdout);
	// Where there is no directory for its socket, a monitor in the foreground does without.
	if (appctl_server_start(l, ofctl.unixctl, &err) && (daemon_is_detached() || ofctl.unixctl))
		fatal(0, "%s", err.text);
	appctl_register(all_commands, ARRAY_SIZE(all_commands), NULL);
	if (monitor.ports)
		appctl_register(sender_commands, ARRAY_SIZE(sender_commands), NULL);
	daemon_on_signal(l, on_terminate, NULL, NULL);
	daemon_keep_output();
	daemon_ready();
	while (!monitor.stop) {
		while (!monitor.held && !monitor.stop && (m = ofp_client_next(monitor.client)))
			on_message(m);
		if (!monitor.stop)
			ofp_client_wait(monitor.client);
	}
	loop_step(l, 0); // the answer to "exit" goes out
	appctl_server_stop();
	exit(EXIT_SUCCESS);
}

static void run_snoop(int argc, char *argv[])
{
	daemon_start();
	monitor.client = ofp_client_open_snoop(argv[1], ofctl.versions, ofctl.timeout);
	serve();
}

// ---- What a monitor asks for ----

static void ask_for_packets(const struct switch_config *wanted)
{
	AUTO(strbuf) request = STRBUF_INIT;
	AUTO(strbuf) b = STRBUF_INIT;
	uint8_t version = ofp_client_version(monitor.client);
	struct switch_config cfg;

	msg_put_plain(MSG_GET_CONFIG_REQUEST, version, ofp_client_xid(monitor.client), &request);
	if (switch_config_decode(ofp_client_transact(monitor.client, &request), &cfg))
		fatal(0, "the switch's configuration cannot be read");
	cfg.miss_send_len = wanted->miss_send_len;
	cfg.flags |= wanted->flags;
	switch_config_encode(&cfg, MSG_SET_CONFIG, version, ofp_client_xid(monitor.client), &b);
	ofctl_send_and_wait(monitor.client, &b);
}

static void watch(const char *text)
{
	AUTO(strbuf) b = STRBUF_INIT;
	uint8_t version = ofp_client_version(monitor.client);
	struct flow_monitor_request q;
	struct error err = ERROR_INIT;
	uint32_t versions;

	if (flow_monitor_parse(text, ofctl_port_parser(monitor.ports), &q, &versions, &err))
		fatal(0, "%s", err.text);
	if (!(versions >> version & 1))
		fatal(0, "%s: only OpenFlow 1.4 and later can say this (use -O)", text);
	flow_monitor_request_encode(&q, version, ofp_client_xid(monitor.client), &b);
	ofctl_print_multipart(monitor.client, &b);
}

static bool set_packet_in_format(enum packet_in_format format)
{
	AUTO(strbuf) b = STRBUF_INIT;

	nx_number_encode(MSG_SET_PACKET_IN_FORMAT, format, ofp_client_version(monitor.client),
			 ofp_client_xid(monitor.client), &b);
	return ofp_client_try(monitor.client, &b);
}

// What was asked for with -P, or the best that the switch knows.
static void choose_packet_in_format(const char *target)
{
	if (ofctl.packet_in_format >= 0) {
		if (!set_packet_in_format(ofctl.packet_in_format))
			fatal(0, "%s: switch does not support the packet-in format", target);
		return;
	}
	if (!set_packet_in_format(PIN_NXT2) && ofp_client_version(monitor.client) == OFP10)
		set_packet_in_format(PIN_NXT);
}

static void run_monitor(int argc, char *argv[])
{
	struct switch_config cfg = { 0, 0 };
	bool packets = false;
	uint32_t len;

	daemon_start();
	monitor.client = ofctl_open(argv[1]);
	monitor.ports = ofctl_ports_load(monitor.client);
	// Packets that are to be sent may have names too, later.
	if (ofctl.unixctl && !ofctl.no_names)
		ofctl_tables_load(monitor.ports);
	for (int i = 2; i < argc; i++) {
		if (isdigit((unsigned char)argv[i][0])) {
			if (!parse_u32(argv[i], 10, &len) || len > UINT16_MAX)
				fatal(0, "%s: a packet has at most %d bytes", argv[i], UINT16_MAX);
			cfg.miss_send_len = len;
			packets = true;
		} else if (!strcmp(argv[i], "invalid_ttl")) {
			cfg.flags |= CONFIG_INVALID_TTL;
			packets = true;
		} else if (!str_starts(argv[i], "watch:")) {
			fatal(0, "%s: unsupported \"monitor\" argument", argv[i]);
		}
	}
	// What comes while an answer is waited for is not printed: nothing is asked for before the last question.
	choose_packet_in_format(argv[1]);
	if (packets)
		ask_for_packets(&cfg);
	for (int i = 2; i < argc; i++)
		if (str_starts(argv[i], "watch:"))
			watch(argv[i] + strlen("watch:"));
	serve();
}

const struct ofctl_command ofctl_monitor_commands[] = {
	{ "monitor", "SWITCH [MISSLEN] [invalid_ttl] [watch:[...]]: print what the switch sends", 1,
	  3, run_monitor, .reads = true },
	{ "snoop", "SWITCH: print what it and its controller say to each other", 1, 1, run_snoop,
	  .reads = true },
	{ NULL, NULL, 0, 0, NULL },
};
