// SPDX-License-Identifier: Apache-2.0
// What the kernel says about police actions: whole messages. One that is read is written and read again the same.
#include <stdint.h>

#include "offload/tc/tc-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct police *p, void *aux)
{
	AUTO(strbuf) b = STRBUF_INIT;
	size_t nest = nl_nest_begin(&b, TCA_ACT_OPTIONS);
	struct tc_policer again;

	tc_policer_put(&b, &p->does);
	assert(!nl_nest_end(&b, nest));
	assert(!tc_policer_read((const struct nlattr *)b.s, &again, NULL));
	// A burst says nothing where packets have no rate.
	assert(!p->does.packet_rate || tc_policer_is_same(&p->does, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// A socket hands out messages whose length lies within what came.
	struct nlmsghdr *h = xmalloc(MAX(size, sizeof(*h)));
	struct error err = ERROR_INIT;
	int error;

	memset(h, 0, sizeof(*h));
	memcpy(h, data, size);
	h->nlmsg_len = size;
	tc_police_decode(h, write_again, NULL, &error, &err);
	free(h);
	return 0;
}
