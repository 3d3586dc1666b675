// SPDX-License-Identifier: GPL-2.0
// What "devlink" shows and sets: modes of the eSwitch, ports, versions.
#include "hw-tests/simnic/kmod/simnic.h"

static int mode_get(struct devlink *devlink, u16 *mode)
{
	struct sn_nic *nic = devlink_priv(devlink);

	*mode = nic->switchdev ? DEVLINK_ESWITCH_MODE_SWITCHDEV : DEVLINK_ESWITCH_MODE_LEGACY;
	return 0;
}

static int mode_set(struct devlink *devlink, u16 mode, struct netlink_ext_ack *extack)
{
	struct sn_nic *nic = devlink_priv(devlink);

	switch (mode) {
	case DEVLINK_ESWITCH_MODE_LEGACY:
		return sn_nic_set_switchdev(nic, false);
	case DEVLINK_ESWITCH_MODE_SWITCHDEV:
		return sn_nic_set_switchdev(nic, true);
	default:
		NL_SET_ERR_MSG_MOD(extack, "the mode is legacy or switchdev");
		return -EOPNOTSUPP;
	}
}

// Rules were compiled for the mode that was, so there may be none.
static int no_rules(struct sn_nic *nic, struct netlink_ext_ack *extack)
{
	if (!READ_ONCE(nic->n_rules))
		return 0;
	NL_SET_ERR_MSG_MOD(extack, "cannot be changed while rules are offloaded");
	return -EBUSY;
}

static int inline_mode_get(struct devlink *devlink, u8 *mode)
{
	struct sn_nic *nic = devlink_priv(devlink);

	*mode = nic->inline_mode;
	return 0;
}

static int inline_mode_set(struct devlink *devlink, u8 mode, struct netlink_ext_ack *extack)
{
	struct sn_nic *nic = devlink_priv(devlink);
	int err = no_rules(nic, extack);

	if (!err)
		nic->inline_mode = mode;
	return err;
}

static int encap_mode_get(struct devlink *devlink, enum devlink_eswitch_encap_mode *mode)
{
	struct sn_nic *nic = devlink_priv(devlink);

	*mode = nic->encap_mode;
	return 0;
}

static int encap_mode_set(struct devlink *devlink, enum devlink_eswitch_encap_mode mode,
			  struct netlink_ext_ack *extack)
{
	struct sn_nic *nic = devlink_priv(devlink);
	int err = no_rules(nic, extack);

	if (!err)
		nic->encap_mode = mode;
	return err;
}

static int info_get(struct devlink *devlink, struct devlink_info_req *req,
		    struct netlink_ext_ack *extack)
{
	struct sn_nic *nic = devlink_priv(devlink);
	char serial[2 * sizeof(nic->switch_id) + 1];
	int err;

	snprintf(serial, sizeof(serial), "%*phN", (int)sizeof(nic->switch_id), nic->switch_id);
	err = devlink_info_driver_name_put(req, "simnic");
	if (!err)
		err = devlink_info_serial_number_put(req, serial);
	if (!err)
		err = devlink_info_version_fixed_put(req, "board.id", nic->profile->name);
	if (!err)
		err = devlink_info_version_running_put(req, "fw", "1.0.0");
	return err;
}

const struct devlink_ops sn_devlink_ops = {
	.eswitch_mode_get = mode_get,
	.eswitch_mode_set = mode_set,
	.eswitch_inline_mode_get = inline_mode_get,
	.eswitch_inline_mode_set = inline_mode_set,
	.eswitch_encap_mode_get = encap_mode_get,
	.eswitch_encap_mode_set = encap_mode_set,
	.info_get = info_get,
};

int sn_devlink_port_register(struct sn_port *port)
{
	struct devlink_port_attrs attrs = {};
	struct sn_nic *nic = port->nic;

	attrs.switch_id.id_len = sizeof(nic->switch_id);
	memcpy(attrs.switch_id.id, nic->switch_id, sizeof(nic->switch_id));
	if (port->kind == SN_UPLINK) {
		attrs.flavour = DEVLINK_PORT_FLAVOUR_PHYSICAL;
		attrs.phys.port_number = nic->index;
		devlink_port_attrs_set(&port->devlink, &attrs);
	} else {
		// The call looks whether there is a switch id.
		port->devlink.attrs.switch_id = attrs.switch_id;
		devlink_port_attrs_pci_vf_set(&port->devlink, 0, nic->index, port->number - 1,
					      false);
	}
	return devl_port_register(nic->devlink, &port->devlink, port->number);
}
