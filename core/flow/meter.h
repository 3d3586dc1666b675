// SPDX-License-Identifier: Apache-2.0
// Meters: how fast packets may pass, and what has passed. One vocabulary for OpenFlow, the pipeline and datapaths.
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"

// OpenFlow's numbers: those of a switch's meters are 1 to METER_ID_MAX.
enum {
	METER_ID_MAX = 0xffff0000u,
	METER_ID_SLOWPATH = 0xfffffffdu,
	METER_ID_CONTROLLER = 0xfffffffeu,
	METER_ID_ALL = 0xffffffffu
};

enum { METER_KBPS = 1, METER_PKTPS = 2, METER_BURST = 4, METER_STATS = 8, METER_FLAGS = 15 };
enum meter_band_type { METER_DROP = 1, METER_DSCP_REMARK };

struct meter_band {
	uint16_t type; // enum meter_band_type
	uint8_t prec_level; // of METER_DSCP_REMARK: drop precedences to add
	uint32_t rate; // kbit/s or packets/s
	uint32_t burst; // kbit or packets; with METER_BURST only, else 0
};

#define METER_MAX_BANDS 16

struct meter_config {
	uint16_t flags; // METER_KBPS...
	size_t n_bands;
	struct meter_band bands[METER_MAX_BANDS];
};

struct meter_count {
	uint64_t packets, bytes;
};

// UINT64_MAX: not known.
struct meter_stats {
	uint32_t n_flows;
	struct meter_count in; // all that came to the meter
	uint32_t duration_sec, duration_nsec;
	size_t n_bands;
	struct meter_count bands[METER_MAX_BANDS]; // what was over the rate
};

struct meter_features {
	uint32_t max_meters; // 0: there are no meters
	uint32_t band_types; // bitmap 1 << enum meter_band_type
	uint32_t flags; // that a meter may have
	uint8_t max_bands, max_color;
};

// "7", "controller"...
void meter_id_format(uint32_t id, struct strbuf *out);
// "meter=1 pktps burst bands=type=drop rate=1 burst_size=10" as ovs-ofctl add-meter takes it; with 'config' NULL "meter=1" alone.
int meter_parse(const char *text, uint32_t *ret_id, struct meter_config *config, struct error *err);
// "meter=1 pktps burst bands=", then a line for each band.
void meter_config_format(uint32_t id, const struct meter_config *c, struct strbuf *out);
void meter_stats_format(uint32_t id, const struct meter_stats *s, struct strbuf *out);
void meter_features_format(const struct meter_features *f, struct strbuf *out);
