// SPDX-License-Identifier: Apache-2.0
// The Linux tap devices behind the wire and the VFs. No offloads are announced, so the kernel hands over frames with
// finished checksums and no longer than the MTU.
#include "hw-tests/simnic/simnic-private.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int set_mac(int fd, const char *name, const struct rte_ether_addr *mac, struct error *err)
{
	struct ifreq ifr = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };

	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	memcpy(ifr.ifr_hwaddr.sa_data, mac->addr_bytes, sizeof(mac->addr_bytes));
	if (ioctl(fd, SIOCSIFHWADDR, &ifr) < 0)
		return error_set(err, -errno, "tap %s: address: %s", name, strerror(errno));
	return 0;
}

int tap_open(const char *name, const struct rte_ether_addr *mac, struct error *err)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), ret;

	if (fd < 0)
		return error_set(err, -errno, "/dev/net/tun: %s", strerror(errno));
	if (if_nametoindex(name)) {
		ret = error_set(err, -EEXIST, "tap %s: a device of this name exists", name);
		goto fail;
	}
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		ret = error_set(err, -errno, "tap %s: %s", name, strerror(errno));
		goto fail;
	}
	ret = set_mac(fd, name, mac, err);
	if (!ret)
		return fd;
fail:
	close(fd);
	return ret;
}

int tap_set_mtu(const char *name, uint16_t mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, SIOCSIFMTU, &ifr) < 0 && errno != ENODEV)
		ret = -errno;
	close(fd);
	return ret;
}
