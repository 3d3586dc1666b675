// SPDX-License-Identifier: Apache-2.0
// The rest of a list, for a packet that the kernel brings back in the middle of it.
//
// A packet goes to the kernel with what it can do so far and an action that sends it back; the action carries a number for the
// rest of its list. The lists are few, and the same for many packets: equal ones have one number, and when there are more than
// places, the oldest makes room. A packet whose list has gone is dropped and counted.
#include "core/base/hash.h"
#include "datapath/kernel/kernel.h"

#define PLACES ARRAY_SIZE(((struct kernel_datapath *)0)->resumptions.places)

static struct resumption *find_equal(struct resumptions *r, struct dp_actions list, uint64_t hash)
{
	for (size_t i = 0; i < PLACES; i++) {
		struct resumption *p = &r->places[i];

		if (p->id && p->hash == hash && dp_actions_equal(dp_actions_of(&p->list), list))
			return p;
	}
	return NULL;
}

// The low bits of a number say the place, the others how often it was taken.
static struct resumption *make_room(struct resumptions *r)
{
	size_t place = r->next++ % PLACES;
	struct resumption *p = &r->places[place];

	p->id = p->id ? p->id + PLACES : PLACES + place;
	// Not 0 again, when it has come around.
	if (p->id < PLACES)
		p->id += PLACES;
	strbuf_clear(&p->list);
	return p;
}

void resume_put(struct kernel_datapath *dp, struct dp_actions rest, struct strbuf *list)
{
	struct dp_action *a = dp_put(list, DP_ACTION_USERSPACE);
	uint64_t hash = hash_bytes(rest.first, rest.size, 0);
	struct resumption *p;

	pthread_mutex_lock(&dp->resumptions.lock);
	p = find_equal(&dp->resumptions, rest, hash);
	if (!p) {
		p = make_room(&dp->resumptions);
		p->hash = hash;
		strbuf_put(&p->list, rest.first, rest.size);
	}
	a->userspace.kind = USERSPACE_RESUME;
	a->userspace.continuation = p->id;
	pthread_mutex_unlock(&dp->resumptions.lock);
}

bool resume_get(struct kernel_datapath *dp, const struct dp_action *a, struct strbuf *ret)
{
	struct resumption *p = &dp->resumptions.places[a->userspace.continuation % PLACES];
	bool found;

	pthread_mutex_lock(&dp->resumptions.lock);
	found = p->id && p->id == a->userspace.continuation;
	if (found)
		strbuf_put(ret, p->list.s, p->list.len);
	pthread_mutex_unlock(&dp->resumptions.lock);
	return found;
}

void resume_free(struct kernel_datapath *dp)
{
	for (size_t i = 0; i < PLACES; i++)
		strbuf_uninit(&dp->resumptions.places[i].list);
	pthread_mutex_destroy(&dp->resumptions.lock);
}
