// SPDX-License-Identifier: Apache-2.0
// Numbers and pieces of the wire that this folder's codecs share.
#pragma once

#include "ofproto/openflow/msg.h"
#include "ofproto/openflow/of-match.h"

enum { OF_HEADER_LEN = 8, OF_NX_VENDOR = 0x00002320, OF_ONF_VENDOR = 0x4f4e4600 };

// How a message is encoded.
enum msg_kind {
	KIND_OFPT = 1,
	KIND_NXT,
	KIND_ONFT,
	KIND_OFPST,
	KIND_OFPST_REPLY,
	KIND_NXST,
	KIND_NXST_REPLY,
	KIND_ONFST,
	KIND_ONFST_REPLY
};

// The kind the message came in; and "OFPST_FLOW reply" for it.
enum msg_kind msg_kind_of(const struct msg *m);
const char *msg_kind_prefix(enum msg_kind kind);
// Begins a message in one of its kinds: the Nicira form where 'nx' and there is one, else the first that the version has.
size_t msg_begin_kind(enum msg_type type, uint8_t version, uint32_t xid, bool nx,
		      struct strbuf *out);
// Whether the version has the message in a kind.
bool msg_has_kind(enum msg_type type, uint8_t version, enum msg_kind kind);

// Ports: 16 bits in 1.0, 32 later.
of_port_t port_from_10(uint16_t n);
uint16_t port_to_10(of_port_t p);
enum ofperr port_from_11(uint32_t n, of_port_t *ret);
static inline uint32_t port_to_11(of_port_t p)
{
	return p.n;
}
// Reads a port as the version has it (2 or 4 bytes).
enum ofperr rd_port(struct reader *r, uint8_t version, of_port_t *ret);
// Text in a member of 'n' bytes, which ends with a zero.
void wr_text(struct strbuf *out, const char *s, size_t n);
void rd_text(struct reader *r, char *s, size_t n);

// OpenFlow 1.5's statistics of a flow (OXS). Members that are not there keep their values.
struct oxs {
	uint32_t duration_sec, duration_nsec, n_flows, idle_sec;
	uint64_t n_packets, n_bytes;
	bool have_duration, have_idle, have_flows, have_packets, have_bytes;
};
enum ofperr oxs_decode(struct reader *r, struct oxs *s);
void oxs_encode(const struct oxs *s, struct strbuf *out);

// Properties of 1.4+, and of queues before: type and length, then a body; padded to 8 behind.
size_t prop_begin(struct strbuf *out, uint16_t type);
void prop_end(struct strbuf *out, size_t start);
// Takes the next; false at the end or when malformed (r->failed tells).
bool prop_next(struct reader *r, uint16_t *ret_type, struct reader *ret_body);
