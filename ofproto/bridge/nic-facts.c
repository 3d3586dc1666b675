// SPDX-License-Identifier: Apache-2.0
// What the firmware of NICs says about itself: asked of each once, when its device is first shown.
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "offload/switchdev/mlx5.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(nic_facts);

void nic_facts_init(struct nic_facts *f)
{
	memset(f, 0, sizeof(*f));
	strmap_init(&f->by_address);
}

void nic_facts_uninit(struct nic_facts *f)
{
	struct strmap_node *n;

	STRMAP_FOR_EACH (n, &f->by_address) {
		smap_uninit(n->data);
		free(n->data);
	}
	strmap_uninit(&f->by_address);
	mlx5_close(f->mlx5);
}

static bool is_mlx5(const char *address)
{
	AUTO_FREE char *link = xasprintf("/sys/bus/pci/devices/%s/driver", address);
	char target[512];
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	const char *last;

	if (n < 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	return last && !strcmp(last + 1, "mlx5_core");
}

static void ask(struct nic_facts *f, const char *address, struct smap *ret)
{
	struct error err = ERROR_INIT;

	if (!f->looked && mlx5_open(NULL, &f->mlx5, &err)) {
		f->mlx5 = NULL;
		log_info("what mlx5 devices can do is not asked: %s", err.text);
	}
	f->looked = true;
	if (f->mlx5 && mlx5_query(f->mlx5, address, ret, &err))
		log_info("what an mlx5 device can do is not known: %s", err.text);
}

void nic_facts_put(struct nic_facts *f, const char *handle, struct smap *out)
{
	const char *address = strncmp(handle, "pci/", 4) ? handle : handle + 4;
	struct smap *facts = strmap_get(&f->by_address, address);
	const struct smap_node *n;

	if (!facts) {
		if (strchr(address, '/') || !is_mlx5(address))
			return;
		facts = xmalloc(sizeof(*facts));
		smap_init(facts);
		ask(f, address, facts);
		strmap_add(&f->by_address, address, facts);
	}
	SMAP_FOR_EACH (n, facts)
		smap_set(out, n->key, n->value);
}
