// SPDX-License-Identifier: Apache-2.0
// Bytes that wait to be sent: a peer's own, copied, and long texts that many peers are sent, shared.
// One thread.
#pragma once

#include "core/base/list.h"
#include "core/base/strbuf.h"

// A text that several queues hold; it goes with the last reference.
struct shared_text {
	unsigned int n_refs;
	struct strbuf text;
};

// Takes what is in 'text', which is empty then; the reference is the caller's.
struct shared_text *shared_text_create(struct strbuf *text);
struct shared_text *shared_text_ref(struct shared_text *t);
// Accepts NULL.
void shared_text_unref(struct shared_text *t);

struct out_queue {
	struct strbuf head; // goes first
	size_t sent; // bytes of the head that are gone
	struct list parts; // struct out_part: then these
	size_t n; // bytes in all
};

void out_queue_init(struct out_queue *q);
void out_queue_uninit(struct out_queue *q);
void out_queue_put(struct out_queue *q, const void *p, size_t n);
// Takes a reference of its own.
void out_queue_put_shared(struct out_queue *q, struct shared_text *t);
// Bytes that lie together at the front: their number, 0 when there are none.
size_t out_queue_front(const struct out_queue *q, const char **ret);
// So many of them have been sent.
void out_queue_drop(struct out_queue *q, size_t n);

static inline size_t out_queue_len(const struct out_queue *q)
{
	return q->n;
}
