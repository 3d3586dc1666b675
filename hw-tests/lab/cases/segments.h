// SPDX-License-Identifier: Apache-2.0
// Packets of connections, written in a line; and what comes out of a wire, looked at.
#pragma once

#include "core/packet/packet.h"
#include "hw-tests/lab/cases/wire.h"

enum { TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

struct segment {
	const char *src, *dst; // both IPv4 or both IPv6
	uint8_t proto;
	uint16_t sport, dport; // or type and code
	uint8_t flags; // of TCP
	uint32_t seq, ack;
	const char *payload; // NULL: none
};

// Appends the frame, checksums and all.
void segment_make(const struct segment *s, struct strbuf *frame);
void segment_send(const struct wire *w, const struct segment *s);
// What is in a frame.
void frame_view(const struct strbuf *frame, struct packet *p, struct flow_key *key);
// The next frame out of the wire, with checksums that are right. Fails the test when none comes.
void frame_expect(const struct wire *w, struct strbuf *frame, struct flow_key *key);
// Fails the test unless the source or destination is in the range; 'max' NULL: it is 'min'.
void address_expect(const struct flow_key *key, bool source, const char *min, const char *max);

// A connection whose addresses are translated.
struct nat_case {
	const char *name, *nat; // argument of ct
	struct segment out; // its first packet
	const char *src, *src_max, *dst; // as translated; NULL: as sent
	uint16_t sport_min, sport_max, dport; // 0: as sent
	bool is_source; // it is the source that is translated
};

extern const struct nat_case nat_cases[];
extern const size_t n_nat_cases;

// Sends the case's packet from the client's wire, looks at it behind the translation, answers, and looks at the answer.
void nat_exchange(const struct nat_case *c, const struct wire *client, const struct wire *server);
