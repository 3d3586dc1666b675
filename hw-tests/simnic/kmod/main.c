// SPDX-License-Identifier: GPL-2.0
// The module: platform devices "simnic.N", each a NIC.
#include <linux/module.h>

#include "hw-tests/simnic/kmod/simnic.h"

unsigned int sn_initial_vfs = 2;
module_param_named(vfs, sn_initial_vfs, uint, 0444);
MODULE_PARM_DESC(vfs, "VFs of each NIC at load (0 to 64); later: sriov_numvfs");
char *sn_initial_profile = "all";
module_param_named(profile, sn_initial_profile, charp, 0444);
MODULE_PARM_DESC(profile, "capabilities at load: all, cx5, cx6dx, e810");
static unsigned int nics = 1;
module_param(nics, uint, 0444);
MODULE_PARM_DESC(nics, "how many NICs (1 to 4)");

static struct platform_device *devices[SN_MAX_NICS];

static int probe(struct platform_device *pdev)
{
	return sn_nic_create(pdev);
}

static int remove(struct platform_device *pdev)
{
	sn_nic_destroy(platform_get_drvdata(pdev));
	return 0;
}

static struct platform_driver driver = {
	.driver = { .name = "simnic", .dev_groups = sn_nic_groups },
	.probe = probe,
	.remove = remove,
};

static void remove_devices(void)
{
	unsigned int i;

	for (i = 0; i < SN_MAX_NICS; i++)
		platform_device_unregister(devices[i]);
}

static int __init simnic_init(void)
{
	unsigned int i;
	int err;

	if (nics < 1 || nics > SN_MAX_NICS || sn_initial_vfs > SN_MAX_VFS ||
	    !sn_profile_find(sn_initial_profile)) {
		pr_err("simnic: nics=%u vfs=%u profile=%s: not a NIC that is known here\n", nics,
		       sn_initial_vfs, sn_initial_profile);
		return -EINVAL;
	}
	sn_match_init();
	err = platform_driver_register(&driver);
	if (err)
		return err;
	for (i = 0; i < nics; i++) {
		devices[i] = platform_device_register_simple("simnic", i, NULL, 0);
		err = PTR_ERR_OR_ZERO(devices[i]);
		// A probe that failed is no error of the registration.
		if (!err && !platform_get_drvdata(devices[i]))
			err = -EIO;
		if (err)
			goto fail;
	}
	return 0;
fail:
	if (IS_ERR(devices[i]))
		devices[i] = NULL;
	remove_devices();
	platform_driver_unregister(&driver);
	return err;
}

static void __exit simnic_exit(void)
{
	remove_devices();
	platform_driver_unregister(&driver);
	rcu_barrier();
}

module_init(simnic_init);
module_exit(simnic_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A SmartNIC in software: eSwitch, representors, TC flower offload");
