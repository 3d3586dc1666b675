// SPDX-License-Identifier: Apache-2.0
// Meters of the userspace datapath: which packets of a burst are over their rate.
#pragma once

#include "core/flow/meter.h"

// By their numbers, which begin at 1. NULL: none has been made. The main thread changes them; other threads run packets under RCU.
struct user_meters;

void user_meter_features(struct meter_features *ret);
// Makes a meter where *id is 0, and says its number; else it is another one from now on, whose counts begin again.
// -EINVAL, -ENOTSUP, -ENOSPC.
int user_meter_set(struct user_meters **all, const struct meter_config *c, uint32_t *id,
		   struct error *err);
// The numbers are of meters that are there.
void user_meter_get(const struct user_meters *all, uint32_t id, struct meter_stats *ret);
void user_meter_del(struct user_meters *all, uint32_t id);
// No thread runs packets any more.
void user_meters_free(struct user_meters *all);
// A bit for each of 'n' packets (32 at most, of 'lens' bytes) that are dropped at 'now' (clock_msec()). None where there is no such
// meter. Any thread.
uint32_t user_meter_run(const struct user_meters *all, uint32_t id, const uint32_t *lens,
			unsigned int n, int64_t now);
