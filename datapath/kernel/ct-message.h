// SPDX-License-Identifier: Apache-2.0
// What the kernel says about tracked connections, their limits and timeouts: checked and turned into our form. And the few
// messages about them that we send.
#pragma once

#include "core/netlink/genl.h"
#include "datapath/provider.h"

// ---- ctnetlink ----

// A message of netfilter's subsystem 'subsystem' (NFNL_SUBSYS_*); ended by nl_msg_end().
size_t netfilter_begin(struct strbuf *b, uint8_t subsystem, uint8_t msg, uint16_t flags,
		       uint8_t family);
void ct_put_zone(struct strbuf *b, uint16_t zone);
// As a nest of 'type' (CTA_TUPLE_ORIG). Ports are left out of protocols that the kernel does not know them of.
void ct_put_tuple(struct strbuf *b, uint16_t type, const struct ct_tuple *t);

// A connection (IPCTNL_MSG_CT_NEW), and an expected one (IPCTNL_MSG_EXP_NEW), whose zone is not told. False: the message is about
// something else. -EPROTO in *ret_error when it cannot be understood.
bool ct_entry_decode(const struct nlmsghdr *h, struct ct_entry *ret, int *ret_error,
		     struct error *err);
bool ct_expected_decode(const struct nlmsghdr *h, struct ct_expected *ret, int *ret_error,
			struct error *err);

// ---- Timeout policies ----

// What one of the kernel's policies is for: each kind of connection has one of its own.
struct ct_timeout_kind {
	const char *suffix; // of its name
	uint16_t eth_type;
	uint8_t family, proto;
};

enum { CT_TIMEOUT_KINDS = 6 };
extern const struct ct_timeout_kind ct_timeout_kinds[CT_TIMEOUT_KINDS];

// "ovs_tp_7_tcp4".
void ct_timeout_kind_name(uint32_t id, const struct ct_timeout_kind *k,
			  char ret[DATAPATH_CT_TIMEOUT_LEN]);
// The reverse, false: a policy of somebody else.
bool ct_timeout_kind_parse(const char *name, uint32_t *ret_id, const struct ct_timeout_kind **ret);
struct ct_timeout_message {
	const char *name; // in the message
	const struct ct_timeout_kind *kind; // NULL: none of ours
	uint32_t id;
	struct ct_timeouts timeouts; // those of this kind
};

bool ct_timeout_decode(const struct nlmsghdr *h, struct ct_timeout_message *ret, int *ret_error,
		       struct error *err);

// ---- Limits ----

// A reply of the family ovs_ct_limit, added to 'ret'.
int ct_limits_decode(const struct nlmsghdr *h, struct ct_limits *ret, struct error *err);
