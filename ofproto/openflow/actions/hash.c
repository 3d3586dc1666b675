// SPDX-License-Identifier: Apache-2.0
// Words and arguments of the actions that choose by a hash.
#include <strings.h>

#include "ofproto/openflow/actions/hash-private.h"

const char *const hash_fields[] = {
	[HASH_ETH_SRC] = "eth_src",
	[HASH_SYMMETRIC_L4] = "symmetric_l4",
	[HASH_SYMMETRIC_L3L4] = "symmetric_l3l4",
	[HASH_SYMMETRIC_L3L4_UDP] = "symmetric_l3l4+udp",
	[HASH_NW_SRC] = "nw_src",
	[HASH_NW_DST] = "nw_dst",
	[HASH_SYMMETRIC_L3] = "symmetric_l3",
	[HASH_FIELDS_MAX] = NULL,
};

const char *const bundle_algorithms[] = {
	[BUNDLE_ACTIVE_BACKUP] = "active_backup", [BUNDLE_HRW] = "hrw", NULL
};

const char *const multipath_algorithms[] = { [MULTIPATH_MODULO_N] = "modulo_n",
					     [MULTIPATH_THRESHOLD] = "hash_threshold",
					     [MULTIPATH_HRW] = "hrw",
					     [MULTIPATH_ITER] = "iter_hash",
					     NULL };

int hash_find(const char *const names[], const char *name)
{
	for (int i = 0; names[i]; i++)
		if (!strcasecmp(names[i], name))
			return i;
	return -1;
}

size_t hash_count(const char *const names[])
{
	size_t n = 0;

	while (names[n])
		n++;
	return n;
}

char *hash_next(char **s)
{
	char *begin = *s + strspn(*s, ", \t:"), *end = begin + strcspn(begin, ", \t:");

	if (!*begin)
		return NULL;
	*s = *end ? end + 1 : end;
	*end = '\0';
	return begin;
}

int hash_parse(const char *whole, char *words[3], const char *const algorithms[],
	       struct hash_args *ret, struct error *err)
{
	int fields = hash_find(hash_fields, words[0]), algorithm = hash_find(algorithms, words[2]);
	uint64_t basis;

	if (fields < 0)
		return error_set(err, -EINVAL, "%s: unknown fields `%s'", whole, words[0]);
	if (act_parse_number(words[1], UINT16_MAX, "basis", &basis, err))
		return -EINVAL;
	if (algorithm < 0)
		return error_set(err, -EINVAL, "%s: unknown algorithm `%s'", whole, words[2]);
	*ret = (struct hash_args){ .fields = fields, .algorithm = algorithm, .basis = basis };
	return 0;
}
