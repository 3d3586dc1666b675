// SPDX-License-Identifier: Apache-2.0
// Capabilities taken away: "item:vlan", "item:ipv4.tos", "action:set_ttl".
#include "hw-tests/simnic/simnic-private.h"

static int refuse_item(struct simnic_faults *f, const char *name, bool on)
{
	for (size_t i = 0; i < ITEM_MAX; i++) {
		if (!strcmp(simnic_items[i].name, name)) {
			f->refuse_item[i] = on;
			return 0;
		}
	}
	return -EINVAL;
}

static int refuse_field(struct simnic_faults *f, const char *item, size_t item_len,
			const char *field, bool on)
{
	for (size_t i = 0; i < simnic_n_fields; i++) {
		const char *name = simnic_items[simnic_fields[i].item].name;

		if (strlen(name) == item_len && !memcmp(name, item, item_len) &&
		    !strcmp(simnic_fields[i].name, field)) {
			f->refuse_field[i] = on;
			return 0;
		}
	}
	return -EINVAL;
}

static int refuse_action(struct simnic_faults *f, const char *name, bool on)
{
	for (size_t i = 0; i < ACTION_MAX; i++) {
		if (!strcmp(simnic_action_types[i].name, name)) {
			f->refuse_action[i] = on;
			return 0;
		}
	}
	return -EINVAL;
}

int faults_refuse(struct simnic_faults *f, const char *what, bool on, struct error *err)
{
	const char *colon = strchr(what, ':'), *dot = strchr(what, '.');
	int ret = -EINVAL;

	if (str_starts(what, "item:") && dot)
		ret = refuse_field(f, colon + 1, dot - colon - 1, dot + 1, on);
	else if (str_starts(what, "item:"))
		ret = refuse_item(f, colon + 1, on);
	else if (str_starts(what, "action:"))
		ret = refuse_action(f, colon + 1, on);
	else
		return error_set(err, -EINVAL,
				 "'%s' is neither item:NAME, item:NAME.FIELD nor action:NAME",
				 what);
	if (ret)
		error_set(err, ret, "'%s': no such name", what);
	return ret;
}
