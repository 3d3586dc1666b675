// SPDX-License-Identifier: Apache-2.0
// The device arguments, "vfs=4,flows=1000,representor=vf[0-3]": one row per key.
#include "hw-tests/simnic/simnic-private.h"

#include <ethdev_driver.h>
#include <rte_kvargs.h>

enum kind {
	KIND_NUMBER,
	KIND_TEXT,
	KIND_MAC,
	KIND_REPRESENTOR, // read by DPDK's own parser from the whole line
};

#define CFG(m) offsetof(struct simnic_config, m), sizeof(((struct simnic_config *)0)->m)

static const struct row {
	const char *key;
	enum kind kind;
	size_t ofs, size;
	uint32_t min, max;
} rows[] = {
	{ "vfs", KIND_NUMBER, CFG(vfs), 0, SIMNIC_MAX_VFS },
	{ "flows", KIND_NUMBER, CFG(flows), 0, 1 << 24 },
	{ "insert_us", KIND_NUMBER, CFG(insert_us), 0, 10000000 },
	{ "stats_lag_ms", KIND_NUMBER, CFG(stats_lag_ms), 0, 3600000 },
	{ "taps", KIND_NUMBER, CFG(taps), 0, 1 },
	{ "thread", KIND_NUMBER, CFG(thread), 0, 1 },
	{ "uplink_tap", KIND_TEXT, CFG(uplink_tap) },
	{ "vf_tap_prefix", KIND_TEXT, CFG(vf_tap_prefix) },
	{ "refuse", KIND_TEXT, CFG(refuse) },
	{ "ctl", KIND_TEXT, CFG(ctl) },
	{ "mac", KIND_MAC, CFG(mac) },
	{ "representor", KIND_REPRESENTOR },
};

static const struct row *find_row(const char *key)
{
	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++)
		if (!strcmp(r->key, key))
			return r;
	return NULL;
}

static int unknown_key(const char *key, struct error *err)
{
	AUTO(strbuf) known = STRBUF_INIT;

	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++)
		strbuf_printf(&known, "%s%s", r == rows ? "" : ", ", r->key);
	return error_set(err, -EINVAL, "unknown device argument '%s' (known: %s)", key,
			 strbuf_cstr(&known));
}

static int set_number(const struct row *row, const char *value, struct simnic_config *cfg,
		      struct error *err)
{
	uint32_t *p = (uint32_t *)((char *)cfg + row->ofs), v;

	if (!parse_u32(value, 10, &v) || v < row->min || v > row->max)
		return error_set(err, -EINVAL, "device argument %s=%s: not a number from %u to %u",
				 row->key, value, row->min, row->max);
	*p = v;
	return 0;
}

static int set_value(const struct row *row, const char *value, struct simnic_config *cfg,
		     struct error *err)
{
	char *p = (char *)cfg + row->ofs;

	switch (row->kind) {
	case KIND_NUMBER:
		return set_number(row, value, cfg, err);
	case KIND_TEXT:
		if (!value[0] || strlen(value) >= row->size)
			return error_set(err, -EINVAL,
					 "device argument %s: not 1 to %zu characters", row->key,
					 row->size - 1);
		memcpy(p, value, strlen(value) + 1);
		return 0;
	case KIND_MAC:
		if (rte_ether_unformat_addr(value, &cfg->mac) ||
		    !rte_is_valid_assigned_ether_addr(&cfg->mac))
			return error_set(err, -EINVAL,
					 "device argument mac=%s: not a unicast Ethernet address",
					 value);
		return 0;
	case KIND_REPRESENTOR:
		return 0;
	}
	return -EINVAL;
}

static int set_representors(const char *args, struct simnic_config *cfg, struct error *err)
{
	struct rte_eth_devargs da = { .type = RTE_ETH_REPRESENTOR_NONE };

	if (!strstr(args, "representor="))
		return 0;
	if (rte_eth_devargs_parse(args, &da) || da.type != RTE_ETH_REPRESENTOR_VF)
		return error_set(
			err, -EINVAL,
			"device argument representor: not of the form vf2, vf[0-3] or vf[0,2]");
	for (unsigned i = 0; i < da.nb_representor_ports; i++) {
		if (da.representor_ports[i] >= cfg->vfs)
			return error_set(err, -EINVAL,
					 "device argument representor: there is no VF %u (vfs=%u)",
					 da.representor_ports[i], cfg->vfs);
		cfg->representors[cfg->n_representors++] = da.representor_ports[i];
	}
	return 0;
}

static int check_together(const struct simnic_config *cfg, struct error *err)
{
	if (!cfg->thread && cfg->taps)
		return error_set(
			err, -EINVAL,
			"device argument thread=0 needs taps=0: somebody has to read the taps");
	if (!cfg->thread && cfg->ctl[0])
		return error_set(err, -EINVAL, "device argument ctl needs thread=1");
	return 0;
}

int devargs_parse(const char *args, struct simnic_config *cfg, struct error *err)
{
	struct rte_kvargs *kv = rte_kvargs_parse(args, NULL);
	int ret = 0;

	*cfg = (struct simnic_config){ .vfs = 2, .flows = 65536, .taps = 1, .thread = 1 };
	if (!kv)
		return error_set(err, -EINVAL, "device arguments '%s': not KEY=VALUE,...", args);
	for (unsigned i = 0; i < kv->count && !ret; i++) {
		const struct rte_kvargs_pair *pair = &kv->pairs[i];
		const struct row *row = find_row(pair->key);

		if (!row)
			ret = unknown_key(pair->key, err);
		else if (!pair->value)
			ret = error_set(err, -EINVAL, "device argument %s without a value",
					pair->key);
		else
			ret = set_value(row, pair->value, cfg, err);
	}
	rte_kvargs_free(kv);
	if (!ret)
		ret = set_representors(args, cfg, err);
	return ret ? ret : check_together(cfg, err);
}
