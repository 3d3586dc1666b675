// SPDX-License-Identifier: Apache-2.0
// Placement: which megaflow sits on which device, and why the others do not.
//
// The upcall module creates megaflows and offers them here; placement only borrows them until offload_withdraw().
// Each device has a queue and one worker thread, the only one that talks to the driver. No packet and no caller ever
// waits for a NIC: software runs a flow until its device has confirmed it.
#pragma once

#include "offload/backend.h"

struct offload; // all of placement: one per datapath

// A device as others see it; snapshot.
struct offload_device_status {
	char name[64], handle[64], backend[16];
	const char *state; // "ok", "lost", "faulty", "disabled"
	uint32_t capacity, rules, queued;
	uint64_t inserted, removed, refused, lost, hw_packets, hw_bytes;
	uint64_t altered, orphans; // rules that audits found changed, or without a flow: set right
	uint32_t foreign; // rules of others on the device, at the last audit
	uint64_t insert_nsec; // spent in the driver for the insertions
	struct smap capabilities; // the caller frees
};

// One line of the verdict summary: flows refused for one reason on one device.
struct offload_verdict_count {
	char device[64];
	struct verdict verdict;
	uint64_t count; // since start
	uint32_t flows; // now
	char example[37]; // ufid
};

struct offload *offload_create(void);
void offload_destroy(struct offload *o);

// Switched while running: on offers every flow known, off withdraws all from the devices. Main thread.
void offload_set_enabled(struct offload *o, bool enabled);
bool offload_is_enabled(const struct offload *o);

// other_config:tc-policy, while running: "none" (the kernel runs what the NIC does not take), "skip_sw" (the NIC or our
// software), "skip_hw" (the kernel only). Rules that are in follow one by one, without a gap. -EINVAL: no such policy. Main
// thread.
int offload_set_policy(struct offload *o, const char *policy, struct error *err);

// other_config:n-offload-threads, while running: how many threads insert the rules of one device, 1 to 10 (devices that are
// driven by TC; others have one). -EINVAL: another number. Main thread.
int offload_set_threads(struct offload *o, int64_t n, struct error *err);

// A port came or goes; with it go its flows' rules. 'backend' NULL: a port without hardware (still needed to name it in verdicts). Main thread; the
// device is opened with its first port and closed with its last.
int offload_add_port(struct offload *o, const struct port_ref *port,
		     const struct backend_ops *backend, struct error *err);
// Returns when the workers have made ready all ports that have come: from then on no first rule disturbs a port's traffic. Main
// thread, once after many ports.
void offload_wait_for_ports(struct offload *o);
void offload_remove_port(struct offload *o, dp_port_t port);
// A bond has other members now: 'port' is as for offload_add_port() but for them. Main thread; rules stay in the device.
void offload_set_members(struct offload *o, const struct port_ref *port);

// Shows the rules that a process before this one has left on a port's device, one by one, on the device's worker; returns
// when all have been shown. A megaflow placed afterwards that wants the same rule adopts it: nothing is changed in the device.
// Main thread, before the first flow of the port is placed.
void offload_list_found(struct offload *o, dp_port_t port,
			void (*cb)(const struct found_rule *found, void *aux), void *aux);
// Takes out of all devices what was left there and nobody has claimed: the end of a restart. From then on what was left on a
// port goes as soon as the port is added. Returns at once. Main thread.
void offload_sweep(struct offload *o);

// The rules that are in devices stay there, for the next process: whatever is withdrawn from now on is only forgotten. Main thread.
void offload_leave(struct offload *o);

// Offers a megaflow that is in the software datapath; returns at once. The answer lands in mf->placement and its record.
// From any thread registered with RCU.
void offload_place(struct offload *o, struct megaflow *mf);
// The actions have changed: the device's rule follows, without a moment in which neither matches. Any thread.
void offload_update(struct offload *o, struct megaflow *mf);
// Takes the flow off its device. Returns at once; 'done'(aux) is called from the worker (or at once, when no device has
// it) when the device has let go and mf->hw is final. Only then may the owner free it.
void offload_withdraw(struct offload *o, struct megaflow *mf,
		      void (*done)(struct megaflow *mf, void *aux), void *aux);
// Asks the device for the counters of all its rules, on its worker, at most once per 'stats interval'; results appear in
// mf->hw. Called by the revalidator before it reads statistics. Any thread.
void offload_poll_stats(struct offload *o);
// Software sees traffic that the device should have taken: the rule is put in again. Any thread.
void offload_suspect(struct offload *o, struct megaflow *mf);
// Blocks until all queues are empty and all polls done: tests and orderly exit.
void offload_flush(struct offload *o);
// Something changed that may make a device take what it refused (capabilities, room): forget the refusals.
void offload_forget_refusals(struct offload *o);

// A meter of the datapath, as datapath_meter_set() has numbered it, is made or changed. Devices that have meters take it over;
// flows that use it stay in hardware unless the device cannot do what it says now. Main thread; returns at once.
void offload_meter_set(struct offload *o, uint32_t id, const struct meter_config *config);
// The datapath has it no more. Main thread; returns at once.
void offload_meter_del(struct offload *o, uint32_t id);
// Adds what devices have counted since offload_meter_set(), as of the last poll, to what the datapath has: their packets never
// came there. Counts that are not known stay so. Any thread.
void offload_meter_add_counts(struct offload *o, uint32_t id, struct meter_stats *stats);

// Who gets the packets that devices sample for flows' userspace actions, with the port where they came in; NULL (as at first):
// nobody. When this returns nobody else is told any more. Main thread. 'fn' is called on a backend's thread (registered with RCU),
// one at a time; what it is given is borrowed.
typedef void offload_sampled_fn(void *aux, dp_port_t in_port, const struct dp_action *userspace,
				const void *packet, size_t n);
void offload_set_sampled(struct offload *o, offload_sampled_fn *fn, void *aux);

// The verdict on a megaflow now; reason NONE when it is in hardware. Thread-safe.
void offload_get_verdict(struct offload *o, const struct megaflow *mf, struct verdict *ret,
			 char device[64]);
// Snapshots; arrays are the caller's.
size_t offload_list_devices(struct offload *o, struct offload_device_status **ret);
size_t offload_list_verdicts(struct offload *o, struct offload_verdict_count **ret);
// Grows whenever what the two lists show has changed: OVSDB is written only then.
uint64_t offload_change_seq(const struct offload *o);
// Compares what the devices hold with what placement believes: queries every rule, queues again what is lost. Returns at once; 'done'
// is called once, with the sums of all devices, on the last one's worker (without devices: at once, here). Any thread.
void offload_audit(struct offload *o, void (*done)(uint32_t checked, uint32_t lost, void *aux),
		   void *aux);
