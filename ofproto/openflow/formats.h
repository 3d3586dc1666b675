// SPDX-License-Identifier: Apache-2.0
// Flow formats: the forms in which flow_mods say flows.
//
// A format is a version of OpenFlow and, of 1.0, whether matches are Nicira's (NXM) and whether commands have table ids. What a flow
// can be sent in is a set of them (bitmap 1 << format), and so is what a user allows; people read and write both by names.
#pragma once

#include "ofproto/openflow/act.h"

// In the order in which they are chosen.
enum flow_format {
	FORMAT_OF10,
	FORMAT_OF10_TABLES,
	FORMAT_NXM,
	FORMAT_NXM_TABLES,
	FORMAT_OF11,
	FORMAT_OXM12,
	FORMAT_OXM13,
	FORMAT_OXM14,
	FORMAT_OXM15,
	FORMAT_MAX
};

#define FORMATS_OF10 (1u << FORMAT_OF10 | 1u << FORMAT_OF10_TABLES)
#define FORMATS_NXM (1u << FORMAT_NXM | 1u << FORMAT_NXM_TABLES)
#define FORMATS_OF11 (1u << FORMAT_OF11)
#define FORMATS_OXM13_UP (1u << FORMAT_OXM13 | 1u << FORMAT_OXM14 | 1u << FORMAT_OXM15)
#define FORMATS_OXM (1u << FORMAT_OXM12 | FORMATS_OXM13_UP)
#define FORMATS_ANY ((1u << FORMAT_MAX) - 1)
// Of 1.0, those without and those with table ids.
#define FORMATS_NO_TABLES (1u << FORMAT_OF10 | 1u << FORMAT_NXM)
#define FORMATS_TABLES (1u << FORMAT_OF10_TABLES | 1u << FORMAT_NXM_TABLES)

uint8_t flow_format_version(enum flow_format f);
const char *flow_format_name(enum flow_format f);
// Between sets of formats and of versions (1 << version). A version is in the second when any of its formats is in the first.
uint32_t flow_formats_of_versions(uint32_t versions);
uint32_t flow_formats_versions(uint32_t formats);
// What a field with the mask (NULL: all ones) can be matched in.
uint32_t flow_formats_of_field(const struct field *f, const union field_value *mask);
// "OpenFlow10,NXM", "any", "none".
void flow_formats_format(uint32_t formats, struct strbuf *out);
int flow_formats_parse(const char *text, uint32_t *ret, struct error *err);
