// SPDX-License-Identifier: Apache-2.0
// Asynchronous configuration on the wire.
#include "ofproto/openflow/async.h"

#include "ofproto/openflow/print-private.h"

static const char *const port_reasons[] = { "add", "delete", "modify" };
static const char *const role_reasons[] = { "primary_request", "configuration_changed",
					    "experimenter_data_changed" };
static const char *const table_reasons[] = { NULL, NULL, NULL, "vacancy_down", "vacancy_up" };
static const char *const forward_reasons[] = { "group_mod_request", "meter_mod_request" };

// 'known': as bits, before OpenFlow 1.4 and from there on.
static const struct {
	const char *name;
	const char *const *reasons;
	uint32_t known[2];
} kinds[ASYNC_N] = {
	[ASYNC_PACKET_IN] = { "PACKET_IN", packet_in_reasons, { 0x07, 0x3f } },
	[ASYNC_PORT_STATUS] = { "PORT_STATUS", port_reasons, { 0x07, 0x07 } },
	[ASYNC_FLOW_REMOVED] = { "FLOW_REMOVED", flow_removed_reasons, { 0x3f, 0x3f } },
	[ASYNC_ROLE_STATUS] = { "ROLE_STATUS", role_reasons, { 0x07, 0x07 } },
	[ASYNC_TABLE_STATUS] = { "TABLE_STATUS", table_reasons, { 0x18, 0x18 } },
	[ASYNC_REQUESTFORWARD] = { "REQUESTFORWARD", forward_reasons, { 0x03, 0x03 } },
};

static uint32_t known(enum async_kind kind, uint8_t version)
{
	return kinds[kind].known[version >= OFP14];
}

const char *async_kind_name(enum async_kind kind)
{
	return kinds[kind].name;
}

const char *async_reason_name(enum async_kind kind, unsigned int reason)
{
	return reason < 32 && known(kind, OFP15) >> reason & 1 ? kinds[kind].reasons[reason] : NULL;
}

void async_defaults(uint8_t version, struct async_masks *ret)
{
	memset(ret, 0, sizeof(*ret));
	// Packets whose TTL ran out go to nobody who did not ask for them.
	ret->primary[ASYNC_PACKET_IN] = known(ASYNC_PACKET_IN, version) & ~(1u << OFPR_INVALID_TTL);
	ret->primary[ASYNC_PORT_STATUS] = known(ASYNC_PORT_STATUS, version);
	ret->primary[ASYNC_FLOW_REMOVED] = known(ASYNC_FLOW_REMOVED, version);
	if (version < OFP14)
		ret->primary[ASYNC_FLOW_REMOVED] &= 0x0f;
	ret->secondary[ASYNC_PORT_STATUS] = known(ASYNC_PORT_STATUS, version);
}

// ---- OpenFlow 1.3's form and Nicira's first: three kinds, primary and secondary ----

#define N_FIXED (ASYNC_FLOW_REMOVED + 1)

static enum ofperr decode_fixed(struct reader *r, uint8_t version, struct async_masks *a)
{
	for (enum async_kind kind = 0; kind < N_FIXED; kind++) {
		a->primary[kind] = rd_be32(r) & known(kind, version);
		a->secondary[kind] = rd_be32(r) & known(kind, version);
	}
	return rd_finish(r) ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static void encode_fixed(const struct async_masks *a, uint8_t version, struct strbuf *out)
{
	for (enum async_kind kind = 0; kind < N_FIXED; kind++) {
		wr_be32(out, a->primary[kind] & known(kind, version));
		wr_be32(out, a->secondary[kind] & known(kind, version));
	}
}

// ---- OpenFlow 1.4's form and Nicira's second: properties, each kind's secondary one before its primary ----

enum { PROP_LEN = 8, EXPERIMENTER_MIN_LEN = 12, PROP_EXPERIMENTER_SECONDARY = 0xfffe };

static enum ofperr decode_prop(struct reader *r, uint8_t version, bool strict,
			       struct async_masks *a)
{
	uint16_t type = rd_be16(r), len = rd_be16(r);
	enum async_kind kind = type / 2;
	uint32_t mask;

	if (len < 4 || len - 4u > rd_left(r))
		return OFPERR_OFPBPC_BAD_LEN;
	if (type >= PROP_EXPERIMENTER_SECONDARY && len < EXPERIMENTER_MIN_LEN)
		return OFPERR_OFPBPC_BAD_LEN;
	if (kind >= ASYNC_N && !strict) {
		rd_skip(r, MIN(ROUND_UP(len, 8) - 4u, rd_left(r)));
		return OFPERR_NONE;
	}
	if (type >= PROP_EXPERIMENTER_SECONDARY)
		return OFPERR_OFPBPC_BAD_EXP_TYPE;
	if (kind >= ASYNC_N)
		return OFPERR_OFPACFC_UNSUPPORTED;
	if (len != PROP_LEN)
		return OFPERR_OFPBPC_BAD_LEN;
	mask = rd_be32(r);
	if (strict && mask & ~known(kind, version))
		return OFPERR_OFPACFC_INVALID;
	*(type & 1 ? &a->primary[kind] : &a->secondary[kind]) = mask & known(kind, version);
	return OFPERR_NONE;
}

static enum ofperr decode_props(struct reader *r, uint8_t version, bool strict,
				struct async_masks *a)
{
	enum ofperr e = OFPERR_NONE;

	while (!e && rd_left(r))
		e = decode_prop(r, version, strict, a);
	return e;
}

static void encode_props(const struct async_masks *a, uint8_t version, struct strbuf *out)
{
	for (uint16_t type = 0; type < 2 * ASYNC_N; type++) {
		enum async_kind kind = type / 2;

		wr_be16(out, type);
		wr_be16(out, PROP_LEN);
		wr_be32(out, (type & 1 ? a->primary : a->secondary)[kind] & known(kind, version));
	}
}

// ---- Messages ----

static bool has_props(enum msg_type type, uint8_t version)
{
	return type == MSG_SET_ASYNC_CONFIG2 || (type != MSG_SET_ASYNC_CONFIG && version >= OFP14);
}

enum ofperr async_decode(const struct msg *m, struct async_masks *a)
{
	struct reader r = m->body;

	r.parent = NULL;
	if (has_props(m->type, m->version))
		return decode_props(&r, m->version, m->type != MSG_GET_ASYNC_REPLY, a);
	return decode_fixed(&r, m->version, a);
}

void async_encode(enum msg_type type, const struct async_masks *a, uint8_t version, uint32_t xid,
		  struct strbuf *out)
{
	size_t start = msg_begin(type, version, xid, out);

	if (has_props(type, version))
		encode_props(a, version, out);
	else
		encode_fixed(a, version, out);
	msg_end(out, start);
}
