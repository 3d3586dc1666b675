// SPDX-License-Identifier: Apache-2.0
// A list of actions while it is written, and what the files that write and read single actions share.
#pragma once

#include <linux/openvswitch.h>

#include "datapath/kernel/action.h"

// Known since Linux 6.11; older header files have no name for them.
enum { KERNEL_ACTION_PSAMPLE = 25, KERNEL_PSAMPLE_GROUP = 1, KERNEL_PSAMPLE_COOKIE = 2 };

struct putting {
	struct strbuf *b;
	const struct flow_key
		*key; // of the packet as it is at this place of the list: headers come and go
	struct flow_key changed; // where 'key' points once they have
	uint32_t pid;
	const struct kernel_can *can;
	struct error *err;
};

// The key of the packet, to be changed.
static inline struct flow_key *putting_change_key(struct putting *c)
{
	if (c->key != &c->changed) {
		c->changed = *c->key;
		c->key = &c->changed;
	}
	return &c->changed;
}

// Writers, as in action.c's table: 0, or negative errno and c->err.
int kernel_put_ct(struct putting *c, const struct dp_action *a);
int kernel_put_push_mpls(struct putting *c, const struct dp_action *a);
int kernel_put_add_mpls(struct putting *c, const struct dp_action *a);
int kernel_put_pop_mpls(struct putting *c, const struct dp_action *a);
int kernel_put_push_eth(struct putting *c, const struct dp_action *a);
int kernel_put_pop_eth(struct putting *c, const struct dp_action *a);
int kernel_put_push_nsh(struct putting *c, const struct dp_action *a);
int kernel_put_pop_nsh(struct putting *c, const struct dp_action *a);
int kernel_put_psample(struct putting *c, const struct dp_action *a);

// What of a ct action this kernel lacks ("ct(timeout)"), NULL: nothing.
const char *kernel_ct_missing(const struct dp_ct *ct, const struct kernel_can *can);

// Readers. Attributes have at least the size that action.c's table says.
int kernel_get_ct(const struct nlattr *nest, struct strbuf *out, struct error *err);
int kernel_get_push_mpls(const struct nlattr *a, struct strbuf *out, struct error *err);
int kernel_get_add_mpls(const struct nlattr *a, struct strbuf *out, struct error *err);
int kernel_get_pop_mpls(const struct nlattr *a, struct strbuf *out, struct error *err);
int kernel_get_push_eth(const struct nlattr *a, struct strbuf *out, struct error *err);
int kernel_get_push_nsh(const struct nlattr *nest, struct strbuf *out, struct error *err);
int kernel_get_psample(const struct nlattr *nest, struct strbuf *out, struct error *err);
