// SPDX-License-Identifier: Apache-2.0
// What the kernel's openvswitch families say, read with suspicion: every function takes any bytes of a whole message.
#pragma once

#include <linux/openvswitch.h>

#include "core/base/uuid.h"
#include "core/flow/meter.h"
#include "core/netlink/genl.h"

// An upcall (OVS_PACKET_CMD_MISS, OVS_PACKET_CMD_ACTION). Pointers are into the message.
struct upcall_message {
	int cmd;
	uint32_t dp_ifindex;
	const void *packet;
	size_t n;
	const struct nlattr *key;
	const struct nlattr *userdata; // NULL: none
	uint16_t mru; // 0: none
	uint64_t hash; // 0: none
	uint32_t len; // of the whole packet where 'packet' was cut, else n
};

struct vport_message {
	uint32_t dp_ifindex, number, type;
	const char *name;
	int ifindex; // 0: not told
	struct ovs_vport_stats stats;
};

struct flow_message {
	uint32_t dp_ifindex;
	bool has_ufid;
	struct uuid ufid;
	const struct nlattr *id; // UFID or KEY attribute, whole
	uint64_t packets, bytes, used; // used: msec of the kernel's monotonic clock, 0: never
	uint8_t tcp_flags;
	const struct nlattr *key, *mask, *actions; // NULL: not told
};

struct meter_message {
	uint32_t id;
	struct meter_count in;
	size_t n_bands;
	struct meter_count bands[METER_MAX_BANDS];
};

struct dp_message {
	uint32_t ifindex, user_features;
	const char *name;
	struct ovs_dp_stats stats;
	struct ovs_dp_megaflow_stats megaflow_stats;
	bool has_masks_cache; // kernels since 5.10
	uint32_t masks_cache_size;
};

// genl_begin() and the header that names a datapath (0: none yet, or all).
size_t message_begin(struct strbuf *b, const struct genl_family *family, uint8_t cmd,
		     uint16_t flags, uint32_t dp_ifindex);

// Now, on the clock of flow_message.used.
uint64_t kernel_msec(void);
// When the flow was used, by clock_msec(), whose beginning may be another one; 0: never. 'now' and 'kernel_now': one moment on
// both clocks.
int64_t flow_message_used(const struct flow_message *m, int64_t now, uint64_t kernel_now);

// 0, or -EPROTO with 'err' filled.
int upcall_message_decode(const struct nlmsghdr *h, struct upcall_message *ret, struct error *err);
int vport_message_decode(const struct nlmsghdr *h, struct vport_message *ret, struct error *err);
int flow_message_decode(const struct nlmsghdr *h, struct flow_message *ret, struct error *err);
int meter_message_decode(const struct nlmsghdr *h, struct meter_message *ret, struct error *err);
int meter_features_message_decode(const struct nlmsghdr *h, struct meter_features *ret,
				  struct error *err);
int dp_message_decode(const struct nlmsghdr *h, struct dp_message *ret, struct error *err);
