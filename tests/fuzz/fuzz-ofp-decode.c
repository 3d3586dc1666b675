// SPDX-License-Identifier: Apache-2.0
// OpenFlow messages: any bytes decode or are refused; what decodes as a flow_mod or group_mod encodes again.
#include <stdint.h>

#include "ofproto/openflow/group.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_flow_mod(const struct msg *m)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct flow_mod fm;

	flow_mod_init(&fm);
	if (!flow_mod_decode(m, &fm))
		for (uint8_t v = OFP10; v <= OFP15; v++)
			flow_mod_encode(&fm, v, m->xid, &out);
	flow_mod_uninit(&fm);
}

static void encode_group_mod(const struct msg *m)
{
	AUTO(strbuf) out = STRBUF_INIT;
	struct group_mod gm;

	if (!group_mod_decode(m, &gm))
		for (uint8_t v = OFP10; v <= OFP15; v++)
			group_mod_encode(&gm, v, m->xid, &out);
	group_mod_uninit(&gm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strbuf) out = STRBUF_INIT;
	uint8_t *copy;
	struct msg m;

	if (size > UINT16_MAX)
		return 0;
	acts_allow_debug();
	// Mutations seldom keep the length field right: with it wrong there is nothing to see.
	copy = xmemdup(data, size);
	if (size >= 4) {
		copy[2] = size >> 8;
		copy[3] = size;
	}
	msg_print(copy, size, NULL, 3, &out);
	if (!msg_decode_header(copy, size, &m)) {
		if (m.type == MSG_FLOW_MOD)
			encode_flow_mod(&m);
		else if (m.type == MSG_GROUP_MOD)
			encode_group_mod(&m);
	}
	free(copy);
	return 0;
}
