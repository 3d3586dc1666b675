// SPDX-License-Identifier: Apache-2.0
// Bundles of ovs-ofctl: --bundle makes one of what a command sends, "bundle" sends a file of mixed changes as one.
#include <ctype.h>
#include <stdio.h>

#include "ofproto/openflow/bundle.h"
#include "utilities/ovs-ofctl-flow.h"

#define BUNDLE_FLAGS (BUNDLE_ATOMIC | BUNDLE_ORDERED)
// Behind the header: type and code, and an experimenter's number where the standard does not have the error.
enum { ERROR_DATA = 4, ERROR_EXPERIMENTER_DATA = 8, ERROR_EXPERIMENTER = 0xffff };

static bool opened;

static uint32_t put_control(struct ofp_client *c, enum bundle_type type, struct strbuf *b)
{
	const struct bundle_control bc = { .type = type, .flags = BUNDLE_FLAGS };
	uint32_t xid = ofp_client_xid(c);

	bundle_control_encode(&bc, ofp_client_version(c), xid, b);
	return xid;
}

// What the error is about: of a message in a bundle that message alone.
static void print_request(const uint8_t *p, size_t n)
{
	AUTO(strbuf) s = STRBUF_INIT;
	struct bundle_add a;
	struct msg m;

	if (!msg_decode_header(p, n, &m) && m.type == MSG_BUNDLE_ADD_MESSAGE &&
	    !bundle_add_decode(&m, &a)) {
		p = a.msg.whole;
		n = a.msg.size;
	}
	msg_print(p, n, NULL, ofctl.verbosity + 1, &s);
	fputs(s.s, stderr);
}

static void print_error(const struct msg *m)
{
	const uint8_t *body = m->body.p;
	size_t n = rd_left(&m->body);
	size_t data = n >= 2 && (body[0] << 8 | body[1]) == ERROR_EXPERIMENTER
			      ? ERROR_EXPERIMENTER_DATA
			      : ERROR_DATA;

	if (n < data)
		return;
	fprintf(stderr, "Error %s for: ", ofperr_name(ofperr_decode(m->whole, m->size)));
	print_request(body + data, n - data);
}

// Waits for the answer to a request that has been sent, and prints what errors come before it. False: there were some.
static bool wait_for(struct ofp_client *c, uint32_t xid)
{
	const struct msg *m;
	bool good = true;

	do {
		m = ofp_client_receive(c);
		if (m->type == MSG_ERROR) {
			print_error(m);
			good = false;
		}
	} while (m->xid != xid || (m->type != MSG_ERROR && m->type != MSG_BARRIER_REPLY &&
				   m->type != MSG_BUNDLE_CONTROL));
	return good;
}

static bool ask(struct ofp_client *c, enum bundle_type type)
{
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t xid = put_control(c, type, &b);

	ofp_client_send(c, &b);
	return wait_for(c, xid);
}

static NORETURN void failed(struct ofp_client *c)
{
	fatal(0, "talking to %s (Protocol error)", ofp_client_name(c));
}

void ofctl_bundle_message(struct ofp_client *c, struct strbuf *b, size_t start)
{
	AUTO(strbuf) message = STRBUF_INIT;
	uint32_t xid;

	if (!ofctl.bundle)
		return;
	if (!opened && !ask(c, BUNDLE_OPEN_REQUEST))
		failed(c);
	opened = true;
	strbuf_put(&message, b->s + start, b->len - start);
	strbuf_truncate(b, start);
	memcpy(&xid, message.s + 4, sizeof(xid));
	bundle_add_encode(0, BUNDLE_FLAGS, message.s, message.len, ofp_client_version(c),
			  be32toh(xid), b);
}

void ofctl_bundle_commit(struct ofp_client *c)
{
	AUTO(strbuf) b = STRBUF_INIT;
	uint32_t xid = ofp_client_xid(c);

	// Nothing to do is a bundle, too, and shows whether the switch knows them.
	if (!opened && !ask(c, BUNDLE_OPEN_REQUEST))
		failed(c);
	opened = false;
	msg_put_plain(MSG_BARRIER_REQUEST, ofp_client_version(c), xid, &b);
	ofp_client_send(c, &b);
	if (!wait_for(c, xid)) {
		ask(c, BUNDLE_DISCARD_REQUEST);
		failed(c);
	}
	if (!ask(c, BUNDLE_COMMIT_REQUEST))
		failed(c);
}

// ---- bundle ----

struct bundle_file {
	struct ofp_client *c;
	struct ofctl_ports *ports;
	struct strbuf buf;
};

static void run_line(char *line, const char *where, void *aux)
{
	static const struct {
		const char *word;
		void (*put)(struct ofp_client *c, struct ofctl_ports **ports, struct strbuf *b,
			    char *line, const char *where);
	} kinds[] = { { "flow", ofctl_put_flow },
		      { "group", ofctl_put_group },
		      { "packet-out", ofctl_put_packet_out } };
	struct bundle_file *f = aux;
	size_t n = strcspn(line, " \t,\r\n");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].word) == n && !strncmp(kinds[i].word, line, n)) {
			for (line += n; isspace((unsigned char)*line);)
				line++;
			kinds[i].put(f->c, &f->ports, &f->buf, line, where);
			return;
		}
	fatal(0, "%sUnsupported bundle message type: %.*s", where, (int)n, line);
}

static void run_bundle(int argc, char *argv[])
{
	struct bundle_file f = { .c = ofctl_open(argv[1]), .buf = STRBUF_INIT };

	ofctl_read_flows(argv[2], run_line, &f);
	ofctl_send_and_wait(f.c, &f.buf);
	strbuf_uninit(&f.buf);
	ofctl_ports_free(f.ports);
	ofp_client_close(f.c);
}

const struct ofctl_command ofctl_bundle_commands[] = {
	{ "bundle",
	  "SWITCH FILE: carry out a file of flow, group and packet-out lines, all or none", 2, 2,
	  run_bundle, .bundles = true },
	{ NULL, NULL, 0, 0, NULL },
};
