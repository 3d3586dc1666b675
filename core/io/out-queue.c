// SPDX-License-Identifier: Apache-2.0
#include "core/io/out-queue.h"

// A buffer that once was large goes back to the heap.
#define KEEP ((size_t)1 << 20)

// A shared text, and what was put behind it.
struct out_part {
	struct list node; // in out_queue.parts
	struct shared_text *shared;
	size_t sent; // bytes of it that are gone
	struct strbuf after;
};

struct shared_text *shared_text_create(struct strbuf *text)
{
	struct shared_text *t = xzalloc(sizeof(*t));

	t->n_refs = 1;
	t->text = *text;
	strbuf_init(text);
	return t;
}

struct shared_text *shared_text_ref(struct shared_text *t)
{
	t->n_refs++;
	return t;
}

void shared_text_unref(struct shared_text *t)
{
	if (!t || --t->n_refs)
		return;
	strbuf_uninit(&t->text);
	free(t);
}

void out_queue_init(struct out_queue *q)
{
	memset(q, 0, sizeof(*q));
	strbuf_init(&q->head);
	list_init(&q->parts);
}

static struct out_part *first_part(const struct out_queue *q)
{
	return list_is_empty(&q->parts) ? NULL : LIST_ENTRY(q->parts.next, struct out_part, node);
}

static void drop_part(struct out_part *p)
{
	list_remove(&p->node);
	shared_text_unref(p->shared);
	strbuf_uninit(&p->after);
	free(p);
}

void out_queue_uninit(struct out_queue *q)
{
	struct out_part *p;

	while ((p = first_part(q)))
		drop_part(p);
	strbuf_uninit(&q->head);
}

// Once most of the head is sent, the rest moves to its front.
static void compact(struct out_queue *q)
{
	if (q->sent <= 1 << 16 || q->sent <= q->head.len / 2)
		return;
	memmove(q->head.s, q->head.s + q->sent, q->head.len - q->sent);
	strbuf_truncate(&q->head, q->head.len - q->sent);
	q->sent = 0;
}

void out_queue_put(struct out_queue *q, const void *p, size_t n)
{
	q->n += n;
	if (list_is_empty(&q->parts)) {
		compact(q);
		strbuf_put(&q->head, p, n);
	} else {
		strbuf_put(&LIST_ENTRY(q->parts.prev, struct out_part, node)->after, p, n);
	}
}

void out_queue_put_shared(struct out_queue *q, struct shared_text *t)
{
	struct out_part *p = xzalloc(sizeof(*p));

	p->shared = shared_text_ref(t);
	list_push_back(&q->parts, &p->node);
	q->n += t->text.len;
}

size_t out_queue_front(const struct out_queue *q, const char **ret)
{
	const struct out_part *p = first_part(q);

	if (q->sent < q->head.len) {
		*ret = q->head.s + q->sent;
		return q->head.len - q->sent;
	}
	if (!p)
		return 0;
	*ret = p->shared->text.s + p->sent;
	return p->shared->text.len - p->sent;
}

static void head_is_gone(struct out_queue *q)
{
	if (q->head.cap > KEEP)
		strbuf_uninit(&q->head);
	strbuf_clear(&q->head);
	q->sent = 0;
}

void out_queue_drop(struct out_queue *q, size_t n)
{
	struct out_part *p;

	q->n -= n;
	if (q->sent < q->head.len) {
		q->sent += n;
		if (q->sent == q->head.len)
			head_is_gone(q);
		return;
	}
	p = first_part(q);
	p->sent += n;
	if (p->sent < p->shared->text.len)
		return;
	// What was put behind it is the head now.
	strbuf_uninit(&q->head);
	q->head = p->after;
	strbuf_init(&p->after);
	drop_part(p);
}
