// SPDX-License-Identifier: Apache-2.0
// The datapath of a switch that was built without DPDK: there is none, and it says so.
#include "datapath/datapath.h"

int datapath_open(const char *name, const struct upcall_ops *ops, void *aux,
		  const struct datapath_config *config, struct datapath **ret, struct error *err)
{
	return error_set(err, -EOPNOTSUPP,
			 "%s: this switch was built without DPDK and has no userspace datapath "
			 "(configure without --without-dpdk)",
			 name);
}

const char *datapath_version(void)
{
	return "none";
}

// Without a datapath nothing below is reached with one; the answers are those of an empty one.
void datapath_close(struct datapath *dp) {}

void datapath_reconfigure(struct datapath *dp, const struct datapath_config *config) {}

int datapath_port_add(struct datapath *dp, const char *name, const char *type,
		      const struct smap *options, dp_port_t *ret_port, struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "port %s: there is no datapath", name);
}

void datapath_port_del(struct datapath *dp, dp_port_t port) {}

int datapath_port_set_options(struct datapath *dp, dp_port_t port, const struct smap *options,
			      struct error *err)
{
	return error_set(err, -ENODEV, "there is no datapath");
}

bool datapath_port_ref(struct datapath *dp, dp_port_t port, struct port_ref *ret)
{
	return false;
}

bool datapath_port_by_name(struct datapath *dp, const char *name, dp_port_t *ret)
{
	return false;
}

bool datapath_port_info(struct datapath *dp, dp_port_t port, struct datapath_port_info *ret)
{
	return false;
}

void datapath_port_config(struct datapath *dp, dp_port_t port, struct smap *config) {}

int datapath_port_set_mac(struct datapath *dp, dp_port_t port, struct eth_addr mac,
			  struct error *err)
{
	return error_set(err, -ENODEV, "there is no datapath");
}

int datapath_port_set_mtu(struct datapath *dp, dp_port_t port, uint32_t mtu, struct error *err)
{
	return error_set(err, -ENODEV, "there is no datapath");
}

int datapath_port_set_admin(struct datapath *dp, dp_port_t port, bool up, struct error *err)
{
	return error_set(err, -ENODEV, "there is no datapath");
}

uint64_t datapath_port_change_seq(const struct datapath *dp)
{
	return 0;
}

int datapath_flow_add(struct datapath *dp, struct megaflow *mf)
{
	return -EOPNOTSUPP;
}

void datapath_flow_del(struct datapath *dp, struct megaflow *mf) {}

void datapath_flow_counts(struct datapath *dp, const struct megaflow *mf, struct flow_counts *ret)
{
	memset(ret, 0, sizeof(*ret));
}

size_t datapath_flow_count(const struct datapath *dp)
{
	return 0;
}

int datapath_execute(struct datapath *dp, const void *packet, size_t n, const struct flow_key *key,
		     struct dp_actions actions, struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "there is no datapath");
}

void datapath_stats(struct datapath *dp, struct datapath_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
}

void datapath_for_each_port(struct datapath *dp, void (*cb)(dp_port_t port, void *aux), void *aux)
{
}
