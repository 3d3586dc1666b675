// SPDX-License-Identifier: Apache-2.0
// The libraries' functions are looked up by name; their types are those of their header files.
#include "offload/switchdev/mlx5.h"

#include <dlfcn.h>
#include <infiniband/mlx5dv.h>
#include <unistd.h>

#include "core/base/util.h"

// Functions that are called: NAME, and the library that has it.
#define FUNCTIONS(F) \
	F(ibv_get_device_list, verbs) \
	F(ibv_free_device_list, verbs) \
	F(ibv_get_device_name, verbs) \
	F(ibv_close_device, verbs) \
	F(ibv_query_device, verbs) \
	F(mlx5dv_is_supported, mlx5) \
	F(mlx5dv_open_device, mlx5) \
	F(mlx5dv_devx_general_cmd, mlx5)

// The header makes macros of some.
#undef ibv_get_device_list

struct mlx5 {
	void *verbs, *mlx5;
#define MEMBER(NAME, LIB) typeof(NAME) *NAME;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

// ---- The libraries ----

static void *open_library(const char *dir, const char *name, struct error *err)
{
	AUTO_FREE char *path = dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		error_set(err, -ENOENT, "%s", dlerror());
	return lib;
}

static int find_functions(struct mlx5 *m, struct error *err)
{
#define FIND(NAME, LIB) \
	m->NAME = (typeof(m->NAME))dlsym(m->LIB, #NAME); \
	if (!m->NAME) \
		return error_set(err, -ENOSYS, "%s: %s", #LIB, dlerror());
	FUNCTIONS(FIND)
#undef FIND
	return 0;
}

int mlx5_open(const char *dir, struct mlx5 **ret, struct error *err)
{
	struct mlx5 *m = xzalloc(sizeof(*m));
	int error = -ENOENT;

	m->verbs = open_library(dir, "libibverbs.so.1", err);
	if (m->verbs)
		m->mlx5 = open_library(dir, "libmlx5.so.1", err);
	if (m->mlx5)
		error = find_functions(m, err);
	if (error) {
		mlx5_close(m);
		return error;
	}
	*ret = m;
	return 0;
}

void mlx5_close(struct mlx5 *m)
{
	if (!m)
		return;
	if (m->mlx5)
		dlclose(m->mlx5);
	if (m->verbs)
		dlclose(m->verbs);
	free(m);
}

// ---- Capabilities ----

enum { QUERY_HCA_CAP = 0x100, HEADER = 16, CAPABILITY = 4096 };
enum { MLX5_GENERAL = 0, MLX5_ESWITCH_TABLE = 8, MLX5_ESWITCH = 9, N_KINDS };

static const struct row {
	const char *name;
	unsigned int kind, first, bits;
} rows[] = {
#define MLX5_CAP(NAME, KIND, FIRST, BITS) { NAME, KIND, FIRST, BITS },
#include "offload/switchdev/mlx5.def"
#undef MLX5_CAP
};

static uint32_t bits_at(const uint8_t *p, unsigned int first, unsigned int bits)
{
	uint32_t v = 0;

	for (unsigned int i = first; i < first + bits; i++)
		v = v << 1 | (p[i / 8] >> (7 - i % 8) & 1);
	return v;
}

// The firmware's answer about one kind; false: it does not tell.
static bool ask(const struct mlx5 *m, struct ibv_context *ctx, unsigned int kind,
		uint8_t out[HEADER + CAPABILITY])
{
	// The lowest bit: as it is now, not as it could be.
	uint16_t mode = kind << 1 | 1;
	uint8_t in[HEADER] = { QUERY_HCA_CAP >> 8,
			       QUERY_HCA_CAP & 0xff, [6] = mode >> 8, [7] = mode & 0xff };

	memset(out, 0, HEADER + CAPABILITY);
	// The first byte is the command's status.
	return !m->mlx5dv_devx_general_cmd(ctx, in, sizeof(in), out, HEADER + CAPABILITY) &&
	       !out[0];
}

static void put_capabilities(const struct mlx5 *m, struct ibv_context *ctx, struct smap *out)
{
	uint8_t reply[HEADER + CAPABILITY];

	for (unsigned int kind = 0; kind < N_KINDS; kind++) {
		bool asked = false, told = false;

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			if (rows[i].kind != kind)
				continue;
			if (!asked)
				told = ask(m, ctx, kind, reply);
			asked = true;
			if (told)
				smap_setf(out, rows[i].name, "%u",
					  bits_at(reply + HEADER, rows[i].first, rows[i].bits));
		}
	}
}

// ---- Devices ----

static bool is_at(const struct ibv_device *dev, const char *pci)
{
	AUTO_FREE char *link = xasprintf("%s/device", dev->ibdev_path);
	char target[512];
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	const char *last;

	if (n < 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	return !strcmp(last ? last + 1 : target, pci);
}

static int query_device(const struct mlx5 *m, struct ibv_device *dev, struct smap *out,
			struct error *err)
{
	struct mlx5dv_context_attr how = { .flags = MLX5DV_CONTEXT_FLAGS_DEVX };
	struct ibv_context *ctx = m->mlx5dv_open_device(dev, &how);
	struct ibv_device_attr attr = { 0 };

	if (!ctx)
		return error_set(err, -errno, "%s: cannot be opened (%s)",
				 m->ibv_get_device_name(dev), strerror(errno));
	if (!m->ibv_query_device(ctx, &attr))
		smap_setf(out, "mlx5_firmware", "%.*s", (int)sizeof(attr.fw_ver), attr.fw_ver);
	put_capabilities(m, ctx, out);
	m->ibv_close_device(ctx);
	return 0;
}

int mlx5_query(struct mlx5 *m, const char *pci, struct smap *out, struct error *err)
{
	struct ibv_device **all = m->ibv_get_device_list(NULL);
	int error;

	if (!all)
		return error_set(err, -errno, "devices cannot be listed (%s)", strerror(errno));
	error = error_set(err, -ENODEV, "%s: no mlx5 device is there", pci);
	for (size_t i = 0; all[i]; i++)
		if (is_at(all[i], pci) && m->mlx5dv_is_supported(all[i])) {
			error = query_device(m, all[i], out, err);
			break;
		}
	m->ibv_free_device_list(all);
	return error;
}
