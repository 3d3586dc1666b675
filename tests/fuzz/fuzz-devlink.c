// SPDX-License-Identifier: Apache-2.0
// What devlink and ethtool say: whole messages as they come from the kernel.
#include <stdint.h>

#include "offload/switchdev/switchdev-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// A socket hands out messages whose length lies within what came.
	struct nlmsghdr *h = xmalloc(MAX(size, sizeof(*h)));
	struct error err = ERROR_INIT;
	struct switchdev_eswitch e;
	struct devlink_port p;
	char handle[64];
	enum switchdev_feature on;
	int ifindex;

	memset(h, 0, sizeof(*h));
	memcpy(h, data, size);
	h->nlmsg_len = size;
	if (!devlink_port_decode(h, &p, &err)) {
		assert(strchr(p.handle, '/'));
		assert(p.function.role < SWITCHDEV_ROLE_MAX);
	}
	if (!devlink_eswitch_decode(h, &e, &err)) {
		assert(*switchdev_mode_name(e.mode));
		assert(*switchdev_inline_mode_name(e.inline_mode));
		assert(*switchdev_encap_mode_name(e.encap_mode));
	}
	devlink_handle_decode(h, handle, &err);
	features_decode(h, &ifindex, &on, &err);
	free(h);
	return 0;
}
