// SPDX-License-Identifier: Apache-2.0
// Groups on the wire. There are two layouts: that of 1.1 to 1.4, and that of 1.5, which Nicira's messages for 1.0 have, too.
#include "ofproto/openflow/group.h"

#include "ofproto/openflow/wire-private.h"

enum {
	OLD_BUCKET_LEN = 16,
	NEW_BUCKET_LEN = 8,
	BUCKET_WEIGHT = 0,
	BUCKET_WATCH_PORT = 1,
	BUCKET_WATCH_GROUP = 2,
	PROP_EXPERIMENTER = 0xffff,
	NTR_VENDOR = 0x0000154d,
	NTR_SELECTION_METHOD = 1,
	OLD_DESC_LEN = 8,
	NEW_DESC_LEN = 16,
};

bool group_version_is_new(uint8_t version)
{
	return version == OFP10 || version >= OFP15;
}

// ---- Memory ----

void bucket_init(struct bucket *b)
{
	memset(b, 0, sizeof(*b));
	b->id = GROUP_ID_ANY;
	b->watch_port = OF_PORT(OFPP_ANY);
	b->watch_group = GROUP_ID_ANY;
}

void group_desc_init(struct group_desc *g)
{
	memset(g, 0, sizeof(*g));
}

void group_desc_uninit(struct group_desc *g)
{
	struct bucket *b;

	VEC_FOR_EACH (b, &g->buckets)
		strbuf_uninit(&b->acts);
	VEC_FREE(&g->buckets);
	VEC_FREE(&g->selection.fields);
}

void group_mod_init(struct group_mod *gm)
{
	memset(gm, 0, sizeof(*gm));
	gm->command_bucket_id = BUCKET_ID_ALL;
}

void group_mod_uninit(struct group_mod *gm)
{
	group_desc_uninit(&gm->group);
}

void group_stats_uninit(struct group_stats *s)
{
	VEC_FREE(&s->buckets);
}

bool selection_add_field(struct group_selection *s, const struct hash_field *f)
{
	size_t at = 0;

	while (at < s->fields.n && s->fields.v[at].field->id < f->field->id)
		at++;
	if (at < s->fields.n && s->fields.v[at].field == f->field)
		return false;
	VEC_PUSH_UNINIT(&s->fields);
	memmove(&s->fields.v[at + 1], &s->fields.v[at],
		(s->fields.n - 1 - at) * sizeof(s->fields.v[0]));
	s->fields.v[at] = *f;
	return true;
}

static struct bucket *new_bucket(struct group_desc *g)
{
	struct bucket *b = VEC_PUSH_UNINIT(&g->buckets);

	bucket_init(b);
	b->weight = g->type == GROUP_SELECT;
	return b;
}

// ---- Buckets ----

static enum ofperr decode_old_bucket(struct reader *r, uint8_t version, struct group_desc *g)
{
	struct bucket *b = new_bucket(g);
	uint16_t len = rd_be16(r);
	struct reader acts;
	enum ofperr e;

	b->weight = rd_be16(r);
	e = port_from_11(rd_be32(r), &b->watch_port);
	b->watch_group = rd_be32(r);
	rd_skip(r, 4);
	if (rd_status(r) || len < OLD_BUCKET_LEN)
		return OFPERR_OFPGMFC_BAD_BUCKET;
	acts = rd_sub(r, len - OLD_BUCKET_LEN);
	if (rd_status(r))
		return OFPERR_OFPGMFC_BAD_BUCKET;
	if (e)
		return OFPERR_OFPGMFC_BAD_WATCH;
	return acts_decode_actions_only(&acts, version, &b->acts);
}

static enum ofperr decode_bucket_property(uint16_t type, struct reader *body, struct bucket *b)
{
	switch (type) {
	case BUCKET_WEIGHT:
		b->weight = rd_be16(body);
		rd_skip(body, 2);
		break;
	case BUCKET_WATCH_PORT:
		if (port_from_11(rd_be32(body), &b->watch_port))
			return OFPERR_OFPGMFC_BAD_WATCH;
		break;
	case BUCKET_WATCH_GROUP:
		b->watch_group = rd_be32(body);
		break;
	default:
		return type == PROP_EXPERIMENTER ? OFPERR_OFPBPC_BAD_EXPERIMENTER
						 : OFPERR_OFPBPC_BAD_TYPE;
	}
	return rd_finish(body) ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr decode_bucket_properties(struct reader *r, struct bucket *b)
{
	struct reader body;
	uint16_t type;

	while (prop_next(r, &type, &body)) {
		enum ofperr e = decode_bucket_property(type, &body, b);

		if (e)
			return e;
	}
	return r->failed ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr decode_new_bucket(struct reader *r, uint8_t version, struct group_desc *g)
{
	struct bucket *b = new_bucket(g);
	uint16_t len = rd_be16(r), acts_len = rd_be16(r);
	struct reader body, acts;
	enum ofperr e;

	b->id = rd_be32(r);
	if (rd_status(r) || len < NEW_BUCKET_LEN || len % 8)
		return OFPERR_OFPGMFC_BAD_BUCKET;
	body = rd_sub(r, len - NEW_BUCKET_LEN);
	acts = rd_sub(&body, acts_len);
	if (rd_status(r) || b->id > BUCKET_ID_MAX)
		return OFPERR_OFPGMFC_BAD_BUCKET;
	body.parent = NULL;
	acts.parent = NULL;
	e = acts_decode_actions_only(&acts, version, &b->acts);
	return e ? e : decode_bucket_properties(&body, b);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

// The ids that were given, ascending; to be freed. There may be thousands.
static uint32_t *sorted_ids(const struct group_desc *g, size_t *ret_n)
{
	uint32_t *ids = xcalloc(g->buckets.n + 1, sizeof(*ids));
	const struct bucket *b;
	size_t n = 0;

	VEC_FOR_EACH (b, &g->buckets)
		if (b->id != GROUP_ID_ANY)
			ids[n++] = b->id;
	qsort(ids, n, sizeof(*ids), by_number);
	*ret_n = n;
	return ids;
}

void group_number_buckets(struct group_desc *g)
{
	size_t n, i = 0;
	AUTO_FREE uint32_t *ids = sorted_ids(g, &n);
	uint32_t next = 0;
	struct bucket *b;

	VEC_FOR_EACH (b, &g->buckets) {
		if (b->id != GROUP_ID_ANY)
			continue;
		for (; i < n && ids[i] <= next; i++)
			next += ids[i] == next;
		b->id = next++;
	}
}

bool group_has_bucket_id_twice(const struct group_desc *g)
{
	size_t n;
	AUTO_FREE uint32_t *ids = sorted_ids(g, &n);

	for (size_t i = 1; i < n; i++)
		if (ids[i] == ids[i - 1])
			return true;
	return false;
}

static enum ofperr decode_buckets(struct reader *r, uint8_t version, struct group_desc *g)
{
	enum ofperr e = OFPERR_NONE;

	while (!e && rd_left(r))
		e = group_version_is_new(version) ? decode_new_bucket(r, version, g)
						  : decode_old_bucket(r, version, g);
	group_number_buckets(g);
	return e || !group_has_bucket_id_twice(g) ? e : OFPERR_OFPGMFC_BAD_BUCKET;
}

static void put_number_property(struct strbuf *out, uint16_t type, uint32_t value)
{
	size_t start = prop_begin(out, type);

	wr_be32(out, value);
	prop_end(out, start);
}

static void encode_old_bucket(const struct bucket *b, uint8_t version, struct strbuf *out)
{
	size_t start = out->len;

	wr_be16(out, 0);
	wr_be16(out, b->weight);
	wr_be32(out, port_to_11(b->watch_port));
	wr_be32(out, b->watch_group);
	wr_be32(out, 0);
	acts_encode_actions(acts_of(&b->acts), version, out);
	wr_patch_be16(out, start, out->len - start);
}

static void encode_new_bucket(const struct bucket *b, uint8_t type, uint8_t version,
			      struct strbuf *out)
{
	size_t start = out->len;

	wr_be16(out, 0);
	wr_be16(out, 0);
	wr_be32(out, b->id);
	acts_encode_actions(acts_of(&b->acts), version, out);
	wr_patch_be16(out, start + 2, out->len - start - NEW_BUCKET_LEN);
	if (type == GROUP_SELECT || b->weight)
		put_number_property(out, BUCKET_WEIGHT, (uint32_t)b->weight << 16);
	if (b->watch_port.n != OFPP_ANY)
		put_number_property(out, BUCKET_WATCH_PORT, port_to_11(b->watch_port));
	if (b->watch_group != GROUP_ID_ANY)
		put_number_property(out, BUCKET_WATCH_GROUP, b->watch_group);
	wr_patch_be16(out, start, out->len - start);
}

static void encode_buckets(const struct group_desc *g, uint8_t version, struct strbuf *out)
{
	const struct bucket *b;

	VEC_FOR_EACH (b, &g->buckets) {
		if (group_version_is_new(version))
			encode_new_bucket(b, g->type, version, out);
		else
			encode_old_bucket(b, version, out);
	}
}

// ---- Properties of groups ----

static enum ofperr decode_hash_fields(struct reader *r, struct group_selection *s)
{
	struct error err = ERROR_INIT;
	union field_value mask;
	struct hash_field f;

	while (rd_left(r)) {
		// The value is the mask: which bits are taken.
		if (field_get_oxm(r, &f.field, &f.mask, &mask, &err))
			return OFPERR_OFPBMC_BAD_LEN;
		if (!f.field)
			return OFPERR_OFPBMC_BAD_FIELD;
		if (!selection_add_field(s, &f))
			return OFPERR_OFPBMC_DUP_FIELD;
	}
	return OFPERR_NONE;
}

static enum ofperr decode_selection(struct reader *r, const struct group_mod *gm,
				    struct group_desc *g)
{
	struct group_selection *s = &g->selection;

	rd_skip(r, 4);
	rd_copy(r, s->method, sizeof(s->method));
	s->param = rd_be64(r);
	if (rd_status(r))
		return OFPERR_OFPBPC_BAD_LEN;
	if (gm && gm->command != GROUP_ADD && gm->command != GROUP_MODIFY &&
	    gm->command != GROUP_ADD_OR_MODIFY)
		return OFPERR_OFPBPC_BAD_VALUE;
	if (g->type != GROUP_SELECT || s->method[sizeof(s->method) - 1])
		return OFPERR_OFPBPC_BAD_VALUE;
	if (strcmp(s->method, "hash") != 0 && strcmp(s->method, "dp_hash") != 0)
		return OFPERR_OFPBPC_BAD_VALUE;
	if (rd_left(r) && strcmp(s->method, "hash") != 0)
		return OFPERR_OFPBPC_BAD_VALUE;
	return decode_hash_fields(r, s);
}

static enum ofperr decode_group_properties(struct reader *r, const struct group_mod *gm,
					   struct group_desc *g)
{
	struct reader body;
	uint16_t type;

	while (prop_next(r, &type, &body)) {
		uint32_t vendor, number;
		enum ofperr e;

		body.parent = NULL;
		if (type != PROP_EXPERIMENTER)
			return OFPERR_OFPBPC_BAD_TYPE;
		vendor = rd_be32(&body);
		number = rd_be32(&body);
		if (rd_status(&body))
			return OFPERR_OFPBPC_BAD_LEN;
		if (vendor != NTR_VENDOR)
			return OFPERR_OFPBPC_BAD_EXPERIMENTER;
		if (number != NTR_SELECTION_METHOD)
			return OFPERR_OFPBPC_BAD_EXP_TYPE;
		e = decode_selection(&body, gm, g);
		if (e)
			return e;
	}
	return r->failed ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

static void encode_group_properties(const struct group_desc *g, uint8_t version, struct strbuf *out)
{
	const struct group_selection *s = &g->selection;
	const struct hash_field *f;
	size_t start;

	if (!*s->method)
		return;
	start = prop_begin(out, PROP_EXPERIMENTER);
	wr_be32(out, NTR_VENDOR);
	wr_be32(out, NTR_SELECTION_METHOD);
	wr_be32(out, 0);
	strbuf_put(out, s->method, sizeof(s->method));
	wr_be64(out, s->param);
	VEC_FOR_EACH (f, &s->fields)
		field_put_oxm(f->field, version, &f->mask, NULL, out);
	prop_end(out, start);
}

// ---- Changes ----

static bool is_command(uint16_t command, uint8_t version)
{
	static const uint16_t known = 1 << GROUP_ADD | 1 << GROUP_MODIFY | 1 << GROUP_DELETE |
				      1 << GROUP_INSERT_BUCKETS | 1 << GROUP_REMOVE_BUCKETS;

	if (command > GROUP_DELETE && command < GROUP_ADD_OR_MODIFY &&
	    !group_version_is_new(version))
		return false;
	return command == GROUP_ADD_OR_MODIFY || (command < 16 && known >> command & 1);
}

static bool has_buckets(uint16_t command)
{
	return command != GROUP_DELETE && command != GROUP_REMOVE_BUCKETS;
}

enum ofperr bucket_check(uint8_t type, const struct bucket *b)
{
	bool watches = b->watch_port.n != OFPP_ANY || b->watch_group != GROUP_ID_ANY;

	switch (type) {
	case GROUP_ALL:
	case GROUP_INDIRECT:
		return watches ? OFPERR_OFPGMFC_WATCH_UNSUPPORTED : OFPERR_NONE;
	case GROUP_FAST_FAILOVER:
		return watches ? OFPERR_NONE : OFPERR_OFPGMFC_INVALID_GROUP;
	default:
		return OFPERR_NONE;
	}
}

static enum ofperr check_command_bucket(const struct group_mod *gm)
{
	bool insert = gm->command == GROUP_INSERT_BUCKETS;

	if (!insert && gm->command != GROUP_REMOVE_BUCKETS)
		return OFPERR_NONE;
	if (gm->command_bucket_id > BUCKET_ID_MAX &&
	    (gm->command_bucket_id < BUCKET_ID_FIRST ||
	     (insert && gm->command_bucket_id == BUCKET_ID_ALL)))
		return OFPERR_OFPGMFC_BAD_BUCKET;
	return !insert && gm->group.buckets.n ? OFPERR_OFPGMFC_BAD_BUCKET : OFPERR_NONE;
}

enum ofperr group_mod_check(const struct group_mod *gm)
{
	const struct group_desc *g = &gm->group;
	enum ofperr e = check_command_bucket(gm);
	const struct bucket *b;

	if (e || gm->command == GROUP_INSERT_BUCKETS || !has_buckets(gm->command))
		return e;
	if (g->type == GROUP_INDIRECT && g->buckets.n != 1)
		return OFPERR_OFPGMFC_INVALID_GROUP;
	VEC_FOR_EACH (b, &g->buckets) {
		// Weights are for what chooses by them.
		if (g->type != GROUP_SELECT && b->weight)
			return OFPERR_OFPGMFC_INVALID_GROUP;
		e = bucket_check(g->type, b);
		if (e)
			return e;
	}
	return OFPERR_NONE;
}

enum ofperr group_mod_decode(const struct msg *m, struct group_mod *gm)
{
	struct group_desc *g = &gm->group;
	struct reader r = m->body, buckets;
	size_t n;
	enum ofperr e;

	group_mod_init(gm);
	r.parent = NULL;
	gm->command = rd_be16(&r);
	g->type = rd_u8(&r);
	rd_skip(&r, 1);
	g->id = rd_be32(&r);
	n = rd_left(&r);
	if (group_version_is_new(m->version)) {
		n = rd_be16(&r);
		rd_skip(&r, 2);
		gm->command_bucket_id = rd_be32(&r);
	}
	buckets = rd_sub(&r, n);
	if (rd_status(&r))
		return OFPERR_OFPBRC_BAD_LEN;
	buckets.parent = NULL;
	if (!is_command(gm->command, m->version))
		return OFPERR_OFPGMFC_BAD_COMMAND;
	if (g->type >= GROUP_N_TYPES)
		return OFPERR_OFPGMFC_BAD_TYPE;
	e = decode_buckets(&buckets, m->version, g);
	if (!e)
		e = decode_group_properties(&r, gm, g);
	return e ? e : group_mod_check(gm);
}

void group_mod_encode(const struct group_mod *gm, uint8_t version, uint32_t xid, struct strbuf *out)
{
	size_t start = msg_begin(MSG_GROUP_MOD, version, xid, out), buckets;

	wr_be16(out, gm->command);
	wr_u8(out, gm->group.type);
	wr_u8(out, 0);
	wr_be32(out, gm->group.id);
	if (group_version_is_new(version)) {
		wr_be32(out, 0);
		wr_be32(out, gm->command_bucket_id);
	}
	buckets = out->len;
	encode_buckets(&gm->group, version, out);
	if (group_version_is_new(version)) {
		wr_patch_be16(out, buckets - 8, out->len - buckets);
		encode_group_properties(&gm->group, version, out);
	}
	msg_end(out, start);
}

// ---- Requests ----

static bool names_group(enum msg_type type, uint8_t version)
{
	return type == MSG_GROUP_REQUEST || group_version_is_new(version);
}

enum ofperr group_request_decode(const struct msg *m, uint32_t *ret_id)
{
	struct reader r = m->body;

	*ret_id = GROUP_ID_ALL;
	if (!rd_left(&r))
		return OFPERR_NONE;
	r.parent = NULL;
	*ret_id = rd_be32(&r);
	rd_skip(&r, 4);
	return rd_finish(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void group_request_encode(enum msg_type type, uint32_t id, uint8_t version, uint32_t xid,
			  struct strbuf *out)
{
	size_t start = msg_begin(type, version, xid, out);

	if (names_group(type, version)) {
		wr_be32(out, id);
		wr_be32(out, 0);
	}
	msg_end(out, start);
}

// ---- Descriptions ----

void mp_put_group_desc(struct mp_writer *w, const struct group_desc *g)
{
	struct strbuf *out = w->out;
	size_t entry = out->len, buckets;

	wr_be16(out, 0);
	wr_u8(out, g->type);
	wr_u8(out, 0);
	wr_be32(out, g->id);
	if (group_version_is_new(w->version))
		strbuf_put_zeros(out, NEW_DESC_LEN - OLD_DESC_LEN);
	buckets = out->len;
	encode_buckets(g, w->version, out);
	if (group_version_is_new(w->version)) {
		wr_patch_be16(out, entry + OLD_DESC_LEN, out->len - buckets);
		encode_group_properties(g, w->version, out);
	}
	wr_patch_be16(out, entry, out->len - entry);
	mp_end_entry(w, entry);
}

static enum ofperr decode_desc(struct reader *r, uint8_t version, struct group_desc *g)
{
	struct reader buckets;
	size_t n;
	enum ofperr e;

	g->type = rd_u8(r);
	rd_skip(r, 1);
	g->id = rd_be32(r);
	n = rd_left(r);
	if (group_version_is_new(version)) {
		n = rd_be16(r);
		rd_skip(r, 6);
	}
	buckets = rd_sub(r, n);
	if (rd_status(r))
		return OFPERR_OFPBRC_BAD_LEN;
	buckets.parent = NULL;
	e = decode_buckets(&buckets, version, g);
	return e ? e : decode_group_properties(r, NULL, g);
}

int group_desc_decode_next(struct msg *m, struct group_desc *g)
{
	struct reader *r = &m->body, entry;
	uint16_t len;

	if (!rd_left(r))
		return 0;
	len = rd_be16(r);
	if (len < OLD_DESC_LEN || r->failed)
		return -EPROTO;
	entry = rd_sub(r, len - 2u);
	if (r->failed)
		return -EPROTO;
	entry.parent = NULL;
	group_desc_init(g);
	if (!decode_desc(&entry, m->version, g))
		return 1;
	group_desc_uninit(g);
	return -EPROTO;
}

// ---- Statistics ----

static bool has_duration(uint8_t version)
{
	return version == OFP10 || version >= OFP13;
}

void mp_put_group_stats(struct mp_writer *w, const struct group_stats *s)
{
	struct strbuf *out = w->out;
	size_t entry = out->len;
	const struct bucket_stats *b;

	wr_be16(out, 0);
	wr_be16(out, 0);
	wr_be32(out, s->id);
	wr_be32(out, s->ref_count);
	wr_be32(out, 0);
	wr_be64(out, s->packets);
	wr_be64(out, s->bytes);
	if (has_duration(w->version)) {
		wr_be32(out, s->duration_sec);
		wr_be32(out, s->duration_nsec);
	}
	VEC_FOR_EACH (b, &s->buckets) {
		wr_be64(out, b->packets);
		wr_be64(out, b->bytes);
	}
	wr_patch_be16(out, entry, out->len - entry);
	mp_end_entry(w, entry);
}

int group_stats_decode_next(struct msg *m, struct group_stats *s)
{
	struct reader *r = &m->body, entry;
	uint16_t len;

	if (!rd_left(r))
		return 0;
	memset(s, 0, sizeof(*s));
	len = rd_be16(r);
	if (len < 2)
		return -EPROTO;
	entry = rd_sub(r, len - 2u);
	rd_skip(&entry, 2);
	s->id = rd_be32(&entry);
	s->ref_count = rd_be32(&entry);
	rd_skip(&entry, 4);
	s->packets = rd_be64(&entry);
	s->bytes = rd_be64(&entry);
	s->duration_sec = s->duration_nsec = UINT32_MAX;
	if (has_duration(m->version)) {
		s->duration_sec = rd_be32(&entry);
		s->duration_nsec = rd_be32(&entry);
	}
	if (r->failed || rd_left(&entry) % sizeof(struct bucket_stats))
		return -EPROTO;
	while (rd_left(&entry)) {
		struct bucket_stats *b = VEC_PUSH_UNINIT(&s->buckets);

		b->packets = rd_be64(&entry);
		b->bytes = rd_be64(&entry);
	}
	return 1;
}

// ---- Features ----

void group_features_encode(const struct group_features *f, const struct msg *request,
			   struct strbuf *out)
{
	struct mp_writer w;

	mp_begin(&w, request, out);
	wr_be32(out, f->types);
	wr_be32(out, f->capabilities);
	for (int i = 0; i < GROUP_N_TYPES; i++)
		wr_be32(out, f->max_groups[i]);
	for (int i = 0; i < GROUP_N_TYPES; i++)
		wr_be32(out, f->actions[i]);
	mp_end(&w);
}

enum ofperr group_features_decode(const struct msg *m, struct group_features *f)
{
	struct reader r = m->body;

	r.parent = NULL;
	f->types = rd_be32(&r);
	f->capabilities = rd_be32(&r);
	for (int i = 0; i < GROUP_N_TYPES; i++)
		f->max_groups[i] = rd_be32(&r);
	for (int i = 0; i < GROUP_N_TYPES; i++)
		f->actions[i] = rd_be32(&r);
	return rd_status(&r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
