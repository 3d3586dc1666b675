// SPDX-License-Identifier: Apache-2.0
// What the files of translation share.
#pragma once

#include "core/base/vec.h"
#include "ofproto/pipeline/switch-private.h"
#include "ofproto/pipeline/xlate.h"

#define MAX_DEPTH 64
#define MAX_RESUBMITS 4096
// How often a packet may go round.
#define MAX_PASSES 32
// How often groups may be asked whether they are alive because others watch them.
#define MAX_WATCHED 1024
// How much a packet may carry from one table to the next.
#define MAX_STACK_BYTES 65536

// A line of the trace. Steps form a tree: those of a table are one level below it, those of a bridge likewise.
struct trace_step {
	enum { STEP_BRIDGE, STEP_TABLE, STEP_ACTION, STEP_BUCKET, STEP_DETAIL } kind;
	unsigned int level;
	char *text;
};

typedef VEC(struct trace_step) trace_steps;

// A list of actions being carried out, and the one that it was called from: what is still to come.
struct frame {
	struct acts rest;
	const struct rule *rule;
	uint64_t cookie; // where there is no rule
	uint8_t table;
	const struct frame *outer; // NULL: none within this bridge or clone
};

struct xlate_ctx {
	const struct xlate_input *in;
	struct xlate_result *ret;
	struct of_switch *sw; // changes when a patch port is crossed
	struct of_switch *entry; // where the packet came in, or goes on
	// Of 'sw': taken once for each switch that the packet comes through, and used for all that is looked up there.
	uint64_t version;
	uint16_t passed; // which of the basis's it is
	struct flow_key flow; // as the pipeline sees the packet now
	struct flow_key base; // as the datapath's actions so far have left it
	// Bits of 'flow' that do not depend on bits of the original packet outside the mask: looking at them costs nothing.
	struct flow_mask known;
	struct seen seen; // by the table that was tried last
	// Since then 'flow', 'known' and the result's mask have changed in these words alone; 'touched_all': maybe in all.
	struct flowmap touched;
	bool touched_all;
	struct flow_mask base_known; // same for 'base'
	// Bits of 'base' that the datapath may have changed by itself (address translation).
	struct flow_mask base_lost;
	struct flow_mask written; // header bits of 'flow' to be committed before the next output
	// Bits of the tunnel that the pipeline has written: they go round with the packet.
	struct flow_mask tunnel_set;
	// The outer header that the packet came with; NULL: none that counts, as it was set here.
	const struct flow_tunnel *came;
	// Actions so far that changed what the datapath knows of the packet's connection.
	unsigned int n_ct;
	unsigned int n_headers; // likewise, that put whole headers on the packet or took them off
	unsigned int n_meters; // actions so far that may end the packet
	// Labels of 'base'; of these the innermost are still in 'flow', where others may have been pushed since.
	unsigned int n_base_labels, n_kept_labels;
	// The last label has been popped: nobody has seen yet what is behind it, and 'flow' has none of it.
	bool unparsed;
	// The header that 'flow' begins with and the datapath's actions have not yet: it is put on with what is set in it meanwhile.
	const struct act *encap; // NULL: none
	struct strbuf action_set; // struct act list: write_actions
	struct strbuf stack; // what push has put there, see xlate-stack.c
	uint8_t table;
	const struct rule *
		rule; // whose actions run, NULL: packet_out, or one that was found before the packet went round
	uint64_t cookie; // of that one; UINT64_MAX: packet_out
	const struct frame *frame;
	unsigned int depth, resubmits;
	unsigned int watching,
		watched; // groups that are asked whether they are alive: one for the other now, and all
	unsigned int passes; // how often the packet has been round already
	trace_steps steps;
	unsigned int level; // of the step that comes next
	bool exit;
	bool list_ends; // the rest of this list of actions is left out, not that of outer ones
	bool in_action_set;
	bool in_group; // a bucket's own actions
	const struct rule *
		first_rule; // that the packet met in this switch; its action set is told of as that one's
	bool in_clone; // the action set is not this packet's
	bool samples; // there is a sample
};

// What a controller is sent.
struct to_controller {
	uint16_t max_len, id;
	uint8_t reason;
	const uint8_t *userdata;
	size_t n_userdata;
	bool pause; // the packet goes on when the controller says so
	uint32_t meter; // of its own, 0: none
};

static inline void ctx_touch(struct xlate_ctx *ctx, size_t word)
{
	flowmap_add(&ctx->touched, word);
}

// Dependence on bits of the current key ('mask' in terms of ctx->flow).
void ctx_look_at(struct xlate_ctx *ctx, const struct flow_mask *mask);
void ctx_look_at_word(struct xlate_ctx *ctx, size_t word, uint64_t bits);
void ctx_look_at_field(struct xlate_ctx *ctx, const struct field *f);
void ctx_look_at_bits(struct xlate_ctx *ctx, const struct subfield *sf);
// The VLAN tags are one unit: which there are, and what they hold.
void ctx_look_at_vlans(struct xlate_ctx *ctx);
// Whether the packet has the field: that it has not is part of the decision, too.
bool ctx_has_field(struct xlate_ctx *ctx, const struct field *f);
// Notes that 'bits' of ctx->flow have been written from known values.
void ctx_wrote(struct xlate_ctx *ctx, const struct flow_mask *bits);
void ctx_write_field(struct xlate_ctx *ctx, const struct field *f, const uint8_t *value,
		     const uint8_t *mask);
// 'value' is right-aligned, as subfield_write() has it.
void ctx_write_bits(struct xlate_ctx *ctx, const struct subfield *sf,
		    const union field_value *value);
// The same of up to 64 bits; what has no room in the slice is left out.
void ctx_write_number(struct xlate_ctx *ctx, const struct subfield *sf, uint64_t n);
// Emits the datapath actions that turn 'base' into 'flow'.
void ctx_commit(struct xlate_ctx *ctx);
// The same but for tags.
void ctx_commit_fields(struct xlate_ctx *ctx);
// Labels of MPLS that a key shows.
unsigned int mpls_count(const struct flow_key *k);
bool mpls_is_committed(const struct xlate_ctx *ctx);
// Emits pops and pushes. Looked at are all labels that stay.
void mpls_commit(struct xlate_ctx *ctx);

void xlate_actions(struct xlate_ctx *ctx, struct acts a);
// Carries out what is still to come of all lists, and the action set: for an action that has to see to the end itself. The
// caller then sets 'exit', so that nothing runs twice.
void xlate_rest(struct xlate_ctx *ctx);
void xlate_action_set(struct xlate_ctx *ctx);
// Of the kinds that have files of their own.
void xlate_ct(struct xlate_ctx *ctx, const struct act *a);
void xlate_ct_clear(struct xlate_ctx *ctx, const struct act *a);
void xlate_learn(struct xlate_ctx *ctx, const struct act *a);
void xlate_fin_timeout(struct xlate_ctx *ctx, const struct act *a);
// Whether a learn action's answer that its limit has still holds.
bool xlate_learned_is_current(const struct xlate_dep *d);
void xlate_check_pkt_larger(struct xlate_ctx *ctx, const struct act *a);
void xlate_group(struct xlate_ctx *ctx, const struct act *a);
void xlate_stack_push(struct xlate_ctx *ctx, const struct act *a);
void xlate_stack_pop(struct xlate_ctx *ctx, const struct act *a);
// False (and the translation fails) when there is more on the stack than may go to another table.
bool xlate_stack_fits(struct xlate_ctx *ctx);
void xlate_multipath(struct xlate_ctx *ctx, const struct act *a);
void xlate_bundle(struct xlate_ctx *ctx, const struct act *a);
// Of addresses and, where there are ports, those: the same for both directions of a connection, and for all of its packets.
uint64_t xlate_hash_connection(struct xlate_ctx *ctx, uint64_t basis);
// Of the switch that the packet is in.
bool ctx_port_is_alive(const struct xlate_ctx *ctx, of_port_t number);
void xlate_push_mpls(struct xlate_ctx *ctx, const struct act *a);
void xlate_pop_mpls(struct xlate_ctx *ctx, const struct act *a);
// With or without an Ethernet header before it. False: there is none, or it cannot be done.
bool mpls_pop(struct xlate_ctx *ctx, be16 ethertype);
// A label before everything, the Ethernet header too. False: there are too many.
bool mpls_encap(struct xlate_ctx *ctx, be16 ethertype);
void xlate_set_mpls_label(struct xlate_ctx *ctx, const struct act *a);
void xlate_set_mpls_tc(struct xlate_ctx *ctx, const struct act *a);
void xlate_set_mpls_ttl(struct xlate_ctx *ctx, const struct act *a);
void xlate_dec_mpls_ttl(struct xlate_ctx *ctx, const struct act *a);
void xlate_encap(struct xlate_ctx *ctx, const struct act *a);
void xlate_decap(struct xlate_ctx *ctx, const struct act *a);
// From a header on the packet has nothing that could be matched.
void ctx_hide_headers(struct xlate_ctx *ctx, size_t first_word);
// At the pipeline's entry: what a packet without an Ethernet header has nothing of.
void xlate_know_bare(struct xlate_ctx *ctx);
// Emits the header that is to come.
void encap_commit(struct xlate_ctx *ctx);
// What the datapath shows of its packet is 'flow' from the Ethernet header on, or from the network header on.
void ctx_base_is_flow(struct xlate_ctx *ctx, size_t first_word);
void xlate_set_queue(struct xlate_ctx *ctx, const struct act *a);
void xlate_pop_queue(struct xlate_ctx *ctx, const struct act *a);
void xlate_enqueue(struct xlate_ctx *ctx, const struct act *a);
// Before an output: marks an IP packet as the port's queue wants it. True: behind the output it gets back what it had.
bool xlate_mark_begin(struct xlate_ctx *ctx, const struct of_port *p, uint8_t *ret_before);
void xlate_mark_end(struct xlate_ctx *ctx, uint8_t before);
// Gives up. False.
bool xlate_fail(struct xlate_ctx *ctx, enum xlate_error e);
// Gives back references, not memory.
void xlate_basis_clear(struct xlate_basis *b);
// False (and the translation fails) when there have been too many tables, patches or branches.
bool xlate_may_go_deeper(struct xlate_ctx *ctx);
// The same for what is no table: a clone. Its copy of the packet is on our stack.
bool xlate_may_nest(struct xlate_ctx *ctx);
// Keeps what the pipeline knows of the packet now, to go on in 'table' when it comes back. 0: it failed.
uint32_t ctx_freeze(struct xlate_ctx *ctx, uint8_t table, bool tracked);
// The same for a packet that a controller is sent; one that is paused goes on with all that was still to come.
uint32_t ctx_freeze_for_controller(struct xlate_ctx *ctx, const struct to_controller *c);
// Does the action look at headers that nobody has seen yet ('unparsed')?
bool xlate_needs_headers(struct xlate_ctx *ctx, const struct act *a);
// The packet goes round, so that the datapath parses it again, and all that was still to come (frames) is carried out when it comes
// back.
void xlate_parse_again(struct xlate_ctx *ctx);
// Where such a packet goes on. False: it is not one.
bool xlate_resume_actions(struct xlate_ctx *ctx, const struct recirc_state *s);
// From here on the packet is one that connection tracking has not seen.
void ctx_hide_connection(struct xlate_ctx *ctx);
bool ctx_connection_is_hidden(const struct xlate_ctx *ctx);
// Appends what write_actions has collected, as it would be executed (struct act list).
void action_set_in_order(const struct xlate_ctx *ctx, struct strbuf *out);
// A packet for which there is no rule goes to the controller only where the pipeline has led it: who tries a table goes on
// himself. With _CT, the look-up sees the addresses and ports of the connection's first packet in place of this one's.
enum xlate_entry { XLATE_GOTO, XLATE_RESUBMIT, XLATE_RESUBMIT_CT };
void xlate_table(struct xlate_ctx *ctx, of_port_t in_port, uint8_t table, enum xlate_entry entry);
void xlate_tell_miss(struct xlate_ctx *ctx);
// To a port by number, reserved ones included.
void xlate_output(struct xlate_ctx *ctx, of_port_t port, uint16_t max_len);
// To one real port (or through a patch). 'trunc' bytes at most, 0: all.
void xlate_output_port(struct xlate_ctx *ctx, struct of_port *p, uint32_t trunc);
void xlate_flood(struct xlate_ctx *ctx, bool all);
void xlate_normal(struct xlate_ctx *ctx);
// At the pipeline's entry: what came with a packet out of a tunnel. False: it is dropped.
bool xlate_tunnel_receive(struct xlate_ctx *ctx);
// From here on, and where it comes back from connection tracking, the packet is one that came without.
void xlate_tunnel_hide(struct xlate_ctx *ctx);
// Where a packet goes on that came back.
void xlate_tunnel_resume(struct xlate_ctx *ctx);
// Before the packet goes round: where a header has been set for a port, the one that it came with is kept with what is known of it.
void xlate_tunnel_freeze(struct xlate_ctx *ctx);
// Before an output: the outer header where the port is a tunnel. False: it does not go.
bool xlate_tunnel_send(struct xlate_ctx *ctx, const struct of_port *p);
// The outer header that the packet would get at a tunnel's port, for a sample that tells of it.
void xlate_tunnel_aim(struct xlate_ctx *ctx, const struct of_port *p);
// Behind the output; 'mark' and 'packet_type' are what the packet had before.
void xlate_tunnel_sent(struct xlate_ctx *ctx, uint32_t mark, be32 packet_type);
// Takes a tunnel option off the packet.
void xlate_delete_field(struct xlate_ctx *ctx, const struct act *a);
bool xlate_is_tunnel(const struct of_port *p);
// Is the port a tunnel whose packets have an Ethernet header in the pipeline alone? A switch that learns does not flood there.
bool xlate_is_layer3(const struct of_port *p);
// Does a packet without an Ethernet header go out there? False: it is dropped, and the trace says why.
bool xlate_takes_bare(struct xlate_ctx *ctx, const struct of_port *p);
void xlate_controller(struct xlate_ctx *ctx, const struct to_controller *c);
// Appends a userspace action that goes to controllers; 'meter' is the action's own, 0: none.
void xlate_put_controller(struct xlate_ctx *ctx, uint32_t meter, const struct dp_action *a);
void xlate_sample(struct xlate_ctx *ctx, const struct act *a);
// The datapath's number of a meter of this bridge, 0: it is not there. The answer is one as long as it stays so.
uint32_t xlate_meter(struct xlate_ctx *ctx, uint32_t id);
// Where the bridge itself samples: what comes in, and before an output.
void xlate_sample_input(struct xlate_ctx *ctx);
void xlate_sample_output(struct xlate_ctx *ctx, const struct of_port *p);
// In the end: samples of a packet that goes nowhere say so.
void xlate_note_dropped(struct xlate_ctx *ctx);
// Each packet is translated from now on, because of something that no datapath does.
void xlate_slow_path(struct xlate_ctx *ctx, enum slow_path_reason why);
// The packet goes to the controllers that want to hear of it, and the list of actions ends.
void xlate_ttl_expired(struct xlate_ctx *ctx, uint16_t controller_id);

// A side path (clone, patch port) whose changes to the packet must not be seen behind it. Its datapath actions stand in
// a clone when they change the packet, in line when they do not.
struct isolation {
	struct flow_key flow, base;
	struct flow_mask known, base_known, base_lost, written, tunnel_set;
	struct strbuf action_set, stack;
	const struct frame *frame;
	unsigned int n_ct, n_meters, n_headers, n_base_labels, n_kept_labels;
	bool unparsed;
	const struct act *encap;
	size_t begin, body;
};

void isolate_begin(struct xlate_ctx *ctx, struct isolation *iso);
void isolate_end(struct xlate_ctx *ctx, struct isolation *iso);
// The same, where the datapath can set back what was changed: then the actions stand in line, and what the packet had is set
// again before it is sent behind them.
void isolate_end_in_line(struct xlate_ctx *ctx, struct isolation *iso);
// The state of the packet alone, for a branch whose actions have their place: saved, and given back.
void ctx_save(struct xlate_ctx *ctx, struct isolation *iso);
void ctx_restore(struct xlate_ctx *ctx, struct isolation *iso);
void ctx_depend(struct xlate_ctx *ctx, struct xlate_dep dep);
void ctx_credit(struct xlate_ctx *ctx, struct xlate_credit c);
// Notes a step of the trace, or a detail of the step before. Nothing without a trace.
void ctx_step(struct xlate_ctx *ctx, int kind, const char *fmt, ...) PRINTF(3, 4);
#define ctx_report(ctx, ...) ctx_step(ctx, STEP_DETAIL, __VA_ARGS__)
// How ports are called in the switch that the packet is in: 'storage', or NULL for numbers.
const struct port_names *ctx_names(const struct xlate_ctx *ctx, struct port_names *storage);
void ctx_report_action(struct xlate_ctx *ctx, const struct act *a);
// "-> FIELD is now VALUE".
void ctx_report_value(struct xlate_ctx *ctx, const struct subfield *sf, const struct flow_key *key);
// What a move makes of the field that it writes to: 'bits' of 'value'.
void move_value(const struct act *a, const struct flow_key *key, union field_value *value,
		union field_value *bits);
// Writes the steps as ofproto/trace shows them, and frees them.
void trace_finish(trace_steps *steps, struct strbuf *out);
static inline bool ctx_traced(const struct xlate_ctx *ctx)
{
	return ctx->in->trace != NULL;
}
