// SPDX-License-Identifier: Apache-2.0
// Address translation as actions ask for it: which end of new connections, to which addresses and ports. One form for
// OpenFlow's nat action and the datapath's.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/types.h"

// nat.flags: neither SRC nor DST means "as this connection was translated before".
enum {
	NAT_SRC = 1,
	NAT_DST = 2,
	NAT_PERSISTENT = 4,
	NAT_HASH = 8,
	NAT_RANDOM = 16,
	NAT_ADDRESS = 32, // there is an address in 'min'
	NAT_IPV6 = 64, // and it is an IPv6 one
};

struct nat {
	uint16_t flags;
	uint16_t port_min, port_max; // host order; port_min 0: any, port_max 0: only port_min
	// With NAT_ADDRESS; IPv4 in the first four bytes (without NAT_IPV6). 0.0.0.0 is one, too: ports change where they clash.
	struct ipv6_addr min, max; // 'max' all zeros: only 'min'
};

// "nat", "nat(src=10.0.0.1-10.0.0.9:1000-2000,random)", "nat(dst=[fe80::1]:80)".
void nat_format(const struct nat *n, struct strbuf *out);
// The reverse of what stands between the parentheses ("" for a bare nat), 'n' bytes of it. 0 or -EINVAL with the word.
int nat_parse(const char *args, size_t n, struct nat *ret, struct error *err);
