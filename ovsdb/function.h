// SPDX-License-Identifier: Apache-2.0
// The functions of conditions (RFC 7047 section 5.1).
#pragma once

enum ovsdb_function {
	OVSDB_F_FALSE,
	OVSDB_F_TRUE,
	OVSDB_F_LT,
	OVSDB_F_LE,
	OVSDB_F_EQ,
	OVSDB_F_NE,
	OVSDB_F_GE,
	OVSDB_F_GT,
	OVSDB_F_INCLUDES,
	OVSDB_F_EXCLUDES,
	OVSDB_F_MAX
};

// "<=".
static inline const char *ovsdb_function_name(enum ovsdb_function function)
{
	static const char *const names[OVSDB_F_MAX] = {
		[OVSDB_F_FALSE] = "false",
		[OVSDB_F_TRUE] = "true",
		[OVSDB_F_LT] = "<",
		[OVSDB_F_LE] = "<=",
		[OVSDB_F_EQ] = "==",
		[OVSDB_F_NE] = "!=",
		[OVSDB_F_GE] = ">=",
		[OVSDB_F_GT] = ">",
		[OVSDB_F_INCLUDES] = "includes",
		[OVSDB_F_EXCLUDES] = "excludes",
	};

	return names[function];
}
