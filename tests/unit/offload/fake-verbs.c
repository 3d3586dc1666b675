// SPDX-License-Identifier: Apache-2.0
// In the place of libibverbs and libmlx5: one mlx5 device and one of another make, whose places are links in the folder of
// $FAKE_VERBS. The firmware tells of all but one kind of capability.
#include <errno.h>
#include <infiniband/mlx5dv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef ibv_get_device_list

static struct ibv_device devices[2] = { { .name = "other_0" }, { .name = "mlx5_0" } };
static struct ibv_context context = { .device = &devices[1] };

struct ibv_device **ibv_get_device_list(int *n)
{
	struct ibv_device **list = calloc(3, sizeof(*list));

	for (size_t i = 0; i < 2; i++) {
		snprintf(devices[i].ibdev_path, sizeof(devices[i].ibdev_path), "%.200s/%.8s",
			 getenv("FAKE_VERBS"), i ? "mlx5_0" : "other_0");
		list[i] = &devices[i];
	}
	return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

const char *ibv_get_device_name(struct ibv_device *device)
{
	return device->name;
}

bool mlx5dv_is_supported(struct ibv_device *device)
{
	return device == &devices[1];
}

struct ibv_context *mlx5dv_open_device(struct ibv_device *device, struct mlx5dv_context_attr *attr)
{
	if (getenv("FAKE_VERBS_LOCKED")) {
		errno = EPERM;
		return NULL;
	}
	return device == &devices[1] && attr->flags & MLX5DV_CONTEXT_FLAGS_DEVX ? &context : NULL;
}

int ibv_close_device(struct ibv_context *ctx)
{
	return ctx == &context ? 0 : EINVAL;
}

int ibv_query_device(struct ibv_context *ctx, struct ibv_device_attr *attr)
{
	snprintf(attr->fw_ver, sizeof(attr->fw_ver), "22.31.1014");
	return 0;
}

static void set(uint8_t *p, unsigned int bit)
{
	p[bit / 8] |= 0x80 >> bit % 8;
}

int mlx5dv_devx_general_cmd(struct ibv_context *ctx, const void *in, size_t inlen, void *out,
			    size_t outlen)
{
	const uint8_t *command = in;
	unsigned int kind = (command[6] << 8 | command[7]) >> 1;
	uint8_t *reply = out;

	if (inlen != 16 || outlen != 16 + 4096 || command[0] != 1 || command[1] ||
	    !(command[7] & 1))
		return EINVAL;
	switch (kind) {
	case 0:
		set(reply + 16, 423); // it manages the eSwitch
		set(reply + 16, 1095); // its rules have format 1
		set(reply + 16, 1024 + 63 - 0x24); // meters
		return 0;
	case 9:
		set(reply + 16, 44); // 2^(8 + 1) encapsulations
		set(reply + 16, 47);
		return 0;
	default:
		reply[0] = 3; // bad parameter
		return 0;
	}
}
