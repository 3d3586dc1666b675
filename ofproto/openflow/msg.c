// SPDX-License-Identifier: Apache-2.0
// Message headers: which message it is, and where its body begins.
#include "ofproto/openflow/msg.h"

#include <pthread.h>

#include "ofproto/openflow/wire-private.h"

#define MAX_CODES 4

struct code {
	uint8_t kind, first, last; // enum msg_kind; wire versions
	uint16_t number;
	uint16_t min, unit;
};

static const struct row {
	const char *name;
	struct code codes[MAX_CODES];
} rows[MSG_MAX] = {
#define CODE(KIND, ...) \
	{ \
		KIND, __VA_ARGS__ \
	}
#define OFPT(...) CODE(KIND_OFPT, __VA_ARGS__)
#define NXT(...) CODE(KIND_NXT, __VA_ARGS__)
#define ONFT(...) CODE(KIND_ONFT, __VA_ARGS__)
#define OFPST(...) CODE(KIND_OFPST, __VA_ARGS__)
#define OFPST_REPLY(...) CODE(KIND_OFPST_REPLY, __VA_ARGS__)
#define NXST(...) CODE(KIND_NXST, __VA_ARGS__)
#define NXST_REPLY(...) CODE(KIND_NXST_REPLY, __VA_ARGS__)
#define ONFST(...) CODE(KIND_ONFST, __VA_ARGS__)
#define ONFST_REPLY(...) CODE(KIND_ONFST_REPLY, __VA_ARGS__)
#define MSG(ID, NAME, ...) [MSG_##ID] = { NAME, { __VA_ARGS__ } },
#include "ofproto/openflow/messages.def"
#undef MSG
};

static const char *const prefixes[] = {
	[KIND_OFPT] = "OFPT_",	     [KIND_NXT] = "NXT_",	    [KIND_ONFT] = "ONFT_",
	[KIND_OFPST] = "OFPST_",     [KIND_OFPST_REPLY] = "OFPST_", [KIND_NXST] = "NXST_",
	[KIND_NXST_REPLY] = "NXST_", [KIND_ONFST] = "ONFST_",	    [KIND_ONFST_REPLY] = "ONFST_",
};

const char *msg_name(enum msg_type type)
{
	return type < MSG_MAX ? rows[type].name : "unknown";
}

const char *msg_kind_prefix(enum msg_kind kind)
{
	return prefixes[kind];
}

static const struct code *find_code(enum msg_type type, uint8_t version, enum msg_kind kind)
{
	for (const struct code *c = rows[type].codes; c < &rows[type].codes[MAX_CODES] && c->kind;
	     c++)
		if (c->kind == kind && version >= c->first && version <= c->last)
			return c;
	return NULL;
}

#define N_NUMBERS 64 // of each kind, by which messages are found; others share theirs

// The first message of each kind and number: from there on the table is searched. Above MSG_MAX where there is none.
static uint8_t first_types[KIND_ONFST_REPLY + 1][N_NUMBERS];
static pthread_once_t first_once = PTHREAD_ONCE_INIT;

static void first_build(void)
{
	_Static_assert(MSG_MAX < UINT8_MAX, "a type is a byte");
	memset(first_types, UINT8_MAX, sizeof(first_types));
	for (enum msg_type t = MSG_MAX; t--;)
		for (size_t i = 0; i < MAX_CODES && rows[t].codes[i].kind; i++) {
			const struct code *c = &rows[t].codes[i];

			first_types[c->kind][c->number % N_NUMBERS] = t;
		}
}

static enum msg_type first_type(enum msg_kind kind, uint32_t number)
{
	pthread_once(&first_once, first_build);
	return first_types[kind][number % N_NUMBERS];
}

bool msg_has_kind(enum msg_type type, uint8_t version, enum msg_kind kind)
{
	return find_code(type, version, kind);
}

// ---- Decoding ----

struct identity {
	enum msg_kind kind;
	uint32_t number;
};

static bool is_multipart(uint8_t version, uint8_t type, bool *ret_reply)
{
	uint8_t request = version == OFP10 ? 16 : 18;

	*ret_reply = type == request + 1;
	return type == request || type == request + 1;
}

static enum ofperr identify_vendor(struct reader *r, bool stats, bool reply, uint8_t version,
				   struct identity *ret)
{
	uint32_t vendor = rd_be32(r);
	bool nx = vendor == OF_NX_VENDOR;

	if (rd_status(r))
		return OFPERR_OFPBRC_BAD_LEN;
	if (!nx && vendor != OF_ONF_VENDOR)
		return OFPERR_OFPBRC_BAD_VENDOR;
	ret->number = rd_be32(r);
	if (stats) {
		ret->kind = nx ? KIND_NXST + reply : KIND_ONFST + reply;
		// OpenFlow 1.0's vendor statistics are padded.
		if (version == OFP10)
			rd_skip(r, 4);
	} else {
		ret->kind = nx ? KIND_NXT : KIND_ONFT;
	}
	return rd_status(r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr identify(struct msg *m, uint8_t type, struct identity *ret)
{
	struct reader *r = &m->body;
	bool reply;
	uint16_t stat;

	if (type == 4)
		return identify_vendor(r, false, false, m->version, ret);
	if (!is_multipart(m->version, type, &reply)) {
		*ret = (struct identity){ KIND_OFPT, type };
		return OFPERR_NONE;
	}
	stat = rd_be16(r);
	m->mp_flags = rd_be16(r);
	if (m->version > OFP10)
		rd_skip(r, 4);
	if (rd_status(r))
		return OFPERR_OFPBRC_BAD_LEN;
	if (stat == 0xffff)
		return identify_vendor(r, true, reply, m->version, ret);
	*ret = (struct identity){ reply ? KIND_OFPST_REPLY : KIND_OFPST, stat };
	return OFPERR_NONE;
}

static enum ofperr unknown_error(enum msg_kind kind)
{
	switch (kind) {
	case KIND_OFPT:
		return OFPERR_OFPBRC_BAD_TYPE;
	case KIND_OFPST:
	case KIND_OFPST_REPLY:
		return OFPERR_OFPBRC_BAD_STAT;
	default:
		return OFPERR_OFPBRC_BAD_SUBTYPE;
	}
}

static bool body_fits(const struct code *c, size_t n)
{
	if (n < c->min)
		return false;
	return c->unit ? (n - c->min) % c->unit == 0 : n == c->min;
}

enum ofperr msg_decode_header(const void *p, size_t n, struct msg *m)
{
	struct reader r = rd_init(p, n);
	struct identity id = { 0 };
	uint8_t type;
	uint16_t length;
	enum ofperr e;

	memset(m, 0, sizeof(*m));
	m->type = MSG_MAX;
	m->whole = p;
	m->size = n;
	m->version = rd_u8(&r);
	type = rd_u8(&r);
	length = rd_be16(&r);
	m->xid = rd_be32(&r);
	if (rd_status(&r) || length != n)
		return OFPERR_OFPBRC_BAD_LEN;
	m->body = r;
	if (m->version < OFP10 || m->version > OFP15) {
		// A hello of any version must be readable.
		if (type != 0)
			return OFPERR_OFPBRC_BAD_VERSION;
		m->type = MSG_HELLO;
		return OFPERR_NONE;
	}
	e = identify(m, type, &id);
	if (e)
		return e;
	for (enum msg_type t = first_type(id.kind, id.number); t < MSG_MAX; t++) {
		const struct code *c = find_code(t, m->version, id.kind);

		if (!c || c->number != id.number)
			continue;
		m->type = t;
		return body_fits(c, rd_left(&m->body)) ? OFPERR_NONE : OFPERR_OFPBRC_BAD_LEN;
	}
	return unknown_error(id.kind);
}

enum msg_kind msg_kind_of(const struct msg *m)
{
	struct msg scratch = *m;
	struct identity id = { KIND_OFPT, 0 };

	if (m->version < OFP10 || m->version > OFP15)
		return KIND_OFPT;
	scratch.body = rd_init((const uint8_t *)m->whole + OF_HEADER_LEN, m->size - OF_HEADER_LEN);
	if (identify(&scratch, ((const uint8_t *)m->whole)[1], &id))
		return KIND_OFPT;
	return id.kind;
}

// ---- Encoding ----

static void put_header(const struct code *c, uint8_t version, uint32_t xid, struct strbuf *out)
{
	static const uint8_t reply_kinds = 1 << KIND_OFPST_REPLY | 1 << KIND_NXST_REPLY;
	bool stats = c->kind >= KIND_OFPST;
	bool reply = c->kind == KIND_ONFST_REPLY || (c->kind < 8 && reply_kinds >> c->kind & 1);
	bool standard =
		c->kind == KIND_OFPT || c->kind == KIND_OFPST || c->kind == KIND_OFPST_REPLY;
	bool nx = c->kind == KIND_NXT || c->kind == KIND_NXST || c->kind == KIND_NXST_REPLY;

	wr_u8(out, version);
	wr_u8(out, stats ? (version == OFP10 ? 16 : 18) + reply : standard ? c->number : 4);
	wr_be16(out, 0);
	wr_be32(out, xid);
	if (stats) {
		wr_be16(out, standard ? c->number : 0xffff);
		wr_be16(out, 0);
		if (version > OFP10)
			wr_be32(out, 0);
	}
	if (standard)
		return;
	wr_be32(out, nx ? OF_NX_VENDOR : OF_ONF_VENDOR);
	wr_be32(out, c->number);
	if (stats && version == OFP10)
		wr_be32(out, 0);
}

size_t msg_begin_kind(enum msg_type type, uint8_t version, uint32_t xid, bool nx,
		      struct strbuf *out)
{
	static const enum msg_kind nx_kinds[] = { KIND_NXT, KIND_NXST, KIND_NXST_REPLY };
	const struct code *c = NULL;
	size_t start = out->len;

	for (size_t i = 0; nx && !c && i < ARRAY_SIZE(nx_kinds); i++)
		c = find_code(type, version, nx_kinds[i]);
	for (enum msg_kind k = KIND_OFPT; !c && k <= KIND_ONFST_REPLY; k++)
		c = find_code(type, version, k);
	assert(c);
	put_header(c, version, xid, out);
	return start;
}

size_t msg_begin(enum msg_type type, uint8_t version, uint32_t xid, struct strbuf *out)
{
	return msg_begin_kind(type, version, xid, false, out);
}

void msg_end(struct strbuf *out, size_t start)
{
	wr_patch_be16(out, start + 2, out->len - start);
}

void msg_put_plain(enum msg_type type, uint8_t version, uint32_t xid, struct strbuf *out)
{
	msg_end(out, msg_begin(type, version, xid, out));
}

// ---- Multipart replies ----

// Bytes of entries after which a new message is begun: the next entry must still fit below 64 KiB.
#define MP_FULL 60000

static enum msg_type reply_type(const struct msg *request)
{
	// messages.def has each reply behind its request.
	return request->type + 1;
}

static void mp_open(struct mp_writer *w)
{
	w->start = msg_begin_kind(w->type, w->version, w->xid, w->nx, w->out);
}

void mp_begin(struct mp_writer *w, const struct msg *request, struct strbuf *out)
{
	enum msg_kind kind = msg_kind_of(request);

	*w = (struct mp_writer){ .out = out,
				 .type = reply_type(request),
				 .version = request->version,
				 .xid = request->xid,
				 .nx = kind == KIND_NXST };
	mp_open(w);
}

void mp_begin_type(struct mp_writer *w, enum msg_type type, uint8_t version, uint32_t xid,
		   struct strbuf *out)
{
	*w = (struct mp_writer){ .out = out, .type = type, .version = version, .xid = xid };
	mp_open(w);
}

static void mp_next(struct mp_writer *w)
{
	// Flags stand behind the type, in every version.
	wr_patch_be16(w->out, w->start + OF_HEADER_LEN + 2, 1);
	msg_end(w->out, w->start);
	mp_open(w);
}

void mp_make_room(struct mp_writer *w, size_t n)
{
	if (w->out->len - w->start + n > MP_FULL)
		mp_next(w);
}

void mp_end_entry(struct mp_writer *w, size_t entry)
{
	size_t n = w->out->len - entry;
	AUTO_FREE char *copy = NULL;

	if (w->out->len - w->start <= MP_FULL)
		return;
	copy = xmemdup(w->out->s + entry, n);
	strbuf_truncate(w->out, entry);
	if (n > UINT16_MAX - 3 * OF_HEADER_LEN)
		return;
	mp_next(w);
	strbuf_put(w->out, copy, n);
}

void mp_end(struct mp_writer *w)
{
	msg_end(w->out, w->start);
}

size_t mp_finished(const struct mp_writer *w)
{
	return w->start;
}

void mp_take_finished(struct mp_writer *w)
{
	size_t left = w->out->len - w->start;

	memmove(w->out->s, w->out->s + w->start, left);
	strbuf_truncate(w->out, left);
	w->start = 0;
}
