// SPDX-License-Identifier: Apache-2.0
// Generic netlink: families by name, as the kernel numbered them at this boot.
#pragma once

#include <linux/genetlink.h>

#include "core/netlink/nl.h"

struct genl_family {
	uint16_t id;
	uint32_t version;
	struct {
		char name[GENL_NAMSIZ];
		uint32_t id;
	} groups[8];
	size_t n_groups;
};

// Asks the kernel's controller. -ENOENT: there is no such family (module missing).
int genl_find(struct nl_sock *s, const char *name, struct genl_family *ret, struct error *err);
// The multicast group's number for nl_join(), 0: the family has none of that name.
uint32_t genl_group(const struct genl_family *f, const char *name);
// nl_msg_begin() and the generic header.
size_t genl_begin(struct strbuf *b, const struct genl_family *f, uint8_t cmd, uint16_t flags);
// The command of a message of a family, -1 when it is too short.
int genl_cmd(const struct nlmsghdr *h);
