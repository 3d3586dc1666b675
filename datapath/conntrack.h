// SPDX-License-Identifier: Apache-2.0
// Tracked connections: what an entry of the table is, its text, which ones a command means, limits and timeouts by zone.
//
// The kernel's table is the machine's: all its datapaths and its firewall share it, as far as they share zones. Functions of
// this file are for the main thread, but for datapath_ct_timeout_name().
#pragma once

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/base/vec.h"
#include "core/flow/ct-match.h"

struct datapath;

// ---- Entries ----

struct ct_counts {
	uint64_t packets, bytes;
};

enum ct_tcp_state {
#define TCP_STATE(ID, NAME, SHORT) CT_TCP_##ID,
#include "datapath/conntrack.def"
	CT_TCP_MAX
};

enum ct_sctp_state {
#define SCTP_STATE(ID, NAME) CT_SCTP_##ID,
#include "datapath/conntrack.def"
	CT_SCTP_MAX
};

// ct_entry.status.
enum {
#define STATUS(ID, BIT, NAME) CT_STATUS_##ID = 1 << (BIT),
#include "datapath/conntrack.def"
};

struct ct_tcp_end {
	uint8_t state; // enum ct_tcp_state
	uint8_t wscale, flags;
};

struct ct_entry {
	struct ct_tuple orig, reply;
	struct ct_tuple parent; // the connection that has foretold this one
	struct ct_counts orig_counts, reply_counts;
	uint64_t start_nsec, stop_nsec; // since 1970; 0: not kept
	uint32_t id, status;
	uint32_t timeout; // seconds left
	uint32_t mark;
	uint16_t zone;
	bool has_timeout, has_tcp, has_sctp;
	uint8_t label[16]; // big-endian number
	char helper[16]; // "" for none
	struct ct_tcp_end tcp[2]; // original and reply direction
	struct {
		uint8_t state; // enum ct_sctp_state
		uint32_t vtag_orig, vtag_reply; // as the kernel has them
	} sctp;
};

// A connection that is expected.
struct ct_expected {
	struct ct_tuple tuple; // a source port of 0: any
	struct ct_tuple parent;
	uint32_t timeout, id;
	uint16_t zone;
	char helper[16];
};

const char *ct_tcp_state_name(enum ct_tcp_state s); // "unknown" for others
// What a short dump shows for it.
enum ct_tcp_state ct_tcp_state_short(enum ct_tcp_state s);
const char *ct_sctp_state_name(enum ct_sctp_state s);

// A line of dpctl/dump-conntrack, without newline. 'more': identifier, status and both ends' state (-m); 'statistics': counts,
// times and the time that is left (-s).
void ct_entry_format(const struct ct_entry *e, bool more, bool statistics, struct strbuf *out);
void ct_expected_format(const struct ct_expected *e, struct strbuf *out);

// ---- Limits and timeouts ----

struct ct_zone_limit {
	uint16_t zone;
	uint32_t limit; // 0: none
	uint32_t count; // of connections now
};

struct ct_limits {
	bool has_default;
	uint32_t default_limit;
	VEC(struct ct_zone_limit) zones;
};

void ct_limits_uninit(struct ct_limits *l);

enum ct_timeout {
#define TIMEOUT(ID, NAME) CT_TIMEOUT_##ID,
#include "datapath/conntrack.def"
	CT_TIMEOUT_MAX
};

// Those that are not set are as the datapath has them.
struct ct_timeouts {
	uint32_t set; // bit N: seconds[N] counts
	uint32_t seconds[CT_TIMEOUT_MAX];
};

const char *ct_timeout_name(enum ct_timeout t);
bool ct_timeout_by_name(const char *name, enum ct_timeout *ret);

// Settings and counts of a datapath's own tracker. The kernel's is not ours to set.
enum ct_setting {
	CT_SETTING_MAXCONNS,
	CT_SETTING_NCONNS,
	CT_SETTING_TCP_SEQ_CHK,
	CT_SETTING_SWEEP_MSEC,
#define FRAGMENTS(ID, NAME) CT_SETTING_FRAGMENTS_##ID,
#include "datapath/conntrack.def"
	CT_SETTING_MAX
};

// ---- A datapath's connections ----

bool ct_match_holds(const struct ct_match *m, const struct ct_entry *e);

// Calls 'cb' for each connection ('zone': of that zone, NULL: of all). With NULL for an entry the dump begins again, because the
// table has changed too much: forget what was told.
typedef void ct_entry_cb(const struct ct_entry *e, void *aux);
int datapath_ct_dump(struct datapath *dp, const uint16_t *zone, ct_entry_cb *cb, void *aux,
		     struct error *err);
typedef void ct_expected_cb(const struct ct_expected *e, void *aux);
int datapath_ct_dump_expected(struct datapath *dp, const uint16_t *zone, ct_expected_cb *cb,
			      void *aux, struct error *err);
// Forgets connections. -ENOENT: an exact match, and there is no such connection (its zone is 0 when none is given).
int datapath_ct_flush(struct datapath *dp, const struct ct_match *m, struct error *err);

// The limits of 'n' zones, 0: of all that have one. The caller frees *ret (ct_limits_uninit()).
int datapath_ct_get_limits(struct datapath *dp, const uint16_t zones[], size_t n,
			   struct ct_limits *ret, struct error *err);
int datapath_ct_set_limits(struct datapath *dp, const struct ct_limits *limits, struct error *err);
// The zones' own limits; the default goes for them again.
int datapath_ct_del_limits(struct datapath *dp, const uint16_t zones[], size_t n,
			   struct error *err);

// Timeout policies, by numbers of the caller's. Changes one that is there; connections keep what they began with.
int datapath_ct_set_timeouts(struct datapath *dp, uint32_t id, const struct ct_timeouts *t,
			     struct error *err);
// -EBUSY: connections or flows still have it.
int datapath_ct_del_timeouts(struct datapath *dp, uint32_t id, struct error *err);
int datapath_ct_dump_timeouts(struct datapath *dp, void (*cb)(uint32_t id, void *aux), void *aux,
			      struct error *err);
// New connections of the zone have this policy; NULL: the datapath's own timeouts. Flows must be translated again.
int datapath_ct_zone_timeouts(struct datapath *dp, uint16_t zone, const uint32_t *id,
			      struct error *err);

int datapath_ct_get(struct datapath *dp, enum ct_setting s, uint64_t *ret, struct error *err);
int datapath_ct_set(struct datapath *dp, enum ct_setting s, uint64_t value, struct error *err);
