// SPDX-License-Identifier: Apache-2.0
// A restart without touching hardware traffic: what a process before this one left in NICs goes on there while the tables are
// filled again. Then each rule's packets are translated: a rule that does the right thing is adopted as it stands, one that
// does not is replaced, what nobody wants is taken out.
//
// With other_config:flow-restore-wait=true the tables are being filled; the moment it is taken away is the moment to look. Without
// it they get some seconds.
#include <stdio.h>

#include "core/base/log.h"
#include "ofproto/bridge/vswitchd.h"

LOG_MODULE(restore);

#define GRACE_MSEC 5000

struct restore_rule {
	struct plane *pl;
	struct flow_key key;
	bool done;
};

struct found_ctx {
	struct restore *r;
	struct plane *pl;
};

static void on_found(const struct found_rule *found, void *aux)
{
	struct found_ctx *c = aux;
	struct restore_rule *rule = xmalloc(sizeof(*rule));

	rule->pl = c->pl;
	rule->key = found->key;
	VEC_PUSH(&c->r->rules, rule);
}

void restore_look_at_port(struct plane *pl, dp_port_t port)
{
	struct found_ctx c = { &pl->vs->restore, pl };

	if (!pl->vs->restore.done)
		offload_list_found(pl->offload, port, on_found, &c);
}

// Flows that are put into the datapath together.
#define TOGETHER 1000

static void batch(const struct restore *r, bool begins)
{
	struct plane *pl;

	PLANE_FOR_EACH(pl, r->vs)
	{
		if (!pl->dp)
			continue;
		if (begins)
			datapath_batch_begin(pl->dp);
		else
			datapath_batch_end(pl->dp);
	}
}

// Packets that go round are known by an id once the flow that sends them round has been translated: what nobody knows yet is
// tried again as long as others bring something. Returns how many were restored.
static size_t restore_all(struct restore *r, bool keep)
{
	struct restore_rule **rule;
	bool progress = true;
	size_t n = 0, looked = 0;

	VEC_FOR_EACH (rule, &r->rules)
		(*rule)->done = false;
	batch(r, true);
	while (progress) {
		progress = false;
		VEC_FOR_EACH (rule, &r->rules) {
			enum upcall_restored ret;

			if ((*rule)->done)
				continue;
			ret = upcall_restore((*rule)->pl->upcall, &(*rule)->key, keep);
			(*rule)->done = ret != RESTORED_LATER;
			progress |= (*rule)->done;
			n += ret == RESTORED;
			if (++looked % TOGETHER == 0) {
				batch(r, false);
				batch(r, true);
			}
		}
	}
	batch(r, false);
	return n;
}

static void finish(struct restore *r)
{
	struct restore_rule **rule;
	struct plane *pl;
	size_t n;

	r->done = true;
	timer_cancel(&r->grace);
	PLANE_FOR_EACH(pl, r->vs)
	if (pl->dp)
		datapath_restored(pl->dp);
	// First what is learned from the packets (where stations are), then what is done with them.
	restore_all(r, false);
	n = restore_all(r, true);
	VEC_FOR_EACH (rule, &r->rules)
		free(*rule);
	if (r->rules.n)
		log_info("%zu rules were in hardware at the start, %zu flows made of them",
			 r->rules.n, n);
	VEC_FREE(&r->rules);
	PLANE_FOR_EACH(pl, r->vs)
	{
		offload_flush(pl->offload);
		offload_sweep(pl->offload);
		if (pl->dp)
			datapath_serve(pl->dp);
	}
}

static void on_grace(struct timer *t)
{
	finish(CONTAINER_OF(t, struct restore, grace));
}

void restore_start(struct vswitchd *vs)
{
	vs->restore.vs = vs;
	timer_init(&vs->restore.grace, vs->loop, on_grace);
}

void restore_configure(struct vswitchd *vs, const struct smap *other_config)
{
	struct restore *r = &vs->restore;
	bool wait = smap_get_bool(other_config, "flow-restore-wait", false);

	if (r->done)
		return;
	if (wait)
		timer_cancel(&r->grace);
	else if (r->waiting)
		finish(r);
	else if (!timer_is_armed(&r->grace))
		timer_in(&r->grace, GRACE_MSEC);
	r->waiting = wait;
}

void restore_stop(struct vswitchd *vs)
{
	struct restore_rule **rule;

	timer_cancel(&vs->restore.grace);
	VEC_FOR_EACH (rule, &vs->restore.rules)
		free(*rule);
	VEC_FREE(&vs->restore.rules);
}
