// SPDX-License-Identifier: Apache-2.0
#include "core/io/appctl.h"

static const char *from_env(const char *variable, const char *def)
{
	const char *v = getenv(variable);

	return v && *v ? v : def;
}

const char *dir_run(void)
{
	return from_env("OVS_RUNDIR", RUNDIR);
}

const char *dir_log(void)
{
	return from_env("OVS_LOGDIR", LOGDIR);
}

const char *dir_db(void)
{
	return from_env("OVS_DBDIR", DBDIR);
}

const char *dir_pkgdata(void)
{
	return from_env("OVS_PKGDATADIR", PKGDATADIR);
}
