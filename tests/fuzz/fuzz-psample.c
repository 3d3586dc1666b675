// SPDX-License-Identifier: Apache-2.0
// What psample says of packets: whole messages. What is found lies within the message, and is given back with its tag, once.
#include <stdint.h>

#include "offload/tc/tc-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void restore(const struct psample_message *m)
{
	const struct sampled kinds[] = {
		{ .group = TC_SAMPLE_BASE },
		{ .tag = { htobe16(0x8100), htobe16(VLAN_PRESENT | 5) } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO(strbuf) once = STRBUF_INIT, twice = STRBUF_INIT;
		struct psample_message again;

		if (tc_sample_restore(&kinds[i], m, &once))
			return;
		assert(once.len == m->n || (i && once.len == m->n + 4));
		again = (struct psample_message){ .packet = once.s, .n = once.len };
		assert(!tc_sample_restore(&kinds[i], &again, &twice));
		assert(twice.len == once.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// A socket hands out messages whose length lies within what came.
	struct nlmsghdr *h = xmalloc(MAX(size, sizeof(*h)));
	const uint8_t *begin = (const uint8_t *)h;
	struct error err = ERROR_INIT;
	struct psample_message m;
	int error;

	memset(h, 0, sizeof(*h));
	memcpy(h, data, size);
	h->nlmsg_len = size;
	if (tc_psample_decode(h, &m, &error, &err) && !error) {
		const uint8_t *packet = m.packet;

		assert(packet >= begin && packet + m.n <= begin + size);
		restore(&m);
		assert(m.ifindex >= 0 && m.ifindex <= TC_SAMPLE_MAX_IFINDEX);
	} else {
		assert(!error || err.text[0]);
	}
	free(h);
	return 0;
}
