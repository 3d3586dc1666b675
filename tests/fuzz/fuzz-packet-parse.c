// SPDX-License-Identifier: Apache-2.0
// Packets: both parsers agree, and edits of whatever was parsed stay inside.
#include <stdint.h>

#include "core/flow/fields.h"
#include "core/packet/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct packet_metadata md = { .in_port = 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = xmalloc(size + 8);
	struct packet p = { .data = copy + 8, .size = size, .headroom = 8 };
	struct miniflow_buf want, got;
	struct flow_key key;
	struct packet again = p;
	uint64_t hash;
	int error;

	memcpy(p.data, data, size);
	error = packet_parse(&p, &md, &key);
	assert(packet_parse_mini(&again, &md, &got.mf, &hash) == error);
	miniflow_pack(&want.mf, &key);
	assert(miniflow_equal(&want.mf, &got.mf));
	assert(hash == packet_connection_hash(&key));
	assert(again.l2_5 == p.l2_5 && again.l3 == p.l3 && again.l4 == p.l4);
	for (unsigned int f = 0; !error && f < FIELD_MAX; f++) {
		uint8_t v[16], mask[16];

		memset(v, size ? data[f % size] : 0, sizeof(v));
		memset(mask, 0xff, sizeof(mask));
		packet_set_field(&p, f, v, mask);
		error = packet_parse(&p, &md, &key);
	}
	if (!error) {
		packet_fix_checksums(&p);
		packet_push_vlan(&p, htobe16(0x8100), htobe16(5));
		packet_pop_vlan(&p);
		assert(!packet_parse(&p, &md, &key));
	}
	free(copy);
	return 0;
}
