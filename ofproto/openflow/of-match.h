// SPDX-License-Identifier: Apache-2.0
// Matches in the forms that messages carry them in.
//
// OpenFlow 1.0's fixed 40 bytes; ofp_match with header and padding for 1.1 (fixed, 88 bytes) and 1.2+ (OXM); Nicira's NXM. Decoding
// a fixed form drops what could never be looked at, as match_normalize() does; match10_decode_raw() keeps it.
#pragma once

#include "ofproto/openflow/msg.h"

enum { MATCH10_LEN = 40, MATCH11_LEN = 88 };

enum ofperr match10_decode(struct reader *r, struct match *m);
enum ofperr match10_decode_raw(struct reader *r, struct match *m);
void match10_encode(const struct match *m, struct strbuf *out);
// True when the fixed form says all that the match says.
bool match10_fits(const struct match *m);
enum ofperr match11_decode(struct reader *r, struct match *m);
void match11_encode(const struct match *m, uint8_t version, struct strbuf *out);
bool match11_fits(const struct match *m);
// 'n' bytes of NXM, padded to 8 in the message. A cookie may be among the fields; 'cookie' and its mask may be NULL where
// it may not.
enum ofperr nxm_decode(struct reader *r, size_t n, struct match *m, uint64_t *cookie,
		       uint64_t *cookie_mask);
// Not strict: as match_get_oxm().
enum ofperr nxm_decode_as(struct reader *r, size_t n, bool strict, struct match *m,
			  uint64_t *cookie, uint64_t *cookie_mask);
size_t nxm_encode(const struct match *m, uint64_t cookie, uint64_t cookie_mask, struct strbuf *out);
// What the peer is told of a match that match_get_oxm() refused.
enum ofperr ofperr_of_match(enum match_error e);
