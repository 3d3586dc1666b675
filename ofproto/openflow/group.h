// SPDX-License-Identifier: Apache-2.0
// OpenFlow groups: what they are made of, their messages (1.1+, and 1.0 by Nicira's extension) and their text. Everything is in
// host order.
#pragma once

#include "core/base/vec.h"
#include "ofproto/openflow/msg.h"

enum group_type { GROUP_ALL, GROUP_SELECT, GROUP_INDIRECT, GROUP_FAST_FAILOVER, GROUP_N_TYPES };
// "all", "select", "indirect", "ff"; "unknown" for others.
const char *group_type_name(uint8_t type);
enum { GROUP_ID_MAX = 0xffffff00, GROUP_ID_ALL = 0xfffffffc, GROUP_ID_ANY = 0xffffffff };
enum {
	BUCKET_ID_MAX = 0xffffff00,
	BUCKET_ID_FIRST = 0xfffffffd,
	BUCKET_ID_LAST = 0xfffffffe,
	BUCKET_ID_ALL = 0xffffffff
};

struct bucket {
	uint32_t id; // GROUP_ID_ANY: none was given; up to 1.4 there is none on the wire
	uint16_t weight; // of select groups
	of_port_t watch_port; // OFPP_ANY: none
	uint32_t watch_group; // GROUP_ID_ANY: none
	struct strbuf acts; // owned; struct act list
};

// A field that a bucket is chosen by, and which of its bits.
struct hash_field {
	const struct field *field;
	union field_value mask;
};

// How select groups choose a bucket: Netronome's extension of 1.5 (and of Nicira's 1.0 messages).
struct group_selection {
	char method[16]; // "hash", "dp_hash"; "": the switch may choose
	uint64_t param;
	VEC(struct hash_field) fields; // of "hash"; none: the switch may choose
};

struct group_desc {
	uint32_t id;
	uint8_t type; // enum group_type; others are only read
	VEC(struct bucket) buckets;
	struct group_selection selection;
};

// In the order of fields; false when it is there.
bool selection_add_field(struct group_selection *s, const struct hash_field *f);

enum group_command {
	GROUP_ADD = 0,
	GROUP_MODIFY = 1,
	GROUP_DELETE = 2,
	GROUP_INSERT_BUCKETS = 3,
	GROUP_REMOVE_BUCKETS = 5,
	GROUP_ADD_OR_MODIFY = 0x8000
};

struct group_mod {
	uint16_t command; // enum group_command
	uint32_t command_bucket_id; // of insert and remove: before, behind or at which bucket
	struct group_desc group;
};

struct bucket_stats {
	uint64_t packets, bytes; // UINT64_MAX: not known
};

struct group_stats {
	uint32_t id, ref_count;
	uint64_t packets, bytes; // UINT64_MAX: not known
	uint32_t duration_sec, duration_nsec; // UINT32_MAX: not known (before 1.3)
	VEC(struct bucket_stats) buckets;
};

struct group_features {
	uint32_t types, capabilities; // bitmaps: 1 << enum group_type; OFPGFC_*
	uint32_t max_groups[GROUP_N_TYPES];
	uint32_t actions[GROUP_N_TYPES]; // bitmaps of the version's standard action numbers
};

void bucket_init(struct bucket *b);
void group_desc_init(struct group_desc *g);
void group_desc_uninit(struct group_desc *g);
void group_mod_init(struct group_mod *gm);
void group_mod_uninit(struct group_mod *gm);
void group_stats_uninit(struct group_stats *s);

// Whether it watches what a bucket of such a group watches.
enum ofperr bucket_check(uint8_t type, const struct bucket *b);
// What must hold of any group, whoever asks for it. The error of a peer.
enum ofperr group_mod_check(const struct group_mod *gm);
// Decoding initialises its result, which is to be freed, whatever comes back.
enum ofperr group_mod_decode(const struct msg *m, struct group_mod *gm);
// Ids of buckets, insertion and removal, and 'selection' are lost in 1.1 to 1.4, which cannot say them.
void group_mod_encode(const struct group_mod *gm, uint8_t version, uint32_t xid,
		      struct strbuf *out);
// Requests for statistics and descriptions: of one group, or GROUP_ID_ALL. Descriptions are of all before 1.5.
enum ofperr group_request_decode(const struct msg *m, uint32_t *ret_id);
void group_request_encode(enum msg_type type, uint32_t id, uint8_t version, uint32_t xid,
			  struct strbuf *out);
void mp_put_group_desc(struct mp_writer *w, const struct group_desc *g);
// 1: got one, initialised, to be freed; 0: end; negative: malformed, nothing to free.
int group_desc_decode_next(struct msg *m, struct group_desc *g);
void mp_put_group_stats(struct mp_writer *w, const struct group_stats *s);
int group_stats_decode_next(struct msg *m, struct group_stats *s);
void group_features_encode(const struct group_features *f, const struct msg *request,
			   struct strbuf *out);
enum ofperr group_features_decode(const struct msg *m, struct group_features *f);

// "group_id=1,type=select,bucket=..." as ovs-ofctl users write it; 'command' says which words make sense. *ret_formats (may be
// NULL): the flow formats (formats.h) whose versions can carry it. 'gm' is initialised, to be freed when 0 comes back.
int group_mod_parse(const char *text, enum group_command command, const struct port_names *ports,
		    struct group_mod *gm, uint32_t *ret_formats, struct error *err);
// A line of a file may begin with the command's word ("add", "delete", "insert_bucket", ...), which is cut off then; 'otherwise'
// is for lines without one.
int group_command_parse(const char **line, enum group_command otherwise, enum group_command *ret,
			struct error *err);
// "5", "all"; -EINVAL.
int group_id_parse(const char *s, uint32_t *ret, struct error *err);
// Whether the version's messages have ids of buckets, insertion and removal, and how a bucket is selected: 1.0 (Nicira's), 1.5.
bool group_version_is_new(uint8_t version);
// As a message of this version says it; 'with_type': what is to be inserted or removed has no type.
void group_desc_format(const struct group_desc *g, bool with_type, uint8_t version,
		       const struct port_names *ports, struct strbuf *out);
// Gives buckets without an id the lowest ones that are free.
void group_number_buckets(struct group_desc *g);
bool group_has_bucket_id_twice(const struct group_desc *g);
