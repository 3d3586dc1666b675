// SPDX-License-Identifier: Apache-2.0
// What ConnectX NICs say about themselves, through libibverbs and libmlx5. The libraries are opened when they are there; nothing
// is linked with them. Main thread: a query asks the firmware, and takes milliseconds.
#pragma once

#include "core/base/error.h"
#include "core/base/strmap.h"

struct mlx5; // both libraries

// From this folder, or (NULL) from where the system has them. Negative errno and 'err' when they are not there, or the switch was
// built without their header files.
int mlx5_open(const char *dir, struct mlx5 **ret, struct error *err);
void mlx5_close(struct mlx5 *m); // may be NULL
// Puts firmware version and capabilities ("mlx5_firmware", rows of mlx5.def) of the device with this PCI address
// ("0000:03:00.0"); what the firmware does not tell is left out. -ENODEV: there is no such mlx5 device; on failure nothing is put.
int mlx5_query(struct mlx5 *m, const char *pci, struct smap *out, struct error *err);
// Shows what in those facts keeps flows out of hardware: for offload/doctor.
void mlx5_findings(const struct smap *facts,
		   void (*cb)(const char *what, const char *remedy, void *aux), void *aux);
