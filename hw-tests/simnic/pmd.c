// SPDX-License-Identifier: Apache-2.0
// The driver: what DPDK's vdev bus calls. "net_simnicN" makes an eSwitch with its uplink and the representors asked for;
// "net_simnicN_vfM" adds the representor of VF M to the eSwitch that is there.
#include "hw-tests/simnic/simnic.h"
#include "hw-tests/simnic/simnic-private.h"

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>

RTE_LOG_REGISTER(simnic_logtype, pmd.net.simnic, NOTICE);

#define PREFIX "net_simnic"

struct device_name {
	char esw[SIMNIC_NAME_SIZE]; // "net_simnic0"
	uint32_t number;
	bool is_vf;
	uint32_t vf;
};

static bool parse_number(const char *s, size_t n, uint32_t *ret)
{
	char digits[12];

	if (!n || n >= sizeof(digits) || strspn(s, "0123456789") < n)
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	return parse_u32(digits, 10, ret);
}

static int parse_name(const char *name, struct device_name *out, struct error *err)
{
	const char *digits = name + strlen(PREFIX), *vf = strstr(name, "_vf");
	size_t n = vf ? (size_t)(vf - digits) : strlen(digits);

	memset(out, 0, sizeof(*out));
	out->is_vf = vf;
	if (!parse_number(digits, n, &out->number) ||
	    (vf && !parse_number(vf + 3, strlen(vf + 3), &out->vf)))
		return error_set(err, -EINVAL,
				 "device name is neither " PREFIX "N nor " PREFIX "N_vfM");
	snprintf(out->esw, sizeof(out->esw), PREFIX "%.*s", (int)n, digits);
	return 0;
}

static int stop_and_close(struct rte_eth_dev *dev)
{
	uint16_t port_id = dev->data->port_id;

	if (dev->data->dev_started)
		rte_eth_dev_stop(port_id);
	return rte_eth_dev_close(port_id);
}

static void close_ethdevs(struct esw *sw)
{
	char name[SIMNIC_NAME_SIZE];

	memcpy(name, sw->name, sizeof(name));
	for (unsigned i = 0, n = sw->n_ports; i < n; i++) {
		struct rte_eth_dev *dev;

		sw = esw_find(name); // closing the last one frees it
		if (!sw)
			return;
		dev = sw->ports[i].dev;
		if (dev)
			stop_and_close(dev);
	}
}

static int probe_nic(struct rte_vdev_device *vdev, const struct device_name *name,
		     struct error *err)
{
	struct simnic_config cfg;
	struct esw *sw;
	int ret = devargs_parse(rte_vdev_device_args(vdev), &cfg, err);

	if (ret)
		return ret;
	sw = esw_create(name->esw, name->number, &cfg, err);
	if (!sw)
		return err->code;
	ret = ethdev_create(sw, 0, &vdev->device, err);
	if (ret) {
		esw_destroy(sw);
		return ret;
	}
	for (unsigned i = 0; i < cfg.n_representors && !ret; i++)
		ret = ethdev_create(sw, cfg.representors[i] + 1, &vdev->device, err);
	if (ret)
		close_ethdevs(sw);
	return ret;
}

static int probe_vf(struct rte_vdev_device *vdev, const struct device_name *name, struct error *err)
{
	struct esw *sw = esw_find(name->esw);
	const char *args = rte_vdev_device_args(vdev);

	if (args && args[0])
		return error_set(err, -EINVAL, "a representor takes no device arguments ('%s')",
				 args);
	if (!sw)
		return error_set(err, -ENODEV, "there is no device %s", name->esw);
	if (name->vf >= sw->cfg.vfs)
		return error_set(err, -EINVAL, "%s has only %u VFs", name->esw, sw->cfg.vfs);
	return ethdev_create(sw, name->vf + 1, &vdev->device, err);
}

static int probe(struct rte_vdev_device *vdev)
{
	struct error err = ERROR_INIT;
	struct device_name name;
	int ret = parse_name(rte_vdev_device_name(vdev), &name, &err);

	if (!ret)
		ret = name.is_vf ? probe_vf(vdev, &name, &err) : probe_nic(vdev, &name, &err);
	if (ret)
		SIMNIC_LOG(ERR, "%s: %s\n", rte_vdev_device_name(vdev), err.text);
	return ret;
}

static int remove_device(struct rte_vdev_device *vdev)
{
	struct error err = ERROR_INIT;
	struct device_name name;
	struct rte_eth_dev *dev;
	struct esw *sw;

	if (parse_name(rte_vdev_device_name(vdev), &name, &err))
		return err.code;
	sw = esw_find(name.esw);
	if (!sw)
		return 0; // the ethdevs were closed before
	if (!name.is_vf) {
		close_ethdevs(sw);
		return 0;
	}
	dev = name.vf < sw->cfg.vfs ? sw->ports[name.vf + 1].dev : NULL;
	return dev && dev->device == &vdev->device ? stop_and_close(dev) : 0;
}

static struct rte_vdev_driver net_simnic_driver = { .probe = probe, .remove = remove_device };

RTE_PMD_REGISTER_VDEV(net_simnic, net_simnic_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_simnic,
			      "vfs=<n> flows=<n> representor=vf[<list>] taps=<0|1> thread=<0|1> "
			      "uplink_tap=<name> vf_tap_prefix=<name> mac=<address> ctl=<path> "
			      "refuse=<item:name|action:name>+... insert_us=<n> stats_lag_ms=<n>");

void simnic_link(void) {}
