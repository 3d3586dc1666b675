// SPDX-License-Identifier: Apache-2.0
// Intrusive circular doubly linked list. The head is a node too; an empty list points at itself.
#pragma once

// DPDK's headers bring this one, which has two macros of our names: ours win, in any order of inclusion.
#include <sys/queue.h>
#undef LIST_INIT
#undef LIST_ENTRY

#include "core/base/util.h"

struct list {
	struct list *prev, *next;
};

#define LIST_INIT(head) \
	{ \
		(head), (head) \
	}

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

// Inserts 'node' before 'pos'.
static inline void list_insert(struct list *pos, struct list *node)
{
	node->prev = pos->prev;
	node->next = pos;
	pos->prev->next = node;
	pos->prev = node;
}

static inline void list_push_back(struct list *head, struct list *node)
{
	list_insert(head, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_insert(head->next, node);
}

// Unlinks 'node' and leaves it an empty list of its own, so a second removal is harmless.
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

static inline struct list *list_pop_front(struct list *head)
{
	struct list *n = head->next;

	assert(n != head);
	list_remove(n);
	return n;
}

static inline size_t list_size(const struct list *head)
{
	size_t n = 0;

	for (const struct list *l = head->next; l != head; l = l->next)
		n++;
	return n;
}

// Moves all of 'src' to the end of 'dst'; 'src' is empty afterwards.
static inline void list_splice(struct list *dst, struct list *src)
{
	if (list_is_empty(src))
		return;
	src->next->prev = dst->prev;
	dst->prev->next = src->next;
	src->prev->next = dst;
	dst->prev = src->prev;
	list_init(src);
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)

// VAR is a pointer to the enclosing struct, MEMBER its struct list.
#define LIST_FOR_EACH(VAR, MEMBER, HEAD) \
	for (VAR = CONTAINER_OF((HEAD)->next, typeof(*VAR), MEMBER); &VAR->MEMBER != (HEAD); \
	     VAR = CONTAINER_OF(VAR->MEMBER.next, typeof(*VAR), MEMBER))

// As above, and VAR may be removed or freed in the body.
#define LIST_FOR_EACH_SAFE(VAR, NEXT, MEMBER, HEAD) \
	for (VAR = CONTAINER_OF((HEAD)->next, typeof(*VAR), MEMBER), \
	    NEXT = CONTAINER_OF(VAR->MEMBER.next, typeof(*VAR), MEMBER); \
	     &VAR->MEMBER != (HEAD); \
	     VAR = NEXT, NEXT = CONTAINER_OF(NEXT->MEMBER.next, typeof(*VAR), MEMBER))
