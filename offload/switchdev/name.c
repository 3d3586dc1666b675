// SPDX-License-Identifier: Apache-2.0
// Names of ports within an eSwitch, and of roles and modes.
#include <ctype.h>

#include "offload/switchdev/switchdev-private.h"

// "<word><decimal>" at *p; moves behind it.
static bool take_number(const char **p, const char *word, uint32_t *ret)
{
	size_t n = strlen(word);
	uint64_t v = 0;
	const char *s = *p + n;

	if (strncmp(*p, word, n) || !isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++) {
		v = v * 10 + (*s - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*ret = v;
	*p = s;
	return true;
}

bool switchdev_name_parse(const char *name, struct switchdev_function *ret, bool *ret_has_pf)
{
	struct switchdev_function f = { 0 };
	bool controller = take_number(&name, "c", &f.controller), pf;

	if (!controller && take_number(&name, "p", &f.number)) {
		f.role = SWITCHDEV_UPLINK;
		pf = false;
	} else {
		pf = take_number(&name, "pf", &f.pf);
		if (take_number(&name, "vf", &f.number))
			f.role = SWITCHDEV_VF;
		else if (take_number(&name, "sf", &f.number))
			f.role = SWITCHDEV_SF;
		else if (pf)
			f.role = SWITCHDEV_PF;
	}
	if (*name || f.role == SWITCHDEV_NONE)
		return false;
	*ret = f;
	if (ret_has_pf)
		*ret_has_pf = pf;
	return true;
}

const char *switchdev_role_name(enum switchdev_role r)
{
	static const char *const names[SWITCHDEV_ROLE_MAX] = { "none", "uplink", "pf",	 "vf",
							       "sf",   "bond",	 "other" };

	return names[r];
}

static const char *name_of(const char *const names[], size_t n, int i)
{
	return i >= 0 && (size_t)i < n ? names[i] : "unknown";
}

const char *switchdev_mode_name(int mode)
{
	static const char *const names[] = { "legacy", "switchdev" };

	return name_of(names, ARRAY_SIZE(names), mode);
}

const char *switchdev_inline_mode_name(int mode)
{
	static const char *const names[] = { "none", "link", "network", "transport" };

	return name_of(names, ARRAY_SIZE(names), mode);
}

const char *switchdev_encap_mode_name(int mode)
{
	static const char *const names[] = { "none", "basic" };

	return name_of(names, ARRAY_SIZE(names), mode);
}
