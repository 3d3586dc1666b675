// SPDX-License-Identifier: Apache-2.0
// Recirculation: what the pipeline knew of a packet when it sent it round through the datapath (connection tracking), so that
// it can go on where it stopped when the packet comes back.
//
// A state is immutable and has an id, which is what the datapath's recirc action and the packet's key carry (and, in NICs, the
// number of a chain of rules). The same state has the same id in every process, so that rules which an earlier process left in
// a NIC are those that this one would make. Megaflows hold the states that their actions and keys name. A state that nobody
// holds stays for some seconds, for packets on their way, and goes then.
//
// There is one registry for all datapaths. Any registered RCU thread interns, finds and holds.
#pragma once

#include "ofproto/pipeline/switch.h"

// Ids are in 1 .. RECIRC_ID_MAX: as many as TC has chains.
#define RECIRC_ID_MAX 0x0fffffffu
// Never more states than this.
#define RECIRC_MAX_STATES 65536
// How long a state lives that nobody holds.
#define RECIRC_LINGER_MSEC 5000

// Actions that are still to be carried out, of a rule in 'table'.
struct recirc_rest {
	uint64_t cookie; // the rule's; UINT64_MAX: none
	uint8_t table;
	struct acts acts;
};

struct recirc_state {
	uint32_t id;
	struct of_switch *sw; // where the packet goes on
	of_port_t in_port; // of that switch
	uint8_t table;
	uint8_t passes; // how often the packet will have been round
	bool tracked; // the key's connection tracking members are what the pipeline is to see; else it sees none
	// Registers, metadata, and bits of the tunnel that were written.
	struct miniflow *flow, *mask;
	struct rule_acts *action_set; // NULL: empty
	char *stack; // what push has put there, 'stack_len' bytes; NULL: none
	size_t stack_len;
	// The innermost list first. With these the packet goes on there, and in no table.
	struct recirc_rest *rest;
	size_t n_rest;
	uint8_t *
		userdata; // 'n_userdata' bytes for the controller that the packet goes to; NULL: none
	size_t n_userdata;
	bool paused; // the packet goes on when that controller says so

	// The registry's.
	struct recirc_state *next; // RCU
	_Atomic uint32_t refs; // UINT32_MAX: on its way out
	int64_t idle_since;
	struct list idle_node; // with 'is_idle'
	bool is_idle, forgotten;
};

// What is to be kept, as the translation has it.
struct recirc_frozen {
	struct of_switch *sw;
	of_port_t in_port;
	uint8_t table, passes;
	bool tracked;
	const struct flow_key *flow; // registers, metadata and tunnel are taken of it
	const struct flow_mask *written; // bits of the tunnel that the pipeline has set
	struct acts action_set;
	const char *stack; // borrowed, 'stack_len' bytes
	size_t stack_len;
	const struct recirc_rest *rest; // borrowed, 'n_rest' of them
	size_t n_rest;
	const uint8_t *userdata; // borrowed, 'n_userdata' bytes
	size_t n_userdata;
	bool paused;
};

// The state for what is frozen, held for the caller. NULL: there are RECIRC_MAX_STATES, or the switch is going.
struct recirc_state *recirc_intern(const struct recirc_frozen *f);
// A state that no other packet goes on in: it is in no registry and has no id. Whoever makes it destroys it.
struct recirc_state *recirc_create(const struct recirc_frozen *f);
void recirc_destroy(struct recirc_state *s);
// Borrowed until the caller's next quiescent state; NULL: unknown.
struct recirc_state *recirc_find(uint32_t id);
// False: it is on its way out and must not be kept.
bool recirc_ref(struct recirc_state *s);
void recirc_unref(struct recirc_state *s);
// Puts what was frozen into the key of the packet that came back; 'known' gets the bits that the packet itself does not decide.
void recirc_thaw(const struct recirc_state *s, struct flow_key *flow, struct flow_mask *known);
// Frees states that nobody has held for RECIRC_LINGER_MSEC. Main thread, now and then.
void recirc_expire(void);
// The switch is going: nothing goes on there any more, and nothing is kept for it from now on. Main thread.
void recirc_forget_switch(struct of_switch *sw);
size_t recirc_count(void);
