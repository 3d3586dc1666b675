// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/devargs.h"

#include <ctype.h>

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "core/base/log.h"
#include "core/base/vec.h"

LOG_MODULE(dpdk);

// Devices that we attached, and the eSwitch they belong to (their own name where there is none).
struct attached {
	char device[64];
	char group[64];
};

static VEC(struct attached) attached;
// Ethdevs in use by ports of ours.
static bool in_use[RTE_MAX_ETHPORTS];

static void group_of(uint16_t ethdev, char group[64])
{
	struct port_ref ref = { .device = "" };
	struct rte_eth_dev_info info;

	devargs_describe(ethdev, &ref);
	snprintf(group, 64, "%s", ref.device);
	if (!group[0] && !rte_eth_dev_info_get(ethdev, &info))
		snprintf(group, 64, "%s", rte_dev_name(info.device));
}

void devargs_describe(uint16_t ethdev, struct port_ref *ref)
{
	struct rte_eth_dev_info info;

	ref->ethdev = ethdev;
	if (rte_eth_dev_info_get(ethdev, &info))
		return;
	ref->ifindex = info.if_index;
	if (info.switch_info.domain_id == RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		return;
	ref->is_representor = info.dev_flags && *info.dev_flags & RTE_ETH_DEV_REPRESENTOR;
	ref->is_uplink = !ref->is_representor;
	snprintf(ref->device, sizeof(ref->device), "%s",
		 info.switch_info.name ? info.switch_info.name : rte_dev_name(info.device));
}

// ---- Representors ----

// "vf2", "vf[2]", "[2]", "2" -> 2.
static bool parse_vf(const char *s, uint32_t *ret)
{
	char digits[12];
	size_t n = 0;

	if (str_starts(s, "vf"))
		s += 2;
	if (*s == '[')
		s++;
	while (isdigit((unsigned char)*s) && n < sizeof(digits) - 1)
		digits[n++] = *s++;
	digits[n] = '\0';
	if (*s == ']')
		s++;
	return (!*s || *s == ',') && parse_u32(digits, 10, ret);
}

static bool find_representor(const char *device, uint32_t vf, uint16_t *ret)
{
	static const char *const patterns[] = { "%s_representor_vf%u", "%s_representor_%u" };
	char name[RTE_ETH_NAME_MAX_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		snprintf(name, sizeof(name), patterns[i], device, vf);
		if (!rte_eth_dev_get_port_by_name(name, ret))
			return true;
	}
	return false;
}

// What DPDK's own matching finds: other names for the same thing (PCI addresses in short form, "class=eth,mac=...").
static bool find_matching(const char *devargs, uint16_t *ret)
{
	struct rte_dev_iterator it;
	uint16_t id;
	bool found = false;

	RTE_ETH_FOREACH_MATCHING_DEV(id, devargs, &it)
	{
		*ret = id;
		found = true;
		rte_eth_iterator_cleanup(&it);
		break;
	}
	return found;
}

static void remember(const char *device, uint16_t ethdev)
{
	struct attached a;

	snprintf(a.device, sizeof(a.device), "%s", device);
	group_of(ethdev, a.group);
	VEC_PUSH(&attached, a);
}

static int probe(const char *devargs, const char *device, struct error *err)
{
	int ret = rte_dev_probe(devargs);

	if (ret < 0)
		return error_set(err, ret, "device %s cannot be attached: %s (see DPDK's messages)",
				 device, rte_strerror(-ret));
	return 0;
}

static int attach_representor(const char *devargs, const char *device, uint32_t vf, uint16_t *ret,
			      struct error *err)
{
	char name[64];
	uint16_t parent;
	int res;

	if (find_representor(device, vf, ret))
		return 0;
	// The simulated NIC's eSwitch is there: its representors are devices that can be plugged one by one.
	if (str_starts(device, "net_simnic") && !rte_eth_dev_get_port_by_name(device, &parent)) {
		snprintf(name, sizeof(name), "%.40s_vf%u", device, vf);
		res = rte_eal_hotplug_add("vdev", name, "");
		if (res < 0)
			return error_set(err, res,
					 "%s has no representor of VF %u: %s (see DPDK's messages)",
					 device, vf, rte_strerror(-res));
	} else {
		snprintf(name, sizeof(name), "%s", device);
		res = probe(devargs, device, err);
		if (res)
			return res;
	}
	if (!find_representor(device, vf, ret) && !find_matching(devargs, ret))
		return error_set(err, -ENODEV, "%s brought no representor of VF %u", device, vf);
	remember(name, *ret);
	return 0;
}

// ---- Devices ----

static int attach_device(const char *devargs, const char *device, uint16_t *ret, struct error *err)
{
	int res;

	if (!rte_eth_dev_get_port_by_name(devargs, ret) ||
	    !rte_eth_dev_get_port_by_name(device, ret))
		return 0;
	if (!str_starts(device, "net_") && find_matching(devargs, ret))
		return 0;
	if (str_starts(devargs, "class="))
		return error_set(err, -ENODEV, "no device matches");
	res = probe(devargs, device, err);
	if (res)
		return res;
	if (rte_eth_dev_get_port_by_name(device, ret) && !find_matching(devargs, ret))
		return error_set(err, -ENODEV, "device %s has no Ethernet port", device);
	remember(device, *ret);
	return 0;
}

int devargs_attach(const char *devargs, uint16_t *ret_ethdev, struct error *err)
{
	const char *comma = strchr(devargs, ','), *rep = strstr(devargs, ",representor=");
	AUTO_FREE char *device =
		xstrndup(devargs, comma ? (size_t)(comma - devargs) : strlen(devargs));
	uint16_t id;
	uint32_t vf;
	int ret;

	if (!device[0])
		return error_set(err, -EINVAL, "options:dpdk-devargs=%s names no device", devargs);
	if (rep && !parse_vf(rep + strlen(",representor="), &vf))
		return error_set(
			err, -EINVAL,
			"options:dpdk-devargs=%s: representor is not one VF (vf2 or vf[2])",
			devargs);
	ret = rep ? attach_representor(devargs, device, vf, &id, err)
		  : attach_device(devargs, device, &id, err);
	if (ret)
		return error_wrap(err, "options:dpdk-devargs=%s", devargs);
	if (in_use[id])
		return error_set(err, -EBUSY,
				 "options:dpdk-devargs=%s: another port uses this device", devargs);
	in_use[id] = true;
	*ret_ethdev = id;
	return 0;
}

static bool group_in_use(const char *group)
{
	char other[64];
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id)
	{
		group_of(id, other);
		if (in_use[id] && !strcmp(other, group))
			return true;
	}
	return false;
}

static void detach(const char *device)
{
	struct rte_eth_dev_info info;
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id)
	{
		if (rte_eth_dev_info_get(id, &info) || strcmp(rte_dev_name(info.device), device))
			continue;
		if (rte_dev_remove(info.device))
			log_warn("%s: device cannot be detached: %s", device,
				 rte_strerror(rte_errno));
		return;
	}
}

void devargs_release(uint16_t ethdev)
{
	char group[64];

	group_of(ethdev, group);
	in_use[ethdev] = false;
	if (group_in_use(group))
		return;
	// Backwards: representors before what they belong to.
	for (size_t i = attached.n; i-- > 0;) {
		struct attached a = attached.v[i];

		if (strcmp(a.group, group))
			continue;
		attached.v[i] = attached.v[--attached.n];
		detach(a.device);
		i = MIN(i, attached.n);
	}
}
