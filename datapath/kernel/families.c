// SPDX-License-Identifier: Apache-2.0
// The families of the kernel's openvswitch module, as numbered at this boot.
#include "datapath/kernel/kernel.h"

int kernel_families_find(struct nl_sock *s, struct kernel_families *ret, struct error *err)
{
	static const struct {
		const char *name;
		size_t at;
	} rows[] = {
		{ OVS_DATAPATH_FAMILY, offsetof(struct kernel_families, dp) },
		{ OVS_VPORT_FAMILY, offsetof(struct kernel_families, vport) },
		{ OVS_FLOW_FAMILY, offsetof(struct kernel_families, flow) },
		{ OVS_PACKET_FAMILY, offsetof(struct kernel_families, packet) },
	};
	struct kernel_families found;

	// Asking for a family loads its module where the kernel can.
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int error = genl_find(s, rows[i].name,
				      (struct genl_family *)((char *)&found + rows[i].at), err);

		if (error == -ENOENT)
			return error_set(err, error, "the kernel has no openvswitch module");
		if (error)
			return error;
	}
	*ret = found;
	return 0;
}

size_t kernel_begin(const struct kernel_datapath *dp, struct strbuf *b,
		    const struct genl_family *family, uint8_t cmd, uint16_t flags)
{
	return message_begin(b, family, cmd, flags, dp->ifindex);
}

int kernel_request(struct kernel_datapath *dp, const struct strbuf *msg, struct strbuf *ret_reply,
		   struct error *err)
{
	int error;

	pthread_mutex_lock(&dp->request_lock);
	error = nl_transact(dp->sock, msg, ret_reply, err);
	pthread_mutex_unlock(&dp->request_lock);
	return error;
}
