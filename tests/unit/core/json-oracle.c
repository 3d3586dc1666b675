// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core/json-oracle.h"

#include <jansson.h>
#include <stdio.h>

bool oracle_accepts(const char *text, size_t n)
{
	json_t *j = json_loadb(text, n, JSON_DECODE_ANY, NULL);

	json_decref(j);
	return j != NULL;
}

bool oracle_reads(const char *text, size_t n, char s[64], long long *i, double *r,
		  size_t *list_size)
{
	json_t *j = json_loadb(text, n, 0, NULL);

	if (!j)
		return false;
	snprintf(s, 64, "%s", json_string_value(json_object_get(j, "s")));
	*i = json_integer_value(json_object_get(j, "i"));
	*r = json_real_value(json_object_get(j, "r"));
	*list_size = json_array_size(json_object_get(j, "list"));
	json_decref(j);
	return true;
}
