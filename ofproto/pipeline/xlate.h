// SPDX-License-Identifier: Apache-2.0
// Translation: one packet's key through the OpenFlow tables, giving datapath actions and the mask of what decided.
//
// Pure: it changes nothing (but for states of packets that go round, recirc.h, which the answer holds). What must happen besides (learning a station) is a list of effects that the caller applies;
// what the answer rests on (table versions, port settings, stations) a list of dependencies that the caller keeps.
// Any RCU reader may translate.
#pragma once

#include "core/base/vec.h"
#include "core/flow/dp-action.h"
#include "ofproto/pipeline/seen.h"
#include "ofproto/pipeline/recirc.h"
#include "ofproto/pipeline/tunnel.h"

// A switch that the packet went through: as of one version, which goes on when all that was looked up there is found to hold still.
struct xlate_passed {
	struct of_switch *sw;
	uint64_t version;
};

// A look-up in one of its tables. Small, for a megaflow has many.
struct xlate_lookup {
	// Priority of the rule, or of the conjunction that led to it if that is lower; INT_MIN: none. Rules below are of no concern, nor
	// are those that match none of the packets that were looked up (xlate_basis.seen).
	int found;
	uint16_t passed; // which of the switches
	uint8_t table;
};

struct xlate_dep {
	enum { DEP_PORTS, DEP_MAC, DEP_TUNNELS, DEP_GROUP, DEP_LEARNED, DEP_METERS } kind : 8;
	uint8_t table; // DEP_LEARNED
	union {
		uint32_t limit; // DEP_LEARNED
		uint32_t group; // DEP_GROUP: its id, there or not
	};
	struct of_switch *sw;
	uint64_t version;
	union {
		struct {
			struct eth_addr mac;
			uint16_t vlan;
		}; // DEP_MAC
		const struct tunnel_table *tunnels; // DEP_TUNNELS
		// DEP_LEARNED: a learn action's limit. As long as there is room for more the version is LEARNED_HAS_ROOM.
		uint64_t cookie;
	};
};

#define LEARNED_HAS_ROOM UINT64_MAX

struct xlate_effect {
	enum { EFFECT_LEARN, EFFECT_LEARN_RULE } kind;
	union {
		// A station.
		struct {
			struct of_switch *sw;
			struct eth_addr mac;
			uint16_t vlan;
			of_port_t port;
		};
		struct learn *learn; // a rule; with a reference held by the result
	};
};

// What counts traffic when the megaflow does.
struct xlate_credit {
	union {
		struct rule *
			rule; // CREDIT_RULE, CREDIT_FIN_TIMEOUT: with a reference held by the result
		struct table *table; // CREDIT_TABLE_MISS
		struct of_switch *sw; // CREDIT_PORT_*
		struct group *group; // CREDIT_GROUP: with a reference held by the result
	};
	union {
		uint32_t
			acts_number; // CREDIT_RULE: of the list that was translated (struct rule_acts)
		struct {
			uint16_t idle_timeout,
				hard_timeout; // s, when a connection ends; 0: unchanged
		}; // CREDIT_FIN_TIMEOUT
		of_port_t port; // CREDIT_PORT_*: patch ports and tunnels
		uint32_t bucket; // CREDIT_GROUP; GROUP_ITSELF: the whole
	};
	enum {
		CREDIT_RULE, // and its table's match
		CREDIT_TABLE_MISS,
		CREDIT_PORT_RX,
		CREDIT_PORT_TX,
		CREDIT_GROUP,
		CREDIT_FIN_TIMEOUT
	} kind;
};
_Static_assert(sizeof(struct xlate_credit) == 16, "a megaflow has one for each rule that it meets");

struct xlate_input {
	struct of_switch *sw;
	// in_port as of_port_t. With a recirc_id the packet goes on where its state says, whatever switch and port are here.
	const struct flow_key *key;
	// The packet goes on in this state, which nothing keeps, whatever the key's recirc_id; NULL: it does not.
	const struct recirc_state *resume;
	// packet_out: these actions instead of a table look-up.
	const struct acts *acts;
	// At which 'sw' is looked at: one of an open transaction's (switch_txn_version()); 0: what is published now.
	uint64_t version;
	uint8_t tcp_flags;
	const struct tunnel_lookup
		*tunnel; // how the input port was found by the outer header, NULL: it was not
	// ofproto/trace: every step is explained here. NULL otherwise.
	struct strbuf *trace;
	bool use_names; // in the trace: ports by name
	bool will_apply; // the caller applies the effects: the trace tells of them
	// dp_port_t to send to LOCAL etc. come from the switch's ports.
};

enum xlate_error {
	XLATE_OK,
	XLATE_TOO_DEEP,
	XLATE_TOO_MANY_RESUBMITS,
	XLATE_NO_INPUT_PORT,
	XLATE_NO_RECIRCULATION_CONTEXT,
	XLATE_TOO_MANY_RECIRCULATIONS,
	XLATE_TOO_MANY_CONTEXTS,
	XLATE_STACK_TOO_DEEP,
	XLATE_TOO_MANY_LABELS,
	XLATE_UNSUPPORTED_PACKET_TYPE,
};

// What an answer rests on and whom its traffic counts for: what a megaflow keeps of its translation.
struct xlate_basis {
	VEC(struct xlate_passed) passed;
	VEC(struct xlate_lookup) lookups;
	seen_row seen; // one for each of these, in their order
	VEC(struct xlate_dep) deps; // all else
	VEC(struct xlate_effect) effects;
	VEC(struct xlate_credit) credits;
	VEC(struct recirc_state *) recircs; // that the key and the actions name; held
};

// A packet that goes round: what is known of it when it comes back. For ofproto/trace.
struct xlate_branch {
	struct flow_key key; // with recirc_id; ct_state is connection tracking's to say
	bool has_nat;
	struct nat nat;
};

struct xlate_result {
	enum xlate_error error;
	struct xlate_basis basis;
	struct flow_mask mask; // in pipeline terms; in_port always exact
	struct strbuf actions; // struct dp_action list
	// Why each packet has to be translated, bitmap of enum slow_path_reason (0: a megaflow may carry out the actions); and
	// the datapath's meter for those packets, 0: none.
	uint8_t slow;
	uint32_t slow_meter;
	struct flow_key final; // the key after all actions, for trace
	VEC(struct xlate_branch) branches; // with a trace: in the order of the actions
};

void xlate(const struct xlate_input *in, struct xlate_result *ret);
// The same into a result that is all zeros or was cleared, whose memory is used again.
void xlate_again(const struct xlate_input *in, struct xlate_result *ret);
// Gives back references and memory.
void xlate_result_uninit(struct xlate_result *r);
void xlate_result_clear(struct xlate_result *r); // gives back references, keeps memory
void xlate_basis_uninit(struct xlate_basis *b);
// The basis of a result with its references, in no more memory than it needs; the result keeps its memory.
void xlate_result_give_basis(struct xlate_result *r, struct xlate_basis *ret);
// The result gets the basis that a flow had, to be used again, and the flow that of the result.
void xlate_result_exchange_basis(struct xlate_result *r, struct xlate_basis *b);
// Applies the effects on stations.  True when one changed an answer that others may rest on.
bool xlate_apply_effects(const struct xlate_basis *b);
// Has the rules learned that traffic asks for, soon (learn.h). Only of an answer that is current: others ask for what is no more.
void xlate_learn_rules(const struct xlate_basis *b);
// Of a packet that is not counted, these TCP flags: shortens the rules that it would.
void xlate_end_connection(const struct xlate_basis *b, uint16_t tcp_flags);
// True when the result still holds as far as its dependencies and rules go. Remembers what it found unconcerned, so that it is
// not looked at again.
bool xlate_is_current(struct xlate_basis *b);
void xlate_credit_apply(const struct xlate_credit *c, const struct traffic *t);
// What a megaflow is to do: the actions, or to hand each packet to the slow path. In 'r' or 'storage'.
struct dp_actions xlate_flow_actions(const struct xlate_result *r, struct strbuf *storage);
const char *xlate_error_text(enum xlate_error e);
// Errors of the moment: the next packet may fare better, so no megaflow is made of this answer.
bool xlate_error_passes(enum xlate_error e);
