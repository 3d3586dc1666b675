// SPDX-License-Identifier: Apache-2.0
// Packets that devices have sampled, on their way to who is to have them.
#include "offload/placement-private.h"

static bool is_at(const struct port_ref *ref, int ifindex)
{
	for (unsigned int i = 0; i < ref->n_members; i++)
		if (ref->members[i] == ifindex)
			return true;
	return ref->ifindex == ifindex;
}

bool offload_sampled(void *aux, int ifindex, const struct dp_action *userspace, const void *packet,
		     size_t n)
{
	struct offload *o = aux;
	const struct port_table *t = RCU_GET(o->ports);
	const struct port_ref *in = NULL;

	for (size_t i = 0; i < t->n && !in; i++)
		if (t->ports[i] && ifindex && is_at(&t->ports[i]->ref, ifindex))
			in = &t->ports[i]->ref;
	if (!in)
		return false;
	pthread_mutex_lock(&o->sampled_lock);
	if (o->sampled)
		o->sampled(o->sampled_aux, in->number, userspace, packet, n);
	pthread_mutex_unlock(&o->sampled_lock);
	return true;
}

void offload_set_sampled(struct offload *o, offload_sampled_fn *fn, void *aux)
{
	pthread_mutex_lock(&o->sampled_lock);
	o->sampled = fn;
	o->sampled_aux = aux;
	pthread_mutex_unlock(&o->sampled_lock);
}
