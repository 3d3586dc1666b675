// SPDX-License-Identifier: Apache-2.0
// What psample says of packets: whole messages. What is found lies within the message.
#include <stdint.h>

#include "offload/tc/tc-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
		assert(m.ifindex >= 0 && m.ifindex <= TC_SAMPLE_MAX_IFINDEX);
	} else {
		assert(!error || err.text[0]);
	}
	free(h);
	return 0;
}
