// SPDX-License-Identifier: Apache-2.0
// What the kernel says about tracked connections, timeout policies and limits: whatever the bytes, decoding stays inside, and
// what is read can be printed and asked for again.
#include <stdint.h>

#include "datapath/kernel/ct-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void entry(const struct nlmsghdr *h)
{
	AUTO(strbuf) text = STRBUF_INIT, again = STRBUF_INIT;
	struct ct_match all = { .has_zone = false };
	struct ct_entry e;
	struct error err;
	int error;

	if (!ct_entry_decode(h, &e, &error, &err) || error)
		return;
	ct_entry_format(&e, true, true, &text);
	strbuf_clear(&text);
	ct_entry_format(&e, false, false, &text);
	ct_put_tuple(&again, 1, &e.orig);
	assert(ct_match_holds(&all, &e));
}

static void expected(const struct nlmsghdr *h)
{
	AUTO(strbuf) text = STRBUF_INIT;
	struct ct_expected e;
	struct error err;
	int error;

	if (ct_expected_decode(h, &e, &error, &err) && !error)
		ct_expected_format(&e, &text);
}

static void timeouts(const struct nlmsghdr *h)
{
	char name[DATAPATH_CT_TIMEOUT_LEN];
	struct ct_timeout_message m;
	struct error err;
	int error;

	if (ct_timeout_decode(h, &m, &error, &err) && !error && m.kind)
		ct_timeout_kind_name(m.id, m.kind, name);
}

static void limits(const struct nlmsghdr *h)
{
	struct ct_limits l = { .has_default = false };
	struct error err;

	ct_limits_decode(h, &l, &err);
	ct_limits_uninit(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *h;

	// libmnl hands out whole messages only.
	if (size < sizeof(*h))
		return 0;
	h = xmemdup(data, size);
	h->nlmsg_len = size;
	entry(h);
	expected(h);
	timeouts(h);
	limits(h);
	free(h);
	return 0;
}
