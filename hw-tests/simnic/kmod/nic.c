// SPDX-License-Identifier: GPL-2.0
// A NIC: which ports it has, in which mode of its eSwitch.
#include "hw-tests/simnic/kmod/simnic.h"

static void publish(struct sn_port __rcu **slot, struct sn_port *port)
{
	rcu_assign_pointer(*slot, port);
}

// Packets see the port no more when this returns; then it is taken down.
static void retire(struct sn_port __rcu **slot)
{
	struct sn_port *port = rcu_dereference_protected(*slot, true);

	if (!port)
		return;
	RCU_INIT_POINTER(*slot, NULL);
	synchronize_net();
	sn_port_destroy(port);
}

static int create(struct sn_nic *nic, struct sn_port __rcu **slot, enum sn_port_kind kind,
		  unsigned int number)
{
	struct sn_port *port = sn_port_create(nic, kind, number);

	if (IS_ERR(port))
		return PTR_ERR(port);
	publish(slot, port);
	return 0;
}

int sn_nic_add_representor(struct sn_nic *nic, unsigned int vf)
{
	if (!nic->switchdev || vf >= nic->n_vfs)
		return -EINVAL;
	if (rcu_access_pointer(nic->reps[vf]))
		return -EEXIST;
	return create(nic, &nic->reps[vf], SN_REPRESENTOR, vf + 1);
}

int sn_nic_remove_representor(struct sn_nic *nic, unsigned int vf)
{
	if (vf >= nic->n_vfs || !rcu_access_pointer(nic->reps[vf]))
		return -ENOENT;
	retire(&nic->reps[vf]);
	return 0;
}

static void remove_representors(struct sn_nic *nic)
{
	unsigned int i;

	for (i = 0; i < SN_MAX_VFS; i++)
		retire(&nic->reps[i]);
}

static int add_representors(struct sn_nic *nic)
{
	unsigned int i;
	int err;

	for (i = 0; i < nic->n_vfs; i++) {
		err = sn_nic_add_representor(nic, i);
		if (err) {
			remove_representors(nic);
			return err;
		}
	}
	return 0;
}

int sn_nic_set_switchdev(struct sn_nic *nic, bool on)
{
	int err;

	if (nic->switchdev == on)
		return 0;
	WRITE_ONCE(nic->switchdev, on);
	if (!on) {
		sn_indirect_unregister(nic);
		remove_representors(nic);
		return 0;
	}
	err = add_representors(nic);
	if (err)
		goto fail;
	err = sn_indirect_register(nic);
	if (!err)
		return 0;
	remove_representors(nic);
fail:
	WRITE_ONCE(nic->switchdev, false);
	return err;
}

static void remove_vfs(struct sn_nic *nic)
{
	unsigned int i;

	remove_representors(nic);
	for (i = 0; i < SN_MAX_VFS; i++)
		retire(&nic->vfs[i]);
	nic->n_vfs = 0;
}

int sn_nic_set_vfs(struct sn_nic *nic, unsigned int n)
{
	unsigned int i;
	int err;

	if (n > SN_MAX_VFS)
		return -ERANGE;
	// As with PCI: VFs are there or not, their number does not change.
	if (n && nic->n_vfs)
		return n == nic->n_vfs ? 0 : -EBUSY;
	if (!n) {
		remove_vfs(nic);
		return 0;
	}
	for (i = 0; i < n; i++) {
		err = create(nic, &nic->vfs[i], SN_VF, i + 1);
		if (err)
			goto fail;
		nic->n_vfs = i + 1;
	}
	err = nic->switchdev ? add_representors(nic) : 0;
	if (!err)
		return 0;
fail:
	remove_vfs(nic);
	return err;
}

// ---- sysfs, as a PCI device has it ----

static ssize_t sriov_numvfs_show(struct device *d, struct device_attribute *a, char *buf)
{
	struct sn_nic *nic = dev_get_drvdata(d);

	return sysfs_emit(buf, "%u\n", nic->n_vfs);
}

static ssize_t sriov_numvfs_store(struct device *d, struct device_attribute *a, const char *buf,
				  size_t len)
{
	struct sn_nic *nic = dev_get_drvdata(d);
	unsigned int n;
	int err = kstrtouint(buf, 0, &n);

	if (err)
		return err;
	devl_lock(nic->devlink);
	err = sn_nic_set_vfs(nic, n);
	devl_unlock(nic->devlink);
	return err ?: len;
}
static DEVICE_ATTR_RW(sriov_numvfs);

static ssize_t sriov_totalvfs_show(struct device *d, struct device_attribute *a, char *buf)
{
	return sysfs_emit(buf, "%u\n", SN_MAX_VFS);
}
static DEVICE_ATTR_RO(sriov_totalvfs);

static struct attribute *attributes[] = {
	&dev_attr_sriov_numvfs.attr,
	&dev_attr_sriov_totalvfs.attr,
	NULL,
};

static const struct attribute_group group = { .attrs = attributes };
const struct attribute_group *sn_nic_groups[] = { &group, NULL };

// ---- Life ----

int sn_nic_create(struct platform_device *pdev)
{
	struct devlink *devlink = devlink_alloc(&sn_devlink_ops, sizeof(struct sn_nic), &pdev->dev);
	struct sn_nic *nic;
	int err;

	if (!devlink)
		return -ENOMEM;
	nic = devlink_priv(devlink);
	nic->devlink = devlink;
	nic->pdev = pdev;
	nic->index = pdev->id;
	nic->profile = sn_profile_find(sn_initial_profile);
	nic->encap_mode = DEVLINK_ESWITCH_ENCAP_MODE_BASIC;
	nic->inline_mode = DEVLINK_ESWITCH_INLINE_MODE_NONE;
	nic->faults.refuse_errno = EIO;
	mutex_init(&nic->rules_lock);
	INIT_LIST_HEAD(&nic->blocks);
	INIT_LIST_HEAD(&nic->meters);
	INIT_LIST_HEAD(&nic->tunnels);
	mutex_init(&nic->ct_lock);
	INIT_LIST_HEAD(&nic->zones);
	get_random_bytes(nic->switch_id, sizeof(nic->switch_id));
	err = sn_table_init(nic);
	if (err)
		goto free;
	devl_lock(devlink);
	err = create(nic, &nic->uplink, SN_UPLINK, 0);
	if (!err)
		err = create(nic, &nic->wire, SN_WIRE, 0);
	if (!err)
		err = sn_nic_set_vfs(nic, sn_initial_vfs);
	if (err)
		goto remove_ports;
	platform_set_drvdata(pdev, nic);
	sn_lag_add(nic);
	sn_faults_create(nic);
	devl_unlock(devlink);
	devlink_register(devlink);
	return 0;
remove_ports:
	remove_vfs(nic);
	retire(&nic->wire);
	retire(&nic->uplink);
	devl_unlock(devlink);
	rcu_barrier();
	sn_table_uninit(nic);
free:
	devlink_free(devlink);
	return err;
}

void sn_nic_destroy(struct sn_nic *nic)
{
	struct devlink *devlink = nic->devlink;

	devlink_unregister(devlink);
	sn_faults_destroy(nic);
	sn_lag_remove(nic);
	devl_lock(devlink);
	sn_nic_set_switchdev(nic, false);
	remove_vfs(nic);
	retire(&nic->wire);
	retire(&nic->uplink);
	devl_unlock(devlink);
	// Rules that wait for their grace period look at the NIC once more.
	rcu_barrier();
	sn_table_uninit(nic);
	devlink_free(devlink);
}
