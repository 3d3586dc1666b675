// SPDX-License-Identifier: Apache-2.0
// The structs of placement and their locks.
#pragma once

#include <pthread.h>

#include "core/base/vec.h"
#include "offload/placement.h"

// What placement knows of one megaflow; one per megaflow from offload_place() to the end of its withdrawal.
struct offload_record {
	struct list node; // in offload.records
	struct list queue; // in its device's queue or waiting list
	struct megaflow *mf;
	struct offload_device *dev; // NULL: no device behind the input port
	dp_port_t in_port;
	struct hw_rule *hw; // in the device
	struct compiled_rule *want; // to be inserted or to replace 'hw'
	struct verdict verdict;
	bool queued, busy; // in the queue; in the worker's hands
	bool withdraw; // to be taken off
	bool free_after; // and forgotten: withdrawn by its owner
	uint64_t base_packets, base_bytes; // of rules that were replaced or lost
	uint64_t last_packets, last_bytes; // that the device has told of this one
	uint64_t queued_at;
	int64_t suspect_again; // clock_msec() before which it is not put in again because software saw its packets
	unsigned int n_suspected;
	uint64_t shape; // of the rule in the device
	bool shape_told; // the NIC has it, and the device knows that it takes the like
	uint64_t recent_packets; // between the last two polls
	unsigned int n_offers; // to the NIC, in vain
	void (*done)(struct megaflow *mf, void *aux);
	void *done_aux;
};

// A meter of the datapath.
struct offload_meter {
	struct hmap_node node; // in offload.meters, by id
	uint32_t id;
	struct meter_config config;
};

// What a device's worker is to be told about a meter.
struct meter_job {
	uint32_t id;
	bool is_gone;
	struct meter_config config;
};

// What a device has counted of one.
struct device_meter {
	uint32_t id;
	struct meter_count in, dropped;
};

// A shape that the driver refused.
struct refused_shape {
	struct hmap_node node;
	struct verdict verdict;
};

// A shape that the NIC has in at least one rule.
struct taken_shape {
	struct hmap_node node;
};

// One audit, of all devices; freed by the worker that is the last.
struct audit_job {
	unsigned int n_left; // devices that have not answered
	uint32_t checked, lost; // so far
	void (*done)(uint32_t checked, uint32_t lost, void *aux);
	void *aux;
};

// Asked of a worker by the main thread, which waits.
struct port_job {
	enum { JOB_PORT_GOES, JOB_LIST, JOB_MEMBERS, JOB_LEAVE } what;
	const struct port_ref *port;
	void (*cb)(const struct found_rule *found, void *aux);
	void *aux;
};

struct offload_device {
	struct list node; // in offload.devices
	struct offload *o;
	const struct backend_ops *ops;
	void *priv;
	char name[64];
	struct device_limits limits;
	unsigned int n_ports;
	pthread_t worker;
	pthread_cond_t work; // with o->lock
	struct list queue; // records with something to do, first come first served
	struct list full; // records refused for want of room, to be tried when there is some
	size_t n_queued;
	bool resting; // the worker waits for something to do
	bool gathering; // it waits a moment for more to do together
	bool poll, sweep, stop;
	VEC(struct audit_job *) audits; // that have asked since the last one began
	struct hmap refused; // struct refused_shape
	struct hmap taken; // struct taken_shape: what the NIC is known to take
	uint32_t room; // rules of TC software that may fit the NIC by now
	int64_t probe_at; // clock_msec() before which a NIC that was full is not asked for more
	unsigned int n_probes; // in vain
	uint32_t n_rules;
	uint64_t inserted, removed, n_refused, lost, insert_nsec;
	uint64_t altered, orphans; // found by audits, and set right
	uint32_t foreign; // rules of others, at the last audit
	VEC(struct meter_job) meter_jobs; // before anything in the queue
	VEC(struct device_meter) meters; // as of the last poll
	VEC(struct port_ref) new_ports; // to be made ready, before anything in the queue
	bool prepares; // ports, just now
	const struct port_job *job; // something about a port that the worker is to do
	const char *state;
};

struct offload_port {
	struct port_ref ref;
	struct offload_device *dev; // NULL: no hardware
	bool swept; // of what a process before this one has left
};

struct port_table {
	size_t n;
	struct offload_port *ports[]; // by dp_port_t
};

struct offload {
	pthread_mutex_t lock; // everything but ports, which readers take by RCU
	pthread_cond_t idle; // a worker has run dry, or made its new ports ready
	struct port_table *ports; // RCU; one writer
	struct list devices, records;
	struct hmap meters; // struct offload_meter
	pthread_mutex_t
		sampled_lock; // the two below; held while one is told. Behind it no other lock of placement is taken
	offload_sampled_fn *sampled;
	void *sampled_aux;
	unsigned int n_flushing; // threads that wait for workers: nothing is put off
	bool enabled;
	bool keep_found; // no sweep until it is asked for
	char policy[16]; // other_config:tc-policy
	unsigned int n_threads; // other_config:n-offload-threads
	_Atomic uint64_t change_seq;
	uint64_t refusals[REASON_MAX]; // since start
};

// So many rules go to a driver without waiting for more.
#define OFFLOAD_ENOUGH 64

void *device_worker(void *dev);
// sampled_fn of backends; 'o' is a struct offload.
bool offload_sampled(void *o, int ifindex, const struct dp_action *userspace, const void *packet,
		     size_t n);
// With o->lock held.
void device_queue(struct offload_device *dev, struct offload_record *rec);
void record_set_state(struct offload_record *rec, enum placement_state s);
void record_refuse(struct offload_record *rec, const struct verdict *v);
void offload_bump(struct offload *o);
// Software sees traffic that the device should have taken: the rule is put in again, not too often.
void record_suspect(struct offload_record *rec);
// Compiles again from the megaflow; with o->lock held. False: it is refused, and nothing is wanted.
bool record_compile(struct offload_record *rec);
// Decides anew where a record's flow should be; with o->lock held.
void record_place(struct offload *o, struct offload_record *rec);

// With o->lock held. NULL: there is none.
const struct meter_config *offload_find_meter(const struct offload *o, uint32_t id);
void offload_free_meters(struct offload *o);
// All meters there are, for a device that is new. With o->lock held.
void device_learn_meters(struct offload_device *dev);
// On its worker, with o->lock, which they give up around the driver.
void device_note_taken(struct offload_device *dev, struct offload_record *rec);
void device_offer_again(struct offload_device *dev);
void device_free_taken(struct offload_device *dev);
void device_do_meter_jobs(struct offload_device *dev);
void device_poll_meters(struct offload_device *dev);
// Puts the rule that the kernel runs in again, as the record wants it; on failure the old one stays. True when the NIC has it now. What
// was asked for meanwhile is done: the record may be gone afterwards.
bool device_offer(struct offload_device *dev, struct offload_record *rec);
// Around every call to the driver: nobody waits for it, neither for the lock nor for the worker's grace period.
void driver_begin(struct offload_device *dev);
void driver_end(struct offload_device *dev);
