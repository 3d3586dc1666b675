// SPDX-License-Identifier: Apache-2.0
// The contract of a datapath: what datapath.h promises, as one table for each kind ("netdev": datapath/user, "system":
// datapath/kernel). Threads, ownership and errors are those that datapath.h tells of the function of the same name.
#pragma once

#include "datapath/conntrack.h"
#include "datapath/datapath.h"

// First member of each provider's own struct.
struct datapath {
	const struct datapath_ops *ops;
	struct traffic *
		traffic; // of its ports that are Linux devices (qos.c); NULL: none has been asked for
	bool leaves_traffic; // datapath_leave(): it stays as it is
};

// Connection tracking, as datapath/conntrack.h tells of the functions of these names. What is NULL the datapath does not have.
struct ct_ops {
	int (*dump)(struct datapath *dp, const uint16_t *zone, ct_entry_cb *cb, void *aux,
		    struct error *err);
	int (*dump_expected)(struct datapath *dp, const uint16_t *zone, ct_expected_cb *cb,
			     void *aux, struct error *err);
	int (*flush)(struct datapath *dp, const struct ct_match *m, struct error *err);
	int (*get_limits)(struct datapath *dp, const uint16_t zones[], size_t n,
			  struct ct_limits *ret, struct error *err);
	int (*set_limits)(struct datapath *dp, const struct ct_limits *limits, struct error *err);
	int (*del_limits)(struct datapath *dp, const uint16_t zones[], size_t n, struct error *err);
	int (*set_timeouts)(struct datapath *dp, uint32_t id, const struct ct_timeouts *t,
			    struct error *err);
	int (*del_timeouts)(struct datapath *dp, uint32_t id, struct error *err);
	int (*dump_timeouts)(struct datapath *dp, void (*cb)(uint32_t id, void *aux), void *aux,
			     struct error *err);
	int (*zone_timeouts)(struct datapath *dp, uint16_t zone, const uint32_t *id,
			     struct error *err);
	// Any thread.
	bool (*timeout_name)(struct datapath *dp, uint16_t zone, be16 dl_type, uint8_t nw_proto,
			     char ret[DATAPATH_CT_TIMEOUT_LEN]);
	int (*get)(struct datapath *dp, enum ct_setting s, uint64_t *ret, struct error *err);
	int (*set)(struct datapath *dp, enum ct_setting s, uint64_t value, struct error *err);
};

// Meters, as datapath.h tells of datapath_meter_*().
struct meter_ops {
	void (*features)(struct datapath *dp, struct meter_features *ret);
	int (*set)(struct datapath *dp, const struct meter_config *config, uint32_t *id,
		   struct error *err);
	int (*get)(struct datapath *dp, uint32_t id, struct meter_stats *ret, struct error *err);
	void (*del)(struct datapath *dp, uint32_t id);
};

struct datapath_ops {
	const char *type; // datapath_type in the database
	const char *default_name; // "ovs-netdev", "ovs-system"

	// 0 when this machine can have such a datapath at all; else 'err' says what is missing. May be NULL.
	int (*probe)(struct error *err);
	int (*open)(const char *name, const struct upcall_ops *upcalls, void *aux,
		    const struct datapath_config *config, struct datapath **ret, struct error *err);
	void (*close)(struct datapath *dp);
	void (*reconfigure)(struct datapath *dp, const struct datapath_config *config);
	// NULL, all three: nothing outlives this process.
	void (*restored)(struct datapath *dp);
	void (*serve)(struct datapath *dp);
	void (*leave)(struct datapath *dp);

	int (*port_add)(struct datapath *dp, const char *name, const char *type,
			const struct smap *options, dp_port_t *ret_port, struct error *err);
	// The port's packets are taken from now on. NULL: they are since port_add().
	void (*port_start)(struct datapath *dp, dp_port_t port);
	void (*port_del)(struct datapath *dp, dp_port_t port);
	int (*port_set_options)(struct datapath *dp, dp_port_t port, const struct smap *options,
				struct error *err);
	bool (*port_ref)(struct datapath *dp, dp_port_t port, struct port_ref *ret);
	bool (*port_by_name)(struct datapath *dp, const char *name, dp_port_t *ret);
	// Adds what the port was configured with, for dpctl/show. NULL: nothing.
	void (*port_config)(struct datapath *dp, dp_port_t port, struct smap *config);
	bool (*port_info)(struct datapath *dp, dp_port_t port, struct datapath_port_info *ret);
	int (*port_set_mac)(struct datapath *dp, dp_port_t port, struct eth_addr mac,
			    struct error *err);
	int (*port_set_mtu)(struct datapath *dp, dp_port_t port, uint32_t mtu, struct error *err);
	int (*port_set_admin)(struct datapath *dp, dp_port_t port, bool up, struct error *err);
	uint64_t (*port_change_seq)(struct datapath *dp);
	void (*reconcile_ports)(struct datapath *dp); // NULL: only this process can change them
	void (*for_each_port)(struct datapath *dp, void (*cb)(dp_port_t port, void *aux),
			      void *aux);

	// 0 when flows of this datapath can have these actions, else -ENOTSUP naming the first that it does not carry out.
	int (*actions_check)(struct datapath *dp, struct dp_actions list, struct error *err);
	int (*flow_add)(struct datapath *dp, struct megaflow *mf);
	// The flow's actions have changed (megaflow_set_actions()). NULL: the datapath reads them at each packet.
	int (*flow_update)(struct datapath *dp, struct megaflow *mf);
	void (*flow_del)(struct datapath *dp, struct megaflow *mf);
	void (*flow_counts)(struct datapath *dp, const struct megaflow *mf,
			    struct flow_counts *ret);
	// NULL: flows are not gathered.
	void (*batch_begin)(struct datapath *dp);
	void (*batch_end)(struct datapath *dp);
	size_t (*flow_count)(struct datapath *dp);
	// Brings what flow_counts() tells up to date. NULL: it always is.
	void (*refresh)(struct datapath *dp);
	// NULL: there are no dumps.
	void (*dump_tersely)(struct datapath *dp, bool enabled);
	bool (*upcalls_by_cpu)(struct datapath *dp); // NULL: no
	int (*execute)(struct datapath *dp, const void *packet, size_t n,
		       const struct flow_key *key, struct dp_actions actions, struct error *err);
	void (*stats)(struct datapath *dp, struct datapath_stats *ret);
	// NULL: it has no such cache.
	int (*set_masks_cache)(struct datapath *dp, uint32_t *size, struct error *err);
	// Name/value pairs: what this datapath can ("recirc", "max_vlan_headers"...), for Datapath.capabilities and
	// dpif/show-dp-features. May be NULL.
	void (*features)(struct datapath *dp, struct smap *out);
	// NULL: it does not track connections.
	const struct ct_ops *ct;
	const struct meter_ops *meters; // NULL: it has none
	// What comes in at a port passes the kernel's traffic control first.
	bool is_policed;
	// As datapath_queue_priority().
	bool (*queue_priority)(uint32_t queue, uint32_t *ret);
};

// What traffic control was set up for a port that is going to be deleted goes (qos.c).
void datapath_port_release_traffic(struct datapath *dp, dp_port_t port);

extern const struct datapath_ops datapath_user; // "netdev"
extern const struct datapath_ops datapath_kernel; // "system"
