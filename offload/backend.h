// SPDX-License-Identifier: Apache-2.0
// The contract of a hardware backend: how placement talks to rte_flow (and later TC) without knowing either.
//
// compile() is pure and runs on whoever created the megaflow; what talks to the driver (insert(), remove(), query(), audit()...)
// runs on the device's own worker thread only, one at a time, and may block.
#pragma once

#include "core/base/strmap.h"
#include "core/flow/megaflow.h"
#include "core/flow/meter.h"
#include "core/port.h"
#include "offload/verdict.h"

// Where a port is no eSwitch's, the kernel's traffic control alone can take its flows; for internal ports at the side where
// the host sends.
#define SOFTWARE_DEVICE "tc"

// How many threads may insert the rules of one device.
#define OFFLOAD_MAX_THREADS 10

struct offload_device;
struct compiled_rule; // backend's own: what insert() needs, independent of the megaflow's life
struct hw_rule; // backend's own: a rule that is in the device

// Looks up ports and meters for compile(): NULL when the number is unknown.
struct port_lookup {
	const struct port_ref *(*find)(dp_port_t number, void *aux);
	void *aux;
	const struct meter_config *(*meter)(uint32_t id, void *aux); // NULL: there are none
};

struct device_limits {
	uint32_t capacity; // rules, 0: not known
	char handle[64]; // "net_simnic0", later "pci/0000:03:00.0"
};

// One rule of several that go in at once: as insert() takes and gives it.
struct insertion {
	const struct compiled_rule *rule;
	struct hw_rule *hw;
	int error;
	struct verdict v;
};

// What audit() found, and what it has set right itself.
struct audit_findings {
	uint32_t checked; // rules that should be there
	uint32_t missing; // somebody has taken them away
	uint32_t altered; // somebody has changed them: taken out, so that they are missing now
	uint32_t orphans; // ours, and known to nobody: taken out
	uint32_t foreign; // of others, beside or before ours: left alone
};

// A rule that a process before this one has left in the device.
struct found_rule {
	struct flow_key key; // packets that it is for
	struct flow_mask mask; // may differ from its megaflow's where both mean the same
	uint64_t packets, bytes; // so far
};

// A packet that a device has sampled for a userspace action of a flow: 'ifindex' is the interface where it came in, and the bytes are
// those that it had where the action stood. All are borrowed. On a thread of the backend's that is registered with RCU. False: the
// interface is no port of the caller's.
typedef bool sampled_fn(void *aux, int ifindex, const struct dp_action *userspace,
			const void *packet, size_t n);

struct backend_ops {
	const char *name; // "rte_flow"

	// Opens the device behind 'port' (an uplink or representor). On failure nothing is left behind.
	int (*open)(const struct port_ref *port, void **ret_priv, struct device_limits *ret_limits,
		    struct error *err);
	void (*close)(void *priv);

	// Pure: can this device take this flow, and as what rule? A packet that recirculates there and finds no rule must
	// come to software with its recirculation id. True: *ret_rule is the caller's, to insert or to free. False: 'v'
	// says why.
	bool (*compile)(void *priv, const struct megaflow *mf, const struct port_lookup *ports,
			struct compiled_rule **ret_rule, struct verdict *v);
	void (*compiled_free)(struct compiled_rule *rule);
	// Identity of what the device is asked (pattern shape and actions, not values): refusals are remembered by it.
	uint64_t (*compiled_shape)(const struct compiled_rule *rule);

	// 0 and *ret_hw, or negative errno and 'v' with the driver's text (-ENOSPC: table full). On success 'v' says NONE, or
	// TC_SOFTWARE and the driver's text when the kernel runs the rule and the NIC does not.
	int (*insert)(void *priv, const struct compiled_rule *rule, struct hw_rule **ret_hw,
		      struct verdict *v);
	// insert() for each of 'n' rules, in as few calls to the driver as possible. NULL: one by one.
	void (*insert_many)(void *priv, struct insertion *list, size_t n);
	// Replaces the actions of a rule so that every packet meets the old or the new one: the new rule is in before the
	// old one goes. On failure the old one stays. The old rule's final counts go to *ret_packets, *ret_bytes.
	int (*replace)(void *priv, struct hw_rule *old, const struct compiled_rule *rule,
		       struct hw_rule **ret_hw, uint64_t *ret_packets, uint64_t *ret_bytes,
		       struct verdict *v);
	// Final counts as above; the handle is gone whatever the driver says.
	int (*remove)(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes);
	// Total packets and bytes since insertion. -ENOENT: the device lost the rule. -ESTALE: they are told, and the device says that
	// it has the rule, but software meets the packets.
	int (*query)(void *priv, struct hw_rule *hw, uint64_t *ret_packets, uint64_t *ret_bytes);
	// Brings what query() tells up to date for all rules at once. NULL: query() asks the device each time.
	void (*refresh)(void *priv);
	// As refresh(), and looks at each rule closely: is it what was put in? query() says -ENOENT of what was not. NULL: as
	// refresh().
	void (*audit)(void *priv, struct audit_findings *ret);
	// True when the NIC has the rule; false and 'v' as for insert() when only the kernel does. NULL: always the NIC. As of the
	// last insert() or refresh(): a driver may give a rule back.
	bool (*in_hw)(void *priv, const struct hw_rule *hw, struct verdict *v);
	// Frees the handle of a rule that the device lost; it is not asked.
	void (*forget)(void *priv, struct hw_rule *hw);
	// True once after the device was reset and has lost all rules.
	bool (*take_reset)(void *priv);
	// Shows what a process before this one has left on a port. From then on insert() of a rule that does the same adopts it
	// as it stands, and of one that does something else to the same packets replaces it. NULL: nothing is ever left.
	void (*list)(void *priv, const struct port_ref *port,
		     void (*cb)(const struct found_rule *found, void *aux), void *aux);
	// Takes out what was left on a port and has not been adopted.
	void (*sweep)(void *priv, const struct port_ref *port);
	// The members of a port that is a bond are those of 'port' now; before its first rule, and when they have changed.
	// NULL: does not apply.
	void (*set_members)(void *priv, const struct port_ref *port);
	// A port of the device may have rules from now on: what it needs for the first one is made while no flow depends on it (when
	// Linux makes a qdisc, packets that leave by the device are lost for a moment). NULL: nothing.
	void (*add_port)(void *priv, const struct port_ref *port);
	// A port of the device goes; its rules have been removed. What the backend made for it goes, too. NULL: nothing.
	void (*remove_port)(void *priv, const struct port_ref *port);
	// other_config:tc-policy for rules from now on: "none", "skip_sw", "skip_hw". From any thread. NULL: does not apply.
	void (*set_policy)(void *priv, const char *policy);
	// other_config:n-offload-threads for rules from now on: how many threads may insert at once. From any thread. NULL: does
	// not apply.
	void (*set_threads)(void *priv, unsigned int n);
	// The device stays as it is when it is closed, for the next process: remove() and remove_port() only forget from now on.
	// NULL: nothing stays.
	void (*leave)(void *priv);
	// A meter of the datapath, new or changed. Rules that use it stay as they are, and its counts begin again. Before the first
	// rule that uses it goes in. NULL: the device has no meters, and compile() refuses flows that have one.
	void (*meter_set)(void *priv, uint32_t id, const struct meter_config *config);
	// The datapath has it no more. Rules that still use it go later.
	void (*meter_del)(void *priv, uint32_t id);
	// Shows what each meter has counted, as of the last refresh(): all that came to it, and what it has dropped of that
	// (UINT64_MAX bytes: not known). Each packet is shown by one device only.
	void (*meter_counts)(void *priv,
			     void (*cb)(uint32_t id, const struct meter_count *in,
					const struct meter_count *dropped, void *aux),
			     void *aux);
	// Who takes packets that the device samples; once, right after open(). NULL: it samples none, and compile() refuses such flows.
	void (*set_sampled)(void *priv, sampled_fn *fn, void *aux);
	// Puts name/value pairs: capabilities as found by probing, for OVSDB and offload/show.
	void (*capabilities)(void *priv, struct smap *out);
};

extern const struct backend_ops backend_rte_flow;
extern const struct backend_ops backend_tc;
