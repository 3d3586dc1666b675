// SPDX-License-Identifier: Apache-2.0
// What the kernel says about disciplines, their classes, and policing: whole messages. What is read from one can be told to the
// kernel and shown.
#include "datapath/linux/traffic-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_qdisc(const struct nlmsghdr *h, const struct qos_kind_row *row)
{
	uint64_t values[QOS_MAX_VALUES] = { 0 };
	AUTO(strbuf) b = STRBUF_INIT;
	struct tc_qdisc q;

	if (!row->kind->get || tc_qdisc_decode(h, &q, NULL) || !q.options ||
	    row->kind->get(q.options, values, NULL))
		return;
	row->kind->put(&b, values);
	assert(b.len);
}

static void try_class(const struct nlmsghdr *h, const struct qos_kind *kind)
{
	AUTO(strbuf) b = STRBUF_INIT;
	AUTO(smap) options;
	struct tc_class c;

	smap_init(&options);
	if (tc_class_decode(h, kind, &c, NULL))
		return;
	assert(kind->classes->equal(&c, &c));
	kind->classes->put(&b, &c);
	kind->classes->show(&c, 1500, &options);
	assert(smap_count(&options));
}

static void try_filter(const struct nlmsghdr *h)
{
	struct tc_policing f;

	if (tc_policing_decode(h, &f, NULL))
		return;
	assert(f.n_actions <= ARRAY_SIZE(f.actions));
	assert(!f.is_ours || (f.is_police && f.n_actions));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// A socket hands out messages whose length lies within what came.
	struct nlmsghdr *h = xmalloc(MAX(size, sizeof(*h)));

	memset(h, 0, sizeof(*h));
	memcpy(h, data, size);
	h->nlmsg_len = size;
	for (size_t i = 0; i < n_qos_kinds; i++) {
		try_qdisc(h, &qos_kinds[i]);
		if (qos_kinds[i].kind->classes)
			try_class(h, qos_kinds[i].kind);
	}
	try_filter(h);
	free(h);
	return 0;
}
