// SPDX-License-Identifier: Apache-2.0
// Pieces of text that the printers and parsers of this folder share.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/flow/match.h"

struct flag_name {
	const char *name;
	uint32_t bit;
};

// Ended by a NULL name.
extern const struct flag_name tcp_flag_names[], ct_state_names[], dp_tnl_flag_names[];

// "+a-b", "a|b", "0x3/0xf". 'what' names the kind in errors.
int flags_parse(const char *text, const struct flag_name *names, const char *what,
		uint32_t *ret_value, uint32_t *ret_mask, struct error *err);
void flags_format(const struct flag_name *names, uint32_t value, uint32_t mask, struct strbuf *out);

bool eth_addr_parse(const char *s, struct eth_addr *ret, const char **end);
bool ipv4_addr_parse(const char *s, size_t n, be32 *ret);
int ipv4_masked_parse(const char *text, be32 *ret, be32 *mask, struct error *err);
int ipv6_masked_parse(const char *text, uint8_t ret[16], uint8_t mask[16], struct error *err);
// Prefix masks as "/24", others in full.
void ipv4_masked_format(be32 addr, be32 mask, struct strbuf *out);
void ipv6_masked_format(const uint8_t addr[16], const uint8_t mask[16], struct strbuf *out);
void eth_masked_format(struct eth_addr addr, struct eth_addr mask, struct strbuf *out);
