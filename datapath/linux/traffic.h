// SPDX-License-Identifier: Apache-2.0
// Traffic control of Linux devices: the discipline of what leaves one, the policing of what enters it. datapath/qos.h is the door
// for everybody else, and says what the functions of the same names do.
//
// The kernel is asked what there is each time: what a process before this one has set up so is left alone, counters and all. Main
// thread.
#pragma once

#include "datapath/qos.h"

struct traffic;

// A device as the caller knows it now. Of a device that is only asked about, 'ifindex' and 'name' are enough.
struct traffic_link {
	int ifindex;
	const char *name;
	uint32_t mtu; // bytes
	uint64_t mbps; // 0: unknown
	bool is_internal; // the host is behind it: what it sends is what enters the switch
};

int traffic_open(struct traffic **ret, struct error *err);
// What the kernel has been told stays.
void traffic_close(struct traffic *t);
int traffic_set_qos(struct traffic *t, const struct traffic_link *l, const struct qos_config *c,
		    struct error *err);
int traffic_set_policing(struct traffic *t, const struct traffic_link *l,
			 const struct policing_config *c, struct error *err);
bool traffic_is_policed_in_hw(struct traffic *t, const struct traffic_link *l,
			      const char **ret_why);
// There is nothing of ours at the device, and it has been looked whether there was: to ask for none again needs no question.
bool traffic_has_no_qos(const struct traffic *t, const struct traffic_link *l);
bool traffic_has_no_policing(const struct traffic *t, const struct traffic_link *l);
// The device is no port any more: what is ours there goes.
void traffic_release(struct traffic *t, const struct traffic_link *l);
int traffic_queues(struct traffic *t, const struct traffic_link *l,
		   void (*cb)(const struct qos_queue_state *q, void *aux), void *aux,
		   struct error *err);
const char *traffic_qos(struct traffic *t, const struct traffic_link *l, struct smap *ret_options);
void traffic_types(void (*cb)(const char *type, uint32_t max_queues, void *aux), void *aux);
// skb_priority of a packet that is for this queue; false: no discipline has such a queue.
bool traffic_queue_priority(uint32_t queue, uint32_t *ret);
