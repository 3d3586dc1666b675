// SPDX-License-Identifier: Apache-2.0
#include "datapath/user/linux.h"

#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int request(const char *name, unsigned long what, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;

	if (fd < 0)
		return -errno;
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%.15s", name);
	if (ioctl(fd, what, r) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int linux_set_mac(const char *name, struct eth_addr mac, struct error *err)
{
	struct ifreq r = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };
	int ret;

	memcpy(r.ifr_hwaddr.sa_data, &mac, sizeof(mac));
	ret = request(name, SIOCSIFHWADDR, &r);
	return ret ? error_set(err, ret, "setting the MAC address failed: %s", strerror(-ret)) : 0;
}

int linux_set_mtu(const char *name, uint32_t mtu, struct error *err)
{
	struct ifreq r = { .ifr_mtu = mtu };
	int ret = request(name, SIOCSIFMTU, &r);

	return ret ? error_set(err, ret, "setting MTU %u failed: %s", mtu, strerror(-ret)) : 0;
}

int linux_set_up(const char *name, bool up, struct error *err)
{
	struct ifreq r = { .ifr_flags = 0 };
	int ret = request(name, SIOCGIFFLAGS, &r);

	if (!ret && !!(r.ifr_flags & IFF_UP) != up) {
		r.ifr_flags ^= IFF_UP;
		ret = request(name, SIOCSIFFLAGS, &r);
	}
	return ret ? error_set(err, ret, "setting the device %s failed: %s", up ? "up" : "down",
			       strerror(-ret))
		   : 0;
}

static void get_speed(const char *name, struct datapath_port_info *info)
{
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
	struct ethtool_drvinfo drv = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = { .ifr_data = (void *)&cmd };

	if (!request(name, SIOCETHTOOL, &r) && ethtool_cmd_speed(&cmd) != (uint32_t)SPEED_UNKNOWN) {
		info->link_mbps = ethtool_cmd_speed(&cmd);
		info->full_duplex = cmd.duplex == DUPLEX_FULL;
	}
	r.ifr_data = (void *)&drv;
	if (!request(name, SIOCETHTOOL, &r)) {
		smap_set(&info->status, "driver_name", drv.driver);
		smap_set(&info->status, "driver_version", drv.version);
		smap_set(&info->status, "firmware_version", drv.fw_version);
	}
}

void linux_get(const char *name, struct datapath_port_info *info)
{
	struct ifreq r = { .ifr_flags = 0 };

	if (!request(name, SIOCGIFFLAGS, &r)) {
		info->admin_up = r.ifr_flags & IFF_UP;
		info->link_up = r.ifr_flags & IFF_RUNNING;
	}
	if (!request(name, SIOCGIFHWADDR, &r))
		memcpy(&info->mac, r.ifr_hwaddr.sa_data, sizeof(info->mac));
	if (!request(name, SIOCGIFMTU, &r))
		info->mtu = r.ifr_mtu;
	get_speed(name, info);
}

static uint32_t ifindex_in_sysfs(const char *name)
{
	char path[64];
	uint32_t ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/ifindex", name);
	f = fopen(path, "r");
	if (f && fscanf(f, "%" SCNu32, &ret) != 1)
		ret = 0;
	if (f)
		fclose(f);
	return ret;
}

bool linux_is_physical(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/device", name);
	// A /sys that was mounted in another network namespace speaks of other devices.
	return ifindex_in_sysfs(name) == if_nametoindex(name) && !access(path, F_OK);
}

uint32_t linux_rx_queues(const char *name)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq r = { .ifr_data = (void *)&c };

	if (request(name, SIOCETHTOOL, &r))
		return 1;
	return MAX(c.combined_count + c.rx_count, 1u);
}

bool linux_set_rx_vlan(const char *name, bool on)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq r = { .ifr_data = (void *)&v };

	if (request(name, SIOCETHTOOL, &r) || !!(v.data & ETH_FLAG_RXVLAN) == on)
		return false;
	v.cmd = ETHTOOL_SFLAGS;
	v.data ^= ETH_FLAG_RXVLAN;
	return !request(name, SIOCETHTOOL, &r);
}
