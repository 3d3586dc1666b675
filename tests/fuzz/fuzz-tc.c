// SPDX-License-Identifier: Apache-2.0
// What the kernel says about filters: whole messages. A flow that is read from one compiles to a filter, or is refused for a
// reason.
#include <stdint.h>

#include "offload/tc/tc-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_to_compile(const struct tc_filter *f)
{
	struct compiled_rule again = { .from_tunnel = true };
	struct flow_mask mask;
	struct flow_key key;
	struct verdict v;

	if (tc_read_match(f->options, f->protocol, f->chain, &key, &mask)) {
		for (size_t i = 0; i < FLOW_WORDS; i++)
			assert(!(flow_words(&key)[i] & ~flow_words(&mask.m)[i]));
		if (!tc_compile_match(&again, &key, &mask, &v))
			assert(v.reason != REASON_NONE);
	}
	strbuf_uninit(&again.options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// A socket hands out messages whose length lies within what came.
	struct nlmsghdr *h = xmalloc(MAX(size, sizeof(*h)));
	struct error err = ERROR_INIT;
	struct tc_filter f;
	int error;

	memset(h, 0, sizeof(*h));
	memcpy(h, data, size);
	h->nlmsg_len = size;
	if (tc_filter_decode(h, &f, &error, &err) && !error && f.is_flower)
		try_to_compile(&f);
	free(h);
	return 0;
}
