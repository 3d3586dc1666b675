// SPDX-License-Identifier: Apache-2.0
// What ethtool knows of a device.
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/kernel/kernel.h"

static int ethtool(int fd, const char *name, void *cmd)
{
	struct ifreq r = { .ifr_data = cmd };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.15s", name);
	return ioctl(fd, SIOCETHTOOL, &r) < 0 ? -errno : 0;
}

// The first answer tells how long the bitmaps of modes are, the second has them.
static void get_speed(int fd, const char *name, struct datapath_port_info *info)
{
	struct {
		struct ethtool_link_settings s;
		uint32_t modes[3 * 127];
	} q = { .s.cmd = ETHTOOL_GLINKSETTINGS };

	if (ethtool(fd, name, &q) || q.s.link_mode_masks_nwords >= 0)
		return;
	q.s.link_mode_masks_nwords = -q.s.link_mode_masks_nwords;
	q.s.cmd = ETHTOOL_GLINKSETTINGS;
	if (ethtool(fd, name, &q) || !q.s.speed || q.s.speed == (uint32_t)SPEED_UNKNOWN)
		return;
	info->link_mbps = q.s.speed;
	info->full_duplex = q.s.duplex == DUPLEX_FULL;
}

void device_info(const char *name, struct datapath_port_info *info)
{
	struct ethtool_drvinfo drv = { .cmd = ETHTOOL_GDRVINFO };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	get_speed(fd, name, info);
	if (!ethtool(fd, name, &drv)) {
		// A driver without firmware has an empty version: who asks for the key finds it.
		smap_set(&info->status, "driver_name", drv.driver);
		smap_set(&info->status, "driver_version", drv.version);
		smap_set(&info->status, "firmware_version", drv.fw_version);
	}
	close(fd);
}
