// SPDX-License-Identifier: Apache-2.0
// Built where libmlx5's header files were not there.
#include "offload/switchdev/mlx5.h"

int mlx5_open(const char *dir, struct mlx5 **ret, struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "the switch was built without libmlx5's header files");
}

void mlx5_close(struct mlx5 *m) {}

int mlx5_query(struct mlx5 *m, const char *pci, struct smap *out, struct error *err)
{
	return error_set(err, -EOPNOTSUPP, "the switch was built without libmlx5's header files");
}
